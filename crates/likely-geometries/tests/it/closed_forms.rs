//! Closed-form geodesics against their own definitions and against other people's programs.

use crate::support::{assert_close, build, rows, suite};
use likely_core::EvalError;

const COUNT: usize = 9;

#[test]
fn exp_and_log_undo_each_other_and_distances_are_lengths() {
    let mut checked = 0;
    for entry in suite() {
        let Some(closed) = entry.geometry.closed_form() else { continue };
        checked += 1;
        let (name, dim) = (entry.name(), entry.geometry.dim());
        let (from, to) = (entry.points("from", COUNT), entry.points("to", COUNT));
        for (from, to) in from.chunks_exact(dim).zip(to.chunks_exact(dim)) {
            let (mut v, mut reached, mut again) = (vec![0.0; dim], vec![0.0; dim], vec![0.0; dim]);
            closed.log(from, to, &mut v).unwrap();
            closed.exp(from, &v, &mut reached).unwrap();
            assert_close(&reached, to, 1e-12, &format!("{name}: exp of log"));
            closed.log(from, &reached, &mut again).unwrap();
            assert_close(&again, &v, 1e-12, &format!("{name}: log of exp"));
            let (there, back) = (closed.distance(from, to).unwrap(), closed.distance(to, from).unwrap());
            assert!((there - back).abs() <= 1e-13 * there, "{name}: distance there {there} and back {back}");
            let mut norm = [0.0];
            entry.geometry.squared_norms(rows(from, dim), &v, &mut norm).unwrap();
            assert!((norm[0].sqrt() - there).abs() <= 1e-12 * there, "{name}: length {norm:?} and {there}");
        }
    }
    assert!(checked >= 46, "{checked}");
}

#[test]
fn logarithms_of_many_points_are_those_of_each() {
    let mut checked = 0;
    for entry in suite() {
        let Some(closed) = entry.geometry.closed_form() else { continue };
        let (name, dim) = (entry.name(), entry.geometry.dim());
        // More points than lanes, and not a multiple of them.
        for count in [1, 8, 21] {
            let (from, to) = (entry.points("from", 1), entry.points("to", count));
            let (mut all, mut one) = (vec![0.0; count * dim], vec![0.0; dim]);
            closed.logs(&from, rows(&to, dim), &mut all).unwrap();
            for (to, log) in to.chunks_exact(dim).zip(all.chunks_exact(dim)) {
                closed.log(&from, to, &mut one).unwrap();
                assert_close(log, &one, 1e-14, &format!("{name}: one of {count} logarithms"));
            }
            checked += 1;
        }
    }
    assert!(checked >= 3 * 46, "{checked}");
    let sphere = likely_geometries::Sphere::new(2).unwrap();
    let closed = likely_core::Geometry::closed_form(&sphere).unwrap();
    let mut out = [1.0; 6];
    closed.logs(&[0.5, 0.0], rows(&[0.1, 0.2, 0.5, 0.0, -0.3, 1.0], 2), &mut out).unwrap();
    assert_eq!(out[2..4], [0.0, 0.0], "the point itself");
    let antipodal = closed.logs(&[0.5, 0.0], rows(&[0.1, 0.2, -2.0, 0.0, -0.3, 1.0], 2), &mut out);
    assert!(matches!(antipodal, Err(EvalError::CutLocus { .. })), "{antipodal:?}");
}

