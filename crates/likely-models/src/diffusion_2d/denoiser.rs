//! The network that tells the noise in a noised point.

use likely_core::Number;
use likely_networks::{Activation, Dense, Expected, Problems, Weights};

/// Steps of the diffusion.
pub(super) const STEPS: usize = 50;
/// Variance that the first and the last step add.
const BETAS: [f64; 2] = [1e-4, 0.02];
/// Frequencies of an embedding, each with a sine and a cosine.
pub(super) const FREQUENCIES: usize = 64;
/// Coordinates are stretched by this before they are embedded; the step is not.
pub(super) const STRETCH: f64 = 25.0;
/// Numbers between the layers.
const WIDTH: usize = 128;
/// Blocks that add to their input.
pub(super) const BLOCKS: usize = 3;
/// The layer after the embeddings.
pub(super) const FIRST: &str = "first";
/// The layer that gives the noise.
pub(super) const LAST: &str = "last";

/// The name of a block.
pub(super) fn block(k: usize) -> String {
    format!("blocks.{k}")
}

/// Names of the layers, with their inputs and outputs.
pub(super) fn layers() -> Vec<(String, usize, usize)> {
    let mut layers = vec![(FIRST.to_owned(), 6 * FREQUENCIES, WIDTH)];
    layers.extend((0..BLOCKS).map(|k| (block(k), WIDTH, WIDTH)));
    layers.push((LAST.to_owned(), WIDTH, 2));
    layers
}

/// `10000^(-i / 63)`, rounded to `f32` as the network sees them in training.
pub(super) fn frequencies() -> [f32; FREQUENCIES] {
    std::array::from_fn(|i| libm::exp(-libm::log(1e4) * i as f64 / (FREQUENCIES - 1) as f64) as f32)
}

/// `log` of the share of the variance of the data that is left after each step: `sum_k log(1 - beta_k)`.
pub(super) fn log_kept() -> [f64; STEPS] {
    let mut sum = 0.0;
    std::array::from_fn(|k| {
        let beta = BETAS[0] + (BETAS[1] - BETAS[0]) * k as f64 / (STEPS - 1) as f64;
        sum += libm::log1p(-beta);
        sum
    })
}

/// `e(x, t)`: sines and cosines of both coordinates and the step, a layer 384-128, three blocks `h + gelu(W h + b)`, and a
/// layer 128-2.
///
/// # Source
/// tiny-diffusion, ddpm.py and `positional_embeddings.py`: an embedding is all sines, then all cosines.
#[derive(Debug, Clone)]
pub struct Denoiser {
    frequencies: [f64; FREQUENCIES],
    /// The columns of the first layer that see the coordinates, without its bias.
    of_point: Dense,
    /// Those that see the step, with it.
    of_step: Dense,
    blocks: Vec<Dense>,
    last: Dense,
}

impl Denoiser {
    /// The tensors that a weights file holds.
    pub fn expected() -> Vec<Expected> {
        layers()
            .into_iter()
            .flat_map(|(name, inputs, outputs)| Dense::expected(&name, inputs, outputs))
            .collect()
    }

    /// The network with the given weights.
    ///
    /// # Errors
    /// [`Problems`] that names the tensors that are missing or have another shape.
    pub fn load(weights: &Weights) -> Result<Self, Problems> {
        weights.check(&Self::expected())?;
        let weight = weights.get(&format!("{FIRST}.weight"))?.widened();
        let bias = weights.get(&format!("{FIRST}.bias"))?.widened();
        let columns = |from: usize, to: usize| -> Vec<f64> {
            weight.chunks_exact(6 * FREQUENCIES).flat_map(|row| &row[from..to]).copied().collect()
        };
        let point = 4 * FREQUENCIES;
        Ok(Self {
            frequencies: frequencies().map(f64::from),
            of_point: Dense::new(&columns(0, point), &[0.0; WIDTH])?,
            of_step: Dense::new(&columns(point, 6 * FREQUENCIES), &bias)?,
            blocks: (0..BLOCKS)
                .map(|k| Dense::load(weights, &block(k), WIDTH, WIDTH))
                .collect::<Result<_, _>>()?,
            last: Dense::load(weights, LAST, WIDTH, 2)?,
        })
    }

    /// What the step adds to the first layer; between two steps the embedding is that of a number that is not whole.
    pub(super) fn at_step(&self, step: f64) -> Vec<f64> {
        let mut embedding = [0.0; 2 * FREQUENCIES];
        for (i, frequency) in self.frequencies.iter().enumerate() {
            embedding[i] = libm::sin(step * frequency);
            embedding[FREQUENCIES + i] = libm::cos(step * frequency);
        }
        let mut sum = vec![0.0; WIDTH];
        self.of_step.forward(&embedding, &mut sum);
        sum
    }

    /// The noise in a point at a whole or fractional step.
    pub fn noise_at(&self, x: [f64; 2], step: f64) -> [f64; 2] {
        self.noise(x, &self.at_step(step), &mut vec![0.0; Self::WORKSPACE])
    }

    /// Numbers of working space of [`Denoiser::noise`].
    pub(super) const WORKSPACE: usize = 4 * FREQUENCIES + 2 * WIDTH;

    /// The noise in a point, with what its step adds to the first layer.
    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    pub(super) fn noise<N: Number>(&self, x: [N; 2], step: &[f64], work: &mut [N]) -> [N; 2] {
        let (embedding, rest) = work.split_at_mut(4 * FREQUENCIES);
        let (hidden, inner) = rest.split_at_mut(WIDTH);
        for (x, embedding) in x.into_iter().zip(embedding.chunks_exact_mut(2 * FREQUENCIES)) {
            let (sines, cosines) = embedding.split_at_mut(FREQUENCIES);
            for ((sine, cosine), frequency) in sines.iter_mut().zip(cosines).zip(&self.frequencies) {
                let angle = x.scaled(STRETCH * frequency);
                *sine = angle.sin();
                *cosine = angle.cos();
            }
        }
        self.of_point.forward(embedding, hidden);
        for (hidden, step) in hidden.iter_mut().zip(step) {
            *hidden = Activation::Gelu.value(hidden.shifted(*step));
        }
        let inner = &mut inner[..WIDTH];
        for block in &self.blocks {
            block.forward(hidden, inner);
            for (hidden, inner) in hidden.iter_mut().zip(inner.iter()) {
                *hidden = *hidden + Activation::Gelu.value(*inner);
            }
        }
        let mut noise = [N::constant(0.0); 2];
        self.last.forward(hidden, &mut noise);
        noise
    }
}
