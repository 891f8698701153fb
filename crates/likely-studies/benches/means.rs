//! Means of many points on spheres, discrete and intrinsic.

use criterion::{Criterion, criterion_group, criterion_main};
use likely_geometries::Sphere;
use likely_studies::means::{MeanLimits, MeanProblem, MeanSearch, MeanWeight, karcher_mean};
use ndarray::Array2;
use std::hint::black_box;
use std::ops::ControlFlow;

/// The data of the reference cases.
fn points(case: &serde_json::Value) -> Array2<f64> {
    let rows: Vec<Vec<f64>> = serde_json::from_value(case["points"].clone()).expect("rows of numbers");
    Array2::from_shape_vec((rows.len(), rows[0].len()), rows.concat()).expect("rows of one length")
}

fn means(criterion: &mut Criterion) {
    let golden: serde_json::Value =
        serde_json::from_str(include_str!("../tests/golden/means.json")).expect("valid JSON");
    let known = golden["means"].as_array().expect("an array");
    let sphere = known.iter().find(|case| case["id"] == "fm_sphere2_K100").expect("a known case");
    for (case, tolerance) in [(sphere, 1e-9), (&golden["sphere10"], 1e-4)] {
        let points = points(case);
        let dim = points.ncols();
        let geometry = Sphere::new(dim).expect("a dimension");
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
