//! A credential at a host, before any repository is named: whose it is, which repositories it opens, and the
//! [`Forge`] of each.

use crate::around::Subject;
use crate::bitbucket::{self, Bitbucket};
use crate::forge::{Forge, ForgeError, Result};
use crate::gitea::Gitea;
use crate::github::{self, App, Github};
use crate::gitlab::Gitlab;
use crate::host::{Clock, Fixed, Host, PAGE_ENTRIES, Pages, Repository, Request};
use git::url::RemoteUrl;
use reqwest::Client;
use reqwest::header::AUTHORIZATION;
use secrecy::SecretString;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::sync::Arc;
use url::Url;

/// Bytes of a repository's name with all its groups.
const NAME_BYTES: usize = 500;

/// Which words a host speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// github.com or Enterprise Server.
    Github,
    /// GitLab, in the cloud or self-hosted.
    Gitlab,
    /// Gitea or Forgejo.
    Gitea,
    /// Bitbucket Cloud.
    Bitbucket,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Github, Self::Gitlab, Self::Gitea, Self::Bitbucket];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Github => "github",
            Self::Gitlab => "gitlab",
            Self::Gitea => "gitea",
            Self::Bitbucket => "bitbucket",
        }
    }

    /// By its word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// What stands between a repository's page and the number of a pull request.
    pub const fn pulls(self) -> &'static str {
        match self {
            Self::Github => "pull",
            Self::Gitlab => "-/merge_requests",
            Self::Gitea => "pulls",
            Self::Bitbucket => "pull-requests",
        }
    }

    /// Where the pages of its public host are, if there is one.
    pub const fn public(self) -> Option<&'static str> {
        match self {
            Self::Github => Some("https://github.com"),
            Self::Gitlab => Some("https://gitlab.com"),
            Self::Bitbucket => Some("https://bitbucket.org"),
            Self::Gitea => None,
        }
    }
}

/// Who we are at a host.
#[derive(Clone)]
pub enum Credential {
    /// A token: of a person, or of a project, group or workspace.
    Token(SecretString),
    /// A person's API token that goes with a mail address, as at Bitbucket.
    Person {
        /// The account's mail address.
        email: String,
        /// The token.
        token: SecretString,
    },
    /// A GitHub App.
    App(Arc<App>),
}

/// Whose a credential is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The name on that host.
    pub login: String,
    /// Scopes that the host names for it; empty where it names none.
    pub scopes: Vec<String>,
}

/// A repository that the credential opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// `owner/name`.
    pub full_name: String,
    /// The address that git takes.
    pub url: String,
    /// The branch that the host shows first, if it says so.
    pub default_branch: Option<String>,
    /// Whether only some may see it.
    pub private: bool,
}

/// A credential at a host.
#[derive(Clone)]
pub struct Account {
    /// Which words the host speaks.
    pub kind: Kind,
    /// Where its pages are.
    pub web: Url,
    client: Client,
    clock: Clock,
    credential: Credential,
}

#[derive(Deserialize)]
struct Scoped {
    #[serde(default)]
    scopes: Vec<String>,
}

#[derive(Deserialize)]
struct Hub {
    full_name: String,
    clone_url: String,
    default_branch: Option<String>,
    #[serde(default)]
    private: bool,
}

impl Hub {
    fn found(self) -> Found {
        let Self { full_name, clone_url: url, default_branch, private } = self;
        Found { full_name, url, default_branch, private }
    }
}

#[derive(Deserialize)]
struct Lab {
    path_with_namespace: String,
    http_url_to_repo: String,
    default_branch: Option<String>,
    #[serde(default)]
    visibility: String,
}

impl Lab {
    fn found(self) -> Found {
        let (full_name, url) = (self.path_with_namespace, self.http_url_to_repo);
        let private = self.visibility != "public";
        Found { full_name, url, default_branch: self.default_branch, private }
    }
}

#[derive(Deserialize)]
struct Bucket {
    full_name: String,
    #[serde(default)]
    is_private: bool,
    mainbranch: Option<BucketBranch>,
}

#[derive(Deserialize)]
struct BucketBranch {
    name: String,
}

impl Account {
    /// A credential at the host whose pages are at `web`; `client` follows no redirect. Nothing is asked yet.
    pub fn new(
        kind: Kind,
        web: Url,
        client: Client,
        clock: Clock,
        credential: Credential,
    ) -> Result<Self> {
        let fits = match (&credential, kind) {
            (Credential::Token(_), _)
            | (Credential::Person { .. }, Kind::Bitbucket)
            | (Credential::App(_), Kind::Github) => true,
            (Credential::Person { .. } | Credential::App(_), _) => false,
        };
        if !fits {
            let detail = format!("{} takes a token", kind.as_str());
            return Err(ForgeError::Rejected { detail });
        }
        Ok(Self { kind, web, client, clock, credential })
    }

