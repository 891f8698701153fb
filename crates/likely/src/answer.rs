//! What a command has to say, and how the program ends.

use serde_json::Value;
use std::fmt;
use std::io::{self, Write};

/// How the program ends; the numbers are part of its interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    Fine = 0,
    Moved = 1,
    Usage = 2,
    Incomplete = 3,
    NothingMeasured = 4,
    Interrupted = 130,
}

impl Exit {
    /// The worse of two, for commands that do several things.
    pub(crate) fn and(self, other: Self) -> Self {
        let rank = |exit: Self| match exit {
            Self::Fine => 0,
            Self::Incomplete => 1,
            Self::NothingMeasured => 2,
            Self::Moved => 3,
            Self::Usage => 4,
            Self::Interrupted => 5,
        };
        if rank(other) > rank(self) { other } else { self }
    }
}

/// An error together with the way in which it ends the program.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) message: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl Failure {
    /// An error that a user makes.
    pub(crate) fn usage(message: impl Into<String>) -> anyhow::Error {
        Self { exit: Exit::Usage, message: message.into() }.into()
    }

    /// An error that ends the program with `exit`.
    pub(crate) fn ending(exit: Exit, message: impl Into<String>) -> anyhow::Error {
        Self { exit, message: message.into() }.into()
    }
}

/// What a command has to say.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) exit: Exit,
    pub(crate) text: String,
    pub(crate) json: Value,
}

impl Answer {
    /// Prints the answer to standard output, as text or as one JSON document.
    pub(crate) fn print(&self, json: bool) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if json {
            serde_json::to_writer_pretty(&mut out, &self.json)?;
            writeln!(out)?;
        } else {
            out.write_all(self.text.as_bytes())?;
        }
        out.flush()
    }
}

/// Writes a line to standard error; there is nobody to tell when that fails.
pub(crate) fn say(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// The error with its causes, without those whose words it already has.
pub(crate) fn message_of(error: &anyhow::Error) -> String {
    error.chain().fold(String::new(), |message, cause| {
        let words = cause.to_string();
        if message.is_empty() {
            words
        } else if message.contains(&words) {
            message
        } else {
            format!("{message}: {words}")
        }
    })
}
