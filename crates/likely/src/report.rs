//! `likely report`.

use crate::answer::{Answer, Exit};
use crate::{args, specs, verify};
use anyhow::Context;
use likely_experiment::Verification;
use likely_record::{Run, VerdictRecord};
use serde_json::json;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

pub(crate) fn command(args: &args::ReportArgs) -> anyhow::Result<Answer> {
    let folders: Vec<PathBuf> = if args.folders.is_empty() {
        specs::newest_runs(&args.results)?.into_values().collect()
    } else {
        args.folders.clone()
    };
    let mut runs = Vec::new();
    let mut text = String::new();
    for folder in &folders {
        let run = specs::read_run(folder)?;
        let verification = verify::of_run(&run, &args.results)?;
        likely_report::write_run(&run, &verification.rows)
            .with_context(|| format!("drawing the report of {}", folder.display()))?;
        let _ = writeln!(text, "{}", folder.join("report.html").display());
        runs.push((run, verification));
    }
    let mut page = None;
    if args.folders.is_empty() && !runs.is_empty() {
        let path = index(&runs, &args.results)?;
        let _ = writeln!(text, "{}", path.display());
        page = Some(path);
    }
    if runs.is_empty() {
        text = format!("nothing was measured: there is no run in {}\n", args.results.join("runs").display());
    }
    let exit = if runs.is_empty() { Exit::NothingMeasured } else { Exit::Fine };
    let pages: Vec<PathBuf> = folders.iter().map(|folder| folder.join("report.html")).collect();
    Ok(Answer { exit, text, json: json!({ "pages": pages, "index": page }) })
}

/// Draws the page over several runs.
pub(crate) fn index(runs: &[(Run, Verification)], results: &Path) -> anyhow::Result<PathBuf> {
    let path = results.join("report.html");
    let rows: Vec<(&Run, &[VerdictRecord])> =
        runs.iter().map(|(run, verification)| (run, verification.rows.as_slice())).collect();
    likely_report::write_index(&rows, &path).with_context(|| format!("drawing {}", path.display()))?;
    Ok(path)
}
