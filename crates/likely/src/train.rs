//! `likely train`: from a spec to weights and their card.
//!
//! Each training runs in a process of its own that has one thread. candle reads its number of threads from the environment
//! once, and more than one makes networks of this size slower; several trainings next to each other use the machine well.
//! A worker stops, with a checkpoint, when its standard input ends: also when this program was killed.

mod card;
mod files;
mod line;
mod show;
mod worker;

use crate::answer::{Answer, Exit, Failure};
use crate::grid::TextGrid;
use crate::numbers::number;
use crate::progress::Show;
use crate::{args, interrupt, machine, specs};
use anyhow::Context;
use likely_experiment::{TrainingSpec, TrainingTier};
use likely_models::{DATA, TRAINABLE};
use likely_record::write_atomic;
use line::{Ended, Line, Outcome};
use serde_json::json;
use show::Board;
use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// How often this program looks whether Ctrl-C was pressed.
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// With these a worker, whose layers have one thread, asks the system for memory seldom.
const MEMORY: [(&str, &str); 3] = [
    ("MALLOC_MMAP_THRESHOLD_", "2000000000"),
    ("MALLOC_TRIM_THRESHOLD_", "8000000000"),
    ("MALLOC_TOP_PAD_", "67108864"),
];

pub(crate) fn command(args: &args::Train, show: Show) -> anyhow::Result<Answer> {
    if args.worker {
        return worker::command(args);
    }
    let paths = if args.specs.is_empty() {
        let folder = args.experiments.join("models");
        let mut paths = specs::in_folder(&folder)?;
        // The small variants learn from what is in the repository; the models of images themselves from the full set, which is not.
        let of_images = folder.join("images");
        if args.tier == args::Tiers::Small && of_images.is_dir() {
            paths.extend(specs::in_folder(&of_images)?);
        }
        if paths.is_empty() {
            let message = format!("there is no spec of a training in {}", folder.display());
            return Err(Failure::usage(message));
        }
        paths
    } else {
        args.specs.clone()
    };
    // Whatever is wrong with the device is told once and before anything is trained.
    args.on.open()?;
    let specs = read_all(&paths, args.tier.of_training())?;
    if let Some(folder) = &args.export_data {
        return export(&specs, folder);
    }
    let stop = interrupt::install()?;
    let jobs = args.jobs.map_or_else(machine::threads, std::num::NonZeroUsize::get);
    let ended = run_all(args, &specs, jobs, stop, show)?;
    Ok(answer(&specs, &ended, stop.load(Ordering::SeqCst)))
}

/// Reads all specs and builds what they name, so that every mistake is told before anything is trained.
fn read_all(paths: &[PathBuf], tier: TrainingTier) -> anyhow::Result<Vec<TrainingSpec>> {
    let mut specs: Vec<TrainingSpec> = Vec::new();
    let mut problems = Vec::new();
    for path in paths {
        let spec = match TrainingSpec::read(path, tier, TRAINABLE, DATA) {
            Ok(spec) => spec,
            Err(error) => {
                problems.push(error.to_string());
                continue;
            }
        };
        if let Err(error) = spec.prepare().and_then(|prepared| prepared.training(None).map(drop)) {
            problems.push(error.to_string());
        }
        if let Some(other) = specs.iter().find(|other| other.id() == spec.id()) {
            let (path, other) = (path.display(), other.path().display());
            problems
                .push(format!("{path}: the id `{}` is that of {other}; rename one of the two", spec.id()));
        }
        specs.push(spec);
    }
    if problems.is_empty() { Ok(specs) } else { Err(Failure::usage(problems.join("\n"))) }
}

/// What a worker says, with the number of its spec.
enum Word {
    Line(Line),
    /// Its standard output ended.
    Silence,
}

