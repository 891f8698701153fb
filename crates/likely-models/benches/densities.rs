//! Cost of values and gradients at the sizes that experiments use.

use criterion::{Criterion, criterion_group, criterion_main};
use likely_core::{Potential, Rows, Seed};
use likely_models::{
    Bandwidth, ChiSquareNorm, Covariances, KernelDensity, Mixture, Quadratic, Strip, StripForm,
};
use ndarray::{Array2, array};
use rand_distr::{Distribution, StandardNormal};
use std::hint::black_box;
use std::num::NonZeroU32;

fn normal(name: &str, count: usize, dim: usize) -> Array2<f64> {
    let mut rng = Seed::new(1).stream(&[("bench", name)]);
    Array2::from_shape_simple_fn((count, dim), || StandardNormal.sample(&mut rng))
}

fn both(criterion: &mut Criterion, name: &str, potential: &dyn Potential, at: &Array2<f64>) {
    criterion.bench_function(&format!("{name}/value"), |bencher| {
        bencher.iter(|| potential.value(black_box(at.view())).expect("the dimensions agree"));
    });
    criterion.bench_function(&format!("{name}/value-and-grad"), |bencher| {
        bencher.iter(|| potential.value_and_grad(black_box(at.view())).expect("the dimensions agree"));
    });
}

fn second_and_third(criterion: &mut Criterion, name: &str, potential: &dyn Potential, at: &Array2<f64>) {
    let curvature = potential.curvature().expect("it has second derivatives");
    let (view, dim) = (at.view(), at.ncols());
    let points = Rows::of(&view).expect("in standard order");
    let directions = points.values();
    let (mut hessian, mut product) = (vec![0.0; at.len() * dim], vec![0.0; at.len()]);
    criterion.bench_function(&format!("{name}/hessian"), |bencher| {
        bencher.iter(|| curvature.hessian(black_box(points), &mut hessian).expect("the dimensions agree"));
    });
    criterion.bench_function(&format!("{name}/hessian-vector"), |bencher| {
        bencher.iter(|| {
            curvature.hessian_vector(black_box(points), directions, &mut product).expect("they agree");
        });
    });
    criterion.bench_function(&format!("{name}/hessian-gradient"), |bencher| {
        let mut third = |points| curvature.hessian_gradient(points, directions, directions, &mut product);
        bencher.iter(|| third(black_box(points)).expect("the dimensions agree"));
    });
}

fn densities(criterion: &mut Criterion) {
    let covariances =
        Covariances::Full(array![[[11.98, 9.94], [9.94, 11.76]], [[12.65, 13.71], [13.71, 20.53]]]);
    let mixture =
        Mixture::new(array![0.5, 0.5].view(), array![[-0.29, -0.29], [13.67, 0.08]].view(), covariances)
            .expect("a valid mixture");
    both(criterion, "gmm/2 components, 99 points in 2-D", &mixture, &normal("curve", 99, 2));

    let kernels = |count| {
        KernelDensity::new(normal("centres", count, 2).view(), Bandwidth::Fixed(1.0)).expect("valid centres")
    };
    both(criterion, "kde/300 centres, 99 points in 2-D", &kernels(300), &normal("curve", 99, 2));
    // How the cost of one curve grows with the number of centres.
    for centres in [1000, 10_000, 100_000] {
        both(
            criterion,
            &format!("kde/{centres} centres, 99 points in 2-D"),
            &kernels(centres),
            &normal("curve", 99, 2),
        );
    }
    both(criterion, "kde/1e5 centres, 1e3 points in 2-D", &kernels(100_000), &normal("many", 1000, 2));

    let law = ChiSquareNorm::new(NonZeroU32::new(16_384).expect("not 0"));
    both(criterion, "chi-square-norm/9 points in 16384-D", &law, &normal("noise", 9, 16_384));

    for dim in [2, 3, 10, 100, 1000] {
        let average = Quadratic::weighted_gaussians(
            array![0.3, 0.5, 0.2].view(),
            normal("gaussian-average", 3, dim).view(),
        )
        .expect("valid centres");
        let name = format!("gaussian-average/3 centres, 100 points in {dim}-D");
        both(criterion, &name, &average, &normal("curve", 100, dim));
    }
    let strip = Strip::new(StripForm::Log, 0.15).expect("a valid width");
    both(criterion, "strip/99 points", &strip, &normal("curve", 99, 2));

    second_and_third(criterion, "gmm/2 components, 99 points in 2-D", &mixture, &normal("curve", 99, 2));
    second_and_third(criterion, "kde/300 centres, 99 points in 2-D", &kernels(300), &normal("curve", 99, 2));
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = densities
}
criterion_main!(benches);
