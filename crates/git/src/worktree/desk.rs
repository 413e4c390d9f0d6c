//! A repository of ours beside the person's: its objects borrowed, its index copied, its
//! configuration left where it is.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::Worktree;
use super::journal::Journal;
use super::remembered::{self, Remembered};
use super::snapshot::Snapshot;
use crate::error::{Error, Result};
use crate::layout::{self, Layout};
use crate::name::BranchName;
use crate::repo::Repo;
use crate::runner::Call;

const ATTEMPT: &str = "prepare for the worktree";
/// Time for one look at the whole worktree.
pub(super) const LOOK_TIME_MAX: Duration = Duration::from_secs(15 * 60);
/// How long the end of another call is waited for.
const LOCK_PATIENCE: Duration = Duration::from_secs(1);
const LOCK_RETRY: Duration = Duration::from_millis(20);
/// Files of git's own folder that say what belongs to the worktree.
const INFO: [&str; 2] = ["info/exclude", "info/attributes"];
/// Beginning of the names of files that an index may be split into.
const SHARED_INDEX: &str = "sharedindex.";
/// Beginning of the names of folders that are put into a worktree while its files are swapped, where
/// the git folder is on another file system.
pub(super) const STAGE: &str = ".errand-stage-";

/// Our place beside a worktree; only one at a time.
#[derive(Debug)]
pub struct Desk {
    pub(super) worktree: Worktree,
    pub(super) repo: Repo,
    pub(super) folder: TempDir,
    /// Which state of the person's index was copied.
    pub(super) origin: Option<String>,
    /// What an earlier call left, until the first look.
    pub(super) recalled: Mutex<Option<Remembered>>,
    /// Whether the index may serve a later call.
    pub(super) is_plain: AtomicBool,
    _lock: File,
}

impl Worktree {
    /// Prepares a desk. Refused while another one works on the same worktree.
    pub async fn desk(&self) -> Result<Desk> {
        let worktree = self.clone();
        let made = tokio::task::spawn_blocking(move || Desk::make(worktree)).await;
        let mut desk = made.map_err(|error| Error::other(ATTEMPT, error.to_string()))??;
        desk.recalled = Mutex::new(desk.recall().await?);
        Ok(desk)
    }
}

impl Desk {
    fn make(worktree: Worktree) -> Result<Self> {
        let home = worktree.home();
        let io = || Error::io(ATTEMPT);
        std::fs::create_dir_all(&home).map_err(io())?;
        let lock = File::create(home.join("lock")).map_err(io())?;
        let began = Instant::now();
        while lock.try_lock().is_err() {
            if began.elapsed() > LOCK_PATIENCE {
                let why =
                    "another `errand up` or `errand down` works on this worktree: wait for it";
                return Err(Error::other(ATTEMPT, why));
            }
            std::thread::sleep(LOCK_RETRY);
        }
        let needed = Journal::stage_needed(&home)?;
        sweep(&home, &["desk-", "stage-"], needed.as_deref());
        sweep(&worktree.root, &[STAGE], needed.as_deref());
        let folder = tempfile::Builder::new().prefix("desk-").tempdir_in(&home).map_err(io())?;
        let dir = folder.path().join("git");
        let head =
            BranchName::parse("main").map_err(|bad| Error::other(ATTEMPT, bad.to_string()))?;
        let layout = Layout {
            format: worktree.format()?,
            head: &head,
            alternates: vec![worktree.objects()],
            refs: &[],
        };
        layout::create(&dir, &layout)?;
        let repo = Repo::open(&worktree.git, &dir)?;
        let (recalled, is_plain) = (Mutex::new(None), AtomicBool::new(true));
        let origin = remembered::origin(&worktree);
        let desk = Self { worktree, repo, folder, origin, recalled, is_plain, _lock: lock };
        desk.copy_state().map_err(io())?;
        Ok(desk)
    }

    fn copy_state(&self) -> std::io::Result<()> {
        let (git_dir, common) = (&self.worktree.git_dir, &self.worktree.common_dir);
        std::fs::create_dir_all(self.repo.dir().join("info"))?;
        for name in INFO {
            copy_if_there(&common.join(name), &self.repo.dir().join(name))?;
        }
        let exclude = self.repo.dir().join("info/exclude");
        let mut rules = std::fs::read(&exclude).unwrap_or_default();
        rules.extend_from_slice(format!("\n/{STAGE}*/\n").as_bytes());
        std::fs::write(exclude, rules)?;
        copy_if_there(&common.join("shallow"), &self.repo.dir().join("shallow"))?;
        for entry in std::fs::read_dir(git_dir)?.flatten() {
            let name = entry.file_name();
            if name.to_string_lossy().starts_with(SHARED_INDEX) {
                copy_if_there(&entry.path(), &self.repo.dir().join(name))?;
                self.is_plain.store(false, Ordering::Relaxed);
            }
        }
        self.copy_index()
    }

    /// Puts a copy of the person's own index in place.
    pub(super) fn copy_index(&self) -> std::io::Result<()> {
        let (from, to) = (self.worktree.git_dir.join("index"), self.index());
        // The one that lies there may have a second name.
        match std::fs::remove_file(&to) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        copy_if_there(&from, &to)?;
        keep_time(&from, &to)
    }

