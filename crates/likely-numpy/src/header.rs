//! What stands before the numbers.

use crate::dictionary::Dictionary;
use crate::{Number, NumpyError};
use std::io::{self, Read};

/// Longest header that is read; that of a matrix has about a hundred bytes.
pub(crate) const MOST_BYTES: u32 = 65_536;

/// What the header of an array says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The type of its numbers, such as `<f8`.
    pub descr: String,
    /// Whether numbers of a column lie side by side, and not those of a row.
    pub fortran_order: bool,
    /// The shape.
    pub shape: Vec<u64>,
    /// Bytes that the header takes.
    pub length: u64,
}

impl Header {
    /// Reads a header; the numbers follow in the stream.
    ///
    /// # Errors
    /// [`NumpyError`].
    ///
    /// # Source
    /// The format as numpy documents it (`numpy.lib.format`), versions 1.0 to 3.0.
    pub fn read(stream: &mut impl Read) -> Result<Self, NumpyError> {
        let mut start = [0; 8];
        let filled = fill(stream, &mut start)?;
        if !start.starts_with(b"\x93NUMPY") {
            return Err(NumpyError::Magic);
        }
        if filled < start.len() {
            return Err(NumpyError::Short);
        }
        let mut length = [0; 4];
        let width = match start[6] {
            1 => 2,
            2 | 3 => 4,
            version => return Err(NumpyError::Version(version)),
        };
        whole(stream, &mut length[..width])?;
        let length = u32::from_le_bytes(length);
        if length > MOST_BYTES {
            return Err(NumpyError::LongHeader);
        }
        let before = (start.len() + width) as u64;
        let mut text = vec![0; length as usize];
        whole(stream, &mut text)?;
        let (descr, fortran_order, shape) = Dictionary::new(&text)
            .read()
            .map_err(|(at, expected)| NumpyError::Header { at: before + at as u64, expected })?;
        Ok(Self { descr, fortran_order, shape, length: before + u64::from(length) })
    }

    /// The header of an array that `bytes` hold, and the bytes of its numbers.
    ///
    /// # Errors
    /// As [`Header::read`].
    pub fn split(mut bytes: &[u8]) -> Result<(Self, &[u8]), NumpyError> {
        let header = Self::read(&mut bytes)?;
        Ok((header, bytes))
    }

    /// The type of its numbers, which must be one of `read`.
    ///
    /// # Errors
    /// [`NumpyError::Type`].
    pub fn number(&self, read: &[Number]) -> Result<Number, NumpyError> {
        read.iter().find(|number| number.is(&self.descr)).copied().ok_or_else(|| NumpyError::Type {
            found: self.descr.clone(),
            needed: read.iter().map(|number| number.descr()).collect::<Vec<_>>().join(", "),
        })
    }

    /// Refuses an array that is stored by columns.
    ///
    /// # Errors
    /// [`NumpyError::Columns`].
    pub fn check_rows(&self) -> Result<(), NumpyError> {
        if self.fortran_order { Err(NumpyError::Columns) } else { Ok(()) }
    }

    /// Refuses a header whose numbers, of `width` bytes each, do not fill exactly the `found` bytes that follow it.
    ///
    /// # Errors
    /// [`NumpyError::Length`].
    pub fn check_length(&self, width: usize, found: u64) -> Result<(), NumpyError> {
        let claimed = self.shape.iter().try_fold(width as u64, |product, &n| product.checked_mul(n));
        if claimed == Some(found) {
            return Ok(());
        }
        let claimed = claimed.map_or_else(
            || "more bytes of numbers than any file has".to_owned(),
            |bytes| format!("{bytes} bytes of numbers"),
        );
        Err(NumpyError::Length { shape: self.shape_text(), claimed, found })
    }

    /// That the shape is not what is needed.
    pub fn other_shape(&self, needed: impl Into<String>) -> NumpyError {
        NumpyError::Shape { found: self.shape_text(), needed: needed.into() }
    }

    /// The shape as Python writes it.
    pub fn shape_text(&self) -> String {
        let numbers: Vec<String> = self.shape.iter().map(ToString::to_string).collect();
        if let [only] = &numbers[..] { format!("({only},)") } else { format!("({})", numbers.join(", ")) }
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

/// Fills `buffer` with a part of a header.
fn whole(stream: &mut impl Read, buffer: &mut [u8]) -> Result<(), NumpyError> {
    if fill(stream, buffer)? == buffer.len() { Ok(()) } else { Err(NumpyError::Short) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{rows, start};

    #[test]
    fn what_is_written_is_read_again() {
        let bytes = rows(2, 3, &[1.0, 2.0, 3.0, 4.0, 5.0, -6.5]);
        let (header, data) = Header::split(&bytes).unwrap();
        assert_eq!(
            (header.descr.as_str(), header.fortran_order, &header.shape[..]),
            ("<f8", false, &[2, 3][..])
        );
        assert_eq!(header.length as usize + data.len(), bytes.len());
        assert!(header.length.is_multiple_of(64));
        header.check_length(8, data.len() as u64).unwrap();
        let mut values = Vec::new();
        header.number(&Number::FLOATS).unwrap().decode(data, &mut values);
        assert_eq!(values, [1.0, 2.0, 3.0, 4.0, 5.0, -6.5]);
    }

    #[test]
    fn a_header_that_is_cut_or_of_another_kind_is_refused() {
        let whole = start("<f4", "(7,)");
        for length in 0..whole.len() {
            let error = Header::split(&whole[..length]).unwrap_err();
            let magic = length < 6;
            assert_eq!(matches!(error, NumpyError::Magic), magic, "{length}: {error}");
            assert_eq!(matches!(error, NumpyError::Short), !magic, "{length}: {error}");
        }
        let with = |from: &str, to: &str| {
            let text = String::from_utf8_lossy(&whole[10..]).replace(from, to);
            let mut bytes = b"\x93NUMPY\x03\x00".to_vec();
            bytes.extend((text.len() as u32).to_le_bytes());
            bytes.extend(text.as_bytes());
            Header::split(&bytes).map(|(header, _)| header)
        };
        assert_eq!(with("(7,)", "( 7 ,8)").unwrap().shape, [7, 8]);
        assert_eq!(with("'", "\"").unwrap().descr, "<f4");
        for (from, to, expected) in [
            ("'shape'", "'size'", "each of the keys"),
            ("False", "Maybe", "True or False"),
            ("(7,)", "7", "`(`"),
            ("(7,)", "(99999999999999999999,)", "at most 64 bits"),
            ("'<f4'", "'<f4", "`,` or `}`"),
        ] {
            let error = with(from, to).unwrap_err().to_string();
            assert!(error.contains(expected), "{to}: {error}");
        }
        let many =
            with("(7,)", "(9223372036854775808, 3)").unwrap().check_length(4, 0).unwrap_err().to_string();
        assert!(many.contains("than any file has"), "{many}");
    }
}
