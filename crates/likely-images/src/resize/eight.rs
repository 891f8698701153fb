//! Two passes over a plane of 256 levels.

use super::Kernels;
use super::kernel::{BITS, Kernel};
use std::borrow::Cow;

/// A half, so that cutting off rounds.
const HALF: i32 = 1 << (BITS - 1);

/// The resized plane; `width` is that before.
pub(super) fn plane<'a>(plane: &'a [u8], width: usize, kernels: &Kernels) -> Cow<'a, [u8]> {
    let (plane, width) = match &kernels.along_rows {
        Some(kernel) => (Cow::Owned(along_rows(plane, width, kernel)), kernel.len()),
        None => (Cow::Borrowed(plane), width),
    };
    match &kernels.along_columns {
        Some(kernel) => Cow::Owned(along_columns(&plane, width, kernel)),
        None => plane,
    }
}

fn level(sum: i32) -> u8 {
    (sum >> BITS).clamp(0, 255) as u8
}

fn along_rows(plane: &[u8], width: usize, kernel: &Kernel) -> Vec<u8> {
    let mut out = Vec::with_capacity(plane.len() / width * kernel.len());
    for row in plane.chunks_exact(width) {
        out.extend(kernel.integers().map(|(start, weights)| {
            let pixels = &row[start..start + weights.len()];
            level(
                weights
                    .iter()
                    .zip(pixels)
                    .fold(HALF, |sum, (weight, pixel)| sum + weight * i32::from(*pixel)),
            )
        }));
    }
    out
}

fn along_columns(plane: &[u8], width: usize, kernel: &Kernel) -> Vec<u8> {
    let mut out = Vec::with_capacity(width * kernel.len());
    let mut sums = vec![HALF; width];
    for (start, weights) in kernel.integers() {
        sums.fill(HALF);
        for (weight, row) in weights.iter().zip(plane[start * width..].chunks_exact(width)) {
            for (sum, pixel) in sums.iter_mut().zip(row) {
                *sum += weight * i32::from(*pixel);
            }
        }
        out.extend(sums.iter().map(|sum| level(*sum)));
    }
    out
}
