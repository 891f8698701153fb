//! Metrics of samples: against numpy and scipy (`scripts/golden_samples.py`), closed forms, and in what they refuse.

use likely_core::{Evaluations, HullBound, SamplePrediction};
use likely_metrics::{ALL, MetricError, Reading, SAMPLE_ALL, SampleSubject, distance_to_hull, find_sample};
use ndarray::{Array2, array};
use proptest::prelude::*;
use serde_json::Value;

const PREDICTION: SamplePrediction = SamplePrediction {
    data_scale: 0.9,
    residual_variance: Some(0.5),
    hull: Some(HullBound { start_factor: 0.0, error_term: 2.0, hull_scale: 1.0 }),
    velocity_error: 0.0,
};

fn subject<'a>(samples: &'a Array2<f64>, training: &'a Array2<f64>) -> SampleSubject<'a> {
    SampleSubject {
        samples: samples.view(),
        starts: samples.view(),
        training: training.view(),
        prediction: PREDICTION,
        evaluations: Evaluations { values: 0, gradients: 12 },
    }
}

fn measure(id: &str, subject: &SampleSubject<'_>) -> Result<Reading, MetricError> {
    (find_sample(id).unwrap_or_else(|| panic!("no metric `{id}`")).evaluate)(subject)
}

fn rows(value: &Value) -> Array2<f64> {
    let rows: Vec<Vec<f64>> = serde_json::from_value(value.clone()).expect("rows of numbers");
    Array2::from_shape_vec((rows.len(), rows[0].len()), rows.concat()).expect("rows of one length")
}

