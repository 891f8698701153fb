//! Gaussian kernel densities.

use crate::gaussian_sum::{GaussianSum, Wanted};
use crate::numbers::positive;
use crate::{BuildError, Built, Config, Model, Resources};
use likely_core::lanes::{LANES, Lane, Work, exp, ln, load, vectorised};
use likely_core::{Curvature, EvalError, Normalisation, Potential, Rows, Symmetry, ValueGrad};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, s};
use rayon::prelude::*;
use serde::de::Error as _;
use serde::{Deserialize, Serialize};

const ID: &str = "kde";

pub(crate) const MODEL: Model = Model {
    id: ID,
    summary: "A Gaussian kernel density over points, with a fixed bandwidth or one by Scott's or Silverman's rule.",
    source: "Scott, Multivariate Density Estimation, 1992; Silverman, Density Estimation, 1986",
    build,
};

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    #[serde(default)]
    bandwidth: Bandwidth,
}

fn build(config: Config<'_>, resources: &Resources<'_>) -> Result<Built, BuildError> {
    let settings = Settings::deserialize(toml::Deserializer::from(config))?;
    let resolved = toml::Table::try_from(&settings).map_err(toml::de::Error::custom)?;
    let points = resources.points.ok_or(BuildError::NoPoints { model: ID })?;
    let density = KernelDensity::new(points, settings.bandwidth)
        .map_err(|error| BuildError::Fit { model: ID, reason: error.to_string() })?;
    let bandwidths: Vec<String> = density.bandwidths().iter().map(f64::to_string).collect();
    let facts = vec![("centres", points.nrows().to_string()), ("bandwidths", bandwidths.join(" "))];
    Ok(Built { potential: Box::new(density), flow: None, images: None, resolved, facts })
}

/// How wide the kernels are.
///
/// With `n` centres in `d` dimensions and the sample standard deviation `s_j` (divisor `n - 1`) of coordinate `j`, the
/// rules give each coordinate its own width; the kernel is a product over coordinates. `scipy.stats.gaussian_kde` has the
/// same factors but multiplies the whole covariance by their square; in one dimension the two agree.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bandwidth {
    /// The same standard deviation in all coordinates.
    Fixed(#[serde(deserialize_with = "positive")] f64),
    /// `h_j = s_j n^(-1 / (d + 4))`.
    #[default]
    Scott,
    /// `h_j = s_j (4 / ((d + 2) n))^(1 / (d + 4))`.
    Silverman,
}

/// Why points do not give a kernel density.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum KernelDensityError {
    /// No centres.
    #[error("there are no points; at least 1 is needed")]
    NoPoints,
    /// No coordinates.
    #[error("the points have no coordinates; at least 1 is needed")]
    NoCoordinates,
    /// A coordinate is not finite or too large to square.
    #[error("point {point} has a coordinate that is not finite or above 1e150 in size")]
    OutOfRange {
        /// Index of the first such point.
        point: usize,
    },
    /// A fixed bandwidth is not a usable number.
    #[error("bandwidth is {value}; it must be finite, above 0, and between 1e-150 and 1e150")]
    Bandwidth {
        /// The bandwidth.
        value: f64,
    },
    /// A rule found no spread to take the bandwidth from.
    #[error(
        "coordinate {coordinate} has no spread over the {points} points, so a rule gives no bandwidth; set bandwidth = {{ fixed = ... }}"
    )]
    NoSpread {
        /// Index of the coordinate.
        coordinate: usize,
        /// Points given.
        points: usize,
    },
}

/// Numbers whose squares neither overflow nor vanish lie between this and its reciprocal.
const LARGEST_COORDINATE: f64 = 1e150;

/// A Gaussian kernel density: `S(x) = -log (1/n) sum_i prod_j N(x_j; c_ij, h_j^2)`, normalised.
///
/// Evaluated exactly, over all centres, by log-sum-exp with a running maximum. A point so far away that its squared
/// distance overflows has an infinite value. Large batches use all threads of the current rayon pool over fixed groups of
/// points; the bits of a result depend neither on the threads nor on the batch.
#[derive(Debug, Clone)]
pub struct KernelDensity {
    bandwidths: Array1<f64>,
    inverse_bandwidths: Vec<f64>,
    /// Centres in units of the bandwidths, row by row.
    centres: Vec<f64>,
    /// `log n + sum_j log h_j + (d/2) log 2 pi`.
    constant: f64,
}

