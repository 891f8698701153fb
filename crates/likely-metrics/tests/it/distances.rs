//! Distances between sets of features against numpy and mpmath (`scripts/golden_distances.py`).

use Route::{Cholesky, Eigenvectors, Thin};
use likely_core::Seed;
use likely_metrics::distances::{
    Comparison, DistanceError, FeatureSet, FeatureSource, FeatureStatistics, Precision, Route, SetMetric,
    Side, SourceError, StatisticsAccumulator, StatisticsError, compare, density_coverage, frechet_distance,
    kernel_distance, kernel_distance_of_subset, precision_recall,
};
use ndarray::{Array1, Array2, array, concatenate, s};
use serde_json::Value;

/// Numbers in [0, 1): `SplitMix64`, its upper 53 bits.
fn uniform(seed: u64, count: usize) -> Vec<f64> {
    (1..=count as u64)
        .map(|i| {
            let state = seed.wrapping_add(0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(i));
            let z = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            ((z ^ (z >> 31)) >> 11) as f64 * 2.0_f64.powi(-53)
        })
        .collect()
}

/// The features of the script.
pub(crate) fn features(seed: u64, rows: usize, dim: usize, shift: f64) -> Array2<f64> {
    let causes = uniform(seed, rows * 8);
    let own = uniform(seed + 1_000_003, rows * dim);
    Array2::from_shape_fn((rows, dim), |(i, j)| {
        (2.0 * causes[i * 8 + j % 8] - 0.75 + 0.5 * own[i * dim + j] + shift * (j % 5) as f64).max(0.0)
    })
}

pub(crate) fn set(rows: Array2<f64>) -> FeatureSet {
    FeatureSet::new(rows, FeatureSource::default()).expect("two finite rows or more")
}

fn only_statistics(rows: &Array2<f64>) -> FeatureSet {
    let statistics = FeatureStatistics::of(rows.view()).expect("two finite rows or more");
    FeatureSet::from_statistics(statistics, FeatureSource::default())
}

fn near(found: f64, expected: f64, relative: f64, what: &str) {
    assert!((found - expected).abs() <= relative * expected.abs(), "{what}: {found} {expected}");
}

#[test]
fn values_agree_with_other_implementations() {
    let golden: Value = serde_json::from_str(include_str!("../golden/distances.json")).unwrap();
    let mut routes = Vec::new();
    for case in golden["cases"].as_array().unwrap() {
        let id = case["id"].as_str().unwrap();
        let size = |key: &str| case[key].as_u64().unwrap() as usize;
        let expected = |key: &str| case[key].as_f64().unwrap();
        let (m, n, dim) = (size("real"), size("fake"), size("dim"));
        let (x, y) = (features(11, m, dim, 0.0), features(12, n, dim, expected("shift")));
        let frechet = case["frechet"].as_str().unwrap().parse().unwrap();
        let found = frechet_distance(&set(x.clone()), &set(y.clone())).unwrap();
        near(found.value, frechet, 1e-12, id);
        routes.push(found.route);

        let statistics = FeatureStatistics::of(x.view()).unwrap();
        let covariance = statistics.covariance();
        near(statistics.mean().sum(), expected("mean_sum"), 1e-13, id);
        near(covariance.diag().sum(), expected("covariance_trace"), 1e-13, id);
        let corner = (covariance[(0, dim - 1)], covariance[(dim - 1, 0)]);
        near(corner.0, expected("covariance_corner"), 1e-12, id);
        assert_eq!(corner.0.to_bits(), corner.1.to_bits());

        let rows = m.min(n) / 2;
        let (even, first): (Vec<usize>, Vec<usize>) =
            ((0..rows).map(|i| 2 * i).collect(), (0..rows).collect());
        let kernel =
            kernel_distance_of_subset(x.view(), y.view(), [&even, &first], Precision::Double).unwrap();
        // A difference of means of kernels, which are of order one.
        assert!((kernel - expected("kernel")).abs() < 1e-13, "{id}: {kernel} {}", expected("kernel"));
        let kernel =
            kernel_distance_of_subset(x.view(), y.view(), [&even, &first], Precision::Single).unwrap();
        assert!((kernel - expected("kernel")).abs() < 1e-8, "{id}: {kernel} {}", expected("kernel"));

        let both = precision_recall(x.view(), y.view(), 3).unwrap();
        near(both.precision, expected("precision"), 1e-15, id);
        near(both.recall, expected("recall"), 1e-15, id);
        let both = density_coverage(x.view(), y.view(), 5).unwrap();
        near(both.density, expected("density"), 1e-15, id);
        near(both.coverage, expected("coverage"), 1e-15, id);
    }
    assert_eq!(routes, [Cholesky, Thin, Thin, Thin, Thin, Cholesky, Thin]);
}

