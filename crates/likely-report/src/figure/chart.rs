//! Metrics against an axis or against each other: one line a method, one panel a model.

use super::curves::{method_places, place_of};
use super::palette::method_style;
use super::picture::{Key, Level, Panel, Picture, PictureAxis, Series, Spot, Style};
use super::scale::{Span, admits};
use crate::ReportError;
use crate::axis_value::AxisValue;
use crate::group::{Row, Summary, group_by, rows};
use crate::number::count;
use crate::table_text::unit;
use likely_record::{Axis, FigureRecord, MetricMeta, Run, Scale};
use std::collections::BTreeMap;

/// Pixels between the points of neighbouring methods.
const ASIDE: f64 = 5.0;

/// What a chart left out and what its bars mean.
#[derive(Default)]
struct Remarks {
    off_scale: usize,
    absent: BTreeMap<&'static str, usize>,
    counts: Vec<usize>,
    open: bool,
    levels: bool,
    labelled: bool,
}

/// One metric and its scale.
#[derive(Clone, Copy)]
struct Measure<'a> {
    meta: &'a MetricMeta,
    scale: Scale,
}

/// A metric against an axis of the cells.
pub(crate) fn lines(
    run: &Run,
    record: &FigureRecord,
    axis: Axis,
    x_scale: Scale,
    (y, y_scale): (&str, Scale),
    methods: &[String],
) -> Result<Picture, ReportError> {
    let y = Measure { meta: metric(run, record, y)?, scale: y_scale };
    let numeric = matches!(axis, Axis::Lambda | Axis::Repetition | Axis::Segments);
    let names: Vec<String> = group_by(&rows(run), &[axis]).iter().map(|(value, _)| value[0].text()).collect();
    let (mut picture, remarks) = chart(run, record, methods, |cells, style, remarks| {
        let (mut spots, mut levels) = (Vec::new(), Vec::new());
        for (value, group) in group_by(cells, &[axis]) {
            let summary = Summary::new(&group, &y.meta.id);
            let Some((height, interval)) = level_of(&summary, y.scale, remarks) else { continue };
            let x = if numeric {
                value[0].as_number()
            } else {
                names.iter().position(|name| *name == value[0].text()).map(|place| place as f64)
            };
            let Some(x) = x else {
                remarks.levels = true;
                levels.push(Level { style: Style { marker: None, width: 1.6, ..style }, y: height });
                continue;
            };
            if !admits(x_scale, x) {
                remarks.off_scale += 1;
                continue;
            }
            let open = !summary.unconverged.is_empty();
            remarks.open |= open;
            spots.push(Spot { y_interval: interval, open, ..Spot::new(x, height) });
        }
        spots.sort_by(|a, b| a.x.total_cmp(&b.x));
        (spots, levels)
    });
    let title = match axis {
        Axis::Lambda => "weight λ of the potential",
        Axis::Model => "model",
        Axis::Method => "method",
        Axis::Pair => "pair of end points",
        Axis::Repetition => "repetition",
        Axis::Segments => "segments of the curve",
    };
    let mut apart = false;
    for panel in &mut picture.panels {
        let xs = panel.series.iter().flat_map(|series| series.spots.iter().map(|spot| spot.x));
        panel.x.span = if numeric {
            Span::holding(x_scale, xs).unwrap_or(Span::Linear { low: 0.0, high: 1.0 })
        } else {
            Span::Named(names.clone())
        };
        title.clone_into(&mut panel.x.title);
        set_y(panel, y);
        apart |= set_apart(panel);
    }
    remark(&mut picture, &remarks);
    if apart {
        picture.notes.push("Points of different methods are set a little apart sideways.".to_owned());
    }
    Ok(picture)
}

/// Moves the lines of a panel sideways where intervals would cover each other; says whether it did.
fn set_apart(panel: &mut Panel) -> bool {
    let intervals = |series: &Series| series.spots.iter().any(|spot| spot.y_interval.is_some());
    let needed = panel.series.len() > 1 && panel.series.iter().any(intervals);
    if needed {
        let middle = (panel.series.len() - 1) as f64 / 2.0;
        for (place, series) in panel.series.iter_mut().enumerate() {
            series.aside = (place as f64 - middle) * ASIDE;
        }
    }
    needed
}

