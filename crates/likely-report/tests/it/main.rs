//! Reports from run folders, as files and pages.

mod figures;
mod pages;
mod pictures;
mod published;
mod rankings;
mod savings;
mod scene;
mod series;
mod surfaces;
mod tables;
