//! Minus the evidence bound at a decoded point, as a function of the latent point.

use super::Vae;
use likely_core::{Differentiable, Normalisation, Number};
use std::f64::consts::TAU;

/// What one sample adds to minus the bound, up to terms of the noise alone:
/// `log q(z | x) - log p(z) - log p(x | z) = -sum_j (log v_j + e_j^2) / 2 + |z|^2 / 2 + |x - g(z)|^2 / 2 s^2 + 3 log s + (3/2) log 2 pi`.
struct Terms {
    precision: f64,
    constant: f64,
}

impl Terms {
    fn new(vae: &Vae) -> Self {
        Self {
            precision: libm::exp(-2.0 * vae.log_scale),
            constant: 3.0 * vae.log_scale + 1.5 * libm::log(TAU),
        }
    }
}

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl Terms {
    #[inline(always)]
    fn sample<N: Number>(&self, noise: [N; 2], z: [N; 2], deviations: [N; 2], gaps: [N; 3]) -> N {
        let latent = z[0] * z[0] + z[1] * z[1] - noise[0] * noise[0] - noise[1] * noise[1];
        let residual = gaps[0] * gaps[0] + gaps[1] * gaps[1] + gaps[2] * gaps[2];
        let widths = (deviations[0] * deviations[1]).ln();
        (latent + residual.scaled(self.precision)).scaled(0.5).shifted(self.constant) - widths
    }
}

/// `sqrt sigmoid(a)` of both logits.
#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
fn deviations<N: Number>(heads: &[N; 4]) -> [N; 2] {
    [heads[2].sigmoid().sqrt(), heads[3].sigmoid().sqrt()]
}

/// The gradient in the outputs of the encoder, from that in a sample `z = mu + sqrt(v) e`: the mean, and the logits, for
/// which `d sqrt(v) / da = sqrt(v) (1 - v) / 2` and `d log v / da = 1 - v`. Without the term of `log v` itself.
#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
fn add_to_heads<N: Number>(heads: &mut [N; 4], of_z: [N; 2], noise: [N; 2], deviations: [N; 2]) {
    let one = N::constant(1.0);
    for j in 0..2 {
        let deviation = deviations[j];
        heads[j] = heads[j] + of_z[j];
        let slope = (deviation * (one - deviation * deviation)).scaled(0.5);
        heads[2 + j] = heads[2 + j] + of_z[j] * noise[j] * slope;
    }
}

/// The mean over samples with fixed noise; all of them are samples for the same decoded point `x = g(z)`.
pub(super) struct Bound {
    vae: Vae,
    terms: Terms,
    noise: Vec<[f64; 2]>,
}

