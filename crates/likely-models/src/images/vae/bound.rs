//! Minus the evidence bound of images, sample by sample.

use super::ImageVae;
use likely_networks::candle::{Result, Tensor};
use std::f64::consts::TAU;

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
