//! A training cut short, as bytes: all that must be kept, whose it is, and a hash that tells damage.

use super::state::{digest, hexadecimal};
use super::{Parameters, State};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

const KEY: &str = "likely-checkpoint";
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

impl State {
    /// The state as the bytes of a safetensors file.
    ///
    /// # Errors
    /// [`CheckpointError::Damaged`] where a number is not finite, as a state worth keeping has none.
    pub fn to_checkpoint(&self, identity: &Identity) -> Result<Vec<u8>, CheckpointError> {
        let damaged = |reason: String| CheckpointError::Damaged { reason };
        if !self.is_finite() {
            return Err(damaged(format!("a number is not finite after step {}", self.step)));
        }
        let mut header = Header {
            identity: identity.clone(),
            step: self.step,
            early: self.early.clone(),
            sha256: String::new(),
        };
        header.sha256 = header.hash(self);
        let header = serde_json::to_string(&header).map_err(|error| damaged(error.to_string()))?;
        let arrays = [self.parameters.values(), &self.moments.first, &self.moments.second];
        let bytes =
            arrays.map(|values| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>());
        let views = PARTS.iter().zip(&bytes).map(|(name, bytes)| {
            TensorView::new(Dtype::F32, vec![self.parameters.count()], bytes).map(|view| (*name, view))
        });
        let views = views.collect::<Result<Vec<_>, _>>().map_err(|error| damaged(error.to_string()))?;
        // A single entry: the order of several would be random.
        let metadata = [(KEY.to_owned(), header)].into_iter().collect();
        safetensors::serialize(views, Some(metadata)).map_err(|error| damaged(error.to_string()))
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
        let damaged = |reason: String| CheckpointError::Damaged { reason };
        let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(|error| damaged(error.to_string()))?;
        let header = metadata.metadata().as_ref().and_then(|metadata| metadata.get(KEY));
        let header = header.ok_or_else(|| damaged(format!("its header has no `{KEY}`")))?;
        let header: Header = serde_json::from_str(header).map_err(|error| damaged(error.to_string()))?;
        compare(&header.identity, identity)?;
        let tensors = SafeTensors::deserialize(bytes).map_err(|error| damaged(error.to_string()))?;
        let count = initial.count();
        let mut state = Self::new(initial);
        let arrays = [state.parameters.values_mut(), &mut state.moments.first, &mut state.moments.second];
        for (name, values) in PARTS.iter().zip(arrays) {
            let tensor = tensors.tensor(name).map_err(|error| damaged(error.to_string()))?;
            if tensor.dtype() != Dtype::F32 || tensor.shape() != [count] {
                let (dtype, shape) = (tensor.dtype(), tensor.shape());
                return Err(damaged(format!(
                    "`{name}` is {dtype:?} of shape {shape:?}, not F32 of [{count}]"
                )));
            }
            for (value, bytes) in values.iter_mut().zip(tensor.data().as_chunks::<4>().0) {
                *value = f32::from_le_bytes(*bytes);
            }
        }
        state.step = header.step;
        state.early.clone_from(&header.early);
        if header.hash(&state) != header.sha256 || state.step > identity.steps {
            return Err(damaged("its contents do not have the hash that it names".to_owned()));
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
