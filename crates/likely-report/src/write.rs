//! The files of a report.

use crate::ReportError;
use crate::frame::{cells_frame, csv_bytes, parquet_bytes, table_frame, timings_frame};
use crate::page::{Absent, index_page, run_page};
use crate::published;
use crate::section::Parts;
use crate::series::SeriesTable;
use crate::table_text::{latex, markdown};
use likely_record::{Run, VerdictKind, VerdictRecord, write_atomic};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Names in `tables/` that belong to the report itself.
const OWN_TABLES: [&str; 3] = ["cells", "timings", published::STEM];

/// Writes `tables/`, `figures/` and `report.html` into the folder of a run.
///
/// Everything is made before the first file is written. The same run and verdicts give the same bytes; clock readings
/// appear in `tables/timings.csv` and, as medians, on the page.
///
/// # Errors
/// [`ReportError`] where a table or figure asks for what the run does not have, a number to draw is not finite, or a
/// file cannot be written. Failed, skipped and missing cells are no error: the report shows them.
pub fn write_run(run: &Run, verification: &[VerdictRecord]) -> Result<(), ReportError> {
    let tables = run.presentation.tables.iter().map(|table| table.id.as_str());
    let tables = tables.chain(run.presentation.savings.iter().map(|saving| saving.id.as_str()));
    let tables = tables.chain(run.presentation.rankings.iter().map(|ranking| ranking.id.as_str()));
    let series = SeriesTable::all(run)?;
    let parts = Parts::new(run, verification)?;
    let published = parts.published();
    let stems: Vec<String> = series.iter().map(SeriesTable::stem).collect();
    let grids: Vec<String> =
        published.iter().map(|table| format!("{}-{}", published::STEM, table.metric())).collect();
    let tables = tables.chain(stems.iter().chain(&grids).map(String::as_str));
    check_ids("table", OWN_TABLES.into_iter().chain(tables))?;
    check_ids("figure", run.presentation.figures.iter().map(|figure| figure.id.as_str()))?;
    let cells = cells_frame(run)?;
    let mut files: Vec<(String, Vec<u8>)> = vec![
        ("tables/cells.csv".to_owned(), csv_bytes("cells", &cells)?),
        ("tables/cells.parquet".to_owned(), parquet_bytes("cells", &cells)?),
        ("tables/timings.csv".to_owned(), csv_bytes("timings", &timings_frame(run)?)?),
    ];
    for table in &parts.tables {
        let frame = table_frame(table)?;
        let name = |ending: &str| format!("tables/{}.{ending}", table.id);
        files.push((name("csv"), csv_bytes(&table.id, &frame)?));
        files.push((name("parquet"), parquet_bytes(&table.id, &frame)?));
        files.push((name("md"), markdown(table).into_bytes()));
        files.push((name("tex"), latex(table).into_bytes()));
    }
    for ranking in &parts.rankings {
        let (frame, sheet) = (ranking.frame()?, ranking.sheet());
        let name = |ending: &str| format!("tables/{}.{ending}", ranking.id());
        files.push((name("csv"), csv_bytes(ranking.id(), &frame)?));
        files.push((name("md"), sheet.markdown().into_bytes()));
        files.push((name("tex"), sheet.latex(ranking.id()).into_bytes()));
    }
    for saving in &parts.savings {
        let (frame, sheet) = (saving.frame()?, saving.sheet());
        let name = |ending: &str| format!("tables/{}.{ending}", saving.id());
        files.push((name("csv"), csv_bytes(saving.id(), &frame)?));
        files.push((name("parquet"), parquet_bytes(saving.id(), &frame)?));
        files.push((name("md"), sheet.markdown().into_bytes()));
        files.push((name("tex"), sheet.latex(saving.id()).into_bytes()));
    }
    if parts.verdicts.iter().any(|verdict| verdict.kind == VerdictKind::Published) {
        let frame = published::frame(run, &parts.verdicts)?;
        files.push((format!("tables/{}.csv", published::STEM), csv_bytes(published::STEM, &frame)?));
    }
    for (table, stem) in published.iter().zip(&grids) {
        let sheet = table.sheet();
        files.push((format!("tables/{stem}.md"), sheet.markdown().into_bytes()));
        files.push((format!("tables/{stem}.tex"), sheet.latex(stem).into_bytes()));
    }
    for table in &series {
        let stem = table.stem();
        files.push((format!("tables/{stem}.csv"), csv_bytes(&stem, &table.frame()?)?));
    }
    for figure in &parts.figures {
        for (ending, bytes) in figure.files()? {
            files.push((format!("figures/{}.{ending}", figure.id()), bytes));
        }
    }
    files.push(("report.html".to_owned(), run_page(&parts)?.into_bytes()));
    for folder in ["tables", "figures"] {
        let path = run.path.join(folder);
        fs::create_dir_all(&path).map_err(|source| ReportError::Create { path, source })?;
    }
    for (name, bytes) in files {
        write_atomic(&run.path.join(name), &bytes)?;
    }
    Ok(())
}

/// Writes one page over several runs, each with what its verification found, in the order given, and the experiments that were not run.
///
/// # Errors
/// As [`write_run`].
pub fn write_index(
    runs: &[(&Run, &[VerdictRecord])],
    absent: &[Absent],
    out: &Path,
) -> Result<(), ReportError> {
    let parts: Vec<Parts<'_>> =
        runs.iter().map(|(run, verdicts)| Parts::new(run, verdicts)).collect::<Result<_, _>>()?;
    let page = index_page(&parts, absent)?;
    if let Some(folder) = out.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder)
            .map_err(|source| ReportError::Create { path: folder.to_owned(), source })?;
    }
    write_atomic(out, page.as_bytes())?;
    Ok(())
}

fn check_ids<'a>(what: &'static str, ids: impl Iterator<Item = &'a str>) -> Result<(), ReportError> {
    let mut seen = BTreeSet::new();
    for id in ids {
        let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
        if id.is_empty() || id.len() > 80 || !id.chars().all(plain) || !seen.insert(id) {
            return Err(ReportError::Name { what, id: id.to_owned() });
        }
    }
    Ok(())
}
