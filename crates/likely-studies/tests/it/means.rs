//! Means against reference values, closed forms and themselves.

use crate::support::{
    Pointwise, half_plane, matrix, mixture, numbers, paraboloid, quadratic, sphere, weighted_logs,
};
use likely_core::{Euclidean, EvalError, Geometry, Potential, ScoreOfPotential, Seed, Stop, StopKind};
use likely_methods::Density;
use likely_studies::means::{
    Mean, MeanError, MeanLimits, MeanProblem, MeanSearch, MeanWeight, SphericalStep, Starts, find_minima,
    karcher_mean, spherical_mean,
};
use ndarray::{Array1, Array2, ArrayView1, array};
use serde_json::Value;
use std::ops::ControlFlow;

pub(crate) const ARMIJO: MeanSearch = MeanSearch::Armijo;
pub(crate) const ACCELERATED: MeanSearch = MeanSearch::Accelerated { memory: 10 };
const ADAPTIVE: MeanSearch = MeanSearch::Adaptive { rate: 0.1, beta1: 0.5, beta2: 0.5 };

pub(crate) fn golden() -> Value {
    serde_json::from_str(include_str!("../golden/means.json")).unwrap()
}

pub(crate) fn problem<'a>(
    geometry: &'a dyn Geometry,
    points: &'a Array2<f64>,
    segments: usize,
) -> MeanProblem<'a> {
    MeanProblem {
        geometry,
        density: None,
        points: points.view(),
        weights: None,
        segments,
        weight: MeanWeight::Absolute(0.0),
        at_mean: false,
    }
}

pub(crate) fn limits(tolerance: f64, max_iterations: u32) -> MeanLimits<'static> {
    MeanLimits { tolerance, max_iterations, ..MeanLimits::default() }
}

pub(crate) fn solve(problem: &MeanProblem<'_>, search: MeanSearch, tolerance: f64) -> Mean {
    problem.solve(search, limits(tolerance, 5000), &mut |_, _| ControlFlow::Continue(())).unwrap()
}

pub(crate) fn distance(a: ArrayView1<'_, f64>, b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt()
}

fn some_points(count: usize, dim: usize, scale: f64) -> Array2<f64> {
    Array2::from_shape_fn((count, dim), |(k, j)| scale * (((k * 37 + j * 101 + 13) % 23) as f64 / 11.0 - 1.0))
}

#[test]
fn the_reference_mean_on_the_sphere_is_met() {
    let golden = golden();
    let case = &golden["frechet_ls_sphere_lam0"];
    let points = matrix(&case["inputs"]["data"]);
    for search in [ARMIJO, ACCELERATED] {
        let mean = solve(&problem(&sphere(2), &points, 10), search, 1e-11);
        assert!(distance(mean.mean.view(), &numbers(&case["outputs"]["mean"])) < 1e-8);
        let energy = case["outputs"]["energy"].as_f64().unwrap();
        assert!((mean.energy - energy).abs() < 1e-12, "{} {energy}", mean.energy);
    }
}

#[test]
fn the_adaptive_search_takes_the_steps_of_the_reference() {
    let golden = golden();
    let case = &golden["frechet_adaptive_euclid_gmm_N10_lam1.0"];
    let points = matrix(&case["inputs"]["data"]);
    let potential = mixture(&case["inputs"]["regulariser"]);
    let flat = Euclidean::new(2);
    let problem = MeanProblem {
        density: Some(Density::Potential(&potential)),
        weight: MeanWeight::Relative(1.0),
        ..problem(&flat, &points, 10)
    };
    let mut snapshots = 0;
    for snapshot in case["outputs"]["snapshots"].as_array().unwrap() {
        let iterations = snapshot["iteration"].as_u64().unwrap() as u32;
        let mean =
            problem.solve(ADAPTIVE, limits(0.0, iterations), &mut |_, _| ControlFlow::Continue(())).unwrap();
        assert_eq!(mean.iterations, iterations);
        assert!((mean.lambda_norm - case["outputs"]["lam_norm"].as_f64().unwrap()).abs() < 1e-15);
        let off = distance(mean.mean.view(), &numbers(&snapshot["mean"]));
        assert!(off < 1e-12, "after {iterations}: off by {off:e}");
        snapshots += 1;
    }
    assert!(snapshots >= 4);
    let best = &case["outputs"]["stationary_point"];
    for search in [ARMIJO, ACCELERATED, ADAPTIVE] {
        let mean = solve(&problem, search, 1e-10);
        assert_eq!(mean.stop.kind(), StopKind::Converged, "{search:?}: {}", mean.stop);
        assert!(distance(mean.mean.view(), &numbers(&best["mean"])) < 1e-8, "{search:?}");
        let objective = best["objective"].as_f64().unwrap();
        assert!((mean.objective.unwrap() - objective).abs() < 1e-11, "{search:?}: {:?}", mean.objective);
    }
}

