//! What we remember of issues, pull requests and commits at forges: whose agent works there.

use crate::app::App;
use crate::triggers::command::Switch;
use anyhow::{Context, Result};
use forge::around::Subject;
use git::name::CommitId;
use git::url::RemoteUrl;
use protocol::content::{Thread, ThreadKind};
use protocol::ids::{AgentId, OrgId};
use serde::{Deserialize, Serialize};
use store::kv::Expect;

/// Kind of the records of issues and pull requests.
const THREADS: &str = "forge_thread";
/// Kind of the records of commits.
const COMMITS: &str = "forge_commit";

/// A repository at a connected forge.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The connection's id.
    pub forge: String,
    /// Its name there, in small letters: hosts tell names apart without regard to case.
    pub repository: String,
}

/// What is known of an issue or a pull request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Remembered {
    /// The agent that was asked there.
    pub agent: Option<String>,
    /// Whether somebody wants failing checks mended, and up to which position of the agent's log nothing counts.
    pub autofix: Option<(bool, u64)>,
    /// The newest remark at a line that an agent was given.
    pub remark: u64,
}

impl Place {
    /// Of a repository by its name at a connection.
    pub fn new(forge: &str, repository: &str) -> Self {
        Self { forge: forge.to_owned(), repository: repository.to_lowercase() }
    }

    /// Neither an id nor a repository's name has a line end.
    fn thread(&self, on: Subject) -> String {
        let kind = match on {
            Subject::Issue(_) => "issue",
            Subject::PullRequest(_) => "pull",
        };
        format!("{}\n{}\n{kind}\n{}", self.forge, self.repository, on.number())
    }

    fn commit(&self, commit: &CommitId) -> String {
        format!("{}\n{}\n{commit}", self.forge, self.repository)
    }
}

impl Remembered {
    /// The agent.
    pub fn agent(&self) -> Option<AgentId> {
        AgentId::parse(self.agent.as_deref()?).ok()
    }

    /// What somebody said about mending checks.
    pub fn switch(&self) -> Option<Switch> {
        self.autofix.map(|(is_on, _)| if is_on { Switch::On } else { Switch::Off })
    }
}

/// What is known there.
pub async fn read(app: &App, org: &OrgId, place: &Place, on: Subject) -> Result<Remembered> {
    let found = app.store.get(org, THREADS, &place.thread(on)).await.context("read a thread")?;
    let Some(found) = found else { return Ok(Remembered::default()) };
    serde_json::from_str(&found.body).context("read a thread")
}

/// Remembers something there. Whoever calls is the only one who changes threads of that repository.
pub async fn write(
    app: &App,
    org: &OrgId,
    place: &Place,
    (on, remembered): (Subject, &Remembered),
) -> Result<()> {
    let body = serde_json::to_string(remembered).context("write a thread")?;
    let key = place.thread(on);
    app.store.put(org, THREADS, &key, Expect::Anything, &body).await.context("write a thread")?;
    Ok(())
}

/// Remembers whose commit this is, before it is at the forge: checks may begin at once.
pub async fn pushing(
    app: &App,
    org: &OrgId,
    url: &str,
    (commit, agent): (&CommitId, AgentId),
) -> Result<()> {
    let remote = RemoteUrl::parse(url).context("parse the repository's URL")?;
    let Some((connection, repository)) = app.forges.of(org, &remote) else { return Ok(()) };
    let place = Place::new(&connection.id, &repository.full_name());
    let (key, body) = (place.commit(commit), agent.to_string());
    app.store.put(org, COMMITS, &key, Expect::Anything, &body).await.context("note a commit")?;
    Ok(())
}

/// Whose commit that is.
pub async fn pusher(
    app: &App,
    org: &OrgId,
    place: &Place,
    commit: &CommitId,
) -> Result<Option<AgentId>> {
    let found =
        app.store.get(org, COMMITS, &place.commit(commit)).await.context("find a commit")?;
    Ok(found.and_then(|found| AgentId::parse(&found.body).ok()))
}

/// A thread as events name it.
pub fn named(place: &Place, on: Subject, link: String) -> Thread {
    Thread {
        forge: place.forge.clone(),
        repository: place.repository.clone(),
        kind: match on {
            Subject::Issue(_) => ThreadKind::Issue,
            Subject::PullRequest(_) => ThreadKind::PullRequest,
        },
        number: on.number(),
        link,
    }
}

/// The thread that an event names.
pub const fn subject(thread: &Thread) -> Subject {
    match thread.kind {
        ThreadKind::Issue => Subject::Issue(thread.number),
        ThreadKind::PullRequest => Subject::PullRequest(thread.number),
    }
}
