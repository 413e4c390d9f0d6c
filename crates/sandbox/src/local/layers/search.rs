//! Looking for given bytes in what layers hold, in a process of its own: secrets that somebody left on a
//! disk which others shall begin with.

use std::fs;
use std::io;
use std::ops::ControlFlow;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use aho_corasick::AhoCorasick;
use protocol::ids::{LayerId, OrgId};
use rustix::fs::FileType;
use serde::{Deserialize, Serialize};

use crate::local::launcher::Launcher;
use crate::local::layers::copy::attributes;
use crate::local::layers::walk::{Node, walk};
use crate::local::layers::{self, unpack, worker};
use crate::local::machines::{self, Problem, Verb};
use crate::local::request::{Answer, Lower, UidMap};
use crate::local::stack::Layers;
use crate::provider::{Found, Needle};

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
    let mut search = Search { words, needles, found: Vec::new() };
    walk(layers, &mut |node| search.node(node))?;
    Ok(search.found)
}

struct Search<'a> {
    words: AhoCorasick,
    needles: &'a [Needle],
    found: Vec<Found>,
}

impl Search<'_> {
    fn node(&mut self, node: &Node<'_>) -> io::Result<ControlFlow<()>> {
        self.bytes(node.path, node.path.file_name().unwrap_or_default().as_bytes());
        match node.kind {
            FileType::Directory => self.attributes(node.path, &node.open()?)?,
            FileType::RegularFile => {
                let file = node.open()?;
                self.attributes(node.path, &file)?;
                self.content(node.path, fs::File::from(file))?;
            }
            FileType::Symlink => self.bytes(node.path, &node.target()?),
            // What was deleted over a layer below is such a device; none of them holds bytes.
            FileType::CharacterDevice
            | FileType::BlockDevice
            | FileType::Fifo
            | FileType::Socket
            | FileType::Unknown => {}
        }
        match self.found.len() < PLACES {
            true => Ok(ControlFlow::Continue(())),
            false => Ok(ControlFlow::Break(())),
        }
    }

    fn attributes(&mut self, path: &Path, of: &OwnedFd) -> io::Result<()> {
        for (_, value) in attributes(of)? {
            self.bytes(path, &value);
        }
        Ok(())
    }

    fn content(&mut self, path: &Path, file: fs::File) -> io::Result<()> {
        let first = self.words.try_stream_find_iter(file).map_err(io::Error::other)?.next();
        if let Some(found) = first.transpose()? {
            self.note(path, found.pattern().as_usize());
        }
        Ok(())
    }

    fn bytes(&mut self, path: &Path, bytes: &[u8]) {
        if let Some(found) = self.words.find(bytes) {
            self.note(path, found.pattern().as_usize());
        }
    }

    fn note(&mut self, path: &Path, index: usize) {
        let Some(needle) = self.needles.get(index) else { return };
        let path = path.to_string_lossy().into_owned();
        let is_known =
            self.found.iter().any(|found| found.path == path && found.name == needle.name);
        if !is_known && self.found.len() < PLACES {
            self.found.push(Found { name: needle.name.clone(), path });
        }
    }
}
