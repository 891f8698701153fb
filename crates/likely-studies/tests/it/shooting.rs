//! Shots against reference trajectories, closed forms and invariants.

use crate::support::{
    CutPlane, circle, half_plane, mixture, numbers, quadratic, rows, sphere, weighted_logs,
};
use likely_core::{ClosedForm, Euclidean, EvalError, Geometry, Potential, Rows};
use likely_studies::shooting::{
    Difference, Force, ForceSign, Integrator, LogarithmError, Lost, Motion, Pull, ShootError, Shooting,
    initial_velocity, logarithm,
};
use ndarray::{Array2, ArrayView1, array};
use serde_json::Value;

fn golden() -> Value {
    serde_json::from_str(include_str!("../golden/shooting.json")).unwrap()
}

fn motion<'a>(
    geometry: &'a dyn Geometry,
    potential: &'a dyn Potential,
    lambda: f64,
    sign: ForceSign,
) -> Motion<'a> {
    Motion { geometry, force: Some(Force { pull: Pull::Potential(potential), lambda, sign }) }
}

fn geodesics(geometry: &dyn Geometry) -> Motion<'_> {
    Motion { geometry, force: None }
}

fn distance(a: ArrayView1<'_, f64>, b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt()
}

#[test]
fn released_trajectories_are_reproduced() {
    let golden = golden();
    let mut points = 0;
    for case in golden["shots"].as_array().unwrap() {
        let inputs = &case["inputs"];
        let id = case["id"].as_str().unwrap();
        let (geometry, potential): (Box<dyn Geometry>, Box<dyn Potential>) = match id {
            "ivp_sphere_circle_T100" => (Box::new(sphere(2)), Box::new(circle())),
            "ivp_euclid_quadratic_T50" => {
                (Box::new(Euclidean::new(2)), Box::new(quadratic(vec![1.0, -1.0], 0.7)))
            }
            "ivp_torch_rk4_38_T11" => {
                (Box::new(Euclidean::new(2)), Box::new(mixture(&inputs["regulariser"])))
            }
            other => panic!("{other} is not known here"),
        };
        let t = inputs["T"].as_u64().unwrap() as usize;
        let (integrator, steps) = match id {
            "ivp_torch_rk4_38_T11" => (Integrator::ThreeEighths, t - 1),
            _ => (Integrator::DormandPrince, t),
        };
        let (z, v) = (numbers(&inputs["z"]), numbers(&inputs["v"]));
        let lambda = inputs["lam"].as_f64().unwrap();
        let motion = motion(&*geometry, &*potential, lambda, ForceSign::Released);
        let shots = Shooting::new(integrator, steps).shoot(&motion, Rows::new(&z, 2).unwrap(), &v).unwrap();
        let every = case["every"].as_u64().unwrap() as usize;
        for (k, expected) in rows(&case["trajectory"]).iter().enumerate() {
            let error = distance(shots[0].points.row(k * every), expected);
            assert!(error < 1e-10, "{id}, point {k}: off by {error:e}");
            points += 1;
        }
        assert_eq!(shots[0].times.len(), steps + 1);
    }
    assert_eq!(points, 33);
}

#[test]
fn only_the_variational_sign_lands_on_the_end_of_a_solved_curve() {
    let golden = golden();
    let inputs = &golden["boundary_inputs"];
    let potential =
        weighted_logs(numbers(&inputs["regulariser"]["weights"]), rows(&inputs["regulariser"]["centroids"]));
    let points = rows(&golden["curve_100"]["points"]);
    let curve = Array2::from_shape_vec((101, 2), points.concat()).unwrap();
    let velocity = initial_velocity(curve.view(), Difference::Fourth).unwrap();
    let lambda = 1e4 * golden["curve_100"]["lambda_norm"].as_f64().unwrap();
    let mut cases = 0;
    for row in golden["boundary"].as_array().unwrap().iter().filter(|row| row["N"] == 100) {
        assert!((row["lam_continuous"].as_f64().unwrap() - lambda).abs() < 1e-12);
        let sign = if row["sign"] == 1.0 { ForceSign::Variational } else { ForceSign::Released };
        let sphere = sphere(2);
        let motion = motion(&sphere, &potential, lambda, sign);
        let shots = Shooting::new(Integrator::DormandPrince, 400)
            .shoot(&motion, Rows::new(&points[0], 2).unwrap(), velocity.as_slice().unwrap())
            .unwrap();
        let error = distance(shots[0].end().unwrap(), &points[100]);
        let expected = row["end_error"].as_f64().unwrap();
        assert!((error - expected).abs() < 1e-8, "{sign:?}: {error} where {expected} is known");
        cases += 1;
    }
    assert_eq!(cases, 2);
}

