//! A whole file, atomically: written beside its place, then renamed over it.

use super::{explain, resolve};
use crate::ops::fault;
use protocol::link::{Answer, Fault, FaultCode, WriteFile};
use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

static COUNTER: AtomicU64 = AtomicU64::new(0);

/// Writes the file.
pub fn file(wanted: &WriteFile) -> Result<Answer, Fault> {
    let path = resolve(&wanted.cwd, &wanted.path)?;
    let mut draft = Draft::begin(&path, &wanted.path, wanted.mode)?;
    let content = wanted.content.as_bytes();
    draft.file.write_all(content).map_err(|error| explain(&wanted.path, &error))?;
    let created = draft.commit(&wanted.path)?;
    Ok(Answer::Written { bytes: content.len() as u64, created })
}

/// A file that is not in its place yet.
pub struct Draft {
    /// To be written to.
    pub file: File,
    temporary: Option<PathBuf>,
    target: PathBuf,
    created: bool,
}

impl Draft {
    /// Opens a draft for this path. A link is followed: its target is what is replaced.
    pub fn begin(path: &Path, shown: &str, mode: Option<u32>) -> Result<Self, Fault> {
        let said = |error: io::Error| explain(shown, &error);
        let (target, existing) = match std::fs::canonicalize(path) {
            Ok(target) => {
                let metadata = std::fs::metadata(&target).map_err(said)?;
                if !metadata.is_file() {
                    let text = format!("{shown} is not a plain file");
                    return Err(fault(FaultCode::Unsuitable, text));
                }
                // The right to write the file itself counts too, not that to its folder alone.
                OpenOptions::new().append(true).open(&target).map_err(said)?;
                (target, Some(metadata.permissions().mode() & 0o7777))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => (
                std::fs::read_link(path).map_or_else(|_| path.to_owned(), |to| beside(path, &to)),
                None,
            ),
            Err(error) => return Err(said(error)),
        };
        let parent = target.parent().unwrap_or(Path::new("/"));
        std::fs::create_dir_all(parent).map_err(said)?;
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let temporary = parent.join(format!(".errand-{}-{number}.tmp", std::process::id()));
        let flags = libc::O_NOFOLLOW;
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o666).custom_flags(flags);
        let file = options.open(&temporary).map_err(said)?;
        let draft = Self { file, temporary: Some(temporary), target, created: existing.is_none() };
        if let Some(mode) = mode.or(existing) {
            let permissions = Permissions::from_mode(mode & 0o7777);
            draft.file.set_permissions(permissions).map_err(said)?;
        }
        Ok(draft)
    }

    /// Puts it in its place; whether nothing was there before.
    pub fn commit(mut self, shown: &str) -> Result<bool, Fault> {
        let Some(temporary) = self.temporary.take() else { return Ok(self.created) };
        if !self.created && exchange(&temporary, &self.target) {
            // What was there has the draft's name now, and goes with the draft.
            self.temporary = Some(temporary);
            return Ok(false);
        }
        if let Err(error) = std::fs::rename(&temporary, &self.target) {
            self.temporary = Some(temporary);
            return Err(explain(shown, &error));
        }
        Ok(self.created)
    }
}

/// Swaps two files, where the file system can. Renaming over a file makes ext4 write the new content
/// out at once, which costs a millisecond that nobody here asked for.
fn exchange(one: &Path, other: &Path) -> bool {
    let (here, flags) = (rustix::fs::CWD, rustix::fs::RenameFlags::EXCHANGE);
    rustix::fs::renameat_with(here, one, here, other, flags).is_ok()
}

/// Where a link that leads nowhere points.
fn beside(link: &Path, target: &Path) -> PathBuf {
    link.parent().unwrap_or(Path::new("/")).join(target)
}

impl Drop for Draft {
    fn drop(&mut self) {
        if let Some(temporary) = &self.temporary {
            // A draft that cannot be removed is seen by whoever looks at the folder.
            drop(std::fs::remove_file(temporary));
        }
    }
}
