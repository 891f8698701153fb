//! Runs over images: what is read, what is left in the folder, and what is refused.

use crate::support::{Place, bytes_of, spec_error};
use likely_experiment::Tier;
use likely_record::{Run, Status};

/// Sixty images of 4 x 3 numbers as `numpy.save` writes them, and the same without the first.
fn images(first: u32) -> Vec<u8> {
    let count = 60 - first;
    let header = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({count}, 4, 3), }}");
    let mut bytes = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    bytes.extend(format!("{header:<117}\n").bytes());
    bytes.extend((12 * first..60 * 12).map(|k| ((k / 12 * 37 + k * k % 144 * 11 + k * 5) % 251) as u8));
    bytes
}

const SPEC: &str = r#"
id = "small-images"
version = 1
title = "Small images"
segments = 6
seed = 7
metrics = ["images-log-likelihood", "images-pixel-length", "fd-fashion-classifier", "evaluations"]

[images]
folder = "held-out.npy"
part = "training"
most = 50

[[model]]
label = "Gaussian"
kind = "image-gaussian"
config = { folder = "training.npy", components = 4 }

[[model]]
label = "Plane"
kind = "chi-square-norm"
config = { dim = 2 }

[[study]]
kind = "image-curves"
label = "Linear"
config = { pairs = 3, frames = 2, of = "any" }

[[study]]
kind = "image-curves"
label = "Likely"
models = ["Gaussian"]
config = { pairs = 3, frames = 2, of = "any", method = "prob-georce", config = { weight = { relative = 5.0 } } }

[[figure]]
id = "pictures"
title = "Pictures"
show = { pictures = { picture = "image-curves", together = "label", studies = ["Likely", "Linear"], rows = 2 } }
"#;

fn place() -> Place {
    let place = Place::new();
    place.write("training.npy", images(1));
    place.write("held-out.npy", images(0));
    place
}

#[test]
fn a_run_over_images_leaves_pictures_errors_and_the_hashes_of_its_files() {
    let place = place();
    let mut folders = Vec::new();
    for threads in [1, 2] {
        let plan = place.plan(SPEC, Tier::Full);
        let names: Vec<&str> = plan.data_sha256().keys().map(String::as_str).collect();
        assert_eq!(names, ["held-out.npy", "training.npy"]);
        let (summary, folder, _) = place.run(&plan, &format!("runs-{threads}"), threads);
        assert_eq!((summary.done, summary.failed, summary.skipped), (3, 0, 1), "{summary:?}");
        let (again, _, _) = place.run(&plan, &format!("runs-{threads}"), threads);
        assert_eq!((again.done, again.reused), (0, 3));
        folders.push(folder);
    }
    assert_eq!(bytes_of(&folders[0]), bytes_of(&folders[1]));
    let run = Run::read(&folders[0]).unwrap();
    let sums = std::fs::read_to_string(folders[0].join("checksums.txt")).unwrap();
    let of_gaussian: Vec<_> = run.cells.iter().filter(|cell| cell.key.model == "Gaussian").collect();
    assert_eq!(of_gaussian.len(), 2);
    let mut ends = Vec::new();
    for cell in &of_gaussian {
        let hash = cell.key.hash();
        let pictures = run.pictures(&hash).unwrap();
        assert_eq!(pictures.len(), 1);
        assert_eq!(pictures[0].record().columns.len(), 6);
        assert!(sums.contains(&format!("pictures/{hash}-image-curves.png")), "{sums}");
        ends.push((0..3).map(|row| pictures[0].image(row, 5).unwrap()).collect::<Vec<_>>());
        for id in ["images-log-likelihood", "images-pixel-length"] {
            let metric = cell.metrics.iter().find(|metric| metric.id == id).unwrap();
            assert!(metric.value.is_some() && metric.std_err.is_some_and(|error| error > 0.0), "{metric:?}");
        }
        assert!(cell.metrics[2].reason.as_ref().unwrap().contains("no feature network"));
    }
    assert_eq!(ends[0], ends[1], "both methods join the same images");
    let likelihood = |study: &str| {
        let cell = of_gaussian.iter().find(|cell| cell.key.method == study).unwrap();
        cell.metric("images-log-likelihood").unwrap()
    };
    assert!(likelihood("Likely") > likelihood("Linear"));
    let plane = run.cells.iter().find(|cell| cell.key.model == "Plane").unwrap();
    assert_eq!(plane.status, Status::Skipped);
    assert!(plane.reason.as_ref().unwrap().contains("stand for no images"));
}

