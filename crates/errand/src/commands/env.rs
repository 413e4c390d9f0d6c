//! `errand env`: the environment file of a repository, written by an agent, and checked before any other
//! meets it; and environments that the server keeps for repositories without one.

mod find;
mod init;
mod readiness;
mod report;
pub(super) mod saved;

pub(super) use init::init;

use crate::args::env::CheckEnv;
use crate::exit::Exit;
use crate::output::Output;
use crate::style::{Shown, Style};
use anyhow::Result;
use protocol::environment::schema::schema;
use report::Report;

pub(super) fn check(arguments: &CheckEnv, output: &mut Output) -> Result<Exit> {
    let report = Report::of(&find::find(arguments.path.as_deref())?)?;
    match output.is_for_program() {
        true => output.json(&report)?,
        false => output.show(&report.lines())?,
    }
    Ok(if report.is_ok { Exit::Done } else { Exit::Failed })
}

pub(super) fn print_schema(output: &mut Output) -> Result<Exit> {
    if output.is_for_program() {
        output.json(&schema())?;
    } else {
        let text = serde_json::to_string_pretty(&schema())?;
        output.show(&[Shown::Chunk(Style::Plain, text + "\n")])?;
    }
    Ok(Exit::Done)
}
