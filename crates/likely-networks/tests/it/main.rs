//! Tests of networks and training through the public interface.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod batch;
mod candle_room;
mod composed;
mod derivatives;
mod device;
mod energy;
mod images;
mod perceptrons;
mod planes;
mod tangents;
mod training;
mod weights;
