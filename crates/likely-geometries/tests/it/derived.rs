//! The geometries that a density makes.

use crate::support::{assert_close, dot, flat, normal, rows};
use likely_core::{
    EvalError, Form, Geometry, Inverses, Normalisation, Potential, Rows, Seed, SmoothMap, Symmetry, Tensors,
    ValueGrad, check,
};
use likely_geometries::{BuiltDerived, DERIVED, Origin, Sphere, SphereChart, find_derived};
use likely_models::{
    Bandwidth, ChiSquareNorm, Covariances, KernelDensity, Mixture, Quadratic, Strip, StripForm,
};
use ndarray::{Array1, Array2, Array3, ArrayView2, array};
use serde_json::Value;
use std::num::NonZeroU32;
use std::sync::LazyLock;

/// A configuration of every entry that is a metric over the densities of this file, whose `-log p` is between 1 and 20.
const EXAMPLES: &[(&str, &str)] = &[
    ("conformal-energy", ""),
    ("conformal-energy", "form = 'released', alpha = 0.1, beta = 4"),
    ("conformal-energy-inverse", ""),
    ("conformal-energy-inverse", "form = 'released', alpha = 0.1, beta = 4"),
    ("conformal-energy-inverse-released", "alpha = 0.1, beta = 20"),
    ("conformal-energy-inverse-released", "alpha = 0.1, beta = 20, apart = 2"),
    ("conformal-energy-released", "alpha = 0.1, beta = 20"),
    ("conformal-energy-released", "alpha = 0.1, beta = 20, apart = 1"),
    ("density-fisher-rao", ""),
    ("density-fisher-rao", "ridge = 1"),
    ("generative", ""),
    ("generative", "lambda = 0.01, p0 = 0.5"),
    ("generative-released", "lambda = 1e-9, p0 = 1.0"),
    ("generative-released", "lambda = 1e-9, p0 = 1.0, apart = 1"),
    ("inverse-density", ""),
    ("inverse-density-released", ""),
    ("inverse-density-released", "apart = 2"),
    ("jacobi", "total = 0.5"),
    ("jacobi", "total = -0.2, lambda = 3.0"),
    ("jacobian", ""),
    ("jacobian", "ridge = 0.1"),
    ("monge", ""),
    ("monge", "alpha = 0.3"),
    ("monge-collapsed", ""),
    ("monge-collapsed", "alpha = 0.3"),
    ("pull-back", ""),
    ("pull-back", "ridge = 0.5"),
];

/// A decoder of points in the plane and in space.
static PLANE: LazyLock<SphereChart> =
    LazyLock::new(|| SphereChart::new(Sphere::new(2).expect("a dimension")));
static SPACE: LazyLock<SphereChart> =
    LazyLock::new(|| SphereChart::new(Sphere::new(3).expect("a dimension")));

fn origin(potential: &dyn Potential) -> Origin<'_> {
    let decoder: &dyn SmoothMap = if potential.dim() == 3 { &*SPACE } else { &*PLANE };
    Origin { potential, decoder: Some(decoder) }
}

fn build(id: &str, config: &str) -> Result<BuiltDerived, toml::de::Error> {
    let text = format!("config = {{ {config} }}");
    let document = toml::de::DeTable::parse(&text).expect("valid TOML");
    let (span, config) = (document.span(), document.into_inner().remove("config").expect("just written"));
    let toml::de::DeValue::Table(table) = config.into_inner() else { panic!("not a table") };
    (find_derived(id).expect("in the table").build)(toml::Spanned::new(span, table))
}

fn over<'a>(id: &str, config: &str, potential: &'a dyn Potential) -> Box<dyn Geometry + 'a> {
    let built = build(id, config).unwrap_or_else(|error| panic!("{id} {{ {config} }}: {error}"));
    built.derive.over(origin(potential)).unwrap_or_else(|reason| panic!("{id}: {reason}"))
}

fn golden() -> Value {
    serde_json::from_str(include_str!("../golden/density-metrics.json")).expect("JSON")
}

