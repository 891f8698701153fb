//! Columns of series of studies: one line a label and column, one panel a model.

use super::palette::{INK, dash, marker, method_style};
use super::picture::{Key, Level, Panel, Picture, PictureAxis, Series, Spot, Style};
use super::scale::{Span, admits};
use crate::ReportError;
use crate::group::rows;
use crate::number::count;
use crate::series::{Found, Wanted, axis_title, find, spoken};
use crate::table_text::unit;
use likely_record::{ColumnRecord, FigureRecord, Run, Scale};

/// Most points of a line that still carry markers.
const MOST_MARKERS: usize = 40;
/// Longest list of columns in the title of an axis.
const MOST_NAMES: usize = 3;

/// The figure of one series id.
pub(crate) fn series_lines(
    run: &Run,
    record: &FigureRecord,
    wanted: &Wanted<'_>,
    (x, x_scale): (Option<&str>, Scale),
    (columns, y_scale): (&[String], Scale),
) -> Result<Picture, ReportError> {
    let (found, notes) = find(run, wanted)?;
    let (levels, y): (Vec<&String>, Vec<&String>) = columns.iter().partition(|name| is_level(&found, name));
    let looks = Looks::of(run, &found, &y);
    let mut picture = Picture {
        id: record.id.clone(),
        title: record.title.clone(),
        panels: Vec::new(),
        legend: Vec::new(),
        bar: None,
        notes,
    };
    let (mut off_scale, mut gaps) = (0, 0);
    let mut models: Vec<&str> = Vec::new();
    for one in &found {
        if !models.contains(&one.model.as_str()) {
            models.push(&one.model);
        }
    }
    for model in models {
        let mut series = Vec::new();
        let mut titles: [Vec<&ColumnRecord>; 2] = [Vec::new(), Vec::new()];
        for one in found.iter().filter(|one| one.model == model) {
            let across = match x {
                Some(name) => one.column(&record.id, name)?,
                None => 0,
            };
            for name in &y {
                let up = one.column(&record.id, name)?;
                for (titles, place) in titles.iter_mut().zip([across, up]) {
                    let column = &one.record.columns[place];
                    if !titles.contains(&column) {
                        titles.push(column);
                    }
                }
                let spots: Vec<Spot> = one
                    .record
                    .values
                    .iter()
                    .map(|row| {
                        let number =
                            |place: usize| row.get(place).copied().flatten().filter(|v| v.is_finite());
                        let (Some(across), Some(up)) = (number(across), number(up)) else {
                            // A row without any number sets two curves apart.
                            gaps += usize::from(row.iter().any(Option::is_some));
                            return Spot::new(f64::NAN, f64::NAN);
                        };
                        if admits(x_scale, across) && admits(y_scale, up) {
                            return Spot::new(across, up);
                        }
                        off_scale += 1;
                        Spot::new(f64::NAN, f64::NAN)
                    })
                    .collect();
                let (text, style) = looks.of_line(one, name);
                let there = spots.iter().filter(|spot| !spot.x.is_nan()).count();
                if there == 0 {
                    continue;
                }
                let style = Style { marker: style.marker.filter(|_| there <= MOST_MARKERS), ..style };
                let known = picture.legend.iter_mut().find_map(|key| match key {
                    Key::Line(known, style) if *known == text => Some(style),
                    _ => None,
                });
                match known {
                    // A line that has markers in one panel shows them in the legend.
                    Some(known) => known.marker = known.marker.or(style.marker),
                    None => picture.legend.push(Key::Line(text.clone(), style)),
                }
                series.push(Series { name: text, style, spots, aside: 0.0 });
            }
        }
        let mut heights: Vec<Level> = Vec::new();
        for (name, y) in levels.iter().filter_map(|name| Some((name, height(&found, model, name)?))) {
            if !admits(y_scale, y) {
                continue;
            }
            let style = Style { colour: INK, dash: dash(1), width: 1.5, marker: None, halo: false };
            let key = Key::Line(spoken(name), style);
            if !picture.legend.contains(&key) {
                picture.legend.push(key);
            }
            heights.push(Level { style, y });
        }
        let range = |scale: Scale, of: fn(&Spot) -> f64, more: &[Level]| {
            let spots = series.iter().flat_map(|series| series.spots.iter().map(of));
            Span::holding(scale, spots.chain(more.iter().map(|level| level.y)))
                .unwrap_or(Span::Linear { low: 0.0, high: 1.0 })
        };
        let (x_span, y_span) = (range(x_scale, |spot| spot.x, &[]), range(y_scale, |spot| spot.y, &heights));
        picture.panels.push(Panel {
            title: model.to_owned(),
            x: PictureAxis { title: titles_of(&titles[0]), span: x_span },
            y: PictureAxis { title: titles_of(&titles[1]), span: y_span },
            aspect: 0.75,
            heat: None,
            dots: Vec::new(),
            levels: heights,
            contours: Vec::new(),
            series,
            marks: Vec::new(),
            solid: None,
        });
    }
    // One line whose name the axis has already needs no legend.
    if let ([Key::Line(text, _)], [only]) = (picture.legend.as_slice(), y.as_slice())
        && *text == spoken(only)
    {
        picture.legend.clear();
    }
    if off_scale > 0 {
        let points = count(off_scale, "point");
        picture.notes.push(format!("{points} left out that the logarithmic scale has no place for."));
    }
    if gaps > 0 {
        picture.notes.push(format!("Gaps: {} without a number.", count(gaps, "point")));
    }
    Ok(picture)
}

