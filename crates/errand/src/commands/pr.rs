//! `errand pr`: shows an agent's pull requests, merges one, or brings its branch up to date.

mod told;

use super::Cx;
use crate::args::{Merge, Pr, PrAction};
use crate::exit::{Exit, Trouble};
use crate::live::summary::row;
use crate::style::{Line, Shown, Style};
use crate::{diff, lookup, text};
use anyhow::Result;
use protocol::api::agents::{
    MergePullRequest, PullRequestBody, StagePullRequest, UpdatePullRequest,
};
use protocol::api::metadata::Items;

pub(super) async fn pr(cx: Cx<'_>, arguments: &Pr) -> Result<Exit> {
    match (&arguments.action, &arguments.agent) {
        (Some(PrAction::Merge(merge)), _) => self::merge(cx, merge).await,
        (Some(PrAction::Update(wanted)), _) => update(cx, wanted).await,
        (Some(PrAction::Ready(wanted)), _) => stage(cx, wanted, false).await,
        (Some(PrAction::Draft(wanted)), _) => stage(cx, wanted, true).await,
        (Some(PrAction::Show(shown)), _) => show(cx, &shown.agent).await,
        (None, Some(agent)) => show(cx, agent).await,
        (None, None) => Err(Trouble::usage("name an agent").into()),
    }
}

async fn show(cx: Cx<'_>, agent: &str) -> Result<Exit> {
    let Cx { client, output } = cx;
    let agent = lookup::agent(&client, agent).await?;
    let pulls: Items<PullRequestBody> =
        client.get(&["agents", &agent.id, "pull-requests"], &[]).await?;
    if output.is_for_program() {
        output.json(&pulls)?;
    } else if pulls.items.is_empty() {
        output.line(Line::of(Style::Dim, "no pull request so far"))?;
    } else {
        for pull in &pulls.items {
            output.show(&whole(pull))?;
        }
    }
    Ok(Exit::Done)
}

async fn stage(cx: Cx<'_>, arguments: &Merge, draft: bool) -> Result<Exit> {
    let Cx { client, output } = cx;
    let agent = lookup::agent(&client, &arguments.agent).await?;
    let pulls: Items<PullRequestBody> =
        client.get(&["agents", &agent.id, "pull-requests"], &[]).await?;
    let pull = choose(&pulls.items, arguments.repo.as_deref())?;
    let number = pull.number.to_string();
    let body = StagePullRequest { draft, repo_url: Some(pull.repo_url.clone()) };
    let now: PullRequestBody =
        client.put(&["agents", &agent.id, "pull-requests", &number, "stage"], &body).await?;
    if output.is_for_program() {
        output.json(&now)?;
    } else {
        let words = if now.is_draft { "is a draft" } else { "is ready" };
        let line = Line::of(Style::Good, "✓ ").and(Style::Plain, format!("#{number} {words}"));
        output.line(line)?;
    }
    Ok(Exit::Done)
}

async fn update(cx: Cx<'_>, arguments: &Merge) -> Result<Exit> {
    let Cx { client, output } = cx;
    let agent = lookup::agent(&client, &arguments.agent).await?;
    let pulls: Items<PullRequestBody> =
        client.get(&["agents", &agent.id, "pull-requests"], &[]).await?;
    let pull = choose(&pulls.items, arguments.repo.as_deref())?;
    let number = pull.number.to_string();
    let body = UpdatePullRequest { repo_url: Some(pull.repo_url.clone()) };
    let now: PullRequestBody =
        client.post(&["agents", &agent.id, "pull-requests", &number, "update"], &body).await?;
    if output.is_for_program() {
        output.json(&now)?;
        return Ok(Exit::Done);
    }
    let words = match now.commit == pull.commit {
        true => format!(" has all of {} already", now.base),
        false => format!(" has all of {} now, as {}", now.base, text::short_commit(&now.commit)),
    };
    let line = Line::of(Style::Good, "✓ ").and(Style::Bold, format!("#{number}"));
    output.line(line.and(Style::Plain, words))?;
    Ok(Exit::Done)
}

async fn merge(cx: Cx<'_>, arguments: &Merge) -> Result<Exit> {
    let Cx { client, output } = cx;
    let agent = lookup::agent(&client, &arguments.agent).await?;
    let pulls: Items<PullRequestBody> =
        client.get(&["agents", &agent.id, "pull-requests"], &[]).await?;
    let pull = choose(&pulls.items, arguments.repo.as_deref())?;
    if let Some(problem) = &pull.problem {
        return Err(Trouble::unreachable(problem.clone()).into());
    }
    if pull.state != "open" {
        let message = format!("pull request #{} is {} already", pull.number, pull.state);
        return Err(Trouble::new(Exit::Usage, "pull_request_not_open", message).into());
    }
    let number = pull.number.to_string();
    // The commit that was read a moment ago: another one now is refused.
    let body = MergePullRequest {
        commit: Some(pull.commit.clone()),
        repo_url: Some(pull.repo_url.clone()),
    };
    let merged: PullRequestBody =
        client.post(&["agents", &agent.id, "pull-requests", &number, "merge"], &body).await?;
    if output.is_for_program() {
        output.json(&merged)?;
        return Ok(Exit::Done);
    }
    let commit = merged.merge_commit.as_deref().map(text::short_commit).unwrap_or_default();
    let line = Line::of(Style::Good, "✓ merged ").and(Style::Bold, format!("#{number}"));
    output.line(line.and(Style::Plain, format!(" into {} as {commit}", merged.base)))?;
    Ok(Exit::Done)
}

