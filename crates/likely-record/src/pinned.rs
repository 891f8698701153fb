//! Our own numbers that later runs are compared with.

use crate::atomic::{ReadProblem, read_json, to_json};
use crate::name::{check_id, check_tier};
use crate::{CellKey, EvaluationCounts, FORMAT, FolderError, Run, Status, write_atomic};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Largest size of a file of pinned numbers.
const LARGEST_PINNED: u64 = 256 << 20;

/// One pinned cell; everything in it is the same on every run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PinnedCell {
    /// The axes.
    pub key: CellKey,
    /// What became of the cell.
    pub status: Status,
    /// Kind of stop, for cells that ran.
    pub stop: Option<String>,
    /// Iterations taken.
    pub iterations: u32,
    /// Points evaluated.
    pub evaluations: EvaluationCounts,
    /// Value of each metric that had one.
    pub metrics: BTreeMap<String, f64>,
}

/// `results/pinned/<experiment>-<tier>.json`: numbers that a later run must find again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Pinned {
    /// [`crate::FORMAT`] of the writer.
    pub format: u32,
    /// Id of the experiment.
    pub experiment: String,
    /// `smoke`, `laptop` or `full`.
    pub tier: String,
    /// Version of the spec.
    pub spec_version: u32,
    /// Model name of the CPU that computed them.
    pub cpu: String,
    /// The cells, in the order of the plan.
    pub cells: Vec<PinnedCell>,
}

impl Pinned {
    /// The numbers of a run, without clock readings.
    pub fn from_run(run: &Run) -> Self {
        let cells = run
            .cells
            .iter()
            .map(|cell| PinnedCell {
                key: cell.key.clone(),
                status: cell.status,
                stop: cell.stop.as_ref().map(|stop| stop.kind.clone()),
                iterations: cell.iterations,
                evaluations: cell.evaluations,
                metrics: cell
                    .metrics
                    .iter()
                    .filter_map(|metric| Some((metric.id.clone(), metric.value?)))
                    .collect(),
            })
            .collect();
        Self {
            format: FORMAT,
            experiment: run.plan.experiment.clone(),
            tier: run.plan.tier.clone(),
            spec_version: run.plan.spec_version,
            cpu: run.provenance.cpu.clone(),
            cells,
        }
    }

    /// Where the numbers of an experiment at a tier lie under `results`.
    ///
    /// # Errors
    /// [`FolderError::Name`] where the id or the tier is not a plain name.
    pub fn path(results: &Path, experiment: &str, tier: &str) -> Result<PathBuf, FolderError> {
        check_id("the experiment", experiment)?;
        check_tier(tier)?;
        Ok(results.join("pinned").join(format!("{experiment}-{tier}.json")))
    }

    /// Reads pinned numbers; `None` where the file does not exist.
    ///
    /// # Errors
    /// [`FolderError`] where the file cannot be read, is damaged, or has a newer format.
    pub fn read(path: &Path) -> Result<Option<Self>, FolderError> {
        match read_json(path, LARGEST_PINNED) {
            Ok(pinned) => Ok(Some(pinned)),
            Err(ReadProblem::Missing) => Ok(None),
            Err(ReadProblem::Unusable(error)) => Err(error),
        }
    }

    /// Writes pinned numbers, replacing the earlier ones.
    ///
    /// # Errors
    /// [`FolderError`] where a number is not finite or the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), FolderError> {
        write_atomic(path, &to_json(path, self)?)
    }
}
