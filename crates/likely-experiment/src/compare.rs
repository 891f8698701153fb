//! Sets two runs beside each other.

use likely_record::{CellRecord, Run, VerdictCell};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// One metric of one cell in two runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Difference {
    /// The cell.
    pub cell: VerdictCell,
    /// The metric, or `iterations`, `evaluations-values`, `evaluations-gradients`.
    pub metric: String,
    /// In the first run; `None` where there is no value.
    pub first: Option<f64>,
    /// In the second run.
    pub second: Option<f64>,
}

impl Difference {
    /// Second minus first, where both are there.
    pub fn difference(&self) -> Option<f64> {
        Some(self.second? - self.first?)
    }
}

/// One metric over all cells that both runs have.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct MetricDifference {
    /// The metric.
    pub metric: String,
    /// Cells in which both runs have a value.
    pub cells: usize,
    /// Cells in which the two values have the same bits.
    pub identical: usize,
    /// Cells in which only one run has a value.
    pub one_sided: usize,
    /// Mean of second minus first.
    pub mean: Option<f64>,
    /// Largest absolute difference.
    pub largest: Option<f64>,
}

/// Two runs beside each other.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Comparison {
    /// One row a metric, sorted.
    pub metrics: Vec<MetricDifference>,
    /// Every value that differs in its bits, in the order of the first run.
    pub differences: Vec<Difference>,
    /// Cells that only the first run has.
    pub only_first: Vec<VerdictCell>,
    /// Cells that only the second run has.
    pub only_second: Vec<VerdictCell>,
}

/// Compares the cells that both runs have, metric by metric.
///
/// Cells are the same when all their axes are, other than the experiment: runs of two specs with the same labels compare.
pub fn compare(first: &Run, second: &Run) -> Comparison {
    let others: BTreeMap<String, &CellRecord> =
        second.cells.iter().map(|cell| (hash_without_experiment(cell), cell)).collect();
    let mut seen = BTreeSet::new();
    let mut only_first = Vec::new();
    let mut rows: Vec<Difference> = Vec::new();
    for cell in &first.cells {
        let hash = hash_without_experiment(cell);
        let Some(other) = others.get(&hash) else {
            only_first.push(VerdictCell::from(&cell.key));
            continue;
        };
        seen.insert(hash);
        let (before, after) = (values(cell), values(other));
        let names: BTreeSet<&str> = before.keys().chain(after.keys()).map(String::as_str).collect();
        rows.extend(names.into_iter().map(|metric| Difference {
            cell: VerdictCell::from(&cell.key),
            metric: metric.to_owned(),
            first: before.get(metric).copied(),
            second: after.get(metric).copied(),
        }));
    }
    let only_second = second
        .cells
        .iter()
        .filter(|cell| !seen.contains(&hash_without_experiment(cell)))
        .map(|cell| VerdictCell::from(&cell.key))
        .collect();
    let metrics = summarise(&rows);
    rows.retain(|row| row.first.map(f64::to_bits) != row.second.map(f64::to_bits));
    Comparison { metrics, differences: rows, only_first, only_second }
}

fn hash_without_experiment(cell: &CellRecord) -> String {
    let mut key = cell.key.clone();
    key.experiment.clear();
    key.hash()
}

fn values(cell: &CellRecord) -> BTreeMap<String, f64> {
    let metrics = cell.metrics.iter().filter_map(|metric| Some((metric.id.clone(), metric.value?)));
    let work = [
        ("iterations", u64::from(cell.iterations)),
        ("evaluations-values", cell.evaluations.values),
        ("evaluations-gradients", cell.evaluations.gradients),
    ];
    metrics.chain(work.map(|(name, count)| (name.to_owned(), count as f64))).collect()
}

fn summarise(rows: &[Difference]) -> Vec<MetricDifference> {
    let mut groups: BTreeMap<&str, Vec<&Difference>> = BTreeMap::new();
    for row in rows {
        groups.entry(&row.metric).or_default().push(row);
    }
    groups
        .into_iter()
        .map(|(metric, rows)| {
            let both: Vec<(f64, f64)> =
                rows.iter().filter_map(|row| Some((row.first?, row.second?))).collect();
            let gaps = || both.iter().map(|(first, second)| second - first);
            MetricDifference {
                metric: metric.to_owned(),
                cells: both.len(),
                identical: both.iter().filter(|(first, second)| first.to_bits() == second.to_bits()).count(),
                one_sided: rows.len() - both.len(),
                mean: (!both.is_empty()).then(|| gaps().sum::<f64>() / both.len() as f64),
                largest: gaps().map(f64::abs).reduce(f64::max),
            }
        })
        .collect()
}
