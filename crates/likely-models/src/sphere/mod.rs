//! Densities on the unit sphere: the heat kernel, von Mises and Fisher's mixtures, and diffusion models.
//!
//! All are densities with respect to the area measure, in nats; a chart is only a change of coordinates.

mod brownian;
mod heat_kernel;
mod jet;
mod vectors;

pub use brownian::{BrownianMotion, geodesic_step, uniform};
pub use heat_kernel::{HeatKernel, TimeError};
