//! Means: the generalised Fréchet mean of curves, its local minima, and means by closed-form logarithms.

mod adaptive;
mod descent;
mod intrinsic;
mod layout;
mod minima;
mod objective;
mod preconditioner;
mod problem;
pub(crate) mod study;

pub(crate) use study::STUDY;

pub use intrinsic::{KarcherMean, SphericalStep, karcher_mean, spherical_mean};
pub use minima::{Minima, Minimum, Starts, find_minima};
pub use problem::{Mean, MeanError, MeanLimits, MeanProblem, MeanSearch, MeanWeight};
