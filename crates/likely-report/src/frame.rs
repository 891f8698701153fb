//! Tables of data, as polars frames, and their bytes in CSV and Parquet.

use crate::ReportError;
use crate::axis_value::{AxisValue, axis_column};
use crate::group::{Row, rows};
use crate::table::Table;
use likely_record::{Axis, CellKey, CellRecord, MetricRecord, Run, Status};
use polars::prelude::{
    Column, CsvWriter, DataFrame, ParquetCompression, ParquetWriter, PolarsResult, QuoteStyle, SerWriter,
};

/// Every planned cell, one a row: axes, status, stop, work and metrics; no clock readings.
///
/// # Errors
/// [`ReportError::Frame`] where polars refuses the columns.
pub fn cells_frame(run: &Run) -> Result<DataFrame, ReportError> {
    let rows = rows(run);
    let cells: Vec<Option<&CellRecord>> = rows.iter().map(|row| row.cell).collect();
    let mut columns = key_columns(&rows);
    let status = rows.iter().map(|row| match row.cell.map(|cell| cell.status) {
        Some(Status::Ok) => "ok",
        Some(Status::Skipped) => "skipped",
        Some(Status::Failed) => "failed",
        None => "not-run",
    });
    columns.push(Column::new("status".into(), status.collect::<Vec<_>>()));
    columns.push(texts("reason", &cells, |cell| cell.reason.clone()));
    columns.push(texts("stop", &cells, |cell| cell.stop.as_ref().map(|stop| stop.kind.clone())));
    let converged =
        cells.iter().map(|cell| cell.and_then(|cell| cell.stop.as_ref()).map(|stop| stop.converged));
    columns.push(Column::new("converged".into(), converged.collect::<Vec<Option<bool>>>()));
    let ran = |cell: &CellRecord| cell.status == Status::Ok;
    columns
        .push(floats("grad-norm-l2", &cells, |cell| cell.stop.as_ref().and_then(|stop| stop.grad_norm_l2)));
    let works: [Work; 3] = [
        ("method-iterations", |cell| u64::from(cell.iterations)),
        ("method-value-points", |cell| cell.evaluations.values),
        ("method-gradient-points", |cell| cell.evaluations.gradients),
    ];
    for (name, of) in works {
        let values = cells.iter().map(|cell| cell.filter(|cell| ran(cell)).map(of));
        columns.push(Column::new(name.into(), values.collect::<Vec<Option<u64>>>()));
    }
    columns.push(floats("lambda-norm", &cells, |cell| cell.lambda_norm));
    columns.push(texts("reduction", &cells, |cell| cell.reduction.clone()));
    for id in metric_ids(run) {
        let of = |cell: &CellRecord| record(cell, &id).cloned();
        columns
            .push(floats(&format!("metric:{id}"), &cells, |cell| of(cell).and_then(|metric| metric.value)));
        if run.cells.iter().any(|cell| of(cell).is_some_and(|metric| metric.std_err.is_some())) {
            columns.push(floats(&format!("std-err:{id}"), &cells, |cell| {
                of(cell).and_then(|metric| metric.std_err)
            }));
        }
    }
    columns.push(texts("absent-metrics", &cells, |cell| {
        let absent: Vec<String> = cell
            .metrics
            .iter()
            .filter_map(|metric| metric.reason.as_ref().map(|reason| format!("{}: {reason}", metric.id)))
            .collect();
        if absent.is_empty() { None } else { Some(absent.join("; ")) }
    }));
    DataFrame::new(rows.len(), columns)
        .map_err(|source| ReportError::Frame { table: "cells".to_owned(), source })
}

/// Clock readings of the cells that have them, in seconds.
///
/// # Errors
/// [`ReportError::Frame`] where polars refuses the columns.
pub fn timings_frame(run: &Run) -> Result<DataFrame, ReportError> {
    let timed: Vec<Row<'_>> = rows(run).into_iter().filter(|row| row.timing.is_some()).collect();
    let mut columns = key_columns(&timed);
    let wall: Vec<Option<f64>> = timed.iter().map(|row| row.timing.map(|timing| timing.wall_s)).collect();
    let cpu: Vec<Option<f64>> = timed.iter().map(|row| row.timing.map(|timing| timing.cpu_s)).collect();
    columns.push(Column::new("wall-s".into(), wall));
    columns.push(Column::new("cpu-s".into(), cpu));
    DataFrame::new(timed.len(), columns)
        .map_err(|source| ReportError::Frame { table: "timings".to_owned(), source })
}

