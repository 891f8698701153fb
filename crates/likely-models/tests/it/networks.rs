//! The learned models: formulas by hand against candle's graph, and against what a density must be.

use crate::support::{
    WITH_CORNERS, build, check_draws, difference, error, made_up, normal, objective, parameters,
};
use likely_core::{Curvature, Normalisation, Potential, Rows, Seed, ValueGrad};
use likely_models::training::{Points, Progress, Settings, State, Step, Training, Variables};
use likely_models::{Autoregressive, BuildError, Denoiser, NormalizingFlow, Vae, Weights};
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
    let one = |tensor| constant(tensor, DType::F64, &Device::Cpu).expect("valid");
    weights.iter().map(|(name, tensor)| (name.to_owned(), one(tensor))).collect()
}

fn network(
    tensors: &BTreeMap<String, Tensor>,
    prefix: &str,
    widths: &[usize],
    activation: Activation,
    x: &Tensor,
) -> Result<Tensor> {
    let shape = MlpShape::new(widths.to_vec(), activation).expect("valid");
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

/// Minus the evidence bound at decoded points, with noise of shape `(batch, 2 samples)`; each sample is for the point that the
/// latent point is decoded into or, where that is wanted, for the point that the sample before it is decoded into.
fn bound_on_graph(
    tensors: &BTreeMap<String, Tensor>,
    z: &Tensor,
    noise: &Tensor,
    walk: bool,
) -> Result<Tensor> {
    let decode = |z: &Tensor| network(tensors, "decoder", &[2, 100, 3], Activation::Elu, z);
    let layer =
        |name: &str, x: &Tensor| {
            likely_networks::graph::linear::<_, likely_networks::candle::Error>(x, name, |name| {
                Ok(&tensors[name])
            })
        };
    let samples = noise.dim(1)? / 2;
    let mut x = decode(z)?;
    let mut sum = z.narrow(1, 0, 1)?.zeros_like()?;
    for sample in 0..samples {
        let features = layer("encoder", &x)?.elu(1.0)?;
        let mean = layer("mean_head", &features)?;
        let deviation = Activation::Sigmoid.graph(&layer("variance_head", &features)?)?.sqrt()?;
        let latent = (&mean + (&deviation * noise.narrow(1, 2 * sample, 2)?)?)?;
        let decoded = decode(&latent)?;
        let zero = Tensor::zeros(2, DType::F64, &Device::Cpu)?;
        let of_latent =
            (log_normal(&latent, &mean, &deviation.log()?)? - log_normal(&latent, &zero, &zero)?)?;
        let of_point = log_normal(&x, &decoded, &tensors["log_scale"])?;
        sum = ((sum + of_latent.sum_keepdim(1)?)? - of_point.sum_keepdim(1)?)?;
        if walk {
            x = decoded;
        }
    }
    sum / samples as f64
}

#[test]
fn the_bound_of_the_autoencoder_is_that_of_candle_for_every_kind_of_noise() {
    let tensors = constants(&made_up("vae", 3));
    let at = normal("latent", 30, 2, 1.2);
    let mut fixed = Seed::new(1).stream(&[("model", "vae"), ("purpose", "noise")]);
    let fixed: Vec<f64> = (0..20).map(|_| fixed.sample(StandardNormal)).collect();
    let everywhere = |numbers: &[f64]| numbers.repeat(30);
    let walked: Vec<f64> = at
        .rows()
        .into_iter()
        .flat_map(|row| {
            let name = format!("{:016x} {:016x}", row[0].to_bits(), row[1].to_bits());
            let mut stream = Seed::new(1).stream(&[("model", "vae"), ("noise at", &name)]);
            (0..20).map(|_| stream.sample(StandardNormal)).collect::<Vec<f64>>()
        })
        .collect();
    for (objective, noise, walk) in [
        ("fixed-noise", everywhere(&fixed), false),
        ("mean", everywhere(&[0.0, 0.0]), false),
        ("released", walked, true),
    ] {
        let width = noise.len() / 30;
        let noise = Tensor::from_vec(noise, (30, width), &Device::Cpu).unwrap();
        let config = format!("weights = \"vae.safetensors\", objective = \"{objective}\"");
        let ours = build("vae", &config, None).unwrap().potential;
        assert_eq!(ours.normalisation(), Normalisation::UpToConstant);
        let theirs = CandlePotential::new(2, ours.normalisation(), DType::F64, |z: &Tensor| {
            bound_on_graph(&tensors, z, &noise, walk)
        });
        let ours = ours.value_and_grad(at.view()).unwrap();
        let theirs = theirs.value_and_grad(at.view()).unwrap();
        assert!(difference(&ours.value, &theirs.value) < 1e-10, "{objective}");
        assert!(difference(&ours.grad, &theirs.grad) < 1e-10, "{objective}");
    }
}

#[test]
fn derivatives_along_the_released_walk_agree_with_each_other_and_its_noise_is_without_relation() {
    let config = "weights = \"vae.safetensors\", objective = \"released\", samples = 4";
    let potential = build("vae", config, None).unwrap().potential;
    let curvature = potential.curvature().unwrap();
    let [at, u, v] = ["at", "u", "v"].map(|name| normal(name, 9, 2, 1.0).into_raw_vec_and_offset().0);
    let rows = Rows::new(&at, 2).unwrap();
    let (mut hessian, mut product, mut third) = (vec![0.0; 36], vec![0.0; 18], vec![0.0; 18]);
    curvature.hessian(rows, &mut hessian).unwrap();
    curvature.hessian_vector(rows, &v, &mut product).unwrap();
    curvature.hessian_gradient(rows, &u, &v, &mut third).unwrap();
    for i in 0..9 {
        let h = &hessian[4 * i..4 * i + 4];
        assert!((h[1] - h[2]).abs() < 1e-12 * h[1].abs().max(1.0));
        let along = [h[0] * v[2 * i] + h[1] * v[2 * i + 1], h[2] * v[2 * i] + h[3] * v[2 * i + 1]];
        assert!(difference(&product[2 * i..2 * i + 2], &along) < 1e-12);
    }
    assert!(third.iter().all(|number| number.is_finite()) && third.iter().any(|number| *number != 0.0));
    // Two points next to each other differ by the noise of a mean over few samples, not by their distance.
    let pair = ndarray::array![[0.3, 0.4], [0.3 + 1e-12, 0.4]];
    let values = potential.value(pair.view()).unwrap();
    assert!((values[0] - values[1]).abs() > 1e-3, "{values}");
    assert_eq!(values, potential.value(pair.view()).unwrap());
    let zeros = potential.value(ndarray::array![[0.0, 1.0], [-0.0, 1.0]].view()).unwrap();
    assert_eq!(zeros[0].to_bits(), zeros[1].to_bits());
}

#[test]
fn noise_predicted_by_hand_is_that_of_candle_also_between_steps() {
    let weights = made_up("diffusion-2d", 2);
    let tensors = constants(&weights);
    let model = Denoiser::load(&weights).unwrap();
    let at = normal("at", 12, 2, 2.0);
    let frequencies: Vec<f64> =
        (0..64).map(|i| f64::from((-(1e4_f64.ln()) * f64::from(i) / 63.0).exp() as f32)).collect();
    let frequencies = Tensor::from_vec(frequencies, (1, 1, 64), &Device::Cpu).unwrap();
    for step in [0.0, 7.0, 30.25, 49.0] {
        let on_graph = || -> Result<Vec<f64>> {
            let places: Vec<f64> =
                at.rows().into_iter().flat_map(|row| [25.0 * row[0], 25.0 * row[1], step]).collect();
            let places = Tensor::from_vec(places, (12, 3, 1), &Device::Cpu)?;
            let angles = places.broadcast_mul(&frequencies)?;
            let mut x = Tensor::cat(&[angles.sin()?, angles.cos()?], 2)?.flatten_from(1)?;
            let layer = |name: &str, x: &Tensor| {
                likely_networks::graph::linear::<_, likely_networks::candle::Error>(x, name, |name| {
                    Ok(&tensors[name])
                })
            };
            x = Activation::Gelu.graph(&layer("first", &x)?)?;
            for k in 0..3 {
                x = (&x + Activation::Gelu.graph(&layer(&format!("blocks.{k}"), &x)?)?)?;
            }
            layer("last", &x)?.flatten_all()?.to_vec1()
        };
        let ours: Vec<f64> =
            at.rows().into_iter().flat_map(|row| model.noise_at([row[0], row[1]], step)).collect();
        assert!(difference(&ours, &on_graph().unwrap()) < 1e-10, "step {step}");
    }
}

#[test]
fn the_likelihood_of_the_diffusion_has_its_own_gradient_and_the_score_alone_has_no_likelihood() {
    let potential =
        build("diffusion-2d", "weights = \"diffusion-2d.safetensors\", pieces = 1", None).unwrap().potential;
    assert_eq!(potential.normalisation(), Normalisation::Normalised);
    let at = normal("at", 8, 2, 1.0);
    let ValueGrad { grad, .. } = potential.value_and_grad(at.view()).unwrap();
    let slopes = central(&at, 1e-6, |x| potential.value(x.view()).unwrap().insert_axis(ndarray::Axis(1)));
    for j in 0..2 {
        assert!(difference(grad.column(j), slopes[j].column(0)) < 1e-7, "{grad} against {slopes:?}");
    }
    let config = "weights = \"diffusion-2d.safetensors\", score-only = 10";
    let alone = build("diffusion-2d", config, None).unwrap().potential;
    let refused = alone.value(at.view()).unwrap_err().to_string();
    assert!(refused.contains("step 10") && refused.contains("no likelihood"), "{refused}");
    let model = Denoiser::load(&made_up("diffusion-2d", 2)).unwrap();
    let kept: f64 = (0..=10).map(|k| 1.0 - (1e-4 + 0.0199 * f64::from(k) / 49.0)).product();
    let expected: Vec<f64> = at
        .rows()
        .into_iter()
        .flat_map(|row| model.noise_at([row[0], row[1]], 10.0).map(|noise| noise / (1.0 - kept).sqrt()))
        .collect();
    let ValueGrad { value, grad } = alone.value_and_grad(at.view()).unwrap();
    assert!(value.iter().all(|value| value.is_nan()));
    assert!(difference(&grad, &expected) < 1e-12);
    let wrong = error("diffusion-2d", "weights = \"diffusion-2d.safetensors\", score-only = 50", None);
    assert!(wrong.to_string().contains("0 to 49"), "{wrong}");
}

/// The logarithm of a normal density, number by number.
fn log_normal(x: &Tensor, mean: &Tensor, log: &Tensor) -> Result<Tensor> {
    let z = x.broadcast_sub(mean)?.broadcast_div(&log.exp()?)?;
    (z.sqr()? * -0.5)?.broadcast_sub(log)?.affine(1.0, -0.5 * TAU.ln())
}

#[test]
fn values_and_gradients_are_those_of_candle() {
    for id in ["autoregressive", "energy-network", "normalizing-flow"] {
        let tensors = constants(&made_up(id, 2));
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
    let objective = objective(id, "", set.ncols()).expect("valid").built;
    let settings: Settings = toml::from_str(settings).expect("valid");
    let mut losses = Vec::new();
    let points = Points::Set(set.view());
    let mut training = Training::new(&*objective, &points, &settings, None).expect("valid");
    let mut state = training.begin().expect("valid");
    let mut observe = |_: &State, progress: &Progress| {
        losses.push(progress.loss);
        ControlFlow::Continue(())
    };
    training.run(&mut state, &mut observe).expect("valid");
    losses
}

/// The loss of a batch on candle's graph, at made-up weights.
fn loss(id: &str, points: &Array2<f64>) -> f64 {
    loss_at(id, points, 0)
}

fn loss_at(id: &str, points: &Array2<f64>, index: u64) -> f64 {
    let training = objective(id, "", points.ncols()).expect("valid").built;
    let parameters = parameters(&*training, &made_up(id, points.ncols()));
    let batch: Vec<f32> = points.iter().map(|x| *x as f32).collect();
    let stream = Seed::new(1).stream(&[("test", "step"), ("step", &index.to_string())]);
    let mut step = Step { index, steps: 30, batch: &batch, dim: points.ncols(), stream, device: Device::Cpu };
    let loss =
        training.loss(&mut step, &Variables::new(&parameters, &Device::Cpu).expect("valid")).expect("valid");
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
fn the_held_out_bound_and_likelihood_of_the_autoencoder_are_in_order() {
    let training = objective("vae", "", 3).unwrap().built;
    let points = normal("batch", 40, 3, 1.0);
    let parameters = parameters(&*training, &made_up("vae", 3));
    let found = training.held_out(&parameters, points.view(), Seed::new(1)).unwrap();
    assert_eq!(
        found.iter().map(|found| found.quantity).collect::<Vec<_>>(),
        ["log-likelihood", "evidence-bound"]
    );
    let means = [0, 1].map(|k| found[k].values.iter().sum::<f64>() / 40.0);
    assert!(found[0].values.iter().zip(&found[1].values).all(|(likelihood, bound)| bound <= likelihood));
    // One sample a point, as training has it, against a thousand.
    let losses: Vec<f64> = (0..30).map(|index| loss_at("vae", &points, index)).collect();
    let mean = losses.iter().sum::<f64>() / 30.0;
    let deviation = (losses.iter().map(|l| (l - mean) * (l - mean)).sum::<f64>() / 29.0).sqrt();
    assert!((mean + means[1]).abs() < 4.0 * deviation / 30.0_f64.sqrt(), "{mean} against {means:?}");
    // The likelihood of the plane by quadrature over latent points.
    let vae = Vae::load(&made_up("vae", 3)).unwrap();
    let x = points.row(0);
    let mut integral = 0.0;
    for i in -120..=120 {
        for j in -120..=120 {
            let z = [f64::from(i) * 0.05, f64::from(j) * 0.05];
            let gaps: f64 = vae.decode(z).iter().zip(x).map(|(g, x)| (x - g) * (x - g)).sum();
            let log = -0.5 * (z[0] * z[0] + z[1] * z[1] + gaps / vae.scale().powi(2))
                - 3.0 * vae.scale().ln()
                - 2.5 * TAU.ln();
            integral += log.exp() * 0.0025;
        }
    }
    // A thousand weights with a relative deviation of about 1.3 leave an error of four percent.
    assert!(
        (integral.ln() - found[0].values[0]).abs() < 0.2,
        "{} against {}",
        integral.ln(),
        found[0].values[0]
    );
}

#[test]
fn a_few_steps_of_training_lower_the_loss() {
    for (id, dim) in [("autoregressive", 2), ("diffusion-2d", 2), ("normalizing-flow", 2), ("vae", 3)] {
        let set = normal("set", 256, dim, 0.5);
        let settings = "seed = 1\nbatch = 64\nsteps = 80\noptimiser = \"adam\"\nlearning-rate = 5e-3";
        let losses = train(id, &set, settings);
        let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
        assert!(mean(&losses[70..]) < mean(&losses[..10]) - 0.1, "{id}: {losses:?}");
    }
    let set = normal("set", 256, 2, 0.5);
    let settings = "seed = 1\nbatch = 64\nsteps = 5\noptimiser = \"adam\"\nlearning-rate = 1e-3\nclip = 1.0";
    let losses = train("energy-network", &set, settings);
    assert!(losses.iter().all(|loss| loss.is_finite() && loss.abs() < 1.0), "{losses:?}");
}

#[test]
fn an_energy_network_has_no_likelihood() {
    let potential =
        build("energy-network", "weights = \"energy-network.safetensors\"", None).unwrap().potential;
    assert_eq!(potential.normalisation(), Normalisation::UpToConstant);
}

#[test]
fn weights_of_another_network_are_refused_with_what_they_are_and_what_is_missing() {
    let error = error("energy-network", "weights = \"autoregressive.safetensors\"", None).to_string();
    for part in [
        "autoregressive.safetensors",
        "`network.0.weight` of shape [128, 2] is missing",
        "weights of a model `autoregressive`",
        "17 in all",
    ] {
        assert!(error.contains(part), "{error}");
    }
    let error = crate::support::error("normalizing-flow", "weights = \"none.safetensors\"", None);
    assert!(matches!(error, BuildError::Read { .. }), "{error}");
    assert!(objective("normalizing-flow", "", 3).is_err());
}
