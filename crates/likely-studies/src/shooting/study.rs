//! Shots from the starts of pairs: along solved curves, or into all directions.

use super::{
    Difference, Force, ForceSign, Integrator, LogarithmError, Motion, Pull, ShootError, Shooting, Shot,
    initial_velocity, logarithm,
};
use crate::pair_problem::{Iterations, PairProblem, SolvedBy, Solver, report};
use crate::series::{column, curve};
use crate::settings::{Count, Lambda, Positive};
use crate::study::from_config;
use crate::{Findings, Number, Observer, Pair, Reading, Series, Study, StudyError, StudyKind, Subject};
use likely_core::{Counted, Rows};
use ndarray::{Array1, Array2};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use std::f64::consts::TAU;

pub(crate) const STUDY: StudyKind = StudyKind {
    id: "shooting",
    summary: "Curves by the initial-value problem: whether shots along solved curves land where they should, or where shots into all directions go.",
    source: "arXiv 2510.26266, Equation 7 (version 2), with the sign of the Euler-Lagrange equation or as released",
    numbers: NUMBERS,
    build: from_config::<ShootingStudy>,
};

const END_ERROR: &str = "shooting-end-error";
const ORDER: &str = "shooting-order";
const CORRECTED: &str = "shooting-corrected-end-error";
const DRIFT: &str = "shooting-invariant-drift";
const LOST: &str = "shooting-lost";

const NUMBERS: &[Number] = &[
    Number {
        id: END_ERROR,
        unit: "1",
        better: "lower",
        definition: "Largest Euclidean distance over pairs from the end point to the end of the shot with the initial velocity of the solved curve, at the finest grid.",
    },
    Number {
        id: ORDER,
        unit: "1",
        better: "neither",
        definition: "Least over pairs of log2 of the ratio of the end errors at the two finest grids, one with twice the segments of the other.",
    },
    Number {
        id: CORRECTED,
        unit: "1",
        better: "lower",
        definition: "Largest Euclidean distance over pairs from the end point to the end of the shot after Newton corrections of its initial velocity.",
    },
    Number {
        id: DRIFT,
        unit: "1",
        better: "lower",
        definition: "Largest change along a shot of its first integral <v, G v> -+ lambda S, over the largest size of <v, G v> at a start; over all shots.",
    },
    Number {
        id: LOST,
        unit: "1",
        better: "lower",
        definition: "Shots that left the chart or ceased to be finite.",
    },
];

/// How the weight of the potential is to be read.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum ShotWeight {
    /// Energy over potential on the straight line of the pair; the shot takes `N^2 lambda_norm`.
    Relative(Lambda),
    /// The weight of the continuous problem, as it stands in the equation.
    Continuous(Lambda),
}

/// The angles of directions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Spacing {
    /// `2 pi k / count`.
    #[default]
    Even,
    /// `2 pi k / (count - 1)`: the first and the last are the same.
    Released,
}

/// Angles all around, in radians.
pub(crate) fn directions(count: usize, spacing: Spacing) -> Vec<f64> {
    let parts = match spacing {
        Spacing::Even => count,
        Spacing::Released => count.saturating_sub(1).max(1),
    };
    (0..count).map(|k| TAU * k as f64 / parts as f64).collect()
}

/// The initial velocities.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Velocities {
    /// Those of the solved curves of the pairs.
    Boundary,
    /// Unit vectors of the plane.
    Directions {
        count: Count<1000>,
        #[serde(default)]
        spacing: Spacing,
    },
}

/// Shots from the start of each pair.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct ShootingStudy {
    weight: ShotWeight,
    force: ForceSign,
    integrator: Integrator,
    steps: Count<100_000>,
    velocities: Velocities,
    difference: Difference,
    /// Grids of the solved curves: each has twice the segments of the one before.
    grids: Count<8>,
    method: SolvedBy,
    tolerance: Positive,
    max_iterations: Iterations,
}

