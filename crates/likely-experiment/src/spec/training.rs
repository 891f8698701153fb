//! Specs of trainings: which model is trained on which data, and how.

use super::check::check_id;
use super::suggest::closest;
use super::{Document, Place, SpecError, Step};
use Step::Key;
use likely_core::Seed;
use likely_models::training::{
    DataSource, HeldOut, Objective, Parameters, Points, Settings, Split, Training, TrainingError,
};
use likely_models::{BuildError, Data, Trainable};
use likely_record::sha256_hex;
use ndarray::Array2;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Most points of a set, training and held-out together; a typing error should not fill the memory.
const MOST_POINTS: u64 = 100_000_000;

/// Why a text is not a training that can begin.
#[derive(Debug, thiserror::Error)]
pub enum TrainingSpecError {
    /// The spec is wrong.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// The model or the data could not be built.
    #[error("{place}: {source}")]
    Build {
        /// The table that names it.
        place: Place,
        /// Why.
        source: Box<BuildError>,
    },
    /// Data, model and settings do not suit each other.
    #[error("{place}: {source}")]
    Unsuited {
        /// The table that is in the way.
        place: Place,
        /// Why.
        source: Box<TrainingError>,
    },
    /// The spec with its defaults cannot be written.
    #[error("the spec cannot be written with its defaults: {reason}")]
    Resolve {
        /// What the writer said.
        reason: String,
    },
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Wire {
    title: String,
    model: WireModel,
    data: WireData,
    training: Settings,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct WireModel {
    id: String,
    #[serde(default)]
    config: toml::Table,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct WireData {
    id: String,
    training: Count,
    held_out: u64,
    seed: u64,
    #[serde(default)]
    config: toml::Table,
}

/// How much of a training is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TrainingTier {
    /// The tables of the spec.
    #[default]
    Full,
    /// Those with `[tier.small]` laid over them: a try of minutes, whose weights and card have a name of their own.
    Small,
}

/// What `[tier.small]` may hold; the values are checked where they are laid over those of the spec.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read so that other keys are refused")]
struct WireTiers {
    small: Option<WireSmall>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read so that other keys are refused")]
struct WireSmall {
    model: Option<WireSmallModel>,
    data: Option<WireSmallData>,
    training: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read so that other keys are refused")]
struct WireSmallModel {
    config: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[expect(dead_code, reason = "read so that other keys are refused")]
struct WireSmallData {
    training: Option<IgnoredAny>,
    held_out: Option<IgnoredAny>,
    config: Option<IgnoredAny>,
}

/// What determines the bytes of the weights: everything but the heading.
#[derive(Serialize)]
struct Determining<'a> {
    model: &'a WireModel,
    data: &'a WireData,
    training: &'a Settings,
}

/// How many points there are to train on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Count {
    Points(u64),
    Fresh,
}

impl Serialize for Count {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Points(count) => serializer.serialize_u64(*count),
            Self::Fresh => serializer.serialize_str("fresh"),
        }
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Count;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of points of 1 or more, or \"fresh\"")
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Count, E> {
                match u64::try_from(value) {
                    Ok(count) if count > 0 => Ok(Count::Points(count)),
                    _ => Err(E::invalid_value(de::Unexpected::Signed(value), &self)),
                }
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Count, E> {
                if value > 0 {
                    Ok(Count::Points(value))
                } else {
                    Err(E::invalid_value(de::Unexpected::Unsigned(value), &self))
                }
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<Count, E> {
                if value == "fresh" {
                    Ok(Count::Fresh)
                } else {
                    Err(E::invalid_value(de::Unexpected::Str(value), &self))
                }
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// The tables of a training at a tier, with their places in the text.
fn tables(document: &Document, tier: TrainingTier) -> DeTable<'_> {
    let mut root = document.root().into_inner();
    root.remove("tier");
    if tier == TrainingTier::Small {
        let above = document.table(&[Key("tier"), Key("small")]).into_inner();
        lay_over(&mut root, above);
    }
    root
}

/// Puts the values of `above` in the place of those below; tables are laid over each other key by key.
fn lay_over<'a>(below: &mut DeTable<'a>, above: DeTable<'a>) {
    // A training has one length: either key takes the place of the other.
    for (length, other) in [("steps", "epochs"), ("epochs", "steps")] {
        if above.contains_key(length) {
            below.remove(other);
        }
    }
    for (key, value) in above {
        let place = value.span();
        let value = match (below.remove(key.get_ref().as_ref()).map(Spanned::into_inner), value.into_inner())
        {
            (Some(DeValue::Table(mut below)), DeValue::Table(above)) => {
                lay_over(&mut below, above);
                DeValue::Table(below)
            }
            (_, value) => value,
        };
        below.insert(key, Spanned::new(place, value));
    }
}

/// Reads and checks the tables of a tier.
fn read_tier(document: &Document, tier: TrainingTier) -> Result<Wire, SpecError> {
    let tables = Spanned::new(document.root().span(), tables(document, tier));
    let wire: Wire = Deserialize::deserialize(toml::Deserializer::from(tables))
        .map_err(|error| document.explain(&error))?;
    let drawn = match wire.data.training {
        Count::Points(count) => count,
        Count::Fresh => 0,
    };
    if drawn.saturating_add(wire.data.held_out) > MOST_POINTS {
        return Err(SpecError::WrongValue {
            place: document.at(&[Key("data")]),
            key: "data".to_owned(),
            reason: format!("there are more than {MOST_POINTS} points, training and held-out together"),
        });
    }
    let settings = &wire.training;
    let length = match (settings.epochs, settings.steps) {
        (Some(_), Some(_)) => Some("both `epochs` and `steps` are given; give one of them"),
        (None, None) => Some("neither `epochs` nor `steps` is given; give one of them"),
        (Some(_), None) if wire.data.training == Count::Fresh => {
            Some("fresh points have no epochs; give `steps` in place of `epochs`")
        }
        _ => None,
    };
    if let Some(reason) = length {
        let place = document.at(&[Key("training"), Key("epochs")]);
        return Err(SpecError::WrongValue { place, key: "training".to_owned(), reason: reason.to_owned() });
    }
    Ok(wire)
}

/// A training as a spec says it: everything that determines the bytes of the weights.
#[derive(Debug, Clone)]
pub struct TrainingSpec {
    document: Document,
    tier: TrainingTier,
    id: String,
    wire: Wire,
    model: Trainable,
    data: Data,
}

impl TrainingSpec {
    /// Reads and checks the spec at `path`, whose name without `.toml` is its id, against the tables of what there is.
    ///
    /// # Errors
    /// [`SpecError`] with file, line, column, the key and what would be right; also where there is no such tier.
    pub fn read(
        path: &Path,
        tier: TrainingTier,
        models: &[Trainable],
        data: &[Data],
    ) -> Result<Self, SpecError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| SpecError::Read { path: path.to_owned(), source })?;
        Self::from_toml(path, &text, tier, models, data)
    }

    /// Checks `text`, as [`Self::read`] does; `source` is the file that it came from.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn from_toml(
        source: &Path,
        text: &str,
        tier: TrainingTier,
        models: &[Trainable],
        data: &[Data],
    ) -> Result<Self, SpecError> {
        let document = Document::parse(source, text)?;
        let tiers = document.table(&[Key("tier")]);
        WireTiers::deserialize(toml::Deserializer::from(tiers)).map_err(|error| document.explain(&error))?;
        let mut wire = read_tier(&document, TrainingTier::Full)?;
        let mut id = source.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        check_id(&document, "the name of the file without .toml", &id, &[])?;
        // Read also where it is not wanted, so that a mistake in it is told.
        if document.root().get_ref().contains_key("tier") {
            let small = read_tier(&document, TrainingTier::Small)?;
            if tier == TrainingTier::Small {
                wire = small;
                id.push_str("-small");
            }
        } else if tier == TrainingTier::Small {
            return Err(SpecError::WrongValue {
                place: document.at(&[]),
                key: "tier".to_owned(),
                reason: "there is no `[tier.small]`; add it with the keys of `[model].config`, `[data]` and `[training]` that are others there, or train without `--tier small`".to_owned(),
            });
        }
        let model = models.iter().find(|entry| entry.id == wire.model.id).copied();
        let model = model.ok_or_else(|| {
            let known = models.iter().map(|entry| entry.id.to_owned()).collect();
            unknown(&document, "trainable model", "model", &wire.model.id, known)
        })?;
        let entry = data.iter().find(|entry| entry.id == wire.data.id).copied();
        let data = entry.ok_or_else(|| {
            let known = data.iter().map(|entry| entry.id.to_owned()).collect();
            unknown(&document, "data set", "data", &wire.data.id, known)
        })?;
        Ok(Self { document, tier, id, wire, model, data })
    }

