//! The mixture of Figure 3 and noise space, solved by an independent implementation (`scripts/golden_optima.py`), and the work
//! that ours takes.

use crate::golden::{method, run};
use crate::potentials::{ChiSquare, mixture};
use likely_core::{Counted, Evaluations, Potential};
use likely_methods::{Density, Solution};
use ndarray::{Array1, Array2, ArrayView1};
use serde_json::Value;

/// The stored optima are polished to a gradient norm of 1e-7 to 4e-7, which moves points by up to 1e-5 where the Hessian is
/// softest (least eigenvalue 2e-3 at λ = 1).
const POLISHED: f64 = 1e-5;

fn optima() -> Value {
    serde_json::from_str(include_str!("../golden/fig3_optima.json")).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

fn rows(value: &Value) -> Vec<Vec<f64>> {
    value.as_array().unwrap().iter().map(numbers).collect()
}

fn figure_three(problem: &Value) -> Box<dyn Potential> {
    let m = &problem["mixture"];
    mixture(
        numbers(&m["weights"]),
        rows(&m["means"]),
        m["covariances"].as_array().unwrap().iter().map(rows).collect(),
    )
}

struct Run {
    solution: Solution,
    regularised_energy: f64,
    evaluations: Evaluations,
}

fn solve(
    id: &str,
    config: &str,
    potential: &dyn Potential,
    start: ArrayView1<'_, f64>,
    end: ArrayView1<'_, f64>,
    segments: usize,
) -> Run {
    let counted = Counted::new(potential);
    let (solution, _) = run(&*method(id, config), Some(Density::Potential(&counted)), start, end, segments);
    let curve = &solution.curve;
    let energy: f64 = (0..segments)
        .map(|i| &curve.points().row(i + 1) - &curve.points().row(i))
        .map(|step| step.dot(&step))
        .sum();
    let weight = solution.weighting.unwrap().lambda_norm;
    let regularised_energy = energy + weight * potential.value(curve.interior()).unwrap().sum();
    Run { regularised_energy, evaluations: counted.evaluations(), solution }
}

fn relative(now: f64, then: f64) -> f64 {
    (now - then).abs() / then.abs()
}

#[test]
fn figure_three_is_solved_with_the_iterations_of_the_independent_implementation() {
    let golden = optima();
    let problem = &golden["problem"];
    let potential = figure_three(problem);
    let (start, end) = (Array1::from(numbers(&problem["start"])), Array1::from(numbers(&problem["end"])));
    let mut ran = 0;
    for case in golden["cases"].as_array().unwrap() {
        let lambda = case["lambda"].as_f64().unwrap();
        let config = format!("weight = {{ relative = {lambda:?} }}\nline-search = \"decrease\"");
        let run = solve("prob-georce", &config, &*potential, start.view(), end.view(), 100);
        assert_eq!(u64::from(run.solution.iterations), case["iterations"].as_u64().unwrap(), "λ = {lambda}");
        assert!(relative(run.regularised_energy, case["regularised_energy"].as_f64().unwrap()) < 1e-9);
        // Each trial is one evaluation of the 99 interior points, by value or fused; accepted trials that were not fused cost a
        // second one, and the start costs one.
        let trials = case["energy_evaluations"].as_u64().unwrap();
        let curves = run.evaluations.total() / 99;
        assert!(
            (trials + 1..=trials + 1 + u64::from(run.solution.iterations)).contains(&curves),
            "λ = {lambda}: {curves}"
        );
        ran += 1;
    }
    assert_eq!(ran, 5);
}

#[test]
fn acceleration_reaches_the_optima_with_a_fraction_of_the_evaluations() {
    let golden = optima();
    let problem = &golden["problem"];
    let potential = figure_three(problem);
    let (start, end) = (Array1::from(numbers(&problem["start"])), Array1::from(numbers(&problem["end"])));
    // Pinned work: (λ, iterations, evaluations of the whole curve).
    let pinned = [(1.0, 9, 11), (10.0, 38, 48), (25.0, 20, 23), (50.0, 22, 25), (100.0, 27, 30)];
    for (case, (lambda, iterations, curves)) in golden["cases"].as_array().unwrap().iter().zip(pinned) {
        let config = format!("weight = {{ relative = {lambda:?} }}");
        let run = solve("prob-georce-accelerated", &config, &*potential, start.view(), end.view(), 100);
        assert!(run.solution.stop.means_convergence());
        assert!(
            relative(run.regularised_energy, case["optimum_regularised_energy"].as_f64().unwrap()) < 1e-8
        );
        assert_eq!(
            (run.solution.iterations, run.evaluations.total() / 99),
            (iterations, curves),
            "λ = {lambda}"
        );

        let tight = format!("{config}\ntolerance = 1e-10");
        let tight = solve("prob-georce-accelerated", &tight, &*potential, start.view(), end.view(), 100);
        let expected = rows(&case["optimum_curve"]);
        let worst = tight
            .solution
            .curve
            .points()
            .rows()
            .into_iter()
            .zip(&expected)
            .flat_map(|(point, expected)| {
                point.iter().zip(expected).map(|(z, e)| (z - e).abs()).collect::<Vec<_>>()
            })
            .fold(0.0, f64::max);
        assert!(worst < POLISHED, "λ = {lambda}: {worst}");
    }
}

/// The two rows of a little-endian float32 `.npy` file of version 1.
fn two_rows(bytes: &[u8]) -> Array2<f64> {
    let header = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let values: Vec<f64> = bytes[header..]
        .chunks_exact(4)
        .map(|b| f64::from(f32::from_le_bytes(b.try_into().unwrap())))
        .collect();
    Array2::from_shape_vec((2, values.len() / 2), values).unwrap()
}

#[test]
fn noise_space_is_solved_in_the_span_of_its_ends() {
    let cases: Value = serde_json::from_str(include_str!("../golden/cases.json")).unwrap();
    let case =
        cases["cases"].as_array().unwrap().iter().find(|case| case["id"] == "noise_d1000_span").unwrap();
    let outputs = &case["outputs"];
    let ends = two_rows(include_bytes!("../golden/noise_d1000.npy"));
    let potential = ChiSquare::new(ends.ncols(), true);
    let run = solve("prob-georce", "line-search = \"decrease\"", &potential, ends.row(0), ends.row(1), 10);
    assert_eq!(run.solution.reduction, Some("span of the end points"));
    assert_eq!(u64::from(run.solution.iterations), outputs["iterations"].as_u64().unwrap());
    assert!(
        relative(run.solution.weighting.unwrap().lambda_norm, outputs["lam_norm"].as_f64().unwrap()) < 1e-9
    );
    assert!(relative(run.regularised_energy, outputs["reg_energy_final"].as_f64().unwrap()) < 1e-9);

    let accelerated = solve("prob-georce-accelerated", "", &potential, ends.row(0), ends.row(1), 10);
    assert!(relative(accelerated.regularised_energy, outputs["optimum_reg_energy"].as_f64().unwrap()) < 1e-8);
    assert!(accelerated.evaluations.total() < run.evaluations.total());
}
