//! The density of a Gaussian mixture.

mod curvature;

use likely_core::lanes::{LANES, Lane, Work, exp, ln, load, vectorised};
use likely_core::{Curvature, EvalError, Normalisation, Potential, Symmetry, ValueGrad};
use ndarray::{Array1, Array2, Array3, ArrayView1, ArrayView2, Axis};

/// Why parameters do not form a mixture.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum MixtureError {
    /// No components.
    #[error("weights is empty; a mixture needs at least 1 component")]
    NoComponents,
    /// No coordinates.
    #[error("means have no coordinates; at least 1 is needed")]
    NoCoordinates,
    /// The parameters disagree about the number of components.
    #[error("there are {weights} weights but {found} {key}; one a component is needed")]
    DifferentLengths {
        /// `means` or `covariances`.
        key: &'static str,
        /// Weights given.
        weights: usize,
        /// Means or covariances given.
        found: usize,
    },
    /// A covariance does not have the dimension of the means.
    #[error(
        "covariances[{component}] is {rows} x {columns}; means have {dim} coordinates, so {dim} x {dim} is needed"
    )]
    Shape {
        /// Index of the component.
        component: usize,
        /// Rows given.
        rows: usize,
        /// Columns given.
        columns: usize,
        /// Coordinates of the means.
        dim: usize,
    },
    /// A weight is not a positive finite number.
    #[error(
        "weights[{component}] is {weight}; weights must be finite and above 0 (leave empty components out)"
    )]
    Weight {
        /// Index of the component.
        component: usize,
        /// The weight.
        weight: f64,
    },
    /// The weights do not sum to one.
    #[error("weights sum to {sum}; they must sum to 1 (within 1e-6)")]
    WeightSum {
        /// Their sum.
        sum: f64,
    },
    /// A mean is not finite.
    #[error("means[{component}][{coordinate}] is {value}; it must be finite")]
    Mean {
        /// Index of the component.
        component: usize,
        /// Index of the coordinate.
        coordinate: usize,
        /// The value.
        value: f64,
    },
    /// A covariance is not symmetric.
    #[error("covariances[{component}] is not symmetric: [{row}][{column}] and [{column}][{row}] differ")]
    NotSymmetric {
        /// Index of the component.
        component: usize,
        /// Row of the first entry that differs from its mirror image.
        row: usize,
        /// Its column.
        column: usize,
    },
    /// A covariance is not positive definite.
    #[error("covariances[{component}] is not positive definite (at row {row}); variances must be above 0")]
    NotPositiveDefinite {
        /// Index of the component.
        component: usize,
        /// Row at which its factorisation stops.
        row: usize,
    },
}

/// Covariances of the components of a mixture.
#[derive(Debug, Clone, PartialEq)]
pub enum Covariances {
    /// A matrix a component, shape `(components, dim, dim)`.
    Full(Array3<f64>),
    /// Variances of the coordinates, one row a component, shape `(components, dim)`.
    Diagonal(Array2<f64>),
    /// One variance a component, shared by all coordinates, shape `(components,)`.
    Spherical(Array1<f64>),
}

impl Covariances {
    fn components(&self) -> usize {
        match self {
            Self::Full(matrices) => matrices.len_of(Axis(0)),
            Self::Diagonal(variances) => variances.nrows(),
            Self::Spherical(variances) => variances.len(),
        }
    }
}

/// A Cholesky factor `L` of a covariance `L L^T`, as the reciprocals of its diagonal and what is below it.
#[derive(Debug, Clone)]
enum Factor {
    /// `rows[i]` has the entries left of the diagonal in row `i`.
    Lower {
        inverse_diagonal: Vec<f64>,
        rows: Vec<Vec<f64>>,
    },
    Diagonal {
        inverse_diagonal: Vec<f64>,
    },
}

#[derive(Debug, Clone)]
struct Component {
    mean: Vec<f64>,
    factor: Factor,
    /// `log w - log det L - (d/2) log 2 pi`.
    log_peak: f64,
}

