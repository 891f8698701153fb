//! Against the authors' public code (`likely_geometry` at commit 397ebf3) and an independent Newton refinement, float64.
//!
//! The cases and their tolerances are those of `tests/golden/cases.json`, whose header names their source.

use crate::potentials::from_case;
use likely_core::{Curve, Ends, Euclidean, Potential, ScoreOfPotential, Seed};
use likely_methods::{Density, Interpolator, Scene, Solution, Step, find};
use ndarray::{Array1, Array2, ArrayView1};
use serde_json::Value;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;

/// Relative tolerance of values after each iteration.
const TRACE: f64 = 1e-9;
/// Absolute tolerance of curves at a discrete stationary point.
const STATIONARY: f64 = 1e-8;
/// Absolute tolerance of curves stopped at the case's own tolerance.
const STOPPED: f64 = 1e-6;
/// Absolute tolerance of closed forms and of snapshots up to ten iterations.
const EXACT: f64 = 1e-10;
/// The released `NoiseDiffusion` takes gamma = sqrt(1 - alpha^2 - beta^2) of a rounding error, 1e-8, times a normal draw.
const RELEASED_GAMMA: f64 = 5e-8;

fn cases() -> Vec<Value> {
    let text = include_str!("../golden/cases.json");
    serde_json::from_str::<Value>(text).unwrap()["cases"].as_array().unwrap().clone()
}

fn of_kind(kind: &str) -> Vec<Value> {
    cases().into_iter().filter(|case| case["kind"] == kind).collect()
}

pub(crate) fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("not a number: {value}"))
}

pub(crate) fn vector(value: &Value) -> Array1<f64> {
    value.as_array().unwrap().iter().map(number).collect()
}

pub(crate) fn matrix(value: &Value) -> Array2<f64> {
    let rows: Vec<Array1<f64>> = value.as_array().unwrap().iter().map(vector).collect();
    ndarray::stack(ndarray::Axis(0), &rows.iter().map(|r| r.view()).collect::<Vec<_>>()).unwrap()
}

pub(crate) fn method(id: &str, config: &str) -> Box<dyn Interpolator> {
    let table = toml::de::DeTable::parse(config).unwrap();
    (find(id).unwrap().build)(table).unwrap().interpolator
}

/// Runs a method and collects its steps.
pub(crate) fn run(
    method: &dyn Interpolator,
    density: Option<Density<'_>>,
    start: ArrayView1<'_, f64>,
    end: ArrayView1<'_, f64>,
    segments: usize,
) -> (Solution, Vec<Step>) {
    let geometry = Euclidean::new(start.len());
    let scene = Scene { geometry: &geometry, density, typical: None };
    let ends = Ends::new(start, end, NonZeroUsize::new(segments).unwrap()).unwrap();
    let mut steps = Vec::new();
    let mut rng = Seed::new(0).stream(&[]);
    let solution = method
        .interpolate(&scene, &ends, &mut rng, &mut |step| {
            steps.push(*step);
            ControlFlow::Continue(())
        })
        .unwrap();
    (solution, steps)
}

pub(crate) fn largest_difference(curve: &Curve, expected: &Array2<f64>) -> f64 {
    assert_eq!(curve.points().dim(), expected.dim());
    (&curve.points() - expected).iter().fold(0.0, |a, d| a.max(d.abs()))
}

fn relative(now: f64, then: f64) -> f64 {
    (now - then).abs() / then.abs().max(1.0)
}

