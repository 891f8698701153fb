//! A generative adversarial network of grey images, and the potentials that it gives on its latent space.

mod networks;
mod space;
mod training;

pub use space::ImageGan;
pub(crate) use training::TRAINABLE;

use crate::images::constants::together;
use crate::images::decoder::Decodes;
use crate::images::prior::Prior;
use crate::learned;
use crate::numbers::PositiveNumber;
use crate::weights_file::WeightsFile;
use crate::{BuildError, Built, Config, Model, Resources};
use likely_core::{Normalisation, Potential};
use likely_networks::candle::{DType, Tensor};
use likely_networks::candle_room::CandlePotential;
use networks::{LATENT, expected};
use serde::de::Error as _;
use serde::{Deserialize, Serialize};
use space::Inversion;
use std::num::NonZeroU16;
use std::sync::Arc;

const ID: &str = "image-gan";

pub(crate) const MODEL: Model = Model {
    id: ID,
    summary: "A generative adversarial network of grey images of 28x28: its prior, or the prior corrected by its discriminator, on the latent space; images come back by a search.",
    source: "Goodfellow et al. 2014, arXiv 1406.2661; Huang et al. 2025, arXiv 2501.05441; Che et al. 2020, arXiv 2003.06060",
    build,
};

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Settings {
    weights: WeightsFile,
    #[serde(default)]
    potential: Kind,
    /// Points from which the latent point of an image is searched for.
    #[serde(default = "eight")]
    starts: NonZeroU16,
    /// Steps of the search from each.
    #[serde(default = "hundred_and_fifty")]
    steps: NonZeroU16,
    /// Standard deviation of a pixel around the generated value, in the search.
    #[serde(default = "tenth")]
    deviation: PositiveNumber,
}

/// Which potential on the latent space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    /// That of the standard normal prior.
    #[default]
    Prior,
    /// The same less the discriminator at the generated image.
    Discriminator,
}

const fn eight() -> NonZeroU16 {
    NonZeroU16::new(8).expect("eight is not zero")
}

const fn hundred_and_fifty() -> NonZeroU16 {
    NonZeroU16::new(150).expect("it is not zero")
}

const fn tenth() -> PositiveNumber {
    PositiveNumber(0.1)
}

fn build(config: Config<'_>, resources: &Resources<'_>) -> Result<Built, BuildError> {
    let settings = Settings::deserialize(toml::Deserializer::from(config))?;
    let resolved = toml::Table::try_from(&settings).map_err(toml::de::Error::custom)?;
    let stored = learned::read(&settings.weights, resources, &expected())?;
    let inversion = Inversion {
        starts: usize::from(settings.starts.get()),
        steps: usize::from(settings.steps.get()),
        deviation: settings.deviation.0,
    };
    let gan = learned::network(&settings.weights, &stored, |w| ImageGan::load(w, inversion, resources.seed))?;
    let gan = resources.placed(|device| gan.on(device))?;
    let potential: Box<dyn Potential> = match settings.potential {
        Kind::Prior => {
            let fit = |error: crate::QuadraticError| BuildError::Fit { model: ID, reason: error.to_string() };
            Box::new(Prior::new(LATENT).map_err(fit)?)
        }
        Kind::Discriminator => Box::new(corrected(gan.clone())),
    };
    let facts = vec![("weights-sha256", stored.sha256)];
    Ok(Built { potential, flow: None, images: Some(Arc::new(gan)), resolved, facts })
}

/// `S(z) = |z|^2 / 2 - D(g(z))`, up to a constant: the latent points whose images the discriminator takes for images of the data
/// are likelier. With the best discriminator `exp(-S)` makes the generated images follow the law of the data.
///
/// # Source
/// Che et al. 2020, arXiv 2003.06060, equation 3.
fn corrected(gan: ImageGan) -> impl Potential {
    let (device, together) = (gan.device().clone(), together(gan.device()));
    let network = move |z: &Tensor| (z.sqr()?.sum(1)? * 0.5)? - gan.judged(&gan.generated(z)?)?;
    CandlePotential::new(LATENT, Normalisation::UpToConstant, DType::F64, network)
        .on(device)
        .at_most(together)
}
