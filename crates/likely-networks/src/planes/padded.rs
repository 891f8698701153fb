//! Planes with a border of zeros, from which patches are cut by moves of whole vectors.

use super::convolution::Footprint;
use super::{Planes, SLACK};

/// Where the numbers of a patch lie: place `(p, q)` and tap `(c, i, j)` at `place(p, q) + tap(c, i, j)`.
///
/// With a stride of s, columns are kept by their remainder modulo s, so that neighbouring places lie side by side.
pub(super) struct Source<'a> {
    pub(super) values: &'a [f32],
    /// Rows and numbers of a row, of one remainder.
    rows: usize,
    row: usize,
    stride: usize,
}

impl<'a> Source<'a> {
    /// The planes themselves where nothing has to be moved, or a copy in `buffer`.
    pub(super) fn new(x: &'a Planes, footprint: Footprint, buffer: &'a mut Vec<f32>) -> Self {
        let Footprint { stride, before, after, .. } = footprint;
        if stride == 1 && before == [0, 0] && after == [0, 0] {
            return Self { values: &x.values, rows: x.height, row: x.width, stride };
        }
        let rows = x.height + before[0] + after[0];
        let row = (x.width + before[1] + after[1]).div_ceil(stride);
        let plane = stride * rows * row;
        buffer.clear();
        buffer.resize(x.channels * plane + SLACK, 0.0);
        let planes = x.values().chunks_exact(x.height * x.width);
        for (padded, plane) in buffer.chunks_exact_mut(plane).zip(planes) {
            for (r, line) in plane.chunks_exact(x.width).enumerate() {
                let at = (r + before[0]) * row;
                if stride == 1 {
                    padded[at + before[1]..][..x.width].copy_from_slice(line);
                    continue;
                }
                for (column, value) in line.iter().enumerate() {
                    let column = column + before[1];
                    padded[column % stride * rows * row + at + column / stride] = *value;
                }
            }
        }
        Self { values: buffer, rows, row, stride }
    }

    pub(super) fn place(&self, p: usize, q: usize) -> usize {
        p * self.stride * self.row + q
    }

    pub(super) fn tap(&self, c: usize, i: usize, j: usize) -> usize {
        ((c * self.stride + j % self.stride) * self.rows + i) * self.row + j / self.stride
    }

    /// Whether the places of all rows lie side by side.
    pub(super) fn is_contiguous(&self, columns: usize) -> bool {
        self.stride == 1 && self.row == columns
    }
}