/// Whether a column is one number a model, whatever the label: then one level stands for all lines.
fn is_level(found: &[Found], column: &str) -> bool {
    let several = found.iter().any(|one| {
        let twin = |other: &&Found| other.model == one.model && other.study == one.study;
        found.iter().filter(twin).count() > 1
    });
    several && found.iter().all(|one| height(found, &one.model, column).is_some())
}

/// The number that a column has in every row of a model.
fn height(found: &[Found], model: &str, column: &str) -> Option<f64> {
    let mut only = None;
    for one in found.iter().filter(|one| one.model == model) {
        let place = one.record.columns.iter().position(|other| other.name == column)?;
        for row in &one.record.values {
            let value = row.get(place).copied().flatten().filter(|value| value.is_finite())?;
            if only.get_or_insert(value).to_bits() != value.to_bits() {
                return None;
            }
        }
    }
    only
}

/// How the lines look and what they are called.
struct Looks {
    /// Studies and labels, in order.
    labels: Vec<(String, String)>,
    columns: Vec<String>,
    /// Whether lines of several studies share the panels.
    studies: bool,
    /// Whether a panel has several lines of a study: else labels only repeat what the panel says.
    labelled: bool,
    /// What all labels of a model begin with, as (model, words): the panel says as much.
    begins: Vec<(String, String)>,
    /// Labels that are numbers of pairs of end points.
    pairs: Vec<String>,
}

impl Looks {
    fn of(run: &Run, found: &[Found], columns: &[&String]) -> Self {
        let labelled = found.iter().any(|one| {
            let twin = |other: &&Found| other.model == one.model && other.study == one.study;
            found.iter().filter(twin).any(|other| other.record.label != one.record.label)
        });
        let mut looks = Self {
            labels: Vec::new(),
            columns: columns.iter().map(|&name| name.clone()).collect(),
            studies: false,
            labelled,
            begins: begins(found),
            pairs: Vec::new(),
        };
        for one in found {
            let label = looks.label(one);
            if !looks.labels.contains(&label) {
                looks.labels.push(label);
            }
        }
        looks.studies = looks.labels.iter().any(|(study, _)| *study != looks.labels[0].0);
        let named = |label: &str| rows(run).iter().any(|row| !row.is_study() && row.key.pair == label);
        let numbers = found.iter().map(|one| &one.record.label).filter(|label| label.parse::<u64>().is_ok());
        looks.pairs = numbers.filter(|label| named(label)).cloned().collect();
        looks
    }

    fn label(&self, one: &Found) -> (String, String) {
        if !self.labelled {
            return (one.study.clone(), String::new());
        }
        let begin = self.begins.iter().find(|(model, _)| *model == one.model);
        let label = &one.record.label;
        let label = begin.and_then(|(_, begin)| label.strip_prefix(begin.as_str())).unwrap_or(label);
        (one.study.clone(), label.to_owned())
    }

    /// Colours tell labels apart and dashes columns, where there are several of both.
    fn of_line(&self, one: &Found, column: &str) -> (String, Style) {
        let (study, named) = self.label(one);
        let is = |known: &(String, String)| known.0 == study && known.1 == named;
        let label = self.labels.iter().position(is).unwrap_or(0);
        let place = self.columns.iter().position(|name| name == column).unwrap_or(0);
        let style = match (self.labels.len(), self.columns.len()) {
            (0 | 1, _) => method_style(place),
            (_, 0 | 1) => method_style(label),
            _ => Style { dash: dash(place), marker: Some(marker(place)), width: 1.9, ..method_style(label) },
        };
        let mut parts: Vec<String> = Vec::new();
        if self.studies {
            parts.push(study);
        }
        if self.labels.len() > 1 && !named.is_empty() {
            let pair = if self.pairs.contains(&named) { "pair " } else { "" };
            parts.push(format!("{pair}{}", spoken(&named)));
        }
        if self.columns.len() > 1 || parts.is_empty() {
            parts.push(spoken(column));
        }
        (parts.join(": "), style)
    }
}

/// The words before the first comma that all labels of a model share.
fn begins(found: &[Found]) -> Vec<(String, String)> {
    let mut begins: Vec<(String, String)> = Vec::new();
    for one in found {
        let label = &one.record.label;
        let begin = label.find(", ").map_or("", |comma| &label[..comma + 2]);
        match begins.iter_mut().find(|(model, _)| *model == one.model) {
            Some((_, known)) if known != begin => known.clear(),
            Some(_) => {}
            None => begins.push((one.model.clone(), begin.to_owned())),
        }
    }
    begins
}

/// The columns' names with the unit that they share.
fn titles_of(columns: &[&ColumnRecord]) -> String {
    match columns {
        [] => String::new(),
        [one] => axis_title(one),
        [first, ..] if columns.iter().all(|column| column.unit == first.unit) => {
            let names: Vec<String> = columns.iter().map(|column| spoken(&column.name)).collect();
            let names = if names.len() > MOST_NAMES { "value".to_owned() } else { names.join(", ") };
            format!("{names}{}", unit(&first.unit))
        }
        _ => columns.iter().map(|column| axis_title(column)).collect::<Vec<_>>().join(", "),
    }
}
