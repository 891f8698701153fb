//! Generative models, one file each, and the table of them.
//!
//! To add one: a file with a constant of type [`Model`], and two lines here (`mod` and the entry in [`ALL`]).

mod autoregressive;
mod autoregressive_training;
mod chi_square_norm;
mod circle;
mod constant;
mod diffusion_2d;
mod energy_network;
mod energy_network_training;
mod finite_set;
mod gaussian_average;
mod gaussian_sum;
mod gmm;
mod images;
mod kde;
mod learned;
mod noisy_sine;
mod normalizing_flow;
mod normalizing_flow_training;
mod npy;
mod numbers;
mod pictures;
mod quadratic;
mod radial_curvature;
mod samples;
pub mod sphere;
mod strip;
mod table;
mod trainable;
mod two_moons;
mod vae;
mod weights_file;

pub use autoregressive::Autoregressive;
pub use chi_square_norm::ChiSquareNorm;
pub use circle::Circle;
pub use constant::Constant;
pub use diffusion_2d::{Denoiser, FlowLikelihood};
pub use energy_network::EnergyNetwork;
pub use gmm::{Covariances, Mixture, MixtureError};
pub use images::{
    Architecture, BuildFeatures, Classifier, FEATURES, Features, ImageDiffusion, ImageGan, ImageGaussian,
    ImageGaussianError, ImageScoreSde, ImageVae, NoiseCurve, NoiseSchedule, Sde, UNet, feature_network,
};
pub use kde::{Bandwidth, KernelDensity, KernelDensityError};
pub use likely_networks::{
    DeviceError, DeviceName, OpenDevice, StoredWeights, Weights, built_for_cuda, gpus, training,
};
pub use noisy_sine::{First, NoisySine};
pub use normalizing_flow::NormalizingFlow;
pub use quadratic::{Quadratic, QuadraticError};
pub use strip::{Strip, StripForm};
pub use table::{BuildError, Built, Config, DATA_ABSENT, Model, Resources};
pub use trainable::{BuildData, BuildObjective, DATA, Data, Resolved, TRAINABLE, Trainable};
pub use two_moons::TwoMoons;
pub use vae::Vae;

/// Every model, sorted by id.
pub const ALL: &[Model] = &[
    autoregressive::MODEL,
    chi_square_norm::MODEL,
    circle::MODEL,
    constant::MODEL,
    diffusion_2d::MODEL,
    energy_network::MODEL,
    finite_set::MODEL,
    gaussian_average::MODEL,
    gmm::MODEL,
    images::diffusion::MODEL,
    images::gan::MODEL,
    images::gaussian::MODEL,
    images::score_sde::MODEL,
    images::vae::MODEL,
    kde::MODEL,
    noisy_sine::MODEL,
    normalizing_flow::MODEL,
    quadratic::MODEL,
    sphere::diffusion::MODEL,
    strip::MODEL,
    two_moons::MODEL,
    vae::MODEL,
    sphere::von_mises_fisher::MODEL,
];

/// The model with the given id.
pub fn find(id: &str) -> Option<&'static Model> {
    ALL.iter().find(|model| model.id == id)
}
