//! Gaussian kernel densities.

use crate::support::{bits, build, cases, difference, error, integral, list, normal, rows};
use likely_core::{Normalisation, Potential};
use likely_models::{Bandwidth, BuildError, KernelDensity, KernelDensityError};
use ndarray::{Array2, array, s};
use proptest::prelude::*;

#[test]
fn densities_and_rules_agree_with_scipy_and_scikit_learn() {
    let mut compared = 0;
    for case in cases(include_str!("../golden/kernel-densities.json")) {
        let bandwidth = match case["rule"].as_str() {
            Some("scott") => Bandwidth::Scott,
            Some("silverman") => Bandwidth::Silverman,
            Some(other) => panic!("{other}"),
            None => Bandwidth::Fixed(case["rule"].as_f64().unwrap()),
        };
        let density = KernelDensity::new(rows(&case["centres"]).view(), bandwidth).unwrap();
        assert!(difference(density.bandwidths(), &list(&case["bandwidths"])) < 1e-13);
        let at = density.value_and_grad(rows(&case["at"]).view()).unwrap();
        let off = difference(&at.value, &list(&case["value"]));
        assert!(off < 1e-13, "{}: {off}", case["rule"]);
        assert!(difference(&at.grad, &rows(&case["grad"])) < 1e-11);
        compared += 1;
    }
    assert_eq!(compared, 8);
}

#[test]
fn threads_change_no_bit() {
    let centres = normal("centres", 3001, 3, 2.0);
    let density = KernelDensity::new(centres.view(), Bandwidth::Scott).unwrap();
    let at = normal("at", 501, 3, 3.0);
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            assert_eq!(rayon::current_num_threads(), threads);
            density.value_and_grad(at.view()).unwrap()
        })
    };
    let (one, two) = (on(1), on(2));
    assert_eq!(bits(&one.value), bits(&two.value));
    assert_eq!(bits(&one.grad), bits(&two.grad));
    // A single point takes the path without threads.
    for i in [0, 31, 32, 500] {
        let alone = density.value_and_grad(at.slice(s![i..=i, ..])).unwrap();
        assert_eq!(alone.value[0].to_bits(), one.value[i].to_bits());
        assert_eq!(bits(&alone.grad), bits(one.grad.row(i)));
    }
}

#[test]
fn far_points_have_large_values_and_gradients_that_point_home() {
    let centres = normal("centres", 300, 2, 1.0);
    let density = KernelDensity::new(centres.view(), Bandwidth::Fixed(0.5)).unwrap();
    let far = array![[1e3, -1e3], [1e8, 0.0], [0.0, -1e100]];
    let at = density.value_and_grad(far.view()).unwrap();
    for (i, point) in far.rows().into_iter().enumerate() {
        let expected = point.dot(&point) / (2.0 * 0.25);
        assert!((at.value[i] / expected - 1.0).abs() < 1e-2, "{point}: {}", at.value[i]);
        for (g, x) in at.grad.row(i).iter().zip(point) {
            assert!((g - x / 0.25).abs() < 1e-2 * (x / 0.25).abs().max(1e3), "{point}: {g}");
        }
    }
    let beyond = density.value_and_grad(array![[1e200, 1e180]].view()).unwrap();
    assert!(beyond.value[0].is_infinite() && beyond.value[0] > 0.0);
    assert!(beyond.grad.iter().all(|g| g.is_finite() && *g > 0.0), "{}", beyond.grad);
    let undefined = density.value_and_grad(array![[f64::NAN, 0.0]].view()).unwrap();
    assert!(undefined.value[0].is_nan() && undefined.grad.iter().any(|g| g.is_nan()));
}

#[test]
fn points_without_spread_need_a_fixed_bandwidth() {
    let mut points = normal("points", 20, 2, 1.0);
    points.column_mut(1).fill(0.1);
    let BuildError::Fit { reason, .. } = error("kde", "", Some(points.view())) else {
        panic!("not a fit error")
    };
    assert!(reason.contains("coordinate 1") && reason.contains("fixed"), "{reason}");
    let single = points.slice(s![..1, ..]);
    assert!(matches!(error("kde", "", Some(single)), BuildError::Fit { .. }));
    let built = build("kde", "bandwidth = { fixed = 2 }", Some(single)).unwrap();
    assert_eq!(built.potential.normalisation(), Normalisation::Normalised);
    assert_eq!(built.facts, [("centres", "1".to_owned()), ("bandwidths", "2 2".to_owned())]);
    assert!(matches!(error("kde", "", None), BuildError::NoPoints { model: "kde" }));
}

#[test]
fn centres_and_bandwidths_out_of_range_are_refused() {
    let refused =
        |centres: Array2<f64>, bandwidth| KernelDensity::new(centres.view(), bandwidth).unwrap_err();
    assert_eq!(refused(Array2::zeros((0, 2)), Bandwidth::Scott), KernelDensityError::NoPoints);
    assert_eq!(refused(Array2::zeros((2, 0)), Bandwidth::Scott), KernelDensityError::NoCoordinates);
    let bad = array![[0.0], [f64::INFINITY]];
    assert_eq!(refused(bad, Bandwidth::Scott), KernelDensityError::OutOfRange { point: 1 });
    for value in [0.0, -1.0, f64::INFINITY, f64::NAN] {
        let error = refused(array![[0.0], [1.0]], Bandwidth::Fixed(value));
        assert!(matches!(error, KernelDensityError::Bandwidth { .. }));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_density_integrates_to_one(
        centres in proptest::collection::vec(-3.0..3.0_f64, 2..40),
        bandwidth in 0.3..1.5_f64,
    ) {
        let count = centres.len() / 2;
        let centres = Array2::from_shape_vec((count, 2), centres[..2 * count].to_vec()).unwrap();
        let density = KernelDensity::new(centres.view(), Bandwidth::Fixed(bandwidth)).unwrap();
        let integral = integral(&density, 3.0 + 8.0 * bandwidth, bandwidth / 2.0);
        prop_assert!((integral - 1.0).abs() < 1e-10, "{}", integral);
    }
}
