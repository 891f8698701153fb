//! Quadratic potentials with the same curvature in all directions.

use crate::numbers::{FiniteNumber, positive};
use crate::{BuildError, Built, Config, Model, Resources};
use likely_core::lanes::{LANES, Lane, Work, vectorised};
use likely_core::{Curvature, EvalError, Normalisation, Potential, Radial, Rows, Symmetry, ValueGrad};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2};
use serde::de::Error as _;
use serde::{Deserialize, Serialize};

const ID: &str = "quadratic";

pub(crate) const MODEL: Model = Model {
    id: ID,
    summary: "A multiple of the squared distance to a point: a Gaussian with the same variance in all directions, not normalised.",
    source: "test potential of the authors' public code for arXiv 2510.26266",
    build,
};

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    centre: Vec<FiniteNumber>,
    #[serde(deserialize_with = "positive")]
    scale: f64,
}

fn build(config: Config<'_>, _: &Resources<'_>) -> Result<Built, BuildError> {
    let settings = Settings::deserialize(toml::Deserializer::from(config))?;
    let resolved = toml::Table::try_from(&settings).map_err(toml::de::Error::custom)?;
    let centre: Vec<f64> = settings.centre.iter().map(|x| x.0).collect();
    let potential = Quadratic::new(centre, settings.scale)
        .map_err(|error| BuildError::Fit { model: ID, reason: error.to_string() })?;
    Ok(Built { potential: Box::new(potential), flow: None, images: None, resolved, facts: Vec::new() })
}

/// Why numbers do not form a quadratic potential.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum QuadraticError {
    /// No coordinates.
    #[error("the centre has no coordinates; at least 1 is needed")]
    NoCoordinates,
    /// The scale is not a positive finite number.
    #[error("scale is {scale}; it must be finite and above 0")]
    Scale {
        /// The scale.
        scale: f64,
    },
    /// A weight is not a positive finite number.
    #[error(
        "weights[{index}] is {weight}; weights must be finite and above 0 (leave centres without weight out)"
    )]
    Weight {
        /// Index of the weight.
        index: usize,
        /// The weight.
        weight: f64,
    },
    /// There are not as many weights as centres.
    #[error("there are {weights} weights but {centres} centres; one a centre is needed")]
    DifferentLengths {
        /// Weights given.
        weights: usize,
        /// Centres given.
        centres: usize,
    },
    /// A centre is not finite or too large to square.
    #[error("centre {index} has a coordinate that is not finite or above 1e150 in size")]
    OutOfRange {
        /// Index of the first such centre.
        index: usize,
    },
}

/// Numbers whose squares do not overflow are below this.
const LARGEST_COORDINATE: f64 = 1e150;

/// `S(x) = (a/2) |x - c|^2 + b`, with gradient `a (x - c)`, Hessian `a I` and no third derivatives.
///
/// `exp(-S)` is a Gaussian with variance `1/a` around `c` only up to a constant, hence [`Normalisation::UpToConstant`].
/// A point whose squared distance overflows has an infinite value.
#[derive(Debug, Clone, PartialEq)]
pub struct Quadratic {
    centre: Vec<f64>,
    scale: f64,
    constant: f64,
}

impl Quadratic {
    /// `S(x) = (scale/2) |x - centre|^2`.
    ///
    /// # Errors
    /// [`QuadraticError`] where the centre is empty or out of range or the scale is not positive.
    pub fn new(centre: Vec<f64>, scale: f64) -> Result<Self, QuadraticError> {
        if centre.is_empty() {
            return Err(QuadraticError::NoCoordinates);
        }
        if centre.iter().any(|x| !x.is_finite() || x.abs() > LARGEST_COORDINATE) {
            return Err(QuadraticError::OutOfRange { index: 0 });
        }
        if !(scale.is_finite() && scale > 0.0) {
            return Err(QuadraticError::Scale { scale });
        }
        Ok(Self { centre, scale, constant: 0.0 })
    }

