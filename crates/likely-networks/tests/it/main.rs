//! Tests of networks and training through the public interface.

mod candle_room;
mod energy;
mod perceptrons;
