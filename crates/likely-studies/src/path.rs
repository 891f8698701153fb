//! Energy and potential of a path on any geometry, and minimisers of the energy plus a function of the total potential.
//!
//! The methods minimise the energy plus a multiple of the potential. A bound on the potential needs a function of it that
//! bends, which this file allows; everything else is as in the methods: the same discrete energy, the same preconditioner.

use likely_core::{Curve, Ends, EvalError, Geometry, Inverses, Potential, Rows, Tensors};
use ndarray::ArrayView2;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::RngCore;
use std::collections::VecDeque;
use std::f64::consts::PI;

/// Paths between two fixed points: slices of `(segments - 1) * dim` numbers, interior points only.
pub(crate) struct Paths<'a> {
    pub(crate) geometry: &'a dyn Geometry,
    pub(crate) potential: &'a dyn Potential,
    pub(crate) start: Vec<f64>,
    pub(crate) end: Vec<f64>,
}

/// A path with its energy, its potential and their gradients.
#[derive(Debug, Clone)]
pub(crate) struct Evaluated {
    pub(crate) path: Vec<f64>,
    /// `sum_{i<N} <dz_i, G(z_i) dz_i>`.
    pub(crate) energy: f64,
    /// `sum_{0<i<N} S(z_i)`.
    pub(crate) total: f64,
    pub(crate) energy_gradient: Vec<f64>,
    pub(crate) total_gradient: Vec<f64>,
}

impl Evaluated {
    fn is_finite(&self) -> bool {
        let finite = |values: &[f64]| values.iter().all(|x| x.is_finite());
        self.energy.is_finite()
            && self.total.is_finite()
            && finite(&self.energy_gradient)
            && finite(&self.total_gradient)
    }

    /// The gradient of `E + phi(total)`, `slope` the derivative of `phi` at this total.
    pub(crate) fn gradient(&self, slope: f64) -> Vec<f64> {
        self.energy_gradient.iter().zip(&self.total_gradient).map(|(e, s)| e + slope * s).collect()
    }
}

impl Paths<'_> {
    fn dim(&self) -> usize {
        self.start.len()
    }

    /// `z_0, ..., z_{N-1}` and the steps from them.
    fn left_points_and_steps(&self, path: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let points = [self.start.as_slice(), path].concat();
        let after = path.iter().chain(&self.end);
        let steps = after.zip(&points).map(|(to, from)| to - from).collect();
        (points, steps)
    }

    /// Everything about a path, for one evaluation of the density and the tensor a point.
    pub(crate) fn evaluate(&self, path: Vec<f64>) -> Result<Evaluated, EvalError> {
        let dim = self.dim();
        let (points, steps) = self.left_points_and_steps(&path);
        let mut tensors = Tensors::default();
        let mut by_position = vec![0.0; points.len()];
        self.geometry.linearise(Rows::new(&points, dim)?, &steps, &mut tensors, &mut by_position)?;
        let mut lowered = vec![0.0; steps.len()];
        tensors.apply(&steps, &mut lowered);
        let energy = lowered.iter().zip(&steps).map(|(l, u)| l * u).sum();
        let energy_gradient = by_position[dim..]
            .iter()
            .zip(lowered.iter().zip(&lowered[dim..]))
            .map(|(position, (before, after))| position + 2.0 * (before - after))
            .collect();
        let rows = ArrayView2::from_shape((path.len() / dim, dim), &path)
            .map_err(|_| EvalError::Dimension { expected: dim, found: path.len() })?;
        let density = self.potential.value_and_grad(rows)?;
        let total_gradient = density.grad.iter().copied().collect();
        Ok(Evaluated { energy, total: density.value.sum(), energy_gradient, total_gradient, path })
    }

    /// The preconditioner of `ProbGEORCE` at a path.
    pub(crate) fn laplacian(&self, path: &[f64]) -> Result<Laplacian, EvalError> {
        let dim = self.dim();
        let (points, _) = self.left_points_and_steps(path);
        let mut tensors = Tensors::default();
        self.geometry.tensors(Rows::new(&points, dim)?, &mut tensors)?;
        let mut inverses = Inverses::default();
        inverses.factorise(&tensors)?;
        let mut sum = Tensors::default();
        let segments = points.len() / dim;
        let column = |axis: usize| {
            let mut unit = vec![0.0; dim];
            unit[axis] = 1.0;
            let mut column = vec![0.0; dim];
            let mut image = vec![0.0; dim];
            for row in 0..segments {
                inverses.apply_row(row, &unit, &mut image);
                column.iter_mut().zip(&image).for_each(|(c, i)| *c += i);
            }
            column
        };
        let matrix = sum.dense(1, dim);
        for axis in 0..dim {
            matrix[axis * dim..(axis + 1) * dim].copy_from_slice(&column(axis));
        }
        let mut sum_inverse = Inverses::default();
        sum_inverse.factorise(&sum)?;
        Ok(Laplacian { inverses, sum_inverse, dim })
    }
}

