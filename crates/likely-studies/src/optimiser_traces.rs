//! How fast several methods come down on the same problem.

use crate::pair_problem::{PairProblem, pair_problems, report};
use crate::study::from_config;
use crate::{Column, Findings, Number, Observer, Reading, Series, Study, StudyError, StudyKind, Subject};
use likely_core::Counted;
use likely_methods::{InterpolateError, Interpolator, Step};
use ndarray::Array2;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

pub(crate) const STUDY: StudyKind = StudyKind {
    id: "optimiser-traces",
    summary: "Regularised energy and gradient norm of several methods against evaluations of the density.",
    source: "arXiv 2510.26266, the figures and tables of compared optimisers",
    numbers: NUMBERS,
    build: from_config::<OptimiserTraces>,
};

const NUMBERS: &[Number] = &[Number {
    id: "best-regularised-energy",
    unit: "1",
    better: "lower",
    definition: "Lowest regularised energy E + lambda_norm sum S that any of the methods ended with; mean over pairs.",
}];

/// The methods to follow, each by kind and configuration as in a spec.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct OptimiserTraces {
    methods: Methods,
}

/// At most this many methods, so that a figure can still be read.
const MOST_METHODS: usize = 32;

/// Methods with labels that differ.
#[derive(Debug, Serialize, Deserialize)]
#[serde(try_from = "Vec<Wire>")]
struct Methods(Vec<Followed>);

/// A method as a spec names it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Wire {
    kind: String,
    label: Option<String>,
    #[serde(default)]
    config: toml::Table,
}

/// A method that was built.
#[derive(Debug, Serialize)]
struct Followed {
    kind: &'static str,
    label: String,
    /// With every default filled in.
    config: toml::Table,
    #[serde(skip)]
    method: Box<dyn Interpolator>,
}

impl TryFrom<Wire> for Followed {
    type Error = String;

    fn try_from(wire: Wire) -> Result<Self, String> {
        let kind = likely_methods::find(&wire.kind).ok_or_else(|| {
            let known: Vec<&str> = likely_methods::ALL.iter().map(|method| method.id).collect();
            format!("there is no method `{}`; there are {}", wire.kind, known.join(", "))
        })?;
        let label = wire.label.unwrap_or_else(|| wire.kind.clone());
        let of = |error: toml::de::Error| format!("method `{label}`: {}", error.message());
        let text = wire.config.to_string();
        let built = toml::de::DeTable::parse(&text).and_then(kind.build).map_err(of)?;
        if built.interpolator.lambda().is_none() {
            return Err(format!(
                "method `{label}` has no weight, so it minimises nothing that could be followed"
            ));
        }
        Ok(Self { kind: kind.id, label, config: built.resolved, method: built.interpolator })
    }
}

impl TryFrom<Vec<Wire>> for Methods {
    type Error = String;

    fn try_from(wires: Vec<Wire>) -> Result<Self, String> {
        if wires.is_empty() || wires.len() > MOST_METHODS {
            return Err(format!("{} methods; name 1..={MOST_METHODS}", wires.len()));
        }
        let methods: Vec<Followed> = wires.into_iter().map(Followed::try_from).collect::<Result<_, _>>()?;
        let mut labels = BTreeSet::new();
        match methods.iter().find(|method| !labels.insert(&method.label)) {
            Some(twice) => Err(format!("the label `{}` stands twice; give each method its own", twice.label)),
            None => Ok(Self(methods)),
        }
    }
}

impl Default for Methods {
    fn default() -> Self {
        let wire = |kind: &str| Wire { kind: kind.to_owned(), label: None, config: toml::Table::new() };
        let defaults = ["prob-georce", "prob-georce-accelerated"].map(wire);
        Self::try_from(Vec::from(defaults)).expect("both methods are in the table and need no configuration")
    }
}

/// A moment of a run.
#[derive(Clone, Copy)]
struct Moment {
    evaluations: u64,
    /// NaN where the method does not evaluate it.
    regularised_energy: f64,
    grad_norm: f64,
}

/// At most this many moments of a run are kept.
const MOST_MOMENTS: usize = 4096;

/// The moments of a run, thinned evenly as it grows.
struct Moments {
    kept: Vec<Moment>,
    stride: u32,
}

impl Moments {
    fn push(&mut self, iteration: u32, moment: Moment) {
        if !iteration.is_multiple_of(self.stride) {
            return;
        }
        self.kept.push(moment);
        if self.kept.len() == MOST_MOMENTS {
            // Iterations stride, 2 stride, ...: the even ones stay.
            let mut index = 0;
            self.kept.retain(|_| {
                index += 1;
                index % 2 == 0
            });
            self.stride *= 2;
        }
    }
}

/// One method on one pair.
struct Run {
    moments: Vec<Moment>,
    lambda_norm: f64,
    regularised_energy: f64,
    iterations: u32,
}

