//! Numbers that a formula can be evaluated in: plain ones, eight side by side, and dual numbers that carry a derivative.
//!
//! A gradient written once over [`Number`] gives exact second and third derivatives by being evaluated in [`Dual`] numbers.

use crate::Pieces;
use crate::elementary::{self, LARGEST_ANGLE};
use crate::lanes::{LANES, Lane, exp, ln};
use std::ops::{Add, Div, Mul, Neg, Sub};

/// Something that a smooth formula can be evaluated in.
///
/// Implementations neither fuse operations nor branch on the values, so the bits of a result do not depend on the machine's
/// vector width or on neighbours in a batch.
#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
pub trait Number:
    Copy
    + Send
    + Sync
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
{
    /// The constant `value`, without derivative.
    fn constant(value: f64) -> Self;

    /// `self * by`.
    #[must_use]
    fn scaled(self, by: f64) -> Self;

    /// `self + by`.
    #[must_use]
    fn shifted(self, by: f64) -> Self;

    /// `e^self`.
    #[must_use]
    fn exp(self) -> Self;

    /// `ln self`, for positive numbers.
    #[must_use]
    fn ln(self) -> Self;

    /// The square root of a number that is not negative.
    #[must_use]
    fn sqrt(self) -> Self;

    /// The hyperbolic tangent.
    #[must_use]
    fn tanh(self) -> Self;

    /// The sine.
    #[must_use]
    fn sin(self) -> Self;

    /// The cosine.
    #[must_use]
    fn cos(self) -> Self;

    /// The error function.
    #[must_use]
    fn erf(self) -> Self;

    /// `positive` where the value of `self` is above zero, else `other`.
    #[must_use]
    fn choose(self, positive: Self, other: Self) -> Self;

    /// The numbers of the piece that the value of `self` lies in, as constants.
    #[must_use]
    fn piece<const K: usize>(self, pieces: &Pieces<K>) -> [Self; K];

    /// `|self|`, with derivative -1 at zero.
    #[must_use]
    #[inline(always)]
    fn abs(self) -> Self {
        self.choose(self, -self)
    }

    /// `max(self, other)`, with the derivative of `other` where they are equal.
    #[must_use]
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        (self - other).choose(self, other)
    }

    /// `1 / (1 + e^-self)`, without overflow.
    #[must_use]
    #[inline(always)]
    fn sigmoid(self) -> Self {
        self.scaled(0.5).tanh().scaled(0.5).shifted(0.5)
    }

    /// `ln(1 + e^self)`, without overflow.
    #[must_use]
    #[inline(always)]
    fn softplus(self) -> Self {
        let zero = Self::constant(0.0);
        self.max(zero) + (-self.abs()).exp().shifted(1.0).ln()
    }
}

/// `2 / sqrt(pi)`, the slope of the error function at zero.
const ERF_SLOPE: f64 = std::f64::consts::FRAC_2_SQRT_PI;

impl Number for f64 {
    #[inline]
    fn constant(value: f64) -> Self {
        value
    }

    #[inline]
    fn scaled(self, by: f64) -> Self {
        self * by
    }

    #[inline]
    fn shifted(self, by: f64) -> Self {
        self + by
    }

    fn exp(self) -> Self {
        exp(self)
    }

    fn ln(self) -> Self {
        ln(self)
    }

    #[inline]
    fn sqrt(self) -> Self {
        f64::sqrt(self)
    }

    fn tanh(self) -> Self {
        tanh(self)
    }

    #[inline]
    fn sin(self) -> Self {
        if self.abs() > LARGEST_ANGLE { libm::sin(self) } else { elementary::sin(self) }
    }

    #[inline]
    fn cos(self) -> Self {
        if self.abs() > LARGEST_ANGLE { libm::cos(self) } else { elementary::cos(self) }
    }

    fn erf(self) -> Self {
        libm::erf(self)
    }

    #[inline]
    fn choose(self, positive: Self, other: Self) -> Self {
        if self > 0.0 { positive } else { other }
    }

    #[inline]
    fn piece<const K: usize>(self, pieces: &Pieces<K>) -> [Self; K] {
        *pieces.at(self)
    }
}

/// `tanh x` to a few units in the last place of one: `(1 - e) / (1 + e)` with `e = exp(-2 |x|)`, and its series where that
/// cancels.
#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
fn tanh(x: f64) -> f64 {
    let size = x.abs();
    let e = exp(-2.0 * size);
    let large = (1.0 - e) / (1.0 + e);
    let q = x * x;
    // Series to x^15: the rest is below 1e-17 of x for |x| < 0.1.
    let tail = q
        * (-1.0 / 3.0
            + q * (2.0 / 15.0
                + q * (-17.0 / 315.0
                    + q * (62.0 / 2835.0 + q * (-1382.0 / 155_925.0 + q * (21_844.0 / 6_081_075.0))))));
    let small = size + size * tail;
    let result = if size < 0.1 { small } else { large };
    if x < 0.0 { -result } else { result }
}

