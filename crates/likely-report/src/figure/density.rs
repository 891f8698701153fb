//! Curves over the log-density of a model in the plane.

use super::palette::{INK, dash, density, line_width, method_style, sequence};
use super::picture::{Bar, Heat, Key, Marker, Panel, Picture, PictureAxis, Series, Spot, Style};
use super::scale::Span;
use super::shape::{Colour, Raster};
use crate::ReportError;
use crate::axis_value::AxisValue;
use crate::group::{Row, rows};
use crate::number::count;
use likely_record::{Axis, CurveRecord, FieldRecord, FigureRecord, Run};
use std::collections::BTreeSet;

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
    let all = rows(run);
    let places = method_places(&all);
    let shown: Vec<Row<'_>> = all
        .iter()
        .filter(|row| methods.is_empty() || methods.contains(&row.key.method))
        .filter(|row| pair.is_none_or(|pair| row.key.pair == pair))
        .copied()
        .collect();
    let mut models: Vec<&str> = Vec::new();
    for row in &shown {
        if !models.contains(&row.key.model.as_str()) {
            models.push(&row.key.model);
        }
    }
    let weights: BTreeSet<AxisValue> = shown
        .iter()
        .filter(|row| row.key.lambda.is_some())
        .map(|row| AxisValue::of(Axis::Lambda, row.key))
        .collect();
    let mut weights: Vec<AxisValue> = weights.into_iter().collect();
    weights.sort_by(|a, b| a.as_number().unwrap_or(0.0).total_cmp(&b.as_number().unwrap_or(0.0)));
    let names: BTreeSet<(usize, &str)> = shown
        .iter()
        .filter(|row| has_curve(row))
        .map(|row| (place_of(&places, &row.key.method), row.key.method.as_str()))
        .collect();
    let bare: Vec<&str> = names
        .iter()
        .map(|&(_, name)| name)
        .filter(|name| shown.iter().any(|row| row.key.method == *name && row.key.lambda.is_none()))
        .collect();
    let look = |row: &Row<'_>| {
        let place = names.iter().position(|&(_, name)| name == row.key.method).unwrap_or(0);
        let rank = weights.iter().position(|weight| *weight == AxisValue::of(Axis::Lambda, row.key));
        let colour = match rank {
            Some(rank) => sequence(rank as f64 / (weights.len().max(2) - 1) as f64),
            None if bare.len() == 1 && !weights.is_empty() => INK,
            None => method_style(place_of(&places, &row.key.method)).colour,
        };
        curve_style(colour, if names.len() > 1 { place } else { 0 })
    };

    let mut panels = Vec::new();
    let (mut stopped, mut drawn, mut absent) = (0, 0, Vec::new());
    for model in models {
        let of_model: Vec<&Row<'_>> = shown.iter().filter(|row| row.key.model == model).collect();
        let Some(first) = of_model.first() else { continue };
        let of_pair = of_model.iter().filter(|row| {
            let (key, first) = (row.key, first.key);
            key.pair == first.pair && key.repetition == first.repetition && key.segments == first.segments
        });
        let mut series = Vec::new();
        for row in of_pair {
            let name = match row.key.lambda {
                Some(_) => format!(
                    "{}, {}",
                    row.key.method,
                    AxisValue::of(Axis::Lambda, row.key).label(Axis::Lambda)
                ),
                None => row.key.method.clone(),
            };
            let Some(cell) = row.cell.filter(|_| has_curve(row)) else {
                absent.push(format!("{name} on {model}"));
                continue;
            };
            drawn += 1;
            stopped += usize::from(cell.stop.as_ref().is_some_and(|stop| !stop.converged));
            let curve = run.curve(row.hash)?;
            series.push(Series {
                style: look(row),
                spots: spots(&record.id, &name, &curve)?,
                name,
                aside: 0.0,
            });
        }
        let field = run.presentation.fields.iter().find(|field| field.model == model);
        if series.is_empty() && field.is_none() {
            continue;
        }
        let axes = field.map_or_else(|| ["x₁".to_owned(), "x₂".to_owned()], |field| field.axes.clone());
        panels.push(panel(&record.id, model, field, points, series, &axes)?);
    }
    let mut picture = finish(record.id.clone(), record.title.clone(), panels, run.presentation.fields.iter());
    picture.legend = legend(
        &picture,
        &weights,
        &names.iter().map(|&(_, name)| name).collect::<Vec<_>>(),
        &bare,
        &|name| shown.iter().find(|row| row.key.method == name && row.key.lambda.is_none()).map(look),
    );
    if points && run.presentation.fields.iter().any(|field| !field.points.is_empty()) {
        picture.legend.push(Key::Dot("data".to_owned()));
    }
    if stopped > 0 {
        picture.notes.push(format!("{} of {drawn} stopped before convergence.", count(stopped, "curve")));
    }
    if !absent.is_empty() {
        picture.notes.push(format!("Without a curve: {}.", absent.join("; ")));
    }
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

