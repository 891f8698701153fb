//! Bundles of curves: from one point into all directions, and from a mean to all data.

use crate::support::{CutPlane, half_plane, quadratic};
use likely_core::{Euclidean, Exact, Geometry, Potential, Rows, Seed};
use likely_geometries::{Origin, find_derived};
use likely_models::{First, NoisySine, Quadratic, TwoMoons};
use likely_studies::shooting::{Integrator, Motion, Shooting};
use likely_studies::{Findings, Pair, StudyError, Subject, find};
use ndarray::{Array1, Array2, ArrayView2, Axis, array};
use std::num::NonZeroUsize;
use std::ops::ControlFlow;

const RELEASED: &str = "spacing = \"released\"";

struct Case<'a> {
    geometry: &'a dyn Geometry,
    derived: Option<&'a dyn Geometry>,
    potential: &'a dyn Potential,
    points: Option<ArrayView2<'a, f64>>,
    start: Option<Array1<f64>>,
}

impl Case<'_> {
    fn ask(&self, id: &str, config: &str) -> Result<Findings, StudyError> {
        let end = array![7.0, 7.0];
        let start = self.start.as_ref();
        let pairs: Vec<Pair<'_>> =
            start.iter().map(|start| Pair { name: "p", start: start.view(), end: end.view() }).collect();
        let subject = Subject {
            geometry: self.geometry,
            derived: self.derived,
            potential: self.potential,
            score_only: false,
            points: self.points,
            typical: None,
            images: None,
            pairs: &pairs,
            segments: NonZeroUsize::new(100).unwrap(),
        };
        let kind = find(id).unwrap();
        let built = (kind.build)(toml::de::DeTable::parse(config).unwrap()).unwrap();
        let mut rng = Seed::new(3).stream(&[]);
        let found = built.study.run(&subject, &mut rng, &mut |_| ControlFlow::Continue(()))?;
        let ids: Vec<&str> = found.numbers.iter().map(|number| number.id).collect();
        let listed: Vec<&str> = kind.numbers.iter().map(|number| number.id).collect();
        assert_eq!(ids, listed);
        Ok(found)
    }

    fn number(&self, study: &str, config: &str, id: &str) -> f64 {
        value(&self.ask(study, config).unwrap(), id).unwrap()
    }
}

fn value(found: &Findings, id: &str) -> Result<f64, String> {
    found.numbers.iter().find(|number| number.id == id).unwrap().value.clone()
}

fn from<'a>(potential: &'a dyn Potential, geometry: &'a dyn Geometry, start: [f64; 2]) -> Case<'a> {
    Case { geometry, derived: None, potential, points: None, start: Some(Array1::from(start.to_vec())) }
}

#[test]
fn formulas_have_the_energies_that_need_no_model() {
    let (flat, potential) = (Euclidean::new(2), quadratic(vec![0.0, 0.0], 1.0));
    // EXPERIMENTS.md 2.6 of the reference: straight on 0.0990 wherever the start is, spherical 0.1515, 0.1705 and 0.1056.
    let slerp = format!("curves = \"slerp-released\"\n{RELEASED}");
    let straight =
        |first: &str| format!("curves = {{ straight = {{ first-point = \"{first}\" }} }}\n{RELEASED}");
    let mut compared = 0;
    for (start, energy) in [([-1.5, -0.5], 0.1515), ([1.6, 1.2], 0.1705), ([-0.5, (-2.0_f64).sin()], 0.1056)]
    {
        let case = from(&potential, &flat, start);
        let found = case.number("initial-values", &slerp, "curves-energy");
        assert!((found - energy).abs() < 5e-5, "{start:?}: {found}");
        let dropped = case.ask("initial-values", &straight("dropped")).unwrap();
        assert!((value(&dropped, "curves-energy").unwrap() - 0.099).abs() < 1e-12);
        assert_eq!(value(&dropped, "curves-points").unwrap(), 1000.0);
        let kept = case.ask("initial-values", &straight("kept")).unwrap();
        assert!((value(&kept, "curves-energy").unwrap() - 0.1).abs() < 1e-12);
        assert_eq!(value(&kept, "curves-points").unwrap(), 1010.0);
        assert_eq!(value(&kept, "curves-lost").unwrap(), 0.0);
        compared += 1;
    }
    assert_eq!(compared, 3);
}

#[test]
fn sums_of_the_densities_of_the_table_are_those_of_an_independent_implementation() {
    // Numbers of the reference, `reproduced.json`, experiment `gen2d_oracle`: numpy in double precision.
    let flat = Euclidean::new(2);
    let (moons, sine) =
        (Exact(TwoMoons), Exact(NoisySine::new(First::Gaussian(3.0_f64.sqrt()), 0.05).unwrap()));
    let straight = format!("curves = {{ straight = {{ first-point = \"dropped\" }} }}\n{RELEASED}");
    let slerp = format!("curves = \"slerp-released\"\n{RELEASED}");
    let at_sine = [-0.5, (-2.0_f64).sin()];
    for (potential, start, config, expected, digits) in [
        (&moons as &dyn Potential, [1.6, 1.2], &straight, 4692.87, 0.01),
        (&moons, [1.6, 1.2], &slerp, 6865.48, 0.01),
        (&sine, at_sine, &straight, 108_398.7, 0.1),
        (&sine, at_sine, &slerp, 84_121.3, 0.1),
    ] {
        let found = from(potential, &flat, start).number("initial-values", config, "curves-potential-sum");
        assert!((found - expected).abs() < digits, "{config}: {found}, not {expected}");
    }
}

