//! Families with two parameters whose Fisher-Rao geometry is a hyperbolic half-plane in other coordinates.

use crate::half_space;
use crate::pointwise::{Part, Pointwise, batched, ends, points, vector};
use likely_core::{ClosedForm, EvalError, Form, Geometry};

/// A family with two parameters: its Fisher information, and coordinates in which it is `scale^2 (dx^2 + dy^2) / y^2`.
pub(crate) trait Planar: Send + Sync {
    fn form(&self) -> Form;
    fn contains(&self, x: &[f64]) -> bool;
    /// The condition that a point outside violates.
    fn condition(&self) -> &'static str;
    /// `g_00`, `g_01`, `g_11`.
    fn information(&self, x: &[f64]) -> [f64; 3];
    /// The derivatives of the same along the first and along the second coordinate.
    fn slopes(&self, x: &[f64]) -> [[f64; 3]; 2];
    fn scale(&self) -> f64;
    /// The point of the half-plane.
    fn in_plane(&self, x: &[f64]) -> [f64; 2];
    /// The inverse of [`Planar::in_plane`].
    fn parameters_of(&self, p: [f64; 2]) -> [f64; 2];
    /// The derivative of [`Planar::in_plane`] applied to a vector.
    fn push(&self, x: &[f64], v: &[f64]) -> [f64; 2];
    /// Its inverse.
    fn pull(&self, x: &[f64], w: [f64; 2]) -> [f64; 2];
}

/// The Fisher-Rao geometry of a [`Planar`] family.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plane<F>(pub(crate) F);

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl<F: Planar> Pointwise for Plane<F> {
    #[inline(always)]
    fn dim(&self) -> usize {
        2
    }

    #[inline(always)]
    fn form(&self) -> Form {
        self.0.form()
    }

    #[inline(always)]
    fn contains(&self, x: &[f64]) -> bool {
        self.0.contains(x)
    }

    fn outside(&self, x: &[f64]) -> String {
        format!("its coordinates are {:?}, where {} is needed", x, self.0.condition())
    }

    #[inline(always)]
    fn tensor(&self, x: &[f64], out: Part<'_>) {
        let [a, c, b] = self.0.information(x);
        match out.main {
            [factor] => *factor = a,
            [first, second] => (*first, *second) = (a, b),
            all => all.copy_from_slice(&[a, c, c, b]),
        }
    }

    #[inline(always)]
    fn squared_norm(&self, x: &[f64], v: &[f64]) -> f64 {
        form(self.0.information(x), v)
    }

    #[inline(always)]
    fn gradient(&self, x: &[f64], v: &[f64], out: &mut [f64]) {
        let [first, second] = self.0.slopes(x);
        out[0] = form(first, v);
        out[1] = form(second, v);
    }

    #[inline(always)]
    fn christoffel(&self, x: &[f64], v: &[f64], out: &mut [f64]) {
        let [first, second] = self.0.slopes(x);
        let along = |k: usize| first[k] * v[0] + second[k] * v[1];
        out[0] = along(0) * v[0] + along(1) * v[1] - 0.5 * form(first, v);
        out[1] = along(1) * v[0] + along(2) * v[1] - 0.5 * form(second, v);
    }
}

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
fn form([a, c, b]: [f64; 3], v: &[f64]) -> f64 {
    a * v[0] * v[0] + 2.0 * c * v[0] * v[1] + b * v[1] * v[1]
}

impl<F: Planar> Geometry for Plane<F> {
    batched!();

    fn closed_form(&self) -> Option<&dyn ClosedForm> {
        Some(self)
    }
}

impl<F: Planar> ClosedForm for Plane<F> {
    fn distance(&self, from: &[f64], to: &[f64]) -> Result<f64, EvalError> {
        ends(self, from, to)?;
        Ok(self.0.scale() * half_space::distance(&self.0.in_plane(from), &self.0.in_plane(to)))
    }

    fn log(&self, from: &[f64], to: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
        ends(self, from, to)?;
        vector(2, from, out)?;
        let mut velocity = [0.0; 2];
        half_space::log(&self.0.in_plane(from), &self.0.in_plane(to), &mut velocity);
        out.copy_from_slice(&self.0.pull(from, velocity));
        Ok(())
    }

    fn exp(&self, from: &[f64], velocity: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
        points(self, from)?;
        vector(2, velocity, out)?;
        let mut reached = [0.0; 2];
        let held = half_space::exp(&self.0.in_plane(from), &self.0.push(from, velocity), &mut reached);
        out.copy_from_slice(&self.0.parameters_of(reached));
        if held && out.iter().all(|x| x.is_finite()) && self.0.contains(out) {
            Ok(())
        } else {
            let reason = format!("the geodesic leaves the chart, where {} is needed", self.0.condition());
            Err(EvalError::OutsideChart { row: 0, reason })
        }
    }
}

/// `A / sigma^2` in a location and a scale, with `A` symmetric: a family of shifts and stretches of one density.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LocationScale {
    a: f64,
    c: f64,
    b: f64,
}

