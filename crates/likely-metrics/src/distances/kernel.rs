//! The kernel distance between sets of features.

use super::{DistanceError, linear};
use likely_core::Seed;
use ndarray::ArrayView2;
use rand::Rng;
use rayon::prelude::*;

/// Rows whose kernels with all others are computed at a time.
const PANEL: usize = 256;

/// A kernel distance: mean and spread over subsets.
#[derive(Debug, Clone, PartialEq)]
pub struct KernelDistance {
    /// The mean over subsets, without unit.
    pub mean: f64,
    /// The standard deviation over subsets, with their number as divisor.
    pub deviation: f64,
    /// The value of each subset, in order.
    pub values: Vec<f64>,
    /// Images of a subset, on either side.
    pub size: usize,
}

/// The kernel inception distance by its definition, for features of any network: the unbiased squared maximum mean discrepancy
/// with the kernel `(x.y / dim + 1)^3`, averaged over random subsets.
///
/// Features have shape `(images, dim)`. Each subset draws as many images without repetition from either side, `size` or all that
/// the smaller side has; its stream is named by the subset and the side, so that more subsets begin with the same ones.
///
/// # Errors
/// [`DistanceError`] for different numbers of features, fewer than two images on a side, or no subset.
///
/// # Source
/// Bińkowski et al. (2018), eq. 4 and section 4; 100 subsets of 1000 in torch-fidelity, torchmetrics and clean-fid.
pub fn kernel_distance(
    real: ArrayView2<'_, f64>,
    fake: ArrayView2<'_, f64>,
    subsets: usize,
    size: usize,
    seed: Seed,
) -> Result<KernelDistance, DistanceError> {
    if real.ncols() != fake.ncols() {
        return Err(DistanceError::Dims { real: real.ncols(), fake: fake.ncols() });
    }
    let size = size.min(real.nrows()).min(fake.nrows());
    if subsets == 0 || size < 2 {
        return Err(DistanceError::Subsets { subsets, size });
    }
    let values = (0..subsets)
        .into_par_iter()
        .map(|subset| {
            let draw = |side: &str, count| drawn(seed, subset, side, count, size);
            let (first, second) = (draw("real", real.nrows()), draw("fake", fake.nrows()));
            kernel_distance_of_subset(real, fake, &first, &second)
        })
        .collect::<Result<Vec<f64>, _>>()?;
    let mean = values.iter().sum::<f64>() / subsets as f64;
    let deviation = (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / subsets as f64).sqrt();
    Ok(KernelDistance { mean, deviation, values, size })
}

/// The first `size` places of a shuffle of the numbers below `count`.
fn drawn(seed: Seed, subset: usize, side: &str, count: usize, size: usize) -> Vec<usize> {
    let mut rng = seed.stream(&[("distance", "kernel"), ("subset", &subset.to_string()), ("side", side)]);
    let mut numbers: Vec<usize> = (0..count).collect();
    for place in 0..size {
        numbers.swap(place, rng.random_range(place..count));
    }
    numbers.truncate(size);
    numbers
}

/// The unbiased squared maximum mean discrepancy of the given rows of two sets of features.
///
/// # Errors
/// [`DistanceError`] for different numbers of features, fewer than two rows on a side, a row that does not exist, or features so
/// large that their kernel overflows.
pub fn kernel_distance_of_subset(
    real: ArrayView2<'_, f64>,
    fake: ArrayView2<'_, f64>,
    real_rows: &[usize],
    fake_rows: &[usize],
) -> Result<f64, DistanceError> {
    let dim = real.ncols();
    if fake.ncols() != dim {
        return Err(DistanceError::Dims { real: dim, fake: fake.ncols() });
    }
    for (rows, set) in [(real_rows, &real), (fake_rows, &fake)] {
        if rows.len() < 2 {
            return Err(DistanceError::Subsets { subsets: 1, size: rows.len() });
        }
        if let Some(&row) = rows.iter().find(|&&row| row >= set.nrows()) {
            return Err(DistanceError::NoSuchRow { row, rows: set.nrows() });
        }
    }
    let gathered = |set: ArrayView2<'_, f64>, rows: &[usize]| -> Vec<f64> {
        rows.iter().flat_map(|&row| set.row(row).to_vec()).collect()
    };
    let (x, y) = (gathered(real, real_rows), gathered(fake, fake_rows));
    let (m, n) = (real_rows.len() as f64, fake_rows.len() as f64);
    let within_real = 2.0 * sum_above_diagonal(&x, dim) / (m * (m - 1.0));
    let within_fake = 2.0 * sum_above_diagonal(&y, dim) / (n * (n - 1.0));
    let value = within_real + within_fake - 2.0 * sum_between(&x, &y, dim) / (m * n);
    if value.is_finite() { Ok(value) } else { Err(DistanceError::NotFinite) }
}

/// `(p / dim + 1)^3`.
fn kernel(product: f64, inverse_dim: f64) -> f64 {
    let base = product.mul_add(inverse_dim, 1.0);
    base * base * base
}

/// The sum of kernels between different rows, each pair once.
fn sum_above_diagonal(x: &[f64], dim: usize) -> f64 {
    let inverse = 1.0 / dim as f64;
    let mut out = Vec::new();
    let mut total = 0.0;
    for (panel, own) in x.chunks(PANEL * dim).enumerate() {
        let others = &x[panel * PANEL * dim..];
        let width = others.len() / dim;
        out.resize(own.len() / dim * width, 0.0);
        linear::inner_products(own, others, dim, &mut out);
        for (row, products) in out.chunks_exact(width).enumerate() {
            total += products[row + 1..].iter().map(|&p| kernel(p, inverse)).sum::<f64>();
        }
    }
    total
}

/// The sum of kernels between rows of two sets.
fn sum_between(x: &[f64], y: &[f64], dim: usize) -> f64 {
    let (inverse, width) = (1.0 / dim as f64, y.len() / dim);
    let mut out = Vec::new();
    let mut total = 0.0;
    for own in x.chunks(PANEL * dim) {
        out.resize(own.len() / dim * width, 0.0);
        linear::inner_products(own, y, dim, &mut out);
        for products in out.chunks_exact(width) {
            total += products.iter().map(|&p| kernel(p, inverse)).sum::<f64>();
        }
    }
    total
}
