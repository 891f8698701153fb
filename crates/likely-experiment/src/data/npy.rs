//! Points from a file of `numpy.save`.

use super::{DataError, Points, numbered};
use likely_numpy::{Header, Number, NumpyError};
use ndarray::{Array2, ShapeBuilder};
use std::path::Path;

/// Types of numbers that points are saved as.
const NUMBERS: [Number; 4] = [Number::Single, Number::Double, Number::Integer, Number::LongInteger];

/// Parses `bytes`: one axis is points of one coordinate, two are points and coordinates.
pub(super) fn parse(path: &Path, bytes: &[u8]) -> Result<Points, DataError> {
    let refused = |problem: NumpyError| DataError::Numpy { path: path.to_owned(), problem };
    let (header, data) = Header::split(bytes).map_err(refused)?;
    let number = header.number(&NUMBERS).map_err(refused)?;
    header.check_length(number.width(), data.len() as u64).map_err(refused)?;
    let (rows, columns) = match header.shape[..] {
        [points] => (points as usize, 1),
        [points, coordinates] => (points as usize, coordinates as usize),
        _ => return Err(refused(header.other_shape("(points, coordinates)"))),
    };
    if rows == 0 || columns == 0 {
        return Err(DataError::NoPoints { path: path.to_owned() });
    }
    let mut values = Vec::with_capacity(rows * columns);
    number.decode(data, &mut values);
    let shape = (rows, columns).set_f(header.fortran_order);
    let Ok(values) = Array2::from_shape_vec(shape, values) else {
        return Err(DataError::NoPoints { path: path.to_owned() });
    };
    if let Some(((row, column), value)) = values.indexed_iter().find(|(_, value)| !value.is_finite()) {
        // Beyond 2^53 an integer has no float of its own, so it is named by its bytes.
        let at = if header.fortran_order { column * rows + row } else { row * columns + column };
        let value = match (number, data.as_chunks::<8>().0.get(at)) {
            (Number::LongInteger, Some(bytes)) => i64::from_le_bytes(*bytes).to_string(),
            _ => value.to_string(),
        };
        return Err(DataError::NpyValue { path: path.to_owned(), row, column, value });
    }
    Ok(Points { names: numbered(columns), values: values.as_standard_layout().into_owned() })
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
            "p.npy: its shape (1152921504606846976, 2) needs more bytes of numbers than any file has, and the file holds 8"
        );
        let found = read(&file(1, "<f8", "False", "(1152921504606846976,)", &[])).unwrap_err();
        assert!(found.ends_with("holds 0"), "{found}");
        let found = read(&file(1, "<f8", "False", "(4294967296, 2)", &floats(&[1.0]))).unwrap_err();
        assert!(found.contains("needs 68719476736 bytes of numbers"), "{found}");
        let found = read(&file(1, "<f8", "False", "(99999999999999999999, 2)", &[])).unwrap_err();
        assert!(found.contains("expected a number of at most 64 bits"), "{found}");
    }

    #[test]
    fn files_that_are_not_points_are_refused_with_the_reason() {
        let one = floats(&[1.0]);
        let cases: [(Vec<u8>, &str); 12] = [
            (b"1,2\n".to_vec(), "does not start with"),
            (b"\x93NUMPY".to_vec(), "ends inside its header"),
            (b"\x93NUMPY\x01\x00\xff".to_vec(), "ends inside its header"),
            (b"\x93NUMPY\x01\x00\xff\xff{".to_vec(), "ends inside its header"),
            (b"\x93NUMPY\x02\x00\xff\xff\xff\xff{".to_vec(), "longer than 65536 bytes"),
            (b"\x93NUMPY\x09\x00\x01\x00{".to_vec(), "version is 9; 1, 2 and 3 are read"),
            (file(1, ">f8", "False", "(1,)", &one), "numbers are of type `>f8`"),
            (file(1, "|O", "False", "(1,)", &one), "numbers are of type `|O`"),
            (
                file(1, "<f8", "False", "(1, 1, 1)", &one),
                "its shape is (1, 1, 1); needed is (points, coordinates)",
            ),
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
