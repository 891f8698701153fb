//! A table of where a method stands among the others.

use crate::ReportError;
use crate::axis_value::{AxisValue, axis_name};
use crate::frame::head_column;
use crate::group::{Row, group_in_order, rows};
use crate::number::{count, number};
use crate::sheet::{Head, Sheet};
use likely_record::{Axis, CellKey, ClaimRecord, RankingRecord, Run, Status};
use polars::prelude::{Column, DataFrame};

/// Numbers that differ by less than this, relative, share a place.
const SAME: f64 = 1e-9;

/// A method at a weight.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entrant {
    method: String,
    /// Bits of the weight.
    lambda: Option<u64>,
}

impl Entrant {
    fn of(key: &CellKey) -> Self {
        Self { method: key.method.clone(), lambda: key.lambda.map(f64::to_bits) }
    }

    fn of_claim(claim: &ClaimRecord) -> Self {
        Self { method: claim.method.clone(), lambda: claim.lambda.map(f64::to_bits) }
    }
}

/// A place among others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    /// How many are better.
    better: usize,
    /// Others that are as good.
    ties: usize,
    /// All that have a number, the method itself included.
    of: usize,
}

impl Place {
    /// The place of `own` among `others`, which are better where they are lower.
    fn among(own: f64, others: &[f64]) -> Self {
        let same = |other: &&f64| (**other - own).abs() <= SAME * own.abs().max(other.abs());
        Self {
            better: others.iter().filter(|other| **other < own && !same(other)).count(),
            ties: others.iter().filter(same).count(),
            of: others.len() + 1,
        }
    }

    /// Whether nothing is better or as good.
    fn is_first_alone(self) -> bool {
        self.better == 0 && self.ties == 0
    }

    fn text(self) -> String {
        let tied = if self.ties > 0 { "=" } else { "" };
        format!("{}{tied} of {}", self.better + 1, self.of)
    }
}

/// A row.
#[derive(Debug, Clone, PartialEq)]
struct Line {
    heads: Vec<AxisValue>,
    /// The number of the method; none where it has none.
    own: Option<f64>,
    place: Option<Place>,
    /// The best of the others.
    best: Option<(String, f64)>,
    /// Methods that have no number in the row.
    without: Vec<String>,
    /// The place that the published numbers give it.
    published: Option<Place>,
}

/// Where a method stands, in no particular form yet.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ranking {
    record: RankingRecord,
    /// Whether higher is better.
    higher: bool,
    lines: Vec<Line>,
}

impl Ranking {
    /// Ranks the cells of a run.
    pub(crate) fn new(run: &Run, record: &RankingRecord) -> Self {
        let metric = run.presentation.metrics.iter().find(|metric| metric.id == record.metric);
        let higher = metric.is_some_and(|metric| metric.better == "higher");
        let mut ranking = Self { record: record.clone(), higher, lines: Vec::new() };
        let all = rows(run);
        let shown: Vec<Row<'_>> = all.iter().filter(|row| ranking.takes_part(row.key)).copied().collect();
        for (heads, cells) in group_in_order(&shown, &record.rows, &all) {
            let line = ranking.line(heads, &cells, &run.presentation.claims);
            ranking.lines.push(line);
        }
        ranking
    }

    /// The stem of its files.
    pub(crate) fn id(&self) -> &str {
        &self.record.id
    }

    fn is_own(&self, entrant: &Entrant) -> bool {
        let lambda = self.record.lambda.map(f64::to_bits);
        entrant.method == self.record.method && (lambda.is_none() || entrant.lambda == lambda)
    }

    /// Whether a cell is the method's own or one of those that it is held against.
    fn takes_part(&self, key: &CellKey) -> bool {
        if key.method == self.record.method {
            return self.is_own(&Entrant::of(key));
        }
        self.record.methods.is_empty() || self.record.methods.contains(&key.method)
    }

    /// The number turned so that lower is better.
    fn turned(&self, value: f64) -> f64 {
        if self.higher { -value } else { value }
    }

