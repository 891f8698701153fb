//! Drawing from a flow by following it in steps, and the table of ways to do so.

use crate::table::Config;
use likely_core::{EvalError, Evaluations, Flow, SamplePrediction};
use ndarray::Array2;
use rand_chacha::ChaCha8Rng;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::ControlFlow;

/// Samples and what is known about them.
#[derive(Debug, Clone, PartialEq)]
pub struct Generated {
    /// Where the process was at its end, shape `(samples, dim)`.
    pub samples: Array2<f64>,
    /// Where it started, shape `(samples, dim)`.
    pub starts: Array2<f64>,
    /// Points at which the velocity or the score was evaluated, counted as gradients.
    pub evaluations: Evaluations,
    /// What theory says about the samples.
    pub prediction: SamplePrediction,
}

/// Why no samples came out.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SampleError {
    /// The flow could not be evaluated.
    #[error("evaluating the flow: {0}")]
    Eval(#[from] EvalError),
    /// The steps are too long for the noise that is put in.
    #[error(
        "step {step} at time {time} multiplies deviations by {factor:.3}, so the process diverges; \
         take more steps, less noise, a higher power of the noise scale, or stop earlier"
    )]
    Unstable {
        /// The step, from 1.
        step: u32,
        /// Its time.
        time: f64,
        /// By what it multiplies the deviation from a training point.
        factor: f64,
    },
    /// A sample is not finite any more.
    #[error("a sample is not finite after step {step}")]
    NotFinite {
        /// The step, from 1.
        step: u32,
    },
    /// The samples do not fit.
    #[error("{samples} samples in {dim} coordinates are more than {largest} numbers; draw fewer")]
    TooMany {
        /// Samples asked for.
        samples: u32,
        /// Coordinates of each.
        dim: usize,
        /// Most numbers that are drawn at once.
        largest: usize,
    },
    /// The observer asked to stop.
    #[error("interrupted")]
    Interrupted,
}

/// Receives the number of each step, from 1; `Break` ends the sampler with [`SampleError::Interrupted`].
pub type StepObserver<'a> = &'a mut dyn FnMut(u32) -> ControlFlow<()>;

/// Draws from a flow.
pub trait Sampler: fmt::Debug + Send + Sync {
    /// Samples that are drawn at once.
    fn samples(&self) -> u32;

    /// Steps from noise to data.
    fn steps(&self) -> u32;

    /// The most points at which a run evaluates the velocity or the score.
    fn evaluations_at_most(&self) -> u64;

    /// Draws from `flow`; `rng` is the only source of randomness.
    ///
    /// # Errors
    /// [`SampleError`] where no samples come out.
    fn sample(
        &self,
        flow: &dyn Flow,
        rng: &mut ChaCha8Rng,
        observe: StepObserver<'_>,
    ) -> Result<Generated, SampleError>;
}

/// A sampler that was built from its configuration.
#[derive(Debug)]
pub struct BuiltSampler {
    /// The sampler, ready to draw.
    pub sampler: Box<dyn Sampler>,
    /// Its configuration with every default filled in.
    pub resolved: toml::Table,
}

/// One entry of the table of samplers.
#[derive(Debug, Clone, Copy)]
pub struct SamplerKind {
    /// The kebab-case name that specs use.
    pub id: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// Where the sampler comes from.
    pub source: &'static str,
    /// Builds the sampler; an error carries its place in the spec.
    pub build: fn(Config<'_>) -> Result<BuiltSampler, toml::de::Error>,
}

impl SamplerKind {
    /// The configuration that an empty one stands for, as one line of TOML; the reason where there is none.
    pub fn defaults(&self) -> String {
        crate::table::defaults(|config| (self.build)(config).map(|built| built.resolved))
    }
}

/// Builds a sampler whose configuration struct is the sampler itself.
pub(crate) fn from_config<T>(config: Config<'_>) -> Result<BuiltSampler, toml::de::Error>
where
    T: Sampler + DeserializeOwned + Serialize + 'static,
{
    let sampler = T::deserialize(toml::Deserializer::from(config))?;
    let resolved = toml::Table::try_from(&sampler).map_err(serde::de::Error::custom)?;
    Ok(BuiltSampler { sampler: Box::new(sampler), resolved })
}

/// A time after 0 and not after 1 at which a process ends.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub(crate) struct EndTime(f64);

impl EndTime {
    pub(crate) fn get(self) -> f64 {
        self.0
    }
}

impl Default for EndTime {
    fn default() -> Self {
        Self(1.0)
    }
}

impl TryFrom<f64> for EndTime {
    type Error = String;

    fn try_from(time: f64) -> Result<Self, String> {
        if time > 0.0 && time <= 1.0 {
            Ok(Self(time))
        } else {
            Err(format!("the end is {time}; it must be a time above 0 and at most 1"))
        }
    }
}

impl From<EndTime> for f64 {
    fn from(time: EndTime) -> Self {
        time.0
    }
}

/// A finite number, zero or above.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub(crate) struct Size(f64);

impl Size {
    pub(crate) const fn new(size: f64) -> Self {
        Self(size)
    }

    pub(crate) fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Size {
    type Error = String;

    fn try_from(size: f64) -> Result<Self, String> {
        if size.is_finite() && size >= 0.0 {
            Ok(Self(size))
        } else {
            Err(format!("the size is {size}; it must be finite and not negative"))
        }
    }
}

impl From<Size> for f64 {
    fn from(size: Size) -> Self {
        size.0
    }
}
