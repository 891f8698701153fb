//! A variational autoencoder of images, and the potentials that it gives on its latent space.

mod bound;
mod network;
mod released;
mod small;
mod training;

pub use network::{Architecture, ImageVae};
pub(crate) use training::TRAINABLE;

use crate::images::constants::together;
use crate::images::decoder::Decodes;
use crate::images::prior::Prior;
use crate::learned;
use crate::weights_file::WeightsFile;
use crate::{BuildError, Built, Config, Model, Resources};
use bound::minus_bound;
use likely_core::{Normalisation, Potential};
use likely_networks::candle::{DType, Device, Result as CandleResult, Tensor};
use likely_networks::candle_room::CandlePotential;
use serde::de::Error as _;
use serde::{Deserialize, Serialize};
use std::num::NonZeroU16;
use std::sync::Arc;

const ID: &str = "image-vae";

pub(crate) const MODEL: Model = Model {
    id: ID,
    summary: "A convolutional variational autoencoder of images: its prior, or minus its evidence bound at the decoded image, on the latent space.",
    source: "image autoencoders of arXiv 2510.26266 v1; Kingma and Welling 2014, arXiv 1312.6114",
    build,
};

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Settings {
    weights: WeightsFile,
    #[serde(default)]
    architecture: Architecture,
    #[serde(default)]
    potential: Kind,
    /// Samples of the latent point that `elbo-fixed-noise` is averaged over.
    #[serde(default = "ten")]
    samples: NonZeroU16,
}

/// Which potential on the latent space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    /// That of the standard normal prior.
    #[default]
    Prior,
    /// Minus the evidence bound at the decoded image, with the mean of the encoder for the latent point.
    Elbo,
    /// The same, averaged over latent points drawn with noise that is the same for all points.
    ElboFixedNoise,
}

const fn ten() -> NonZeroU16 {
    NonZeroU16::new(10).expect("ten is not zero")
}

fn build(config: Config<'_>, resources: &Resources<'_>) -> Result<Built, BuildError> {
    let settings = Settings::deserialize(toml::Deserializer::from(config))?;
    let resolved = toml::Table::try_from(&settings).map_err(toml::de::Error::custom)?;
    let architecture = settings.architecture;
    let expected = architecture.expected();
    let stored = if architecture.released().is_some() {
        let counter = |name: &str| name.ends_with(released::COUNTERS);
        learned::read_leaving_out(&settings.weights, resources, &expected, counter)?
    } else {
        learned::read(&settings.weights, resources, &expected)?
    };
    let vae = learned::network(&settings.weights, &stored, |w| ImageVae::load(w, architecture))?;
    let vae = resources.placed(|device| vae.on(device))?;
    let latent = architecture.latent();
    let potential: Box<dyn Potential> = match settings.potential {
        Kind::Prior => {
            let fit = |error: crate::QuadraticError| BuildError::Fit { model: ID, reason: error.to_string() };
            Box::new(Prior::new(latent).map_err(fit)?)
        }
        Kind::Elbo => Box::new(bound(&vae, Tensor::zeros((1, latent), DType::F64, &Device::Cpu))?),
        Kind::ElboFixedNoise => {
            let samples = usize::from(settings.samples.get());
            let mut stream = resources.seed.stream(&[("model", ID), ("purpose", "noise")]);
            Box::new(bound(&vae, bound::noise(&mut stream, samples, latent))?)
        }
    };
    let facts =
        vec![("weights-sha256", stored.sha256), ("standard deviation of a pixel", vae.scale().to_string())];
    Ok(Built { potential, flow: None, images: Some(Arc::new(vae)), resolved, facts })
}

/// Minus the evidence bound at decoded images; on the processor each point by itself, so that its bits do not depend on the others.
fn bound(vae: &ImageVae, noise: CandleResult<Tensor>) -> Result<impl Potential + use<>, BuildError> {
    let (vae, latent) = (vae.clone(), vae.architecture().latent());
    let device = vae.device().clone();
    let noise = noise.and_then(|noise| noise.to_device(&device));
    let noise = noise.map_err(|error| BuildError::Fit { model: ID, reason: error.to_string() })?;
    let network = move |z: &Tensor| minus_bound(&vae, &vae.decoded(z)?, &noise)?.mean(1);
    let together = together(&device);
    let potential = CandlePotential::new(latent, Normalisation::UpToConstant, DType::F64, network);
    Ok(potential.on(device).at_most(together))
}
