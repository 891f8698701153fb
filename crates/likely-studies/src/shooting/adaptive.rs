//! The embedded pair of Dormand and Prince with a proportional-integral step control.

use super::integrator::{DORMAND_PRINCE, ERROR_WEIGHTS, OUTPUT_WEIGHTS};
use super::motion::Field;
use super::shot::{Lost, ShootError, Shooting, Shot, Track, add};
use likely_core::{EvalError, Rows};

/// Steps of one shot, tried ones included.
const MOST_STEPS: u64 = 100_000;
/// Smallest step as a share of the duration: below it a shot ends where it is.
const SMALLEST_STEP: f64 = 1e-12;
/// Exponents of the present and the last error: 0.7 / 5 and 0.4 / 5.
const PROPORTIONAL: f64 = 0.14;
const INTEGRAL: f64 = 0.08;
const SAFETY: f64 = 0.9;

/// `(z, v)` in one vector, with its slope.
struct Slopes {
    k: Vec<Vec<f64>>,
}

fn slope(field: &mut Field<'_>, y: &[f64]) -> Result<Vec<f64>, EvalError> {
    let dim = y.len() / 2;
    let mut out = vec![0.0; y.len()];
    out[..dim].copy_from_slice(&y[dim..]);
    field.acceleration(Rows::new(&y[..dim], dim)?, &y[dim..], &mut out[dim..])?;
    if out.iter().all(|x| x.is_finite()) { Ok(out) } else { Err(EvalError::NonFinitePoint { row: 0 }) }
}

/// A trial step from `y` with slope `first`: the new state, and the slopes of all stages with that at its end.
fn trial(field: &mut Field<'_>, y: &[f64], first: &[f64], h: f64) -> Result<(Vec<f64>, Slopes), EvalError> {
    let mut k: Vec<Vec<f64>> = vec![first.to_vec()];
    for stage in DORMAND_PRINCE.stages {
        let mut at = y.to_vec();
        stage.iter().zip(&k).for_each(|(a, k)| add(&mut at, h * a, k));
        k.push(slope(field, &at)?);
    }
    let mut new = y.to_vec();
    DORMAND_PRINCE.weights.iter().zip(&k).for_each(|(b, k)| add(&mut new, h * b, k));
    k.push(slope(field, &new)?);
    Ok((new, Slopes { k }))
}

impl Slopes {
    /// The estimated error of a step over what is tolerated; at most 1 is good.
    fn error(&self, h: f64, old: &[f64], new: &[f64], tolerance: f64) -> f64 {
        let mut sum = 0.0;
        for (j, (old, new)) in old.iter().zip(new).enumerate() {
            let error: f64 = ERROR_WEIGHTS.iter().zip(&self.k).map(|(e, k)| e * k[j]).sum::<f64>() * h;
            sum += (error / (tolerance * (1.0 + old.abs().max(new.abs())))).powi(2);
        }
        (sum / old.len() as f64).sqrt()
    }

    /// The state at the share `theta` of a step.
    fn output(&self, theta: f64, h: f64, old: &[f64], new: &[f64]) -> Vec<f64> {
        let (first, last) = (&self.k[0], &self.k[6]);
        let rest = 1.0 - theta;
        let at = |j: usize| {
            let change = new[j] - old[j];
            let forward = h * first[j] - change;
            let backward = change - h * last[j] - forward;
            let quartic: f64 = OUTPUT_WEIGHTS.iter().zip(&self.k).map(|(d, k)| d * k[j]).sum::<f64>() * h;
            old[j] + theta * (change + rest * (forward + theta * (backward + rest * quartic)))
        };
        (0..old.len()).map(at).collect()
    }
}

pub(super) fn shoot(
    field: &mut Field<'_>,
    start: &[f64],
    velocity: &[f64],
    shooting: &Shooting,
    tolerance: f64,
) -> Result<Shot, ShootError> {
    let dim = start.len();
    let mut track = Track::default();
    track.push(0.0, start, velocity);
    track.lost = fly(field, &mut track, shooting, tolerance)?;
    Ok(track.finish(dim))
}

fn fly(
    field: &mut Field<'_>,
    track: &mut Track,
    shooting: &Shooting,
    tolerance: f64,
) -> Result<Option<Lost>, EvalError> {
    let dim = track.points.len();
    let mut y: Vec<f64> = track.points.iter().chain(&track.velocities).copied().collect();
    let mut first = match slope(field, &y) {
        Ok(first) => first,
        Err(error) => return Lost::of(error, 0.0).map(|(_, lost)| Some(lost)),
    };
    let (duration, interval) = (shooting.duration, shooting.duration / shooting.steps as f64);
    let (mut time, mut kept) = (0.0, 0);
    let mut h = first_step(&y, &first, tolerance).min(duration);
    let mut last_error = 1e-4_f64;
    let mut rejected = false;
    for _ in 0..MOST_STEPS {
        // A last step that would leave a sliver takes it along.
        let left = duration - time;
        let ends = h >= left * (1.0 - 1e-10);
        let step = if ends { left } else { h };
        let smallest = SMALLEST_STEP * duration;
        let (new, slopes) = match trial(field, &y, &first, step) {
            Ok(result) => result,
            Err(error) => {
                let (_, lost) = Lost::of(error, time)?;
                h = 0.25 * step;
                rejected = true;
                if h < smallest {
                    return Ok(Some(lost));
                }
                continue;
            }
        };
        let error = slopes.error(step, &y, &new, tolerance);
        if error > 1.0 || error.is_nan() {
            h = step * if error.is_nan() { 0.2 } else { (SAFETY * error.powf(-0.2)).clamp(0.2, 1.0) };
            rejected = true;
            if h < smallest {
                return Ok(Some(Lost::NotFinite { time }));
            }
            continue;
        }
        let until = if ends { duration } else { time + step };
        while kept < shooting.steps {
            let next = if kept + 1 == shooting.steps { duration } else { interval * (kept + 1) as f64 };
            if next > until {
                break;
            }
            let theta = if next >= until { 1.0 } else { (next - time) / step };
            let state = if theta >= 1.0 { new.clone() } else { slopes.output(theta, step, &y, &new) };
            track.push(next, &state[..dim], &state[dim..]);
            kept += 1;
        }
        if ends {
            return Ok(None);
        }
        let growth = SAFETY * error.max(1e-10).powf(-PROPORTIONAL) * last_error.powf(INTEGRAL);
        h = step * growth.clamp(0.2, if rejected { 1.0 } else { 10.0 });
        last_error = error.max(1e-4);
        rejected = false;
        time = until;
        y = new;
        first = slopes.k.into_iter().next_back().expect("a step has seven slopes");
    }
    Ok(Some(Lost::StepLimit { time, steps: MOST_STEPS }))
}

/// A step over which the state changes by a small share of itself.
fn first_step(y: &[f64], slope: &[f64], tolerance: f64) -> f64 {
    let size = y.iter().map(|y| y.abs()).fold(0.0, f64::max);
    let speed = slope.iter().map(|k| k.abs()).fold(0.0, f64::max);
    if speed > 0.0 { tolerance.powf(0.2) * (1.0 + size) / speed } else { f64::INFINITY }
}
