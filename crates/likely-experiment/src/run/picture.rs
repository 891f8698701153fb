//! The pictures of a study as files.

use likely_record::{PictureFile, PictureRecord};
use likely_studies::Picture;

/// The file of a picture: a number in `[0, 1]` becomes the nearest of 256 levels.
///
/// # Errors
/// What is wrong, in words: a row that does not fit, a number that is not finite, an id that cannot name a file.
pub(super) fn picture_file(picture: &Picture) -> Result<PictureFile, String> {
    let (shape, columns) = (picture.shape, picture.columns.len());
    let wrong = |reason: String| format!("the picture `{}`: {reason}", picture.id);
    for row in &picture.rows {
        let (found, expected) = (row.images.dim(), (columns, shape.len()));
        if found != expected {
            return Err(wrong(format!("row `{}` has shape {found:?}, not {expected:?}", row.label)));
        }
        if row.images.iter().any(|x| !x.is_finite()) {
            return Err(wrong(format!("row `{}` has a pixel that is not finite", row.label)));
        }
    }
    let side = |pixels: usize| u32::try_from(pixels).unwrap_or(u32::MAX);
    let record = PictureRecord {
        id: picture.id.clone(),
        label: picture.label.clone(),
        rows: picture.rows.iter().map(|row| row.label.clone()).collect(),
        columns: picture.columns.clone(),
        channels: side(shape.channels),
        height: side(shape.height),
        width: side(shape.width),
        sha256: String::new(),
    };
    record.size().map_err(|error| wrong(error.to_string()))?;
    let mut pixels = Vec::with_capacity(picture.rows.len() * columns * shape.len());
    for row in &picture.rows {
        for line in 0..shape.height {
            for image in row.images.rows() {
                for x in 0..shape.width {
                    let level = |channel: usize| image[(channel * shape.height + line) * shape.width + x];
                    pixels.extend(
                        (0..shape.channels).map(|c| (255.0 * level(c).clamp(0.0, 1.0)).round() as u8),
                    );
                }
            }
        }
    }
    PictureFile::new(record, pixels).map_err(|error| wrong(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use likely_core::ImageShape;
    use likely_studies::PictureRow;
    use ndarray::{Array2, array};

    fn picture(images: Array2<f64>) -> Picture {
        Picture {
            id: "curves".to_owned(),
            label: "linear".to_owned(),
            shape: ImageShape { channels: 3, height: 1, width: 2 },
            columns: vec!["start".to_owned(), "end".to_owned()],
            rows: vec![PictureRow { label: "0".to_owned(), images }],
        }
    }

    #[test]
    fn channels_of_a_pixel_stand_side_by_side_in_the_file() {
        let images = array![[0.0, 1.0, 0.2, 0.4, 0.6, 0.8], [2.0, -1.0, 0.5, 0.5, 1.0 / 255.0, 0.0]];
        let file = picture_file(&picture(images)).unwrap();
        assert_eq!(file.image(0, 0).unwrap(), [0, 51, 153, 255, 102, 204]);
        assert_eq!(file.image(0, 1).unwrap(), [255, 128, 1, 0, 128, 0]);
    }

    #[test]
    fn a_picture_that_does_not_fit_or_is_not_finite_is_refused_with_its_row() {
        let error = picture_file(&picture(Array2::zeros((2, 5)))).unwrap_err();
        assert_eq!(error, "the picture `curves`: row `0` has shape (2, 5), not (2, 6)");
        let error = picture_file(&picture(Array2::from_elem((2, 6), f64::NAN))).unwrap_err();
        assert!(error.contains("not finite"), "{error}");
        let mut empty = picture(Array2::zeros((0, 6)));
        empty.columns.clear();
        assert!(picture_file(&empty).unwrap_err().contains("no picture"));
    }
}
