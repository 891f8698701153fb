//! The generalised Fréchet mean: what is asked, and what comes out.

use super::adaptive::{Rates, adapt};
use super::descent::{Failure, Limits, Outcome, descend, released};
use super::layout::Layout;
use super::objective::{Iterate, Objective, view};
use likely_core::{EvalError, Geometry, Rows, Stop};
use likely_methods::Density;
use ndarray::{Array1, Array3, ArrayView1, ArrayView2};
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;

/// How the weight of the potential is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MeanWeight {
    /// `lambda_norm = lambda E_0 / |S_0|` on the starting lines, `S_0` over interior points and `K` times at the first mean;
    /// for scores the sum of their norms in place of `|S_0|`, the first mean once.
    ///
    /// # Source
    /// `jax_geometry/prob_means` and `torch_geometry/prob_means`, commit 397ebf3.
    Relative(f64),
    /// `lambda_norm = lambda`.
    Absolute(f64),
    /// `lambda_norm = lambda / N^2`: the same problem at every number of segments.
    Continuous(f64),
}

impl MeanWeight {
    pub(crate) fn lambda(self) -> f64 {
        let (Self::Relative(lambda) | Self::Absolute(lambda) | Self::Continuous(lambda)) = self;
        lambda
    }
}

/// How a mean is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MeanSearch {
    /// Preconditioned steps with sufficient decrease of the objective itself.
    Armijo,
    /// Limited-memory quasi-Newton directions on top of the same preconditioner.
    Accelerated {
        /// Steps that are remembered.
        memory: usize,
    },
    /// Moments of the gradient decide the step; the only one for models that give only a score.
    Adaptive {
        /// Largest step, in (0, 1].
        rate: f64,
        /// Share of the past in the average of gradient and tensors, in [0, 1).
        beta1: f64,
        /// Share of the past in the average of the squared norm, in [0, 1).
        beta2: f64,
    },
    /// As released: it compares objectives with different numbers of terms and stops on a gradient averaged over the data,
    /// so it stalls where the potential at the mean is positive.
    Released {
        /// Factor from one trial of a step to the next, in (0, 1); 0.9 in the released code.
        reduction: f64,
    },
}

impl Default for MeanSearch {
    fn default() -> Self {
        Self::Accelerated { memory: 10 }
    }
}

/// Curves from data to one point that minimise
/// `F = sum_k w_k [sum_i <u_ki, G(z_ki) u_ki> + lambda_norm sum_{0<i<N} S(z_ki)] + eta lambda_norm S(mu)`.
///
/// # Source
/// arXiv 2510.26266, version 2, equation 8; `eta` is ours.
#[derive(Clone, Copy)]
pub struct MeanProblem<'a> {
    /// The geometry.
    pub geometry: &'a dyn Geometry,
    /// The density, where there is one.
    pub density: Option<Density<'a>>,
    /// The data, shape `(points, dim)`.
    pub points: ArrayView2<'a, f64>,
    /// Weights of the points, positive; 1 each where there are none.
    pub weights: Option<&'a [f64]>,
    /// Segments of each curve, at least 2.
    pub segments: usize,
    /// The weight of the potential.
    pub weight: MeanWeight,
    /// Whether the potential at the mean itself counts, with the weight of all points together.
    pub at_mean: bool,
}

/// Where to start, and when to stop.
#[derive(Debug, Clone, Copy)]
pub struct MeanLimits<'a> {
    /// The first mean; the average of the points where there is none.
    pub start: Option<ArrayView1<'a, f64>>,
    /// Whether the mean stays where it starts, so that only the curves to it are looked for.
    pub held: bool,
    /// Bound on the Euclidean norm of the gradient in all curves and the mean together.
    pub tolerance: f64,
    /// Most iterations.
    pub max_iterations: u32,
}

impl Default for MeanLimits<'_> {
    fn default() -> Self {
        Self { start: None, held: false, tolerance: 1e-6, max_iterations: 1000 }
    }
}

