//! Maxima and means over neighbouring pixels.

use super::Planes;
use super::convolution::Footprint;
use std::ops::Range;

/// Where each place's pixels along a side begin and end, the padding left out.
fn ranges(footprint: Footprint, axis: usize, pixels: usize, places: usize) -> Vec<Range<usize>> {
    let (side, before) = (footprint.kernel[axis], footprint.before[axis]);
    (0..places)
        .map(|place| {
            let start = place * footprint.stride;
            start.saturating_sub(before)..(start + side).saturating_sub(before).min(pixels)
        })
        .collect()
}

/// The larger one; NaN where the second is, as a comparison with it fails.
#[inline]
fn larger(a: f32, b: f32) -> f32 {
    if a >= b { a } else { b }
}

/// The maximum over the pixels under a kernel; the padding counts as nothing.
///
/// # Source
/// `torch.nn.functional.max_pool2d`.
pub(super) fn maximum(x: &Planes, footprint: Footprint) -> Planes {
    pooled(x, footprint, larger, |value, _| value)
}

/// The mean over the pixels under a kernel; the padding is not counted.
///
/// # Source
/// `torch.nn.functional.avg_pool2d` with `count_include_pad=False`, as in TensorFlow's `avg_pool` with padding `SAME`.
pub(super) fn average(x: &Planes, footprint: Footprint) -> Planes {
    pooled(x, footprint, |a, b| a + b, |sum, count| sum / count as f32)
}

/// Rows first, whole ones at a time, then columns.
fn pooled(
    x: &Planes,
    footprint: Footprint,
    join: impl Fn(f32, f32) -> f32,
    finish: impl Fn(f32, usize) -> f32,
) -> Planes {
    let [height, width] = footprint.places([x.height, x.width]);
    let mut y = Planes::zeros(x.channels, height, width);
    let rows = ranges(footprint, 0, x.height, height);
    let columns = ranges(footprint, 1, x.width, width);
    let mut line = vec![0.0; x.width];
    let planes = x.values().chunks_exact((x.height * x.width).max(1));
    for (plane, out) in planes.zip(y.values_mut().chunks_exact_mut((height * width).max(1))) {
        for (rows, out) in rows.iter().zip(out.chunks_exact_mut(width)) {
            line.copy_from_slice(&plane[rows.start * x.width..][..x.width]);
            for row in rows.start + 1..rows.end {
                for (joined, value) in line.iter_mut().zip(&plane[row * x.width..][..x.width]) {
                    *joined = join(*joined, *value);
                }
            }
            for (out, columns) in out.iter_mut().zip(&columns) {
                let pixels = &line[columns.clone()];
                let joined = pixels[1..].iter().fold(pixels[0], |joined, value| join(joined, *value));
                *out = finish(joined, rows.len() * pixels.len());
            }
        }
    }
    y
}
