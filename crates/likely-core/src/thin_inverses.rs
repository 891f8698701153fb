//! Inverses of diagonal plus rank one or two tensors in few coordinates, eight points at a time.

use crate::lanes::{LANES, Lane, total};
use crate::small_inverses::{FEW, TRIANGLE, at};
use crate::{Form, Tensors};
use pulp::{Arch, Simd, WithSimd};

/// The highest rank that is worked on so.
const THIN: usize = 2;

/// `R_i = D_i^-1`, `T_i = U_i R_i` and `W_i = (I + C_i K_i)^-1 C_i` with `K_i = U_i T_i^T`, so that `G_i^-1 = R - T^T W T`
/// (Woodbury's identity); each entry is that of [`LANES`] points in turn.
#[derive(Debug, Clone, Default)]
pub(crate) struct ThinInverses {
    dim: usize,
    batch: usize,
    rank: usize,
    /// `R`, then `T` and then `W`, block by block.
    factors: Vec<Lane>,
}

/// `$call` compiled for the sizes that occur often, and for any other.
macro_rules! in_size {
    ($dim:expr, $rank:expr, ($d:ident, $r:ident) => $call:expr) => {
        match ($dim, $rank) {
            (2, 1) => {
                let ($d, $r) = (2, 1);
                $call
            }
            ($d, 1) => {
                let $r = 1;
                $call
            }
            ($d, _) => {
                let $r = THIN;
                $call
            }
        }
    };
}

impl ThinInverses {
    pub(crate) fn fits(form: Form, dim: usize) -> bool {
        dim <= FEW && matches!(form, Form::DiagonalPlusLowRank { rank: 1..=THIN })
    }

    /// Entries of a block.
    fn size(&self) -> usize {
        (1 + self.rank) * self.dim + self.rank * self.rank
    }

    /// The first row that is not positive definite where there is one.
    pub(crate) fn factorise(&mut self, tensors: &Tensors, rank: usize) -> Result<(), usize> {
        (self.dim, self.batch, self.rank) = (tensors.dim(), tensors.batch(), rank);
        self.factors.resize(self.batch.div_ceil(LANES) * self.size(), [0.0; LANES]);
        Arch::new().dispatch(Factorise { tensors, factors: &mut self.factors, rank })
    }

    /// `G_i^-1 v_i` for each row.
    pub(crate) fn apply(&self, v: &[f64], out: &mut [f64]) {
        Arch::new().dispatch(Apply { inverses: self, v, out });
    }

