//! `errand env`: the environment file of a repository, checked before any agent meets it.

mod find;
mod report;

use crate::args::env::Env;
use crate::exit::Exit;
use crate::output::Output;
use crate::style::{Shown, Style};
use anyhow::Result;
use protocol::environment::schema::schema;
use report::Report;
use std::path::Path;

pub(super) fn env(action: &Env, output: &mut Output) -> Result<Exit> {
    match action {
        Env::Check(arguments) => check(arguments.path.as_deref(), output),
        Env::Schema => print_schema(output),
    }
}

fn check(path: Option<&Path>, output: &mut Output) -> Result<Exit> {
    let report = Report::of(&find::find(path)?)?;
    match output.is_for_program() {
        true => output.json(&report)?,
        false => output.show(&report.lines())?,
    }
    Ok(if report.is_ok { Exit::Done } else { Exit::Failed })
}

fn print_schema(output: &mut Output) -> Result<Exit> {
    if output.is_for_program() {
        output.json(&schema())?;
    } else {
        let text = serde_json::to_string_pretty(&schema())?;
        output.show(&[Shown::Chunk(Style::Plain, text + "\n")])?;
    }
    Ok(Exit::Done)
}
