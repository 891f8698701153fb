//! Gradient descent with a fixed rate.

use crate::Method;
use crate::first_order::{self, Coordinates, Form, Plain, PlainRule, Rule};

pub(crate) const METHOD: Method = Method {
    id: "sgd",
    summary: "Gradient descent at a fixed rate, to compare with.",
    source: "likely_geometry at commit 397ebf3: sgd of jax.example_libraries.optimizers and of torch.optim",
    build: first_order::build::<Plain<Descent>>,
};

/// `z <- z - rate g`; the two released forms differ in their stop alone.
#[derive(Debug, Clone)]
struct Descent {
    rate: f64,
}

impl PlainRule for Descent {
    fn new(rate: f64, _: Form) -> Self {
        Self { rate }
    }
}

impl Rule for Descent {
    fn update(&mut self, at: Coordinates<'_>) {
        let rate = self.rate;
        at.each(|z, g, _, _| z - rate * g);
    }
}
