//! Everything that two sets of features say of each other, with what makes the numbers comparable.

use super::linear::NoConvergence;
use super::{
    FeatureSet, FeatureSource, Precision, Route, SourceError, StatisticsError, density_coverage,
    frechet_distance, kernel_distance, precision_recall,
};
use crate::Better;
use likely_core::Seed;
use ndarray::ArrayView2;
use serde::Serialize;
use std::fmt;
use std::str::FromStr;

/// Neighbours of precision and recall.
pub(super) const PRECISION_NEIGHBOURS: usize = 3;
/// Neighbours of density and coverage.
pub(super) const DENSITY_NEIGHBOURS: usize = 5;

/// One of two sets that are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The first: real images.
    Real,
    /// The second: generated images.
    Fake,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Real => "first",
            Self::Fake => "second",
        })
    }
}

/// Why two sets cannot be compared.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum DistanceError {
    /// A set has no statistics.
    #[error(transparent)]
    Statistics(#[from] StatisticsError),
    /// The features come from different sources.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The sets have different numbers of features.
    #[error(
        "the first set has {real} features an image, the second {fake}; they come from different networks"
    )]
    Dims {
        /// Features of the first set.
        real: usize,
        /// Features of the second set.
        fake: usize,
    },
    /// Only mean and covariance of a set are known.
    #[error(
        "`{metric}` needs the features themselves, and of the {side} set only mean and covariance are known"
    )]
    NeedsFeatures {
        /// The metric.
        metric: SetMetric,
        /// The set.
        side: Side,
    },
    /// A covariance is indefinite.
    #[error(
        "the covariance of the {side} set has eigenvalues from {smallest:e} to {largest:e}, so it is none; \
         it must have no negative ones"
    )]
    Indefinite {
        /// The set.
        side: Side,
        /// The smallest eigenvalue.
        smallest: f64,
        /// The largest eigenvalue.
        largest: f64,
    },
    /// There is no subset of at least two images.
    #[error("a kernel distance needs a subset of at least two images, found {subsets} subsets of {size}")]
    Subsets {
        /// Subsets.
        subsets: usize,
        /// Images of each.
        size: usize,
    },
    /// A subset names a row that does not exist.
    #[error("the subset names row {row} of {rows}; rows are counted from 0")]
    NoSuchRow {
        /// The row.
        row: usize,
        /// How many there are.
        rows: usize,
    },
    /// There are too few images for so many neighbours.
    #[error("{k} nearest neighbours need more than {k} images on either side, found {real} and {fake}")]
    Neighbours {
        /// Neighbours.
        k: usize,
        /// Images of the first set.
        real: usize,
        /// Images of the second set.
        fake: usize,
    },
    /// There is nothing to leave out.
    #[error(
        "an error over groups of images needs at least two groups of at least one image each, found {groups}"
    )]
    Groups {
        /// Groups.
        groups: usize,
    },
    /// Eigenvalues or singular values did not converge.
    #[error("the eigenvalues did not converge")]
    NoConvergence,
    /// The number came out NaN or infinite.
    #[error("the value is not finite: the features are too large")]
    NotFinite,
}

impl From<NoConvergence> for DistanceError {
    fn from(_: NoConvergence) -> Self {
        Self::NoConvergence
    }
}

/// A metric of two sets of features.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SetMetric {
    /// [`frechet_distance`].
    Frechet,
    /// [`kernel_distance`].
    Kernel,
    /// Precision by [`precision_recall`].
    Precision,
    /// Recall by [`precision_recall`].
    Recall,
    /// Density by [`density_coverage`].
    Density,
    /// Coverage by [`density_coverage`].
    Coverage,
}

