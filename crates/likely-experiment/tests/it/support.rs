//! A small experiment in a folder of its own.

use likely_experiment::{Event, Plan, PlanError, PlanOptions, RunSummary, Spec, SpecError, Tier, run};
use likely_models::OpenDevice;
use likely_record::{FORMAT, Provenance, RunFolder};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Condvar, Mutex};
use std::time::Duration;
use tempfile::TempDir;

/// Ten points that no line passes through.
pub(crate) const POINTS: &str =
    "x,y\n0.1,0.3\n1.2,0.9\n2.1,2.2\n2.9,1.4\n4.2,0.2\n5.1,-1.3\n6.3,-0.4\n7.2,0.8\n8.1,2.1\n9.3,1.9\n";

/// A kernel density of [`POINTS`] and two methods.
pub(crate) const SMALL: &str = r#"
id = "small"
version = 1
title = "A small experiment"
segments = 12
seed = 7
metrics = ["log-likelihood-mean", "energy", "evaluations", "typicality-gap"]

[[dataset]]
label = "points"
file = "points.csv"

[[model]]
label = "KDE"
kind = "kde"
data = "points"
config = { bandwidth = { fixed = 1.0 } }

[[method]]
kind = "linear"
label = "Linear"

[[method]]
kind = "prob-georce"
label = "ProbGEORCE"
config = { weight = { relative = 1.0 } }
lambda = [0.0, 1.0, 10.0]

[pairs]
draw = { from-dataset = { dataset = "points", count = 6 } }

[[figure]]
id = "curves"
title = "Curves"
show = { density-curves = { methods = ["Linear", "ProbGEORCE"] } }

[[claim]]
model = "KDE"
method = "Linear"
metric = "energy"
value = 1.0
tolerance = 0.5
place = "made up"
role = "compare"
"#;

/// A density on the sphere, a method, a method in a geometry of the density, and a study.
pub(crate) const CURVED: &str = r#"
id = "curved"
version = 1
title = "A curved experiment"
segments = 10
seed = 7
metrics = ["energy", "length", "evaluations", "iterations", "best-regularised-energy", "nearest-distance-mean"]

[[geometry]]
label = "Globe"
kind = "sphere"
config = { dim = 2 }

[[model]]
label = "Sphere"
kind = "gaussian-average"
geometry = "Globe"
config = { weights = [0.5, 0.5], centres = [[0.5, -0.5], [1.0, 0.5]] }

[[model]]
label = "Plane"
kind = "gaussian-average"
config = { weights = [0.5, 0.5], centres = [[0.5, -0.5], [1.0, 0.5]] }

[[method]]
kind = "prob-georce"
label = "ProbGEORCE"

[[method]]
kind = "prob-georce"
label = "Inverse density"
geometry = { kind = "inverse-density" }
config = { weight = { relative = 0.0 } }

[[study]]
kind = "optimiser-traces"
label = "Traces"
models = ["Sphere"]

[[pair]]
name = "0"
start = { linspace = [-0.0, -1.0] }
end = { constant = 0.5 }

[[figure]]
id = "globe"
title = "Curves on the sphere"
show = { surface-curves = { methods = ["ProbGEORCE", "Inverse density"] } }

[[figure]]
id = "traces"
title = "Traces"
show = { series-lines = { series = "trace", y = ["regularised energy"], studies = ["Traces"] } }
"#;

