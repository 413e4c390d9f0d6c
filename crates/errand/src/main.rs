//! The one binary: every command of a person, through one HTTP client.
//!
//! Read in this order: [`args`] says what can be typed, [`commands`] carries it out, [`client`]
//! speaks to the server, [`live`] turns events into lines, [`output`] writes them.

mod args;
mod commands;
mod exit;
mod settings;
mod contexts;
mod keychain;
mod client;
mod lookup;
mod repository;
mod sync;
mod live;
mod screen;
mod diff;
mod table;
mod style;
mod text;
mod vt;
mod output;
mod serve;
mod parts;

use anyhow::{Context, Result};
use args::{Arguments, Command};
use clap::Parser as _;
use exit::{Exit, Trouble};
use output::{Output, Reader};
use settings::Surroundings;
use std::io::ErrorKind;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let reader = if arguments.json { Reader::Program } else { Reader::Person };
    let (wants_colour, outcome) = match Surroundings::read() {
        Ok(around) => (around.wants_colour(), carry_out(arguments, &around, reader)),
        Err(error) => (false, Err(error)),
    };
    match outcome {
        Ok(exit) => exit.into(),
        Err(error) if is_closed_pipe(&error) => Exit::Done.into(),
        Err(error) => {
            // Nobody can be told that standard error is gone.
            drop(output::complain(&error, reader, wants_colour));
            error.downcast_ref::<Trouble>().map_or(Exit::Failed, |trouble| trouble.exit).into()
        }
    }
}

fn carry_out(mut arguments: Arguments, around: &Surroundings, reader: Reader) -> Result<Exit> {
    let around = &around.clone().in_context(arguments.context.take());
    if let Command::Serve(arguments) = &arguments.command {
        return serve::serve(arguments, around, reader);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("start the runtime")?;
    let mut output = Output::standard(reader, around.wants_colour());
    let exit = runtime.block_on(commands::carry_out(arguments.command, around, &mut output));
    // A thread may still wait for a line from the terminal; nobody needs it any more.
    runtime.shutdown_background();
    exit
}

/// Whoever read our output has enough of it: `errand diff x | head`.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
    })
}
