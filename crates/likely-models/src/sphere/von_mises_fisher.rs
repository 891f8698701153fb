//! Mixtures of von Mises and Fisher's laws on the sphere.

use crate::numbers::{FiniteNumber, PositiveNumber};
use crate::sphere::coordinates::{Coordinates, Density, OnSphere};
use crate::sphere::events::point_of_degrees;
use crate::sphere::jet::{FIRST, Jet, SECOND};
use crate::sphere::vectors::{dot, exponential, frame, normalised};
use crate::{BuildError, Built, Config, Model, Resources};
use likely_core::{Exact, Number, Potential};
use rand::{Rng, RngCore};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use std::f64::consts::PI;

const ID: &str = "von-mises-fisher";

pub(crate) const MODEL: Model = Model {
    id: ID,
    summary: "A mixture of von Mises and Fisher's laws on the sphere, embedded or in its chart, with its exact density.",
    source: "Fisher 1953; Mardia and Jupp 2000, section 9.3.2",
    build,
};

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    #[serde(default)]
    coordinates: Coordinates,
    weights: Vec<PositiveNumber>,
    means: Vec<Place>,
    concentrations: Vec<FiniteNumber>,
}

/// Largest concentration: directions are then known to less than the rounding of a coordinate.
const LARGEST_CONCENTRATION: f64 = 1e12;

/// A point of the sphere: three coordinates of unit length, or latitude and longitude in degrees.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
struct Place(Vec<f64>);

impl<'de> Deserialize<'de> for Place {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let place = Self(Vec::deserialize(deserializer)?);
        place.point().map_err(D::Error::custom)?;
        Ok(place)
    }
}

impl Place {
    fn point(&self) -> Result<[f64; 3], String> {
        match self.0[..] {
            [latitude, longitude] => point_of_degrees(latitude, longitude),
            [x, y, z] => unit([x, y, z]),
            _ => Err(format!(
                "{:?} has {} numbers; a point is written as [x, y, z] of unit length or as [latitude, longitude] in degrees",
                self.0,
                self.0.len()
            )),
        }
    }
}

/// How far from one the norm of a written point may be.
const WRITTEN: f64 = 1e-6;

fn unit(x: [f64; 3]) -> Result<[f64; 3], String> {
    let norm = dot(x, x).sqrt();
    if (norm - 1.0).abs() <= WRITTEN {
        Ok(normalised(x))
    } else {
        Err(format!("{x:?} has norm {norm}, and on the unit sphere it is 1"))
    }
}

fn build(config: Config<'_>, _: &Resources<'_>) -> Result<Built, BuildError> {
    let settings = Settings::deserialize(toml::Deserializer::from(config))?;
    let resolved = toml::Table::try_from(&settings).map_err(toml::de::Error::custom)?;
    let unfit = |reason: String| BuildError::Fit { model: ID, reason };
    let weights: Vec<f64> = settings.weights.iter().map(|w| w.0).collect();
    let means = settings.means.iter().map(Place::point).collect::<Result<Vec<_>, _>>().map_err(unfit)?;
    let concentrations: Vec<f64> = settings.concentrations.iter().map(|k| k.0).collect();
    let mixture = VonMisesFisher::new(&weights, &means, &concentrations)
        .map_err(|error| BuildError::Fit { model: ID, reason: error.to_string() })?;
    Ok(Built {
        potential: mixture.potential(settings.coordinates),
        flow: None,
        images: None,
        resolved,
        facts: Vec::new(),
    })
}

/// Why numbers do not make a mixture.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum VonMisesFisherError {
    /// The lists differ in length, or are empty.
    #[error(
        "there are {weights} weights, {means} means and {concentrations} concentrations; each component has one of each"
    )]
    Lengths {
        /// Number of weights.
        weights: usize,
        /// Number of means.
        means: usize,
        /// Number of concentrations.
        concentrations: usize,
    },
    /// The weights do not sum to one.
    #[error("the weights sum to {sum}; they must be above 0 and sum to 1 within 1e-9")]
    Weights {
        /// Their sum.
        sum: f64,
    },
    /// A mean is not on the sphere.
    #[error("mean {component} is not on the sphere: {reason}")]
    Mean {
        /// Number of the component, from 0.
        component: usize,
        /// What is wrong.
        reason: String,
    },
    /// A concentration is out of range.
    #[error("concentration {component} is {value}; it must be between 0 and 1e12")]
    Concentration {
        /// Number of the component, from 0.
        component: usize,
        /// The concentration.
        value: f64,
    },
}

#[derive(Debug, Clone, PartialEq)]
struct Component {
    /// `log(w kappa / (2 pi (1 - e^(-2 kappa))))`: the logarithm of its part of the density at its mean.
    peak: f64,
    mean: [f64; 3],
    concentration: f64,
    weight: f64,
}

/// `p(x) = sum_k w_k c(kappa_k) exp(kappa_k <mu_k, x>)` with `c(kappa) = kappa / (4 pi sinh kappa)`, with respect to the area
/// measure of the unit sphere.
#[derive(Debug, Clone, PartialEq)]
pub struct VonMisesFisher {
    components: Vec<Component>,
}

