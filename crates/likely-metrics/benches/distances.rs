//! Statistics, Fréchet and kernel distances of features in 2048 dimensions, the number of Inception v3.

use criterion::{Criterion, criterion_group, criterion_main};
use likely_core::Seed;
use likely_metrics::distances::{
    FeatureSet, FeatureSource, FeatureStatistics, Precision, frechet_distance, kernel_distance,
    precision_recall,
};
use ndarray::Array2;
use rand::Rng;
use std::hint::black_box;

const DIM: usize = 2048;

/// Rectified features that share 64 causes.
fn features(set: &str, rows: usize) -> Array2<f64> {
    let mut rng = Seed::new(1).stream(&[("features", set)]);
    let causes = Array2::from_shape_simple_fn((rows, 64), || rng.random_range(-1.0..1.0));
    Array2::from_shape_fn((rows, DIM), |(i, j)| {
        let own: f64 = rng.random_range(-0.5..0.5);
        (causes[(i, j % 64)] + own + 0.3_f64).max(0.0)
    })
}

fn distances(criterion: &mut Criterion) {
    let set =
        |rows: &Array2<f64>| FeatureSet::new(rows.clone(), FeatureSource::default()).expect("finite rows");
    let (x, y) = (features("real", 4096), features("fake", 4096));
    let mut group = criterion.benchmark_group("2048 features");
    group.sample_size(10);
    group.bench_function("statistics of 4096 images", |bencher| {
        bencher.iter(|| black_box(FeatureStatistics::of(x.view()).expect("finite rows")));
    });
    let (real, fake) = (set(&x), set(&y));
    group.bench_function("frechet distance of statistics", |bencher| {
        bencher.iter(|| black_box(frechet_distance(&real, &fake).expect("a distance")));
    });
    let few = |rows: &Array2<f64>| set(&rows.slice(ndarray::s![..500, ..]).to_owned());
    let (few_real, few_fake) = (few(&x), few(&y));
    group.bench_function("frechet distance of 500 images", |bencher| {
        bencher.iter(|| black_box(frechet_distance(&few_real, &few_fake).expect("a distance")));
    });
    group.bench_function("kernel distance of one subset of 1000", |bencher| {
        bencher.iter(|| {
            black_box(
                kernel_distance(x.view(), y.view(), 1, 1000, Precision::Single, Seed::new(0))
                    .expect("a distance"),
            )
        });
    });
    group.bench_function("precision and recall of 4096 images", |bencher| {
        bencher.iter(|| black_box(precision_recall(x.view(), y.view(), 3).expect("numbers")));
    });
    group.finish();
}

criterion_group!(benches, distances);
criterion_main!(benches);
