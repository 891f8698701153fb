//! Curves over the log-density of a model in the plane.

use super::curves::{Curves, NamedCurve, curve_style, ends};
use super::palette::{Ramp, method_style};
use super::picture::{Bar, Heat, Key, Marker, Panel, Picture, PictureAxis, Series, Spot};
use super::scale::Span;
use super::shape::Raster;
use crate::ReportError;
use likely_record::{CurveRecord, FieldRecord, FigureRecord, Run};

/// Nats below the highest log-density that still have a colour of their own.
const DEPTH: f64 = 12.0;

/// The figure of one pair of end points: one panel a model.
pub(crate) fn density_curves(
    run: &Run,
    record: &FigureRecord,
    methods: &[String],
    pair: Option<&str>,
    points: bool,
) -> Result<Picture, ReportError> {
    let curves = Curves::of(run, methods, pair)?;
    let mut panels = Vec::new();
    for (model, named) in &curves.models {
        let series: Vec<Series> = named
            .iter()
            .map(|NamedCurve { name, style, curve }| {
                let spots = spots(&record.id, name, curve)?;
                Ok(Series { name: name.clone(), style: *style, spots, aside: 0.0 })
            })
            .collect::<Result<_, ReportError>>()?;
        let field = run.presentation.fields.iter().find(|field| field.model == *model);
        if series.is_empty() && field.is_none() {
            continue;
        }
        let axes = field.map_or_else(|| ["x₁".to_owned(), "x₂".to_owned()], |field| field.axes.clone());
        panels.push(panel(&record.id, model, field, points, series, &axes)?);
    }
    let mut picture = finish(record.id.clone(), record.title.clone(), panels, run.presentation.fields.iter());
    picture.legend = curves.legend;
    if points && run.presentation.fields.iter().any(|field| !field.points.is_empty()) {
        picture.legend.push(Key::Dot("data".to_owned()));
    }
    picture.notes = curves.notes;
    Ok(picture)
}

/// A picture of given curves over one field, for points of one's own.
pub(crate) fn curve_picture(
    field: Option<&FieldRecord>,
    curves: &[(String, &CurveRecord)],
    axes: &[String; 2],
) -> Result<Picture, ReportError> {
    let id = "curve";
    let mut series = Vec::new();
    for (place, (name, curve)) in curves.iter().enumerate() {
        let style = curve_style(method_style(place).colour, place);
        series.push(Series { name: name.clone(), style, spots: spots(id, name, curve)?, aside: 0.0 });
    }
    let legend: Vec<Key> = series.iter().map(|series| Key::Line(series.name.clone(), series.style)).collect();
    let title = field.map_or(String::new(), |field| field.model.clone());
    let panels = vec![panel(id, &title, field, true, series, axes)?];
    let mut picture = finish(id.to_owned(), String::new(), panels, field.into_iter());
    picture.legend = legend;
    picture.legend.extend(ends());
    if field.is_some_and(|field| !field.points.is_empty()) {
        picture.legend.push(Key::Dot("data".to_owned()));
    }
    Ok(picture)
}

fn spots(figure: &str, name: &str, curve: &CurveRecord) -> Result<Vec<Spot>, ReportError> {
    if curve.dim != 2 || curve.values.len() != 2 * curve.points {
        return Err(ReportError::CurveShape { label: name.to_owned(), dim: curve.dim, needed: 2 });
    }
    if curve.values.iter().any(|value| !value.is_finite()) {
        let place = format!("the curve `{name}`");
        return Err(ReportError::NotFinite { figure: figure.to_owned(), place });
    }
    Ok(curve.values.chunks_exact(2).map(|point| Spot::new(point[0], point[1])).collect())
}