#[test]
fn every_accepted_step_of_the_line_search_cases_is_reproduced() {
    let mut ran = 0;
    for case in of_kind("geodesic_linesearch") {
        let id = case["id"].as_str().unwrap();
        let (inputs, outputs) = (&case["inputs"], &case["outputs"]);
        let (start, end) = (vector(&inputs["z0"]), vector(&inputs["zN"]));
        let potential = from_case(&inputs["regulariser"], start.len());
        let segments = inputs["N"].as_u64().unwrap() as usize;
        let solve = |tolerance: f64, iterations: u64| {
            let config = format!(
                "weight = {{ relative = {:?} }}\nline-search = \"decrease\"\ntolerance = {tolerance:?}\nmax-iterations = {iterations}",
                number(&inputs["lam"])
            );
            let method = method("prob-georce", &config);
            run(&*method, Some(Density::Potential(&*potential)), start.view(), end.view(), segments)
        };
        let (solution, steps) = solve(number(&inputs["tol"]), inputs["max_iter"].as_u64().unwrap());
        assert!(
            relative(solution.weighting.unwrap().lambda_norm, number(&outputs["lam_norm"])) < TRACE,
            "{id}"
        );
        let trace = outputs["trace"].as_array().unwrap();
        assert!(!trace.is_empty());
        for (i, (step, expected)) in steps.iter().zip(trace).enumerate() {
            assert_eq!(step.step, number(&expected["tau"]), "{id}, iteration {}", i + 1);
            assert!(
                relative(step.regularised_energy.unwrap(), number(&expected["reg_energy"])) < TRACE,
                "{id}, iteration {}",
                i + 1
            );
            assert!(
                (step.grad_norm_l2 - number(&expected["grad_norm"])).abs() < TRACE,
                "{id}, iteration {}",
                i + 1
            );
        }
        // Below 1e-6 rounding in the line search may add or save two iterations.
        let (now, then) = (i64::from(solution.iterations), outputs["iterations"].as_i64().unwrap());
        let slack = if number(&inputs["tol"]) >= 1e-6 { 0 } else { 2 };
        assert!((now - then).abs() <= slack, "{id}: {now} iterations, expected {then}");
        assert!(largest_difference(&solution.curve, &matrix(&outputs["curve"])) < STOPPED, "{id}");

        let (tight, _) = solve(1e-11, 20_000);
        let stationary = &outputs["stationary_point"];
        assert!(largest_difference(&tight.curve, &matrix(&stationary["curve"])) < STATIONARY, "{id}");
        ran += 1;
    }
    assert_eq!(ran, 7);
}

#[test]
fn the_first_direction_is_the_closed_form_update() {
    let mut ran = 0;
    for case in of_kind("geodesic_linesearch") {
        let (inputs, outputs) = (&case["inputs"], &case["outputs"]);
        let Some(expected) = outputs["first_iteration"]["u_hat"].as_array() else { continue };
        let (start, end) = (vector(&inputs["z0"]), vector(&inputs["zN"]));
        if outputs["trace"][0]["tau"].as_f64() != Some(1.0) {
            continue;
        }
        let potential = from_case(&inputs["regulariser"], start.len());
        let config = format!("weight = {{ relative = {:?} }}\nmax-iterations = 1", number(&inputs["lam"]));
        let method = method("prob-georce", &config);
        let segments = inputs["N"].as_u64().unwrap() as usize;
        let (solution, _) =
            run(&*method, Some(Density::Potential(&*potential)), start.view(), end.view(), segments);
        // A full step lands on the curve whose steps are the closed form's.
        for (i, step) in expected.iter().enumerate() {
            let difference = &solution.curve.points().row(i + 1) - &solution.curve.points().row(i);
            let error = (&difference - &vector(step)).iter().fold(0.0_f64, |a, d| a.max(d.abs()));
            assert!(error < EXACT, "{}, step {i}", case["id"]);
        }
        ran += 1;
    }
    assert_eq!(ran, 2, "cases that start with a full step");
}

fn adaptive_config(inputs: &Value, tolerance: f64, iterations: u64) -> String {
    format!(
        "weight = {{ relative = {:?} }}\nline-search = {{ adaptive = {{ rate = {:?}, beta1 = {:?}, beta2 = {:?} }} }}\ntolerance = {tolerance:?}\nmax-iterations = {iterations}",
        number(&inputs["lam"]),
        number(&inputs["lr_rate"]),
        number(&inputs["beta1"]),
        number(&inputs["beta2"])
    )
}

