//! What can go wrong while a report is written.

use likely_record::FolderError;
use std::path::PathBuf;

/// Why a report could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A run folder could not be read, or a file of the report could not be written.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A folder of the report could not be made.
    #[error("cannot create {}: {source}; check that the folder above it can be written", path.display())]
    Create {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A table or figure has a name that cannot name a file.
    #[error(
        "{what} `{id}` cannot name a file: use letters, digits, `-` and `_`, at most 80 of them, and no name twice or that the report uses itself"
    )]
    Name {
        /// `table` or `figure`.
        what: &'static str,
        /// The name.
        id: String,
    },
    /// A table or figure names something that the run does not have.
    #[error("{what} `{id}` asks for {asked} `{name}`, which the run does not have; it has {present}")]
    Unknown {
        /// `table` or `figure`.
        what: &'static str,
        /// Its id.
        id: String,
        /// `metric`, `method`, `model` or `pair`.
        asked: &'static str,
        /// The name asked for.
        name: String,
        /// The names that are there.
        present: String,
    },
    /// A number to draw is NaN or infinite, where drawing would never end.
    #[error("figure `{figure}` has a number that is not finite in {place}")]
    NotFinite {
        /// The figure.
        figure: String,
        /// Where the number stands.
        place: String,
    },
    /// A field does not have as many values as its grid has cells.
    #[error("the field of model `{model}` has {found} values for a grid of {columns} x {rows}")]
    FieldSize {
        /// The model's label.
        model: String,
        /// Columns of the grid.
        columns: usize,
        /// Rows of the grid.
        rows: usize,
        /// Values found.
        found: usize,
    },
    /// A curve to draw is not in the plane, or not in space where a surface is drawn.
    #[error("the curve `{label}` has {dim} coordinates a point; a picture needs {needed}")]
    CurveShape {
        /// Its label.
        label: String,
        /// Coordinates found.
        dim: usize,
        /// Coordinates that the picture shows.
        needed: usize,
    },
    /// A surface does not have as many points or values as its mesh has vertices.
    #[error(
        "the surface of model `{model}` has {found} {what} for a mesh of {columns} x {rows}, which needs one a vertex and two of each side"
    )]
    SurfaceSize {
        /// The model's label.
        model: String,
        /// Columns of the mesh.
        columns: usize,
        /// Rows of the mesh.
        rows: usize,
        /// `points` or `values`.
        what: &'static str,
        /// How many were found.
        found: usize,
    },
    /// The first two columns of a series are not a grid that a map could show.
    #[error("the series `{series}` of model `{model}` cannot be a map: {reason}")]
    NotAGrid {
        /// Id of the series.
        series: String,
        /// The model's label.
        model: String,
        /// What is missing.
        reason: String,
    },
    /// The table writer refused.
    #[error("cannot lay out the table `{table}`: {source}")]
    Frame {
        /// The table.
        table: String,
        /// What polars said.
        source: polars::error::PolarsError,
    },
    /// The drawing library refused.
    #[error("cannot draw the figure `{figure}`: {reason}")]
    Draw {
        /// The figure.
        figure: String,
        /// What it said.
        reason: String,
    },
}
