//! What holds for every metric in the table.

use likely_core::{Curve, Ends, Euclidean, Evaluations, Normalisation};
use likely_metrics::{ALL, MetricError, Reading, Subject, find};
use ndarray::{Array1, Array2, array, s};
use proptest::prelude::*;
use std::num::NonZeroUsize;

fn measure(id: &str, subject: &Subject<'_>) -> Result<Reading, MetricError> {
    (find(id).unwrap_or_else(|| panic!("no metric `{id}`")).evaluate)(subject)
}

/// A subject with everything that a metric may ask for.
fn full<'a>(curve: &'a Curve, geometry: &'a Euclidean, potential: Array1<f64>) -> Subject<'a> {
    Subject {
        curve,
        geometry,
        potential_along: Some(potential),
        normalisation: Normalisation::Normalised,
        typical_potential: Some(1.0),
        lambda_norm: Some(2.0),
        evaluations: Evaluations { values: 3, gradients: 4 },
        iterations: 5,
    }
}

#[test]
fn the_table_is_sorted_and_every_entry_is_described() {
    assert!(ALL.windows(2).all(|pair| pair[0].id < pair[1].id));
    for metric in ALL {
        assert!(metric.id.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{}", metric.id);
        assert!(!metric.unit.is_empty(), "{}", metric.id);
        assert!(metric.definition.ends_with('.') && metric.definition.len() > 20, "{}", metric.id);
        assert!(find(metric.id).is_some_and(|found| found.id == metric.id));
    }
    assert!(find("log-likelihood").is_none());
}

#[test]
fn what_a_bare_curve_cannot_tell_is_refused_with_the_reason() {
    let (a, b) = (array![0.0], array![1.0]);
    let curve = Curve::straight(&Ends::new(a.view(), b.view(), NonZeroUsize::MIN).unwrap());
    let geometry = Euclidean::new(1);
    let subject = Subject::new(&curve, &geometry, None).unwrap();
    let mut refused = Vec::new();
    for metric in ALL {
        match (metric.evaluate)(&subject) {
            Ok(reading) => assert!(reading.value.is_finite(), "{}", metric.id),
            Err(MetricError::Needs { .. } | MetricError::TooFewSegments { .. }) => refused.push(metric.id),
            Err(other) => panic!("{}: {other}", metric.id),
        }
    }
    let expected = [
        "barrier-height",
        "log-likelihood-mean",
        "log-likelihood-min",
        "log-likelihood-sum",
        "potential-mean",
        "potential-sum",
        "regularised-energy",
        "regularised-energy-with-ends",
        "smoothness-second",
        "smoothness-third",
        "typicality-gap",
    ];
    assert_eq!(refused, expected);
}

#[test]
fn there_is_no_likelihood_without_normalisation() {
    let curve = Curve::new(array![[0.0], [1.0]]).unwrap();
    let geometry = Euclidean::new(1);
    let subject =
        Subject { normalisation: Normalisation::UpToConstant, ..full(&curve, &geometry, array![1.0, 2.0]) };
    for id in ["log-likelihood-mean", "log-likelihood-min", "log-likelihood-sum"] {
        assert_eq!(measure(id, &subject), Err(MetricError::NotNormalised), "{id}");
    }
    assert!((measure("potential-sum", &subject).unwrap().value - 3.0).abs() < 1e-15);
}

#[test]
fn nan_and_infinity_never_come_out() {
    let curve = Curve::new(array![[0.0], [1.0], [1e200], [3.0]]).unwrap();
    let geometry = Euclidean::new(1);
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        for place in 0..4 {
            let mut potential = array![0.0, 1.0, 2.0, 3.0];
            potential[place] = bad;
            let subject = full(&curve, &geometry, potential);
            for metric in ALL {
                if let Ok(reading) = (metric.evaluate)(&subject) {
                    assert!(reading.value.is_finite(), "{} at {place}", metric.id);
                }
            }
            // The minimum of a set with a NaN in it is not the minimum of the rest.
            if bad.is_nan() {
                for id in ["log-likelihood-min", "barrier-height", "potential-mean"] {
                    assert_eq!(measure(id, &subject), Err(MetricError::NotFinite), "{id}");
                }
            }
        }
    }
    let still = Curve::new(array![[1.0], [1.0], [1.0]]).unwrap();
    let subject = full(&still, &geometry, Array1::zeros(3));
    assert_eq!(measure("speed-uniformity", &subject), Err(MetricError::NotFinite));
}

