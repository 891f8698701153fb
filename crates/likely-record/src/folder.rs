//! A run folder that is being written.

use crate::atomic::{ReadProblem, write_atomic};
use crate::atomic::{TEMPORARY_PREFIX, move_aside, read_json, read_limited, refuse_newer, to_json};
use crate::layout::{LARGEST_FILE, LARGEST_TIMING, Layout, check_pictures, check_plan};
use crate::lock::Lock;
use crate::{
    CellRecord, CellState, CurveRecord, FolderError, PictureFile, PlanRecord, Presentation, Provenance,
    SeriesFile, TimingRecord, sha256_hex,
};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Files that every run folder has and that are the same on every run.
const COMMON: [&str; 3] = ["plan.json", "presentation.json", "spec.resolved.toml"];

/// A run folder, held for writing until it is dropped.
///
/// Every file appears whole or not at all, so a kill at any moment leaves a folder that can be resumed.
#[derive(Debug)]
pub struct RunFolder {
    layout: Layout,
    planned: BTreeSet<String>,
    _lock: Lock,
}

impl RunFolder {
    /// The folder's name: experiment, tier and the first eight digits of the run's identity.
    pub fn name(plan: &PlanRecord) -> String {
        let short = plan.identity.get(..8).unwrap_or(&plan.identity);
        format!("{}-{}-{short}", plan.experiment, plan.tier)
    }

    /// Makes the run's folder under `runs`, or takes up the one that is there.
    ///
    /// The provenance of the first start is kept.
    ///
    /// # Errors
    /// [`FolderError`] where the folder cannot be written, another program holds it, another run is in it, or one of its
    /// files has a newer format.
    pub fn create_or_resume(
        runs: &Path,
        plan: &PlanRecord,
        presentation: &Presentation,
        provenance: &Provenance,
        resolved_spec: &str,
    ) -> Result<Self, FolderError> {
        check_plan(&runs.join("plan.json"), plan)?;
        let layout = Layout::new(runs.join(Self::name(plan)));
        for folder in ["cells", "curves", "timings"] {
            let folder = layout.file(folder);
            fs::create_dir_all(&folder).map_err(|source| FolderError::io("create", &folder, source))?;
        }
        let lock = Lock::take(layout.root())?;
        sweep(&layout)?;
        let plan_path = layout.file("plan.json");
        match read_json::<PlanRecord>(&plan_path, LARGEST_FILE) {
            Ok(found) if found.identity != plan.identity => {
                return Err(FolderError::OtherRun {
                    path: layout.root().to_owned(),
                    wanted: plan.identity.clone(),
                    found: found.identity,
                });
            }
            _ => {}
        }
        // What a newer program wrote is left alone; a damaged file is moved aside below.
        for name in ["plan.json", "presentation.json", "provenance.json"] {
            refuse_newer(&layout.file(name), LARGEST_FILE)?;
        }
        keep_or_write(&layout.file("spec.resolved.toml"), resolved_spec.as_bytes())?;
        let path = layout.file("presentation.json");
        keep_or_write(&path, &to_json(&path, presentation)?)?;
        let path = layout.file("provenance.json");
        if read_json::<Provenance>(&path, LARGEST_FILE).is_err() {
            keep_or_write(&path, &to_json(&path, provenance)?)?;
        }
        // Last, because a folder with a plan counts as a run.
        keep_or_write(&plan_path, &to_json(&plan_path, plan)?)?;
        let planned = plan.cells.iter().map(|cell| cell.hash.clone()).collect();
        Ok(Self { layout, planned, _lock: lock })
    }

    /// Where the folder is.
    pub fn path(&self) -> &Path {
        self.layout.root()
    }

    /// The state of a planned cell; a cell that is not planned is missing.
    pub fn cell(&self, hash: &str) -> CellState {
        if self.planned.contains(hash) { self.layout.read_cell(hash) } else { CellState::Missing }
    }

    /// Writes a finished cell: its curve, its timing, and then the cell, which makes it count.
    ///
    /// Several threads may write different cells. Writing the same cell again changes nothing; a damaged one is moved
    /// aside first.
    ///
    /// # Errors
    /// [`FolderError`] where the cell is not planned, holds a number that is not finite, names another curve, is there
    /// with other content, or cannot be written.
    pub fn write_cell(
        &self,
        record: &CellRecord,
        curve: Option<&CurveRecord>,
        timing: &TimingRecord,
    ) -> Result<(), FolderError> {
        self.write(record, &Beside { curve, ..Beside::default() }, timing)
    }

    /// Writes the finished cell of a study: its series, its pictures, its timing, and then the cell, which makes it count.
    ///
    /// # Errors
    /// As [`RunFolder::write_cell`], with the series and pictures in place of the curve.
    pub fn write_study(
        &self,
        record: &CellRecord,
        series: Option<&SeriesFile>,
        pictures: &[PictureFile],
        timing: &TimingRecord,
    ) -> Result<(), FolderError> {
        self.write(record, &Beside { curve: None, series, pictures }, timing)
    }

