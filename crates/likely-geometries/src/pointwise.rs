//! Geometries that are told at one point, and the loops over batches that they share.

use likely_core::lanes::{Work, add_scaled, all_finite, dot, vectorised};
use likely_core::{EvalError, Form, Rows, Tensors};

/// The part of a batch of tensors that belongs to one point.
#[derive(Debug)]
pub(crate) struct Part<'a> {
    /// The factor of a conformal form, the entries of a diagonal one, the diagonal of a low-rank one, all of a dense one.
    pub(crate) main: &'a mut [f64],
    /// `U` of a low-rank form, row by row.
    pub(crate) factors: &'a mut [f64],
    /// `C` of a low-rank form, row by row.
    pub(crate) cores: &'a mut [f64],
}

impl Part<'_> {
    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn reborrow(&mut self) -> Part<'_> {
        Part { main: self.main, factors: self.factors, cores: self.cores }
    }

    /// `G v`.
    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn apply(&self, form: Form, v: &[f64], out: &mut [f64]) {
        let dim = v.len();
        match form {
            Form::Flat => out.copy_from_slice(v),
            Form::Conformal => {
                for (out, v) in out.iter_mut().zip(v) {
                    *out = self.main[0] * v;
                }
            }
            Form::Diagonal => {
                for ((out, v), g) in out.iter_mut().zip(v).zip(&*self.main) {
                    *out = g * v;
                }
            }
            Form::DiagonalPlusLowRank { rank } => {
                for ((out, v), g) in out.iter_mut().zip(v).zip(&*self.main) {
                    *out = g * v;
                }
                let rows = self.factors.chunks_exact(dim).zip(self.cores.chunks_exact(rank));
                for (u, core) in rows {
                    let mut weight = 0.0;
                    for (c, u) in core.iter().zip(self.factors.chunks_exact(dim)) {
                        weight += c * dot(u, v);
                    }
                    add_scaled(out, weight, u);
                }
            }
            Form::Dense => {
                // By columns, which are the rows of a symmetric matrix.
                out.fill(0.0);
                for (g, v) in self.main.chunks_exact(dim).zip(v) {
                    add_scaled(out, *v, g);
                }
            }
        }
    }
}

/// What is linear or quadratic in a vector.
#[derive(Debug)]
pub(crate) struct Linear<'a> {
    /// The gradient of `<v, G(x) v>` in `x`.
    pub(crate) gradient: &'a mut [f64],
    /// `G(x) v`.
    pub(crate) lowered: &'a mut [f64],
}

/// A geometry at one point. Points arrive with finite coordinates; numbers at points outside the chart are never used.
///
/// Everything but [`Pointwise::outside`] must be inlined: it is compiled once for each vector width.
pub(crate) trait Pointwise: Send + Sync {
    /// Number of coordinates.
    fn dim(&self) -> usize;

    /// What is known about the tensor.
    fn form(&self) -> Form;

    /// Whether the point has a tensor.
    fn contains(&self, x: &[f64]) -> bool;

    /// Why the point has none.
    fn outside(&self, x: &[f64]) -> String;

