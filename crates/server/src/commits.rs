//! How Errand signs its work: the bot as author, the requester, the agent and the run as trailers.
//!
//! Times come from the log, so that doing it again after a crash makes the very same commits.

use crate::effects::Job;
use crate::redact;
use agent::state::Living;
use anyhow::{Context, Result};
use git::agent_repo::AgentRepo;
use git::commit::{Signature, Signing, When};
use git::handover::integrate::{Integration, Meeting};
use git::handover::{Ending, Handover, Message, Wording, Workspace};
use git::name::{CommitId, TreeId};
use protocol::event::{Event, Logged, TurnOutcome};
use protocol::ids::{RunId, Seq};
use protocol::link::Worktree;

/// Characters of a commit's subject.
const SUBJECT_CHARS: usize = 72;
/// Characters of the answer that a commit's body holds.
const BODY_CHARS: usize = 2000;

/// One repository as the workspace handed it over.
pub struct Handed<'a> {
    /// The repository's URL.
    pub url: &'a str,
    /// Where the work started.
    pub base: &'a CommitId,
    /// What the guest says.
    pub worktree: &'a Worktree,
}

/// The commits made of it.
pub struct Made {
    /// Tip of the branch.
    pub tip: CommitId,
    /// Commits made, as they are stored; parents first.
    pub commits: Vec<(CommitId, Vec<u8>)>,
    /// `local id -> published id`.
    pub published: Vec<(String, String)>,
    /// Things a person should know.
    pub notes: Vec<String>,
}

/// What a run's commits say.
struct Words {
    bot: Signature,
    subject: String,
    body: String,
    trailers: Vec<(String, String)>,
    ending: Ending,
    log: Vec<Logged>,
}

async fn words(job: &Job, run: RunId) -> Result<Words> {
    let log = job.handle.log(Seq(0)).await?;
    let intended = log.iter().rev().find_map(|logged| match &logged.event {
        Event::CheckpointWanted { key, .. } | Event::PushWanted { key, .. } if *key == job.key => {
            Some(logged.at_ms)
        }
        _ => None,
    });
    let when = When {
        seconds: intended.context("the intent is not in the log")? / 1000,
        offset_minutes: 0,
    };
    let git = &job.app.config.git;
    let mut words = Words {
        bot: Signature { name: git.name.clone(), email: git.email.clone(), when },
        subject: String::new(),
        body: String::new(),
        trailers: Vec::new(),
        ending: Ending::Finished,
        log: Vec::new(),
    };
    for logged in &log {
        match &logged.event {
            Event::Asked { run: of, prompt, options, principal } => {
                // What Errand asks for itself is part of what somebody asked for before.
                if !options.automatic && words.trailers.is_empty() {
                    words.subject = subject(&prompt.text);
                }
                if *of != run {
                    continue;
                }
                words.trailers = vec![
                    ("Requested-by".to_owned(), principal.clone()),
                    ("Errand-agent".to_owned(), job.handle.id.to_string()),
                    ("Errand-run".to_owned(), run.to_string()),
                ];
            }
            Event::TurnEnded { run: of, outcome } if *of == run => match outcome {
                TurnOutcome::Finished { result } => {
                    words.body = result.chars().take(BODY_CHARS).collect()
                }
                TurnOutcome::Cancelled => words.ending = Ending::Cancelled,
                TurnOutcome::Failed { .. } | TurnOutcome::Expired => words.ending = Ending::Failed,
            },
            _ => {}
        }
    }
    words.log = log;
    Ok(words)
}

fn subject(prompt: &str) -> String {
    let line = prompt
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty())
        .unwrap_or("Changes by an agent");
    let clean: String = line.chars().filter(|c| !c.is_control()).collect();
    if clean.chars().count() <= SUBJECT_CHARS {
        return clean;
    }
    let cut: String = clean.chars().take(SUBJECT_CHARS - 1).collect();
    format!("{}…", cut.trim_end())
}

