//! The curves from a mean to all data.

use crate::bundle::{self, Strand};
use crate::means::study::{chosen, failed};
use crate::means::{MeanLimits, MeanProblem, MeanSearch, MeanWeight, SphericalStep, spherical_mean};
use crate::pair_problem::Iterations;
use crate::settings::{Count, Positive};
use crate::study::from_config;
use crate::{Findings, Number, Observer, Reading, Study, StudyError, StudyKind, Subject};
use likely_core::{Ends, Stop};
use likely_methods::{Density, InterpolateError, Scene, ignore_steps};
use ndarray::{Array1, ArrayView2, Axis};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use std::num::NonZeroUsize;

pub(crate) const STUDY: StudyKind = StudyKind {
    id: "mean-curves",
    summary: "A mean of the data of a model by one method, and what the curves from it to all data amount to together.",
    source: "arXiv 2510.26266 (version 2), the means of its table of two-dimensional models",
    numbers: &NUMBERS,
    build: from_config::<MeanCurves>,
};

const CONVERGED: &str = "mean-curves-converged";
const GRADIENT: &str = "mean-curves-gradient-norm";

const NUMBERS: [Number; 7] = {
    let [energy, sum, mean, points, lost] = bundle::NUMBERS;
    [
        energy,
        sum,
        mean,
        points,
        lost,
        Number {
            id: CONVERGED,
            unit: "1",
            better: "higher",
            definition: "1 where the search for the mean converged, 0 where it stopped before; formulas have none.",
        },
        Number {
            id: GRADIENT,
            unit: "1",
            better: "lower",
            definition: "Euclidean norm of the gradient in all curves and the mean together, where the search stopped; formulas have none.",
        },
    ]
};

/// The mean of directions, and spherical interpolation from it.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Spherical {
    step: SphericalStep,
    rate: Positive,
    iterations: Count<100_000>,
}

impl Default for Spherical {
    fn default() -> Self {
        Self {
            step: SphericalStep::default(),
            rate: Positive::try_from(0.5).expect("a positive number"),
            iterations: Count::new(100),
        }
    }
}

/// The generalised mean, in the geometry of the study.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Solved {
    weight: MeanWeight,
    search: MeanSearch,
    tolerance: Positive,
    max_iterations: Iterations,
}

impl Default for Solved {
    fn default() -> Self {
        Self {
            weight: MeanWeight::Relative(1.0),
            search: MeanSearch::default(),
            tolerance: Positive::try_from(1e-4).expect("a positive number"),
            max_iterations: Iterations::new(1000),
        }
    }
}

/// How the mean is found and joined to the data.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum By {
    /// The average of the coordinates, and straight lines.
    Average,
    /// By directions alone, and spherical interpolation of the points as they are.
    Spherical(Spherical),
    /// By least energy and potential.
    Solved(Solved),
}

/// The curves from a mean of the first data points.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct MeanCurves {
    by: By,
    /// Data points that take part, evenly over their order.
    points: Count<100_000>,
}

impl Default for MeanCurves {
    fn default() -> Self {
        Self { by: By::Solved(Solved::default()), points: Count::new(100) }
    }
}

/// A mean with its curves.
struct Found {
    strands: Vec<Strand>,
    stop: Option<Stop>,
    gradient_norm: Option<f64>,
    iterations: u64,
}

impl Study for MeanCurves {
    fn evaluations_at_most(&self, segments: usize) -> u64 {
        let curves = (segments as u64 + 1) * self.points.get() as u64;
        match self.by {
            // Three evaluations in a tensor with its derivatives, and one of the potential; trials of a search beside them.
            By::Solved(solved) => {
                let trials = if matches!(solved.search, MeanSearch::Adaptive { .. }) { 1 } else { 20 };
                curves.saturating_mul(4 * trials).saturating_mul(u64::from(solved.max_iterations) + 1)
            }
            By::Average | By::Spherical(_) => curves,
        }
    }

    fn takes_derived(&self) -> bool {
        matches!(self.by, By::Solved(_))
    }