/// Compares the snapshots of an adaptive case and returns how many there were.
fn snapshots(case: &Value, density: Density<'_>) -> usize {
    let (inputs, outputs) = (&case["inputs"], &case["outputs"]);
    let (start, end) = (vector(&inputs["z0"]), vector(&inputs["zN"]));
    let segments = inputs["N"].as_u64().unwrap() as usize;
    let mut ran = 0;
    for snapshot in outputs["snapshots"].as_array().unwrap() {
        let iterations = snapshot["iteration"].as_u64().unwrap();
        let method = method("prob-georce", &adaptive_config(inputs, 0.0, iterations + 1));
        let (_, steps) = run(&*method, Some(density), start.view(), end.view(), segments);
        let at = self::method("prob-georce", &adaptive_config(inputs, 0.0, iterations));
        let (solution, _) = run(&*at, Some(density), start.view(), end.view(), segments);
        let bound = if iterations <= 10 { EXACT } else { STOPPED };
        assert!(
            largest_difference(&solution.curve, &matrix(&snapshot["curve"])) < bound,
            "{} at {iterations}",
            case["id"]
        );
        if let Some(kappa) = snapshot["kappa_next"].as_f64() {
            assert!(
                (steps[iterations as usize].step - kappa).abs() < bound,
                "{} at {iterations}",
                case["id"]
            );
        }
        ran += 1;
    }
    assert!(
        relative(
            run(
                &*method("prob-georce", &adaptive_config(inputs, 0.0, 1)),
                Some(density),
                start.view(),
                end.view(),
                segments
            )
            .0
            .weighting
            .unwrap()
            .lambda_norm,
            number(&outputs["lam_norm"])
        ) < EXACT
    );
    ran
}

#[test]
fn adaptive_steps_follow_the_reference() {
    let mut ran = 0;
    for case in of_kind("geodesic_adaptive") {
        let inputs = &case["inputs"];
        let potential = from_case(&inputs["regulariser"], 2);
        ran += snapshots(&case, Density::Potential(&*potential));
        let outputs = &case["outputs"]["run_to_tol"];
        let config = adaptive_config(inputs, number(&outputs["tol"]), outputs["max_iter"].as_u64().unwrap());
        let (start, end) = (vector(&inputs["z0"]), vector(&inputs["zN"]));
        let segments = inputs["N"].as_u64().unwrap() as usize;
        let (solution, _) = run(
            &*method("prob-georce", &config),
            Some(Density::Potential(&*potential)),
            start.view(),
            end.view(),
            segments,
        );
        assert_eq!(u64::from(solution.iterations), outputs["iterations"].as_u64().unwrap(), "{}", case["id"]);
    }
    assert_eq!(ran, 6);
}

#[test]
fn adaptive_steps_from_a_score_alone_follow_the_reference() {
    let mut ran = 0;
    for case in of_kind("geodesic_score") {
        let potential = from_case(&case["inputs"]["regulariser"], 2);
        ran += snapshots(&case, Density::Score(&ScoreOfPotential(&*potential)));
    }
    assert_eq!(ran, 6);
}

#[test]
fn the_released_armijo_rule_stalls_as_it_did() {
    let mut ran = 0;
    for case in of_kind("geodesic_linesearch_torch") {
        let (inputs, outputs) = (&case["inputs"], &case["outputs"]);
        let potential = from_case(&inputs["regulariser"], 2);
        let config = format!(
            "weight = {{ relative = {:?} }}\nline-search = \"armijo-released\"\ntolerance = {:?}\nmax-iterations = {}",
            number(&inputs["lam"]),
            number(&inputs["tol"]),
            inputs["max_iter"]
        );
        let (start, end) = (vector(&inputs["z0"]), vector(&inputs["zN"]));
        let segments = inputs["N"].as_u64().unwrap() as usize;
        let (solution, steps) = run(
            &*method("prob-georce", &config),
            Some(Density::Potential(&*potential)),
            start.view(),
            end.view(),
            segments,
        );
        for (step, expected) in steps.iter().zip(outputs["first_taus"].as_array().unwrap()) {
            assert_eq!(step.step, number(expected), "{}", case["id"]);
        }
        assert_eq!(u64::from(solution.iterations), outputs["iterations"].as_u64().unwrap());
        assert!(!solution.stop.means_convergence());
        let last = steps.last().unwrap();
        // Where exactly it stalls depends on rounding in the last digits of R.
        assert!(relative(last.regularised_energy.unwrap(), number(&outputs["reg_energy_final"])) < 1e-6);
        ran += 1;
    }
    assert_eq!(ran, 1);
}

