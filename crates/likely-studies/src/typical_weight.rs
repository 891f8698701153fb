//! The weight that needs no tuning: the smallest at which a curve is as likely as the data.

use crate::pair_problem::{Iterations, PairProblem, Solved, SolvedBy, Solver, pair_problems, report};
use crate::settings::{Count, Growth, Lambda, Positive, Share};
use crate::study::from_config;
use crate::{Column, Findings, Number, Observer, Reading, Series, Study, StudyError, StudyKind, Subject};
use likely_core::Counted;
use ndarray::Array2;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;

pub(crate) const STUDY: StudyKind = StudyKind {
    id: "typical-weight",
    summary: "The smallest weight whose curve is as likely as the data's own typical level, beside a fixed weight.",
    source: "arXiv 2510.26266, Equations 3 and 4: the multiplier of a bound on the mean potential",
    numbers: NUMBERS,
    build: from_config::<TypicalWeight>,
};

const NUMBERS: &[Number] = &[
    Number {
        id: "typical-level",
        unit: "nats",
        better: "neither",
        definition: "The level S-bar: the stated quantile of S over the data, linear between order statistics.",
    },
    Number {
        id: "typical-lambda",
        unit: "1",
        better: "neither",
        definition: "Smallest lambda found whose curve has a mean of S over interior points of at most S-bar, in the reading `relative`: lambda_norm |sum S| / E on the straight line; mean over pairs.",
    },
    Number {
        id: "typical-lambda-norm",
        unit: "1",
        better: "neither",
        definition: "The factor lambda_norm in front of sum S that `typical-lambda` stands for; mean over pairs.",
    },
    Number {
        id: "typical-mean-potential",
        unit: "nats",
        better: "lower",
        definition: "1/(N-1) sum_{0<i<N} S(z_i) of the curve at `typical-lambda`; mean over pairs.",
    },
    Number {
        id: "typical-energy",
        unit: "1",
        better: "lower",
        definition: "sum_{i<N} <dz_i, G(z_i) dz_i> of the curve at `typical-lambda`; mean over pairs.",
    },
    Number {
        id: "typical-evaluations",
        unit: "points",
        better: "lower",
        definition: "Points of the density that the search for `typical-lambda` evaluated, over all pairs.",
    },
    Number {
        id: "typical-jump",
        unit: "nats",
        better: "lower",
        definition: "How far the mean potential jumps across S-bar at `typical-lambda`, largest over pairs: no lambda attains the levels in between (a duality gap); 0 where S-bar is attained to the level tolerance.",
    },
    Number {
        id: "typical-rises",
        unit: "1",
        better: "lower",
        definition: "Neighbours among the tried lambdas, over all pairs, between which the mean potential rises with lambda by more than the level tolerance; minimisers never do that, so such curves are local minima.",
    },
    Number {
        id: "fixed-mean-potential",
        unit: "nats",
        better: "lower",
        definition: "1/(N-1) sum_{0<i<N} S(z_i) of the curve at the fixed lambda, read as `relative`; mean over pairs.",
    },
    Number {
        id: "fixed-energy",
        unit: "1",
        better: "lower",
        definition: "sum_{i<N} <dz_i, G(z_i) dz_i> of the curve at the fixed lambda, read as `relative`; mean over pairs.",
    },
    Number {
        id: "fixed-evaluations",
        unit: "points",
        better: "lower",
        definition: "Points of the density that the curves at the fixed lambda evaluated, over all pairs.",
    },
];

/// Continuation in `lambda`: `first`, `first growth`, ... until the curve is likely enough, then a bracketing search.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct TypicalWeight {
    /// Which quantile of `S` over the data is typical.
    quantile: Share,
    /// Smallest positive weight that is tried, read as `relative`.
    first: Positive,
    /// Factor between neighbours while no weight suffices.
    growth: Growth,
    /// Largest weight that is tried.
    largest: Positive,
    /// How far below the level the mean potential may end, in nats.
    level_tolerance: Positive,
    /// Most steps of the bracketing search.
    steps: Count<200>,
    /// Curves to start from once a weight suffices, beside the continuation: lines with random bends, in search of a
    /// better minimum that the continuation missed.
    starts: Starts,
    /// Standard deviation of the bends, as a part of the distance between the end points.
    bend: Share,
    /// The weight to compare with, read as `relative`.
    fixed: Lambda,
    method: SolvedBy,
    tolerance: Positive,
    max_iterations: Iterations,
}

