//! The gate before a push: every commit that the remote does not have is looked at by itself (`review::gate`), so what
//! came in one and went in the next does not leave either.

use crate::app::App;
use crate::effects::Job;
use crate::secrets::{self, Held, Phase};
use agent::state::Living;
use anyhow::{Context, Result, anyhow};
use gateway::spelling::spellings;
use git::agent_repo::AgentRepo;
use git::brought::{Brought, BroughtEntry};
use git::history::CommitInfo;
use git::name::{BlobId, CommitId};
use git::objects::{EntryKind, FileContent, Reader};
use protocol::event::{Event, Logged, PushPlan, PushStop};
use protocol::failure::{Failure, Phase as FailurePhase};
use protocol::ids::OrgId;
use review::change::{Change, Content, Mode, Side};
use review::gate::{self, Known, Limits, Message, Stop};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Commits that are looked at; no push of ours has more.
const COMMITS: usize = 2_000;
/// Bytes of a file that is looked at; the gate tells of what is larger.
const FILE_BYTES: u64 = 50 << 20;
/// Bytes of the files of one commit that are held at a time; what is beyond is not read, and the gate tells of that.
const COMMIT_BYTES: u64 = 400 << 20;
/// Pushes whose commits are held at a time, of all agents together; others wait.
static PLACES: Semaphore = Semaphore::const_new(2);
/// Stops that are told of one push.
const TOLD: usize = 50;
/// Stops that the words of a failure name.
const NAMED: usize = 3;

/// What keeps this push back; empty: it may go.
pub async fn stops(job: &Job, ours: &AgentRepo, push: &PushPlan) -> Result<Vec<PushStop>> {
    let view = job.view().await?;
    let living = view.living()?;
    let known = Arc::new(known(&job.app, &job.handle.org, living).await?);
    let (mut told, mut seen) = (Vec::new(), HashSet::new());
    let _place = PLACES.acquire().await.context("wait for a place at the gate")?;
    let mut reader = ours.reader().await?;
    for (commit, brought) in unpushed(job, ours, push, living).await? {
        let changes = changes(&mut reader, brought.entries).await?;
        let message = Message { commit: commit.id.to_string(), text: commit.message };
        let known = Arc::clone(&known);
        let judging = move || gate::judge(&changes, &[message], &known, &Limits::default());
        let stops = tokio::task::spawn_blocking(judging).await.context("look at a commit")?;
        let new = stops.into_iter().filter(|stop| {
            !living.allowed_stops.contains(&stop.mark) && seen.insert(stop.mark.clone())
        });
        told.extend(new.map(|stop| of(stop, &push.url, &commit.id)));
    }
    told.truncate(TOLD);
    Ok(told)
}

fn of(stop: Stop, url: &str, commit: &CommitId) -> PushStop {
    let Stop { rule, path, line, why, mark } = stop;
    // It stands in what the agent is told next: one line, whatever the file is called.
    let path = path.map(|path| path.replace(char::is_control, "\u{fffd}"));
    let (url, commit) = (url.to_owned(), commit.to_string());
    PushStop { url, commit, rule, path, line, why, mark }
}

/// What a pull request says of what people let through.
pub fn notes(log: &[Logged]) -> Vec<String> {
    let mut stops = HashMap::new();
    let mut notes = Vec::new();
    for logged in log {
        match &logged.event {
            Event::PushFailed { stops: found, .. } => {
                stops.extend(found.iter().map(|stop| (&stop.mark, stop)));
            }
            Event::StopAllowed { mark, reason, principal } => {
                let Some(stop) = stops.get(mark) else { continue };
                let rule = &stop.rule;
                notes.push(format!("{principal} let {} ({rule}) be pushed: {reason}", place(stop)));
            }
            _ => {}
        }
    }
    notes
}

fn place(stop: &PushStop) -> String {
    match (&stop.path, stop.line) {
        (Some(path), Some(line)) => format!("{path}:{line}"),
        (Some(path), None) => path.clone(),
        (None, _) => "a commit's message".to_owned(),
    }
}

