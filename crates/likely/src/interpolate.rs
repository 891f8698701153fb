//! `likely interpolate`: a curve between two of the user's own points, or of their pictures.
//!
//! For points, the command line becomes a small spec with one cell, so that points, models, methods and metrics are checked and
//! computed by the same code as every experiment.

mod pictures;

use crate::answer::{Answer, Exit, Failure};
use crate::args;
use crate::grid::TextGrid;
use crate::machine;
use crate::numbers::number;
use crate::progress::{Progress, Show};
use crate::{interrupt, specs};
use anyhow::Context;
use likely_experiment::{Plan, Points, Spec, Tier, read_points};
use likely_record::{CellRecord, CurveRecord, Run, RunFolder, Status, write_atomic};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// What stands where messages about a spec name its file.
const SOURCE: &str = "(command line)";
/// Segments of a curve between points where the user names no number.
const SEGMENTS: u32 = 100;
/// File stem of the picture.
const PICTURE: &str = "picture";

pub(crate) fn command(args: &args::Interpolate, show: Show) -> anyhow::Result<Answer> {
    if pictures::are_pictures([&args.from, &args.to]) {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(machine::threads()).build();
        return pool.context("cannot start threads")?.install(|| pictures::command(args, show));
    }
    let Some(data) = &args.data else {
        return Err(Failure::usage(
            "--data is missing: name a file of points; or give two pictures, .png or .jpg, as --from and --to, and a model of images",
        ));
    };
    let columns = (!args.columns.is_empty()).then_some(args.columns.as_slice());
    let points = read_points(data, columns)?;
    let start = end_point("--from", &args.from, &points)?;
    let end = end_point("--to", &args.to, &points)?;
    check_empty(&args.out)?;
    let text = spec_text(args, data, &start, &end)?;
    let explain = |error: String| Failure::usage(with_spec(&error, &text));
    let spec = Spec::from_toml(Path::new(SOURCE), &text).map_err(|error| explain(error.to_string()))?;
    let options = machine::plan_options(true, &args.on.open()?)?;
    let plan = Plan::new(&spec, Tier::Laptop, &options).map_err(|error| explain(error.to_string()))?;

    let work = tempfile::tempdir().context("cannot make a temporary folder")?;
    let folder = RunFolder::create_or_resume(
        work.path(),
        plan.record(),
        plan.presentation(),
        &machine::provenance(&spec, &plan, 1)?,
        plan.resolved_spec(),
    )?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().context("cannot start a thread")?;
    let stop = interrupt::install()?;
    let progress = Progress::new(show, &plan);
    let summary = likely_experiment::run(&plan, &folder, &pool, stop, &|event| progress.observe(event));
    progress.finish();
    if summary?.interrupted {
        return Err(Failure::ending(Exit::Interrupted, "interrupted; nothing was written"));
    }
    let run = specs::read_run(folder.path())?;
    let cell = run.cells.first().context("the run has no cell")?;
    if cell.status != Status::Ok {
        let reason = cell.reason.as_deref().unwrap_or("no reason given");
        return Err(Failure::ending(Exit::Incomplete, format!("no curve: {reason}; nothing was written")));
    }
    let curve = run.curve(&cell.key.hash())?;
    let numbers = numbers(args, &run, cell, &start, &end);
    let mut files = vec![
        ("curve.csv".to_owned(), csv(&points.names, &curve).into_bytes()),
        ("numbers.json".to_owned(), serde_json::to_vec_pretty(&numbers)?),
    ];
    if args.npy {
        files.push(("curve.npy".to_owned(), likely_numpy::rows(curve.points, curve.dim, &curve.values)));
    }
    if let [first, second] = points.names.as_slice() {
        let stem = work.path().join(PICTURE);
        let field = run.presentation.fields.first();
        let axes = [first.clone(), second.clone()];
        likely_report::draw_curve_picture(field, &[(args.method.clone(), &curve)], &axes, &stem)
            .context("drawing the picture")?;
        for extension in ["svg", "png"] {
            let path = stem.with_extension(extension);
            let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            files.push((format!("{PICTURE}.{extension}"), bytes));
        }
    }
    let written = write_all(&args.out, files)?;
    Ok(answer(cell, numbers, &written))
}