impl SetMetric {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 6] =
        [Self::Frechet, Self::Kernel, Self::Precision, Self::Recall, Self::Density, Self::Coverage];

    /// The kebab-case name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Frechet => "frechet",
            Self::Kernel => "kernel",
            Self::Precision => "precision",
            Self::Recall => "recall",
            Self::Density => "density",
            Self::Coverage => "coverage",
        }
    }

    /// The id that a value with features of `network` carries: it names the definition and the features.
    ///
    /// `fid` is said of the Inception v3 of 2015 alone, which is `inception-v3` or has `fid` in its name; the definition then takes
    /// the place of that word. Of any other network it is a Fréchet distance, `fd`.
    pub fn id(self, network: Option<&str>) -> String {
        let network = network.unwrap_or("unnamed");
        let words: Vec<&str> = network.split('-').collect();
        let named = words.contains(&"fid");
        let definition = match self {
            Self::Frechet if named || network == "inception-v3" => "fid",
            Self::Frechet => "fd",
            Self::Kernel => "kid",
            Self::Precision => "precision-k3",
            Self::Recall => "recall-k3",
            Self::Density => "density-k5",
            Self::Coverage => "coverage-k5",
        };
        if named {
            let word = |word| if word == "fid" { definition } else { word };
            return words.into_iter().map(word).collect::<Vec<_>>().join("-");
        }
        format!("{definition}-{network}")
    }

    /// What it is, in one sentence.
    pub fn definition(self) -> &'static str {
        match self {
            Self::Frechet => {
                "Squared Wasserstein distance between the normal distributions with the mean and covariance of either set (Heusel et al. 2017)."
            }
            Self::Kernel => {
                "Unbiased squared maximum mean discrepancy with the kernel (x.y/d + 1)^3, averaged over subsets (Binkowski et al. 2018)."
            }
            Self::Precision => {
                "Share of the generated images within the third-nearest-neighbour balls of real ones (Kynkäänniemi et al. 2019)."
            }
            Self::Recall => {
                "Share of the real images within the third-nearest-neighbour balls of generated ones (Kynkäänniemi et al. 2019)."
            }
            Self::Density => {
                "Real fifth-nearest-neighbour balls that hold a generated image, on average over those, divided by five (Naeem et al. 2020)."
            }
            Self::Coverage => {
                "Share of the real images whose fifth-nearest-neighbour ball holds a generated one (Naeem et al. 2020)."
            }
        }
    }

    /// Which way is better.
    pub fn better(self) -> Better {
        match self {
            Self::Frechet | Self::Kernel => Better::Lower,
            Self::Precision | Self::Recall | Self::Density | Self::Coverage => Better::Higher,
        }
    }

    /// Whether mean and covariance are not enough.
    pub fn needs_features(self) -> bool {
        self != Self::Frechet
    }
}

impl fmt::Display for SetMetric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for SetMetric {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|metric| metric.name() == text).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("there is no metric of two sets `{text}`; there are {names}")
        })
    }
}

/// What to compare by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// The metrics.
    pub metrics: Vec<SetMetric>,
    /// Subsets of the kernel distance.
    pub subsets: usize,
    /// Images of a subset; all where there are fewer.
    pub subset_size: usize,
    /// Precision of the products in the kernel distance.
    pub precision: Precision,
    /// Root of the streams that draw subsets.
    pub seed: Seed,
}

impl Default for Comparison {
    /// Fréchet and kernel distance, the latter over 100 subsets of 1000 images.
    fn default() -> Self {
        Self {
            metrics: vec![SetMetric::Frechet, SetMetric::Kernel],
            subsets: 100,
            subset_size: 1000,
            precision: Precision::Single,
            seed: Seed::new(0),
        }
    }
}

/// One number about two sets.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Distance {
    /// Definition and network, such as `fid-inception-v3`.
    pub id: String,
    /// The metric.
    pub metric: SetMetric,
    /// The number, always finite.
    pub value: f64,
    /// Standard deviation over subsets, where they differ.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deviation: Option<f64>,
    /// How a Fréchet distance was computed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<Route>,
    /// Subsets, and images in each, of a kernel distance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subsets: Option<(usize, usize)>,
}

/// Numbers about two sets, and what they are numbers of.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Distances {
    /// Images of the first set, where it is known.
    pub real: Option<u64>,
    /// Images of the second set, where it is known.
    pub fake: Option<u64>,
    /// Features of an image.
    pub dim: usize,
    /// Where both sets' features come from.
    pub source: FeatureSource,
    /// Base seed of the subsets.
    pub seed: u64,
    /// The numbers, in the order of the metrics that were asked for.
    pub values: Vec<Distance>,
}

