//! The ellipsoid in stereographic coordinates.

use crate::parameters::{Dim, coordinates, positive};
use crate::pointwise::{Linear, Part, Pointwise, batched, fits, points};
use crate::table::from_config;
use crate::{Manifold, ParameterError, Recipe};
use likely_core::lanes::{dot, sums, weighted_sum};
use likely_core::{Embedding, EvalError, Form, Geometry, Rows};
use serde::{Deserialize, Serialize};

pub(crate) const MANIFOLD: Manifold = Manifold {
    id: "ellipsoid",
    summary: "The ellipsoid in the stereographic coordinates of the sphere that is stretched to it.",
    source: "nEllipsoid of the authors' public code of arXiv 2510.26266",
    build: from_config::<Axes>,
};

/// Semi-axes as a spec gives them: a number of coordinates, or the axes themselves.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "AxesWire", into = "AxesWire")]
pub(crate) struct Axes(pub(crate) Vec<f64>);

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
struct AxesWire {
    #[serde(skip_serializing_if = "Option::is_none")]
    dim: Option<Dim>,
    #[serde(skip_serializing_if = "Option::is_none")]
    semi_axes: Option<Vec<f64>>,
}

impl TryFrom<AxesWire> for Axes {
    type Error = ParameterError;

    fn try_from(wire: AxesWire) -> Result<Self, ParameterError> {
        let axes = match (wire.dim, wire.semi_axes) {
            (Some(dim), None) => default_axes(dim.0),
            (None, Some(axes)) => axes,
            (Some(dim), Some(axes)) if axes.len() == dim.0 + 1 => axes,
            (Some(dim), Some(axes)) => {
                let reason = format!(
                    "dim is {} and there are {} semi-axes; there must be one more than coordinates",
                    dim.0,
                    axes.len()
                );
                return Err(ParameterError::Other { reason });
            }
            (None, None) => {
                let reason = "neither dim nor semi-axes is given; give one of them".to_owned();
                return Err(ParameterError::Other { reason });
            }
        };
        check_axes(&axes)?;
        Ok(Self(axes))
    }
}

impl From<Axes> for AxesWire {
    fn from(axes: Axes) -> Self {
        Self { dim: None, semi_axes: Some(axes.0) }
    }
}

/// Semi-axes from 1/2 to 1 in equal steps, as in the published run times.
fn default_axes(dim: usize) -> Vec<f64> {
    (0..=dim).map(|i| 0.5 + 0.5 * i as f64 / dim as f64).collect()
}

/// Checks semi-axes; returns the number of coordinates of the chart.
pub(crate) fn check_axes(axes: &[f64]) -> Result<usize, ParameterError> {
    let dim = coordinates(axes.len() as i128 - 1, 1)?;
    for axis in axes {
        positive("a semi-axis", *axis)?;
    }
    Ok(dim)
}

impl Recipe for Axes {
    fn geometry(&self) -> Result<Box<dyn Geometry>, ParameterError> {
        Ok(Box::new(Ellipsoid::new(&self.0)?))
    }
}

/// Squared norms beyond this are refused: powers up to the fifth occur.
const LARGEST: f64 = 1e60;

/// The ellipsoid with semi-axes `p` in R^(dim + 1): `f(x) = p * (1 - s, 2 x) / (1 + s)` with `s = |x|^2`.
///
/// With `q = 1 / (1 + s)` and `P` the diagonal of the squares of all semi-axes but the first,
/// `G = 4 q^2 P - 8 q^3 (P x x^T + x x^T P) + 16 q^4 (p_0^2 + <x, P x>) x x^T`: a diagonal plus rank two, so all costs are
/// linear in the dimension.
///
/// # Source
/// `nEllipsoid` of the authors' public code of arXiv 2510.26266; the tensor is worked out from `J^T J`.
#[derive(Debug, Clone, PartialEq)]
pub struct Ellipsoid {
    axes: Vec<f64>,
    first_squared: f64,
    /// Squares of the other semi-axes.
    squares: Vec<f64>,
}

