//! Runge-Kutta schemes.

use serde::{Deserialize, Serialize};

/// How the equation of motion is integrated.
///
/// The adaptive scheme is written out here: integrators in public crates take a right-hand side that cannot fail, and where
/// a shot leaves the chart is an answer of this one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Integrator {
    /// The fifth-order weights of Dormand and Prince at fixed steps.
    ///
    /// # Source
    /// Dormand and Prince 1980; the JAX code, `manifolds/manifold.py`, `rk45_fixed_step`, commit 397ebf3.
    DormandPrince,
    /// The 3/8 rule of Kutta at fixed steps; `T` points in the released code are `T - 1` steps.
    ///
    /// # Source
    /// Kutta 1901; torchdiffeq 0.2.5, method `rk4`, which the PyTorch code calls.
    ThreeEighths,
    /// Dormand and Prince 5(4) with step-size control and continuous output.
    ///
    /// # Source
    /// Hairer, Norsett and Wanner, Solving Ordinary Differential Equations I, section II.4 to II.6.
    Adaptive {
        /// Error that a step may make, relative to the size of the state and absolutely, in (0, 1).
        tolerance: f64,
    },
}

impl Default for Integrator {
    fn default() -> Self {
        Self::Adaptive { tolerance: 1e-9 }
    }
}

/// An explicit Runge-Kutta scheme for equations that do not depend on time.
pub(crate) struct Scheme {
    /// Times of the stages within a step.
    pub(crate) times: &'static [f64],
    /// Weights of earlier stages in the argument of each stage after the first.
    pub(crate) stages: &'static [&'static [f64]],
    /// Weights of the stages in the step.
    pub(crate) weights: &'static [f64],
}

pub(crate) const DORMAND_PRINCE: Scheme = Scheme {
    times: &[0.0, 1.0 / 5.0, 3.0 / 10.0, 4.0 / 5.0, 8.0 / 9.0, 1.0],
    stages: &[
        &[1.0 / 5.0],
        &[3.0 / 40.0, 9.0 / 40.0],
        &[44.0 / 45.0, -56.0 / 15.0, 32.0 / 9.0],
        &[19372.0 / 6561.0, -25360.0 / 2187.0, 64448.0 / 6561.0, -212.0 / 729.0],
        &[9017.0 / 3168.0, -355.0 / 33.0, 46732.0 / 5247.0, 49.0 / 176.0, -5103.0 / 18656.0],
    ],
    weights: &[35.0 / 384.0, 0.0, 500.0 / 1113.0, 125.0 / 192.0, -2187.0 / 6784.0, 11.0 / 84.0],
};

pub(crate) const THREE_EIGHTHS: Scheme = Scheme {
    times: &[0.0, 1.0 / 3.0, 2.0 / 3.0, 1.0],
    stages: &[&[1.0 / 3.0], &[-1.0 / 3.0, 1.0], &[1.0, -1.0, 1.0]],
    weights: &[1.0 / 8.0, 3.0 / 8.0, 3.0 / 8.0, 1.0 / 8.0],
};

/// Fifth-order minus fourth-order weights of Dormand and Prince, the slope at the end of the step last.
pub(crate) const ERROR_WEIGHTS: [f64; 7] =
    [71.0 / 57600.0, 0.0, -71.0 / 16695.0, 71.0 / 1920.0, -17253.0 / 339_200.0, 22.0 / 525.0, -1.0 / 40.0];

/// Weights of the slopes in the last term of the continuous output.
pub(crate) const OUTPUT_WEIGHTS: [f64; 7] = [
    -12_715_105_075.0 / 11_282_082_432.0,
    0.0,
    87_487_479_700.0 / 32_700_410_799.0,
    -10_690_763_975.0 / 1_880_347_072.0,
    701_980_252_875.0 / 199_316_789_632.0,
    -1_453_857_185.0 / 822_651_844.0,
    69_997_945.0 / 29_380_423.0,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_add_up_as_consistency_demands() {
        for scheme in [DORMAND_PRINCE, THREE_EIGHTHS] {
            assert!((scheme.weights.iter().sum::<f64>() - 1.0).abs() < 1e-14);
            for (stage, time) in scheme.stages.iter().zip(&scheme.times[1..]) {
                assert!((stage.iter().sum::<f64>() - time).abs() < 1e-14);
            }
            let first_moment: f64 = scheme.weights.iter().zip(scheme.times).map(|(w, t)| w * t).sum();
            assert!((first_moment - 0.5).abs() < 1e-14);
        }
        assert!(ERROR_WEIGHTS.iter().sum::<f64>().abs() < 1e-14);
        assert!(OUTPUT_WEIGHTS.iter().sum::<f64>().abs() < 1e-12);
    }
}
