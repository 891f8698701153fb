use crate::project::Project;
use std::fs;

const DATA: [&str; 5] = ["interpolate", "--data", "experiments/points.csv", "--segments", "10"];

#[test]
fn a_users_points_are_joined_and_every_file_is_written() {
    let project = Project::new();
    let ends = ["--from", "row:0", "--to=-0.5,0.25", "--npy", "--json", "--quiet", "--out", "out"];
    let answer = project.run(&[&DATA[..], &ends].concat()).ends(0).json();
    let out = project.path().join("out");
    let curve = fs::read_to_string(out.join("curve.csv")).unwrap();
    let lines: Vec<&str> = curve.lines().collect();
    assert_eq!((lines.len(), lines[0], lines[1], lines[11]), (12, "x,y", "-1.1,0.21", "-0.5,0.25"));

    let npy = fs::read(out.join("curve.npy")).unwrap();
    assert_eq!(npy.len(), 128 + 11 * 2 * 8);
    assert_eq!(npy[128..136], (-1.1_f64).to_le_bytes());
    assert_eq!(npy[npy.len() - 8..], 0.25_f64.to_le_bytes());
    assert!(fs::read(out.join("picture.png")).unwrap().starts_with(b"\x89PNG"));
    assert!(fs::read_to_string(out.join("picture.svg")).unwrap().contains("<svg"));
    let numbers: serde_json::Value =
        serde_json::from_slice(&fs::read(out.join("numbers.json")).unwrap()).unwrap();
    assert_eq!(numbers, answer["numbers"]);
    assert_eq!(numbers["stop"]["converged"], true);
    assert_eq!(numbers["metrics"].as_array().unwrap().len(), likely_metrics::ALL.len());

    let again = project.run(&[&DATA[..], &ends].concat()).ends(2);
    assert!(again.json()["error"].as_str().unwrap().contains("not empty"), "{}", again.err);
}

#[test]
fn a_curve_may_lie_in_a_geometry() {
    let project = Project::new();
    let length = |geometry: &[&str], out: &str| {
        let ends = ["--from=0,-0.5", "--to=0.5,0.25", "--method", "prob-georce", "--json", "--quiet"];
        let answer = project.run(&[&DATA[..], &ends, &["--out", out], geometry].concat()).ends(0).json();
        let metrics = answer["numbers"]["metrics"].as_array().unwrap().clone();
        let length = metrics.iter().find(|metric| metric["id"] == "length").unwrap();
        (length["value"].as_f64().unwrap(), answer["numbers"]["geometry"].clone())
    };
    let (flat, none) = length(&[], "flat");
    let forms: [&[&str]; 3] = [
        &["--geometry", "sphere", "--geometry-config", r#"{"dim": 2}"#],
        &["--geometry", "sphere", "--geometry-config", "{ dim = 2 }"],
        &["--geometry", "sphere", "--geometry-config", "dim=2"],
    ];
    let curved: Vec<_> = forms.iter().zip(["a", "b", "c"]).map(|(form, out)| length(form, out)).collect();
    assert!(none.is_null() && curved.iter().all(|(_, geometry)| geometry == "sphere"));
    assert!(curved[0].0 > 1.5 * flat, "the chart is stretched up to twice: {} against {flat}", curved[0].0);
    assert!(curved.iter().all(|(length, _)| length.to_bits() == curved[0].0.to_bits()), "{curved:?}");
}

#[test]
fn mistakes_on_the_command_line_are_named_and_nothing_is_written() {
    let project = Project::new();
    let cases: [(&[&str], &str); 13] = [
        (&["--from", "1,2,3", "--to", "row:1"], "--from 1,2,3: 3 coordinates, but the data has 2 (x, y)"),
        (&["--from", "1,nan", "--to", "row:1"], "`nan` is not a finite number"),
        (&["--from", "row:20", "--to", "row:1"], "numbered from 0 to 19"),
        (&["--from", "row:1", "--to", "row:1"], "same point"),
        (&["--from", "row:0", "--to", "row:1", "--segments", "0"], "at least 1"),
        (&["--from", "row:0", "--to", "row:1", "--model", "kd"], "`kde`"),
        (&["--from", "row:0", "--to", "row:1", "--config", "max-iteratons=3"], "`max-iterations`"),
        (&["--from", "row:0", "--to", "row:1", "--config", "weight.relative=-3"], "not negative"),
        (&["--from", "row:0", "--to", "row:1", "--columns", "x,z"], "no column `z`"),
        (&["--from", "row:0", "--to", "row:1", "--geometry", "spher"], "did you mean `sphere`?"),
        (
            &["--from", "row:0", "--to", "row:1", "--geometry", "sphere", "--geometry-config", "dim=3"],
            "has 3 coordinates where the model `kde` has 2",
        ),
        (
            &[
                "--from",
                "row:0",
                "--to",
                "row:1",
                "--geometry",
                "sphere",
                "--geometry-config",
                r#"{"dim": null}"#,
            ],
            "`dim` is null",
        ),
        (&["--from", "row:0", "--to", "row:1", "--geometry-config", "dim=2"], "--geometry <KIND>"),
    ];
    for (arguments, words) in cases {
        let start = ["interpolate", "--data", "experiments/points.csv", "--quiet", "--out", "out"];
        let answer = project.run(&[&start[..], arguments].concat()).ends(2);
        assert!(answer.err.contains(words), "`{words}` is not in: {}", answer.err);
        assert!(!project.path().join("out").exists(), "{words}");
    }
}
