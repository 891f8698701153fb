//! The pictures that studies left behind, found for figures.

use crate::ReportError;
use crate::group::rows;
use likely_record::{PictureFile, Run, Status};

/// A picture with the cell that it comes from.
pub(crate) struct Found {
    pub(crate) model: String,
    pub(crate) study: String,
    pub(crate) repetition: u32,
    pub(crate) file: PictureFile,
}

/// The pictures of an id by the studies of a figure, in their order, or in that of the plan where the figure names none;
/// and what to say about those that are not there.
///
/// # Errors
/// [`ReportError`] where the file of a picture cannot be read.
pub(crate) fn find(
    run: &Run,
    picture: &str,
    studies: &[String],
) -> Result<(Vec<Found>, Vec<String>), ReportError> {
    let place = |study: &str| match studies {
        [] => Some(0),
        _ => studies.iter().position(|name| name == study),
    };
    let (mut found, mut present, mut absent) = (Vec::new(), Vec::new(), Vec::new());
    for row in rows(run).iter().filter(|row| row.is_study()) {
        let Some(place) = place(&row.key.method) else { continue };
        if row.cell.is_none_or(|cell| cell.status != Status::Ok) {
            absent.push(format!("{} on {}", row.study(), row.key.model));
            continue;
        }
        for file in run.pictures(row.hash)? {
            let id = &file.record().id;
            if !present.contains(id) {
                present.push(id.clone());
            }
            if id == picture {
                let (model, study) = (row.key.model.clone(), row.study());
                found.push((place, Found { model, study, repetition: row.key.repetition, file }));
            }
        }
    }
    found.sort_by_key(|(place, _)| *place);
    let mut notes = Vec::new();
    if found.is_empty() {
        let there = if present.is_empty() { "none".to_owned() } else { present.join(", ") };
        notes.push(format!("No picture `{picture}` in this run; there: {there}."));
    }
    if !absent.is_empty() {
        notes.push(format!("Studies without a result: {}.", absent.join("; ")));
    }
    Ok((found.into_iter().map(|(_, found)| found).collect(), notes))
}
