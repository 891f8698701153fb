//! Which family a spec means, with which of its parameters fixed.

use crate::ParameterError;
use crate::parameters::{Order, coordinates, positive};
use serde::{Deserialize, Serialize};

/// A family of densities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Family {
    /// Successes among `trials`; coordinate: probability.
    Binomial,
    /// One of `categories`; coordinates: the probabilities of all but the last.
    Categorical,
    /// Location and scale.
    Cauchy,
    /// `shape` waiting times at a rate, or of a scale.
    Erlang,
    /// Rate, or scale.
    Exponential,
    /// Scale and shape.
    Frechet,
    /// Mean and standard deviation.
    Gaussian,
    /// Location and scale, with the density falling like `exp(-|z|^exponent)`.
    GeneralisedGaussian,
    /// Probability of success.
    Geometric,
    /// Location and scale of the largest of many.
    Gumbel,
    /// Shape and mean.
    InverseGaussian,
    /// Location and scale.
    Laplace,
    /// Mean and standard deviation of the logarithm.
    LogGaussian,
    /// Location and scale.
    Logistic,
    /// Counts of `categories` in `trials`; coordinates: the probabilities of all but the last.
    Multinomial,
    /// Probability of success, counted until `successes` of them.
    NegativeBinomial,
    /// Counts of `categories` until the last occurred `failures` times; coordinates: the probabilities of the others.
    NegativeMultinomial,
    /// Scale and shape, or as released shape and scale.
    Pareto,
    /// Rate.
    Poisson,
    /// Scale and shape, or as released shape and scale.
    PowerFunction,
    /// Scale.
    Rayleigh,
    /// Location and scale, at `degrees-of-freedom`.
    StudentsT,
    /// Scale and shape.
    Weibull,
    /// The upper triangle of the scale matrix, row by row, of a given `order` at `degrees-of-freedom`.
    Wishart,
}

/// Which way of writing the information is meant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InformationForm {
    /// As textbooks have it.
    #[default]
    Textbook,
    /// As the authors' public code has it.
    Released,
}

/// The Fisher information of a family, with the parameters of it that are fixed.
///
/// The released form differs from the textbook form in the order of coordinates alone, and only for the Pareto and the
/// power-function family: `diag(1 / x_0^2, x_0^2 / x_1^2)` is the information in (shape, scale), where textbooks write
/// (scale, shape). The Weibull, multinomial and Wishart families have no released form: that code raises an error for them, or
/// states another dimension than the matrix has.
///
/// # Source
/// `FisherRaoGeometry` of the authors' public code of arXiv 2510.26266; Miyamoto et al., arXiv 2304.14885.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub struct FisherRao {
    family: Family,
    form: InformationForm,
    parameters: Parameters,
}

/// A family with its fixed parameters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Parameters {
    Binomial { trials: f64 },
    Categorical { categories: usize },
    Cauchy,
    Erlang { shape: f64 },
    Exponential,
    Frechet,
    Gaussian,
    GeneralisedGaussian { exponent: f64 },
    Geometric,
    Gumbel,
    InverseGaussian,
    Laplace,
    LogGaussian,
    Logistic,
    Multinomial { categories: usize, trials: f64 },
    NegativeBinomial { successes: f64 },
    NegativeMultinomial { categories: usize, failures: f64 },
    Pareto,
    Poisson,
    PowerFunction,
    Rayleigh,
    StudentsT { degrees_of_freedom: f64 },
    Weibull,
    Wishart { order: usize, degrees_of_freedom: f64 },
}

impl FisherRao {
    pub(super) fn form(&self) -> InformationForm {
        self.form
    }

