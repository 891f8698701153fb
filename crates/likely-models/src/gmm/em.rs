//! Expectation-maximisation with k-means++ starts.

use super::mixture::smallest_relative_pivot;
use super::{Covariances, Fitted, Mixture, Shape};
use likely_core::Seed;
use ndarray::{Array1, Array2, Array3, ArrayView1, ArrayView2, Axis};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// A fitted mixture and how it came about.
pub(super) struct Fit {
    pub(super) mixture: Mixture,
    /// In nats a point.
    pub(super) mean_log_likelihood: f64,
    /// Of the restart that was kept.
    pub(super) iterations: u32,
    pub(super) converged: bool,
    /// Index of the restart that was kept.
    pub(super) restart: u32,
    /// Restarts in which components kept collapsing.
    pub(super) restarts_given_up: u32,
    /// Components of the restart that was kept which had collapsed and were placed anew.
    pub(super) placed_anew: u32,
}

/// Why points cannot be fitted.
#[derive(Debug, thiserror::Error)]
pub(super) enum FitError {
    #[error("point {point} has a coordinate that is not finite or above 1e150 in size")]
    OutOfRange { point: usize },
    #[error("the points have no coordinates")]
    NoCoordinates,
    #[error(
        "{found} points are too few; {components} components with this covariance need at least {needed}"
    )]
    TooFew { found: usize, components: usize, needed: usize },
    #[error("only {distinct} of the points are distinct, too few for {components} components")]
    Duplicates { distinct: usize, components: usize },
    #[error("coordinate {coordinate} is the same at all points, so it has no density; leave it out")]
    Constant { coordinate: usize },
    #[error(
        "{components} components over {points} points in {dim} dimensions need {numbers} numbers, more than 2^27; use fewer components or covariance = \"diagonal\""
    )]
    TooLarge { components: usize, points: usize, dim: usize, numbers: u128 },
    #[error(
        "component {component} collapsed onto points without spread in some direction, in each of {restarts} restarts; use fewer components, a simpler covariance, or a smaller floor"
    )]
    Collapsed { component: usize, restarts: u32 },
}

/// Largest coordinate whose square can be summed.
const LARGEST_COORDINATE: f64 = 1e150;
/// Most numbers in the covariances or in the shares of the points: 1 GiB.
const LARGEST_ARRAY: u128 = 1 << 27;
/// Times that collapsed components are placed anew before a restart is given up.
const MOST_PLACED_ANEW: u32 = 5;
/// Rounds of k-means in the first restart.
const KMEANS_ROUNDS: usize = 100;

/// The best fit over all restarts.
pub(super) fn fit(points: ArrayView2<'_, f64>, settings: &Fitted, seed: Seed) -> Result<Fit, FitError> {
    let data = Data::new(points, settings)?;
    let mut best: Option<Fit> = None;
    let mut given_up = 0;
    let mut collapsed = 0;
    for restart in 0..settings.restarts.get() {
        let mut rng = seed.stream(&[("model", super::ID), ("restart", &restart.to_string())]);
        match data.climb(settings, restart, &mut rng) {
            Ok(fit) => {
                if best.as_ref().is_none_or(|best| fit.mean_log_likelihood > best.mean_log_likelihood) {
                    best = Some(fit);
                }
            }
            Err(Collapse { component }) => {
                given_up += 1;
                collapsed = component;
            }
        }
    }
    match best {
        Some(fit) => Ok(Fit { restarts_given_up: given_up, ..fit }),
        None => Err(FitError::Collapsed { component: collapsed, restarts: settings.restarts.get() }),
    }
}

/// A component that has no spread left in some direction.
struct Collapse {
    component: usize,
}

struct Data<'a> {
    points: ArrayView2<'a, f64>,
    /// Points in units of the standard deviation of each coordinate, for distances.
    standardised: Array2<f64>,
    /// Variance of each coordinate.
    variances: Array1<f64>,
    components: usize,
}