impl LocationScale {
    /// The information `a`, `c`, `b` of the density with location zero and scale one.
    pub(crate) const fn new(a: f64, c: f64, b: f64) -> Self {
        Self { a, c, b }
    }

    fn rest(&self) -> f64 {
        self.b - self.c * self.c / self.a
    }

    /// The half-plane has `x = stretch (mu + tilt sigma)` and `y = sigma`.
    fn tilt_and_stretch(&self) -> (f64, f64) {
        (self.c / self.a, (self.a / self.rest()).sqrt())
    }
}

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl Planar for LocationScale {
    #[inline(always)]
    fn form(&self) -> Form {
        if self.c.abs() > 0.0 {
            Form::Dense
        } else if (self.a - self.b).abs() > 0.0 {
            Form::Diagonal
        } else {
            Form::Conformal
        }
    }

    #[inline(always)]
    fn contains(&self, x: &[f64]) -> bool {
        x[1] > 0.0
    }

    fn condition(&self) -> &'static str {
        "a positive scale, the second coordinate,"
    }

    #[inline(always)]
    fn information(&self, x: &[f64]) -> [f64; 3] {
        let weight = 1.0 / (x[1] * x[1]);
        [self.a * weight, self.c * weight, self.b * weight]
    }

    #[inline(always)]
    fn slopes(&self, x: &[f64]) -> [[f64; 3]; 2] {
        let weight = -2.0 / (x[1] * x[1] * x[1]);
        [[0.0; 3], [self.a * weight, self.c * weight, self.b * weight]]
    }

    fn scale(&self) -> f64 {
        self.rest().sqrt()
    }

    fn in_plane(&self, x: &[f64]) -> [f64; 2] {
        self.push(&[], x)
    }

    fn parameters_of(&self, p: [f64; 2]) -> [f64; 2] {
        self.pull(&[], p)
    }

    fn push(&self, _: &[f64], v: &[f64]) -> [f64; 2] {
        let (tilt, stretch) = self.tilt_and_stretch();
        [stretch * (v[0] + tilt * v[1]), v[1]]
    }

    fn pull(&self, _: &[f64], w: [f64; 2]) -> [f64; 2] {
        let (tilt, stretch) = self.tilt_and_stretch();
        [w[0] / stretch - tilt * w[1], w[1]]
    }
}

/// Families whose logarithm is, up to sign, a location-scale family with location `log beta` and scale `1 / lambda`:
/// `[[lambda^2 / beta^2, c / beta], [c / beta, b / lambda^2]]` in `(beta, lambda)`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LogLocationScale {
    c: f64,
    b: f64,
}

impl LogLocationScale {
    pub(crate) const fn new(c: f64, b: f64) -> Self {
        Self { c, b }
    }

    fn logarithmic(&self) -> LocationScale {
        LocationScale::new(1.0, -self.c, self.b)
    }
}

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl Planar for LogLocationScale {
    #[inline(always)]
    fn form(&self) -> Form {
        Form::Dense
    }

    #[inline(always)]
    fn contains(&self, x: &[f64]) -> bool {
        x[0] > 0.0 && x[1] > 0.0
    }

    fn condition(&self) -> &'static str {
        "a positive scale and a positive shape"
    }

    #[inline(always)]
    fn information(&self, x: &[f64]) -> [f64; 3] {
        let (ratio, inverse) = (x[1] / x[0], 1.0 / x[1]);
        [ratio * ratio, self.c / x[0], self.b * inverse * inverse]
    }

    #[inline(always)]
    fn slopes(&self, x: &[f64]) -> [[f64; 3]; 2] {
        let (beta, lambda) = (1.0 / x[0], x[1]);
        let inverse = 1.0 / lambda;
        [
            [-2.0 * lambda * lambda * beta * beta * beta, -self.c * beta * beta, 0.0],
            [2.0 * lambda * beta * beta, 0.0, -2.0 * self.b * inverse * inverse * inverse],
        ]
    }

    fn scale(&self) -> f64 {
        self.logarithmic().scale()
    }

    fn in_plane(&self, x: &[f64]) -> [f64; 2] {
        self.logarithmic().in_plane(&[libm::log(x[0]), 1.0 / x[1]])
    }

    fn parameters_of(&self, p: [f64; 2]) -> [f64; 2] {
        let [location, scale] = self.logarithmic().parameters_of(p);
        [libm::exp(location), 1.0 / scale]
    }

    fn push(&self, x: &[f64], v: &[f64]) -> [f64; 2] {
        self.logarithmic().push(&[], &[v[0] / x[0], -v[1] / (x[1] * x[1])])
    }

    fn pull(&self, x: &[f64], w: [f64; 2]) -> [f64; 2] {
        let [location, scale] = self.logarithmic().pull(&[], w);
        [location * x[0], -scale * x[1] * x[1]]
    }
}

/// `1 / shape^2` in the shape and `shape^2 / scale^2` in the scale: power laws, where the scale is the end of the support.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PowerLaw {
    /// Which coordinate is the shape.
    shape: usize,
}