#[test]
fn a_great_arc_keeps_its_radius_and_its_part_of_the_speed() {
    let (flat, potential) = (Euclidean::new(2), quadratic(vec![0.0, 0.0], 1.0));
    let case = from(&potential, &flat, [0.0, 2.0]);
    let found = case.ask("initial-values", "curves = \"great-arc\"\ndirections = 4\nsteps = 1000").unwrap();
    // Two directions go round at unit speed, two are along the radius and stand still; S = 2 on the circle of radius 2.
    assert!((value(&found, "curves-energy").unwrap() - 2.0 / 1000.0).abs() < 1e-8);
    assert!((value(&found, "curves-potential-mean").unwrap() - 2.0).abs() < 1e-12);
    let nowhere = from(&potential, &flat, [0.0, 0.0]).ask("initial-values", "curves = \"great-arc\"");
    assert!(nowhere.unwrap_err().to_string().contains("origin"));
}

#[test]
fn motion_without_force_is_straight_and_with_one_is_what_shooting_gives() {
    let (flat, potential) = (Euclidean::new(2), Quadratic::new(vec![0.3, -0.2], 0.5).unwrap());
    let case = from(&potential, &flat, [1.0, 0.5]);
    let free =
        format!("curves = {{ motion = {{ integrator = \"three-eighths\" }} }}\nsteps = 99\n{RELEASED}");
    let found = case.ask("initial-values", &free).unwrap();
    assert!((value(&found, "curves-energy").unwrap() - 10.0 / 99.0).abs() < 1e-12);
    assert_eq!(value(&found, "curves-points").unwrap(), 1000.0);
    let derived = find_derived("monge").unwrap();
    let derived = (derived.build)(toml::de::DeTable::parse("").unwrap()).unwrap().derive;
    let geometry = derived.over(Origin::density(&potential)).unwrap();
    let case = Case { derived: Some(&*geometry), ..case };
    let found = case.ask("initial-values", "directions = 3\nsteps = 20").unwrap();
    let (starts, mut velocities) = ([1.0, 0.5].repeat(3), Vec::new());
    for k in 0..3 {
        let (sin, cos) = (std::f64::consts::TAU * f64::from(k) / 3.0).sin_cos();
        velocities.extend([cos, sin]);
    }
    let motion = Motion { geometry: &*geometry, force: None };
    let shots = Shooting::new(Integrator::default(), 20)
        .shoot(&motion, Rows::new(&starts, 2).unwrap(), &velocities)
        .unwrap();
    // Lengths are those of the background, though the curves are geodesics of the other.
    let energy: f64 = shots
        .iter()
        .map(|shot| {
            let steps = &shot.points.slice(ndarray::s![1.., ..]) - &shot.points.slice(ndarray::s![..-1, ..]);
            steps.mapv(|x| x * x).sum()
        })
        .sum();
    assert!((value(&found, "curves-energy").unwrap() - energy).abs() < 1e-14);
    let sum: f64 = shots.iter().map(|shot| potential.value(shot.points.view()).unwrap().sum()).sum();
    assert!((value(&found, "curves-potential-sum").unwrap() - sum).abs() < 1e-10);
}

#[test]
fn a_bundle_that_lacks_a_curve_has_no_sums() {
    let potential = quadratic(vec![0.0, 0.0], 1.0);
    let found = from(&potential, &CutPlane, [0.5, 0.0]).ask("initial-values", "directions = 4").unwrap();
    assert_eq!(value(&found, "curves-lost").unwrap(), 1.0);
    for id in ["curves-energy", "curves-potential-sum", "curves-potential-mean"] {
        let reason = value(&found, id).unwrap_err();
        assert!(reason.starts_with("1 of 4 curves ended early; p, 0 degrees: "), "{reason}");
    }
    // One series, with an empty row between two curves.
    let [series] = found.series.as_slice() else { panic!("{} series", found.series.len()) };
    let empty = series.values.rows().into_iter().filter(|row| row.iter().all(|x| x.is_nan())).count();
    assert_eq!(empty, 3);
}

