//! Potentials written as one formula over [`Number`], with all derivatives exact.

use crate::lanes::{LANES, Work, vectorised};
use crate::{Curvature, Dual, EvalError, Lanes, Normalisation, Number, Potential, Rows, Symmetry, ValueGrad};
use ndarray::{Array1, Array2, ArrayView2};
use rayon::prelude::*;

/// A potential whose value and gradient are written once, over any [`Number`].
///
/// [`Exact`] makes a [`Potential`] with [`Curvature`] of it: points are evaluated eight side by side at the full vector
/// width, second derivatives by evaluating the gradient in [`Dual`] numbers, third ones in nested dual numbers. The
/// methods must be `#[inline(always)]`, and so must what they call, or they are compiled for the narrowest vectors.
pub trait Differentiable: Send + Sync {
    /// Number of coordinates.
    fn dim(&self) -> usize;

    /// Whether `exp(-S)` is a normalised density.
    fn normalisation(&self) -> Normalisation;

    /// Numbers of working space that an evaluation with gradient needs.
    fn workspace(&self) -> usize;

    /// About how many multiplications an evaluation with gradient takes; decides whether a batch is worth threads.
    fn multiplications(&self) -> usize;

    /// `S(x)` in nats; `x` has [`Differentiable::dim`] numbers, `work` is of [`Differentiable::workspace`], of any content.
    fn value<N: Number>(&self, x: &[N], work: &mut [N]) -> N;

    /// `S(x)`, with its gradient written into `grad`; as [`Differentiable::value`].
    fn value_and_grad<N: Number>(&self, x: &[N], grad: &mut [N], work: &mut [N]) -> N;
}

/// A [`Differentiable`] as a [`Potential`] with [`Curvature`].
///
/// The bits of a result depend neither on the threads nor on the vector width nor on the rest of the batch.
#[derive(Debug, Clone)]
pub struct Exact<D>(
    /// The formula.
    pub D,
);

/// Multiplications from which on a batch is worth threads.
const PARALLEL: usize = 1 << 21;
/// Groups of [`LANES`] points that share their working space; the unit of parallel work.
const GROUPS: usize = 4;
/// Points of a unit of parallel work.
const BLOCK: usize = GROUPS * LANES;

impl<D: Differentiable> Exact<D> {
    /// Calls `evaluate` for blocks of `values` rows and as many `a`- and `b`-number pieces of the outputs.
    fn blocks(
        &self,
        points: Rows<'_>,
        cost: usize,
        outputs: (&mut [f64], usize),
        more: (&mut [f64], usize),
        evaluate: impl Fn(&[f64], &mut [f64], &mut [f64]) + Sync,
    ) {
        let count = points.count();
        let rows = points.values();
        let width = points.dim();
        let block =
            |(rows, (outputs, more)): (&[f64], (&mut [f64], &mut [f64]))| evaluate(rows, outputs, more);
        let cost = self.0.multiplications().saturating_mul(cost).saturating_mul(count);
        let (a, b) = (BLOCK * outputs.1, BLOCK * more.1);
        if cost < PARALLEL || count <= BLOCK {
            rows.chunks(BLOCK * width).zip(outputs.0.chunks_mut(a).zip(more.0.chunks_mut(b))).for_each(block);
        } else {
            rows.par_chunks(BLOCK * width)
                .zip(outputs.0.par_chunks_mut(a).zip(more.0.par_chunks_mut(b)))
                .for_each(block);
        }
    }

    fn rows<'a>(&self, points: &'a ArrayView2<'_, f64>) -> Result<std::borrow::Cow<'a, [f64]>, EvalError> {
        let dim = self.0.dim();
        if points.ncols() != dim {
            return Err(EvalError::Dimension { expected: dim, found: points.ncols() });
        }
        Ok(match points.as_slice() {
            Some(values) => values.into(),
            None => points.iter().copied().collect(),
        })
    }
}

/// One coordinate of up to eight rows; missing rows repeat the first.
#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
fn coordinate(rows: &[f64], dim: usize, j: usize) -> Lanes {
    let count = rows.len() / dim;
    Lanes(std::array::from_fn(|l| rows[if l < count { l * dim + j } else { j }]))
}

