//! The energy of a path on a curved background, its gradient and its preconditioner.

use crate::preconditioner::Preconditioner;
use crate::vector::dot;
use likely_core::{EvalError, Geometry, Projection, Rows, Tensors};
use serde::{Deserialize, Serialize};
use std::cell::RefCell;

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
    /// [`EvalError::OutsideChart`], or [`EvalError::NotPositiveDefinite`] where a step has no positive squared length.
    #[expect(clippy::needless_bitwise_bool, reason = "without an early exit, so that it vectorises")]
    pub(crate) fn energy(&self, path: &[f64]) -> Result<f64, EvalError> {
        let mut room = self.room.borrow_mut();
        let room = &mut *room;
        let at = self.place(path, &mut room.points, &mut room.steps, &mut room.middles)?;
        room.norms.resize(at.count(), 0.0);
        self.geometry.squared_norms(at, &room.steps, &mut room.norms)?;
        if !room.norms.iter().fold(true, |fine, norm| fine & (*norm >= 0.0)) {
            let row = room.norms.iter().position(|norm| norm.is_nan() || *norm < 0.0).unwrap_or_default();
            return Err(EvalError::NotPositiveDefinite { row });
        }
        let energy: f64 = room.norms.iter().sum();
        match &self.penalty {
            None => Ok(energy),
            Some(penalty) => Ok(energy + penalty.value(path, self.dim())?),
        }
    }

    /// The energy, with its gradient in the interior points appended to `gradient`, and the preconditioner there.
    ///
    /// With `frozen`, the derivative of the tensor is left out of the gradient, as the released optimisers do.
    ///
    /// # Errors
    /// As [`Curved::energy`].
    pub(crate) fn linearise(
        &self,
        path: &[f64],
        frozen: bool,
        gradient: &mut Vec<f64>,
        out: &mut Linearised,
    ) -> Result<f64, EvalError> {
        let dim = self.dim();
        let mut room = self.room.borrow_mut();
        let room = &mut *room;
        let at = self.place(path, &mut room.points, &mut out.steps, &mut room.middles)?;
        room.slopes.resize(out.steps.len(), 0.0);
        out.lowered.resize(out.steps.len(), 0.0);
        if frozen {
            self.geometry.tensors(at, &mut out.tensors)?;
        } else {
            self.geometry.linearise(at, &out.steps, &mut out.tensors, &mut room.slopes)?;
        }
        if self.preconditioned {
            out.preconditioner.factorise(&out.tensors)?;
        }
        out.tensors.apply(&out.steps, &mut out.lowered);
        let energy = dot(&out.steps, &out.lowered);
        let lowered = out.lowered.iter().zip(&out.lowered[dim..]);
        match self.quadrature {
            _ if frozen => gradient.extend(lowered.map(|(before, after)| 2.0 * (before - after))),
            Quadrature::Left => gradient.extend(
                lowered
                    .zip(&room.slopes[dim..])
                    .map(|((before, after), slope)| slope + 2.0 * (before - after)),
            ),
            Quadrature::Midpoint => {
                gradient.extend(lowered.zip(room.slopes.iter().zip(&room.slopes[dim..])).map(
                    |((before, after), (slope_before, slope_after))| {
                        0.5 * (slope_before + slope_after) + 2.0 * (before - after)
                    },
                ));
            }
        }
        match &self.penalty {
            None => Ok(energy),
            Some(penalty) => Ok(energy + penalty.add(path, dim, gradient)?),
        }
    }

    /// Lays the whole curve out; returns the points at which the tensors are taken.
    fn place<'r>(
        &self,
        path: &[f64],
        points: &'r mut Vec<f64>,
        steps: &mut Vec<f64>,
        middles: &'r mut Vec<f64>,
    ) -> Result<Rows<'r>, EvalError> {
        let dim = self.dim();
        points.clear();
        points.extend_from_slice(&self.start);
        points.extend_from_slice(path);
        points.extend_from_slice(&self.end);
        steps.clear();
        steps.extend(points[dim..].iter().zip(points.iter()).map(|(to, from)| to - from));
        match self.quadrature {
            Quadrature::Left => Rows::new(&points[..points.len() - dim], dim),
            Quadrature::Midpoint => {
                middles.clear();
                middles.extend(points[dim..].iter().zip(points.iter()).map(|(to, from)| 0.5 * (to + from)));
                Rows::new(middles, dim)
            }
        }
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
