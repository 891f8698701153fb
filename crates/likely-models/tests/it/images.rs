//! Networks of images: against PyTorch, against their own derivatives, and against files that do not fit.

use crate::support::{bits, build, build_in, difference, made_up, normal, objective, parameters};
use likely_core::{EvalError, FeatureNetwork, ImageShape, ImageSpace, Normalisation, Seed, check};
use likely_models::training::{HeldOut, Objective, Points, Settings, Training};
use likely_models::{
    Architecture, BuildError, Classifier, FEATURES, NoiseCurve, NoiseSchedule, StoredWeights, UNet, Weights,
    feature_network,
};
use likely_networks::Expected;
use likely_networks::candle::{DType, Device, Tensor};
use ndarray::{Array2, ArrayView2, Axis, array, s};
use serde_json::Value;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

static GOLDEN: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../golden/image-networks.json")).expect("JSON"));

/// Numbers in [0, 1) with 32 bits, as the script makes them.
pub(crate) fn uniform(key: u64, count: usize) -> Vec<f64> {
    (1..=count as u64)
        .map(|i| {
            let number = (i * 2_654_435_761).wrapping_add((key + 1) * 40_503 * 65_537);
            (number % (1 << 32)) as f64 / f64::from(1 << 16) / f64::from(1 << 16)
        })
        .collect()
}

pub(crate) fn rows(key: u64, count: usize, columns: usize, scale: f64, shift: f64) -> Array2<f64> {
    let values = uniform(key, count * columns).iter().map(|u| scale * u + shift).collect();
    Array2::from_shape_vec((count, columns), values).unwrap()
}

/// The weights of the script.
pub(crate) fn filled(mut expected: Vec<Expected>) -> Weights {
    expected.sort_by(|a, b| a.name.cmp(&b.name));
    let mut weights = Weights::new();
    for (key, Expected { name, shape }) in expected.into_iter().enumerate() {
        let count: usize = shape.iter().product();
        let centred = uniform(key as u64, count).into_iter().map(|u| u - 0.5);
        let values: Vec<f32> = if shape.len() > 1 {
            let root = ((count / shape[0]) as f64).sqrt();
            centred.map(|u| (3.0 * u / root) as f32).collect()
        } else if name.ends_with(".weight") || name.ends_with(".running_var") {
            centred.map(|u| (1.0 + 0.5 * u) as f32).collect()
        } else {
            centred.map(|u| (0.5 * u) as f32).collect()
        };
        weights.insert(name, &shape, values).unwrap();
    }
    weights
}

pub(crate) fn golden(path: &[&str]) -> Vec<f64> {
    let mut value = &*GOLDEN;
    for key in path {
        value = &value[*key];
    }
    let flat = |value: &Value| match value {
        Value::Array(row) => row.iter().map(|x| x.as_f64().unwrap()).collect(),
        number => vec![number.as_f64().unwrap()],
    };
    value.as_array().unwrap().iter().flat_map(flat).collect()
}

pub(crate) fn every(step: usize, array: &Array2<f64>) -> Array2<f64> {
    array.slice(s![.., ..;step]).to_owned()
}

#[test]
fn autoencoders_and_the_gradients_of_their_bounds_are_those_of_pytorch() {
    let folder = tempfile::tempdir().unwrap();
    let mut cases = 0;
    for (name, architecture, step) in [
        ("small", Architecture::Small, 29),
        ("svhn", Architecture::Svhn, 29),
        ("celeba", Architecture::Celeba, 145),
    ] {
        filled(architecture.expected()).write(&folder.path().join("vae.safetensors")).unwrap();
        let config =
            format!("weights = \"vae.safetensors\", architecture = \"{name}\", potential = \"elbo\"");
        let built = build_in(folder.path(), "image-vae", &config, None).unwrap();
        let space = built.images.unwrap();
        let (latent, pixels) = (space.dim(), space.shape().len());
        let z = rows(1000, 2, latent, 4.0, -2.0);
        let means = space.encode(rows(1001, 2, pixels, 1.0, 0.0).view()).unwrap();
        assert!(difference(&means, &golden(&[name, "mean"])) < 1e-12, "{name}");
        let decoded = space.decode(z.view()).unwrap();
        assert!(difference(&every(step, &decoded), &golden(&[name, "decoded"])) < 1e-12, "{name}");
        let found = built.potential.value_and_grad(z.view()).unwrap();
        assert!(difference(&found.value, &golden(&[name, "bound"])) < 1e-12, "{name}");
        assert!(difference(&found.grad, &golden(&[name, "gradient"])) < 1e-10, "{name}");
        cases += 1;
    }
    assert_eq!(cases, 3);
}

