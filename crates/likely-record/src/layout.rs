//! Where things lie in a run folder, and how a cell is read back.

use crate::atomic::{ReadProblem, read_json, read_limited};
use crate::name::{check_hex, check_id, check_tier};
use crate::{
    CellRecord, CurveRecord, FORMAT, FolderError, PictureFile, PictureRecord, PlanRecord, SeriesFile,
    sha256_hex,
};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Largest size of `cells/<hash>.json`.
const LARGEST_CELL: u64 = 16 << 20;
/// Largest size of `timings/<hash>.json`.
pub(crate) const LARGEST_TIMING: u64 = 1 << 20;
/// Largest size of `curves/<hash>.safetensors`.
const LARGEST_CURVE: u64 = 1 << 30;
/// Largest size of `series/<hash>.json`.
const LARGEST_SERIES: u64 = 1 << 30;
/// Largest size of `pictures/<hash>-<id>.png`.
const LARGEST_PICTURE: u64 = 1 << 30;
/// Largest size of the other files of a run.
pub(crate) const LARGEST_FILE: u64 = 1 << 30;

/// The state of one planned cell.
#[derive(Debug, Clone, PartialEq)]
pub enum CellState {
    /// It has not been computed.
    Missing,
    /// It is there and whole.
    Done(Box<CellRecord>),
    /// Its files are there and cannot be used; the cell counts as missing.
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// Paths inside one run folder; the hashes have been checked against the plan.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    root: PathBuf,
}

impl Layout {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    pub(crate) fn cell(&self, hash: &str) -> PathBuf {
        self.root.join("cells").join(format!("{hash}.json"))
    }

    pub(crate) fn curve(&self, hash: &str) -> PathBuf {
        self.root.join("curves").join(format!("{hash}.safetensors"))
    }

    pub(crate) fn series(&self, hash: &str) -> PathBuf {
        self.root.join("series").join(format!("{hash}.json"))
    }

    /// The file of a picture whose id has been checked.
    pub(crate) fn picture(&self, hash: &str, id: &str) -> PathBuf {
        self.root.join("pictures").join(format!("{hash}-{id}.png"))
    }

    pub(crate) fn timing(&self, hash: &str) -> PathBuf {
        self.root.join("timings").join(format!("{hash}.json"))
    }

    /// Reads a cell and checks that it is the one that its name says, with the curve, the series and the pictures that it says.
    pub(crate) fn read_cell(&self, hash: &str) -> CellState {
        let path = self.cell(hash);
        let cell: CellRecord = match read_json(&path, LARGEST_CELL) {
            Ok(cell) => cell,
            Err(ReadProblem::Missing) => return CellState::Missing,
            Err(ReadProblem::Unusable(error)) => {
                return CellState::Damaged { path, reason: reason_of(&error) };
            }
        };
        let found = cell.key.hash();
        if found != hash {
            return CellState::Damaged { path, reason: format!("it holds the cell {found}") };
        }
        if let Err(reason) = check_pictures(&cell.pictures) {
            return CellState::Damaged { path, reason };
        }
        let curve = (cell.curve_sha256.as_ref(), self.curve(hash), LARGEST_CURVE);
        let series = (cell.series_sha256.as_ref(), self.series(hash), LARGEST_SERIES);
        let pictures = cell
            .pictures
            .iter()
            .map(|picture| (Some(&picture.sha256), self.picture(hash, &picture.id), LARGEST_PICTURE));
        for (expected, path, limit) in [curve, series].into_iter().chain(pictures) {
            let Some(expected) = expected else { continue };
            match read_limited(&path, limit) {
                Ok(bytes) if sha256_hex(&bytes) == *expected => {}
                Ok(_) => {
                    let reason = "its SHA-256 differs from the one that the cell names".to_owned();
                    return CellState::Damaged { path, reason };
                }
                Err(ReadProblem::Missing) => {
                    return CellState::Damaged { path, reason: "the file is missing".to_owned() };
                }
                Err(ReadProblem::Unusable(error)) => {
                    return CellState::Damaged { path, reason: reason_of(&error) };
                }
            }
        }
        CellState::Done(Box::new(cell))
    }

