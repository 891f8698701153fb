//! Curves from one point into all directions.

use crate::bundle::{self, Strand};
use crate::settings::{Count, Lambda};
use crate::shooting::{
    Force, ForceSign, Integrator, Motion, Pull, ShootError, Shooting, Spacing, directions,
};
use crate::study::from_config;
use crate::{Findings, Observer, Pair, Study, StudyError, StudyKind, Subject};
use likely_core::Rows;
use ndarray::{Array1, Array2, ArrayView1, Axis, Slice};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

pub(crate) const STUDY: StudyKind = StudyKind {
    id: "initial-values",
    summary: "Curves of unit initial velocity from the start of each pair into all directions of the plane, and what they amount to together.",
    source: "arXiv 2510.26266 (version 2), the initial-value problems of its table of two-dimensional models",
    numbers: &bundle::NUMBERS,
    build: from_config::<InitialValues>,
};

/// The equation of motion in the geometry of the study.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct ByMotion {
    /// The weight of the potential as it stands in the equation.
    lambda: Lambda,
    force: ForceSign,
    integrator: Integrator,
}

impl Default for ByMotion {
    fn default() -> Self {
        Self {
            lambda: Lambda::try_from(0.0).expect("0 is a weight"),
            force: ForceSign::default(),
            integrator: Integrator::default(),
        }
    }
}

/// Whether a curve has the point where it starts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum FirstPoint {
    /// It has.
    #[default]
    Kept,
    /// It begins one step away.
    ///
    /// # Source
    /// `torch_geometry/manifolds/linear.py`, `Linear.ivp_geodesic`, commit 397ebf3.
    Dropped,
}

/// `x + t v`.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Straight {
    first_point: FirstPoint,
}

/// How curves go on from their start.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Curves {
    /// By the equation of motion.
    Motion(ByMotion),
    /// Straight on.
    Straight(Straight),
    /// Around the sphere through the start, with the part of the velocity along it.
    GreatArc,
    /// Spherical interpolation to `cos |v| x + sin |v| v / |v|`, which lies on no sphere with the start unless that is a unit
    /// vector across `v`.
    ///
    /// # Source
    /// `torch_geometry/manifolds/spherical.py`, `Spherical.ivp_geodesic`, commit 397ebf3.
    SlerpReleased,
}

/// Curves from the start of each pair.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct InitialValues {
    curves: Curves,
    directions: Count<1000>,
    spacing: Spacing,
    /// Steps of a curve over a time of one.
    steps: Count<100_000>,
}

impl Default for InitialValues {
    fn default() -> Self {
        Self {
            curves: Curves::Motion(ByMotion::default()),
            directions: Count::new(10),
            spacing: Spacing::default(),
            steps: Count::new(100),
        }
    }
}

impl Study for InitialValues {
    fn evaluations_at_most(&self, _: usize) -> u64 {
        let points = self.directions.get() as u64 * (self.steps.get() as u64 + 1);
        match self.curves {
            // Six stages of a step, three evaluations in a tensor with its derivatives and one in the force.
            Curves::Motion(_) => points.saturating_mul(6 * 4),
            _ => points,
        }
    }

    fn takes_derived(&self) -> bool {
        matches!(self.curves, Curves::Motion(_))
    }

    fn answer(
        &self,
        subject: &Subject<'_>,
        _: &mut ChaCha8Rng,
        observe: Observer<'_>,
    ) -> Result<Findings, StudyError> {
        if subject.pairs.is_empty() {
            return Err(unsupported("there is no pair of end points whose start curves could leave"));
        }
        if subject.geometry.dim() != 2 {
            return Err(unsupported(
                "directions are angles of the plane, and the model has other coordinates",
            ));
        }
        let mut strands = Vec::new();
        for (done, pair) in subject.pairs.iter().enumerate() {
            self.leave(subject, pair, &mut strands)?;
            if observe((done + 1) as f64 / subject.pairs.len() as f64).is_break() {
                return Err(StudyError::Interrupted);
            }
        }
        let (numbers, series) =
            bundle::measure(subject.geometry, subject.potential, "initial-value-curve", &strands)?;
        Ok(Findings { numbers, series: series.into_iter().collect(), iterations: 0, ..Findings::default() })
    }
}

