//! Layers composed of candle's operations, as other devices take them: on the processor they give the values and the gradients of the
//! layers of our own.

use crate::images::{WINDOWS, difference, normal};
use likely_networks::candle::{DType, Result, Tensor, Var};
use likely_networks::images::{
    GroupNorm, Window, average_pool, composed, conv_transpose2d, conv2d, group_norm, silu, upsample_nearest,
};

/// A layer on its arguments.
type LayerFn<'a> = &'a dyn Fn(&[Tensor]) -> Result<Tensor>;

/// Compares `composed` with `ours` on arguments of the given shapes: the values, and the gradients of `sum(probe y)` in every
/// argument. Returns the number of comparisons.
fn same(name: &str, shapes: &[&[usize]], ours: LayerFn<'_>, composed: LayerFn<'_>) -> usize {
    let mut compared = 0;
    for (dtype, tolerance) in [(DType::F32, 1e-5), (DType::F64, 1e-12)] {
        let arguments: Vec<Var> = shapes
            .iter()
            .enumerate()
            .map(|(k, shape)| Var::from_tensor(&normal(&format!("{name} {k}"), shape, dtype)).unwrap())
            .collect();
        let tensors: Vec<Tensor> = arguments.iter().map(|argument| argument.as_tensor().clone()).collect();
        let (ours, composed) = (ours(&tensors).unwrap(), composed(&tensors).unwrap());
        let off = difference(&composed, &ours);
        assert!(off < tolerance, "{name} {shapes:?} {dtype:?}: {off:e}");
        let probe = normal("probe", ours.dims(), dtype);
        let gradients = |y: &Tensor| (y * &probe).unwrap().sum_all().unwrap().backward().unwrap();
        let (ours, composed) = (gradients(&ours), gradients(&composed));
        for (k, argument) in arguments.iter().enumerate() {
            let off = difference(composed.get(argument).unwrap(), ours.get(argument).unwrap());
            assert!(off < tolerance, "{name} {shapes:?}, gradient in argument {k}, {dtype:?}: {off:e}");
            compared += 1;
        }
        compared += 1;
    }
    compared
}

/// Channels in and out, batch, height and width; the sides leave different rests behind the last place.
const IMAGES: [[usize; 5]; 4] = [[1, 1, 1, 7, 7], [3, 5, 4, 9, 6], [2, 3, 2, 8, 5], [16, 4, 20, 14, 14]];

#[test]
fn composed_convolutions_are_those_of_our_own() {
    let mut compared = 0;
    for &(side, stride, padding) in WINDOWS {
        let window = Window { side, stride, padding };
        let name = format!("{window:?}");
        for [inputs, outputs, batch, height, width] in IMAGES {
            compared += same(
                &name,
                &[&[inputs, batch, height, width], &[outputs, inputs, side, side]],
                &|a| conv2d(&a[0], &a[1], window),
                &|a| composed::conv2d(&a[0], &a[1], window),
            );
            for extra in 0..stride {
                compared += same(
                    &name,
                    &[&[inputs, batch, height, width], &[inputs, outputs, side, side]],
                    &|a| conv_transpose2d(&a[0], &a[1], window, extra),
                    &|a| composed::conv_transpose2d(&a[0], &a[1], window, extra),
                );
            }
        }
    }
    // Six comparisons for each of two kinds of numbers; strides of 1, 2 and 3 have as many transposed convolutions.
    assert_eq!(compared, 6 * IMAGES.len() * (WINDOWS.len() + 13));
}

#[test]
fn the_other_composed_layers_are_those_of_our_own() {
    let mut compared = 0;
    for silu in [false, true] {
        for (channels, groups) in [(1, 1), (6, 3), (8, 8), (12, 1)] {
            let norm = GroupNorm { groups, silu };
            compared += same(
                "group norm",
                &[&[channels, 5, 4, 7], &[channels], &[channels]],
                &|a| group_norm(&a[0].affine(3.0, 0.7)?, &a[1], &a[2], norm),
                &|a| composed::group_norm(&a[0].affine(3.0, 0.7)?, &a[1], &a[2], norm),
            );
        }
    }
    let image: &[&[usize]] = &[&[3, 2, 6, 4]];
    compared += same("silu", image, &|a| silu(&a[0]), &|a| composed::silu(&a[0]));
    for factor in [1, 2, 3] {
        compared += same("up-sampling", image, &|a| upsample_nearest(&a[0], factor), &|a| {
            composed::upsample_nearest(&a[0], factor)
        });
    }
    for factor in [1, 2] {
        compared += same("pooling", image, &|a| average_pool(&a[0], factor), &|a| {
            composed::average_pool(&a[0], factor)
        });
    }
    assert_eq!(compared, 8 * 8 + 6 * 4);
}

#[test]
fn what_does_not_fit_is_an_error_in_composed_layers_too() {
    let f64s = |name: &str, shape: &[usize]| normal(name, shape, DType::F64);
    let window = Window { side: 3, stride: 2, padding: 0 };
    let x = f64s("x", &[2, 1, 5, 5]);
    let (weight, bias) = (f64s("weight", &[2]), f64s("bias", &[2]));
    let norm = |groups| GroupNorm { groups, silu: false };
    let wrong = [
        (composed::conv2d(&x, &f64s("w", &[4, 3, 3, 3]), window), "[_, 2, 3, 3], not [4, 3, 3, 3]"),
        (composed::conv2d(&x, &f64s("w", &[4, 2, 1, 3]), window), "[_, 2, 3, 3], not [4, 2, 1, 3]"),
        (composed::conv2d(&x, &f64s("w", &[4, 2, 7, 7]), Window { side: 7, ..window }), "no place in 5"),
        (composed::conv2d(&x, &f64s("w", &[4, 2, 3, 3]), Window { stride: 0, ..window }), "no place in 5"),
        (
            composed::conv_transpose2d(&x, &f64s("w", &[3, 4, 3, 3]), window, 0),
            "[2, _, 3, 3], not [3, 4, 3, 3]",
        ),
        (composed::conv_transpose2d(&x, &f64s("w", &[2, 4, 3, 3]), window, 2), "belong to further places"),
        (composed::group_norm(&x, &weight, &bias, norm(0)), "do not fit images"),
        (composed::group_norm(&x, &weight, &bias, norm(3)), "do not fit images"),
        (composed::average_pool(&x, 2), "5x5 pixels cannot be cut into squares of side 2"),
        (composed::average_pool(&x, 0), "cannot be cut into squares of side 0"),
        (composed::upsample_nearest(&x, 0), "side 0"),
    ];
    for (result, part) in wrong {
        let text = result.unwrap_err().to_string();
        assert!(text.contains(part), "{text}");
    }
}
