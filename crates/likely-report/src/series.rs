//! The series that studies left behind: found for figures, and as tables of their own.

use crate::ReportError;
use crate::group::rows;
use crate::html::escape;
use crate::table_text::unit;
use likely_record::{ColumnRecord, Run, SeriesRecord};
use polars::prelude::{Column, DataFrame};
use std::fmt::Write as _;

/// Which series a figure asks for.
pub(crate) struct Wanted<'a> {
    /// Its id.
    pub(crate) series: &'a str,
    /// Labels of the studies; all when empty.
    pub(crate) studies: &'a [String],
}

/// A series with the cell that it comes from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Found {
    pub(crate) model: String,
    /// Label of the study in the spec.
    method: String,
    /// The same with its weight, where it has one.
    pub(crate) study: String,
    pub(crate) hash: String,
    pub(crate) record: SeriesRecord,
}

impl Found {
    /// The place of a column, by name.
    ///
    /// # Errors
    /// [`ReportError::Unknown`] where the series has no such column.
    pub(crate) fn column(&self, figure: &str, name: &str) -> Result<usize, ReportError> {
        let columns = &self.record.columns;
        columns.iter().position(|column| column.name == name).ok_or_else(|| ReportError::Unknown {
            what: "figure",
            id: figure.to_owned(),
            asked: "column",
            name: name.to_owned(),
            present: columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", "),
        })
    }
}

/// A column with its unit, as an axis shows it.
pub(crate) fn titled(column: &ColumnRecord) -> String {
    format!("{}{}", column.name, unit(&column.unit))
}

/// A column with its unit, as an axis of a figure shows it.
pub(crate) fn axis_title(column: &ColumnRecord) -> String {
    let name =
        if column.name == "lambda" { "weight λ of the potential".to_owned() } else { spoken(&column.name) };
    format!("{name}{}", unit(&column.unit))
}

/// The text with the letter for the word `lambda`, which files spell out.
pub(crate) fn spoken(text: &str) -> String {
    text.split(' ').map(|word| if word == "lambda" { "λ" } else { word }).collect::<Vec<_>>().join(" ")
}

/// Every series of the run, in the order of the plan.
///
/// # Errors
/// [`ReportError`] where a file of series cannot be read.
pub(crate) fn every(run: &Run) -> Result<Vec<Found>, ReportError> {
    let mut found = Vec::new();
    for row in rows(run) {
        if row.cell.is_none_or(|cell| cell.series_sha256.is_none()) {
            continue;
        }
        for record in run.series(row.hash)? {
            found.push(Found {
                model: row.key.model.clone(),
                method: row.key.method.clone(),
                study: row.study(),
                hash: row.hash.to_owned(),
                record,
            });
        }
    }
    Ok(found)
}

/// The series that a figure asks for, and what to say about those that are not there.
///
/// # Errors
/// As [`every`].
pub(crate) fn find(run: &Run, wanted: &Wanted<'_>) -> Result<(Vec<Found>, Vec<String>), ReportError> {
    let of_study = |study: &str| wanted.studies.is_empty() || wanted.studies.iter().any(|name| name == study);
    let all: Vec<Found> = every(run)?.into_iter().filter(|found| of_study(&found.method)).collect();
    let mut present: Vec<&str> = Vec::new();
    for found in &all {
        if !present.contains(&found.record.id.as_str()) {
            present.push(&found.record.id);
        }
    }
    let mut notes = Vec::new();
    if !present.contains(&wanted.series) {
        let there = if present.is_empty() { "none".to_owned() } else { present.join(", ") };
        notes.push(format!("No series `{}` in this run; there: {there}.", wanted.series));
    }
    let absent: Vec<String> = rows(run)
        .iter()
        .filter(|row| row.is_study() && of_study(&row.key.method))
        .filter(|row| row.cell.is_none_or(|cell| cell.status != likely_record::Status::Ok))
        .map(|row| format!("{} on {}", row.study(), row.key.model))
        .collect();
    if !absent.is_empty() {
        notes.push(format!("Studies without a result: {}.", absent.join("; ")));
    }
    Ok((all.into_iter().filter(|found| found.record.id == wanted.series).collect(), notes))
}

