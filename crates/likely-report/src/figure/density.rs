//! Curves over the log-density of a model in the plane.

use super::curves::{Curves, NamedCurve, curve_style, ends};
use super::legend::shared;
use super::palette::{Ramp, method_style};
use super::picture::{Bar, Heat, Key, Marker, Panel, Picture, PictureAxis, Series, Spot};
use super::scale::Span;
use super::shape::Raster;
use crate::ReportError;
use likely_record::{CurveRecord, FieldRecord, FigureRecord, Run};

/// Nats below the highest log-density that still have a colour of their own.
const DEPTH: f64 = 12.0;
/// Share of the extent of a field by which a panel grows on any side, at most, to show a curve that leaves it.
const GROWTH: f64 = 0.4;

/// The figure of one pair of end points: one panel a model.
pub(crate) fn density_curves(
    run: &Run,
    record: &FigureRecord,
    methods: &[String],
    pair: Option<&str>,
    points: bool,
) -> Result<Picture, ReportError> {
    let curves = Curves::of(run, methods, pair)?;
    let (mut panels, mut left) = (Vec::new(), Vec::new());
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
        let (panel, cut) = panel(&record.id, model, field, points, series, &axes)?;
        left.extend(cut.into_iter().map(|name| format!("{name} on {model}")));
        panels.push(panel);
    }
    let mut picture = finish(record.id.clone(), record.title.clone(), panels, run.presentation.fields.iter());
    picture.legend = curves.legend;
    if points && run.presentation.fields.iter().any(|field| !field.points.is_empty()) {
        picture.legend.push(Key::Dot("data".to_owned()));
    }
    picture.notes = curves.notes;
    if !left.is_empty() {
        picture.notes.push(format!("Cut where it leaves the picture: {}.", left.join("; ")));
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
    let (panel, cut) = panel(id, &title, field, true, series, axes)?;
    let mut picture = finish(id.to_owned(), String::new(), vec![panel], field.into_iter());
    if !cut.is_empty() {
        picture.notes.push(format!("Cut where it leaves the picture: {}.", cut.join("; ")));
    }
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

/// The panel of a field with its curves, and the names of those that it cuts because they go too far.
fn panel(
    figure: &str,
    title: &str,
    field: Option<&FieldRecord>,
    points: bool,
    mut series: Vec<Series>,
    axes: &[String; 2],
) -> Result<(Panel, Vec<String>), ReportError> {
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
    let room = [GROWTH * (edges[2] - edges[0]), GROWTH * (edges[3] - edges[1])];
    let most = [edges[0] - room[0], edges[1] - room[1], edges[2] + room[0], edges[3] + room[1]];
    let mut cut = Vec::new();
    for one in &series {
        let far = |spot: &Spot| spot.x < most[0] || spot.y < most[1] || spot.x > most[2] || spot.y > most[3];
        if field.is_some() && one.spots.iter().any(far) {
            cut.push(one.name.clone());
            continue;
        }
        for spot in &one.spots {
            beyond |= spot.x < edges[0] || spot.y < edges[1] || spot.x > edges[2] || spot.y > edges[3];
            edges = [edges[0].min(spot.x), edges[1].min(spot.y), edges[2].max(spot.x), edges[3].max(spot.y)];
        }
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
    for one in series.iter_mut().filter(|one| cut.contains(&one.name)) {
        one.spots = within(&one.spots, edges);
    }
    let panel = Panel {
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
    };
    Ok((panel, cut))
}

/// The parts of a line within a box, with gaps where it is outside.
fn within(spots: &[Spot], [left, low, right, high]: [f64; 4]) -> Vec<Spot> {
    let mut parts = Vec::new();
    for pair in spots.windows(2) {
        let ([x, y], [dx, dy]) = ([pair[0].x, pair[0].y], [pair[1].x - pair[0].x, pair[1].y - pair[0].y]);
        // Liang and Barsky 1984: the times at which the segment crosses each edge.
        let (mut enter, mut leave) = (0.0_f64, 1.0_f64);
        for (step, room) in [(-dx, x - left), (dx, right - x), (-dy, y - low), (dy, high - y)] {
            if step < 0.0 {
                enter = enter.max(room / step);
            } else if step > 0.0 {
                leave = leave.min(room / step);
            } else if room < 0.0 {
                leave = f64::NEG_INFINITY;
            }
        }
        if enter >= leave {
            continue;
        }
        let at = |t: f64| Spot::new(x + t * dx, y + t * dy);
        if enter > 0.0 || parts.is_empty() {
            parts.push(Spot::new(f64::NAN, f64::NAN));
            parts.push(at(enter));
        }
        parts.push(at(leave));
    }
    parts
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

/// Colours the fields, in one range where panels can be compared, and each in its own where one would leave no contrast to another.
fn finish<'a>(
    id: String,
    title: String,
    mut panels: Vec<Panel>,
    fields: impl Iterator<Item = &'a FieldRecord>,
) -> Picture {
    let fields: Vec<&FieldRecord> =
        fields.filter(|field| panels.iter().any(|panel| panel.title == field.model)).collect();
    let bar = |range: (f64, f64, bool)| Bar {
        title: "log-density (nats)".to_owned(),
        low: range.0,
        high: range.1,
        open_below: range.2,
        ramp: Ramp::Density,
    };
    let own: Vec<(f64, f64, bool)> =
        fields.iter().map(|field| nats_range(field.log_density.iter().copied())).collect();
    let one = shared(&own.iter().map(|range| (range.0, range.1)).collect::<Vec<_>>());
    let common = nats_range(fields.iter().flat_map(|field| field.log_density.iter().copied()));
    for panel in &mut panels {
        let place = fields.iter().position(|field| field.model == panel.title);
        if let (Some(heat), Some(place)) = (&mut panel.heat, place) {
            let (field, range) = (fields[place], if one { common } else { own[place] });
            let (low, high, _) = range;
            heat.raster.rgb = (0..field.grid.rows)
                .rev()
                .flat_map(|row| &field.log_density[row * field.grid.columns..(row + 1) * field.grid.columns])
                .flat_map(|value| Ramp::Density.colour((value - low) / (high - low)).rgb)
                .collect();
            heat.bar = (!one).then(|| bar(range));
        }
    }
    let bar = (one && !fields.is_empty()).then(|| bar(common));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_at_the_edges_of_the_picture() {
        let line: Vec<Spot> =
            [[0.5, 0.5], [1.5, 0.5], [1.5, 1.5], [0.5, -1.5]].map(|[x, y]| Spot::new(x, y)).into();
        let parts = within(&line, [0.0, 0.0, 1.0, 1.0]);
        let places: Vec<Option<[f64; 2]>> =
            parts.iter().map(|spot| Some([spot.x, spot.y]).filter(|[x, _]| x.is_finite())).collect();
        let pieces: Vec<Vec<[f64; 2]>> = places
            .split(Option::is_none)
            .map(|piece| piece.iter().flatten().copied().collect())
            .filter(|piece: &Vec<_>| !piece.is_empty())
            .collect();
        assert_eq!(pieces.len(), 1, "{pieces:?}");
        assert_eq!(pieces[0], [[0.5, 0.5], [1.0, 0.5]]);
        let through = within(&[Spot::new(-1.0, 0.5), Spot::new(3.0, 0.5)], [0.0, 0.0, 1.0, 1.0]);
        let ends: Vec<f64> = through.iter().map(|spot| spot.x).filter(|x| x.is_finite()).collect();
        assert_eq!(ends, [0.0, 1.0]);
    }
}