/// Eight plain numbers side by side: one coordinate of eight points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lanes(
    /// The numbers.
    pub Lane,
);

macro_rules! lanewise_operator {
    ($trait:ident, $method:ident, $operator:tt) => {
        impl $trait for Lanes {
            type Output = Self;
            #[inline(always)]
            fn $method(mut self, other: Self) -> Self {
                for l in 0..LANES {
                    self.0[l] $operator other.0[l];
                }
                self
            }
        }
    };
}

lanewise_operator!(Add, add, +=);
lanewise_operator!(Sub, sub, -=);
lanewise_operator!(Mul, mul, *=);
lanewise_operator!(Div, div, /=);

impl Neg for Lanes {
    type Output = Self;

    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn neg(mut self) -> Self {
        for x in &mut self.0 {
            *x = -*x;
        }
        self
    }
}

macro_rules! lanewise {
    ($($method:ident = $function:expr;)*) => {
        $(
            #[inline(always)]
            fn $method(mut self) -> Self {
                for x in &mut self.0 {
                    *x = $function(*x);
                }
                self
            }
        )*
    };
}

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl Number for Lanes {
    #[inline(always)]
    fn constant(value: f64) -> Self {
        Self([value; LANES])
    }

    #[inline(always)]
    fn scaled(mut self, by: f64) -> Self {
        for x in &mut self.0 {
            *x *= by;
        }
        self
    }

    #[inline(always)]
    fn shifted(mut self, by: f64) -> Self {
        for x in &mut self.0 {
            *x += by;
        }
        self
    }

    lanewise! {
        exp = exp;
        ln = ln;
        sqrt = f64::sqrt;
        tanh = tanh;
        erf = libm::erf;
    }

    #[inline(always)]
    fn sin(self) -> Self {
        self.angles(elementary::sin, libm::sin)
    }

    #[inline(always)]
    fn cos(self) -> Self {
        self.angles(elementary::cos, libm::cos)
    }

    #[inline(always)]
    fn choose(self, positive: Self, other: Self) -> Self {
        let mut chosen = other;
        for l in 0..LANES {
            chosen.0[l] = if self.0[l] > 0.0 { positive.0[l] } else { other.0[l] };
        }
        chosen
    }

    #[inline(always)]
    fn piece<const K: usize>(self, pieces: &Pieces<K>) -> [Self; K] {
        let mut found = [Self([0.0; LANES]); K];
        for l in 0..LANES {
            for (found, value) in found.iter_mut().zip(pieces.at(self.0[l])) {
                found.0[l] = *value;
            }
        }
        found
    }
}

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl Lanes {
    /// `near` of all angles, and `far` of those that are too large for it.
    #[inline(always)]
    fn angles(self, near: impl Fn(f64) -> f64, far: impl Fn(f64) -> f64) -> Self {
        let mut result = self;
        for x in &mut result.0 {
            *x = near(*x);
        }
        if self.0.iter().fold(false, |any, x| any | (x.abs() > LARGEST_ANGLE)) {
            for (result, x) in result.0.iter_mut().zip(self.0) {
                if x.abs() > LARGEST_ANGLE {
                    *result = far(x);
                }
            }
        }
        result
    }
}

