//! Means of many points on spheres, discrete and intrinsic.

use criterion::{Criterion, criterion_group, criterion_main};
use likely_geometries::Sphere;
use likely_studies::means::{MeanLimits, MeanProblem, MeanSearch, MeanWeight, karcher_mean};
use ndarray::Array2;
use std::hint::black_box;
use std::ops::ControlFlow;

/// Points of the chart, spread by an irrational rotation: the same everywhere and every time.
fn points(count: usize, dim: usize, scale: f64) -> Array2<f64> {
    Array2::from_shape_fn((count, dim), |(k, j)| {
        let share = ((k * dim + j + 1) as f64 * 0.618_033_988_749_894_9).fract();
        0.2 + scale * (share - 0.5)
    })
}

fn means(criterion: &mut Criterion) {
    for (dim, tolerance, scale) in [(2, 1e-9, 0.6), (10, 1e-4, 0.8)] {
        let (geometry, points) = (Sphere::new(dim).expect("a dimension"), points(100, dim, scale));
        let problem = MeanProblem {
            geometry: &geometry,
            density: None,
            points: points.view(),
            weights: None,
            segments: 100,
            weight: MeanWeight::Absolute(0.0),
            at_mean: false,
        };
        let limits = MeanLimits { tolerance, ..MeanLimits::default() };
        let mut group = criterion.benchmark_group(format!("100 points on the {dim}-sphere"));
        for (name, search) in [("armijo", MeanSearch::Armijo), ("accelerated", MeanSearch::default())] {
            group.bench_function(name, |bencher| {
                bencher.iter(|| {
                    let solved = problem.solve(search, limits, &mut |_, _| ControlFlow::Continue(()));
                    black_box(solved.expect("a mean"))
                });
            });
        }
        group.bench_function("intrinsic", |bencher| {
            bencher.iter(|| {
                black_box(karcher_mean(&geometry, points.view(), None, 1e-10, 100).expect("a mean"))
            });
        });
        group.finish();
    }
}

criterion_group!(benches, means);
criterion_main!(benches);
