//! A quadratic model of the potential at every point of a path.

use likely_core::{EvalError, Normalisation, Potential, Symmetry, ValueGrad};
use ndarray::{Array1, Array2, ArrayView2};

/// Up to this many coordinates a point has a whole matrix, above a multiple of the identity.
const WHOLE: usize = 8;
/// Pairs whose cosine between step and change is below this have no curvature to speak of.
const SMALLEST_COSINE: f64 = 1e-8;

/// `sum_i <f_i, d_i> + <d_i, B_i d_i> / 2` with `d_i` the way of point `i` from its anchor and `B_i` positive semidefinite.
///
/// The potential of a path is a sum over its points, so its Hessian is one small block a point, and every evaluation of the
/// path tells each block something: from one iterate to the next by the point's own step, and at the start, where there is no
/// step yet, by the differences between neighbouring points.
#[derive(Debug, Clone)]
pub(crate) struct SeparableModel {
    dim: usize,
    anchors: Vec<f64>,
    forces: Vec<f64>,
    /// `B_i`: `dim * dim` numbers a point, or one.
    blocks: Vec<f64>,
    /// Added to every block when a step of the model was not good.
    damping: f64,
}

impl SeparableModel {
    /// The model at a path with forces `grad S`, with the curvature that neighbouring points show.
    pub(crate) fn from_neighbours(dim: usize, path: &[f64], forces: &[f64]) -> Self {
        let points = path.len() / dim;
        let secants: Vec<Option<f64>> = (1..points)
            .map(|i| {
                let rows = (i - 1) * dim..i * dim;
                let (mut along, mut square) = (0.0, 0.0);
                for k in rows {
                    let (s, y) = (path[k + dim] - path[k], forces[k + dim] - forces[k]);
                    along += s * y;
                    square += s * s;
                }
                (square > 0.0).then(|| (along / square).max(0.0))
            })
            .collect();
        let at = |i: usize| secants.get(i).copied().flatten();
        let curvatures = (0..points).map(|i| {
            let before = if i > 0 { at(i - 1) } else { None };
            match (before, at(i)) {
                (Some(a), Some(b)) => f64::midpoint(a, b),
                (Some(a), None) | (None, Some(a)) => a,
                (None, None) => 0.0,
            }
        });
        let blocks = if dim <= WHOLE {
            let mut blocks = vec![0.0; points * dim * dim];
            for (block, curvature) in blocks.chunks_exact_mut(dim * dim).zip(curvatures) {
                block.iter_mut().step_by(dim + 1).for_each(|b| *b = curvature);
            }
            blocks
        } else {
            curvatures.collect()
        };
        Self { dim, anchors: path.to_vec(), forces: forces.to_vec(), blocks, damping: 0.0 }
    }

    /// Learns the curvature between the anchors and `path`, where the forces are `forces`; the anchors stay.
    pub(crate) fn learn(&mut self, path: &[f64], forces: &[f64]) {
        let dim = self.dim;
        let steps: Vec<f64> = path.iter().zip(&self.anchors).map(|(to, from)| to - from).collect();
        let changes: Vec<f64> = forces.iter().zip(&self.forces).map(|(to, from)| to - from).collect();
        let pairs = steps.chunks_exact(dim).zip(changes.chunks_exact(dim));
        if dim <= WHOLE {
            for (block, (s, y)) in self.blocks.chunks_exact_mut(dim * dim).zip(pairs) {
                update(block, s, y);
            }
        } else {
            for (curvature, (s, y)) in self.blocks.iter_mut().zip(pairs) {
                let square: f64 = s.iter().map(|s| s * s).sum();
                if square > 0.0 {
                    let along: f64 = s.iter().zip(y).map(|(s, y)| s * y).sum();
                    *curvature = (along / square).max(0.0);
                }
            }
        }
    }

    /// Moves the anchors to `path`.
    pub(crate) fn anchor(&mut self, path: &[f64], forces: &[f64]) {
        self.anchors.copy_from_slice(path);
        self.forces.copy_from_slice(forces);
    }

    /// Makes the model stiffer after a bad step, or lets it go after a good one.
    pub(crate) fn damp(&mut self, good: bool) {
        if good {
            self.damping = if self.damping > 1e-6 * self.largest() { 0.1 * self.damping } else { 0.0 };
        } else {
            self.damping = (4.0 * self.damping).max(0.5 * self.largest()).max(f64::MIN_POSITIVE);
        }
    }

    fn largest(&self) -> f64 {
        self.blocks.iter().fold(0.0, |largest: f64, b| largest.max(b.abs()))
    }

