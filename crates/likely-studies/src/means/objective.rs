//! What a mean minimises, with its gradient, for all curves at once.

use super::layout::Layout;
use likely_core::{EvalError, Geometry, Rows, Tensors};
use likely_methods::Density;
use ndarray::ArrayView2;

/// `F = sum_k w_k [E_k + lambda_norm sum_{0<i<N} S(z_ki)] + eta lambda_norm S(mu)`.
pub(super) struct Objective<'a> {
    pub(super) geometry: &'a dyn Geometry,
    pub(super) density: Option<Density<'a>>,
    pub(super) layout: Layout,
    /// The data, one block.
    pub(super) points: &'a [f64],
    /// `w_k` at every number of a block.
    pub(super) weights: Vec<f64>,
    pub(super) lambda_norm: f64,
    /// `eta`, the weight of the potential at the mean itself.
    pub(super) at_mean: f64,
    /// Whether the mean stays where it is.
    pub(super) held: bool,
}

/// A point of the joint space of curves and mean, with everything known there.
#[derive(Default)]
pub(super) struct Iterate {
    /// Interior points block by block, then the mean.
    pub(super) unknowns: Vec<f64>,
    /// All points, `N + 1` blocks.
    z: Vec<f64>,
    /// `z_{i+1} - z_i`, `N` blocks.
    pub(super) steps: Vec<f64>,
    /// `G(z_i)` of the first `N` blocks.
    pub(super) tensors: Tensors,
    /// `G(z_i) (z_{i+1} - z_i)`.
    pub(super) momenta: Vec<f64>,
    /// `d/dz <u, G(z) u> + lambda_norm grad S(z)` at the first `N` blocks; the potential at interior ones only.
    pub(super) pull: Vec<f64>,
    /// `grad S(mu)` where it counts.
    mean_pull: Vec<f64>,
    /// `F`; `None` where only a score is known.
    pub(super) value: Option<f64>,
    /// `sum_k w_k E_k`.
    pub(super) energy: f64,
    /// `sum_k w_k sum_i S`.
    pub(super) potential: f64,
    /// The gradient of `F` in the unknowns.
    pub(super) gradient: Vec<f64>,
    /// Its Euclidean norm.
    pub(super) gradient_norm: f64,
}

impl Iterate {
    /// Not yet evaluated.
    pub(super) fn at(unknowns: Vec<f64>) -> Self {
        Self { unknowns, ..Self::default() }
    }

    /// Whether the objective can be compared and improved here.
    pub(super) fn is_finite(&self) -> bool {
        self.value.is_none_or(f64::is_finite) && self.gradient_norm.is_finite()
    }

    /// Points of all blocks.
    pub(super) fn points(&self) -> &[f64] {
        &self.z
    }
}

