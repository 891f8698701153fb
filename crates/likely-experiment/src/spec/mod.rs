//! Specs: what an experiment consists of, read from TOML and checked.

mod check;
mod claims;
mod document;
mod error;
mod geometry;
mod measure;
mod point;
mod refer;
mod study;
pub(crate) mod suggest;
mod tier;
mod training;
mod wire;

pub(crate) use check::config_of;
pub(crate) use claims::ClaimPlace;
pub use document::Place;
pub(crate) use document::{Document, Step};
pub use error::SpecError;
pub(crate) use geometry::GeometrySpec;
pub(crate) use measure::Measure;
pub use point::PointError;
pub(crate) use point::WirePoint;
pub(crate) use study::StudySpec;
pub(crate) use tier::{Selection, Variant};
pub use tier::{Tier, UnknownTier};
pub use training::{Estimate, Judgement, Prepared, TrainingSpec, TrainingSpecError, TrainingTier};
pub use wire::Reveal;
pub(crate) use wire::{WirePart, WireSpec, WireSurface};

use likely_geometries::Derive;
use likely_methods::{Interpolator, Sampler};
use likely_models::Model;
use likely_record::sha256_hex;
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

/// A checked experiment: every label that it mentions exists, every number is finite, every method is built.
#[derive(Debug)]
pub struct Spec {
    pub(crate) document: Document,
    /// The keys, with the defaults of the methods filled in.
    pub(crate) wire: WireSpec,
    pub(crate) metrics: Vec<Measure>,
    pub(crate) models: Vec<ModelSpec>,
    pub(crate) geometries: Vec<GeometrySpec>,
    methods: Vec<MethodSpec>,
    samplers: Vec<SamplerSpec>,
    pub(crate) studies: Vec<StudySpec>,
    pub(crate) pairs: PairSource,
    /// Where each claim stands.
    claim_places: Vec<ClaimPlace>,
}

/// A model that a spec names; it is built by [`crate::Plan::new`], which reads the data first.
#[derive(Debug, Clone)]
pub(crate) struct ModelSpec {
    pub(crate) label: String,
    pub(crate) kind: &'static Model,
    /// Index of its data set.
    pub(crate) data: Option<usize>,
    /// Index of its geometry; flat space where absent.
    pub(crate) geometry: Option<usize>,
    pub(crate) reveal: Reveal,
}

/// A method that a spec names, built.
#[derive(Debug, Clone)]
pub(crate) struct MethodSpec {
    pub(crate) label: String,
    pub(crate) interpolator: Arc<dyn Interpolator>,
    /// Makes the geometry that it solves in; that of the model where absent.
    pub(crate) derive: Option<Arc<dyn Derive>>,
    /// Weights to sweep, where the spec lists some.
    pub(crate) sweep: Option<Vec<f64>>,
}

impl MethodSpec {
    /// The weights that its cells carry, with the method at each; `sweep` replaces that of the spec.
    pub(crate) fn variants(&self, sweep: Option<&[f64]>) -> Vec<Variant> {
        let derive = || self.derive.clone();
        match self.sweep.as_deref().map(|own| sweep.unwrap_or(own)) {
            None => {
                let (lambda, interpolator) = (self.interpolator.lambda(), self.interpolator.clone());
                vec![Variant { lambda, interpolator, derive: derive() }]
            }
            Some(sweep) => sweep
                .iter()
                .filter_map(|&lambda| {
                    let interpolator = Arc::from(self.interpolator.with_lambda(lambda)?);
                    Some(Variant { lambda: Some(lambda), interpolator, derive: derive() })
                })
                .collect(),
        }
    }

    /// The weights that its cells carry.
    pub(crate) fn lambdas(&self) -> Vec<f64> {
        self.sweep.clone().unwrap_or_else(|| self.interpolator.lambda().into_iter().collect())
    }
}

/// A sampler that a spec names, built.
#[derive(Debug, Clone)]
pub(crate) struct SamplerSpec {
    pub(crate) label: String,
    pub(crate) sampler: Arc<dyn Sampler>,
}

/// Where end points come from.
#[derive(Debug, Clone)]
pub(crate) enum PairSource {
    /// The spec asks for none.
    None,
    /// Listed in the spec.
    Listed(Vec<ListedPair>),
    /// Distinct rows of a data set.
    FromDataset {
        /// Index of the data set; that of each model where absent.
        dataset: Option<usize>,
        count: NonZeroUsize,
    },
    /// Standard normal points of the model's dimension.
    Gaussian { count: NonZeroUsize },
}

impl PairSource {
    /// Index of the data set that pairs are drawn from.
    pub(crate) fn dataset(&self) -> Option<usize> {
        match self {
            Self::FromDataset { dataset, .. } => *dataset,
            Self::None | Self::Listed(_) | Self::Gaussian { .. } => None,
        }
    }

