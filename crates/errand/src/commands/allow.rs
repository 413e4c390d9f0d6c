//! `errand allow`: lets an agent reach a host that its environment does not name, have its secrets although what
//! configures it is not what its repository's default branch has, or send to hosts although of what it read, its secrets
//! and its ways out it should have two, or push what stopped a push.

use super::Cx;
use crate::args::Allow;
use crate::exit::Exit;
use crate::lookup;
use crate::style::{Line, Style};
use anyhow::Result;
use protocol::api::IdBody;
use protocol::api::agents::{
    Agent, AllowConfiguration, AllowFlow, AllowHost, AllowScope, AllowStop, FlowState, StopBody,
};

pub(super) async fn allow(cx: Cx<'_>, arguments: Allow) -> Result<Exit> {
    let agent = lookup::agent(&cx.client, &arguments.agent).await?;
    let Some(host) = arguments.host else {
        return match (arguments.flow, &arguments.reason) {
            (true, _) => flow(cx, &agent).await,
            (false, Some(reason)) => push(cx, &agent, &arguments.mark, reason).await,
            (false, None) => configuration(cx, &agent).await,
        };
    };
    let Cx { client, output } = cx;
    let (scope, how_long) = match (arguments.run, arguments.environment) {
        (true, _) => (AllowScope::Run, " until its run ends"),
        (false, true) => (AllowScope::Environment, " for all agents of its repositories"),
        (false, false) => (AllowScope::Agent, ""),
    };
    let body = AllowHost { entry: host, scope };
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

/// What is allowed is what the agent shows now.
async fn configuration(Cx { client, output }: Cx<'_>, agent: &Agent) -> Result<Exit> {
    let withheld: Vec<_> = agent.configurations.iter().filter(|one| one.is_withheld).collect();
    for one in &withheld {
        let body = AllowConfiguration { digest: one.digest.clone() };
        let _done: IdBody = client.post(&["agents", &agent.id, "configuration"], &body).await?;
        if !output.is_for_program() {
            let line = Line::of(Style::Plain, "allowed: configuration of ");
            output.line(line.and(Style::Bold, &one.repo_url).and(Style::Dim, &one.digest))?;
        }
    }
    match (output.is_for_program(), withheld.is_empty()) {
        (true, _) => output.json(&IdBody { id: agent.id.clone() })?,
        (false, true) => output.line(Line::of(Style::Plain, "nothing is withheld"))?,
        (false, false) => {}
    }
    Ok(Exit::Done)
}

/// What is allowed is what stopped the push that the agent shows now.
async fn push(
    Cx { client, output }: Cx<'_>,
    agent: &Agent,
    marks: &[String],
    reason: &str,
) -> Result<Exit> {
    let is_meant =
        |stop: &&StopBody| !stop.is_allowed && (marks.is_empty() || marks.contains(&stop.mark));
    let stops: Vec<_> = agent.stops.iter().filter(is_meant).collect();
    for stop in &stops {
        let body = AllowStop { mark: stop.mark.clone(), reason: reason.to_owned() };
        let _done: IdBody = client.post(&["agents", &agent.id, "stops"], &body).await?;
        if !output.is_for_program() {
            let line = Line::of(Style::Plain, "allowed: ").and(Style::Bold, place(stop));
            output.line(
                line.and(Style::Plain, format!(" {} ", stop.why)).and(Style::Dim, &stop.rule),
            )?;
        }
    }
    let next = match stops.is_empty() {
        true => "nothing stops its pushes".to_owned(),
        false => format!("it is pushed after the next run: `errand send {} ...`", agent.id),
    };
    match output.is_for_program() {
        true => output.json(&IdBody { id: agent.id.clone() })?,
        false => output.line(Line::of(Style::Plain, next))?,
    }
    Ok(Exit::Done)
}

/// Where something is that may not leave.
pub(super) fn place(stop: &StopBody) -> String {
    match (&stop.path, stop.line) {
        (Some(path), Some(line)) => format!("{path}:{line}:"),
        (Some(path), None) => format!("{path}:"),
        (None, _) => "a commit's message:".to_owned(),
    }
}

/// What is allowed is what the agent has read by now.
async fn flow(Cx { client, output }: Cx<'_>, agent: &Agent) -> Result<Exit> {
    let is_closed = match agent.flow.state {
        FlowState::Closed | FlowState::Waiting => true,
        FlowState::Apart | FlowState::Allowed | FlowState::Recorded => false,
    };
    if is_closed {
        let body = AllowFlow { integrity: agent.flow.integrity };
        let _done: IdBody = client.post(&["agents", &agent.id, "flow"], &body).await?;
    }
    match (output.is_for_program(), is_closed) {
        (true, _) => output.json(&IdBody { id: agent.id.clone() })?,
        (false, false) => output.line(Line::of(Style::Plain, "nothing is closed"))?,
        (false, true) => {
            let line = Line::of(Style::Plain, "allowed: sending to ");
            output.line(line.and(Style::Bold, agent.flow.outward.join(", ")))?;
        }
    }
    Ok(Exit::Done)
}