    /// `G(x)`, every number of `out`.
    fn tensor(&self, x: &[f64], out: Part<'_>);

    /// `<v, G(x) v>`.
    fn squared_norm(&self, x: &[f64], v: &[f64]) -> f64;

    /// The gradient of `<v, G(x) v>` in `x`.
    fn gradient(&self, x: &[f64], v: &[f64], out: &mut [f64]);

    /// Whether [`Pointwise::contains`] is false also for coordinates that are not finite.
    fn contains_finite_alone(&self) -> bool {
        false
    }

    /// [`Pointwise::squared_norm`], and whether the point has a tensor; override where they share work.
    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn checked_norm(&self, x: &[f64], v: &[f64]) -> (f64, bool) {
        (self.squared_norm(x, v), self.contains(x))
    }

    /// [`Pointwise::tensor`], [`Pointwise::gradient`] and `G(x) v`, and whether the point has a tensor; override where they
    /// share work that a compiler does not see.
    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn linearise(&self, x: &[f64], v: &[f64], mut tensor: Part<'_>, out: Linear<'_>) -> bool {
        self.tensor(x, tensor.reborrow());
        self.gradient(x, v, out.gradient);
        tensor.apply(self.form(), v, out.lowered);
        self.contains(x)
    }

    /// The Christoffel symbols of the first kind contracted twice with `v`.
    fn christoffel(&self, x: &[f64], v: &[f64], out: &mut [f64]);
}

/// The methods of `Geometry` that follow from [`Pointwise`].
macro_rules! batched {
    () => {
        fn dim(&self) -> usize {
            $crate::pointwise::Pointwise::dim(self)
        }

        fn form(&self) -> likely_core::Form {
            $crate::pointwise::Pointwise::form(self)
        }

        fn tensors(
            &self,
            at: likely_core::Rows<'_>,
            out: &mut likely_core::Tensors,
        ) -> Result<(), likely_core::EvalError> {
            $crate::pointwise::tensors(self, at, out)
        }

        fn norm_gradient(
            &self,
            at: likely_core::Rows<'_>,
            v: &[f64],
            out: &mut [f64],
        ) -> Result<(), likely_core::EvalError> {
            $crate::pointwise::norm_gradient(self, at, v, out)
        }

        fn squared_norms(
            &self,
            at: likely_core::Rows<'_>,
            v: &[f64],
            out: &mut [f64],
        ) -> Result<(), likely_core::EvalError> {
            $crate::pointwise::squared_norms(self, at, v, out)
        }

        fn linearise(
            &self,
            at: likely_core::Rows<'_>,
            v: &[f64],
            out: &mut likely_core::Tensors,
            gradient: &mut [f64],
        ) -> Result<(), likely_core::EvalError> {
            self.linearise_lowered(at, v, out, gradient, &mut vec![0.0; v.len()])
        }

        fn linearise_lowered(
            &self,
            at: likely_core::Rows<'_>,
            v: &[f64],
            out: &mut likely_core::Tensors,
            gradient: &mut [f64],
            lowered: &mut [f64],
        ) -> Result<(), likely_core::EvalError> {
            let linear = $crate::pointwise::Linear { gradient, lowered };
            $crate::pointwise::linearise(self, at, v, out, linear)
        }

        fn christoffel(
            &self,
            at: likely_core::Rows<'_>,
            v: &[f64],
            out: &mut [f64],
        ) -> Result<(), likely_core::EvalError> {
            $crate::pointwise::christoffel(self, at, v, out)
        }
    };
}
pub(crate) use batched;

/// The methods of [`Pointwise`] but `dim` where the tensor is the identity, as in the space around a manifold.
macro_rules! flat {
    () => {
        #[inline(always)]
        fn form(&self) -> likely_core::Form {
            likely_core::Form::Flat
        }

        #[inline(always)]
        fn contains(&self, _: &[f64]) -> bool {
            true
        }

        fn outside(&self, _: &[f64]) -> String {
            String::new()
        }

        #[inline(always)]
        fn tensor(&self, _: &[f64], _: $crate::pointwise::Part<'_>) {}

        #[inline(always)]
        fn squared_norm(&self, _: &[f64], v: &[f64]) -> f64 {
            likely_core::lanes::dot(v, v)
        }

        #[inline(always)]
        fn gradient(&self, _: &[f64], _: &[f64], out: &mut [f64]) {
            out.fill(0.0);
        }

        #[inline(always)]
        fn christoffel(&self, _: &[f64], _: &[f64], out: &mut [f64]) {
            out.fill(0.0);
        }
    };
}
pub(crate) use flat;

/// Where the tensors of a batch are written.
#[derive(Debug)]
struct Parts<'a> {
    main: &'a mut [f64],
    factors: &'a mut [f64],
    cores: &'a mut [f64],
}

impl<'a> Parts<'a> {
    fn of(out: &'a mut Tensors, form: Form, batch: usize, dim: usize) -> Self {
        let main = match form {
            Form::Flat => {
                out.flat(batch, dim);
                &mut []
            }
            Form::Conformal => out.conformal(batch, dim),
            Form::Diagonal => out.diagonal(batch, dim),
            Form::Dense => out.dense(batch, dim),
            Form::DiagonalPlusLowRank { rank } => {
                let parts = out.low_rank(batch, dim, rank);
                return Self { main: parts.diagonal, factors: parts.factors, cores: parts.cores };
            }
        };
        Self { main, factors: &mut [], cores: &mut [] }
    }
}

/// What is to be computed at each point.
enum Task<'a> {
    Tensors(Parts<'a>),
    Linearise(Parts<'a>, &'a [f64], Linear<'a>),
    Gradient(&'a [f64], &'a mut [f64]),
    Norms(&'a [f64], &'a mut [f64]),
    Christoffel(&'a [f64], &'a mut [f64]),
}

struct Batch<'a, P> {
    geometry: &'a P,
    at: &'a [f64],
    task: Task<'a>,
}

impl<P: Pointwise> Work for Batch<'_, P> {
    /// Whether every point is finite and in the chart.
    type Output = bool;

    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn run(self) -> bool {
        // The same loops, compiled for rows of a known length where rows are short.
        match self.geometry.dim() {
            1 => self.rows(1),
            2 => self.rows(2),
            3 => self.rows(3),
            dim => self.rows(dim),
        }
    }
}

