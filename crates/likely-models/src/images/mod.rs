//! Models of images, and networks that see features in them.

pub(crate) mod classifier;
mod constants;
mod decoder;
pub(crate) mod diffusion;
mod features;
pub(crate) mod gan;
pub(crate) mod gaussian;
pub(crate) mod inception;
pub(crate) mod mobilenet_v2;
pub(crate) mod pixels;
mod prior;
mod protocol;
mod score_only;
pub(crate) mod score_sde;
mod unet;
pub(crate) mod vae;

pub use classifier::Classifier;
pub use diffusion::{ImageDiffusion, NoiseCurve, NoiseSchedule};
pub use features::{BuildFeatures, FEATURES, Features, feature_network};
pub use gan::ImageGan;
pub use gaussian::{ImageGaussian, ImageGaussianError};
pub use score_sde::{ImageScoreSde, Sde};
pub use unet::UNet;
pub use vae::{Architecture, ImageVae};
