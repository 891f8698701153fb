//! Two networks against each other, in one loss.

use super::ID;
use super::networks::{LATENT, SHAPE, discriminate, generate, layers};
use super::space::{ImageGan, Inversion};
use crate::learned;
use crate::numbers::positive;
use crate::{BuildError, Config, Resolved, Trainable};
use likely_core::{ImageSpace, Seed};
use likely_networks::Activation;
use likely_networks::candle::Tensor;
use likely_networks::training::{HeldOut, Objective, Parameter, Parameters, Step, TrainingError, Variables};
use ndarray::{Array2, ArrayView2, s};
use rand::Rng;
use rand_distr::StandardNormal;
use serde::de::Error as _;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub(crate) const TRAINABLE: Trainable = Trainable {
    id: ID,
    summary: "Generator and discriminator of grey images of 28x28, each image of the data compared with a generated one, and a penalty on the discriminator's slope (Huang et al., 2025).",
    build,
};

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Settings {
    /// The factor of the penalty on the squared slope of the discriminator.
    #[serde(default = "one", deserialize_with = "positive")]
    penalty: f64,
    /// Standard deviation of the noise over whose steps the slope is taken, for pixels in `[0, 1]`.
    #[serde(default = "twentieth", deserialize_with = "positive")]
    deviation: f64,
}

fn one() -> f64 {
    1.0
}

fn twentieth() -> f64 {
    0.05
}

fn build(config: Config<'_>, points: ArrayView2<'_, f64>) -> Result<Resolved<dyn Objective>, BuildError> {
    let settings = Settings::deserialize(toml::Deserializer::from(config))?;
    learned::check_dim(ID, SHAPE.len(), points)?;
    let config = toml::Table::try_from(settings).map_err(toml::de::Error::custom)?;
    Ok(Resolved { built: Box::new(Adversarial { settings }), config })
}

struct Adversarial {
    settings: Settings,
}

/// Held-out images whose latent points are searched for.
const INVERTED: usize = 100;

impl Objective for Adversarial {
    fn parameters(&self, seed: Seed) -> Vec<Parameter> {
        layers().into_iter().flat_map(|(name, layer)| layer.initial(&name, seed)).collect()
    }

    /// The losses of both players in one sum: that of the discriminator sees generated images as constants, and that of the
    /// generator the discriminator, so each parameter has the gradient of its own player's loss.
    fn loss(&self, step: &mut Step<'_>, variables: &Variables) -> Result<Tensor, TrainingError> {
        let rows = step.rows();
        let images = step.points()?;
        let tensor = |name: &str| variables.get(name);
        let generated = generate(&step.normals(&[rows, LATENT])?, tensor)?;
        let shown = Tensor::cat(&[&images, &generated.detach()], 0)?;
        let moved = (&shown + (step.normals(&[2 * rows, SHAPE.len()])? * self.settings.deviation)?)?;
        let seen = discriminate(&Tensor::cat(&[&shown, &moved], 0)?, tensor)?;
        let (real, fake) = (seen.narrow(0, 0, rows)?, seen.narrow(0, rows, rows)?);
        let slopes = (seen.narrow(0, 2 * rows, 2 * rows)? - seen.narrow(0, 0, 2 * rows)?)?;
        // Half the penalty times the mean over the images of either kind, which are half of the rows each.
        let penalty =
            (slopes.sqr()?.mean_all()? * (self.settings.penalty / self.settings.deviation.powi(2)))?;
        let of_discriminator = Activation::Softplus.graph(&(&fake - &real)?)?.mean_all()?;

        let frozen: BTreeMap<String, Tensor> = variables
            .iter()
            .filter(|(name, _)| name.starts_with("discriminator."))
            .map(|(name, _)| Ok((name.to_owned(), variables.frozen(name)?)))
            .collect::<Result<_, TrainingError>>()?;
        let constant = |name: &str| frozen.get(name).map_or_else(|| variables.get(name), Ok);
        let judged = discriminate(&generated, constant)?;
        let of_generator = Activation::Softplus.graph(&(real.detach() - judged)?)?.mean_all()?;
        Ok(((of_discriminator + penalty)? + of_generator)?)
    }

    fn takes_devices(&self) -> bool {
        true
    }

    fn held_out(
        &self,
        parameters: &Parameters,
        points: ArrayView2<'_, f64>,
        seed: Seed,
    ) -> Result<Vec<HeldOut>, TrainingError> {
        let wrong = |error: likely_core::EvalError| TrainingError::Model { reason: error.to_string() };
        let gan =
            learned::trained(parameters, |weights| ImageGan::load(weights, Inversion::default(), seed))?;
        let latent: Vec<f64> = (0..points.nrows())
            .flat_map(|i| {
                let mut stream = seed.stream(&[("held-out", ID), ("point", &i.to_string())]);
                (0..LATENT).map(|_| stream.sample(StandardNormal)).collect::<Vec<f64>>()
            })
            .collect();
        let latent = Array2::from_shape_vec((points.nrows(), LATENT), latent)
            .map_err(|error| TrainingError::Model { reason: error.to_string() })?;
        let generated = gan.decode(latent.view()).map_err(wrong)?;
        let (real, fake) = (gan.logits(points).map_err(wrong)?, gan.logits(generated.view()).map_err(wrong)?);
        let gaps: Vec<f64> = real.iter().zip(&fake).map(|(real, fake)| real - fake).collect();
        let some = points.slice(s![..points.nrows().min(INVERTED), ..]);
        let back = gan.decode(gan.encode(some).map_err(wrong)?.view()).map_err(wrong)?;
        let errors = back.rows().into_iter().zip(some.rows()).map(|(back, image)| {
            let squares: f64 = back.iter().zip(image).map(|(a, b)| (a - b) * (a - b)).sum();
            (squares / SHAPE.len() as f64).sqrt()
        });
        Ok(vec![
            HeldOut {
                quantity: "discriminator-wins",
                values: gaps.iter().map(|gap| f64::from(u8::from(*gap > 0.0))).collect(),
            },
            HeldOut {
                quantity: "discriminator-loss",
                values: gaps.iter().map(|gap| (-gap).max(0.0) + libm::log1p(libm::exp(-gap.abs()))).collect(),
            },
            HeldOut { quantity: "inversion-error", values: errors.collect() },
        ])
    }