impl PowerLaw {
    /// In the coordinates (shape, scale), or else (scale, shape).
    pub(crate) const fn new(shape_first: bool) -> Self {
        Self { shape: if shape_first { 0 } else { 1 } }
    }

    /// Shape and scale, or the numbers that belong to them.
    #[inline]
    fn ordered(self, x: &[f64]) -> (f64, f64) {
        if self.shape == 0 { (x[0], x[1]) } else { (x[1], x[0]) }
    }

    /// The inverse of [`PowerLaw::ordered`].
    fn back(self, shape: f64, scale: f64) -> [f64; 2] {
        if self.shape == 0 { [shape, scale] } else { [scale, shape] }
    }
}

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl Planar for PowerLaw {
    #[inline(always)]
    fn form(&self) -> Form {
        Form::Diagonal
    }

    #[inline(always)]
    fn contains(&self, x: &[f64]) -> bool {
        x[0] > 0.0 && x[1] > 0.0
    }

    fn condition(&self) -> &'static str {
        "a positive scale and a positive shape"
    }

    #[inline(always)]
    fn information(&self, x: &[f64]) -> [f64; 3] {
        let (shape, scale) = self.ordered(x);
        let (inverse, ratio) = (1.0 / shape, shape / scale);
        let [a, b] = self.back(inverse * inverse, ratio * ratio);
        [a, 0.0, b]
    }

    #[inline(always)]
    fn slopes(&self, x: &[f64]) -> [[f64; 3]; 2] {
        let (shape, scale) = self.ordered(x);
        let (inverse, over) = (1.0 / shape, 1.0 / scale);
        let of_shape = self.back(-2.0 * inverse * inverse * inverse, 2.0 * shape * over * over);
        let of_scale = self.back(0.0, -2.0 * shape * shape * over * over * over);
        let slopes = [[of_shape[0], 0.0, of_shape[1]], [of_scale[0], 0.0, of_scale[1]]];
        if self.shape == 0 { slopes } else { [slopes[1], slopes[0]] }
    }

    fn scale(&self) -> f64 {
        1.0
    }

    fn in_plane(&self, x: &[f64]) -> [f64; 2] {
        let (shape, scale) = self.ordered(x);
        [libm::log(scale), 1.0 / shape]
    }

    fn parameters_of(&self, p: [f64; 2]) -> [f64; 2] {
        self.back(1.0 / p[1], libm::exp(p[0]))
    }

    fn push(&self, x: &[f64], v: &[f64]) -> [f64; 2] {
        let ((shape, scale), (dshape, dscale)) = (self.ordered(x), self.ordered(v));
        [dscale / scale, -dshape / (shape * shape)]
    }

    fn pull(&self, x: &[f64], w: [f64; 2]) -> [f64; 2] {
        let (shape, scale) = self.ordered(x);
        self.back(-w[1] * shape * shape, w[0] * scale)
    }
}

/// `diag(1 / (2 lambda^2), lambda / mu^3)` in `(lambda, mu)`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InverseGaussian;

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl Planar for InverseGaussian {
    #[inline(always)]
    fn form(&self) -> Form {
        Form::Diagonal
    }

    #[inline(always)]
    fn contains(&self, x: &[f64]) -> bool {
        x[0] > 0.0 && x[1] > 0.0
    }

    fn condition(&self) -> &'static str {
        "a positive shape and a positive mean"
    }

    #[inline(always)]
    fn information(&self, x: &[f64]) -> [f64; 3] {
        [0.5 / (x[0] * x[0]), 0.0, x[0] / (x[1] * x[1] * x[1])]
    }

    #[inline(always)]
    fn slopes(&self, x: &[f64]) -> [[f64; 3]; 2] {
        let cubed = x[1] * x[1] * x[1];
        [[-1.0 / (x[0] * x[0] * x[0]), 0.0, 1.0 / cubed], [0.0, 0.0, -3.0 * x[0] / (cubed * x[1])]]
    }

    fn scale(&self) -> f64 {
        std::f64::consts::SQRT_2
    }

    fn in_plane(&self, x: &[f64]) -> [f64; 2] {
        [(2.0 / x[1]).sqrt(), 1.0 / x[0].sqrt()]
    }

    fn parameters_of(&self, p: [f64; 2]) -> [f64; 2] {
        // A negative x has no mean: it is beyond the infinite one.
        let mean = if p[0] > 0.0 { 2.0 / (p[0] * p[0]) } else { -1.0 };
        [1.0 / (p[1] * p[1]), mean]
    }

    fn push(&self, x: &[f64], v: &[f64]) -> [f64; 2] {
        [-0.5 * (2.0 / x[1]).sqrt() / x[1] * v[1], -0.5 / (x[0] * x[0].sqrt()) * v[0]]
    }

    fn pull(&self, x: &[f64], w: [f64; 2]) -> [f64; 2] {
        [-2.0 * x[0] * x[0].sqrt() * w[1], -2.0 * x[1] * (0.5 * x[1]).sqrt() * w[0]]
    }
}
