//! The vocabulary of Likely: curves, potentials, geometries, seeds and numerical checks.
//!
//! Everything is batched: points go in as `(batch, dim)` views and come out as owned arrays, in `f64`.
//! Nothing here reads a clock, a file or a global random generator.

pub mod check;
mod curve;
mod differentiable;
mod elementary;
mod flow;
mod geometry;
mod images;
mod inverses;
pub mod lanes;
mod manifold;
mod number;
mod pieces;
mod potential;
mod radial;
mod rows;
mod seed;
mod small_inverses;
mod stop;
mod tensors;
mod thin_inverses;

pub use curve::{Curve, CurveError, Ends, EndsError};
pub use differentiable::{Differentiable, Exact};
pub use flow::{Flow, FlowScales, HullBound, SamplePrediction};
pub use geometry::{Euclidean, Form, Geometry};
pub use images::{FeatureNetwork, ImageLikelihood, ImageLikelihoods, ImageShape, ImageSpace};
pub use inverses::{BalanceRoom, Inverses};
pub use manifold::{ClosedForm, Embedding, Projection, SmoothMap};
pub use number::{Dual, Lanes, Number};
pub use pieces::Pieces;
pub use potential::{
    Counted, CountedScore, Curvature, EvalError, Evaluations, Normalisation, Potential, Score,
    ScoreOfPotential, Symmetry, ValueGrad,
};
pub use radial::Radial;
pub use rows::Rows;
pub use seed::Seed;
pub use stop::{Stop, StopKind};
pub use tensors::{LARGEST_RANK, LowRank, Tensors};
