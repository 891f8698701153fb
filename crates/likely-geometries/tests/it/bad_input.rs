//! What is refused, and in which words.

use crate::support::{build, error, rows, suite};
use likely_core::{EvalError, Tensors};

#[test]
fn configurations_that_make_no_manifold_are_refused_with_their_reason() {
    let cases = [
        ("sphere", "dim = 0", "0 coordinates; at least 1"),
        ("sphere", "dim = -3", "-3 coordinates; at least 1"),
        ("sphere", "dim = 4611686018427387904", "at most 16777216"),
        ("sphere", "", "missing field `dim`"),
        ("sphere", "dim = 2, radius = 1.0", "unknown field `radius`"),
        ("euclidean", "dim = 0", "0 coordinates"),
        ("paraboloid", "dim = 100000000", "at most 16777216"),
        ("ellipsoid", "", "neither dim nor semi-axes"),
        ("ellipsoid", "semi-axes = []", "-1 coordinates"),
        ("ellipsoid", "semi-axes = [1.0]", "0 coordinates"),
        ("ellipsoid", "semi-axes = [1.0, -1.0, 2.0]", "a semi-axis is -1"),
        ("ellipsoid", "semi-axes = [1.0, nan, 2.0]", "a semi-axis is NaN"),
        ("ellipsoid", "dim = 4, semi-axes = [1.0, 1.0, 2.0]", "dim is 4 and there are 3 semi-axes"),
        ("torus", "major = 1.0, minor = 1.0", "minor must be less"),
        ("torus", "major = inf", "major is inf"),
        ("torus", "minor = -1.0", "minor is -1"),
        ("spd-frobenius", "n = 0", "0 coordinates"),
        ("spd-frobenius", "n = 45", "1035 coordinates; at most 1024"),
        ("spd-frobenius", "n = 4000000000", "at most 1024"),
        ("spd-affine-invariant", "n = -1", "-1 coordinates"),
        ("sphere-embedded", "dim = 0", "0 coordinates"),
        ("ellipsoid-embedded", "semi-axes = [1.0, 0.0]", "a semi-axis is 0"),
        ("hyperbolic", "dim = 0", "0 coordinates"),
        ("graph", "surface = 'bumps'", "unknown variant `bumps`"),
        ("graph", "", "missing field `surface`"),
        ("hyperbolic-paraboloid", "dim = 2", "unknown field `dim`"),
        ("fisher-rao", "family = 'categorical', categories = 1", "0 coordinates"),
        ("fisher-rao", "family = 'categorical'", "needs the parameter categories"),
        ("fisher-rao", "family = 'wishart', order = 3, degrees-of-freedom = 2", "above order - 1"),
        ("fisher-rao", "family = 'multinomial', categories = 3, trials = -1", "trials is -1"),
        ("fisher-rao", "", "missing field `family`"),
        ("fisher-rao", "family = 'normal'", "unknown variant `normal`"),
        ("fisher-rao", "family = 'binomial'", "needs the parameter trials"),
        ("fisher-rao", "family = 'gaussian', trials = 3", "has no parameter trials"),
        ("fisher-rao", "family = 'erlang', shape = 0", "shape is 0"),
        ("fisher-rao", "family = 'generalised-gaussian', exponent = 0.5", "must be above 1/2"),
        ("fisher-rao", "family = 'weibull', form = 'released'", "has no released form"),
    ];
    for (id, config, reason) in cases {
        let message = error(id, config);
        assert!(message.contains(reason), "{id} {{ {config} }}: {message}");
    }
}

#[test]
fn a_configuration_with_its_defaults_builds_the_same_again() {
    for entry in suite() {
        let built = crate::support::build_in_full(entry.id, entry.config).unwrap();
        let config: Vec<String> =
            built.resolved.iter().map(|(key, value)| format!("{key} = {value}")).collect();
        let again = crate::support::build_in_full(entry.id, &config.join(", ")).unwrap();
        assert_eq!(again.resolved, built.resolved, "{}", entry.name());
        assert_eq!(again.geometry.dim(), entry.geometry.dim());
        assert_eq!(again.geometry.form(), entry.geometry.form());
    }
}