#[test]
fn a_corrected_shot_hits_the_end() {
    let golden = golden();
    let inputs = &golden["boundary_inputs"];
    let potential =
        weighted_logs(numbers(&inputs["regulariser"]["weights"]), rows(&inputs["regulariser"]["centroids"]));
    let points = rows(&golden["curve_100"]["points"]);
    let curve = Array2::from_shape_vec((101, 2), points.concat()).unwrap();
    let sphere = sphere(2);
    let motion = motion(&sphere, &potential, 6.464_051_008_362_984, ForceSign::Variational);
    for difference in [Difference::First, Difference::Fourth] {
        let guess = initial_velocity(curve.view(), difference).unwrap();
        let shooting = Shooting::new(Integrator::Adaptive { tolerance: 1e-12 }, 100);
        let found = logarithm(&motion, curve.row(0), curve.row(100), guess.view(), &shooting, 1e-11).unwrap();
        assert!(found.error <= 1e-11);
        assert!(found.iterations >= 1 && found.iterations <= 5, "{}", found.iterations);
        // The curve of the discrete problem is off by O(1 / N), and so is its velocity.
        let change = distance(found.velocity.view(), guess.as_slice().unwrap());
        assert!(change > 1e-4 && change < 0.3, "{change}");
    }
}

#[test]
fn the_logarithm_on_the_sphere_is_the_closed_form() {
    let (from, to) = (array![0.1, -0.7], array![0.6, 0.4]);
    let sphere = sphere(2);
    let mut expected = [0.0; 2];
    sphere.log(from.as_slice().unwrap(), to.as_slice().unwrap(), &mut expected).unwrap();
    let guess = &to - &from;
    for integrator in [Integrator::Adaptive { tolerance: 1e-13 }, Integrator::DormandPrince] {
        let shooting = Shooting::new(integrator, 200);
        let found =
            logarithm(&geodesics(&sphere), from.view(), to.view(), guess.view(), &shooting, 1e-11).unwrap();
        assert!(distance(found.velocity.view(), &expected) < 1e-9, "{:?}", found.velocity);
    }
}

#[test]
fn schemes_converge_at_their_order() {
    let (start, velocity) = ([0.2, -0.5], [1.5, 2.0]);
    let mut exact = [0.0; 2];
    sphere(2).exp(&start, &velocity, &mut exact).unwrap();
    for (integrator, order, coarse) in
        [(Integrator::DormandPrince, 5.0, 80), (Integrator::ThreeEighths, 4.0, 40)]
    {
        let error = |steps: usize| {
            let shots = Shooting::new(integrator, steps)
                .shoot(&geodesics(&sphere(2)), Rows::new(&start, 2).unwrap(), &velocity)
                .unwrap();
            distance(shots[0].end().unwrap(), &exact)
        };
        let observed = (error(coarse) / error(2 * coarse)).log2();
        assert!((observed - order).abs() < 0.35, "{integrator:?}: order {observed}, {:e}", error(coarse));
    }
}

#[test]
fn the_adaptive_scheme_keeps_its_tolerance_between_steps_too() {
    let (start, velocity) = ([0.2, -0.5], [1.5, 2.0]);
    let mut last = f64::INFINITY;
    for tolerance in [1e-6, 1e-9, 1e-12] {
        let shots = Shooting::new(Integrator::Adaptive { tolerance }, 37)
            .shoot(&geodesics(&sphere(2)), Rows::new(&start, 2).unwrap(), &velocity)
            .unwrap();
        let shot = &shots[0];
        assert_eq!(shot.times.len(), 38);
        let mut worst = 0.0_f64;
        for (time, point) in shot.times.iter().zip(shot.points.rows()) {
            let mut exact = [0.0; 2];
            sphere(2).exp(&start, &velocity.map(|v| v * time), &mut exact).unwrap();
            worst = worst.max(distance(point, &exact));
        }
        assert!(worst < 100.0 * tolerance && worst < last, "{tolerance:e}: {worst:e}");
        last = worst;
    }
}

#[test]
fn the_first_integral_is_kept() {
    let potential = circle();
    for sign in [ForceSign::Variational, ForceSign::Released] {
        let sphere = sphere(2);
        let motion = motion(&sphere, &potential, 3.0, sign);
        let (start, velocity) = ([0.3, 0.4], [1.0, -0.5]);
        let shots = Shooting::new(Integrator::Adaptive { tolerance: 1e-11 }, 20)
            .shoot(&motion, Rows::new(&start, 2).unwrap(), &velocity)
            .unwrap();
        let points = shots[0].points.as_slice().unwrap();
        let kept = motion
            .invariants(Rows::new(points, 2).unwrap(), shots[0].velocities.as_slice().unwrap())
            .unwrap()
            .unwrap();
        assert_eq!(kept.len(), 21);
        for value in &kept {
            assert!((value - kept[0]).abs() < 1e-8, "{sign:?}: {value} {}", kept[0]);
        }
    }
}