/// `$body` for each row and the part of the tensors that belongs to it. A closure would not be inlined, for it has several
/// callers, and would be compiled for the narrowest vectors.
macro_rules! each_part {
    ($form:expr, $dim:ident, $rows:ident, $parts:ident, $row:pat, $part:ident, $body:block) => {{
        let Parts { main, factors, cores } = $parts;
        match $form {
            Form::Flat => {
                for $row in $rows {
                    let $part = Part { main: &mut [], factors: &mut [], cores: &mut [] };
                    $body
                }
            }
            Form::Conformal => {
                for ($row, main) in $rows.zip(main.chunks_exact_mut(1)) {
                    let $part = Part { main, factors: &mut [], cores: &mut [] };
                    $body
                }
            }
            Form::Diagonal => {
                for ($row, main) in $rows.zip(main.chunks_exact_mut($dim)) {
                    let $part = Part { main, factors: &mut [], cores: &mut [] };
                    $body
                }
            }
            Form::Dense => {
                for ($row, main) in $rows.zip(main.chunks_exact_mut($dim * $dim)) {
                    let $part = Part { main, factors: &mut [], cores: &mut [] };
                    $body
                }
            }
            Form::DiagonalPlusLowRank { rank } => {
                let factors = factors.chunks_exact_mut(rank * $dim);
                let parts = main.chunks_exact_mut($dim).zip(factors).zip(cores.chunks_exact_mut(rank * rank));
                for ($row, ((main, factors), cores)) in $rows.zip(parts) {
                    let $part = Part { main, factors, cores };
                    $body
                }
            }
        }
    }};
}

impl<P: Pointwise> Batch<'_, P> {
    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn rows(self, dim: usize) -> bool {
        let Self { geometry, at, task } = self;
        let mut inside = geometry.contains_finite_alone() || all_finite(at);
        let rows = at.chunks_exact(dim);
        match task {
            Task::Tensors(parts) => {
                each_part!(geometry.form(), dim, rows, parts, x, part, {
                    inside &= geometry.contains(x);
                    geometry.tensor(x, part);
                });
            }
            Task::Linearise(parts, v, Linear { gradient, lowered }) => {
                let linear = gradient.chunks_exact_mut(dim).zip(lowered.chunks_exact_mut(dim));
                let rows = rows.zip(v.chunks_exact(dim)).zip(linear);
                each_part!(geometry.form(), dim, rows, parts, ((x, v), (gradient, lowered)), part, {
                    inside &= geometry.linearise(x, v, part, Linear { gradient, lowered });
                });
            }
            Task::Gradient(v, out) => {
                for ((x, v), out) in rows.zip(v.chunks_exact(dim)).zip(out.chunks_exact_mut(dim)) {
                    inside &= geometry.contains(x);
                    geometry.gradient(x, v, out);
                }
            }
            Task::Norms(v, out) => {
                for ((x, v), out) in rows.zip(v.chunks_exact(dim)).zip(out) {
                    let (norm, contained) = geometry.checked_norm(x, v);
                    *out = norm;
                    inside &= contained;
                }
            }
            Task::Christoffel(v, out) => {
                for ((x, v), out) in rows.zip(v.chunks_exact(dim)).zip(out.chunks_exact_mut(dim)) {
                    inside &= geometry.contains(x);
                    geometry.christoffel(x, v, out);
                }
            }
        }
        inside
    }
}

fn run<P: Pointwise>(geometry: &P, at: Rows<'_>, task: Task<'_>) -> Result<(), EvalError> {
    if vectorised(Batch { geometry, at: at.values(), task }) { Ok(()) } else { Err(refusal(geometry, at)) }
}

