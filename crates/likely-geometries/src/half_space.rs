//! Closed forms of the hyperbolic half-space: `G = I / y^2`, with `y` the last coordinate.

use likely_core::lanes::{dot, sum};

/// The distance of two points.
pub(crate) fn distance(from: &[f64], to: &[f64]) -> f64 {
    let last = from.len() - 1;
    let chord = sum(from, to, |a, b| (b - a) * (b - a)).sqrt();
    2.0 * libm::asinh(0.5 * chord / (from[last].sqrt() * to[last].sqrt()))
}

/// The initial velocity of the geodesic that reaches `to` at time one.
///
/// Seen from `(0, 1)`, the point `(h, y)` at distance `r` lies in the direction
/// `(h / y, (h^2 + y^2 - 1) / (2 y)) = sinh r (sin a, cos a)`.
pub(crate) fn log(from: &[f64], to: &[f64], out: &mut [f64]) {
    let last = from.len() - 1;
    let height = from[last];
    let y = to[last] / height;
    let rise = (to[last] - height) / height;
    for (out, (a, b)) in out.iter_mut().zip(from.iter().zip(to)) {
        *out = (b - a) / height;
    }
    let flat = dot(&out[..last], &out[..last]);
    for out in &mut out[..last] {
        *out /= y;
    }
    out[last] = 0.5 * (flat + rise * (y + 1.0)) / y;
    let sinh = dot(out, out).sqrt();
    if sinh > 0.0 {
        let weight = height * distance(from, to) / sinh;
        for out in out.iter_mut() {
            *out *= weight;
        }
    }
}

/// The point at time one of the geodesic with initial velocity `velocity`; false where it leaves what numbers can hold.
///
/// From `(0, 1)` in the direction `(sin a, cos a)`, the point at distance `r` is `(sinh r sin a, 1) / (cosh r - sinh r cos a)`.
pub(crate) fn exp(from: &[f64], velocity: &[f64], out: &mut [f64]) -> bool {
    let last = from.len() - 1;
    let height = from[last];
    out.copy_from_slice(from);
    let norm = dot(velocity, velocity).sqrt();
    if norm == 0.0 {
        return true;
    }
    let distance = norm / height;
    let (sinh, cosine) = (libm::sinh(distance), velocity[last] / norm);
    let divisor = if cosine > 0.0 {
        // exp(-r) + sinh r (1 - cos a), without the cancellation of going almost straight up.
        let squared_sine = dot(&velocity[..last], &velocity[..last]) / (norm * norm);
        libm::exp(-distance) + sinh * squared_sine / (1.0 + cosine)
    } else {
        libm::cosh(distance) - sinh * cosine
    };
    let weight = height * sinh / (norm * divisor);
    for (out, v) in out[..last].iter_mut().zip(velocity) {
        *out += weight * v;
    }
    out[last] = height / divisor;
    out[last] > 0.0 && out.iter().all(|x| x.is_finite())
}
