//! `POST …/pull-requests/{number}/update`: a person has the base merged into a pull request's branch.
//!
//! It is done with git, on our side, so it is the same wherever the pull request is kept. The branch moves by
//! compare-and-swap and never back; a run at work is not interfered with, and the next one begins where the branch then
//! is, as it does after anybody's push.
//!
//! TRUST: both sides are on the remote already, and are joined by git alone. So nothing leaves here that is not there,
//! and the gate before pushes has nothing to look at.

use super::{find, forge_of, refused, with_evidence};
use crate::agents::{Extras, Handle, View};
use crate::api::agent_id;
use crate::api::body::Body;
use crate::api::error::{ApiError, ApiResult};
use crate::app::App;
use crate::auth::Caller;
use crate::bases;
use crate::clock::now_ms;
use crate::repositories::explain;
use crate::triggers::threads;
use agent::state::Living;
use anyhow::Context as _;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use forge::forge::{Forge, ForgeError, KeptBy};
use forge::pull_request::{Content, PullRequest as There};
use git::agent_repo::AgentRepo;
use git::commit::{Signature, Signing, When};
use git::error::Error as GitError;
use git::handover::Message;
use git::handover::integrate::{Integration, Meeting};
use git::name::{BranchName, CommitId};
use git::refs::Expected;
use protocol::api::agents::{PullRequestBody, UpdatePullRequest};
use protocol::event::{PullRequest, RepoSettings};
use protocol::failure::Phase;
use protocol::input::Input;
use std::sync::Arc;

/// Times it is tried again after somebody else pushed to the branch at the same moment.
const ROUNDS: u32 = 3;
/// Files in conflict that are named.
const NAMED: usize = 20;

/// Merges the base of a pull request into its branch.
#[utoipa::path(post, path = "/v1/agents/{id}/pull-requests/{number}/update", tag = "agents",
    params(("id" = String, Path), ("number" = u64, Path)), request_body = UpdatePullRequest,
    responses((status = 200, body = PullRequestBody), (status = 409, body = protocol::api::ErrorBody)))]
pub async fn update(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((id, number)): Path<(String, u64)>,
    Body(wish): Body<UpdatePullRequest>,
) -> ApiResult<Json<PullRequestBody>> {
    let handle = app.agents.existing(&caller.org, agent_id(&id)?).await?;
    // Of two at once the second finds it done.
    let _turn = handle.updating.lock().await;
    let view = handle.view().await?;
    let pull = find(&view, number, wish.repo_url.as_deref())?;
    let forge = forge_of(&app, &handle, pull).await?;
    let there = forge.get(number).await.map_err(refused)?;
    let updating = Updating::of(&app, &handle, &view, (pull, &there), &caller.name)?;
    // On the heap: it is large.
    Box::pin(updating.carry_out(&*forge, &there)).await?;
    let view = handle.view().await?;
    let pull = find(&view, number, wish.repo_url.as_deref())?;
    Ok(Json(with_evidence(&app, &handle, &view, pull).await?))
}

/// One update.
struct Updating<'a> {
    app: &'a App,
    handle: &'a Handle,
    living: &'a Living,
    pull: &'a PullRequest,
    repo: &'a RepoSettings,
    /// The agent's own repository.
    ours: AgentRepo,
    head: BranchName,
    base: BranchName,
    person: &'a str,
}

/// Where the branch was and is.
struct Moved {
    previous: CommitId,
    now: CommitId,
    /// The commit of the base that it has.
    base: CommitId,
}

