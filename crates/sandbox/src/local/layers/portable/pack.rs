//! Writing what layers hold together into one file, in a process of its own.

use std::collections::HashMap;
use std::ffi::{CStr, OsStr};
use std::fs;
use std::io::{self, BufWriter, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use protocol::ids::{LayerId, OrgId};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, fstat, openat, readlinkat, statat};
use serde::{Deserialize, Serialize};
use tar::{Builder, EntryType, Header};

use super::{ATTRIBUTE, CHANGED, CHUNK_BYTES, DEPTH, LINK, LINK_BYTES, to_hex};
use crate::local::launcher::Launcher;
use crate::local::layers::copy::attributes;
use crate::local::layers::{self, archive, unpack, worker};
use crate::local::machines::{self, Problem, Verb};
use crate::local::request::{Answer, Lower, UidMap};
use crate::local::stack::Layers;

/// How hard it is compressed: the fastest, since a disk is read hardly faster.
const LEVEL: i32 = 1;
/// Threads that compress.
const THREADS: usize = 4;

/// What the launcher tells the process that packs.
#[derive(Debug, Serialize, Deserialize)]
struct Order {
    ids: UidMap,
    lowers: Vec<Lower>,
}

/// Writes a layer with all that it stands on to this file.
pub fn pack(launcher: &Launcher, layer: LayerId, org: &OrgId, into: &OwnedFd) -> Verb {
    let ids = machines::map_ids(launcher, unpack::holder())?;
    let stack = layers::resolve(&[layer], org)?;
    let lowers = stack.iter().map(|part| layers::lower(*part, ids)).collect::<Result<_, _>>()?;
    worker::ask::<()>("pack", &Order { ids, lowers }, &[into.as_fd()])
        .map_err(|error| io::Error::other(format!("pack {layer}: {error}")))
        .map_err(Problem::from)?;
    Ok(Answer::Done {}.into())
}

/// The process's side.
pub fn run(launcher: OwnedFd) -> io::Result<()> {
    worker::run(launcher, |order: Order, into| {
        let into = into.into_iter().next().ok_or_else(|| io::Error::other("no file came along"))?;
        let open = || Layers::open(order.ids, &order.lowers);
        worker::in_namespaces(order.ids, open, |layers| write(&layers, into.into()))
    })
}

fn write(layers: &Layers, into: fs::File) -> io::Result<()> {
    let mut compressed = zstd::Encoder::new(into, LEVEL)?;
    compressed.include_checksum(true)?;
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(THREADS);
    compressed.multithread(u32::try_from(threads).unwrap_or(1))?;
    let archive = Builder::new(BufWriter::with_capacity(CHUNK_BYTES, compressed));
    let mut packer =
        Packer { archive, names: HashMap::new(), left: archive::BYTES, path: PathBuf::new() };
    layers.each_folder(|name, folder| {
        packer.path = PathBuf::from(name);
        let stat = fstat(&folder)?;
        packer.directory(&folder, &stat, 0)
    })?;
    let compressed =
        packer.archive.into_inner()?.into_inner().map_err(|error| error.into_error())?;
    compressed.finish().map(drop)
}

struct Packer<W: io::Write> {
    archive: Builder<W>,
    /// Files with several names: what the first one is.
    names: HashMap<(u64, u64), PathBuf>,
    /// Bytes that may still come.
    left: u64,
    /// Where we are.
    path: PathBuf,
}

impl<W: io::Write> Packer<W> {
    fn directory(&mut self, dir: &OwnedFd, stat: &Stat, depth: usize) -> io::Result<()> {
        if depth > DEPTH {
            return Err(io::Error::other("directories are nested too deeply"));
        }
        self.records(stat, &attributes(dir)?, None)?;
        self.append(header(stat, EntryType::Directory), io::empty())?;
        for entry in Dir::read_from(dir)? {
            let entry = entry?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            self.path.push(OsStr::from_bytes(name.to_bytes()));
            let packed = self.entry(dir, name, depth);
            packed.map_err(|error| {
                io::Error::new(error.kind(), format!("{:?}: {error}", self.path))
            })?;
            self.path.pop();
        }
        Ok(())
    }

    fn entry(&mut self, dir: &OwnedFd, name: &CStr, depth: usize) -> io::Result<()> {
        let stat = statat(dir, name, AtFlags::SYMLINK_NOFOLLOW)?;
        let kind = FileType::from_raw_mode(stat.st_mode);
        if kind != FileType::Directory && stat.st_nlink > 1 {
            let file = (stat.st_dev, stat.st_ino);
            if let Some(first) =
                self.names.get(&file).map(|path| path.as_os_str().as_bytes().to_vec())
            {
                return self.link(&stat, EntryType::Link, &first);
            }
            self.names.insert(file, self.path.clone());
        }
        let open =
            |flags| openat(dir, name, flags | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty());
        match kind {
            FileType::Directory => self.directory(&open(OFlags::DIRECTORY)?, &stat, depth + 1),
            FileType::RegularFile => {
                let file = fs::File::from(open(OFlags::NONBLOCK)?);
                let length = u64::try_from(stat.st_size).unwrap_or(0);
                self.left = self.left.checked_sub(length).ok_or_else(archive::too_large)?;
                self.records(&stat, &attributes(&file)?, None)?;
                self.append(header(&stat, EntryType::Regular), file.take(length))
            }
            FileType::Symlink => {
                let to = readlinkat(dir, name, Vec::new())?;
                self.link(&stat, EntryType::Symlink, to.to_bytes())
            }
            FileType::Fifo => {
                self.records(&stat, &[], None)?;
                self.append(header(&stat, EntryType::Fifo), io::empty())
            }
            // Nobody listens at it any more.
            FileType::Socket => Ok(()),
            FileType::CharacterDevice | FileType::BlockDevice | FileType::Unknown => {
                Err(io::Error::other("a device is in the way"))
            }
        }
    }

    fn link(&mut self, stat: &Stat, kind: EntryType, to: &[u8]) -> io::Result<()> {
        let mut header = header(stat, kind);
        let fits = to.len() <= LINK_BYTES;
        if fits {
            header.set_link_name_literal(to)?;
        }
        self.records(stat, &[], (!fits).then_some(to))?;
        self.append(header, io::empty())
    }

    /// What goes before an entry.
    fn records(
        &mut self,
        stat: &Stat,
        attributes: &[(Vec<u8>, Vec<u8>)],
        link: Option<&[u8]>,
    ) -> io::Result<()> {
        let changed = format!("{}.{:09}", stat.st_mtime, stat.st_mtime_nsec);
        let mut records = vec![(CHANGED, changed)];
        for (name, value) in attributes {
            records.push((ATTRIBUTE, format!("{}:{}", to_hex(name), to_hex(value))));
        }
        records.extend(link.map(|to| (LINK, to_hex(to))));
        let records = records.iter().map(|(key, value)| (*key, value.as_bytes()));
        self.archive.append_pax_extensions(records)
    }

    fn append(&mut self, mut header: Header, content: impl Read) -> io::Result<()> {
        self.archive.append_data(&mut header, &self.path, content)
    }
}

fn header(stat: &Stat, kind: EntryType) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(stat.st_mode & 0o7777);
    header.set_uid(u64::from(stat.st_uid));
    header.set_gid(u64::from(stat.st_gid));
    header.set_mtime(u64::try_from(stat.st_mtime).unwrap_or(0));
    let has_content = kind == EntryType::Regular;
    header.set_size(if has_content { u64::try_from(stat.st_size).unwrap_or(0) } else { 0 });
    header
}