#[test]
fn the_released_search_stalls_where_the_sound_one_converges() {
    let golden = golden();
    let case = &golden["frechet_adaptive_euclid_gmm_N10_lam1.0"];
    let points = matrix(&case["inputs"]["data"]);
    let potential = mixture(&case["inputs"]["regulariser"]);
    let flat = Euclidean::new(2);
    let problem = MeanProblem {
        density: Some(Density::Potential(&potential)),
        weight: MeanWeight::Relative(1.0),
        ..problem(&flat, &points, 10)
    };
    for reduction in [0.5, 0.9] {
        let stalled = problem
            .solve(MeanSearch::Released { reduction }, limits(1e-6, 300), &mut |_, _| {
                ControlFlow::Continue(())
            })
            .unwrap();
        assert_eq!(stalled.stop.kind(), StopKind::IterationLimit, "{}", stalled.stop);
        let sound = solve(&problem, ACCELERATED, 1e-6);
        assert!(sound.iterations < 60, "{}", sound.iterations);
        assert!(sound.objective.unwrap() < stalled.objective.unwrap() - 1e-6);
    }
    // Without a potential both agree.
    let points = matrix(&golden["frechet_ls_sphere_lam0"]["inputs"]["data"]);
    let mean = solve(&self::problem(&sphere(2), &points, 10), MeanSearch::Released { reduction: 0.5 }, 1e-9);
    assert_eq!(mean.iterations, 13);
    let expected = numbers(&golden["frechet_ls_sphere_lam0"]["outputs"]["mean"]);
    assert!(distance(mean.mean.view(), &expected) < 1e-12);
}

