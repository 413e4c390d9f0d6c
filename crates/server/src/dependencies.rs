//! Repositories that an agent may read besides its own, as `repositoryDependencies` of its environment file says:
//! where each is, the copy that is served in its place, and what makes git inside ask for that.
//!
//! TRUST: whoever writes the file chooses names, not addresses of ours. A host counts as known only if one of the
//! agent's own repositories lies there, and is reached as that one is; any other is asked over https, without a
//! credential, and only where its name leads to a public address.

use crate::app::App;
use crate::lfs::inside::{Inside, Origin};
use crate::repositories::explain;
use futures::future::BoxFuture;
use gateway::dependency::{Dependency, Source};
use gateway::host::Authority;
use git::error::Error;
use git::mirror::Mirror;
use git::remote::Remote;
use git::repo::Repo;
use git::url::RemoteUrl;
use protocol::failure::Phase;
use protocol::ids::OrgId;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// Time for which a copy counts as up to date, and a refusal as said: a clone asks more than once, and who asks
/// without end shall not make the server do so elsewhere.
const FRESH: Duration = Duration::from_secs(10);
/// Time after which git inside is told to come again: its connection would be ended soon after.
const ANSWER_TIME: Duration = Duration::from_secs(240);
/// The port of an address that names none.
const HTTPS_PORT: u16 = 443;

/// Those of these names as the gateway serves them to an agent with these repositories of its own.
pub fn served(app: &Arc<App>, org: &OrgId, own: &[&str], names: &[String]) -> Vec<Dependency> {
    let own: Vec<_> = own.iter().filter_map(|url| RemoteUrl::parse(url).ok()).collect();
    let serve = |name: &String| {
        let upstream = Arc::new(Upstream {
            app: app.clone(),
            org: org.clone(),
            name: name.clone(),
            sibling: name.split_once('/').and_then(|(host, path)| {
                own.iter().find(|url| url.host() == Some(host)).and_then(|url| url.sibling(path))
            }),
            copy: Arc::default(),
        });
        let origin = Origin::Dependency(upstream.clone());
        let large_files = Inside::new(app.clone(), org.clone(), origin, None);
        Dependency { name: name.clone(), source: upstream, large_files }
    };
    names.iter().map(serve).collect()
}

/// Variables that make git ask the gateway for them, whichever address of theirs it is given.
pub fn variables(names: &[String], own: &[(String, String)]) -> Vec<(String, String)> {
    const COUNT: &str = "GIT_CONFIG_COUNT";
    if names.is_empty() {
        return Vec::new();
    }
    // Whoever sets some already keeps them.
    let given = own.iter().find(|(name, _)| name == COUNT).map(|(_, count)| count.parse::<usize>());
    let Ok(first) = given.unwrap_or(Ok(0)) else { return Vec::new() };
    let mut variables = Vec::new();
    let mut index = first;
    for name in names {
        let (host, path) = name.split_once('/').unwrap_or((name, ""));
        let key = format!("url.http://errand.internal/dependencies/{name}.insteadOf");
        let addresses = [
            format!("https://{name}"),
            format!("ssh://git@{name}"),
            format!("git@{host}:{path}"),
            format!("http://{name}"),
        ];
        for address in addresses {
            variables.push((format!("GIT_CONFIG_KEY_{index}"), key.clone()));
            variables.push((format!("GIT_CONFIG_VALUE_{index}"), address));
            index += 1;
        }
    }
    variables.push((COUNT.to_owned(), index.to_string()));
    variables
}

/// One repository elsewhere, and our copy of it.
pub struct Upstream {
    app: Arc<App>,
    org: OrgId,
    name: String,
    /// Its address, where a repository of the agent's own lies at the same host.
    sibling: Option<RemoteUrl>,
    copy: Arc<Mutex<Option<Copied>>>,
}

/// What came of it last, and when.
struct Copied {
    outcome: Result<Mirror, String>,
    at: Instant,
}

impl Upstream {
    /// How it is reached.
    pub(crate) async fn remote(&self) -> Result<Remote, String> {
        remote((&self.app, &self.org), &self.name, self.sibling.clone())
            .await
            .map(|(remote, _)| remote)
    }
}

