//! The features of a set of images, or what is left of them in statistics.

use super::{FeatureSource, FeatureStatistics, StatisticsError};
use ndarray::{Array2, ArrayView2};
use std::sync::OnceLock;

/// The features of a set of images with their source; of some sets only mean and covariance are known.
///
/// Statistics are computed when something asks for them first, and kept: a set of real images that is compared with many others
/// pays once.
#[derive(Debug, Clone)]
pub struct FeatureSet {
    source: FeatureSource,
    dim: usize,
    rows: Option<Array2<f64>>,
    statistics: OnceLock<FeatureStatistics>,
}

impl FeatureSet {
    /// From features of shape `(images, dim)`.
    ///
    /// # Errors
    /// [`StatisticsError`] where there is no feature, one image only, or a feature that is not finite.
    pub fn new(rows: Array2<f64>, source: FeatureSource) -> Result<Self, StatisticsError> {
        let (count, dim) = rows.dim();
        if count == 0 || dim == 0 {
            return Err(StatisticsError::Empty { rows: count, dim });
        }
        if count == 1 {
            return Err(StatisticsError::OneImage);
        }
        if let Some(((row, column), &value)) = rows.indexed_iter().find(|(_, value)| !value.is_finite()) {
            return Err(StatisticsError::NotFinite { row, column, value });
        }
        let rows = Some(rows.as_standard_layout().into_owned());
        Ok(Self { source, dim, rows, statistics: OnceLock::new() })
    }

    /// From statistics alone: enough for the Fréchet distance and for nothing else.
    pub fn from_statistics(statistics: FeatureStatistics, source: FeatureSource) -> Self {
        Self { source, dim: statistics.dim(), rows: None, statistics: OnceLock::from(statistics) }
    }

    /// Where the features come from.
    pub fn source(&self) -> &FeatureSource {
        &self.source
    }

    /// The same features, said to come from elsewhere.
    #[must_use]
    pub fn with_source(self, source: FeatureSource) -> Self {
        Self { source, ..self }
    }

    /// Images, where it is known.
    pub fn count(&self) -> Option<u64> {
        match (&self.rows, self.statistics.get()) {
            (Some(rows), _) => Some(rows.nrows() as u64),
            (None, statistics) => statistics.and_then(FeatureStatistics::count),
        }
    }

    /// Features of an image.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// The features, shape `(images, dim)`, where they are known.
    pub fn rows(&self) -> Option<ArrayView2<'_, f64>> {
        self.rows.as_ref().map(|rows| rows.view())
    }

    /// The features row by row.
    pub(super) fn row_slice(&self) -> Option<&[f64]> {
        self.rows
            .as_ref()
            .map(|rows| rows.as_slice().expect("the constructor stores rows one after the other"))
    }

    /// Mean and covariance.
    ///
    /// # Errors
    /// [`StatisticsError::Overflow`] where the features are so large that their products overflow.
    pub fn statistics(&self) -> Result<&FeatureStatistics, StatisticsError> {
        if let Some(known) = self.statistics.get() {
            return Ok(known);
        }
        let rows = self.rows.as_ref().expect("a set without statistics has rows");
        let computed = FeatureStatistics::of(rows.view())?;
        Ok(self.statistics.get_or_init(|| computed))
    }
}
