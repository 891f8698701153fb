//! What holds for every entry of the table of methods.

use crate::golden::{method, run};
use crate::potentials::{ChiSquare, Pointwise, mixture};
use likely_core::{Counted, Curve, Ends, Euclidean, Potential, ScoreOfPotential, Seed};
use likely_methods::{ALL, Density, InterpolateError, Scene, Solution, find};
use ndarray::{Array1, ArrayView1, array};
use std::num::NonZeroUsize;
use std::ops::ControlFlow;

/// Methods whose curves end on the given points; the others noise or clip them.
const KEEP_ENDS: [&str; 14] = [
    "adagrad",
    "adam",
    "adamax",
    "adamw",
    "l-bfgs",
    "linear",
    "lol",
    "norm-aware",
    "prob-georce",
    "prob-georce-accelerated",
    "rmsprop",
    "sgd",
    "slerp",
    "variance-preserving",
];
/// Methods that minimise the regularised energy to any tolerance.
const MINIMISE: [&str; 3] = ["l-bfgs", "prob-georce", "prob-georce-accelerated"];
/// Those of them that use exact reductions.
const REDUCE: [&str; 2] = ["prob-georce", "prob-georce-accelerated"];
/// Methods that follow its gradient; with a fixed rate, most of them stay some way from a minimum.
const DESCEND: [&str; 9] = [
    "adagrad",
    "adam",
    "adamax",
    "adamw",
    "l-bfgs",
    "prob-georce",
    "prob-georce-accelerated",
    "rmsprop",
    "sgd",
];

pub(crate) fn two_bumps() -> Box<dyn Potential> {
    let spread = vec![vec![0.5, 0.1], vec![0.1, 0.4]];
    mixture(vec![0.6, 0.4], vec![vec![0.0, 1.5], vec![1.0, -0.5]], vec![spread.clone(), spread])
}

fn solve(
    id: &str,
    config: &str,
    potential: &dyn Potential,
    a: &Array1<f64>,
    b: &Array1<f64>,
    n: usize,
) -> Solution {
    run(&*method(id, config), Some(Density::Potential(potential)), a.view(), b.view(), n).0
}

fn regularised_energy(curve: &Curve, potential: &dyn Potential, lambda_norm: f64) -> f64 {
    let energy: f64 = (0..curve.segments())
        .map(|i| &curve.points().row(i + 1) - &curve.points().row(i))
        .map(|step| step.dot(&step))
        .sum();
    energy + lambda_norm * potential.value(curve.interior()).unwrap().sum()
}

#[test]
fn the_table_is_sorted_and_says_what_it_holds() {
    assert!(ALL.windows(2).all(|pair| pair[0].id < pair[1].id));
    let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src")).unwrap();
    let with_method = files
        .map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap())
        .filter(|text| text.contains("const METHOD: Method ="))
        .count();
    assert_eq!(with_method, ALL.len(), "a file with a METHOD is missing from the table");
    for entry in ALL {
        assert!(entry.id.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{}", entry.id);
        assert!(entry.summary.ends_with('.') && !entry.source.is_empty(), "{}", entry.id);
        assert_eq!(find(entry.id).unwrap().id, entry.id);
    }
}

