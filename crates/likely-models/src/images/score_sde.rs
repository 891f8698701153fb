//! A score of images in continuous time, its noise space, and the likelihood that it gives.

mod flow;
mod network;
mod runge_kutta;
mod sde;
mod space;
mod training;

pub use sde::Sde;
pub use space::ImageScoreSde;
pub(crate) use training::TRAINABLE;

use crate::images::constants::at_most;
use crate::images::prior::Prior;
use crate::images::score_only::ScoreOnly;
use crate::images::unet::{PlanesUNet, UNet, Width, side_of};
use crate::learned;
use crate::numbers::PositiveNumber;
use crate::weights_file::WeightsFile;
use crate::{BuildError, Built, Config, Model, Resources};
use flow::{Flow, Trace};
use likely_core::{ImageShape, Potential, Seed};
use likely_networks::candle::DType;
use likely_networks::candle_room::CandleScore;
use network::{NoiseNetwork, score_factor};
use serde::de::Error as _;
use serde::{Deserialize, Serialize};
use space::{Density, Levels, Likelihood};
use std::num::NonZeroU16;
use std::sync::Arc;

const ID: &str = "image-score-sde";
/// Root of the random directions of all likelihoods: the same for all images, models and runs, so that they can be compared.
const DIRECTIONS: Seed = Seed::new(20_260_101);

pub(crate) const MODEL: Model = Model {
    id: ID,
    summary: "A score of square grey images in continuous time, of the sub-VP or VP equation: the law of its noise, its score at a time, or its likelihood; images come and go by the probability flow.",
    source: "Song et al. 2021, arXiv 2011.13456",
    build,
};

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Settings {
    weights: WeightsFile,
    #[serde(default)]
    potential: Kind,
    /// The time of the score.
    #[serde(default = "early")]
    time: Time,
    /// What a step of the probability flow may be wrong by, relative to numbers above 1.
    #[serde(default = "hundred_thousandth")]
    tolerance: PositiveNumber,
    /// Random directions that the trace of the likelihood is estimated with, the same for all images; the exact trace where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    probes: Option<NonZeroU16>,
}

/// Which potential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    /// The standard normal law of noise.
    #[default]
    Prior,
    /// The score of noised images at a time, without values.
    Score,
    /// Minus the log-density of images as numbers in `[-1, 1]`, without gradients.
    Likelihood,
}

/// A time after the first that is looked at, up to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
struct Time(f64);

impl TryFrom<f64> for Time {
    type Error = String;

    fn try_from(time: f64) -> Result<Self, String> {
        if (Sde::FIRST..=1.0).contains(&time) {
            Ok(Self(time))
        } else {
            Err(format!("time is {time}; it must be from {:e} to 1", Sde::FIRST))
        }
    }
}

impl From<Time> for f64 {
    fn from(time: Time) -> Self {
        time.0
    }
}

const fn early() -> Time {
    Time(1.0)
}

const fn hundred_thousandth() -> PositiveNumber {
    PositiveNumber(1e-5)
}

/// What a weights file says of its training: the configuration of the model in JSON.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Trained {
    #[serde(default)]
    sde: Sde,
    #[serde(default)]
    side: Side,
    #[serde(default)]
    width: Width,
    #[serde(default)]
    levels: LevelCount,
    #[serde(default)]
    weighting: Weighting,
}

impl Trained {
    fn shape(self) -> ImageShape {
        let side = usize::from(self.side.0);
        ImageShape { channels: 1, height: side, width: side }
    }
}

/// How much each time counts in training.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Weighting {
    /// Each alike, which weights squared errors of the score by the variance of the noise.
    #[default]
    Variance,
    /// So that the loss bounds the likelihood.
    Likelihood,
}

/// Pixels along a side, a multiple of 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
struct Side(u16);

impl Default for Side {
    fn default() -> Self {
        Self(28)
    }
}

impl TryFrom<u16> for Side {
    type Error = String;

