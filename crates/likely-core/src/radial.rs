//! Potentials that depend on the norm alone.

/// A potential of the form `S(x) = phi(|x|^2)`.
///
/// With a flat background and a start on the straight line, every iterate of a gradient method stays in the span of the
/// two end points, so a method may solve in two dimensions and expand once.
pub trait Radial: Send + Sync {
    /// `phi(q)` and its derivative `phi'(q)` at each squared norm `q`; the gradient of `S` is `2 phi'(|x|^2) x`.
    ///
    /// Both outputs have the length of `squared_norms`; `slopes` is left alone when it is `None`.
    fn profile(&self, squared_norms: &[f64], values: &mut [f64], slopes: Option<&mut [f64]>);
}
