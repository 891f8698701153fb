//! What must hold on curved backgrounds: closed forms as the limit of finer grids, scores, embeddings, and refusals.

use crate::curved::{average_of, geometry, run, section};
use crate::golden::{largest_difference, method, vector};
use likely_core::{Counted, Ends, Geometry, Potential, Rows, ScoreOfPotential, Seed};
use likely_methods::{Density, InterpolateError, Scene, Solution, ignore_steps};
use ndarray::{Array1, array};
use std::num::NonZeroUsize;

/// Geometries with closed forms, and two points of each away from the cut locus.
fn closed_forms() -> Vec<(&'static str, &'static str, Array1<f64>, Array1<f64>)> {
    vec![
        ("sphere", "dim = 2", array![0.0, -1.0], array![0.5, 0.5]),
        ("sphere", "dim = 5", array![0.0, -0.25, -0.5, -0.75, -1.0], array![0.5, 0.5, 0.5, 0.5, 0.5]),
        ("hyperbolic", "dim = 2", array![-1.0, 0.5], array![1.0, 1.0]),
        ("spd-frobenius", "n = 2", array![1.0, 0.0, 1.0], array![0.5, 0.75, 1.0]),
        ("spd-affine-invariant", "n = 2", array![1.0, 0.0, 1.0], array![0.5, 0.75, 1.0]),
        ("fisher-rao", "family = \"gaussian\"", array![-1.0, 0.5], array![1.0, 1.0]),
    ]
}

/// `N E` and the largest distance of a point to that of the geodesic at the same time.
fn error(background: &dyn Geometry, config: &str, a: &Array1<f64>, b: &Array1<f64>, n: usize) -> (f64, f64) {
    let config =
        format!("weight = {{ absolute = 0.0 }}\ntolerance = 1e-11\nmax-iterations = 20000\n{config}");
    let (solution, _) = run(&*method("prob-georce-accelerated", &config), background, None, a, b, n);
    let times: Vec<f64> = (0..=n).map(|i| i as f64 / n as f64).collect();
    let mut exact = vec![0.0; times.len() * a.len()];
    let closed = background.closed_form().unwrap();
    closed.geodesic(&a.to_vec(), &b.to_vec(), &times, &mut exact).unwrap();
    let mut far: f64 = 0.0;
    for (point, exact) in solution.curve.points().rows().into_iter().zip(exact.chunks_exact(a.len())) {
        let distance: f64 = point.iter().zip(exact).map(|(x, y)| (x - y) * (x - y)).sum();
        far = far.max(distance.sqrt());
    }
    let points = solution.curve.points();
    let left: Vec<f64> = points.iter().copied().take(n * a.len()).collect();
    let steps: Vec<f64> = points.iter().skip(a.len()).zip(&left).map(|(to, from)| to - from).collect();
    let mut norms = vec![0.0; n];
    background.squared_norms(Rows::new(&left, a.len()).unwrap(), &steps, &mut norms).unwrap();
    (n as f64 * norms.iter().sum::<f64>(), far)
}

#[test]
fn solved_geodesics_tend_to_the_closed_forms_at_order_one_and_by_midpoints_at_order_two() {
    let cases = closed_forms();
    for (kind, config, a, b) in &cases {
        let background = geometry(kind, config);
        let closed = background.closed_form().unwrap();
        let squared = closed.distance(&a.to_vec(), &b.to_vec()).unwrap().powi(2);
        for (quadrature, order) in [("left", 1.0), ("midpoint", 2.0)] {
            let grids = [50, 100, 200, 400, 800];
            let found: Vec<(f64, f64)> = grids
                .iter()
                .map(|&n| error(&*background, &format!("quadrature = \"{quadrature}\""), a, b, n))
                .collect();
            // Of a quadratic map the midpoint rule is exact: differences of images are J at the middle times the step.
            if kind == &"spd-frobenius" && quadrature == "midpoint" {
                assert!(found.iter().all(|(_, far)| *far < 1e-9), "{found:?}");
                continue;
            }
            let slope = (found[2].1 / found[4].1).log2() / 2.0;
            assert!((slope - order).abs() < 0.1, "{kind}, {quadrature}: order {slope} {found:?}");
            if quadrature == "left" {
                // Richardson: the limit of a first-order sequence from its last three terms.
                let (e1, e2, e3) = (found[2].0, found[3].0, found[4].0);
                let once = [2.0 * e2 - e1, 2.0 * e3 - e2];
                let limit = once[1] + (once[1] - once[0]) / 3.0;
                assert!((limit - squared).abs() < 1e-5 * squared.max(1.0), "{kind}: {limit} {squared}");
            }
        }
    }
    assert_eq!(cases.len(), 6);
}

