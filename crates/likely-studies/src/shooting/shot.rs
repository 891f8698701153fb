//! Shots: the equation of motion integrated from many starts at once.

use super::adaptive;
use super::integrator::{DORMAND_PRINCE, Integrator, Scheme, THREE_EIGHTHS};
use super::motion::{Field, Motion, check_vectors};
use likely_core::{EvalError, Rows};
use ndarray::{Array2, ArrayView1};

/// Why a shot ended before its time.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Lost {
    /// It left the chart of the geometry.
    #[error("the shot left the chart at time {time:.4}: {reason}")]
    OutsideChart {
        /// Time of the last point inside, or of the stage of a step that was outside.
        time: f64,
        /// Which condition was violated.
        reason: String,
    },
    /// Position, velocity or acceleration ceased to be finite.
    #[error("the shot was not finite at time {time:.4}; its speed grew without bound")]
    NotFinite {
        /// When.
        time: f64,
    },
    /// The metric tensor ceased to be positive definite.
    #[error("the metric tensor was not positive definite at time {time:.4}")]
    NotPositiveDefinite {
        /// When.
        time: f64,
    },
    /// The adaptive scheme used up its steps.
    #[error(
        "{steps} steps were not enough to get beyond time {time:.4}; loosen the tolerance or shoot slower"
    )]
    StepLimit {
        /// How far it came.
        time: f64,
        /// Steps taken.
        steps: u64,
    },
}

impl Lost {
    /// When the shot ended.
    pub fn time(&self) -> f64 {
        match self {
            Self::OutsideChart { time, .. }
            | Self::NotFinite { time }
            | Self::NotPositiveDefinite { time }
            | Self::StepLimit { time, .. } => *time,
        }
    }

    /// The row that an evaluation failed for, with the reason; errors that concern no single row come back as they are.
    pub(crate) fn of(error: EvalError, time: f64) -> Result<(usize, Self), EvalError> {
        match error {
            EvalError::OutsideChart { row, reason } => Ok((row, Self::OutsideChart { time, reason })),
            EvalError::NonFinitePoint { row } => Ok((row, Self::NotFinite { time })),
            EvalError::NotPositiveDefinite { row } => Ok((row, Self::NotPositiveDefinite { time })),
            other => Err(other),
        }
    }
}

/// Why nothing was shot at all.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ShootError {
    /// The geometry or the model failed.
    #[error(transparent)]
    Eval(#[from] EvalError),
    /// The question makes no sense as it was asked.
    #[error("{reason}")]
    Input {
        /// In words, with what would be right.
        reason: String,
    },
}

/// A curve that was shot, with its velocities, up to its end or to where it was lost.
#[derive(Debug, Clone, PartialEq)]
pub struct Shot {
    /// Times of the points, from 0.
    pub times: Vec<f64>,
    /// Points, shape `(times, dim)`.
    pub points: Array2<f64>,
    /// Velocities, of the same shape.
    pub velocities: Array2<f64>,
    /// Why it ended early, if it did.
    pub lost: Option<Lost>,
}

impl Shot {
    /// Where it ends.
    ///
    /// # Errors
    /// [`Lost`] where it did not get to its end.
    pub fn end(&self) -> Result<ArrayView1<'_, f64>, &Lost> {
        match &self.lost {
            Some(lost) => Err(lost),
            None => Ok(self.points.row(self.points.nrows() - 1)),
        }
    }
}

/// What to integrate, and how finely.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shooting {
    /// The scheme.
    pub integrator: Integrator,
    /// Steps of a fixed scheme; intervals between the points that are kept, of the adaptive one.
    pub steps: usize,
    /// Length of time, 1 for the exponential map.
    pub duration: f64,
}

/// Numbers in all points and velocities of a batch of shots: 1 GiB.
const LARGEST: usize = 1 << 27;

impl Shooting {
    /// Over a time of one.
    pub const fn new(integrator: Integrator, steps: usize) -> Self {
        Self { integrator, steps, duration: 1.0 }
    }

    fn check(&self, motion: &Motion<'_>, starts: Rows<'_>, velocities: &[f64]) -> Result<(), ShootError> {
        starts.with_dim(motion.geometry.dim())?;
        check_vectors(starts, velocities)?;
        let input = |reason: String| Err(ShootError::Input { reason });
        if self.steps == 0 {
            return input("0 steps; a shot needs at least 1".to_owned());
        }
        if !(self.duration > 0.0 && self.duration.is_finite()) {
            return input(format!("duration is {}; it must be positive and finite", self.duration));
        }
        if let Integrator::Adaptive { tolerance } = self.integrator
            && !(tolerance > 0.0 && tolerance < 1.0)
        {
            return input(format!("tolerance is {tolerance}; it must lie between 0 and 1"));
        }
        if let Some(force) = motion.force
            && !force.lambda.is_finite()
        {
            return input(format!("lambda is {}; it must be finite", force.lambda));
        }
        let numbers = self.steps.checked_add(1).and_then(|n| n.checked_mul(2 * starts.values().len()));
        if numbers.is_none_or(|numbers| numbers > LARGEST) {
            return input(format!(
                "{} shots of {} steps in {} coordinates are more than {LARGEST} numbers; take fewer steps or shots",
                starts.count(),
                self.steps,
                starts.dim()
            ));
        }
        let bad = |values: &[f64]| values.iter().position(|x| !x.is_finite()).map(|k| k / starts.dim());
        match bad(starts.values()).or(bad(velocities)) {
            Some(row) => Err(EvalError::NonFinitePoint { row }.into()),
            None => Ok(()),
        }
    }

