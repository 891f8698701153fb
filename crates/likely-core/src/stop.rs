//! Why a method stopped.

use std::fmt;

/// Why a method stopped: a value, not an error, because a curve that ran out of iterations still belongs in the table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Stop {
    /// The curve has a closed form; nothing was iterated.
    ClosedForm,
    /// The norm of the gradient fell to the tolerance. `grad_norm_l2` is taken over all interior points.
    Converged {
        /// Euclidean norm of the gradient over all interior points and coordinates.
        grad_norm_l2: f64,
    },
    /// The iterations were used up first.
    IterationLimit {
        /// Euclidean norm of the gradient over all interior points and coordinates.
        grad_norm_l2: f64,
    },
    /// No step along the search direction was acceptable, so the iterate cannot change any more.
    Stalled {
        /// Euclidean norm of the gradient over all interior points and coordinates.
        grad_norm_l2: f64,
    },
    /// The potential or its gradient was not finite at the current curve.
    NotFinite {
        /// Iterations completed before it happened.
        iteration: u32,
    },
}

/// [`Stop`] without its numbers, with a stable name for files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StopKind {
    /// See [`Stop::ClosedForm`].
    ClosedForm,
    /// See [`Stop::Converged`].
    Converged,
    /// See [`Stop::IterationLimit`].
    IterationLimit,
    /// See [`Stop::Stalled`].
    Stalled,
    /// See [`Stop::NotFinite`].
    NotFinite,
}

impl StopKind {
    /// The kebab-case name that result files carry.
    pub fn id(self) -> &'static str {
        match self {
            Self::ClosedForm => "closed-form",
            Self::Converged => "converged",
            Self::IterationLimit => "iteration-limit",
            Self::Stalled => "stalled",
            Self::NotFinite => "not-finite",
        }
    }
}

impl Stop {
    /// The kind of stop, without numbers.
    pub fn kind(&self) -> StopKind {
        match self {
            Self::ClosedForm => StopKind::ClosedForm,
            Self::Converged { .. } => StopKind::Converged,
            Self::IterationLimit { .. } => StopKind::IterationLimit,
            Self::Stalled { .. } => StopKind::Stalled,
            Self::NotFinite { .. } => StopKind::NotFinite,
        }
    }

    /// Whether stopping for this reason means that the curve solves the problem.
    pub fn means_convergence(&self) -> bool {
        matches!(self, Self::ClosedForm | Self::Converged { .. })
    }

    /// The final gradient norm, where one was computed.
    pub fn grad_norm_l2(&self) -> Option<f64> {
        match *self {
            Self::Converged { grad_norm_l2 }
            | Self::IterationLimit { grad_norm_l2 }
            | Self::Stalled { grad_norm_l2 } => Some(grad_norm_l2),
            Self::ClosedForm | Self::NotFinite { .. } => None,
        }
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClosedForm => write!(f, "closed form"),
            Self::Converged { grad_norm_l2 } => write!(f, "converged, gradient norm {grad_norm_l2:.2e}"),
            Self::IterationLimit { grad_norm_l2 } => {
                write!(
                    f,
                    "iterations used up at gradient norm {grad_norm_l2:.2e}; raise max-iterations or the tolerance"
                )
            }
            Self::Stalled { grad_norm_l2 } => {
                write!(f, "no acceptable step at gradient norm {grad_norm_l2:.2e}; try another line search")
            }
            Self::NotFinite { iteration } => {
                write!(f, "the objective or its gradient was not finite after iteration {iteration}")
            }
        }
    }
}
