//! `NoiseDiffusion`: spherical interpolation of noise, corrected by the data and clipped.

use crate::closed_form::ClosedForm;
use crate::noise::{SignalShare, standard_normal};
use crate::table::from_config;
use crate::{InterpolateError, Method, Solution};
use likely_core::{Curve, Ends};
use ndarray::{Array2, ArrayView1};
use rand_chacha::ChaCha8Rng;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

pub(crate) const METHOD: Method = Method {
    id: "noise-diffusion",
    summary: "NoiseDiffusion: weighted noise and data of both ends, with clipping and optional fresh noise.",
    source: "arXiv 2403.08840; likely_geometry at commit 397ebf3, class NoiseDiffusion",
    build: from_config::<NoiseDiffusion>,
};

/// `z = alpha l1 + beta l2 + (mu - alpha) sqrt(A) x1 + (nu - beta) sqrt(A) x2 + gamma sqrt(1 - A) eps`, clipped, `A` = alpha-bar.
///
/// `l` are the end points clipped to the same bound, `x` the data that they encode; without data the two terms in `x` vanish.
/// The first and last rows are the clipped end points, as released. `alpha` and `beta` are rescaled so that
/// `alpha^2 + beta^2 + gamma^2 = 1` unless `renormalise = false`.
///
/// Unlike the released class, which overwrites the functions it is given, every coefficient is honoured, and `noise = "per-point"`
/// draws a fresh `eps` for each point; the default is one for the whole curve, as released.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct NoiseDiffusion {
    #[serde(deserialize_with = "of_position")]
    alpha: Coefficient,
    #[serde(deserialize_with = "of_position")]
    beta: Coefficient,
    gamma: Coefficient,
    mu: Coefficient,
    nu: Coefficient,
    renormalise: bool,
    alpha_bar: SignalShare,
    clip: Clip,
    noise: Draw,
}

/// A coefficient as a function of the position `s` in [0, 1].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Coefficient {
    /// `cos(pi s / 2)`.
    Cosine,
    /// `sin(pi s / 2)`.
    Sine,
    /// The same number everywhere.
    Constant(Finite),
    /// `c (1 - s)`.
    Falling(Finite),
    /// `c s`.
    Rising(Finite),
    /// `c alpha / (alpha + beta)`; for `mu`, `nu` and `gamma` only.
    ShareOfAlpha(Finite),
    /// `c beta / (alpha + beta)`; for `mu`, `nu` and `gamma` only.
    ShareOfBeta(Finite),
    /// `sqrt(1 - alpha^2 - beta^2)`, zero where that is negative; for `mu`, `nu` and `gamma` only.
    Remainder,
}

/// A finite number.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64")]
struct Finite(f64);

impl TryFrom<f64> for Finite {
    type Error = String;

    fn try_from(value: f64) -> Result<Self, String> {
        if value.abs() < 1e100 {
            Ok(Self(value))
        } else {
            Err(format!("{value} is not a finite number of sensible size"))
        }
    }
}

/// Where coordinates are cut off.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Clip {
    /// Nowhere.
    Off,
    /// At plus and minus this bound, which must be positive.
    At(Bound),
}

/// A positive finite number.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64")]
struct Bound(f64);

impl TryFrom<f64> for Bound {
    type Error = String;

    fn try_from(value: f64) -> Result<Self, String> {
        if value > 0.0 && value.is_finite() {
            Ok(Self(value))
        } else {
            Err(format!("clip bound is {value}; it must be positive"))
        }
    }
}

/// How many noise vectors a curve gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Draw {
    /// One for the whole curve.
    Shared,
    /// One for each point.
    PerPoint,
}

impl Default for NoiseDiffusion {
    fn default() -> Self {
        Self {
            alpha: Coefficient::Cosine,
            beta: Coefficient::Sine,
            gamma: Coefficient::Constant(Finite(0.0)),
            mu: Coefficient::ShareOfAlpha(Finite(1.2)),
            nu: Coefficient::ShareOfBeta(Finite(1.2)),
            renormalise: true,
            alpha_bar: SignalShare::ALL_SIGNAL,
            clip: Clip::At(Bound(2.0)),
            noise: Draw::Shared,
        }
    }
}

