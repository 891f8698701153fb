//! What the iterative methods share: their limits, their start, and the exact reduction around them.

use crate::curved::{Curved, Penalty, Quadrature};
use crate::embedded::{OfProjected, PotentialOfProjected, ScoreOfProjected};
use crate::objective::{self, Objective, Setting, straight_path};
use crate::span::{self, InSpan, Span};
use crate::subspace::{self, Subspace};
use crate::vector::norm;
use crate::weight::Weight;
use crate::{Density, InterpolateError, Scene, Solution, Unsupported, slerp, typical};
use likely_core::{Curve, Ends, Euclidean, EvalError, Form, Geometry, Projection, Rows, Stop};
use ndarray::Array2;
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

/// The most points that a method evaluates whose one solution evaluates the interior `evaluations` times.
///
/// A search for the weight solves many times, each from a given start, which costs an evaluation more, as does looking at the
/// curve that came out.
pub(crate) fn evaluations_at_most(weight: Weight, segments: usize, evaluations: u64) -> u64 {
    let times = if weight.is_typical() { typical::SOLUTIONS * (evaluations + 2) } else { evaluations };
    interior_points(segments) * times
}

/// Number of points that a method may move.
pub(crate) fn interior_points(segments: usize) -> u64 {
    segments.saturating_sub(1) as u64
}

/// Weight of the penalty that holds a path to an embedded manifold: finite and positive.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64")]
pub(crate) struct PenaltyWeight(f64);

impl Default for PenaltyWeight {
    fn default() -> Self {
        Self(1.0)
    }
}

impl TryFrom<f64> for PenaltyWeight {
    type Error = String;

    fn try_from(value: f64) -> Result<Self, String> {
        if value.is_finite() && value > 0.0 {
            Ok(Self(value))
        } else {
            Err(format!("the penalty is {value}; it must be finite and positive"))
        }
    }
}

/// What the configurations of all iterative methods say about the problem.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setup {
    pub(crate) weight: Weight,
    pub(crate) start: Start,
    pub(crate) reduction: Reduce,
    pub(crate) quadrature: Quadrature,
    pub(crate) penalty: PenaltyWeight,
    /// Whether gradients leave out the derivative of the tensor.
    pub(crate) frozen: bool,
    /// Whether the method asks for the preconditioner, which is not factorised otherwise.
    pub(crate) preconditioned: bool,
}

/// Whether an energy method with this weight can work in `scene`.
pub(crate) fn supports(scene: &Scene<'_>, weight: Weight, needs_values: bool) -> Result<(), Unsupported> {
    let unsupported = |reason: &str| Err(Unsupported { reason: reason.to_owned() });
    match scene.density {
        _ if weight.is_typical() => typical::supports(scene),
        None if weight.is_positive() => unsupported("a positive weight needs a density; name a model"),
        Some(Density::Score(_)) if needs_values && weight.is_positive() => unsupported(
            "this line search needs values of the potential and the model gives only a score; use `adaptive` or `prob-georce-accelerated`",
        ),
        _ => Ok(()),
    }
}

/// Runs on an objective from its first iterate.
pub(crate) type Iterate<'f> =
    &'f mut dyn FnMut(&Objective<'_, '_>, objective::Iterate) -> Result<Outcome, InterpolateError>;

/// Finds the weight where it is to be found, sets the problem up, reduced where that is exact, runs `iterate` on it and takes the
/// result back.
///
/// With `given`, the iterations start there; a relative weight still refers to the configured start.
pub(crate) fn solve(
    scene: &Scene<'_>,
    ends: &Ends<'_>,
    setup: Setup,
    given: Option<&Curve>,
    iterate: Iterate<'_>,
) -> Result<Solution, InterpolateError> {
    if scene.geometry.dim() != ends.dim() {
        let reason = format!(
            "the end points have {} coordinates and the geometry has {}",
            ends.dim(),
            scene.geometry.dim()
        );
        return Err(InterpolateError::EndPoints { reason });
    }
    if let Weight::Typical(quantile) = setup.weight {
        return typical::solve(scene, quantile, &mut |weight, start| {
            solve(scene, ends, Setup { weight, ..setup }, start.or(given), iterate)
        });
    }
    joinable(scene, ends, setup.weight)?;
    if let Some(projection) = scene.geometry.projection() {
        return solve_embedded(scene, projection, ends, setup, given, iterate);
    }
    let weighted = setup.weight.is_positive();
    if setup.reduction == Reduce::Auto && given.is_none() {
        let radial = if weighted { span::applies(scene, ends) } else { None };
        if let Some((radial, span)) = radial.and_then(|radial| Some((radial, Span::of(ends)?))) {
            let reduced = InSpan::new(radial);
            let density = Some(Density::Potential(&reduced));
            let plane = Euclidean::new(2);
            let solution = solve_whole(&plane, density, None, &span.ends(ends)?, setup, None, iterate)?;
            let curve = span.expand(&solution.curve, ends)?;
            return Ok(Solution { curve, reduction: Some(span::REDUCTION), ..solution });
        }
        let curved = scene.geometry.form() != Form::Flat;
        if let Some(subspace) = Subspace::of(scene, ends, weighted).filter(|_| curved || weighted) {
            let density = subspace.potential.as_ref().map(|potential| Density::Potential(potential));
            let reduced = subspace.ends(ends)?;
            let solution = solve_whole(&*subspace.geometry, density, None, &reduced, setup, None, iterate)?;
            let curve = subspace.expand(&solution.curve, ends)?;
            return Ok(Solution { curve, reduction: Some(subspace::REDUCTION), ..solution });
        }
    }
    solve_whole(scene.geometry, scene.density, None, ends, setup, given, iterate)
}

