//! Errors over groups against the definition: every metric computed anew without each group.

use crate::distances::{features, set};
use likely_metrics::distances::{
    DistanceError, Precision, SetMetric, Side, density_coverage, errors_over_groups, frechet_distance,
    kernel_distance_of_subset, precision_recall,
};
use ndarray::{Array2, ArrayView2, Axis, array, concatenate, s};

/// The six metrics of `real` and of the rows of `groups` together.
fn metrics(real: &Array2<f64>, groups: &[ArrayView2<'_, f64>]) -> [f64; 6] {
    let fake = concatenate(Axis(0), groups).expect("there are enough images");
    let [m, n] = [real.nrows(), fake.nrows()].map(|count| (0..count).collect::<Vec<_>>());
    let pr = precision_recall(real.view(), fake.view(), 3).expect("there are enough images");
    let dc = density_coverage(real.view(), fake.view(), 5).expect("there are enough images");
    let kid = kernel_distance_of_subset(real.view(), fake.view(), [&m, &n], Precision::Double)
        .expect("there are enough images");
    let fd = frechet_distance(&set(real.clone()), &set(fake)).expect("there are enough images").value;
    [fd, kid, pr.precision, pr.recall, dc.density, dc.coverage]
}

#[test]
fn errors_are_those_of_metrics_without_each_group() {
    let mut compared = 0;
    for (dim, shift, repeat) in [(3, 0.0, false), (6, 0.1, false), (2, 0.05, true), (24, 0.2, false)] {
        let real = features(11, 40, dim, 0.0);
        let mut fake = features(12, 27, dim, shift);
        if repeat {
            // Frames that do not move: their nearest neighbours are their own copies.
            for row in 1..5 {
                let first = fake.row(0).to_owned();
                fake.row_mut(row).assign(&first);
            }
        }
        let ends = [0, 4, 9, 11, 18, 27];
        let groups: Vec<_> = ends.windows(2).map(|e| fake.slice(s![e[0]..e[1], ..])).collect();
        let without: Vec<[f64; 6]> = (0..groups.len())
            .map(|left_out| {
                let rest = groups.iter().enumerate().filter(|(g, _)| *g != left_out);
                metrics(&real, &rest.map(|(_, group)| group.view()).collect::<Vec<_>>())
            })
            .collect();
        let found = errors_over_groups(&set(real), &groups).unwrap();
        for (place, metric) in SetMetric::ALL.into_iter().enumerate() {
            let values: Vec<f64> = without.iter().map(|values| values[place]).collect();
            let mean = values.iter().sum::<f64>() / 5.0;
            let expected = (0.8 * values.iter().map(|value| (value - mean).powi(2)).sum::<f64>()).sqrt();
            let error = *found[place].as_ref().unwrap();
            assert!(
                (error - expected).abs() < 1e-11 * expected.max(1.0),
                "{metric}: {error}, not {expected}"
            );
            compared += usize::from(expected > 0.0);
        }
    }
    assert!(compared >= 22, "{compared} of 24 errors are not zero");
}

#[test]
fn of_a_mean_over_images_it_is_the_standard_error_over_groups() {
    // Two of three, one of three and none of three generated images lie between real ones.
    let real = Array2::from_shape_fn((9, 1), |(i, _)| i as f64);
    let fake = array![[1.5], [2.5], [90.0], [3.5], [90.0], [91.0], [90.0], [91.0], [92.0]];
    let groups: Vec<_> = fake.axis_chunks_iter(Axis(0), 3).collect();
    let found = errors_over_groups(&set(real), &groups).unwrap();
    let precision = found[2].as_ref().unwrap();
    // Shares 2/3, 1/3, 0: their deviation is 1/3.
    assert!((precision - 1.0 / 3.0 / 3.0_f64.sqrt()).abs() < 1e-14, "{precision}");
}

#[test]
fn what_has_no_error_has_a_reason() {
    let (real, fake) = (features(11, 40, 4, 0.0), features(12, 12, 4, 0.0));
    let groups = |ends: &[usize]| -> Vec<ArrayView2<'_, f64>> {
        ends.windows(2).map(|e| fake.slice(s![e[0]..e[1], ..])).collect()
    };
    let real = set(real);
    for ends in [&[0, 12][..], &[0, 4, 4, 12], &[0]] {
        let refused = errors_over_groups(&real, &groups(ends)).unwrap_err();
        assert_eq!(refused, DistanceError::Groups { groups: ends.len() - 1 });
    }
    // Without the larger group four images are left: enough for three neighbours, too few for five.
    let found = errors_over_groups(&real, &groups(&[0, 4, 12])).unwrap();
    assert!(found[..4].iter().all(Result::is_ok), "{found:?}");
    assert_eq!(found[4], Err(DistanceError::Neighbours { k: 5, real: 40, fake: 4 }));
    let narrow = features(12, 12, 3, 0.0);
    let other = errors_over_groups(&real, &[narrow.slice(s![..6, ..]), narrow.slice(s![6.., ..])]);
    assert_eq!(other.unwrap_err(), DistanceError::Dims { real: 4, fake: 3 });
    let huge = &fake * 1e200;
    let found = errors_over_groups(&real, &[huge.slice(s![..6, ..]), huge.slice(s![6.., ..])]).unwrap();
    assert!(found.iter().all(Result::is_err), "{found:?}");
    let statistics = likely_metrics::distances::FeatureSet::from_statistics(
        real.statistics().unwrap().clone(),
        real.source().clone(),
    );
    let refused = errors_over_groups(&statistics, &groups(&[0, 6, 12])).unwrap_err();
    assert_eq!(refused, DistanceError::NeedsFeatures { metric: SetMetric::Kernel, side: Side::Real });
}
