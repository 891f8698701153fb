//! Principal geodesic analysis: the directions in which data spread from their mean.

mod study;

pub(crate) use study::STUDY;

use crate::linear::{cholesky, eigen};
use likely_core::{EvalError, Geometry, Rows, Tensors};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2};
use serde::{Deserialize, Serialize};

/// Which moment of the initial velocities is diagonalised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Moment {
    /// The covariance `1/K sum_k (u_k - u-bar)(u_k - u-bar)^T` in the inner product `G(mu)`.
    #[default]
    Riemannian,
    /// The second moment `1/K sum_k u_k u_k^T` in coordinates, neither centred nor with a metric.
    ///
    /// # Source
    /// `jax_geometry/stats/pga.py`, class `PGA`, commit 397ebf3; there `u_k` is `K` times the first step of a curve, where `N`
    /// times makes it a velocity.
    Released,
}

/// Principal directions at a mean.
#[derive(Debug, Clone, PartialEq)]
pub struct Principal {
    /// Variances along the directions, the largest first.
    pub variances: Vec<f64>,
    /// The sum of all variances, those of directions left out included.
    pub total: f64,
    /// Directions as rows, of norm one in the inner product used, the coordinate of largest size positive.
    pub directions: Array2<f64>,
    /// The average of the velocities.
    pub average: Array1<f64>,
}

/// Why there are no principal directions.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PrincipalError {
    /// The geometry failed at the mean.
    #[error(transparent)]
    Eval(#[from] EvalError),
    /// The question makes no sense as it was asked.
    #[error("{reason}")]
    Input {
        /// In words, with what would be right.
        reason: String,
    },
}

/// Size of the matrix that is diagonalised: the smaller of points and coordinates.
const LARGEST: usize = 512;
/// Variances below this share of the largest are rounding and have no direction.
const SMALLEST: f64 = 1e-14;

/// The first `components` principal directions of initial velocities, shape `(points, dim)`, at `mean`.
///
/// With fewer points than coordinates the matrix of inner products of the velocities is diagonalised, which is exact and
/// needs the tensor only applied.
///
/// # Errors
/// [`PrincipalError`] where shapes do not fit, nothing varies, or both points and coordinates are too many.
pub fn principal_directions(
    geometry: &dyn Geometry,
    mean: ArrayView1<'_, f64>,
    velocities: ArrayView2<'_, f64>,
    moment: Moment,
    components: usize,
) -> Result<Principal, PrincipalError> {
    let (count, dim) = velocities.dim();
    let input = |reason: String| Err(PrincipalError::Input { reason });
    if dim != geometry.dim() || mean.len() != dim {
        return input(format!(
            "velocities have {dim} coordinates, the mean {} and the geometry {}; they must agree",
            mean.len(),
            geometry.dim()
        ));
    }
    if count == 0 || components == 0 {
        return input("principal directions need at least 1 velocity and 1 component".to_owned());
    }
    if velocities.iter().chain(mean).any(|x| !x.is_finite()) {
        return input("velocities and mean must be finite".to_owned());
    }
    if count.min(dim) > LARGEST {
        return input(format!(
            "{count} points in {dim} coordinates; one of both must be at most {LARGEST}, take fewer points"
        ));
    }
    let average = velocities.mean_axis(ndarray::Axis(0)).unwrap_or_else(|| Array1::zeros(dim));
    let mut centred = velocities.to_owned();
    if moment == Moment::Riemannian {
        centred -= &average;
    }
    let mut tensors = Tensors::default();
    match moment {
        Moment::Riemannian => {
            geometry.tensors(Rows::new(&mean.to_vec(), dim)?, &mut tensors)?;
        }
        Moment::Released => tensors.flat(1, dim),
    }
    let (variances, rows) = if count <= dim {
        by_points(&centred, &tensors)
    } else {
        by_coordinates(&centred, &tensors).ok_or(EvalError::NotPositiveDefinite { row: 0 })?
    };
    let total: f64 = variances.iter().map(|v| v.max(0.0)).sum();
    let largest = variances.first().copied().unwrap_or(0.0);
    if largest.is_nan() || largest <= 0.0 {
        return input("the velocities do not vary, so no direction is principal".to_owned());
    }
    let kept = variances.iter().take(components).take_while(|v| **v > SMALLEST * largest).count();
    let mut directions = Array2::zeros((kept, dim));
    for (mut to, row) in directions.rows_mut().into_iter().zip(rows.rows()) {
        let leading = row.iter().fold(0.0_f64, |best, x| if x.abs() > best.abs() { *x } else { best });
        to.assign(&(&row * leading.signum()));
    }
    Ok(Principal { variances: variances[..kept].to_vec(), total, directions, average })
}

/// `G v` for one vector.
fn lower(tensors: &Tensors, v: ArrayView1<'_, f64>) -> Vec<f64> {
    let mut out = vec![0.0; v.len()];
    tensors.apply(&v.to_vec(), &mut out);
    out
}

/// From the inner products of the velocities, a matrix of points by points.
fn by_points(velocities: &Array2<f64>, tensors: &Tensors) -> (Vec<f64>, Array2<f64>) {
    let (count, dim) = velocities.dim();
    let lowered: Vec<Vec<f64>> = velocities.rows().into_iter().map(|row| lower(tensors, row)).collect();
    let products: Vec<f64> = lowered
        .iter()
        .flat_map(|lowered| {
            let lowered = ArrayView1::from(lowered);
            velocities.rows().into_iter().map(move |row| row.dot(&lowered) / count as f64)
        })
        .collect();
    let (variances, shares) = eigen(products, count);
    let shares = Array2::from_shape_vec((count, count), shares).expect("an eigenvector a point");
    let mut directions = shares.dot(velocities);
    for (mut row, variance) in directions.rows_mut().into_iter().zip(&variances) {
        row /= (variance.max(f64::MIN_POSITIVE) * count as f64).sqrt();
    }
    debug_assert_eq!(directions.ncols(), dim);
    (variances, directions)
}

/// From `L^T M L`, `M` the moment and `G = L L^T`; a direction is `L^-T y` for an eigenvector `y`.
fn by_coordinates(velocities: &Array2<f64>, tensors: &Tensors) -> Option<(Vec<f64>, Array2<f64>)> {
    let (count, dim) = velocities.dim();
    let factor = Array2::from_shape_vec((dim, dim), cholesky(tensors.matrix(0), dim)?).ok()?;
    let spread = velocities.dot(&factor);
    let moment = spread.t().dot(&spread) / count as f64;
    let (variances, rows) = eigen(moment.iter().copied().collect(), dim);
    let mut directions = Array2::from_shape_vec((dim, dim), rows).ok()?;
    for mut row in directions.rows_mut() {
        // L^T x = y from the last coordinate up.
        for j in (0..dim).rev() {
            let done: f64 = (j + 1..dim).map(|k| factor[[k, j]] * row[k]).sum();
            row[j] = (row[j] - done) / factor[[j, j]];
        }
    }
    Some((variances, directions))
}
