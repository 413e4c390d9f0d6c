//! Confirms the starting commit of each repository on its remote, brings it into the mirror, and looks
//! at what is there.
//!
//! The first model request waits for this, and for nothing else.

use super::{Job, failed};
use crate::egress;
use crate::environments::{self, Origin, Sight};
use crate::repositories::explain;
use crate::uploads;
use anyhow::{Context, Result};
use git::agent_repo::AgentRepo;
use git::error::Error as GitError;
use git::mirror::Mirror;
use git::name::{BranchName, CommitId, StartingRef};
use git::refs::Expected;
use git::remote::{RefKind, RemoteHead};
use protocol::event::{Event, RepoBase, RepoSettings, Settings};
use protocol::failure::{Failure, Phase};
use protocol::ids::{Epoch, RunId};
use std::sync::Arc;

/// Progress before there is a sandbox belongs to the first one.
const BEFORE_ANY_SANDBOX: Epoch = Epoch(1);

/// Confirms all repositories of the agent.
pub async fn run(job: &Job, run: RunId) -> Result<()> {
    let view = job.view().await?;
    let living = view.living()?;
    let settings = Arc::clone(&living.settings);
    let known: Option<Vec<RepoBase>> = living.repos.iter().map(|repo| repo.base.clone()).collect();
    let (mut repos, mut sights) = (Vec::new(), Vec::new());
    for (index, repo) in settings.repos.iter().enumerate() {
        let resolved = match known.as_ref().and_then(|known| known.get(index)) {
            // The work's start never moves; what people push meanwhile comes into the branch.
            Some(base) => follow(job, &settings, repo, base).await.map(|base| (base, None)),
            None => Box::pin(resolve(job, &settings, repo))
                .await
                .map(|(base, sight)| (base, Some(sight))),
        };
        match resolved {
            Ok((base, sight)) => {
                repos.push(base);
                sights.extend(sight);
            }
            Err(error) => return fail(job, run, repo, error).await,
        }
    }
    let network = egress::network_of(&job.app, &job.handle.org, living).await?;
    let environment = environments::tell((&job.app.config, &network), living, run, &sights)?;
    let resolved = Event::BaseResolved { run, repos };
    job.report(environment.into_iter().chain([resolved]).collect()).await
}

/// What a person must change ends the run now; what may pass is tried again.
async fn fail(job: &Job, run: RunId, repo: &RepoSettings, error: anyhow::Error) -> Result<()> {
    if let Some(super::Failed(failure)) = error.downcast_ref::<super::Failed>() {
        return job.report(vec![Event::BaseFailed { run, failure: failure.clone() }]).await;
    }
    let Some(git) = error.downcast_ref::<GitError>() else { return Err(error) };
    let failure = explain(git, &repo.url, Phase::Repository);
    match git {
        GitError::Unreachable { .. } | GitError::Timeout { .. } | GitError::Io { .. } => {
            Err(super::Failed(failure).into())
        }
        _ => job.report(vec![Event::BaseFailed { run, failure }]).await,
    }
}

async fn resolve(job: &Job, settings: &Settings, repo: &RepoSettings) -> Result<(RepoBase, Sight)> {
    let remote = job.app.reach(&job.handle.org, &repo.url).await?;
    let start = repo
        .starting_ref
        .as_deref()
        .map(StartingRef::parse)
        .transpose()
        .context("parse the starting ref")?;
    let head = git::remote::ls(&job.app.git, &remote, start.as_ref()).await?;
    let mirror = job.app.mirror(&job.handle.org, &remote, &head.commit)?;
    mirror
        .ensure(&remote, &head, &mut |progress| {
            job.progress(BEFORE_ANY_SANDBOX, "mirror", progress.phase, Some(progress.percent));
        })
        .await?;
    let base = RepoBase {
        commit: known_start(repo, &mirror, &remote, &head).await?.to_string(),
        ..base_of(&repo.url, &head, settings)?
    };
    // On the heap: together they are large.
    let begin = Box::pin(begin(job, settings, repo, (&remote, &mirror), (&head, &base)));
    let (begun, sight) = tokio::join!(begin, sight(job, repo, (&mirror, &remote), (&head, &base)));
    begun?;
    let sight = sight?;
    Ok((RepoBase { configuration: Some(sight.configuration.clone()), ..base }, sight))
}