fn mixture() -> Mixture {
    let golden = golden();
    let array = |key: &str, shape| Array3::from_shape_vec(shape, flat(&golden[key])).expect("three axes");
    let means = array("means", (1, 3, 2)).into_shape_with_order((3, 2)).expect("six numbers");
    let covariances = Covariances::Full(array("covariances", (3, 2, 2)));
    Mixture::new(Array1::from(flat(&golden["weights"])).view(), means.view(), covariances).expect("valid")
}

fn kernels() -> KernelDensity {
    let mut rng = Seed::new(1).stream(&[("test", "centres")]);
    let centres = Array2::from_shape_vec((40, 3), normal(&mut rng, 120)).expect("three a row");
    KernelDensity::new(centres.view(), Bandwidth::Fixed(0.8)).expect("valid")
}

fn points(what: &str, count: usize) -> Vec<f64> {
    normal(&mut Seed::new(1).stream(&[("test", what)]), count)
}

#[test]
fn the_table_is_sorted_and_every_entry_says_what_it_is() {
    assert_eq!(DERIVED.len(), 14);
    assert!(DERIVED.windows(2).all(|pair| pair[0].id < pair[1].id), "sort DERIVED by id");
    for derived in DERIVED {
        let kebab = |c: char| c.is_ascii_lowercase() || c == '-';
        assert!(derived.id.chars().all(kebab), "{}", derived.id);
        assert!(derived.summary.ends_with('.') && !derived.source.is_empty(), "{}", derived.id);
        assert!(EXAMPLES.iter().any(|(id, _)| *id == derived.id), "give {} an example", derived.id);
        assert_eq!(find_derived(derived.id).map(|found| found.id), Some(derived.id));
        assert!(likely_geometries::find(derived.id).is_none(), "{} is also a manifold", derived.id);
    }
    assert!(find_derived("no-such-geometry").is_none());
}

#[test]
fn the_resolved_configuration_builds_the_same_geometry() {
    let (mixture, at) = (mixture(), points("at", 8));
    for (id, config) in EXAMPLES {
        let resolved = build(id, config).unwrap().resolved;
        let inline: Vec<String> = resolved.iter().map(|(key, value)| format!("{key} = {value}")).collect();
        assert_eq!(build(id, &inline.join(", ")).unwrap().resolved, resolved, "{id}");
        let [mut first, mut second] = [Tensors::default(), Tensors::default()];
        over(id, config, &mixture).tensors(rows(&at, 2), &mut first).unwrap();
        over(id, &inline.join(", "), &mixture).tensors(rows(&at, 2), &mut second).unwrap();
        assert_close(&first.matrix(3), &second.matrix(3), 0.0, id);
    }
    let defaults = build("conformal-energy", "").unwrap().resolved.to_string();
    assert!(defaults.contains("form = \"intended\"") && defaults.contains("alpha = 1.0"), "{defaults}");
}

#[test]
fn bad_parameters_are_refused_with_their_place() {
    let bad = [
        ("conformal-energy", "alpha = nan", "nan"),
        ("conformal-energy", "form = 'relaxed'", "'relaxed'"),
        ("conformal-energy-inverse", "beta = inf", "inf"),
        ("conformal-energy-released", "form = 'intended'", "form"),
        ("density-fisher-rao", "ridge = 0.0", "0.0"),
        ("generative", "lambda = -1", "-1"),
        ("generative-released", "p0 = 0", "0"),
        ("inverse-density", "lambda = 1", "lambda"),
        ("inverse-density", "apart = 1", "apart"),
        ("inverse-density-released", "apart = -1", "-1"),
        ("jacobi", "total = nan", "nan"),
        ("jacobi", "total = 1, lambda = 0", "0"),
        ("jacobian", "ridge = -1e-4", "-1e-4"),
        ("monge", "alpha = 'one'", "'one'"),
    ];
    for (id, config, place) in bad {
        let error = build(id, config).unwrap_err();
        let text = format!("config = {{ {config} }}");
        assert_eq!(error.span().map(|span| &text[span]), Some(place), "{id} {config}: {error}");
    }
    assert!(build("jacobi", "").unwrap_err().message().contains("total"));
}

/// An id and a configuration.
type Named = (&'static str, &'static str);

