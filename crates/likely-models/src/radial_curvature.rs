//! Second and third derivatives of potentials that depend on the norm alone.

use likely_core::Rows;

/// A potential with gradient `f(|x|^2) x`.
pub(crate) trait RadialProfile {
    /// `f`, `f'` and `f''` at a squared norm.
    fn gradient_factor(&self, q: f64) -> [f64; 3];
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// `H = f I + 2 f' x x^T`, `(batch, dim, dim)`.
pub(crate) fn hessian(of: &impl RadialProfile, points: Rows<'_>, out: &mut [f64]) {
    let dim = points.dim();
    for (x, out) in points.iter().zip(out.chunks_exact_mut(dim * dim)) {
        let [f, slope, _] = of.gradient_factor(dot(x, x));
        for (j, row) in out.chunks_exact_mut(dim).enumerate() {
            row.iter_mut().zip(x).for_each(|(h, y)| *h = 2.0 * slope * (x[j] * y));
            row[j] += f;
        }
    }
}

/// The gradient of `<u, H v>`: `2 f' (<u, v> x + <v, x> u + <u, x> v) + 4 f'' <u, x> <v, x> x`.
pub(crate) fn hessian_gradient(
    of: &impl RadialProfile,
    points: Rows<'_>,
    u: &[f64],
    v: &[f64],
    out: &mut [f64],
) {
    let dim = points.dim();
    let rows = points.iter().zip(u.chunks_exact(dim)).zip(v.chunks_exact(dim));
    for (((x, u), v), out) in rows.zip(out.chunks_exact_mut(dim)) {
        let [_, slope, bend] = of.gradient_factor(dot(x, x));
        let (ux, vx) = (dot(u, x), dot(v, x));
        let along = 2.0 * slope * dot(u, v) + 4.0 * bend * ux * vx;
        for (((out, x), u), v) in out.iter_mut().zip(x).zip(u).zip(v) {
            *out = along * x + 2.0 * slope * (vx * u + ux * v);
        }
    }
}

/// `H v = f v + 2 f' <x, v> x`.
pub(crate) fn hessian_vector(of: &impl RadialProfile, points: Rows<'_>, v: &[f64], out: &mut [f64]) {
    let dim = points.dim();
    let rows = points.iter().zip(v.chunks_exact(dim));
    for ((x, v), out) in rows.zip(out.chunks_exact_mut(dim)) {
        let [f, slope, _] = of.gradient_factor(dot(x, x));
        let along = 2.0 * slope * dot(x, v);
        out.iter_mut().zip(v).zip(x).for_each(|((out, v), x)| *out = f * v + along * x);
    }
}
