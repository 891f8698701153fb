//! Gradients in the parameters by hand: those of PyTorch, and those of candle's graph.

use likely_core::Seed;
use likely_networks::candle::{Device, Tensor, Var};
use likely_networks::candle_room::checked_grad;
use likely_networks::{Activation, Batch, MlpShape};
use rand::Rng;
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Golden {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Layer {
    weight: Vec<Vec<f64>>,
    bias: Vec<f64>,
}

#[derive(Deserialize)]
struct Case {
    activation: Activation,
    layers: Vec<Layer>,
    at: Vec<Vec<f64>>,
    output: Vec<Vec<f64>>,
    cotangent: Vec<Vec<f64>>,
    pulled_back: Vec<Vec<f64>>,
    target: Vec<Vec<f64>>,
    weight_grads: Vec<Layer>,
}

fn narrow(rows: &[Vec<f64>]) -> Vec<f32> {
    rows.iter().flatten().map(|x| *x as f32).collect()
}

fn flat(layers: &[Layer]) -> Vec<f32> {
    let numbers = |layer: &Layer| [narrow(&layer.weight), narrow(std::slice::from_ref(&layer.bias))].concat();
    layers.iter().flat_map(numbers).collect()
}

fn difference(found: &[f32], wanted: &[f32]) -> f32 {
    assert_eq!(found.len(), wanted.len());
    let largest = wanted.iter().fold(f32::MIN_POSITIVE, |top, x| top.max(x.abs()));
    found.iter().zip(wanted).fold(0.0_f32, |top, (a, b)| top.max((a - b).abs())) / largest
}

#[test]
fn gradients_are_those_of_pytorch() {
    let golden: Golden = serde_json::from_str(include_str!("../golden/vector-perceptrons.json")).unwrap();
    let mut seen = Vec::new();
    for case in &golden.cases {
        let mut widths = vec![case.at[0].len()];
        widths.extend(case.layers.iter().map(|layer| layer.bias.len()));
        let mut batch = Batch::new(&MlpShape::new(widths, case.activation).unwrap());
        batch.set(&flat(&case.layers));
        let (x, output) = (narrow(&case.at), narrow(&case.output));
        let mut y = vec![f32::NAN; output.len()];
        batch.forward(&x, &mut y);
        let near = |what: &str, found: &[f32], wanted: &[f32]| {
            let off = difference(found, wanted);
            assert!(off < 2e-6, "{what} of {:?}: {off:e}", case.activation);
        };
        near("output", &y, &output);
        let mut grad_x = vec![f32::NAN; x.len()];
        batch.backward_to_input(&narrow(&case.cotangent), &mut grad_x);
        near("pulled back", &grad_x, &narrow(&case.pulled_back));
        let scale = 2.0 / y.len() as f32;
        let grad_y: Vec<f32> = y.iter().zip(narrow(&case.target)).map(|(y, t)| scale * (y - t)).collect();
        let mut gradient = vec![0.0; batch.parameters()];
        batch.backward(&grad_y, &mut gradient);
        near("gradient in the parameters", &gradient, &flat(&case.weight_grads));
        seen.push(case.activation);
    }
    assert_eq!(seen, Activation::ALL);
}

#[test]
fn gradients_are_those_of_candles_graph_at_any_number_of_rows() {
    let mut rng = Seed::new(3).stream(&[("test", "batch")]);
    let mut cases = 0;
    for (widths, rows) in [
        (vec![2, 128, 128, 1], 40),
        (vec![1, 64, 64, 2], 16),
        (vec![3, 5], 1),
        (vec![17, 19, 6], 33),
        (vec![16, 4, 16], 15),
    ] {
        let shape = MlpShape::new(widths, Activation::Silu).unwrap();
        let initial = shape.initial("net", Seed::new(5));
        let parameters: Vec<f32> = initial.iter().flat_map(|parameter| parameter.initial.clone()).collect();
        let mut batch = Batch::new(&shape);
        assert_eq!(batch.parameters(), parameters.len());
        batch.set(&parameters);
        // A second batch of another size must not see the first.
        for rows in [rows + 20, rows] {
            let mut random = |width| (0..rows * width).map(|_| rng.random_range(-2.0..2.0)).collect();
            let (x, weights): (Vec<f32>, Vec<f32>) = (random(batch.inputs()), random(batch.outputs()));
            let mut y = vec![f32::NAN; weights.len()];
            batch.forward(&x, &mut y);
            let mut gradient = vec![1.0; parameters.len()];
            let mut grad_x = vec![f32::NAN; x.len()];
            batch.backward_to_both(&weights, &mut gradient, &mut grad_x);
            let gradient: Vec<f32> = gradient.iter().map(|g| g - 1.0).collect();

            let variables: BTreeMap<&str, Var> = initial
                .iter()
                .map(|p| (p.name.as_str(), Var::from_slice(&p.initial, &p.shape[..], &Device::Cpu).unwrap()))
                .collect();
            let point = Var::from_slice(&x, (rows, batch.inputs()), &Device::Cpu).unwrap();
            let find = |name: &str| Ok::<_, likely_networks::candle::Error>(variables[name].as_tensor());
            let result = shape.graph(&point, "net", find).unwrap();
            let factors = Tensor::from_slice(&weights, (rows, batch.outputs()), &Device::Cpu).unwrap();
            let gradients = (&result * factors).unwrap().sum_all().unwrap().backward().unwrap();
            let numbers = |t: &Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            let wanted: Vec<f32> = initial
                .iter()
                .flat_map(|p| {
                    numbers(&checked_grad(&gradients, &variables[p.name.as_str()], &p.name).unwrap())
                })
                .collect();
            assert!(difference(&y, &numbers(&result)) < 2e-6, "{shape:?}");
            assert!(difference(&gradient, &wanted) < 1e-5, "{shape:?}");
            let wanted = numbers(&checked_grad(&gradients, &point, "the points").unwrap());
            assert!(difference(&grad_x, &wanted) < 5e-6, "{shape:?}");
            cases += 1;
        }
    }
    assert_eq!(cases, 10);
}
