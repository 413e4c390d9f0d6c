//! `GET /v1/agents/{id}/diff`: what the branch changes, computed from our own copy.

use super::body::Query;
use super::error::{ApiError, ApiResult};
use super::{agent_id, run_id, show};
use crate::agents::{Handle, View};
use crate::app::App;
use crate::auth::Caller;
use crate::bases;
use anyhow::Context as _;
use axum::Json;
use axum::extract::{Path, State};
use git::diff::{DiffOptions, FileDiff as GitFile, LineKind, Side, Status};
use git::name::CommitId;
use protocol::api::agents::{CommitBody, DiffBody, FileDiff, RepoDiff};
use protocol::api::timestamp;
use protocol::event::{DiffStat, Event, RepoCheckpoint, RepoSettings};
use protocol::ids::{AgentId, Seq};
use serde::Deserialize;
use std::fmt::Write as _;
use std::sync::Arc;

/// Commits listed with a diff.
const COMMITS: usize = 250;

/// What to leave out.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
pub struct DiffQuery {
    /// Only counts, no patches.
    stat: Option<bool>,
    /// Only what this run did.
    run: Option<String>,
    /// Only what this commit did; its full id.
    commit: Option<String>,
}

/// The diff of each repository against the commit the work started from.
#[utoipa::path(get, path = "/v1/agents/{id}/diff", tag = "agents", params(("id" = String, Path), DiffQuery), responses((status = 200, body = DiffBody)))]
pub async fn diff(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    Query(query): Query<DiffQuery>,
) -> ApiResult<Json<DiffBody>> {
    let handle = app.agents.existing(&caller.org, agent_id(&id)?).await?;
    let view = handle.view().await?;
    let which = which(&handle, &query).await?;
    let mut repos = Vec::new();
    for (index, repo) in view.living()?.settings.repos.iter().enumerate() {
        let found = match &which {
            Which::SinceBase => of_repo(&app, handle.id, &view, index, repo).await?,
            Which::Run(made) => match made.iter().find(|made| made.url == repo.url) {
                Some(made) => {
                    let range = (made.previous.as_str(), made.commit.as_str());
                    between(&app, handle.id, &view, repo, range).await?
                }
                None => None,
            },
            Which::Commit(commit) => of_commit(&app, handle.id, &view, repo, commit).await?,
        };
        if let Some(mut diff) = found {
            if query.stat == Some(true) {
                diff.files.iter_mut().for_each(|file| file.patch.clear());
            }
            repos.push(diff);
        }
    }
    if repos.is_empty() && matches!(which, Which::Commit(_)) {
        let message = "no repository of the agent has this commit";
        return Err(ApiError::not_found("commit_not_found", message));
    }
    Ok(Json(DiffBody { repos }))
}

/// What is compared.
enum Which {
    SinceBase,
    Run(Vec<RepoCheckpoint>),
    Commit(CommitId),
}

async fn which(handle: &Handle, query: &DiffQuery) -> ApiResult<Which> {
    match (&query.run, &query.commit) {
        (Some(_), Some(_)) => Err(ApiError::invalid("commit", "choose either a run or a commit")),
        (None, Some(commit)) => {
            let commit = CommitId::parse(commit).map_err(|bad| ApiError::invalid("commit", bad))?;
            Ok(Which::Commit(commit))
        }
        (Some(run), None) => {
            let run = run_id(run)?;
            let made =
                handle.log(Seq(0)).await?.into_iter().rev().find_map(|logged| match logged.event {
                    Event::CheckpointMade { run: of, repos, .. } if of == run => Some(repos),
                    _ => None,
                });
            // A run that saved nothing changed nothing.
            Ok(Which::Run(made.unwrap_or_default()))
        }
        (None, None) => Ok(Which::SinceBase),
    }
}

