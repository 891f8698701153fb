//! Networks of planes as sequences of layers.

use super::convolution::{Convolution, Footprint};
use super::depthwise::Depthwise;
use super::{Planes, pooling};

/// A layer of a network.
#[derive(Debug, Clone)]
pub enum Layer {
    /// A convolution with bias and activation.
    Convolution(Convolution),
    /// One that keeps channels apart.
    Depthwise(Depthwise),
    /// The maximum over the pixels under a kernel; the padding counts as nothing.
    MaximumPool(Footprint),
    /// The mean over the pixels under a kernel; the padding is not counted.
    AveragePool(Footprint),
    /// Sequences that take the same image, and whose channels are put one after the other.
    Branches(Vec<Vec<Layer>>),
    /// A sequence whose result is added to what it took.
    Residual(Vec<Layer>),
}

impl Layer {
    /// The image after the layer.
    ///
    /// # Panics
    /// Where the image has other channels than a convolution takes.
    pub fn apply(&self, x: &Planes) -> Planes {
        match self {
            Self::Convolution(convolution) => convolution.apply(x),
            Self::Depthwise(convolution) => convolution.apply(x),
            Self::MaximumPool(footprint) => pooling::maximum(x, *footprint),
            Self::AveragePool(footprint) => pooling::average(x, *footprint),
            Self::Branches(branches) => {
                let parts: Vec<_> = branches.iter().map(|branch| in_turn(branch, x)).collect();
                Planes::together(&parts.iter().collect::<Vec<_>>())
            }
            Self::Residual(layers) => {
                let mut y = in_turn(layers, x);
                y.add(x);
                y
            }
        }
    }
}

/// The image after some layers; `x` itself where there are none.
fn in_turn(layers: &[Layer], x: &Planes) -> Planes {
    match layers {
        [] => x.clone(),
        [first, rest @ ..] => run(rest, first.apply(x)),
    }
}

/// The image after some layers.
///
/// # Panics
/// As [`Layer::apply`].
pub fn run(layers: &[Layer], x: Planes) -> Planes {
    layers.iter().fold(x, |x, layer| layer.apply(&x))
}
