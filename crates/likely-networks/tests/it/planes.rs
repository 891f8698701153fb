//! Layers by hand beside loops that follow their definition.

use likely_core::Seed;
use likely_networks::Weights;
use likely_networks::planes::{Activation, Convolution, Depthwise, Footprint, GroupNormSilu, Layer, Planes};
use rand::Rng;

/// Numbers in [-1, 1).
fn numbers(name: &str, count: usize) -> Vec<f32> {
    let mut rng = Seed::new(3).stream(&[("numbers", name)]);
    (0..count).map(|_| rng.random_range(-1.0..1.0)).collect()
}

fn image(channels: usize, height: usize, width: usize) -> Planes {
    let values = numbers("image", channels * height * width);
    Planes::from_numbers(values.into_iter(), [channels, height, width])
}

fn weight(shape: [usize; 4]) -> Weights {
    let mut weights = Weights::new();
    weights.insert("w", &shape, numbers("weight", shape.iter().product())).unwrap();
    weights
}

/// The pixel under a tap, or none in the padding.
fn pixel(x: &Planes, c: usize, place: [usize; 2], tap: [usize; 2], footprint: Footprint) -> Option<f32> {
    let [_, height, width] = x.shape();
    let at =
        [0, 1].map(|axis| (place[axis] * footprint.stride + tap[axis]).checked_sub(footprint.before[axis]));
    match at {
        [Some(row), Some(column)] if row < height && column < width => {
            Some(x.values()[(c * height + row) * width + column])
        }
        _ => None,
    }
}

/// What `of` makes of the pixels under the kernel, channel by channel, place by place.
fn by_definition(
    x: &Planes,
    channels: usize,
    footprint: Footprint,
    of: impl Fn(usize, &dyn Fn(usize, usize, usize) -> Option<f32>) -> f64,
) -> Vec<f64> {
    let [height, width] = footprint.places([x.shape()[1], x.shape()[2]]);
    let mut y = Vec::new();
    for o in 0..channels {
        for p in 0..height {
            for q in 0..width {
                y.push(of(o, &|c, i, j| pixel(x, c, [p, q], [i, j], footprint)));
            }
        }
    }
    y
}

fn activated(activation: Activation, x: f64) -> f64 {
    match activation {
        Activation::Linear => x,
        Activation::Relu => x.max(0.0),
        Activation::Relu6 => x.clamp(0.0, 6.0),
    }
}

fn assert_close(found: &Planes, expected: &[f64], what: &str) {
    assert_eq!(found.values().len(), expected.len(), "{what}");
    for (place, (found, expected)) in found.values().iter().zip(expected).enumerate() {
        assert!((f64::from(*found) - expected).abs() < 2e-5, "{what}, place {place}: {found} and {expected}");
    }
}

fn footprints() -> Vec<Footprint> {
    vec![
        Footprint::new([1, 1], 1, [0, 0]),
        Footprint::new([3, 3], 1, [1, 1]),
        Footprint::new([3, 3], 2, [0, 0]),
        Footprint::new([5, 5], 1, [2, 2]),
        Footprint::new([1, 7], 1, [0, 3]),
        Footprint::new([7, 1], 1, [3, 0]),
        Footprint::new([2, 3], 3, [1, 2]),
        Footprint { kernel: [3, 3], stride: 2, before: [0, 0], after: [1, 1] },
    ]
}

#[test]
fn convolutions_follow_their_definition() {
    let mut tried = 0;
    for footprint in footprints() {
        // Sizes about the width of a panel, outputs about the size of a block.
        for ([height, width], outputs) in [([7, 7], 5), ([8, 9], 12), ([17, 17], 13), ([9, 40], 30)] {
            for activation in [Activation::Linear, Activation::Relu, Activation::Relu6] {
                let (inputs, [kernel_height, kernel_width]) = (3, footprint.kernel);
                let x = image(inputs, height, width);
                let weights = weight([outputs, inputs, kernel_height, kernel_width]);
                let w = weights.get("w").unwrap().values();
                let bias = numbers("bias", outputs);
                let expected = by_definition(&x, outputs, footprint, |o, pixel| {
                    let mut sum = f64::from(bias[o]);
                    for c in 0..inputs {
                        for i in 0..kernel_height {
                            for j in 0..kernel_width {
                                let w = w[((o * inputs + c) * kernel_height + i) * kernel_width + j];
                                sum += f64::from(w) * f64::from(pixel(c, i, j).unwrap_or(0.0));
                            }
                        }
                    }
                    activated(activation, sum)
                });
                let convolution =
                    Convolution::new(weights.get("w").unwrap(), bias, footprint, activation).unwrap();
                let what = format!("{footprint:?}, {height} x {width}, {outputs}, {activation:?}");
                assert_close(&convolution.apply(&x), &expected, &what);
                tried += 1;
            }
        }
    }
    assert_eq!(tried, 96);
}

