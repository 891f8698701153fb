//! Mean and covariance of features, in one pass and in double precision.

use super::linear;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2};

/// Rows that are gathered before they go into the covariance: enough that the update is bound by arithmetic.
const BLOCK: usize = 512;

/// Largest difference between `sigma[i, j]` and `sigma[j, i]`, in units of the largest entry, that is rounding of a file.
const ASYMMETRY: f64 = 1e-6;

/// Why there are no statistics.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum StatisticsError {
    /// There is no feature.
    #[error("there are no features: {rows} images of {dim} features each")]
    Empty {
        /// Images.
        rows: usize,
        /// Features of each.
        dim: usize,
    },
    /// There is one image only.
    #[error("there is one image; a covariance needs at least two")]
    OneImage,
    /// A row, mean or covariance does not have the expected number of features.
    #[error("expected {expected} features, found {found}")]
    Width {
        /// Features expected.
        expected: usize,
        /// Features found.
        found: usize,
    },
    /// A feature is NaN or infinite.
    #[error("row {row}, column {column} is {value}; every feature must be finite")]
    NotFinite {
        /// Row, counted from 0.
        row: usize,
        /// Column, counted from 0.
        column: usize,
        /// What stands there.
        value: f64,
    },
    /// Features are so large that their products overflow.
    #[error("the features are so large that their covariance overflows; scale them down")]
    Overflow,
    /// A covariance that is not symmetric.
    #[error("the covariance is not symmetric: [{row}, {column}] is {value}, [{column}, {row}] is {mirrored}")]
    Asymmetric {
        /// Row.
        row: usize,
        /// Column.
        column: usize,
        /// The entry.
        value: f64,
        /// Its mirror image.
        mirrored: f64,
    },
    /// A covariance beyond what the variances allow.
    #[error(
        "the covariance has {value} at [{row}, {column}], and the two variances allow at most {most}: it is no covariance of anything"
    )]
    Impossible {
        /// Row.
        row: usize,
        /// Column.
        column: usize,
        /// The covariance.
        value: f64,
        /// The root of the product of the variances.
        most: f64,
    },
    /// A covariance with a variance below zero.
    #[error("the covariance has the variance {value} at [{column}, {column}]; variances are not negative")]
    NegativeVariance {
        /// Row and column.
        column: usize,
        /// The variance.
        value: f64,
    },
}

/// Mean and covariance of the features of a set of images.
///
/// The covariance is `sum_i (x_i - mean)(x_i - mean)^T / (n - 1)`, as of `numpy.cov`.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureStatistics {
    count: Option<u64>,
    mean: Array1<f64>,
    covariance: Array2<f64>,
}

impl FeatureStatistics {
    /// Of features of shape `(images, dim)`.
    ///
    /// # Errors
    /// [`StatisticsError`] for fewer than two images, no feature, or one that is not finite.
    pub fn of(features: ArrayView2<'_, f64>) -> Result<Self, StatisticsError> {
        let mut accumulator = StatisticsAccumulator::new(features.ncols())?;
        accumulator.push(features)?;
        accumulator.finish()
    }

