//! `RMSprop`: steps divided by the root of the mean squared gradient.

use crate::Method;
use crate::curved::Quadrature;
use crate::first_order::{self, Coordinates, Form, Gradient, Optimiser, Rate, Rule, Settings};
use crate::line_search::Share;
use crate::solver::{Iterations, PenaltyWeight, Start, Tolerance};
use crate::weight::Weight;
use serde::{Deserialize, Serialize};

pub(crate) const METHOD: Method = Method {
    id: "rmsprop",
    summary: "Descent scaled by the mean squared gradient, with or without momentum, to compare with.",
    source: "Tieleman and Hinton 2012; likely_geometry at commit 397ebf3: rmsprop and rmsprop_momentum of jax.example_libraries.optimizers, RMSprop of torch.optim",
    build: first_order::build::<RmsProp>,
};

/// Keeps steps finite where the gradient vanishes.
const EPSILON: f64 = 1e-8;

/// `r <- 0.9 r + 0.1 g^2`, `m <- momentum m + g / sqrt(r + 1e-8)`, `z <- z - rate m`. The form of PyTorch has 0.99 and 0.01, and
/// divides by `sqrt(r) + 1e-8`.
///
/// The published `rmsprop_momentum` has momentum 0.9. Steps have the length of the rate however small the gradient is, so the
/// method ends in a cycle about a minimum and not in it; with momentum it can leave the chart.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct RmsProp {
    weight: Weight,
    rate: Rate,
    momentum: Share,
    gradient: Gradient,
    form: Form,
    start: Start,
    tolerance: Tolerance,
    max_iterations: Iterations,
    quadrature: Quadrature,
    penalty: PenaltyWeight,
}

impl Default for RmsProp {
    fn default() -> Self {
        Self {
            weight: Weight::default(),
            rate: Rate::default(),
            momentum: Share(0.0),
            gradient: Gradient::default(),
            form: Form::default(),
            start: Start::Linear,
            tolerance: Tolerance::default(),
            max_iterations: Iterations::default(),
            quadrature: Quadrature::default(),
            penalty: PenaltyWeight::default(),
        }
    }
}

impl Optimiser for RmsProp {
    type Rule = Scaled;

    fn settings(&self) -> Settings {
        Settings {
            weight: self.weight,
            gradient: self.gradient,
            form: self.form,
            start: self.start,
            tolerance: self.tolerance,
            max_iterations: self.max_iterations,
            quadrature: self.quadrature,
            penalty: self.penalty,
        }
    }

    fn at_weight(&self, weight: Weight) -> Self {
        Self { weight, ..self.clone() }
    }

    fn rule(&self) -> Scaled {
        Scaled { rate: self.rate.get(), momentum: self.momentum.0, form: self.form }
    }
}

struct Scaled {
    rate: f64,
    momentum: f64,
    form: Form,
}

impl Rule for Scaled {
    fn update(&mut self, at: Coordinates<'_>) {
        let (rate, momentum) = (self.rate, self.momentum);
        match self.form {
            Form::Jax => at.each(|z, g, m, r| {
                *r = 0.9 * *r + 0.1 * (g * g);
                *m = momentum * *m + g / (*r + EPSILON).sqrt();
                z - rate * *m
            }),
            Form::Torch => at.each(|z, g, m, r| {
                *r = 0.99 * *r + 0.01 * (g * g);
                *m = momentum * *m + g / (r.sqrt() + EPSILON);
                z - rate * *m
            }),
        }
    }
}