    pub(super) fn parameters(&self) -> Parameters {
        self.parameters
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Wire {
    family: Family,
    #[serde(default)]
    form: InformationForm,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    trials: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    successes: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shape: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    exponent: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    degrees_of_freedom: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failures: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    categories: Option<Categories>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    order: Option<Order>,
}

/// A number of categories, refused at its place in a spec.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
struct Categories(usize);

impl TryFrom<i64> for Categories {
    type Error = ParameterError;

    fn try_from(value: i64) -> Result<Self, ParameterError> {
        // One coordinate less than categories.
        coordinates(i128::from(value) - 1, 1).map(|dim| Self(dim + 1))
    }
}

impl From<Categories> for i64 {
    fn from(categories: Categories) -> Self {
        // At most one more than the most coordinates.
        Self::try_from(categories.0).unwrap_or(Self::MAX)
    }
}

impl Wire {
    fn of(family: Family, form: InformationForm) -> Self {
        Self {
            family,
            form,
            trials: None,
            successes: None,
            shape: None,
            exponent: None,
            degrees_of_freedom: None,
            failures: None,
            categories: None,
            order: None,
        }
    }

    /// Takes a positive number that the family must have.
    fn take(family: Family, name: &'static str, value: &mut Option<f64>) -> Result<f64, ParameterError> {
        positive(name, Self::needed(family, name, value)?)
    }

    /// Takes a parameter that the family must have.
    fn needed<T>(family: Family, name: &'static str, value: &mut Option<T>) -> Result<T, ParameterError> {
        let missing = || ParameterError::Other { reason: format!("{family:?} needs the parameter {name}") };
        value.take().ok_or_else(missing)
    }
}

impl TryFrom<Wire> for FisherRao {
    type Error = ParameterError;

    fn try_from(mut wire: Wire) -> Result<Self, ParameterError> {
        let (family, form) = (wire.family, wire.form);
        let parameters = match family {
            Family::Binomial => {
                Parameters::Binomial { trials: Wire::take(family, "trials", &mut wire.trials)? }
            }
            Family::Categorical => Parameters::Categorical {
                categories: Wire::needed(family, "categories", &mut wire.categories)?.0,
            },
            Family::Cauchy => Parameters::Cauchy,
            Family::Erlang => Parameters::Erlang { shape: Wire::take(family, "shape", &mut wire.shape)? },
            Family::Exponential => Parameters::Exponential,
            Family::Frechet => Parameters::Frechet,
            Family::Gaussian => Parameters::Gaussian,
            Family::GeneralisedGaussian => {
                let exponent = Wire::take(family, "exponent", &mut wire.exponent)?;
                if exponent <= 0.5 {
                    let reason = format!(
                        "exponent is {exponent}; it must be above 1/2, or the information of the location is infinite"
                    );
                    return Err(ParameterError::Other { reason });
                }
                Parameters::GeneralisedGaussian { exponent }
            }
            Family::Geometric => Parameters::Geometric,
            Family::Gumbel => Parameters::Gumbel,
            Family::InverseGaussian => Parameters::InverseGaussian,
            Family::Laplace => Parameters::Laplace,
            Family::LogGaussian => Parameters::LogGaussian,
            Family::Logistic => Parameters::Logistic,
            Family::Multinomial => Parameters::Multinomial {
                categories: Wire::needed(family, "categories", &mut wire.categories)?.0,
                trials: Wire::take(family, "trials", &mut wire.trials)?,
            },
            Family::NegativeMultinomial => Parameters::NegativeMultinomial {
                categories: Wire::needed(family, "categories", &mut wire.categories)?.0,
                failures: Wire::take(family, "failures", &mut wire.failures)?,
            },
            Family::NegativeBinomial => Parameters::NegativeBinomial {
                successes: Wire::take(family, "successes", &mut wire.successes)?,
            },
            Family::Pareto => Parameters::Pareto,
            Family::Poisson => Parameters::Poisson,
            Family::PowerFunction => Parameters::PowerFunction,
            Family::Rayleigh => Parameters::Rayleigh,
            Family::StudentsT => Parameters::StudentsT {
                degrees_of_freedom: Wire::take(family, "degrees-of-freedom", &mut wire.degrees_of_freedom)?,
            },
            Family::Weibull => Parameters::Weibull,
            Family::Wishart => {
                let order = Wire::needed(family, "order", &mut wire.order)?.0;
                let degrees_of_freedom =
                    Wire::take(family, "degrees-of-freedom", &mut wire.degrees_of_freedom)?;
                if degrees_of_freedom <= order as f64 - 1.0 {
                    let reason = format!(
                        "degrees-of-freedom is {degrees_of_freedom}; it must be above order - 1, which is {}",
                        order - 1
                    );
                    return Err(ParameterError::Other { reason });
                }
                Parameters::Wishart { order, degrees_of_freedom }
            }
        };
        let left = [
            ("trials", wire.trials.is_some()),
            ("successes", wire.successes.is_some()),
            ("shape", wire.shape.is_some()),
            ("exponent", wire.exponent.is_some()),
            ("degrees-of-freedom", wire.degrees_of_freedom.is_some()),
            ("failures", wire.failures.is_some()),
            ("categories", wire.categories.is_some()),
            ("order", wire.order.is_some()),
        ];
        if let Some((name, _)) = left.iter().find(|(_, given)| *given) {
            return Err(ParameterError::Other { reason: format!("{family:?} has no parameter {name}") });
        }
        if form == InformationForm::Released && family == Family::Weibull {
            let reason =
                "Weibull has no released form: that code raises an error; use form = \"textbook\"".to_owned();
            return Err(ParameterError::Other { reason });
        }
        Ok(Self { family, form, parameters })
    }
}

impl From<FisherRao> for Wire {
    fn from(geometry: FisherRao) -> Self {
        let wire = Self::of(geometry.family, geometry.form);
        match geometry.parameters {
            Parameters::Binomial { trials } => Self { trials: Some(trials), ..wire },
            Parameters::NegativeBinomial { successes } => Self { successes: Some(successes), ..wire },
            Parameters::Erlang { shape } => Self { shape: Some(shape), ..wire },
            Parameters::GeneralisedGaussian { exponent } => Self { exponent: Some(exponent), ..wire },
            Parameters::StudentsT { degrees_of_freedom } => {
                Self { degrees_of_freedom: Some(degrees_of_freedom), ..wire }
            }
            Parameters::Categorical { categories } => {
                Self { categories: Some(Categories(categories)), ..wire }
            }
            Parameters::Multinomial { categories, trials } => {
                Self { categories: Some(Categories(categories)), trials: Some(trials), ..wire }
            }
            Parameters::NegativeMultinomial { categories, failures } => {
                Self { categories: Some(Categories(categories)), failures: Some(failures), ..wire }
            }
            Parameters::Wishart { order, degrees_of_freedom } => {
                Self { order: Some(Order(order)), degrees_of_freedom: Some(degrees_of_freedom), ..wire }
            }
            _ => wire,
        }
    }
}
