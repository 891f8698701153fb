//! Named parameters, flat for the optimiser and as candle's variables for the graph.

use super::TrainingError;
use crate::{Expected, Problems, Weights};
use candle_core::{Device, Tensor, Var};
use std::collections::BTreeSet;

/// One parameter as training begins.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// Its name in the weights file, such as `hidden.0.weight`.
    pub name: String,
    /// Its shape; a weight matrix is `(outputs, inputs)`, as PyTorch stores it.
    pub shape: Vec<usize>,
    /// Its initial values in row-major order.
    pub initial: Vec<f32>,
}

#[derive(Debug, Clone, PartialEq)]
struct Place {
    name: String,
    shape: Vec<usize>,
    start: usize,
    end: usize,
}

/// All parameters in one flat array, in the order in which they were declared.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameters {
    places: Vec<Place>,
    values: Vec<f32>,
}

impl Parameters {
    /// Parameters at their initial values.
    ///
    /// # Errors
    /// [`TrainingError::Parameter`] for a name that stands twice, a wrong number of values, or one that is not finite.
    pub fn new(parameters: Vec<Parameter>) -> Result<Self, TrainingError> {
        let mut places = Vec::with_capacity(parameters.len());
        let mut values = Vec::new();
        let mut names = BTreeSet::new();
        for Parameter { name, shape, initial } in parameters {
            let wanted: usize = shape.iter().product();
            let problem = if initial.len() != wanted {
                Some(format!("has {} initial values, but its shape {shape:?} takes {wanted}", initial.len()))
            } else if !initial.iter().all(|value| value.is_finite()) {
                Some("has an initial value that is not finite".to_owned())
            } else if !names.insert(name.clone()) {
                Some("is declared twice".to_owned())
            } else {
                None
            };
            if let Some(reason) = problem {
                return Err(TrainingError::Parameter { name, reason });
            }
            let start = values.len();
            values.extend(initial);
            places.push(Place { name, shape, start, end: values.len() });
        }
        Ok(Self { places, values })
    }

    /// How many numbers there are.
    pub fn count(&self) -> usize {
        self.values.len()
    }

    /// All values, parameter after parameter.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    pub(super) fn values_mut(&mut self) -> &mut [f32] {
        &mut self.values
    }

    /// Name, shape and values of each parameter, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[usize], &[f32])> {
        self.places
            .iter()
            .map(|place| (place.name.as_str(), place.shape.as_slice(), &self.values[place.start..place.end]))
    }

    /// The values of one parameter.
    ///
    /// # Errors
    /// [`TrainingError::UnknownParameter`].
    pub fn get(&self, name: &str) -> Result<&[f32], TrainingError> {
        self.iter()
            .find_map(|(known, _, values)| (known == name).then_some(values))
            .ok_or_else(|| unknown(name, self.places.iter().map(|place| place.name.clone())))
    }

    /// Parameters of the same names and shapes with the values of `weights`.
    ///
    /// # Errors
    /// [`Problems`] with everything that is missing, has another shape, or is not one of the parameters.
    pub fn with_values_of(&self, weights: &Weights) -> Result<Self, Problems> {
        let expected: Vec<Expected> =
            self.iter().map(|(name, shape, _)| Expected::new(name, shape)).collect();
        weights.check(&expected)?;
        let mut parameters = self.clone();
        for place in &parameters.places {
            let values = weights.get(&place.name)?.values();
            parameters.values[place.start..place.end].copy_from_slice(values);
        }
        Ok(parameters)
    }

    /// The parameters as weights without metadata.
    ///
    /// # Errors
    /// [`Problems`] where a value is not finite or a name is not one for a file.
    pub fn to_weights(&self) -> Result<Weights, Problems> {
        let mut weights = Weights::new();
        for (name, shape, values) in self.iter() {
            weights.insert(name, shape, values.to_vec())?;
        }
        Ok(weights)
    }
}

fn unknown(name: &str, known: impl Iterator<Item = String>) -> TrainingError {
    TrainingError::UnknownParameter { name: name.to_owned(), known: known.collect() }
}

/// The parameters as candle's variables in `f32`.
pub struct Variables {
    variables: Vec<(String, Var)>,
}

impl Variables {
    /// Variables on a device with the values of `parameters`.
    ///
    /// # Errors
    /// What candle says.
    pub fn new(parameters: &Parameters, device: &Device) -> Result<Self, TrainingError> {
        let variable = |(name, shape, values): (&str, &[usize], &[f32])| {
            Ok((name.to_owned(), Var::from_slice(values, shape, device)?))
        };
        Ok(Self { variables: parameters.iter().map(variable).collect::<Result<_, TrainingError>>()? })
    }

    /// A parameter whose gradient is wanted.
    ///
    /// # Errors
    /// [`TrainingError::UnknownParameter`].
    pub fn get(&self, name: &str) -> Result<&Tensor, TrainingError> {
        Ok(self.find(name)?.as_tensor())
    }

    /// A parameter as a constant, for a chain of samples that the loss does not differentiate. It is valid during the
    /// step that it was asked for: the next step overwrites it.
    ///
    /// # Errors
    /// [`TrainingError::UnknownParameter`].
    pub fn frozen(&self, name: &str) -> Result<Tensor, TrainingError> {
        Ok(self.find(name)?.as_detached_tensor())
    }

    /// All numbers, parameter after parameter, as [`Parameters::values`] has them.
    ///
    /// # Errors
    /// What candle says.
    pub fn values(&self) -> Result<Vec<f32>, TrainingError> {
        let mut values = Vec::new();
        for (_, variable) in &self.variables {
            values.extend(variable.as_detached_tensor().flatten_all()?.to_vec1::<f32>()?);
        }
        Ok(values)
    }

    /// The variables with their names, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Var)> {
        self.variables.iter().map(|(name, variable)| (name.as_str(), variable))
    }

    fn find(&self, name: &str) -> Result<&Var, TrainingError> {
        self.iter()
            .find_map(|(known, variable)| (known == name).then_some(variable))
            .ok_or_else(|| unknown(name, self.variables.iter().map(|(name, _)| name.clone())))
    }
}
