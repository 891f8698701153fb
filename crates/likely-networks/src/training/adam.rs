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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    const GOLDEN: &str = include_str!("../../tests/golden/optimiser-steps.json");

    /// All numbers below a value, in their order.
    fn numbers(value: &Value) -> Vec<f64> {
        match value {
            Value::Array(items) => items.iter().flat_map(numbers).collect(),
            value => vec![value.as_f64().unwrap()],
        }
    }

    fn narrowed(value: &Value) -> Vec<f32> {
        numbers(value).into_iter().map(|x| x as f32).collect()
    }

    fn settings(case: &Value) -> Settings {
        let text = format!(
            "seed = 0\nbatch = 1\nsteps = 1\noptimiser = {}\nlearning-rate = {}\nweight-decay = {}\nbetas = {}\nepsilon = {}",
            case["optimiser"],
            case["learning_rate"],
            case["weight_decay"],
            case["betas"],
            case["epsilon"].as_f64().unwrap()
        );
        toml::from_str(&text).unwrap()
    }

    /// The golden steps are in float64, so eight steps in f32 may differ by a few roundings of numbers below four.
    #[test]
    fn steps_are_those_of_torch() {
        let golden: Value = serde_json::from_str(GOLDEN).unwrap();
        let cases = golden["cases"].as_array().unwrap();
        let mut ran = 0;
        for case in cases {
            let settings = settings(case);
            let mut values = narrowed(&case["start"]);
            let mut moments = Moments::new(values.len());
            for (step, wanted) in (1..).zip(case["steps"].as_array().unwrap()) {
                let mut gradient = narrowed(&wanted["grads"]);
                if let Some(limit) = case["clip"].as_f64() {
                    let length = norm(&gradient);
                    let known = wanted["norm"].as_f64().unwrap();
                    assert!((length - known).abs() <= 1e-12 * known.max(1.0), "{length} {known}");
                    clip(&mut gradient, length, limit);
                }
                moments.update(&mut values, &gradient, &settings, settings.learning_rate, step);
                for (value, wanted) in values.iter().zip(numbers(&wanted["parameters"])) {
                    assert!(
                        (f64::from(*value) - wanted).abs() < 1.5e-6,
                        "step {step}: {value} {wanted} {case}"
                    );
                }
                ran += 1;
            }
        }
        assert_eq!((cases.len(), ran), (8, 64));
    }

    #[test]
    fn the_norm_is_that_of_all_elements() {
        let gradient: Vec<f32> = (1..=19_u8).map(f32::from).collect();
        assert!(
            (norm(&gradient) - 2470.0_f64.sqrt()).abs() < 1e-12,
            "the sum of the first 19 squares is 2470"
        );
        assert!(norm(&[1.0, f32::NAN]).is_nan());
        assert!(norm(&[f32::MAX, f32::MAX]).is_finite(), "squares of f32 do not overflow");
    }
}
