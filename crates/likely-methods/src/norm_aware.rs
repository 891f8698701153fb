//! The path on which the norms of the points are the most probable.

use crate::closed_form::ClosedForm;
use crate::norm_path::{Chi, Path};
use crate::slerp::{SMALLEST_ANGLE, angle, perpendicular};
use crate::table::from_config;
use crate::vector::products;
use crate::{InterpolateError, Method, Solution};
use likely_core::{Curve, Ends};
use ndarray::ArrayView1;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

pub(crate) const METHOD: Method = Method {
    id: "norm-aware",
    summary: "The shortest path where length is weighted by minus the log-density of the norm of a standard normal point.",
    source: "Samuel et al. 2023, arXiv 2306.08687",
    build: from_config::<NormAware>,
};

/// Minimises `-sum_i log p(|z_(i-1) + z_i| / 2) |z_i - z_(i-1)|`, with `p` the chi density of the norm in `d` dimensions.
///
/// The weight depends on the norm alone, so the path lies in the plane of the end points: it is found there by Newton's method on
/// a fine polygon, not by a search in all coordinates as released. The points of the curve are at equal distances along it.
/// Parallel ends and an end at zero give the straight line; antipodal ends are joined on the side that `slerp` takes.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NormAware {}

/// The largest norm of an end point in units of `sqrt(d)`, near which norms of latent points lie.
const LARGEST_RATIO: f64 = 1e3;

impl ClosedForm for NormAware {
    fn solution(&self, ends: &Ends<'_>, _: &mut ChaCha8Rng) -> Result<Solution, InterpolateError> {
        let (a, b) = (ends.start().to_vec(), ends.end().to_vec());
        let [aa, ab, bb] = products(&a, &b);
        let radii = [aa.sqrt(), bb.sqrt()];
        let largest = LARGEST_RATIO * (ends.dim() as f64).sqrt();
        if let Some(radius) = radii.iter().find(|radius| **radius > largest) {
            return Err(InterpolateError::EndPoints {
                reason: format!(
                    "an end point has the norm {radius:e}; norm-aware paths are for latent points of a standard normal law, of norms near {:.3e} and at most {largest:.3e}; rescale the points or use another method",
                    (ends.dim() as f64).sqrt()
                ),
            });
        }
        let angle = if radii.contains(&0.0) { 0.0 } else { angle(&a, &b, [aa, ab, bb]) };
        if angle < SMALLEST_ANGLE {
            return Ok(Solution::closed_form(Curve::straight(ends)));
        }
        let path = Path::between(radii, angle, ends.segments(), Chi::new(ends.dim()));
        let mut curve = if std::f64::consts::PI - angle < SMALLEST_ANGLE {
            let across = perpendicular(&a, radii[0]).ok_or_else(|| InterpolateError::EndPoints {
                reason: "antipodal end points on a line have no path around 0 between them; use `linear`"
                    .to_owned(),
            })?;
            let coefficients: Vec<[f64; 2]> = path.points.iter().map(|[x, y]| [x / radii[0], *y]).collect();
            Curve::in_plane(ends.start(), ArrayView1::from(&across), &coefficients)?
        } else {
            let (sine, cosine) = angle.sin_cos();
            let place = |[x, y]: [f64; 2]| [(x - y * cosine / sine) / radii[0], y / sine / radii[1]];
            let coefficients: Vec<[f64; 2]> = path.points.iter().map(|point| place(*point)).collect();
            Curve::in_plane(ends.start(), ends.end(), &coefficients)?
        };
        curve.fix_ends(ends);
        Ok(Solution { iterations: path.iterations, stop: path.stop, ..Solution::closed_form(curve) })
    }
}
