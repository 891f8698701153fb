//! Sums and combinations of long vectors, in a fixed order and with the widest vectors of the processor.
//!
//! Nothing here fuses a multiplication with an addition, and the accumulators of a sum are the same on every machine, so the
//! bits of a result do not depend on the width.

use pulp::{Arch, Simd, WithSimd};

/// Independent accumulators: enough to hide the latency of an addition.
pub(crate) const LANES: usize = 16;

/// The sum of accumulators.
#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
pub(crate) fn total(lanes: &[f64; LANES]) -> f64 {
    let mut sums = *lanes;
    for width in [8, 4, 2, 1] {
        for l in 0..width {
            sums[l] += sums[l + width];
        }
    }
    sums[0]
}

/// A loop to be compiled once for each vector width; a closure would be compiled for the narrowest alone.
pub(crate) trait Kernel {
    type Output;

    /// Must be inlined, and so must what it calls.
    fn run(self) -> Self::Output;
}

/// Runs `kernel` compiled for the widest vectors that this processor has.
pub(crate) fn vectorised<K: Kernel>(kernel: K) -> K::Output {
    struct Dispatched<K>(K);

    impl<K: Kernel> WithSimd for Dispatched<K> {
        type Output = K::Output;

        #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> K::Output {
            self.0.run()
        }
    }

    Arch::new().dispatch(Dispatched(kernel))
}

/// `sum_k f(a_k, b_k)`.
struct Sum<'a, F> {
    a: &'a [f64],
    b: &'a [f64],
    term: F,
}

impl<F: Fn(f64, f64) -> f64> Kernel for Sum<'_, F> {
    type Output = f64;

    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn run(self) -> f64 {
        let mut lanes = [0.0; LANES];
        let (a_chunks, b_chunks) = (self.a.chunks_exact(LANES), self.b.chunks_exact(LANES));
        let rest = a_chunks.remainder().iter().zip(b_chunks.remainder());
        let rest: f64 = rest.map(|(&a, &b)| (self.term)(a, b)).sum();
        for (a, b) in a_chunks.zip(b_chunks) {
            for ((lane, &a), &b) in lanes.iter_mut().zip(a).zip(b) {
                *lane += (self.term)(a, b);
            }
        }
        lanes.iter().sum::<f64>() + rest
    }
}

/// `sum_k a_k b_k`.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    vectorised(Sum { a, b, term: |a, b| a * b })
}

/// `sum_k (a_k - b_k)^2`.
pub(crate) fn squared_distance(a: &[f64], b: &[f64]) -> f64 {
    vectorised(Sum { a, b, term: |a, b| (a - b) * (a - b) })
}

/// `[<a, a>, <a, b>, <b, b>]`.
pub(crate) fn products(a: &[f64], b: &[f64]) -> [f64; 3] {
    [dot(a, a), dot(a, b), dot(b, b)]
}

/// Euclidean norm.
pub(crate) fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

/// `y + t x`, as a new vector.
pub(crate) fn add_scaled(y: &[f64], t: f64, x: &[f64]) -> Vec<f64> {
    let mut sum = Vec::with_capacity(y.len());
    extend_scaled(&mut sum, y, t, x);
    sum
}

/// Whether all numbers are finite.
pub(crate) fn all_finite(values: &[f64]) -> bool {
    vectorised(AllFinite(values))
}

struct AllFinite<'a>(&'a [f64]);

impl Kernel for AllFinite<'_> {
    type Output = bool;

    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn run(self) -> bool {
        // Without an early exit, so that it vectorises.
        let mut fine = true;
        for x in self.0 {
            fine &= x.is_finite();
        }
        fine
    }
}

/// Appends `y + t x`.
pub(crate) fn extend_scaled(out: &mut Vec<f64>, y: &[f64], t: f64, x: &[f64]) {
    vectorised(ExtendScaled { out, y, t, x });
}

struct ExtendScaled<'a> {
    out: &'a mut Vec<f64>,
    y: &'a [f64],
    t: f64,
    x: &'a [f64],
}

impl Kernel for ExtendScaled<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn run(self) {
        self.out.extend(self.y.iter().zip(self.x).map(|(y, x)| y + self.t * x));
    }
}

/// `out + a x + b y`, in place.
pub(crate) fn add_two(out: &mut [f64], [a, b]: [f64; 2], x: &[f64], y: &[f64]) {
    vectorised(AddTwo { out, a, b, x, y });
}

struct AddTwo<'a> {
    out: &'a mut [f64],
    a: f64,
    b: f64,
    x: &'a [f64],
    y: &'a [f64],
}

impl Kernel for AddTwo<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn run(self) {
        for ((out, x), y) in self.out.iter_mut().zip(self.x).zip(self.y) {
            *out += self.a * x + self.b * y;
        }
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these sums and quotients are exact")]
mod tests {
    use super::*;

    #[test]
    fn every_length_is_summed_whole() {
        for n in 0..40_u32 {
            let a: Vec<f64> = (1..=n).map(f64::from).collect();
            assert_eq!(dot(&a, &vec![1.0; a.len()]), f64::from(n * (n + 1) / 2));
            let squares: f64 = a.iter().map(|a| a * a).sum();
            assert_eq!(
                products(&a, &vec![1.0; a.len()]),
                [squares, f64::from(n * (n + 1) / 2), f64::from(n)]
            );
            let shifted: Vec<f64> = a.iter().map(|x| x + 2.0).collect();
            assert_eq!(squared_distance(&a, &shifted), f64::from(4 * n));
        }
    }
}
