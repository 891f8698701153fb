//! Densities on the sphere.

mod heat_kernel;