impl Default for TypicalWeight {
    fn default() -> Self {
        let positive = |value| Positive::try_from(value).expect("the defaults are positive");
        Self {
            quantile: Share::try_from(0.5).expect("in [0, 1]"),
            first: positive(0.125),
            growth: Growth::try_from(2.0).expect("above 1"),
            largest: positive(1e4),
            level_tolerance: positive(1e-3),
            steps: Count::new(60),
            starts: Starts(8),
            bend: Share::try_from(0.25).expect("in [0, 1]"),
            fixed: Lambda::try_from(20.0).expect("not negative"),
            method: SolvedBy::ProbGeorceAccelerated,
            tolerance: positive(1e-5),
            max_iterations: Iterations::new(5000),
        }
    }
}

/// A number of starts, at most 1000.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(try_from = "u64")]
struct Starts(u64);

impl TryFrom<u64> for Starts {
    type Error = String;

    fn try_from(value: u64) -> Result<Self, String> {
        if value <= 1000 { Ok(Self(value)) } else { Err(format!("{value} starts are more than 1000")) }
    }
}

/// A bracket narrower than this, relative to its upper end, has a jump inside.
const NARROWEST: f64 = 1e-8;

/// What the search for one pair ended with.
struct Search {
    /// The smallest weight found that suffices; the reason where there is none.
    found: Result<Solved, String>,
    /// Everything that was tried, by ascending weight.
    trail: Vec<Solved>,
    jump: f64,
}

impl TypicalWeight {
    fn solver(&self) -> Solver {
        Solver { method: self.method, tolerance: self.tolerance, max_iterations: self.max_iterations }
    }