#[test]
fn depthwise_convolutions_and_pools_follow_their_definition() {
    let mut tried = 0;
    for footprint in footprints() {
        for [height, width] in [[7, 7], [12, 33]] {
            let (channels, [kernel_height, kernel_width]) = (4, footprint.kernel);
            let x = image(channels, height, width);
            let weights = weight([channels, 1, kernel_height, kernel_width]);
            let w = weights.get("w").unwrap().values();
            let bias = numbers("bias", channels);
            let taps = || (0..kernel_height).flat_map(|i| (0..kernel_width).map(move |j| (i, j)));
            let expected = by_definition(&x, channels, footprint, |o, pixel| {
                let tap = |(i, j)| {
                    let w = w[(o * kernel_height + i) * kernel_width + j];
                    f64::from(w) * f64::from(pixel(o, i, j).unwrap_or(0.0))
                };
                (f64::from(bias[o]) + taps().map(tap).sum::<f64>()).max(0.0)
            });
            let depthwise =
                Depthwise::new(weights.get("w").unwrap(), bias, footprint, Activation::Relu).unwrap();
            assert_close(&depthwise.apply(&x), &expected, &format!("{footprint:?}"));
            tried += 1;
            // Padding wider than half the kernel leaves places without a pixel, which no pool has.
            if footprint.before[0] * 2 > kernel_height || footprint.before[1] * 2 > kernel_width {
                continue;
            }
            let pixels = |o: usize, pixel: &dyn Fn(usize, usize, usize) -> Option<f32>| -> Vec<f64> {
                taps().filter_map(|(i, j)| pixel(o, i, j)).map(f64::from).collect()
            };
            let maxima = by_definition(&x, channels, footprint, |o, pixel| {
                pixels(o, pixel).into_iter().fold(f64::NEG_INFINITY, f64::max)
            });
            assert_close(
                &Layer::MaximumPool(footprint).apply(&x),
                &maxima,
                &format!("maxima, {footprint:?}"),
            );
            let means = by_definition(&x, channels, footprint, |o, pixel| {
                let pixels = pixels(o, pixel);
                pixels.iter().sum::<f64>() / pixels.len() as f64
            });
            assert_close(&Layer::AveragePool(footprint).apply(&x), &means, &format!("means, {footprint:?}"));
            tried += 2;
        }
    }
    assert_eq!(tried, 44);
}

#[test]
fn branches_stand_one_after_the_other_and_residuals_are_added() {
    let pool = || Layer::MaximumPool(Footprint::new([3, 3], 1, [1, 1]));
    let x = image(2, 5, 6);
    let pooled = pool().apply(&x);
    let both = Layer::Branches(vec![vec![], vec![pool()]]).apply(&x);
    assert_eq!(both.shape(), [4, 5, 6]);
    assert_eq!(both.values(), [x.values(), pooled.values()].concat());
    let sum = Layer::Residual(vec![pool()]).apply(&x);
    assert!(
        sum.values()
            .iter()
            .zip(x.values().iter().zip(pooled.values()))
            .all(|(s, (a, b))| { s.to_bits() == (a + b).to_bits() })
    );
    let means: Vec<f64> = x.means().collect();
    let first: f64 = x.values()[..30].iter().map(|value| f64::from(*value)).sum();
    assert!(means.len() == 2 && (means[0] - first / 30.0).abs() < 1e-12);
}

