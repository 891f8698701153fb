//! What happens to images before a feature network sees them, which is part of every number.

use likely_core::{EvalError, ImageShape};
use likely_images::{ImageSet, ImagesError, Resize};
use likely_networks::planes::Planes;
use ndarray::{Array2, ArrayView1, ArrayView2};
use rayon::prelude::*;

/// Rounding to 256 levels as picture files hold them, a resize, and a scale.
#[derive(Debug, Clone, Copy)]
pub(super) struct Protocol {
    /// Id of a way to resize.
    pub(super) resize: &'static str,
    /// Pixels of a side of the square that the network takes.
    pub(super) side: usize,
    pub(super) scale: Scale,
}

/// What is done to numbers in `[0, 1]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scale {
    /// Nothing.
    AsIs,
    /// `2 x - 1`.
    PlusMinusOne,
    /// `(255 x - 128) / 128`.
    Around128,
}

impl Scale {
    /// In `[0, 1]`, which the sums of a bicubic resize may leave.
    fn of(self, x: f64) -> f32 {
        let x = x.clamp(0.0, 1.0);
        (match self {
            Self::AsIs => x,
            Self::PlusMinusOne => 2.0 * x - 1.0,
            Self::Around128 => (255.0 * x - 128.0) / 128.0,
        }) as f32
    }
}

impl Protocol {
    /// Features of each image: the means over the places of what `network` makes of it, shape `(batch, dim)`.
    ///
    /// `network` answers with nothing where a number is not finite.
    pub(super) fn features(
        &self,
        images: ArrayView2<'_, f64>,
        shape: ImageShape,
        dim: usize,
        network: impl Fn(Planes) -> Option<Planes> + Sync,
    ) -> Result<Array2<f64>, EvalError> {
        if ![1, 3].contains(&shape.channels) {
            let reason =
                format!("feature networks see grey or coloured pictures, not those of shape {shape}");
            return Err(EvalError::Model { reason });
        }
        let pictures = ImageSet::from_rows(images, shape).map_err(refused)?;
        let way = Resize::find(self.resize).expect("the table of feature networks names ways to resize");
        let of_image = |row: usize| -> Result<Vec<f64>, EvalError> {
            let picture = pictures.select(&[row]).map_err(refused)?.rows();
            let (resized, _) = way.rows(picture.view(), shape, self.side, self.side).map_err(refused)?;
            // A grey picture has the same numbers in all three channels.
            let colours = resized.iter().cycle().take(3 * self.side * self.side);
            let x = Planes::from_numbers(colours.map(|x| self.scale.of(*x)), [3, self.side, self.side]);
            let y = network(x).ok_or_else(|| EvalError::Model {
                reason: format!("image {row}: numbers inside the network are not finite; are its weights those of a trained one?"),
            })?;
            Ok(y.means().collect())
        };
        let rows: Vec<_> = (0..images.nrows()).into_par_iter().map(of_image).collect();
        let mut features = Array2::zeros((rows.len(), dim));
        for (mut features, row) in features.rows_mut().into_iter().zip(rows) {
            features.assign(&ArrayView1::from(&row?));
        }
        Ok(features)
    }
}

fn refused(error: ImagesError) -> EvalError {
    EvalError::Model { reason: error.to_string() }
}
