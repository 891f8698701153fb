//! The weight without tuning, against weights that were found by other means.

use crate::densities::{ask, bowl, missing, number, refusal, spring, study, terrace, terraced_plane};
use likely_core::{Euclidean, Seed};
use likely_studies::{Pair, StudyError, Subject};
use ndarray::array;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;

const N: usize = 12;
const LEFT: [f64; 2] = [-1.0, 0.0];
const RIGHT: [f64; 2] = [1.0, 0.0];
const CENTRE: [f64; 2] = [0.0, 1.5];

/// Mean potential and energy of the minimiser under `S = |z - c|^2 / 2 + 1` at a factor, from linear systems.
fn bowl_curve(factor: f64) -> (f64, f64) {
    let x = spring(LEFT[0], RIGHT[0], CENTRE[0], factor, N);
    let y = spring(LEFT[1], RIGHT[1], CENTRE[1], factor, N);
    let square = |u: f64, v: f64| u * u + v * v;
    let total: f64 = x.iter().zip(&y).map(|(x, y)| 1.0 + 0.5 * square(x - CENTRE[0], y - CENTRE[1])).sum();
    let all = |ends: (f64, f64), inner: &[f64]| [&[ends.0], inner, &[ends.1]].concat();
    let (x, y) = (all((LEFT[0], RIGHT[0]), &x), all((LEFT[1], RIGHT[1]), &y));
    let energy = (0..N).map(|i| square(x[i + 1] - x[i], y[i + 1] - y[i])).sum();
    (total / (N - 1) as f64, energy)
}

#[test]
fn in_a_bowl_the_weight_is_the_root_of_a_linear_problem() {
    let potential = bowl(CENTRE.to_vec(), 1.0, 1.0);
    let level = 1.5;
    let (mut low, mut high) = (0.0, 10.0);
    for _ in 0..100 {
        let middle = 0.5 * (low + high);
        if bowl_curve(middle).0 > level { low = middle } else { high = middle }
    }
    let study = study("typical-weight", "level-tolerance = 1e-8\ntolerance = 1e-11");
    let typical = [1.0, level, 7.0];
    let findings = ask(&*study, &Euclidean::new(2), &potential, Some(&typical), [&LEFT, &RIGHT], N).unwrap();
    let close = |id: &str, expected: f64, tolerance: f64| {
        let found = number(&findings, id);
        assert!((found - expected).abs() < tolerance, "{id}: {found}, expected {expected}");
    };
    close("typical-level", level, 1e-15);
    close("typical-lambda-norm", high, 1e-6);
    close("typical-mean-potential", level, 1e-8);
    close("typical-energy", bowl_curve(high).1, 1e-6);
    close("typical-jump", 0.0, f64::MIN_POSITIVE);
    close("typical-rises", 0.0, f64::MIN_POSITIVE);
    let (straight, energy) = bowl_curve(0.0);
    let per_lambda = energy / (straight * (N - 1) as f64);
    close("typical-lambda", high / per_lambda, 1e-6);
    let (fixed, fixed_energy) = bowl_curve(20.0 * per_lambda);
    close("fixed-mean-potential", fixed, 1e-8);
    close("fixed-energy", fixed_energy, 1e-7);
    assert!(number(&findings, "typical-evaluations") > number(&findings, "fixed-evaluations"));
    let series = &findings.series[0];
    assert_eq!((series.id.as_str(), series.label.as_str()), ("typical-weight", "the pair"));
    for row in series.values.rows() {
        let (mean, energy) = bowl_curve(row[0] * per_lambda);
        assert!((row[1] - mean).abs() < 1e-8 && (row[2] - energy).abs() < 1e-7, "{row}");
    }
}

#[test]
fn a_level_in_a_duality_gap_is_said_to_be_one() {
    // One interior point (0, y): E = 2 + 2 y^2. Below a critical weight y stays near 0, above it y is beyond the step.
    let steepness = 12.0;
    let potential = terraced_plane(steepness);
    let minimiser = |factor: f64| {
        let value = |y: f64| 2.0 * y * y + factor * terrace(y, steepness);
        let grid = (0..=200_000).map(|i| f64::from(i) * 1e-5);
        grid.min_by(|a, b| value(*a).total_cmp(&value(*b))).unwrap()
    };
    let (mut low, mut high) = (0.1, 50.0);
    for _ in 0..50 {
        let middle = 0.5 * (low + high);
        if terrace(minimiser(middle), steepness) > 0.5 { low = middle } else { high = middle }
    }
    let (before, after) = (minimiser(low), minimiser(high));
    assert!(before < 0.2 && after > 1.0, "the density has no jump: {before}, {after}");
    let study = study("typical-weight", "tolerance = 1e-10");
    let findings = ask(&*study, &Euclidean::new(2), &potential, Some(&[0.5]), [&LEFT, &RIGHT], 2).unwrap();
    let factor = number(&findings, "typical-lambda-norm");
    assert!((factor - high).abs() < 1e-5 * high, "{factor}, expected {high}");
    let jump = terrace(before, steepness) - terrace(after, steepness);
    let found = number(&findings, "typical-jump");
    assert!((found - jump).abs() < 1e-4, "{found}, expected {jump}");
    let mean = number(&findings, "typical-mean-potential");
    assert!((mean - terrace(after, steepness)).abs() < 1e-4, "{mean}");
}

