//! What every model in the table must do.

use crate::support::{WITH_CORNERS, bits, build, error, normal};
use likely_core::{EvalError, Rows, Seed, Symmetry, check};
use likely_models::{ALL, BuildError, find};
use ndarray::{Array2, ArrayView1, ShapeBuilder, s};

/// A valid configuration of every model, over points in two dimensions.
const EXAMPLES: &[(&str, &str)] = &[
    ("autoregressive", "weights = \"autoregressive.safetensors\""),
    ("chi-square-norm", "dim = 2"),
    ("chi-square-norm", "dim = 11"),
    ("circle", "dim = 2"),
    ("circle", "dim = 5"),
    ("constant", "dim = 3"),
    ("diffusion-2d", "weights = \"diffusion-2d.safetensors\", pieces = 1"),
    ("energy-network", "weights = \"energy-network.safetensors\""),
    ("finite-set", "schedule = \"linear\", time = 0.6"),
    ("gaussian-average", "weights = [0.3, 0.7], centres = [[0.5, -1.0], [1.5, 2.0]]"),
    ("gaussian-average", "weights = [2], centres = [[0.1, 0.2, 0.3]]"),
    ("gmm", "components = 2"),
    ("gmm", "components = 3, covariance = \"diagonal\", restarts = 2"),
    ("gmm", "components = 1, covariance = \"spherical\""),
    ("image-diffusion", "weights = \"image-diffusion.safetensors\""),
    ("image-diffusion", "weights = \"image-diffusion.safetensors\", potential = \"gaussian\", level = 20"),
    ("image-gan", "weights = \"image-gan.safetensors\", starts = 2, steps = 3"),
    ("image-gaussian", "folder = \"images.npy\", components = 5"),
    ("image-gaussian", "folder = \"images.npy\", components = 5, potential = \"chi-square\""),
    ("image-score-sde", "weights = \"image-score-sde.safetensors\", tolerance = 1e-3"),
    ("image-vae", "weights = \"image-vae.safetensors\""),
    ("kde", ""),
    ("kde", "bandwidth = { fixed = 0.7 }"),
    ("kde", "bandwidth = \"silverman\""),
    ("noisy-sine", ""),
    ("noisy-sine", "first = { uniform = 40.0 }, noise = 0.3"),
    ("normalizing-flow", "weights = \"normalizing-flow.safetensors\""),
    ("quadratic", "centre = [1, -1.5], scale = 0.7"),
    ("sphere-diffusion", "weights = \"sphere-diffusion.safetensors\", steps = 3, time = 0.05"),
    ("strip", ""),
    ("strip", "form = \"released\", width = 0.4"),
    ("two-moons", ""),
    ("vae", "weights = \"vae.safetensors\""),
    ("vae", "weights = \"vae.safetensors\", objective = \"mean\""),
    ("vae", "weights = \"vae.safetensors\", objective = \"released\", samples = 3"),
    (
        "von-mises-fisher",
        "weights = [0.3, 0.7], means = [[0.6, 0, 0.8], [-10, 150.5]], concentrations = [30, 0.5]",
    ),
    (
        "von-mises-fisher",
        "coordinates = \"stereographic\", weights = [0.5, 0.5], means = [[0, 1, 0], [45, 10]], concentrations = [3, 8]",
    ),
];

/// Models that offer no second derivatives.
const WITHOUT_CURVATURE: &[&str] = &["diffusion-2d", "sphere-diffusion", "strip"];

/// What the checks along rays leave to other tests: corners, noise without relation between points, and what takes too long.
fn is_left_out((id, config): &(&str, &str)) -> bool {
    WITH_CORNERS.contains(id)
        || ["diffusion-2d", "image-diffusion"].contains(id)
        || config.contains("released\", samples")
}

