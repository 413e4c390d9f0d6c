//! Makes the pull request of a pushed branch, or brings it up to date.

use super::Job;
use crate::evidence;
use crate::redact;
use anyhow::{Context, Result};
use forge::describe::describe;
use forge::forge::{Forge as _, ForgeError};
use forge::pull_request::{Content, Stage};
use git::name::{BranchName, CommitId};
use protocol::event::{Event, PullRequest};
use protocol::failure::{Failure, Phase};
use protocol::ids::RunId;

/// One pull request a repository whose branch differs from its base.
pub async fn run(job: &Job, run: RunId) -> Result<()> {
    let view = job.view().await?;
    let living = view.living()?;
    let redactor = redact::of_agent(&job.app, &job.handle.org, living).await?;
    let mut pulls = Vec::new();
    for (index, repo) in living.settings.repos.iter().enumerate() {
        let Some(state) = living.repos.get(index) else { continue };
        let (Some(base), Some(tip)) = (&state.base, &state.remote) else { continue };
        if *tip == base.commit {
            continue;
        }
        let forge = job.app.forge(&job.handle.org, &repo.url, &CommitId::parse(tip)?)?;
        let facts = evidence::facts(job, &view, run, index, repo).await?;
        let description = describe(&facts);
        let content = Content {
            title: redactor.text(&description.title),
            body: redactor.text(&description.body),
            head: BranchName::parse(&living.settings.branch)?,
            commit: CommitId::parse(tip)?,
            base: BranchName::parse(&base.base_branch)?,
            stage: Stage::Ready,
        };
        let made = match forge.create(content).await {
            Ok(made) => made,
            Err(ForgeError::Git(error)) => return Err(error).context("ask the forge"),
            Err(ForgeError::Store(error)) => return Err(error),
            Err(error) => {
                let failure =
                    Failure::new(Phase::PullRequest, "pull_request_failed", error.to_string());
                return job
                    .report(vec![Event::PullRequestFailed { run, key: job.key.clone(), failure }])
                    .await;
            }
        };
        pulls.push(PullRequest {
            url: repo.url.clone(),
            number: made.number,
            link: job.app.pull_link(job.handle.id, made.number),
            head: made.content.head.to_string(),
            base: made.content.base.to_string(),
            commit: made.content.commit.to_string(),
        });
    }
    job.report(vec![Event::PullRequestPublished { run, key: job.key.clone(), pulls }]).await
}
