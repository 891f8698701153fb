//! Building models from text, and reading golden files.

use likely_core::Seed;
use likely_models::training::{Objective, Parameters};
use likely_models::{BuildError, Built, OpenDevice, Resolved, Resources, TRAINABLE, find};
use likely_networks::Weights;
use ndarray::{Array1, Array2, ArrayView2};
use rand_distr::{Distribution, StandardNormal};
use serde_json::Value;
use std::path::Path;
use std::sync::LazyLock;

/// Networks of the plane and of space, and the coordinates of their data.
pub(crate) const NETWORKS: &[(&str, usize)] = &[
    ("autoregressive", 2),
    ("diffusion-2d", 2),
    ("energy-network", 2),
    ("image-diffusion", 784),
    ("image-gan", 784),
    ("image-score-sde", 784),
    ("image-vae", 784),
    ("normalizing-flow", 2),
    ("sphere-diffusion", 3),
    ("vae", 3),
];

/// Networks with corners: derivatives that jump.
pub(crate) const WITH_CORNERS: &[&str] = &["energy-network", "normalizing-flow"];

/// The training of a model with the keys in `config`, for data with `dim` coordinates.
pub(crate) fn objective(id: &str, config: &str, dim: usize) -> Result<Resolved<dyn Objective>, BuildError> {
    let text = format!("config = {{ {config} }}");
    let document = toml::de::DeTable::parse(&text).expect("valid TOML");
    let (span, config) = (document.span(), document.into_inner().remove("config").expect("just written"));
    let toml::de::DeValue::Table(table) = config.into_inner() else { panic!("not a table") };
    let entry = TRAINABLE.iter().find(|entry| entry.id == id).expect("in the table");
    (entry.build)(toml::Spanned::new(span, table), Array2::zeros((0, dim)).view())
}

/// Weights of a network as if it had been trained: those that training begins with, and small numbers for zeros.
pub(crate) fn made_up(id: &str, dim: usize) -> Weights {
    let Resolved { built: training, config } = objective(id, "", dim).expect("defaults are valid");
    let mut weights = Weights::new();
    let config = serde_json::to_string(&config).expect("a table of numbers");
    weights.metadata_mut().extend([("model".to_owned(), id.to_owned()), ("config".to_owned(), config)]);
    for mut tensor in training.parameters(Seed::new(11)) {
        if tensor.initial.iter().all(|value| *value == 0.0) {
            let mut stream = Seed::new(12).stream(&[("test", &tensor.name)]);
            let numbers: Vec<f64> =
                (0..tensor.initial.len()).map(|_| StandardNormal.sample(&mut stream)).collect();
            tensor.initial = numbers.iter().map(|number| (0.02 * number) as f32).collect();
        }
        weights.insert(tensor.name, &tensor.shape, tensor.initial).expect("finite numbers");
    }
    weights
}

/// Forty images of 4 x 3 numbers as `numpy.save` writes them.
fn images() -> Vec<u8> {
    let header = "{'descr': '|u1', 'fortran_order': False, 'shape': (40, 4, 3), }";
    let mut bytes = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    bytes.extend(format!("{header:<117}\n").bytes());
    bytes.extend((0..40 * 12_u32).map(|k| ((k / 12 * 37 + k * k % 144 * 11 + k * 5) % 251) as u8));
    bytes
}

/// A folder with a weights file of every network, such as `autoregressive.safetensors`, and with `images.npy`.
pub(crate) fn weights() -> &'static Path {
    static FOLDER: LazyLock<&Path> = LazyLock::new(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        std::fs::write(folder.join("images.npy"), images()).expect("a folder of our own");
        for (id, dim) in NETWORKS {
            made_up(id, *dim).write(&folder.join(format!("{id}.safetensors"))).expect("a folder of our own");
        }
        folder
    });
    &FOLDER
}

/// Parameters of a training with the given weights.
pub(crate) fn parameters(training: &dyn Objective, weights: &Weights) -> Parameters {
    let parameters = Parameters::new(training.parameters(Seed::new(1))).expect("valid");
    parameters.with_values_of(weights).expect("the same tensors")
}

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
    let resources = Resources { points, seed: Seed::new(1), folder, device: OpenDevice::cpu() };
    (find(id).expect("in the table").build)(toml::Spanned::new(span, table), &resources)
}

pub(crate) fn build(
    id: &str,
    config: &str,
    points: Option<ArrayView2<'_, f64>>,
) -> Result<Built, BuildError> {
    build_in(weights(), id, config, points)
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

/// Checks, on a grid whose step divides a twelfth of every side, that `points` follow a density: its integral over a grid, the mean of its logarithm, and counts in coarse cells.
pub(crate) fn check_draws(
    name: &str,
    sides: &[(f64, f64)],
    (step, tolerance): (f64, f64),
    points: ArrayView2<'_, f64>,
    log_density: impl Fn(ArrayView2<'_, f64>) -> Array1<f64>,
) {
    let counts: Vec<usize> = sides.iter().map(|(a, b)| ((b - a) / step).round() as usize).collect();
    let nodes: usize = counts.iter().product();
    let grid = Array2::from_shape_fn((nodes, sides.len()), |(i, j)| {
        let place = i / counts[..j].iter().product::<usize>() % counts[j];
        sides[j].0 + (place as f64 + 0.5) * step
    });
    let log = log_density(grid.view());
    let volume: f64 = sides.iter().map(|_| step).product();
    let mass: f64 = log.iter().map(|l| l.exp()).sum::<f64>() * volume;
    assert!((mass - 1.0).abs() < tolerance, "{name}: {mass}");
    let entropy: f64 = -log.iter().filter(|l| l.is_finite()).map(|l| l * l.exp()).sum::<f64>() * volume;

    let count = points.nrows() as f64;
    let values = log_density(points);
    let mean = values.sum() / count;
    let variance = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / count;
    let error = (mean + entropy) / (variance / count).sqrt();
    assert!(error.abs() < 4.0, "{name}: mean {mean}, entropy {entropy}, {error} standard errors");

    // Pearson's statistic over coarse cells, each coordinate cut into twelve.
    let cell = |row: ndarray::ArrayView1<'_, f64>| {
        row.iter().zip(sides).fold(0, |cell, (x, (a, b))| {
            12 * cell + ((12.0 * (x - a) / (b - a)) as isize).clamp(0, 11) as usize
        })
    };
    let cells = 12_usize.pow(sides.len() as u32);
    let (mut expected, mut found) = (vec![0.0; cells], vec![0.0; cells]);
    for (row, log) in grid.rows().into_iter().zip(&log) {
        expected[cell(row)] += log.exp() * volume * count;
    }
    points.rows().into_iter().for_each(|row| found[cell(row)] += 1.0);
    let (mut statistic, mut used) = (0.0, 0.0);
    for (expected, found) in expected.iter().zip(&found).filter(|(expected, _)| **expected > 5.0) {
        statistic += (found - expected) * (found - expected) / expected;
        used += 1.0;
    }
    assert!(used > 8.0, "{name}: {used}");
    let deviations = (statistic - used) / (2.0_f64 * used).sqrt();
    assert!(deviations.abs() < 6.0, "{name}: {statistic} over {used} cells");
}
