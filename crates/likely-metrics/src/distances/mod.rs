//! Distances between sets of images by the features that a network sees in them.
//!
//! [`compare`] takes two [`FeatureSet`]s and answers with [`Distances`], numbers with what makes them comparable: images on both
//! sides, network, weights and resize kernel. Files are those of PyTorch programs: `.npy` features, and `.npz` statistics of
//! pytorch-fid and clean-fid.

mod compare;
mod files;
mod frechet;
mod kernel;
mod left_out;
mod linear;
mod neighbours;
mod set;
mod source;
mod statistics;

pub use compare::{Comparison, Distance, DistanceError, Distances, SetMetric, Side, compare};
pub use files::{FeatureFileError, write_statistics};
pub use frechet::{FrechetDistance, Route, frechet_distance};
pub use kernel::{KernelDistance, Precision, kernel_distance, kernel_distance_of_subset};
pub use left_out::errors_over_groups;
pub use neighbours::{DensityCoverage, PrecisionRecall, density_coverage, precision_recall};
pub use set::FeatureSet;
pub use source::{FeatureSource, SourceError};
pub use statistics::{FeatureStatistics, StatisticsAccumulator, StatisticsError};