#[test]
fn geodesics_run_at_constant_speed_and_solve_their_equation() {
    for entry in suite() {
        let Some(closed) = entry.geometry.closed_form() else { continue };
        let (name, dim) = (entry.name(), entry.geometry.dim());
        let (from, to) = (entry.points("from", COUNT), entry.points("to", COUNT));
        for (from, to) in from.chunks_exact(dim).zip(to.chunks_exact(dim)) {
            let distance = closed.distance(from, to).unwrap();
            let times = [0.0, 0.25, 0.5, 1.0];
            let mut points = vec![0.0; times.len() * dim];
            closed.geodesic(from, to, &times, &mut points).unwrap();
            assert_close(&points[..dim], from, 1e-13, &name);
            assert_close(&points[3 * dim..], to, 1e-12, &name);
            let point = |k: usize| &points[k * dim..(k + 1) * dim];
            for (a, b) in [(0, 1), (1, 2), (1, 3), (0, 2)] {
                let part = closed.distance(point(a), point(b)).unwrap();
                let expected = (times[b] - times[a]) * distance;
                assert!((part - expected).abs() <= 1e-12 * distance.max(1.0), "{name}: {part} {expected}");
            }
            // G x'' = -Gamma(x', x') at the middle, by differences.
            let h = 1e-3;
            let mut near = vec![0.0; 5 * dim];
            let times = [0.5 - 2.0 * h, 0.5 - h, 0.5, 0.5 + h, 0.5 + 2.0 * h];
            closed.geodesic(from, to, &times, &mut near).unwrap();
            let at = |k: usize, j: usize| near[k * dim + j];
            let velocity: Vec<f64> = (0..dim)
                .map(|j| (at(0, j) - 8.0 * at(1, j) + 8.0 * at(3, j) - at(4, j)) / (12.0 * h))
                .collect();
            let acceleration: Vec<f64> = (0..dim)
                .map(|j| {
                    let pairs = 16.0 * (at(1, j) + at(3, j)) - at(0, j) - at(4, j);
                    (pairs - 30.0 * at(2, j)) / (12.0 * h * h)
                })
                .collect();
            let middle = &near[2 * dim..3 * dim];
            let (mut tensors, mut gamma, mut lowered) =
                (likely_core::Tensors::default(), vec![0.0; dim], vec![0.0; dim]);
            entry.geometry.tensors(rows(middle, dim), &mut tensors).unwrap();
            entry.geometry.christoffel(rows(middle, dim), &velocity, &mut gamma).unwrap();
            tensors.apply(&acceleration, &mut lowered);
            // On a manifold embedded in its coordinates the equation holds along the manifold.
            let tangential = |w: &[f64]| {
                let mut along = w.to_vec();
                if let Some(projection) = entry.geometry.projection() {
                    projection.pull_back(rows(middle, dim), w, &mut along).unwrap();
                }
                along
            };
            let negative: Vec<f64> = gamma.iter().map(|g| -g).collect();
            let what = format!("{name}: geodesic equation");
            assert_close(&tangential(&lowered), &tangential(&negative), 1e-6, &what);
        }
    }
}

#[test]
fn equal_points_are_at_distance_zero_and_their_log_is_zero() {
    for entry in suite() {
        let Some(closed) = entry.geometry.closed_form() else { continue };
        let (name, dim) = (entry.name(), entry.geometry.dim());
        let x = entry.points("from", 1);
        let (mut v, mut y) = (vec![1.0; dim], vec![0.0; dim]);
        assert!(closed.distance(&x, &x).unwrap().abs() < 1e-15, "{name}");
        closed.log(&x, &x, &mut v).unwrap();
        assert_close(&v, &vec![0.0; dim], 0.0, &name);
        closed.exp(&x, &v, &mut y).unwrap();
        assert_close(&y, &x, 1e-14, &name);
    }
}

#[test]
fn close_points_keep_their_digits() {
    for entry in suite() {
        let Some(closed) = entry.geometry.closed_form() else { continue };
        let (name, dim) = (entry.name(), entry.geometry.dim());
        let x = entry.points("from", 1);
        let direction = entry.vectors("directions", 1);
        let mut y: Vec<f64> = x.iter().zip(&direction).map(|(x, d)| x + 1e-6 * x.abs() * d).collect();
        if let Some(projection) = entry.geometry.projection() {
            projection.project(rows(&y.clone(), dim), &mut y).unwrap();
        }
        let difference: Vec<f64> = x.iter().zip(&y).map(|(x, y)| y - x).collect();
        let mut norm = [0.0];
        entry.geometry.squared_norms(rows(&x, dim), &difference, &mut norm).unwrap();
        let distance = closed.distance(&x, &y).unwrap();
        assert!((distance / norm[0].sqrt() - 1.0).abs() < 1e-5, "{name}: {distance} {norm:?}");
    }
}

