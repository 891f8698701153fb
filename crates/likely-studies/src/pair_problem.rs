//! One pair of end points of a subject, its curves at any weight, and what they amount to.

use crate::path;
use crate::settings::{Count, Positive};
use crate::{Observer, Pair, StudyError, Subject};
use likely_core::{Counted, Curve, Ends, EvalError, Geometry, Potential, Rows, Stop};
use likely_methods::{Density, InterpolateError, Interpolator, Scene};
use ndarray::{Array1, Array2};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use std::num::NonZeroUsize;
use std::ops::ControlFlow;

/// The method that the curves of a study come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SolvedBy {
    /// As published.
    ProbGeorce,
    /// With quasi-Newton directions.
    ProbGeorceAccelerated,
}

impl SolvedBy {
    fn id(self) -> &'static str {
        match self {
            Self::ProbGeorce => "prob-georce",
            Self::ProbGeorceAccelerated => "prob-georce-accelerated",
        }
    }
}

/// Most iterations that a curve of a study may take.
pub(crate) type Iterations = Count<1_000_000>;

/// A method with its limits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Solver {
    pub(crate) method: SolvedBy,
    pub(crate) tolerance: Positive,
    pub(crate) max_iterations: Iterations,
}

impl Solver {
    /// The method at the factor `lambda_norm`, whatever curve it starts on.
    pub(crate) fn at(&self, lambda_norm: f64) -> Result<Box<dyn Interpolator>, StudyError> {
        let text = format!(
            "weight = {{ absolute = 1.0 }}\ntolerance = {:?}\nmax-iterations = {}\n",
            self.tolerance.get(),
            u64::from(self.max_iterations)
        );
        let built = likely_methods::find(self.method.id())
            .ok_or_else(|| format!("there is no method `{}`", self.method.id()))
            .and_then(|method| {
                let config = toml::de::DeTable::parse(&text).map_err(|error| error.to_string())?;
                (method.build)(config).map_err(|error| error.to_string())
            });
        built
            .and_then(|built| {
                built
                    .interpolator
                    .with_lambda(lambda_norm)
                    .ok_or_else(|| format!("{lambda_norm} is no weight of the potential"))
            })
            .map_err(|reason| StudyError::Unsupported { reason })
    }

    /// The same method at a part of its tolerance.
    pub(crate) fn tighter(&self, share: f64) -> Self {
        let tolerance = Positive::try_from(self.tolerance.get() * share).unwrap_or(self.tolerance);
        Self { tolerance, ..*self }
    }

    /// The most points of the density that one curve can evaluate.
    pub(crate) fn evaluations_at_most(&self, segments: usize) -> u64 {
        self.at(1.0).map_or(0, |method| method.evaluations_at_most(segments))
    }
}

/// What a curve amounts to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Measures {
    /// `sum_{i<N} <dz_i, G(z_i) dz_i>`.
    pub(crate) energy: f64,
    /// `1/(N-1) sum_{0<i<N} S(z_i)`.
    pub(crate) mean_potential: f64,
}

/// A curve of a pair at a weight.
#[derive(Debug, Clone)]
pub(crate) struct Solved {
    /// The factor in front of `sum S`.
    pub(crate) lambda_norm: f64,
    pub(crate) curve: Curve,
    pub(crate) measures: Measures,
    /// `E + lambda_norm sum S`.
    pub(crate) regularised_energy: f64,
    pub(crate) stop: Stop,
    pub(crate) iterations: u32,
}

/// The problem of one pair: curves at any weight, measured alike.
///
/// Weights are used as factors `lambda_norm`, so that they mean the same whatever curve a solver starts on; the reading
/// `relative` of specs refers to the straight line, `lambda = lambda_norm |S_0| / E_0`.
pub(crate) struct PairProblem<'p, 'a> {
    name: &'a str,
    geometry: &'a dyn Geometry,
    potential: &'p dyn Potential,
    typical: Option<&'a [f64]>,
    ends: Ends<'a>,
    per_lambda: f64,
}

/// Below this the potential of the straight line is taken for zero, as the methods do.
const NEGLIGIBLE_POTENTIAL: f64 = 1e-6;

