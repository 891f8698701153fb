//! Other sizes of pictures, as the programs do it whose numbers are compared.
//!
//! What a feature network sees depends on how pictures were brought to its size, so each way has a name that stands beside
//! numbers.

mod eight;
mod float;
mod kernel;
mod two_point;

use crate::{ImageSet, ImagesError};
use kernel::{Filter, Kernel};
use likely_core::ImageShape;
use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;
use two_point::Places;

/// The longest side of a picture that is made.
const LONGEST_SIDE: usize = 1 << 14;

/// A way to bring pictures to another size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resize(Way);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// A filter that widens when pictures shrink, rounded to 256 levels after either pass.
    Pillow(Filter),
    /// The same, in single precision.
    PillowFloat(Filter),
    /// A straight line between two neighbours a side, whatever the sizes.
    TwoPoint(Places),
}

/// Every way with its id and one sentence, sorted by id.
const WAYS: &[(&str, Way, &str)] = &[
    (
        "pillow-bicubic",
        Way::Pillow(Filter::Bicubic),
        "Pillow's bicubic filter (a = -1/2), antialiased, in 256 levels.",
    ),
    (
        "pillow-bilinear",
        Way::Pillow(Filter::Bilinear),
        "Pillow's triangle filter, antialiased, in 256 levels.",
    ),
    ("pillow-box", Way::Pillow(Filter::Box), "Pillow's mean over the pixels below, in 256 levels."),
    (
        "pillow-float-bicubic",
        Way::PillowFloat(Filter::Bicubic),
        "Pillow's bicubic filter in mode F, as clean-fid uses it; values may leave [0, 1].",
    ),
    ("pillow-float-bilinear", Way::PillowFloat(Filter::Bilinear), "Pillow's triangle filter in mode F."),
    ("pillow-float-box", Way::PillowFloat(Filter::Box), "Pillow's mean over the pixels below in mode F."),
    (
        "pillow-float-lanczos",
        Way::PillowFloat(Filter::Lanczos),
        "Pillow's Lanczos filter in mode F; values may leave [0, 1].",
    ),
    ("pillow-lanczos", Way::Pillow(Filter::Lanczos), "Pillow's Lanczos filter, antialiased, in 256 levels."),
    (
        "tensorflow1-bilinear",
        Way::TwoPoint(Places::UpperLeft),
        "Between two neighbours from the upper left corner on, not antialiased, as in TensorFlow 1 and torch-fidelity.",
    ),
    (
        "torch-bilinear",
        Way::TwoPoint(Places::Centres),
        "Between two neighbours by pixel centres (align_corners=False), not antialiased, as in pytorch-fid.",
    ),
];

impl Resize {
    /// Every way, sorted by id.
    pub fn all() -> impl Iterator<Item = Self> {
        WAYS.iter().map(|(_, way, _)| Self(*way))
    }

    /// The way with the given id.
    pub fn find(id: &str) -> Option<Self> {
        WAYS.iter().find(|(known, ..)| *known == id).map(|(_, way, _)| Self(*way))
    }

