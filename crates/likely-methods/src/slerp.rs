//! Spherical interpolation.

use crate::closed_form::ClosedForm;
use crate::table::from_config;
use crate::vector::{norm, products};
use crate::{InterpolateError, Method, Solution};
use likely_core::{Curve, Ends};
use ndarray::ArrayView1;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

pub(crate) const METHOD: Method = Method {
    id: "slerp",
    summary: "Spherical interpolation: weights sin((1-s)t)/sin t and sin(st)/sin t, with raw or interpolated norms.",
    source: "Shoemake 1985; as released in likely_geometry at commit 397ebf3 (norms = \"raw\")",
    build: from_config::<Slerp>,
};

/// Spherical interpolation at angle `t` between the end points, `z(s) = [sin((1-s)t) a + sin(st) b] / sin t`.
///
/// Parallel end points (`t = 0`) and an end point at zero give the straight line, which is the limit of the formula.
/// Antipodal end points have no unique great circle: the one through the coordinate axis least aligned with them is taken, with
/// interpolated norms.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Slerp {
    norms: Norms,
}

/// What happens to the norms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Norms {
    /// The formula on the vectors as they are: the released behaviour; the norm dips or bulges between unequal ends.
    Raw,
    /// The formula on unit vectors, times the norm interpolated linearly.
    Interpolated,
}

impl Default for Slerp {
    fn default() -> Self {
        Self { norms: Norms::Raw }
    }
}

impl ClosedForm for Slerp {
    fn solution(&self, ends: &Ends<'_>, _: &mut ChaCha8Rng) -> Result<Solution, InterpolateError> {
        let mut curve = spherical(ends.start(), ends.end(), ends.segments(), self.norms)?;
        curve.fix_ends(ends);
        Ok(Solution::closed_form(curve))
    }
}

/// The great arc with interpolated norms, ends exact.
pub(crate) fn great_arc(ends: &Ends<'_>) -> Result<Curve, InterpolateError> {
    let mut curve = spherical(ends.start(), ends.end(), ends.segments(), Norms::Interpolated)?;
    curve.fix_ends(ends);
    Ok(curve)
}

/// Closer than this to 0 or to pi, an angle is taken for it: the formula divides by its sine.
pub(crate) const SMALLEST_ANGLE: f64 = 1e-7;

/// Spherical interpolation from `a` to `b` over `segments` segments.
pub(crate) fn spherical(
    a: ArrayView1<'_, f64>,
    b: ArrayView1<'_, f64>,
    segments: usize,
    norms: Norms,
) -> Result<Curve, InterpolateError> {
    let (av, bv) = (a.as_standard_layout(), b.as_standard_layout());
    let (av, bv) = (
        av.as_slice().expect("standard layout is contiguous"),
        bv.as_slice().expect("standard layout is contiguous"),
    );
    let [aa, ab, bb] = products(av, bv);
    let (a_norm, b_norm) = (aa.sqrt(), bb.sqrt());
    let share = |i: usize| i as f64 / segments as f64;
    let straight = || -> Vec<[f64; 2]> { (0..=segments).map(share).map(|s| [1.0 - s, s]).collect() };
    if a_norm == 0.0 || b_norm == 0.0 {
        return Ok(Curve::in_plane(a, b, &straight())?);
    }
    let angle = angle(av, bv, [aa, ab, bb]);
    if angle < SMALLEST_ANGLE {
        return Ok(Curve::in_plane(a, b, &straight())?);
    }
    let radius = |s: f64| (1.0 - s) * a_norm + s * b_norm;
    if std::f64::consts::PI - angle < SMALLEST_ANGLE {
        let across = perpendicular(av, a_norm).ok_or_else(|| InterpolateError::EndPoints {
            reason: "antipodal end points on a line have no arc between them; use `linear`".to_owned(),
        })?;
        let coefficients: Vec<[f64; 2]> = (0..=segments)
            .map(share)
            .map(|s| {
                let (sin, cos) = (std::f64::consts::PI * s).sin_cos();
                [radius(s) * cos / a_norm, radius(s) * sin]
            })
            .collect();
        return Ok(Curve::in_plane(a, ArrayView1::from(&across), &coefficients)?);
    }
    Ok(Curve::in_plane(a, b, &weights(angle, [a_norm, b_norm], segments, norms))?)
}

