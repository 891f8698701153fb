//! What a report needs beside the rows: prose, tables, figures, claims and fields to draw.

use serde::{Deserialize, Serialize};

/// Axis of a table or figure: one of the axes of [`crate::CellKey`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Axis {
    /// The model's label.
    Model,
    /// The method's label.
    Method,
    /// The weight of the potential.
    Lambda,
    /// The pair of end points.
    Pair,
    /// The repetition.
    Repetition,
    /// Segments of the curve.
    Segments,
}

/// Scale of a figure's axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scale {
    /// Equal steps.
    #[default]
    Linear,
    /// Equal ratios; values that are not positive are left out and counted in the caption.
    Log,
    /// Equal ratios with zero at the left edge.
    LogWithZero,
}

/// Which rows of images stand together in a figure of pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Together {
    /// All rows of a picture: one block a model and study.
    #[default]
    Picture,
    /// Rows of the same label: one block a label, one row a model and study.
    Label,
}

/// What is known of a metric, carried so that a report needs no other crate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct MetricMeta {
    /// Id, which names the definition.
    pub id: String,
    /// Unit.
    pub unit: String,
    /// `lower`, `higher` or `neither`.
    pub better: String,
    /// The definition in one sentence.
    pub definition: String,
}

/// A table of the report: metrics over rows and columns of cells; what neither axis names is averaged over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TableRecord {
    /// File stem.
    pub id: String,
    /// Heading.
    pub title: String,
    /// Axes that span the rows.
    pub rows: Vec<Axis>,
    /// Axes that span the columns, left of the metrics.
    #[serde(default)]
    pub columns: Vec<Axis>,
    /// Metrics shown, in order.
    pub metrics: Vec<String>,
    /// Labels of the methods shown; all when empty.
    #[serde(default)]
    pub methods: Vec<String>,
    /// Labels of the models shown; all when empty.
    #[serde(default)]
    pub models: Vec<String>,
    /// Digits after the point; four significant digits when absent.
    #[serde(default)]
    pub decimals: Option<usize>,
    /// Axes within which best and second best are marked; the whole table is one group when empty.
    #[serde(default)]
    pub compare_within: Vec<Axis>,
}

/// A table of what methods save in evaluations against another method, cell by cell.
///
/// A cell of a method is paired with the baseline's cell of the same model, weight, pair, repetition and segments. It
/// needs the metrics [`SavingRecord::ENERGY`] and [`SavingRecord::EVALUATIONS`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SavingRecord {
    /// File stem, which no table has.
    pub id: String,
    /// Heading.
    pub title: String,
    /// Label of the method that the others are held against.
    pub baseline: String,
    /// Labels of the others.
    pub methods: Vec<String>,
    /// Axes that span the rows, left of the method, which is none of them.
    pub rows: Vec<Axis>,
    /// Digits of the ratios after the point; four significant digits when absent.
    #[serde(default)]
    pub decimals: Option<usize>,
}

impl SavingRecord {
    /// The metric that says which of two curves is the lower minimum.
    pub const ENERGY: &str = "regularised-energy";
    /// The metric that is saved.
    pub const EVALUATIONS: &str = "evaluations";
}

/// A table of where a method stands among the others in a metric.
///
/// A method without a number in every cell of a row, for whatever reason, has no place in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RankingRecord {
    /// File stem, which no table and no saving has.
    pub id: String,
    /// Heading.
    pub title: String,
    /// Label of the method whose place is asked for.
    pub method: String,
    /// Its weight of the potential; any where absent.
    #[serde(default)]
    pub lambda: Option<f64>,
    /// The metric, for which lower or higher is better.
    pub metric: String,
    /// Labels of the methods that it is held against; all others when empty.
    #[serde(default)]
    pub methods: Vec<String>,
    /// Axes that span the rows; neither method nor weight is one.
    pub rows: Vec<Axis>,
    /// Digits after the point; four significant digits when absent.
    #[serde(default)]
    pub decimals: Option<usize>,
}

/// What a figure shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub enum FigureKind {
    /// The curves of one pair over the log-density of a 2-D model, one panel a model.
    DensityCurves {
        /// Labels of the methods whose curves are drawn.
        methods: Vec<String>,
        /// Name of the pair; the first when absent.
        #[serde(default)]
        pair: Option<String>,
        /// Whether the data points are drawn.
        #[serde(default)]
        points: bool,
    },
    /// A metric against an axis or another metric, one line a method, one panel a model, with intervals over what is left.
    Lines {
        /// The horizontal axis.
        x: Axis,
        /// Its scale.
        #[serde(default)]
        x_scale: Scale,
        /// The metric on the vertical axis.
        y: String,
        /// Its scale.
        #[serde(default)]
        y_scale: Scale,
        /// Labels of the methods shown; all when empty.
        #[serde(default)]
        methods: Vec<String>,
    },
    /// One metric against another, one line a method through its weights, one panel a model.
    Tradeoff {
        /// The metric on the horizontal axis.
        x: String,
        /// Its scale.
        #[serde(default)]
        x_scale: Scale,
        /// The metric on the vertical axis.
        y: String,
        /// Its scale.
        #[serde(default)]
        y_scale: Scale,
        /// Labels of the methods shown; all when empty.
        #[serde(default)]
        methods: Vec<String>,
    },
    /// Columns of a series of studies, one line a series label and column, one panel a model.
    SeriesLines {
        /// Id of the series.
        series: String,
        /// Name of the column on the horizontal axis; the first column when absent.
        #[serde(default)]
        x: Option<String>,
        /// Its scale.
        #[serde(default)]
        x_scale: Scale,
        /// Names of the columns on the vertical axis.
        y: Vec<String>,
        /// Its scale.
        #[serde(default)]
        y_scale: Scale,
        /// Labels of the studies shown; all when empty.
        #[serde(default)]
        studies: Vec<String>,
    },
    /// A column of a series whose first two columns are a regular grid, as a heat map, one panel a model.
    SeriesMap {
        /// Id of the series.
        series: String,
        /// Name of the column that is mapped.
        value: String,
        /// Id of a series whose first two columns are drawn as points.
        #[serde(default)]
        marks: Option<String>,
        /// Labels of the studies shown; all when empty.
        #[serde(default)]
        studies: Vec<String>,
    },
    /// Pictures of studies, grids of images one below the other.
    Pictures {
        /// Id of the picture.
        picture: String,
        /// What stands together.
        #[serde(default)]
        together: Together,
        /// Labels of the studies shown, in this order; all when empty.
        #[serde(default)]
        studies: Vec<String>,
        /// Most rows of images of each picture.
        #[serde(default)]
        rows: Option<usize>,
    },
    /// The curves of one pair on a curved surface in projection, one panel a model.
    SurfaceCurves {
        /// Labels of the methods whose curves are drawn.
        methods: Vec<String>,
        /// Name of the pair; the first when absent.
        #[serde(default)]
        pair: Option<String>,
    },
}

