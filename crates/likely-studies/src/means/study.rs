//! The mean of the data of a model, its local minima, and the objective around it.

use super::{
    Mean, MeanError, MeanLimits, MeanProblem, MeanSearch, MeanWeight, Minima, Starts, find_minima,
    karcher_mean,
};
use crate::pair_problem::Iterations;
use crate::series::{column, curve};
use crate::settings::{Count, Positive};
use crate::study::from_config;
use crate::{Findings, Number, Observer, Reading, Series, Study, StudyError, StudyKind, Subject};
use likely_core::{Counted, EvalError, Potential, ScoreOfPotential};
use likely_methods::Density;
use ndarray::{Array2, ArrayView1, Axis, s};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;

pub(crate) const STUDY: StudyKind = StudyKind {
    id: "frechet-mean",
    summary: "The point from which likely curves to all data are least, every local minimum of it, and the objective around it.",
    source: "arXiv 2510.26266, Equation 8 (version 2)",
    numbers: NUMBERS,
    build: from_config::<FrechetMean>,
};

const OBJECTIVE: &str = "mean-objective";
const GRADIENT: &str = "mean-gradient-norm";
const MINIMA: &str = "mean-minima";
const CONVERGED: &str = "mean-searches-converged";
const KARCHER: &str = "mean-distance-to-karcher";
const POTENTIAL: &str = "mean-potential";
const EVALUATIONS: &str = "mean-evaluations";

const NUMBERS: &[Number] = &[
    Number {
        id: OBJECTIVE,
        unit: "1",
        better: "lower",
        definition: "sum_k w_k [sum_i <u_ki, G(z_ki) u_ki> + lambda_norm sum_{0<i<N} S(z_ki)] over the curves from data to mean, plus K lambda_norm S(mu) where `at-mean` is set, at the lowest minimum found; w_k = 1, or 2 k / (K + 1) where `importance` rises.",
    },
    Number {
        id: GRADIENT,
        unit: "1",
        better: "lower",
        definition: "Euclidean norm of the gradient of the objective in all curves and the mean together.",
    },
    Number {
        id: MINIMA,
        unit: "1",
        better: "neither",
        definition: "Local minima that the searches found; two are one where their means are nearer than 1e-4 of the diagonal of the box around the data.",
    },
    Number {
        id: CONVERGED,
        unit: "1",
        better: "higher",
        definition: "Share of the searches that converged.",
    },
    Number {
        id: KARCHER,
        unit: "1",
        better: "neither",
        definition: "Closed-form distance from the mean to the minimiser of the sum of squared closed-form distances to the data.",
    },
    Number { id: POTENTIAL, unit: "nats", better: "lower", definition: "S at the mean." },
    Number {
        id: EVALUATIONS,
        unit: "1",
        better: "lower",
        definition: "Points of the density that all searches evaluated.",
    },
];

/// How much the points count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Importance {
    /// All alike.
    #[default]
    Even,
    /// In proportion to their place in the order of the data: the last of `K` points counts `K` times as much as the first.
    Rising,
}

impl Importance {
    /// Weights that are one on average; none where all are one.
    fn weights(self, count: usize) -> Option<Vec<f64>> {
        match self {
            Self::Even => None,
            Self::Rising => Some((1..=count).map(|k| 2.0 * k as f64 / (count + 1) as f64).collect()),
        }
    }
}

/// What the search is shown of the density.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Shown {
    /// Values and gradients.
    #[default]
    Values,
    /// Gradients alone, as for a model of the score; the weight and the objective are those that the values give.
    Score,
}

/// The mean of the first data points.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct FrechetMean {
    weight: MeanWeight,
    search: MeanSearch,
    at_mean: bool,
    importance: Importance,
    shown: Shown,
    tolerance: Positive,
    max_iterations: Iterations,
    /// Data points that take part, evenly over their order.
    points: Count<100_000>,
    /// Searches from data points, convex combinations and spread points each, beside the one from the average.
    starts: Count<1000>,
    /// Candidate means a side of the grid around the data, in two coordinates; none where it is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    grid: Option<Count<200>>,
}

impl Default for FrechetMean {
    fn default() -> Self {
        Self {
            weight: MeanWeight::Relative(1.0),
            search: MeanSearch::default(),
            at_mean: false,
            importance: Importance::default(),
            shown: Shown::default(),
            tolerance: Positive::try_from(1e-6).expect("a positive number"),
            max_iterations: Iterations::new(10_000),
            points: Count::new(100),
            starts: Count::new(4),
            grid: None,
        }
    }
}

/// Points of the data, evenly over their order.
pub(crate) fn chosen(subject: &Subject<'_>, most: usize) -> Result<Array2<f64>, StudyError> {
    let points = subject.points.ok_or_else(|| StudyError::Unsupported {
        reason: "a mean needs the data of the model; name a model that is made from points".to_owned(),
    })?;
    let count = points.nrows().min(most);
    let rows: Vec<usize> = (0..count).map(|k| k * points.nrows() / count).collect();
    Ok(points.select(Axis(0), &rows))
}

