//! Rates and orders against closed forms.

use crate::densities::{Pointwise, ask, bowl, missing, number, refusal, study};
use crate::support::sphere;
use likely_core::{Euclidean, Potential};
use std::f64::consts::PI;

const ENDS: [&[f64]; 2] = [&[-1.0, 0.0], &[1.0, 0.0]];
const CENTRE: [f64; 2] = [0.0, 1.5];

/// The weight `relative` that stands for `factor` on the straight line between [`ENDS`] in a bowl of stiffness 1.
fn relative(factor: f64, segments: usize) -> f64 {
    let n = segments as f64;
    let total: f64 = (1..segments)
        .map(|i| -1.0 + 2.0 * i as f64 / n)
        .map(|x| 1.0 + 0.5 * (x * x + CENTRE[1] * CENTRE[1]))
        .sum();
    factor * total / (4.0 / n)
}

/// A configuration that spends nothing on what a test does not look at.
fn only(rest: &str) -> String {
    format!("coarse-grids = [2]\nsmall-lambdas = [0.0]\n{rest}")
}

#[test]
fn in_a_bowl_the_rate_is_the_quotient_of_eigenvalues() {
    let n = 16;
    // P has the eigenvalues 8 sin^2(j pi / 2N), H the same plus the factor.
    let lowest = 8.0 * (0.5 * PI / n as f64).sin().powi(2);
    let potential = bowl(CENTRE.to_vec(), 1.0, 1.0);
    let config = only(&format!("lambda = {:?}\ngrids = [2, 4, 8]", relative(0.6 * lowest, n)));
    let findings =
        ask(&*study("convergence-order", &config), &Euclidean::new(2), &potential, None, ENDS, n).unwrap();
    for (id, expected, tolerance) in [
        ("convergence-rate", 0.6, 1e-6),
        ("convergence-rate-predicted", 0.6, 1e-8),
        ("convergence-rate-unit-step", 0.6, 1e-8),
        ("convergence-order", 1.0, 1e-5),
    ] {
        let found = number(&findings, id);
        assert!((found - expected).abs() < tolerance, "{id}: {found}, expected {expected}");
    }
    let series = findings.series.iter().find(|series| series.id == "convergence").unwrap();
    let rows = series.values.nrows();
    assert!(rows > 20 && series.values[[rows - 1, 1]] <= 1e-6);
    assert!((series.values[[rows - 4, 3]] / series.values[[rows - 1, 1]] - 0.6_f64.powi(-3)).abs() < 1e-5);
}

#[test]
fn where_full_steps_diverge_the_prediction_follows_the_steps_that_were_taken() {
    let n = 16;
    let lowest = 8.0 * (0.5 * PI / n as f64).sin().powi(2);
    let potential = bowl(CENTRE.to_vec(), 1.0, 1.0);
    let config = only(&format!("lambda = {:?}\ngrids = [2, 4, 8]", relative(4.0 * lowest, n)));
    let findings =
        ask(&*study("convergence-order", &config), &Euclidean::new(2), &potential, None, ENDS, n).unwrap();
    let unit = number(&findings, "convergence-rate-unit-step");
    assert!((unit - 4.0).abs() < 1e-7, "{unit}");
    let (observed, predicted) =
        (number(&findings, "convergence-rate"), number(&findings, "convergence-rate-predicted"));
    assert!(observed < 1.0 && (observed - predicted).abs() < 0.05, "{observed}, predicted {predicted}");
}

#[test]
fn exact_second_derivatives_predict_what_differences_do() {
    let n = 12;
    let file = std::env::temp_dir();
    let resources = likely_models::Resources {
        points: None,
        seed: likely_core::Seed::new(1),
        folder: &file,
        device: likely_models::OpenDevice::cpu(),
    };
    let config = "centre = [0.2, 1.5]\nscale = 1.0";
    let exact = (likely_models::find("quadratic").unwrap().build)(
        toml::de::DeTable::parse(config).unwrap(),
        &resources,
    )
    .unwrap()
    .potential;
    assert!(exact.curvature().is_some());
    let hidden = Pointwise {
        dim: 2,
        at: |x: &[f64]| {
            let row = ndarray::Array2::from_shape_vec((1, 2), x.to_vec()).unwrap();
            let both = exact.value_and_grad(row.view()).unwrap();
            (both.value[0], both.grad.row(0).to_vec())
        },
    };
    assert!(hidden.curvature().is_none());
    let study = study("convergence-order", &only("lambda = 2.0\ngrids = [2, 4, 8]"));
    let unit = |potential: &dyn Potential| {
        let findings = ask(&*study, &Euclidean::new(2), potential, None, ENDS, n).unwrap();
        number(&findings, "convergence-rate-unit-step")
    };
    let (exact, hidden) = (unit(&*exact), unit(&hidden));
    assert!((exact - hidden).abs() < 1e-7 * exact, "{exact}, {hidden}");
}

