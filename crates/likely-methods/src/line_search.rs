//! Step lengths along the `ProbGEORCE` direction.

use crate::objective::{Iterate, Objective};
use likely_core::EvalError;
use serde::{Deserialize, Serialize};

/// How the step along the `ProbGEORCE` direction is found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum LineSearch {
    /// Halve until `R` does not rise.
    ///
    /// # Source
    /// The JAX code, `jax_geometry/line_search/backtracking.py`.
    Decrease,
    /// Halve until `R(t) <= R - 1e-4 t |<grad, direction>|`: sufficient decrease on the true slope along the step.
    Armijo,
    /// Halve until `R(t) <= R - 0.9 t |grad|^2`, a slope that belongs to another direction: it stalls on rough gradients.
    ///
    /// # Source
    /// The PyTorch code, `torch_geometry/line_search/backtracking.py`, which made Figure 3; DEVIATIONS.md D2.
    ArmijoReleased,
    /// No evaluation of `R`: moments of the gradient decide the step.
    Adaptive(Adaptive),
}

/// Constants of the adaptive step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct Adaptive {
    /// Largest step, in (0, 1].
    pub(crate) rate: Fraction,
    /// Share of the past in the moving average of the gradient, in [0, 1).
    pub(crate) beta1: Share,
    /// Share of the past in the moving average of its squared norm, in [0, 1).
    pub(crate) beta2: Share,
}

impl Default for Adaptive {
    fn default() -> Self {
        Self { rate: Fraction(0.1), beta1: Share(0.5), beta2: Share(0.5) }
    }
}

/// A number in (0, 1].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64")]
pub(crate) struct Fraction(pub(crate) f64);

impl TryFrom<f64> for Fraction {
    type Error = String;

    fn try_from(value: f64) -> Result<Self, String> {
        if value > 0.0 && value <= 1.0 { Ok(Self(value)) } else { Err(format!("{value} is not in (0, 1]")) }
    }
}

/// A number in [0, 1).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64")]
pub(crate) struct Share(pub(crate) f64);

impl TryFrom<f64> for Share {
    type Error = String;

    fn try_from(value: f64) -> Result<Self, String> {
        if (0.0..1.0).contains(&value) { Ok(Self(value)) } else { Err(format!("{value} is not in [0, 1)")) }
    }
}

/// Largest number of halvings, as released.
pub(crate) const HALVINGS: u32 = 100;

/// Share of the true slope that a sound decrease must reach.
const SUFFICIENT: f64 = 1e-4;

/// Share of the squared gradient norm that the released PyTorch code demands.
const SUFFICIENT_RELEASED: f64 = 0.9;

/// What a backtracking search found.
pub(crate) enum Search {
    /// A step with its new iterate.
    Accepted { t: f64, iterate: Iterate },
    /// No trial was acceptable.
    NoStep,
    /// A trial was acceptable by its value and its gradient is not finite.
    NotFinite,
}

/// Backtracking from a full step, remembering at which halving the last search ended.
pub(crate) struct Backtracking {
    rule: LineSearch,
    last_halvings: u32,
}

impl Backtracking {
    pub(crate) fn new(rule: LineSearch) -> Self {
        Self { rule, last_halvings: 0 }
    }

    /// Finds a step from `current` along `direction`; a trial that is not finite is rejected under every rule.
    ///
    /// The trial at which the last search ended is evaluated with its gradient at once, because it is the likeliest to be
    /// accepted; the others by value alone.
    pub(crate) fn search(
        &mut self,
        objective: &Objective<'_, '_>,
        current: &Iterate,
        direction: &[f64],
        slope: f64,
    ) -> Result<Search, EvalError> {
        let along = objective.energy_along(current, direction);
        let Some(potential) = current.weighted_potential else { return Ok(Search::NoStep) };
        let level = current.energy + potential;
        let mut t = 1.0;
        for halvings in 0..=HALVINGS {
            let path = objective.step(current, t, direction);
            let (trial, fused) = if halvings == self.last_halvings {
                let iterate = objective.evaluate_unfactorised(path)?;
                (Objective::trial_evaluated(current, along, t, iterate.as_ref()), Ok(iterate))
            } else {
                (objective.trial(current, along, t, &path)?, Err(path))
            };
            let enough = match self.rule {
                LineSearch::Decrease | LineSearch::Adaptive(_) => trial <= level,
                LineSearch::Armijo => trial <= level + SUFFICIENT * t * slope,
                LineSearch::ArmijoReleased => {
                    trial <= level - SUFFICIENT_RELEASED * t * current.grad_norm.powi(2)
                        || halvings == HALVINGS
                }
            };
            if enough && trial.is_finite() {
                let was_fused = fused.is_ok();
                let iterate = match fused {
                    Ok(None) => None,
                    Ok(Some(iterate)) => objective.factorised(iterate)?,
                    Err(path) => objective.evaluate(path)?,
                };
                // Without a factorisation there is no next direction: as good as a trial without a value.
                if iterate.is_none() && was_fused {
                    t *= 0.5;
                    continue;
                }
                self.last_halvings = halvings;
                return Ok(match iterate {
                    Some(iterate) if iterate.is_finite() => Search::Accepted { t, iterate },
                    _ => Search::NotFinite,
                });
            }
            match fused {
                Ok(Some(iterate)) => objective.recycle_iterate(iterate),
                Ok(None) => {}
                Err(path) => objective.recycle(path),
            }
            t *= 0.5;
        }
        Ok(Search::NoStep)
    }
}
