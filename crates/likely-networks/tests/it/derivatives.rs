//! All derivatives of a network as a potential, and bits that depend on nothing but the point.

use crate::energy::Energy;
use likely_core::{Curvature, Exact, Potential, Rows, Seed, check};
use likely_networks::{Activation, Mlp, MlpShape, Weights};
use ndarray::{Array2, Axis, ShapeBuilder};
use rand::Rng;

fn energy(widths: &[usize], activation: Activation) -> Exact<Energy> {
    let shape = MlpShape::new(widths.to_vec(), activation).expect("the widths are fine");
    let mut weights = Weights::new();
    for parameter in shape.initial("layers", Seed::new(2)) {
        // Larger than initial ones, so that networks bend.
        let values = parameter.initial.iter().map(|w| 3.0 * w).collect();
        weights.insert(parameter.name, &parameter.shape, values).expect("the weights are fine");
    }
    Exact(Energy(Mlp::load(&weights, "layers", &shape).expect("the shapes agree")))
}

fn points(rows: usize, dim: usize) -> Array2<f64> {
    let mut rng = Seed::new(8).stream(&[("test", "derivatives")]);
    Array2::from_shape_fn((rows, dim), |_| rng.random_range(-2.0..2.0))
}

#[test]
fn remainders_fall_like_the_square_of_the_step_for_every_smooth_activation() {
    let mut rng = Seed::new(9).stream(&[("test", "taylor")]);
    let mut cases = 0;
    // Where a corner lies within the steps there is no second order.
    let smooth = |activation: &Activation| !matches!(activation, Activation::Relu | Activation::Elu);
    for activation in Activation::ALL.into_iter().filter(smooth) {
        let energy = energy(&[3, 17, 12, 1], activation);
        for point in points(10, 3).rows() {
            let slope = check::gradient(&energy, point, &mut rng).unwrap();
            assert!(slope.passes(), "{activation:?} at {point}: {slope:?}");
            let slopes = check::curvature(&energy, point, &mut rng).unwrap();
            assert!(slopes.passes(), "{activation:?} at {point}: {slopes:?}");
            cases += 1;
        }
    }
    assert_eq!(cases, 50);
}

#[test]
fn second_and_third_derivatives_are_those_of_finite_differences() {
    let (rows, dim, h) = (7, 3, 1e-5);
    let mut cases = 0;
    for activation in Activation::ALL {
        let energy = energy(&[dim, 17, 12, 1], activation);
        let points = points(rows, dim);
        let flat = points.as_slice().unwrap();
        let hessian_at = |flat: &[f64]| {
            let mut out = vec![0.0; flat.len() * dim];
            energy.hessian(Rows::new(flat, dim).unwrap(), &mut out).unwrap();
            out
        };
        let moved = |k: usize, h: f64| {
            let mut moved = points.clone();
            moved.column_mut(k).map_inplace(|x| *x += h);
            moved
        };
        let hessian = hessian_at(flat);
        let (u, v) = (vec![0.3; flat.len()], vec![-0.8; flat.len()]);
        let mut third = vec![0.0; flat.len()];
        energy.hessian_gradient(Rows::new(flat, dim).unwrap(), &u, &v, &mut third).unwrap();
        for k in 0..dim {
            let [ahead, behind] = [h, -h].map(|h| moved(k, h));
            let slope = (energy.value_and_grad(ahead.view()).unwrap().grad
                - energy.value_and_grad(behind.view()).unwrap().grad)
                / (2.0 * h);
            let (after, before) =
                (hessian_at(ahead.as_slice().unwrap()), hessian_at(behind.as_slice().unwrap()));
            for row in 0..rows {
                for j in 0..dim {
                    let found = hessian[(row * dim + j) * dim + k];
                    assert!((found - slope[[row, j]]).abs() < 1e-7, "{activation:?}: {found}");
                    cases += 1;
                }
                let change: f64 = (0..dim * dim).map(|e| after[row * 9 + e] - before[row * 9 + e]).sum();
                let found = third[row * dim + k];
                let wanted = -0.24 * change / (2.0 * h);
                assert!((found - wanted).abs() < 1e-6, "{activation:?}: {found} {wanted}");
            }
        }
        if activation == Activation::Relu {
            assert!(hessian.iter().chain(&third).all(|h| *h == 0.0), "a network of planes is flat");
        }
    }
    assert_eq!(cases, 7 * 7 * 9);
}

#[test]
fn the_bits_depend_neither_on_the_batch_nor_on_its_layout_nor_on_threads() {
    // Large enough that the batch is spread over threads.
    let energy = energy(&[2, 70, 66, 1], Activation::Silu);
    let points = points(331, 2);
    let flat = points.as_slice().unwrap();
    let all = |points: Rows<'_>| {
        let view = ndarray::ArrayView2::from_shape((points.count(), 2), points.values()).unwrap();
        let first = energy.value_and_grad(view).unwrap();
        let mut hessian = vec![0.0; 4 * points.count()];
        energy.hessian(points, &mut hessian).unwrap();
        let mut product = vec![0.0; 2 * points.count()];
        energy.hessian_vector(points, points.values(), &mut product).unwrap();
        let mut third = vec![0.0; 2 * points.count()];
        energy.hessian_gradient(points, points.values(), points.values(), &mut third).unwrap();
        let value = energy.value(view).unwrap();
        let bits = |x: &[f64]| x.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(value.as_slice().unwrap()), bits(first.value.as_slice().unwrap()));
        [
            bits(first.value.as_slice().unwrap()),
            bits(first.grad.as_slice().unwrap()),
            bits(&hessian),
            bits(&product),
            bits(&third),
        ]
    };
    let together = all(Rows::new(flat, 2).unwrap());
    for threads in [1, 2, 5] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        assert_eq!(pool.install(|| all(Rows::new(flat, 2).unwrap())), together, "on {threads} threads");
    }
    for (first, last) in [(0, 1), (3, 4), (5, 14), (0, 32), (7, 40), (330, 331)] {
        let part = all(Rows::new(&flat[2 * first..2 * last], 2).unwrap());
        for (part, (whole, width)) in part.iter().zip(together.iter().zip([1, 2, 4, 2, 2])) {
            assert_eq!(*part, whole[width * first..width * last], "rows {first} to {last}");
        }
    }
    let by_columns = Array2::from_shape_vec((331, 2).f(), points.t().iter().copied().collect()).unwrap();
    assert!(by_columns.as_slice().is_none());
    let other = energy.value_and_grad(by_columns.view()).unwrap();
    assert_eq!(other, energy.value_and_grad(points.view()).unwrap());
    let mut doubled = Array2::zeros((662, 2));
    doubled.slice_mut(ndarray::s![..;2, ..]).assign(&points);
    let strided = doubled.slice(ndarray::s![..;2, ..]);
    assert_eq!(energy.value_and_grad(strided).unwrap(), other);
    assert_eq!(energy.value(points.view().split_at(Axis(0), 0).0).unwrap().len(), 0);
}