    /// The repository of a remote, if it lies on this host.
    pub fn repository(&self, remote: &RemoteUrl) -> Option<Repository> {
        let port = self.web.port().map(|port| format!(":{port}")).unwrap_or_default();
        let own = format!("{}{port}", self.web.host_str()?);
        // Over SSH the port is another one.
        let host = remote.host()?;
        let is_ssh = !remote.as_str().starts_with("http");
        let same = |own: &str| host.eq_ignore_ascii_case(own);
        let here = same(&own) || (is_ssh && self.web.host_str().is_some_and(same));
        here.then(|| Repository::of(remote, &self.web)).flatten()
    }

    /// A repository on this host by the name that people and deliveries give it.
    pub fn named(&self, full_name: &str) -> Option<Repository> {
        let is_plain = |c: char| !c.is_control() && !c.is_whitespace() && !"?#%\\:".contains(c);
        let (owner, name) = full_name.rsplit_once('/')?;
        let fine = |part: &str| !part.is_empty() && part != "." && part != "..";
        let fits = full_name.len() <= NAME_BYTES && full_name.chars().all(is_plain);
        let fits = fits && owner.split('/').all(fine) && fine(name);
        let (owner, name) = (owner.to_owned(), name.to_owned());
        fits.then(|| Repository { web: self.web.clone(), owner, name })
    }

    /// The address of a repository that git takes.
    pub fn git_url(&self, repository: &Repository) -> String {
        repository.below(&format!("{}.git", repository.full_name()))
    }

    /// Where people read an issue or a pull request.
    pub fn page(&self, repository: &Repository, on: Subject) -> String {
        let between = match (self.kind, on) {
            (Kind::Gitlab, Subject::Issue(_)) => "-/issues",
            (Kind::Github | Kind::Gitea | Kind::Bitbucket, Subject::Issue(_)) => "issues",
            (kind, Subject::PullRequest(_)) => kind.pulls(),
        };
        repository.below(&format!("{}/{between}/{}", repository.path(), on.number()))
    }

    /// The forge of a repository on this host.
    pub fn forge(&self, repository: Repository) -> Result<Arc<dyn Forge>> {
        let (client, clock) = (self.client.clone(), Arc::clone(&self.clock));
        Ok(match (self.kind, &self.credential) {
            (Kind::Github, credential) => {
                let credential = of_github(credential)?;
                Arc::new(Github::open(client, clock, repository, &credential)?)
            }
            (Kind::Gitlab, credential) => {
                Arc::new(Gitlab::open(client, clock, repository, token(credential)?)?)
            }
            (Kind::Gitea, credential) => {
                Arc::new(Gitea::open(client, clock, repository, token(credential)?)?)
            }
            (Kind::Bitbucket, credential) => {
                let credential = match credential {
                    Credential::Person { email, token } => {
                        bitbucket::Credential::Person { email: email.clone(), token: token.clone() }
                    }
                    other @ (Credential::Token(_) | Credential::App(_)) => {
                        bitbucket::Credential::Token(token(other)?.clone())
                    }
                };
                Arc::new(Bitbucket::open(client, clock, repository, &credential)?)
            }
        })
    }

    /// Name and password by which git is let into a repository over https.
    pub async fn git_login(&self, repository: &Repository) -> Result<(&'static str, SecretString)> {
        let name = match (self.kind, &self.credential) {
            (Kind::Github, _) => "x-access-token",
            (Kind::Gitlab, _) => "oauth2",
            // It looks at the password alone.
            (Kind::Gitea, _) => "errand",
            (Kind::Bitbucket, Credential::Person { .. }) => "x-bitbucket-api-token-auth",
            (Kind::Bitbucket, _) => "x-token-auth",
        };
        let password = match &self.credential {
            Credential::App(_) => {
                let (client, clock) = (self.client.clone(), Arc::clone(&self.clock));
                let credential = of_github(&self.credential)?;
                Github::open(client, clock, repository.clone(), &credential)?.token().await?
            }
            Credential::Token(token) | Credential::Person { token, .. } => token.clone(),
        };
        Ok((name, password))
    }

    /// Asks the host whose credential this is: the first question with a new one.
    pub async fn owner(&self) -> Result<Owner> {
        let host = self.host()?;
        let path = match &self.credential {
            Credential::App(_) => "/app",
            Credential::Token(_) | Credential::Person { .. } => "/user",
        };
        let answer = host.ask(Request::get(path)).await?.done()?;
        let named = answer.header("x-oauth-scopes").unwrap_or_default().split(',');
        let named = named.map(|scope| scope.trim().to_owned()).filter(|scope| !scope.is_empty());
        let mut scopes: Vec<String> = named.collect();
        if self.kind == Kind::Gitlab {
            // Tokens of jobs and of other sign-ins have no such page; that is no fault of theirs.
            let told = host.find::<Scoped>("/personal_access_tokens/self").await;
            scopes.extend(told.ok().flatten().into_iter().flat_map(|told| told.scopes));
        }
        let told: Value = answer.body()?;
        let name = |field: &str| {
            let unnamed = || ForgeError::Rejected { detail: format!("it tells no {field}") };
            told.get(field).and_then(Value::as_str).ok_or_else(unnamed)
        };
        let login = match (self.kind, &self.credential) {
            (_, Credential::App(_)) => format!("{}[bot]", name("slug")?),
            (Kind::Github | Kind::Gitea, _) => name("login")?.to_owned(),
            (Kind::Gitlab, _) => name("username")?.to_owned(),
            (Kind::Bitbucket, _) => name("uuid")?.to_owned(),
        };
        Ok(Owner { login, scopes })
    }