#[test]
fn antipodal_points_of_the_sphere_have_a_distance_and_no_log() {
    for (config, x) in [("dim = 2", vec![0.3, -1.7]), ("dim = 5", vec![0.1, 0.2, -0.3, 0.4, 2.0])] {
        let sphere = build("sphere", config);
        let closed = sphere.closed_form().unwrap();
        let squared: f64 = x.iter().map(|x| x * x).sum();
        let antipode: Vec<f64> = x.iter().map(|x| -x / squared).collect();
        let mut v = vec![0.0; x.len()];
        assert!(matches!(closed.log(&x, &antipode, &mut v), Err(EvalError::CutLocus { .. })));
        assert!((closed.distance(&x, &antipode).unwrap() - std::f64::consts::PI).abs() < 1e-15);
        // A millionth of a radian away there is one, and it arrives.
        let near: Vec<f64> = antipode.iter().enumerate().map(|(k, a)| a + 1e-6 * (k as f64 + 1.0)).collect();
        closed.log(&x, &near, &mut v).unwrap();
        let mut reached = v.clone();
        closed.exp(&x, &v, &mut reached).unwrap();
        assert_close(&reached, &near, 1e-9, "almost antipodal");
    }
}

#[test]
fn antipodal_points_of_the_embedded_sphere_have_a_distance_and_no_log() {
    let sphere = build("sphere-embedded", "dim = 2");
    let closed = sphere.closed_form().unwrap();
    let (x, y) = ([0.6, 0.0, -0.8], [-0.6, 0.0, 0.8]);
    assert!(matches!(closed.log(&x, &y, &mut [0.0; 3]), Err(EvalError::CutLocus { .. })));
    assert!((closed.distance(&x, &y).unwrap() - std::f64::consts::PI).abs() < 1e-15);
    // Off the sphere, and a velocity that is not tangent.
    assert!(matches!(
        closed.distance(&x, &[1.0, 1.0, 0.0]),
        Err(EvalError::OutsideChart { row: 1, reason }) if reason.contains("norm")
    ));
    assert!(matches!(
        closed.exp(&x, &x, &mut [0.0; 3]),
        Err(EvalError::OutsideChart { reason, .. }) if reason.contains("tangent")
    ));
}

#[test]
fn geodesics_that_leave_their_chart_are_refused() {
    let leaving = [
        ("sphere", "dim = 2", vec![0.0, 0.0], vec![std::f64::consts::PI / 2.0, 0.0]),
        ("hyperbolic", "dim = 2", vec![0.0, 1.0], vec![0.0, -300.0]),
        ("fisher-rao", "family = 'gaussian'", vec![0.0, 1.0], vec![0.0, -2000.0]),
        ("fisher-rao", "family = 'inverse-gaussian'", vec![1.0, 1.0], vec![-8.0, 8.0]),
        ("fisher-rao", "family = 'binomial', trials = 1", vec![0.5], vec![2.0]),
        ("fisher-rao", "family = 'geometric'", vec![0.5], vec![2.0]),
        ("fisher-rao", "family = 'poisson'", vec![1.0], vec![-3.0]),
        ("fisher-rao", "family = 'categorical', categories = 3", vec![0.3, 0.3], vec![1.0, 0.0]),
        ("fisher-rao", "family = 'categorical', categories = 3", vec![0.3, 0.3], vec![7.0, 0.0]),
        (
            "fisher-rao",
            "family = 'negative-multinomial', categories = 3, failures = 1",
            vec![0.3, 0.3],
            vec![-1.0, 0.0],
        ),
        ("spd-frobenius", "n = 2", vec![1.0, 0.0, 1.0], vec![-1.0, 0.0, 0.0]),
        ("spd-affine-invariant", "n = 2", vec![1.0, 0.0, 1.0], vec![-1000.0, 0.0, 0.0]),
    ];
    for (id, config, from, velocity) in leaving {
        let geometry = build(id, config);
        let mut out = vec![0.0; from.len()];
        let result = geometry.closed_form().unwrap().exp(&from, &velocity, &mut out);
        assert!(
            matches!(result, Err(EvalError::OutsideChart { .. })),
            "{id} {{ {config} }}: {result:?} {out:?}"
        );
    }
}
