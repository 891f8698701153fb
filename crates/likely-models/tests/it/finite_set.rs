//! The closed forms of a stochastic interpolant with a finite training set.

use likely_core::{Seed, check};
use likely_models::{BuildError, Built, OpenDevice, Resources, find};
use ndarray::{Array2, ArrayView2, Axis, array};
use serde_json::Value;
use std::path::Path;

fn build(config: &str, points: Option<ArrayView2<'_, f64>>) -> Result<Built, BuildError> {
    let text = format!("config = {{ {config} }}");
    let document = toml::de::DeTable::parse(&text).expect("valid TOML");
    let (span, config) = (document.span(), document.into_inner().remove("config").expect("just written"));
    let toml::de::DeValue::Table(table) = config.into_inner() else { panic!("not a table") };
    let resources =
        Resources { points, seed: Seed::new(1), folder: Path::new("."), device: OpenDevice::cpu() };
    (find("finite-set").expect("in the table").build)(toml::Spanned::new(span, table), &resources)
}

fn built(config: &str, points: ArrayView2<'_, f64>) -> Built {
    build(config, Some(points)).unwrap_or_else(|error| panic!("{config}: {error}"))
}

fn rows(value: &Value) -> Array2<f64> {
    let rows: Vec<Vec<f64>> = serde_json::from_value(value.clone()).expect("rows of numbers");
    Array2::from_shape_vec((rows.len(), rows[0].len()), rows.concat()).expect("rows of one length")
}

fn largest_difference(a: &Array2<f64>, b: &Array2<f64>) -> f64 {
    (a - b).iter().fold(0.0, |top, x| top.max(x.abs()))
}

#[test]
fn density_score_and_velocity_agree_with_conditional_expectations() {
    let golden: Value = serde_json::from_str(include_str!("../golden/finite-set.json")).unwrap();
    let mut compared = 0;
    for case in golden["cases"].as_array().unwrap() {
        let time = case["time"].as_f64().unwrap();
        let config = format!(
            "schedule = {}, time = {time}, latent = {}, smoothing = {}",
            case["schedule"], case["latent"], case["smoothing"]
        );
        let (training, at) = (rows(&case["training"]), rows(&case["at"]));
        let model = built(&config, training.view());
        let flow = model.flow.unwrap();
        let score = flow.score(time, at.view()).unwrap();
        assert!(largest_difference(&score, &rows(&case["score"])) < 1e-10, "{config}");
        // The quadrature of the script resolves Gaussians to about ten digits.
        let velocity = flow.velocity(time, at.view()).unwrap();
        assert!(largest_difference(&velocity, &rows(&case["velocity"])) < 1e-8, "{config}");
        let value = model.potential.value_and_grad(at.view()).unwrap();
        assert!(largest_difference(&(-value.grad), &score) < 1e-12, "{config}");
        for (i, potential) in case["potential"].as_array().unwrap().iter().enumerate() {
            assert!((value.value[i] - potential.as_f64().unwrap()).abs() < 1e-11, "{config}");
        }
        compared += 1;
    }
    assert_eq!(compared, 8);
}

#[test]
fn the_gradient_passes_the_taylor_check() {
    let training = array![[0.0, 1.0, 0.5], [2.0, -1.0, 0.3], [-1.0, -1.5, 2.0]];
    let mut rng = Seed::new(5).stream(&[("check", "finite-set")]);
    for config in ["time = 0.2", "time = 0.9", "schedule = 'trigonometric', time = 0.7, smoothing = 0.2"] {
        let model = built(config, training.view());
        let slope = check::gradient(&*model.potential, array![0.4, -0.2, 0.7].view(), &mut rng).unwrap();
        assert!(slope.passes(), "{config}: {slope:?}");
    }
}

