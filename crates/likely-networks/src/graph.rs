//! The networks of this crate on candle's graph, for training.

use crate::activation::NORMAL_PEAK;
use crate::operand::Operand;
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

    /// `f'(z)` on candle's graph, which has derivatives of its own.
    ///
    /// # Errors
    /// What candle says.
    pub fn graph_slope(self, z: &Tensor) -> candle_core::Result<Tensor> {
        match self {
            Self::Relu => z.gt(0.0)?.to_dtype(z.dtype()),
            Self::Tanh => z.tanh()?.sqr()?.affine(-1.0, 1.0),
            // exp(min(z, 0)).
            Self::Elu => (z - z.relu()?)?.exp(),
            Self::Silu => {
                let s = candle_nn::ops::sigmoid(z)?;
                let rest = s.affine(-1.0, 1.0)?;
                &s * (z.mul(&rest)? + 1.0)?
            }
            Self::Gelu => {
                let below = (z * std::f64::consts::FRAC_1_SQRT_2)?.erf()?.affine(0.5, 0.5)?;
                below + z.mul(&(z.sqr()? * -0.5)?.exp()?.affine(NORMAL_PEAK, 0.0)?)?
            }
            Self::Sigmoid => {
                let s = candle_nn::ops::sigmoid(z)?;
                &s - s.sqr()?
            }
            Self::Softplus => candle_nn::ops::sigmoid(z),
        }
    }
}

/// `x W^T + b` on candle's graph, `x` of shape `(batch, inputs)`, with the tensors `<name>.weight` and `<name>.bias`.
///
/// # Errors
/// What `tensor` or candle says.
pub fn linear<'a, X: Operand, E: From<candle_core::Error>>(
    x: &X,
    name: &str,
    tensor: impl Fn(&str) -> Result<&'a Tensor, E>,
) -> Result<X, E> {
    let weight = tensor(&format!("{name}.weight"))?.t()?;
    let bias = tensor(&format!("{name}.bias"))?;
    Ok(x.mapped(|x| x.matmul(&weight))?.plus(bias)?)
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
