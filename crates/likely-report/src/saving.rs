//! A table of what methods save in evaluations against a baseline.

use crate::ReportError;
use crate::axis_value::{AxisValue, axis_name};
use crate::frame::head_column;
use crate::group::{Row, group_in_order, rows};
use crate::number::{count, number, significant};
use crate::sheet::{Head, Sheet};
use crate::tally::{Ratio, Side, Tally};
use likely_record::{Axis, CellKey, Run, SavingRecord};
use polars::prelude::{Column, DataFrame};
use std::collections::BTreeMap;

/// Digits of an energy: enough to see a difference that is judged.
const ENERGY_DIGITS: usize = 7;

/// A row: a method in a group of cells, or over all groups.
#[derive(Debug, Clone, PartialEq)]
struct Line {
    /// Values on the row axes; none for a line over all rows.
    heads: Option<Vec<AxisValue>>,
    /// The method; none for a line over all methods.
    method: Option<String>,
    tally: Tally,
}

/// What methods save, in no particular form yet.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Saving {
    record: SavingRecord,
    axes: Vec<Axis>,
    lines: Vec<Line>,
    /// Weights at which a side evaluated nothing, with how many pairs are left out for it.
    idle: BTreeMap<AxisValue, usize>,
}

impl Saving {
    /// Compares the cells of a run; methods that a smaller tier leaves out are left out here too.
    pub(crate) fn new(run: &Run, record: &SavingRecord) -> Self {
        let all = rows(run);
        let by_hash: BTreeMap<&str, &Row<'_>> = all.iter().map(|row| (row.hash, row)).collect();
        let baseline = |key: &CellKey| {
            let partner = CellKey { method: record.baseline.clone(), ..key.clone() };
            by_hash.get(partner.hash().as_str()).and_then(|row| Side::of(row))
        };
        let axes: Vec<Axis> = record.rows.iter().copied().filter(|axis| *axis != Axis::Method).collect();
        let shown: Vec<Row<'_>> =
            all.iter().filter(|row| record.methods.contains(&row.key.method)).copied().collect();
        let mut saving = Self { record: record.clone(), axes, lines: Vec::new(), idle: BTreeMap::new() };
        let mut totals: BTreeMap<&str, Tally> = BTreeMap::new();
        for (heads, cells) in group_in_order(&shown, &saving.axes, &all) {
            for method in &record.methods {
                let mut tally = Tally::default();
                for row in cells.iter().filter(|row| row.key.method == *method) {
                    let before = tally.idle;
                    tally.take(Side::of(row), baseline(row.key));
                    if tally.idle > before {
                        *saving.idle.entry(AxisValue::of(Axis::Lambda, row.key)).or_default() += 1;
                    }
                }
                if tally.compared() + tally.absent > 0 {
                    totals.entry(method).or_default().join(&tally);
                    let (heads, method) = (Some(heads.clone()), Some(method.clone()));
                    saving.lines.push(Line { heads, method, tally });
                }
            }
        }
        let mut everything = Tally::default();
        for method in &record.methods {
            if let Some(tally) = totals.get(method.as_str()) {
                everything.join(tally);
                saving.lines.push(Line { heads: None, method: Some(method.clone()), tally: tally.clone() });
            }
        }
        if totals.len() != 1 {
            saving.lines.push(Line { heads: None, method: None, tally: everything });
        }
        saving
    }

    /// The stem of its files.
    pub(crate) fn id(&self) -> &str {
        &self.record.id
    }

    /// The numbers in full precision.
    pub(crate) fn frame(&self) -> Result<DataFrame, ReportError> {
        let lines = &self.lines;
        let scope = lines.iter().map(|line| if line.heads.is_some() { "row" } else { "all" });
        let mut columns = vec![Column::new("scope".into(), scope.collect::<Vec<_>>())];
        for (place, &axis) in self.axes.iter().enumerate() {
            let heads = lines.iter().map(|line| line.heads.as_ref().and_then(|heads| heads.get(place)));
            columns.push(head_column(axis, heads));
        }
        let methods: Vec<Option<&str>> = lines.iter().map(|line| line.method.as_deref()).collect();
        columns.push(Column::new("method".into(), methods));
        let counts = |name: &str, of: &dyn Fn(&Tally) -> usize| {
            let counts: Vec<u64> = lines.iter().map(|line| of(&line.tally) as u64).collect();
            Column::new(name.into(), counts)
        };
        let wholes = [
            counts("compared", &Tally::compared),
            counts("without-numbers", &|tally| tally.absent),
            counts("counted", &Tally::counted),
            counts("energy-lower", &|tally| tally.standings()[0]),
            counts("energy-same", &|tally| tally.standings()[1]),
            counts("energy-higher", &|tally| tally.standings()[2]),
            counts("baseline-unconverged", &|tally| tally.unconverged()[0]),
            counts("method-unconverged", &|tally| tally.unconverged()[1]),
        ];
        columns.extend(wholes);
        let mut ratios = |name: &str, of: &dyn Fn(&Tally) -> Option<Ratio>| {
            let found: Vec<Option<Ratio>> = lines.iter().map(|line| of(&line.tally)).collect();
            let values: Vec<Option<f64>> = found.iter().map(|ratio| ratio.map(|ratio| ratio.value)).collect();
            let bounds: Vec<Option<bool>> =
                found.iter().map(|ratio| ratio.map(|ratio| ratio.at_least)).collect();
            columns.push(Column::new(name.into(), values));
            columns.push(Column::new(format!("{name} at-least").into(), bounds));
        };
        ratios("ratio-median", &|tally| tally.ratios().map(|[median, ..]| median));
        ratios("ratio-min", &|tally| tally.ratios().map(|[_, least, _]| least));
        ratios("ratio-max", &|tally| tally.ratios().map(|[.., largest]| largest));
        ratios("ratio-median-counted", &Tally::counted_median);
        for (place, name) in ["baseline-energy-mean", "method-energy-mean"].into_iter().enumerate() {
            let means: Vec<Option<f64>> =
                lines.iter().map(|line| line.energies().map(|means| means[place])).collect();
            columns.push(Column::new(name.into(), means));
        }
        DataFrame::new(lines.len(), columns)
            .map_err(|source| ReportError::Frame { table: self.record.id.clone(), source })
    }

