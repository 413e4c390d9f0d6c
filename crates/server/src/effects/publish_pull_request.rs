//! Makes the pull request of a pushed branch, or brings it up to date.

use super::{Job, check};
use crate::evidence;
use crate::forges::{self, publish};
use crate::record;
use crate::redact::{self, Redactor};
use crate::settings;
use agent::state::{Living, Pull, Repo};
use anyhow::Result;
use forge::around::Subject;
use forge::describe::{Description, Telling, describe};
use forge::forge::{Forge, ForgeError, KeptBy, keep_comment};
use forge::pull_request::{Content, Stage};
use git::name::{BranchName, CommitId};
use protocol::event::{Event, PullRequest, RepoBase, RepoSettings};
use protocol::failure::Phase;
use protocol::ids::RunId;
use std::sync::Arc;

/// One repository with work to show.
struct Shown<'a> {
    chosen: &'a RepoSettings,
    base: &'a RepoBase,
    tip: CommitId,
    /// The one that the log knows, where it is open.
    known: Option<&'a PullRequest>,
    description: Description,
    /// What those outside are told in its place.
    outline: Option<Description>,
}

impl Shown<'_> {
    /// What is told where pull requests are kept so.
    fn told(&self, kept_by: KeptBy) -> &Description {
        match (kept_by, &self.outline) {
            (KeptBy::Host, Some(outline)) => outline,
            (KeptBy::Host, None) | (KeptBy::Errand, _) => &self.description,
        }
    }
}

/// One pull request a repository whose branch differs from its base.
pub async fn run(job: &Job, run: RunId) -> Result<()> {
    let view = job.view().await?;
    let living = view.living()?;
    let redactor = redact::of_agent(&job.app, &job.handle.org, living).await?;
    let tells_outside = settings::read(&job.app, &job.handle.org).await?.tells_outside();
    let mut shown = Vec::new();
    for (index, (chosen, repo)) in living.settings.repos.iter().zip(&living.repos).enumerate() {
        let (Some(base), Some(tip)) = (&repo.base, &repo.remote) else { continue };
        if *tip == base.commit {
            continue;
        }
        let mut facts = evidence::facts(job, &view, run, index, chosen).await?;
        facts.checks = check::fact(job, &chosen.url, tip).await?;
        facts.record = record::fact(job, &chosen.url, tip).await?;
        let description = redacted(&redactor, describe(&facts));
        facts.telling = Telling::Outline;
        let outline = (!tells_outside).then(|| redacted(&redactor, describe(&facts)));
        let known = open(repo);
        let tip = CommitId::parse(tip)?;
        shown.push(Shown { chosen, base, tip, known, description, outline });
    }
    match Box::pin(all(job, living, &shown)).await {
        Ok(pulls) => {
            job.report(vec![Event::PullRequestPublished { run, key: job.key.clone(), pulls }]).await
        }
        Err(Stopped { error, url }) if forges::may_pass(&error) => {
            Err(forges::failed(error, &url, Phase::PullRequest))
        }
        Err(Stopped { error, url }) => {
            let failure = forges::explain(&error, &url, Phase::PullRequest);
            job.report(vec![Event::PullRequestFailed { run, key: job.key.clone(), failure }]).await
        }
    }
}

/// What kept one of them from being published.
struct Stopped {
    error: ForgeError,
    url: String,
}

fn open(repo: &Repo) -> Option<&PullRequest> {
    match &repo.pull {
        Pull::Open(pull) => Some(pull),
        Pull::Absent | Pull::Merged(_) => None,
    }
}

fn redacted(redactor: &Redactor, description: Description) -> Description {
    Description { title: redactor.text(&description.title), body: redactor.text(&description.body) }
}

