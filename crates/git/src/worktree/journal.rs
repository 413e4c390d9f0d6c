//! What is being written into a worktree, kept on disk until it is done, so that the next call can
//! finish what was interrupted.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::apply::{Marks, Report};
use super::beneath::{self, Beneath};
use super::desk::{self, Desk};
use super::plan::Plan;
use super::snapshot::{Change, Entry, Overlooked};
use crate::error::{Error, Result};
use crate::name::{BlobId, RefName, TreeId};
use crate::runner::Input;

const ATTEMPT: &str = "finish what was interrupted";
/// Bytes of a file that is compared with what it should be.
const COMPARED_MAX_BYTES: u64 = 1024 * 1024 * 1024;

/// What is being done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Journal {
    pub ours: TreeId,
    pub merged: TreeId,
    pub theirs: TreeId,
    pub synced: RefName,
    pub backup: RefName,
    /// Where new files wait to be put into place.
    pub stage: PathBuf,
}

impl Journal {
    fn file(home: &Path) -> PathBuf {
        home.join("journal")
    }

    /// The folder with files that the next call puts into place.
    pub fn stage_needed(home: &Path) -> Result<Option<PathBuf>> {
        Ok(Self::read(home)?.map(|journal| journal.stage))
    }

    pub fn write(&self, desk: &Desk) -> Result<()> {
        let text = format!(
            "ours {}\nmerged {}\ntheirs {}\nsynced {}\nbackup {}\nstage {}\n",
            self.ours,
            self.merged,
            self.theirs,
            self.synced,
            self.backup,
            self.stage.display()
        );
        let file = Self::file(&desk.worktree().home());
        let fresh = file.with_extension("new");
        let write = || {
            std::fs::write(&fresh, text)?;
            std::fs::File::open(&fresh)?.sync_all()?;
            std::fs::rename(&fresh, &file)
        };
        write().map_err(Error::io("write the journal"))
    }

    pub fn clear(desk: &Desk) -> Result<()> {
        std::fs::remove_file(Self::file(&desk.worktree().home()))
            .map_err(Error::io("end the journal"))
    }

    fn read(home: &Path) -> Result<Option<Self>> {
        let text = match std::fs::read_to_string(Self::file(home)) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(Error::Io { attempt: ATTEMPT, source }),
        };
        let fields: BTreeMap<&str, &str> =
            text.lines().filter_map(|line| line.split_once(' ')).collect();
        let of = |name: &str| fields.get(name).copied().unwrap_or_default();
        let odd = |bad: crate::name::BadName| Error::other(ATTEMPT, bad.to_string());
        Ok(Some(Self {
            ours: TreeId::parse(of("ours")).map_err(odd)?,
            merged: TreeId::parse(of("merged")).map_err(odd)?,
            theirs: TreeId::parse(of("theirs")).map_err(odd)?,
            synced: RefName::parse(of("synced")).map_err(odd)?,
            backup: RefName::parse(of("backup")).map_err(odd)?,
            stage: PathBuf::from(of("stage")),
        }))
    }
}

/// What was finished.
#[derive(Debug, Clone)]
pub struct Recovered {
    /// Where the state before is kept.
    pub backup: RefName,
    /// What was done now.
    pub report: Report,
}

impl Desk {
    /// Finishes a call that was interrupted while it wrote files, if there is one.
    pub async fn recover(&self) -> Result<Option<Recovered>> {
        let Some(journal) = Journal::read(&self.worktree().home())? else { return Ok(None) };
        let now = self.snapshot(Overlooked::Seen).await?;
        let planned = self.changes(&journal.ours, &journal.merged).await?;
        let drifted = self.changes(&journal.ours, &now.tree).await?;
        let drifted: BTreeMap<Vec<u8>, Option<Entry>> =
            drifted.into_iter().map(|change| (change.path, change.new)).collect();
        let mut open = Vec::new();
        let mut edited = Vec::new();
        for change in planned {
            let stands = drifted.get(&change.path).unwrap_or(&change.old);
            if *stands == change.new {
                self.rescue(&journal.stage, &change).await?;
            } else if *stands == change.old {
                open.push(change);
            } else {
                edited.push(change.shown_path());
            }
        }
        desk::remove_folder(&journal.stage).map_err(Error::io(ATTEMPT))?;
        let plan = Plan {
            ours: now,
            theirs: journal.theirs.clone(),
            merged: journal.merged.clone(),
            changes: open,
            conflicts: Vec::new(),
            refused: Vec::new(),
            submodules: Vec::new(),
            warnings: Vec::new(),
            bytes: 0,
        };
        let marks = Marks { synced: journal.synced.clone(), backup: journal.backup.clone() };
        let mut report = self.write(&plan, &marks, &journal, &mut |_| ()).await?;
        report.left.extend(edited);
        Ok(Some(Recovered { backup: journal.backup, report }))
    }

    /// The end may have come between swapping a file and looking at what was swapped out. An edit
    /// made in that moment is put beside the file.
    async fn rescue(&self, stage: &Path, change: &Change) -> Result<()> {
        let Some(old) = &change.old else { return Ok(()) };
        for part in ["new", "old"] {
            let kept = stage.join(part).join(beneath::os_path(&change.path));
            if kept.symlink_metadata().is_err() || self.is_content(&kept, change, &old.id).await? {
                continue;
            }
            if let Some(new) = &change.new
                && self.is_content(&kept, change, &new.id).await?
            {
                continue;
            }
            let beside = [change.path.as_slice(), b".errand-saved"].concat();
            let io = || Error::io(ATTEMPT);
            let mut from = Beneath::open(&stage.join(part)).map_err(io())?;
            let mut to = Beneath::open(self.worktree().root()).map_err(io())?;
            to.make_folder(beneath::split(&beside).0).map_err(io())?;
            beneath::place(&mut from, &mut to, &change.path, &beside).map_err(io())?;
        }
        Ok(())
    }

    async fn is_content(&self, file: &Path, change: &Change, id: &BlobId) -> Result<bool> {
        use std::os::unix::ffi::OsStrExt as _;
        let io = || Error::io(ATTEMPT);
        let meta = file.symlink_metadata().map_err(io())?;
        let call = self.call(ATTEMPT).args(["hash-object", "--stdin"]);
        let (call, bytes) = if meta.is_symlink() {
            let target = std::fs::read_link(file).map_err(io())?;
            (call, target.as_os_str().as_bytes().to_vec())
        } else {
            if meta.len() > COMPARED_MAX_BYTES {
                return Ok(false);
            }
            let path = [b"--path=", change.path.as_slice()].concat();
            (call.arg(std::ffi::OsStr::from_bytes(&path)), std::fs::read(file).map_err(io())?)
        };
        let hashed = call.input(Input::Bytes(bytes)).run().await?.text();
        Ok(hashed.trim() == id.as_str())
    }
}
