//! Exact reduction to the span of the end points.
//!
//! With a flat background, a potential `S(x) = phi(|x|^2)` and a start in the span of the end points, the gradient of `S`
//! at a point of the span lies in the span, so every iterate of a gradient method does. In an orthonormal basis of the
//! span the problem is the same one in two coordinates.

use crate::vector::products;
use crate::{Density, InterpolateError, Scene};
use likely_core::{Curve, Ends, EvalError, Form, Normalisation, Potential, Radial, Symmetry, ValueGrad};
use ndarray::{Array1, Array2, ArrayView2};

/// What a row says about it.
pub(crate) const REDUCTION: &str = "span of the end points";

/// The radial potential of a scene that allows the reduction for these end points.
pub(crate) fn applies<'s>(scene: &Scene<'s>, ends: &Ends<'_>) -> Option<&'s dyn Radial> {
    let Some(Density::Potential(potential)) = scene.density else { return None };
    match potential.symmetry() {
        Symmetry::Radial(radial) if scene.geometry.form() == Form::Flat && ends.dim() > 2 => Some(radial),
        _ => None,
    }
}

/// A radial potential in the two coordinates of the span.
pub(crate) struct InSpan<'a> {
    radial: &'a dyn Radial,
}

/// The end points in an orthonormal basis of their span, and the way back.
pub(crate) struct Span {
    start: Array1<f64>,
    end: Array1<f64>,
    /// `[[x_1, y_1], [x_2, y_2]]`: basis vector `k` is `x_k start + y_k end`.
    basis: [[f64; 2]; 2],
}

/// Where the part of one end point across the other is smaller than this, relative, rounding of the inner products hides it.
const SMALLEST_ACROSS: f64 = 1e-7;

impl Span {
    /// The span of the end points, from their three inner products.
    ///
    /// `None` where the end points are parallel to rounding (or one is zero), so that they span no plane.
    pub(crate) fn of(ends: &Ends<'_>) -> Option<Self> {
        let (a, b) = (ends.start(), ends.end());
        let (a, b) = (a.as_standard_layout(), b.as_standard_layout());
        let [aa, ab, bb] = products(a.as_slice()?, b.as_slice()?);
        let across = (bb - ab * (ab / aa)).max(0.0).sqrt();
        if aa <= 0.0 || across <= SMALLEST_ACROSS * bb.sqrt() {
            return None;
        }
        let along = ab / aa.sqrt();
        Some(Self {
            start: Array1::from(vec![aa.sqrt(), 0.0]),
            end: Array1::from(vec![along, across]),
            basis: [[1.0 / aa.sqrt(), 0.0], [-ab / aa / across, 1.0 / across]],
        })
    }

    /// The end points in the two coordinates of the span.
    pub(crate) fn ends<'s>(&'s self, ends: &Ends<'_>) -> Result<Ends<'s>, InterpolateError> {
        let segments =
            std::num::NonZeroUsize::new(ends.segments()).expect("checked when the end points were");
        Ends::new(self.start.view(), self.end.view(), segments)
            .map_err(|error| InterpolateError::EndPoints { reason: error.to_string() })
    }

    /// Takes a curve in the coordinates of the span to the whole space: one pass over the output.
    pub(crate) fn expand(&self, curve: &Curve, ends: &Ends<'_>) -> Result<Curve, InterpolateError> {
        let [first, second] = self.basis;
        let combine = |c: [f64; 2]| [c[0] * first[0] + c[1] * second[0], c[0] * first[1] + c[1] * second[1]];
        let coefficients: Vec<[f64; 2]> =
            curve.points().rows().into_iter().map(|row| combine([row[0], row[1]])).collect();
        let mut curve = Curve::in_plane(ends.start(), ends.end(), &coefficients)?;
        curve.fix_ends(ends);
        Ok(curve)
    }
}

impl<'a> InSpan<'a> {
    pub(crate) fn new(radial: &'a dyn Radial) -> Self {
        Self { radial }
    }
}

fn squared_norms(points: &ArrayView2<'_, f64>) -> Vec<f64> {
    points.rows().into_iter().map(|row| row.iter().map(|x| x * x).sum()).collect()
}

impl Potential for InSpan<'_> {
    fn dim(&self) -> usize {
        2
    }

    fn normalisation(&self) -> Normalisation {
        Normalisation::UpToConstant
    }

    fn symmetry(&self) -> Symmetry<'_> {
        Symmetry::None
    }

    fn value(&self, points: ArrayView2<'_, f64>) -> Result<Array1<f64>, EvalError> {
        let mut values = vec![0.0; points.nrows()];
        self.radial.profile(&squared_norms(&points), &mut values, None);
        Ok(Array1::from(values))
    }

    fn value_and_grad(&self, points: ArrayView2<'_, f64>) -> Result<ValueGrad, EvalError> {
        let mut values = vec![0.0; points.nrows()];
        let mut slopes = vec![0.0; points.nrows()];
        self.radial.profile(&squared_norms(&points), &mut values, Some(&mut slopes));
        let mut grad: Array2<f64> = points.to_owned();
        for (mut row, slope) in grad.rows_mut().into_iter().zip(&slopes) {
            row *= 2.0 * slope;
        }
        Ok(ValueGrad { value: Array1::from(values), grad })
    }
}
