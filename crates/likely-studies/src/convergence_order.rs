//! How fast iterations and discretisations converge, and where they break down.

mod coarse;
mod refinement;

use crate::pair_problem::{Iterations, PairProblem, SolvedBy, Solver, pair_problems, report};
use crate::rate::{self, Rate};
use crate::settings::{Lambda, Positive, Segments, Weights};
use crate::study::from_config;
use crate::{Column, Findings, Number, Observer, Reading, Series, Study, StudyError, StudyKind, Subject};
use coarse::Coarse;
use likely_core::Counted;
use ndarray::Array2;
use rand_chacha::ChaCha8Rng;
use refinement::Refinement;
use serde::{Deserialize, Serialize};

pub(crate) const STUDY: StudyKind = StudyKind {
    id: "convergence-order",
    summary: "Rate and order of ProbGEORCE's iterations, order of the discretisation, coarse grids and small weights.",
    source: "arXiv 2510.26266, Propositions 3.2 and 3.4; a ProbGEORCE step is a gradient step preconditioned by 2 D^T G D",
    numbers: NUMBERS,
    build: from_config::<ConvergenceOrder>,
};

const NUMBERS: &[Number] = &[
    Number {
        id: "convergence-rate",
        unit: "1",
        better: "lower",
        definition: "Geometric mean of the factors by which the gradient norm of prob-georce (line search `decrease`) falls in its last steps (12, or half of them where there are fewer); largest over pairs.",
    },
    Number {
        id: "convergence-rate-predicted",
        unit: "1",
        better: "lower",
        definition: "max over the eigenvalues mu of P^-1 H at the solution of the geometric mean of |1 - t_k mu| over the same steps t_k, P = 2 D^T G D, H the Hessian of the regularised energy; of the pair of `convergence-rate`.",
    },
    Number {
        id: "convergence-rate-unit-step",
        unit: "1",
        better: "lower",
        definition: "The spectral radius of I - P^-1 H at the solution: the rate of full steps, which diverge where it exceeds 1; of the pair of `convergence-rate`.",
    },
    Number {
        id: "convergence-order",
        unit: "1",
        better: "higher",
        definition: "Slope of log of the gradient norm after a step against that before it, by least squares over the same steps: 1 for linear convergence, 2 for quadratic; of the pair of `convergence-rate`.",
    },
    Number {
        id: "discretisation-order",
        unit: "1",
        better: "higher",
        definition: "Minus the slope of log error against log N by least squares over the three finest grids. The error is the largest distance of a point to the geodesic in closed form, where there is one and lambda is 0, and else to the same point on the grid of twice as many segments. Smallest over pairs.",
    },
    Number {
        id: "discretisation-energy",
        unit: "1",
        better: "lower",
        definition: "N sum_{i<N} <dz_i, G(z_i) dz_i> extrapolated to N = infinity from the three finest grids by their own order; mean over pairs.",
    },
    Number {
        id: "discretisation-error",
        unit: "1",
        better: "lower",
        definition: "Largest distance of the curve extrapolated from the finest grids by their own order to the geodesic in closed form; largest over pairs.",
    },
    Number {
        id: "coarse-speed-variation",
        unit: "1",
        better: "lower",
        definition: "Coefficient of variation of the lengths of the segments on the coarse grids, largest over grids and pairs.",
    },
    Number {
        id: "coarse-reversals",
        unit: "1",
        better: "lower",
        definition: "Interior points at which the curve turns by more than a right angle, <dz_{i-1}, G(z_i) dz_i> < 0, on the coarse grids; largest over grids and pairs.",
    },
];

/// Weights are read as `relative` at the number of segments of the subject; other grids get the same continuous problem,
/// `lambda_norm N^2` fixed, but for the coarse ones, which are solved as a user would.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct ConvergenceOrder {
    /// Weight of the rate and of the discretisation.
    lambda: Lambda,
    /// Grids of the discretisation, each twice as fine as the one before.
    grids: Doubling,
    /// Coarse grids.
    coarse_grids: Grids,
    /// Weight on the coarse grids.
    coarse_lambda: Lambda,
    /// Weights at which the drift is followed, ascending.
    small_lambdas: Weights,
    /// Of the run whose rate is measured: its line search compares values, which end in rounding long before gradients do.
    tolerance: Positive,
    /// Of the coarsest of `grids` and of all other curves; finer ones get less, as N^-2.
    grid_tolerance: Positive,
    max_iterations: Iterations,
}