/// `d/dt p + div(p v)` by central differences, relative to the largest of its terms.
fn continuity_defect(config: &str, training: ArrayView2<'_, f64>, at: &Array2<f64>, time: f64) -> f64 {
    let (dt, dx) = (1e-4, 1e-4);
    let density = |time: f64, at: &Array2<f64>| {
        let model = built(&format!("{config}, time = {time}"), training);
        model.potential.value(at.view()).expect("points of the right dimension").mapv(|s| (-s).exp())
    };
    let flow = built(&format!("{config}, time = {time}"), training).flow.expect("a flow");
    let mut rate = (density(time + dt, at) - density(time - dt, at)) / (2.0 * dt);
    let size = rate.iter().fold(0.0_f64, |top, x| top.max(x.abs()));
    for k in 0..at.ncols() {
        let flux = |shift: f64| {
            let mut moved = at.clone();
            moved.column_mut(k).mapv_inplace(|x| x + shift);
            let velocity = flow.velocity(time, moved.view()).expect("a velocity");
            density(time, &moved) * velocity.column(k)
        };
        rate += &((flux(dx) - flux(-dx)) / (2.0 * dx));
    }
    rate.iter().fold(0.0_f64, |top, x| top.max(x.abs())) / size
}

#[test]
fn mass_is_carried_by_the_velocity() {
    let line = Array2::from_shape_fn((81, 1), |(i, _)| -4.0 + 0.1 * i as f64);
    let plane =
        Array2::from_shape_fn((289, 2), |(i, j)| -2.0 + 0.25 * (if j == 0 { i % 17 } else { i / 17 }) as f64);
    let training_1d = array![[-1.0], [0.5], [2.0]];
    let training_2d = array![[-1.0, 0.3], [0.5, -0.8], [1.2, 1.0]];
    for time in [0.25, 0.6] {
        for config in [
            "schedule = 'linear'",
            "schedule = 'trigonometric'",
            "schedule = 'linear', latent = 0.5",
            "schedule = 'trigonometric', latent = 0.5, smoothing = 0.3",
        ] {
            for (training, at) in [(&training_1d, &line), (&training_2d, &plane)] {
                let defect = continuity_defect(config, training.view(), at, time);
                // Central differences with step 1e-4 leave errors of about 1e-8 of the third derivative.
                assert!(defect < 1e-5, "{config} at {time}: {defect:e}");
            }
        }
    }
}

#[test]
fn the_density_integrates_to_one() {
    let training = array![[-1.0, 0.3], [0.5, -0.8], [1.2, 1.0]];
    let model = built("time = 0.7", training.view());
    let step = 0.05;
    let grid = Array2::from_shape_fn((161 * 161, 2), |(i, j)| {
        -4.0 + step * (if j == 0 { i % 161 } else { i / 161 }) as f64
    });
    let mass = model.potential.value(grid.view()).unwrap().mapv(|s| (-s).exp()).sum() * step * step;
    // The trapezoid rule is exact to rounding for Gaussians this wide.
    assert!((mass - 1.0).abs() < 1e-10, "{mass}");
}

#[test]
fn far_points_and_small_noise_stay_finite() {
    let training = array![[0.0, 0.0], [1.0, 0.0]];
    let model = built("time = 0.999999", training.view());
    let at = array![[1e3, -1e3], [0.5, 0.0], [1e-9, 0.0]];
    let values = model.potential.value_and_grad(at.view()).unwrap();
    assert!(values.value.iter().chain(&values.grad).all(|x| x.is_finite()), "{values:?}");
    let flow = model.flow.unwrap();
    let start = flow.velocity(0.0, at.view()).unwrap();
    // At time 0 nothing is known of the datum, so that the velocity is the mean of the data minus the point.
    assert!(largest_difference(&start, &(array![[0.5, 0.0]] - &at)) < 1e-12);
    assert!(flow.velocity(1.0, at.view()).is_err() && flow.score(-0.1, at.view()).is_err());
    assert!(flow.score(0.5, array![[1.0]].view()).is_err());
    assert_eq!(flow.training_points(), training);
    assert!((flow.noise_scale(0.75) - 0.25).abs() < 1e-15);
}

