//! Decoders as maps with derivatives: against PyTorch's, forwards, backwards and backwards through forwards.

use crate::images::{filled, rows};
use crate::support::{build, build_in, difference, made_up};
use likely_core::{EvalError, Rows};
use likely_models::Built;
use likely_networks::Expected;
use ndarray::{Array3, s};
use serde_json::Value;
use std::sync::LazyLock;

static GOLDEN: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../golden/image-decoders.json")).expect("JSON"));

/// The model with the weights of the script.
fn built(model: &str, expected: Vec<Expected>, config: &str) -> Built {
    let folder = tempfile::tempdir().unwrap();
    filled(expected).write(&folder.path().join("weights.safetensors")).unwrap();
    build_in(folder.path(), model, &format!("weights = \"weights.safetensors\"{config}"), None).unwrap()
}

fn generator() -> Vec<Expected> {
    let weights = made_up("image-gan", 784);
    weights.iter().map(|(name, tensor)| Expected::new(name, tensor.shape())).collect()
}

#[test]
fn derivatives_of_decoders_are_those_of_pytorch() {
    let mut cases = 0;
    for (name, step) in [("small", 97), ("svhn", 419), ("celeba", 1531), ("gan", 97)] {
        let golden = |key: &str| -> Vec<f64> {
            let rows: Vec<Vec<f64>> = serde_json::from_value(GOLDEN[name][key].clone()).unwrap();
            rows.concat()
        };
        let built = match name {
            "gan" => built("image-gan", generator(), ""),
            name => {
                let architecture = serde_json::from_value(Value::from(name)).unwrap();
                let expected = likely_models::Architecture::expected(architecture);
                built("image-vae", expected, &format!(", architecture = \"{name}\""))
            }
        };
        let space = built.images.unwrap();
        let map = space.decoder().unwrap();
        let (latent, pixels) = (map.dim(), map.ambient_dim());
        let z = rows(1000, 2, latent, 4.0, -2.0);
        let v = rows(1010, 2, latent, 4.0, -2.0).into_raw_vec_and_offset().0;
        let w = rows(1011, 2, pixels, 2.0, -1.0).into_raw_vec_and_offset().0;
        let view = z.view();
        let at = Rows::of(&view).unwrap();
        let thinned = |values: &[f64], columns: usize| {
            let values = Array3::from_shape_vec((2, pixels, columns), values.to_vec()).unwrap();
            values.slice(s![.., ..;step, ..]).iter().copied().collect::<Vec<f64>>()
        };

        let mut images = vec![0.0; 2 * pixels];
        map.map(at, &mut images).unwrap();
        assert!(difference(&thinned(&images, 1), &golden("image")) < 1e-12, "{name}");
        let decoded = space.decode(z.view()).unwrap();
        let kept: Vec<f64> = images.iter().map(|pixel| pixel.clamp(0.0, 1.0)).collect();
        assert!(difference(&decoded, &kept) < 1e-14, "{name}");

        let mut jacobians = vec![0.0; 2 * pixels * latent];
        map.jacobian(at, &mut jacobians).unwrap();
        assert!(difference(&thinned(&jacobians, latent), &golden("jacobian")) < 1e-10, "{name}");
        let mut pushed = vec![0.0; 2 * pixels];
        map.push_forward(at, &v, &mut pushed).unwrap();
        assert!(difference(&thinned(&pushed, 1), &golden("push-forward")) < 1e-10, "{name}");
        let mut gradient = vec![0.0; 2 * latent];
        map.bilinear_gradient(at, &w, &v, &mut gradient).unwrap();
        assert!(difference(&gradient, &golden("bilinear-gradient")) < 1e-10, "{name}");

        // The second row of each tensor.
        let jacobians = Array3::from_shape_vec((2, pixels, latent), jacobians).unwrap();
        let seconds: Vec<f64> =
            jacobians.outer_iter().flat_map(|j| j.t().dot(&j.column(1)).to_vec()).collect();
        let size = seconds.iter().fold(1.0_f64, |size, g| size.max(g.abs()));
        assert!(difference(&seconds, &golden("tensor-row")) < 1e-10 * size, "{name}");
        cases += 1;
    }
    assert_eq!(cases, 4);
}

#[test]
fn points_are_looked_at_in_blocks_and_those_of_another_size_refused() {
    let built = built("image-gan", generator(), "");
    let space = built.images.unwrap();
    let map = space.decoder().unwrap();
    let z = rows(1000, 40, 32, 4.0, -2.0);
    let v = rows(1010, 40, 32, 4.0, -2.0).into_raw_vec_and_offset().0;
    let (all, mut one) = (z.view(), vec![0.0; 784]);
    let mut pushed = vec![0.0; 40 * 784];
    map.push_forward(Rows::of(&all).unwrap(), &v, &mut pushed).unwrap();
    for row in [0, 17, 39] {
        let point = z.row(row).to_vec();
        map.push_forward(Rows::new(&point, 32).unwrap(), &v[row * 32..][..32], &mut one).unwrap();
        assert!(difference(&one, &pushed[row * 784..][..784]) < 1e-13, "{row}");
    }
    let narrow = [0.0; 31];
    let refused = map.push_forward(Rows::new(&narrow, 31).unwrap(), &narrow, &mut one);
    assert_eq!(refused, Err(EvalError::Dimension { expected: 32, found: 31 }));
    assert_eq!(map.map(Rows::new(&[], 32).unwrap(), &mut []), Ok(()));
}

#[test]
fn samplers_and_pixels_have_no_decoder() {
    let weights = "weights = \"image-diffusion.safetensors\"";
    let images = build("image-diffusion", weights, None).unwrap().images.unwrap();
    assert!(images.decoder().is_none());
}
