//! Eigenvalues of symmetric matrices of modest size.

/// The eigenvalues of a symmetric matrix, row-major, ascending; `None` where an entry is not finite.
///
/// # Source
/// Householder's reduction to tridiagonal form and implicit QL: Wilkinson and Reinsch 1971, contributions II/2 and II/4.
pub(crate) fn eigenvalues(mut matrix: Vec<f64>, n: usize) -> Option<Vec<f64>> {
    if matrix.iter().any(|x| !x.is_finite()) {
        return None;
    }
    let mut beside = vec![0.0; n];
    for k in 0..n.saturating_sub(2) {
        // The reflection that clears column k below the subdiagonal.
        let mut v: Vec<f64> = (k + 1..n).map(|i| matrix[i * n + k]).collect();
        let length = v.iter().map(|x| x * x).sum::<f64>().sqrt();
        let head = if v[0] > 0.0 { -length } else { length };
        beside[k] = head;
        v[0] -= head;
        let square: f64 = v.iter().map(|x| x * x).sum();
        if square == 0.0 {
            continue;
        }
        let m = n - k - 1;
        let at = |i: usize, j: usize| (k + 1 + i) * n + k + 1 + j;
        let mut w: Vec<f64> =
            (0..m).map(|i| (0..m).map(|j| matrix[at(i, j)] * v[j]).sum::<f64>() * 2.0 / square).collect();
        let along = w.iter().zip(&v).map(|(w, v)| w * v).sum::<f64>() / square;
        w.iter_mut().zip(&v).for_each(|(w, v)| *w -= along * v);
        for i in 0..m {
            for j in 0..m {
                matrix[at(i, j)] -= v[i] * w[j] + w[i] * v[j];
            }
        }
    }
    if n >= 2 {
        beside[n - 2] = matrix[(n - 1) * n + n - 2];
    }
    let mut diagonal: Vec<f64> = (0..n).map(|i| matrix[i * n + i]).collect();
    implicit_ql(&mut diagonal, &mut beside)?;
    diagonal.sort_by(f64::total_cmp);
    Some(diagonal)
}

/// Most rotations through the matrix for one eigenvalue.
const SWEEPS: usize = 100;

/// Diagonalises the tridiagonal matrix with `beside[i]` between `i` and `i + 1`, in place.
fn implicit_ql(diagonal: &mut [f64], beside: &mut [f64]) -> Option<()> {
    let n = diagonal.len();
    for low in 0..n {
        let mut sweeps = 0;
        loop {
            let split = (low..n.saturating_sub(1)).find(|&m| {
                let size = diagonal[m].abs() + diagonal[m + 1].abs();
                beside[m].abs() <= f64::EPSILON * size
            });
            let high = split.unwrap_or(n - 1);
            if high == low {
                break;
            }
            if sweeps == SWEEPS {
                return None;
            }
            sweeps += 1;
            let mut g = (diagonal[low + 1] - diagonal[low]) / (2.0 * beside[low]);
            let mut r = g.hypot(1.0);
            g = diagonal[high] - diagonal[low] + beside[low] / (g + r.copysign(g));
            let (mut sine, mut cosine, mut shift) = (1.0, 1.0, 0.0);
            let mut deflated = false;
            for i in (low..high).rev() {
                let f = sine * beside[i];
                let b = cosine * beside[i];
                r = f.hypot(g);
                beside[i + 1] = r;
                if r == 0.0 {
                    diagonal[i + 1] -= shift;
                    beside[high] = 0.0;
                    deflated = true;
                    break;
                }
                (sine, cosine) = (f / r, g / r);
                g = diagonal[i + 1] - shift;
                r = (diagonal[i] - g) * sine + 2.0 * cosine * b;
                shift = sine * r;
                diagonal[i + 1] = g + shift;
                g = cosine * r - b;
            }
            if !deflated {
                diagonal[low] -= shift;
                beside[low] = g;
                beside[high] = 0.0;
            }
        }
    }
    Some(())
}

