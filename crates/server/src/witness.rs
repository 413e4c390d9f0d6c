//! Which process inside was denied a connection: asked of the guest, cleaned, and kept with the denial.

use crate::app::{App, AppCell};
use crate::redact;
use anyhow::Result;
use futures::future::BoxFuture;
use gateway::audit::Peer;
use gateway::witness::{Caller, Witness};
use protocol::ids::OrgId;
use protocol::link::{Answer, CAPABILITY_OWNER, Request};
use protocol::process::Process;

/// Characters of a program's name; the kernel keeps 15.
const NAME_CHARS: usize = 64;
/// Characters of a command line that are kept.
const COMMAND_CHARS: usize = 300;

impl Witness for AppCell {
    fn owner(&self, peer: Peer, from: Caller) -> BoxFuture<'_, Option<Process>> {
        Box::pin(async move {
            let app = self.get()?;
            asked(&app, peer, from).await.unwrap_or_else(|error| {
                tracing::debug!(agent.id = %peer.agent, error = format!("{error:#}"), "who was denied is not known");
                None
            })
        })
    }
}

async fn asked(app: &App, peer: Peer, from: Caller) -> Result<Option<Process>> {
    let machine = app.machines.get(peer.agent).filter(|machine| machine.epoch == peer.epoch);
    let Some(machine) = machine.filter(|machine| machine.link.can(CAPABILITY_OWNER)) else {
        return Ok(None);
    };
    let Caller { transport, address } = from;
    let answer = machine.link.request(Request::Owner { transport, address }).await?;
    let Answer::Owner { process: Some(process) } = answer else { return Ok(None) };
    let handle = app.agents.handle(&OrgId::default_org(), peer.agent);
    let redactor = redact::of_agent(app, &handle.org, handle.view().await?.living()?).await?;
    let command = redactor.text(&process.command);
    Ok(Some(Process {
        pid: process.pid,
        name: shown(&redactor.text(&process.name), NAME_CHARS),
        command: shown(&command, COMMAND_CHARS),
    }))
}

/// In one line, and no longer than this.
fn shown(text: &str, limit: usize) -> String {
    let plain = |char: char| if char.is_control() { ' ' } else { char };
    match text.char_indices().nth(limit) {
        Some((end, _)) => {
            text.get(..end).unwrap_or_default().chars().map(plain).chain(['…']).collect()
        }
        None => text.chars().map(plain).collect(),
    }
}
