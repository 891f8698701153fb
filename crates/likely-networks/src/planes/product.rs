//! The product of a block of weights with a panel of patches, in registers.

use pulp::Simd;

/// Outputs whose weights lie together.
pub(super) const BLOCK: usize = 12;

/// Sums over inputs of `V` vectors of places for `N` outputs, the first of which is `first` of its block.
///
/// `panel` holds `V` vectors an input, `weights` a block an input.
#[inline(always)]
#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
pub(super) fn product<S: Simd, const V: usize, const N: usize>(
    simd: S,
    panel: &[[S::f32s; V]],
    weights: &[[f32; BLOCK]],
    first: usize,
) -> [[S::f32s; V]; N] {
    let mut sums = [[simd.splat_f32s(0.0); V]; N];
    for (x, weights) in panel.iter().zip(weights) {
        for (n, sums) in sums.iter_mut().enumerate() {
            let weight = simd.splat_f32s(weights[first + n]);
            for (sum, x) in sums.iter_mut().zip(x) {
                *sum = simd.mul_add_e_f32s(weight, *x, *sum);
            }
        }
    }
    sums
}
