//! Files below one folder, reached without following a link on the way.
//!
//! TRUST: a program of the person's, or a file that was just written, may put a link where a folder
//! was. The kernel resolves each path below the root and refuses links; where it is too old for that,
//! each part is opened by itself.

use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Mode, OFlags, RenameFlags, ResolveFlags, Stat};
use rustix::io::Errno;

/// What identifies a version of a file, short of reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Version {
    inode: i128,
    size: i128,
    modified: (i128, i128),
}

impl Version {
    /// The widths of these fields differ by platform.
    fn of(stat: &Stat) -> Self {
        Self {
            inode: i128::from(stat.st_ino),
            size: i128::from(stat.st_size),
            modified: (i128::from(stat.st_mtime), i128::from(stat.st_mtime_nsec)),
        }
    }
}

/// What lies at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing.
    Nothing,
    /// A file or link.
    File(Version),
    /// A folder.
    Folder,
    /// On the way lies a file or a link instead of a folder.
    Blocked,
}

/// A folder and what is below it.
pub(super) struct Beneath {
    root: OwnedFd,
    last: Option<(Vec<u8>, OwnedFd)>,
    walks: bool,
}

const FOLDER: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// The folder of a path and its last part.
pub(super) fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|b| *b == b'/') {
        Some(at) => (path.get(..at).unwrap_or_default(), path.get(at + 1..).unwrap_or_default()),
        None => (b"", path),
    }
}

impl Beneath {
    pub fn open(root: &Path) -> io::Result<Self> {
        let root = rustix::fs::openat(CWD, root, FOLDER, Mode::empty())?;
        Ok(Self { root, last: None, walks: false })
    }

    /// The folder at a path below the root.
    pub fn folder(&mut self, path: &[u8]) -> io::Result<BorrowedFd<'_>> {
        if path.is_empty() {
            return Ok(self.root.as_fd());
        }
        if self.last.as_ref().is_none_or(|(known, _)| known != path) {
            let opened = self.open_folder(path)?;
            self.last = Some((path.to_vec(), opened));
        }
        let opened = self.last.as_ref().map(|(_, opened)| opened.as_fd());
        opened.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn open_folder(&mut self, path: &[u8]) -> io::Result<OwnedFd> {
        if !self.walks {
            let resolve =
                ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
            match rustix::fs::openat2(&self.root, path, FOLDER, Mode::empty(), resolve) {
                Err(Errno::NOSYS | Errno::PERM) => self.walks = true,
                Err(Errno::AGAIN) => return self.walk(path),
                other => return other.map_err(io::Error::from),
            }
        }
        self.walk(path)
    }

    fn walk(&self, path: &[u8]) -> io::Result<OwnedFd> {
        let mut at = rustix::io::dup(&self.root)?;
        for part in path.split(|b| *b == b'/') {
            if matches!(part, b"" | b"." | b"..") {
                return Err(io::ErrorKind::InvalidInput.into());
            }
            at = rustix::fs::openat(&at, part, FOLDER | OFlags::NOFOLLOW, Mode::empty())?;
        }
        Ok(at)
    }

    /// Makes a folder with all above it.
    pub fn make_folder(&mut self, path: &[u8]) -> io::Result<()> {
        if path.is_empty() || self.folder(path).is_ok() {
            return Ok(());
        }
        let (above, name) = split(path);
        self.make_folder(above)?;
        match rustix::fs::mkdirat(self.folder(above)?, name, Mode::from_raw_mode(0o777)) {
            Ok(()) | Err(Errno::EXIST) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    pub fn look(&mut self, path: &[u8]) -> io::Result<Found> {
        let (above, name) = split(path);
        let folder = match self.folder(above) {
            Ok(folder) => folder,
            Err(error) => {
                return match Errno::from_io_error(&error) {
                    Some(Errno::NOENT) => Ok(Found::Nothing),
                    Some(Errno::NOTDIR | Errno::LOOP | Errno::XDEV) => Ok(Found::Blocked),
                    Some(_) | None => Err(error),
                };
            }
        };
        match rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) if rustix::fs::FileType::from_raw_mode(stat.st_mode).is_dir() => {
                Ok(Found::Folder)
            }
            Ok(stat) => Ok(Found::File(Version::of(&stat))),
            Err(Errno::NOENT) => Ok(Found::Nothing),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes a file.
    pub fn unlink(&mut self, path: &[u8]) -> io::Result<()> {
        let (above, name) = split(path);
        Ok(rustix::fs::unlinkat(self.folder(above)?, name, AtFlags::empty())?)
    }

    /// Removes a folder if nothing is in it.
    pub fn remove_if_empty(&mut self, path: &[u8]) -> bool {
        let (above, name) = split(path);
        self.last = None;
        let folder = self.folder(above);
        folder.is_ok_and(|folder| rustix::fs::unlinkat(folder, name, AtFlags::REMOVEDIR).is_ok())
    }
}

/// Moves a file to a free place.
pub(super) fn place(
    from: &mut Beneath,
    to: &mut Beneath,
    source: &[u8],
    target: &[u8],
) -> io::Result<()> {
    let ((from_folder, from_name), (to_folder, to_name)) = (split(source), split(target));
    let (from, to) = (from.folder(from_folder)?, to.folder(to_folder)?);
    match rustix::fs::renameat_with(from, from_name, to, to_name, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS) => {
            // Some file systems know no such renames; a second name for the file is never put over
            // another one either.
            rustix::fs::linkat(from, from_name, to, to_name, AtFlags::empty())?;
            Ok(rustix::fs::unlinkat(from, from_name, AtFlags::empty())?)
        }
        other => Ok(other?),
    }
}

/// Swaps two files in one step.
pub(super) fn swap(one: &mut Beneath, other: &mut Beneath, path: &[u8]) -> io::Result<()> {
    let (folder, name) = split(path);
    let (one, other) = (one.folder(folder)?, other.folder(folder)?);
    Ok(rustix::fs::renameat_with(one, name, other, name, RenameFlags::EXCHANGE)?)
}

/// Makes a path for the system of bytes.
pub(super) fn os_path(path: &[u8]) -> &Path {
    Path::new(std::ffi::OsStr::from_bytes(path))
}
