//! A path in the plane of two points whose weighted length is least, where the weight depends on the norm.

use likely_core::Stop;
use std::f64::consts::LN_2;

/// Minus the log-density of the norm of a standard normal point in `d` dimensions, as a function of the norm `r`.
///
/// `w(r) = r^2/2 - (d - 1) log r + (d/2 - 1) log 2 + log Gamma(d/2)`, positive everywhere: the density stays below 1.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chi {
    power: f64,
    constant: f64,
}

impl Chi {
    pub(crate) fn new(dim: usize) -> Self {
        let half = 0.5 * dim as f64;
        Self { power: dim as f64 - 1.0, constant: (half - 1.0) * LN_2 + libm::lgamma(half) }
    }

    /// `w`, `w'` and `w''` at a positive norm.
    fn at(self, r: f64) -> [f64; 3] {
        let Self { power, constant } = self;
        [0.5 * r * r - power * libm::log(r) + constant, r - power / r, 1.0 + power / (r * r)]
    }
}

type Point = [f64; 2];

/// A polygon from `(r_0, 0)` to `r_N (cos t, sin t)`.
#[derive(Debug, Clone)]
pub(crate) struct Path {
    /// Cartesian coordinates of the points, at equal distances along the path.
    pub(crate) points: Vec<Point>,
    /// Steps of Newton's method, over all grids.
    pub(crate) iterations: u32,
    pub(crate) stop: Stop,
}

/// Pieces of the polygon while it is sought.
const PIECES: usize = 1024;
/// How often pieces are laid along the path that was found.
const GRIDS: usize = 3;
/// Steps of Newton's method on one grid, at most.
const STEPS: u32 = 200;
/// The gain that a step promises, relative to what is minimised, that counts as none.
const TOLERANCE: f64 = 1e-13;
/// A matrix whose diagonal was enlarged so often without becoming positive definite is not finite.
const LARGEST_SHIFT: f64 = 1e6;
/// The farthest that a step moves a point: the density of the norm changes over a distance of about one.
const FARTHEST: f64 = 0.5;

impl Path {
    /// The path over `segments` segments; `angle` is in (0, pi].
    ///
    /// Minimises `sum_i (w_i |q_i|)^2 / h_i` over the inner points of a polygon with pieces `q_i`, `w_i` the weight in their
    /// middle. With `h_i` the shares of the weighted length that the pieces have at the start, the minimum is the shortest
    /// polygon with these shares: no piece can grow to step over a place where the weight is large.
    pub(crate) fn between(radii: [f64; 2], angle: f64, segments: usize, weight: Chi) -> Self {
        let mut points = start(radii, angle, weight);
        let (mut iterations, mut found) = (0, Newton { steps: 0, slope: 0.0, converged: false });
        for grid in 0..GRIDS {
            if grid > 0 {
                points = laid_anew(&points, PIECES, &shares(&points, weight));
            }
            found = newton(&mut points, weight);
            iterations += found.steps;
        }
        let stop = if found.slope.is_nan() {
            Stop::NotFinite { iteration: iterations }
        } else if found.converged {
            Stop::Converged { grad_norm_l2: found.slope }
        } else {
            Stop::IterationLimit { grad_norm_l2: found.slope }
        };
        Self { points: laid_anew(&points, segments, &lengths(&points)), iterations, stop }
    }
}

fn lengths(points: &[Point]) -> Vec<f64> {
    points.windows(2).map(|p| (p[1][0] - p[0][0]).hypot(p[1][1] - p[0][1])).collect()
}

fn weighted_lengths(points: &[Point], weight: Chi) -> Vec<f64> {
    let middle = |p: &[Point]| (0.5 * (p[0][0] + p[1][0])).hypot(0.5 * (p[0][1] + p[1][1]));
    points.windows(2).zip(lengths(points)).map(|(p, length)| weight.at(middle(p))[0] * length).collect()
}

/// The mean of each piece's shares of the length and of the weighted length.
fn shares(points: &[Point], weight: Chi) -> Vec<f64> {
    let (plain, weighted) = (lengths(points), weighted_lengths(points, weight));
    let (all, all_weighted): (f64, f64) = (plain.iter().sum(), weighted.iter().sum());
    plain.iter().zip(&weighted).map(|(p, w)| 0.5 * (p / all + w / all_weighted)).collect()
}