fn panel(
    figure: &str,
    title: &str,
    field: Option<&FieldRecord>,
    points: bool,
    series: Vec<Series>,
    axes: &[String; 2],
) -> Result<Panel, ReportError> {
    let not_finite = |place: String| ReportError::NotFinite { figure: figure.to_owned(), place };
    let dots: Vec<[f64; 2]> = field.filter(|_| points).map(|field| field.points.clone()).unwrap_or_default();
    if dots.iter().flatten().any(|coordinate| !coordinate.is_finite()) {
        return Err(not_finite(format!("the points of `{title}`")));
    }
    let mut edges = match field {
        Some(field) => {
            let grid = &field.grid;
            let edges = [grid.x_min, grid.y_min, grid.x_max, grid.y_max];
            let good = edges.iter().all(|edge| edge.is_finite())
                && grid.x_max > grid.x_min
                && grid.y_max > grid.y_min
                && (grid.x_max - grid.x_min).is_finite()
                && (grid.y_max - grid.y_min).is_finite();
            if !good {
                return Err(not_finite(format!("the grid of `{title}`")));
            }
            edges
        }
        None => [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY],
    };
    let mut beyond = field.is_none();
    for [x, y] in series.iter().flat_map(|series| series.spots.iter().map(|spot| [spot.x, spot.y])) {
        beyond |= x < edges[0] || y < edges[1] || x > edges[2] || y > edges[3];
        edges = [edges[0].min(x), edges[1].min(y), edges[2].max(x), edges[3].max(y)];
    }
    let (x, y) = if beyond {
        // A curve that leaves the grid, or no grid at all: some room around everything.
        let span = |low, high| Span::holding(likely_record::Scale::Linear, [low, high].into_iter());
        (span(edges[0], edges[2]), span(edges[1], edges[3]))
    } else {
        (Span::exact(edges[0], edges[2]), Span::exact(edges[1], edges[3]))
    };
    let (Some(x), Some(y)) = (x, y) else {
        return Err(not_finite(format!("the range of `{title}`")));
    };
    let aspect = (edges[3] - edges[1]) / (edges[2] - edges[0]);
    let aspect = if aspect.is_finite() { aspect.clamp(0.55, 1.0) } else { 0.75 };
    let marks = series
        .first()
        .and_then(|series| Some((series.spots.first()?, series.spots.last()?)))
        .map(|(first, last)| vec![(Marker::Circle, [first.x, first.y]), (Marker::Square, [last.x, last.y])])
        .unwrap_or_default();
    Ok(Panel {
        title: title.to_owned(),
        x: PictureAxis { title: axes[0].clone(), span: x },
        y: PictureAxis { title: axes[1].clone(), span: y },
        aspect,
        heat: field.map(heat).transpose()?,
        dots,
        levels: Vec::new(),
        contours: Vec::new(),
        series,
        marks,
        solid: None,
    })
}

/// The field's numbers as grey levels; [`finish`] colours them once the common range is known.
fn heat(field: &FieldRecord) -> Result<Heat, ReportError> {
    let grid = &field.grid;
    if grid.columns.checked_mul(grid.rows) != Some(field.log_density.len()) || field.log_density.is_empty() {
        return Err(ReportError::FieldSize {
            model: field.model.clone(),
            columns: grid.columns,
            rows: grid.rows,
            found: field.log_density.len(),
        });
    }
    let raster = Raster { columns: grid.columns, rows: grid.rows, rgb: Vec::new() };
    let edges = [grid.x_min, grid.y_min, grid.x_max, grid.y_max];
    Ok(Heat { raster, edges, ramp: Ramp::Density, bar: None })
}

/// Colours the fields of all panels in one range, so that panels can be compared.
fn finish<'a>(
    id: String,
    title: String,
    mut panels: Vec<Panel>,
    fields: impl Iterator<Item = &'a FieldRecord>,
) -> Picture {
    let fields: Vec<&FieldRecord> =
        fields.filter(|field| panels.iter().any(|panel| panel.title == field.model)).collect();
    let (low, high, open_below) =
        nats_range(fields.iter().flat_map(|field| field.log_density.iter().copied()));
    for panel in &mut panels {
        let field = fields.iter().find(|field| field.model == panel.title);
        if let (Some(heat), Some(field)) = (&mut panel.heat, field) {
            heat.raster.rgb = (0..field.grid.rows)
                .rev()
                .flat_map(|row| &field.log_density[row * field.grid.columns..(row + 1) * field.grid.columns])
                .flat_map(|value| Ramp::Density.colour((value - low) / (high - low)).rgb)
                .collect();
        }
    }
    let bar = (!fields.is_empty()).then(|| Bar {
        title: "log-density (nats)".to_owned(),
        low,
        high,
        open_below,
        ramp: Ramp::Density,
    });
    Picture { id, title, panels, legend: Vec::new(), bar, notes: Vec::new() }
}

/// The range of colours for log-densities, and whether smaller ones share its lowest colour.
pub(crate) fn nats_range(values: impl Iterator<Item = f64>) -> (f64, f64, bool) {
    let (lowest, highest) = values
        .filter(|value| value.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    let high = if highest.is_finite() { highest } else { 0.0 };
    let low = lowest.max(((high - DEPTH) / 2.0).floor() * 2.0).min(high - 1e-6 * high.abs().max(1.0));
    (low, high, lowest < low)
}
