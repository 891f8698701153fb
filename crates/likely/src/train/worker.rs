//! One training in a process of its own, with one thread, so that candle neither spins nor shares.

use super::card::card;
use super::files::{Files, describe, is_result_of};
use super::line::{Ended, HeldOut, Line, Outcome, Progress};
use crate::answer::{Answer, Exit, Failure, message_of};
use crate::{args, interrupt};
use anyhow::Context;
use likely_experiment::{Prepared, TrainingSpec};
use likely_models::training::{EARLY, Identity, Parameters, State, TrainingError};
use likely_models::{DATA, OpenDevice, StoredWeights, TRAINABLE};
use likely_record::write_atomic;
use serde_json::json;
use std::io::{Read, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// A line of progress at most so often.
const BETWEEN_LINES: Duration = Duration::from_millis(200);

/// Set when the program that started this one goes away or wants no more.
static LEFT: AtomicBool = AtomicBool::new(false);

/// Trains one spec and tells how it went, line by line, on standard output.
pub(crate) fn command(args: &args::Train) -> anyhow::Result<Answer> {
    let [path] = args.specs.as_slice() else {
        return Err(Failure::usage("a worker takes one spec"));
    };
    let stop = interrupt::install()?;
    std::thread::spawn(|| {
        let mut nothing = [0; 64];
        while std::io::stdin().read(&mut nothing).is_ok_and(|count| count > 0) {}
        LEFT.store(true, Ordering::SeqCst);
    });
    let mut work = Work::begin(path, args, stop)?;
    let ended = work.end();
    tell(&Line::Ended(Box::new(ended)));
    Ok(Answer { exit: Exit::Fine, text: String::new(), json: json!(null) })
}

/// Writes a line; where nobody reads, the end of standard input says so.
fn tell(line: &Line) {
    if let Ok(line) = serde_json::to_string(line) {
        let mut out = std::io::stdout().lock();
        let _ = writeln!(out, "{line}").and_then(|()| out.flush());
    }
}

struct Work<'a> {
    args: &'a args::Train,
    spec: TrainingSpec,
    prepared: Prepared,
    device: OpenDevice,
    files: Files,
    stop: &'static AtomicBool,
    ended: Ended,
}

impl<'a> Work<'a> {
    fn begin(path: &Path, args: &'a args::Train, stop: &'static AtomicBool) -> anyhow::Result<Self> {
        let spec = TrainingSpec::read(path, args.tier.of_training(), TRAINABLE, DATA)?;
        let prepared = spec.prepare()?;
        let device =
            if prepared.objective.takes_devices() { args.on.open()? } else { OpenDevice::cpu().clone() };
        let files = Files::of(&spec, args);
        let ended = Ended {
            id: spec.id().to_owned(),
            outcome: Outcome::Failed,
            message: None,
            step: 0,
            steps: 0,
            steps_now: 0,
            seconds: 0.0,
            parameters: 0,
            weights: files.weights.clone(),
            sha256: None,
            card: files.card.clone(),
            checkpoint: files.checkpoint.clone(),
            held_out: Vec::new(),
        };
        Ok(Self { args, spec, prepared, device, files, stop, ended })
    }

    /// Does the work and says how it ended.
    fn end(&mut self) -> Ended {
        let outcome = if self.args.check { self.check() } else { self.train() };
        match outcome {
            Ok(outcome) => self.ended.outcome = outcome,
            Err(error) => {
                let exit = error.downcast_ref::<Failure>().map_or(Exit::Usage, |failure| failure.exit);
                let failed = exit == Exit::Incomplete;
                self.ended.outcome = if failed { Outcome::Failed } else { Outcome::Refused };
                self.ended.message = Some(message_of(&error));
            }
        }
        self.ended.clone()
    }

    fn identity(&self, steps: u64) -> Identity {
        let program = concat!("likely ", env!("CARGO_PKG_VERSION"));
        let program = if self.device.is_cpu() {
            program.to_owned()
        } else {
            format!("{program} on {}", self.device.description())
        };
        Identity { program, spec: self.prepared.sha256(), data: self.prepared.data_sha256(), steps }
    }