/// The numbers of a table in full precision: row axes, then value, standard error, count and status of every entry.
pub(crate) fn table_frame(table: &Table) -> Result<DataFrame, ReportError> {
    let mut columns: Vec<Column> = table
        .row_axes
        .iter()
        .enumerate()
        .map(|(place, &axis)| head_column(axis, table.rows.iter().map(|row| row.heads.get(place))))
        .collect();
    for (place, column) in table.columns.iter().enumerate() {
        let name = |what: &str| {
            let over = if column.over.is_empty() { String::new() } else { format!("{} | ", column.over) };
            format!("{over}{}{what}", column.metric.id)
        };
        let entries = || table.rows.iter().map(|row| &row.entries[place]);
        let estimates = || entries().map(|entry| entry.summary.estimate);
        let values: Vec<Option<f64>> = estimates().map(|e| e.map(|e| e.mean)).collect();
        let errors: Vec<Option<f64>> = estimates().map(|e| e.and_then(|e| e.std_err)).collect();
        let counts: Vec<u64> = estimates().map(|e| e.map_or(0, |e| e.n as u64)).collect();
        let statuses: Vec<&str> = entries().map(crate::table::Entry::status).collect();
        columns.push(Column::new(name("").into(), values));
        columns.push(Column::new(name(" std-err").into(), errors));
        columns.push(Column::new(name(" n").into(), counts));
        columns.push(Column::new(name(" status").into(), statuses));
    }
    DataFrame::new(table.rows.len(), columns)
        .map_err(|source| ReportError::Frame { table: table.id.clone(), source })
}

/// The values of a row axis; empty where a row is about several.
pub(crate) fn head_column<'a>(axis: Axis, heads: impl Iterator<Item = Option<&'a AxisValue>>) -> Column {
    let name = axis_column(axis).into();
    match axis {
        Axis::Lambda | Axis::Repetition | Axis::Segments => Column::new(
            name,
            heads.map(|head| head.and_then(AxisValue::as_number)).collect::<Vec<Option<f64>>>(),
        ),
        Axis::Model | Axis::Method | Axis::Pair => {
            Column::new(name, heads.map(|head| head.map(AxisValue::text)).collect::<Vec<Option<String>>>())
        }
    }
}

/// The frame as CSV: shortest digits that read back as the same numbers, empty where there is none.
pub(crate) fn csv_bytes(name: &str, frame: &DataFrame) -> Result<Vec<u8>, ReportError> {
    let mut bytes = Vec::new();
    CsvWriter::new(&mut bytes)
        .with_quote_style(QuoteStyle::Necessary)
        .n_threads(1)
        .finish(&mut frame.clone())
        .map_err(|source| ReportError::Frame { table: name.to_owned(), source })?;
    Ok(bytes)
}

/// The frame as Parquet; the same bytes for the same frame.
pub(crate) fn parquet_bytes(name: &str, frame: &DataFrame) -> Result<Vec<u8>, ReportError> {
    let mut bytes = Vec::new();
    let written: PolarsResult<u64> = ParquetWriter::new(&mut bytes)
        .with_compression(ParquetCompression::Uncompressed)
        .set_parallel(false)
        .finish(&mut frame.clone());
    written.map_err(|source| ReportError::Frame { table: name.to_owned(), source })?;
    Ok(bytes)
}

/// A column of counts, and where a cell has it.
type Work = (&'static str, fn(&CellRecord) -> u64);

fn key_columns(rows: &[Row<'_>]) -> Vec<Column> {
    let names = |name: &str, of: fn(&CellKey) -> String| {
        Column::new(name.into(), rows.iter().map(|row| of(row.key)).collect::<Vec<String>>())
    };
    vec![
        names("experiment", |key| key.experiment.clone()),
        names(axis_column(Axis::Model), |key| key.model.clone()),
        names(axis_column(Axis::Method), |key| key.method.clone()),
        Column::new(
            axis_column(Axis::Lambda).into(),
            rows.iter().map(|row| row.key.lambda).collect::<Vec<Option<f64>>>(),
        ),
        names(axis_column(Axis::Pair), |key| key.pair.clone()),
        Column::new(
            axis_column(Axis::Repetition).into(),
            rows.iter().map(|row| row.key.repetition).collect::<Vec<u32>>(),
        ),
        Column::new(
            axis_column(Axis::Segments).into(),
            rows.iter().map(|row| row.key.segments).collect::<Vec<u32>>(),
        ),
        Column::new("cell".into(), rows.iter().map(|row| row.hash.to_owned()).collect::<Vec<String>>()),
    ]
}

/// Ids of the metrics in the order of the spec, then those that only cells know.
fn metric_ids(run: &Run) -> Vec<String> {
    let mut ids: Vec<String> = run.presentation.metrics.iter().map(|metric| metric.id.clone()).collect();
    for metric in run.cells.iter().flat_map(|cell| &cell.metrics) {
        if !ids.contains(&metric.id) {
            ids.push(metric.id.clone());
        }
    }
    ids
}

fn record<'a>(cell: &'a CellRecord, id: &str) -> Option<&'a MetricRecord> {
    cell.metrics.iter().find(|metric| metric.id == id)
}

fn texts(name: &str, cells: &[Option<&CellRecord>], of: impl Fn(&CellRecord) -> Option<String>) -> Column {
    Column::new(name.into(), cells.iter().map(|cell| cell.and_then(&of)).collect::<Vec<Option<String>>>())
}

fn floats(name: &str, cells: &[Option<&CellRecord>], of: impl Fn(&CellRecord) -> Option<f64>) -> Column {
    Column::new(name.into(), cells.iter().map(|cell| cell.and_then(&of)).collect::<Vec<Option<f64>>>())
}
