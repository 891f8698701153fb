//! Vectors carried along geodesics, against what the closed form of the geometry says.

use super::parallel_transport;
use crate::pair_problem::{Iterations, PairProblem, SolvedBy, Solver, report};
use crate::series::column;
use crate::settings::{Count, Positive};
use crate::study::from_config;
use crate::{Findings, Number, Observer, Pair, Reading, Series, Study, StudyError, StudyKind, Subject};
use likely_core::{ClosedForm, Counted, EvalError, Geometry, Rows, Tensors};
use ndarray::{Array2, ArrayView2, array};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;

pub(crate) const STUDY: StudyKind = StudyKind {
    id: "parallel-transport",
    summary: "Vectors carried in parallel along the geodesic of each pair, against their closed form: error, observed order, and what is preserved.",
    source: "M. do Carmo, Riemannian Geometry, chapter 2: transport along a geodesic keeps its velocity, norms and angles, which in two coordinates is all",
    numbers: NUMBERS,
    build: from_config::<TransportStudy>,
};

const ERROR: &str = "transport-error";
const ORDER: &str = "transport-order";
const NORM: &str = "transport-norm-drift";
const ANGLE: &str = "transport-angle-drift";

const NUMBERS: &[Number] = &[
    Number {
        id: ERROR,
        unit: "1",
        better: "lower",
        definition: "Largest length over pairs of the difference between a carried unit vector at the end point and its closed form, at the finest grid.",
    },
    Number {
        id: ORDER,
        unit: "1",
        better: "neither",
        definition: "Least over pairs of log2 of the ratio of the errors at the two finest grids, one with twice the segments of the other.",
    },
    Number {
        id: NORM,
        unit: "1",
        better: "lower",
        definition: "Largest change along the way of the length of a carried unit vector, at the finest grid; over pairs.",
    },
    Number {
        id: ANGLE,
        unit: "rad",
        better: "lower",
        definition: "Largest change along the way of the angle between two carried vectors, right at the start, at the finest grid; over pairs.",
    },
];

/// The curve that vectors are carried along.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Along {
    /// The curve that minimises the discrete energy, without a potential.
    #[default]
    Solved,
    /// Points of the geodesic in closed form.
    ClosedForm,
}

/// The tangent and the normal of the geodesic of each pair, carried along it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct TransportStudy {
    along: Along,
    /// Grids: each has twice the segments of the one before.
    grids: Count<8>,
    /// Steps of the integration in each segment.
    substeps: Count<1000>,
    method: SolvedBy,
    tolerance: Positive,
    max_iterations: Iterations,
}

impl Default for TransportStudy {
    fn default() -> Self {
        Self {
            along: Along::default(),
            grids: Count::new(3),
            substeps: Count::new(2),
            method: SolvedBy::ProbGeorceAccelerated,
            tolerance: Positive::try_from(1e-9).expect("a positive number"),
            max_iterations: Iterations::new(10_000),
        }
    }
}

/// What one grid gave.
#[derive(Clone, Copy)]
struct Carried {
    segments: usize,
    error: f64,
    norm: f64,
    angle: f64,
}

fn unsupported(reason: impl Into<String>) -> StudyError {
    StudyError::Unsupported { reason: reason.into() }
}

impl Study for TransportStudy {
    fn evaluations_at_most(&self, _: usize) -> u64 {
        // Without a weight the density is never looked at.
        0
    }

    fn answer(
        &self,
        subject: &Subject<'_>,
        rng: &mut ChaCha8Rng,
        mut observe: Observer<'_>,
    ) -> Result<Findings, StudyError> {
        let closed = subject.geometry.closed_form();
        let closed = closed.ok_or_else(|| unsupported("the geometry has no closed form to compare with"))?;
        if subject.geometry.dim() != 2 {
            return Err(unsupported(format!(
                "{} coordinates; the closed form of transport is that of surfaces, with 2",
                subject.geometry.dim()
            )));
        }
        if subject.pairs.is_empty() {
            return Err(unsupported("there is no pair of end points to carry vectors between"));
        }
        let counted = Counted::new(subject.potential);
        let mut findings = Findings::default();
        let mut all = Vec::new();
        for (done, pair) in subject.pairs.iter().enumerate() {
            let carried = self.carry(subject, closed, &counted, pair, rng, &mut findings)?;
            findings.series.push(series(pair.name, &carried));
            all.push(carried);
            report(&mut observe, done + 1, subject.pairs.len())?;
        }
        let finest = |of: fn(&Carried) -> f64| {
            Ok(all.iter().filter_map(|carried| carried.last()).map(of).fold(0.0, f64::max))
        };
        let reading = |id, value| Reading { id, value };
        findings.numbers = vec![
            reading(ERROR, finest(|carried| carried.error)),
            reading(ORDER, least_order(&all)),
            reading(NORM, finest(|carried| carried.norm)),
            reading(ANGLE, finest(|carried| carried.angle)),
        ];
        Ok(findings)
    }
}

fn least_order(all: &[Vec<Carried>]) -> Result<f64, String> {
    all.iter().try_fold(f64::INFINITY, |least, carried| match carried.as_slice() {
        [.., coarse, fine] if coarse.error > 0.0 && fine.error > 0.0 => {
            Ok(least.min((coarse.error / fine.error).log2()))
        }
        [_, .., _] => Err("the carried vectors are exact".to_owned()),
        _ => Err("an order needs 2 grids; raise `grids`".to_owned()),
    })
}