/// `P = 2 D^T diag(G_0 .. G_{N-1}) D`, the Hessian of the energy at fixed tensors, ready to be solved with.
///
/// # Source
/// arXiv 2510.26266, Proposition 3.4 (version 2), rewritten as a linear system in the interior points.
pub(crate) struct Laplacian {
    inverses: Inverses,
    /// Of `sum_i G_i^-1`.
    sum_inverse: Inverses,
    dim: usize,
}

impl Laplacian {
    /// `P^-1 rhs`.
    pub(crate) fn solve(&self, rhs: &[f64]) -> Vec<f64> {
        let dim = self.dim;
        // With w_i the steps of the result: 2 G_i w_i = mu - c_i, c_i the sum of the first i rows of rhs, and sum w_i = 0.
        let mut cumulative = vec![0.0; rhs.len() + dim];
        for k in 0..rhs.len() {
            cumulative[k + dim] = cumulative[k] + rhs[k];
        }
        let mut images = vec![0.0; cumulative.len()];
        self.inverses.apply(&cumulative, &mut images);
        let mut sum = vec![0.0; dim];
        for image in images.chunks_exact(dim) {
            sum.iter_mut().zip(image).for_each(|(s, i)| *s += i);
        }
        let mut mu = vec![0.0; dim];
        self.sum_inverse.apply(&sum, &mut mu);
        for c in cumulative.chunks_exact_mut(dim) {
            c.iter_mut().zip(&mu).for_each(|(c, mu)| *c = 0.5 * (mu - *c));
        }
        self.inverses.apply(&cumulative, &mut images);
        let mut out = vec![0.0; rhs.len()];
        for k in 0..rhs.len() {
            out[k] = images[k] + if k >= dim { out[k - dim] } else { 0.0 };
        }
        out
    }
}

/// A function of the total potential: its value and derivative.
pub(crate) trait OfTotal {
    fn at(&self, total: f64) -> (f64, f64);
}

/// `factor total`: the relaxation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Weighted(pub(crate) f64);

impl OfTotal for Weighted {
    fn at(&self, total: f64) -> (f64, f64) {
        (self.0 * total, self.0)
    }
}

/// Limits of a minimisation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Bound on the Euclidean norm of the gradient over all interior points.
    pub(crate) tolerance: f64,
    pub(crate) iterations: usize,
}

/// What a minimisation ended with.
#[derive(Debug, Clone)]
pub(crate) struct Minimum {
    pub(crate) at: Evaluated,
    pub(crate) grad_norm: f64,
    pub(crate) iterations: usize,
    pub(crate) converged: bool,
}

/// Pairs of steps and gradient differences that directions are made from.
const MEMORY: usize = 40;
/// Trials of one line search.
const TRIALS: usize = 40;
/// Iterations without a lower value or gradient after which rounding has won.
const PATIENCE: usize = 30;
/// Sufficient decrease and sufficient curvature, as usual.
const DECREASE: f64 = 1e-4;
const CURVATURE: f64 = 0.9;
/// Rise of the value that is taken for rounding, relative to its size.
const ROUNDING: f64 = 1e-14;

