//! Which specs and run folders a command is about.

use crate::answer::{Exit, Failure};
use crate::machine;
use likely_experiment::{Plan, Spec, Tier};
use likely_models::OpenDevice;
use likely_record::{PlanRecord, Provenance, Run, RunFolder};
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

/// The run folders of each experiment and tier under `results/runs`, the newest first.
pub(crate) fn run_folders(results: &Path) -> anyhow::Result<BTreeMap<(String, String), Vec<PathBuf>>> {
    let runs = results.join("runs");
    let entries = match fs::read_dir(&runs) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(Failure::usage(format!("cannot read {}: {error}", runs.display()))),
    };
    let mut found: BTreeMap<(String, String), Vec<(String, PathBuf)>> = BTreeMap::new();
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
        let started = provenance(&path).map(|provenance| provenance.started).unwrap_or_default();
        found.entry(key).or_default().push((started, path));
    }
    let newest_first = |mut folders: Vec<(String, PathBuf)>| {
        // RFC 3339 times in UTC sort as text.
        folders.sort_by(|a, b| b.cmp(a));
        folders.into_iter().map(|(_, path)| path).collect()
    };
    Ok(found.into_iter().map(|(key, folders)| (key, newest_first(folders))).collect())
}

fn provenance(folder: &Path) -> Option<Provenance> {
    serde_json::from_str(&fs::read_to_string(folder.join("provenance.json")).ok()?).ok()
}

/// The run of a spec, as it and its data are now, among the folders of its experiment and tier.
///
/// The run of the program that asks comes first, then the newest; runs of another version of the spec do not count.
pub(crate) fn run_of_spec(
    spec: &Spec,
    tier: Tier,
    folders: &BTreeMap<(String, String), Vec<PathBuf>>,
) -> anyhow::Result<Result<PathBuf, NoRun>> {
    let none = Vec::new();
    let candidates = folders.get(&(spec.id().to_owned(), tier.to_string())).unwrap_or(&none);
    if candidates.is_empty() {
        return Ok(Err(NoRun { others: Vec::new() }));
    }
    let options = machine::plan_options(false, OpenDevice::cpu())?;
    let plan = Plan::new(spec, tier, &options)?;
    let own = RunFolder::name(plan.record());
    if let Some(path) = candidates.iter().find(|path| path.ends_with(&own)) {
        return Ok(Ok(path.clone()));
    }
    let belongs = |path: &&PathBuf| {
        let Some(provenance) = provenance(path) else { return false };
        let identity = plan.identity_by(&provenance.program_sha256, &provenance.device);
        path.ends_with(RunFolder::name(&PlanRecord { identity, cells: Vec::new(), ..plan.record().clone() }))
    };
    let found = candidates.iter().find(belongs).cloned();
    Ok(found.ok_or_else(|| NoRun { others: candidates.clone() }))
}

/// A spec has no run.
#[derive(Debug)]
pub(crate) struct NoRun {
    /// Runs of other versions of it.
    others: Vec<PathBuf>,
}

impl NoRun {
    /// What was found instead, and what to do.
    pub(crate) fn message(&self, spec: &Path, tier: Tier, results: &Path) -> String {
        let (spec, runs) = (spec.display(), results.join("runs"));
        let others: Vec<String> = self.others.iter().map(|path| path.display().to_string()).collect();
        let found = match others.as_slice() {
            [] => format!("in {}", runs.display()),
            [one] => format!("as it is now; {one} is a run of another version of the spec or its data"),
            many => {
                format!(
                    "as it is now; {} are runs of other versions of the spec or its data",
                    many.join(", ")
                )
            }
        };
        format!(
            "nothing was measured: {spec} has no run at the {tier} tier {found}; run `likely run {spec} --tier {tier}` first"
        )
    }
}

/// The runs that specs or run folders name: a folder itself, the run of a spec, as it is now, at a tier.
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
    let folders = run_folders(results)?;
    let mut runs = Vec::new();
    let mut absent = Vec::new();
    for path in of {
        if path.is_dir() {
            runs.push(read_run(path)?);
            continue;
        }
        match run_of_spec(&Spec::read(path)?, tier, &folders)? {
            Ok(folder) => runs.push(read_run(&folder)?),
            Err(none) => absent.push(none.message(path, tier, results)),
        }
    }
    if absent.is_empty() { Ok(runs) } else { Err(Failure::ending(Exit::NothingMeasured, absent.join("\n"))) }
}

/// Reads a run folder.
pub(crate) fn read_run(folder: &Path) -> anyhow::Result<Run> {
    Run::read(folder).map_err(|error| Failure::usage(error.to_string()))
}

/// The tolerances in the resolved spec of a run.
pub(crate) fn tolerance_of(run: &Run) -> anyhow::Result<BTreeMap<String, f64>> {
    Ok(Spec::read(&run.path.join("spec.resolved.toml"))?.tolerance().clone())
}
