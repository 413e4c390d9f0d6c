//! Making a layer out of archives, in a process of its own: those of an image, or what was packed.
//!
//! Archives of an image are laid over each other as the image format has it: a later one replaces what
//! an earlier one brought, and takes away what it names with `.wh.` in front. What comes out stands on
//! nothing, so an image is one layer however many archives it has.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use protocol::ids::{AgentId, LayerId, OrgId};
use rustix::fs::{CWD, Mode, OFlags, openat, renameat};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use tar::{Entry, EntryType};

use super::archive::{Left, each_entry};
use super::freeze::publish;
use super::portable::take;
use super::{TREE, find, making, refused, settle, worker};
use crate::local::base;
use crate::local::disk::{self, Facts, Modes, ROOT};
use crate::local::launcher::Launcher;
use crate::local::machines::{self, Problem, Verb};
use crate::local::record::{self, write_fact};
use crate::local::request::{Answer, FailureKind, UidMap};
use crate::local::sys::attr;
use crate::local::{root, trash};
use crate::provider::Contents;
use std::sync::PoisonError;

/// Where the new layer is while it is filled.
const STAGE: &str = "/tree";
/// In front of the name of what an archive takes away.
const WHITEOUT: &str = ".wh.";
/// Takes away everything in a directory that earlier archives brought.
const OPAQUE: &str = ".wh..wh..opq";
/// Programs without which no agent can work, with where they may be.
const NEEDED: [(&str, [&str; 3]); 2] = [
    ("bash", ["/bin/bash", "/usr/bin/bash", "/usr/local/bin/bash"]),
    ("git", ["/bin/git", "/usr/bin/git", "/usr/local/bin/git"]),
];

/// What the launcher tells the process that unpacks.
#[derive(Debug, Serialize, Deserialize)]
struct Order {
    into: LayerId,
    ids: UidMap,
    contents: Contents,
}

/// Who holds the ids of all that was unpacked; no agent ever has this name.
pub fn holder() -> AgentId {
    let nobody = AgentId::parse("bc-00000000-0000-0000-0000-000000000001");
    nobody.unwrap_or_else(|_| unreachable!("a valid id"))
}

/// Unpacks archives into a layer, lowest first; under an id made before only gives that layer.
pub fn unpack(
    launcher: &Launcher,
    layer: LayerId,
    org: &OrgId,
    contents: Contents,
    archives: &[OwnedFd],
) -> Verb {
    if let Some(made) = find(layer)? {
        let is_ours = made.agent == holder() && made.org == *org;
        let words = format!("there is a layer {layer} already, and it was not unpacked");
        return if is_ours {
            Ok(Answer::Layer { layer: made }.into())
        } else {
            Err(refused(words))
        };
    }
    let ids = machines::map_ids(launcher, holder())?;
    let has_root = matches!(contents, Contents::Image | Contents::Packed { has_root: true });
    if has_root && matches!(ids, UidMap::Single { .. }) {
        let words = "a base image needs ids of its own: run the server as root, only its launcher \
            stays root";
        return Err(refused(words));
    }
    let order = Order { into: layer, ids, contents };
    begin(launcher, &order, org)?;
    let fds: Vec<_> = archives.iter().map(AsFd::as_fd).collect();
    let lacks: Vec<String> = match worker::ask("unpack", &order, &fds) {
        Ok(lacks) => lacks,
        Err(error) => {
            trash::remove_tree(&making(layer))?;
            return Err(problem(contents, &error));
        }
    };
    write_fact(&making(layer), "lacks", &lacks)?;
    publish(layer, &mut |_| ())?;
    settle::settle(layer)?;
    let made = find(layer)?.ok_or_else(|| io::Error::other("the layer is missing"))?;
    Ok(Answer::Layer { layer: made }.into())
}

/// What archives hold does not change by trying again; the room for it may.
fn problem(contents: Contents, error: &io::Error) -> Problem {
    let words = error.to_string();
    let is_full = words.contains(&io::Error::from(Errno::NOSPC).to_string());
    let kind = if is_full { FailureKind::Unavailable } else { FailureKind::Refused };
    let what = match contents {
        Contents::Image => "image",
        Contents::Packed { .. } => "snapshot",
    };
    Problem::new(kind, format!("unpack the {what}: {words}"))
}

fn begin(launcher: &Launcher, order: &Order, org: &OrgId) -> io::Result<()> {
    let place = making(order.into);
    {
        let _held = launcher.layers.lock().unwrap_or_else(PoisonError::into_inner);
        trash::remove_tree(&place)?;
        fs::create_dir(&place)?;
        write_fact(&place, "agent", &holder())?;
    }
    let tree = place.join(TREE);
    record::make_private_dir(&tree)?;
    let facts = Facts { org: org.clone(), ids: order.ids, began: Vec::new(), stack: Vec::new() };
    let modes = match order.contents {
        Contents::Packed { has_root: false } => Modes::default(),
        Contents::Packed { has_root: true } | Contents::Image => Modes::of_base(),
    };
    disk::fill(&tree, &facts, &modes)?;
    disk::open_passage(&tree)
}

