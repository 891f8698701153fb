//! Neural networks: weights files, evaluation by hand at full speed, and candle for training.
//!
//! The only crate that knows candle. Networks are trained in `f32` on candle's graph and evaluated in `f64` by formulas
//! over [`likely_core::Number`], which give exact derivatives of every order that a geometry asks for.

pub mod training;

pub use candle_core as candle;
