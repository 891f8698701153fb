//! A run folder that is only read.

use crate::atomic::{ReadProblem, read_json};
use crate::layout::{CellState, LARGEST_FILE, LARGEST_TIMING, Layout, check_plan};
use crate::{
    CellRecord, CurveRecord, FolderError, PictureFile, PlanRecord, Presentation, Provenance, SeriesRecord,
    TimingRecord, sha256_hex,
};
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Everything in a run folder but the curves, the series and the pictures, finished or not.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// The folder.
    pub path: PathBuf,
    /// What the run consists of.
    pub plan: PlanRecord,
    /// What a report shows beside the rows.
    pub presentation: Presentation,
    /// Where the numbers came from.
    pub provenance: Provenance,
    /// The cells that are there, in the order of the plan.
    pub cells: Vec<CellRecord>,
    /// Clock readings by the hash of the cell.
    pub timings: BTreeMap<String, TimingRecord>,
    /// Hashes of planned cells that are not there or damaged, in the order of the plan.
    pub missing: Vec<String>,
    /// Files that cannot be used, each with the reason; their cells count as missing.
    pub damaged: Vec<(PathBuf, String)>,
}

impl Run {
    /// Reads a run folder, without taking its lock.
    ///
    /// # Errors
    /// [`FolderError`] where there is no run, or its plan, presentation or provenance is damaged or of a newer format.
    /// Damaged cells are no error: they are listed and count as missing.
    pub fn read(path: &Path) -> Result<Self, FolderError> {
        let layout = Layout::new(path.to_owned());
        let plan_path = layout.file("plan.json");
        let plan: PlanRecord = match read_json(&plan_path, LARGEST_FILE) {
            Ok(plan) => plan,
            Err(ReadProblem::Missing) => return Err(FolderError::NotARun { path: path.to_owned() }),
            Err(ReadProblem::Unusable(error)) => return Err(error),
        };
        check_plan(&plan_path, &plan)?;
        let presentation = required(&layout.file("presentation.json"))?;
        let provenance = required(&layout.file("provenance.json"))?;
        let mut run = Self {
            path: path.to_owned(),
            presentation,
            provenance,
            cells: Vec::with_capacity(plan.cells.len()),
            timings: BTreeMap::new(),
            missing: Vec::new(),
            damaged: Vec::new(),
            plan,
        };
        for planned in &run.plan.cells {
            let hash = &planned.hash;
            match layout.read_cell(hash) {
                CellState::Done(cell) => run.cells.push(*cell),
                CellState::Missing => {
                    run.missing.push(hash.clone());
                    continue;
                }
                CellState::Damaged { path, reason } => {
                    run.missing.push(hash.clone());
                    run.damaged.push((path, reason));
                    continue;
                }
            }
            let path = layout.timing(hash);
            match read_json(&path, LARGEST_TIMING) {
                Ok(timing) => {
                    run.timings.insert(hash.clone(), timing);
                }
                Err(ReadProblem::Missing) => {}
                Err(ReadProblem::Unusable(error)) => run.damaged.push((path, error.to_string())),
            }
        }
        Ok(run)
    }

    /// The curve of a cell, checked against the hash in the cell.
    ///
    /// # Errors
    /// [`FolderError`] where the cell is not there or has no curve, or the curve's file is damaged.
    pub fn curve(&self, hash: &str) -> Result<CurveRecord, FolderError> {
        let cell = self.find(hash)?;
        let layout = Layout::new(self.path.clone());
        let damaged =
            |reason: &str| Err(FolderError::Damaged { path: layout.curve(hash), reason: reason.to_owned() });
        let Some(expected) = &cell.curve_sha256 else {
            return damaged("the cell has no curve");
        };
        let (bytes, curve) = layout.read_curve(hash)?;
        if sha256_hex(&bytes) != *expected {
            return damaged("its SHA-256 differs from the one that the cell names");
        }
        Ok(curve)
    }

    /// The series of a cell, checked against the hash in the cell.
    ///
    /// # Errors
    /// [`FolderError`] where the cell is not there or has no series, or the file of the series is damaged.
    pub fn series(&self, hash: &str) -> Result<Vec<SeriesRecord>, FolderError> {
        let cell = self.find(hash)?;
        let layout = Layout::new(self.path.clone());
        let damaged =
            |reason: &str| Err(FolderError::Damaged { path: layout.series(hash), reason: reason.to_owned() });
        let Some(expected) = &cell.series_sha256 else {
            return damaged("the cell has no series");
        };
        let (bytes, file) = layout.read_series(hash)?;
        if sha256_hex(&bytes) != *expected {
            return damaged("its SHA-256 differs from the one that the cell names");
        }
        Ok(file.series)
    }

    /// The pictures of a cell, each checked against the hash in the cell; empty where it has none.
    ///
    /// # Errors
    /// [`FolderError`] where the cell is not there, or the file of a picture is damaged.
    pub fn pictures(&self, hash: &str) -> Result<Vec<PictureFile>, FolderError> {
        let layout = Layout::new(self.path.clone());
        self.find(hash)?.pictures.iter().map(|record| layout.read_picture(hash, record)).collect()
    }

    fn find(&self, hash: &str) -> Result<&CellRecord, FolderError> {
        self.cells
            .iter()
            .find(|cell| cell.key.hash() == hash)
            .ok_or_else(|| FolderError::NotPlanned { hash: hash.to_owned(), path: self.path.clone() })
    }
}

fn required<T: DeserializeOwned>(path: &Path) -> Result<T, FolderError> {
    read_json(path, LARGEST_FILE).map_err(|problem| match problem {
        ReadProblem::Missing => {
            FolderError::Damaged { path: path.to_owned(), reason: "the file is missing".to_owned() }
        }
        ReadProblem::Unusable(error) => error,
    })
}
