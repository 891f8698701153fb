//! A column of a series over a grid: colours, lines of equal height and marked points.

use super::contour::Heights;
use super::legend::shared;
use super::palette::{Ramp, marker};
use super::picture::{Bar, Heat, Key, Marker, Panel, Picture, PictureAxis};
use super::scale::Span;
use super::shape::{Colour, Raster};
use crate::ReportError;
use crate::series::{Found, Wanted, axis_title, find, spoken};
use likely_record::{FigureRecord, Run};

/// Columns and rows of the picture of a grid that is not evenly spaced.
const RESAMPLED: usize = 160;
/// Where there is no number.
const NOTHING: Colour = Colour::new(0xe6, 0xe6, 0xe6);
/// Most marks of a name that are drawn as large markers.
const MOST_MARKERS: usize = 24;

/// Numbers at the nodes of a grid.
struct Grid {
    x: Vec<f64>,
    y: Vec<f64>,
    /// Row by row from the lowest `y`.
    values: Vec<Option<f64>>,
}

/// The figure of one column of one series id: one panel a model and label.
pub(crate) fn series_map(
    run: &Run,
    record: &FigureRecord,
    wanted: &Wanted<'_>,
    value: &str,
    marks: Option<&str>,
) -> Result<Picture, ReportError> {
    let (found, mut notes) = find(run, wanted)?;
    let marked = match marks {
        Some(series) => {
            let (marked, more) = find(run, &Wanted { series, ..*wanted })?;
            notes.extend(more.into_iter().filter(|note| note.starts_with("No series")));
            marked
        }
        None => Vec::new(),
    };
    let grids: Vec<Grid> = found.iter().map(|one| grid(&record.id, one, value)).collect::<Result<_, _>>()?;
    let ranges: Vec<[f64; 2]> = grids.iter().map(Grid::range).collect();
    let union = ranges
        .iter()
        .fold([f64::INFINITY, f64::NEG_INFINITY], |all, [low, high]| [all[0].min(*low), all[1].max(*high)]);
    let ends: Vec<(f64, f64)> = ranges.iter().map(|[low, high]| (*low, *high)).collect();
    let shared = shared(&ends);
    let bar = |[low, high]: [f64; 2], one: &Found| -> Result<Bar, ReportError> {
        let column = &one.record.columns[one.column(&record.id, value)?];
        // A constant has a bar too.
        let room = if high > low { 0.0 } else { low.abs().max(1.0) * 1e-3 };
        let [low, high] = [low - room, high + room];
        Ok(Bar { title: axis_title(column), low, high, open_below: false, ramp: Ramp::Map })
    };
    let mut picture = Picture {
        id: record.id.clone(),
        title: record.title.clone(),
        panels: Vec::new(),
        legend: Vec::new(),
        bar: None,
        notes,
    };
    let names = mark_names(&marked, &found);
    let mut missing = false;
    for ((one, grid), range) in found.iter().zip(&grids).zip(&ranges) {
        let bar = bar(if shared { union } else { *range }, one)?;
        let mut panel =
            panel(one, grid, &bar, found.iter().filter(|other| other.model == one.model).count() > 1);
        missing |= grid.values.iter().any(Option::is_none);
        for points in marked.iter().filter(|points| points.hash == one.hash && belongs(points, one, &found)) {
            let axes = axes_of_marks(points, one);
            let places = || {
                points.record.values.iter().filter_map(|row| {
                    let at = |axis: usize| row.get(axis).copied().flatten().filter(|x| x.is_finite());
                    Some([at(axes[0])?, at(axes[1])?])
                })
            };
            if places().count() > MOST_MARKERS {
                panel.dots.extend(places());
            } else {
                let marker = mark_of(&names, &mark_name(points, &found));
                panel.marks.extend(places().map(|place| (marker, place)));
            }
            let key = if places().count() > MOST_MARKERS {
                Key::Dot(mark_name(points, &found))
            } else {
                let name = mark_name(points, &found);
                Key::Mark(name.clone(), mark_of(&names, &name))
            };
            if !picture.legend.contains(&key) {
                picture.legend.push(key);
            }
        }
        if shared {
            picture.bar.get_or_insert(bar);
        } else if let Some(heat) = &mut panel.heat {
            heat.bar = Some(bar);
        }
        picture.panels.push(panel);
    }
    if picture.panels.iter().any(|panel| !panel.contours.is_empty()) {
        picture.notes.push("Lines: the levels that the colour bar marks.".to_owned());
    }
    if missing {
        picture.notes.push("Grey: no number.".to_owned());
    }
    Ok(picture)
}