fn follow(
    followed: &Followed,
    problem: &PairProblem<'_, '_>,
    counted: &Counted<'_>,
    rng: &mut ChaCha8Rng,
    observe: &mut Observer<'_>,
    share: f64,
) -> Result<Run, StudyError> {
    let before = counted.evaluations().total();
    let mut moments = Moments { kept: Vec::new(), stride: 1 };
    let mut last = None;
    let mut trace = |step: &Step| {
        let moment = Moment {
            evaluations: counted.evaluations().total() - before,
            regularised_energy: step.regularised_energy.unwrap_or(f64::NAN),
            grad_norm: step.grad_norm_l2,
        };
        moments.push(step.iteration, moment);
        last = Some(moment);
        observe(share)
    };
    let named = |reason: String| StudyError::Unsupported {
        reason: format!("method `{}` on pair `{}`: {reason}", followed.label, problem.name()),
    };
    let solution = match followed.method.interpolate(&problem.scene(), problem.ends(), rng, &mut trace) {
        Ok(solution) => solution,
        Err(InterpolateError::Interrupted) => return Err(StudyError::Interrupted),
        Err(error) => return Err(named(error.to_string())),
    };
    let evaluations = counted.evaluations().total() - before;
    let lambda_norm = solution
        .weighting
        .map(|weighting| weighting.lambda_norm)
        .ok_or_else(|| named("it reports no weight".to_owned()))?;
    let measures = problem.measure(&solution.curve)?;
    let regularised_energy = measures.energy + lambda_norm * problem.interior() * measures.mean_potential;
    let grad_norm = solution.stop.grad_norm_l2().or(last.map(|last| last.grad_norm)).unwrap_or(f64::NAN);
    // The end of the run is always kept, with the energy that its curve has.
    let mut moments = moments.kept;
    if moments.last().is_some_and(|kept| last.is_some_and(|last| last.evaluations == kept.evaluations)) {
        moments.pop();
    }
    moments.push(Moment { evaluations, regularised_energy, grad_norm });
    Ok(Run { moments, lambda_norm, regularised_energy, iterations: solution.iterations })
}

impl Study for OptimiserTraces {
    fn evaluations_at_most(&self, segments: usize) -> u64 {
        self.methods
            .0
            .iter()
            .fold(0, |sum: u64, followed| sum.saturating_add(followed.method.evaluations_at_most(segments)))
    }

    fn moves_coordinates(&self) -> bool {
        false
    }

    fn answer(
        &self,
        subject: &Subject<'_>,
        rng: &mut ChaCha8Rng,
        mut observe: Observer<'_>,
    ) -> Result<Findings, StudyError> {
        let counted = Counted::new(subject.potential);
        let problems = pair_problems(subject, &counted, subject.segments.get())?;
        let of = problems.len() * self.methods.0.len();
        let mut findings = Findings::default();
        let mut sum = 0.0;
        for (p, problem) in problems.iter().enumerate() {
            let mut runs: Vec<Run> = Vec::new();
            for (m, followed) in self.methods.0.iter().enumerate() {
                let done = p * self.methods.0.len() + m;
                report(&mut observe, done, of)?;
                // Each method draws from the same stream, so that none depends on which others are followed.
                let mut stream = rng.clone();
                let share = done as f64 / of as f64;
                let run = follow(followed, problem, &counted, &mut stream, &mut observe, share)?;
                if let Some(first) = runs.first() {
                    let differ = (run.lambda_norm - first.lambda_norm).abs() > 1e-9 * first.lambda_norm;
                    if differ {
                        return Err(StudyError::Unsupported {
                            reason: format!(
                                "`{}` works at lambda_norm = {} and `{}` at {}: their energies cannot be compared; give them one `weight` and one kind of start",
                                self.methods.0[0].label, first.lambda_norm, followed.label, run.lambda_norm
                            ),
                        });
                    }
                }
                findings.iterations += u64::from(run.iterations);
                runs.push(run);
            }
            let best = runs.iter().map(|run| run.regularised_energy).fold(f64::INFINITY, f64::min);
            sum += best;
            let labelled = self.methods.0.iter().zip(&runs);
            findings.series.extend(labelled.map(|(followed, run)| {
                let label = match problems.len() {
                    1 => followed.label.clone(),
                    _ => format!("{}, {}", followed.label, problem.name()),
                };
                series(label, &run.moments, best)
            }));
        }
        let best = sum / problems.len() as f64;
        findings.numbers = vec![Reading { id: "best-regularised-energy", value: Ok(best) }];
        Ok(findings)
    }
}

fn series(label: String, moments: &[Moment], best: f64) -> Series {
    let column = |name: &str, unit: &str| Column { name: name.to_owned(), unit: unit.to_owned() };
    let values = Array2::from_shape_fn((moments.len(), 3), |(row, column)| match column {
        0 => moments[row].evaluations as f64,
        1 => moments[row].regularised_energy - best,
        _ => moments[row].grad_norm,
    });
    Series {
        id: "optimiser-traces".to_owned(),
        label,
        columns: vec![
            column("evaluations", "points"),
            column("regularised energy above the best", ""),
            column("gradient norm", ""),
        ],
        values,
    }
}
