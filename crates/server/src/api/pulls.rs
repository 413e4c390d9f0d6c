//! `/v1/agents/{id}/pull-requests`: an agent's, wherever they are kept, and what a person does with them.

pub mod update;

use super::body::Body;
use super::error::{ApiError, ApiResult};
use super::{agent_id, diff, show};
use crate::agents::{Extras, Handle, View};
use crate::app::App;
use crate::auth::Caller;
use crate::clock::now_ms;
use crate::{bases, evidence, findings};
use anyhow::Context as _;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use forge::forge::{Forge, ForgeError, KeptBy, MergeWish};
use forge::pull_request::{Content, PullRequest as There, Stage};
use git::commit::{Signature, When};
use git::name::CommitId;
use protocol::api::agents::{
    MergePullRequest, PullRequestBody, PullRequestKeeper, StagePullRequest,
};
use protocol::api::metadata::Items;
use protocol::api::review::{EvidenceBody, ReviewBody};
use protocol::event::{PullRequest, RepoSettings};
use protocol::ids::Seq;
use protocol::input::Input;
use std::sync::Arc;
use std::time::Duration;

/// Longest wait for a host where its word is only shown.
const ASKED: Duration = Duration::from_secs(15);

/// The agent's pull requests, whole.
#[utoipa::path(get, path = "/v1/agents/{id}/pull-requests", tag = "agents", params(("id" = String, Path)), responses((status = 200, body = Items<PullRequestBody>)))]
pub async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> ApiResult<Json<Items<PullRequestBody>>> {
    let handle = app.agents.existing(&caller.org, agent_id(&id)?).await?;
    let view = handle.view().await?;
    let pulls = &view.projection.detail.pulls;
    let mut items = Vec::with_capacity(pulls.len());
    if !pulls.is_empty() {
        let log = handle.log(Seq(0)).await?;
        let evidence = evidence::body(&app, &handle.org, &view, &log).await?;
        for pull in pulls {
            items.push(body(&app, &handle, &view, (pull, &evidence)).await?);
        }
    }
    Ok(Json(Items { items }))
}

async fn body(
    app: &App,
    handle: &Handle,
    view: &View,
    (pull, evidence): (&PullRequest, &EvidenceBody),
) -> ApiResult<PullRequestBody> {
    let asked = tokio::time::timeout(ASKED, asked(app, handle, pull)).await;
    let (found, kept_by) = match asked.unwrap_or_else(|_| Err(too_late())) {
        Ok((found, kept_by)) => (found, kept_by),
        Err(error @ (ForgeError::Git(_) | ForgeError::Store(_))) => return Err(refused(error)),
        Err(error) => return unasked(app, handle, view, (pull, evidence), &error).await,
    };
    let repos = &view.living()?.settings.repos;
    let place = repos
        .iter()
        .position(|repo| repo.url == pull.url)
        .and_then(|index| Some((index, repos.get(index)?)));
    let diff = match place {
        Some((index, repo)) => diff::of_repo(app, handle.id, view, index, repo).await?,
        None => None,
    };
    let review = match place {
        Some((index, repo)) => {
            review(app, handle, view, (index, repo), &found.content.commit).await?
        }
        None => None,
    };
    let behind = match place.filter(|_| found.state.is_open()) {
        Some((_, repo)) => {
            let branches = (&found.content.base, &found.content.commit);
            bases::behind(app, (&handle.org, handle.id), repo, branches).await
        }
        None => None,
    };
    let merge_commit = match &found.state {
        forge::pull_request::State::Merged { commit } => Some(commit.to_string()),
        _ => None,
    };
    Ok(PullRequestBody {
        repo_url: show::shown_url(&pull.url),
        number: found.number,
        url: pull.link.clone(),
        title: found.content.title,
        body: found.content.body,
        head: found.content.head.to_string(),
        base: found.content.base.to_string(),
        commit: found.content.commit.to_string(),
        state: found.state.as_str().to_owned(),
        is_draft: found.content.stage == Stage::Draft,
        problem: None,
        kept_by: match kept_by {
            KeptBy::Errand => PullRequestKeeper::Errand,
            KeptBy::Host => PullRequestKeeper::Host,
        },
        behind,
        merge_commit,
        stat: diff.map(|diff| diff.stat).unwrap_or_default(),
        review,
        evidence: evidence.clone(),
    })
}

