//! Families with one parameter: their Fisher-Rao geometry is a line in other coordinates.

use crate::pointwise::{Part, Pointwise, batched, ends, points, vector};
use likely_core::{ClosedForm, EvalError, Form, Geometry};
use std::f64::consts::FRAC_PI_2;

/// A Fisher information of one parameter, to be scaled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Law {
    /// `1 / (t (1 - t))`: a probability of success, counted in trials.
    Proportion,
    /// `1 / t`: a rate of counts.
    Counts,
    /// `1 / ((1 - t) t^2)`: a probability of success, counted until a success.
    Waiting,
    /// `1 / t^2`: a rate or a scale.
    Scale,
}

/// `scale` times the information of `law`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line {
    law: Law,
    scale: f64,
}

impl Line {
    pub(crate) const fn new(law: Law, scale: f64) -> Self {
        Self { law, scale }
    }

    /// The information and its derivative.
    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn information(self, t: f64) -> (f64, f64) {
        let (value, slope) = match self.law {
            Law::Proportion => {
                let value = 1.0 / (t * (1.0 - t));
                (value, (2.0 * t - 1.0) * value * value)
            }
            Law::Counts => (1.0 / t, -1.0 / (t * t)),
            Law::Waiting => {
                let value = 1.0 / ((1.0 - t) * t * t);
                (value, (3.0 * t - 2.0) * t * value * value)
            }
            Law::Scale => (1.0 / (t * t), -2.0 / (t * t * t)),
        };
        (self.scale * value, self.scale * slope)
    }

    /// Arc length at scale one, increasing in `t`.
    fn arc(self, t: f64) -> f64 {
        match self.law {
            Law::Proportion => 2.0 * libm::atan2(t.sqrt(), (1.0 - t).sqrt()),
            Law::Counts => 2.0 * t.sqrt(),
            Law::Waiting => libm::log(t) - 2.0 * libm::log1p((1.0 - t).sqrt()),
            Law::Scale => libm::log(t),
        }
    }

    /// The inverse of [`Line::arc`], where there is one.
    fn at_arc(self, arc: f64) -> Option<f64> {
        match self.law {
            Law::Proportion => (arc > 0.0 && arc < 2.0 * FRAC_PI_2).then(|| {
                let sine = libm::sin(0.5 * arc);
                sine * sine
            }),
            Law::Counts => (arc > 0.0).then_some(0.25 * arc * arc),
            // The arc is -2 artanh sqrt(1 - t), so t = 1 / cosh^2(arc / 2).
            Law::Waiting => (arc < 0.0).then(|| {
                let cosh = libm::cosh(0.5 * arc);
                1.0 / (cosh * cosh)
            }),
            Law::Scale => Some(libm::exp(arc)),
        }
    }

    fn condition(self) -> &'static str {
        match self.law {
            Law::Proportion | Law::Waiting => "a probability between 0 and 1",
            Law::Counts | Law::Scale => "a positive number",
        }
    }
}

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl Pointwise for Line {
    #[inline(always)]
    fn dim(&self) -> usize {
        1
    }

    #[inline(always)]
    fn form(&self) -> Form {
        Form::Diagonal
    }

    #[inline(always)]
    fn contains(&self, x: &[f64]) -> bool {
        x[0] > 0.0 && (x[0] < 1.0 || matches!(self.law, Law::Counts | Law::Scale))
    }

    fn outside(&self, x: &[f64]) -> String {
        format!("its coordinate is {}, where {} is needed", x[0], self.condition())
    }

    #[inline(always)]
    fn tensor(&self, x: &[f64], out: Part<'_>) {
        out.main[0] = self.information(x[0]).0;
    }

    #[inline(always)]
    fn squared_norm(&self, x: &[f64], v: &[f64]) -> f64 {
        self.information(x[0]).0 * v[0] * v[0]
    }

    #[inline(always)]
    fn gradient(&self, x: &[f64], v: &[f64], out: &mut [f64]) {
        out[0] = self.information(x[0]).1 * v[0] * v[0];
    }

    #[inline(always)]
    fn christoffel(&self, x: &[f64], v: &[f64], out: &mut [f64]) {
        out[0] = 0.5 * self.information(x[0]).1 * v[0] * v[0];
    }
}

impl Geometry for Line {
    batched!();

    fn closed_form(&self) -> Option<&dyn ClosedForm> {
        Some(self)
    }
}

impl ClosedForm for Line {
    fn distance(&self, from: &[f64], to: &[f64]) -> Result<f64, EvalError> {
        ends(self, from, to)?;
        Ok(self.scale.sqrt() * (self.arc(to[0]) - self.arc(from[0])).abs())
    }

    fn log(&self, from: &[f64], to: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
        ends(self, from, to)?;
        vector(1, from, out)?;
        let slope = (self.information(from[0]).0 / self.scale).sqrt();
        out[0] = (self.arc(to[0]) - self.arc(from[0])) / slope;
        Ok(())
    }

    fn exp(&self, from: &[f64], velocity: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
        points(self, from)?;
        vector(1, velocity, out)?;
        let slope = (self.information(from[0]).0 / self.scale).sqrt();
        let reached = self.at_arc(self.arc(from[0]) + slope * velocity[0]);
        if let Some(t) = reached.filter(|t| t.is_finite() && self.contains(&[*t])) {
            out[0] = t;
            return Ok(());
        }
        let reason = format!("the geodesic leaves the chart, where {} is needed", self.condition());
        Err(EvalError::OutsideChart { row: 0, reason })
    }
}