#[test]
fn a_released_search_with_weights_stalls_on_the_sphere() {
    let golden = golden();
    let points = matrix(&golden["frechet_ls_sphere_lam0"]["inputs"]["data"]);
    let weights = [1.0, 2.0, 0.5, 3.0];
    let sphere = sphere(2);
    let problem = MeanProblem { weights: Some(&weights), ..problem(&sphere, &points, 10) };
    let stalled = problem
        .solve(MeanSearch::Released { reduction: 0.5 }, limits(1e-9, 500), &mut |_, _| {
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(stalled.stop.kind(), StopKind::IterationLimit);
    assert!(stalled.gradient_norm > 1e-4, "{}", stalled.gradient_norm);
    assert_eq!(solve(&problem, ARMIJO, 1e-9).stop.kind(), StopKind::Converged);
}

#[test]
fn discrete_means_tend_to_the_intrinsic_one_at_first_order() {
    let golden = golden();
    let mut cases = 0;
    for case in golden["means"].as_array().unwrap() {
        let id = case["id"].as_str().unwrap();
        if id != "fm_sphere2_K10" && id != "fm_sphere2_K100" {
            continue;
        }
        let points = matrix(&case["points"]);
        let sphere = sphere(points.ncols());
        let intrinsic = karcher_mean(&sphere, points.view(), None, 1e-12, 200).unwrap();
        assert_eq!(intrinsic.stop.kind(), StopKind::Converged);
        // geomstats stops at a change of 1e-4.
        // geomstats stopped early, a little above the minimum.
        let off = distance(intrinsic.mean.view(), &numbers(&case["intrinsic"]));
        assert!(off < 4e-3, "{id}: {off:e}");
        let objective = case["intrinsic_objective"].as_f64().unwrap();
        assert!(intrinsic.objective < objective && intrinsic.objective > objective * (1.0 - 1e-4), "{id}");
        let off = |segments| {
            let mean = solve(&problem(&sphere, &points, segments), ACCELERATED, 1e-10);
            distance(mean.mean.view(), intrinsic.mean.as_slice().unwrap())
        };
        let order = (off(100) / off(200)).log2();
        assert!((order - 1.0).abs() < 0.05, "{id}: order {order}");
        cases += 1;
    }
    assert_eq!(cases, 2);
}

#[test]
fn the_intrinsic_mean_of_the_reference_is_met() {
    let golden = golden();
    let case = &golden["frechet_ls_sphere_lam0"];
    let points = matrix(&case["inputs"]["data"]);
    let mean = karcher_mean(&sphere(2), points.view(), None, 1e-13, 200).unwrap();
    assert!(
        distance(mean.mean.view(), &numbers(&case["outputs"]["intrinsic_karcher_mean_in_chart"])) < 1e-10
    );
}

#[test]
fn every_form_of_tensor_has_the_same_mean_as_its_dense_form() {
    /// A geometry that hides its form.
    struct Hidden<'a>(&'a dyn Geometry);
    impl Geometry for Hidden<'_> {
        fn dim(&self) -> usize {
            self.0.dim()
        }
        fn form(&self) -> likely_core::Form {
            likely_core::Form::Dense
        }
        fn tensors(
            &self,
            at: likely_core::Rows<'_>,
            out: &mut likely_core::Tensors,
        ) -> Result<(), EvalError> {
            let mut inner = likely_core::Tensors::default();
            self.0.tensors(at, &mut inner)?;
            let size = self.dim() * self.dim();
            for (row, out) in out.dense(at.count(), self.dim()).chunks_exact_mut(size).enumerate() {
                out.copy_from_slice(&inner.matrix(row));
            }
            Ok(())
        }
        fn norm_gradient(
            &self,
            at: likely_core::Rows<'_>,
            v: &[f64],
            out: &mut [f64],
        ) -> Result<(), EvalError> {
            self.0.norm_gradient(at, v, out)
        }
    }
    let points = some_points(5, 3, 0.6);
    let potential = quadratic(vec![0.2, -0.1, 0.4], 0.8);
    let weights = [1.0, 0.5, 2.0, 1.5, 1.0];
    let geometries: [&dyn Geometry; 3] = [&sphere(3), &paraboloid(3), &Euclidean::new(3)];
    for geometry in geometries {
        for search in [ARMIJO, ACCELERATED, ADAPTIVE] {
            let plain = MeanProblem {
                density: Some(Density::Potential(&potential)),
                weights: Some(&weights),
                weight: MeanWeight::Absolute(0.02),
                at_mean: true,
                ..problem(geometry, &points, 12)
            };
            let hidden = Hidden(geometry);
            let (plain, dense) = (
                solve(&plain, search, 1e-9),
                solve(&MeanProblem { geometry: &hidden, ..plain }, search, 1e-9),
            );
            assert_eq!(plain.stop.kind(), StopKind::Converged, "{search:?}: {}", plain.stop);
            assert!((plain.objective.unwrap() - dense.objective.unwrap()).abs() < 1e-12);
            assert!(distance(plain.mean.view(), dense.mean.as_slice().unwrap()) < 1e-8, "{search:?}");
        }
    }
}

#[test]
fn the_mean_in_flat_space_is_the_weighted_average() {
    let points = some_points(6, 4, 2.0);
    let weights = [1.0, 2.0, 0.5, 4.0, 1.0, 0.25];
    let flat = Euclidean::new(4);
    let mean = solve(&MeanProblem { weights: Some(&weights), ..problem(&flat, &points, 8) }, ARMIJO, 1e-10);
    assert!(mean.iterations <= 1);
    let expected = points.t().dot(&Array1::from_vec(weights.to_vec())) / weights.iter().sum::<f64>();
    assert!(distance(mean.mean.view(), expected.as_slice().unwrap()) < 1e-12);
    assert_eq!(mean.curves.dim(), (6, 9, 4));
    for k in 0..6 {
        assert!(distance(mean.curves.slice(ndarray::s![k, 0, ..]), mean.mean.as_slice().unwrap()) == 0.0);
        assert!(distance(mean.curves.slice(ndarray::s![k, 8, ..]), points.row(k).as_slice().unwrap()) == 0.0);
    }
}

