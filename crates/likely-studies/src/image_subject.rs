//! What studies of images look at, checked, and what they ask of a model more than once.

use crate::{ImagesOf, StudyError, Subject};
use likely_core::{EvalError, FeatureNetwork, ImageLikelihoods, Seed};
use ndarray::{Array1, Array2, Axis};
use rand::Rng;
use rand_distr::StandardNormal;
use std::f64::consts::LN_2;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Images that a model decodes from points of its prior, whose likelihoods say what is typical.
const SAMPLES: usize = 100;
/// Root of the stream of these points: fixed, so that all methods and runs share them.
const STREAMS: Seed = Seed::new(20_260_101);

/// What several studies ask of the images of one model: found by the one that asks first, and kept.
#[derive(Debug, Default)]
pub struct Kept {
    samples: OnceLock<Result<Vec<f64>, String>>,
    encoded: Mutex<Vec<Encoded>>,
}

/// The points of some held-out images.
#[derive(Debug)]
struct Encoded {
    rows: Vec<usize>,
    points: Arc<Array2<f64>>,
}

impl Kept {
    /// The points of held-out images, shape `(images, dim)`.
    pub(crate) fn points(
        &self,
        images: &ImagesOf<'_>,
        rows: &[usize],
    ) -> Result<Arc<Array2<f64>>, EvalError> {
        let mut known = self.encoded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(encoded) = known.iter().find(|encoded| encoded.rows == rows) {
            return Ok(Arc::clone(&encoded.points));
        }
        let points = Arc::new(images.space.encode(images.held_out.select(Axis(0), rows).view())?);
        known.push(Encoded { rows: rows.to_vec(), points: Arc::clone(&points) });
        Ok(points)
    }

    /// The share of images decoded from points of the prior that are less likely than an image of a given likelihood, by the same
    /// estimator; those as likely count half.
    pub(crate) fn share_less_likely(&self, images: &ImagesOf<'_>, of: f64) -> Result<f64, String> {
        let samples = self.samples.get_or_init(|| likelihoods_of_samples(images)).as_ref()?;
        let below = samples.partition_point(|sample| *sample < of);
        let not_above = samples.partition_point(|sample| *sample <= of);
        Ok((below + not_above) as f64 / (2 * samples.len()) as f64)
    }
}

/// Ascending.
fn likelihoods_of_samples(images: &ImagesOf<'_>) -> Result<Vec<f64>, String> {
    let points = standard_normals(images, SAMPLES, &mut STREAMS.stream(&[("images", "typical")]))
        .map_err(|error| error.to_string())?;
    let decoded = images.space.decode(points.view()).map_err(|error| error.to_string())?;
    let likelihood = images.space.likelihood().ok_or("the model says of no image how likely it is")?;
    let found = likelihood.likelihoods(decoded.view()).map_err(|error| error.to_string())?;
    let mut values = best(&found).ok_or("the model has neither a likelihood nor a bound")?.to_vec();
    if values.iter().any(|value| !value.is_finite()) {
        return Err("a sample of the model has no finite likelihood".to_owned());
    }
    values.sort_by(f64::total_cmp);
    Ok(values)
}

/// The likelihood, or the bound of a model that has no more.
pub(crate) fn best(found: &ImageLikelihoods) -> Option<&Array1<f64>> {
    found.log_likelihood.as_ref().or(found.bound.as_ref())
}

/// Points of the prior from which the model generates, shape `(count, dim)`.
pub(crate) fn standard_normals(
    images: &ImagesOf<'_>,
    count: usize,
    rng: &mut impl Rng,
) -> Result<Array2<f64>, StudyError> {
    if !images.space.generates() {
        return Err(refused(
            "the model does not generate from standard normal points of this space, so there are no samples",
        ));
    }
    let shape = (count, images.space.dim());
    let points = Array2::from_shape_simple_fn(shape, || rng.sample(StandardNormal));
    Ok(points)
}

/// Bits that a number of an image takes at 256 levels, from a density in nats: `8 - log p(x) / (D log 2)`.
pub(crate) fn bits_per_dim(log_density: f64, numbers: usize) -> f64 {
    8.0 - log_density / (numbers as f64 * LN_2)
}

pub(crate) fn refused(reason: impl Into<String>) -> StudyError {
    StudyError::Unsupported { reason: reason.into() }
}

/// Why there is no number that a network would make.
pub(crate) const BLIND: &str = "the spec names no feature network; add `features` to `[images]`";

/// Why there is no number of the network `other`.
pub(crate) fn of_another(network: &dyn FeatureNetwork, other: &str) -> String {
    format!("the spec's features are those of `{}`, not of `{other}`", network.id())
}

/// The place of a network among those whose numbers have names.
pub(crate) fn named<const N: usize>(
    network: &dyn FeatureNetwork,
    known: [&'static str; N],
) -> Result<usize, StudyError> {
    known.iter().position(|known| *known == network.id()).ok_or_else(|| {
        refused(format!(
            "numbers of the feature network `{}` have no names; those of {} have",
            network.id(),
            known.join(", ")
        ))
    })
}

/// The images of the subject, where everything fits.
pub(crate) fn images<'a>(subject: &Subject<'a>) -> Result<ImagesOf<'a>, StudyError> {
    let images = subject.images.ok_or_else(|| {
        refused("points of the model stand for no images, or the spec names none; add `[images]`, and a model of images")
    })?;
    let (dim, held_out) = (subject.potential.dim(), images.held_out);
    if images.space.dim() != dim || subject.geometry.dim() != dim {
        return Err(refused(format!(
            "the density has {dim} coordinates, the geometry {} and the space of images {}; they must agree",
            subject.geometry.dim(),
            images.space.dim()
        )));
    }
    let shape = images.space.shape();
    if held_out.ncols() != shape.len() {
        return Err(refused(format!(
            "held-out images have {} numbers and the model's images of shape {shape} have {}; they must agree",
            held_out.ncols(),
            shape.len()
        )));
    }
    Ok(images)
}
