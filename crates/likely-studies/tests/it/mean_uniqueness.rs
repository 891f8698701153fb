//! How many means there are, where that is known.

use crate::densities::{Pointwise, bowl, missing, number, refusal, study};
use crate::support::sphere;
use likely_core::{Euclidean, Geometry, Potential, Seed};
use likely_studies::{Findings, StudyError, Subject};
use ndarray::Array2;
use std::f64::consts::{PI, TAU};
use std::num::NonZeroUsize;
use std::ops::ControlFlow;

fn ask(
    config: &str,
    geometry: &dyn Geometry,
    potential: &dyn Potential,
    points: &Array2<f64>,
    segments: usize,
) -> Result<Findings, StudyError> {
    let subject = Subject {
        geometry,
        derived: None,
        potential,
        score_only: false,
        points: Some(points.view()),
        typical: None,
        images: None,
        pairs: &[],
        segments: NonZeroUsize::new(segments).unwrap(),
    };
    let mut rng = Seed::new(1).stream(&[]);
    study("mean-uniqueness", config).run(&subject, &mut rng, &mut |_| ControlFlow::Continue(()))
}

fn column(points: &[f64]) -> Array2<f64> {
    Array2::from_shape_vec((points.len(), 1), points.to_vec()).unwrap()
}

fn series<'f>(findings: &'f Findings, id: &str) -> Vec<&'f Array2<f64>> {
    findings.series.iter().filter(|series| series.id == id).map(|series| &series.values).collect()
}

#[test]
fn on_the_circle_close_points_have_one_mean_and_opposite_ones_have_two() {
    let flat = bowl(vec![0.0], 0.0, 1.0);
    let config =
        format!("lambdas = [0.0]\naxes = [{{ from = 0.0, to = {TAU:?}, nodes = 120, closed = true }}]");
    for (points, means) in [(vec![0.2, 0.4, 0.6], vec![0.4]), (vec![0.0, PI], vec![PI / 2.0, 1.5 * PI])] {
        let findings = ask(&config, &Euclidean::new(1), &flat, &column(&points), 5).unwrap();
        assert!((number(&findings, "uniqueness-minima-lightest") - means.len() as f64).abs() < 0.5);
        assert!((number(&findings, "uniqueness-means-lightest") - means.len() as f64).abs() < 0.5);
        assert!(number(&findings, "uniqueness-boundary-minima") < 0.5);
        // The objective is the sum of squared arc lengths.
        let values = series(&findings, "uniqueness-objective")[0];
        for row in values.rows() {
            let arc = |x: f64| {
                let d = (row[0] - x).rem_euclid(TAU);
                d.min(TAU - d)
            };
            let expected: f64 = points.iter().map(|x| arc(*x).powi(2)).sum();
            assert!((row[1] - expected).abs() < 1e-9, "{row}, expected {expected}");
        }
        let minima = series(&findings, "uniqueness-minima")[0];
        assert_eq!(minima.nrows(), means.len());
        for (row, mean) in minima.rows().into_iter().zip(&means) {
            assert!((row[0] - mean).abs() <= 0.5 * TAU / 120.0 + 1e-12, "{row}, expected {mean}");
            assert!((row[2] - 1.0 / means.len() as f64).abs() < 0.02, "{row}");
        }
        if means.len() == 1 {
            assert!(number(&findings, "uniqueness-lambda").abs() < f64::MIN_POSITIVE);
        } else {
            assert!(missing(&findings, "uniqueness-lambda").contains("2 local minima"));
        }
    }
}

