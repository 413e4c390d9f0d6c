//! `/v1/agents/{id}/worktree`: what the agent's files are now, and the objects to have them elsewhere;
//! `/v1/agents/{id}/blobs`: one file of a commit.
//!
//! TRUST: what the guest says is a claim. Objects come into the agent's own repository through the
//! same quarantine as at the end of a run, and leave from there. Who may read an agent may read its
//! repository.

use super::agent_id;
use super::body::{Body, Query};
use super::error::{ApiError, ApiResult};
use crate::agents::Handle;
use crate::app::App;
use crate::auth::Caller;
use crate::machines::Machine;
use anyhow::Context as _;
use axum::Json;
use axum::body::Body as Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use git::agent_repo::AgentRepo;
use git::error::Error as GitError;
use git::name::{BranchName, CommitId, TreeId};
use git::objects::FileContent;
use git::pack::{ImportLimits, Tip};
use git::worktree::outgoing::{PackStream, Wanted};
use protocol::api::metadata::Items;
use protocol::api::sync::{PackRequest, WorktreeBody};
use protocol::event::RepoSettings;
use protocol::limits::{BLOB_BYTES, PACK_IDS};
use protocol::link::{Answer, Checkpoint, FaultCode, OpId, Pack, Request, Worktree};
use sandbox::link::LinkError;
use serde::Deserialize;
use std::io;
use std::sync::Arc;
use tokio::io::AsyncReadExt as _;
use uuid::Uuid;

/// Bytes sent at once.
const CHUNK_BYTES: usize = 128 * 1024;

/// The files of each repository as they are now; of an agent whose machine is asleep, as they were saved.
#[utoipa::path(post, path = "/v1/agents/{id}/worktree", tag = "sync", params(("id" = String, Path)),
    responses((status = 200, body = Items<WorktreeBody>), (status = 409, body = protocol::api::ErrorBody)))]
pub async fn worktree(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> ApiResult<Json<Items<WorktreeBody>>> {
    let handle = app.agents.existing(&caller.org, agent_id(&id)?).await?;
    let view = handle.view().await?;
    let living = view.living()?;
    let machine = app.machines.get(handle.id).filter(|machine| !machine.link.is_closed());
    let mut items = Vec::new();
    for (repo, state) in living.settings.repos.iter().zip(&living.repos) {
        let base = state.base.as_ref().ok_or_else(not_ready)?;
        let look = Look {
            handle: &handle,
            repo,
            ours: app.agent_repo(handle.id, repo)?,
            branch: BranchName::parse(&living.settings.branch).context("parse the branch")?,
            base: CommitId::parse(&base.commit).context("parse the base")?,
        };
        items.push(look.at(machine.as_ref()).await?);
    }
    Ok(Json(Items { items }))
}

fn not_ready() -> ApiError {
    let message = "the agent has no files yet: its repository is still being fetched";
    ApiError::new(StatusCode::CONFLICT, "not_ready", message)
}

struct Look<'a> {
    handle: &'a Handle,
    repo: &'a RepoSettings,
    ours: AgentRepo,
    branch: BranchName,
    base: CommitId,
}

impl Look<'_> {
    async fn at(&self, machine: Option<&Machine>) -> anyhow::Result<WorktreeBody> {
        let tip = self.ours.ref_head(&self.branch.to_ref()).await?;
        let tip = tip.unwrap_or_else(|| self.base.clone());
        let live = match machine {
            Some(machine) => self.take(machine, &tip).await?,
            None => None,
        };
        let is_live = live.is_some();
        let (head, tree) = match live {
            Some(found) => found,
            None => (tip.clone(), self.ours.tree_of(&tip).await?),
        };
        let base_tree = match &self.repo.upload {
            Some(upload) => TreeId::parse(&upload.tree).context("parse the tree that was sent")?,
            None => self.ours.tree_of(&self.base).await?,
        };
        Ok(WorktreeBody {
            url: self.repo.url.clone(),
            branch: self.branch.to_string(),
            base: self.base.to_string(),
            base_tree: base_tree.to_string(),
            head: head.to_string(),
            tree: tree.to_string(),
            live: is_live,
        })
    }

    /// Brings what is in the machine to our side; nothing where there is no repository inside yet.
    async fn take(
        &self,
        machine: &Machine,
        tip: &CommitId,
    ) -> anyhow::Result<Option<(CommitId, TreeId)>> {
        let path = format!("/workspace/{}", self.repo.folder);
        let Some(worktree) = ask(machine, &path).await? else { return Ok(None) };
        let head = worktree.head.commit.as_deref().map(CommitId::parse).transpose()?;
        let tree = TreeId::parse(&worktree.tree)?;
        let here = match &head {
            Some(head) => self.ours.has_commit(head).await?,
            None => false,
        };
        let mut want = vec![tree.to_string()];
        let mut tips = vec![Tip::Tree(tree.clone())];
        if let Some(head) = head.as_ref().filter(|_| !here) {
            want.push(head.to_string());
            tips.push(Tip::Commit(head.clone()));
        }
        if !(here && worktree.clean) {
            let known = [self.base.clone(), tip.clone()];
            let have = known.iter().map(ToString::to_string).collect();
            let pack = Pack { repo_path: path, want, have };
            let mut pack = machine.link.pack(pack).await.context("ask for the objects")?;
            self.ours.import_pack(&mut pack, ImportLimits::default(), &tips, &known).await?;
        }
        tracing::debug!(agent.id = %self.handle.id, %tree, "read a worktree");
        Ok(Some((head.unwrap_or_else(|| tip.clone()), tree)))
    }
}

