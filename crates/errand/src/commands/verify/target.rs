//! From what a person typed to the commits whose records are checked.

use crate::client::Client;
use crate::exit::{Exit, Trouble};
use crate::{lookup, text};
use anyhow::Result;
use protocol::api::agents::{Agent, PullRequestBody, PullRequestLink};
use protocol::api::metadata::Items;
use protocol::api::records::RecordBody;
use protocol::ids::AgentId;
use std::collections::BTreeSet;

/// A commit whose record is wanted.
pub struct Wanted {
    /// Whose work it is.
    pub agent: String,
    /// Its repository.
    pub repository: String,
    /// The commit.
    pub commit: String,
    /// The pull request that it is the head of.
    pub pull: Option<u64>,
}

impl Wanted {
    /// In words.
    pub fn what(&self) -> String {
        let commit = text::short_commit(&self.commit);
        match self.pull {
            Some(number) => {
                format!("the head of pull request #{number} of {}, {commit}", self.repository)
            }
            None => format!("{commit} of {}", self.repository),
        }
    }
}

/// The heads of what was named, one of each repository.
pub async fn find(client: &Client, typed: &str) -> Result<Vec<Wanted>> {
    if let Some((agent, link)) = by_pull_request(client, typed).await? {
        let mut all = of_agent(client, &agent).await?;
        all.retain(|one| one.repository == link.repo_url && one.pull == Some(link.number));
        return some(all);
    }
    let agent = match typed.contains("://").then(|| in_link(typed)).flatten() {
        Some(id) => lookup::agent(client, &id.to_string()).await?,
        None => lookup::agent(client, typed).await?,
    };
    some(of_agent(client, &agent).await?)
}

fn some(all: Vec<Wanted>) -> Result<Vec<Wanted>> {
    if all.is_empty() {
        let message = "nothing was pushed there that has a record";
        return Err(Trouble::new(Exit::NotFound, "record_not_found", message).into());
    }
    Ok(all)
}

/// The agent that a link of the web app leads to.
fn in_link(typed: &str) -> Option<AgentId> {
    typed.split(['/', '?', '#']).find_map(|part| AgentId::parse(part).ok())
}

async fn by_pull_request(client: &Client, typed: &str) -> Result<Option<(Agent, PullRequestLink)>> {
    let number: Option<u64> = typed.strip_prefix('#').unwrap_or(typed).parse().ok();
    if number.is_none() && !typed.contains("://") {
        return Ok(None);
    }
    let is_meant = |pull: &PullRequestLink| Some(pull.number) == number || pull.url == typed;
    let mut found = lookup::pull_requests(client, is_meant).await?;
    if found.len() > 1 {
        let links: Vec<_> = found.iter().map(|(_, pull)| text::one_line(&pull.url)).collect();
        let message = format!(
            "several pull requests are meant by {typed}; give the link of one: {}",
            links.join(", ")
        );
        return Err(Trouble::usage(message).into());
    }
    Ok(found.pop())
}

/// The heads of its pull requests; what was pushed last where there is none.
async fn of_agent(client: &Client, agent: &Agent) -> Result<Vec<Wanted>> {
    let pulls: Items<PullRequestBody> =
        client.get(&["agents", &agent.id, "pull-requests"], &[]).await?;
    let mut repositories = BTreeSet::new();
    let mut all = Vec::new();
    for pull in pulls.items {
        repositories.insert(pull.repo_url.clone());
        all.push(Wanted {
            agent: agent.id.clone(),
            repository: pull.repo_url,
            commit: pull.commit,
            pull: Some(pull.number),
        });
    }
    let records: Items<RecordBody> = client.get(&["agents", &agent.id, "records"], &[]).await?;
    for record in records.items {
        if repositories.insert(record.repo_url.clone()) {
            let (repository, commit) = (record.repo_url, record.commit);
            all.push(Wanted { agent: agent.id.clone(), repository, commit, pull: None });
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_of_the_web_app_name_an_agent() {
        let id = "bc-0190b5a4-7c3e-7000-8000-000000000001";
        for link in [
            format!("https://errand.example/agents/{id}"),
            format!("https://errand.example/agents/{id}/pull-requests/1"),
            format!("https://errand.example/agents/{id}?tab=diff#x"),
        ] {
            assert_eq!(in_link(&link).unwrap().to_string(), id);
        }
        assert!(in_link("https://git.example/o/r/pull/1").is_none());
    }
}
