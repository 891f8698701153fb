//! What an entry of the table of studies is, what it looks at, and what it answers.

use crate::image_subject::Kept;
use likely_core::{EvalError, FeatureNetwork, Geometry, ImageShape, ImageSpace, Potential};
use likely_methods::InterpolateError;
use ndarray::{Array2, ArrayView1, ArrayView2};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;

/// The `config` table of a spec, with the places of its keys and values in the text of the spec.
pub type Config<'a> = toml::Spanned<toml::de::DeTable<'a>>;

/// A pair of end points.
#[derive(Debug, Clone, Copy)]
pub struct Pair<'a> {
    /// Its name in the spec.
    pub name: &'a str,
    /// Where curves start.
    pub start: ArrayView1<'a, f64>,
    /// Where they end.
    pub end: ArrayView1<'a, f64>,
}

/// Images that the points of a model stand for.
#[derive(Clone, Copy)]
pub struct ImagesOf<'a> {
    /// The model's space; its dimension is that of the potential.
    pub space: &'a dyn ImageSpace,
    /// Images that no model was fitted to, shape `(images, shape.len())`.
    pub held_out: ArrayView2<'a, f64>,
    /// Images that models are trained on, where a study asks for some, of the same shape.
    pub training: Option<ArrayView2<'a, f64>>,
    /// The class of each held-out image, where they have classes.
    pub labels: Option<&'a [u8]>,
    /// What classes are called; their numbers where there is no name.
    pub classes: &'a [String],
    /// The network that sees features in them, where the spec names one.
    pub network: Option<&'a dyn FeatureNetwork>,
    /// What studies of the same model have found before.
    pub kept: &'a Kept,
}

/// What a study looks at: one model on its geometry, with everything that the spec has for it.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// The background geometry.
    pub geometry: &'a dyn Geometry,
    /// The geometry made of the model that curves are to be found in, where the spec names one.
    pub derived: Option<&'a dyn Geometry>,
    /// The potential of the model; its evaluations are counted.
    pub potential: &'a dyn Potential,
    /// Whether methods are shown its score alone; numbers are about the potential all the same.
    pub score_only: bool,
    /// The data of the model, shape `(points, dim)`.
    pub points: Option<ArrayView2<'a, f64>>,
    /// Potentials of points of the data, ascending.
    pub typical: Option<&'a [f64]>,
    /// The pairs of end points.
    pub pairs: &'a [Pair<'a>],
    /// The images that points stand for, where they stand for some.
    pub images: Option<ImagesOf<'a>>,
    /// Segments of a curve, unless the study says otherwise.
    pub segments: NonZeroUsize,
}

/// A number that a study can answer with.
#[derive(Debug, Clone, Copy)]
pub struct Number {
    /// The kebab-case name that specs use among their metrics; it names the definition.
    pub id: &'static str,
    /// Unit.
    pub unit: &'static str,
    /// `lower`, `higher` or `neither`.
    pub better: &'static str,
    /// What it is, exactly.
    pub definition: &'static str,
}

/// A number with its value, or the reason why there is none.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// Id of the [`Number`].
    pub id: &'static str,
    /// Its value.
    pub value: Result<f64, String>,
}

/// A column of a series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Name, as an axis shows it.
    pub name: String,
    /// Unit; empty for none.
    pub unit: String,
}

/// Columns of numbers of equal length, for figures and for whoever reads the run folder.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// The kebab-case name that figures use; the same for series that belong into one panel.
    pub id: String,
    /// What sets it apart from the others of its id, as a legend shows it.
    pub label: String,
    /// The columns, the abscissa first.
    pub columns: Vec<Column>,
    /// One row a point, one column a column; NaN where there is no number.
    pub values: Array2<f64>,
}

/// Images side by side.
#[derive(Debug, Clone, PartialEq)]
pub struct PictureRow {
    /// What a figure calls it.
    pub label: String,
    /// One image a row, shape `(columns, shape.len())`, in `[0, 1]`.
    pub images: Array2<f64>,
}

/// A grid of equally large images, for figures and for whoever reads the run folder.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// The kebab-case name that figures use; no two pictures of a study share one.
    pub id: String,
    /// What sets it apart from those of other studies.
    pub label: String,
    /// Of each image.
    pub shape: ImageShape,
    /// Labels of the columns.
    pub columns: Vec<String>,
    /// The rows, from the top.
    pub rows: Vec<PictureRow>,
}

/// What a study answers.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Findings {
    /// Named numbers, each of an id that its kind lists.
    pub numbers: Vec<Reading>,
    /// Standard errors of those that are estimates, by id.
    pub std_errs: Vec<(&'static str, f64)>,
    /// Columns of numbers.
    pub series: Vec<Series>,
    /// Grids of images.
    pub pictures: Vec<Picture>,
    /// Iterations of all solvers together.
    pub iterations: u64,
}

