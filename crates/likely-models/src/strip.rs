//! A likely strip around a wave in the plane: the density of the concept figure.

use crate::numbers::positive;
use crate::{BuildError, Built, Config, Model, Resources};
use likely_core::{EvalError, Normalisation, Potential, Symmetry, ValueGrad};
use ndarray::{Array1, Array2, ArrayView2};
use serde::de::Error as _;
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

const ID: &str = "strip";

pub(crate) const MODEL: Model = Model {
    id: ID,
    summary: "A strip of likely points along the wave v = sin(u)/2 + 1, by the distance to its nearest point.",
    source: "conceptual_illustrations.ipynb of the authors' public code for arXiv 2510.26266",
    build,
};

/// What of the density is the potential.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StripForm {
    /// `S = -p`, as in the released figure up to its rescaling.
    Released,
    /// `S = -log p`.
    #[default]
    Log,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    #[serde(default)]
    form: StripForm,
    /// Standard deviation across the strip.
    #[serde(default = "released_width", deserialize_with = "positive")]
    width: f64,
}

const fn released_width() -> f64 {
    0.15
}

fn build(config: Config<'_>, _: &Resources<'_>) -> Result<Built, BuildError> {
    let settings = Settings::deserialize(toml::Deserializer::from(config))?;
    let resolved = toml::Table::try_from(&settings).map_err(toml::de::Error::custom)?;
    let potential = Strip::new(settings.form, settings.width).ok_or_else(|| BuildError::Fit {
        model: ID,
        reason: format!("width is {}; it must be between 1e-100 and 1e100", settings.width),
    })?;
    Ok(Built { potential: Box::new(potential), flow: None, images: None, resolved, facts: Vec::new() })
}

/// `p(u, v) = exp(-r^2 / (2 w^2))` with `r` the distance of `(u, v)` to the curve `v = sin(u)/2 + 1`, and `S = -p` or
/// `S = -log p`. Neither is normalised.
///
/// The nearest point of the curve is found exactly, so `S` is smooth wherever that point is unique (everywhere within 1.5 of
/// the level `v = 1`); the gradient of `r^2 / 2` is the vector from it. Where two points of the curve are equally near, the
/// one with the smaller `u` counts.
///
/// # Source
/// `conceptual_illustrations.ipynb` of the authors' public code, which takes the nearest of sampled points and then rescales
/// `p` to `[0, 1]` over all points of a call. Such an `S` is no function of one point; this one is it before the rescaling.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Strip {
    form: StripForm,
    width: f64,
}

/// Widths whose squares are numbers lie between this and its reciprocal.
const LARGEST_WIDTH: f64 = 1e100;
/// Half the height of the wave.
const AMPLITUDE: f64 = 0.5;
/// Its middle.
const LEVEL: f64 = 1.0;
/// Within this of the middle, `r^2` has one minimum along the curve: `1.25 - s^2 / 2 - s (1 - v) / 2 > 0`, `s = sin t`.
const ONE_MINIMUM: f64 = 1.25;
/// Intervals in which minima are looked for beyond that; the wave and so `r^2` varies over lengths of about one.
const INTERVALS: usize = 32;
/// Newton steps and bisections that are enough for any bracket.
const MOST_STEPS: usize = 200;

/// Height of the wave at `t`, with its first two derivatives.
fn wave(t: f64) -> [f64; 3] {
    let (sin, cos) = libm::sincos(t);
    [AMPLITUDE * sin + LEVEL, AMPLITUDE * cos, -AMPLITUDE * sin]
}

/// The zero between `low` and `high` of the derivative of `r^2 / 2` in `t`, from `t` on.
fn stationary(u: f64, v: f64, mut low: f64, mut high: f64, mut t: f64) -> f64 {
    for _ in 0..MOST_STEPS {
        let [height, slope, bend] = wave(t);
        let derivative = (t - u) + (height - v) * slope;
        if derivative > 0.0 {
            high = t;
        } else {
            low = t;
        }
        let newton = t - derivative / (1.0 + slope * slope + (height - v) * bend);
        let next = if newton > low && newton < high { newton } else { 0.5 * (low + high) };
        let moved = (next - t).abs();
        t = next;
        if moved <= f64::EPSILON * t.abs().max(f64::EPSILON) {
            break;
        }
    }
    t
}

