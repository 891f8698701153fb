//! Points from files: CSV and `.npy`.

mod csv;
mod npy;

use crate::spec::suggest::{hint, list};
use likely_models::DATA_ABSENT;
use likely_numpy::NumpyError;
use ndarray::{Array2, Axis};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

/// Largest file that is read, in bytes.
const MOST_BYTES: u64 = 512 * 1024 * 1024;

/// Points and the names of their coordinates.
#[derive(Debug, Clone, PartialEq)]
pub struct Points {
    /// One name a coordinate: from the header, or `x1`, `x2`, ... where there is none.
    pub names: Vec<String>,
    /// Shape `(points, coordinates)`, all finite, at least one of each.
    pub values: Array2<f64>,
}

/// Why a file does not hold points: what is wrong, where, and what would be right.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// There is no such file.
    #[error("{DATA_ABSENT}: there is no file {}; put it there, or name the one that is meant", path.display())]
    Absent {
        /// The file.
        path: PathBuf,
    },
    /// The file could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A folder, a device or the like.
    #[error("{} is not a file", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// A folder of images is too large to be one that was meant.
    #[error("{} holds more than {most} files", path.display())]
    TooManyFiles {
        /// The folder.
        path: PathBuf,
        /// Most files that are read.
        most: usize,
    },
    /// The file is too large to be points that were meant.
    #[error("{} has {bytes} bytes; at most {MOST_BYTES} are read", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
    },
    /// The file's name ends in something unknown.
    #[error("{}: points are read from .csv and .npy files; rename or convert this one", path.display())]
    UnknownFormat {
        /// The file.
        path: PathBuf,
    },
    /// There is not one row.
    #[error("{}: the file holds no points", path.display())]
    NoPoints {
        /// The file.
        path: PathBuf,
    },
    /// The text is not UTF-8.
    #[error("{}:{line}: the text is not UTF-8", path.display())]
    NotUtf8 {
        /// The file.
        path: PathBuf,
        /// Line of the first bad byte.
        line: usize,
    },
    /// A line has nothing on it, and it is not the last.
    #[error("{}:{line}: the line is empty; remove it", path.display())]
    EmptyLine {
        /// The file.
        path: PathBuf,
        /// The line.
        line: usize,
    },
    /// A row has more or fewer fields than the first line.
    #[error("{}:{line}: {found} fields, but the first line has {expected}; fields are separated by commas", path.display())]
    Ragged {
        /// The file.
        path: PathBuf,
        /// The line.
        line: usize,
        /// Fields found.
        found: usize,
        /// Fields of the first line.
        expected: usize,
    },
    /// The first line has too many fields.
    #[error("{}:1: more than {most} fields", path.display())]
    TooManyColumns {
        /// The file.
        path: PathBuf,
        /// Fields allowed.
        most: usize,
    },
    /// A field is not a number.
    #[error(
        "{}:{line}:{column}: `{text}` in column `{name}` is not a number; write numbers like 1.5 or -2e-3, separated by commas",
        path.display()
    )]
    NotANumber {
        /// The file.
        path: PathBuf,
        /// The line.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
        /// Name of the coordinate.
        name: String,
        /// The field.
        text: String,
    },
    /// A field is empty.
    #[error("{}:{line}:{column}: column `{name}` is empty here; fill it in or remove the row", path.display())]
    EmptyField {
        /// The file.
        path: PathBuf,
        /// The line.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
        /// Name of the coordinate.
        name: String,
    },
    /// A number is NaN or infinite.
    #[error("{}:{line}:{column}: `{text}` in column `{name}` is not finite; fill it in or remove the row", path.display())]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// The line.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
        /// Name of the coordinate.
        name: String,
        /// The field.
        text: String,
    },
    /// A quoted field does not end on its line, or text follows it.
    #[error("{}:{line}:{column}: a quoted field must end with `\"` before the next comma, on the same line", path.display())]
    Quote {
        /// The file.
        path: PathBuf,
        /// The line.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
    },
    /// There is no column of that name.
    #[error("{}: there is no column `{name}`{}; there is: {}", path.display(), hint(suggestion.as_ref()), list(accepted))]
    UnknownColumn {
        /// The file.
        path: PathBuf,
        /// The name.
        name: String,
        /// Names that exist.
        accepted: Vec<String>,
        /// The one that was probably meant.
        suggestion: Option<String>,
    },
    /// Two columns have the same name.
    #[error("{}: the column `{name}` stands twice; columns need names of their own to be chosen by name", path.display())]
    RepeatedColumn {
        /// The file.
        path: PathBuf,
        /// The name.
        name: String,
    },
    /// A `.npy` file holds no array of points.
    #[error("{}: {problem}", path.display())]
    Numpy {
        /// The file.
        path: PathBuf,
        /// What is wrong and what would be right.
        problem: NumpyError,
    },
    /// A number of a `.npy` file is NaN or infinite, or an integer that no float holds exactly.
    #[error("{}: the number at row {row}, column {column} (from 0) is {value}, which is not a finite float", path.display())]
    NpyValue {
        /// The file.
        path: PathBuf,
        /// Row, from 0.
        row: usize,
        /// Column, from 0.
        column: usize,
        /// The number.
        value: String,
    },
    /// A coordinate is the same everywhere, so it has no scale.
    #[error("{}: column `{name}` is the same in every row, so it cannot be standardised", path.display())]
    Constant {
        /// The file.
        path: PathBuf,
        /// Name of the coordinate.
        name: String,
    },
}

