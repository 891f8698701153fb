//! Parameters that are checked where they are read, so that an error has its place in the spec.

use serde::{Deserialize, Serialize};

/// A finite number above zero.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub(super) struct Positive(pub(super) f64);

impl TryFrom<f64> for Positive {
    type Error = String;

    fn try_from(value: f64) -> Result<Self, String> {
        if value.is_finite() && value > 0.0 {
            Ok(Self(value))
        } else {
            Err(format!("{value} is not a finite number above 0"))
        }
    }
}

impl From<Positive> for f64 {
    fn from(number: Positive) -> Self {
        number.0
    }
}

/// A finite number, not below zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub(super) struct NotNegative(pub(super) f64);

impl TryFrom<f64> for NotNegative {
    type Error = String;

    fn try_from(value: f64) -> Result<Self, String> {
        if value.is_finite() && value >= 0.0 {
            Ok(Self(value))
        } else {
            Err(format!("{value} is not a finite number of 0 or more"))
        }
    }
}

impl From<NotNegative> for f64 {
    fn from(number: NotNegative) -> Self {
        number.0
    }
}

/// A finite number.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub(super) struct Finite(pub(super) f64);

impl TryFrom<f64> for Finite {
    type Error = String;

    fn try_from(value: f64) -> Result<Self, String> {
        if value.is_finite() { Ok(Self(value)) } else { Err(format!("{value} is not a finite number")) }
    }
}

impl From<Finite> for f64 {
    fn from(number: Finite) -> Self {
        number.0
    }
}

/// Whether there are none, so that what a configuration resolves to does not name them.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
pub(super) fn none(count: &usize) -> bool {
    *count == 0
}
