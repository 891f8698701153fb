//! What can go wrong in training.

/// Why training stopped without a result.
#[derive(Debug, thiserror::Error)]
pub enum TrainingError {
    /// candle refused an operation.
    #[error("candle refused an operation: {0}")]
    Candle(#[from] candle_core::Error),
    /// The objective asked for a parameter that it did not declare.
    #[error("there is no parameter `{name}`; there is: {}", known.join(", "))]
    UnknownParameter {
        /// The name.
        name: String,
        /// Names that were declared.
        known: Vec<String>,
    },
    /// The declared parameters do not fit together.
    #[error("parameter `{name}`: {reason}")]
    Parameter {
        /// The name.
        name: String,
        /// What is wrong and what would be right.
        reason: String,
    },
    /// The loss does not depend on a parameter, or candle lost its gradient.
    #[error(
        "the loss gives no gradient for the parameter `{name}`: it does not depend on it, or an operation has no backward pass"
    )]
    NoGradient {
        /// The name.
        name: String,
    },
    /// The loss or its gradient is NaN or infinite.
    #[error("the {what} at step {step} is {value}; a lower learning rate or gradient clipping may help")]
    NotFinite {
        /// `loss`, or the gradient of which parameter.
        what: String,
        /// The step, from 1.
        step: u64,
        /// The number.
        value: f64,
    },
    /// The settings do not say how long to train.
    #[error("{reason}")]
    Length {
        /// What is wrong and what would be right.
        reason: String,
    },
    /// The points do not suit.
    #[error("the data do not suit: {reason}")]
    Data {
        /// What is wrong and what would be right.
        reason: String,
    },
    /// The model could not be evaluated.
    #[error("{reason}")]
    Model {
        /// What is wrong and what would be right.
        reason: String,
    },
}
