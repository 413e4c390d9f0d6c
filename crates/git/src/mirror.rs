//! Our own copy of a repository's branches and tags, fetched only when something is missing.

use std::collections::HashMap;
use std::fs::File;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::error::{Error, Result, of_remote};
use crate::layout::{self, Layout};
use crate::name::{BranchName, CommitId, ObjectFormat};
use crate::remote::{self, FarEnd, RefKind, Remote, RemoteHead};
use crate::repo::Repo;
use crate::runner::Git;

/// Time for one fetch: a first copy of a very large repository included.
pub const FETCH_TIME_MAX: Duration = Duration::from_secs(45 * 60);
const LOCK_RETRY: Duration = Duration::from_millis(50);

/// Faults of old commits that real projects carry for ever and that harm nobody.
const HARMLESS_FAULTS: &[&str] = &[
    "badTimezone",
    "badDateOverflow",
    "missingSpaceBeforeDate",
    "missingSpaceBeforeEmail",
    "missingNameBeforeEmail",
    "missingEmail",
    "zeroPaddedDate",
    "zeroPaddedFilemode",
    "nullSha1",
    "badFilemode",
    "gitmodulesParse",
    "extraHeaderEntry",
];

/// A bare copy of an upstream repository; borrowed from by agents, so nothing in it is deleted.
#[derive(Debug, Clone)]
pub struct Mirror {
    repo: Repo,
}

impl Deref for Mirror {
    type Target = Repo;
    fn deref(&self) -> &Repo {
        &self.repo
    }
}

/// How far a fetch is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// What git is doing, in its words: "Receiving objects".
    pub phase: String,
    /// 0 to 100.
    pub percent: u8,
}

/// Whether the network was needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// Everything was here already.
    Warm,
    /// Something was fetched.
    Fetched,
}

enum Wanted<'a> {
    Everything,
    Refspec(String),
    Commit(&'a CommitId),
}

impl Mirror {
    /// Opens the mirror in this folder, creating an empty one where there is none.
    ///
    /// The commit tells which hash the upstream names its objects by.
    pub fn open_or_create(git: &Git, dir: &Path, upstream: &CommitId) -> Result<Self> {
        let head = BranchName::parse("main")
            .map_err(|bad| Error::other("create a mirror", bad.to_string()))?;
        let layout = Layout {
            format: ObjectFormat::of(upstream.as_str()),
            head: &head,
            alternates: Vec::new(),
            refs: &[],
        };
        if !dir.join("HEAD").is_file() {
            layout::create(dir, &layout)?;
        }
        Self::open(git, dir)
    }

    /// Opens a mirror that exists.
    pub fn open(git: &Git, dir: &Path) -> Result<Self> {
        Ok(Self { repo: Repo::open_own(git, dir)? })
    }

