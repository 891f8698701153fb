//! Second and third derivatives of a sum of equal Gaussians, each around its own point.

use likely_core::Rows;
use likely_core::lanes::{Work, exp, vectorised};

/// `S(x) = -log sum_i exp(-q_i / 2)` up to a constant, `q_i = |y - c_i|^2` with `y` the point in units of the widths.
///
/// With the shares `r_i` of the summands, their mean `m = sum_i r_i c_i`, the deviations `e_i = c_i - m` and `D` the diagonal
/// of the reciprocal widths, the Hessian is `D (I - sum_i r_i e_i e_i^T) D`, and the gradient of `<u, H v>` is
/// `-D sum_i r_i <D u, e_i> <D v, e_i> e_i`.
pub(crate) struct GaussianSum<'a> {
    /// `c_i`, in units of the widths, row by row.
    pub(crate) centres: &'a [f64],
    /// Reciprocal widths.
    pub(crate) inverse_widths: &'a [f64],
}

/// What is wanted at each point.
#[derive(Clone, Copy)]
pub(crate) enum Wanted<'a> {
    /// The Hessian.
    Hessian,
    /// Its product with a row of these.
    Product(&'a [f64]),
    /// The gradient of the form that it makes of a row of each.
    FormGradient(&'a [f64], &'a [f64]),
}

impl GaussianSum<'_> {
    /// Writes what is wanted for each row of `points` over `out`.
    pub(crate) fn evaluate(&self, points: Rows<'_>, wanted: Wanted<'_>, out: &mut [f64]) {
        vectorised(Evaluation { sum: self, points, wanted, out });
    }

    /// Shares of the summands and their mean at the point `y`.
    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn shares(&self, dim: usize, y: &[f64], shares: &mut [f64], mean: &mut [f64]) {
        let mut nearest = f64::MAX;
        for (centre, share) in self.centres.chunks_exact(dim).zip(&mut *shares) {
            let mut q = 0.0;
            for (y, c) in y.iter().zip(centre) {
                q += (y - c) * (y - c);
            }
            // Where squares overflow, all centres must tie for the shares to stay numbers.
            *share = if q > f64::MAX { f64::MAX } else { q };
            nearest = if *share < nearest { *share } else { nearest };
        }
        let mut total = 0.0;
        for share in &mut *shares {
            *share = exp(0.5 * (nearest - *share));
        }
        for share in &*shares {
            total += share;
        }
        mean.fill(0.0);
        for (centre, share) in self.centres.chunks_exact(dim).zip(&mut *shares) {
            *share /= total;
            for (mean, c) in mean.iter_mut().zip(centre) {
                *mean += *share * c;
            }
        }
    }
}

struct Evaluation<'a> {
    sum: &'a GaussianSum<'a>,
    points: Rows<'a>,
    wanted: Wanted<'a>,
    out: &'a mut [f64],
}

impl Work for Evaluation<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn run(self) {
        match self.points.dim() {
            2 => self.rows(2),
            dim => self.rows(dim),
        }
    }
}

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
fn scaled(x: &[f64], by: &[f64], out: &mut [f64]) {
    for ((out, x), by) in out.iter_mut().zip(x).zip(by) {
        *out = x * by;
    }
}

impl Evaluation<'_> {
    #[expect(
        clippy::inline_always,
        reason = "inlined into the code for the chosen vector width and dimension"
    )]
    #[inline(always)]
    fn rows(self, dim: usize) {
        let Self { sum, points, wanted, out } = self;
        let inverse = &sum.inverse_widths[..dim];
        let mut shares = vec![0.0; sum.centres.len() / dim];
        // Cut to `dim` so that the compiler knows their length where it knows the dimension.
        let [y, mean, deviation, a, b] = &mut [(); 5].map(|()| vec![0.0; dim]);
        let [y, mean, deviation] = [y, mean, deviation].map(|room| &mut room[..dim]);
        let [a, b] = [a, b].map(|room| &mut room[..dim]);
        let width = if matches!(wanted, Wanted::Hessian) { dim * dim } else { dim };
        for (row, (x, out)) in points.iter().zip(out.chunks_exact_mut(width)).enumerate() {
            let of = |vectors: &[f64], scaled_into: &mut [f64]| {
                scaled(&vectors[row * dim..(row + 1) * dim], inverse, scaled_into);
            };
            scaled(x, inverse, y);
            sum.shares(dim, y, &mut shares, mean);
            match wanted {
                Wanted::Hessian => {}
                Wanted::Product(v) => of(v, b),
                Wanted::FormGradient(u, v) => {
                    of(u, a);
                    of(v, b);
                }
            }
            out.fill(0.0);
            for (centre, share) in sum.centres.chunks_exact(dim).zip(&shares) {
                for ((e, c), m) in deviation.iter_mut().zip(centre).zip(&*mean) {
                    *e = c - m;
                }
                let along = |v: &[f64]| deviation.iter().zip(v).map(|(e, v)| e * v).sum::<f64>();
                match wanted {
                    Wanted::Hessian => {
                        for (j, out) in out.chunks_exact_mut(dim).enumerate() {
                            let weight = share * deviation[j];
                            for (out, e) in out.iter_mut().zip(&*deviation) {
                                *out -= weight * e;
                            }
                        }
                    }
                    Wanted::Product(_) => {
                        let weight = share * along(b);
                        out.iter_mut().zip(&*deviation).for_each(|(out, e)| *out -= weight * e);
                    }
                    Wanted::FormGradient(..) => {
                        let weight = share * along(a) * along(b);
                        out.iter_mut().zip(&*deviation).for_each(|(out, e)| *out -= weight * e);
                    }
                }
            }
            match wanted {
                Wanted::Hessian => {
                    for (j, out) in out.chunks_exact_mut(dim).enumerate() {
                        out[j] += 1.0;
                        for (out, by) in out.iter_mut().zip(inverse) {
                            *out *= inverse[j] * by;
                        }
                    }
                }
                Wanted::Product(_) => {
                    out.iter_mut().zip(&*b).zip(inverse).for_each(|((out, v), by)| *out = (*out + v) * by);
                }
                Wanted::FormGradient(..) => out.iter_mut().zip(inverse).for_each(|(out, by)| *out *= by),
            }
        }
    }
}
