//! Mixtures of von Mises and Fisher's laws.

use super::{log_density, mass};
use crate::support::{build, cases, difference, error, list, rows};
use likely_core::Seed;
use likely_models::sphere::{
    Coordinates, VonMisesFisher, degrees_of_point, in_coordinates, point_of_degrees, uniform,
};
use ndarray::Array2;

fn points(values: &Array2<f64>) -> Vec<[f64; 3]> {
    values.rows().into_iter().map(|row| [row[0], row[1], row[2]]).collect()
}

#[test]
fn values_and_tangent_gradients_agree_with_scipy_and_mpmath() {
    let mut compared = 0;
    for case in cases(include_str!("../../golden/von-mises-fisher-mixtures.json")) {
        let means = points(&rows(&case["means"]));
        let mixture = VonMisesFisher::new(&list(&case["weights"]), &means, &list(&case["concentrations"]));
        let potential = mixture.unwrap().potential(Coordinates::Embedded);
        let at = rows(&case["at"]);
        let ours = potential.value_and_grad(at.view()).unwrap();
        assert!(difference(&ours.value, &list(&case["value"])) < 1e-12, "{case}: {ours:?}");
        // The points of the file are on the sphere to rounding, which a concentration of 1500 multiplies.
        assert!(difference(&ours.grad, &rows(&case["tangent_grad"])) < 1e-11, "{case}: {ours:?}");
        compared += at.nrows();
    }
    assert_eq!(compared, 58);
}

#[test]
fn the_chart_has_the_same_values_and_the_gradient_of_the_chain_rule() {
    let config = "weights = [0.4, 0.6], means = [[10, 20], [-50, 170]], concentrations = [40, 2]";
    let embedded = build("von-mises-fisher", config, None).unwrap().potential;
    let chart = format!("coordinates = \"stereographic\", {config}");
    let chart = build("von-mises-fisher", &chart, None).unwrap().potential;
    let mut rng = Seed::new(1).stream(&[("test", "chart")]);
    let points: Vec<[f64; 3]> = (0..50).map(|_| uniform(&mut rng)).collect();
    let [x, u] =
        [Coordinates::Embedded, Coordinates::Stereographic].map(|c| in_coordinates(&points, c).unwrap());
    let in_space = embedded.value_and_grad(x.view()).unwrap();
    let in_chart = chart.value_and_grad(u.view()).unwrap();
    assert!(difference(&in_chart.value, &in_space.value) < 1e-12);
    for (i, x) in points.iter().enumerate() {
        let along: f64 = (0..3).map(|j| x[j] * in_space.grad[[i, j]]).sum();
        assert!(along.abs() < 1e-12, "not tangent: {along}");
        // x(u) = (2 q - 1, 2 q u) with q = 1 / (1 + |u|^2).
        let (a, b) = (u[[i, 0]], u[[i, 1]]);
        let q = 1.0 / (1.0 + a * a + b * b);
        let columns = [
            [-4.0 * q * q * a, 2.0 * q - 4.0 * q * q * a * a, -4.0 * q * q * a * b],
            [-4.0 * q * q * b, -4.0 * q * q * a * b, 2.0 * q - 4.0 * q * q * b * b],
        ];
        for (k, column) in columns.iter().enumerate() {
            let chained: f64 = (0..3).map(|j| column[j] * in_space.grad[[i, j]]).sum();
            assert!((chained - in_chart.grad[[i, k]]).abs() < 1e-10 * chained.abs().max(1.0));
        }
    }
}

#[test]
fn the_norm_of_an_embedded_point_does_not_matter() {
    let config = "weights = [1], means = [[30, 40]], concentrations = [7]";
    let potential = build("von-mises-fisher", config, None).unwrap().potential;
    let at = ndarray::array![[0.3, -0.2, 0.6], [0.6, -0.4, 1.2]];
    let ours = potential.value_and_grad(at.view()).unwrap();
    assert!((ours.value[0] - ours.value[1]).abs() < 1e-14);
    assert!((0..3).all(|j| (ours.grad[[0, j]] - 2.0 * ours.grad[[1, j]]).abs() < 1e-14));
}

