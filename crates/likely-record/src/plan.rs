//! The cells that a run consists of.

use crate::CellKey;
use serde::{Deserialize, Serialize};

/// One planned cell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PlannedCell {
    /// [`CellKey::hash`].
    pub hash: String,
    /// The axes.
    pub key: CellKey,
    /// The most points of the density that the method can evaluate.
    pub evaluations_at_most: u64,
}

/// `plan.json`: what a run consists of, in the order of its tables.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PlanRecord {
    /// [`crate::FORMAT`] of the writer.
    pub format: u32,
    /// Id of the experiment.
    pub experiment: String,
    /// Version of its spec.
    pub spec_version: u32,
    /// `smoke`, `laptop` or `full`.
    pub tier: String,
    /// SHA-256 over the resolved spec, the data, the tier and the program: the identity of the run.
    pub identity: String,
    /// The cells.
    pub cells: Vec<PlannedCell>,
}
