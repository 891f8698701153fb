//! The Python dictionary of a header, and nothing else of Python.

/// Reads the dictionary from its first byte on.
pub(crate) struct Dictionary<'a> {
    text: &'a [u8],
    at: usize,
}

/// The byte of the text and what should stand there.
type Expected = (usize, &'static str);

impl<'a> Dictionary<'a> {
    pub(crate) fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }

    /// The type of the numbers, whether they are stored by columns, and the shape.
    pub(crate) fn read(mut self) -> Result<(String, bool, Vec<u64>), Expected> {
        let (mut descr, mut fortran_order, mut shape) = (None, None, None);
        self.take(b'{', "`{`")?;
        while !self.next_is(b'}') {
            let key_at = self.at;
            let key = self.string()?;
            self.take(b':', "`:`")?;
            match key.as_str() {
                "descr" if descr.is_none() => descr = Some(self.string()?),
                "fortran_order" if fortran_order.is_none() => fortran_order = Some(self.boolean()?),
                "shape" if shape.is_none() => shape = Some(self.tuple()?),
                _ => return Err((key_at, "each of the keys descr, fortran_order and shape once")),
            }
            if !self.next_is(b'}') {
                self.take(b',', "`,` or `}`")?;
            }
        }
        let end = self.at;
        match (descr, fortran_order, shape) {
            (Some(descr), Some(fortran_order), Some(shape)) => Ok((descr, fortran_order, shape)),
            _ => Err((end, "each of the keys descr, fortran_order and shape once")),
        }
    }

    fn next_is(&mut self, byte: u8) -> bool {
        while self.text.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
        self.text.get(self.at) == Some(&byte)
    }

    fn take(&mut self, byte: u8, expected: &'static str) -> Result<(), Expected> {
        if !self.next_is(byte) {
            return Err((self.at, expected));
        }
        self.at += 1;
        Ok(())
    }

    fn string(&mut self) -> Result<String, Expected> {
        let quote = if self.next_is(b'"') { b'"' } else { b'\'' };
        self.take(quote, "a quoted string")?;
        let body = &self.text[self.at..];
        let end = body.iter().position(|&byte| byte == quote || byte == b'\\');
        let end = end.filter(|&end| body[end] == quote).ok_or((self.at, "a quoted string"))?;
        self.at += end + 1;
        Ok(String::from_utf8_lossy(&body[..end]).into_owned())
    }

    fn boolean(&mut self) -> Result<bool, Expected> {
        let value = self.next_is(b'T');
        let word: &[u8] = if value { b"True" } else { b"False" };
        if !self.text[self.at.min(self.text.len())..].starts_with(word) {
            return Err((self.at, "True or False"));
        }
        self.at += word.len();
        Ok(value)
    }

    fn tuple(&mut self) -> Result<Vec<u64>, Expected> {
        self.take(b'(', "`(`")?;
        let mut numbers = Vec::new();
        while !self.next_is(b')') {
            let digits = self.text[self.at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            let number = std::str::from_utf8(&self.text[self.at..self.at + digits])
                .ok()
                .and_then(|digits| digits.parse().ok())
                .ok_or((self.at, "a number of at most 64 bits"))?;
            numbers.push(number);
            self.at += digits;
            if !self.next_is(b')') {
                self.take(b',', "`,` or `)`")?;
            }
        }
        self.at += 1;
        Ok(numbers)
    }
}
