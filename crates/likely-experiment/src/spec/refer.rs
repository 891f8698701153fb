//! Tables, savings, rankings, figures and claims may only speak of what the spec has.

use super::Step::{Item, Key};
use super::check::{check_id, unknown};
use super::claims;
use super::{Spec, SpecError, Step, WireSpec};
use likely_record::{Axis, FigureKind, SavingRecord};
use std::collections::BTreeSet;

/// Labels of what tiers select as methods: methods and samplers.
pub(crate) fn methods(spec: &Spec) -> Vec<String> {
    spec.methods().chain(spec.samplers()).map(str::to_owned).collect()
}

/// What exists, by what it is called.
pub(super) struct Known<'a> {
    pub(super) spec: &'a Spec,
    pub(super) models: Vec<String>,
    /// Methods, samplers and studies.
    pub(super) methods: Vec<String>,
    pub(super) studies: Vec<String>,
    pub(super) pairs: Vec<String>,
}

impl Known<'_> {
    fn one(
        &self,
        steps: &[Step<'_>],
        what: &'static str,
        name: &str,
        accepted: &[String],
    ) -> Result<(), SpecError> {
        if accepted.iter().any(|known| known == name) {
            return Ok(());
        }
        Err(unknown(&self.spec.document, steps, what, name, accepted.to_vec()))
    }

    fn all(
        &self,
        steps: &[Step<'_>],
        what: &'static str,
        names: &[String],
        accepted: &[String],
    ) -> Result<(), SpecError> {
        names.iter().enumerate().try_for_each(|(i, name)| {
            let steps: Vec<_> = steps.iter().copied().chain([Item(i)]).collect();
            self.one(&steps, what, name, accepted)
        })
    }

    fn metric(&self, steps: &[Step<'_>], name: &str) -> Result<(), SpecError> {
        self.one(steps, "entry in `metrics` called", name, &self.spec.wire.metrics)
    }
}

/// Checks every reference of tables, savings, rankings, figures and claims.
pub(crate) fn check(spec: &Spec) -> Result<(), SpecError> {
    let known = Known {
        spec,
        models: spec.models().map(str::to_owned).collect(),
        methods: methods(spec).into_iter().chain(spec.studies().map(str::to_owned)).collect(),
        studies: spec.studies().map(str::to_owned).collect(),
        pairs: spec.pairs.names(),
    };
    check_ids(spec)?;
    check_tables(&known)?;
    check_savings(&known)?;
    check_rankings(&known)?;
    check_figures(&known)?;
    claims::check(&known)
}

fn check_ids(spec: &Spec) -> Result<(), SpecError> {
    let tables: Vec<&str> = spec.wire.table.iter().map(|table| table.id.as_str()).collect();
    let savings: Vec<&str> = spec.wire.saving.iter().map(|saving| saving.id.as_str()).collect();
    let rankings: Vec<&str> = spec.wire.ranking.iter().map(|ranking| ranking.id.as_str()).collect();
    let figures: Vec<&str> = spec.wire.figure.iter().map(|figure| figure.id.as_str()).collect();
    // Savings and rankings are written beside the tables, under names of the same kind.
    let (mut of_tables, mut of_figures) = (BTreeSet::new(), BTreeSet::new());
    let sections = [("table", tables), ("saving", savings), ("ranking", rankings), ("figure", figures)];
    for (section, ids) in sections {
        let seen = if section == "figure" { &mut of_figures } else { &mut of_tables };
        for (i, id) in ids.into_iter().enumerate() {
            let steps = [Key(section), Item(i), Key("id")];
            check_id(&spec.document, &format!("{section}[{i}].id"), id, &steps)?;
            if !seen.insert(id) {
                return Err(SpecError::Repeated {
                    place: spec.document.at(&steps),
                    what: match section {
                        "saving" => "table or saving",
                        "ranking" => "table, saving or ranking",
                        section => section,
                    },
                    name: id.to_owned(),
                });
            }
        }
    }
    Ok(())
}

fn check_tables(known: &Known<'_>) -> Result<(), SpecError> {
    for (i, table) in known.spec.wire.table.iter().enumerate() {
        let step = |key| [Key("table"), Item(i), Key(key)];
        known.all(&step("metrics"), "entry in `metrics` called", &table.metrics, &known.spec.wire.metrics)?;
        known.all(&step("methods"), "method", &table.methods, &known.methods)?;
        known.all(&step("models"), "model", &table.models, &known.models)?;
        if table.metrics.is_empty() {
            return Err(SpecError::Empty {
                place: known.spec.document.at(&step("metrics")),
                key: format!("table[{i}].metrics"),
                what: "metric",
            });
        }
    }
    Ok(())
}

fn check_savings(known: &Known<'_>) -> Result<(), SpecError> {
    let document = &known.spec.document;
    // What draws samples minimises nothing that could be compared.
    let solvers: Vec<String> = known.spec.methods().map(str::to_owned).collect();
    for (i, saving) in known.spec.wire.saving.iter().enumerate() {
        let step = |key| [Key("saving"), Item(i), Key(key)];
        let wrong = |steps: &[Step<'_>], key: &str, reason: &str| SpecError::WrongValue {
            place: document.at(steps),
            key: format!("saving[{i}].{key}"),
            reason: reason.to_owned(),
        };
        for metric in [SavingRecord::ENERGY, SavingRecord::EVALUATIONS] {
            if !known.spec.wire.metrics.iter().any(|measured| measured == metric) {
                let reason = format!("a saving needs `{metric}` in `metrics`");
                return Err(SpecError::WrongValue {
                    place: document.at(&step("id")[..2]),
                    key: format!("saving[{i}]"),
                    reason,
                });
            }
        }
        known.one(&step("baseline"), "method", &saving.baseline, &solvers)?;
        known.all(&step("methods"), "method", &saving.methods, &solvers)?;
        if saving.methods.is_empty() {
            return Err(SpecError::Empty {
                place: document.at(&step("methods")),
                key: format!("saving[{i}].methods"),
                what: "method",
            });
        }
        if saving.rows.is_empty() {
            return Err(SpecError::Empty {
                place: document.at(&step("rows")),
                key: format!("saving[{i}].rows"),
                what: "axis",
            });
        }
        for (j, method) in saving.methods.iter().enumerate() {
            let steps = [Key("saving"), Item(i), Key("methods"), Item(j)];
            if *method == saving.baseline {
                return Err(wrong(&steps, "methods", "a method cannot be held against itself"));
            }
            if saving.methods[..j].contains(method) {
                let place = document.at(&steps);
                return Err(SpecError::Repeated { place, what: "method", name: method.clone() });
            }
        }
        for (j, axis) in saving.rows.iter().enumerate() {
            let steps = [Key("saving"), Item(i), Key("rows"), Item(j)];
            if *axis == Axis::Method {
                return Err(wrong(&steps, "rows", "every method has rows of its own; name other axes"));
            }
            if saving.rows[..j].contains(axis) {
                return Err(wrong(&steps, "rows", "the axis stands there twice; keep one"));
            }
        }
    }
    Ok(())
}

fn check_rankings(known: &Known<'_>) -> Result<(), SpecError> {
    let document = &known.spec.document;
    for (i, ranking) in known.spec.wire.ranking.iter().enumerate() {
        let step = |key| [Key("ranking"), Item(i), Key(key)];
        let wrong = |key: &'static str, reason: String| SpecError::WrongValue {
            place: document.at(&step(key)),
            key: format!("ranking[{i}].{key}"),
            reason,
        };
        known.one(&step("method"), "method", &ranking.method, &known.methods)?;
        known.all(&step("methods"), "method", &ranking.methods, &known.methods)?;
        known.metric(&step("metric"), &ranking.metric)?;
        if ranking.methods.contains(&ranking.method) {
            return Err(wrong("methods", "a method cannot be held against itself".to_owned()));
        }
        let better =
            known.spec.metrics.iter().map(|metric| metric.meta()).find(|meta| meta.id == ranking.metric);
        if better.is_some_and(|meta| meta.better == "neither") {
            let reason =
                format!("neither a lower nor a higher `{}` is better; name another metric", ranking.metric);
            return Err(wrong("metric", reason));
        }
        if let Some(lambda) = ranking.lambda {
            let lambdas = lambdas_of(known.spec, &ranking.method);
            if !lambdas.iter().any(|known| known.to_bits() == (lambda + 0.0).to_bits()) {
                return Err(SpecError::UnknownLambda {
                    place: document.at(&step("lambda")),
                    method: ranking.method.clone(),
                    lambda,
                    accepted: lambdas.iter().map(ToString::to_string).collect(),
                });
            }
        }
        if ranking.rows.is_empty() {
            let place = document.at(&step("rows"));
            return Err(SpecError::Empty { place, key: format!("ranking[{i}].rows"), what: "axis" });
        }
        if ranking.rows.iter().any(|axis| matches!(axis, Axis::Method | Axis::Lambda)) {
            let reason = "methods at their weights are what is ranked in a row; name other axes".to_owned();
            return Err(wrong("rows", reason));
        }
    }
    Ok(())
}

/// Studies that a figure of series or pictures shows, of which there must be some.
fn check_series(
    known: &Known<'_>,
    figure: usize,
    kind: &'static str,
    studies: &[String],
) -> Result<(), SpecError> {
    let steps = [Key("figure"), Item(figure), Key("show"), Key(kind)];
    if known.studies.is_empty() {
        return Err(SpecError::WrongValue {
            place: known.spec.document.at(&steps),
            key: format!("figure[{figure}].show.{kind}"),
            reason: "series and pictures come from studies, and the spec has no `[[study]]`".to_owned(),
        });
    }
    let steps: Vec<_> = steps.into_iter().chain([Key("studies")]).collect();
    known.all(&steps, "study", studies, &known.studies)
}

fn check_figures(known: &Known<'_>) -> Result<(), SpecError> {
    for (i, figure) in known.spec.wire.figure.iter().enumerate() {
        let step = |kind, key| [Key("figure"), Item(i), Key("show"), Key(kind), Key(key)];
        match &figure.show {
            FigureKind::DensityCurves { methods, pair, points: _ } => {
                known.all(&step("density-curves", "methods"), "method", methods, &known.methods)?;
                if let Some(pair) = pair {
                    known.one(&step("density-curves", "pair"), "pair", pair, &known.pairs)?;
                }
            }
            FigureKind::Lines { y, methods, .. } => {
                known.metric(&step("lines", "y"), y)?;
                known.all(&step("lines", "methods"), "method", methods, &known.methods)?;
            }
            FigureKind::Tradeoff { x, y, methods, .. } => {
                known.metric(&step("tradeoff", "x"), x)?;
                known.metric(&step("tradeoff", "y"), y)?;
                known.all(&step("tradeoff", "methods"), "method", methods, &known.methods)?;
            }
            FigureKind::SeriesLines { y, studies, .. } => {
                check_series(known, i, "series-lines", studies)?;
                if y.is_empty() {
                    return Err(SpecError::Empty {
                        place: known.spec.document.at(&step("series-lines", "y")),
                        key: format!("figure[{i}].show.series-lines.y"),
                        what: "column",
                    });
                }
            }
            FigureKind::SeriesMap { studies, .. } => check_series(known, i, "series-map", studies)?,
            FigureKind::Pictures { studies, rows, .. } => {
                check_series(known, i, "pictures", studies)?;
                if *rows == Some(0) {
                    return Err(SpecError::Zero {
                        place: known.spec.document.at(&step("pictures", "rows")),
                        key: format!("figure[{i}].show.pictures.rows"),
                    });
                }
            }
            FigureKind::SurfaceCurves { methods, pair } => {
                known.all(&step("surface-curves", "methods"), "method", methods, &known.methods)?;
                if let Some(pair) = pair {
                    known.one(&step("surface-curves", "pair"), "pair", pair, &known.pairs)?;
                }
                if known.spec.models.iter().all(|model| model.geometry.is_none()) {
                    return Err(SpecError::WrongValue {
                        place: known.spec.document.at(&step("surface-curves", "methods")[..4]),
                        key: format!("figure[{i}].show.surface-curves"),
                        reason: "no model names a `geometry`, so there is no surface to draw on".to_owned(),
                    });
                }
            }
        }
    }
    Ok(())
}

pub(super) fn lambdas_of(spec: &Spec, label: &str) -> Vec<f64> {
    let of_method = spec.methods.iter().find(|method| method.label == label).map(super::MethodSpec::lambdas);
    let swept = |study: &super::StudySpec| study.sweep.clone().unwrap_or_default();
    let of_study = || spec.studies.iter().find(|study| study.label == label).map(swept);
    of_method.or_else(of_study).unwrap_or_default()
}

/// The keys of the spec with the weight written into every claim about a method that has just one.
pub(crate) fn fill_claims(spec: &Spec) -> WireSpec {
    let mut wire = spec.wire.clone();
    for claim in &mut wire.claim {
        claim.lambda = match claim.lambda {
            Some(lambda) => Some(lambda + 0.0),
            None => lambdas_of(spec, &claim.method).first().copied(),
        };
    }
    wire
}