#[test]
fn a_set_is_at_no_distance_from_itself() {
    let mut routes = Vec::new();
    for (rows, dim) in [(300, 40), (30, 40), (40, 40), (41, 40)] {
        let x = features(3, rows, dim, 0.0);
        for one in [set(x.clone()), only_statistics(&x)] {
            let found = frechet_distance(&one, &one).unwrap();
            assert!((0.0..1e-8).contains(&found.value), "{rows} {dim}: {}", found.value);
            routes.push(found.route);
        }
        let both = precision_recall(x.view(), x.view(), 3).unwrap();
        assert_eq!((both.precision, both.recall), (1.0, 1.0));
        near(density_coverage(x.view(), x.view(), 5).unwrap().coverage, 1.0, 0.0, "coverage");
    }
    assert_eq!(routes, [Cholesky, Cholesky, Thin, Eigenvectors, Thin, Eigenvectors, Cholesky, Cholesky]);
}

/// Statistics of few images hold the distance only up to the roots of what rounding leaves of zero eigenvalues.
#[test]
fn singular_statistics_come_close_to_the_features() {
    let (x, y) = (features(11, 20, 48, 0.0), features(12, 120, 48, 0.02));
    let exact = frechet_distance(&set(x.clone()), &set(y.clone())).unwrap().value;
    for (real, fake) in [
        (only_statistics(&x), only_statistics(&y)),
        (only_statistics(&x), set(y.clone())),
        (set(x.clone()), only_statistics(&y)),
    ] {
        near(frechet_distance(&real, &fake).unwrap().value, exact, 1e-12, "with counts");
    }
    let forgotten = |rows: &Array2<f64>| {
        let known = FeatureStatistics::of(rows.view()).unwrap();
        let parts = (known.mean().to_owned(), known.covariance().to_owned());
        let statistics = FeatureStatistics::from_parts(parts.0, parts.1, None).unwrap();
        FeatureSet::from_statistics(statistics, FeatureSource::default())
    };
    let found = frechet_distance(&forgotten(&x), &forgotten(&y)).unwrap();
    near(found.value, exact, 1e-12, "without counts");
    assert_eq!(found.route, Route::Eigenvectors);
}

#[test]
fn dead_and_repeated_features_change_nothing_or_double() {
    let (x, y) = (features(11, 80, 24, 0.0), features(12, 70, 24, 0.05));
    let plain = frechet_distance(&set(x.clone()), &set(y.clone())).unwrap().value;
    let dead = |rows: &Array2<f64>| concatenate![ndarray::Axis(1), *rows, Array2::zeros((rows.nrows(), 3))];
    let found = frechet_distance(&set(dead(&x)), &set(dead(&y))).unwrap();
    near(found.value, plain, 1e-13, "dead features");
    assert_eq!(found.route, Route::Cholesky);
    let few = x.slice(s![..15, ..]).to_owned();
    let plain_few = frechet_distance(&set(few.clone()), &set(y.clone())).unwrap().value;
    let found = frechet_distance(&set(dead(&few)), &set(dead(&y))).unwrap();
    near(found.value, plain_few, 1e-13, "dead features of few images");
    assert_eq!(found.route, Route::Thin);
    // Every feature twice: a rotation makes that the features times the root of two, and as many dead ones.
    let twice = |rows: &Array2<f64>| concatenate![ndarray::Axis(1), *rows, *rows];
    let found = frechet_distance(&set(twice(&x)), &set(twice(&y))).unwrap();
    near(found.value, 2.0 * plain, 1e-10, "every feature twice");
    assert_eq!(found.route, Route::Eigenvectors);
}

