//! Projections onto manifolds that are embedded in their coordinates.

use crate::support::{assert_close, build, dot, normal, rows};
use likely_core::{EvalError, Seed};

const CASES: [(&str, &str); 5] = [
    ("sphere-embedded", "dim = 2"),
    ("sphere-embedded", "dim = 7"),
    ("ellipsoid-embedded", "dim = 2"),
    ("ellipsoid-embedded", "semi-axes = [3.0, 0.2]"),
    ("ellipsoid-embedded", "dim = 6"),
];

fn project(id: &str, config: &str, x: &[f64]) -> Result<Vec<f64>, EvalError> {
    let geometry = build(id, config);
    let mut out = vec![0.0; x.len()];
    geometry.projection().expect("a projection").project(rows(x, geometry.dim()), &mut out)?;
    Ok(out)
}

/// The equation of the manifold, and the normal there.
fn surface(id: &str, config: &str, y: &[f64]) -> (f64, Vec<f64>) {
    let axes: Vec<f64> = match (id, config) {
        ("ellipsoid-embedded", "semi-axes = [3.0, 0.2]") => vec![3.0, 0.2],
        ("ellipsoid-embedded", _) => {
            (0..y.len()).map(|i| 0.5 + 0.5 * i as f64 / (y.len() - 1) as f64).collect()
        }
        _ => vec![1.0; y.len()],
    };
    let normal: Vec<f64> = y.iter().zip(&axes).map(|(y, p)| y / (p * p)).collect();
    (dot(&normal, y) - 1.0, normal)
}

#[test]
fn projected_points_are_on_the_manifold_and_the_way_there_is_normal() {
    for (id, config) in CASES {
        let dim = build(id, config).dim();
        let mut rng = Seed::new(1).stream(&[("test", "projections"), ("config", config)]);
        for scale in [0.05, 1.0, 30.0] {
            for x in normal(&mut rng, 20 * dim).chunks_exact(dim) {
                let x: Vec<f64> = x.iter().map(|x| scale * x).collect();
                let y = project(id, config, &x).unwrap();
                let (equation, normal) = surface(id, config, &y);
                assert!(equation.abs() < 1e-13, "{id} {config}: {equation:e}");
                let way: Vec<f64> = x.iter().zip(&y).map(|(x, y)| x - y).collect();
                let multiplier = dot(&way, &normal) / dot(&normal, &normal);
                let expected: Vec<f64> = normal.iter().map(|n| multiplier * n).collect();
                assert_close(&way, &expected, 1e-12, &format!("{id} {config}"));
                // Nothing nearer among random points of the manifold.
                for other in self::normal(&mut rng, 50 * dim).chunks_exact(dim) {
                    let other = project(id, config, other).unwrap();
                    let distance: f64 = x.iter().zip(&other).map(|(x, z)| (x - z) * (x - z)).sum();
                    assert!(distance >= dot(&way, &way) - 1e-12, "{id} {config}");
                }
            }
        }
    }
}

#[test]
fn a_point_of_the_manifold_stays() {
    let y = project("ellipsoid-embedded", "dim = 4", &[0.3, -0.2, 0.9, 1.4, -0.7]).unwrap();
    assert_close(&project("ellipsoid-embedded", "dim = 4", &y).unwrap(), &y, 1e-15, "ellipsoid");
    assert_close(
        &project("sphere-embedded", "dim = 1", &[0.6, -0.8]).unwrap(),
        &[0.6, -0.8],
        1e-15,
        "sphere",
    );
}

#[test]
fn an_ellipsoid_with_equal_axes_is_a_sphere() {
    let x = [0.3, -2.0, 0.4, 1.0, 0.2, 0.1];
    let ellipsoid = project("ellipsoid-embedded", "semi-axes = [1.0, 1.0, 1.0]", &x).unwrap();
    assert_close(&ellipsoid, &project("sphere-embedded", "dim = 2", &x).unwrap(), 1e-14, "sphere");
}

#[test]
fn pull_backs_are_transposed_derivatives() {
    for (id, config) in CASES {
        let geometry = build(id, config);
        let dim = geometry.dim();
        let mut rng = Seed::new(1).stream(&[("test", "pull-backs"), ("config", config)]);
        let (x, w, d) = (normal(&mut rng, dim), normal(&mut rng, dim), normal(&mut rng, dim));
        let mut pulled = vec![0.0; dim];
        geometry.projection().unwrap().pull_back(rows(&x, dim), &w, &mut pulled).unwrap();
        let h = 1e-4;
        let mut slope = 0.0;
        for (weight, step) in [(4.0 / 3.0, 0.5 * h), (-1.0 / 3.0, h)] {
            for sign in [1.0, -1.0] {
                let moved: Vec<f64> = x.iter().zip(&d).map(|(x, d)| x + sign * step * d).collect();
                slope += weight * sign * dot(&w, &project(id, config, &moved).unwrap()) / (2.0 * step);
            }
        }
        let found = dot(&pulled, &d);
        assert!((found - slope).abs() < 1e-9 * slope.abs().max(1.0), "{id} {config}: {found} {slope}");
    }
}

#[test]
fn points_without_a_single_nearest_point_are_named() {
    let cases: [(&str, &str, &[f64]); 4] = [
        ("sphere-embedded", "dim = 1", &[1.0, 1.0, 0.0, 0.0]),
        ("ellipsoid-embedded", "semi-axes = [1.0, 2.0]", &[1.0, 1.0, 0.0, 0.0]),
        // On the long axis, inside the centre of curvature 2 - 1/2 of its end.
        ("ellipsoid-embedded", "semi-axes = [1.0, 2.0]", &[1.0, 1.0, 0.0, 1.4]),
        ("ellipsoid-embedded", "semi-axes = [1.0, 2.0]", &[1.0, 1.0, 0.0, -1.5]),
    ];
    for (id, config, x) in cases {
        match project(id, config, x) {
            Err(EvalError::OutsideChart { row: 1, reason }) => {
                assert!(reason.contains("nearest"), "{reason}");
            }
            other => panic!("{id} {config} {x:?}: {other:?}"),
        }
    }
    // Beyond that centre the end of the axis is nearest.
    let end = project("ellipsoid-embedded", "semi-axes = [1.0, 2.0]", &[0.0, 1.6]).unwrap();
    assert_close(&end, &[0.0, 2.0], 1e-14, "end of the axis");
}
