//! Contrastive divergence.

use crate::energy_network::{EnergyNetwork, ID, PREFIX};
use crate::learned;
use crate::numbers::positive;
use crate::{BuildError, Config, Resolved, Trainable};
use likely_core::{Exact, Potential, Seed};
use likely_networks::candle::{DType, Result as CandleResult, Tensor};
use likely_networks::training::{HeldOut, Objective, Parameter, Parameters, Step, TrainingError, Variables};
use ndarray::ArrayView2;
use serde::de::Error as _;
use serde::{Deserialize, Serialize};

pub(crate) const TRAINABLE: Trainable = Trainable {
    id: ID,
    summary: "Contrastive divergence with Langevin steps from the data (Hinton, 2002), as in torchebm.",
    build,
};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Settings {
    /// Langevin steps from the data.
    langevin_steps: u32,
    #[serde(deserialize_with = "positive")]
    step_size: f64,
    #[serde(deserialize_with = "positive")]
    noise_scale: f64,
    /// Weight of the squared energies.
    #[serde(deserialize_with = "positive")]
    square_weight: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { langevin_steps: 10, step_size: 0.1, noise_scale: 0.1, square_weight: 0.001 }
    }
}

fn build(config: Config<'_>, points: ArrayView2<'_, f64>) -> Result<Resolved<dyn Objective>, BuildError> {
    let settings = Settings::deserialize(toml::Deserializer::from(config))?;
    learned::check_dim(ID, 2, points)?;
    let config = toml::Table::try_from(&settings).map_err(toml::de::Error::custom)?;
    Ok(Resolved { built: Box::new(ContrastiveDivergence(settings)), config })
}

/// `mean E(data) - mean E(samples) + w (mean E(data)^2 + mean E(samples)^2)`, the samples taken from the data by
/// `x - eta grad E(x) + c sqrt(2 eta) xi`.
struct ContrastiveDivergence(Settings);

/// Whether numbers are above zero, as ones and zeros.
fn positive_part(x: &Tensor) -> CandleResult<Tensor> {
    x.gt(0.0)?.to_dtype(DType::F32)
}

/// `grad E` at points, off the graph, because ten of eleven passes are these.
fn energy_gradient(layers: &[(Tensor, Tensor); 3], x: &Tensor) -> CandleResult<Tensor> {
    let [(first, first_bias), (second, second_bias), (last, _)] = layers;
    let first_sum = x.matmul(&first.t()?)?.broadcast_add(first_bias)?;
    let second_sum = first_sum.relu()?.matmul(&second.t()?)?.broadcast_add(second_bias)?;
    let through_second = positive_part(&second_sum)?.broadcast_mul(last)?;
    let through_first = (through_second.matmul(second)? * positive_part(&first_sum)?)?;
    through_first.matmul(first)
}

impl Objective for ContrastiveDivergence {
    fn parameters(&self, seed: Seed) -> Vec<Parameter> {
        EnergyNetwork::shape().initial(PREFIX, seed)
    }

    fn loss(&self, step: &mut Step<'_>, variables: &Variables) -> Result<Tensor, TrainingError> {
        let Settings { langevin_steps, step_size, noise_scale, square_weight } = self.0;
        let data = step.points()?;
        let layer = |k: usize| {
            let weight = variables.frozen(&format!("{PREFIX}.{k}.weight"))?;
            Ok::<_, TrainingError>((weight, variables.frozen(&format!("{PREFIX}.{k}.bias"))?))
        };
        let layers = [layer(0)?, layer(1)?, layer(2)?];
        let noise = noise_scale * libm::sqrt(2.0 * step_size);
        let mut samples = data.clone();
        for _ in 0..langevin_steps {
            let drift = (energy_gradient(&layers, &samples)? * -step_size)?;
            let kick = (step.normals(&[step.rows(), 2])? * noise)?;
            samples = ((samples + drift)? + kick)?;
        }
        let all = Tensor::cat(&[&data, &samples], 0)?;
        let energy = EnergyNetwork::shape().graph(&all, PREFIX, |name| variables.get(name))?;
        let of_data = energy.narrow(0, 0, step.rows())?;
        let of_samples = energy.narrow(0, step.rows(), step.rows())?;
        let squares = (of_data.sqr()?.mean_all()? + of_samples.sqr()?.mean_all()?)?;
        Ok(((of_data.mean_all()? - of_samples.mean_all()?)? + (squares * square_weight)?)?)
    }

    fn held_out(
        &self,
        parameters: &Parameters,
        points: ArrayView2<'_, f64>,
        _: Seed,
    ) -> Result<Vec<HeldOut>, TrainingError> {
        let model = Exact(learned::trained(parameters, EnergyNetwork::load)?);
        let values = learned::values(&model as &dyn Potential, points)?;
        Ok(vec![HeldOut { quantity: "potential", values }])
    }

    fn architecture(&self) -> String {
        "A network 2-128-128-1 with ReLU, whose output is the potential.".into()
    }

    fn loss_in_words(&self) -> String {
        let Settings { langevin_steps, step_size, noise_scale, square_weight } = self.0;
        format!(
            "Contrastive divergence with {langevin_steps} Langevin steps of size {step_size} and noise scale {noise_scale} from the data, and {square_weight} times the squared energies; torchebm, losses/contrastive_divergence.py."
        )
    }

    fn notes(&self) -> Vec<String> {
        vec![
            "The potential is the output of the network, so likelihoods have an unknown offset: only differences count.".into(),
            "Langevin steps so large, with noise scaled down, do not sample from the model: the potential is a contrast, not a density of the data.".into(),
        ]
    }
}
