//! A table of the report before it takes a form: headings, entries, marks and footnotes.

use crate::ReportError;
use crate::axis_value::{AxisValue, axis_name};
use crate::group::{Row, Summary, group_by, group_in_order, rows};
use crate::number::{number, significant};
use likely_record::{Axis, MetricMeta, Run, TableRecord};
use std::collections::BTreeMap;

/// Where an entry stands among those that it is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Rank {
    /// Best at the digits shown; several entries can be.
    Best,
    /// Next best at the digits shown.
    Second,
    /// Neither, or not compared.
    #[default]
    None,
}

/// A place of the table.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Entry {
    /// What the cells say; no cells where the plan has none here.
    pub(crate) summary: Summary,
    /// The mean in the digits shown, or the word that says why there is none.
    pub(crate) value: String,
    /// The standard error in the digits shown.
    pub(crate) std_err: Option<String>,
    /// Values averaged, where that differs within the table.
    pub(crate) n: Option<usize>,
    pub(crate) rank: Rank,
    /// Whether a cell behind the number stopped before it converged.
    pub(crate) unconverged: bool,
    /// Letters of the footnotes.
    pub(crate) notes: Vec<String>,
}

impl Entry {
    /// Whether there is a number.
    pub(crate) fn has_number(&self) -> bool {
        self.summary.estimate.is_some()
    }

    /// One word for files.
    pub(crate) fn status(&self) -> &'static str {
        let summary = &self.summary;
        if summary.planned == 0 {
            "not-planned"
        } else if summary.measured == 0 {
            match summary.word() {
                "no value" => "no-value",
                "not run" => "not-run",
                word => word,
            }
        } else if !summary.is_complete() {
            "partial"
        } else if self.unconverged {
            "not-converged"
        } else {
            "ok"
        }
    }
}

/// A column of numbers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Column {
    /// What the cells of the column share, such as `λ = 10`; empty where the table has no column axes.
    pub(crate) over: String,
    pub(crate) metric: MetricMeta,
}

impl Column {
    /// The metric with the direction that is better.
    pub(crate) fn heading(&self) -> String {
        match self.metric.better.as_str() {
            "higher" => format!("{} ↑", self.metric.id),
            "lower" => format!("{} ↓", self.metric.id),
            _ => self.metric.id.clone(),
        }
    }
}

/// Places (row, column) of the entries that are compared, by the metric and what they share.
type Contests = BTreeMap<(usize, Vec<AxisValue>), Vec<(usize, usize)>>;

/// A row of the table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TableRow {
    pub(crate) heads: Vec<AxisValue>,
    pub(crate) entries: Vec<Entry>,
}

/// A table, in no particular form yet.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Table {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) row_axes: Vec<Axis>,
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: Vec<TableRow>,
    /// Sentences that hold for the whole table.
    pub(crate) remarks: Vec<String>,
    /// Letter and text.
    pub(crate) footnotes: Vec<(String, String)>,
}

impl Table {
    /// Lays out a table over the cells of a run.
    ///
    /// # Errors
    /// [`ReportError::Unknown`] where it names a metric that the run does not have. Methods and models that a
    /// smaller tier leaves out are left out here too.
    pub(crate) fn new(run: &Run, record: &TableRecord) -> Result<Self, ReportError> {
        let all = rows(run);
        let metrics = find_metrics(run, record)?;
        let shown: Vec<Row<'_>> = all
            .iter()
            .copied()
            .filter(|row| record.methods.is_empty() || record.methods.contains(&row.key.method))
            .filter(|row| record.models.is_empty() || record.models.contains(&row.key.model))
            .collect();
        let shown = if record.methods.is_empty() { concerned(&shown, &record.metrics, &all) } else { shown };
        let spans = group_in_order(&shown, &record.columns, &all);
        let columns: Vec<Column> = spans
            .iter()
            .flat_map(|(values, _)| {
                let over: Vec<String> =
                    values.iter().zip(&record.columns).map(|(value, &axis)| value.label(axis)).collect();
                metrics.iter().map(move |metric| Column { over: over.join(", "), metric: metric.clone() })
            })
            .collect();
        let mut table_rows = Vec::new();
        let mut contests = Contests::new();
        for (heads, cells) in group_in_order(&shown, &record.rows, &all) {
            let mut entries = Vec::with_capacity(columns.len());
            for (span, _) in &spans {
                let here: Vec<Row<'_>> = cells
                    .iter()
                    .filter(|row| AxisValue::all(&record.columns, row.key) == *span)
                    .copied()
                    .collect();
                for (index, metric) in metrics.iter().enumerate() {
                    let summary = Summary::new(&here, &metric.id);
                    let contends = summary.is_complete() && summary.unconverged.is_empty();
                    if let (Some(first), true) = (here.first(), contends) {
                        let named =
                            |axis: &&Axis| record.rows.contains(axis) || record.columns.contains(axis);
                        let within: Vec<AxisValue> = record
                            .compare_within
                            .iter()
                            .filter(named)
                            .map(|&axis| AxisValue::of(axis, first.key))
                            .collect();
                        let place = (table_rows.len(), entries.len());
                        contests.entry((index, within)).or_default().push(place);
                    }
                    entries.push(entry(summary, record.decimals));
                }
            }
            table_rows.push(TableRow { heads, entries });
        }
        for ((metric, _), places) in &contests {
            rank(&mut table_rows, places, &metrics[*metric].better);
        }
        let mut table = Self {
            id: record.id.clone(),
            title: record.title.clone(),
            row_axes: record.rows.clone(),
            columns,
            rows: table_rows,
            remarks: Vec::new(),
            footnotes: Vec::new(),
        };
        table.letter_footnotes();
        table.remark(&shown, record);
        Ok(table)
    }

