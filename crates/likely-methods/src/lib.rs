//! Interpolation methods, one file each, and the table of them.
//!
//! A method joins two points by a curve, given a [`Scene`]: a geometry and what is known of a density. Methods cannot see
//! models, so each of them works on any potential.
//!
//! To add one: a file with a constant of type [`Method`], and two lines here (`mod` and the entry in [`ALL`]).

mod interpolator;
mod line_search;
mod linear;
mod objective;
mod path_laplacian;
mod prob_georce;
mod slerp;
mod solver;
mod span;
mod table;
mod vector;
mod weight;

pub use interpolator::{
    Density, InterpolateError, Interpolator, Scene, Solution, Step, Trace, Unsupported, Weighting,
    ignore_steps,
};
pub use table::{Built, Config, Method};

/// Every method, sorted by id.
pub const ALL: &[Method] = &[linear::METHOD, prob_georce::METHOD, slerp::METHOD];

/// The method with the given id.
pub fn find(id: &str) -> Option<&'static Method> {
    ALL.iter().find(|method| method.id == id)
}
