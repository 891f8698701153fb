//! Exponential, logarithm, sine and cosine that compilers turn into vector instructions.
//!
//! Nothing here fuses a multiplication with an addition, looks up a table or branches on data, so the bits of a result
//! depend neither on the vector width of the processor nor on which other numbers are worked on beside it.

/// 1.5 * 2^52: adding it leaves the nearest integer in the low bits.
const TO_INTEGER: f64 = 6_755_399_441_055_744.0;
/// The leading bits of ln 2, so that a product with an integer below 2^11 is exact.
const LN_2_HIGH: f64 = f64::from_bits(0x3fe6_2e42_fee0_0000);
/// ln 2 less `LN_2_HIGH`.
const LN_2_LOW: f64 = f64::from_bits(0x3dea_39ef_3579_3c76);
/// Below this the exponential is taken as zero: it is smaller than the smallest normal number.
const SMALLEST_EXPONENT: f64 = -708.0;
/// Above this the exponential is taken as infinite.
const LARGEST_EXPONENT: f64 = 709.0;

/// `e^x` to about one unit in the last place; zero below -708, infinite above 709, NaN for NaN.
#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
pub fn exp(x: f64) -> f64 {
    let clamped = if x < SMALLEST_EXPONENT { SMALLEST_EXPONENT } else { x };
    let clamped = if clamped > LARGEST_EXPONENT { LARGEST_EXPONENT } else { clamped };
    let shifted = clamped * std::f64::consts::LOG2_E + TO_INTEGER;
    let n = shifted - TO_INTEGER;
    let r = (clamped - n * LN_2_HIGH) - n * LN_2_LOW;
    // Taylor series to r^13, |r| <= ln(2) / 2: the rest is below 1e-17. Two chains, for the sake of latency.
    let q = r * r;
    let even = ((((1.0 / 479_001_600.0 * q + 1.0 / 3_628_800.0) * q + 1.0 / 40_320.0) * q + 1.0 / 720.0) * q
        + 1.0 / 24.0)
        * q
        + 0.5;
    let odd =
        ((((1.0 / 6_227_020_800.0 * q + 1.0 / 39_916_800.0) * q + 1.0 / 362_880.0) * q + 1.0 / 5_040.0) * q
            + 1.0 / 120.0)
            * q
            + 1.0 / 6.0;
    let series = 1.0 + (r + q * (even + r * odd));
    let scale = f64::from_bits((shifted.to_bits() << 52).wrapping_add(1023 << 52));
    let result = series * scale;
    let result = if x < SMALLEST_EXPONENT { 0.0 } else { result };
    if x > LARGEST_EXPONENT { f64::INFINITY } else { result }
}

/// Bits of sqrt(1/2), where the significand is cut so that the logarithm of what is left is smallest.
const SQRT_HALF: u64 = 0x3fe6_a09e_667f_3bcd;
/// Bits of 1.
const ONE: u64 = 0x3ff0_0000_0000_0000;
/// Bits of 2^52: or-ed with an integer below 2^52 they make 2^52 plus that integer.
const TWO_TO_52: u64 = 0x4330_0000_0000_0000;

/// `ln x` of a normal positive number to about one unit in the last place; NaN for NaN and infinity.
#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
pub fn ln(x: f64) -> f64 {
    let shifted = x.to_bits().wrapping_add(ONE - SQRT_HALF);
    let biased = f64::from_bits((shifted >> 52) | TWO_TO_52) - f64::from_bits(TWO_TO_52);
    let n = biased - 1023.0;
    let m = f64::from_bits((shifted & 0x000f_ffff_ffff_ffff) + SQRT_HALF);
    // ln m = 2 artanh s with s = (m - 1) / (m + 1), |s| < 0.172; written around f = m - 1, which is exact.
    let f = m - 1.0;
    let s = f / (2.0 + f);
    let z = s * s;
    let tail = (((((((2.0 / 19.0 * z + 2.0 / 17.0) * z + 2.0 / 15.0) * z + 2.0 / 13.0) * z + 2.0 / 11.0)
        * z
        + 2.0 / 9.0)
        * z
        + 2.0 / 7.0)
        * z
        + 2.0 / 5.0)
        * z
        + 2.0 / 3.0;
    let half = 0.5 * f * f;
    let low = s * (half + z * tail) + n * LN_2_LOW;
    let result = n * LN_2_HIGH + (f - (half - low));
    result + x * 0.0
}

