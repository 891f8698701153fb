//! The cell of a study.

use super::cell::{Cost, Finished, Outcome, absent, counts, noise, timing, without_curve};
use super::picture::picture_file;
use crate::Plan;
use crate::plan::PlannedModel;
use crate::spec::{Measure, Reveal};
use cpu_time::ThreadTime;
use likely_core::{Counted, Evaluations, ImageSpace};
use likely_geometries::{Derive, Origin};
use likely_methods::InterpolateError;
use likely_record::{
    CellKey, CellRecord, ColumnRecord, FORMAT, MetricRecord, SeriesFile, SeriesRecord, Status,
};
use likely_studies::{Findings, ImagesOf, Pair, Series, Study, StudyError, StudyKind, Subject};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// A study, and the geometry that it finds its curves in, where that is not the one of the model.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) kind: &'static StudyKind,
    pub(super) study: &'a dyn Study,
    pub(super) derive: Option<&'a dyn Derive>,
}

/// Asks a study about a model; what it evaluates is counted.
pub(super) fn answer(
    plan: &Plan,
    key: &CellKey,
    model: usize,
    asked: Asked<'_>,
    stop: &AtomicBool,
) -> Outcome {
    let Asked { kind, study, derive } = asked;
    let model = plan.model(model);
    let counted = Counted::new(&*model.potential);
    let pairs = pairs_of(model);
    // A geometry that is made of the density costs what the density costs.
    let decoder = model.images.as_deref().and_then(ImageSpace::decoder);
    let origin = Origin { potential: &counted, decoder: decoder.as_deref() };
    let derived = match derive.map(|derive| derive.over(origin)).transpose() {
        Ok(derived) => derived,
        Err(reason) => return without_curve(plan, key, Status::Skipped, reason, Cost::default()),
    };
    let subject = Subject {
        geometry: &*model.geometry,
        derived: derived.as_deref(),
        potential: &counted,
        score_only: model.reveal == Reveal::Score,
        points: model.points(),
        typical: model.typical_potentials(),
        pairs: &pairs,
        images: images_of(plan, model),
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

/// The images that points of the model stand for, where the spec names some to look at.
fn images_of<'a>(plan: &'a Plan, model: &'a PlannedModel) -> Option<ImagesOf<'a>> {
    let (space, held_out) = model.images.as_deref().zip(plan.images())?;
    Some(ImagesOf {
        space,
        held_out: held_out.rows.view(),
        labels: held_out.labels.as_deref(),
        classes: &held_out.classes,
        network: held_out.network.as_deref(),
        training: held_out.training.as_ref().map(|rows| rows.view()),
        kept: &model.kept,
    })
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
    let pictures = findings.pictures.iter().map(picture_file).collect::<Result<Vec<_>, _>>();
    let pictures = match pictures {
        Ok(pictures) => pictures,
        Err(reason) => return failed(format!("internal error: {reason}")),
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
        pictures: pictures.iter().map(|picture| picture.record().clone()).collect(),
    };
    Outcome::Finished(Box::new(Finished { record, curve: None, series, pictures, timing: timing(&cost) }))
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
                Ok(value) if value.is_finite() => {
                    let known = findings.std_errs.iter().find(|(of, _)| *of == id).map(|(_, error)| *error);
                    MetricRecord { std_err: known.filter(|error| error.is_finite()), ..exact(*value) }
                }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Work;
    use crate::run::cell::run_cell;
    use crate::{PlanOptions, Spec, Tier};
    use likely_models::OpenDevice;
    use likely_studies::{BuiltStudy, Column, Config, Number, Observer, Reading};
    use ndarray::array;
    use rand_chacha::ChaCha8Rng;
    use std::path::Path;
    use std::sync::Arc;

    const NUMBER: Number =
        Number { id: "typical-level", unit: "1", better: "neither", definition: "A number of this test." };
    const KIND: StudyKind = StudyKind {
        id: "double",
        summary: "A study of this test.",
        source: "here",
        numbers: &[NUMBER],
        build: |_: Config<'_>| -> Result<BuiltStudy, toml::de::Error> { unreachable!("it is made below") },
    };

    /// A study that answers in one way.
    #[derive(Debug, Clone, Copy)]
    enum Double {
        Panics,
        AnswersWithAStranger,
        AnswersWithNaN,
        AnswersNothing,
        SeriesOfTwoWidths,
        SeriesWithGaps,
        NeedsMore,
        Breaks,
    }

    impl Study for Double {
        fn evaluations_at_most(&self, _: usize) -> u64 {
            1
        }

        fn answer(
            &self,
            subject: &Subject<'_>,
            _: &mut ChaCha8Rng,
            _: Observer<'_>,
        ) -> Result<Findings, StudyError> {
            subject.potential.value(array![[0.5, 0.5, 0.5, 0.5, 0.5]].view())?;
            let number = |id, value| vec![Reading { id, value: Ok(value) }];
            let series = |columns: usize| Series {
                id: "s".to_owned(),
                label: "l".to_owned(),
                columns: vec![Column { name: "x".to_owned(), unit: String::new() }; columns],
                values: array![[1.0, f64::NAN], [f64::INFINITY, -0.0]],
            };
            match self {
                Self::Panics => panic!("index 7 is out of range"),
                Self::AnswersWithAStranger => {
                    Ok(Findings { numbers: number("stranger", 1.0), ..Findings::default() })
                }
                Self::AnswersWithNaN => {
                    Ok(Findings { numbers: number(NUMBER.id, f64::NAN), ..Findings::default() })
                }
                Self::AnswersNothing => Ok(Findings { iterations: u64::MAX, ..Findings::default() }),
                Self::SeriesOfTwoWidths => Ok(Findings { series: vec![series(3)], ..Findings::default() }),
                Self::SeriesWithGaps => {
                    let (numbers, series) = (number(NUMBER.id, 2.5), vec![series(2)]);
                    Ok(Findings { numbers, series, iterations: 3, ..Findings::default() })
                }
                Self::NeedsMore => Err(StudyError::Unsupported { reason: "it needs data".to_owned() }),
                Self::Breaks => Err(StudyError::Interrupted),
            }
        }
    }

    fn outcome(double: Double) -> Outcome {
        let text = r#"
id = "doubles"
version = 1
title = "Studies that misbehave"
segments = 4
seed = 1
metrics = ["typical-level", "evaluations", "iterations"]
[[model]]
label = "Prior"
kind = "chi-square-norm"
config = { dim = 5 }
[[study]]
kind = "typical-weight"
label = "Double"
"#;
        let spec = Spec::from_toml(Path::new("doubles.toml"), text).unwrap();
        let options =
            PlanOptions { program_sha256: String::new(), fields: false, device: OpenDevice::cpu().clone() };
        let plan = Plan::new(&spec, Tier::Full, &options).unwrap();
        let (planned, _) = plan.cells().next().unwrap();
        let work = Work::Study { model: 0, kind: &KIND, study: Arc::new(double), derive: None };
        run_cell(&plan, planned, &work, &AtomicBool::new(false))
    }

    fn finished(double: Double) -> Finished {
        match outcome(double) {
            Outcome::Finished(finished) => *finished,
            Outcome::Interrupted => panic!("nobody asked to stop"),
        }
    }

    #[test]
    fn what_a_bad_study_does_is_a_row_that_says_so() {
        let cases = [
            (Double::Panics, Status::Failed, "internal error, please report it: index 7 is out of range"),
            (
                Double::AnswersWithAStranger,
                Status::Failed,
                "internal error: `stranger` is no number of the study `double`",
            ),
            (
                Double::SeriesOfTwoWidths,
                Status::Failed,
                "row 0 of the series `s` has 2 numbers where there are 3",
            ),
            (Double::NeedsMore, Status::Skipped, "it needs data"),
        ];
        for (double, status, words) in cases {
            let found = finished(double);
            assert_eq!((found.record.status, found.series.is_none()), (status, true), "{double:?}");
            assert!(found.record.reason.unwrap().contains(words), "{double:?}");
        }
        assert!(matches!(outcome(Double::Breaks), Outcome::Interrupted));
    }

    #[test]
    fn numbers_that_are_missing_have_a_reason_and_gaps_of_series_are_kept() {
        let reason = |double| finished(double).record.metrics[0].reason.clone();
        assert_eq!(reason(Double::AnswersWithNaN).as_deref(), Some("the value is not finite"));
        assert_eq!(reason(Double::AnswersNothing).as_deref(), Some("the study did not come to it"));
        assert_eq!(finished(Double::AnswersNothing).record.iterations, u32::MAX);
        let found = finished(Double::SeriesWithGaps);
        let values: Vec<_> = found.record.metrics.iter().map(|metric| metric.value).collect();
        assert_eq!(values, [Some(2.5), Some(1.0), Some(3.0)]);
        let series = found.series.unwrap();
        assert_eq!(series.series[0].values, [[Some(1.0), None], [None, Some(-0.0)]]);
        assert_eq!(found.record.series_sha256, Some(series.sha256().unwrap()));
    }
}
