//! Arrays as `numpy.save` writes them.

use super::{DataError, Points, numbered};
use ndarray::{Array2, ShapeBuilder};
use std::path::Path;

/// Longest header that is read; that of a matrix has about a hundred bytes.
const MOST_HEADER_BYTES: usize = 65_536;

/// What the header says.
#[derive(Debug, PartialEq, Eq)]
struct Header {
    descr: String,
    fortran_order: bool,
    shape: Vec<u64>,
}

/// Parses `bytes`. The size that the header claims is compared with that of the file before anything is allocated.
///
/// # Source
/// The format as numpy documents it (`numpy.lib.format`), versions 1.0 to 3.0.
pub(super) fn parse(path: &Path, bytes: &[u8]) -> Result<Points, DataError> {
    let not_npy = |reason| DataError::NotNpy { path: path.to_owned(), reason };
    let rest = bytes
        .strip_prefix(b"\x93NUMPY")
        .ok_or_else(|| not_npy("it does not start with the six bytes \\x93NUMPY"))?;
    let [major, _minor, rest @ ..] = rest else { return Err(not_npy("it ends before its version")) };
    let (length, header_at) = match (major, rest) {
        (1, [a, b, ..]) => (usize::from(u16::from_le_bytes([*a, *b])), 10),
        (2 | 3, [a, b, c, d, ..]) => (u32::from_le_bytes([*a, *b, *c, *d]) as usize, 12),
        (1..=3, _) => return Err(not_npy("it ends inside its header")),
        _ => return Err(not_npy("its version is not 1, 2 or 3")),
    };
    if length > MOST_HEADER_BYTES {
        return Err(not_npy("its header is longer than 65536 bytes"));
    }
    let Some(text) = bytes.get(header_at..header_at + length) else {
        return Err(not_npy("it ends inside its header"));
    };
    let header = Parser { text, at: 0 }.header().map_err(|(at, expected)| DataError::NpyHeader {
        path: path.to_owned(),
        at: header_at + at,
        expected,
    })?;
    numbers(path, &header, &bytes[header_at + length..])
}

fn numbers(path: &Path, header: &Header, data: &[u8]) -> Result<Points, DataError> {
    let (item, read): (u64, fn(&[u8]) -> f64) = match header.descr.as_str() {
        "<f8" => (8, |b| f64::from_le_bytes(eight(b))),
        "<f4" => (4, |b| f64::from(f32::from_le_bytes(four(b)))),
        // Beyond 2^53 integers collapse onto each other as floats, so they are made to fail the check of finiteness.
        "<i8" => (8, |b| {
            let value = i64::from_le_bytes(eight(b));
            if value.unsigned_abs() <= 1 << f64::MANTISSA_DIGITS { value as f64 } else { f64::NAN }
        }),
        "<i4" => (4, |b| f64::from(i32::from_le_bytes(four(b)))),
        _ => return Err(DataError::NpyType { path: path.to_owned(), descr: header.descr.clone() }),
    };
    let claimed = header.shape.iter().try_fold(item, |product, &n| product.checked_mul(n));
    if claimed != Some(data.len() as u64) {
        return Err(DataError::NpyLength {
            path: path.to_owned(),
            shape: shape_text(&header.shape),
            claimed,
            found: data.len() as u64,
        });
    }
    let (rows, columns) = match header.shape[..] {
        [points] => (points as usize, 1),
        [points, coordinates] => (points as usize, coordinates as usize),
        _ => return Err(DataError::NpyAxes { path: path.to_owned(), axes: header.shape.len() }),
    };
    if rows == 0 || columns == 0 {
        return Err(DataError::NoPoints { path: path.to_owned() });
    }
    let values: Vec<f64> = data.chunks_exact(item as usize).map(read).collect();
    let shape = (rows, columns).set_f(header.fortran_order);
    let Ok(values) = Array2::from_shape_vec(shape, values) else {
        return Err(DataError::NoPoints { path: path.to_owned() });
    };
    if let Some(((row, column), _)) = values.indexed_iter().find(|(_, value)| !value.is_finite()) {
        let at = if header.fortran_order { column * rows + row } else { row * columns + column };
        let bytes = &data[at * item as usize..][..item as usize];
        let value = if header.descr == "<i8" {
            i64::from_le_bytes(eight(bytes)).to_string()
        } else {
            values[(row, column)].to_string()
        };
        return Err(DataError::NpyValue { path: path.to_owned(), row, column, value });
    }
    Ok(Points { names: numbered(columns), values: values.as_standard_layout().into_owned() })
}