    fn entry(self) -> &'static (&'static str, Way, &'static str) {
        WAYS.iter().find(|(_, way, _)| *way == self.0).expect("every way is in the table")
    }

    /// The kebab-case name that specs and reports use.
    pub fn id(self) -> &'static str {
        self.entry().0
    }

    /// One sentence.
    pub fn summary(self) -> &'static str {
        self.entry().2
    }

    /// Whether results are rounded to 256 levels.
    pub fn is_rounded(self) -> bool {
        matches!(self.0, Way::Pillow(_))
    }

    /// Pictures of 256 levels brought to `height` and `width`, with their labels.
    ///
    /// # Errors
    /// [`ImagesError::Set`] where the way does not round to levels (see [`Self::rows`]) or the size is 0 or beyond 16384.
    ///
    /// # Source
    /// Pillow 13, `src/libImaging/Resample.c`: the filter's weights times 2²² rounded to integers, first along rows, then
    /// along columns, each sum rounded and cut to `0..=255`; a pass that changes nothing is left out.
    pub fn pictures(self, set: &ImageSet, height: usize, width: usize) -> Result<ImageSet, ImagesError> {
        let Way::Pillow(filter) = self.0 else {
            return Err(ImagesError::set(format!(
                "{} makes numbers between levels; pictures of 256 levels need one of the ways `pillow-box`, \
                 `pillow-bilinear`, `pillow-bicubic`, `pillow-lanczos`",
                self.id()
            )));
        };
        let from = set.shape();
        let to = resized(from, height, width)?;
        let kernels = Kernels::new(filter, from, to);
        let mut pixels = zeros(set.count(), to)?;
        pixels
            .par_chunks_mut(height * width)
            .zip(set.pixels().par_chunks(from.height * from.width))
            .for_each(|(out, plane)| out.copy_from_slice(&eight::plane(plane, from.width, &kernels)));
        let resized = ImageSet::new(to, pixels)?;
        match set.labels() {
            Some(labels) => resized.with_labels(labels.to_vec()),
            None => Ok(resized),
        }
    }

    /// Pictures as rows of shape `(count, shape.len())` in `[0, 1]` brought to `height` and `width`, with their new shape.
    ///
    /// A way that rounds first rounds the numbers to the nearest of 256 levels, as writing a picture file would.
    ///
    /// # Errors
    /// [`ImagesError::Set`] where rows have another length, a number is not in `[0, 1]`, or the size is 0 or beyond 16384.
    pub fn rows(
        self,
        rows: ArrayView2<'_, f64>,
        shape: ImageShape,
        height: usize,
        width: usize,
    ) -> Result<(Array2<f64>, ImageShape), ImagesError> {
        let to = resized(shape, height, width)?;
        if self.is_rounded() {
            let set = ImageSet::from_rows(rows, shape)?;
            return Ok((self.pictures(&set, height, width)?.rows(), to));
        }
        crate::set::check_rows(rows, shape)?;
        let rows = rows.as_standard_layout();
        let values = rows.as_slice().expect("the standard layout is one slice");
        let mut resized = zeros(rows.nrows(), to)?;
        let planes =
            resized.par_chunks_mut(height * width).zip(values.par_chunks(shape.height * shape.width));
        match self.0 {
            Way::Pillow(filter) | Way::PillowFloat(filter) => {
                let kernels = Kernels::new(filter, shape, to);
                planes.for_each(|(out, plane)| float::plane(plane, shape.width, &kernels, out));
            }
            Way::TwoPoint(places) => {
                planes.for_each(|(out, plane)| two_point::plane(plane, shape, places, out, to));
            }
        }
        let resized = Array2::from_shape_vec((rows.nrows(), to.len()), resized)
            .expect("it was allocated for whole pictures");
        Ok((resized, to))
    }
}

/// The kernels of both passes; `None` where the pass changes nothing.
struct Kernels {
    along_rows: Option<Kernel>,
    along_columns: Option<Kernel>,
}

impl Kernels {
    fn new(filter: Filter, from: ImageShape, to: ImageShape) -> Self {
        let kernel = |from, to| (from != to).then(|| Kernel::new(filter, from, to));
        Self { along_rows: kernel(from.width, to.width), along_columns: kernel(from.height, to.height) }
    }
}

/// The shape of resized pictures.
fn resized(from: ImageShape, height: usize, width: usize) -> Result<ImageShape, ImagesError> {
    let allowed = 1..=LONGEST_SIDE;
    if from.is_empty() {
        return Err(ImagesError::set(format!("a picture of shape {from} has no pixel to resize")));
    }
    if allowed.contains(&height) && allowed.contains(&width) {
        Ok(ImageShape { channels: from.channels, height, width })
    } else {
        Err(ImagesError::set(format!(
            "a picture cannot be made {height} x {width}; either side must be from 1 to {LONGEST_SIDE}"
        )))
    }
}

/// Room for `count` pictures.
fn zeros<T: Clone + Default>(count: usize, shape: ImageShape) -> Result<Vec<T>, ImagesError> {
    let too_many = || ImagesError::set(format!("{count} pictures of shape {shape} do not fit into memory"));
    let length = count.checked_mul(shape.len()).ok_or_else(too_many)?;
    let mut values = Vec::new();
    values.try_reserve_exact(length).map_err(|_| too_many())?;
    values.resize(length, T::default());
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_each_way_is_found_by_its_id() {
        assert!(WAYS.iter().map(|(id, ..)| id).is_sorted());
        assert_eq!(Resize::all().filter(|way| Resize::find(way.id()) == Some(*way)).count(), WAYS.len());
    }
}