/// Reads points from a `.csv` or `.npy` file; `columns` chooses coordinates by name, in that order.
///
/// CSV: fields separated by commas, UTF-8, an optional first line of names (it is one if no field of it is a number),
/// quoted fields without line breaks. `.npy`: versions 1 to 3, little-endian `f4`, `f8`, `i4`, `i8`, C or Fortran
/// order, shape `(points, coordinates)`; one axis is taken as points of one coordinate.
///
/// # Errors
/// [`DataError`] with the file, the line and column where they are known, and what would be right.
pub fn read_points(path: &Path, columns: Option<&[String]>) -> Result<Points, DataError> {
    parse_points(path, &read_bytes(path)?, columns)
}

/// The bytes of a file of bearable size.
pub(crate) fn read_bytes(path: &Path) -> Result<Vec<u8>, DataError> {
    let read = |source: std::io::Error| match source.kind() {
        ErrorKind::NotFound => DataError::Absent { path: path.to_owned() },
        _ => DataError::Read { path: path.to_owned(), source },
    };
    let metadata = std::fs::metadata(path).map_err(read)?;
    if !metadata.is_file() {
        return Err(DataError::NotAFile { path: path.to_owned() });
    }
    if metadata.len() > MOST_BYTES {
        return Err(DataError::TooLarge { path: path.to_owned(), bytes: metadata.len() });
    }
    let mut bytes = Vec::with_capacity(metadata.len() as usize);
    let file = std::fs::File::open(path).map_err(read)?;
    file.take(MOST_BYTES).read_to_end(&mut bytes).map_err(read)?;
    Ok(bytes)
}

/// As [`read_points`], from the bytes of the file.
pub(crate) fn parse_points(
    path: &Path,
    bytes: &[u8],
    columns: Option<&[String]>,
) -> Result<Points, DataError> {
    let extension = path.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase);
    let points = match extension.as_deref() {
        Some("csv") => csv::parse(path, bytes, columns)?,
        Some("npy") => {
            let points = npy::parse(path, bytes)?;
            match columns {
                None => points,
                Some(columns) => {
                    let chosen = choose(path, &points.names, columns)?;
                    Points { names: columns.to_vec(), values: points.values.select(Axis(1), &chosen) }
                }
            }
        }
        _ => return Err(DataError::UnknownFormat { path: path.to_owned() }),
    };
    if points.values.is_empty() {
        return Err(DataError::NoPoints { path: path.to_owned() });
    }
    Ok(points)
}

/// Indices of the columns asked for.
fn choose(path: &Path, names: &[String], columns: &[String]) -> Result<Vec<usize>, DataError> {
    let index = |name: &String| {
        let mut found = names.iter().enumerate().filter(|(_, known)| *known == name).map(|(i, _)| i);
        match (found.next(), found.next()) {
            (Some(i), None) => Ok(i),
            (Some(_), Some(_)) => {
                Err(DataError::RepeatedColumn { path: path.to_owned(), name: name.clone() })
            }
            (None, _) => Err(DataError::UnknownColumn {
                path: path.to_owned(),
                name: name.clone(),
                suggestion: crate::spec::suggest::closest(name, names),
                accepted: names.to_vec(),
            }),
        }
    };
    columns.iter().map(index).collect()
}

/// Names for coordinates that have none.
fn numbered(count: usize) -> Vec<String> {
    (1..=count).map(|i| format!("x{i}")).collect()
}

/// Shifts and scales every coordinate to mean 0 and variance 1 (of the points, not of a population).
///
/// # Errors
/// [`DataError::Constant`] where a coordinate has no spread.
pub(crate) fn standardise(path: &Path, points: &mut Points) -> Result<(), DataError> {
    let count = points.values.nrows() as f64;
    for (mut column, name) in points.values.columns_mut().into_iter().zip(&points.names) {
        let mean = column.sum() / count;
        column -= mean;
        let deviation = (column.dot(&column) / count).sqrt();
        if !(deviation > 0.0 && deviation.is_finite()) {
            return Err(DataError::Constant { path: path.to_owned(), name: name.clone() });
        }
        column /= deviation;
    }
    Ok(())
}
