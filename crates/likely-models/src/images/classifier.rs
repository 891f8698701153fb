//! A small classifier of pictures of clothes: its training, and its last hidden layer as features.

use crate::images::constants::Constants;
use crate::images::features::Features;
use crate::weights_file::WeightsFile;
use crate::{BuildError, Config, Resolved, Trainable, learned};
use likely_core::{EvalError, FeatureNetwork, ImageShape, Seed};
use likely_networks::candle::{DType, Error, Tensor};
use likely_networks::candle_nn::ops::log_softmax;
use likely_networks::graph::linear;
use likely_networks::images::{
    GroupNorm, Layer, Window, channels_first, convolution, normalised, rows_of, silu,
};
use likely_networks::training::{HeldOut, Objective, Parameter, Parameters, Step, TrainingError, Variables};
use likely_networks::{Expected, Problems, StoredWeights, Weights};
use ndarray::{Array2, ArrayView2, Axis};
use serde::de::Error as _;
use serde::{Deserialize, Serialize};
use std::path::Path;

const ID: &str = "image-classifier";

pub(crate) const TRAINABLE: Trainable = Trainable {
    id: ID,
    summary: "The cross-entropy of a small convolutional classifier of ten kinds of pictures; the data have the class as one further coordinate.",
    build,
};

pub(crate) const FEATURES: Features = Features {
    id: "fashion-classifier",
    summary: "The 64 numbers before the last layer of a small classifier of Fashion-MNIST that is trained here; not the network of published Fréchet distances.",
    source: "a convolutional classifier of this repository; the use of its last layer follows Heusel et al. 2017, arXiv 1706.08500",
    build: build_features,
};

/// Classes of the data.
const CLASSES: usize = 10;
/// Numbers before the last layer.
const FEATURE_COUNT: usize = 64;
/// Pictures that the network takes.
const SHAPE: ImageShape = ImageShape { channels: 1, height: 28, width: 28 };
/// Channels before and after each convolution, which halves the sides: 28, 14, 7, 4.
const CHANNELS: [usize; 4] = [1, 16, 32, 32];
/// Numbers after the last convolution.
const FLAT: usize = CHANNELS[3] * 4 * 4;
const WINDOW: Window = Window { side: 3, stride: 2, padding: 1 };
const NORM: GroupNorm = GroupNorm { groups: 8, silu: true };

/// Three convolutions with group normalisation and SiLU, a layer to 64 features with SiLU, and a layer to ten classes.
#[derive(Debug, Clone)]
pub struct Classifier {
    tensors: Constants,
    sha256: String,
}

fn layers() -> Vec<(String, Layer)> {
    let mut layers = Vec::new();
    for (k, channels) in CHANNELS.windows(2).enumerate() {
        let (inputs, outputs) = (channels[0], channels[1]);
        layers.push((format!("convolutions.{k}"), Layer::Convolution { inputs, outputs, side: WINDOW.side }));
        layers.push((format!("norms.{k}"), Layer::Norm { channels: outputs }));
    }
    layers.push(("features".to_owned(), Layer::Dense { inputs: FLAT, outputs: FEATURE_COUNT }));
    layers.push(("classes".to_owned(), Layer::Dense { inputs: FEATURE_COUNT, outputs: CLASSES }));
    layers
}

/// The features of pictures on the graph, shape `(batch, 64)`, from rows in `[0, 1]`.
fn features<'a, E: From<Error>>(
    rows: &Tensor,
    tensor: impl Fn(&str) -> Result<&'a Tensor, E> + Copy,
) -> Result<Tensor, E> {
    let mut x = channels_first(&rows.affine(2.0, -1.0)?, [SHAPE.channels, SHAPE.height, SHAPE.width])?;
    for k in 0..CHANNELS.len() - 1 {
        x = convolution(&x, &format!("convolutions.{k}"), WINDOW, tensor)?;
        x = normalised(&x, &format!("norms.{k}"), NORM, tensor)?;
    }
    Ok(silu(&linear(&rows_of(&x)?, "features", tensor)?)?)
}

/// Logarithms of the probabilities of the classes, shape `(batch, 10)`, from features.
fn log_probabilities<'a, E: From<Error>>(
    features: &Tensor,
    tensor: impl Fn(&str) -> Result<&'a Tensor, E>,
) -> Result<Tensor, E> {
    Ok(log_softmax(&linear(features, "classes", tensor)?, 1)?)
}

impl Classifier {
    /// The tensors that a weights file holds.
    pub fn expected() -> Vec<Expected> {
        layers().into_iter().flat_map(|(name, layer)| layer.expected(&name)).collect()
    }

    /// The network with the given weights, evaluated in `f64`.
    ///
    /// # Errors
    /// [`Problems`] that names the tensors that are missing or have another shape.
    pub fn load(stored: &StoredWeights) -> Result<Self, Problems> {
        Self::of(&stored.weights, stored.sha256.clone())
    }

    fn of(weights: &Weights, sha256: String) -> Result<Self, Problems> {
        weights.check(&Self::expected())?;
        Ok(Self { tensors: Constants::new(weights, DType::F64)?, sha256 })
    }

