//! Sums over long vectors in a fixed order.

/// Independent accumulators: enough to hide the latency of an addition, and the same on every machine.
const LANES: usize = 16;

/// `sum_k a_k b_k`.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut lanes = [0.0; LANES];
    let (a_chunks, b_chunks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f64 = a_chunks.remainder().iter().zip(b_chunks.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a_chunks.zip(b_chunks) {
        for ((lane, a), b) in lanes.iter_mut().zip(a).zip(b) {
            *lane += a * b;
        }
    }
    lanes.iter().sum::<f64>() + rest
}

/// `sum_k (a_k - b_k)^2`.
pub(crate) fn squared_distance(a: &[f64], b: &[f64]) -> f64 {
    let mut lanes = [0.0; LANES];
    let (a_chunks, b_chunks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let square = |a: f64, b: f64| (a - b) * (a - b);
    let rest: f64 = a_chunks.remainder().iter().zip(b_chunks.remainder()).map(|(&a, &b)| square(a, b)).sum();
    for (a, b) in a_chunks.zip(b_chunks) {
        for ((lane, &a), &b) in lanes.iter_mut().zip(a).zip(b) {
            *lane += square(a, b);
        }
    }
    lanes.iter().sum::<f64>() + rest
}

/// `[<a, a>, <a, b>, <b, b>]` in one pass.
pub(crate) fn products(a: &[f64], b: &[f64]) -> [f64; 3] {
    let mut lanes = [[0.0; LANES]; 3];
    let (a_chunks, b_chunks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let (a_rest, b_rest) = (a_chunks.remainder(), b_chunks.remainder());
    for (a, b) in a_chunks.zip(b_chunks) {
        for k in 0..LANES {
            lanes[0][k] += a[k] * a[k];
            lanes[1][k] += a[k] * b[k];
            lanes[2][k] += b[k] * b[k];
        }
    }
    let [aa, ab, bb] = lanes.map(|lanes| lanes.iter().sum::<f64>());
    [aa + dot(a_rest, a_rest), ab + dot(a_rest, b_rest), bb + dot(b_rest, b_rest)]
}

/// Euclidean norm.
pub(crate) fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

/// `y + t x`, as a new vector.
pub(crate) fn add_scaled(y: &[f64], t: f64, x: &[f64]) -> Vec<f64> {
    y.iter().zip(x).map(|(y, x)| y + t * x).collect()
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these sums and quotients are exact")]
mod tests {
    use super::*;

    #[test]
    fn every_length_is_summed_whole() {
        for n in 0..40_u32 {
            let a: Vec<f64> = (1..=n).map(f64::from).collect();
            assert_eq!(dot(&a, &vec![1.0; a.len()]), f64::from(n * (n + 1) / 2));
            let squares: f64 = a.iter().map(|a| a * a).sum();
            assert_eq!(
                products(&a, &vec![1.0; a.len()]),
                [squares, f64::from(n * (n + 1) / 2), f64::from(n)]
            );
            let shifted: Vec<f64> = a.iter().map(|x| x + 2.0).collect();
            assert_eq!(squared_distance(&a, &shifted), f64::from(4 * n));
        }
    }
}
