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

/// A share of a population, in [0, 1].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64")]
pub(crate) struct Quantile(f64);

impl TryFrom<f64> for Quantile {
    type Error = String;

    fn try_from(value: f64) -> Result<Self, String> {
        if (0.0..=1.0).contains(&value) {
            Ok(Self(value))
        } else {
            Err(format!("{value} is no quantile; it must be in [0, 1]"))
        }
    }
}

impl Quantile {
    /// The quantile of ascending numbers, linear between neighbours; none of no numbers.
    pub(crate) fn of(self, ascending: &[f64]) -> Option<f64> {
        let last = ascending.len().checked_sub(1)?;
        let position = self.0 * last as f64;
        let below = (position.floor() as usize).min(last);
        let above = (below + 1).min(last);
        let share = position - below as f64;
        Some((1.0 - share) * ascending[below] + share * ascending[above])
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
    /// The least relative weight at which the mean of the potential over interior points is at most this quantile of its
    /// values at the data.
    Typical(Quantile),
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
    /// A relative weight, where it is one.
    pub(crate) fn relative(lambda: f64) -> Option<Self> {
        Lambda::try_from(lambda).ok().map(Self::Relative)
    }

    /// The weight as configured; none where it is to be found.
    pub(crate) fn lambda(self) -> Option<f64> {
        match self {
            Self::Relative(Lambda(l)) | Self::Absolute(Lambda(l)) | Self::Continuous(Lambda(l)) => Some(l),
            Self::Typical(_) => None,
        }
    }

    /// Whether the weight is to be found.
    pub(crate) fn is_typical(self) -> bool {
        matches!(self, Self::Typical(_))
    }

    /// Whether the potential can have a weight at all.
    pub(crate) fn is_positive(self) -> bool {
        self.lambda().is_none_or(|lambda| lambda > 0.0)
    }

    /// The same reading at another `lambda`, where that is a weight.
    pub(crate) fn with_lambda(self, lambda: f64) -> Option<Self> {
        let lambda = Lambda::try_from(lambda).ok()?;
        Some(match self {
            Self::Relative(_) => Self::Relative(lambda),
            Self::Absolute(_) => Self::Absolute(lambda),
            Self::Continuous(_) => Self::Continuous(lambda),
            Self::Typical(_) => return None,
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
        let lambda = self.lambda().unwrap_or(0.0);
        let lambda_norm = match self {
            Self::Relative(_) if size >= NEGLIGIBLE_POTENTIAL => lambda * energy / size,
            Self::Relative(_) | Self::Absolute(_) | Self::Typical(_) => lambda,
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
    fn a_quantile_lies_between_its_neighbours() {
        let at = |q: f64| Quantile::try_from(q).unwrap().of(&[1.0, 2.0, 4.0]);
        assert_eq!((at(0.0), at(0.25), at(0.75), at(1.0)), (Some(1.0), Some(1.5), Some(3.0), Some(4.0)));
        assert_eq!(Quantile(0.5).of(&[]), None);
        assert!(Quantile::try_from(1.5).is_err() && Quantile::try_from(f64::NAN).is_err());
    }

    #[test]
    fn only_weights_are_weights() {
        for bad in [-1.0, f64::NAN, f64::INFINITY] {
            assert!(Lambda::try_from(bad).is_err());
            assert_eq!(Weight::default().with_lambda(bad), None);
        }
        assert_eq!(Weight::default().with_lambda(0.0).and_then(Weight::lambda), Some(0.0));
    }
}
