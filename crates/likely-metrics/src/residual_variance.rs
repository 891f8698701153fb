//! The spread of samples around the training points that they end on, beside what theory predicts.

use crate::nearest_distance::mean_of;
use crate::sample::two_nearest;
use crate::{Better, MetricError, Reading, SampleMetric, SampleSubject};

pub(crate) const MEASURED: SampleMetric = SampleMetric {
    id: "residual-variance",
    unit: "squared units",
    better: Better::Neither,
    definition: "Mean squared deviation per coordinate of the samples from c times their nearest training points, 1/(n d) sum_j min_i |x_j - c x_i|^2, with c the predicted factor in front of the data (1 where the process runs to its end).",
    evaluate: measured,
};

pub(crate) const PREDICTED: SampleMetric = SampleMetric {
    id: "residual-variance-predicted",
    unit: "squared units",
    better: Better::Neither,
    definition: "Variance per coordinate that the steps of the sampler leave around one training point, by the recursion V <- f^2 V + 2 eps_t h with f = 1 + h b'/b - h eps_t/b^2, from V = b(0)^2.",
    evaluate: predicted,
};

pub(crate) const RATIO: SampleMetric = SampleMetric {
    id: "residual-variance-ratio",
    unit: "1",
    better: Better::Neither,
    definition: "The measured residual-variance over the residual-variance-predicted; 1 where the prediction holds.",
    evaluate: ratio,
};

fn measured(subject: &SampleSubject<'_>) -> Result<Reading, MetricError> {
    subject.check()?;
    let (dim, scale) = (subject.samples.ncols() as f64, subject.prediction.data_scale);
    let squares: Vec<f64> =
        subject.samples.rows().into_iter().map(|x| two_nearest(x, subject.training, scale).1 / dim).collect();
    mean_of(&squares)
}

fn predicted(subject: &SampleSubject<'_>) -> Result<Reading, MetricError> {
    let variance = subject
        .prediction
        .residual_variance
        .ok_or(MetricError::Needs { what: "a sampler without an error in the velocity" })?;
    Reading::exact(variance)
}

/// Below this, relative to the squared size of the data, a predicted variance is one of rounding.
const ROUNDING: f64 = 1e-24;

fn ratio(subject: &SampleSubject<'_>) -> Result<Reading, MetricError> {
    let (measured, predicted) = (measured(subject)?, predicted(subject)?.value);
    let size = subject.training.iter().fold(1.0_f64, |top, x| top.max(x * x));
    if predicted <= ROUNDING * size {
        return Err(MetricError::Needs { what: "a predicted variance above rounding" });
    }
    let value = measured.value / predicted;
    measured
        .std_err
        .map_or_else(|| Reading::exact(value), |std_err| Reading::estimate(value, std_err / predicted))
}
