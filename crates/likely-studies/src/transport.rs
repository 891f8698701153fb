//! Parallel transport along discrete curves.

mod study;

pub(crate) use study::STUDY;

use likely_core::{EvalError, Form, Geometry, Inverses, Rows, Tensors};
use ndarray::{Array3, ArrayView2};

/// Why vectors could not be transported.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum TransportError {
    /// The geometry failed between the points of a segment.
    #[error("in segment {segment} of the curve: {error}")]
    Segment {
        /// Index of the segment, from 0.
        segment: usize,
        /// What failed.
        error: EvalError,
    },
    /// The question makes no sense as it was asked.
    #[error("{reason}")]
    Input {
        /// In words, with what would be right.
        reason: String,
    },
}

/// Numbers in all transported vectors: 1 GiB.
const LARGEST: usize = 1 << 27;

/// Transports `vectors` of the first point along a curve: `V' = -Gamma(z', V)`, `Gamma` of the second kind.
///
/// The curve, shape `(segments + 1, dim)`, is interpolated by cubic Hermite pieces with uniform knots on `[0, 1]` and tangents
/// `N (z_{i+1} - z_{i-1}) / 2`, one-sided of second order at the ends. `vectors` has shape `(vectors, dim)`; the result is
/// `(segments + 1, vectors, dim)`, the vectors at every point of the curve. Each segment is integrated by `substeps` steps of
/// the classical fourth-order scheme, so that norms are preserved to that order. Against transport along the smooth curve that
/// the points sample the result is of fourth order in `1 / N` too: the second-order errors of the tangents at both ends of a
/// segment bend it to one side and back, and what is transported feels the area between, in which they cancel.
///
/// # Errors
/// [`TransportError`] where the shapes do not fit, or a point of the interpolated curve is outside the chart.
pub fn parallel_transport(
    geometry: &dyn Geometry,
    curve: ArrayView2<'_, f64>,
    vectors: ArrayView2<'_, f64>,
    substeps: usize,
) -> Result<Array3<f64>, TransportError> {
    check(geometry, curve, vectors, substeps)?;
    let (segments, count, dim) = (curve.nrows() - 1, vectors.nrows(), curve.ncols());
    let points: Vec<f64> = curve.iter().copied().collect();
    let tangents = tangents(&points, segments, dim);
    let mut out = Vec::with_capacity((segments + 1) * count * dim);
    out.extend(vectors.iter());
    let mut transport = Transport::new(geometry, count);
    let mut current: Vec<f64> = out.clone();
    for segment in 0..segments {
        let knots = segment * dim..(segment + 2) * dim;
        let piece = Piece { points: &points[knots.clone()], tangents: &tangents[knots], segments, dim };
        for step in 0..substeps {
            transport
                .step(&piece, step, substeps, &mut current)
                .map_err(|error| TransportError::Segment { segment, error })?;
        }
        out.extend_from_slice(&current);
    }
    Ok(Array3::from_shape_vec((segments + 1, count, dim), out).expect("the vectors were pushed a point"))
}

fn check(
    geometry: &dyn Geometry,
    curve: ArrayView2<'_, f64>,
    vectors: ArrayView2<'_, f64>,
    substeps: usize,
) -> Result<(), TransportError> {
    let input = |reason: String| Err(TransportError::Input { reason });
    let dim = geometry.dim();
    if curve.nrows() < 2 {
        return input(format!("a curve needs at least 2 points, found {}", curve.nrows()));
    }
    for (what, found) in [("the curve", curve.ncols()), ("the vectors", vectors.ncols())] {
        if found != dim {
            return input(format!("{what} has {found} coordinates where the geometry has {dim}"));
        }
    }
    if substeps == 0 {
        return input("0 steps a segment; at least 1 is needed".to_owned());
    }
    if vectors.len().checked_mul(curve.nrows()).is_none_or(|numbers| numbers > LARGEST) {
        return input(format!(
            "{} vectors at {} points in {dim} coordinates are more than {LARGEST} numbers; take fewer",
            vectors.nrows(),
            curve.nrows()
        ));
    }
    for (what, values) in [("curve", curve), ("vectors", vectors)] {
        if values.iter().any(|x| !x.is_finite()) {
            return input(format!("the {what} must be finite"));
        }
    }
    Ok(())
}

/// Tangents at the knots, of a curve over the time 1.
fn tangents(points: &[f64], segments: usize, dim: usize) -> Vec<f64> {
    let n = segments as f64;
    let z = |i: usize, j: usize| points[i * dim + j];
    let mut tangents = Vec::with_capacity(points.len());
    for i in 0..=segments {
        tangents.extend((0..dim).map(|j| {
            if segments == 1 {
                z(1, j) - z(0, j)
            } else if i == 0 {
                n * (2.0 * z(1, j) - 1.5 * z(0, j) - 0.5 * z(2, j))
            } else if i == segments {
                n * (1.5 * z(i, j) - 2.0 * z(i - 1, j) + 0.5 * z(i - 2, j))
            } else {
                0.5 * n * (z(i + 1, j) - z(i - 1, j))
            }
        }));
    }
    tangents
}