/// Looks at the starting commit; what is seen is kept for the model's first request.
async fn sight(
    job: &Job,
    repo: &RepoSettings,
    (mirror, remote): (&Mirror, &git::remote::Remote),
    (head, base): (&RemoteHead, &RepoBase),
) -> Result<Sight> {
    let commit = CommitId::parse(&base.commit)?;
    let look = job.app.first_looks.at(mirror, &commit).await?;
    let there = (mirror, &commit, &*look);
    let saved = environments::adopted(&job.app, &job.handle.org, &repo.url, there).await?;
    let origin = match (&look.environment, &saved) {
        (None, None) => Origin::Unknown,
        (Some(_), _) | (_, Some(_)) => {
            environments::origin((mirror, remote), head, &commit).await?
        }
    };
    let there = (&commit, &*look, saved.as_ref());
    let configuration = environments::judged(&job.app, (mirror, remote), head, there).await?;
    Ok(Sight { url: repo.url.clone(), commit, look, origin, saved, configuration })
}

/// The agent's own repository, at the start.
async fn begin(
    job: &Job,
    settings: &Settings,
    repo: &RepoSettings,
    (remote, mirror): (&git::remote::Remote, &Mirror),
    (head, base): (&RemoteHead, &RepoBase),
) -> Result<()> {
    check_branch(job, settings, remote, base).await?;
    let base_branch = BranchName::parse(&base.base_branch)?;
    let branch = BranchName::parse(&settings.branch)?;
    let mut refs = vec![(base_branch.to_ref(), head.commit.clone())];
    if base_branch != branch {
        refs.push((branch.to_ref(), head.commit.clone()));
    }
    let agent = job.handle.id;
    let ours = job.app.make_agent_repo(agent, repo, mirror, &base_branch, refs).await?;
    let start = CommitId::parse(&base.commit)?;
    uploads::begin(&job.app, job.handle.id, repo, &ours, (&branch, &start)).await.map_err(sent)
}

/// What a person sent, and not what the remote has, is at fault.
fn sent(error: anyhow::Error) -> anyhow::Error {
    match error.downcast_ref::<GitError>() {
        Some(GitError::BadObjects { detail }) => {
            let message = format!("the worktree that was sent is not whole: {detail}");
            failed(Phase::Repository, "upload_refused", message)
        }
        Some(_) | None => error,
    }
}

/// The commit of the remote that the work starts from: of a worktree that was sent, the newest one
/// that both know.
async fn known_start(
    repo: &RepoSettings,
    mirror: &Mirror,
    remote: &git::remote::Remote,
    head: &RemoteHead,
) -> Result<CommitId> {
    let Some(base) = repo.upload.as_ref().and_then(|upload| upload.base.as_deref()) else {
        return Ok(head.commit.clone());
    };
    let commit = CommitId::parse(base).context("parse the upload's base")?;
    if mirror.has_commit(&commit).await? {
        return Ok(commit);
    }
    let wanted = RemoteHead { commit: commit.clone(), kind: RefKind::Commit, ..head.clone() };
    match mirror.ensure(remote, &wanted, &mut |_| {}).await {
        Ok(_) => Ok(commit),
        Err(GitError::RefMissing { .. }) => {
            let message = format!(
                "{} does not have the commit {base} that your worktree builds on: fetch, then `errand up` again",
                repo.url
            );
            Err(failed(Phase::Repository, "base_missing", message))
        }
        Err(error) => Err(error.into()),
    }
}