    /// `B_i d` for one point.
    fn bend(&self, point: usize, d: &[f64], out: &mut [f64]) {
        let dim = self.dim;
        out.iter_mut().zip(d).for_each(|(o, d)| *o = self.damping * d);
        if dim <= WHOLE {
            let block = &self.blocks[point * dim * dim..(point + 1) * dim * dim];
            for (o, row) in out.iter_mut().zip(block.chunks_exact(dim)) {
                *o += row.iter().zip(d).map(|(b, d)| b * d).sum::<f64>();
            }
        } else {
            out.iter_mut().zip(d).for_each(|(o, d)| *o += self.blocks[point] * d);
        }
    }
}

/// The BFGS update of a positive semidefinite block; where the curvature along `s` is not positive it becomes zero there.
fn update(block: &mut [f64], s: &[f64], y: &[f64]) {
    let dim = s.len();
    let mut image = [0.0; WHOLE];
    for (o, row) in image.iter_mut().zip(block.chunks_exact(dim)) {
        *o = row.iter().zip(s).map(|(b, s)| b * s).sum();
    }
    let product = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
    let (along, square) = (product(s, y), product(s, s));
    let known = product(s, &image[..dim]);
    let change = product(y, y).sqrt();
    if square <= 0.0 || square.is_nan() {
        return;
    }
    let learns = along > SMALLEST_COSINE * square.sqrt() * change;
    for i in 0..dim {
        for j in 0..dim {
            let forgotten = if known > 0.0 { image[i] * image[j] / known } else { 0.0 };
            let learned = if learns { y[i] * y[j] / along } else { 0.0 };
            block[i * dim + j] += learned - forgotten;
        }
    }
}

impl Potential for SeparableModel {
    fn dim(&self) -> usize {
        self.dim
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
        let dim = self.dim;
        let points = points.as_standard_layout();
        let points = points.as_slice().ok_or(EvalError::Layout)?;
        let mut way = vec![0.0; dim];
        let mut value = Array1::zeros(points.len() / dim);
        let mut grad = vec![0.0; points.len()];
        for (i, (x, grad)) in points.chunks_exact(dim).zip(grad.chunks_exact_mut(dim)).enumerate() {
            let rows = i * dim..(i + 1) * dim;
            let (anchor, force) = (&self.anchors[rows.clone()], &self.forces[rows]);
            way.iter_mut().zip(x).zip(anchor).for_each(|((w, x), a)| *w = x - a);
            self.bend(i, &way, grad);
            let mut sum = 0.0;
            for ((g, f), w) in grad.iter_mut().zip(force).zip(&way) {
                sum += w * (f + 0.5 * *g);
                *g += f;
            }
            value[i] = sum;
        }
        let grad = Array2::from_shape_vec((value.len(), dim), grad).map_err(|_| EvalError::Layout)?;
        Ok(ValueGrad { value, grad })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `S = (2 x^2 + 3 y^2) / 2 + x y`.
    fn force(path: &[f64]) -> Vec<f64> {
        path.chunks_exact(2).flat_map(|p| [2.0 * p[0] + p[1], 3.0 * p[1] + p[0]]).collect()
    }

    #[test]
    fn a_quadratic_potential_is_learned_exactly_from_independent_steps() {
        let path = [0.0, 0.0, 1.0, 0.5, 2.0, 1.0];
        let mut model = SeparableModel::from_neighbours(2, &path, &force(&path));
        for step in [[0.3, -0.1], [0.1, 0.4], [-0.2, 0.3], [0.5, 0.1], [0.0, 0.2], [0.4, -0.4]] {
            let moved: Vec<f64> = path.iter().zip(step.iter().cycle()).map(|(z, s)| z + s).collect();
            model.learn(&moved, &force(&moved));
        }
        for block in model.blocks.chunks_exact(4) {
            for (found, expected) in block.iter().zip([2.0, 1.0, 1.0, 3.0]) {
                assert!((found - expected).abs() < 1e-2, "{block:?}");
            }
        }
        // A single secant condition holds exactly after its update.
        let moved: Vec<f64> = path.iter().map(|z| z + 0.1).collect();
        model.learn(&moved, &force(&moved));
        let points = Array2::from_shape_vec((3, 2), moved.clone()).unwrap();
        let at = model.value_and_grad(points.view()).unwrap();
        for (found, expected) in at.grad.iter().zip(force(&moved)) {
            assert!((found - expected).abs() < 1e-12);
        }
    }

    #[test]
    fn neighbours_tell_the_curvature_of_an_isotropic_potential() {
        let path = [0.0, 0.0, 1.0, 0.5, 2.0, 1.0];
        let forces: Vec<f64> = path.iter().map(|z| 0.7 * (z - 3.0)).collect();
        let model = SeparableModel::from_neighbours(2, &path, &forces);
        for block in model.blocks.chunks_exact(4) {
            assert!(
                (block[0] - 0.7).abs() < 1e-14 && (block[3] - 0.7).abs() < 1e-14 && block[1].abs() < 1e-14
            );
        }
    }
}
