//! A diffusion model on the sphere: the density of its probability flow, and samples.

use crate::sphere::brownian::{geodesic_step, uniform};
use crate::sphere::coordinates::{Coordinates, OnSphere};
use crate::sphere::flow::{Field, ProbabilityFlow};
use crate::sphere::jet::{FIRST, Jet};
use crate::sphere::schedule::NoiseSchedule;
use crate::sphere::score_network::{AtTime, ScoreNetwork, ScoreShape};
use crate::weights_file::WeightsFile;
use crate::{BuildError, Built, Config, Model, Resources, learned};
use likely_core::lanes::{LANES, Work, vectorised};
use likely_core::{Differentiable, EvalError, Lanes, Normalisation, Number, Potential, Symmetry, ValueGrad};
use likely_networks::Weights;
use ndarray::{Array1, Array2, ArrayView2};
use rand::RngCore;
use rayon::prelude::*;
use serde::de::Error as _;
use serde::{Deserialize, Serialize};
use std::num::NonZeroU16;
use std::path::Path;

pub(crate) const ID: &str = "sphere-diffusion";

pub(crate) const MODEL: Model = Model {
    id: ID,
    summary: "A diffusion model on the sphere; its density is that of the probability flow of a trained score.",
    source: "De Bortoli et al. 2022, Riemannian score-based generative modelling, arXiv 2202.02763",
    build,
};

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Settings {
    weights: WeightsFile,
    #[serde(default)]
    coordinates: Coordinates,
    /// Units of the hidden layers; needed only where the weights do not say how they were trained.
    #[serde(default)]
    hidden: Option<ScoreShape>,
    /// The clock; as `hidden`.
    #[serde(default)]
    noise: Option<NoiseSchedule>,
    /// The time of the density; the first time of the clock where it is absent.
    #[serde(default)]
    time: Option<Time>,
    /// Steps of the solver.
    #[serde(default = "default_steps")]
    steps: NonZeroU16,
}

const fn default_steps() -> NonZeroU16 {
    NonZeroU16::new(DEFAULT_STEPS).expect("it is not 0")
}

/// Steps of the solver: about half a unit of the logarithm of the noise each.
pub(crate) const DEFAULT_STEPS: u16 = 28;

/// A number in (0, 1).
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(try_from = "f64")]
struct Time(f64);

impl TryFrom<f64> for Time {
    type Error = String;

    fn try_from(value: f64) -> Result<Self, String> {
        if value > 0.0 && value < 1.0 {
            Ok(Self(value))
        } else {
            Err(format!("{value} is not between 0 and 1"))
        }
    }
}

/// What a weights file says of its training: the configuration of the model in JSON.
#[derive(Debug, Default, Deserialize)]
struct Trained {
    hidden: Option<ScoreShape>,
    noise: Option<NoiseSchedule>,
}

/// What the weights in the file `path` say of their training, nothing where they come from elsewhere.
fn trained(path: &Path, weights: &Weights) -> Result<Trained, BuildError> {
    let wrong = |reason| BuildError::File { path: path.to_owned(), reason };
    if let Some(model) = weights.metadata().get("model").filter(|model| *model != ID) {
        return Err(wrong(format!("these are weights of a model `{model}`; those of `{ID}` are needed")));
    }
    match weights.metadata().get("config") {
        Some(config) => serde_json::from_str(config)
            .map_err(|error| wrong(format!("its `config` is not that of a model `{ID}`: {error}"))),
        None => Ok(Trained::default()),
    }
}

/// What the weights were trained with, which the configuration may repeat but not contradict.
fn agreed<T: Clone + PartialEq + Serialize>(
    key: &str,
    given: Option<&T>,
    trained: Option<T>,
) -> Result<T, BuildError> {
    let reason = match (given, trained) {
        (None, Some(trained)) => return Ok(trained),
        (Some(given), None) => return Ok(given.clone()),
        (Some(given), Some(trained)) if *given == trained => return Ok(trained),
        (Some(given), Some(trained)) => {
            let [given, trained] = [given, &trained].map(|value| serde_json::json!(value));
            format!("{key} is {given}, and the weights were trained with {trained}; leave it out")
        }
        (None, None) => format!("the weights do not say with which {key} they were trained; give it"),
    };
    Err(BuildError::Fit { model: ID, reason })
}

fn build(config: Config<'_>, resources: &Resources<'_>) -> Result<Built, BuildError> {
    let mut settings = Settings::deserialize(toml::Deserializer::from(config))?;
    let stored = learned::read_any(&settings.weights, resources)?;
    let trained = trained(&settings.weights, &stored.weights)?;
    let hidden = agreed("hidden", settings.hidden.as_ref(), trained.hidden)?;
    let noise = agreed("noise", settings.noise.as_ref(), trained.noise)?;
    let network = learned::network(&settings.weights, &stored, |w| ScoreNetwork::load(w, &hidden, noise))?;
    (settings.hidden, settings.noise) = (Some(hidden), Some(noise));
    let first = noise.first_time();
    let time = settings.time.map_or(first, |time| time.0);
    if time < first {
        let reason = format!("time is {time}; the clock of the model begins at {first}, give that or more");
        return Err(BuildError::Fit { model: ID, reason });
    }
    let resolved = toml::Table::try_from(&settings).map_err(toml::de::Error::custom)?;
    let model = SphereDiffusion::new(network, time, usize::from(settings.steps.get()), settings.coordinates);
    let degrees = noise.noise(time).sqrt().to_degrees();
    let facts = vec![
        ("weights-sha256", stored.sha256),
        ("noise in the data, in degrees along each direction", degrees.to_string()),
    ];
    Ok(Built { potential: Box::new(model), flow: None, images: None, resolved, facts })
}

