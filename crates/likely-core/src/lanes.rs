//! Code that is compiled for the vector width of the processor, and sums in a fixed order.
//!
//! Nothing here fuses a multiplication with an addition, so the bits of a result do not depend on the width.

pub use crate::elementary::{exp, ln};
use ndarray::ArrayView2;
use pulp::{Arch, Simd, WithSimd};
use std::hint::black_box;

/// Numbers that are worked on together.
pub const LANES: usize = 8;

/// One number of each of as many points.
pub type Lane = [f64; LANES];

/// Work to be compiled once for each vector width; a closure would be compiled for the narrowest alone.
pub trait Work {
    /// What the work gives.
    type Output;

    /// Must be inlined, and so must what it calls.
    fn run(self) -> Self::Output;
}

/// Runs `work` compiled for the widest vectors that this processor has.
pub fn vectorised<W: Work>(work: W) -> W::Output {
    struct Dispatched<W>(W);

    impl<W: Work> WithSimd for Dispatched<W> {
        type Output = W::Output;

        #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> W::Output {
            self.0.run()
        }
    }

    Arch::new().dispatch(Dispatched(work))
}

/// `sum_k a_k b_k`: in order below [`LANES`] terms, over as many accumulators above.
#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    if a.len() < LANES {
        return a.iter().zip(b).map(|(a, b)| a * b).sum();
    }
    let (a_chunks, a_rest) = a.as_chunks::<LANES>();
    let (b_chunks, b_rest) = b.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for (a, b) in a_chunks.iter().zip(b_chunks) {
        for l in 0..LANES {
            sums[l] += a[l] * b[l];
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    total_of_many(sums, a.len()) + rest
}

/// [`total`] of accumulators over `terms` terms.
///
/// A compiler that saw where they go would keep them in pairs instead of in the widest vectors.
#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
fn total_of_many(sums: Lane, terms: usize) -> f64 {
    if terms < 2 * LANES { total(&sums) } else { total(&black_box(sums)) }
}

/// The sum of the numbers of a lane, in pairs.
#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
pub fn total([a, b, c, d, e, f, g, h]: &Lane) -> f64 {
    ((a + e) + (c + g)) + ((b + f) + (d + h))
}

/// `to + factor from`, in place.
#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
pub fn add_scaled(to: &mut [f64], factor: f64, from: &[f64]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to += factor * from;
    }
}

