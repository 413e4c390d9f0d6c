//! Large files: their content reaches the remote before commits that point to it, and agents read it without a
//! credential.
//!
//! Which files those are is read from the commits on our side. Contents come from the agent's quarantine, where
//! git-lfs inside has put them (`inside`), or else from the workspace.

pub mod inside;
pub mod remote;
pub mod shelf;

use crate::app::{App, LocalFarEnd};
use crate::effects::{Job, failed};
use crate::machines::Machine;
use anyhow::{Context, Result};
use futures::StreamExt as _;
use gateway::large_files::{Pointer, verified};
use git::agent_repo::AgentRepo;
use git::large_files::LargeFile;
use git::name::{BranchName, CommitId};
use git::remote::Remote;
use git::url::RemoteUrl;
use protocol::event::RepoSettings;
use protocol::failure::Phase;
use protocol::ids::{AgentId, OrgId};
use protocol::limits::{LARGE_FILE_BYTES, LARGE_FILES};
use remote::{Far, Operation, Refused};
use sandbox::link::LinkError;
use shelf::{CHUNK, Full, Quarantine, Shelf, content_of, place};
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use tokio_util::io::ReaderStream;

impl App {
    /// Contents that everybody who may read this repository may read.
    pub fn large_files(&self, org: &OrgId, url: &RemoteUrl) -> Shelf {
        Shelf::new(self.data.join("mirrors").join(&org.0).join(format!("{}.lfs", url.key())))
    }

    /// Contents that an agent has sent, or its workspace has handed over.
    pub async fn quarantine(&self, agent: AgentId) -> Result<Quarantine> {
        Quarantine::open(self.agent_folder(agent).join("lfs")).await
    }
}

/// What is about to be pushed.
pub struct Publishing<'a> {
    pub job: &'a Job,
    pub machine: &'a Machine,
    pub repo: &'a RepoSettings,
    pub branch: &'a BranchName,
    /// The repository's folder inside.
    pub path: &'a str,
}

impl Publishing<'_> {
    /// Publishes what the commits up to `tip` point to beyond those that are known; what is missing stops the push.
    pub async fn publish(
        &self,
        ours: &AgentRepo,
        tip: &CommitId,
        known: &[CommitId],
    ) -> Result<()> {
        let files = ours.new_large_files(tip, known).await.context("look for large files")?;
        if files.is_empty() {
            return Ok(());
        }
        if files.len() as u64 > LARGE_FILES {
            let message = format!(
                "the commits point to {} large files; {LARGE_FILES} may be new",
                files.len()
            );
            return Err(blocked(message));
        }
        let files = files.into_iter().map(checked).collect::<Result<Vec<_>>>()?;
        let app = &self.job.app;
        let remote = app.reach(&self.job.handle.org, &self.repo.url).await?;
        let shelf = app.large_files(&self.job.handle.org, &remote.url);
        let quarantine = app.quarantine(self.job.handle.id).await?;
        if remote.url.is_local() {
            return self.keep_beside(&remote, &files, &quarantine, &shelf).await;
        }
        let Some(far) = Far::new(app, &remote) else {
            let (path, _) = files.first().context("there is a large file")?;
            let message =
                format!("{path} is a large file, and this remote takes large files over http only");
            return Err(blocked(message));
        };
        self.send(&far, &files, &quarantine, &shelf).await
    }

    async fn send(
        &self,
        far: &Far<'_>,
        files: &[(String, Pointer)],
        quarantine: &Quarantine,
        shelf: &Shelf,
    ) -> Result<()> {
        let pointers: Vec<_> = files.iter().map(|(_, pointer)| pointer.clone()).collect();
        let of = self.branch.to_ref();
        let asked = far.ask(Operation::Upload, &pointers, Some(&of)).await;
        let answers = asked.map_err(|error| final_words(error, "large files"))?;
        for ((path, pointer), answered) in files.iter().zip(answers) {
            if let Some(words) = &answered.error {
                return Err(blocked(format!("the remote refused the large file {path}: {words}")));
            }
            // What the remote has already need not be here.
            if answered.wants() {
                let file = self.content(path, pointer, quarantine).await?;
                let file = file.ok_or_else(|| missing(path))?;
                let sent = far.send(pointer, &answered, &file).await;
                sent.map_err(|error| final_words(error, &format!("the large file {path}")))?;
            }
            quarantine.release(pointer, shelf).await;
        }
        Ok(())
    }

    /// Keeps contents beside the objects of a repository on this machine.
    async fn keep_beside(
        &self,
        remote: &Remote,
        files: &[(String, Pointer)],
        quarantine: &Quarantine,
        shelf: &Shelf,
    ) -> Result<()> {
        let app = &self.job.app;
        let folder = remote.url.local_path().context("the repository is on this machine")?;
        for (path, pointer) in files {
            match self.content(path, pointer, quarantine).await? {
                Some(file) => match &app.far_end {
                    Some(far_end) => have_kept(far_end, folder, path, pointer, &file).await?,
                    None => store_beside(folder, pointer, &file).await?,
                },
                None if fetch_beside(app, remote, pointer, shelf).await? => {}
                None => return Err(missing(path)),
            }
            quarantine.release(pointer, shelf).await;
        }
        Ok(())
    }

    /// A content: what was received, or else what the workspace has.
    async fn content(
        &self,
        path: &str,
        pointer: &Pointer,
        quarantine: &Quarantine,
    ) -> Result<Option<PathBuf>> {
        if let Some(file) = quarantine.find(pointer).await {
            return Ok(Some(file));
        }
        let inside = format!("{}/.git/lfs/objects/{}", self.path, place(pointer.oid()).display());
        let download = self.machine.link.download("/workspace".to_owned(), inside).await;
        let download = download.context("ask for a large file")?;
        let content = ReaderStream::with_capacity(download, CHUNK).boxed();
        // TRUST: the name comes from inside; only the content proves it.
        let Err(error) = quarantine.keep(pointer, verified(pointer, content)).await else {
            return Ok(quarantine.find(pointer).await);
        };
        if error.is::<Full>() {
            return Err(blocked(format!("the large file {path} finds no room: {Full}")));
        }
        let cause = error.chain().find_map(|cause| cause.downcast_ref::<std::io::Error>());
        let fault = cause.and_then(std::io::Error::get_ref);
        if matches!(fault.and_then(|it| it.downcast_ref()), Some(LinkError::Fault(_))) {
            return Ok(None);
        }
        if cause.is_some_and(|cause| cause.kind() == std::io::ErrorKind::InvalidData) {
            let message =
                format!("the content of the large file {path} is not what its pointer says");
            return Err(blocked(message));
        }
        Err(error)
    }
}

