//! What a spec can list among its metrics.

use likely_metrics::{Better, Metric, SampleMetric};
use likely_record::MetricMeta;
use likely_studies::Number;
use std::collections::BTreeSet;

/// A metric of curves or of samples, or a number of studies; their ids do not overlap.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Measure {
    Curve(&'static Metric),
    Sample(&'static SampleMetric),
    Study(&'static Number),
}

/// Every number of every study.
fn numbers() -> impl Iterator<Item = &'static Number> {
    likely_studies::ALL.iter().flat_map(|study| study.numbers)
}

impl Measure {
    pub(crate) fn find(id: &str) -> Option<Self> {
        likely_metrics::find(id)
            .map(Self::Curve)
            .or_else(|| likely_metrics::find_sample(id).map(Self::Sample))
            .or_else(|| numbers().find(|number| number.id == id).map(Self::Study))
    }

    /// Ids of every metric there is.
    pub(crate) fn ids() -> Vec<String> {
        let curve = likely_metrics::ALL.iter().map(|metric| metric.id);
        let sample = likely_metrics::SAMPLE_ALL.iter().map(|metric| metric.id);
        let study = numbers().map(|number| number.id);
        // Studies may share a number.
        let ids: BTreeSet<&str> = curve.chain(sample).chain(study).collect();
        ids.into_iter().map(str::to_owned).collect()
    }

    pub(crate) fn id(self) -> &'static str {
        match self {
            Self::Curve(metric) => metric.id,
            Self::Sample(metric) => metric.id,
            Self::Study(number) => number.id,
        }
    }

    /// What a report says of it.
    pub(crate) fn meta(self) -> MetricMeta {
        let word = |better: Better| match better {
            Better::Lower => "lower",
            Better::Higher => "higher",
            Better::Neither => "neither",
        };
        let (unit, better, definition) = match self {
            Self::Curve(metric) => (metric.unit, word(metric.better), metric.definition),
            Self::Sample(metric) => (metric.unit, word(metric.better), metric.definition),
            Self::Study(number) => (number.unit, number.better, number.definition),
        };
        MetricMeta {
            id: self.id().to_owned(),
            unit: unit.to_owned(),
            better: better.to_owned(),
            definition: definition.to_owned(),
        }
    }
}