#[test]
fn a_hill_between_the_data_splits_the_mean_as_the_weight_grows() {
    let hill = Pointwise {
        dim: 2,
        at: |x: &[f64]| {
            let s = (-4.0 * (x[0] * x[0] + x[1] * x[1])).exp();
            (s, vec![-8.0 * x[0] * s, -8.0 * x[1] * s])
        },
    };
    let points = Array2::from_shape_vec((2, 2), vec![-1.0, 0.0, 1.0, 0.0]).unwrap();
    let config = "lambdas = [0.0, 20.0]\naxes = [{ from = -1.0, to = 1.0, nodes = 9 }, { from = -1.2, to = 1.2, nodes = 13 }]";
    let findings = ask(config, &Euclidean::new(2), &hill, &points, 8).unwrap();
    assert!((number(&findings, "uniqueness-minima-lightest") - 1.0).abs() < 0.5);
    assert!((number(&findings, "uniqueness-means-heaviest") - 2.0).abs() < 0.5);
    assert!(number(&findings, "uniqueness-lambda").abs() < f64::MIN_POSITIVE);
    let objectives = series(&findings, "uniqueness-objective");
    for row in objectives[0].rows() {
        let expected = 2.0 * (1.0 + row[0] * row[0] + row[1] * row[1]);
        assert!((row[2] - expected).abs() < 1e-9, "{row}");
    }
    // The scene is its own mirror image, and so are the objective and the two means.
    let heavy = objectives[1];
    for i in 0..9 {
        for j in 0..13 {
            let (here, there) = (heavy[[i * 13 + j, 2]], heavy[[i * 13 + 12 - j, 2]]);
            assert!((here - there).abs() < 1e-4 * here, "{i}, {j}: {here}, {there}");
        }
    }
    let minima = series(&findings, "uniqueness-minima")[1];
    assert!((minima[[0, 1]] + minima[[1, 1]]).abs() < 1e-12 && minima[[1, 1]] > 0.1, "{minima}");
}

#[test]
fn on_the_sphere_the_objective_is_the_squared_distance_but_for_the_grid() {
    let flat = bowl(vec![0.0, 0.0], 0.0, 1.0);
    let points = Array2::from_shape_vec((3, 2), vec![0.3, 0.0, -0.2, 0.3, -0.1, -0.3]).unwrap();
    let config = "lambdas = [0.0]\naxes = [{ from = -0.5, to = 0.5, nodes = 5 }, { from = -0.5, to = 0.5, nodes = 5 }]";
    let worst = |segments: usize| {
        let findings = ask(config, &sphere(2), &flat, &points, segments).unwrap();
        assert!((number(&findings, "uniqueness-means-lightest") - 1.0).abs() < 0.5);
        let values = series(&findings, "uniqueness-objective")[0];
        let error = |row: ndarray::ArrayView1<'_, f64>| {
            let at = crate::support::lift(&[row[0], row[1]]);
            let to = |p: ndarray::ArrayView1<'_, f64>| {
                crate::support::dot(&at, &crate::support::lift(&p.to_vec())).min(1.0).acos().powi(2)
            };
            let expected: f64 = points.rows().into_iter().map(to).sum();
            (row[2] - expected).abs()
        };
        values.rows().into_iter().map(error).fold(0.0, f64::max)
    };
    let (coarse, fine) = (worst(20), worst(40));
    assert!(fine < 0.05 && (coarse / fine - 2.0).abs() < 0.2, "{coarse}, {fine}");
}

#[test]
fn what_cannot_be_scanned_is_refused() {
    let flat = bowl(vec![0.0, 0.0, 0.0], 0.0, 1.0);
    let error = ask("", &Euclidean::new(3), &flat, &Array2::zeros((2, 3)), 5).unwrap_err();
    assert!(error.to_string().contains("one or two coordinates"), "{error}");
    let flat = bowl(vec![0.0], 0.0, 1.0);
    let config = "axes = [{ from = 0.0, to = 1.0, nodes = 100000 }]";
    let error = ask(config, &Euclidean::new(1), &flat, &Array2::zeros((20, 1)), 5).unwrap_err();
    assert!(error.to_string().contains("coarser grid"), "{error}");
    for (config, words) in [
        ("axes = [{ from = 1.0, to = 0.0, nodes = 5 }]", "ascend"),
        ("axes = [{ from = 0.0, to = 1.0, nodes = 2 }]", "3..="),
        ("axes = [{ from = 0.0, to = 1.0, nodes = 5, period = 1.0 }]", "unknown field"),
        ("lambdas = [-1.0]", "not negative"),
    ] {
        let refusal = refusal("mean-uniqueness", config);
        assert!(refusal.contains(words), "{config}: {refusal}");
    }
}
