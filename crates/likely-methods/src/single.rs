//! The closed forms on single-precision vectors, for latents that never leave it.
//!
//! Everything else works in double precision. These two only move memory, so half the bytes are half the time; they write into
//! a buffer of the caller, which a loop over pairs can use again.

use crate::slerp::{Norms, SMALLEST_ANGLE, spherical, weights};
use ndarray::Array1;
use pulp::{Arch, Simd, WithSimd};
use std::num::NonZeroUsize;

/// Why two vectors were not joined.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SingleError {
    /// The end points have different numbers of coordinates, or none.
    #[error("the start has {start} coordinates and the end has {end}; they must agree and be positive")]
    Dimensions {
        /// Coordinates of the start.
        start: usize,
        /// Coordinates of the end.
        end: usize,
    },
    /// The buffer does not hold the curve.
    #[error("the buffer holds {found} numbers where the curve has {needed}, (segments + 1) * dim")]
    Buffer {
        /// Numbers of the curve.
        needed: usize,
        /// Numbers of the buffer.
        found: usize,
    },
    /// A coordinate is NaN or infinite, or the vectors are so long that their squared norm is.
    #[error("an end point is not finite, or its squared norm is not")]
    NotFinite,
    /// The end points are antipodal on a line, where there is no arc between them.
    #[error("antipodal end points on a line have no arc between them")]
    NoArc,
}

/// The straight line, `z_i = (1 - i/N) a + (i/N) b`, into `curve`, row by row.
///
/// `start` and `end` have `dim` coordinates and `curve` has `(segments + 1) * dim`.
///
/// # Errors
/// [`SingleError`] where the sizes do not fit or an end point is not finite.
pub fn linear(
    start: &[f32],
    end: &[f32],
    segments: NonZeroUsize,
    curve: &mut [f32],
) -> Result<(), SingleError> {
    check(start, end, segments, curve)?;
    let n = segments.get();
    let weights: Vec<[f64; 2]> = (0..=n).map(|i| i as f64 / n as f64).map(|s| [1.0 - s, s]).collect();
    fill(start, end, &weights, curve);
    Ok(())
}

/// Spherical interpolation of the vectors as they are, `z(s) = [sin((1-s)t) a + sin(st) b] / sin t`, into `curve`, row by row.
///
/// The angle and the weights are computed in double precision; parallel, antipodal and zero vectors are those of `slerp`.
///
/// # Errors
/// [`SingleError`] where the sizes do not fit, an end point is not finite, or there is no arc.
pub fn slerp(
    start: &[f32],
    end: &[f32],
    segments: NonZeroUsize,
    curve: &mut [f32],
) -> Result<(), SingleError> {
    check(start, end, segments, curve)?;
    let [aa, ab, bb] = Arch::new().dispatch(Products { a: start, b: end });
    if !(aa + bb).is_finite() {
        return Err(SingleError::NotFinite);
    }
    let norms = [aa.sqrt(), bb.sqrt()];
    let cosine = ab / (norms[0] * norms[1]);
    // Everywhere else the arc cosine would lose digits, and these cases are rare.
    if cosine.abs() < 0.9 {
        let angle = cosine.acos();
        debug_assert!(angle > SMALLEST_ANGLE);
        fill(start, end, &weights(angle, norms, segments.get(), Norms::Raw), curve);
        return Ok(());
    }
    let double = |v: &[f32]| -> Array1<f64> { v.iter().map(|&x| f64::from(x)).collect() };
    let points = spherical(double(start).view(), double(end).view(), segments.get(), Norms::Raw)
        .map_err(|_| SingleError::NoArc)?;
    for (z, x) in curve.iter_mut().zip(points.points()) {
        *z = *x as f32;
    }
    let last = curve.len() - end.len();
    curve[..start.len()].copy_from_slice(start);
    curve[last..].copy_from_slice(end);
    Ok(())
}

fn check(start: &[f32], end: &[f32], segments: NonZeroUsize, curve: &[f32]) -> Result<(), SingleError> {
    if start.len() != end.len() || start.is_empty() {
        return Err(SingleError::Dimensions { start: start.len(), end: end.len() });
    }
    let needed = segments.get().saturating_add(1).saturating_mul(start.len());
    if curve.len() != needed {
        return Err(SingleError::Buffer { needed, found: curve.len() });
    }
    if Arch::new().dispatch(AllFinite(start)) && Arch::new().dispatch(AllFinite(end)) {
        Ok(())
    } else {
        Err(SingleError::NotFinite)
    }
}

/// One row a pair of weights; the first and last row are the end points themselves.
fn fill(start: &[f32], end: &[f32], weights: &[[f64; 2]], curve: &mut [f32]) {
    Arch::new().dispatch(Fill { start, end, weights, curve });
}

