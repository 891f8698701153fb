//! Layers of images: the same numbers as candle's own, and gradients that differences confirm.

use likely_core::Seed;
use likely_networks::candle::{DType, Device, Result, Tensor, Var};
use likely_networks::candle_nn;
use likely_networks::images::{
    GroupNorm, Window, average_pool, channels_first, conv_transpose2d, conv2d, group_norm, rows_of, silu,
    upsample_nearest,
};
use rand::Rng;
use rand_distr::StandardNormal;

pub(crate) fn normal(name: &str, shape: &[usize], dtype: DType) -> Tensor {
    let mut stream = Seed::new(5).stream(&[("test", name)]);
    let count = shape.iter().product();
    let values: Vec<f64> = (0..count).map(|_| stream.sample(StandardNormal)).collect();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap().to_dtype(dtype).unwrap()
}

fn numbers(tensor: &Tensor) -> Vec<f64> {
    tensor.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

pub(crate) fn difference(found: &Tensor, wanted: &Tensor) -> f64 {
    assert_eq!(found.dims(), wanted.dims());
    let (found, wanted) = (numbers(found), numbers(wanted));
    let largest = wanted.iter().fold(f64::MIN_POSITIVE, |top, x| top.max(x.abs()));
    found.iter().zip(&wanted).fold(0.0_f64, |top, (a, b)| top.max((a - b).abs())) / largest
}

fn swapped(x: &Tensor) -> Tensor {
    x.transpose(0, 1).unwrap().contiguous().unwrap()
}

pub(crate) const WINDOWS: &[(usize, usize, usize)] =
    &[(1, 1, 0), (2, 2, 0), (3, 1, 1), (3, 2, 1), (4, 2, 1), (4, 1, 0), (5, 3, 2), (3, 1, 3)];

#[test]
fn convolutions_are_those_of_candle() {
    let mut cases = 0;
    for (dtype, tolerance) in [(DType::F32, 1e-5), (DType::F64, 1e-13)] {
        for &(side, stride, padding) in WINDOWS {
            // 90 images are worked on in more than one block.
            for (inputs, outputs, batch, height, width) in
                [(1, 1, 1, 7, 7), (3, 5, 4, 9, 6), (16, 4, 90, 14, 14)]
            {
                let window = Window { side, stride, padding };
                let x = normal("x", &[inputs, batch, height, width], dtype);
                let weight = normal("weight", &[outputs, inputs, side, side], dtype);
                let ours = conv2d(&x, &weight, window).unwrap();
                let theirs = swapped(&x).conv2d(&weight, padding, stride, 1, 1).unwrap();
                let off = difference(&ours, &swapped(&theirs));
                assert!(off < tolerance, "{window:?} {dtype:?}: {off:e}");
                for extra in 0..stride {
                    let weight = normal("weight", &[inputs, outputs, side, side], dtype);
                    let ours = conv_transpose2d(&x, &weight, window, extra).unwrap();
                    let theirs = swapped(&x).conv_transpose2d(&weight, padding, extra, stride, 1).unwrap();
                    let off = difference(&ours, &swapped(&theirs));
                    assert!(off < tolerance, "{window:?} transposed, {extra} {dtype:?}: {off:e}");
                    cases += 1;
                }
            }
        }
    }
    assert_eq!(cases, 2 * 3 * 13);
}

#[test]
fn group_norm_is_that_of_candle() {
    let mut cases = 0;
    for (dtype, tolerance) in [(DType::F32, 1e-5), (DType::F64, 1e-12)] {
        for (channels, groups) in [(1, 1), (6, 3), (8, 8), (12, 1)] {
            let x = (normal("x", &[channels, 5, 4, 7], dtype) * 3.0).unwrap().affine(1.0, 0.7).unwrap();
            let (weight, bias) = (normal("weight", &[channels], dtype), normal("bias", &[channels], dtype));
            let theirs =
                candle_nn::GroupNorm::new(weight.clone(), bias.clone(), channels, groups, 1e-5).unwrap();
            let theirs = candle_nn::Module::forward(&theirs, &swapped(&x)).unwrap();
            let plain = group_norm(&x, &weight, &bias, GroupNorm { groups, silu: false }).unwrap();
            assert!(difference(&plain, &swapped(&theirs)) < tolerance);
            let active = group_norm(&x, &weight, &bias, GroupNorm { groups, silu: true }).unwrap();
            assert!(difference(&active, &swapped(&theirs).silu().unwrap()) < tolerance);
            assert!(difference(&active, &silu(&plain).unwrap()) < tolerance);
            cases += 1;
        }
    }
    assert_eq!(cases, 8);
}

#[test]
fn resampling_is_that_of_candle() {
    for dtype in [DType::F32, DType::F64] {
        let x = normal("x", &[3, 2, 6, 4], dtype);
        let larger = upsample_nearest(&x, 2).unwrap();
        assert!(difference(&larger, &x.upsample_nearest2d(12, 8).unwrap()) < 1e-15);
        assert!(difference(&average_pool(&x, 2).unwrap(), &x.avg_pool2d(2).unwrap()) < 1e-6);
        assert!(difference(&average_pool(&larger, 2).unwrap(), &x).abs() < 1e-7);
    }
}

/// Checks the derivatives of `sum(f(args) probe)` in every number of every argument against central differences.
fn check(name: &str, shapes: &[&[usize]], f: impl Fn(&[Tensor]) -> Result<Tensor>) -> usize {
    let args: Vec<Var> = shapes
        .iter()
        .enumerate()
        .map(|(k, shape)| Var::from_tensor(&normal(&format!("{name} {k}"), shape, DType::F64)).unwrap())
        .collect();
    let tensors: Vec<Tensor> = args.iter().map(|arg| arg.as_tensor().clone()).collect();
    let y = f(&tensors).unwrap();
    let probe = normal("probe", y.dims(), DType::F64);
    let gradients = (y * &probe).unwrap().sum_all().unwrap().backward().unwrap();
    let at = |args: &[Tensor]| numbers(&(f(args).unwrap() * &probe).unwrap()).iter().sum::<f64>();
    let (mut worst, mut count) = (0.0_f64, 0);
    for k in 0..args.len() {
        let gradient = numbers(gradients.get(&args[k]).unwrap());
        let constants: Vec<Tensor> = tensors.iter().map(Tensor::detach).collect();
        for (i, slope) in gradient.iter().enumerate() {
            let moved = |h: f64| {
                let mut values = numbers(&constants[k]);
                values[i] += h;
                let mut moved = constants.clone();
                moved[k] = Tensor::from_vec(values, shapes[k], &Device::Cpu).unwrap();
                at(&moved)
            };
            let central = (moved(1e-5) - moved(-1e-5)) / 2e-5;
            worst = worst.max((central - slope).abs() / slope.abs().max(1.0));
            count += 1;
        }
    }
    assert!(worst < 1e-7, "{name}: {worst:e}");
    count
}

#[test]
fn every_gradient_is_that_of_central_differences() {
    let mut checked = 0;
    for &(side, stride, padding) in WINDOWS {
        let window = Window { side, stride, padding };
        let name = format!("{window:?}");
        checked += check(&name, &[&[2, 3, 5, 6], &[3, 2, side, side]], |a| conv2d(&a[0], &a[1], window));
        checked += check(&name, &[&[3, 2, 6, 7], &[3, 2, side, side]], |a| {
            conv_transpose2d(&a[0], &a[1], window, stride - 1)
        });
    }
    for silu in [false, true] {
        for groups in [1, 2, 4] {
            let norm = GroupNorm { groups, silu };
            checked +=
                check("group norm", &[&[4, 2, 3, 3], &[4], &[4]], |a| group_norm(&a[0], &a[1], &a[2], norm));
        }
    }
    checked += check("silu", &[&[3, 4, 2, 2]], |a| silu(&a[0]));
    checked += check("up-sampling", &[&[2, 2, 3, 2]], |a| upsample_nearest(&a[0], 3)?.sqr());
    checked += check("pooling", &[&[2, 2, 4, 6]], |a| average_pool(&a[0], 2)?.sqr());
    // An argument that is not contiguous, and gradients that are not.
    let window = Window { side: 3, stride: 1, padding: 1 };
    checked += check("transposed", &[&[3, 2, 4, 4], &[2, 2, 3, 3]], |a| {
        conv2d(&a[0].transpose(0, 1)?, &a[1], window)?.transpose(2, 3)?.sqr()
    });
    assert!(checked > 3000, "{checked}");
}

#[test]
fn a_constant_gets_no_gradient_and_costs_no_time() {
    let window = Window { side: 3, stride: 1, padding: 1 };
    let x = Var::from_tensor(&normal("x", &[2, 2, 5, 5], DType::F64)).unwrap();
    let weight = normal("weight", &[2, 2, 3, 3], DType::F64);
    let gradients = conv2d(&x, &weight, window).unwrap().sum_all().unwrap().backward().unwrap();
    assert!(gradients.get(&x).is_some() && gradients.get(&weight).is_none());
}

#[test]
fn rows_become_images_and_images_rows() {
    let rows = normal("rows", &[3, 24], DType::F64);
    let images = channels_first(&rows, [2, 3, 4]).unwrap();
    assert_eq!(images.dims(), [2, 3, 3, 4]);
    assert_eq!(numbers(&images)[12].to_bits(), numbers(&rows)[24].to_bits());
    assert!(difference(&rows_of(&images).unwrap(), &rows) < f64::MIN_POSITIVE);
    assert!(channels_first(&rows, [2, 3, 5]).is_err());
}

#[test]
fn what_does_not_fit_is_an_error() {
    let f64s = |name: &str, shape: &[usize]| normal(name, shape, DType::F64);
    let window = Window { side: 3, stride: 1, padding: 0 };
    let error = |result: Result<Tensor>| result.unwrap_err().to_string();
    let x = f64s("x", &[2, 1, 5, 5]);
    let wrong = error(conv2d(&x, &f64s("w", &[4, 3, 3, 3]), window));
    assert!(wrong.contains("[_, 2, 3, 3], not [4, 3, 3, 3]"), "{wrong}");
    let wrong = error(conv_transpose2d(&x, &f64s("w", &[3, 4, 3, 3]), window, 0));
    assert!(wrong.contains("[2, _, 3, 3], not [3, 4, 3, 3]"), "{wrong}");
    let wrong = error(conv2d(&x, &f64s("w", &[4, 2, 7, 7]), Window { side: 7, ..window }));
    assert!(wrong.contains("no place in 5"), "{wrong}");
    assert!(conv2d(&x, &f64s("w", &[4, 2, 3, 3]), Window { stride: 0, ..window }).is_err());
    assert!(conv_transpose2d(&x, &f64s("w", &[2, 4, 3, 3]), window, 1).is_err());
    assert!(conv2d(&x, &normal("w", &[4, 2, 3, 3], DType::F32), window).is_err());
    assert!(conv2d(&x.to_dtype(DType::U8).unwrap(), &f64s("w", &[4, 2, 3, 3]), window).is_err());
    let (weight, bias) = (f64s("weight", &[2]), f64s("bias", &[2]));
    for groups in [0, 3] {
        assert!(group_norm(&x, &weight, &bias, GroupNorm { groups, silu: false }).is_err());
    }
    assert!(group_norm(&x, &f64s("weight", &[3]), &bias, GroupNorm { groups: 1, silu: true }).is_err());
    let wrong = error(average_pool(&x, 2));
    assert!(wrong.contains("5x5 pixels cannot be cut into squares of side 2"), "{wrong}");
}
