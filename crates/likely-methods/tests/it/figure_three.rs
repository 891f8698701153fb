//! Figure 3 of arXiv 2510.26266: its twelve published numbers, and what acceleration saves on its two densities.

use crate::golden::{method, run};
use likely_core::{Counted, Potential};
use likely_methods::{Density, Solution};
use likely_models::{Bandwidth, Covariances, KernelDensity, Mixture};
use ndarray::{Array1, Array2, Array3, array};
use serde_json::Value;

fn densities() -> [Box<dyn Potential>; 2] {
    let data = include_str!("../../../../experiments/data/fig3-points.csv");
    let values: Vec<f64> = data
        .lines()
        .skip(1)
        .flat_map(|line| line.split(',').map(|x| x.parse().unwrap()).collect::<Vec<f64>>())
        .collect();
    let points = Array2::from_shape_vec((values.len() / 2, 2), values).unwrap();
    assert_eq!(points.nrows(), 300);
    let fitted: toml::Table = include_str!("../../../../experiments/data/fig3-gmm.toml").parse().unwrap();
    let flat = |value: &toml::Value| -> Vec<f64> {
        let mut flat = Vec::new();
        let mut open = vec![value];
        while let Some(value) = open.pop() {
            match value {
                toml::Value::Array(values) => open.extend(values.iter().rev()),
                value => flat.push(value.as_float().unwrap()),
            }
        }
        flat
    };
    let weights = Array1::from(flat(&fitted["weights"]));
    let means = Array2::from_shape_vec((2, 2), flat(&fitted["means"])).unwrap();
    let covariances = Array3::from_shape_vec((2, 2, 2), flat(&fitted["covariances"])).unwrap();
    let mixture = Mixture::new(weights.view(), means.view(), Covariances::Full(covariances)).unwrap();
    let kernels = KernelDensity::new(points.view(), Bandwidth::Fixed(1.0)).unwrap();
    [Box::new(mixture), Box::new(kernels)]
}

/// The solution and the points that it took.
fn solve(id: &str, config: &str, potential: &dyn Potential) -> (Solution, u64) {
    let counted = Counted::new(potential);
    let (start, end) = (array![-5.0, -4.0], array![17.0, 4.0]);
    let (solution, _) =
        run(&*method(id, config), Some(Density::Potential(&counted)), start.view(), end.view(), 100);
    (solution, counted.evaluations().total())
}

fn regularised_energy(solution: &Solution, potential: &dyn Potential) -> f64 {
    let points = solution.curve.points();
    let energy: f64 = (0..100).map(|i| &points.row(i + 1) - &points.row(i)).map(|step| step.dot(&step)).sum();
    energy
        + solution.weighting.unwrap().lambda_norm * potential.value(solution.curve.interior()).unwrap().sum()
}

#[test]
fn the_twelve_published_numbers_come_out_to_the_printed_digits() {
    let published: Value =
        serde_json::from_str(include_str!("../../../../results/published/fig3.json")).unwrap();
    let spec = include_str!("../../../../experiments/fig3.toml");
    let [mixture, kernels] = densities();
    let values = published["values"].as_array().unwrap();
    assert_eq!(values.len(), 12);
    for case in values {
        let (lambda, value) = (case["lambda"].as_f64().unwrap(), case["value"].as_f64().unwrap());
        let model = case["model"].as_str().unwrap();
        let potential = if model == "GMM" { &*mixture } else { &*kernels };
        let config = format!("weight = {{ relative = {lambda:?} }}\nline-search = \"armijo-released\"");
        let (solution, _) = solve("prob-georce", &config, potential);
        let mean = -potential.value(solution.curve.points()).unwrap().mean().unwrap();
        assert!((mean - value).abs() <= 0.005, "{model}, λ = {lambda}: {mean} where {value} is published");
        let claim = format!(
            "model = \"{model}\"\nmethod = \"ProbGEORCE as released\"\nlambda = {lambda:.1}\nmetric = \"log-likelihood-mean\"\nvalue = {value:.2}\n"
        );
        assert!(
            spec.contains(&claim),
            "experiments/fig3.toml does not claim the published {model}, λ = {lambda}"
        );
    }
}

#[test]
fn acceleration_takes_at_least_fifteen_times_fewer_evaluations_at_the_median() {
    let mut ratios = Vec::new();
    for potential in densities() {
        for lambda in [10.0, 25.0, 50.0] {
            let config = format!("weight = {{ relative = {lambda:?} }}\nmax-iterations = 20000");
            let (plain, cost) = solve("prob-georce", &config, &*potential);
            let (accelerated, least) = solve("prob-georce-accelerated", &config, &*potential);
            assert!(plain.stop.means_convergence() && accelerated.stop.means_convergence());
            let (ours, theirs) =
                (regularised_energy(&accelerated, &*potential), regularised_energy(&plain, &*potential));
            // A lower cost counts only where the minimum is not higher.
            assert!(ours <= theirs * (1.0 + 1e-6), "λ = {lambda}: {ours} above {theirs}");
            ratios.push(cost as f64 / least as f64);
        }
    }
    ratios.sort_by(f64::total_cmp);
    assert_eq!(ratios.len(), 6);
    assert!(ratios[2] >= 15.0, "{ratios:?}");
}
