//! A small denoising diffusion model of the plane.

mod denoiser;
mod flow;
mod training;

pub use denoiser::Denoiser;
pub use flow::FlowLikelihood;
pub(crate) use training::TRAINABLE;

use crate::learned;
use crate::weights_file::WeightsFile;
use crate::{BuildError, Built, Config, Model, Resources};
use denoiser::STEPS;
use flow::ScoreAlone;
use likely_core::Potential;
use serde::de::Error as _;
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;

const ID: &str = "diffusion-2d";

pub(crate) const MODEL: Model = Model {
    id: ID,
    summary: "A denoising diffusion model of the plane with 50 steps: likelihood by its probability flow, or its score at one step alone.",
    source: "tiny-diffusion, ddpm.py; Ho et al., 2020; probability flow: Song et al., 2021",
    build,
};

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Settings {
    weights: WeightsFile,
    /// The step whose score is given, in place of a likelihood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    score_only: Option<u32>,
    /// Runge-Kutta steps between two steps of the diffusion.
    #[serde(default = "two")]
    pieces: NonZeroU32,
}

fn two() -> NonZeroU32 {
    NonZeroU32::new(2).expect("two is not zero")
}

/// Most Runge-Kutta steps between two steps of the diffusion.
const MOST_PIECES: u32 = 1000;

fn build(config: Config<'_>, resources: &Resources<'_>) -> Result<Built, BuildError> {
    let settings = Settings::deserialize(toml::Deserializer::from(config))?;
    let resolved = toml::Table::try_from(&settings).map_err(toml::de::Error::custom)?;
    let wrong = |reason: String| BuildError::Fit { model: ID, reason };
    if let Some(step) = settings.score_only.filter(|step| *step as usize >= STEPS) {
        return Err(wrong(format!("score-only is {step}; there are the steps 0 to {}", STEPS - 1)));
    }
    if settings.pieces.get() > MOST_PIECES {
        return Err(wrong(format!("pieces is {}; at most {MOST_PIECES} are taken", settings.pieces)));
    }
    let stored = learned::read(&settings.weights, resources, &Denoiser::expected())?;
    let network = learned::network(&settings.weights, &stored, Denoiser::load)?;
    let potential: Box<dyn Potential> = match settings.score_only {
        Some(step) => Box::new(ScoreAlone::new(network, step as usize)),
        None => Box::new(FlowLikelihood::new(network, settings.pieces.get() as usize)),
    };
    let facts = vec![("weights-sha256", stored.sha256)];
    Ok(Built { potential, flow: None, images: None, resolved, facts })
}