/// A Gaussian mixture: `S(x) = -log sum_k w_k N(x; m_k, C_k)`, normalised.
///
/// Evaluated with Cholesky factors and by log-sum-exp, eight points at a time. A point so far away that its squared
/// distance overflows has an infinite value.
#[derive(Debug, Clone)]
pub struct Mixture {
    dim: usize,
    components: Vec<Component>,
    weights: Array1<f64>,
    means: Array2<f64>,
    covariances: Covariances,
}

/// Largest distance of the sum of the weights from one.
const WEIGHT_TOLERANCE: f64 = 1e-6;
/// Largest difference of mirrored entries of a covariance, relative to the geometric mean of the variances.
const SYMMETRY_TOLERANCE: f64 = 1e-9;

impl Mixture {
    /// A mixture with `weights` of shape `(components,)` and `means` of shape `(components, dim)`.
    ///
    /// Weights that sum to one within 1e-6 are divided by their sum.
    ///
    /// # Errors
    /// [`MixtureError`] where shapes disagree, a weight is not positive, the weights do not sum to one, a number is not
    /// finite, or a covariance is not symmetric and positive definite.
    pub fn new(
        weights: ArrayView1<'_, f64>,
        means: ArrayView2<'_, f64>,
        covariances: Covariances,
    ) -> Result<Self, MixtureError> {
        let count = weights.len();
        if count == 0 {
            return Err(MixtureError::NoComponents);
        }
        for (key, found) in [("means", means.nrows()), ("covariances", covariances.components())] {
            if found != count {
                return Err(MixtureError::DifferentLengths { key, weights: count, found });
            }
        }
        let dim = means.ncols();
        if dim == 0 {
            return Err(MixtureError::NoCoordinates);
        }
        if let Some((component, &weight)) =
            weights.iter().enumerate().find(|(_, weight)| !weight.is_finite() || **weight <= 0.0)
        {
            return Err(MixtureError::Weight { component, weight });
        }
        let sum = weights.sum();
        if (sum - 1.0).abs() > WEIGHT_TOLERANCE {
            return Err(MixtureError::WeightSum { sum });
        }
        if let Some(((component, coordinate), &value)) = means.indexed_iter().find(|(_, m)| !m.is_finite()) {
            return Err(MixtureError::Mean { component, coordinate, value });
        }
        let weights = weights.mapv(|weight| weight / sum);
        let mut components = Vec::with_capacity(count);
        for k in 0..count {
            let factor = factor(&covariances, k, dim)?;
            let (Factor::Lower { inverse_diagonal, .. } | Factor::Diagonal { inverse_diagonal }) = &factor;
            let log_det: f64 = inverse_diagonal.iter().map(|inverse| -libm::log(*inverse)).sum();
            let log_peak =
                libm::log(weights[k]) - log_det - 0.5 * dim as f64 * libm::log(std::f64::consts::TAU);
            components.push(Component { mean: means.row(k).to_vec(), factor, log_peak });
        }
        Ok(Self { dim, components, weights, means: means.to_owned(), covariances })
    }

