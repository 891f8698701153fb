//! The regularised energy of a path.

use crate::curved::{Curved, Linearised};
use crate::vector::{Kernel, all_finite, dot, extend_scaled, norm, squared_distance, vectorised};
use crate::weight::Weight;
use crate::{Density, InterpolateError, Weighting, path_laplacian};
use likely_core::{Curve, CurveError, Ends, EvalError, Potential};
use ndarray::{Array2, ArrayView2};
use std::cell::RefCell;
use std::rc::Rc;

/// `R(z) = sum_{i<N} <dz_i, G dz_i> + lambda_norm sum_{0<i<N} S(z_i)` over paths with fixed end points, `dz_i = z_{i+1} - z_i`.
///
/// In flat space `G = I` and the energy is a parabola along every line, which a search exploits. The end points never enter
/// `S`. Paths are slices of `(segments - 1) * dim` numbers, interior points only.
pub(crate) struct Objective<'a, 'e> {
    density: Option<Density<'a>>,
    /// The background, where it is not flat.
    curved: Option<Rc<Curved<'a>>>,
    /// Whether gradients leave out the derivative of the tensor.
    frozen: bool,
    ends: &'a Ends<'e>,
    start: Vec<f64>,
    end: Vec<f64>,
    weighting: Weighting,
    /// Vectors of the size of a path that are free again: in high dimension, fresh pages cost more than the arithmetic.
    spare: RefCell<Vec<Vec<f64>>>,
    /// Likewise for tensors.
    #[expect(clippy::vec_box, reason = "iterates hold them boxed")]
    spare_tensors: RefCell<Vec<Box<Linearised>>>,
}

/// What an objective is made of.
pub(crate) struct Setting<'a> {
    /// What is known of the density.
    pub(crate) density: Option<Density<'a>>,
    /// The background, where it is not flat.
    pub(crate) curved: Option<Curved<'a>>,
    /// Whether gradients leave out the derivative of the tensor.
    pub(crate) frozen: bool,
}

/// A path with everything that one fused evaluation tells about it.
#[derive(Clone)]
pub(crate) struct Iterate {
    /// Interior points, row by row.
    pub(crate) path: Vec<f64>,
    /// `sum <dz, G dz>`.
    pub(crate) energy: f64,
    /// `lambda_norm sum S`; `None` where the density gives only a score.
    pub(crate) weighted_potential: Option<f64>,
    /// `grad S`, row by row, without its weight.
    pub(crate) force: Vec<f64>,
    /// Gradient of `R`, row by row.
    pub(crate) grad: Vec<f64>,
    /// Its Euclidean norm.
    pub(crate) grad_norm: f64,
    /// The tensors of its segments, where the background is not flat.
    pub(crate) linearised: Option<Box<Linearised>>,
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

/// The energy on the line `path + t direction`.
#[derive(Clone, Copy)]
pub(crate) enum EnergyAlong {
    /// In flat space, a parabola.
    Parabola {
        /// `E'(0)`.
        slope: f64,
        /// `E''(0) / 2`.
        curvature: f64,
    },
    /// On a curved background: evaluated at every trial.
    Evaluated,
}

/// Most vectors that are kept for later.
const SPARE: usize = 8;

impl<'a, 'e> Objective<'a, 'e> {
    /// Evaluates the starting path and settles the weight on it.
    ///
    /// Costs one fused evaluation of the interior, or none when the weight is zero.
    pub(crate) fn start(
        setting: Setting<'a>,
        ends: &'a Ends<'e>,
        weight: Weight,
        path: Vec<f64>,
    ) -> Result<(Self, Iterate), InterpolateError> {
        let mut objective = Self {
            density: setting.density.filter(|_| weight.is_positive()),
            curved: setting.curved.map(Rc::new),
            frozen: setting.frozen,
            ends,
            start: ends.start().to_vec(),
            end: ends.end().to_vec(),
            weighting: Weighting { lambda: weight.lambda().unwrap_or(0.0), lambda_norm: 0.0 },
            spare: RefCell::default(),
            spare_tensors: RefCell::default(),
        };
        // Cheaper than the density, and it knows the chart.
        let mut linearised = objective.linearise(&path).map_err(InterpolateError::Geometry)?;
        objective.factorise(linearised.as_deref_mut()).map_err(InterpolateError::Geometry)?;
        let start_energy = objective.energy_of(&path, linearised.as_deref())?;
        let (potential, force) = objective.finite_density(&path)?;
        if objective.density.is_some() {
            let size = match potential {
                _ if !weight.needs_start() => 0.0,
                Some(sum) => sum.abs(),
                None => force.chunks_exact(ends.dim()).map(norm).sum(),
            };
            objective.weighting = weight.resolve(ends.segments(), start_energy, size);
        }
        let iterate = objective.assemble(path, potential, force, linearised)?;
        Ok((objective, iterate))
    }