    /// How much of the training is done.
    pub fn tier(&self) -> TrainingTier {
        self.tier
    }

    /// The configuration of a table at the tier, with its places; empty where there is none.
    fn config(&self, table: &'static str) -> Spanned<DeTable<'_>> {
        let found = match tables(&self.document, self.tier).remove(table).map(Spanned::into_inner) {
            Some(DeValue::Table(mut inside)) => inside.remove("config"),
            _ => None,
        };
        let place = found.as_ref().map(Spanned::span);
        match (place, found.map(Spanned::into_inner)) {
            (Some(place), Some(DeValue::Table(config))) => Spanned::new(place, config),
            _ => self.document.table(&[Key(table), Key("config")]),
        }
    }

    /// Its id, which the weights and the card are named after.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Heading.
    pub fn title(&self) -> &str {
        &self.wire.title
    }

    /// Id of the model that is trained.
    pub fn model(&self) -> &'static str {
        self.model.id
    }

    /// Id of the data.
    pub fn data(&self) -> &'static str {
        self.data.id
    }

    /// Root of the random streams of the data.
    pub fn data_seed(&self) -> u64 {
        self.wire.data.seed
    }

    /// The file that it was read from.
    pub fn path(&self) -> &Path {
        self.document.path()
    }

    /// The folder that relative paths in it start from.
    pub fn folder(&self) -> &Path {
        match self.document.path().parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        }
    }

    /// How it is trained.
    pub fn settings(&self) -> &Settings {
        &self.wire.training
    }

    /// Draws or reads the data and builds what is trained.
    ///
    /// # Errors
    /// [`TrainingSpecError`], with its place in the spec.
    pub fn prepare(&self) -> Result<Prepared, TrainingSpecError> {
        let build = |table: &'static str, error: BuildError| match error {
            BuildError::Config(error) => {
                self.document.explain_in(&error, &[Key(table), Key("config")]).into()
            }
            source => {
                TrainingSpecError::Build { place: self.document.at(&[Key(table)]), source: Box::new(source) }
            }
        };
        let unsuited = |table: &'static str| {
            move |source: TrainingError| TrainingSpecError::Unsuited {
                place: self.document.at(&[Key(table)]),
                source: Box::new(source),
            }
        };
        let source =
            (self.data.build)(self.config("data"), self.folder()).map_err(|error| build("data", error))?;
        let wanted = match self.wire.data.training {
            Count::Points(count) => count as usize,
            Count::Fresh => 0,
        };
        let held_out = self.wire.data.held_out as usize;
        let mut split =
            source.built.split(wanted, held_out, Seed::new(self.wire.data.seed)).map_err(unsuited("data"))?;
        let dim = source.built.dim();
        if wanted == 0 {
            split.training = Array2::zeros((0, dim));
        }
        if split.training.dim() != (wanted, dim) || split.held_out.dim() != (held_out, dim) {
            let reason = format!(
                "there are {:?} training and {:?} held-out points and coordinates, not {:?} and {:?}",
                split.training.dim(),
                split.held_out.dim(),
                (wanted, dim),
                (held_out, dim)
            );
            return Err(unsuited("data")(TrainingError::Data { reason }));
        }
        let objective = (self.model.build)(self.config("model"), split.training.view())
            .map_err(|error| build("model", error))?;
        let model = WireModel { config: objective.config, ..self.wire.model.clone() };
        let data = WireData { config: source.config, ..self.wire.data.clone() };
        let settings = self.wire.training.clone();
        let determining = Determining { model: &model, data: &data, training: &settings };
        let resolved = toml::to_string(&determining)
            .map_err(|error| TrainingSpecError::Resolve { reason: error.to_string() })?;
        Ok(Prepared {
            fresh: self.wire.data.training == Count::Fresh,
            model_config: model.config,
            data_config: data.config,
            settings,
            place: self.document.at(&[Key("training")]),
            objective: objective.built,
            source: source.built,
            split,
            resolved,
        })
    }
}

