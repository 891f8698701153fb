//! The network that tells the noise in a noised image.

mod planes;

pub(super) use planes::{PlanesUNet, Shifts};

use crate::images::constants::Constants;
use likely_core::EvalError;
use likely_networks::candle::{DType, Device, Error, Result as CandleResult, Tensor};
use likely_networks::graph::linear;
use likely_networks::images::{
    GroupNorm, Layer, Window, channels_first, convolution, normalised, rows_of, silu, upsample_nearest,
};
use likely_networks::{Expected, Problems, Weights};
use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

/// Frequencies of the embedding of a step, each with a sine and a cosine.
const FREQUENCIES: usize = 16;
const KEEP: Window = Window { side: 3, stride: 1, padding: 1 };
const HALVE: Window = Window { side: 3, stride: 2, padding: 1 };
const POINT: Window = Window { side: 1, stride: 1, padding: 0 };
const NORM: GroupNorm = GroupNorm { groups: 8, silu: true };

/// Channels at the full size: a multiple of the groups of a norm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub(super) struct Width(u16);

impl Width {
    pub(super) fn get(self) -> usize {
        usize::from(self.0)
    }
}

impl Default for Width {
    fn default() -> Self {
        Self(16)
    }
}

impl TryFrom<u16> for Width {
    type Error = String;

    fn try_from(width: u16) -> Result<Self, String> {
        if width > 0 && width <= 256 && usize::from(width).is_multiple_of(NORM.groups) {
            Ok(Self(width))
        } else {
            Err(format!(
                "width is {width}; it must be a multiple of {} from {} to 256",
                NORM.groups, NORM.groups
            ))
        }
    }
}

impl From<Width> for u16 {
    fn from(width: Width) -> Self {
        width.0
    }
}

/// Residual blocks: name, channels in, channels out; the sides are whole, half, a quarter, half, whole.
fn blocks(width: usize) -> [(&'static str, usize, usize); 5] {
    let [a, b, c] = [width, 2 * width, 3 * width];
    [("down.0", a, a), ("down.1", b, b), ("middle", c, c), ("up.1", 2 * b, b), ("up.0", 2 * a, a)]
}

/// Names and layers.
pub(super) fn layers(width: usize) -> Vec<(String, Layer)> {
    let convolution = |inputs, outputs| Layer::Convolution { inputs, outputs, side: 3 };
    let embedding = 4 * width;
    let mut layers = vec![
        ("time.0".to_owned(), Layer::Dense { inputs: 2 * FREQUENCIES, outputs: embedding }),
        ("time.1".to_owned(), Layer::Dense { inputs: embedding, outputs: embedding }),
        ("first".to_owned(), convolution(1, width)),
        ("halve.0".to_owned(), convolution(width, 2 * width)),
        ("halve.1".to_owned(), convolution(2 * width, 3 * width)),
        ("double.1".to_owned(), convolution(3 * width, 2 * width)),
        ("double.0".to_owned(), convolution(2 * width, width)),
        ("last_norm".to_owned(), Layer::Norm { channels: width }),
        ("last".to_owned(), convolution(width, 1)),
    ];
    for (name, inputs, outputs) in blocks(width) {
        layers.push((format!("{name}.norm.0"), Layer::Norm { channels: inputs }));
        layers.push((format!("{name}.convolution.0"), convolution(inputs, outputs)));
        layers.push((format!("{name}.time"), Layer::Dense { inputs: embedding, outputs }));
        layers.push((format!("{name}.norm.1"), Layer::Norm { channels: outputs }));
        layers.push((format!("{name}.convolution.1"), convolution(outputs, outputs)));
        if inputs != outputs {
            layers.push((format!("{name}.skip"), Layer::Convolution { inputs, outputs, side: 1 }));
        }
    }
    layers
}

/// Sines and then cosines of a step times `10000^(-i / 15)`.
///
/// # Source
/// Vaswani et al. 2017, arXiv 1706.03762, section 3.5, in the order of Ho et al. 2020.
fn frequencies(step: f64) -> [f64; 2 * FREQUENCIES] {
    std::array::from_fn(|at| {
        let i = at % FREQUENCIES;
        let angle = step * libm::exp(-libm::log(1e4) * i as f64 / (FREQUENCIES - 1) as f64);
        if at < FREQUENCIES { libm::sin(angle) } else { libm::cos(angle) }
    })
}

/// [`frequencies`] of the steps, shape `(batch, 32)`.
fn embedding(steps: &[f64], dtype: DType) -> CandleResult<Tensor> {
    let values: Vec<f64> = steps.iter().flat_map(|step| frequencies(*step)).collect();
    Tensor::from_vec(values, (steps.len(), 2 * FREQUENCIES), &Device::Cpu)?.to_dtype(dtype)
}

/// The side of square grey images of so many pixels; it can be halved twice.
pub(super) fn side_of(pixels: usize) -> Option<usize> {
    let side = pixels.isqrt();
    (pixels > 0 && side * side == pixels && side.is_multiple_of(4)).then_some(side)
}

/// The noise in square images of shape `(batch, pixels)` at the given steps, one an image; same shape.
pub(super) fn noise<'a, E: From<Error>>(
    images: &Tensor,
    steps: &[f64],
    width: usize,
    tensor: impl Fn(&str) -> Result<&'a Tensor, E> + Copy,
) -> Result<Tensor, E> {
    let time =
        silu(&linear(&embedding(steps, images.dtype())?.to_device(images.device())?, "time.0", tensor)?)?;
    let time = silu(&linear(&time, "time.1", tensor)?)?;
    let block = |x: &Tensor, (name, inputs, outputs): (&str, usize, usize)| -> Result<Tensor, E> {
        let h = normalised(x, &format!("{name}.norm.0"), NORM, tensor)?;
        let h = convolution(&h, &format!("{name}.convolution.0"), KEEP, tensor)?;
        let shift = linear(&time, &format!("{name}.time"), tensor)?.t()?.unsqueeze(2)?.unsqueeze(3)?;
        let h = h.broadcast_add(&shift)?;
        let h = normalised(&h, &format!("{name}.norm.1"), NORM, tensor)?;
        let h = convolution(&h, &format!("{name}.convolution.1"), KEEP, tensor)?;
        let skip = if inputs == outputs {
            x.clone()
        } else {
            convolution(x, &format!("{name}.skip"), POINT, tensor)?
        };
        Ok((h + skip)?)
    };
    let [down0, down1, middle, up1, up0] = blocks(width);
    let pixels = images.dim(1)?;
    let side = side_of(pixels)
        .ok_or_else(|| Error::Msg(format!("{pixels} pixels are no square whose side is a multiple of 4")))?;
    let x = convolution(&channels_first(images, [1, side, side])?, "first", KEEP, tensor)?;
    let fine = block(&x, down0)?;
    let coarse = block(&convolution(&fine, "halve.0", HALVE, tensor)?, down1)?;
    let x = block(&convolution(&coarse, "halve.1", HALVE, tensor)?, middle)?;
    // A convolution before the image is doubled costs a quarter of one after.
    let x = upsample_nearest(&convolution(&x, "double.1", KEEP, tensor)?, 2)?;
    let x = block(&Tensor::cat(&[&x, &coarse], 0)?, up1)?;
    let x = upsample_nearest(&convolution(&x, "double.0", KEEP, tensor)?, 2)?;
    let x = block(&Tensor::cat(&[&x, &fine], 0)?, up0)?;
    let x = normalised(&x, "last_norm", NORM, tensor)?;
    Ok(rows_of(&convolution(&x, "last", KEEP, tensor)?)?)
}

