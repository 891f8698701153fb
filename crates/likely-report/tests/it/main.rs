//! Reports from run folders, as files and pages.

mod figures;
mod pages;
mod scene;
mod tables;
