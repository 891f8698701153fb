//! The energy of a path on a curved background, its gradient and its preconditioner.

use crate::panels::{read, write};
use crate::preconditioner::Preconditioner;
use crate::vector::{Kernel, LANES, dot, total, vectorised};
use likely_core::{EvalError, Geometry, Projection, Rows, Tensors};
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::ops::Range;

/// Where on a segment the tensor is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Quadrature {
    /// At its left end, `sum <dz_i, G(z_i) dz_i>`: as published, of first order and not symmetric in the end points.
    #[default]
    Left,
    /// At its middle, `sum <dz_i, G((z_i + z_{i+1}) / 2) dz_i>`: of second order and symmetric.
    Midpoint,
}

/// A term that holds a path to an embedded manifold: `weight sum_i |P(z_i) - z_i|^2` over interior points.
#[derive(Clone, Copy)]
pub(crate) struct Penalty<'a> {
    pub(crate) projection: &'a dyn Projection,
    pub(crate) weight: f64,
}

/// The energy of paths from `start` to `end`; paths are interior points only, row by row.
pub(crate) struct Curved<'a> {
    geometry: &'a dyn Geometry,
    quadrature: Quadrature,
    penalty: Option<Penalty<'a>>,
    preconditioned: bool,
    start: Vec<f64>,
    end: Vec<f64>,
    room: RefCell<Room>,
}

/// Buffers that every evaluation fills anew.
#[derive(Default)]
struct Room {
    points: Vec<f64>,
    steps: Vec<f64>,
    middles: Vec<f64>,
    slopes: Vec<f64>,
    norms: Vec<f64>,
}

/// Coordinates that are evaluated together where only values are asked for: what is made of them stays in the cache.
const BLOCK: usize = 1024;

/// What an evaluation with derivatives leaves behind: tensors of all segments, and their preconditioner.
#[derive(Debug, Clone, Default)]
pub(crate) struct Linearised {
    pub(crate) tensors: Tensors,
    pub(crate) preconditioner: Preconditioner,
    /// `dz_i` of all segments.
    pub(crate) steps: Vec<f64>,
    /// `G_i dz_i` of all segments.
    pub(crate) lowered: Vec<f64>,
}

impl<'a> Curved<'a> {
    pub(crate) fn new(
        geometry: &'a dyn Geometry,
        quadrature: Quadrature,
        penalty: Option<Penalty<'a>>,
        start: &[f64],
        end: &[f64],
    ) -> Self {
        let (start, end) = (start.to_vec(), end.to_vec());
        Self { geometry, quadrature, penalty, preconditioned: true, start, end, room: RefCell::default() }
    }

    /// The same for a method that never asks for the preconditioner.
    pub(crate) fn without_preconditioner(self) -> Self {
        Self { preconditioned: false, ..self }
    }

    fn dim(&self) -> usize {
        self.start.len()
    }

    /// Whether tensors cost what the density costs.
    pub(crate) fn evaluates_density(&self) -> bool {
        self.geometry.evaluates_density()
    }

    /// The energy, by value alone.
    ///
    /// # Errors
    /// [`EvalError::OutsideChart`], or [`EvalError::NotPositiveDefinite`] where a step has no positive squared length; a row
    /// counts from the first of those that were evaluated together.
    pub(crate) fn energy(&self, path: &[f64]) -> Result<f64, EvalError> {
        let dim = self.dim();
        let mut room = self.room.borrow_mut();
        let Room { points, steps, middles, norms, .. } = &mut *room;
        let segments = path.len() / dim + 1;
        norms.resize(segments, 0.0);
        // A density may be evaluated more cheaply at all points together.
        let rows = if self.evaluates_density() { segments } else { BLOCK.div_ceil(dim) };
        for first in (0..segments).step_by(rows) {
            let block = first..segments.min(first + rows);
            let at = self.place(path, block.clone(), points, steps, middles)?;
            self.geometry.squared_norms(at, steps, &mut norms[block])?;
        }
        let (energy, fine) = vectorised(Total { norms });
        if !fine {
            let row = norms.iter().position(|norm| norm.is_nan() || *norm < 0.0).unwrap_or_default();
            return Err(EvalError::NotPositiveDefinite { row });
        }
        match &self.penalty {
            None => Ok(energy),
            Some(penalty) => Ok(energy + penalty.value(path, dim)?),
        }
    }

    /// Everything but the gradient and the preconditioner: see [`Curved::gradient`] and [`Curved::factorise`].
    ///
    /// With `frozen`, the derivative of the tensor is left out, as the released optimisers do.
    ///
    /// # Errors
    /// As [`Curved::energy`].
    pub(crate) fn linearise(
        &self,
        path: &[f64],
        frozen: bool,
        out: &mut Linearised,
    ) -> Result<(), EvalError> {
        let mut room = self.room.borrow_mut();
        let Room { points, middles, slopes, .. } = &mut *room;
        let segments = path.len() / self.dim() + 1;
        let at = self.place(path, 0..segments, points, &mut out.steps, middles)?;
        slopes.resize(out.steps.len(), 0.0);
        out.lowered.resize(out.steps.len(), 0.0);
        if frozen {
            self.geometry.tensors(at, &mut out.tensors)?;
            out.tensors.apply(&out.steps, &mut out.lowered);
        } else {
            let Linearised { tensors, steps, lowered, .. } = out;
            self.geometry.linearise_lowered(at, steps, tensors, slopes, lowered)?;
        }
        Ok(())
    }

