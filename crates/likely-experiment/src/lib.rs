//! Reads a spec, checks it, plans it, runs it and verifies it.

mod compare;
mod data;
mod plan;
mod run;
mod spec;
mod verify;

pub use compare::{Comparison, Difference, MetricDifference, compare};
pub use data::{DataError, Points, read_points};
pub use plan::{Plan, PlanError, PlanOptions};
pub use run::{Event, RunError, RunSummary, run};
pub use spec::{
    Estimate, Judgement, Place, PointError, Prepared, Reveal, Spec, SpecError, Tier, TrainingSpec,
    TrainingSpecError, TrainingTier, UnknownTier,
};
pub use verify::{DEFAULT_TOLERANCE, Outcome, Verification, verify};
