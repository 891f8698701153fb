//! The score of noised images at one step of the diffusion.

use super::ddim::Halt;
use super::unet::{DIM, UNet};
use likely_core::{EvalError, Normalisation, Potential, Score, Symmetry, ValueGrad};
use likely_networks::candle::DType;
use likely_networks::candle_room::CandleScore;
use ndarray::{Array1, Array2, ArrayView2, Axis};

/// `grad S(x) = e(x, k) / sqrt(1 - a_k)` for images noised up to step `k`, `a_k` the share of their variance that is left; there
/// are no values.
pub(super) struct ScoreAtStep {
    halt: Halt,
    score: Box<dyn Score>,
}

impl ScoreAtStep {
    pub(super) fn new(network: UNet, halt: Halt) -> Self {
        let factor = -1.0 / (1.0 - halt.kept).sqrt();
        let score = CandleScore::new(DIM, DType::F64, move |x| network.noise(x, halt.step)? * factor);
        Self { halt, score: Box::new(score) }
    }
}

impl Potential for ScoreAtStep {
    fn dim(&self) -> usize {
        DIM
    }

    fn normalisation(&self) -> Normalisation {
        Normalisation::UpToConstant
    }

    fn symmetry(&self) -> Symmetry<'_> {
        Symmetry::None
    }

    fn value(&self, points: ArrayView2<'_, f64>) -> Result<Array1<f64>, EvalError> {
        if points.ncols() != DIM {
            return Err(EvalError::Dimension { expected: DIM, found: points.ncols() });
        }
        let reason = format!(
            "with potential = \"score\" there is a score at step {} and no likelihood; the potentials \"chi-square\" and \"gaussian\" have values",
            self.halt.step
        );
        Err(EvalError::Model { reason })
    }

    /// The gradient, of each point by itself so that its bits do not depend on the others; the values are NaN.
    fn value_and_grad(&self, points: ArrayView2<'_, f64>) -> Result<ValueGrad, EvalError> {
        if points.ncols() != DIM {
            return Err(EvalError::Dimension { expected: DIM, found: points.ncols() });
        }
        let mut grad = Array2::zeros(points.raw_dim());
        for (point, mut row) in points.axis_chunks_iter(Axis(0), 1).zip(grad.axis_chunks_iter_mut(Axis(0), 1))
        {
            row.assign(&self.score.score(point)?.mapv(|score| -score));
        }
        Ok(ValueGrad { value: Array1::from_elem(points.nrows(), f64::NAN), grad })
    }
}