#[test]
fn the_classifier_and_its_features_are_those_of_pytorch() {
    let stored = StoredWeights { weights: filled(Classifier::expected()), sha256: "ab".into() };
    let network = Classifier::load(&stored).unwrap();
    let images = rows(1001, 2, 784, 1.0, 0.0);
    let shape = ImageShape { channels: 1, height: 28, width: 28 };
    let features = network.features(images.view(), shape).unwrap();
    assert!(difference(&features, &golden(&["classifier", "features"])) < 1e-12);
    let log = network.log_probabilities(images.view()).unwrap();
    assert!(difference(&log, &golden(&["classifier", "log-probabilities"])) < 1e-12);
    assert_eq!((network.id(), network.dim(), network.weights_sha256()), ("fashion-classifier", 64, "ab"));
    let other = ImageShape { width: 14, height: 56, ..shape };
    let refused = network.features(images.view(), other).unwrap_err().to_string();
    assert!(refused.contains("1x28x28, not 1x56x14"), "{refused}");
    let narrow = network.features(images.slice(s![.., ..700]), shape).unwrap_err();
    assert_eq!(narrow, EvalError::Dimension { expected: 784, found: 700 });
    assert_eq!(network.features(images.slice(s![..0, ..]), shape).unwrap().dim(), (0, 64));
}