    /// Shoots from each row of `starts` with the velocity of the same row; all shots of a fixed scheme share evaluations.
    ///
    /// A shot that is lost takes nothing from the others.
    ///
    /// # Errors
    /// [`ShootError`] where the input does not fit, or the model fails for all.
    pub fn shoot(
        &self,
        motion: &Motion<'_>,
        starts: Rows<'_>,
        velocities: &[f64],
    ) -> Result<Vec<Shot>, ShootError> {
        self.check(motion, starts, velocities)?;
        let scheme = match self.integrator {
            Integrator::DormandPrince => &DORMAND_PRINCE,
            Integrator::ThreeEighths => &THREE_EIGHTHS,
            Integrator::Adaptive { tolerance } => {
                let dim = starts.dim();
                let mut field = Field::new(*motion);
                let rows = starts.iter().zip(velocities.chunks_exact(dim));
                let shots = rows.map(|(z, v)| adaptive::shoot(&mut field, z, v, self, tolerance));
                return shots.collect();
            }
        };
        Ok(Batch::new(*motion, starts, velocities).run(scheme, self)?)
    }
}

/// What has been integrated of one shot.
#[derive(Default)]
pub(crate) struct Track {
    pub(crate) times: Vec<f64>,
    pub(crate) points: Vec<f64>,
    pub(crate) velocities: Vec<f64>,
    pub(crate) lost: Option<Lost>,
}

impl Track {
    pub(crate) fn push(&mut self, time: f64, z: &[f64], v: &[f64]) {
        self.times.push(time);
        self.points.extend_from_slice(z);
        self.velocities.extend_from_slice(v);
    }

    pub(crate) fn finish(self, dim: usize) -> Shot {
        let shape = (self.times.len(), dim);
        Shot {
            times: self.times,
            points: Array2::from_shape_vec(shape, self.points).expect("a row was pushed a time"),
            velocities: Array2::from_shape_vec(shape, self.velocities).expect("a row was pushed a time"),
            lost: self.lost,
        }
    }
}

/// Shots under way, those that are not lost side by side.
struct Batch<'a> {
    field: Field<'a>,
    dim: usize,
    /// Indices of the shots that are not lost.
    live: Vec<usize>,
    z: Vec<f64>,
    v: Vec<f64>,
    tracks: Vec<Track>,
}

impl<'a> Batch<'a> {
    fn new(motion: Motion<'a>, starts: Rows<'_>, velocities: &[f64]) -> Self {
        let dim = starts.dim();
        let mut tracks: Vec<Track> = Vec::new();
        for (z, v) in starts.iter().zip(velocities.chunks_exact(dim)) {
            let mut track = Track::default();
            track.push(0.0, z, v);
            tracks.push(track);
        }
        Self {
            field: Field::new(motion),
            dim,
            live: (0..tracks.len()).collect(),
            z: starts.values().to_vec(),
            v: velocities.to_vec(),
            tracks,
        }
    }

    fn run(mut self, scheme: &Scheme, shooting: &Shooting) -> Result<Vec<Shot>, EvalError> {
        let h = shooting.duration / shooting.steps as f64;
        for step in 0..shooting.steps {
            let time = h * step as f64;
            while !self.live.is_empty() {
                match self.step(scheme, time, h) {
                    Ok((z, v)) => {
                        (self.z, self.v) = (z, v);
                        break;
                    }
                    Err((error, time)) => {
                        let (row, lost) = Lost::of(error, time)?;
                        self.lose(row, lost);
                    }
                }
            }
            let time = h * (step + 1) as f64;
            // From the last row, so that the rows before keep their numbers.
            for row in (0..self.live.len()).rev() {
                let at = row * self.dim..(row + 1) * self.dim;
                let (z, v) = (&self.z[at.clone()], &self.v[at]);
                if z.iter().chain(v).all(|x| x.is_finite()) {
                    self.tracks[self.live[row]].push(time, z, v);
                } else {
                    self.lose(row, Lost::NotFinite { time });
                }
            }
        }
        Ok(self.tracks.into_iter().map(|track| track.finish(self.dim)).collect())
    }

    /// The state after a step from `time`; an error comes with the time of its stage.
    fn step(&mut self, scheme: &Scheme, time: f64, h: f64) -> Result<(Vec<f64>, Vec<f64>), (EvalError, f64)> {
        let size = self.z.len();
        let mut slopes: Vec<(Vec<f64>, Vec<f64>)> = Vec::with_capacity(scheme.times.len());
        for (stage, at) in scheme.times.iter().enumerate() {
            let (mut z, mut v) = (self.z.clone(), self.v.clone());
            if stage > 0 {
                for (a, (dz, dv)) in scheme.stages[stage - 1].iter().zip(&slopes) {
                    add(&mut z, h * a, dz);
                    add(&mut v, h * a, dv);
                }
            }
            let mut acceleration = vec![0.0; size];
            Rows::new(&z, self.dim)
                .and_then(|z| self.field.acceleration(z, &v, &mut acceleration))
                .map_err(|error| (error, time + at * h))?;
            slopes.push((v, acceleration));
        }
        let (mut z, mut v) = (self.z.clone(), self.v.clone());
        for (b, (dz, dv)) in scheme.weights.iter().zip(&slopes) {
            add(&mut z, h * b, dz);
            add(&mut v, h * b, dv);
        }
        Ok((z, v))
    }

    fn lose(&mut self, row: usize, lost: Lost) {
        let shot = self.live.remove(row);
        self.tracks[shot].lost = Some(lost);
        let at = row * self.dim..(row + 1) * self.dim;
        self.z.drain(at.clone());
        self.v.drain(at);
    }
}

pub(crate) fn add(to: &mut [f64], factor: f64, what: &[f64]) {
    to.iter_mut().zip(what).for_each(|(to, what)| *to += factor * what);
}