    /// Prepares the preconditioner of the path that was linearised, where the method asks for one.
    ///
    /// # Errors
    /// [`EvalError::NotPositiveDefinite`].
    pub(crate) fn factorise(&self, linearised: &mut Linearised) -> Result<(), EvalError> {
        if self.preconditioned { linearised.preconditioner.factorise(&linearised.tensors) } else { Ok(()) }
    }

    /// The energy of the path that was linearised.
    ///
    /// # Errors
    /// As [`Curved::energy`].
    pub(crate) fn linearised_energy(&self, path: &[f64], linearised: &Linearised) -> Result<f64, EvalError> {
        let energy = dot(&linearised.steps, &linearised.lowered);
        match &self.penalty {
            None => Ok(energy),
            Some(penalty) => Ok(energy + penalty.value(path, self.dim())?),
        }
    }

    /// Writes the gradient of the energy in the interior points of the path that was linearised last, plus `factor force`, over
    /// `gradient`; returns the energy and the squared norm of the gradient.
    ///
    /// # Errors
    /// As [`Curved::energy`].
    pub(crate) fn gradient(
        &self,
        path: &[f64],
        linearised: &Linearised,
        frozen: bool,
        (factor, force): (f64, &[f64]),
        gradient: &mut [f64],
    ) -> Result<(f64, f64), EvalError> {
        let dim = self.dim();
        let room = self.room.borrow();
        let (slopes, Linearised { steps, lowered, .. }) = (&room.slopes, linearised);
        let (energy, square) = match self.quadrature {
            _ if frozen => {
                vectorised(Gradient { slopes: Frozen, steps, lowered, factor, force, out: gradient })
            }
            Quadrature::Left => {
                let slopes = AtPoints(&slopes[dim..]);
                vectorised(Gradient { slopes, steps, lowered, factor, force, out: gradient })
            }
            Quadrature::Midpoint => {
                let slopes = AtMiddles(slopes, &slopes[dim..]);
                vectorised(Gradient { slopes, steps, lowered, factor, force, out: gradient })
            }
        };
        match &self.penalty {
            None => Ok((energy, square)),
            Some(penalty) => {
                let energy = energy + penalty.add(path, dim, gradient)?;
                Ok((energy, dot(gradient, gradient)))
            }
        }
    }

    /// Lays out the segments in `block`; returns the points at which their tensors are taken.
    fn place<'r>(
        &self,
        path: &'r [f64],
        block: Range<usize>,
        points: &'r mut Vec<f64>,
        steps: &mut Vec<f64>,
        middles: &'r mut Vec<f64>,
    ) -> Result<Rows<'r>, EvalError> {
        let (dim, size) = (self.dim(), block.len() * self.dim());
        let from = if block.start == 0 {
            points.clear();
            points.extend_from_slice(&self.start);
            points.extend_from_slice(&path[..size - dim]);
            &points[..]
        } else {
            &path[(block.start - 1) * dim..(block.end - 1) * dim]
        };
        let to = &path[block.start * dim..path.len().min(block.end * dim)];
        steps.resize(size, 0.0);
        let (before, last) = steps.split_at_mut(to.len());
        let (from_before, from_last) = from.split_at(to.len());
        let fine = vectorised(Differences { from: from_before, to, out: before })
            & vectorised(Differences { from: from_last, to: &self.end, out: last });
        // Steps may overflow between finite points; the energy tells.
        if !fine && let Some(j) = from.iter().position(|x| !x.is_finite()) {
            return Err(EvalError::NonFinitePoint { row: j / dim });
        }
        match self.quadrature {
            Quadrature::Left => Rows::new(from, dim),
            Quadrature::Midpoint => {
                middles.clear();
                let pairs = to.iter().chain(&self.end).zip(from);
                middles.extend(pairs.map(|(to, from)| 0.5 * (to + from)));
                Rows::new(middles, dim)
            }
        }
    }
}

/// `to - from`; whether all of it is finite, as it is not where a coordinate is not.
struct Differences<'a> {
    from: &'a [f64],
    to: &'a [f64],
    out: &'a mut [f64],
}

impl Kernel for Differences<'_> {
    type Output = bool;

    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn run(self) -> bool {
        let mut fine = true;
        for ((out, to), from) in self.out.iter_mut().zip(self.to).zip(self.from) {
            *out = to - from;
            fine &= out.is_finite();
        }
        fine
    }
}

/// The sum of squared lengths, and whether there is none that is not a length.
struct Total<'a> {
    norms: &'a [f64],
}

