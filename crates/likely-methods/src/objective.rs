//! The regularised energy of a path in flat space.

use crate::vector::{add_scaled, dot, norm, squared_distance};
use crate::weight::Weight;
use crate::{Density, InterpolateError, Weighting, path_laplacian};
use likely_core::{Curve, CurveError, Ends, EvalError};
use ndarray::{Array2, ArrayView2};

/// `R(z) = sum_{i<N} |z_{i+1} - z_i|^2 + lambda_norm sum_{0<i<N} S(z_i)` over paths with fixed end points.
///
/// The end points never enter `S`. Paths are slices of `(segments - 1) * dim` numbers, interior points only.
pub(crate) struct Objective<'a, 'e> {
    density: Option<Density<'a>>,
    ends: &'a Ends<'e>,
    weighting: Weighting,
}

/// A path with everything that one fused evaluation tells about it.
#[derive(Clone)]
pub(crate) struct Iterate {
    /// Interior points, row by row.
    pub(crate) path: Vec<f64>,
    /// `sum |dz|^2`.
    pub(crate) energy: f64,
    /// `lambda_norm sum S`; `None` where the density gives only a score.
    pub(crate) weighted_potential: Option<f64>,
    /// `lambda_norm grad S`, row by row.
    pub(crate) force: Vec<f64>,
    /// Gradient of `R`, row by row.
    pub(crate) grad: Vec<f64>,
    /// Its Euclidean norm.
    pub(crate) grad_norm: f64,
}

impl Iterate {
    /// `R`, where the density gives values.
    pub(crate) fn regularised_energy(&self) -> Option<f64> {
        self.weighted_potential.map(|potential| self.energy + potential)
    }

    /// Whether nothing about the path is NaN or infinite.
    pub(crate) fn is_finite(&self) -> bool {
        self.energy.is_finite()
            && self.grad_norm.is_finite()
            && self.weighted_potential.is_none_or(f64::is_finite)
    }
}

/// The energy on the line `path + t direction`: a parabola.
#[derive(Clone, Copy)]
pub(crate) struct EnergyAlong {
    slope: f64,
    curvature: f64,
}

impl EnergyAlong {
    /// `E(t) - E(0)`.
    pub(crate) fn change(self, t: f64) -> f64 {
        t * (self.slope + t * self.curvature)
    }
}

impl<'a, 'e> Objective<'a, 'e> {
    /// Evaluates the starting path and settles the weight on it.
    ///
    /// Costs one fused evaluation of the interior, or none when the weight is zero.
    pub(crate) fn start(
        density: Option<Density<'a>>,
        ends: &'a Ends<'e>,
        weight: Weight,
        path: Vec<f64>,
    ) -> Result<(Self, Iterate), InterpolateError> {
        let unweighted = Weighting { lambda: weight.lambda(), lambda_norm: 0.0 };
        let mut objective = Self { density: None, ends, weighting: unweighted };
        let energy = objective.energy(&path);
        let (potential, mut force) = match density {
            Some(density) if weight.lambda() > 0.0 => evaluate(density, &path, ends.dim())?,
            _ => (Some(0.0), vec![0.0; path.len()]),
        };
        let dim = ends.dim();
        let bad = |row: &[f64]| row.iter().any(|x| !x.is_finite());
        if let Some(point) = force.chunks_exact(dim).position(bad) {
            return Err(InterpolateError::StartNotFinite { point: point + 1 });
        }
        if potential.is_some_and(|sum| !sum.is_finite()) {
            let point = density.map(|density| first_non_finite(density, &path, dim)).transpose()?;
            return Err(InterpolateError::StartNotFinite { point: point.flatten().unwrap_or(0) + 1 });
        }
        if weight.lambda() > 0.0 {
            let size = if weight.needs_start() {
                potential.map_or_else(|| force.chunks_exact(dim).map(norm).sum(), f64::abs)
            } else {
                0.0
            };
            objective.weighting = weight.resolve(ends.segments(), energy, size);
            objective.density = density;
        }
        let factor = objective.weighting.lambda_norm;
        for f in &mut force {
            *f *= factor;
        }
        let iterate = objective.assemble(path, energy, potential.map(|s| factor * s), force);
        Ok((objective, iterate))
    }

    pub(crate) fn weighting(&self) -> Weighting {
        self.weighting
    }