fn four(bytes: &[u8]) -> [u8; 4] {
    bytes.try_into().expect("chunks of four bytes are cut")
}

fn eight(bytes: &[u8]) -> [u8; 8] {
    bytes.try_into().expect("chunks of eight bytes are cut")
}

fn shape_text(shape: &[u64]) -> String {
    let numbers: Vec<String> = shape.iter().map(ToString::to_string).collect();
    format!("({})", numbers.join(", "))
}

/// Reads the Python dictionary of a header, and nothing else of Python.
struct Parser<'a> {
    text: &'a [u8],
    at: usize,
}

/// The byte of the header and what should stand there.
type Expected = (usize, &'static str);

impl Parser<'_> {
    fn header(mut self) -> Result<Header, Expected> {
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
            (Some(descr), Some(fortran_order), Some(shape)) => Ok(Header { descr, fortran_order, shape }),
            _ => Err((end, "each of the keys descr, fortran_order and shape once")),
        }
    }

    fn skip_blanks(&mut self) {
        while self.text.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
    }

    fn next_is(&mut self, byte: u8) -> bool {
        self.skip_blanks();
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
        self.skip_blanks();
        let expected = (self.at, "a quoted string");
        let quote = *self.text.get(self.at).filter(|&&byte| byte == b'\'' || byte == b'"').ok_or(expected)?;
        let body = &self.text[self.at + 1..];
        let end = body.iter().position(|&byte| byte == quote || byte == b'\\').ok_or(expected)?;
        if body[end] == b'\\' {
            return Err(expected);
        }
        self.at += end + 2;
        Ok(String::from_utf8_lossy(&body[..end]).into_owned())
    }

    fn boolean(&mut self) -> Result<bool, Expected> {
        self.skip_blanks();
        for (word, value) in [(&b"True"[..], true), (b"False", false)] {
            if self.text[self.at..].starts_with(word) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err((self.at, "True or False"))
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

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn file(version: u8, descr: &str, fortran: &str, shape: &str, data: &[u8]) -> Vec<u8> {
        let header = format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}   \n");
        let mut bytes = b"\x93NUMPY".to_vec();
        bytes.extend([version, 0]);
        if version == 1 {
            bytes.extend((header.len() as u16).to_le_bytes());
        } else {
            bytes.extend((header.len() as u32).to_le_bytes());
        }
        bytes.extend(header.as_bytes());
        bytes.extend(data);
        bytes
    }

    fn floats(values: &[f64]) -> Vec<u8> {
        values.iter().flat_map(|value| value.to_le_bytes()).collect()
    }

    fn read(bytes: &[u8]) -> Result<Points, String> {
        parse(Path::new("p.npy"), bytes).map_err(|error| error.to_string())
    }

    #[test]
    fn versions_types_and_orders_are_read() {
        let expected = array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]];
        let data = floats(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        for version in 1..=3 {
            let points = read(&file(version, "<f8", "False", "(2, 3)", &data)).unwrap();
            assert_eq!((points.values, points.names), (expected.clone(), numbered(3)));
        }
        let transposed = floats(&[1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
        assert_eq!(read(&file(1, "<f8", "True", "(2, 3)", &transposed)).unwrap().values, expected);
        let singles: Vec<u8> =
            [1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.0].iter().flat_map(|v| v.to_le_bytes()).collect();
        assert_eq!(read(&file(1, "<f4", "False", "(2, 3)", &singles)).unwrap().values, expected);
        let integers: Vec<u8> = (1..=6_i32).flat_map(i32::to_le_bytes).collect();
        assert_eq!(read(&file(1, "<i4", "False", "(2, 3)", &integers)).unwrap().values, expected);
        let integers: Vec<u8> = (1..=6_i64).flat_map(i64::to_le_bytes).collect();
        assert_eq!(read(&file(1, "<i8", "False", "(2, 3)", &integers)).unwrap().values, expected);
        assert_eq!(
            read(&file(1, "<f8", "False", "(3,)", &floats(&[1.0, 2.0, 3.0]))).unwrap().values,
            array![[1.0], [2.0], [3.0]]
        );
    }

    #[test]
    fn a_header_that_promises_the_world_allocates_nothing() {
        let found = read(&file(1, "<f8", "False", "(1152921504606846976, 2)", &floats(&[1.0]))).unwrap_err();
        assert_eq!(
            found,
            "p.npy: the header says shape (1152921504606846976, 2), but the file holds 8 bytes of numbers and no file \
             could hold that"
        );
        let found = read(&file(1, "<f8", "False", "(1152921504606846976,)", &[])).unwrap_err();
        assert!(found.contains("0 bytes of numbers"), "{found}");
        let found = read(&file(1, "<f8", "False", "(4294967296, 2)", &floats(&[1.0]))).unwrap_err();
        assert!(found.ends_with("where 68719476736 are needed"), "{found}");
        let found = read(&file(1, "<f8", "False", "(99999999999999999999, 2)", &[])).unwrap_err();
        assert!(found.contains("expected a number of at most 64 bits"), "{found}");
    }

    #[test]
    fn files_that_are_not_points_are_refused_with_the_reason() {
        let one = floats(&[1.0]);
        let cases: [(Vec<u8>, &str); 12] = [
            (b"1,2\n".to_vec(), "does not start with"),
            (b"\x93NUMPY".to_vec(), "ends before its version"),
            (b"\x93NUMPY\x01\x00\xff".to_vec(), "ends inside its header"),
            (b"\x93NUMPY\x01\x00\xff\xff{".to_vec(), "ends inside its header"),
            (b"\x93NUMPY\x02\x00\xff\xff\xff\xff{".to_vec(), "longer than 65536 bytes"),
            (b"\x93NUMPY\x09\x00\x01\x00{".to_vec(), "version is not 1, 2 or 3"),
            (file(1, ">f8", "False", "(1,)", &one), "numbers of type `>f8`"),
            (file(1, "|O", "False", "(1,)", &one), "numbers of type `|O`"),
            (file(1, "<f8", "False", "(1, 1, 1)", &one), "an array of 3 axes"),
            (file(1, "<f8", "False", "(0, 2)", &[]), "holds no points"),
            (file(1, "<f8", "Maybe", "(1,)", &one), "expected True or False"),
            (file(1, "<f8", "False", "(1, 2)", &floats(&[1.0, f64::NAN])), "row 0, column 1 (from 0) is NaN"),
        ];
        for (bytes, expected) in cases {
            let found = read(&bytes).unwrap_err();
            assert!(found.contains(expected), "{found} lacks {expected}");
        }
        let big = ((1_i64 << 53) + 1).to_le_bytes();
        assert!(read(&file(1, "<i8", "False", "(1,)", &big)).unwrap_err().contains("is 9007199254740993"));
    }

    #[test]
    fn a_truncated_file_never_panics() {
        let whole = file(1, "<f8", "False", "(2, 1)", &floats(&[1.0, 2.0]));
        for length in 0..whole.len() {
            assert!(read(&whole[..length]).is_err(), "{length} bytes");
        }
    }
}