impl Default for ShootingStudy {
    fn default() -> Self {
        Self {
            weight: ShotWeight::Continuous(Lambda::try_from(1.0).expect("1 is a weight")),
            force: ForceSign::default(),
            integrator: Integrator::default(),
            steps: Count::new(100),
            velocities: Velocities::Boundary,
            difference: Difference::default(),
            grids: Count::new(3),
            method: SolvedBy::ProbGeorceAccelerated,
            tolerance: Positive::try_from(1e-8).expect("a positive number"),
            max_iterations: Iterations::new(10_000),
        }
    }
}

/// What all shots together amount to.
#[derive(Default)]
struct Tally {
    drift: f64,
    drift_unknown: Option<String>,
    lost: usize,
    series: Vec<Series>,
    iterations: u64,
}

/// What shooting along the curve of a pair gave.
struct Aimed {
    errors: Vec<Result<f64, String>>,
    corrected: Result<f64, String>,
}

impl Study for ShootingStudy {
    fn evaluations_at_most(&self, segments: usize) -> u64 {
        let a_shot = self.steps.get() as u64 * 7;
        match self.velocities {
            Velocities::Boundary => {
                let solver = self.solver();
                (0..self.grids.get()).map(|k| solver.evaluations_at_most(segments << k) + a_shot).sum()
            }
            Velocities::Directions { count, .. } => a_shot * count.get() as u64,
        }
    }

    fn answer(
        &self,
        subject: &Subject<'_>,
        rng: &mut ChaCha8Rng,
        mut observe: Observer<'_>,
    ) -> Result<Findings, StudyError> {
        if subject.pairs.is_empty() {
            return Err(unsupported("there is no pair of end points to shoot from"));
        }
        let counted = Counted::new(subject.potential);
        let mut tally = Tally::default();
        let mut aimed = Vec::new();
        for (done, pair) in subject.pairs.iter().enumerate() {
            match self.velocities {
                Velocities::Boundary => aimed.push(self.aim(subject, &counted, pair, rng, &mut tally)?),
                Velocities::Directions { count, spacing } => {
                    self.spread(subject, &counted, pair, count.get(), spacing, &mut tally)?;
                }
            }
            report(&mut observe, done + 1, subject.pairs.len())?;
        }
        let reading = |id, value| Reading { id, value };
        let nowhere =
            || Err("no end point is aimed at; shoot with the velocities of solved curves".to_owned());
        let mut numbers = vec![
            reading(END_ERROR, if aimed.is_empty() { nowhere() } else { largest_error(&aimed) }),
            reading(ORDER, if aimed.is_empty() { nowhere() } else { least_order(&aimed) }),
            reading(
                CORRECTED,
                if aimed.is_empty() {
                    nowhere()
                } else {
                    fold(aimed.iter().map(|aimed| aimed.corrected.clone()), f64::max)
                },
            ),
        ];
        numbers.push(reading(DRIFT, tally.drift_unknown.map_or(Ok(tally.drift), Err)));
        numbers.push(reading(LOST, Ok(tally.lost as f64)));
        Ok(Findings { numbers, series: tally.series, iterations: tally.iterations, ..Findings::default() })
    }
}

fn unsupported(reason: impl Into<String>) -> StudyError {
    StudyError::Unsupported { reason: reason.into() }
}

fn failed(error: ShootError) -> StudyError {
    match error {
        ShootError::Eval(error) => error.into(),
        ShootError::Input { reason } => unsupported(reason),
    }
}

/// All values combined, or the first reason why one is missing.
fn fold(
    mut values: impl Iterator<Item = Result<f64, String>>,
    combine: fn(f64, f64) -> f64,
) -> Result<f64, String> {
    let first = values.next().ok_or_else(|| "there is nothing to look at".to_owned())?;
    values.try_fold(first?, |so_far, value| Ok(combine(so_far, value?)))
}

