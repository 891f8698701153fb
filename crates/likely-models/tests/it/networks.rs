//! The learned models: formulas by hand against candle's graph, and against what a density must be.

use crate::support::{
    NETWORKS, WITH_CORNERS, build, check_draws, difference, error, made_up, normal, objective, parameters,
};
use likely_core::{Curvature, Normalisation, Potential, Rows, Seed, ValueGrad};
use likely_models::training::{Points, Progress, Settings, State, Step, Training, Variables};
use likely_models::{Autoregressive, BuildError, NormalizingFlow, Weights};
use likely_networks::candle::{DType, Device, Result, Tensor};
use likely_networks::candle_room::{CandlePotential, constant};
use likely_networks::{Activation, MlpShape};
use ndarray::Array2;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use std::collections::BTreeMap;
use std::f64::consts::TAU;
use std::ops::ControlFlow;

/// Tensors as constants of candle in `f64`.
fn constants(weights: &Weights) -> BTreeMap<String, Tensor> {
    let one = |tensor| constant(tensor, DType::F64, &Device::Cpu).unwrap();
    weights.iter().map(|(name, tensor)| (name.to_owned(), one(tensor))).collect()
}

fn network(
    tensors: &BTreeMap<String, Tensor>,
    prefix: &str,
    widths: &[usize],
    activation: Activation,
    x: &Tensor,
) -> Result<Tensor> {
    let shape = MlpShape::new(widths.to_vec(), activation).unwrap();
    shape.graph::<likely_networks::candle::Error>(x, prefix, |name| Ok(&tensors[name]))
}

/// The same potentials, on candle's graph and written from their definitions.
fn on_graph(id: &str, tensors: &BTreeMap<String, Tensor>, x: &Tensor) -> Result<Tensor> {
    match id {
        "energy-network" => network(tensors, "network", &[2, 128, 128, 1], Activation::Relu, x),
        "autoregressive" => {
            let (first, second) = (x.narrow(1, 0, 1)?, x.narrow(1, 1, 1)?);
            let y = network(tensors, "second", &[1, 64, 64, 64, 2], Activation::Tanh, &first)?;
            let log = &tensors["first.log_deviation"];
            let one = log_normal(&first, &tensors["first.mean"], log)?;
            (one + log_normal(&second, &y.narrow(1, 0, 1)?, &y.narrow(1, 1, 1)?)?)?.neg()
        }
        "normalizing-flow" => {
            let mut x = x.clone();
            let mut scales = x.narrow(1, 0, 1)?.zeros_like()?;
            for coupling in (0..32).rev() {
                let (kept, moved) = (x.narrow(1, 1, 1)?, x.narrow(1, 0, 1)?);
                let prefix = format!("couplings.{coupling}");
                let y = network(tensors, &prefix, &[1, 64, 64, 2], Activation::Relu, &kept)?;
                let moved = ((moved - y.narrow(1, 0, 1)?)? / y.narrow(1, 1, 1)?.exp()?)?;
                scales = (scales + y.narrow(1, 1, 1)?)?;
                x = Tensor::cat(&[&kept, &moved], 1)?;
            }
            let base = log_normal(&x, &tensors["base.mean"], &tensors["base.log_deviation"])?;
            base.sum_keepdim(1)?.neg()? + scales
        }
        _ => unreachable!("a network of this file"),
    }
}

/// The logarithm of a normal density, number by number.
fn log_normal(x: &Tensor, mean: &Tensor, log: &Tensor) -> Result<Tensor> {
    let z = x.broadcast_sub(mean)?.broadcast_div(&log.exp()?)?;
    (z.sqr()? * -0.5)?.broadcast_sub(log)?.affine(1.0, -0.5 * TAU.ln())
}

