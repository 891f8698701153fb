//! A score in the place of a potential: there are gradients and no values.

use likely_core::{EvalError, Normalisation, Potential, Score, Symmetry, ValueGrad};
use ndarray::{Array1, Array2, ArrayView2, Axis};

/// `grad S(x) = -s(x)` for a score `s`; there are no values.
pub(super) struct ScoreOnly {
    score: Box<dyn Score>,
    /// Where the score is taken, such as `step 499`.
    at: String,
    /// Which potentials of the model have values.
    others: &'static str,
}

impl ScoreOnly {
    pub(super) fn new(score: Box<dyn Score>, at: String, others: &'static str) -> Self {
        Self { score, at, others }
    }

    fn check(&self, points: &ArrayView2<'_, f64>) -> Result<(), EvalError> {
        let (expected, found) = (self.dim(), points.ncols());
        if expected == found { Ok(()) } else { Err(EvalError::Dimension { expected, found }) }
    }
}

impl Potential for ScoreOnly {
    fn dim(&self) -> usize {
        self.score.dim()
    }

    fn normalisation(&self) -> Normalisation {
        Normalisation::UpToConstant
    }

    fn symmetry(&self) -> Symmetry<'_> {
        Symmetry::None
    }

    fn value(&self, points: ArrayView2<'_, f64>) -> Result<Array1<f64>, EvalError> {
        self.check(&points)?;
        let Self { at, others, .. } = self;
        let reason =
            format!("with potential = \"score\" there is a score at {at} and no likelihood; {others}");
        Err(EvalError::Model { reason })
    }

    /// The gradient, of each point by itself so that its bits do not depend on the others; the values are NaN.
    fn value_and_grad(&self, points: ArrayView2<'_, f64>) -> Result<ValueGrad, EvalError> {
        self.check(&points)?;
        let mut grad = Array2::zeros(points.raw_dim());
        for (point, mut row) in points.axis_chunks_iter(Axis(0), 1).zip(grad.axis_chunks_iter_mut(Axis(0), 1))
        {
            row.assign(&self.score.score(point)?.mapv(|score| -score));
        }
        Ok(ValueGrad { value: Array1::from_elem(points.nrows(), f64::NAN), grad })
    }
}
