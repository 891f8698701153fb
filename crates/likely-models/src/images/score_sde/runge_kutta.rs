//! Ordinary differential equations by the pair of Dormand and Prince, with steps as long as a tolerance allows.

use likely_core::EvalError;

/// Places within a step, from the second stage on, and the weights of the earlier slopes there.
const STAGES: [(f64, &[f64]); 6] = [
    (1.0 / 5.0, &[1.0 / 5.0]),
    (3.0 / 10.0, &[3.0 / 40.0, 9.0 / 40.0]),
    (4.0 / 5.0, &[44.0 / 45.0, -56.0 / 15.0, 32.0 / 9.0]),
    (8.0 / 9.0, &[19372.0 / 6561.0, -25360.0 / 2187.0, 64448.0 / 6561.0, -212.0 / 729.0]),
    (1.0, &[9017.0 / 3168.0, -355.0 / 33.0, 46732.0 / 5247.0, 49.0 / 176.0, -5103.0 / 18656.0]),
    (1.0, &[35.0 / 384.0, 0.0, 500.0 / 1113.0, 125.0 / 192.0, -2187.0 / 6784.0, 11.0 / 84.0]),
];
/// Weights of the slopes in the difference between the results of order 5 and 4.
const ERROR: [f64; 7] =
    [71.0 / 57600.0, 0.0, -71.0 / 16695.0, 71.0 / 1920.0, -17253.0 / 339_200.0, 22.0 / 525.0, -1.0 / 40.0];
/// Part of the way that the first step tries.
const FIRST: f64 = 1e-3;
/// A step is made so much shorter than the one that would just do.
const CAUTION: f64 = 0.9;
const SHORTER: f64 = 0.2;
const LONGER: f64 = 5.0;
/// Part of the way below which a step does not get on, and steps, accepted or not, after which something is wrong.
const SHORTEST: f64 = 1e-13;
const MOST: usize = 20_000;

/// `y` at the time `to` where `dy/dt = f(t, y)` and `y` is given at the time `from`, which may be the later one.
///
/// In each step the estimated error of every number `y` is at most `tolerance (1 + |y|)`.
///
/// # Errors
/// What `f` says, and [`EvalError::Model`] where the steps become too many.
///
/// # Source
/// Dormand and Prince 1980, as in `scipy.integrate.RK45`, with the largest error in place of the mean.
pub(super) fn integrate(
    mut f: impl FnMut(f64, &[f64]) -> Result<Vec<f64>, EvalError>,
    [from, to]: [f64; 2],
    mut y: Vec<f64>,
    tolerance: f64,
) -> Result<Vec<f64>, EvalError> {
    let (mut t, mut step) = (from, FIRST * (to - from));
    let mut slopes = vec![f(t, &y)?];
    for _ in 0..MOST {
        // What is left below a rounding of the way counts as the end of it.
        let last = (to - (t + step)) / (to - from) <= 1e-14;
        if last {
            step = to - t;
        }
        let mut next = y.clone();
        for (place, weights) in STAGES {
            next.copy_from_slice(&y);
            for (slope, weight) in slopes.iter().zip(weights) {
                next.iter_mut().zip(slope).for_each(|(next, slope)| *next += step * weight * slope);
            }
            slopes.push(f(if last && place >= 1.0 { to } else { t + place * step }, &next)?);
        }
        let worst = (0..y.len()).fold(0.0_f64, |worst, i| {
            let error: f64 = slopes.iter().zip(ERROR).map(|(slope, weight)| weight * slope[i]).sum();
            let error = (step * error).abs() / (tolerance * (1.0 + y[i].abs().max(next[i].abs())));
            if error.is_nan() { f64::INFINITY } else { worst.max(error) }
        });
        let factor = CAUTION * libm::pow(worst.max(1e-12), -0.2);
        if worst <= 1.0 {
            t += step;
            y = next;
            if last {
                return Ok(y);
            }
            // The slope at the end of a step is that at the beginning of the next.
            slopes.drain(..6);
            step *= factor.clamp(SHORTER, LONGER);
        } else {
            slopes.truncate(1);
            step *= factor.clamp(SHORTER, 1.0);
            if step.abs() < SHORTEST * (to - from).abs() {
                break;
            }
        }
    }
    let reason = format!(
        "the flow cannot be followed beyond time {t} with tolerance {tolerance:e}; give a larger one"
    );
    Err(EvalError::Model { reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `y' = (-y_1, y_0)` turns the plane, and an error that grows with the tolerance alone is one of order 5.
    #[test]
    fn a_turn_comes_back_and_a_smaller_tolerance_brings_it_nearer() {
        let off = [1e-4, 1e-7, 1e-10].map(|tolerance| {
            let turn = |_: f64, y: &[f64]| Ok(vec![-y[1], y[0]]);
            let there = integrate(turn, [0.0, 3.0], vec![1.0, 0.0], tolerance).unwrap();
            assert!((there[0] - 3.0_f64.cos()).abs() < 20.0 * tolerance);
            let back = integrate(turn, [3.0, 0.0], there, tolerance).unwrap();
            (back[0] - 1.0).hypot(back[1])
        });
        assert!(off[0] < 2e-3 && off[1] < 2e-6 && off[2] < 2e-9, "{off:?}");
    }

    #[test]
    fn slopes_without_a_number_end_in_an_error() {
        let error = integrate(|_, _| Ok(vec![f64::NAN]), [0.0, 1.0], vec![1.0], 1e-6).unwrap_err();
        assert!(error.to_string().contains("beyond time 0"), "{error}");
    }
}