/// Whether marks belong to a panel: those with the label of a map only to that map.
fn belongs(points: &Found, one: &Found, maps: &[Found]) -> bool {
    let label = &points.record.label;
    *label == one.record.label || !maps.iter().any(|map| map.record.label == *label)
}

/// The columns of marks that have the names of the map's axes; the first two where there are none.
fn axes_of_marks(points: &Found, map: &Found) -> [usize; 2] {
    let place = |axis: usize| {
        let name = &map.record.columns.get(axis)?.name;
        points.record.columns.iter().position(|column| column.name == *name)
    };
    place(0).zip(place(1)).map_or([0, 1], |(x, y)| [x, y])
}

/// What the legend calls marks: their label, or their id where the label is that of a map.
fn mark_name(points: &Found, maps: &[Found]) -> String {
    let label = &points.record.label;
    if label.is_empty() || maps.iter().any(|map| map.record.label == *label) {
        points.record.id.replace('-', " ")
    } else {
        label.clone()
    }
}

fn mark_names(marked: &[Found], maps: &[Found]) -> Vec<String> {
    let mut names = Vec::new();
    for points in marked {
        let name = mark_name(points, maps);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn mark_of(names: &[String], name: &str) -> Marker {
    marker(names.iter().position(|known| known == name).unwrap_or(0))
}

/// The grid that the first two columns of a series span.
fn grid(figure: &str, one: &Found, value: &str) -> Result<Grid, ReportError> {
    let column = one.column(figure, value)?;
    let refused = |reason: String| ReportError::NotAGrid {
        series: one.record.id.clone(),
        model: one.model.clone(),
        reason,
    };
    let mut places: Vec<([f64; 2], Option<f64>)> = Vec::new();
    for (number, row) in one.record.values.iter().enumerate() {
        match row.as_slice() {
            &[Some(x), Some(y), ..] if x.is_finite() && y.is_finite() => {
                places.push(([x, y], row.get(column).copied().flatten().filter(|value| value.is_finite())));
            }
            _ => return Err(refused(format!("row {number} has no place in its first two columns"))),
        }
    }
    let sorted = |axis: usize| {
        let mut values: Vec<f64> = places.iter().map(|(place, _)| place[axis]).collect();
        values.sort_by(f64::total_cmp);
        let width = values.last().copied().unwrap_or(0.0) - values.first().copied().unwrap_or(0.0);
        values.dedup_by(|a, b| (*a - *b).abs() <= 1e-9 * width);
        values
    };
    let (x, y) = (sorted(0), sorted(1));
    if x.len() < 2 || y.len() < 2 || x.len() * y.len() != places.len() {
        return Err(refused(format!(
            "its first two columns have {} and {} different numbers in {} rows; a grid has every combination once, and two numbers or more of each",
            x.len(),
            y.len(),
            places.len()
        )));
    }
    let nearest = |values: &[f64], wanted: f64| {
        let after = values.partition_point(|&value| value < wanted).min(values.len() - 1);
        let before = after.saturating_sub(1);
        if (wanted - values[before]).abs() < (values[after] - wanted).abs() { before } else { after }
    };
    let mut values = vec![None; places.len()];
    let mut seen = vec![false; places.len()];
    for ([at_x, at_y], value) in places {
        let node = nearest(&y, at_y) * x.len() + nearest(&x, at_x);
        if std::mem::replace(&mut seen[node], true) {
            return Err(refused(format!("the place ({at_x}, {at_y}) comes twice")));
        }
        values[node] = value;
    }
    Ok(Grid { x, y, values })
}

impl Grid {
    fn range(&self) -> [f64; 2] {
        let range =
            self.values.iter().flatten().fold([f64::INFINITY, f64::NEG_INFINITY], |all, &value| {
                [all[0].min(value), all[1].max(value)]
            });
        if range[0] <= range[1] { range } else { [0.0, 1.0] }
    }

    /// The colours with the edges of their rectangle; evenly spaced nodes are the middles of squares.
    fn picture(&self, bar: &Bar) -> (Raster, [f64; 4]) {
        let colour = |value: Option<f64>| {
            value.map_or(NOTHING, |value| bar.ramp.colour((value - bar.low) / (bar.high - bar.low))).rgb
        };
        let (columns, rows) = (self.x.len(), self.y.len());
        let (x_ends, y_ends) = ([self.x[0], self.x[columns - 1]], [self.y[0], self.y[rows - 1]]);
        if let (Some(x_step), Some(y_step)) = (even_step(&self.x), even_step(&self.y)) {
            let (half_x, half_y) = (x_step / 2.0, y_step / 2.0);
            let rgb = (0..rows)
                .rev()
                .flat_map(|row| &self.values[row * columns..(row + 1) * columns])
                .flat_map(|&value| colour(value))
                .collect();
            let edges = [x_ends[0] - half_x, y_ends[0] - half_y, x_ends[1] + half_x, y_ends[1] + half_y];
            return (Raster { columns, rows, rgb }, edges);
        }
        let at = |ends: [f64; 2], place: usize| {
            ends[0] + (ends[1] - ends[0]) * (place as f64 + 0.5) / RESAMPLED as f64
        };
        let rgb = (0..RESAMPLED)
            .rev()
            .flat_map(|row| (0..RESAMPLED).map(move |column| (row, column)))
            .flat_map(|(row, column)| colour(self.between(at(x_ends, column), at(y_ends, row))))
            .collect();
        let edges = [x_ends[0], y_ends[0], x_ends[1], y_ends[1]];
        (Raster { columns: RESAMPLED, rows: RESAMPLED, rgb }, edges)
    }

    /// The number at a place inside, with straight lines between the nodes.
    fn between(&self, x: f64, y: f64) -> Option<f64> {
        let cell = |nodes: &[f64], at: f64| {
            let high = nodes.partition_point(|&node| node <= at).clamp(1, nodes.len() - 1);
            (high - 1, (at - nodes[high - 1]) / (nodes[high] - nodes[high - 1]))
        };
        let ((column, right), (row, up)) = (cell(&self.x, x), cell(&self.y, y));
        let node = |row: usize, column: usize| self.values[row * self.x.len() + column];
        let low = node(row, column)? * (1.0 - right) + node(row, column + 1)? * right;
        let high = node(row + 1, column)? * (1.0 - right) + node(row + 1, column + 1)? * right;
        Some(low * (1.0 - up) + high * up)
    }
}

/// The step of evenly spaced numbers.
fn even_step(values: &[f64]) -> Option<f64> {
    let step = (values[values.len() - 1] - values[0]) / (values.len() - 1) as f64;
    values.windows(2).all(|pair| (pair[1] - pair[0] - step).abs() <= 1e-6 * step).then_some(step)
}

fn panel(one: &Found, grid: &Grid, bar: &Bar, several: bool) -> Panel {
    let (raster, edges) = grid.picture(bar);
    let heights = Heights { x: &grid.x, y: &grid.y, values: &grid.values };
    let levels = Span::exact(bar.low, bar.high).map(|span| span.ticks(5).0).unwrap_or_default();
    let contours = levels.iter().flat_map(|(level, _)| heights.lines(*level)).collect();
    let span = |low: f64, high: f64| Span::exact(low, high).unwrap_or(Span::Linear { low: 0.0, high: 1.0 });
    let axes = [&one.record.columns[0], &one.record.columns[1]];
    let aspect = (edges[3] - edges[1]) / (edges[2] - edges[0]);
    let equal = axes[0].unit == axes[1].unit && (0.3..=1.8).contains(&aspect);
    let label = &one.record.label;
    let title = if several && !label.is_empty() {
        format!("{}, {}", one.model, spoken(label))
    } else {
        one.model.clone()
    };
    Panel {
        title,
        x: PictureAxis { title: axis_title(axes[0]), span: span(edges[0], edges[2]) },
        y: PictureAxis { title: axis_title(axes[1]), span: span(edges[1], edges[3]) },
        aspect: if equal { aspect } else { 0.8 },
        heat: Some(Heat { raster, edges, ramp: Ramp::Map, bar: None }),
        dots: Vec::new(),
        levels: Vec::new(),
        contours,
        series: Vec::new(),
        marks: Vec::new(),
        solid: None,
    }
}
