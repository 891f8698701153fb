//! Euler's method on the deterministic process.

use crate::sampler::{EndTime, Generated, SampleError, Sampler, SamplerKind, StepObserver, from_config};
use crate::stepping::Stepping;
use crate::velocity_error::VelocityError;
use likely_core::Flow;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;

pub(crate) const SAMPLER: SamplerKind = SamplerKind {
    id: "euler",
    summary: "Euler's method on the deterministic process dx = v dt, with a bounded error in the velocity on request.",
    source: "folklore; the effect of errors derived anew after arXiv 2509.21925",
    build: from_config::<Euler>,
};

/// `x <- x + h (v(t, x) + e)` over `steps` equal steps from time 0 to `end`.
///
/// With the schedule `a = t`, `b = 1 - t` and `end = 1` the last step lands on `m + h e`, where `m` is the posterior mean
/// of the training point: in the convex hull of the training set but for `h |e|`, whatever happened before.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Euler {
    steps: NonZeroU32,
    samples: NonZeroU32,
    #[serde(default)]
    end: EndTime,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<VelocityError>,
}

impl Sampler for Euler {
    fn samples(&self) -> u32 {
        self.samples.get()
    }

    fn steps(&self) -> u32 {
        self.steps.get()
    }

    fn evaluations_at_most(&self) -> u64 {
        u64::from(self.samples.get()) * u64::from(self.steps.get())
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
            diffusion: None,
        };
        stepping.run(flow, rng, observe)
    }
}
