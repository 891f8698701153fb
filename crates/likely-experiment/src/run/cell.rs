//! One cell: everything that happens between its key and its record.

use super::study;
use crate::Plan;
use crate::plan::{PlannedModel, Work, embedded};
use crate::spec::{Measure, Reveal};
use cpu_time::ThreadTime;
use likely_core::{Counted, CountedScore, Evaluations, Geometry, ImageSpace, ScoreOfPotential};
use likely_geometries::{Derive, Origin};
use likely_methods::{Density, InterpolateError, Interpolator, SampleError, Sampler, Scene, Solution};
use likely_metrics::{MetricError, Reading, SampleSubject, Subject};
use likely_record::{
    CellKey, CellRecord, CurveRecord, EvaluationCounts, FORMAT, MetricRecord, PictureFile, PlannedCell,
    SavingRecord, SeriesFile, Status, StopRecord, TimingRecord,
};
use rand_chacha::ChaCha8Rng;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// What a cell left behind.
pub(super) struct Finished {
    pub(super) record: CellRecord,
    pub(super) curve: Option<CurveRecord>,
    pub(super) series: Option<SeriesFile>,
    pub(super) pictures: Vec<PictureFile>,
    pub(super) timing: TimingRecord,
}

/// How a cell ended.
pub(super) enum Outcome {
    /// With a record, good or bad.
    Finished(Box<Finished>),
    /// The run was asked to stop; the cell left nothing.
    Interrupted,
}

/// What a method cost.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cost {
    pub(super) evaluations: Evaluations,
    pub(super) wall_s: f64,
    pub(super) cpu_s: f64,
}

/// Computes a cell. An error or a panic becomes a row that says so; only a request to stop leaves nothing.
pub(super) fn run_cell(plan: &Plan, planned: &PlannedCell, work: &Work, stop: &AtomicBool) -> Outcome {
    let cell = || match work {
        Work::Interpolate { model, method, derive, pair } => {
            let solver = Solver { method: &**method, derive: derive.as_deref() };
            interpolate(plan, &planned.key, *model, solver, *pair, stop)
        }
        Work::Sample { model, sampler } => sample(plan, &planned.key, *model, &**sampler, stop),
        Work::Study { model, kind, study, derive } => {
            let asked = study::Asked { kind, study: &**study, derive: derive.as_deref() };
            study::answer(plan, &planned.key, *model, asked, stop)
        }
    };
    // A panic is a defect, but one of a single cell: the other rows are still worth having.
    catch_unwind(AssertUnwindSafe(cell)).unwrap_or_else(|panic| {
        let message = panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "no message".to_owned());
        let reason = format!("internal error, please report it: {message}");
        without_curve(plan, &planned.key, Status::Failed, reason, Cost::default())
    })
}

/// A method and the geometry that it solves in, where that is not the one of the model.
#[derive(Clone, Copy)]
struct Solver<'a> {
    method: &'a dyn Interpolator,
    derive: Option<&'a dyn Derive>,
}

fn interpolate(
    plan: &Plan,
    key: &CellKey,
    model: usize,
    solver: Solver<'_>,
    pair: usize,
    stop: &AtomicBool,
) -> Outcome {
    let pair = plan.pair(model, pair);
    let model = plan.model(model);
    let potential = &*model.potential;
    let method = solver.method;
    let ends = match pair.ends(plan.segments()) {
        Ok(ends) => ends,
        Err(error) => {
            return without_curve(plan, key, Status::Failed, error.to_string(), Cost::default());
        }
    };
    let ran = |geometry: &dyn Geometry, density: Density<'_>, evaluations: &dyn Fn() -> Evaluations| {
        let scene = Scene { geometry, density: Some(density), typical: model.typical_potentials() };
        if let Err(unsupported) = method.supports(&scene) {
            return (Err(unsupported.into()), Cost::default());
        }
        let mut rng = noise(plan, key);
        let mut trace = |_: &likely_methods::Step| {
            if stop.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let (wall, cpu) = (Instant::now(), ThreadTime::now());
        let result = method.interpolate(&scene, &ends, &mut rng, &mut trace);
        let (wall_s, cpu_s) = (wall.elapsed().as_secs_f64(), cpu.elapsed().as_secs_f64());
        (result, Cost { evaluations: evaluations(), wall_s, cpu_s })
    };
    let counted = Counted::new(potential);
    let decoder = model.images.as_deref().and_then(ImageSpace::decoder);
    // A geometry that is made of the density costs what the density costs.
    let origin = Origin { potential: &counted, decoder: decoder.as_deref() };
    let derived = match solver.derive.map(|derive| derive.over(origin)).transpose() {
        Ok(derived) => derived,
        Err(reason) => return without_curve(plan, key, Status::Skipped, reason, Cost::default()),
    };
    let geometry = derived.as_deref().unwrap_or(&*model.geometry);
    let (result, cost) = match model.reveal {
        Reveal::Potential => ran(geometry, Density::Potential(&counted), &|| counted.evaluations()),
        Reveal::Score if geometry.evaluates_density() => {
            let reason =
                "the geometry is made of the density, and the model reveals its score alone".to_owned();
            return without_curve(plan, key, Status::Skipped, reason, Cost::default());
        }
        Reveal::Score => {
            let score = ScoreOfPotential(potential);
            let counted = CountedScore::new(&score);
            ran(geometry, Density::Score(&counted), &|| counted.evaluations())
        }
    };
    match result {
        Ok(solution) => measured(plan, key, model, solver, &solution, cost),
        Err(InterpolateError::Interrupted) => Outcome::Interrupted,
        Err(InterpolateError::Unsupported(reason)) => {
            without_curve(plan, key, Status::Skipped, reason.to_string(), cost)
        }
        Err(error) => without_curve(plan, key, Status::Failed, error.to_string(), cost),
    }
}