#[test]
fn a_score_alone_reaches_the_curve_of_the_potential() {
    let case = section("peers").into_iter().find(|case| case["id"] == "sphere5").unwrap();
    let (background, potential) = (geometry("sphere", "dim = 5"), average_of(&case).unwrap());
    let (start, end) = (vector(&case["start"]), vector(&case["end"]));
    let score = ScoreOfPotential(&*potential);
    let ends = Ends::new(start.view(), end.view(), NonZeroUsize::new(50).unwrap()).unwrap();
    let solve = |id: &str, config: &str, density: Density<'_>| {
        let scene = Scene { geometry: &*background, density: Some(density), typical: None };
        let method = method(id, &format!("weight = {{ absolute = 1e-3 }}\ntolerance = 1e-8\n{config}"));
        method.interpolate(&scene, &ends, &mut Seed::new(0).stream(&[]), &mut ignore_steps)
    };
    let exact = solve("prob-georce-accelerated", "", Density::Potential(&*potential)).unwrap();
    for (id, config) in [
        ("prob-georce-accelerated", ""),
        ("prob-georce", "line-search = { adaptive = { rate = 0.1 } }\nmax-iterations = 20000"),
    ] {
        let by_score = solve(id, config, Density::Score(&score)).unwrap();
        assert!(by_score.stop.means_convergence(), "{id}: {}", by_score.stop);
        let found = largest_difference(&by_score.curve, &exact.curve.points().to_owned());
        assert!(found < 1e-4, "{id}: {found}");
    }
    let refused = solve("prob-georce", "", Density::Score(&score)).unwrap_err();
    assert!(
        matches!(&refused, InterpolateError::Unsupported(reason) if reason.reason.contains("only a score"))
    );
}

#[test]
fn acceleration_reaches_the_embedded_curve_with_fewer_evaluations() {
    let background = geometry("sphere-embedded", "dim = 2");
    let resources = likely_models::Resources {
        points: None,
        seed: Seed::new(0),
        folder: std::path::Path::new("."),
        device: likely_models::OpenDevice::cpu(),
    };
    let table = toml::de::DeTable::parse("centre = [0.3, -0.9, 0.2]\nscale = 2.0").unwrap();
    let model = (likely_models::find("quadratic").unwrap().build)(table, &resources).unwrap();
    let (a, b) = (array![1.0, 0.0, 0.0], array![-0.6, 0.8, 0.0]);
    let solve = |id: &str| -> (Solution, u64) {
        let counted = Counted::new(&*model.potential);
        let config = "weight = { relative = 5.0 }\ntolerance = 1e-7\nmax-iterations = 20000";
        let (solution, _) = run(&*method(id, config), &*background, Some(&counted), &a, &b, 30);
        assert!(solution.stop.means_convergence(), "{id}: {}", solution.stop);
        (solution, counted.evaluations().total())
    };
    let (plain, many) = solve("prob-georce");
    let (accelerated, few) = solve("prob-georce-accelerated");
    let found = largest_difference(&accelerated.curve, &plain.curve.points().to_owned());
    assert!(found < 1e-5, "{found}");
    assert!(3 * few <= many, "{few} {many}");
    for point in accelerated.curve.points().rows() {
        assert!((point.dot(&point) - 1.0).abs() < 1e-12);
    }
}

#[test]
fn a_model_of_the_potential_that_runs_away_from_an_embedded_manifold_is_only_a_rejected_step() {
    let background = geometry("sphere-embedded", "dim = 2");
    let resources = likely_models::Resources {
        points: None,
        seed: Seed::new(0),
        folder: std::path::Path::new("."),
        device: likely_models::OpenDevice::cpu(),
    };
    let table = toml::de::DeTable::parse(
        "coordinates = \"embedded\"\nweights = [0.35, 0.2, 0.1, 0.15, 0.05, 0.05, 0.1]\n\
         means = [[37, -119], [61, -150], [19, -155], [-5, 125], [-25, -70], [38, 22], [0, 0]]\n\
         concentrations = [60, 60, 200, 20, 30, 60, 0]",
    )
    .unwrap();
    let model = (likely_models::find("von-mises-fisher").unwrap().build)(table, &resources).unwrap();
    let a = array![-0.370_243_271, -0.580_636_118, 0.725_108_005];
    let b = array![-0.405_026_514, -0.240_798_947, 0.882_025_731];
    let unit = |x: Array1<f64>| &x / x.dot(&x).sqrt();
    let (a, b) = (unit(a), unit(b));
    let counted = Counted::new(&*model.potential);
    let config = "weight = { relative = 20.0 }\nmax-iterations = 200";
    let method = method("prob-georce-accelerated", config);
    let (solution, _) = run(&*method, &*background, Some(&counted), &a, &b, 50);
    assert!(solution.curve.points().iter().all(|x| x.is_finite()), "{}", solution.stop);
    for point in solution.curve.points().rows() {
        assert!((point.dot(&point) - 1.0).abs() < 1e-12);
    }
}