#[test]
fn values_and_gradients_are_those_of_candle() {
    for (id, dim) in NETWORKS {
        let tensors = constants(&made_up(id, *dim));
        let ours = build(id, &format!("weights = \"{id}.safetensors\""), None).unwrap().potential;
        let theirs =
            CandlePotential::new(2, ours.normalisation(), DType::F64, |x: &Tensor| on_graph(id, &tensors, x));
        let at = normal("at", 40, 2, 1.5);
        let ours = ours.value_and_grad(at.view()).unwrap();
        let theirs = theirs.value_and_grad(at.view()).unwrap();
        assert!(difference(&ours.value, &theirs.value) < 1e-10, "{id}");
        assert!(difference(&ours.grad, &theirs.grad) < 1e-10, "{id}");
    }
}

/// Central differences of `f` along the axes.
fn central(at: &Array2<f64>, h: f64, f: impl Fn(&Array2<f64>) -> Array2<f64>) -> Vec<Array2<f64>> {
    (0..at.ncols())
        .map(|j| {
            let moved = |h: f64| {
                let mut moved = at.clone();
                moved.column_mut(j).mapv_inplace(|x| x + h);
                f(&moved)
            };
            (moved(h) - moved(-h)) / (2.0 * h)
        })
        .collect()
}

#[test]
fn derivatives_of_networks_with_corners_are_those_between_the_corners() {
    for id in WITH_CORNERS {
        let potential = build(id, &format!("weights = \"{id}.safetensors\""), None).unwrap().potential;
        let at = normal("at", 200, 2, 1.5);
        let ValueGrad { grad, .. } = potential.value_and_grad(at.view()).unwrap();
        let slopes = central(&at, 1e-6, |x| potential.value(x.view()).unwrap().insert_axis(ndarray::Axis(1)));
        let bends = central(&at, 1e-7, |x| potential.value_and_grad(x.view()).unwrap().grad);
        let curvature: &dyn Curvature = potential.curvature().unwrap();
        let flat = at.as_slice().unwrap();
        let mut hessian = vec![0.0; 800];
        curvature.hessian(Rows::new(flat, 2).unwrap(), &mut hessian).unwrap();
        let (mut near, mut bent) = (0, 0);
        for i in 0..200 {
            let off = |a: f64, b: f64| (a - b).abs() / b.abs().max(1.0);
            near += usize::from((0..2).all(|j| off(slopes[j][[i, 0]], grad[[i, j]]) < 1e-6));
            bent += usize::from((0..4).all(|k| off(bends[k % 2][[i, k / 2]], hessian[4 * i + k]) < 1e-5));
        }
        // A corner in a step of 1e-6 is seldom, and none of them hides a wrong derivative elsewhere.
        assert!(near >= 196 && bent >= 196, "{id}: {near} gradients, {bent} Hessians");
        if *id == "energy-network" {
            assert!(hessian.iter().all(|h| *h == 0.0));
        }
    }
}

fn pair(stream: &mut ChaCha8Rng) -> [f64; 2] {
    [stream.sample(StandardNormal), stream.sample(StandardNormal)]
}

#[test]
fn densities_are_normalised_and_their_samples_follow_them() {
    let mut stream = Seed::new(1).stream(&[("test", "samples of networks")]);
    let mut drawn = |sample: &dyn Fn([f64; 2]) -> [f64; 2]| {
        let numbers: Vec<f64> = (0..20_000).flat_map(|_| sample(pair(&mut stream))).collect();
        Array2::from_shape_vec((20_000, 2), numbers).unwrap()
    };
    let model = Autoregressive::load(&made_up("autoregressive", 2)).unwrap();
    let points = drawn(&|normals| model.sample(normals));
    let density =
        build("autoregressive", "weights = \"autoregressive.safetensors\"", None).unwrap().potential;
    assert_eq!(density.normalisation(), Normalisation::Normalised);
    let sides = [(-7.2, 7.2), (-8.4, 8.4)];
    check_draws("autoregressive", &sides, (0.05, 1e-6), points.view(), |x| -density.value(x).unwrap());

    let model = NormalizingFlow::load(&made_up("normalizing-flow", 2)).unwrap();
    let points = drawn(&|normals| model.sample(normals));
    let reach = points.iter().fold(0.0_f64, |top, x| top.max(x.abs()));
    let density =
        build("normalizing-flow", "weights = \"normalizing-flow.safetensors\"", None).unwrap().potential;
    assert_eq!(density.normalisation(), Normalisation::Normalised);
    let sides = [(-1.5 * reach, 1.5 * reach); 2];
    // The corners of the density leave an error of the order of the squared step.
    let grid = (reach / 120.0, 1e-4);
    check_draws("normalizing-flow", &sides, grid, points.view(), |x| -density.value(x).unwrap());
}

