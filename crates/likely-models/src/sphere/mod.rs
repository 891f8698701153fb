//! Densities on the unit sphere: the heat kernel, von Mises and Fisher's mixtures, and diffusion models.
//!
//! All are densities with respect to the area measure, in nats; a chart is only a change of coordinates.

mod brownian;
mod coordinates;
mod events;
mod heat_kernel;
pub(crate) mod jet;
mod vectors;
pub(crate) mod von_mises_fisher;

pub use brownian::{BrownianMotion, geodesic_step, uniform};
pub use coordinates::Coordinates;
pub use events::{EventsError, Parts, degrees_of_point, in_coordinates, point_of_degrees, read_events};
pub use heat_kernel::{HeatKernel, TimeError};
pub use von_mises_fisher::{VonMisesFisher, VonMisesFisherError};