#[test]
fn in_a_bowl_the_discretisation_has_order_two_and_the_energy_of_the_catenary() {
    let n = 20;
    let continuous = 8.0;
    let potential = bowl(CENTRE.to_vec(), 1.0, 1.0);
    let config = only(&format!("lambda = {:?}\ngrids = [20, 40, 80, 160]", relative(continuous / 400.0, n)));
    let findings =
        ask(&*study("convergence-order", &config), &Euclidean::new(2), &potential, None, ENDS, n).unwrap();
    let order = number(&findings, "discretisation-order");
    assert!((order - 2.0).abs() < 0.02, "{order}");
    // z'' = (continuous / 2) (z - c): hyperbolic functions of w (t - 1/2).
    let w: f64 = (continuous / 2.0_f64).sqrt();
    let (half, mean) = (w / 2.0, w.sinh() / (2.0 * w));
    let energy =
        w * w * ((mean + 0.5) / half.sinh().powi(2) + CENTRE[1].powi(2) * (mean - 0.5) / half.cosh().powi(2));
    let found = number(&findings, "discretisation-energy");
    assert!((found - energy).abs() < 1e-6 * energy, "{found}, expected {energy}");
    let reason = missing(&findings, "discretisation-error");
    assert!(reason.contains("closed form"), "{reason}");
}

#[test]
fn geodesics_of_the_sphere_converge_at_order_one_to_the_great_arc() {
    let flat = bowl(vec![0.0, 0.0], 0.0, 1.0);
    let config = only("lambda = 0.0\ngrids = [50, 100, 200, 400, 800]");
    let ends: [&[f64]; 2] = [&[-0.8, 0.3], &[0.5, 0.6]];
    let findings = ask(&*study("convergence-order", &config), &sphere(2), &flat, None, ends, 20).unwrap();
    let order = number(&findings, "discretisation-order");
    assert!((order - 1.0).abs() < 0.02, "{order}");
    let error = number(&findings, "discretisation-error");
    assert!(error < 1e-5, "{error}");
    // The squared length of the great arc.
    let lift = |z: &[f64]| crate::support::lift(z);
    let cosine = crate::support::dot(&lift(ends[0]), &lift(ends[1]));
    let energy = number(&findings, "discretisation-energy");
    assert!((energy - cosine.acos().powi(2)).abs() < 1e-5, "{energy}");
}

#[test]
fn a_heavy_weight_collapses_a_coarse_grid_and_turns_it_back() {
    let potential = bowl(vec![3.0], 1.0, 1.0);
    let config = "lambda = 0.1\ngrids = [2, 4, 8]\ncoarse-grids = [10, 20]\ncoarse-lambda = 1e8\nsmall-lambdas = [0.0, 0.5]";
    let ends: [&[f64]; 2] = [&[0.0], &[1.0]];
    let findings =
        ask(&*study("convergence-order", config), &Euclidean::new(1), &potential, None, ends, 8).unwrap();
    // All interior points sit in the centre: one segment of length 3, one of length 2, the others of none.
    let lengths = |n: f64| ((13.0 / n) - (5.0 / n).powi(2)).sqrt() / (5.0 / n);
    let variation = number(&findings, "coarse-speed-variation");
    assert!((variation - lengths(20.0)).abs() < 1e-3, "{variation}, expected {}", lengths(20.0));
    let mild = config.replace("1e8", "20.0");
    let findings =
        ask(&*study("convergence-order", &mild), &Euclidean::new(1), &potential, None, ends, 8).unwrap();
    assert!((number(&findings, "coarse-reversals") - 1.0).abs() < 0.5);
    let drift = findings.series.iter().find(|series| series.id == "small-weights").unwrap();
    // On the straight line S = 1 + (3 - x)^2 / 2, highest at the first interior point.
    let line = |i: u32| 1.0 + 0.5 * (3.0 - f64::from(i) / 8.0).powi(2);
    let mean = (1..8).map(line).sum::<f64>() / 7.0;
    assert!((drift.values[[0, 1]] - mean).abs() < 1e-12);
    assert!((drift.values[[0, 2]] - line(1)).abs() < 1e-12);
    assert!((drift.values[[0, 3]] - 1.0 / 8.0).abs() < 1e-12);
    assert!(drift.values[[1, 1]] < mean && drift.values[[1, 3]] > 1.0 / 8.0);
}

#[test]
fn what_shows_no_rate_says_so_and_odd_lists_are_refused() {
    let potential = bowl(CENTRE.to_vec(), 1.0, 1.0);
    let config = only("lambda = 0.0\ngrids = [2, 4, 8]");
    let findings =
        ask(&*study("convergence-order", &config), &Euclidean::new(2), &potential, None, ENDS, 8).unwrap();
    assert!(missing(&findings, "convergence-rate").contains("too few"));
    assert!(missing(&findings, "discretisation-order").contains("rounding"));
    let config = only("lambda = 20.0\ngrids = [2, 4, 8]\nmax-iterations = 3");
    let findings =
        ask(&*study("convergence-order", &config), &Euclidean::new(2), &potential, None, ENDS, 8).unwrap();
    assert!(missing(&findings, "convergence-rate-predicted").contains("iterations used up"));
    for (config, words) in [
        ("grids = [10, 20]", "3..=64"),
        ("grids = [10, 20, 30]", "twice"),
        ("grids = [1, 2, 4]", "2..=100000"),
        ("small-lambdas = [1.0, 0.5]", "ascend"),
        ("coarse-grids = []", "1..=64"),
        ("segments = 3", "unknown field"),
    ] {
        let refusal = refusal("convergence-order", config);
        assert!(refusal.contains(words), "{config}: {refusal}");
    }
}