#[test]
fn the_table_is_sorted_and_every_entry_says_what_it_is() {
    assert!(ALL.windows(2).all(|pair| pair[0].id < pair[1].id), "sort ALL by id");
    for model in ALL {
        let kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        assert!(model.id.chars().all(kebab), "{} is not in kebab-case", model.id);
        assert!(model.summary.ends_with('.') && !model.source.is_empty(), "{}", model.id);
        assert!(EXAMPLES.iter().any(|(id, _)| *id == model.id), "give {} an example here", model.id);
        assert_eq!(find(model.id).map(|found| found.id), Some(model.id));
    }
    assert!(find("no-such-model").is_none());
}

#[test]
fn an_unknown_key_is_named_with_its_place() {
    let points = normal("points", 60, 2, 1.0);
    for (id, config) in EXAMPLES {
        let config =
            if config.is_empty() { "lamda = 1.0".to_owned() } else { format!("{config}, lamda = 1.0") };
        let BuildError::Config(error) = error(id, &config, Some(points.view())) else {
            panic!("{id}: not a configuration error")
        };
        assert!(error.message().contains("lamda"), "{id}: {error}");
        let text = format!("config = {{ {config} }}");
        assert_eq!(error.span().map(|span| &text[span]), Some("lamda"), "{id}");
    }
}

#[test]
fn the_resolved_configuration_builds_the_same_model() {
    let points = normal("points", 60, 2, 1.0);
    for (id, config) in EXAMPLES {
        let first = build(id, config, Some(points.view())).unwrap_or_else(|e| panic!("{id} {config}: {e}"));
        let inline: Vec<String> =
            first.resolved.iter().map(|(key, value)| format!("{key} = {value}")).collect();
        let second =
            build(id, &inline.join(", "), Some(points.view())).unwrap_or_else(|e| panic!("{id}: {e}"));
        assert_eq!(first.resolved, second.resolved);
        assert_eq!(first.facts, second.facts);
        let at = normal("at", 5, first.potential.dim(), 1.0);
        let (a, b) = (first.potential.value(at.view()).unwrap(), second.potential.value(at.view()).unwrap());
        assert_eq!(bits(&a), bits(&b), "{id} {config}");
    }
}

#[test]
fn the_bits_depend_neither_on_the_batch_nor_on_the_layout() {
    let points = normal("points", 60, 2, 1.0);
    for (id, config) in EXAMPLES {
        let potential = build(id, config, Some(points.view())).unwrap().potential;
        let dim = potential.dim();
        let at = normal("at", 43, dim, 3.0);
        let whole = potential.value_and_grad(at.view()).unwrap();
        assert_eq!(
            bits(&whole.value),
            bits(&potential.value(at.view()).unwrap()),
            "{id} {config}: value alone"
        );
        for i in 0..at.nrows() {
            let one = potential.value_and_grad(at.slice(s![i..=i, ..])).unwrap();
            assert_eq!(one.value[0].to_bits(), whole.value[i].to_bits(), "{id} {config}: row {i}");
            assert_eq!(bits(&one.grad), bits(whole.grad.row(i)), "{id} {config}: gradient of row {i}");
        }
        let mut columns = Array2::zeros(at.raw_dim().f());
        columns.assign(&at);
        let other = potential.value_and_grad(columns.view()).unwrap();
        assert_eq!(bits(&other.value), bits(&whole.value), "{id} {config}: by columns");
        assert_eq!(bits(&other.grad), bits(&whole.grad), "{id} {config}: by columns");
        let empty = potential.value_and_grad(at.slice(s![..0, ..])).unwrap();
        assert_eq!((empty.value.len(), empty.grad.dim()), (0, (0, dim)), "{id} {config}");
    }
}

