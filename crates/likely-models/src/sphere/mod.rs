//! Densities on the unit sphere: the heat kernel, von Mises and Fisher's mixtures, and diffusion models.
//!
//! All are densities with respect to the area measure, in nats; a chart is only a change of coordinates.

mod brownian;
mod coordinates;
pub(crate) mod diffusion;
mod events;
pub(crate) mod events_data;
mod flow;
mod heat_kernel;
pub(crate) mod jet;
mod schedule;
mod score_network;
pub(crate) mod training;
mod vectors;
pub(crate) mod von_mises_fisher;

pub use brownian::{BrownianMotion, geodesic_step, uniform};
pub use coordinates::Coordinates;
pub use diffusion::SphereDiffusion;
pub use events::{EventsError, Parts, degrees_of_point, in_coordinates, point_of_degrees, read_events};
pub use heat_kernel::{HeatKernel, TimeError};
pub use schedule::NoiseSchedule;
pub use score_network::{ScoreNetwork, ScoreShape};
pub use von_mises_fisher::{VonMisesFisher, VonMisesFisherError};
