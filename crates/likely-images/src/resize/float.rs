//! Two passes over a plane of numbers, each rounded to single precision.

use super::Kernels;
use super::kernel::Kernel;

/// Writes the resized plane to `out`; `width` is that before.
///
/// Sums are in double precision and what a pass leaves is in single precision, as in Pillow's mode F.
pub(super) fn plane(plane: &[f64], width: usize, kernels: &Kernels, out: &mut [f64]) {
    let mut values: Vec<f32> = plane.iter().map(|value| *value as f32).collect();
    let mut width = width;
    if let Some(kernel) = &kernels.along_rows {
        values = along_rows(&values, width, kernel);
        width = kernel.len();
    }
    if let Some(kernel) = &kernels.along_columns {
        values = along_columns(&values, width, kernel);
    }
    for (out, value) in out.iter_mut().zip(values) {
        *out = f64::from(value);
    }
}

fn along_rows(plane: &[f32], width: usize, kernel: &Kernel) -> Vec<f32> {
    let mut out = Vec::with_capacity(plane.len() / width * kernel.len());
    for row in plane.chunks_exact(width) {
        out.extend(kernel.weights().map(|(start, weights)| {
            let pixels = &row[start..start + weights.len()];
            weights.iter().zip(pixels).map(|(weight, pixel)| f64::from(*pixel) * weight).sum::<f64>() as f32
        }));
    }
    out
}

fn along_columns(plane: &[f32], width: usize, kernel: &Kernel) -> Vec<f32> {
    let mut out = Vec::with_capacity(width * kernel.len());
    let mut sums = vec![0.0_f64; width];
    for (start, weights) in kernel.weights() {
        sums.fill(0.0);
        for (weight, row) in weights.iter().zip(plane[start * width..].chunks_exact(width)) {
            for (sum, pixel) in sums.iter_mut().zip(row) {
                *sum += f64::from(*pixel) * weight;
            }
        }
        out.extend(sums.iter().map(|sum| *sum as f32));
    }
    out
}
