//! Experiments whose data the user brings.

use crate::project::{Project, spec};
use std::fs;

#[test]
fn an_experiment_without_its_data_is_never_green_and_keeps_nobody_from_the_others() {
    let project = Project::new();
    let other = spec(1).replace("\"tiny\"", "\"brought\"").replace("points.csv", "brought.csv");
    project.write("experiments/brought.toml", &other);
    let answer = project.run(&["reproduce", "--quiet"]).ends(3);
    let row = |line: &&str| line.starts_with("brought ") && line.ends_with("  data absent");
    assert_eq!(answer.out.lines().filter(row).count(), 1, "{}", answer.out);
    let reason = "data absent: there is no file experiments/brought.csv";
    assert!(answer.out.contains("brought was not run: ") && answer.out.contains(reason), "{}", answer.out);
    let tiny = answer.out.lines().find(|line| line.starts_with("tiny ")).expect("a row");
    assert!(tiny.contains("12"), "{tiny}");
    let page = fs::read_to_string(project.path().join("results/report.html")).unwrap();
    assert!(page.contains("Not run, data absent.") && page.contains("brought.csv"));
    let json = project.run(&["reproduce", "--quiet", "--json"]).ends(3).json();
    let runs = json["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 2);
    assert!(runs[0]["absent"].as_str().unwrap().contains("brought.csv"), "{}", runs[0]);

    // The others as well, alone: nothing is green either.
    fs::remove_file(project.path().join("experiments/tiny.toml")).unwrap();
    assert!(project.run(&["reproduce", "--quiet"]).ends(3).out.contains("data absent"));
    // By itself it is an error that says what to bring.
    assert!(project.run(&["run", "experiments/brought.toml", "--quiet"]).ends(2).err.contains(reason));
    // With its data it runs.
    fs::copy(project.path().join("experiments/points.csv"), project.path().join("experiments/brought.csv"))
        .unwrap();
    project.run(&["reproduce", "--quiet"]).ends(0);
}

#[test]
fn another_mistake_beside_absent_data_still_ends_everything() {
    let mistakes = [("points.csv", "tiny.toml"), ("{ fixed = 0.5 }", "\"data absent\"")];
    for (right, wrong) in mistakes {
        let project = Project::with(&spec(1).replace(right, wrong));
        let answer = project.run(&["reproduce", "--quiet"]).ends(2);
        assert!(!answer.err.contains("data absent: "), "{}", answer.err);
        assert!(!project.path().join("results").exists(), "{wrong}: nothing is written");
    }
}