/// Minimises `E + phi(sum S)` from `first` by limited-memory BFGS on the path Laplacian.
///
/// `keep_going` is asked before every iteration; `None` is the answer where it declines.
pub(crate) fn minimise(
    paths: &Paths<'_>,
    first: Evaluated,
    phi: &dyn OfTotal,
    limits: Limits,
    keep_going: &mut dyn FnMut() -> bool,
) -> Result<Option<Minimum>, EvalError> {
    let laplacian = paths.laplacian(&first.path)?;
    let mut at = first;
    let mut memory: VecDeque<(Vec<f64>, Vec<f64>)> = VecDeque::new();
    let mut gradient = at.gradient(phi.at(at.total).1);
    let mut iterations = 0;
    let (mut lowest, mut smallest, mut idle) = (f64::INFINITY, f64::INFINITY, 0);
    let converged = loop {
        if norm(&gradient) <= limits.tolerance {
            break true;
        }
        let value = at.energy + phi.at(at.total).0;
        let gains = value < lowest - ROUNDING * value.abs() || norm(&gradient) < 0.99 * smallest;
        idle = if gains { 0 } else { idle + 1 };
        (lowest, smallest) = (lowest.min(value), smallest.min(norm(&gradient)));
        if iterations == limits.iterations || idle == PATIENCE {
            break false;
        }
        if !keep_going() {
            return Ok(None);
        }
        let direction = direction(&memory, &gradient, &laplacian);
        let slope = dot(&gradient, &direction);
        let found = if slope < 0.0 { search(paths, &at, phi, &direction, slope)? } else { None };
        match found {
            Some(next) => {
                let next_gradient = next.gradient(phi.at(next.total).1);
                let step: Vec<f64> = next.path.iter().zip(&at.path).map(|(a, b)| a - b).collect();
                let change: Vec<f64> = next_gradient.iter().zip(&gradient).map(|(a, b)| a - b).collect();
                if dot(&step, &change) > 0.0 {
                    if memory.len() == MEMORY {
                        memory.pop_front();
                    }
                    memory.push_back((step, change));
                }
                (at, gradient) = (next, next_gradient);
                iterations += 1;
            }
            // The memory may be at fault: once more along the preconditioned gradient.
            None if memory.len() > 1 => memory.clear(),
            None => break false,
        }
    };
    let grad_norm = norm(&gradient);
    Ok(Some(Minimum { at, grad_norm, iterations, converged }))
}

/// The two loops of Nocedal 1980 around the inverse path Laplacian.
fn direction(memory: &VecDeque<(Vec<f64>, Vec<f64>)>, gradient: &[f64], laplacian: &Laplacian) -> Vec<f64> {
    let mut q: Vec<f64> = gradient.iter().map(|g| -g).collect();
    let mut weights = Vec::with_capacity(memory.len());
    for (step, change) in memory.iter().rev() {
        let weight = dot(step, &q) / dot(step, change);
        q.iter_mut().zip(change).for_each(|(q, y)| *q -= weight * y);
        weights.push(weight);
    }
    let mut p = laplacian.solve(&q);
    for ((step, change), weight) in memory.iter().zip(weights.iter().rev()) {
        let back = weight - dot(change, &p) / dot(step, change);
        p.iter_mut().zip(step).for_each(|(p, s)| *p += back * s);
    }
    p
}