pub(crate) fn failed(error: MeanError) -> StudyError {
    match error {
        MeanError::Input { reason } => StudyError::Unsupported { reason },
        MeanError::Eval(error) => error.into(),
        MeanError::Interrupted => StudyError::Interrupted,
    }
}

impl Study for FrechetMean {
    fn evaluations_at_most(&self, segments: usize) -> u64 {
        let curves = (segments * self.points.get()) as u64;
        let searches = 3 * self.starts.get() as u64 + 1 + self.grid.map_or(0, |g| g.get().pow(2) as u64);
        curves.saturating_mul(searches).saturating_mul(u64::from(self.max_iterations))
    }

    fn answer(
        &self,
        subject: &Subject<'_>,
        rng: &mut ChaCha8Rng,
        observe: Observer<'_>,
    ) -> Result<Findings, StudyError> {
        let points = chosen(subject, self.points.get())?;
        let counted = Counted::new(subject.potential);
        let score = ScoreOfPotential(&counted);
        let weights = self.importance.weights(points.nrows());
        let mut problem = MeanProblem {
            geometry: subject.geometry,
            density: Some(Density::Potential(&counted)),
            points: points.view(),
            weights: weights.as_deref(),
            segments: subject.segments.get(),
            weight: self.weight,
            at_mean: self.at_mean,
        };
        if self.shown == Shown::Score {
            let unmoved = MeanLimits { max_iterations: 0, ..self.limits() };
            let start = problem
                .solve(MeanSearch::Armijo, unmoved, &mut |_, _| ControlFlow::Continue(()))
                .map_err(failed)?;
            problem.weight = MeanWeight::Absolute(start.lambda_norm);
            problem.density = Some(Density::Score(&score));
        }
        let each = self.starts.get();
        let starts = Starts { data: each, combinations: each, spread: each };
        let mut found =
            find_minima(&problem, self.search, self.limits(), starts, rng, &mut |share| observe(0.5 * share))
                .map_err(failed)?;
        if self.shown == Shown::Score {
            for minimum in &mut found.minima {
                minimum.mean.objective = Some(value_of(&minimum.mean, &problem, &counted)?);
            }
        }
        let numbers = numbers(subject, &problem, &found, &counted)?;
        let mut series = Vec::new();
        let mut iterations = found.iterations;
        if let Some(best) = found.minima.first() {
            series.extend(curves(&best.mean, &counted)?);
            series.push(minima(&found));
            if let Some(grid) = self.grid {
                if self.shown == Shown::Score {
                    let reason = "a grid of candidate means compares values; show the search values";
                    return Err(StudyError::Unsupported { reason: reason.to_owned() });
                }
                let lambda_norm = best.mean.lambda_norm;
                let problem = MeanProblem { weight: MeanWeight::Absolute(lambda_norm), ..problem };
                series.push(self.grid(&problem, &counted, grid.get(), &mut iterations, observe)?);
            }
        }
        Ok(Findings { numbers, series, iterations, ..Findings::default() })
    }
}

impl FrechetMean {
    fn limits(&self) -> MeanLimits<'static> {
        MeanLimits {
            tolerance: self.tolerance.get(),
            max_iterations: self.max_iterations.get() as u32,
            ..MeanLimits::default()
        }
    }

    /// The objective of candidate means on a grid, with curves that are solved for each, and what the released figure shows.
    fn grid(
        &self,
        problem: &MeanProblem<'_>,
        counted: &Counted<'_>,
        side: usize,
        iterations: &mut u64,
        observe: Observer<'_>,
    ) -> Result<Series, StudyError> {
        if problem.points.ncols() != 2 {
            let reason = "a grid of candidate means needs 2 coordinates; leave `grid` out".to_owned();
            return Err(StudyError::Unsupported { reason });
        }
        let ends = |j: usize| {
            let column = problem.points.column(j);
            let (low, high) =
                column.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), x| (l.min(*x), h.max(*x)));
            // A quarter of the box more on each side.
            (low - 0.25 * (high - low), high + 0.25 * (high - low))
        };
        let (across, up) = (ends(0), ends(1));
        let at = |range: (f64, f64), k: usize| range.0 + (range.1 - range.0) * (k as f64 + 0.5) / side as f64;
        let lambda = self.weight.lambda();
        let mut values = Array2::from_elem((side * side, 5), f64::NAN);
        for (k, mut row) in values.rows_mut().into_iter().enumerate() {
            let candidate = [at(across, k % side), at(up, k / side)];
            row[0] = candidate[0];
            row[1] = candidate[1];
            row[3] = problem
                .points
                .rows()
                .into_iter()
                .map(|x| x.iter().zip(&candidate).map(|(x, c)| (x - c) * (x - c)).sum::<f64>())
                .sum();
            let limits =
                MeanLimits { start: Some(ArrayView1::from(&candidate)), held: true, ..self.limits() };
            let share = 0.5 + 0.5 * k as f64 / (side * side) as f64;
            let solved = problem.solve(self.search, limits, &mut |_, _| ControlFlow::Continue(()));
            if observe(share).is_break() {
                return Err(StudyError::Interrupted);
            }
            // A candidate that no curve reaches stays without a number.
            let Ok(mean) = solved else { continue };
            *iterations += u64::from(mean.iterations);
            if mean.stop.means_convergence() {
                row[2] = mean.objective.unwrap_or(mean.energy);
                let flat = mean
                    .curves
                    .to_shape((mean.curves.len() / 2, 2))
                    .map_err(|_| StudyError::Eval(EvalError::Layout))?;
                let difference: f64 = flat.rows().into_iter().map(|z| (z[1] - z[0]).powi(2)).sum();
                row[4] = difference + lambda * counted.value(flat.view())?.sum();
            }
        }
        let columns = ["x1", "x2", "objective", "squared distances", "as released"].map(column).to_vec();
        Ok(Series { id: "mean-grid".to_owned(), label: "candidate means".to_owned(), columns, values })
    }
}

