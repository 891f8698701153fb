//! Inverses of metric tensors in few coordinates, eight points at a time.

use crate::lanes::{LANES, Lane, total};
use crate::tensors::LARGEST_RANK;
use crate::thin_inverses::{add_lanes, load, store, subtract_lanes};
use crate::{Form, Tensors};
use pulp::{Arch, Simd, WithSimd};

/// The most coordinates that count as few.
pub(crate) const FEW: usize = 24;
/// Entries of a triangle of as many rows.
pub(crate) const TRIANGLE: usize = FEW * (FEW + 1) / 2;

/// `A_i = L_i^-1` with `G_i = L_i L_i^T`, so that `G_i^-1 v = A_i^T (A_i v)` needs no division.
///
/// Triangles lie row by row, and each entry is that of [`LANES`] points in turn: one vector instruction does the arithmetic of
/// all of them.
#[derive(Debug, Clone, Default)]
pub(crate) struct SmallInverses {
    dim: usize,
    batch: usize,
    factors: Vec<Lane>,
}

/// Where the entry in row `i` and column `j <= i` of a triangle is.
#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
pub(crate) const fn at(i: usize, j: usize) -> usize {
    i * (i + 1) / 2 + j
}

/// `$call` compiled for dimensions that occur often, and for any other.
macro_rules! in_dim {
    ($dim:expr, $d:ident => $call:expr) => {
        match $dim {
            1 => {
                let $d = 1;
                $call
            }
            2 => {
                let $d = 2;
                $call
            }
            3 => {
                let $d = 3;
                $call
            }
            6 => {
                let $d = 6;
                $call
            }
            $d => $call,
        }
    };
}

impl SmallInverses {
    /// Factorises dense or low-rank tensors; the first row that is not positive definite where there is one.
    pub(crate) fn factorise(&mut self, tensors: &Tensors) -> Result<(), usize> {
        (self.dim, self.batch) = (tensors.dim(), tensors.batch());
        let size = at(self.dim, 0);
        self.factors.resize(self.batch.div_ceil(LANES) * size, [0.0; LANES]);
        Arch::new().dispatch(Factorise { tensors, factors: &mut self.factors })
    }

    /// `G_i^-1 v_i` for each row.
    pub(crate) fn apply(&self, v: &[f64], out: &mut [f64]) {
        Arch::new().dispatch(Apply { inverses: self, v, out });
    }

    /// `G_i^-1 v` for one point.
    pub(crate) fn apply_row(&self, row: usize, v: &[f64], out: &mut [f64]) {
        let size = at(self.dim, 0);
        let (block, lane) = (row / LANES, row % LANES);
        let a = &self.factors[block * size..(block + 1) * size];
        out.fill(0.0);
        for i in 0..self.dim {
            let a = &a[at(i, 0)..=at(i, i)];
            let along: f64 = a.iter().zip(v).map(|(a, v)| a[lane] * v).sum();
            out.iter_mut().zip(a).for_each(|(o, a)| *o += a[lane] * along);
        }
    }

    /// `G_i^-1 v_i` in lanes over `raised`; their sum is added to `sum`.
    pub(crate) fn apply_and_add(&self, v: &[f64], raised: &mut Vec<Lane>, sum: &mut [f64]) {
        raised.resize(self.batch.div_ceil(LANES) * self.dim, [0.0; LANES]);
        Arch::new().dispatch(ApplyAndAdd { inverses: self, v, raised, sum });
    }

    /// `G_i^-1 first - raised_i` for each row.
    pub(crate) fn remainders(&self, first: &[f64], raised: &[Lane], out: &mut [f64]) {
        Arch::new().dispatch(Remainders { inverses: self, first, raised, out });
    }

    /// The lower triangle of `sum_i G_i^-1`, as a matrix of rows.
    pub(crate) fn sum(&self, out: &mut [f64]) {
        Arch::new().dispatch(Sum { inverses: self, out });
    }
}

