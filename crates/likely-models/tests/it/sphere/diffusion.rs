//! Diffusion models on the sphere.

use super::mass;
use crate::support::{bits, build_in, difference, made_up, objective};
use likely_core::{Potential, Seed, check};
use likely_models::sphere::{
    Coordinates, NoiseSchedule, Parts, ScoreNetwork, ScoreShape, SphereDiffusion, in_coordinates,
    read_events, uniform,
};
use likely_networks::training::{Points, Settings, Training};
use ndarray::{Array2, s};
use std::f64::consts::PI;
use std::ops::ControlFlow;
use std::path::Path;

fn model(time: f64, steps: usize, coordinates: Coordinates) -> SphereDiffusion {
    let weights = made_up("sphere-diffusion", 3);
    let network = ScoreNetwork::load(&weights, &ScoreShape::default(), NoiseSchedule::default());
    SphereDiffusion::new(network.expect("weights of the default shape"), time, steps, coordinates)
}

fn points(name: &str, count: usize, coordinates: Coordinates) -> Array2<f64> {
    let mut rng = Seed::new(1).stream(&[("test", name)]);
    let points: Vec<[f64; 3]> = (0..count).map(|_| uniform(&mut rng)).collect();
    in_coordinates(&points, coordinates).expect("points of the sphere")
}

#[test]
fn before_training_the_density_is_uniform() {
    let training = objective("sphere-diffusion", "", 3).unwrap().built;
    let mut weights = likely_networks::Weights::new();
    for tensor in training.parameters(Seed::new(5)) {
        weights.insert(tensor.name, &tensor.shape, tensor.initial).unwrap();
    }
    let network = ScoreNetwork::load(&weights, &ScoreShape::default(), NoiseSchedule::default()).unwrap();
    let model = SphereDiffusion::new(network, 1e-3, 10, Coordinates::Embedded);
    let at = points("uniform", 20, Coordinates::Embedded);
    let ours = model.value_and_grad(at.view()).unwrap();
    assert!(ours.value.iter().all(|s| (s - (4.0 * PI).ln()).abs() < 1e-13), "{ours:?}");
    assert!(ours.grad.iter().all(|g| g.abs() < 1e-12), "{ours:?}");
}

#[test]
fn gradients_pass_the_taylor_check_in_both_coordinates() {
    let mut rng = Seed::new(1).stream(&[("test", "taylor")]);
    let mut checked = 0;
    for coordinates in [Coordinates::Embedded, Coordinates::Stereographic] {
        let model = model(0.01, 6, coordinates);
        for point in points("taylor", 6, coordinates).rows() {
            let slope = check::gradient(&model, point, &mut rng).unwrap();
            assert!(slope.passes(), "{coordinates:?} at {point}: {slope:?}");
            checked += 1;
        }
    }
    assert_eq!(checked, 12);
}

#[test]
fn both_coordinates_have_the_same_density_and_gradients_are_tangent() {
    let [embedded, chart] = [Coordinates::Embedded, Coordinates::Stereographic]
        .map(|c| (model(0.01, 6, c), points("both", 21, c)));
    let in_space = embedded.0.value_and_grad(embedded.1.view()).unwrap();
    let in_chart = chart.0.value(chart.1.view()).unwrap();
    assert!(difference(&in_chart, &in_space.value) < 1e-10);
    assert!(in_space.value.iter().any(|s| (s - (4.0 * PI).ln()).abs() > 0.1), "the network does nothing");
    for (x, g) in embedded.1.rows().into_iter().zip(in_space.grad.rows()) {
        assert!(x.dot(&g).abs() < 1e-10 * g.dot(&g).sqrt().max(1.0));
    }
}

#[test]
fn the_mass_is_one() {
    let mass = mass(&model(0.1, 4, Coordinates::Embedded), 40);
    assert!((mass - 1.0).abs() < 5e-3, "{mass}");
}