async fn ask(machine: &Machine, path: &str) -> anyhow::Result<Option<Worktree>> {
    let op = OpId::parse(&format!("worktree-{}", Uuid::new_v4().simple()))?;
    let checkpoint = Checkpoint { op: op.clone(), repo_path: path.to_owned(), exclude: Vec::new() };
    let answer = machine.link.request(Request::Checkpoint(checkpoint)).await;
    let worktree = match answer {
        Ok(Answer::Worktree(worktree)) => *worktree,
        Err(LinkError::Fault(fault)) if fault.code == FaultCode::NotFound => return Ok(None),
        Ok(_) => anyhow::bail!("the guest answered something else"),
        Err(error) => return Err(error).context("ask for the worktree"),
    };
    if let Err(error) = machine.link.ack(op).await {
        tracing::debug!(%error, "an answer stays with the guest until its end");
    }
    Ok(Some(worktree))
}

/// Objects as a git pack, without those that are there already.
#[utoipa::path(post, path = "/v1/agents/{id}/worktree/pack", tag = "sync", params(("id" = String, Path)), request_body = PackRequest,
    responses((status = 200, description = "a thin pack", content_type = "application/x-git-packfile"), (status = 404, body = protocol::api::ErrorBody)))]
pub async fn pack(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    Body(body): Body<PackRequest>,
) -> ApiResult<Response> {
    let handle = app.agents.existing(&caller.org, agent_id(&id)?).await?;
    let view = handle.view().await?;
    let repos = &view.living()?.settings.repos;
    let repo = repos.get(body.repo).ok_or_else(|| no_repository(repos.len()))?;
    for (field, list) in [("want", &body.want), ("have", &body.have)] {
        if list.len() > PACK_IDS {
            return Err(ApiError::invalid(field, format!("has at most {PACK_IDS} entries")));
        }
        // Full ids only: nothing that git could take for an expression.
        for text in list {
            TreeId::parse(text).map_err(|bad| ApiError::invalid(field, bad))?;
        }
    }
    let ours = app.agent_repo(handle.id, repo)?;
    for text in &body.want {
        if !ours.has_object(text).await.map_err(anyhow::Error::from)? {
            let message = format!("{text} is not here: ask for the worktree first");
            return Err(ApiError::not_found("object_not_found", message));
        }
    }
    let wanted = Wanted { want: body.want, have: body.have };
    let pack = ours.send_pack(&wanted).await.map_err(anyhow::Error::from)?;
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static("application/x-git-packfile"));
    Ok(([kind], Bytes::from_stream(stream(pack))).into_response())
}

/// A pack that ends early is an error of the stream, so that nobody takes it for whole.
fn stream(mut pack: PackStream) -> impl futures::Stream<Item = io::Result<Vec<u8>>> {
    async_stream::try_stream! {
        loop {
            let mut chunk = Vec::with_capacity(CHUNK_BYTES);
            if pack.stdout.read_buf(&mut chunk).await? == 0 {
                break;
            }
            yield chunk;
        }
        pack.finish().await.map_err(|error: GitError| io::Error::other(error.to_string()))?;
    }
}

fn no_repository(count: usize) -> ApiError {
    ApiError::invalid("repo", format!("the agent has {count} repositories, counted from 0"))
}

/// Which file.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
pub struct BlobQuery {
    /// Which repository, from 0; default 0.
    repo: Option<usize>,
    /// Full id of a commit.
    commit: String,
    /// Path of the file in it.
    path: String,
}

/// One file of a commit, as it is.
#[utoipa::path(get, path = "/v1/agents/{id}/blobs", tag = "sync", params(("id" = String, Path), BlobQuery),
    responses((status = 200, content_type = "application/octet-stream"), (status = 404, body = protocol::api::ErrorBody), (status = 413, body = protocol::api::ErrorBody)))]
pub async fn blob(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    Query(query): Query<BlobQuery>,
) -> ApiResult<Response> {
    let handle = app.agents.existing(&caller.org, agent_id(&id)?).await?;
    let view = handle.view().await?;
    let repos = &view.living()?.settings.repos;
    let repo = repos.get(query.repo.unwrap_or(0)).ok_or_else(|| no_repository(repos.len()))?;
    let commit = CommitId::parse(&query.commit).map_err(|bad| ApiError::invalid("commit", bad))?;
    let ours = app.agent_repo(handle.id, repo)?;
    let read =
        ours.read_file(&commit, &query.path, BLOB_BYTES).await.map_err(anyhow::Error::from)?;
    match read {
        Some(FileContent::Whole(bytes)) => {
            let headers = [
                (header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")),
                (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
                (header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment")),
            ];
            Ok((headers, bytes).into_response())
        }
        Some(FileContent::TooLarge(size)) => {
            let message = format!("the file has {size} bytes; at most {BLOB_BYTES} are given");
            Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", message))
        }
        None => Err(ApiError::not_found("file_not_found", "there is no such file in this commit")),
    }
}
