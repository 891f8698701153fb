//! The networks of the autoencoder, and its likelihood.

use crate::learned;
use likely_core::Lanes;
use likely_core::Number;
use likely_core::lanes::{LANES, Work, vectorised};
use likely_networks::{Activation, Dense, Expected, Mlp, MlpShape, Problems, Weights};
use std::f64::consts::TAU;

/// Numbers between the layers.
const WIDTH: usize = 100;
/// The first layer of the encoder.
pub(super) const ENCODER: &str = "encoder";
/// The mean of a latent point, from the first layer.
pub(super) const MEAN_HEAD: &str = "mean_head";
/// Its variances, through a sigmoid.
pub(super) const VARIANCE_HEAD: &str = "variance_head";
/// The layers of the decoder: `decoder.0` and `decoder.1`.
pub(super) const DECODER: &str = "decoder";
/// Logarithm of the standard deviation around a decoded point.
pub(super) const LOG_SCALE: &str = "log_scale";

/// `q(z | x) = N(mu(x), diag v(x))` and `p(x | z) = N(g(z), s^2)` with `z` standard normal in the plane and `x` in space.
///
/// The encoder is 3-100 with heads 100-2 for the mean and, through a sigmoid, for the variances; the decoder is 2-100-3;
/// the nonlinearity is ELU. The scale `s` is one number.
#[derive(Debug, Clone, PartialEq)]
pub struct Vae {
    /// From a point to the mean and the logits of the variances.
    pub(super) encoder: Mlp,
    pub(super) decoder: Mlp,
    pub(super) log_scale: f64,
}

impl Vae {
    /// Inputs and outputs of the layers apart from the decoder's.
    pub(super) fn layers() -> [(&'static str, usize, usize); 3] {
        [(ENCODER, 3, WIDTH), (MEAN_HEAD, WIDTH, 2), (VARIANCE_HEAD, WIDTH, 2)]
    }

    /// The shape of the decoder.
    pub(super) fn decoder_shape() -> MlpShape {
        MlpShape::new(vec![2, WIDTH, 3], Activation::Elu).expect("layers of usual widths")
    }

    /// The tensors that a weights file holds.
    pub fn expected() -> Vec<Expected> {
        let mut expected: Vec<Expected> = Self::layers()
            .into_iter()
            .flat_map(|(name, inputs, outputs)| Dense::expected(name, inputs, outputs))
            .collect();
        expected.extend(Self::decoder_shape().expected(DECODER));
        expected.push(Expected::new(LOG_SCALE, &[1]));
        expected
    }

    /// The model with the given weights.
    ///
    /// # Errors
    /// [`Problems`] that names the tensors that are missing or have another shape.
    pub fn load(weights: &Weights) -> Result<Self, Problems> {
        weights.check(&Self::expected())?;
        // Both heads as one layer: the mean, then the logits of the variances.
        let both = |part: &str| -> Result<Vec<f64>, Problems> {
            let [mean, variance] =
                [MEAN_HEAD, VARIANCE_HEAD].map(|head| weights.get(&format!("{head}.{part}")));
            Ok([mean?.widened(), variance?.widened()].concat())
        };
        let heads = Dense::new(&both("weight")?, &both("bias")?)?;
        let encoder = Mlp::new(vec![Dense::load(weights, ENCODER, 3, WIDTH)?, heads], Activation::Elu)?;
        let decoder = Mlp::load(weights, DECODER, &Self::decoder_shape())?;
        let [log_scale] = learned::numbers(weights, LOG_SCALE)?;
        Ok(Self { encoder, decoder, log_scale })
    }

    /// The mean of the encoder at a point.
    pub fn encode(&self, x: [f64; 3]) -> [f64; 2] {
        let (mut y, mut work) = ([0.0; 4], vec![0.0; self.encoder.workspace()]);
        self.encoder.value(&x, &mut y, &mut work);
        [y[0], y[1]]
    }

    /// The point that a latent point is decoded into.
    pub fn decode(&self, z: [f64; 2]) -> [f64; 3] {
        let (mut x, mut work) = ([0.0; 3], vec![0.0; self.decoder.workspace()]);
        self.decoder.value(&z, &mut x, &mut work);
        x
    }

    /// Standard deviation around a decoded point.
    pub fn scale(&self) -> f64 {
        libm::exp(self.log_scale)
    }

    /// `log p(x)` by importance sampling from the encoder with the given normal numbers, and the evidence bound.
    pub(super) fn log_likelihood(&self, x: [f64; 3], noise: &[[f64; 2]]) -> (f64, f64) {
        let weights = vectorised(LogWeights { vae: self, x, noise });
        let top = weights.iter().fold(f64::NEG_INFINITY, |top, w| top.max(*w));
        let count = weights.len() as f64;
        let sum: f64 = weights.iter().map(|w| libm::exp(w - top)).sum();
        (top + libm::log(sum / count), weights.iter().sum::<f64>() / count)
    }
}

/// `log p(x, z_k) - log q(z_k | x)` for samples `z_k` of the encoder.
struct LogWeights<'a> {
    vae: &'a Vae,
    x: [f64; 3],
    noise: &'a [[f64; 2]],
}

impl Work for LogWeights<'_> {
    type Output = Vec<f64>;

    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn run(self) -> Vec<f64> {
        let Vae { encoder, decoder, log_scale } = self.vae;
        let zero = Lanes::constant(0.0);
        let mut work = vec![zero; encoder.workspace().max(decoder.workspace())];
        let x = self.x.map(Lanes::constant);
        let mut heads = [zero; 4];
        encoder.value(&x, &mut heads, &mut work);
        let deviations = [heads[2].sigmoid().sqrt(), heads[3].sigmoid().sqrt()];
        let precision = libm::exp(-2.0 * log_scale);
        let constant = -3.0 * log_scale - 1.5 * libm::log(TAU);
        let mut weights = Vec::with_capacity(self.noise.len());
        for noise in self.noise.chunks(LANES) {
            let mut z = [zero; 2];
            let mut log = (deviations[0] * deviations[1]).ln().shifted(constant);
            for (j, z) in z.iter_mut().enumerate() {
                let noise = Lanes(std::array::from_fn(|l| noise[l.min(noise.len() - 1)][j]));
                *z = heads[j] + deviations[j] * noise;
                log = log + (noise * noise - *z * *z).scaled(0.5);
            }
            let mut decoded = [zero; 3];
            decoder.value(&z, &mut decoded, &mut work);
            for (x, decoded) in x.iter().zip(decoded) {
                let gap = *x - decoded;
                log = log - (gap * gap).scaled(0.5 * precision);
            }
            weights.extend(&log.0[..noise.len()]);
        }
        weights
    }
}
