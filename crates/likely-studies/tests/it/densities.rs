//! Densities with known answers, and the way to ask a study about them.

use likely_core::{EvalError, Geometry, Normalisation, Potential, Seed, Symmetry, ValueGrad};
use likely_studies::{Findings, Pair, Study, StudyError, Subject, find};
use ndarray::{Array1, Array2, ArrayView2};
use std::num::NonZeroUsize;
use std::ops::ControlFlow;

/// A potential from its value and gradient at one point.
pub(crate) struct Pointwise<F> {
    pub(crate) dim: usize,
    pub(crate) at: F,
}

impl<F: Fn(&[f64]) -> (f64, Vec<f64>) + Send + Sync> Potential for Pointwise<F> {
    fn dim(&self) -> usize {
        self.dim
    }

    fn normalisation(&self) -> Normalisation {
        Normalisation::UpToConstant
    }

    fn symmetry(&self) -> Symmetry<'_> {
        Symmetry::None
    }

    fn value(&self, points: ArrayView2<'_, f64>) -> Result<Array1<f64>, EvalError> {
        Ok(points.rows().into_iter().map(|row| (self.at)(&row.to_vec()).0).collect())
    }

    fn value_and_grad(&self, points: ArrayView2<'_, f64>) -> Result<ValueGrad, EvalError> {
        let (mut value, mut grad) = (Array1::zeros(points.nrows()), Array2::zeros(points.raw_dim()));
        for (i, row) in points.rows().into_iter().enumerate() {
            let (v, g) = (self.at)(&row.to_vec());
            value[i] = v;
            grad.row_mut(i).assign(&Array1::from(g));
        }
        Ok(ValueGrad { value, grad })
    }
}

/// `S(x) = k/2 |x - c|^2 + offset`.
pub(crate) fn bowl(centre: Vec<f64>, stiffness: f64, offset: f64) -> impl Potential {
    Pointwise {
        dim: centre.len(),
        at: move |x: &[f64]| {
            let away: Vec<f64> = x.iter().zip(&centre).map(|(x, c)| x - c).collect();
            let value = 0.5 * stiffness * away.iter().map(|d| d * d).sum::<f64>() + offset;
            (value, away.iter().map(|d| stiffness * d).collect())
        },
    }
}

/// A step down towards large `y`: `S(x, y) = 1 / (1 + exp(steepness (y - 1)))`.
pub(crate) fn terrace(y: f64, steepness: f64) -> f64 {
    1.0 / (1.0 + (steepness * (y - 1.0)).exp())
}

/// The plane with a [`terrace`] in its second coordinate.
pub(crate) fn terraced_plane(steepness: f64) -> impl Potential {
    Pointwise {
        dim: 2,
        at: move |x: &[f64]| {
            let s = terrace(x[1], steepness);
            (s, vec![0.0, -steepness * s * (1.0 - s)])
        },
    }
}

/// A study from its configuration.
pub(crate) fn study(id: &str, config: &str) -> Box<dyn Study> {
    let built = (find(id).unwrap().build)(toml::de::DeTable::parse(config).unwrap()).unwrap();
    built.study
}

/// Why a configuration is refused.
pub(crate) fn refusal(id: &str, config: &str) -> String {
    (find(id).unwrap().build)(toml::de::DeTable::parse(config).unwrap()).unwrap_err().to_string()
}

/// Asks `study` about one pair.
pub(crate) fn ask(
    study: &dyn Study,
    geometry: &dyn Geometry,
    potential: &dyn Potential,
    typical: Option<&[f64]>,
    ends: [&[f64]; 2],
    segments: usize,
) -> Result<Findings, StudyError> {
    let (a, b) = (Array1::from(ends[0].to_vec()), Array1::from(ends[1].to_vec()));
    let pairs = [Pair { name: "the pair", start: a.view(), end: b.view() }];
    let subject = Subject {
        geometry,
        derived: None,
        potential,
        score_only: false,
        points: None,
        typical,
        images: None,
        pairs: &pairs,
        segments: NonZeroUsize::new(segments).unwrap(),
    };
    study.run(&subject, &mut Seed::new(1).stream(&[]), &mut |_| ControlFlow::Continue(()))
}

/// The value of a number.
pub(crate) fn number(findings: &Findings, id: &str) -> f64 {
    let reading = findings.numbers.iter().find(|reading| reading.id == id);
    *reading.unwrap_or_else(|| panic!("no number `{id}`")).value.as_ref().unwrap()
}

/// The reason why a number has no value.
pub(crate) fn missing(findings: &Findings, id: &str) -> String {
    findings.numbers.iter().find(|reading| reading.id == id).unwrap().value.clone().unwrap_err()
}

/// One coordinate of the minimiser of `sum dz^2 + factor k/2 sum (z - c)^2`, by elimination in its tridiagonal system.
pub(crate) fn spring(a: f64, b: f64, centre: f64, pull: f64, segments: usize) -> Vec<f64> {
    let n = segments - 1;
    let mut diagonal = vec![4.0 + pull; n];
    let mut rhs = vec![pull * centre; n];
    rhs[0] += 2.0 * a;
    rhs[n - 1] += 2.0 * b;
    for i in 1..n {
        let factor = -2.0 / diagonal[i - 1];
        diagonal[i] += factor * 2.0;
        rhs[i] -= factor * rhs[i - 1];
    }
    for i in (0..n).rev() {
        let next = if i + 1 < n { 2.0 * rhs[i + 1] } else { 0.0 };
        rhs[i] = (rhs[i] + next) / diagonal[i];
    }
    rhs
}
