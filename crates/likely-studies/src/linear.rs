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