    /// `G_i^-1 v` for one point.
    pub(crate) fn apply_row(&self, row: usize, v: &[f64], out: &mut [f64]) {
        let (dim, rank, lane) = (self.dim, self.rank, row % LANES);
        let block = &self.factors[row / LANES * self.size()..][..self.size()];
        let (r, t) = block.split_at(dim);
        let (t, w) = t.split_at(rank * dim);
        out.iter_mut().zip(v).zip(r).for_each(|((o, v), r)| *o = r[lane] * v);
        let mut along = [0.0; THIN];
        for (along, t) in along.iter_mut().zip(t.chunks_exact(dim)) {
            *along = t.iter().zip(v).map(|(t, v)| t[lane] * v).sum();
        }
        for (a, t) in t.chunks_exact(dim).enumerate() {
            let weight: f64 = (0..rank).map(|b| w[a * rank + b][lane] * along[b]).sum();
            out.iter_mut().zip(t).for_each(|(o, t)| *o -= weight * t[lane]);
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
    rank: usize,
}

impl WithSimd for Factorise<'_> {
    type Output = Result<(), usize>;

    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Result<(), usize> {
        in_size!(self.tensors.dim(), self.rank, (dim, rank) => self.in_size(simd, dim, rank))
    }
}

impl Factorise<'_> {
    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width and size")]
    #[inline(always)]
    fn in_size<S: Simd>(self, simd: S, dim: usize, rank: usize) -> Result<(), usize> {
        let Self { tensors, factors, .. } = self;
        let (parts, size) = (LANES / S::F64_LANES, (1 + rank) * dim + rank * rank);
        let one = simd.splat_f64s(1.0);
        for (block, entries) in factors.chunks_exact_mut(size).enumerate() {
            let first = block * LANES;
            let count = LANES.min(tensors.batch() - first);
            // Lanes beyond the batch hold identities.
            if count < LANES {
                entries[..dim].fill([1.0; LANES]);
                entries[dim..].fill([0.0; LANES]);
            }
            let (main, rest) = entries.split_at_mut(dim);
            let (thin, cores) = rest.split_at_mut(rank * dim);
            let rows = |width: usize| first * width..(first + count) * width;
            load(&tensors.diagonal_part()[rows(dim)], main, dim);
            load(&tensors.factors()[rows(rank * dim)], thin, rank * dim);
            load(&tensors.cores()[rows(rank * rank)], cores, rank * rank);
            let mut fine = [true; LANES];
            for d in &*main {
                for (fine, d) in fine.iter_mut().zip(d) {
                    *fine &= *d > 0.0 && *d < f64::INFINITY;
                }
            }
            let r = S::as_mut_simd_f64s(main.as_flattened_mut()).0;
            let t = S::as_mut_simd_f64s(thin.as_flattened_mut()).0;
            let c = S::as_mut_simd_f64s(cores.as_flattened_mut()).0;
            let mut checks = [[0.0; LANES]; 2];
            let check = S::as_mut_simd_f64s(checks.as_flattened_mut()).0;
            for part in 0..parts {
                let mut gram = [simd.splat_f64s(0.0); THIN * THIN];
                for j in 0..dim {
                    let here = j * parts + part;
                    r[here] = simd.div_f64s(one, r[here]);
                    let mut u = [one; THIN];
                    for a in 0..rank {
                        let place = (a * dim + j) * parts + part;
                        u[a] = t[place];
                        t[place] = simd.mul_f64s(u[a], r[here]);
                        for b in 0..=a {
                            let product = simd.mul_f64s(u[b], t[place]);
                            gram[a * THIN + b] = simd.add_f64s(gram[a * THIN + b], product);
                        }
                    }
                }
                if rank == 1 {
                    let scale = simd.add_f64s(one, simd.mul_f64s(c[part], gram[0]));
                    c[part] = simd.div_f64s(c[part], scale);
                    (check[part], check[parts + part]) = (scale, scale);
                    continue;
                }
                let core = [c[part], c[parts + part], c[2 * parts + part], c[3 * parts + part]];
                let product = |a: usize, k: [usize; 2]| {
                    let (p, q) = (simd.mul_f64s(core[2 * a], gram[k[0]]), core[2 * a + 1]);
                    simd.add_f64s(p, simd.mul_f64s(q, gram[k[1]]))
                };
                // M = I + C K with K_01 = K_10 at place 2.
                let m = [product(0, [0, 2]), product(0, [2, 3]), product(1, [0, 2]), product(1, [2, 3])];
                let (m0, m3) = (simd.add_f64s(one, m[0]), simd.add_f64s(one, m[3]));
                let det = simd.sub_f64s(simd.mul_f64s(m0, m3), simd.mul_f64s(m[1], m[2]));
                // I + L^T C L with K = L L^T has the determinant and the trace of M, and is symmetric.
                (check[part], check[parts + part]) = (det, simd.add_f64s(m0, m3));
                let over = simd.div_f64s(one, det);
                for k in 0..2 {
                    let (top, bottom) = (core[k], core[2 + k]);
                    let upper = simd.sub_f64s(simd.mul_f64s(m3, top), simd.mul_f64s(m[1], bottom));
                    let lower = simd.sub_f64s(simd.mul_f64s(m0, bottom), simd.mul_f64s(m[2], top));
                    c[k * parts + part] = simd.mul_f64s(upper, over);
                    c[(2 + k) * parts + part] = simd.mul_f64s(lower, over);
                }
            }
            for check in &checks {
                for (fine, check) in fine.iter_mut().zip(check) {
                    *fine &= *check > 0.0 && *check < f64::INFINITY;
                }
            }
            if let Some(lane) = fine.iter().position(|fine| !fine) {
                return Err(first + lane);
            }
            if count < LANES {
                for entry in entries.iter_mut() {
                    entry[count..].fill(0.0);
                }
            }
        }
        Ok(())
    }
}

