//! `errand send`: another message; queued, steering, or only when the agent is free. `errand restore`.

use super::{Cx, prompt};
use crate::args::Send;
use crate::args::build::Restore;
use crate::exit::Exit;
use crate::live::view::{Prompts, Scope, View};
use crate::live::{self, Until, Watching};
use crate::style::{Line, Style};
use crate::{lookup, text};
use anyhow::Result;
use protocol::api::agents::Agent;
use protocol::api::runs::{CreateRestore, CreateRun, CreatedRun};
use protocol::ids::RunId;
use protocol::input::WhenBusy;
use serde_json::json;

pub(super) async fn send(cx: Cx<'_>, arguments: &Send) -> Result<Exit> {
    let Cx { client, output } = cx;
    let message = prompt::prompt(&arguments.text, &arguments.how)?;
    let agent = lookup::agent(&client, &arguments.agent).await?;
    let body = CreateRun {
        prompt: message,
        mcp_servers: None,
        mode: prompt::mode(&arguments.how),
        model: prompt::model(&arguments.how),
        env_vars: prompt::env(&arguments.how),
        when_busy: Some(when_busy(arguments)),
        // Chosen here, so that a message sent twice over a bad line is taken once.
        run_id: Some(RunId::from_uuid(uuid::Uuid::new_v4()).to_string()),
    };
    let created: CreatedRun = client.post_once(&["agents", &agent.id, "runs"], &body).await?;
    follow(Cx { client, output }, &agent, &created, arguments.how.detach).await
}

/// `errand restore`: a run that puts the files back.
pub(super) async fn restore(cx: Cx<'_>, arguments: &Restore) -> Result<Exit> {
    let Cx { client, output } = cx;
    let agent = lookup::agent(&client, &arguments.agent).await?;
    let body = CreateRestore { run_id: arguments.run.clone() };
    let created: CreatedRun = client.post(&["agents", &agent.id, "restores"], &body).await?;
    follow(Cx { client, output }, &agent, &created, arguments.detach).await
}

/// Says what became of a message, and shows its run.
async fn follow(cx: Cx<'_>, agent: &Agent, created: &CreatedRun, detach: bool) -> Result<Exit> {
    let Cx { client, output } = cx;
    if output.is_for_program() {
        let line = if detach {
            json!(created)
        } else {
            json!({ "type": "created", "run": created.run, "steered": created.steered })
        };
        output.json(&line)?;
    } else {
        output.line(told(created, &agent.name))?;
    }
    if detach {
        return Ok(Exit::Done);
    }
    let id = lookup::id_of(agent)?;
    let run = lookup::run_id(&created.run.id)?;
    let mut view = View::new(text::short_id(&agent.id), Scope::Only(run), Prompts::Hidden);
    if created.steered {
        view.knows(run, "", true);
    }
    live::watch(
        &client,
        output,
        Watching { agent: id, after: agent.seq, until: Until::Ended(run), view },
    )
    .await
}

const fn when_busy(arguments: &Send) -> WhenBusy {
    match (arguments.steer, arguments.refuse) {
        (true, _) => WhenBusy::Steer,
        (false, true) => WhenBusy::Refuse,
        (false, false) => WhenBusy::Queue,
    }
}

fn told(created: &CreatedRun, name: &str) -> Line {
    let how = match (created.steered, created.run.status.as_str()) {
        (true, _) => "steers",
        (false, "CREATING") => "accepted as",
        (false, _) => "starts",
    };
    Line::of(Style::Bold, name).and(Style::Dim, format!("  {how} {}", created.run.id))
}
