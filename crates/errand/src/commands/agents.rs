//! `errand archive`, `unarchive` and `rm`: the ends of an agent's life.

use super::Cx;
use crate::args::OneAgent;
use crate::exit::Exit;
use crate::lookup;
use crate::output::Output;
use crate::style::{Line, Style};
use anyhow::Result;
use protocol::api::IdBody;
use protocol::api::agents::Agent;

pub(super) async fn archive(cx: Cx<'_>, arguments: &OneAgent) -> Result<Exit> {
    let Cx { client, output } = cx;
    let agent = lookup::agent(&client, &arguments.agent).await?;
    let done = client.act(&["agents", &agent.id, "archive"]).await?;
    tell(output, "archived", &agent, &done)
}

pub(super) async fn unarchive(cx: Cx<'_>, arguments: &OneAgent) -> Result<Exit> {
    let Cx { client, output } = cx;
    let agent = lookup::agent(&client, &arguments.agent).await?;
    let done = client.act(&["agents", &agent.id, "unarchive"]).await?;
    tell(output, "takes messages again:", &agent, &done)
}

pub(super) async fn rm(cx: Cx<'_>, arguments: &OneAgent) -> Result<Exit> {
    let Cx { client, output } = cx;
    let agent = lookup::agent(&client, &arguments.agent).await?;
    let done = client.delete(&["agents", &agent.id]).await?;
    tell(output, "deleted", &agent, &done)
}

fn tell(output: &mut Output, what: &str, agent: &Agent, done: &IdBody) -> Result<Exit> {
    match output.is_for_program() {
        true => output.json(done)?,
        false => {
            let line = Line::of(Style::Plain, format!("{what} ")).and(Style::Bold, &agent.name);
            output.line(line.and(Style::Dim, format!("  {}", agent.id)))?;
        }
    }
    Ok(Exit::Done)
}
