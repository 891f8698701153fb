//! A generator with its weights as a space of images, and the search for the latent points of images.

use super::ID;
use super::networks::{LATENT, SHAPE, discriminate, expected, generate};
use crate::images::constants::Constants;
use crate::images::decoder::{Decoder, Decodes};
use likely_core::{EvalError, ImageShape, ImageSpace, Seed, SmoothMap};
use likely_networks::candle::{DType, Device, Result as CandleResult, Tensor, Var};
use likely_networks::candle_room::{GraphError, checked_grad};
use likely_networks::{Operand, Problems, Weights};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use rand::Rng;
use rand_distr::StandardNormal;

/// How the latent point of an image is searched for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Inversion {
    /// Points that the search starts from.
    pub(super) starts: usize,
    /// Steps from each.
    pub(super) steps: usize,
    /// Standard deviation of a pixel around the generated value.
    pub(super) deviation: f64,
}

impl Default for Inversion {
    fn default() -> Self {
        Self { starts: 8, steps: 150, deviation: 0.1 }
    }
}

/// Step size of the search at its first step; half a cosine leads to 0.
const RATE: f64 = 0.2;
const BETAS: [f64; 2] = [0.9, 0.99];
const EPSILON: f64 = 1e-8;

/// `x = g(z)` with `z` standard normal.
///
/// A generator has no encoder: the point of an image `x` is the likeliest one were pixels normal with deviation `s` around
/// generated values, the `z` that minimises `|x - g(z)|^2 / 2 s^2 + |z|^2 / 2`. It is searched for by Adam from several standard
/// normal points, which are the same for all images; the best point on all ways is taken. Images that the
/// generator does not know keep a distance from the one that is found. Evaluated in `f64`.
///
/// # Source
/// Goodfellow et al. 2014, arXiv 1406.2661; the search follows Zhu et al. 2016, arXiv 1609.03552, section 3.1.
#[derive(Debug, Clone)]
pub struct ImageGan {
    tensors: Constants,
    inversion: Inversion,
    /// Where searches start, shape `(starts, latent)`.
    starts: Array2<f64>,
}

impl ImageGan {
    /// The model with the given weights; `seed` is the root of what a search starts from.
    ///
    /// # Errors
    /// [`Problems`] that names the tensors that are missing or have another shape.
    pub(super) fn load(weights: &Weights, inversion: Inversion, seed: Seed) -> Result<Self, Problems> {
        weights.check(&expected())?;
        let mut stream = seed.stream(&[("model", ID), ("purpose", "inversion")]);
        let starts =
            Array2::from_shape_simple_fn((inversion.starts, LATENT), || stream.sample(StandardNormal));
        Ok(Self { tensors: Constants::new(weights, DType::F64)?, inversion, starts })
    }

    /// The same model on a device.
    ///
    /// # Errors
    /// What candle says.
    pub fn on(self, device: &Device) -> CandleResult<Self> {
        Ok(Self { tensors: self.tensors.on(device)?, ..self })
    }

    /// The images of latent points on the graph, shape `(batch, pixels)`.
    pub(super) fn generated<X: Operand>(&self, latent: &X) -> CandleResult<X> {
        generate(latent, |name: &str| self.tensors.get(name))
    }

    /// The discriminator at images on the graph, shape `(batch)`.
    pub(super) fn judged(&self, images: &Tensor) -> CandleResult<Tensor> {
        discriminate(images, |name: &str| self.tensors.get(name))
    }

    /// The discriminator at images of shape `(batch, 784)`: log p(x) - log q(x) up to a constant were it the best one, `q` the
    /// density of generated images.
    ///
    /// # Errors
    /// [`EvalError`].
    pub fn logits(&self, images: ArrayView2<'_, f64>) -> Result<Array1<f64>, EvalError> {
        let logits =
            self.tensors.in_blocks(images, [SHAPE.len(), 1], |rows| self.judged(rows)?.unsqueeze(1))?;
        Ok(logits.index_axis_move(Axis(1), 0))
    }

    /// Half the squared distance in deviations and minus the logarithm of the prior, of each latent point, shape `(batch)`.
    fn misfit(&self, latent: &Tensor, image: &Tensor) -> CandleResult<Tensor> {
        let gaps = self.generated(latent)?.broadcast_sub(image)?.sqr()?.sum(1)?;
        let precision = self.inversion.deviation.powi(-2);
        ((gaps * precision)? + latent.sqr()?.sum(1)?)? * 0.5
    }

    /// The best latent point on the ways from all starts.
    fn search(&self, image: ArrayView1<'_, f64>) -> Result<Vec<f64>, GraphError> {
        let image = self.tensors.tensor(image.insert_axis(Axis(0)))?;
        let mut z: Vec<f64> = self.starts.iter().copied().collect();
        let (mut first, mut second) = (vec![0.0; z.len()], vec![0.0; z.len()]);
        let (mut best, mut least) = (z[..LATENT].to_vec(), f64::INFINITY);
        let steps = self.inversion.steps;
        for step in 0..=steps {
            let at = Var::from_vec(z.clone(), self.starts.dim(), self.device())?;
            let misfit = self.misfit(&at, &image)?;
            for (value, point) in misfit.to_vec1::<f64>()?.into_iter().zip(z.chunks_exact(LATENT)) {
                if value < least {
                    least = value;
                    best.copy_from_slice(point);
                }
            }
            if step == steps {
                break;
            }
            let slopes = checked_grad(&misfit.sum_all()?.backward()?, &at, "the latent point")?;
            let rate = RATE * 0.5 * (1.0 + libm::cos(std::f64::consts::PI * step as f64 / steps as f64));
            let left = BETAS.map(|beta| 1.0 - libm::pow(beta, (step + 1) as f64));
            let moments = first.iter_mut().zip(&mut second);
            for ((z, slope), (first, second)) in
                z.iter_mut().zip(slopes.flatten_all()?.to_vec1::<f64>()?).zip(moments)
            {
                *first += (1.0 - BETAS[0]) * (slope - *first);
                *second += (1.0 - BETAS[1]) * (slope * slope - *second);
                *z -= rate * (*first / left[0]) / ((*second / left[1]).sqrt() + EPSILON);
            }
        }
        Ok(best)
    }
}

impl Decodes for ImageGan {
    fn sizes(&self) -> [usize; 2] {
        [LATENT, SHAPE.len()]
    }

    fn device(&self) -> &Device {
        self.tensors.device()
    }

    fn images<X: Operand>(&self, points: &X) -> CandleResult<X> {
        self.generated(points)
    }
}

impl ImageSpace for ImageGan {
    fn dim(&self) -> usize {
        LATENT
    }

    fn shape(&self) -> ImageShape {
        SHAPE
    }

    /// The images of the generator.
    fn decode(&self, points: ArrayView2<'_, f64>) -> Result<Array2<f64>, EvalError> {
        self.tensors.in_blocks(points, [LATENT, SHAPE.len()], |rows| self.generated(rows))
    }

    /// The latent points that a search finds, each image by itself.
    fn encode(&self, images: ArrayView2<'_, f64>) -> Result<Array2<f64>, EvalError> {
        if images.ncols() != SHAPE.len() {
            return Err(EvalError::Dimension { expected: SHAPE.len(), found: images.ncols() });
        }
        let mut points = Array2::zeros((images.nrows(), LATENT));
        for (image, mut point) in images.rows().into_iter().zip(points.rows_mut()) {
            point.assign(&Array1::from(self.search(image)?));
        }
        Ok(points)
    }
    fn decoder(&self) -> Option<Box<dyn SmoothMap + '_>> {
        Some(Box::new(Decoder(self)))
    }
}