impl Bound {
    pub(super) fn new(vae: Vae, noise: Vec<[f64; 2]>) -> Self {
        Self { terms: Terms::new(&vae), vae, noise }
    }
}

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl Differentiable for Bound {
    fn dim(&self) -> usize {
        2
    }

    fn normalisation(&self) -> Normalisation {
        Normalisation::UpToConstant
    }

    fn workspace(&self) -> usize {
        2 * self.vae.decoder.workspace() + self.vae.encoder.workspace()
    }

    fn multiplications(&self) -> usize {
        self.vae.encoder.multiplications() + (1 + self.noise.len()) * self.vae.decoder.multiplications()
    }

    #[inline(always)]
    fn value<N: Number>(&self, x: &[N], work: &mut [N]) -> N {
        let Vae { encoder, decoder, .. } = &self.vae;
        let zero = N::constant(0.0);
        let (mut point, mut heads) = ([zero; 3], [zero; 4]);
        decoder.value(&x[..2], &mut point, work);
        encoder.value(&point, &mut heads, work);
        let deviations = deviations(&heads);
        let mut sum = zero;
        for noise in &self.noise {
            let noise = noise.map(N::constant);
            let z = [heads[0] + deviations[0] * noise[0], heads[1] + deviations[1] * noise[1]];
            let mut decoded = [zero; 3];
            decoder.value(&z, &mut decoded, work);
            let gaps: [N; 3] = std::array::from_fn(|i| point[i] - decoded[i]);
            sum = sum + self.terms.sample(noise, z, deviations, gaps);
        }
        sum.scaled(1.0 / self.noise.len() as f64)
    }

    #[inline(always)]
    fn value_and_grad<N: Number>(&self, x: &[N], grad: &mut [N], work: &mut [N]) -> N {
        let Vae { encoder, decoder, .. } = &self.vae;
        let (zero, one) = (N::constant(0.0), N::constant(1.0));
        let (outer, rest) = work.split_at_mut(decoder.workspace());
        let (inner, middle) = rest.split_at_mut(decoder.workspace());
        let (mut point, mut heads) = ([zero; 3], [zero; 4]);
        decoder.forward(&x[..2], &mut point, outer);
        encoder.forward(&point, &mut heads, middle);
        let deviations = deviations(&heads);
        let mut sum = zero;
        let (mut of_point, mut of_heads) = ([zero; 3], [zero; 4]);
        for noise in &self.noise {
            let noise = noise.map(N::constant);
            let z = [heads[0] + deviations[0] * noise[0], heads[1] + deviations[1] * noise[1]];
            let mut decoded = [zero; 3];
            decoder.forward(&z, &mut decoded, inner);
            let gaps: [N; 3] = std::array::from_fn(|i| point[i] - decoded[i]);
            sum = sum + self.terms.sample(noise, z, deviations, gaps);
            let pull = gaps.map(|gap| gap.scaled(self.terms.precision));
            let mut of_z = [zero; 2];
            decoder.backward(&pull.map(|pull| -pull), &mut of_z, inner);
            for j in 0..2 {
                of_z[j] = of_z[j] + z[j];
            }
            add_to_heads(&mut of_heads, of_z, noise, deviations);
            for i in 0..3 {
                of_point[i] = of_point[i] + pull[i];
            }
        }
        let share = 1.0 / self.noise.len() as f64;
        let mut of_heads = of_heads.map(|slope| slope.scaled(share));
        for j in 0..2 {
            of_heads[2 + j] = of_heads[2 + j] - (one - deviations[j] * deviations[j]).scaled(0.5);
        }
        let mut through = [zero; 3];
        encoder.backward(&of_heads, &mut through, middle);
        for i in 0..3 {
            through[i] = through[i] + of_point[i].scaled(share);
        }
        decoder.backward(&through, grad, outer);
        sum.scaled(share)
    }
}

/// As released: every sample is decoded into the point that the next one is a sample for. Its coordinates are the latent point
/// and the noise of all samples; the gradient in the noise is left at zero.
pub(super) struct Walk {
    vae: Vae,
    terms: Terms,
    pub(super) samples: usize,
}

impl Walk {
    pub(super) fn new(vae: Vae, samples: usize) -> Self {
        Self { terms: Terms::new(&vae), vae, samples }
    }

