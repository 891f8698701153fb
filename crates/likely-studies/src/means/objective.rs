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
    /// All points, `N + 1` blocks; the unknowns are those from the second block to the first point of the last.
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
    /// Not yet evaluated; `unknowns` are the interior points block by block, then the mean.
    pub(super) fn at(layout: Layout, points: &[f64], unknowns: &[f64]) -> Self {
        let mut z = Vec::with_capacity((layout.segments + 1) * layout.block());
        z.extend_from_slice(points);
        z.extend_from_slice(unknowns);
        z.resize((layout.segments + 1) * layout.block(), 0.0);
        Self { z, ..Self::default() }
    }

    /// Not yet evaluated, at `from + t direction`.
    pub(super) fn step(&mut self, layout: Layout, from: &Self, t: f64, direction: &[f64]) {
        let block = layout.block();
        self.z.resize(from.z.len(), 0.0);
        self.z[..block].copy_from_slice(&from.z[..block]);
        let moved = self.unknowns_mut(layout).iter_mut().zip(from.unknowns(layout)).zip(direction);
        moved.for_each(|((to, x), d)| *to = x + t * d);
    }

    /// Interior points block by block, then the mean.
    pub(super) fn unknowns(&self, layout: Layout) -> &[f64] {
        &self.z[layout.block()..][..layout.unknowns()]
    }

    /// Likewise, to change them.
    pub(super) fn unknowns_mut(&mut self, layout: Layout) -> &mut [f64] {
        &mut self.z[layout.block()..][..layout.unknowns()]
    }

    /// The mean.
    pub(super) fn mean(&self, layout: Layout) -> &[f64] {
        &self.z[layout.segments * layout.block()..][..layout.dim]
    }

    /// Takes the room for steps, momenta and pull over from an iterate whose own are not looked at any more: touching fresh
    /// pages costs more than filling them.
    pub(super) fn take_room(&mut self, from: &mut Self) {
        std::mem::swap(&mut self.steps, &mut from.steps);
        std::mem::swap(&mut self.momenta, &mut from.momenta);
        std::mem::swap(&mut self.pull, &mut from.pull);
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
    /// Fills `out` at its unknowns.
    pub(super) fn evaluate(&self, out: &mut Iterate) -> Result<(), EvalError> {
        let layout = self.layout;
        let (block, segments, dim) = (layout.block(), layout.segments, layout.dim);
        self.place(out);
        out.pull.resize(segments * block, 0.0);
        out.momenta.resize(segments * block, 0.0);
        let Iterate { z, steps, tensors, pull, momenta, .. } = &mut *out;
        let at = Rows::new(&z[..segments * block], dim)?;
        self.geometry.linearise_lowered(at, steps, tensors, pull, momenta)?;
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

    /// The mean at the end of every curve, and the steps.
    fn place(&self, out: &mut Iterate) {
        let Layout { segments, dim, .. } = self.layout;
        let block = self.layout.block();
        let (mean, repeated) = out.z[segments * block..].split_at_mut(dim);
        for row in repeated.chunks_exact_mut(dim) {
            row.copy_from_slice(mean);
        }
        out.steps.clear();
        out.steps.extend(out.z[block..].iter().zip(&out.z).map(|(to, from)| to - from));
    }

    /// The part of the potential in value and pull.
    fn add_potential(&self, density: Density<'_>, out: &mut Iterate) -> Result<(), EvalError> {
        let layout = self.layout;
        let (block, dim, count) = (layout.block(), layout.dim, layout.count);
        let interior = view(&out.z[block..layout.segments * block], dim)?;
        let mean = view(&out.z[layout.segments * block..][..dim], dim)?;
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
