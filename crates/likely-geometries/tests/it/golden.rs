//! Values of the authors' public code.

use crate::support::{assert_close, build, flat, list, rows};
use likely_core::Tensors;
use serde_json::Value;

const TOLERANCE: f64 = 1e-10;

fn cases(key: &str) -> Vec<Value> {
    let text = include_str!("../golden/authors.json");
    let golden: Value = serde_json::from_str(text).expect("JSON");
    golden[key].as_array().expect("cases").clone()
}

/// The Christoffel symbols of the second kind contracted with `v`, lowered: `G Gamma(v, v)`.
fn lowered(g: &[f64], symbols: &[f64], v: &[f64]) -> Vec<f64> {
    let dim = v.len();
    let second: Vec<f64> = (0..dim)
        .map(|i| {
            (0..dim * dim).map(|kl| symbols[i * dim * dim + kl] * v[kl / dim] * v[kl % dim]).sum::<f64>()
        })
        .collect();
    (0..dim).map(|i| (0..dim).map(|j| g[i * dim + j] * second[j]).sum()).collect()
}

#[test]
fn metrics_derivatives_and_christoffel_symbols_are_those_of_the_authors() {
    let mut ran = 0;
    for case in cases("metric") {
        let name = case["id"].as_str().expect("an id");
        let geometry = build(case["manifold"].as_str().unwrap(), case["config"].as_str().unwrap());
        let z = list(&case["z"]);
        let dim = z.len();
        assert_eq!(geometry.dim(), dim, "{name}");
        let mut tensors = Tensors::default();
        geometry.tensors(rows(&z, dim), &mut tensors).unwrap();
        let g = flat(&case["G"]);
        assert_close(&tensors.matrix(0), &g, TOLERANCE, name);
        // DG[k, m, l] is the derivative of G_km along l.
        let (slopes, symbols) = (flat(&case["DG"]), flat(&case["christoffel"]));
        let vectors = (0..dim).map(|k| (0..dim).map(|j| f64::from(u8::from(j == k))).collect());
        let mixed = (0..dim).map(|k| (0..dim).map(|j| 1.0 - 0.7 * ((j + 2 * k) % 3) as f64).collect());
        for v in vectors.chain(mixed) {
            let v: Vec<f64> = v;
            let mut gradient = vec![0.0; dim];
            geometry.norm_gradient(rows(&z, dim), &v, &mut gradient).unwrap();
            let expected: Vec<f64> = (0..dim)
                .map(|l| {
                    (0..dim * dim).map(|km| slopes[km * dim + l] * v[km / dim] * v[km % dim]).sum::<f64>()
                })
                .collect();
            assert_close(&gradient, &expected, TOLERANCE, name);
            let mut gamma = vec![0.0; dim];
            geometry.christoffel(rows(&z, dim), &v, &mut gamma).unwrap();
            assert_close(&gamma, &lowered(&g, &symbols, &v), TOLERANCE, name);
        }
        if let Some(embedding) = geometry.embedding() {
            let mut image = vec![0.0; embedding.ambient_dim()];
            embedding.map(rows(&z, dim), &mut image).unwrap();
            assert_close(&image, &list(&case["f"]), TOLERANCE, name);
        }
        ran += 1;
    }
    assert_eq!(ran, 8);
}

#[test]
fn fisher_information_is_that_of_the_authors() {
    let mut ran = 0;
    for case in cases("fisher-rao") {
        let config = case["config"].as_str().expect("a config");
        let geometry = build("fisher-rao", config);
        let z = list(&case["z"]);
        let mut tensors = Tensors::default();
        geometry.tensors(rows(&z, z.len()), &mut tensors).unwrap();
        assert_close(&tensors.matrix(0), &flat(&case["G"]), TOLERANCE, config);
        ran += 1;
    }
    assert_eq!(ran, 19);
}
