//! Values of the authors' public code, and closed forms of geomstats.

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
    assert_eq!(ran, 21);
}

#[test]
fn the_wishart_information_is_that_of_the_authors_with_the_diagonal_first() {
    let cases = cases("wishart");
    assert_eq!(cases.len(), 1);
    let geometry = build("fisher-rao", cases[0]["config"].as_str().expect("a config"));
    let z = list(&cases[0]["z"]);
    let mut tensors = Tensors::default();
    // They have a full matrix in and the entries 11, 22, 12 out.
    geometry.tensors(rows(&[z[0], z[1], z[3]], 3), &mut tensors).unwrap();
    let (g, order) = (tensors.matrix(0), [0, 2, 1]);
    let permuted: Vec<f64> = (0..9).map(|at| g[order[at / 3] * 3 + order[at % 3]]).collect();
    assert_close(&permuted, &flat(&cases[0]["G"]), TOLERANCE, "wishart");
}

#[test]
fn the_textbook_form_of_power_laws_is_the_released_one_with_coordinates_swapped() {
    for family in ["pareto", "power-function"] {
        let textbook = build("fisher-rao", &format!("family = '{family}'"));
        let released = build("fisher-rao", &format!("family = '{family}', form = 'released'"));
        let (mut a, mut b) = (Tensors::default(), Tensors::default());
        textbook.tensors(rows(&[0.7, 1.9], 2), &mut a).unwrap();
        released.tensors(rows(&[1.9, 0.7], 2), &mut b).unwrap();
        let (a, b) = (a.matrix(0), b.matrix(0));
        // Scale 0.7 and shape 1.9: (shape / scale)^2 and 1 / shape^2.
        assert_close(&a, &[(1.9_f64 / 0.7).powi(2), 0.0, 0.0, 1.9_f64.powi(-2)], 1e-14, family);
        assert_close(&[b[3], b[2], b[1], b[0]], &a, 0.0, family);
    }
}

#[test]
fn closed_forms_are_those_of_geomstats() {
    let golden: Value = serde_json::from_str(include_str!("../golden/closed-forms.json")).expect("JSON");
    let mut ran = 0;
    for case in golden["closed-form"].as_array().expect("cases") {
        let (id, config) = (case["manifold"].as_str().unwrap(), case["config"].as_str().unwrap());
        let name = format!("{id} {{ {config} }}");
        let geometry = build(id, config);
        let closed = geometry.closed_form().expect("a closed form");
        let (from, to) = (list(&case["from"]), list(&case["to"]));
        let distance = case["distance"].as_f64().expect("a number");
        let found = closed.distance(&from, &to).unwrap();
        assert!((found - distance).abs() <= 1e-12 * distance.max(1.0), "{name}: {found} {distance}");
        let mut log = vec![0.0; from.len()];
        closed.log(&from, &to, &mut log).unwrap();
        assert_close(&log, &list(&case["log"]), 1e-12, &format!("{name}: log"));
        let mut middle = vec![0.0; from.len()];
        closed.geodesic(&from, &to, &[0.5], &mut middle).unwrap();
        assert_close(&middle, &list(&case["middle"]), 1e-12, &format!("{name}: middle"));
        ran += 1;
    }
    assert_eq!(ran, 63);
}
