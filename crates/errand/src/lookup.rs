//! From what a person typed to one agent.

use crate::client::Client;
use crate::exit::{Exit, Trouble};
use crate::text;
use anyhow::Result;
use protocol::api::agents::{Agent, PullRequestLink};
use protocol::api::runs::Run;
use protocol::ids::{AgentId, RunId};

/// Pages of agents that are looked through: ten thousand of them.
const PAGES: usize = 100;
/// Rows on one page.
const PAGE: usize = protocol::limits::PAGE_MAX;
/// Shortest beginning of an id, without its prefix.
const PREFIX_CHARS_MIN: usize = 4;
/// Agents named when an id's beginning fits several.
const NAMED: usize = 5;

/// The agent of this id, beginning of an id, or name (the newest one of it).
pub async fn agent(client: &Client, wanted: &str) -> Result<Agent> {
    if let Ok(id) = AgentId::parse(wanted) {
        return client.get(&["agents", &id.to_string()], &[]).await;
    }
    if let Some(prefix) = id_prefix(wanted)
        && let Some(found) = by_prefix(client, &prefix).await?
    {
        return Ok(found);
    }
    let query = [("limit", PAGE.to_string()), ("search", wanted.to_owned())];
    let named = first(client, &query, |agent| agent.name == wanted).await?;
    named.ok_or_else(|| {
        let message = format!(
            "there is no agent with the id or name {wanted:?}; `errand ls --all` lists them"
        );
        Trouble::new(Exit::NotFound, "agent_not_found", message).into()
    })
}

/// The agent's id, parsed.
pub fn id_of(agent: &Agent) -> Result<AgentId> {
    AgentId::parse(&agent.id)
        .map_err(|bad| Trouble::unreachable(format!("the server sent {bad}")).into())
}

/// A run's id, parsed.
pub fn run_id(text: &str) -> Result<RunId> {
    RunId::parse(text).map_err(|bad| Trouble::usage(bad.to_string()).into())
}

/// The beginning that an id would have to have, if this can be one.
fn id_prefix(wanted: &str) -> Option<String> {
    let digits = wanted.strip_prefix(AgentId::PREFIX).unwrap_or(wanted);
    let fits = digits.len() >= PREFIX_CHARS_MIN
        && digits.chars().all(|sign| matches!(sign, '0'..='9' | 'a'..='f' | '-'));
    fits.then(|| format!("{}{digits}", AgentId::PREFIX))
}

async fn by_prefix(client: &Client, prefix: &str) -> Result<Option<Agent>> {
    let mut found: Vec<Agent> = Vec::new();
    let query = [("limit", PAGE.to_string())];
    let mut cursor = None;
    for _ in 0..PAGES {
        let page = client.page::<Agent>(&["agents"], &query, cursor.as_deref()).await?;
        found.extend(page.items.into_iter().filter(|agent| agent.id.starts_with(prefix)));
        cursor = page.next_cursor;
        if cursor.is_none() || found.len() > NAMED {
            break;
        }
    }
    if found.len() > 1 {
        let names = found
            .iter()
            .take(NAMED)
            .map(|agent| format!("\n  {}  {}", agent.id, text::one_line(&agent.name)));
        let message = format!(
            "{prefix} fits several agents; give more of the id:{}",
            names.collect::<String>()
        );
        return Err(Trouble::new(Exit::Usage, "ambiguous_agent", message).into());
    }
    Ok(found.pop())
}

async fn first(
    client: &Client,
    query: &[(&str, String)],
    fits: impl Fn(&Agent) -> bool,
) -> Result<Option<Agent>> {
    let mut cursor = None;
    for _ in 0..PAGES {
        let page = client.page::<Agent>(&["agents"], query, cursor.as_deref()).await?;
        if let Some(found) = page.items.into_iter().find(|agent| fits(agent)) {
            return Ok(Some(found));
        }
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    Ok(None)
}

/// Pull requests that fit, with their agents, newest first; a few are enough to see that there are several.
pub async fn pull_requests(
    client: &Client,
    fits: impl Fn(&PullRequestLink) -> bool,
) -> Result<Vec<(Agent, PullRequestLink)>> {
    let query = [("limit", PAGE.to_string())];
    let mut found = Vec::new();
    let mut cursor = None;
    for _ in 0..PAGES {
        let page = client.page::<Agent>(&["agents"], &query, cursor.as_deref()).await?;
        for agent in page.items {
            let pulls = agent.pull_requests.iter().filter(|pull| fits(pull)).cloned();
            let pulls: Vec<_> = pulls.collect();
            found.extend(pulls.into_iter().map(|pull| (agent.clone(), pull)));
        }
        cursor = page.next_cursor;
        if cursor.is_none() || found.len() > NAMED {
            break;
        }
    }
    Ok(found)
}

/// The runs of an agent that are not over, in the order in which they are worked on.
pub async fn open_runs(client: &Client, agent: &Agent) -> Result<Vec<Run>> {
    let query = [("limit", PAGE.to_string())];
    let page = client.page::<Run>(&["agents", &agent.id, "runs"], &query, None).await?;
    let is_open = |run: &Run| matches!(run.status.as_str(), "CREATING" | "RUNNING");
    let mut open: Vec<Run> = page.items.into_iter().filter(is_open).collect();
    open.reverse();
    // The one at work comes first, whenever it was asked for.
    open.sort_by_key(|run| run.status != "RUNNING");
    Ok(open)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginnings_of_ids_are_told_from_names() {
        for (wanted, expected) in [
            ("bc-0190b5a4", Some("bc-0190b5a4")),
            ("0190b5a4-7c3e", Some("bc-0190b5a4-7c3e")),
            ("bc-01", None),
            ("cafe", Some("bc-cafe")),
            ("fix the tests", None),
            ("Cafe", None),
            ("", None),
        ] {
            assert_eq!(id_prefix(wanted).as_deref(), expected, "{wanted}");
        }
    }
}