impl Kernel for Total<'_> {
    type Output = (f64, bool);

    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn run(self) -> (f64, bool) {
        let (chunks, rest) = self.norms.as_chunks::<LANES>();
        let (mut lanes, mut fine) = ([0.0; LANES], true);
        for chunk in chunks {
            for (lane, norm) in lanes.iter_mut().zip(chunk) {
                *lane += norm;
                fine &= *norm >= 0.0;
            }
        }
        for (lane, norm) in lanes.iter_mut().zip(rest) {
            *lane += norm;
            fine &= *norm >= 0.0;
        }
        (total(&lanes), fine)
    }
}

/// What the derivative of the tensors adds to the gradient.
trait Slopes {
    /// In the coordinates of the path from `j` on.
    fn at<const W: usize>(&self, j: usize) -> [f64; W];
}

/// Nothing.
struct Frozen;

/// The derivatives at the points of the path.
struct AtPoints<'a>(&'a [f64]);

/// The derivatives in the middles before and after each point.
struct AtMiddles<'a>(&'a [f64], &'a [f64]);

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl Slopes for Frozen {
    #[inline(always)]
    fn at<const W: usize>(&self, _: usize) -> [f64; W] {
        [0.0; W]
    }
}

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl Slopes for AtPoints<'_> {
    #[inline(always)]
    fn at<const W: usize>(&self, j: usize) -> [f64; W] {
        read(self.0, j)
    }
}

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl Slopes for AtMiddles<'_> {
    #[inline(always)]
    fn at<const W: usize>(&self, j: usize) -> [f64; W] {
        let (mut slopes, after) = (read::<W>(self.0, j), read::<W>(self.1, j));
        for (slope, after) in slopes.iter_mut().zip(after) {
            *slope = 0.5 * (*slope + after);
        }
        slopes
    }
}

/// `slopes + 2 (G_{i-1} dz_{i-1} - G_i dz_i) + factor force`; the energy and the squared norm, all in one pass.
struct Gradient<'a, S> {
    slopes: S,
    steps: &'a [f64],
    lowered: &'a [f64],
    factor: f64,
    force: &'a [f64],
    out: &'a mut [f64],
}

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl<S: Slopes> Gradient<'_, S> {
    #[inline(always)]
    fn at<const W: usize>(&mut self, j: usize, energy: &mut [f64; W], square: &mut [f64; W]) {
        let dim = self.lowered.len() - self.out.len();
        let (steps, before) = (read::<W>(self.steps, j), read::<W>(self.lowered, j));
        let (after, force) = (read::<W>(self.lowered, j + dim), read::<W>(self.force, j));
        let mut gradient = self.slopes.at::<W>(j);
        for l in 0..W {
            energy[l] += steps[l] * before[l];
            gradient[l] = (gradient[l] + 2.0 * (before[l] - after[l])) + self.factor * force[l];
            square[l] += gradient[l] * gradient[l];
        }
        write(self.out, j, gradient);
    }
}

impl<S: Slopes> Kernel for Gradient<'_, S> {
    type Output = (f64, f64);

    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn run(mut self) -> (f64, f64) {
        let length = self.out.len();
        let whole = length / LANES * LANES;
        let (mut energy, mut square) = ([0.0; LANES], [0.0; LANES]);
        for j in (0..whole).step_by(LANES) {
            self.at(j, &mut energy, &mut square);
        }
        for j in whole..length {
            let l = j - whole;
            let (mut one, mut other) = ([energy[l]], [square[l]]);
            self.at(j, &mut one, &mut other);
            (energy[l], square[l]) = (one[0], other[0]);
        }
        // The last segment ends in no point of the path.
        let (steps, steps_rest) = self.steps[length..].as_chunks::<LANES>();
        let (lowered, lowered_rest) = self.lowered[length..].as_chunks::<LANES>();
        for (steps, lowered) in steps.iter().zip(lowered) {
            for l in 0..LANES {
                energy[l] += steps[l] * lowered[l];
            }
        }
        for ((energy, step), lowered) in energy.iter_mut().zip(steps_rest).zip(lowered_rest) {
            *energy += step * lowered;
        }
        (total(&energy), total(&square))
    }
}

impl Penalty<'_> {
    /// `P(z) - z` for each point.
    fn deviations(&self, path: &[f64], dim: usize) -> Result<Vec<f64>, EvalError> {
        let mut deviations = vec![0.0; path.len()];
        self.projection.project(Rows::new(path, dim)?, &mut deviations)?;
        deviations.iter_mut().zip(path).for_each(|(d, z)| *d -= z);
        Ok(deviations)
    }

    fn value(&self, path: &[f64], dim: usize) -> Result<f64, EvalError> {
        let deviations = self.deviations(path, dim)?;
        Ok(self.weight * dot(&deviations, &deviations))
    }

    /// The value, with its gradient added to `gradient`.
    fn add(&self, path: &[f64], dim: usize, gradient: &mut [f64]) -> Result<f64, EvalError> {
        let deviations = self.deviations(path, dim)?;
        let mut pulled = vec![0.0; path.len()];
        self.projection.pull_back(Rows::new(path, dim)?, &deviations, &mut pulled)?;
        for ((g, p), d) in gradient.iter_mut().zip(&pulled).zip(&deviations) {
            *g += 2.0 * self.weight * (p - d);
        }
        Ok(self.weight * dot(&deviations, &deviations))
    }
}