#[test]
fn statistics_do_not_depend_on_how_the_rows_come() {
    let x = features(5, 1500, 33, 0.0);
    let whole = FeatureStatistics::of(x.view()).unwrap();
    for pieces in [vec![1, 2, 700, 1, 512, 284], vec![1499, 1], vec![100; 15]] {
        let mut accumulator = StatisticsAccumulator::new(33).unwrap();
        let mut start = 0;
        for piece in pieces {
            accumulator.push(x.slice(s![start..start + piece, ..])).unwrap();
            start += piece;
        }
        assert_eq!((start, accumulator.count()), (1500, 1500));
        assert_eq!(accumulator.finish().unwrap(), whole, "the same bytes");
    }
    let mut first = StatisticsAccumulator::new(33).unwrap();
    first.push(x.slice(s![..1000, ..])).unwrap();
    let mut second = StatisticsAccumulator::new(33).unwrap();
    second.push(x.slice(s![1000.., ..])).unwrap();
    first.merge(second).unwrap();
    let merged = first.finish().unwrap();
    assert_eq!(merged.count(), Some(1500));
    let difference = (&merged.covariance() - &whole.covariance()).fold(0.0_f64, |most, d| most.max(d.abs()));
    assert!(difference < 1e-14, "{difference}");
    // Far from zero the sum of squares of the features themselves would have lost ten digits.
    let far = FeatureStatistics::of((&x + 1e5).view()).unwrap();
    let difference = (&far.covariance() - &whole.covariance()).fold(0.0_f64, |most, d| most.max(d.abs()));
    assert!(difference < 1e-10, "{difference}");
}

#[test]
fn results_are_the_same_bytes_on_any_number_of_threads() {
    let (x, y) = (features(11, 900, 600, 0.0), features(12, 800, 600, 0.03));
    let metrics = SetMetric::ALL.to_vec();
    let comparison = Comparison { metrics, subsets: 3, subset_size: 300, ..Comparison::default() };
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| compare(&set(x.clone()), &set(y.clone()), &comparison).unwrap())
    };
    let one = on(1);
    assert_eq!(one.values.len(), 6);
    for threads in [2, 5] {
        assert_eq!(on(threads), one);
    }
}

#[test]
fn subsets_are_drawn_by_named_streams() {
    let (x, y) = (features(11, 90, 16, 0.0), features(12, 70, 16, 0.1));
    let double = Precision::Double;
    let draw =
        |subsets, seed| kernel_distance(x.view(), y.view(), subsets, 40, double, Seed::new(seed)).unwrap();
    let (three, five) = (draw(3, 1), draw(5, 1));
    assert_eq!(three.values, five.values[..3]);
    assert_ne!(three.values, draw(3, 2).values);
    let mean = five.values.iter().sum::<f64>() / 5.0;
    near(five.mean, mean, 1e-15, "mean");
    assert!(five.deviation.unwrap() > 0.0);
    // Where a subset is everything, every subset is the same up to the order of its sums.
    let all = kernel_distance(x.view(), y.view(), 2, 1000, double, Seed::new(1)).unwrap();
    assert_eq!(all.size, 70);
    let whole: Vec<usize> = (0..70).collect();
    let itself = kernel_distance(y.view(), y.view(), 2, 1000, double, Seed::new(1)).unwrap();
    let expected = kernel_distance_of_subset(y.view(), y.view(), [&whole, &whole], double).unwrap();
    near(itself.mean, expected, 1e-10, "everything");
    assert_eq!(itself.deviation, None, "there is no spread to speak of");
    assert!(all.deviation.unwrap() > 0.0, "of 90 real images each subset takes 70");
    assert_eq!(draw(1, 1).deviation, None);
}