impl VonMisesFisher {
    /// The mixture of components with the given weights, mean directions and concentrations.
    ///
    /// # Errors
    /// [`VonMisesFisherError`].
    pub fn new(
        weights: &[f64],
        means: &[[f64; 3]],
        concentrations: &[f64],
    ) -> Result<Self, VonMisesFisherError> {
        let count = weights.len();
        if count == 0 || means.len() != count || concentrations.len() != count {
            return Err(VonMisesFisherError::Lengths {
                weights: count,
                means: means.len(),
                concentrations: concentrations.len(),
            });
        }
        let sum: f64 = weights.iter().sum();
        let positive = weights.iter().all(|w| *w > 0.0);
        if (sum - 1.0).abs() > 1e-9 || sum.is_nan() || !positive {
            return Err(VonMisesFisherError::Weights { sum });
        }
        let components = weights.iter().zip(means).zip(concentrations).enumerate();
        let components = components.map(|(component, ((weight, mean), concentration))| {
            let mean = unit(*mean).map_err(|reason| VonMisesFisherError::Mean { component, reason })?;
            let value = *concentration;
            if !(0.0..=LARGEST_CONCENTRATION).contains(&value) {
                return Err(VonMisesFisherError::Concentration { component, value });
            }
            let spread = if value > 0.0 { value / -libm::expm1(-2.0 * value) } else { 0.5 };
            let weight = weight / sum;
            let peak = libm::log(weight * spread / (2.0 * PI));
            Ok(Component { peak, mean, concentration: value, weight })
        });
        Ok(Self { components: components.collect::<Result<_, _>>()? })
    }

    /// Its negative log-density in the given coordinates.
    pub fn potential(&self, coordinates: Coordinates) -> Box<dyn Potential> {
        Box::new(Exact(OnSphere { density: self.clone(), coordinates }))
    }

    /// A point drawn from it.
    pub fn sample(&self, rng: &mut dyn RngCore) -> [f64; 3] {
        let mut left: f64 = rng.random();
        let chosen = self.components.iter().find(|component| {
            left -= component.weight;
            left < 0.0
        });
        let component = chosen.unwrap_or(&self.components[self.components.len() - 1]);
        let (k, uniform) = (component.concentration, rng.random::<f64>());
        // 1 - cos of the angle from the mean has a density proportional to e^(-kappa (1 - cos)) on [0, 2].
        let fallen = if k > 0.0 { -libm::log1p(uniform * libm::expm1(-2.0 * k)) / k } else { 2.0 * uniform };
        let angle = 2.0 * libm::asin((0.5 * fallen).min(1.0).sqrt());
        let (sine, cosine) = libm::sincos(rng.random_range(-PI..PI));
        let [first, second] = frame(component.mean);
        let velocity = std::array::from_fn(|j| angle * (cosine * first[j] + sine * second[j]));
        exponential(component.mean, velocity)
    }

    /// The logarithm of the part of a component in the density.
    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn term<N: Number>(component: &Component, x: [N; 3]) -> N {
        let [a, b, c] = component.mean;
        let along = x[0].scaled(a) + x[1].scaled(b) + x[2].scaled(c);
        along.shifted(-1.0).scaled(component.concentration).shifted(component.peak)
    }

    /// `S(x)`, with its gradient in space where `grad` is asked for.
    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn at<N: Number>(&self, x: [N; 3], grad: Option<&mut [N; 3]>, terms: &mut [N]) -> N {
        let mut largest = Self::term(&self.components[0], x);
        for (component, term) in self.components.iter().zip(&mut *terms) {
            *term = Self::term(component, x);
            largest = largest.max(*term);
        }
        let mut sum = N::constant(0.0);
        for term in &mut terms[..self.components.len()] {
            *term = (*term - largest).exp();
            sum = sum + *term;
        }
        if let Some(grad) = grad {
            *grad = [N::constant(0.0); 3];
            for (component, term) in self.components.iter().zip(&*terms) {
                let pull = *term / sum;
                for (grad, mean) in grad.iter_mut().zip(component.mean) {
                    *grad = *grad - pull.scaled(mean * component.concentration);
                }
            }
        }
        -(largest + sum.ln())
    }
}

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl Density for VonMisesFisher {
    fn workspace(&self) -> usize {
        self.components.len()
    }

    fn multiplications(&self) -> usize {
        40 * self.components.len()
    }

    #[inline(always)]
    fn value<N: Number>(&self, x: &[Jet<N, FIRST>; 3], work: &mut [N]) -> N {
        self.at(std::array::from_fn(|j| x[j].0[0]), None, work)
    }

    #[inline(always)]
    fn value_and_slopes<N: Number>(&self, x: &[Jet<N, SECOND>; 3], work: &mut [N]) -> (N, [N; 2]) {
        let mut grad = [N::constant(0.0); 3];
        let value = self.at(std::array::from_fn(|j| x[j].0[0]), Some(&mut grad), work);
        (value, [1, 2].map(|k| dot(grad, std::array::from_fn(|j| x[j].0[k]))))
    }
}
