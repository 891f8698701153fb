//! What an entry of the table of models is.

use likely_core::{Flow, ImageSpace, Potential, Seed};
use likely_networks::candle::{Device, Result as CandleResult};
use likely_networks::{DeviceName, OpenDevice};
use ndarray::ArrayView2;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The `config` table of a spec, with the places of its keys and values in the text of the spec.
pub type Config<'a> = toml::Spanned<toml::de::DeTable<'a>>;

/// What a model may be built from, beside its configuration.
#[derive(Clone, Copy)]
pub struct Resources<'a> {
    /// The points to fit, shape `(points, dim)`, where the spec names a data set for the model.
    pub points: Option<ArrayView2<'a, f64>>,
    /// The root of the streams that fitting may draw from.
    pub seed: Seed,
    /// The folder that relative paths in the configuration start from: that of the spec.
    pub folder: &'a Path,
    /// Where networks of images are evaluated; all else is done on the processor.
    pub device: &'a OpenDevice,
}

impl Resources<'_> {
    /// What `put` puts on the device.
    pub(crate) fn placed<T>(&self, put: impl FnOnce(&Device) -> CandleResult<T>) -> Result<T, BuildError> {
        let device = self.device.name();
        put(self.device.candle()).map_err(|error| BuildError::Device { device, reason: error.to_string() })
    }
}

/// What an error begins its reason with where a file that a spec names is not there: data or weights that the user brings.
///
/// A spec that cannot be run for want of them is told from one that is wrong; errors of configurations carry text alone.
pub const DATA_ABSENT: &str = "data absent";

/// Why a model could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The configuration is wrong; the error carries its place in the spec.
    #[error(transparent)]
    Config(#[from] toml::de::Error),
    /// A file could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file does not hold what the model needs.
    #[error("{}: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong, where, and what would be right.
        reason: String,
    },
    /// The device does not take the networks of the model.
    #[error("the networks of the model cannot be put on `{device}`: {reason}")]
    Device {
        /// The device.
        device: DeviceName,
        /// What it said.
        reason: String,
    },
    /// The model needs points and the spec names no data set.
    #[error("model `{model}` is fitted to points; name a data set with `data = \"...\"`")]
    NoPoints {
        /// Id of the model.
        model: &'static str,
    },
    /// The points do not suit the model.
    #[error("model `{model}` cannot be fitted: {reason}")]
    Fit {
        /// Id of the model.
        model: &'static str,
        /// What is wrong and what would be right.
        reason: String,
    },
}

/// A model that was built.
pub struct Built {
    /// Its potential.
    pub potential: Box<dyn Potential>,
    /// The process that it is a snapshot of, for models that have one.
    pub flow: Option<Box<dyn Flow>>,
    /// The images that the points of its space stand for, for models that have them.
    pub images: Option<Arc<dyn ImageSpace>>,
    /// Its configuration with every default filled in.
    pub resolved: toml::Table,
    /// What building found out, as (name, value): iterations of a fit, a bandwidth.
    pub facts: Vec<(&'static str, String)>,
}

/// One entry of the table of models.
#[derive(Debug, Clone, Copy)]
pub struct Model {
    /// The kebab-case name that specs use.
    pub id: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// Where the model comes from.
    pub source: &'static str,
    /// Builds the model; a configuration error carries its place in the spec.
    pub build: fn(Config<'_>, &Resources<'_>) -> Result<Built, BuildError>,
}
