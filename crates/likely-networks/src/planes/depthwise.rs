//! Convolutions of each channel by itself.

use super::convolution::{Activation, Footprint};
use super::padded::Source;
use super::{Planes, SLACK};
use crate::{Problems, WeightTensor};
use pulp::{Arch, Simd, WithSimd};

/// A convolution `y[c, p, q] = a(bias[c] + sum_(i, j) weight[c, 0, i, j] x[c, p stride + i - top, q stride + j - left])`.
///
/// # Source
/// `torch.nn.functional.conv2d` with as many groups as channels.
#[derive(Debug, Clone)]
pub struct Depthwise {
    footprint: Footprint,
    activation: Activation,
    /// Kernel by kernel.
    weights: Vec<f32>,
    bias: Vec<f32>,
}

impl Depthwise {
    /// From a weight of shape `(channels, 1, height, width)` and a number to add for each channel.
    ///
    /// # Errors
    /// [`Problems`] where they do not fit together.
    pub fn new(
        weight: &WeightTensor,
        bias: Vec<f32>,
        footprint: Footprint,
        activation: Activation,
    ) -> Result<Self, Problems> {
        let [height, width] = footprint.kernel;
        if weight.shape() != [bias.len(), 1, height, width] || bias.is_empty() {
            return Err(Problems(vec![format!(
                "a weight of shape {:?} and {} biases are no depthwise convolution with kernels of {:?}",
                weight.shape(),
                bias.len(),
                footprint.kernel
            )]));
        }
        Ok(Self { footprint, activation, weights: weight.values().to_vec(), bias })
    }

    /// The image after it.
    ///
    /// # Panics
    /// Where the image has other channels.
    pub fn apply(&self, x: &Planes) -> Planes {
        assert_eq!(x.channels, self.bias.len(), "an image with the channels of the convolution");
        let [height, width] = self.footprint.places([x.height, x.width]);
        let mut y = Planes::zeros(x.channels, height, width);
        let mut padded = Vec::new();
        let source = Source::new(x, self.footprint, &mut padded);
        Arch::new().dispatch(Apply { convolution: self, source, width, y: &mut y });
        y
    }
}

struct Apply<'a> {
    convolution: &'a Depthwise,
    source: Source<'a>,
    width: usize,
    y: &'a mut Planes,
}

impl WithSimd for Apply<'_> {
    type Output = ();

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { convolution: Depthwise { footprint, activation, weights, bias }, source, width, y } = self;
        let [kernel_height, kernel_width] = footprint.kernel;
        let taps = kernel_height * kernel_width;
        // A row in whole vectors.
        let vectors = width.div_ceil(S::F32_LANES);
        let mut row = vec![0.0_f32; vectors * S::F32_LANES];
        let (height, plane) = (y.height, y.height * y.width);
        debug_assert!(S::F32_LANES <= SLACK);
        for (c, out) in y.values_mut().chunks_exact_mut(plane.max(1)).enumerate() {
            let kernel = &weights[c * taps..][..taps];
            for p in 0..height {
                row.fill(bias[c]);
                let sums = S::as_mut_simd_f32s(&mut row).0;
                for i in 0..kernel_height {
                    for j in 0..kernel_width {
                        let from = source.place(p, 0) + source.tap(c, i, j);
                        let weight = simd.splat_f32s(kernel[i * kernel_width + j]);
                        let line = S::as_simd_f32s(&source.values[from..][..vectors * S::F32_LANES]).0;
                        for (sum, x) in sums.iter_mut().zip(line) {
                            *sum = simd.mul_add_e_f32s(weight, *x, *sum);
                        }
                    }
                }
                for sum in sums {
                    *sum = activation.of(simd, *sum);
                }
                out[p * width..][..width].copy_from_slice(&row[..width]);
            }
        }
    }
}
