//! What a worker tells the program that started it: one JSON document a line.

use likely_experiment::{Estimate, Judgement};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// One line.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Line {
    Progress(Progress),
    Ended(Box<Ended>),
}

/// Where a training stands.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Progress {
    pub(crate) step: u64,
    pub(crate) steps: u64,
    /// Mean loss of the batches since the last line.
    pub(crate) loss: f64,
    pub(crate) rate: f64,
    /// Steps a second since the worker began.
    pub(crate) speed: f64,
}

/// How a training ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Outcome {
    /// New weights were written.
    Trained,
    /// The weights that are there are of this spec.
    UpToDate,
    /// Trained again, to the bytes that were there.
    Same,
    /// Trained again, to other bytes.
    Moved,
    /// Cut short; a checkpoint is kept.
    Interrupted,
    /// Not finite, or a model that cannot be evaluated.
    Failed,
    /// Something that the user can mend.
    Refused,
}

/// The end of a training.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Ended {
    pub(crate) id: String,
    pub(crate) outcome: Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
    pub(crate) step: u64,
    pub(crate) steps: u64,
    /// Steps that this run of the program took, and how long they took.
    pub(crate) steps_now: u64,
    pub(crate) seconds: f64,
    pub(crate) parameters: usize,
    pub(crate) weights: PathBuf,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sha256: Option<String>,
    pub(crate) card: PathBuf,
    pub(crate) checkpoint: PathBuf,
    pub(crate) held_out: Vec<HeldOut>,
}

/// A judgement on held-out points.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct HeldOut {
    pub(crate) quantity: String,
    pub(crate) points: usize,
    pub(crate) of_model: Estimate,
    pub(crate) of_data: Option<Estimate>,
    pub(crate) gap: Option<Estimate>,
}

impl From<&Judgement> for HeldOut {
    fn from(judgement: &Judgement) -> Self {
        let Judgement { quantity, points, of_model, of_data, gap } = *judgement;
        Self { quantity: quantity.to_owned(), points, of_model, of_data, gap }
    }
}