/// All of them, each naming the others.
async fn all(job: &Job, living: &Living, shown: &[Shown<'_>]) -> Result<Vec<PullRequest>, Stopped> {
    let mut links: Vec<Option<String>> =
        shown.iter().map(|one| one.known.map(|pull| pull.link.clone())).collect();
    let mut pulls = Vec::new();
    for (at, one) in shown.iter().enumerate() {
        let told = links.clone();
        let stopped = |error| Stopped { error, url: one.chosen.url.clone() };
        let pull = self::one(job, living, one, (at, &told)).await.map_err(stopped)?;
        if let Some(link) = links.get_mut(at) {
            *link = Some(pull.link.clone());
        }
        pulls.push((pull, told));
    }
    let mut published = Vec::new();
    for (at, ((pull, told), one)) in pulls.into_iter().zip(shown).enumerate() {
        // Written before the others had a link.
        let is_stale = others(at, &told).ne(others(at, &links));
        if is_stale {
            let one = Shown {
                known: Some(&pull),
                description: one.description.clone(),
                outline: one.outline.clone(),
                tip: one.tip.clone(),
                ..*one
            };
            let stopped = |error| Stopped { error, url: one.chosen.url.clone() };
            published.push(self::one(job, living, &one, (at, &links)).await.map_err(stopped)?);
        } else {
            published.push(pull);
        }
    }
    Ok(published)
}

fn others(at: usize, links: &[Option<String>]) -> impl Iterator<Item = &str> {
    links
        .iter()
        .enumerate()
        .filter(move |(other, _)| *other != at)
        .filter_map(|(_, link)| link.as_deref())
}

async fn one(
    job: &Job,
    living: &Living,
    shown: &Shown<'_>,
    (at, links): (usize, &[Option<String>]),
) -> forge::forge::Result<PullRequest> {
    let (app, org, chosen) = (&job.app, &job.handle.org, shown.chosen);
    let host = app.forge_of(job.handle.id, org, (&chosen.url, &shown.tip), shown.known).await?;
    let Description { title, mut body } = shown.told(host.capabilities().kept_by).clone();
    let others: Vec<_> = others(at, links).map(|link| format!("- {link}")).collect();
    if !others.is_empty() {
        body.push_str(&format!("\n\n### Belongs together with\n\n{}", others.join("\n")));
    }
    if let Some(link) = &chosen.pr_url {
        return continued(job, living, shown, (&host, link), &body).await;
    }
    let other = |error: git::name::BadName| ForgeError::Store(error.into());
    let content = Content {
        title,
        body,
        head: BranchName::parse(&living.settings.branch).map_err(other)?,
        commit: shown.tip.clone(),
        base: BranchName::parse(&shown.base.base_branch).map_err(other)?,
        stage: if living.settings.pull.draft { Stage::Draft } else { Stage::Ready },
    };
    let made = match host.capabilities().kept_by {
        KeptBy::Host => {
            let mut wishes = living.settings.pull.clone();
            if living.settings.skip_reviewer_request {
                wishes.reviewers.clear();
            }
            let known = shown.known.map(|pull| pull.number);
            publish::publish(host.as_ref(), content, known, &wishes).await?
        }
        KeptBy::Errand => {
            // Whether it is ready a person may have said meanwhile.
            let there = host.find_pull_request(&content.head).await?;
            let stage = there.map_or(content.stage, |there| there.content.stage);
            host.create(Content { stage, ..content }).await?
        }
    };
    Ok(PullRequest {
        url: chosen.url.clone(),
        number: made.number,
        link: host.link(made.number).unwrap_or_else(|| app.pull_link(job.handle.id, made.number)),
        head: made.content.head.to_string(),
        base: made.content.base.to_string(),
        commit: shown.tip.to_string(),
    })
}

/// A pull request that was there before the agent: its text is somebody else's, so what was done is a comment.
async fn continued(
    job: &Job,
    living: &Living,
    shown: &Shown<'_>,
    (host, link): (&Arc<dyn Forge>, &str),
    body: &str,
) -> forge::forge::Result<PullRequest> {
    let head = BranchName::parse(&living.settings.branch);
    let head = head.map_err(|error| ForgeError::Store(error.into()))?;
    let there = host.find_pull_request(&head).await?;
    let there = there
        .ok_or_else(|| ForgeError::Rejected { detail: format!("{link} is not open any more") })?;
    let on = Subject::PullRequest(there.number);
    keep_comment(host.as_ref(), on, &job.handle.id.to_string(), body).await?;
    Ok(PullRequest {
        url: shown.chosen.url.clone(),
        number: there.number,
        link: host.link(there.number).unwrap_or_else(|| link.to_owned()),
        head: there.content.head.to_string(),
        base: there.content.base.to_string(),
        commit: shown.tip.to_string(),
    })
}
