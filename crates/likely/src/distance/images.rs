//! Features of sets of images, seen by a network of the table.

use crate::answer::Failure;
use crate::args;
use crate::interpolate::literals;
use crate::progress::Show;
use anyhow::Context;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use likely_core::{EvalError, FeatureNetwork};
use likely_images::{ImageSet, Reading, open, picture_files};
use likely_metrics::distances::{FeatureSet, FeatureSource};
use likely_models::{BuildError, feature_network};
use ndarray::{Array2, Axis, concatenate};
use rayon::prelude::*;
use std::path::{Path, PathBuf};

/// Pictures that are held in memory as numbers at one time.
const TOGETHER: usize = 64;

/// The network that the command line names, if it names one.
pub(super) fn network(args: &args::Distance) -> anyhow::Result<Option<Box<dyn FeatureNetwork>>> {
    let Some(id) = &args.features else { return Ok(None) };
    let mut lines = vec![format!("id = {}", serde_json::json!(id))];
    if let Some(weights) = &args.weights {
        let weights = weights.to_str().context("the path of the weights is not a text")?;
        lines.push(format!("weights = {}", serde_json::json!(weights)));
    }
    lines.extend(literals("--feature-config", &args.feature_config)?);
    let text = lines.join("\n");
    let table = toml::de::DeTable::parse(&text)
        .map_err(|error| Failure::usage(format!("--feature-config: {}", error.message())))?;
    let network = feature_network(table, Path::new("")).map_err(|error| match error {
        BuildError::Config(error) => Failure::usage(format!(
            "--features {id}: {}; weights are given as --weights FILE, all else as --feature-config KEY=VALUE",
            error.message()
        )),
        other => Failure::usage(format!("--features {id}: {other}")),
    })?;
    match &args.weights_sha256 {
        Some(pinned) if pinned != network.weights_sha256() => Err(Failure::usage(format!(
            "--weights-sha256 {pinned}: the SHA-256 of the weights is {}; they are other ones",
            network.weights_sha256()
        ))),
        _ => Ok(Some(network)),
    }
}

/// Where features of the network come from.
pub(super) fn source(network: &dyn FeatureNetwork) -> anyhow::Result<FeatureSource> {
    Ok(FeatureSource::new(Some(network.id()), Some(network.weights_sha256()), network.resize())?)
}

/// Whether a path is a set of images and not a file of features or statistics, as far as its name tells.
pub(super) fn is_images(path: &Path) -> bool {
    let end = path.extension().map(|end| end.to_string_lossy().to_lowercase());
    path.is_dir()
        || path.to_string_lossy().contains("idx3-ubyte")
        || matches!(end.as_deref(), Some("png" | "jpg" | "jpeg" | "parquet"))
}

/// What the network sees in the images of a file or folder.
pub(super) fn features(path: &Path, network: &dyn FeatureNetwork, show: Show) -> anyhow::Result<FeatureSet> {
    let reading = Reading::default();
    let (count, blocks) = if let Some(files) = picture_files(path)? {
        (files.len(), Blocks::Files(files))
    } else {
        let set = open(path, &reading)?;
        (set.count(), Blocks::Set(set))
    };
    let seeing = Seeing::new(show, path, network.id(), count);
    let mut all: Vec<Array2<f64>> = Vec::new();
    for start in (0..count).step_by(TOGETHER) {
        let end = (start + TOGETHER).min(count);
        let failed = |place: String| move |error: EvalError| anyhow::anyhow!("{place}: {error}");
        match &blocks {
            Blocks::Set(set) => {
                let some = set.select(&(start..end).collect::<Vec<_>>())?;
                let place = format!("{}, pictures {start} to {}", path.display(), end - 1);
                all.push(network.features(some.rows().view(), some.shape()).map_err(failed(place))?);
            }
            Blocks::Files(files) => {
                let of_file = |file: &PathBuf| -> anyhow::Result<Array2<f64>> {
                    let picture = open(file, &reading)?;
                    let place = file.display().to_string();
                    network.features(picture.rows().view(), picture.shape()).map_err(failed(place))
                };
                let some: Vec<_> = files[start..end].par_iter().map(of_file).collect();
                for features in some {
                    all.push(features?);
                }
            }
        }
        seeing.observe(end);
    }
    seeing.bar.finish_and_clear();
    let views: Vec<_> = all.iter().map(|some| some.view()).collect();
    let rows =
        concatenate(Axis(0), &views).with_context(|| format!("{} holds no picture", path.display()))?;
    FeatureSet::new(rows, source(network)?).with_context(|| path.display().to_string())
}

enum Blocks {
    /// Pictures of one shape in memory.
    Set(ImageSet),
    /// Files of pictures of any shapes, read when their turn comes.
    Files(Vec<PathBuf>),
}

/// How many pictures were seen.
struct Seeing {
    show: Show,
    bar: ProgressBar,
    name: String,
    count: usize,
}

impl Seeing {
    fn new(show: Show, path: &Path, network: &str, count: usize) -> Self {
        let bar = match show {
            Show::Bar => ProgressBar::with_draw_target(Some(count as u64), ProgressDrawTarget::stderr()),
            Show::Nothing | Show::Lines => ProgressBar::hidden(),
        };
        // A template that does not parse leaves the plain bar.
        if let Ok(style) = ProgressStyle::with_template("{prefix} [{bar:30}] {pos}/{len} {elapsed} {eta}") {
            bar.set_style(style.progress_chars("=> "));
        }
        let name = format!("{network} on {}", path.display());
        bar.set_prefix(name.clone());
        Self { show, bar, name, count }
    }

    fn observe(&self, done: usize) {
        let before = self.bar.position() as usize;
        self.bar.set_position(done as u64);
        // Without a bar, a line for every tenth.
        let tenth = |done: usize| 10 * done / self.count.max(1);
        if self.show == Show::Lines && (tenth(done) > tenth(before) || done == self.count) {
            self.show.line(&format!("{}: {done} of {} images", self.name, self.count));
        }
    }
}