/// Why a study has no answer.
#[derive(Debug, thiserror::Error)]
pub enum StudyError {
    /// The study cannot look at this subject; the row says so and stays in the table.
    #[error("{reason}")]
    Unsupported {
        /// In words, with what would be needed.
        reason: String,
    },
    /// A curve that everything rests on was not found.
    #[error(transparent)]
    Interpolate(#[from] InterpolateError),
    /// The model or the geometry failed.
    #[error(transparent)]
    Eval(#[from] EvalError),
    /// The observer asked to stop.
    #[error("interrupted")]
    Interrupted,
}

/// Told now and then how much is done, as a share of one; `Break` ends the study with [`StudyError::Interrupted`].
pub type Observer<'a> = &'a mut dyn FnMut(f64) -> ControlFlow<()>;

/// Answers a question about a subject.
pub trait Study: fmt::Debug + Send + Sync {
    /// The most points of the density that a run can evaluate, roughly, for the plan.
    fn evaluations_at_most(&self, segments: usize) -> u64;

    /// Whether points are moved by their coordinates, which leaves a manifold that is embedded in its coordinates.
    fn moves_coordinates(&self) -> bool {
        true
    }

    /// Whether the score alone is enough for its curves.
    fn takes_score(&self) -> bool {
        false
    }

    /// How many of the images that models are trained on it looks at.
    fn training_images(&self) -> usize {
        0
    }

    /// The weight of the potential in its curves, where they have one.
    fn lambda(&self) -> Option<f64> {
        None
    }

    /// The same study at another weight; `None` for those that have none.
    fn with_lambda(&self, _: f64) -> Option<Box<dyn Study>> {
        None
    }

    /// Whether curves can be found in a geometry made of the model.
    fn takes_derived(&self) -> bool {
        false
    }

    /// Looks at `subject`, which suits the study; `rng` is the only source of randomness.
    ///
    /// # Errors
    /// [`StudyError`] where there is no answer at all; a number that is missing is a [`Reading`] with its reason.
    fn answer(
        &self,
        subject: &Subject<'_>,
        rng: &mut ChaCha8Rng,
        observe: Observer<'_>,
    ) -> Result<Findings, StudyError>;

    /// [`Study::answer`], but for embedded manifolds where the study moves coordinates.
    ///
    /// # Errors
    /// As [`Study::answer`], and [`StudyError::Unsupported`] where the study would leave the manifold or has no use for a
    /// geometry made of the model.
    fn run(
        &self,
        subject: &Subject<'_>,
        rng: &mut ChaCha8Rng,
        observe: Observer<'_>,
    ) -> Result<Findings, StudyError> {
        if self.moves_coordinates() && subject.geometry.projection().is_some() {
            let reason = "this study works in coordinates of the manifold, and the geometry is one of the surrounding space; choose the manifold in a chart, such as `sphere` for `sphere-embedded`";
            return Err(StudyError::Unsupported { reason: reason.to_owned() });
        }
        if subject.score_only && !self.takes_score() {
            let reason = "studies need the density, and the model reveals its score alone";
            return Err(StudyError::Unsupported { reason: reason.to_owned() });
        }
        if subject.derived.is_some() && !self.takes_derived() {
            let reason = "this study works on the background of the model; leave `geometry` out";
            return Err(StudyError::Unsupported { reason: reason.to_owned() });
        }
        if subject.score_only && subject.derived.is_some_and(Geometry::evaluates_density) {
            let reason = "the geometry is made of the density, and the model reveals its score alone";
            return Err(StudyError::Unsupported { reason: reason.to_owned() });
        }
        self.answer(subject, rng, observe)
    }
}

/// A study that was built from its configuration.
#[derive(Debug)]
pub struct BuiltStudy {
    /// The study, ready to run.
    pub study: Box<dyn Study>,
    /// Its configuration with every default filled in.
    pub resolved: toml::Table,
}

/// One entry of the table of studies.
#[derive(Debug, Clone, Copy)]
pub struct StudyKind {
    /// The kebab-case name that specs use.
    pub id: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// Where the question comes from.
    pub source: &'static str,
    /// The numbers it can answer with; ids are unique over all studies and metrics, but a number may be shared as it is.
    pub numbers: &'static [Number],
    /// Builds the study; an error carries its place in the spec.
    pub build: fn(Config<'_>) -> Result<BuiltStudy, toml::de::Error>,
}

/// Builds a study whose configuration struct is the study itself.
pub(crate) fn from_config<T>(config: Config<'_>) -> Result<BuiltStudy, toml::de::Error>
where
    T: Study + DeserializeOwned + Serialize + 'static,
{
    let study = T::deserialize(toml::Deserializer::from(config))?;
    let resolved = toml::Table::try_from(&study).map_err(serde::de::Error::custom)?;
    Ok(BuiltStudy { study: Box::new(study), resolved })
}
