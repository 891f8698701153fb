//! Compares a run with published and pinned numbers.

use likely_record::{
    CellRecord, ClaimRecord, ClaimRole, Pinned, PinnedCell, Run, Status, VerdictCell, VerdictKind,
    VerdictRecord, VerdictStatus,
};
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Largest difference from a pinned number, relative to `max(1, |pinned|)`, for metrics that the spec does not name.
pub const DEFAULT_TOLERANCE: f64 = 1e-9;

/// What a verification comes to. Where several hold, the first of this list counts: one that moved is worse news than one
/// that is missing. A number cannot have moved where no cell ran, so a run whose every cell failed is incomplete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// Not one cell of the run ran or failed: all are missing or skipped; exit code 4.
    NothingMeasured,
    /// A number moved; exit code 1.
    Moved,
    /// A cell is missing, damaged or failed, or a number that should be there is not; exit code 3.
    Incomplete,
    /// There is neither a pinned number nor a claim to judge, so nothing was found to be the same.
    NothingJudged,
    /// Every number is the same; exit code 0.
    Same,
}

/// A run beside the published and pinned numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Verification {
    /// Published numbers in the order of the spec, then pinned ones in the order of the plan.
    ///
    /// A pinned cell has a row for each metric; its status, stop, iterations and evaluations have one where they moved.
    pub rows: Vec<VerdictRecord>,
    /// Cells that are there and ran.
    pub measured: usize,
    /// Cells that failed.
    pub failed: usize,
    /// Cells that are missing or damaged.
    pub missing: usize,
    /// Cells that are there and not pinned, where there are pinned numbers.
    pub unpinned: usize,
}

impl Verification {
    /// Rows with the given status.
    pub fn count(&self, status: VerdictStatus) -> usize {
        self.rows.iter().filter(|row| row.status == status).count()
    }

    /// What it comes to.
    pub fn outcome(&self) -> Outcome {
        let same = self.count(VerdictStatus::Same) + self.count(VerdictStatus::Deviation);
        if self.measured + self.failed == 0 {
            Outcome::NothingMeasured
        } else if self.measured == 0 {
            Outcome::Incomplete
        } else if self.count(VerdictStatus::Moved) > 0 {
            Outcome::Moved
        } else if self.failed + self.missing + self.count(VerdictStatus::NotMeasured) > 0 {
            Outcome::Incomplete
        } else if same == 0 {
            Outcome::NothingJudged
        } else {
            Outcome::Same
        }
    }
}

/// Compares `run` with the claims that it carries and with `pinned`.
///
/// `tolerance` gives, for each metric that has its own, the largest difference from the pinned number relative to
/// `max(1, |pinned|)`; the others have [`DEFAULT_TOLERANCE`]. Counts of work and reasons of stopping have none. A claim has
/// its own, absolute tolerance. A number that is missing or not finite never passes.
pub fn verify(run: &Run, pinned: Option<&Pinned>, tolerance: &BTreeMap<String, f64>) -> Verification {
    let judged = run.presentation.claims.iter().filter(|claim| claim.metric != ClaimRecord::CLOCK);
    let mut rows: Vec<VerdictRecord> = judged.map(|claim| judge_claim(run, claim)).collect();
    let mut unpinned = 0;
    if let Some(pinned) = pinned {
        let cells: BTreeMap<String, &CellRecord> =
            run.cells.iter().map(|cell| (cell.key.hash(), cell)).collect();
        let judge = PinnedJudge { run, pinned, tolerance };
        let mut known = 0;
        for cell in &pinned.cells {
            let now = cells.get(&cell.key.hash()).copied();
            known += usize::from(now.is_some());
            judge.cell(cell, now, &mut rows);
        }
        unpinned = cells.len().saturating_sub(known);
    }
    let with = |status: Status| run.cells.iter().filter(|cell| cell.status == status).count();
    Verification {
        rows,
        measured: with(Status::Ok),
        failed: with(Status::Failed),
        missing: run.missing.len(),
        unpinned,
    }
}

