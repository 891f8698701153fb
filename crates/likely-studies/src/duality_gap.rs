//! The bound on the potential beside its multiplier: where no weight attains a level.

mod constrained;
mod envelope;

use crate::pair_problem::{Iterations, PairProblem, pair_problems, report};
use crate::path::{Evaluated, Limits, Paths, Weighted, bent, minimise};
use crate::settings::{Count, Positive, Share};
use crate::study::from_config;
use crate::{Column, Findings, Number, Observer, Reading, Series, Study, StudyError, StudyKind, Subject};
use constrained::Constrained;
use envelope::Point;
use likely_core::{Counted, Curve};
use ndarray::Array2;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;

pub(crate) const STUDY: StudyKind = StudyKind {
    id: "duality-gap",
    summary: "Least energy under a bound on the mean potential beside the best that any weight gives: where the two part.",
    source: "arXiv 2510.26266, Equations 3 (constrained) and 4 (relaxed); method of multipliers of Hestenes and Powell 1969",
    numbers: NUMBERS,
    build: from_config::<DualityGap>,
};

const NUMBERS: &[Number] = &[
    Number {
        id: "duality-gap-max",
        unit: "1",
        better: "lower",
        definition: "Largest p - d over the scanned levels S-bar and pairs: p the least energy found with a mean of S over interior points of at most S-bar, d = max over lambda of the least of energy + lambda (sum S - (N-1) S-bar).",
    },
    Number {
        id: "duality-gap-relative",
        unit: "1",
        better: "lower",
        definition: "Largest (p - d) / p over the scanned levels and pairs, p and d as in `duality-gap-max`.",
    },
    Number {
        id: "duality-unreachable-share",
        unit: "1",
        better: "lower",
        definition: "Share of the scanned interval of levels that the minimisers jump over as lambda grows, found where a scanned level has a relative gap above the gap tolerance; mean over pairs.",
    },
    Number {
        id: "duality-unsolved-levels",
        unit: "1",
        better: "lower",
        definition: "Scanned levels, over all pairs, for which no curve within the bound was found; they have no part in the other numbers.",
    },
];

/// Levels between the mean potential of the geodesic and that of the curve at the largest weight.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct DualityGap {
    /// Number of levels, evenly spaced inside the interval.
    levels: Count<1000>,
    /// Largest weight, read as `relative`; it sets the lowest level.
    largest: Positive,
    /// Curves to start from at the largest weight: the straight line, and lines with random bends.
    starts: Count<100>,
    /// Standard deviation of the bends, as a part of the distance between the end points.
    bend: Share,
    /// Bound on how far the mean potential of a constrained curve may lie from the level, in nats.
    feasibility: Positive,
    /// Relative gap above which a level counts as unreachable.
    gap_tolerance: Positive,
    /// Updates of the multiplier at a level.
    updates: Count<1000>,
    tolerance: Positive,
    max_iterations: Iterations,
}

impl Default for DualityGap {
    fn default() -> Self {
        let positive = |value| Positive::try_from(value).expect("the defaults are positive");
        Self {
            levels: Count::new(24),
            largest: positive(100.0),
            starts: Count::new(4),
            bend: Share::try_from(0.25).expect("in [0, 1]"),
            feasibility: positive(1e-8),
            gap_tolerance: positive(1e-6),
            updates: Count::new(60),
            tolerance: positive(1e-8),
            max_iterations: Iterations::new(3000),
        }
    }
}

/// Factor between the weights of the continuation.
const LADDER: f64 = 4.0;
/// Smallest weight of the continuation, as a part of the largest.
const LADDER_DEPTH: i32 = 8;
/// Most refinements of the envelope at one level.
const REFINEMENTS: usize = 60;
/// A range of levels below this part of their size is no range.
const NO_RANGE: f64 = 1e-10;