#[test]
fn the_gradient_at_a_mean_is_that_of_the_objective_by_differences() {
    // Stationarity in the mean alone: shifting where the search starts finds the same point.
    let points = some_points(4, 2, 0.7);
    let potential = weighted_logs(vec![0.4, 0.6], vec![vec![0.3, -0.8], vec![-0.5, 0.9]]);
    let sphere = sphere(2);
    for at_mean in [false, true] {
        let problem = MeanProblem {
            density: Some(Density::Potential(&potential)),
            weight: MeanWeight::Relative(2.0),
            at_mean,
            ..problem(&sphere, &points, 20)
        };
        let best = solve(&problem, ACCELERATED, 1e-10);
        let absolute = MeanProblem { weight: MeanWeight::Absolute(best.lambda_norm), ..problem };
        let evaluate = |shift: [f64; 2]| {
            let mut curves = best.curves.clone();
            let mut mean = best.mean.clone();
            mean[0] += shift[0];
            mean[1] += shift[1];
            let mut total = 0.0;
            for mut curve in curves.outer_iter_mut() {
                curve.row_mut(0).assign(&mean);
                for i in 1..=20 {
                    let (z, to) = (curve.row(i).to_vec(), curve.row(i - 1).to_vec());
                    let u: Vec<f64> = to.iter().zip(&z).map(|(a, b)| a - b).collect();
                    let s: f64 = z.iter().map(|z| z * z).sum();
                    total += 4.0 / (1.0 + s).powi(2) * u.iter().map(|u| u * u).sum::<f64>();
                    if i < 20 {
                        let z = Array2::from_shape_vec((1, 2), z).unwrap();
                        total += best.lambda_norm * potential.value(z.view()).unwrap()[0];
                    }
                }
            }
            if at_mean {
                let mean = mean.insert_axis(ndarray::Axis(0));
                total += 4.0 * best.lambda_norm * potential.value(mean.view()).unwrap()[0];
            }
            total
        };
        assert!((evaluate([0.0, 0.0]) - best.objective.unwrap()).abs() < 1e-13);
        for shift in [[1e-5, 0.0], [0.0, 1e-5]] {
            let slope = (evaluate(shift) - evaluate(shift.map(|s| -s))) / 2e-5;
            assert!(slope.abs() < 1e-9, "{slope:e}");
        }
        let elsewhere = absolute
            .solve(
                ACCELERATED,
                MeanLimits { start: Some(array![0.4, 0.4].view()), ..limits(1e-10, 5000) },
                &mut |_, _| ControlFlow::Continue(()),
            )
            .unwrap();
        assert!(distance(elsewhere.mean.view(), best.mean.as_slice().unwrap()) < 1e-8);
    }
}

#[test]
fn a_score_has_the_same_mean_as_its_potential() {
    let points = some_points(4, 2, 0.7);
    let potential = weighted_logs(vec![0.4, 0.6], vec![vec![0.3, -0.8], vec![-0.5, 0.9]]);
    let score = ScoreOfPotential(&potential);
    let sphere = sphere(2);
    let with = |density| MeanProblem {
        density: Some(density),
        weight: MeanWeight::Absolute(0.01),
        ..problem(&sphere, &points, 15)
    };
    let by_score = solve(&with(Density::Score(&score)), ADAPTIVE, 1e-11);
    let by_potential = solve(&with(Density::Potential(&potential)), ACCELERATED, 1e-11);
    assert_eq!(by_score.stop.kind(), StopKind::Converged);
    assert_eq!(by_score.objective, None);
    assert!(distance(by_score.mean.view(), by_potential.mean.as_slice().unwrap()) < 1e-8);
    let refused = with(Density::Score(&score))
        .solve(ARMIJO, limits(1e-6, 10), &mut |_, _| ControlFlow::Continue(()))
        .unwrap_err();
    assert!(refused.to_string().contains("use `adaptive`"), "{refused}");
}

