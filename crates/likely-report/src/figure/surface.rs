//! Curves on the curved surface of a model.

use super::curves::Curves;
use super::density::nats_range;
use super::legend::shared;
use super::palette::{INK, Ramp};
use super::picture::{Bar, Key, Panel, Picture, PictureAxis, Style};
use super::scale::Span;
use super::solid::{Solid, SolidCurve, hidden_style};
use super::view::{Mesh, View};
use crate::ReportError;
use likely_record::{CurveRecord, FigureRecord, Run, SurfaceRecord};

/// What the colours are, whether or not the model is normalised.
const COLOURS: &str = "−S, minus the potential (nats)";
/// Most rows or columns of a mesh that are drawn; finer meshes are thinned.
const FINEST: usize = 161;

/// The figure of one pair of end points: one panel a model that stands on a surface.
pub(crate) fn surface_curves(
    run: &Run,
    record: &FigureRecord,
    methods: &[String],
    pair: Option<&str>,
) -> Result<Picture, ReportError> {
    let curves = Curves::of(run, methods, pair)?;
    let surfaces = &run.presentation.surfaces;
    let shown: Vec<&SurfaceRecord> = surfaces
        .iter()
        .filter(|surface| curves.models.iter().any(|(model, _)| *model == surface.model))
        .collect();
    let coloured: Vec<&&SurfaceRecord> =
        shown.iter().filter(|surface| surface.values.iter().any(Option::is_some)).collect();
    let ranges: Vec<(f64, f64)> = coloured.iter().map(|surface| known(surface)).collect();
    let common = shared(&ranges);
    let whole = bar(coloured.iter().flat_map(|surface| surface.values.iter().copied().flatten()));
    let mut picture = Picture {
        id: record.id.clone(),
        title: record.title.clone(),
        panels: Vec::new(),
        legend: curves.legend,
        bar: (common && !coloured.is_empty()).then(|| whole.clone()),
        notes: Vec::new(),
    };
    let (mut unequal, mut hidden) = (Vec::new(), false);
    for (model, named) in &curves.models {
        let Some(surface) = shown.iter().find(|surface| surface.model == *model) else {
            if !named.is_empty() {
                picture.notes.push(format!("Without a surface in space, left out: {model}."));
            }
            continue;
        };
        let own = bar(surface.values.iter().copied().flatten());
        let scale = if common { &whole } else { &own };
        let mesh = mesh(&record.id, surface, |value| (value - scale.low) / (scale.high - scale.low))?;
        let bar = mesh.shares.iter().any(Option::is_some).then_some(own).filter(|_| !common);
        let on_it: Vec<SolidCurve> = named
            .iter()
            .map(|named| {
                let points = embedded(&named.name, &named.curve)?;
                Ok(SolidCurve { style: named.style, points })
            })
            .collect::<Result<_, ReportError>>()?;
        let everything = mesh.points.iter().chain(on_it.iter().flat_map(|curve| &curve.points));
        let Some(view) = View::around(everything.copied()) else {
            let place = format!("the range of the surface of `{model}`");
            return Err(ReportError::NotFinite { figure: record.id.clone(), place });
        };
        let lines: Vec<&[[f64; 3]]> = on_it.iter().map(|curve| curve.points.as_slice()).collect();
        let view = view.facing(&mesh, &lines);
        hidden |= view.hides(&mesh, &lines);
        if !view.is_true() {
            unequal.push(model.as_str());
        }
        let axes = ["x", "y", "z"].map(str::to_owned);
        picture.panels.push(panel(model, Solid { view, mesh, curves: on_it, axes, bar }));
    }
    if hidden {
        let line = Style { colour: INK, dash: &[], width: 2.0, marker: None, halo: false };
        picture.legend.push(Key::Line("behind the surface".to_owned(), hidden_style(&line)));
    }
    if !unequal.is_empty() {
        picture.notes.push(format!("The three axes have different scales: {}.", unequal.join(", ")));
    }
    picture.notes.extend(curves.notes);
    Ok(picture)
}

/// The bar of colours that shows `values`.
fn bar(values: impl Iterator<Item = f64>) -> Bar {
    let (low, high, open_below) = nats_range(values);
    Bar { title: COLOURS.to_owned(), low, high, open_below, ramp: Ramp::Surface }
}

/// The range of a surface's colours.
fn known(surface: &SurfaceRecord) -> (f64, f64) {
    let (low, high, _) = nats_range(surface.values.iter().copied().flatten());
    (low, high)
}

fn panel(title: &str, solid: Solid) -> Panel {
    let blank = || PictureAxis { title: String::new(), span: Span::Linear { low: 0.0, high: 1.0 } };
    Panel {
        title: title.to_owned(),
        x: blank(),
        y: blank(),
        aspect: solid.aspect(),
        heat: None,
        dots: Vec::new(),
        levels: Vec::new(),
        contours: Vec::new(),
        series: Vec::new(),
        marks: Vec::new(),
        solid: Some(solid),
    }
}

/// The surface with colour shares, thinned where it is finer than a picture can show.
fn mesh(figure: &str, surface: &SurfaceRecord, share: impl Fn(f64) -> f64) -> Result<Mesh, ReportError> {
    let (rows, columns) = (surface.rows, surface.columns);
    let needed = rows.checked_mul(columns).filter(|_| rows > 1 && columns > 1);
    for (what, found) in [("points", surface.points.len()), ("values", surface.values.len())] {
        if needed != Some(found) {
            return Err(ReportError::SurfaceSize {
                model: surface.model.clone(),
                columns,
                rows,
                what,
                found,
            });
        }
    }
    if surface.points.iter().flatten().any(|coordinate| !coordinate.is_finite()) {
        let place = format!("the surface of `{}`", surface.model);
        return Err(ReportError::NotFinite { figure: figure.to_owned(), place });
    }
    let kept = |count: usize| -> Vec<usize> {
        let steps = (count - 1).min(FINEST - 1);
        // The ends stay, so that a closed surface stays closed.
        (0..=steps).map(|step| step * (count - 1) / steps).collect()
    };
    let (rows, columns) = (kept(rows), kept(columns));
    let places =
        || rows.iter().flat_map(|row| columns.iter().map(move |column| row * surface.columns + column));
    let shares = places().map(|place| surface.values[place].filter(|value| value.is_finite()).map(&share));
    Ok(Mesh {
        rows: rows.len(),
        columns: columns.len(),
        shares: shares.collect(),
        points: places().map(|place| surface.points[place]).collect(),
    })
}

/// The points of a curve in space: as embedded, or its own where it has three coordinates.
fn embedded(name: &str, curve: &CurveRecord) -> Result<Vec<[f64; 3]>, ReportError> {
    let (dim, values) = match &curve.embedded {
        Some(embedded) => (embedded.dim, &embedded.values),
        None => (curve.dim, &curve.values),
    };
    if dim != 3 || values.len() != 3 * curve.points {
        return Err(ReportError::CurveShape { label: name.to_owned(), dim, needed: 3 });
    }
    Ok(values.chunks_exact(3).map(|point| [point[0], point[1], point[2]]).collect())
}