/// Why a batch was refused.
#[cold]
fn refusal<P: Pointwise>(geometry: &P, at: Rows<'_>) -> EvalError {
    for (row, x) in at.iter().enumerate() {
        if !all_finite(x) {
            return EvalError::NonFinitePoint { row };
        }
        if !geometry.contains(x) {
            return EvalError::OutsideChart { row, reason: geometry.outside(x) };
        }
    }
    EvalError::Model { reason: "a batch was refused although every point of it is in the chart".to_owned() }
}

/// Checks that the points have the coordinates of the geometry, and that a slice fits them.
pub(crate) fn fits(at: Rows<'_>, dim: usize, slices: &[(usize, usize)]) -> Result<(), EvalError> {
    at.with_dim(dim)?;
    match slices.iter().find(|(length, width)| *length != at.count() * width) {
        None => Ok(()),
        Some((length, width)) => Err(EvalError::Dimension { expected: at.count() * width, found: *length }),
    }
}

pub(crate) fn tensors<P: Pointwise>(geometry: &P, at: Rows<'_>, out: &mut Tensors) -> Result<(), EvalError> {
    let dim = geometry.dim();
    fits(at, dim, &[])?;
    let parts = Parts::of(out, geometry.form(), at.count(), dim);
    run(geometry, at, Task::Tensors(parts))
}

pub(crate) fn linearise<P: Pointwise>(
    geometry: &P,
    at: Rows<'_>,
    v: &[f64],
    out: &mut Tensors,
    linear: Linear<'_>,
) -> Result<(), EvalError> {
    let dim = geometry.dim();
    fits(at, dim, &[(v.len(), dim), (linear.gradient.len(), dim), (linear.lowered.len(), dim)])?;
    let parts = Parts::of(out, geometry.form(), at.count(), dim);
    run(geometry, at, Task::Linearise(parts, v, linear))
}

pub(crate) fn norm_gradient<P: Pointwise>(
    geometry: &P,
    at: Rows<'_>,
    v: &[f64],
    out: &mut [f64],
) -> Result<(), EvalError> {
    let dim = geometry.dim();
    fits(at, dim, &[(v.len(), dim), (out.len(), dim)])?;
    run(geometry, at, Task::Gradient(v, out))
}

pub(crate) fn squared_norms<P: Pointwise>(
    geometry: &P,
    at: Rows<'_>,
    v: &[f64],
    out: &mut [f64],
) -> Result<(), EvalError> {
    let dim = geometry.dim();
    fits(at, dim, &[(v.len(), dim), (out.len(), 1)])?;
    run(geometry, at, Task::Norms(v, out))
}

pub(crate) fn christoffel<P: Pointwise>(
    geometry: &P,
    at: Rows<'_>,
    v: &[f64],
    out: &mut [f64],
) -> Result<(), EvalError> {
    let dim = geometry.dim();
    fits(at, dim, &[(v.len(), dim), (out.len(), dim)])?;
    run(geometry, at, Task::Christoffel(v, out))
}

/// Points that must be finite and in the chart, as closed forms and embeddings take them.
pub(crate) fn points<P: Pointwise>(geometry: &P, x: &[f64]) -> Result<(), EvalError> {
    let at = Rows::new(x, geometry.dim())?;
    if all_finite(x) && at.iter().all(|x| geometry.contains(x)) { Ok(()) } else { Err(refusal(geometry, at)) }
}

/// Two ends of a geodesic; the second is row 1 in what is said of them.
pub(crate) fn ends<P: Pointwise>(geometry: &P, from: &[f64], to: &[f64]) -> Result<(), EvalError> {
    let dim = geometry.dim();
    for found in [from.len(), to.len()] {
        if found != dim {
            return Err(EvalError::Dimension { expected: dim, found });
        }
    }
    points(geometry, from)?;
    points(geometry, to).map_err(|error| match error {
        EvalError::NonFinitePoint { .. } => EvalError::NonFinitePoint { row: 1 },
        EvalError::OutsideChart { reason, .. } => EvalError::OutsideChart { row: 1, reason },
        other => other,
    })
}

/// A tangent vector that must be finite, and a buffer that must hold a point.
pub(crate) fn vector(dim: usize, v: &[f64], out: &[f64]) -> Result<(), EvalError> {
    for found in [v.len(), out.len()] {
        if found != dim {
            return Err(EvalError::Dimension { expected: dim, found });
        }
    }
    if all_finite(v) { Ok(()) } else { Err(EvalError::NonFinitePoint { row: 0 }) }
}
