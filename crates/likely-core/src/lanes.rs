//! Code that is compiled for the vector width of the processor, and sums in a fixed order.
//!
//! Nothing here fuses a multiplication with an addition, so the bits of a result do not depend on the width.

use pulp::{Arch, Simd, WithSimd};

/// Numbers that are worked on together.
pub(crate) const LANES: usize = 8;

/// One number of each of as many points.
pub(crate) type Lane = [f64; LANES];

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

/// `sum_k a_k b_k`: in order below [`LANES`] terms, over as many accumulators above.
#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
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
    total(&sums) + rest
}

/// The sum of the numbers of a lane, in pairs.
#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
pub(crate) fn total([a, b, c, d, e, f, g, h]: &Lane) -> f64 {
    ((a + e) + (c + g)) + ((b + f) + (d + h))
}

/// `to + factor from`, in place.
#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
pub(crate) fn add_scaled(to: &mut [f64], factor: f64, from: &[f64]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to += factor * from;
    }
}
