//! Pictures from files as rows of numbers: formats, sizes, and grids of pictures.
//!
//! [`open`] reads a file or folder of any format. A set of pictures of one shape is an [`ImageSet`]; its rows are what
//! [`likely_core::ImageSpace`] and [`likely_core::FeatureNetwork`] take.

mod error;
mod folder;
mod grid;
mod gzip;
mod hub_table;
mod idx;
mod npy;
mod picture;
mod resize;
mod set;
mod source;

pub use error::ImagesError;
pub use folder::picture_files;
pub use grid::{Grid, encode_png, write_png};
pub use idx::read_idx;
pub use resize::Resize;
pub use set::ImageSet;
pub use source::{Part, Reading, Size, open};