/// What a method says about a scene that it cannot solve.
fn refusal(
    background: &dyn Geometry,
    density: Option<&dyn Potential>,
    a: &Array1<f64>,
    b: &Array1<f64>,
) -> String {
    let ends = Ends::new(a.view(), b.view(), NonZeroUsize::new(10).unwrap()).unwrap();
    let scene = Scene { geometry: background, density: density.map(Density::Potential), typical: None };
    let mut said = Vec::new();
    for id in ["prob-georce", "prob-georce-accelerated"] {
        let weight = if density.is_some() { 1.0 } else { 0.0 };
        let method = method(id, &format!("weight = {{ relative = {weight:?} }}"));
        let error = method
            .interpolate(&scene, &ends, &mut Seed::new(0).stream(&[]), &mut ignore_steps)
            .expect_err("there is no curve");
        said.push(error.to_string());
    }
    assert_eq!(said[0], said[1]);
    said.remove(0)
}

#[test]
fn what_has_no_curve_is_an_error_that_says_why() {
    let mixture = crate::conformance::two_bumps();
    let half_plane = geometry("hyperbolic", "dim = 2");
    let outside = refusal(&*half_plane, None, &array![0.0, 1.0], &array![1.0, -1.0]);
    assert!(outside.contains("outside the chart") && outside.contains("starting curve"), "{outside}");
    let wrong = refusal(&*geometry("sphere", "dim = 3"), None, &array![0.0, 1.0], &array![1.0, 0.5]);
    assert!(wrong.contains("2 coordinates") && wrong.contains("geometry has 3"), "{wrong}");
    let table = toml::de::DeTable::parse("form = \"released\"\nbeta = -50.0").unwrap();
    let derived = (likely_geometries::find_derived("conformal-energy").unwrap().build)(table).unwrap();
    let negative = derived.derive.over(likely_geometries::Origin::density(&*mixture)).unwrap();
    let not_a_metric = refusal(&*negative, None, &array![-1.0, 0.5], &array![1.5, 1.0]);
    assert!(not_a_metric.contains("not positive definite"), "{not_a_metric}");
}

#[test]
fn end_points_that_no_single_shortest_geodesic_joins_are_refused() {
    let sphere = geometry("sphere", "dim = 2");
    let (a, b) = (array![1.0, 0.0], array![-1.0, 0.0]);
    let between = refusal(&*sphere, None, &a, &b);
    assert!(between.contains("no single shortest geodesic"), "{between}");
    // A density breaks the tie, in coordinates.
    let mixture = crate::conformance::two_bumps();
    let (solution, _) = run(&*method("prob-georce-accelerated", ""), &*sphere, Some(&*mixture), &a, &b, 21);
    assert!(solution.stop.means_convergence());
    // An odd number of segments steps over the middle of the ball.
    let embedded = geometry("sphere-embedded", "dim = 2");
    let (a, b) = (array![1.0, 0.0, 0.0], array![-1.0, 0.0, 0.0]);
    let ends = Ends::new(a.view(), b.view(), NonZeroUsize::new(21).unwrap()).unwrap();
    let scene = Scene { geometry: &*embedded, density: None, typical: None };
    let method = method("prob-georce", "weight = { absolute = 0.0 }");
    let error = method.interpolate(&scene, &ends, &mut Seed::new(0).stream(&[]), &mut ignore_steps);
    assert!(error.unwrap_err().to_string().contains("no single shortest geodesic"));
}

#[test]
fn curves_and_end_points_keep_to_an_embedded_manifold() {
    let embedded = geometry("sphere-embedded", "dim = 1");
    let off = refusal(&*embedded, None, &array![2.0, 0.0], &array![0.0, 1.0]);
    assert!(off.contains("the start is not on the manifold"), "{off}");
    let (a, b) = (array![1.0, 0.0], array![0.0, 1.0]);
    let ends = Ends::new(a.view(), b.view(), NonZeroUsize::new(10).unwrap()).unwrap();
    let scene = Scene { geometry: &*embedded, density: None, typical: None };
    let solve = |id: &str| {
        method(id, "").interpolate(&scene, &ends, &mut Seed::new(0).stream(&[]), &mut ignore_steps)
    };
    let leaves = solve("linear").unwrap_err().to_string();
    assert!(leaves.contains("leaves the embedded manifold"), "{leaves}");
    // The great arc stays.
    assert!(solve("slerp").is_ok());
}