impl Objective<'_> {
    /// Fills `out` at its `unknowns`.
    pub(super) fn evaluate(&self, out: &mut Iterate) -> Result<(), EvalError> {
        let layout = self.layout;
        let (block, segments, dim) = (layout.block(), layout.segments, layout.dim);
        self.place(out);
        out.pull.resize(segments * block, 0.0);
        out.momenta.resize(segments * block, 0.0);
        let at = Rows::new(&out.z[..segments * block], dim)?;
        self.geometry.linearise(at, &out.steps, &mut out.tensors, &mut out.pull)?;
        out.tensors.apply(&out.steps, &mut out.momenta);
        out.energy = 0.0;
        for (u, p) in out.steps.chunks_exact(block).zip(out.momenta.chunks_exact(block)) {
            out.energy += weighted_dot(&self.weights, u, p);
        }
        out.potential = 0.0;
        out.value = Some(out.energy);
        out.mean_pull.clear();
        if let Some(density) = self.density.filter(|_| self.lambda_norm > 0.0) {
            self.add_potential(density, out)?;
        }
        self.differentiate(out);
        Ok(())
    }

    /// All points and steps from the unknowns.
    fn place(&self, out: &mut Iterate) {
        let block = self.layout.block();
        let interior = self.layout.interior();
        out.z.clear();
        out.z.reserve_exact((self.layout.segments + 1) * block);
        out.z.extend_from_slice(self.points);
        out.z.extend_from_slice(&out.unknowns[..interior]);
        for _ in 0..self.layout.count {
            out.z.extend_from_slice(&out.unknowns[interior..]);
        }
        out.steps.clear();
        out.steps.extend(out.z[block..].iter().zip(&out.z).map(|(to, from)| to - from));
    }

    /// The part of the potential in value and pull.
    fn add_potential(&self, density: Density<'_>, out: &mut Iterate) -> Result<(), EvalError> {
        let layout = self.layout;
        let (block, dim, count) = (layout.block(), layout.dim, layout.count);
        let interior = view(&out.z[block..layout.segments * block], dim)?;
        let mean = view(&out.unknowns[layout.interior()..], dim)?;
        let pull = &mut out.pull[block..];
        match density {
            Density::Potential(potential) => {
                let found = potential.value_and_grad(interior)?;
                for (k, value) in found.value.iter().enumerate() {
                    out.potential += self.weights[(k % count) * dim] * value;
                }
                add(pull, self.lambda_norm, found.grad.as_slice().ok_or(EvalError::Layout)?);
                let mut value = out.energy + self.lambda_norm * out.potential;
                if self.at_mean > 0.0 {
                    let found = potential.value_and_grad(mean)?;
                    value += self.at_mean * self.lambda_norm * found.value[0];
                    out.mean_pull.extend(found.grad.iter());
                }
                out.value = Some(value);
            }
            Density::Score(score) => {
                let found = score.score(interior)?;
                add(pull, -self.lambda_norm, found.as_slice().ok_or(EvalError::Layout)?);
                if self.at_mean > 0.0 {
                    out.mean_pull.extend(score.score(mean)?.iter().map(|s| -s));
                }
                out.value = None;
            }
        }
        Ok(())
    }

    fn differentiate(&self, out: &mut Iterate) {
        let (pull, momenta) = (&out.pull, &out.momenta);
        self.layout.gradient(&self.weights, pull, momenta, &mut out.gradient);
        let interior = self.layout.interior();
        add(&mut out.gradient[interior..], self.at_mean * self.lambda_norm, &out.mean_pull);
        if self.held {
            out.gradient[interior..].fill(0.0);
        }
        out.gradient_norm = norm(&out.gradient);
    }
}

impl Layout {
    /// `w_k [pull_i + 2 (p_{i-1} - p_i)]` at interior points and `2 sum_k w_k p_{N-1}` at the mean.
    pub(super) fn gradient(&self, weights: &[f64], pull: &[f64], momenta: &[f64], out: &mut Vec<f64>) {
        let block = self.block();
        // Every interior number is written below; only the mean is added up.
        out.resize(self.unknowns(), 0.0);
        let (interior, mean) = out.split_at_mut(self.interior());
        mean.fill(0.0);
        let earlier = momenta.chunks_exact(block);
        let later = momenta[block..].chunks_exact(block).zip(pull[block..].chunks_exact(block));
        for (out, (before, (after, pull))) in interior.chunks_exact_mut(block).zip(earlier.zip(later)) {
            for (j, out) in out.iter_mut().enumerate() {
                *out = weights[j] * (pull[j] + 2.0 * (before[j] - after[j]));
            }
        }
        let last = &momenta[(self.segments - 1) * block..];
        for (w, p) in weights.chunks_exact(self.dim).zip(last.chunks_exact(self.dim)) {
            for (j, mean) in mean.iter_mut().enumerate() {
                *mean += 2.0 * w[j] * p[j];
            }
        }
    }
}

pub(super) fn view(values: &[f64], dim: usize) -> Result<ArrayView2<'_, f64>, EvalError> {
    ArrayView2::from_shape((values.len() / dim, dim), values).map_err(|_| EvalError::Layout)
}

pub(super) fn add(to: &mut [f64], factor: f64, what: &[f64]) {
    to.iter_mut().zip(what).for_each(|(to, what)| *to += factor * what);
}

/// Partial sums that are kept apart, so that an addition does not wait for the last one.
const LANES: usize = 8;

pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; LANES];
    let (a, b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f64 = a.remainder().iter().zip(b.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a.zip(b) {
        for j in 0..LANES {
            sums[j] += a[j] * b[j];
        }
    }
    sums.iter().sum::<f64>() + rest
}

fn weighted_dot(w: &[f64], a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; LANES];
    let (w, a, b) = (w.chunks_exact(LANES), a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest = w.remainder().iter().zip(a.remainder()).zip(b.remainder());
    let rest: f64 = rest.map(|((w, a), b)| w * a * b).sum();
    for ((w, a), b) in w.zip(a).zip(b) {
        for j in 0..LANES {
            sums[j] += w[j] * a[j] * b[j];
        }
    }
    sums.iter().sum::<f64>() + rest
}

pub(super) fn norm(v: &[f64]) -> f64 {
    dot(v, v).sqrt()
}
