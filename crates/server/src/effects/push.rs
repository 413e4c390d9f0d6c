//! Puts the commits on the remote's branch by compare-and-swap, and sees them there.

use super::{Job, prepare};
use crate::agents::View;
use crate::bases;
use crate::commits;
use crate::gate;
use crate::record;
use crate::repositories::explain;
use crate::triggers::threads;
use anyhow::{Context, Result};
use git::error::Error as GitError;
use git::handover::integrate::Integration;
use git::name::{BranchName, CommitId};
use git::refs::Expected;
use protocol::event::{Event, PushConflict, PushPlan, PushStop};
use protocol::failure::{Failure, Phase};
use protocol::ids::RunId;
use std::time::Duration;

/// Times somebody else's push is merged before it counts as a failure.
const MERGES: u32 = 3;
/// Time the workspace gets to follow.
const FOLLOW: Duration = Duration::from_secs(20);

/// Pushes every repository that has something new.
pub async fn run(job: &Job, run: RunId, mut pushes: Vec<PushPlan>) -> Result<()> {
    for index in 0..pushes.len() {
        let Some(push) = pushes.get_mut(index) else { break };
        match one(job, run, push).await? {
            Ok(commit) => {
                let merged = commit.as_str() != push.commit;
                push.commit = commit.to_string();
                if merged {
                    follow_inside(job, run, push).await;
                }
            }
            Err(Refused { failure, conflict, stops }) => {
                let key = job.key.clone();
                // Those before it are on their remotes, and nothing is checked any more.
                for pushed in pushes.iter().take(index) {
                    record::make(job, run, pushed, &[]).await.context("record the run")?;
                }
                let failed = Event::PushFailed { run, key, failure, conflict, stops };
                return job.report(vec![failed]).await;
            }
        }
    }
    let view = job.view().await?;
    for push in pushes.iter().filter(|push| !is_checked(&view, push)) {
        record::make(job, run, push, &[]).await.context("record the run")?;
    }
    job.report(vec![Event::Pushed { run, key: job.key.clone(), pushes }]).await
}

/// Whether the record of this commit waits for what the server finds itself.
fn is_checked(view: &View, push: &PushPlan) -> bool {
    view.living().is_ok_and(|living| living.is_checked(&push.url))
}

/// Shows what was merged to whoever sits in the workspace before the next run, which brings it there in
/// any case.
async fn follow_inside(job: &Job, run: RunId, push: &PushPlan) {
    let following = prepare::follow(job, run, push);
    let error = match tokio::time::timeout(FOLLOW, following).await {
        Ok(Ok(())) => return,
        Ok(Err(error)) => format!("{error:#}"),
        Err(_) => format!("it took longer than {} s", FOLLOW.as_secs()),
    };
    tracing::info!(agent.id = %job.handle.id, error, "the workspace stays where it is until the next run");
}

/// A push that a repetition would not carry out.
struct Refused {
    failure: Failure,
    conflict: Option<PushConflict>,
    stops: Vec<PushStop>,
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self { failure, conflict: None, stops: Vec::new() }
    }
}

type Outcome = std::result::Result<CommitId, Refused>;

async fn one(job: &Job, run: RunId, push: &PushPlan) -> Result<Outcome> {
    let view = job.view().await?;
    let repo = view
        .living()?
        .settings
        .repos
        .iter()
        .find(|repo| repo.url == push.url)
        .context("the push names another repository")?;
    let remote = job.app.reach(&job.handle.org, &push.url).await?;
    let ours = job.app.agent_repo(job.handle.id, repo)?;
    let branch = BranchName::parse(&push.branch)?;
    let mut commit = CommitId::parse(&push.commit)?;
    let mut expected = push.expected.as_deref().map(CommitId::parse).transpose()?;
    let stops = gate::stops(job, &ours, push).await?;
    if !stops.is_empty() {
        let failure = gate::failure(&stops);
        return Ok(Err(Refused { failure, conflict: None, stops }));
    }
    for _ in 0..MERGES {
        let noted = (&commit, job.handle.id);
        threads::pushing(&job.app, &job.handle.org, &push.url, noted).await?;
        let expect = expected.as_ref().map_or(Expected::Absent, Expected::At);
        match ours.push(&remote, &commit, &branch, expect).await {
            Ok(_) => return Ok(Ok(commit)),
            Err(error @ GitError::NonFastForward { .. }) => {
                let there = bases::fetched(&job.app, &job.handle.org, &repo.url, &branch);
                let Some(theirs) = there.await? else {
                    return Ok(Err(moved(push, &error).into()));
                };
                if expected.is_none() {
                    // A branch of this name that is not ours: never written to.
                    return Ok(Err(taken(push).into()));
                }
                match commits::integrate(job, &ours, run, &commit, &theirs).await? {
                    Integration::Integrated { commit: merged } => commit = merged,
                    Integration::Conflict { files } => {
                        return Ok(Err(conflict(push, &theirs, files)));
                    }
                }
                ours.update_ref(&branch.to_ref(), &commit, Expected::Any).await?;
                expected = Some(theirs);
            }
            Err(error @ (GitError::Unreachable { .. } | GitError::Timeout { .. })) => {
                return Err(super::Failed(explain(&error, &push.url, Phase::Push)).into());
            }
            Err(error) => return Ok(Err(refused(push, &error).into())),
        }
    }
    let message =
        format!("{} keeps being pushed to by others: send a follow-up to try again", push.branch);
    Ok(Err(Failure::new(Phase::Push, "push_contended", message).into()))
}

fn moved(push: &PushPlan, error: &GitError) -> Failure {
    Failure::new(
        Phase::Push,
        "branch_moved",
        format!("the branch {} was removed or moved on the remote: {error}", push.branch),
    )
}

fn taken(push: &PushPlan) -> Failure {
    let message = format!(
        "the remote has a branch {} that is not this agent's: start a new agent with another name",
        push.branch
    );
    Failure::new(Phase::Push, "branch_exists", message)
}

fn refused(push: &PushPlan, error: &GitError) -> Failure {
    match error {
        GitError::CheckedOutBranch { .. } => Failure::new(
            Phase::Push,
            "branch_checked_out",
            format!(
                "the remote has {} checked out and takes no push to it: check out another branch there",
                push.branch
            ),
        ),
        GitError::Declined { detail, .. } => Failure::new(
            Phase::Push,
            "push_refused",
            format!(
                "the remote refused the push to {}: {detail}; once its rules allow it, send a follow-up to try again",
                push.branch
            ),
        ),
        other => explain(other, &push.url, Phase::Push),
    }
}

fn conflict(push: &PushPlan, theirs: &CommitId, files: Vec<String>) -> Refused {
    let message = format!(
        "somebody pushed to {} meanwhile, and both changed {}; the work is kept and not pushed",
        push.branch,
        files.join(", ")
    );
    let conflict = PushConflict { url: push.url.clone(), theirs: theirs.to_string(), files };
    let failure = Failure::new(Phase::Push, "push_conflict", message);
    Refused { failure, conflict: Some(conflict), stops: Vec::new() }
}
