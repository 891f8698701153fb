//! Rows of numbers from a file of `numpy.save`, for parameters too large to stand in a spec.

use crate::BuildError;
use ndarray::Array2;
use std::path::Path;

/// A matrix, or a vector as its one column, of little-endian `f4` or `f8` in C order; every number is finite.
///
/// # Source
/// The format as numpy documents it (`numpy.lib.format`), versions 1.0 to 3.0.
pub(crate) fn read(path: &Path) -> Result<Array2<f64>, BuildError> {
    let bytes =
        std::fs::read(path).map_err(|source| BuildError::Read { path: path.to_path_buf(), source })?;
    parse(&bytes).map_err(|reason| BuildError::File { path: path.to_path_buf(), reason })
}

fn parse(bytes: &[u8]) -> Result<Array2<f64>, String> {
    let cut = || "the file ends inside its header".to_owned();
    let rest = bytes.strip_prefix(b"\x93NUMPY").ok_or("it is not a file of numpy.save")?;
    let (header, data) = match rest {
        [1, _, a, b, rest @ ..] => {
            rest.split_at_checked(usize::from(u16::from_le_bytes([*a, *b]))).ok_or_else(cut)?
        }
        [2 | 3, _, a, b, c, d, rest @ ..] => {
            rest.split_at_checked(u32::from_le_bytes([*a, *b, *c, *d]) as usize).ok_or_else(cut)?
        }
        [1..=3, ..] | [] => return Err(cut()),
        [version, ..] => return Err(format!("its version is {version}; 1, 2 and 3 are read")),
    };
    let header = std::str::from_utf8(header).map_err(|_| "its header is not a text")?;
    let entry = |key: &str| {
        let quoted = format!("'{key}':");
        header
            .split_once(&quoted)
            .map(|(_, rest)| rest.trim_start())
            .ok_or(format!("its header has no {key}"))
    };
    let kind = entry("descr")?;
    let (width, number): (usize, fn(&[u8]) -> f64) = if kind.starts_with("'<f8'") {
        (8, |b| f64::from_le_bytes(b.try_into().expect("chunks of eight bytes are cut")))
    } else if kind.starts_with("'<f4'") {
        (4, |b| f64::from(f32::from_le_bytes(b.try_into().expect("chunks of four bytes are cut"))))
    } else {
        return Err("its numbers are neither <f8 nor <f4; save it as float64".into());
    };
    if !entry("fortran_order")?.starts_with("False") {
        return Err("it is stored by columns; save numpy.ascontiguousarray of it".into());
    }
    let shape = entry("shape")?.strip_prefix('(').and_then(|rest| rest.split_once(')'));
    let (shape, _) = shape.ok_or("its header has no shape")?;
    let axes: Vec<usize> = shape
        .split(',')
        .map(str::trim)
        .filter(|axis| !axis.is_empty())
        .map(|axis| axis.parse().map_err(|_| format!("its shape is ({shape})")))
        .collect::<Result<_, _>>()?;
    let (rows, columns) = match axes[..] {
        [rows] => (rows, 1),
        [rows, columns] => (rows, columns),
        _ => return Err(format!("its shape is ({shape}); one or two axes are needed")),
    };
    // Compared before anything is allocated.
    if rows.checked_mul(columns).and_then(|count| count.checked_mul(width)) != Some(data.len()) {
        return Err(format!("its shape ({shape}) does not fit its {} bytes of numbers", data.len()));
    }
    let values: Vec<f64> = data.chunks_exact(width).map(number).collect();
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
        refused(b"", "not a file");
        refused(b"\x93NUMPY\x01", "inside its header");
        refused(b"\x93NUMPY\x04\x00\x00\x00", "version is 4");
        refused(&file(good, &number)[..20], "inside its header");
        refused(&file(good, &number[..7]), "7 bytes");
        refused(&file(good, &f64::NAN.to_le_bytes()), "row 0, column 0");
        refused(&file(&good.replace("<f8", "<i8"), &number), "float64");
        refused(&file(&good.replace("False", "True"), &number), "by columns");
        refused(&file(&good.replace("(1, 1)", "(1, 1, 1)"), &number), "axes");
        refused(&file(&good.replace("(1, 1)", "(18446744073709551615, 2)"), &number), "does not fit");
        refused(&file(&good.replace("shape", "size"), &number), "no shape");
    }
}