impl<'a> Updating<'a> {
    /// Whether it may be done at all.
    fn of(
        app: &'a App,
        handle: &'a Handle,
        view: &'a View,
        (pull, there): (&'a PullRequest, &There),
        person: &'a str,
    ) -> ApiResult<Self> {
        let living = view.living()?;
        if living.active.is_some() || !living.queue.is_empty() {
            let message = "a run is at work on the branch: bring it up to date once that has ended";
            return Err(conflict("agent_busy", message));
        }
        if !there.state.is_open() {
            let message = format!(
                "pull request {} is {}, so its branch stays as it is",
                there.number,
                there.state.as_str()
            );
            return Err(conflict("pull_request_not_open", message));
        }
        let at = living.settings.repos.iter().position(|repo| repo.url == pull.url);
        let known = at.and_then(|at| Some((living.settings.repos.get(at)?, living.repos.get(at)?)));
        let (repo, state) = known.context("the pull request is of another repository")?;
        let Content { head, base, .. } = there.content.clone();
        let default = state.base.as_ref().map(|base| base.default_branch.as_str());
        // TRUST: the host says which branch it is; only the agent's own is ever written to.
        let is_own = head.as_str() == pull.head && Some(head.as_str()) != default && head != base;
        if !is_own {
            let message = format!("{head} is not the agent's own branch, so it stays as it is");
            return Err(conflict("branch_not_own", message));
        }
        let ours = app.agent_repo(handle.id, repo)?;
        Ok(Self { app, handle, living, pull, repo, ours, head, base, person })
    }

    async fn carry_out(&self, forge: &dyn Forge, there: &There) -> ApiResult<()> {
        let moved = self.bring().await?;
        if forge.capabilities().kept_by == KeptBy::Errand && there.content.commit != moved.now {
            let content = Content { commit: moved.now.clone(), ..there.content.clone() };
            forge.update(there.number, content).await.map_err(refused)?;
        }
        if moved.now == moved.previous && self.is_known(&moved.base) {
            return Ok(());
        }
        let told = Input::BranchUpdated {
            repo: self.pull.url.clone(),
            number: self.pull.number,
            base: moved.base.to_string(),
            previous: moved.previous.to_string(),
            commit: moved.now.to_string(),
            principal: self.person.to_owned(),
        };
        self.handle.submit(told, Extras::default()).await?;
        Ok(())
    }

    /// Whether the log knows that the branch has this commit of its base. Of another branch than the one it started
    /// from it need not.
    fn is_known(&self, commit: &CommitId) -> bool {
        let mut repos = self.living.repos.iter().filter(|repo| repo.url == self.pull.url);
        repos.next().and_then(|repo| repo.base.as_ref()).is_none_or(|start| {
            start.base_branch != self.base.as_str()
                || start.merged.as_ref().unwrap_or(&start.commit) == commit.as_str()
        })
    }

    async fn bring(&self) -> ApiResult<Moved> {
        for _ in 0..ROUNDS {
            let previous = self.fetched(&self.head).await?;
            let base = self.fetched(&self.base).await?;
            let (own, missing) =
                self.ours.apart(&previous, &base).await.map_err(anyhow::Error::new)?;
            if missing == 0 {
                return Ok(Moved { now: previous.clone(), previous, base });
            }
            if own == 0 {
                let message = format!(
                    "{} has all of {} already: there is nothing to update",
                    self.base, self.head
                );
                return Err(conflict("nothing_to_update", message));
            }
            let now = self.merged(&previous, &base).await?;
            let remote = self.app.reach(&self.handle.org, &self.pull.url).await?;
            let noted = (&now, self.handle.id);
            threads::pushing(self.app, &self.handle.org, &self.pull.url, noted).await?;
            match self.ours.push(&remote, &now, &self.head, Expected::At(&previous)).await {
                Ok(_) => return Ok(Moved { previous, now, base }),
                Err(GitError::NonFastForward { .. }) => {}
                Err(error) => return Err(self.told(error)),
            }
        }
        let message = format!("{} keeps being pushed to by others: try again", self.head);
        Err(conflict("push_contended", message))
    }

    async fn fetched(&self, branch: &BranchName) -> ApiResult<CommitId> {
        let asked = bases::fetched(self.app, &self.handle.org, &self.pull.url, branch).await;
        let found = asked.map_err(|error| match error.downcast::<GitError>() {
            Ok(error) => self.told(error),
            Err(error) => error.into(),
        })?;
        found.ok_or_else(|| refused(ForgeError::BranchMissing(branch.clone())))
    }

    async fn merged(&self, head: &CommitId, base: &CommitId) -> ApiResult<CommitId> {
        let git = &self.app.config.git;
        let when = When { seconds: now_ms() / 1000, offset_minutes: 0 };
        let bot = Signature { name: git.name.clone(), email: git.email.clone(), when };
        let subject = format!("Merge {} into {}", self.base, self.head);
        let trailers = [
            ("Requested-by".to_owned(), self.person.to_owned()),
            ("Errand-agent".to_owned(), self.handle.id.to_string()),
        ];
        let signer = self.app.signer();
        let meeting = Meeting {
            ours: head,
            theirs: base,
            bot: &bot,
            message: Message { subject: &subject, body: "" },
            trailers: &trailers,
            signing: Signing(Some(&*signer)),
        };
        match self.ours.integrate(&meeting).await.map_err(anyhow::Error::new)? {
            Integration::Integrated { commit } => Ok(commit),
            Integration::Conflict { files } => {
                let more = files.len().saturating_sub(NAMED);
                let mut named: Vec<_> = files.into_iter().take(NAMED).collect();
                if more > 0 {
                    named.push(format!("{more} more"));
                }
                let message = format!(
                    "{} and {} both changed {}, so nothing was done: ask the agent, for example with `errand send {} \
                     \"Merge {} into your branch and resolve the conflicts\"`",
                    self.base,
                    self.head,
                    named.join(", "),
                    self.handle.id,
                    self.base
                );
                Err(conflict("merge_conflict", message))
            }
        }
    }

    /// Why git did not do it.
    fn told(&self, error: GitError) -> ApiError {
        let code = match &error {
            GitError::Unreachable { .. } | GitError::Timeout { .. } => "forge_unreachable",
            GitError::Declined { .. } | GitError::PermissionDenied { .. } => "push_refused",
            GitError::CheckedOutBranch { .. } => "branch_checked_out",
            GitError::NotFound { .. }
            | GitError::EmptyRepository
            | GitError::RefMissing { .. }
            | GitError::NonFastForward { .. }
            | GitError::BadObjects { .. }
            | GitError::TooLarge { .. }
            | GitError::Io { .. }
            | GitError::Other { .. } => {
                return anyhow::Error::new(error).context("update a branch").into();
            }
        };
        conflict(code, explain(&error, &self.repo.url, Phase::Push).message)
    }
}

fn conflict(code: &'static str, message: impl Into<String>) -> ApiError {
    ApiError::new(StatusCode::CONFLICT, code, message)
}
