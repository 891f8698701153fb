//! Eigenvalues of symmetric matrices by rotations, for the small matrices of closed forms.

/// Sweeps after which rotations have long converged.
const MOST_SWEEPS: usize = 60;

/// Tangent-based cosine and sine of the rotation that makes `p` and `q` orthogonal, given `(|q|^2 - |p|^2) / (2 <p, q>)`.
fn rotation(zeta: f64) -> (f64, f64) {
    let tangent = zeta.signum() / (zeta.abs() + (1.0 + zeta * zeta).sqrt());
    let cosine = 1.0 / (1.0 + tangent * tangent).sqrt();
    (cosine, cosine * tangent)
}

fn rotate(rows: &mut [f64], n: usize, p: usize, q: usize, (cosine, sine): (f64, f64)) {
    let (head, tail) = rows.split_at_mut(q * n);
    for (a, b) in head[p * n..(p + 1) * n].iter_mut().zip(&mut tail[..n]) {
        (*a, *b) = (cosine * *a - sine * *b, sine * *a + cosine * *b);
    }
}

/// Eigenvalues of a symmetric matrix, which is used up, and its eigenvectors as the rows of `vectors`: `W = Q^T diag Q`.
///
/// Jacobi's cyclic rotations.
pub(crate) fn symmetric(w: &mut [f64], n: usize, vectors: &mut [f64]) -> Vec<f64> {
    identity(vectors, n);
    let size = w.iter().fold(0.0_f64, |most, w| most.max(w.abs()));
    for _ in 0..MOST_SWEEPS {
        let mut rotated = false;
        for p in 0..n {
            for q in p + 1..n {
                let off = w[p * n + q];
                if off.abs() <= 0.1 * f64::EPSILON * size {
                    continue;
                }
                rotated = true;
                let turn = rotation((w[q * n + q] - w[p * n + p]) / (2.0 * off));
                rotate(w, n, p, q, turn);
                for row in w.chunks_exact_mut(n) {
                    let (a, b) = (row[p], row[q]);
                    (row[p], row[q]) = (turn.0 * a - turn.1 * b, turn.1 * a + turn.0 * b);
                }
                // Zero but for rounding, which would be rotated for ever.
                (w[p * n + q], w[q * n + p]) = (0.0, 0.0);
                rotate(vectors, n, p, q, turn);
            }
        }
        if !rotated {
            break;
        }
    }
    (0..n).map(|k| w[k * n + k]).collect()
}

/// Singular values of the matrix with the given *columns* as rows of `columns`, which are used up, and the right singular
/// vectors as rows of `vectors`: `B = L diag Q`, so `B^T B = Q^T diag^2 Q`.
///
/// One-sided rotations (Hestenes), which keep the digits of small singular values.
pub(crate) fn singular(columns: &mut [f64], n: usize, vectors: &mut [f64]) -> Vec<f64> {
    identity(vectors, n);
    let dot = |m: &[f64], p: usize, q: usize| -> f64 {
        m[p * n..(p + 1) * n].iter().zip(&m[q * n..(q + 1) * n]).map(|(a, b)| a * b).sum()
    };
    for _ in 0..MOST_SWEEPS {
        let mut rotated = false;
        for p in 0..n {
            for q in p + 1..n {
                let (pp, qq, pq) = (dot(columns, p, p), dot(columns, q, q), dot(columns, p, q));
                if pq.abs() <= f64::EPSILON * (pp * qq).sqrt() {
                    continue;
                }
                rotated = true;
                let turn = rotation((qq - pp) / (2.0 * pq));
                rotate(columns, n, p, q, turn);
                rotate(vectors, n, p, q, turn);
            }
        }
        if !rotated {
            break;
        }
    }
    (0..n).map(|k| dot(columns, k, k).sqrt()).collect()
}

fn identity(m: &mut [f64], n: usize) {
    m.fill(0.0);
    m.iter_mut().step_by(n + 1).for_each(|m| *m = 1.0);
}
