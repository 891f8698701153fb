//! The exact density, score and velocity of a stochastic interpolant whose data are finitely many points.

use crate::{BuildError, Built, Config, Model, Resources};
use likely_core::{EvalError, Flow, FlowScales, Normalisation, Potential, Symmetry, ValueGrad};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2};
use serde::{Deserialize, Serialize};
use std::f64::consts::{FRAC_PI_2, TAU};

pub(crate) const MODEL: Model = Model {
    id: "finite-set",
    summary: "The exact density of a stochastic interpolant with finitely many training points, at one time of its process.",
    source: "arXiv 2509.21925 and 2606.08554: closed forms for a finite training set; derived anew",
    build,
};

/// How data and noise are mixed over time: `x_t = a(t) x_1 + b(t) eps`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Schedule {
    /// `a = t`, `b = 1 - t`.
    #[default]
    Linear,
    /// `a = sin(pi t / 2)`, `b = cos(pi t / 2)`.
    Trigonometric,
}

impl Schedule {
    fn scales(self, time: f64) -> FlowScales {
        match self {
            Self::Linear => FlowScales { data: time, data_rate: 1.0, noise: 1.0 - time, noise_rate: -1.0 },
            Self::Trigonometric => {
                let (sin, cos) = libm::sincos(FRAC_PI_2 * time);
                FlowScales { data: sin, data_rate: FRAC_PI_2 * cos, noise: cos, noise_rate: -FRAC_PI_2 * sin }
            }
        }
    }
}

/// A time in [0, 1].
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
struct Time(f64);

impl TryFrom<f64> for Time {
    type Error = String;

    fn try_from(time: f64) -> Result<Self, String> {
        if (0.0..=1.0).contains(&time) {
            Ok(Self(time))
        } else {
            Err(format!("time is {time}; it must be between 0 (noise) and 1 (data)"))
        }
    }
}

impl From<Time> for f64 {
    fn from(time: Time) -> Self {
        time.0
    }
}

/// A standard deviation, or the size of one: finite and not negative.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
struct Spread(f64);

impl TryFrom<f64> for Spread {
    type Error = String;

    fn try_from(spread: f64) -> Result<Self, String> {
        if spread.is_finite() && spread >= 0.0 {
            Ok(Self(spread))
        } else {
            Err(format!("the standard deviation is {spread}; it must be finite and not negative"))
        }
    }
}

