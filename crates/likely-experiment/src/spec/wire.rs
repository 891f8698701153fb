//! The keys of a spec, as TOML has them; nothing here is checked beyond its type.

use super::point::WirePoint;
use likely_record::{ClaimRecord, FigureRecord, RankingRecord, SavingRecord, TableRecord};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct WireSpec {
    pub(crate) id: String,
    pub(crate) version: u32,
    pub(crate) title: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) paper: Option<String>,
    #[serde(default)]
    pub(crate) analysis: String,
    pub(crate) segments: u32,
    pub(crate) seed: u64,
    #[serde(default = "one")]
    pub(crate) repetitions: u32,
    pub(crate) metrics: Vec<String>,
    /// Files of claims; a resolved spec holds the claims themselves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) claims: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pairs: Option<WirePairs>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) images: Option<WireImages>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) tolerance: BTreeMap<String, f64>,
    #[serde(default, skip_serializing_if = "WireTiers::is_empty")]
    pub(crate) tier: WireTiers,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) dataset: Vec<WireDataset>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) geometry: Vec<WireGeometry>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) model: Vec<WireModel>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) method: Vec<WireMethod>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) sampler: Vec<WireSampler>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) study: Vec<WireStudy>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) pair: Vec<WirePair>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) table: Vec<TableRecord>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) saving: Vec<SavingRecord>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) ranking: Vec<RankingRecord>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) figure: Vec<FigureRecord>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) claim: Vec<ClaimRecord>,
}

fn one() -> u32 {
    1
}

/// Held-out images for studies.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct WireImages {
    /// A folder or file of images.
    pub(crate) folder: String,
    #[serde(default)]
    pub(crate) part: WirePart,
    /// The first so many; all when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) most: Option<u32>,
    /// Names of the classes, in the order of their numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) classes: Vec<String>,
    /// The network that sees features in them: its `id`, and what it needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) features: Option<toml::Table>,
}

/// Which part of a folder that holds two.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum WirePart {
    /// What models are tested on.
    #[default]
    Test,
    /// What models are trained on; folders without parts have no other.
    Training,
}

impl From<WirePart> for likely_images::Part {
    fn from(part: WirePart) -> Self {
        match part {
            WirePart::Test => Self::Test,
            WirePart::Training => Self::Training,
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct WireDataset {
    pub(crate) label: String,
    pub(crate) file: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) columns: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) standardise: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct WireGeometry {
    pub(crate) label: String,
    pub(crate) kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) surface: Option<WireSurface>,
    #[serde(default)]
    pub(crate) config: toml::Table,
}

/// The part of a surface that pictures show.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct WireSurface {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) u: Option<[f64; 2]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) v: Option<[f64; 2]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rows: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) columns: Option<u32>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct WireDerived {
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) config: toml::Table,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct WireStudy {
    pub(crate) kind: String,
    pub(crate) label: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) models: Option<Vec<String>>,
    /// Weights of the potential to sweep, for studies whose curves have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) lambda: Option<Vec<f64>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) geometry: Option<WireDerived>,
    #[serde(default)]
    pub(crate) config: toml::Table,
}

/// What methods see of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reveal {
    /// Its potential, with values and gradients.
    #[default]
    Potential,
    /// Its score alone; metrics still see the potential.
    Score,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct WireModel {
    pub(crate) label: String,
    pub(crate) kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) data: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) geometry: Option<String>,
    #[serde(default)]
    pub(crate) reveal: Reveal,
    #[serde(default)]
    pub(crate) config: toml::Table,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct WireMethod {
    pub(crate) kind: String,
    pub(crate) label: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) lambda: Option<Vec<f64>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) geometry: Option<WireDerived>,
    #[serde(default)]
    pub(crate) config: toml::Table,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct WireSampler {
    pub(crate) kind: String,
    pub(crate) label: String,
    #[serde(default)]
    pub(crate) config: toml::Table,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct WirePair {
    pub(crate) name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) models: Option<Vec<String>>,
    pub(crate) start: WirePoint,
    pub(crate) end: WirePoint,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) start_data: Option<Vec<f64>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) end_data: Option<Vec<f64>>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct WirePairs {
    pub(crate) draw: WireDraw,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) enum WireDraw {
    FromDataset {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        dataset: Option<String>,
        count: u32,
    },
    Gaussian {
        count: u32,
    },
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct WireTiers {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) smoke: Option<WireTier>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) laptop: Option<WireTier>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) full: Option<WireTier>,
}

impl WireTiers {
    fn is_empty(&self) -> bool {
        self.smoke.is_none() && self.laptop.is_none() && self.full.is_none()
    }
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct WireTier {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) models: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) methods: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) studies: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) lambda: Option<Vec<f64>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pairs: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) repetitions: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) segments: Option<u32>,
}
