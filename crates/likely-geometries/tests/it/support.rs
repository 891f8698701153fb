//! Building geometries from text, random points in their charts, and reading golden files.

use likely_core::{Geometry, Rows, Seed};
use likely_geometries::{Built, find};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use serde_json::Value;

/// The manifold `id` with the keys in `config`, written as in an inline table.
pub(crate) fn build_in_full(id: &str, config: &str) -> Result<Built, toml::de::Error> {
    let text = format!("config = {{ {config} }}");
    let document = toml::de::DeTable::parse(&text).expect("valid TOML");
    let (span, config) = (document.span(), document.into_inner().remove("config").expect("just written"));
    let toml::de::DeValue::Table(table) = config.into_inner() else { panic!("not a table") };
    (find(id).expect("in the table").build)(toml::Spanned::new(span, table))
}

pub(crate) fn build(id: &str, config: &str) -> Box<dyn Geometry> {
    build_in_full(id, config).unwrap_or_else(|error| panic!("{id} {{ {config} }}: {error}")).geometry
}

pub(crate) fn error(id: &str, config: &str) -> String {
    match build_in_full(id, config) {
        Ok(_) => panic!("{id} {{ {config} }} was accepted"),
        Err(error) => error.to_string(),
    }
}

/// A geometry of the suite.
pub(crate) struct Entry {
    pub(crate) id: &'static str,
    pub(crate) config: &'static str,
    /// Draws a point of the chart from normal numbers.
    pub(crate) place: fn(&mut [f64]),
    pub(crate) geometry: Box<dyn Geometry>,
}

impl Entry {
    pub(crate) fn name(&self) -> String {
        format!("{} {{ {} }}", self.id, self.config)
    }

    pub(crate) fn stream(&self, what: &str) -> ChaCha8Rng {
        Seed::new(1).stream(&[("test", what), ("geometry", self.id), ("config", self.config)])
    }

    /// Random points of the chart, row by row.
    pub(crate) fn points(&self, what: &str, count: usize) -> Vec<f64> {
        let dim = self.geometry.dim();
        let mut points = normal(&mut self.stream(what), count * dim);
        points.chunks_exact_mut(dim).for_each(self.place);
        points
    }

    pub(crate) fn vectors(&self, what: &str, count: usize) -> Vec<f64> {
        normal(&mut self.stream(what), count * self.geometry.dim())
    }
}

pub(crate) fn normal(rng: &mut ChaCha8Rng, count: usize) -> Vec<f64> {
    (0..count).map(|_| StandardNormal.sample(rng)).collect()
}

fn anywhere(_: &mut [f64]) {}

fn last_positive(x: &mut [f64]) {
    let last = x.len() - 1;
    x[last] = x[last].exp();
}

fn all_positive(x: &mut [f64]) {
    for x in x.iter_mut() {
        *x = x.exp();
    }
}

fn probability(x: &mut [f64]) {
    for x in x.iter_mut() {
        *x = 1.0 / (1.0 + x.exp());
    }
}

/// Row by row the upper triangle of a matrix whose diagonal is made positive.
fn triangle(x: &mut [f64]) {
    let mut order = 1;
    while order * (order + 1) / 2 < x.len() {
        order += 1;
    }
    let mut at = 0;
    for row in 0..order {
        x[at] = (0.5 * x[at]).exp();
        at += order - row;
    }
}

/// Probabilities whose sum is below one.
fn simplex(x: &mut [f64]) {
    for x in x.iter_mut() {
        *x = x.exp();
    }
    let total = 1.0 + x.iter().sum::<f64>();
    for x in x.iter_mut() {
        *x /= total;
    }
}

/// The upper triangle of a positive definite matrix.
fn definite(x: &mut [f64]) {
    triangle(x);
    let order = (1..=x.len()).find(|n| n * (n + 1) / 2 == x.len()).expect("a triangle");
    let mut factor = vec![0.0; order * order];
    let mut entries = x.iter();
    for a in 0..order {
        for b in a..order {
            factor[a * order + b] = *entries.next().expect("an entry");
        }
    }
    let mut at = 0;
    for a in 0..order {
        for b in a..order {
            x[at] = (0..order).map(|k| factor[k * order + a] * factor[k * order + b]).sum();
            at += 1;
        }
    }
}

fn on_sphere(x: &mut [f64]) {
    let norm = x.iter().map(|x| x * x).sum::<f64>().sqrt();
    for x in x.iter_mut() {
        *x /= norm;
    }
}

