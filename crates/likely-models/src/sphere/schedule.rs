//! How fast noise comes in: the clock of a diffusion on the sphere.

use serde::{Deserialize, Serialize};

/// A linear rate of noise: `dX = sqrt(beta(t)) dB` with `beta(t) = start + (end - start) t` for `t` in `[0, 1]`, so that after
/// `t` as much noise has come in as Brownian motion brings in `s(t) = start t + (end - start) t^2 / 2`.
///
/// # Source
/// De Bortoli et al. 2022 and its code (`LinearBetaSchedule`), where the rate runs from 0.001 to 5 and the first time is 0.001.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked", rename_all = "kebab-case")]
pub struct NoiseSchedule {
    start: f64,
    end: f64,
    first_time: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Unchecked {
    start: f64,
    end: f64,
    first_time: f64,
}

impl Default for Unchecked {
    fn default() -> Self {
        let NoiseSchedule { start, end, first_time } = NoiseSchedule::default();
        Self { start, end, first_time }
    }
}

impl TryFrom<Unchecked> for NoiseSchedule {
    type Error = String;

    fn try_from(Unchecked { start, end, first_time }: Unchecked) -> Result<Self, String> {
        Self::new(start, end, first_time)
    }
}

impl Default for NoiseSchedule {
    fn default() -> Self {
        Self { start: 1e-3, end: 5.0, first_time: 1e-3 }
    }
}

impl NoiseSchedule {
    /// The schedule with the given rates of noise at times 0 and 1, looked at from `first_time` on.
    ///
    /// # Errors
    /// What is wrong with a number.
    pub fn new(start: f64, end: f64, first_time: f64) -> Result<Self, String> {
        if !(1e-6..=100.0).contains(&start) {
            return Err(format!(
                "the rate of noise at the start is {start}; it must be between 1e-6 and 100"
            ));
        }
        if !(1.0..=100.0).contains(&end) {
            return Err(format!("the rate of noise at the end is {end}; it must be between 1 and 100"));
        }
        if !(1e-5..=0.5).contains(&first_time) {
            return Err(format!("the first time is {first_time}; it must be between 1e-5 and 0.5"));
        }
        Ok(Self { start, end, first_time })
    }

    /// The time from which on the process is looked at; the data have a density only where noise was added to them.
    pub fn first_time(self) -> f64 {
        self.first_time
    }

    /// `s(t)`, the time of Brownian motion that brings as much noise as there is at `time`.
    pub fn noise(self, time: f64) -> f64 {
        time * (self.start + 0.5 * (self.end - self.start) * time)
    }

    /// `log s` at the first and at the last time.
    pub(crate) fn log_range(self) -> [f64; 2] {
        [self.noise(self.first_time), self.noise(1.0)].map(libm::log)
    }
}