#[test]
fn the_bits_depend_not_on_the_batch_and_value_and_gradient_agree() {
    let model = model(0.05, 3, Coordinates::Embedded);
    let at = points("bits", 19, Coordinates::Embedded);
    let whole = model.value_and_grad(at.view()).unwrap();
    assert_eq!(bits(&whole.value), bits(&model.value(at.view()).unwrap()));
    for i in 0..at.nrows() {
        let one = model.value_and_grad(at.slice(s![i..=i, ..])).unwrap();
        assert_eq!(one.value[0].to_bits(), whole.value[i].to_bits());
        assert_eq!(bits(&one.grad), bits(whole.grad.row(i)));
    }
    assert!(model.value(Array2::zeros((2, 2)).view()).is_err());
}

#[test]
fn samples_follow_the_density_of_the_model() {
    let model = model(1e-3, 16, Coordinates::Embedded);
    let mut rng = Seed::new(6).stream(&[("test", "samples")]);
    let samples: Vec<[f64; 3]> = (0..400).map(|_| model.sample(100, &mut rng)).collect();
    // Uniform points weighted by the density: means of coordinates, squares and products against those of the samples.
    let at = points("weights", 1500, Coordinates::Embedded);
    let weights = model.value(at.view()).unwrap().mapv(|s| (-s).exp() * 4.0 * PI);
    let features =
        |x: &[f64]| [x[0], x[1], x[2], x[0] * x[0], x[1] * x[1], x[0] * x[1], x[1] * x[2], x[0] * x[2]];
    for k in 0..8 {
        let moments = |values: Vec<f64>| {
            let count = values.len() as f64;
            let mean = values.iter().sum::<f64>() / count;
            (mean, values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / count / count)
        };
        let drawn = moments(samples.iter().map(|x| features(x)[k]).collect());
        let weighted = at.rows().into_iter().zip(&weights).map(|(x, w)| w * features(&x.to_vec())[k]);
        let expected = moments(weighted.collect());
        // The stochastic process and the flow have one law only where the score is exact; this network has none, but is small.
        let bound = 4.0 * (drawn.1 + expected.1).sqrt() + 0.05;
        assert!((drawn.0 - expected.0).abs() < bound, "feature {k}: {drawn:?} {expected:?}");
    }
}

#[test]
fn a_short_training_lowers_the_loss_and_raises_the_likelihood() {
    let mixture = likely_models::sphere::VonMisesFisher::new(&[1.0], &[[0.0, 0.6, 0.8]], &[20.0]).unwrap();
    let mut rng = Seed::new(7).stream(&[("test", "data")]);
    let data: Vec<[f64; 3]> = (0..400).map(|_| mixture.sample(&mut rng)).collect();
    let data = in_coordinates(&data, Coordinates::Embedded).unwrap();
    let config = "hidden = [16, 16], frequency = 2.0, noise = { first-time = 0.05 }";
    let objective = objective("sphere-diffusion", config, 3).unwrap().built;
    let settings: Settings = toml::from_str(
        "seed = 1\nbatch = 128\nsteps = 400\noptimiser = \"adam\"\nlearning-rate = 5e-3\nschedule = \"cosine\"",
    )
    .unwrap();
    let mut training =
        Training::new(objective.as_ref(), &Points::Set(data.slice(s![..300, ..])), &settings, None).unwrap();
    let mut state = training.begin().unwrap();
    let mut losses = Vec::new();
    training
        .run(&mut state, &mut |_, progress| {
            losses.push(progress.loss);
            ControlFlow::Continue(())
        })
        .unwrap();
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
    assert!(mean(&losses[350..]) < 0.9 * mean(&losses[..20]), "{losses:?}");
    let held = objective.held_out(state.parameters(), data.slice(s![300.., ..]), Seed::new(1)).unwrap();
    let log_likelihood = mean(&held[0].values);
    // The law itself has -0.0 or so on average: its entropy is log(4 pi sinh(20) / 20) - 20 (coth 20 - 1 / 20).
    let entropy = (4.0 * PI * 20.0_f64.sinh() / 20.0).ln() - 20.0 * (1.0 / 20.0_f64.tanh() - 0.05);
    assert!(log_likelihood > -entropy - 0.3 && log_likelihood < -entropy + 0.3, "{log_likelihood} {entropy}");
}