    /// Repositories that the credential may push to or see, the most recently used first where the host sorts.
    pub async fn repositories(&self) -> Result<Pages<Found>> {
        let host = self.host()?;
        match (self.kind, &self.credential) {
            (Kind::Github, Credential::App(app)) => {
                let mut all = Pages { entries: Vec::new(), more: false };
                for installation in app.installations(&host).await? {
                    let own = host.authorized(app.of_installation(&host, installation).await?);
                    let path = format!("/installation/repositories?per_page={PAGE_ENTRIES}");
                    let pages = own.pages(&path, |page: Installed| page.repositories).await?;
                    all.more |= pages.more;
                    all.entries.extend(pages.entries.into_iter().map(Hub::found));
                }
                Ok(all)
            }
            (Kind::Github, _) => {
                let path = format!("/user/repos?sort=pushed&per_page={PAGE_ENTRIES}");
                listed(&host, &path, Hub::found).await
            }
            (Kind::Gitea, _) => {
                listed(&host, &format!("/user/repos?limit={PAGE_ENTRIES}"), Hub::found).await
            }
            (Kind::Gitlab, _) => {
                let order = "membership=true&archived=false&order_by=last_activity_at";
                let path = format!("/projects?{order}&per_page={PAGE_ENTRIES}");
                listed(&host, &path, Lab::found).await
            }
            (Kind::Bitbucket, _) => {
                let path = format!("/repositories?role=member&pagelen={PAGE_ENTRIES}");
                let pages = host.linked::<Bucket>(&path).await?;
                let entries = pages.entries.into_iter().map(|told| self.of_bucket(told)).collect();
                Ok(Pages { entries, more: pages.more })
            }
        }
    }

    fn of_bucket(&self, told: Bucket) -> Found {
        let root = self.web.as_str().trim_end_matches('/');
        Found {
            url: format!("{root}/{}.git", told.full_name),
            full_name: told.full_name,
            default_branch: told.mainbranch.map(|branch| branch.name),
            private: told.is_private,
        }
    }

    /// The host's API as itself, not one repository of it.
    fn host(&self) -> Result<Host> {
        let bad = || ForgeError::Rejected { detail: "the host's address is no URL".to_owned() };
        let api = match self.kind {
            Kind::Github => github::rest(&self.web),
            Kind::Gitlab => self.below("api/v4"),
            Kind::Gitea => self.below("api/v1"),
            Kind::Bitbucket => bitbucket::api(&self.web),
        };
        let authorize = match &self.credential {
            Credential::App(app) => app.as_itself(),
            Credential::Person { email, token } => {
                Arc::new(bitbucket::basic(email, token)) as Arc<_>
            }
            Credential::Token(token) if self.kind == Kind::Gitea => {
                Arc::new(Fixed::new(AUTHORIZATION, "token ", token))
            }
            Credential::Token(token) => Arc::new(Fixed::bearer(token)),
        };
        let (client, clock) = (self.client.clone(), Arc::clone(&self.clock));
        Ok(Host::new(client, api.ok_or_else(bad)?, clock, authorize))
    }

    fn below(&self, path: &str) -> Option<Url> {
        Url::parse(&format!("{}/{path}", self.web.as_str().trim_end_matches('/'))).ok()
    }
}

#[derive(Deserialize)]
struct Installed {
    repositories: Vec<Hub>,
}

async fn listed<T: DeserializeOwned>(
    host: &Host,
    path: &str,
    found: fn(T) -> Found,
) -> Result<Pages<Found>> {
    let pages = host.list::<T>(path).await?;
    Ok(Pages { entries: pages.entries.into_iter().map(found).collect(), more: pages.more })
}

fn token(credential: &Credential) -> Result<&SecretString> {
    match credential {
        Credential::Token(token) | Credential::Person { token, .. } => Ok(token),
        Credential::App(_) => Err(ForgeError::Credential),
    }
}

fn of_github(credential: &Credential) -> Result<github::Credential> {
    Ok(match credential {
        Credential::App(app) => github::Credential::App(Arc::clone(app)),
        other @ (Credential::Token(_) | Credential::Person { .. }) => {
            github::Credential::Token(token(other)?.clone())
        }
    })
}
