//! The adversarial model: against PyTorch, against its own derivatives, and what its search finds.

use crate::images::{every, filled, golden, refused, rows, shipped, squares};
use crate::support::{bits, build, build_in, difference, made_up, normal, objective, parameters};
use likely_core::{EvalError, Normalisation, Seed, check};
use likely_models::training::{Parameters, Points, Settings, Training};
use likely_models::{Built, Weights};
use likely_networks::Expected;
use ndarray::{Array2, Axis, s};
use std::ops::ControlFlow;

/// The tensors of both networks, in the order of training.
fn expected() -> Vec<Expected> {
    let training = objective("image-gan", "", 784).unwrap().built;
    training.parameters(Seed::new(1)).iter().map(|p| Expected::new(&p.name, &p.shape)).collect()
}

fn golden_gan(potential: &str) -> Built {
    let folder = tempfile::tempdir().unwrap();
    filled(expected()).write(&folder.path().join("gan.safetensors")).unwrap();
    let config = format!("weights = \"gan.safetensors\", potential = \"{potential}\"");
    build_in(folder.path(), "image-gan", &config, None).unwrap()
}

#[test]
fn images_and_the_corrected_prior_are_those_of_pytorch() {
    let built = golden_gan("discriminator");
    let z = rows(1000, 2, 32, 4.0, -2.0);
    let generated = built.images.unwrap().decode(z.view()).unwrap();
    assert!(difference(&every(29, &generated), &golden(&["gan", "generated"])) < 1e-12);
    assert_eq!(built.potential.normalisation(), Normalisation::UpToConstant);
    let found = built.potential.value_and_grad(z.view()).unwrap();
    assert!(difference(&found.value, &golden(&["gan", "potential"])) < 1e-12);
    assert!(difference(&found.grad, &golden(&["gan", "gradient"])) < 1e-10);
    let prior = golden_gan("prior").potential;
    assert_eq!((prior.dim(), prior.normalisation()), (32, Normalisation::Normalised));
}

#[test]
fn the_corrected_prior_passes_the_taylor_check_and_each_row_stands_alone() {
    let config = "weights = \"image-gan.safetensors\", potential = \"discriminator\"";
    let potential = build("image-gan", config, None).unwrap().potential;
    let at = normal("latent", 8, 32, 1.5);
    let mut rng = Seed::new(1).stream(&[("test", "taylor of a discriminator")]);
    for point in at.rows() {
        let slope = check::gradient(potential.as_ref(), point, &mut rng).unwrap();
        assert!(slope.passes(), "{slope:?}");
    }
    let whole = potential.value_and_grad(at.view()).unwrap();
    for i in 0..8 {
        let one = potential.value_and_grad(at.slice(s![i..=i, ..])).unwrap();
        assert_eq!((bits(&one.value), bits(&one.grad)), (bits(&[whole.value[i]]), bits(whole.grad.row(i))));
    }
}

/// The root of the mean squared error of a pixel after encoding and decoding.
fn gap(built: &Built, images: &Array2<f64>) -> f64 {
    let space = built.images.as_ref().unwrap();
    let back = space.decode(space.encode(images.view()).unwrap().view()).unwrap();
    (&back - images).mapv(|gap| gap * gap).mean().unwrap().sqrt()
}

#[test]
fn a_search_finds_images_that_were_generated_and_more_of_it_finds_them_better() {
    let with = |more: &str| {
        let config = format!("weights = \"fashion-gan.safetensors\", deviation = 0.02{more}");
        build_in(&shipped(), "image-gan", &config, None).unwrap()
    };
    let (quick, whole) = (with(", starts = 1, steps = 10"), with(""));
    let space = whole.images.as_ref().unwrap();
    let images = space.decode(normal("generated", 2, 32, 1.0).view()).unwrap();
    let [short, long] = [&quick, &whole].map(|built| gap(built, &images));
    // Nearer than held-out images come on average, which the generator does not know.
    assert!(long < 0.1 && long < 0.5 * short, "{short} and {long}");
    let points = space.encode(images.view()).unwrap();
    let alone = space.encode(images.slice(s![1..2, ..])).unwrap();
    assert_eq!(bits(&alone), bits(points.row(1)), "an image is searched for by itself");
    let wrong = space.encode(images.slice(s![.., ..700])).unwrap_err();
    assert_eq!(wrong, EvalError::Dimension { expected: 784, found: 700 });
    assert_eq!(space.encode(images.slice(s![..0, ..])).unwrap().dim(), (0, 32));
}