/// One commit against its first parent.
async fn of_commit(
    app: &App,
    agent: AgentId,
    view: &View,
    repo: &RepoSettings,
    commit: &CommitId,
) -> anyhow::Result<Option<RepoDiff>> {
    let ours = app.agent_repo(agent, repo)?;
    if !ours.has_commit(commit).await? {
        return Ok(None);
    }
    let listed = ours.commits_between(std::slice::from_ref(commit), &[], 1).await?;
    let parent = listed.commits.first().and_then(|info| info.parents.first());
    let from = parent.map_or_else(|| commit.to_string(), ToString::to_string);
    let mut found = between(app, agent, view, repo, (&from, commit.as_str())).await?;
    if let Some(found) = &mut found {
        // Of a merge, the commits that came with it are not this commit.
        found.commits.retain(|listed| listed.id == commit.as_str());
    }
    Ok(found)
}

/// One repository's diff; none before its starting commit is known.
pub async fn of_repo(
    app: &App,
    agent: AgentId,
    view: &View,
    index: usize,
    repo: &RepoSettings,
) -> anyhow::Result<Option<RepoDiff>> {
    let living = view.living()?;
    let Some(state) = living.repos.get(index) else { return Ok(None) };
    let Some(base) = &state.base else { return Ok(None) };
    let head = state.tip.clone().unwrap_or_else(|| base.commit.clone());
    let since = bases::since(&app.agent_repo(agent, repo)?, base, &head).await?;
    between(app, agent, view, repo, (since.as_str(), &head)).await
}

/// What lies between two commits of one repository.
async fn between(
    app: &App,
    agent: AgentId,
    view: &View,
    repo: &RepoSettings,
    (base, head): (&str, &str),
) -> anyhow::Result<Option<RepoDiff>> {
    let (from, to) = (CommitId::parse(base)?, CommitId::parse(head)?);
    let ours = app.agent_repo(agent, repo)?;
    let diff = ours
        .diff(Side::Commit(&from), Side::Commit(&to), &DiffOptions::default())
        .await
        .context("compare")?;
    let history = ours
        .commits_between(std::slice::from_ref(&to), std::slice::from_ref(&from), COMMITS)
        .await
        .context("list commits")?;
    let commits = history.commits.iter().rev().map(|commit| CommitBody {
        id: commit.id.to_string(),
        subject: commit.message.lines().next().unwrap_or_default().to_owned(),
        parents: commit.parents.iter().map(ToString::to_string).collect(),
        authored_at: timestamp(commit.author.when.seconds.saturating_mul(1000)),
    });
    let files: Vec<FileDiff> = diff.files.iter().map(file).collect();
    let stat = DiffStat {
        files: u32::try_from(files.len()).unwrap_or(u32::MAX),
        additions: files.iter().map(|file| file.additions).sum(),
        deletions: files.iter().map(|file| file.deletions).sum(),
    };
    Ok(Some(RepoDiff {
        repo_url: show::shown_url(&repo.url),
        branch: view.living()?.settings.branch.clone(),
        base: base.to_owned(),
        head: head.to_owned(),
        stat,
        commits: commits.collect(),
        files,
        truncated: diff.truncated || history.truncated,
    }))
}

fn file(file: &GitFile) -> FileDiff {
    let status = match file.status {
        Status::Added => "added",
        Status::Deleted => "deleted",
        Status::Modified => "modified",
        Status::Renamed => "renamed",
        Status::Copied => "copied",
        Status::Retyped => "type_changed",
    };
    let mut patch = String::new();
    for hunk in &file.hunks {
        // Writing to a string cannot fail.
        writeln!(patch, "{}", hunk.header()).unwrap_or_default();
        for line in &hunk.lines {
            let mark = match line.kind {
                LineKind::Context => ' ',
                LineKind::Added => '+',
                LineKind::Removed => '-',
            };
            writeln!(patch, "{mark}{}", line.text).unwrap_or_default();
        }
    }
    FileDiff {
        path: file.path().to_owned(),
        old_path: file.old_path.clone().filter(|old| *old != file.path()),
        status: status.to_owned(),
        old_mode: file.old_kind.map(|kind| kind.mode().to_owned()),
        new_mode: file.new_kind.map(|kind| kind.mode().to_owned()),
        binary: file.binary,
        additions: file.additions,
        deletions: file.deletions,
        patch,
    }
}