#[test]
fn points_that_are_not_finite_or_do_not_fit_are_named() {
    for entry in suite() {
        let (name, dim) = (entry.name(), entry.geometry.dim());
        let geometry = &entry.geometry;
        let (good, v) = (entry.points("points", 4), entry.vectors("vectors", 4));
        let (mut tensors, mut out, mut norms) = (Tensors::default(), vec![0.0; 4 * dim], [0.0; 4]);
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            if entry.id == "euclidean" {
                continue;
            }
            let mut points = good.clone();
            points[2 * dim + dim / 2] = bad;
            let at = rows(&points, dim);
            let expected = Err(EvalError::NonFinitePoint { row: 2 });
            assert_eq!(geometry.tensors(at, &mut tensors), expected, "{name}");
            assert_eq!(geometry.norm_gradient(at, &v, &mut out), expected, "{name}");
            assert_eq!(geometry.squared_norms(at, &v, &mut norms), expected, "{name}");
            assert_eq!(geometry.christoffel(at, &v, &mut out), expected, "{name}");
            let mut gradient = vec![0.0; 4 * dim];
            assert_eq!(geometry.linearise(at, &v, &mut tensors, &mut gradient), expected, "{name}");
        }
        let wide = vec![0.5; 2 * (dim + 1)];
        let refused = geometry.squared_norms(rows(&wide, dim + 1), &wide, &mut [0.0; 2]);
        assert!(matches!(refused, Err(EvalError::Dimension { .. })), "{name}");
        if entry.id != "euclidean" {
            let short = geometry.norm_gradient(rows(&good, dim), &v[..dim], &mut out);
            assert!(matches!(short, Err(EvalError::Dimension { .. })), "{name}");
        }
    }
}

#[test]
fn points_outside_a_chart_are_named_with_the_condition() {
    let cases = [
        ("sphere", "dim = 2", vec![1.0, 1e60], "missing point"),
        ("ellipsoid", "dim = 2", vec![1.0, 1e60], "missing point"),
        ("fisher-rao", "family = 'gaussian'", vec![1.0, 0.0], "a positive scale"),
        ("fisher-rao", "family = 'gaussian'", vec![1.0, -2.0], "a positive scale"),
        ("fisher-rao", "family = 'pareto'", vec![-1.0, 2.0], "a positive shape"),
        ("fisher-rao", "family = 'frechet'", vec![-1.0, 2.0], "a positive shape"),
        ("fisher-rao", "family = 'inverse-gaussian'", vec![1.0, -2.0], "a positive mean"),
        ("fisher-rao", "family = 'binomial', trials = 2", vec![1.0], "a probability"),
        ("fisher-rao", "family = 'poisson'", vec![-1.0], "a positive number"),
        ("spd-frobenius", "n = 2", vec![1.0, 3.0, 0.0], "diagonal entry 1"),
        ("spd-affine-invariant", "n = 2", vec![-1.0, 3.0, 2.0], "diagonal entry 0"),
        ("hyperbolic", "dim = 3", vec![1.0, 3.0, -1.0], "a positive one is needed"),
        ("fisher-rao", "family = 'categorical', categories = 3", vec![0.5, 0.5], "their sum is 1"),
        ("fisher-rao", "family = 'categorical', categories = 3", vec![0.5, -0.1], "must be positive"),
        (
            "fisher-rao",
            "family = 'wishart', order = 2, degrees-of-freedom = 2",
            vec![1.0, 2.0, 1.0],
            "not positive definite",
        ),
    ];
    for (id, config, x, words) in cases {
        let geometry = build(id, config);
        let dim = geometry.dim();
        let at = rows(&x, dim);
        let v = vec![1.0; dim];
        let mut tensors = Tensors::default();
        for result in [
            geometry.tensors(at, &mut tensors),
            geometry.norm_gradient(at, &v, &mut vec![0.0; dim]),
            geometry.squared_norms(at, &v, &mut [0.0]),
            geometry.linearise(at, &v, &mut tensors, &mut vec![0.0; dim]),
            geometry.christoffel(at, &v, &mut vec![0.0; dim]),
        ] {
            match result {
                Err(EvalError::OutsideChart { row: 0, reason }) => {
                    assert!(reason.contains(words), "{id}: {reason}");
                }
                other => panic!("{id} {{ {config} }}: {other:?}"),
            }
        }
        if let Some(closed) = geometry.closed_form() {
            // In every one of these charts.
            let inside: Vec<f64> = (0..dim).map(|k| if k == 1 && dim == 3 { 0.2 } else { 0.4 }).collect();
            assert!(
                matches!(closed.distance(&inside, &x), Err(EvalError::OutsideChart { row: 1, .. })),
                "{id}"
            );
            assert!(closed.log(&x, &inside, &mut vec![0.0; dim]).is_err());
            assert!(closed.exp(&x, &v, &mut vec![0.0; dim]).is_err());
            assert!(matches!(
                closed.log(&inside, &inside, &mut vec![0.0; dim + 1]),
                Err(EvalError::Dimension { .. })
            ));
        }
    }
}
