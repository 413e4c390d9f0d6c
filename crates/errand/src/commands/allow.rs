//! `errand allow`: lets an agent reach a host that its environment does not name.

use super::Cx;
use crate::args::Allow;
use crate::exit::Exit;
use crate::lookup;
use crate::style::{Line, Style};
use anyhow::Result;
use protocol::api::IdBody;
use protocol::api::agents::{AllowHost, AllowScope};

pub(super) async fn allow(cx: Cx<'_>, arguments: Allow) -> Result<Exit> {
    let Cx { client, output } = cx;
    let agent = lookup::agent(&client, &arguments.agent).await?;
    let (scope, how_long) = match (arguments.run, arguments.environment) {
        (true, _) => (AllowScope::Run, " until its run ends"),
        (false, true) => (AllowScope::Environment, " for all agents of its repositories"),
        (false, false) => (AllowScope::Agent, ""),
    };
    let body = AllowHost { entry: arguments.host, scope };
    let done: IdBody = client.post(&["agents", &agent.id, "hosts"], &body).await?;
    match output.is_for_program() {
        true => output.json(&done)?,
        false => {
            let line = Line::of(Style::Plain, "allowed: ").and(Style::Bold, &body.entry);
            output.line(line.and(Style::Plain, how_long))?;
        }
    }
    Ok(Exit::Done)
}
