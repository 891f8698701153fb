//! `likely verify`.

use crate::answer::{Answer, Exit};
use crate::args;
use crate::grid::TextGrid;
use crate::numbers::{cell, number};
use crate::specs;
use likely_experiment::{Outcome, Verification, verify};
use likely_record::{Pinned, Run, VerdictKind, VerdictStatus};
use serde_json::{Value, json};
use std::path::Path;

pub(crate) fn command(args: &args::Selection) -> anyhow::Result<Answer> {
    let runs = specs::runs_of(&args.of, &args.experiments, &args.results, args.tier)?;
    let mut answer = Answer { exit: Exit::Fine, text: String::new(), json: Value::Array(Vec::new()) };
    let mut documents = Vec::new();
    for run in &runs {
        let found = of_run(run, &args.results)?;
        let exit = exit_of(&found);
        answer.exit = answer.exit.and(exit);
        answer.text.push_str(&text(run, &found));
        documents.push(json!({
            "run": run.path,
            "outcome": outcome_id(found.outcome()),
            "exit": exit as u8,
            "measured": found.measured,
            "failed": found.failed,
            "missing": found.missing,
            "unpinned": found.unpinned,
            "rows": found.rows,
        }));
    }
    if runs.is_empty() {
        answer.exit = Exit::NothingMeasured;
        answer.text.push_str("nothing was measured: there are no specs\n");
    }
    answer.json = json!({ "runs": documents });
    Ok(answer)
}

/// Compares a run with the numbers pinned for it.
pub(crate) fn of_run(run: &Run, results: &Path) -> anyhow::Result<Verification> {
    let path = Pinned::path(results, &run.plan.experiment, &run.plan.tier)?;
    let pinned = Pinned::read(&path)?;
    Ok(verify(run, pinned.as_ref(), &specs::tolerance_of(run)?))
}

/// How `verify` ends: nothing passes for want of numbers to compare with.
pub(crate) fn exit_of(found: &Verification) -> Exit {
    match found.outcome() {
        Outcome::NothingMeasured | Outcome::NothingJudged => Exit::NothingMeasured,
        Outcome::Moved => Exit::Moved,
        Outcome::Incomplete => Exit::Incomplete,
        Outcome::Same => Exit::Fine,
    }
}

/// The outcome in a few words.
pub(crate) fn outcome_id(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::NothingMeasured => "nothing-measured",
        Outcome::Moved => "moved",
        Outcome::Incomplete => "incomplete",
        Outcome::NothingJudged => "nothing-judged",
        Outcome::Same => "same",
    }
}

/// Published numbers, everything that is not the same, and the counts.
pub(crate) fn text(run: &Run, found: &Verification) -> String {
    let mut grid = TextGrid::new(["status", "against", "cell", "metric", "reference", "now", "note"]);
    for row in &found.rows {
        if row.kind == VerdictKind::Pinned && row.status == VerdictStatus::Same {
            continue;
        }
        let against = match row.kind {
            VerdictKind::Published => "published",
            VerdictKind::Pinned => "pinned",
        };
        let note = if row.note.is_empty() { row.place.clone() } else { row.note.clone() };
        grid.row([
            row.status.id().to_owned(),
            against.to_owned(),
            cell(&row.cell),
            row.metric.clone(),
            number(row.reference),
            number(row.now),
            note,
        ]);
    }
    let statuses = [
        VerdictStatus::Same,
        VerdictStatus::Moved,
        VerdictStatus::NotMeasured,
        VerdictStatus::Deviation,
        VerdictStatus::Compared,
        VerdictStatus::NotPublic,
    ];
    let counts: Vec<String> = statuses
        .into_iter()
        .map(|status| (found.count(status), status.id()))
        .filter(|(count, _)| *count > 0)
        .map(|(count, id)| format!("{count} {id}"))
        .collect();
    let verdict = match found.outcome() {
        Outcome::NothingMeasured => "nothing was measured".to_owned(),
        Outcome::Moved => "numbers moved".to_owned(),
        Outcome::Incomplete => format!("incomplete: {} failed, {} missing", found.failed, found.missing),
        Outcome::NothingJudged => {
            "nothing to compare with: no pinned numbers and no claim to judge; `likely pin` makes the first"
                .to_owned()
        }
        Outcome::Same => "every number is the same".to_owned(),
    };
    let table = if found.rows.is_empty() { String::new() } else { grid.text() };
    let unpinned = match found.unpinned {
        0 => String::new(),
        count => format!("; {count} cells are not pinned"),
    };
    format!("{}\n{table}{verdict} ({}{unpinned})\n", run.path.display(), counts.join(", "))
}