/// Coordinates, or a row of the data.
fn end_point(option: &str, text: &str, points: &Points) -> anyhow::Result<Vec<f64>> {
    let (rows, dim) = points.values.dim();
    if let Some(row) = text.strip_prefix("row:") {
        let index: usize = row.trim().parse().map_err(|_| {
            Failure::usage(format!("{option} {text}: `{row}` is not the number of a row, as in `row:17`"))
        })?;
        if index >= rows {
            return Err(Failure::usage(format!(
                "{option} {text}: the data has {rows} rows, numbered from 0 to {}",
                rows - 1
            )));
        }
        return Ok(points.values.row(index).to_vec());
    }
    let coordinates = text
        .split(',')
        .map(|part| match part.trim().parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(value),
            _ => Err(Failure::usage(format!(
                "{option} {text}: `{part}` is not a finite number; give coordinates separated by commas, or `row:17`"
            ))),
        })
        .collect::<anyhow::Result<Vec<f64>>>()?;
    if coordinates.len() != dim {
        return Err(Failure::usage(format!(
            "{option} {text}: {} coordinates, but the data has {dim} ({})",
            coordinates.len(),
            points.names.join(", ")
        )));
    }
    Ok(coordinates)
}

/// Results are never written over anything.
fn check_empty(out: &Path) -> anyhow::Result<()> {
    let entries = match fs::read_dir(out) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
        Err(error) => return Err(Failure::usage(format!("--out {}: {error}", out.display()))),
    };
    if entries {
        let message = format!("--out {}: the folder is not empty; name a new one", out.display());
        return Err(Failure::usage(message));
    }
    Ok(())
}

fn spec_text(args: &args::Interpolate, data: &Path, start: &[f64], end: &[f64]) -> anyhow::Result<String> {
    let data = std::path::absolute(data).with_context(|| format!("cannot find {}", data.display()))?;
    let Some(data) = data.to_str() else {
        return Err(Failure::usage(format!("{}: the path is not UTF-8; rename it", data.display())));
    };
    let metrics: Vec<&str> = likely_metrics::ALL.iter().map(|metric| metric.id).collect();
    let mut text = String::new();
    let _ = writeln!(text, "id = \"interpolation\"");
    let _ = writeln!(text, "version = 1");
    let _ = writeln!(text, "title = \"Interpolation\"");
    let _ = writeln!(text, "analysis = \"\"");
    let _ = writeln!(text, "segments = {}", args.segments.unwrap_or(SEGMENTS));
    let _ = writeln!(text, "seed = {}", args.seed);
    let _ = writeln!(text, "metrics = {}", json!(metrics));
    let _ = writeln!(text, "[[dataset]]\nlabel = \"data\"\nfile = {}", json!(data));
    if !args.columns.is_empty() {
        let _ = writeln!(text, "columns = {}", json!(args.columns));
    }
    if let Some(geometry) = &args.geometry {
        let _ = writeln!(text, "[[geometry]]\nlabel = \"geometry\"\nkind = {}", json!(geometry));
        let _ = writeln!(text, "config = {}", geometry_config(&args.geometry_config)?);
    }
    let _ = writeln!(
        text,
        "[[model]]\nlabel = {}\nkind = {}\ndata = \"data\"",
        json!(args.model),
        json!(args.model)
    );
    if args.geometry.is_some() {
        let _ = writeln!(text, "geometry = \"geometry\"");
    }
    let _ = writeln!(text, "config = {}", config("--model-config", &args.model_config)?);
    let _ = writeln!(text, "[[method]]\nlabel = {}\nkind = {}", json!(args.method), json!(args.method));
    let _ = writeln!(text, "config = {}", config("--config", &args.config)?);
    let _ = writeln!(text, "[[pair]]\nname = \"0\"\nstart = {start:?}\nend = {end:?}");
    if start.len() == 2 {
        // A figure asks for the density on a grid.
        let _ = writeln!(text, "[[figure]]\nid = \"{PICTURE}\"\ntitle = \"\"");
        let _ = writeln!(
            text,
            "show = {{ density-curves = {{ methods = {}, points = true }} }}",
            json!([args.method])
        );
    }
    Ok(text)
}

/// The options of a geometry: `key=value`, or one table as TOML or JSON has it.
fn geometry_config(entries: &[String]) -> anyhow::Result<String> {
    let [table] = entries else { return config("--geometry-config", entries) };
    let table = table.trim();
    if !table.starts_with('{') || table.contains('\n') {
        return config("--geometry-config", entries);
    }
    match serde_json::from_str::<Map<String, Value>>(table) {
        Ok(table) => {
            let null = |(key, _): (&String, &Value)| {
                Failure::usage(format!("--geometry-config: `{key}` is null; leave it out or give it a value"))
            };
            table.iter().find(|(_, value)| value.is_null()).map(null).map_or(Ok(()), Err)?;
            Ok(inline(&table))
        }
        Err(_) => Ok(table.to_owned()),
    }
}

/// A JSON object as an inline table of TOML.
fn inline(table: &Map<String, Value>) -> String {
    let value = |value: &Value| match value {
        Value::Object(table) => inline(table),
        // Numbers, texts, booleans and arrays of them are written alike in both.
        other => other.to_string(),
    };
    let entries: Vec<String> =
        table.iter().map(|(key, v)| format!("{} = {}", json!(key), value(v))).collect();
    if entries.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", entries.join(", ")) }
}

