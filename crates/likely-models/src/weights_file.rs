//! Where a weights file is: a path, or a file of the hub that was fetched before.

use crate::DATA_ABSENT;
use likely_hub::{Hub, HubFile};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::ops::Deref;
use std::path::{Path, PathBuf};

/// A weights file as a spec names it: `"models/my.safetensors"`, from the folder of the spec, or a file of the hub,
/// `{ repo = "owner/name", file = "model.safetensors", revision = "...", sha256 = "...", licence = "..." }`.
///
/// A file of the hub is taken from the cache, where its hash is checked, and never fetched while a spec is read: a run needs no
/// network, and the error for a missing one is the `likely fetch` that brings it.
#[derive(Debug, Clone)]
pub(crate) struct WeightsFile {
    path: PathBuf,
    of_hub: Option<HubFile>,
}

impl Deref for WeightsFile {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.path
    }
}

impl Serialize for WeightsFile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.of_hub {
            Some(file) => file.serialize(serializer),
            None => self.path.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for WeightsFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PathOrFile)
    }
}

struct PathOrFile;

impl<'de> Visitor<'de> for PathOrFile {
    type Value = WeightsFile;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the path of a weights file, or a table with repo, file, revision, sha256 and licence of one on the hub")
    }

    fn visit_str<E: Error>(self, path: &str) -> Result<WeightsFile, E> {
        Ok(WeightsFile { path: PathBuf::from(path), of_hub: None })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<WeightsFile, A::Error> {
        let file = HubFile::deserialize(MapAccessDeserializer::new(map))?;
        let hub = Hub::from_env().map_err(A::Error::custom)?;
        match hub.cached(&file).map_err(A::Error::custom)? {
            Some(path) => Ok(WeightsFile { path, of_hub: Some(file) }),
            None => Err(A::Error::custom(missing(&file))),
        }
    }
}

/// That a file is not in the cache, and the command that brings it.
fn missing(file: &HubFile) -> String {
    let named = file.named();
    let of_data = match named.kind {
        likely_hub::Kind::Model => "",
        likely_hub::Kind::Dataset => " --dataset",
    };
    format!(
        "{DATA_ABSENT}: `{}` of `{}` is not in the cache of the hub; bring it with `likely fetch --repo {} --file {} --revision {} --sha256 {}{of_data}`",
        named.file, named.repo, named.repo, named.file, named.revision, named.sha256
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Serialize, Deserialize)]
    struct Settings {
        weights: WeightsFile,
    }

    #[test]
    fn a_path_stays_a_path() {
        let settings: Settings = toml::from_str("weights = \"models/a.safetensors\"").unwrap();
        assert_eq!(&*settings.weights, Path::new("models/a.safetensors"));
        assert_eq!(toml::to_string(&settings).unwrap(), "weights = \"models/a.safetensors\"\n");
    }

    #[test]
    fn a_file_that_was_not_fetched_is_named_with_the_command_that_brings_it() {
        let (revision, sha256) = ("0123456789abcdef".repeat(3)[..40].to_owned(), "ab".repeat(32));
        let text = format!(
            "weights = {{ repo = \"no-such-owner/no-such-name\", file = \"a/b.safetensors\", revision = \"{revision}\", sha256 = \"{sha256}\", licence = \"MIT\" }}"
        );
        let error = toml::from_str::<Settings>(&text).unwrap_err();
        let command = format!(
            "likely fetch --repo no-such-owner/no-such-name --file a/b.safetensors --revision {revision} --sha256 {sha256}`"
        );
        assert!(error.message().contains(&command), "{error}");
        assert_eq!(error.span(), Some(10..text.len()));
        for wrong in ["weights = 3", "weights = { repo = \"a/b\" }"] {
            assert!(toml::from_str::<Settings>(wrong).is_err(), "{wrong}");
        }
    }
}
