//! Which events of an agent's log stand in the audit log too. That one holds who, what and when, and names the event,
//! whose log tells the rest while the agent is there.

use super::windows::object;
use protocol::event::{Event, Logged, PushPlan, RepoSettings, Settings};
use protocol::ids::AgentId;
use serde_json::{Value, json};
use store::audit::NewRecord;

/// Who stands in events for Errand itself; no key may be called so.
pub const OWN_NAMES: [&str; 3] = ["errand", "retention", "default"];

/// Who did it, by the name that an event gives.
fn who(principal: &str) -> String {
    match OWN_NAMES.contains(&principal) {
        true => "server".to_owned(),
        false => format!("key:{principal}"),
    }
}

/// The record of an event, if it has one.
pub fn record(agent: AgentId, logged: &Logged) -> Option<NewRecord> {
    let (kind, who, details) = of_agent(&logged.event).or_else(|| of_work(&logged.event))?;
    Some(NewRecord {
        at_ms: logged.at_ms,
        kind,
        who,
        subject: None,
        agent: Some(agent),
        run: logged.event.run(),
        details: object(details),
        event: Some(logged.seq),
    })
}

type Told = (&'static str, String, Value);

/// What people do with agents.
fn of_agent(event: &Event) -> Option<Told> {
    let by = |kind, principal: &str| Some((kind, who(principal), json!({})));
    match event {
        Event::Opened { settings } => {
            Some(("agent.opened", who(&settings.principal), opened(settings)))
        }
        Event::Archived { principal } => by("agent.archived", principal),
        Event::Unarchived { principal } => by("agent.unarchived", principal),
        Event::DeleteRequested { principal } => by("agent.deleted", principal),
        Event::Asked { principal, .. } => by("run.asked", principal),
        Event::Steered { principal, .. } => by("run.steered", principal),
        Event::CancelRequested { principal, .. } => by("run.cancelled", principal),
        Event::QuestionAnswered { principal, .. } => by("question.answered", principal),
        Event::HostAllowed { entry, run, principal } => {
            let details = json!({ "entry": entry, "runOnly": run.is_some() });
            Some(("host.allowed", who(principal), details))
        }
        Event::ConfigurationAllowed { digest, principal } => {
            Some(("configuration.allowed", who(principal), json!({ "digest": digest })))
        }
        Event::StopAllowed { mark, reason, principal } => {
            Some(("push.allowed", who(principal), json!({ "mark": mark, "reason": reason })))
        }
        Event::FlowAllowed { integrity, principal } => {
            Some(("flow.allowed", who(principal), json!({ "integrity": integrity })))
        }
        Event::TerminalTaken { terminal, principal } => {
            Some(("terminal.taken", who(principal), json!({ "terminal": terminal })))
        }
        Event::Woken { principal } => by("machine.woken", principal),
        Event::SnapshotWanted { layer, principal, .. } => {
            Some(("machine.kept", who(principal), json!({ "layer": layer.to_string() })))
        }
        Event::PullRequestMerged { repo, number, commit, principal } => {
            let details = json!({ "repository": repo, "number": number, "commit": commit });
            Some(("pull_request.merged", who(principal), details))
        }
        Event::BranchUpdated { repo, number, base, previous, commit, principal } => {
            let details = json!({
                "repository": repo, "number": number, "base": base, "from": previous, "to": commit,
            });
            Some(("pull_request.updated", who(principal), details))
        }
        _ => None,
    }
}

/// What comes of it, by Errand.
fn of_work(event: &Event) -> Option<Told> {
    let (kind, details) = match event {
        Event::RunEnded { status, failure, .. } => {
            let code = failure.as_ref().map(|failure| &failure.code);
            ("run.ended", json!({ "status": status, "code": code }))
        }
        Event::NetworkNarrowed { epoch, secrets } => {
            ("network.narrowed", json!({ "epoch": epoch, "secrets": secrets }))
        }
        Event::AllThreeMet { reading, legs } => {
            ("flow.met", json!({ "reading": reading, "legs": legs }))
        }
        Event::SandboxUp { epoch, .. } => ("sandbox.up", json!({ "epoch": epoch })),
        Event::SandboxStopped { epoch } => ("sandbox.stopped", json!({ "epoch": epoch })),
        Event::SandboxLost { epoch, .. } => ("sandbox.lost", json!({ "epoch": epoch })),
        Event::Checked { report, .. } => {
            let ended = report.checks.iter().map(|check| check.exit_code).collect::<Vec<_>>();
            ("git.checked", json!({ "commit": report.commit, "exitCodes": ended }))
        }
        Event::Pushed { pushes, .. } => ("git.pushed", json!({ "pushes": pushed(pushes) })),
        Event::PushFailed { failure, .. } => ("git.push_failed", json!({ "code": failure.code })),
        Event::PullRequestPublished { pulls, .. } => {
            let links: Vec<_> = pulls.iter().map(|pull| &pull.link).collect();
            ("pull_request.published", json!({ "links": links }))
        }
        _ => return None,
    };
    Some((kind, "server".to_owned(), details))
}

fn opened(settings: &Settings) -> Value {
    let urls: Vec<_> = settings.repos.iter().map(|RepoSettings { url, .. }| url).collect();
    json!({
        "name": settings.name, "repositories": urls, "model": settings.model.id,
        "plainVariables": settings.env_names, "isBuild": settings.build.is_some(),
    })
}

fn pushed(pushes: &[PushPlan]) -> Vec<Value> {
    let all = pushes.iter().map(|PushPlan { url, branch, expected, commit }| {
        json!({ "repository": url, "branch": branch, "from": expected, "to": commit })
    });
    all.collect()
}