impl<'a> Data<'a> {
    fn new(points: ArrayView2<'a, f64>, settings: &Fitted) -> Result<Self, FitError> {
        let (count, dim) = points.dim();
        let components = settings.components.get() as usize;
        if dim == 0 {
            return Err(FitError::NoCoordinates);
        }
        let needed = components.max(if settings.covariance == Shape::Full { dim + 1 } else { 2 });
        if count < needed {
            return Err(FitError::TooFew { found: count, components, needed });
        }
        let of_covariance = if settings.covariance == Shape::Full { dim * dim } else { dim };
        let numbers = components as u128 * of_covariance.max(count) as u128;
        if numbers > LARGEST_ARRAY {
            return Err(FitError::TooLarge { components, points: count, dim, numbers });
        }
        let bad =
            |row: ArrayView1<'_, f64>| row.iter().any(|x| !x.is_finite() || x.abs() > LARGEST_COORDINATE);
        if let Some(point) = points.rows().into_iter().position(bad) {
            return Err(FitError::OutOfRange { point });
        }
        let distinct = distinct(points);
        if distinct < components {
            return Err(FitError::Duplicates { distinct, components });
        }
        let mean = points.sum_axis(Axis(0)) / count as f64;
        let centred = &points - &mean;
        let variances = (&centred * &centred).sum_axis(Axis(0)) / count as f64;
        if let Some(coordinate) =
            (0..dim).find(|&j| points.column(j).iter().all(|&x| same(x, points[[0, j]])))
        {
            return Err(FitError::Constant { coordinate });
        }
        let standardised = &centred / &variances.mapv(f64::sqrt);
        Ok(Self { points, standardised, variances, components })
    }

    /// One restart: k-means++, then expectation-maximisation until it gains less than the tolerance.
    fn climb(&self, settings: &Fitted, restart: u32, rng: &mut ChaCha8Rng) -> Result<Fit, Collapse> {
        // Only the first start is refined: after k-means, most starts are the same few.
        let mut shares = self.start(if restart == 0 { KMEANS_ROUNDS } else { 1 }, rng);
        let mut previous = f64::NEG_INFINITY;
        let mut placed_anew = 0;
        let mut iterations = 0;
        loop {
            iterations += 1;
            let mixture = match self.maximise(settings, &shares) {
                Ok(mixture) => mixture,
                Err(collapse) if placed_anew == MOST_PLACED_ANEW => return Err(collapse),
                Err(Collapse { component }) => {
                    placed_anew += 1;
                    previous = f64::NEG_INFINITY;
                    self.place_anew(component, &mut shares, rng);
                    continue;
                }
            };
            let log_densities = mixture.responsibilities(self.points, &mut shares);
            let mean_log_likelihood = log_densities.sum() / log_densities.len() as f64;
            let converged = mean_log_likelihood - previous < settings.tolerance;
            if converged || iterations >= settings.max_iterations.get() {
                return Ok(Fit {
                    mixture,
                    mean_log_likelihood,
                    iterations,
                    converged,
                    restart,
                    restarts_given_up: 0,
                    placed_anew,
                });
            }
            previous = mean_log_likelihood;
        }
    }

    /// Shares of 0 and 1 from a k-means++ start and up to `rounds` of k-means, on standardised coordinates.
    fn start(&self, rounds: usize, rng: &mut ChaCha8Rng) -> Array2<f64> {
        let count = self.points.nrows();
        let mut centres = Array2::zeros((self.components, self.points.ncols()));
        let mut nearest = Array1::from_elem(count, f64::INFINITY);
        for k in 0..self.components {
            let chosen =
                if k == 0 { rng.random_range(0..count) } else { draw_in_proportion(nearest.view(), rng) };
            centres.row_mut(k).assign(&self.standardised.row(chosen));
            for (nearest, row) in nearest.iter_mut().zip(self.standardised.rows()) {
                *nearest = nearest.min(squared_distance(row, centres.row(k)));
            }
        }
        let mut owners = vec![usize::MAX; count];
        for _ in 0..rounds {
            let mut changed = false;
            for (owner, row) in owners.iter_mut().zip(self.standardised.rows()) {
                let closest = closest(row, centres.view());
                changed |= *owner != closest;
                *owner = closest;
            }
            if !changed {
                break;
            }
            let mut sizes = vec![0_usize; self.components];
            let mut sums = Array2::<f64>::zeros(centres.raw_dim());
            for (&owner, row) in owners.iter().zip(self.standardised.rows()) {
                sizes[owner] += 1;
                let mut sum = sums.row_mut(owner);
                sum += &row;
            }
            for (k, size) in sizes.into_iter().enumerate().filter(|(_, size)| *size > 0) {
                centres.row_mut(k).assign(&(&sums.row(k) / size as f64));
            }
        }
        let mut shares = Array2::zeros((count, self.components));
        for (i, owner) in owners.into_iter().enumerate() {
            shares[[i, owner]] = 1.0;
        }
        shares
    }

