//! What a run left behind: branch, commits, changes, pull request, cost.

use crate::client::Client;
use crate::diff;
use crate::style::{Line, Shown, Style};
use crate::text;
use anyhow::Result;
use protocol::api::agents::{Agent, CommitBody, DiffBody, RepoDiff};
use protocol::api::runs::{Run, UsageBody};
use protocol::content::Usage;

/// Commits that are listed.
const COMMITS: usize = 10;
/// Width of the first column.
const LABEL: usize = 14;

/// Asks the server what there is, and shows it.
pub async fn fetch(client: &Client, agent: &str, run: &str) -> Result<(Run, Vec<Shown>)> {
    let run: Run = client.get(&["agents", agent, "runs", run], &[]).await?;
    let agent: Agent = client.get(&["agents", agent], &[]).await?;
    let query = [("stat", "true".to_owned())];
    let diff: DiffBody = match agent.repos.is_empty() {
        true => DiffBody { repos: Vec::new() },
        false => client.get(&["agents", &agent.id, "diff"], &query).await?,
    };
    let shown = lines(&agent, &run, &diff);
    Ok((run, shown))
}

/// The summary of a run that is over.
fn lines(agent: &Agent, run: &Run, diff: &DiffBody) -> Vec<Shown> {
    let mut shown = Vec::new();
    for repo in &diff.repos {
        let pushed = run
            .git
            .iter()
            .flat_map(|git| &git.branches)
            .find(|branch| branch.repo_url == repo.repo_url);
        let note = match (pushed, repo.stat.files) {
            (Some(_), _) | (None, 0) => "",
            (None, _) => "  (not pushed)",
        };
        let place = Line::of(Style::Bold, &repo.branch)
            .and(Style::Dim, format!("  {}{note}", repo.repo_url));
        shown.push(row("branch", place));
        shown.extend(commits(repo));
        shown.push(match repo.stat.files {
            0 => row("changes", Line::of(Style::Plain, "none")),
            _ => row("changes", diff::counted(&repo.stat)),
        });
    }
    for pull in &agent.pull_requests {
        let line =
            Line::of(Style::Plain, format!("#{} ", pull.number)).and(Style::Accent, &pull.url);
        shown.push(row("pull request", line));
    }
    shown.push(row("agent", Line::of(Style::Plain, &agent.id)));
    let short = text::short_id(&agent.id);
    let next = match diff.repos.iter().any(|repo| repo.stat.files > 0) {
        true => format!("errand diff {short}   errand send {short} \"…\""),
        false => format!("errand send {short} \"…\""),
    };
    shown.push(row("next", Line::of(Style::Dim, next)));
    shown
}

fn commits(repo: &RepoDiff) -> Vec<Shown> {
    let total = repo.commits.len();
    let line = |commit: &CommitBody| {
        Line::of(Style::Accent, text::short_commit(&commit.id))
            .and(Style::Plain, format!(" {}", commit.subject))
    };
    let mut shown: Vec<Shown> = (0..)
        .zip(repo.commits.iter().take(COMMITS))
        .map(|(at, commit)| row(if at == 0 { "commits" } else { "" }, line(commit)))
        .collect();
    if total > COMMITS {
        shown.push(row("", Line::of(Style::Dim, format!("… and {} more", total - COMMITS))));
    }
    shown
}

/// A name and what belongs to it.
pub fn row(name: &str, what: Line) -> Shown {
    Shown::Whole(Line::of(Style::Dim, format!("  {}", text::padded(name, LABEL))).joined(what))
}

/// Tokens and money of the API in words.
pub fn used(usage: &UsageBody) -> String {
    let tokens = Usage {
        input_tokens: usage.input_tokens,
        output_tokens: usage.output_tokens,
        cache_write_tokens: usage.cache_write_tokens,
        cache_read_tokens: usage.cache_read_tokens,
    };
    format!("{} · {}", text::tokens(&tokens), text::money(text::micros(usage.cost.raw_cost_cents)))
}