/// Leading 33 bits of pi/2, so that a product with an integer below 2^20 is exact.
const HALF_PI_HIGH: f64 = f64::from_bits(0x3ff9_21fb_5440_0000);
/// The next 33 bits of pi/2.
const HALF_PI_MIDDLE: f64 = f64::from_bits(0x3dd0_b461_1a60_0000);
/// The rest of pi/2.
const HALF_PI_LOW: f64 = f64::from_bits(0x3ba3_198a_2e03_7073);
/// Up to here [`sin`] and [`cos`] reduce their argument by subtraction of multiples of pi/2.
pub(crate) const LARGEST_ANGLE: f64 = 1e5;

/// Sine and cosine of what is left of `x` after subtracting the nearest multiple of pi/2, and that multiple modulo 4.
#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
fn quarter(x: f64) -> (f64, f64, u64) {
    let shifted = x * std::f64::consts::FRAC_2_PI + TO_INTEGER;
    let n = shifted - TO_INTEGER;
    let r = ((x - n * HALF_PI_HIGH) - n * HALF_PI_MIDDLE) - n * HALF_PI_LOW;
    // Taylor series to r^17 and r^16, |r| <= pi/4: the rest is below 1e-17.
    let q = r * r;
    let odd = (((((((1.0 / 355_687_428_096_000.0 * q - 1.0 / 1_307_674_368_000.0) * q
        + 1.0 / 6_227_020_800.0)
        * q
        - 1.0 / 39_916_800.0)
        * q
        + 1.0 / 362_880.0)
        * q
        - 1.0 / 5_040.0)
        * q
        + 1.0 / 120.0)
        * q
        - 1.0 / 6.0)
        * q;
    let even = ((((((1.0 / 20_922_789_888_000.0 * q - 1.0 / 87_178_291_200.0) * q + 1.0 / 479_001_600.0)
        * q
        - 1.0 / 3_628_800.0)
        * q
        + 1.0 / 40_320.0)
        * q
        - 1.0 / 720.0)
        * q
        + 1.0 / 24.0)
        * q;
    (r + r * odd, 1.0 - (0.5 * q - q * even), shifted.to_bits())
}

/// `first` or, for an odd `turn`, `second`, negated where the second bit of `turn` says so.
#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
fn turned(first: f64, second: f64, turn: u64) -> f64 {
    let chosen = if turn & 1 == 0 { first } else { second };
    f64::from_bits(chosen.to_bits() ^ ((turn & 2) << 62))
}

/// `sin x` to about one unit in the last place, for `|x|` up to [`LARGEST_ANGLE`].
#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
pub(crate) fn sin(x: f64) -> f64 {
    let (sine, cosine, turn) = quarter(x);
    turned(sine, cosine, turn)
}

