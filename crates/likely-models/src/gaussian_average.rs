//! A weighted sum of the potentials of unit Gaussians: the density of the run-time study.

use crate::numbers::{FiniteNumber, PositiveNumber};
use crate::quadratic::Quadratic;
use crate::{BuildError, Built, Config, Model, Resources, npy};
use ndarray::{Array1, Array2};
use serde::{Deserialize, Serialize, de};
use std::fmt;
use std::path::PathBuf;

const ID: &str = "gaussian-average";

pub(crate) const MODEL: Model = Model {
    id: ID,
    summary: "The weighted sum of the negative log densities of unit Gaussians: a quadratic, and not a mixture.",
    source: "runtime.py and load_manifold.py of the authors' public code for arXiv 2510.26266",
    build,
};

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    weights: Vec<PositiveNumber>,
    centres: Centres,
}

/// One row a weight, in place or in a file.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Centres {
    File(PathBuf),
    Inline(Vec<Vec<FiniteNumber>>),
}

impl<'de> Deserialize<'de> for Centres {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> de::Visitor<'de> for Either {
            type Value = Centres;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a .npy file, or a list of points like [[0.0, 1.0], [1.0, 0.0]]")
            }

            fn visit_str<E: de::Error>(self, file: &str) -> Result<Centres, E> {
                Ok(Centres::File(file.into()))
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut rows: A) -> Result<Centres, A::Error> {
                let mut all: Vec<Vec<FiniteNumber>> = Vec::new();
                while let Some(row) = rows.next_element::<Vec<FiniteNumber>>()? {
                    if let Some(first) = all.first().filter(|first| first.len() != row.len()) {
                        return Err(de::Error::custom(format!(
                            "centre {} has {} coordinates and centre 0 has {}; they must agree",
                            all.len(),
                            row.len(),
                            first.len()
                        )));
                    }
                    all.push(row);
                }
                Ok(Centres::Inline(all))
            }
        }

        deserializer.deserialize_any(Either)
    }
}

/// `S(x) = sum_k w_k (|x - c_k|^2 / 2 + (d/2) log 2 pi)`.
///
/// It is evaluated as the one quadratic that it is, in O(d) for a point. Although each summand is the potential of a density,
/// `exp(-S)` is their geometric mean and not a mixture of them; its integral is below one unless all centres coincide, and on
/// a curved space it is another number still, hence `UpToConstant`.
fn build(config: Config<'_>, resources: &Resources<'_>) -> Result<Built, BuildError> {
    let settings = Settings::deserialize(toml::Deserializer::from(config))?;
    let resolved = toml::Table::try_from(&settings).map_err(<toml::de::Error as de::Error>::custom)?;
    let unfit = |reason: String| BuildError::Fit { model: ID, reason };
    let centres = match &settings.centres {
        Centres::File(file) => npy::read(&resources.folder.join(file))?,
        Centres::Inline(rows) => {
            let dim = rows.first().map_or(0, Vec::len);
            let values = rows.iter().flatten().map(|x| x.0).collect();
            Array2::from_shape_vec((rows.len(), dim), values).map_err(|error| unfit(error.to_string()))?
        }
    };
    let weights: Array1<f64> = settings.weights.iter().map(|w| w.0).collect();
    let potential = Quadratic::weighted_gaussians(weights.view(), centres.view())
        .map_err(|error| unfit(error.to_string()))?;
    let centre: Vec<String> = potential.centre().iter().take(4).map(f64::to_string).collect();
    let more = if potential.centre().len() > 4 { " ..." } else { "" };
    let facts = vec![
        ("centre", format!("{}{more}", centre.join(" "))),
        ("sum of the weights", potential.scale().to_string()),
    ];
    Ok(Built { potential: Box::new(potential), flow: None, images: None, resolved, facts })
}