struct Factorise<'a> {
    tensors: &'a Tensors,
    factors: &'a mut [Lane],
}

impl WithSimd for Factorise<'_> {
    type Output = Result<(), usize>;

    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Result<(), usize> {
        let Self { tensors, factors } = self;
        in_dim!(tensors.dim(), dim => factorise_blocks(simd, tensors, factors, dim))
    }
}

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
fn factorise_blocks<S: Simd>(
    simd: S,
    tensors: &Tensors,
    factors: &mut [Lane],
    dim: usize,
) -> Result<(), usize> {
    let batch = tensors.batch();
    for (block, a) in factors.chunks_exact_mut(at(dim, 0)).enumerate() {
        let first = block * LANES;
        let count = LANES.min(batch - first);
        match tensors.form() {
            Form::DiagonalPlusLowRank { rank } => load_low_rank(simd, tensors, first, count, [dim, rank], a),
            _ => load_dense(tensors, first, count, dim, a),
        }
        // Lanes beyond the batch hold identities while the others are factorised.
        for i in 0..dim {
            a[at(i, i)][count..].fill(1.0);
        }
        invert_factor(simd, a, dim);
        let mut fine = [true; LANES];
        for i in 0..dim {
            for (fine, d) in fine.iter_mut().zip(&a[at(i, i)]) {
                *fine &= *d > 0.0 && *d < f64::INFINITY;
            }
        }
        if let Some(lane) = fine.iter().position(|fine| !fine) {
            return Err(first + lane);
        }
        for a in a.iter_mut() {
            a[count..].fill(0.0);
        }
    }
    Ok(())
}

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
fn load_dense(tensors: &Tensors, first: usize, count: usize, dim: usize, a: &mut [Lane]) {
    let matrices = &tensors.matrices()[first * dim * dim..(first + count) * dim * dim];
    if count < LANES {
        a.fill([0.0; LANES]);
    }
    for (lane, g) in matrices.chunks_exact(dim * dim).enumerate() {
        for i in 0..dim {
            for j in 0..=i {
                a[at(i, j)][lane] = g[i * dim + j];
            }
        }
    }
}

/// `D + U^T C U`.
#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
fn load_low_rank<S: Simd>(
    simd: S,
    tensors: &Tensors,
    first: usize,
    count: usize,
    [dim, rank]: [usize; 2],
    a: &mut [Lane],
) {
    let mut u = [[0.0; LANES]; LARGEST_RANK * FEW];
    let mut core = [[0.0; LANES]; LARGEST_RANK * LARGEST_RANK];
    a.fill([0.0; LANES]);
    for lane in 0..count {
        let row = first + lane;
        let diagonal = &tensors.diagonal_part()[row * dim..(row + 1) * dim];
        for (i, d) in diagonal.iter().enumerate() {
            a[at(i, i)][lane] = *d;
        }
        let factors = &tensors.factors()[row * rank * dim..(row + 1) * rank * dim];
        for (u, factor) in u.iter_mut().zip(factors) {
            u[lane] = *factor;
        }
        let cores = &tensors.cores()[row * rank * rank..(row + 1) * rank * rank];
        for (core, c) in core.iter_mut().zip(cores) {
            core[lane] = *c;
        }
    }
    let parts = LANES / S::F64_LANES;
    let u = S::as_simd_f64s(u.as_flattened()).0;
    let core = S::as_simd_f64s(core.as_flattened()).0;
    let a = S::as_mut_simd_f64s(a.as_flattened_mut()).0;
    let mut scaled = [simd.splat_f64s(0.0); FEW];
    for part in 0..parts {
        for p in 0..rank {
            for (j, scaled) in scaled[..dim].iter_mut().enumerate() {
                *scaled = simd.splat_f64s(0.0);
                for q in 0..rank {
                    let (c, u) = (core[(p * rank + q) * parts + part], u[(q * dim + j) * parts + part]);
                    *scaled = simd.add_f64s(*scaled, simd.mul_f64s(c, u));
                }
            }
            for i in 0..dim {
                let factor = u[(p * dim + i) * parts + part];
                for (j, scaled) in scaled[..=i].iter().enumerate() {
                    let entry = &mut a[at(i, j) * parts + part];
                    *entry = simd.add_f64s(*entry, simd.mul_f64s(factor, *scaled));
                }
            }
        }
    }
}

