//! Brownian motion on the unit sphere: exact samples, and walks along geodesics.

use crate::sphere::HeatKernel;
use crate::sphere::heat_kernel::TimeError;
use crate::sphere::vectors::{exponential, frame, normalised};
use rand::{Rng, RngCore};
use rand_distr::{Distribution, StandardNormal};
use std::f64::consts::PI;

/// From this time on angles are proposed from the uniform law, before it from the plane.
const UNIFORM_FROM: f64 = 1.0;

/// Draws exactly from Brownian motion after a fixed time.
///
/// The angle from the start is drawn by rejection: from the uniform law of the sphere for times from 1 on, and below from the
/// angle of the Brownian motion of the tangent plane, whose density is above that of the sphere times its ratio at zero.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BrownianMotion {
    kernel: HeatKernel,
    /// The logarithm of the largest ratio of the density to the proposed one.
    largest: f64,
}

impl BrownianMotion {
    /// Brownian motion after `time`.
    ///
    /// # Errors
    /// [`TimeError`] where the time is not between 1e-12 and 1e6.
    pub fn new(time: f64) -> Result<Self, TimeError> {
        let kernel = HeatKernel::new(time)?;
        let mut motion = Self { kernel, largest: 0.0 };
        motion.largest = motion.log_ratio(0.0);
        Ok(motion)
    }

    /// Its density.
    pub fn kernel(&self) -> HeatKernel {
        self.kernel
    }

    /// `log` of the density of the angle over that of the proposal, up to a constant; falls in the angle.
    pub(crate) fn log_ratio(&self, angle: f64) -> f64 {
        let log = self.kernel.log_density(angle);
        let time = self.kernel.time();
        if time >= UNIFORM_FROM {
            return log;
        }
        let sinc = if angle > 0.0 { libm::sin(angle) / angle } else { 1.0 };
        log + 0.5 * angle * angle / time + libm::log(sinc)
    }

    /// An angle from the start, in `[0, pi]`.
    pub fn angle(&self, rng: &mut dyn RngCore) -> f64 {
        let time = self.kernel.time();
        loop {
            let proposed = if time >= UNIFORM_FROM {
                libm::acos(rng.random_range(-1.0..1.0))
            } else {
                let uniform: f64 = 1.0 - rng.random::<f64>();
                (-2.0 * time * libm::log(uniform)).sqrt()
            };
            let accept = rng.random::<f64>();
            if proposed < PI && libm::log(accept) < self.log_ratio(proposed) - self.largest {
                return proposed;
            }
        }
    }

    /// Where a motion that starts at the point `from` of the sphere is.
    pub fn sample(&self, from: [f64; 3], rng: &mut dyn RngCore) -> [f64; 3] {
        let angle = self.angle(rng);
        let (sine, cosine) = libm::sincos(rng.random_range(-PI..PI));
        let [first, second] = frame(from);
        exponential(from, std::array::from_fn(|j| angle * (cosine * first[j] + sine * second[j])))
    }
}

/// One step of a geodesic random walk: along the geodesic of the velocity `drift` plus normal noise of variance `time` in
/// each of the two tangent directions.
///
/// # Source
/// Jørgensen 1975; Algorithm 1 of De Bortoli et al. 2022.
pub fn geodesic_step(from: [f64; 3], drift: [f64; 3], time: f64, rng: &mut dyn RngCore) -> [f64; 3] {
    let [first, second] = frame(from);
    let mut normal = || -> f64 { StandardNormal.sample(rng) };
    let (a, b) = (time.sqrt() * normal(), time.sqrt() * normal());
    exponential(from, std::array::from_fn(|j| drift[j] + a * first[j] + b * second[j]))
}

/// A point drawn from the uniform law of the sphere.
pub fn uniform(rng: &mut dyn RngCore) -> [f64; 3] {
    loop {
        let x: [f64; 3] = std::array::from_fn(|_| StandardNormal.sample(rng));
        if x.iter().map(|x| x * x).sum::<f64>() > 1e-12 {
            return normalised(x);
        }
    }
}