/// Losses of a training over the points of `set`.
fn train(id: &str, set: &Array2<f64>, settings: &str) -> Vec<f64> {
    let objective = objective(id, "", set.ncols()).unwrap().built;
    let settings: Settings = toml::from_str(settings).unwrap();
    let mut losses = Vec::new();
    let points = Points::Set(set.view());
    let mut training = Training::new(&*objective, &points, &settings, None).unwrap();
    let mut state = training.begin().unwrap();
    let mut observe = |_: &State, progress: &Progress| {
        losses.push(progress.loss);
        ControlFlow::Continue(())
    };
    training.run(&mut state, &mut observe).unwrap();
    losses
}

/// The loss of a batch on candle's graph, at made-up weights.
fn loss(id: &str, points: &Array2<f64>) -> f64 {
    let training = objective(id, "", points.ncols()).unwrap().built;
    let parameters = parameters(&*training, &made_up(id, points.ncols()));
    let batch: Vec<f32> = points.iter().map(|x| *x as f32).collect();
    let stream = Seed::new(1).stream(&[("test", "step")]);
    let mut step = Step { index: 0, steps: 1, batch: &batch, dim: points.ncols(), stream };
    let loss = training.loss(&mut step, &Variables::new(&parameters).unwrap()).unwrap();
    f64::from(loss.to_scalar::<f32>().unwrap())
}

#[test]
fn the_loss_of_training_is_the_mean_of_the_potential() {
    for id in ["autoregressive", "normalizing-flow"] {
        let training = objective(id, "", 2).unwrap().built;
        let points = normal("batch", 64, 2, 1.0);
        let parameters = parameters(&*training, &made_up(id, 2));
        let found = training.held_out(&parameters, points.view(), Seed::new(1)).unwrap();
        assert_eq!(found[0].quantity, "log-likelihood");
        let mean = -found[0].values.iter().sum::<f64>() / 64.0;
        let loss = loss(id, &points);
        assert!((loss - mean).abs() < 1e-5 * mean.abs().max(1.0), "{id}: {loss} against {mean}");
    }
}

#[test]
fn a_few_steps_of_training_lower_a_likelihood_loss() {
    let set = normal("set", 256, 2, 0.5);
    for id in ["autoregressive", "normalizing-flow"] {
        let settings = "seed = 1\nbatch = 64\nsteps = 30\noptimiser = \"adam\"\nlearning-rate = 5e-3";
        let losses = train(id, &set, settings);
        let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
        assert!(mean(&losses[25..]) < mean(&losses[..5]) - 0.05, "{id}: {losses:?}");
    }
}

#[test]
fn an_energy_network_has_no_likelihood() {
    let potential =
        build("energy-network", "weights = \"energy-network.safetensors\"", None).unwrap().potential;
    assert_eq!(potential.normalisation(), Normalisation::UpToConstant);
}

#[test]
fn weights_of_another_network_are_refused_with_everything_that_is_wrong() {
    let error = error("energy-network", "weights = \"autoregressive.safetensors\"", None).to_string();
    for part in [
        "autoregressive.safetensors",
        "`network.0.weight` of shape [128, 2] is missing",
        "`first.mean` is not",
    ] {
        assert!(error.contains(part), "{error}");
    }
    let error = crate::support::error("normalizing-flow", "weights = \"none.safetensors\"", None);
    assert!(matches!(error, BuildError::Read { .. }), "{error}");
    assert!(objective("normalizing-flow", "", 3).is_err());
}