#[test]
fn what_is_not_finite_stays_so() {
    let footprint = Footprint::new([1, 1], 1, [0, 0]);
    let weights = weight([20, 1, 1, 1]);
    for activation in [Activation::Linear, Activation::Relu, Activation::Relu6] {
        let convolution =
            Convolution::new(weights.get("w").unwrap(), vec![0.0; 20], footprint, activation).unwrap();
        let mut x = image(1, 6, 6);
        assert!(convolution.apply(&x).is_finite());
        x.values_mut()[17] = f32::NAN;
        let y = convolution.apply(&x);
        assert!(!y.is_finite() && y.values()[17].is_nan() && y.values()[16].is_finite());
    }
}

#[test]
fn weights_of_another_shape_are_refused() {
    let footprint = Footprint::new([3, 3], 1, [1, 1]);
    let new = |shape, biases| {
        let weights = weight(shape);
        let tensor = weights.get("w").unwrap();
        let full = Convolution::new(tensor, vec![0.0; biases], footprint, Activation::Relu).err();
        let alone = Depthwise::new(tensor, vec![0.0; biases], footprint, Activation::Relu).err();
        [full, alone].map(|error| error.map(|error| error.to_string()).unwrap_or_default())
    };
    assert_eq!(new([4, 1, 3, 3], 4), ["", ""]);
    let wrong = new([4, 2, 3, 1], 4);
    assert!(wrong[0].contains("[4, 2, 3, 1] and 4 biases are no convolution"), "{wrong:?}");
    assert!(wrong[1].contains("[4, 2, 3, 1] and 4 biases are no depthwise convolution"), "{wrong:?}");
    assert!(new([4, 1, 3, 3], 3).iter().all(|wrong| wrong.contains("3 biases")));
}

#[test]
fn a_norm_in_groups_follows_its_definition() {
    let mut tried = 0;
    for (channels, groups) in [(6, 1), (6, 3), (8, 8)] {
        for [height, width] in [[1, 1], [5, 3], [9, 14]] {
            let x = image(channels, height, width);
            let mut weights = Weights::new();
            for name in ["w", "b"] {
                weights.insert(name, &[channels], numbers(name, channels)).unwrap();
            }
            let [w, b] = ["w", "b"].map(|name| weights.get(name).unwrap());
            let norm = GroupNormSilu::new(w, b, groups).unwrap();
            let places = height * width;
            let mut expected = Vec::new();
            for group in x.values().chunks_exact(channels / groups * places) {
                let count = group.len() as f64;
                let mean = group.iter().map(|x| f64::from(*x)).sum::<f64>() / count;
                let variance = group.iter().map(|x| (f64::from(*x) - mean).powi(2)).sum::<f64>() / count;
                for x in group {
                    let channel = expected.len() / places;
                    let z = (f64::from(*x) - mean) / (variance + 1e-5).sqrt();
                    let z = z * f64::from(w.values()[channel]) + f64::from(b.values()[channel]);
                    expected.push(z / (1.0 + (-z).exp()));
                }
            }
            assert_close(&norm.apply(&x), &expected, &format!("{channels} in {groups}, {height} x {width}"));
            tried += 1;
        }
    }
    assert_eq!(tried, 9);
    let mut weights = Weights::new();
    weights.insert("w", &[6], vec![1.0; 6]).unwrap();
    let w = weights.get("w").unwrap();
    assert!(GroupNormSilu::new(w, w, 4).unwrap_err().to_string().contains("in 4 groups"));
}

#[test]
fn doubled_planes_are_squares_and_sums_go_to_their_places() {
    let x = Planes::from_numbers([1.0, 2.0, 3.0, 4.0, 5.0, 6.0].into_iter(), [2, 1, 3]);
    let doubled = x.doubled();
    assert_eq!(doubled.shape(), [2, 2, 6]);
    let row = |a: f32, b: f32, c: f32| [a, a, b, b, c, c];
    let [upper, lower] = [row(1.0, 2.0, 3.0), row(4.0, 5.0, 6.0)];
    assert_eq!(doubled.values(), [upper, upper, lower, lower].concat());
    let mut sum = x.clone();
    sum.add_to_channels(&[10.0, 20.0]);
    sum.add(&x);
    assert_eq!(sum.values(), [12.0, 14.0, 16.0, 28.0, 30.0, 32.0]);
    assert_eq!(Planes::together(&[&x, &sum]).values(), [x.values(), sum.values()].concat());
}