/// `key=value` options as an inline table.
fn config(option: &str, entries: &[String]) -> anyhow::Result<String> {
    let entries = literals(option, entries)?;
    Ok(if entries.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", entries.join(", ")) })
}

/// `key=value` options as lines of TOML; a value that is no literal is taken as text.
pub(crate) fn literals(option: &str, entries: &[String]) -> anyhow::Result<Vec<String>> {
    entries
        .iter()
        .map(|entry| {
            let Some((key, value)) = entry.split_once('=') else {
                return Err(Failure::usage(format!("{option} {entry}: write it as key=value")));
            };
            let (key, value) = (key.trim(), value.trim());
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
            if key.is_empty() || !key.chars().all(plain) || value.contains('\n') {
                return Err(Failure::usage(format!("{option} {entry}: write it as key=value on one line")));
            }
            let literal = value.starts_with(['[', '{', '"', '\''])
                || ["true", "false"].contains(&value)
                || value.parse::<f64>().is_ok();
            let value = if literal { value.to_owned() } else { json!(value).to_string() };
            Ok(format!("{key} = {value}"))
        })
        .collect()
}

/// Lines of TOML as a table.
fn table_of<'a>(option: &str, text: &'a str) -> anyhow::Result<likely_models::Config<'a>> {
    toml::de::DeTable::parse(text).map_err(|error| Failure::usage(format!("{option}: {}", error.message())))
}

/// An error about the spec that the command line became, with the line that it names.
fn with_spec(error: &str, text: &str) -> String {
    let place = error.strip_prefix(SOURCE).and_then(|rest| rest.strip_prefix(':'));
    let line = place.and_then(|rest| rest.split(':').next()).and_then(|line| line.parse::<usize>().ok());
    match line.and_then(|line| text.lines().nth(line.saturating_sub(1))) {
        Some(line) => format!("{error}\n  in: {line}"),
        None => error.to_owned(),
    }
}

fn csv(names: &[String], curve: &CurveRecord) -> String {
    let quote = |name: &String| {
        if name.contains([',', '"', '\n', '\r']) {
            format!("\"{}\"", name.replace('"', "\"\""))
        } else {
            name.clone()
        }
    };
    let mut text = names.iter().map(quote).collect::<Vec<_>>().join(",");
    text.push('\n');
    for point in curve.values.chunks_exact(curve.dim) {
        let row: Vec<String> = point.iter().map(f64::to_string).collect();
        text.push_str(&row.join(","));
        text.push('\n');
    }
    text
}

fn numbers(args: &args::Interpolate, run: &Run, cell: &CellRecord, start: &[f64], end: &[f64]) -> Value {
    json!({
        "data": args.data,
        "model": args.model,
        "model-facts": run.presentation.facts.iter().map(|(_, name, value)| json!({ "name": name, "value": value })).collect::<Vec<_>>(),
        "geometry": args.geometry,
        "method": args.method,
        "from": start,
        "to": end,
        "segments": cell.key.segments,
        "seed": args.seed,
        "lambda": cell.key.lambda,
        "lambda-norm": cell.lambda_norm,
        "stop": cell.stop,
        "iterations": cell.iterations,
        "evaluations": cell.evaluations,
        "metrics": cell.metrics,
        "device": run.provenance.device,
        "version": run.provenance.version,
        "commit": run.provenance.commit,
    })
}

fn write_all(out: &Path, files: Vec<(String, Vec<u8>)>) -> anyhow::Result<Vec<PathBuf>> {
    fs::create_dir_all(out).map_err(|error| {
        Failure::usage(format!("cannot create {}: {error}; name another folder with --out", out.display()))
    })?;
    let mut written: Vec<PathBuf> = Vec::new();
    for (name, bytes) in files {
        let path = out.join(name);
        if let Err(error) = write_atomic(&path, &bytes) {
            // Half a set of files would look like a whole one.
            for path in &written {
                let _ = fs::remove_file(path);
            }
            return Err(error.into());
        }
        written.push(path);
    }
    Ok(written)
}

fn answer(cell: &CellRecord, numbers: Value, written: &[PathBuf]) -> Answer {
    let mut grid = TextGrid::new(["metric", "value", "note"]);
    for metric in &cell.metrics {
        let note = metric.reason.clone().unwrap_or_default();
        grid.row([metric.id.clone(), number(metric.value), note]);
    }
    let mut text = grid.text();
    if let Some(stop) = &cell.stop {
        let _ = writeln!(text, "{} after {} iterations", stop.text, cell.iterations);
    }
    for path in written {
        let _ = writeln!(text, "{}", path.display());
    }
    Answer { exit: Exit::Fine, text, json: json!({ "files": written, "numbers": numbers }) }
}