fn unsupported(reason: impl Into<String>) -> StudyError {
    StudyError::Unsupported { reason: reason.into() }
}

impl InitialValues {
    /// All curves from the start of a pair.
    fn leave(
        &self,
        subject: &Subject<'_>,
        pair: &Pair<'_>,
        strands: &mut Vec<Strand>,
    ) -> Result<(), StudyError> {
        let angles = directions(self.directions.get(), self.spacing);
        let label = |angle: f64| format!("{}, {:.0} degrees", pair.name, angle.to_degrees());
        let velocities: Vec<f64> = angles.iter().flat_map(|angle| [angle.cos(), angle.sin()]).collect();
        let Curves::Motion(motion) = self.curves else {
            for (angle, v) in angles.iter().zip(velocities.chunks_exact(2)) {
                strands.push(self.formula(pair.start, ArrayView1::from(v), label(*angle))?);
            }
            return Ok(());
        };
        let starts: Vec<f64> = angles.iter().flat_map(|_| pair.start.iter().copied()).collect();
        let force = Force {
            pull: Pull::Potential(subject.potential),
            lambda: motion.lambda.get(),
            sign: motion.force,
        };
        let equation = Motion { geometry: subject.derived.unwrap_or(subject.geometry), force: Some(force) };
        let shots = Shooting::new(motion.integrator, self.steps.get())
            .shoot(&equation, Rows::new(&starts, 2)?, &velocities)
            .map_err(|error| match error {
                ShootError::Eval(error) => error.into(),
                ShootError::Input { reason } => unsupported(reason),
            })?;
        strands.extend(shots.into_iter().zip(&angles).map(|(shot, angle)| Strand {
            label: label(*angle),
            times: shot.times,
            points: shot.points,
            lost: shot.lost.map(|lost| lost.to_string()),
        }));
        Ok(())
    }

    /// A curve in closed form.
    fn formula(
        &self,
        x: ArrayView1<'_, f64>,
        v: ArrayView1<'_, f64>,
        label: String,
    ) -> Result<Strand, StudyError> {
        let steps = self.steps.get();
        let at = |point: &dyn Fn(f64) -> Array1<f64>| {
            let mut points = Array2::zeros((steps + 1, x.len()));
            for (i, mut row) in points.rows_mut().into_iter().enumerate() {
                row.assign(&point(i as f64 / steps as f64));
            }
            points
        };
        let norm = |a: ArrayView1<'_, f64>| a.dot(&a).sqrt();
        let points = match self.curves {
            Curves::Motion(_) | Curves::Straight(_) => at(&|t| &x + &(&v * t)),
            Curves::GreatArc => {
                let radius = norm(x);
                if radius == 0.0 {
                    return Err(unsupported(
                        "the start is the origin, which is on no sphere; choose another",
                    ));
                }
                let along = &v - &(&x * (x.dot(&v) / (radius * radius)));
                let speed = norm(along.view());
                if speed == 0.0 {
                    at(&|_| x.to_owned())
                } else {
                    at(&|t| {
                        let angle = t * speed / radius;
                        &x * angle.cos() + &along * (radius * angle.sin() / speed)
                    })
                }
            }
            Curves::SlerpReleased => {
                let angle = norm(v);
                let end = &x * angle.cos() + &v * (angle.sin() / angle);
                at(&|t| {
                    &x * (((1.0 - t) * angle).sin() / angle.sin()) + &end * ((t * angle).sin() / angle.sin())
                })
            }
        };
        let mut strand = Strand::whole(label, points);
        if let Curves::Straight(Straight { first_point: FirstPoint::Dropped }) = self.curves {
            strand.times.remove(0);
            strand.points = strand.points.slice_axis(Axis(0), Slice::from(1..)).to_owned();
        }
        Ok(strand)
    }
}
