//! Why a checked spec cannot be run.

use crate::{DataError, Place, PointError, SpecError};
use likely_models::{BuildError, DATA_ABSENT};

/// Why a checked spec cannot be run: what is wrong, where, and what would be right.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The configuration of a model is wrong.
    #[error(transparent)]
    Spec(Box<SpecError>),
    /// A data set cannot be read.
    #[error("{place}: dataset `{label}`: {source}")]
    Data {
        /// Where the spec names it.
        place: Place,
        /// Label of the data set.
        label: String,
        /// Why.
        source: Box<DataError>,
    },
    /// A file or folder that the spec names cannot be read.
    #[error("{place}: {whose}: {source}")]
    File {
        /// Where the spec names it.
        place: Place,
        /// Whose it is: a model, the images, the feature network.
        whose: String,
        /// Why.
        source: Box<DataError>,
    },
    /// The images that the spec names cannot be read.
    #[error("{place}: the images: {reason}")]
    Images {
        /// Where the spec names them.
        place: Place,
        /// What is wrong with which file.
        reason: String,
    },
    /// The feature network that the spec names cannot be built.
    #[error("{place}: the feature network: {reason}")]
    Features {
        /// Where the spec names it.
        place: Place,
        /// What is wrong.
        reason: String,
    },
    /// A model cannot be built.
    #[error("{place}: model `{label}`: {source}")]
    Model {
        /// Where the spec names it.
        place: Place,
        /// Label of the model.
        label: String,
        /// Why.
        source: Box<BuildError>,
    },
    /// A pair has another number of coordinates than a model.
    #[error(
        "{place}: pair `{pair}` has {found} coordinates where the model `{model}` has {expected}; they must agree"
    )]
    Dimension {
        /// Where the pair is listed, or the draw stands.
        place: Place,
        /// Name of the pair.
        pair: String,
        /// Its coordinates.
        found: usize,
        /// Label of the model.
        model: String,
        /// Coordinates of the model.
        expected: usize,
    },
    /// An end point has no coordinates.
    #[error("{place}: pair `{pair}`: {source}")]
    PairPoint {
        /// Where the pair is listed.
        place: Place,
        /// Name of the pair.
        pair: String,
        /// Why.
        source: Box<PointError>,
    },
    /// A model and the geometry that it stands on have different numbers of coordinates.
    #[error(
        "{place}: the geometry `{geometry}` has {found} coordinates where the model `{model}` has {expected}; they must agree"
    )]
    GeometryDimension {
        /// Where the model names the geometry.
        place: Place,
        /// Label of the geometry.
        geometry: String,
        /// Its coordinates.
        found: usize,
        /// Label of the model.
        model: String,
        /// Coordinates of the model.
        expected: usize,
    },
    /// Pairs are to be drawn from the data of a model that has none.
    #[error(
        "{place}: model `{model}` has no data to draw pairs from; name a data set here: `dataset = \"...\"`"
    )]
    NoDataset {
        /// Where the draw stands.
        place: Place,
        /// Label of the model.
        model: String,
    },
    /// All points of a data set are the same, so no pair can be drawn.
    #[error("{place}: pairs cannot be drawn from `{dataset}`: it has no two different points")]
    NoDistinctPoints {
        /// Where the draw stands.
        place: Place,
        /// Label of the data set.
        dataset: String,
    },
    /// A curve would not fit in memory.
    #[error(
        "{place}: a curve of {segments} segments in {dim} dimensions (model `{model}`) has more than {most} numbers; \
         use fewer segments"
    )]
    CurveTooLarge {
        /// Where the segments stand.
        place: Place,
        /// Segments.
        segments: usize,
        /// Coordinates.
        dim: usize,
        /// Label of the model.
        model: String,
        /// Most numbers of a curve.
        most: usize,
    },
    /// The end points would not fit in memory.
    #[error(
        "{place}: {pairs} pairs in {dim} dimensions (model `{model}`) have more than {most} numbers; draw fewer"
    )]
    PairsTooLarge {
        /// Where the draw stands.
        place: Place,
        /// Pairs.
        pairs: usize,
        /// Coordinates.
        dim: usize,
        /// Label of the model.
        model: String,
        /// Most numbers of all pairs.
        most: usize,
    },
    /// More cells than anyone means.
    #[error(
        "{place}: {cells} cells; at most {most} are run, so use fewer methods, weights, pairs or repetitions"
    )]
    TooManyCells {
        /// The spec.
        place: Place,
        /// Cells.
        cells: u64,
        /// Most cells.
        most: u64,
    },
    /// The density of a figure could not be evaluated.
    #[error("the density of `{model}` cannot be drawn: {source}")]
    Field {
        /// Label of the model.
        model: String,
        /// Why.
        source: likely_core::EvalError,
    },
}

impl PlanError {
    pub(super) fn file(place: Place, whose: impl Into<String>, source: DataError) -> Self {
        Self::File { place, whose: whose.into(), source: Box::new(source) }
    }

    /// Whether nothing is wrong but that a file which the spec names is not there: data or weights that the user brings.
    pub fn is_data_absent(&self) -> bool {
        match self {
            Self::Data { source, .. } | Self::File { source, .. } => {
                matches!(**source, DataError::Absent { .. })
            }
            // A file of the hub: the configuration of a model is read by serde, whose errors carry text alone.
            Self::Spec(error) => {
                matches!(&**error, SpecError::WrongValue { reason, .. } if reason.starts_with(DATA_ABSENT))
            }
            _ => false,
        }
    }
}

impl From<SpecError> for PlanError {
    fn from(error: SpecError) -> Self {
        Self::Spec(Box::new(error))
    }
}
