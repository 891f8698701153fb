//! Group normalisation of planes, with SiLU behind it.

use super::Planes;
use crate::{Problems, WeightTensor};
use likely_core::lanes::{Work, exp, sum, vectorised};

/// What is added to the variance.
const EPSILON: f64 = 1e-5;

/// `f((x - m) / sqrt(v + 1e-5) weight + bias)` with mean `m` and variance `v` of a group of channels, one number of `weight` and `bias`
/// a channel, `f` SiLU: `f(z) = z / (1 + e^(-z))`. Sums and exponentials are done in double precision.
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
            let planes = wide.chunks_exact(places).zip(y.chunks_exact_mut(places));
            for ((x, y), [weight, bias]) in planes.zip(channels) {
                let scale = inverse * weight;
                let shift = bias - mean * scale;
                for (y, x) in y.iter_mut().zip(x) {
                    let z = x * scale + shift;
                    *y = (z / (1.0 + exp(-z))) as f32;
                }
            }
        }
    }
}