/// A mean with its curves.
#[derive(Debug, Clone, PartialEq)]
pub struct Mean {
    /// The mean.
    pub mean: Array1<f64>,
    /// Curves from the mean to each point, shape `(points, segments + 1, dim)`.
    pub curves: Array3<f64>,
    /// `F`, where values of the potential are known.
    pub objective: Option<f64>,
    /// `sum_k w_k E_k`.
    pub energy: f64,
    /// Euclidean norm of the gradient of `F` in all curves and the mean together.
    pub gradient_norm: f64,
    /// The largest norm of the gradient in one curve and the mean.
    pub largest_curve_gradient: f64,
    /// Why the search stopped.
    pub stop: Stop,
    /// Iterations taken.
    pub iterations: u32,
    /// The factor in front of the potential.
    pub lambda_norm: f64,
}

/// Why there is no mean.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum MeanError {
    /// The question makes no sense as it was asked.
    #[error("{reason}")]
    Input {
        /// In words, with what would be right.
        reason: String,
    },
    /// The geometry or the model failed.
    #[error(transparent)]
    Eval(#[from] EvalError),
    /// The observer asked to stop.
    #[error("interrupted")]
    Interrupted,
}

fn input<T>(reason: String) -> Result<T, MeanError> {
    Err(MeanError::Input { reason })
}

/// Numbers in all points of all curves: 512 MiB a buffer.
const LARGEST: usize = 1 << 26;
/// Below this the potential of the starting lines is taken for zero, as released.
const NEGLIGIBLE_POTENTIAL: f64 = 1e-6;

/// Data and weights that fit each other and the geometry: row by row, and a weight at each.
pub(crate) struct Data {
    pub(crate) points: Vec<f64>,
    pub(crate) weights: Vec<f64>,
    pub(crate) dim: usize,
}

impl Data {
    pub(crate) fn new(
        geometry: &dyn Geometry,
        points: ArrayView2<'_, f64>,
        weights: Option<&[f64]>,
    ) -> Result<Self, MeanError> {
        let (count, dim) = points.dim();
        if count == 0 {
            return input("there are no points; a mean needs at least 1".to_owned());
        }
        if dim != geometry.dim() {
            return input(format!(
                "the points have {dim} coordinates where the geometry has {}",
                geometry.dim()
            ));
        }
        if let Some(row) = points.rows().into_iter().position(|row| row.iter().any(|x| !x.is_finite())) {
            return Err(EvalError::NonFinitePoint { row }.into());
        }
        let weights = match weights {
            None => vec![1.0; count],
            Some(weights) if weights.len() != count => {
                return input(format!(
                    "{} weights for {count} points; there must be one each",
                    weights.len()
                ));
            }
            Some(weights) => weights.to_vec(),
        };
        if let Some(k) = weights.iter().position(|w| !(*w > 0.0 && w.is_finite())) {
            return input(format!(
                "weight {k} is {}; weights must be positive and finite, leave points of weight zero out",
                weights[k]
            ));
        }
        let points: Vec<f64> = points.iter().copied().collect();
        // A point outside the chart is named by its own row.
        let mut norms = vec![0.0; count];
        geometry.squared_norms(Rows::new(&points, dim)?, &vec![0.0; points.len()], &mut norms)?;
        Ok(Self { points, weights, dim })
    }

    pub(crate) fn average(&self) -> Vec<f64> {
        let mut mean = vec![0.0; self.dim];
        for point in self.points.chunks_exact(self.dim) {
            mean.iter_mut().zip(point).for_each(|(m, x)| *m += x);
        }
        for m in &mut mean {
            *m /= self.weights.len() as f64;
        }
        mean
    }
}

