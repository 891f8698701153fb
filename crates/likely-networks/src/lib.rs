//! Neural networks: weights files, evaluation by hand at full speed, and candle for training.
//!
//! The only crate that knows candle. Networks are trained in `f32` on candle's graph and evaluated in `f64` by formulas
//! over [`likely_core::Number`], which give exact derivatives of every order that a geometry asks for.

mod activation;
mod batch;
pub mod candle_room;
mod dense;
mod device;
pub mod graph;
pub mod images;
pub mod initial;
mod mlp;
mod operand;
pub mod planes;
mod repeating;
pub mod training;
mod weights;

pub use activation::Activation;
pub use batch::Batch;
pub use candle_core as candle;
pub use candle_nn;
pub use dense::Dense;
pub use device::{DeviceError, DeviceName, OpenDevice, built_for_cuda, gpus};
pub use mlp::{Mlp, MlpShape};
pub use operand::{Operand, Tangent};
pub use weights::{Expected, Problems, StoredWeights, WeightTensor, Weights, WeightsError};
