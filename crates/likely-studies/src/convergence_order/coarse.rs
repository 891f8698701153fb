//! Curves on grids too coarse for their weight.

use crate::pair_problem::{PairProblem, Solver, squared_steps};
use crate::settings::Segments;
use crate::{Pair, Reading, Series, StudyError, Subject};
use likely_core::{Counted, Curve, EvalError, Geometry, Rows, Tensors};
use ndarray::Array2;
use rand_chacha::ChaCha8Rng;
use std::ops::ControlFlow;

/// One grid.
struct Look {
    segments: usize,
    variation: f64,
    shortest: f64,
    longest: f64,
    reversals: usize,
}

/// All coarse grids of a pair.
pub(super) struct Coarse {
    looks: Vec<Look>,
    pub(super) iterations: u64,
}

#[expect(clippy::too_many_arguments, reason = "the subject, the grids, and what every solve needs")]
pub(super) fn look<'a>(
    subject: &Subject<'a>,
    counted: &Counted<'_>,
    pair: &Pair<'a>,
    grids: &[Segments],
    solver: &Solver,
    lambda: f64,
    rng: &mut ChaCha8Rng,
    observe: &mut dyn FnMut() -> ControlFlow<()>,
) -> Result<Coarse, StudyError> {
    let mut coarse = Coarse { looks: Vec::with_capacity(grids.len()), iterations: 0 };
    for grid in grids {
        let problem = PairProblem::new(subject, counted, pair, grid.get())?;
        let solved = problem.solve(solver, problem.factor(lambda), None, rng, observe)?;
        coarse.iterations += u64::from(solved.iterations);
        let lengths: Vec<f64> = squared_steps(subject.geometry, &solved.curve)?
            .iter()
            .map(|square| square.max(0.0).sqrt())
            .collect();
        let mean = lengths.iter().sum::<f64>() / lengths.len() as f64;
        let variance = lengths.iter().map(|l| (l - mean).powi(2)).sum::<f64>() / lengths.len() as f64;
        coarse.looks.push(Look {
            segments: grid.get(),
            variation: variance.sqrt() / mean,
            shortest: lengths.iter().copied().fold(f64::INFINITY, f64::min) / mean,
            longest: lengths.iter().copied().fold(0.0, f64::max) / mean,
            reversals: reversals(subject.geometry, &solved.curve)?,
        });
    }
    Ok(coarse)
}

/// Interior points at which the curve turns by more than a right angle.
fn reversals(geometry: &dyn Geometry, curve: &Curve) -> Result<usize, EvalError> {
    let dim = curve.dim();
    let points: Vec<f64> = curve.points().iter().copied().collect();
    let steps: Vec<f64> = points[dim..].iter().zip(&points).map(|(to, from)| to - from).collect();
    let inner = &points[dim..points.len() - dim];
    let mut tensors = Tensors::default();
    geometry.tensors(Rows::new(inner, dim)?, &mut tensors)?;
    let mut lowered = vec![0.0; inner.len()];
    tensors.apply(&steps[dim..], &mut lowered);
    let turns = lowered.chunks_exact(dim).zip(steps.chunks_exact(dim));
    Ok(turns
        .filter(|(after, before)| after.iter().zip(*before).map(|(a, b)| a * b).sum::<f64>() < 0.0)
        .count())
}

impl Coarse {
    pub(super) fn series(&self, label: &str) -> Series {
        let values = Array2::from_shape_fn((self.looks.len(), 5), |(row, column)| {
            let look = &self.looks[row];
            match column {
                0 => look.segments as f64,
                1 => look.variation,
                2 => look.shortest,
                3 => look.longest,
                _ => look.reversals as f64,
            }
        });
        let columns = [
            ("segments", ""),
            ("variation of the speed", ""),
            ("shortest segment over the mean", ""),
            ("longest segment over the mean", ""),
            ("reversals", ""),
        ];
        super::series("coarse-grids", label, &columns, values)
    }
}

pub(super) fn readings(coarse: &[Coarse]) -> Vec<Reading> {
    let largest = |of: fn(&Look) -> f64| {
        coarse.iter().flat_map(|coarse| &coarse.looks).map(of).fold(f64::NEG_INFINITY, f64::max)
    };
    vec![
        Reading { id: "coarse-speed-variation", value: Ok(largest(|look| look.variation)) },
        Reading { id: "coarse-reversals", value: Ok(largest(|look| look.reversals as f64)) },
    ]
}
