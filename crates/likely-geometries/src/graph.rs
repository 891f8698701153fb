//! Surfaces that are graphs of a height.

use crate::pointwise::{Linear, Part, Pointwise, batched, fits, points};
use likely_core::lanes::dot;
use likely_core::{Embedding, EvalError, Form, Geometry, Rows};

/// A height `h` over R^dim with first and second derivatives, told at one point.
///
/// Implementations should be marked for inlining: they are compiled into the loops of [`Graph`].
pub trait Height: Send + Sync {
    /// Number of coordinates.
    fn dim(&self) -> usize;

    /// `h(x)`.
    fn value(&self, x: &[f64]) -> f64;

    /// The gradient of `h`, every number of `out`.
    fn gradient(&self, x: &[f64], out: &mut [f64]);

    /// `<grad h(x), v>`.
    fn slope(&self, x: &[f64], v: &[f64]) -> f64;

    /// The Hessian of `h` applied to `v`, every number of `out`.
    fn hessian_times(&self, x: &[f64], v: &[f64], out: &mut [f64]);

    /// `<v, Hess h(x) v>`.
    fn curvature(&self, x: &[f64], v: &[f64]) -> f64;

    /// [`Height::slope`] and [`Height::hessian_times`] at once; override where they share work.
    #[expect(clippy::inline_always, reason = "inlined into the loops of the graph")]
    #[inline(always)]
    fn slope_and_hessian_times(&self, x: &[f64], v: &[f64], out: &mut [f64]) -> f64 {
        self.hessian_times(x, v, out);
        self.slope(x, v)
    }

    /// [`Height::gradient`], [`Height::slope`] and [`Height::hessian_times`] at once; override where they share work.
    #[expect(clippy::inline_always, reason = "inlined into the loops of the graph")]
    #[inline(always)]
    fn gradient_and_hessian_times(&self, x: &[f64], v: &[f64], gradient: &mut [f64], out: &mut [f64]) -> f64 {
        self.gradient(x, gradient);
        self.slope_and_hessian_times(x, v, out)
    }
}

/// The graph of a height, `f(x) = (x, h(x))`, so `G = I + grad h grad h^T`: the identity plus rank one.
///
/// `grad <v, G v> = 2 <grad h, v> Hess h v`, and the Christoffel symbols of the first kind are `<v, Hess h v> grad h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Graph<H> {
    height: H,
}

impl<H: Height> Graph<H> {
    /// The graph of `height`.
    pub fn new(height: H) -> Self {
        Self { height }
    }
}

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl<H: Height> Pointwise for Graph<H> {
    #[inline(always)]
    fn dim(&self) -> usize {
        self.height.dim()
    }

    #[inline(always)]
    fn form(&self) -> Form {
        Form::DiagonalPlusLowRank { rank: 1 }
    }

    #[inline(always)]
    fn contains(&self, _: &[f64]) -> bool {
        true
    }

    fn outside(&self, _: &[f64]) -> String {
        String::new()
    }

    #[inline(always)]
    fn tensor(&self, x: &[f64], out: Part<'_>) {
        out.main.fill(1.0);
        self.height.gradient(x, out.factors);
        out.cores[0] = 1.0;
    }

    #[inline(always)]
    fn squared_norm(&self, x: &[f64], v: &[f64]) -> f64 {
        let slope = self.height.slope(x, v);
        dot(v, v) + slope * slope
    }

    #[inline(always)]
    fn gradient(&self, x: &[f64], v: &[f64], out: &mut [f64]) {
        let slope = 2.0 * self.height.slope_and_hessian_times(x, v, out);
        for out in out.iter_mut() {
            *out *= slope;
        }
    }

    #[inline(always)]
    fn linearise(&self, x: &[f64], v: &[f64], tensor: Part<'_>, out: Linear<'_>) -> bool {
        tensor.main.fill(1.0);
        tensor.cores[0] = 1.0;
        let slope = self.height.gradient_and_hessian_times(x, v, tensor.factors, out.gradient);
        let twice = 2.0 * slope;
        for out in out.gradient.iter_mut() {
            *out *= twice;
        }
        for ((out, v), h) in out.lowered.iter_mut().zip(v).zip(&*tensor.factors) {
            *out = v + slope * h;
        }
        self.contains(x)
    }

    #[inline(always)]
    fn christoffel(&self, x: &[f64], v: &[f64], out: &mut [f64]) {
        let curvature = self.height.curvature(x, v);
        self.height.gradient(x, out);
        for out in out.iter_mut() {
            *out *= curvature;
        }
    }
}

impl<H: Height> Geometry for Graph<H> {
    batched!();

    fn embedding(&self) -> Option<&dyn Embedding> {
        Some(self)
    }
}

impl<H: Height> Embedding for Graph<H> {
    fn ambient_dim(&self) -> usize {
        self.height.dim() + 1
    }

    fn map(&self, at: Rows<'_>, out: &mut [f64]) -> Result<(), EvalError> {
        let dim = self.height.dim();
        fits(at, dim, &[(out.len(), dim + 1)])?;
        points(self, at.values())?;
        for (x, out) in at.iter().zip(out.chunks_exact_mut(dim + 1)) {
            out[..dim].copy_from_slice(x);
            out[dim] = self.height.value(x);
        }
        Ok(())
    }
}