#[test]
fn training_brings_generated_images_to_the_data() {
    let points = squares(false);
    let training = objective("image-gan", "", 784).unwrap().built;
    let text =
        "seed = 3\nbatch = 16\nsteps = 60\noptimiser = \"adam\"\nlearning-rate = 2e-3\nbetas = [0.0, 0.9]";
    let settings: Settings = toml::from_str(text).unwrap();
    let mut run = Training::new(&*training, &Points::Set(points.view()), &settings, None).unwrap();
    let mut state = run.begin().unwrap();
    let off = |parameters: &Parameters| {
        let folder = tempfile::tempdir().unwrap();
        parameters.to_weights().unwrap().write(&folder.path().join("gan.safetensors")).unwrap();
        let built = build_in(folder.path(), "image-gan", "weights = \"gan.safetensors\"", None).unwrap();
        let images = built.images.unwrap().decode(normal("z", 64, 32, 1.0).view()).unwrap();
        let gaps = images.mean_axis(Axis(0)).unwrap() - points.mean_axis(Axis(0)).unwrap();
        gaps.mapv(|gap| gap * gap).mean().unwrap().sqrt()
    };
    let before = off(state.parameters());
    run.run(&mut state, &mut |_, _| ControlFlow::Continue(())).unwrap();
    let after = off(state.parameters());
    assert!(after < 0.6 * before, "from {before} to {after}");
}

#[test]
fn held_out_numbers_are_what_they_say() {
    let gan = objective("image-gan", "", 784).unwrap().built;
    let points = squares(false);
    let found =
        gan.held_out(&parameters(&*gan, &made_up("image-gan", 784)), points.slice(s![..2, ..]), Seed::new(2));
    let found = found.unwrap();
    let names: Vec<&str> = found.iter().map(|found| found.quantity).collect();
    assert_eq!(names, ["discriminator-wins", "discriminator-loss", "inversion-error"]);
    for (win, loss) in found[0].values.iter().zip(&found[1].values) {
        // A win is a loss below that of equal numbers, log 2.
        assert_eq!(*win > 0.5, *loss < std::f64::consts::LN_2, "{win} {loss}");
    }
    assert!(found[2].values.iter().all(|error| *error > 0.0 && *error < 1.0), "{:?}", found[2].values);
    assert!(found.iter().all(|found| found.values.len() == 2));
}

#[test]
fn what_does_not_suit_is_refused() {
    let Err(error) = objective("image-gan", "", 785) else { panic!("785 coordinates were taken") };
    assert!(error.to_string().contains("785 coordinates"), "{error}");
    for config in ["penalty = 0.0", "deviation = -1.0", "penalties = 1.0"] {
        assert!(objective("image-gan", config, 784).is_err(), "{config}");
    }
    let folder = tempfile::tempdir().unwrap();
    let mut weights = Weights::new();
    for (name, tensor) in filled(expected()).iter().filter(|(name, _)| *name != "generator.norms.1.bias") {
        weights.insert(name, tensor.shape(), tensor.values().to_vec()).unwrap();
    }
    weights.write(&folder.path().join("gan.safetensors")).unwrap();
    let wrong = refused("image-gan", folder.path(), "weights = \"gan.safetensors\"");
    assert!(wrong.contains("`generator.norms.1.bias` of shape [48] is missing"), "{wrong}");
}
