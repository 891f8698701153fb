//! The score in continuous time: against PyTorch, its flow there and back, and what does not suit.

use crate::images::{filled, golden, refused, rows};
use crate::support::{build_in, difference, objective};
use likely_core::{EvalError, Normalisation, Seed};
use likely_models::training::{HeldOut, Parameters};
use likely_models::{Built, Sde, UNet, Weights};
use ndarray::{Array2, s};
use std::path::Path;

/// Weights of the script for square images, the last layer weaker by a factor, in `folder`.
fn write(folder: &Path, sde: &str, side: usize, factor: f32) {
    let mut weights = Weights::new();
    for (name, tensor) in filled(UNet::expected(8)).iter() {
        let factor = if name == "last.weight" { factor } else { 1.0 };
        let values = tensor.values().iter().map(|value| factor * value).collect();
        weights.insert(name, tensor.shape(), values).unwrap();
    }
    let config = format!(r#"{{ "sde": "{sde}", "side": {side}, "width": 8, "levels": 17 }}"#);
    let metadata = [("model", "image-score-sde".to_owned()), ("config", config)];
    weights.metadata_mut().extend(metadata.map(|(key, value)| (key.to_owned(), value)));
    weights.write(&folder.join("sde.safetensors")).unwrap();
}

fn with(sde: &str, side: usize, factor: f32, more: &str) -> Built {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), sde, side, factor);
    let config = format!("weights = \"sde.safetensors\"{more}");
    build_in(folder.path(), "image-score-sde", &config, None).unwrap()
}

#[test]
fn means_deviations_and_diffusions_are_those_of_the_moments_equations() {
    let mut cases = 0;
    for (name, sde) in [("sub-vp", Sde::SubVp), ("vp", Sde::Vp)] {
        for t in [0.01, 0.1, 0.5, 1.0] {
            let found = [Sde::kept(t), sde.deviation(t), sde.squared_diffusion(t)];
            let wanted = golden(&["marginals", &format!("{name} {t:?}")]);
            for (found, wanted) in found.iter().zip(wanted) {
                assert!((found / wanted - 1.0).abs() < 1e-9, "{name} {t}: {found} and {wanted}");
            }
            cases += 1;
        }
    }
    assert_eq!(cases, 8);
}

#[test]
fn scores_are_those_of_pytorch_and_have_no_values() {
    let x = rows(1003, 2, 64, 4.0, -2.0);
    let mut cases = 0;
    for (sde, t) in [("sub-vp", 0.05), ("sub-vp", 0.6), ("vp", 0.3)] {
        let potential = with(sde, 8, 1.0, &format!(", potential = \"score\", time = {t:?}")).potential;
        let found = potential.value_and_grad(x.view()).unwrap();
        let wanted: Vec<f64> =
            golden(&["score-sde", &format!("{sde} {t:?}")]).iter().map(|score| -score).collect();
        let off = difference(&found.grad, &wanted);
        assert!(off < 1e-9, "{sde} {t}: {off:e}");
        assert!(found.value.iter().all(|value| value.is_nan()));
        let refused = potential.value(x.view()).unwrap_err().to_string();
        assert!(refused.contains(&format!("time {t}")) && refused.contains("no likelihood"), "{refused}");
        cases += 1;
    }
    assert_eq!(cases, 3);
}

#[test]
fn the_likelihood_is_that_of_fixed_steps_in_pytorch_and_probes_are_near_it() {
    let x = rows(1003, 2, 64, 2.0, -1.0);
    let x = x.slice(s![..1, ..16]);
    let exact = with("sub-vp", 4, 0.1, ", potential = \"likelihood\", tolerance = 1e-7").potential;
    assert_eq!((exact.dim(), exact.normalisation()), (16, Normalisation::Normalised));
    let value = exact.value(x).unwrap()[0];
    let wanted = golden(&["flow-likelihood"])[0];
    assert!((value + wanted).abs() < 1e-4, "{value} and {wanted}");
    let refused = exact.value_and_grad(x).unwrap_err().to_string();
    assert!(refused.contains("no gradients"), "{refused}");
    let more = ", potential = \"likelihood\", tolerance = 1e-4, probes = 64";
    let near = with("sub-vp", 4, 0.1, more).potential.value(x).unwrap()[0];
    assert!(near.to_bits() != value.to_bits() && (near - value).abs() < 2.0, "{near} and {value}");
    let wide = Array2::zeros((1, 17));
    let wrong = exact.value(wide.view()).unwrap_err();
    assert_eq!(wrong, EvalError::Dimension { expected: 16, found: 17 });
}

#[test]
fn held_out_bits_are_those_of_the_likelihood_within_levels() {
    let training = objective("image-score-sde", "side = 4, width = 8, levels = 17", 16).unwrap().built;
    let initial = Parameters::new(training.parameters(Seed::new(1))).unwrap();
    let points = rows(1001, 2, 16, 1.0, 0.0).mapv(|pixel| (16.0 * pixel).round() / 16.0);
    let found = training.held_out(&initial, points.view(), Seed::new(2)).unwrap();
    let names: Vec<&str> = found.iter().map(|found: &HeldOut| found.quantity).collect();
    assert_eq!(names, ["bits-per-dimension", "denoising-loss"]);
    // An untrained network knows nothing: worse than a uniform law, log2 17 bits, and than noise itself.
    assert!(found[0].values.iter().all(|bits| *bits > 17.0_f64.log2()), "{found:?}");
    assert!(found[1].values.iter().all(|loss| (loss - 1.0).abs() < 0.5), "{found:?}");
}

#[test]
fn what_does_not_suit_is_refused() {
    for (config, dim, part) in [
        ("", 64, "784"),
        ("side = 8", 784, "784 coordinates"),
        ("side = 6", 36, "multiple of 4"),
        ("side = 8, levels = 1", 64, "2 or more"),
        ("side = 8, sde = \"ve\"", 64, "sub-vp"),
        ("side = 8, weighting = \"plain\"", 64, "variance"),
    ] {
        let Err(error) = objective("image-score-sde", config, dim) else { panic!("{config} was taken") };
        assert!(error.to_string().contains(part), "{config}: {error}");
    }
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "sub-vp", 8, 1.0);
    let wrong = refused("image-diffusion", folder.path(), "weights = \"sde.safetensors\"");
    assert!(wrong.contains("of a model `image-score-sde`"), "{wrong}");
    for (config, part) in
        [("time = 0.0", "from 1e-5 to 1"), ("probes = 0", "nonzero"), ("tolerance = 0", "above 0")]
    {
        let config = format!("weights = \"sde.safetensors\", potential = \"score\", {config}");
        let wrong = refused("image-score-sde", folder.path(), &config);
        assert!(wrong.contains(part), "{wrong}");
    }
}
