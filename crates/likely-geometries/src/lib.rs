//! Riemannian geometries, one file each, and the tables of them.
//!
//! [`ALL`] are the manifolds that a scene can stand on. [`DERIVED`] are the geometries that a density makes: short there is
//! likely here. Neither knows a method, and no method knows them: both meet in `likely_core::Geometry`.
//!
//! To add one: a file with a constant of type [`Manifold`] or [`Derived`], and two lines here (`mod` and the entry).

mod cholesky_chart;
mod derived;
mod ellipsoid;
mod euclidean;
mod fisher_rao;
mod graph;
mod half_space;
mod hyperbolic_paraboloid;
mod lanes;
mod paraboloid;
mod parameters;
mod pointwise;
mod spd_frobenius;
mod sphere;
mod table;
mod torus;

pub use ellipsoid::Ellipsoid;
pub use fisher_rao::{Family, FisherRao, InformationForm};
pub use graph::{Graph, Height};
pub use hyperbolic_paraboloid::Saddle;
pub use paraboloid::SquaredNorm;
pub use parameters::{MOST_COORDINATES, MOST_DENSE_COORDINATES, ParameterError};
pub use spd_frobenius::SpdFrobenius;
pub use sphere::Sphere;
pub use torus::Torus;

use table::Recipe;
pub use table::{Built, BuiltDerived, Config, Derive, Derived, Manifold};

/// Every manifold, sorted by id.
pub const ALL: &[Manifold] = &[
    ellipsoid::MANIFOLD,
    euclidean::MANIFOLD,
    fisher_rao::MANIFOLD,
    hyperbolic_paraboloid::MANIFOLD,
    paraboloid::MANIFOLD,
    spd_frobenius::MANIFOLD,
    sphere::MANIFOLD,
    torus::MANIFOLD,
];

/// The manifold with the given id.
pub fn find(id: &str) -> Option<&'static Manifold> {
    ALL.iter().find(|manifold| manifold.id == id)
}

/// Every geometry derived from a density, sorted by id.
pub const DERIVED: &[Derived] = derived::ALL;

/// The derived geometry with the given id.
pub fn find_derived(id: &str) -> Option<&'static Derived> {
    DERIVED.iter().find(|derived| derived.id == id)
}
