use crate::project::Project;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../likely-metrics/tests/golden/features").join(name)
}

fn place(project: &Project, names: &[&str]) {
    for name in names {
        project.write(name, fs::read(golden(name)).unwrap());
    }
}

fn value<'a>(json: &'a Value, metric: &str) -> &'a Value {
    let values = json["distances"]["values"].as_array().unwrap();
    values.iter().find(|value| value["metric"] == metric).unwrap_or_else(|| panic!("{metric}: {json}"))
}

#[test]
fn features_of_other_programs_are_compared_and_statistics_written() {
    let project = Project::new();
    place(&project, &["rows.npy", "feats.npz", "deflated.npz", "labelled.npz"]);
    let all = "--metric=frechet,kernel,precision,recall,density,coverage";
    let arguments =
        ["distance", "rows.npy", "feats.npz", all, "--json", "--quiet", "--subsets", "3", "--network"];
    let run = |rest: &[&str]| project.run(&[&arguments[..], rest].concat()).ends(0).json();
    let json = run(&["my-network", "--threads", "1"]);
    assert_eq!(value(&json, "frechet")["id"], "fd-my-network");
    assert!(value(&json, "frechet")["value"].as_f64().unwrap() < 1e-8);
    assert_eq!(value(&json, "kernel")["subsets"], serde_json::json!([3, 30]));
    assert_eq!(value(&json, "precision")["value"], 1.0);
    assert_eq!(value(&json, "coverage")["id"], "coverage-k5-my-network");
    assert_eq!((&json["distances"]["real"], &json["distances"]["dim"]), (&30.into(), &5.into()));
    assert_eq!(json, run(&["my-network", "--threads", "2"]));

    let out = project
        .run(&["distance", "rows.npy", "--statistics", "own.npz", "--network", "inception-v3"])
        .ends(0);
    assert!(out.out.contains("own.npz: mean and covariance of 30 images"), "{}", out.out);
    // Nobody asked for a kernel distance, and statistics alone have none.
    let out = project.run(&["distance", "own.npz", "deflated.npz", "--network", "inception-v3"]).ends(0);
    assert!(out.out.contains("fid-inception-v3") && !out.out.contains("kid-"), "{}", out.out);
    assert!(out.out.contains("fake: deflated.npz (number of images not said, 5 features)"), "{}", out.out);
}

#[test]
fn what_cannot_be_compared_is_said_and_nothing_is_written() {
    let project = Project::new();
    place(&project, &["rows.npy", "deflated.npz", "labelled.npz"]);
    project.write("bad.npy", b"1,2\n");
    let cases: [(&[&str], &str); 9] = [
        (
            &["rows.npy", "labelled.npz"],
            "rows.npy and labelled.npz: the network differs: not said and inception-v3",
        ),
        (
            &["rows.npy", "labelled.npz", "--network", "other"],
            "labelled.npz and the command line: the network differs: inception-v3 and other",
        ),
        (
            &["rows.npy", "deflated.npz", "--metric", "kernel"],
            "`kernel` needs the features themselves, and of the second set",
        ),
        (&["rows.npy", "none.npy"], "cannot read none.npy"),
        (&["rows.npy", "bad.npy"], "bad.npy: its array: it does not start with"),
        (&["rows.npy"], "name two files"),
        (&["rows.npy", "deflated.npz", "--statistics", "out.npz"], "--statistics takes one file"),
        (&["rows.npy", "--statistics", "out.npy"], "out.npy: features are read from .npy and .npz files"),
        (&["rows.npy", "rows.npy", "--network", "My Network"], "the network `My Network` is not a name"),
    ];
    for (arguments, words) in cases {
        let answer = project.run(&[&["distance", "--quiet"], arguments].concat()).ends(2);
        assert!(answer.err.contains(words), "`{words}` is not in: {}", answer.err);
    }
    assert!(!project.path().join("out.npz").exists() && !project.path().join("out.npy").exists());
    let answer = project.run(&["distance", "rows.npy", "rows.npy", "--metric", "fid"]).ends(2);
    assert!(answer.err.contains("frechet, kernel, precision"), "{}", answer.err);
}
