//! The Fisher information of families of densities.

mod line;
mod plane;
mod settings;
mod simplex;
mod wishart;

pub use settings::{Family, FisherRao, InformationForm};

use crate::table::from_config;
use crate::{Manifold, ParameterError, Recipe};
use likely_core::Geometry;
use line::{Law, Line};
use plane::{InverseGaussian, LocationScale, LogLocationScale, Planar, Plane, PowerLaw};
use settings::Parameters;
use simplex::{Counted, Simplex};
use std::f64::consts::PI;
use wishart::Wishart;

pub(crate) const MANIFOLD: Manifold = Manifold {
    id: "fisher-rao",
    summary: "The Fisher information of a family of densities, in the parameters of the family.",
    source: "FisherRaoGeometry of the authors' public code of arXiv 2510.26266; Miyamoto et al., arXiv 2304.14885",
    build: from_config::<FisherRao>,
};

/// Euler's constant.
const GAMMA: f64 = 0.577_215_664_901_532_9;

/// Information of the scale of a Gumbel density.
const GUMBEL: f64 = (GAMMA - 1.0) * (GAMMA - 1.0) + PI * PI / 6.0;

fn plane<F: Planar + 'static>(family: F) -> Box<dyn Geometry> {
    Box::new(Plane(family))
}

fn line(law: Law, scale: f64) -> Box<dyn Geometry> {
    Box::new(Line::new(law, scale))
}

impl Recipe for FisherRao {
    fn geometry(&self) -> Result<Box<dyn Geometry>, ParameterError> {
        let released = self.form() == InformationForm::Released;
        let location_scale = |a, c, b| Ok(plane(LocationScale::new(a, c, b)));
        match self.parameters() {
            Parameters::Binomial { trials } => Ok(line(Law::Proportion, trials)),
            Parameters::Poisson => Ok(line(Law::Counts, 1.0)),
            Parameters::Geometric => Ok(line(Law::Waiting, 1.0)),
            Parameters::NegativeBinomial { successes } => Ok(line(Law::Waiting, successes)),
            Parameters::Exponential => Ok(line(Law::Scale, 1.0)),
            Parameters::Rayleigh => Ok(line(Law::Scale, 4.0)),
            Parameters::Erlang { shape } => Ok(line(Law::Scale, shape)),
            Parameters::Gaussian | Parameters::LogGaussian => location_scale(1.0, 0.0, 2.0),
            Parameters::Laplace => location_scale(1.0, 0.0, 1.0),
            Parameters::GeneralisedGaussian { exponent } => {
                let log_ratio = libm::lgamma(2.0 - 1.0 / exponent) - libm::lgamma(1.0 + 1.0 / exponent);
                location_scale(exponent * libm::exp(log_ratio), 0.0, exponent)
            }
            Parameters::Logistic => location_scale(1.0 / 3.0, 0.0, (PI * PI + 3.0) / 9.0),
            Parameters::Cauchy => location_scale(0.5, 0.0, 0.5),
            Parameters::StudentsT { degrees_of_freedom: v } => {
                location_scale((v + 1.0) / (v + 3.0), 0.0, 2.0 * v / (v + 3.0))
            }
            Parameters::Gumbel => location_scale(1.0, GAMMA - 1.0, GUMBEL),
            Parameters::InverseGaussian => Ok(plane(InverseGaussian)),
            Parameters::Frechet => Ok(plane(LogLocationScale::new(1.0 - GAMMA, GUMBEL))),
            Parameters::Weibull => Ok(plane(LogLocationScale::new(GAMMA - 1.0, GUMBEL))),
            Parameters::Categorical { categories } => {
                Ok(Box::new(Simplex::new(categories, Counted::Trials, 1.0)?))
            }
            Parameters::Multinomial { categories, trials } => {
                Ok(Box::new(Simplex::new(categories, Counted::Trials, trials)?))
            }
            Parameters::NegativeMultinomial { categories, failures } => {
                Ok(Box::new(Simplex::new(categories, Counted::Failures, failures)?))
            }
            Parameters::Wishart { order, degrees_of_freedom } => {
                Ok(Box::new(Wishart::new(order, degrees_of_freedom)?))
            }
            Parameters::Pareto | Parameters::PowerFunction => Ok(plane(PowerLaw::new(released))),
        }
    }
}
