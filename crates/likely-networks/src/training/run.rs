//! The loop: a batch, a gradient, a step.

use super::adam::{clip, norm};
use super::batches::Batches;
use super::{Objective, Parameters, Points, Settings, State, Step, TrainingError, Variables};
use crate::OpenDevice;
use candle_core::{DType, Device, Tensor};
use likely_core::Seed;
use std::ops::ControlFlow;

/// Where training stands after a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Steps done.
    pub step: u64,
    /// Steps in all.
    pub steps: u64,
    /// Loss of the batch of this step.
    pub loss: f64,
    /// Step size of this step.
    pub rate: f64,
}

/// A loss and its derivatives with respect to all parameters.
pub type LossAndGradient = (f64, Vec<f32>);

/// A training that can run: what is trained, on which points, how and how long.
pub struct Training<'a> {
    objective: &'a dyn Objective,
    settings: &'a Settings,
    batches: Batches<'a>,
    seed: Seed,
    steps: u64,
    device: Device,
}

impl<'a> Training<'a> {
    /// A training; `short` replaces its number of steps.
    ///
    /// # Errors
    /// [`TrainingError::Data`] for points that cannot be trained on, [`TrainingError::Length`] where the settings do not
    /// say how long.
    pub fn new(
        objective: &'a dyn Objective,
        points: &Points<'a>,
        settings: &'a Settings,
        short: Option<u64>,
    ) -> Result<Self, TrainingError> {
        let seed = Seed::new(settings.seed);
        let batches = Batches::new(points, settings.batch, seed)?;
        let length = |reason: &str| TrainingError::Length { reason: reason.to_owned() };
        let full = match (settings.epochs, settings.steps) {
            (None, Some(steps)) => steps.get(),
            (Some(epochs), None) => {
                let per_epoch = batches.steps_per_epoch().ok_or_else(|| {
                    length("fresh points have no epochs; give `steps` in place of `epochs`")
                })?;
                epochs.get().checked_mul(per_epoch).ok_or_else(|| length("there are more than 2^64 steps"))?
            }
            (Some(_), Some(_)) => {
                return Err(length("both `epochs` and `steps` are given; give one of them"));
            }
            (None, None) => return Err(length("neither `epochs` nor `steps` is given; give one of them")),
        };
        Ok(Self { objective, settings, batches, seed, steps: short.unwrap_or(full), device: Device::Cpu })
    }

    /// The same training on a device, where the objective takes devices.
    #[must_use]
    pub fn on(mut self, device: &OpenDevice) -> Self {
        if self.objective.takes_devices() {
            self.device = device.candle().clone();
        }
        self
    }

    /// Steps in all.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The state before the first step.
    ///
    /// # Errors
    /// [`TrainingError::Parameter`].
    pub fn begin(&self) -> Result<State, TrainingError> {
        Ok(State::new(Parameters::new(self.objective.parameters(self.seed))?))
    }