#[test]
fn repeated_points_have_balls_without_size() {
    let x = Array2::from_shape_fn((8, 3), |(i, j)| if i < 5 { j as f64 } else { (i * (j + 2)) as f64 });
    let y = Array2::from_shape_fn((4, 3), |(_, j)| j as f64);
    let both = precision_recall(x.view(), y.view(), 3).unwrap();
    assert_eq!((both.precision, both.recall), (1.0, 5.0 / 8.0), "a point on the border is inside");
    let both = density_coverage(x.view(), y.view(), 4).unwrap_err();
    assert_eq!(both, DistanceError::Neighbours { k: 4, real: 8, fake: 4 });
    near(density_coverage(x.view(), y.view(), 3).unwrap().coverage, 0.0, 0.0, "here it is not");
}

#[test]
fn values_carry_what_makes_them_comparable() {
    let hash = "0123456789abcdef".repeat(4);
    let inception = FeatureSource::new(Some("inception-v3"), Some(&hash), Some("pil-bicubic")).unwrap();
    let other = FeatureSource::new(Some("fashion-classifier"), Some(&hash), None).unwrap();
    let of = |seed, rows, source: &FeatureSource| {
        FeatureSet::new(features(seed, rows, 6, 0.0), source.clone()).unwrap()
    };
    let metrics = SetMetric::ALL.to_vec();
    let comparison = Comparison { metrics, subsets: 2, ..Comparison::default() };
    let found = compare(&of(1, 50, &inception), &of(2, 40, &inception), &comparison).unwrap();
    assert_eq!((found.real, found.fake, found.dim, &found.source), (Some(50), Some(40), 6, &inception));
    let ids: Vec<&str> = found.values.iter().map(|value| value.id.as_str()).collect();
    assert_eq!(
        ids,
        [
            "fid-inception-v3",
            "kid-inception-v3",
            "precision-k3-inception-v3",
            "recall-k3-inception-v3",
            "density-k5-inception-v3",
            "coverage-k5-inception-v3",
        ]
    );
    let fashion = compare(&of(1, 50, &other), &of(2, 40, &other), &Comparison::default()).unwrap();
    assert_eq!(fashion.values[0].id, "fd-fashion-classifier");
    assert_eq!(SetMetric::Frechet.id(None), "fd-unnamed");

    let refused = compare(&of(1, 50, &inception), &of(2, 40, &other), &comparison).unwrap_err().to_string();
    assert!(refused.contains("network differs: inception-v3 and fashion-classifier"), "{refused}");
    let unsaid = FeatureSource::new(Some("inception-v3"), Some(&hash), None).unwrap();
    let refused = compare(&of(1, 50, &inception), &of(2, 40, &unsaid), &comparison).unwrap_err().to_string();
    assert!(refused.contains("resize kernel differs: pil-bicubic and not said"), "{refused}");
    assert_eq!(unsaid.completed_by(&inception).unwrap(), inception);
    let weights = FeatureSource::new(None, Some(&"f".repeat(64)), None).unwrap();
    assert!(matches!(unsaid.completed_by(&weights), Err(SourceError::Differs { what: "weights hash", .. })));

    let fewer = compare(&of(1, 50, &inception), &of(2, 30, &inception), &comparison).unwrap();
    let refused = found.check_comparable(&fewer).unwrap_err().to_string();
    assert!(refused.contains("number of images of the second set differs: 40 and 30"), "{refused}");
    found.check_comparable(&found).unwrap();
}

#[test]
fn sources_have_names_and_hashes() {
    for (network, hash) in
        [("Inception", None), ("a--b", None), ("", None), ("a", Some("12")), ("a\nb", None)]
    {
        assert!(FeatureSource::new(Some(network), hash, None).is_err(), "{network}");
    }
}

