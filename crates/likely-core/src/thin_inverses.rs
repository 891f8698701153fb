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
        let (dim, size) = (self.dim, self.size());
        Arch::new().dispatch(Factorise { tensors, factors: &mut self.factors, dim, rank, size })
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

    /// The lower triangle of `sum_i G_i^-1`, as a matrix of rows.
    pub(crate) fn sum(&self, out: &mut [f64]) {
        Arch::new().dispatch(Sum { inverses: self, out });
    }
}

struct Factorise<'a> {
    tensors: &'a Tensors,
    factors: &'a mut [Lane],
    dim: usize,
    rank: usize,
    size: usize,
}

impl WithSimd for Factorise<'_> {
    type Output = Result<(), usize>;

    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Result<(), usize> {
        let Self { tensors, factors, dim, rank, size } = self;
        let parts = LANES / S::F64_LANES;
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
            load(&tensors.diagonal_part()[rows(dim)], main);
            load(&tensors.factors()[rows(rank * dim)], thin);
            load(&tensors.cores()[rows(rank * rank)], cores);
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
fn load(rows: &[f64], lanes: &mut [Lane]) {
    for (lane, row) in rows.chunks_exact(lanes.len()).enumerate() {
        for (to, from) in lanes.iter_mut().zip(row) {
            to[lane % LANES] = *from;
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
        let (dim, rank, size) = (inverses.dim, inverses.rank, inverses.size());
        let parts = LANES / S::F64_LANES;
        let mut x = [[0.0; LANES]; FEW];
        let x = &mut x[..dim];
        let blocks = v.chunks(LANES * dim).zip(out.chunks_mut(LANES * dim));
        for (entries, (v, out)) in inverses.factors.chunks_exact(size).zip(blocks) {
            load(v, x);
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
            for (lane, out) in out.chunks_exact_mut(dim).enumerate() {
                for (x, out) in x.iter().zip(out) {
                    *out = x[lane % LANES];
                }
            }
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
        let (dim, rank, size) = (inverses.dim, inverses.rank, inverses.size());
        let parts = LANES / S::F64_LANES;
        #[expect(
            clippy::large_stack_arrays,
            reason = "as much as a tensor of the largest size needs, once a solution"
        )]
        let mut sums = [[0.0; LANES]; TRIANGLE];
        let all = S::as_mut_simd_f64s(sums[..at(dim, 0)].as_flattened_mut()).0;
        let mut lowered = [simd.splat_f64s(0.0); FEW];
        for entries in inverses.factors.chunks_exact(size) {
            let entries = S::as_simd_f64s(entries.as_flattened()).0;
            let (r, t) = entries.split_at(dim * parts);
            let (t, w) = t.split_at(rank * dim * parts);
            for part in 0..parts {
                for j in 0..dim {
                    let sum = &mut all[at(j, j) * parts + part];
                    *sum = simd.add_f64s(*sum, r[j * parts + part]);
                }
                for a in 0..rank {
                    for (j, lowered) in lowered[..dim].iter_mut().enumerate() {
                        *lowered = simd.splat_f64s(0.0);
                        for b in 0..rank {
                            let t = t[(b * dim + j) * parts + part];
                            let term = simd.mul_f64s(w[(a * rank + b) * parts + part], t);
                            *lowered = simd.add_f64s(*lowered, term);
                        }
                    }
                    for j in 0..dim {
                        let factor = t[(a * dim + j) * parts + part];
                        let row = &mut all[at(j, 0) * parts..at(j + 1, 0) * parts];
                        for (k, lowered) in lowered[..=j].iter().enumerate() {
                            let sum = &mut row[k * parts + part];
                            *sum = simd.sub_f64s(*sum, simd.mul_f64s(factor, *lowered));
                        }
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
}
