//! Means by closed-form logarithms, without curves.

use super::problem::{Data, MeanError};
use likely_core::{ClosedForm, EvalError, Form, Geometry, Rows, Stop, Tensors};
use ndarray::{Array1, ArrayView2};
use serde::{Deserialize, Serialize};

/// An intrinsic mean.
#[derive(Debug, Clone, PartialEq)]
pub struct KarcherMean {
    /// The mean.
    pub mean: Array1<f64>,
    /// `sum_k w_k d(mu, x_k)^2`.
    pub objective: f64,
    /// The Riemannian norm of the weighted average of the logarithms there, zero at a stationary point.
    pub gradient_norm: f64,
    /// Why the iteration stopped.
    pub stop: Stop,
    /// Iterations taken.
    pub iterations: u32,
}

const HALVINGS: u32 = 40;
/// Differences of the objective below this, relative, are rounding.
const ROUNDING: f64 = 1e-14;

/// The point that minimises `sum_k w_k d(mu, x_k)^2` near the average of the points, by
/// `mu <- exp_mu(t sum_k w_k log_mu(x_k) / sum_k w_k)`, halving `t = 1` while the sum grows.
///
/// # Source
/// Karcher 1977; Pennec 2006.
///
/// # Errors
/// [`MeanError`] where the geometry has no closed form, the input does not fit, or a point is in the cut locus of the mean.
pub fn karcher_mean(
    geometry: &dyn Geometry,
    points: ArrayView2<'_, f64>,
    weights: Option<&[f64]>,
    tolerance: f64,
    max_iterations: u32,
) -> Result<KarcherMean, MeanError> {
    let data = Data::new(geometry, points, weights)?;
    let input = |reason: &str| MeanError::Input { reason: reason.to_owned() };
    let closed_form = geometry
        .closed_form()
        .ok_or_else(|| input("the geometry has no closed-form logarithm; use the mean of curves"))?;
    if tolerance.is_nan() || tolerance < 0.0 {
        return Err(input("the tolerance must not be negative"));
    }
    let mut at = data.average();
    let mut average = Average::default();
    average.evaluate(geometry, closed_form, &data, &at)?;
    let (mut iterations, mut trial, mut moved) = (0, Average::default(), vec![0.0; data.dim]);
    let stop = loop {
        let grad_norm_l2 = average.norm;
        if grad_norm_l2 <= tolerance {
            break Stop::Converged { grad_norm_l2 };
        }
        if iterations == max_iterations {
            break Stop::IterationLimit { grad_norm_l2 };
        }
        let mut t = 1.0;
        let mut found = false;
        for _ in 0..HALVINGS {
            let step: Vec<f64> = average.logarithm.iter().map(|v| t * v).collect();
            let inside = closed_form
                .exp(&at, &step, &mut moved)
                .and_then(|()| trial.evaluate(geometry, closed_form, &data, &moved));
            let allowed = average.objective * (1.0 + ROUNDING);
            if inside.is_ok() && trial.objective <= allowed && trial.norm.is_finite() {
                found = true;
                break;
            }
            t *= 0.5;
        }
        if !found {
            break Stop::Stalled { grad_norm_l2 };
        }
        std::mem::swap(&mut average, &mut trial);
        at.copy_from_slice(&moved);
        iterations += 1;
    };
    Ok(KarcherMean {
        mean: Array1::from_vec(at),
        objective: average.objective,
        gradient_norm: average.norm,
        stop,
        iterations,
    })
}

/// The weighted average of the logarithms of the data at a point.
#[derive(Default)]
struct Average {
    logarithm: Vec<f64>,
    objective: f64,
    norm: f64,
    /// Logarithms of all points, and the point repeated.
    all: Vec<f64>,
    repeated: Vec<f64>,
    tensor: Tensors,
    squares: Vec<f64>,
}

