//! Pictures to train on, one file for each source.
//!
//! A picture is a row of numbers in `[0, 1]`, channel by channel, each from its upper row down; with labels its class is one further
//! coordinate.

pub(crate) mod fashion_mnist;
pub(crate) mod image_folder;

use crate::BuildError;
use likely_images::{ImageSet, ImagesError};
use likely_networks::training::TrainingError;
use ndarray::{Array2, s};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// What is wrong with pictures, as an error of a model's making.
fn refused(error: ImagesError) -> BuildError {
    match error {
        ImagesError::Read { path, source } => BuildError::Read { path, source },
        ImagesError::File { path, reason } => BuildError::File { path, reason },
        other => BuildError::Fit { model: "pictures", reason: other.to_string() },
    }
}

/// The places of `count` pictures in an order that the stream chooses.
fn shuffled(count: usize, stream: &mut ChaCha8Rng) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    for last in (1..count).rev() {
        order.swap(last, stream.random_range(0..=last as u64) as usize);
    }
    order
}

/// The first `wanted` pictures of an order as points; `what` names them in an error.
fn points(
    set: &ImageSet,
    order: &[usize],
    wanted: usize,
    what: &str,
    labels: bool,
) -> Result<Array2<f64>, TrainingError> {
    let reason = |reason: String| TrainingError::Data { reason };
    let chosen = order
        .get(..wanted)
        .ok_or_else(|| reason(format!("{wanted} pictures {what} are wanted; there are {}", order.len())))?;
    let chosen = set.select(chosen).map_err(|error| reason(error.to_string()))?;
    let rows = chosen.rows();
    if !labels {
        return Ok(rows);
    }
    let classes = chosen.labels().ok_or_else(|| reason("the pictures have no labels".to_owned()))?;
    let mut points = Array2::zeros((rows.nrows(), rows.ncols() + 1));
    points.slice_mut(s![.., ..rows.ncols()]).assign(&rows);
    for (point, class) in points.column_mut(rows.ncols()).iter_mut().zip(classes) {
        *point = f64::from(*class);
    }
    Ok(points)
}

/// Refuses to give labels where there are none.
fn check_labels(set: &ImageSet, labels: bool, path: &std::path::Path) -> Result<(), BuildError> {
    if labels && set.labels().is_none() {
        let reason =
            "`labels = true` needs classes and the pictures have none; sub-folders are classes".to_owned();
        return Err(BuildError::File { path: path.to_path_buf(), reason });
    }
    Ok(())
}