#[test]
fn what_a_study_cannot_use_is_refused() {
    let (flat, wide) = (Euclidean::new(2), Euclidean::new(3));
    let potential = quadratic(vec![0.0, 0.0], 1.0);
    let half = half_plane();
    let case = Case { derived: Some(&half), ..from(&potential, &flat, [1.0, 1.0]) };
    for (study, config) in [
        ("initial-values", "curves = { straight = {} }"),
        ("mean-curves", "by = \"average\""),
        ("frechet-mean", ""),
    ] {
        let reason = case.ask(study, config).unwrap_err().to_string();
        assert!(reason.contains("leave `geometry` out"), "{study}: {reason}");
    }
    let spatial = quadratic(vec![0.0; 3], 1.0);
    let case = Case { start: Some(array![1.0, 0.0, 0.0]), ..from(&spatial, &wide, [0.0, 0.0]) };
    assert!(case.ask("initial-values", "").unwrap_err().to_string().contains("angles of the plane"));
    let case = Case { start: None, ..from(&potential, &flat, [0.0, 0.0]) };
    assert!(case.ask("initial-values", "").unwrap_err().to_string().contains("no pair"));
    assert!(case.ask("mean-curves", "").unwrap_err().to_string().contains("needs the data"));
    let kind = find("initial-values").unwrap();
    for bad in ["steps = 0", "directions = 0", "curves = \"bent\"", "curves = { motion = { lambda = -1.0 } }"]
    {
        assert!((kind.build)(toml::de::DeTable::parse(bad).unwrap()).is_err(), "{bad}");
    }
}

fn cloud() -> Array2<f64> {
    let mut points = Array2::zeros((7, 2));
    for (k, mut row) in points.rows_mut().into_iter().enumerate() {
        let angle = 0.3 * k as f64;
        row.assign(&array![(1.0 + 0.1 * k as f64) * angle.cos(), (1.5 - 0.05 * k as f64) * angle.sin()]);
    }
    points
}

#[test]
fn an_average_has_the_scatter_of_the_data_as_its_energy() {
    let (flat, potential, points) = (Euclidean::new(2), quadratic(vec![0.0, 0.0], 1.0), cloud());
    let case = Case { points: Some(points.view()), start: None, ..from(&potential, &flat, [0.0, 0.0]) };
    let average = points.mean_axis(Axis(0)).unwrap();
    let scatter = (&points - &average).mapv(|x| x * x).sum();
    let found = case.ask("mean-curves", "by = \"average\"").unwrap();
    assert!((value(&found, "curves-energy").unwrap() - scatter / 100.0).abs() < 1e-14);
    assert_eq!(value(&found, "curves-points").unwrap(), 707.0);
    assert_eq!(value(&found, "mean-curves-converged").unwrap_err(), "a formula has no search");
    // Without a weight the solved mean is the same one.
    let solved = case
        .ask("mean-curves", "by = { solved = { weight = { absolute = 0.0 }, tolerance = 1e-10 } }")
        .unwrap();
    assert!((value(&solved, "curves-energy").unwrap() - scatter / 100.0).abs() < 1e-12);
    let same = |id: &str| (value(&solved, id).unwrap() - value(&found, id).unwrap()).abs();
    assert!(same("curves-potential-sum") < 1e-8);
    assert_eq!(value(&solved, "mean-curves-converged").unwrap(), 1.0);
    // With one it is another.
    let weighted = case.number(
        "mean-curves",
        "by = { solved = { weight = { relative = 5.0 } } }",
        "curves-potential-sum",
    );
    assert!(weighted < value(&found, "curves-potential-sum").unwrap() - 1.0);
}

#[test]
fn a_pooled_factor_leaves_the_average_where_it_is() {
    let (flat, potential, points) = (Euclidean::new(2), quadratic(vec![0.0, 0.0], 1.0), cloud());
    let kind = find_derived("generative-released").unwrap();
    let derive = (kind.build)(toml::de::DeTable::parse("apart = 7").unwrap()).unwrap().derive;
    let geometry = derive.over(Origin::density(&potential)).unwrap();
    let case = Case { points: Some(points.view()), start: None, ..from(&potential, &flat, [0.0, 0.0]) };
    let average = case.number("mean-curves", "by = \"average\"", "curves-energy");
    let case = Case { derived: Some(&*geometry), ..case };
    let search = "search = { adaptive = { rate = 0.01, beta1 = 0.5, beta2 = 0.5 } }";
    let config = format!("by = {{ solved = {{ weight = {{ absolute = 0.0 }}, {search} }} }}");
    let found = case.number("mean-curves", &config, "curves-energy");
    // The product of the densities of seven data is not quite zero, of all interior points it is.
    assert!((found / average - 1.0).abs() < 1e-2, "{found} {average}");
}

#[test]
fn the_spherical_mean_as_released_ends_on_the_far_side() {
    let (flat, potential, points) = (Euclidean::new(2), quadratic(vec![0.0, 0.0], 1.0), cloud());
    let case = Case { points: Some(points.view()), start: None, ..from(&potential, &flat, [0.0, 0.0]) };
    let energy = |step: &str| {
        case.number(
            "mean-curves",
            &format!("by = {{ spherical = {{ step = \"{step}\" }} }}"),
            "curves-energy",
        )
    };
    let (corrected, released) = (energy("corrected"), energy("released"));
    assert!(released > 10.0 * corrected, "{released} {corrected}");
}