fn numbers(
    subject: &Subject<'_>,
    problem: &MeanProblem<'_>,
    found: &Minima,
    counted: &Counted<'_>,
) -> Result<Vec<Reading>, StudyError> {
    let evaluations = counted.evaluations().total() as f64;
    let best = found.minima.first().map(|minimum| &minimum.mean);
    let none = || "no search converged; raise `max-iterations` or the tolerance".to_owned();
    let of = |value: fn(&Mean) -> f64| best.map(value).ok_or_else(none);
    let potential = match best {
        Some(mean) => Ok(counted.value(mean.mean.view().insert_axis(Axis(0)))?[0]),
        None => Err(none()),
    };
    let karcher = best.ok_or_else(none).and_then(|mean| {
        let form = subject.geometry.closed_form().ok_or("the geometry has no closed form")?;
        let intrinsic = karcher_mean(subject.geometry, problem.points, problem.weights, 1e-10, 1000)
            .map_err(|error| error.to_string())?;
        if !intrinsic.stop.means_convergence() {
            return Err(intrinsic.stop.to_string());
        }
        let (from, to) = (mean.mean.to_vec(), intrinsic.mean.to_vec());
        form.distance(&from, &to).map_err(|error| error.to_string())
    });
    let reading = |id, value| Reading { id, value };
    Ok(vec![
        reading(OBJECTIVE, of(|mean| mean.objective.unwrap_or(mean.energy))),
        reading(GRADIENT, of(|mean| mean.gradient_norm)),
        reading(MINIMA, Ok(found.minima.len() as f64)),
        reading(CONVERGED, Ok(found.converged as f64 / found.searches as f64)),
        reading(KARCHER, karcher),
        reading(POTENTIAL, potential),
        reading(EVALUATIONS, Ok(evaluations)),
    ])
}

/// The objective at curves whose search was not shown values.
fn value_of(mean: &Mean, problem: &MeanProblem<'_>, counted: &Counted<'_>) -> Result<f64, EvalError> {
    let mut potential = 0.0;
    let mut total = 0.0;
    for (k, curve) in mean.curves.outer_iter().enumerate() {
        let weight = problem.weights.map_or(1.0, |weights| weights[k]);
        potential += weight * counted.value(curve.slice(s![1..curve.nrows() - 1, ..]))?.sum();
        total += weight;
    }
    if problem.at_mean {
        potential += total * counted.value(mean.mean.view().insert_axis(Axis(0)))?[0];
    }
    Ok(mean.energy + mean.lambda_norm * potential)
}

/// The curves from the mean to the data.
fn curves(mean: &Mean, counted: &Counted<'_>) -> Result<Vec<Series>, StudyError> {
    let segments = mean.curves.dim().1 - 1;
    let times: Vec<f64> = (0..=segments).map(|i| i as f64 / segments as f64).collect();
    let mut series = Vec::new();
    for (k, points) in mean.curves.outer_iter().enumerate() {
        let potential = counted.value(points)?.to_vec();
        series.push(curve("mean-curve", format!("to point {}", k + 1), "time", &times, points, &potential));
    }
    Ok(series)
}

/// All minima with their shares.
fn minima(found: &Minima) -> Series {
    let shown = found.minima.first().map_or(0, |minimum| minimum.mean.mean.len()).min(16);
    let mut columns = vec![column("rank"), column("objective"), column("share of searches")];
    columns.extend((1..=shown).map(|j| column(format!("x{j}"))));
    let mut values = Array2::zeros((found.minima.len(), shown + 3));
    for (k, (mut row, minimum)) in values.rows_mut().into_iter().zip(&found.minima).enumerate() {
        row[0] = (k + 1) as f64;
        row[1] = minimum.mean.objective.unwrap_or(minimum.mean.energy);
        row[2] = minimum.share;
        row.iter_mut().skip(3).zip(&minimum.mean.mean).for_each(|(to, x)| *to = *x);
    }
    Series { id: "mean-minima".to_owned(), label: "local minima".to_owned(), columns, values }
}
