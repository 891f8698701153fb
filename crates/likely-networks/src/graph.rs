//! The networks of this crate on candle's graph, for training.

use crate::training::Parameter;
use crate::{Activation, MlpShape, initial};
use candle_core::Tensor;
use likely_core::Seed;

impl Activation {
    /// `f(z)` on candle's graph.
    ///
    /// # Errors
    /// What candle says.
    pub fn graph(self, z: &Tensor) -> candle_core::Result<Tensor> {
        match self {
            Self::Relu => z.relu(),
            Self::Tanh => z.tanh(),
            Self::Elu => z.elu(1.0),
            Self::Silu => z.silu(),
            // The derivative of candle's own is right to seven digits only.
            Self::Gelu => ((z * std::f64::consts::FRAC_1_SQRT_2)?.erf()?.affine(0.5, 0.5)?).mul(z),
            Self::Sigmoid => candle_nn::ops::sigmoid(z),
            Self::Softplus => z.relu()?.add(&z.abs()?.neg()?.exp()?.affine(1.0, 1.0)?.log()?),
        }
    }
}

/// `x W^T + b` on candle's graph, `x` of shape `(batch, inputs)`, with the tensors `<name>.weight` and `<name>.bias`.
///
/// # Errors
/// What `tensor` or candle says.
pub fn linear<'a, E: From<candle_core::Error>>(
    x: &Tensor,
    name: &str,
    tensor: impl Fn(&str) -> Result<&'a Tensor, E>,
) -> Result<Tensor, E> {
    let weight = tensor(&format!("{name}.weight"))?;
    let bias = tensor(&format!("{name}.bias"))?;
    Ok(x.matmul(&weight.t()?)?.broadcast_add(bias)?)
}

impl MlpShape {
    /// The network on candle's graph, `x` of shape `(batch, inputs)`; `tensor` finds a tensor by its name.
    ///
    /// # Errors
    /// What `tensor` or candle says.
    pub fn graph<'a, E: From<candle_core::Error>>(
        &self,
        x: &Tensor,
        prefix: &str,
        tensor: impl Fn(&str) -> Result<&'a Tensor, E>,
    ) -> Result<Tensor, E> {
        let mut x = x.clone();
        for (layer, (name, ..)) in self.layers(prefix).enumerate() {
            if layer > 0 {
                x = self.activation().graph(&x)?;
            }
            x = linear(&x, &name, &tensor)?;
        }
        Ok(x)
    }

    /// The tensors of [`MlpShape::expected`] with initial values, each drawn from a stream of its own.
    pub fn initial(&self, prefix: &str, seed: Seed) -> Vec<Parameter> {
        self.layers(prefix)
            .flat_map(|(name, inputs, outputs)| initial::parameters(&name, inputs, outputs, seed))
            .collect()
    }
}
