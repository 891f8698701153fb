//! Which specs and run folders a command is about.

use crate::answer::{Exit, Failure};
use likely_experiment::{Spec, Tier};
use likely_record::Run;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The `.toml` files of a folder, sorted by name.
pub(crate) fn in_folder(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).map_err(|error| {
        let advice = "run likely in the root of the project or name the folder of the specs";
        Failure::usage(format!("cannot read the folder {}: {error}; {advice}", folder.display()))
    })?;
    let mut paths: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml") && path.is_file())
        .collect();
    paths.sort();
    Ok(paths)
}

/// Reads all specs, so that every mistake is told before anything runs.
pub(crate) fn read_all(paths: &[PathBuf]) -> anyhow::Result<Vec<Spec>> {
    let mut specs = Vec::new();
    let mut problems = Vec::new();
    for path in paths {
        match Spec::read(path) {
            Ok(spec) => specs.push(spec),
            Err(error) => problems.push(error.to_string()),
        }
    }
    let mut seen = BTreeMap::new();
    for spec in &specs {
        if let Some(other) = seen.insert(spec.id(), spec.path()) {
            let (id, path) = (spec.id(), spec.path().display());
            problems.push(format!("{path}: the id `{id}` is that of {}; give each its own", other.display()));
        }
    }
    if problems.is_empty() { Ok(specs) } else { Err(Failure::usage(problems.join("\n"))) }
}

/// The newest run folder of each experiment and tier under `results/runs`.
pub(crate) fn newest_runs(results: &Path) -> anyhow::Result<BTreeMap<(String, String), PathBuf>> {
    let runs = results.join("runs");
    let entries = match fs::read_dir(&runs) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(Failure::usage(format!("cannot read {}: {error}", runs.display()))),
    };
    let mut found: BTreeMap<(String, String), (String, PathBuf)> = BTreeMap::new();
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        let mut parts = name.rsplitn(3, '-');
        let (Some(_), Some(tier), Some(experiment)) = (parts.next(), parts.next(), parts.next()) else {
            continue;
        };
        if !path.join("plan.json").is_file() {
            continue;
        }
        let key = (experiment.to_owned(), tier.to_owned());
        let candidate = (started(&path), path);
        match found.get(&key) {
            Some(other) if *other >= candidate => {}
            _ => {
                found.insert(key, candidate);
            }
        }
    }
    Ok(found.into_iter().map(|(key, (_, path))| (key, path)).collect())
}

/// When a run started; RFC 3339 times in UTC sort as text.
fn started(folder: &Path) -> String {
    let text = fs::read_to_string(folder.join("provenance.json")).unwrap_or_default();
    let provenance: Option<likely_record::Provenance> = serde_json::from_str(&text).ok();
    provenance.map(|provenance| provenance.started).unwrap_or_default()
}

/// The runs that specs or run folders name: a folder itself, the newest run of a spec at a tier.
pub(crate) fn runs_of(
    of: &[PathBuf],
    experiments: &Path,
    results: &Path,
    tier: Tier,
) -> anyhow::Result<Vec<Run>> {
    let all;
    let of = if of.is_empty() {
        all = in_folder(experiments)?;
        &all
    } else {
        of
    };
    let newest = newest_runs(results)?;
    let mut runs = Vec::new();
    let mut absent = Vec::new();
    for path in of {
        if path.is_dir() {
            runs.push(read_run(path)?);
            continue;
        }
        let spec = Spec::read(path)?;
        match newest.get(&(spec.id().to_owned(), tier.to_string())) {
            Some(folder) => runs.push(read_run(folder)?),
            None => absent.push(path.display().to_string()),
        }
    }
    if absent.is_empty() {
        return Ok(runs);
    }
    let message = format!(
        "nothing was measured: {} has no run at the {tier} tier in {}; run `likely run {} --tier {tier}` first",
        absent.join(", "),
        results.join("runs").display(),
        absent.join(" "),
    );
    Err(Failure::new(Exit::NothingMeasured, message))
}

/// Reads a run folder.
pub(crate) fn read_run(folder: &Path) -> anyhow::Result<Run> {
    Run::read(folder).map_err(|error| Failure::usage(error.to_string()))
}

/// The tolerances in the resolved spec of a run.
pub(crate) fn tolerance_of(run: &Run) -> anyhow::Result<BTreeMap<String, f64>> {
    Ok(Spec::read(&run.path.join("spec.resolved.toml"))?.tolerance().clone())
}
