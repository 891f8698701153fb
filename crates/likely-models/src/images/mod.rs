//! Models of images, and networks that see features in them.

pub(crate) mod classifier;
mod constants;
pub(crate) mod diffusion;
mod features;
pub(crate) mod gaussian;
pub(crate) mod inception;
pub(crate) mod mobilenet_v2;
mod prior;
mod protocol;
pub(crate) mod vae;

pub use classifier::Classifier;
pub use diffusion::{ImageDiffusion, NoiseCurve, NoiseSchedule, UNet};
pub use features::{BuildFeatures, FEATURES, Features, feature_network};
pub use gaussian::{ImageGaussian, ImageGaussianError};
pub use vae::{Architecture, ImageVae};
