//! Sums over coordinates in a fixed order, and code that is compiled for the vector width of the processor.
//!
//! Nothing here fuses a multiplication with an addition, so the bits of a result do not depend on the width.

use pulp::{Arch, Simd, WithSimd};

/// Independent accumulators of a sum.
const LANES: usize = 8;

/// Work to be compiled once for each vector width; a closure would be compiled for the narrowest alone.
pub(crate) trait Work {
    type Output;

    /// Must be inlined, and so must what it calls.
    fn run(self) -> Self::Output;
}

/// Runs `work` compiled for the widest vectors that this processor has.
pub(crate) fn vectorised<W: Work>(work: W) -> W::Output {
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

/// The accumulators, in pairs: as short a chain of additions as there is.
#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
fn total(lanes: [f64; LANES]) -> f64 {
    let [a, b, c, d, e, f, g, h] = lanes;
    ((a + e) + (c + g)) + ((b + f) + (d + h))
}

/// `sum_k f(a_k, b_k)`: in order below [`LANES`] terms, over as many accumulators above.
#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
pub(crate) fn sum(a: &[f64], b: &[f64], f: impl Fn(f64, f64) -> f64) -> f64 {
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
    total(lanes) + rest
}

/// `sum_k f(a_k, b_k) w_k`, as [`sum`].
#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
pub(crate) fn weighted_sum(a: &[f64], b: &[f64], w: &[f64], f: impl Fn(f64, f64) -> f64) -> f64 {
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
    total(lanes) + rest
}

/// `sum_k a_k b_k`.
#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    sum(a, b, |a, b| a * b)
}

/// Whether every number is finite.
#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
pub(crate) fn all_finite(values: &[f64]) -> bool {
    // Zero times a finite number is zero, and NaN times any other.
    sum(values, values, |x, _| x * 0.0) == 0.0
}
