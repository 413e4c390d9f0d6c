//! Writes a plan into the worktree: new files are made beside it, then swapped into place one by one.
//!
//! Nothing is overwritten that was not looked at: what is swapped out must be the version that was
//! merged, else it is swapped back. What is removed or replaced exists in the backup as well.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use super::beneath::{self, Beneath, Found, Version, place, swap};
use super::desk::{Desk, STAGE};
use super::journal::Journal;
use super::plan::Plan;
use super::snapshot::Change;
use crate::commit::{CommitDraft, Signature};
use crate::error::{Error, Result};
use crate::name::{RefName, TreeId};
use crate::runner::Input;

const ATTEMPT: &str = "write the files";
/// Files from which on git writes them with several processes.
const PARALLEL_FROM: usize = 1000;

/// Refs that tell what was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marks {
    /// Points to what was last taken over.
    pub synced: RefName,
    /// Points to the worktree before.
    pub backup: RefName,
}

/// What was done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Files written or replaced.
    pub written: usize,
    /// Files removed.
    pub removed: usize,
    /// Paths that changed in the last moment, or that something lies in the way of; they were left.
    pub left: Vec<String>,
}

/// Whether a plan was carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Applied {
    /// It was.
    Done(Report),
    /// The worktree was edited since it was read, nothing was done: plan again.
    Stale,
    /// Ignored files lie where new ones should go; nothing was done.
    InTheWay(Vec<String>),
}

impl Desk {
    /// Carries out a plan; the refs are set first and last.
    pub async fn apply(
        &self,
        plan: &Plan,
        marks: &Marks,
        who: &Signature,
        progress: &mut (dyn FnMut(usize) + Send),
    ) -> Result<Applied> {
        let stage = self.stage_folder()?;
        self.fill(&stage, plan).await?;
        let known = self.versions(&plan.changes)?;
        if self.are_edited(&plan.ours.tree, &plan.replaced()).await? {
            return Ok(Applied::Stale);
        }
        match self.obstacles(&stage, plan, &known)? {
            Obstacles::None => {}
            Obstacles::Edited => return Ok(Applied::Stale),
            Obstacles::Ignored(paths) => return Ok(Applied::InTheWay(paths)),
        }
        self.keep(&plan.ours).await?;
        let draft = CommitDraft {
            tree: plan.ours.tree.clone(),
            parents: plan.ours.head.iter().cloned().collect(),
            author: who.clone(),
            committer: who.clone(),
            message: "Worktree before errand down".to_owned(),
            trailers: Vec::new(),
        };
        self.worktree.mark(&marks.backup, &draft).await?;
        // A second name for what will be written keeps it from git's collection until it is done.
        let journal = Journal {
            ours: plan.ours.tree.clone(),
            merged: plan.merged.clone(),
            theirs: plan.theirs.clone(),
            synced: marks.synced.clone(),
            backup: marks.backup.clone(),
            stage: stage.clone(),
        };
        journal.write(self)?;
        let report = self.put(plan, &stage, known, progress).await?;
        self.finish(plan, marks, who, &report).await?;
        Ok(Applied::Done(report))
    }

    /// The second half of [`Desk::apply`], for a plan whose journal is written.
    pub(super) async fn write(
        &self,
        plan: &Plan,
        marks: &Marks,
        journal: &Journal,
        progress: &mut (dyn FnMut(usize) + Send),
    ) -> Result<Report> {
        let stage = self.stage_folder()?;
        Journal { stage: stage.clone(), ..journal.clone() }.write(self)?;
        self.fill(&stage, plan).await?;
        let known = self.versions(&plan.changes)?;
        let report = self.put(plan, &stage, known, progress).await?;
        let when = crate::commit::When { seconds: 0, offset_minutes: 0 };
        let who =
            Signature { name: "Errand".to_owned(), email: "errand@localhost".to_owned(), when };
        self.finish(plan, marks, &who, &report).await?;
        Ok(report)
    }

    async fn finish(
        &self,
        plan: &Plan,
        marks: &Marks,
        who: &Signature,
        report: &Report,
    ) -> Result<()> {
        // What was left is merged again next time.
        if report.left.is_empty() {
            self.remember(&marks.synced, &plan.theirs, who).await?;
        }
        Journal::clear(self)
    }

    /// Notes what both sides have in common now.
    pub async fn remember(&self, synced: &RefName, tree: &TreeId, who: &Signature) -> Result<()> {
        let draft = CommitDraft {
            tree: tree.clone(),
            parents: Vec::new(),
            author: who.clone(),
            committer: who.clone(),
            message: "Files last synced with an agent".to_owned(),
            trailers: Vec::new(),
        };
        self.worktree.mark(synced, &draft).await.map(drop)
    }

