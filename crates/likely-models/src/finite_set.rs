//! The exact density, score and velocity of a stochastic interpolant whose data are finitely many points.

use crate::gaussian_sum::{GaussianSum, Wanted};
use crate::{BuildError, Built, Config, Model, Resources};
use likely_core::lanes::{LANES, Lane, Work, exp, ln, load, vectorised};
use likely_core::{
    Curvature, EvalError, Flow, FlowScales, Normalisation, Potential, Rows, Symmetry, ValueGrad,
};
use ndarray::{Array1, Array2, ArrayView2};
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
        return Err(fit("the training set is empty; it needs at least one point with a coordinate".into()));
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
    Ok(Built {
        potential: Box::new(model.clone()),
        flow: Some(Box::new(model)),
        images: None,
        resolved,
        facts,
    })
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

/// `x_t = a(t) x_1 + b(t) eps` with `x_1` uniform on the training points `x_i` and `eps` standard Gaussian:
///
/// - `p_t(x) = 1/n sum_i N(x; a x_i, b^2 I)`,
/// - `w_i(x) = softmax_i(-|x - a x_i|^2 / (2 b^2))`, `m(x) = sum_i w_i x_i`,
/// - score `(a m - x) / b^2`,
/// - velocity `(b'/b) x + (a' - a b'/b) m`.
///
/// A latent noise and a smoothing of the training points only enter `b`, for a sum of Gaussian parts is Gaussian, and
/// the expectation of its rate given the sum is `(b'/b)` times the sum.
///
/// Where `|x - a x_i|^2 / b^2` overflows for every `i`, the potential is infinite and all weights are equal, so that its
/// gradient `(x - a m) / b^2` points away from the mean of the training points.
#[derive(Clone)]
struct FiniteSet {
    settings: Settings,
    points: Array2<f64>,
}

/// What is averaged over the training points: `datum x_i + gap (x - a x_i)`.
#[derive(Clone, Copy)]
struct Average {
    datum: f64,
    gap: f64,
}

/// The log-sum-exp over the training points, compiled for each vector width.
struct Weighing<'a> {
    scales: FlowScales,
    /// `log n + (d/2) log 2 pi b^2`.
    constant: f64,
    /// The training points, row by row.
    training: &'a [f64],
    at: ArrayView2<'a, f64>,
    average: Option<Average>,
    /// `S` at each row of `at`.
    value: &'a mut [f64],
    /// The average at each row of `at`, row by row; untouched without `average`.
    out: &'a mut [f64],
}

impl Work for Weighing<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn run(self) {
        match self.at.ncols() {
            2 => self.weigh(2),
            dim => self.weigh(dim),
        }
    }
}

impl Weighing<'_> {
    #[expect(
        clippy::inline_always,
        reason = "inlined into the code for the chosen vector width and dimension"
    )]
    #[inline(always)]
    fn weigh(self, dim: usize) {
        let Self { scales, constant, training, at, average, value, out } = self;
        let (data, inverse_noise) = (scales.data, scales.noise.recip());
        let mut weights = vec![[0.0; LANES]; training.len() / dim];
        let mut x = vec![[0.0; LANES]; dim];
        let mut sums = vec![[0.0; LANES]; dim];
        for first in (0..at.nrows()).step_by(LANES) {
            let count = load(&at, first, &mut x);
            let mut nearest: Lane = [f64::MAX; LANES];
            for (point, weight) in training.chunks_exact(dim).zip(&mut weights) {
                let mut q = [0.0; LANES];
                for (x, p) in x.iter().zip(point) {
                    let centre = data * p;
                    for l in 0..LANES {
                        let gap = (x[l] - centre) * inverse_noise;
                        q[l] += gap * gap;
                    }
                }
                for l in 0..LANES {
                    // Where squares overflow, all points must tie for the average to stay a number.
                    q[l] = if q[l] > f64::MAX { f64::MAX } else { q[l] };
                    nearest[l] = if q[l] < nearest[l] { q[l] } else { nearest[l] };
                }
                *weight = q;
            }
            let mut total = [0.0; LANES];
            for weight in &mut weights {
                for l in 0..LANES {
                    weight[l] = exp(0.5 * (nearest[l] - weight[l]));
                    total[l] += weight[l];
                }
            }
            for l in 0..count {
                let inside = constant + (0.5 * nearest[l] - ln(total[l]));
                // The total is positive, or NaN where the point is.
                value[first + l] = if nearest[l] >= f64::MAX { f64::INFINITY * total[l] } else { inside };
            }
            let Some(Average { datum, gap }) = average else { continue };
            sums.fill([0.0; LANES]);
            for (point, weight) in training.chunks_exact(dim).zip(&weights) {
                for ((sum, x), p) in sums.iter_mut().zip(&x).zip(point) {
                    let (from_datum, centre) = (datum * p, data * p);
                    for l in 0..LANES {
                        sum[l] += weight[l] * (from_datum + gap * (x[l] - centre));
                    }
                }
            }
            for (l, out) in out.chunks_exact_mut(dim).skip(first).take(count).enumerate() {
                for (out, sum) in out.iter_mut().zip(&sums) {
                    *out = sum[l] / total[l];
                }
            }
        }
    }
}