/// `e(x, k)`: the noise in a noised square image after step `k` of a diffusion; the side is a multiple of 4.
///
/// A residual block of `w`, `2w` and `3w` channels at the whole, the half and a quarter of the side on the way down, one each on the way up beside what
/// the way down left there; group normalisation with 8 groups, SiLU, no attention; the step enters every block.
///
/// # Source
/// Ho et al. 2020, arXiv 2006.11239, appendix B, made small.
#[derive(Debug, Clone)]
pub struct UNet {
    width: usize,
    tensors: Constants,
}

impl UNet {
    /// The tensors that a weights file holds, for `width` channels at the full size.
    pub fn expected(width: usize) -> Vec<Expected> {
        layers(width).into_iter().flat_map(|(name, layer)| layer.expected(&name)).collect()
    }

    /// The network with the given weights, evaluated in `dtype`.
    ///
    /// # Errors
    /// [`Problems`] that names the tensors that are missing or have another shape.
    pub fn load(weights: &Weights, width: usize, dtype: DType) -> Result<Self, Problems> {
        weights.check(&Self::expected(width))?;
        Ok(Self { width, tensors: Constants::new(weights, dtype)? })
    }

    /// The noise in images of shape `(batch, pixels)`, all at the same step; same shape.
    ///
    /// # Errors
    /// What candle says.
    pub fn noise(&self, images: &Tensor, step: usize) -> CandleResult<Tensor> {
        self.noise_between(images, &vec![step as f64; images.dim(0)?])
    }

    /// The noise in images, each at a place of its own between steps.
    pub(super) fn noise_between(&self, images: &Tensor, steps: &[f64]) -> CandleResult<Tensor> {
        noise(images, steps, self.width, |name: &str| self.tensors.get(name))
    }

    /// The same network on a device.
    ///
    /// # Errors
    /// What candle says.
    pub fn on(self, device: &Device) -> CandleResult<Self> {
        Ok(Self { tensors: self.tensors.on(device)?, ..self })
    }

    /// Rows as a tensor beside the network, in its precision.
    pub(super) fn tensor(&self, rows: ArrayView2<'_, f64>) -> CandleResult<Tensor> {
        self.tensors.tensor(rows)
    }

    /// The rows that `of` makes of images in double precision, in blocks that suit the device; as many columns both.
    pub(super) fn in_blocks(
        &self,
        images: ArrayView2<'_, f64>,
        pixels: usize,
        of: impl Fn(&Tensor) -> CandleResult<Tensor> + Sync,
    ) -> Result<Array2<f64>, EvalError> {
        self.tensors.in_blocks(images, [pixels, pixels], of)
    }

    /// The precision of the network.
    pub(super) fn dtype(&self) -> DType {
        self.tensors.dtype()
    }
}
