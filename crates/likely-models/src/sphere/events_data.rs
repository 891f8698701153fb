//! Events of the earth as data to train on.

use crate::sphere::coordinates::Coordinates;
use crate::sphere::events::{Parts, in_coordinates, read_events};
use crate::{BuildError, Config, Data, Resolved};
use likely_core::Seed;
use likely_networks::training::{About, DataSource, Split, TrainingError};
use ndarray::{Array1, Array2, ArrayView2};
use rand_chacha::ChaCha8Rng;
use serde::de::Error as _;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

pub(crate) const DATA: Data = Data {
    id: "earth-events",
    summary: "Latitudes and longitudes from a file as points of the sphere: 80 % to train on, 10 % to choose by, 10 % to test on.",
    build,
};

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    file: PathBuf,
    /// What the card says of the file.
    description: String,
    source: String,
    licence: String,
    /// Whether held-out points are those to choose by, or those to test on.
    #[serde(default)]
    judge: Judge,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Judge {
    Validation,
    #[default]
    Test,
}

fn build(config: Config<'_>, folder: &Path) -> Result<Resolved<dyn DataSource>, BuildError> {
    let settings = Settings::deserialize(toml::Deserializer::from(config))?;
    let config = toml::Table::try_from(&settings).map_err(toml::de::Error::custom)?;
    let path = folder.join(&settings.file);
    let events = read_events(&path)
        .map_err(|error| BuildError::Fit { model: "earth-events", reason: error.to_string() })?;
    Ok(Resolved { built: Box::new(Events { events, settings }), config })
}

struct Events {
    events: Vec<[f64; 3]>,
    settings: Settings,
}

impl DataSource for Events {
    fn dim(&self) -> usize {
        3
    }

    fn split(&self, training: usize, held_out: usize, seed: Seed) -> Result<Split, TrainingError> {
        let parts = Parts::of(&self.events, seed);
        let judged = match self.settings.judge {
            Judge::Validation => parts.validation,
            Judge::Test => parts.test,
        };
        for (what, wanted, there) in
            [("to train on", training, parts.training.len()), ("held out", held_out, judged.len())]
        {
            if wanted > there {
                return Err(TrainingError::Data {
                    reason: format!(
                        "{wanted} points {what} are wanted; of {} events there are {there}",
                        self.events.len()
                    ),
                });
            }
        }
        let place = |points: &[[f64; 3]]| {
            in_coordinates(points, Coordinates::Embedded)
                .map_err(|error| TrainingError::Data { reason: error.to_string() })
        };
        Ok(Split { training: place(&parts.training[..training])?, held_out: place(&judged[..held_out])? })
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
