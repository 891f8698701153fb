//! Runs of other versions of a spec, damaged runs, and runs whose cells all failed.

use crate::project::{Project, spec};
use std::fs;

const SPEC: &str = "experiments/tiny.toml";

#[test]
fn an_edited_spec_is_not_verified_by_an_earlier_run() {
    let project = Project::new();
    project.run(&["run", SPEC, "--quiet"]).ends(0);
    project.run(&["pin"]).ends(0);
    let earlier = project.only_run("results");
    let earlier = earlier.file_name().unwrap().to_str().unwrap();
    project.run(&["verify", SPEC]).ends(0);
    project.run(&["report", SPEC]).ends(0);

    let edited = spec(3).replacen("seed = 7", "seed = 8", 1);
    project.write(SPEC, &edited);
    for command in ["verify", "pin", "report"] {
        let refused = project.run(&[command, SPEC, "--json"]).ends(4);
        assert!(refused.err.contains(earlier), "{}", refused.err);
        assert!(refused.err.contains("likely run experiments/tiny.toml --tier laptop"), "{}", refused.err);
        assert_eq!(refused.json()["exit"], 4);
    }
    let page = project.run(&["report", "--json"]).ends(3);
    assert!(page.err.contains("another version of the spec"), "{}", page.err);
    assert_eq!(page.json()["skipped"][0]["reason"].as_str().unwrap().matches(earlier).count(), 1);

    project.run(&["run", SPEC, "--quiet"]).ends(0);
    let again = project.run(&["verify", SPEC, "--json"]).ends(0).json();
    assert!(!again["runs"][0]["run"].as_str().unwrap().contains(earlier), "{again}");
    // The earlier run is the older one, and the one that belongs.
    project.write(SPEC, spec(3));
    let back = project.run(&["verify", SPEC, "--json"]).ends(0).json();
    assert!(back["runs"][0]["run"].as_str().unwrap().contains(earlier), "{back}");

    let points = fs::read_to_string(project.path().join("experiments/points.csv")).unwrap();
    project.write("experiments/points.csv", points.replacen("-1.10", "-1.11", 1));
    project.run(&["verify", SPEC]).ends(4);
}

#[test]
fn a_damaged_run_is_named_and_the_others_are_drawn() {
    let project = Project::new();
    project.write("experiments/other.toml", spec(1).replacen("id = \"tiny\"", "id = \"other\"", 1));
    project.run(&["reproduce", "--quiet"]).ends(0);
    let runs = fs::read_dir(project.path().join("results/runs")).unwrap();
    let other = runs.map(|run| run.unwrap().path()).find(|run| run.display().to_string().contains("other-"));
    fs::write(other.unwrap().join("presentation.json"), "{").unwrap();
    fs::remove_file(project.path().join("results/report.html")).unwrap();

    let answer = project.run(&["report", "--json"]).ends(3);
    assert!(answer.err.contains("skipped: results/runs/other-laptop-"), "{}", answer.err);
    assert!(answer.err.contains("presentation.json is damaged"), "{}", answer.err);
    let json = answer.json();
    assert_eq!((&json["exit"], json["pages"].as_array().unwrap().len()), (&3.into(), 1));
    assert!(json["skipped"][0]["folder"].as_str().unwrap().contains("other-laptop-"), "{json}");
    let page = fs::read_to_string(project.path().join("results/report.html")).unwrap();
    assert!(page.contains("A small run"));
    project.run(&["report", "experiments"]).ends(2);
}

#[test]
fn damaged_pinned_numbers_are_found_before_anything_is_computed() {
    let project = Project::new();
    project.write("results/pinned/tiny-laptop.json", "{ \"format\": 1, ");
    for command in [&["run", SPEC][..], &["reproduce"]] {
        let answer = project.run(command).ends(2);
        assert!(answer.err.contains("tiny-laptop.json is damaged"), "{}", answer.err);
        assert!(!project.path().join("results/runs").exists());
    }
}

#[test]
fn a_run_whose_every_cell_failed_ends_with_3() {
    let project = Project::new();
    project.run(&["run", SPEC, "--quiet"]).ends(0);
    project.run(&["pin"]).ends(0);
    let cells = project.only_run("results").join("cells");
    for cell in fs::read_dir(&cells).unwrap() {
        let path = cell.unwrap().path();
        let mut json: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        json["status"] = "failed".into();
        json["reason"] = "it was too hard".into();
        fs::write(&path, serde_json::to_vec(&json).unwrap()).unwrap();
    }
    for command in
        [&["run", SPEC, "--quiet", "--json"][..], &["verify", SPEC, "--json"], &["reproduce", "--json"]]
    {
        assert_eq!(project.run(command).ends(3).json()["exit"], 3);
    }
    fs::remove_dir_all(&cells).unwrap();
    assert_eq!(project.run(&["verify", SPEC, "--json"]).ends(4).json()["exit"], 4);
}
