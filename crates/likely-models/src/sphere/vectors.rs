//! Vectors of space and points of the unit sphere.

use likely_core::Number;

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
pub(crate) fn dot<N: Number>(a: [N; 3], b: [N; 3]) -> N {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
pub(crate) fn cross<N: Number>(a: [N; 3], b: [N; 3]) -> [N; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

/// `x / |x|`.
#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
pub(crate) fn normalised<N: Number>(x: [N; 3]) -> [N; 3] {
    let factor = N::constant(1.0) / dot(x, x).sqrt();
    x.map(|x| x * factor)
}

/// The angle between two points of the sphere, in `[0, pi]`, right to rounding also for near and for opposite points.
pub(crate) fn angle(x: [f64; 3], y: [f64; 3]) -> f64 {
    let length = |sign: f64| dot_self([x[0] + sign * y[0], x[1] + sign * y[1], x[2] + sign * y[2]]).sqrt();
    2.0 * libm::atan2(length(-1.0), length(1.0))
}

fn dot_self(x: [f64; 3]) -> f64 {
    dot(x, x)
}

/// The unit tangent vector at `x` that points away from `y`; zero where there is no single one.
pub(crate) fn away(x: [f64; 3], y: [f64; 3]) -> [f64; 3] {
    let along = dot(x, y);
    let direction: [f64; 3] = std::array::from_fn(|j| along * x[j] - y[j]);
    let length = dot_self(direction).sqrt();
    if length > 0.0 { direction.map(|d| d / length) } else { [0.0; 3] }
}

/// Two tangent vectors at `x` that make an orthonormal frame with it; `x` is of unit length.
///
/// # Source
/// Duff et al. 2017, "Building an orthonormal basis, revisited".
#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
pub(crate) fn frame<N: Number>(x: [N; 3]) -> [[N; 3]; 2] {
    let one = N::constant(1.0);
    let sign = x[2].choose(one, -one);
    let a = -one / (sign + x[2]);
    let b = x[0] * x[1] * a;
    [[(sign * x[0] * x[0] * a).shifted(1.0), sign * b, -(sign * x[0])], [b, sign + x[1] * x[1] * a, -x[1]]]
}

/// The point at the end of the geodesic from `x` with the tangent velocity `v`.
pub(crate) fn exponential(x: [f64; 3], v: [f64; 3]) -> [f64; 3] {
    let angle = dot_self(v).sqrt();
    let (sine, cosine) = libm::sincos(angle);
    let weight = if angle > 0.0 { sine / angle } else { 1.0 };
    normalised(std::array::from_fn(|j| cosine * x[j] + weight * v[j]))
}