impl Default for ConvergenceOrder {
    fn default() -> Self {
        let lambda = |value| Lambda::try_from(value).expect("not negative");
        let grids = |all: &[u64]| all.iter().map(|&n| Segments::try_from(n).expect("2 or more")).collect();
        Self {
            lambda: lambda(1.0),
            grids: Doubling(grids(&[50, 100, 200, 400, 800])),
            coarse_grids: Grids(grids(&[5, 7, 10, 14, 20])),
            coarse_lambda: lambda(100.0),
            small_lambdas: Weights::of(&[0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0]),
            tolerance: Positive::try_from(1e-6).expect("positive"),
            grid_tolerance: Positive::try_from(1e-9).expect("positive"),
            max_iterations: Iterations::new(20_000),
        }
    }
}

/// At most this many grids or weights in a list.
const MOST_LISTED: usize = 64;

/// Grids that double, at least three.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "Vec<Segments>")]
struct Doubling(Vec<Segments>);

impl TryFrom<Vec<Segments>> for Doubling {
    type Error = String;

    fn try_from(grids: Vec<Segments>) -> Result<Self, String> {
        if grids.len() < 3 || grids.len() > MOST_LISTED {
            return Err(format!("{} grids; an order needs 3..={MOST_LISTED}", grids.len()));
        }
        match grids.windows(2).find(|pair| pair[1].get() != 2 * pair[0].get()) {
            Some(pair) => Err(format!(
                "{} segments follow {}; each grid must have twice the segments of the one before",
                pair[1].get(),
                pair[0].get()
            )),
            None => Ok(Self(grids)),
        }
    }
}

/// Any grids.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "Vec<Segments>")]
struct Grids(Vec<Segments>);

impl TryFrom<Vec<Segments>> for Grids {
    type Error = String;

    fn try_from(grids: Vec<Segments>) -> Result<Self, String> {
        if (1..=MOST_LISTED).contains(&grids.len()) {
            Ok(Self(grids))
        } else {
            Err(format!("{} grids; name 1..={MOST_LISTED}", grids.len()))
        }
    }
}

impl ConvergenceOrder {
    fn published(&self) -> Solver {
        Solver {
            method: SolvedBy::ProbGeorce,
            tolerance: self.tolerance,
            max_iterations: self.max_iterations,
        }
    }

    fn fast(&self) -> Solver {
        Solver {
            method: SolvedBy::ProbGeorceAccelerated,
            tolerance: self.grid_tolerance,
            max_iterations: self.max_iterations,
        }
    }

    /// Follows the mean potential at small weights, each curve from the one before.
    fn drift(
        &self,
        problem: &PairProblem<'_, '_>,
        rng: &mut ChaCha8Rng,
        observe: &mut dyn FnMut() -> std::ops::ControlFlow<()>,
        findings: &mut Findings,
    ) -> Result<(), StudyError> {
        let mut values = Array2::zeros((self.small_lambdas.get().len(), 4));
        let mut previous = None;
        for (lambda, mut row) in self.small_lambdas.get().iter().zip(values.rows_mut()) {
            let factor = problem.factor(lambda.get());
            let solved = problem.solve(&self.fast(), factor, previous.as_ref(), rng, observe)?;
            let highest = problem.potentials(&solved.curve)?.fold(f64::NEG_INFINITY, |high, s| high.max(*s));
            let all = [lambda.get(), solved.measures.mean_potential, highest, solved.measures.energy];
            row.iter_mut().zip(all).for_each(|(cell, value)| *cell = value);
            findings.iterations += u64::from(solved.iterations);
            previous = Some(solved.curve);
        }
        let columns =
            [("lambda", ""), ("mean potential", "nats"), ("highest potential", "nats"), ("energy", "")];
        findings.series.push(series("small-weights", problem.name(), &columns, values));
        Ok(())
    }
}

impl Study for ConvergenceOrder {
    fn evaluations_at_most(&self, segments: usize) -> u64 {
        let (published, fast) = (self.published(), self.fast());
        let grids = self.grids.0.iter().chain(&self.coarse_grids.0).map(|grid| grid.get());
        let small = std::iter::repeat_n(segments, self.small_lambdas.get().len());
        grids
            .chain(small)
            .map(|segments| fast.evaluations_at_most(segments))
            .fold(published.evaluations_at_most(segments), u64::saturating_add)
    }