/// Values, and gradients with `GRAD`, of a block of rows.
struct Values<'a, D, const GRAD: bool> {
    density: &'a D,
    rows: &'a [f64],
    value: &'a mut [f64],
    grad: &'a mut [f64],
}

impl<D: Differentiable, const GRAD: bool> Work for Values<'_, D, GRAD> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn run(self) {
        let dim = self.density.dim();
        let zero = Lanes::constant(0.0);
        let mut x = vec![zero; dim];
        let mut slopes = vec![zero; dim];
        let mut work = vec![zero; self.density.workspace()];
        let groups = self.rows.chunks(LANES * dim).zip(self.value.chunks_mut(LANES)).enumerate();
        for (group, (rows, value)) in groups {
            for (j, x) in x.iter_mut().enumerate() {
                *x = coordinate(rows, dim, j);
            }
            let values = if GRAD {
                self.density.value_and_grad(&x, &mut slopes, &mut work)
            } else {
                self.density.value(&x, &mut work)
            };
            value.copy_from_slice(&values.0[..value.len()]);
            if GRAD {
                let first = group * LANES * dim;
                let grad = &mut self.grad[first..first + rows.len()];
                for (l, row) in grad.chunks_exact_mut(dim).enumerate() {
                    for (g, slope) in row.iter_mut().zip(&slopes) {
                        *g = slope.0[l];
                    }
                }
            }
        }
    }
}

/// `H v` of a block of rows; with `direction` the same unit vector for all, else a row of `v` each.
struct HessianVectors<'a, D> {
    density: &'a D,
    rows: &'a [f64],
    v: Direction<'a>,
    /// Distance between the rows of `out`, and between the numbers of a row.
    stride: (usize, usize),
    first: usize,
    out: &'a mut [f64],
}

/// What a Hessian is multiplied by.
#[derive(Clone, Copy)]
enum Direction<'a> {
    Unit(usize),
    Rows(&'a [f64]),
}

impl Direction<'_> {
    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn coordinate(self, first: usize, count: usize, dim: usize, j: usize) -> Lanes {
        match self {
            Direction::Unit(k) => Lanes::constant(if j == k { 1.0 } else { 0.0 }),
            Direction::Rows(rows) => coordinate(&rows[first * dim..(first + count) * dim], dim, j),
        }
    }
}

impl<D: Differentiable> Work for HessianVectors<'_, D> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn run(self) {
        let dim = self.density.dim();
        let zero = Dual::<Lanes>::constant(0.0);
        let mut x = vec![zero; dim];
        let mut slopes = vec![zero; dim];
        let mut work = vec![zero; self.density.workspace()];
        for (group, rows) in self.rows.chunks(LANES * dim).enumerate() {
            let (first, count) = (group * LANES, rows.len() / dim);
            for (j, x) in x.iter_mut().enumerate() {
                *x = Dual { value: coordinate(rows, dim, j), slope: self.v.coordinate(first, count, dim, j) };
            }
            self.density.value_and_grad(&x, &mut slopes, &mut work);
            for l in 0..count {
                for (i, slope) in slopes.iter().enumerate() {
                    let place = (first + l) * self.stride.0 + i * self.stride.1 + self.first;
                    self.out[place] = slope.slope.0[l];
                }
            }
        }
    }
}

/// The gradient of `<u, H v>` of a block of rows.
struct HessianGradients<'a, D> {
    density: &'a D,
    rows: &'a [f64],
    u: &'a [f64],
    v: &'a [f64],
    out: &'a mut [f64],
}