/// A figure of the report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FigureRecord {
    /// File stem.
    pub id: String,
    /// Heading.
    pub title: String,
    /// Sentence below the figure.
    #[serde(default)]
    pub caption: String,
    /// What it shows.
    pub show: FigureKind,
}

/// What a published number is compared for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClaimRole {
    /// Ours must agree within the tolerance; otherwise `verify` fails.
    #[default]
    Reproduce,
    /// Shown beside ours, never judged.
    Compare,
}

/// A published or predicted number beside one of ours.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ClaimRecord {
    /// The model's label.
    pub model: String,
    /// The method's label.
    pub method: String,
    /// The weight of the potential.
    #[serde(default)]
    pub lambda: Option<f64>,
    /// Name of the pair; the mean over pairs when absent.
    #[serde(default)]
    pub pair: Option<String>,
    /// The metric.
    pub metric: String,
    /// The number; `None` where the value was never made public.
    #[serde(default)]
    pub value: Option<f64>,
    /// Largest difference that still counts as agreement: half a unit of the last printed digit.
    pub tolerance: f64,
    /// What agreement means.
    #[serde(default)]
    pub role: ClaimRole,
    /// Where the number stands: paper, figure, repository and cell.
    pub place: String,
    /// Number in DEVIATIONS.md that explains a known difference.
    #[serde(default)]
    pub deviation: Option<String>,
}

impl ClaimRecord {
    /// The metric of claims on the CPU time of one call: they are shown beside ours and never judged.
    pub const CLOCK: &str = "cpu-s";
}

/// A regular grid over a rectangle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Grid {
    /// Left edge.
    pub x_min: f64,
    /// Right edge.
    pub x_max: f64,
    /// Bottom edge.
    pub y_min: f64,
    /// Top edge.
    pub y_max: f64,
    /// Columns.
    pub columns: usize,
    /// Rows.
    pub rows: usize,
}

/// The log-density of a 2-D model on a grid of cell centres, and the points that it was fitted to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FieldRecord {
    /// The model's label.
    pub model: String,
    /// Where the values lie.
    pub grid: Grid,
    /// `-S` at the centre of each grid cell, row by row from the bottom.
    pub log_density: Vec<f64>,
    /// The data points.
    pub points: Vec<[f64; 2]>,
    /// Names of the two coordinates, with units.
    pub axes: [String; 2],
}

/// A curved surface in three dimensions as a mesh, coloured by the log-density of its model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SurfaceRecord {
    /// The model's label.
    pub model: String,
    /// Rows of the mesh: steps of the second coordinate.
    pub rows: usize,
    /// Columns of the mesh: steps of the first coordinate.
    pub columns: usize,
    /// Where the vertices lie, row by row.
    pub points: Vec<[f64; 3]>,
    /// `-S` at each vertex; `None` where it is not finite.
    pub values: Vec<Option<f64>>,
}

/// `presentation.json`: everything that a report shows beside the rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Presentation {
    /// [`crate::FORMAT`] of the writer.
    pub format: u32,
    /// Id of the experiment.
    pub experiment: String,
    /// Heading.
    pub title: String,
    /// What of the paper it reproduces.
    pub paper: Option<String>,
    /// The prose of the spec, in plain paragraphs separated by empty lines.
    pub analysis: String,
    /// The metrics measured, in order.
    pub metrics: Vec<MetricMeta>,
    /// What building the models found out: (model, name, value).
    pub facts: Vec<(String, String, String)>,
    /// Published and predicted numbers.
    pub claims: Vec<ClaimRecord>,
    /// The tables.
    pub tables: Vec<TableRecord>,
    /// What methods save; none in runs that are older than these tables.
    #[serde(default)]
    pub savings: Vec<SavingRecord>,
    /// Where methods stand; absent where no table asks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rankings: Vec<RankingRecord>,
    /// The figures.
    pub figures: Vec<FigureRecord>,
    /// Fields of the 2-D models.
    pub fields: Vec<FieldRecord>,
    /// Surfaces of the models that stand on one; absent where no figure shows any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub surfaces: Vec<SurfaceRecord>,
}