impl MeanProblem<'_> {
    /// The mean nearest to where the search starts; `observe` is told iterations and gradient norm after each.
    ///
    /// # Errors
    /// [`MeanError`] where no mean comes out. Running out of iterations is a [`Stop`].
    pub fn solve(
        &self,
        search: MeanSearch,
        limits: MeanLimits<'_>,
        observe: &mut dyn FnMut(u32, f64) -> ControlFlow<()>,
    ) -> Result<Mean, MeanError> {
        let data = Data::new(self.geometry, self.points, self.weights)?;
        self.check(search, &limits, &data)?;
        let layout = Layout { segments: self.segments, count: data.weights.len(), dim: data.dim };
        let total: f64 = data.weights.iter().sum();
        let mut objective = Objective {
            geometry: self.geometry,
            density: self.density,
            layout,
            weights: data.weights.iter().flat_map(|&w| std::iter::repeat_n(w, data.dim)).collect(),
            lambda_norm: 0.0,
            at_mean: if self.at_mean { total } else { 0.0 },
            held: limits.held,
        };
        let start = limits.start.map_or_else(|| data.average(), |start| start.to_vec());
        let mut iterate = Iterate::at(layout, &data.points, &layout.straight(&data.points, &start));
        let on_line = |error| self.name_start(error, layout.count);
        objective.evaluate(&mut iterate).map_err(on_line)?;
        objective.lambda_norm = self.resolve(&objective, &iterate)?;
        if objective.lambda_norm > 0.0 {
            objective.evaluate(&mut iterate).map_err(on_line)?;
        }
        if !iterate.is_finite() {
            return input(
                "energy or potential is not finite on the straight lines to the first mean; start elsewhere"
                    .to_owned(),
            );
        }
        let limits = Limits { tolerance: limits.tolerance, max_iterations: limits.max_iterations, observe };
        let outcome = match search {
            MeanSearch::Armijo => descend(&objective, iterate, 0, limits),
            MeanSearch::Accelerated { memory } => descend(&objective, iterate, memory, limits),
            MeanSearch::Adaptive { rate, beta1, beta2 } => {
                adapt(&objective, iterate, Rates { rate, beta1, beta2 }, limits)
            }
            MeanSearch::Released { reduction } => released(&objective, iterate, reduction, limits),
        };
        match outcome {
            Ok(outcome) => Ok(finish(&objective, outcome)),
            Err(Failure::Interrupted) => Err(MeanError::Interrupted),
            Err(Failure::Eval(error)) => Err(self.name_row(error, layout.count, "a curve")),
        }
    }

    fn check(&self, search: MeanSearch, limits: &MeanLimits<'_>, data: &Data) -> Result<(), MeanError> {
        let (count, dim) = self.points.dim();
        if self.segments < 2 {
            return input(format!("{} segments; curves of a mean have at least 2", self.segments));
        }
        let size = self.segments.checked_add(1).and_then(|n| n.checked_mul(data.points.len()));
        if size.is_none_or(|size| size > LARGEST) {
            return input(format!(
                "{count} curves of {} segments in {dim} coordinates are more than {LARGEST} numbers; take fewer",
                self.segments
            ));
        }
        let lambda = self.weight.lambda();
        if !(lambda >= 0.0 && lambda.is_finite()) {
            return input(format!("lambda is {lambda}; it must be finite and not negative"));
        }
        match self.density {
            None if lambda > 0.0 => {
                return input(
                    "a positive weight needs a density; name a model or take lambda = 0".to_owned(),
                );
            }
            Some(Density::Score(_)) if lambda > 0.0 && !matches!(search, MeanSearch::Adaptive { .. }) => {
                return input(
                    "this search needs values of the potential and the model gives only a score; use `adaptive`"
                        .to_owned(),
                );
            }
            _ => {}
        }
        let model = match self.density {
            None => dim,
            Some(Density::Potential(potential)) => potential.dim(),
            Some(Density::Score(score)) => score.dim(),
        };
        if model != dim {
            return input(format!("the points have {dim} coordinates where the density has {model}"));
        }
        if let Some(start) = limits.start
            && (start.len() != dim || start.iter().any(|x| !x.is_finite()))
        {
            return input(format!("the first mean must be {dim} finite numbers"));
        }
        if !(limits.tolerance >= 0.0 && limits.tolerance.is_finite()) {
            return input(format!("tolerance is {}; it must be finite and not negative", limits.tolerance));
        }
        match search {
            MeanSearch::Adaptive { rate, beta1, beta2 }
                if !(rate > 0.0
                    && rate <= 1.0
                    && (0.0..1.0).contains(&beta1)
                    && (0.0..1.0).contains(&beta2)) =>
            {
                input(format!("rate {rate} must be in (0, 1], beta1 {beta1} and beta2 {beta2} in [0, 1)"))
            }
            MeanSearch::Released { reduction } if !(reduction > 0.0 && reduction < 1.0) => {
                input(format!("reduction is {reduction}; it must be in (0, 1)"))
            }
            MeanSearch::Accelerated { memory } if memory.saturating_mul(size.unwrap_or(0)) > 4 * LARGEST => {
                input(format!("{memory} remembered steps of that size are too many; remember fewer"))
            }
            _ => Ok(()),
        }
    }

    /// The factor in front of the potential.
    fn resolve(&self, objective: &Objective<'_>, start: &Iterate) -> Result<f64, MeanError> {
        let lambda = self.weight.lambda();
        let (Some(density), true) = (self.density, lambda > 0.0) else { return Ok(0.0) };
        Ok(match self.weight {
            MeanWeight::Absolute(_) => lambda,
            MeanWeight::Continuous(_) => lambda / (self.segments as f64).powi(2),
            MeanWeight::Relative(_) => {
                let layout = objective.layout;
                let block = layout.block();
                let interior = view(&start.points()[block..layout.segments * block], layout.dim)?;
                let mean = view(start.mean(layout), layout.dim)?;
                let size = match density {
                    Density::Potential(potential) => {
                        let along = potential.value(interior)?;
                        let weighted: f64 = along
                            .iter()
                            .enumerate()
                            .map(|(row, s)| objective.weights[(row % layout.count) * layout.dim] * s)
                            .sum();
                        let total: f64 = objective.weights.iter().step_by(layout.dim).sum();
                        (weighted + total * potential.value(mean)?[0]).abs()
                    }
                    Density::Score(score) => {
                        let norms = |scores: ndarray::Array2<f64>| -> f64 {
                            scores.rows().into_iter().map(|s| s.dot(&s).sqrt()).sum()
                        };
                        norms(score.score(interior)?) + norms(score.score(mean)?)
                    }
                };
                if !size.is_finite() {
                    return input(
                        "the potential is not finite on the straight lines to the first mean; start elsewhere"
                            .to_owned(),
                    );
                }
                if size >= NEGLIGIBLE_POTENTIAL { lambda * start.energy / size } else { lambda }
            }
        })
    }

    fn name_start(&self, error: EvalError, count: usize) -> MeanError {
        self.name_row(error, count, "the straight line to the first mean")
    }

    /// Says which curve a row belongs to.
    fn name_row(&self, error: EvalError, count: usize, what: &str) -> MeanError {
        match error {
            EvalError::OutsideChart { row, reason } => MeanError::Input {
                reason: format!(
                    "{what} of data point {} leaves the chart at point {} of {}: {reason}",
                    row % count,
                    row / count,
                    self.segments
                ),
            },
            other => other.into(),
        }
    }
}

