//! Cost of what solvers ask of a geometry at the 100 points of a curve.

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use likely_core::{Geometry, Rows, Seed, Tensors};
use likely_geometries::{
    BumpsAndWaves, Ellipsoid, Graph, Hyperbolic, PullBack, SpdAffineInvariant, SpdFrobenius, Sphere,
    SphereChart, SquaredNorm, Torus,
};
use rand_distr::{Distribution, StandardNormal};
use std::hint::black_box;

const COUNT: usize = 100;

fn normal(name: &str, count: usize) -> Vec<f64> {
    let mut rng = Seed::new(1).stream(&[("bench", name)]);
    (0..count).map(|_| StandardNormal.sample(&mut rng)).collect()
}

fn all(criterion: &mut Criterion, name: &str, geometry: &dyn Geometry, at: &[f64]) {
    let dim = geometry.dim();
    let v = normal("vectors", COUNT * dim);
    let rows = || Rows::new(black_box(at), dim).expect("whole rows");
    let (mut tensors, mut gradient, mut norms) = (Tensors::default(), vec![0.0; v.len()], [0.0; COUNT]);
    let mut group = criterion.benchmark_group(name);
    group.bench_function(BenchmarkId::new("squared-norms", dim), |bencher| {
        bencher.iter(|| geometry.squared_norms(rows(), black_box(&v), &mut norms).expect("in the chart"));
    });
    group.bench_function(BenchmarkId::new("norm-gradient", dim), |bencher| {
        bencher.iter(|| geometry.norm_gradient(rows(), black_box(&v), &mut gradient).expect("in the chart"));
    });
    group.bench_function(BenchmarkId::new("linearise", dim), |bencher| {
        bencher.iter(|| {
            geometry.linearise(rows(), black_box(&v), &mut tensors, &mut gradient).expect("in the chart");
        });
    });
    group.bench_function(BenchmarkId::new("christoffel", dim), |bencher| {
        bencher.iter(|| geometry.christoffel(rows(), black_box(&v), &mut gradient).expect("in the chart"));
    });
}

/// Points whose rows start with a positive number, as the diagonals of Cholesky factors and heights must be.
fn positive(count: usize) -> Vec<f64> {
    normal("points", count).iter().map(|x| 1.0 + 0.1 * x.abs()).collect()
}

fn by_dimension(criterion: &mut Criterion) {
    for dim in [2, 3, 10, 100, 1000] {
        let points = normal("points", COUNT * dim);
        let sphere = Sphere::new(dim).expect("a dimension");
        all(criterion, "sphere", &sphere, &points);
        let axes: Vec<f64> = (0..=dim).map(|i| 0.5 + 0.5 * i as f64 / dim as f64).collect();
        all(criterion, "ellipsoid", &Ellipsoid::new(&axes).expect("axes"), &points);
        all(criterion, "paraboloid", &Graph::new(SquaredNorm::new(dim).expect("a dimension")), &points);
        all(criterion, "hyperbolic", &Hyperbolic::new(dim).expect("a dimension"), &positive(COUNT * dim));
        if dim <= 10 {
            let generic = PullBack::new(SphereChart::new(sphere)).expect("a dimension");
            all(criterion, "pull-back of the sphere chart", &generic, &points);
        }
    }
}

fn others(criterion: &mut Criterion) {
    let plane = normal("points", 2 * COUNT);
    all(criterion, "torus", &Torus::new(3.0, 1.0).expect("radii"), &plane);
    all(criterion, "graph", &Graph::new(BumpsAndWaves), &plane);
    for n in [2, 3, 10] {
        let points = positive(COUNT * n * (n + 1) / 2);
        all(criterion, "spd-frobenius", &SpdFrobenius::new(n).expect("an order"), &points);
        all(criterion, "spd-affine-invariant", &SpdAffineInvariant::new(n).expect("an order"), &points);
    }
}

fn geodesics(criterion: &mut Criterion) {
    let times: Vec<f64> = (0..=COUNT).map(|i| i as f64 / COUNT as f64).collect();
    let mut all: Vec<(&str, Box<dyn Geometry>)> = Vec::new();
    for dim in [2, 10, 100] {
        all.push(("sphere", Box::new(Sphere::new(dim).expect("a dimension"))));
        all.push(("hyperbolic", Box::new(Hyperbolic::new(dim).expect("a dimension"))));
    }
    for n in [2, 3, 10] {
        all.push(("spd-affine-invariant", Box::new(SpdAffineInvariant::new(n).expect("an order"))));
    }
    let mut group = criterion.benchmark_group("closed-form geodesic at 101 times");
    for (name, geometry) in &all {
        let dim = geometry.dim();
        let closed = geometry.closed_form().expect("a closed form");
        let (from, to) = (positive(dim), positive(2 * dim)[dim..].to_vec());
        let mut out = vec![0.0; times.len() * dim];
        group.bench_function(BenchmarkId::new(*name, dim), |bencher| {
            bencher.iter(|| closed.geodesic(black_box(&from), &to, &times, &mut out).expect("not antipodal"));
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(std::time::Duration::from_millis(300)).warm_up_time(std::time::Duration::from_millis(100));
    targets = by_dimension, others, geodesics
}
criterion_main!(benches);