impl KernelDensity {
    /// A density with a kernel at each row of `centres`, shape `(centres, dim)`.
    ///
    /// # Errors
    /// [`KernelDensityError`] where there are no centres, one is out of range, the bandwidth is not positive, or a rule
    /// finds no spread.
    pub fn new(centres: ArrayView2<'_, f64>, bandwidth: Bandwidth) -> Result<Self, KernelDensityError> {
        let (count, dim) = centres.dim();
        if count == 0 {
            return Err(KernelDensityError::NoPoints);
        }
        if dim == 0 {
            return Err(KernelDensityError::NoCoordinates);
        }
        let bad =
            |row: ArrayView1<'_, f64>| row.iter().any(|x| !x.is_finite() || x.abs() > LARGEST_COORDINATE);
        if let Some(point) = centres.rows().into_iter().position(bad) {
            return Err(KernelDensityError::OutOfRange { point });
        }
        let bandwidths = bandwidths(centres, bandwidth)?;
        let inverse_bandwidths: Vec<f64> = bandwidths.iter().map(|h| 1.0 / h).collect();
        let scaled = centres.rows().into_iter().flat_map(|row| {
            row.into_iter().zip(&inverse_bandwidths).map(|(x, inverse)| x * inverse).collect::<Vec<_>>()
        });
        let centres = scaled.collect();
        let log_widths: f64 = bandwidths.iter().map(|h| libm::log(*h)).sum();
        let constant =
            libm::log(count as f64) + log_widths + 0.5 * dim as f64 * libm::log(std::f64::consts::TAU);
        Ok(Self { bandwidths, inverse_bandwidths, centres, constant })
    }

    /// Standard deviation of the kernels in each coordinate, shape `(dim,)`.
    pub fn bandwidths(&self) -> ArrayView1<'_, f64> {
        self.bandwidths.view()
    }
}

fn bandwidths(centres: ArrayView2<'_, f64>, bandwidth: Bandwidth) -> Result<Array1<f64>, KernelDensityError> {
    let (n, d) = (centres.nrows() as f64, centres.ncols() as f64);
    let factor = match bandwidth {
        Bandwidth::Fixed(value) => {
            let usable = (1.0 / LARGEST_COORDINATE..LARGEST_COORDINATE).contains(&value);
            return if usable {
                Ok(Array1::from_elem(centres.ncols(), value))
            } else {
                Err(KernelDensityError::Bandwidth { value })
            };
        }
        Bandwidth::Scott => libm::pow(n, -1.0 / (d + 4.0)),
        Bandwidth::Silverman => libm::pow(4.0 / ((d + 2.0) * n), 1.0 / (d + 4.0)),
    };
    let width = |(coordinate, column): (usize, ArrayView1<'_, f64>)| {
        let mean = column.sum() / n;
        let squares: f64 = column.iter().map(|x| (x - mean) * (x - mean)).sum();
        let width = factor * (squares / (n - 1.0)).sqrt();
        // A constant coordinate has a spread at rounding level, because its mean is rounded.
        if width > 1e-14 * mean.abs() && width > 1.0 / LARGEST_COORDINATE {
            Ok(width)
        } else {
            Err(KernelDensityError::NoSpread { coordinate, points: centres.nrows() })
        }
    };
    centres.columns().into_iter().enumerate().map(width).collect()
}

/// Points that share a tile of centres while it is in the cache; the unit of parallel work.
const GROUP: usize = 4 * LANES;
/// Centres of a tile: with [`LANES`] distances each they take 8 KiB.
const TILE: usize = 128;
/// Pairs of point and centre, times coordinates, from which on threads are worth waking.
const PARALLEL: usize = 1 << 20;

/// What is known of eight points after some of the centres: sums relative to the nearest centre so far.
struct Sums {
    x: Vec<Lane>,
    /// Smallest squared distance.
    nearest: Lane,
    /// `sum_i w_i` with `w_i = exp((nearest - q_i) / 2)`.
    weight: Lane,
    /// `sum_i w_i (x_j - c_ij)`.
    slope: Vec<Lane>,
}

