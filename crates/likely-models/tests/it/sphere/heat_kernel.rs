//! The heat kernel in its forms, and Brownian motion.

use crate::support::cases;
use likely_core::Seed;
use likely_models::sphere::{BrownianMotion, HeatKernel, geodesic_step, uniform};
use std::f64::consts::PI;

/// The integral of `f(angle) 2 pi sin(angle)` over `[0, pi]` by Gauss and Legendre's rule of five points on many pieces.
fn over_sphere(pieces: usize, f: impl Fn(f64) -> f64) -> f64 {
    let nodes = [
        (0.0, 128.0 / 225.0),
        (0.538_469_310_105_683_1, 0.478_628_670_499_366_47),
        (0.906_179_845_938_664, 0.236_926_885_056_189_1),
    ];
    let half = 0.5 * PI / pieces as f64;
    (0..pieces)
        .map(|k| {
            let middle = half * (2.0 * k as f64 + 1.0);
            let at = |x: f64| f(middle + half * x) * 2.0 * PI * (middle + half * x).sin();
            let sum: f64 = nodes[1..].iter().map(|(x, w)| w * (at(*x) + at(-x))).sum();
            half * (nodes[0].1 * at(0.0) + sum)
        })
        .sum()
}

#[test]
fn the_kernel_agrees_with_sixty_digits_up_to_the_antipode() {
    let mut compared = 0;
    for case in cases(include_str!("../../golden/heat-kernels.json")) {
        let [time, angle, log, slope] =
            ["time", "angle", "log", "slope"].map(|key| case[key].as_f64().unwrap());
        let ours = HeatKernel::new(time).unwrap().log_density_and_slope(angle);
        assert!((ours.0 - log).abs() < 4e-14 * log.abs().max(1.0), "{case}: {ours:?}");
        // At the antipode the angle itself is only known to rounding, and the slope is the product of it with 1 / t^2.
        let floor = 1e-15 / time / time;
        assert!((ours.1 - slope).abs() < 1e-12 * slope.abs().max(1.0) + floor, "{case}: {ours:?}");
        assert_eq!(ours.0.to_bits(), HeatKernel::new(time).unwrap().log_density(angle).to_bits());
        compared += 1;
    }
    assert_eq!(compared, 132);
}

#[test]
fn series_integral_and_short_time_form_agree_where_they_are_good() {
    let mut compared = 0;
    for time in [0.02, 0.05, 0.1, 0.15, 0.2, 0.25] {
        let kernel = HeatKernel::new(time).unwrap();
        for k in 0..=30 {
            let angle = PI * f64::from(k) / 30.0;
            let (integral, slope) = kernel.log_density_by_integral(angle);
            // The series loses as many digits as the density has fallen.
            if angle * angle / (2.0 * time) < 12.0 {
                let series = kernel.log_density_by_series(angle);
                assert!((series - integral).abs() < 1e-8, "t = {time}, {angle}: {series} {integral}");
                compared += 1;
            }
            if angle < 2.0 && time <= 0.1 {
                let (short, short_slope) = kernel.log_density_by_short_time(angle);
                assert!(
                    (short - integral).abs() < 0.1 * time * time,
                    "t = {time}, {angle}: {short} {integral}"
                );
                assert!((short_slope - slope).abs() < 0.1 * time * time, "t = {time}, {angle}");
                compared += 1;
            }
        }
    }
    assert_eq!(compared, 157);
}

#[test]
fn the_error_of_the_short_time_form_falls_with_the_square_of_the_time() {
    for angle in [0.1, 0.7, 1.5] {
        let error = |time: f64| {
            let kernel = HeatKernel::new(time).unwrap();
            (kernel.log_density_by_short_time(angle).0 - kernel.log_density(angle)).abs()
        };
        let order = (error(0.1) / error(0.01)).log10();
        assert!((order - 2.0).abs() < 0.1, "order {order} at {angle}");
    }
}

#[test]
fn the_mass_is_one_and_the_limit_is_uniform() {
    for time in [1e-4, 1e-2, 0.3, 1.0, 3.0] {
        let kernel = HeatKernel::new(time).unwrap();
        let mass = over_sphere(4000, |angle| kernel.log_density(angle).exp());
        assert!((mass - 1.0).abs() < 1e-11, "t = {time}: {mass}");
    }
    let late = HeatKernel::new(80.0).unwrap();
    for angle in [0.0, 1.0, PI] {
        let (log, slope) = late.log_density_and_slope(angle);
        assert!((log + (4.0 * PI).ln()).abs() < 1e-15 && slope.abs() < 1e-30, "{log} {slope}");
    }
}

#[test]
fn derivatives_are_those_of_the_values() {
    for time in [1e-3, 0.1, 0.5, 1.0, 2.0] {
        let kernel = HeatKernel::new(time).unwrap();
        for angle in [0.02, 0.4, 1.3, 2.8, 3.1] {
            let h = 1e-4 * time.sqrt();
            let values = [-2.0, -1.0, 1.0, 2.0].map(|k| kernel.log_density(angle + k * h));
            let difference = (8.0 * (values[2] - values[1]) - (values[3] - values[0])) / (12.0 * h);
            let (log, slope) = kernel.log_density_and_slope(angle);
            let rounding = 1e-15 * log.abs().max(1.0) / h;
            assert!(
                (difference - slope).abs() < 1e-9 * slope.abs().max(1.0) + 4.0 * rounding,
                "{time} {angle}"
            );
        }
    }
}

