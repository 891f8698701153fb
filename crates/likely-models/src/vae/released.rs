//! The bound as released, with its noise drawn again for every point.

use super::ID;
use super::bound::Walk;
use likely_core::{Curvature, EvalError, Exact, Normalisation, Potential, Rows, Seed, Symmetry, ValueGrad};
use ndarray::{Array1, Array2, ArrayView2, s};
use rand::Rng;
use rand_distr::StandardNormal;

/// A walk whose noise is a function of the seed and of the bits of the point: the same at every call, on every thread and in
/// every batch, and without relation between points that are not the same.
pub(super) struct Released {
    walk: Exact<Walk>,
    seed: Seed,
}

impl Released {
    pub(super) fn new(walk: Walk, seed: Seed) -> Self {
        Self { walk: Exact(walk), seed }
    }

    /// The points, each followed by its noise.
    fn with_noise<'a>(&self, points: impl ExactSizeIterator<Item = [&'a f64; 2]>) -> Array2<f64> {
        let width = 2 + 2 * self.walk.0.samples;
        let mut wide = Array2::zeros((points.len(), width));
        for (mut row, point) in wide.rows_mut().into_iter().zip(points) {
            // Zeros of both signs are one point.
            let bits = point.map(|x| (x + 0.0).to_bits());
            let name = format!("{:016x} {:016x}", bits[0], bits[1]);
            let mut stream = self.seed.stream(&[("model", ID), ("noise at", &name)]);
            row[0] = *point[0];
            row[1] = *point[1];
            row.iter_mut().skip(2).for_each(|noise| *noise = stream.sample(StandardNormal));
        }
        wide
    }

    fn widened(&self, points: ArrayView2<'_, f64>) -> Result<Array2<f64>, EvalError> {
        if points.ncols() != 2 {
            return Err(EvalError::Dimension { expected: 2, found: points.ncols() });
        }
        Ok(self.with_noise(points.rows().into_iter().map(|row| {
            let mut row = row.into_iter();
            [(); 2].map(|()| row.next().expect("two coordinates"))
        })))
    }

    /// Directions in the plane as directions of the walk, in which the noise does not move.
    fn directions(&self, v: &[f64]) -> Vec<f64> {
        let width = 2 + 2 * self.walk.0.samples;
        let mut wide = vec![0.0; v.len() / 2 * width];
        for (wide, v) in wide.chunks_exact_mut(width).zip(v.chunks_exact(2)) {
            wide[..2].copy_from_slice(v);
        }
        wide
    }

    /// What `fill` writes for the walk, at rows in the plane, cut to the plane.
    fn cut(
        &self,
        points: Rows<'_>,
        out: &mut [f64],
        fill: impl Fn(&dyn Curvature, Rows<'_>, &mut [f64]) -> Result<(), EvalError>,
    ) -> Result<(), EvalError> {
        let points = points.with_dim(2)?;
        let wide = self.with_noise(points.values().chunks_exact(2).map(|row| [&row[0], &row[1]]));
        let width = wide.ncols();
        let flat = wide.as_slice().ok_or(EvalError::Layout)?;
        let mut result = vec![0.0; flat.len()];
        fill(&self.walk, Rows::new(flat, width)?, &mut result)?;
        for (out, result) in out.chunks_exact_mut(2).zip(result.chunks_exact(width)) {
            out.copy_from_slice(&result[..2]);
        }
        Ok(())
    }
}

impl Potential for Released {
    fn dim(&self) -> usize {
        2
    }

    fn normalisation(&self) -> Normalisation {
        Normalisation::UpToConstant
    }

    fn symmetry(&self) -> Symmetry<'_> {
        Symmetry::None
    }

    fn value(&self, points: ArrayView2<'_, f64>) -> Result<Array1<f64>, EvalError> {
        self.walk.value(self.widened(points)?.view())
    }

    fn value_and_grad(&self, points: ArrayView2<'_, f64>) -> Result<ValueGrad, EvalError> {
        let ValueGrad { value, grad } = self.walk.value_and_grad(self.widened(points)?.view())?;
        Ok(ValueGrad { value, grad: grad.slice(s![.., ..2]).to_owned() })
    }

    fn curvature(&self) -> Option<&dyn Curvature> {
        Some(self)
    }
}

/// Derivatives along a walk whose noise stays as it is.
impl Curvature for Released {
    fn hessian(&self, points: Rows<'_>, out: &mut [f64]) -> Result<(), EvalError> {
        let count = points.with_dim(2)?.count();
        let mut column = vec![0.0; 2 * count];
        for k in 0..2 {
            let unit: Vec<f64> = (0..2 * count).map(|i| if i % 2 == k { 1.0 } else { 0.0 }).collect();
            self.hessian_vector(points, &unit, &mut column)?;
            for (out, column) in out.chunks_exact_mut(4).zip(column.chunks_exact(2)) {
                (out[k], out[2 + k]) = (column[0], column[1]);
            }
        }
        Ok(())
    }

    fn hessian_gradient(
        &self,
        points: Rows<'_>,
        u: &[f64],
        v: &[f64],
        out: &mut [f64],
    ) -> Result<(), EvalError> {
        points.with_dim(2)?;
        let [u, v] = [u, v].map(|direction| self.directions(direction));
        self.cut(points, out, |walk, rows, out| walk.hessian_gradient(rows, &u, &v, out))
    }

    fn hessian_vector(&self, points: Rows<'_>, v: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
        points.with_dim(2)?;
        let v = self.directions(v);
        self.cut(points, out, |walk, rows, out| walk.hessian_vector(rows, &v, out))
    }
}
