//! How much noise each step of a diffusion adds.

use serde::{Deserialize, Serialize};
use std::f64::consts::FRAC_PI_2;

/// How the variance that is added grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoiseCurve {
    /// In equal steps from 1e-4 to 0.02, scaled for another number of steps than 1000 so that as much noise is added in all.
    #[default]
    Linear,
    /// So that the share of the variance that is left follows a squared cosine.
    Cosine,
}

/// The variances that the steps of a diffusion add, and what is left of an image after them.
///
/// # Source
/// Linear: Ho et al. 2020, arXiv 2006.11239, section 4, and `improved-diffusion` for other numbers of steps. Cosine: Nichol and
/// Dhariwal 2021, arXiv 2102.09672, equation 17, with variances of at most 0.999.
#[derive(Debug, Clone, PartialEq)]
pub struct NoiseSchedule {
    variances: Vec<f64>,
    kept: Vec<f64>,
}

/// Largest variance of a step of the cosine schedule.
const LARGEST: f64 = 0.999;
/// Keeps the first steps of the cosine schedule from being too small.
const OFFSET: f64 = 0.008;

impl NoiseSchedule {
    /// A diffusion with the given number of steps, at least one.
    pub fn new(curve: NoiseCurve, steps: usize) -> Self {
        let count = steps as f64;
        let variance = |k: usize| match curve {
            NoiseCurve::Linear => {
                let scale = 1000.0 / count;
                let part = if steps > 1 { k as f64 / (count - 1.0) } else { 0.0 };
                (scale * (1e-4 + (0.02 - 1e-4) * part)).min(LARGEST)
            }
            NoiseCurve::Cosine => {
                let left = |k: usize| {
                    let cosine = libm::cos((k as f64 / count + OFFSET) / (1.0 + OFFSET) * FRAC_PI_2);
                    cosine * cosine
                };
                (1.0 - left(k + 1) / left(k)).min(LARGEST)
            }
        };
        let variances: Vec<f64> = (0..steps).map(variance).collect();
        let mut log = 0.0;
        let kept = variances
            .iter()
            .map(|variance| {
                log += libm::log1p(-variance);
                libm::exp(log)
            })
            .collect();
        Self { variances, kept }
    }

    /// How many steps there are.
    pub fn steps(&self) -> usize {
        self.variances.len()
    }

    /// `beta_k`: the variance that each step adds.
    pub fn variances(&self) -> &[f64] {
        &self.variances
    }

    /// `prod_(j <= k) (1 - beta_j)`: the share of the variance of an image that is left after each step.
    pub fn kept(&self) -> &[f64] {
        &self.kept
    }
}