    /// The weighted sum of potentials of unit Gaussians, `S(x) = sum_k w_k (|x - c_k|^2 / 2 + (d/2) log 2 pi)`, `c_k` the
    /// rows of `centres`.
    ///
    /// A sum of quadratics with equal Hessians is one quadratic: with `W = sum_k w_k` and `m = sum_k w_k c_k / W` it is
    /// `(W/2) |x - m|^2 + sum_k w_k (|c_k - m|^2 / 2 + (d/2) log 2 pi)`.
    ///
    /// # Errors
    /// [`QuadraticError`] where there is not one positive weight for each centre, or a centre is empty or out of range.
    pub fn weighted_gaussians(
        weights: ArrayView1<'_, f64>,
        centres: ArrayView2<'_, f64>,
    ) -> Result<Self, QuadraticError> {
        if weights.len() != centres.nrows() {
            return Err(QuadraticError::DifferentLengths {
                weights: weights.len(),
                centres: centres.nrows(),
            });
        }
        if centres.is_empty() {
            return Err(QuadraticError::NoCoordinates);
        }
        let usable = |w: &f64| w.is_finite() && *w > 0.0;
        if let Some((index, &weight)) = weights.iter().enumerate().find(|(_, w)| !usable(w)) {
            return Err(QuadraticError::Weight { index, weight });
        }
        let far =
            |row: ArrayView1<'_, f64>| row.iter().any(|x| !x.is_finite() || x.abs() > LARGEST_COORDINATE);
        if let Some(index) = centres.rows().into_iter().position(far) {
            return Err(QuadraticError::OutOfRange { index });
        }
        let scale = weights.sum();
        if !scale.is_finite() {
            return Err(QuadraticError::Scale { scale });
        }
        let centre: Vec<f64> =
            centres.columns().into_iter().map(|column| column.dot(&weights) / scale).collect();
        let log_norm = 0.5 * centre.len() as f64 * libm::log(std::f64::consts::TAU);
        let constant = weights.iter().zip(centres.rows()).map(|(w, row)| {
            let spread: f64 = row.iter().zip(&centre).map(|(c, m)| (c - m) * (c - m)).sum();
            w * (0.5 * spread + log_norm)
        });
        let constant = constant.sum();
        Ok(Self { centre, scale, constant })
    }

    /// The point `c` where the potential is smallest.
    pub fn centre(&self) -> &[f64] {
        &self.centre
    }

    /// The curvature `a`.
    pub fn scale(&self) -> f64 {
        self.scale
    }

    fn check(&self, points: &ArrayView2<'_, f64>) -> Result<(), EvalError> {
        let (expected, found) = (self.centre.len(), points.ncols());
        if found == expected { Ok(()) } else { Err(EvalError::Dimension { expected, found }) }
    }
}

/// Values and, where there is room for them, gradients of a batch in row-major order.
struct Evaluation<'a> {
    potential: &'a Quadratic,
    points: &'a [f64],
    value: &'a mut [f64],
    grad: &'a mut [f64],
}

impl Work for Evaluation<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn run(self) {
        match self.potential.centre.len() {
            1 => self.rows::<Fixed<1>>(),
            2 => self.rows::<Fixed<2>>(),
            3 => self.rows::<Fixed<3>>(),
            4 => self.rows::<Fixed<4>>(),
            5 => self.rows::<Fixed<5>>(),
            6 => self.rows::<Fixed<6>>(),
            7 => self.rows::<Fixed<7>>(),
            _ => self.rows::<Any>(),
        }
    }
}

impl Evaluation<'_> {
    #[expect(
        clippy::inline_always,
        reason = "inlined into the code for the chosen vector width and dimension"
    )]
    #[inline(always)]
    fn rows<D: SquaredDistance>(self) {
        let Quadratic { centre, scale, constant } = self.potential;
        let (half, dim) = (0.5 * scale, centre.len());
        for (value, x) in self.value.iter_mut().zip(self.points.chunks_exact(dim)) {
            *value = half * D::between(x, centre) + constant;
        }
        for (g, x) in self.grad.chunks_exact_mut(dim).zip(self.points.chunks_exact(dim)) {
            for ((g, x), c) in g.iter_mut().zip(x).zip(centre) {
                *g = scale * (x - c);
            }
        }
    }
}

/// How a squared distance is added up; a function that is passed on would be compiled for the narrowest vectors.
trait SquaredDistance {
    fn between(x: &[f64], centre: &[f64]) -> f64;
}

/// In few dimensions, without a loop.
struct Fixed<const DIM: usize>;

/// In any other number of dimensions.
struct Any;

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl<const DIM: usize> SquaredDistance for Fixed<DIM> {
    #[inline(always)]
    fn between(x: &[f64], centre: &[f64]) -> f64 {
        let (x, centre) = (&x[..DIM], &centre[..DIM]);
        let mut sum = 0.0;
        for j in 0..DIM {
            sum += (x[j] - centre[j]) * (x[j] - centre[j]);
        }
        sum
    }
}

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl SquaredDistance for Any {
    #[inline(always)]
    fn between(x: &[f64], centre: &[f64]) -> f64 {
        squared_distance(x, centre)
    }
}

