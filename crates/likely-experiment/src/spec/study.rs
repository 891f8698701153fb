//! Studies that a spec names.

use super::Step::{Item, Key};
use super::check::{check_labels, check_sweep, config_of, unknown};
use super::wire::WireSpec;
use super::{Document, SpecError, geometry};
use likely_geometries::Derive;
use likely_studies::{Study, StudyKind};
use std::sync::Arc;

/// A study that a spec names, built.
#[derive(Debug, Clone)]
pub(crate) struct StudySpec {
    pub(crate) label: String,
    pub(crate) kind: &'static StudyKind,
    /// Labels of the models that it looks at; all when absent.
    pub(crate) models: Option<Vec<String>>,
    /// Makes the geometry that it finds its curves in; that of the model where absent.
    pub(crate) derive: Option<Arc<dyn Derive>>,
    pub(crate) study: Arc<dyn Study>,
    /// Weights to sweep, where the spec lists some.
    pub(crate) sweep: Option<Vec<f64>>,
}

impl StudySpec {
    /// The study at each weight that its cells carry; `sweep` replaces the weights of the spec.
    pub(crate) fn variants(&self, sweep: Option<&[f64]>) -> Vec<(Option<f64>, Arc<dyn Study>)> {
        match self.sweep.as_deref().map(|own| sweep.unwrap_or(own)) {
            None => vec![(None, self.study.clone())],
            Some(sweep) => sweep
                .iter()
                .filter_map(|&lambda| Some((Some(lambda), Arc::from(self.study.with_lambda(lambda)?))))
                .collect(),
        }
    }

    /// Whether it looks at the model.
    pub(crate) fn looks_at(&self, model: &str) -> bool {
        self.models.as_ref().is_none_or(|models| models.iter().any(|label| label == model))
    }
}

/// Builds every study and writes its defaults into the keys.
pub(super) fn check_studies(document: &Document, wire: &mut WireSpec) -> Result<Vec<StudySpec>, SpecError> {
    let labels: Vec<&str> = wire.study.iter().map(|study| study.label.as_str()).collect();
    check_labels(document, "study", "label", &labels)?;
    let models: Vec<String> = wire.model.iter().map(|model| model.label.clone()).collect();
    let mut others: Vec<String> = wire.method.iter().map(|method| method.label.clone()).collect();
    others.extend(wire.sampler.iter().map(|sampler| sampler.label.clone()));
    let mut studies = Vec::with_capacity(wire.study.len());
    for (i, study) in wire.study.iter_mut().enumerate() {
        let section = [Key("study"), Item(i)];
        let step = |key| [section[0], section[1], Key(key)];
        // Studies stand on the axis of methods, so their labels share one set of names.
        if others.contains(&study.label) {
            let place = document.at(&step("label"));
            return Err(SpecError::Repeated { place, what: "method", name: study.label.clone() });
        }
        let kind = likely_studies::find(&study.kind).ok_or_else(|| {
            let accepted = likely_studies::ALL.iter().map(|kind| kind.id.to_owned()).collect();
            unknown(document, &step("kind"), "kind of study", &study.kind, accepted)
        })?;
        check_some_models(document, section, &format!("study[{i}].models"), study.models.as_ref(), &models)?;
        let built = (kind.build)(config_of(document, section))
            .map_err(|error| document.explain_in(&error, &[section[0], section[1], Key("config")]))?;
        if let Some(sweep) = &mut study.lambda {
            check_sweep(document, sweep, &step("lambda"))?;
            if built.study.lambda().is_none() {
                let (place, label) = (document.at(&step("lambda")), study.label.clone());
                return Err(SpecError::NoWeight { place, what: "study", label, kind: kind.id });
            }
        }
        study.config = built.resolved;
        let derive = geometry::of_study(document, i, study, &*built.study)?;
        studies.push(StudySpec {
            label: study.label.clone(),
            kind,
            models: study.models.clone(),
            derive,
            study: Arc::from(built.study),
            sweep: study.lambda.clone(),
        });
    }
    Ok(studies)
}

/// A list of models, where there is one, names at least one model, and only models that there are.
pub(super) fn check_some_models(
    document: &Document,
    section: [super::Step<'_>; 2],
    key: &str,
    models: Option<&Vec<String>>,
    known: &[String],
) -> Result<(), SpecError> {
    let Some(models) = models else { return Ok(()) };
    if models.is_empty() {
        let place = document.at(&[section[0], section[1], Key("models")]);
        return Err(SpecError::Empty { place, key: key.to_owned(), what: "model" });
    }
    for (j, label) in models.iter().enumerate() {
        if !known.contains(label) {
            let steps = [section[0], section[1], Key("models"), Item(j)];
            return Err(unknown(document, &steps, "model", label, known.to_vec()));
        }
    }
    Ok(())
}
