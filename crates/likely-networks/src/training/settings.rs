//! How to train: the `[training]` table of a spec.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use std::num::{NonZeroU64, NonZeroUsize};

/// The settings of a training; its serialised form, with every default filled in, is part of what the weights are the result of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// Root of the random streams of training: initial weights, order of the points, noise.
    pub seed: u64,
    /// Points in a batch.
    pub batch: NonZeroUsize,
    /// How often each point is seen; either this or [`Self::steps`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epochs: Option<NonZeroU64>,
    /// Steps of the optimiser; either this or [`Self::epochs`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<NonZeroU64>,
    /// The optimiser.
    pub optimiser: Optimiser,
    /// Its step size.
    #[serde(deserialize_with = "above_zero")]
    pub learning_rate: f64,
    /// How the step size changes.
    #[serde(default)]
    pub schedule: Schedule,
    /// Weight decay, in the sense of the optimiser.
    #[serde(default, deserialize_with = "zero_or_more")]
    pub weight_decay: f64,
    /// Decay rates of the running means of the gradient and of its square.
    #[serde(default = "default_betas", deserialize_with = "betas")]
    pub betas: [f64; 2],
    /// What is added to the root of the second running mean.
    #[serde(default = "default_epsilon", deserialize_with = "above_zero")]
    pub epsilon: f64,
    /// Largest Euclidean norm of the gradient over all parameters together; a longer one is shortened. No limit when absent.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "some_above_zero")]
    pub clip: Option<f64>,
}

/// Which optimiser.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Optimiser {
    /// Adam (Kingma and Ba, 2015); weight decay adds its multiple of the weights to the gradient.
    Adam,
    /// `AdamW` (Loshchilov and Hutter, 2019); weight decay shrinks the weights apart from the gradient.
    Adamw,
}

/// How the step size changes over the steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// Not at all.
    #[default]
    Constant,
    /// Half a cosine from the learning rate at the first step to 0 after the last.
    Cosine,
}

impl Settings {
    /// The step size of step `index` of `steps`, counted from 0.
    pub fn rate(&self, index: u64, steps: u64) -> f64 {
        match self.schedule {
            Schedule::Constant => self.learning_rate,
            Schedule::Cosine => {
                let part = index as f64 / steps as f64;
                self.learning_rate * 0.5 * (1.0 + libm::cos(std::f64::consts::PI * part))
            }
        }
    }
}

fn default_betas() -> [f64; 2] {
    [0.9, 0.999]
}

fn default_epsilon() -> f64 {
    1e-8
}

fn above_zero<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let value = f64::deserialize(deserializer)?;
    if value > 0.0 && value.is_finite() {
        Ok(value)
    } else {
        Err(D::Error::custom(format!("{value} is not above 0")))
    }
}

fn some_above_zero<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    above_zero(deserializer).map(Some)
}

fn zero_or_more<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let value = f64::deserialize(deserializer)?;
    if value >= 0.0 && value.is_finite() {
        Ok(value)
    } else {
        Err(D::Error::custom(format!("{value} is below 0")))
    }
}

fn betas<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[f64; 2], D::Error> {
    let betas = <[f64; 2]>::deserialize(deserializer)?;
    if betas.iter().all(|beta| (0.0..1.0).contains(beta)) {
        Ok(betas)
    } else {
        Err(D::Error::custom(format!("{betas:?} are not both at least 0 and below 1")))
    }
}
