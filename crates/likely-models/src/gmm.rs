//! Gaussian mixtures, fitted by expectation-maximisation or read from a file.

mod em;
mod mixture;

pub use mixture::{Covariances, Mixture, MixtureError};

use crate::numbers::positive;
use crate::{BuildError, Built, Config, Model, Resources};
use likely_core::Potential;
use ndarray::{Array1, Array2, Array3, ArrayView2};
use serde::de::Error as _;
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

const ID: &str = "gmm";

pub(crate) const MODEL: Model = Model {
    id: ID,
    summary: "A Gaussian mixture, fitted to points by expectation-maximisation or read from a file.",
    source: "Dempster, Laird and Rubin 1977; k-means++ start of Arthur and Vassilvitskii 2007",
    build,
};

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FromFile {
    file: PathBuf,
}

/// How to fit a mixture.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Fitted {
    /// Never read: a configuration with this key is a [`FromFile`]. It is here for the list of keys in an error.
    #[serde(default, skip_serializing)]
    #[expect(dead_code, reason = "for the list of accepted keys in an error")]
    file: Option<PathBuf>,
    components: NonZeroU32,
    /// Shape of the covariances.
    #[serde(default)]
    covariance: Shape,
    /// Starts; the fit with the highest likelihood is kept.
    #[serde(default = "default_restarts")]
    restarts: NonZeroU32,
    /// The fit has converged when the mean log-likelihood gains less than this, in nats.
    #[serde(default = "default_tolerance", deserialize_with = "positive")]
    tolerance: f64,
    #[serde(default = "default_max_iterations")]
    max_iterations: NonZeroU32,
    /// Added to every variance, as a part of the variance of that coordinate over all points.
    #[serde(default = "default_floor", deserialize_with = "positive")]
    floor: f64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Shape {
    #[default]
    Full,
    Diagonal,
    Spherical,
}

const fn default_restarts() -> NonZeroU32 {
    NonZeroU32::new(10).expect("10 is not 0")
}

const fn default_tolerance() -> f64 {
    1e-8
}

const fn default_max_iterations() -> NonZeroU32 {
    NonZeroU32::new(1000).expect("1000 is not 0")
}

const fn default_floor() -> f64 {
    1e-8
}

fn build(config: Config<'_>, resources: &Resources<'_>) -> Result<Built, BuildError> {
    let from_file = config.get_ref().keys().any(|key| key.get_ref() == "file");
    let deserializer = toml::Deserializer::from(config);
    if from_file {
        let settings = FromFile::deserialize(deserializer)?;
        let resolved = toml::Table::try_from(&settings).map_err(toml::de::Error::custom)?;
        let mixture = read(&resources.folder.join(&settings.file))?;
        let facts = match resources.points {
            Some(points) => vec![("mean-log-likelihood", mean_log_likelihood(&mixture, points)?.to_string())],
            None => Vec::new(),
        };
        Ok(Built { potential: Box::new(mixture), flow: None, images: None, resolved, facts })
    } else {
        let settings = Fitted::deserialize(deserializer)?;
        let resolved = toml::Table::try_from(&settings).map_err(toml::de::Error::custom)?;
        let points = resources.points.ok_or(BuildError::NoPoints { model: ID })?;
        let fit = em::fit(points, &settings, resources.seed).map_err(unfit)?;
        let facts = vec![
            ("iterations", fit.iterations.to_string()),
            ("mean-log-likelihood", fit.mean_log_likelihood.to_string()),
            ("converged", fit.converged.to_string()),
            ("restart", fit.restart.to_string()),
            ("restarts-given-up", fit.restarts_given_up.to_string()),
            ("components-placed-anew", fit.placed_anew.to_string()),
        ];
        Ok(Built { potential: Box::new(fit.mixture), flow: None, images: None, resolved, facts })
    }
}

fn unfit(reason: impl ToString) -> BuildError {
    BuildError::Fit { model: ID, reason: reason.to_string() }
}

fn mean_log_likelihood(mixture: &Mixture, points: ArrayView2<'_, f64>) -> Result<f64, BuildError> {
    let values =
        mixture.value(points).map_err(|error| unfit(format!("the data do not suit its file: {error}")))?;
    Ok(-values.sum() / values.len() as f64)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    weights: Vec<f64>,
    means: Vec<Vec<f64>>,
    covariances: Vec<Vec<Vec<f64>>>,
}

fn read(path: &Path) -> Result<Mixture, BuildError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| BuildError::Read { path: path.to_path_buf(), source })?;
    parse(&text).map_err(|reason| BuildError::File { path: path.to_path_buf(), reason })
}

/// A mixture from the text of its file: `weights`, `means` (a list a component), `covariances` (a matrix a component).
fn parse(text: &str) -> Result<Mixture, String> {
    let parameters: Parameters = toml::from_str(text).map_err(|error| error.to_string())?;
    let dim = parameters.means.first().map_or(0, Vec::len);
    for (k, mean) in parameters.means.iter().enumerate() {
        if mean.len() != dim {
            return Err(format!(
                "means[{k}] has {} coordinates and means[0] has {dim}; they must agree",
                mean.len()
            ));
        }
    }
    for (k, matrix) in parameters.covariances.iter().enumerate() {
        if matrix.len() != dim || matrix.iter().any(|row| row.len() != dim) {
            return Err(format!(
                "covariances[{k}] must be {dim} rows of {dim} numbers, for the means have {dim} coordinates"
            ));
        }
    }
    let components = parameters.covariances.len();
    let covariances = Array3::from_shape_vec(
        (components, dim, dim),
        parameters.covariances.into_iter().flatten().flatten().collect(),
    )
    .map_err(|error| error.to_string())?;
    let means = Array2::from_shape_vec(
        (parameters.means.len(), dim),
        parameters.means.into_iter().flatten().collect(),
    )
    .map_err(|error| error.to_string())?;
    Mixture::new(Array1::from(parameters.weights).view(), means.view(), Covariances::Full(covariances))
        .map_err(|error| error.to_string())
}
