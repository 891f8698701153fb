//! A variational autoencoder of points in space, and the potentials that it gives on its plane of latent points.

mod bound;
mod network;
mod released;
mod training;

pub use network::Vae;
pub(crate) use training::TRAINABLE;

use crate::learned;
use crate::weights_file::WeightsFile;
use crate::{BuildError, Built, Config, Model, Resources};
use bound::{Bound, Walk};
use likely_core::{Exact, Potential};
use rand::Rng;
use rand_distr::StandardNormal;
use released::Released;
use serde::de::Error as _;
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;

const ID: &str = "vae";

pub(crate) const MODEL: Model = Model {
    id: ID,
    summary: "A variational autoencoder 3-100-2-100-3: minus its evidence bound at the decoded point, on the plane of latent points.",
    source: "autoencoder of the circle in the authors' public code for arXiv 2510.26266",
    build,
};

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Settings {
    weights: WeightsFile,
    #[serde(default)]
    objective: Objective,
    /// Samples of the latent point that the bound is averaged over.
    #[serde(default = "ten")]
    samples: NonZeroU32,
}

/// Which noise the bound is evaluated with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Objective {
    /// A walk, as released: each sample is decoded into the point of the next one, with noise that differs from point to
    /// point without any relation. A function of the seed and the point.
    Released,
    /// The same noise for all points.
    #[default]
    FixedNoise,
    /// No noise: one sample, the mean of the encoder.
    Mean,
}

fn ten() -> NonZeroU32 {
    NonZeroU32::new(10).expect("ten is not zero")
}

/// Most samples of a bound.
const MOST_SAMPLES: u32 = 10_000;

fn build(config: Config<'_>, resources: &Resources<'_>) -> Result<Built, BuildError> {
    let settings = Settings::deserialize(toml::Deserializer::from(config))?;
    let resolved = toml::Table::try_from(&settings).map_err(toml::de::Error::custom)?;
    let samples = settings.samples.get();
    if samples > MOST_SAMPLES {
        let reason = format!("samples is {samples}; at most {MOST_SAMPLES} are taken");
        return Err(BuildError::Fit { model: ID, reason });
    }
    let stored = learned::read(&settings.weights, resources, &Vae::expected())?;
    let vae = learned::network(&settings.weights, &stored, Vae::load)?;
    let potential: Box<dyn Potential> = match settings.objective {
        Objective::Mean => Box::new(Exact(Bound::new(vae, vec![[0.0; 2]]))),
        Objective::FixedNoise => {
            let mut stream = resources.seed.stream(&[("model", ID), ("purpose", "noise")]);
            let noise = (0..samples).map(|_| [(); 2].map(|()| stream.sample(StandardNormal)));
            Box::new(Exact(Bound::new(vae, noise.collect())))
        }
        Objective::Released => Box::new(Released::new(Walk::new(vae, samples as usize), resources.seed)),
    };
    let facts = vec![("weights-sha256", stored.sha256)];
    Ok(Built { potential, flow: None, images: None, resolved, facts })
}
