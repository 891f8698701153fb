//! Linear algebra of small dense matrices, row-major.

/// Solves `matrix x = rhs` by elimination with pivoting; `None` where the matrix is singular to rounding.
pub(crate) fn solve(mut matrix: Vec<f64>, mut rhs: Vec<f64>) -> Option<Vec<f64>> {
    let dim = rhs.len();
    let largest = matrix.iter().fold(0.0_f64, |largest, x| largest.max(x.abs()));
    for k in 0..dim {
        let pivot =
            (k..dim).max_by(|&a, &b| matrix[a * dim + k].abs().total_cmp(&matrix[b * dim + k].abs()))?;
        for j in 0..dim {
            matrix.swap(k * dim + j, pivot * dim + j);
        }
        rhs.swap(k, pivot);
        let head = matrix[k * dim + k];
        if !(head.abs() > f64::EPSILON * largest && head.is_finite()) {
            return None;
        }
        for i in k + 1..dim {
            let factor = matrix[i * dim + k] / head;
            for j in k..dim {
                matrix[i * dim + j] -= factor * matrix[k * dim + j];
            }
            rhs[i] -= factor * rhs[k];
        }
    }
    for k in (0..dim).rev() {
        let done: f64 = (k + 1..dim).map(|j| matrix[k * dim + j] * rhs[j]).sum();
        rhs[k] = (rhs[k] - done) / matrix[k * dim + k];
    }
    Some(rhs)
}

/// The lower Cholesky factor of a symmetric matrix; `None` where it is not positive definite.
pub(crate) fn cholesky(mut matrix: Vec<f64>, dim: usize) -> Option<Vec<f64>> {
    for j in 0..dim {
        for i in 0..dim {
            if i < j {
                matrix[i * dim + j] = 0.0;
                continue;
            }
            let done: f64 = (0..j).map(|k| matrix[i * dim + k] * matrix[j * dim + k]).sum();
            let rest = matrix[i * dim + j] - done;
            if i == j {
                if !(rest > 0.0 && rest.is_finite()) {
                    return None;
                }
                matrix[i * dim + j] = rest.sqrt();
            } else {
                matrix[i * dim + j] = rest / matrix[j * dim + j];
            }
        }
    }
    Some(matrix)
}

/// Eigenvalues of a symmetric matrix, the largest first, with unit eigenvectors as rows: rotations of Jacobi, by rows.
pub(crate) fn eigen(mut matrix: Vec<f64>, dim: usize) -> (Vec<f64>, Vec<f64>) {
    let mut vectors = vec![0.0; dim * dim];
    vectors.iter_mut().step_by(dim + 1).for_each(|v| *v = 1.0);
    for _ in 0..60 {
        let off: f64 = (0..dim)
            .flat_map(|i| (0..i).map(move |j| (i, j)))
            .map(|(i, j)| matrix[i * dim + j].powi(2))
            .sum();
        let scale: f64 = matrix.iter().map(|x| x * x).sum();
        if off <= f64::EPSILON * f64::EPSILON * scale {
            break;
        }
        for p in 0..dim {
            for q in p + 1..dim {
                let across = matrix[p * dim + q];
                if across == 0.0 {
                    continue;
                }
                let ratio = (matrix[q * dim + q] - matrix[p * dim + p]) / (2.0 * across);
                let tangent = ratio.signum() / (ratio.abs() + ratio.hypot(1.0));
                let tangent = if ratio == 0.0 { 1.0 } else { tangent };
                let cosine = 1.0 / tangent.hypot(1.0);
                let sine = tangent * cosine;
                for k in 0..dim {
                    let (a, b) = (matrix[k * dim + p], matrix[k * dim + q]);
                    matrix[k * dim + p] = cosine * a - sine * b;
                    matrix[k * dim + q] = sine * a + cosine * b;
                }
                for rows in [&mut matrix, &mut vectors] {
                    let (head, tail) = rows.split_at_mut(q * dim);
                    for (a, b) in head[p * dim..(p + 1) * dim].iter_mut().zip(&mut tail[..dim]) {
                        (*a, *b) = (cosine * *a - sine * *b, sine * *a + cosine * *b);
                    }
                }
            }
        }
    }
    let mut order: Vec<usize> = (0..dim).collect();
    order.sort_by(|&a, &b| matrix[b * dim + b].total_cmp(&matrix[a * dim + a]));
    let values = order.iter().map(|&k| matrix[k * dim + k]).collect();
    let rows = order.iter().flat_map(|&k| vectors[k * dim..(k + 1) * dim].to_vec()).collect();
    (values, rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eigenvectors_and_factors_rebuild_their_matrix() {
        let dim = 5;
        let root: Vec<f64> = (0..25_usize).map(|k| ((k * 37 + 11) % 17) as f64 / 8.0 - 1.0).collect();
        let mut matrix = vec![0.0; 25];
        for i in 0..dim {
            for j in 0..dim {
                let product: f64 = (0..dim).map(|k| root[i * dim + k] * root[j * dim + k]).sum();
                matrix[i * dim + j] = product + if i == j { 0.5 } else { 0.0 };
            }
        }
        let (values, rows) = eigen(matrix.clone(), dim);
        let factor = cholesky(matrix.clone(), dim).unwrap();
        assert!(values.windows(2).all(|pair| pair[0] >= pair[1]));
        for i in 0..dim {
            for j in 0..dim {
                let back: f64 = (0..dim).map(|k| values[k] * rows[k * dim + i] * rows[k * dim + j]).sum();
                assert!((back - matrix[i * dim + j]).abs() < 1e-12);
                let back: f64 = (0..dim).map(|k| factor[i * dim + k] * factor[j * dim + k]).sum();
                assert!((back - matrix[i * dim + j]).abs() < 1e-12);
            }
        }
        let x = solve(matrix.clone(), vec![1.0, 0.0, -1.0, 2.0, 0.5]).unwrap();
        let back: f64 = (0..dim).map(|k| matrix[3 * dim + k] * x[k]).sum();
        assert!((back - 2.0).abs() < 1e-12);
        assert_eq!(solve(vec![1.0, 2.0, 2.0, 4.0], vec![1.0, 1.0]), None);
        assert_eq!(cholesky(vec![1.0, 2.0, 2.0, 1.0], 2), None);
    }
}
