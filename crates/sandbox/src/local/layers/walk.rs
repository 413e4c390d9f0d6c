//! Going through all that layers hold together.

use std::ffi::{CStr, OsStr};
use std::io;
use std::ops::ControlFlow;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, openat, statat};

use crate::local::stack::Layers;

/// Depth of directories; one descriptor is open at each.
const DEPTH: usize = 256;

/// Something in a folder; the folder itself is `.` there.
pub struct Node<'a> {
    dir: &'a OwnedFd,
    name: &'a CStr,
    /// Where it is, from the folder's name on.
    pub path: &'a Path,
    /// What it is.
    pub kind: FileType,
    /// Its permissions.
    pub mode: Mode,
}

impl Node<'_> {
    /// Opens a file or directory for reading.
    pub fn open(&self) -> io::Result<OwnedFd> {
        let flags = OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(openat(self.dir, self.name, flags, Mode::empty())?)
    }

    /// Where a link leads.
    pub fn target(&self) -> io::Result<Vec<u8>> {
        Ok(rustix::fs::readlinkat(self.dir, self.name, Vec::new())?.into_bytes())
    }
}

type Each<'a> = &'a mut dyn FnMut(&Node<'_>) -> io::Result<ControlFlow<()>>;

/// Shows everything, directories before what is in them, until that is enough.
pub fn walk(layers: &Layers, each: Each<'_>) -> io::Result<()> {
    let mut over = ControlFlow::Continue(());
    layers.each_folder(|name, folder| {
        if over.is_continue() {
            over = node(&folder, c".", (&mut PathBuf::from(name), 0), each)?;
        }
        Ok(())
    })
}

fn node(
    dir: &OwnedFd,
    name: &CStr,
    (path, depth): (&mut PathBuf, usize),
    each: Each<'_>,
) -> io::Result<ControlFlow<()>> {
    // What cannot be read cannot be vouched for.
    let told = |path: &Path, error: io::Error| {
        io::Error::new(error.kind(), format!("{}: {error}", path.display()))
    };
    let stat = statat(dir, name, AtFlags::SYMLINK_NOFOLLOW).map_err(|no| told(path, no.into()))?;
    let (kind, mode) = (FileType::from_raw_mode(stat.st_mode), Mode::from_raw_mode(stat.st_mode));
    let shown = Node { dir, name, path, kind, mode };
    let over = each(&shown).map_err(|error| told(path, error))?;
    if kind != FileType::Directory || over.is_break() {
        return Ok(over);
    }
    if depth > DEPTH {
        return Err(told(path, io::Error::other("directories are nested too deeply")));
    }
    let inner = shown.open().map_err(|error| told(path, error))?;
    for entry in Dir::read_from(&inner)? {
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        path.push(OsStr::from_bytes(name.to_bytes()));
        let over = node(&inner, name, (path, depth + 1), each)?;
        path.pop();
        if over.is_break() {
            return Ok(over);
        }
    }
    Ok(ControlFlow::Continue(()))
}