    /// Weights of the components, shape `(components,)`.
    pub fn weights(&self) -> ArrayView1<'_, f64> {
        self.weights.view()
    }

    /// Means of the components, shape `(components, dim)`.
    pub fn means(&self) -> ArrayView2<'_, f64> {
        self.means.view()
    }

    /// Covariances of the components.
    pub fn covariances(&self) -> &Covariances {
        &self.covariances
    }

    /// The log-density at each point; the share of each component in it goes into `shares`, shape `(points, components)`.
    pub(super) fn responsibilities(
        &self,
        points: ArrayView2<'_, f64>,
        shares: &mut Array2<f64>,
    ) -> Array1<f64> {
        vectorised(Expectation { mixture: self, points, shares })
    }

    /// Log-density of the points in `scratch.x`; with `SHARES`, `scratch.shares` sums to one over the components.
    #[expect(
        clippy::inline_always,
        reason = "inlined into the code for the chosen vector width and dimension"
    )]
    #[inline(always)]
    fn log_density<const SHARES: bool>(&self, dim: usize, scratch: &mut Scratch) -> Lane {
        let Scratch { x, whitened, shares } = scratch;
        let mut top = [f64::MIN; LANES];
        for ((component, u), share) in
            self.components.iter().zip(whitened.chunks_exact_mut(dim)).zip(&mut *shares)
        {
            let term = component.log_density(dim, x, u);
            for l in 0..LANES {
                // Where the squared distance overflows, all components must tie for the shares to stay finite.
                let term = if term[l] < f64::MIN { f64::MIN } else { term[l] };
                share[l] = term;
                top[l] = if term < top[l] { top[l] } else { term };
            }
        }
        let mut sum = [0.0; LANES];
        for share in &mut *shares {
            for l in 0..LANES {
                let part = exp(share[l] - top[l]);
                sum[l] += part;
                share[l] = part;
            }
        }
        if SHARES {
            let mut inverse = [0.0; LANES];
            for l in 0..LANES {
                inverse[l] = 1.0 / sum[l];
            }
            for share in shares {
                for l in 0..LANES {
                    share[l] *= inverse[l];
                }
            }
        }
        let mut log_density = [0.0; LANES];
        for l in 0..LANES {
            let sum = top[l] + ln(sum[l]);
            log_density[l] = if top[l] <= f64::MIN { f64::NEG_INFINITY } else { sum };
        }
        log_density
    }

    /// Values into `value` and, where it is not empty, gradients into `grad`, row by row.
    #[expect(
        clippy::inline_always,
        reason = "inlined into the code for the chosen vector width and dimension"
    )]
    #[inline(always)]
    fn evaluate<const GRAD: bool>(
        &self,
        dim: usize,
        points: ArrayView2<'_, f64>,
        value: &mut [f64],
        grad: &mut [f64],
    ) {
        let mut scratch = Scratch::new(dim, self.components.len());
        let mut slope = vec![[0.0; LANES]; if GRAD { dim } else { 0 }];
        for first in (0..points.nrows()).step_by(LANES) {
            let count = load(&points, first, &mut scratch.x);
            let log_density = self.log_density::<GRAD>(dim, &mut scratch);
            for (value, log_density) in value[first..first + count].iter_mut().zip(log_density) {
                *value = -log_density;
            }
            if GRAD {
                slope.fill([0.0; LANES]);
                let whitened = scratch.whitened.chunks_exact_mut(dim);
                for ((component, u), share) in self.components.iter().zip(whitened).zip(&scratch.shares) {
                    component.unwhiten(dim, u);
                    for (slope, u) in slope.iter_mut().zip(u) {
                        for l in 0..LANES {
                            slope[l] += share[l] * u[l];
                        }
                    }
                }
                let rows = grad[first * dim..(first + count) * dim].chunks_exact_mut(dim);
                for (l, row) in rows.enumerate() {
                    for (g, slope) in row.iter_mut().zip(&slope) {
                        *g = slope[l];
                    }
                }
            }
        }
    }

    fn check(&self, points: &ArrayView2<'_, f64>) -> Result<(), EvalError> {
        if points.ncols() == self.dim {
            Ok(())
        } else {
            Err(EvalError::Dimension { expected: self.dim, found: points.ncols() })
        }
    }
}

/// [`Mixture::evaluate`], compiled for each vector width.
struct Evaluation<'a, const GRAD: bool> {
    mixture: &'a Mixture,
    points: ArrayView2<'a, f64>,
    value: &'a mut [f64],
    grad: &'a mut [f64],
}

impl<const GRAD: bool> Work for Evaluation<'_, GRAD> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn run(self) {
        match self.mixture.dim {
            2 => self.mixture.evaluate::<GRAD>(2, self.points, self.value, self.grad),
            dim => self.mixture.evaluate::<GRAD>(dim, self.points, self.value, self.grad),
        }
    }
}

/// [`Mixture::responsibilities`], compiled for each vector width.
struct Expectation<'a> {
    mixture: &'a Mixture,
    points: ArrayView2<'a, f64>,
    shares: &'a mut Array2<f64>,
}