/// The eigenvalues of `P^-1 H` for symmetric `H` and symmetric positive definite `P`, ascending.
///
/// `None` where `P` is not positive definite or an entry is not finite.
pub(crate) fn generalised(mut p: Vec<f64>, mut h: Vec<f64>, n: usize) -> Option<Vec<f64>> {
    for j in 0..n {
        for i in j..n {
            let done: f64 = (0..j).map(|k| p[i * n + k] * p[j * n + k]).sum();
            let reduced = p[i * n + j] - done;
            if i == j {
                if !(reduced > 0.0 && reduced.is_finite()) {
                    return None;
                }
                p[j * n + j] = reduced.sqrt();
            } else {
                p[i * n + j] = reduced / p[j * n + j];
            }
        }
    }
    // L^-1 H, then its transpose, then L^-1 of that: L^-1 H L^-T.
    for pass in 0..2 {
        for column in 0..n {
            for i in 0..n {
                let done: f64 = (0..i).map(|k| p[i * n + k] * h[k * n + column]).sum();
                h[i * n + column] = (h[i * n + column] - done) / p[i * n + i];
            }
        }
        if pass == 0 {
            for i in 0..n {
                for j in 0..i {
                    h.swap(i * n + j, j * n + i);
                }
            }
        }
    }
    for i in 0..n {
        for j in 0..i {
            let mean = 0.5 * (h[i * n + j] + h[j * n + i]);
            (h[i * n + j], h[j * n + i]) = (mean, mean);
        }
    }
    eigenvalues(h, n)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::PI;

    #[test]
    fn the_path_laplacian_has_its_sines() {
        for n in [1, 2, 3, 40] {
            let mut matrix = vec![0.0; n * n];
            for i in 0..n {
                matrix[i * n + i] = 2.0;
                if i + 1 < n {
                    matrix[i * n + i + 1] = -1.0;
                    matrix[(i + 1) * n + i] = -1.0;
                }
            }
            let found = eigenvalues(matrix, n).unwrap();
            for (j, found) in found.iter().enumerate() {
                let expected = 4.0 * (0.5 * PI * (j + 1) as f64 / (n + 1) as f64).sin().powi(2);
                assert!((found - expected).abs() < 1e-13, "{n}, {j}: {found}, expected {expected}");
            }
        }
    }

    #[test]
    fn a_full_matrix_keeps_its_traces_and_a_rotated_diagonal_its_entries() {
        let n = 7;
        let diagonal = [-3.0, -1.0, 0.0, 0.5, 0.5, 2.0, 10.0];
        // A reflection I - 2 v v^T / |v|^2 turns the diagonal into a full matrix.
        let v: Vec<f64> = (0..n).map(|i| 1.0 + (i as f64).sin()).collect();
        let square: f64 = v.iter().map(|v| v * v).sum();
        let q = |i: usize, j: usize| f64::from(u8::from(i == j)) - 2.0 * v[i] * v[j] / square;
        let matrix: Vec<f64> =
            (0..n * n).map(|k| (0..n).map(|d| q(k / n, d) * diagonal[d] * q(k % n, d)).sum()).collect();
        for (found, expected) in eigenvalues(matrix.clone(), n).unwrap().iter().zip(diagonal) {
            assert!((found - expected).abs() < 1e-13, "{found}, expected {expected}");
        }
        // P = 4 I leaves a quarter of each.
        let p: Vec<f64> = (0..n * n).map(|k| if k / n == k % n { 4.0 } else { 0.0 }).collect();
        for (found, expected) in generalised(p, matrix, n).unwrap().iter().zip(diagonal) {
            assert!((found - expected / 4.0).abs() < 1e-13, "{found}, expected {expected} / 4");
        }
    }

    #[test]
    fn what_has_no_spectrum_has_none() {
        assert!(eigenvalues(vec![f64::NAN], 1).is_none());
        assert!(generalised(vec![1.0, 2.0, 2.0, 1.0], vec![1.0, 0.0, 0.0, 1.0], 2).is_none());
    }

    #[test]
    fn a_pencil_solves_its_determinant() {
        // det(H - mu P) = 0 with P = [[2, 1], [1, 3]], H = [[1, 2], [2, -1]]: 5 mu^2 + 3 mu - 5 = 0.
        let found = generalised(vec![2.0, 1.0, 1.0, 3.0], vec![1.0, 2.0, 2.0, -1.0], 2).unwrap();
        let root = |sign: f64| (-3.0 + sign * 109.0_f64.sqrt()) / 10.0;
        for (found, expected) in found.iter().zip([root(-1.0), root(1.0)]) {
            assert!((found - expected).abs() < 1e-14, "{found}, expected {expected}");
        }
    }
}