impl KernelDensity {
    fn check(&self, points: &ArrayView2<'_, f64>) -> Result<(), EvalError> {
        let dim = self.bandwidths.len();
        if points.ncols() == dim {
            Ok(())
        } else {
            Err(EvalError::Dimension { expected: dim, found: points.ncols() })
        }
    }

    /// Values into `value` and, with `GRAD`, gradients into `grad`, row by row.
    fn evaluate<const GRAD: bool>(&self, points: ArrayView2<'_, f64>, value: &mut [f64], grad: &mut [f64]) {
        let dim = self.bandwidths.len();
        let group = |(index, (value, grad)): (usize, (&mut [f64], &mut [f64]))| {
            let first = index * GROUP;
            let points = points.slice(s![first..first + value.len(), ..]);
            vectorised(Evaluation::<GRAD> { density: self, points, value, grad });
        };
        let width = if GRAD { GROUP * dim } else { 1 };
        if points.nrows().saturating_mul(self.centres.len()) < PARALLEL || points.nrows() <= GROUP {
            value.chunks_mut(GROUP).zip(grad.chunks_mut(width)).enumerate().for_each(group);
        } else {
            value.par_chunks_mut(GROUP).zip(grad.par_chunks_mut(width)).enumerate().for_each(group);
        }
    }

    #[expect(
        clippy::inline_always,
        reason = "inlined into the code for the chosen vector width and dimension"
    )]
    #[inline(always)]
    fn evaluate_group<const GRAD: bool>(
        &self,
        dim: usize,
        points: ArrayView2<'_, f64>,
        value: &mut [f64],
        grad: &mut [f64],
    ) {
        let mut group: Vec<Sums> = (0..points.nrows())
            .step_by(LANES)
            .map(|first| {
                let mut x = vec![[0.0; LANES]; dim];
                load(&points, first, &mut x);
                for (x, inverse) in x.iter_mut().zip(&self.inverse_bandwidths) {
                    for x in x {
                        *x *= inverse;
                    }
                }
                Sums {
                    x,
                    nearest: [f64::MAX; LANES],
                    weight: [0.0; LANES],
                    slope: vec![[0.0; LANES]; if GRAD { dim } else { 0 }],
                }
            })
            .collect();
        let mut distances = [[0.0; LANES]; TILE];
        for tile in self.centres.chunks(TILE * dim) {
            for sums in &mut group {
                sums.add::<GRAD>(dim, tile, &mut distances);
            }
        }
        for (i, sums) in group.iter().enumerate() {
            let first = i * LANES;
            let count = LANES.min(value.len() - first);
            let mut values = sums.weight;
            for (weight, nearest) in values.iter_mut().zip(&sums.nearest) {
                let inside = self.constant + (0.5 * nearest - ln(*weight));
                // The weight is positive, or NaN where the point is.
                *weight = if *nearest >= f64::MAX { f64::INFINITY * *weight } else { inside };
            }
            value[first..first + count].copy_from_slice(&values[..count]);
            if GRAD {
                for l in 0..count {
                    for j in 0..dim {
                        grad[(first + l) * dim + j] =
                            sums.slope[j][l] / sums.weight[l] * self.inverse_bandwidths[j];
                    }
                }
            }
        }
    }
}

/// [`KernelDensity::evaluate_group`], compiled for each vector width.
struct Evaluation<'a, const GRAD: bool> {
    density: &'a KernelDensity,
    points: ArrayView2<'a, f64>,
    value: &'a mut [f64],
    grad: &'a mut [f64],
}

impl<const GRAD: bool> Work for Evaluation<'_, GRAD> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn run(self) {
        match self.density.bandwidths.len() {
            2 => self.density.evaluate_group::<GRAD>(2, self.points, self.value, self.grad),
            dim => self.density.evaluate_group::<GRAD>(dim, self.points, self.value, self.grad),
        }
    }
}