    /// Whether the columns share something that needs a heading above the metrics.
    pub(crate) fn has_spans(&self) -> bool {
        self.columns.iter().any(|column| !column.over.is_empty())
    }

    /// The same reason gets the same letter.
    fn letter_footnotes(&mut self) {
        let mut letters: Vec<String> = Vec::new();
        for entry in self.rows.iter_mut().flat_map(|row| &mut row.entries) {
            for reason in entry.summary.reasons() {
                let place = letters.iter().position(|known| *known == reason).unwrap_or_else(|| {
                    letters.push(reason);
                    letters.len() - 1
                });
                entry.notes.push(letter(place));
            }
        }
        self.footnotes =
            letters.into_iter().enumerate().map(|(place, reason)| (letter(place), reason)).collect();
    }

    fn remark(&mut self, shown: &[Row<'_>], record: &TableRecord) {
        let mut averaged = Vec::new();
        for axis in [Axis::Model, Axis::Method, Axis::Lambda, Axis::Pair, Axis::Repetition, Axis::Segments] {
            let named = record.rows.contains(&axis) || record.columns.contains(&axis);
            let several = |cells: &[Row<'_>]| group_by(cells, &[axis]).len() > 1;
            let axes: Vec<Axis> = record.rows.iter().chain(&record.columns).copied().collect();
            if !named && group_by(shown, &axes).iter().any(|(_, cells)| several(cells)) {
                averaged.push(axis_name(axis));
            }
        }
        let entries = || self.rows.iter().flat_map(|row| &row.entries);
        let mut counts: Vec<usize> =
            entries().filter_map(|entry| entry.summary.estimate.map(|e| e.n)).collect();
        counts.sort_unstable();
        let usual = most_frequent(&counts);
        counts.dedup();
        let errors = entries().any(|entry| entry.std_err.is_some());
        if !averaged.is_empty() {
            let over = averaged.join(", ");
            self.remarks.push(match counts.as_slice() {
                [n] => format!("Mean ± standard error over {over}; n = {n}."),
                _ => format!("Mean ± standard error over {over}; n = {usual} where nothing else is said."),
            });
        } else if errors {
            self.remarks.push("± is the standard error of the estimate.".to_owned());
        }
        let ranked = entries().any(|entry| entry.rank != Rank::None);
        let show_n = counts.len() > 1;
        let mut stops: BTreeMap<String, usize> = BTreeMap::new();
        for row in shown {
            if let Some(stop) = row.cell.and_then(|cell| cell.stop.as_ref()).filter(|stop| !stop.converged) {
                *stops.entry(stop.kind.clone()).or_default() += 1;
            }
        }
        if ranked {
            let within: Vec<&str> = record.compare_within.iter().map(|&axis| axis_name(axis)).collect();
            let within = if within.is_empty() {
                String::new()
            } else {
                format!(" within the same {}", within.join(" and "))
            };
            self.remarks.push(format!(
                "Best in bold, second best underlined{within}, among what converged; entries equal at the digits shown share the place."
            ));
        }
        if entries().any(|entry| entry.unconverged) {
            let stops: Vec<String> = stops.iter().map(|(kind, number)| format!("{kind} {number}")).collect();
            let behind = if averaged.is_empty() { "" } else { " in at least one of the cells averaged" };
            self.remarks.push(format!(
                "† stopped before it converged{behind} (cells of this table: {}).",
                stops.join(", ")
            ));
        }
        if show_n {
            for entry in self.rows.iter_mut().flat_map(|row| &mut row.entries) {
                entry.n = entry.summary.estimate.map(|estimate| estimate.n).filter(|&n| n != usual);
            }
        }
    }

    /// The heading of a row axis.
    pub(crate) fn row_heading(axis: Axis) -> &'static str {
        axis_name(axis)
    }
}

fn entry(summary: Summary, decimals: Option<usize>) -> Entry {
    let value = match summary.estimate {
        Some(estimate) => number(estimate.mean, decimals),
        None => summary.word().to_owned(),
    };
    let std_err = summary.estimate.and_then(|estimate| estimate.std_err).map(|std_err| match decimals {
        Some(_) => {
            let shown = number(std_err, decimals);
            let vanishes = std_err > 0.0 && shown.chars().all(|digit| matches!(digit, '0' | '.'));
            if vanishes { significant(std_err, 2) } else { shown }
        }
        None => significant(std_err, 2),
    });
    let unconverged = !summary.unconverged.is_empty();
    Entry { summary, value, std_err, unconverged, ..Entry::default() }
}

/// Marks the best and the second best of the entries at `places`, at the digits shown; one entry alone wins nothing.
fn rank(rows: &mut [TableRow], places: &[(usize, usize)], better: &str) {
    let sign = match better {
        "higher" => -1.0,
        "lower" => 1.0,
        _ => return,
    };
    let shown = |rows: &[TableRow], &(row, column): &(usize, usize)| -> f64 {
        sign * rows[row].entries[column].value.parse().unwrap_or(f64::NAN)
    };
    if places.len() < 2 {
        return;
    }
    let mut levels: Vec<f64> =
        places.iter().map(|place| shown(rows, place)).filter(|level| level.is_finite()).collect();
    levels.sort_by(f64::total_cmp);
    levels.dedup_by(|a, b| (*a - *b).abs() <= 0.0);
    for place in places {
        let level = shown(rows, place);
        let is = |rank: usize| levels.get(rank).is_some_and(|best| (level - best).abs() <= 0.0);
        rows[place.0].entries[place.1].rank = if is(0) {
            Rank::Best
        } else if is(1) {
            Rank::Second
        } else {
            Rank::None
        };
    }
}

/// Without the curves where the table is about numbers of studies, and without studies that answer other questions.
///
/// A method or study stays where one of its cells has a number of the table, and where none of its cells has any
/// number at all, so that failures are seen.
fn concerned<'a>(shown: &[Row<'a>], metrics: &[String], all: &[Row<'a>]) -> Vec<Row<'a>> {
    if !all.iter().any(Row::is_study) {
        return shown.to_vec();
    }
    let has = |row: &Row<'_>, asked: bool| {
        let records = row.cell.iter().flat_map(|cell| &cell.metrics);
        records.into_iter().any(|metric| metric.value.is_some() && (!asked || metrics.contains(&metric.id)))
    };
    let group = |study: bool| all.iter().filter(move |row| row.is_study() == study);
    let answered = |study: bool| group(study).any(|row| has(row, true));
    let wanted = |study: bool| answered(study) || !answered(!study);
    let stays = |row: &Row<'_>| {
        let same = || group(row.is_study()).filter(|other| other.key.method == row.key.method);
        wanted(row.is_study()) && (same().any(|row| has(row, true)) || !same().any(|row| has(row, false)))
    };
    shown.iter().filter(|row| stays(row)).copied().collect()
}

fn find_metrics(run: &Run, record: &TableRecord) -> Result<Vec<MetricMeta>, ReportError> {
    let known = &run.presentation.metrics;
    record
        .metrics
        .iter()
        .map(|id| {
            known.iter().find(|metric| metric.id == *id).cloned().ok_or_else(|| ReportError::Unknown {
                what: "table",
                id: record.id.clone(),
                asked: "metric",
                name: id.clone(),
                present: known.iter().map(|metric| metric.id.as_str()).collect::<Vec<_>>().join(", "),
            })
        })
        .collect()
}

/// The number that occurs most often in a sorted list; the larger one of equals.
fn most_frequent(sorted: &[usize]) -> usize {
    let blocks = sorted.chunk_by(|a, b| a == b);
    blocks.max_by_key(|block| block.len()).map_or(0, |block| block[0])
}

/// `a` to `z`, then `aa`, `ab`, ...
pub(crate) fn letter(place: usize) -> String {
    let last = char::from(b'a' + (place % 26) as u8);
    if place < 26 { last.to_string() } else { format!("{}{last}", letter(place / 26 - 1)) }
}