    /// The first iterate on a path that the caller gave.
    pub(crate) fn start_at(&self, path: Vec<f64>) -> Result<Iterate, InterpolateError> {
        let mut linearised = self.linearise(&path).map_err(InterpolateError::Geometry)?;
        self.factorise(linearised.as_deref_mut()).map_err(InterpolateError::Geometry)?;
        let (potential, force) = self.finite_density(&path)?;
        let iterate = self.assemble(path, potential, force, linearised)?;
        if iterate.is_finite() {
            return Ok(iterate);
        }
        let reason = "the energy of the starting curve overflows; give one with shorter steps".to_owned();
        Err(InterpolateError::EndPoints { reason })
    }

    /// The density on a starting path, or its first point where that is not finite.
    fn finite_density(&self, path: &[f64]) -> Result<(Option<f64>, Vec<f64>), InterpolateError> {
        let dim = self.dim();
        let (potential, force) = self.evaluate_density(path)?;
        if let Some(point) = force.chunks_exact(dim).position(|row| !all_finite(row)) {
            return Err(InterpolateError::StartNotFinite { point: point + 1 });
        }
        if potential.is_some_and(|sum| !sum.is_finite()) {
            let point = self.density.map(|density| first_non_finite(density, path, dim)).transpose()?;
            return Err(InterpolateError::StartNotFinite { point: point.flatten().unwrap_or(0) + 1 });
        }
        Ok((potential, force))
    }

    /// The same problem with another density at the same weight, and its iterate where `iterate` is.
    ///
    /// `density` must have the forces of `iterate` there; its potential counts from there.
    pub(crate) fn with_density<'m>(
        &'m self,
        density: &'m dyn Potential,
        iterate: &Iterate,
    ) -> (Objective<'m, 'e>, Iterate) {
        let objective = Objective {
            density: Some(Density::Potential(density)),
            curved: self.curved.clone(),
            frozen: self.frozen,
            ends: self.ends,
            start: self.start.clone(),
            end: self.end.clone(),
            weighting: self.weighting,
            spare: RefCell::default(),
            spare_tensors: RefCell::default(),
        };
        (objective, Iterate { weighted_potential: Some(0.0), ..iterate.clone() })
    }

    /// Whether there is a density with a weight.
    pub(crate) fn is_weighted(&self) -> bool {
        self.density.is_some() && self.weighting.lambda_norm > 0.0
    }

    /// Whether tensors cost nothing beside the density.
    pub(crate) fn has_cheap_tensors(&self) -> bool {
        self.curved.as_ref().is_some_and(|curved| !curved.evaluates_density())
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
        self.evaluate_with(path, |objective, path| {
            let mut linearised = objective.linearise(path)?;
            objective.factorise(linearised.as_deref_mut())?;
            Ok(linearised)
        })
    }

    /// The same for a path that may be rejected, without its preconditioner: see [`Objective::factorised`].
    pub(crate) fn evaluate_unfactorised(&self, path: Vec<f64>) -> Result<Option<Iterate>, EvalError> {
        self.evaluate_with(path, Self::linearise)
    }

