//! What the coordinate-wise optimisers share: their settings, their iteration and their stop.

use crate::curved::Quadrature;
use crate::objective::{Iterate, Objective};
use crate::solver::{self, Iterations, Outcome, PenaltyWeight, Reduce, Setup, Start, Tolerance};
use crate::table::{Built, Config, from_config};
use crate::vector::{Kernel, vectorised};
use crate::weight::Weight;
use crate::{InterpolateError, Interpolator, Scene, Solution, Step, Trace, Unsupported};
use likely_core::{Curve, Ends, Stop};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};
use std::fmt::Debug;
use std::marker::PhantomData;

/// Which gradient the optimiser follows on a curved background.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Gradient {
    /// That of the regularised energy.
    #[default]
    Exact,
    /// Without the derivative of the tensor, so that another objective is descended than is reported: as released.
    Frozen,
}

/// Whose update rule it is, and whose stop.
///
/// # Source
/// `likely_geometry` at commit 397ebf3: `jax_optimization.py` with `jax.example_libraries.optimizers`, and
/// `torch_optimers.py` with `torch.optim`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Form {
    /// Of JAX; stops as soon as the norm of the gradient is at most the tolerance.
    #[default]
    Jax,
    /// Of PyTorch; stops after the step that began at a norm below the tolerance.
    Torch,
}

/// Factor in front of a step: finite and positive.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64")]
pub(crate) struct Rate(f64);

impl Default for Rate {
    fn default() -> Self {
        Self(0.01)
    }
}

impl Rate {
    pub(crate) fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Rate {
    type Error = String;

    fn try_from(value: f64) -> Result<Self, String> {
        if value.is_finite() && value > 0.0 {
            Ok(Self(value))
        } else {
            Err(format!("rate is {value}; it must be finite and positive"))
        }
    }
}

/// What every configuration says about the problem and its end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    pub(crate) weight: Weight,
    pub(crate) gradient: Gradient,
    pub(crate) form: Form,
    pub(crate) start: Start,
    pub(crate) tolerance: Tolerance,
    pub(crate) max_iterations: Iterations,
    pub(crate) quadrature: Quadrature,
    pub(crate) penalty: PenaltyWeight,
}

/// The coordinates of a path at one update, with two numbers that the rule keeps for each; zero at first.
pub(crate) struct Coordinates<'a> {
    path: &'a mut [f64],
    grad: &'a [f64],
    first: &'a mut [f64],
    second: &'a mut [f64],
}

impl Coordinates<'_> {
    /// Moves each coordinate `z` with gradient `g` to `next(z, g, first, second)`.
    pub(crate) fn each(self, next: impl Fn(f64, f64, &mut f64, &mut f64) -> f64) {
        vectorised(Each { coordinates: self, next });
    }
}

struct Each<'a, F> {
    coordinates: Coordinates<'a>,
    next: F,
}

impl<F: Fn(f64, f64, &mut f64, &mut f64) -> f64> Kernel for Each<'_, F> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn run(self) {
        let Coordinates { path, grad, first, second } = self.coordinates;
        let kept = first.iter_mut().zip(second);
        for ((z, g), (first, second)) in path.iter_mut().zip(grad).zip(kept) {
            *z = (self.next)(*z, *g, first, second);
        }
    }
}

/// An update rule with what it keeps from update to update.
pub(crate) trait Rule {
    /// Moves every coordinate once.
    fn update(&mut self, at: Coordinates<'_>);
}

/// The configuration of an optimiser.
pub(crate) trait Optimiser: Debug + Clone + Send + Sync + 'static {
    type Rule: Rule;

    fn settings(&self) -> Settings;

    fn at_weight(&self, weight: Weight) -> Self;

    /// The rule before its first update.
    fn rule(&self) -> Self::Rule;
}

/// Rules that have a rate and a form and no other number.
pub(crate) trait PlainRule: Rule {
    fn new(rate: f64, form: Form) -> Self;
}

/// The configuration of an optimiser whose rule is plain.
///
/// Each update moves all interior points at once along the gradient of the regularised energy, coordinate by coordinate, and
/// ends where the Euclidean norm of that gradient, over all interior points, is at most `tolerance`. With a frozen gradient
/// the norm in the [`Stop`] is that of the frozen gradient, and a small one does not mean that the energy is stationary.
/// A weight is read as in `prob-georce`; the released JAX class keeps the sign of the potential of the start and takes it for
/// zero below 1e-4, which comes to the same where that potential is positive and not tiny. Nothing is reduced to a subspace,
/// because the rules depend on the coordinates.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default, bound = "")]
pub(crate) struct Plain<R> {
    weight: Weight,
    rate: Rate,
    gradient: Gradient,
    form: Form,
    start: Start,
    tolerance: Tolerance,
    max_iterations: Iterations,
    quadrature: Quadrature,
    penalty: PenaltyWeight,
    #[serde(skip)]
    rule: PhantomData<fn() -> R>,
}