#[test]
fn where_squares_overflow_the_potential_is_infinite_and_its_gradient_leads_away_from_the_mean() {
    let training = array![[0.0, 0.0], [1.0, 0.0]];
    let model = built("time = 0.5", training.view());
    let at = array![[1e200, -1e200], [f64::NAN, 0.0], [0.2, 0.1]];
    let found = model.potential.value_and_grad(at.view()).unwrap();
    assert!(found.value[0].is_infinite() && found.value[0] > 0.0, "{found:?}");
    // b = 1/2, and a m is lost in the rounding of the point.
    for (grad, x) in found.grad.row(0).iter().zip(at.row(0)) {
        assert!((grad / (4.0 * x) - 1.0).abs() < 1e-14, "{found:?}");
    }
    assert!(found.value[1].is_nan() && found.grad.row(1).iter().all(|x| x.is_nan()), "{found:?}");
    assert!(found.value[2].is_finite() && found.grad.row(2).iter().all(|x| x.is_finite()), "{found:?}");
    assert!(model.potential.value(at.view()).unwrap()[0].is_infinite());
}

#[test]
fn a_point_has_the_same_bits_alone_and_among_others() {
    let training = Array2::from_shape_fn((37, 3), |(i, j)| (1.7 * i as f64 + 0.9 * j as f64).sin());
    let at = Array2::from_shape_fn((19, 3), |(i, j)| (0.8 * i as f64 - 1.3 * j as f64).cos());
    let flow = built("time = 0.9", training.view()).flow.unwrap();
    let all = flow.velocity(0.7, at.view()).unwrap();
    for (i, row) in at.axis_chunks_iter(Axis(0), 1).enumerate() {
        let alone = flow.velocity(0.7, row).unwrap();
        assert!(alone.iter().zip(all.row(i)).all(|(a, b)| a.to_bits() == b.to_bits()), "{i}");
    }
}

#[test]
fn what_cannot_be_built_says_why() {
    let points = array![[0.0], [1.0]];
    let message = |config: &str, points: Option<ArrayView2<'_, f64>>| match build(config, points) {
        Ok(_) => panic!("{config} was accepted"),
        Err(error) => error.to_string(),
    };
    let cases = [
        ("time = 1.0", "point masses"),
        ("time = 1.5", "between 0 (noise) and 1 (data)"),
        ("time = nan", "between 0 (noise) and 1 (data)"),
        ("schedule = 'linear'", "missing field `time`"),
        ("time = 0.5, schedule = 'cosine'", "unknown variant `cosine`"),
        ("time = 0.5, smoothing = -1.0", "not negative"),
        ("time = 0.5, smooth = 1.0", "unknown field `smooth`"),
    ];
    for (config, expected) in cases {
        let found = message(config, Some(points.view()));
        assert!(found.contains(expected), "{config}: {found}");
    }
    assert!(message("time = 0.5", None).contains("data ="));
    assert!(message("time = 0.5", Some(array![[f64::NAN]].view())).contains("training point 0"));
    assert!(message("time = 0.5", Some(Array2::zeros((0, 2)).view())).contains("empty"));
    assert!(build("time = 1.0, smoothing = 0.1", Some(points.view())).is_ok());
}

#[test]
fn a_smoothed_set_is_a_kernel_density_at_time_one() {
    let training = array![[0.0], [1.0]];
    let model = built("time = 1.0, smoothing = 0.5", training.view());
    let x = 0.3_f64;
    let kernel = |c: f64| (-(x - c).powi(2) / 0.5).exp() / (0.5 * std::f64::consts::TAU.sqrt());
    let expected = -(0.5 * (kernel(0.0) + kernel(1.0))).ln();
    let found = model.potential.value(array![x].view().insert_axis(Axis(1))).unwrap()[0];
    assert!((found - expected).abs() < 1e-14);
    assert_eq!(model.resolved["schedule"].as_str(), Some("linear"));
}
