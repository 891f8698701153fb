//! What comparing a number with a published or pinned one found.

use crate::{CellKey, ClaimRecord};
use serde::{Deserialize, Serialize};

/// What a number was compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VerdictKind {
    /// A number of a paper or its code, or a predicted one.
    Published,
    /// Our own number, pinned earlier.
    Pinned,
}

/// What the comparison found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VerdictStatus {
    /// Within the tolerance.
    Same,
    /// Outside the tolerance.
    Moved,
    /// There is no number now.
    NotMeasured,
    /// There is no published number.
    NotPublic,
    /// Shown beside ours, not judged.
    Compared,
    /// Different for a known reason.
    Deviation,
}

impl VerdictStatus {
    /// The name that files and pages carry.
    pub fn id(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Moved => "moved",
            Self::NotMeasured => "not-measured",
            Self::NotPublic => "not-public",
            Self::Compared => "compared",
            Self::Deviation => "deviation",
        }
    }
}

/// The cell or the group of cells that a verdict is about; an axis that is `None` was averaged over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct VerdictCell {
    /// The model's label.
    pub model: String,
    /// The method's label.
    pub method: String,
    /// The weight of the potential.
    pub lambda: Option<f64>,
    /// Name of the pair.
    pub pair: Option<String>,
    /// The repetition.
    pub repetition: Option<u32>,
    /// Segments of the curve.
    pub segments: Option<u32>,
}

impl From<&CellKey> for VerdictCell {
    fn from(key: &CellKey) -> Self {
        Self {
            model: key.model.clone(),
            method: key.method.clone(),
            lambda: key.lambda,
            pair: Some(key.pair.clone()),
            repetition: Some(key.repetition),
            segments: Some(key.segments),
        }
    }
}

impl From<&ClaimRecord> for VerdictCell {
    fn from(claim: &ClaimRecord) -> Self {
        Self {
            model: claim.model.clone(),
            method: claim.method.clone(),
            lambda: claim.lambda,
            pair: claim.pair.clone(),
            repetition: None,
            segments: None,
        }
    }
}

/// One number beside the one that it is compared with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct VerdictRecord {
    /// What it was compared with.
    pub kind: VerdictKind,
    /// The cell or group of cells.
    pub cell: VerdictCell,
    /// The metric, or `status`, `stop`, `iterations`, `evaluations-values`, `evaluations-gradients` of a pinned cell.
    pub metric: String,
    /// The published or pinned number.
    pub reference: Option<f64>,
    /// Ours now.
    pub now: Option<f64>,
    /// Largest absolute difference that counts as the same.
    pub tolerance: f64,
    /// What the comparison found.
    pub status: VerdictStatus,
    /// Where the reference stands.
    pub place: String,
    /// Why, in words; empty when there is nothing to add.
    pub note: String,
}
