//! Paths between latent points against scipy: `tests/golden/latent_paths.json`, made by `scripts/golden_latent_paths.py`.

use crate::golden::{matrix, method, number, run, vector};
use likely_core::Curve;
use ndarray::{Array1, ArrayView1};
use serde_json::Value;

fn cases(kind: &str) -> Vec<Value> {
    let text = include_str!("../golden/latent_paths.json");
    serde_json::from_str::<Value>(text).unwrap()[kind].as_array().unwrap().clone()
}

fn curve(
    id: &str,
    config: &str,
    start: ArrayView1<'_, f64>,
    end: ArrayView1<'_, f64>,
    segments: usize,
) -> Curve {
    run(&*method(id, config), None, start, end, segments).0.curve
}

fn farthest(curve: &Curve, expected: &Value) -> f64 {
    (&curve.points() - &matrix(expected)).iter().fold(0.0, |most: f64, x| most.max(x.abs()))
}

#[test]
fn norm_aware_paths_are_the_geodesics_of_the_chi_weight() {
    let mut ran = 0;
    for case in cases("norm-aware") {
        let dim = case["dim"].as_u64().unwrap() as usize;
        let (radii, angle) = (vector(&case["radii"]), number(&case["angle"]));
        let (mut start, mut end) = (Array1::zeros(dim), Array1::zeros(dim));
        // Not along the axes, so that the plane has to be found.
        let half = std::f64::consts::FRAC_1_SQRT_2;
        (start[0], start[1]) = (radii[0] * half, radii[0] * half);
        (end[0], end[1]) =
            (radii[1] * half * (angle.cos() - angle.sin()), radii[1] * half * (angle.cos() + angle.sin()));
        let segments = 4096;
        let found = curve("norm-aware", "", start.view(), end.view(), segments);
        let half_dim = 0.5 * dim as f64;
        let weight = |r: f64| {
            0.5 * r * r - (dim as f64 - 1.0) * r.ln()
                + (half_dim - 1.0) * std::f64::consts::LN_2
                + libm::lgamma(half_dim)
        };
        let points = found.points();
        let pieces = points.axis_windows(ndarray::Axis(0), 2).into_iter().map(|pair| {
            let (a, b) = (pair.row(0), pair.row(1));
            let (middle, step) = ((&a + &b) * 0.5, &b - &a);
            weight(middle.dot(&middle).sqrt()) * step.dot(&step).sqrt()
        });
        let (length, expected): (f64, f64) = (pieces.sum(), number(&case["weighted-length"]));
        assert!((length / expected - 1.0).abs() < 2e-5, "{dim}: {length} for {expected}");
        for (k, quarter) in case["quarters"].as_array().unwrap().iter().enumerate() {
            let point = found.points().row((k + 1) * segments / 4).to_owned();
            let expected = [number(&quarter[0]), number(&quarter[1])];
            let placed = [half * (expected[0] - expected[1]), half * (expected[0] + expected[1])];
            let far = (point[0] - placed[0]).hypot(point[1] - placed[1]);
            assert!(far < 2e-4 * radii[0], "{dim}, quarter {k}: {far}");
            assert!(point.iter().skip(2).all(|x| x.abs() < 1e-9));
        }
        ran += 1;
    }
    assert_eq!(ran, 5);
}

#[test]
fn latent_optimal_linear_combinations_agree_with_the_reference() {
    let mut ran = 0;
    for (kind, key) in [("lol-normal", "mean"), ("lol-uniform", "law")] {
        for case in cases(kind) {
            let config = match key {
                "mean" => format!("law = {{ normal = {{ mean = {:?} }} }}", number(&case["mean"])),
                _ => format!("law = {{ uniform = {} }}", case["law"]),
            };
            let (start, end) = (vector(&case["ends"][0]), vector(&case["ends"][1]));
            let segments = case["curve"].as_array().unwrap().len() - 1;
            let found = curve("lol", &config, start.view(), end.view(), segments);
            assert!(farthest(&found, &case["curve"]) < 1e-12, "{config}");
            ran += 1;
        }
    }
    assert_eq!(ran, 3);
}

#[test]
fn a_norm_that_no_latent_point_has_is_refused_and_a_tiny_one_is_not() {
    for size in [2e3, 1e30, 1e80, 1e99] {
        let (start, end) = (Array1::from(vec![size, 0.0]), Array1::from(vec![0.0, size]));
        let geometry = likely_core::Euclidean::new(2);
        let scene = likely_methods::Scene { geometry: &geometry, density: None, typical: None };
        let ends = likely_core::Ends::new(start.view(), end.view(), std::num::NonZeroUsize::MIN).unwrap();
        let mut rng = likely_core::Seed::new(0).stream(&[]);
        let error = method("norm-aware", "")
            .interpolate(&scene, &ends, &mut rng, &mut likely_methods::ignore_steps)
            .unwrap_err();
        assert!(error.to_string().contains("at most 1.414e3; rescale the points"), "{size}: {error}");
    }
    for size in [1e-150, 1e-8, 1e3] {
        let (start, end) = (Array1::from(vec![size, 0.0]), Array1::from(vec![0.0, 1.0]));
        assert_eq!(curve("norm-aware", "", start.view(), end.view(), 4).segments(), 4);
    }
}

#[test]
fn variances_add_up_to_one_all_along() {
    let (start, end) = (Array1::from(vec![1.0, 0.0]), Array1::from(vec![0.0, 1.0]));
    for config in ["", "weights = \"trigonometric\""] {
        let found = curve("variance-preserving", config, start.view(), end.view(), 8);
        for row in found.points().rows() {
            assert!((row.dot(&row) - 1.0).abs() < 1e-14, "{config}: {row}");
        }
    }
    let trigonometric =
        curve("variance-preserving", "weights = \"trigonometric\"", start.view(), end.view(), 8);
    let arc = curve("slerp", "", start.view(), end.view(), 8);
    let far = (&trigonometric.points() - &arc.points()).iter().fold(0.0, |most: f64, x| most.max(x.abs()));
    assert!(far < 1e-14);
}

#[test]
fn an_end_outside_the_uniform_law_is_refused_with_its_coordinate() {
    let (start, end) = (Array1::from(vec![0.0, 1.5]), Array1::from(vec![0.1, 0.2]));
    let geometry = likely_core::Euclidean::new(2);
    let scene = likely_methods::Scene { geometry: &geometry, density: None, typical: None };
    let ends = likely_core::Ends::new(start.view(), end.view(), std::num::NonZeroUsize::MIN).unwrap();
    let mut rng = likely_core::Seed::new(0).stream(&[]);
    let error = method("lol", "law = { uniform = [-1.0, 1.0] }")
        .interpolate(&scene, &ends, &mut rng, &mut likely_methods::ignore_steps)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "coordinate 1 of an end point is 1.5, which is not inside the interval [-1, 1] of the uniform law; widen it, or leave `law` out for normal latent points"
    );
}
