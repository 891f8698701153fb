//! Inception v3, the network of published Fréchet distances.

mod architecture;
mod normalised;

use crate::images::features::Features;
use crate::images::protocol::{Protocol, Scale};
use crate::weights_file::WeightsFile;
use crate::{BuildError, Config, learned};
use architecture::{STAGES, stage};
use likely_core::{EvalError, FeatureNetwork, ImageShape};
use likely_networks::planes::{Layer, run};
use likely_networks::{Expected, Problems, StoredWeights};
use ndarray::{Array2, ArrayView2};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use std::path::Path;

/// Pixels of a side of the image that the network sees.
const SIDE: usize = 299;

pub(crate) const FID: Features = Features {
    id: "fid-inception-v3",
    summary: "The Inception v3 of published Fréchet distances as pytorch-fid runs it: bilinear resize without antialiasing, 2048, 768, 192 or 64 features.",
    source: "Heusel et al. 2017, arXiv 1706.08500; pytorch-fid 0.3.0, inception.py and fid_score.py",
    build: |config, folder| build(&OF_FID, config, folder),
};

pub(crate) const CLEAN_FID: Features = Features {
    id: "clean-fid-inception-v3",
    summary: "The same network as clean-fid runs it: Pillow's antialiased bicubic resize in single precision.",
    source: "Parmar et al. 2022, arXiv 2104.11222; clean-fid 0.1.35, resize.py and inception_torchscript.py",
    build: |config, folder| build(&OF_CLEAN_FID, config, folder),
};

pub(crate) const TF1_FID: Features = Features {
    id: "tf1-fid-inception-v3",
    summary: "The same network as TensorFlow 1 and torch-fidelity run it: bilinear resize from the upper left corner.",
    source: "Heusel et al. 2017, arXiv 1706.08500; torch-fidelity 0.3.0, feature_extractor_inceptionv3.py",
    build: |config, folder| build(&OF_TF1_FID, config, folder),
};

pub(crate) const NSFWJS: Features = Features {
    id: "inception-v3-nsfwjs",
    summary: "An Inception v3 trained for another task, with averages instead of maxima in its last block; no network of a FID.",
    source: "npm nsfwjs 4.3.0, models/inception_v3 (MIT)",
    build: |config, folder| build(&OF_NSFWJS, config, folder),
};

/// What makes a number of the network one of a tool.
#[derive(Debug)]
struct Variant {
    /// Names for 2048, 768, 192 and 64 features.
    ids: [&'static str; 4],
    protocol: Protocol,
    pool_of_last_block: Pool,
}

/// What the pooling branch of a block does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pool {
    Average,
    Maximum,
}

const OF_FID: Variant = Variant {
    ids: [FID.id, "fid-inception-v3-768", "fid-inception-v3-192", "fid-inception-v3-64"],
    protocol: Protocol { resize: "torch-bilinear", side: SIDE, scale: Scale::PlusMinusOne },
    pool_of_last_block: Pool::Maximum,
};

const OF_CLEAN_FID: Variant = Variant {
    ids: [
        CLEAN_FID.id,
        "clean-fid-inception-v3-768",
        "clean-fid-inception-v3-192",
        "clean-fid-inception-v3-64",
    ],
    protocol: Protocol { resize: "pillow-float-bicubic", side: SIDE, scale: Scale::Around128 },
    pool_of_last_block: Pool::Maximum,
};

const OF_TF1_FID: Variant = Variant {
    ids: [TF1_FID.id, "tf1-fid-inception-v3-768", "tf1-fid-inception-v3-192", "tf1-fid-inception-v3-64"],
    protocol: Protocol { resize: "tensorflow1-bilinear", side: SIDE, scale: Scale::Around128 },
    pool_of_last_block: Pool::Maximum,
};

