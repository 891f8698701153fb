//! Discrete curves and the end points they join.

use ndarray::{Array2, ArrayView1, ArrayView2, s};
use std::num::NonZeroUsize;

/// Why an array is not a curve.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CurveError {
    /// Fewer than two points.
    #[error("a curve needs at least 2 points, found {found}")]
    TooFewPoints {
        /// Points given.
        found: usize,
    },
    /// No coordinates.
    #[error("a curve needs at least 1 coordinate")]
    NoCoordinates,
    /// A coordinate is NaN or infinite.
    #[error("point {point} of the curve has a coordinate that is not finite")]
    NonFinite {
        /// Index of the first such point.
        point: usize,
    },
}

/// Why two points cannot be joined.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum EndsError {
    /// The end points have different numbers of coordinates.
    #[error("the start has {start} coordinates and the end has {end}; they must agree")]
    DifferentDimensions {
        /// Coordinates of the start.
        start: usize,
        /// Coordinates of the end.
        end: usize,
    },
    /// The end points have no coordinates.
    #[error("end points need at least 1 coordinate")]
    NoCoordinates,
    /// A coordinate is NaN, infinite, or so large that sums of two overflow.
    #[error(
        "coordinate {coordinate} of the {which} is {value}; coordinates must be finite and below 1e150 in size"
    )]
    OutOfRange {
        /// `start` or `end`.
        which: &'static str,
        /// Index of the coordinate.
        coordinate: usize,
        /// The coordinate.
        value: f64,
    },
    /// Both end points are the same.
    #[error(
        "start and end are the same point, so there is nothing to interpolate; give two different points"
    )]
    Equal,
}

/// Largest coordinate of an end point: its square is still finite, and so are sums of a million such squares.
const LARGEST_COORDINATE: f64 = 1e150;

/// `segments + 1` points in order, both end points included; at least 2 points, all finite.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    points: Array2<f64>,
}

impl Curve {
    /// Checks that `points`, shape `(segments + 1, dim)`, form a curve.
    ///
    /// # Errors
    /// [`CurveError`] where there are too few points, no coordinates, or one is not finite.
    pub fn new(points: Array2<f64>) -> Result<Self, CurveError> {
        if points.nrows() < 2 {
            return Err(CurveError::TooFewPoints { found: points.nrows() });
        }
        if points.ncols() == 0 {
            return Err(CurveError::NoCoordinates);
        }
        // Without an early exit inside a row the check vectorises.
        let bad = |row: ArrayView1<'_, f64>| !row.iter().fold(true, |all, x| all & x.is_finite());
        match points.rows().into_iter().position(bad) {
            Some(point) => Err(CurveError::NonFinite { point }),
            None => Ok(Self { points }),
        }
    }

    /// The straight line `z_i = a + (i / N) (b - a)`.
    pub fn straight(ends: &Ends<'_>) -> Self {
        let n = ends.segments();
        let coefficients: Vec<[f64; 2]> =
            (0..=n).map(|i| i as f64 / n as f64).map(|t| [1.0 - t, t]).collect();
        let mut curve = Self { points: combine(ends.start(), ends.end(), &coefficients) };
        curve.fix_ends(ends);
        curve
    }

    /// The curve `z_i = x_i p + y_i q` for coefficients `(x_i, y_i)`, one pair a point: all curves in a plane are of this form.
    ///
    /// `p` and `q` have `dim` coordinates each. The work is one pass over the output.
    ///
    /// # Errors
    /// [`CurveError`] where there are too few points, no coordinates, or a point is not finite.
    pub fn in_plane(
        p: ArrayView1<'_, f64>,
        q: ArrayView1<'_, f64>,
        coefficients: &[[f64; 2]],
    ) -> Result<Self, CurveError> {
        if coefficients.len() < 2 {
            return Err(CurveError::TooFewPoints { found: coefficients.len() });
        }
        if p.is_empty() || p.len() != q.len() {
            return Err(CurveError::NoCoordinates);
        }
        let bounded = |x: f64| x.abs() < LARGEST_COORDINATE;
        let basis_is_bounded = [p, q].into_iter().all(|v| v.iter().fold(true, |all, &x| all & bounded(x)));
        let points = combine(p, q, coefficients);
        if basis_is_bounded && coefficients.iter().flatten().all(|&c| bounded(c)) {
            // Products of such numbers and their sums are finite, so the points need no check of their own.
            return Ok(Self { points });
        }
        Self::new(points)
    }

