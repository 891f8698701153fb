//! Adagrad: steps divided by the root of the sum of all squared gradients.

use crate::Method;
use crate::first_order::{self, Coordinates, Form, Plain, PlainRule, Rule};

pub(crate) const METHOD: Method = Method {
    id: "adagrad",
    summary: "Descent scaled by the sum of all squared gradients, to compare with.",
    source: "Duchi, Hazan and Singer 2011; likely_geometry at commit 397ebf3: adagrad of jax.example_libraries.optimizers; torch.optim",
    build: first_order::build::<Plain<Adagrad>>,
};

/// Share of the past in the momentum of the form of JAX.
const MOMENTUM: f64 = 0.9;
/// Keeps steps finite where the gradient vanishes, in the form of PyTorch.
const EPSILON: f64 = 1e-10;

/// `G <- G + g^2`, `m <- 0.9 m + 0.1 g / sqrt(G)`, `z <- z - rate m`, where a coordinate that never had a gradient stays. The form
/// of PyTorch has no momentum: `z <- z - rate g / (sqrt(G) + 1e-10)`.
#[derive(Debug, Clone)]
struct Adagrad {
    rate: f64,
    form: Form,
}

impl PlainRule for Adagrad {
    fn new(rate: f64, form: Form) -> Self {
        Self { rate, form }
    }
}

impl Rule for Adagrad {
    fn update(&mut self, at: Coordinates<'_>) {
        let rate = self.rate;
        match self.form {
            Form::Jax => at.each(|z, g, m, sum| {
                *sum += g * g;
                let scaled = if *sum > 0.0 { g / sum.sqrt() } else { 0.0 };
                *m = MOMENTUM * *m + (1.0 - MOMENTUM) * scaled;
                z - rate * *m
            }),
            Form::Torch => at.each(|z, g, _, sum| {
                *sum += g * g;
                z - rate * g / (sum.sqrt() + EPSILON)
            }),
        }
    }
}