/// Rows of numbers into lanes.
#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
pub(crate) fn load(rows: &[f64], lanes: &mut [Lane], width: usize) {
    let lanes = &mut lanes[..width];
    if rows.len() == LANES * width {
        // Lane by lane, so that each is written once and whole.
        for (j, lane) in lanes.iter_mut().enumerate() {
            for (l, to) in lane.iter_mut().enumerate() {
                *to = rows[l * width + j];
            }
        }
        return;
    }
    for (lane, row) in rows.chunks_exact(width).enumerate() {
        for (to, from) in lanes.iter_mut().zip(row) {
            to[lane % LANES] = *from;
        }
    }
}

/// Lanes into rows of numbers.
#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
pub(crate) fn store(lanes: &[Lane], rows: &mut [f64], width: usize) {
    let lanes = &lanes[..width];
    for (lane, row) in rows.chunks_exact_mut(width).enumerate() {
        for (to, from) in row.iter_mut().zip(lanes) {
            *to = from[lane % LANES];
        }
    }
}

struct Apply<'a> {
    inverses: &'a ThinInverses,
    v: &'a [f64],
    out: &'a mut [f64],
}

impl WithSimd for Apply<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { inverses, v, out } = self;
        in_size!(inverses.dim, inverses.rank, (dim, rank) => {
            let size = (1 + rank) * dim + rank * rank;
            let mut x = [[0.0; LANES]; FEW];
            let blocks = v.chunks(LANES * dim).zip(out.chunks_mut(LANES * dim));
            for (entries, (v, out)) in inverses.factors.chunks_exact(size).zip(blocks) {
                load(v, &mut x, dim);
                apply_block(simd, entries, &mut x[..dim], dim, rank);
                store(&x, out, dim);
            }
        });
    }
}

/// `G^-1 x` in place for the points of one block.
#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width and size")]
#[inline(always)]
fn apply_block<S: Simd>(simd: S, entries: &[Lane], x: &mut [Lane], dim: usize, rank: usize) {
    let parts = LANES / S::F64_LANES;
    let all = S::as_simd_f64s(entries.as_flattened()).0;
    let (r, t) = all.split_at(dim * parts);
    let (t, w) = t.split_at(rank * dim * parts);
    let y = &mut S::as_mut_simd_f64s(x.as_flattened_mut()).0[..dim * parts];
    for part in 0..parts {
        let mut along = [simd.splat_f64s(0.0); THIN];
        for a in 0..rank {
            for j in 0..dim {
                let term = simd.mul_f64s(t[(a * dim + j) * parts + part], y[j * parts + part]);
                along[a] = simd.add_f64s(along[a], term);
            }
        }
        let mut weight = [simd.splat_f64s(0.0); THIN];
        for a in 0..rank {
            for b in 0..rank {
                let term = simd.mul_f64s(w[(a * rank + b) * parts + part], along[b]);
                weight[a] = simd.add_f64s(weight[a], term);
            }
        }
        for j in 0..dim {
            let here = j * parts + part;
            let mut entry = simd.mul_f64s(r[here], y[here]);
            for a in 0..rank {
                let term = simd.mul_f64s(weight[a], t[(a * dim + j) * parts + part]);
                entry = simd.sub_f64s(entry, term);
            }
            y[here] = entry;
        }
    }
}

/// `G_i^-1 v_i` in lanes, and their sum.
struct ApplyAndAdd<'a> {
    inverses: &'a ThinInverses,
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
        in_size!(inverses.dim, inverses.rank, (dim, rank) => {
            let size = (1 + rank) * dim + rank * rank;
            let mut sums = [[0.0; LANES]; FEW];
            let blocks = v.chunks(LANES * dim).zip(raised.chunks_exact_mut(dim));
            for (entries, (v, x)) in inverses.factors.chunks_exact(size).zip(blocks) {
                if v.len() < LANES * dim {
                    x.fill([0.0; LANES]);
                }
                load(v, x, dim);
                apply_block(simd, entries, x, dim, rank);
                add_lanes(&mut sums[..dim], x);
            }
            for (sum, lanes) in sum.iter_mut().zip(&sums) {
                *sum += total(lanes);
            }
        });
    }
}