    fn line(&self, heads: Vec<AxisValue>, cells: &[Row<'_>], claims: &[ClaimRecord]) -> Line {
        let mut entrants: Vec<(Entrant, Vec<Option<f64>>)> = Vec::new();
        for row in cells {
            let (entrant, value) = (Entrant::of(row.key), self.value(row));
            match entrants.iter_mut().find(|(known, _)| *known == entrant) {
                Some((_, values)) => values.push(value),
                None => entrants.push((entrant, vec![value])),
            }
        }
        let (mut own, mut others, mut without) = (None, Vec::new(), Vec::new());
        for (entrant, values) in entrants {
            // A mean over fewer cells than the others have is not a mean of the same thing.
            let Some(numbers) = values.iter().copied().collect::<Option<Vec<f64>>>() else {
                without.push(entrant.method);
                continue;
            };
            let mean = numbers.iter().sum::<f64>() / numbers.len() as f64;
            if self.is_own(&entrant) {
                own = Some(mean);
            } else {
                others.push((entrant.method, mean));
            }
        }
        let best =
            others.iter().min_by(|(_, a), (_, b)| self.turned(*a).total_cmp(&self.turned(*b))).cloned();
        let turned: Vec<f64> = others.iter().map(|(_, value)| self.turned(*value)).collect();
        let place = own.map(|own| Place::among(self.turned(own), &turned));
        let published = self.published(&heads, claims);
        Line { heads, own, place, best, without, published }
    }

    fn value(&self, row: &Row<'_>) -> Option<f64> {
        let cell = row.cell.filter(|cell| cell.status == Status::Ok)?;
        cell.metrics.iter().find(|metric| metric.id == self.record.metric)?.value
    }

    /// The place by the published numbers of the row's model.
    fn published(&self, heads: &[AxisValue], claims: &[ClaimRecord]) -> Option<Place> {
        let model = self.record.rows.iter().position(|axis| *axis == Axis::Model);
        let AxisValue::Name(model) = heads.get(model?)? else { return None };
        let about = claims.iter().filter(|claim| claim.metric == self.record.metric && claim.model == *model);
        let (mut own, mut others) = (None, Vec::new());
        for claim in about.filter(|claim| !claim.place.starts_with("predicted")) {
            let Some(value) = claim.value else { continue };
            if self.is_own(&Entrant::of_claim(claim)) {
                own = Some(self.turned(value));
            } else if claim.method != self.record.method {
                others.push(self.turned(value));
            }
        }
        own.map(|own| Place::among(own, &others))
    }

    /// The numbers in full precision.
    pub(crate) fn frame(&self) -> Result<DataFrame, ReportError> {
        let lines = &self.lines;
        let mut columns = Vec::new();
        for (place, &axis) in self.record.rows.iter().enumerate() {
            columns.push(head_column(axis, lines.iter().map(|line| line.heads.get(place))));
        }
        let wholes = |name: &str, of: &dyn Fn(&Line) -> Option<usize>| {
            let found: Vec<Option<u64>> = lines.iter().map(|line| of(line).map(|n| n as u64)).collect();
            Column::new(name.into(), found)
        };
        let published = |line: &Line, of: fn(Place) -> usize| line.published.map(of);
        let methods: Vec<&str> = lines.iter().map(|_| self.record.method.as_str()).collect();
        let own: Vec<Option<f64>> = lines.iter().map(|line| line.own).collect();
        let best: Vec<Option<&str>> =
            lines.iter().map(|line| line.best.as_ref().map(|(method, _)| method.as_str())).collect();
        let bests: Vec<Option<f64>> =
            lines.iter().map(|line| line.best.as_ref().map(|(_, value)| *value)).collect();
        columns.extend([
            Column::new("method".into(), methods),
            Column::new(self.record.metric.as_str().into(), own),
            wholes("place", &|line| line.place.map(|place| place.better + 1)),
            wholes("ties", &|line| line.place.map(|place| place.ties)),
            wholes("of", &|line| line.place.map(|place| place.of)),
            Column::new("best-of-the-others".into(), best),
            Column::new("best-of-the-others-value".into(), bests),
            wholes("without-numbers", &|line| Some(line.without.len())),
            wholes("published-place", &|line| published(line, |place| place.better + 1)),
            wholes("published-of", &|line| published(line, |place| place.of)),
        ]);
        DataFrame::new(lines.len(), columns)
            .map_err(|source| ReportError::Frame { table: self.record.id.clone(), source })
    }

    /// The table in words.
    pub(crate) fn sheet(&self) -> Sheet {
        let axes = &self.record.rows;
        let mut heads: Vec<Head> = axes.iter().map(|&axis| Head::name(axis_name(axis))).collect();
        heads.extend([
            Head::number(&self.record.method),
            Head::number("place"),
            Head::name("best of the others"),
            Head::number("its number"),
            Head::number("place, published"),
            Head::number("without a number"),
        ]);
        let dash = || "–".to_owned();
        let words = |line: &Line| {
            let mut words: Vec<String> = line.heads.iter().map(AxisValue::text).collect();
            words.extend([
                line.own.map_or_else(dash, |own| number(own, self.record.decimals)),
                line.place.map_or_else(dash, Place::text),
                line.best.as_ref().map_or_else(dash, |(method, _)| method.clone()),
                line.best.as_ref().map_or_else(dash, |(_, value)| number(*value, self.record.decimals)),
                line.published.map_or_else(dash, Place::text),
                line.without.len().to_string(),
            ]);
            words
        };
        Sheet {
            title: self.record.title.clone(),
            heads,
            named: axes.len(),
            rows: self.lines.iter().map(words).collect(),
            closing: 0,
            remarks: self.remarks(),
        }
    }

    /// The answer, and what is not in the table.
    fn remarks(&self) -> Vec<String> {
        let record = &self.record;
        let extreme = if self.higher { "highest" } else { "lowest" };
        let name = |line: &Line| {
            let names = line.heads.iter().zip(&record.rows).map(|(head, &axis)| head.label(axis));
            names.collect::<Vec<_>>().join(", ")
        };
        let first = |line: &&Line| line.place.is_some_and(Place::is_first_alone);
        let firsts = self.lines.iter().filter(first).count();
        let mut remarks = vec![format!(
            "{} has the {extreme} `{}` of all in {firsts} of {}.",
            record.method,
            record.metric,
            count(self.lines.len(), "row")
        )];
        for line in self.lines.iter().filter(|line| !first(line)) {
            remarks.push(match (&line.place, &line.best) {
                (Some(place), Some((method, _))) => {
                    format!(
                        "Not in {}: it is {}, and the {extreme} of the others has {method}.",
                        name(line),
                        place.text()
                    )
                }
                (None, _) => format!("Not in {}: it has no number.", name(line)),
                (Some(_), None) => format!("In {} there is nothing to compare it with.", name(line)),
            });
        }
        let published: Vec<Place> = self.lines.iter().filter_map(|line| line.published).collect();
        if !published.is_empty() {
            let firsts = published.iter().filter(|place| place.is_first_alone()).count();
            remarks.push(format!("By the published numbers it has it in {firsts} of {}.", published.len()));
        }
        let mut without: Vec<&str> =
            self.lines.iter().flat_map(|line| line.without.iter().map(String::as_str)).collect();
        without.sort_unstable();
        without.dedup();
        if !without.is_empty() {
            remarks.push(format!(
                "Without a number in some row, and so without a place there: {}.",
                without.join(", ")
            ));
        }
        remarks
    }
}
