//! Every local minimum that many starts find.

use super::problem::{Data, Mean, MeanError, MeanLimits, MeanProblem, MeanSearch};
use ndarray::{Array1, ArrayView1};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::RngCore;
use std::ops::ControlFlow;

/// Where the searches for minima start, beside the average of the points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Starts {
    /// Data points, evenly over their order.
    pub data: usize,
    /// Random convex combinations of all data points.
    pub combinations: usize,
    /// Random points of the box around the data.
    pub spread: usize,
}

/// A local minimum.
#[derive(Debug, Clone, PartialEq)]
pub struct Minimum {
    /// The mean with its curves.
    pub mean: Mean,
    /// The share of the converged searches that ended there.
    pub share: f64,
}

/// What searches from many starts found.
#[derive(Debug, Clone, PartialEq)]
pub struct Minima {
    /// Local minima, the lowest first.
    pub minima: Vec<Minimum>,
    /// Searches that were started.
    pub searches: usize,
    /// Searches that converged.
    pub converged: usize,
    /// Iterations of all.
    pub iterations: u64,
}

/// Means closer than this, relative to the size of the box around the data, are one.
const SAME: f64 = 1e-4;

/// Searches from every start; two means are one minimum where they are nearer than a ten-thousandth of the box around the
/// data.
///
/// The relative weight is resolved once, from the average of the points, so that all searches minimise the same objective.
///
/// # Errors
/// [`MeanError`] where the input does not fit or the observer breaks; a start from which nothing comes out counts as a search
/// that did not converge.
pub fn find_minima(
    problem: &MeanProblem<'_>,
    search: MeanSearch,
    limits: MeanLimits<'_>,
    starts: Starts,
    rng: &mut ChaCha8Rng,
    observe: &mut dyn FnMut(f64) -> ControlFlow<()>,
) -> Result<Minima, MeanError> {
    let data = Data::new(problem.geometry, problem.points, problem.weights)?;
    let places = places(&data, starts, rng);
    let first = problem.solve(search, limits, &mut |_, _| observe(0.0))?;
    let problem = MeanProblem { weight: super::MeanWeight::Absolute(first.lambda_norm), ..*problem };
    let searches = places.len() + 1;
    let mut all = Minima { minima: Vec::new(), searches, converged: 0, iterations: 0 };
    let near = SAME * diameter(&data);
    all.add(first, near);
    for (k, place) in places.iter().enumerate() {
        let done = (k + 1) as f64 / searches as f64;
        let limits = MeanLimits { start: Some(ArrayView1::from(place)), ..limits };
        match problem.solve(search, limits, &mut |_, _| observe(done)) {
            Ok(mean) => all.add(mean, near),
            Err(MeanError::Interrupted) => return Err(MeanError::Interrupted),
            Err(_) => {}
        }
    }
    let level = |minimum: &Minimum| minimum.mean.objective.unwrap_or(minimum.mean.energy);
    all.minima.sort_by(|a, b| level(a).total_cmp(&level(b)));
    let converged = all.converged.max(1) as f64;
    all.minima.iter_mut().for_each(|minimum| minimum.share /= converged);
    Ok(all)
}

impl Minima {
    fn add(&mut self, mean: Mean, near: f64) {
        self.iterations += u64::from(mean.iterations);
        if !mean.stop.means_convergence() {
            return;
        }
        self.converged += 1;
        let distance = |a: &Array1<f64>, b: &Array1<f64>| {
            a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt()
        };
        let known = self.minima.iter_mut().find(|known| distance(&known.mean.mean, &mean.mean) <= near);
        match known {
            Some(known) => {
                known.share += 1.0;
                // The lowest of those that are one stands for all.
                if mean.objective.unwrap_or(mean.energy) < known.mean.objective.unwrap_or(known.mean.energy) {
                    known.mean = mean;
                }
            }
            None => self.minima.push(Minimum { mean, share: 1.0 }),
        }
    }
}

fn bounds(data: &Data) -> Vec<(f64, f64)> {
    let mut bounds = vec![(f64::INFINITY, f64::NEG_INFINITY); data.dim];
    for point in data.points.chunks_exact(data.dim) {
        bounds.iter_mut().zip(point).for_each(|(b, x)| *b = (b.0.min(*x), b.1.max(*x)));
    }
    bounds
}

fn diameter(data: &Data) -> f64 {
    let square: f64 = bounds(data).iter().map(|(low, high)| (high - low) * (high - low)).sum();
    // One point has no box; then means are compared as they are.
    if square > 0.0 { square.sqrt() } else { 1.0 }
}

fn places(data: &Data, starts: Starts, rng: &mut ChaCha8Rng) -> Vec<Vec<f64>> {
    // 53 bits: every number of the unit interval that a float can tell apart in equal steps.
    let mut uniform = || (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
    let count = data.weights.len();
    let mut places: Vec<Vec<f64>> = Vec::new();
    let chosen = starts.data.min(count);
    for k in 0..chosen {
        let row = k * count / chosen;
        places.push(data.points[row * data.dim..(row + 1) * data.dim].to_vec());
    }
    for _ in 0..starts.combinations {
        let shares: Vec<f64> = (0..count).map(|_| -(1.0 - uniform()).ln()).collect();
        let total: f64 = shares.iter().sum();
        let mut place = vec![0.0; data.dim];
        for (point, share) in data.points.chunks_exact(data.dim).zip(&shares) {
            place.iter_mut().zip(point).for_each(|(p, x)| *p += share / total * x);
        }
        places.push(place);
    }
    let bounds = bounds(data);
    for _ in 0..starts.spread {
        places.push(bounds.iter().map(|(low, high)| low + uniform() * (high - low)).collect());
    }
    places
}