    /// Number of pairs where a tier asks for `wanted`: that many drawn ones, or the first so many listed ones.
    pub(crate) fn count(&self, wanted: Option<NonZeroUsize>) -> usize {
        match self {
            Self::None => 0,
            Self::Listed(pairs) => wanted.map_or(pairs.len(), |wanted| pairs.len().min(wanted.get())),
            Self::FromDataset { count, .. } | Self::Gaussian { count } => wanted.unwrap_or(*count).get(),
        }
    }

    /// Names of all pairs, in order.
    pub(crate) fn names(&self) -> Vec<String> {
        match self {
            Self::None => Vec::new(),
            Self::Listed(pairs) => {
                // Models that have different pairs may call them alike.
                let mut seen = BTreeSet::new();
                let names = pairs.iter().map(|pair| &pair.name);
                names.filter(|name| seen.insert(name.as_str())).cloned().collect()
            }
            Self::FromDataset { .. } | Self::Gaussian { .. } => {
                (0..self.count(None)).map(|i| i.to_string()).collect()
            }
        }
    }
}

/// A pair as the spec lists it.
#[derive(Debug, Clone)]
pub(crate) struct ListedPair {
    pub(crate) name: String,
    /// Labels of the models that it is for; all when absent.
    pub(crate) models: Option<Vec<String>>,
    pub(crate) start: WirePoint,
    pub(crate) end: WirePoint,
    pub(crate) data: Option<(Vec<f64>, Vec<f64>)>,
    pub(crate) place: Place,
}

impl ListedPair {
    /// Whether it is for the model.
    pub(crate) fn is_for(&self, model: &str) -> bool {
        self.models.as_ref().is_none_or(|models| models.iter().any(|label| label == model))
    }
}

impl Spec {
    /// Checks `text`; `source` is the file that it came from, for messages and for relative paths.
    ///
    /// # Errors
    /// [`SpecError`] with file, line, column, the key and what would be right.
    pub fn from_toml(source: &Path, text: &str) -> Result<Self, SpecError> {
        let document = Document::parse(source, text)?;
        let wire: WireSpec = serde::Deserialize::deserialize(toml::Deserializer::from(document.root()))
            .map_err(|error| document.explain(&error))?;
        check::check(document, wire)
    }

    /// Reads and checks the spec at `path`.
    ///
    /// # Errors
    /// [`SpecError::Read`] where there is no such text file; otherwise as [`Spec::from_toml`].
    pub fn read(path: &Path) -> Result<Self, SpecError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| SpecError::Read { path: path.to_owned(), source })?;
        Self::from_toml(path, &text)
    }

    /// Id of the experiment.
    pub fn id(&self) -> &str {
        &self.wire.id
    }

    /// Version of the spec; it grows when results of the old one must not be compared with those of the new one.
    pub fn version(&self) -> u32 {
        self.wire.version
    }

    /// Heading.
    pub fn title(&self) -> &str {
        &self.wire.title
    }

    /// What of the paper it reproduces.
    pub fn paper(&self) -> Option<&str> {
        self.wire.paper.as_deref()
    }

    /// Root of its random streams.
    pub fn seed(&self) -> u64 {
        self.wire.seed
    }

    /// The file that it was read from.
    pub fn path(&self) -> &Path {
        self.document.path()
    }

    /// The folder that relative paths in it start from.
    pub fn folder(&self) -> &Path {
        match self.document.path().parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        }
    }

    /// SHA-256 of its text as written.
    pub fn sha256(&self) -> String {
        sha256_hex(self.document.text().as_bytes())
    }

    /// Labels of the models, in order.
    pub fn models(&self) -> impl Iterator<Item = &str> {
        self.models.iter().map(|model| model.label.as_str())
    }

    /// Labels of the methods, in order.
    pub fn methods(&self) -> impl Iterator<Item = &str> {
        self.methods.iter().map(|method| method.label.as_str())
    }

    /// Labels of the samplers, in order.
    pub fn samplers(&self) -> impl Iterator<Item = &str> {
        self.samplers.iter().map(|sampler| sampler.label.as_str())
    }

    /// Labels of the studies, in order.
    pub fn studies(&self) -> impl Iterator<Item = &str> {
        self.studies.iter().map(|study| study.label.as_str())
    }

    /// Labels of the geometries, in order.
    pub fn geometries(&self) -> impl Iterator<Item = &str> {
        self.geometries.iter().map(|geometry| geometry.label.as_str())
    }

    /// Ids of the metrics measured, in order.
    pub fn metrics(&self) -> &[String] {
        &self.wire.metrics
    }

    /// Largest |now - pinned| relative to max(1, |pinned|) for each metric that sets its own.
    pub fn tolerance(&self) -> &BTreeMap<String, f64> {
        &self.wire.tolerance
    }
}