impl From<Spread> for f64 {
    fn from(spread: Spread) -> Self {
        spread.0
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Settings {
    #[serde(default)]
    schedule: Schedule,
    /// The time whose density is the potential.
    time: Time,
    /// Size `g` of a second noise `g sqrt(t (1 - t)) xi`, which is gone at both ends.
    #[serde(default)]
    latent: Spread,
    /// Standard deviation of Gaussian noise on every training point.
    #[serde(default)]
    smoothing: Spread,
}

fn build(config: Config<'_>, resources: &Resources<'_>) -> Result<Built, BuildError> {
    let settings = Settings::deserialize(toml::Deserializer::from(config))?;
    let points = resources.points.ok_or(BuildError::NoPoints { model: MODEL.id })?;
    let fit = |reason: String| BuildError::Fit { model: MODEL.id, reason };
    if points.is_empty() {
        return Err(fit("the training set is empty; it needs at least one point".into()));
    }
    if let Some(row) = points.rows().into_iter().position(|row| row.iter().any(|x| !x.is_finite())) {
        return Err(fit(format!("training point {row} has a coordinate that is not finite")));
    }
    let noise = settings.scales(settings.time.0).noise;
    if noise <= 0.0 {
        return Err(fit(
            "at time 1 the density is a sum of point masses; choose a time below 1, or a `smoothing` above 0"
                .into(),
        ));
    }
    let resolved = toml::Table::try_from(&settings).map_err(<toml::de::Error as serde::de::Error>::custom)?;
    let facts = vec![
        ("training points", points.nrows().to_string()),
        ("standard deviation around each point at the time", format!("{noise:.6}")),
    ];
    let model = FiniteSet { settings, points: points.as_standard_layout().into_owned() };
    Ok(Built { potential: Box::new(model.clone()), flow: Some(Box::new(model)), resolved, facts })
}

impl Settings {
    /// The scales of the process with all its Gaussian parts in one: `b^2 + g^2 t (1 - t) + (a s)^2`.
    fn scales(&self, time: f64) -> FlowScales {
        let plain = self.schedule.scales(time);
        let (latent, smoothing) = (self.latent.0, self.smoothing.0);
        if latent <= 0.0 && smoothing <= 0.0 {
            return plain;
        }
        let variance =
            plain.noise.powi(2) + latent.powi(2) * time * (1.0 - time) + (plain.data * smoothing).powi(2);
        let half_rate = plain.noise * plain.noise_rate
            + 0.5 * latent.powi(2) * (1.0 - 2.0 * time)
            + smoothing.powi(2) * plain.data * plain.data_rate;
        let noise = variance.sqrt();
        FlowScales { noise, noise_rate: half_rate / noise, ..plain }
    }
}

/// Below this, the exponential is far beneath the rounding of the largest weight, which is 1 before normalisation.
const NEGLIGIBLE: f64 = -100.0;

/// `x_t = a(t) x_1 + b(t) eps` with `x_1` uniform on the training points `x_i` and `eps` standard Gaussian:
///
/// - `p_t(x) = 1/n sum_i N(x; a x_i, b^2 I)`,
/// - `w_i(x) = softmax_i(-|x - a x_i|^2 / (2 b^2))`, `m(x) = sum_i w_i x_i`,
/// - score `(a m - x) / b^2`,
/// - velocity `(b'/b) x + (a' - a b'/b) m`.
///
/// A latent noise and a smoothing of the training points only enter `b`, for a sum of Gaussian parts is Gaussian, and
/// the expectation of its rate given the sum is `(b'/b)` times the sum.
#[derive(Clone)]
struct FiniteSet {
    settings: Settings,
    points: Array2<f64>,
}

impl FiniteSet {
    /// The coordinates of each training point.
    fn rows(&self) -> impl Iterator<Item = &[f64]> {
        self.points.as_slice().unwrap_or_default().chunks_exact(self.points.ncols())
    }

    /// Fills `weights`, one a training point, with `w_i(x)` and returns `log p_t(x)`.
    fn weigh(&self, scales: &FlowScales, x: &[f64], weights: &mut [f64]) -> f64 {
        let precision = 0.5 / (scales.noise * scales.noise);
        let mut top = f64::NEG_INFINITY;
        for (logit, point) in weights.iter_mut().zip(self.rows()) {
            let squared: f64 = x.iter().zip(point).map(|(x, p)| (x - scales.data * p).powi(2)).sum();
            *logit = -precision * squared;
            top = top.max(*logit);
        }
        let mut total = 0.0;
        for weight in weights.iter_mut() {
            let logit = *weight - top;
            // NaN is not below anything, so it goes on.
            *weight = if logit < NEGLIGIBLE { 0.0 } else { libm::exp(logit) };
            total += *weight;
        }
        for weight in weights.iter_mut() {
            *weight /= total;
        }
        let dim = x.len() as f64;
        top + libm::log(total)
            - libm::log(self.points.nrows() as f64)
            - 0.5 * dim * (libm::log(TAU) + 2.0 * libm::log(scales.noise))
    }

    /// `S = -log p_t` at each row of `points`, and what `per_point(x, x_i)` is on average over the weights of the row.
    fn average(
        &self,
        scales: &FlowScales,
        points: ArrayView2<'_, f64>,
        per_point: impl Fn(f64, f64) -> f64,
    ) -> Result<ValueGrad, EvalError> {
        self.check(points)?;
        let mut weights = vec![0.0; self.points.nrows()];
        let mut average = vec![0.0; self.points.ncols()];
        let mut value = Array1::zeros(points.nrows());
        let mut grad = Array2::zeros(points.raw_dim());
        for ((x, value), mut out) in points.rows().into_iter().zip(&mut value).zip(grad.rows_mut()) {
            let x = &*x.to_vec();
            *value = -self.weigh(scales, x, &mut weights);
            average.fill(0.0);
            // A weight of zero adds nothing, and most are zero once the noise is small; a NaN is kept.
            for (&weight, point) in weights.iter().zip(self.rows()).filter(|(weight, _)| **weight != 0.0) {
                for ((sum, &x), &p) in average.iter_mut().zip(x).zip(point) {
                    *sum += weight * per_point(x, p);
                }
            }
            out.assign(&ArrayView1::from(&average));
        }
        Ok(ValueGrad { value, grad })
    }

    fn check(&self, points: ArrayView2<'_, f64>) -> Result<(), EvalError> {
        if points.ncols() == self.points.ncols() {
            Ok(())
        } else {
            Err(EvalError::Dimension { expected: self.points.ncols(), found: points.ncols() })
        }
    }

    /// The scales at a time at which the process has a density.
    fn scales_before_data(&self, time: f64) -> Result<FlowScales, EvalError> {
        if (0.0..1.0).contains(&time) {
            Ok(self.settings.scales(time))
        } else {
            Err(EvalError::Model { reason: format!("time {time} is outside [0, 1)") })
        }
    }
}

impl Potential for FiniteSet {
    fn dim(&self) -> usize {
        self.points.ncols()
    }

    fn normalisation(&self) -> Normalisation {
        Normalisation::Normalised
    }

    fn symmetry(&self) -> Symmetry<'_> {
        Symmetry::None
    }

    fn value(&self, points: ArrayView2<'_, f64>) -> Result<Array1<f64>, EvalError> {
        self.check(points)?;
        let scales = self.settings.scales(self.settings.time.0);
        let mut weights = vec![0.0; self.points.nrows()];
        Ok(points.rows().into_iter().map(|x| -self.weigh(&scales, &x.to_vec(), &mut weights)).collect())
    }

    fn value_and_grad(&self, points: ArrayView2<'_, f64>) -> Result<ValueGrad, EvalError> {
        let scales = self.settings.scales(self.settings.time.0);
        let inverse_variance = (scales.noise * scales.noise).recip();
        self.average(&scales, points, |x, p| (x - scales.data * p) * inverse_variance)
    }
}

impl Flow for FiniteSet {
    fn dim(&self) -> usize {
        self.points.ncols()
    }

    fn velocity(&self, time: f64, points: ArrayView2<'_, f64>) -> Result<Array2<f64>, EvalError> {
        let scales = self.scales_before_data(time)?;
        let rate = scales.noise_rate / scales.noise;
        Ok(self.average(&scales, points, |x, p| scales.data_rate * p + rate * (x - scales.data * p))?.grad)
    }

    fn score(&self, time: f64, points: ArrayView2<'_, f64>) -> Result<Array2<f64>, EvalError> {
        let scales = self.scales_before_data(time)?;
        let inverse_variance = (scales.noise * scales.noise).recip();
        Ok(self.average(&scales, points, |x, p| (scales.data * p - x) * inverse_variance)?.grad)
    }

    fn scales(&self, time: f64) -> FlowScales {
        self.settings.scales(time)
    }

    fn training_points(&self) -> ArrayView2<'_, f64> {
        self.points.view()
    }
}