impl<D: Differentiable> Work for HessianGradients<'_, D> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn run(self) {
        let dim = self.density.dim();
        let zero = Dual::<Dual<Lanes>>::constant(0.0);
        let mut x = vec![zero; dim];
        let mut slopes = vec![zero; dim];
        let mut work = vec![zero; self.density.workspace()];
        let (u, v) = (Direction::Rows(self.u), Direction::Rows(self.v));
        for (group, rows) in self.rows.chunks(LANES * dim).enumerate() {
            let (first, count) = (group * LANES, rows.len() / dim);
            for (j, x) in x.iter_mut().enumerate() {
                let value =
                    Dual { value: coordinate(rows, dim, j), slope: u.coordinate(first, count, dim, j) };
                let slope = Dual { value: v.coordinate(first, count, dim, j), slope: Lanes::constant(0.0) };
                *x = Dual { value, slope };
            }
            self.density.value_and_grad(&x, &mut slopes, &mut work);
            for l in 0..count {
                for (i, slope) in slopes.iter().enumerate() {
                    self.out[(first + l) * dim + i] = slope.slope.slope.0[l];
                }
            }
        }
    }
}

impl<D: Differentiable> Potential for Exact<D> {
    fn dim(&self) -> usize {
        self.0.dim()
    }

    fn normalisation(&self) -> Normalisation {
        self.0.normalisation()
    }

    fn symmetry(&self) -> Symmetry<'_> {
        Symmetry::None
    }

    fn value(&self, points: ArrayView2<'_, f64>) -> Result<Array1<f64>, EvalError> {
        let rows = self.rows(&points)?;
        let mut value = vec![0.0; points.nrows()];
        // One number a point keeps the iterators over blocks in step.
        let mut unused = vec![0.0; points.nrows()];
        let density = &self.0;
        self.blocks(
            Rows::new(&rows, density.dim())?,
            1,
            (&mut value, 1),
            (&mut unused, 1),
            |rows, value, grad| {
                vectorised(Values::<D, false> { density, rows, value, grad });
            },
        );
        Ok(value.into())
    }

    fn value_and_grad(&self, points: ArrayView2<'_, f64>) -> Result<ValueGrad, EvalError> {
        let rows = self.rows(&points)?;
        let density = &self.0;
        let dim = density.dim();
        let mut value = vec![0.0; points.nrows()];
        let mut grad = Array2::zeros(points.raw_dim());
        let slopes = grad.as_slice_mut().ok_or(EvalError::Layout)?;
        self.blocks(Rows::new(&rows, dim)?, 1, (&mut value, 1), (slopes, dim), |rows, value, grad| {
            vectorised(Values::<D, true> { density, rows, value, grad });
        });
        Ok(ValueGrad { value: value.into(), grad })
    }

    fn curvature(&self) -> Option<&dyn Curvature> {
        Some(self)
    }
}

impl<D: Differentiable> Curvature for Exact<D> {
    fn hessian(&self, points: Rows<'_>, out: &mut [f64]) -> Result<(), EvalError> {
        let density = &self.0;
        let dim = density.dim();
        let points = points.with_dim(dim)?;
        let mut unused = vec![0.0; points.count()];
        self.blocks(points, 2 * dim, (out, dim * dim), (&mut unused, 1), |rows, out, _| {
            for k in 0..dim {
                let v = Direction::Unit(k);
                vectorised(HessianVectors { density, rows, v, stride: (dim * dim, dim), first: k, out });
            }
        });
        Ok(())
    }

    fn hessian_gradient(
        &self,
        points: Rows<'_>,
        u: &[f64],
        v: &[f64],
        out: &mut [f64],
    ) -> Result<(), EvalError> {
        let density = &self.0;
        let dim = density.dim();
        let points = points.with_dim(dim)?;
        let directions = u.chunks(BLOCK * dim).zip(v.chunks(BLOCK * dim));
        let blocks = points.values().chunks(BLOCK * dim).zip(out.chunks_mut(BLOCK * dim));
        for ((rows, out), (u, v)) in blocks.zip(directions) {
            vectorised(HessianGradients { density, rows, u, v, out });
        }
        Ok(())
    }

    fn hessian_vector(&self, points: Rows<'_>, v: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
        let density = &self.0;
        let dim = density.dim();
        let points = points.with_dim(dim)?;
        let blocks = points.values().chunks(BLOCK * dim).zip(out.chunks_mut(BLOCK * dim));
        for ((rows, out), v) in blocks.zip(v.chunks(BLOCK * dim)) {
            let v = Direction::Rows(v);
            vectorised(HessianVectors { density, rows, v, stride: (dim, 1), first: 0, out });
        }
        Ok(())
    }
}