/// `cos x` to about one unit in the last place, for `|x|` up to [`LARGEST_ANGLE`].
#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
pub(crate) fn cos(x: f64) -> f64 {
    let (sine, cosine, turn) = quarter(x);
    turned(cosine, sine, turn.wrapping_add(1) & 2 | turn & 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Seed;
    use crate::lanes::{LANES, Lane, Work, vectorised};
    use rand::Rng;

    fn worst(of: impl Fn(f64) -> f64, truth: impl Fn(f64) -> f64, draw: impl FnMut() -> f64) -> f64 {
        std::iter::repeat_with(draw)
            .take(200_000)
            .map(|x| ((of(x) - truth(x)) / truth(x)).abs())
            .fold(0.0, f64::max)
    }

    #[test]
    fn the_exponential_is_right_to_the_last_place_or_two() {
        let mut rng = Seed::new(1).stream(&[("test", "exp")]);
        assert!(worst(exp, libm::exp, || rng.random_range(-708.0..709.0)) < 3.0 * f64::EPSILON);
        assert!(worst(exp, libm::exp, || rng.random_range(-1.0..1.0)) < 2.0 * f64::EPSILON);
        let exact = |x: f64, y: f64| assert_eq!(exp(x).to_bits(), y.to_bits(), "exp {x}");
        exact(0.0, 1.0);
        exact(f64::NEG_INFINITY, 0.0);
        exact(-1e300, 0.0);
        exact(f64::INFINITY, f64::INFINITY);
        assert!(exp(f64::NAN).is_nan());
    }

    #[test]
    fn the_logarithm_is_right_to_the_last_place_or_two() {
        let mut rng = Seed::new(1).stream(&[("test", "ln")]);
        assert!(worst(ln, libm::log, || rng.random_range(1.0..1e6)) < 2.0 * f64::EPSILON);
        assert!(worst(ln, libm::log, || 1.0 + rng.random_range(0.0..1e-3_f64)) < 2.0 * f64::EPSILON);
        assert!(worst(ln, libm::log, || exp(rng.random_range(-700.0..700.0))) < 2.0 * f64::EPSILON);
        assert_eq!(ln(1.0).to_bits(), 0.0_f64.to_bits());
        assert!(ln(f64::NAN).is_nan());
    }

    #[test]
    fn sine_and_cosine_are_right_to_the_last_place_or_two() {
        let mut rng = Seed::new(1).stream(&[("test", "angles")]);
        assert!(worst(sin, libm::sin, || rng.random_range(-1e5..1e5)) < 2.0 * f64::EPSILON);
        assert!(worst(cos, libm::cos, || rng.random_range(-1e5..1e5)) < 2.0 * f64::EPSILON);
        assert!(worst(sin, libm::sin, || rng.random_range(-4.0..4.0)) < 2.0 * f64::EPSILON);
        assert!(worst(cos, libm::cos, || rng.random_range(-4.0..4.0)) < 2.0 * f64::EPSILON);
        // Near multiples of pi/2, where the reduction cancels most.
        let near = || f64::from(rng.random_range(-60_000_i32..60_000)) * std::f64::consts::FRAC_PI_2;
        let near: Vec<f64> = std::iter::repeat_with(near).take(20_000).collect();
        for x in near.into_iter().filter(|x| x.abs() > 1.0) {
            assert!((sin(x) / libm::sin(x) - 1.0).abs() < 2.0 * f64::EPSILON, "sin {x}");
            assert!((cos(x) / libm::cos(x) - 1.0).abs() < 2.0 * f64::EPSILON, "cos {x}");
        }
        assert_eq!((sin(0.0).to_bits(), cos(0.0).to_bits()), (0.0_f64.to_bits(), 1.0_f64.to_bits()));
        assert!(sin(f64::NAN).is_nan() && cos(f64::NAN).is_nan());
    }

    /// A sum of exponentials and its logarithm, over lanes.
    struct LogSum<'a>(&'a [Lane]);

    impl Work for LogSum<'_> {
        type Output = Lane;

        #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
        #[inline(always)]
        fn run(self) -> Lane {
            let mut sum = [1.0; LANES];
            for lane in self.0 {
                for l in 0..LANES {
                    sum[l] += exp(lane[l]) * lane[l];
                }
            }
            sum.map(ln)
        }
    }

    #[test]
    fn the_bits_do_not_depend_on_the_vector_width() {
        let mut rng = Seed::new(1).stream(&[("test", "width")]);
        let lanes: Vec<Lane> =
            (0..500).map(|_| std::array::from_fn(|_| rng.random_range(0.0..20.0))).collect();
        let widest = vectorised(LogSum(&lanes));
        let narrowest = LogSum(&lanes).run();
        assert_eq!(widest.map(f64::to_bits), narrowest.map(f64::to_bits));
    }
}