async fn asked(
    app: &App,
    handle: &Handle,
    pull: &PullRequest,
) -> Result<(There, KeptBy), ForgeError> {
    let commit = CommitId::parse(&pull.commit).map_err(|bad| ForgeError::Store(bad.into()))?;
    let place = (pull.url.as_str(), &commit);
    let forge = app.forge_of(handle.id, &handle.org, place, Some(pull)).await?;
    Ok((forge.get(pull.number).await?, forge.capabilities().kept_by))
}

fn too_late() -> ForgeError {
    ForgeError::Unreachable { detail: format!("no answer within {} s", ASKED.as_secs()) }
}

/// What the log knows of one whose host does not say. It is at a host, since what is kept here is there.
async fn unasked(
    app: &App,
    handle: &Handle,
    view: &View,
    (pull, evidence): (&PullRequest, &EvidenceBody),
    error: &ForgeError,
) -> ApiResult<PullRequestBody> {
    tracing::info!(agent.id = %handle.id, %error, "a host did not say how a pull request stands");
    let commit = CommitId::parse(&pull.commit).context("parse a commit")?;
    let repos = &view.living()?.settings.repos;
    let mut place = repos.iter().enumerate().filter(|(_, repo)| repo.url == pull.url);
    let (review, diff) = match place.next() {
        Some((index, repo)) => (
            review(app, handle, view, (index, repo), &commit).await?,
            diff::of_repo(app, handle.id, view, index, repo).await?,
        ),
        None => (None, None),
    };
    Ok(PullRequestBody {
        repo_url: show::shown_url(&pull.url),
        number: pull.number,
        url: pull.link.clone(),
        title: view.projection.detail.name.clone(),
        body: String::new(),
        head: pull.head.clone(),
        base: pull.base.clone(),
        commit: pull.commit.clone(),
        state: "unknown".to_owned(),
        problem: Some(error.to_string()),
        is_draft: false,
        kept_by: PullRequestKeeper::Host,
        behind: None,
        merge_commit: None,
        stat: diff.map(|diff| diff.stat).unwrap_or_default(),
        review,
        evidence: evidence.clone(),
    })
}

/// What the pull request's own commit holds, whatever the agent has saved since.
async fn review(
    app: &App,
    handle: &Handle,
    view: &View,
    (index, repo): (usize, &RepoSettings),
    commit: &CommitId,
) -> ApiResult<Option<ReviewBody>> {
    let state = view.living()?.repos.get(index);
    let Some(base) = state.and_then(|state| state.base.as_ref()) else { return Ok(None) };
    let ours = app.agent_repo(handle.id, repo)?;
    let since = bases::since(&ours, base, commit.as_str()).await?;
    let range = (since.as_str(), commit.as_str());
    let found = findings::if_judged(app, handle.id, repo, range).await;
    Ok(found.map(|found| found.body()))
}

/// Merges a pull request kept by Errand into its base branch.
#[utoipa::path(post, path = "/v1/agents/{id}/pull-requests/{number}/merge", tag = "agents",
    params(("id" = String, Path), ("number" = u64, Path)), request_body = MergePullRequest,
    responses((status = 200, body = PullRequestBody), (status = 409, body = protocol::api::ErrorBody)))]
pub async fn merge(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((id, number)): Path<(String, u64)>,
    Body(wish): Body<MergePullRequest>,
) -> ApiResult<Json<PullRequestBody>> {
    let handle = app.agents.existing(&caller.org, agent_id(&id)?).await?;
    let view = handle.view().await?;
    let pull = find(&view, number, wish.repo_url.as_deref())?;
    let seen = match &wish.commit {
        Some(commit) => {
            CommitId::parse(commit).map_err(|problem| ApiError::invalid("commit", problem))?
        }
        None => CommitId::parse(&pull.commit).context("parse a commit")?,
    };
    let forge = forge_of(&app, &handle, pull).await?;
    let when = When { seconds: now_ms() / 1000, offset_minutes: 0 };
    let bot =
        Signature { name: app.config.git.name.clone(), email: app.config.git.email.clone(), when };
    let person = Signature { name: caller.name.clone(), ..bot.clone() };
    let merged =
        forge.merge(number, &MergeWish { seen, person, committer: bot }).await.map_err(refused)?;
    if let forge::pull_request::State::Merged { commit } = &merged.state {
        let input = Input::Merged {
            repo: pull.url.clone(),
            number,
            commit: commit.to_string(),
            principal: caller.name,
        };
        handle.submit(input, Extras::default()).await?;
    }
    Ok(Json(with_evidence(&app, &handle, &view, pull).await?))
}