impl<'p, 'a: 'p> PairProblem<'p, 'a> {
    /// The problem of `pair` over `segments` segments, its evaluations counted by `potential`.
    pub(crate) fn new(
        subject: &Subject<'a>,
        potential: &'p Counted<'_>,
        pair: &Pair<'a>,
        segments: usize,
    ) -> Result<Self, StudyError> {
        let refused = |reason: String| StudyError::Unsupported { reason };
        if segments < 2 {
            return Err(refused("one segment has no interior point; use 2 segments or more".to_owned()));
        }
        let dim = pair.start.len();
        if dim != potential.dim() || dim != subject.geometry.dim() {
            return Err(refused(format!(
                "pair `{}` has {dim} coordinates, the density {} and the geometry {}; they must agree",
                pair.name,
                potential.dim(),
                subject.geometry.dim()
            )));
        }
        let segments = NonZeroUsize::new(segments).expect("at least 2");
        let ends = Ends::new(pair.start, pair.end, segments)
            .map_err(|error| refused(format!("pair `{}`: {error}", pair.name)))?;
        let mut problem = Self {
            name: pair.name,
            geometry: subject.geometry,
            potential,
            typical: subject.typical,
            ends,
            per_lambda: 1.0,
        };
        let straight = Curve::straight(&ends);
        let measures = problem.measure(&straight)?;
        let size = (measures.mean_potential * problem.interior()).abs();
        if !size.is_finite() || !measures.energy.is_finite() {
            return Err(refused(format!(
                "pair `{}`: energy or potential of the straight line is not finite; choose end points inside the support",
                pair.name
            )));
        }
        if size >= NEGLIGIBLE_POTENTIAL {
            problem.per_lambda = measures.energy / size;
        }
        Ok(problem)
    }

    pub(crate) fn name(&self) -> &'a str {
        self.name
    }

    pub(crate) fn ends(&self) -> &Ends<'a> {
        &self.ends
    }

    pub(crate) fn scene(&self) -> Scene<'p> {
        Scene {
            geometry: self.geometry,
            density: Some(Density::Potential(self.potential)),
            typical: self.typical,
        }
    }

    /// Number of interior points, `N - 1`.
    pub(crate) fn interior(&self) -> f64 {
        (self.ends.segments() - 1) as f64
    }

    /// The factor that a weight `{ relative = lambda }` stands for.
    pub(crate) fn factor(&self, relative: f64) -> f64 {
        relative * self.per_lambda
    }

    /// The weight `{ relative = lambda }` that a factor stands for.
    pub(crate) fn relative(&self, factor: f64) -> f64 {
        factor / self.per_lambda
    }

    /// Energy and mean potential of a curve, for one evaluation a point.
    pub(crate) fn measure(&self, curve: &Curve) -> Result<Measures, EvalError> {
        let mean_potential = self.potential.value(curve.interior())?.sum() / self.interior();
        Ok(Measures { energy: energy(self.geometry, curve)?, mean_potential })
    }

    /// The potential at the interior points of a curve.
    pub(crate) fn potentials(&self, curve: &Curve) -> Result<Array1<f64>, EvalError> {
        self.potential.value(curve.interior())
    }

    /// The straight line with random bends; `None` where energy or potential is not finite on it.
    pub(crate) fn bent(&self, bend: f64, rng: &mut ChaCha8Rng) -> Result<Option<Curve>, StudyError> {
        let interior = path::bent(&self.ends, bend, rng);
        let points = [self.ends.start().to_vec(), interior, self.ends.end().to_vec()].concat();
        let shape = (self.ends.segments() + 1, self.ends.dim());
        let curve = Array2::from_shape_vec(shape, points).ok().and_then(|points| Curve::new(points).ok());
        let Some(curve) = curve else { return Ok(None) };
        match self.measure(&curve) {
            Ok(measures) if (measures.energy + measures.mean_potential).is_finite() => Ok(Some(curve)),
            Ok(_) | Err(EvalError::OutsideChart { .. } | EvalError::NonFinitePoint { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The curve at the factor `lambda_norm`, from `start` or from where the method starts by itself.
    ///
    /// Where the observer breaks, the answer is [`StudyError::Interrupted`].
    pub(crate) fn solve(
        &self,
        solver: &Solver,
        lambda_norm: f64,
        start: Option<&Curve>,
        rng: &mut ChaCha8Rng,
        observe: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> Result<Solved, StudyError> {
        let method = solver.at(lambda_norm)?;
        let scene = self.scene();
        let mut trace = |_: &likely_methods::Step| observe();
        let solution = match start {
            Some(start) => method.interpolate_from(&scene, &self.ends, start, rng, &mut trace),
            None => method.interpolate(&scene, &self.ends, rng, &mut trace),
        };
        let solution = solution.map_err(|error| match error {
            InterpolateError::Interrupted => StudyError::Interrupted,
            other => other.into(),
        })?;
        let measures = self.measure(&solution.curve)?;
        Ok(Solved {
            lambda_norm,
            measures,
            regularised_energy: measures.energy + lambda_norm * self.interior() * measures.mean_potential,
            curve: solution.curve,
            stop: solution.stop,
            iterations: solution.iterations,
        })
    }
}

/// `sum_{i<N} <dz_i, G(z_i) dz_i>`, the tensor at the left end of each segment.
///
/// # Errors
/// [`EvalError`] where the geometry has no tensor at a point.
pub fn energy(geometry: &dyn Geometry, curve: &Curve) -> Result<f64, EvalError> {
    Ok(squared_steps(geometry, curve)?.iter().sum())
}

/// `<dz_i, G(z_i) dz_i>` for each segment.
pub(crate) fn squared_steps(geometry: &dyn Geometry, curve: &Curve) -> Result<Vec<f64>, EvalError> {
    let (dim, segments) = (curve.dim(), curve.segments());
    let points: Vec<f64> = curve.points().iter().copied().collect();
    let steps: Vec<f64> = points[dim..].iter().zip(&points).map(|(to, from)| to - from).collect();
    let mut squares = vec![0.0; segments];
    geometry.squared_norms(Rows::new(&points[..segments * dim], dim)?, &steps, &mut squares)?;
    Ok(squares)
}

/// The problems of all pairs of a subject.
pub(crate) fn pair_problems<'p, 'a: 'p>(
    subject: &Subject<'a>,
    potential: &'p Counted<'_>,
    segments: usize,
) -> Result<Vec<PairProblem<'p, 'a>>, StudyError> {
    if subject.pairs.is_empty() {
        return Err(StudyError::Unsupported {
            reason: "there is no pair of end points to look at".to_owned(),
        });
    }
    subject.pairs.iter().map(|pair| PairProblem::new(subject, potential, pair, segments)).collect()
}

/// Tells the observer how much is done.
pub(crate) fn report(observe: &mut Observer<'_>, done: usize, of: usize) -> Result<(), StudyError> {
    match observe(done as f64 / of as f64) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(StudyError::Interrupted),
    }
}
