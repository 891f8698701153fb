//! Series of a cell as a JSON file: columns of numbers for figures and for whoever reads the run folder.

use crate::atomic::to_json;
use crate::{FORMAT, FolderError, sha256_hex};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// A column of a series.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ColumnRecord {
    /// Name, as an axis shows it.
    pub name: String,
    /// Unit; empty for none.
    pub unit: String,
}

/// Columns of numbers of equal length.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SeriesRecord {
    /// Id, which figures use; the same for series that belong into one panel.
    pub id: String,
    /// What sets it apart from the others of its id.
    pub label: String,
    /// The columns, the abscissa first.
    pub columns: Vec<ColumnRecord>,
    /// One inner list a row, one entry a column; `None` where there is no number.
    pub values: Vec<Vec<Option<f64>>>,
}

/// `series/<hash>.json`: the series of a cell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SeriesFile {
    /// [`crate::FORMAT`] of the writer.
    pub format: u32,
    /// The series, in the order of the study.
    pub series: Vec<SeriesRecord>,
}

impl SeriesFile {
    /// A file of this format.
    pub fn new(series: Vec<SeriesRecord>) -> Self {
        Self { format: FORMAT, series }
    }

    /// The bytes of the file; the same for the same series.
    ///
    /// # Errors
    /// [`FolderError::Unwritable`] where a row has another length than the columns, or a number is not finite.
    pub fn to_bytes(&self) -> Result<Vec<u8>, FolderError> {
        let path = Path::new("series");
        self.check().map_err(|reason| FolderError::Unwritable { path: path.to_owned(), reason })?;
        to_json(path, self)
    }

    /// SHA-256 of [`SeriesFile::to_bytes`] in hexadecimal digits.
    ///
    /// # Errors
    /// As [`SeriesFile::to_bytes`].
    pub fn sha256(&self) -> Result<String, FolderError> {
        Ok(sha256_hex(&self.to_bytes()?))
    }

    /// Every row as long as the columns.
    pub(crate) fn check(&self) -> Result<(), String> {
        for series in &self.series {
            let columns = series.columns.len();
            if let Some(row) = series.values.iter().position(|row| row.len() != columns) {
                return Err(format!(
                    "row {row} of the series `{}` has {} numbers where there are {columns} columns",
                    series.id,
                    series.values[row].len()
                ));
            }
        }
        Ok(())
    }
}
