//! `errand cancel`: ends a run; the agent takes the next message.

use super::Cx;
use crate::args::Cancel;
use crate::exit::{Exit, Trouble};
use crate::lookup;
use crate::style::{Line, Style};
use anyhow::Result;
use protocol::api::IdBody;

pub(super) async fn cancel(cx: Cx<'_>, arguments: &Cancel) -> Result<Exit> {
    let Cx { client, output } = cx;
    let agent = lookup::agent(&client, &arguments.agent).await?;
    let run = match &arguments.run {
        Some(run) => lookup::run_id(run)?.to_string(),
        None => lookup::open_runs(&client, &agent)
            .await?
            .into_iter()
            .next()
            .map(|run| run.id)
            .ok_or_else(|| {
                Trouble::new(
                    Exit::Usage,
                    "run_not_cancellable",
                    "no run of this agent is active or waits, so there is nothing to cancel",
                )
            })?,
    };
    let done: IdBody = client.act(&["agents", &agent.id, "runs", &run, "cancel"]).await?;
    match output.is_for_program() {
        true => output.json(&done)?,
        false => output.line(Line::of(Style::Plain, "cancelled ").and(Style::Bold, &done.id))?,
    }
    Ok(Exit::Done)
}