    fn search(
        &self,
        problem: &PairProblem<'_, '_>,
        level: f64,
        rng: &mut ChaCha8Rng,
        observe: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> Result<Search, StudyError> {
        let solver = self.solver();
        let mut trail = vec![problem.solve(&solver, 0.0, None, rng, observe)?];
        let suffices = |solved: &Solved| solved.measures.mean_potential <= level;
        if suffices(&trail[0]) {
            return Ok(Search { found: Ok(trail[0].clone()), trail, jump: 0.0 });
        }
        let mut lambda = self.first.get();
        // Up, each curve from the one before, until one is likely enough.
        loop {
            let previous = trail.last().map(|solved| solved.curve.clone());
            let solved = problem.solve(&solver, problem.factor(lambda), previous.as_ref(), rng, observe)?;
            let enough = suffices(&solved);
            trail.push(solved);
            if enough {
                break;
            }
            lambda *= self.growth.get();
            if lambda > self.largest.get() {
                let reached = trail.iter().map(|s| s.measures.mean_potential).fold(f64::INFINITY, f64::min);
                let reason = format!(
                    "pair `{}`: the mean potential falls to {reached:.6} only, above the level {level:.6}, up to lambda = {}; raise `largest` or `quantile`",
                    problem.name(),
                    self.largest.get()
                );
                return Ok(Search { found: Err(reason), trail, jump: 0.0 });
            }
        }
        // Another valley may hold a better minimum than the one that the continuation followed.
        for _ in 0..self.starts.0 {
            let Some(bent) = problem.bent(self.bend.get(), rng)? else { continue };
            let Some(known) = trail.last_mut() else { break };
            let candidate = problem.solve(&solver, known.lambda_norm, Some(&bent), rng, observe)?;
            if better(&candidate, known) && suffices(&candidate) {
                *known = candidate;
            }
        }
        // Down again from the likely side: what was only a local minimum on the way up gives way.
        let mut above = trail.len() - 1;
        while above > 1 {
            let factor = trail[above - 1].lambda_norm;
            let from = trail[above].curve.clone();
            let again = problem.solve(&solver, factor, Some(&from), rng, observe)?;
            if !better(&again, &trail[above - 1]) {
                break;
            }
            let enough = suffices(&again);
            trail[above - 1] = again;
            if !enough {
                break;
            }
            above -= 1;
        }
        let (mut below, mut found) = (trail[above - 1].clone(), trail[above].clone());
        let mut stretched = [1.0, 1.0];
        for step in 0..self.steps.get() {
            let excess = |solved: &Solved| solved.measures.mean_potential - level;
            let width = found.lambda_norm - below.lambda_norm;
            if -excess(&found) <= self.level_tolerance.get() || width <= NARROWEST * found.lambda_norm {
                break;
            }
            // Secant steps aimed just below the level, halved stretches where one end stays, and every other step a bisection.
            let aim = 0.5 * self.level_tolerance.get();
            let (high, low) =
                (stretched[0] * (excess(&below) + aim), stretched[1] * (excess(&found) + aim).min(0.0));
            let secant = (high / (high - low)).clamp(1e-9, 1.0 - 1e-9);
            let share = if step % 2 == 0 && secant.is_finite() { secant } else { 0.5 };
            let factor = below.lambda_norm + share * width;
            let candidates = [
                problem.solve(&solver, factor, Some(&below.curve), rng, observe)?,
                problem.solve(&solver, factor, Some(&found.curve), rng, observe)?,
            ];
            let [from_below, from_above] = candidates;
            let solved = if better(&from_above, &from_below) { from_above } else { from_below };
            trail.push(solved.clone());
            if suffices(&solved) {
                found = solved;
                stretched = [0.5 * stretched[0], 1.0];
            } else {
                below = solved;
                stretched = [1.0, 0.5 * stretched[1]];
            }
        }
        let attained = level - found.measures.mean_potential <= self.level_tolerance.get();
        let jump = if attained { 0.0 } else { below.measures.mean_potential - found.measures.mean_potential };
        trail.sort_by(|a, b| a.lambda_norm.total_cmp(&b.lambda_norm));
        Ok(Search { found: Ok(found), trail, jump })
    }
}

/// Whether the regularised energy is lower beyond rounding.
fn better(candidate: &Solved, known: &Solved) -> bool {
    candidate.regularised_energy < known.regularised_energy - 1e-12 * known.regularised_energy.abs()
}

/// The quantile of ascending values, linear between order statistics; `None` without values.
pub(crate) fn quantile(ascending: &[f64], share: f64) -> Option<f64> {
    let last = ascending.len().checked_sub(1)?;
    let place = share * last as f64;
    let below = (place.floor() as usize).min(last);
    let above = (below + 1).min(last);
    let part = place - below as f64;
    // Without the test an infinite neighbour of weight zero would be NaN.
    let high = if part > 0.0 { part * (ascending[above] - ascending[below]) } else { 0.0 };
    Some(ascending[below] + high)
}

impl Study for TypicalWeight {
    fn evaluations_at_most(&self, segments: usize) -> u64 {
        let doublings = (self.largest.get() / self.first.get()).ln().max(0.0) / self.growth.get().ln();
        let curves = 3 + self.starts.0 + 2 * doublings.ceil() as u64 + 2 * self.steps.get() as u64;
        curves.saturating_mul(self.solver().evaluations_at_most(segments))
    }

