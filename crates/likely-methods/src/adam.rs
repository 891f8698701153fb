//! Adam.

use crate::Method;
use crate::first_order::{self, Coordinates, Form, Plain, PlainRule, Rule};

pub(crate) const METHOD: Method = Method {
    id: "adam",
    summary: "Adam with its usual constants, to compare with.",
    source: "Kingma and Ba 2015; likely_geometry at commit 397ebf3: adam of jax.example_libraries.optimizers and of torch.optim",
    build: first_order::build::<Plain<Adam>>,
};

/// Share of the past in the mean of the gradient.
const BETA1: f64 = 0.9;
/// Share of the past in the mean of its square.
const BETA2: f64 = 0.999;
/// Keeps steps finite where the gradient vanishes.
const EPSILON: f64 = 1e-8;

/// `m <- 0.9 m + 0.1 g`, `v <- 0.999 v + 0.001 g^2`, `z <- decay z - rate m' / (sqrt(v') + 1e-8)`, with `m'` and `v'` corrected
/// for having started at zero, and `decay = 1`; the two released forms differ in their stop alone.
#[derive(Debug, Clone)]
pub(crate) struct Adam {
    rate: f64,
    /// What an update leaves of a coordinate.
    kept: f64,
    power1: f64,
    power2: f64,
}

impl Adam {
    /// With every coordinate multiplied by `1 - rate decay` first.
    pub(crate) fn decaying(rate: f64, decay: f64) -> Self {
        Self { rate, kept: 1.0 - rate * decay, power1: 1.0, power2: 1.0 }
    }
}

impl PlainRule for Adam {
    fn new(rate: f64, _: Form) -> Self {
        Self::decaying(rate, 0.0)
    }
}

impl Rule for Adam {
    fn update(&mut self, at: Coordinates<'_>) {
        self.power1 *= BETA1;
        self.power2 *= BETA2;
        let kept = self.kept;
        let rate = self.rate / (1.0 - self.power1);
        let correction = 1.0 / (1.0 - self.power2);
        at.each(|z, g, m, v| {
            *m = BETA1 * *m + (1.0 - BETA1) * g;
            *v = BETA2 * *v + (1.0 - BETA2) * (g * g);
            kept * z - rate * *m / ((correction * *v).sqrt() + EPSILON)
        });
    }
}