/// One geometry or more for every entry of the table, at small, odd and larger sizes.
pub(crate) fn suite() -> Vec<Entry> {
    type Row = (&'static str, &'static str, fn(&mut [f64]));
    let rows: &[Row] = &[
        ("ellipsoid", "dim = 2", anywhere),
        ("ellipsoid", "dim = 3", anywhere),
        ("ellipsoid", "semi-axes = [2.0, 0.3]", anywhere),
        ("ellipsoid", "dim = 13", anywhere),
        ("ellipsoid-embedded", "dim = 3", anywhere),
        ("euclidean", "dim = 3", anywhere),
        ("fisher-rao", "family = 'binomial', trials = 5", probability),
        ("fisher-rao", "family = 'categorical', categories = 2", simplex),
        ("fisher-rao", "family = 'categorical', categories = 4", simplex),
        ("fisher-rao", "family = 'cauchy'", last_positive),
        ("fisher-rao", "family = 'erlang', shape = 3", all_positive),
        ("fisher-rao", "family = 'exponential'", all_positive),
        ("fisher-rao", "family = 'frechet'", all_positive),
        ("fisher-rao", "family = 'gaussian'", last_positive),
        ("fisher-rao", "family = 'generalised-gaussian', exponent = 3", last_positive),
        ("fisher-rao", "family = 'geometric'", probability),
        ("fisher-rao", "family = 'gumbel'", last_positive),
        ("fisher-rao", "family = 'inverse-gaussian'", all_positive),
        ("fisher-rao", "family = 'laplace'", last_positive),
        ("fisher-rao", "family = 'log-gaussian'", last_positive),
        ("fisher-rao", "family = 'logistic'", last_positive),
        ("fisher-rao", "family = 'multinomial', categories = 5, trials = 3", simplex),
        ("fisher-rao", "family = 'negative-multinomial', categories = 3, failures = 2", simplex),
        ("fisher-rao", "family = 'negative-multinomial', categories = 2, failures = 1", simplex),
        ("fisher-rao", "family = 'negative-binomial', successes = 4", probability),
        ("fisher-rao", "family = 'pareto'", all_positive),
        ("fisher-rao", "family = 'pareto', form = 'released'", all_positive),
        ("fisher-rao", "family = 'poisson'", all_positive),
        ("fisher-rao", "family = 'power-function', form = 'released'", all_positive),
        ("fisher-rao", "family = 'rayleigh'", all_positive),
        ("fisher-rao", "family = 'students-t', degrees-of-freedom = 5", last_positive),
        ("fisher-rao", "family = 'weibull'", all_positive),
        ("fisher-rao", "family = 'wishart', order = 1, degrees-of-freedom = 2", definite),
        ("fisher-rao", "family = 'wishart', order = 2, degrees-of-freedom = 2", definite),
        ("fisher-rao", "family = 'wishart', order = 4, degrees-of-freedom = 7", definite),
        ("graph", "surface = 'bumps-and-waves'", anywhere),
        ("hyperbolic", "dim = 1", last_positive),
        ("hyperbolic", "dim = 2", last_positive),
        ("hyperbolic", "dim = 6", last_positive),
        ("hyperbolic-paraboloid", "", anywhere),
        ("paraboloid", "dim = 2", anywhere),
        ("paraboloid", "dim = 11", anywhere),
        ("spd-affine-invariant", "n = 1", triangle),
        ("spd-affine-invariant", "n = 2", triangle),
        ("spd-affine-invariant", "n = 3", triangle),
        ("spd-affine-invariant", "n = 5", triangle),
        ("spd-frobenius", "n = 1", triangle),
        ("spd-frobenius", "n = 2", triangle),
        ("spd-frobenius", "n = 4", triangle),
        ("sphere", "dim = 1", anywhere),
        ("sphere", "dim = 2", anywhere),
        ("sphere", "dim = 3", anywhere),
        ("sphere", "dim = 19", anywhere),
        ("sphere-embedded", "dim = 1", on_sphere),
        ("sphere-embedded", "dim = 2", on_sphere),
        ("sphere-embedded", "dim = 9", on_sphere),
        ("torus", "", anywhere),
        ("torus", "major = 1.5, minor = 0.7", anywhere),
    ];
    rows.iter().map(|&(id, config, place)| Entry { id, config, place, geometry: build(id, config) }).collect()
}

pub(crate) fn rows(values: &[f64], dim: usize) -> Rows<'_> {
    Rows::new(values, dim).expect("whole rows")
}

pub(crate) fn list(value: &Value) -> Vec<f64> {
    serde_json::from_value(value.clone()).expect("a list of numbers")
}

/// The numbers of a nested list, in order.
pub(crate) fn flat(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(entries) => entries.iter().flat_map(flat).collect(),
        number => vec![number.as_f64().expect("a number")],
    }
}

pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Whether two lists agree to `tolerance`, relative to the largest number of the second or one.
pub(crate) fn assert_close(found: &[f64], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let scale = expected.iter().fold(1.0_f64, |most, x| most.max(x.abs()));
    for (f, e) in found.iter().zip(expected) {
        assert!((f - e).abs() <= tolerance * scale, "{what}: {f} where {e} is expected, of {expected:?}");
    }
}
