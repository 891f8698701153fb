//! What the iterative methods share: their limits, their start, and the exact reduction around them.

use crate::objective::{Iterate, Objective, straight_path};
use crate::span::{self, InSpan, Span};
use crate::weight::Weight;
use crate::{Density, InterpolateError, Scene, Solution, Unsupported, slerp};
use likely_core::{Ends, Form, Stop};
use serde::{Deserialize, Serialize};

/// Bound on the Euclidean norm of the gradient over all interior points and coordinates: finite and not negative.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64")]
pub(crate) struct Tolerance(f64);

impl Default for Tolerance {
    fn default() -> Self {
        Self(1e-4)
    }
}

impl Tolerance {
    pub(crate) fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Tolerance {
    type Error = String;

    fn try_from(value: f64) -> Result<Self, String> {
        if value.is_finite() && value >= 0.0 {
            Ok(Self(value))
        } else {
            Err(format!("tolerance is {value}; it must be finite and not negative"))
        }
    }
}

/// Largest number of iterations, at most a thousand million.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u64")]
pub(crate) struct Iterations(u64);

impl Default for Iterations {
    fn default() -> Self {
        Self(1000)
    }
}

impl Iterations {
    pub(crate) fn get(self) -> u64 {
        self.0
    }
}

impl TryFrom<u64> for Iterations {
    type Error = String;

    fn try_from(value: u64) -> Result<Self, String> {
        if value <= 1_000_000_000 {
            Ok(Self(value))
        } else {
            Err(format!("{value} iterations is above 1000000000"))
        }
    }
}

/// The starting curve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Start {
    /// The straight line.
    Linear,
    /// The great arc with interpolated norms.
    Slerp,
}

/// Whether an exact reduction is used where the potential allows one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Reduce {
    /// Wherever it is exact.
    Auto,
    /// Never, to compare.
    Off,
}

/// What the iterations ended with.
pub(crate) struct Outcome {
    /// Interior points.
    pub(crate) path: Vec<f64>,
    pub(crate) stop: Stop,
    pub(crate) iterations: u32,
}

/// Number of points that a method may move.
pub(crate) fn interior_points(segments: usize) -> u64 {
    segments.saturating_sub(1) as u64
}

/// Whether an energy method with this weight can work in `scene`.
pub(crate) fn supports(scene: &Scene<'_>, weight: Weight, needs_values: bool) -> Result<(), Unsupported> {
    let unsupported = |reason: &str| Err(Unsupported { reason: reason.to_owned() });
    if scene.geometry.form() != Form::Flat {
        return unsupported("works in flat space only; choose a Euclidean geometry");
    }
    match scene.density {
        None if weight.lambda() > 0.0 => unsupported("a positive weight needs a density; name a model"),
        Some(Density::Score(_)) if needs_values && weight.lambda() > 0.0 => unsupported(
            "this line search needs values of the potential and the model gives only a score; use `adaptive` or `prob-georce-accelerated`",
        ),
        _ => Ok(()),
    }
}

/// Sets the problem up, reduced where that is exact, runs `iterate` on it and takes the result back.
pub(crate) fn solve(
    scene: &Scene<'_>,
    ends: &Ends<'_>,
    weight: Weight,
    start: Start,
    reduction: Reduce,
    iterate: impl FnOnce(&Objective<'_, '_>, Iterate) -> Result<Outcome, InterpolateError>,
) -> Result<Solution, InterpolateError> {
    let radial = match reduction {
        Reduce::Auto if weight.lambda() > 0.0 => span::applies(scene, ends),
        Reduce::Auto | Reduce::Off => None,
    };
    let reduced = radial.and_then(|radial| Span::of(ends).map(|span| (radial, span)));
    let Some((radial, span)) = reduced else {
        return solve_whole(scene.density, ends, weight, start, iterate);
    };
    let reduced = InSpan::new(radial);
    let solution =
        solve_whole(Some(Density::Potential(&reduced)), &span.ends(ends)?, weight, start, iterate)?;
    let curve = span.expand(&solution.curve, ends)?;
    Ok(Solution { curve, reduction: Some(span::REDUCTION), ..solution })
}

fn solve_whole(
    density: Option<Density<'_>>,
    ends: &Ends<'_>,
    weight: Weight,
    start: Start,
    iterate: impl FnOnce(&Objective<'_, '_>, Iterate) -> Result<Outcome, InterpolateError>,
) -> Result<Solution, InterpolateError> {
    let path = match start {
        Start::Linear => straight_path(ends),
        Start::Slerp => slerp::great_arc(ends)?.interior().iter().copied().collect(),
    };
    let (objective, first) = Objective::start(density, ends, weight, path)?;
    let weighting = objective.weighting();
    let outcome = iterate(&objective, first)?;
    Ok(Solution {
        curve: objective.curve(&outcome.path)?,
        stop: outcome.stop,
        iterations: outcome.iterations,
        weighting: Some(weighting),
        reduction: None,
    })
}