    fn write(
        &self,
        record: &CellRecord,
        beside: &Beside<'_>,
        timing: &TimingRecord,
    ) -> Result<(), FolderError> {
        let Beside { curve, series, pictures } = *beside;
        let hash = record.key.hash();
        if !self.planned.contains(&hash) {
            return Err(FolderError::NotPlanned { hash, path: self.path().to_owned() });
        }
        let cell_path = self.layout.cell(&hash);
        let curve_path = self.layout.curve(&hash);
        let series_path = self.layout.series(&hash);
        let cell_bytes = to_json(&cell_path, record)?;
        let curve_bytes = curve.map(CurveRecord::to_bytes).transpose().map_err(|error| {
            FolderError::Unwritable { path: curve_path.clone(), reason: error.to_string() }
        })?;
        if record.curve_sha256 != curve_bytes.as_deref().map(sha256_hex) {
            let reason = "the cell names another curve than the one given with it".to_owned();
            return Err(FolderError::Unwritable { path: cell_path, reason });
        }
        let series_bytes = series.map(SeriesFile::to_bytes).transpose().map_err(|error| match error {
            FolderError::Unwritable { reason, .. } => {
                FolderError::Unwritable { path: series_path.clone(), reason }
            }
            other => other,
        })?;
        if record.series_sha256 != series_bytes.as_deref().map(sha256_hex) {
            let reason = "the cell names other series than the ones given with it".to_owned();
            return Err(FolderError::Unwritable { path: cell_path, reason });
        }
        if !record.pictures.iter().eq(pictures.iter().map(PictureFile::record)) {
            let reason = "the cell names other pictures than the ones given with it".to_owned();
            return Err(FolderError::Unwritable { path: cell_path, reason });
        }
        check_pictures(&record.pictures)
            .map_err(|reason| FolderError::Unwritable { path: cell_path.clone(), reason })?;
        match self.layout.read_cell(&hash) {
            CellState::Done(found) if to_json(&cell_path, &*found)? == cell_bytes => return Ok(()),
            CellState::Done(_) => return Err(FolderError::Overwrite { path: cell_path }),
            CellState::Damaged { .. } | CellState::Missing => {}
        }
        if let Some(bytes) = &curve_bytes {
            keep_or_write(&curve_path, bytes)?;
        }
        if let Some(bytes) = &series_bytes {
            let folder = self.layout.file("series");
            fs::create_dir_all(&folder).map_err(|source| FolderError::io("create", &folder, source))?;
            keep_or_write(&series_path, bytes)?;
        }
        if !pictures.is_empty() {
            let folder = self.layout.file("pictures");
            fs::create_dir_all(&folder).map_err(|source| FolderError::io("create", &folder, source))?;
        }
        for picture in pictures {
            keep_or_write(&self.layout.picture(&hash, &picture.record().id), picture.png())?;
        }
        // A timing without its cell is what a kill left; the reading of the run that made the cell replaces it.
        let timing_path = self.layout.timing(&hash);
        write_atomic(&timing_path, &to_json(&timing_path, timing)?)?;
        keep_or_write(&cell_path, &cell_bytes)
    }

    /// Writes `checksums.txt` over everything that must be the same on every run.
    ///
    /// # Errors
    /// [`FolderError`] where a file cannot be read or the list cannot be written.
    pub fn finish(&self) -> Result<(), FolderError> {
        let mut names: Vec<String> = COMMON.iter().map(|&name| name.to_owned()).collect();
        for hash in &self.planned {
            names.push(format!("cells/{hash}.json"));
            names.push(format!("curves/{hash}.safetensors"));
            names.push(format!("series/{hash}.json"));
            names.extend(self.layout.picture_ids(hash).iter().map(|id| format!("pictures/{hash}-{id}.png")));
        }
        names.sort_unstable();
        let mut text = String::new();
        for name in names {
            match read_limited(&self.layout.file(&name), LARGEST_FILE) {
                Ok(bytes) => text.extend([sha256_hex(&bytes).as_str(), "  ", &name, "\n"]),
                Err(ReadProblem::Missing) => {}
                Err(ReadProblem::Unusable(error)) => return Err(error),
            }
        }
        write_atomic(&self.layout.file("checksums.txt"), text.as_bytes())
    }

    /// The clock readings of a cell, where they are there and whole.
    pub fn timing(&self, hash: &str) -> Option<TimingRecord> {
        read_json(&self.layout.timing(hash), LARGEST_TIMING).ok()
    }
}

/// What stands beside a cell.
#[derive(Default)]
struct Beside<'a> {
    curve: Option<&'a CurveRecord>,
    series: Option<&'a SeriesFile>,
    pictures: &'a [PictureFile],
}

/// Leaves a file that has this content alone; moves any other one aside and writes.
fn keep_or_write(path: &Path, bytes: &[u8]) -> Result<(), FolderError> {
    match read_limited(path, bytes.len() as u64) {
        Ok(found) if found == bytes => return Ok(()),
        Err(ReadProblem::Missing) => {}
        Ok(_) | Err(ReadProblem::Unusable(_)) => {
            move_aside(path)?;
        }
    }
    write_atomic(path, bytes)
}

/// Removes temporary files that a kill left behind; the lock is held, so nobody is writing them.
fn sweep(layout: &Layout) -> Result<(), FolderError> {
    let folders = ["cells", "curves", "series", "pictures", "timings", "tables", "figures"];
    let folders = folders.map(|name| layout.file(name));
    // Series and pictures are there where a study was, tables and figures once a report was drawn.
    for folder in folders.into_iter().chain([layout.root().to_owned()]).filter(|folder| folder.is_dir()) {
        let failed = |source| FolderError::io("read", &folder, source);
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if entry.file_name().to_string_lossy().starts_with(TEMPORARY_PREFIX) {
                let path = entry.path();
                fs::remove_file(&path).map_err(|source| FolderError::io("remove", &path, source))?;
            }
        }
    }
    Ok(())
}
