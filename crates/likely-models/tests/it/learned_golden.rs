//! The learned models in full size against the PyTorch modules of the twins and normflows.

use crate::support::{build_in, cases, difference, list, rows};
use likely_core::{Rows, ValueGrad};
use likely_models::Weights;
use serde_json::Value;
use std::path::Path;

/// The made-up weights of a case: the formula in the head of `scripts/golden_learned.py`.
fn filled(case: &Value) -> Weights {
    let mut state = 1_u32;
    let mut weights = Weights::new();
    for tensor in case["tensors"].as_array().unwrap() {
        let shape: Vec<usize> = serde_json::from_value(tensor["shape"].clone()).unwrap();
        let scale = tensor["scale"].as_f64().unwrap();
        let values = (0..shape.iter().product()).map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            ((f64::from(state >> 16) / 65536.0 - 0.5) * scale) as f32
        });
        let values = values.collect();
        weights.insert(tensor["name"].as_str().unwrap().to_owned(), &shape, values).unwrap();
    }
    weights
}

#[test]
fn potentials_in_full_size_agree_with_the_twins_up_to_third_derivatives() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("learned-golden");
    std::fs::create_dir_all(&folder).unwrap();
    let mut compared = Vec::new();
    for case in cases(include_str!("../golden/learned.json")) {
        if case["third"].is_null() {
            continue;
        }
        let id = case["model"].as_str().unwrap();
        filled(&case).write(&folder.join(format!("{id}.safetensors"))).unwrap();
        let objective = case["objective"].as_str().map(|name| format!(", objective = \"{name}\""));
        let config = format!("weights = \"{id}.safetensors\"{}", objective.unwrap_or_default());
        let potential = build_in(&folder, id, &config, None).unwrap().potential;
        let at = rows(&case["at"]);
        let ValueGrad { value, grad } = potential.value_and_grad(at.view()).unwrap();
        assert!(difference(&value, &list(&case["value"])) < 1e-12, "{id}: {value}");
        assert!(difference(&potential.value(at.view()).unwrap(), &list(&case["value"])) < 1e-12, "{id}");
        assert!(difference(&grad, &rows(&case["grad"])) < 1e-11, "{id}: {grad}");
        let curvature = potential.curvature().unwrap();
        let flat: Vec<f64> = at.iter().copied().collect();
        let points = Rows::new(&flat, 2).unwrap();
        let [u, v] = ["u", "v"].map(|name| rows(&case[name]).into_raw_vec_and_offset().0);
        let mut hessians = vec![0.0; 4 * at.nrows()];
        curvature.hessian(points, &mut hessians).unwrap();
        let expected: Vec<f64> = case["hessian"].as_array().unwrap().iter().flat_map(rows).collect();
        assert!(difference(&hessians, &expected) < 1e-10, "{id}: {hessians:?}");
        let mut third = vec![0.0; 2 * at.nrows()];
        curvature.hessian_gradient(points, &u, &v, &mut third).unwrap();
        assert!(difference(&third, &rows(&case["third"])) < 1e-9, "{id}: {third:?}");
        compared.push(id.to_owned());
    }
    assert_eq!(compared, ["energy-network", "normalizing-flow", "autoregressive", "vae"]);
}
