//! The base of an agent's branch: where it stands on the remote now, and how far the branch is behind.

use crate::app::App;
use anyhow::Result;
use git::agent_repo::AgentRepo;
use git::name::{BranchName, CommitId};
use git::remote::{RefKind, RemoteHead};
use protocol::event::{RepoBase, RepoSettings};
use protocol::ids::{AgentId, OrgId};
use std::time::Duration;

/// Longest wait for the remote where its answer is only shown; after it our own copy has to do.
const SHOWN: Duration = Duration::from_secs(5);

/// Where a branch of the remote is at now, with its objects on our side.
pub async fn fetched(
    app: &App,
    org: &OrgId,
    url: &str,
    branch: &BranchName,
) -> Result<Option<CommitId>> {
    let remote = app.reach(org, url).await?;
    let Some(commit) = git::remote::branch_head(&app.git, &remote, branch).await? else {
        return Ok(None);
    };
    let kind = RefKind::Branch(branch.clone());
    let head = RemoteHead { default_branch: None, commit, kind };
    app.mirror(org, &remote, &head.commit)?.ensure(&remote, &head, &mut |_| {}).await?;
    Ok(Some(head.commit))
}

/// Where the branch's own work begins: the starting commit, or what it has of its base since a person had that merged
/// into it. What came with the base is not the agent's.
pub async fn since(ours: &AgentRepo, base: &RepoBase, head: &str) -> Result<CommitId> {
    let start = CommitId::parse(&base.commit)?;
    let Some(merged) = &base.merged else { return Ok(start) };
    let head = CommitId::parse(head)?;
    // Somebody else may have pushed the head.
    if !ours.has_commit(&head).await? {
        return Ok(start);
    }
    // Work that was saved before, and not pushed, does not have it.
    Ok(ours.merge_base(&CommitId::parse(merged)?, &head).await?.unwrap_or(start))
}

/// Commits of the base that the head lacks; none where the remote does not say in time and we do not know either.
pub async fn behind(
    app: &App,
    (org, agent): (&OrgId, AgentId),
    repo: &RepoSettings,
    (base, head): (&BranchName, &CommitId),
) -> Option<u64> {
    let asked = tokio::time::timeout(SHOWN, fetched(app, org, &repo.url, base)).await;
    let now = match asked {
        Ok(Ok(now)) => now?,
        Ok(Err(_)) | Err(_) => {
            let mirror = app.mirror(org, &app.remote(&repo.url).ok()?, head).ok()?;
            mirror.ref_head(&base.to_ref()).await.ok()??
        }
    };
    let ours = app.agent_repo(agent, repo).ok()?;
    // Somebody else may have pushed the head.
    Some(ours.apart(head, &now).await.ok()?.1)
}
