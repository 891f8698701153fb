//! How the cost of the solvers and closed forms grows with segments and dimension.

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use likely_core::{Ends, Euclidean, Potential, Seed};
use likely_methods::{Density, Scene, find, ignore_steps};
use likely_models::{ChiSquareNorm, Covariances, Mixture};
use ndarray::{Array2, array};
use rand_distr::{Distribution, StandardNormal};
use std::hint::black_box;
use std::num::{NonZeroU32, NonZeroUsize};

fn mixture() -> Mixture {
    let covariances = array![[12.0, 9.9], [9.9, 11.8]];
    let stacked = ndarray::stack![ndarray::Axis(0), covariances, covariances];
    let (weights, means) = (array![0.5, 0.5], array![[-0.3, -0.3], [13.7, 0.1]]);
    Mixture::new(weights.view(), means.view(), Covariances::Full(stacked)).expect("a valid mixture")
}

fn drawn(dim: usize) -> Array2<f64> {
    let mut rng = Seed::new(1).stream(&[("bench", &dim.to_string())]);
    Array2::from_shape_simple_fn((2, dim), || StandardNormal.sample(&mut rng))
}

fn solve(id: &str, config: &str, potential: Option<&dyn Potential>, ends: &Array2<f64>, segments: usize) {
    let config = toml::de::DeTable::parse(config).expect("valid TOML");
    let method =
        (find(id).expect("a known method").build)(config).expect("a valid configuration").interpolator;
    let geometry = Euclidean::new(ends.ncols());
    let scene = Scene { geometry: &geometry, density: potential.map(Density::Potential), typical: None };
    let segments = NonZeroUsize::new(segments).expect("positive");
    let ends = Ends::new(ends.row(0), ends.row(1), segments).expect("different ends");
    let mut rng = Seed::new(0).stream(&[]);
    black_box(method.interpolate(&scene, &ends, &mut rng, &mut ignore_steps).expect("a curve"));
}

fn segments(criterion: &mut Criterion) {
    let mixture = mixture();
    let ends = array![[-5.0, -4.0], [17.0, 4.0]];
    let mut group = criterion.benchmark_group("mixture, continuous weight, by segments");
    for n in [50, 100, 200, 400, 800] {
        for id in ["prob-georce", "prob-georce-accelerated"] {
            let config = format!("weight = {{ continuous = 100.0 }}\ntolerance = {:?}", 1e-2 / f64::from(n));
            group.bench_with_input(BenchmarkId::new(id, n), &n, |bencher, &n| {
                bencher.iter(|| solve(id, &config, Some(&mixture), &ends, n as usize));
            });
        }
    }
    group.finish();
}

fn dimension(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("noise space, ten segments, by dimension");
    for dim in [1000_u32, 16_384, 36_864] {
        let potential = ChiSquareNorm::new(NonZeroU32::new(dim).expect("positive"));
        let ends = drawn(dim as usize);
        for (name, id, config) in [
            ("linear", "linear", ""),
            ("slerp", "slerp", ""),
            ("accelerated, in the span", "prob-georce-accelerated", ""),
            ("accelerated, in full", "prob-georce-accelerated", "reduction = \"off\""),
        ] {
            group.bench_with_input(BenchmarkId::new(name, dim), &dim, |bencher, _| {
                bencher.iter(|| solve(id, config, Some(&potential), &ends, 10));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, segments, dimension);
criterion_main!(benches);
