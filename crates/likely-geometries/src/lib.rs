//! Riemannian geometries, one file each, and the tables of them.
//!
//! [`ALL`] are the manifolds that a scene can stand on. [`DERIVED`] are the geometries that a density makes: short there is
//! likely here. Neither knows a method, and no method knows them: both meet in `likely_core::Geometry`.
//!
//! To add one: a file with a constant of type [`Manifold`] or [`Derived`], and two lines here (`mod` and the entry).

mod table;

pub use table::{Built, BuiltDerived, Config, Derive, Derived, Manifold};

/// Every manifold, sorted by id.
pub const ALL: &[Manifold] = &[];

/// The manifold with the given id.
pub fn find(id: &str) -> Option<&'static Manifold> {
    ALL.iter().find(|manifold| manifold.id == id)
}

/// Every geometry derived from a density, sorted by id.
pub const DERIVED: &[Derived] = &[];

/// The derived geometry with the given id.
pub fn find_derived(id: &str) -> Option<&'static Derived> {
    DERIVED.iter().find(|derived| derived.id == id)
}
