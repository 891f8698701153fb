//! The weight of the potential against the energy.

use crate::Weighting;
use serde::{Deserialize, Serialize};

/// A weight `lambda`: finite and not negative.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64")]
pub(crate) struct Lambda(f64);

impl TryFrom<f64> for Lambda {
    type Error = String;

    fn try_from(value: f64) -> Result<Self, String> {
        if value.is_finite() && value >= 0.0 {
            Ok(Self(value))
        } else {
            Err(format!("lambda is {value}; it must be finite and not negative"))
        }
    }
}

/// How `lambda` is to be read; the factor in front of `sum_i S(z_i)` over interior points is `lambda_norm`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Weight {
    /// `lambda_norm = lambda * E_0 / |S_0|`, energy over potential on the starting curve: as published.
    Relative(Lambda),
    /// `lambda_norm = lambda`.
    Absolute(Lambda),
    /// `lambda_norm = lambda / N^2`: the same problem at every number of segments.
    Continuous(Lambda),
}

/// Below this, the potential of the starting curve is taken for zero and `lambda` is used as it is.
///
/// # Source
/// `likely_geometry` at commit 397ebf3, class `ProbGEORCE` and its variants; DEVIATIONS.md D1.
const NEGLIGIBLE_POTENTIAL: f64 = 1e-6;

impl Default for Weight {
    fn default() -> Self {
        Self::Relative(Lambda(1.0))
    }
}

impl Weight {
    pub(crate) fn lambda(self) -> f64 {
        let (Self::Relative(Lambda(l)) | Self::Absolute(Lambda(l)) | Self::Continuous(Lambda(l))) = self;
        l
    }

    /// The same reading at another `lambda`, where that is a weight.
    pub(crate) fn with_lambda(self, lambda: f64) -> Option<Self> {
        let lambda = Lambda::try_from(lambda).ok()?;
        Some(match self {
            Self::Relative(_) => Self::Relative(lambda),
            Self::Absolute(_) => Self::Absolute(lambda),
            Self::Continuous(_) => Self::Continuous(lambda),
        })
    }

    /// Whether the starting curve must be evaluated before the factor is known.
    pub(crate) fn needs_start(self) -> bool {
        matches!(self, Self::Relative(Lambda(l)) if l > 0.0)
    }

    /// The factor, given the energy of the starting curve and the size of its potential.
    ///
    /// `size` is `|sum S|` over interior points, or `sum |score|` for models that have only a score.
    pub(crate) fn resolve(self, segments: usize, energy: f64, size: f64) -> Weighting {
        let lambda = self.lambda();
        let lambda_norm = match self {
            Self::Relative(_) if size >= NEGLIGIBLE_POTENTIAL => lambda * energy / size,
            Self::Relative(_) | Self::Absolute(_) => lambda,
            Self::Continuous(_) => lambda / (segments as f64).powi(2),
        };
        Weighting { lambda, lambda_norm }
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these sums and quotients are exact")]
mod tests {
    use super::*;

    #[test]
    fn each_reading_gives_its_factor() {
        let lambda = Lambda(8.0);
        let factor = |weight: Weight, size| weight.resolve(4, 3.0, size).lambda_norm;
        assert_eq!(factor(Weight::Relative(lambda), 6.0), 4.0);
        assert_eq!(factor(Weight::Relative(lambda), 1e-7), 8.0);
        assert_eq!(factor(Weight::Absolute(lambda), 6.0), 8.0);
        assert_eq!(factor(Weight::Continuous(lambda), 6.0), 0.5);
    }

    #[test]
    fn only_weights_are_weights() {
        for bad in [-1.0, f64::NAN, f64::INFINITY] {
            assert!(Lambda::try_from(bad).is_err());
            assert_eq!(Weight::default().with_lambda(bad), None);
        }
        assert_eq!(Weight::default().with_lambda(0.0).map(Weight::lambda), Some(0.0));
    }
}