/// The mean over all planned cells that the claim names, or why there is none.
fn mean_over(run: &Run, claim: &ClaimRecord) -> Result<f64, String> {
    let planned: Vec<_> = run
        .plan
        .cells
        .iter()
        .map(|cell| &cell.key)
        .filter(|key| key.model == claim.model && key.method == claim.method)
        .filter(|key| claim.pair.as_ref().is_none_or(|pair| *pair == key.pair))
        .filter(|key| claim.lambda.is_none_or(|lambda| key.lambda.is_some_and(|own| equal(own, lambda))))
        .collect();
    let Some(first) = planned.first() else {
        return Err(format!("the {} tier has no such cell", run.plan.tier));
    };
    let same_axes = planned.iter().all(|key| {
        key.segments == first.segments && key.lambda.map(f64::to_bits) == first.lambda.map(f64::to_bits)
    });
    if !same_axes {
        return Err("its cells have several weights or segments, over which no mean is taken".to_owned());
    }
    let mut sum = 0.0;
    for key in &planned {
        let cell = run.cells.iter().find(|cell| cell.key == **key);
        let Some(cell) = cell else {
            return Err(format!("the cell of pair `{}`, repetition {} is missing", key.pair, key.repetition));
        };
        sum += value_of(cell, &claim.metric)?;
    }
    let mean = sum / planned.len() as f64;
    if mean.is_finite() { Ok(mean) } else { Err("the mean is not finite".to_owned()) }
}

/// The value of a metric, or why there is none.
fn value_of(cell: &CellRecord, id: &str) -> Result<f64, String> {
    let reason = || {
        let metric = cell.metrics.iter().find(|metric| metric.id == id);
        let reason = metric.and_then(|metric| metric.reason.as_ref()).or(cell.reason.as_ref());
        reason.map_or_else(|| "the metric was not measured".to_owned(), Clone::clone)
    };
    match cell.metric(id) {
        Some(value) if value.is_finite() => Ok(value),
        Some(_) => Err("the value is not finite".to_owned()),
        None => Err(reason()),
    }
}

fn judge_claim(run: &Run, claim: &ClaimRecord) -> VerdictRecord {
    let now = mean_over(run, claim);
    let (status, note) = match (claim.role, claim.value, &now) {
        (ClaimRole::Compare, _, Ok(_)) => (VerdictStatus::Compared, String::new()),
        (ClaimRole::Compare, _, Err(reason)) => (VerdictStatus::Compared, reason.clone()),
        (ClaimRole::Reproduce, None, _) => (VerdictStatus::NotPublic, String::new()),
        (ClaimRole::Reproduce, Some(_), Err(reason)) => (VerdictStatus::NotMeasured, reason.clone()),
        (ClaimRole::Reproduce, Some(value), Ok(now)) => {
            if within(*now, value, claim.tolerance) {
                (VerdictStatus::Same, String::new())
            } else if let Some(deviation) = &claim.deviation {
                (VerdictStatus::Deviation, format!("known: DEVIATIONS.md, {deviation}"))
            } else {
                (VerdictStatus::Moved, format!("differs by {:.3e}", now - value))
            }
        }
    };
    VerdictRecord {
        kind: VerdictKind::Published,
        cell: VerdictCell::from(claim),
        metric: claim.metric.clone(),
        reference: claim.value,
        now: now.ok(),
        tolerance: claim.tolerance,
        status,
        place: claim.place.clone(),
        note,
    }
}

struct PinnedJudge<'a> {
    run: &'a Run,
    pinned: &'a Pinned,
    tolerance: &'a BTreeMap<String, f64>,
}