    /// The bytes of a curve's file.
    pub(crate) fn read_curve(&self, hash: &str) -> Result<(Vec<u8>, CurveRecord), FolderError> {
        let path = self.curve(hash);
        let bytes = match read_limited(&path, LARGEST_CURVE) {
            Ok(bytes) => bytes,
            Err(ReadProblem::Missing) => {
                return Err(FolderError::Damaged { path, reason: "the file is missing".to_owned() });
            }
            Err(ReadProblem::Unusable(error)) => return Err(error),
        };
        match CurveRecord::from_bytes(&bytes) {
            Ok(curve) => Ok((bytes, curve)),
            Err(error) => Err(FolderError::Damaged { path, reason: error.to_string() }),
        }
    }

    /// A picture of a cell that was read, so its id has been checked.
    pub(crate) fn read_picture(
        &self,
        hash: &str,
        record: &PictureRecord,
    ) -> Result<PictureFile, FolderError> {
        let path = self.picture(hash, &record.id);
        let bytes = match read_limited(&path, LARGEST_PICTURE) {
            Ok(bytes) => bytes,
            Err(ReadProblem::Missing) => {
                return Err(FolderError::Damaged { path, reason: "the file is missing".to_owned() });
            }
            Err(ReadProblem::Unusable(error)) => return Err(error),
        };
        PictureFile::from_png(record.clone(), bytes)
            .map_err(|error| FolderError::Damaged { path, reason: error.to_string() })
    }

    /// Ids of the pictures that a cell names; none where the cell is not there or cannot be used.
    pub(crate) fn picture_ids(&self, hash: &str) -> Vec<String> {
        match read_json::<CellRecord>(&self.cell(hash), LARGEST_CELL) {
            Ok(cell) if check_pictures(&cell.pictures).is_ok() => {
                cell.pictures.into_iter().map(|picture| picture.id).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The bytes of a file of series.
    pub(crate) fn read_series(&self, hash: &str) -> Result<(Vec<u8>, SeriesFile), FolderError> {
        let path = self.series(hash);
        let read = read_limited(&path, LARGEST_SERIES)
            .and_then(|bytes| Ok((bytes, read_json::<SeriesFile>(&path, LARGEST_SERIES)?)));
        match read {
            Ok((bytes, file)) => match file.check() {
                Ok(()) => Ok((bytes, file)),
                Err(reason) => Err(FolderError::Damaged { path, reason }),
            },
            Err(ReadProblem::Missing) => {
                Err(FolderError::Damaged { path, reason: "the file is missing".to_owned() })
            }
            Err(ReadProblem::Unusable(error)) => Err(error),
        }
    }
}

/// Every picture one that can be, with an id of its own.
pub(crate) fn check_pictures(pictures: &[PictureRecord]) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    for picture in pictures {
        picture.size().map_err(|error| format!("the picture `{}`: {error}", picture.id))?;
        if !seen.insert(&picture.id) {
            return Err(format!("two pictures have the id `{}`", picture.id));
        }
    }
    Ok(())
}

/// The reason alone, without the path that [`CellState::Damaged`] carries beside it.
fn reason_of(error: &FolderError) -> String {
    match error {
        FolderError::Damaged { reason, .. } => reason.clone(),
        FolderError::Newer { found, .. } => {
            format!("it has format {found}, newer than {FORMAT}; use a newer version of likely")
        }
        FolderError::Io { source, .. } => source.to_string(),
        other => other.to_string(),
    }
}

/// Refuses a plan whose names would not stay inside the run folder, or whose hashes are not those of its cells.
pub(crate) fn check_plan(path: &Path, plan: &PlanRecord) -> Result<(), FolderError> {
    check_id("the experiment", &plan.experiment)?;
    check_tier(&plan.tier)?;
    check_hex("the identity of the run", &plan.identity, 64)?;
    let damaged = |reason: String| Err(FolderError::Damaged { path: path.to_owned(), reason });
    let mut seen = BTreeSet::new();
    for cell in &plan.cells {
        if cell.hash != cell.key.hash() {
            return damaged(format!("the hash {} is not that of its cell, {}", cell.hash, cell.key.hash()));
        }
        if !seen.insert(&cell.hash) {
            return damaged(format!("the cell {} is planned twice", cell.hash));
        }
    }
    Ok(())
}