    fn architecture(&self) -> String {
        "Generator of a layer 32-1536 and three transposed convolutions 96-48-24-1 with stride 2, each behind group normalisation (8 groups) and SiLU, a sigmoid at the end; discriminator of three convolutions 1-24-48-96 with stride 2 and SiLU and a layer 1536-1, without normalisation.".into()
    }

    fn loss_in_words(&self) -> String {
        let Settings { penalty, deviation } = self.settings;
        format!(
            "The mean over pairs of an image x of the data and a generated one y of log(1 + exp(D(y) - D(x))) for the discriminator D and of log(1 + exp(D(x) - D(y))) for the generator (Huang et al. 2025, arXiv 2501.05441), both in every step; the discriminator's has {penalty}/2 times the mean over either kind of image of (D(x + s e) - D(x))^2 / s^2 added, with standard normal e and s = {deviation} (the penalty of Lin et al. 2025, arXiv 2501.08316), which stands for the squared slope."
        )
    }

    fn notes(&self) -> Vec<String> {
        vec![
            "The weights hold both networks: the discriminator tells the ratio of the densities of data and generated images, up to a factor.".into(),
            "discriminator-wins: how often it finds the held-out image more real than a generated one; 0.5 where it cannot tell them apart.".into(),
            format!("inversion-error: the root of the mean squared error of a pixel between a held-out image and that of the latent point found for it, over the first {INVERTED}."),
            "No running mean of the weights is kept; the learning rate falls to 0 instead.".into(),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use likely_networks::candle::Device;
    use rand_chacha::ChaCha8Rng;

    /// Of each player's loss the gradient in its own parameters, written without constants.
    #[test]
    fn each_parameter_has_the_gradient_of_its_own_players_loss() {
        let adversarial = Adversarial { settings: Settings { penalty: 0.7, deviation: 0.1 } };
        let parameters = Parameters::new(adversarial.parameters(Seed::new(5))).unwrap();
        let variables = Variables::new(&parameters, &Device::Cpu).unwrap();
        let batch: Vec<f32> = (0..3 * SHAPE.len()).map(|i| (i * 37 % 101) as f32 / 100.0).collect();
        let stream: ChaCha8Rng = Seed::new(6).stream(&[("test", "players")]);
        let step = || Step {
            index: 0,
            steps: 1,
            batch: &batch,
            dim: SHAPE.len(),
            stream: stream.clone(),
            device: Device::Cpu,
        };
        let tensor = |name: &str| variables.get(name);

        let mut apart = step();
        let images = apart.points().unwrap();
        let generated = generate(&apart.normals(&[3, LATENT]).unwrap(), tensor).unwrap();
        let noise = (apart.normals(&[6, SHAPE.len()]).unwrap() * 0.1).unwrap();
        let judge = |images: &Tensor| discriminate(images, tensor).unwrap();
        let softplus = |x: Tensor| (x.exp().unwrap() + 1.0).unwrap().log().unwrap().mean_all().unwrap();
        let slope = |images: &Tensor, from: usize| {
            let moved = (images + noise.narrow(0, from, 3).unwrap()).unwrap();
            let gap = (judge(&moved) - judge(images)).unwrap().affine(10.0, 0.0).unwrap();
            (gap.sqr().unwrap().mean_all().unwrap() * 0.35).unwrap()
        };
        let penalty = (slope(&images, 0) + slope(&generated, 3)).unwrap();
        let gap = (judge(&generated) - judge(&images)).unwrap();
        let of_discriminator = (softplus(gap.clone()) + penalty).unwrap();
        let of_generator = softplus(gap.neg().unwrap());

        let both = adversarial.loss(&mut step(), &variables).unwrap();
        let sum = (&of_discriminator + &of_generator).unwrap().to_scalar::<f32>().unwrap();
        assert!((both.to_scalar::<f32>().unwrap() - sum).abs() < 1e-5);
        let found = both.backward().unwrap();
        let [own, other] = [&of_discriminator, &of_generator].map(|loss| loss.backward().unwrap());
        let mut compared = 0;
        for (name, variable) in variables.iter() {
            let wanted = if name.starts_with("discriminator.") { &own } else { &other };
            let [found, wanted] = [&found, wanted]
                .map(|of| of.get(variable).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap());
            let size = wanted.iter().fold(0.0_f32, |top, x| top.max(x.abs()));
            let off = found.iter().zip(&wanted).fold(0.0_f32, |top, (a, b)| top.max((a - b).abs()));
            // A constant that is added to the discriminator cancels in both losses.
            let moves = name != "discriminator.last.bias";
            assert!((size > 1e-6) == moves && off < 1e-4 * size + 1e-6, "{name}: {off} of {size}");
            compared += 1;
        }
        assert_eq!(compared, 22);
    }
}
