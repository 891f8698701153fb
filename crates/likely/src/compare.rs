//! `likely compare`.

use crate::answer::{Answer, Exit};
use crate::args;
use crate::grid::TextGrid;
use crate::numbers::number;
use crate::specs;
use likely_experiment::compare;
use serde_json::json;
use std::fmt::Write as _;

pub(crate) fn command(args: &args::Compare) -> anyhow::Result<Answer> {
    let (first, second) = (specs::read_run(&args.first)?, specs::read_run(&args.second)?);
    let found = compare(&first, &second);
    let mut grid =
        TextGrid::new(["metric", "cells", "identical", "in one only", "mean second - first", "largest"]);
    for row in &found.metrics {
        grid.row([
            row.metric.clone(),
            row.cells.to_string(),
            row.identical.to_string(),
            row.one_sided.to_string(),
            number(row.mean),
            number(row.largest),
        ]);
    }
    let mut text = format!("first:  {}\nsecond: {}\n", first.path.display(), second.path.display());
    text.push_str(&grid.text());
    for (which, cells) in [("first", &found.only_first), ("second", &found.only_second)] {
        if !cells.is_empty() {
            let _ = writeln!(text, "{} cells are in the {which} run only", cells.len());
        }
    }
    let exit = if found.metrics.is_empty() { Exit::NothingMeasured } else { Exit::Fine };
    if found.metrics.is_empty() {
        text.push_str("the two runs have no cell in common\n");
    }
    let json = json!({ "first": first.path, "second": second.path, "comparison": found });
    Ok(Answer { exit, text, json })
}