const OF_NSFWJS: Variant = Variant {
    ids: [NSFWJS.id, "inception-v3-nsfwjs-768", "inception-v3-nsfwjs-192", "inception-v3-nsfwjs-64"],
    protocol: Protocol { resize: "pillow-bicubic", side: SIDE, scale: Scale::AsIs },
    pool_of_last_block: Pool::Average,
};

/// How many features: the mean over places after one of four stages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Tap(usize);

impl Tap {
    const FEATURES: [usize; 4] = [2048, 768, 192, 64];

    /// Stages up to it.
    fn stages(self) -> usize {
        STAGES - self.0
    }

    fn dim(self) -> usize {
        Self::FEATURES[self.0]
    }
}

impl<'de> Deserialize<'de> for Tap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let features = usize::deserialize(deserializer)?;
        let tap = Self::FEATURES.iter().position(|known| *known == features).map(Self);
        tap.ok_or_else(|| {
            D::Error::custom(format!("there are 2048, 768, 192 or 64 features, not {features}"))
        })
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    weights: WeightsFile,
    sha256: Option<String>,
    #[serde(default)]
    features: Tap,
}

fn build(
    variant: &'static Variant,
    config: Config<'_>,
    folder: &Path,
) -> Result<Box<dyn FeatureNetwork>, BuildError> {
    let settings = Settings::deserialize(toml::Deserializer::from(config))?;
    let path = folder.join(&*settings.weights);
    let stored = learned::read_pinned(&path, settings.sha256.as_deref(), is_left_out).map_err(with_hint)?;
    let refused = |problems: Problems| BuildError::File { path, reason: problems.to_string() };
    Ok(Box::new(Inception::load(variant, settings.features, stored).map_err(refused)?))
}

/// Says what to do with a file of PyTorch.
fn with_hint(error: BuildError) -> BuildError {
    match error {
        BuildError::File { path, reason }
            if path.extension().is_some_and(|end| end == "pth" || end == "pt") =>
        {
            let hint = "weights are read from safetensors; `scripts/convert_inception.py` makes them of pytorch-fid's .pth";
            BuildError::File { path, reason: format!("{reason}; {hint}") }
        }
        other => other,
    }
}

/// Tensors of the files that are around which no feature needs: the classifiers, and how many batches training saw.
fn is_left_out(name: &str) -> bool {
    name.starts_with("fc.") || name.starts_with("AuxLogits.") || name.ends_with(".num_batches_tracked")
}

/// The network up to the features.
#[derive(Debug)]
struct Inception {
    variant: &'static Variant,
    tap: Tap,
    stages: Vec<Vec<Layer>>,
    sha256: String,
}

impl Inception {
    fn load(variant: &'static Variant, tap: Tap, stored: StoredWeights) -> Result<Self, Problems> {
        let plans: Vec<_> = (0..STAGES).map(|k| stage(k, variant.pool_of_last_block)).collect();
        let mut expected: Vec<Expected> = Vec::new();
        let mut channels = 3;
        for plan in &plans {
            channels = architecture::expected(plan, channels, &mut expected);
        }
        stored.weights.check(&expected)?;
        let layers = |plan: &Vec<_>| architecture::layers(plan, &stored.weights);
        let stages = plans[..tap.stages()].iter().map(layers).collect::<Result<_, _>>()?;
        Ok(Self { variant, tap, stages, sha256: stored.sha256 })
    }
}

impl FeatureNetwork for Inception {
    fn id(&self) -> &str {
        self.variant.ids[self.tap.0]
    }

    fn dim(&self) -> usize {
        self.tap.dim()
    }

    fn weights_sha256(&self) -> &str {
        &self.sha256
    }

    fn resize(&self) -> Option<&str> {
        Some(self.variant.protocol.resize)
    }

    fn features(&self, images: ArrayView2<'_, f64>, shape: ImageShape) -> Result<Array2<f64>, EvalError> {
        self.variant.protocol.features(images, shape, self.dim(), |x| {
            self.stages.iter().try_fold(x, |x, stage| {
                let x = run(stage, x);
                x.is_finite().then_some(x)
            })
        })
    }
}
