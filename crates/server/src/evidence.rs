//! What a pull request says about the work, from our own log and our own copy of the commits.
//!
//! TRUST: nothing here is what the model says it did; its answer stands beside it, and what nothing bears out is struck
//! through (`forge::claims`). How a command ended is told by the agent's sandbox, and is shown as that.

pub mod gathered;

pub use gathered::Gathered;

use crate::agents::View;
use crate::api::diff;
use crate::app::App;
use crate::bases;
use crate::effects::{Job, check};
use crate::findings;
use crate::flow;
use crate::gate;
use crate::redact;
use crate::secrets::{self, Held, Phase};
use agent::state::Living;
use anyhow::Result;
use forge::claims;
use forge::describe::{CommandFact, CommitFact, Effort, Facts, FileFact};
use protocol::api::review::{ClaimBody, CommandBody, CommandBy, EvidenceBody};
use protocol::api::secrets::SecretKind;
use protocol::event::{Event, Logged, RepoSettings, TurnOutcome};
use protocol::ids::{OrgId, RunId, Seq};

/// Commands that the API tells.
const COMMANDS: usize = 100;
/// Characters of one of them, and of a claim.
const WORDS: usize = 2_000;

/// Gathers the facts.
pub async fn facts(
    job: &Job,
    view: &View,
    run: RunId,
    index: usize,
    repo: &RepoSettings,
) -> Result<Facts> {
    let log = job.handle.log(Seq(0)).await?;
    let living = view.living()?;
    let gathered = Gathered::of(&log);
    let diff = diff::of_repo(&job.app, job.handle.id, view, index, repo).await?;
    let mut facts = Facts {
        name: view.projection.detail.name.clone(),
        link: format!("{}/agents/{}", job.app.public_url, job.handle.id),
        result: answer(&log, Some(run)),
        effort: Effort {
            model: living.settings.model.id.clone(),
            duration_ms: duration(&log),
            cost_micros: Some(view.projection.cost_micros()).filter(|cost| *cost > 0),
        },
        ..Facts::default()
    };
    for logged in &log {
        match &logged.event {
            Event::Asked { prompt, .. } if facts.task.is_empty() => {
                facts.asked_in = prompt.asked_at.as_ref().map(|asked| asked.thread.link.clone());
                prompt.order().clone_into(&mut facts.task);
            }
            Event::CheckpointMade { repos, .. } => {
                let made = repos.iter().find(|made| made.url == repo.url);
                facts.notes = made.map(|made| made.notes.clone()).unwrap_or_default();
            }
            _ => {}
        }
    }
    facts.notes.extend(flow::note(&log));
    facts.notes.extend(gate::notes(&log));
    let plain = plain_secrets(&job.app, &job.handle.org, living).await?;
    facts.notes.extend(gathered.notes(&plain));
    facts.commands = gathered.commands;
    let state = living.repos.get(index);
    let base = state.and_then(|state| state.base.as_ref());
    if let (Some(base), Some(tip)) = (base, state.and_then(|state| state.remote.as_deref())) {
        let ours = job.app.agent_repo(job.handle.id, repo)?;
        let since = bases::since(&ours, base, tip).await?;
        let range = (since.as_str(), tip);
        let found = findings::if_judged(&job.app, job.handle.id, repo, range).await;
        facts.judgement = found.map(|found| found.judgement());
    }
    if let Some(diff) = diff {
        facts.stat = diff.stat;
        facts.commits = diff
            .commits
            .into_iter()
            .rev()
            .map(|commit| CommitFact { id: commit.id, subject: commit.subject })
            .collect();
        let file = |file: protocol::api::agents::FileDiff| FileFact {
            path: file.path,
            additions: file.additions,
            deletions: file.deletions,
        };
        facts.files = diff.files.into_iter().map(file).collect();
    }
    Ok(facts)
}

/// The same for whoever asks over the API.
pub async fn body(app: &App, org: &OrgId, view: &View, log: &[Logged]) -> Result<EvidenceBody> {
    let gathered = Gathered::of(log);
    let living = view.living()?;
    let plain_secrets = plain_secrets(app, org, living).await?;
    // TRUST: a model may write a secret into a command or its answer; the log keeps its words as they are.
    let redactor = redact::of_agent(app, org, living).await?;
    let shown = |text: &str| cut(&redactor.text(text));
    let checks = check::of(log).into_iter().flat_map(|report| check::facts(&report.checks));
    let own: Vec<_> = checks.collect();
    let known = [gathered.commands.clone(), own.clone()].concat();
    let unproven = claims::unproven(&answer(log, None), &known).into_iter();
    let unproven = unproven
        .map(|claim| ClaimBody { text: shown(&claim.text), why: claim.lack.why().to_owned() });
    let more = gathered.commands.len().saturating_sub(COMMANDS);
    Ok(EvidenceBody {
        commands: own
            .iter()
            .map(|fact| (fact, CommandBy::Errand))
            .chain(gathered.commands.iter().skip(more).map(|fact| (fact, CommandBy::Sandbox)))
            .map(|(fact, by)| command(fact, shown(&fact.command), by))
            .collect(),
        more_commands: u32::try_from(more).unwrap_or(u32::MAX),
        unproven: unproven.collect(),
        denials: gathered.denials(),
        exceptions: gathered.exceptions,
        plain_secrets,
        interventions: gathered.interventions,
        cost_micros: Some(view.projection.cost_micros()).filter(|cost| *cost > 0),
        duration_ms: duration(log),
    })
}

fn command(fact: &CommandFact, command: String, by: CommandBy) -> CommandBody {
    CommandBody { command, exit_code: fact.exit_code, duration_ms: fact.duration_ms, by }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(WORDS) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// What the agent said last in this run, or in its last one that ended well.
fn answer(log: &[Logged], of: Option<RunId>) -> String {
    let said = |logged: &Logged| match &logged.event {
        Event::TurnEnded { run, outcome: TurnOutcome::Finished { result } }
            if of.is_none_or(|of| of == *run) =>
        {
            Some(result.clone())
        }
        _ => None,
    };
    log.iter().rev().find_map(said).unwrap_or_default()
}

fn duration(log: &[Logged]) -> u64 {
    let (first, last) =
        (log.first().map_or(0, |logged| logged.at_ms), log.last().map_or(0, |logged| logged.at_ms));
    u64::try_from(last.saturating_sub(first)).unwrap_or(0)
}

/// Commands run after the last edit: only they say something about the result.
pub fn commands(log: &[Logged]) -> Vec<CommandFact> {
    Gathered::of(log).commands
}

/// Secrets whose values are inside, where a program may read them.
async fn plain_secrets(app: &App, org: &OrgId, living: &Living) -> Result<Vec<String>> {
    let held = secrets::of_agent(app, org, living, Phase::Any).await?;
    let is_plain = |held: &&Held| held.kind == SecretKind::RuntimeSecret && held.is_variable();
    Ok(held.iter().filter(is_plain).map(|held| held.name.clone()).collect())
}