/// Points on a polygon that cut it into `pieces` of equal measure; `measure` is that of its present pieces.
fn laid_anew(points: &[Point], pieces: usize, measure: &[f64]) -> Vec<Point> {
    let total: f64 = measure.iter().sum();
    let (mut i, mut below) = (0, 0.0);
    let mut laid = Vec::with_capacity(pieces + 1);
    laid.push(points[0]);
    for k in 1..pieces {
        let target = total * k as f64 / pieces as f64;
        while i + 1 < measure.len() && below + measure[i] < target {
            below += measure[i];
            i += 1;
        }
        let share = if measure[i] > 0.0 { ((target - below) / measure[i]).min(1.0) } else { 0.0 };
        let (a, b) = (points[i], points[i + 1]);
        laid.push([a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])]);
    }
    laid.push(points[points.len() - 1]);
    laid
}

/// The shorter of two starts: norm and angle change evenly, or straight to the most probable norm, around, and straight on.
fn start([first, last]: [f64; 2], angle: f64, weight: Chi) -> Vec<Point> {
    let polar = |r: f64, t: f64| [r * t.cos(), r * t.sin()];
    let mix = |a: f64, b: f64, s: f64| (1.0 - s) * a + s * b;
    let share = |i: usize| i as f64 / PIECES as f64;
    let best = weight.power.max(1e-9).sqrt();
    let even = (0..=PIECES).map(|i| polar(mix(first, last, share(i)), angle * share(i))).collect();
    let to_best = (0..PIECES).map(|i| polar(mix(first, best, share(i)), 0.0));
    let around = (0..PIECES).map(|i| polar(best, angle * share(i)));
    let onward = (0..=PIECES).map(|i| polar(mix(best, last, share(i)), angle));
    let by_best = to_best.chain(around).chain(onward).collect();
    let [even, by_best] = [even, by_best].map(|mut points: Vec<Point>| {
        for _ in 0..3 {
            points = laid_anew(&points, PIECES, &shares(&points, weight));
        }
        points
    });
    let length = |points: &[Point]| weighted_lengths(points, weight).iter().sum::<f64>();
    if length(&by_best) < length(&even) { by_best } else { even }
}

struct Newton {
    steps: u32,
    slope: f64,
    converged: bool,
}

/// Moves the inner points to a minimum of `sum_i (w_i |q_i|)^2 / h_i`.
fn newton(points: &mut [Point], weight: Chi) -> Newton {
    let weighted = weighted_lengths(points, weight);
    let total: f64 = weighted.iter().sum();
    let shares: Vec<f64> = weighted.iter().map(|w| w / total).collect();
    let value = |points: &[Point]| -> f64 {
        weighted_lengths(points, weight).iter().zip(&shares).map(|(w, h)| w * w / h).sum()
    };
    let mut steps = 0;
    loop {
        let (slope, band) = derivatives(points, &shares, weight);
        let norm = slope.iter().map(|x| x * x).sum::<f64>().sqrt();
        let now = value(points);
        let Some((step, shifted)) = downhill(&slope, &band) else {
            return Newton { steps, slope: f64::NAN, converged: false };
        };
        let promised: f64 = -step.iter().zip(&slope).map(|(d, g)| d * g).sum::<f64>();
        if !shifted && promised <= TOLERANCE * now {
            return Newton { steps, slope: norm, converged: true };
        }
        if steps == STEPS {
            return Newton { steps, slope: norm, converged: false };
        }
        let farthest = step.chunks_exact(2).map(|d| d[0].hypot(d[1])).fold(0.0, f64::max);
        let mut scale = if farthest > FARTHEST { FARTHEST / farthest } else { 1.0 };
        let accepted = (0..40).any(|_| {
            let mut trial = points.to_vec();
            for (k, d) in step.chunks_exact(2).enumerate() {
                trial[k + 1] = [trial[k + 1][0] + scale * d[0], trial[k + 1][1] + scale * d[1]];
            }
            let lower = value(&trial) <= now - 1e-4 * scale * promised;
            if lower {
                points.copy_from_slice(&trial);
            }
            scale *= 0.5;
            lower
        });
        steps += 1;
        if !accepted {
            // Where the promised gain is this small, rounding hides it.
            return Newton { steps, slope: norm, converged: promised <= 1e3 * TOLERANCE * now };
        }
    }
}