    fn answer(
        &self,
        subject: &Subject<'_>,
        rng: &mut ChaCha8Rng,
        mut observe: Observer<'_>,
    ) -> Result<Findings, StudyError> {
        let counted = Counted::new(subject.potential);
        let problems = pair_problems(subject, &counted, subject.segments.get())?;
        let mut findings = Findings::default();
        let mut rates: Vec<Rate> = Vec::new();
        let mut refinements: Vec<Refinement> = Vec::new();
        let mut coarse: Vec<Coarse> = Vec::new();
        let of = 4 * problems.len();
        for (p, (problem, pair)) in problems.iter().zip(subject.pairs).enumerate() {
            let factor = problem.factor(self.lambda.get());
            report(&mut observe, 4 * p, of)?;
            let mut on = || observe(p as f64 / problems.len() as f64);
            let rate = rate::measure(subject, &counted, problem, &self.published(), factor, rng, &mut on)?;
            findings.iterations += rate.trace.len() as u64;
            findings.series.push(rate_series(problem.name(), &rate));
            rates.push(rate);
            report(&mut observe, 4 * p + 1, of)?;
            let continuous = factor * (subject.segments.get() as f64).powi(2);
            let mut on = || observe(p as f64 / problems.len() as f64);
            let grids = &self.grids.0;
            let refined =
                refinement::refine(subject, &counted, pair, grids, &self.fast(), continuous, rng, &mut on)?;
            findings.iterations += refined.iterations;
            findings.series.push(refined.series(problem.name()));
            refinements.push(refined);
            report(&mut observe, 4 * p + 2, of)?;
            let mut on = || observe(p as f64 / problems.len() as f64);
            let (grids, lambda) = (&self.coarse_grids.0, self.coarse_lambda.get());
            let rough = coarse::look(subject, &counted, pair, grids, &self.fast(), lambda, rng, &mut on)?;
            findings.iterations += rough.iterations;
            findings.series.push(rough.series(problem.name()));
            coarse.push(rough);
            report(&mut observe, 4 * p + 3, of)?;
            let mut on = || observe(p as f64 / problems.len() as f64);
            self.drift(problem, rng, &mut on, &mut findings)?;
        }
        findings.numbers = rate_readings(&rates);
        findings.numbers.extend(refinement::readings(&refinements));
        findings.numbers.extend(coarse::readings(&coarse));
        Ok(findings)
    }
}

/// The readings of the pair that converges most slowly; of the first that has none, where one has none.
fn rate_readings(rates: &[Rate]) -> Vec<Reading> {
    let slowest = rates.iter().max_by(|a, b| {
        let key = |rate: &Rate| rate.observed.as_ref().map_or(f64::INFINITY, |rate| *rate);
        key(a).total_cmp(&key(b))
    });
    let read = |of: fn(&Rate) -> &Result<f64, String>| match slowest {
        Some(rate) => of(rate).clone(),
        None => Err("there is no pair".to_owned()),
    };
    vec![
        Reading { id: "convergence-rate", value: read(|rate| &rate.observed) },
        Reading { id: "convergence-rate-predicted", value: read(|rate| &rate.predicted) },
        Reading { id: "convergence-rate-unit-step", value: read(|rate| &rate.predicted_unit_step) },
        Reading { id: "convergence-order", value: read(|rate| &rate.order) },
    ]
}

fn rate_series(label: &str, rate: &Rate) -> Series {
    let last = rate.trace.last().copied();
    let lowest = last.and_then(|step| step.regularised_energy).unwrap_or(f64::NAN);
    let values = Array2::from_shape_fn((rate.trace.len(), 4), |(row, column)| {
        let step = &rate.trace[row];
        match column {
            0 => f64::from(step.iteration),
            1 => step.grad_norm_l2,
            2 => (step.regularised_energy.unwrap_or(f64::NAN) - lowest).max(0.0).sqrt(),
            // The predicted line through the end of the run.
            _ => match (&rate.predicted, last) {
                (Ok(predicted), Some(last)) => {
                    last.grad_norm_l2 * predicted.powf(f64::from(step.iteration) - f64::from(last.iteration))
                }
                _ => f64::NAN,
            },
        }
    });
    let columns = [
        ("iteration", ""),
        ("gradient norm", ""),
        ("root of the regularised energy above its end", ""),
        ("gradient norm as predicted", ""),
    ];
    series("convergence", label, &columns, values)
}

fn series(id: &str, label: &str, columns: &[(&str, &str)], values: Array2<f64>) -> Series {
    let column = |&(name, unit): &(&str, &str)| Column { name: name.to_owned(), unit: unit.to_owned() };
    Series {
        id: id.to_owned(),
        label: label.to_owned(),
        columns: columns.iter().map(column).collect(),
        values,
    }
}
