//! Training: what is trained, on which points, by which steps, and how it is cut short and taken up again.
//!
//! Everything is a function of the seed and the number of the step, so that a training that was interrupted ends in the
//! same bytes as one that was not. Nothing here reads a clock or a file.

mod adam;
mod batches;
mod checkpoint;
mod data;
mod error;
mod objective;
mod parameters;
mod run;
mod settings;
mod state;

pub use batches::Points;
pub use checkpoint::{CheckpointError, Identity};
pub use data::{About, DataSource, Split};
pub use error::TrainingError;
pub use objective::{ByHand, HeldOut, Objective, Step};
pub use parameters::{Parameter, Parameters, Variables};
pub use run::{LossAndGradient, Progress, Training};
pub use settings::{Optimiser, Schedule, Settings};
pub use state::{EARLY, State};
