//! Runs: cells in parallel, one file each, resumed where they were left.

mod cell;
mod picture;
mod study;

use crate::Plan;
use cell::{Outcome, run_cell};
use likely_record::{CellRecord, CellState, FolderError, RunFolder, Status};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Why a run ended before its time.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The run folder could not be read or written.
    #[error(transparent)]
    Folder(#[from] FolderError),
}

/// What happens during a run; several threads report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A cell is being computed.
    CellStarted {
        /// Its hash.
        hash: String,
    },
    /// A cell was computed and written.
    CellFinished {
        /// Its hash.
        hash: String,
        /// What became of it.
        status: Status,
        /// Whether its method converged.
        converged: bool,
    },
    /// A cell of an earlier run is whole and was kept.
    CellReused {
        /// Its hash.
        hash: String,
        /// What became of it.
        status: Status,
        /// Whether its method converged.
        converged: bool,
    },
    /// A cell of an earlier run cannot be used and is computed anew.
    DamagedCell {
        /// Its hash.
        hash: String,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// What a run came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RunSummary {
    /// Cells computed and written by this run, whatever became of them.
    pub done: usize,
    /// Cells of an earlier run that were kept.
    pub reused: usize,
    /// Cells, computed or kept, whose method does not apply.
    pub skipped: usize,
    /// Cells, computed or kept, that failed.
    pub failed: usize,
    /// Cells, computed or kept, whose method ran without converging.
    pub unconverged: usize,
    /// Whether the run was asked to stop before its last cell.
    pub interrupted: bool,
    /// Threads that computed at least one cell.
    pub workers_used: usize,
}

impl RunSummary {
    fn count(&mut self, status: Status, converged: bool) {
        match status {
            Status::Ok if !converged => self.unconverged += 1,
            Status::Ok => {}
            Status::Skipped => self.skipped += 1,
            Status::Failed => self.failed += 1,
        }
    }

    fn add(&mut self, other: &Self) {
        self.done += other.done;
        self.reused += other.reused;
        self.skipped += other.skipped;
        self.failed += other.failed;
        self.unconverged += other.unconverged;
        self.interrupted |= other.interrupted;
        self.workers_used += usize::from(other.done > 0);
    }
}

/// Whether a cell ran to its end; samplers and studies have no stop.
fn converged(record: &CellRecord) -> bool {
    record.status == Status::Ok && record.stop.as_ref().is_none_or(|stop| stop.converged)
}

/// Computes the cells of `plan` that `folder` lacks, on the threads of `pool`, until all are there or `stop` is set.
///
/// Every thread takes the next cell of the plan until none is left, so no cell ever runs inside another one. What a
/// cell comes to depends on its key alone, so the folder has the same bytes on any number of threads.
///
/// # Errors
/// [`RunError`] where the folder cannot be read or written; cells that were written stay.
pub fn run(
    plan: &Plan,
    folder: &RunFolder,
    pool: &rayon::ThreadPool,
    stop: &AtomicBool,
    observe: &(dyn Fn(Event) + Sync),
) -> Result<RunSummary, RunError> {
    let next = AtomicUsize::new(0);
    let broken: Mutex<Option<FolderError>> = Mutex::new(None);
    let halt = AtomicBool::new(false);
    let cells: Vec<_> = plan.cells().collect();
    let summaries = pool.broadcast(|_| {
        let mut summary = RunSummary::default();
        loop {
            if halt.load(Ordering::Relaxed) {
                return summary;
            }
            let Some(&(planned, work)) = cells.get(next.fetch_add(1, Ordering::Relaxed)) else {
                return summary;
            };
            if stop.load(Ordering::Relaxed) {
                summary.interrupted = true;
                return summary;
            }
            match folder.cell(&planned.hash) {
                CellState::Done(record) => {
                    let converged = converged(&record);
                    summary.reused += 1;
                    summary.count(record.status, converged);
                    observe(Event::CellReused {
                        hash: planned.hash.clone(),
                        status: record.status,
                        converged,
                    });
                    continue;
                }
                CellState::Damaged { path, reason } => {
                    observe(Event::DamagedCell { hash: planned.hash.clone(), path, reason });
                }
                CellState::Missing => {}
            }
            observe(Event::CellStarted { hash: planned.hash.clone() });
            let Outcome::Finished(finished) = run_cell(plan, planned, work, stop) else {
                summary.interrupted = true;
                return summary;
            };
            let record = &finished.record;
            let written = if let Some(curve) = &finished.curve {
                folder.write_cell(record, Some(curve), &finished.timing)
            } else {
                let (series, pictures) = (finished.series.as_ref(), &finished.pictures);
                folder.write_study(record, series, pictures, &finished.timing)
            };
            if let Err(error) = written {
                halt.store(true, Ordering::Relaxed);
                if let Ok(mut broken) = broken.lock() {
                    broken.get_or_insert(error);
                }
                return summary;
            }
            let converged = converged(record);
            summary.done += 1;
            summary.count(record.status, converged);
            observe(Event::CellFinished { hash: planned.hash.clone(), status: record.status, converged });
        }
    });
    if let Ok(Some(error)) = broken.into_inner() {
        return Err(error.into());
    }
    let mut total = RunSummary::default();
    for summary in &summaries {
        total.add(summary);
    }
    if !total.interrupted {
        folder.finish()?;
    }
    Ok(total)
}
