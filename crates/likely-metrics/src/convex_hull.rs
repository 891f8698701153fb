//! The distance of a point to the convex hull of finitely many points, with a certificate.

use ndarray::{ArrayView1, ArrayView2};

/// Bounds on a distance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HullDistance {
    /// Distance to a point of the hull that was found, so that the true distance is at most this.
    pub upper: f64,
    /// Distance to a half-space that holds the hull, so that the true distance is at least this.
    pub lower: f64,
}

/// Most points that are taken up, as a multiple of the number of points and coordinates.
const MOST_ROUNDS: usize = 20;
/// A duality gap this small relative to the squared sizes involved is one of rounding.
const ROUNDING: f64 = 4.0 * f64::EPSILON;
/// A direction this much shorter than before its projection depends on the others.
const DEPENDENT: f64 = 1e-12;

/// The distance of `query` to the convex hull of the rows of `points`, shape `(points, dim)`.
///
/// With `p_i = x_i - query`, the point `y` of the hull of the `p_i` that has the least norm is found by Wolfe's algorithm.
/// For any `y` in that hull, `min_i <y, p_i> / |y| <= distance <= |y|`, which is what is returned.
///
/// # Source
/// P. Wolfe, Finding the nearest point in a polytope, Mathematical Programming 11 (1976).
pub fn distance_to_hull(query: ArrayView1<'_, f64>, points: ArrayView2<'_, f64>) -> HullDistance {
    let dim = query.len();
    let shifted: Vec<f64> = points
        .rows()
        .into_iter()
        .flat_map(|row| row.iter().zip(query).map(|(p, q)| p - q).collect::<Vec<_>>())
        .collect();
    let row = |i: usize| &shifted[i * dim..(i + 1) * dim];
    let n = points.nrows();
    let Some(first) = (0..n).min_by(|&i, &j| dot(row(i), row(i)).total_cmp(&dot(row(j), row(j)))) else {
        return HullDistance { upper: f64::INFINITY, lower: f64::INFINITY };
    };
    let mut corral = vec![first];
    let mut weights = vec![1.0];
    let mut nearest = row(first).to_vec();
    let mut best = HullDistance { upper: f64::INFINITY, lower: 0.0 };
    for _ in 0..MOST_ROUNDS * (n + dim) {
        let squared = dot(&nearest, &nearest);
        let (next, least) = (0..n)
            .map(|i| (i, dot(&nearest, row(i))))
            .min_by(|a, b| a.1.total_cmp(&b.1))
            .unwrap_or((first, squared));
        let norm = squared.sqrt();
        best.upper = best.upper.min(norm);
        if norm > 0.0 {
            best.lower = best.lower.max(least / norm).min(best.upper);
        }
        let reach = dot(row(next), row(next)).sqrt();
        if squared - least <= ROUNDING * norm * (norm + reach) || corral.contains(&next) {
            break;
        }
        corral.push(next);
        weights.push(0.0);
        while let Some(affine) = affine_weights(&corral, &row) {
            // The step towards the nearest point of the affine hull that keeps all weights positive.
            let step = weights
                .iter()
                .zip(&affine)
                .filter(|(_, a)| **a <= 0.0)
                .map(|(w, a)| w / (w - a))
                .fold(1.0, f64::min);
            for (w, a) in weights.iter_mut().zip(&affine) {
                *w += step * (a - *w);
            }
            if step >= 1.0 {
                break;
            }
            drop_least(&mut corral, &mut weights);
        }
        let total: f64 = weights.iter().sum();
        nearest.fill(0.0);
        for (&i, w) in corral.iter().zip(&weights) {
            for (y, p) in nearest.iter_mut().zip(row(i)) {
                *y += w / total * p;
            }
        }
    }
    best
}

/// Removes every weight that is not positive, and at least the least one.
fn drop_least(corral: &mut Vec<usize>, weights: &mut Vec<f64>) {
    let least = weights.iter().copied().fold(f64::INFINITY, f64::min).max(0.0);
    let keep: Vec<bool> = weights.iter().map(|w| *w > least).collect();
    let mut kept = keep.iter();
    corral.retain(|_| *kept.next().unwrap_or(&false));
    let mut kept = keep.iter();
    weights.retain(|_| *kept.next().unwrap_or(&false));
}

/// Weights, summing to one, of the point of least norm in the affine hull of the corral.
///
/// Least squares over the directions `p_i - p_0` by Gram-Schmidt, twice for accuracy. Where the directions depend on each
/// other the newest point gets no weight, which ends the search.
fn affine_weights<'a>(corral: &[usize], row: &impl Fn(usize) -> &'a [f64]) -> Option<Vec<f64>> {
    let (&base, others) = corral.split_first()?;
    let mut basis: Vec<Vec<f64>> = Vec::with_capacity(others.len());
    let mut upper: Vec<Vec<f64>> = Vec::with_capacity(others.len());
    for &i in others {
        let mut direction: Vec<f64> = row(i).iter().zip(row(base)).map(|(p, b)| p - b).collect();
        let length = dot(&direction, &direction).sqrt();
        let mut column = vec![0.0; basis.len() + 1];
        for _ in 0..2 {
            for (unit, entry) in basis.iter().zip(column.iter_mut()) {
                let along = dot(unit, &direction);
                *entry += along;
                for (d, u) in direction.iter_mut().zip(unit) {
                    *d -= along * u;
                }
            }
        }
        let left = dot(&direction, &direction).sqrt();
        if left <= DEPENDENT * length {
            return None;
        }
        for d in &mut direction {
            *d /= left;
        }
        column[basis.len()] = left;
        basis.push(direction);
        upper.push(column);
    }
    let mut solution: Vec<f64> = basis.iter().map(|unit| -dot(unit, row(base))).collect();
    for k in (0..solution.len()).rev() {
        solution[k] /= upper[k][k];
        let value = solution[k];
        for (entry, coefficient) in solution[..k].iter_mut().zip(&upper[k]) {
            *entry -= coefficient * value;
        }
    }
    let mut weights = vec![1.0 - solution.iter().sum::<f64>()];
    weights.extend(solution);
    Some(weights)
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
