//! What a row of results, its provenance and a run folder are on disk.
//!
//! Types here are the only ones that are written to files; nothing here computes a number. Every file carries a
//! `format` number, and readers refuse a newer one by name.

mod atomic;
mod cell;
mod curve;
mod error;
mod folder;
mod hash;
mod layout;
mod lock;
mod name;
mod picture;
mod pinned;
mod plan;
mod presentation;
mod provenance;
mod run;
mod series;
mod verdict;

pub use atomic::write_atomic;
pub use cell::{CellKey, CellRecord, EvaluationCounts, MetricRecord, Status, StopRecord, TimingRecord};
pub use curve::{CurveFileError, CurveRecord, Embedded};
pub use error::FolderError;
pub use folder::RunFolder;
pub use hash::sha256_hex;
pub use layout::CellState;
pub use picture::{PictureError, PictureFile, PictureRecord};
pub use pinned::{Pinned, PinnedCell};
pub use plan::{PlanRecord, PlannedCell};
pub use presentation::{
    Axis, ClaimRecord, ClaimRole, FieldRecord, FigureKind, FigureRecord, Grid, MetricMeta, Presentation,
    RankingRecord, SavingRecord, Scale, SurfaceRecord, TableRecord, Together,
};
pub use provenance::Provenance;
pub use run::Run;
pub use series::{ColumnRecord, SeriesFile, SeriesRecord};
pub use verdict::{VerdictCell, VerdictKind, VerdictRecord, VerdictStatus};

/// Version of everything that a run folder holds; it grows when a reader of the old form would misread the new one.
pub const FORMAT: u32 = 1;