#[test]
fn a_study_sweeps_the_weight_as_methods_do() {
    let place = place();
    let sweep =
        |lambda: &str| SPEC.replace("label = \"Likely\"", &format!("label = \"Likely\"\nlambda = {lambda}"));
    let spec = sweep("[0.0, 5.0, 50.0]");
    let plan = place.plan(&spec, Tier::Full);
    let (summary, folder, _) = place.run(&plan, "runs", 2);
    assert_eq!((summary.done, summary.failed, summary.skipped), (5, 0, 1), "{summary:?}");
    let run = Run::read(&folder).unwrap();
    let likelihood = |lambda: Option<f64>| {
        let cells = run.cells.iter().filter(|cell| cell.key.model == "Gaussian" && cell.key.lambda == lambda);
        let values: Vec<f64> = cells.map(|cell| cell.metric("images-log-likelihood").unwrap()).collect();
        assert_eq!(values.len(), 1, "{lambda:?}");
        values[0]
    };
    let straight = likelihood(None);
    assert!((likelihood(Some(0.0)) - straight).abs() < 1e-9 * straight.abs());
    assert!(likelihood(Some(50.0)) > likelihood(Some(5.0)) && likelihood(Some(5.0)) > straight);
    let short = format!("{spec}\n[tier.smoke]\nlambda = [1.0]");
    assert_eq!(place.plan(&short, Tier::Smoke).record().cells.len(), 3);
    let refused = spec_error(&SPEC.replace("label = \"Linear\"", "label = \"Linear\"\nlambda = [1.0]"));
    assert!(
        refused.contains("the study `Linear` (kind `image-curves`) has no weight to sweep; remove `lambda`"),
        "{refused}"
    );
    assert!(spec_error(&sweep("[-1.0]")).contains("-1"));
    let none = spec_error(&format!("{SPEC}\n[tier.smoke]\nlambda = [1.0]"));
    assert!(none.contains("no method and no study has a `lambda` list"), "{none}");
}

#[test]
fn a_study_of_images_finds_its_curves_in_a_geometry_of_the_model_that_has_one() {
    let place = place();
    let solved = "kind = \"image-curves\"\nlabel = \"Likely\"";
    let in_geometry = |keys: &str| SPEC.replace(solved, &format!("{solved}\ngeometry = {{ {keys} }}"));
    let length = |name: &str, spec: &str| {
        let (_, folder, _) = place.run(&place.plan(spec, Tier::Full), name, 1);
        let run = Run::read(&folder).unwrap();
        let cell = run.cells.iter().find(|cell| cell.key.method == "Likely").unwrap().clone();
        (cell.metric("images-pixel-length"), cell.reason)
    };
    let (flat, _) = length("flat", SPEC);
    let (curved, reason) = length("monge", &in_geometry("kind = \"monge\", config = { alpha = 0.1 }"));
    assert!(reason.is_none() && curved.is_some() && curved != flat, "{curved:?} {flat:?} {reason:?}");
    // Pixels are decoded from themselves by no network.
    let (none, reason) = length("pull-back", &in_geometry("kind = \"pull-back\""));
    let reason = reason.unwrap();
    assert!(
        none.is_none() && reason.contains("made of a decoder, which this model does not have"),
        "{reason}"
    );
}

#[test]
fn a_study_may_look_at_images_that_models_are_trained_on() {
    let place = place();
    let study = "[[study]]\nkind = \"image-samples\"\nlabel = \"Training\"\nmodels = [\"Gaussian\"]\nconfig = { of = \"training-images\", samples = 9 }\n\n[[figure]]";
    let spec = SPEC.replace("[[figure]]", study);
    let plan = place.plan(&spec, Tier::Full);
    let (_, folder, _) = place.run(&plan, "runs", 1);
    let run = Run::read(&folder).unwrap();
    let cell = run.cells.iter().find(|cell| cell.key.method == "Training").unwrap();
    let reason = cell.reason.clone().unwrap();
    // The one file of the images has no parts, and no network sees features in them.
    assert!(cell.status == Status::Skipped && reason.contains("no feature network"), "{reason}");
}

#[test]
fn images_that_change_are_another_run() {
    let place = place();
    let before = place.plan(SPEC, Tier::Full).record().identity.clone();
    place.write("held-out.npy", images(2));
    assert_ne!(before, place.plan(SPEC, Tier::Full).record().identity);
}

#[test]
fn images_that_cannot_be_read_are_named_with_the_place_in_the_spec() {
    let place = place();
    let absent = place.plan_error(&SPEC.replace("\"held-out.npy\"", "\"nowhere\""));
    assert!(absent.starts_with("spec.toml:10:10: the images: ") && absent.contains("nowhere"), "{absent}");
    place.write("held-out.npy", &images(0)[..300]);
    let cut = place.plan_error(SPEC);
    assert!(cut.contains("held-out.npy"), "{cut}");
    place.write("training.npy", b"nothing");
    place.write("held-out.npy", images(0));
    assert!(place.plan_error(SPEC).contains("training.npy"));
    let none = spec_error(&SPEC.replace("most = 50", "most = 0"));
    assert!(none.contains("`images.most`"), "{none}");
    let rows = spec_error(&SPEC.replace("rows = 2", "rows = 0"));
    assert!(rows.contains("figure[0].show.pictures.rows"), "{rows}");
}
