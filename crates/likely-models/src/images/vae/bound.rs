//! Minus the evidence bound of images, sample by sample, and what samples say of their likelihood.

use super::ImageVae;
use crate::images::decoder::Decodes;
use likely_core::{EvalError, ImageLikelihood, ImageLikelihoods, ImageSpace, Seed};
use likely_networks::candle::{DType, Device, Result, Tensor};
use ndarray::{Array1, ArrayView2, Axis};
use rand::Rng;
use rand_distr::StandardNormal;
use rayon::prelude::*;
use std::f64::consts::TAU;

/// Samples of the latent point for the likelihood of an image.
pub(super) const SAMPLES: usize = 64;
/// Root of the noise of all likelihoods: the same for all models and runs, so that they can be compared.
const NOISE: Seed = Seed::new(20_260_101);

/// What each sample of the latent point adds to minus the bound, shape `(batch, samples)`, from images of shape
/// `(batch, pixels)` and noise of shape `(samples, latent)`:
/// `log q(z | x) - log p(z) - log p(x | z) = sum_j (z_j^2 - e_j^2 - log v_j) / 2 + |x - g(z)|^2 / 2 s^2 + D log s + (D/2) log 2 pi`
/// with `z = mu(x) + sqrt(v(x)) e` and `D` pixels.
///
/// The mean over samples estimates minus the bound; `-log` of the mean of `exp` of minus the numbers estimates `-log p(x)`.
///
/// # Source
/// Kingma and Welling 2014, arXiv 1312.6114, equation 2; Burda et al. 2016, arXiv 1509.00519, equation 8.
pub(super) fn minus_bound(vae: &ImageVae, images: &Tensor, noise: &Tensor) -> Result<Tensor> {
    let ((batch, pixels), (samples, latent)) = (images.dims2()?, noise.dims2()?);
    let [mean, log_variance] = vae.encoded(images)?;
    let [mean, log_variance] = [mean.unsqueeze(1)?, log_variance.unsqueeze(1)?];
    let noise = noise.unsqueeze(0)?;
    let z = mean.broadcast_add(&(&log_variance * 0.5)?.exp()?.broadcast_mul(&noise)?)?;
    let of_latent = z.sqr()?.broadcast_sub(&noise.sqr()?)?.broadcast_sub(&log_variance)?.sum(2)?;
    let decoded = vae.decoded(&z.reshape((batch * samples, latent))?)?.reshape((batch, samples, pixels))?;
    let gaps = images.unsqueeze(1)?.broadcast_sub(&decoded)?.sqr()?.sum(2)?;
    let precision = libm::exp(-2.0 * vae.log_scale());
    let constant = pixels as f64 * (vae.log_scale() + 0.5 * libm::log(TAU));
    (of_latent + (gaps * precision)?)?.affine(0.5, constant)
}

/// Noise of shape `(samples, latent)` from a stream.
pub(super) fn noise(stream: &mut impl Rng, samples: usize, latent: usize) -> Result<Tensor> {
    let noise: Vec<f64> = (0..samples * latent).map(|_| stream.sample(StandardNormal)).collect();
    Tensor::from_vec(noise, (samples, latent), &Device::Cpu)
}

/// The importance estimate of `log p(x)` of one image, and its evidence bound.
pub(super) fn log_likelihood_and_bound(vae: &ImageVae, image: &Tensor, noise: &Tensor) -> Result<[f64; 2]> {
    let terms = minus_bound(vae, image, noise)?.to_dtype(DType::F64)?;
    let logs: Vec<f64> = terms.flatten_all()?.to_vec1::<f64>()?.into_iter().map(|s| -s).collect();
    let count = logs.len() as f64;
    let top = logs.iter().fold(f64::NEG_INFINITY, |top, log| top.max(*log));
    let sum: f64 = logs.iter().map(|log| libm::exp(log - top)).sum();
    Ok([top + libm::log(sum / count), logs.iter().sum::<f64>() / count])
}

impl ImageLikelihood for ImageVae {
    fn estimator(&self) -> String {
        format!("importance-weighted, {SAMPLES} samples of the encoder")
    }

    /// The importance estimate and the evidence bound, from the same samples.
    fn likelihoods(&self, images: ArrayView2<'_, f64>) -> std::result::Result<ImageLikelihoods, EvalError> {
        let (expected, found) = (self.shape().len(), images.ncols());
        if expected != found {
            return Err(EvalError::Dimension { expected, found });
        }
        let failed = |error: likely_networks::candle::Error| EvalError::Model { reason: error.to_string() };
        let mut stream = NOISE.stream(&[("model", super::ID), ("purpose", "likelihood")]);
        let noise = noise(&mut stream, SAMPLES, self.dim()).and_then(|noise| noise.to_device(self.device()));
        let noise = noise.map_err(failed)?;
        let rows: Vec<_> = images.axis_chunks_iter(Axis(0), 1).collect();
        let both = rows
            .into_par_iter()
            .map(|image| log_likelihood_and_bound(self, &self.tensor(image)?, &noise))
            .collect::<Result<Vec<_>>>()
            .map_err(failed)?;
        let of = |which: usize| both.iter().map(|both| both[which]).collect::<Array1<f64>>();
        Ok(ImageLikelihoods { log_likelihood: Some(of(0)), bound: Some(of(1)) })
    }
}