/// Partial sums of a squared distance, always added up in the same order.
const SUMS: usize = 4;

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
fn squared_distance(x: &[f64], centre: &[f64]) -> f64 {
    let mut sums: [Lane; SUMS] = [[0.0; LANES]; SUMS];
    let (xs, cs) = (x.chunks_exact(SUMS * LANES), centre.chunks_exact(SUMS * LANES));
    let (x_rest, c_rest) = (xs.remainder(), cs.remainder());
    for (x, c) in xs.zip(cs) {
        for (s, sum) in sums.iter_mut().enumerate() {
            add(sum, &x[s * LANES..(s + 1) * LANES], &c[s * LANES..(s + 1) * LANES]);
        }
    }
    let (xs, cs) = (x_rest.chunks_exact(LANES), c_rest.chunks_exact(LANES));
    let last: f64 = xs.remainder().iter().zip(cs.remainder()).map(|(x, c)| (x - c) * (x - c)).sum();
    for (x, c) in xs.zip(cs) {
        add(&mut sums[0], x, c);
    }
    let [p, q, r, s] = sums;
    let sum: Lane = std::array::from_fn(|l| (p[l] + q[l]) + (r[l] + s[l]));
    let half: [f64; LANES / 2] = std::array::from_fn(|l| sum[l] + sum[l + LANES / 2]);
    ((half[0] + half[2]) + (half[1] + half[3])) + last
}

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
fn add(sum: &mut Lane, x: &[f64], centre: &[f64]) {
    for (l, sum) in sum.iter_mut().enumerate() {
        let gap = x[l] - centre[l];
        *sum += gap * gap;
    }
}

impl Potential for Quadratic {
    fn dim(&self) -> usize {
        self.centre.len()
    }

    fn normalisation(&self) -> Normalisation {
        Normalisation::UpToConstant
    }

    fn symmetry(&self) -> Symmetry<'_> {
        Symmetry::RadialAbout { centre: &self.centre, profile: self }
    }

    fn value(&self, points: ArrayView2<'_, f64>) -> Result<Array1<f64>, EvalError> {
        self.check(&points)?;
        let points = points.as_standard_layout();
        let mut value = vec![0.0; points.nrows()];
        let rows = points.as_slice().expect("in standard order");
        vectorised(Evaluation { potential: self, points: rows, value: &mut value, grad: &mut [] });
        Ok(value.into())
    }

    fn value_and_grad(&self, points: ArrayView2<'_, f64>) -> Result<ValueGrad, EvalError> {
        self.check(&points)?;
        let points = points.as_standard_layout();
        let mut value = vec![0.0; points.nrows()];
        let mut grad = vec![0.0; points.len()];
        let rows = points.as_slice().expect("in standard order");
        vectorised(Evaluation { potential: self, points: rows, value: &mut value, grad: &mut grad });
        let grad = Array2::from_shape_vec(points.raw_dim(), grad).expect("one number a coordinate");
        Ok(ValueGrad { value: value.into(), grad })
    }

    fn curvature(&self) -> Option<&dyn Curvature> {
        Some(self)
    }
}

impl Radial for Quadratic {
    fn profile(&self, squared_norms: &[f64], values: &mut [f64], slopes: Option<&mut [f64]>) {
        for (value, q) in values.iter_mut().zip(squared_norms) {
            *value = 0.5 * self.scale * q + self.constant;
        }
        if let Some(slopes) = slopes {
            slopes.fill(0.5 * self.scale);
        }
    }
}

impl Curvature for Quadratic {
    fn hessian(&self, points: Rows<'_>, out: &mut [f64]) -> Result<(), EvalError> {
        let dim = points.with_dim(self.centre.len())?.dim();
        out.fill(0.0);
        for out in out.chunks_exact_mut(dim * dim) {
            out.iter_mut().step_by(dim + 1).for_each(|h| *h = self.scale);
        }
        Ok(())
    }

    fn hessian_gradient(
        &self,
        points: Rows<'_>,
        _: &[f64],
        _: &[f64],
        out: &mut [f64],
    ) -> Result<(), EvalError> {
        points.with_dim(self.centre.len())?;
        out.fill(0.0);
        Ok(())
    }

    fn hessian_vector(&self, points: Rows<'_>, v: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
        points.with_dim(self.centre.len())?;
        out.iter_mut().zip(v).for_each(|(o, v)| *o = self.scale * v);
        Ok(())
    }
}
