//! The transition density of Brownian motion on the unit sphere.

use crate::sphere::vectors::{angle, away};
use likely_core::{Dual, Number};
use std::f64::consts::{FRAC_PI_2, PI, SQRT_2};

/// From this time on the Legendre series is summed everywhere; before it, the integral over images, which loses no digits
/// where the density is small.
const SERIES_FROM: f64 = 1.0;
/// From this time on the series is summed also where the density is large, for there the images that the integral leaves out
/// are felt.
const SERIES_NEAR_FROM: f64 = 0.25;
/// The density is large where it has fallen to no less than `exp(-4)` of its largest value.
const LARGE: f64 = 4.0;
/// Terms of the Legendre series fall like `exp(-l (l + 1) t / 2)`; beyond this exponent they are below rounding.
const LAST_EXPONENT: f64 = 42.0;
/// Distance between the nodes of the trapezoidal rule over the whole Gaussian, whose error is `exp(-pi^2 / h^2)`.
const STEP: f64 = 0.5;
/// Nodes on one side: the Gaussian ends at `exp(-42)`.
const NODES: usize = 13;
/// From this reach on the cut locus is too far away to be felt.
const FAR: f64 = 8.0;
/// Nodes on one side where the integral ends near the Gaussian's middle.
const NODES_NEAR: usize = 40;

/// The heat kernel of the unit sphere: the density of Brownian motion (generator half the Laplacian) after `time`, with
/// respect to the area measure.
///
/// # Source
/// De Bortoli et al. 2022, "Riemannian score-based generative modelling", eqs. (8) to (10), for the series and the short
/// times; the integral is the classical one of Mehler and Dirichlet, here with nodes that leave it smooth up to the antipode.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HeatKernel {
    time: f64,
}

/// Why there is no heat kernel for a time.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("the time of a Brownian motion is {time}; it must be between 1e-12 and 1e6")]
pub struct TimeError {
    /// The time that was given.
    pub time: f64,
}

impl HeatKernel {
    /// The kernel after `time`.
    ///
    /// # Errors
    /// [`TimeError`] where the time is not between 1e-12 and 1e6.
    pub fn new(time: f64) -> Result<Self, TimeError> {
        if (1e-12..=1e6).contains(&time) { Ok(Self { time }) } else { Err(TimeError { time }) }
    }

    /// Time since the start.
    pub fn time(self) -> f64 {
        self.time
    }

    /// `log p_t` at an angle in `[0, pi]` from the start, in nats.
    pub fn log_density(self, angle: f64) -> f64 {
        log_density(self.time, angle, angle)
    }

    /// `log p_t` and its derivative at an angle in `[0, pi]` from the start.
    pub fn log_density_and_slope(self, angle: f64) -> (f64, f64) {
        let log = log_density(self.time, angle, Dual { value: angle, slope: 1.0 });
        (log.value, log.slope)
    }

    /// `log p_t` by the Legendre series alone, whatever the time; NaN where rounding leaves it below zero.
    pub fn log_density_by_series(self, angle: f64) -> f64 {
        let density = series(self.time, angle);
        if density > 0.0 { libm::log(density) } else { f64::NAN }
    }

    /// `log p_t` by the integral over images alone, and its derivative: for times up to 1/4.
    pub fn log_density_by_integral(self, angle: f64) -> (f64, f64) {
        let log = log_integral(self.time, angle, Dual { value: angle, slope: 1.0 });
        (log.value, log.slope)
    }

    /// `log p_t` and its derivative by Varadhan's form with its first correction, for small times away from the antipode.
    pub fn log_density_by_short_time(self, angle: f64) -> (f64, f64) {
        let log = log_short_time(self.time, Dual { value: angle, slope: 1.0 });
        (log.value, log.slope)
    }

    /// `log p_t(x | y)` of two points of the sphere, and its gradient in `x`: a tangent vector at `x`.
    pub fn log_density_and_score(self, x: [f64; 3], y: [f64; 3]) -> (f64, [f64; 3]) {
        let (log, slope) = self.log_density_and_slope(angle(x, y));
        (log, away(x, y).map(|u| slope * u))
    }
}

/// `plain` is the value of `angle`, to branch on.
fn log_density<N: Number>(time: f64, plain: f64, angle: N) -> N {
    let large = plain * plain < 2.0 * LARGE * time;
    if time >= SERIES_FROM || (time >= SERIES_NEAR_FROM && large) {
        series(time, angle).ln()
    } else {
        log_integral(time, plain, angle)
    }
}

/// `p_t = sum_l (2 l + 1) / (4 pi) exp(-l (l + 1) t / 2) P_l(cos angle)`, summed until the terms are below rounding.
///
/// Its error is a rounding error of the largest value, not of this one: use it for `t >= 1`.
fn series<N: Number>(time: f64, angle: N) -> N {
    let x = angle.cos();
    let (mut before, mut now) = (N::constant(1.0), x);
    let mut sum = N::constant(1.0);
    let mut l = 1.0;
    loop {
        let exponent = 0.5 * l * (l + 1.0) * time;
        sum = sum + now.scaled((2.0 * l + 1.0) * libm::exp(-exponent));
        if exponent > LAST_EXPONENT {
            return sum.scaled(0.25 / PI);
        }
        // (l + 1) P_(l+1) = (2 l + 1) x P_l - l P_(l-1).
        let next = (x * now).scaled((2.0 * l + 1.0) / (l + 1.0)) - before.scaled(l / (l + 1.0));
        (before, now) = (now, next);
        l += 1.0;
    }
}