/// Trains all specs, `jobs` of them at a time; how each ended that began.
fn run_all(
    args: &args::Train,
    specs: &[TrainingSpec],
    jobs: usize,
    stop: &AtomicBool,
    show: Show,
) -> anyhow::Result<BTreeMap<usize, Ended>> {
    let mut board = Board::new(show);
    let mut waiting: VecDeque<usize> = (0..specs.len()).collect();
    let mut running: BTreeMap<usize, Child> = BTreeMap::new();
    let mut ended = BTreeMap::new();
    let (sender, words) = channel();
    loop {
        let stopping = stop.load(Ordering::SeqCst);
        if stopping {
            waiting.clear();
            for child in running.values_mut() {
                // The end of its standard input tells a worker to stop.
                drop(child.stdin.take());
            }
        }
        while running.len() < jobs
            && let Some(index) = waiting.pop_front()
        {
            running.insert(index, start(args, specs[index].path(), index, &sender)?);
        }
        if running.is_empty() {
            return Ok(ended);
        }
        let (index, word) = match words.recv_timeout(BETWEEN_LOOKS) {
            Ok(word) => word,
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => continue,
        };
        let id = specs[index].id();
        match word {
            Word::Line(Line::Progress(progress)) => board.observe(id, &progress),
            Word::Line(Line::Ended(end)) => {
                board.ended(id, &in_words(&end));
                ended.insert(index, *end);
            }
            Word::Silence => {
                let Some(mut child) = running.remove(&index) else { continue };
                let status = child.wait().context("a worker cannot be waited for")?;
                ended.entry(index).or_insert_with(|| {
                    let end = lost(args, &specs[index], &status.to_string());
                    board.ended(id, &in_words(&end));
                    end
                });
            }
        }
    }
}

/// Starts a worker and passes on what it says.
fn start(
    args: &args::Train,
    spec: &Path,
    index: usize,
    sender: &Sender<(usize, Word)>,
) -> anyhow::Result<Child> {
    let program = std::env::current_exe().context("cannot find the program that runs")?;
    let mut command = Command::new(program);
    command.args(["train", "--worker"]).args(worker_arguments(args)).arg("--").arg(spec);
    command.envs(machine::LAYERS).envs(MEMORY).stdin(Stdio::piped()).stdout(Stdio::piped());
    // Ctrl-C at a terminal goes to a whole group of processes; this program alone decides what workers do then.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut child = command.spawn().context("cannot start a worker")?;
    let Some(output) = child.stdout.take() else { anyhow::bail!("a worker has no standard output") };
    let sender = sender.clone();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            // A line that is none comes from a worker that is ending badly, which its status will tell.
            if let Ok(line) = serde_json::from_str(&line) {
                let _ = sender.send((index, Word::Line(line)));
            }
        }
        let _ = sender.send((index, Word::Silence));
    });
    Ok(child)
}

fn worker_arguments(args: &args::Train) -> Vec<std::ffi::OsString> {
    let mut all: Vec<std::ffi::OsString> = Vec::new();
    let flags = [
        (args.force, "--force"),
        (args.again, "--again"),
        (args.check, "--check"),
        (args.restart, "--restart"),
    ];
    all.extend(flags.iter().filter(|(set, _)| *set).map(|(_, flag)| (*flag).into()));
    all.extend(["--tier".into(), args.tier.id().into()]);
    if let Some(steps) = args.steps {
        all.extend(["--steps".into(), steps.to_string().into()]);
    }
    if let Some(out) = &args.out {
        all.extend(["--out".into(), out.into()]);
    }
    all.extend(["--checkpoint-every".into(), args.checkpoint_every.to_string().into()]);
    all.extend(["--results".into(), (&args.results).into()]);
    all.extend(["--device".into(), args.on.device.to_string().into()]);
    all
}

/// The end of a worker that did not tell of it.
fn lost(args: &args::Train, spec: &TrainingSpec, status: &str) -> Ended {
    let files = files::Files::of(spec, args);
    Ended {
        id: spec.id().to_owned(),
        outcome: Outcome::Failed,
        message: Some(format!(
            "its process ended by itself ({status}); the same command goes on from its last checkpoint"
        )),
        step: 0,
        steps: 0,
        steps_now: 0,
        seconds: 0.0,
        parameters: 0,
        weights: files.weights,
        sha256: None,
        card: files.card,
        checkpoint: files.checkpoint,
        held_out: Vec::new(),
    }
}

