//! `likely report`.

use crate::answer::{Answer, Exit, Failure, message_of, say};
use crate::{args, specs, verify};
use anyhow::Context;
use likely_experiment::{Spec, Tier, Verification};
use likely_record::{Run, VerdictRecord};
use likely_report::Absent;
use serde_json::json;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

pub(crate) fn command(args: &args::ReportArgs) -> anyhow::Result<Answer> {
    let mut skipped: Vec<Skipped> = Vec::new();
    let folders = if args.of.is_empty() { every(args, &mut skipped)? } else { named(args)? };
    let mut runs = Vec::new();
    let mut pages = Vec::new();
    let mut text = String::new();
    for folder in folders {
        match draw(&folder, &args.results) {
            Ok(drawn) => {
                let page = folder.join("report.html");
                let _ = writeln!(text, "{}", page.display());
                pages.push(page);
                runs.push(drawn);
            }
            // One bad folder keeps nobody from the others.
            Err(error) => skipped.push(Skipped { folder, reason: message_of(&error) }),
        }
    }
    let mut page = None;
    if args.of.is_empty() && !runs.is_empty() {
        let path = index(&runs, &[], &args.results)?;
        let _ = writeln!(text, "{}", path.display());
        page = Some(path);
    }
    let exit = if !skipped.is_empty() {
        Exit::Incomplete
    } else if runs.is_empty() {
        text = format!("nothing was measured: there is no run in {}\n", args.results.join("runs").display());
        Exit::NothingMeasured
    } else {
        Exit::Fine
    };
    for Skipped { folder, reason } in &skipped {
        let line = format!("skipped: {}: {reason}", folder.display());
        say(&format!("likely: {line}"));
        let _ = writeln!(text, "{line}");
    }
    let skipped: Vec<_> = skipped
        .iter()
        .map(|Skipped { folder, reason }| json!({ "folder": folder, "reason": reason }))
        .collect();
    Ok(Answer { exit, text, json: json!({ "pages": pages, "index": page, "skipped": skipped }) })
}

/// A run folder that is not on the page.
struct Skipped {
    folder: PathBuf,
    reason: String,
}

fn draw(folder: &Path, results: &Path) -> anyhow::Result<(Run, Verification)> {
    let run = specs::read_run(folder)?;
    let verification = verify::of_run(&run, results)?;
    likely_report::write_run(&run, &verification.rows)
        .with_context(|| format!("drawing the report of {}", folder.display()))?;
    Ok((run, verification))
}

/// The folders that specs and folders name.
fn named(args: &args::ReportArgs) -> anyhow::Result<Vec<PathBuf>> {
    let found = specs::run_folders(&args.results)?;
    let mut folders = Vec::new();
    for path in &args.of {
        if path.is_dir() && !path.join("plan.json").exists() {
            // The wrong folder, not a damaged run.
            specs::read_run(path)?;
        }
        if path.is_dir() {
            folders.push(path.clone());
            continue;
        }
        match specs::run_of_spec(&Spec::read(path)?, args.tier, &found)? {
            Ok(folder) => folders.push(folder),
            Err(none) => {
                let message = none.message(path, args.tier, &args.results);
                return Err(Failure::ending(Exit::NothingMeasured, message));
            }
        }
    }
    Ok(folders)
}

/// One folder of each experiment and tier: that of the spec as it is now, or the newest where there is no such spec.
fn every(args: &args::ReportArgs, skipped: &mut Vec<Skipped>) -> anyhow::Result<Vec<PathBuf>> {
    let paths = if args.experiments.is_dir() { specs::in_folder(&args.experiments)? } else { Vec::new() };
    let specs = specs::read_all(&paths)?;
    let found = specs::run_folders(&args.results)?;
    let mut folders = Vec::new();
    for ((experiment, tier), candidates) in &found {
        let newest = candidates.first().cloned();
        let spec = specs.iter().find(|spec| spec.id() == experiment);
        let (Some(spec), Ok(tier)) = (spec, tier.parse::<Tier>()) else {
            folders.extend(newest);
            continue;
        };
        match (specs::run_of_spec(spec, tier, &found)?, newest) {
            (Ok(folder), _) => folders.push(folder),
            (Err(none), Some(folder)) => {
                skipped.push(Skipped { folder, reason: none.message(spec.path(), tier, &args.results) });
            }
            (Err(_), None) => {}
        }
    }
    Ok(folders)
}

/// Draws the page over several runs.
pub(crate) fn index(
    runs: &[(Run, Verification)],
    absent: &[Absent],
    results: &Path,
) -> anyhow::Result<PathBuf> {
    let path = results.join("report.html");
    let rows: Vec<(&Run, &[VerdictRecord])> =
        runs.iter().map(|(run, verification)| (run, verification.rows.as_slice())).collect();
    likely_report::write_index(&rows, absent, &path)
        .with_context(|| format!("drawing {}", path.display()))?;
    Ok(path)
}
