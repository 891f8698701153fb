//! What the learned models have in common: a weights file in their configuration.

use crate::{BuildError, Resources};
use likely_core::Potential;
use likely_networks::training::{HeldOut, Parameters, TrainingError};
use likely_networks::{Expected, Problems, StoredWeights, Weights, WeightsError};
use ndarray::ArrayView2;
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};

/// The weights at `path`, which must hold exactly the tensors of `expected`.
pub(crate) fn read(
    path: &Path,
    resources: &Resources<'_>,
    expected: &[Expected],
) -> Result<StoredWeights, BuildError> {
    read_in(path, resources.folder, expected)
}

/// As [`read`], from `folder`.
pub(crate) fn read_in(
    path: &Path,
    folder: &Path,
    expected: &[Expected],
) -> Result<StoredWeights, BuildError> {
    let path = folder.join(path);
    Weights::read_exactly(&path, expected).map_err(|error| refused(error, path))
}

/// As [`read`], without the tensors that `left_out` names.
pub(crate) fn read_leaving_out(
    path: &Path,
    resources: &Resources<'_>,
    expected: &[Expected],
    left_out: impl Fn(&str) -> bool,
) -> Result<StoredWeights, BuildError> {
    let path = resources.folder.join(path);
    let stored = Weights::read_leaving_out(&path, left_out).map_err(|error| refused(error, path.clone()))?;
    stored
        .weights
        .check(expected)
        .map_err(|problems| BuildError::File { path, reason: problems.to_string() })?;
    Ok(stored)
}

/// The weights at `path`, which must have the SHA-256 `pinned` where that is given, without the tensors that `left_out` names.
pub(crate) fn read_pinned(
    path: &Path,
    pinned: Option<&str>,
    left_out: impl Fn(&str) -> bool,
) -> Result<StoredWeights, BuildError> {
    let stored =
        Weights::read_leaving_out(path, left_out).map_err(|error| refused(error, path.to_owned()))?;
    match pinned {
        Some(pinned) if !pinned.eq_ignore_ascii_case(&stored.sha256) => {
            let reason =
                format!("its SHA-256 is {}, and {pinned} was asked for: it is another file", stored.sha256);
            Err(BuildError::File { path: path.to_owned(), reason })
        }
        _ => Ok(stored),
    }
}

/// The weights at `path`, whatever tensors they are.
pub(crate) fn read_any(path: &Path, resources: &Resources<'_>) -> Result<StoredWeights, BuildError> {
    let path = resources.folder.join(path);
    Weights::read(&path).map_err(|error| refused(error, path))
}

fn refused(error: WeightsError, path: PathBuf) -> BuildError {
    match error {
        WeightsError::Read { path, source } | WeightsError::Write { path, source } => {
            BuildError::Read { path, source }
        }
        WeightsError::File { path, problems } => BuildError::File { path, reason: problems.to_string() },
        WeightsError::Weights(problems) => BuildError::File { path, reason: problems.to_string() },
    }
}

/// What the weights of a model `id` in the file `path` say of their training.
pub(crate) fn said_of_training<T: DeserializeOwned>(
    id: &'static str,
    path: &Path,
    weights: &Weights,
) -> Result<T, BuildError> {
    let wrong = |reason| BuildError::File { path: path.to_owned(), reason };
    if let Some(model) = weights.metadata().get("model").filter(|model| *model != id) {
        return Err(wrong(format!("these are weights of a model `{model}`; those of `{id}` are needed")));
    }
    let config = weights.metadata().get("config").ok_or_else(|| {
        wrong(format!("its metadata have no `config`, which says how the model `{id}` was trained"))
    })?;
    serde_json::from_str(config)
        .map_err(|error| wrong(format!("its `config` is not that of a model `{id}`: {error}")))
}

/// The network that `load` makes of weights that were checked.
pub(crate) fn network<T>(
    path: &Path,
    stored: &StoredWeights,
    load: impl Fn(&Weights) -> Result<T, Problems>,
) -> Result<T, BuildError> {
    load(&stored.weights)
        .map_err(|problems| BuildError::File { path: path.to_owned(), reason: problems.to_string() })
}

/// The network that `load` makes of parameters in training.
pub(crate) fn trained<T>(
    parameters: &Parameters,
    load: impl Fn(&Weights) -> Result<T, Problems>,
) -> Result<T, TrainingError> {
    let wrong = |problems: Problems| TrainingError::Model { reason: problems.to_string() };
    load(&parameters.to_weights().map_err(wrong)?).map_err(wrong)
}

/// The numbers of a tensor with as many as `N`.
pub(crate) fn numbers<const N: usize>(weights: &Weights, name: &str) -> Result<[f64; N], Problems> {
    let tensor = weights.get(name)?;
    tensor.widened().try_into().map_err(|values: Vec<f64>| {
        Problems(vec![format!("tensor `{name}` has {} numbers where {N} are needed", values.len())])
    })
}

/// Refuses points that do not have `dim` coordinates.
pub(crate) fn check_dim(
    model: &'static str,
    dim: usize,
    points: ArrayView2<'_, f64>,
) -> Result<(), BuildError> {
    if points.ncols() == dim {
        return Ok(());
    }
    let reason = format!("the data have {} coordinates; the network takes {dim}", points.ncols());
    Err(BuildError::Fit { model, reason })
}

/// The potential at points.
pub(crate) fn values(
    potential: &dyn Potential,
    points: ArrayView2<'_, f64>,
) -> Result<Vec<f64>, TrainingError> {
    let values = potential.value(points);
    Ok(values.map_err(|error| TrainingError::Model { reason: error.to_string() })?.to_vec())
}

/// What a normalised density makes of points that training never saw.
pub(crate) fn log_likelihood(
    potential: &dyn Potential,
    points: ArrayView2<'_, f64>,
) -> Result<Vec<HeldOut>, TrainingError> {
    let values = values(potential, points)?.into_iter().map(|s| -s).collect();
    Ok(vec![HeldOut { quantity: "log-likelihood", values }])
}