    /// The copied index.
    pub(super) fn index(&self) -> PathBuf {
        self.repo.dir().join("index")
    }

    /// The worktree it serves.
    pub const fn worktree(&self) -> &Worktree {
        &self.worktree
    }

    /// The repository with all that was read and received.
    pub const fn repo(&self) -> &Repo {
        &self.repo
    }

    /// Git with the worktree's files and the copied index.
    pub(super) fn call(&self, attempt: &'static str) -> Call<'_> {
        let index = self.index();
        self.call_at(attempt, &self.worktree.root, &index)
    }

    /// Git with these files and this index; it finds no program to run in any configuration.
    pub(super) fn call_at(&self, attempt: &'static str, files: &Path, index: &Path) -> Call<'_> {
        let mut call = self
            .worktree
            .git
            .call(attempt)
            .repo(self.repo.dir())
            .env("GIT_WORK_TREE", files)
            .env("GIT_INDEX_FILE", index)
            .heavy(LOOK_TIME_MAX)
            // Whatever a crash loses here is made again from the worktree.
            .config("core.fsync", "none")
            .config("core.safecrlf", "false")
            .config("core.compression", "1")
            .config("core.preloadIndex", "true")
            .config("index.skipHash", "true")
            .config("advice.addEmbeddedRepo", "false");
        for (key, value) in &self.worktree.carried {
            call = call.config(key, OsString::from(value));
        }
        call
    }

    /// Moves every object made or received here into the person's repository, and remembers how the
    /// worktree was read.
    pub async fn keep(&self, read: &Snapshot) -> Result<()> {
        let (from, to) = (self.repo.objects_dir(), self.worktree.objects());
        let moved = tokio::task::spawn_blocking(move || migrate(&from, &to)).await;
        moved
            .map_err(|error| Error::other("keep the objects", error.to_string()))?
            .map_err(Error::io("keep the objects"))?;
        self.remember_index(read).await
    }
}

/// Removes what killed calls left; they are gone, since the lock is ours.
fn sweep(home: &Path, prefixes: &[&str], needed: Option<&Path>) {
    for entry in std::fs::read_dir(home).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let ours = prefixes.iter().any(|prefix| name.to_string_lossy().starts_with(prefix));
        if ours && Some(entry.path().as_path()) != needed {
            // What cannot be removed is in nobody's way.
            drop(remove_folder(&entry.path()));
        }
    }
}

/// Removes a folder with all that is in it. Git may live on for a moment after the call that started
/// it was killed, and still write there; it cannot once the folder it works in is gone.
pub(super) fn remove_folder(folder: &Path) -> std::io::Result<()> {
    let began = Instant::now();
    loop {
        match std::fs::remove_dir_all(folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error)
                if error.kind() == std::io::ErrorKind::DirectoryNotEmpty
                    && began.elapsed() < LOCK_PATIENCE =>
            {
                std::thread::sleep(LOCK_RETRY);
            }
            done => return done,
        }
    }
}

fn copy_if_there(from: &Path, to: &Path) -> std::io::Result<()> {
    match std::fs::copy(from, to) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Git compares times of files with that of the index, to find edits made within one tick of the
/// clock; a copy with a later time would hide them.
fn keep_time(from: &Path, to: &Path) -> std::io::Result<()> {
    match from.metadata() {
        Ok(meta) => File::options().write(true).open(to)?.set_modified(meta.modified()?),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Packs first, their index last: a pack exists for git once its index does.
fn migrate(from: &Path, to: &Path) -> std::io::Result<()> {
    let mut packs: Vec<PathBuf> = entries(&from.join("pack"))?;
    packs.sort_by_key(|path| path.extension().is_some_and(|end| end == "idx"));
    std::fs::create_dir_all(to.join("pack"))?;
    for path in packs {
        take(&path, &to.join("pack"))?;
    }
    for folder in entries(from)? {
        let is_loose = folder.file_name().is_some_and(|name| name.len() == 2);
        if let (true, Some(name)) = (is_loose, folder.file_name()) {
            let target = to.join(name);
            std::fs::create_dir_all(&target)?;
            for object in entries(&folder)? {
                take(&object, &target)?;
            }
        }
    }
    Ok(())
}

fn entries(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    std::fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect()
}

/// Hands a file over. Named by content: one that is there already is the same. The desk keeps what
/// it has, since more may follow.
fn take(file: &Path, folder: &Path) -> std::io::Result<()> {
    let Some(name) = file.file_name() else { return Ok(()) };
    let target = folder.join(name);
    if target.exists() || name.to_string_lossy().starts_with("tmp_") {
        return Ok(());
    }
    if std::fs::hard_link(file, &target).is_ok() || target.exists() {
        return Ok(());
    }
    let fresh = folder.join(format!("tmp_errand_{}", name.to_string_lossy()));
    std::fs::copy(file, &fresh)?;
    std::fs::rename(fresh, target)
}
