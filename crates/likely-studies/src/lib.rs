//! Questions about a density and a geometry that take more than one curve, one file each, and the table of them.
//!
//! A study is one cell of a run: it answers with named numbers, which stand in tables and carry claims as metrics do, and
//! with series, which figures draw.
//!
//! To add one: a file with a constant of type [`StudyKind`], and two lines here (`mod` and the entry in [`ALL`]).

mod bundle;
mod convergence_order;
mod duality_gap;
mod image_curves;
mod image_ends;
mod image_samples;
mod image_sets;
mod image_subject;
mod initial_values;
mod linear;
mod local_metric;
mod mean_curves;
mod mean_uniqueness;
pub mod means;
mod optimiser_traces;
mod pair_problem;
mod path;
pub mod principal;
mod rate;
mod series;
mod set_numbers;
mod settings;
pub mod shooting;
mod spectrum;
mod study;
pub mod transport;
mod typical_weight;

pub use image_ends::ImageEnds;
pub use image_subject::Kept;
pub use pair_problem::energy;
pub use study::{
    BuiltStudy, Column, Config, Findings, ImagesOf, Number, Observer, Pair, Picture, PictureRow, Reading,
    Series, Study, StudyError, StudyKind, Subject,
};

/// Every study, sorted by id.
pub const ALL: &[StudyKind] = &[
    convergence_order::STUDY,
    duality_gap::STUDY,
    means::STUDY,
    image_curves::STUDY,
    image_samples::STUDY,
    initial_values::STUDY,
    local_metric::STUDY,
    mean_curves::STUDY,
    mean_uniqueness::STUDY,
    optimiser_traces::STUDY,
    transport::STUDY,
    principal::STUDY,
    shooting::STUDY,
    typical_weight::STUDY,
];

/// The study with the given id.
pub fn find(id: &str) -> Option<&'static StudyKind> {
    ALL.iter().find(|study| study.id == id)
}