    /// The table in words.
    pub(crate) fn sheet(&self) -> Sheet {
        let mut heads: Vec<Head> = self
            .axes
            .iter()
            .map(|&axis| match axis {
                Axis::Lambda | Axis::Repetition | Axis::Segments => Head::number(axis_name(axis)),
                Axis::Model | Axis::Method | Axis::Pair => Head::name(axis_name(axis)),
            })
            .collect();
        heads.push(Head::name(axis_name(Axis::Method)));
        heads.extend(
            [
                "pairs",
                "median ratio",
                "min to max",
                "counted",
                "median counted",
                "lower / same / higher",
                "regularised energy, baseline",
                "regularised energy, method",
                "stopped early, baseline / method",
            ]
            .map(Head::number),
        );
        Sheet {
            title: self.record.title.clone(),
            heads,
            named: self.axes.len() + 1,
            rows: self.lines.iter().map(|line| self.words(line)).collect(),
            closing: self.lines.iter().filter(|line| line.heads.is_none()).count(),
            remarks: self.remarks(),
        }
    }

    fn words(&self, line: &Line) -> Vec<String> {
        let mut words: Vec<String> = match &line.heads {
            Some(heads) => heads.iter().map(AxisValue::text).collect(),
            None => (0..self.axes.len())
                .map(|place| if place == 0 { "all rows".to_owned() } else { String::new() })
                .collect(),
        };
        let tally = &line.tally;
        let ratio = |ratio: Option<Ratio>| match ratio {
            Some(Ratio { value, at_least }) => {
                let value = number(value, self.record.decimals);
                if at_least { format!("≥ {value}") } else { value }
            }
            None => "–".to_owned(),
        };
        let range = match tally.ratios() {
            Some([_, least, largest]) => format!("{} to {}", ratio(Some(least)), ratio(Some(largest))),
            None => "–".to_owned(),
        };
        let energy = |place: usize| {
            line.energies().map_or("–".to_owned(), |means| significant(means[place], ENERGY_DIGITS))
        };
        let compared = match tally.absent {
            0 => tally.compared().to_string(),
            absent => format!("{} of {}", tally.compared(), tally.compared() + absent),
        };
        words.extend([
            line.method.clone().unwrap_or_else(|| "all methods".to_owned()),
            compared,
            ratio(tally.ratios().map(|[median, ..]| median)),
            range,
            tally.counted().to_string(),
            ratio(tally.counted_median()),
            tally.standings().map(|number| number.to_string()).join(" / "),
            energy(0),
            energy(1),
            tally.unconverged().map(|number| number.to_string()).join(" / "),
        ]);
        words
    }

    /// How to read the table, and what is not in it.
    fn remarks(&self) -> Vec<String> {
        let baseline = &self.record.baseline;
        let mut remarks = vec![
            format!(
                "Ratio: evaluations of {baseline} (the baseline) over those of the method, for the same model, λ, pair, repetition and segments; above 1 the method took fewer."
            ),
            "A ratio counts where the method converged and its regularised energy is not higher than the baseline's; the median of those that count is – where none does.".to_owned(),
            "Lower / same / higher: how often the method's regularised energy is that, the same up to a millionth of it; both are shown as means over the pairs of the row.".to_owned(),
        ];
        let tallies = || self.lines.iter().map(|line| &line.tally);
        if tallies().any(Tally::has_bounds) {
            remarks.push(
                "≥ marks a number that would be larger had the baseline been run until it converged everywhere."
                    .to_owned(),
            );
        }
        if tallies().any(|tally| tally.unconverged()[1] > 0) {
            remarks.push(
                "Where the method stopped before it converged, its evaluations are those until then, and the ratio does not count."
                    .to_owned(),
            );
        }
        if tallies().any(|tally| tally.absent > 0) {
            remarks.push(
                "Pairs in which a side was skipped, failed, was not run, has no partner or weighs the potential otherwise are not compared."
                    .to_owned(),
            );
        }
        if !self.idle.is_empty() {
            let pairs = count(self.idle.values().sum(), "pair");
            let weights: Vec<String> = self.idle.keys().map(|weight| weight.label(Axis::Lambda)).collect();
            let are = if pairs.starts_with("1 ") { "is" } else { "are" };
            remarks.push(format!(
                "{pairs} in which a side evaluated the density nowhere {are} left out ({}).",
                weights.join(", ")
            ));
        }
        remarks
    }
}

impl Line {
    /// Mean energies; none over all rows, whose energies are of different objectives.
    fn energies(&self) -> Option<[f64; 2]> {
        self.heads.as_ref().and_then(|_| self.tally.energies())
    }
}