fn blocked(message: String) -> anyhow::Error {
    failed(Phase::Push, "push_blocked", message)
}

fn missing(path: &str) -> anyhow::Error {
    blocked(format!(
        "the content of the large file {path} is missing in the workspace: run `git lfs fetch` or add it again"
    ))
}

/// What no repetition mends stops the push; anything else is tried again.
fn final_words(error: anyhow::Error, what: &str) -> anyhow::Error {
    match error.downcast::<Refused>() {
        Ok(Refused(words)) => blocked(format!("{what} cannot be published: {words}")),
        Err(error) => error,
    }
}

fn checked(file: LargeFile) -> Result<(String, Pointer)> {
    let LargeFile { path, oid, size } = file;
    if size > LARGE_FILE_BYTES {
        return Err(blocked(format!(
            "the large file {path} has more than {LARGE_FILE_BYTES} bytes"
        )));
    }
    let pointer = Pointer::new(&oid, size);
    let pointer =
        pointer.ok_or_else(|| blocked(format!("the large file {path} has a damaged pointer")))?;
    Ok((path, pointer))
}

/// Where a repository on this machine keeps a content.
fn beside(folder: &Path, pointer: &Pointer) -> PathBuf {
    let inner = folder.join(".git");
    let git = if inner.is_dir() { inner } else { folder.to_path_buf() };
    git.join("lfs").join("objects").join(place(pointer.oid()))
}

/// Brings a content that a repository on this machine has to its shelf; false if it has none.
pub(crate) async fn fetch_beside(
    app: &App,
    remote: &Remote,
    pointer: &Pointer,
    shelf: &Shelf,
) -> Result<bool> {
    if shelf.find(pointer).await.is_some() {
        return Ok(true);
    }
    let folder = remote.url.local_path().context("the repository is on this machine")?;
    if let Some(far_end) = &app.far_end {
        let arriving = shelf.begin(pointer).await?;
        let into = arriving.to_std().await?;
        let repository = folder.to_str().context("the repository's path is not UTF-8")?;
        let keeper = &far_end.keeper;
        let given = keeper.give_large_file(repository, pointer.oid(), pointer.size(), into.as_fd());
        if let Err(error) = given.await {
            tracing::debug!(%error, "a repository of this host has no such large file");
            return Ok(false);
        }
        // What lies there under this name need not be it.
        let mut content = verified(pointer, content_of(arriving.path()).await?);
        while let Some(piece) = content.next().await {
            if let Err(error) = piece {
                tracing::warn!(%error, "a repository of this host has a damaged large file");
                return Ok(false);
            }
        }
        return arriving.keep().await.map(|()| true);
    }
    match content_of(&beside(folder, pointer)).await {
        Ok(content) => Ok(shelf.keep(pointer, verified(pointer, content)).await.is_ok()),
        Err(_) => Ok(false),
    }
}

/// A repository that we may not write to gets its large files by way of its owner.
async fn have_kept(
    far_end: &LocalFarEnd,
    remote: &Path,
    path: &str,
    pointer: &Pointer,
    file: &Path,
) -> Result<()> {
    let content = tokio::fs::File::open(file).await.context("open a large file")?;
    let repository = remote.to_str().context("the repository's path is not UTF-8")?;
    let keeper = &far_end.keeper;
    let kept = keeper.keep_large_file(repository, pointer.oid(), pointer.size(), content.as_fd());
    kept.await.map_err(|error| {
        blocked(format!("the large file {path} cannot be kept in {repository}: {error}"))
    })
}

/// A repository on this machine keeps its large files beside its objects.
async fn store_beside(remote: &Path, pointer: &Pointer, file: &Path) -> Result<()> {
    let target = beside(remote, pointer);
    if tokio::fs::try_exists(&target).await.unwrap_or(false) {
        return Ok(());
    }
    tokio::fs::create_dir_all(target.parent().context("a large file has a folder")?)
        .await
        .context("make the remote's folder")?;
    let partial = target.with_extension("partial");
    tokio::fs::copy(file, &partial).await.context("copy a large file to the remote")?;
    tokio::fs::rename(&partial, &target).await.context("copy a large file to the remote")
}
