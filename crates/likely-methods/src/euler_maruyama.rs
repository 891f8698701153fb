//! The Euler-Maruyama method on the stochastic process.

use crate::sampler::{
    EndTime, Generated, SampleError, Sampler, SamplerKind, Size, StepObserver, from_config,
};
use crate::stepping::{Diffusion, Stepping};
use crate::velocity_error::VelocityError;
use likely_core::Flow;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;

pub(crate) const SAMPLER: SamplerKind = SamplerKind {
    id: "euler-maruyama",
    summary: "The Euler-Maruyama method on the stochastic process dX = (v + eps s) dt + sqrt(2 eps) dW, which has the same marginals.",
    source: "folklore; the size of the last noise derived anew after arXiv 2509.21925 and 2606.08554",
    build: from_config::<EulerMaruyama>,
};

/// `x <- x + h (v + e + eps_t s) + sqrt(2 eps_t h) xi` with `eps_t = noise b(t)^power`, over `steps` equal steps to `end`.
///
/// A constant strength (`power = 0`) is unstable near the end, where `h eps_t / b^2` exceeds 2; it is refused there.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct EulerMaruyama {
    steps: NonZeroU32,
    samples: NonZeroU32,
    #[serde(default = "one")]
    noise: Size,
    #[serde(default = "two")]
    power: Size,
    #[serde(default)]
    end: EndTime,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<VelocityError>,
}

fn one() -> Size {
    Size::new(1.0)
}

fn two() -> Size {
    Size::new(2.0)
}

impl Sampler for EulerMaruyama {
    fn samples(&self) -> u32 {
        self.samples.get()
    }

    fn steps(&self) -> u32 {
        self.steps.get()
    }

    fn evaluations_at_most(&self) -> u64 {
        2 * u64::from(self.samples.get()) * u64::from(self.steps.get())
    }

    fn sample(
        &self,
        flow: &dyn Flow,
        rng: &mut ChaCha8Rng,
        observe: StepObserver<'_>,
    ) -> Result<Generated, SampleError> {
        let stepping = Stepping {
            steps: self.steps.get(),
            samples: self.samples.get(),
            end: self.end.get(),
            error: self.error.as_ref(),
            diffusion: Some(Diffusion { size: self.noise.get(), power: self.power.get() }),
        };
        stepping.run(flow, rng, observe)
    }
}
