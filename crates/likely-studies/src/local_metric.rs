//! Where the local metric stops being one.

use crate::pair_problem::{Iterations, PairProblem, Solved, SolvedBy, Solver, pair_problems, report};
use crate::settings::{Count, Positive, Weights};
use crate::spectrum;
use crate::study::from_config;
use crate::{Column, Findings, Number, Observer, Reading, Series, Study, StudyError, StudyKind, Subject};
use likely_core::{Counted, Curvature, Curve, Potential, Rows, Tensors};
use ndarray::Array2;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;

pub(crate) const STUDY: StudyKind = StudyKind {
    id: "local-metric",
    summary: "Least eigenvalue of G + (lambda/2) Hess S along the curves of growing weights, and where it turns indefinite.",
    source: "arXiv 2510.26266, Proposition 3.3 (version 1) and 3.2 (version 2)",
    numbers: NUMBERS,
    build: from_config::<LocalMetric>,
};

const NUMBERS: &[Number] = &[
    Number {
        id: "local-metric-least",
        unit: "1",
        better: "higher",
        definition: "Least eigenvalue of G(z_i) + (lambda_c / 2) Hess S(z_i) over interior points of the curve at the largest weight, lambda_c = N^2 lambda_norm, the Hessian in coordinates; smallest over pairs.",
    },
    Number {
        id: "local-metric-indefinite-lambda",
        unit: "1",
        better: "higher",
        definition: "Smallest lambda found, read as `relative`, whose own curve has a point at which G + (lambda_c / 2) Hess S is not positive definite; smallest over pairs.",
    },
];

/// Curves at growing weights, each from the one before.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct LocalMetric {
    /// Read as `relative`.
    lambdas: Weights,
    /// Bisections between the last weight with a metric and the first without.
    bisections: Count<60>,
    method: SolvedBy,
    tolerance: Positive,
    max_iterations: Iterations,
}

impl Default for LocalMetric {
    fn default() -> Self {
        Self {
            lambdas: Weights::of(&[0.0, 0.1, 0.3, 1.0, 3.0, 10.0, 20.0, 50.0, 100.0]),
            bisections: Count::new(20),
            method: SolvedBy::ProbGeorceAccelerated,
            tolerance: Positive::try_from(1e-6).expect("positive"),
            max_iterations: Iterations::new(5000),
        }
    }
}

/// Largest dimension of which eigenvalues are computed at every point.
const MOST_COORDINATES: usize = 200;

/// A curve with the least eigenvalue at each interior point.
struct Looked {
    solved: Solved,
    lambda: f64,
    least: Vec<f64>,
}

impl Looked {
    /// The least of all, and where along the curve.
    fn lowest(&self) -> (f64, f64) {
        let segments = (self.least.len() + 1) as f64;
        let lowest = self.least.iter().enumerate().min_by(|a, b| a.1.total_cmp(b.1));
        lowest.map_or((f64::NAN, f64::NAN), |(i, value)| (*value, (i + 1) as f64 / segments))
    }
}

/// The least eigenvalue of `G + factor Hess S` at each interior point of a curve.
fn least_eigenvalues(
    subject: &Subject<'_>,
    curvature: &dyn Curvature,
    curve: &Curve,
    factor: f64,
) -> Result<Vec<f64>, StudyError> {
    let dim = curve.dim();
    let points: Vec<f64> = curve.interior().iter().copied().collect();
    let rows = Rows::new(&points, dim)?;
    let mut tensors = Tensors::default();
    subject.geometry.tensors(rows, &mut tensors)?;
    let mut hessians = vec![0.0; points.len() * dim];
    curvature.hessian(rows, &mut hessians)?;
    let least = |(i, hessian): (usize, &[f64])| {
        let local: Vec<f64> = tensors.matrix(i).iter().zip(hessian).map(|(g, h)| g + factor * h).collect();
        spectrum::eigenvalues(local, dim).and_then(|eigenvalues| eigenvalues.first().copied()).ok_or_else(
            || StudyError::Unsupported {
                reason: format!("the Hessian of the potential is not finite at interior point {}", i + 1),
            },
        )
    };
    hessians.chunks_exact(dim * dim).enumerate().map(least).collect()
}

/// What curves of one pair are looked at with.
struct Ground<'g, 'p, 'a> {
    subject: &'g Subject<'a>,
    curvature: &'g dyn Curvature,
    problem: &'g PairProblem<'p, 'a>,
}

