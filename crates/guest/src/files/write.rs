//! A whole file, atomically: written elsewhere, then put in its place.
//!
//! What a killed guest leaves of a draft must not become part of the work, whoever commits next: so
//! it lies in the `.git` of the worktree that it is for, and beside its place only where there is
//! no worktree.
//!
//! Nothing waits for the disk. A guest that dies loses nothing that the kernel has; a machine that
//! loses power may lose the last moments, of commands as of edits, but no file becomes an empty one.

use super::{explain, resolve, spare};
use crate::ops::fault;
use protocol::link::{Answer, Fault, FaultCode, WriteFile};
use rustix::fs::{Advice, RenameFlags};
use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

static COUNTER: AtomicU64 = AtomicU64::new(0);

/// Writes the file; what is left of the draft goes when it is dropped.
pub fn file(wanted: &WriteFile) -> Result<(Answer, Draft), Fault> {
    let path = resolve(&wanted.cwd, &wanted.path)?;
    let mut draft = Draft::begin(&path, &wanted.path, wanted.mode)?;
    let content = wanted.content.as_bytes();
    draft.file.write_all(content).map_err(|error| explain(&wanted.path, &error))?;
    let created = draft.commit(&wanted.path)?;
    Ok((Answer::Written { bytes: content.len() as u64, created }, draft))
}

/// A file that is not in its place yet.
pub struct Draft {
    /// To be written to.
    pub file: File,
    temporary: Option<PathBuf>,
    target: PathBuf,
    created: bool,
    /// Its content is on its way to the disk.
    begun: bool,
    /// The name of the spare file is in use as long as this.
    _claim: Option<spare::Claim>,
}

impl Draft {
    /// Opens a draft for this path. A link is followed: its target is what is replaced.
    pub fn begin(path: &Path, shown: &str, mode: Option<u32>) -> Result<Self, Fault> {
        let said = |error: io::Error| explain(shown, &error);
        let odd = || fault(FaultCode::Unsuitable, format!("{shown} is not a plain file"));
        let (target, existing) = match std::fs::canonicalize(path) {
            Ok(target) => {
                let metadata = std::fs::metadata(&target).map_err(said)?;
                if !metadata.is_file() {
                    return Err(odd());
                }
                // The right to write the file itself counts too, not that to its folder alone.
                OpenOptions::new().append(true).open(&target).map_err(said)?;
                (target, Some(metadata.permissions().mode() & 0o7777))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let to = std::fs::read_link(path)
                    .map_or_else(|_| path.to_owned(), |to| beside(path, &to));
                let name = to.file_name().ok_or_else(odd)?;
                let parent = to.parent().unwrap_or(Path::new("/"));
                std::fs::create_dir_all(parent).map_err(said)?;
                (std::fs::canonicalize(parent).map_err(said)?.join(name), None)
            }
            Err(error) => return Err(said(error)),
        };
        let temporary = draft_of(&target);
        let hidden = temporary.parent().filter(|folder| target.parent() != Some(folder));
        let (file, temporary, claim) = match hidden.and_then(spare::take) {
            Some((file, place, claim)) => (file, place, Some(claim)),
            None => (create(&temporary).map_err(said)?, temporary, None),
        };
        let created = existing.is_none();
        let temporary = Some(temporary);
        let draft = Self { file, temporary, target, created, begun: false, _claim: claim };
        if let Some(mode) = mode.or(existing) {
            let permissions = Permissions::from_mode(mode & 0o7777);
            draft.file.set_permissions(permissions).map_err(said)?;
        }
        Ok(draft)
    }

    /// Puts it in its place; whether nothing was there before. What was there is freed when the
    /// draft is dropped, which may be later: nobody sees it where it lies.
    pub fn commit(&mut self, shown: &str) -> Result<bool, Fault> {
        let Some(temporary) = self.temporary.take() else { return Ok(self.created) };
        if !self.created && self.exchange(&temporary) {
            // What was there has the draft's name now, and goes with the draft.
            let beside = temporary.parent() == self.target.parent();
            self.temporary = Some(temporary);
            if beside {
                self.discard();
            }
            return Ok(false);
        }
        if let Err(error) = std::fs::rename(&temporary, &self.target) {
            self.temporary = Some(temporary);
            return Err(explain(shown, &error));
        }
        Ok(self.created)
    }

    /// Removes what is left of it, and has a file ready for the next one in the same place.
    pub fn end(self) {
        let folder = self.temporary.as_deref().and_then(Path::parent).map(Path::to_owned);
        drop(self);
        if let Some(folder) = folder.filter(|folder| folder.ends_with(".git")) {
            spare::make(&folder);
        }
    }

    fn discard(&mut self) {
        if let Some(temporary) = self.temporary.take() {
            // A draft that cannot be removed is seen by whoever looks at the folder.
            drop(std::fs::remove_file(temporary));
        }
    }

    /// Has the content written to the disk, without waiting for it: a file system that knows nothing
    /// of what follows may keep the new name and lose the content.
    pub fn begin_writing(&mut self) -> bool {
        self.begun |= rustix::fs::fadvise(&self.file, 0, None, Advice::DontNeed).is_ok();
        self.begun
    }

