//! Tables, figures and the HTML page, drawn from run folders.

mod axis_value;
mod error;
mod frame;
mod group;
mod number;
mod table;
mod table_text;

pub use error::ReportError;
pub use frame::{cells_frame, timings_frame};
