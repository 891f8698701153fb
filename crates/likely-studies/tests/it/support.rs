//! The geometries that tests look at, and potentials small enough to be checked by eye.

use likely_core::{EvalError, Form, Geometry, Normalisation, Potential, Rows, Symmetry, Tensors, ValueGrad};
use likely_geometries::{Graph, Hyperbolic, SpdFrobenius, Sphere, SquaredNorm};
use ndarray::{Array1, Array2, ArrayView2};

/// The unit sphere in the chart `f(z) = (2 z, 1 - s) / (1 + s)`, `s = |z|^2`.
pub(crate) fn sphere(dim: usize) -> Sphere {
    Sphere::new(dim).unwrap()
}

/// The upper half-plane, which has an edge to run out of.
pub(crate) fn half_plane() -> Hyperbolic {
    Hyperbolic::new(2).unwrap()
}

/// Symmetric positive definite 2 x 2 matrices as a part of Euclidean space, a dense tensor.
pub(crate) fn spd2() -> SpdFrobenius {
    SpdFrobenius::new(2).unwrap()
}

/// The paraboloid, the identity plus rank one.
pub(crate) fn paraboloid(dim: usize) -> Graph<SquaredNorm> {
    Graph::new(SquaredNorm::new(dim).unwrap())
}

/// The point of the sphere in R^{dim+1}.
pub(crate) fn lift(z: &[f64]) -> Vec<f64> {
    let s: f64 = z.iter().map(|z| z * z).sum();
    std::iter::once((1.0 - s) / (1.0 + s)).chain(z.iter().map(|z| 2.0 * z / (1.0 + s))).collect()
}

/// The chart of a point of the sphere.
pub(crate) fn chart(x: &[f64]) -> Vec<f64> {
    x[1..].iter().map(|c| c / (1.0 + x[0])).collect()
}

/// A vector of the chart in R^{dim+1}.
pub(crate) fn lift_vector(z: &[f64], v: &[f64]) -> Vec<f64> {
    let s: f64 = z.iter().map(|z| z * z).sum();
    let zv: f64 = z.iter().zip(v).map(|(z, v)| z * v).sum();
    let scale = (1.0 + s).powi(2);
    std::iter::once(-4.0 * zv / scale)
        .chain(z.iter().zip(v).map(|(z, v)| 2.0 * v / (1.0 + s) - 4.0 * z * zv / scale))
        .collect()
}

/// A tangent vector of the sphere in the chart.
pub(crate) fn chart_vector(x: &[f64], v: &[f64]) -> Vec<f64> {
    let p = 1.0 + x[0];
    x[1..].iter().zip(&v[1..]).map(|(x, w)| w / p - x * v[0] / (p * p)).collect()
}

pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The flat plane from which everything beyond `x = 1` is cut.
pub(crate) struct CutPlane;

impl Geometry for CutPlane {
    fn dim(&self) -> usize {
        2
    }
    fn form(&self) -> Form {
        Form::Conformal
    }
    fn tensors(&self, at: Rows<'_>, out: &mut Tensors) -> Result<(), EvalError> {
        if let Some(row) = at.iter().position(|z| z[0] > 1.0) {
            return Err(EvalError::OutsideChart {
                row,
                reason: "the first coordinate is above 1".to_owned(),
            });
        }
        out.conformal(at.count(), 2).fill(1.0);
        Ok(())
    }
    fn norm_gradient(&self, _: Rows<'_>, _: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
        out.fill(0.0);
        Ok(())
    }
}

/// A potential from a function of one point, with its gradient.
pub(crate) struct Pointwise<F>(pub(crate) usize, pub(crate) F);

impl<F: Fn(&[f64], &mut [f64]) -> f64 + Send + Sync> Potential for Pointwise<F> {
    fn dim(&self) -> usize {
        self.0
    }
    fn normalisation(&self) -> Normalisation {
        Normalisation::UpToConstant
    }
    fn symmetry(&self) -> Symmetry<'_> {
        Symmetry::None
    }
    fn value(&self, points: ArrayView2<'_, f64>) -> Result<Array1<f64>, EvalError> {
        Ok(self.value_and_grad(points)?.value)
    }
    fn value_and_grad(&self, points: ArrayView2<'_, f64>) -> Result<ValueGrad, EvalError> {
        let mut grad = Array2::zeros(points.raw_dim());
        let value = points
            .rows()
            .into_iter()
            .zip(grad.rows_mut())
            .map(|(point, mut grad)| (self.1)(&point.to_vec(), grad.as_slice_mut().unwrap()))
            .collect();
        Ok(ValueGrad { value, grad })
    }
}

/// `(|z|^2 - 1)^2`.
pub(crate) fn circle() -> impl Potential {
    Pointwise(2, |z: &[f64], grad: &mut [f64]| {
        let s = dot(z, z) - 1.0;
        grad.iter_mut().zip(z).for_each(|(g, z)| *g = 4.0 * s * z);
        s * s
    })
}

/// `scale / 2 |z - centre|^2`.
pub(crate) fn quadratic(centre: Vec<f64>, scale: f64) -> impl Potential {
    Pointwise(centre.len(), move |z: &[f64], grad: &mut [f64]| {
        let mut sum = 0.0;
        for ((g, z), c) in grad.iter_mut().zip(z).zip(&centre) {
            *g = scale * (z - c);
            sum += 0.5 * scale * (z - c) * (z - c);
        }
        sum
    })
}

/// `-sum_k w_k log N(z; c_k, I)`: a weighted sum of log densities, not of densities.
pub(crate) fn weighted_logs(weights: Vec<f64>, centroids: Vec<Vec<f64>>) -> impl Potential {
    let dim = centroids[0].len();
    Pointwise(dim, move |z: &[f64], grad: &mut [f64]| {
        grad.fill(0.0);
        let constant = 0.5 * dim as f64 * (2.0 * std::f64::consts::PI).ln();
        let mut sum = 0.0;
        for (w, c) in weights.iter().zip(&centroids) {
            sum += w * constant;
            for ((g, z), c) in grad.iter_mut().zip(z).zip(c) {
                *g += w * (z - c);
                sum += 0.5 * w * (z - c) * (z - c);
            }
        }
        sum
    })
}

/// A JSON array of numbers.
pub(crate) fn numbers(value: &serde_json::Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

/// A JSON array of arrays of numbers.
pub(crate) fn rows(value: &serde_json::Value) -> Vec<Vec<f64>> {
    value.as_array().unwrap().iter().map(numbers).collect()
}

/// A mixture from its JSON.
pub(crate) fn mixture(config: &serde_json::Value) -> likely_models::Mixture {
    let means = rows(&config["means"]);
    let covariances: Vec<f64> =
        config["covariances"].as_array().unwrap().iter().flat_map(|c| rows(c).concat()).collect();
    let count = means.len();
    likely_models::Mixture::new(
        Array1::from_vec(numbers(&config["weights"])).view(),
        Array2::from_shape_vec((count, 2), means.concat()).unwrap().view(),
        likely_models::Covariances::Full(
            ndarray::Array3::from_shape_vec((count, 2, 2), covariances).unwrap(),
        ),
    )
    .unwrap()
}

/// Rows of JSON as an array.
pub(crate) fn matrix(value: &serde_json::Value) -> Array2<f64> {
    let rows = rows(value);
    Array2::from_shape_vec((rows.len(), rows[0].len()), rows.concat()).unwrap()
}
