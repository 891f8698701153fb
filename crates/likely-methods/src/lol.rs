//! Linear combinations that keep the law of the latent points.

use crate::closed_form::ClosedForm;
use crate::table::from_config;
use crate::{InterpolateError, Method, Solution};
use likely_core::{Curve, Ends};
use ndarray::Array2;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use std::f64::consts::{FRAC_1_SQRT_2, PI};

pub(crate) const METHOD: Method = Method {
    id: "lol",
    summary: "Latent optimal linear combinations: the straight line, carried back to the law of the latent points (for Gaussian latents, combination of Gaussian variables).",
    source: "Bodin et al. 2025, arXiv 2408.08558",
    build: from_config::<Lol>,
};

/// `z(s) = (1 - a/sqrt(b)) m + y/sqrt(b)` with `y = (1 - s) z_0 + s z_N`, `a` the sum of the weights and `b` that of their squares.
///
/// For independent ends from `N(m, C)` every point is from `N(m, C)`, whatever `C`; the linear combination that is closest to
/// `y` among those that are. With `law = { uniform = ... }` ends are carried to normal numbers by the law of a coordinate,
/// `F^-1(Phi(.))`, and the combination back.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Lol {
    law: Law,
}

/// The law of latent points.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Law {
    /// Normal with any covariance; each coordinate has this mean.
    Normal(Mean),
    /// Independent coordinates, uniform in an interval.
    Uniform(Interval),
}

impl Default for Law {
    fn default() -> Self {
        Self::Normal(Mean { mean: 0.0 })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, try_from = "Unchecked")]
struct Mean {
    mean: f64,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    mean: f64,
}

impl TryFrom<Unchecked> for Mean {
    type Error = String;

    fn try_from(Unchecked { mean }: Unchecked) -> Result<Self, String> {
        if mean.abs() < 1e100 {
            Ok(Self { mean })
        } else {
            Err(format!("the mean {mean} is not a number below 1e100"))
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "[f64; 2]", into = "[f64; 2]")]
struct Interval {
    low: f64,
    high: f64,
}

impl TryFrom<[f64; 2]> for Interval {
    type Error = String;

    fn try_from([low, high]: [f64; 2]) -> Result<Self, String> {
        if low < high && (high - low) < 1e100 {
            Ok(Self { low, high })
        } else {
            Err(format!("[{low}, {high}] is no interval; the lower bound comes first, both are finite"))
        }
    }
}

impl From<Interval> for [f64; 2] {
    fn from(Interval { low, high }: Interval) -> Self {
        [low, high]
    }
}

impl ClosedForm for Lol {
    fn solution(&self, ends: &Ends<'_>, _: &mut ChaCha8Rng) -> Result<Solution, InterpolateError> {
        let mut curve = match self.law {
            Law::Normal(Mean { mean }) => {
                let weights = weights(ends.segments());
                let mut curve = Curve::in_plane(ends.start(), ends.end(), &weights)?;
                if mean.abs() > 0.0 {
                    let mut points = curve.points().to_owned();
                    for (mut row, [u, v]) in points.rows_mut().into_iter().zip(&weights) {
                        row += mean * (1.0 - (u + v));
                    }
                    curve = Curve::new(points)?;
                }
                curve
            }
            Law::Uniform(interval) => between(ends, interval)?,
        };
        curve.fix_ends(ends);
        Ok(Solution::closed_form(curve))
    }
}

/// `(1 - s)/sqrt(b)` and `s/sqrt(b)`, `b = (1 - s)^2 + s^2`.
fn weights(segments: usize) -> Vec<[f64; 2]> {
    let at = |i: usize| {
        let s = i as f64 / segments as f64;
        let size = (1.0 - s).hypot(s);
        [(1.0 - s) / size, s / size]
    };
    (0..=segments).map(at).collect()
}

fn between(ends: &Ends<'_>, Interval { low, high }: Interval) -> Result<Curve, InterpolateError> {
    let (width, segments) = (high - low, ends.segments());
    let mut points = Array2::zeros((segments + 1, ends.dim()));
    let weights = weights(segments);
    for (k, mut column) in points.columns_mut().into_iter().enumerate() {
        let mut normal = [0.0; 2];
        for (normal, end) in normal.iter_mut().zip([ends.start()[k], ends.end()[k]]) {
            let share = (end - low) / width;
            if !(0.0 < share && share < 1.0) {
                return Err(InterpolateError::EndPoints {
                    reason: format!(
                        "coordinate {k} of an end point is {end}, which is not inside the interval [{low}, {high}] of the uniform law; widen it, or leave `law` out for normal latent points"
                    ),
                });
            }
            *normal = normal_quantile(share);
        }
        for (point, [u, v]) in column.iter_mut().zip(&weights) {
            *point = low + width * normal_below(u * normal[0] + v * normal[1]);
        }
    }
    Ok(Curve::new(points)?)
}

/// `Phi(x)`.
fn normal_below(x: f64) -> f64 {
    0.5 * libm::erfc(-x * FRAC_1_SQRT_2)
}

/// `Phi^-1(p)` for `p` in (0, 1), from a rational start by Halley's steps.
///
/// # Source
/// The start: Abramowitz and Stegun, 26.2.23.
fn normal_quantile(p: f64) -> f64 {
    let lower = p.min(1.0 - p);
    let t = (-2.0 * libm::log(lower)).sqrt();
    let above = 2.515_517 + t * (0.802_853 + t * 0.010_328);
    let below = 1.0 + t * (1.432_788 + t * (0.189_269 + t * 0.001_308));
    let mut x = above / below - t;
    for _ in 0..3 {
        let error = normal_below(x) - lower;
        let step = error * (2.0 * PI).sqrt() * libm::exp(0.5 * x * x);
        x -= step / (1.0 + 0.5 * x * step);
    }
    if p > 0.5 { -x } else { x }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quantile_inverts_the_law() {
        for k in 1..200 {
            let x = 0.06 * f64::from(k) - 6.0;
            let found = normal_quantile(normal_below(x));
            // Above, 1 - p keeps only the absolute precision of p.
            let tolerance = 1e-14 + 1e-15 * libm::exp(0.5 * x * x) * f64::from(u8::from(x > 0.0));
            assert!((found - x).abs() < tolerance, "{x} gives {found}");
        }
    }
}
