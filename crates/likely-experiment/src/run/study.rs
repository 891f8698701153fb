//! The cell of a study.

use super::cell::{Cost, Finished, Outcome, absent, counts, noise, timing, without_curve};
use crate::Plan;
use crate::plan::PlannedModel;
use crate::spec::{Measure, Reveal};
use cpu_time::ThreadTime;
use likely_core::{Counted, Evaluations};
use likely_methods::InterpolateError;
use likely_record::{
    CellKey, CellRecord, ColumnRecord, FORMAT, MetricRecord, SeriesFile, SeriesRecord, Status,
};
use likely_studies::{Findings, Pair, Series, Study, StudyError, StudyKind, Subject};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// Asks a study about a model; what it evaluates is counted.
pub(super) fn answer(
    plan: &Plan,
    key: &CellKey,
    model: usize,
    kind: &'static StudyKind,
    study: &dyn Study,
    stop: &AtomicBool,
) -> Outcome {
    let model = plan.model(model);
    if model.reveal == Reveal::Score {
        let reason = "studies need the density, and the model reveals its score alone".to_owned();
        return without_curve(plan, key, Status::Skipped, reason, Cost::default());
    }
    let counted = Counted::new(&*model.potential);
    let pairs = pairs_of(model);
    let subject = Subject {
        geometry: &*model.geometry,
        potential: &counted,
        points: model.points(),
        typical: model.typical_potentials(),
        pairs: &pairs,
        segments: plan.segments(),
    };
    let mut observe = |_: f64| {
        if stop.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let (wall, cpu) = (Instant::now(), ThreadTime::now());
    let result = study.run(&subject, &mut noise(plan, key), &mut observe);
    let (wall_s, cpu_s) = (wall.elapsed().as_secs_f64(), cpu.elapsed().as_secs_f64());
    let cost = Cost { evaluations: counted.evaluations(), wall_s, cpu_s };
    match result {
        Ok(findings) => recorded(plan, key, kind, findings, cost),
        Err(StudyError::Interrupted | StudyError::Interpolate(InterpolateError::Interrupted)) => {
            Outcome::Interrupted
        }
        Err(
            error @ (StudyError::Unsupported { .. }
            | StudyError::Interpolate(InterpolateError::Unsupported(_))),
        ) => without_curve(plan, key, Status::Skipped, error.to_string(), cost),
        Err(error) => without_curve(plan, key, Status::Failed, error.to_string(), cost),
    }
}

fn pairs_of(model: &PlannedModel) -> Vec<Pair<'_>> {
    let pairs = model.pairs().iter();
    pairs.map(|pair| Pair { name: &pair.name, start: pair.start.view(), end: pair.end.view() }).collect()
}

/// The row of what a study found.
fn recorded(plan: &Plan, key: &CellKey, kind: &'static StudyKind, findings: Findings, cost: Cost) -> Outcome {
    let failed = |reason: String| without_curve(plan, key, Status::Failed, reason, cost);
    if let Some(reading) =
        findings.numbers.iter().find(|reading| kind.numbers.iter().all(|number| number.id != reading.id))
    {
        return failed(format!("internal error: `{}` is no number of the study `{}`", reading.id, kind.id));
    }
    let metrics = plan.metrics().iter().map(|measure| metric(*measure, kind, &findings, cost)).collect();
    let iterations = u32::try_from(findings.iterations).unwrap_or(u32::MAX);
    let series: Vec<SeriesRecord> = findings.series.into_iter().map(series_record).collect();
    let series = (!series.is_empty()).then(|| SeriesFile::new(series));
    let series_sha256 = match series.as_ref().map(SeriesFile::sha256).transpose() {
        Ok(sha256) => sha256,
        Err(error) => return failed(format!("internal error: {error}")),
    };
    let record = CellRecord {
        format: FORMAT,
        key: key.clone(),
        status: Status::Ok,
        reason: None,
        stop: None,
        iterations,
        evaluations: counts(cost.evaluations),
        lambda_norm: None,
        reduction: None,
        metrics,
        curve_sha256: None,
        series_sha256,
    };
    Outcome::Finished(Box::new(Finished { record, curve: None, series, timing: timing(&cost) }))
}

/// A metric of a study: its number, what it cost, or why there is none.
fn metric(measure: Measure, kind: &StudyKind, findings: &Findings, cost: Cost) -> MetricRecord {
    let id = measure.id();
    let exact =
        |value: f64| MetricRecord { id: id.to_owned(), value: Some(value), std_err: None, reason: None };
    match measure {
        Measure::Study(_) if kind.numbers.iter().all(|number| number.id != id) => {
            absent(id, &format!("a `{}` study has no such number", kind.id))
        }
        Measure::Study(_) => match findings.numbers.iter().find(|reading| reading.id == id) {
            Some(reading) => match &reading.value {
                Ok(value) if value.is_finite() => exact(*value),
                Ok(_) => absent(id, "the value is not finite"),
                Err(reason) => absent(id, reason),
            },
            None => absent(id, "the study did not come to it"),
        },
        Measure::Curve(_) => match work(id, findings.iterations, cost.evaluations) {
            Some(count) => exact(count as f64),
            None => absent(id, "it is a number about curves, and this is a study"),
        },
        Measure::Sample(_) => absent(id, "it is a number about samples, and this is a study"),
    }
}

/// What is counted of every cell, whatever it does.
fn work(id: &str, iterations: u64, evaluations: Evaluations) -> Option<u64> {
    match id {
        "evaluations" => Some(evaluations.total()),
        "evaluations-value" => Some(evaluations.values),
        "evaluations-gradient" => Some(evaluations.gradients),
        "iterations" => Some(iterations),
        _ => None,
    }
}

fn series_record(series: Series) -> SeriesRecord {
    let columns =
        series.columns.into_iter().map(|column| ColumnRecord { name: column.name, unit: column.unit });
    // JSON has neither NaN nor infinity.
    let number = |x: &f64| Some(*x).filter(|x| x.is_finite());
    SeriesRecord {
        id: series.id,
        label: series.label,
        columns: columns.collect(),
        values: series.values.rows().into_iter().map(|row| row.iter().map(number).collect()).collect(),
    }
}