#[test]
fn every_gradient_passes_the_taylor_check() {
    let points = normal("points", 60, 2, 1.0);
    let mut rng = Seed::new(1).stream(&[("test", "taylor")]);
    let mut checked = 0;
    for (id, config) in EXAMPLES.iter().filter(|example| !is_left_out(example)) {
        let potential = build(id, config, Some(points.view())).unwrap().potential;
        for point in normal("at", 60, potential.dim(), 2.0).rows() {
            let slope = check::gradient(potential.as_ref(), point, &mut rng).unwrap();
            assert!(slope.passes(), "{id} {config} at {point}: {slope:?}");
            checked += 1;
        }
    }
    assert_eq!(checked, 60 * (EXAMPLES.len() - 6));
}

#[test]
fn second_and_third_derivatives_pass_the_taylor_check() {
    let points = normal("points", 60, 2, 1.0);
    let mut rng = Seed::new(1).stream(&[("test", "curvature")]);
    let (mut checked, mut visible) = (0, 0);
    for (id, config) in EXAMPLES {
        let potential = build(id, config, Some(points.view())).unwrap().potential;
        assert_eq!(potential.curvature().is_none(), WITHOUT_CURVATURE.contains(id), "{id}");
        if potential.curvature().is_none() || is_left_out(&(*id, *config)) {
            continue;
        }
        for point in normal("at", 60, potential.dim(), 1.0).rows() {
            let slopes = check::curvature(potential.as_ref(), point, &mut rng).unwrap();
            assert!(slopes.passes(), "{id} {config} at {point}: {slopes:?}");
            checked += 1;
            visible += usize::from(slopes.hessian_gradient.slope >= 1.8);
        }
    }
    assert_eq!(checked, 60 * (EXAMPLES.len() - 5 - 4));
    // Eight of the examples are quadratic, or radial with a Hessian that is.
    assert!(visible > 60 * 7, "{visible}");
}

#[test]
fn curvature_depends_not_on_the_batch_and_refuses_other_dimensions() {
    let points = normal("points", 60, 2, 1.0);
    for (id, config) in EXAMPLES {
        let potential = build(id, config, Some(points.view())).unwrap().potential;
        let Some(curvature) = potential.curvature() else { continue };
        let dim = potential.dim();
        let [at, u, v] = ["at", "u", "v"].map(|name| normal(name, 11, dim, 1.0).into_raw_vec_and_offset().0);
        let [mut hessian, mut product, mut third] =
            [11 * dim * dim, 11 * dim, 11 * dim].map(|n| vec![0.0; n]);
        let rows = Rows::new(&at, dim).unwrap();
        curvature.hessian(rows, &mut hessian).unwrap();
        curvature.hessian_vector(rows, &v, &mut product).unwrap();
        curvature.hessian_gradient(rows, &u, &v, &mut third).unwrap();
        for i in 0..11 {
            let here = i * dim..(i + 1) * dim;
            let one = Rows::new(&at[here.clone()], dim).unwrap();
            let [mut h, mut p, mut t] = [dim * dim, dim, dim].map(|n| vec![0.0; n]);
            curvature.hessian(one, &mut h).unwrap();
            curvature.hessian_vector(one, &v[here.clone()], &mut p).unwrap();
            curvature.hessian_gradient(one, &u[here.clone()], &v[here.clone()], &mut t).unwrap();
            assert_eq!(bits(&h), bits(&hessian[i * dim * dim..(i + 1) * dim * dim]), "{id} {config}");
            assert_eq!(bits(&p), bits(&product[here.clone()]), "{id} {config}");
            assert_eq!(bits(&t), bits(&third[here]), "{id} {config}");
        }
        let found = dim + 1;
        let wide = vec![0.0; found];
        let wide = Rows::new(&wide, found).unwrap();
        let refused = Err(EvalError::Dimension { expected: dim, found });
        let mut out = vec![0.0; found * found];
        assert_eq!(curvature.hessian(wide, &mut out), refused, "{id}");
        assert_eq!(curvature.hessian_vector(wide, &vec![0.0; found], &mut out[..found]), refused, "{id}");
        let zeros = vec![0.0; found];
        assert_eq!(curvature.hessian_gradient(wide, &zeros, &zeros, &mut out[..found]), refused, "{id}");
    }
}