    fn answer(
        &self,
        subject: &Subject<'_>,
        rng: &mut ChaCha8Rng,
        mut observe: Observer<'_>,
    ) -> Result<Findings, StudyError> {
        let level = subject
            .typical
            .and_then(|typical| quantile(typical, self.quantile.get()))
            .filter(|level| level.is_finite())
            .ok_or_else(|| StudyError::Unsupported {
                reason:
                    "needs potentials of data points, finite at the quantile; name a data set for the model"
                        .to_owned(),
            })?;
        let counted = Counted::new(subject.potential);
        let problems = pair_problems(subject, &counted, subject.segments.get())?;
        let of = problems.len();
        let mut searches = Vec::with_capacity(of);
        let mut findings = Findings::default();
        let before = counted.evaluations().total();
        for (done, problem) in problems.iter().enumerate() {
            report(&mut observe, 2 * done, 2 * of)?;
            let mut on = || observe(done as f64 / of as f64);
            searches.push(self.search(problem, level, rng, &mut on)?);
        }
        let searched = counted.evaluations().total() - before;
        let before = counted.evaluations().total();
        let mut fixed = Vec::with_capacity(of);
        for problem in &problems {
            let mut on = || observe(1.0);
            let factor = problem.factor(self.fixed.get());
            fixed.push(problem.solve(&self.solver(), factor, None, rng, &mut on)?);
        }
        let fixed_evaluations = counted.evaluations().total() - before;

        let found: Result<Vec<&Solved>, String> =
            searches.iter().map(|search| search.found.as_ref().map_err(Clone::clone)).collect();
        let over_found = |of: &dyn Fn(&Solved, &PairProblem<'_, '_>) -> f64| -> Result<f64, String> {
            let found = found.as_ref().map_err(Clone::clone)?;
            Ok(found.iter().zip(&problems).map(|(s, p)| of(s, p)).sum::<f64>() / found.len() as f64)
        };
        let over_fixed = |of: &dyn Fn(&Solved) -> f64| fixed.iter().map(of).sum::<f64>() / fixed.len() as f64;
        let jump = match &found {
            Ok(_) => Ok(searches.iter().map(|search| search.jump).fold(0.0, f64::max)),
            Err(reason) => Err(reason.clone()),
        };
        let rises: usize =
            searches.iter().map(|search| rises(&search.trail, self.level_tolerance.get())).sum();
        findings.numbers = vec![
            Reading { id: "typical-level", value: Ok(level) },
            Reading {
                id: "typical-lambda",
                value: over_found(&|solved, problem| problem.relative(solved.lambda_norm)),
            },
            Reading { id: "typical-lambda-norm", value: over_found(&|solved, _| solved.lambda_norm) },
            Reading {
                id: "typical-mean-potential",
                value: over_found(&|solved, _| solved.measures.mean_potential),
            },
            Reading { id: "typical-energy", value: over_found(&|solved, _| solved.measures.energy) },
            Reading { id: "typical-evaluations", value: Ok(searched as f64) },
            Reading { id: "typical-jump", value: jump },
            Reading { id: "typical-rises", value: Ok(rises as f64) },
            Reading {
                id: "fixed-mean-potential",
                value: Ok(over_fixed(&|solved| solved.measures.mean_potential)),
            },
            Reading { id: "fixed-energy", value: Ok(over_fixed(&|solved| solved.measures.energy)) },
            Reading { id: "fixed-evaluations", value: Ok(fixed_evaluations as f64) },
        ];
        let everything = searches.iter().flat_map(|search| &search.trail).chain(&fixed);
        findings.iterations = everything.map(|solved| u64::from(solved.iterations)).sum();
        findings.series = searches
            .iter()
            .zip(&problems)
            .map(|(search, problem)| series(problem, &search.trail, level))
            .collect();
        Ok(findings)
    }
}

/// How often the mean potential rises from one weight to the next.
fn rises(trail: &[Solved], tolerance: f64) -> usize {
    let rise = |pair: &[Solved]| pair[1].measures.mean_potential - pair[0].measures.mean_potential;
    trail.windows(2).filter(|pair| rise(pair) > tolerance).count()
}

fn series(problem: &PairProblem<'_, '_>, trail: &[Solved], level: f64) -> Series {
    let column = |name: &str, unit: &str| Column { name: name.to_owned(), unit: unit.to_owned() };
    let values = Array2::from_shape_fn((trail.len(), 4), |(row, column)| match column {
        0 => problem.relative(trail[row].lambda_norm),
        1 => trail[row].measures.mean_potential,
        2 => trail[row].measures.energy,
        _ => level,
    });
    Series {
        id: "typical-weight".to_owned(),
        label: problem.name().to_owned(),
        columns: vec![
            column("lambda", ""),
            column("mean potential", "nats"),
            column("energy", ""),
            column("typical level", "nats"),
        ],
        values,
    }
}

#[cfg(test)]
mod tests {
    use super::quantile;

    #[test]
    fn quantiles_lie_between_order_statistics() {
        let values = [1.0, 2.0, 4.0];
        assert_eq!(quantile(&values, 0.0), Some(1.0));
        assert_eq!(quantile(&values, 0.25), Some(1.5));
        assert_eq!(quantile(&values, 0.75), Some(3.0));
        assert_eq!(quantile(&values, 1.0), Some(4.0));
        assert_eq!(quantile(&[], 0.5), None);
        assert_eq!(quantile(&[1.0, f64::INFINITY], 0.0), Some(1.0));
    }
}