#[test]
fn closed_forms_agree_with_the_reference() {
    let mut ran = 0;
    for case in of_kind("interpolation") {
        let (inputs, outputs) = (&case["inputs"], &case["outputs"]);
        let id = case["id"].as_str().unwrap();
        let method = match id {
            "interp_linear" => method("linear", ""),
            "interp_slerp" => method("slerp", "norms = \"raw\""),
            "interp_noisediffusion_lib" => method("noise-diffusion", ""),
            _ => continue,
        };
        let (start, end) = (vector(&inputs["z0"]), vector(&inputs["zN"]));
        let segments = NonZeroUsize::new(inputs["N"].as_u64().unwrap() as usize).unwrap();
        let mut ends = Ends::new(start.view(), end.view(), segments).unwrap();
        let data = inputs.get("x0").map(|x0| (vector(x0), vector(&inputs["xN"])));
        if let Some((first, last)) = &data {
            ends = ends.with_data(first.view(), last.view()).unwrap();
        }
        let geometry = Euclidean::new(start.len());
        let scene = Scene { geometry: &geometry, density: None, typical: None };
        let mut rng = Seed::new(0).stream(&[]);
        let solution =
            method.interpolate(&scene, &ends, &mut rng, &mut likely_methods::ignore_steps).unwrap();
        let bound = if id == "interp_noisediffusion_lib" { RELEASED_GAMMA } else { EXACT };
        assert!(largest_difference(&solution.curve, &matrix(&outputs["curve"])) < bound, "{id}");
        ran += 1;
    }
    assert_eq!(ran, 3);
}

#[test]
fn the_discrete_minimiser_tends_to_the_continuous_one_at_second_order() {
    let case = of_kind("identity").remove(0);
    let inputs = &case["inputs"];
    let potential: Box<dyn Potential> = from_case(&inputs["regulariser"], 2);
    let (start, end) = (vector(&inputs["z0"]), vector(&inputs["zN"]));
    let (centre, scale) = (vector(&inputs["regulariser"]["center"]), number(&inputs["regulariser"]["scale"]));
    let mut errors = Vec::new();
    for row in case["outputs"]["rows"].as_array().unwrap() {
        let segments = row["N"].as_u64().unwrap() as usize;
        let config = format!(
            "weight = {{ relative = {:?} }}\ntolerance = 1e-12\nmax-iterations = 5000",
            number(&inputs["lam"])
        );
        let (solution, _) = run(
            &*method("prob-georce", &config),
            Some(Density::Potential(&*potential)),
            start.view(),
            end.view(),
            segments,
        );
        let continuous = solution.weighting.unwrap().lambda_norm * (segments as f64).powi(2);
        let omega = (continuous * scale / 2.0).sqrt();
        let mut error: f64 = 0.0;
        for (i, point) in solution.curve.points().rows().into_iter().enumerate() {
            let t = i as f64 / segments as f64;
            for j in 0..2 {
                let (a, b) = (start[j] - centre[j], end[j] - centre[j]);
                let exact =
                    centre[j] + (a * (omega * (1.0 - t)).sinh() + b * (omega * t).sinh()) / omega.sinh();
                error = error.max((point[j] - exact).abs());
            }
        }
        assert!((error - number(&row["max_abs_error_vs_cosh_solution"])).abs() < 1e-9, "N = {segments}");
        errors.push(error);
    }
    assert_eq!(errors.len(), 5);
    for pair in errors.windows(2) {
        let order = (pair[0] / pair[1]).log2();
        assert!((1.9..2.3).contains(&order), "observed order {order}");
    }
}
