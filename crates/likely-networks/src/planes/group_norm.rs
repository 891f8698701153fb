//! Group normalisation of planes, with SiLU behind it.

use super::Planes;
use crate::{Problems, WeightTensor};
use likely_core::lanes::{Work, sum, vectorised};

/// What is added to the variance.
const EPSILON: f64 = 1e-5;

/// `f((x - m) / sqrt(v + 1e-5) weight + bias)` with mean `m` and variance `v` of a group of channels, one number of `weight` and `bias`
/// a channel, `f` SiLU: `f(z) = z / (1 + e^(-z))`. Mean and variance are summed in double precision.
///
/// # Source
/// Wu and He 2018, arXiv 1803.08494; `torch.nn.GroupNorm` and `torch.nn.SiLU`.
#[derive(Debug, Clone)]
pub struct GroupNormSilu {
    groups: usize,
    /// Weight and bias of each channel.
    channels: Vec<[f64; 2]>,
}

impl GroupNormSilu {
    /// From weight and bias of shape `(channels)`, in `groups` groups of as many channels.
    ///
    /// # Errors
    /// [`Problems`] where they do not fit together.
    pub fn new(weight: &WeightTensor, bias: &WeightTensor, groups: usize) -> Result<Self, Problems> {
        match (weight.shape(), bias.shape()) {
            (&[channels], &[biases])
                if channels == biases && channels > 0 && groups > 0 && channels.is_multiple_of(groups) =>
            {
                let pairs = weight.values().iter().zip(bias.values());
                Ok(Self { groups, channels: pairs.map(|(w, b)| [f64::from(*w), f64::from(*b)]).collect() })
            }
            (weight, bias) => Err(Problems(vec![format!(
                "a weight of shape {weight:?} and a bias of shape {bias:?} are no normalisation in {groups} groups"
            )])),
        }
    }

    /// The image after it.
    ///
    /// # Panics
    /// Where the image has other channels.
    pub fn apply(&self, x: &Planes) -> Planes {
        assert_eq!(x.channels, self.channels.len(), "an image with the channels of the normalisation");
        let mut y = Planes::zeros(x.channels, x.height, x.width);
        if x.height * x.width > 0 {
            vectorised(Apply { norm: self, places: x.height * x.width, x: x.values(), y: y.values_mut() });
        }
        y
    }
}

/// Added to a number below 2^22 it leaves the nearest integer in the lowest bits.
const TO_INTEGER: f32 = 12_582_912.0;
/// Between these bounds the exponential is a normal number.
const EXPONENTS: [f32; 2] = [-87.0, 88.0];
/// `ln 2` in two parts, the first with so few bits that its products with exponents are exact.
const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];

/// `e^x` to about two units in the last place, of the nearest bound beyond [`EXPONENTS`]; NaN for NaN.
#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
fn exp(x: f32) -> f32 {
    let x = if x < EXPONENTS[0] { EXPONENTS[0] } else { x };
    let x = if x > EXPONENTS[1] { EXPONENTS[1] } else { x };
    let shifted = x * std::f32::consts::LOG2_E + TO_INTEGER;
    let n = shifted - TO_INTEGER;
    let r = (x - n * LN_2[0]) - n * LN_2[1];
    // Taylor series to r^7, |r| <= ln(2) / 2: the rest is below 1e-8.
    let tail = ((1.0 / 5040.0 * r + 1.0 / 720.0) * r + 1.0 / 120.0) * r + 1.0 / 24.0;
    let series = 1.0 + (r + r * r * (0.5 + r * (1.0 / 6.0 + r * tail)));
    series * f32::from_bits((shifted.to_bits() << 23).wrapping_add(127 << 23))
}

struct Apply<'a> {
    norm: &'a GroupNormSilu,
    places: usize,
    x: &'a [f32],
    y: &'a mut [f32],
}

impl Work for Apply<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn run(self) {
        let Self { norm: GroupNormSilu { groups, channels }, places, x, y } = self;
        let together = channels.len() / groups;
        let mut wide = vec![0.0_f64; together * places];
        let of_groups = x.chunks_exact(wide.len()).zip(y.chunks_exact_mut(wide.len()));
        for ((x, y), channels) in of_groups.zip(channels.chunks_exact(together)) {
            wide.iter_mut().zip(x).for_each(|(wide, x)| *wide = f64::from(*x));
            let count = wide.len() as f64;
            let mean = sum(&wide, &wide, |x, _| x) / count;
            let variance = sum(&wide, &wide, |x, _| (x - mean) * (x - mean)) / count;
            let inverse = 1.0 / (variance + EPSILON).sqrt();
            let planes = x.chunks_exact(places).zip(y.chunks_exact_mut(places));
            for ((x, y), [weight, bias]) in planes.zip(channels) {
                let scale = inverse * weight;
                let (scale, shift) = (scale as f32, (bias - mean * scale) as f32);
                for (y, x) in y.iter_mut().zip(x) {
                    let z = x * scale + shift;
                    *y = z / (1.0 + exp(-z));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_is_that_of_double_precision() {
        let mut worst: f64 = 0.0;
        for step in -87_000..=88_000 {
            let x = step as f32 / 1000.0;
            let wanted = f64::from(x).exp();
            worst = worst.max((f64::from(exp(x)) / wanted - 1.0).abs());
        }
        assert!(worst < 2.0 * f64::from(f32::EPSILON), "{worst:e}");
        assert!(exp(f32::NAN).is_nan());
        assert_eq!((exp(-1e9).to_bits(), exp(1e9).to_bits()), (exp(-87.0).to_bits(), exp(88.0).to_bits()));
    }
}
