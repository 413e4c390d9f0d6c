//! Hosts of repositories that people connected: whose credential is used there, by git and for pull requests.
//!
//! There is one connection a host. Its credential is sealed and leaves here in two ways: as the header of a request
//! to that host's API, and as that of git's own requests to repositories on it. Nothing of it enters a sandbox: the
//! mirror and the pushes are ours.

pub mod connect;
pub mod publish;
pub mod pulls;

use crate::app::App;
use crate::triggers::inbox::Inbox;
use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use forge::account::{Account, Credential, Found, Kind};
use forge::forge::{Forge, ForgeError};
use forge::github;
use forge::host::{Clock, Repository};
use git::remote::{Header, Remote};
use git::url::RemoteUrl;
use protocol::api::forges::TriggersBody;
use protocol::api::metadata::RepositoryBody;
use protocol::failure::{Failure, Phase};
use protocol::ids::OrgId;
use reqwest::Client;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};
use store::{Store, kv};
use tokio::sync::Mutex as Turn;
use url::Url;

/// Kind of the records.
const KIND: &str = "forge";
/// Whose values the credentials are.
const OWNER: &str = "forge";
/// Connections that an organisation may have.
const CONNECTIONS: u16 = 50;
/// How long a list of repositories is shown again; hosts limit how often they are asked.
const LISTED_FOR: Duration = Duration::from_secs(60);

/// Longest wait for such a list.
const LISTING: Duration = Duration::from_secs(20);

/// What a connection is, without its credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Which words the host speaks.
    pub kind: String,
    /// Where its pages are.
    pub url: String,
    /// What kind of credential it is: `token`, `person` or `app`.
    pub credential: String,
    /// The number of the app, or the mail address that goes with the token.
    pub name: Option<String>,
    /// Whose credential the host says it is.
    pub login: String,
    /// Scopes that the host names for it.
    pub scopes: Vec<String>,
    /// When it was connected.
    pub created_ms: i64,
    /// When the host took the credential last.
    pub checked_ms: i64,
    /// Who entered the credential.
    pub by: String,
    /// Which of the sealed values it is.
    pub value: String,
    /// What people may ask for there.
    #[serde(default)]
    pub triggers: TriggersBody,
}

/// A host with the credential for it.
pub struct Connection {
    /// Its id.
    pub id: String,
    /// What it is.
    pub entry: Entry,
    /// Asks the host.
    pub account: Account,
    listed: Mutex<Option<(Instant, Arc<Listed>)>>,
}

/// Repositories that a connection opens.
pub struct Listed {
    /// The most recently used first, where the host sorts.
    pub found: Vec<Found>,
    /// Whether there are more.
    pub more: bool,
}

/// All connections.
pub struct Forges {
    /// What they tell by themselves, until it is acted upon.
    pub inbox: Inbox,
    known: RwLock<BTreeMap<OrgId, Vec<Arc<Connection>>>>,
    client: Client,
    changing: Turn<()>,
}

impl Forges {
    /// Reads what was connected.
    pub async fn open(store: &Store, client: Client) -> Result<Self> {
        let org = OrgId::default_org();
        let mut all = Vec::new();
        for record in store.list(&org, KIND, "", "", CONNECTIONS).await? {
            let id = record.key.clone();
            match Self::kept(store, &org, record, &client).await {
                Ok(connection) => all.push(Arc::new(connection)),
                // The others are of use all the same, and people can connect this one again.
                Err(error) => {
                    tracing::error!(
                        id,
                        error = format!("{error:#}"),
                        "a host is not connected any more"
                    );
                }
            }
        }
        let known = RwLock::new(BTreeMap::from([(org, all)]));
        Ok(Self { inbox: Inbox::default(), known, client, changing: Turn::default() })
    }

    async fn kept(
        store: &Store,
        org: &OrgId,
        record: kv::Entry,
        client: &Client,
    ) -> Result<Connection> {
        let entry: Entry = serde_json::from_str(&record.body).context("read a connection")?;
        let value = store.unseal(org, OWNER, &entry.value).await.context("open its credential")?;
        let value = value.context("its credential is gone")?;
        let account = account(client, &entry, SecretString::from(value.expose().to_owned()))?;
        Ok(Connection::new(record.key, entry, account))
    }

    /// Those of an organisation.
    pub fn all(&self, org: &OrgId) -> Vec<Arc<Connection>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.get(org).cloned().unwrap_or_default()
    }

    /// By its id.
    pub fn by_id(&self, org: &OrgId, id: &str) -> Option<Arc<Connection>> {
        self.all(org).into_iter().find(|connection| connection.id == id)
    }

    /// The one for a repository, with that host's name for it.
    pub fn of(&self, org: &OrgId, remote: &RemoteUrl) -> Option<(Arc<Connection>, Repository)> {
        self.all(org).into_iter().find_map(|connection| {
            let repository = connection.account.repository(remote)?;
            Some((connection, repository))
        })
    }

    fn set(&self, org: &OrgId, change: impl FnOnce(&mut Vec<Arc<Connection>>)) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        change(known.entry(org.clone()).or_default());
    }
}

impl Connection {
    fn new(id: String, entry: Entry, account: Account) -> Self {
        Self { id, entry, account, listed: Mutex::new(None) }
    }

    /// Repositories that it opens; asked for at most once a minute.
    pub async fn repositories(&self) -> Result<Arc<Listed>, ForgeError> {
        let kept = self.listed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, listed)) = kept.filter(|(at, _)| at.elapsed() < LISTED_FOR) {
            return Ok(listed);
        }
        let pages = self.account.repositories().await?;
        let listed = Arc::new(Listed { found: pages.entries, more: pages.more });
        let kept = Some((Instant::now(), Arc::clone(&listed)));
        *self.listed.lock().unwrap_or_else(PoisonError::into_inner) = kept;
        Ok(listed)
    }
}

