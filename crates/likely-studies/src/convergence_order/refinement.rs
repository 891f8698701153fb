//! One continuous problem on grids that double.

use crate::pair_problem::{PairProblem, Solved, Solver};
use crate::rate::slope;
use crate::settings::Segments;
use crate::{Pair, Reading, Series, StudyError, Subject};
use likely_core::{Counted, Curve, EvalError, Geometry};
use ndarray::{Array2, ArrayView2};
use rand_chacha::ChaCha8Rng;
use std::ops::ControlFlow;

/// The grids of a pair and what they tell.
pub(super) struct Refinement {
    segments: Vec<usize>,
    /// To the closed form, or to the next grid; NaN where there is none.
    errors: Vec<f64>,
    /// `N E`.
    energies: Vec<f64>,
    order: Result<f64, String>,
    energy: Result<f64, String>,
    error: Result<f64, String>,
    pub(super) iterations: u64,
}

/// Errors below this share of the size of the curve are rounding and the tolerance of the solver.
const ROUNDING: f64 = 1e-11;
/// A gradient above this leaves errors of the solver in the differences between grids.
const LOOSEST: f64 = 1e-7;

#[expect(clippy::too_many_arguments, reason = "the subject, the grids, and what every solve needs")]
pub(super) fn refine<'a>(
    subject: &Subject<'a>,
    counted: &Counted<'_>,
    pair: &Pair<'a>,
    grids: &[Segments],
    solver: &Solver,
    continuous: f64,
    rng: &mut ChaCha8Rng,
    observe: &mut dyn FnMut() -> ControlFlow<()>,
) -> Result<Refinement, StudyError> {
    let mut solved: Vec<Solved> = Vec::with_capacity(grids.len());
    let mut trouble = None;
    for grid in grids {
        let problem = PairProblem::new(subject, counted, pair, grid.get())?;
        let factor = continuous / (grid.get() as f64).powi(2);
        let start = solved.last().map(|coarser| halved(&coarser.curve)).transpose()?;
        // An error of the curve is up to N^2 times the gradient, so finer grids need a smaller one.
        let share = (grids[0].get() as f64 / grid.get() as f64).powi(2);
        let on_grid = problem.solve(&solver.tighter(share), factor, start.as_ref(), rng, observe)?;
        let loose = on_grid.stop.grad_norm_l2().is_some_and(|norm| norm > LOOSEST * share);
        if loose || on_grid.stop.kind().id() == "not-finite" {
            trouble = Some(format!("pair `{}`, {} segments: {}", pair.name, grid.get(), on_grid.stop));
        }
        solved.push(on_grid);
    }
    let closed = (continuous == 0.0).then(|| subject.geometry.closed_form()).flatten().is_some();
    let errors: Vec<f64> = if closed {
        solved
            .iter()
            .map(|s| Ok(largest_distance(s.curve.points(), geodesic(subject.geometry, &s.curve)?.view())))
            .collect::<Result<_, EvalError>>()?
    } else {
        let differ =
            |pair: &[Solved]| largest_distance(pair[0].curve.points(), every_other(&pair[1].curve).view());
        solved.windows(2).map(differ).chain([f64::NAN]).collect()
    };
    let energies: Vec<f64> = solved.iter().map(|s| s.curve.segments() as f64 * s.measures.energy).collect();
    let segments: Vec<usize> = solved.iter().map(|s| s.curve.segments()).collect();
    let size = pair.start.iter().chain(pair.end).fold(0.0_f64, |size, x| size.max(x.abs())).max(1.0);
    let (order, energy, error) = match trouble {
        Some(reason) => (Err(reason.clone()), Err(reason.clone()), Err(reason)),
        None => (
            order_of(pair.name, &segments, &errors, ROUNDING * size),
            Ok(extrapolated(&energies)),
            if closed {
                extrapolated_error(subject.geometry, &solved)
            } else {
                Err(no_closed_form(pair.name))
            },
        ),
    };
    let iterations = solved.iter().map(|s| u64::from(s.iterations)).sum();
    Ok(Refinement { segments, errors, energies, order, energy, error, iterations })
}

fn no_closed_form(pair: &str) -> String {
    format!("pair `{pair}`: no closed form to compare with; it needs lambda = 0 and a geometry that has one")
}

/// The curve with a point halfway along each segment.
fn halved(curve: &Curve) -> Result<Curve, StudyError> {
    let points = curve.points();
    let finer = Array2::from_shape_fn((2 * curve.segments() + 1, curve.dim()), |(row, column)| {
        0.5 * (points[[row / 2, column]] + points[[row.div_ceil(2), column]])
    });
    Curve::new(finer).map_err(|error| StudyError::Interpolate(error.into()))
}

