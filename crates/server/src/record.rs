//! What is signed about a pushed commit: who asked for what, with which model, on what machine, what was run and what was
//! let through. From our own log and settings, never from what the sandbox or the model says of itself; where a fact is
//! the sandbox's word, the record says so.
//!
//! ```text
//!   PushWanted ─► the remote has the commit ─► the log up to PushWanted ─► statement ─► envelope ─► kept, once ─► Pushed
//! ```
//!
//! Where the base names checks, the same follows `ChecksWanted` and comes before `Checked`. A record ends at the intent
//! of its effect, so doing it again tells the same. Nobody sees one that is not kept, and what
//! is kept is never replaced: a crash in between, or another key by then, makes no second record of a commit.

pub mod commit;
pub mod envelope;
pub mod signers;
#[cfg(test)]
mod tests;

use crate::api::show::shown_url;
use crate::app::App;
use crate::effects::Job;
use crate::egress;
use crate::evidence;
use crate::redact::{self, Redactor};
use agent::state::{Living, State};
use anyhow::{Context, Result};
use forge::describe::RecordFact;
use gateway::policy::Policy;
use protocol::api::records::RecordBody;
use protocol::api::timestamp;
use protocol::event::{Check, CheckReport, Event, Logged, PushPlan};
use protocol::ids::{AgentId, OrgId, RunId, Seq};
use protocol::limits::RECORD_ROWS;
use protocol::record::{
    CommitDigest, Execution, LogRoot, PREDICATE_TYPE, RecordBase, RecordException, RecordMachine,
    RecordMessage, RecordNetwork, RunRecord, STATEMENT_TYPE, Statement, Subject, Witness,
};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use store::Store;
use store::kv::Expect;

const KIND: &str = "run-record";
/// Characters of a command.
const COMMAND_CHARS: usize = 1000;
/// Records of one agent that are listed, or removed at once.
const LISTED: u16 = 1000;

/// Makes the record of a commit that was just checked.
pub async fn checked(job: &Job, run: RunId, report: &CheckReport) -> Result<()> {
    let log = job.handle.log(Seq(0)).await?;
    let push = log.iter().rev().find_map(|logged| match &logged.event {
        Event::Pushed { pushes, .. } => pushes.iter().find(|push| push.url == report.url),
        _ => None,
    });
    let push = push.filter(|push| push.commit == report.commit);
    make(job, run, push.context("what was checked was not pushed")?, &report.checks).await
}

/// What a record says that the server itself found, if there is one.
pub async fn found(job: &Job, url: &str, commit: &str) -> Result<Option<Vec<Check>>> {
    let kept = kept(&job.app.store, &job.handle.org, &key(job.handle.id, commit, url)).await?;
    let Some(body) = kept else { return Ok(None) };
    let (statement, _) = envelope::peek(&body).context("read a record")?;
    let own = statement.predicate.executions.into_iter().filter(|it| it.by == Witness::Errand);
    let checks = own.map(|it| Check {
        command: it.command,
        exit_code: it.exit_code,
        duration_ms: it.duration_ms,
        said: String::new(),
    });
    Ok(Some(checks.collect()))
}

/// Signs what is known about a commit that was pushed, and keeps it; a record that is kept stays as it is.
pub async fn make(job: &Job, run: RunId, push: &PushPlan, checks: &[Check]) -> Result<()> {
    let (app, org, agent) = (&job.app, &job.handle.org, job.handle.id);
    let key = key(agent, &push.commit, &push.url);
    if kept(&app.store, org, &key).await?.is_some() {
        return Ok(());
    }
    let mut log = job.handle.log(Seq(0)).await?;
    let intent = log.iter().rposition(|logged| match &logged.event {
        Event::PushWanted { key, .. } | Event::ChecksWanted { key, .. } => *key == job.key,
        _ => false,
    });
    log.truncate(intent.context("the intent is not in the log")? + 1);
    let state = folded(agent, &log);
    let living = state.living().context("there is no such agent")?;
    let mut record = of_log(run, &log, &redact::of_agent(app, org, living).await?);
    of_state(&mut record, living, push);
    record.executions.extend(checks.iter().map(own));
    record.network = network(&egress::policy(app, &job.handle).await?, living);
    record.log = root(&app.store, org, agent, state.seq).await?;
    let subject = Subject {
        name: shown_url(&push.url),
        digest: CommitDigest { git_commit: push.commit.clone() },
    };
    let statement = Statement {
        kind: STATEMENT_TYPE.to_owned(),
        subject: vec![subject],
        predicate_type: PREDICATE_TYPE.to_owned(),
        predicate: RunRecord { agent: agent.to_string(), ..record },
    };
    let body = envelope::seal(&statement, &*app.signer())?;
    // Somebody who was quicker has told the same.
    app.store.put(org, KIND, &key, Expect::Absent, &body).await?;
    Ok(())
}

