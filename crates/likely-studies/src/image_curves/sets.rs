//! The interior frames of all pairs as a set of images beside the held-out ones.

use super::numbers::Named;
use super::pairs::below;
use crate::{Column, Findings, Reading, Series};
use likely_core::{FeatureNetwork, Seed};
use likely_metrics::distances::{
    Comparison, DistanceError, FeatureSet, FeatureSource, Precision, SetMetric, StatisticsError, compare,
    frechet_distance,
};
use ndarray::{Array2, Axis, array};
use rand_chacha::ChaCha8Rng;

/// Subsets of the kernel distance, and the most images of one.
const SUBSETS: usize = 100;
const MOST_IN_A_SUBSET: usize = 100;
/// How often pairs are drawn again for the error of the Fréchet distance.
const RESAMPLES: usize = 40;
/// Root of the streams of subsets and of resampled pairs: fixed, so that all methods and runs share them.
const STREAMS: Seed = Seed::new(20_260_101);

/// Features of the interior frames of each pair, shape `(frames, dim)`.
pub(super) struct Sets<'a> {
    pub(super) named: &'a Named,
    pub(super) network: &'a dyn FeatureNetwork,
    pub(super) held_out: Array2<f64>,
    pub(super) frames: Vec<Array2<f64>>,
}

impl Sets<'_> {
    /// Adds distances between the sets to `findings`; a distance that cannot be had is a reading with its reason.
    pub(super) fn measure(self, findings: &mut Findings) {
        let real = self.held_out.nrows();
        let fake: usize = self.frames.iter().map(Array2::nrows).sum();
        findings.series.push(Series {
            id: "image-sets".to_owned(),
            label: String::new(),
            columns: ["held-out images", "interior frames", "pairs"]
                .map(|name| Column { name: name.to_owned(), unit: String::new() })
                .into(),
            values: array![[real as f64, fake as f64, self.frames.len() as f64]],
        });
        let network = self.network;
        let source = FeatureSource::new(Some(network.id()), Some(network.weights_sha256()), network.resize());
        let sets = source.map_err(|error| error.to_string()).and_then(|source| {
            let set = |rows: Array2<f64>| {
                FeatureSet::new(rows, source.clone()).map_err(|error: StatisticsError| error.to_string())
            };
            Ok((set(self.held_out)?, set(together(&self.frames, 0..self.frames.len()))?, source))
        });
        let (real, fake, source) = match sets {
            Ok(sets) => sets,
            Err(reason) => {
                let missing = |id| Reading { id, value: Err(reason.clone()) };
                findings.numbers.extend(self.named.sets.into_iter().map(missing));
                return;
            }
        };
        for (metric, id) in SetMetric::ALL.into_iter().zip(self.named.sets) {
            let comparison = Comparison {
                metrics: vec![metric],
                subsets: SUBSETS,
                subset_size: MOST_IN_A_SUBSET,
                seed: STREAMS,
                precision: Precision::Double,
            };
            let found = compare(&real, &fake, &comparison);
            if let Ok(distances) = &found {
                let deviation = distances.values.first().and_then(|distance| distance.deviation);
                findings.std_errs.extend(deviation.map(|d| (id, d / (SUBSETS as f64).sqrt())));
            }
            let value = found.and_then(|distances| {
                distances.values.first().map(|distance| distance.value).ok_or(DistanceError::NotFinite)
            });
            findings.numbers.push(Reading { id, value: value.map_err(|error| error.to_string()) });
        }
        let error = resampled(&real, &self.frames, &source);
        findings.std_errs.extend(error.map(|error| (self.named.sets[0], error)));
    }
}

fn together(frames: &[Array2<f64>], pairs: impl IntoIterator<Item = usize>) -> Array2<f64> {
    let views: Vec<_> = pairs.into_iter().map(|pair| frames[pair].view()).collect();
    ndarray::concatenate(Axis(0), &views).expect("all frames have the features of one network")
}

/// Deviation of the Fréchet distance over pairs drawn with replacement; none where one of them has no distance.
fn resampled(real: &FeatureSet, frames: &[Array2<f64>], source: &FeatureSource) -> Option<f64> {
    if frames.len() < 2 {
        return None;
    }
    let mut rng: ChaCha8Rng = STREAMS.stream(&[("resampled", "pairs")]);
    let mut values = Vec::with_capacity(RESAMPLES);
    for _ in 0..RESAMPLES {
        let drawn: Vec<usize> = frames.iter().map(|_| below(&mut rng, frames.len())).collect();
        let fake = FeatureSet::new(together(frames, drawn), source.clone()).ok()?;
        values.push(frechet_distance(real, &fake).ok()?.value);
    }
    let mean = values.iter().sum::<f64>() / RESAMPLES as f64;
    let spread: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    Some((spread / (RESAMPLES - 1) as f64).sqrt())
}
