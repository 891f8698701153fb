//! What trainings say while they work: a bar each on a terminal, lines elsewhere, on standard error.

use super::line::Progress;
use crate::answer::say;
use crate::progress::Show;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Where there are no bars, a training says a line so often.
const BETWEEN_LINES: Duration = Duration::from_secs(10);

/// Progress of all trainings.
pub(crate) struct Board {
    show: Show,
    bars: MultiProgress,
    of: BTreeMap<String, (ProgressBar, Option<Instant>)>,
}

impl Board {
    pub(crate) fn new(show: Show) -> Self {
        let target = match show {
            Show::Bar => ProgressDrawTarget::stderr(),
            Show::Nothing | Show::Lines => ProgressDrawTarget::hidden(),
        };
        Self { show, bars: MultiProgress::with_draw_target(target), of: BTreeMap::new() }
    }

    /// Takes note of where the training `id` stands.
    pub(crate) fn observe(&mut self, id: &str, progress: &Progress) {
        let bars = &self.bars;
        let (bar, said) = self.of.entry(id.to_owned()).or_insert_with(|| {
            let bar = bars.add(ProgressBar::new(progress.steps));
            // A template that does not parse leaves the plain bar.
            if let Ok(style) = ProgressStyle::with_template("{prefix} [{bar:30}] {pos}/{len} {elapsed} {msg}")
            {
                bar.set_style(style.progress_chars("=> "));
            }
            bar.set_prefix(id.to_owned());
            (bar, None)
        });
        let words = words(progress);
        bar.set_position(progress.step);
        bar.set_message(words.clone());
        let now = Instant::now();
        let due = said.is_none_or(|said| now - said >= BETWEEN_LINES) || progress.step == progress.steps;
        if self.show == Show::Lines && due {
            *said = Some(now);
            say(&format!("{id}: step {} of {}, {words}", progress.step, progress.steps));
        }
    }

    /// Takes the bar of a training away and says how it ended.
    pub(crate) fn ended(&mut self, id: &str, line: &str) {
        if let Some((bar, _)) = self.of.remove(id) {
            bar.finish_and_clear();
        }
        let show = self.show;
        self.bars.suspend(|| show.line(&format!("{id}: {line}")));
    }
}

/// Loss, learning rate, speed and time left in words.
fn words(progress: &Progress) -> String {
    let Progress { step, steps, loss, rate, speed } = *progress;
    let left = if speed > 0.0 { span((steps - step.min(steps)) as f64 / speed) } else { "?".to_owned() };
    format!("loss {loss:.5}, rate {rate:.3e}, {speed:.0} steps/s, {left} left")
}

/// A span of time, to the second below an hour and to the minute above.
pub(crate) fn span(seconds: f64) -> String {
    let seconds = seconds.round() as u64;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_in_words() {
        let progress = Progress { step: 100, steps: 1000, loss: 0.5, rate: 1e-3, speed: 10.0 };
        assert_eq!(words(&progress), "loss 0.50000, rate 1.000e-3, 10 steps/s, 1 min 30 s left");
        assert_eq!(span(3725.0), "1 h 2 min");
        assert_eq!(span(0.4), "0 s");
    }
}
