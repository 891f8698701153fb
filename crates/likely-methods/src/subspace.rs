//! Exact reduction to the span of the end points and the centre of the potential.
//!
//! Where the tensor is a multiple of the identity that depends on the norm alone, and the potential on the distance to a
//! centre alone, the gradient at a path in the span of the end points and the centre lies in that span, and so does every
//! iterate. In an orthonormal basis the problem is the same one in at most three coordinates.

use crate::vector::dot;
use crate::{Density, InterpolateError, Scene};
use likely_core::{
    Curve, Ends, EvalError, Form, Geometry, Normalisation, Potential, Radial, Symmetry, ValueGrad,
};
use ndarray::{Array1, Array2, ArrayView2};
use std::num::NonZeroUsize;

/// What a row says about it.
pub(crate) const REDUCTION: &str = "span of the end points and the centre of the potential";

/// A vector whose part outside the span of the others is smaller than this, relative, lies in it but for rounding.
const SMALLEST_ACROSS: f64 = 1e-13;

/// A problem in the coordinates of its span.
pub(crate) struct Subspace<'a> {
    /// Orthonormal, one vector a row.
    basis: Vec<Vec<f64>>,
    start: Array1<f64>,
    end: Array1<f64>,
    pub(crate) geometry: Box<dyn Geometry>,
    pub(crate) potential: Option<InSubspace<'a>>,
}

/// A potential that depends on the distance to a point alone, in the coordinates of the span.
pub(crate) struct InSubspace<'a> {
    centre: Vec<f64>,
    profile: &'a dyn Radial,
}

impl<'a> Subspace<'a> {
    /// The reduction, where the scene has the symmetry and the span is smaller than the space.
    pub(crate) fn of(scene: &Scene<'a>, ends: &Ends<'_>, weighted: bool) -> Option<Self> {
        let density = match scene.density {
            Some(Density::Potential(potential)) if weighted => match potential.symmetry() {
                // In flat space the reduction to the plane of the end points does better.
                Symmetry::Radial(_) if scene.geometry.form() == Form::Flat => return None,
                Symmetry::Radial(profile) => Some((None, profile)),
                Symmetry::RadialAbout { centre, profile } => Some((Some(centre), profile)),
                _ => return None,
            },
            Some(Density::Score(_)) if weighted => return None,
            _ => None,
        };
        let (start, end) = (ends.start().to_vec(), ends.end().to_vec());
        let centre = density.and_then(|(centre, _)| centre);
        let points: Vec<&[f64]> =
            [Some(start.as_slice()), Some(&end), centre].into_iter().flatten().collect();
        if points.len() >= ends.dim() {
            return None;
        }
        let basis = orthonormal(&points);
        // One coordinate would leave no room for a curve to bend in when rounding pushes it.
        let geometry = scene.geometry.rotational(basis.len()).filter(|_| basis.len() >= 2)?;
        let coordinates =
            |point: &[f64]| -> Vec<f64> { basis.iter().map(|direction| dot(direction, point)).collect() };
        let potential = density.map(|(centre, profile)| InSubspace {
            centre: centre.map_or_else(|| vec![0.0; basis.len()], coordinates),
            profile,
        });
        let (start, end) = (Array1::from(coordinates(&start)), Array1::from(coordinates(&end)));
        Some(Self { basis, start, end, geometry, potential })
    }

    /// The end points in the coordinates of the span.
    pub(crate) fn ends<'s>(&'s self, ends: &Ends<'_>) -> Result<Ends<'s>, InterpolateError> {
        let segments = NonZeroUsize::new(ends.segments()).expect("checked when the end points were");
        Ends::new(self.start.view(), self.end.view(), segments)
            .map_err(|error| InterpolateError::EndPoints { reason: error.to_string() })
    }

    /// Takes a curve in the coordinates of the span to the whole space: one pass over the output.
    pub(crate) fn expand(&self, curve: &Curve, ends: &Ends<'_>) -> Result<Curve, InterpolateError> {
        let mut points = Array2::zeros((curve.segments() + 1, ends.dim()));
        for (mut point, coordinates) in points.rows_mut().into_iter().zip(curve.points().rows()) {
            let point = point.as_slice_mut().expect("rows of an owned array are contiguous");
            for (direction, c) in self.basis.iter().zip(coordinates) {
                point.iter_mut().zip(direction).for_each(|(p, d)| *p += c * d);
            }
        }
        let mut curve = Curve::new(points)?;
        curve.fix_ends(ends);
        Ok(curve)
    }
}

/// An orthonormal basis of the span of `points`.
fn orthonormal(points: &[&[f64]]) -> Vec<Vec<f64>> {
    let mut basis: Vec<Vec<f64>> = Vec::new();
    for point in points {
        let size = dot(point, point).sqrt();
        let mut across = point.to_vec();
        // Twice is enough (Parlett): what rounding leaves of the others after the first pass, the second takes away.
        for _ in 0..2 {
            for direction in &basis {
                let share = dot(direction, &across);
                across.iter_mut().zip(direction).for_each(|(a, d)| *a -= share * d);
            }
        }
        let left = dot(&across, &across).sqrt();
        if left > SMALLEST_ACROSS * size {
            for a in &mut across {
                *a /= left;
            }
            basis.push(across);
        }
    }
    basis
}

impl InSubspace<'_> {
    fn squared_distances(&self, points: &ArrayView2<'_, f64>) -> Vec<f64> {
        let distance = |row: ndarray::ArrayView1<'_, f64>| {
            row.iter().zip(&self.centre).map(|(x, c)| (x - c) * (x - c)).sum()
        };
        points.rows().into_iter().map(distance).collect()
    }
}

impl Potential for InSubspace<'_> {
    fn dim(&self) -> usize {
        self.centre.len()
    }

    fn normalisation(&self) -> Normalisation {
        Normalisation::UpToConstant
    }

    fn symmetry(&self) -> Symmetry<'_> {
        Symmetry::None
    }

    fn value(&self, points: ArrayView2<'_, f64>) -> Result<Array1<f64>, EvalError> {
        let mut values = vec![0.0; points.nrows()];
        self.profile.profile(&self.squared_distances(&points), &mut values, None);
        Ok(Array1::from(values))
    }

    fn value_and_grad(&self, points: ArrayView2<'_, f64>) -> Result<ValueGrad, EvalError> {
        let mut values = vec![0.0; points.nrows()];
        let mut slopes = vec![0.0; points.nrows()];
        self.profile.profile(&self.squared_distances(&points), &mut values, Some(&mut slopes));
        let mut grad: Array2<f64> = points.to_owned();
        for (mut row, slope) in grad.rows_mut().into_iter().zip(&slopes) {
            row.iter_mut().zip(&self.centre).for_each(|(g, c)| *g = 2.0 * slope * (*g - c));
        }
        Ok(ValueGrad { value: Array1::from(values), grad })
    }
}
