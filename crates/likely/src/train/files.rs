//! Where a training keeps its files, and what is there already.

use crate::answer::Failure;
use crate::args;
use anyhow::Context;
use likely_experiment::{Prepared, TrainingSpec};
use likely_models::training::{Identity, Parameters, State};
use likely_models::{StoredWeights, Weights};
use likely_record::write_atomic;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

/// Largest checkpoint that is read, in bytes.
const LARGEST_CHECKPOINT: u64 = 1 << 32;

/// The files of one training.
pub(crate) struct Files {
    pub(crate) weights: PathBuf,
    pub(crate) card: PathBuf,
    pub(crate) checkpoint: PathBuf,
    lock: PathBuf,
}

impl Files {
    pub(crate) fn of(spec: &TrainingSpec, args: &args::Train) -> Self {
        let folder = args.out.as_deref().unwrap_or(spec.folder());
        let working = args.results.join("training");
        // A short try has other steps than the whole training, whose checkpoint it leaves alone.
        let name =
            args.steps.map_or_else(|| spec.id().to_owned(), |steps| format!("{}-{steps}-steps", spec.id()));
        Self {
            weights: folder.join(format!("{}.safetensors", spec.id())),
            card: folder.join(format!("{}.md", spec.id())),
            checkpoint: working.join(format!("{name}.checkpoint")),
            lock: working.join(format!("{name}.lock")),
        }
    }

    /// Makes the folders and takes the right to train, which ends with the value that is returned.
    pub(crate) fn lock(&self) -> anyhow::Result<File> {
        for file in [&self.weights, &self.checkpoint] {
            let folder = file.parent().unwrap_or(Path::new("."));
            fs::create_dir_all(folder)
                .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        }
        let failed = || format!("cannot write {}", self.lock.display());
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(&self.lock);
        let file = file.with_context(failed)?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => {
                let lock = self.lock.display();
                Err(Failure::usage(format!(
                    "another program is at this training (it holds {lock}); stop it first"
                )))
            }
            // Some network file systems have no locks; two trainings of one spec write the same bytes.
            Ok(()) | Err(TryLockError::Error(_)) => Ok(file),
        }
    }

    /// The state that a checkpoint holds, where there is one.
    pub(crate) fn resume(&self, identity: &Identity, initial: Parameters) -> anyhow::Result<Option<State>> {
        let path = self.checkpoint.display();
        let length = match fs::metadata(&self.checkpoint) {
            Ok(about) => about.len(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Failure::usage(format!("cannot read {path}: {error}"))),
        };
        if length > LARGEST_CHECKPOINT {
            return Err(Failure::usage(format!("{path} has {length} bytes, more than any checkpoint")));
        }
        let bytes = fs::read(&self.checkpoint).with_context(|| format!("cannot read {path}"))?;
        match State::from_checkpoint(&bytes, identity, initial) {
            Ok(state) => Ok(Some(state)),
            Err(error) => Err(Failure::usage(format!(
                "the checkpoint {path} cannot be used: {error}; `--restart` trains from the beginning"
            ))),
        }
    }

    /// Keeps a state.
    pub(crate) fn keep(&self, state: &State, identity: &Identity) -> anyhow::Result<()> {
        let bytes = state
            .to_checkpoint(identity)
            .with_context(|| format!("the checkpoint {} was not written", self.checkpoint.display()))?;
        Ok(write_atomic(&self.checkpoint, &bytes)?)
    }

    /// Takes the checkpoint away.
    pub(crate) fn forget(&self) -> anyhow::Result<()> {
        match fs::remove_file(&self.checkpoint) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("cannot remove {}", self.checkpoint.display()))
            }
            _ => Ok(()),
        }
    }

    /// The weights that are there; none where the file is not.
    pub(crate) fn stored(&self) -> anyhow::Result<Option<StoredWeights>> {
        if self.weights.exists() { Ok(Some(Weights::read(&self.weights)?)) } else { Ok(None) }
    }

    /// Whether the card is that of weights with the given hash, under the heading that the spec has now.
    pub(crate) fn card_is_of(&self, spec: &TrainingSpec, sha256: &str) -> bool {
        let heading = format!("# {}", spec.title());
        fs::read_to_string(&self.card)
            .is_ok_and(|card| card.lines().next() == Some(&heading) && card.contains(sha256))
    }
}

/// What the weights say of themselves.
pub(crate) fn describe(
    weights: &mut Weights,
    spec: &TrainingSpec,
    prepared: &Prepared,
    steps: u64,
    early: Option<&str>,
) -> anyhow::Result<()> {
    let entries = [
        ("id", spec.id().to_owned()),
        ("model", spec.model().to_owned()),
        ("config", serde_json::to_string(&prepared.model_config)?),
        ("data", spec.data().to_owned()),
        ("data-config", serde_json::to_string(&prepared.data_config)?),
        ("data-seed", spec.data_seed().to_string()),
        ("data-sha256", prepared.data_sha256()),
        ("seed", prepared.settings.seed.to_string()),
        ("steps", steps.to_string()),
        ("spec-sha256", prepared.sha256()),
        ("early-sha256", early.unwrap_or_default().to_owned()),
    ];
    weights.metadata_mut().extend(entries.map(|(key, value)| (key.to_owned(), value)));
    Ok(())
}

/// Whether weights are the result of this spec after so many steps.
pub(crate) fn is_result_of(weights: &Weights, prepared: &Prepared, steps: u64) -> bool {
    let says = |key: &str, value: &str| weights.metadata().get(key).is_some_and(|found| found == value);
    says("spec-sha256", &prepared.sha256())
        && says("steps", &steps.to_string())
        && says("data-sha256", &prepared.data_sha256())
}