    /// Goes on from `state` to the last step, or until `observe`, which sees the state after every step, breaks.
    ///
    /// # Errors
    /// What the objective says; [`TrainingError::NotFinite`], with the state as it was before that step.
    pub fn run(
        &mut self,
        state: &mut State,
        observe: &mut dyn FnMut(&State, &Progress) -> ControlFlow<()>,
    ) -> Result<(), TrainingError> {
        let by_hand = self.objective.by_hand();
        let variables = match by_hand {
            Some(_) => None,
            None => Some(Variables::new(&state.parameters, &self.device)?),
        };
        let mut gradient = vec![0.0_f32; state.parameters.count()];
        let dim = self.batches.dim();
        while state.step < self.steps {
            let index = state.step;
            let stream = self.seed.stream(&[("training", "step"), ("step", &index.to_string())]);
            let batch = self.batches.at(index)?;
            let mut step = Step { index, steps: self.steps, batch, dim, stream, device: self.device.clone() };
            let loss = match (&variables, by_hand) {
                (_, Some(by_hand)) => by_hand.gradient(&mut step, &state.parameters, &mut gradient)?,
                (Some(variables), None) => {
                    let loss = self.objective.loss(&mut step, variables)?;
                    differentiate(&loss, variables, &mut gradient)?
                }
                (None, None) => unreachable!("without a gradient by hand there are variables"),
            };
            let norm = norm(&gradient);
            if !loss.is_finite() || !norm.is_finite() {
                return Err(not_finite(index + 1, loss, norm, &gradient, &state.parameters));
            }
            if let Some(limit) = self.settings.clip {
                clip(&mut gradient, norm, limit);
            }
            let rate = self.settings.rate(index, self.steps);
            state.advance(&gradient, self.settings, rate);
            if let Some(variables) = &variables {
                variables.set(&state.parameters)?;
            }
            let progress = Progress { step: state.step, steps: self.steps, loss, rate };
            if observe(state, &progress).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Loss and gradient of step `index` at `parameters`, by hand where there is that, and on candle's graph.
    ///
    /// For the test that proves them equal; nothing where there is none by hand.
    ///
    /// # Errors
    /// What the objective says.
    pub fn both_gradients(
        &mut self,
        parameters: &Parameters,
        index: u64,
    ) -> Result<Option<[LossAndGradient; 2]>, TrainingError> {
        let Some(by_hand) = self.objective.by_hand() else { return Ok(None) };
        let (seed, steps, dim) = (self.seed, self.steps, self.batches.dim());
        let batch = self.batches.at(index)?;
        let step = || Step {
            index,
            steps,
            batch,
            dim,
            stream: seed.stream(&[("training", "step"), ("step", &index.to_string())]),
            device: self.device.clone(),
        };
        let mut hand = vec![0.0; parameters.count()];
        let mut graph = vec![0.0; parameters.count()];
        let by_hand = by_hand.gradient(&mut step(), parameters, &mut hand)?;
        let variables = Variables::new(parameters, &self.device)?;
        let loss = self.objective.loss(&mut step(), &variables)?;
        let on_graph = differentiate(&loss, &variables, &mut graph)?;
        Ok(Some([(by_hand, hand), (on_graph, graph)]))
    }
}

/// The loss as a number, and its gradient with respect to all variables, one after another.
fn differentiate(loss: &Tensor, variables: &Variables, gradient: &mut [f32]) -> Result<f64, TrainingError> {
    if loss.elem_count() != 1 || loss.dtype() != DType::F32 {
        let reason = format!("the loss is a {:?} of shape {:?}, not one f32", loss.dtype(), loss.dims());
        return Err(TrainingError::Model { reason });
    }
    let value = loss.flatten_all()?.to_vec1::<f32>()?[0];
    let gradients = loss.backward()?;
    let mut start = 0;
    for (name, variable) in variables.iter() {
        let found =
            gradients.get(variable).ok_or_else(|| TrainingError::NoGradient { name: name.to_owned() })?;
        let end = start + variable.elem_count();
        gradient[start..end].copy_from_slice(&found.flatten_all()?.to_vec1::<f32>()?);
        start = end;
    }
    Ok(f64::from(value))
}

fn not_finite(step: u64, loss: f64, norm: f64, gradient: &[f32], parameters: &Parameters) -> TrainingError {
    if !loss.is_finite() {
        return TrainingError::NotFinite { what: "loss".to_owned(), step, value: loss };
    }
    let mut start = 0;
    for (name, _, values) in parameters.iter() {
        let part = &gradient[start..start + values.len()];
        start += values.len();
        if let Some(&value) = part.iter().find(|value| !value.is_finite()) {
            let what = format!("gradient of `{name}`");
            return TrainingError::NotFinite { what, step, value: f64::from(value) };
        }
    }
    TrainingError::NotFinite { what: "norm of the gradient".to_owned(), step, value: norm }
}

impl Variables {
    /// Takes over the values of `parameters`.
    fn set(&self, parameters: &Parameters) -> Result<(), TrainingError> {
        for ((_, variable), (_, shape, values)) in self.iter().zip(parameters.iter()) {
            variable.set(&Tensor::from_slice(values, shape, variable.device())?)?;
        }
        Ok(())
    }
}