/// Rows of a symmetric matrix of bandwidth 3: `band[i][k]` is the entry in row `i + k` and column `i`.
type Band = Vec<[f64; 4]>;

/// Gradient and second derivatives in the coordinates of the inner points.
///
/// A piece with ends `a` and `b`, middle `p` and difference `q` adds `f(p, q) = u(|p|) |q|^2 / h` with `u = w^2`.
fn derivatives(points: &[Point], shares: &[f64], weight: Chi) -> (Vec<f64>, Band) {
    let inner = points.len() - 2;
    let (mut slope, mut band) = (vec![0.0; 2 * inner], vec![[0.0; 4]; 2 * inner]);
    for (i, h) in shares.iter().enumerate() {
        let (a, b) = (points[i], points[i + 1]);
        let (p, q) = ([0.5 * (a[0] + b[0]), 0.5 * (a[1] + b[1])], [b[0] - a[0], b[1] - a[1]]);
        let r = p[0].hypot(p[1]);
        let [w, w1, w2] = weight.at(r);
        let (u, u1, u2) = (w * w / h, 2.0 * w * w1 / h, 2.0 * (w1 * w1 + w * w2) / h);
        let (unit, size) = ([p[0] / r, p[1] / r], q[0] * q[0] + q[1] * q[1]);
        for x in 0..2 {
            let (of_p, of_q) = (0.5 * size * u1 * unit[x], 2.0 * u * q[x]);
            if i > 0 {
                slope[2 * (i - 1) + x] += of_p - of_q;
            }
            if i < inner {
                slope[2 * i + x] += of_p + of_q;
            }
            for y in 0..2 {
                let same = f64::from(u8::from(x == y));
                let along = unit[x] * unit[y];
                let pp = 0.25 * size * (u2 * along + u1 / r * (same - along));
                let qq = 2.0 * u * same;
                // Half the mixed derivative in p_x and q_y, and in p_y and q_x.
                let (pq, qp) = (u1 * unit[x] * q[y], u1 * unit[y] * q[x]);
                if y <= x {
                    if i > 0 {
                        band[2 * (i - 1) + y][x - y] += pp + qq - (pq + qp);
                    }
                    if i < inner {
                        band[2 * i + y][x - y] += pp + qq + (pq + qp);
                    }
                }
                if i > 0 && i < inner {
                    // Column: coordinate y of a; row: coordinate x of b.
                    band[2 * (i - 1) + y][2 + x - y] += pp - qq + (qp - pq);
                }
            }
        }
    }
    (slope, band)
}

/// `-(H + s diag|H|)^-1 slope` with the least `s` of a growing row that makes the matrix positive definite, and whether `s > 0`; `None`
/// where numbers are not finite.
fn downhill(slope: &[f64], band: &Band) -> Option<(Vec<f64>, bool)> {
    let mut shift = 0.0;
    while shift < LARGEST_SHIFT {
        match solved(slope, band, shift) {
            Some(step) => return step.iter().all(|x| x.is_finite()).then_some((step, shift > 0.0)),
            None => shift = if shift > 0.0 { 4.0 * shift } else { 1e-8 },
        }
    }
    None
}

