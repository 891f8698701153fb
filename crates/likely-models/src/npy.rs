//! Rows of numbers from a file of `numpy.save`, for parameters too large to stand in a spec.

use crate::BuildError;
use likely_numpy::{Header, Number, NumpyError};
use ndarray::Array2;
use std::path::Path;

/// A matrix, or a vector as its one column, of little-endian `f4` or `f8` in C order; every number is finite.
pub(crate) fn read(path: &Path) -> Result<Array2<f64>, BuildError> {
    let bytes =
        std::fs::read(path).map_err(|source| BuildError::Read { path: path.to_path_buf(), source })?;
    parse(&bytes).map_err(|reason| BuildError::File { path: path.to_path_buf(), reason })
}

fn parse(bytes: &[u8]) -> Result<Array2<f64>, String> {
    let in_words = |error: NumpyError| error.to_string();
    let (header, data) = Header::split(bytes).map_err(in_words)?;
    header.check_rows().map_err(in_words)?;
    let number = header.number(&Number::FLOATS).map_err(in_words)?;
    header.check_length(number.width(), data.len() as u64).map_err(in_words)?;
    let (rows, columns) = match header.shape[..] {
        [rows] => (rows as usize, 1),
        [rows, columns] => (rows as usize, columns as usize),
        _ => return Err(header.other_shape("one or two axes").to_string()),
    };
    let mut values = Vec::with_capacity(data.len() / number.width());
    number.decode(data, &mut values);
    if let Some(bad) = values.iter().position(|x| !x.is_finite()) {
        let (row, column) = (bad / columns, bad % columns);
        return Err(format!("row {row}, column {column} is {}; every number must be finite", values[bad]));
    }
    Array2::from_shape_vec((rows, columns), values).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn file(header: &str, data: &[u8]) -> Vec<u8> {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(data);
        bytes
    }

    #[test]
    fn both_widths_are_read() {
        let eight: Vec<u8> = [1.5_f64, -2.0, 0.25, 4.0].iter().flat_map(|x| x.to_le_bytes()).collect();
        let four: Vec<u8> = [1.5_f32, -2.0, 0.25, 4.0].iter().flat_map(|x| x.to_le_bytes()).collect();
        let expected = array![[1.5, -2.0], [0.25, 4.0]];
        for (descr, data) in [("<f8", &eight), ("<f4", &four)] {
            let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': (2, 2), }}\n");
            assert_eq!(parse(&file(&header, data)).unwrap(), expected);
        }
        let header = "{'descr': '<f8', 'fortran_order': False, 'shape': (4,), }\n";
        assert_eq!(parse(&file(header, &eight)).unwrap().dim(), (4, 1));
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        let good = "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 1), }\n";
        let number = 1.0_f64.to_le_bytes();
        let refused = |bytes: &[u8], word: &str| {
            let reason = parse(bytes).unwrap_err();
            assert!(reason.contains(word), "{reason}");
        };
        refused(b"", "does not start");
        refused(b"\x93NUMPY\x01", "inside its header");
        refused(b"\x93NUMPY\x04\x00\x00\x00", "version is 4");
        refused(&file(good, &number)[..20], "inside its header");
        refused(&file(good, &number[..7]), "the file holds 7");
        refused(&file(good, &f64::NAN.to_le_bytes()), "row 0, column 0");
        refused(&file(&good.replace("<f8", "<i8"), &number), "<f4, <f8 are read");
        refused(&file(&good.replace("False", "True"), &number), "by columns");
        refused(&file(&good.replace("(1, 1)", "(1, 1, 1)"), &number), "one or two axes");
        refused(&file(&good.replace("(1, 1)", "(18446744073709551615, 2)"), &number), "than any file");
        refused(&file(&good.replace("shape", "size"), &number), "each of the keys");
    }
}