    pub(crate) fn ends(&self) -> &Ends<'e> {
        self.ends
    }

    pub(crate) fn dim(&self) -> usize {
        self.ends.dim()
    }

    /// Everything about a path, for one fused evaluation of its points; `None` where a coordinate is not finite.
    pub(crate) fn evaluate(&self, path: Vec<f64>) -> Result<Option<Iterate>, EvalError> {
        let energy = self.energy(&path);
        if !energy.is_finite() {
            return Ok(None);
        }
        let Some(density) = self.density else {
            let force = vec![0.0; path.len()];
            return Ok(Some(self.assemble(path, energy, Some(0.0), force)));
        };
        let (potential, mut force) = evaluate(density, &path, self.dim())?;
        let factor = self.weighting.lambda_norm;
        for f in &mut force {
            *f *= factor;
        }
        Ok(Some(self.assemble(path, energy, potential.map(|s| factor * s), force)))
    }

    /// `lambda_norm sum S` alone; NaN for a path that is not finite and for a density that gives only a score.
    pub(crate) fn weighted_potential(&self, path: &[f64]) -> Result<f64, EvalError> {
        if path.iter().any(|x| !x.is_finite()) {
            return Ok(f64::NAN);
        }
        match self.density {
            None => Ok(0.0),
            Some(Density::Score(_)) => Ok(f64::NAN),
            Some(Density::Potential(potential)) => {
                Ok(self.weighting.lambda_norm * potential.value(rows(path, self.dim()))?.sum())
            }
        }
    }

    /// The `ProbGEORCE` direction `-P^-1 grad`.
    pub(crate) fn direction(&self, grad: &[f64]) -> Vec<f64> {
        let mut direction = vec![0.0; grad.len()];
        path_laplacian::solve(grad, self.dim(), &mut direction);
        for p in &mut direction {
            *p = -*p;
        }
        direction
    }

    /// The energy on the line through `iterate`, for O(points * dim) once instead of at every trial.
    pub(crate) fn energy_along(&self, iterate: &Iterate, direction: &[f64]) -> EnergyAlong {
        let dim = self.dim();
        let zero = vec![0.0; dim];
        let curvature =
            segments(&zero, direction, &zero, dim).map(|(from, to)| squared_distance(from, to)).sum();
        // The gradient of the energy is that of R less the force.
        let slope = dot(&iterate.grad, direction) - dot(&iterate.force, direction);
        EnergyAlong { slope, curvature }
    }

    /// The curve through the end points and `path`.
    pub(crate) fn curve(&self, path: &[f64]) -> Result<Curve, CurveError> {
        let mut points = Array2::zeros((self.ends.segments() + 1, self.dim()));
        let dim = self.dim();
        points.row_mut(0).assign(&self.ends.start());
        for (i, row) in path.chunks_exact(dim).enumerate() {
            points.row_mut(i + 1).assign(&ndarray::ArrayView1::from(row));
        }
        points.row_mut(self.ends.segments()).assign(&self.ends.end());
        Curve::new(points)
    }

    fn energy(&self, path: &[f64]) -> f64 {
        let (a, b) = (self.ends.start().to_vec(), self.ends.end().to_vec());
        segments(&a, path, &b, self.dim()).map(|(from, to)| squared_distance(from, to)).sum()
    }

    fn assemble(
        &self,
        path: Vec<f64>,
        energy: f64,
        weighted_potential: Option<f64>,
        force: Vec<f64>,
    ) -> Iterate {
        let dim = self.dim();
        let (a, b) = (self.ends.start().to_vec(), self.ends.end().to_vec());
        let mut grad = force.clone();
        let before = std::iter::once(a.as_slice()).chain(path.chunks_exact(dim));
        let after = path.chunks_exact(dim).skip(1).chain(std::iter::once(b.as_slice()));
        for (((grad, here), before), after) in
            grad.chunks_exact_mut(dim).zip(path.chunks_exact(dim)).zip(before).zip(after)
        {
            for (((g, z), before), after) in grad.iter_mut().zip(here).zip(before).zip(after) {
                *g += 2.0 * ((z - before) - (after - z));
            }
        }
        let grad_norm = norm(&grad);
        Iterate { path, energy, weighted_potential, force, grad, grad_norm }
    }
}

/// The straight path from `ends`, interior points only.
pub(crate) fn straight_path(ends: &Ends<'_>) -> Vec<f64> {
    Curve::straight(ends).interior().iter().copied().collect()
}

/// A step along `direction`.
pub(crate) fn step(iterate: &Iterate, t: f64, direction: &[f64]) -> Vec<f64> {
    add_scaled(&iterate.path, t, direction)
}

fn rows(path: &[f64], dim: usize) -> ArrayView2<'_, f64> {
    ArrayView2::from_shape((path.len() / dim, dim), path).expect("a path is a whole number of points")
}

/// The potential summed over the path (`None` for a score) and the gradient of `S` at its points.
fn evaluate(density: Density<'_>, path: &[f64], dim: usize) -> Result<(Option<f64>, Vec<f64>), EvalError> {
    let flat = |grad: Array2<f64>| {
        let (whole, length) = (grad.is_standard_layout(), grad.len());
        if !whole {
            return grad.iter().copied().collect();
        }
        match grad.into_raw_vec_and_offset() {
            (values, None | Some(0)) if values.len() == length => values,
            (values, offset) => values[offset.unwrap_or(0)..][..length].to_vec(),
        }
    };
    match density {
        Density::Potential(potential) => {
            let both = potential.value_and_grad(rows(path, dim))?;
            Ok((Some(both.value.sum()), flat(both.grad)))
        }
        Density::Score(score) => {
            let mut grad = flat(score.score(rows(path, dim))?);
            for g in &mut grad {
                *g = -*g;
            }
            Ok((None, grad))
        }
    }
}

fn first_non_finite(density: Density<'_>, path: &[f64], dim: usize) -> Result<Option<usize>, EvalError> {
    match density {
        Density::Potential(potential) => {
            Ok(potential.value(rows(path, dim))?.iter().position(|value| !value.is_finite()))
        }
        Density::Score(_) => Ok(None),
    }
}

/// The end points of each segment in order.
fn segments<'s>(
    start: &'s [f64],
    path: &'s [f64],
    end: &'s [f64],
    dim: usize,
) -> impl Iterator<Item = (&'s [f64], &'s [f64])> {
    let from = std::iter::once(start).chain(path.chunks_exact(dim));
    let to = path.chunks_exact(dim).chain(std::iter::once(end));
    from.zip(to)
}