impl Source for Upstream {
    fn open(&self, up_to_date: bool) -> BoxFuture<'_, Result<Repo, String>> {
        Box::pin(async move {
            let wait = self.copy.clone().lock_owned();
            let late = || format!("it is still being copied, try again in a minute: {}", self.name);
            let deadline = tokio::time::Instant::now() + ANSWER_TIME;
            let mut copy = tokio::time::timeout_at(deadline, wait).await.map_err(|_| late())?;
            if let Some(Copied { outcome, at }) = copy.as_ref()
                && (at.elapsed() < FRESH || (!up_to_date && outcome.is_ok()))
            {
                return outcome.clone().map(|mirror| (*mirror).clone());
            }
            let (app, org) = (self.app.clone(), self.org.clone());
            let (name, sibling) = (self.name.clone(), self.sibling.clone());
            // Goes on when git inside does not wait: what was copied is there for the next one.
            let copying = self.app.tasks.spawn(async move {
                let outcome = follow(&app, &org, &name, sibling).await;
                *copy = Some(Copied { outcome: outcome.clone(), at: Instant::now() });
                outcome
            });
            match tokio::time::timeout_at(deadline, copying).await {
                Ok(Ok(copied)) => copied.map(|mirror| (*mirror).clone()),
                Ok(Err(_)) => Err("copying it was broken off".to_owned()),
                Err(_) => Err(late()),
            }
        })
    }
}

/// Brings our copy to where the repository stands.
async fn follow(
    app: &App,
    org: &OrgId,
    name: &str,
    sibling: Option<RemoteUrl>,
) -> Result<Mirror, String> {
    let (remote, is_known) = remote((app, org), name, sibling).await?;
    let (remote, head) = match git::remote::ls(&app.git, &remote, None).await {
        Ok(head) => (remote, head),
        // Some hosts want `.git` at the end, some do not have it.
        Err(Error::NotFound { .. } | Error::PermissionDenied { .. }) => {
            let url = remote.url.twin().ok_or_else(|| "its address is malformed".to_owned())?;
            let twin = Remote { url, ..remote };
            let head = git::remote::ls(&app.git, &twin, None).await;
            (twin, head.map_err(|error| words(name, &error))?)
        }
        Err(error) => return Err(words(name, &error)),
    };
    let mirror = app.mirror(org, &remote, &head.commit).map_err(|error| ours(name, &error))?;
    mirror.follow(&remote, &head, &mut |_| {}).await.map_err(|error| words(name, &error))?;
    tracing::info!(name, is_known, "a dependency was brought up to date");
    Ok(mirror)
}

/// What git inside is told.
fn words(name: &str, error: &Error) -> String {
    match error {
        Error::NotFound { .. }
        | Error::EmptyRepository
        | Error::PermissionDenied { .. }
        | Error::Unreachable { .. } => explain(error, name, Phase::Repository).message,
        other => ours(name, other),
    }
}

/// Paths of the server may stand in what went wrong on our side, so the sandbox does not get that.
fn ours(name: &str, error: &dyn std::fmt::Display) -> String {
    tracing::warn!(name, error = format!("{error:#}"), "a dependency could not be copied");
    "it could not be copied, and Errand's log says why".to_owned()
}

async fn remote(
    (app, org): (&App, &OrgId),
    name: &str,
    sibling: Option<RemoteUrl>,
) -> Result<(Remote, bool), String> {
    let reach = async |url: &str| app.reach(org, url).await.map_err(|error| format!("{error:#}"));
    if let Some(url) = sibling {
        return Ok((reach(url.as_str()).await?, true));
    }
    let (host, _) = name.split_once('/').unwrap_or((name, ""));
    let target = Authority::parse(host, Some(HTTPS_PORT)).map_err(|error| error.to_string())?;
    let mut remote = reach(&format!("https://{name}.git")).await?;
    // TRUST: a host that an administrator connected may be an inner one; any other may not.
    let is_connected = remote.access.header.is_some();
    if !is_connected {
        remote.access.pinned = Some(app.gateway.public_addresses(&target).await?);
    }
    Ok((remote, is_connected))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_come_after_those_that_are_there() {
        let names = ["git.example/a/b".to_owned()];
        assert_eq!(variables(&[], &[]), []);
        for (given, count) in [(None, "4"), (Some("2"), "6")] {
            let own: Vec<_> = given
                .map(|count| ("GIT_CONFIG_COUNT".to_owned(), count.to_owned()))
                .into_iter()
                .collect();
            let rules = variables(&names, &own);
            assert_eq!(rules.last().unwrap().1, count);
            let first = given.unwrap_or("0");
            assert_eq!(rules[0].0, format!("GIT_CONFIG_KEY_{first}"));
            assert_eq!(
                rules[1],
                (format!("GIT_CONFIG_VALUE_{first}"), "https://git.example/a/b".to_owned())
            );
        }
    }
}
