//! Two moons and the noisy sine.

use crate::support::{build, cases, difference, integral, list};
use likely_core::{Exact, Potential, Rows};
use likely_models::{First, NoisySine, TwoMoons};
use ndarray::array;

#[test]
fn values_and_three_derivatives_agree_with_sixty_digits() {
    let mut compared = 0;
    for case in cases(include_str!("../golden/planar.json")) {
        let id = case["model"].as_str().unwrap();
        let potential = build(id, "", None).unwrap().potential;
        let at = list(&case["at"]);
        let point = array![[at[0], at[1]]];
        let constant = if id == "two-moons" { TwoMoons::LOG_NORMALISER } else { 0.0 };
        let value = case["value"].as_f64().unwrap() + constant;
        let found = potential.value_and_grad(point.view()).unwrap();
        assert!(difference(&found.value, [&value]) < 1e-13, "{case}: {found:?}");
        assert!(difference(&found.grad, &list(&case["grad"])) < 1e-12, "{case}: {found:?}");
        let curvature = potential.curvature().unwrap();
        let rows = Rows::new(&at, 2).unwrap();
        let mut hessian = [0.0; 4];
        curvature.hessian(rows, &mut hessian).unwrap();
        let [h, t] = ["hessian", "third"].map(|key| list(&case[key]));
        // Rounding of sums whose terms are as large as the precision of the noise.
        assert!(difference(&hessian, &[h[0], h[1], h[1], h[2]]) < 1e-11, "{case}: {hessian:?}");
        for (u, v, expected) in [
            ([1.0, 0.0], [1.0, 0.0], [t[0], t[1]]),
            ([1.0, 0.0], [0.0, 1.0], [t[1], t[2]]),
            ([0.0, 1.0], [0.0, 1.0], [t[2], t[3]]),
        ] {
            let mut third = [0.0; 2];
            curvature.hessian_gradient(rows, &u, &v, &mut third).unwrap();
            assert!(difference(&third, &expected) < 1e-10, "{case}: {third:?}");
        }
        compared += 1;
    }
    assert_eq!(compared, 50);
}

/// The integral of `weight(S) exp(-S)` in polar coordinates, by Simpson's rule along the radius and the trapezoidal rule
/// around, where the integrand is smooth and periodic.
fn polar(weight: impl Fn(f64) -> f64) -> f64 {
    let (radii, angles, reach) = (2000, 720, 5.0);
    let mut sum = 0.0;
    for i in 0..=radii {
        let r = reach * f64::from(i) / f64::from(radii);
        let simpson = if i == 0 || i == radii { 1.0 } else { 2.0 + 2.0 * f64::from(i % 2) };
        let points = ndarray::Array2::from_shape_fn((angles, 2), |(k, j)| {
            let angle = std::f64::consts::TAU * k as f64 / angles as f64;
            r * if j == 0 { angle.cos() } else { angle.sin() }
        });
        let values = Exact(TwoMoons).value(points.view()).unwrap();
        sum += simpson * r * values.iter().map(|s| weight(*s) * (-s).exp()).sum::<f64>();
    }
    sum * reach / f64::from(radii) / 3.0 * std::f64::consts::TAU / angles as f64
}

#[test]
fn two_moons_is_normalised_and_its_entropy_is_the_mean_of_the_potential() {
    let (mass, entropy) = (polar(|_| 1.0), polar(|s| s));
    assert!((mass - 1.0).abs() < 1e-12, "{mass}");
    assert!((entropy - TwoMoons::ENTROPY).abs() < 1e-11, "{entropy}");
    // As printed beside the published numbers.
    assert!((TwoMoons::LOG_NORMALISER.exp() - 2.23494).abs() < 5e-6);
}

#[test]
fn the_noisy_sine_is_normalised_and_its_entropy_is_the_mean_of_the_potential() {
    for first in [First::Gaussian(0.9), First::Uniform(3.0)] {
        let density = NoisySine::new(first, 0.2).unwrap();
        let potential = Exact(density);
        // Where a uniform coordinate ends, the trapezoidal rule counts half a step too much on either side.
        let beyond = if matches!(first, First::Uniform(_)) { 0.01 / 6.0 } else { 0.0 };
        let mass = integral(&potential, 8.0, 0.01);
        assert!((mass - 1.0 - beyond).abs() < 1e-12, "{first:?}: {mass}");
        let mut mean = 0.0;
        for i in -2000..2000 {
            let x = (f64::from(i) + 0.5) * 0.006;
            for k in -400..=400 {
                let gap = f64::from(k) * 0.005;
                let s = potential.value(array![[x, x.sin() + gap]].view()).unwrap()[0];
                mean += if s.is_finite() { s * (-s).exp() * 0.006 * 0.005 } else { 0.0 };
            }
        }
        assert!((mean - density.entropy()).abs() < 1e-11, "{first:?}: {mean} against {}", density.entropy());
    }
    assert!(NoisySine::new(First::Gaussian(f64::NAN), 0.1).is_none());
    assert!(NoisySine::new(First::Uniform(1.0), 1e-200).is_none());
}

#[test]
fn special_and_far_points_stay_numbers() {
    let at = array![[0.0, 0.0], [0.0, 2.0], [-0.0, -1.0], [1e100, -1e100], [1e200, 3.0], [f64::NAN, 0.0]];
    let moons = Exact(TwoMoons).value_and_grad(at.view()).unwrap();
    assert_eq!(moons.grad.row(0).to_vec(), [0.0, 0.0]);
    assert!(moons.grad.row(1).iter().all(|g| g.abs() < 1e-14), "{moons:?}");
    assert!(moons.value.iter().take(4).all(|s| s.is_finite()));
    assert!(moons.value[4].is_infinite() && moons.grad.row(4).iter().all(|g| g.is_finite()), "{moons:?}");
    assert!(moons.value[5].is_nan() && moons.grad[[5, 0]].is_nan());
    let mut hessian = [0.0; 8];
    let curvature = Exact(TwoMoons);
    let curvature = curvature.curvature().unwrap();
    curvature.hessian(Rows::new(&[0.0, 2.0, 0.0, 0.0], 2).unwrap(), &mut hessian).unwrap();
    // 1/0.09 - (2/0.09)^2 on the axis between the moons.
    assert!((hessian[0] - (1.0 / 0.09 - (2.0_f64 / 0.09).powi(2))).abs() < 1e-10, "{hessian:?}");
    assert!(hessian.iter().all(|h| h.is_finite()), "{hessian:?}");
    let uniform = Exact(NoisySine::new(First::Uniform(3.0), 0.05).unwrap());
    let outside = uniform.value_and_grad(array![[3.1, 0.0], [-2.9, 0.0], [1e9, 0.0]].view()).unwrap();
    assert_eq!(outside.value.mapv(f64::is_finite).to_vec(), [false, true, false]);
    assert!(outside.grad.iter().all(|g| g.is_finite()));
}