/// The paths of a pair, and every curve that was found on the way.
struct Search<'s> {
    study: &'s DualityGap,
    paths: Paths<'s>,
    /// Paths with their weight, where a relaxation made them.
    known: Vec<(Option<f64>, Evaluated)>,
    iterations: u64,
}

impl Search<'_> {
    fn relaxed(
        &mut self,
        lambda_norm: f64,
        first: Evaluated,
        keep_going: &mut dyn FnMut() -> bool,
    ) -> Result<Evaluated, StudyError> {
        let limits = self.study.limits();
        let minimum = minimise(&self.paths, first, &Weighted(lambda_norm), limits, keep_going)?
            .ok_or(StudyError::Interrupted)?;
        self.iterations += minimum.iterations as u64;
        self.known.push((Some(lambda_norm), minimum.at.clone()));
        Ok(minimum.at)
    }

    fn points(&self) -> Vec<Point> {
        let point = |(at, (_, evaluated)): (usize, &(_, Evaluated))| Point {
            total: evaluated.total,
            energy: evaluated.energy,
            index: at,
        };
        self.known.iter().enumerate().map(point).collect()
    }

    /// The lower convex envelope of all known curves at `total`, refined by relaxations until none lies below it.
    fn dual(
        &mut self,
        total: f64,
        keep_going: &mut dyn FnMut() -> bool,
    ) -> Result<envelope::Edge, StudyError> {
        let points = self.points();
        let mut edge = envelope::edge(&points, total);
        for _ in 0..REFINEMENTS {
            let (left, right) = (points_of(&edge.left, &self.known), points_of(&edge.right, &self.known));
            let supports = edge.left.energy + edge.lambda * edge.left.total;
            let mut lowest = supports;
            for start in [left, right] {
                let found = self.relaxed(edge.lambda, start, keep_going)?;
                lowest = lowest.min(found.energy + edge.lambda * found.total);
            }
            let gain = supports - lowest;
            edge = envelope::edge(&self.points(), total);
            if gain <= 0.01 * self.study.gap_tolerance.get() * edge.value.abs() {
                break;
            }
        }
        Ok(edge)
    }
}

fn points_of(point: &Point, known: &[(Option<f64>, Evaluated)]) -> Evaluated {
    known[point.index].1.clone()
}

/// One scanned level.
struct Level {
    mean: f64,
    /// Least energy within the bound, NaN where none was found, and its multiplier.
    energy: f64,
    multiplier: f64,
    dual: f64,
    /// The weight at which the envelope touches.
    lambda: f64,
    /// Totals of the curves at the ends of the edge below the level.
    edge: (f64, f64),
}

impl Level {
    fn gap(&self) -> Option<f64> {
        (!self.energy.is_nan()).then_some(self.energy - self.dual)
    }
}

/// What was found for a pair.
struct Scan {
    levels: Vec<Level>,
    relaxed: Vec<(f64, f64, f64)>,
    range: (f64, f64),
}

impl DualityGap {
    fn limits(&self) -> Limits {
        Limits { tolerance: self.tolerance.get(), iterations: self.max_iterations.get() }
    }

