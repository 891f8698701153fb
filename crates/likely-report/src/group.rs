//! Groups of cells and what they say about a metric together.

use crate::axis_value::AxisValue;
use crate::number::{count, shortest};
use likely_record::{CellKey, CellRecord, Run, Status, TimingRecord};
use std::collections::BTreeMap;

/// A planned cell and what became of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row<'a> {
    pub(crate) hash: &'a str,
    pub(crate) key: &'a CellKey,
    /// The result; `None` where there is none yet or it was damaged.
    pub(crate) cell: Option<&'a CellRecord>,
    pub(crate) timing: Option<&'a TimingRecord>,
}

/// The name that cells of studies have in the place of a pair.
const STUDY: &str = "study";

impl Row<'_> {
    /// Whether it is the cell of a study, which has numbers and series but no curve.
    pub(crate) fn is_study(&self) -> bool {
        self.key.pair == STUDY
    }

    /// What figures call it where it is the cell of a study: its label, with its weight where it has one.
    pub(crate) fn study(&self) -> String {
        match self.key.lambda {
            None => self.key.method.clone(),
            Some(lambda) => format!("{}, λ = {}", self.key.method, shortest(lambda)),
        }
    }
}

/// Every planned cell, in the order of the plan.
pub(crate) fn rows(run: &Run) -> Vec<Row<'_>> {
    let done: BTreeMap<String, &CellRecord> = run.cells.iter().map(|cell| (cell.key.hash(), cell)).collect();
    run.plan
        .cells
        .iter()
        .map(|planned| Row {
            hash: &planned.hash,
            key: &planned.key,
            cell: done.get(&planned.hash).copied(),
            timing: run.timings.get(&planned.hash),
        })
        .collect()
}

/// A mean over cells.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Estimate {
    pub(crate) mean: f64,
    /// Standard error of the mean; of the single reading where there is only one.
    pub(crate) std_err: Option<f64>,
    /// Independent values averaged.
    pub(crate) n: usize,
}

impl Estimate {
    /// The mean of `values`, and its standard error from their scatter.
    ///
    /// Values of the same pair of end points are averaged first where there are several pairs, because repetitions on
    /// the same pair are not independent of each other.
    fn from_values(values: &[(&str, f64, Option<f64>)]) -> Option<Self> {
        let mut pairs: BTreeMap<&str, (f64, usize)> = BTreeMap::new();
        for &(pair, value, _) in values {
            let entry = pairs.entry(pair).or_default();
            entry.0 += value;
            entry.1 += 1;
        }
        let units: Vec<f64> = if pairs.len() > 1 {
            pairs.values().map(|&(sum, n)| sum / n as f64).collect()
        } else {
            values.iter().map(|&(_, value, _)| value).collect()
        };
        let n = units.len();
        if n == 0 {
            return None;
        }
        let mean = units.iter().sum::<f64>() / n as f64;
        let std_err = if n > 1 {
            let squares: f64 = units.iter().map(|unit| (unit - mean).powi(2)).sum();
            Some((squares / (n - 1) as f64 / n as f64).sqrt())
        } else {
            values[0].2
        };
        Some(Self { mean, std_err, n })
    }

    /// Half the width of the 95 % interval of the mean, by Student's t.
    pub(crate) fn half_width(&self) -> Option<f64> {
        let quantile = if self.n > 1 { student_975(self.n - 1) } else { 1.959_964 };
        self.std_err.map(|std_err| std_err * quantile)
    }
}

/// The 97.5 % quantile of Student's t, to three decimals.
fn student_975(freedom: usize) -> f64 {
    const SMALL: [f64; 10] = [
        12.706_205, 4.302_653, 3.182_446, 2.776_445, 2.570_582, 2.446_912, 2.364_624, 2.306_004, 2.262_157,
        2.228_139,
    ];
    if let Some(quantile) = freedom.checked_sub(1).and_then(|index| SMALL.get(index)) {
        return *quantile;
    }
    // Cornish-Fisher expansion around the normal quantile.
    let (z, freedom) = (1.959_964_f64, freedom as f64);
    let first = (z.powi(3) + z) / 4.0;
    let second = (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / 96.0;
    let third = (3.0 * z.powi(7) + 19.0 * z.powi(5) + 17.0 * z.powi(3) - 15.0 * z) / 384.0;
    z + first / freedom + second / freedom.powi(2) + third / freedom.powi(3)
}

/// Why a cell has no value for a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Absence {
    Failed,
    Skipped,
    NoValue,
    NotRun,
}

impl Absence {
    /// The word that stands in the place of a number.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::NoValue => "no value",
            Self::NotRun => "not run",
        }
    }
}

/// What a group of cells says about a metric.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Summary {
    /// The mean over the cells that have a value.
    pub(crate) estimate: Option<Estimate>,
    /// Cells in the group.
    pub(crate) planned: usize,
    /// Cells with a value.
    pub(crate) measured: usize,
    /// Cells with a value whose method stopped before it converged, by kind of stop.
    pub(crate) unconverged: BTreeMap<String, usize>,
    /// Cells without a value, by why.
    pub(crate) absent: BTreeMap<(Absence, String), usize>,
}