impl Sums {
    /// Adds the centres of one tile.
    #[expect(
        clippy::inline_always,
        reason = "inlined into the code for the chosen vector width and dimension"
    )]
    #[inline(always)]
    fn add<const GRAD: bool>(&mut self, dim: usize, tile: &[f64], distances: &mut [Lane; TILE]) {
        let Self { x, nearest, weight, slope } = self;
        let x = &x[..dim];
        let mut smallest = *nearest;
        for (centre, distance) in tile.chunks_exact(dim).zip(distances.iter_mut()) {
            let mut q = [0.0; LANES];
            for (x, c) in x.iter().zip(centre) {
                for l in 0..LANES {
                    let difference = x[l] - c;
                    q[l] += difference * difference;
                }
            }
            for l in 0..LANES {
                // Where squares overflow, all centres must tie for the gradient to stay a number.
                q[l] = if q[l] > f64::MAX { f64::MAX } else { q[l] };
                smallest[l] = if q[l] < smallest[l] { q[l] } else { smallest[l] };
            }
            *distance = q;
        }
        for l in 0..LANES {
            let rescale = exp(0.5 * (smallest[l] - nearest[l]));
            weight[l] *= rescale;
            if GRAD {
                for slope in &mut *slope {
                    slope[l] *= rescale;
                }
            }
        }
        *nearest = smallest;
        let mut sum = *weight;
        for distance in &mut distances[..tile.len() / dim] {
            for l in 0..LANES {
                distance[l] = exp(0.5 * (smallest[l] - distance[l]));
                sum[l] += distance[l];
            }
        }
        *weight = sum;
        if GRAD {
            let weights = &*distances;
            let mut j = 0;
            while j + 2 <= dim {
                add_slopes::<2>(dim, j, tile, weights, x, slope);
                j += 2;
            }
            if j < dim {
                add_slopes::<1>(dim, j, tile, weights, x, slope);
            }
        }
    }
}

/// Adds `sum_i w_i (x_j - c_ij)` for `WIDTH` coordinates from `first` on, which are few enough to stay in registers.
#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width and dimension")]
#[inline(always)]
fn add_slopes<const WIDTH: usize>(
    dim: usize,
    first: usize,
    tile: &[f64],
    weights: &[Lane; TILE],
    x: &[Lane],
    slope: &mut [Lane],
) {
    let mut sums: [Lane; WIDTH] = std::array::from_fn(|j| slope[first + j]);
    let x: [Lane; WIDTH] = std::array::from_fn(|j| x[first + j]);
    for (centre, w) in tile.chunks_exact(dim).zip(weights) {
        for j in 0..WIDTH {
            for l in 0..LANES {
                sums[j][l] += w[l] * (x[j][l] - centre[first + j]);
            }
        }
    }
    slope[first..first + WIDTH].copy_from_slice(&sums);
}

impl Potential for KernelDensity {
    fn dim(&self) -> usize {
        self.bandwidths.len()
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
        // One number a group keeps the two iterators of `evaluate` in step.
        let mut unused = vec![0.0; points.nrows().div_ceil(GROUP)];
        self.evaluate::<false>(points, &mut value, &mut unused);
        Ok(value.into())
    }

    fn value_and_grad(&self, points: ArrayView2<'_, f64>) -> Result<ValueGrad, EvalError> {
        self.check(&points)?;
        let mut value = vec![0.0; points.nrows()];
        let mut grad = Array2::zeros(points.raw_dim());
        let rows = grad.as_slice_mut().expect("a new array is in standard order");
        self.evaluate::<true>(points, &mut value, rows);
        Ok(ValueGrad { value: value.into(), grad })
    }

    fn curvature(&self) -> Option<&dyn Curvature> {
        Some(self)
    }
}

impl KernelDensity {
    fn derive(&self, points: Rows<'_>, wanted: Wanted<'_>, out: &mut [f64]) -> Result<(), EvalError> {
        let points = points.with_dim(self.bandwidths.len())?;
        let sum = GaussianSum { centres: &self.centres, inverse_widths: &self.inverse_bandwidths };
        sum.evaluate(points, wanted, out);
        Ok(())
    }
}

impl Curvature for KernelDensity {
    fn hessian(&self, points: Rows<'_>, out: &mut [f64]) -> Result<(), EvalError> {
        self.derive(points, Wanted::Hessian, out)
    }

    fn hessian_gradient(
        &self,
        points: Rows<'_>,
        u: &[f64],
        v: &[f64],
        out: &mut [f64],
    ) -> Result<(), EvalError> {
        self.derive(points, Wanted::FormGradient(u, v), out)
    }

    fn hessian_vector(&self, points: Rows<'_>, v: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
        self.derive(points, Wanted::Product(v), out)
    }
}
