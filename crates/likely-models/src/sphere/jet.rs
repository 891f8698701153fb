//! Numbers that carry their derivatives in two parameters: what a point of a surface needs.

use likely_core::{Number, Pieces};
use std::ops::{Add, Div, Mul, Neg, Sub};

/// Numbers of a [`Jet`] of first order: the value and two slopes.
pub(crate) const FIRST: usize = 3;
/// Numbers of a [`Jet`] of second order: also the second derivatives 11, 12 and 22.
pub(crate) const SECOND: usize = 6;

/// A number with its derivatives in two parameters, of order one (`C` = [`FIRST`]) or two (`C` = [`SECOND`]).
///
/// What both orders have in common is computed by the same operations, so its bits agree.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Jet<N, const C: usize>(pub(crate) [N; C]);

/// Second derivatives by the places of the two first ones.
const MIXED: [(usize, usize, usize); 3] = [(3, 1, 1), (4, 1, 2), (5, 2, 2)];

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl<N: Number, const C: usize> Jet<N, C> {
    /// `f(self)`, where `value`, `first` and `second` are `f` and its derivatives at its value.
    #[inline(always)]
    fn chain(self, value: N, first: N, second: impl FnOnce() -> N) -> Self {
        let mut out = [value; C];
        out[1] = first * self.0[1];
        out[2] = first * self.0[2];
        if C == SECOND {
            let second = second();
            for (k, i, j) in MIXED {
                out[k] = second * self.0[i] * self.0[j] + first * self.0[k];
            }
        }
        Self(out)
    }

    /// The parameter number `which` (0 or 1) at `value`.
    #[inline(always)]
    pub(crate) fn parameter(value: N, which: usize) -> Self {
        let mut out = [N::constant(0.0); C];
        out[0] = value;
        out[1 + which] = N::constant(1.0);
        Self(out)
    }

    #[inline(always)]
    fn each(mut self, f: impl Fn(N) -> N) -> Self {
        for x in &mut self.0 {
            *x = f(*x);
        }
        self
    }

    #[inline(always)]
    fn both(self, other: Self, f: impl Fn(N, N) -> N) -> Self {
        let mut out = self.0;
        for (out, other) in out.iter_mut().zip(other.0) {
            *out = f(*out, other);
        }
        Self(out)
    }
}

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl<N: Number, const C: usize> Add for Jet<N, C> {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.both(other, |a, b| a + b)
    }
}

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl<N: Number, const C: usize> Sub for Jet<N, C> {
    type Output = Self;

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self.both(other, |a, b| a - b)
    }
}

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl<N: Number, const C: usize> Mul for Jet<N, C> {
    type Output = Self;

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        let (a, b) = (self.0, other.0);
        let mut out = a;
        out[0] = a[0] * b[0];
        for k in 1..C {
            out[k] = a[0] * b[k] + a[k] * b[0];
        }
        if C == SECOND {
            for (k, i, j) in MIXED {
                out[k] = out[k] + a[i] * b[j] + a[j] * b[i];
            }
        }
        Self(out)
    }
}

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl<N: Number, const C: usize> Div for Jet<N, C> {
    type Output = Self;

    #[inline(always)]
    fn div(self, other: Self) -> Self {
        let reciprocal = N::constant(1.0) / other.0[0];
        let slope = -(reciprocal * reciprocal);
        self * other.chain(reciprocal, slope, || (slope * reciprocal).scaled(-2.0))
    }
}

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl<N: Number, const C: usize> Neg for Jet<N, C> {
    type Output = Self;

    #[inline(always)]
    fn neg(self) -> Self {
        self.each(|x| -x)
    }
}

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl<N: Number, const C: usize> Number for Jet<N, C> {
    #[inline(always)]
    fn constant(value: f64) -> Self {
        let mut out = [N::constant(0.0); C];
        out[0] = N::constant(value);
        Self(out)
    }

    #[inline(always)]
    fn scaled(self, by: f64) -> Self {
        self.each(|x| x.scaled(by))
    }

    #[inline(always)]
    fn shifted(mut self, by: f64) -> Self {
        self.0[0] = self.0[0].shifted(by);
        self
    }

    #[inline(always)]
    fn exp(self) -> Self {
        let value = self.0[0].exp();
        self.chain(value, value, || value)
    }

    #[inline(always)]
    fn ln(self) -> Self {
        let reciprocal = N::constant(1.0) / self.0[0];
        self.chain(self.0[0].ln(), reciprocal, || -(reciprocal * reciprocal))
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        let value = self.0[0].sqrt();
        let slope = N::constant(0.5) / value;
        self.chain(value, slope, || (slope / self.0[0]).scaled(-0.5))
    }

    #[inline(always)]
    fn tanh(self) -> Self {
        let value = self.0[0].tanh();
        let slope = (-(value * value)).shifted(1.0);
        self.chain(value, slope, || (value * slope).scaled(-2.0))
    }

    #[inline(always)]
    fn sin(self) -> Self {
        let value = self.0[0].sin();
        self.chain(value, self.0[0].cos(), || -value)
    }

    #[inline(always)]
    fn cos(self) -> Self {
        let value = self.0[0].cos();
        self.chain(value, -self.0[0].sin(), || -value)
    }

    #[inline(always)]
    fn erf(self) -> Self {
        let x = self.0[0];
        let slope = (-(x * x)).exp().scaled(std::f64::consts::FRAC_2_SQRT_PI);
        self.chain(x.erf(), slope, || (x * slope).scaled(-2.0))
    }

    #[inline(always)]
    fn choose(self, positive: Self, other: Self) -> Self {
        let at = self.0[0];
        positive.both(other, |positive, other| at.choose(positive, other))
    }

    #[inline(always)]
    fn piece<const K: usize>(self, pieces: &Pieces<K>) -> [Self; K] {
        self.0[0].piece(pieces).map(|value| {
            let mut out = [N::constant(0.0); C];
            out[0] = value;
            Self(out)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use likely_core::{Dual, Seed};
    use rand::Rng;

    /// A formula of two numbers that uses every operation.
    fn everything<N: Number>(x: N, y: N) -> N {
        let smooth = (x * y).sin() * y.cos().exp() + (x - y).tanh() / (x * y).erf().shifted(3.0);
        let roots = (x * x + y * y).shifted(1.0).sqrt().ln().scaled(0.7) - (x + y).sigmoid();
        smooth + roots - x.softplus() * (-y).max(x.scaled(0.5)).abs()
    }

    #[test]
    fn jets_agree_with_nested_dual_numbers_and_with_each_other() {
        let mut rng = Seed::new(9).stream(&[("test", "jet")]);
        for _ in 0..200 {
            let [x, y]: [f64; 2] = [(); 2].map(|()| rng.random_range(-2.0..2.0));
            let second: Jet<f64, SECOND> = everything(Jet::parameter(x, 0), Jet::parameter(y, 1));
            let first: Jet<f64, FIRST> = everything(Jet::parameter(x, 0), Jet::parameter(y, 1));
            assert_eq!(first.0.map(f64::to_bits), [0, 1, 2].map(|k| second.0[k].to_bits()));
            for (k, i, j) in MIXED {
                let unit = |k: usize, which: usize| if k == which { 1.0 } else { 0.0 };
                let place = |value: f64, which: usize| Dual {
                    value: Dual { value, slope: unit(i, which) },
                    slope: Dual { value: unit(j, which), slope: 0.0 },
                };
                let exact = everything(place(x, 1), place(y, 2));
                let expected = [exact.value.value, exact.value.slope, exact.slope.slope];
                for (ours, theirs) in [second.0[0], second.0[i], second.0[k]].into_iter().zip(expected) {
                    assert!((ours - theirs).abs() < 1e-12 * theirs.abs().max(1.0), "{ours} {theirs}");
                }
            }
        }
    }
}
