//! `errand watch`: comes back to an agent; nothing is missed.

use super::Cx;
use crate::args::Watch;
use crate::client::Client;
use crate::exit::Exit;
use crate::live::view::{Prompts, Scope, View};
use crate::live::{self, Until, Watching};
use crate::screen::{self, Beginning};
use crate::style::{Line, Style};
use crate::{lookup, text};
use anyhow::Result;
use protocol::api::agents::Agent;
use protocol::api::runs::Run;
use std::io::IsTerminal as _;

pub(super) async fn watch(cx: Cx<'_>, arguments: &Watch) -> Result<Exit> {
    let Cx { client, output } = cx;
    let agent = lookup::agent(&client, &arguments.agent).await?;
    let is_whole = output.is_terminal() && std::io::stdin().is_terminal();
    if is_whole && !output.is_for_program() && !arguments.plain && arguments.run.is_none() {
        let Watching { after, view, .. } = watching(&client, &agent, arguments).await?;
        return screen::watch(&client, Beginning { agent, after, view }).await;
    }
    if !output.is_for_program() {
        output
            .line(Line::of(Style::Bold, &agent.name).and(Style::Dim, format!("  {}", agent.id)))?;
    }
    let watching = watching(&client, &agent, arguments).await?;
    live::watch(&client, output, watching).await
}

async fn watching(client: &Client, agent: &Agent, arguments: &Watch) -> Result<Watching> {
    let id = lookup::id_of(agent)?;
    let view = |scope| View::new(text::short_id(&agent.id), scope, Prompts::Shown);
    if let Some(run) = &arguments.run {
        let run = lookup::run_id(run)?;
        // Asked for, so that a run of another agent is an error now and not a wait without end.
        client.get::<Run>(&["agents", &agent.id, "runs", &run.to_string()], &[]).await?;
        return Ok(Watching {
            agent: id,
            after: 0,
            until: Until::Ended(run),
            view: view(Scope::Only(run)),
        });
    }
    if arguments.live {
        let mut view = view(Scope::Everything);
        for run in lookup::open_runs(client, agent).await? {
            view.knows(lookup::run_id(&run.id)?, &run.prompt_text, run.status == "RUNNING");
        }
        // One more than there is: an idle agent is waited for.
        return Ok(Watching {
            agent: id,
            after: agent.seq,
            until: Until::Idle(agent.seq + 1),
            view,
        });
    }
    let scope = match arguments.from_start {
        true => Scope::Everything,
        false => {
            let open = lookup::open_runs(client, agent).await?;
            let run = open.first().map_or(&agent.latest_run_id, |run| &run.id);
            Scope::Since(lookup::run_id(run)?)
        }
    };
    Ok(Watching { agent: id, after: 0, until: Until::Idle(agent.seq), view: view(scope) })
}