fn folded(agent: AgentId, log: &[Logged]) -> State {
    let mut state = State::new(agent);
    log.iter().for_each(|logged| agent::apply(&mut state, logged));
    state
}

/// What events tell, up to the last of them.
fn of_log(run: RunId, log: &[Logged], redactor: &Redactor) -> RunRecord {
    let mut record = RunRecord { run: run.to_string(), ..RunRecord::default() };
    let (mut models, mut asked_by, mut started_ms) = (BTreeSet::new(), String::new(), None);
    for logged in log {
        match &logged.event {
            Event::Asked { run: of, prompt, options, principal } => {
                // What Errand asks for itself is part of what somebody asked for before.
                if !options.automatic || asked_by.is_empty() {
                    asked_by.clone_from(principal);
                }
                if *of == run {
                    record.requester.clone_from(&asked_by);
                }
                record.messages.push(message(principal, logged.at_ms, &prompt.text));
            }
            Event::Steered { prompt, principal, .. } => {
                record.messages.push(message(principal, logged.at_ms, &prompt.text));
            }
            Event::RunStarted { run: of } if *of == run => started_ms = Some(logged.at_ms),
            Event::StepStarted { model, .. } | Event::ModelAsked { model, .. } => {
                models.insert(model.clone());
            }
            Event::StepFinished { run: of, cost_micros, .. }
            | Event::Compacted { run: of, cost_micros, .. }
            | Event::ModelCalled { run: Some(of), cost_micros, .. }
                if *of == run =>
            {
                record.cost_micros = record.cost_micros.saturating_add(*cost_micros);
            }
            Event::Denied { .. } => record.denials += 1,
            event => record.exceptions.extend(exception(event, logged.at_ms)),
        }
    }
    let at_ms = log.last().map_or(0, |logged| logged.at_ms);
    record.at = timestamp(at_ms);
    let since = at_ms.saturating_sub(started_ms.unwrap_or(at_ms));
    record.duration_ms = u64::try_from(since).unwrap_or(0);
    record.models = models.into_iter().collect();
    record.executions = executions(log, redactor);
    let RunRecord { omitted, messages, executions, exceptions, .. } = &mut record;
    *omitted = newest(messages) + newest(executions) + newest(exceptions);
    record
}

fn message(by: &str, at_ms: i64, text: &str) -> RecordMessage {
    let sha256 = hex::encode(Sha256::digest(text.as_bytes()));
    RecordMessage { by: by.to_owned(), at: timestamp(at_ms), sha256 }
}

fn exception(event: &Event, at_ms: i64) -> Option<RecordException> {
    let (kind, what, by, reason) = match event {
        Event::HostAllowed { entry, principal, .. } => ("host", entry.clone(), principal, None),
        Event::StopAllowed { mark, reason, principal } => {
            ("push", mark.clone(), principal, Some(reason.clone()))
        }
        Event::FlowAllowed { integrity, principal } => {
            let word = serde_json::to_value(integrity).ok()?;
            ("flow", word.as_str()?.to_owned(), principal, None)
        }
        Event::ConfigurationAllowed { digest, principal } => {
            ("configuration", digest.clone(), principal, None)
        }
        _ => return None,
    };
    let (kind, by) = (kind.to_owned(), by.clone());
    Some(RecordException { kind, what, by, reason, at: timestamp(at_ms) })
}

/// TRUST: the log has these from the agent's own sandbox: it is that one's word how they ended.
fn executions(log: &[Logged], redactor: &Redactor) -> Vec<Execution> {
    let commands = evidence::commands(log).into_iter();
    let told = commands.map(|fact| Execution {
        command: redactor.text(&fact.command).chars().take(COMMAND_CHARS).collect(),
        exit_code: fact.exit_code,
        duration_ms: fact.duration_ms,
        by: Witness::Sandbox,
    });
    told.collect()
}

/// What the server found itself.
fn own(check: &Check) -> Execution {
    Execution {
        command: check.command.chars().take(COMMAND_CHARS).collect(),
        exit_code: check.exit_code,
        duration_ms: check.duration_ms,
        by: Witness::Errand,
    }
}

/// Leaves the newest rows, and says how many that leaves out.
fn newest<T>(rows: &mut Vec<T>) -> u64 {
    let more = rows.len().saturating_sub(RECORD_ROWS);
    rows.drain(..more);
    more as u64
}