    /// From a mean of shape `(dim)` and a covariance of shape `(dim, dim)`; the count is not known of many files.
    ///
    /// # Errors
    /// [`StatisticsError`] where shapes do not fit, a number is not finite, or the covariance is not symmetric or has a negative
    /// variance. That it is not indefinite is checked where it is factorised.
    pub fn from_parts(
        mean: Array1<f64>,
        mut covariance: Array2<f64>,
        count: Option<u64>,
    ) -> Result<Self, StatisticsError> {
        let dim = mean.len();
        if dim == 0 {
            return Err(StatisticsError::Empty { rows: 0, dim });
        }
        if let Some(&found) = covariance.shape().iter().find(|&&length| length != dim) {
            return Err(StatisticsError::Width { expected: dim, found });
        }
        if count.is_some_and(|count| count < 2) {
            return Err(StatisticsError::OneImage);
        }
        if let Some((column, &value)) = mean.indexed_iter().find(|(_, value)| !value.is_finite()) {
            return Err(StatisticsError::NotFinite { row: 0, column, value });
        }
        if let Some(((row, column), &value)) = covariance.indexed_iter().find(|(_, value)| !value.is_finite())
        {
            return Err(StatisticsError::NotFinite { row, column, value });
        }
        if let Some((column, &value)) = covariance.diag().indexed_iter().find(|(_, value)| **value < 0.0) {
            return Err(StatisticsError::NegativeVariance { column, value });
        }
        let largest = covariance.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
        for row in 0..dim {
            for column in 0..row {
                let (value, mirrored) = (covariance[(row, column)], covariance[(column, row)]);
                if (value - mirrored).abs() > ASYMMETRY * largest {
                    return Err(StatisticsError::Asymmetric { row, column, value, mirrored });
                }
                let middle = 0.5 * value + 0.5 * mirrored;
                let most = (covariance[(row, row)] * covariance[(column, column)]).sqrt();
                if middle.abs() > most + ASYMMETRY * largest {
                    return Err(StatisticsError::Impossible { row, column, value: middle, most });
                }
                (covariance[(row, column)], covariance[(column, row)]) = (middle, middle);
            }
        }
        Ok(Self { count, mean, covariance: covariance.as_standard_layout().into_owned() })
    }

    /// Images, where it is known.
    pub fn count(&self) -> Option<u64> {
        self.count
    }

    /// Features of an image.
    pub fn dim(&self) -> usize {
        self.mean.len()
    }

    /// The mean, shape `(dim)`.
    pub fn mean(&self) -> ArrayView1<'_, f64> {
        self.mean.view()
    }

    /// The covariance, shape `(dim, dim)`, symmetric.
    pub fn covariance(&self) -> ArrayView2<'_, f64> {
        self.covariance.view()
    }

    /// The covariance row by row.
    pub(super) fn covariance_rows(&self) -> &[f64] {
        self.covariance.as_slice().expect("the constructors store rows one after the other")
    }
}

/// Gathers mean and covariance from features that come in pieces.
///
/// Rows are gathered in blocks of a fixed size, whatever the pieces: the same rows in the same order give the same bytes. A block
/// of `b` rows with mean `m` goes into the state of `n` rows with mean `mean` as `sum (x - m)(x - m)^T` and
/// `n b / (n + b) (m - mean)(m - mean)^T`.
///
/// # Source
/// Chan, Golub, `LeVeque` (1983), "Algorithms for computing the sample variance", eq. 2.1 for vectors.
#[derive(Debug, Clone)]
pub struct StatisticsAccumulator {
    dim: usize,
    /// Rows in the state below; those in the block are not.
    count: u64,
    mean: Vec<f64>,
    /// The sum of centred products in the upper triangle.
    upper: Vec<f64>,
    block: Vec<f64>,
}

impl StatisticsAccumulator {
    /// For features of length `dim`.
    ///
    /// # Errors
    /// [`StatisticsError::Empty`] for a length of zero.
    pub fn new(dim: usize) -> Result<Self, StatisticsError> {
        if dim == 0 {
            return Err(StatisticsError::Empty { rows: 0, dim });
        }
        // One row more than a block, for the step from the mean so far to that of the block.
        let block = Vec::with_capacity((BLOCK + 1) * dim);
        Ok(Self { dim, count: 0, mean: vec![0.0; dim], upper: vec![0.0; dim * dim], block })
    }

    /// Images so far.
    pub fn count(&self) -> u64 {
        self.count + (self.block.len() / self.dim) as u64
    }

    /// Adds features of shape `(images, dim)`.
    ///
    /// # Errors
    /// [`StatisticsError`] for another length, and for a feature that is not finite.
    pub fn push(&mut self, features: ArrayView2<'_, f64>) -> Result<(), StatisticsError> {
        if features.ncols() != self.dim {
            return Err(StatisticsError::Width { expected: self.dim, found: features.ncols() });
        }
        for row in features.rows() {
            match row.to_slice() {
                Some(row) => self.push_row(row)?,
                None => self.push_row(&row.to_vec())?,
            }
        }
        Ok(())
    }

