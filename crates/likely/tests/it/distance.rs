use crate::project::Project;
use likely_core::ImageShape;
use likely_images::{ImageSet, write_png};
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

/// Weights of a network that sees features in grey pictures of 28 by 28.
fn classifier() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments/models/images");
    folder.join("fashion-classifier.safetensors").to_str().unwrap().to_owned()
}

/// Writes grey pictures of ever other patches as files of a folder.
fn write_pictures(project: &Project, folder: &str, count: usize, side: usize) {
    fs::create_dir_all(project.path().join(folder)).unwrap();
    for k in 0..count {
        let level =
            |i: usize| if (i / 7 + i % 5 + k).is_multiple_of(3) { (40 + 17 * k + i) % 256 } else { 0 };
        let shape = ImageShape { channels: 1, height: side, width: side };
        let set = ImageSet::new(shape, (0..side * side).map(|i| level(i) as u8).collect()).unwrap();
        write_png(&project.path().join(folder).join(format!("{k:02}.png")), &set).unwrap();
    }
}

#[test]
fn images_are_compared_by_what_a_network_sees() {
    let project = Project::new();
    write_pictures(&project, "real", 9, 28);
    write_pictures(&project, "fake", 5, 28);
    let weights = classifier();
    let sight = ["--features", "fashion-classifier", "--weights", &weights];
    let run = |rest: &[&str]| project.run(&[&["distance"], rest, &sight[..]].concat());
    let all = "--metric=frechet,kernel,precision,recall";
    let json = run(&["real", "fake", all, "--subsets", "3", "--json", "--threads", "1"]).ends(0).json();
    let source = &json["distances"]["source"];
    let sha256 = source["weights_sha256"].as_str().unwrap().to_owned();
    assert_eq!((&source["network"], sha256.len()), (&"fashion-classifier".into(), 64));
    assert_eq!((&json["distances"]["real"], &json["distances"]["fake"]), (&9.into(), &5.into()));
    assert_eq!(value(&json, "frechet")["id"], "fd-fashion-classifier");
    let distance = value(&json, "frechet")["value"].as_f64().unwrap();
    assert!(distance > 1e-3, "{distance}");
    let again = run(&["real", "fake", all, "--subsets", "3", "--json", "--threads", "2"]).ends(0).json();
    assert_eq!(json, again);

    // Statistics say where they come from, and stand beside images of the same network.
    let out = run(&["real", "--statistics", "real.npz"]).ends(0);
    assert!(out.err.contains("fashion-classifier on real: 9 of 9 images"), "{}", out.err);
    let json = run(&["real.npz", "fake", "--json", "--metric", "frechet"]).ends(0).json();
    let beside = value(&json, "frechet")["value"].as_f64().unwrap();
    assert!((beside - distance).abs() < 1e-6 * distance, "{beside} and {distance}");
    assert!(
        run(&["real", "fake", "--weights-sha256", &sha256]).ends(0).out.contains("kid-fashion-classifier")
    );
}

#[test]
fn images_that_cannot_be_compared_say_what_would_be_right() {
    let project = Project::new();
    write_pictures(&project, "real", 3, 28);
    write_pictures(&project, "one", 1, 28);
    write_pictures(&project, "small", 2, 1);
    fs::create_dir_all(project.path().join("empty")).unwrap();
    place(&project, &["deflated.npz"]);
    let weights = classifier();
    let sight = ["--features", "fashion-classifier", "--weights", &weights];
    let other = "00".repeat(32);
    let cases: [(&[&str], bool, &str); 10] = [
        (&["real", "real"], false, "name the network that sees features in it: --features ID --weights FILE"),
        (&["real", "one"], true, "one: there is one image; a covariance needs at least two"),
        (&["real", "empty"], true, "empty: it holds no PNG or JPEG file"),
        (&["real", "none"], true, "cannot read none"),
        (
            &["real", "small"],
            true,
            "00.png: the model failed: `fashion-classifier` takes pictures of 1x28x28, not 1x1x1",
        ),
        (&["real", "real", "--weights-sha256", &other], true, "they are other ones"),
        (&["real", "deflated.npz"], true, "the first set has 64 features an image, the second 5"),
        (&["real", "real", "--feature-config", "depth=3"], true, "--feature-config KEY=VALUE"),
        (
            &["real", "real", "--features", "inception", "--weights", "x"],
            false,
            "there is `clean-fid-inception-v3`",
        ),
        (
            &["real", "real", "--features", "fid-inception-v3", "--weights", "deflated.npz"],
            false,
            "deflated.npz",
        ),
    ];
    for (arguments, with_network, words) in cases {
        let network: &[&str] = if with_network { &sight } else { &[] };
        let answer = project.run(&[&["distance", "--quiet"], arguments, network].concat()).ends(2);
        assert!(answer.err.contains(words), "`{words}` is not in: {}", answer.err);
    }
    let answer = project.run(&["distance", "real", "real", "--features", "fid-inception-v3"]).ends(2);
    assert!(answer.err.contains("--weights <FILE>"), "{}", answer.err);
}