fn finish(objective: &Objective<'_>, outcome: Outcome) -> Mean {
    let Layout { segments, count, dim } = objective.layout;
    let iterate = outcome.iterate;
    let mut curves = Vec::with_capacity(iterate.points().len());
    for k in 0..count {
        for i in (0..=segments).rev() {
            let row = (i * count + k) * dim;
            curves.extend_from_slice(&iterate.points()[row..row + dim]);
        }
    }
    let curves =
        Array3::from_shape_vec((count, segments + 1, dim), curves).expect("a point a curve and a knot");
    let (interior, mean) = iterate.gradient.split_at(objective.layout.interior());
    let of_mean: f64 = mean.iter().map(|g| g * g).sum();
    let mut squares = vec![of_mean; count];
    for (row, g) in interior.chunks_exact(dim).enumerate() {
        squares[row % count] += g.iter().map(|g| g * g).sum::<f64>();
    }
    Mean {
        mean: Array1::from_vec(iterate.mean(objective.layout).to_vec()),
        curves,
        objective: iterate.value,
        energy: iterate.energy,
        gradient_norm: iterate.gradient_norm,
        largest_curve_gradient: squares.into_iter().fold(0.0, f64::max).sqrt(),
        stop: outcome.stop,
        iterations: outcome.iterations,
        lambda_norm: objective.lambda_norm,
    }
}