#[test]
fn files_and_times_that_do_not_fit_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, entries: &[(&str, &str)]| {
        let mut weights = made_up("sphere-diffusion", 3);
        weights.metadata_mut().clear();
        let entries = entries.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        weights.metadata_mut().extend(entries);
        weights.write(&folder.path().join(name)).unwrap();
    };
    let config = r#"{"frequency": 6.0, "hidden": [64, 64, 64], "noise": {"end": 5.0, "first-time": 1e-3, "start": 1e-3}}"#;
    write("w.safetensors", &[("model", "sphere-diffusion"), ("config", config)]);
    write("silent.safetensors", &[]);
    write("other.safetensors", &[("model", "vae"), ("config", config)]);
    write("odd.safetensors", &[("config", r#"{"hidden": [64, 0]}"#)]);
    for (config, word) in [
        (
            "weights = \"w.safetensors\", hidden = [64, 64]",
            "hidden is [64,64], and the weights were trained with [64,64,64]",
        ),
        (
            "weights = \"w.safetensors\", noise = { start = 2e-3 }",
            "\"start\":0.002}, and the weights were trained with {",
        ),
        ("weights = \"w.safetensors\", time = 1e-4", "begins at 0.001"),
        ("weights = \"w.safetensors\", time = 2", "not between 0 and 1"),
        ("weights = \"w.safetensors\", steps = 0", "nonzero"),
        ("weights = \"w.safetensors\", hidden = []", "no hidden layers"),
        ("weights = \"w.safetensors\", noise = { end = 0.1 }", "between 1 and 100"),
        ("weights = \"silent.safetensors\", noise = {}", "do not say with which hidden"),
        ("weights = \"silent.safetensors\", hidden = [64, 64, 64]", "do not say with which noise"),
        ("weights = \"silent.safetensors\", hidden = [64, 64], noise = {}", "layers.3"),
        ("weights = \"other.safetensors\"", "weights of a model `vae`"),
        ("weights = \"odd.safetensors\"", "1 to 1024 units"),
        ("weights = \"none.safetensors\"", "cannot read"),
    ] {
        let error = match build_in(folder.path(), "sphere-diffusion", config, None) {
            Ok(_) => panic!("{config} was accepted"),
            Err(error) => error.to_string(),
        };
        assert!(error.contains(word), "{config}: {error}");
    }
    let built = |config: &str| build_in(folder.path(), "sphere-diffusion", config, None).unwrap();
    let from_file = built("weights = \"w.safetensors\"");
    let given = built("weights = \"silent.safetensors\", hidden = [64, 64, 64], noise = {}");
    let at = points("both", 9, Coordinates::Embedded);
    let [a, b] = [from_file, given].map(|built| built.potential.value(at.view()).unwrap());
    assert_eq!(bits(&a), bits(&b));
    let error = read_events(&folder.path().join("volerup.csv")).unwrap_err().to_string();
    assert!(error.starts_with("data absent"), "{error}");
}

#[test]
fn the_shipped_test_points_are_those_of_the_split() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments/data/quakes");
    let events = read_events(&folder.join("week.csv")).unwrap();
    let parts = Parts::of(&events, Seed::new(1));
    assert_eq!([events.len(), parts.training.len(), parts.test.len()], [1707, 1367, 170]);
    for (file, coordinates) in
        [("test-embedded.csv", Coordinates::Embedded), ("test-chart.csv", Coordinates::Stereographic)]
    {
        let text = std::fs::read_to_string(folder.join(file)).unwrap();
        let shipped: Vec<f64> = text
            .lines()
            .skip(1)
            .flat_map(|line| line.split(',').map(|x| x.parse::<f64>().unwrap()))
            .collect();
        let ours = in_coordinates(&parts.test, coordinates).unwrap();
        assert_eq!(shipped.len(), ours.len());
        assert!(difference(&ours, &shipped) < 1e-13, "{file}");
    }
}