/// The noise of a cell. The method is no axis of the stream: all methods see the same.
pub(super) fn noise(plan: &Plan, key: &CellKey) -> ChaCha8Rng {
    plan.seed().stream(&[
        ("experiment", &key.experiment),
        ("pair", &key.pair),
        ("repetition", &key.repetition.to_string()),
    ])
}

/// Draws from the flow of a model and measures the samples.
fn sample(plan: &Plan, key: &CellKey, model: usize, sampler: &dyn Sampler, stop: &AtomicBool) -> Outcome {
    let Some(flow) = plan.model(model).flow.as_deref() else {
        let reason = "the model has no flow from noise to data to draw from".to_owned();
        return without_curve(plan, key, Status::Skipped, reason, Cost::default());
    };
    let mut observe = |_: u32| {
        if stop.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let (wall, cpu) = (Instant::now(), ThreadTime::now());
    let result = sampler.sample(flow, &mut noise(plan, key), &mut observe);
    let (wall_s, cpu_s) = (wall.elapsed().as_secs_f64(), cpu.elapsed().as_secs_f64());
    let generated = match result {
        Ok(generated) => generated,
        Err(SampleError::Interrupted) => return Outcome::Interrupted,
        Err(error) => {
            let cost = Cost { evaluations: Evaluations::default(), wall_s, cpu_s };
            return without_curve(plan, key, Status::Failed, error.to_string(), cost);
        }
    };
    let cost = Cost { evaluations: generated.evaluations, wall_s, cpu_s };
    if generated.samples.iter().any(|x| !x.is_finite()) {
        return without_curve(plan, key, Status::Failed, "a sample is not finite".to_owned(), cost);
    }
    let subject = SampleSubject {
        samples: generated.samples.view(),
        starts: generated.starts.view(),
        training: flow.training_points(),
        prediction: generated.prediction,
        evaluations: generated.evaluations,
    };
    let metrics = plan
        .metrics()
        .iter()
        .map(|measure| match measure {
            Measure::Sample(metric) => reading_record(metric.id, (metric.evaluate)(&subject)),
            Measure::Curve(metric) => absent(metric.id, "it is a number about curves, and these are samples"),
            Measure::Study(number) => absent(number.id, "it is a number of studies, and these are samples"),
        })
        .collect();
    let record = CellRecord {
        format: FORMAT,
        key: key.clone(),
        status: Status::Ok,
        reason: None,
        stop: None,
        iterations: sampler.steps(),
        evaluations: counts(cost.evaluations),
        lambda_norm: None,
        reduction: None,
        metrics,
        curve_sha256: None,
        series_sha256: None,
        pictures: Vec::new(),
    };
    Outcome::Finished(Box::new(Finished {
        record,
        curve: None,
        series: None,
        pictures: Vec::new(),
        timing: timing(&cost),
    }))
}

/// The row of a curve. Metrics see the true potential, and what they evaluate is not counted.
fn measured(
    plan: &Plan,
    key: &CellKey,
    model: &PlannedModel,
    solver: Solver<'_>,
    solution: &Solution,
    cost: Cost,
) -> Outcome {
    let curve = &solution.curve;
    let potential = &*model.potential;
    if let Some(reason) = not_what_was_asked(plan, solution, potential.dim()) {
        return without_curve(plan, key, Status::Failed, reason, cost);
    }
    let geometry = &*model.geometry;
    let mut subject = match Subject::new(curve, geometry, Some(potential)) {
        Ok(subject) => subject,
        Err(error) => {
            let reason = format!("evaluating the density along the curve: {error}");
            return without_curve(plan, key, Status::Failed, reason, cost);
        }
    };
    let lambda_norm = solution.weighting.map(|weighting| weighting.lambda_norm);
    subject.typical_potential = model.typical;
    subject.lambda_norm = lambda_norm;
    subject.evaluations = cost.evaluations;
    subject.iterations = solution.iterations;
    let metrics = plan
        .metrics()
        .iter()
        .map(|measure| match measure {
            // On the background it is a sum that nobody minimised.
            Measure::Curve(metric)
                if metric.id.starts_with(SavingRecord::ENERGY) && solver.derive.is_some() =>
            {
                absent(metric.id, "the method minimised it in a geometry of its own")
            }
            Measure::Curve(metric) => reading_record(metric.id, (metric.evaluate)(&subject)),
            Measure::Sample(metric) => absent(metric.id, "it is a number about samples, and this is a curve"),
            Measure::Study(number) => absent(number.id, "it is a number of studies, and this is a curve"),
        })
        .collect();
    let values: Vec<f64> = curve.points().iter().copied().collect();
    let curve = CurveRecord {
        points: curve.segments() + 1,
        dim: curve.dim(),
        embedded: embedded(geometry, &values),
        values,
    };
    let curve_sha256 = match curve.sha256() {
        Ok(sha256) => sha256,
        Err(error) => return without_curve(plan, key, Status::Failed, error.to_string(), cost),
    };
    let record = CellRecord {
        format: FORMAT,
        key: key.clone(),
        status: Status::Ok,
        reason: None,
        stop: Some(StopRecord {
            kind: solution.stop.kind().id().to_owned(),
            converged: solution.stop.means_convergence(),
            grad_norm_l2: solution.stop.grad_norm_l2(),
            text: solution.stop.to_string(),
        }),
        iterations: solution.iterations,
        evaluations: counts(cost.evaluations),
        lambda_norm,
        reduction: solution.reduction.map(str::to_owned),
        metrics,
        curve_sha256: Some(curve_sha256),
        series_sha256: None,
        pictures: Vec::new(),
    };
    Outcome::Finished(Box::new(Finished {
        record,
        curve: Some(curve),
        series: None,
        pictures: Vec::new(),
        timing: timing(&cost),
    }))
}

/// What is wrong with a solution that its types allow.
fn not_what_was_asked(plan: &Plan, solution: &Solution, dim: usize) -> Option<String> {
    let (segments, found) = (plan.segments().get(), solution.curve.segments());
    if found != segments || solution.curve.dim() != dim {
        return Some(format!(
            "internal error: the method returned {found} segments in {} dimensions for {segments} in {dim}",
            solution.curve.dim()
        ));
    }
    if solution.weighting.is_some_and(|weighting| !weighting.lambda_norm.is_finite()) {
        return Some("the weight of the potential is not finite on the starting curve".to_owned());
    }
    if solution.stop.grad_norm_l2().is_some_and(|norm| !norm.is_finite()) {
        return Some("the final gradient norm is not finite".to_owned());
    }
    None
}

/// A row without a curve, whose metrics all give the same reason.
pub(super) fn without_curve(
    plan: &Plan,
    key: &CellKey,
    status: Status,
    reason: String,
    cost: Cost,
) -> Outcome {
    let metrics = plan.metrics().iter().map(|measure| absent(measure.id(), &reason)).collect();
    let record = CellRecord {
        format: FORMAT,
        key: key.clone(),
        status,
        reason: Some(reason),
        stop: None,
        iterations: 0,
        evaluations: counts(cost.evaluations),
        lambda_norm: None,
        reduction: None,
        metrics,
        curve_sha256: None,
        series_sha256: None,
        pictures: Vec::new(),
    };
    Outcome::Finished(Box::new(Finished {
        record,
        curve: None,
        series: None,
        pictures: Vec::new(),
        timing: timing(&cost),
    }))
}

/// A metric as the record holds it; a number that is not finite is none.
fn reading_record(id: &str, reading: Result<Reading, MetricError>) -> MetricRecord {
    let reading = reading.and_then(|reading| {
        let finite = reading.value.is_finite() && reading.std_err.is_none_or(f64::is_finite);
        if finite { Ok(reading) } else { Err(MetricError::NotFinite) }
    });
    match reading {
        Ok(Reading { value, std_err }) => {
            MetricRecord { id: id.to_owned(), value: Some(value), std_err, reason: None }
        }
        Err(error) => absent(id, &error.to_string()),
    }
}

/// A metric without a value.
pub(super) fn absent(id: &str, reason: &str) -> MetricRecord {
    MetricRecord { id: id.to_owned(), value: None, std_err: None, reason: Some(reason.to_owned()) }
}

pub(super) fn counts(evaluations: Evaluations) -> EvaluationCounts {
    EvaluationCounts { values: evaluations.values, gradients: evaluations.gradients }
}

pub(super) fn timing(cost: &Cost) -> TimingRecord {
    TimingRecord { format: FORMAT, wall_s: cost.wall_s, cpu_s: cost.cpu_s }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{PlanOptions, Spec, Tier};
    use likely_core::{Curve, Ends, Stop};
    use likely_methods::{Trace, Unsupported, Weighting};
    use likely_models::OpenDevice;
    use std::path::Path;
    use std::sync::Arc;

    /// A method that misbehaves in one way.
    #[derive(Debug, Clone, Copy)]
    enum Bad {
        Panics,
        TakesOtherSegments,
        WeighsWithNaN,
        EndsInNaN,
        HasNoCurve,
        IsFine,
    }

    impl Interpolator for Bad {
        fn supports(&self, _: &Scene<'_>) -> Result<(), Unsupported> {
            Ok(())
        }
        fn lambda(&self) -> Option<f64> {
            None
        }
        fn with_lambda(&self, _: f64) -> Option<Box<dyn Interpolator>> {
            None
        }
        fn evaluations_at_most(&self, _: usize) -> u64 {
            0
        }
        fn join(
            &self,
            _: &Scene<'_>,
            ends: &Ends<'_>,
            _: Option<&Curve>,
            _: &mut ChaCha8Rng,
            _: Trace<'_>,
        ) -> Result<Solution, InterpolateError> {
            let mut solution = Solution {
                curve: Curve::straight(ends),
                stop: Stop::ClosedForm,
                iterations: 0,
                weighting: None,
                reduction: None,
            };
            match self {
                Self::Panics => panic!("index 7 is out of range"),
                Self::TakesOtherSegments => {
                    solution.curve = Curve::new(ndarray::Array2::zeros((3, 5)))?;
                }
                Self::WeighsWithNaN => {
                    solution.weighting = Some(Weighting { lambda: 1.0, lambda_norm: f64::NAN });
                }
                Self::EndsInNaN => solution.stop = Stop::Stalled { grad_norm_l2: f64::INFINITY },
                Self::HasNoCurve => return Err(InterpolateError::StartNotFinite { point: 2 }),
                Self::IsFine => {}
            }
            Ok(solution)
        }
    }

    fn plan() -> Plan {
        let text = r#"
id = "bad-methods"
version = 1
title = "Methods that misbehave"
segments = 4
seed = 1
metrics = ["energy"]
[[model]]
label = "Prior"
kind = "chi-square-norm"
config = { dim = 5 }
[[method]]
kind = "linear"
label = "Linear"
[pairs]
draw = { gaussian = { count = 1 } }
"#;
        let spec = Spec::from_toml(Path::new("bad.toml"), text).unwrap();
        let options =
            PlanOptions { program_sha256: String::new(), fields: false, device: OpenDevice::cpu().clone() };
        Plan::new(&spec, Tier::Full, &options).unwrap()
    }

    #[test]
    fn what_a_bad_method_does_is_a_failed_row_that_says_so() {
        let plan = plan();
        let cases = [
            (Bad::Panics, "internal error, please report it: index 7 is out of range"),
            (
                Bad::TakesOtherSegments,
                "internal error: the method returned 2 segments in 5 dimensions for 4 in 5",
            ),
            (Bad::WeighsWithNaN, "the weight of the potential is not finite on the starting curve"),
            (Bad::EndsInNaN, "the final gradient norm is not finite"),
            (Bad::HasNoCurve, "the potential is not finite on the starting curve (interior point 2)"),
        ];
        let (planned, _) = plan.cells().next().unwrap();
        let run = |bad: Bad| {
            let work = Work::Interpolate { model: 0, method: Arc::new(bad), derive: None, pair: 0 };
            match run_cell(&plan, planned, &work, &AtomicBool::new(false)) {
                Outcome::Finished(finished) => finished,
                Outcome::Interrupted => panic!("nobody asked to stop"),
            }
        };
        for (bad, expected) in cases {
            let found = run(bad);
            assert_eq!((found.record.status, found.curve.is_none()), (Status::Failed, true), "{bad:?}");
            let reason = found.record.reason.unwrap();
            assert!(reason.starts_with(expected), "{bad:?}: {reason}");
            assert_eq!(found.record.metrics[0].value, None);
            assert_eq!(found.record.metrics[0].reason.as_ref(), Some(&reason));
        }
        assert_eq!(run(Bad::IsFine).record.status, Status::Ok);
    }

    #[test]
    fn a_number_that_is_not_finite_is_no_reading() {
        let bad = |value, std_err| reading_record("m", Ok(Reading { value, std_err }));
        for record in [bad(f64::NAN, None), bad(f64::INFINITY, None), bad(1.0, Some(f64::NAN))] {
            assert_eq!((record.value, record.std_err), (None, None));
            assert_eq!(record.reason.as_deref(), Some("the value is not finite"));
        }
    }
}
