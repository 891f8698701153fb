//! Densities on the sphere.

mod diffusion;
mod heat_kernel;
mod von_mises_fisher;

use likely_core::Potential;
use likely_models::sphere::{Coordinates, in_coordinates};
use ndarray::Array1;
use std::f64::consts::PI;

/// `log p` of an embedded potential at points of the sphere.
fn log_density(potential: &dyn Potential, points: &[[f64; 3]]) -> Array1<f64> {
    let at = in_coordinates(points, Coordinates::Embedded).expect("points of the sphere");
    -potential.value(at.view()).expect("three coordinates")
}

/// The integral of an embedded density over the sphere, on a grid that is even in height and in longitude.
fn mass(potential: &dyn Potential, heights: usize) -> f64 {
    let longitudes = 2 * heights;
    let mut points = Vec::with_capacity(heights * longitudes);
    for i in 0..heights {
        let z = -1.0 + 2.0 * (i as f64 + 0.5) / heights as f64;
        let across = (1.0 - z * z).sqrt();
        for j in 0..longitudes {
            let (y, x) = (2.0 * PI * (j as f64 + 0.5) / longitudes as f64).sin_cos();
            points.push([across * x, across * y, z]);
        }
    }
    let area = 4.0 * PI / points.len() as f64;
    log_density(potential, &points).mapv(f64::exp).sum() * area
}