fn series(name: &str, carried: &[Carried]) -> Series {
    let values = Array2::from_shape_fn((carried.len(), 4), |(row, column)| match column {
        0 => carried[row].segments as f64,
        1 => carried[row].error,
        2 => carried[row].norm,
        _ => carried[row].angle,
    });
    let columns = ["segments", "error", "change of length", "change of angle"].map(column).to_vec();
    Series { id: "parallel-transport".to_owned(), label: name.to_owned(), columns, values }
}

impl TransportStudy {
    /// The vectors of one pair on finer and finer grids.
    fn carry<'a>(
        &self,
        subject: &Subject<'a>,
        closed: &dyn ClosedForm,
        counted: &Counted<'_>,
        pair: &Pair<'a>,
        rng: &mut ChaCha8Rng,
        findings: &mut Findings,
    ) -> Result<Vec<Carried>, StudyError> {
        let geometry = subject.geometry;
        let (start, end) = (pair.start.to_vec(), pair.end.to_vec());
        let (mut leaves, mut arrives) = ([0.0; 2], [0.0; 2]);
        closed.log(&start, &end, &mut leaves)?;
        closed.log(&end, &start, &mut arrives)?;
        let before = frame(geometry, &start, leaves)?;
        let after = frame(geometry, &end, arrives.map(|v| -v))?;
        let mut all = Vec::new();
        for grid in 0..self.grids.get() {
            let segments = subject.segments.get().checked_shl(grid as u32).unwrap_or(usize::MAX);
            if segments > 100_000 {
                return Err(unsupported(format!(
                    "{segments} segments are more than 100000; take fewer grids"
                )));
            }
            let curve = match self.along {
                Along::ClosedForm => {
                    let times: Vec<f64> = (0..=segments).map(|i| i as f64 / segments as f64).collect();
                    let mut points = Array2::zeros((segments + 1, 2));
                    let out = points.as_slice_mut().ok_or(EvalError::Layout)?;
                    closed.geodesic(&start, &end, &times, out)?;
                    points
                }
                Along::Solved => {
                    let problem = PairProblem::new(subject, counted, pair, segments)?;
                    let solver = Solver {
                        method: self.method,
                        tolerance: self.tolerance,
                        max_iterations: self.max_iterations,
                    };
                    let solved = problem.solve(&solver, 0.0, None, rng, &mut || ControlFlow::Continue(()))?;
                    findings.iterations += u64::from(solved.iterations);
                    if !solved.stop.means_convergence() {
                        return Err(unsupported(format!(
                            "the curve of {segments} segments: {}",
                            solved.stop
                        )));
                    }
                    solved.curve.into_points()
                }
            };
            all.push(self.compare(geometry, curve.view(), &before, &after)?);
        }
        Ok(all)
    }

    /// Carries the frame `before` along a curve and compares it with `after`.
    fn compare(
        &self,
        geometry: &dyn Geometry,
        curve: ArrayView2<'_, f64>,
        before: &Array2<f64>,
        after: &Array2<f64>,
    ) -> Result<Carried, StudyError> {
        let carried = parallel_transport(geometry, curve, before.view(), self.substeps.get())
            .map_err(|error| unsupported(error.to_string()))?;
        let segments = curve.nrows() - 1;
        let (mut norm, mut angle, mut error) = (0.0_f64, 0.0_f64, 0.0);
        for (point, vectors) in curve.rows().into_iter().zip(carried.outer_iter()) {
            let tensor = tensor(geometry, &point.to_vec())?;
            let products = vectors.dot(&tensor).dot(&vectors.t());
            let lengths = [products[[0, 0]].sqrt(), products[[1, 1]].sqrt()];
            norm = lengths.iter().fold(norm, |most, length| most.max((length - 1.0).abs()));
            angle = angle.max((products[[0, 1]] / (lengths[0] * lengths[1])).asin().abs());
            // The last point is the end.
            let difference = &vectors - after;
            let squares = difference.dot(&tensor).dot(&difference.t());
            error = squares[[0, 0]].max(squares[[1, 1]]).max(0.0).sqrt();
        }
        if (norm + angle + error).is_finite() {
            Ok(Carried { segments, error, norm, angle })
        } else {
            Err(unsupported(format!("a carried vector is not finite on {segments} segments")))
        }
    }
}

/// The tensor at a point.
fn tensor(geometry: &dyn Geometry, at: &[f64]) -> Result<Array2<f64>, EvalError> {
    let mut tensors = Tensors::default();
    geometry.tensors(Rows::new(at, 2)?, &mut tensors)?;
    Array2::from_shape_vec((2, 2), tensors.matrix(0)).map_err(|_| EvalError::Layout)
}

/// The unit vector along `velocity` and the one that is orthogonal to it, to the same side everywhere.
fn frame(geometry: &dyn Geometry, at: &[f64], velocity: [f64; 2]) -> Result<Array2<f64>, StudyError> {
    let tensor = tensor(geometry, at)?;
    let velocity = array![velocity[0], velocity[1]];
    let lowered = tensor.dot(&velocity);
    let length = velocity.dot(&lowered).sqrt();
    if !(length > 0.0 && length.is_finite()) {
        return Err(unsupported("the end points of the pair have no distance; choose others"));
    }
    let normal = array![-lowered[1], lowered[0]];
    let width = normal.dot(&tensor.dot(&normal)).sqrt();
    Ok(array![[velocity[0] / length, velocity[1] / length], [normal[0] / width, normal[1] / width]])
}
