//! Two images as the end points of a curve in the space of a model.

use likely_core::{Ends, EndsError, EvalError, ImageSpace};
use ndarray::{Array2, ArrayView2};
use std::num::NonZeroUsize;

/// The points of two images, with the images as data where points of the space are noised ones.
#[derive(Debug)]
pub struct ImageEnds<'a> {
    points: ArrayView2<'a, f64>,
    signals: Option<Array2<f64>>,
}

impl<'a> ImageEnds<'a> {
    /// From two images, shape `(2, numbers of an image)`, and their points, shape `(2, dim)`.
    ///
    /// # Errors
    /// [`EvalError`] where there are not two, or the space has no data of the images.
    pub fn new(
        space: &dyn ImageSpace,
        images: ArrayView2<'_, f64>,
        points: ArrayView2<'a, f64>,
    ) -> Result<Self, EvalError> {
        if [images.nrows(), points.nrows()] != [2, 2] {
            let reason = format!("{} images and {} points are no two ends", images.nrows(), points.nrows());
            return Err(EvalError::Model { reason });
        }
        Ok(Self { points, signals: space.signals(images)? })
    }

    /// The end points of a curve with so many segments.
    ///
    /// # Errors
    /// [`EndsError`] where the points cannot be joined.
    pub fn over(&self, segments: NonZeroUsize) -> Result<Ends<'_>, EndsError> {
        let ends = Ends::new(self.points.row(0), self.points.row(1), segments)?;
        match &self.signals {
            Some(signals) => ends.with_data(signals.row(0), signals.row(1)),
            None => Ok(ends),
        }
    }
}
