use crate::project::Project;
use std::fs;
use std::path::Path;

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

/// A picture with a bright rectangle.
pub(crate) fn rectangle(path: &Path, [height, width]: [usize; 2], [top, left]: [usize; 2]) {
    let inside = |y: usize, x: usize| (top..height - 4).contains(&y) && (left..width - left).contains(&x);
    let pixels = (0..height).flat_map(|y| (0..width).map(move |x| if inside(y, x) { 220 } else { 0 }));
    let shape = likely_core::ImageShape { channels: 1, height, width };
    let picture = likely_images::ImageSet::new(shape, pixels.collect()).unwrap();
    likely_images::write_png(path, &picture).unwrap();
}

#[test]
fn two_pictures_are_joined_in_the_space_of_a_model() {
    let project = Project::new();
    rectangle(&project.path().join("low.png"), [28, 28], [16, 3]);
    // Another size, which is brought to the model's.
    rectangle(&project.path().join("high.PNG"), [56, 42], [6, 10]);
    let weights =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments/models/images/fashion-vae.safetensors");
    let weights = format!("weights={}", weights.display());
    let pictures = ["interpolate", "--from", "low.png", "--to", "high.PNG", "--quiet"];
    let vae = ["--model", "image-vae", "--model-config", &weights, "--frames", "3"];
    let with = |more: &[&str]| project.run(&[&pictures[..], more].concat());
    let answer = with(&[&vae[..], &["--config", "weight.relative=1", "--json", "--out", "out"]].concat())
        .ends(0)
        .json();
    let numbers = &answer["numbers"];
    assert_eq!((&numbers["dim"], &numbers["segments"]), (&16.into(), &8.into()));
    assert_eq!(numbers["stop"]["converged"], true);
    assert!(numbers["evaluations"].as_u64().unwrap() > 0);
    let potentials: Vec<f64> = numbers["frames"]
        .as_array()
        .unwrap()
        .iter()
        .map(|frame| frame["potential"].as_f64().unwrap())
        .collect();
    assert_eq!(potentials.len(), 5);
    assert!(potentials[2] < potentials[0].min(potentials[4]), "the prior pulls the curve in: {potentials:?}");
    let out = project.path().join("out");
    let names: Vec<String> =
        fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(names.len(), 3 + 5, "{names:?}");
    let frame = likely_images::open(&out.join("frame-002.png"), &likely_images::Reading::default()).unwrap();
    assert_eq!(frame.shape(), likely_core::ImageShape { channels: 1, height: 28, width: 28 });
    assert_eq!(fs::read(out.join("curve.npy")).unwrap().len(), 128 + 9 * 16 * 8);

    // In the geometry that the decoder makes, a curve between the same images is a shorter walk through pictures.
    let walked = |more: &[&str]| {
        let answer =
            with(&[&vae[..], &["--config", "weight.absolute=0", "--json"], more].concat()).ends(0).json();
        assert_eq!(answer["numbers"]["stop"]["converged"], true);
        (answer["numbers"]["pixel-length"].as_f64().unwrap(), answer["numbers"]["geometry"].clone())
    };
    let straight = walked(&["--out", "straight"]);
    let geodesic = walked(&["--geometry", "pull-back", "--out", "geodesic"]);
    assert_eq!((straight.1, geodesic.1), (serde_json::Value::Null, "pull-back".into()));
    assert!(geodesic.0 < 0.99 * straight.0, "{} and {}", geodesic.0, straight.0);

    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments/data/fashion");
    let folder = format!("folder={}", folder.display());
    let gaussian = ["--model", "image-gaussian", "--model-config", &folder];
    let cases: [(&[&str], &str); 10] = [
        (
            &[&vae[..], &["--geometry", "sphere"]].concat(),
            "no model of images makes it; there are conformal-energy,",
        ),
        (&[&vae[..], &["--geometry", "pull-back", "--method", "slerp"]].concat(), "`slerp` is a formula"),
        (
            &[&vae[..], &["--geometry", "pull-back", "--geometry-config", "ridge=-1"]].concat(),
            "-1 is not a finite number of 0 or more",
        ),
        (
            &[&gaussian[..], &["--geometry", "pull-back"]].concat(),
            "made of a decoder, which this model does not have",
        ),
        (
            &["--model", "kde"],
            "its points stand for no images; those of the models whose names begin with `image-` do",
        ),
        (&["--model", "image-vae"], "missing field `weights`; options are given as --model-config"),
        (&[&vae[..], &["--segments", "6"]].concat(), "as 8"),
        (&[&vae[..], &["--data", "points.csv"]].concat(), "--data is for points"),
        (&[&vae[..], &["--method", "lin"]].concat(), "there is no such method; there are adagrad"),
        (&[&vae[..], &["--to", "missing.png"]].concat(), "cannot be used multiple times"),
    ];
    for (more, words) in cases {
        let refused = with(&[more, &["--out", "other"]].concat()).ends(2);
        assert!(refused.err.contains(words), "{more:?}: {}", refused.err);
    }
    let missing = project.run(
        &[&["interpolate", "--from", "low.png", "--to", "none.png"], &vae[..], &["--out", "other"]].concat(),
    );
    assert!(missing.ends(2).err.contains("--to: cannot read none.png"));
    fs::write(project.path().join("broken.png"), b"\x89PNG and nothing").unwrap();
    let broken = project.run(
        &[&["interpolate", "--from", "broken.png", "--to", "low.png"], &vae[..], &["--out", "other"]]
            .concat(),
    );
    assert!(broken.ends(2).err.contains("damaged PNG"));
    assert!(!project.path().join("other").exists());
}

#[test]
fn without_data_the_ends_must_be_pictures() {
    let refused = Project::new().run(&["interpolate", "--from", "1,2", "--to", "3,4"]).ends(2);
    assert!(refused.err.contains("--data is missing"), "{}", refused.err);
}

#[test]
fn two_pictures_are_joined_in_the_noise_of_a_diffusion() {
    let project = Project::new();
    rectangle(&project.path().join("low.png"), [28, 28], [16, 3]);
    rectangle(&project.path().join("high.png"), [28, 28], [4, 8]);
    let weights = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../experiments/models/images/fashion-diffusion.safetensors");
    let weights = format!("weights={}", weights.display());
    let joined = |method: &[&str]| {
        let pictures =
            ["interpolate", "--from", "low.png", "--to", "high.png", "--quiet", "--json", "--frames", "3"];
        let model = ["--model", "image-diffusion", "--model-config", &weights, "--model-config", "steps=10"];
        let answer =
            project.run(&[&pictures[..], &model[..], &["--out", "out"], method].concat()).ends(0).json();
        fs::remove_dir_all(project.path().join("out")).unwrap();
        assert_eq!(answer["numbers"]["dim"], 784);
        let frames = answer["numbers"]["frames"].as_array().unwrap();
        frames.iter().map(|frame| frame["potential"].as_f64().unwrap()).collect::<Vec<f64>>()
    };
    let straight = joined(&["--method", "linear"]);
    let likely = joined(&["--config", "weight.relative=1"]);
    let mixed = joined(&["--method", "noise-diffusion", "--config", "alpha-bar=0.01"]);
    assert_eq!((straight.len(), likely.len(), mixed.len()), (5, 5, 5));
    assert!(likely[2] < straight[2], "{likely:?} and {straight:?}");
    assert!((mixed[2] - straight[2]).abs() > 1e-3, "the pictures themselves are mixed in: {mixed:?}");
}
