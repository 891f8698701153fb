//! `likely plan`.

use crate::answer::{Answer, Exit};
use crate::args;
use crate::grid::TextGrid;
use crate::machine;
use likely_experiment::{Plan, Spec};
use likely_models::OpenDevice;
use likely_record::RunFolder;
use serde_json::json;
use std::fmt::Write as _;

/// Cells that differ in their pair and repetition only.
struct Group {
    model: String,
    method: String,
    lambda: Option<f64>,
    segments: u32,
    cells: usize,
    at_most: u64,
}

pub(crate) fn command(args: &args::PlanArgs) -> anyhow::Result<Answer> {
    let spec = Spec::read(&args.spec)?;
    let options = machine::plan_options(false, OpenDevice::cpu())?;
    let plan = Plan::new(&spec, args.tier, &options)?;
    let record = plan.record();
    let mut groups: Vec<Group> = Vec::new();
    for cell in &record.cells {
        let key = &cell.key;
        let same = |group: &&mut Group| {
            group.model == key.model
                && group.method == key.method
                && group.lambda.map(f64::to_bits) == key.lambda.map(f64::to_bits)
        };
        if let Some(group) = groups.last_mut().filter(|group| same(group)) {
            group.cells += 1;
            group.at_most = group.at_most.saturating_add(cell.evaluations_at_most);
        } else {
            groups.push(Group {
                model: key.model.clone(),
                method: key.method.clone(),
                lambda: key.lambda,
                segments: key.segments,
                cells: 1,
                at_most: cell.evaluations_at_most,
            });
        }
    }
    let mut grid = TextGrid::new(["model", "method", "lambda", "segments", "cells", "evaluations at most"]);
    for group in &groups {
        grid.row([
            group.model.clone(),
            group.method.clone(),
            group.lambda.map_or_else(|| "-".to_owned(), |lambda| lambda.to_string()),
            group.segments.to_string(),
            group.cells.to_string(),
            group.at_most.to_string(),
        ]);
    }
    let at_most = record.cells.iter().fold(0_u64, |sum, cell| sum.saturating_add(cell.evaluations_at_most));
    let mut text = format!("{}: {}\n", spec.id(), spec.title());
    text.push_str(&grid.text());
    let _ = writeln!(
        text,
        "{} cells at the {} tier, at most {at_most} evaluated points; `likely run` writes to runs/{}",
        record.cells.len(),
        args.tier,
        RunFolder::name(record),
    );
    let exit = if record.cells.is_empty() { Exit::NothingMeasured } else { Exit::Fine };
    let json = json!({
        "folder": RunFolder::name(record),
        "cells": record.cells.len(),
        "evaluations-at-most": at_most,
        "plan": record,
    });
    Ok(Answer { exit, text, json })
}
