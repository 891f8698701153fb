//! Adamax: Adam with the largest gradient in place of the mean square.

use crate::Method;
use crate::first_order::{self, Coordinates, Form, Plain, PlainRule, Rule};

pub(crate) const METHOD: Method = Method {
    id: "adamax",
    summary: "Adam scaled by the largest recent gradient, to compare with.",
    source: "Kingma and Ba 2015; likely_geometry at commit 397ebf3: adamax of jax.example_libraries.optimizers; torch.optim",
    build: first_order::build::<Plain<Adamax>>,
};

/// Share of the past in the mean of the gradient.
const BETA1: f64 = 0.9;
/// What is left of the largest gradient after an update.
const BETA2: f64 = 0.999;
/// Keeps steps finite where the gradient vanishes.
const EPSILON: f64 = 1e-8;

/// `m <- 0.9 m + 0.1 g`, `u <- max(0.999 u, |g|)`, `z <- z - rate m' / (u + 1e-8)`, with `m'` corrected for having started at
/// zero. In the form of PyTorch `u <- max(0.999 u, |g| + 1e-8)` and the step is divided by `u`.
#[derive(Debug, Clone)]
struct Adamax {
    rate: f64,
    power: f64,
    /// Added to a gradient, and to the divisor.
    epsilons: [f64; 2],
}

impl PlainRule for Adamax {
    fn new(rate: f64, form: Form) -> Self {
        let epsilons = match form {
            Form::Jax => [0.0, EPSILON],
            Form::Torch => [EPSILON, 0.0],
        };
        Self { rate, power: 1.0, epsilons }
    }
}

impl Rule for Adamax {
    fn update(&mut self, at: Coordinates<'_>) {
        self.power *= BETA1;
        let rate = self.rate / (1.0 - self.power);
        let [inner, outer] = self.epsilons;
        at.each(|z, g, m, u| {
            *m = BETA1 * *m + (1.0 - BETA1) * g;
            *u = (BETA2 * *u).max(g.abs() + inner);
            z - rate * *m / (*u + outer)
        });
    }
}