fn unknown(
    document: &Document,
    what: &'static str,
    table: &str,
    name: &str,
    accepted: Vec<String>,
) -> SpecError {
    SpecError::UnknownName {
        place: document.at(&[Key(table), Key("id")]),
        what,
        name: name.to_owned(),
        suggestion: closest(name, &accepted),
        accepted,
    }
}

/// A mean with its standard error.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Estimate {
    /// The mean.
    pub mean: f64,
    /// The standard deviation (of a sample) over the root of the number of points; 0 for one point.
    pub standard_error: f64,
}

impl Estimate {
    fn of(values: &[f64]) -> Self {
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
        let standard_error = if values.len() > 1 { (squares / (count - 1.0) / count).sqrt() } else { 0.0 };
        Self { mean, standard_error }
    }
}

/// What trained parameters are worth on points that training never saw.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// What the numbers are.
    pub quantity: &'static str,
    /// Held-out points.
    pub points: usize,
    /// Under the model.
    pub of_model: Estimate,
    /// Under the density of the data, where it is known and the quantity is a log-likelihood.
    pub of_data: Option<Estimate>,
    /// The second less the first, point by point.
    pub gap: Option<Estimate>,
}

/// A training with its data at hand, ready to run.
pub struct Prepared {
    fresh: bool,
    place: Place,
    /// The configuration of the model with every default filled in.
    pub model_config: toml::Table,
    /// The configuration of the data with every default filled in.
    pub data_config: toml::Table,
    /// How it is trained.
    pub settings: Settings,
    /// What is trained.
    pub objective: Box<dyn Objective>,
    /// Where the points come from.
    pub source: Box<dyn DataSource>,
    /// Training and held-out points; no training points where every one is fresh.
    pub split: Split,
    /// Model, data and training of the spec with every default filled in.
    pub resolved: String,
}