    /// Swaps draft and file, where the file system can. Renaming over a file makes ext4 free the old
    /// content and begin to write the new one within the call; the one can come later, the other
    /// earlier.
    fn exchange(&mut self, temporary: &Path) -> bool {
        if !self.begun && !self.begin_writing() {
            return false;
        }
        let here = rustix::fs::CWD;
        rustix::fs::renameat_with(here, temporary, here, &self.target, RenameFlags::EXCHANGE)
            .is_ok()
    }
}

/// Whether a draft of this file, which exists, would be seen by nobody.
pub fn is_out_of_sight(path: &Path) -> bool {
    let target = std::fs::canonicalize(path);
    target.is_ok_and(|target| draft_of(&target).parent() != target.parent())
}

/// Where a draft of this file lies: on the same file system, and out of the way of git.
fn draft_of(target: &Path) -> PathBuf {
    let (process, number) = (std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed));
    let parent = target.parent().unwrap_or(Path::new("/"));
    let device = |folder: &Path| {
        let metadata = std::fs::symlink_metadata(folder).ok()?;
        metadata.is_dir().then_some(metadata.dev())
    };
    let hidden = parent.ancestors().find_map(|folder| {
        let folder = folder.join(".git");
        device(&folder).map(|device| (folder, device))
    });
    match hidden {
        Some((folder, its)) if device(parent) == Some(its) => {
            folder.join(format!("errand-draft-{process}-{number}"))
        }
        _ => parent.join(format!(".errand-{process}-{number}.tmp")),
    }
}

pub fn create(temporary: &Path) -> io::Result<File> {
    let open = || {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o666).custom_flags(libc::O_NOFOLLOW);
        options.open(temporary)
    };
    match open() {
        // An earlier guest had the same process id, as all do that are process 1, and was killed.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            std::fs::remove_file(temporary)?;
            open()
        }
        opened => opened,
    }
}

/// Where a link that leads nowhere points.
fn beside(link: &Path, target: &Path) -> PathBuf {
    link.parent().unwrap_or(Path::new("/")).join(target)
}

impl Drop for Draft {
    fn drop(&mut self) {
        self.discard();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::BufRead as _;
    use std::process::Stdio;

    const FOLDER: &str = "ERRAND_GUEST_DRAFT_FOLDER";
    const NAME: &str =
        "files::write::tests::a_guest_killed_while_it_writes_leaves_no_file_in_the_worktree";

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Begins a draft of a file that exists and of one that does not, and never ends.
    fn write_for_ever(folder: &Path) {
        let drafts = ["src/old", "src/new"].map(|name| {
            let mut draft = Draft::begin(&folder.join(name), name, None).unwrap();
            draft.file.write_all(b"half").unwrap();
            draft
        });
        println!("\nbegun");
        std::io::stdin().lines().for_each(drop);
        drop(drafts);
    }

    #[test]
    fn a_guest_killed_while_it_writes_leaves_no_file_in_the_worktree() {
        let given = std::env::var_os(FOLDER);
        if let Some(folder) = given {
            return write_for_ever(Path::new(&folder));
        }
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("src");
        std::fs::create_dir_all(folder.path().join(".git")).unwrap();
        std::fs::create_dir_all(&source).unwrap();
        std::fs::write(source.join("old"), "whole").unwrap();
        #[expect(clippy::disallowed_methods, reason = "the child is this very test")]
        let mut child = std::process::Command::new(std::env::current_exe().unwrap())
            .args([NAME, "--exact", "--nocapture", "--test-threads=1"])
            .env(FOLDER, folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = io::BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap() == "begun"), "the child did not begin");
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(names(&folder.path().join(".git")).len(), 2, "no draft was under way");
        assert_eq!(names(folder.path()), [".git", "src"]);
        assert_eq!(names(&source), ["old"]);
        assert_eq!(std::fs::read_to_string(source.join("old")).unwrap(), "whole");
    }

    #[test]
    fn what_a_killed_guest_left_is_not_in_the_way_of_the_next_one() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("draft");
        std::fs::write(&place, "left").unwrap();
        create(&place).unwrap().write_all(b"new").unwrap();
        assert_eq!(std::fs::read_to_string(&place).unwrap(), "new");
    }

    #[test]
    fn a_draft_lies_with_git_or_beside_its_file_and_is_gone_afterwards() {
        let folder = tempfile::tempdir().unwrap();
        let git = folder.path().join(".git");
        let file = folder.path().join("f");
        for (hidden, created) in [(false, true), (false, false), (true, false)] {
            if hidden {
                std::fs::create_dir(&git).unwrap();
            }
            let mut draft = Draft::begin(&file, "f", None).unwrap();
            let place = draft.temporary.clone().unwrap();
            assert_eq!(place.parent().unwrap() == git.canonicalize().unwrap_or_default(), hidden);
            draft.file.write_all(b"text").unwrap();
            assert_eq!(draft.commit("f").unwrap(), created);
            assert_eq!(place.exists(), hidden);
            drop(draft);
            assert!(!place.exists());
        }
        assert_eq!(names(folder.path()), [".git", "f"]);
        assert!(names(&git).is_empty());
        // A file of git's own is no exception.
        let draft = Draft::begin(&git.join("config"), "config", None).unwrap();
        assert_eq!(draft.temporary.as_ref().unwrap().parent(), draft.target.parent());
    }
}
