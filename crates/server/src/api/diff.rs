//! `GET /v1/agents/{id}/diff`: what the branch changes, computed from our own copy.

use super::body::Query;
use super::error::ApiResult;
use super::{agent_id, show};
use crate::agents::View;
use crate::app::App;
use crate::auth::Caller;
use anyhow::Context as _;
use axum::Json;
use axum::extract::{Path, State};
use git::diff::{DiffOptions, FileDiff as GitFile, LineKind, Side, Status};
use git::name::CommitId;
use protocol::api::agents::{CommitBody, DiffBody, FileDiff, RepoDiff};
use protocol::api::timestamp;
use protocol::event::{DiffStat, RepoSettings};
use protocol::ids::AgentId;
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
    let mut repos = Vec::new();
    for (index, repo) in view.living()?.settings.repos.iter().enumerate() {
        if let Some(mut diff) = of_repo(&app, handle.id, &view, index, repo).await? {
            if query.stat == Some(true) {
                diff.files.iter_mut().for_each(|file| file.patch.clear());
            }
            repos.push(diff);
        }
    }
    Ok(Json(DiffBody { repos }))
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
    let (from, to) = (CommitId::parse(&base.commit)?, CommitId::parse(&head)?);
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
        branch: living.settings.branch.clone(),
        base: base.commit.clone(),
        head,
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
        binary: file.binary,
        additions: file.additions,
        deletions: file.deletions,
        patch,
    }
}