/// The process's side.
pub fn run(launcher: OwnedFd) -> io::Result<()> {
    worker::run(launcher, |order: Order, archives| {
        let tree = making(order.into).join(TREE);
        let open = || root::copy_tree(&tree, attr::NOSUID | attr::NODEV);
        worker::in_namespaces(order.ids, open, |tree| fill(&order, &tree, archives))
    })
}

/// Gives the programs that agents need and a root file system among this does not have.
fn fill(order: &Order, tree: &OwnedFd, archives: Vec<OwnedFd>) -> io::Result<Vec<String>> {
    fs::create_dir(STAGE)?;
    root::attach(tree, Path::new(STAGE))?;
    match order.contents {
        Contents::Image => fill_root(archives)?,
        Contents::Packed { has_root } => {
            for archive in archives {
                take::take(Path::new(STAGE), order.ids, archive.into())?;
            }
            if !has_root {
                return Ok(Vec::new());
            }
            enter_root()?;
        }
    }
    let is_there = |places: &[&str]| places.iter().any(|place| Path::new(place).is_file());
    let lacks = NEEDED.iter().filter(|(_, places)| !is_there(places));
    Ok(lacks.map(|(program, _)| (*program).to_owned()).collect())
}

/// Makes the new root file system the process's own, so that links mean what they mean in a sandbox.
fn enter_root() -> io::Result<()> {
    rustix::process::chroot(Path::new(STAGE).join(ROOT))?;
    Ok(rustix::process::chdir("/")?)
}

fn fill_root(archives: Vec<OwnedFd>) -> io::Result<()> {
    let directory = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::PATH | OFlags::CLOEXEC;
    let outside = openat(CWD, STAGE, directory, Mode::empty())?;
    enter_root()?;
    let mut left = Left::default();
    for archive in archives {
        let mut own = BTreeSet::new();
        each_entry(archive.into(), &mut left, |entry| put(entry, &mut own))?;
    }
    base::furnish()?;
    // A disk has this apart from the rest.
    let opt = openat(&outside, disk::OPT, directory, Mode::empty())?;
    for entry in fs::read_dir("/opt")? {
        let entry = entry?;
        renameat(CWD, entry.path(), &opt, entry.file_name())?;
    }
    Ok(())
}

/// Puts one entry in its place; `own` are those of the same archive.
fn put<R: Read>(mut entry: Entry<'_, R>, own: &mut BTreeSet<PathBuf>) -> io::Result<()> {
    let Some(path) = place(&entry.path()?)? else { return Ok(()) };
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    let parent = path.parent().unwrap_or(Path::new("/")).to_owned();
    let named = |error: io::Error| io::Error::other(format!("{path:?}: {}", chain(&error)));
    match name.as_deref() {
        Some(OPAQUE) => return empty(&parent, own).map_err(named),
        Some(name) if name.starts_with(WHITEOUT) => {
            let gone = parent.join(name.trim_start_matches(WHITEOUT));
            return base::clear(&gone).map_err(named);
        }
        _ => {}
    }
    let kind = entry.header().entry_type();
    // Devices are the sandbox's own affair, and nobody waits at a pipe of an image.
    if matches!(kind, EntryType::Char | EntryType::Block | EntryType::Fifo) {
        return Ok(());
    }
    let there = path.symlink_metadata().ok();
    if there.is_some_and(|there| there.is_dir() != (kind == EntryType::Directory)) {
        base::clear(&path).map_err(named)?;
    }
    if !entry.unpack_in("/").map_err(named)? {
        return Err(io::Error::other(format!("{path:?} leads out of the image")));
    }
    own.insert(path);
    Ok(())
}

/// An error with what it came from.
pub fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Where an entry goes; nothing where it is the root itself.
fn place(path: &Path) -> io::Result<Option<PathBuf>> {
    let mut place = PathBuf::from("/");
    for part in path.components() {
        match part {
            Component::Normal(name) => place.push(name),
            Component::CurDir | Component::RootDir => {}
            Component::ParentDir | Component::Prefix(_) => {
                return Err(io::Error::other(format!("{path:?} leads out of the image")));
            }
        }
    }
    Ok(Some(place).filter(|place| place != Path::new("/")))
}

/// Takes away what earlier archives brought into a directory.
fn empty(dir: &Path, own: &BTreeSet<PathBuf>) -> io::Result<()> {
    let is_own =
        |path: &Path| own.range(path.to_owned()..).next().is_some_and(|p| p.starts_with(path));
    match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        entries => {
            for entry in entries? {
                let path = entry?.path();
                if !is_own(&path) {
                    base::clear(&path)?;
                }
            }
            Ok(())
        }
    }
}
