//! Where a training stands: all that must be kept to go on from there.

use super::adam::Moments;
use super::{Parameters, Settings};
use sha2::{Digest, Sha256};

/// After so many steps the parameters are hashed, so that a short training can be compared with a whole one.
pub const EARLY: u64 = 100;

/// Parameters, running means and number of steps.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// The parameters.
    pub(super) parameters: Parameters,
    pub(super) moments: Moments,
    /// Steps done.
    pub(super) step: u64,
    /// SHA-256 of the parameters after [`EARLY`] steps.
    pub(super) early: Option<String>,
}

impl State {
    pub(super) fn new(parameters: Parameters) -> Self {
        let moments = Moments::new(parameters.count());
        Self { parameters, moments, step: 0, early: None }
    }

    /// The parameters.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// Steps done.
    pub fn step(&self) -> u64 {
        self.step
    }

    /// SHA-256 of the parameters after [`EARLY`] steps, once there were so many.
    pub fn early(&self) -> Option<&str> {
        self.early.as_deref()
    }

    /// Takes one step of the optimiser.
    pub(super) fn advance(&mut self, gradient: &[f32], settings: &Settings, rate: f64) {
        self.step += 1;
        self.moments.update(self.parameters.values_mut(), gradient, settings, rate, self.step);
        if self.step == EARLY {
            self.early = Some(digest(&[self.parameters.values()]));
        }
    }
}

/// SHA-256 over the bytes of numbers, in lower-case hexadecimal digits.
pub(super) fn digest(arrays: &[&[f32]]) -> String {
    let mut hash = Sha256::new();
    for values in arrays {
        for value in *values {
            hash.update(value.to_le_bytes());
        }
    }
    hexadecimal(&hash.finalize())
}

/// Two lower-case hexadecimal digits a byte.
pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from(b"0123456789abcdef"[usize::from(value)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