#[test]
fn what_has_no_distance_has_a_reason() {
    let good = features(1, 20, 4, 0.0);
    let source = FeatureSource::default;
    let mut bad = good.clone();
    bad[(7, 2)] = f64::NAN;
    let refused = FeatureSet::new(bad.clone(), source()).unwrap_err().to_string();
    assert_eq!(refused, "row 7, column 2 is NaN; every feature must be finite");
    assert!(matches!(
        FeatureStatistics::of(bad.view()),
        Err(StatisticsError::NotFinite { row: 7, column: 2, .. })
    ));
    let one = good.slice(s![..1, ..]).to_owned();
    assert_eq!(FeatureSet::new(one.clone(), source()).unwrap_err(), StatisticsError::OneImage);
    assert_eq!(FeatureStatistics::of(one.view()), Err(StatisticsError::OneImage));
    let empty = FeatureSet::new(Array2::zeros((0, 4)), source()).unwrap_err();
    assert_eq!(empty, StatisticsError::Empty { rows: 0, dim: 4 });
    let huge = FeatureSet::new(&good * 1e200, source()).unwrap();
    assert_eq!(
        frechet_distance(&huge, &huge).unwrap_err(),
        DistanceError::Statistics(StatisticsError::Overflow)
    );
    let narrow = set(good.slice(s![.., ..3]).to_owned());
    assert_eq!(
        frechet_distance(&set(good.clone()), &narrow).unwrap_err(),
        DistanceError::Dims { real: 4, fake: 3 }
    );
    let without = compare(&set(good.clone()), &only_statistics(&good), &Comparison::default()).unwrap_err();
    assert_eq!(without, DistanceError::NeedsFeatures { metric: SetMetric::Kernel, side: Side::Fake });

    let parts = |covariance: Array2<f64>| FeatureStatistics::from_parts(Array1::zeros(2), covariance, None);
    assert!(matches!(
        parts(array![[1.0, 0.5], [0.4, 1.0]]),
        Err(StatisticsError::Asymmetric { row: 1, column: 0, .. })
    ));
    assert!(matches!(
        parts(array![[1.0, 0.0], [0.0, -1.0]]),
        Err(StatisticsError::NegativeVariance { column: 1, .. })
    ));
    assert!(matches!(parts(Array2::zeros((3, 3))), Err(StatisticsError::Width { expected: 2, found: 3 })));
    for impossible in [array![[1.0, 2.0], [2.0, 1.0]], array![[0.0, 5.0], [5.0, 1.0]]] {
        assert!(matches!(parts(impossible), Err(StatisticsError::Impossible { row: 1, column: 0, .. })));
    }
    // Every two features may go together so, but not all three.
    let three =
        |covariance: Array2<f64>| FeatureStatistics::from_parts(Array1::zeros(3), covariance, None).unwrap();
    let indefinite = three(array![[1.0, 0.9, -0.9], [0.9, 1.0, 0.9], [-0.9, 0.9, 1.0]]);
    let fine = three(Array2::eye(3));
    let of = |statistics: &FeatureStatistics| FeatureSet::from_statistics(statistics.clone(), source());
    for (real, fake, side) in [
        (&indefinite, &fine, Side::Real),
        (&fine, &indefinite, Side::Fake),
        (&indefinite, &indefinite, Side::Real),
    ] {
        let refused = frechet_distance(&of(real), &of(fake)).unwrap_err();
        assert!(
            matches!(refused, DistanceError::Indefinite { side: found, .. } if found == side),
            "{refused}"
        );
    }
}

#[test]
fn ids_say_fid_of_the_inception_of_2015_alone() {
    let cases = [
        (None, "fd-unnamed", "kid-unnamed"),
        (Some("inception-v3"), "fid-inception-v3", "kid-inception-v3"),
        (Some("fid-inception-v3"), "fid-inception-v3", "kid-inception-v3"),
        (Some("fid-inception-v3-768"), "fid-inception-v3-768", "kid-inception-v3-768"),
        (Some("clean-fid-inception-v3"), "clean-fid-inception-v3", "clean-kid-inception-v3"),
        (Some("tf1-fid-inception-v3"), "tf1-fid-inception-v3", "tf1-kid-inception-v3"),
        (Some("inception-v3-nsfwjs"), "fd-inception-v3-nsfwjs", "kid-inception-v3-nsfwjs"),
        (Some("fashion-classifier"), "fd-fashion-classifier", "kid-fashion-classifier"),
    ];
    for (network, frechet, kernel) in cases {
        assert_eq!(
            [SetMetric::Frechet, SetMetric::Kernel].map(|metric| metric.id(network)),
            [frechet, kernel]
        );
    }
    assert_eq!(SetMetric::Recall.id(Some("clean-fid-inception-v3")), "clean-recall-k3-inception-v3");
}
