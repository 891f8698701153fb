//! `likely doctor`.

use crate::answer::{Answer, Exit};
use crate::{args, machine, specs};
use likely_experiment::Spec;
use likely_models::built_for_cuda;
use likely_record::Pinned;
use serde::Serialize;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Free space below which a run may not fit.
const LEAST_FREE_MIB: u64 = 1024;

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Check {
    what: &'static str,
    ok: bool,
    found: String,
    todo: Option<String>,
}

impl Check {
    fn ok(what: &'static str, found: impl Into<String>) -> Self {
        Self { what, ok: true, found: found.into(), todo: None }
    }

    fn problem(what: &'static str, found: impl Into<String>, todo: impl Into<String>) -> Self {
        Self { what, ok: false, found: found.into(), todo: Some(todo.into()) }
    }
}

pub(crate) fn command(args: &args::Doctor) -> Answer {
    let mut checks = vec![writable(&args.results), free_space(&args.results)];
    checks.extend(spec_files(args));
    let threads = machine::threads();
    checks.push(Check::ok("threads", threads.to_string()));
    checks.push(Check::ok("cpu", machine::cpu()));
    let features = machine::cpu_features();
    checks.push(if features.is_empty() {
        Check::ok("vector instructions", "none that are used: slower, same numbers to rounding")
    } else {
        Check::ok("vector instructions", features.join(", "))
    });
    checks.extend(gpus());
    let problems = checks.iter().filter(|check| !check.ok).count();
    let mut lines = Vec::new();
    for check in &checks {
        let word = if check.ok { "ok     " } else { "problem" };
        lines.push(format!("{word}  {}: {}", check.what, check.found));
        lines.extend(check.todo.iter().map(|todo| format!("         {todo}")));
    }
    let text = lines.join("\n") + "\n";
    let exit = if problems == 0 { Exit::Fine } else { Exit::Usage };
    Answer { exit, text, json: json!({ "problems": problems, "checks": checks }) }
}

/// Whether networks of images can run on NVIDIA GPUs, and on which.
fn gpus() -> Vec<Check> {
    const WHAT: &str = "NVIDIA GPUs";
    if !built_for_cuda() {
        return vec![Check::ok(
            WHAT,
            "this program was built without them (feature `cuda`); networks run on the processor",
        )];
    }
    match likely_models::gpus() {
        Ok(gpus) if gpus.is_empty() => {
            vec![Check::ok(WHAT, "the driver sees none; networks run on the processor")]
        }
        Ok(gpus) => gpus.into_iter().map(|(name, kind)| Check::ok(WHAT, format!("{name}: {kind}"))).collect(),
        Err(error) => vec![Check::ok(WHAT, format!("none can be used: {error}"))],
    }
}

/// The folder itself, or the nearest one above it that exists.
fn existing(folder: &Path) -> PathBuf {
    let mut above = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    while !above.exists() && above.pop() {}
    above
}

fn writable(results: &Path) -> Check {
    const WHAT: &str = "results folder";
    let folder = existing(results);
    let name = results.display();
    if !folder.is_dir() {
        return Check::problem(
            WHAT,
            format!("{} is not a folder", folder.display()),
            "move that file away or name another folder with --results",
        );
    }
    match tempfile::NamedTempFile::new_in(&folder) {
        Ok(_) if results.exists() => Check::ok(WHAT, format!("{name} can be written")),
        Ok(_) => Check::ok(WHAT, format!("{name} does not exist yet and can be created")),
        Err(error) => Check::problem(
            WHAT,
            format!("{} cannot be written: {error}", folder.display()),
            "allow writing there or name another folder with --results",
        ),
    }
}

fn free_space(results: &Path) -> Check {
    const WHAT: &str = "free space";
    let folder = existing(results);
    // The standard library does not tell free space; `df` does, with the same columns everywhere in this mode.
    let free_kib = Command::new("df").arg("-Pk").arg(&folder).output().ok().and_then(|output| {
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.lines().nth(1)?.split_whitespace().nth(3)?.parse::<u64>().ok()
    });
    match free_kib {
        None => Check::ok(WHAT, "unknown: there is no `df` here"),
        Some(kib) if kib / 1024 < LEAST_FREE_MIB => Check::problem(
            WHAT,
            format!("{} MiB at {}", kib / 1024, folder.display()),
            format!("free some space: large experiments write more than {LEAST_FREE_MIB} MiB"),
        ),
        Some(kib) => Check::ok(WHAT, format!("{} MiB at {}", kib / 1024, folder.display())),
    }
}

fn spec_files(args: &args::Doctor) -> Vec<Check> {
    const WHAT: &str = "spec";
    let paths = match specs::in_folder(&args.experiments) {
        Ok(paths) if paths.is_empty() => {
            let found = format!("{} has no .toml files", args.experiments.display());
            return vec![Check::problem("specs", found, "name the folder of the specs with --experiments")];
        }
        Ok(paths) => paths,
        Err(error) => {
            let todo = "run likely in the root of the project, or name the folder with --experiments";
            return vec![Check::problem("specs", error.to_string(), todo)];
        }
    };
    let mut checks = Vec::new();
    for path in paths {
        match Spec::read(&path) {
            Ok(spec) => {
                checks.push(Check::ok(WHAT, path.display().to_string()));
                checks.extend(pinned_files(&args.results, spec.id()));
            }
            Err(error) => checks.push(Check::problem(WHAT, error.to_string(), "mend the spec")),
        }
    }
    checks
}

/// Pinned numbers of an experiment that cannot be read.
fn pinned_files(results: &Path, experiment: &str) -> Vec<Check> {
    let problem = |error: likely_record::FolderError| {
        Check::problem(
            "pinned numbers",
            error.to_string(),
            "take the committed file back, or run `likely pin`",
        )
    };
    likely_experiment::Tier::ALL
        .iter()
        .filter_map(|tier| {
            Pinned::path(results, experiment, tier.id())
                .and_then(|path| Pinned::read(&path))
                .err()
                .map(problem)
        })
        .collect()
}
