//! The local metric against Hessians that are known.

use crate::densities::{ask, bowl, missing, number, refusal, study};
use likely_core::{Curvature, Euclidean, EvalError, Normalisation, Potential, Rows, Symmetry, ValueGrad};
use ndarray::{Array1, Array2, ArrayView2};

/// `S(x, y) = 2 - a x^2 / 2 + b y^2 / 2`.
struct Saddle {
    a: f64,
    b: f64,
}

impl Potential for Saddle {
    fn dim(&self) -> usize {
        2
    }
    fn normalisation(&self) -> Normalisation {
        Normalisation::UpToConstant
    }
    fn symmetry(&self) -> Symmetry<'_> {
        Symmetry::None
    }
    fn value(&self, points: ArrayView2<'_, f64>) -> Result<Array1<f64>, EvalError> {
        let at =
            |p: ndarray::ArrayView1<'_, f64>| 2.0 - 0.5 * self.a * p[0] * p[0] + 0.5 * self.b * p[1] * p[1];
        Ok(points.rows().into_iter().map(at).collect())
    }
    fn value_and_grad(&self, points: ArrayView2<'_, f64>) -> Result<ValueGrad, EvalError> {
        let mut grad = Array2::zeros(points.raw_dim());
        for (mut g, p) in grad.rows_mut().into_iter().zip(points.rows()) {
            g[0] = -self.a * p[0];
            g[1] = self.b * p[1];
        }
        Ok(ValueGrad { value: self.value(points)?, grad })
    }
    fn curvature(&self) -> Option<&dyn Curvature> {
        Some(self)
    }
}

impl Curvature for Saddle {
    fn hessian(&self, points: Rows<'_>, out: &mut [f64]) -> Result<(), EvalError> {
        for out in out.chunks_exact_mut(4).take(points.count()) {
            out.copy_from_slice(&[-self.a, 0.0, 0.0, self.b]);
        }
        Ok(())
    }
    fn hessian_gradient(&self, _: Rows<'_>, _: &[f64], _: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
        out.fill(0.0);
        Ok(())
    }
}

const ENDS: [&[f64]; 2] = [&[-0.5, 0.5], &[0.5, 0.5]];
const N: usize = 12;

/// `lambda_c` for one unit of `lambda`, from the straight line.
fn continuous(a: f64, b: f64) -> f64 {
    let n = N as f64;
    let x = |i: usize| -0.5 + i as f64 / n;
    let total: f64 = (1..N).map(|i| 2.0 - 0.5 * a * x(i) * x(i) + 0.125 * b).sum();
    n / total
}

#[test]
fn on_a_saddle_the_least_eigenvalue_is_linear_in_the_weight() {
    let (a, b) = (3.0, 1.0);
    let study = study("local-metric", "lambdas = [0.0, 0.5, 1.0, 2.0]\nbisections = 40");
    let findings = ask(&*study, &Euclidean::new(2), &Saddle { a, b }, None, ENDS, N).unwrap();
    let unit = continuous(a, b);
    let least = |lambda: f64| 1.0 - 0.5 * lambda * unit * a;
    let found = number(&findings, "local-metric-least");
    assert!((found - least(2.0)).abs() < 1e-12, "{found}, expected {}", least(2.0));
    let turn = number(&findings, "local-metric-indefinite-lambda");
    let expected = 2.0 / (a * unit);
    assert!((0.5..2.0).contains(&expected) && (turn - expected).abs() < 1e-9, "{turn}, expected {expected}");
    let against = &findings.series[0];
    assert_eq!((against.id.as_str(), against.values.nrows()), ("local-metric", 4));
    for row in against.values.rows() {
        assert!((row[1] - least(row[0])).abs() < 1e-12, "{row}");
    }
    let along: Vec<&str> = findings.series[1..].iter().map(|series| series.label.as_str()).collect();
    assert_eq!(along, ["lambda = 0", "lambda = 0.5", "lambda = 1", "lambda = 2"]);
    assert_eq!(findings.series[2].values.dim(), (N - 1, 2));
}

#[test]
fn a_convex_potential_never_turns_and_one_without_second_derivatives_is_refused() {
    let study = study("local-metric", "");
    let convex = ask(&*study, &Euclidean::new(2), &Saddle { a: -1.0, b: 0.5 }, None, ENDS, N).unwrap();
    assert!(number(&convex, "local-metric-least") > 1.0);
    assert!(missing(&convex, "local-metric-indefinite-lambda").contains("100"));
    let without = bowl(vec![0.0, 0.0], 1.0, 1.0);
    let error = ask(&*study, &Euclidean::new(2), &without, None, ENDS, N).unwrap_err();
    assert!(error.to_string().contains("second derivatives"), "{error}");
    for (config, words) in
        [("lambdas = []", "1..=64"), ("lambdas = [1.0, 1.0]", "ascend"), ("bisections = 61", "1..=60")]
    {
        let refusal = refusal("local-metric", config);
        assert!(refusal.contains(words), "{config}: {refusal}");
    }
}