impl Prepared {
    /// The training; `short` replaces its number of steps.
    ///
    /// # Errors
    /// [`TrainingSpecError::Unsuited`].
    pub fn training(&self, short: Option<u64>) -> Result<Training<'_>, TrainingSpecError> {
        let points =
            if self.fresh { Points::Fresh(&*self.source) } else { Points::Set(self.split.training.view()) };
        Training::new(&*self.objective, &points, &self.settings, short).map_err(|source| {
            TrainingSpecError::Unsuited { place: self.place.clone(), source: Box::new(source) }
        })
    }

    /// Whether every training point is fresh.
    pub fn is_fresh(&self) -> bool {
        self.fresh
    }

    /// Judges trained parameters on the held-out points.
    ///
    /// # Errors
    /// What the model says; [`TrainingError::Model`] where one of its numbers is not finite.
    pub fn judge(&self, parameters: &Parameters) -> Result<Vec<Judgement>, TrainingError> {
        let points = self.split.held_out.view();
        if points.nrows() == 0 {
            return Ok(Vec::new());
        }
        let found = self.objective.held_out(parameters, points, Seed::new(self.settings.seed))?;
        let judge = |HeldOut { quantity, values }: HeldOut| {
            let wrong = values.iter().filter(|value| !value.is_finite()).count();
            if wrong > 0 {
                let reason =
                    format!("`{quantity}` is not finite at {wrong} of {} held-out points", values.len());
                return Err(TrainingError::Model { reason });
            }
            let own = if quantity == "log-likelihood" { self.source.log_density(points) } else { None };
            let own =
                own.filter(|own| own.len() == values.len() && own.iter().all(|value| value.is_finite()));
            let gap =
                own.as_ref().map(|own| own.iter().zip(&values).map(|(own, value)| own - value).collect());
            Ok(Judgement {
                quantity,
                points: values.len(),
                of_model: Estimate::of(&values),
                of_data: own.map(|own| Estimate::of(&own.to_vec())),
                gap: gap.map(|gap: Vec<f64>| Estimate::of(&gap)),
            })
        };
        found.into_iter().map(judge).collect()
    }

    /// SHA-256 of model, data and training of the spec with every default filled in.
    pub fn sha256(&self) -> String {
        sha256_hex(self.resolved.as_bytes())
    }

    /// SHA-256 of the training points, row after row in little-endian `f64`; empty where every point is fresh.
    pub fn data_sha256(&self) -> String {
        if self.fresh {
            return String::new();
        }
        let bytes: Vec<u8> = self.split.training.iter().flat_map(|x| x.to_le_bytes()).collect();
        sha256_hex(&bytes)
    }
}