/// `sum_k f(a_k, b_k)`: in order below [`LANES`] terms, over as many accumulators above.
#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
pub fn sum(a: &[f64], b: &[f64], f: impl Fn(f64, f64) -> f64) -> f64 {
    if a.len() < LANES {
        return a.iter().zip(b).fold(0.0, |sum, (a, b)| sum + f(*a, *b));
    }
    let mut lanes = [0.0; LANES];
    let (a_chunks, b_chunks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest = a_chunks.remainder().iter().zip(b_chunks.remainder());
    let rest = rest.fold(0.0, |sum, (a, b)| sum + f(*a, *b));
    for (a, b) in a_chunks.zip(b_chunks) {
        for ((lane, a), b) in lanes.iter_mut().zip(a).zip(b) {
            *lane += f(*a, *b);
        }
    }
    total_of_many(lanes, a.len()) + rest
}

/// `sum_k f(a_k, b_k) w_k`, as [`sum`].
#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
pub fn weighted_sum(a: &[f64], b: &[f64], w: &[f64], f: impl Fn(f64, f64) -> f64) -> f64 {
    if a.len() < LANES {
        return a.iter().zip(b).zip(w).fold(0.0, |sum, ((a, b), w)| sum + f(*a, *b) * w);
    }
    let mut lanes = [0.0; LANES];
    let (a_chunks, b_chunks, w_chunks) =
        (a.chunks_exact(LANES), b.chunks_exact(LANES), w.chunks_exact(LANES));
    let rest = a_chunks.remainder().iter().zip(b_chunks.remainder()).zip(w_chunks.remainder());
    let rest = rest.fold(0.0, |sum, ((a, b), w)| sum + f(*a, *b) * w);
    for ((a, b), w) in a_chunks.zip(b_chunks).zip(w_chunks) {
        for (((lane, a), b), w) in lanes.iter_mut().zip(a).zip(b).zip(w) {
            *lane += f(*a, *b) * w;
        }
    }
    total_of_many(lanes, a.len()) + rest
}

/// Several sums over the same numbers at once: `sum_k f(a_k, b_k, c_k)`, each as [`sum`].
#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
pub fn sums<const K: usize>(
    a: &[f64],
    b: &[f64],
    c: &[f64],
    f: impl Fn(f64, f64, f64) -> [f64; K],
) -> [f64; K] {
    let mut rest = [0.0; K];
    let ((a_chunks, a_rest), (b_chunks, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let (c_chunks, c_rest) = c.as_chunks::<LANES>();
    for ((a, b), c) in a_rest.iter().zip(b_rest).zip(c_rest) {
        let terms = f(*a, *b, *c);
        for k in 0..K {
            rest[k] += terms[k];
        }
    }
    if a_chunks.is_empty() {
        return rest;
    }
    let mut lanes = [[0.0; LANES]; K];
    for ((a, b), c) in a_chunks.iter().zip(b_chunks).zip(c_chunks) {
        let mut terms = [[0.0; LANES]; K];
        for l in 0..LANES {
            let term = f(a[l], b[l], c[l]);
            for k in 0..K {
                terms[k][l] = term[k];
            }
        }
        for k in 0..K {
            for l in 0..LANES {
                lanes[k][l] += terms[k][l];
            }
        }
    }
    for k in 0..K {
        rest[k] += total_of_many(lanes[k], a.len());
    }
    rest
}

/// Whether every number is finite.
#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
pub fn all_finite(values: &[f64]) -> bool {
    // Zero times a finite number is zero, and NaN times any other.
    sum(values, values, |x, _| x * 0.0) == 0.0
}

/// Coordinates of up to [`LANES`] rows from `first` on, one lane a coordinate; missing rows repeat the first.
#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
pub fn load(points: &ArrayView2<'_, f64>, first: usize, lanes: &mut [Lane]) -> usize {
    let count = LANES.min(points.nrows() - first);
    let dim = lanes.len();
    let rows = points.as_slice().and_then(|all| all.get(first * dim..(first + count) * dim));
    match rows {
        Some(rows) if count == LANES => {
            for (j, lane) in lanes.iter_mut().enumerate() {
                for (l, x) in lane.iter_mut().enumerate() {
                    *x = rows[l * dim + j];
                }
            }
        }
        _ => {
            for l in 0..LANES {
                let row = if l < count { first + l } else { first };
                for (j, lane) in lanes.iter_mut().enumerate() {
                    lane[l] = points[[row, j]];
                }
            }
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, s};

    #[test]
    fn loading_a_short_batch_repeats_its_first_row_and_does_not_care_for_the_layout() {
        let points = Array2::from_shape_fn((11, 3), |(i, j)| (10 * i + j) as f64);
        let mut lanes = [[0.0; LANES]; 3];
        assert_eq!(load(&points.view(), 8, &mut lanes), 3);
        for (j, lane) in lanes.iter().enumerate() {
            let expected = [80, 90, 100, 80, 80, 80, 80, 80].map(|x| f64::from(x) + j as f64);
            assert_eq!(lane.map(f64::to_bits), expected.map(f64::to_bits));
        }
        let mut two = [[0.0; LANES]; 2];
        assert_eq!(load(&points.slice(s![.., 1..]), 0, &mut two), LANES);
        assert_eq!(two[1].map(f64::to_bits), [2, 12, 22, 32, 42, 52, 62, 72].map(|x| f64::from(x).to_bits()));
    }
}