/// One metric against another, through the weights of each method.
pub(crate) fn tradeoff(
    run: &Run,
    record: &FigureRecord,
    (x, x_scale): (&str, Scale),
    (y, y_scale): (&str, Scale),
    methods: &[String],
) -> Result<Picture, ReportError> {
    let x = Measure { meta: metric(run, record, x)?, scale: x_scale };
    let y = Measure { meta: metric(run, record, y)?, scale: y_scale };
    let (mut picture, remarks) = chart(run, record, methods, |cells, _, remarks| {
        let mut groups = group_by(cells, &[Axis::Lambda]);
        groups.sort_by(|(a, _), (b, _)| {
            a[0].as_number().unwrap_or(-1.0).total_cmp(&b[0].as_number().unwrap_or(-1.0))
        });
        let mut spots = Vec::new();
        for (weight, group) in groups {
            let across = level_of(&Summary::new(&group, &x.meta.id), x.scale, remarks);
            let summary = Summary::new(&group, &y.meta.id);
            // Both metrics come from the same cells: what is absent counts once.
            let up = level_of(&summary, y.scale, &mut Remarks::default());
            let (Some((across, x_interval)), Some((up, y_interval))) = (across, up) else { continue };
            let open = !summary.unconverged.is_empty();
            remarks.open |= open;
            let label = weight[0].as_number().map(|_| weight[0].text());
            remarks.labelled |= label.is_some();
            spots.push(Spot { x: across, y: up, x_interval, y_interval, open, label });
        }
        (spots, Vec::new())
    });
    for panel in &mut picture.panels {
        let spots = || panel.series.iter().flat_map(|series| &series.spots);
        let ends = |spot: &Spot| spot.x_interval.unwrap_or([spot.x; 2]);
        let span = Span::holding(x.scale, spots().flat_map(ends));
        panel.x.title = axis_title(x.meta);
        panel.x.span = span.unwrap_or(Span::Linear { low: 0.0, high: 1.0 });
        set_y(panel, y);
    }
    remark(&mut picture, &remarks);
    Ok(picture)
}

type Drawn = (Vec<Spot>, Vec<Level>);