    fn train(&mut self) -> anyhow::Result<Outcome> {
        let _lock = self.files.lock()?;
        let steps = self.prepared.training(self.args.steps)?.steps();
        self.ended.steps = steps;
        let identity = self.identity(steps);
        let before = match self.files.stored() {
            Ok(stored) => stored,
            // Damaged weights are there to be replaced, unless a short try would.
            Err(_) if self.args.steps.is_none() || self.args.force => None,
            Err(error) => return Err(error),
        };
        let current =
            before.as_ref().is_some_and(|stored| is_result_of(&stored.weights, &self.prepared, steps));
        if current
            && !self.args.again
            && let Some(stored) = &before
        {
            return self.up_to_date(stored);
        }
        if self.args.steps.is_some() && before.is_some() && !self.args.force {
            return Err(Failure::usage(format!(
                "{} is there and a short try does not replace it; name another folder with `--out`, or give `--force`",
                self.files.weights.display()
            )));
        }
        if self.args.restart {
            self.files.forget()?;
        }
        let Some(state) = self.run(&identity)? else { return Ok(Outcome::Interrupted) };
        let mut weights = state.parameters().to_weights()?;
        describe(&mut weights, &self.spec, &self.prepared, steps, state.early())?;
        if !self.device.is_cpu() {
            weights.metadata_mut().insert("device".to_owned(), self.device.description());
        }
        let bytes = weights.to_bytes();
        let sha256 = weights.sha256();
        self.ended.sha256 = Some(sha256.clone());
        let outcome = match &before {
            Some(stored) if stored.sha256 == sha256 => Outcome::Same,
            Some(stored) if current && !self.args.force => {
                self.ended.message = Some(format!(
                    "trained again, the weights have the SHA-256 {sha256}, but {} has {}; `--again --force` replaces it",
                    self.files.weights.display(),
                    stored.sha256
                ));
                return Ok(Outcome::Moved);
            }
            _ => Outcome::Trained,
        };
        let card = self.judged(state.parameters(), &sha256)?;
        if outcome == Outcome::Trained {
            write_atomic(&self.files.weights, &bytes)?;
        }
        self.write_card(&card)?;
        self.files.forget()?;
        Ok(outcome)
    }