impl FiniteSet {
    /// `S = -log p_t` at each row of `points`, and `average` over the weights of the row.
    fn average(
        &self,
        scales: FlowScales,
        points: ArrayView2<'_, f64>,
        average: Option<Average>,
    ) -> Result<ValueGrad, EvalError> {
        self.check(points)?;
        let dim = points.ncols() as f64;
        let constant = libm::log(self.points.nrows() as f64)
            + 0.5 * dim * (libm::log(TAU) + 2.0 * libm::log(scales.noise));
        let mut value = vec![0.0; points.nrows()];
        let mut grad = Array2::zeros(if average.is_some() { points.dim() } else { (0, points.ncols()) });
        let training = self.points.as_slice().expect("the points are stored in standard order");
        let out = grad.as_slice_mut().expect("a new array is in standard order");
        vectorised(Weighing { scales, constant, training, at: points, average, value: &mut value, out });
        Ok(ValueGrad { value: value.into(), grad })
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
        Ok(self.average(self.settings.scales(self.settings.time.0), points, None)?.value)
    }

    fn value_and_grad(&self, points: ArrayView2<'_, f64>) -> Result<ValueGrad, EvalError> {
        let scales = self.settings.scales(self.settings.time.0);
        let inverse_variance = (scales.noise * scales.noise).recip();
        self.average(scales, points, Some(Average { datum: 0.0, gap: inverse_variance }))
    }

    fn curvature(&self) -> Option<&dyn Curvature> {
        Some(self)
    }
}

impl FiniteSet {
    fn derive(&self, points: Rows<'_>, wanted: Wanted<'_>, out: &mut [f64]) -> Result<(), EvalError> {
        let points = points.with_dim(self.points.ncols())?;
        let scales = self.settings.scales(self.settings.time.0);
        let inverse_widths = vec![scales.noise.recip(); points.dim()];
        let centres: Vec<f64> = self.points.iter().map(|p| scales.data * p / scales.noise).collect();
        let sum = GaussianSum { centres: &centres, inverse_widths: &inverse_widths };
        sum.evaluate(points, wanted, out);
        Ok(())
    }
}

impl Curvature for FiniteSet {
    fn hessian(&self, points: Rows<'_>, out: &mut [f64]) -> Result<(), EvalError> {
        self.derive(points, Wanted::Hessian, out)
    }

    fn hessian_gradient(
        &self,
        points: Rows<'_>,
        u: &[f64],
        v: &[f64],
        out: &mut [f64],
    ) -> Result<(), EvalError> {
        self.derive(points, Wanted::FormGradient(u, v), out)
    }

    fn hessian_vector(&self, points: Rows<'_>, v: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
        self.derive(points, Wanted::Product(v), out)
    }
}

impl Flow for FiniteSet {
    fn dim(&self) -> usize {
        self.points.ncols()
    }

    fn velocity(&self, time: f64, points: ArrayView2<'_, f64>) -> Result<Array2<f64>, EvalError> {
        let scales = self.scales_before_data(time)?;
        let rate = scales.noise_rate / scales.noise;
        Ok(self.average(scales, points, Some(Average { datum: scales.data_rate, gap: rate }))?.grad)
    }

    fn score(&self, time: f64, points: ArrayView2<'_, f64>) -> Result<Array2<f64>, EvalError> {
        let scales = self.scales_before_data(time)?;
        let inverse_variance = (scales.noise * scales.noise).recip();
        Ok(self.average(scales, points, Some(Average { datum: 0.0, gap: -inverse_variance }))?.grad)
    }

    fn scales(&self, time: f64) -> FlowScales {
        self.settings.scales(time)
    }

    fn training_points(&self) -> ArrayView2<'_, f64> {
        self.points.view()
    }
}