    fn try_from(side: u16) -> Result<Self, String> {
        if side <= 256 && side_of(usize::from(side).pow(2)).is_some() {
            Ok(Self(side))
        } else {
            Err(format!("side is {side}; it must be a multiple of 4 from 4 to 256"))
        }
    }
}

impl From<Side> for u16 {
    fn from(side: Side) -> Self {
        side.0
    }
}

/// Levels of a pixel, at least 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
struct LevelCount(u16);

impl LevelCount {
    fn get(self) -> u16 {
        self.0
    }
}

impl std::fmt::Display for LevelCount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl Default for LevelCount {
    fn default() -> Self {
        Self(256)
    }
}

impl TryFrom<u16> for LevelCount {
    type Error = String;

    fn try_from(levels: u16) -> Result<Self, String> {
        if levels >= 2 { Ok(Self(levels)) } else { Err(format!("levels is {levels}; it must be 2 or more")) }
    }
}

impl From<LevelCount> for u16 {
    fn from(levels: LevelCount) -> Self {
        levels.0
    }
}

fn build(config: Config<'_>, resources: &Resources<'_>) -> Result<Built, BuildError> {
    let settings = Settings::deserialize(toml::Deserializer::from(config))?;
    let resolved = toml::Table::try_from(&settings).map_err(toml::de::Error::custom)?;
    let stored = learned::read_any(&settings.weights, resources)?;
    let trained: Trained = learned::said_of_training(ID, &settings.weights, &stored.weights)?;
    let (sde, shape, dim) = (trained.sde, trained.shape(), trained.shape().len());
    let network = |dtype| {
        learned::network(&settings.weights, &stored, |weights| {
            UNet::load(weights, trained.width.get(), dtype).map(NoiseNetwork::new)
        })
    };
    let flow = Flow { sde, tolerance: settings.tolerance.0 };
    let trace = settings.probes.map_or(Trace::Exact, |count| {
        let mut stream = DIRECTIONS.stream(&[("model", ID), ("purpose", "probes")]);
        Trace::Probes(training::probes(usize::from(count.get()), dim, &mut stream))
    });
    let wide = network(DType::F64)?;
    let density = Density { network: resources.placed(|device| wide.on(device))?, flow, trace };
    let potential: Box<dyn Potential> = match settings.potential {
        Kind::Prior => {
            let fit = |error: crate::QuadraticError| BuildError::Fit { model: ID, reason: error.to_string() };
            Box::new(Prior::new(dim).map_err(fit)?)
        }
        Kind::Score => {
            let network = network(DType::F64)?;
            let (network, t) = (resources.placed(|device| network.on(device))?, settings.time.0);
            let factor = score_factor(sde, t);
            let score = CandleScore::new(dim, DType::F64, move |x| network.on_graph(x, t)? * factor);
            let score =
                score.on(resources.device.candle().clone()).at_most(at_most(resources.device.candle()));
            let others = "the potentials \"prior\" and \"likelihood\" have values";
            Box::new(ScoreOnly::new(Box::new(score), format!("time {t}"), others))
        }
        Kind::Likelihood => Box::new(Likelihood { density: density.clone(), dim }),
    };
    let mut facts = vec![("weights-sha256", stored.sha256.clone())];
    if settings.potential == Kind::Score {
        let t = settings.time.0;
        facts.push(("factor of an image at the time", Sde::kept(t).to_string()));
        facts.push(("standard deviation of the noise at the time", sde.deviation(t).to_string()));
    }
    // Each image is followed by itself, which a GPU does no faster.
    let planes = learned::network(&settings.weights, &stored, |weights| {
        PlanesUNet::load(weights, trained.width.get())
    })?;
    let levels = Levels(trained.levels.get());
    let images = ImageScoreSde { network: planes, flow, levels, shape, density };
    // The likelihood is one of images; the points of the space of images are noise.
    let images: Option<Arc<dyn likely_core::ImageSpace>> = match settings.potential {
        Kind::Likelihood => None,
        Kind::Prior | Kind::Score => Some(Arc::new(images)),
    };
    Ok(Built { potential, flow: None, images, resolved, facts })
}
