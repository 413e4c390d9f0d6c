//! Filling a layer from a file that another server packed, in a process of its own.

use std::fs;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Component, Path};

use rustix::fs::{
    AtFlags, CWD, FileType, Gid, Mode, OFlags, Timespec, Timestamps, Uid, XattrFlags, chmodat,
    chownat, fchmod, fchown, fsetxattr, futimens, linkat, mkdirat, mknodat, openat, symlinkat,
    utimensat,
};
use tar::{Entry, EntryType};

use super::{ATTRIBUTE, CHANGED, CHUNK_BYTES, DEPTH, LINK, from_hex};
use crate::local::disk::FOLDERS;
use crate::local::layers::archive::{self, Left};
use crate::local::request::UidMap;

/// Puts what an archive holds into the folders of this directory.
pub fn take(tree: &Path, ids: UidMap, archive: fs::File) -> io::Result<()> {
    let root = openat(CWD, tree, way(), Mode::empty())?;
    let mut taker =
        Taker { root, open: Vec::new(), keeps_owners: matches!(ids, UidMap::Range { .. }) };
    archive::each_entry(archive, &mut Left::default(), |mut entry| {
        let path = entry.path_bytes().into_owned();
        let path = Path::new(std::ffi::OsStr::from_bytes(&path));
        taker.entry(&mut entry, path).map_err(|error| {
            let words = super::super::unpack::chain(&error);
            io::Error::other(format!("{path:?}: {words}"))
        })
    })?;
    taker.leave(0)
}

fn directory() -> OFlags {
    OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::RDONLY | OFlags::CLOEXEC
}

/// A directory through which one only goes: whose disk it is may not list what is on top.
fn way() -> OFlags {
    OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::PATH | OFlags::CLOEXEC
}

/// All that belongs to a file beside its content.
#[derive(Debug, Clone)]
struct Looks {
    user: Uid,
    group: Gid,
    mode: Mode,
    changed: Timespec,
    attributes: Vec<(Vec<u8>, Vec<u8>)>,
    link: Option<Vec<u8>>,
}

/// A directory on the way to where we are.
struct Step {
    name: Vec<u8>,
    dir: OwnedFd,
    /// How it shall look once nothing more is put into it.
    looks: Option<Looks>,
}

struct Taker {
    root: OwnedFd,
    open: Vec<Step>,
    keeps_owners: bool,
}

