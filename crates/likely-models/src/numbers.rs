//! Numbers of a configuration that are checked while they are read, so that an error has its place in the spec.

use serde::{Deserializer, de};
use std::fmt;

struct Positive;

impl de::Visitor<'_> for Positive {
    type Value = f64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a finite number above 0")
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<f64, E> {
        if value.is_finite() && value > 0.0 {
            Ok(value)
        } else {
            Err(E::invalid_value(de::Unexpected::Float(value), &self))
        }
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<f64, E> {
        if value > 0 { Ok(value as f64) } else { Err(E::invalid_value(de::Unexpected::Signed(value), &self)) }
    }
}

/// Reads a finite number above zero.
pub(crate) fn positive<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    deserializer.deserialize_f64(Positive)
}