#[test]
fn the_score_is_tangent_and_its_length_is_the_slope() {
    let mut rng = Seed::new(1).stream(&[("test", "score")]);
    let kernel = HeatKernel::new(0.3).unwrap();
    for _ in 0..100 {
        let (x, y) = (uniform(&mut rng), uniform(&mut rng));
        let (log, score) = kernel.log_density_and_score(x, y);
        let along: f64 = (0..3).map(|j| x[j] * score[j]).sum();
        assert!(along.abs() < 1e-13);
        // A step along the first axis of space, back on the sphere, changes the value by the score.
        let h = 1e-6;
        let norm = ((x[0] + h).powi(2) + x[1] * x[1] + x[2] * x[2]).sqrt();
        let moved = [(x[0] + h) / norm, x[1] / norm, x[2] / norm];
        let rise = (kernel.log_density_and_score(moved, y).0 - log) / h;
        assert!((rise - score[0]).abs() < 1e-4, "{rise} {}", score[0]);
    }
    let here = uniform(&mut rng);
    assert!(kernel.log_density_and_score(here, here).1.iter().all(|s| s.abs() < 1e-6));
}

/// The largest difference of the empirical distribution function of `angles` from that of the heat kernel, times the root
/// of their number: Kolmogorov's statistic, above 1.95 once in a thousand times.
fn kolmogorov(mut angles: Vec<f64>, time: f64) -> f64 {
    let kernel = HeatKernel::new(time).expect("a valid time");
    angles.sort_by(f64::total_cmp);
    let count = angles.len() as f64;
    let (mut mass, mut at, mut worst) = (0.0, 0.0, 0.0_f64);
    for (i, angle) in angles.iter().enumerate() {
        // Simpson's rule between neighbours.
        let density = |a: f64| kernel.log_density(a).exp() * 2.0 * PI * a.sin();
        mass += (angle - at) / 6.0 * (density(at) + 4.0 * density(0.5 * (at + angle)) + density(*angle));
        at = *angle;
        worst = worst.max((mass - i as f64 / count).abs()).max((mass - (i + 1) as f64 / count).abs());
    }
    worst * count.sqrt()
}

#[test]
fn angles_are_drawn_from_the_kernel() {
    for time in [1e-4, 0.02, 0.4, 0.99, 1.0, 3.0] {
        let motion = BrownianMotion::new(time).unwrap();
        let mut rng = Seed::new(3).stream(&[("test", "angles"), ("time", &time.to_string())]);
        let angles = (0..4000).map(|_| motion.angle(&mut rng)).collect();
        let statistic = kolmogorov(angles, time);
        assert!(statistic < 1.95, "t = {time}: {statistic}");
    }
}

#[test]
fn a_walk_of_many_geodesic_steps_is_brownian_motion() {
    let (time, steps) = (0.5, 100);
    let mut rng = Seed::new(4).stream(&[("test", "walk")]);
    let start = uniform(&mut rng);
    let angles = (0..4000)
        .map(|_| {
            let end =
                (0..steps).fold(start, |x, _| geodesic_step(x, [0.0; 3], time / f64::from(steps), &mut rng));
            let norm: f64 = end.iter().map(|x| x * x).sum();
            assert!((norm - 1.0).abs() < 1e-14);
            (0..3).map(|j| start[j] * end[j]).sum::<f64>().acos()
        })
        .collect();
    let statistic = kolmogorov(angles, time);
    assert!(statistic < 1.95, "{statistic}");
}

#[test]
fn a_sample_keeps_to_the_sphere_and_to_its_angle_in_every_direction() {
    let motion = BrownianMotion::new(0.05).unwrap();
    let mut rng = Seed::new(5).stream(&[("test", "sample")]);
    let from = [0.6, 0.0, -0.8];
    let mut mean = [0.0; 3];
    for _ in 0..4000 {
        let x = motion.sample(from, &mut rng);
        assert!((x.iter().map(|x| x * x).sum::<f64>() - 1.0).abs() < 1e-14);
        mean.iter_mut().zip(x).for_each(|(m, x)| *m += x / 4000.0);
    }
    // The mean of P_1 decays like exp(-t); across the start it is zero, here to four standard deviations.
    let along: f64 = (0..3).map(|j| mean[j] * from[j]).sum();
    assert!((along - (-0.05_f64).exp()).abs() < 4.0 * 0.05 / 4000.0_f64.sqrt(), "{along}");
    let across: Vec<f64> = (0..3).map(|j| mean[j] - along * from[j]).collect();
    assert!(across.iter().all(|x| x.abs() < 4.0 * 0.05_f64.sqrt() / 4000.0_f64.sqrt()), "{across:?}");
}

#[test]
fn times_without_a_motion_are_refused() {
    for time in [0.0, -1.0, 1e-13, 1e7, f64::NAN, f64::INFINITY] {
        let error = HeatKernel::new(time).unwrap_err().to_string();
        assert!(error.contains("between 1e-12 and 1e6"), "{error}");
        assert!(BrownianMotion::new(time).is_err());
    }
}

#[test]
fn the_proposal_of_angles_is_above_their_density() {
    // The ratio of the two falls in the angle, so that its value at zero bounds it.
    for time in [1e-6, 1e-3, 0.1, 0.5, 0.9, 1.0, 4.0] {
        let kernel = HeatKernel::new(time).unwrap();
        let ratio = |angle: f64| {
            let log = kernel.log_density(angle);
            let plane =
                if angle > 0.0 { 0.5 * angle * angle / time + (angle.sin() / angle).ln() } else { 0.0 };
            if time < 1.0 { log + plane } else { log }
        };
        let highest = (1..2000).map(|k| ratio(PI * f64::from(k) / 2000.0)).fold(f64::NEG_INFINITY, f64::max);
        assert!(highest <= ratio(0.0) + 1e-9, "t = {time}: {highest} {}", ratio(0.0));
    }
}
