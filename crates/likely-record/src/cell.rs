//! One cell: a model, a method, a pair of end points and a repetition.

use crate::PictureRecord;
use crate::hash::hex;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The axes of a cell; they name it, and their hash names its files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CellKey {
    /// Id of the experiment.
    pub experiment: String,
    /// Label of the model in the spec.
    pub model: String,
    /// Label of the method in the spec, without the weight.
    pub method: String,
    /// Weight of the potential as given, for methods that have one.
    pub lambda: Option<f64>,
    /// Name of the end point pair, such as `0` or `adelie-gentoo-3`.
    pub pair: String,
    /// Repetition, from 0.
    pub repetition: u32,
    /// Segments of the curve.
    pub segments: u32,
}

impl CellKey {
    /// The name of the files of this cell: 24 hexadecimal digits of SHA-256 over the axes.
    pub fn hash(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(b"likely cell v1");
        let lambda = self.lambda.map_or_else(String::new, |l| format!("{:016x}", l.to_bits()));
        let numbers = [self.repetition.to_string(), self.segments.to_string()];
        for part in
            [&self.experiment, &self.model, &self.method, &lambda, &self.pair, &numbers[0], &numbers[1]]
        {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part.as_bytes());
        }
        hex(&hash.finalize()[..12])
    }
}

/// What became of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// It ran; whether it converged is in its stop.
    Ok,
    /// The method does not apply to the scene; the reason says why.
    Skipped,
    /// It ran into an error; the reason is the error.
    Failed,
}

/// Why the method stopped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct StopRecord {
    /// `closed-form`, `converged`, `iteration-limit`, `stalled` or `not-finite`.
    pub kind: String,
    /// Whether that means that the curve solves the problem.
    pub converged: bool,
    /// Final gradient norm over all interior points, where one was computed.
    pub grad_norm_l2: Option<f64>,
    /// The same in words.
    pub text: String,
}

/// Points evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct EvaluationCounts {
    /// Points at which the value alone was asked for.
    pub values: u64,
    /// Points at which the gradient was asked for.
    pub gradients: u64,
}

/// One metric of one cell: a value, or the reason for its absence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct MetricRecord {
    /// Id, which names the definition.
    pub id: String,
    /// The value, always finite.
    pub value: Option<f64>,
    /// Standard error, where the value is an estimate.
    pub std_err: Option<f64>,
    /// Why there is no value.
    pub reason: Option<String>,
}

/// Everything about one cell that must be the same on every run: the source of truth of a run folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CellRecord {
    /// [`crate::FORMAT`] of the writer.
    pub format: u32,
    /// The axes.
    pub key: CellKey,
    /// What became of it.
    pub status: Status,
    /// Why it was skipped or failed.
    pub reason: Option<String>,
    /// Why the method stopped.
    pub stop: Option<StopRecord>,
    /// Iterations taken.
    pub iterations: u32,
    /// Points evaluated by the method (not by the metrics).
    pub evaluations: EvaluationCounts,
    /// The factor in front of the potential that was used.
    pub lambda_norm: Option<f64>,
    /// The exact reduction that was used.
    pub reduction: Option<String>,
    /// The metrics, in the order of the spec.
    pub metrics: Vec<MetricRecord>,
    /// SHA-256 of the curve's file, for cells that have a curve.
    pub curve_sha256: Option<String>,
    /// SHA-256 of the file of its series, for cells that have some; absent from cells that have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series_sha256: Option<String>,
    /// Its pictures; absent from cells that have none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pictures: Vec<PictureRecord>,
}

impl CellRecord {
    /// The value of a metric, where there is one.
    pub fn metric(&self, id: &str) -> Option<f64> {
        self.metrics.iter().find(|metric| metric.id == id).and_then(|metric| metric.value)
    }
}

/// Clock readings of one cell; they live apart from everything that is compared.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TimingRecord {
    /// [`crate::FORMAT`] of the writer.
    pub format: u32,
    /// Elapsed time of the method in seconds.
    pub wall_s: f64,
    /// CPU time of the thread that ran the method, in seconds; blocks that other threads took are not in it.
    pub cpu_s: f64,
}