/// Replaces lower triangles `G` by `L^-1`; diagonals are positive and finite in the lanes where `G` is positive definite.
///
/// Explicit vectors, because a compiler left to itself vectorises along rows and gathers.
#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
fn invert_factor<S: Simd>(simd: S, a: &mut [Lane], dim: usize) {
    let parts = LANES / S::F64_LANES;
    let a = S::as_mut_simd_f64s(a.as_flattened_mut()).0;
    let a = &mut a[..at(dim, 0) * parts];
    let one = simd.splat_f64s(1.0);
    for part in 0..parts {
        let place = |i: usize, j: usize| at(i, j) * parts + part;
        for i in 0..dim {
            // Row i of L; diagonals hold reciprocals.
            for j in 0..i {
                let mut entry = a[place(i, j)];
                for k in 0..j {
                    entry = simd.sub_f64s(entry, simd.mul_f64s(a[place(i, k)], a[place(j, k)]));
                }
                a[place(i, j)] = simd.mul_f64s(entry, a[place(j, j)]);
            }
            let mut pivot = a[place(i, i)];
            for k in 0..i {
                pivot = simd.sub_f64s(pivot, simd.mul_f64s(a[place(i, k)], a[place(i, k)]));
            }
            a[place(i, i)] = simd.div_f64s(one, simd.sqrt_f64s(pivot));
        }
        // A_ij = -(sum_{j <= k < i} L_ik A_kj) / L_ii, in place: what is still needed of row i are its entries from j on.
        for i in 1..dim {
            let negative = simd.neg_f64s(a[place(i, i)]);
            for j in 0..i {
                let mut entry = simd.mul_f64s(a[place(i, j)], a[place(j, j)]);
                for k in j + 1..i {
                    entry = simd.add_f64s(entry, simd.mul_f64s(a[place(i, k)], a[place(k, j)]));
                }
                a[place(i, j)] = simd.mul_f64s(entry, negative);
            }
        }
    }
}

struct Apply<'a> {
    inverses: &'a SmallInverses,
    v: &'a [f64],
    out: &'a mut [f64],
}

impl WithSimd for Apply<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { inverses, v, out } = self;
        in_dim!(inverses.dim, dim => apply_blocks(simd, &inverses.factors, v, out, dim));
    }
}

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width and size")]
#[inline(always)]
fn apply_blocks<S: Simd>(simd: S, factors: &[Lane], v: &[f64], out: &mut [f64], dim: usize) {
    let mut x = [[0.0; LANES]; FEW];
    let blocks = v.chunks(LANES * dim).zip(out.chunks_mut(LANES * dim));
    for (a, (v, out)) in factors.chunks_exact(at(dim, 0)).zip(blocks) {
        load(v, &mut x, dim);
        apply_block(simd, a, &mut x[..dim], dim);
        store(&x, out, dim);
    }
}

/// `G^-1 x` in place for the points of one block.
#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width and size")]
#[inline(always)]
fn apply_block<S: Simd>(simd: S, a: &[Lane], x: &mut [Lane], dim: usize) {
    let parts = LANES / S::F64_LANES;
    let a = S::as_simd_f64s(a.as_flattened()).0;
    let y = S::as_mut_simd_f64s(x.as_flattened_mut()).0;
    for part in 0..parts {
        let place = |i: usize, j: usize| at(i, j) * parts + part;
        // From the last row on, so that what is still needed is not overwritten.
        for i in (0..dim).rev() {
            let mut along = simd.splat_f64s(0.0);
            for k in 0..=i {
                along = simd.add_f64s(along, simd.mul_f64s(a[place(i, k)], y[k * parts + part]));
            }
            y[i * parts + part] = along;
        }
        for j in 0..dim {
            let mut entry = simd.splat_f64s(0.0);
            for i in j..dim {
                entry = simd.add_f64s(entry, simd.mul_f64s(a[place(i, j)], y[i * parts + part]));
            }
            y[j * parts + part] = entry;
        }
    }
}