    /// Replaces the first and last point by the exact end points, which rounding may have moved.
    ///
    /// # Panics
    /// If the dimensions differ.
    pub fn fix_ends(&mut self, ends: &Ends<'_>) {
        let last = self.segments();
        self.points.row_mut(0).assign(&ends.start());
        self.points.row_mut(last).assign(&ends.end());
    }

    /// All points, shape `(segments + 1, dim)`.
    pub fn points(&self) -> ArrayView2<'_, f64> {
        self.points.view()
    }

    /// The points that a method may move, shape `(segments - 1, dim)`.
    pub fn interior(&self) -> ArrayView2<'_, f64> {
        self.points.slice(s![1..self.segments(), ..])
    }

    /// Number of segments, `N`.
    pub fn segments(&self) -> usize {
        self.points.nrows() - 1
    }

    /// Number of coordinates.
    pub fn dim(&self) -> usize {
        self.points.ncols()
    }

    /// Gives the points away.
    pub fn into_points(self) -> Array2<f64> {
        self.points
    }
}

/// The two points to join, with the number of segments and, where a method wants them, the data that they encode.
#[derive(Debug, Clone, Copy)]
pub struct Ends<'a> {
    start: ArrayView1<'a, f64>,
    end: ArrayView1<'a, f64>,
    segments: NonZeroUsize,
    data: Option<(ArrayView1<'a, f64>, ArrayView1<'a, f64>)>,
}

impl<'a> Ends<'a> {
    /// Checks that the two points can be joined.
    ///
    /// # Errors
    /// [`EndsError`] where the dimensions differ, a coordinate is out of range, or the points are equal.
    pub fn new(
        start: ArrayView1<'a, f64>,
        end: ArrayView1<'a, f64>,
        segments: NonZeroUsize,
    ) -> Result<Self, EndsError> {
        if start.len() != end.len() {
            return Err(EndsError::DifferentDimensions { start: start.len(), end: end.len() });
        }
        if start.is_empty() {
            return Err(EndsError::NoCoordinates);
        }
        for (which, point) in [("start", start), ("end", end)] {
            check_range(which, point)?;
        }
        if start == end {
            return Err(EndsError::Equal);
        }
        Ok(Self { start, end, segments, data: None })
    }

    /// Adds the data points that the two end points encode, which `NoiseDiffusion` mixes in.
    ///
    /// # Errors
    /// [`EndsError`] where their dimension differs from that of the end points, or a coordinate is out of range.
    pub fn with_data(self, start: ArrayView1<'a, f64>, end: ArrayView1<'a, f64>) -> Result<Self, EndsError> {
        for (which, point) in [("data of the start", start), ("data of the end", end)] {
            if point.len() != self.dim() {
                return Err(EndsError::DifferentDimensions { start: self.dim(), end: point.len() });
            }
            check_range(which, point)?;
        }
        Ok(Self { data: Some((start, end)), ..self })
    }

    /// The first point of the curve.
    pub fn start(&self) -> ArrayView1<'a, f64> {
        self.start
    }

    /// The last point of the curve.
    pub fn end(&self) -> ArrayView1<'a, f64> {
        self.end
    }

    /// Number of segments, `N`.
    pub fn segments(&self) -> usize {
        self.segments.get()
    }

    /// Number of coordinates.
    pub fn dim(&self) -> usize {
        self.start.len()
    }

    /// The data that the end points encode, where given.
    pub fn data(&self) -> Option<(ArrayView1<'a, f64>, ArrayView1<'a, f64>)> {
        self.data
    }
}

/// One row `x p + y q` for each pair of coefficients.
fn combine(p: ArrayView1<'_, f64>, q: ArrayView1<'_, f64>, coefficients: &[[f64; 2]]) -> Array2<f64> {
    let (p, q) = (p.as_standard_layout(), q.as_standard_layout());
    let points = pulp::Arch::new().dispatch(Combine { p: slice_of(&p), q: slice_of(&q), coefficients });
    Array2::from_shape_vec((coefficients.len(), p.len()), points).expect("one row a pair of coefficients")
}