#[test]
fn a_radial_potential_agrees_with_its_profile() {
    let points = normal("points", 60, 2, 1.0);
    let mut radial_models = 0;
    for (id, config) in EXAMPLES {
        let potential = build(id, config, Some(points.view())).unwrap().potential;
        let origin = vec![0.0; potential.dim()];
        let (centre, radial) = match potential.symmetry() {
            Symmetry::Radial(radial) => (&origin[..], radial),
            Symmetry::RadialAbout { centre, profile } => (centre, profile),
            _ => continue,
        };
        let mut at = normal("at", 20, potential.dim(), 2.0);
        let squared: Vec<f64> = at.rows().into_iter().map(|row| row.dot(&row)).collect();
        let directions = at.clone();
        at += &ArrayView1::from(centre);
        let (mut values, mut slopes) = (vec![0.0; 20], vec![0.0; 20]);
        radial.profile(&squared, &mut values, Some(&mut slopes));
        let direct = potential.value_and_grad(at.view()).unwrap();
        for i in 0..20 {
            let off = (values[i] - direct.value[i]).abs();
            assert!(off < 1e-12 * values[i].abs().max(1.0), "{id}: {off}");
            let gradient = &directions.row(i) * (2.0 * slopes[i]);
            let largest = gradient.iter().fold(1.0_f64, |top, g| top.max(g.abs()));
            assert!((&gradient - &direct.grad.row(i)).iter().all(|g| g.abs() < 1e-12 * largest), "{id}");
        }
        let mut alone = vec![0.0; 20];
        radial.profile(&squared, &mut alone, None);
        assert_eq!(bits(&alone), bits(&values));
        radial_models += 1;
    }
    assert_eq!(radial_models, 15);
}

#[test]
fn points_of_another_dimension_are_refused() {
    let points = normal("points", 60, 2, 1.0);
    for (id, config) in EXAMPLES {
        let potential = build(id, config, Some(points.view())).unwrap().potential;
        let (expected, found) = (potential.dim(), potential.dim() + 1);
        let wide = Array2::zeros((3, found));
        let refused = EvalError::Dimension { expected, found };
        assert_eq!(potential.value(wide.view()).unwrap_err(), refused, "{id}");
        assert_eq!(potential.value_and_grad(wide.view()).unwrap_err(), refused, "{id}");
    }
}