impl Distances {
    /// Refuses numbers that were not made in the same way; the error says what differs.
    ///
    /// A Fréchet distance is biased by the number of images, so that counts too; only of sets that say it.
    ///
    /// # Errors
    /// [`SourceError::Differs`].
    pub fn check_comparable(&self, other: &Self) -> Result<(), SourceError> {
        self.source.check_equal(&other.source)?;
        let said =
            |count: Option<u64>| count.map_or_else(|| "not said".to_owned(), |count| count.to_string());
        for (what, first, second) in [
            ("number of features", Some(self.dim as u64), Some(other.dim as u64)),
            ("number of images of the first set", self.real, other.real),
            ("number of images of the second set", self.fake, other.fake),
        ] {
            if first != second {
                return Err(SourceError::Differs { what, first: said(first), second: said(second) });
            }
        }
        Ok(())
    }
}

/// Compares a set of real with a set of generated images.
///
/// # Errors
/// [`DistanceError`], among others where the sources differ or are not both said, where a metric needs features of a set of which
/// only statistics are known, and where there are too few images.
pub fn compare(
    real: &FeatureSet,
    fake: &FeatureSet,
    comparison: &Comparison,
) -> Result<Distances, DistanceError> {
    if real.dim() != fake.dim() {
        return Err(DistanceError::Dims { real: real.dim(), fake: fake.dim() });
    }
    real.source().check_equal(fake.source())?;
    // Told before anything is computed.
    let needing = comparison.metrics.iter().find(|metric| metric.needs_features());
    if let Some(&metric) = needing {
        for (side, set) in [(Side::Real, real), (Side::Fake, fake)] {
            if set.rows().is_none() {
                return Err(DistanceError::NeedsFeatures { metric, side });
            }
        }
    }
    let mut neighbours = Neighbours::default();
    let mut values = Vec::with_capacity(comparison.metrics.len());
    for &metric in &comparison.metrics {
        let id = metric.id(real.source().network());
        let plain =
            |value| Distance { id: id.clone(), metric, value, deviation: None, route: None, subsets: None };
        values.push(match (metric, real.rows(), fake.rows()) {
            (SetMetric::Frechet, ..) => {
                let found = frechet_distance(real, fake)?;
                Distance { route: Some(found.route), ..plain(found.value) }
            }
            (SetMetric::Kernel, Some(x), Some(y)) => {
                let Comparison { subsets, subset_size, precision, seed, .. } = *comparison;
                let found = kernel_distance(x, y, subsets, subset_size, precision, seed)?;
                let subsets = Some((comparison.subsets, found.size));
                Distance { deviation: found.deviation, subsets, ..plain(found.mean) }
            }
            (_, Some(x), Some(y)) => plain(neighbours.value(metric, x, y)?),
            (_, x, _) => {
                let side = if x.is_none() { Side::Real } else { Side::Fake };
                return Err(DistanceError::NeedsFeatures { metric, side });
            }
        });
    }
    Ok(Distances {
        real: real.count(),
        fake: fake.count(),
        dim: real.dim(),
        source: real.source().clone(),
        seed: comparison.seed.base(),
        values,
    })
}

/// What comes in pairs is computed once.
#[derive(Default)]
struct Neighbours {
    precision_recall: Option<super::PrecisionRecall>,
    density_coverage: Option<super::DensityCoverage>,
}

impl Neighbours {
    fn value(
        &mut self,
        metric: SetMetric,
        real: ArrayView2<'_, f64>,
        fake: ArrayView2<'_, f64>,
    ) -> Result<f64, DistanceError> {
        if matches!(metric, SetMetric::Precision | SetMetric::Recall) {
            let known = match self.precision_recall {
                Some(known) => known,
                None => precision_recall(real, fake, PRECISION_NEIGHBOURS)?,
            };
            self.precision_recall = Some(known);
            return Ok(if metric == SetMetric::Precision { known.precision } else { known.recall });
        }
        let known = match self.density_coverage {
            Some(known) => known,
            None => density_coverage(real, fake, DENSITY_NEIGHBOURS)?,
        };
        self.density_coverage = Some(known);
        Ok(if metric == SetMetric::Density { known.density } else { known.coverage })
    }
}