impl PinnedJudge<'_> {
    fn cell(&self, pinned: &PinnedCell, now: Option<&CellRecord>, rows: &mut Vec<VerdictRecord>) {
        let Some(now) = now else {
            let planned = self.run.plan.cells.iter().any(|cell| cell.key == pinned.key);
            let note = if planned {
                "the cell is missing".to_owned()
            } else {
                "the cell is no longer planned; `likely pin` forgets it".to_owned()
            };
            let row = |metric: &str, value: Option<f64>| VerdictRecord {
                status: VerdictStatus::NotMeasured,
                ..self.row(pinned, metric, value, None, note.clone())
            };
            if pinned.metrics.is_empty() {
                rows.push(row("status", None));
            }
            rows.extend(pinned.metrics.iter().map(|(id, &value)| row(id, Some(value))));
            return;
        };
        let before = word(pinned.status);
        if pinned.status != now.status {
            let reason = now.reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
            let note = format!("was {before}, is {}{reason}", word(now.status));
            rows.push(self.row(pinned, "status", None, None, note));
        }
        let stop = now.stop.as_ref().map(|stop| stop.kind.as_str());
        if pinned.stop.as_deref() != stop {
            let name = |stop: Option<&str>| stop.unwrap_or("nothing").to_owned();
            let note = format!("stopped by {}, now by {}", name(pinned.stop.as_deref()), name(stop));
            rows.push(self.row(pinned, "stop", None, None, note));
        }
        let work = [
            ("iterations", u64::from(pinned.iterations), u64::from(now.iterations)),
            ("evaluations-values", pinned.evaluations.values, now.evaluations.values),
            ("evaluations-gradients", pinned.evaluations.gradients, now.evaluations.gradients),
        ];
        for (metric, before, after) in work.into_iter().filter(|(_, before, after)| before != after) {
            let note = format!("was {before}, is {after}");
            rows.push(self.row(pinned, metric, Some(before as f64), Some(after as f64), note));
        }
        for (id, &before) in &pinned.metrics {
            let mut row = self.row(pinned, id, Some(before), None, String::new());
            match value_of(now, id) {
                Ok(value) => {
                    row.now = Some(value);
                    row.tolerance =
                        self.tolerance.get(id).copied().unwrap_or(DEFAULT_TOLERANCE) * before.abs().max(1.0);
                    if within(value, before, row.tolerance) {
                        row.status = VerdictStatus::Same;
                    } else {
                        row.note = format!("differs by {:.3e}{}", value - before, self.elsewhere());
                    }
                }
                Err(reason) => {
                    row.status = VerdictStatus::NotMeasured;
                    row.note = reason;
                }
            }
            rows.push(row);
        }
    }

    /// A row that says that something moved.
    fn row(
        &self,
        pinned: &PinnedCell,
        metric: &str,
        reference: Option<f64>,
        now: Option<f64>,
        note: String,
    ) -> VerdictRecord {
        let mut place = format!("pinned/{}-{}.json", self.pinned.experiment, self.pinned.tier);
        if self.pinned.spec_version != self.run.plan.spec_version {
            let _ = write!(place, ", of spec version {}", self.pinned.spec_version);
        }
        VerdictRecord {
            kind: VerdictKind::Pinned,
            cell: VerdictCell::from(&pinned.key),
            metric: metric.to_owned(),
            reference,
            now,
            tolerance: 0.0,
            status: VerdictStatus::Moved,
            place,
            note,
        }
    }

    /// On what it was computed, where that is not what it was pinned on.
    fn elsewhere(&self) -> String {
        let (before, provenance) = (&self.pinned.cpu, &self.run.provenance);
        let now = if provenance.on_processor() { &provenance.cpu } else { &provenance.device };
        if before == now { String::new() } else { format!(" (pinned on {before}, computed on {now})") }
    }
}

fn word(status: Status) -> &'static str {
    match status {
        Status::Ok => "ok",
        Status::Skipped => "skipped",
        Status::Failed => "failed",
    }
}

/// Whether two numbers are finite and no further apart than `tolerance`.
fn within(now: f64, reference: f64, tolerance: f64) -> bool {
    now.is_finite() && reference.is_finite() && (now - reference).abs() <= tolerance
}

/// Whether two numbers are equal; zero equals negative zero.
fn equal(a: f64, b: f64) -> bool {
    a.partial_cmp(&b) == Some(Ordering::Equal)
}

#[cfg(test)]
mod tests;
