//! Initial weights of a linear layer.

use crate::Dense;
use crate::training::Parameter;
use likely_core::Seed;
use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// The tensors of [`Dense::expected`], uniform between `-1/sqrt(inputs)` and `1/sqrt(inputs)`, each drawn from a stream of
/// its own: `seed.stream(&[("training", "initial"), ("parameter", name)])`.
///
/// # Source
/// `torch.nn.Linear.reset_parameters`: `kaiming_uniform_` with `a = sqrt(5)` has the bound `sqrt(6 / ((1 + a^2) inputs))`.
pub fn parameters(name: &str, inputs: usize, outputs: usize, seed: Seed) -> [Parameter; 2] {
    Dense::expected(name, inputs, outputs).map(|tensor| {
        let count = tensor.shape.iter().product();
        let mut stream = seed.stream(&[("training", "initial"), ("parameter", &tensor.name)]);
        let initial = uniform(inputs, count, &mut stream);
        Parameter { name: tensor.name, shape: tensor.shape, initial }
    })
}

/// `count` numbers that are uniform between `-1/sqrt(inputs)` and `1/sqrt(inputs)`: a weight or a bias of `nn.Linear`.
pub fn uniform(inputs: usize, count: usize, stream: &mut ChaCha8Rng) -> Vec<f32> {
    let bound = 1.0 / (inputs.max(1) as f64).sqrt();
    (0..count).map(|_| (bound * (2.0 * stream.random::<f64>() - 1.0)) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_have_the_moments_of_the_uniform_distribution() {
        let [weight, bias] = parameters("layers.0", 16, 4000, Seed::new(4)).map(|tensor| tensor.initial);
        assert_eq!((weight.len(), bias.len()), (64_000, 4000));
        assert!(weight.iter().chain(&bias).all(|w| w.abs() <= 0.25));
        let n = weight.len() as f64;
        let mean = weight.iter().map(|w| f64::from(*w)).sum::<f64>() / n;
        let variance = weight.iter().map(|w| f64::from(*w).powi(2)).sum::<f64>() / n;
        let exact = 0.0625 / 3.0;
        // Four standard errors; the fourth moment is 9/5 of the squared variance.
        assert!(mean.abs() < 4.0 * (exact / n).sqrt(), "{mean}");
        assert!((variance - exact).abs() < 4.0 * exact * (0.8 / n).sqrt(), "{variance}");
    }
}