#[test]
fn a_lost_shot_says_when_and_takes_nothing_from_the_others() {
    let starts = [0.0, 0.0, 0.0, 0.0, 0.0, 0.5];
    let velocities = [0.5, 0.0, 4.0, 0.0, 0.25, 1.0];
    let motion = geodesics(&CutPlane);
    for integrator in
        [Integrator::DormandPrince, Integrator::ThreeEighths, Integrator::Adaptive { tolerance: 1e-9 }]
    {
        let shooting = Shooting::new(integrator, 40);
        let shots = shooting.shoot(&motion, Rows::new(&starts, 2).unwrap(), &velocities).unwrap();
        assert!(distance(shots[0].end().unwrap(), &[0.5, 0.0]) < 1e-12);
        assert!(distance(shots[2].end().unwrap(), &[0.25, 1.5]) < 1e-12);
        let lost = shots[1].end().unwrap_err();
        assert!(matches!(lost, Lost::OutsideChart { .. }), "{lost}");
        // It runs over the edge at time 1/4.
        assert!((lost.time() - 0.25).abs() <= 1.0 / 40.0 + 1e-12, "{integrator:?}: {lost}");
        assert!(lost.to_string().contains("the first coordinate is above 1"));
        assert!(shots[1].times.last().unwrap() <= &0.25);
        let alone = shooting.shoot(&motion, Rows::new(&starts[4..], 2).unwrap(), &velocities[4..]).unwrap();
        assert_eq!(alone[0], shots[2], "a shot does not depend on what is shot beside it");
    }
    if let Lost::OutsideChart { time, .. } = &Shooting::new(Integrator::Adaptive { tolerance: 1e-9 }, 40)
        .shoot(&motion, Rows::new(&starts[2..4], 2).unwrap(), &velocities[2..4])
        .unwrap()[0]
        .lost
        .clone()
        .unwrap()
    {
        assert!((time - 0.25).abs() < 1e-9, "the adaptive scheme finds the edge: {time}");
    }
}

#[test]
fn a_start_outside_the_chart_is_lost_at_once() {
    for integrator in [Integrator::DormandPrince, Integrator::default()] {
        let shots = Shooting::new(integrator, 5)
            .shoot(&geodesics(&half_plane()), Rows::new(&[0.0, -1.0], 2).unwrap(), &[1.0, 0.0])
            .unwrap();
        assert_eq!(shots[0].end().unwrap_err().time(), 0.0);
        assert_eq!(shots[0].points.nrows(), 1);
    }
}

#[test]
fn a_shot_that_blows_up_is_no_silent_number() {
    // z'' = -grad S / 2 with S = -z^4 z^4: away in finite time.
    let potential = crate::support::Pointwise(1, |z: &[f64], grad: &mut [f64]| {
        grad[0] = -8.0 * z[0].powi(7);
        -z[0].powi(8)
    });
    let flat = Euclidean::new(1);
    let motion = motion(&flat, &potential, 1.0, ForceSign::Released);
    for integrator in [Integrator::DormandPrince, Integrator::default()] {
        let shots = Shooting { duration: 50.0, ..Shooting::new(integrator, 200) }
            .shoot(&motion, Rows::new(&[1.0], 1).unwrap(), &[1.0])
            .unwrap();
        let lost = shots[0].end().unwrap_err();
        assert!(matches!(lost, Lost::NotFinite { .. }), "{lost}");
        assert!(lost.time() < 2.0, "{lost}");
        assert!(shots[0].points.iter().all(|x| x.is_finite()));
    }
}

#[test]
fn questions_without_an_answer_are_refused() {
    let flat = Euclidean::new(2);
    let motion = geodesics(&flat);
    let start = [0.0, 0.0];
    let start = Rows::new(&start, 2).unwrap();
    let input = |shooting: Shooting| match shooting.shoot(&motion, start, &[1.0, 0.0]) {
        Err(ShootError::Input { reason }) => reason,
        other => panic!("{other:?}"),
    };
    let fixed = Shooting::new(Integrator::DormandPrince, 10);
    assert!(input(Shooting { steps: 0, ..fixed }).contains("at least 1"));
    assert!(input(Shooting { steps: usize::MAX, ..fixed }).contains("fewer steps"));
    assert!(input(Shooting { duration: f64::NAN, ..fixed }).contains("positive"));
    assert!(input(Shooting::new(Integrator::Adaptive { tolerance: 0.0 }, 10)).contains("between 0 and 1"));
    let eval = |result: Result<_, ShootError>| match result {
        Err(ShootError::Eval(error)) => error,
        other => panic!("{other:?}"),
    };
    assert_eq!(eval(fixed.shoot(&motion, start, &[1.0])), EvalError::Dimension { expected: 2, found: 1 });
    assert_eq!(eval(fixed.shoot(&motion, start, &[1.0, f64::NAN])), EvalError::NonFinitePoint { row: 0 });
    assert!(initial_velocity(array![[1.0, 2.0]].view(), Difference::First).is_err());
    let far = logarithm(
        &geodesics(&half_plane()),
        array![0.0, 1.0].view(),
        array![0.0, -1.0].view(),
        array![0.1, 0.0].view(),
        &Shooting::new(Integrator::default(), 10),
        1e-9,
    );
    assert!(matches!(far, Err(LogarithmError::Stopped { .. })), "{far:?}");
}