/// A step of sufficient decrease and curvature; near a minimum, where values are rounding, slopes decide.
fn search(
    paths: &Paths<'_>,
    at: &Evaluated,
    phi: &dyn OfTotal,
    direction: &[f64],
    slope: f64,
) -> Result<Option<Evaluated>, EvalError> {
    let value = |evaluated: &Evaluated| evaluated.energy + phi.at(evaluated.total).0;
    let here = value(at);
    let (mut low, mut high, mut t) = (0.0, f64::INFINITY, 1.0);
    for _ in 0..TRIALS {
        let path: Vec<f64> = at.path.iter().zip(direction).map(|(z, p)| z + t * p).collect();
        let trial = match paths.evaluate(path) {
            Ok(trial) if trial.is_finite() => Some(trial),
            // Too far: outside the chart or the support.
            Ok(_)
            | Err(
                EvalError::OutsideChart { .. }
                | EvalError::NotPositiveDefinite { .. }
                | EvalError::NonFinitePoint { .. },
            ) => None,
            Err(error) => return Err(error),
        };
        let judged = trial.map(|trial| {
            let slope_there = dot(&trial.gradient(phi.at(trial.total).1), direction);
            let there = value(&trial);
            let rounding = ROUNDING * here.abs().max(there.abs());
            let decreases = there <= here + DECREASE * t * slope
                || (there <= here + rounding && slope_there <= (2.0 * DECREASE - 1.0) * slope);
            (trial, decreases, slope_there)
        });
        match judged {
            Some((trial, true, slope_there)) if slope_there >= CURVATURE * slope => {
                return Ok(Some(trial));
            }
            Some((_, true, _)) => low = t,
            _ => high = t,
        }
        t = if high.is_finite() { 0.5 * (low + high) } else { 2.0 * t };
    }
    Ok(None)
}

/// The interior of the straight line with three random sines across it, `bend` times its length in size.
pub(crate) fn bent(ends: &Ends<'_>, bend: f64, rng: &mut ChaCha8Rng) -> Vec<f64> {
    let (dim, segments) = (ends.dim(), ends.segments() as f64);
    let distance = (&ends.end() - &ends.start()).mapv(|x| x * x).sum().sqrt();
    let uniform = |rng: &mut ChaCha8Rng| (rng.next_u64() >> 11) as f64 * 2.0_f64.powi(-53);
    // Box and Muller.
    let mut normal = || (-2.0 * (1.0 - uniform(rng)).ln()).sqrt() * (2.0 * PI * uniform(rng)).cos();
    let modes: Vec<Vec<f64>> = (0..3).map(|_| (0..dim).map(|_| normal()).collect()).collect();
    let mut path: Vec<f64> = Curve::straight(ends).interior().iter().copied().collect();
    for (i, point) in path.chunks_exact_mut(dim).enumerate() {
        let t = (i + 1) as f64 / segments;
        for (m, mode) in modes.iter().enumerate() {
            let height = bend * distance * (PI * (m + 1) as f64 * t).sin() / (m + 1) as f64;
            point.iter_mut().zip(mode).for_each(|(x, c)| *x += height * c);
        }
    }
    path
}

pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

