//! Interpolation methods, one file each, and the table of them.
//!
//! A method joins two points by a curve, given a [`Scene`]: a geometry and what is known of a density. Methods cannot see
//! models, so each of them works on any potential.
//!
//! To add one: a file with a constant of type [`Method`], and two lines here (`mod` and the entry in [`ALL`]).

mod adagrad;
mod adam;
mod adamax;
mod adamw;
mod by_model;
mod closed_form;
mod curved;
mod curved_adaptive;
mod derivative_search;
mod embedded;
mod euler;
mod euler_maruyama;
mod first_order;
mod interpolator;
mod l_bfgs;
mod limited_memory;
mod line_search;
mod linear;
mod lol;
mod noise;
mod noise_diffusion;
mod norm_aware;
mod norm_path;
mod objective;
mod panels;
mod path_laplacian;
mod plain_memory;
mod preconditioner;
mod prob_georce;
mod prob_georce_accelerated;
mod quasi_newton;
mod rmsprop;
mod sampler;
mod separable_model;
mod sgd;
pub mod single;
mod slerp;
mod solver;
mod span;
mod stepping;
mod subspace;
mod table;
mod typical;
mod variance_preserving;
mod varying_memory;
mod vector;
mod velocity_error;
mod weight;

pub use interpolator::{
    Density, InterpolateError, Interpolator, Scene, Solution, Step, Trace, Unsupported, Weighting,
    ignore_steps,
};
pub use sampler::{BuiltSampler, Generated, SampleError, Sampler, SamplerKind, StepObserver};
pub use table::{Built, Config, Method};

/// Every method, sorted by id.
pub const ALL: &[Method] = &[
    adagrad::METHOD,
    adam::METHOD,
    adamax::METHOD,
    adamw::METHOD,
    l_bfgs::METHOD,
    linear::METHOD,
    lol::METHOD,
    noise::METHOD,
    noise_diffusion::METHOD,
    norm_aware::METHOD,
    prob_georce::METHOD,
    prob_georce_accelerated::METHOD,
    rmsprop::METHOD,
    sgd::METHOD,
    slerp::METHOD,
    variance_preserving::METHOD,
];

/// The method with the given id.
pub fn find(id: &str) -> Option<&'static Method> {
    ALL.iter().find(|method| method.id == id)
}

/// Every sampler, sorted by id.
pub const SAMPLERS: &[SamplerKind] = &[euler::SAMPLER, euler_maruyama::SAMPLER];

/// The sampler with the given id.
pub fn find_sampler(id: &str) -> Option<&'static SamplerKind> {
    SAMPLERS.iter().find(|sampler| sampler.id == id)
}
