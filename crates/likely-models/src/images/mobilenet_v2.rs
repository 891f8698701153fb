//! `MobileNetV2` of width 1.4, trained for another task.

use crate::images::features::Features;
use crate::images::protocol::{Protocol, Scale};
use crate::weights_file::WeightsFile;
use crate::{BuildError, Config, learned};
use likely_core::{EvalError, FeatureNetwork, ImageShape};
use likely_networks::planes::{Activation, Convolution, Depthwise, Footprint, Layer, run};
use likely_networks::{Expected, Problems, StoredWeights, Weights};
use ndarray::{Array2, ArrayView2};
use serde::Deserialize;
use std::path::Path;

pub(crate) const FEATURES: Features = Features {
    id: "mobilenet-v2-nsfwjs",
    summary: "The 1792 numbers before the last layer of a MobileNetV2 of width 1.4 that was trained for another task; no network of a FID.",
    source: "npm nsfwjs 4.3.0, models/mobilenet_v2_mid (MIT); Sandler et al. 2018, arXiv 1801.04381",
    build,
};

const PROTOCOL: Protocol = Protocol { resize: "pillow-bicubic", side: 224, scale: Scale::PlusMinusOne };

/// Channels after the first convolution, and before the mean over places.
const FIRST: usize = 48;
const LAST: usize = 1792;
/// Expansion, channels, blocks and stride of the first block, as in table 2 of the paper, channels times 1.4.
const BLOCKS: [[usize; 4]; 7] = [
    [1, 24, 1, 1],
    [6, 32, 2, 2],
    [6, 48, 3, 2],
    [6, 88, 4, 2],
    [6, 136, 3, 1],
    [6, 224, 3, 2],
    [6, 448, 1, 1],
];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    weights: WeightsFile,
    sha256: Option<String>,
}

fn build(config: Config<'_>, folder: &Path) -> Result<Box<dyn FeatureNetwork>, BuildError> {
    let settings = Settings::deserialize(toml::Deserializer::from(config))?;
    let path = folder.join(&*settings.weights);
    let stored = learned::read_pinned(&path, settings.sha256.as_deref(), |_| false)?;
    let refused = |problems: Problems| BuildError::File { path, reason: problems.to_string() };
    Ok(Box::new(MobileNetV2::load(&stored).map_err(refused)?))
}

/// A convolution without its weights: shape of the weight, stride, activation.
#[derive(Debug, Clone, Copy)]
struct Plan {
    shape: [usize; 4],
    stride: usize,
    activation: Activation,
}

/// The convolutions of a block, and whether its input is added to what comes out.
struct Block {
    convolutions: Vec<Plan>,
    residual: bool,
}

/// All convolutions in the order in which they are applied.
fn blocks() -> Vec<Block> {
    let full = |outputs, inputs, side, stride, activation| Plan {
        shape: [outputs, inputs, side, side],
        stride,
        activation,
    };
    let alone = |plan| Block { convolutions: vec![plan], residual: false };
    let mut blocks = vec![alone(full(FIRST, 3, 3, 2, Activation::Relu6))];
    let mut channels = FIRST;
    for [expansion, outputs, count, stride] in BLOCKS {
        for number in 0..count {
            let stride = if number == 0 { stride } else { 1 };
            let inner = expansion * channels;
            let mut convolutions = Vec::new();
            if expansion > 1 {
                convolutions.push(full(inner, channels, 1, 1, Activation::Relu6));
            }
            convolutions.push(Plan { shape: [inner, 1, 3, 3], stride, activation: Activation::Relu6 });
            convolutions.push(full(outputs, inner, 1, 1, Activation::Linear));
            blocks.push(Block { convolutions, residual: number > 0 });
            channels = outputs;
        }
    }
    blocks.push(alone(full(LAST, channels, 1, 1, Activation::Relu6)));
    blocks
}

/// The network up to the features.
#[derive(Debug)]
struct MobileNetV2 {
    layers: Vec<Layer>,
    sha256: String,
}

impl MobileNetV2 {
    fn expected() -> Vec<Expected> {
        let plans = blocks().into_iter().flat_map(|block| block.convolutions);
        plans
            .enumerate()
            .flat_map(|(k, plan)| {
                [
                    Expected::new(format!("convolutions.{k}.weight"), &plan.shape),
                    Expected::new(format!("convolutions.{k}.bias"), &plan.shape[..1]),
                ]
            })
            .collect()
    }

    fn load(stored: &StoredWeights) -> Result<Self, Problems> {
        stored.weights.check(&Self::expected())?;
        let mut number = 0..;
        let mut layers = Vec::new();
        for Block { convolutions, residual } in blocks() {
            let of_block = convolutions
                .into_iter()
                .zip(&mut number)
                .map(|(plan, k)| convolution(plan, &format!("convolutions.{k}"), &stored.weights))
                .collect::<Result<Vec<_>, _>>()?;
            if residual {
                layers.push(Layer::Residual(of_block));
            } else {
                layers.extend(of_block);
            }
        }
        Ok(Self { layers, sha256: stored.sha256.clone() })
    }
}

/// A convolution whose padding is that of TensorFlow's `SAME` on sides that the stride divides.
fn convolution(plan: Plan, name: &str, weights: &Weights) -> Result<Layer, Problems> {
    let Plan { shape: [_, inputs, side, _], stride, activation } = plan;
    let padding = side - stride.min(side);
    let (before, after) = (padding / 2, padding - padding / 2);
    let footprint =
        Footprint { kernel: [side, side], stride, before: [before, before], after: [after, after] };
    let weight = weights.get(&format!("{name}.weight"))?;
    let bias = weights.get(&format!("{name}.bias"))?.values().to_vec();
    Ok(if inputs == 1 {
        Layer::Depthwise(Depthwise::new(weight, bias, footprint, activation)?)
    } else {
        Layer::Convolution(Convolution::new(weight, bias, footprint, activation)?)
    })
}

impl FeatureNetwork for MobileNetV2 {
    fn id(&self) -> &str {
        FEATURES.id
    }

    fn dim(&self) -> usize {
        LAST
    }

    fn weights_sha256(&self) -> &str {
        &self.sha256
    }

    fn resize(&self) -> Option<&str> {
        Some(PROTOCOL.resize)
    }

    fn features(&self, images: ArrayView2<'_, f64>, shape: ImageShape) -> Result<Array2<f64>, EvalError> {
        PROTOCOL.features(images, shape, LAST, |x| {
            self.layers.iter().try_fold(x, |x, layer| {
                let x = run(std::slice::from_ref(layer), x);
                x.is_finite().then_some(x)
            })
        })
    }
}
