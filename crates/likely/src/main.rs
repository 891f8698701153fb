//! The command line of Likely.

mod answer;
mod args;
mod compare;
mod distance;
mod doctor;
mod fetch;
mod grid;
mod interpolate;
mod interrupt;
mod list;
mod machine;
mod numbers;
mod pin;
mod plan;
mod progress;
mod report;
mod reproduce;
mod run;
mod specs;
mod train;
mod verify;

use answer::{Answer, Exit, Failure, message_of, say};
use args::{Cli, Command};
use clap::Parser;
use progress::Show;
use serde_json::{Value, json};
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = Cli::parse();
    if matches!(
        cli.command,
        Command::Run(_) | Command::Reproduce(_) | Command::Interpolate(_) | Command::Distance(_)
    ) {
        machine::settle_threads();
    }
    let mut answer = dispatch(&cli).unwrap_or_else(|error| {
        // Whatever is wrong with a spec, a file or a folder is for the user to mend, unless the error says otherwise.
        let exit = error.downcast_ref::<Failure>().map_or(Exit::Usage, |failure| failure.exit);
        let message = message_of(&error);
        say(&format!("likely: {message}"));
        Answer { exit, text: String::new(), json: json!({ "error": message }) }
    });
    if let Value::Object(document) = &mut answer.json {
        document.insert("exit".to_owned(), json!(answer.exit as u8));
    }
    // A reader that went away, as `head` does, has read what it wanted.
    let _ = answer.print(cli.json);
    ExitCode::from(answer.exit as u8)
}

fn dispatch(cli: &Cli) -> anyhow::Result<Answer> {
    let show = Show::choose(cli.quiet);
    match &cli.command {
        Command::List(args) => list::list(args),
        Command::Plan(args) => plan::command(args),
        Command::Run(args) => run::command(args, show),
        Command::Reproduce(args) => reproduce::command(args, show),
        Command::Report(args) => report::command(args),
        Command::Verify(args) => verify::command(args),
        Command::Pin(args) => pin::command(args),
        Command::Compare(args) => compare::command(args),
        Command::Doctor(args) => Ok(doctor::command(args)),
        Command::Interpolate(args) => interpolate::command(args, show),
        Command::Distance(args) => distance::command(args, show),
        Command::Train(args) => train::command(args, show),
        Command::Fetch(args) => fetch::command(args, show),
    }
}