    fn scan(
        &self,
        subject: &Subject<'_>,
        counted: &Counted<'_>,
        problem: &PairProblem<'_, '_>,
        rng: &mut ChaCha8Rng,
        observe: &mut dyn FnMut() -> ControlFlow<()>,
        iterations: &mut u64,
    ) -> Result<Scan, StudyError> {
        let keep_going = &mut || observe().is_continue();
        let ends = problem.ends();
        let paths = Paths {
            geometry: subject.geometry,
            potential: counted,
            start: ends.start().to_vec(),
            end: ends.end().to_vec(),
        };
        let mut search = Search { study: self, paths, known: Vec::new(), iterations: 0 };
        let straight: Vec<f64> = Curve::straight(ends).interior().iter().copied().collect();
        let first = search.paths.evaluate(straight.clone())?;
        let geodesic = search.relaxed(0.0, first.clone(), keep_going)?;
        let largest = problem.factor(self.largest.get());
        let ladder: Vec<f64> = (0..=LADDER_DEPTH).rev().map(|k| largest * LADDER.powi(-k)).collect();
        let mut at = geodesic.clone();
        for &lambda in &ladder {
            at = search.relaxed(lambda, at, keep_going)?;
        }
        let mut likeliest = at;
        let value = |evaluated: &Evaluated| evaluated.energy + largest * evaluated.total;
        for _ in 1..self.starts.get() {
            let bent = bent(ends, self.bend.get(), rng);
            // A bend that leaves the chart or the support is no start.
            let Ok(first) = search.paths.evaluate(bent) else { continue };
            let mut at = search.relaxed(largest, first, keep_going)?;
            if value(&at) < value(&likeliest) {
                likeliest = at.clone();
            }
            for &lambda in ladder.iter().rev().skip(1) {
                at = search.relaxed(lambda, at, keep_going)?;
            }
        }
        let interior = problem.interior();
        let range = (likeliest.total / interior, geodesic.total / interior);
        if range.1 - range.0 <= NO_RANGE * (1.0 + range.0.abs()) {
            return Err(StudyError::Unsupported {
                reason: format!(
                    "pair `{}`: no weight makes the curve likelier than the geodesic, whose mean potential is {}; there is no level to scan",
                    problem.name(),
                    range.1
                ),
            });
        }
        let count = self.levels.get();
        let mean = |k: usize| range.0 + (range.1 - range.0) * (k + 1) as f64 / (count + 1) as f64;
        let mut best: Vec<Option<Constrained>> = vec![None; count];
        // From both sides, each curve from the one at the level before.
        let stiffness = 10.0 * geodesic.energy / ((range.1 - range.0) * interior).powi(2);
        let passes: [(&Evaluated, Vec<usize>); 2] =
            [(&geodesic, (0..count).rev().collect()), (&likeliest, (0..count).collect())];
        for (from, order) in passes {
            let mut state = (from.clone(), 0.0);
            for k in order {
                let bound = constrained::Bound {
                    total: mean(k) * interior,
                    slack: self.feasibility.get() * interior,
                };
                let found = constrained::solve(
                    &search.paths,
                    &state,
                    bound,
                    stiffness,
                    self.updates.get(),
                    self.limits(),
                    keep_going,
                )?
                .ok_or(StudyError::Interrupted)?;
                search.iterations += found.iterations;
                if !found.within {
                    continue;
                }
                state = (found.at.clone(), found.multiplier);
                if best[k].as_ref().is_none_or(|best| found.energy < best.energy) {
                    best[k] = Some(found);
                }
            }
        }
        search.known.extend(best.iter().flatten().map(|found| (None, found.at.clone())));
        // Twice, so that every level knows of the curves that the others found.
        let mut edges = Vec::with_capacity(count);
        for _ in 0..2 {
            edges.clear();
            for k in 0..count {
                edges.push(search.dual(mean(k) * interior, keep_going)?);
            }
        }
        let levels = best.iter().zip(&edges).enumerate().map(|(k, (found, edge))| Level {
            mean: mean(k),
            energy: found.as_ref().map_or(f64::NAN, |found| found.energy),
            multiplier: found.as_ref().map_or(f64::NAN, |found| problem.relative(found.multiplier)),
            dual: edge.value,
            lambda: problem.relative(edge.lambda),
            edge: (edge.left.total / interior, edge.right.total / interior),
        });
        let levels = levels.collect();
        let mut relaxed: Vec<(f64, f64, f64)> = search
            .known
            .iter()
            .filter_map(|(lambda, at)| Some((problem.relative((*lambda)?), at.total / interior, at.energy)))
            .collect();
        relaxed.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.total_cmp(&a.1)));
        *iterations += search.iterations;
        Ok(Scan { levels, relaxed, range })
    }
}