/// Configurations whose tensors are those of the authors' code times the sign: their conformal energies are negative at all
/// points of the case, and the same with both parameters negated is positive.
const REFERENCES: &[(&str, Named, Named, f64)] = &[
    ("inverse_density", ("inverse-density", ""), ("inverse-density-released", ""), 1.0),
    ("generative_lam1_p01", ("generative", ""), ("generative-released", ""), 1.0),
    (
        "bethune_a1_b1",
        ("conformal-energy", "form = 'released', alpha = -1, beta = -1"),
        ("conformal-energy-released", "alpha = -1, beta = -1"),
        -1.0,
    ),
    (
        "bethune_inverse_a1_b1",
        ("conformal-energy-inverse", "form = 'released', alpha = -1, beta = -1"),
        ("conformal-energy-inverse-released", "alpha = -1, beta = -1"),
        -1.0,
    ),
    ("fisher_rao_lam1e-4", ("density-fisher-rao", ""), ("density-fisher-rao", ""), 1.0),
    ("monge_a1", ("monge", ""), ("monge", ""), 1.0),
    ("jacobian_lam1e-4", ("jacobian", ""), ("jacobian", ""), 1.0),
];

#[test]
fn the_reference_case_holds_point_by_point_and_as_released() {
    let (golden, mixture) = (golden(), mixture());
    let at = flat(&golden["points"]);
    let mut compared = 0;
    for (name, (id, config), (released, released_config), sign) in REFERENCES {
        let expected = |kind: &str, row: usize| -> Vec<f64> {
            flat(&golden["tensors"][name][kind][row]).iter().map(|x| sign * x).collect()
        };
        let mut together = Tensors::default();
        over(released, released_config, &mixture).tensors(rows(&at, 2), &mut together).unwrap();
        let mut tensors = Tensors::default();
        let geometry = over(id, config, &mixture);
        for (row, x) in at.chunks_exact(2).enumerate() {
            geometry.tensors(rows(x, 2), &mut tensors).unwrap();
            assert_close(&tensors.matrix(0), &expected("pointwise", row), 1e-12, name);
            assert_close(&together.matrix(row), &expected("authors_batched", row), 1e-12, released);
            compared += 2;
        }
    }
    assert_eq!(golden["tensors"].as_object().unwrap().len(), REFERENCES.len());
    assert_eq!(compared, 42);
}

#[test]
fn released_energies_are_no_metric_at_the_points_of_the_reference_case() {
    let (golden, mixture) = (golden(), mixture());
    let at = flat(&golden["points"]);
    for (id, config) in [
        ("conformal-energy", "form = 'released'"),
        ("conformal-energy-inverse", "form = 'released'"),
        ("conformal-energy-released", ""),
        ("conformal-energy-inverse-released", ""),
        ("jacobi", "total = -5"),
    ] {
        let geometry = over(id, config, &mixture);
        let refused = Err(EvalError::NotPositiveDefinite { row: 0 });
        assert_eq!(geometry.tensors(rows(&at, 2), &mut Tensors::default()), refused, "{id}");
        let (v, mut out) = ([1.0; 6], [0.0; 6]);
        assert_eq!(geometry.squared_norms(rows(&at, 2), &v, &mut out[..3]), refused, "{id}");
        assert_eq!(geometry.norm_gradient(rows(&at, 2), &v, &mut out), refused, "{id}");
        assert_eq!(geometry.christoffel(rows(&at, 2), &v, &mut out), refused, "{id}");
    }
    // -log p at the points is 2.79, 2.28 and 2.21: only the first is above 2.5.
    let geometry = over("conformal-energy", "form = 'released', beta = 2.5", &mixture);
    let turned: Vec<f64> = at.chunks_exact(2).rev().flatten().copied().collect();
    let refused = Err(EvalError::NotPositiveDefinite { row: 2 });
    assert_eq!(geometry.tensors(rows(&turned, 2), &mut Tensors::default()), refused);
}