impl Taker {
    fn entry<R: Read>(&mut self, entry: &mut Entry<'_, R>, path: &Path) -> io::Result<()> {
        let parts = parts(path)?;
        let Some((name, parents)) = parts.split_last() else { return Ok(()) };
        if !FOLDERS.iter().any(|(folder, ..)| parts.first() == Some(&folder.as_bytes())) {
            return Err(io::Error::other("it is no folder of a snapshot"));
        }
        let kind = entry.header().entry_type();
        let looks = looks(entry)?;
        self.go_to(parents)?;
        if kind == EntryType::Directory {
            return self.enter(name, looks);
        }
        let Some(Step { dir, .. }) = self.open.last() else {
            return Err(io::Error::other("only folders are on top"));
        };
        #[expect(clippy::wildcard_enum_match_arm, reason = "whatever else an archive may hold")]
        match kind {
            EntryType::Regular => self.file(dir, name, entry, &looks),
            EntryType::Symlink => {
                symlinkat(target(entry, &looks)?.as_slice(), dir, *name)?;
                self.finish_unopened(dir, name, &looks)
            }
            EntryType::Link => self.link(dir, name, &target(entry, &looks)?),
            EntryType::Fifo => {
                mknodat(dir, *name, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?;
                self.finish_unopened(dir, name, &looks)?;
                Ok(chmodat(dir, *name, looks.mode, AtFlags::empty())?)
            }
            _ => Err(io::Error::other(format!("a snapshot has no {kind:?}"))),
        }
    }

    /// Stands in the directory of these names; each of them was an entry before.
    fn go_to(&mut self, parents: &[&[u8]]) -> io::Result<()> {
        let same = self.open.iter().zip(parents).take_while(|(step, name)| step.name == **name);
        let same = same.count();
        self.leave(same)?;
        for name in parents.iter().skip(same) {
            let dir = openat(self.here(), *name, directory(), Mode::empty())?;
            self.step_into(name, dir, None)?;
        }
        Ok(())
    }

    /// Makes a directory and stands in it. Those on top are there already, or not meant to be.
    fn enter(&mut self, name: &[u8], looks: Looks) -> io::Result<()> {
        if !self.open.is_empty() {
            mkdirat(self.here(), name, Mode::RWXU)?;
        }
        let dir = openat(self.here(), name, directory(), Mode::empty())?;
        self.step_into(name, dir, Some(looks))
    }

    fn step_into(&mut self, name: &[u8], dir: OwnedFd, looks: Option<Looks>) -> io::Result<()> {
        if self.open.len() > DEPTH + 1 {
            return Err(io::Error::other("directories are nested too deeply"));
        }
        self.open.push(Step { name: name.to_vec(), dir, looks });
        Ok(())
    }

    fn here(&self) -> &OwnedFd {
        self.open.last().map_or(&self.root, |step| &step.dir)
    }

    /// Leaves directories until so many are left, and gives each its looks.
    fn leave(&mut self, until: usize) -> io::Result<()> {
        while self.open.len() > until
            && let Some(Step { dir, looks, .. }) = self.open.pop()
        {
            if let Some(looks) = looks {
                self.finish(&dir, &looks)?;
            }
        }
        Ok(())
    }

    fn file(
        &self,
        dir: &OwnedFd,
        name: &[u8],
        content: &mut impl Read,
        looks: &Looks,
    ) -> io::Result<()> {
        let new =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = fs::File::from(openat(dir, name, new, Mode::RUSR | Mode::WUSR)?);
        let mut buffer = vec![0; CHUNK_BYTES];
        let mut place = 0;
        loop {
            let read = fill(content, &mut buffer)?;
            let piece = buffer.get(..read).unwrap_or_default();
            if piece.is_empty() {
                break;
            }
            // A hole stays a hole: a file may be far longer than the disk is large.
            if piece.iter().any(|byte| *byte != 0) {
                file.write_all_at(piece, place)?;
            }
            place += read as u64;
        }
        file.set_len(place)?;
        self.finish(&file, looks)
    }

    /// A further name of a file that came before.
    fn link(&self, dir: &OwnedFd, name: &[u8], first: &[u8]) -> io::Result<()> {
        let first = Path::new(std::ffi::OsStr::from_bytes(first));
        let parts = parts(first)?;
        let Some((last, parents)) = parts.split_last().filter(|(_, parents)| !parents.is_empty())
        else {
            return Err(io::Error::other("it is a further name of nothing"));
        };
        let mut at = openat(&self.root, ".", way(), Mode::empty())?;
        for parent in parents {
            at = openat(&at, *parent, way(), Mode::empty())?;
        }
        Ok(linkat(&at, *last, dir, name, AtFlags::empty())?)
    }

    /// The owner first, since changing it takes away special modes; the times last.
    fn finish(&self, file: impl AsFd, looks: &Looks) -> io::Result<()> {
        if self.keeps_owners {
            fchown(&file, Some(looks.user), Some(looks.group))?;
        }
        fchmod(&file, looks.mode)?;
        for (name, value) in &looks.attributes {
            fsetxattr(&file, name.as_slice(), value, XattrFlags::empty())?;
        }
        Ok(futimens(&file, &looks.times())?)
    }

    fn finish_unopened(&self, dir: &OwnedFd, name: &[u8], looks: &Looks) -> io::Result<()> {
        let flags = AtFlags::SYMLINK_NOFOLLOW;
        if self.keeps_owners {
            chownat(dir, name, Some(looks.user), Some(looks.group), flags)?;
        }
        Ok(utimensat(dir, name, &looks.times(), flags)?)
    }
}

impl Looks {
    fn times(&self) -> Timestamps {
        Timestamps { last_access: self.changed, last_modification: self.changed }
    }
}

/// The names of a path that leads nowhere but down.
fn parts(path: &Path) -> io::Result<Vec<&[u8]>> {
    let mut parts = Vec::new();
    for part in path.components() {
        let Component::Normal(name) = part else {
            return Err(io::Error::other("it leads out of the snapshot"));
        };
        parts.push(name.as_bytes());
    }
    Ok(parts)
}

fn looks<R: Read>(entry: &mut Entry<'_, R>) -> io::Result<Looks> {
    let header = entry.header();
    let seconds = i64::try_from(header.mtime()?).unwrap_or(0);
    let id = |id: u64| u32::try_from(id).map_err(|_| io::Error::other("it belongs to nobody"));
    let mut looks = Looks {
        user: Uid::from_raw(id(header.uid()?)?),
        group: Gid::from_raw(id(header.gid()?)?),
        mode: Mode::from_raw_mode(header.mode()? & 0o7777),
        changed: Timespec { tv_sec: seconds, tv_nsec: 0 },
        attributes: Vec::new(),
        link: None,
    };
    for record in entry.pax_extensions()?.into_iter().flatten() {
        let record = record?;
        let damaged = || io::Error::other("what is told of it is not understood");
        let value = record.value_bytes();
        match record.key() {
            Ok(CHANGED) => {
                looks.changed = record.value().ok().and_then(moment).ok_or_else(damaged)?;
            }
            Ok(LINK) => looks.link = Some(from_hex(value).ok_or_else(damaged)?),
            Ok(ATTRIBUTE) => {
                let colon = value.iter().position(|byte| *byte == b':').ok_or_else(damaged)?;
                let (name, value) = value.split_at(colon);
                let value = value.get(1..).and_then(from_hex).ok_or_else(damaged)?;
                looks.attributes.push((from_hex(name).ok_or_else(damaged)?, value));
            }
            _ => {}
        }
    }
    Ok(looks)
}

/// Seconds with a fraction of nine digits.
fn moment(text: &str) -> Option<Timespec> {
    let (seconds, fraction) = text.split_once('.')?;
    let nanoseconds = (fraction.len() == 9).then(|| fraction.parse::<u32>().ok())??;
    Some(Timespec { tv_sec: seconds.parse().ok()?, tv_nsec: nanoseconds.into() })
}

fn target<R: Read>(entry: &Entry<'_, R>, looks: &Looks) -> io::Result<Vec<u8>> {
    let told = || entry.link_name_bytes().map(|name| name.into_owned());
    let nowhere = || io::Error::other("it is a link that leads nowhere");
    looks.link.clone().or_else(told).ok_or_else(nowhere)
}

/// Reads until the buffer is full or nothing more comes.
fn fill(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match from.read(rest) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
