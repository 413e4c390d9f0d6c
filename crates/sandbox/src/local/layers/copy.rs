//! Copies a tree with everything that belongs to it: modes, owners, times, holes, attributes, links.
//!
//! TRUST: the tree is an agent's. Nothing is opened through a link, nothing is executed, and what
//! cannot be carried over is an error rather than left out.

use std::collections::HashMap;
use std::ffi::{CStr, CString};
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;

use rustix::fs::{
    AtFlags, Dir, FileType, Gid, Mode, OFlags, SeekFrom, Stat, Timespec, Timestamps, Uid,
    XattrFlags, chmodat, chownat, fchmod, fchown, fgetxattr, flistxattr, fsetxattr, futimens,
    linkat, mkdirat, mknodat, openat, readlinkat, seek, statat, symlinkat, utimensat,
};

/// Depth to which trees are copied; two descriptors are open at each.
const COPY_DEPTH: usize = 256;
/// Longest path under which a second name of a file is made.
const PATH_BYTES: usize = 4000;
/// Bytes copied at once.
const CHUNK_BYTES: usize = 256 * 1024;
/// Bytes of an attribute's value, and of the list of their names; the kernel's own limit.
const ATTRIBUTE_BYTES: usize = 64 * 1024;

/// Copies what lies below one directory to below another, which is empty.
pub fn copy_tree(from: &OwnedFd, to: &OwnedFd) -> io::Result<()> {
    let root = openat(to, c".", directory(), Mode::empty())?;
    let mut copier = Copier { root, linked: HashMap::new(), path: Vec::new() };
    copier.copy_below(from, to, 0)
}

fn directory() -> OFlags {
    OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::RDONLY | OFlags::CLOEXEC
}

struct Copier {
    root: OwnedFd,
    /// Files with several names: where the first copy is.
    linked: HashMap<(u64, u64), CString>,
    /// Names from the root to where we are, with slashes.
    path: Vec<u8>,
}

impl Copier {
    fn copy_below(&mut self, from: &OwnedFd, to: &OwnedFd, depth: usize) -> io::Result<()> {
        if depth > COPY_DEPTH {
            return Err(io::Error::other("directories are nested too deeply"));
        }
        let mut names = Vec::new();
        for entry in Dir::read_from(from)? {
            let entry = entry?;
            if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
                names.push(entry.file_name().to_owned());
            }
        }
        for name in names {
            let length = self.path.len();
            self.path.extend(name.to_bytes());
            self.copy_entry(from, to, &name, depth)?;
            self.path.truncate(length);
        }
        Ok(())
    }

    fn copy_entry(
        &mut self,
        from: &OwnedFd,
        to: &OwnedFd,
        name: &CStr,
        depth: usize,
    ) -> io::Result<()> {
        let stat = statat(from, name, AtFlags::SYMLINK_NOFOLLOW)?;
        let kind = FileType::from_raw_mode(stat.st_mode);
        if kind != FileType::Directory && stat.st_nlink > 1 && self.link(to, name, &stat)? {
            return Ok(());
        }
        match kind {
            FileType::Directory => {
                mkdirat(to, name, Mode::RWXU)?;
                let (from, to) = (open_directory(from, name)?, open_directory(to, name)?);
                self.path.push(b'/');
                self.copy_below(&from, &to, depth + 1)?;
                finish(&from, &to, &stat)
            }
            FileType::RegularFile => copy_file(from, to, name, &stat),
            FileType::Symlink => {
                symlinkat(readlinkat(from, name, Vec::new())?, to, name)?;
                finish_unopened(to, name, &stat)
            }
            FileType::Fifo | FileType::Socket => {
                mknodat(to, name, kind, Mode::RUSR | Mode::WUSR, 0)?;
                chownat(to, name, Some(uid(&stat)), Some(gid(&stat)), AtFlags::empty())?;
                chmodat(to, name, mode(&stat), AtFlags::empty())?;
                Ok(utimensat(to, name, &times(&stat), AtFlags::SYMLINK_NOFOLLOW)?)
            }
            FileType::CharacterDevice | FileType::BlockDevice | FileType::Unknown => {
                Err(io::Error::other("a device is in the way"))
            }
        }
    }

    /// Makes a further name of a file that was copied; notes where the first one is.
    fn link(&mut self, to: &OwnedFd, name: &CStr, stat: &Stat) -> io::Result<bool> {
        let file = (stat.st_dev, stat.st_ino);
        if let Some(first) = self.linked.get(&file) {
            linkat(&self.root, first, to, name, AtFlags::empty())?;
            return Ok(true);
        }
        // Of a file whose name is too long to be told, every name becomes a file.
        if self.path.len() < PATH_BYTES {
            self.linked.insert(file, CString::new(self.path.clone())?);
        }
        Ok(false)
    }
}

