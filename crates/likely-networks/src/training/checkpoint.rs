//! A training cut short, as bytes: all that must be kept, whose it is, and a hash that tells damage.

use super::state::{digest, hexadecimal};
use super::{Parameters, State};
use crate::Weights;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

const KEY: &str = "checkpoint";
const PARTS: [&str; 3] = ["parameters", "first-moments", "second-moments"];

/// Which training a checkpoint is of; it goes on only in the same one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Identity {
    /// The program and its version.
    pub program: String,
    /// SHA-256 of the spec with every default filled in.
    pub spec: String,
    /// SHA-256 of the training points; empty where every point is fresh.
    pub data: String,
    /// Steps in all.
    pub steps: u64,
}

/// Why bytes are not a checkpoint to go on from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// The bytes are not those that were written.
    #[error("it is damaged: {reason}")]
    Damaged {
        /// What is wrong.
        reason: String,
    },
    /// It is of another training.
    #[error("it is of another training: {what} differs (`{found}` there, `{wanted}` here)")]
    Other {
        /// What differs.
        what: &'static str,
        /// As the checkpoint has it.
        found: String,
        /// As this training has it.
        wanted: String,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Header {
    identity: Identity,
    step: u64,
    early: Option<String>,
    sha256: String,
}

impl Header {
    /// Hash over everything else.
    fn hash(&self, state: &State) -> String {
        let numbers = digest(&[state.parameters.values(), &state.moments.first, &state.moments.second]);
        let words = format!("{:?}\n{}\n{:?}\n{numbers}", self.identity, self.step, self.early);
        hexadecimal(&Sha256::digest(words.as_bytes()))
    }
}

fn damaged(reason: impl ToString) -> CheckpointError {
    CheckpointError::Damaged { reason: reason.to_string() }
}

impl State {
    /// The state as the bytes of a safetensors file.
    ///
    /// # Errors
    /// [`CheckpointError::Damaged`] where a number is not finite, as a state worth keeping has none.
    pub fn to_checkpoint(&self, identity: &Identity) -> Result<Vec<u8>, CheckpointError> {
        let mut header = Header {
            identity: identity.clone(),
            step: self.step,
            early: self.early.clone(),
            sha256: String::new(),
        };
        header.sha256 = header.hash(self);
        let mut weights = Weights::new();
        let arrays = [self.parameters.values(), &self.moments.first, &self.moments.second];
        for (name, values) in PARTS.iter().zip(arrays) {
            weights.insert(*name, &[values.len()], values.to_vec()).map_err(damaged)?;
        }
        let header = serde_json::to_string(&header).map_err(damaged)?;
        weights.metadata_mut().insert(KEY.to_owned(), header);
        Ok(weights.to_bytes())
    }

    /// The state that was written for `identity`; `initial` says which parameters there are.
    ///
    /// # Errors
    /// [`CheckpointError`].
    pub fn from_checkpoint(
        bytes: &[u8],
        identity: &Identity,
        initial: Parameters,
    ) -> Result<Self, CheckpointError> {
        let weights = Weights::from_bytes(bytes).map_err(damaged)?;
        let header = weights.metadata().get(KEY);
        let header = header.ok_or_else(|| damaged(format!("its header has no `{KEY}`")))?;
        let header: Header = serde_json::from_str(header).map_err(damaged)?;
        compare(&header.identity, identity)?;
        let count = initial.count();
        let mut state = Self::new(initial);
        let arrays = [state.parameters.values_mut(), &mut state.moments.first, &mut state.moments.second];
        for (name, values) in PARTS.iter().zip(arrays) {
            let tensor = weights.get(name).map_err(damaged)?;
            if tensor.shape() != [count] {
                return Err(damaged(format!("`{name}` has shape {:?}, not [{count}]", tensor.shape())));
            }
            values.copy_from_slice(tensor.values());
        }
        state.step = header.step;
        state.early.clone_from(&header.early);
        if header.hash(&state) != header.sha256 || state.step > identity.steps {
            return Err(damaged("its contents do not have the hash that it names"));
        }
        Ok(state)
    }
}

fn compare(found: &Identity, wanted: &Identity) -> Result<(), CheckpointError> {
    let differs = |what, found: &str, wanted: &str| {
        let (found, wanted) = (found.to_owned(), wanted.to_owned());
        if found == wanted { Ok(()) } else { Err(CheckpointError::Other { what, found, wanted }) }
    };
    differs("the version of the program", &found.program, &wanted.program)?;
    differs("the spec", &found.spec, &wanted.spec)?;
    differs("the number of steps", &found.steps.to_string(), &wanted.steps.to_string())?;
    differs("the data", &found.data, &wanted.data)
}