    /// The iterate with its preconditioner; `None` where a tensor is not positive definite.
    pub(crate) fn factorised(&self, mut iterate: Iterate) -> Result<Option<Iterate>, EvalError> {
        match self.factorise(iterate.linearised.as_deref_mut()) {
            Ok(()) => Ok(Some(iterate)),
            Err(error) if is_rejection(&error) => {
                self.recycle_iterate(iterate);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn factorise(&self, linearised: Option<&mut Linearised>) -> Result<(), EvalError> {
        match (&self.curved, linearised) {
            (Some(curved), Some(linearised)) => curved.factorise(linearised),
            _ => Ok(()),
        }
    }

    fn evaluate_with(
        &self,
        path: Vec<f64>,
        linearise: impl Fn(&Self, &[f64]) -> Result<Option<Box<Linearised>>, EvalError>,
    ) -> Result<Option<Iterate>, EvalError> {
        if self.curved.is_none() && !all_finite(&path) {
            self.recycle(path);
            return Ok(None);
        }
        // On an embedded manifold the density and the penalty know the chart too: both project.
        let whole = linearise(self, &path).and_then(|linearised| {
            let (potential, force) = self.evaluate_density(&path)?;
            self.assemble(path, potential, force, linearised)
        });
        match whole {
            Ok(iterate) => Ok(Some(iterate)),
            Err(error) if is_rejection(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// `R` on the line through `iterate` at `t`, where `path` is; NaN where it has none.
    pub(crate) fn trial(
        &self,
        iterate: &Iterate,
        along: EnergyAlong,
        t: f64,
        path: &[f64],
    ) -> Result<f64, EvalError> {
        let energy = match along {
            EnergyAlong::Parabola { slope, curvature } => iterate.energy + t * (slope + t * curvature),
            EnergyAlong::Evaluated => {
                let whole = self.energy(path).and_then(|energy| Ok(energy + self.potential_of_finite(path)?));
                return match whole {
                    Err(error) if is_rejection(&error) => Ok(f64::NAN),
                    whole => whole,
                };
            }
        };
        Ok(energy + self.weighted_potential(path)?)
    }

    /// The same where the path was evaluated as `trial` already.
    pub(crate) fn trial_evaluated(
        iterate: &Iterate,
        along: EnergyAlong,
        t: f64,
        trial: Option<&Iterate>,
    ) -> f64 {
        let Some(trial) = trial else { return f64::NAN };
        let potential = trial.weighted_potential.unwrap_or(f64::NAN);
        match along {
            EnergyAlong::Parabola { slope, curvature } => {
                iterate.energy + t * (slope + t * curvature) + potential
            }
            EnergyAlong::Evaluated => trial.energy + potential,
        }
    }

    /// `lambda_norm sum S` alone; NaN for a path that is not finite and for a density that gives only a score.
    pub(crate) fn weighted_potential(&self, path: &[f64]) -> Result<f64, EvalError> {
        if self.density.is_some() && !all_finite(path) {
            Ok(f64::NAN)
        } else {
            self.potential_of_finite(path)
        }
    }

    fn potential_of_finite(&self, path: &[f64]) -> Result<f64, EvalError> {
        match self.density {
            None => Ok(0.0),
            Some(Density::Potential(potential)) => {
                Ok(self.weighting.lambda_norm * potential.value(rows(path, self.dim()))?.sum())
            }
            Some(Density::Score(_)) => Ok(f64::NAN),
        }
    }

    /// A step from `iterate` along `direction`.
    pub(crate) fn step(&self, iterate: &Iterate, t: f64, direction: &[f64]) -> Vec<f64> {
        let mut path = self.buffer();
        extend_scaled(&mut path, &iterate.path, t, direction);
        path
    }

    /// The `ProbGEORCE` direction `-P^-1 grad` at `iterate`.
    pub(crate) fn direction(&self, iterate: &Iterate) -> Vec<f64> {
        let mut direction = self.used_buffer();
        match &iterate.linearised {
            None => {
                path_laplacian::solve(&iterate.grad, self.dim(), &mut direction);
                for p in &mut direction {
                    *p = -*p;
                }
            }
            Some(linearised) => linearised.preconditioner.descend(&iterate.grad, &mut direction),
        }
        direction
    }

    /// `P^-1 rhs` with the preconditioner at `iterate`.
    pub(crate) fn precondition(&self, iterate: &Iterate, rhs: &[f64], out: &mut [f64]) {
        match &iterate.linearised {
            None => path_laplacian::solve(rhs, self.dim(), out),
            Some(linearised) => linearised.preconditioner.solve(rhs, out),
        }
    }

    /// Writes the part of the gradient at `iterate` that is not `2 (G_{i-1} dz_{i-1} - G_i dz_i)` over `out`: the derivative of
    /// the tensors and the weighted force. The background is curved.
    pub(crate) fn less_inner(&self, iterate: &Iterate, out: &mut Vec<f64>) {
        let lowered = iterate.linearised.as_ref().map_or(&[][..], |linearised| &linearised.lowered);
        let (before, after) = (lowered, lowered.get(self.dim()..).unwrap_or_default());
        out.clear();
        out.extend(iterate.grad.iter().zip(before.iter().zip(after)).map(|(g, (b, a))| g - 2.0 * (b - a)));
    }

    /// The end point less the start.
    pub(crate) fn displacement(&self) -> Vec<f64> {
        self.end.iter().zip(&self.start).map(|(end, start)| end - start).collect()
    }

    /// The energy on the line through `iterate`: in flat space for O(points * dim) once instead of at every trial.
    pub(crate) fn energy_along(&self, iterate: &Iterate, direction: &[f64]) -> EnergyAlong {
        if self.curved.is_some() {
            return EnergyAlong::Evaluated;
        }
        let dim = self.dim();
        let zero = vec![0.0; dim];
        let curvature =
            segments(&zero, direction, &zero, dim).map(|(from, to)| squared_distance(from, to)).sum();
        // The gradient of the energy is that of R less the weighted force.
        let slope =
            dot(&iterate.grad, direction) - self.weighting.lambda_norm * dot(&iterate.force, direction);
        EnergyAlong::Parabola { slope, curvature }
    }

    /// The curve through the end points and `path`.
    pub(crate) fn curve(&self, path: &[f64]) -> Result<Curve, CurveError> {
        let points = [self.start.as_slice(), path, self.end.as_slice()].concat();
        let shape = (self.ends.segments() + 1, self.dim());
        Curve::new(
            Array2::from_shape_vec(shape, points).expect("a path is one point fewer than there are segments"),
        )
    }

    /// Numbers in a path.
    fn size(&self) -> usize {
        (self.ends.segments() - 1) * self.dim()
    }

    /// An empty vector with room for a path.
    pub(crate) fn buffer(&self) -> Vec<f64> {
        let mut buffer = self.spare.borrow_mut().pop().unwrap_or_else(|| Vec::with_capacity(self.size()));
        buffer.clear();
        buffer
    }

    /// A vector of the size of a path, with numbers that are to be written over.
    fn used_buffer(&self) -> Vec<f64> {
        let mut buffer = self.spare.borrow_mut().pop().unwrap_or_default();
        buffer.resize(self.size(), 0.0);
        buffer
    }

    /// Takes a vector back that is not needed any more.
    pub(crate) fn recycle(&self, buffer: Vec<f64>) {
        let mut spare = self.spare.borrow_mut();
        if spare.len() < SPARE {
            spare.push(buffer);
        }
    }

    /// Takes the vectors of an iterate back.
    pub(crate) fn recycle_iterate(&self, iterate: Iterate) {
        for buffer in [iterate.path, iterate.force, iterate.grad] {
            self.recycle(buffer);
        }
        if let Some(linearised) = iterate.linearised {
            self.recycle_tensors(linearised);
        }
    }

    fn recycle_tensors(&self, linearised: Box<Linearised>) {
        let mut spare = self.spare_tensors.borrow_mut();
        if spare.len() < SPARE {
            spare.push(linearised);
        }
    }

    /// `sum <dz, G dz>` by value alone.
    fn energy(&self, path: &[f64]) -> Result<f64, EvalError> {
        match &self.curved {
            None => Ok(self.flat_energy(path)),
            Some(curved) => curved.energy(path),
        }
    }

    fn flat_energy(&self, path: &[f64]) -> f64 {
        segments(&self.start, path, &self.end, self.dim()).map(|(from, to)| squared_distance(from, to)).sum()
    }

    /// What a curved background tells about a path but for the gradient.
    fn linearise(&self, path: &[f64]) -> Result<Option<Box<Linearised>>, EvalError> {
        let Some(curved) = &self.curved else { return Ok(None) };
        let mut linearised = self.spare_tensors.borrow_mut().pop().unwrap_or_default();
        match curved.linearise(path, self.frozen, &mut linearised) {
            Ok(()) => Ok(Some(linearised)),
            Err(error) => {
                self.recycle_tensors(linearised);
                Err(error)
            }
        }
    }

    /// `sum <dz, G dz>` of a path that was linearised where the background is curved.
    fn energy_of(&self, path: &[f64], linearised: Option<&Linearised>) -> Result<f64, EvalError> {
        match (&self.curved, linearised) {
            (Some(curved), Some(linearised)) => curved.linearised_energy(path, linearised),
            _ => Ok(self.flat_energy(path)),
        }
    }

    /// An iterate from its parts; the background is curved where the path was linearised.
    fn assemble(
        &self,
        path: Vec<f64>,
        potential: Option<f64>,
        force: Vec<f64>,
        linearised: Option<Box<Linearised>>,
    ) -> Result<Iterate, EvalError> {
        let (Some(curved), Some(linearised)) = (&self.curved, linearised) else {
            return Ok(self.assemble_flat(path, potential, force));
        };
        let factor = self.weighting.lambda_norm;
        let mut grad = self.used_buffer();
        let (energy, square) =
            curved.gradient(&path, &linearised, self.frozen, (factor, &force), &mut grad)?;
        let weighted_potential = potential.map(|sum| factor * sum);
        let linearised = Some(linearised);
        Ok(Iterate { path, energy, weighted_potential, force, grad, grad_norm: square.sqrt(), linearised })
    }

    /// The potential summed over the path (`None` for a score) and the gradient of `S` at its points.
    fn evaluate_density(&self, path: &[f64]) -> Result<(Option<f64>, Vec<f64>), EvalError> {
        match self.density {
            None => {
                let mut force = self.buffer();
                force.resize(path.len(), 0.0);
                Ok((Some(0.0), force))
            }
            Some(Density::Potential(potential)) => {
                let both = potential.value_and_grad(rows(path, self.dim()))?;
                Ok((Some(both.value.sum()), flat(both.grad)))
            }
            Some(Density::Score(score)) => {
                let mut grad = flat(score.score(rows(path, self.dim()))?);
                for g in &mut grad {
                    *g = -*g;
                }
                Ok((None, grad))
            }
        }
    }

    /// An iterate in flat space.
    fn assemble_flat(&self, path: Vec<f64>, potential: Option<f64>, force: Vec<f64>) -> Iterate {
        let (dim, factor) = (self.dim(), self.weighting.lambda_norm);
        let mut grad = self.buffer();
        let (mut energy, mut square) = (0.0, 0.0);
        let before = std::iter::once(self.start.as_slice()).chain(path.chunks_exact(dim));
        let after = path.chunks_exact(dim).skip(1).chain(std::iter::once(self.end.as_slice()));
        let here = path.chunks_exact(dim).zip(force.chunks_exact(dim));
        // Row by row, so that what one sum reads is still in the cache for the next.
        for (((here, force), before), after) in here.zip(before).zip(after) {
            let from = grad.len();
            vectorised(RowGradient { out: &mut grad, factor, force, before, here, after });
            square += dot(&grad[from..], &grad[from..]);
            energy += squared_distance(before, here);
        }
        let last = path.chunks_exact(dim).next_back().unwrap_or(&self.start);
        energy += squared_distance(last, &self.end);
        let weighted_potential = potential.map(|sum| factor * sum);
        let grad_norm = square.sqrt();
        Iterate { path, energy, weighted_potential, force, grad, grad_norm, linearised: None }
    }
}

/// Appends the gradient of `R` in one point: `factor force + 2 ((z - before) - (after - z))`.
struct RowGradient<'a> {
    out: &'a mut Vec<f64>,
    factor: f64,
    force: &'a [f64],
    before: &'a [f64],
    here: &'a [f64],
    after: &'a [f64],
}

impl Kernel for RowGradient<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn run(self) {
        let neighbours = self.before.iter().zip(self.after);
        let here = self.here.iter().zip(self.force);
        self.out.extend(
            here.zip(neighbours)
                .map(|((z, f), (before, after))| self.factor * f + 2.0 * ((z - before) - (after - z))),
        );
    }
}

/// Whether a trial is rejected for this error: a shorter step may have a tensor.
fn is_rejection(error: &EvalError) -> bool {
    matches!(
        error,
        EvalError::OutsideChart { .. }
            | EvalError::NotPositiveDefinite { .. }
            | EvalError::NonFinitePoint { .. }
    )
}

/// The straight path from `ends`, interior points only.
pub(crate) fn straight_path(ends: &Ends<'_>) -> Vec<f64> {
    let curve = Curve::straight(ends);
    let interior = curve.interior();
    interior.as_slice().map_or_else(|| interior.iter().copied().collect(), <[f64]>::to_vec)
}

fn rows(path: &[f64], dim: usize) -> ArrayView2<'_, f64> {
    ArrayView2::from_shape((path.len() / dim, dim), path).expect("a path is a whole number of points")
}

/// The values of an array in row-major order, without a copy where it owns them so.
fn flat(grad: Array2<f64>) -> Vec<f64> {
    if !grad.is_standard_layout() {
        return grad.iter().copied().collect();
    }
    let length = grad.len();
    match grad.into_raw_vec_and_offset() {
        (values, None | Some(0)) if values.len() == length => values,
        (values, offset) => values[offset.unwrap_or(0)..][..length].to_vec(),
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