/// A folder with [`POINTS`] in `points.csv`.
pub(crate) struct Place {
    pub(crate) folder: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("points.csv"), POINTS).unwrap();
        Self { folder }
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.folder.path().join(name), bytes).unwrap();
    }

    fn spec_path(&self) -> PathBuf {
        self.folder.path().join("spec.toml")
    }

    pub(crate) fn spec(&self, text: &str) -> Spec {
        Spec::from_toml(&self.spec_path(), text).unwrap_or_else(|error| panic!("{error}"))
    }

    pub(crate) fn plan(&self, text: &str, tier: Tier) -> Plan {
        Plan::new(&self.spec(text), tier, &options()).unwrap_or_else(|error| panic!("{error}"))
    }

    /// What is wrong with a spec whose text is in order, with the folder cut away.
    pub(crate) fn plan_error(&self, text: &str) -> String {
        match Plan::new(&self.spec(text), Tier::Full, &options()) {
            Ok(_) => panic!("the spec was planned:\n{text}"),
            Err(error) => self.cut(&error),
        }
    }

    fn cut(&self, error: &PlanError) -> String {
        error.to_string().replace(&format!("{}/", self.folder.path().display()), "")
    }

    /// Runs `plan` into `runs` on its own pool of `threads` threads.
    pub(crate) fn run(&self, plan: &Plan, runs: &str, threads: usize) -> (RunSummary, PathBuf, Vec<Event>) {
        let events = Mutex::new(Vec::new());
        let (summary, folder) =
            self.run_observed(plan, runs, threads, &|event| events.lock().unwrap().push(event));
        (summary, folder, events.into_inner().unwrap())
    }

    /// The same, where nobody finishes the first cell before every thread has begun one: a machine that is slow to wake
    /// threads changes nothing, and a thread that never comes is missing from the summary after a minute.
    pub(crate) fn run_together(&self, plan: &Plan, runs: &str, threads: usize) -> (RunSummary, PathBuf) {
        let (begun, all) = (Mutex::new(0), Condvar::new());
        self.run_observed(plan, runs, threads, &|event| {
            if matches!(event, Event::CellStarted { .. }) {
                let mut count = begun.lock().unwrap();
                *count += 1;
                all.notify_all();
                drop(
                    all.wait_timeout_while(count, Duration::from_mins(1), |count| *count < threads).unwrap(),
                );
            }
        })
    }

    fn run_observed(
        &self,
        plan: &Plan,
        runs: &str,
        threads: usize,
        observe: &(dyn Fn(Event) + Sync),
    ) -> (RunSummary, PathBuf) {
        let folder = RunFolder::create_or_resume(
            &self.folder.path().join(runs),
            plan.record(),
            plan.presentation(),
            &provenance(),
            plan.resolved_spec(),
        )
        .unwrap();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let summary = run(plan, &folder, &pool, &AtomicBool::new(false), observe).unwrap();
        (summary, folder.path().to_owned())
    }
}

pub(crate) fn options() -> PlanOptions {
    PlanOptions { program_sha256: "0".repeat(64), fields: true, device: OpenDevice::cpu().clone() }
}

pub(crate) fn provenance() -> Provenance {
    Provenance {
        format: FORMAT,
        version: "0.1.0".to_owned(),
        commit: None,
        dirty: None,
        program_sha256: "0".repeat(64),
        lock_sha256: None,
        spec_sha256: "0".repeat(64),
        data_sha256: BTreeMap::new(),
        compiler: String::new(),
        target: String::new(),
        cpu: String::new(),
        cpu_features: Vec::new(),
        device: "cpu".to_owned(),
        threads: 1,
        started: "2026-01-01T00:00:00Z".to_owned(),
    }
}

/// What is wrong with the text of a spec.
pub(crate) fn spec_error(text: &str) -> String {
    match Spec::from_toml(Path::new("spec.toml"), text) {
        Ok(_) => panic!("the spec was accepted:\n{text}"),
        Err(error) => check_place(error),
    }
}

/// Every message about a spec starts with file, line and column.
fn check_place(error: SpecError) -> String {
    let message = error.to_string();
    let place = message.strip_prefix("spec.toml:").unwrap_or_else(|| panic!("no place in: {message}"));
    let numbers: Vec<&str> = place.splitn(3, ':').take(2).collect();
    assert!(numbers.iter().all(|number| number.parse::<usize>().is_ok_and(|n| n > 0)), "{message}");
    message
}

/// [`SMALL`] with one text replaced, which must be there once.
pub(crate) fn small_with(old: &str, new: &str) -> String {
    assert_eq!(SMALL.matches(old).count(), 1, "`{old}` stands not once in the small spec");
    SMALL.replace(old, new)
}

/// Every file below `folder` that must be the same on every run, by its path.
pub(crate) fn bytes_of(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for part in ["", "cells", "curves", "series", "pictures"] {
        // Only runs with studies have series and pictures.
        let Ok(entries) = std::fs::read_dir(folder.join(part)) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(folder).unwrap().display().to_string();
            if path.is_file() && name != "provenance.json" && name != ".lock" {
                files.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    files
}