    /// The mixture that the shares imply, with the floor added to its variances.
    fn maximise(&self, settings: &Fitted, shares: &Array2<f64>) -> Result<Mixture, Collapse> {
        let (count, dim) = self.points.dim();
        let sizes = shares.sum_axis(Axis(0));
        if let Some(component) = sizes.iter().position(|size| *size < f64::EPSILON * count as f64) {
            return Err(Collapse { component });
        }
        let weights = &sizes / sizes.sum();
        let mut means = Array2::<f64>::zeros((self.components, dim));
        for (row, share) in self.points.rows().into_iter().zip(shares.rows()) {
            for (k, share) in share.iter().enumerate() {
                means.row_mut(k).scaled_add(*share, &row);
            }
        }
        means /= &sizes.view().insert_axis(Axis(1));
        let mean_variance = self.variances.sum() / dim as f64;
        let (covariances, scale) = match settings.covariance {
            Shape::Full => {
                let mut matrices = self.scatter(shares, &means);
                for (mut matrix, size) in matrices.outer_iter_mut().zip(&sizes) {
                    matrix /= *size;
                    for (entry, variance) in matrix.diag_mut().iter_mut().zip(&self.variances) {
                        *entry += settings.floor * variance;
                    }
                }
                (Covariances::Full(matrices), self.variances.clone())
            }
            Shape::Diagonal => {
                let variances = self.spread(shares, &means, &sizes) + &(&self.variances * settings.floor);
                (Covariances::Diagonal(variances), self.variances.clone())
            }
            Shape::Spherical => {
                let spread = self.spread(shares, &means, &sizes).sum_axis(Axis(1)) / dim as f64;
                let floor = settings.floor * mean_variance;
                (Covariances::Spherical(spread + floor), Array1::from_elem(dim, mean_variance))
            }
        };
        let mixture = Mixture::new(weights.view(), means.view(), covariances)
            .map_err(|_| Collapse { component: closest_to_zero(sizes.view()) })?;
        match smallest_relative_pivot(&mixture, scale.view()) {
            // Most of that variance is the floor and not the points.
            (component, relative) if relative < 2.0 * settings.floor => Err(Collapse { component }),
            _ => Ok(mixture),
        }
    }

    /// `sum_i r_ik (x_i - m_k) (x_i - m_k)^T`.
    fn scatter(&self, shares: &Array2<f64>, means: &Array2<f64>) -> Array3<f64> {
        let dim = self.points.ncols();
        let mut matrices = Array3::<f64>::zeros((self.components, dim, dim));
        for (row, share) in self.points.rows().into_iter().zip(shares.rows()) {
            for (k, mut matrix) in matrices.outer_iter_mut().enumerate() {
                let centred = &row - &means.row(k);
                for (i, mut entries) in matrix.rows_mut().into_iter().enumerate() {
                    entries.scaled_add(share[k] * centred[i], &centred);
                }
            }
        }
        // Products in the two orders round differently; the mixture wants mirror images.
        for mut matrix in matrices.outer_iter_mut() {
            for i in 0..dim {
                for j in 0..i {
                    matrix[[j, i]] = matrix[[i, j]];
                }
            }
        }
        matrices
    }

    /// Variance of each coordinate in each component, shape `(components, dim)`.
    fn spread(&self, shares: &Array2<f64>, means: &Array2<f64>, sizes: &Array1<f64>) -> Array2<f64> {
        let mut spread = Array2::<f64>::zeros(means.raw_dim());
        for (row, share) in self.points.rows().into_iter().zip(shares.rows()) {
            for k in 0..self.components {
                let centred = &row - &means.row(k);
                spread.row_mut(k).scaled_add(share[k], &(&centred * &centred));
            }
        }
        spread / sizes.view().insert_axis(Axis(1))
    }