/// Refuses end points between which no curve is the shortest: the start of the iterations would decide, not the problem.
///
/// A weight breaks the tie in coordinates; on an embedded manifold the straight start runs through the cut locus all the same.
fn joinable(scene: &Scene<'_>, ends: &Ends<'_>, weight: Weight) -> Result<(), InterpolateError> {
    let Some(closed) = scene.geometry.closed_form() else { return Ok(()) };
    if weight.is_positive() && scene.density.is_some() && scene.geometry.projection().is_none() {
        return Ok(());
    }
    let mut velocity = vec![0.0; ends.dim()];
    match closed.log(&ends.start().to_vec(), &ends.end().to_vec(), &mut velocity) {
        Err(error @ EvalError::CutLocus { .. }) => {
            Err(InterpolateError::EndPoints { reason: format!("{error}; move one of them a little") })
        }
        _ => Ok(()),
    }
}

/// Farther from an embedded manifold than this, relative to its coordinates, a point is not on it.
pub(crate) const OFF_MANIFOLD: f64 = 1e-9;

/// The largest distance of a point to its projection, relative to `1 + |point|`.
pub(crate) fn farthest(projection: &dyn Projection, points: &[f64], dim: usize) -> Result<f64, EvalError> {
    let mut projected = vec![0.0; points.len()];
    projection.project(Rows::new(points, dim)?, &mut projected)?;
    let far = |(x, y): (&[f64], &[f64])| {
        let deviation: Vec<f64> = x.iter().zip(y).map(|(x, y)| x - y).collect();
        norm(&deviation) / (1.0 + norm(x))
    };
    Ok(points.chunks_exact(dim).zip(projected.chunks_exact(dim)).map(far).fold(0.0, f64::max))
}

/// Refuses end points that are not on an embedded manifold; moving them would answer another question.
pub(crate) fn on_manifold(projection: &dyn Projection, ends: &Ends<'_>) -> Result<(), InterpolateError> {
    for (which, point) in [("start", ends.start()), ("end", ends.end())] {
        let point = point.to_vec();
        let far = farthest(projection, &point, point.len());
        if !far.as_ref().is_ok_and(|far| *far <= OFF_MANIFOLD) {
            let how = far.map_or_else(|error| error.to_string(), |far| format!("{far:.3e} away, relative"));
            let reason = format!("the {which} is not on the manifold ({how}); give a point of it");
            return Err(InterpolateError::EndPoints { reason });
        }
    }
    Ok(())
}

/// On an embedded manifold: points move in the surrounding space and are projected at the end.
fn solve_embedded(
    scene: &Scene<'_>,
    projection: &dyn Projection,
    ends: &Ends<'_>,
    setup: Setup,
    given: Option<&Curve>,
    iterate: Iterate<'_>,
) -> Result<Solution, InterpolateError> {
    on_manifold(projection, ends)?;
    let geometry = OfProjected { geometry: scene.geometry, projection };
    let penalty = Penalty { projection, weight: setup.penalty.0 };
    let potential;
    let score;
    let density = match scene.density {
        None => None,
        Some(Density::Potential(inner)) => {
            potential = PotentialOfProjected { potential: inner, projection };
            Some(Density::Potential(&potential))
        }
        Some(Density::Score(inner)) => {
            score = ScoreOfProjected { score: inner, projection };
            Some(Density::Score(&score))
        }
    };
    let solution = solve_whole(&geometry, density, Some(penalty), ends, setup, given, iterate)?;
    let points = solution.curve.into_points();
    let mut projected = Array2::zeros(points.raw_dim());
    let out = projected.as_slice_mut().expect("an owned array is contiguous");
    projection.project(Rows::of(&points.view())?, out)?;
    Ok(Solution { curve: Curve::new(projected)?, ..solution })
}

fn solve_whole(
    geometry: &dyn Geometry,
    density: Option<Density<'_>>,
    penalty: Option<Penalty<'_>>,
    ends: &Ends<'_>,
    setup: Setup,
    given: Option<&Curve>,
    iterate: Iterate<'_>,
) -> Result<Solution, InterpolateError> {
    let mut path = match setup.start {
        Start::Linear => straight_path(ends),
        Start::Slerp => slerp::great_arc(ends)?.interior().iter().copied().collect(),
    };
    if let Some(penalty) = penalty
        && !path.is_empty()
    {
        let free = path.clone();
        penalty
            .projection
            .project(Rows::new(&free, ends.dim())?, &mut path)
            .map_err(InterpolateError::Geometry)?;
    }
    let (start, end) = (ends.start().to_vec(), ends.end().to_vec());
    let curved = (geometry.form() != Form::Flat || penalty.is_some())
        .then(|| Curved::new(geometry, setup.quadrature, penalty, &start, &end))
        .map(|curved| if setup.preconditioned { curved } else { curved.without_preconditioner() });
    let setting = Setting { density, curved, frozen: setup.frozen };
    let (objective, mut first) = Objective::start(setting, ends, setup.weight, path)?;
    if let Some(given) = given {
        first = start_from(&objective, given, ends)?;
    }
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

/// The first iterate on a curve that the caller gave.
fn start_from(
    objective: &Objective<'_, '_>,
    given: &Curve,
    ends: &Ends<'_>,
) -> Result<objective::Iterate, InterpolateError> {
    let points = given.points();
    if given.segments() != ends.segments()
        || given.dim() != ends.dim()
        || points.row(0) != ends.start()
        || points.row(given.segments()) != ends.end()
    {
        let reason = format!(
            "the starting curve has {} segments in {} coordinates and joins other points; it must have {} in {} and join the end points",
            given.segments(),
            given.dim(),
            ends.segments(),
            ends.dim()
        );
        return Err(InterpolateError::EndPoints { reason });
    }
    objective.start_at(given.interior().iter().copied().collect())
}