/// The weights of the two end points at each position, for an angle that is neither 0 nor pi.
pub(crate) fn weights(
    angle: f64,
    [a_norm, b_norm]: [f64; 2],
    segments: usize,
    norms: Norms,
) -> Vec<[f64; 2]> {
    let sine = angle.sin();
    (0..=segments)
        .map(|i| i as f64 / segments as f64)
        .map(|s| {
            let (x, y) = (((1.0 - s) * angle).sin() / sine, (s * angle).sin() / sine);
            let radius = (1.0 - s) * a_norm + s * b_norm;
            match norms {
                Norms::Raw => [x, y],
                Norms::Interpolated => [radius * x / a_norm, radius * y / b_norm],
            }
        })
        .collect()
}

/// The angle between two vectors, accurate at every size of the angle.
pub(crate) fn angle(a: &[f64], b: &[f64], [aa, ab, bb]: [f64; 3]) -> f64 {
    let (a_norm, b_norm) = (aa.sqrt(), bb.sqrt());
    let cosine = ab / a_norm / b_norm;
    if cosine.abs() < 0.9 {
        return cosine.acos();
    }
    // The arc cosine loses half the digits here; half the angle as an arc tangent of chord over diagonal does not.
    let (mut chord, mut diagonal) = (0.0, 0.0);
    for (a, b) in a.iter().zip(b) {
        let (a, b) = (a / a_norm, b / b_norm);
        chord += (a - b) * (a - b);
        diagonal += (a + b) * (a + b);
    }
    2.0 * chord.sqrt().atan2(diagonal.sqrt())
}

/// The unit vector across `a` in the plane of `a` and the first coordinate axis that is least aligned with it.
pub(crate) fn perpendicular(a: &[f64], a_norm: f64) -> Option<Vec<f64>> {
    if a.len() < 2 {
        return None;
    }
    let mut least = 0;
    for (axis, x) in a.iter().enumerate() {
        if x.abs() < a[least].abs() {
            least = axis;
        }
    }
    let along = a[least] / (a_norm * a_norm);
    let mut across: Vec<f64> = a.iter().map(|x| -along * x).collect();
    across[least] += 1.0;
    let size = norm(&across);
    for x in &mut across {
        *x /= size;
    }
    Some(across)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;
    use std::f64::consts::FRAC_1_SQRT_2;

    fn close(curve: &Curve, expected: &ndarray::Array2<f64>) {
        let difference = (&curve.points() - expected).mapv(f64::abs).fold(0.0, |a: f64, &b| a.max(b));
        assert!(difference < 1e-12, "{:?}", curve.points());
    }

    #[test]
    fn a_quarter_circle_is_a_quarter_circle() {
        let curve = spherical(array![2.0, 0.0].view(), array![0.0, 2.0].view(), 2, Norms::Raw).unwrap();
        close(&curve, &array![[2.0, 0.0], [2.0 * FRAC_1_SQRT_2, 2.0 * FRAC_1_SQRT_2], [0.0, 2.0]]);
    }

    #[test]
    fn norms_are_interpolated_only_on_request() {
        let (a, b) = (array![1.0, 0.0], array![0.0, 3.0]);
        let middle = |norms| {
            let curve = spherical(a.view(), b.view(), 2, norms).unwrap();
            curve.points().row(1).dot(&curve.points().row(1)).sqrt()
        };
        assert!((middle(Norms::Interpolated) - 2.0).abs() < 1e-12);
        assert!((middle(Norms::Raw) - 5.0_f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn parallel_zero_and_antipodal_ends_are_defined() {
        for norms in [Norms::Raw, Norms::Interpolated] {
            let parallel = spherical(array![1.0, 1.0].view(), array![3.0, 3.0].view(), 2, norms).unwrap();
            close(&parallel, &array![[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]]);
            let zero = spherical(array![0.0, 0.0].view(), array![4.0, 2.0].view(), 2, norms).unwrap();
            close(&zero, &array![[0.0, 0.0], [2.0, 1.0], [4.0, 2.0]]);
            let antipodal = spherical(array![1.0, 0.0].view(), array![-3.0, 0.0].view(), 2, norms).unwrap();
            close(&antipodal, &array![[1.0, 0.0], [0.0, 2.0], [-3.0, 0.0]]);
            assert!(spherical(array![1.0].view(), array![-1.0].view(), 2, norms).is_err());
        }
    }

    #[test]
    fn small_angles_keep_their_digits() {
        let t = 1e-6_f64;
        let (a, b) = ([1.0, 0.0], [t.cos(), t.sin()]);
        let measured = angle(&a, &b, products(&a, &b));
        assert!((measured - t).abs() < 1e-20, "{measured}");
    }
}