#[test]
fn all_minima_of_a_symmetric_problem_are_found_with_their_shares() {
    // Two wells beside two points that lie across: the mean may sit in either.
    let points = array![[0.0, 1.0], [0.0, -1.0]];
    let wells = Pointwise(2, |z: &[f64], grad: &mut [f64]| {
        let s = z[0] * z[0] - 1.0;
        grad[0] = 4.0 * s * z[0];
        grad[1] = 0.0;
        s * s
    });
    let flat = Euclidean::new(2);
    let problem = MeanProblem {
        density: Some(Density::Potential(&wells)),
        weight: MeanWeight::Absolute(0.2),
        ..problem(&flat, &points, 20)
    };
    let starts = Starts { data: 2, combinations: 4, spread: 4 };
    let search = |seed| {
        let mut rng = Seed::new(seed).stream(&[]);
        find_minima(&problem, ACCELERATED, limits(1e-9, 2000), starts, &mut rng, &mut |_| {
            ControlFlow::Continue(())
        })
        .unwrap()
    };
    let found = search(1);
    assert_eq!(found.searches, 11);
    assert!((found.minima.iter().map(|m| m.share).sum::<f64>() - 1.0).abs() < 1e-12);
    assert_eq!(found, search(1), "the same seed finds the same");
    // Every start lies on the axis of symmetry here, where the mean stays: a start beside it falls into a well.
    let beside = |x: f64| {
        problem
            .solve(
                ACCELERATED,
                MeanLimits { start: Some(array![x, 0.0].view()), ..limits(1e-9, 2000) },
                &mut |_, _| ControlFlow::Continue(()),
            )
            .unwrap()
    };
    let (left, right) = (beside(-0.5), beside(0.5));
    assert!((left.mean[0] + right.mean[0]).abs() < 1e-6 && right.mean[0] > 0.5, "{}", right.mean);
    assert!(left.objective.unwrap() < found.minima[0].mean.objective.unwrap());
    let lopsided = array![[-0.6, 0.3], [0.5, 0.1], [0.6, -0.2], [-0.4, -0.1]];
    let problem = MeanProblem { points: lopsided.view(), weight: MeanWeight::Absolute(0.01), ..problem };
    let mut rng = Seed::new(3).stream(&[]);
    let starts = Starts { data: 4, combinations: 8, spread: 8 };
    let found = find_minima(&problem, ACCELERATED, limits(1e-9, 2000), starts, &mut rng, &mut |_| {
        ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(found.converged, 21);
    assert_eq!(found.minima.len(), 2);
    assert!(found.minima[0].mean.objective < found.minima[1].mean.objective);
    let places: Vec<f64> = found.minima.iter().map(|m| m.mean.mean[0]).collect();
    assert!(places[0] > 0.8 && places[1] < -0.8, "one in each well: {places:?}");
    assert!(found.minima.iter().all(|m| m.share > 0.2), "both are found often");
}

#[test]
fn the_spherical_mean_goes_to_the_points_and_the_released_one_away() {
    let golden = golden();
    let points = matrix(&golden["spherical"]["inputs"]["points"]);
    let mut cases = 0;
    for (step, id) in [(SphericalStep::Released, "released"), (SphericalStep::Corrected, "corrected")] {
        let mean = spherical_mean(points.view(), step, 0.5, 100).unwrap();
        let off = distance(mean.view(), &numbers(&golden["spherical"][id]));
        assert!(off < 1e-6, "{id}: {mean}, off by {off:e}");
        cases += 1;
    }
    assert_eq!(cases, 2);
}

#[test]
fn a_single_point_is_its_own_mean() {
    let point = array![[0.3, -0.4]];
    let mean = solve(&problem(&sphere(2), &point, 5), ACCELERATED, 1e-9);
    assert_eq!(mean.iterations, 0);
    assert!(distance(mean.mean.view(), &[0.3, -0.4]) == 0.0);
    assert_eq!(karcher_mean(&sphere(2), point.view(), None, 1e-12, 9).unwrap().iterations, 0);
}

#[test]
fn questions_without_an_answer_are_refused() {
    let points = array![[0.3, 0.4], [0.1, 1.2]];
    let sphere = sphere(2);
    let plain = problem(&sphere, &points, 10);
    let reason = |problem: MeanProblem<'_>| {
        let refused = problem.solve(ARMIJO, limits(1e-6, 10), &mut |_, _| ControlFlow::Continue(()));
        match refused {
            Err(MeanError::Input { reason }) => reason,
            other => panic!("{other:?}"),
        }
    };
    let none = Array2::zeros((0, 2));
    assert!(reason(MeanProblem { points: none.view(), ..plain }).contains("at least 1"));
    let wide = array![[1.0, 2.0, 3.0]];
    assert!(reason(MeanProblem { points: wide.view(), ..plain }).contains("coordinates"));
    for bad in [[1.0, -1.0], [0.0, 0.0], [1.0, f64::NAN], [f64::INFINITY, 1.0]] {
        assert!(reason(MeanProblem { weights: Some(&bad), ..plain }).contains("positive and finite"));
    }
    assert!(reason(MeanProblem { weights: Some(&[1.0]), ..plain }).contains("one each"));
    assert!(reason(MeanProblem { segments: 1, ..plain }).contains("at least 2"));
    assert!(reason(MeanProblem { segments: usize::MAX, ..plain }).contains("take fewer"));
    assert!(reason(MeanProblem { segments: 1 << 40, ..plain }).contains("take fewer"));
    for lambda in [-1.0, f64::NAN, f64::INFINITY] {
        assert!(reason(MeanProblem { weight: MeanWeight::Relative(lambda), ..plain }).contains("lambda"));
    }
    assert!(reason(MeanProblem { weight: MeanWeight::Relative(1.0), ..plain }).contains("needs a density"));
    let below = array![[0.3, 0.4], [0.1, -1.2]];
    let outside = problem(&half_plane(), &below, 10)
        .solve(ARMIJO, limits(1e-6, 10), &mut |_, _| ControlFlow::Continue(()))
        .unwrap_err();
    assert!(matches!(outside, MeanError::Eval(EvalError::OutsideChart { row: 1, .. })), "{outside}");
    let below_the_edge = array![0.0, -3.0];
    let start = MeanLimits { start: Some(below_the_edge.view()), ..limits(1e-6, 10) };
    let leaves = problem(&half_plane(), &points, 10)
        .solve(ARMIJO, start, &mut |_, _| ControlFlow::Continue(()))
        .unwrap_err();
    assert!(leaves.to_string().contains("data point"), "{leaves}");
    assert!(karcher_mean(&paraboloid(2), points.view(), None, 1e-9, 10).is_err(), "it has no closed form");
    let interrupted = plain.solve(ARMIJO, limits(0.0, 10), &mut |_, _| ControlFlow::Break(()));
    assert_eq!(interrupted, Err(MeanError::Interrupted));
}

#[test]
fn a_cliff_beside_the_mean_is_walked_along_and_not_over() {
    // The potential is infinite for x > 0.5, where the average of the points lies.
    let wall = Pointwise(2, |z: &[f64], grad: &mut [f64]| {
        grad.copy_from_slice(&[1.0 / (0.9 - z[0]), 0.0]);
        if z[0] < 0.9 { -(0.9 - z[0]).ln() } else { f64::INFINITY }
    });
    let points = array![[0.8, 0.0], [0.85, 1.0], [0.2, 0.5]];
    let flat = Euclidean::new(2);
    let problem = MeanProblem {
        density: Some(Density::Potential(&wall)),
        weight: MeanWeight::Absolute(0.05),
        ..problem(&flat, &points, 12)
    };
    let mean = solve(&problem, ACCELERATED, 1e-8);
    assert!(matches!(mean.stop, Stop::Converged { .. }), "{}", mean.stop);
    assert!(mean.curves.iter().all(|x| x.is_finite()));
}
