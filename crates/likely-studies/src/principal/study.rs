//! Principal geodesics of the data of a model.

use super::{Moment, PrincipalError, principal_directions};
use crate::means::study::{chosen, failed};
use crate::means::{Mean, MeanLimits, MeanProblem, MeanSearch, MeanWeight};
use crate::pair_problem::Iterations;
use crate::series::{column, curve};
use crate::settings::{Count, Positive};
use crate::shooting::{
    Difference, Force, ForceSign, Integrator, Motion, Pull, ShootError, Shooting, initial_velocity,
};
use crate::study::from_config;
use crate::{Findings, Number, Observer, Reading, Series, Study, StudyError, StudyKind, Subject};
use likely_core::{Counted, Potential, Rows};
use likely_methods::Density;
use ndarray::{Array1, Array2};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

pub(crate) const STUDY: StudyKind = StudyKind {
    id: "principal-geodesics",
    summary: "The directions in which data spread from their mean, how much of the variance they explain, and the curves along them.",
    source: "Fletcher, Lu, Pizer and Joshi 2004; arXiv 2510.26266 for likely curves",
    numbers: NUMBERS,
    build: from_config::<PrincipalGeodesics>,
};

const FIRST: &str = "principal-first-share";
const EXPLAINED: &str = "principal-explained-share";
const DRIFT: &str = "principal-average-velocity";
const LOST: &str = "principal-lost";

const NUMBERS: &[Number] = &[
    Number {
        id: FIRST,
        unit: "1",
        better: "neither",
        definition: "Share of the first principal direction in the sum of all variances of the initial velocities from the mean to the data.",
    },
    Number {
        id: EXPLAINED,
        unit: "1",
        better: "higher",
        definition: "Share of the kept principal directions together in the sum of all variances.",
    },
    Number {
        id: DRIFT,
        unit: "1",
        better: "lower",
        definition: "Norm in G(mu) of the average initial velocity over the root of the sum of all variances; zero at a mean of squared distances.",
    },
    Number {
        id: LOST,
        unit: "1",
        better: "lower",
        definition: "Shots along principal directions that left the chart or ceased to be finite.",
    },
];

/// Principal directions at the mean of the data.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct PrincipalGeodesics {
    weight: MeanWeight,
    search: MeanSearch,
    tolerance: Positive,
    max_iterations: Iterations,
    /// Data points that take part, evenly over their order.
    points: Count<100_000>,
    components: Count<100>,
    moment: Moment,
    difference: Difference,
    /// Standard deviations to shoot to each side.
    reach: Positive,
    force: ForceSign,
    integrator: Integrator,
    steps: Count<100_000>,
}

impl Default for PrincipalGeodesics {
    fn default() -> Self {
        let positive = |value| Positive::try_from(value).expect("the defaults are positive");
        Self {
            weight: MeanWeight::Relative(1.0),
            search: MeanSearch::default(),
            tolerance: positive(1e-6),
            max_iterations: Iterations::new(10_000),
            points: Count::new(100),
            components: Count::new(2),
            moment: Moment::default(),
            difference: Difference::default(),
            reach: positive(2.0),
            force: ForceSign::default(),
            integrator: Integrator::default(),
            steps: Count::new(50),
        }
    }
}

fn unsupported(error: PrincipalError) -> StudyError {
    match error {
        PrincipalError::Eval(error) => error.into(),
        PrincipalError::Input { reason } => StudyError::Unsupported { reason },
    }
}

fn shots_failed(error: ShootError) -> StudyError {
    match error {
        ShootError::Eval(error) => error.into(),
        ShootError::Input { reason } => StudyError::Unsupported { reason },
    }
}

impl Study for PrincipalGeodesics {
    fn evaluations_at_most(&self, segments: usize) -> u64 {
        let curves = (segments * self.points.get()) as u64;
        let shots = 14 * (self.steps.get() * self.components.get()) as u64;
        curves.saturating_mul(u64::from(self.max_iterations)).saturating_add(shots)
    }