impl Average {
    fn evaluate(
        &mut self,
        geometry: &dyn Geometry,
        closed_form: &dyn ClosedForm,
        data: &Data,
        at: &[f64],
    ) -> Result<(), EvalError> {
        let (dim, count) = (data.dim, data.weights.len());
        self.all.resize(count * dim, 0.0);
        closed_form.logs(at, Rows::new(&data.points, dim)?, &mut self.all)?;
        self.logarithm.clear();
        self.logarithm.resize(dim, 0.0);
        let total: f64 = data.weights.iter().sum();
        for (log, w) in self.all.chunks_exact(dim).zip(&data.weights) {
            self.logarithm.iter_mut().zip(log).for_each(|(l, v)| *l += w / total * v);
        }
        // The average is one more row, so that one call measures all.
        self.all.extend_from_slice(&self.logarithm);
        self.squares.resize(count + 1, 0.0);
        geometry.tensors(Rows::new(at, dim)?, &mut self.tensor)?;
        let factor = match self.tensor.form() {
            Form::Flat => Some(1.0),
            Form::Conformal => Some(self.tensor.diagonal_part()[0]),
            _ => None,
        };
        if let Some(factor) = factor {
            for (square, log) in self.squares.iter_mut().zip(self.all.chunks_exact(dim)) {
                *square = factor * log.iter().map(|v| v * v).sum::<f64>();
            }
        } else {
            self.repeated.clear();
            for _ in 0..=count {
                self.repeated.extend_from_slice(at);
            }
            geometry.squared_norms(Rows::new(&self.repeated, dim)?, &self.all, &mut self.squares)?;
        }
        self.objective = self.squares.iter().zip(&data.weights).map(|(s, w)| w * s).sum();
        self.norm = self.squares[count].sqrt();
        Ok(())
    }
}

/// Which way a spherical mean is stepped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SphericalStep {
    /// Along the average logarithm, towards the points.
    #[default]
    Corrected,
    /// Against it, so that it ends at the antipode.
    ///
    /// # Source
    /// `torch_geometry/manifolds/spherical.py`, `Spherical.mean_com`, commit 397ebf3.
    Released,
}

/// The mean of directions, times the mean of the norms: `iterations` steps of length `rate` from the first point.
///
/// # Errors
/// [`MeanError::Input`] where there are no points, one is zero or not finite.
pub fn spherical_mean(
    points: ArrayView2<'_, f64>,
    step: SphericalStep,
    rate: f64,
    iterations: u32,
) -> Result<Array1<f64>, MeanError> {
    let norms: Vec<f64> = points.rows().into_iter().map(|row| row.dot(&row).sqrt()).collect();
    if norms.is_empty() || norms.iter().any(|n| !(*n > 0.0 && n.is_finite())) {
        let reason = "a spherical mean needs at least 1 point, and all finite and not zero".to_owned();
        return Err(MeanError::Input { reason });
    }
    let mut directions = points.to_owned();
    for (mut row, norm) in directions.rows_mut().into_iter().zip(&norms) {
        row /= *norm;
    }
    let sign = if step == SphericalStep::Corrected { 1.0 } else { -1.0 };
    let mut at = directions.row(0).to_owned();
    for _ in 0..iterations {
        let mut average = Array1::<f64>::zeros(at.len());
        for direction in directions.rows() {
            let cosine = at.dot(&direction);
            let across = &direction - &(&at * cosine);
            let sine = across.dot(&across).sqrt();
            if sine > 0.0 {
                average.scaled_add(sine.atan2(cosine) / sine / norms.len() as f64, &across);
            }
        }
        let tangent = average * (sign * rate);
        let angle = tangent.dot(&tangent).sqrt();
        if angle > 0.0 {
            at = &at * angle.cos() + &tangent * (angle.sin() / angle);
            let size = at.dot(&at).sqrt();
            at /= size;
        }
    }
    Ok(at * (norms.iter().sum::<f64>() / norms.len() as f64))
}