#[test]
fn a_straight_line_has_the_numbers_on_paper() {
    let (a, b) = (array![1.0, 1.0], array![4.0, 5.0]);
    let curve = Curve::straight(&Ends::new(a.view(), b.view(), NonZeroUsize::new(10).unwrap()).unwrap());
    let geometry = Euclidean::new(2);
    let potential: Array1<f64> = (0..11).map(|i| f64::from(i * (10 - i))).collect();
    let subject = full(&curve, &geometry, potential);
    // |b - a| = 5 and ten segments; S = i (10 - i) sums to 165 and peaks at 25.
    for (id, expected) in [
        ("barrier-height", 25.0),
        ("energy", 2.5),
        ("evaluations", 7.0),
        ("length", 5.0),
        ("log-likelihood-mean", -15.0),
        ("log-likelihood-min", -25.0),
        ("log-likelihood-sum", -165.0),
        ("regularised-energy", 332.5),
        ("regularised-energy-with-ends", 332.5),
        ("smoothness-second", 0.0),
        ("smoothness-third", 0.0),
        ("speed-uniformity", 0.0),
        ("typicality-gap", 14.0),
    ] {
        let found = measure(id, &subject).unwrap();
        assert!((found.value - expected).abs() < 1e-12, "{id}: {} instead of {expected}", found.value);
        assert_eq!(found.std_err, None);
    }
}

#[test]
fn differences_of_a_parabola_and_a_cubic_are_those_of_calculus() {
    let curve_of = |f: &dyn Fn(f64) -> f64, n: usize| {
        Curve::new(Array2::from_shape_fn((n + 1, 1), |(i, _)| f(i as f64 / n as f64))).unwrap()
    };
    let geometry = Euclidean::new(1);
    let n = 16.0_f64;
    let parabola = curve_of(&|t| t * t, 16);
    let subject = full(&parabola, &geometry, Array1::zeros(17));
    // Each second difference of t^2 is 2 / N^2, and there are N - 1 of them.
    let second = measure("smoothness-second", &subject).unwrap().value;
    assert!((second - 15.0 * 4.0 / n.powi(4)).abs() < 1e-15, "{second}");
    let cubic = curve_of(&|t| t * t * t, 16);
    let subject = full(&cubic, &geometry, Array1::zeros(17));
    let third = measure("smoothness-third", &subject).unwrap().value;
    assert!((third - 14.0 * 36.0 / n.powi(6)).abs() < 1e-15, "{third}");
}

#[test]
fn noise_on_its_shell_has_no_norm_deviation() {
    let curve =
        Curve::new(array![[2.0, 0.0, 0.0, 0.0], [1.0, -1.0, 1.0, -1.0], [0.0, 0.0, 0.0, 3.0]]).unwrap();
    let geometry = Euclidean::new(4);
    let subject = full(&curve, &geometry, Array1::zeros(3));
    let deviation = measure("norm-deviation", &subject).unwrap().value;
    assert!((deviation - 0.5 / 3.0).abs() < 1e-15, "{deviation}");
}

proptest! {
    #[test]
    fn shape_does_not_depend_on_place_or_direction(
        values in prop::collection::vec(-10.0..10.0_f64, 12..30),
        shift in -100.0..100.0_f64,
    ) {
        let points = Array2::from_shape_fn((values.len() / 2, 2), |(i, j)| values[2 * i + j]);
        let geometry = Euclidean::new(2);
        let potential: Array1<f64> = points.rows().into_iter().map(|row| row.sum()).collect();
        let curve = Curve::new(points.clone()).unwrap();
        let moved = Curve::new(&points + shift).unwrap();
        let reversed = Curve::new(points.slice(s![..;-1, ..]).to_owned()).unwrap();
        let subject = full(&curve, &geometry, potential.clone());
        let moved = full(&moved, &geometry, potential.clone());
        let reversed = full(&reversed, &geometry, potential.slice(s![..;-1]).to_owned());
        for metric in ALL {
            let value = (metric.evaluate)(&subject).unwrap().value;
            let tolerance = 1e-10 * value.abs().max(1.0);
            let backwards = (metric.evaluate)(&reversed).unwrap().value;
            prop_assert!((value - backwards).abs() <= tolerance, "{} {} {}", metric.id, value, backwards);
            if metric.id != "norm-deviation" {
                let elsewhere = (metric.evaluate)(&moved).unwrap().value;
                prop_assert!((value - elsewhere).abs() <= tolerance, "{} {} {}", metric.id, value, elsewhere);
            }
        }
        // The straight line between the same ends has the least energy (Cauchy-Schwarz).
        let (energy, length) = (measure("energy", &subject).unwrap().value, measure("length", &subject).unwrap().value);
        prop_assert!(energy * curve.segments() as f64 >= length * length * (1.0 - 1e-12));
    }
}
