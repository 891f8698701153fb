//! The lower convex envelope of curves in the plane of total potential and energy.

/// A curve by its total potential and its energy.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Point {
    pub(super) total: f64,
    pub(super) energy: f64,
    /// Which curve it is.
    pub(super) index: usize,
}

/// The part of the envelope above a total.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Edge {
    pub(super) left: Point,
    pub(super) right: Point,
    /// Height of the envelope.
    pub(super) value: f64,
    /// Minus its slope: the weight that supports it.
    pub(super) lambda: f64,
}

/// The edge of the lower convex envelope of `points` at `total`, which must lie between their totals.
pub(super) fn edge(points: &[Point], total: f64) -> Edge {
    let mut sorted = points.to_vec();
    sorted.sort_by(|a, b| a.total.total_cmp(&b.total).then(a.energy.total_cmp(&b.energy)));
    let mut hull: Vec<Point> = Vec::new();
    for point in sorted {
        while let [.., a, b] = hull.as_slice() {
            // b stays where it lies below the chord from a to the new point.
            let below = (b.energy - a.energy) * (point.total - a.total)
                < (point.energy - a.energy) * (b.total - a.total);
            if below {
                break;
            }
            hull.pop();
        }
        if hull.last().is_none_or(|last| point.total > last.total) {
            hull.push(point);
        }
    }
    let after = hull.iter().position(|point| point.total >= total).unwrap_or(hull.len() - 1).max(1);
    let (left, right) = (hull[after - 1], hull[after.min(hull.len() - 1)]);
    let slope = (right.energy - left.energy) / (right.total - left.total);
    Edge { left, right, value: left.energy + slope * (total - left.total), lambda: (-slope).max(0.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_envelope_of_a_double_well_is_its_bitangent() {
        // (x^2 - 1)^2 - x / 2: the bitangent touches at -1 and 1 and has slope -1/2.
        let point = |k: i32| {
            let x = f64::from(k) * 0.01;
            Point { total: x, energy: (x * x - 1.0).powi(2) - 0.5 * x, index: 0 }
        };
        let points: Vec<Point> = (-200..=200).rev().map(point).collect();
        let inside = edge(&points, 0.3);
        assert!((inside.lambda - 0.5).abs() < 1e-12 && (inside.value + 0.15).abs() < 1e-12, "{inside:?}");
        assert!((inside.left.total + 1.0).abs() < 1e-12 && (inside.right.total - 1.0).abs() < 1e-12);
        let outside = edge(&points, 1.505);
        assert!((outside.left.total - 1.5).abs() < 1e-12 && (outside.right.total - 1.51).abs() < 1e-12);
    }

    #[test]
    fn of_curves_with_one_total_the_lowest_counts() {
        let at = |total, energy, index| Point { total, energy, index };
        let points = [at(0.0, 3.0, 0), at(0.0, 2.0, 1), at(1.0, 1.0, 2), at(1.0, 0.5, 3)];
        let found = edge(&points, 0.5);
        assert_eq!((found.left.index, found.right.index), (1, 3));
        assert!((found.value - 1.25).abs() < 1e-15 && (found.lambda - 1.5).abs() < 1e-15);
    }
}