    /// Trains to the end; nothing where it was interrupted, with a checkpoint kept.
    fn run(&mut self, identity: &Identity) -> anyhow::Result<Option<State>> {
        let mut training = self.prepared.training(self.args.steps)?.on(&self.device);
        let mut state = training.begin()?;
        self.ended.parameters = state.parameters().count();
        if let Some(kept) = self.files.resume(identity, state.parameters().clone())? {
            state = kept;
        }
        let first = state.step();
        let started = Instant::now();
        let (mut told, mut kept) = (started, started);
        let (mut losses, mut count) = (0.0, 0_u64);
        let between = Duration::from_secs(self.args.checkpoint_every.get());
        let mut trouble = None;
        let result = training.run(&mut state, &mut |state, progress| {
            losses += progress.loss;
            count += 1;
            let now = Instant::now();
            let stop = self.stop.load(Ordering::Relaxed) || LEFT.load(Ordering::Relaxed);
            if now - told >= BETWEEN_LINES || progress.step == progress.steps {
                let speed = (progress.step - first) as f64 / (now - started).as_secs_f64().max(1e-9);
                let loss = losses / count as f64;
                let (step, steps, rate) = (progress.step, progress.steps, progress.rate);
                tell(&Line::Progress(Progress { step, steps, loss, rate, speed }));
                (told, losses, count) = (now, 0.0, 0);
            }
            let last = progress.step == progress.steps;
            if stop || last || now - kept >= between {
                kept = now;
                if let Err(error) = self.files.keep(state, identity) {
                    trouble = Some(error);
                    return ControlFlow::Break(());
                }
            }
            if stop && !last { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        self.ended.step = state.step();
        self.ended.steps_now = state.step() - first;
        self.ended.seconds = started.elapsed().as_secs_f64();
        if let Some(error) = trouble {
            return Err(error);
        }
        match result {
            Ok(()) => Ok((state.step() == identity.steps).then_some(state)),
            Err(error @ TrainingError::NotFinite { .. }) => {
                self.files.keep(&state, identity)?;
                let checkpoint = self.files.checkpoint.display();
                let step = state.step();
                let message = format!("{error}; {checkpoint} keeps the last good state, after step {step}");
                Err(Failure::ending(Exit::Incomplete, message))
            }
            Err(error) => Err(Failure::ending(Exit::Incomplete, error.to_string())),
        }
    }

    /// Leaves weights as they are; a card that is not theirs is written again.
    fn up_to_date(&mut self, stored: &StoredWeights) -> anyhow::Result<Outcome> {
        self.ended.step = self.ended.steps;
        self.ended.parameters = stored.weights.count();
        self.ended.sha256 = Some(stored.sha256.clone());
        if !self.files.card_is_of(&self.spec, &stored.sha256) {
            let initial = self.prepared.training(self.args.steps)?.begin()?;
            let parameters = initial.parameters().with_values_of(&stored.weights)?;
            let card = self.judged(&parameters, &stored.sha256)?;
            self.write_card(&card)?;
        }
        Ok(Outcome::UpToDate)
    }

    fn judged(&mut self, parameters: &Parameters, sha256: &str) -> anyhow::Result<String> {
        let judgements = self
            .prepared
            .judge(parameters)
            .map_err(|error| Failure::ending(Exit::Incomplete, format!("on held-out points: {error}")))?;
        self.ended.held_out = judgements.iter().map(HeldOut::from).collect();
        Ok(card(&self.spec, &self.prepared, parameters, self.ended.steps, sha256, &judgements))
    }

    /// Writes the card, unless it is there with the same words.
    fn write_card(&self, card: &str) -> anyhow::Result<()> {
        if std::fs::read(&self.files.card).is_ok_and(|there| there == card.as_bytes()) {
            return Ok(());
        }
        write_atomic(&self.files.card, card.as_bytes())
            .with_context(|| format!("the card {} was not written", self.files.card.display()))
    }

    /// Trains the first steps again and compares them with what the weights say of theirs.
    fn check(&mut self) -> anyhow::Result<Outcome> {
        let mut training = self.prepared.training(None)?.on(&self.device);
        let steps = training.steps();
        self.ended.steps = steps;
        let weights = self.files.weights.display();
        let stored = self.files.stored()?.ok_or_else(|| {
            Failure::ending(Exit::NothingMeasured, format!("there is no {weights} to check; train first"))
        })?;
        self.ended.parameters = stored.weights.count();
        self.ended.sha256 = Some(stored.sha256.clone());
        if !is_result_of(&stored.weights, &self.prepared, steps) {
            let message =
                format!("{weights} is of another spec, other data or another number of steps; train again");
            self.ended.message = Some(message);
            return Ok(Outcome::Moved);
        }
        if !self.files.card_is_of(&self.spec, &stored.sha256) {
            let message = format!("{} is not the card of {weights}", self.files.card.display());
            self.ended.message = Some(message);
            return Ok(Outcome::Moved);
        }
        let mut state = training.begin()?;
        let started = Instant::now();
        training
            .run(&mut state, &mut |_, progress| {
                if progress.step >= EARLY { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })
            .map_err(|error| Failure::ending(Exit::Incomplete, error.to_string()))?;
        self.ended.step = state.step();
        self.ended.steps_now = state.step();
        self.ended.seconds = started.elapsed().as_secs_f64();
        let same = match state.early() {
            Some(early) => stored.weights.metadata().get("early-sha256").is_some_and(|known| known == early),
            // So short a training has ended.
            None => state.parameters() == &state.parameters().with_values_of(&stored.weights)?,
        };
        if same {
            return Ok(Outcome::Same);
        }
        self.ended.message = Some(format!(
            "after {} steps the parameters are others than when {weights} was trained; a processor with other vector instructions, or another device, can be the reason",
            state.step()
        ));
        Ok(Outcome::Moved)
    }
}
