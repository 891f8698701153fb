//! Fashion-MNIST, the whole of it or the part that comes with the experiments.

use super::{check_labels, points, refused, shuffled};
use crate::{BuildError, Config, Data, Resolved};
use likely_core::{ImageShape, Seed};
use likely_images::{ImageSet, Part, Reading, open};
use likely_networks::training::{About, DataSource, Split, TrainingError};
use ndarray::{Array1, Array2, ArrayView2};
use rand_chacha::ChaCha8Rng;
use serde::de::Error as _;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

pub(crate) const DATA: Data = Data {
    id: "fashion-mnist",
    summary: "Pictures of clothing, 28 x 28, from a folder with the four files of Fashion-MNIST; its test part is held out.",
    build,
};

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// The folder, such as `../data/fashion`, or `/usr/share/datasets/fashion-mnist` where Debian's package is installed.
    folder: PathBuf,
    /// Whether the class, 0 to 9, is one further coordinate.
    #[serde(default)]
    labels: bool,
}

const SHAPE: ImageShape = ImageShape { channels: 1, height: 28, width: 28 };

fn build(config: Config<'_>, folder: &Path) -> Result<Resolved<dyn DataSource>, BuildError> {
    let settings = Settings::deserialize(toml::Deserializer::from(config))?;
    let config = toml::Table::try_from(&settings).map_err(toml::de::Error::custom)?;
    let path = folder.join(&settings.folder);
    let read = |part| {
        let set = open(&path, &Reading { part, ..Reading::default() }).map_err(refused)?;
        check_labels(&set, settings.labels, &path)?;
        if set.shape() != SHAPE {
            let reason = format!(
                "its pictures are {} and those of Fashion-MNIST are {SHAPE}; use `image-folder`",
                set.shape()
            );
            return Err(BuildError::File { path: path.clone(), reason });
        }
        Ok(set)
    };
    let (training, test) = (read(Part::Training)?, read(Part::Test)?);
    Ok(Resolved { built: Box::new(FashionMnist { training, test, labels: settings.labels }), config })
}

struct FashionMnist {
    training: ImageSet,
    test: ImageSet,
    labels: bool,
}

impl DataSource for FashionMnist {
    fn dim(&self) -> usize {
        SHAPE.len() + usize::from(self.labels)
    }

    fn split(&self, training: usize, held_out: usize, seed: Seed) -> Result<Split, TrainingError> {
        let part = |set: &ImageSet, wanted, name, what| {
            let order = shuffled(set.count(), &mut seed.stream(&[("data", name)]));
            points(set, &order, wanted, what, self.labels)
        };
        Ok(Split {
            training: part(&self.training, training, "training", "to train on")?,
            held_out: part(&self.test, held_out, "held-out", "held out")?,
        })
    }

    fn fresh(&self, _: usize, _: &mut ChaCha8Rng) -> Option<Array2<f64>> {
        None
    }

    fn log_density(&self, _: ArrayView2<'_, f64>) -> Option<Array1<f64>> {
        None
    }

    fn about(&self) -> About {
        let classes = if self.labels { ", with the class as one further coordinate" } else { "" };
        About {
            description: format!(
                "Fashion-MNIST: pictures of clothing in ten classes, 28 x 28 grey pixels in [0, 1]{classes}; {} to train on, and {} of \
                 its test part of which held-out ones are taken.",
                self.training.count(),
                self.test.count()
            ),
            source: "Xiao, Rasul and Vollgraf, arXiv 1708.07747".into(),
            licence: "MIT, copyright 2017 Zalando SE".into(),
        }
    }
}