/// Places of the methods among those of the run, in the order of the plan.
pub(crate) fn method_places<'a>(rows: &[Row<'a>]) -> Vec<&'a str> {
    let mut methods: Vec<&str> = Vec::new();
    for row in rows {
        if !methods.contains(&row.key.method.as_str()) {
            methods.push(&row.key.method);
        }
    }
    methods
}

pub(crate) fn place_of(places: &[&str], method: &str) -> usize {
    places.iter().position(|name| *name == method).unwrap_or(0)
}

fn has_curve(row: &Row<'_>) -> bool {
    row.cell.is_some_and(|cell| cell.curve_sha256.is_some())
}

fn curve_style(colour: Colour, place: usize) -> Style {
    Style { colour, dash: dash(place), width: line_width(place), marker: None, halo: true }
}

fn ends() -> [Key; 2] {
    [Key::Mark("start".to_owned(), Marker::Circle), Key::Mark("end".to_owned(), Marker::Square)]
}

fn legend(
    picture: &Picture,
    weights: &[AxisValue],
    names: &[&str],
    bare: &[&str],
    look: &dyn Fn(&str) -> Option<Style>,
) -> Vec<Key> {
    let mut legend = Vec::new();
    if picture.panels.iter().all(|panel| panel.series.is_empty()) {
        return legend;
    }
    for (rank, weight) in weights.iter().enumerate() {
        let colour = sequence(rank as f64 / (weights.len().max(2) - 1) as f64);
        legend.push(Key::Line(weight.label(Axis::Lambda), curve_style(colour, 0)));
    }
    if names.len() > 1 && !legend.is_empty() {
        legend.push(Key::Heading("method".to_owned()));
    }
    for (place, name) in names.iter().enumerate() {
        let plain = curve_style(INK, if names.len() > 1 { place } else { 0 });
        let style = if bare.contains(name) { look(name).unwrap_or(plain) } else { plain };
        if names.len() > 1 || weights.is_empty() {
            legend.push(Key::Line((*name).to_owned(), style));
        }
    }
    legend.extend(ends());
    legend
}

fn spots(figure: &str, name: &str, curve: &CurveRecord) -> Result<Vec<Spot>, ReportError> {
    if curve.dim != 2 || curve.values.len() != 2 * curve.points {
        return Err(ReportError::CurveShape { label: name.to_owned(), dim: curve.dim });
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
        series,
        marks,
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
    Ok(Heat { raster, edges: [grid.x_min, grid.y_min, grid.x_max, grid.y_max] })
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
    let finite =
        || fields.iter().flat_map(|field| &field.log_density).copied().filter(|value| value.is_finite());
    let highest = finite().fold(f64::NEG_INFINITY, f64::max);
    let lowest = finite().fold(f64::INFINITY, f64::min);
    let high = if highest.is_finite() { highest } else { 0.0 };
    let low = lowest.max(((high - DEPTH) / 2.0).floor() * 2.0).min(high - 1e-6 * high.abs().max(1.0));
    for panel in &mut panels {
        let field = fields.iter().find(|field| field.model == panel.title);
        if let (Some(heat), Some(field)) = (&mut panel.heat, field) {
            heat.raster.rgb = (0..field.grid.rows)
                .rev()
                .flat_map(|row| &field.log_density[row * field.grid.columns..(row + 1) * field.grid.columns])
                .flat_map(|value| density((value - low) / (high - low)).rgb)
                .collect();
        }
    }
    let bar = (!fields.is_empty()).then(|| Bar {
        title: "log-density (nats)".to_owned(),
        low,
        high,
        open_below: lowest < low,
    });
    Picture { id, title, panels, legend: Vec::new(), bar, notes: Vec::new() }
}
