//! Tables, figures and the HTML page, drawn from run folders.

mod axis_value;
mod base64;
mod comparison;
mod error;
mod figure;
mod frame;
mod group;
mod html;
mod number;
mod page;
mod pictures;
mod published;
mod ranking;
mod saving;
mod section;
mod series;
mod sheet;
mod table;
mod table_text;
mod tally;
mod timing;
mod write;

pub use error::ReportError;
pub use figure::draw_curve_picture;
pub use frame::{cells_frame, timings_frame};
pub use page::Absent;
pub use write::{write_index, write_run};