impl<R> Default for Plain<R> {
    fn default() -> Self {
        Self {
            weight: Weight::default(),
            rate: Rate::default(),
            gradient: Gradient::default(),
            form: Form::default(),
            start: Start::Linear,
            tolerance: Tolerance::default(),
            max_iterations: Iterations::default(),
            quadrature: Quadrature::default(),
            penalty: PenaltyWeight::default(),
            rule: PhantomData,
        }
    }
}

impl<R: PlainRule + Debug + Clone + 'static> Optimiser for Plain<R> {
    type Rule = R;

    fn settings(&self) -> Settings {
        Settings {
            weight: self.weight,
            gradient: self.gradient,
            form: self.form,
            start: self.start,
            tolerance: self.tolerance,
            max_iterations: self.max_iterations,
            quadrature: self.quadrature,
            penalty: self.penalty,
        }
    }

    fn at_weight(&self, weight: Weight) -> Self {
        Self { weight, ..self.clone() }
    }

    fn rule(&self) -> R {
        R::new(self.rate.get(), self.form)
    }
}

/// Builds the method of an optimiser from its configuration.
pub(crate) fn build<O>(config: Config<'_>) -> Result<Built, toml::de::Error>
where
    O: Optimiser + DeserializeOwned + Serialize,
{
    from_config::<FirstOrder<O>>(config)
}

/// An optimiser as a method.
#[derive(Debug)]
struct FirstOrder<O>(O);

impl<'de, O: Deserialize<'de>> Deserialize<'de> for FirstOrder<O> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        O::deserialize(deserializer).map(Self)
    }
}

impl<O: Serialize> Serialize for FirstOrder<O> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<O: Optimiser> Interpolator for FirstOrder<O> {
    fn supports(&self, scene: &Scene<'_>) -> Result<(), Unsupported> {
        solver::supports(scene, self.0.settings().weight, false)
    }

    fn lambda(&self) -> Option<f64> {
        self.0.settings().weight.lambda()
    }

    fn with_lambda(&self, lambda: f64) -> Option<Box<dyn Interpolator>> {
        let weight = self.0.settings().weight.with_lambda(lambda)?;
        Some(Box::new(Self(self.0.at_weight(weight))))
    }

    fn evaluations_at_most(&self, segments: usize) -> u64 {
        solver::evaluations_at_most(
            self.0.settings().weight,
            segments,
            1 + self.0.settings().max_iterations.get(),
        )
    }

    fn join(
        &self,
        scene: &Scene<'_>,
        ends: &Ends<'_>,
        start: Option<&Curve>,
        _: &mut ChaCha8Rng,
        trace: Trace<'_>,
    ) -> Result<Solution, InterpolateError> {
        self.supports(scene)?;
        let settings = self.0.settings();
        let setup = Setup {
            weight: settings.weight,
            start: settings.start,
            reduction: Reduce::Off,
            quadrature: settings.quadrature,
            penalty: settings.penalty,
            frozen: settings.gradient == Gradient::Frozen,
            preconditioned: false,
        };
        solver::solve(scene, ends, setup, start, &mut |objective, first| {
            descend(settings, self.0.rule(), objective, first, trace)
        })
    }
}

fn descend(
    settings: Settings,
    mut rule: impl Rule,
    objective: &Objective<'_, '_>,
    first: Iterate,
    trace: Trace<'_>,
) -> Result<Outcome, InterpolateError> {
    let mut current = first;
    let mut kept = [vec![0.0; current.path.len()], vec![0.0; current.path.len()]];
    let tolerance = settings.tolerance.get();
    let mut iterations = 0;
    let stop = loop {
        let grad_norm_l2 = current.grad_norm;
        if settings.form == Form::Jax && grad_norm_l2 <= tolerance {
            break Stop::Converged { grad_norm_l2 };
        }
        if u64::from(iterations) == settings.max_iterations.get() {
            break Stop::IterationLimit { grad_norm_l2 };
        }
        let mut path = objective.buffer();
        path.extend_from_slice(&current.path);
        let [first, second] = &mut kept;
        rule.update(Coordinates { path: &mut path, grad: &current.grad, first, second });
        let Some(next) = objective.evaluate(path)?.filter(Iterate::is_finite) else {
            break Stop::NotFinite { iteration: iterations };
        };
        objective.recycle_iterate(std::mem::replace(&mut current, next));
        iterations += 1;
        let step = Step {
            iteration: iterations,
            step: 1.0,
            regularised_energy: current.regularised_energy(),
            grad_norm_l2: current.grad_norm,
        };
        if trace(&step).is_break() {
            return Err(InterpolateError::Interrupted);
        }
        if settings.form == Form::Torch && grad_norm_l2 < tolerance {
            break Stop::Converged { grad_norm_l2 };
        }
    };
    Ok(Outcome { path: current.path, stop, iterations })
}
