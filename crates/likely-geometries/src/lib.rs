//! Riemannian geometries, one file each, and the tables of them.
//!
//! [`ALL`] are the manifolds that a scene can stand on. [`DERIVED`] are the geometries that a model makes: of its density, where short
//! there is likely here, or of its decoder. Neither knows a method, and no method knows them: both meet in `likely_core::Geometry`.
//!
//! To add one: a file with a constant of type [`Manifold`] or [`Derived`], and two lines here (`mod` and the entry).

mod affine_invariant;
mod cholesky_chart;
mod derived;
mod eigen;
mod ellipsoid;
mod ellipsoid_embedded;
mod euclidean;
mod fisher_rao;
mod graph;
mod graph_surface;
mod half_space;
mod hyperbolic;
mod hyperbolic_paraboloid;
mod paraboloid;
mod parameters;
mod pointwise;
mod pull_back;
mod spd_affine_invariant;
mod spd_frobenius;
mod sphere;
mod sphere_chart;
mod sphere_embedded;
mod table;
mod torus;

pub use ellipsoid::Ellipsoid;
pub use ellipsoid_embedded::EllipsoidEmbedded;
pub use fisher_rao::{Family, FisherRao, InformationForm};
pub use graph::{Graph, Height};
pub use graph_surface::BumpsAndWaves;
pub use hyperbolic::Hyperbolic;
pub use hyperbolic_paraboloid::Saddle;
pub use paraboloid::SquaredNorm;
pub use parameters::{MOST_COORDINATES, MOST_DENSE_COORDINATES, ParameterError};
pub use pull_back::PullBack;
pub use spd_affine_invariant::SpdAffineInvariant;
pub use spd_frobenius::SpdFrobenius;
pub use sphere::Sphere;
pub use sphere_chart::SphereChart;
pub use sphere_embedded::SphereEmbedded;
pub use torus::Torus;

use table::Recipe;
pub use table::{Built, BuiltDerived, Config, Derive, Derived, Manifold, Origin};

/// Every manifold, sorted by id.
pub const ALL: &[Manifold] = &[
    ellipsoid::MANIFOLD,
    ellipsoid_embedded::MANIFOLD,
    euclidean::MANIFOLD,
    fisher_rao::MANIFOLD,
    graph_surface::MANIFOLD,
    hyperbolic::MANIFOLD,
    hyperbolic_paraboloid::MANIFOLD,
    paraboloid::MANIFOLD,
    spd_affine_invariant::MANIFOLD,
    spd_frobenius::MANIFOLD,
    sphere::MANIFOLD,
    sphere_embedded::MANIFOLD,
    torus::MANIFOLD,
];

/// The manifold with the given id.
pub fn find(id: &str) -> Option<&'static Manifold> {
    ALL.iter().find(|manifold| manifold.id == id)
}

/// Every geometry derived from a model, sorted by id.
pub const DERIVED: &[Derived] = derived::ALL;

/// The derived geometry with the given id.
pub fn find_derived(id: &str) -> Option<&'static Derived> {
    DERIVED.iter().find(|derived| derived.id == id)
}
