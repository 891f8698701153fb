//! The workspace's dependencies are those that ARCHITECTURE.md declares.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

type Edges = BTreeMap<String, BTreeSet<String>>;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// What each crate of the workspace depends on, tests left out.
fn declared() -> Edges {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root())
        .output()
        .expect("cargo runs, it runs this test");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
    let text = |value: &Value| value["name"].as_str().expect("names are strings").to_owned();
    let list = |value: &Value| value.as_array().expect("lists are lists").clone();
    list(&metadata["packages"])
        .iter()
        .map(|package| {
            let dependencies = list(&package["dependencies"]);
            let used = dependencies.iter().filter(|d| d["kind"].as_str() != Some("dev")).map(text);
            (text(package), used.collect())
        })
        .collect()
}

const LAYERS: &str = "| layer | crate | what it is | may use |";
const RESERVED: &str = "| dependency | only in |";

/// The rows of the table of ARCHITECTURE.md below a heading row, cut into cells.
fn rows(heading: &str) -> Vec<Vec<String>> {
    let text =
        std::fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md stands in the root");
    let below = text.lines().skip_while(|line| *line != heading).skip(2);
    let rows: Vec<Vec<String>> = below
        .take_while(|line| line.starts_with('|'))
        .map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect())
        .collect();
    assert!(rows.len() >= 5, "ARCHITECTURE.md has no table `{heading}`");
    rows
}

/// The names in backquotes of a cell.
fn names(cell: &str) -> BTreeSet<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn name(cell: &str) -> String {
    cell.trim_matches('`').to_owned()
}

/// Everything in which the crates and the tables disagree.
fn disagreements(declared: &Edges, layers: &Edges, reserved: &Edges) -> Vec<String> {
    let mut found = Vec::new();
    for name in declared.keys().filter(|name| !layers.contains_key(*name)) {
        found.push(format!("{name} is not in the table of layers"));
    }
    for name in layers.keys().filter(|name| !declared.contains_key(*name)) {
        found.push(format!("{name} is in the table of layers and not in the workspace"));
    }
    for (name, used) in declared {
        let allowed = layers.get(name).cloned().unwrap_or_default();
        for other in used.iter().filter(|other| declared.contains_key(*other) && !allowed.contains(*other)) {
            found.push(format!("{name} uses {other}, which the table of layers does not allow"));
        }
        for other in used.iter().filter(|other| reserved.get(*other).is_some_and(|only| !only.contains(name)))
        {
            found.push(format!("{name} uses {other}, which belongs to {:?}", reserved[other]));
        }
    }
    found
}

fn tables() -> (Edges, Edges) {
    let layers = rows(LAYERS).iter().map(|row| (name(&row[1]), names(&row[3]))).collect();
    let reserved = rows(RESERVED).iter().map(|row| (name(&row[0]), names(&row[1]))).collect();
    (layers, reserved)
}

#[test]
fn crates_use_what_the_table_of_layers_allows() {
    let (layers, reserved) = tables();
    let found = disagreements(&declared(), &layers, &reserved);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_forbidden_dependency_is_found() {
    let (layers, reserved) = tables();
    let mut edges = declared();
    edges.get_mut("likely-metrics").unwrap().insert("likely-methods".to_owned());
    edges.get_mut("likely-core").unwrap().insert("polars".to_owned());
    edges.insert("likely-utils".to_owned(), BTreeSet::new());
    let found = disagreements(&edges, &layers, &reserved);
    assert_eq!(
        found,
        [
            "likely-utils is not in the table of layers",
            r#"likely-core uses polars, which belongs to {"likely-report"}"#,
            "likely-metrics uses likely-methods, which the table of layers does not allow",
        ]
    );
}

#[test]
fn crates_use_only_lower_layers() {
    let layer: BTreeMap<String, u32> =
        rows(LAYERS).iter().map(|row| (name(&row[1]), row[0].parse().unwrap())).collect();
    for (name, used) in tables().0 {
        for other in used {
            assert!(layer[&other] < layer[&name], "{name} may use {other}, which is not in a lower layer");
        }
    }
}