    /// Logarithms of the probabilities of the ten classes of pictures of shape `(batch, 784)`, shape `(batch, 10)`.
    ///
    /// # Errors
    /// [`EvalError`].
    pub fn log_probabilities(&self, images: ArrayView2<'_, f64>) -> Result<Array2<f64>, EvalError> {
        let tensor = |name: &str| self.tensors.get(name);
        self.tensors.in_blocks(images, [SHAPE.len(), CLASSES], |rows| {
            log_probabilities(&features(rows, tensor)?, tensor)
        })
    }
}

impl FeatureNetwork for Classifier {
    fn id(&self) -> &str {
        FEATURES.id
    }

    fn dim(&self) -> usize {
        FEATURE_COUNT
    }

    fn weights_sha256(&self) -> &str {
        &self.sha256
    }

    /// The features of grey pictures of 28 by 28 pixels; others are refused, not resized.
    fn features(&self, images: ArrayView2<'_, f64>, shape: ImageShape) -> Result<Array2<f64>, EvalError> {
        if shape != SHAPE {
            let reason = format!(
                "`{}` takes pictures of {SHAPE}, not {shape}, and resizes none; bring them to that size in grey, or choose a network that resizes",
                self.id()
            );
            return Err(EvalError::Model { reason });
        }
        let tensor = |name: &str| self.tensors.get(name);
        self.tensors.in_blocks(images, [SHAPE.len(), FEATURE_COUNT], |rows| features(rows, tensor))
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FeatureSettings {
    weights: WeightsFile,
}

fn build_features(config: Config<'_>, folder: &Path) -> Result<Box<dyn FeatureNetwork>, BuildError> {
    let settings = FeatureSettings::deserialize(toml::Deserializer::from(config))?;
    let stored = learned::read_in(&settings.weights, folder, &Classifier::expected())?;
    let load = |_: &Weights| Classifier::load(&stored);
    Ok(Box::new(learned::network(&settings.weights, &stored, load)?))
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {}

fn build(config: Config<'_>, points: ArrayView2<'_, f64>) -> Result<Resolved<dyn Objective>, BuildError> {
    let settings = Settings::deserialize(toml::Deserializer::from(config))?;
    learned::check_dim(ID, SHAPE.len() + 1, points)?;
    if let Some((row, label)) = points.column(SHAPE.len()).indexed_iter().find(|(_, l)| class(**l).is_none())
    {
        let reason =
            format!("the label of training point {row} is {label}; labels are the whole numbers 0 to 9");
        return Err(BuildError::Fit { model: ID, reason });
    }
    let config = toml::Table::try_from(&settings).map_err(toml::de::Error::custom)?;
    Ok(Resolved { built: Box::new(CrossEntropy), config })
}

/// The class that a label names.
fn class(label: f64) -> Option<usize> {
    (0..CLASSES).find(|class| (*class as f64).to_bits() == label.to_bits())
}

struct CrossEntropy;

impl Objective for CrossEntropy {
    fn parameters(&self, seed: Seed) -> Vec<Parameter> {
        layers().into_iter().flat_map(|(name, layer)| layer.initial(&name, seed)).collect()
    }

    fn loss(&self, step: &mut Step<'_>, variables: &Variables) -> Result<Tensor, TrainingError> {
        let tensor = |name: &str| variables.get(name);
        let rows = step.points()?;
        let labels: Vec<u32> =
            step.batch.chunks_exact(step.dim).map(|row| row[step.dim - 1] as u32).collect();
        let labels = Tensor::from_vec(labels, (step.rows(), 1), &step.device)?;
        let images = rows.narrow(1, 0, SHAPE.len())?.contiguous()?;
        let log = log_probabilities(&features(&images, tensor)?, tensor)?;
        Ok(log.gather(&labels, 1)?.mean_all()?.neg()?)
    }

    fn takes_devices(&self) -> bool {
        true
    }

    fn held_out(
        &self,
        parameters: &Parameters,
        points: ArrayView2<'_, f64>,
        _: Seed,
    ) -> Result<Vec<HeldOut>, TrainingError> {
        let network = learned::trained(parameters, |weights| Classifier::of(weights, String::new()))?;
        let wrong = |reason: String| TrainingError::Model { reason };
        if points.ncols() != SHAPE.len() + 1 {
            return Err(wrong(format!("points have {} coordinates where 785 are needed", points.ncols())));
        }
        let (images, labels) = points.split_at(Axis(1), SHAPE.len());
        let log = network.log_probabilities(images).map_err(|error| wrong(error.to_string()))?;
        let (mut right, mut losses) = (Vec::new(), Vec::new());
        for (row, label) in log.rows().into_iter().zip(labels) {
            let label = class(*label).ok_or_else(|| wrong(format!("{label} is no label")))?;
            let others = row.iter().enumerate().filter(|(other, _)| *other != label);
            right.push(f64::from(u8::from(others.into_iter().all(|(_, log)| *log < row[label]))));
            losses.push(-row[label]);
        }
        Ok(vec![
            HeldOut { quantity: "accuracy", values: right },
            HeldOut { quantity: "cross-entropy", values: losses },
        ])
    }

    fn architecture(&self) -> String {
        "Convolutions 1-16-32-32 with kernels of side 3 and stride 2, each with group normalisation (8 groups) and SiLU; a layer 512-64 with SiLU, whose results are the features; a layer 64-10.".into()
    }

    fn loss_in_words(&self) -> String {
        "The mean over the batch of minus the logarithm of the probability of the label.".into()
    }
}
