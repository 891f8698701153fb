//! How the points of all curves lie in memory.

/// Point `i` of curve `k` is row `i K + k`: what belongs to one step along the curves is one block.
///
/// So the sums along curves run over whole blocks, whatever the number of coordinates, and the data, the interior points and
/// the mean repeated are each contiguous.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    /// `N`.
    pub(super) segments: usize,
    /// `K`.
    pub(super) count: usize,
    pub(super) dim: usize,
}

impl Layout {
    /// Numbers in a block.
    pub(super) fn block(self) -> usize {
        self.count * self.dim
    }

    /// Numbers in all interior points.
    pub(super) fn interior(self) -> usize {
        (self.segments - 1) * self.block()
    }

    /// Numbers in all interior points and the mean.
    pub(super) fn unknowns(self) -> usize {
        self.interior() + self.dim
    }

    /// Straight lines from `points`, one block, to `mean`: the interior points, then the mean.
    pub(super) fn straight(self, points: &[f64], mean: &[f64]) -> Vec<f64> {
        let mut out = Vec::with_capacity(self.unknowns());
        for i in 1..self.segments {
            let t = i as f64 / self.segments as f64;
            for point in points.chunks_exact(self.dim) {
                out.extend(point.iter().zip(mean).map(|(x, m)| x + t * (m - x)));
            }
        }
        out.extend_from_slice(mean);
        out
    }
}