/// Weights of a diffusion of width 8 with their configuration, in `folder`.
fn diffusion_in(folder: &Path) -> Weights {
    let mut weights = filled(UNet::expected(8));
    let metadata = [("model", "image-diffusion"), ("config", r#"{ "width": 8 }"#)];
    weights.metadata_mut().extend(metadata.map(|(key, value)| (key.to_owned(), value.to_owned())));
    weights.write(&folder.join("diffusion.safetensors")).unwrap();
    weights
}

#[test]
fn the_noise_of_the_diffusion_and_its_images_are_those_of_pytorch() {
    let folder = tempfile::tempdir().unwrap();
    let network = UNet::load(&diffusion_in(folder.path()), 8, DType::F64).unwrap();
    let x = rows(1002, 2, 784, 4.0, -2.0);
    let images = Tensor::from_vec(x.iter().copied().collect::<Vec<f64>>(), (2, 784), &Device::Cpu).unwrap();
    for step in [0, 500, 999] {
        let noise: Vec<f64> = network.noise(&images, step).unwrap().flatten_all().unwrap().to_vec1().unwrap();
        let noise = Array2::from_shape_vec((2, 784), noise).unwrap();
        let off = difference(&every(13, &noise), &golden(&["unet", &step.to_string()]));
        assert!(off < 1e-11, "step {step}: {off:e}");
    }
    let config = "weights = \"diffusion.safetensors\", steps = 5, level = 3";
    let space = build_in(folder.path(), "image-diffusion", config, None).unwrap().images.unwrap();
    let decoded = space.decode(x.view()).unwrap();
    // The space is evaluated in f32.
    let off = difference(&every(13, &decoded), &golden(&["ddim"]));
    assert!(off < 1e-5, "{off:e}");
}

#[test]
fn schedules_are_those_of_their_definitions() {
    let mut cases = 0;
    for (name, curve) in [("linear", NoiseCurve::Linear), ("cosine", NoiseCurve::Cosine)] {
        for steps in [100, 1000] {
            let schedule = NoiseSchedule::new(curve, steps);
            let wanted = golden(&["schedules", &format!("{name} {steps}")]);
            for (k, wanted) in [0, steps / 3, steps / 2, steps - 1].into_iter().zip(wanted) {
                let off = (schedule.kept()[k] / wanted - 1.0).abs();
                assert!(off < 1e-10, "{name} {steps} at {k}: {off:e}");
                cases += 1;
            }
            assert!(schedule.variances().iter().all(|v| *v > 0.0 && *v < 1.0));
            assert!(schedule.kept().windows(2).all(|pair| pair[1] < pair[0]));
        }
    }
    assert_eq!(cases, 16);
    assert!((NoiseSchedule::new(NoiseCurve::Linear, 1000).variances()[999] - 0.02).abs() < 1e-15);
}

#[test]
fn every_gradient_of_the_autoencoder_passes_the_taylor_check_and_depends_on_its_row_alone() {
    let mut rng = Seed::new(1).stream(&[("test", "taylor of images")]);
    let mut checked = 0;
    for potential in ["elbo", "elbo-fixed-noise"] {
        let config = format!("weights = \"image-vae.safetensors\", potential = \"{potential}\", samples = 3");
        let built = build("image-vae", &config, None).unwrap();
        assert_eq!(built.potential.normalisation(), Normalisation::UpToConstant);
        let at = normal("latent", 6, 16, 1.5);
        for point in at.rows() {
            let slope = check::gradient(built.potential.as_ref(), point, &mut rng).unwrap();
            assert!(slope.passes(), "{potential}: {slope:?}");
            checked += 1;
        }
        let whole = built.potential.value_and_grad(at.view()).unwrap();
        let values = built.potential.value(at.view()).unwrap();
        assert_eq!(bits(&values), bits(&whole.value));
        for i in 0..6 {
            let one = built.potential.value_and_grad(at.slice(s![i..=i, ..])).unwrap();
            assert_eq!(bits(&one.value), bits(&[whole.value[i]]));
            assert_eq!(bits(&one.grad), bits(whole.grad.row(i)));
        }
        let narrow = built.potential.value(at.slice(s![.., ..3])).unwrap_err();
        assert_eq!(narrow, EvalError::Dimension { expected: 16, found: 3 });
    }
    assert_eq!(checked, 12);
    let elbo = |more: &str| {
        let config = format!("weights = \"image-vae.safetensors\", potential = \"elbo-fixed-noise\"{more}");
        build("image-vae", &config, None).unwrap().potential.value(normal("z", 1, 16, 1.0).view()).unwrap()
    };
    assert_eq!(elbo(""), elbo(", samples = 10"));
    assert_ne!(elbo(""), elbo(", samples = 11"));
}

#[test]
fn the_prior_is_a_normalised_density() {
    for id in ["image-vae", "image-diffusion"] {
        let kind = if id == "image-vae" { "prior" } else { "gaussian" };
        let config = format!("weights = \"{id}.safetensors\", potential = \"{kind}\"");
        let potential = build(id, &config, None).unwrap().potential;
        assert_eq!(potential.normalisation(), Normalisation::Normalised);
        let dim = potential.dim();
        let value = potential.value(Array2::from_elem((1, dim), 0.5).view()).unwrap()[0];
        let wanted = dim as f64 * (0.125 + 0.5 * std::f64::consts::TAU.ln());
        assert!((value / wanted - 1.0).abs() < 1e-13, "{id}");
    }
}

#[test]
fn the_score_is_the_scaled_noise_and_has_no_values() {
    let folder = tempfile::tempdir().unwrap();
    let weights = diffusion_in(folder.path());
    let config = "weights = \"diffusion.safetensors\", steps = 10, level = 5, potential = \"score\"";
    let potential = build_in(folder.path(), "image-diffusion", config, None).unwrap().potential;
    let at = normal("noised", 3, 784, 1.0);
    let found = potential.value_and_grad(at.view()).unwrap();
    let network = UNet::load(&weights, 8, DType::F64).unwrap();
    let images = Tensor::from_vec(at.iter().copied().collect::<Vec<f64>>(), (3, 784), &Device::Cpu).unwrap();
    let noise: Vec<f64> = network.noise(&images, 499).unwrap().flatten_all().unwrap().to_vec1().unwrap();
    let kept = NoiseSchedule::new(NoiseCurve::Linear, 1000).kept()[499];
    let wanted: Vec<f64> = noise.iter().map(|noise| noise / (1.0 - kept).sqrt()).collect();
    assert!(difference(&found.grad, &wanted) < 1e-11);
    assert!(found.value.iter().all(|value| value.is_nan()));
    let refused = potential.value(at.view()).unwrap_err().to_string();
    assert!(refused.contains("step 499") && refused.contains("no likelihood"), "{refused}");
}

/// Encoding and decoding undo each other better the more often a step is corrected, where the noise changes little with the
/// image, as that of a trained network does.
#[test]
fn corrections_make_encoding_the_inverse_of_decoding() {
    let folder = tempfile::tempdir().unwrap();
    let wild = diffusion_in(folder.path());
    let mut weights = Weights::new();
    for (name, tensor) in wild.iter() {
        let factor = if name == "last.weight" { 0.05 } else { 1.0 };
        let values = tensor.values().iter().map(|value| factor * value).collect();
        weights.insert(name, tensor.shape(), values).unwrap();
    }
    weights.metadata_mut().clone_from(wild.metadata());
    weights.write(&folder.path().join("diffusion.safetensors")).unwrap();
    let images = rows(1001, 2, 784, 0.2, 0.4);
    let worst = [0, 2, 8].map(|corrections| {
        let config = format!(
            "weights = \"diffusion.safetensors\", steps = 50, level = 8, corrections = {corrections}"
        );
        let space = build_in(folder.path(), "image-diffusion", &config, None).unwrap().images.unwrap();
        let back = space.decode(space.encode(images.view()).unwrap().view()).unwrap();
        (&back - &images).iter().fold(0.0_f64, |top, gap| top.max(gap.abs()))
    });
    assert!(worst[1] < 0.3 * worst[0] && worst[2] < 1e-4, "{worst:?}");
}

pub(crate) fn refused(id: &str, folder: &Path, config: &str) -> String {
    match build_in(folder, id, config, None) {
        Ok(_) => panic!("{id} {{ {config} }} was accepted"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn weights_that_do_not_fit_are_named_with_their_shapes() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let write = |name: &str, weights: &Weights| weights.write(&folder.join(name)).unwrap();
    diffusion_in(folder);
    write("small.safetensors", &filled(Architecture::Small.expected()));
    let wrong = refused("image-vae", folder, "weights = \"small.safetensors\", architecture = \"svhn\"");
    for part in ["h_con1.weight", "[32, 3, 2, 2] is missing", "; and 75 more, 80 in all"] {
        assert!(wrong.contains(part), "{wrong}");
    }
    let wrong = refused("image-vae", folder, "weights = \"diffusion.safetensors\"");
    for part in ["weights of a model `image-diffusion`", "encoder.0.weight", "[16, 1, 4, 4] is missing"] {
        assert!(wrong.contains(part), "{wrong}");
    }
    let wrong = refused("image-diffusion", folder, "weights = \"small.safetensors\"");
    assert!(wrong.contains("small.safetensors") && wrong.contains("no `config`"), "{wrong}");
    let wrong = refused("image-diffusion", folder, "weights = \"absent.safetensors\"");
    assert!(wrong.contains("absent.safetensors"), "{wrong}");
    for (config, part) in [("steps = 1001", "1000 steps"), ("level = 51", "1 to 50")] {
        let config = format!("weights = \"diffusion.safetensors\", {config}");
        let wrong = refused("image-diffusion", folder, &config);
        assert!(wrong.contains(part), "{wrong}");
    }
    for (json, part) in [
        (r#"{ "width": 16 }"#, "[16, 1, 3, 3] is needed"),
        (r#"{ "width": 12 }"#, "multiple of 8"),
        (r#"{ "width": 8, "depth": 2 }"#, "depth"),
    ] {
        let mut weights = filled(UNet::expected(8));
        weights.metadata_mut().insert("config".into(), json.into());
        write("other.safetensors", &weights);
        let wrong = refused("image-diffusion", folder, "weights = \"other.safetensors\"");
        assert!(wrong.contains(part), "{wrong}");
    }
    let mut other = filled(UNet::expected(8));
    other.metadata_mut().insert("model".into(), "vae".into());
    write("other.safetensors", &other);
    let wrong = refused("image-diffusion", folder, "weights = \"other.safetensors\"");
    assert!(wrong.contains("of a model `vae`"), "{wrong}");
}

#[test]
fn a_negative_variance_of_a_batch_normalisation_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut weights = Weights::new();
    for (name, tensor) in filled(Architecture::Svhn.expected()).iter() {
        let mut values = tensor.values().to_vec();
        if name == "g_batch3.running_var" {
            values[4] = -0.5;
        }
        weights.insert(name, tensor.shape(), values).unwrap();
    }
    weights.write(&folder.path().join("svhn.safetensors")).unwrap();
    let wrong =
        refused("image-vae", folder.path(), "weights = \"svhn.safetensors\", architecture = \"svhn\"");
    assert!(wrong.contains("`g_batch3.running_var` has the variance -0.5"), "{wrong}");
}

fn features(folder: &Path, config: &str) -> Result<Box<dyn FeatureNetwork>, BuildError> {
    let text = format!("config = {{ {config} }}");
    let document = toml::de::DeTable::parse(&text).expect("valid TOML");
    let (span, config) = (document.span(), document.into_inner().remove("config").expect("just written"));
    let toml::de::DeValue::Table(table) = config.into_inner() else { panic!("not a table") };
    feature_network(toml::Spanned::new(span, table), folder)
}

#[test]
fn a_feature_network_is_found_by_its_id_and_refused_with_what_would_be_right() {
    assert!(FEATURES.iter().map(|entry| entry.id).is_sorted());
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let sha256 = filled(Classifier::expected()).write(&folder.join("classifier.safetensors")).unwrap();
    let network =
        features(folder, "id = \"fashion-classifier\", weights = \"classifier.safetensors\"").unwrap();
    assert_eq!((network.weights_sha256(), network.dim()), (sha256.as_str(), 64));
    for (config, part) in [
        (
            "weights = \"classifier.safetensors\"",
            "`id` of a feature network is missing; there is `clean-fid-inception-v3`, `fashion-classifier`, `fid-inception-v3`",
        ),
        (
            "id = \"inception\"",
            "no feature network `inception`; there is `clean-fid-inception-v3`, `fashion-classifier`",
        ),
        ("id = \"fashion-classifier\"", "missing field `weights`"),
        ("id = \"fashion-classifier\", weights = \"classifier.safetensors\", depth = 2", "depth"),
        ("id = \"fashion-classifier\", weights = \"absent.safetensors\"", "absent.safetensors"),
    ] {
        let Err(error) = features(folder, config) else { panic!("{config} was accepted") };
        assert!(error.to_string().contains(part), "{config}: {error}");
    }
}

/// The loss over some steps of a training on `points`.
pub(crate) fn losses(training: &dyn Objective, points: ArrayView2<'_, f64>, steps: u64) -> Vec<f64> {
    let settings: Settings = toml::from_str(&format!(
        "seed = 3\nbatch = 16\nsteps = {steps}\noptimiser = \"adam\"\nlearning-rate = 3e-3"
    ))
    .unwrap();
    let mut run = Training::new(training, &Points::Set(points), &settings, None).unwrap();
    let mut state = run.begin().unwrap();
    let mut losses = Vec::new();
    run.run(&mut state, &mut |_, progress| {
        losses.push(progress.loss);
        ControlFlow::Continue(())
    })
    .unwrap();
    losses
}

/// Pictures of a bright square at one of two places, and which.
pub(crate) fn squares(labels: bool) -> Array2<f64> {
    Array2::from_shape_fn((32, 784 + usize::from(labels)), |(i, j)| {
        let left = i % 2 == 0;
        if j == 784 {
            return if left { 3.0 } else { 7.0 };
        }
        let (row, column) = (j / 28, j % 28);
        let inside = (8..20).contains(&row) && (column < 14) == left;
        if inside { 0.9 } else { 0.1 + 0.01 * (i % 5) as f64 }
    })
}

#[test]
fn losses_fall_and_held_out_numbers_are_what_they_say() {
    let mut tried = 0;
    for (id, config, labels, steps) in [
        ("image-classifier", "", true, 15),
        ("image-diffusion", "width = 8", false, 25),
        ("image-vae", "", false, 15),
    ] {
        let points = squares(labels);
        let training = objective(id, config, points.ncols()).unwrap().built;
        let losses = losses(&*training, points.view(), steps);
        let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
        let (first, last) = (mean(&losses[..3]), mean(&losses[losses.len() - 3..]));
        assert!(last < first - 0.2, "{id}: {first} to {last}");
        tried += 1;
    }
    assert_eq!(tried, 3);
}

#[test]
fn held_out_numbers_agree_with_the_model() {
    let of = |held_out: &[HeldOut], quantity: &str| {
        held_out.iter().find(|found| found.quantity == quantity).unwrap().values.clone()
    };
    let vae = objective("image-vae", "", 784).unwrap().built;
    let points = squares(false);
    let found =
        vae.held_out(&parameters(&*vae, &made_up("image-vae", 784)), points.slice(s![..4, ..]), Seed::new(2));
    let found = found.unwrap();
    let (likelihoods, bounds) = (of(&found, "log-likelihood"), of(&found, "evidence-bound"));
    assert_eq!(likelihoods.len(), 4);
    assert!(
        likelihoods.iter().zip(&bounds).all(|(l, b)| l >= b && l - b < 100.0),
        "{likelihoods:?} {bounds:?}"
    );

    let diffusion = objective("image-diffusion", "width = 8", 784).unwrap().built;
    let initial = likely_models::training::Parameters::new(diffusion.parameters(Seed::new(1))).unwrap();
    let found = diffusion.held_out(&initial, points.slice(s![..2, ..]), Seed::new(2)).unwrap();
    // An untrained network sees little noise: the loss is near 1, and the bound is far above that of a uniform law, 8 bits.
    assert!(of(&found, "denoising-loss").iter().all(|loss| (loss - 1.0).abs() < 0.5), "{found:?}");
    assert!(of(&found, "bits-per-dimension-bound").iter().all(|bits| *bits > 8.0), "{found:?}");

    let classifier = objective("image-classifier", "", 785).unwrap().built;
    let initial = likely_models::training::Parameters::new(classifier.parameters(Seed::new(1))).unwrap();
    let found = classifier.held_out(&initial, squares(true).view(), Seed::new(2)).unwrap();
    let entropy = of(&found, "cross-entropy");
    assert!(entropy.iter().all(|loss| (loss - 10.0_f64.ln()).abs() < 1.5), "{entropy:?}");
    assert!(
        of(&found, "accuracy")
            .iter()
            .all(|right| [0.0_f64, 1.0].map(f64::to_bits).contains(&right.to_bits()))
    );
}

#[test]
fn data_that_do_not_suit_are_refused() {
    for (id, dim) in [("image-vae", 785), ("image-diffusion", 785), ("image-classifier", 784)] {
        let Err(error) = objective(id, "", dim) else { panic!("{id} took {dim} coordinates") };
        assert!(error.to_string().contains(&format!("{dim} coordinates")), "{id}: {error}");
    }
    assert!(objective("image-diffusion", "width = 12", 784).is_err());
    let shared: Arc<dyn ImageSpace> =
        build("image-vae", "weights = \"image-vae.safetensors\"", None).unwrap().images.unwrap();
    let wrong = shared.decode(array![[0.0, 1.0]].view()).unwrap_err();
    assert_eq!(wrong, EvalError::Dimension { expected: 16, found: 2 });
    assert_eq!(shared.decode(Array2::zeros((0, 16)).view()).unwrap().dim(), (0, 784));
}

/// Test pictures of the part of Fashion-MNIST that comes with the experiments, with their classes.
fn pictures() -> Array2<f64> {
    let entry = likely_models::DATA.iter().find(|entry| entry.id == "fashion-mnist").unwrap();
    let text = "config = { folder = \"../../data/fashion\", labels = true }";
    let document = toml::de::DeTable::parse(text).unwrap();
    let (span, config) = (document.span(), document.into_inner().remove("config").unwrap());
    let toml::de::DeValue::Table(table) = config.into_inner() else { panic!("not a table") };
    let data = (entry.build)(toml::Spanned::new(span, table), &shipped()).unwrap().built;
    data.split(1, 100, Seed::new(1)).unwrap().held_out
}

/// The folder of the weights that come with the experiments.
pub(crate) fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments/models/images")
}

#[test]
fn the_weights_that_are_shipped_know_clothes() {
    let pictures = pictures();
    let (images, labels) = pictures.view().split_at(Axis(1), 784);
    let stored =
        Weights::read_exactly(&shipped().join("fashion-classifier.safetensors"), &Classifier::expected());
    let log = Classifier::load(&stored.unwrap()).unwrap().log_probabilities(images).unwrap();
    let right = log.rows().into_iter().zip(labels).filter(|(row, label)| {
        let best = (0..10).max_by(|a, b| row[*a].total_cmp(&row[*b])).unwrap();
        best == **label as usize
    });
    let right = right.count();
    assert!(right >= 85, "{right} of 100 classes");

    let vae = build_in(&shipped(), "image-vae", "weights = \"fashion-vae.safetensors\"", None).unwrap();
    let space = vae.images.unwrap();
    let back = space.decode(space.encode(images).unwrap().view()).unwrap();
    let error = (&back - &images).mapv(|gap| gap * gap).mean().unwrap().sqrt();
    assert!(error < 0.12, "{error}");
}

/// Mean, standard error and number of images of a quantity of a model card.
fn card(file: &str, quantity: &str) -> [f64; 3] {
    let text = std::fs::read_to_string(shipped().join(file)).unwrap();
    let row = text.lines().find(|line| line.starts_with(&format!("| {quantity} |"))).unwrap();
    let numbers: Vec<f64> = row.split('|').filter_map(|cell| cell.trim().parse().ok()).collect();
    numbers.try_into().unwrap()
}

#[test]
fn how_likely_pictures_are_agrees_with_the_cards_and_depends_on_the_picture_alone() {
    let pictures = pictures();
    let images = pictures.slice(s![.., ..784]);
    let space = |id: &str, config: &str| build_in(&shipped(), id, config, None).unwrap().images.unwrap();
    let vae = space("image-vae", "weights = \"fashion-vae.safetensors\"");
    let model = vae.likelihood().unwrap();
    assert_eq!(model.estimator(), "importance-weighted, 64 samples of the encoder");
    let found = model.likelihoods(images.view()).unwrap();
    let (likelihoods, bounds) = (found.log_likelihood.unwrap(), found.bound.unwrap());
    assert!(likelihoods.iter().zip(&bounds).all(|(likelihood, bound)| likelihood >= bound));
    for (quantity, values) in [("log-likelihood", &likelihoods), ("evidence-bound", &bounds)] {
        let [mean, error, count] = card("fashion-vae.md", quantity);
        let off = (values.mean().unwrap() - mean).abs();
        assert!(off < 4.0 * error * (1.0 + count / 100.0).sqrt(), "{quantity}: {off} from {mean}");
    }
    let alone = model.likelihoods(images.slice(s![57..58, ..])).unwrap().log_likelihood.unwrap();
    assert_eq!(bits(&alone), bits(&likelihoods.slice(s![57..58]).to_owned()));
    let wrong = model.likelihoods(images.slice(s![.., ..700])).unwrap_err();
    assert_eq!(wrong, EvalError::Dimension { expected: 784, found: 700 });

    let weights = "weights = \"fashion-diffusion.safetensors\", steps = 5";
    let diffusion = space("image-diffusion", weights);
    let found = diffusion.likelihood().unwrap().likelihoods(images.slice(s![..12, ..])).unwrap();
    assert!(found.log_likelihood.is_none(), "there is a bound alone");
    let bits_of = |nats: f64| 8.0 - nats / (784.0 * std::f64::consts::LN_2);
    let found: Vec<f64> = found.bound.unwrap().iter().map(|nats| bits_of(*nats)).collect();
    let mean = found.iter().sum::<f64>() / 12.0;
    let [of_card, error, count] = card("fashion-diffusion.md", "bits-per-dimension-bound");
    assert!((mean - of_card).abs() < 4.0 * error * (count / 12.0).sqrt(), "{found:?}");
    // Noise is none of its pictures.
    let noise = Array2::from_shape_vec((2, 784), uniform(77, 1568)).unwrap();
    let of_noise = diffusion.likelihood().unwrap().likelihoods(noise.view()).unwrap().bound.unwrap();
    assert!(of_noise.iter().all(|nats| bits_of(*nats) > 8.0), "{of_noise}");
    assert!(diffusion.generates() && !space("image-diffusion", &format!("{weights}, level = 3")).generates());
}

#[test]
fn pictures_and_likelihoods_are_the_same_bytes_on_any_number_of_threads() {
    let weights = "weights = \"fashion-diffusion.safetensors\", steps = 2";
    let diffusion = build_in(&shipped(), "image-diffusion", weights, None).unwrap().images.unwrap();
    let points = normal("threads", 40, 784, 1.0);
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let images = diffusion.decode(points.view()).unwrap();
            let bound = diffusion.likelihood().unwrap().likelihoods(images.slice(s![..3, ..])).unwrap().bound;
            (bits(&images), bits(&bound.unwrap()))
        })
    };
    let one = on(1);
    assert_eq!(one.0.len(), 40 * 784);
    assert_eq!(on(2), one);
    assert_eq!(on(5), one);
}

#[test]
fn pixels_are_features_of_images_of_the_shape_that_was_named() {
    let network = |config: &str| {
        let text = format!("id = \"pixels\"\n{config}");
        feature_network(toml::de::DeTable::parse(&text).unwrap(), Path::new("."))
    };
    let pixels = network("shape = [1, 2, 3]").unwrap();
    let images = rows(7, 4, 6, 1.0, 0.0);
    let shape = ImageShape { channels: 1, height: 2, width: 3 };
    assert_eq!(pixels.features(images.view(), shape).unwrap(), images);
    assert_eq!((pixels.dim(), pixels.weights_sha256().len()), (6, 64));
    let other = pixels.features(images.view(), ImageShape { height: 3, width: 2, ..shape }).unwrap_err();
    assert!(other.to_string().contains("images of 1x2x3, not of 1x3x2"), "{other}");
    let narrow = pixels.features(images.slice(s![.., ..5]), shape).unwrap_err();
    assert_eq!(narrow, EvalError::Dimension { expected: 6, found: 5 });
    for (config, words) in [("", "shape"), ("shape = [1, 0, 3]", "no pixel"), ("weights = \"x\"", "weights")]
    {
        let Err(error) = network(config) else { panic!("{config} was taken") };
        assert!(error.to_string().contains(words), "{config}: {error}");
    }
}