/// Varadhan's short-time form with its first correction:
/// `-angle^2 / (2 t) - log(2 pi t) + log(angle / sin angle) / 2 + log(1 + t / 8 (1 + (1 - angle cot angle) / angle^2))`.
///
/// Its error is of order `t^2`, and it knows nothing of the paths that go around the sphere: it fails towards the antipode.
///
/// # Source
/// The expansion of Minakshisundaram and Pleijel; its first coefficient follows from the radial Laplacian of the sphere.
fn log_short_time<N: Number>(time: f64, angle: N) -> N {
    let squared = angle * angle;
    let sinc = sinc(angle);
    // (1 - a cot a) / a^2 = 1/3 + a^2 / 45 + 2 a^4 / 945 + a^6 / 4725 + ... is used below 0.1.
    let small = ((squared.scaled(1.0 / 4725.0)).shifted(2.0 / 945.0) * squared).shifted(1.0 / 45.0) * squared;
    let small = small.shifted(1.0 / 3.0);
    let large = (-(angle.cos() / sinc)).shifted(1.0) / squared.max(N::constant(1e-6));
    let curvature = squared.shifted(-0.01).choose(large, small);
    squared.scaled(-0.5 / time).shifted(-(2.0 * PI * time).ln()) - sinc.ln().scaled(0.5)
        + curvature.shifted(1.0).scaled(0.125 * time).shifted(1.0).ln()
}

/// `sin z / z`.
fn sinc<N: Number>(z: N) -> N {
    let q = z * z;
    let small = ((q.scaled(-1.0 / 5040.0)).shifted(1.0 / 120.0) * q).shifted(-1.0 / 6.0) * q;
    // Below 0.01 the series to z^6 is exact to rounding; elsewhere the division is.
    let divisor = q.shifted(-1e-4).choose(z, N::constant(1.0));
    q.shifted(-1e-4).choose(z.sin() / divisor, small.shifted(1.0))
}

/// `log p_t` by the integral over the images of the start,
/// `p_t = sqrt(2) e^(t/8) (2 pi t)^(-3/2) int f e^(-f^2 / 2t) / sqrt(cos a - cos f) df` for `f` from the angle `a` to `2 pi - a`.
///
/// With `f^2 = a^2 + 2 t v^2` the integrand is `e^(-v^2)` times a smooth function of `v^2` that is singular only at the end,
/// `v = V = sqrt(2 pi (pi - a) / t)`. Where that is far the trapezoidal rule is exact to rounding; else `v = V sin u` makes
/// the integrand smooth and periodic, and the rule is exact again. No digits are lost where the density is small.
fn log_integral<N: Number>(time: f64, plain: f64, angle: N) -> N {
    let squared = angle * angle;
    let sum = if 2.0 * PI * (PI - plain) > FAR * FAR * time {
        whole(time, angle, squared)
    } else {
        ending(time, angle, squared, (-angle).shifted(PI))
    };
    let front = SQRT_2 * 2.0 * time.sqrt() / (2.0 * PI * time).powf(1.5);
    squared.scaled(-0.5 / time).shifted(time / 8.0 + front.ln()) + sum.ln()
}

/// The integral over all `v > 0`.
fn whole<N: Number>(time: f64, angle: N, squared: N) -> N {
    let mut sum = N::constant(0.0);
    for k in 0..NODES {
        let v = STEP * (k as f64 + 0.5);
        let image = squared.shifted(2.0 * time * v * v).sqrt();
        let sincs = sinc((image + angle).scaled(0.5)) * sinc((image - angle).scaled(0.5));
        sum = sum + N::constant(STEP * libm::exp(-v * v)) / sincs.sqrt();
    }
    sum
}

/// The integral up to `V`, over `u` in `v = V sin u`; `left` is `pi - angle`.
fn ending<N: Number>(time: f64, angle: N, squared: N, left: N) -> N {
    let mut sum = N::constant(0.0);
    let step = FRAC_PI_2 / NODES_NEAR as f64;
    for k in 0..NODES_NEAR {
        let (sine, cosine) = libm::sincos(step * (k as f64 + 0.5));
        // f^2 = a^2 + 4 pi (pi - a) sin^2 u.
        let image = (squared + left.scaled(4.0 * PI * sine * sine)).sqrt();
        let around = (image - angle).shifted(2.0 * PI);
        // sin((f + a) / 2) is the sine of what (f + a) / 2 lacks of pi, which does not cancel in this form.
        let lacking = left.scaled(2.0 * PI * cosine * cosine) / around;
        let gaussian = left.scaled(-2.0 * PI * sine * sine / time).exp();
        let other = sinc(lacking) * sinc((image - angle).scaled(0.5));
        let smooth = ((around.scaled(0.5 / time)) * (image + angle) / other).sqrt();
        sum = sum + (gaussian * smooth).scaled(step);
    }
    sum
}
