//! A denoising diffusion model of grey images, and the potentials on its noise space.

mod bound;
mod ddim;
mod network;
mod schedule;
mod training;

pub use ddim::ImageDiffusion;
pub use schedule::{NoiseCurve, NoiseSchedule};
pub(crate) use training::TRAINABLE;

use crate::images::constants::at_most;
use crate::images::prior::Prior;
use crate::images::score_only::ScoreOnly;
use crate::images::unet::{PlanesUNet, UNet, Width};
use crate::learned;
use crate::weights_file::WeightsFile;
use crate::{BuildError, Built, ChiSquareNorm, Config, Model, Resources};
use ddim::{Halt, Steps};
use likely_core::Potential;
use likely_networks::OpenDevice;
use likely_networks::candle::DType;
use likely_networks::candle_room::CandleScore;
use network::Network;
use serde::de::Error as _;
use serde::{Deserialize, Serialize};
use std::num::{NonZeroU16, NonZeroU32};
use std::sync::Arc;

const ID: &str = "image-diffusion";
/// Pixels of its images.
const DIM: usize = 28 * 28;

pub(crate) const MODEL: Model = Model {
    id: ID,
    summary: "A denoising diffusion model of grey images of 28x28: the law of its noise, or its score at one level; images come and go by DDIM.",
    source: "Ho et al. 2020, arXiv 2006.11239; Song et al. 2021, arXiv 2010.02502; noise space of arXiv 2510.26266",
    build,
};

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Settings {
    weights: WeightsFile,
    #[serde(default)]
    potential: Kind,
    /// Steps of DDIM over the whole diffusion.
    #[serde(default = "fifty")]
    steps: NonZeroU16,
    /// The step of DDIM up to which images are noised, `steps` where it is absent: pure noise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    level: Option<NonZeroU16>,
    /// How often each step of encoding is solved again with the noise at its own result.
    #[serde(default)]
    corrections: u8,
}

/// Which potential on the noise space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    /// The law of the squared norm of noise.
    #[default]
    ChiSquare,
    /// The standard normal law.
    Gaussian,
    /// The score of noised images at the level, without values.
    Score,
}

const fn fifty() -> NonZeroU16 {
    NonZeroU16::new(50).expect("fifty is not zero")
}

/// What a weights file says of its training: the configuration of the model in JSON.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Trained {
    #[serde(default)]
    width: Width,
    #[serde(default)]
    schedule: NoiseCurve,
    #[serde(default = "thousand")]
    noise_steps: NonZeroU16,
}

const fn thousand() -> NonZeroU16 {
    NonZeroU16::new(1000).expect("a thousand is not zero")
}

impl Trained {
    fn noise_schedule(self) -> NoiseSchedule {
        NoiseSchedule::new(self.schedule, usize::from(self.noise_steps.get()))
    }
}

fn build(config: Config<'_>, resources: &Resources<'_>) -> Result<Built, BuildError> {
    let settings = Settings::deserialize(toml::Deserializer::from(config))?;
    let resolved = toml::Table::try_from(&settings).map_err(toml::de::Error::custom)?;
    let fit = |reason: String| BuildError::Fit { model: ID, reason };
    let stored = learned::read_any(&settings.weights, resources)?;
    let trained: Trained = learned::said_of_training(ID, &settings.weights, &stored.weights)?;
    let schedule = trained.noise_schedule();
    let steps = usize::from(settings.steps.get());
    if steps > schedule.steps() {
        return Err(fit(format!(
            "steps is {steps}; the diffusion has {} steps, take at most as many",
            schedule.steps()
        )));
    }
    let level = settings.level.map_or(steps, |level| usize::from(level.get()));
    if level > steps {
        return Err(fit(format!("level is {level}; with {steps} steps there are the levels 1 to {steps}")));
    }
    let width = trained.width.get();
    let on_graph = |dtype| {
        let network = learned::network(&settings.weights, &stored, |w| UNet::load(w, width, dtype))?;
        resources.placed(|device| network.on(device))
    };
    let network = if resources.device.is_cpu() {
        Network::Single(Box::new(learned::network(&settings.weights, &stored, |w| {
            PlanesUNet::load(w, width)
        })?))
    } else {
        Network::Together(on_graph(DType::F32)?)
    };
    let steps = Steps::new(&schedule, steps, level);
    let potential: Box<dyn Potential> = match settings.potential {
        Kind::ChiSquare => {
            Box::new(ChiSquareNorm::new(NonZeroU32::new(DIM as u32).expect("there are pixels")))
        }
        Kind::Gaussian => Box::new(Prior::new(DIM).map_err(|error| fit(error.to_string()))?),
        Kind::Score => Box::new(score_at(on_graph(DType::F64)?, steps.last(), resources.device)),
    };
    let facts = vec![
        ("weights-sha256", stored.sha256.clone()),
        ("share of the variance of an image left at the level", steps.last().kept.to_string()),
    ];
    let images = ImageDiffusion::new(network, schedule, &steps, usize::from(settings.corrections));
    Ok(Built { potential, flow: None, images: Some(Arc::new(images)), resolved, facts })
}

/// `-e(x, k) / sqrt(1 - a_k)`: the score of images noised up to step `k`, `a_k` the share of their variance that is left.
fn score_at(network: UNet, halt: Halt, device: &OpenDevice) -> ScoreOnly {
    let factor = -1.0 / (1.0 - halt.kept).sqrt();
    let score = CandleScore::new(DIM, DType::F64, move |x| network.noise(x, halt.step)? * factor);
    let score = score.on(device.candle().clone()).at_most(at_most(device.candle()));
    let others = "the potentials \"chi-square\" and \"gaussian\" have values";
    ScoreOnly::new(Box::new(score), format!("step {}", halt.step), others)
}