pub(crate) fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use likely_core::{Euclidean, Form, Normalisation, Symmetry, ValueGrad};
    use ndarray::{Array1, Array2};

    /// `S(x, y) = sin x + x y^2`.
    struct Wave;

    impl Potential for Wave {
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
            Ok(points.rows().into_iter().map(|p| p[0].sin() + p[0] * p[1] * p[1]).collect())
        }
        fn value_and_grad(&self, points: ArrayView2<'_, f64>) -> Result<ValueGrad, EvalError> {
            let mut grad = Array2::zeros(points.raw_dim());
            for (mut g, p) in grad.rows_mut().into_iter().zip(points.rows()) {
                g[0] = p[0].cos() + p[1] * p[1];
                g[1] = 2.0 * p[0] * p[1];
            }
            Ok(ValueGrad { value: self.value(points)?, grad })
        }
    }

    /// `G = [[2 + x^2, x / 2], [x / 2, 1 + y^2]]`.
    struct Bent;

    impl Geometry for Bent {
        fn dim(&self) -> usize {
            2
        }
        fn form(&self) -> Form {
            Form::Dense
        }
        fn tensors(&self, at: Rows<'_>, out: &mut Tensors) -> Result<(), EvalError> {
            for (out, p) in out.dense(at.count(), 2).chunks_exact_mut(4).zip(at) {
                out.copy_from_slice(&[2.0 + p[0] * p[0], 0.5 * p[0], 0.5 * p[0], 1.0 + p[1] * p[1]]);
            }
            Ok(())
        }
        fn norm_gradient(&self, at: Rows<'_>, v: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
            for ((out, p), v) in out.chunks_exact_mut(2).zip(at).zip(v.chunks_exact(2)) {
                out[0] = 2.0 * p[0] * v[0] * v[0] + v[0] * v[1];
                out[1] = 2.0 * p[1] * v[1] * v[1];
            }
            Ok(())
        }
    }

    fn paths(geometry: &dyn Geometry) -> Paths<'_> {
        Paths { geometry, potential: &Wave, start: vec![-0.5, 0.2], end: vec![1.0, 0.7] }
    }

    fn some_path() -> Vec<f64> {
        vec![-0.2, 0.1, 0.3, -0.4, 0.5, 0.6, 0.8, 0.5]
    }

    #[test]
    fn gradients_are_those_of_energy_and_potential() {
        let paths = paths(&Bent);
        let evaluated = paths.evaluate(some_path()).unwrap();
        for k in 0..evaluated.path.len() {
            let moved = |h: f64| {
                let mut path = some_path();
                path[k] += h;
                paths.evaluate(path).unwrap()
            };
            let (up, down) = (moved(1e-5), moved(-1e-5));
            let energy = (up.energy - down.energy) / 2e-5;
            let total = (up.total - down.total) / 2e-5;
            assert!((energy - evaluated.energy_gradient[k]).abs() < 1e-8, "coordinate {k}");
            assert!((total - evaluated.total_gradient[k]).abs() < 1e-8, "coordinate {k}");
        }
    }

    #[test]
    fn the_laplacian_is_solved_on_any_tensor() {
        let paths = paths(&Bent);
        let path = some_path();
        let rhs: Vec<f64> = (0..8).map(|k| f64::from(k * 37 % 11) - 5.0).collect();
        let p = paths.laplacian(&path).unwrap().solve(&rhs);
        let points = [&[-0.5, 0.2], path.as_slice()].concat();
        let padded = [&[0.0, 0.0], p.as_slice(), &[0.0, 0.0]].concat();
        let steps: Vec<f64> = padded[2..].iter().zip(&padded).map(|(a, b)| a - b).collect();
        let mut tensors = Tensors::default();
        Bent.tensors(Rows::new(&points, 2).unwrap(), &mut tensors).unwrap();
        let mut lowered = vec![0.0; steps.len()];
        tensors.apply(&steps, &mut lowered);
        for k in 0..rhs.len() {
            let applied = 2.0 * (lowered[k] - lowered[k + 2]);
            assert!((applied - rhs[k]).abs() < 1e-12, "{k}: {applied}, {}", rhs[k]);
        }
    }

    #[test]
    fn minima_have_no_gradient_and_no_lower_neighbours() {
        for geometry in [&Bent as &dyn Geometry, &Euclidean::new(2)] {
            let paths = paths(geometry);
            let first = paths.evaluate(some_path()).unwrap();
            let limits = Limits { tolerance: 1e-10, iterations: 200 };
            let minimum = minimise(&paths, first, &Weighted(0.1), limits, &mut || true).unwrap().unwrap();
            assert!(minimum.converged && minimum.grad_norm <= 1e-10);
            let value = |path: Vec<f64>| {
                let evaluated = paths.evaluate(path).unwrap();
                evaluated.energy + 0.1 * evaluated.total
            };
            let lowest = value(minimum.at.path.clone());
            for k in 0..8 {
                for h in [1e-3, -1e-3] {
                    let mut path = minimum.at.path.clone();
                    path[k] += h;
                    assert!(value(path) > lowest, "coordinate {k}");
                }
            }
        }
        let declined = minimise(
            &paths(&Bent),
            paths(&Bent).evaluate(some_path()).unwrap(),
            &Weighted(0.1),
            Limits { tolerance: 0.0, iterations: 200 },
            &mut || false,
        );
        assert!(declined.unwrap().is_none());
    }
}