/// Makes a pull request a draft, or says that it is ready.
#[utoipa::path(put, path = "/v1/agents/{id}/pull-requests/{number}/stage", tag = "agents",
    params(("id" = String, Path), ("number" = u64, Path)), request_body = StagePullRequest,
    responses((status = 200, body = PullRequestBody), (status = 409, body = protocol::api::ErrorBody)))]
pub async fn stage(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((id, number)): Path<(String, u64)>,
    Body(wish): Body<StagePullRequest>,
) -> ApiResult<Json<PullRequestBody>> {
    let handle = app.agents.existing(&caller.org, agent_id(&id)?).await?;
    let view = handle.view().await?;
    let pull = find(&view, number, wish.repo_url.as_deref())?;
    let forge = forge_of(&app, &handle, pull).await?;
    let there = forge.get(number).await.map_err(refused)?;
    let stage = if wish.draft { Stage::Draft } else { Stage::Ready };
    forge.update(number, Content { stage, ..there.content }).await.map_err(refused)?;
    Ok(Json(with_evidence(&app, &handle, &view, pull).await?))
}

async fn with_evidence(
    app: &App,
    handle: &Handle,
    view: &View,
    pull: &PullRequest,
) -> ApiResult<PullRequestBody> {
    let log = handle.log(Seq(0)).await?;
    let evidence = evidence::body(app, &handle.org, view, &log).await?;
    body(app, handle, view, (pull, &evidence)).await
}

async fn forge_of(app: &App, handle: &Handle, pull: &PullRequest) -> ApiResult<Arc<dyn Forge>> {
    let commit = CommitId::parse(&pull.commit).context("parse a commit")?;
    let place = (pull.url.as_str(), &commit);
    app.forge_of(handle.id, &handle.org, place, Some(pull)).await.map_err(refused)
}

fn find<'a>(view: &'a View, number: u64, repo: Option<&str>) -> ApiResult<&'a PullRequest> {
    let fits = |pull: &&PullRequest| {
        pull.number == number
            && repo.is_none_or(|repo| repo == pull.url || repo == show::shown_url(&pull.url))
    };
    let mut found = view.projection.detail.pulls.iter().filter(fits);
    match (found.next(), found.next()) {
        (Some(pull), None) => Ok(pull),
        (Some(_), Some(_)) => Err(ApiError::invalid(
            "repoUrl",
            "several repositories have a pull request of this number: name one",
        )),
        (None, _) => Err(ApiError::not_found(
            "pull_request_not_found",
            format!("this agent has no pull request {number}"),
        )),
    }
}

fn refused(error: ForgeError) -> ApiError {
    let conflict = |code| ApiError::new(StatusCode::CONFLICT, code, error.to_string());
    match &error {
        ForgeError::NotFound(_) => ApiError::not_found("pull_request_not_found", error.to_string()),
        ForgeError::NotOpen { .. } => conflict("pull_request_not_open"),
        ForgeError::BranchMissing(_) => conflict("branch_missing"),
        ForgeError::HeadMoved { .. } => conflict("head_moved"),
        ForgeError::Conflicts { .. } => conflict("merge_conflict"),
        ForgeError::BaseMoved(_) => conflict("base_moved"),
        ForgeError::CheckedOut(_) => conflict("branch_checked_out"),
        ForgeError::Refused { .. } => conflict("push_refused"),
        ForgeError::Unsupported(_) => conflict("not_supported_by_forge"),
        ForgeError::RateLimited { .. } => conflict("forge_rate_limited"),
        ForgeError::OutcomeUnknown { .. } | ForgeError::Unreachable { .. } => {
            conflict("forge_unreachable")
        }
        ForgeError::Credential => conflict("forge_credential_refused"),
        ForgeError::Denied { .. } | ForgeError::Rejected { .. } => conflict("forge_refused"),
        ForgeError::Git(_) | ForgeError::Store(_) => {
            anyhow::Error::new(error).context("ask the forge").into()
        }
    }
}
