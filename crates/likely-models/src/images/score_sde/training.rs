//! Denoising score matching at times without steps, and the likelihood of held-out images.

use super::flow::{Flow, Trace};
use super::network::{NoiseNetwork, place};
use super::sde::Sde;
use super::space::Levels;
use super::{ID, Trained, Weighting};
use crate::images::unet::{UNet, layers, noise};
use crate::learned;
use crate::{BuildError, Config, Resolved, Trainable};
use likely_core::Seed;
use likely_networks::candle::{DType, Tensor};
use likely_networks::training::{HeldOut, Objective, Parameter, Parameters, Step, TrainingError, Variables};
use ndarray::{Array2, ArrayView2};
use rand::Rng;
use rand_distr::StandardNormal;
use serde::Deserialize;
use serde::de::Error as _;

pub(crate) const TRAINABLE: Trainable = Trainable {
    id: ID,
    summary: "The squared error of the noise that is predicted in square grey images at a time drawn for each, of the sub-VP or VP equation (Song et al., 2021).",
    build,
};

fn build(config: Config<'_>, points: ArrayView2<'_, f64>) -> Result<Resolved<dyn Objective>, BuildError> {
    let settings = Trained::deserialize(toml::Deserializer::from(config))?;
    learned::check_dim(ID, settings.shape().len(), points)?;
    let config = toml::Table::try_from(settings).map_err(toml::de::Error::custom)?;
    Ok(Resolved { built: Box::new(ScoreMatching(settings)), config })
}

struct ScoreMatching(Trained);

/// Images of at most so many numbers are judged with the exact trace, others with probes.
const EXACT: usize = 64;
const PROBES: usize = 4;
/// Times at which the loss of a held-out image is taken.
const TIMES: usize = 32;
/// Tolerance of the flow that judges.
const TOLERANCE: f64 = 1e-5;

impl ScoreMatching {
    fn dim(&self) -> usize {
        self.0.shape().len()
    }

    fn levels(&self) -> Levels {
        Levels(self.0.levels.get())
    }
}

impl Objective for ScoreMatching {
    fn parameters(&self, seed: Seed) -> Vec<Parameter> {
        layers(self.0.width.get()).into_iter().flat_map(|(name, layer)| layer.initial(&name, seed)).collect()
    }

    fn loss(&self, step: &mut Step<'_>, variables: &Variables) -> Result<Tensor, TrainingError> {
        let (rows, dim, sde) = (step.rows(), self.dim(), self.0.sde);
        let device = step.device.clone();
        let drawn = step.normals(&[rows, dim])?;
        // Times at equal distances from a common start, so that each batch sees all of them.
        let start: f64 = step.stream.random();
        let times: Vec<f64> = (0..rows)
            .map(|i| {
                let part = start + i as f64 / rows as f64;
                Sde::FIRST + (1.0 - Sde::FIRST) * (part - part.floor())
            })
            .collect();
        let column = |f: &dyn Fn(f64) -> f64| {
            Tensor::from_vec(times.iter().map(|t| f(*t) as f32).collect::<Vec<_>>(), (rows, 1), &device)
        };
        let levels = self.levels();
        let (batch, stream) = (step.batch, &mut step.stream);
        let images: Vec<f32> =
            batch.iter().map(|pixel| levels.spread(f64::from(*pixel), stream.random()) as f32).collect();
        let images = Tensor::from_vec(images, (rows, dim), &device)?;
        let noised = (images.broadcast_mul(&column(&Sde::kept)?)?
            + drawn.broadcast_mul(&column(&|t| sde.deviation(t))?)?)?;
        let places: Vec<f64> = times.iter().map(|t| place(*t)).collect();
        let found = noise(&noised, &places, self.0.width.get(), |name: &str| variables.get(name))?;
        let errors = (found - drawn)?.sqr()?;
        let errors = match self.0.weighting {
            Weighting::Variance => errors,
            Weighting::Likelihood => {
                errors.broadcast_mul(&column(&|t| sde.squared_diffusion(t) / sde.deviation(t).powi(2))?)?
            }
        };
        Ok(errors.mean_all()?)
    }

    fn takes_devices(&self) -> bool {
        true
    }

