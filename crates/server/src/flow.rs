//! The rule of two while agents run (`agent::flow` decides): what the gateway is about to pass on is noted before it is
//! passed on, and what follows from that holds by then.
//!
//! ```text
//!   first answer of a kind ─► note ─► IntegrityLowered ─► egress::follow ─► the gateway closes ─► the answer
//! ```
//!
//! TRUST: it is in the log before anything was read, so a server that dies in between comes back to an agent that has
//! read it, at worst to one that might have. What an `install` of reviewed text fetches is part of the disk that it
//! prepares, like a package, and is not noted.

use crate::app::{App, AppCell};
use crate::effects::check;
use crate::egress;
use agent::flow::Flow;
use anyhow::Result;
use futures::future::BoxFuture;
use gateway::audit::Peer;
use gateway::host::Authority;
use gateway::pattern::Pattern;
use gateway::policy::{Closed, DenialCode};
use gateway::reading::{Noted, Readings, Whose};
use protocol::api::agents::{FlowBody, FlowState};
use protocol::event::{Event, Logged};
use protocol::failure::Refusal;
use protocol::flow::{Integrity, Reading, WhenAllThree};
use protocol::ids::OrgId;

/// Secrets that are named in a sentence.
const NAMES: usize = 5;

impl Readings for AppCell {
    fn note(
        &self,
        peer: Peer,
        host: &Authority,
        whose: Whose,
    ) -> BoxFuture<'_, Result<Noted, String>> {
        let app = self.get();
        let reading = reading(host, whose);
        Box::pin(async move {
            let app = app.ok_or("the server is not ready")?;
            noted(&app, peer, reading).await.map_err(|error| {
                tracing::warn!(agent.id = %peer.agent, error = format!("{error:#}"), "what is read was not noted");
                "its log could not be written".to_owned()
            })
        })
    }
}

fn reading(host: &Authority, whose: Whose) -> Reading {
    let host = &host.host;
    match whose {
        Whose::Registry => {
            Reading { integrity: Integrity::Packages, source: format!("packages of {host}") }
        }
        Whose::Host => {
            Reading { integrity: Integrity::Web, source: format!("what {host} answered") }
        }
    }
}

async fn noted(app: &App, peer: Peer, reading: Reading) -> Result<Noted> {
    let handle = app.agents.handle(&OrgId::default_org(), peer.agent);
    let view = handle.view().await?;
    let living = view.living()?;
    let prepares = living.is_preparing()
        || living.is_to_be_narrowed(peer.epoch)
        || living.awaits_image().is_some()
        || living.settings.build.is_some();
    if prepares {
        return Ok(Noted::Later);
    }
    // What is read in there comes to no model.
    if peer.epoch == check::EPOCH {
        return Ok(Noted::Later);
    }
    let integrity = reading.integrity;
    if integrity < living.flow.integrity() {
        let lowered = Event::IntegrityLowered { epoch: peer.epoch, reading };
        if let Err(error) = handle.report(vec![lowered], None).await {
            // Somebody else may have been quicker.
            let is_known = handle.view().await?.living()?.flow.integrity() <= integrity;
            anyhow::ensure!(is_known && error.is::<Refusal>(), error);
        }
    }
    // Also where somebody else noted it: what follows may not hold yet.
    egress::follow(app, &handle).await?;
    Ok(Noted::Once)
}

/// What is left to an agent whose ways out are closed, and what it is told.
pub fn closed(flow: &Flow, reading: &Reading, own: Vec<Pattern>) -> Closed {
    let why = why(flow, reading);
    let how = "`errand allow AGENT --flow`, or on the agent's page";
    let (code, words) = match flow.legs.when_all_three {
        WhenAllThree::Ask => (
            DenialCode::FlowWaiting,
            format!("waiting for a person, since {why}. To allow it: {how}."),
        ),
        WhenAllThree::Narrow | WhenAllThree::Allow => (
            DenialCode::FlowClosed,
            format!(
                "{why}, so it only reads from hosts, and sends where it uses a grant. A person can allow more: {how}."
            ),
        ),
    };
    Closed { own, code, words }
}

fn why(flow: &Flow, reading: &Reading) -> String {
    let secrets = names(&flow.legs.secrets);
    format!(
        "the agent has read {}, which nobody here wrote, and has secrets ({secrets})",
        reading.source
    )
}

fn names(all: &[String]) -> String {
    let shown: Vec<_> = all.iter().take(NAMES).map(String::as_str).collect();
    match all.len().saturating_sub(NAMES) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// What people are shown.
pub fn shown(flow: &Flow) -> FlowBody {
    let state = match flow.meeting() {
        None => FlowState::Apart,
        Some(_) if flow.is_allowed() => FlowState::Allowed,
        Some(_) => match flow.legs.when_all_three {
            WhenAllThree::Allow => FlowState::Recorded,
            WhenAllThree::Ask => FlowState::Waiting,
            WhenAllThree::Narrow => FlowState::Closed,
        },
    };
    let by = flow.allowed.as_ref().filter(|_| state == FlowState::Allowed);
    FlowBody {
        integrity: flow.integrity(),
        readings: flow.readings.clone(),
        secrets: flow.legs.secrets.clone(),
        outward: flow.legs.outward.clone(),
        state,
        allowed_by: by.map(|(_, principal)| principal.clone()),
    }
}

/// What a pull request says where all three met and nothing was closed.
pub fn note(log: &[Logged]) -> Option<String> {
    let mut flow = Flow::default();
    let mut open = None;
    for logged in log {
        flow.apply(&logged.event);
        let Some(reading) = flow.meeting().filter(|_| !flow.is_closed()) else { continue };
        let whose = match &flow.allowed {
            Some((_, principal)) if flow.is_allowed() => format!("{principal} allowed that"),
            Some(_) | None => "this server allows that".to_owned(),
        };
        open = Some(format!("While {}, it could carry data out: {whose}.", why(&flow, reading)));
    }
    open
}
