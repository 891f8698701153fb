//! Networks on candle's graph: the same numbers as by hand, and a word where candle is silent.

use crate::energy::Energy;
use likely_core::{Counted, CountedScore, EvalError, Exact, Normalisation, Potential, Score, Seed, check};
use likely_networks::candle::{DType, Device, Result, Tensor, Var};
use likely_networks::candle_room::{CandlePotential, CandleScore, checked_grad, constant};
use likely_networks::{Activation, Mlp, MlpShape, Weights, candle_nn};
use ndarray::{Array2, array};
use rand::Rng;
use std::collections::BTreeMap;

fn weights(shape: &MlpShape, seed: u64) -> Weights {
    let mut weights = Weights::new();
    for parameter in shape.initial("layers", Seed::new(seed)) {
        weights
            .insert(parameter.name, &parameter.shape, parameter.initial)
            .expect("initial weights are fine");
    }
    weights
}

fn on_graph(
    shape: &MlpShape,
    weights: &Weights,
    dtype: DType,
) -> impl Fn(&Tensor) -> Result<Tensor> + Send + Sync + use<> {
    let shape = shape.clone();
    let tensors: BTreeMap<String, Tensor> = weights
        .iter()
        .map(|(name, tensor)| {
            (name.to_owned(), constant(tensor, dtype, &Device::Cpu).expect("a constant can be made"))
        })
        .collect();
    move |x| shape.graph(x, "layers", |name| Ok::<_, likely_networks::candle::Error>(&tensors[name]))
}

fn points(rows: usize, dim: usize) -> Array2<f64> {
    let mut rng = Seed::new(8).stream(&[("test", "points")]);
    Array2::from_shape_fn((rows, dim), |_| rng.random_range(-3.0..3.0))
}

fn difference<'a>(
    found: impl IntoIterator<Item = &'a f64>,
    wanted: impl IntoIterator<Item = &'a f64> + Copy,
) -> f64 {
    let largest = wanted.into_iter().fold(f64::MIN_POSITIVE, |top, x| top.max(x.abs()));
    found.into_iter().zip(wanted).fold(0.0_f64, |top, (a, b)| top.max((a - b).abs())) / largest
}

#[test]
fn a_network_by_hand_is_the_same_network_on_candles_graph() {
    let mut cases = 0;
    for activation in Activation::ALL {
        for widths in [vec![3, 1], vec![2, 9, 1], vec![5, 16, 23, 8, 1], vec![2, 128, 128, 1]] {
            let shape = MlpShape::new(widths, activation).unwrap();
            let weights = weights(&shape, 3);
            weights.check(&shape.expected("layers")).unwrap();
            let exact = Exact(Energy(Mlp::load(&weights, "layers", &shape).unwrap()));
            let dim = shape.widths()[0];
            let network = on_graph(&shape, &weights, DType::F64);
            let candle = CandlePotential::new(dim, Normalisation::UpToConstant, DType::F64, network);
            let points = points(19, dim);
            let (by_hand, graph) =
                (exact.value_and_grad(points.view()).unwrap(), candle.value_and_grad(points.view()).unwrap());
            assert!(difference(&by_hand.value, &graph.value) < 1e-12, "{shape:?}");
            let off = difference(&by_hand.grad, &graph.grad);
            assert!(off < 1e-12, "{shape:?}: {off:e}");
            assert_eq!(candle.value(points.view()).unwrap(), graph.value);
            assert_eq!(exact.value(points.view()).unwrap(), by_hand.value);
            let network = on_graph(&shape, &weights, DType::F32);
            let single = CandlePotential::new(dim, Normalisation::UpToConstant, DType::F32, network);
            let single = single.value_and_grad(points.view()).unwrap();
            assert!(difference(&single.grad, &graph.grad) < 1e-4, "{shape:?}");
            cases += 1;
        }
    }
    assert_eq!(cases, 28);
}

#[test]
fn an_operation_without_a_backward_pass_is_an_error() {
    let silent = |network: fn(&Tensor) -> Result<Tensor>| {
        let potential = CandlePotential::new(3, Normalisation::UpToConstant, DType::F32, network);
        assert!(potential.value(points(4, 3).view()).is_ok());
        let error = potential.value_and_grad(points(4, 3).view()).unwrap_err().to_string();
        assert!(error.contains("no gradient in the points"), "{error}");
    };
    silent(|x| candle_nn::ops::softmax_last_dim(x)?.sqr()?.sum(1));
    silent(|x| {
        let (one, zero) = (Tensor::ones(3, x.dtype(), x.device())?, Tensor::zeros(3, x.dtype(), x.device())?);
        candle_nn::ops::layer_norm(x, &one, &zero, 1e-5)?.powf(3.0)?.sum(1)
    });
    silent(|x| x.round()?.sum(1));
    silent(|x| Tensor::ones(x.dims()[0], x.dtype(), x.device()));

    let variable = Var::zeros(3, DType::F64, &Device::Cpu).unwrap();
    let unrelated = Var::zeros(3, DType::F64, &Device::Cpu).unwrap();
    let gradients = variable.sqr().unwrap().sum_all().unwrap().backward().unwrap();
    assert!(checked_grad(&gradients, &variable, "it").is_ok());
    let error = checked_grad(&gradients, &unrelated, "`layers.0.weight`").unwrap_err().to_string();
    assert!(error.starts_with("there is no gradient in `layers.0.weight`"), "{error}");
}