/// Looks where the branch stands now, and brings what people pushed on top of it to our side.
async fn follow(
    job: &Job,
    settings: &Settings,
    repo: &RepoSettings,
    base: &RepoBase,
) -> Result<RepoBase> {
    let remote = job.app.reach(&job.handle.org, &repo.url).await?;
    let branch = BranchName::parse(&settings.branch).context("parse the branch")?;
    let base_branch = BranchName::parse(&base.base_branch).context("parse the base branch")?;
    let asked = [branch.clone(), base_branch.clone()];
    let heads = git::remote::branch_heads(&job.app.git, &remote, &asked).await?;
    let mut heads = heads.into_iter();
    let (now, upstream) = (heads.next().flatten(), heads.next().flatten());
    let ours = job.app.agent_repo(job.handle.id, repo)?;
    if let Some(upstream) = upstream.filter(|_| base_branch != branch) {
        refresh(job, &remote, &ours, &base_branch, upstream).await?;
    }
    let Some(now) = now else {
        return Ok(RepoBase { head: None, ..base.clone() });
    };
    let tip = ours.ref_head(&branch.to_ref()).await?;
    if tip.as_ref() != Some(&now) {
        let head = RemoteHead {
            default_branch: None,
            commit: now.clone(),
            kind: RefKind::Branch(branch.clone()),
        };
        job.app.mirror(&job.handle.org, &remote, &now)?.ensure(&remote, &head, &mut |_| {}).await?;
        let ahead = match &tip {
            Some(tip) => ours.is_ancestor(tip, &now).await?,
            None => true,
        };
        // A rewritten branch is left to the push, which refuses or merges it in words.
        if ahead {
            ours.update_ref(&branch.to_ref(), &now, Expected::Any).await?;
        }
    }
    Ok(RepoBase { head: Some(now.to_string()), ..base.clone() })
}

/// Lets the agent fetch what its base branch has become meanwhile.
async fn refresh(
    job: &Job,
    remote: &git::remote::Remote,
    ours: &AgentRepo,
    base_branch: &BranchName,
    commit: CommitId,
) -> Result<()> {
    if ours.ref_head(&base_branch.to_ref()).await?.as_ref() == Some(&commit) {
        return Ok(());
    }
    let kind = RefKind::Branch(base_branch.clone());
    let head = RemoteHead { default_branch: None, commit, kind };
    let mirror = job.app.mirror(&job.handle.org, remote, &head.commit)?;
    mirror.ensure(remote, &head, &mut |_| {}).await?;
    Ok(ours.update_ref(&base_branch.to_ref(), &head.commit, Expected::Any).await?)
}

fn base_of(url: &str, head: &RemoteHead, settings: &Settings) -> Result<RepoBase> {
    let default = head.default_branch.clone();
    let base_branch = match &head.kind {
        RefKind::Branch(branch) => Some(branch.clone()),
        RefKind::Tag(_) | RefKind::Commit => default.clone(),
    };
    let base_branch = base_branch.or_else(|| default.clone()).ok_or_else(|| {
        let message = format!(
            "{url} has a detached HEAD and names no default branch: choose a branch with --ref"
        );
        failed(Phase::Repository, "no_base_branch", message)
    })?;
    Ok(RepoBase {
        url: url.to_owned(),
        default_branch: default.unwrap_or_else(|| base_branch.clone()).to_string(),
        base_branch: base_branch.to_string(),
        commit: head.commit.to_string(),
        head: settings.work_on_current_branch.then(|| head.commit.to_string()),
        configuration: None,
        merged: None,
    })
}

async fn check_branch(
    job: &Job,
    settings: &Settings,
    remote: &git::remote::Remote,
    base: &RepoBase,
) -> Result<()> {
    if settings.branch == base.default_branch {
        let message = format!(
            "{:?} is the default branch of {}: Errand never pushes to it; choose another branch",
            settings.branch, base.url
        );
        return Err(failed(Phase::Repository, "default_branch_refused", message));
    }
    if settings.work_on_current_branch || settings.branch_name.is_none() {
        return Ok(());
    }
    let branch = BranchName::parse(&settings.branch)?;
    if git::remote::branch_head(&job.app.git, remote, &branch).await?.is_some() {
        let message = format!(
            "{} has a branch {branch} already: choose another name, or start from it with workOnCurrentBranch",
            base.url
        );
        return Err(super::Failed(Failure::new(Phase::Repository, "branch_exists", message)).into());
    }
    Ok(())
}