    fn held_out(
        &self,
        parameters: &Parameters,
        points: ArrayView2<'_, f64>,
        seed: Seed,
    ) -> Result<Vec<HeldOut>, TrainingError> {
        let (width, dim, sde, levels) = (self.0.width.get(), self.dim(), self.0.sde, self.levels());
        let network = |dtype| learned::trained(parameters, |weights| UNet::load(weights, width, dtype));
        let narrow = network(DType::F32)?;
        let wide = NoiseNetwork::new(network(DType::F64)?);
        let flow = Flow { sde, tolerance: TOLERANCE };
        let (mut bits, mut losses) = (Vec::new(), Vec::new());
        for (i, image) in points.rows().into_iter().enumerate() {
            let mut stream = seed.stream(&[("held-out", ID), ("point", &i.to_string())]);
            let image: Vec<f64> = image.iter().map(|pixel| levels.spread(*pixel, stream.random())).collect();
            let drawn: Vec<f64> = (0..TIMES * dim).map(|_| stream.sample(StandardNormal)).collect();
            let times: Vec<f64> = (0..TIMES)
                .map(|k| Sde::FIRST + (1.0 - Sde::FIRST) * (k as f64 + stream.random::<f64>()) / TIMES as f64)
                .collect();
            let trace =
                if dim <= EXACT { Trace::Exact } else { Trace::Probes(probes(PROBES, dim, &mut stream)) };
            let log = flow
                .log_density(&wide, &image, &trace)
                .map_err(|error| TrainingError::Model { reason: error.to_string() })?;
            bits.push(levels.bits(log, dim));
            let noised = drawn.chunks_exact(dim).zip(&times).flat_map(|(drawn, t)| {
                let (kept, deviation) = (Sde::kept(*t), sde.deviation(*t));
                image.iter().zip(drawn).map(move |(x, e)| kept * x + deviation * e)
            });
            let noised = Array2::from_shape_vec((TIMES, dim), noised.collect())
                .map_err(|error| TrainingError::Model { reason: error.to_string() })?;
            let places: Vec<f64> = times.iter().map(|t| place(*t)).collect();
            let found = narrow.noise_between(&narrow.tensor(noised.view())?, &places)?;
            let found: Vec<f64> = found.to_dtype(DType::F64)?.flatten_all()?.to_vec1()?;
            let squares: f64 = found.iter().zip(&drawn).map(|(a, b)| (a - b) * (a - b)).sum();
            losses.push(squares / drawn.len() as f64);
        }
        Ok(vec![
            HeldOut { quantity: "bits-per-dimension", values: bits },
            HeldOut { quantity: "denoising-loss", values: losses },
        ])
    }

    fn architecture(&self) -> String {
        let (width, side) = (self.0.width.get(), self.0.shape().height);
        format!(
            "A U-Net without attention: residual blocks of {width}, {} and {} channels at the sides {side}, {} and {}, group normalisation with 8 groups and SiLU, and an embedding of 999 times the time that enters every block.",
            2 * width,
            3 * width,
            side / 2,
            side / 4
        )
    }

    fn loss_in_words(&self) -> String {
        let sde = match self.0.sde {
            Sde::SubVp => "sub-VP",
            Sde::Vp => "VP",
        };
        let weighted = match self.0.weighting {
            Weighting::Variance => {
                "each time counts alike, which weights the score by the variance of the noise"
            }
            Weighting::Likelihood => {
                "weighted by g^2 over the variance of the noise, which bounds the likelihood"
            }
        };
        format!(
            "The mean squared error of the predicted noise of the {sde} equation of Song et al. (2021), at a time drawn for each image; {weighted}. Images are scaled to [-1, 1], uniform within their levels."
        )
    }

    fn notes(&self) -> Vec<String> {
        let trace = if self.dim() <= EXACT {
            "the exact trace".to_owned()
        } else {
            format!("{PROBES} probes of the trace an image")
        };
        vec![
            format!(
                "Bits per dimension: by the probability flow with {trace} and tolerance {TOLERANCE:e}, for images with {} levels, one uniform draw within the levels an image.",
                self.0.levels
            ),
            format!("The denoising loss is the mean over times, estimated at {TIMES} of them."),
            "No running mean of the weights is kept; the learning rate falls to 0 instead.".into(),
        ]
    }
}

/// Rows of numbers that are 1 or -1 at random.
pub(super) fn probes(count: usize, dim: usize, stream: &mut impl Rng) -> Array2<f64> {
    Array2::from_shape_simple_fn((count, dim), || if stream.random() { 1.0 } else { -1.0 })
}
