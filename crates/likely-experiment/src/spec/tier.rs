//! Tiers: how much of an experiment to run.

use super::wire::WireTier;
use super::{ModelSpec, Spec, StudySpec};
use likely_geometries::Derive;
use likely_methods::{Interpolator, Sampler};
use likely_studies::Study;
use std::fmt;
use std::num::NonZeroUsize;
use std::str::FromStr;
use std::sync::Arc;

/// How much of an experiment to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// Seconds: what continuous integration runs.
    Smoke,
    /// Minutes: what `make reproduce` runs.
    Laptop,
    /// Everything.
    Full,
}

impl Tier {
    /// Every tier, the smallest first.
    pub const ALL: [Self; 3] = [Self::Smoke, Self::Laptop, Self::Full];

    /// The name that specs, commands and folders use.
    pub fn id(self) -> &'static str {
        match self {
            Self::Smoke => "smoke",
            Self::Laptop => "laptop",
            Self::Full => "full",
        }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

/// A name that is not that of a tier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no tier `{name}`; there is: smoke, laptop, full")]
pub struct UnknownTier {
    /// The name.
    pub name: String,
}

impl FromStr for Tier {
    type Err = UnknownTier;

    fn from_str(name: &str) -> Result<Self, UnknownTier> {
        Self::ALL
            .into_iter()
            .find(|tier| tier.id() == name)
            .ok_or_else(|| UnknownTier { name: name.to_owned() })
    }
}

/// A method at one weight.
#[derive(Debug, Clone)]
pub(crate) struct Variant {
    pub(crate) lambda: Option<f64>,
    pub(crate) interpolator: Arc<dyn Interpolator>,
    /// Makes the geometry that it solves in; that of the model where absent.
    pub(crate) derive: Option<Arc<dyn Derive>>,
}

/// A study at each of its weights.
#[derive(Debug)]
pub(crate) struct ChosenStudy<'a> {
    pub(crate) spec: &'a StudySpec,
    /// The weights that its cells carry, none where it sweeps none.
    pub(crate) variants: Vec<(Option<f64>, Arc<dyn Study>)>,
}

/// What of a spec a tier runs.
#[derive(Debug)]
pub(crate) struct Selection<'a> {
    /// Indices of the models.
    pub(crate) models: Vec<usize>,
    /// Label of each method with its weights.
    pub(crate) methods: Vec<(&'a str, Vec<Variant>)>,
    /// Label of each sampler.
    pub(crate) samplers: Vec<(&'a str, Arc<dyn Sampler>)>,
    /// The studies with their weights.
    pub(crate) studies: Vec<ChosenStudy<'a>>,
    /// How many pairs, where the tier says so: that many drawn ones, or the first so many listed ones.
    pub(crate) pairs: Option<NonZeroUsize>,
    pub(crate) repetitions: u32,
    pub(crate) segments: NonZeroUsize,
}

impl Spec {
    /// The tier's own settings, where the spec has some.
    pub(crate) fn tier(&self, tier: Tier) -> Option<&WireTier> {
        match tier {
            Tier::Smoke => self.wire.tier.smoke.as_ref(),
            Tier::Laptop => self.wire.tier.laptop.as_ref(),
            Tier::Full => self.wire.tier.full.as_ref(),
        }
    }

    /// What `tier` runs, in the order of the spec.
    pub(crate) fn select(&self, tier: Tier) -> Selection<'_> {
        let own = self.tier(tier);
        let keeps = |labels: Option<&Vec<String>>, label: &str| {
            labels.is_none_or(|labels| labels.iter().any(|kept| kept == label))
        };
        let models = own.and_then(|own| own.models.as_ref());
        let methods = own.and_then(|own| own.methods.as_ref());
        let studies = own.and_then(|own| own.studies.as_ref());
        let sweep = own.and_then(|own| own.lambda.as_deref());
        let kept = |model: &ModelSpec| keeps(models, &model.label);
        Selection {
            models: (0..self.models.len()).filter(|&i| kept(&self.models[i])).collect(),
            methods: self
                .methods
                .iter()
                .filter(|method| keeps(methods, &method.label))
                .map(|method| (method.label.as_str(), method.variants(sweep)))
                .collect(),
            samplers: self
                .samplers
                .iter()
                .filter(|sampler| keeps(methods, &sampler.label))
                .map(|sampler| (sampler.label.as_str(), sampler.sampler.clone()))
                .collect(),
            studies: self
                .studies
                .iter()
                .filter(|study| keeps(studies, &study.label))
                .map(|study| ChosenStudy { spec: study, variants: study.variants(sweep) })
                .collect(),
            pairs: own.and_then(|own| own.pairs).and_then(|count| NonZeroUsize::new(count as usize)),
            repetitions: own.and_then(|own| own.repetitions).unwrap_or(self.wire.repetitions),
            segments: NonZeroUsize::new(
                own.and_then(|own| own.segments).unwrap_or(self.wire.segments) as usize
            )
            .unwrap_or(NonZeroUsize::MIN),
        }
    }
}