/// The parameter of the point of the wave nearest to `(u, v)`.
fn nearest(u: f64, v: f64) -> f64 {
    let gap = (wave(u)[0] - v).abs();
    // The wave is less steep than 1/2, so the derivative is negative at u - gap and positive at u + gap.
    if (v - LEVEL).abs() <= ONE_MINIMUM {
        return stationary(u, v, u - gap, u + gap, u);
    }
    // A point further along than half a period has a copy at the same height that is nearer.
    let reach = gap.min(PI);
    let at = |i: usize| u + reach * (2.0 * i as f64 / INTERVALS as f64 - 1.0);
    let squared = |t: f64| {
        let across = AMPLITUDE * libm::sin(t) + LEVEL - v;
        (t - u) * (t - u) + across * across
    };
    let samples: Vec<f64> = (0..=INTERVALS).map(|i| squared(at(i))).collect();
    let mut best = (u, gap * gap);
    for i in 0..=INTERVALS {
        let (before, after) = (i.saturating_sub(1), (i + 1).min(INTERVALS));
        if samples[i] <= samples[before] && samples[i] <= samples[after] {
            let t = stationary(u, v, at(before), at(after), at(i));
            let q = squared(t);
            if q < best.1 {
                best = (t, q);
            }
        }
    }
    best.0
}

impl Strip {
    /// A strip with standard deviation `width`; nothing where `width` is not between 1e-100 and 1e100.
    pub fn new(form: StripForm, width: f64) -> Option<Self> {
        (1.0 / LARGEST_WIDTH..=LARGEST_WIDTH).contains(&width).then_some(Self { form, width })
    }

    /// The value at a point and the two numbers of its gradient.
    fn at(&self, u: f64, v: f64) -> (f64, [f64; 2]) {
        let t = nearest(u, v);
        let away = [(u - t) / self.width, (v - wave(t)[0]) / self.width];
        let log = 0.5 * (away[0] * away[0] + away[1] * away[1]);
        match self.form {
            StripForm::Log => (log, away.map(|x| x / self.width)),
            StripForm::Released => {
                let density = libm::exp(-log);
                // Where the density is zero so is its gradient, however far away the point is.
                let gradient = |x: f64| if density <= 0.0 { 0.0 } else { density * x / self.width };
                (-density, away.map(gradient))
            }
        }
    }

    fn check(points: &ArrayView2<'_, f64>) -> Result<(), EvalError> {
        match points.ncols() {
            2 => Ok(()),
            found => Err(EvalError::Dimension { expected: 2, found }),
        }
    }
}

impl Potential for Strip {
    fn dim(&self) -> usize {
        2
    }

    fn normalisation(&self) -> Normalisation {
        Normalisation::UpToConstant
    }

    fn symmetry(&self) -> Symmetry<'_> {
        Symmetry::None
    }

    fn value(&self, points: ArrayView2<'_, f64>) -> Result<Array1<f64>, EvalError> {
        Self::check(&points)?;
        Ok(points.outer_iter().map(|x| self.at(x[0], x[1]).0).collect())
    }

    fn value_and_grad(&self, points: ArrayView2<'_, f64>) -> Result<ValueGrad, EvalError> {
        Self::check(&points)?;
        let mut grad = Array2::zeros(points.raw_dim());
        let value = points.outer_iter().zip(grad.outer_iter_mut()).map(|(x, mut g)| {
            let (value, gradient) = self.at(x[0], x[1]);
            (g[0], g[1]) = (gradient[0], gradient[1]);
            value
        });
        let value = value.collect();
        Ok(ValueGrad { value, grad })
    }
}
