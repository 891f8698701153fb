//! `likely run`, and running one experiment for the other commands.

use crate::answer::{Answer, Exit, Failure};
use crate::args;
use crate::grid::TextGrid;
use crate::progress::{Progress, Show};
use crate::{interrupt, machine, specs, verify};
use anyhow::Context;
use likely_experiment::{Plan, RunSummary, Spec, Tier, Verification};
use likely_models::OpenDevice;
use likely_record::{CellRecord, Pinned, Run, RunFolder, Status};
use serde_json::json;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// What running needs beside the spec.
pub(crate) struct Runner<'a> {
    tier: Tier,
    results: &'a Path,
    pool: rayon::ThreadPool,
    stop: &'static AtomicBool,
    show: Show,
    device: OpenDevice,
}

/// An experiment that was run, reported and compared.
pub(crate) struct Finished {
    pub(crate) run: Run,
    pub(crate) summary: RunSummary,
    pub(crate) verification: Verification,
    // Nobody else writes to the folder until the report is drawn.
    _folder: RunFolder,
}

impl<'a> Runner<'a> {
    pub(crate) fn new(work: &'a args::Work, show: Show) -> anyhow::Result<Self> {
        let device = work.on.open()?;
        let threads = work.threads.map_or_else(machine::threads, NonZeroUsize::get);
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .map_err(|error| Failure::usage(format!("cannot start {threads} threads: {error}")))?;
        let stop = interrupt::install()?;
        Ok(Self { tier: work.tier, results: &work.results, pool, stop, show, device })
    }

    /// Plans a spec.
    pub(crate) fn plan(&self, spec: &Spec) -> anyhow::Result<Plan> {
        let options = machine::plan_options(true, &self.device)?;
        // A model that evaluates large batches on all threads has no more of them here than anywhere else.
        Ok(self.pool.install(|| Plan::new(spec, self.tier, &options))?)
    }

    /// Which of the specs have pinned numbers, in their order; a damaged file is told before anything is computed.
    pub(crate) fn pinned(&self, specs: &[Spec]) -> anyhow::Result<Vec<bool>> {
        let there = |spec: &Spec| -> anyhow::Result<bool> {
            let path = Pinned::path(self.results, spec.id(), self.tier.id())?;
            Ok(Pinned::read(&path)?.is_some())
        };
        specs.iter().map(there).collect()
    }

    /// Computes what is missing of a plan, compares it with pinned and published numbers, and draws its report.
    pub(crate) fn run(&self, spec: &Spec, plan: &Plan) -> anyhow::Result<Finished> {
        let provenance = machine::provenance(spec, plan, self.pool.current_num_threads())?;
        let folder = RunFolder::create_or_resume(
            &self.results.join("runs"),
            plan.record(),
            plan.presentation(),
            &provenance,
            plan.resolved_spec(),
        )?;
        let progress = Progress::new(self.show, plan);
        let summary = likely_experiment::run(plan, &folder, &self.pool, self.stop, &|event| {
            progress.observe(event);
        });
        progress.finish();
        let summary = summary?;
        let run = Run::read(folder.path())?;
        let verification = verify::of_run(&run, self.results)?;
        if !summary.interrupted {
            likely_report::write_run(&run, &verification.rows)
                .with_context(|| format!("drawing the report of {}", folder.path().display()))?;
        }
        Ok(Finished { run, summary, verification, _folder: folder })
    }
}

impl Finished {
    /// How computing ended, whatever the numbers are.
    pub(crate) fn exit(&self) -> Exit {
        if self.summary.interrupted {
            Exit::Interrupted
        } else if self.summary.failed > 0 || !self.run.missing.is_empty() {
            Exit::Incomplete
        } else if self.run.cells.iter().all(|cell| cell.status != Status::Ok) {
            Exit::NothingMeasured
        } else {
            Exit::Fine
        }
    }

    /// The row of this experiment in the JSON of `run` and `reproduce`.
    pub(crate) fn json(&self) -> serde_json::Value {
        let summary = &self.summary;
        let failed: Vec<_> = self
            .run
            .cells
            .iter()
            .filter(|cell| cell.status == Status::Failed)
            .map(|cell| json!({ "hash": cell.key.hash(), "key": cell.key, "reason": cell.reason }))
            .collect();
        json!({
            "experiment": self.run.plan.experiment,
            "tier": self.run.plan.tier,
            "folder": self.run.path,
            "report": self.run.path.join("report.html"),
            "cells": self.run.plan.cells.len(),
            "computed": summary.done,
            "reused": summary.reused,
            "skipped": summary.skipped,
            "failed": summary.failed,
            "unconverged": summary.unconverged,
            "missing": self.run.missing.len(),
            "interrupted": summary.interrupted,
            "workers-used": summary.workers_used,
            "failures": failed,
            "outcome": verify::outcome_id(self.verification.outcome()),
        })
    }

    /// A line for each cell that failed.
    pub(crate) fn failures(&self) -> String {
        let failed = self.run.cells.iter().filter(|cell| cell.status == Status::Failed);
        let line = |cell: &CellRecord| {
            let reason = cell.reason.as_deref().unwrap_or("no reason given");
            ["failed: ", &crate::numbers::cell(&(&cell.key).into()), ": ", reason, "\n"].concat()
        };
        failed.map(line).collect()
    }
}

pub(crate) fn command(args: &args::RunArgs, show: Show) -> anyhow::Result<Answer> {
    let specs = specs::read_all(&args.specs)?;
    let runner = Runner::new(&args.work, show)?;
    runner.pinned(&specs)?;
    let mut grid = TextGrid::new([
        "experiment",
        "tier",
        "cells",
        "computed",
        "reused",
        "skipped",
        "failed",
        "not converged",
        "folder",
    ]);
    let mut answer = Answer { exit: Exit::Fine, text: String::new(), json: json!(null) };
    let mut documents = Vec::new();
    for spec in &specs {
        let finished = runner.run(spec, &runner.plan(spec)?)?;
        answer.exit = answer.exit.and(finished.exit());
        let summary = &finished.summary;
        grid.row([
            finished.run.plan.experiment.clone(),
            finished.run.plan.tier.clone(),
            finished.run.plan.cells.len().to_string(),
            summary.done.to_string(),
            summary.reused.to_string(),
            summary.skipped.to_string(),
            summary.failed.to_string(),
            summary.unconverged.to_string(),
            finished.run.path.display().to_string(),
        ]);
        answer.text.push_str(&finished.failures());
        documents.push(finished.json());
        if summary.interrupted {
            answer.text.push_str("interrupted; the same command finishes what is missing\n");
            break;
        }
    }
    answer.text.insert_str(0, &grid.text());
    answer.json = json!({ "runs": documents });
    Ok(answer)
}