#[test]
fn rows_apart_share_a_factor_of_their_own() {
    let (golden, mixture) = (golden(), mixture());
    let at = flat(&golden["points"]);
    for (id, config) in [("inverse-density-released", ""), ("generative-released", "lambda = 0.1")] {
        let with = |apart: usize| {
            let comma = if config.is_empty() { "" } else { ", " };
            let mut tensors = Tensors::default();
            let geometry = over(id, &format!("{config}{comma}apart = {apart}"), &mixture);
            geometry.tensors(rows(&at, 2), &mut tensors).unwrap();
            (0..3).map(|row| tensors.matrix(row)[0]).collect::<Vec<_>>()
        };
        let together = |points: &[f64]| {
            let mut tensors = Tensors::default();
            over(id, config, &mixture).tensors(rows(points, 2), &mut tensors).unwrap();
            tensors.matrix(0)[0]
        };
        assert_close(&with(0), &[together(&at); 3], 0.0, id);
        assert_close(&with(7), &[together(&at); 3], 0.0, id);
        let (first, others) = (together(&at[..2]), together(&at[2..]));
        assert_close(&with(1), &[first, others, others], 0.0, id);
        assert_ne!(first.to_bits(), others.to_bits());
    }
}

#[test]
fn the_collapsed_metric_is_the_trace_of_the_outer_product() {
    let (mixture, at) = (mixture(), points("at", 10));
    let [mut whole, mut collapsed] = [Tensors::default(), Tensors::default()];
    over("monge", "", &mixture).tensors(rows(&at, 2), &mut whole).unwrap();
    over("monge-collapsed", "", &mixture).tensors(rows(&at, 2), &mut collapsed).unwrap();
    for row in 0..5 {
        let (g, c) = (whole.matrix(row), collapsed.matrix(row));
        assert_close(
            &[c[0], c[1], c[2], c[3]],
            &[g[0] + g[3] - 1.0, 0.0, 0.0, g[0] + g[3] - 1.0],
            1e-13,
            "trace",
        );
    }
}

/// The sum of `<v_i, G(x_i) v_i>` over the rows of one long point.
struct Norms<'a> {
    geometry: &'a dyn Geometry,
    v: Vec<f64>,
}

impl Potential for Norms<'_> {
    fn dim(&self) -> usize {
        self.v.len()
    }
    fn normalisation(&self) -> Normalisation {
        Normalisation::UpToConstant
    }
    fn symmetry(&self) -> Symmetry<'_> {
        Symmetry::None
    }
    fn value(&self, points: ArrayView2<'_, f64>) -> Result<Array1<f64>, EvalError> {
        let dim = self.geometry.dim();
        let mut norms = vec![0.0; self.v.len() / dim];
        let at = points.row(0).to_vec();
        self.geometry.squared_norms(Rows::new(&at, dim)?, &self.v, &mut norms)?;
        Ok(array![norms.iter().sum()])
    }
    fn value_and_grad(&self, points: ArrayView2<'_, f64>) -> Result<ValueGrad, EvalError> {
        let at = points.row(0).to_vec();
        let mut grad = Array2::zeros(points.raw_dim());
        let out = grad.as_slice_mut().expect("new");
        self.geometry.norm_gradient(Rows::new(&at, self.geometry.dim())?, &self.v, out)?;
        Ok(ValueGrad { value: self.value(points)?, grad })
    }
}

#[test]
fn gradients_of_norms_pass_the_taylor_check() {
    let (mixture, kernels) = (mixture(), kernels());
    let mut rng = Seed::new(1).stream(&[("test", "taylor")]);
    let mut checked = 0;
    for potential in [&mixture as &dyn Potential, &kernels] {
        for (id, config) in EXAMPLES {
            let geometry = over(id, config, potential);
            for trial in 0..20 {
                let count = 1 + trial % 3;
                let v = normal(&mut rng, count * potential.dim());
                let at = Array1::from(normal(&mut rng, v.len()));
                let norms = Norms { geometry: geometry.as_ref(), v };
                let slope = check::gradient(&norms, at.view(), &mut rng).unwrap();
                assert!(slope.passes(), "{id} {{ {config} }} at {at}: {slope:?}");
                checked += 1;
            }
        }
    }
    assert_eq!(checked, 2 * 20 * EXAMPLES.len());
}