/// Panels and lines, without ranges.
fn chart(
    run: &Run,
    record: &FigureRecord,
    methods: &[String],
    mut draw: impl FnMut(&[Row<'_>], Style, &mut Remarks) -> Drawn,
) -> (Picture, Remarks) {
    let all = rows(run);
    let places = method_places(&all);
    let shown: Vec<Row<'_>> = all
        .iter()
        .filter(|row| if methods.is_empty() { !row.is_study() } else { methods.contains(&row.key.method) })
        .copied()
        .collect();
    let mut remarks = Remarks::default();
    let mut panels = Vec::new();
    let mut legend: Vec<Key> = Vec::new();
    for (model, of_model) in group_by(&shown, &[Axis::Model]) {
        let (mut series, mut all_levels) = (Vec::new(), Vec::new());
        for (method, cells) in group_by(&of_model, &[Axis::Method]) {
            let AxisValue::Name(name) = &method[0] else { continue };
            let style = method_style(place_of(&places, name));
            let (spots, levels) = draw(&cells, style, &mut remarks);
            let shown_style =
                if spots.is_empty() { levels.first().map(|level| level.style) } else { Some(style) };
            let key = shown_style.map(|style| Key::Line(name.clone(), style));
            let known = legend.iter().any(|entry| matches!(entry, Key::Line(text, _) if text == name));
            legend.extend(key.filter(|_| !known));
            all_levels.extend(levels);
            if !spots.is_empty() {
                series.push(Series { name: name.clone(), style, spots, aside: 0.0 });
            }
        }
        let blank = || PictureAxis { title: String::new(), span: Span::Linear { low: 0.0, high: 1.0 } };
        panels.push(Panel {
            title: model[0].text(),
            x: blank(),
            y: blank(),
            aspect: 0.75,
            heat: None,
            dots: Vec::new(),
            levels: all_levels,
            contours: Vec::new(),
            series,
            marks: Vec::new(),
            solid: None,
        });
    }
    let picture = Picture {
        id: record.id.clone(),
        title: record.title.clone(),
        panels,
        legend,
        bar: None,
        notes: Vec::new(),
    };
    (picture, remarks)
}

fn set_y(panel: &mut Panel, y: Measure<'_>) {
    let spots = panel.series.iter().flat_map(|series| &series.spots);
    let heights = spots.flat_map(|spot| {
        let [low, high] = spot.y_interval.unwrap_or([spot.y; 2]);
        [low, spot.y, high]
    });
    let levels = panel.levels.iter().map(|level| level.y);
    panel.y.span =
        Span::holding(y.scale, heights.chain(levels)).unwrap_or(Span::Linear { low: 0.0, high: 1.0 });
    panel.y.title = axis_title(y.meta);
}

fn axis_title(metric: &MetricMeta) -> String {
    format!("{}{}", metric.id, unit(&metric.unit))
}

/// The mean and its 95 % interval, where the scale has a place for the mean.
fn level_of(summary: &Summary, scale: Scale, remarks: &mut Remarks) -> Option<(f64, Option<[f64; 2]>)> {
    for ((absence, _), number) in &summary.absent {
        *remarks.absent.entry(absence.word()).or_default() += number;
    }
    let estimate = summary.estimate?;
    if !admits(scale, estimate.mean) {
        remarks.off_scale += 1;
        return None;
    }
    let interval = estimate.half_width().map(|half| [estimate.mean - half, estimate.mean + half]);
    if interval.is_some() {
        remarks.counts.push(estimate.n);
    }
    Some((estimate.mean, interval.filter(|ends| ends.iter().all(|end| end.is_finite()))))
}

fn remark(picture: &mut Picture, remarks: &Remarks) {
    if remarks.open {
        picture.legend.push(Key::Open("open: stopped before convergence".to_owned()));
    }
    // The number of a study comes from one cell, with an error of its own.
    if remarks.counts.contains(&1) {
        picture.notes.push("Bars: 95 % interval by the standard error of the number.".to_owned());
    }
    let several = || remarks.counts.iter().filter(|count| **count > 1);
    let (fewest, most) = (several().min(), several().max());
    if let (Some(fewest), Some(most)) = (fewest, most) {
        let n = if fewest == most { format!("n = {fewest}") } else { format!("n = {fewest} to {most}") };
        picture.notes.push(format!("Bars: 95 % interval of the mean by Student's t, {n}."));
    }
    if remarks.labelled {
        picture.notes.push("Numbers beside points: the weight λ, where there is room.".to_owned());
    }
    if remarks.levels {
        picture.notes.push("Lines without markers: methods without a weight λ.".to_owned());
    }
    if remarks.off_scale > 0 {
        let points = count(remarks.off_scale, "mean");
        picture.notes.push(format!("{points} left out that the logarithmic scale has no place for."));
    }
    if !remarks.absent.is_empty() {
        let parts: Vec<String> =
            remarks.absent.iter().map(|(word, number)| format!("{number} {word}")).collect();
        picture.notes.push(format!("Cells without a number, left out: {}.", parts.join(", ")));
    }
}

fn metric<'a>(run: &'a Run, record: &FigureRecord, id: &str) -> Result<&'a MetricMeta, ReportError> {
    let known = &run.presentation.metrics;
    known.iter().find(|metric| metric.id == id).ok_or_else(|| ReportError::Unknown {
        what: "figure",
        id: record.id.clone(),
        asked: "metric",
        name: id.to_owned(),
        present: known.iter().map(|metric| metric.id.as_str()).collect::<Vec<_>>().join(", "),
    })
}
