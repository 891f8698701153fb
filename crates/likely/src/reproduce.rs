//! `likely reproduce`.

use crate::answer::{Answer, Exit, message_of};
use crate::args;
use crate::grid::TextGrid;
use crate::progress::Show;
use crate::run::Runner;
use crate::{report, specs, verify};
use likely_experiment::{Outcome, PlanError};
use likely_models::DATA_ABSENT;
use likely_record::VerdictStatus;
use likely_report::Absent;
use serde_json::json;
use std::fmt::Write as _;

fn is_data_absent(error: &anyhow::Error) -> bool {
    error.downcast_ref::<PlanError>().is_some_and(PlanError::is_data_absent)
}

pub(crate) fn command(args: &args::Reproduce, show: Show) -> anyhow::Result<Answer> {
    let paths = specs::in_folder(&args.experiments)?;
    let specs = specs::read_all(&paths)?;
    let runner = Runner::new(&args.work, show)?;
    let pinned = runner.pinned(&specs)?;
    let mut grid = TextGrid::new([
        "experiment",
        "cells",
        "computed",
        "skipped",
        "failed",
        "same",
        "moved",
        "not measured",
        "deviations",
        "outcome",
    ]);
    let mut answer = Answer { exit: Exit::Fine, text: String::new(), json: json!(null) };
    let mut documents = Vec::new();
    let mut runs = Vec::new();
    let mut absent = Vec::new();
    let mut details = String::new();
    for (spec, pinned) in specs.iter().zip(pinned) {
        let plan = match runner.plan(spec) {
            Ok(plan) => plan,
            Err(error) if is_data_absent(&error) => {
                let reason = message_of(&error);
                let _ = writeln!(details, "{} was not run: {reason}", spec.id());
                grid.row([spec.id(), "", "", "", "", "", "", "", "", DATA_ABSENT].map(str::to_owned));
                documents.push(json!({ "experiment": spec.id(), "absent": reason }));
                absent.push(Absent { title: spec.title().to_owned(), reason });
                answer.exit = answer.exit.and(Exit::Incomplete);
                continue;
            }
            Err(error) => return Err(error),
        };
        let finished = runner.run(spec, &plan)?;
        let found = &finished.verification;
        let mut exit = finished.exit();
        if exit != Exit::Interrupted {
            exit = match found.outcome() {
                // A machine that has never pinned anything has reproduced what it measured.
                Outcome::NothingJudged => exit,
                _ => exit.and(verify::exit_of(found)),
            };
        }
        if args.require_pinned && !pinned && exit != Exit::Interrupted {
            exit = exit.and(Exit::NothingMeasured);
            let (tier, path) = (args.work.tier, spec.path().display());
            let _ = writeln!(
                details,
                "{path} has no pinned numbers at the {tier} tier, which --require-pinned asks for; \
                 `likely pin {path} --tier {tier}` makes them"
            );
        }
        answer.exit = answer.exit.and(exit);
        grid.row([
            finished.run.plan.experiment.clone(),
            finished.run.plan.cells.len().to_string(),
            finished.summary.done.to_string(),
            finished.summary.skipped.to_string(),
            finished.summary.failed.to_string(),
            found.count(VerdictStatus::Same).to_string(),
            found.count(VerdictStatus::Moved).to_string(),
            found.count(VerdictStatus::NotMeasured).to_string(),
            found.count(VerdictStatus::Deviation).to_string(),
            verify::outcome_id(found.outcome()).replace('-', " "),
        ]);
        details.push_str(&finished.failures());
        if matches!(found.outcome(), Outcome::Moved | Outcome::Incomplete) {
            details.push_str(&verify::text(&finished.run, found));
        }
        let mut document = finished.json();
        document["pinned"] = json!(pinned);
        documents.push(document);
        if finished.summary.interrupted {
            details.push_str("interrupted; the same command finishes what is missing\n");
            break;
        }
        runs.push((finished.run, finished.verification));
    }
    answer.text = format!("{details}{}", grid.text());
    let mut page = None;
    if specs.is_empty() {
        answer.exit = Exit::NothingMeasured;
        answer.text = format!("nothing was measured: {} has no specs\n", args.experiments.display());
    } else if answer.exit != Exit::Interrupted {
        let path = report::index(&runs, &absent, &args.work.results)?;
        let _ = writeln!(answer.text, "\nthe page is {}", path.display());
        page = Some(path);
    }
    answer.json = json!({ "page": page, "runs": documents });
    Ok(answer)
}
