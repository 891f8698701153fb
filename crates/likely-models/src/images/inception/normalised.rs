//! Convolutions with batch normalisation as convolutions with bias.

use likely_networks::planes::{Activation, Convolution, Footprint};
use likely_networks::{Expected, Problems, WeightTensor, Weights};

/// What is added to variances.
const EPSILON: f64 = 1e-3;

/// The tensors of one convolution with its normalisation.
pub(super) fn expected_of(
    name: &str,
    outputs: usize,
    inputs: usize,
    [height, width]: [usize; 2],
) -> Vec<Expected> {
    let mut tensors = vec![Expected::new(format!("{name}.conv.weight"), &[outputs, inputs, height, width])];
    let statistics = ["weight", "bias", "running_mean", "running_var"];
    tensors.extend(statistics.map(|what| Expected::new(format!("{name}.bn.{what}"), &[outputs])));
    tensors
}

/// `relu(g (w * x - m) / sqrt(v + 1e-3) + b)` with weight `w`, mean `m`, variance `v`, scale `g` and shift `b` as one convolution with
/// bias.
///
/// # Source
/// `torch.nn.BatchNorm2d` in evaluation, with the `eps` of `torchvision.models.inception.BasicConv2d`.
pub(super) fn normalised(
    weights: &Weights,
    name: &str,
    footprint: Footprint,
) -> Result<Convolution, Problems> {
    let tensor = |what: &str| weights.get(&format!("{name}.{what}")).map(WeightTensor::widened);
    let variances = tensor("bn.running_var")?;
    if let Some((channel, variance)) = variances.iter().enumerate().find(|(_, variance)| **variance < 0.0) {
        return Err(Problems(vec![format!(
            "`{name}.bn.running_var` has the variance {variance} at channel {channel}; variances are not negative"
        )]));
    }
    let weight = weights.get(&format!("{name}.conv.weight"))?;
    let scales: Vec<f64> = tensor("bn.weight")?
        .iter()
        .zip(&variances)
        .map(|(scale, variance)| scale / (variance + EPSILON).sqrt())
        .collect();
    let shifted = tensor("bn.bias")?.into_iter().zip(tensor("bn.running_mean")?).zip(&scales);
    let bias = shifted.map(|((shift, mean), scale)| (shift - scale * mean) as f32).collect();
    let taps = weight.values().len() / scales.len();
    let values = weight.values().chunks_exact(taps).zip(&scales);
    let values = values.flat_map(|(row, scale)| row.iter().map(move |w| (f64::from(*w) * scale) as f32));
    let mut folded = Weights::new();
    folded.insert(name, weight.shape(), values.collect())?;
    Convolution::new(folded.get(name)?, bias, footprint, Activation::Relu)
}
