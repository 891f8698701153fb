//! What a run says while it works: a bar on a terminal, lines elsewhere, on standard error.

use crate::answer::say;
use crate::numbers;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use likely_experiment::{Event, Plan};
use likely_record::{CellKey, Status, VerdictCell};
use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How to show progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Show {
    Nothing,
    Lines,
    Bar,
}

impl Show {
    pub(crate) fn choose(quiet: bool) -> Self {
        if quiet {
            Self::Nothing
        } else if std::io::stderr().is_terminal() {
            Self::Bar
        } else {
            Self::Lines
        }
    }

    /// A line that is worth saying unless nothing is.
    pub(crate) fn line(self, line: &str) {
        if self != Self::Nothing {
            say(line);
        }
    }
}

/// Progress of one run.
pub(crate) struct Progress<'a> {
    show: Show,
    bar: ProgressBar,
    keys: BTreeMap<&'a str, &'a CellKey>,
    seen: AtomicUsize,
}

impl<'a> Progress<'a> {
    pub(crate) fn new(show: Show, plan: &'a Plan) -> Self {
        let record = plan.record();
        let bar = match show {
            Show::Bar => {
                ProgressBar::with_draw_target(Some(record.cells.len() as u64), ProgressDrawTarget::stderr())
            }
            Show::Nothing | Show::Lines => ProgressBar::hidden(),
        };
        // A template that does not parse leaves the plain bar.
        if let Ok(style) = ProgressStyle::with_template("{prefix} [{bar:30}] {pos}/{len} {elapsed} {msg}") {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_prefix(format!("{} {}", record.experiment, record.tier));
        let keys = record.cells.iter().map(|cell| (cell.hash.as_str(), &cell.key)).collect();
        Self { show, bar, keys, seen: AtomicUsize::new(0) }
    }

    /// Takes note of what a worker reports.
    pub(crate) fn observe(&self, event: Event) {
        match event {
            Event::CellStarted { hash } => self.bar.set_message(self.name(&hash)),
            Event::CellFinished { hash, status, converged } => {
                let seen = self.count();
                if self.show == Show::Lines {
                    let word = match status {
                        Status::Ok if converged => "ok",
                        Status::Ok => "ok, not converged",
                        Status::Skipped => "skipped",
                        Status::Failed => "failed",
                    };
                    say(&format!("[{seen}/{}] {}: {word}", self.keys.len(), self.name(&hash)));
                }
            }
            Event::CellReused { .. } => {
                self.count();
            }
            Event::DamagedCell { path, reason, .. } => {
                let line = format!("{} is damaged: {reason}; the cell is computed again", path.display());
                self.bar.suspend(|| self.show.line(&line));
            }
        }
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn count(&self) -> usize {
        self.bar.inc(1);
        self.seen.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn name(&self, hash: &str) -> String {
        self.keys.get(hash).map_or_else(String::new, |key| numbers::cell(&VerdictCell::from(*key)))
    }
}
