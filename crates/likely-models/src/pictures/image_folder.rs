//! Pictures of your own, from a folder or file.

use super::{check_labels, points, refused, shuffled};
use crate::{BuildError, Config, Data, Resolved};
use likely_core::Seed;
use likely_images::{ImageSet, Part, Reading, Resize, Size, open};
use likely_networks::training::{About, DataSource, Split, TrainingError};
use ndarray::{Array1, Array2, ArrayView2};
use rand_chacha::ChaCha8Rng;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::path::{Path, PathBuf};

pub(crate) const DATA: Data = Data {
    id: "image-folder",
    summary: "Your own pictures: a folder of PNG and JPEG files, of MNIST's format or of Parquet, or a .npy file; held-out ones are chosen at random.",
    build,
};

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Settings {
    /// The folder or file.
    folder: PathBuf,
    /// 1 for grey, 3 for colour; as they are when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    channels: Option<usize>,
    /// `[height, width]`; as they are when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    size: Option<[usize; 2]>,
    /// The way to another size.
    #[serde(default)]
    resize: Rounded,
    /// Whether the class is one further coordinate.
    #[serde(default)]
    labels: bool,
    /// What the card says of the pictures.
    description: String,
    source: String,
    licence: String,
}

/// A way to another size that rounds to 256 levels.
#[derive(Debug, Clone, Copy)]
struct Rounded(Resize);

impl Default for Rounded {
    fn default() -> Self {
        Self(Resize::find("pillow-bicubic").expect("it is in the table"))
    }
}

impl Serialize for Rounded {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.id())
    }
}

impl<'de> Deserialize<'de> for Rounded {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let id = String::deserialize(deserializer)?;
        Resize::find(&id).filter(|way| way.is_rounded()).map(Self).ok_or_else(|| {
            let known: Vec<_> = Resize::all().filter(|way| way.is_rounded()).map(Resize::id).collect();
            D::Error::custom(format!(
                "there is no way `{id}` that rounds to levels; there is: {}",
                known.join(", ")
            ))
        })
    }
}

fn build(config: Config<'_>, folder: &Path) -> Result<Resolved<dyn DataSource>, BuildError> {
    let settings = Settings::deserialize(toml::Deserializer::from(config))?;
    let config = toml::Table::try_from(&settings).map_err(toml::de::Error::custom)?;
    let path = folder.join(&settings.folder);
    let size = settings.size.map(|[height, width]| Size { height, width, way: settings.resize.0 });
    let reading = Reading { part: Part::Training, channels: settings.channels, size };
    let pictures = open(&path, &reading).map_err(refused)?;
    check_labels(&pictures, settings.labels, &path)?;
    Ok(Resolved { built: Box::new(Folder { pictures, settings }), config })
}

struct Folder {
    pictures: ImageSet,
    settings: Settings,
}

impl DataSource for Folder {
    fn dim(&self) -> usize {
        self.pictures.shape().len() + usize::from(self.settings.labels)
    }

    fn split(&self, training: usize, held_out: usize, seed: Seed) -> Result<Split, TrainingError> {
        let count = self.pictures.count();
        let order = shuffled(count, &mut seed.stream(&[("data", "split")]));
        if training.checked_add(held_out).is_none_or(|wanted| wanted > count) {
            return Err(TrainingError::Data {
                reason: format!(
                    "{training} pictures to train on and {held_out} held out are wanted; there are {count} in all"
                ),
            });
        }
        // From either end, so that neither count moves the other set.
        let reversed: Vec<usize> = order.iter().rev().copied().collect();
        let labels = self.settings.labels;
        Ok(Split {
            training: points(&self.pictures, &order, training, "to train on", labels)?,
            held_out: points(&self.pictures, &reversed, held_out, "held out", labels)?,
        })
    }

    fn fresh(&self, _: usize, _: &mut ChaCha8Rng) -> Option<Array2<f64>> {
        None
    }

    fn log_density(&self, _: ArrayView2<'_, f64>) -> Option<Array1<f64>> {
        None
    }

    fn about(&self) -> About {
        About {
            description: self.settings.description.clone(),
            source: self.settings.source.clone(),
            licence: self.settings.licence.clone(),
        }
    }
}