/// A number with its derivative in one direction: `value + slope e`, with `e^2 = 0`.
///
/// Nested, `Dual<Dual<N>>` carries two directions and, in the slope of the slope, the mixed second derivative.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dual<N> {
    /// The number itself.
    pub value: N,
    /// Its derivative.
    pub slope: N,
}

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl<N: Number> Dual<N> {
    /// `f(self)`, where `value` is `f` and `derivative` is `f'` at its value.
    #[inline(always)]
    fn chain(self, value: N, derivative: N) -> Self {
        Self { value, slope: derivative * self.slope }
    }
}

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl<N: Number> Add for Dual<N> {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self { value: self.value + other.value, slope: self.slope + other.slope }
    }
}

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl<N: Number> Sub for Dual<N> {
    type Output = Self;

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self { value: self.value - other.value, slope: self.slope - other.slope }
    }
}

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl<N: Number> Mul for Dual<N> {
    type Output = Self;

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self { value: self.value * other.value, slope: self.value * other.slope + self.slope * other.value }
    }
}

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl<N: Number> Div for Dual<N> {
    type Output = Self;

    #[inline(always)]
    fn div(self, other: Self) -> Self {
        let value = self.value / other.value;
        Self { value, slope: (self.slope - value * other.slope) / other.value }
    }
}

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl<N: Number> Neg for Dual<N> {
    type Output = Self;

    #[inline(always)]
    fn neg(self) -> Self {
        Self { value: -self.value, slope: -self.slope }
    }
}

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl<N: Number> Number for Dual<N> {
    #[inline(always)]
    fn constant(value: f64) -> Self {
        Self { value: N::constant(value), slope: N::constant(0.0) }
    }

    #[inline(always)]
    fn scaled(self, by: f64) -> Self {
        Self { value: self.value.scaled(by), slope: self.slope.scaled(by) }
    }

    #[inline(always)]
    fn shifted(self, by: f64) -> Self {
        Self { value: self.value.shifted(by), slope: self.slope }
    }

    #[inline(always)]
    fn exp(self) -> Self {
        let value = self.value.exp();
        self.chain(value, value)
    }

    #[inline(always)]
    fn ln(self) -> Self {
        self.chain(self.value.ln(), N::constant(1.0) / self.value)
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        let value = self.value.sqrt();
        self.chain(value, N::constant(0.5) / value)
    }

    #[inline(always)]
    fn tanh(self) -> Self {
        let value = self.value.tanh();
        self.chain(value, (-(value * value)).shifted(1.0))
    }

    #[inline(always)]
    fn sin(self) -> Self {
        self.chain(self.value.sin(), self.value.cos())
    }

    #[inline(always)]
    fn cos(self) -> Self {
        self.chain(self.value.cos(), -self.value.sin())
    }

    #[inline(always)]
    fn erf(self) -> Self {
        let slope = (-(self.value * self.value)).exp().scaled(ERF_SLOPE);
        self.chain(self.value.erf(), slope)
    }

    #[inline(always)]
    fn choose(self, positive: Self, other: Self) -> Self {
        Self {
            value: self.value.choose(positive.value, other.value),
            slope: self.value.choose(positive.slope, other.slope),
        }
    }

    #[inline(always)]
    fn piece<const K: usize>(self, pieces: &Pieces<K>) -> [Self; K] {
        self.value.piece(pieces).map(|value| Self { value, slope: N::constant(0.0) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Seed;
    use rand::Rng;

    /// A formula that uses every operation.
    fn everything<N: Number>(x: N) -> N {
        let smooth = x.sin() * x.cos().exp() + x.tanh() / x.erf().shifted(3.0);
        let roots = (x * x).shifted(1.0).sqrt().ln().scaled(0.7) - x.sigmoid();
        smooth + roots - x.softplus() * (-x).max(x.scaled(0.5)).abs()
    }

    #[test]
    fn dual_numbers_carry_the_first_three_derivatives() {
        let mut rng = Seed::new(5).stream(&[("test", "dual")]);
        let mut cases = 0;
        for _ in 0..200 {
            let x: f64 = rng.random_range(-3.0..3.0);
            if x.abs() < 0.02 {
                continue;
            }
            let one = Dual { value: x, slope: 1.0 };
            let two = Dual { value: one, slope: Dual::constant(1.0) };
            let exact = everything(two);
            let h = 1e-4;
            let first = |x: f64| everything(Dual { value: x, slope: 1.0 }).slope;
            let slope = (everything(x + h) - everything(x - h)) / (2.0 * h);
            let curvature = (first(x + h) - first(x - h)) / (2.0 * h);
            assert!((exact.value.value - everything(x)).abs() < 1e-14);
            assert!((exact.value.slope - slope).abs() < 1e-6, "slope at {x}");
            assert!((exact.slope.slope - curvature).abs() < 1e-6, "curvature at {x}");
            assert_eq!(exact.value.slope.to_bits(), exact.slope.value.to_bits());
            cases += 1;
        }
        assert!(cases > 190);
    }

    #[test]
    fn lanes_agree_with_plain_numbers_bit_for_bit() {
        let mut rng = Seed::new(6).stream(&[("test", "lanes")]);
        for _ in 0..100 {
            let x: Lane =
                std::array::from_fn(|l| rng.random_range(-40.0..40.0) * if l == 3 { 1e5 } else { 1.0 });
            let together = everything(Lanes(x)).0;
            for l in 0..LANES {
                assert_eq!(together[l].to_bits(), everything(x[l]).to_bits(), "at {}", x[l]);
            }
        }
    }

    #[test]
    fn the_hyperbolic_tangent_is_right_to_a_few_places_also_near_zero() {
        let mut rng = Seed::new(7).stream(&[("test", "tanh")]);
        let mut worst: f64 = 0.0;
        for _ in 0..100_000 {
            let x: f64 = rng.random_range(-2.0..2.0_f64).powi(5);
            worst = worst.max((tanh(x) / libm::tanh(x) - 1.0).abs());
        }
        assert!(worst < 5.0 * f64::EPSILON, "{worst:e}");
        assert_eq!(tanh(f64::INFINITY).to_bits(), 1.0_f64.to_bits());
        assert!(tanh(f64::NAN).is_nan());
    }
}