/// All series of one id as one table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SeriesTable {
    pub(crate) id: String,
    /// Every column that one of the series has, by name and unit.
    pub(crate) columns: Vec<ColumnRecord>,
    pub(crate) series: Vec<Found>,
}

impl SeriesTable {
    /// The tables of a run, in the order of the plan.
    ///
    /// # Errors
    /// As [`every`].
    pub(crate) fn all(run: &Run) -> Result<Vec<Self>, ReportError> {
        let mut tables: Vec<Self> = Vec::new();
        for found in every(run)? {
            let place = tables.iter().position(|table| table.id == found.record.id).unwrap_or_else(|| {
                let id = found.record.id.clone();
                tables.push(Self { id, columns: Vec::new(), series: Vec::new() });
                tables.len() - 1
            });
            let table = &mut tables[place];
            for column in &found.record.columns {
                if !table.columns.contains(column) {
                    table.columns.push(column.clone());
                }
            }
            table.series.push(found);
        }
        Ok(tables)
    }

    /// The stem of its file.
    pub(crate) fn stem(&self) -> String {
        format!("series-{}", self.id)
    }

    /// Rows of all its series together.
    pub(crate) fn rows(&self) -> usize {
        self.series.iter().map(|found| found.record.values.len()).sum()
    }

    /// One row a row of a series: model, study and label, then the columns with their units.
    ///
    /// # Errors
    /// [`ReportError::Frame`] where polars refuses the columns.
    pub(crate) fn frame(&self) -> Result<DataFrame, ReportError> {
        let names = |name: &str, of: fn(&Found) -> &str| {
            let texts = self
                .series
                .iter()
                .flat_map(|found| std::iter::repeat_n(of(found).to_owned(), found.record.values.len()));
            Column::new(name.into(), texts.collect::<Vec<String>>())
        };
        let mut columns = vec![
            names("model", |found| &found.model),
            names("study", |found| &found.study),
            names("label", |found| &found.record.label),
        ];
        for column in &self.columns {
            let values = self.series.iter().flat_map(|found| {
                let place = found.record.columns.iter().position(|other| other == column);
                found
                    .record
                    .values
                    .iter()
                    .map(move |row| place.and_then(|place| row.get(place).copied().flatten()))
            });
            columns.push(Column::new(titled(column).into(), values.collect::<Vec<Option<f64>>>()));
        }
        DataFrame::new(self.rows(), columns)
            .map_err(|source| ReportError::Frame { table: self.stem(), source })
    }
}

/// What series there are and where their numbers stand.
pub(crate) fn html(tables: &[SeriesTable]) -> String {
    let mut html = String::from(
        "<p class=\"small\">Numbers that studies left behind beside the tables; each file stands in the folder of the run.</p>\n\
         <div class=\"scroll\"><table>\n<thead><tr><th scope=\"col\">series</th><th scope=\"col\">studies</th>\
         <th scope=\"col\">models</th><th scope=\"col\">columns</th><th scope=\"col\" class=\"number\">rows</th>\
         <th scope=\"col\">file</th></tr></thead>\n<tbody>\n",
    );
    for table in tables {
        let once = |of: fn(&Found) -> &str| {
            let mut texts: Vec<&str> = Vec::new();
            for found in &table.series {
                if !texts.contains(&of(found)) {
                    texts.push(of(found));
                }
            }
            texts.join(", ")
        };
        let models = once(|found| &found.model);
        let columns: Vec<String> = table.columns.iter().map(titled).collect();
        let _ = writeln!(
            html,
            "<tr><th scope=\"row\">{}</th><td>{}</td><td class=\"note\">{}</td><td class=\"note\">{}</td><td class=\"number\">{}</td><td><code>tables/{}.csv</code></td></tr>",
            escape(&table.id),
            escape(&once(|found| &found.study)),
            escape(&models),
            escape(&columns.join(", ")),
            table.rows(),
            escape(&table.stem()),
        );
    }
    html.push_str("</tbody></table></div>\n");
    html
}
