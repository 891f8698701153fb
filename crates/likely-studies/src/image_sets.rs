//! Images that a study makes as a set beside the held-out ones, on features of a network.

use crate::{Findings, Reading};
use likely_core::{FeatureNetwork, Seed};
use likely_metrics::distances::{
    Comparison, DistanceError, FeatureSet, FeatureSource, Precision, SetMetric, StatisticsError, compare,
    errors_over_groups,
};
use ndarray::{Array2, Axis};

/// Subsets of the kernel distance, and the most images of one.
const SUBSETS: usize = 100;
const MOST_IN_A_SUBSET: usize = 100;
/// Root of the streams of subsets: fixed, so that all methods and runs share them.
const STREAMS: Seed = Seed::new(20_260_101);

/// Features of images in groups that are independent of each other, such as those of one curve, beside those of held-out images.
pub(crate) struct Sets<'a> {
    /// Ids of the numbers, in the order of [`SetMetric::ALL`].
    pub(crate) ids: [&'static str; 6],
    pub(crate) network: &'a dyn FeatureNetwork,
    /// Shape `(images, dim)`.
    pub(crate) held_out: Array2<f64>,
    /// Shape `(images, dim)` each.
    pub(crate) groups: Vec<Array2<f64>>,
}

impl Sets<'_> {
    /// Adds distances between the sets to `findings`, with their errors over groups; a distance that cannot be had is a reading with its
    /// reason.
    pub(crate) fn measure(self, findings: &mut Findings) {
        let groups: Vec<_> = self.groups.iter().map(|group| group.view()).collect();
        let together = ndarray::concatenate(Axis(0), &groups).expect("features of one network");
        let network = self.network;
        let source = FeatureSource::new(Some(network.id()), Some(network.weights_sha256()), network.resize());
        let sets = source.map_err(|error| error.to_string()).and_then(|source| {
            let set = |rows: Array2<f64>| {
                FeatureSet::new(rows, source.clone()).map_err(|error: StatisticsError| error.to_string())
            };
            Ok((set(self.held_out)?, set(together)?))
        });
        let (real, fake) = match sets {
            Ok(sets) => sets,
            Err(reason) => {
                let missing = |id| Reading { id, value: Err(reason.clone()) };
                findings.numbers.extend(self.ids.into_iter().map(missing));
                return;
            }
        };
        for (metric, id) in SetMetric::ALL.into_iter().zip(self.ids) {
            let comparison = Comparison {
                metrics: vec![metric],
                subsets: SUBSETS,
                subset_size: MOST_IN_A_SUBSET,
                seed: STREAMS,
                precision: Precision::Double,
            };
            let value = compare(&real, &fake, &comparison).and_then(|distances| {
                distances.values.first().map(|distance| distance.value).ok_or(DistanceError::NotFinite)
            });
            findings.numbers.push(Reading { id, value: value.map_err(|error| error.to_string()) });
        }
        // A set of one group has no error.
        let errors = errors_over_groups(&real, &groups).into_iter().flatten();
        findings.std_errs.extend(self.ids.into_iter().zip(errors).filter_map(|(id, e)| Some((id, e.ok()?))));
    }
}
