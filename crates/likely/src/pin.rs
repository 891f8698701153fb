//! `likely pin`.

use crate::answer::{Answer, Exit, Failure};
use crate::args;
use crate::grid::TextGrid;
use crate::numbers::cell;
use crate::specs;
use likely_record::{CellKey, Pinned, PinnedCell, Run, Status, VerdictCell};
use serde::Serialize;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;

/// One pinned number that is not what it was.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Change {
    cell: VerdictCell,
    metric: String,
    old: Option<String>,
    new: Option<String>,
}

pub(crate) fn command(args: &args::Selection) -> anyhow::Result<Answer> {
    let runs = specs::runs_of(&args.of, &args.experiments, &args.results, args.tier)?;
    for run in &runs {
        check(run)?;
    }
    let mut text = String::new();
    let mut documents = Vec::new();
    for run in &runs {
        let path = Pinned::path(&args.results, &run.plan.experiment, &run.plan.tier)?;
        let old = Pinned::read(&path)?;
        let new = Pinned::from_run(run);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)
                .map_err(|error| Failure::usage(format!("cannot create {}: {error}", folder.display())))?;
        }
        new.write(&path)?;
        let changes = old.as_ref().map(|old| changes(old, &new)).unwrap_or_default();
        let _ = writeln!(text, "{} (from {}, {})", path.display(), run.path.display(), new.cpu);
        if old.is_none() {
            let _ = writeln!(text, "first numbers of {} cells", new.cells.len());
        } else if changes.is_empty() {
            let _ = writeln!(text, "{} cells, nothing changed", new.cells.len());
        } else {
            let mut grid = TextGrid::new(["cell", "metric", "old", "", "new"]);
            for change in &changes {
                let word = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
                let arrow = "->".to_owned();
                let name = cell(&change.cell);
                grid.row([name, change.metric.clone(), word(&change.old), arrow, word(&change.new)]);
            }
            text.push_str(&grid.text());
        }
        documents.push(json!({
            "file": path,
            "run": run.path,
            "cpu": new.cpu,
            "cells": new.cells.len(),
            "first": old.is_none(),
            "changes": changes,
        }));
    }
    Ok(Answer { exit: Exit::Fine, text, json: json!({ "pinned": documents }) })
}

/// Only whole runs of the processor are pinned.
fn check(run: &Run) -> anyhow::Result<()> {
    if !run.provenance.on_processor() {
        let message = format!(
            "{} is not pinned: its networks ran on {}, and pinned numbers are those of the processor",
            run.path.display(),
            run.provenance.device,
        );
        return Err(Failure::usage(message));
    }
    let failed = run.cells.iter().filter(|cell| cell.status == Status::Failed).count();
    let missing = run.missing.len();
    if failed + missing > 0 {
        let message = format!(
            "{} is not pinned: {missing} cells are missing and {failed} failed; `likely run` says why",
            run.path.display(),
        );
        return Err(Failure::ending(Exit::Incomplete, message));
    }
    if run.cells.iter().all(|cell| cell.status != Status::Ok) {
        let message = format!("{} is not pinned: nothing was measured", run.path.display());
        return Err(Failure::ending(Exit::NothingMeasured, message));
    }
    Ok(())
}

fn changes(old: &Pinned, new: &Pinned) -> Vec<Change> {
    let index = |pinned: &Pinned| -> BTreeMap<String, BTreeMap<String, String>> {
        pinned.cells.iter().map(|cell| (cell.key.hash(), values(cell))).collect()
    };
    let (before, after) = (index(old), index(new));
    let gone = old.cells.iter().map(|cell| &cell.key).filter(|key| !after.contains_key(&key.hash()));
    let keys: Vec<&CellKey> = new.cells.iter().map(|cell| &cell.key).chain(gone).collect();
    let none = BTreeMap::new();
    let mut changes = Vec::new();
    for key in keys {
        let hash = key.hash();
        let (old, new) = (before.get(&hash).unwrap_or(&none), after.get(&hash).unwrap_or(&none));
        let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        changes.extend(names.into_iter().filter(|name| old.get(*name) != new.get(*name)).map(|name| {
            Change {
                cell: VerdictCell::from(key),
                metric: name.clone(),
                old: old.get(name).cloned(),
                new: new.get(name).cloned(),
            }
        }));
    }
    changes
}

/// Everything that is pinned of a cell, as text that differs where the bits do.
fn values(cell: &PinnedCell) -> BTreeMap<String, String> {
    let mut values: BTreeMap<String, String> =
        cell.metrics.iter().map(|(id, value)| (id.clone(), format!("{value:?}"))).collect();
    let status = match cell.status {
        Status::Ok => "ok",
        Status::Skipped => "skipped",
        Status::Failed => "failed",
    };
    values.insert("status".to_owned(), status.to_owned());
    values.insert("stop".to_owned(), cell.stop.clone().unwrap_or_else(|| "none".to_owned()));
    values.insert("iterations".to_owned(), cell.iterations.to_string());
    values.insert("evaluations-values".to_owned(), cell.evaluations.values.to_string());
    values.insert("evaluations-gradients".to_owned(), cell.evaluations.gradients.to_string());
    values
}