/// Why the push failed, in words.
pub fn failure(stops: &[PushStop]) -> Failure {
    let mut named: Vec<_> =
        stops.iter().take(NAMED).map(|stop| format!("{}: {}", place(stop), stop.why)).collect();
    if let Some(more) = stops.len().checked_sub(NAMED).filter(|more| *more > 0) {
        named.push(format!("and {more} more"));
    }
    let message = format!(
        "the work is kept and was not pushed, because something in it may not leave: {}. Have it taken out, or let it \
         through with `errand allow AGENT --push --reason WHY` and send a follow-up",
        named.join(" ")
    );
    Failure::new(FailurePhase::Push, "push_stopped", message)
}

/// The commits that the remote does not have, with what each brings.
async fn unpushed(
    job: &Job,
    ours: &AgentRepo,
    push: &PushPlan,
    living: &Living,
) -> Result<Vec<(CommitInfo, Brought)>> {
    let repo = living.repos.iter().find(|repo| repo.url == push.url);
    let base =
        repo.and_then(|repo| repo.base.as_ref()).context("the starting commit is unknown")?;
    let base = CommitId::parse(&base.commit)?;
    let remote = job.app.remote(&push.url)?;
    let mirror = job.app.mirror(&job.handle.org, &remote, &base)?;
    let heads = mirror.refs("refs/heads").await?;
    let mut there: Vec<_> = heads.into_iter().map(|(_, commit)| commit).collect();
    there.push(base);
    there.extend(push.expected.as_deref().map(CommitId::parse).transpose()?);
    let tip = CommitId::parse(&push.commit)?;
    let history = ours.commits_between(&[tip], &there, COMMITS).await?;
    if history.truncated {
        return Err(anyhow!("more than {COMMITS} commits are not pushed"));
    }
    let ids: Vec<_> = history.commits.iter().map(|commit| commit.id.clone()).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let brought = ours.brought(&ids).await?;
    Ok(history.commits.into_iter().zip(brought).collect())
}

async fn changes(reader: &mut Reader, entries: Vec<BroughtEntry>) -> Result<Vec<Change>> {
    let mut left = COMMIT_BYTES;
    let mut changes = Vec::with_capacity(entries.len());
    for BroughtEntry { path, old, new } in entries {
        let path = String::from_utf8_lossy(&path).into_owned();
        let old = side(reader, old, FILE_BYTES, &mut left).await?;
        let new = side(reader, new, FILE_BYTES, &mut left).await?;
        changes.push(Change { path, old_path: None, old, new });
    }
    Ok(changes)
}

/// One side of a change; what has more bytes than a file may have, or than are left, is not read.
pub(crate) async fn side(
    reader: &mut Reader,
    entry: Option<(EntryKind, BlobId)>,
    file_bytes: u64,
    left: &mut u64,
) -> Result<Option<Side>> {
    let Some((kind, id)) = entry else { return Ok(None) };
    let mode = match kind {
        EntryKind::File => Mode::File,
        EntryKind::Executable => Mode::Executable,
        EntryKind::Link => Mode::Symlink,
        EntryKind::Submodule => {
            let content = Content::Text(id.to_string());
            return Ok(Some(Side { mode: Mode::Submodule, bytes: 0, content }));
        }
        EntryKind::Folder => return Ok(None),
    };
    let read = reader.blob(&id, file_bytes.min(*left)).await?.context("a file is not here")?;
    Ok(Some(match read {
        FileContent::TooLarge(bytes) => {
            Side { mode, bytes, content: Content::Unread(id.to_string()) }
        }
        FileContent::Whole(content) => {
            let bytes = content.len() as u64;
            *left = left.saturating_sub(bytes);
            let content = String::from_utf8(content)
                .map_or_else(|error| Content::Binary(error.into_bytes()), Content::Text);
            Side { mode, bytes, content }
        }
    }))
}

/// What the agent knows or has placeholders of, in every spelling.
async fn known(app: &App, org: &OrgId, living: &Living) -> Result<Known> {
    let held = secrets::of_agent(app, org, living, Phase::Any).await?;
    let hidden = held.iter().filter(|held| held.is_hidden());
    let spelled = hidden.map(|held: &Held| {
        (held.name.clone(), spellings(held.value.expose()).into_iter().collect::<Vec<_>>())
    });
    Known::new(app.seeds.push_marks(), spelled).context("prepare to look for secrets")
}