fn every_other(curve: &Curve) -> Array2<f64> {
    curve.points().slice(ndarray::s![..;2, ..]).to_owned()
}

fn largest_distance(a: ArrayView2<'_, f64>, b: ArrayView2<'_, f64>) -> f64 {
    let squares = a.rows().into_iter().zip(b.rows()).map(|(a, b)| (&a - &b).mapv(|d| d * d).sum());
    squares.fold(0.0, f64::max).sqrt()
}

/// The geodesic in closed form at the points of a curve with the same ends.
fn geodesic(geometry: &dyn Geometry, curve: &Curve) -> Result<Array2<f64>, EvalError> {
    let (points, segments, dim) = (curve.points(), curve.segments(), curve.dim());
    let times: Vec<f64> = (0..=segments).map(|i| i as f64 / segments as f64).collect();
    let mut out = vec![0.0; (segments + 1) * dim];
    if let Some(closed) = geometry.closed_form() {
        let (a, b) = (points.row(0).to_vec(), points.row(segments).to_vec());
        closed.geodesic(&a, &b, &times, &mut out)?;
    }
    Array2::from_shape_vec((segments + 1, dim), out)
        .map_err(|_| EvalError::Dimension { expected: dim, found: curve.dim() })
}

fn order_of(pair: &str, segments: &[usize], errors: &[f64], rounding: f64) -> Result<f64, String> {
    let known: Vec<(f64, f64)> =
        segments.iter().zip(errors).filter(|(_, e)| !e.is_nan()).map(|(n, e)| (*n as f64, *e)).collect();
    let finest = &known[known.len().saturating_sub(3)..];
    if finest.iter().any(|(_, error)| *error <= rounding) {
        return Err(format!("pair `{pair}`: the errors are at rounding level, so there is no order to see"));
    }
    let (x, y): (Vec<f64>, Vec<f64>) = finest.iter().map(|(n, error)| (n.ln(), error.ln())).unzip();
    slope(&x, &y).map(|slope| -slope).ok_or_else(|| format!("pair `{pair}`: too few grids for an order"))
}

/// The limit of a sequence on doubling grids, its order taken from the three finest.
fn extrapolated(values: &[f64]) -> f64 {
    let [.., a, b, c] = *values else { return f64::NAN };
    let (before, last) = (b - a, c - b);
    // By Aitken's formula; where the differences do not fall there is nothing to gain.
    if last.abs() < before.abs() { c - last * last / (last - before) } else { c }
}

/// The error of the curve extrapolated from the two finest grids by the order of the three finest.
fn extrapolated_error(geometry: &dyn Geometry, solved: &[Solved]) -> Result<f64, String> {
    let [.., a, b, c] = solved else { return Err("three grids are needed".to_owned()) };
    let before = largest_distance(a.curve.points(), every_other(&b.curve).view());
    let last = largest_distance(b.curve.points(), every_other(&c.curve).view());
    let ratio = if last > 0.0 { (before / last).max(1.5) } else { f64::INFINITY };
    let fine = every_other(&c.curve);
    let limit = &fine + &((&fine - &b.curve.points()) / (ratio - 1.0));
    let exact = geodesic(geometry, &b.curve).map_err(|error| error.to_string())?;
    Ok(largest_distance(limit.view(), exact.view()))
}

impl Refinement {
    pub(super) fn series(&self, label: &str) -> Series {
        let values = Array2::from_shape_fn((self.segments.len(), 3), |(row, column)| match column {
            0 => self.segments[row] as f64,
            1 => self.errors[row],
            _ => self.energies[row],
        });
        let columns = [("segments", ""), ("error", ""), ("energy times segments", "")];
        super::series("discretisation", label, &columns, values)
    }
}

pub(super) fn readings(refinements: &[Refinement]) -> Vec<Reading> {
    let all = |of: fn(&Refinement) -> &Result<f64, String>| -> Result<Vec<f64>, String> {
        refinements.iter().map(|refinement| of(refinement).clone()).collect()
    };
    let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len() as f64;
    let smallest = |values: Vec<f64>| values.into_iter().fold(f64::INFINITY, f64::min);
    let largest = |values: Vec<f64>| values.into_iter().fold(f64::NEG_INFINITY, f64::max);
    vec![
        Reading { id: "discretisation-order", value: all(|refinement| &refinement.order).map(smallest) },
        Reading { id: "discretisation-energy", value: all(|refinement| &refinement.energy).map(mean) },
        Reading { id: "discretisation-error", value: all(|refinement| &refinement.error).map(largest) },
    ]
}
