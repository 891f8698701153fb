//! Adam with weight decay.

use crate::Method;
use crate::adam::Adam;
use crate::curved::Quadrature;
use crate::first_order::{self, Form, Gradient, Optimiser, Rate, Settings};
use crate::solver::{Iterations, PenaltyWeight, Start, Tolerance};
use crate::weight::Weight;
use serde::{Deserialize, Serialize};

pub(crate) const METHOD: Method = Method {
    id: "adamw",
    summary: "Adam that also shrinks the points themselves towards the origin, to compare with.",
    source: "Loshchilov and Hutter 2019; likely_geometry at commit 397ebf3: torch_optimers.py with AdamW of torch.optim",
    build: first_order::build::<AdamW>,
};

/// How much each update takes off the points, times the rate: finite and not negative.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64")]
struct Decay(f64);

impl TryFrom<f64> for Decay {
    type Error = String;

    fn try_from(value: f64) -> Result<Self, String> {
        if value.is_finite() && value >= 0.0 {
            Ok(Self(value))
        } else {
            Err(format!("decay is {value}; it must be finite and not negative"))
        }
    }
}

/// `z <- (1 - rate decay) z`, and then as `adam`; the form is that of PyTorch.
///
/// The decay is meant for the weights of networks. Here the coordinates of the curve are what shrinks, so where the origin lies
/// matters and the result is not a minimiser: as released.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct AdamW {
    weight: Weight,
    rate: Rate,
    decay: Decay,
    gradient: Gradient,
    start: Start,
    tolerance: Tolerance,
    max_iterations: Iterations,
    quadrature: Quadrature,
    penalty: PenaltyWeight,
}

impl Default for AdamW {
    fn default() -> Self {
        Self {
            weight: Weight::default(),
            rate: Rate::default(),
            decay: Decay(0.01),
            gradient: Gradient::default(),
            start: Start::Linear,
            tolerance: Tolerance::default(),
            max_iterations: Iterations::default(),
            quadrature: Quadrature::default(),
            penalty: PenaltyWeight::default(),
        }
    }
}

impl Optimiser for AdamW {
    type Rule = Adam;

    fn settings(&self) -> Settings {
        Settings {
            weight: self.weight,
            gradient: self.gradient,
            form: Form::Torch,
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

    fn rule(&self) -> Adam {
        Adam::decaying(self.rate.get(), self.decay.0)
    }
}
