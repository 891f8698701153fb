//! Arrays as `numpy.save` writes them, read from a stream.

use std::io::{self, Read};

/// Longest header that is read; that of a matrix has about a hundred bytes.
const MOST_HEADER_BYTES: u32 = 65_536;

/// What is wrong with an array in a file.
#[derive(Debug, thiserror::Error)]
pub enum NpyProblem {
    /// It does not begin as one does.
    #[error("it does not start with the six bytes \\x93NUMPY of numpy.save")]
    NotNpy,
    /// A version of the format that is not read.
    #[error("its version is {0}; 1, 2 and 3 are read")]
    Version(u8),
    /// The header is too long.
    #[error("its header is longer than 65536 bytes")]
    LongHeader,
    /// The header is not a dictionary of the three keys.
    #[error("its header cannot be read at byte {at}: expected {expected}")]
    Header {
        /// Byte of the header's text, from 0.
        at: usize,
        /// What should stand there.
        expected: &'static str,
    },
    /// Numbers of a type that is not read.
    #[error("its numbers are of type `{0}`; save it as float32 or float64")]
    Type(String),
    /// Too many or too few axes, or of other lengths.
    #[error("its shape is {found}; needed is {needed}")]
    Shape {
        /// The shape.
        found: String,
        /// What it should be.
        needed: String,
    },
    /// The claimed size is not that of the file.
    #[error("its shape {shape} needs {claimed} bytes of numbers, and the file holds {found}")]
    Length {
        /// The shape.
        shape: String,
        /// Bytes that it needs, or more than any file has.
        claimed: String,
        /// Bytes that are there.
        found: u64,
    },
    /// More than there is room for.
    #[error(
        "its {bytes} bytes are more than the {most} that are read into memory; write statistics with --statistics instead"
    )]
    Large {
        /// Bytes that it would take.
        bytes: u64,
        /// Bytes that are allowed.
        most: u64,
    },
    /// Reading failed, or the file ends too early, or its check sum is wrong.
    #[error("reading it: {0}")]
    Io(#[from] io::Error),
}

/// What the header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) descr: String,
    pub(super) fortran_order: bool,
    pub(super) shape: Vec<u64>,
    /// Bytes that it takes in the file.
    pub(super) length: u64,
}

impl Header {
    /// Reads a header; the numbers follow in the stream.
    ///
    /// # Source
    /// The format as numpy documents it (`numpy.lib.format`), versions 1.0 to 3.0.
    pub(super) fn read(stream: &mut impl Read) -> Result<Self, NpyProblem> {
        let mut start = [0; 8];
        let filled = fill(stream, &mut start)?;
        if filled < 8 || start[..6] != *b"\x93NUMPY" {
            return Err(NpyProblem::NotNpy);
        }
        let (length, before) = match start[6] {
            1 => {
                let mut length = [0; 2];
                stream.read_exact(&mut length)?;
                (u32::from(u16::from_le_bytes(length)), 10)
            }
            2 | 3 => {
                let mut length = [0; 4];
                stream.read_exact(&mut length)?;
                (u32::from_le_bytes(length), 12)
            }
            version => return Err(NpyProblem::Version(version)),
        };
        if length > MOST_HEADER_BYTES {
            return Err(NpyProblem::LongHeader);
        }
        let mut text = vec![0; length as usize];
        stream.read_exact(&mut text)?;
        let (descr, fortran_order, shape) = Parser { text: &text, at: 0 }
            .header()
            .map_err(|(at, expected)| NpyProblem::Header { at, expected })?;
        Ok(Self { descr, fortran_order, shape, length: before + u64::from(length) })
    }

    /// The type of its floats.
    pub(super) fn float(&self) -> Result<Float, NpyProblem> {
        match self.descr.as_str() {
            "<f4" => Ok(Float::Single),
            "<f8" => Ok(Float::Double),
            _ => Err(NpyProblem::Type(self.descr.clone())),
        }
    }

    /// Refuses a header whose numbers, of `item` bytes each, do not fill exactly the `found` bytes that follow it.
    pub(super) fn check_length(&self, item: u64, found: u64) -> Result<(), NpyProblem> {
        let claimed = self.shape.iter().try_fold(item, |product, &n| product.checked_mul(n));
        if claimed == Some(found) {
            return Ok(());
        }
        let claimed = claimed.map_or_else(|| "more than any file has".to_owned(), |bytes| bytes.to_string());
        Err(NpyProblem::Length { shape: self.shape_text(), claimed, found })
    }

    /// The shape as Python writes it.
    pub(super) fn shape_text(&self) -> String {
        let numbers: Vec<String> = self.shape.iter().map(ToString::to_string).collect();
        if let [only] = &numbers[..] { format!("({only},)") } else { format!("({})", numbers.join(", ")) }
    }

    /// Images and features of an array with two axes.
    pub(super) fn two_axes(&self) -> Result<(u64, u64), NpyProblem> {
        if let [rows, columns] = self.shape[..] {
            return Ok((rows, columns));
        }
        let needed = "two axes, (images, features)".to_owned();
        Err(NpyProblem::Shape { found: self.shape_text(), needed })
    }
}

/// Width of little-endian floats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Float {
    Single,
    Double,
}

impl Float {
    pub(super) fn bytes(self) -> usize {
        match self {
            Self::Single => 4,
            Self::Double => 8,
        }
    }

    /// The numbers in `bytes`, a whole number of them.
    pub(super) fn decode(self, bytes: &[u8], out: &mut Vec<f64>) {
        match self {
            Self::Single => {
                let (words, _) = bytes.as_chunks::<4>();
                out.extend(words.iter().map(|word| f64::from(f32::from_le_bytes(*word))));
            }
            Self::Double => {
                let (words, _) = bytes.as_chunks::<8>();
                out.extend(words.iter().map(|word| f64::from_le_bytes(*word)));
            }
        }
    }
}

/// Reads until `buffer` is full or the stream ends; how much came.
fn fill(stream: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match stream.read(&mut buffer[filled..])? {
            0 => break,
            more => filled += more,
        }
    }
    Ok(filled)
}

/// Header and bytes of an array of little-endian float64 in C order, as `numpy.save` begins it.
pub(super) fn start(descr: &str, shape: &str) -> Vec<u8> {
    let mut header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
    // Magic, version and length take ten bytes; the numbers start at a multiple of 64.
    while !(10 + header.len() + 1).is_multiple_of(64) {
        header.push(' ');
    }
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes
}

/// Reads the Python dictionary of a header, and nothing else of Python.
struct Parser<'a> {
    text: &'a [u8],
    at: usize,
}

/// The byte of the header and what should stand there.
type Expected = (usize, &'static str);

impl Parser<'_> {
    fn header(mut self) -> Result<(String, bool, Vec<u64>), Expected> {
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
