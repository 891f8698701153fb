//! Geometries that a spec names: those that models stand on, and those that methods derive from a density.

use super::Step::{Item, Key};
use super::check::{check_labels, config_of, unknown};
use super::wire::{WireDerived, WireMethod, WireSpec, WireStudy, WireSurface};
use super::{Document, SpecError, Step};
use likely_core::Geometry;
use likely_geometries::Derive;
use likely_methods::Interpolator;
use likely_studies::Study;
use std::fmt;
use std::sync::Arc;

/// Most rows and columns of the mesh of a surface.
const MOST_MESH: u32 = 1000;

/// A geometry that a spec names, built.
#[derive(Clone)]
pub(crate) struct GeometrySpec {
    pub(crate) label: String,
    pub(crate) geometry: Arc<dyn Geometry>,
    pub(crate) surface: WireSurface,
    /// The kind with its configuration, for people.
    pub(crate) words: String,
}

impl fmt::Debug for GeometrySpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GeometrySpec")
            .field("label", &self.label)
            .field("words", &self.words)
            .finish_non_exhaustive()
    }
}

/// Builds every geometry and writes its defaults into the keys.
pub(super) fn check_geometries(
    document: &Document,
    wire: &mut WireSpec,
) -> Result<Vec<GeometrySpec>, SpecError> {
    let labels: Vec<&str> = wire.geometry.iter().map(|geometry| geometry.label.as_str()).collect();
    check_labels(document, "geometry", "label", &labels)?;
    let mut geometries = Vec::with_capacity(wire.geometry.len());
    for (i, geometry) in wire.geometry.iter_mut().enumerate() {
        let section = [Key("geometry"), Item(i)];
        let kind = likely_geometries::find(&geometry.kind).ok_or_else(|| {
            let accepted = likely_geometries::ALL.iter().map(|kind| kind.id.to_owned()).collect();
            let steps = [section[0], section[1], Key("kind")];
            unknown(document, &steps, "kind of geometry", &geometry.kind, accepted)
        })?;
        let built = (kind.build)(config_of(document, section))
            .map_err(|error| document.explain_in(&error, &[section[0], section[1], Key("config")]))?;
        let surface = geometry.surface.clone().unwrap_or_default();
        check_surface(document, i, &surface)?;
        geometry.config = built.resolved;
        geometries.push(GeometrySpec {
            label: geometry.label.clone(),
            geometry: Arc::from(built.geometry),
            surface,
            words: words(kind.id, &geometry.config),
        });
    }
    Ok(geometries)
}

fn words(kind: &str, config: &toml::Table) -> String {
    let entries: Vec<String> = config.iter().map(|(key, value)| format!("{key} = {value}")).collect();
    if entries.is_empty() { kind.to_owned() } else { format!("{kind}, {}", entries.join(", ")) }
}

fn check_surface(document: &Document, i: usize, surface: &WireSurface) -> Result<(), SpecError> {
    let wrong = |key: &'static str, reason: String| SpecError::WrongValue {
        place: document.at(&[Key("geometry"), Item(i), Key("surface"), Key(key)]),
        key: format!("geometry[{i}].surface.{key}"),
        reason,
    };
    for (key, range) in [("u", surface.u), ("v", surface.v)] {
        if let Some([low, high]) = range.filter(|[low, high]| low >= high) {
            return Err(wrong(key, format!("found [{low}, {high}], expected the smaller number first")));
        }
    }
    for (key, count) in [("rows", surface.rows), ("columns", surface.columns)] {
        if let Some(count) = count.filter(|count| !(2..=MOST_MESH).contains(count)) {
            return Err(wrong(key, format!("found {count}, expected 2 to {MOST_MESH}")));
        }
    }
    Ok(())
}

/// Index of the geometry that a model names.
pub(super) fn of_model(
    document: &Document,
    model: usize,
    label: Option<&String>,
    geometries: &[GeometrySpec],
) -> Result<Option<usize>, SpecError> {
    let find = |label: &String| {
        geometries.iter().position(|geometry| geometry.label == *label).ok_or_else(|| {
            let accepted = geometries.iter().map(|geometry| geometry.label.clone()).collect();
            unknown(document, &[Key("model"), Item(model), Key("geometry")], "geometry", label, accepted)
        })
    };
    label.map(find).transpose()
}

/// Builds the geometry that a method derives from the density, and writes its defaults into the keys.
pub(super) fn of_method(
    document: &Document,
    i: usize,
    method: &mut WireMethod,
    interpolator: &dyn Interpolator,
) -> Result<Option<Arc<dyn Derive>>, SpecError> {
    let Some(derived) = &mut method.geometry else { return Ok(None) };
    let steps = [Key("method"), Item(i), Key("geometry")];
    // One interior point, and it is looked at not even once: a formula, whatever the geometry.
    if interpolator.evaluations_at_most(2) == 0 {
        return Err(SpecError::NoSolver {
            place: document.at(&steps),
            method: method.label.clone(),
            kind: method.kind.clone(),
        });
    }
    derived_of(document, steps, derived).map(Some)
}

/// Builds the geometry that a study finds its curves in, and writes its defaults into the keys.
pub(super) fn of_study(
    document: &Document,
    i: usize,
    wire: &mut WireStudy,
    study: &dyn Study,
) -> Result<Option<Arc<dyn Derive>>, SpecError> {
    let Some(derived) = &mut wire.geometry else { return Ok(None) };
    let steps = [Key("study"), Item(i), Key("geometry")];
    if !study.takes_derived() {
        return Err(SpecError::WrongValue {
            place: document.at(&steps),
            key: format!("study[{i}].geometry"),
            reason: format!(
                "`{}` with this configuration works on the background of the model; leave the geometry out",
                wire.kind
            ),
        });
    }
    derived_of(document, steps, derived).map(Some)
}

fn derived_of(
    document: &Document,
    steps: [Step<'static>; 3],
    derived: &mut WireDerived,
) -> Result<Arc<dyn Derive>, SpecError> {
    let kind = likely_geometries::find_derived(&derived.kind).ok_or_else(|| {
        let accepted = likely_geometries::DERIVED.iter().map(|kind| kind.id.to_owned()).collect();
        let steps = [steps[0], steps[1], steps[2], Key("kind")];
        unknown(document, &steps, "kind of derived geometry", &derived.kind, accepted)
    })?;
    let config = [steps[0], steps[1], steps[2], Key("config")];
    let built =
        (kind.build)(document.table(&config)).map_err(|error| document.explain_in(&error, &config))?;
    derived.config = built.resolved;
    Ok(Arc::from(built.derive))
}