#[test]
fn every_method_joins_its_ends_with_finite_points() {
    let potential = two_bumps();
    let (a, b) = (array![-1.0, 0.5], array![1.5, 1.0]);
    for entry in ALL {
        for segments in [1, 2, 3, 50] {
            let solution = solve(entry.id, "", &*potential, &a, &b, segments);
            assert_eq!(solution.curve.segments(), segments, "{}", entry.id);
            if KEEP_ENDS.contains(&entry.id) {
                assert_eq!(solution.curve.points().row(0), a, "{}", entry.id);
                assert_eq!(solution.curve.points().row(segments), b, "{}", entry.id);
            }
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_bits() {
    let potential = two_bumps();
    let (a, b) = (array![-1.0, 0.5], array![1.5, 1.0]);
    for entry in ALL {
        let first = solve(entry.id, "", &*potential, &a, &b, 20);
        assert_eq!(first, solve(entry.id, "", &*potential, &a, &b, 20), "{}", entry.id);
    }
}

#[test]
fn an_unknown_key_names_its_place_and_the_accepted_ones() {
    for entry in ALL {
        let table = toml::de::DeTable::parse("\nno-such-key = 1\n").unwrap();
        let error = (entry.build)(table).unwrap_err();
        assert_eq!(error.span(), Some(1..12), "{}", entry.id);
        assert!(error.message().contains("no-such-key"), "{}", entry.id);
    }
}

#[test]
fn numbers_out_of_range_are_refused_where_they_stand() {
    let refused = [
        ("prob-georce", "weight = { relative = -1.0 }", "not negative"),
        ("prob-georce", "weight = { absolute = nan }", "finite"),
        ("prob-georce", "tolerance = inf", "finite"),
        ("prob-georce", "max-iterations = -3", "-3"),
        ("prob-georce", "line-search = { adaptive = { rate = 2.0 } }", "(0, 1]"),
        ("prob-georce", "line-search = { adaptive = { beta1 = 1.0 } }", "[0, 1)"),
        ("prob-georce", "line-search = \"wolfe\"", "armijo-released"),
        ("prob-georce-accelerated", "memory = 0", "1..=1000"),
        ("adam", "rate = 0.0", "positive"),
        ("adam", "gradient = \"true\"", "frozen"),
        ("adamw", "form = \"jax\"", "decay"),
        ("adamw", "decay = -0.1", "not negative"),
        ("rmsprop", "momentum = 1.0", "[0, 1)"),
        ("rmsprop", "form = \"numpy\"", "torch"),
        ("sgd", "rate = inf", "finite"),
        ("l-bfgs", "memory = 1001", "1..=1000"),
        ("l-bfgs", "steps = { fixed = -1.0 }", "positive"),
        ("l-bfgs", "gradient = \"frozen\"", "quadrature"),
        ("lol", "law = { uniform = [1.0, -1.0] }", "lower bound"),
        ("lol", "law = { normal = { mean = nan } }", "below 1e100"),
        ("noise", "alpha-bar = 1.5", "[0, 1]"),
        ("noise-diffusion", "clip = { at = 0.0 }", "positive"),
        ("noise-diffusion", "mu = { constant = nan }", "finite"),
        ("noise-diffusion", "alpha = \"remainder\"", "cosine"),
        ("slerp", "norms = \"unit\"", "interpolated"),
        ("variance-preserving", "weights = \"linear\"", "square-root"),
    ];
    for (id, config, words) in refused {
        let error = (find(id).unwrap().build)(toml::de::DeTable::parse(config).unwrap()).unwrap_err();
        assert!(error.to_string().contains(words), "{id}: {config}: {error}");
        assert!(error.span().is_some(), "{id}: {config}");
    }
}

#[test]
fn without_weight_or_with_a_constant_potential_the_energy_methods_give_the_line() {
    let constant = Pointwise { dim: 2, at: |_: &[f64]| (3.0, vec![0.0, 0.0]) };
    let (a, b) = (array![-1.0, 0.5], array![1.5, 1.0]);
    let straight = solve("linear", "", &constant, &a, &b, 10).curve;
    for id in DESCEND.into_iter().filter(|id| *id != "adamw") {
        for config in ["weight = { relative = 0.0 }", "weight = { absolute = 5.0 }"] {
            let solution = solve(id, config, &constant, &a, &b, 10);
            assert_eq!(solution.curve, straight, "{id}");
            assert!(solution.stop.means_convergence());
        }
        let counted = Counted::new(&constant);
        solve(id, "weight = { relative = 0.0 }", &counted, &a, &b, 10);
        assert_eq!(counted.evaluations().total(), 0, "{id} evaluates a potential that has no weight");
    }
}

#[test]
fn a_converged_curve_cannot_be_improved_by_small_changes() {
    let potential = two_bumps();
    let (a, b) = (array![-1.0, 0.5], array![1.5, 1.0]);
    for id in MINIMISE {
        let solution = solve(
            id,
            "weight = { relative = 2.0 }\ntolerance = 1e-9\nmax-iterations = 5000",
            &*potential,
            &a,
            &b,
            20,
        );
        assert!(solution.stop.means_convergence());
        let lambda_norm = solution.weighting.unwrap().lambda_norm;
        let least = regularised_energy(&solution.curve, &*potential, lambda_norm);
        let mut rng = Seed::new(7).stream(&[("test", id)]);
        for _ in 0..100 {
            let mut points = solution.curve.points().to_owned();
            for i in 1..20 {
                for j in 0..2 {
                    points[[i, j]] += 1e-4 * (2.0 * rand::Rng::random::<f64>(&mut rng) - 1.0);
                }
            }
            assert!(
                regularised_energy(&Curve::new(points).unwrap(), &*potential, lambda_norm) >= least,
                "{id}"
            );
        }
    }
}

#[test]
fn the_regularised_energy_never_rises() {
    let potential = two_bumps();
    let (a, b) = (array![-1.0, 0.5], array![1.5, 1.0]);
    let line = solve("linear", "", &*potential, &a, &b, 30).curve;
    let cases = [
        ("prob-georce", "line-search = \"decrease\""),
        ("prob-georce", "line-search = \"armijo\""),
        ("prob-georce-accelerated", ""),
        ("l-bfgs", ""),
    ];
    for (id, config) in cases {
        for lambda in [1.0, 20.0, 300.0] {
            let config = format!("weight = {{ relative = {lambda:?} }}\n{config}");
            let (solution, steps) =
                run(&*method(id, &config), Some(Density::Potential(&*potential)), a.view(), b.view(), 30);
            let mut level = regularised_energy(&line, &*potential, solution.weighting.unwrap().lambda_norm);
            assert!(!steps.is_empty());
            for step in steps {
                let now = step.regularised_energy.unwrap();
                // The last digits of a sum of thirty logarithms are rounding.
                assert!(now <= level + 1e-13 * level.abs(), "{id}, λ = {lambda}: {level} -> {now}");
                level = now;
            }
        }
    }
}

#[test]
fn the_continuous_weight_is_the_same_problem_at_every_number_of_segments() {
    let potential = two_bumps();
    let (a, b) = (array![-1.0, 0.5], array![1.5, 1.0]);
    for id in MINIMISE {
        let config = "weight = { continuous = 3.0 }\ntolerance = 1e-8\nmax-iterations = 5000";
        let middle =
            |n: usize| solve(id, config, &*potential, &a, &b, n).curve.points().row(n / 2).to_owned();
        let (coarse, fine) = (middle(50), middle(100));
        assert!((&coarse - &fine).iter().all(|d| d.abs() < 2e-3), "{id}: {coarse} {fine}");
    }
}

#[test]
fn acceleration_does_not_depend_on_the_number_of_segments() {
    let potential = two_bumps();
    let (a, b) = (array![-1.0, 0.5], array![1.5, 1.0]);
    let iterations = |n: usize| {
        let config = format!("weight = {{ continuous = 3.0 }}\ntolerance = {:?}", 1e-4 / (n as f64));
        solve("prob-georce-accelerated", &config, &*potential, &a, &b, n).iterations
    };
    let (few, many) = (iterations(50), iterations(800));
    assert!(many <= few + 3, "{few} iterations at 50 segments, {many} at 800");
}

#[test]
fn the_span_reduction_gives_the_curve_of_the_whole_space() {
    let potential = ChiSquare::new(40, true);
    let mut rng = Seed::new(3).stream(&[("test", "span")]);
    let mut draw = || -> Array1<f64> {
        (0..40).map(|_| rand_distr::Distribution::sample(&rand_distr::StandardNormal, &mut rng)).collect()
    };
    let (a, b) = (draw(), draw());
    for id in REDUCE {
        for start in ["linear", "slerp"] {
            let config = format!("start = \"{start}\"\ntolerance = 1e-10\nmax-iterations = 3000");
            let reduced = solve(id, &config, &potential, &a, &b, 12);
            let whole = solve(id, &format!("{config}\nreduction = \"off\""), &potential, &a, &b, 12);
            assert!(reduced.reduction.is_some() && whole.reduction.is_none());
            let worst =
                (&reduced.curve.points() - &whole.curve.points()).iter().fold(0.0_f64, |w, d| w.max(d.abs()));
            assert!(worst < 1e-8, "{id}, {start}: {worst}");
        }
    }
}

#[test]
fn parallel_and_zero_ends_are_solved_without_the_span_reduction() {
    let potential = ChiSquare::new(4, true);
    let pairs = [
        (array![1.0, 2.0, 0.0, 1.0], array![2.0, 4.0, 0.0, 2.0]),
        (array![0.0, 0.0, 0.0, 0.0], array![1.0, 1.0, 0.0, 0.5]),
        (array![3.0, 0.0, 0.0, 0.0], array![1.0, 1e-12, 0.0, 0.0]),
    ];
    for (a, b) in pairs {
        let solution = solve("prob-georce-accelerated", "", &potential, &a, &b, 6);
        assert_eq!(solution.curve.points().row(0), a);
        assert_eq!(solution.curve.points().row(6), b);
        // They span a line, not a plane.
        assert_eq!(solution.reduction, None);
    }
}

#[test]
fn a_score_alone_is_enough_for_acceleration_and_not_for_backtracking() {
    let potential = two_bumps();
    let score = ScoreOfPotential(&*potential);
    let (a, b) = (array![-1.0, 0.5], array![1.5, 1.0]);
    let config = "weight = { absolute = 0.05 }\ntolerance = 1e-9";
    let with_score = run(
        &*method("prob-georce-accelerated", config),
        Some(Density::Score(&score)),
        a.view(),
        b.view(),
        30,
    )
    .0;
    assert!(with_score.stop.means_convergence());
    let with_values = solve("prob-georce-accelerated", config, &*potential, &a, &b, 30);
    let worst = (&with_score.curve.points() - &with_values.curve.points())
        .iter()
        .fold(0.0_f64, |w, d| w.max(d.abs()));
    assert!(worst < 1e-6, "{worst}");

    let geometry = Euclidean::new(2);
    let scene = Scene { geometry: &geometry, density: Some(Density::Score(&score)), typical: None };
    let refused = method("prob-georce", "").supports(&scene).unwrap_err();
    assert!(refused.reason.contains("adaptive"), "{refused}");
}

#[test]
fn a_potential_that_turns_nan_ends_in_a_reason() {
    // Finite on the straight line y = 0 only.
    let cliff = Pointwise {
        dim: 2,
        at: |x: &[f64]| if x[1] == 0.0 { (1.0, vec![0.0, 1.0]) } else { (f64::NAN, vec![f64::NAN; 2]) },
    };
    let (a, b) = (array![0.0, 0.0], array![1.0, 0.0]);
    for (id, config) in [
        ("prob-georce", "line-search = \"decrease\""),
        ("prob-georce", "line-search = \"armijo\""),
        ("prob-georce", "line-search = \"armijo-released\""),
        ("prob-georce", "line-search = { adaptive = {} }"),
        ("prob-georce-accelerated", ""),
        ("adam", ""),
        ("l-bfgs", ""),
        ("l-bfgs", "steps = { fixed = 0.01 }"),
        ("sgd", ""),
    ] {
        let solution = solve(id, config, &cliff, &a, &b, 10);
        assert!(!solution.stop.means_convergence(), "{id}, {config}");
        assert!(solution.curve.points().iter().all(|x| x.is_finite()));
        assert!(
            ["stalled", "not-finite"].contains(&solution.stop.kind().id()),
            "{id}, {config}: {}",
            solution.stop
        );
    }
}

#[test]
fn a_start_outside_the_support_is_an_error_that_says_where() {
    let half = Pointwise {
        dim: 1,
        at: |x: &[f64]| if x[0] > 0.45 { (f64::INFINITY, vec![0.0]) } else { (x[0], vec![1.0]) },
    };
    let geometry = Euclidean::new(1);
    let scene = Scene { geometry: &geometry, density: Some(Density::Potential(&half)), typical: None };
    let (a, b) = (array![0.0], array![1.0]);
    let ends = Ends::new(a.view(), b.view(), NonZeroUsize::new(10).unwrap()).unwrap();
    for id in DESCEND {
        let mut rng = Seed::new(0).stream(&[]);
        let error = method(id, "")
            .interpolate(&scene, &ends, &mut rng, &mut likely_methods::ignore_steps)
            .unwrap_err();
        assert_eq!(error, InterpolateError::StartNotFinite { point: 5 }, "{id}");
    }
}

#[test]
fn a_given_start_outside_the_support_is_an_error_that_says_where() {
    let strip = Pointwise {
        dim: 2,
        at: |x: &[f64]| if x[1].abs() > 0.7 { (f64::INFINITY, vec![0.0; 2]) } else { (x[0], vec![1.0, 0.0]) },
    };
    let no_score = Pointwise {
        dim: 2,
        at: |x: &[f64]| (x[0], vec![1.0, if x[1].abs() > 0.7 { f64::NAN } else { 0.0 }]),
    };
    let (flat, sphere) = (Euclidean::new(2), likely_geometries::Sphere::new(2).unwrap());
    let (a, b) = (array![0.0, 0.0], array![1.0, 0.0]);
    let ends = Ends::new(a.view(), b.view(), NonZeroUsize::new(10).unwrap()).unwrap();
    let mut points = Curve::straight(&ends).into_points();
    points[[7, 1]] = 0.8;
    points[[8, 1]] = 0.9;
    let given = Curve::new(points).unwrap();
    let mut cases = 0;
    for geometry in [&flat as &dyn likely_core::Geometry, &sphere] {
        for potential in [&strip as &dyn Potential, &no_score] {
            let scene = Scene { geometry, density: Some(Density::Potential(potential)), typical: None };
            for id in DESCEND {
                let mut rng = Seed::new(0).stream(&[]);
                let error = method(id, "")
                    .interpolate_from(&scene, &ends, &given, &mut rng, &mut likely_methods::ignore_steps)
                    .unwrap_err();
                assert_eq!(error, InterpolateError::StartNotFinite { point: 7 }, "{id}");
                cases += 1;
            }
        }
    }
    assert_eq!(cases, 4 * DESCEND.len());
    let mut points = Curve::straight(&ends).into_points();
    points[[4, 1]] = 1e200;
    let far = Curve::new(points).unwrap();
    let scene = Scene { geometry: &flat, density: None, typical: None };
    let mut rng = Seed::new(0).stream(&[]);
    let error = method("prob-georce", "weight = { absolute = 0.0 }")
        .interpolate_from(&scene, &ends, &far, &mut rng, &mut likely_methods::ignore_steps)
        .unwrap_err();
    assert!(error.to_string().contains("overflows"), "{error}");
}

#[test]
fn an_observer_can_interrupt() {
    let potential = two_bumps();
    let geometry = Euclidean::new(2);
    let scene = Scene { geometry: &geometry, density: Some(Density::Potential(&*potential)), typical: None };
    let (a, b) = (array![-1.0, 0.5], array![1.5, 1.0]);
    let ends = Ends::new(a.view(), b.view(), NonZeroUsize::new(20).unwrap()).unwrap();
    for id in DESCEND {
        let mut rng = Seed::new(0).stream(&[]);
        let mut seen = 0;
        let result = method(id, "tolerance = 0.0").interpolate(&scene, &ends, &mut rng, &mut |_| {
            seen += 1;
            if seen == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        assert_eq!(result.unwrap_err(), InterpolateError::Interrupted, "{id}");
        assert_eq!(seen, 3, "{id}");
    }
}

#[test]
fn noise_diffusion_honours_its_coefficients_and_its_data() {
    let (a, b) = (array![1.0, -0.5], array![-0.2, 0.8]);
    let (x, y) = (array![0.3, 0.1], array![-0.4, 0.6]);
    let geometry = Euclidean::new(2);
    let scene = Scene { geometry: &geometry, density: None, typical: None };
    let curve = |config: &str, data: Option<(ArrayView1<'_, f64>, ArrayView1<'_, f64>)>, seed: u64| {
        let mut ends = Ends::new(a.view(), b.view(), NonZeroUsize::new(4).unwrap()).unwrap();
        if let Some((x, y)) = data {
            ends = ends.with_data(x, y).unwrap();
        }
        let mut rng = Seed::new(seed).stream(&[]);
        let solution = method("noise-diffusion", config).interpolate(
            &scene,
            &ends,
            &mut rng,
            &mut likely_methods::ignore_steps,
        );
        solution.unwrap().curve
    };
    let data = Some((x.view(), y.view()));
    let close = |u: ArrayView1<'_, f64>, v: &Array1<f64>| (&u - v).iter().all(|d| d.abs() < 1e-12);
    // Straight coefficients without data are the straight line.
    let straight = "alpha = { falling = 1.0 }\nbeta = { rising = 1.0 }\nrenormalise = false\nclip = \"off\"";
    assert!(close(curve(straight, None, 1).points().row(1), &(0.75 * &a + 0.25 * &b)));
    // Given mu and nu are used, where the released class overwrites them.
    let constant =
        format!("{straight}\nmu = {{ constant = 2.0 }}\nnu = {{ constant = -1.0 }}\nalpha-bar = 0.25");
    let expected = 0.5 * &a + 0.5 * &b + (2.0 - 0.5) * 0.5 * &x + (-1.0 - 0.5) * 0.5 * &y;
    assert!(close(curve(&constant, data, 1).points().row(2), &expected));
    // Fresh noise: the same for the whole curve, or drawn for each point; always from the given stream.
    let noisy = |draw: &str, seed| {
        let config = format!("{straight}\ngamma = {{ constant = 0.5 }}\nalpha-bar = 0.0\nnoise = \"{draw}\"");
        let curve = curve(&config, None, seed);
        let residual = |i: usize| {
            let s = i as f64 / 4.0;
            &curve.points().row(i) - &((1.0 - s) * &a + s * &b)
        };
        (residual(1), residual(2))
    };
    let (first, second) = noisy("shared", 5);
    assert!((&first - &second).iter().all(|d| d.abs() < 1e-12) && first.iter().any(|d| d.abs() > 1e-3));
    let (first, second) = noisy("per-point", 5);
    assert!((&first - &second).iter().any(|d| d.abs() > 1e-3));
    assert_ne!(noisy("shared", 5).0, noisy("shared", 6).0);
    // Clipping.
    assert!(curve("clip = { at = 0.4 }", data, 1).points().iter().all(|z| z.abs() <= 0.4));
}