impl Study for DualityGap {
    fn evaluations_at_most(&self, segments: usize) -> u64 {
        let ladder = (LADDER_DEPTH + 1) as u64 * self.starts.get() as u64;
        let a_level = 2 * constrained::ATTEMPTS as u64 * self.updates.get() as u64 + 4 * REFINEMENTS as u64;
        let curves = ladder + self.levels.get() as u64 * a_level;
        let a_curve = (segments as u64).saturating_mul(2 * self.max_iterations.get() as u64);
        curves.saturating_mul(a_curve)
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
        let mut scans = Vec::with_capacity(problems.len());
        for (p, problem) in problems.iter().enumerate() {
            report(&mut observe, p, problems.len())?;
            let mut on = || observe(p as f64 / problems.len() as f64);
            let scan = self.scan(subject, &counted, problem, rng, &mut on, &mut findings.iterations)?;
            findings.series.extend(series(problem.name(), &scan));
            scans.push(scan);
        }
        let solved =
            || scans.iter().flat_map(|scan| &scan.levels).filter_map(|level| Some((level, level.gap()?)));
        let largest = |of: &dyn Fn(&Level, f64) -> f64| {
            let values = solved().map(|(level, gap)| of(level, gap));
            values
                .reduce(f64::max)
                .ok_or_else(|| "no curve within any of the scanned bounds was found".to_owned())
        };
        let share = scans.iter().map(|scan| self.unreachable(scan)).sum::<f64>() / scans.len() as f64;
        let unsolved =
            scans.iter().flat_map(|scan| &scan.levels).filter(|level| level.energy.is_nan()).count();
        findings.numbers = vec![
            Reading { id: "duality-gap-max", value: largest(&|_, gap| gap) },
            Reading { id: "duality-gap-relative", value: largest(&|level, gap| gap / level.energy) },
            Reading { id: "duality-unreachable-share", value: largest(&|_, gap| gap).map(|_| share) },
            Reading { id: "duality-unsolved-levels", value: Ok(unsolved as f64) },
        ];
        Ok(findings)
    }
}

impl DualityGap {
    /// The length of the edges below levels with a gap, as a share of the scanned interval.
    fn unreachable(&self, scan: &Scan) -> f64 {
        let tolerance = self.gap_tolerance.get();
        let with_gap =
            scan.levels.iter().filter(|level| level.gap().is_some_and(|gap| gap > tolerance * level.energy));
        let mut covered = 0.0;
        let mut upto = f64::NEG_INFINITY;
        // Levels ascend, and so do the edges below them.
        for level in with_gap {
            let (from, to) = level.edge;
            covered += (to - from.max(upto)).max(0.0);
            upto = upto.max(to);
        }
        covered / (scan.range.1 - scan.range.0)
    }
}

fn series(label: &str, scan: &Scan) -> [Series; 2] {
    let column = |&(name, unit): &(&str, &str)| Column { name: name.to_owned(), unit: unit.to_owned() };
    let levels = Array2::from_shape_fn((scan.levels.len(), 5), |(row, column)| {
        let level = &scan.levels[row];
        [level.mean, level.energy, level.dual, level.multiplier, level.lambda][column]
    });
    let relaxed = Array2::from_shape_fn((scan.relaxed.len(), 3), |(row, column)| {
        let (lambda, mean, energy) = scan.relaxed[row];
        [mean, energy, lambda][column]
    });
    let of = |id: &str, columns: &[(&str, &str)], values| Series {
        id: id.to_owned(),
        label: label.to_owned(),
        columns: columns.iter().map(column).collect(),
        values,
    };
    [
        of(
            "duality-gap",
            &[
                ("level of the mean potential", "nats"),
                ("energy within the bound", ""),
                ("best bound of any lambda", ""),
                ("multiplier of the bound as lambda", ""),
                ("lambda of the best bound", ""),
            ],
            levels,
        ),
        of("duality-relaxed", &[("mean potential", "nats"), ("energy", ""), ("lambda", "")], relaxed),
    ]
}