struct Fill<'a> {
    start: &'a [f32],
    end: &'a [f32],
    weights: &'a [[f64; 2]],
    curve: &'a mut [f32],
}

impl WithSimd for Fill<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let last = self.weights.len() - 1;
        for (i, (row, &[x, y])) in self.curve.chunks_exact_mut(self.start.len()).zip(self.weights).enumerate()
        {
            if i == 0 {
                row.copy_from_slice(self.start);
            } else if i == last {
                row.copy_from_slice(self.end);
            } else {
                let (x, y) = (x as f32, y as f32);
                for ((z, a), b) in row.iter_mut().zip(self.start).zip(self.end) {
                    *z = x * a + y * b;
                }
            }
        }
    }
}

struct AllFinite<'a>(&'a [f32]);

impl WithSimd for AllFinite<'_> {
    type Output = bool;

    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> bool {
        self.0.iter().fold(true, |all, x| all & x.is_finite())
    }
}

/// Independent accumulators of a sum.
const LANES: usize = 16;

/// `[<a, a>, <a, b>, <b, b>]`, summed in double precision.
struct Products<'a> {
    a: &'a [f32],
    b: &'a [f32],
}

impl WithSimd for Products<'_> {
    type Output = [f64; 3];

    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> [f64; 3] {
        let mut lanes = [[0.0_f64; LANES]; 3];
        for (a, b) in self.a.chunks(LANES).zip(self.b.chunks(LANES)) {
            for (k, (&a, &b)) in a.iter().zip(b).enumerate() {
                let (a, b) = (f64::from(a), f64::from(b));
                lanes[0][k] += a * a;
                lanes[1][k] += a * b;
                lanes[2][k] += b * b;
            }
        }
        lanes.map(|lanes| lanes.iter().sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array1;

    const DIM: usize = 131;

    fn ends() -> (Vec<f32>, Vec<f32>) {
        let vector = |seed: usize| (0..DIM).map(|k| ((k * 29 + seed * 7) % 31) as f32 / 15.0 - 1.0).collect();
        (vector(1), vector(2))
    }

    type ClosedForm = fn(&[f32], &[f32], NonZeroUsize, &mut [f32]) -> Result<(), SingleError>;

    fn joined(form: ClosedForm, a: &[f32], b: &[f32], segments: usize) -> Result<Vec<f32>, SingleError> {
        let mut curve = vec![f32::NAN; (segments + 1) * a.len()];
        form(a, b, NonZeroUsize::new(segments).expect("positive"), &mut curve).map(|()| curve)
    }

    #[test]
    fn single_precision_agrees_with_double() {
        let (a, b) = ends();
        let double = |v: &[f32]| -> Array1<f64> { v.iter().map(|&x| f64::from(x)).collect() };
        let nearly: Vec<f32> = a.iter().map(|x| x * 1.01 + 0.001).collect();
        let opposite: Vec<f32> = a.iter().map(|x| -2.0 * x).collect();
        for b in [b, nearly, opposite] {
            let expected = spherical(double(&a).view(), double(&b).view(), 7, Norms::Raw).expect("an arc");
            let curve = joined(slerp, &a, &b, 7).expect("an arc");
            let worst = curve
                .iter()
                .zip(expected.points())
                .map(|(z, x)| (f64::from(*z) - x).abs())
                .fold(0.0, f64::max);
            assert!(worst < 1e-6, "{worst}");
            assert!(curve[..DIM] == a[..] && curve[7 * DIM..] == b[..]);
            let line = joined(linear, &a, &b, 4).expect("a line");
            let middle =
                (0..DIM).map(|k| (line[2 * DIM + k] - 0.5 * (a[k] + b[k])).abs()).fold(0.0, f32::max);
            assert!(middle < 1e-6 && line[..DIM] == a[..] && line[4 * DIM..] == b[..]);
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let (a, b) = ends();
        let n = NonZeroUsize::new(3).expect("positive");
        assert_eq!(
            linear(&a, &b[1..], n, &mut []),
            Err(SingleError::Dimensions { start: DIM, end: DIM - 1 })
        );
        assert_eq!(slerp(&a, &b, n, &mut []), Err(SingleError::Buffer { needed: 4 * DIM, found: 0 }));
        let mut broken = a.clone();
        broken[100] = f32::INFINITY;
        assert_eq!(joined(linear, &broken, &b, 3), Err(SingleError::NotFinite));
        assert_eq!(joined(slerp, &[1.0], &[-1.0], 3), Err(SingleError::NoArc));
    }
}
