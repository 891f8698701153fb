//! The compared optimisers, against the authors' public code, what it printed, scipy, and plain recursions of the update rules.

use crate::curved::{average_of, geometry_of, run, section};
use crate::golden::{largest_difference, matrix, method, number, vector};
use crate::potentials::mixture;
use likely_core::{Counted, Euclidean, ScoreOfPotential, Seed, Stop};
use likely_methods::{Density, Scene, Solution, Step};
use ndarray::Array2;
use serde_json::Value;

fn golden() -> Value {
    serde_json::from_str(include_str!("../golden/optimisers.json")).unwrap()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

/// Runs a method on a problem of the run-time study: 100 segments.
fn study(problems: &[Value], problem: &Value, id: &str, config: &str) -> (Solution, Vec<Step>) {
    let case = problems.iter().find(|case| case["id"] == *problem).unwrap();
    let (geometry, potential) = (geometry_of(case), average_of(case));
    let (start, end) = (vector(&case["start"]), vector(&case["end"]));
    run(&*method(id, config), &*geometry, potential.as_deref(), &start, &end, 100)
}

fn last_energy(steps: &[Step]) -> f64 {
    steps.last().unwrap().regularised_energy.unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

#[test]
fn the_frozen_and_the_exact_gradient_are_those_of_the_reference() {
    let case = &golden()["baseline"];
    let (geometry, potential) = (geometry_of(case), average_of(case).unwrap());
    let (start, end) = (vector(&case["start"]), vector(&case["end"]));
    let segments = case["segments"].as_u64().unwrap() as usize;
    for gradient in ["frozen", "exact"] {
        // One step of descent at rate one is the gradient.
        let config = format!("gradient = \"{gradient}\"\nrate = 1.0\nmax-iterations = 1");
        let (solution, _) =
            run(&*method("sgd", &config), &*geometry, Some(&*potential), &start, &end, segments);
        let factor = solution.weighting.unwrap().lambda_norm;
        assert!((factor - number(&case["lam_norm"])).abs() < 1e-15, "{factor}");
        let line = Array2::from_shape_fn((segments - 1, 2), |(i, k)| {
            let t = (i + 1) as f64 / segments as f64;
            start[k] + t * (end[k] - start[k])
        });
        let found = &line - &solution.curve.interior();
        let worst = (&found - &matrix(&case[gradient])).iter().fold(0.0_f64, |w, d| w.max(d.abs()));
        assert!(worst < 1e-14, "{gradient}: {worst:e}");
    }
}

#[test]
fn adam_with_a_frozen_gradient_follows_the_released_run() {
    let case = &golden()["baseline"];
    let (geometry, potential) = (geometry_of(case), average_of(case));
    let (start, end) = (vector(&case["start"]), vector(&case["end"]));
    let segments = case["segments"].as_u64().unwrap() as usize;
    let snapshots = list(&case["snapshots"]);
    for snapshot in snapshots {
        let most = snapshot["iterations"].as_u64().unwrap();
        let config = format!("gradient = \"frozen\"\ntolerance = 0.0\nmax-iterations = {most}");
        let (solution, steps) =
            run(&*method("adam", &config), &*geometry, potential.as_deref(), &start, &end, segments);
        let found = largest_difference(&solution.curve, &matrix(&snapshot["curve"]));
        assert!(found < 1e-10, "after {most}: {found:e}");
        let energy = (last_energy(&steps) - number(&snapshot["reg_energy"])).abs();
        assert!(energy < 1e-10, "after {most}: {energy:e}");
        println!("after {most}: {found:e} {energy:e}");
    }
    assert_eq!(snapshots.len(), 3);
}

#[test]
fn the_printed_energies_come_out_with_the_frozen_gradient() {
    let golden = golden();
    let problems = section("peers");
    let (mut judged, mut shown) = (0, 0);
    for row in list(&golden["published"]) {
        let config = format!("{}\ngradient = \"frozen\"", text(&row["config"]));
        let (solution, steps) = study(&problems, &row["problem"], text(&row["method"]), &config);
        let (found, printed) = (last_energy(&steps), number(&row["reg_energy"]));
        let difference = (found - printed).abs();
        // The released code ran in single precision; the bands are what it reproduces itself to.
        let band = match text(&row["name"]) {
            "sgd" | "adagrad" => 1e-4,
            "adam" => 5e-4,
            "adamax" => 6e-4,
            "rmsprop" => 4e-3,
            _ => f64::INFINITY,
        };
        println!(
            "{} {}: {found:.4} printed {printed} ({difference:.1e}) {}",
            row["problem"], row["name"], solution.stop
        );
        if band.is_finite() {
            judged += 1;
            assert!(difference <= band, "{} {}: {found} {printed}", row["problem"], row["name"]);
        } else {
            shown += 1;
        }
    }
    assert_eq!((judged, shown), (84, 17));
}

#[test]
fn a_run_of_the_released_code_in_double_precision_comes_out() {
    let golden = golden();
    let problems = section("peers");
    let mut compared = 0;
    for row in list(&golden["peers"]).iter().filter(|row| row["method"] != "l-bfgs") {
        compared += 1;
        let (solution, steps) = study(&problems, &row["problem"], text(&row["method"]), text(&row["config"]));
        let (found, expected) = (last_energy(&steps), number(&row["reg_energy"]));
        let difference = (found - expected).abs() / expected;
        println!("{} {}: {found} {expected} {difference:e}", row["problem"], row["name"]);
        assert_eq!(
            u64::from(solution.iterations),
            row["iterations"].as_u64().unwrap(),
            "{} {}",
            row["problem"],
            row["name"]
        );
        let norm = solution.stop.grad_norm_l2().unwrap() / number(&row["grad_norm"]) - 1.0;
        assert!(difference < 1e-9, "{} {}: {difference:e}", row["problem"], row["name"]);
        assert!(norm.abs() < 1e-6, "{} {}: {norm:e}", row["problem"], row["name"]);
    }
    assert_eq!(compared, 24);
}

#[test]
fn the_exact_gradient_repairs_the_optimisers() {
    let problems = section("peers");
    let rows = [
        ("sphere2", "adam", 0.1160),
        ("sphere10", "adam", 0.1945),
        ("ellipsoid2", "adagrad", 0.0833),
        ("t2", "adam", 2.4578),
        ("gaussian", "adam", 0.1543),
        ("cauchy", "adam", 0.0689),
    ];
    for (problem, id, expected) in rows {
        let (_, steps) = study(&problems, &problem.into(), id, "");
        let found = last_energy(&steps);
        println!("{problem} {id}: {found} {expected}");
        assert!((found - expected).abs() <= 5e-5, "{problem}: {found}, not {expected}");
    }
}

#[test]
fn l_bfgs_reaches_what_scipy_reaches() {
    let golden = golden();
    let problems = section("peers");
    let mut compared = 0;
    for row in list(&golden["peers"]).iter().filter(|row| row["method"] == "l-bfgs") {
        compared += 1;
        let (solution, steps) = study(&problems, &row["problem"], "l-bfgs", "");
        let (found, expected) = (last_energy(&steps), number(&row["reg_energy"]));
        println!(
            "{}: {found} {expected} {} {} {}",
            row["problem"], solution.iterations, row["iterations"], solution.stop
        );
        if number(&row["grad_norm"]) <= 1e-4 {
            assert!(solution.stop.means_convergence(), "{}: {}", row["problem"], solution.stop);
            assert!((found - expected).abs() < 1e-6 * expected, "{}: {found} {expected}", row["problem"]);
        }
    }
    assert_eq!(compared, 8);
}

#[test]
fn every_form_of_every_rule_follows_its_recursion() {
    let golden = golden();
    let forms = &golden["forms"];
    let numbers = |value: &Value| -> Vec<f64> { vector(value).to_vec() };
    let nested = |value: &Value| -> Vec<Vec<f64>> { list(value).iter().map(numbers).collect() };
    let covariance = nested(&forms["covariance"]);
    let potential =
        mixture(numbers(&forms["weights"]), nested(&forms["means"]), vec![covariance.clone(), covariance]);
    let (start, end) = (vector(&forms["start"]), vector(&forms["end"]));
    let segments = forms["segments"].as_u64().unwrap() as usize;
    let mut compared = 0;
    for case in list(&forms["runs"]) {
        let (id, config) = (text(&case["method"]), text(&case["config"]));
        let solve = |tolerance: f64, most: u64| {
            let config = format!(
                "{config}\nweight = {{ absolute = {} }}\ntolerance = {tolerance:?}\nmax-iterations = {most}",
                forms["lambda"]
            );
            run(&*method(id, &config), &Euclidean::new(2), Some(&*potential), &start, &end, segments)
        };
        for snapshot in list(&case["snapshots"]) {
            compared += 1;
            let most = snapshot["iterations"].as_u64().unwrap();
            let (solution, steps) = solve(0.0, most);
            let found = largest_difference(&solution.curve, &matrix(&snapshot["curve"]));
            let energy = (last_energy(&steps) - number(&snapshot["reg_energy"])).abs();
            println!("{id} {config:?} {most}: {found:e} {energy:e}");
            assert!(found < 1e-10, "{id} {config}: after {most}: {found:e}");
            assert!(energy < 1e-10, "{id} {config}: after {most}: {energy:e}");
        }
        let (solution, _) = solve(number(&case["tolerance"]), 2000);
        match case["iterations"].as_u64() {
            Some(iterations) => {
                assert!(matches!(solution.stop, Stop::Converged { .. }), "{id} {config}: {}", solution.stop);
                assert_eq!(u64::from(solution.iterations), iterations, "{id} {config}");
            }
            None => assert!(matches!(solution.stop, Stop::IterationLimit { .. }), "{id} {config}"),
        }
    }
    assert_eq!((list(&forms["runs"]).len(), compared), (15, 60));
}
