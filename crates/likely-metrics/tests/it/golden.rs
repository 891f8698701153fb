//! Every metric of a curve against an implementation in numpy (`scripts/golden_metrics.py`).

use likely_core::{Curve, EvalError, Evaluations, Form, Geometry, Normalisation, Rows, Tensors};
use likely_metrics::{ALL, Subject};
use ndarray::{Array1, Array2};
use serde_json::Value;

/// `G(z) = diag(1 + c_k z_k^2)`.
struct Squares(Array1<f64>);

impl Geometry for Squares {
    fn dim(&self) -> usize {
        self.0.len()
    }
    fn form(&self) -> Form {
        Form::Diagonal
    }
    fn tensors(&self, at: Rows<'_>, out: &mut Tensors) -> Result<(), EvalError> {
        let out = out.diagonal(at.count(), at.dim());
        for (out, x) in out.chunks_exact_mut(at.dim()).zip(at) {
            out.iter_mut().zip(x).zip(&self.0).for_each(|((o, x), c)| *o = 1.0 + c * x * x);
        }
        Ok(())
    }
    fn norm_gradient(&self, at: Rows<'_>, v: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
        let weights = self.0.iter().cycle();
        for (((o, x), v), c) in out.iter_mut().zip(at.values()).zip(v).zip(weights) {
            *o = 2.0 * c * x * v * v;
        }
        Ok(())
    }
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().expect("an array").iter().map(|x| x.as_f64().expect("a number")).collect()
}

#[test]
fn metrics_agree_with_numpy() {
    let golden: Value = serde_json::from_str(include_str!("../golden/metrics.json")).unwrap();
    let mut compared = 0;
    for case in golden["cases"].as_array().unwrap() {
        let rows: Vec<Vec<f64>> = case["points"].as_array().unwrap().iter().map(numbers).collect();
        let dim = rows[0].len();
        let points = Array2::from_shape_vec((rows.len(), dim), rows.concat()).unwrap();
        let curve = Curve::new(points).unwrap();
        let geometry = Squares(numbers(&case["diagonal"]).into());
        let subject = Subject {
            curve: &curve,
            geometry: &geometry,
            potential_along: Some(numbers(&case["potential"]).into()),
            normalisation: Normalisation::Normalised,
            typical_potential: case["typical"].as_f64(),
            lambda_norm: case["lambda_norm"].as_f64(),
            evaluations: Evaluations {
                values: case["values"].as_u64().unwrap(),
                gradients: case["gradients"].as_u64().unwrap(),
            },
            iterations: case["iterations"].as_u64().unwrap() as u32,
        };
        for metric in ALL {
            let expected = case["expected"][metric.id].as_f64().unwrap_or_else(|| panic!("{}", metric.id));
            let found = (metric.evaluate)(&subject).unwrap().value;
            // Both sum in f64, in different orders.
            assert!(
                (found - expected).abs() <= 1e-12 * expected.abs().max(1.0),
                "{}: {found} {expected}",
                metric.id
            );
            compared += 1;
        }
    }
    assert_eq!(compared, 5 * ALL.len());
}
