//! Precision and recall, density and coverage: which features lie within balls that reach to near neighbours.

use super::{DistanceError, linear};
use ndarray::ArrayView2;
use rayon::prelude::*;

/// Rows on either side whose distances are computed at a time.
const PANEL: usize = 256;

/// Precision and recall.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PrecisionRecall {
    /// The share of fake features that lie in a ball around some real feature.
    pub precision: f64,
    /// The share of real features that lie in a ball around some fake feature.
    pub recall: f64,
}

/// Density and coverage.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DensityCoverage {
    /// Real balls that hold a fake feature, summed over the fake features, over `k` times their number; it may exceed one.
    pub density: f64,
    /// The share of real balls that hold a fake feature.
    pub coverage: f64,
}

/// Improved precision and recall: balls reach to the `k`-th nearest other feature of the own set, border included.
///
/// Features have shape `(images, dim)`; distances are Euclidean.
///
/// # Errors
/// [`DistanceError`] for different numbers of features, and for a set of at most `k` images.
///
/// # Source
/// Kynkäänniemi et al. (2019), eq. 1 and 2, with `k = 3` there.
pub fn precision_recall(
    real: ArrayView2<'_, f64>,
    fake: ArrayView2<'_, f64>,
    k: usize,
) -> Result<PrecisionRecall, DistanceError> {
    let [real, fake] = Points::both(real, fake, k)?;
    let (real_balls, fake_balls) = (real.squared_radii(k), fake.squared_radii(k));
    let held = |points: &Points, centres: &Points, balls: &[f64]| {
        let inside = points.against(centres, |distances| {
            distances.iter().zip(balls).any(|(distance, ball)| distance <= ball)
        });
        share(&inside)
    };
    Ok(PrecisionRecall {
        precision: held(&fake, &real, &real_balls),
        recall: held(&real, &fake, &fake_balls),
    })
}

/// Density and coverage: balls around real features reach to their `k`-th nearest other real feature, border excluded.
///
/// Features have shape `(images, dim)`; distances are Euclidean.
///
/// # Errors
/// [`DistanceError`] for different numbers of features, and for a set of at most `k` images.
///
/// # Source
/// Naeem et al. (2020), eq. 3 and 4, with `k = 5` there; the border as in their code, `prdc`.
pub fn density_coverage(
    real: ArrayView2<'_, f64>,
    fake: ArrayView2<'_, f64>,
    k: usize,
) -> Result<DensityCoverage, DistanceError> {
    let [real, fake] = Points::both(real, fake, k)?;
    let balls = real.squared_radii(k);
    let counts = real.against_indexed(&fake, |row, distances| {
        distances.iter().filter(|distance| **distance < balls[row]).count()
    });
    let total: usize = counts.iter().sum();
    let covered: Vec<bool> = counts.iter().map(|&count| count > 0).collect();
    Ok(DensityCoverage { density: total as f64 / (k * fake.count) as f64, coverage: share(&covered) })
}

fn share(which: &[bool]) -> f64 {
    which.iter().filter(|&&yes| yes).count() as f64 / which.len() as f64
}

/// Features about a common centre, with their squared norms: distances come from products, and these lose digits far from zero.
pub(super) struct Points {
    rows: Vec<f64>,
    squares: Vec<f64>,
    dim: usize,
    count: usize,
}

impl Points {
    pub(super) fn both(
        real: ArrayView2<'_, f64>,
        fake: ArrayView2<'_, f64>,
        k: usize,
    ) -> Result<[Self; 2], DistanceError> {
        if real.ncols() != fake.ncols() {
            return Err(DistanceError::Dims { real: real.ncols(), fake: fake.ncols() });
        }
        if k == 0 || real.nrows() <= k || fake.nrows() <= k {
            return Err(DistanceError::Neighbours { k, real: real.nrows(), fake: fake.nrows() });
        }
        let count = real.nrows() as f64;
        let mut centre = vec![0.0; real.ncols()];
        for row in real.rows() {
            centre.iter_mut().zip(row).for_each(|(centre, x)| *centre += x / count);
        }
        let points = [Self::new(real, &centre), Self::new(fake, &centre)];
        if points.iter().flat_map(|points| &points.squares).all(|square| square.is_finite()) {
            Ok(points)
        } else {
            Err(DistanceError::NotFinite)
        }
    }

    fn new(rows: ArrayView2<'_, f64>, centre: &[f64]) -> Self {
        let (count, dim) = rows.dim();
        let rows: Vec<f64> = rows
            .rows()
            .into_iter()
            .flat_map(|row| row.iter().zip(centre).map(|(x, c)| x - c).collect::<Vec<_>>())
            .collect();
        let squares = rows.chunks_exact(dim).map(|row| row.iter().map(|x| x * x).sum()).collect();
        Self { rows, squares, dim, count }
    }

    /// What `look` sees in the squared distances of each row to all rows of `others`.
    pub(super) fn against<T: Send>(&self, others: &Self, look: impl Fn(&[f64]) -> T + Sync) -> Vec<T> {
        self.against_indexed(others, |_, distances| look(distances))
    }

    pub(super) fn against_indexed<T: Send>(
        &self,
        others: &Self,
        look: impl Fn(usize, &[f64]) -> T + Sync,
    ) -> Vec<T> {
        let panels: Vec<Vec<T>> = self
            .rows
            .par_chunks(PANEL * self.dim)
            .enumerate()
            .map(|(panel, own)| {
                let height = own.len() / self.dim;
                let mut distances = vec![0.0; height * others.count];
                linear::inner_products(own, &others.rows, self.dim, &mut distances);
                let rows = distances.chunks_exact_mut(others.count).enumerate();
                rows.map(|(row, distances)| {
                    let row = panel * PANEL + row;
                    for (distance, square) in distances.iter_mut().zip(&others.squares) {
                        *distance = (self.squares[row] + square - 2.0 * *distance).max(0.0);
                    }
                    look(row, distances)
                })
                .collect()
            })
            .collect();
        panels.into_iter().flatten().collect()
    }

    /// The squared distance of each row to its `k`-th nearest other row.
    pub(super) fn squared_radii(&self, k: usize) -> Vec<f64> {
        self.against_indexed(self, |row, distances| Self::nearest(row, distances, k)[k - 1].0)
    }

    /// The `count` nearest other rows, or all that there are, with their squared distances, from the nearest.
    pub(super) fn nearest(row: usize, distances: &[f64], count: usize) -> Vec<(f64, usize)> {
        // The row itself is left out by its place: there may be another at distance zero.
        let mut nearest: Vec<(f64, usize)> = Vec::with_capacity(count + 1);
        for (other, &distance) in distances.iter().enumerate() {
            if other != row && (nearest.len() < count || distance < nearest[count - 1].0) {
                let place = nearest.partition_point(|&(known, _)| known <= distance);
                nearest.insert(place, (distance, other));
                nearest.truncate(count);
            }
        }
        nearest
    }
}
