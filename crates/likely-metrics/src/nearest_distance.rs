//! How far samples are from the training points nearest to them.

use crate::sample::two_nearest;
use crate::{Better, MetricError, Reading, SampleMetric, SampleSubject};

pub(crate) const MAX: SampleMetric = SampleMetric {
    id: "nearest-distance-max",
    unit: "units",
    better: Better::Neither,
    definition: "Largest distance of a sample to its nearest training point, max_j min_i |x_j - x_i|; 0 where every sample is a training point.",
    evaluate: max,
};

pub(crate) const MEAN: SampleMetric = SampleMetric {
    id: "nearest-distance-mean",
    unit: "units",
    better: Better::Neither,
    definition: "Mean distance of the samples to their nearest training points, 1/n sum_j min_i |x_j - x_i|.",
    evaluate: mean,
};

pub(crate) const RMS: SampleMetric = SampleMetric {
    id: "nearest-distance-rms",
    unit: "units",
    better: Better::Neither,
    definition: "Root mean square distance of the samples to their nearest training points, sqrt(1/n sum_j min_i |x_j - x_i|^2).",
    evaluate: rms,
};

fn distances(subject: &SampleSubject<'_>) -> Result<Vec<f64>, MetricError> {
    subject.check()?;
    Ok(subject.samples.rows().into_iter().map(|x| two_nearest(x, subject.training, 1.0).1.sqrt()).collect())
}

fn max(subject: &SampleSubject<'_>) -> Result<Reading, MetricError> {
    let distances = distances(subject)?;
    if distances.iter().any(|d| d.is_nan()) {
        return Err(MetricError::NotFinite);
    }
    Reading::exact(distances.iter().copied().fold(0.0, f64::max))
}

fn mean(subject: &SampleSubject<'_>) -> Result<Reading, MetricError> {
    mean_of(&distances(subject)?)
}

fn rms(subject: &SampleSubject<'_>) -> Result<Reading, MetricError> {
    let squares: Vec<f64> = distances(subject)?.iter().map(|d| d * d).collect();
    let square = mean_of(&squares)?;
    let root = square.value.sqrt();
    match square.std_err {
        // The error of a root is that of its square over twice the root.
        Some(std_err) if root > 0.0 => Reading::estimate(root, 0.5 * std_err / root),
        _ => Reading::exact(root),
    }
}

/// The mean of independent numbers, with its standard error where there are two or more.
pub(crate) fn mean_of(numbers: &[f64]) -> Result<Reading, MetricError> {
    let n = numbers.len() as f64;
    let mean = numbers.iter().sum::<f64>() / n;
    if numbers.len() < 2 {
        return Reading::exact(mean);
    }
    let variance = numbers.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0);
    Reading::estimate(mean, (variance / n).sqrt())
}
