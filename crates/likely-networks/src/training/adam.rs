//! Adam and `AdamW` with the semantics of `PyTorch`, and clipping of the gradient by its norm.

use super::{Optimiser, Settings};

/// The running means that Adam keeps of each parameter.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Moments {
    /// Of the gradient.
    pub(super) first: Vec<f32>,
    /// Of its square.
    pub(super) second: Vec<f32>,
}

impl Moments {
    pub(super) fn new(count: usize) -> Self {
        Self { first: vec![0.0; count], second: vec![0.0; count] }
    }

    /// One step, counted from 1: `theta -= rate * m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + epsilon)`.
    ///
    /// Elements are `f32` and so are the factors, once they were computed in `f64`.
    ///
    /// # Source
    /// `torch/optim/adam.py` and `adamw.py` (version 2), `_single_tensor_adam`, without `amsgrad`.
    pub(super) fn update(
        &mut self,
        values: &mut [f32],
        gradient: &[f32],
        settings: &Settings,
        rate: f64,
        step: u64,
    ) {
        let [beta1, beta2] = settings.betas;
        let (mut shrink, mut decay) = (1.0_f32, 0.0_f32);
        match settings.optimiser {
            Optimiser::Adam => decay = settings.weight_decay as f32,
            Optimiser::Adamw => shrink = (1.0 - rate * settings.weight_decay) as f32,
        }
        let left = |beta: f64| 1.0 - libm::pow(beta, step as f64);
        let step_size = (rate / left(beta1)) as f32;
        let root = left(beta2).sqrt() as f32;
        let (gain1, beta2, gain2) = ((1.0 - beta1) as f32, beta2 as f32, (1.0 - beta2) as f32);
        let epsilon = settings.epsilon as f32;
        let moments = self.first.iter_mut().zip(&mut self.second);
        for ((value, &gradient), (first, second)) in values.iter_mut().zip(gradient).zip(moments) {
            *value *= shrink;
            let gradient = gradient + decay * *value;
            *first += gain1 * (gradient - *first);
            *second = beta2 * *second + gain2 * gradient * gradient;
            *value -= step_size * *first / (second.sqrt() / root + epsilon);
        }
    }
}

/// Euclidean norm of a gradient, added up in `f64` in the order of the elements.
pub(super) fn norm(gradient: &[f32]) -> f64 {
    // Eight sums next to each other, so that the additions need not wait for one another.
    let mut sums = [0.0_f64; 8];
    let blocks = gradient.chunks_exact(8);
    let rest: f64 = blocks.remainder().iter().map(|&g| f64::from(g) * f64::from(g)).sum();
    for block in blocks {
        for (sum, &g) in sums.iter_mut().zip(block) {
            *sum += f64::from(g) * f64::from(g);
        }
    }
    (sums.iter().sum::<f64>() + rest).sqrt()
}

/// Shortens a gradient whose norm is above `limit`.
///
/// # Source
/// `torch.nn.utils.clip_grad_norm_`, with its 1e-6 in the denominator.
pub(super) fn clip(gradient: &mut [f32], norm: f64, limit: f64) {
    let factor = limit / (norm + 1e-6);
    if factor < 1.0 {
        for g in gradient {
            *g *= factor as f32;
        }
    }
}