    /// A place on the worktree's own file system, so that files can be swapped in one step.
    fn stage_folder(&self) -> Result<PathBuf> {
        use std::os::unix::fs::MetadataExt as _;
        let device = |path: &Path| path.metadata().map(|meta| meta.dev());
        let home = self.worktree.home();
        let make = || {
            let root = self.worktree.root();
            let beside = device(&home)? == device(root)?;
            let name = self.folder.path().file_name().unwrap_or_default().to_string_lossy();
            let stage = match beside {
                true => home.join(format!("stage-{name}")),
                false => root.join(format!("{STAGE}{name}")),
            };
            std::fs::create_dir_all(stage.join("new"))?;
            std::fs::create_dir_all(stage.join("old"))?;
            Ok(stage)
        };
        make().map_err(Error::io(ATTEMPT))
    }

    /// Lets git write the new files, line ends as the person has them.
    async fn fill(&self, stage: &Path, plan: &Plan) -> Result<()> {
        let index = self.folder.path().join("stage-index");
        // One that is not there is an empty one.
        drop(std::fs::remove_file(&index));
        let mut lines = Vec::new();
        let mut count = 0;
        for change in &plan.changes {
            if let Some(entry) = &change.new {
                lines.extend_from_slice(format!("{} {}\t", entry.kind.mode(), entry.id).as_bytes());
                lines.extend_from_slice(&change.path);
                lines.push(0);
                count += 1;
            }
        }
        if count == 0 {
            return Ok(());
        }
        let files = stage.join("new");
        let call = || self.call_at(ATTEMPT, &files, &index);
        let update = call().args(["update-index", "--add", "-z", "--index-info"]);
        update.input(Input::Bytes(lines)).run().await?;
        let mut write = call().env("GIT_ATTR_SOURCE", plan.merged.as_str());
        if count >= PARALLEL_FROM {
            write = write.config("checkout.workers", "2");
        }
        write.args(["checkout-index", "-a", "-q"]).run().await.map(drop)
    }

    /// What lies at the paths now.
    fn versions(&self, changes: &[Change]) -> Result<BTreeMap<Vec<u8>, Found>> {
        let look = || {
            let mut root = Beneath::open(self.worktree.root())?;
            let found =
                changes.iter().map(|change| Ok((change.path.clone(), root.look(&change.path)?)));
            found.collect::<io::Result<_>>()
        };
        look().map_err(Error::io("look at the worktree"))
    }

    /// What stands against the plan.
    fn obstacles(
        &self,
        stage: &Path,
        plan: &Plan,
        known: &BTreeMap<Vec<u8>, Found>,
    ) -> Result<Obstacles> {
        let leaving: BTreeSet<&[u8]> =
            plan.changes.iter().filter(|c| c.new.is_none()).map(|c| c.path.as_slice()).collect();
        let mut ignored = Vec::new();
        for change in &plan.changes {
            let found = known.get(&change.path).copied().unwrap_or(Found::Nothing);
            match (&change.old, found) {
                (_, Found::Nothing) | (Some(_), Found::File(_)) => {}
                (Some(_), Found::Folder | Found::Blocked) => return Ok(Obstacles::Edited),
                (None, Found::File(_)) if !self.is_same(stage, &change.path) => {
                    ignored.push(change.shown_path());
                }
                (None, Found::File(_)) => {}
                (None, Found::Folder) => {
                    let folder = self.worktree.root().join(beneath::os_path(&change.path));
                    if !only_leaving(&folder, &change.path, &leaving) {
                        ignored.push(change.shown_path());
                    }
                }
                (None, Found::Blocked) => {
                    let above = above(&change.path);
                    if !above.into_iter().any(|path| leaving.contains(path)) {
                        ignored.push(change.shown_path());
                    }
                }
            }
        }
        Ok(if ignored.is_empty() { Obstacles::None } else { Obstacles::Ignored(ignored) })
    }

    /// Whether an ignored file is what would be written there anyway.
    fn is_same(&self, stage: &Path, path: &[u8]) -> bool {
        let (here, new) = (
            self.worktree.root().join(beneath::os_path(path)),
            stage.join("new").join(beneath::os_path(path)),
        );
        match (here.symlink_metadata(), new.symlink_metadata()) {
            (Ok(a), Ok(b)) if a.is_file() && b.is_file() && a.len() == b.len() => {
                std::fs::read(here).ok().is_some_and(|bytes| std::fs::read(new).ok() == Some(bytes))
            }
            (Ok(a), Ok(b)) if a.is_symlink() && b.is_symlink() => {
                std::fs::read_link(here).ok() == std::fs::read_link(new).ok()
            }
            _ => false,
        }
    }

    async fn put(
        &self,
        plan: &Plan,
        stage: &Path,
        known: BTreeMap<Vec<u8>, Found>,
        progress: &mut (dyn FnMut(usize) + Send),
    ) -> Result<Report> {
        let (root, stage, changes) =
            (self.worktree.root().to_owned(), stage.to_owned(), plan.changes.clone());
        let (sender, mut counted) = tokio::sync::mpsc::channel(16);
        let work = tokio::task::spawn_blocking(move || {
            let report = Putting::new(&root, &stage, known)?.all(&changes, &sender);
            std::fs::remove_dir_all(&stage)?;
            report
        });
        while let Some(count) = counted.recv().await {
            progress(count);
        }
        let done = work.await.map_err(|error| Error::other(ATTEMPT, error.to_string()))?;
        done.map_err(Error::io(ATTEMPT))
    }
}

