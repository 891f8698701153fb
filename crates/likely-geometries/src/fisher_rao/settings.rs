//! Which family a spec means, with which of its parameters fixed.

use crate::ParameterError;
use crate::parameters::positive;
use serde::{Deserialize, Serialize};

/// A family of densities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Family {
    /// Successes among `trials`; coordinate: probability.
    Binomial,
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
    /// Probability of success, counted until `successes` of them.
    NegativeBinomial,
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
/// (scale, shape). For the Weibull family there is no released form: that code raises an error.
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
    NegativeBinomial { successes: f64 },
    Pareto,
    Poisson,
    PowerFunction,
    Rayleigh,
    StudentsT { degrees_of_freedom: f64 },
    Weibull,
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
        }
    }

    /// Takes a parameter that the family must have.
    fn take(family: Family, name: &'static str, value: &mut Option<f64>) -> Result<f64, ParameterError> {
        match value.take() {
            Some(value) => positive(name, value),
            None => Err(ParameterError::Other { reason: format!("{family:?} needs the parameter {name}") }),
        }
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
        };
        let left = [
            ("trials", wire.trials),
            ("successes", wire.successes),
            ("shape", wire.shape),
            ("exponent", wire.exponent),
            ("degrees-of-freedom", wire.degrees_of_freedom),
        ];
        if let Some((name, _)) = left.iter().find(|(_, value)| value.is_some()) {
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
            _ => wire,
        }
    }
}
