//! Columns of series of studies: one line a label and column, one panel a model.

use super::palette::{dash, marker, method_style};
use super::picture::{Key, Panel, Picture, PictureAxis, Series, Spot, Style};
use super::scale::{Span, admits};
use crate::ReportError;
use crate::number::count;
use crate::series::{Found, Wanted, find, titled};
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
    (y, y_scale): (&[String], Scale),
) -> Result<Picture, ReportError> {
    let (found, notes) = find(run, wanted)?;
    let looks = Looks::of(&found, y);
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
            for name in y {
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
                            gaps += 1;
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
        let range = |scale: Scale, of: fn(&Spot) -> f64| {
            let spots = series.iter().flat_map(|series| series.spots.iter().map(of));
            Span::holding(scale, spots).unwrap_or(Span::Linear { low: 0.0, high: 1.0 })
        };
        let (x_span, y_span) = (range(x_scale, |spot| spot.x), range(y_scale, |spot| spot.y));
        picture.panels.push(Panel {
            title: model.to_owned(),
            x: PictureAxis { title: axis_title(&titles[0]), span: x_span },
            y: PictureAxis { title: axis_title(&titles[1]), span: y_span },
            aspect: 0.75,
            heat: None,
            dots: Vec::new(),
            levels: Vec::new(),
            contours: Vec::new(),
            series,
            marks: Vec::new(),
            solid: None,
        });
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

/// How the lines look and what they are called.
struct Looks {
    /// Studies and labels, in order.
    labels: Vec<(String, String)>,
    columns: Vec<String>,
    /// Whether lines of several studies share the panels.
    studies: bool,
}

impl Looks {
    fn of(found: &[Found], columns: &[String]) -> Self {
        let mut labels: Vec<(String, String)> = Vec::new();
        for one in found {
            let label = (one.study.clone(), one.record.label.clone());
            if !labels.contains(&label) {
                labels.push(label);
            }
        }
        let studies = labels.iter().any(|(study, _)| *study != labels[0].0);
        Self { labels, columns: columns.to_vec(), studies }
    }

    /// Colours tell labels apart and dashes columns, where there are several of both.
    fn of_line(&self, one: &Found, column: &str) -> (String, Style) {
        let is = |(study, label): &(String, String)| *study == one.study && *label == one.record.label;
        let label = self.labels.iter().position(is).unwrap_or(0);
        let place = self.columns.iter().position(|name| name == column).unwrap_or(0);
        let style = match (self.labels.len(), self.columns.len()) {
            (0 | 1, _) => method_style(place),
            (_, 0 | 1) => method_style(label),
            _ => Style { dash: dash(place), marker: Some(marker(place)), width: 1.9, ..method_style(label) },
        };
        let mut parts: Vec<&str> = Vec::new();
        if self.studies {
            parts.push(&one.study);
        }
        if self.labels.len() > 1 && !one.record.label.is_empty() {
            parts.push(&one.record.label);
        }
        if self.columns.len() > 1 || parts.is_empty() {
            parts.push(column);
        }
        (parts.join(": "), style)
    }
}

/// The columns' names with the unit that they share.
fn axis_title(columns: &[&ColumnRecord]) -> String {
    match columns {
        [] => String::new(),
        [one] => titled(one),
        [first, ..] if columns.iter().all(|column| column.unit == first.unit) => {
            let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
            let names = if names.len() > MOST_NAMES { "value".to_owned() } else { names.join(", ") };
            format!("{names}{}", unit(&first.unit))
        }
        _ => columns.iter().map(|column| titled(column)).collect::<Vec<_>>().join(", "),
    }
}
