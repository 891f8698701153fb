//! The held-out images of a spec, and the files that images are read from.

use super::{PlanError, names_a_file};
use crate::DataError;
use crate::data::read_bytes;
use crate::spec::Step::Key;
use crate::spec::{Spec, WirePart};
use likely_core::FeatureNetwork;
use likely_images::{Part, Reading, open};
use likely_models::{BuildError, feature_network};
use likely_record::sha256_hex;
use ndarray::Array2;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Most files of a folder of images.
const MOST_FILES: usize = 1_000_000;

/// Images that studies decode towards and compare with.
pub(crate) struct HeldOut {
    /// Shape `(images, numbers)`, in `[0, 1]`.
    pub(crate) rows: Array2<f64>,
    pub(crate) labels: Option<Vec<u8>>,
    pub(crate) classes: Vec<String>,
    pub(crate) network: Option<Box<dyn FeatureNetwork>>,
    /// Images of the training part, evenly over its order; none where there is one part or no study asks for them.
    pub(crate) training: Option<Array2<f64>>,
}

/// Reads the images that the spec names, and so many of their training part; their files decide numbers, so they belong to the identity of the run.
pub(super) fn read(
    spec: &Spec,
    training: usize,
    files: &mut BTreeMap<String, String>,
) -> Result<Option<HeldOut>, PlanError> {
    let Some(wire) = &spec.wire.images else { return Ok(None) };
    let place = || spec.document.at(&[Key("images"), Key("folder")]);
    let wrong = |reason: String| PlanError::Images { place: place(), reason };
    let path = spec.folder().join(&wire.folder);
    hash(&path, &wire.folder, files).map_err(|source| PlanError::file(place(), "the images", source))?;
    let reading = Reading { part: wire.part.into(), ..Reading::default() };
    let set = open(&path, &reading).map_err(|error| wrong(error.to_string()))?;
    let most = wire.most.map_or(set.count(), |most| set.count().min(most as usize));
    let set = set.select(&(0..most).collect::<Vec<_>>()).map_err(|error| wrong(error.to_string()))?;
    Ok(Some(HeldOut {
        rows: set.rows(),
        labels: set.labels().map(<[u8]>::to_vec),
        classes: wire.classes.clone(),
        network: network(spec, files)?,
        training: match wire.part {
            WirePart::Test if training > 0 => Some(some_of_training(&path, training).map_err(wrong)?),
            WirePart::Test | WirePart::Training => None,
        },
    }))
}

/// At most `count` images of the training part, evenly over its order, so that every class of an ordered set has its share.
fn some_of_training(path: &Path, count: usize) -> Result<Array2<f64>, String> {
    let all = open(path, &Reading { part: Part::Training, ..Reading::default() });
    let all = all.map_err(|error| error.to_string())?;
    let count = count.min(all.count());
    let places: Vec<usize> = (0..count).map(|i| i * all.count() / count).collect();
    Ok(all.select(&places).map_err(|error| error.to_string())?.rows())
}

/// The feature network that the spec names.
fn network(
    spec: &Spec,
    files: &mut BTreeMap<String, String>,
) -> Result<Option<Box<dyn FeatureNetwork>>, PlanError> {
    let Some(config) = spec.wire.images.as_ref().and_then(|images| images.features.as_ref()) else {
        return Ok(None);
    };
    let steps = [Key("images"), Key("features")];
    let place = || spec.document.at(&steps);
    for file in config.values().filter_map(toml::Value::as_str).filter(|text| names_a_file(text)) {
        hash(&spec.folder().join(file), file, files)
            .map_err(|source| PlanError::file(place(), "the feature network", source))?;
    }
    match feature_network(spec.document.table(&steps), spec.folder()) {
        Ok(network) => Ok(Some(network)),
        Err(BuildError::Config(error)) => Err(spec.document.explain_in(&error, &steps).into()),
        Err(error) => Err(PlanError::Features { place: place(), reason: error.to_string() }),
    }
}

/// Adds the SHA-256 of a file, or of all files below a folder, under the name that the spec has for it.
pub(super) fn hash(path: &Path, name: &str, files: &mut BTreeMap<String, String>) -> Result<(), DataError> {
    let mut found = Vec::new();
    list(path, Path::new(name), &mut found)?;
    for (path, name) in found {
        let bytes = read_bytes(&path)?;
        files.insert(name.to_string_lossy().into_owned(), sha256_hex(&bytes));
    }
    Ok(())
}

/// Files with their names; those that begin with a point are none of the images.
fn list(path: &Path, name: &Path, found: &mut Vec<(PathBuf, PathBuf)>) -> Result<(), DataError> {
    if !path.is_dir() {
        found.push((path.to_owned(), name.to_owned()));
        return Ok(());
    }
    let failed = |source| DataError::Read { path: path.to_owned(), source };
    for entry in std::fs::read_dir(path).map_err(failed)? {
        let entry = entry.map_err(failed)?.file_name();
        if entry.to_string_lossy().starts_with('.') {
            continue;
        }
        if found.len() == MOST_FILES {
            return Err(DataError::TooManyFiles { path: path.to_owned(), most: MOST_FILES });
        }
        list(&path.join(&entry), &name.join(&entry), found)?;
    }
    Ok(())
}
