//! Densities of the sphere as potentials in coordinates.

use crate::sphere::jet::{FIRST, Jet, SECOND};
use crate::sphere::vectors::{dot, frame};
use likely_core::{Differentiable, EvalError, Normalisation, Number};
use serde::{Deserialize, Serialize};

/// How a point of the sphere is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Coordinates {
    /// Three coordinates of space. A density is a function of `x / |x|`, so that its gradient is tangent; geometry
    /// `sphere-embedded`.
    #[default]
    Embedded,
    /// Two stereographic ones, `x(u) = (1 - |u|^2, 2 u) / (1 + |u|^2)`; geometry `sphere`. The density is the same function of
    /// the point, with respect to the area of the sphere: there is no Jacobian in it.
    Stereographic,
}

/// How far from one a norm may be for a point to be on the sphere.
const ROUNDING: f64 = 1e-9;

impl Coordinates {
    /// Number of coordinates.
    pub fn dim(self) -> usize {
        match self {
            Self::Embedded => 3,
            Self::Stereographic => 2,
        }
    }

    /// A point of the sphere in these coordinates.
    ///
    /// # Errors
    /// [`EvalError::OutsideChart`] where it is not of unit length to `1e-9`, or the point that the chart lacks.
    pub fn of(self, x: [f64; 3]) -> Result<Vec<f64>, EvalError> {
        let outside = |reason: String| EvalError::OutsideChart { row: 0, reason };
        let norm = dot(x, x).sqrt();
        if (norm - 1.0).abs() > ROUNDING || norm.is_nan() {
            return Err(outside(format!("its norm is {norm}, and on the unit sphere it is 1")));
        }
        match self {
            Self::Embedded => Ok(x.to_vec()),
            // 1 + x_0 = (x_1^2 + x_2^2) / (1 - x_0) does not cancel near the missing point.
            Self::Stereographic => {
                let across = x[1] * x[1] + x[2] * x[2];
                let denominator = if x[0] < 0.0 { across / (1.0 - x[0]) } else { 1.0 + x[0] };
                if denominator > 1e-100 {
                    Ok(vec![x[1] / denominator, x[2] / denominator])
                } else {
                    Err(outside("it is (-1, 0, 0), the point that the stereographic chart lacks".to_owned()))
                }
            }
        }
    }

    /// The point of the sphere with the given coordinates.
    ///
    /// # Errors
    /// [`EvalError::Dimension`] for another number of coordinates, [`EvalError::OutsideChart`] where three are not of unit
    /// length to `1e-9`, [`EvalError::NonFinitePoint`].
    pub fn point(self, coordinates: &[f64]) -> Result<[f64; 3], EvalError> {
        if coordinates.iter().any(|x| !x.is_finite()) {
            return Err(EvalError::NonFinitePoint { row: 0 });
        }
        match (self, coordinates) {
            (Self::Embedded, &[a, b, c]) => self.of([a, b, c]).map(|_| [a, b, c]),
            (Self::Stereographic, &[u, v]) => {
                let q = 1.0 / (1.0 + u * u + v * v);
                Ok([2.0 * q - 1.0, 2.0 * q * u, 2.0 * q * v])
            }
            _ => Err(EvalError::Dimension { expected: self.dim(), found: coordinates.len() }),
        }
    }
}

/// A density on the sphere, with respect to the area measure, as a function of a point that moves with two parameters.
pub(crate) trait Density: Send + Sync {
    /// Numbers of working space that an evaluation with gradient needs.
    fn workspace(&self) -> usize;

    /// About how many multiplications an evaluation with gradient takes.
    fn multiplications(&self) -> usize;

    /// `S(x)` in nats; `work` is of [`Density::workspace`], of any content.
    fn value<N: Number>(&self, x: &[Jet<N, FIRST>; 3], work: &mut [N]) -> N;

    /// `S(x)` with its derivatives in the two parameters; as [`Density::value`].
    fn value_and_slopes<N: Number>(&self, x: &[Jet<N, SECOND>; 3], work: &mut [N]) -> (N, [N; 2]);
}

/// A density in coordinates.
#[derive(Debug, Clone)]
pub(crate) struct OnSphere<D> {
    pub(crate) density: D,
    pub(crate) coordinates: Coordinates,
}

/// What turns derivatives in the two parameters into a gradient in the coordinates.
enum Back<N> {
    /// A tangent frame over the norm of the point.
    Frame([[N; 3]; 2]),
    Same,
}

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl<D> OnSphere<D> {
    /// The point `x` of the sphere, moving with its coordinates or along `x + a e_1 + b e_2` over its norm.
    #[inline(always)]
    fn point<N: Number, const C: usize>(&self, x: &[N]) -> ([Jet<N, C>; 3], Back<N>) {
        match self.coordinates {
            Coordinates::Embedded => {
                let x = [x[0], x[1], x[2]];
                let reciprocal = N::constant(1.0) / dot(x, x).sqrt();
                let y = x.map(|x| x * reciprocal);
                let [first, second] = frame(y);
                let jets = std::array::from_fn(|j| {
                    let mut jet = [N::constant(0.0); C];
                    (jet[0], jet[1], jet[2]) = (y[j], first[j], second[j]);
                    if C == SECOND {
                        (jet[3], jet[5]) = (-y[j], -y[j]);
                    }
                    Jet(jet)
                });
                (jets, Back::Frame([first, second].map(|e| e.map(|e| e * reciprocal))))
            }
            Coordinates::Stereographic => {
                let [u, v] = [0, 1].map(|k| Jet::<N, C>::parameter(x[k], k));
                let q = Jet::constant(1.0) / (u * u + v * v).shifted(1.0);
                let twice = q.scaled(2.0);
                ([twice.shifted(-1.0), twice * u, twice * v], Back::Same)
            }
        }
    }
}

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl<D: Density> Differentiable for OnSphere<D> {
    fn dim(&self) -> usize {
        self.coordinates.dim()
    }

    fn normalisation(&self) -> Normalisation {
        Normalisation::Normalised
    }

    fn workspace(&self) -> usize {
        self.density.workspace()
    }

    fn multiplications(&self) -> usize {
        self.density.multiplications()
    }

    #[inline(always)]
    fn value<N: Number>(&self, x: &[N], work: &mut [N]) -> N {
        let (x, _) = self.point(x);
        self.density.value(&x, work)
    }

    #[inline(always)]
    fn value_and_grad<N: Number>(&self, x: &[N], grad: &mut [N], work: &mut [N]) -> N {
        let (x, back) = self.point(x);
        let (value, slopes) = self.density.value_and_slopes(&x, work);
        match back {
            Back::Frame([first, second]) => {
                for (j, grad) in grad.iter_mut().enumerate() {
                    *grad = slopes[0] * first[j] + slopes[1] * second[j];
                }
            }
            Back::Same => grad.copy_from_slice(&slopes),
        }
        value
    }
}