impl Ellipsoid {
    /// The ellipsoid with the given semi-axes, one more than it has coordinates.
    ///
    /// # Errors
    /// [`ParameterError`] for fewer than two semi-axes, or one that is not a positive finite number.
    pub fn new(semi_axes: &[f64]) -> Result<Self, ParameterError> {
        check_axes(semi_axes)?;
        Ok(Self {
            axes: semi_axes.to_vec(),
            first_squared: semi_axes[0] * semi_axes[0],
            squares: semi_axes[1..].iter().map(|p| p * p).collect(),
        })
    }

    /// `<v, G v>` with `s = |x|^2` and `a = <x, v>`.
    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn norm_from(&self, x: &[f64], v: &[f64], s: f64, a: f64) -> f64 {
        // |J v|^2, a sum of squares: J v = p * (-4 q^2 a, 2 q (v - 2 q a x)).
        let q = 1.0 / (1.0 + s);
        let turn = 2.0 * q * a;
        let first = turn * turn * self.first_squared;
        let rest = weighted_sum(x, v, &self.squares[..x.len()], |x, v| (v - turn * x) * (v - turn * x));
        4.0 * q * q * (first + rest)
    }

    /// `<a, P b>`.
    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn weighted(&self, a: &[f64], b: &[f64]) -> f64 {
        weighted_sum(a, b, &self.squares[..a.len()], |a, b| a * b)
    }
}

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl Pointwise for Ellipsoid {
    #[inline(always)]
    fn dim(&self) -> usize {
        self.squares.len()
    }

    #[inline(always)]
    fn form(&self) -> Form {
        Form::DiagonalPlusLowRank { rank: 2 }
    }

    #[inline(always)]
    fn contains(&self, x: &[f64]) -> bool {
        dot(x, x) < LARGEST
    }

    #[inline(always)]
    fn contains_finite_alone(&self) -> bool {
        true
    }

    #[inline(always)]
    fn checked_norm(&self, x: &[f64], v: &[f64]) -> (f64, bool) {
        let [s, a] = sums(x, v, v, |x, v, _| [x * x, x * v]);
        (self.norm_from(x, v, s, a), s < LARGEST)
    }

    #[inline(always)]
    fn linearise(&self, x: &[f64], v: &[f64], tensor: Part<'_>, out: Linear<'_>) -> bool {
        let squares = &self.squares[..x.len()];
        let [s, a, b, e, w] = sums(x, v, squares, |x, v, p| [x * x, x * v, x * v * p, v * v * p, x * x * p]);
        let (q, w) = (1.0 / (1.0 + s), self.first_squared + w);
        let (qa, q3) = (q * a, q * q * q);
        let along_x = -16.0 * q3 * (e - 6.0 * qa * b + 8.0 * qa * qa * w);
        let along_v = -16.0 * q3 * (b - 2.0 * qa * w);
        let (along_pv, along_px) = (-16.0 * q3 * a, 32.0 * q3 * qa * a);
        let (c, d) = (16.0 * q3 * q * w, -8.0 * q3);
        tensor.cores.copy_from_slice(&[c, d, d, 0.0]);
        let (lowered_x, lowered_px) = (c * a + d * b, d * a);
        let diagonal = 4.0 * q * q;
        let (plain, stretched) = tensor.factors.split_at_mut(x.len());
        let factors = tensor.main.iter_mut().zip(plain).zip(stretched);
        let linear = out.gradient.iter_mut().zip(out.lowered);
        for ((((main, plain), stretched), (gradient, lowered)), ((x, v), p)) in
            factors.zip(linear).zip(x.iter().zip(v).zip(squares))
        {
            let (px, g) = (p * x, diagonal * p);
            *main = g;
            *plain = *x;
            *stretched = px;
            *gradient = along_x * x + along_v * v + p * (along_pv * v + along_px * x);
            *lowered = g * v + (lowered_x * x + lowered_px * px);
        }
        s < LARGEST
    }

    fn outside(&self, x: &[f64]) -> String {
        format!(
            "its squared norm {:e} is so large that it is the missing point of the ellipsoid to rounding",
            dot(x, x)
        )
    }

    #[inline(always)]
    fn tensor(&self, x: &[f64], out: Part<'_>) {
        let q = 1.0 / (1.0 + dot(x, x));
        let (plain, stretched) = out.factors.split_at_mut(x.len());
        for ((((main, plain), stretched), p), x) in
            out.main.iter_mut().zip(plain).zip(stretched).zip(&self.squares[..x.len()]).zip(x)
        {
            *main = 4.0 * q * q * p;
            *plain = *x;
            *stretched = p * x;
        }
        let q3 = q * q * q;
        let weight = self.first_squared + self.weighted(x, x);
        out.cores.copy_from_slice(&[16.0 * q3 * q * weight, -8.0 * q3, -8.0 * q3, 0.0]);
    }

    #[inline(always)]
    fn squared_norm(&self, x: &[f64], v: &[f64]) -> f64 {
        self.norm_from(x, v, dot(x, x), dot(x, v))
    }

    #[inline(always)]
    fn gradient(&self, x: &[f64], v: &[f64], out: &mut [f64]) {
        let q = 1.0 / (1.0 + dot(x, x));
        let (a, b) = (dot(x, v), self.weighted(x, v));
        let (e, w) = (self.weighted(v, v), self.first_squared + self.weighted(x, x));
        let (qa, q3) = (q * a, q * q * q);
        let along_x = -16.0 * q3 * (e - 6.0 * qa * b + 8.0 * qa * qa * w);
        let along_v = -16.0 * q3 * (b - 2.0 * qa * w);
        let (along_pv, along_px) = (-16.0 * q3 * a, 32.0 * q3 * qa * a);
        for (((out, x), v), p) in out.iter_mut().zip(x).zip(v).zip(&self.squares[..x.len()]) {
            *out = along_x * x + along_v * v + p * (along_pv * v + along_px * x);
        }
    }

    #[inline(always)]
    fn christoffel(&self, x: &[f64], v: &[f64], out: &mut [f64]) {
        // J^T D^2 f(v, v), with q_v and q_vv the derivatives of q along v.
        let q = 1.0 / (1.0 + dot(x, x));
        let a = dot(x, v);
        let q_v = -2.0 * q * q * a;
        let q_vv = -2.0 * q * q * dot(v, v) + 8.0 * q * q * q * a * a;
        // <f, second derivative of f> over the rest of the axes, as it enters the row -4 q^2 x of the Jacobian.
        let rest = 2.0 * (q_vv * self.weighted(x, x) + 2.0 * q_v * self.weighted(x, v));
        let along_x = -4.0 * q * q * (2.0 * q_vv * self.first_squared + rest);
        for (((out, x), v), p) in out.iter_mut().zip(x).zip(v).zip(&self.squares[..x.len()]) {
            *out = along_x * x + 4.0 * q * p * (q_vv * x + 2.0 * q_v * v);
        }
    }
}

impl Geometry for Ellipsoid {
    batched!();

    fn embedding(&self) -> Option<&dyn Embedding> {
        Some(self)
    }
}

impl Embedding for Ellipsoid {
    fn ambient_dim(&self) -> usize {
        self.axes.len()
    }

    fn map(&self, at: Rows<'_>, out: &mut [f64]) -> Result<(), EvalError> {
        let dim = self.squares.len();
        fits(at, dim, &[(out.len(), dim + 1)])?;
        points(self, at.values())?;
        for (x, out) in at.iter().zip(out.chunks_exact_mut(dim + 1)) {
            let s = dot(x, x);
            let q = 1.0 / (1.0 + s);
            out[0] = self.axes[0] * (1.0 - s) * q;
            for ((out, x), p) in out[1..].iter_mut().zip(x).zip(&self.axes[1..]) {
                *out = 2.0 * q * p * x;
            }
        }
        Ok(())
    }
}
