//! A straight line between two neighbours along either side, not antialiased.

use likely_core::ImageShape;

/// Which point of the picture before a new pixel stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Places {
    /// `(i + 1/2) from / to - 1/2`, at least 0: `torch.nn.functional.interpolate` with `align_corners=False`.
    Centres,
    /// `i from / to`: `tf.image.resize_bilinear` of `TensorFlow` 1 without `align_corners`.
    UpperLeft,
}

/// The two neighbours of each new pixel along a side, and the weight of the second.
fn neighbours(places: Places, from: usize, to: usize) -> Vec<(usize, usize, f64)> {
    let scale = from as f64 / to as f64;
    let last = from - 1;
    let pair = |pixel: usize| {
        let place = match places {
            Places::Centres => ((pixel as f64 + 0.5) * scale - 0.5).max(0.0),
            Places::UpperLeft => pixel as f64 * scale,
        };
        let first = (place as usize).min(last);
        (first, (first + 1).min(last), place - first as f64)
    };
    (0..to).map(pair).collect()
}

/// Writes the resized plane to `out`.
pub(super) fn plane(plane: &[f64], from: ImageShape, places: Places, out: &mut [f64], to: ImageShape) {
    let rows = neighbours(places, from.height, to.height);
    let columns = neighbours(places, from.width, to.width);
    for (out, (upper, lower, down)) in out.chunks_exact_mut(to.width).zip(rows) {
        let upper = &plane[upper * from.width..][..from.width];
        let lower = &plane[lower * from.width..][..from.width];
        for (out, (left, right, across)) in out.iter_mut().zip(&columns) {
            let between = |row: &[f64]| row[*left] + across * (row[*right] - row[*left]);
            let (above, below) = (between(upper), between(lower));
            *out = above + down * (below - above);
        }
    }
}