fn choose<'a>(
    pulls: &'a [PullRequestBody],
    repo: Option<&str>,
) -> Result<&'a PullRequestBody, Trouble> {
    let fits = |pull: &&PullRequestBody| match repo {
        Some(repo) => pull.repo_url == repo || pull.repo_url.rsplit('/').next() == Some(repo),
        None => pull.state == "open" || pulls.len() == 1,
    };
    let mut found = pulls.iter().filter(fits);
    match (found.next(), found.next()) {
        (Some(pull), None) => Ok(pull),
        (Some(_), Some(_)) => {
            let repos: Vec<_> = pulls.iter().map(|pull| pull.repo_url.as_str()).collect();
            Err(Trouble::usage(format!(
                "there are several; name one with --repo: {}",
                repos.join(", ")
            )))
        }
        (None, _) => Err(Trouble::new(
            Exit::NotFound,
            "pull_request_not_found",
            "this agent has no such pull request",
        )),
    }
}

fn whole(pull: &PullRequestBody) -> Vec<Shown> {
    let style = match pull.state.as_str() {
        "open" => Style::Good,
        "merged" => Style::Accent,
        _ => Style::Dim,
    };
    let title = Line::of(Style::Bold, format!("#{} {}", pull.number, pull.title))
        .and(style, format!("  {}", pull.state));
    let plain = |value: &str| Line::of(Style::Plain, value);
    let mut shown = vec![
        Shown::Whole(title),
        row("repository", plain(&pull.repo_url)),
        row("branch", plain(&format!("{} → {}", pull.head, pull.base))),
        row("commit", plain(&pull.commit)),
        row("changes", diff::counted(&pull.stat)),
        row("link", Line::of(Style::Accent, &pull.url)),
    ];
    shown.extend(pull.problem.iter().map(|problem| row("problem", Line::of(Style::Warn, problem))));
    shown.extend(behind(pull));
    shown.extend(pull.merge_commit.iter().map(|commit| row("merged as", plain(commit))));
    shown.push(Shown::Gap);
    shown.extend(pull.body.lines().map(|line| Shown::Whole(plain(line))));
    shown.push(Shown::Gap);
    shown.extend(told::findings(pull.review.as_ref()));
    shown.push(Shown::Gap);
    shown.extend(told::evidence(&pull.evidence));
    shown.push(Shown::Gap);
    shown
}

/// What the branch lacks of its base, and how to get it.
fn behind(pull: &PullRequestBody) -> Option<Shown> {
    let behind = pull.behind.filter(|behind| *behind > 0)?;
    let words = format!("{} of {}", text::count(behind, "commit"), pull.base);
    let line = Line::of(Style::Warn, words).and(Style::Dim, "  `errand pr update` brings them in");
    Some(row("behind", line))
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::api::agents::PullRequestKeeper;

    fn pull(repo: &str, state: &str) -> PullRequestBody {
        PullRequestBody {
            repo_url: repo.to_owned(),
            number: 1,
            url: String::new(),
            title: String::new(),
            body: String::new(),
            head: String::new(),
            base: String::new(),
            commit: String::new(),
            is_draft: false,
            kept_by: PullRequestKeeper::Errand,
            state: state.to_owned(),
            problem: None,
            behind: None,
            merge_commit: None,
            stat: protocol::event::DiffStat::default(),
            review: None,
            evidence: protocol::api::review::EvidenceBody::default(),
        }
    }

    #[test]
    fn the_pull_request_meant_is_found_or_asked_for() {
        let pulls = [
            pull("git.example/o/a", "open"),
            pull("git.example/o/b", "open"),
            pull("git.example/o/c", "merged"),
        ];
        assert_eq!(choose(&pulls, None).unwrap_err().exit, Exit::Usage);
        assert_eq!(choose(&pulls, Some("b")).unwrap().repo_url, "git.example/o/b");
        assert_eq!(choose(&pulls, Some("git.example/o/c")).unwrap().state, "merged");
        assert_eq!(choose(&pulls[1..], None).unwrap().repo_url, "git.example/o/b");
        assert_eq!(choose(&[], None).unwrap_err().exit, Exit::NotFound);
    }
}
