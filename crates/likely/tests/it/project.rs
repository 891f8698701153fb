//! A folder with a small experiment, and what a run left in it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Twenty points around two centres.
const POINTS: &str = "x,y
-1.10,0.21\n-0.93,-0.35\n-1.42,0.48\n-0.71,0.02\n-1.25,-0.18\n-0.88,0.61\n-1.03,-0.72\n-1.61,0.09\n-0.55,0.33\n-1.19,0.77
1.07,-0.24\n0.89,0.38\n1.38,-0.51\n0.74,0.05\n1.21,0.16\n0.95,-0.66\n1.12,0.69\n1.57,-0.11\n0.63,-0.29\n1.31,0.44\n";

/// A project in a temporary folder.
pub(crate) struct Project {
    folder: tempfile::TempDir,
}

impl Project {
    /// With `experiments/tiny.toml`, of twelve cells.
    pub(crate) fn new() -> Self {
        Self::with(&spec(3))
    }

    /// With another text in `experiments/tiny.toml`.
    pub(crate) fn with(spec: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let project = Self { folder };
        project.write("experiments/points.csv", POINTS);
        project.write("experiments/tiny.toml", spec);
        project
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// The program, to be started in the project's folder.
    pub(crate) fn likely(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("likely"));
        command.current_dir(self.path()).args(arguments);
        command
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Answer {
        Answer::of(self.likely(arguments).output().unwrap())
    }

    /// The only run folder under `results`.
    pub(crate) fn only_run(&self, results: &str) -> PathBuf {
        let mut runs = fs::read_dir(self.path().join(results).join("runs")).unwrap();
        let run = runs.next().unwrap().unwrap().path();
        assert!(runs.next().is_none(), "one run folder");
        run
    }
}

/// A spec with a kernel density, a line and a sweep of three weights, two pairs and so many repetitions over two.
pub(crate) fn spec(repetitions: u32) -> String {
    let mut text = r#"id = "tiny"
version = 1
title = "A small run"
analysis = "Words."
segments = 8
seed = 7
metrics = ["log-likelihood-mean", "energy"]
"#
    .to_owned();
    let _ = writeln!(text, "repetitions = {}", repetitions.div_ceil(2));
    text.push_str(
        r#"
[[dataset]]
label = "points"
file = "points.csv"

[[model]]
label = "KDE"
kind = "kde"
data = "points"
config = { bandwidth = { fixed = 0.5 } }

[[method]]
kind = "linear"
label = "Linear"

[[method]]
kind = "prob-georce"
label = "ProbGEORCE"
config = { weight = { relative = 1.0 }, max-iterations = 200 }
lambda = [0.0, 10.0]

[[pair]]
name = "0"
start = [-1.0, 0.0]
end = [1.0, 0.5]

[[pair]]
name = "1"
start = [0.0, 1.0]
end = [1.0, -1.0]

[[table]]
id = "likelihood"
title = "Likelihood"
rows = ["method", "lambda"]
metrics = ["log-likelihood-mean", "energy"]
"#,
    );
    text
}

/// What the program said.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Answer {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    #[track_caller]
    pub(crate) fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.out, self.err);
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }
}

/// Every file of a run folder that must be the same on every run, with its bytes.
pub(crate) fn results_of(run: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    collect(run, "", &mut files);
    // Clock readings, the machine and the page that shows both.
    for name in ["provenance.json", "report.html", ".lock", "tables/timings.csv"] {
        assert!(files.remove(name).is_some(), "{name} is missing: {:?}", files.keys());
    }
    files.retain(|name, _| !name.starts_with("timings/"));
    files
}

fn collect(folder: &Path, prefix: &str, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{prefix}{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() {
            collect(&path, &format!("{name}/"), files);
        } else {
            files.insert(name, fs::read(&path).unwrap());
        }
    }
}
