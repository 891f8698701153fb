//! Exact reduction to the span of the end points.
//!
//! With a flat background, a potential `S(x) = phi(|x|^2)` and a start in the span of the end points, the gradient of `S`
//! at a point of the span lies in the span, so every iterate of a gradient method does. In an orthonormal basis of the
//! span the problem is the same one in two coordinates.

use crate::vector::{dot, norm};
use crate::{Density, InterpolateError, Scene};
use likely_core::{Curve, Ends, EvalError, Form, Normalisation, Potential, Radial, Symmetry, ValueGrad};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2};

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

/// An orthonormal basis of the span and the end points in it.
pub(crate) struct Span {
    basis: [Vec<f64>; 2],
    start: Array1<f64>,
    end: Array1<f64>,
}

impl Span {
    /// The span of the end points; parallel or zero end points leave the second (or either) coordinate zero.
    pub(crate) fn of(ends: &Ends<'_>) -> Self {
        let (a, b) = (ends.start().to_vec(), ends.end().to_vec());
        // Starting from the longer vector keeps the subtraction below well conditioned.
        let (a_norm, b_norm) = (norm(&a), norm(&b));
        let (long, long_norm) = if a_norm >= b_norm { (&a, a_norm) } else { (&b, b_norm) };
        let first: Vec<f64> = long.iter().map(|x| x / long_norm).collect();
        let short = if a_norm >= b_norm { &b } else { &a };
        let mut second = short.clone();
        let mut along = 0.0;
        // The second pass removes what rounding left of the first.
        for _ in 0..2 {
            let part = dot(&second, &first);
            along += part;
            for (s, f) in second.iter_mut().zip(&first) {
                *s -= part * f;
            }
        }
        let across = norm(&second);
        if across > f64::EPSILON * long_norm {
            for s in &mut second {
                *s /= across;
            }
        } else {
            second.fill(0.0);
        }
        let in_basis = |is_long: bool| {
            if is_long { Array1::from(vec![long_norm, 0.0]) } else { Array1::from(vec![along, across]) }
        };
        let (start, end) = (in_basis(a_norm >= b_norm), in_basis(a_norm < b_norm));
        Self { basis: [first, second], start, end }
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
        let coefficients: Vec<[f64; 2]> =
            curve.points().rows().into_iter().map(|row| [row[0], row[1]]).collect();
        let [first, second] = &self.basis;
        let mut curve = Curve::in_plane(ArrayView1::from(first), ArrayView1::from(second), &coefficients)?;
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