/// The loop of [`combine`], compiled once for each vector width; a closure would be compiled for the narrowest alone.
struct Combine<'a> {
    p: &'a [f64],
    q: &'a [f64],
    coefficients: &'a [[f64; 2]],
}

impl pulp::WithSimd for Combine<'_> {
    type Output = Vec<f64>;

    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> Vec<f64> {
        let mut points = Vec::with_capacity(self.coefficients.len() * self.p.len());
        for [x, y] in self.coefficients {
            points.extend(self.p.iter().zip(self.q).map(|(p, q)| x * p + y * q));
        }
        points
    }
}

fn slice_of<'a>(v: &'a ndarray::CowArray<'_, f64, ndarray::Ix1>) -> &'a [f64] {
    v.as_slice().expect("standard layout is contiguous")
}

fn check_range(which: &'static str, point: ArrayView1<'_, f64>) -> Result<(), EndsError> {
    // `x < bound` is false for NaN. The fold has no early exit, so that it vectorises.
    let in_range = |x: &f64| x.abs() < LARGEST_COORDINATE;
    if point.iter().fold(true, |all, x| all & in_range(x)) {
        return Ok(());
    }
    let coordinate = point.iter().position(|x| !in_range(x)).unwrap_or_default();
    Err(EndsError::OutOfRange { which, coordinate, value: point[coordinate] })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn segments(n: usize) -> NonZeroUsize {
        NonZeroUsize::new(n).unwrap()
    }

    #[test]
    fn a_straight_line_hits_both_ends_exactly() {
        let (a, b) = (array![0.1, -0.7], array![0.3, 1.9]);
        let curve = Curve::straight(&Ends::new(a.view(), b.view(), segments(7)).unwrap());
        assert_eq!(curve.segments(), 7);
        assert_eq!(curve.points().row(0), a);
        assert_eq!(curve.points().row(7), b);
        assert_eq!(curve.interior().dim(), (6, 2));
    }

    #[test]
    fn a_plane_curve_is_the_combination_of_its_basis() {
        let (p, q) = (array![1.0, 0.0, 2.0], array![0.0, 3.0, -1.0]);
        let curve = Curve::in_plane(p.view(), q.view(), &[[1.0, 0.0], [0.5, 2.0]]).unwrap();
        assert_eq!(curve.points(), array![[1.0, 0.0, 2.0], [0.5, 6.0, -1.0]]);
        let overflow = Curve::in_plane(p.view(), q.view(), &[[1.0, 0.0], [f64::MAX, f64::MAX]]);
        assert_eq!(overflow, Err(CurveError::NonFinite { point: 1 }));
        assert_eq!(
            Curve::in_plane(p.view(), q.view(), &[[1.0, 0.0]]),
            Err(CurveError::TooFewPoints { found: 1 })
        );
    }

    #[test]
    fn what_is_not_a_curve_is_refused() {
        assert_eq!(Curve::new(array![[1.0]]), Err(CurveError::TooFewPoints { found: 1 }));
        assert_eq!(Curve::new(Array2::zeros((2, 0))), Err(CurveError::NoCoordinates));
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(Curve::new(array![[1.0], [bad]]), Err(CurveError::NonFinite { point: 1 }));
        }
    }

    #[test]
    fn ends_that_cannot_be_joined_are_refused() {
        let ends = |a: &[f64], b: &[f64]| {
            Ends::new(ArrayView1::from(a), ArrayView1::from(b), segments(2)).map(|_| ())
        };
        assert_eq!(ends(&[1.0], &[1.0, 2.0]), Err(EndsError::DifferentDimensions { start: 1, end: 2 }));
        assert_eq!(ends(&[], &[]), Err(EndsError::NoCoordinates));
        assert_eq!(ends(&[1.0], &[1.0]), Err(EndsError::Equal));
        assert!(matches!(ends(&[1.0], &[f64::NAN]), Err(EndsError::OutOfRange { which: "end", .. })));
        assert!(matches!(ends(&[1e200], &[1.0]), Err(EndsError::OutOfRange { which: "start", .. })));
    }
}