impl App {
    /// A remote with the credential of its host's connection, ready to be asked.
    pub async fn reach(&self, org: &OrgId, url: &str) -> Result<Remote> {
        let mut remote = self.remote(url)?;
        if remote.access.ssh.is_some() {
            return Ok(remote);
        }
        let Some((connection, repository)) = self.forges.of(org, &remote.url) else {
            return Ok(remote);
        };
        let account = &connection.account;
        let (name, password) = account
            .git_login(&repository)
            .await
            .map_err(|error| failed(error, url, Phase::Repository))?;
        // Also of an address for ssh, which has no key here.
        if !remote.url.as_str().starts_with("http") {
            remote.url = RemoteUrl::parse(&account.git_url(&repository)).context("the address")?;
        }
        // TRUST: over plain http everybody on the way reads it; only where the host itself is so.
        let is_same = remote.url.as_str().starts_with(&format!("{}:", account.web.scheme()));
        if is_same {
            let pair = STANDARD.encode(format!("{name}:{}", password.expose_secret()));
            remote.access.header = Header::new(&format!("Authorization: Basic {pair}"));
        }
        Ok(remote)
    }

    /// The host that keeps a repository's pull requests, if it is connected.
    pub fn host_of(&self, org: &OrgId, url: &str) -> Result<Option<Arc<dyn Forge>>> {
        let remote = RemoteUrl::parse(url).context("parse the repository's URL")?;
        let Some((connection, repository)) = self.forges.of(org, &remote) else {
            return Ok(None);
        };
        Ok(Some(connection.account.forge(repository)?))
    }
}

/// Repositories that the connections of an organisation open. A host that does not answer does not hide the others.
pub async fn repositories(app: &App, org: &OrgId) -> Vec<RepositoryBody> {
    let all = app.forges.all(org);
    let asked = all.iter().map(|connection| async move {
        let listed = tokio::time::timeout(LISTING, connection.repositories()).await;
        match listed {
            Ok(Ok(listed)) => Some((connection, listed)),
            Ok(Err(error)) => {
                tracing::warn!(%error, url = connection.entry.url, "a host did not list repositories");
                None
            }
            Err(_) => {
                tracing::warn!(url = connection.entry.url, "a host took too long to list repositories");
                None
            }
        }
    });
    let listed = futures::future::join_all(asked).await;
    let bodies = listed.into_iter().flatten().flat_map(|(connection, listed)| {
        let body = |found: &Found| RepositoryBody {
            url: found.url.clone(),
            forge: Some(connection.id.clone()),
            default_branch: found.default_branch.clone(),
        };
        listed.found.iter().map(body).collect::<Vec<_>>()
    });
    bodies.collect()
}

fn clock() -> Clock {
    Arc::new(|| crate::clock::now_ms() / 1000)
}

/// An account from what is kept of it.
fn account(client: &Client, entry: &Entry, secret: SecretString) -> Result<Account, ForgeError> {
    let bad = |detail: &str| ForgeError::Rejected { detail: detail.to_owned() };
    let kind = Kind::parse(&entry.kind).ok_or_else(|| bad("there is no such kind of host"))?;
    let web = Url::parse(&entry.url).map_err(|_| bad("its address is no URL"))?;
    let credential = match (entry.credential.as_str(), &entry.name) {
        ("app", Some(id)) => {
            Credential::App(Arc::new(github::App::new(id.clone(), &secret, clock())?))
        }
        ("person", Some(email)) => Credential::Person { email: email.clone(), token: secret },
        _ => Credential::Token(secret),
    };
    Account::new(kind, web, client.clone(), clock(), credential)
}

/// Whether it may be otherwise in a moment, so that trying again is worth it.
pub const fn may_pass(error: &ForgeError) -> bool {
    matches!(
        error,
        ForgeError::RateLimited { .. }
            | ForgeError::OutcomeUnknown { .. }
            | ForgeError::Unreachable { .. }
            | ForgeError::Git(_)
            | ForgeError::Store(_)
    )
}

/// Why a host did not do something, for people.
pub fn explain(error: &ForgeError, url: &str, phase: Phase) -> Failure {
    let code = match error {
        ForgeError::RateLimited { .. } => "forge_rate_limited",
        ForgeError::OutcomeUnknown { .. } | ForgeError::Unreachable { .. } => "forge_unreachable",
        ForgeError::Credential => "forge_credential_refused",
        ForgeError::Denied { .. } | ForgeError::Rejected { .. } => "forge_refused",
        ForgeError::Unsupported(_) => "not_supported_by_forge",
        ForgeError::NotFound(_)
        | ForgeError::NotOpen { .. }
        | ForgeError::BranchMissing(_)
        | ForgeError::HeadMoved { .. }
        | ForgeError::Conflicts { .. }
        | ForgeError::BaseMoved(_)
        | ForgeError::CheckedOut(_)
        | ForgeError::Refused { .. }
        | ForgeError::Git(_)
        | ForgeError::Store(_) => "pull_request_failed",
    };
    Failure::new(phase, code, format!("{url}: {error}"))
}

/// The same as an error of an effect, whose next attempt the plan decides on.
pub fn failed(error: ForgeError, url: &str, phase: Phase) -> anyhow::Error {
    match error {
        ForgeError::Store(error) => error,
        ForgeError::Git(error) => error.into(),
        other => crate::effects::Failed(explain(&other, url, phase)).into(),
    }
}