#[test]
fn a_level_that_the_geodesic_meets_needs_no_weight_and_one_that_nothing_meets_is_refused() {
    let potential = bowl(CENTRE.to_vec(), 1.0, 1.0);
    let study = study("typical-weight", "largest = 100.0");
    let with = |level: f64| {
        ask(&*study, &Euclidean::new(2), &potential, Some(&[level]), [&LEFT, &RIGHT], N).unwrap()
    };
    assert!(number(&with(50.0), "typical-lambda").abs() < f64::MIN_POSITIVE);
    // S is nowhere below 1.
    let findings = with(0.9);
    let reason = missing(&findings, "typical-lambda");
    assert!(reason.contains("the pair") && reason.contains("largest"), "{reason}");
    assert!(number(&findings, "fixed-mean-potential") > 1.0);
}

#[test]
fn it_says_what_it_lacks_and_stops_when_asked() {
    let potential = bowl(CENTRE.to_vec(), 1.0, 1.0);
    let study = study("typical-weight", "");
    let flat = Euclidean::new(2);
    let without = ask(&*study, &flat, &potential, None, [&LEFT, &RIGHT], N).unwrap_err();
    assert!(matches!(&without, StudyError::Unsupported { reason } if reason.contains("data")), "{without}");
    let short = ask(&*study, &flat, &potential, Some(&[1.5]), [&LEFT, &RIGHT], 1).unwrap_err();
    assert!(short.to_string().contains("interior"), "{short}");
    let wide = ask(&*study, &Euclidean::new(3), &potential, Some(&[1.5]), [&LEFT, &RIGHT], N).unwrap_err();
    assert!(wide.to_string().contains("must agree"), "{wide}");
    let (a, b) = (array![-1.0, 0.0], array![1.0, 0.0]);
    let pairs = [Pair { name: "p", start: a.view(), end: b.view() }];
    let subject = Subject {
        geometry: &flat,
        derived: None,
        potential: &potential,
        score_only: false,
        points: None,
        typical: Some(&[1.5]),
        images: None,
        pairs: &pairs,
        segments: NonZeroUsize::new(N).unwrap(),
    };
    let mut seen = 0;
    let stopped = study.run(&subject, &mut Seed::new(1).stream(&[]), &mut |_| {
        seen += 1;
        if seen == 5 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert!(matches!(stopped, Err(StudyError::Interrupted)), "{stopped:?}");
    assert_eq!(seen, 5);
}

#[test]
fn values_that_are_not_allowed_are_refused_where_they_stand() {
    for (config, words) in [
        ("quantile = 1.5", "[0, 1]"),
        ("fixed = -1.0", "not negative"),
        ("growth = 1.0", "(1, 100]"),
        ("first = 0.0", "above 0"),
        ("steps = 1000", "1..=200"),
        ("method = \"linear\"", "prob-georce"),
        ("level = 0.5", "unknown field"),
    ] {
        let refusal = refusal("typical-weight", config);
        assert!(refusal.contains(words), "{config}: {refusal}");
    }
}

#[test]
fn a_better_valley_than_that_of_the_continuation_is_found() {
    // A terrace that a straight start never feels: one interior point (0, y), and a deep well far to the other side.
    let well = |y: f64| 1.0 - 0.4 * (-8.0 * (y - 0.5).powi(2)).exp() - 0.9 * (-8.0 * (y + 1.2).powi(2)).exp();
    let potential = crate::densities::Pointwise {
        dim: 2,
        at: move |x: &[f64]| {
            let y = x[1];
            let slope = 0.4 * 16.0 * (y - 0.5) * (-8.0 * (y - 0.5).powi(2)).exp()
                + 0.9 * 16.0 * (y + 1.2) * (-8.0 * (y + 1.2).powi(2)).exp();
            (well(y), vec![0.0, slope])
        },
    };
    let level = 0.605;
    let minimiser = |factor: f64| {
        let value = |y: f64| 2.0 * y * y + factor * well(y);
        let grid = (-200_000..=200_000).map(|i| f64::from(i) * 1e-5);
        grid.min_by(|a, b| value(*a).total_cmp(&value(*b))).unwrap()
    };
    let (mut low, mut high) = (0.1, 100.0);
    for _ in 0..50 {
        let middle = 0.5 * (low + high);
        if well(minimiser(middle)) > level { low = middle } else { high = middle }
    }
    assert!(minimiser(low) > 0.0 && minimiser(high) < -1.0, "{}, {}", minimiser(low), minimiser(high));
    let run = |config: &str| {
        let study = study("typical-weight", config);
        ask(&*study, &Euclidean::new(2), &potential, Some(&[level]), [&LEFT, &RIGHT], 2).unwrap()
    };
    let findings = run("tolerance = 1e-10\nstarts = 16\nbend = 0.5");
    let factor = number(&findings, "typical-lambda-norm");
    assert!((factor - high).abs() < 1e-5 * high, "{factor}, expected {high}");
    let jump = well(minimiser(low)) - well(minimiser(high));
    let found = number(&findings, "typical-jump");
    assert!((found - jump).abs() < 1e-4, "{found}, expected {jump}");
    // The continuation alone stays in the near valley, and needs more weight there.
    let alone = number(&run("tolerance = 1e-10\nstarts = 0"), "typical-lambda-norm");
    assert!(alone > 1.5 * high, "{alone}, {high}");
}
