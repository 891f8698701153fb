//! The chi-square law of the squared norm.

use crate::support::{cases, difference, list};
use likely_core::{Normalisation, Potential, Radial};
use likely_models::ChiSquareNorm;
use ndarray::{Array2, Axis};
use std::num::NonZeroU32;

fn law(dim: u64) -> ChiSquareNorm {
    let dim = u32::try_from(dim).expect("dimensions are small");
    ChiSquareNorm::new(NonZeroU32::new(dim).expect("dimensions are not 0"))
}

#[test]
fn values_and_slopes_agree_with_sixty_digits_up_to_the_dimension_of_an_image() {
    let mut compared = 0;
    for case in cases(include_str!("../golden/chi-square-norm.json")) {
        let law = law(case["dim"].as_u64().unwrap());
        let q = case["squared_norm"].as_f64().unwrap();
        let (mut value, mut slope) = ([0.0], [0.0]);
        law.profile(&[q], &mut value, Some(&mut slope));
        let (expected, expected_slope) = (case["value"].as_f64().unwrap(), case["slope"].as_f64().unwrap());
        assert!((value[0] - expected).abs() < 1e-14 * expected.abs().max(10.0), "{case}: {value:?}");
        assert!(
            (slope[0] - expected_slope).abs() < 1e-15 * expected_slope.abs().max(1.0),
            "{case}: {slope:?}"
        );
        compared += 1;
    }
    assert_eq!(compared, 99);
}

#[test]
fn the_reference_cases_hold() {
    let mut compared = 0;
    for case in cases(include_str!("../golden/reference.json")).iter().filter(|case| case["dim"].is_u64()) {
        let dim = case["dim"].as_u64().unwrap();
        let point = Array2::from_shape_fn((1, dim as usize), |(_, j)| 1.3 * (j as f64).cos());
        let at = law(dim).value_and_grad(point.view()).unwrap();
        assert!(difference(&at.value, [&case["value"].as_f64().unwrap()]) < 1e-13, "{case}");
        assert!(difference(at.grad.iter().take(3), &list(&case["grad_first3"])) < 1e-14, "{case}");
        let norm = at.grad.row(0).dot(&at.grad.row(0)).sqrt();
        assert!(difference([&norm], [&case["grad_norm"].as_f64().unwrap()]) < 1e-14, "{case}");
        let coefficient = at.grad[[0, 1]] / point[[0, 1]];
        assert!(difference([&coefficient], [&case["grad_coefficient"].as_f64().unwrap()]) < 1e-14, "{case}");
        compared += 1;
    }
    assert_eq!(compared, 2);
}

#[test]
fn it_is_a_density_of_the_squared_norm_and_says_so() {
    assert_eq!(law(4).normalisation(), Normalisation::UpToConstant);
    for dim in [3, 4, 17] {
        let (law, step) = (law(dim), 1e-3);
        let squared: Vec<f64> = (1..=200_000).map(|i| f64::from(i) * step).collect();
        let mut values = vec![0.0; squared.len()];
        law.profile(&squared, &mut values, None);
        let integral: f64 = values.iter().map(|s| (-s).exp() * step).sum();
        assert!((integral - 1.0).abs() < 2e-5, "{dim}: {integral}");
    }
}

#[test]
fn the_origin_and_overflow_never_give_a_number_that_means_nothing() {
    let at = |dim: u64, x: f64| {
        let point = Array2::from_elem((1, dim as usize), x);
        let at = law(dim).value_and_grad(point.view()).unwrap();
        (at.value[0], at.grad.index_axis(Axis(0), 0).to_vec())
    };
    let (value, grad) = at(3, 0.0);
    assert!(value.is_infinite() && value > 0.0 && grad.iter().all(|g| g.is_nan()));
    let (value, grad) = at(1, 0.0);
    assert!(value.is_infinite() && value < 0.0 && grad[0].is_nan());
    let (value, grad) = at(2, 0.0);
    assert!((value - std::f64::consts::LN_2).abs() < 1e-15 && grad == vec![0.0; 2]);
    for dim in [1, 2, 3, 40] {
        let (value, grad) = at(dim, 1e200);
        assert!(value.is_infinite() && value > 0.0, "{dim}");
        assert!(grad.iter().all(|g| g.is_finite() && *g > 0.0), "{dim}: {grad:?}");
        assert!(at(dim, f64::NAN).0.is_nan(), "{dim}");
    }
}