/// One piece of the interpolated curve.
struct Piece<'a> {
    /// Both knots.
    points: &'a [f64],
    /// Tangents at both.
    tangents: &'a [f64],
    segments: usize,
    dim: usize,
}

impl Piece<'_> {
    /// Position and velocity at the share `s` of the piece.
    fn at(&self, s: f64) -> (Vec<f64>, Vec<f64>) {
        let width = 1.0 / self.segments as f64;
        let (start, end) = self.points.split_at(self.dim);
        let (from, to) = self.tangents.split_at(self.dim);
        let mut position = Vec::with_capacity(self.dim);
        let mut velocity = Vec::with_capacity(self.dim);
        for (((a, b), m), n) in start.iter().zip(end).zip(from).zip(to) {
            let (m, n) = (m * width, n * width);
            let change = b - a;
            let (cubic, square) = (m + n - 2.0 * change, 3.0 * change - 2.0 * m - n);
            position.push(a + s * (m + s * (square + s * cubic)));
            velocity.push((m + s * (2.0 * square + s * 3.0 * cubic)) / width);
        }
        (position, velocity)
    }
}

/// The right-hand side for several vectors at one point, with its buffers.
struct Transport<'a> {
    geometry: &'a dyn Geometry,
    count: usize,
    tensors: Tensors,
    inverses: Inverses,
}

impl<'a> Transport<'a> {
    fn new(geometry: &'a dyn Geometry, count: usize) -> Self {
        Self { geometry, count, tensors: Tensors::default(), inverses: Inverses::default() }
    }

    /// One step of the classical scheme.
    fn step(
        &mut self,
        piece: &Piece<'_>,
        step: usize,
        substeps: usize,
        v: &mut [f64],
    ) -> Result<(), EvalError> {
        let h = 1.0 / (substeps * piece.segments) as f64;
        let share = |offset: f64| (step as f64 + offset) / substeps as f64;
        let shifted = |v: &[f64], by: f64, k: &[f64]| -> Vec<f64> {
            v.iter().zip(k).map(|(v, k)| v + by * k).collect()
        };
        let middle = share(0.5);
        let first = self.slope(piece, share(0.0), v)?;
        let second = self.slope(piece, middle, &shifted(v, 0.5 * h, &first))?;
        let third = self.slope(piece, middle, &shifted(v, 0.5 * h, &second))?;
        let fourth = self.slope(piece, share(1.0), &shifted(v, h, &third))?;
        for (j, v) in v.iter_mut().enumerate() {
            *v += h / 6.0 * (first[j] + 2.0 * (second[j] + third[j]) + fourth[j]);
        }
        if v.iter().all(|v| v.is_finite()) { Ok(()) } else { Err(EvalError::NonFinitePoint { row: 0 }) }
    }

    /// `-G^-1 Gamma(z', V)` for each vector, `Gamma` of the first kind by polarisation.
    fn slope(&mut self, piece: &Piece<'_>, share: f64, v: &[f64]) -> Result<Vec<f64>, EvalError> {
        let mut out = vec![0.0; v.len()];
        if self.geometry.form() == Form::Flat {
            return Ok(out);
        }
        let dim = piece.dim;
        let (position, velocity) = piece.at(share);
        let positions = position.repeat(self.count);
        let speed = norm(&velocity);
        // Both arguments of the bilinear form at one size, so that its polarisation loses no digits.
        let scales: Vec<f64> = v
            .chunks_exact(dim)
            .map(|v| {
                let size = norm(v);
                if size > 0.0 && speed > 0.0 { speed / size } else { 1.0 }
            })
            .collect();
        let mut gamma = vec![0.0; v.len()];
        for sign in [1.0, -1.0] {
            let mut arguments = Vec::with_capacity(v.len());
            for (v, scale) in v.chunks_exact(dim).zip(&scales) {
                arguments.extend(v.iter().zip(&velocity).map(|(v, u)| u + sign * scale * v));
            }
            self.geometry.christoffel(Rows::new(&positions, dim)?, &arguments, &mut gamma)?;
            out.iter_mut().zip(&gamma).for_each(|(o, g)| *o -= 0.25 * sign * g);
        }
        for (out, scale) in out.chunks_exact_mut(dim).zip(&scales) {
            for o in out {
                *o /= scale;
            }
        }
        self.geometry.tensors(Rows::new(&position, dim)?, &mut self.tensors)?;
        self.inverses.factorise(&self.tensors)?;
        for (lowered, out) in out.chunks_exact(dim).zip(gamma.chunks_exact_mut(dim)) {
            self.inverses.apply_row(0, lowered, out);
        }
        Ok(gamma)
    }
}

fn norm(v: &[f64]) -> f64 {
    v.iter().map(|v| v * v).sum::<f64>().sqrt()
}
