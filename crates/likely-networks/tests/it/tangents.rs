//! Forward derivatives: every layer against differences of its values, and backwards through them against differences of these.

use likely_core::Seed;
use likely_networks::candle::{DType, Device, Result, Tensor, Var};
use likely_networks::graph::linear;
use likely_networks::images::{
    GroupNorm, Layer, Window, affine, channels_first, convolution, convolution_transposed, normalised,
    rows_of,
};
use likely_networks::{Activation, Operand, Tangent};
use rand::Rng;
use rand_distr::StandardNormal;
use std::collections::BTreeMap;

fn normal(name: &str, shape: &[usize]) -> Tensor {
    let mut stream = Seed::new(6).stream(&[("test", name)]);
    let count = shape.iter().product();
    let values: Vec<f64> = (0..count).map(|_| stream.sample(StandardNormal)).collect();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

fn numbers(tensor: &Tensor) -> Vec<f64> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

fn off(found: &Tensor, wanted: &Tensor) -> f64 {
    assert_eq!(found.dims(), wanted.dims());
    let (found, wanted) = (numbers(found), numbers(wanted));
    let largest = wanted.iter().fold(1e-3_f64, |top, x| top.max(x.abs()));
    found.iter().zip(&wanted).fold(0.0_f64, |top, (a, b)| top.max((a - b).abs())) / largest
}

/// The tensors of all layers that are tried.
fn tensors() -> BTreeMap<String, Tensor> {
    let layers = [
        ("dense", Layer::Dense { inputs: 24, outputs: 24 }),
        ("convolution", Layer::Convolution { inputs: 4, outputs: 6, side: 3 }),
        ("transposed", Layer::ConvolutionTransposed { inputs: 4, outputs: 2, side: 3 }),
        ("norm", Layer::Norm { channels: 4 }),
    ];
    let expected = layers.into_iter().flat_map(|(name, layer)| layer.expected(name));
    expected.map(|tensor| (tensor.name.clone(), normal(&tensor.name, &tensor.shape))).collect()
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Dense,
    Convolution,
    Transposed,
    Norm { groups: usize, silu: bool },
    Affine,
    Silu,
    Activation(Activation),
}

/// The layer from rows of 24 numbers to rows.
fn layer<X: Operand>(x: &X, kind: Kind, tensors: &BTreeMap<String, Tensor>) -> Result<X> {
    let tensor = |name: &str| Ok(&tensors[name]);
    let window = Window { side: 3, stride: 2, padding: 1 };
    let images = channels_first(x, [4, 2, 3])?;
    rows_of(&match kind {
        Kind::Dense => return linear(x, "dense", tensor),
        Kind::Activation(activation) => return x.activated(activation),
        Kind::Silu => return x.silu(),
        Kind::Convolution => convolution(&images, "convolution", window, tensor)?,
        Kind::Transposed => convolution_transposed(&images, "transposed", window, tensor)?,
        Kind::Norm { groups, silu } => normalised(&images, "norm", GroupNorm { groups, silu }, tensor)?,
        Kind::Affine => affine(&images, &tensors["norm.weight"], &tensors["norm.bias"])?,
    })
}

/// The difference quotient of `f` at 0, of fourth order.
fn quotient(f: impl Fn(f64) -> Tensor) -> Tensor {
    let h = 1e-3;
    let slope = |h: f64, share: f64| ((f(h) - f(-h)).unwrap() * (share / (2.0 * h))).unwrap();
    (slope(h, 4.0 / 3.0) - slope(2.0 * h, 1.0 / 3.0)).unwrap()
}

#[test]
fn every_layer_carries_its_derivative_and_can_be_differentiated_once_more() {
    let tensors = tensors();
    let mut kinds = vec![Kind::Dense, Kind::Convolution, Kind::Transposed, Kind::Affine, Kind::Silu];
    for groups in [1, 2, 4] {
        kinds.extend([false, true].map(|silu| Kind::Norm { groups, silu }));
    }
    kinds.extend(Activation::ALL.map(Kind::Activation));
    let (x, v) = (normal("x", &[5, 24]), normal("v", &[5, 24]));
    let mut cases = 0;
    for kind in kinds {
        let values = |x: &Tensor| layer(x, kind, &tensors).unwrap();
        let found = layer(&Tangent::new(x.clone(), v.clone()).unwrap(), kind, &tensors).unwrap();
        assert!(off(found.value(), &values(&x)) < 1e-14, "{kind:?}");
        let wanted = quotient(|h| values(&(&x + (&v * h).unwrap()).unwrap()));
        let gap = off(found.change(), &wanted);
        assert!(gap < 1e-8, "{kind:?}: {gap:e}");

        // All axes at once, of which the first direction is their combination.
        let along = layer(&Tangent::along_axes(x.clone()).unwrap(), kind, &tensors).unwrap();
        let width = along.value().dim(1).unwrap();
        let columns = along.change().reshape((24, 5, width)).unwrap();
        let weights = v.t().unwrap().unsqueeze(2).unwrap();
        let combined = columns.broadcast_mul(&weights).unwrap().sum(0).unwrap();
        assert!(off(&combined, found.change()) < 1e-12, "{kind:?}");

        // Two directions a point.
        let v = Tensor::cat(&[&v, &normal("other", &[5, 24])], 0).unwrap();
        let w = normal("w", &[10, width]);
        let sum = |x: &Tensor, v: &Tensor| {
            let tangent = Tangent::new(x.clone(), v.clone()).unwrap();
            (layer(&tangent, kind, &tensors).unwrap().change() * &w).unwrap().sum_all().unwrap()
        };
        let at = Var::from_tensor(&x).unwrap();
        let gradients = sum(&at, &v).backward().unwrap();
        let second = normal("second", &[5, 24]);
        let wanted = quotient(|h| sum(&(&x + (&second * h).unwrap()).unwrap(), &v));
        let slope = gradients.get(&at).map(|slope| (slope * &second).unwrap().sum_all().unwrap());
        // A linear layer has a derivative that depends on no point.
        let slope = slope.unwrap_or_else(|| Tensor::zeros((), DType::F64, &Device::Cpu).unwrap());
        let gap = (numbers(&slope)[0] - numbers(&wanted)[0]).abs();
        assert!(gap < 1e-7 * numbers(&wanted)[0].abs().max(1.0), "{kind:?}: {gap:e}");
        cases += 1;
    }
    assert_eq!(cases, 5 + 6 + Activation::ALL.len());
}

#[test]
fn directions_that_do_not_fit_are_refused() {
    let x = normal("x", &[3, 2]);
    for shape in [[3, 3], [4, 2]] {
        assert!(Tangent::new(x.clone(), normal("v", &shape)).is_err(), "{shape:?}");
    }
    assert!(Tangent::new(normal("x", &[0, 2]), normal("v", &[0, 2])).is_err());
}
