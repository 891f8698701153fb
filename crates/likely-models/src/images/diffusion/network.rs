//! The network of a diffusion as its device takes it.

use super::DIM;
use crate::images::unet::{PlanesUNet, Shifts, UNet};
use likely_core::EvalError;
use likely_networks::candle::{DType, Result as CandleResult, Tensor};
use likely_networks::candle_room::GraphError;
use ndarray::ArrayView2;

/// What tells the noise in images, in single precision.
#[derive(Debug, Clone)]
pub(super) enum Network {
    /// Image by image, on the processor.
    Single(Box<PlanesUNet>),
    /// Many images together, on a GPU.
    Together(UNet),
}

impl Network {
    /// What steps add to the channels, for a network that is told so.
    pub(super) fn shifts(&self, steps: impl Iterator<Item = usize>) -> Vec<Shifts> {
        match self {
            Self::Single(network) => steps.map(|step| network.shifts(step as f64)).collect(),
            Self::Together(_) => Vec::new(),
        }
    }

    /// The noise in images of as many numbers as there are pixels, one after another, each at a step of its own.
    pub(super) fn noise(&self, images: &[f64], steps: &[usize]) -> Result<Vec<f64>, EvalError> {
        match self {
            Self::Single(network) => {
                let mut found = Vec::with_capacity(images.len());
                for (image, step) in images.chunks_exact(DIM).zip(steps) {
                    let noise = network.noise(image, &network.shifts(*step as f64))?;
                    found.extend(noise.values().iter().copied().map(f64::from));
                }
                Ok(found)
            }
            Self::Together(network) => {
                let steps: Vec<f64> = steps.iter().map(|step| *step as f64).collect();
                let rows = ArrayView2::from_shape((steps.len(), DIM), images)
                    .map_err(|_| EvalError::Dimension { expected: steps.len() * DIM, found: images.len() })?;
                let noise = || -> CandleResult<Vec<f64>> {
                    let noise = network.noise_between(&network.tensor(rows)?, &steps)?;
                    noise.to_dtype(DType::F64)?.flatten_all()?.to_vec1()
                };
                Ok(noise().map_err(GraphError::from)?)
            }
        }
    }
}

/// The noise in images in double precision by a network in single precision, all at the same step.
pub(super) fn noise_together(network: &UNet, images: &Tensor, step: usize) -> CandleResult<Tensor> {
    network.noise(&images.to_dtype(network.dtype())?, step)?.to_dtype(DType::F64)
}