impl Work for Expectation<'_> {
    type Output = Array1<f64>;

    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn run(self) -> Array1<f64> {
        let Self { mixture, points, shares } = self;
        let mut log_densities = Array1::zeros(points.nrows());
        let mut scratch = Scratch::new(mixture.dim, mixture.components.len());
        for first in (0..points.nrows()).step_by(LANES) {
            let count = load(&points, first, &mut scratch.x);
            let log_density = mixture.log_density::<true>(mixture.dim, &mut scratch);
            for l in 0..count {
                log_densities[first + l] = log_density[l];
                for (k, share) in scratch.shares.iter().enumerate() {
                    shares[[first + l, k]] = share[l];
                }
            }
        }
        log_densities
    }
}

/// Room for one group of points.
struct Scratch {
    /// The points, one lane a coordinate.
    x: Vec<Lane>,
    /// `L_k^-1 (x - m_k)`, component after component.
    whitened: Vec<Lane>,
    /// Terms of the sum over components, then their shares.
    shares: Vec<Lane>,
}

impl Scratch {
    #[expect(
        clippy::inline_always,
        reason = "inlined into the code for the chosen vector width and dimension"
    )]
    #[inline(always)]
    fn new(dim: usize, components: usize) -> Self {
        let lanes = |count| vec![[0.0; LANES]; count];
        Self { x: lanes(dim), whitened: lanes(dim * components), shares: lanes(components) }
    }
}

impl Component {
    /// `log w N(x; m, C)`, leaving `L^-1 (x - m)` in `u`.
    #[expect(
        clippy::inline_always,
        reason = "inlined into the code for the chosen vector width and dimension"
    )]
    #[inline(always)]
    fn log_density(&self, dim: usize, x: &[Lane], u: &mut [Lane]) -> Lane {
        let mut squares = [0.0; LANES];
        let (Factor::Lower { inverse_diagonal, .. } | Factor::Diagonal { inverse_diagonal }) = &self.factor;
        let (mean, inverse_diagonal) = (&self.mean[..dim], &inverse_diagonal[..dim]);
        for i in 0..dim {
            let (done, rest) = u.split_at_mut(i);
            let mut entry = [0.0; LANES];
            for l in 0..LANES {
                entry[l] = x[i][l] - mean[i];
            }
            if let Factor::Lower { rows, .. } = &self.factor {
                for (factor, done) in rows[i][..i].iter().zip(done) {
                    for l in 0..LANES {
                        entry[l] -= factor * done[l];
                    }
                }
            }
            for l in 0..LANES {
                entry[l] *= inverse_diagonal[i];
                squares[l] += entry[l] * entry[l];
            }
            rest[0] = entry;
        }
        squares.map(|squares| self.log_peak - 0.5 * squares)
    }

    /// Turns `u` into `L^-T u`.
    #[expect(
        clippy::inline_always,
        reason = "inlined into the code for the chosen vector width and dimension"
    )]
    #[inline(always)]
    fn unwhiten(&self, dim: usize, u: &mut [Lane]) {
        match &self.factor {
            Factor::Lower { inverse_diagonal, rows } => {
                for i in (0..dim).rev() {
                    let (above, rest) = u.split_at_mut(i);
                    let mut entry = rest[0];
                    for entry in &mut entry {
                        *entry *= inverse_diagonal[i];
                    }
                    for (factor, above) in rows[i][..i].iter().zip(above) {
                        for l in 0..LANES {
                            above[l] -= factor * entry[l];
                        }
                    }
                    rest[0] = entry;
                }
            }
            Factor::Diagonal { inverse_diagonal } => {
                for (u, inverse) in u.iter_mut().zip(inverse_diagonal) {
                    for u in u {
                        *u *= inverse;
                    }
                }
            }
        }
    }
}

fn factor(covariances: &Covariances, k: usize, dim: usize) -> Result<Factor, MixtureError> {
    let shape = |rows, columns| MixtureError::Shape { component: k, rows, columns, dim };
    match covariances {
        Covariances::Full(matrices) => {
            let matrix = matrices.index_axis(Axis(0), k);
            if matrix.dim() != (dim, dim) {
                return Err(shape(matrix.nrows(), matrix.ncols()));
            }
            cholesky(matrix, k)
        }
        Covariances::Diagonal(variances) => {
            if variances.ncols() != dim {
                return Err(shape(variances.ncols(), variances.ncols()));
            }
            diagonal(variances.row(k).iter().copied(), k)
        }
        Covariances::Spherical(variances) => diagonal(std::iter::repeat_n(variances[k], dim), k),
    }
}