impl Summary {
    /// Of the cells `group`, for `metric`.
    pub(crate) fn new(group: &[Row<'_>], metric: &str) -> Self {
        let mut summary = Self { planned: group.len(), ..Self::default() };
        let mut values = Vec::new();
        for row in group {
            match reading(row, metric) {
                Ok((value, std_err)) => {
                    values.push((row.key.pair.as_str(), value, std_err));
                    if let Some(stop) =
                        row.cell.and_then(|cell| cell.stop.as_ref()).filter(|stop| !stop.converged)
                    {
                        *summary.unconverged.entry(stop.kind.clone()).or_default() += 1;
                    }
                }
                Err(absence) => *summary.absent.entry(absence).or_default() += 1,
            }
        }
        summary.measured = values.len();
        summary.estimate = Estimate::from_values(&values);
        summary
    }

    /// Whether every cell has a value; only then do two means speak of the same cells.
    pub(crate) fn is_complete(&self) -> bool {
        self.planned > 0 && self.measured == self.planned
    }

    /// The word that stands for a group without any value.
    pub(crate) fn word(&self) -> &'static str {
        self.absent.keys().next().map_or("", |(absence, _)| absence.word())
    }

    /// Why cells have no value, with counts where the group has several cells.
    pub(crate) fn reasons(&self) -> Vec<String> {
        self.absent
            .iter()
            .map(|((absence, reason), number)| {
                let what = absence.word();
                let reason = if reason.is_empty() { String::new() } else { format!(": {reason}") };
                if self.planned > 1 {
                    format!("{number} of {} {what}{reason}", count(self.planned, "cell"))
                } else {
                    format!("{what}{reason}")
                }
            })
            .collect()
    }
}

/// The value of a metric in a cell, or why there is none.
fn reading(row: &Row<'_>, metric: &str) -> Result<(f64, Option<f64>), (Absence, String)> {
    let Some(cell) = row.cell else {
        return Err((Absence::NotRun, String::new()));
    };
    let reason = cell.reason.clone().unwrap_or_default();
    match cell.status {
        Status::Failed => return Err((Absence::Failed, reason)),
        Status::Skipped => return Err((Absence::Skipped, reason)),
        Status::Ok => {}
    }
    let Some(record) = cell.metrics.iter().find(|record| record.id == metric) else {
        return Err((Absence::NoValue, "not measured".to_owned()));
    };
    match record.value {
        Some(value) if value.is_finite() => Ok((value, record.std_err.filter(|std_err| std_err.is_finite()))),
        Some(_) => Err((Absence::NoValue, "the value is not finite".to_owned())),
        None => Err((Absence::NoValue, record.reason.clone().unwrap_or_default())),
    }
}

/// Cells that share values on some axes, in the order of the plan.
pub(crate) fn group_by<'a>(
    rows: &[Row<'a>],
    axes: &[likely_record::Axis],
) -> Vec<(Vec<AxisValue>, Vec<Row<'a>>)> {
    let mut places: BTreeMap<Vec<AxisValue>, usize> = BTreeMap::new();
    let mut groups: Vec<(Vec<AxisValue>, Vec<Row<'a>>)> = Vec::new();
    for row in rows {
        let values = AxisValue::all(axes, row.key);
        let place = *places.entry(values.clone()).or_insert_with(|| {
            groups.push((values, Vec::new()));
            groups.len() - 1
        });
        groups[place].1.push(*row);
    }
    groups
}

/// As [`group_by`], with the groups ordered by their axes from left to right: neighbours share what stands further left.
///
/// The values of an axis are ordered by where they first stand in `all`.
pub(crate) fn group_in_order<'a>(
    rows: &[Row<'a>],
    axes: &[likely_record::Axis],
    all: &[Row<'_>],
) -> Vec<(Vec<AxisValue>, Vec<Row<'a>>)> {
    let places: Vec<BTreeMap<AxisValue, usize>> = axes
        .iter()
        .map(|&axis| {
            let mut places = BTreeMap::new();
            for row in all {
                let next = places.len();
                places.entry(AxisValue::of(axis, row.key)).or_insert(next);
            }
            places
        })
        .collect();
    let mut groups = group_by(rows, axes);
    groups.sort_by_cached_key(|(values, _)| {
        values.iter().zip(&places).map(|(value, places)| places.get(value).copied()).collect::<Vec<_>>()
    });
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetitions_on_one_pair_do_not_count_as_independent() {
        let values = [("a", 1.0, None), ("a", 3.0, None), ("b", 6.0, None)];
        let estimate = Estimate::from_values(&values).unwrap();
        // Pair means 2 and 6: mean 4, scatter 2 sqrt(2), standard error 2.
        assert_eq!(estimate.n, 2);
        assert!((estimate.mean - 4.0).abs() < 1e-15);
        assert!((estimate.std_err.unwrap() - 2.0).abs() < 1e-15);
        assert!((estimate.half_width().unwrap() - 25.412_41).abs() < 1e-4);
    }

    #[test]
    fn a_single_estimate_keeps_its_own_error_and_nothing_has_no_mean() {
        let estimate = Estimate::from_values(&[("a", 1.5, Some(0.25))]).unwrap();
        assert_eq!(estimate, Estimate { mean: 1.5, std_err: Some(0.25), n: 1 });
        assert_eq!(Estimate::from_values(&[]), None);
    }

    #[test]
    fn quantiles_of_student_agree_with_the_tables() {
        // scipy.stats.t.ppf(0.975, n)
        for (freedom, quantile) in
            [(1, 12.706_205), (10, 2.228_139), (11, 2.200_985), (19, 2.093_024), (99, 1.984_217)]
        {
            assert!((student_975(freedom) - quantile).abs() < 5e-4, "{freedom}: {}", student_975(freedom));
        }
    }
}