#[test]
fn a_gradient_that_lost_a_part_on_the_way_fails_the_taylor_check() {
    let slope = |network: fn(&Tensor) -> Result<Tensor>| {
        let potential = CandlePotential::new(3, Normalisation::UpToConstant, DType::F64, network);
        let mut rng = Seed::new(1).stream(&[("test", "lost")]);
        check::gradient(&potential, array![0.3, -0.7, 1.1].view(), &mut rng).unwrap()
    };
    let lost = slope(|x| x.sqr()?.sum(1)? + candle_nn::ops::softmax_last_dim(x)?.sqr()?.sum(1)?);
    assert!(!lost.passes(), "{lost:?}");
    let kept = slope(|x| x.sqr()?.sum(1)? + candle_nn::ops::softmax(x, 1)?.sqr()?.sum(1)?);
    assert!(kept.passes(), "{kept:?}");
}

#[test]
fn a_gradient_is_cut_off_from_the_graph() {
    let x = Var::new(&[2.0_f64], &Device::Cpu).unwrap();
    let gradients = x.powf(3.0).unwrap().sum_all().unwrap().backward().unwrap();
    let gradient = checked_grad(&gradients, &x, "x").unwrap();
    assert!(!gradient.track_op());
    assert_eq!(gradient.to_vec1::<f64>().unwrap(), [12.0]);
}

#[test]
fn what_a_network_does_wrong_is_said_and_what_is_not_finite_is_passed_on() {
    let potential = |network: fn(&Tensor) -> Result<Tensor>| {
        CandlePotential::new(3, Normalisation::Normalised, DType::F64, network)
    };
    let wide = potential(Tensor::sqr).value(points(4, 3).view()).unwrap_err();
    assert_eq!(wide.to_string(), "the model failed: the network gives shape [4, 3] where [4] is needed");
    let mixed = potential(|x| x.sum_all()?.broadcast_as((2, 1)));
    assert!(mixed.value_and_grad(points(4, 3).view()).unwrap_err().to_string().contains("[2, 1]"));
    let refused = potential(|x| x.matmul(x)).value(points(4, 3).view()).unwrap_err();
    assert!(refused.to_string().starts_with("the model failed: candle refused an operation"), "{refused}");
    let fine = potential(|x| x.sqr()?.sum(1));
    assert_eq!(fine.value(points(4, 2).view()), Err(EvalError::Dimension { expected: 3, found: 2 }));
    assert_eq!(
        Counted::new(&fine).value(array![[f64::NAN, 0.0, 0.0]].view()),
        Err(EvalError::NonFinitePoint { row: 0 })
    );
    let root = potential(|x| x.narrow(1, 0, 1)?.sqrt());
    let found = root.value_and_grad(array![[4.0, 0.0, 0.0], [-1.0, 0.0, 0.0]].view()).unwrap();
    assert_eq!((found.value[0], found.grad[[0, 0]]), (2.0, 0.25));
    assert!(found.value[1].is_nan() && found.grad[[1, 0]].is_nan());
    let none = fine.value_and_grad(Array2::zeros((0, 3)).view()).unwrap();
    assert_eq!((none.value.len(), none.grad.dim()), (0, (0, 3)));
    let transposed = points(3, 4);
    let found = fine.value_and_grad(transposed.t()).unwrap();
    assert!(difference(&found.grad, &transposed.t().mapv(|x| 2.0 * x)) < 1e-15);
}

#[test]
fn a_network_may_be_a_score() {
    let score = CandleScore::new(2, DType::F32, Tensor::neg);
    let found = CountedScore::new(&score).score(array![[1.0, -2.0], [0.5, 8.0]].view()).unwrap();
    assert_eq!(found, array![[-1.0, 2.0], [-0.5, -8.0]]);
    let narrow = CandleScore::new(2, DType::F64, |x| x.sum(1));
    let error = narrow.score(array![[1.0, 2.0]].view()).unwrap_err().to_string();
    assert!(error.contains("[1] where [1, 2] is needed"), "{error}");
    assert!(matches!(score.score(points(1, 3).view()), Err(EvalError::Dimension { expected: 2, found: 3 })));
    assert_eq!(score.score(Array2::zeros((0, 2)).view()).unwrap().dim(), (0, 2));
}