fn diagonal(variances: impl Iterator<Item = f64>, component: usize) -> Result<Factor, MixtureError> {
    let inverse = |(row, variance): (usize, f64)| {
        let inverse = 1.0 / variance.sqrt();
        if variance > 0.0 && variance.is_finite() && inverse.is_finite() {
            Ok(inverse)
        } else {
            Err(MixtureError::NotPositiveDefinite { component, row })
        }
    };
    let inverse_diagonal = variances.enumerate().map(inverse).collect::<Result<_, _>>()?;
    Ok(Factor::Diagonal { inverse_diagonal })
}

fn cholesky(matrix: ArrayView2<'_, f64>, component: usize) -> Result<Factor, MixtureError> {
    let dim = matrix.nrows();
    let mut inverse_diagonal: Vec<f64> = Vec::with_capacity(dim);
    let mut rows: Vec<Vec<f64>> = Vec::with_capacity(dim);
    for i in 0..dim {
        let not_definite = MixtureError::NotPositiveDefinite { component, row: i };
        let mut row: Vec<f64> = Vec::with_capacity(i);
        for j in 0..i {
            let scale = (matrix[[i, i]] * matrix[[j, j]]).abs().sqrt();
            // Written so that NaN does not pass.
            let symmetric = (matrix[[i, j]] - matrix[[j, i]]).abs() <= SYMMETRY_TOLERANCE * scale;
            if !symmetric {
                return Err(MixtureError::NotSymmetric { component, row: i, column: j });
            }
            let known: f64 = row.iter().zip(&rows[j]).map(|(a, b)| a * b).sum();
            row.push((matrix[[i, j]] - known) * inverse_diagonal[j]);
        }
        let pivot = matrix[[i, i]] - row.iter().map(|entry| entry * entry).sum::<f64>();
        let inverse = 1.0 / pivot.sqrt();
        if !(pivot.is_finite() && pivot > 0.0 && inverse.is_finite()) {
            return Err(not_definite);
        }
        inverse_diagonal.push(inverse);
        rows.push(row);
    }
    Ok(Factor::Lower { inverse_diagonal, rows })
}

/// Smallest conditional variance of a coordinate given those before it, relative to `scale`, over all components.
pub(super) fn smallest_relative_pivot(mixture: &Mixture, scale: ArrayView1<'_, f64>) -> (usize, f64) {
    let mut smallest = (0, f64::INFINITY);
    for (k, component) in mixture.components.iter().enumerate() {
        let (Factor::Lower { inverse_diagonal, .. } | Factor::Diagonal { inverse_diagonal }) =
            &component.factor;
        for (inverse, scale) in inverse_diagonal.iter().zip(scale) {
            let relative = 1.0 / (inverse * inverse * scale);
            if relative < smallest.1 {
                smallest = (k, relative);
            }
        }
    }
    smallest
}

impl Potential for Mixture {
    fn dim(&self) -> usize {
        self.dim
    }

    fn normalisation(&self) -> Normalisation {
        Normalisation::Normalised
    }

    fn symmetry(&self) -> Symmetry<'_> {
        Symmetry::None
    }

    fn value(&self, points: ArrayView2<'_, f64>) -> Result<Array1<f64>, EvalError> {
        self.check(&points)?;
        let mut value = vec![0.0; points.nrows()];
        vectorised(Evaluation::<false> { mixture: self, points, value: &mut value, grad: &mut [] });
        Ok(value.into())
    }

    fn value_and_grad(&self, points: ArrayView2<'_, f64>) -> Result<ValueGrad, EvalError> {
        self.check(&points)?;
        let mut value = vec![0.0; points.nrows()];
        let mut grad = Array2::zeros(points.raw_dim());
        let rows = grad.as_slice_mut().expect("a new array is in standard order");
        vectorised(Evaluation::<true> { mixture: self, points, value: &mut value, grad: rows });
        Ok(ValueGrad { value: value.into(), grad })
    }

    fn curvature(&self) -> Option<&dyn Curvature> {
        Some(self)
    }
}