fn largest_error(aimed: &[Aimed]) -> Result<f64, String> {
    fold(aimed.iter().filter_map(|aimed| aimed.errors.last().cloned()), f64::max)
}

fn least_order(aimed: &[Aimed]) -> Result<f64, String> {
    let order = |aimed: &Aimed| match aimed.errors.as_slice() {
        [.., coarse, fine] => {
            let (coarse, fine) = (coarse.clone()?, fine.clone()?);
            if fine > 0.0 && coarse > 0.0 {
                Ok((coarse / fine).log2())
            } else {
                Err("the shot ends exactly at the end point".to_owned())
            }
        }
        _ => Err("an order needs 2 grids; raise `grids`".to_owned()),
    };
    fold(aimed.iter().map(order), f64::min)
}

impl ShootingStudy {
    fn solver(&self) -> Solver {
        Solver { method: self.method, tolerance: self.tolerance, max_iterations: self.max_iterations }
    }

    fn shooting(&self) -> Shooting {
        Shooting::new(self.integrator, self.steps.get())
    }

    /// Shots along the solved curves of a pair, on finer and finer grids.
    fn aim<'a>(
        &self,
        subject: &Subject<'a>,
        counted: &Counted<'_>,
        pair: &Pair<'a>,
        rng: &mut ChaCha8Rng,
        tally: &mut Tally,
    ) -> Result<Aimed, StudyError> {
        let mut errors = Vec::new();
        let mut rows = Vec::new();
        let mut finest = None;
        for grid in 0..self.grids.get() {
            let segments = subject.segments.get().checked_shl(grid as u32).unwrap_or(usize::MAX);
            if segments > 100_000 {
                return Err(unsupported(format!(
                    "{segments} segments are more than 100000; take fewer grids"
                )));
            }
            let problem = PairProblem::new(subject, counted, pair, segments)?;
            let squared = (segments as f64).powi(2);
            let factor = match self.weight {
                ShotWeight::Relative(lambda) => problem.factor(lambda.get()),
                ShotWeight::Continuous(lambda) => lambda.get() / squared,
            };
            let mut keep_going = || std::ops::ControlFlow::Continue(());
            let solved = problem.solve(&self.solver(), factor, None, rng, &mut keep_going)?;
            tally.iterations += u64::from(solved.iterations);
            if !solved.stop.means_convergence() {
                errors.push(Err(format!("the curve of {segments} segments: {}", solved.stop)));
                continue;
            }
            let motion = Motion {
                geometry: subject.geometry,
                force: Some(Force {
                    pull: Pull::Potential(counted),
                    lambda: factor * squared,
                    sign: self.force,
                }),
            };
            let velocity = initial_velocity(solved.curve.points(), self.difference).map_err(failed)?;
            let shot = self.shoot(&motion, pair, &velocity)?;
            let error = shot.end().map(|end| distance(end, pair.end)).map_err(ToString::to_string);
            rows.push([segments as f64, *error.as_ref().unwrap_or(&f64::NAN)]);
            errors.push(error);
            finest = Some((motion, velocity, shot));
        }
        let corrected = match finest {
            None => Err("no curve was found to start from".to_owned()),
            Some((motion, velocity, shot)) => {
                tally.add(&motion, &[shot], &[format!("{}, from its curve", pair.name)])?;
                let goal = 1e-10 * (1.0 + distance(pair.start, pair.end));
                match logarithm(&motion, pair.start, pair.end, velocity.view(), &self.shooting(), goal) {
                    Ok(found) => {
                        tally.add(&motion, &[found.shot], &[format!("{}, corrected", pair.name)])?;
                        Ok(found.error)
                    }
                    Err(LogarithmError::Shoot(ShootError::Eval(error))) => return Err(error.into()),
                    Err(error) => Err(error.to_string()),
                }
            }
        };
        let mut values = Array2::zeros((rows.len(), 2));
        for (mut to, row) in values.rows_mut().into_iter().zip(&rows) {
            to.assign(&Array1::from_vec(row.to_vec()));
        }
        tally.series.push(Series {
            id: "shooting-end-error".to_owned(),
            label: pair.name.to_owned(),
            columns: vec![column("segments"), column("end error")],
            values,
        });
        Ok(Aimed { errors, corrected })
    }

    fn shoot(
        &self,
        motion: &Motion<'_>,
        pair: &Pair<'_>,
        velocity: &Array1<f64>,
    ) -> Result<Shot, StudyError> {
        let (start, velocity) = (pair.start.to_vec(), velocity.to_vec());
        let start = Rows::new(&start, velocity.len())?;
        Ok(self.shooting().shoot(motion, start, &velocity).map_err(failed)?.swap_remove(0))
    }

    /// Shots into directions of the plane.
    fn spread(
        &self,
        subject: &Subject<'_>,
        counted: &Counted<'_>,
        pair: &Pair<'_>,
        count: usize,
        spacing: Spacing,
        tally: &mut Tally,
    ) -> Result<(), StudyError> {
        if subject.geometry.dim() != 2 || pair.start.len() != 2 {
            return Err(unsupported("directions are angles of the plane; take `velocities = \"boundary\"`"));
        }
        let ShotWeight::Continuous(lambda) = self.weight else {
            return Err(unsupported(
                "a relative weight refers to a curve and directions have none; use `continuous`",
            ));
        };
        let force = Force { pull: Pull::Potential(counted), lambda: lambda.get(), sign: self.force };
        let motion = Motion { geometry: subject.geometry, force: Some(force) };
        let (mut starts, mut velocities, mut labels) = (Vec::new(), Vec::new(), Vec::new());
        for angle in directions(count, spacing) {
            starts.extend(pair.start.iter());
            velocities.extend([angle.cos(), angle.sin()]);
            labels.push(format!("{}, {:.0} degrees", pair.name, angle.to_degrees()));
        }
        let shots = self.shooting().shoot(&motion, Rows::new(&starts, 2)?, &velocities).map_err(failed)?;
        tally.add(&motion, &shots, &labels)
    }
}