    /// Numbers that a sample keeps: those of both networks, its point, deviations, and gaps to what it is decoded into.
    fn kept(&self) -> usize {
        self.vae.decoder.workspace() + self.vae.encoder.workspace() + 7
    }
}

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl Differentiable for Walk {
    fn dim(&self) -> usize {
        2 + 2 * self.samples
    }

    fn normalisation(&self) -> Normalisation {
        Normalisation::UpToConstant
    }

    fn workspace(&self) -> usize {
        self.vae.decoder.workspace() + self.samples * self.kept()
    }

    fn multiplications(&self) -> usize {
        let Vae { encoder, decoder, .. } = &self.vae;
        self.samples * encoder.multiplications() + (1 + self.samples) * decoder.multiplications()
    }

    #[inline(always)]
    fn value<N: Number>(&self, x: &[N], work: &mut [N]) -> N {
        let Vae { encoder, decoder, .. } = &self.vae;
        let zero = N::constant(0.0);
        let mut point = [zero; 3];
        decoder.value(&x[..2], &mut point, work);
        let mut sum = zero;
        for noise in x[2..].chunks_exact(2) {
            let noise = [noise[0], noise[1]];
            let mut heads = [zero; 4];
            encoder.value(&point, &mut heads, work);
            let deviations = deviations(&heads);
            let z = [heads[0] + deviations[0] * noise[0], heads[1] + deviations[1] * noise[1]];
            let mut decoded = [zero; 3];
            decoder.value(&z, &mut decoded, work);
            let gaps: [N; 3] = std::array::from_fn(|i| point[i] - decoded[i]);
            sum = sum + self.terms.sample(noise, z, deviations, gaps);
            point = decoded;
        }
        sum.scaled(1.0 / self.samples as f64)
    }

    #[inline(always)]
    fn value_and_grad<N: Number>(&self, x: &[N], grad: &mut [N], work: &mut [N]) -> N {
        let Vae { encoder, decoder, .. } = &self.vae;
        let (zero, one) = (N::constant(0.0), N::constant(1.0));
        let (first, rest) = work.split_at_mut(decoder.workspace());
        let kept = self.kept();
        let mut point = [zero; 3];
        decoder.forward(&x[..2], &mut point, first);
        let mut sum = zero;
        for (noise, block) in x[2..].chunks_exact(2).zip(rest.chunks_exact_mut(kept)) {
            let noise = [noise[0], noise[1]];
            let (of_decoder, block) = block.split_at_mut(decoder.workspace());
            let (of_encoder, numbers) = block.split_at_mut(encoder.workspace());
            let mut heads = [zero; 4];
            encoder.forward(&point, &mut heads, of_encoder);
            let deviations = deviations(&heads);
            let z = [heads[0] + deviations[0] * noise[0], heads[1] + deviations[1] * noise[1]];
            let mut decoded = [zero; 3];
            decoder.forward(&z, &mut decoded, of_decoder);
            let gaps: [N; 3] = std::array::from_fn(|i| point[i] - decoded[i]);
            sum = sum + self.terms.sample(noise, z, deviations, gaps);
            numbers[..2].copy_from_slice(&z);
            numbers[2..4].copy_from_slice(&deviations);
            numbers[4..7].copy_from_slice(&gaps);
            point = decoded;
        }
        // The gradient in the point that the sample after this one is for.
        let mut of_decoded = [zero; 3];
        let blocks = rest[..self.samples * kept].chunks_exact_mut(kept);
        for (noise, block) in x[2..].chunks_exact(2).zip(blocks).rev() {
            let (of_decoder, block) = block.split_at_mut(decoder.workspace());
            let (of_encoder, numbers) = block.split_at_mut(encoder.workspace());
            let pull: [N; 3] = std::array::from_fn(|i| numbers[4 + i].scaled(self.terms.precision));
            for i in 0..3 {
                of_decoded[i] = of_decoded[i] - pull[i];
            }
            let mut of_z = [zero; 2];
            decoder.backward(&of_decoded, &mut of_z, of_decoder);
            of_z = [of_z[0] + numbers[0], of_z[1] + numbers[1]];
            let mut of_heads = [zero; 4];
            let deviations = [numbers[2], numbers[3]];
            add_to_heads(&mut of_heads, of_z, [noise[0], noise[1]], deviations);
            for j in 0..2 {
                of_heads[2 + j] = of_heads[2 + j] - (one - deviations[j] * deviations[j]).scaled(0.5);
            }
            encoder.backward(&of_heads, &mut of_decoded, of_encoder);
            for i in 0..3 {
                of_decoded[i] = of_decoded[i] + pull[i];
            }
        }
        grad.fill(zero);
        decoder.backward(&of_decoded, &mut grad[..2], first);
        let share = 1.0 / self.samples as f64;
        grad[..2].iter_mut().for_each(|slope| *slope = slope.scaled(share));
        sum.scaled(share)
    }
}