#[test]
fn every_way_to_ask_gives_the_same_tensor_and_it_can_be_inverted() {
    let (mixture, kernels) = (mixture(), kernels());
    for potential in [&mixture as &dyn Potential, &kernels] {
        let dim = potential.dim();
        let (at, v) = (points("at", 5 * dim), points("v", 5 * dim));
        for (id, config) in EXAMPLES {
            let geometry = over(id, config, potential);
            assert_eq!(geometry.evaluates_density(), *id != "pull-back", "{id}");
            assert_eq!(geometry.dim(), dim);
            let [mut tensors, mut again] = [Tensors::default(), Tensors::default()];
            geometry.tensors(rows(&at, dim), &mut tensors).unwrap();
            assert_eq!(tensors.form(), geometry.form(), "{id}");
            let [mut gradient, mut alone, mut lowered] = [(); 3].map(|()| vec![0.0; v.len()]);
            geometry.linearise(rows(&at, dim), &v, &mut again, &mut gradient).unwrap();
            geometry.norm_gradient(rows(&at, dim), &v, &mut alone).unwrap();
            // A velocity is once a column of numbers times the Jacobian and once a formula.
            assert_close(&gradient, &alone, if *id == "pull-back" { 1e-13 } else { 0.0 }, id);
            tensors.apply(&v, &mut lowered);
            let mut norms = vec![0.0; 5];
            geometry.squared_norms(rows(&at, dim), &v, &mut norms).unwrap();
            for row in 0..5 {
                assert_close(&again.matrix(row), &tensors.matrix(row), 0.0, id);
                let here = row * dim..(row + 1) * dim;
                let expected = dot(&v[here.clone()], &lowered[here]);
                assert_close(&norms[row..=row], &[expected], 1e-13, id);
            }
            let mut inverses = Inverses::default();
            inverses.factorise(&tensors).unwrap();
            let mut back = vec![0.0; v.len()];
            inverses.apply(&lowered, &mut back);
            // The ridge of 1e-4 leaves condition numbers up to 1e6.
            assert_close(&back, &v, 1e-8, id);
        }
    }
}

#[test]
fn christoffel_symbols_are_those_of_the_sum_of_norms() {
    let (mixture, kernels) = (mixture(), kernels());
    let step = 1e-4;
    for potential in [&mixture as &dyn Potential, &kernels] {
        let dim = potential.dim();
        let (at, v) = (points("at", 4 * dim), points("v", 4 * dim));
        for (id, config) in EXAMPLES {
            let geometry = over(id, config, potential);
            let lowered = |h: f64| {
                let moved: Vec<f64> = at.iter().zip(&v).map(|(x, v)| x + h * v).collect();
                let (mut tensors, mut out) = (Tensors::default(), vec![0.0; v.len()]);
                geometry.tensors(rows(&moved, dim), &mut tensors).unwrap();
                tensors.apply(&v, &mut out);
                out
            };
            // Fourth order in the step: what is left is below 1e-9 of the largest number.
            let [a, b, c, d] = [2.0, 1.0, -1.0, -2.0].map(|k| lowered(k * step));
            let mut gradient = vec![0.0; v.len()];
            geometry.norm_gradient(rows(&at, dim), &v, &mut gradient).unwrap();
            let expected: Vec<f64> = (0..v.len())
                .map(|k| (8.0 * (b[k] - c[k]) - (a[k] - d[k])) / (12.0 * step) - 0.5 * gradient[k])
                .collect();
            let mut found = vec![0.0; v.len()];
            geometry.christoffel(rows(&at, dim), &v, &mut found).unwrap();
            assert_close(&found, &expected, 1e-8, &format!("{id} {{ {config} }}"));
        }
    }
}

#[test]
fn what_the_density_lacks_is_said_in_words() {
    let strip = Strip::new(StripForm::Log, 0.15).unwrap();
    let mut refused = Vec::new();
    for derived in DERIVED {
        let config = EXAMPLES.iter().find(|(id, _)| *id == derived.id).unwrap().1;
        if let Err(reason) = build(derived.id, config).unwrap().derive.over(origin(&strip)) {
            assert!(reason.contains(derived.id) && reason.contains("second derivatives"), "{reason}");
            refused.push(derived.id);
        }
    }
    assert_eq!(refused, ["density-fisher-rao", "jacobian", "monge", "monge-collapsed"]);
    let wide = Quadratic::new(vec![0.0; 1025], 1.0).unwrap();
    let reason = build("jacobian", "").unwrap().derive.over(Origin::density(&wide)).err().unwrap();
    assert!(reason.contains("1025") && reason.contains("1024"), "{reason}");
}

