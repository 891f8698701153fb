//! What parameters of a geometry may be, and what is said of those that may not.

use serde::{Deserialize, Serialize};

/// The most coordinates of a geometry whose tensor is not dense: a point of this size takes 128 MiB.
pub const MOST_COORDINATES: usize = 1 << 24;

/// The most coordinates of a geometry whose tensor is dense: a tensor of this size takes 8 MiB.
pub const MOST_DENSE_COORDINATES: usize = 1 << 10;

/// A parameter that a geometry cannot have.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ParameterError {
    /// A number of coordinates below the least.
    #[error("{found} coordinates; at least {least} are needed")]
    TooFewCoordinates {
        /// Number given.
        found: i128,
        /// The least that the geometry takes.
        least: usize,
    },
    /// More coordinates than are taken.
    #[error("{found} coordinates; at most {most} are taken, because of the memory that {what} needs")]
    TooManyCoordinates {
        /// Number given.
        found: i128,
        /// The most that are taken.
        most: usize,
        /// What would not fit.
        what: &'static str,
    },
    /// A number that must be positive and finite.
    #[error("{name} is {value}; it must be a positive finite number")]
    NotPositive {
        /// Name of the parameter.
        name: &'static str,
        /// Number given.
        value: f64,
    },
    /// Anything else, in words.
    #[error("{reason}")]
    Other {
        /// What is wrong and what would be right.
        reason: String,
    },
}

/// Checks a number of coordinates for tensors that need memory in proportion to it.
pub(crate) fn coordinates(found: i128, least: usize) -> Result<usize, ParameterError> {
    bounded(found, least, MOST_COORDINATES, "a point")
}

/// Checks a number of coordinates for dense tensors.
pub(crate) fn dense_coordinates(found: i128, least: usize) -> Result<usize, ParameterError> {
    bounded(found, least, MOST_DENSE_COORDINATES, "a dense tensor")
}

fn bounded(found: i128, least: usize, most: usize, what: &'static str) -> Result<usize, ParameterError> {
    match usize::try_from(found) {
        Ok(dim) if dim > most => Err(ParameterError::TooManyCoordinates { found, most, what }),
        Ok(dim) if dim >= least => Ok(dim),
        _ if found > 0 && found > least as i128 => {
            Err(ParameterError::TooManyCoordinates { found, most, what })
        }
        _ => Err(ParameterError::TooFewCoordinates { found, least }),
    }
}

/// Checks that a number is positive and finite.
pub(crate) fn positive(name: &'static str, value: f64) -> Result<f64, ParameterError> {
    if value > 0.0 && value.is_finite() {
        Ok(value)
    } else {
        Err(ParameterError::NotPositive { name, value })
    }
}

/// The size of the triangle of a matrix of `order` rows: `order (order + 1) / 2`, checked to suit a dense tensor.
pub(crate) fn triangle(order: i128) -> Result<(usize, usize), ParameterError> {
    // Orders whose triangle could overflow are refused first.
    let order = bounded(order, 1, MOST_DENSE_COORDINATES, "a dense tensor")?;
    Ok((order, dense_coordinates((order * (order + 1) / 2) as i128, 1)?))
}

/// A number of coordinates in a spec, refused at its place there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub(crate) struct Dim(pub(crate) usize);

impl TryFrom<i64> for Dim {
    type Error = ParameterError;

    fn try_from(value: i64) -> Result<Self, ParameterError> {
        coordinates(i128::from(value), 1).map(Self)
    }
}

impl From<Dim> for i64 {
    fn from(dim: Dim) -> Self {
        // At most MOST_COORDINATES.
        Self::try_from(dim.0).unwrap_or(Self::MAX)
    }
}

/// The order of a symmetric matrix in a spec, refused at its place there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub(crate) struct Order(pub(crate) usize);

impl TryFrom<i64> for Order {
    type Error = ParameterError;

    fn try_from(value: i64) -> Result<Self, ParameterError> {
        triangle(i128::from(value)).map(|(order, _)| Self(order))
    }
}

impl From<Order> for i64 {
    fn from(order: Order) -> Self {
        // At most MOST_COORDINATES.
        Self::try_from(order.0).unwrap_or(Self::MAX)
    }
}