enum Obstacles {
    None,
    Edited,
    Ignored(Vec<String>),
}

fn above(path: &[u8]) -> Vec<&[u8]> {
    let slashes = path.iter().enumerate().filter(|(_, b)| **b == b'/').map(|(at, _)| at);
    slashes.filter_map(|at| path.get(..at)).collect()
}

/// Whether everything in a folder goes away.
fn only_leaving(folder: &Path, path: &[u8], leaving: &BTreeSet<&[u8]>) -> bool {
    use std::os::unix::ffi::OsStrExt as _;
    let Ok(entries) = std::fs::read_dir(folder) else { return false };
    entries.flatten().all(|entry| {
        let inner = [path, b"/", entry.file_name().as_bytes()].concat();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => only_leaving(&entry.path(), &inner, leaving),
            Ok(_) => leaving.contains(inner.as_slice()),
            Err(_) => false,
        }
    })
}

/// Files reported at once.
const ROUND: usize = 200;

struct Putting {
    root: Beneath,
    new: Beneath,
    old: Beneath,
    known: BTreeMap<Vec<u8>, Found>,
    report: Report,
}

impl Putting {
    fn new(root: &Path, stage: &Path, known: BTreeMap<Vec<u8>, Found>) -> io::Result<Self> {
        Ok(Self {
            root: Beneath::open(root)?,
            new: Beneath::open(&stage.join("new"))?,
            old: Beneath::open(&stage.join("old"))?,
            known,
            report: Report::default(),
        })
    }

    fn all(
        mut self,
        changes: &[Change],
        progress: &tokio::sync::mpsc::Sender<usize>,
    ) -> io::Result<Report> {
        let mut emptied = BTreeSet::new();
        let mut done = 0;
        let mut count = || {
            done += 1;
            if done % ROUND == 0 {
                // Progress that nobody takes in time is left out.
                progress.try_send(done).unwrap_or_default();
            }
        };
        // Files go before others come: a folder may become a file and the other way round.
        for change in changes.iter().rev().filter(|change| change.new.is_none()) {
            self.remove(change)?;
            emptied.extend(above(&change.path).into_iter().map(<[u8]>::to_vec));
            count();
        }
        for folder in emptied.iter().rev() {
            self.root.remove_if_empty(folder);
        }
        for change in changes.iter().filter(|change| change.new.is_some()) {
            self.put(change)?;
            count();
        }
        Ok(self.report)
    }

    fn expected(&self, path: &[u8]) -> Option<Version> {
        match self.known.get(path) {
            Some(Found::File(version)) => Some(*version),
            Some(Found::Nothing | Found::Folder | Found::Blocked) | None => None,
        }
    }

    fn remove(&mut self, change: &Change) -> io::Result<()> {
        // What is gone already needs no removal.
        let Some(expected) = self.expected(&change.path) else { return Ok(()) };
        self.old.make_folder(beneath::split(&change.path).0)?;
        if let Err(error) = place(&mut self.root, &mut self.old, &change.path, &change.path) {
            return self.leave(change, error);
        }
        if self.old.look(&change.path)? == Found::File(expected) {
            self.old.unlink(&change.path)?;
            self.report.removed += 1;
            return Ok(());
        }
        // It was edited in this moment.
        place(&mut self.old, &mut self.root, &change.path, &change.path)?;
        self.report.left.push(change.shown_path());
        Ok(())
    }

    fn put(&mut self, change: &Change) -> io::Result<()> {
        let path = change.path.as_slice();
        let Some(expected) = self.expected(path) else {
            if let Err(error) = self.root.make_folder(beneath::split(path).0) {
                return self.leave(change, error);
            }
            return match place(&mut self.new, &mut self.root, path, path) {
                Ok(()) => {
                    self.report.written += 1;
                    Ok(())
                }
                Err(error) => self.leave(change, error),
            };
        };
        if change.old.is_none() {
            // An ignored file with exactly this content.
            return Ok(());
        }
        if let Err(error) = swap(&mut self.new, &mut self.root, path) {
            return self.leave(change, error);
        }
        if self.new.look(path)? == Found::File(expected) {
            self.new.unlink(path)?;
            self.report.written += 1;
            return Ok(());
        }
        swap(&mut self.new, &mut self.root, path)?;
        self.report.left.push(change.shown_path());
        Ok(())
    }

    /// What somebody changed in this moment is left; anything else is trouble.
    fn leave(&mut self, change: &Change, error: io::Error) -> io::Result<()> {
        use rustix::io::Errno;
        match Errno::from_io_error(&error) {
            Some(
                Errno::EXIST
                | Errno::NOENT
                | Errno::NOTDIR
                | Errno::ISDIR
                | Errno::LOOP
                | Errno::XDEV
                | Errno::NOTEMPTY,
            ) => {
                self.report.left.push(change.shown_path());
                Ok(())
            }
            Some(_) | None => Err(error),
        }
    }
}