#[test]
fn the_mass_is_one() {
    for (weights, concentrations) in [(vec![1.0], vec![0.0]), (vec![0.2, 0.8], vec![1e-3, 60.0])] {
        let means = [point_of_degrees(10.0, 20.0).unwrap(), point_of_degrees(-60.0, 100.0).unwrap()];
        let mixture = VonMisesFisher::new(&weights, &means[..weights.len()], &concentrations).unwrap();
        let mass = mass(mixture.potential(Coordinates::Embedded).as_ref(), 600);
        assert!((mass - 1.0).abs() < 1e-5, "{mass}");
    }
}

#[test]
fn samples_have_the_mean_length_and_the_entropy_of_the_law() {
    let mut checked = 0;
    for case in cases(include_str!("../../golden/von-mises-fisher-mixtures.json")) {
        let (Some(length), Some(entropy)) = (case["mean_length"].as_f64(), case["entropy"].as_f64()) else {
            continue;
        };
        let means = points(&rows(&case["means"]));
        let mixture =
            VonMisesFisher::new(&list(&case["weights"]), &means, &list(&case["concentrations"])).unwrap();
        let mut rng = Seed::new(2).stream(&[("test", "samples")]);
        let samples: Vec<[f64; 3]> = (0..20_000).map(|_| mixture.sample(&mut rng)).collect();
        let count = samples.len() as f64;
        let cosines: Vec<f64> = samples.iter().map(|x| (0..3).map(|j| x[j] * means[0][j]).sum()).collect();
        let logs = log_density(mixture.potential(Coordinates::Embedded).as_ref(), &samples);
        let four = |values: &[f64], expected: f64| {
            let mean = values.iter().sum::<f64>() / count;
            let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / count;
            let bound = 4.0 * (variance / count).sqrt() + 1e-12;
            assert!((mean - expected).abs() < bound, "{mean} {expected} within {bound}: {case}");
        };
        four(&cosines, length);
        four(logs.as_slice().unwrap(), -entropy);
        checked += 1;
    }
    assert_eq!(checked, 5);
}

#[test]
fn numbers_that_make_no_mixture_are_refused() {
    for (config, word) in [
        ("weights = [0.5, 0.4], means = [[1, 0, 0], [0, 1, 0]], concentrations = [1, 2]", "sum to 0.9"),
        ("weights = [1], means = [[1, 0, 0], [0, 1, 0]], concentrations = [1]", "2 means"),
        ("weights = [], means = [], concentrations = []", "0 weights"),
        ("weights = [1], means = [[2, 0, 0]], concentrations = [1]", "norm 2"),
        ("weights = [1], means = [[0, 400]], concentrations = [1]", "between -180 and 360"),
        ("weights = [1], means = [[0, 0, 1]], concentrations = [1e13]", "between 0 and 1e12"),
        ("weights = [1], means = [[0, 0, 1]], concentrations = [-1]", "between 0 and 1e12"),
    ] {
        let error = error("von-mises-fisher", config, None).to_string();
        assert!(error.contains(word), "{config}: {error}");
    }
}

#[test]
fn points_off_the_sphere_have_no_coordinates() {
    let off = Coordinates::Stereographic.of([1.0, 0.1, 0.0]).unwrap_err().to_string();
    assert!(off.contains("on the unit sphere it is 1"), "{off}");
    let pole = Coordinates::Stereographic.of([-1.0, 0.0, 0.0]).unwrap_err().to_string();
    assert!(pole.contains("the point that the stereographic chart lacks"), "{pole}");
    assert!(Coordinates::Embedded.of([f64::NAN, 0.0, 0.0]).is_err());
    assert!(Coordinates::Embedded.point(&[1.0, 0.0]).is_err());
    assert!(Coordinates::Stereographic.point(&[f64::INFINITY, 0.0]).is_err());
    let mut rng = Seed::new(8).stream(&[("test", "round trip")]);
    for _ in 0..100 {
        let x = uniform(&mut rng);
        let u = Coordinates::Stereographic.of(x).unwrap();
        let back = Coordinates::Stereographic.point(&u).unwrap();
        assert!((0..3).all(|j| (x[j] - back[j]).abs() < 1e-13));
        let (latitude, longitude) = degrees_of_point(x);
        let back = point_of_degrees(latitude, longitude).unwrap();
        assert!((0..3).all(|j| (x[j] - back[j]).abs() < 1e-14));
    }
}
