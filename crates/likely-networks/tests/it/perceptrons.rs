//! Networks by hand against the same ones in PyTorch.

use crate::energy::Energy;
use likely_core::{Curvature, Exact, Potential, Rows};
use likely_networks::{Activation, Dense, Mlp};
use ndarray::Array2;
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden<C> {
    cases: Vec<C>,
}

#[derive(Deserialize)]
struct Layer {
    weight: Vec<Vec<f64>>,
    bias: Vec<f64>,
}

#[derive(Deserialize)]
struct ScalarCase {
    activation: Activation,
    layers: Vec<Layer>,
    at: Vec<Vec<f64>>,
    value: Vec<f64>,
    grad: Vec<Vec<f64>>,
    hessian: Vec<Vec<Vec<f64>>>,
    u: Vec<Vec<f64>>,
    v: Vec<Vec<f64>>,
    third: Vec<Vec<f64>>,
}

#[derive(Deserialize)]
struct VectorCase {
    activation: Activation,
    layers: Vec<Layer>,
    at: Vec<Vec<f64>>,
    output: Vec<Vec<f64>>,
    cotangent: Vec<Vec<f64>>,
    pulled_back: Vec<Vec<f64>>,
}

fn network(layers: &[Layer], activation: Activation) -> Mlp {
    let layers =
        layers.iter().map(|layer| Dense::new(&layer.weight.concat(), &layer.bias).expect("layers fit"));
    Mlp::new(layers.collect(), activation).expect("layers fit")
}

/// Largest difference relative to the largest entry.
fn difference(found: &[f64], wanted: &[f64]) -> f64 {
    assert_eq!(found.len(), wanted.len());
    let largest = wanted.iter().fold(f64::MIN_POSITIVE, |top, x| top.max(x.abs()));
    found.iter().zip(wanted).fold(0.0_f64, |top, (a, b)| top.max((a - b).abs())) / largest
}

#[test]
fn values_and_all_derivatives_of_a_scalar_network_are_those_of_pytorch() {
    let golden: Golden<ScalarCase> =
        serde_json::from_str(include_str!("../golden/perceptrons.json")).unwrap();
    let mut seen = Vec::new();
    for case in &golden.cases {
        let exact = Exact(Energy(network(&case.layers, case.activation)));
        let (flat, dim) = (case.at.concat(), case.at[0].len());
        let points = Array2::from_shape_vec((case.at.len(), dim), flat.clone()).unwrap();
        let rows = Rows::new(&flat, dim).unwrap();
        let found = exact.value_and_grad(points.view()).unwrap();
        let near = |what: &str, found: &[f64], wanted: &[f64]| {
            let difference = difference(found, wanted);
            assert!(difference < 1e-12, "{what} of {:?}: {difference:e}", case.activation);
        };
        near("value", found.value.as_slice().unwrap(), &case.value);
        near("value alone", exact.value(points.view()).unwrap().as_slice().unwrap(), &case.value);
        near("gradient", found.grad.as_slice().unwrap(), &case.grad.concat());
        let mut hessian = vec![0.0; flat.len() * dim];
        exact.hessian(rows, &mut hessian).unwrap();
        near("Hessian", &hessian, &case.hessian.iter().flatten().flatten().copied().collect::<Vec<_>>());
        let mut third = vec![0.0; flat.len()];
        exact.hessian_gradient(rows, &case.u.concat(), &case.v.concat(), &mut third).unwrap();
        near("third derivative", &third, &case.third.concat());
        seen.push(case.activation);
    }
    assert_eq!(seen, Activation::ALL);
}

#[test]
fn outputs_and_pulled_back_cotangents_of_a_vector_network_are_those_of_pytorch() {
    let golden: Golden<VectorCase> =
        serde_json::from_str(include_str!("../golden/vector-perceptrons.json")).unwrap();
    let mut seen = Vec::new();
    for case in &golden.cases {
        let network = network(&case.layers, case.activation);
        let mut work = vec![f64::NAN; network.workspace()];
        for (i, at) in case.at.iter().enumerate() {
            let mut output = vec![f64::NAN; network.outputs()];
            let mut pulled_back = vec![f64::NAN; network.inputs()];
            network.value(at, &mut output, &mut work);
            assert!(difference(&output, &case.output[i]) < 1e-13, "{:?}", case.activation);
            network.forward(at, &mut output, &mut work);
            network.backward(&case.cotangent[i], &mut pulled_back, &mut work);
            assert!(difference(&output, &case.output[i]) < 1e-13, "{:?}", case.activation);
            assert!(difference(&pulled_back, &case.pulled_back[i]) < 1e-12, "{:?}", case.activation);
        }
        seen.push(case.activation);
    }
    assert_eq!(seen, Activation::ALL);
}
