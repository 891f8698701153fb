//! Tests of networks and training through the public interface.

mod energy;
mod perceptrons;