    fn answer(
        &self,
        subject: &Subject<'_>,
        rng: &mut ChaCha8Rng,
        observe: Observer<'_>,
    ) -> Result<Findings, StudyError> {
        let points = chosen(subject, self.points.get())?;
        let found = match self.by {
            By::Average => {
                let mean = points.mean_axis(Axis(0)).ok_or_else(|| unsupported("there is no data point"))?;
                fan(subject, &mean, points.view(), "linear", rng)?
            }
            By::Spherical(Spherical { step, rate, iterations }) => {
                let mean = spherical_mean(points.view(), step, rate.get(), iterations.get() as u32)
                    .map_err(failed)?;
                fan(subject, &mean, points.view(), "slerp", rng)?
            }
            By::Solved(solved) => solve(subject, points.view(), solved, observe)?,
        };
        let (mut numbers, series) =
            bundle::measure(subject.geometry, subject.potential, "mean-curve", &found.strands)?;
        let of_search = || "a formula has no search".to_owned();
        let converged = found.stop.map(|stop| f64::from(u8::from(stop.means_convergence())));
        numbers.push(Reading { id: CONVERGED, value: converged.ok_or_else(of_search) });
        numbers.push(Reading { id: GRADIENT, value: found.gradient_norm.ok_or_else(of_search) });
        Ok(Findings {
            numbers,
            series: series.into_iter().collect(),
            iterations: found.iterations,
            ..Findings::default()
        })
    }
}

fn unsupported(reason: impl Into<String>) -> StudyError {
    StudyError::Unsupported { reason: reason.into() }
}

fn label(k: usize) -> String {
    format!("to point {}", k + 1)
}

/// The curves of a formula from a mean to the data.
fn fan(
    subject: &Subject<'_>,
    mean: &Array1<f64>,
    points: ArrayView2<'_, f64>,
    method: &str,
    rng: &mut ChaCha8Rng,
) -> Result<Found, StudyError> {
    let built = likely_methods::find(method)
        .ok_or_else(|| format!("there is no method `{method}`"))
        .and_then(|method| {
            let config = toml::de::DeTable::parse("").map_err(|error| error.to_string())?;
            (method.build)(config).map_err(|error| error.to_string())
        })
        .map_err(unsupported)?;
    let density = Some(Density::Potential(subject.potential));
    let scene = Scene { geometry: subject.geometry, density, typical: None };
    let segments = NonZeroUsize::new(subject.segments.get()).unwrap_or(NonZeroUsize::MIN);
    let mut strands = Vec::with_capacity(points.nrows());
    for (k, point) in points.rows().into_iter().enumerate() {
        let ends = Ends::new(mean.view(), point, segments).map_err(|error| {
            StudyError::Interpolate(InterpolateError::EndPoints { reason: format!("{}: {error}", label(k)) })
        })?;
        let solution = built.interpolator.interpolate(&scene, &ends, rng, &mut ignore_steps)?;
        strands.push(Strand::whole(label(k), solution.curve.into_points()));
    }
    Ok(Found { strands, stop: None, gradient_norm: None, iterations: 0 })
}

/// The generalised mean and its curves.
fn solve(
    subject: &Subject<'_>,
    points: ArrayView2<'_, f64>,
    solved: Solved,
    observe: Observer<'_>,
) -> Result<Found, StudyError> {
    let problem = MeanProblem {
        geometry: subject.derived.unwrap_or(subject.geometry),
        density: Some(Density::Potential(subject.potential)),
        points,
        weights: None,
        segments: subject.segments.get(),
        weight: solved.weight,
        at_mean: false,
    };
    let most = u32::try_from(solved.max_iterations.get()).unwrap_or(u32::MAX);
    let limits =
        MeanLimits { tolerance: solved.tolerance.get(), max_iterations: most, ..MeanLimits::default() };
    let mean = problem
        .solve(solved.search, limits, &mut |done, _| observe(f64::from(done) / f64::from(most)))
        .map_err(failed)?;
    if mean.curves.iter().any(|x| !x.is_finite()) {
        return Err(unsupported("the search left the finite numbers"));
    }
    let strands = mean.curves.outer_iter().enumerate();
    Ok(Found {
        strands: strands.map(|(k, points)| Strand::whole(label(k), points.to_owned())).collect(),
        stop: Some(mean.stop),
        gradient_norm: Some(mean.gradient_norm),
        iterations: u64::from(mean.iterations),
    })
}
