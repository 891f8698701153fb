//! Building models from text, and reading golden files.

use likely_core::Seed;
use likely_models::{BuildError, Built, Resources, find};
use ndarray::{Array2, ArrayView2};
use rand_distr::{Distribution, StandardNormal};
use serde_json::Value;
use std::path::Path;

/// The model `id` with the keys in `config`, written as in an inline table.
pub(crate) fn build_in(
    folder: &Path,
    id: &str,
    config: &str,
    points: Option<ArrayView2<'_, f64>>,
) -> Result<Built, BuildError> {
    let text = format!("config = {{ {config} }}");
    let document = toml::de::DeTable::parse(&text).expect("valid TOML");
    let (span, config) = (document.span(), document.into_inner().remove("config").expect("just written"));
    let toml::de::DeValue::Table(table) = config.into_inner() else { panic!("not a table") };
    let resources = Resources { points, seed: Seed::new(1), folder };
    (find(id).expect("in the table").build)(toml::Spanned::new(span, table), &resources)
}

pub(crate) fn build(
    id: &str,
    config: &str,
    points: Option<ArrayView2<'_, f64>>,
) -> Result<Built, BuildError> {
    build_in(Path::new("."), id, config, points)
}

pub(crate) fn error(id: &str, config: &str, points: Option<ArrayView2<'_, f64>>) -> BuildError {
    match build(id, config, points) {
        Ok(_) => panic!("{id} {{ {config} }} was accepted"),
        Err(error) => error,
    }
}

/// Seeded normal points, shape `(count, dim)`, with the given standard deviation.
pub(crate) fn normal(name: &str, count: usize, dim: usize, spread: f64) -> Array2<f64> {
    let mut rng = Seed::new(1).stream(&[("test", name)]);
    Array2::from_shape_simple_fn((count, dim), || {
        let z: f64 = StandardNormal.sample(&mut rng);
        spread * z
    })
}

pub(crate) fn list(value: &Value) -> Vec<f64> {
    serde_json::from_value(value.clone()).expect("a list of numbers")
}

pub(crate) fn rows(value: &Value) -> Array2<f64> {
    let rows: Vec<Vec<f64>> = serde_json::from_value(value.clone()).expect("rows of numbers");
    Array2::from_shape_vec((rows.len(), rows[0].len()), rows.concat()).expect("rows of one length")
}

pub(crate) fn cases(text: &str) -> Vec<Value> {
    let golden: Value = serde_json::from_str(text).expect("JSON");
    golden["cases"].as_array().expect("cases").clone()
}

/// Largest difference, relative to the size of the reference where that is above one.
pub(crate) fn difference<'a>(
    ours: impl IntoIterator<Item = &'a f64>,
    reference: impl IntoIterator<Item = &'a f64>,
) -> f64 {
    let (mut ours, mut reference) = (ours.into_iter(), reference.into_iter());
    let mut worst = 0.0_f64;
    loop {
        match (ours.next(), reference.next()) {
            (Some(a), Some(b)) => {
                let relative = (a - b).abs() / b.abs().max(1.0);
                assert!(!relative.is_nan(), "{a} against {b}");
                worst = worst.max(relative);
            }
            (None, None) => return worst,
            _ => panic!("lengths differ"),
        }
    }
}

pub(crate) fn bits<'a>(values: impl IntoIterator<Item = &'a f64>) -> Vec<u64> {
    values.into_iter().map(|x| x.to_bits()).collect()
}

/// The integral of `exp(-S)` over a square of half-width `reach`, by the trapezoidal rule.
pub(crate) fn integral(potential: &dyn likely_core::Potential, reach: f64, step: f64) -> f64 {
    let half = (reach / step).ceil() as i32;
    let axis: Vec<f64> = (-half..=half).map(|i| f64::from(i) * step).collect();
    let mut sum = 0.0;
    for y in &axis {
        let row = Array2::from_shape_fn((axis.len(), 2), |(i, j)| if j == 0 { axis[i] } else { *y });
        sum += potential.value(row.view()).expect("two coordinates").iter().map(|s| (-s).exp()).sum::<f64>();
    }
    sum * step * step
}