#[test]
fn bad_numbers_are_refused_with_their_place() {
    let points = normal("points", 60, 2, 1.0);
    let bad = [
        ("chi-square-norm", "dim = 0", "0"),
        ("chi-square-norm", "dim = -3", "-3"),
        ("chi-square-norm", "dim = 2.5", "2.5"),
        ("chi-square-norm", "dim = 99999999999", "99999999999"),
        ("circle", "dim = 0", "0"),
        ("constant", "dim = 0", "0"),
        ("gaussian-average", "weights = [0.5, 0.0], centres = [[0.0], [1.0]]", "0.0"),
        ("gaussian-average", "weights = [0.5, -1], centres = [[0.0], [1.0]]", "-1"),
        ("gaussian-average", "weights = [nan], centres = [[0.0]]", "nan"),
        ("gaussian-average", "weights = [1.0], centres = [[inf]]", "inf"),
        ("gaussian-average", "weights = [1.0, 2.0], centres = [[0.0], [1.0, 2.0]]", "[[0.0], [1.0, 2.0]]"),
        ("gaussian-average", "weights = [1.0], centres = 3", "3"),
        ("gmm", "components = 0", "0"),
        ("gmm", "components = 2, restarts = 0", "0"),
        ("gmm", "components = 2, max-iterations = 0", "0"),
        ("gmm", "components = 2, tolerance = nan", "nan"),
        ("gmm", "components = 2, tolerance = 0.0", "0.0"),
        ("gmm", "components = 2, tolerance = -1e-3", "-1e-3"),
        ("gmm", "components = 2, floor = inf", "inf"),
        ("gmm", "components = 2, floor = 0", "0"),
        ("gmm", "components = 2, covariance = \"diag\"", "\"diag\""),
        ("gmm", "components = \"two\"", "\"two\""),
        ("kde", "bandwidth = { fixed = nan }", "nan"),
        ("kde", "bandwidth = { fixed = inf }", "inf"),
        ("kde", "bandwidth = { fixed = -1.0 }", "-1.0"),
        ("kde", "bandwidth = { fixed = 0 }", "0"),
        ("kde", "bandwidth = \"scot\"", "\"scot\""),
        ("image-diffusion", "weights = \"image-diffusion.safetensors\", steps = 0", "0"),
        ("image-diffusion", "weights = \"image-diffusion.safetensors\", potential = \"chi\"", "\"chi\""),
        ("image-gan", "weights = \"image-gan.safetensors\", starts = 0", "0"),
        ("image-gan", "weights = \"image-gan.safetensors\", deviation = 0.0", "0.0"),
        ("image-gan", "weights = \"image-gan.safetensors\", potential = \"elbo\"", "\"elbo\""),
        ("image-score-sde", "weights = \"image-score-sde.safetensors\", time = 1.5", "1.5"),
        ("image-score-sde", "weights = \"image-score-sde.safetensors\", tolerance = -1.0", "-1.0"),
        ("image-score-sde", "weights = \"image-score-sde.safetensors\", probes = 0", "0"),
        ("image-vae", "weights = \"image-vae.safetensors\", architecture = \"brain\"", "\"brain\""),
        ("image-vae", "weights = \"image-vae.safetensors\", samples = 0", "0"),
        ("noisy-sine", "noise = 0.0", "0.0"),
        ("noisy-sine", "first = { gaussian = -1.0 }", "-1.0"),
        ("noisy-sine", "first = \"cauchy\"", "\"cauchy\""),
        ("quadratic", "centre = [nan], scale = 1.0", "nan"),
        ("quadratic", "centre = [0.0], scale = 0.0", "0.0"),
        ("quadratic", "centre = [0.0], scale = -2", "-2"),
        ("diffusion-2d", "weights = \"diffusion-2d.safetensors\", pieces = 0", "0"),
        ("diffusion-2d", "weights = 3", "3"),
        ("strip", "width = 0.0", "0.0"),
        ("sphere-diffusion", "weights = \"sphere-diffusion.safetensors\", steps = 0", "0"),
        ("strip", "form = \"logarithm\"", "\"logarithm\""),
        ("vae", "weights = \"vae.safetensors\", objective = \"elbo\"", "\"elbo\""),
        ("vae", "weights = \"vae.safetensors\", samples = 0", "0"),
        ("von-mises-fisher", "weights = [0], means = [[1, 0, 0]], concentrations = [1]", "0"),
        ("von-mises-fisher", "weights = [1], means = [[1, 1, 0]], concentrations = [1]", "[[1, 1, 0]]"),
        ("von-mises-fisher", "weights = [1], means = [[91, 0]], concentrations = [1]", "[[91, 0]]"),
        ("von-mises-fisher", "weights = [1], means = [[nan, 0]], concentrations = [1]", "[[nan, 0]]"),
        ("von-mises-fisher", "weights = [1], means = [[0]], concentrations = [1]", "[[0]]"),
        ("von-mises-fisher", "weights = [1], means = [[0, 0]], concentrations = [inf]", "inf"),
    ];
    for (id, config, place) in bad {
        let BuildError::Config(error) = error(id, config, Some(points.view())) else {
            panic!("{id} {config}: not a configuration error")
        };
        let text = format!("config = {{ {config} }}");
        assert_eq!(error.span().map(|span| &text[span]), Some(place), "{id} {config}: {error}");
    }
}