impl Field for ScoreNetwork {
    type AtTime = AtTime;

    fn at(&self, log_noise: f64) -> AtTime {
        Self::at(self, log_noise)
    }

    fn workspace(&self) -> usize {
        Self::workspace(self)
    }

    fn multiplications(&self) -> usize {
        Self::multiplications(self)
    }

    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn scaled_score<N: Number, const C: usize>(
        &self,
        at: &AtTime,
        x: &[Jet<N, C>; 3],
        work: &mut [Jet<N, C>],
    ) -> [Jet<N, C>; 3] {
        Self::scaled_score(self, at, x, work)
    }
}

/// The density of a diffusion model on the sphere at one of its times, with respect to the area measure.
///
/// Value and gradient are those of the discrete probability flow, exactly; see the flow for the number of steps.
#[derive(Debug, Clone)]
pub struct SphereDiffusion {
    density: OnSphere<ProbabilityFlow<ScoreNetwork>>,
}

impl SphereDiffusion {
    /// The density at `time` of the process of `network`, whose flow is followed in `steps` steps.
    pub fn new(network: ScoreNetwork, time: f64, steps: usize, coordinates: Coordinates) -> Self {
        let schedule = network.schedule();
        let range = [libm::log(schedule.noise(time)), schedule.log_range()[1]];
        Self { density: OnSphere { density: ProbabilityFlow::new(network, range, steps), coordinates } }
    }

    /// A point drawn from the reverse process: a geodesic random walk from the uniform law, in `steps` equal steps of the
    /// logarithm of the noise down to the first time.
    ///
    /// # Source
    /// Algorithm 2 of De Bortoli et al. 2022.
    pub fn sample(&self, steps: usize, rng: &mut dyn RngCore) -> [f64; 3] {
        let network = self.density.density.field();
        let [low, high] = network.schedule().log_range();
        let mut work = vec![Jet::<f64, FIRST>::constant(0.0); network.workspace()];
        let mut x = uniform(rng);
        for k in (0..steps).rev() {
            let at = |part: f64| low + (high - low) * part / steps as f64;
            let (before, after) = (libm::exp(at(k as f64 + 1.0)), libm::exp(at(k as f64)));
            let field =
                network.scaled_score(&network.at(at(k as f64 + 1.0)), &x.map(Jet::constant), &mut work);
            let noise = before - after;
            x = geodesic_step(x, field.map(|f| noise / before.sqrt() * f.0[0]), noise, rng);
        }
        x
    }

    fn check(&self, points: ArrayView2<'_, f64>) -> Result<Vec<f64>, EvalError> {
        let dim = self.density.dim();
        if points.ncols() == dim {
            Ok(points.iter().copied().collect())
        } else {
            Err(EvalError::Dimension { expected: dim, found: points.ncols() })
        }
    }
}

/// Eight points, and where their values and gradients go.
struct Eight<'a, const GRAD: bool> {
    density: &'a OnSphere<ProbabilityFlow<ScoreNetwork>>,
    rows: &'a [f64],
    values: &'a mut [f64],
    grads: &'a mut [f64],
}

impl<const GRAD: bool> Work for Eight<'_, GRAD> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn run(self) {
        let dim = self.density.dim();
        let count = self.values.len();
        let mut x = [Lanes::constant(0.0); 3];
        for (j, x) in x[..dim].iter_mut().enumerate() {
            // Missing points repeat the first.
            *x = Lanes(std::array::from_fn(|l| self.rows[if l < count { l * dim + j } else { j }]));
        }
        let mut slopes = [Lanes::constant(0.0); 3];
        let values = if GRAD {
            self.density.value_and_grad(&x[..dim], &mut slopes[..dim], &mut [])
        } else {
            self.density.value(&x[..dim], &mut [])
        };
        self.values.copy_from_slice(&values.0[..count]);
        if GRAD {
            for (l, row) in self.grads.chunks_exact_mut(dim).enumerate() {
                row.iter_mut().zip(&slopes).for_each(|(g, slope)| *g = slope.0[l]);
            }
        }
    }
}

impl Potential for SphereDiffusion {
    fn dim(&self) -> usize {
        self.density.dim()
    }

    fn normalisation(&self) -> Normalisation {
        Normalisation::Normalised
    }

    fn symmetry(&self) -> Symmetry<'_> {
        Symmetry::None
    }

    fn value(&self, points: ArrayView2<'_, f64>) -> Result<Array1<f64>, EvalError> {
        let (rows, density) = (self.check(points)?, &self.density);
        let mut values = vec![0.0; points.nrows()];
        rows.par_chunks(LANES * self.dim()).zip(values.par_chunks_mut(LANES)).for_each(|(rows, values)| {
            vectorised(Eight::<false> { density, rows, values, grads: &mut [] });
        });
        Ok(values.into())
    }

    fn value_and_grad(&self, points: ArrayView2<'_, f64>) -> Result<ValueGrad, EvalError> {
        let (rows, density, dim) = (self.check(points)?, &self.density, self.dim());
        let mut values = vec![0.0; points.nrows()];
        let mut grad = Array2::zeros(points.raw_dim());
        let grads = grad.as_slice_mut().ok_or(EvalError::Layout)?;
        rows.par_chunks(LANES * dim)
            .zip(values.par_chunks_mut(LANES).zip(grads.par_chunks_mut(LANES * dim)))
            .for_each(|(rows, (values, grads))| vectorised(Eight::<true> { density, rows, values, grads }));
        Ok(ValueGrad { value: values.into(), grad })
    }
}