    fn answer(
        &self,
        subject: &Subject<'_>,
        _: &mut ChaCha8Rng,
        observe: Observer<'_>,
    ) -> Result<Findings, StudyError> {
        let points = chosen(subject, self.points.get())?;
        let counted = Counted::new(subject.potential);
        let problem = MeanProblem {
            geometry: subject.geometry,
            density: Some(Density::Potential(&counted)),
            points: points.view(),
            weights: None,
            segments: subject.segments.get(),
            weight: self.weight,
            at_mean: false,
        };
        let limits = MeanLimits {
            tolerance: self.tolerance.get(),
            max_iterations: self.max_iterations.get() as u32,
            ..MeanLimits::default()
        };
        let mean = problem.solve(self.search, limits, &mut |_, _| observe(0.0)).map_err(failed)?;
        let mut findings = Findings { iterations: u64::from(mean.iterations), ..Findings::default() };
        if !mean.stop.means_convergence() {
            let numbers =
                NUMBERS.iter().map(|n| Reading { id: n.id, value: Err(format!("the mean: {}", mean.stop)) });
            findings.numbers = numbers.collect();
            return Ok(findings);
        }
        let velocities = self.velocities(&mean)?;
        let found = principal_directions(
            subject.geometry,
            mean.mean.view(),
            velocities.view(),
            self.moment,
            self.components.get(),
        )
        .map_err(unsupported)?;
        let at = mean.mean.to_vec();
        let mut drift = [0.0];
        let average = found.average.to_vec();
        subject.geometry.squared_norms(Rows::new(&at, at.len())?, &average, &mut drift)?;
        let motion = Motion {
            geometry: subject.geometry,
            force: Some(Force {
                pull: Pull::Potential(&counted),
                lambda: mean.lambda_norm * (subject.segments.get() as f64).powi(2),
                sign: self.force,
            }),
        };
        let mut lost = 0;
        for (k, (direction, variance)) in
            found.directions.rows().into_iter().zip(&found.variances).enumerate()
        {
            let label = format!("direction {}", k + 1);
            let velocity = &direction * (self.reach.get() * variance.sqrt());
            let (shots, series) = self.both_ways(&motion, &mean.mean, &velocity, label, &counted)?;
            lost += shots;
            findings.series.push(series);
        }
        let shares: Vec<f64> = found.variances.iter().map(|v| v / found.total).collect();
        findings.series.push(variances(&found.variances, &shares));
        let reading = |id, value: f64| Reading { id, value: Ok(value) };
        findings.numbers = vec![
            reading(FIRST, shares[0]),
            reading(EXPLAINED, shares.iter().sum()),
            reading(DRIFT, (drift[0] / found.total).sqrt()),
            reading(LOST, f64::from(lost)),
        ];
        Ok(findings)
    }
}

impl PrincipalGeodesics {
    /// Initial velocities of the curves from the mean; the released ones are `K` times the first step.
    fn velocities(&self, mean: &Mean) -> Result<Array2<f64>, StudyError> {
        let (count, points, dim) = mean.curves.dim();
        let mut velocities = Array2::zeros((count, dim));
        for (curve, mut to) in mean.curves.outer_iter().zip(velocities.rows_mut()) {
            match self.moment {
                Moment::Riemannian => {
                    to.assign(&initial_velocity(curve, self.difference).map_err(shots_failed)?);
                }
                Moment::Released => {
                    let step = initial_velocity(curve, Difference::First).map_err(shots_failed)?;
                    to.assign(&(step * (count as f64 / (points - 1) as f64)));
                }
            }
        }
        Ok(velocities)
    }

    /// A principal curve through the mean, and how many of its two halves were lost.
    fn both_ways(
        &self,
        motion: &Motion<'_>,
        mean: &Array1<f64>,
        velocity: &Array1<f64>,
        label: String,
        counted: &Counted<'_>,
    ) -> Result<(u32, Series), StudyError> {
        let dim = mean.len();
        let starts: Vec<f64> = mean.iter().chain(mean).copied().collect();
        let velocities: Vec<f64> = velocity.iter().map(|v| -v).chain(velocity.iter().copied()).collect();
        let shooting = Shooting::new(self.integrator, self.steps.get());
        let shots = shooting.shoot(motion, Rows::new(&starts, dim)?, &velocities).map_err(shots_failed)?;
        let (back, forth) = (&shots[0], &shots[1]);
        let mut times: Vec<f64> = back.times.iter().skip(1).rev().map(|t| -t * self.reach.get()).collect();
        times.extend(forth.times.iter().map(|t| t * self.reach.get()));
        let halves = back.points.rows().into_iter().skip(1).rev().chain(forth.points.rows());
        let points: Vec<f64> = halves.flat_map(|point| point.to_vec()).collect();
        let points = Array2::from_shape_vec((times.len(), dim), points)
            .map_err(|_| StudyError::Eval(likely_core::EvalError::Layout))?;
        let potential = counted.value(points.view())?.to_vec();
        let lost = shots.iter().filter(|shot| shot.lost.is_some()).count() as u32;
        Ok((lost, curve("principal-curve", label, "standard deviations", &times, points.view(), &potential)))
    }
}

fn variances(variances: &[f64], shares: &[f64]) -> Series {
    let mut values = Array2::zeros((variances.len(), 4));
    let mut together = 0.0;
    for (k, mut row) in values.rows_mut().into_iter().enumerate() {
        together += shares[k];
        row.assign(&Array1::from_vec(vec![(k + 1) as f64, variances[k], shares[k], together]));
    }
    Series {
        id: "principal-variance".to_owned(),
        label: "principal directions".to_owned(),
        columns: ["direction", "variance", "share", "share together"].map(column).to_vec(),
        values,
    }
}