#[test]
fn the_table_is_sorted_described_and_apart_from_that_of_curves() {
    assert!(SAMPLE_ALL.windows(2).all(|pair| pair[0].id < pair[1].id));
    for metric in SAMPLE_ALL {
        assert!(metric.id.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{}", metric.id);
        assert!(!metric.unit.is_empty() && metric.definition.ends_with('.'), "{}", metric.id);
        assert!(ALL.iter().all(|other| other.id != metric.id), "{}", metric.id);
    }
    assert!(find_sample("energy").is_none());
}

#[test]
fn distances_agree_with_numpy_and_scipy() {
    let golden: Value = serde_json::from_str(include_str!("../golden/samples.json")).unwrap();
    let (mut hulls, mut compared) = (0, 0);
    for case in golden["cases"].as_array().unwrap() {
        let (points, queries) = (rows(&case["points"]), rows(&case["queries"]));
        for (query, expected) in queries.rows().into_iter().zip(case["hull"].as_array().unwrap()) {
            let (expected, found) = (expected.as_f64().unwrap(), distance_to_hull(query, points.view()));
            assert!((found.upper - expected).abs() < 1e-10, "{points} {query}: {found:?} {expected}");
            assert!(found.upper - found.lower < 1e-10 && found.lower <= found.upper, "{found:?}");
            hulls += 1;
        }
        let subject = subject(&queries, &points);
        for id in [
            "hull-distance-max",
            "memorisation-ratio",
            "nearest-distance-max",
            "nearest-distance-mean",
            "nearest-distance-rms",
            "residual-variance",
        ] {
            let (found, expected) = (measure(id, &subject).unwrap(), case[id].as_f64().unwrap());
            assert!((found.value - expected).abs() < 1e-10, "{id}: {} {expected}", found.value);
            compared += 1;
        }
        let std_err = measure("nearest-distance-mean", &subject).unwrap().std_err.unwrap();
        assert!((std_err - case["nearest-distance-mean-std-err"].as_f64().unwrap()).abs() < 1e-12);
    }
    assert_eq!((hulls, compared), (60, 60));
}

#[test]
fn the_hull_of_a_square_is_at_the_distance_on_paper() {
    let square = array![[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0], [0.5, 0.5]];
    for (query, expected) in [
        ([0.3, 0.7], 0.0),
        ([0.5, 0.0], 0.0),
        ([1.0, 1.0], 0.0),
        ([2.0, 0.5], 1.0),
        ([0.2, -3.0], 3.0),
        ([4.0, 5.0], 5.0),
        ([1.0 + 1e-9, 0.5], 1e-9),
    ] {
        let found = distance_to_hull(array![query[0], query[1]].view(), square.view());
        assert!((found.upper - expected).abs() < 1e-15, "{query:?}: {found:?}");
    }
    // Copies of points and points on one line make the directions dependent.
    let flat = array![[0.0, 0.0], [0.0, 0.0], [1.0, 0.0], [2.0, 0.0], [2.0, 0.0]];
    let found = distance_to_hull(array![1.5, 2.0].view(), flat.view());
    assert!((found.upper - 2.0).abs() < 1e-14 && (found.lower - 2.0).abs() < 1e-14, "{found:?}");
}

#[test]
fn the_standard_simplex_is_at_one_over_root_d() {
    let dim = 50;
    let found = distance_to_hull(Array2::<f64>::zeros((1, dim)).row(0), Array2::eye(dim).view());
    assert!((found.upper - (dim as f64).sqrt().recip()).abs() < 1e-14, "{found:?}");
}

#[test]
fn bounds_and_predictions_are_those_of_the_subject() {
    let training = array![[0.0, 0.0], [1.0, 0.0]];
    let samples = array![[0.0, 1.0], [1.0, -1.0], [0.5, 0.0]];
    let starts = array![[0.0, 4.0], [1.0, 2.0], [0.0, 3.0]];
    let hull = HullBound { start_factor: 0.5, error_term: 0.1, hull_scale: 0.7 };
    let prediction = SamplePrediction { hull: Some(hull), velocity_error: 0.2, ..PREDICTION };
    let subject = SampleSubject { starts: starts.view(), prediction, ..subject(&samples, &training) };
    let value = |id: &str| measure(id, &subject).unwrap().value;
    // 0.5 * 4 + 0.1 + 0.3 * 1 for the first sample; the second has the largest ratio, 1 / (1 + 0.1 + 0.3).
    assert!((value("hull-distance-bound") - 2.4).abs() < 1e-15);
    assert!((value("hull-distance-ratio") - 1.0 / 1.4).abs() < 1e-15);
    assert!((value("velocity-error") - 0.2).abs() < 1e-15);
    assert!((value("residual-variance-predicted") - 0.5).abs() < 1e-15);
    assert!((value("residual-variance-ratio") - 2.0 * value("residual-variance")).abs() < 1e-15);
    assert!((value("evaluations-flow") - 12.0).abs() < 1e-15);
}

#[test]
fn what_has_no_number_says_why() {
    let (none, one, two) = (Array2::zeros((0, 1)), array![[1.0]], array![[0.0], [1.0]]);
    for metric in SAMPLE_ALL {
        if !["velocity-error", "evaluations-flow", "residual-variance-predicted"].contains(&metric.id) {
            for (samples, training) in [(&none, &two), (&two, &none), (&array![[1.0, 2.0]], &two)] {
                let refused = (metric.evaluate)(&subject(samples, training));
                assert!(matches!(refused, Err(MetricError::Needs { .. })), "{}", metric.id);
            }
        }
        for bad in [f64::NAN, f64::INFINITY] {
            if let Ok(reading) = (metric.evaluate)(&subject(&array![[bad]], &two)) {
                assert!(reading.value.is_finite(), "{}", metric.id);
            }
        }
    }
    assert!(measure("memorisation-ratio", &subject(&one, &one)).is_err());
    let bare = SamplePrediction { residual_variance: None, hull: None, ..PREDICTION };
    let subject = SampleSubject { prediction: bare, ..subject(&one, &two) };
    for id in ["hull-distance-bound", "hull-distance-ratio", "residual-variance-ratio"] {
        assert!(matches!(measure(id, &subject), Err(MetricError::Needs { .. })), "{id}");
    }
}

#[test]
fn a_copy_of_a_training_point_that_stands_twice_is_a_copy() {
    let training = array![[0.0, 0.0], [0.0, 0.0], [1.0, 0.0], [0.0, 0.0], [1.0, 0.0]];
    // The last is 0.3 from one point and 0.7 from the other.
    let samples = array![[0.0, 0.0], [0.01, 0.0], [1.0, 0.1], [0.3, 0.0]];
    let value = |samples| measure("memorisation-ratio", &subject(samples, &training)).unwrap().value;
    assert!((value(&samples) - 0.75).abs() < 1e-15);
    let same = array![[2.0, 1.0], [2.0, 1.0]];
    let refused = measure("memorisation-ratio", &subject(&samples, &same));
    assert!(matches!(refused, Err(MetricError::Needs { .. })), "{refused:?}");
}

proptest! {
    #[test]
    fn the_certificate_holds_and_points_of_the_hull_are_in_it(
        numbers in prop::collection::vec(-5.0..5.0_f64, 60..61),
        weights in prop::collection::vec(0.0..1.0_f64, 20..21),
        dim in 1..6_usize,
    ) {
        let count = 60 / dim - 1;
        let points = Array2::from_shape_fn((count, dim), |(i, j)| numbers[i * dim + j]);
        let query = ndarray::Array1::from(numbers[60 - dim..].to_vec());
        let found = distance_to_hull(query.view(), points.view());
        prop_assert!(found.upper - found.lower <= 1e-9, "{:?}", found);
        let used = count.min(20);
        let total: f64 = weights[..used].iter().sum::<f64>() + 1e-9;
        let mut inside = ndarray::Array1::<f64>::zeros(dim);
        for (weight, point) in weights[..used].iter().zip(points.rows()) {
            inside.scaled_add((weight + 1e-9 / used as f64) / total, &point);
        }
        prop_assert!(distance_to_hull(inside.view(), points.view()).upper < 1e-9);
        let straight = (&inside - &query).mapv(|x| x * x).sum().sqrt();
        prop_assert!(found.lower <= straight + 1e-9);
    }
}