    /// Gives a component the points nearest to one drawn at random.
    fn place_anew(&self, component: usize, shares: &mut Array2<f64>, rng: &mut ChaCha8Rng) {
        let (count, dim) = self.points.dim();
        let around = self.standardised.row(rng.random_range(0..count));
        let mut order: Vec<(f64, usize)> =
            self.standardised.rows().into_iter().map(|row| squared_distance(row, around)).zip(0..).collect();
        order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let size = (count / (2 * self.components)).max(dim + 2).min(count);
        for &(_, i) in &order[..size] {
            shares.row_mut(i).fill(0.0);
            shares[[i, component]] = 1.0;
        }
    }
}

fn same(a: f64, b: f64) -> bool {
    a.total_cmp(&b).is_eq()
}

fn distinct(points: ArrayView2<'_, f64>) -> usize {
    let order = |&a: &usize, &b: &usize| {
        let (a, b) = (points.row(a), points.row(b));
        a.iter().zip(b).map(|(a, b)| a.total_cmp(b)).find(|o| o.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
    };
    let mut rows: Vec<usize> = (0..points.nrows()).collect();
    rows.sort_unstable_by(order);
    rows.dedup_by(|a, b| order(a, b).is_eq());
    rows.len()
}

fn squared_distance(a: ArrayView1<'_, f64>, b: ArrayView1<'_, f64>) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

fn closest(row: ArrayView1<'_, f64>, centres: ArrayView2<'_, f64>) -> usize {
    let mut best = (f64::INFINITY, 0);
    for (k, centre) in centres.rows().into_iter().enumerate() {
        let distance = squared_distance(row, centre);
        if distance < best.0 {
            best = (distance, k);
        }
    }
    best.1
}

fn closest_to_zero(sizes: ArrayView1<'_, f64>) -> usize {
    let mut best = (f64::INFINITY, 0);
    for (k, &size) in sizes.iter().enumerate() {
        if size < best.0 {
            best = (size, k);
        }
    }
    best.1
}

/// An index drawn with probability in proportion to its weight; at least one weight is above zero.
fn draw_in_proportion(weights: ArrayView1<'_, f64>, rng: &mut ChaCha8Rng) -> usize {
    let mut left = rng.random::<f64>() * weights.sum();
    let mut last = 0;
    for (i, &weight) in weights.iter().enumerate().filter(|(_, weight)| **weight > 0.0) {
        last = i;
        left -= weight;
        if left < 0.0 {
            break;
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;
    use std::num::NonZeroU32;

    fn settings(components: u32) -> Fitted {
        let text = format!("components = {components}");
        toml::from_str(&text).expect("the other keys have defaults")
    }

    fn points_of_figure_3() -> Array2<f64> {
        let text = include_str!("../../../../experiments/data/fig3-points.csv");
        let numbers =
            text.lines().skip(1).flat_map(|line| line.split(',').map(|x| x.parse().expect("a number")));
        Array2::from_shape_vec((300, 2), numbers.collect()).expect("300 points")
    }

    #[test]
    fn the_parameters_of_figure_3_are_the_published_ones() {
        let points = points_of_figure_3();
        let fit = fit(points.view(), &settings(2), Seed::new(1)).unwrap();
        let first = usize::from(fit.mixture.means()[[0, 0]] > 5.0);
        let published = array![[-0.286_497_47, -0.287_713_80], [13.671_535_45, 0.081_265_05]];
        for (k, published) in [first, 1 - first].into_iter().zip(published.rows()) {
            assert!((fit.mixture.weights()[k] - 0.5).abs() < 1e-6);
            assert!((&fit.mixture.means().row(k) - &published).iter().all(|off| off.abs() < 1e-4));
        }
        assert!((fit.mean_log_likelihood + 5.534_321_3).abs() < 1e-6, "{}", fit.mean_log_likelihood);
    }

    #[test]
    fn a_step_never_lowers_the_likelihood() {
        let points = points_of_figure_3();
        let mut reached = f64::NEG_INFINITY;
        for iterations in 1..30 {
            let settings = Fitted {
                restarts: NonZeroU32::MIN,
                max_iterations: NonZeroU32::new(iterations).unwrap(),
                ..settings(4)
            };
            let fit = fit(points.view(), &settings, Seed::new(1)).unwrap();
            // The floor is not part of the likelihood, so it may take its own size back.
            assert!(fit.mean_log_likelihood > reached - 1e-7, "after {iterations} iterations");
            reached = fit.mean_log_likelihood;
        }
    }
}