fn open_directory(at: &OwnedFd, name: &CStr) -> io::Result<OwnedFd> {
    Ok(openat(at, name, directory(), Mode::empty())?)
}

fn copy_file(from: &OwnedFd, to: &OwnedFd, name: &CStr, stat: &Stat) -> io::Result<()> {
    let flags = OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let from = fs::File::from(openat(from, name, flags | OFlags::RDONLY, Mode::empty())?);
    let new = flags | OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
    let to = fs::File::from(openat(to, name, new, Mode::RUSR | Mode::WUSR)?);
    let length = u64::try_from(stat.st_size).unwrap_or(0);
    let mut buffer = vec![0; CHUNK_BYTES];
    let mut place = 0;
    while place < length {
        // A hole stays a hole: a file may be far longer than the disk is large.
        let data = match seek(&from, SeekFrom::Data(place)) {
            Err(rustix::io::Errno::NXIO) => break,
            other => other?,
        };
        place = seek(&from, SeekFrom::Hole(data))?.min(length);
        copy_range(&from, &to, data..place, &mut buffer)?;
    }
    to.set_len(length)?;
    finish(&from, &to, stat)
}

fn copy_range(
    from: &fs::File,
    to: &fs::File,
    range: std::ops::Range<u64>,
    buffer: &mut [u8],
) -> io::Result<()> {
    let mut place = range.start;
    while place < range.end {
        let most = usize::try_from(range.end - place).unwrap_or(usize::MAX).min(buffer.len());
        let piece = buffer.get_mut(..most).unwrap_or_default();
        let read = from.read_at(piece, place)?;
        if read == 0 {
            return Ok(());
        }
        to.write_all_at(piece.get(..read).unwrap_or_default(), place)?;
        place += read as u64;
    }
    Ok(())
}

/// Owner, mode, attributes and times of something opened; the owner first, since changing it takes
/// away special modes, the times last.
fn finish(from: impl AsFd, to: impl AsFd, stat: &Stat) -> io::Result<()> {
    fchown(&to, Some(uid(stat)), Some(gid(stat)))?;
    fchmod(&to, mode(stat))?;
    copy_attributes(from, &to)?;
    Ok(futimens(&to, &times(stat))?)
}

fn finish_unopened(at: &OwnedFd, name: &CStr, stat: &Stat) -> io::Result<()> {
    let flags = AtFlags::SYMLINK_NOFOLLOW;
    chownat(at, name, Some(uid(stat)), Some(gid(stat)), flags)?;
    Ok(utimensat(at, name, &times(stat), flags)?)
}

fn copy_attributes(from: impl AsFd, to: impl AsFd) -> io::Result<()> {
    for (name, value) in attributes(from)? {
        fsetxattr(&to, name.as_slice(), &value, XattrFlags::empty())?;
    }
    Ok(())
}

/// The attributes of a file or directory, as names and values.
pub fn attributes(from: impl AsFd) -> io::Result<Vec<(Vec<u8>, Vec<u8>)>> {
    let mut names = vec![0_u8; ATTRIBUTE_BYTES];
    let length = match flistxattr(&from, names.as_mut_slice()) {
        Err(rustix::io::Errno::OPNOTSUPP) | Ok(0) => return Ok(Vec::new()),
        other => other?,
    };
    let names = names.get(..length).unwrap_or_default();
    let mut value = vec![0_u8; ATTRIBUTE_BYTES];
    let mut attributes = Vec::new();
    for name in names.split_inclusive(|byte| *byte == 0) {
        let name = CStr::from_bytes_with_nul(name).map_err(io::Error::other)?;
        // Labels are the host's business, and it gives new files their own.
        if name.to_bytes().starts_with(b"security.") && name != c"security.capability" {
            continue;
        }
        let length = fgetxattr(&from, name, value.as_mut_slice())?;
        let value = value.get(..length).unwrap_or_default();
        attributes.push((name.to_bytes().to_vec(), value.to_vec()));
    }
    Ok(attributes)
}

fn uid(stat: &Stat) -> Uid {
    Uid::from_raw(stat.st_uid)
}

fn gid(stat: &Stat) -> Gid {
    Gid::from_raw(stat.st_gid)
}

fn mode(stat: &Stat) -> Mode {
    Mode::from_raw_mode(stat.st_mode)
}

fn times(stat: &Stat) -> Timestamps {
    let nanoseconds = |part: u64| part.try_into().unwrap_or(0);
    Timestamps {
        last_access: Timespec { tv_sec: stat.st_atime, tv_nsec: nanoseconds(stat.st_atime_nsec) },
        last_modification: Timespec {
            tv_sec: stat.st_mtime,
            tv_nsec: nanoseconds(stat.st_mtime_nsec),
        },
    }
}
