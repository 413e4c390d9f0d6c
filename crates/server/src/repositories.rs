//! Repositories on our side: where they lie, how remotes let us in, and what went wrong in words.

use crate::app::App;
use crate::disk;
use anyhow::{Context, Result};
use forge::bare::Bare;
use forge::forge::{Forge, ForgeError};
use forge::store::{PullRequestStore, RepositoryKey};
use git::agent_repo::AgentRepo;
use git::commit::Signer;
use git::mirror::Mirror;
use git::name::{BranchName, CommitId, RefName};
use git::remote::{Access, Remote, SshConfig};
use git::url::RemoteUrl;
use protocol::event::{PullRequest, RepoSettings};
use protocol::failure::{Failure, Phase};
use protocol::ids::{AgentId, OrgId};
use std::path::PathBuf;
use std::sync::Arc;

impl App {
    /// A remote with the access configured for its host, which is enough to find its mirror; [`App::reach`] adds what
    /// people connected.
    pub fn remote(&self, url: &str) -> Result<Remote> {
        let url = RemoteUrl::parse(url).context("parse the repository's URL")?;
        let host = url.host().map(str::to_owned);
        let ssh = host.and_then(|host| self.config.ssh.get(&host)).map(|host| SshConfig {
            key_file: host.key.clone(),
            known_hosts: host.known_hosts.clone(),
        });
        let far_end = self.far_end.as_ref().map(|far_end| far_end.program.clone());
        Ok(Remote { url, access: Access { ssh, far_end, ..Access::default() } })
    }

    /// The mirror of a remote, made if it is new.
    pub fn mirror(&self, org: &OrgId, remote: &Remote, upstream: &CommitId) -> Result<Mirror> {
        let folder =
            self.data.join("mirrors").join(&org.0).join(format!("{}.git", remote.url.key()));
        Mirror::open_or_create(&self.git, &folder, upstream).context("open the mirror")
    }

    /// Where agents have their folders, each by its id.
    pub fn agent_folders(&self) -> PathBuf {
        self.data.join("agents")
    }

    /// Where the repositories of an agent lie.
    pub fn agent_folder(&self, agent: AgentId) -> PathBuf {
        self.agent_folders().join(agent.to_string())
    }

    fn agent_repo_path(&self, agent: AgentId, repo: &RepoSettings) -> PathBuf {
        self.agent_folder(agent).join(format!("{}.git", repo.folder))
    }

    /// An agent's own repository, which borrows the mirror's objects; made if it is new.
    pub async fn make_agent_repo(
        &self,
        agent: AgentId,
        repo: &RepoSettings,
        mirror: &Mirror,
        head: &BranchName,
        refs: Vec<(RefName, CommitId)>,
    ) -> Result<AgentRepo> {
        let (folder, path) = (self.agent_folder(agent), self.agent_repo_path(agent, repo));
        let (mirror, head) = (mirror.clone(), head.clone());
        // Dozens of small files: many agents that begin at once must not hold up who watches.
        let made = tokio::task::spawn_blocking(move || {
            std::fs::create_dir_all(folder).context("make the agent's folder")?;
            AgentRepo::create(&path, &mirror, &head, &refs).context("make the agent's repository")
        });
        made.await.context("make the agent's repository")?
    }

    /// An agent's own repository, which must exist.
    pub fn agent_repo(&self, agent: AgentId, repo: &RepoSettings) -> Result<AgentRepo> {
        AgentRepo::open(&self.git, &self.agent_repo_path(agent, repo))
            .context("open the agent's repository")
    }

    /// Where the pull requests of a repository are: at its host, if that is connected, or with Errand. One that is
    /// known stays where it was opened.
    pub async fn forge_of(
        &self,
        agent: AgentId,
        org: &OrgId,
        (url, commit): (&str, &CommitId),
        known: Option<&PullRequest>,
    ) -> Result<Arc<dyn Forge>, ForgeError> {
        let ours = known.is_some_and(|pull| is_kept_here(agent, pull));
        let host = if ours { None } else { self.host_of(org, url).map_err(ForgeError::Store)? };
        match host {
            Some(host) => Ok(host),
            None if known.is_some() && !ours => {
                let detail =
                    format!("its host is not connected any more: connect it to go on with {url}");
                Err(ForgeError::Rejected { detail })
            }
            None => Ok(Arc::new(self.bare(org, url, commit).await.map_err(ForgeError::Store)?)),
        }
    }

    async fn bare(&self, org: &OrgId, url: &str, known: &CommitId) -> Result<Bare> {
        let remote = self.reach(org, url).await?;
        let mirror = self.mirror(org, &remote, known)?;
        let key = RepositoryKey { org: org.clone(), repository: remote.url.display() };
        let store: Arc<dyn PullRequestStore> = self.pull_requests.clone();
        let signer: Arc<dyn Signer> = self.signer();
        Ok(Bare { key, remote, mirror, store, signer: Some(signer) })
    }

    /// Where people read a pull request kept by Errand.
    pub fn pull_link(&self, agent: AgentId, number: u64) -> String {
        format!("{}{}", self.public_url, pull_path(agent, number))
    }
}

fn pull_path(agent: AgentId, number: u64) -> String {
    format!("/agents/{agent}/pull-requests/{number}")
}

/// Whether Errand itself keeps a pull request; the server may have had another address then.
fn is_kept_here(agent: AgentId, pull: &PullRequest) -> bool {
    pull.link.ends_with(&pull_path(agent, pull.number))
}

/// A failure of git in words that tell what to do.
pub fn explain(error: &git::error::Error, url: &str, phase: Phase) -> Failure {
    use git::error::Error;
    if disk::says_full(&format!("{error} {error:?}")) {
        return disk::full(phase);
    }
    let (code, message) = match error {
        Error::NotFound { .. } => {
            ("repository_missing", format!("there is no repository at {url}: check the address"))
        }
        Error::EmptyRepository => (
            "repository_empty",
            format!("{url} has no commit yet: push a first one, then try again"),
        ),
        Error::RefMissing { name } => {
            ("ref_missing", format!("{url} has no {name}: check the starting ref"))
        }
        Error::PermissionDenied { detail, .. } => {
            ("repository_access", format!("{url} lets Errand not in: {detail}"))
        }
        Error::Unreachable { detail, .. } => {
            ("repository_unreachable", format!("{url} cannot be reached: {detail}"))
        }
        Error::BadObjects { detail } => (
            "repository_damaged",
            format!(
                "{url} gives objects that cannot be taken; `git fsck` there says more: {detail}"
            ),
        ),
        Error::Timeout { .. } => {
            ("repository_timeout", format!("{url} did not answer in time: {error}"))
        }
        other => ("git_failed", format!("git failed on {url}: {other}")),
    };
    Failure::new(phase, code, message)
}