    /// Makes sure that the commit a remote was just seen at is here, with its history.
    ///
    /// Costs no process where the branch was fetched at that commit, a short one where it is elsewhere here. Safe to call at the same time from anywhere.
    pub async fn ensure(
        &self,
        remote: &Remote,
        head: &RemoteHead,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Freshness> {
        if self.stands_at(head).await? || self.has_commit(&head.commit).await? {
            return Ok(Freshness::Warm);
        }
        let _lock = self.lock().await?;
        if self.stands_at(head).await? || self.has_commit(&head.commit).await? {
            return Ok(Freshness::Warm);
        }
        for wanted in self.plan(head) {
            let fetched = self.fetch(remote, &wanted, progress).await;
            let refused = matches!(fetched, Err(Error::RefMissing { .. } | Error::Other { .. }));
            if !refused {
                fetched?;
            }
            if self.has_commit(&head.commit).await? {
                return Ok(Freshness::Fetched);
            }
        }
        Err(Error::RefMissing { name: format!("commit {}", head.commit) })
    }

    /// Whether our copy of the branch is at this very commit: a fetched ref is complete.
    async fn stands_at(&self, head: &RemoteHead) -> Result<bool> {
        let RefKind::Branch(branch) = &head.kind else { return Ok(false) };
        Ok(self.ref_head(&branch.to_ref()).await?.as_ref() == Some(&head.commit))
    }

    /// Fetches every branch and tag of the remote.
    pub async fn update(
        &self,
        remote: &Remote,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<()> {
        let _lock = self.lock().await?;
        self.fetch(remote, &Wanted::Everything, progress).await
    }

    /// Makes the branches and tags here those of the remote, and HEAD its default branch, so that
    /// this copy can be served in the remote's place. Refs go with theirs; objects stay.
    pub async fn follow(
        &self,
        remote: &Remote,
        head: &RemoteHead,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<()> {
        let _lock = self.lock().await?;
        self.fetch_once(remote, &Wanted::Everything, "--prune", progress).await?;
        if let Some(branch) = &head.default_branch {
            let name = branch.to_ref();
            self.call("set HEAD").args(["symbolic-ref", "HEAD", name.as_str()]).run().await?;
        }
        Ok(())
    }

    /// The cheapest fetch that may bring the commit first, the surest last.
    fn plan<'a>(&self, head: &'a RemoteHead) -> Vec<Wanted<'a>> {
        let empty = !has_packs(&self.objects_dir());
        let mut steps = Vec::new();
        if !empty {
            match &head.kind {
                RefKind::Branch(branch) => {
                    steps.push(Wanted::Refspec(format!("+{0}:{0}", branch.to_ref())));
                }
                RefKind::Tag(name) => steps.push(Wanted::Refspec(format!("+{name}:{name}"))),
                RefKind::Commit => steps.push(Wanted::Commit(&head.commit)),
            }
        }
        steps.push(Wanted::Everything);
        if empty {
            steps.push(Wanted::Commit(&head.commit));
        }
        steps
    }

    async fn fetch(
        &self,
        remote: &Remote,
        wanted: &Wanted<'_>,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<()> {
        let first = self.fetch_once(remote, wanted, "--no-prune", progress).await;
        // A branch `a` that became `a/b` upstream leaves no room for the new name. Refs go, but
        // objects stay: nothing here is ever collected.
        if let Err(Error::Other { stderr, .. }) = &first
            && (stderr.contains("cannot lock ref") || stderr.contains("refname conflict"))
        {
            return self.fetch_once(remote, &Wanted::Everything, "--prune", progress).await;
        }
        first
    }

    async fn fetch_once(
        &self,
        remote: &Remote,
        wanted: &Wanted<'_>,
        prune: &str,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<()> {
        let attempt = "fetch from the remote";
        let mut seen = None;
        let mut report = |line: &str| {
            if let Some(now) = parse_progress(line)
                && seen.as_ref() != Some(&now)
            {
                seen = Some(now.clone());
                progress(now);
            }
        };
        let mut call = remote::admit(self.call(attempt), remote, attempt)?
            .args(["fetch", "--progress", "--no-tags", "--no-write-fetch-head", "--force", prune])
            .args(["--no-auto-maintenance", "--no-recurse-submodules", "--no-show-forced-updates"])
            .args(remote::far_end(remote, FarEnd::Upload)?)
            .arg("--")
            .arg(remote.url.as_str())
            .heavy(FETCH_TIME_MAX)
            .progress(&mut report);
        for fault in HARMLESS_FAULTS {
            call = call.config(&format!("fetch.fsck.{fault}"), "ignore");
        }
        call = match wanted {
            Wanted::Everything => {
                call.args(["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"])
            }
            Wanted::Refspec(spec) => call.arg(spec),
            Wanted::Commit(id) => call.arg(id),
        };
        let output = call.finish().await?;
        if output.code != Some(0) {
            return Err(of_remote(attempt, &output.stderr));
        }
        if matches!(wanted, Wanted::Everything) {
            // Thousands of single ref files make every later call slow.
            self.call("pack refs").args(["pack-refs", "--all"]).run().await?;
        }
        Ok(())
    }

    /// One fetch at a time per mirror: between tasks by a mutex, between processes by a file lock.
    async fn lock(&self) -> Result<Lock> {
        let deadline = tokio::time::Instant::now() + FETCH_TIME_MAX;
        let attempt = "wait for another fetch";
        let late = |_| Error::Timeout { attempt, limit: FETCH_TIME_MAX };
        let mutex = mutex_of(self.dir());
        let task = tokio::time::timeout_at(deadline, mutex.lock_owned()).await.map_err(late)?;
        let file = File::create(self.dir().join("errand.lock")).map_err(Error::io(attempt))?;
        while let Err(error) = file.try_lock() {
            if let std::fs::TryLockError::Error(source) = error {
                return Err(Error::Io { attempt, source });
            }
            if tokio::time::Instant::now() >= deadline {
                return Err(Error::Timeout { attempt, limit: FETCH_TIME_MAX });
            }
            tokio::time::sleep(LOCK_RETRY).await;
        }
        Ok(Lock { _file: file, _task: task })
    }
}

struct Lock {
    _file: File,
    _task: tokio::sync::OwnedMutexGuard<()>,
}

type Mutexes = HashMap<PathBuf, Arc<tokio::sync::Mutex<()>>>;

fn mutex_of(dir: &Path) -> Arc<tokio::sync::Mutex<()>> {
    static MUTEXES: Mutex<Option<Mutexes>> = Mutex::new(None);
    let mut all = MUTEXES.lock().unwrap_or_else(PoisonError::into_inner);
    let all = all.get_or_insert_with(HashMap::new);
    // Those nobody holds any more go, so that the map does not grow with every repository seen.
    all.retain(|_, mutex| Arc::strong_count(mutex) > 1);
    Arc::clone(all.entry(dir.to_owned()).or_default())
}

fn has_packs(objects: &Path) -> bool {
    std::fs::read_dir(objects.join("pack")).is_ok_and(|mut entries| entries.next().is_some())
        || std::fs::read_dir(objects)
            .is_ok_and(|entries| entries.flatten().any(|entry| entry.file_name().len() == 2))
}

/// Reads "Receiving objects:  45% (9/20), 1.2 MiB", also with "remote: " before it.
fn parse_progress(line: &str) -> Option<Progress> {
    let line = line.strip_prefix("remote: ").unwrap_or(line);
    let (phase, rest) = line.split_once(':')?;
    let (percent, _) = rest.split_once('%')?;
    let percent: u8 = percent.trim().parse().ok().filter(|percent| *percent <= 100)?;
    let phase: String = phase.trim().chars().filter(|c| !c.is_control()).take(60).collect();
    Some(Progress { phase, percent })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_lines_are_read() {
        let read = |line| parse_progress(line).map(|p| (p.phase, p.percent));
        assert_eq!(read("Receiving objects:  45% (9/20)"), Some(("Receiving objects".into(), 45)));
        assert_eq!(
            read("remote: Counting objects: 100% (2/2), done."),
            Some(("Counting objects".into(), 100))
        );
        assert_eq!(read("fatal: x"), None);
        assert_eq!(read("x: 900%"), None);
    }
}
