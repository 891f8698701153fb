//! Pixels as features: the network that does nothing, for images that no network was trained on.

use super::features::Features;
use likely_core::{EvalError, FeatureNetwork, ImageShape};
use ndarray::{Array2, ArrayView2};
use serde::de::Error as _;
use serde::{Deserialize, Serialize};

pub(crate) const FEATURES: Features = Features {
    id: "pixels",
    summary: "The numbers of an image themselves, in [0, 1], for images that no network was trained on: distances between sets see means and covariances of pixels.",
    source: "no network",
    build: |config, _| {
        let settings = Settings::deserialize(toml::Deserializer::from(config))?;
        let [channels, height, width] = settings.shape.map(usize::from);
        let shape = ImageShape { channels, height, width };
        if shape.is_empty() {
            return Err(toml::de::Error::custom(format!("images of shape {shape} have no pixel")).into());
        }
        Ok(Box::new(Pixels { shape }))
    },
};

/// SHA-256 of nothing: there are no weights.
const NO_WEIGHTS: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// Channels, height and width of the images.
    shape: [u16; 3],
}

struct Pixels {
    shape: ImageShape,
}

impl FeatureNetwork for Pixels {
    fn id(&self) -> &str {
        FEATURES.id
    }

    fn dim(&self) -> usize {
        self.shape.len()
    }

    fn weights_sha256(&self) -> &str {
        NO_WEIGHTS
    }

    fn features(&self, images: ArrayView2<'_, f64>, shape: ImageShape) -> Result<Array2<f64>, EvalError> {
        if shape != self.shape {
            let reason =
                format!("`pixels` were told to be those of images of {}, not of {shape}", self.shape);
            return Err(EvalError::Model { reason });
        }
        let (expected, found) = (shape.len(), images.ncols());
        if expected == found { Ok(images.to_owned()) } else { Err(EvalError::Dimension { expected, found }) }
    }
}