fn outcome_id(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Trained => "trained",
        Outcome::UpToDate => "up to date",
        Outcome::Same => "same bytes",
        Outcome::Moved => "moved",
        Outcome::Interrupted => "interrupted",
        Outcome::Failed => "failed",
        Outcome::Refused => "refused",
    }
}

fn in_words(end: &Ended) -> String {
    let mut words = outcome_id(end.outcome).to_owned();
    if end.steps_now > 0 {
        let time = show::span(end.seconds);
        let _ = write!(words, ", {} steps in {time}", end.steps_now);
    }
    if let Some(message) = &end.message {
        words.push_str(": ");
        words.push_str(message);
    }
    words
}

fn exit_of(outcome: Outcome) -> Exit {
    match outcome {
        Outcome::Trained | Outcome::UpToDate | Outcome::Same => Exit::Fine,
        Outcome::Moved => Exit::Moved,
        Outcome::Interrupted => Exit::Interrupted,
        Outcome::Failed => Exit::Incomplete,
        Outcome::Refused => Exit::Usage,
    }
}

fn answer(specs: &[TrainingSpec], ended: &BTreeMap<usize, Ended>, interrupted: bool) -> Answer {
    let mut grid = TextGrid::new([
        "training",
        "outcome",
        "step",
        "of",
        "steps/s",
        "parameters",
        "held-out",
        "value",
        "file",
    ]);
    let not_begun = specs.len() - ended.len();
    let mut exit = if interrupted && not_begun > 0 { Exit::Interrupted } else { Exit::Fine };
    let mut messages = String::new();
    for end in ended.values() {
        exit = exit.and(exit_of(end.outcome));
        if let Some(message) = &end.message {
            let _ = writeln!(messages, "{}: {message}", end.id);
        }
        let first = end.held_out.first();
        let speed = (end.steps_now > 0).then(|| end.steps_now as f64 / end.seconds.max(1e-9));
        grid.row([
            end.id.clone(),
            outcome_id(end.outcome).to_owned(),
            end.step.to_string(),
            end.steps.to_string(),
            speed.map_or_else(|| number(None), |speed| format!("{speed:.0}")),
            end.parameters.to_string(),
            first.map_or_else(|| "-".to_owned(), |held_out| held_out.quantity.clone()),
            first.map_or_else(
                || "-".to_owned(),
                |held_out| {
                    let estimate = held_out.of_model;
                    format!("{:.4} ± {:.4}", estimate.mean, estimate.standard_error)
                },
            ),
            if end.outcome == Outcome::Interrupted { &end.checkpoint } else { &end.weights }
                .display()
                .to_string(),
        ]);
    }
    let mut text = if ended.is_empty() { String::new() } else { grid.text() };
    text.push_str(&messages);
    if exit == Exit::Interrupted {
        text.push_str("interrupted; the same command goes on from the checkpoints\n");
    }
    let trainings: Vec<_> = ended.values().collect();
    Answer { exit, text, json: json!({ "trainings": trainings, "not-begun": not_begun }) }
}

/// Writes the points of each training for other programs: `<folder>/<id>/{training,held-out}.npy` in float64, and the
/// parameters before the first step as `initial.safetensors`.
fn export(specs: &[TrainingSpec], folder: &Path) -> anyhow::Result<Answer> {
    let mut text = String::new();
    let mut written = Vec::new();
    for spec in specs {
        let prepared = spec.prepare()?;
        let folder = folder.join(spec.id());
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        let mut files = Vec::new();
        let sets = [("training", &prepared.split.training), ("held-out", &prepared.split.held_out)];
        for (name, points) in sets {
            if points.is_empty() {
                continue;
            }
            let values: Vec<f64> = points.iter().copied().collect();
            files.push((format!("{name}.npy"), likely_numpy::rows(points.nrows(), points.ncols(), &values)));
        }
        let initial = prepared.training(None)?.begin()?.parameters().to_weights()?;
        files.push(("initial.safetensors".to_owned(), initial.to_bytes()));
        for (name, bytes) in files {
            let path = folder.join(name);
            write_atomic(&path, &bytes)?;
            let _ = writeln!(text, "{}", path.display());
            written.push(path);
        }
    }
    Ok(Answer { exit: Exit::Fine, text, json: json!({ "files": written }) })
}