/// `G_i^-1 v_i` in lanes, and their sum.
struct ApplyAndAdd<'a> {
    inverses: &'a SmallInverses,
    v: &'a [f64],
    raised: &'a mut [Lane],
    sum: &'a mut [f64],
}

impl WithSimd for ApplyAndAdd<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { inverses, v, raised, sum } = self;
        in_dim!(inverses.dim, dim => {
            let mut sums = [[0.0; LANES]; FEW];
            let blocks = v.chunks(LANES * dim).zip(raised.chunks_exact_mut(dim));
            for (a, (v, x)) in inverses.factors.chunks_exact(at(dim, 0)).zip(blocks) {
                if v.len() < LANES * dim {
                    x.fill([0.0; LANES]);
                }
                load(v, x, dim);
                apply_block(simd, a, x, dim);
                add_lanes(&mut sums[..dim], x);
            }
            for (sum, lanes) in sum.iter_mut().zip(&sums) {
                *sum += total(lanes);
            }
        });
    }
}

/// `G_i^-1 first - raised_i`, back in rows.
struct Remainders<'a> {
    inverses: &'a SmallInverses,
    first: &'a [f64],
    raised: &'a [Lane],
    out: &'a mut [f64],
}

impl WithSimd for Remainders<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { inverses, first, raised, out } = self;
        in_dim!(inverses.dim, dim => {
            let mut x = [[0.0; LANES]; FEW];
            let blocks = raised.chunks_exact(dim).zip(out.chunks_mut(LANES * dim));
            for (a, (raised, out)) in inverses.factors.chunks_exact(at(dim, 0)).zip(blocks) {
                for (x, first) in x.iter_mut().zip(first) {
                    *x = [*first; LANES];
                }
                apply_block(simd, a, &mut x[..dim], dim);
                subtract_lanes(&mut x[..dim], raised);
                store(&x, out, dim);
            }
        });
    }
}

struct Sum<'a> {
    inverses: &'a SmallInverses,
    out: &'a mut [f64],
}

impl WithSimd for Sum<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { inverses, out } = self;
        in_dim!(inverses.dim, dim => {
            if dim <= 6 {
                add_up(simd, &inverses.factors, &mut [[0.0; LANES]; at(6, 0)], out, dim);
            } else {
                #[expect(
                    clippy::large_stack_arrays,
                    reason = "as much as a tensor of the largest size needs, once a solution"
                )]
                let mut sums = [[0.0; LANES]; TRIANGLE];
                add_up(simd, &inverses.factors, &mut sums, out, dim);
            }
        });
    }
}

/// The lower triangle of `sum_i G_i^-1`, with room for it in lanes that are zero.
#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
fn add_up<S: Simd>(simd: S, factors: &[Lane], sums: &mut [Lane], out: &mut [f64], dim: usize) {
    let parts = LANES / S::F64_LANES;
    let size = at(dim, 0);
    let all = S::as_mut_simd_f64s(sums[..size].as_flattened_mut()).0;
    for a in factors.chunks_exact(size) {
        let a = S::as_simd_f64s(a.as_flattened()).0;
        for part in 0..parts {
            let place = |i: usize, j: usize| at(i, j) * parts + part;
            for j in 0..dim {
                for k in 0..=j {
                    let mut sum = all[place(j, k)];
                    for i in j..dim {
                        sum = simd.add_f64s(sum, simd.mul_f64s(a[place(i, j)], a[place(i, k)]));
                    }
                    all[place(j, k)] = sum;
                }
            }
        }
    }
    for i in 0..dim {
        for j in 0..=i {
            out[i * dim + j] = total(&sums[at(i, j)]);
        }
    }
}