/// Cholesky's method in the band.
fn solved(slope: &[f64], band: &Band, shift: f64) -> Option<Vec<f64>> {
    let count = slope.len();
    let mut factor = band.clone();
    for (row, original) in factor.iter_mut().zip(band) {
        row[0] += shift * original[0].abs();
    }
    for i in 0..count {
        let size = band[i][0].abs();
        if factor[i][0].is_nan() || factor[i][0] <= 1e-14 * size {
            return None;
        }
        let pivot = factor[i][0];
        for k in 1..4.min(count - i) {
            let share = factor[i][k] / pivot;
            for l in k..4.min(count - i) {
                let entry = share * factor[i][l];
                factor[i + k][l - k] -= entry;
            }
        }
    }
    let mut step: Vec<f64> = slope.iter().map(|g| -g).collect();
    for i in 0..count {
        for k in 1..4.min(count - i) {
            step[i + k] -= factor[i][k] / factor[i][0] * step[i];
        }
    }
    for i in (0..count).rev() {
        let mut value = step[i];
        for k in 1..4.min(count - i) {
            value -= factor[i][k] * step[i + k];
        }
        step[i] = value / factor[i][0];
    }
    Some(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Dimension, norms of the ends, angle.
    const CASES: [(usize, [f64; 2], f64); 7] = [
        (2, [1.5, 0.7], 2.0),
        (10, [3.0, 3.4], 1.5),
        (32, [9.0, 5.0], 1.6),
        (784, [27.0, 29.0], 1.57),
        (784, [20.0, 28.0], 1.2),
        (784, [28.0, 28.0], std::f64::consts::PI),
        (16_384, [128.0, 127.0], 1.6),
    ];

    #[test]
    fn derivatives_are_those_of_what_is_minimised() {
        let weight = Chi::new(5);
        let points = vec![[1.5, 0.0], [1.6, 0.7], [1.2, 1.3], [0.2, 2.0]];
        let shares = [0.2, 0.5, 0.3];
        let value = |points: &[Point]| -> f64 {
            weighted_lengths(points, weight).iter().zip(&shares).map(|(w, h)| w * w / h).sum()
        };
        let (slope, band) = derivatives(&points, &shares, weight);
        let moved = |k: usize, by: f64| {
            let mut points = points.clone();
            points[1 + k / 2][k % 2] += by;
            points
        };
        let h = 1e-5;
        for k in 0..4 {
            let expected = (value(&moved(k, h)) - value(&moved(k, -h))) / (2.0 * h);
            assert!((slope[k] - expected).abs() < 1e-7 * (1.0 + expected.abs()), "{k}: {}", slope[k]);
            let [up, down] = [h, -h].map(|by| derivatives(&moved(k, by), &shares, weight).0);
            for l in k..4 {
                let expected = (up[l] - down[l]) / (2.0 * h);
                let found = band[k][l - k];
                assert!(
                    (found - expected).abs() < 1e-6 * (1.0 + expected.abs()),
                    "{k} {l}: {found} {expected}"
                );
            }
        }
    }

    /// Bouguer's law: on the shortest path, weight times distance of the tangent from 0 is constant.
    #[test]
    fn bouguers_law_holds_along_the_path() {
        for (dim, radii, angle) in CASES {
            let weight = Chi::new(dim);
            let path = Path::between(radii, angle, 512, weight);
            assert!(path.stop.means_convergence(), "{dim}: {:?}", path.stop);
            let momentum = path.points.windows(2).map(|p| {
                let ([x, y], [dx, dy]) = (
                    [0.5 * (p[0][0] + p[1][0]), 0.5 * (p[0][1] + p[1][1])],
                    [p[1][0] - p[0][0], p[1][1] - p[0][1]],
                );
                weight.at(x.hypot(y))[0] * (x * dy - y * dx) / dx.hypot(dy)
            });
            let mut momentum: Vec<f64> = momentum.collect();
            momentum.sort_by(f64::total_cmp);
            let (low, high) = (momentum[5], momentum[momentum.len() - 6]);
            assert!(high / low - 1.0 < 0.02, "{dim}, {radii:?}: {low} to {high}");
        }
    }

    #[test]
    fn points_are_at_equal_distances_and_the_ends_are_exact() {
        let path = Path::between([27.0, 29.0], 1.5, 10, Chi::new(784));
        let steps = lengths(&path.points);
        assert_eq!(steps.len(), 10);
        // The outermost cut the corners where the path comes to the most probable norm.
        assert!(steps[2..8].iter().all(|step| (step / steps[4] - 1.0).abs() < 1e-6), "{steps:?}");
        assert!((path.points[0][0] - 27.0).abs() < 1e-12);
        assert!((path.points[10][0].hypot(path.points[10][1]) - 29.0).abs() < 1e-12);
    }
}
