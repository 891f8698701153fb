//! The equation of motion whose solutions are shot curves.

use likely_core::{EvalError, Form, Geometry, Inverses, Potential, Rows, Score, Tensors};
use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

/// Which way the potential acts on a shot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ForceSign {
    /// `+(lambda / 2) G^-1 grad S`: the Euler-Lagrange equation of the regularised energy, so that shooting along a
    /// likely interpolant follows it.
    #[default]
    Variational,
    /// `-(lambda / 2) G^-1 grad S`: a ball that rolls towards likely points, and no likely interpolant.
    ///
    /// # Source
    /// The JAX and PyTorch code, `manifolds/manifold.py`, `LambdaManifold.Exp_ode`, commit 397ebf3.
    Released,
}

impl ForceSign {
    fn factor(self) -> f64 {
        match self {
            Self::Variational => 1.0,
            Self::Released => -1.0,
        }
    }
}

/// What gives the gradient of the potential.
#[derive(Clone, Copy)]
pub enum Pull<'a> {
    /// A potential `S`.
    Potential(&'a dyn Potential),
    /// A score, `-grad S`.
    Score(&'a dyn Score),
}

/// The force of a potential on a shot.
#[derive(Clone, Copy)]
pub struct Force<'a> {
    /// What gives its gradient.
    pub pull: Pull<'a>,
    /// The weight of the continuous problem, `N^2 lambda_norm` for a curve of `N` segments.
    pub lambda: f64,
    /// Which way it acts.
    pub sign: ForceSign,
}

/// The equation of motion `z'' = -Gamma(z', z') +- (lambda / 2) G^-1 grad S(z)`, `Gamma` of the second kind.
#[derive(Clone, Copy)]
pub struct Motion<'a> {
    /// The geometry.
    pub geometry: &'a dyn Geometry,
    /// The force; a geodesic has none.
    pub force: Option<Force<'a>>,
}

impl Motion<'_> {
    /// The first integral of the motion for each row: `<v, G(x) v> -+ lambda S(x)`, constant along an exact solution.
    ///
    /// `None` where only a score is known.
    ///
    /// # Errors
    /// [`EvalError`] where the geometry or the model fails.
    pub fn invariants(&self, at: Rows<'_>, v: &[f64]) -> Result<Option<Vec<f64>>, EvalError> {
        check_vectors(at, v)?;
        let mut out = vec![0.0; at.count()];
        self.geometry.squared_norms(at.with_dim(self.geometry.dim())?, v, &mut out)?;
        match self.force {
            Some(Force { pull: Pull::Score(_), lambda, .. }) if lambda != 0.0 => return Ok(None),
            None | Some(Force { pull: Pull::Score(_), .. }) => {}
            Some(Force { pull: Pull::Potential(potential), lambda, sign }) => {
                let values = potential.value(view(at)?)?;
                out.iter_mut().zip(values).for_each(|(o, s)| *o -= sign.factor() * lambda * s);
            }
        }
        Ok(Some(out))
    }
}

pub(crate) fn check_vectors(at: Rows<'_>, v: &[f64]) -> Result<(), EvalError> {
    if v.len() == at.values().len() {
        Ok(())
    } else {
        Err(EvalError::Dimension { expected: at.values().len(), found: v.len() })
    }
}

fn view(at: Rows<'_>) -> Result<ArrayView2<'_, f64>, EvalError> {
    ArrayView2::from_shape((at.count(), at.dim()), at.values()).map_err(|_| EvalError::Layout)
}

/// Evaluates the acceleration, with buffers that are kept between calls.
pub(crate) struct Field<'a> {
    motion: Motion<'a>,
    tensors: Tensors,
    inverses: Inverses,
    covector: Vec<f64>,
    /// Points at which the acceleration was asked for.
    pub(crate) evaluations: u64,
}

impl<'a> Field<'a> {
    pub(crate) fn new(motion: Motion<'a>) -> Self {
        Self {
            motion,
            tensors: Tensors::default(),
            inverses: Inverses::default(),
            covector: Vec::new(),
            evaluations: 0,
        }
    }

    /// `z''` for each row of positions `at` and velocities `v`.
    pub(crate) fn acceleration(&mut self, at: Rows<'_>, v: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
        let is_finite = |row: &[f64]| row.iter().all(|x| x.is_finite());
        if let Some(row) =
            at.iter().zip(v.chunks_exact(at.dim())).position(|(x, v)| !is_finite(x) || !is_finite(v))
        {
            return Err(EvalError::NonFinitePoint { row });
        }
        self.evaluations += at.count() as u64;
        let geometry = self.motion.geometry;
        let flat = geometry.form() == Form::Flat;
        self.covector.clear();
        self.covector.resize(v.len(), 0.0);
        if !flat {
            geometry.christoffel(at, v, &mut self.covector)?;
            self.covector.iter_mut().for_each(|c| *c = -*c);
        }
        if let Some(Force { pull, lambda, sign }) = self.motion.force.filter(|force| force.lambda != 0.0) {
            let (gradient, sense) = match pull {
                Pull::Potential(potential) => (potential.value_and_grad(view(at)?)?.grad, 1.0),
                Pull::Score(score) => (score.score(view(at)?)?, -1.0),
            };
            let factor = 0.5 * lambda * sign.factor() * sense;
            self.covector.iter_mut().zip(&gradient).for_each(|(c, g)| *c += factor * g);
        }
        if flat {
            out.copy_from_slice(&self.covector);
        } else {
            geometry.tensors(at, &mut self.tensors)?;
            self.inverses.factorise(&self.tensors)?;
            self.inverses.apply(&self.covector, out);
        }
        Ok(())
    }
}
