//! Pictures from files as rows of numbers: formats, sizes, and grids of pictures.
//!
//! A set of pictures of one shape is an [`ImageSet`]; its rows are what [`likely_core::ImageSpace`] and
//! [`likely_core::FeatureNetwork`] take.

mod error;
mod gzip;
mod idx;
mod resize;
mod set;

pub use error::ImagesError;
pub use idx::read_idx;
pub use resize::Resize;
pub use set::ImageSet;
