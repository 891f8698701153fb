//! Where a result came from.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// `provenance.json`: what made the numbers of a run folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Provenance {
    /// [`crate::FORMAT`] of the writer.
    pub format: u32,
    /// Version of the program.
    pub version: String,
    /// Commit of the source tree, where it is a git checkout.
    pub commit: Option<String>,
    /// Whether the tree had uncommitted changes.
    pub dirty: Option<bool>,
    /// SHA-256 of the program.
    pub program_sha256: String,
    /// SHA-256 of the lock file, where it is at hand.
    pub lock_sha256: Option<String>,
    /// SHA-256 of the spec as written.
    pub spec_sha256: String,
    /// SHA-256 of each data file, by its path in the spec.
    pub data_sha256: BTreeMap<String, String>,
    /// Compiler that built the program.
    pub compiler: String,
    /// Target triple.
    pub target: String,
    /// Model name of the CPU.
    pub cpu: String,
    /// Vector instruction sets that the program found.
    pub cpu_features: Vec<String>,
    /// Device that the models ran on: `cpu`, or a GPU with its kind, such as `cuda:0 (NVIDIA A100-SXM4-80GB)`.
    pub device: String,
    /// Worker threads.
    pub threads: usize,
    /// When the run started, as an RFC 3339 time in UTC.
    pub started: String,
}

impl Provenance {
    /// Whether all models ran on the processor.
    pub fn on_processor(&self) -> bool {
        self.device == "cpu"
    }
}
