//! Pictures of one shape, with or without labels.

use crate::ImagesError;
use likely_core::ImageShape;
use ndarray::{Array2, ArrayView2};

/// Pictures of one shape with 256 levels a number, and perhaps a label for each.
///
/// Numbers of a picture stand channel by channel, each from its upper row down, as in [`ImageShape`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageSet {
    shape: ImageShape,
    pixels: Vec<u8>,
    labels: Option<Vec<u8>>,
}

impl ImageSet {
    /// Pictures one after the other, each of `shape.len()` numbers, without labels.
    ///
    /// # Errors
    /// [`ImagesError::Set`] where the shape is empty or the numbers are not a multiple of a picture.
    pub fn new(shape: ImageShape, pixels: Vec<u8>) -> Result<Self, ImagesError> {
        let length = [shape.channels, shape.height, shape.width]
            .into_iter()
            .try_fold(1_usize, usize::checked_mul)
            .filter(|length| *length > 0);
        let Some(length) = length else {
            return Err(ImagesError::set(format!("pictures of shape {shape} have no pixels or too many")));
        };
        if !pixels.len().is_multiple_of(length) {
            return Err(ImagesError::set(format!(
                "{} numbers are not a whole number of pictures of shape {shape}, which have {length} each",
                pixels.len()
            )));
        }
        Ok(Self { shape, pixels, labels: None })
    }

    /// The same pictures with a label for each.
    ///
    /// # Errors
    /// [`ImagesError::Set`] where there are more or fewer labels than pictures.
    pub fn with_labels(self, labels: Vec<u8>) -> Result<Self, ImagesError> {
        if labels.len() != self.count() {
            return Err(ImagesError::set(format!(
                "there are {} labels for {} pictures; each needs one",
                labels.len(),
                self.count()
            )));
        }
        Ok(Self { labels: Some(labels), ..self })
    }

    /// Rows of shape `(count, shape.len())` in `[0, 1]`, each number brought to the nearest of 256 levels.
    ///
    /// # Errors
    /// [`ImagesError::Set`] where rows have another length or a number is not in `[0, 1]`.
    pub fn from_rows(rows: ArrayView2<'_, f64>, shape: ImageShape) -> Result<Self, ImagesError> {
        check_rows(rows, shape)?;
        Self::new(shape, rows.iter().map(|value| (value * 255.0).round() as u8).collect())
    }

    /// How many pictures.
    pub fn count(&self) -> usize {
        self.pixels.len() / self.shape.len()
    }

    /// The shape of all of them.
    pub fn shape(&self) -> ImageShape {
        self.shape
    }

    /// The numbers of all pictures, one picture after the other.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// The numbers of each picture.
    pub fn pictures(&self) -> std::slice::ChunksExact<'_, u8> {
        self.pixels.chunks_exact(self.shape.len())
    }

    /// The label of each picture, where there are labels.
    pub fn labels(&self) -> Option<&[u8]> {
        self.labels.as_deref()
    }

    /// All pictures as rows in `[0, 1]`, shape `(count, shape.len())`: a level divided by 255.
    pub fn rows(&self) -> Array2<f64> {
        let levels = levels();
        let values = self.pixels.iter().map(|&pixel| levels[usize::from(pixel)]).collect();
        Array2::from_shape_vec((self.count(), self.shape.len()), values)
            .expect("the constructor has checked that the numbers are whole pictures")
    }

    /// The pictures at `indices`, in that order, perhaps some several times, with their labels.
    ///
    /// # Errors
    /// [`ImagesError::Set`] where there is no picture at an index.
    pub fn select(&self, indices: &[usize]) -> Result<Self, ImagesError> {
        let (count, length) = (self.count(), self.shape.len());
        if let Some(index) = indices.iter().find(|index| **index >= count) {
            return Err(ImagesError::set(format!(
                "there is no picture {index}; there are {count}, counted from 0"
            )));
        }
        let pixels =
            indices.iter().flat_map(|i| &self.pixels[i * length..(i + 1) * length]).copied().collect();
        let labels = self.labels.as_ref().map(|labels| indices.iter().map(|i| labels[*i]).collect());
        Ok(Self { shape: self.shape, pixels, labels })
    }

    /// Where the pictures with a label stand; nothing where there are no labels.
    pub fn indices_of(&self, label: u8) -> Vec<usize> {
        let labels = self.labels.iter().flatten().enumerate();
        labels.filter(|(_, found)| **found == label).map(|(index, _)| index).collect()
    }
}

/// Rows must have the length of a picture and numbers in `[0, 1]`.
pub(crate) fn check_rows(rows: ArrayView2<'_, f64>, shape: ImageShape) -> Result<(), ImagesError> {
    if rows.ncols() != shape.len() {
        return Err(ImagesError::set(format!(
            "rows of {} numbers are no pictures of shape {shape}, which have {}",
            rows.ncols(),
            shape.len()
        )));
    }
    match rows.indexed_iter().find(|(_, value)| !(0.0..=1.0).contains(*value)) {
        Some(((row, column), value)) => Err(ImagesError::set(format!(
            "picture {row} has {value} at place {column}; numbers of pictures are in [0, 1]"
        ))),
        None => Ok(()),
    }
}

/// The number in `[0, 1]` of each level.
pub(crate) fn levels() -> [f64; 256] {
    std::array::from_fn(|level| level as f64 / 255.0)
}