/// Adds lanes to lanes.
#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
pub(crate) fn add_lanes(sums: &mut [Lane], x: &[Lane]) {
    for (sum, x) in sums.iter_mut().zip(x) {
        for l in 0..LANES {
            sum[l] += x[l];
        }
    }
}

/// `G_i^-1 first - raised_i`, back in rows.
struct Remainders<'a> {
    inverses: &'a ThinInverses,
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
        in_size!(inverses.dim, inverses.rank, (dim, rank) => {
            let size = (1 + rank) * dim + rank * rank;
            let mut x = [[0.0; LANES]; FEW];
            let blocks = raised.chunks_exact(dim).zip(out.chunks_mut(LANES * dim));
            for (entries, (raised, out)) in inverses.factors.chunks_exact(size).zip(blocks) {
                for (x, first) in x.iter_mut().zip(first) {
                    *x = [*first; LANES];
                }
                apply_block(simd, entries, &mut x[..dim], dim, rank);
                subtract_lanes(&mut x[..dim], raised);
                store(&x, out, dim);
            }
        });
    }
}

/// Subtracts lanes from lanes.
#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
pub(crate) fn subtract_lanes(x: &mut [Lane], y: &[Lane]) {
    for (x, y) in x.iter_mut().zip(y) {
        for l in 0..LANES {
            x[l] -= y[l];
        }
    }
}

struct Sum<'a> {
    inverses: &'a ThinInverses,
    out: &'a mut [f64],
}

impl WithSimd for Sum<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { inverses, out } = self;
        in_size!(inverses.dim, inverses.rank, (dim, rank) => {
            if dim == 2 {
                add_up(simd, &inverses.factors, &mut [[0.0; LANES]; at(2, 0)], out, [dim, rank]);
            } else if dim <= HALF {
                add_up(simd, &inverses.factors, &mut [[0.0; LANES]; at(HALF, 0)], out, [dim, rank]);
            } else {
                #[expect(
                    clippy::large_stack_arrays,
                    reason = "as much as a tensor of the largest size needs, once a solution"
                )]
                let mut sums = [[0.0; LANES]; TRIANGLE];
                add_up(simd, &inverses.factors, &mut sums, out, [dim, rank]);
            }
        });
    }
}

/// Half as many coordinates as are few.
const HALF: usize = FEW / 2;

/// The lower triangle of `sum_i G_i^-1`, with room for it in lanes that are zero.
#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width and size")]
#[inline(always)]
fn add_up<S: Simd>(simd: S, factors: &[Lane], sums: &mut [Lane], out: &mut [f64], [dim, rank]: [usize; 2]) {
    let (parts, size) = (LANES / S::F64_LANES, (1 + rank) * dim + rank * rank);
    let all = S::as_mut_simd_f64s(sums[..at(dim, 0)].as_flattened_mut()).0;
    let mut lowered = [[simd.splat_f64s(0.0); FEW]; THIN];
    for entries in factors.chunks_exact(size) {
        let entries = S::as_simd_f64s(entries.as_flattened()).0;
        let (r, t) = entries.split_at(dim * parts);
        let (t, w) = t.split_at(rank * dim * parts);
        for part in 0..parts {
            for a in 0..rank {
                for j in 0..dim {
                    let mut entry = simd.splat_f64s(0.0);
                    for b in 0..rank {
                        let t = t[(b * dim + j) * parts + part];
                        let term = simd.mul_f64s(w[(a * rank + b) * parts + part], t);
                        entry = simd.add_f64s(entry, term);
                    }
                    lowered[a][j] = entry;
                }
            }
            for j in 0..dim {
                let row = &mut all[at(j, 0) * parts..at(j + 1, 0) * parts];
                for k in 0..=j {
                    let sum = &mut row[k * parts + part];
                    let mut entry = *sum;
                    for a in 0..rank {
                        let factor = t[(a * dim + j) * parts + part];
                        entry = simd.sub_f64s(entry, simd.mul_f64s(factor, lowered[a][k]));
                    }
                    *sum = if k == j { simd.add_f64s(entry, r[j * parts + part]) } else { entry };
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