/// A coefficient that does not depend on alpha and beta.
fn of_position<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Coefficient, D::Error> {
    match Coefficient::deserialize(deserializer)? {
        Coefficient::ShareOfAlpha(_) | Coefficient::ShareOfBeta(_) | Coefficient::Remainder => {
            Err(D::Error::custom(
                "alpha and beta cannot be defined by alpha and beta; use cosine, sine, constant, falling or rising",
            ))
        }
        coefficient => Ok(coefficient),
    }
}

impl Coefficient {
    /// The coefficient at `s`, given alpha and beta there.
    fn at(self, s: f64, [alpha, beta]: [f64; 2]) -> f64 {
        let quarter = std::f64::consts::FRAC_PI_2;
        match self {
            Self::Cosine => (quarter * s).cos(),
            Self::Sine => (quarter * s).sin(),
            Self::Constant(c) => c.0,
            Self::Falling(c) => c.0 * (1.0 - s),
            Self::Rising(c) => c.0 * s,
            Self::ShareOfAlpha(c) => c.0 * alpha / (alpha + beta),
            Self::ShareOfBeta(c) => c.0 * beta / (alpha + beta),
            Self::Remainder => (1.0 - alpha * alpha - beta * beta).clamp(0.0, 1.0).sqrt(),
        }
    }
}

impl Clip {
    fn apply(self, x: f64) -> f64 {
        match self {
            Self::Off => x,
            Self::At(Bound(bound)) => x.clamp(-bound, bound),
        }
    }
}

/// The coefficients at one position.
struct Mixture {
    alpha: f64,
    beta: f64,
    gamma: f64,
    mu: f64,
    nu: f64,
}

impl NoiseDiffusion {
    fn mixture(&self, s: f64) -> Mixture {
        // Neither refers to the other two, so these stand for nothing.
        let unknown = [f64::NAN; 2];
        let (mut alpha, mut beta) = (self.alpha.at(s, unknown), self.beta.at(s, unknown));
        let gamma = self.gamma.at(s, [alpha, beta]);
        if self.renormalise {
            let size = alpha.hypot(beta);
            let left = (1.0 - gamma * gamma).max(0.0).sqrt();
            if size > 0.0 {
                (alpha, beta) = (alpha / size * left, beta / size * left);
            }
        }
        let known = [alpha, beta];
        Mixture { alpha, beta, gamma, mu: self.mu.at(s, known), nu: self.nu.at(s, known) }
    }
}

impl ClosedForm for NoiseDiffusion {
    fn solution(&self, ends: &Ends<'_>, rng: &mut ChaCha8Rng) -> Result<Solution, InterpolateError> {
        let clipped = |x: ArrayView1<'_, f64>| x.mapv(|x| self.clip.apply(x));
        let (first, last) = (clipped(ends.start()), clipped(ends.end()));
        let (signal, noise) = self.alpha_bar.factors();
        let segments = ends.segments();
        let mut points = Array2::zeros((segments + 1, ends.dim()));
        points.row_mut(0).assign(&first);
        points.row_mut(segments).assign(&last);
        let mut eps = None;
        for i in 1..segments {
            let at = self.mixture(i as f64 / segments as f64);
            let mut point = &first * at.alpha + &last * at.beta;
            if let Some((x1, x2)) = ends.data() {
                point.scaled_add((at.mu - at.alpha) * signal, &x1);
                point.scaled_add((at.nu - at.beta) * signal, &x2);
            }
            if at.gamma * noise != 0.0 {
                if self.noise == Draw::PerPoint {
                    eps = None;
                }
                let eps = eps.get_or_insert_with(|| standard_normal(ends.dim(), rng));
                point.scaled_add(at.gamma * noise, eps);
            }
            point.mapv_inplace(|x| self.clip.apply(x));
            points.row_mut(i).assign(&point);
        }
        Ok(Solution::closed_form(Curve::new(points)?))
    }
}