impl LocalMetric {
    fn look(
        &self,
        ground: &Ground<'_, '_, '_>,
        lambda: f64,
        start: Option<&Curve>,
        rng: &mut ChaCha8Rng,
        observe: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> Result<Looked, StudyError> {
        let solver =
            Solver { method: self.method, tolerance: self.tolerance, max_iterations: self.max_iterations };
        let problem = ground.problem;
        let solved = problem.solve(&solver, problem.factor(lambda), start, rng, observe)?;
        let continuous = solved.lambda_norm * (solved.curve.segments() as f64).powi(2);
        let least = least_eigenvalues(ground.subject, ground.curvature, &solved.curve, 0.5 * continuous)?;
        Ok(Looked { solved, lambda, least })
    }

    /// Narrows the weights between a curve with a metric and one without.
    fn turn(
        &self,
        ground: &Ground<'_, '_, '_>,
        (mut definite, mut indefinite): (f64, f64),
        start: &Curve,
        rng: &mut ChaCha8Rng,
        observe: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> Result<(f64, u64), StudyError> {
        let (mut start, mut iterations) = (start.clone(), 0);
        for _ in 0..self.bisections.get() {
            let middle = 0.5 * (definite + indefinite);
            let looked = self.look(ground, middle, Some(&start), rng, observe)?;
            iterations += u64::from(looked.solved.iterations);
            if looked.lowest().0 > 0.0 {
                (definite, start) = (middle, looked.solved.curve);
            } else {
                indefinite = middle;
            }
        }
        Ok((indefinite, iterations))
    }
}

impl Study for LocalMetric {
    fn evaluations_at_most(&self, segments: usize) -> u64 {
        let solver =
            Solver { method: self.method, tolerance: self.tolerance, max_iterations: self.max_iterations };
        let curves = (self.lambdas.get().len() + self.bisections.get()) as u64;
        curves.saturating_mul(solver.evaluations_at_most(segments).saturating_add(2 * segments as u64))
    }

    fn answer(
        &self,
        subject: &Subject<'_>,
        rng: &mut ChaCha8Rng,
        mut observe: Observer<'_>,
    ) -> Result<Findings, StudyError> {
        let refused = |reason: String| StudyError::Unsupported { reason };
        let counted = Counted::new(subject.potential);
        let curvature = counted.curvature().ok_or_else(|| {
            refused(
                "the model has no second derivatives of its potential, which the local metric is made of"
                    .to_owned(),
            )
        })?;
        if counted.dim() > MOST_COORDINATES {
            return Err(refused(format!(
                "{} coordinates are more than the {MOST_COORDINATES} of which eigenvalues are computed at every point",
                counted.dim()
            )));
        }
        let problems = pair_problems(subject, &counted, subject.segments.get())?;
        let mut findings = Findings::default();
        let mut least = f64::INFINITY;
        let mut turns: Vec<f64> = Vec::new();
        for (p, problem) in problems.iter().enumerate() {
            report(&mut observe, p, problems.len())?;
            let mut on = || observe(p as f64 / problems.len() as f64);
            let ground = Ground { subject, curvature, problem };
            let mut all: Vec<Looked> = Vec::new();
            for lambda in self.lambdas.get() {
                let start = all.last().map(|looked| &looked.solved.curve);
                let looked = self.look(&ground, lambda.get(), start, rng, &mut on)?;
                findings.iterations += u64::from(looked.solved.iterations);
                all.push(looked);
            }
            least = all.last().map_or(least, |looked| least.min(looked.lowest().0));
            let first = all.iter().position(|looked| looked.lowest().0 <= 0.0);
            if let Some(first) = first {
                let indefinite = all[first].lambda;
                if let Some(before) = first.checked_sub(1) {
                    let (between, start) = ((all[before].lambda, indefinite), &all[before].solved.curve);
                    let (turn, iterations) = self.turn(&ground, between, start, rng, &mut on)?;
                    findings.iterations += iterations;
                    turns.push(turn);
                } else {
                    turns.push(indefinite);
                }
            }
            findings.series.extend(series(problem.name(), problems.len(), &all));
        }
        let turn = turns.into_iter().reduce(f64::min).ok_or_else(|| {
            format!("the local metric stays positive definite up to lambda = {}", self.lambdas.heaviest())
        });
        findings.numbers = vec![
            Reading { id: "local-metric-least", value: Ok(least) },
            Reading { id: "local-metric-indefinite-lambda", value: turn },
        ];
        Ok(findings)
    }
}

/// The least eigenvalue against the weight, and along each curve.
fn series(pair: &str, pairs: usize, all: &[Looked]) -> Vec<Series> {
    let column = |name: &str| Column { name: name.to_owned(), unit: String::new() };
    let against = Array2::from_shape_fn((all.len(), 3), |(row, column)| {
        let (value, place) = all[row].lowest();
        [all[row].lambda, value, place][column]
    });
    let mut series = vec![Series {
        id: "local-metric".to_owned(),
        label: pair.to_owned(),
        columns: vec![column("lambda"), column("least eigenvalue"), column("where along the curve")],
        values: against,
    }];
    series.extend(all.iter().map(|looked| {
        let segments = (looked.least.len() + 1) as f64;
        let values = Array2::from_shape_fn((looked.least.len(), 2), |(row, column)| {
            if column == 0 { (row + 1) as f64 / segments } else { looked.least[row] }
        });
        let label = match pairs {
            1 => format!("lambda = {}", looked.lambda),
            _ => format!("{pair}, lambda = {}", looked.lambda),
        };
        let columns = vec![column("where along the curve"), column("least eigenvalue")];
        Series { id: "local-metric-along".to_owned(), label, columns, values }
    }));
    series
}
