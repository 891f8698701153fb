//! Training: what is trained, on which points, by which steps, and how it is cut short and taken up again.
//!
//! Everything is a function of the seed and the number of the step, so that a training that was interrupted ends in the
//! same bytes as one that was not.

mod data;
mod error;
mod objective;
mod parameters;

pub use data::{About, DataSource, Split};
pub use error::TrainingError;
pub use objective::{ByHand, HeldOut, Objective, Step};
pub use parameters::{Parameter, Parameters, Variables};