    /// Adds one image by its features, which are as many as they should be.
    pub(super) fn push_row(&mut self, features: &[f64]) -> Result<(), StatisticsError> {
        debug_assert_eq!(features.len(), self.dim);
        if let Some(column) = features.iter().position(|x| !x.is_finite()) {
            let row = self.count() as usize;
            return Err(StatisticsError::NotFinite { row, column, value: features[column] });
        }
        self.block.extend_from_slice(features);
        if self.block.len() == BLOCK * self.dim {
            self.flush();
        }
        Ok(())
    }

    /// Moves the block into the state.
    fn flush(&mut self) {
        let dim = self.dim;
        let rows = self.block.len() / dim;
        if rows == 0 {
            return;
        }
        let mut mean = vec![0.0; dim];
        for row in self.block.chunks_exact(dim) {
            mean.iter_mut().zip(row).for_each(|(mean, x)| *mean += x);
        }
        for mean in &mut mean {
            *mean /= rows as f64;
        }
        for row in self.block.chunks_exact_mut(dim) {
            row.iter_mut().zip(&mean).for_each(|(x, mean)| *x -= mean);
        }
        self.absorb(rows as u64, &mean);
        linear::add_gram(&self.block, dim, &mut self.upper);
        self.block.clear();
    }

    /// Moves the mean to that of `rows` more rows with the mean `mean`, and adds the row to the block whose square the sum of
    /// centred products grows by.
    fn absorb(&mut self, rows: u64, mean: &[f64]) {
        let (before, added) = (self.count as f64, rows as f64);
        let total = before + added;
        if self.count > 0 {
            let weight = (before * added / total).sqrt();
            self.block.extend(mean.iter().zip(&self.mean).map(|(new, old)| weight * (new - old)));
        }
        let share = added / total;
        self.mean.iter_mut().zip(mean).for_each(|(old, new)| *old += share * (new - *old));
        self.count += rows;
    }

    /// Adds all rows of another accumulator, as if they had come after the own ones; equal to that up to rounding.
    ///
    /// # Errors
    /// [`StatisticsError::Width`] where the lengths differ.
    pub fn merge(&mut self, mut other: Self) -> Result<(), StatisticsError> {
        if other.dim != self.dim {
            return Err(StatisticsError::Width { expected: self.dim, found: other.dim });
        }
        self.flush();
        other.flush();
        if other.count > 0 {
            self.absorb(other.count, &other.mean);
            linear::add_gram(&self.block, self.dim, &mut self.upper);
            self.block.clear();
            self.upper.iter_mut().zip(&other.upper).for_each(|(own, other)| *own += other);
        }
        Ok(())
    }

    /// The statistics of all rows.
    ///
    /// # Errors
    /// [`StatisticsError`] for fewer than two rows, and for features so large that their products overflow.
    pub fn finish(mut self) -> Result<FeatureStatistics, StatisticsError> {
        self.flush();
        let dim = self.dim;
        match self.count {
            0 => return Err(StatisticsError::Empty { rows: 0, dim }),
            1 => return Err(StatisticsError::OneImage),
            _ => {}
        }
        let divisor = (self.count - 1) as f64;
        let mut covariance =
            Array2::from_shape_vec((dim, dim), self.upper).expect("the state has dim times dim numbers");
        for row in 0..dim {
            for column in row..dim {
                let value = covariance[(row, column)] / divisor;
                (covariance[(row, column)], covariance[(column, row)]) = (value, value);
            }
        }
        if !covariance.iter().chain(&self.mean).all(|value| value.is_finite()) {
            return Err(StatisticsError::Overflow);
        }
        Ok(FeatureStatistics { count: Some(self.count), mean: self.mean.into(), covariance })
    }
}