impl Tally {
    fn add(&mut self, motion: &Motion<'_>, shots: &[Shot], labels: &[String]) -> Result<(), StudyError> {
        for (shot, label) in shots.iter().zip(labels) {
            self.lost += usize::from(shot.lost.is_some());
            let dim = shot.points.ncols();
            let points: Vec<f64> = shot.points.iter().copied().collect();
            let velocities: Vec<f64> = shot.velocities.iter().copied().collect();
            let at = Rows::new(&points, dim)?;
            let Some(force) = motion.force else { continue };
            let Pull::Potential(potential) = force.pull else { continue };
            let potential = potential.value(shot.points.view())?;
            match motion.invariants(at, &velocities) {
                Ok(Some(kept)) => {
                    let mut speed = [0.0];
                    motion.geometry.squared_norms(
                        Rows::new(&points[..dim], dim)?,
                        &velocities[..dim],
                        &mut speed,
                    )?;
                    let drift = kept.iter().map(|k| (k - kept[0]).abs()).fold(0.0, f64::max);
                    if speed[0] > 0.0 && drift.is_finite() {
                        self.drift = self.drift.max(drift / speed[0]);
                    } else {
                        self.drift_unknown = Some(format!(
                            "the first integral of `{label}` is not finite or its shot stands still"
                        ));
                    }
                }
                Ok(None) => self.drift_unknown = Some("only a score is known".to_owned()),
                Err(error) => self.drift_unknown = Some(error.to_string()),
            }
            let values: Vec<f64> = potential.to_vec();
            self.series.push(curve("shot", label.clone(), "time", &shot.times, shot.points.view(), &values));
        }
        Ok(())
    }
}

fn distance(a: ndarray::ArrayView1<'_, f64>, b: ndarray::ArrayView1<'_, f64>) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt()
}