/// Makes the commits of a worktree whose objects are here already.
pub async fn hand_over(
    job: &Job,
    ours: &AgentRepo,
    run: RunId,
    handed: &Handed<'_>,
) -> Result<Made> {
    let said = words(job, run).await?;
    let published = published(&said.log, handed.url)?;
    let view = job.view().await?;
    let living = view.living()?;
    let stopped = stopped(living, handed)?;
    // An answer may repeat what it is about.
    let body = if stopped.is_some() { "" } else { &said.body };
    let seen = seen(&said.log, handed, &published)?;
    let seen = match &stopped {
        // What the remote and the workspace both have had; the commits after it do not leave.
        Some(remote) => {
            ours.merge_base(&seen, remote).await?.unwrap_or_else(|| handed.base.clone())
        }
        None => seen,
    };
    let head = handed.worktree.head.commit.as_deref().map(CommitId::parse).transpose()?;
    let upstream = upstream(job, handed, head.as_ref(), &seen).await?;
    let tree = TreeId::parse(&handed.worktree.tree)?;
    let redactor = redact::of_agent(&job.app, &job.handle.org, living).await?;
    let made = ours
        .hand_over(&Handover {
            base: handed.base,
            tip: Some(&seen).filter(|seen| *seen != handed.base),
            upstream: &upstream,
            published: &published,
            workspace: Workspace {
                head: head.as_ref(),
                tree: &tree,
                unmerged: &handed.worktree.unmerged,
                embedded: &handed.worktree.embedded,
            },
            bot: &said.bot,
            message: Message { subject: &said.subject, body },
            trailers: &said.trailers,
            ending: said.ending,
            wording: Wording(&|text| redactor.text(text)),
            signing: Signing(Some(&*job.app.signer())),
            folded: stopped.is_some(),
        })
        .await?;
    Ok(Made {
        tip: made.tip,
        commits: made.made,
        published: made
            .published
            .iter()
            .map(|(local, ours)| (local.to_string(), ours.to_string()))
            .collect(),
        notes: made.notes.iter().map(ToString::to_string).collect(),
    })
}

/// Where the remote stands, if something that is not pushed yet may not be pushed as it is.
fn stopped(living: &Living, handed: &Handed<'_>) -> Result<Option<CommitId>> {
    let repo = living.repos.iter().find(|repo| repo.url == handed.url);
    let Some(repo) = repo.filter(|repo| repo.is_stopped(&living.allowed_stops)) else {
        return Ok(None);
    };
    let remote = repo.remote.as_deref().map(CommitId::parse).transpose()?;
    Ok(Some(remote.unwrap_or_else(|| handed.base.clone())))
}

/// Local commits and what they were published as, from the whole log.
fn published(log: &[Logged], url: &str) -> Result<Vec<(CommitId, CommitId)>> {
    let mut map = Vec::new();
    for logged in log {
        let Event::CheckpointMade { repos, .. } = &logged.event else { continue };
        for (local, ours) in
            repos.iter().filter(|repo| repo.url == url).flat_map(|repo| &repo.published)
        {
            map.push((CommitId::parse(local)?, CommitId::parse(ours)?));
        }
    }
    Ok(map)
}

/// The published commit that the workspace was last brought to. What a person pushed and the
/// workspace has never seen is not in it, or it would look deleted.
fn seen(
    log: &[Logged],
    handed: &Handed<'_>,
    published: &[(CommitId, CommitId)],
) -> Result<CommitId> {
    let at = log.iter().rev().find_map(|logged| match &logged.event {
        Event::WorkspaceReady { branches, .. } => {
            branches.iter().find(|branch| branch.url == handed.url)
        }
        _ => None,
    });
    let at = CommitId::parse(&at.context("the workspace never was ready")?.commit)?;
    let mapped =
        published.iter().rev().find(|(local, _)| *local == at).map(|(_, ours)| ours.clone());
    Ok(mapped.unwrap_or(at))
}

/// Commits that the remote has; only asked for where the agent made commits of its own.
async fn upstream(
    job: &Job,
    handed: &Handed<'_>,
    head: Option<&CommitId>,
    seen: &CommitId,
) -> Result<Vec<CommitId>> {
    if head.is_none_or(|head| head == seen || head == handed.base) {
        return Ok(Vec::new());
    }
    let mirror = job.app.mirror(&job.handle.org, &job.app.remote(handed.url)?, handed.base)?;
    Ok(mirror.refs("refs/heads").await?.into_iter().map(|(_, commit)| commit).collect())
}

/// Joins our line with what a person pushed meanwhile.
pub async fn integrate(
    job: &Job,
    ours: &AgentRepo,
    run: RunId,
    tip: &CommitId,
    theirs: &CommitId,
) -> Result<Integration> {
    let said = words(job, run).await?;
    let signer = job.app.signer();
    let meeting = Meeting {
        ours: tip,
        theirs,
        bot: &said.bot,
        message: Message { subject: "Merge what was pushed meanwhile", body: "" },
        trailers: &said.trailers,
        signing: Signing(Some(&*signer)),
    };
    Ok(ours.integrate(&meeting).await?)
}
