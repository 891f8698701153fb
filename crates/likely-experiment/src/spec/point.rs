//! End points as specs write them: listed, evenly spaced, constant, or a row of a file.

use crate::DataError;
use crate::data::{parse_points, read_bytes};
use likely_record::sha256_hex;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

/// An end point as written; how many coordinates it has may depend on the model.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum WirePoint {
    /// Its coordinates.
    List(Vec<f64>),
    /// Evenly spaced coordinates from the first number to the second, as `numpy.linspace` makes them.
    Linspace { linspace: [f64; 2] },
    /// The same coordinate everywhere.
    Constant { constant: f64 },
    /// A row of a file, counted from 0.
    File { file: String, row: usize },
}

/// The forms of an end point that are tables, before it is clear which one it is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Forms {
    linspace: Option<[f64; 2]>,
    constant: Option<f64>,
    file: Option<String>,
    row: Option<usize>,
}

impl<'de> Deserialize<'de> for WirePoint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PointVisitor)
    }
}

struct PointVisitor;

impl<'de> Visitor<'de> for PointVisitor {
    type Value = WirePoint;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "an array of coordinates, { linspace = [a, b] }, { constant = x } or { file = \"points.npy\", row = 0 }",
        )
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<WirePoint, A::Error> {
        let mut coordinates = Vec::new();
        while let Some(coordinate) = items.next_element()? {
            coordinates.push(coordinate);
        }
        Ok(WirePoint::List(coordinates))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<WirePoint, A::Error> {
        match Forms::deserialize(MapAccessDeserializer::new(map))? {
            Forms { linspace: Some(linspace), constant: None, file: None, row: None } => {
                Ok(WirePoint::Linspace { linspace })
            }
            Forms { linspace: None, constant: Some(constant), file: None, row: None } => {
                Ok(WirePoint::Constant { constant })
            }
            Forms { linspace: None, constant: None, file: Some(file), row } => {
                Ok(WirePoint::File { file, row: row.unwrap_or(0) })
            }
            _ => Err(A::Error::custom(
                "an end point has one form: expected just `linspace`, just `constant`, or `file` with `row`",
            )),
        }
    }
}

/// Why an end point has no coordinates.
#[derive(Debug, thiserror::Error)]
pub enum PointError {
    /// The file does not hold points.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The file has fewer rows.
    #[error("{file} has {rows} rows, numbered from 0 to {}; there is no row {row}", rows - 1)]
    Row {
        /// The file, as written.
        file: String,
        /// The row asked for.
        row: usize,
        /// Rows that there are.
        rows: usize,
    },
}

impl WirePoint {
    /// Its coordinates in `dim` dimensions; what is listed or read may have another number of them.
    ///
    /// Files are read from `folder`, and their SHA-256 goes into `files` under the path as written.
    pub(crate) fn coordinates(
        &self,
        dim: usize,
        folder: &Path,
        files: &mut BTreeMap<String, String>,
    ) -> Result<Vec<f64>, PointError> {
        match self {
            Self::List(coordinates) => Ok(coordinates.clone()),
            Self::Linspace { linspace: [first, last] } => Ok(linspace(*first, *last, dim)),
            Self::Constant { constant } => Ok(vec![*constant; dim]),
            Self::File { file, row } => {
                let path = folder.join(file);
                let bytes = read_bytes(&path)?;
                files.insert(file.clone(), sha256_hex(&bytes));
                let points = parse_points(&path, &bytes, None)?;
                let rows = points.values.nrows();
                if *row >= rows {
                    return Err(PointError::Row { file: file.clone(), row: *row, rows });
                }
                Ok(points.values.row(*row).to_vec())
            }
        }
    }
}

/// `count` evenly spaced numbers, both ends included; the first alone where there is room for one.
fn linspace(first: f64, last: f64, count: usize) -> Vec<f64> {
    let step = (last - first) / count.saturating_sub(1).max(1) as f64;
    let mut numbers: Vec<f64> = (0..count).map(|i| i as f64 * step + first).collect();
    if let [_, .., end] = numbers.as_mut_slice() {
        *end = last;
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evenly_spaced_coordinates_are_those_of_numpy() {
        assert_eq!(linspace(-0.0, -1.0, 2), [-0.0, -1.0]);
        assert_eq!(linspace(2.0, 5.0, 1), [2.0]);
        assert_eq!(linspace(0.0, 1.0, 5), [0.0, 0.25, 0.5, 0.75, 1.0]);
        // numpy.linspace(0.5, 1, 4), digit for digit.
        assert_eq!(linspace(0.5, 1.0, 4), [0.5, 0.666_666_666_666_666_6, 0.833_333_333_333_333_3, 1.0]);
        assert!(linspace(0.0, 1.0, 0).is_empty());
    }
}