/// What the fold of them tells.
fn of_state(record: &mut RunRecord, living: &Living, push: &PushPlan) {
    record.branch.clone_from(&push.branch);
    let repo = living.repos.iter().find(|repo| repo.url == push.url);
    if let Some(base) = repo.and_then(|repo| repo.base.as_ref()) {
        record.base = RecordBase {
            branch: base.base_branch.clone(),
            commit: base.commit.clone(),
            configuration: base.configuration.as_ref().map(|found| found.digest.clone()),
        };
    }
    let image = living.settings.image.as_deref();
    record.machine = RecordMachine {
        provider: living.settings.provider.clone(),
        image: image.map(|image| image.reference.clone()),
        image_digest: image.map(|image| image.digest.clone()).filter(|digest| !digest.is_empty()),
        layers: living.settings.layers.iter().map(ToString::to_string).collect(),
    };
}

fn network(policy: &Policy, living: &Living) -> RecordNetwork {
    let mode = policy.mode().as_str();
    let entries: BTreeSet<String> = policy.entries().collect();
    let lines = std::iter::once(mode).chain(entries.iter().map(String::as_str));
    let text: String = lines.flat_map(|line| [line, "\n"]).collect();
    RecordNetwork {
        mode: mode.to_owned(),
        closed: living.flow.is_closed(),
        entries: entries.len() as u64,
        sha256: hex::encode(Sha256::digest(text.as_bytes())),
    }
}

async fn root(store: &Store, org: &OrgId, agent: AgentId, seq: Seq) -> Result<LogRoot> {
    let before = Seq(seq.0.saturating_sub(1));
    let last = store.read(org, agent, before, 1).await.context("read the log")?.pop();
    let last = last.filter(|event| event.seq == seq).context("the intent is not in the log")?;
    Ok(LogRoot { seq: seq.0, hash: last.hash.to_string() })
}

fn prefix(agent: AgentId) -> String {
    format!("{agent}\n")
}

fn key(agent: AgentId, commit: &str, url: &str) -> String {
    format!("{agent}\n{commit}\n{url}")
}

async fn kept(store: &Store, org: &OrgId, key: &str) -> Result<Option<String>> {
    let entry = store.get(org, KIND, key).await.context("read a record")?;
    Ok(entry.map(|entry| entry.body))
}

/// What a pull request says of the record of its commit.
pub async fn fact(job: &Job, url: &str, commit: &str) -> Result<Option<RecordFact>> {
    let agent = job.handle.id;
    let body = kept(&job.app.store, &job.handle.org, &key(agent, commit, url)).await?;
    let link = link(&job.app, agent, commit);
    Ok(body.map(|body| RecordFact { digest: envelope::digest(&body), link }))
}

fn link(app: &App, agent: AgentId, commit: &str) -> String {
    format!("{}/v1/agents/{agent}/records/{commit}", app.public_url)
}

/// Every record of an agent, newest first.
pub async fn list(app: &App, org: &OrgId, agent: AgentId) -> Result<Vec<RecordBody>> {
    let entries = app.store.list(org, KIND, &prefix(agent), "", LISTED).await?;
    let read = |body: &str| shown(app, agent, body);
    let mut items: Vec<_> = entries.iter().map(|entry| read(&entry.body)).collect::<Result<_>>()?;
    items.sort_by(|one, other| (&other.at, &other.repo_url).cmp(&(&one.at, &one.repo_url)));
    Ok(items)
}

fn shown(app: &App, agent: AgentId, body: &str) -> Result<RecordBody> {
    let (statement, key) = envelope::peek(body).context("read a record")?;
    let subject = statement.subject.into_iter().next().context("a record is about nothing")?;
    let commit = subject.digest.git_commit;
    Ok(RecordBody {
        repo_url: subject.name,
        url: link(app, agent, &commit),
        commit,
        branch: statement.predicate.branch,
        run_id: statement.predicate.run,
        at: statement.predicate.at,
        digest: envelope::digest(body),
        key,
    })
}

/// The records of a commit, by the address of its repository: two may have the same one.
pub async fn of_commit(
    store: &Store,
    org: &OrgId,
    agent: AgentId,
    commit: &str,
) -> Result<Vec<(String, String)>> {
    let prefix = format!("{}{commit}\n", prefix(agent));
    let entries = store.list(org, KIND, &prefix, "", LISTED).await.context("read records")?;
    let of = |key: &str| shown_url(key.strip_prefix(&prefix).unwrap_or_default());
    Ok(entries.into_iter().map(|entry| (of(&entry.key), entry.body)).collect())
}

/// Removes every record of an agent.
pub async fn erase(store: &Store, org: &OrgId, agent: AgentId) -> Result<()> {
    loop {
        let entries = store.list(org, KIND, &prefix(agent), "", LISTED).await?;
        if entries.is_empty() {
            return Ok(());
        }
        for entry in entries {
            store.delete(org, KIND, &entry.key).await.context("remove a record")?;
        }
    }
}
