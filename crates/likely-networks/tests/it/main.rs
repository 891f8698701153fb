//! Tests of networks and training through the public interface.

mod batch;
mod candle_room;
mod derivatives;
mod energy;
mod perceptrons;
mod training;
mod weights;
