//! What is trained: the seam between a model and the loop.

use super::{Parameter, Parameters, TrainingError, Variables};
use candle_core::{Device, Tensor};
use likely_core::Seed;
use ndarray::ArrayView2;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

/// What one step of training works with.
pub struct Step<'a> {
    /// Number of the step, from 0.
    pub index: u64,
    /// Number of steps in all, for schedules inside an objective.
    pub steps: u64,
    /// The batch, row after row.
    pub batch: &'a [f32],
    /// Coordinates of a point.
    pub dim: usize,
    /// The only source of randomness: a function of the seed and of [`Self::index`], so that nothing but the number of the
    /// step must be kept to go on after an interruption.
    pub stream: ChaCha8Rng,
    /// Where the variables are, and where the tensors of the loss must be.
    pub device: Device,
}

impl Step<'_> {
    /// Points in the batch; the last batch of an epoch may be shorter than the others.
    pub fn rows(&self) -> usize {
        self.batch.len() / self.dim
    }

    /// The batch, shape `(rows, dim)`.
    ///
    /// # Errors
    /// What candle says.
    pub fn points(&self) -> Result<Tensor, TrainingError> {
        Ok(Tensor::from_slice(self.batch, (self.rows(), self.dim), &self.device)?)
    }

    /// Standard normal numbers of the given shape, from the stream of the step.
    ///
    /// # Errors
    /// What candle says.
    pub fn normals(&mut self, shape: &[usize]) -> Result<Tensor, TrainingError> {
        let count = shape.iter().product();
        let values: Vec<f32> = (0..count).map(|_| self.stream.sample(StandardNormal)).collect();
        Ok(Tensor::from_vec(values, shape, &self.device)?)
    }
}

/// Numbers about held-out points, one a point; the card shows their mean with its standard error.
#[derive(Debug, Clone, PartialEq)]
pub struct HeldOut {
    /// What they are: `log-likelihood` where they are log p in nats under a normalised density (only then are they compared with
    /// the density of the data), else a name that says what they are, such as `elbo` or `denoising-loss`.
    pub quantity: &'static str,
    /// One number a point.
    pub values: Vec<f64>,
}

/// A model in training: its parameters, the loss of a batch, and how the result is judged.
pub trait Objective: Send {
    /// The parameters with their initial values, each drawn from a stream of its own:
    /// `seed.stream(&[("training", "initial"), ("parameter", name)])`.
    fn parameters(&self, seed: Seed) -> Vec<Parameter>;

    /// The loss of a batch on candle's graph, one number. It depends on nothing but the step and the variables.
    ///
    /// # Errors
    /// What candle says.
    fn loss(&self, step: &mut Step<'_>, variables: &Variables) -> Result<Tensor, TrainingError>;

    /// Whether [`Self::loss`] makes its tensors on the device of the step; where not, training stays on the processor.
    fn takes_devices(&self) -> bool {
        false
    }

    /// Loss and gradient without a graph, where that was written by hand; it is then used in place of [`Self::loss`], which
    /// stays as what a test compares it with.
    fn by_hand(&self) -> Option<&dyn ByHand> {
        None
    }

    /// Judges parameters on points that training never saw, in `f64`, as the finished model is evaluated. Empty where
    /// the model has nothing to say of a point. `seed` is the root of what judging draws.
    ///
    /// # Errors
    /// [`TrainingError::Model`].
    fn held_out(
        &self,
        parameters: &Parameters,
        points: ArrayView2<'_, f64>,
        seed: Seed,
    ) -> Result<Vec<HeldOut>, TrainingError>;

    /// The architecture in one sentence, for the card.
    fn architecture(&self) -> String;

    /// The loss in one sentence with its source, for the card.
    fn loss_in_words(&self) -> String;

    /// What a reader should know beside that, one sentence each: an arbitrary offset, a deviation from a publication.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Loss and gradient without a graph.
pub trait ByHand {
    /// The loss of a batch; `gradient` is overwritten with its derivatives, in the order of `parameters.values()`.
    ///
    /// # Errors
    /// [`TrainingError::Model`].
    fn gradient(
        &self,
        step: &mut Step<'_>,
        parameters: &Parameters,
        gradient: &mut [f32],
    ) -> Result<f64, TrainingError>;
}