#[test]
fn a_pull_back_is_that_of_the_decoder_raised_and_needs_one_that_fits() {
    let (mixture, at) = (mixture(), points("at", 8));
    let (mut tensors, mut raised) = (Tensors::default(), Tensors::default());
    let (mut expected, mut found) = (vec![0.0; 16], Vec::new());
    for (row, x) in at.chunks_exact(2).enumerate() {
        // Stereographic coordinates stretch every direction by 2 / (1 + |x|^2).
        let factor = (2.0 / (1.0 + dot(x, x))).powi(2);
        expected[4 * row] = factor;
        expected[4 * row + 3] = factor;
    }
    over("pull-back", "", &mixture).tensors(rows(&at, 2), &mut tensors).unwrap();
    over("pull-back", "ridge = 0.5", &mixture).tensors(rows(&at, 2), &mut raised).unwrap();
    found.extend_from_slice(tensors.matrices());
    assert_close(&found, &expected, 1e-14, "the pull-back");
    expected.iter_mut().step_by(4).for_each(|g| *g += 0.5);
    expected.iter_mut().skip(3).step_by(4).for_each(|g| *g += 0.5);
    assert_close(raised.matrices(), &expected, 1e-14, "with a ridge");

    let refused = |origin: Origin<'_>| build("pull-back", "").unwrap().derive.over(origin).err().unwrap();
    let without = refused(Origin::density(&mixture));
    assert!(without.contains("made of a decoder") && without.contains("`image-vae`"), "{without}");
    let other = refused(Origin { potential: &mixture, decoder: Some(&*SPACE) });
    assert!(other.contains("takes 3 coordinates, and the density has 2"), "{other}");
    let chart = SphereChart::new(Sphere::new(1025).unwrap());
    let wide = Quadratic::new(vec![0.0; 1025], 1.0).unwrap();
    let large = refused(Origin { potential: &wide, decoder: Some(&chart) });
    assert!(large.contains("1025 coordinates; at most 1024"), "{large}");
    let negative = build("pull-back", "ridge = -1").unwrap_err().to_string();
    assert!(negative.contains("-1 is not a finite number of 0 or more"), "{negative}");
}

#[test]
fn points_of_another_dimension_are_refused() {
    let (mixture, wide) = (mixture(), [0.0; 3]);
    for (id, config) in EXAMPLES {
        let geometry = over(id, config, &mixture);
        let refused = Err(EvalError::Dimension { expected: 2, found: 3 });
        let (at, v, mut out) = (rows(&wide, 3), [1.0; 3], [0.0; 3]);
        assert_eq!(geometry.tensors(at, &mut Tensors::default()), refused, "{id}");
        assert_eq!(geometry.norm_gradient(at, &v, &mut out), refused, "{id}");
        assert_eq!(geometry.squared_norms(at, &v, &mut out[..1]), refused, "{id}");
        assert_eq!(geometry.christoffel(at, &v, &mut out), refused, "{id}");
    }
}

fn assert_outside(result: Result<(), EvalError>, expected: usize, what: &str) {
    match result {
        Err(EvalError::OutsideChart { row, reason }) => {
            assert_eq!(row, expected, "{what}: {reason}");
            assert!(!reason.is_empty());
        }
        other => panic!("{what}: {other:?}"),
    }
}

