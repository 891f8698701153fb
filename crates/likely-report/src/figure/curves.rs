//! The curves of one pair of end points, model by model, with their looks and their legend.

use super::palette::{INK, dash, line_width, method_style, sequence};
use super::picture::{Key, Marker, Style};
use super::shape::Colour;
use crate::ReportError;
use crate::axis_value::AxisValue;
use crate::group::{Row, rows};
use crate::number::count;
use likely_record::{Axis, CurveRecord, Run};
use std::collections::BTreeSet;

/// A curve with its name and look.
pub(crate) struct NamedCurve {
    pub(crate) name: String,
    pub(crate) style: Style,
    pub(crate) curve: CurveRecord,
}

/// The curves of a figure.
pub(crate) struct Curves {
    /// Label of each model with its curves, in the order of the plan.
    pub(crate) models: Vec<(String, Vec<NamedCurve>)>,
    pub(crate) legend: Vec<Key>,
    /// How many stopped early, and which are not there.
    pub(crate) notes: Vec<String>,
}

impl Curves {
    /// The curves of one pair; of all methods where none is named, and of the first pair where none is named.
    ///
    /// # Errors
    /// [`ReportError`] where a curve cannot be read.
    pub(crate) fn of(run: &Run, methods: &[String], pair: Option<&str>) -> Result<Self, ReportError> {
        let all = rows(run);
        let places = method_places(&all);
        let shown: Vec<Row<'_>> = all
            .iter()
            .filter(
                |row| if methods.is_empty() { !row.is_study() } else { methods.contains(&row.key.method) },
            )
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
        let mut weighted: Vec<&str> = names.iter().map(|&(_, name)| name).collect();
        weighted.retain(|name| shown.iter().any(|row| row.key.method == *name && row.key.lambda.is_some()));
        // Colours are for weights only where a method is shown at several; else they tell the methods apart.
        let swept = weighted.iter().any(|name| {
            let of_method = shown.iter().filter(|row| row.key.method == *name && row.key.lambda.is_some());
            let distinct: BTreeSet<AxisValue> =
                of_method.map(|row| AxisValue::of(Axis::Lambda, row.key)).collect();
            distinct.len() > 1
        });
        let by_method = !swept && names.len() > 1;
        // Where colours alone tell the curves apart, none is dashed.
        let alone = weighted.len() == 1 && bare.len() < 2 && weights.len() > 1;
        let dashed = names.len() > 1 && !alone;
        let look = |row: &Row<'_>| {
            let place = names.iter().position(|&(_, name)| name == row.key.method).unwrap_or(0);
            let rank = weights.iter().position(|weight| *weight == AxisValue::of(Axis::Lambda, row.key));
            let colour = match rank {
                Some(_) if by_method => method_style(place_of(&places, &row.key.method)).colour,
                Some(rank) => sequence(rank as f64 / (weights.len().max(2) - 1) as f64),
                None if bare.len() == 1 && !weights.is_empty() => INK,
                None => method_style(place_of(&places, &row.key.method)).colour,
            };
            curve_style(colour, if dashed { place } else { 0 })
        };
        let mut curves = Self { models: Vec::new(), legend: Vec::new(), notes: Vec::new() };
        let (mut stopped, mut drawn, mut absent) = (0, 0, Vec::new());
        for model in models {
            let of_model: Vec<&Row<'_>> = shown.iter().filter(|row| row.key.model == model).collect();
            let Some(first) = of_model.first() else { continue };
            let of_pair = of_model.iter().filter(|row| {
                let (key, first) = (row.key, first.key);
                key.pair == first.pair && key.repetition == first.repetition && key.segments == first.segments
            });
            let mut named = Vec::new();
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
                named.push(NamedCurve { style: look(row), curve: run.curve(row.hash)?, name });
            }
            curves.models.push((model.to_owned(), named));
        }
        if drawn > 0 {
            let names: Vec<&str> = names.iter().map(|&(_, name)| name).collect();
            let of_method = |name: &str| {
                let mut rows = shown.iter().filter(|row| row.key.method == name);
                rows.find(|row| by_method || row.key.lambda.is_none()).map(look)
            };
            curves.legend = if alone {
                lone_legend(&weights, weighted[0], &bare, &of_method)
            } else {
                legend(&weights, &names, &bare, by_method, &of_method)
            };
        }
        if stopped > 0 {
            curves.notes.push(format!("{} of {drawn} stopped before convergence.", count(stopped, "curve")));
        }
        if !absent.is_empty() {
            curves.notes.push(format!("Without a curve: {}.", absent.join("; ")));
        }
        Ok(curves)
    }
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

/// The look of the curve at `place` in a colour.
pub(crate) fn curve_style(colour: Colour, place: usize) -> Style {
    Style { colour, dash: dash(place), width: line_width(place), marker: None, halo: true }
}

/// The entries of the legend for the end points.
pub(crate) fn ends() -> [Key; 2] {
    [Key::Mark("start".to_owned(), Marker::Circle), Key::Mark("end".to_owned(), Marker::Square)]
}

/// The legend where one method has all the weights and at most one other has none.
fn lone_legend(
    weights: &[AxisValue],
    method: &str,
    bare: &[&str],
    look: &dyn Fn(&str) -> Option<Style>,
) -> Vec<Key> {
    let mut legend: Vec<Key> = Vec::new();
    for name in bare {
        legend.extend(look(name).map(|style| Key::Line((*name).to_owned(), style)));
    }
    for (rank, weight) in weights.iter().enumerate() {
        let colour = sequence(rank as f64 / (weights.len().max(2) - 1) as f64);
        let text = match bare {
            [] => weight.label(Axis::Lambda),
            _ => format!("{method}, {}", weight.label(Axis::Lambda)),
        };
        legend.push(Key::Line(text, curve_style(colour, 0)));
    }
    legend.extend(ends());
    legend
}

fn legend(
    weights: &[AxisValue],
    names: &[&str],
    bare: &[&str],
    by_method: bool,
    look: &dyn Fn(&str) -> Option<Style>,
) -> Vec<Key> {
    let mut legend = Vec::new();
    for (rank, weight) in weights.iter().enumerate().filter(|_| !by_method) {
        let colour = sequence(rank as f64 / (weights.len().max(2) - 1) as f64);
        legend.push(Key::Line(weight.label(Axis::Lambda), curve_style(colour, 0)));
    }
    if names.len() > 1 && !legend.is_empty() {
        legend.push(Key::Heading("method".to_owned()));
    }
    for (place, name) in names.iter().enumerate() {
        let plain = curve_style(INK, if names.len() > 1 { place } else { 0 });
        let coloured = by_method || bare.contains(name);
        let style = if coloured { look(name).unwrap_or(plain) } else { plain };
        if names.len() > 1 || weights.is_empty() {
            // Of several weights each method has one of its own, which its label may name.
            let weight = weights.first().filter(|_| by_method && weights.len() == 1 && !bare.contains(name));
            let weight = weight.map(|weight| weight.label(Axis::Lambda)).filter(|weight| weight != name);
            let weight = weight.map_or(String::new(), |weight| format!(", {weight}"));
            legend.push(Key::Line(format!("{name}{weight}"), style));
        }
    }
    legend.extend(ends());
    legend
}
