//! Small potentials to test methods on, written for clarity.

use likely_core::{EvalError, Normalisation, Potential, Radial, Symmetry, ValueGrad};
use ndarray::{Array1, Array2, ArrayView2};
use serde_json::Value;

/// A potential from its value and gradient at one point.
pub(crate) struct Pointwise<F> {
    pub(crate) dim: usize,
    pub(crate) at: F,
}

impl<F: Fn(&[f64]) -> (f64, Vec<f64>) + Send + Sync> Potential for Pointwise<F> {
    fn dim(&self) -> usize {
        self.dim
    }

    fn normalisation(&self) -> Normalisation {
        Normalisation::UpToConstant
    }

    fn symmetry(&self) -> Symmetry<'_> {
        Symmetry::None
    }

    fn value(&self, points: ArrayView2<'_, f64>) -> Result<Array1<f64>, EvalError> {
        Ok(self.value_and_grad(points)?.value)
    }

    fn value_and_grad(&self, points: ArrayView2<'_, f64>) -> Result<ValueGrad, EvalError> {
        let (mut value, mut grad) = (Array1::zeros(points.nrows()), Array2::zeros(points.raw_dim()));
        for (i, row) in points.rows().into_iter().enumerate() {
            let (v, g) = (self.at)(&row.to_vec());
            value[i] = v;
            grad.row_mut(i).assign(&Array1::from(g));
        }
        Ok(ValueGrad { value, grad })
    }
}

/// `-log chi2_d(|x|^2)` for even `d`.
pub(crate) struct ChiSquare {
    dim: usize,
    log_gamma_half: f64,
    radial: bool,
}

impl ChiSquare {
    pub(crate) fn new(dim: usize, radial: bool) -> Self {
        assert_eq!(dim % 2, 0);
        Self { dim, log_gamma_half: (1..dim / 2).map(|k| (k as f64).ln()).sum(), radial }
    }
}

impl Radial for ChiSquare {
    fn profile(&self, squared_norms: &[f64], values: &mut [f64], slopes: Option<&mut [f64]>) {
        let half = self.dim as f64 / 2.0;
        for (v, q) in values.iter_mut().zip(squared_norms) {
            *v = -((half - 1.0) * q.ln() - q / 2.0 - half * 2.0_f64.ln() - self.log_gamma_half);
        }
        if let Some(slopes) = slopes {
            for (s, q) in slopes.iter_mut().zip(squared_norms) {
                *s = 0.5 - (half - 1.0) / q;
            }
        }
    }
}

impl Potential for ChiSquare {
    fn dim(&self) -> usize {
        self.dim
    }

    fn normalisation(&self) -> Normalisation {
        Normalisation::UpToConstant
    }

    fn symmetry(&self) -> Symmetry<'_> {
        if self.radial { Symmetry::Radial(self) } else { Symmetry::None }
    }

    fn value(&self, points: ArrayView2<'_, f64>) -> Result<Array1<f64>, EvalError> {
        let norms: Vec<f64> = points.rows().into_iter().map(|r| r.dot(&r)).collect();
        let mut values = vec![0.0; norms.len()];
        self.profile(&norms, &mut values, None);
        Ok(Array1::from(values))
    }

    fn value_and_grad(&self, points: ArrayView2<'_, f64>) -> Result<ValueGrad, EvalError> {
        let norms: Vec<f64> = points.rows().into_iter().map(|r| r.dot(&r)).collect();
        let (mut values, mut slopes) = (vec![0.0; norms.len()], vec![0.0; norms.len()]);
        self.profile(&norms, &mut values, Some(&mut slopes));
        let mut grad = points.to_owned();
        for (mut row, slope) in grad.rows_mut().into_iter().zip(slopes) {
            row *= 2.0 * slope;
        }
        Ok(ValueGrad { value: Array1::from(values), grad })
    }
}

/// A two-dimensional Gaussian mixture, straight from its definition.
pub(crate) fn mixture(
    weights: Vec<f64>,
    means: Vec<Vec<f64>>,
    covariances: Vec<Vec<Vec<f64>>>,
) -> Box<dyn Potential> {
    Box::new(Pointwise {
        dim: 2,
        at: move |x: &[f64]| {
            let mut logs = Vec::new();
            let mut pulls = Vec::new();
            for ((w, m), c) in weights.iter().zip(&means).zip(&covariances) {
                let det = c[0][0] * c[1][1] - c[0][1] * c[1][0];
                let d = [x[0] - m[0], x[1] - m[1]];
                let p = [(c[1][1] * d[0] - c[0][1] * d[1]) / det, (c[0][0] * d[1] - c[1][0] * d[0]) / det];
                let quadratic = d[0] * p[0] + d[1] * p[1];
                logs.push(w.ln() - 0.5 * quadratic - 0.5 * det.ln() - (2.0 * std::f64::consts::PI).ln());
                pulls.push(p);
            }
            let top = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = logs.iter().map(|l| (l - top).exp()).sum();
            let mut grad = vec![0.0; 2];
            for (l, p) in logs.iter().zip(&pulls) {
                let share = (l - top).exp() / sum;
                grad[0] += share * p[0];
                grad[1] += share * p[1];
            }
            (-(top + sum.ln()), grad)
        },
    })
}

/// The regulariser of a reference case.
pub(crate) fn from_case(regulariser: &Value, dim: usize) -> Box<dyn Potential> {
    let numbers =
        |v: &Value| -> Vec<f64> { v.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect() };
    match regulariser["type"].as_str().unwrap() {
        "quadratic" => {
            let (centre, scale) = (numbers(&regulariser["center"]), regulariser["scale"].as_f64().unwrap());
            Box::new(Pointwise {
                dim,
                at: move |x: &[f64]| {
                    let d: Vec<f64> = x.iter().zip(&centre).map(|(x, c)| x - c).collect();
                    (
                        0.5 * scale * d.iter().map(|d| d * d).sum::<f64>(),
                        d.iter().map(|d| scale * d).collect(),
                    )
                },
            })
        }
        "gmm_neg_log_density" => {
            let rows = |v: &Value| v.as_array().unwrap().iter().map(numbers).collect::<Vec<_>>();
            mixture(
                numbers(&regulariser["weights"]),
                rows(&regulariser["means"]),
                regulariser["covariances"].as_array().unwrap().iter().map(rows).collect(),
            )
        }
        "chi2_sqnorm" => Box::new(ChiSquare::new(regulariser["dof"].as_u64().unwrap() as usize, false)),
        other => panic!("no regulariser `{other}`"),
    }
}
