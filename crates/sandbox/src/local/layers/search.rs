//! Looking for given bytes in what layers hold, in a process of its own: secrets that somebody left on a
//! disk which others shall begin with.

use std::ffi::{CStr, OsStr};
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use aho_corasick::AhoCorasick;
use protocol::ids::{LayerId, OrgId};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, openat, readlinkat, statat};
use serde::{Deserialize, Serialize};

use crate::local::launcher::Launcher;
use crate::local::layers::copy::attributes;
use crate::local::layers::{self, unpack, worker};
use crate::local::machines::{self, Problem, Verb};
use crate::local::request::{Answer, Lower, UidMap};
use crate::local::stack::Layers;
use crate::provider::{Found, Needle};

/// Depth of directories; one descriptor is open at each.
const DEPTH: usize = 256;
/// Places that are named; a person looks for the others by the same words.
const PLACES: usize = 20;

/// What the launcher tells the process that looks.
#[derive(Debug, Serialize, Deserialize)]
struct Order {
    ids: UidMap,
    lowers: Vec<Lower>,
    needles: Vec<Needle>,
}

/// Looks through a layer and what it stands on, as far as that is not below any of these others.
pub fn search(
    launcher: &Launcher,
    layer: LayerId,
    org: &OrgId,
    below: &[LayerId],
    needles: Vec<Needle>,
) -> Verb {
    let ids = machines::map_ids(launcher, unpack::holder())?;
    let below = layers::resolve(below, org)?;
    let own = layers::resolve(&[layer], org)?.into_iter().filter(|part| !below.contains(part));
    let lowers = own.map(|part| layers::lower(part, ids)).collect::<Result<_, _>>()?;
    let found = worker::ask("search", &Order { ids, lowers, needles }, &[])
        .map_err(|error| io::Error::other(format!("look through {layer}: {error}")))
        .map_err(Problem::from)?;
    Ok(Answer::Found { found }.into())
}

/// The process's side.
pub fn run(launcher: OwnedFd) -> io::Result<()> {
    worker::run(launcher, |order: Order, _| {
        let open = || Layers::open(order.ids, &order.lowers);
        worker::in_namespaces(order.ids, open, |layers| look(&layers, &order.needles))
    })
}

fn look(layers: &Layers, needles: &[Needle]) -> io::Result<Vec<Found>> {
    let words = needles.iter().map(|needle| &needle.bytes);
    let words = AhoCorasick::new(words).map_err(io::Error::other)?;
    let mut search = Search { words, needles, found: Vec::new(), path: PathBuf::new() };
    layers.each_folder(|name, folder| {
        search.path = PathBuf::from(name);
        search.directory(&folder, 0)
    })?;
    Ok(search.found)
}

struct Search<'a> {
    words: AhoCorasick,
    needles: &'a [Needle],
    found: Vec<Found>,
    /// Where we are.
    path: PathBuf,
}

impl Search<'_> {
    fn directory(&mut self, dir: &OwnedFd, depth: usize) -> io::Result<()> {
        if depth > DEPTH {
            return Err(io::Error::other("directories are nested too deeply"));
        }
        for (_, value) in attributes(dir)? {
            self.bytes(&value);
        }
        for entry in Dir::read_from(dir)? {
            let entry = entry?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") || self.found.len() >= PLACES {
                continue;
            }
            self.path.push(OsStr::from_bytes(name.to_bytes()));
            let looked = self.entry(dir, name, depth);
            // What cannot be read cannot be vouched for.
            looked.map_err(|error| {
                io::Error::new(error.kind(), format!("{:?}: {error}", self.path))
            })?;
            self.path.pop();
        }
        Ok(())
    }

    fn entry(&mut self, dir: &OwnedFd, name: &CStr, depth: usize) -> io::Result<()> {
        self.bytes(name.to_bytes());
        let stat = statat(dir, name, AtFlags::SYMLINK_NOFOLLOW)?;
        let open =
            |flags| openat(dir, name, flags | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty());
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => self.directory(&open(OFlags::DIRECTORY)?, depth + 1),
            FileType::RegularFile => {
                let file = open(OFlags::NONBLOCK)?;
                for (_, value) in attributes(&file)? {
                    self.bytes(&value);
                }
                self.content(fs::File::from(file))
            }
            FileType::Symlink => {
                self.bytes(readlinkat(dir, name, Vec::new())?.to_bytes());
                Ok(())
            }
            // What was deleted over a layer below is such a device; none of them holds bytes.
            FileType::CharacterDevice
            | FileType::BlockDevice
            | FileType::Fifo
            | FileType::Socket
            | FileType::Unknown => Ok(()),
        }
    }

    fn content(&mut self, file: fs::File) -> io::Result<()> {
        let first = self.words.try_stream_find_iter(file).map_err(io::Error::other)?.next();
        if let Some(found) = first.transpose()? {
            self.note(found.pattern().as_usize());
        }
        Ok(())
    }

    fn bytes(&mut self, bytes: &[u8]) {
        if let Some(found) = self.words.find(bytes) {
            self.note(found.pattern().as_usize());
        }
    }

    fn note(&mut self, index: usize) {
        let Some(needle) = self.needles.get(index) else { return };
        let path = self.path.to_string_lossy().into_owned();
        let is_known =
            self.found.iter().any(|found| found.path == path && found.name == needle.name);
        if !is_known && self.found.len() < PLACES {
            self.found.push(Found { name: needle.name.clone(), path });
        }
    }
}