#[test]
fn densities_that_no_number_holds_are_outside_and_never_a_number() {
    let mixture = mixture();
    // -log p is about 4000 at the second point, and infinite at the second point of the other pair.
    let (far, beyond) = ([0.0, 0.0, 50.0, 0.0], [0.0, 0.0, 1e200, 0.0]);
    let (v, mut tensors) = ([1.0; 4], Tensors::default());
    let mut out = [0.0; 4];
    for (at, row) in [(&far, 1), (&beyond, 1)] {
        let geometry = over("inverse-density", "", &mixture);
        assert_outside(geometry.tensors(rows(at, 2), &mut tensors), row, "inverse-density");
        assert_outside(geometry.squared_norms(rows(at, 2), &v, &mut out[..2]), row, "inverse-density");
        assert_outside(geometry.norm_gradient(rows(at, 2), &v, &mut out), row, "inverse-density");
        let pooled = over("inverse-density-released", "", &mixture);
        assert_outside(pooled.tensors(rows(at, 2), &mut tensors), 0, "inverse-density-released");
        // The bounded one reaches its bound, 4, and is level there.
        let bounded = over("generative", "", &mixture);
        bounded.linearise(rows(at, 2), &v, &mut tensors, &mut out).unwrap();
        assert_close(&tensors.matrix(1), &[4.0, 0.0, 0.0, 4.0], 1e-15, "generative");
        assert_close(&out[2..], &[0.0, 0.0], 0.0, "generative");
    }
    for (id, config) in [("conformal-energy", ""), ("jacobi", "total = 0.0")] {
        assert_outside(over(id, config, &mixture).tensors(rows(&beyond, 2), &mut tensors), 1, id);
    }
    // A density of 1e280 in the middle of a kernel.
    let narrow = KernelDensity::new(array![[0.0, 0.0]].view(), Bandwidth::Fixed(1e-140)).unwrap();
    for id in ["inverse-density", "generative", "generative-released"] {
        assert_outside(over(id, "", &narrow).tensors(rows(&[0.0, 0.0], 2), &mut tensors), 0, id);
    }
    // The score of the chi-square law has no direction at the origin.
    let law = ChiSquareNorm::new(NonZeroU32::new(3).unwrap());
    let at = [1.0, 1.0, 0.5, 0.0, 0.0, 0.0];
    let (v, mut out) = ([1.0; 6], [0.0; 6]);
    for id in ["density-fisher-rao", "jacobian", "monge", "monge-collapsed"] {
        let geometry = over(id, "", &law);
        assert_outside(geometry.tensors(rows(&at, 3), &mut tensors), 1, id);
        assert_outside(geometry.squared_norms(rows(&at, 3), &v, &mut out[..2]), 1, id);
        assert_outside(geometry.norm_gradient(rows(&at, 3), &v, &mut out), 1, id);
        assert_outside(geometry.christoffel(rows(&at, 3), &v, &mut out), 1, id);
    }
}

#[test]
fn paths_of_least_regularised_energy_are_geodesics_of_jacobi() {
    // z'' = (lambda a / 2) (z - c) has the solution c + p cosh(w t) + q sinh(w t) with w^2 = lambda a / 2.
    let (a, lambda, centre) = (0.7, 3.0, [1.0, -1.0]);
    let quadratic = Quadratic::new(centre.to_vec(), a).unwrap();
    let rate = (0.5 * lambda * a).sqrt();
    let (p, q) = ([-1.5, 0.4], [0.6, 1.1]);
    let state = |t: f64| {
        let (cosh, sinh) = ((rate * t).cosh(), (rate * t).sinh());
        let z = [0, 1].map(|j| centre[j] + p[j] * cosh + q[j] * sinh);
        let velocity = [0, 1].map(|j| rate * (p[j] * sinh + q[j] * cosh));
        let acceleration = [0, 1].map(|j| rate * rate * (z[j] - centre[j]));
        (z, velocity, acceleration)
    };
    let kept = |t: f64| {
        let (z, v, _) = state(t);
        let s: f64 = 0.5 * a * z.iter().zip(&centre).map(|(z, c)| (z - c) * (z - c)).sum::<f64>();
        dot(&v, &v) - lambda * s
    };
    let total = kept(0.0);
    let geometry = over("jacobi", &format!("total = {total:?}, lambda = {lambda:?}"), &quadratic);
    assert_eq!(geometry.form(), Form::Conformal);
    for t in [0.0, 0.3, 1.0, 1.7] {
        assert!((kept(t) - total).abs() < 1e-12);
        let (z, v, acceleration) = state(t);
        let (mut tensors, mut gamma) = (Tensors::default(), [0.0; 2]);
        geometry.tensors(rows(&z, 2), &mut tensors).unwrap();
        geometry.christoffel(rows(&z, 2), &v, &mut gamma).unwrap();
        let factor = tensors.diagonal_part()[0];
        // The squared speed is the factor itself, and the covariant acceleration has no part across the velocity.
        assert!((factor - dot(&v, &v)).abs() < 1e-12 * factor);
        let [x, y] = [0, 1].map(|j| acceleration[j] + gamma[j] / factor);
        assert!((x * v[1] - y * v[0]).abs() < 1e-12, "{t}: {x} {y}");
    }
}
