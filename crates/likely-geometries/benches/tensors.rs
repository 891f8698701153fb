//! Cost of tensors, gradients and norms at 100 points.
fn main() {}
