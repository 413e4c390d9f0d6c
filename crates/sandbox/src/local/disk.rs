//! An agent's disk, as the launcher makes and finds it.
//!
//! ```text
//! disks/<agent>/{workspace, home, opt, vartmp}   what the agent wrote
//!               root                             the same, of all else, where it stands on a base image
//!               work/…                           overlay's own, where the disk stands on layers
//!               {stack, began, org, ids}         facts: what it stands on, what it began with, whose
//! ```
//! A disk that stands on nothing is mounted as it is. Disks of before layers have no facts and stand
//! on nothing. Where agents share their sandbox, an agent's disk has a `workspace` and the fact `commons`
//! only, and the other folders are those of the [commons].

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;

use protocol::ids::{LayerId, OrgId};

use super::commons::{self, CommonsId};
use super::machines::Problem;
use super::record::{self, make_private_dir, read_fact, write_fact};
use super::request::{FailureKind, Lower, UidMap};
use super::{layers, lease, trash};
use crate::provider::SandboxSpec;

/// User id of `agent` inside.
pub const AGENT_UID: u32 = 1000;
/// Directory of what lies over a base image; only disks that stand on one have it.
pub const ROOT: &str = "root";
/// Directory of what lies in `/opt`.
pub const OPT: &str = "opt";
/// Directory of the repositories.
pub const WORKSPACE: &str = "workspace";
/// Directories of an agent's disk: name, place inside, mode, owner inside. What holds others is first.
pub const FOLDERS: [(&str, &str, u32, u32); 5] = [
    (ROOT, "", 0o755, 0),
    (WORKSPACE, "workspace", 0o755, AGENT_UID),
    ("home", "home/agent", 0o755, AGENT_UID),
    (OPT, "opt", 0o755, 0),
    ("vartmp", "var/tmp", 0o1777, 0),
];
/// Directory of overlay's own directories.
pub const WORK: &str = "work";
/// Mode of directories through which a sandbox's root must pass, but which it does not own.
const PASSAGE: u32 = 0o711;
/// Permission bits of a mode.
const PERMISSIONS: u32 = 0o7777;

/// Which folders a disk has, beside that of a base image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// All.
    Whole,
    /// What an agent keeps to itself where it shares the rest.
    Workspace,
    /// The rest.
    Commons,
}

impl Part {
    fn has(self, name: &str) -> bool {
        match self {
            Self::Whole => true,
            Self::Workspace => name == WORKSPACE,
            Self::Commons => name != WORKSPACE,
        }
    }
}

/// What is known about a disk, or about what is left of one in a layer.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Owner of the data.
    pub org: OrgId,
    /// How ids map in its files.
    pub ids: UidMap,
    /// The layers it began with, as they were asked for.
    pub began: Vec<LayerId>,
    /// The layers it stands on, base first.
    pub stack: Vec<LayerId>,
}

/// What a disk stands on, base first.
pub fn stack(disk: &Path) -> io::Result<Vec<LayerId>> {
    Ok(read_fact(disk, "stack")?.unwrap_or_default())
}

/// Has a stopped disk stand on these layers, which hold the same.
pub fn restack(disk: &Path, stack: &[LayerId]) -> io::Result<()> {
    write_fact(disk, "stack", &stack)
}

/// The facts about a disk; `None` where they were never written down.
pub fn facts(disk: &Path) -> io::Result<Option<Facts>> {
    let (Some(org), Some(ids)) = (read_fact(disk, "org")?, read_fact(disk, "ids")?) else {
        return Ok(None);
    };
    let began = read_fact(disk, "began")?.unwrap_or_default();
    Ok(Some(Facts { org, ids, began, stack: stack(disk)? }))
}

/// Writes down whose a disk of before layers is.
pub fn identify(disk: &Path, org: &OrgId, ids: UidMap) -> io::Result<()> {
    write_fact(disk, "org", org)?;
    write_fact(disk, "ids", &ids)
}

/// Finds the agent's disk or makes it, and says what it stands on.
pub fn prepare(
    spec: &SandboxSpec,
    ids: UidMap,
    commons: Option<CommonsId>,
) -> Result<Vec<Lower>, Problem> {
    let agent = spec.key.agent;
    let part = commons.map_or(Part::Whole, |_| Part::Workspace);
    layers::recover(agent)?;
    let disk = record::disk(agent);
    if disk.is_dir() {
        let began: Vec<LayerId> = read_fact(&disk, "began")?.unwrap_or_default();
        if began != spec.layers {
            let words = "this agent's disk began with other layers: start another agent on these";
            return Err(Problem::new(FailureKind::Refused, words.to_owned()));
        }
        if commons::of_disk(&disk)? != commons {
            let words = "what this agent shared with others is gone: start another agent";
            return Err(Problem::new(FailureKind::Refused, words.to_owned()));
        }
    } else {
        let stack = layers::resolve(&spec.layers, &spec.org)?;
        let facts = Facts { org: spec.org.clone(), ids, began: spec.layers.clone(), stack };
        let making = Path::new(record::MAKING).join(agent.to_string());
        trash::remove_tree(&making)?;
        make_private_dir(&making)?;
        match commons {
            Some(commons) => {
                commons::note_disk(&making, commons)?;
                identify(&making, &spec.org, ids)?;
            }
            None => fill(&making, &facts, &layers::top_folders(&facts.stack)?)?,
        }
        fs::rename(&making, &disk)?;
    }
    // A crash in former times may have left a disk without some of its folders.
    make_folders(&disk, ids, &Modes::default(), part)?;
    open_passage(&disk)?;
    stack(&disk)?.into_iter().map(|layer| layers::lower(layer, ids)).collect()
}

/// Finds the disk that agents of this owner share, or makes it.
pub fn prepare_commons(disk: &Path, org: &OrgId, ids: UidMap) -> io::Result<()> {
    make_private_dir(disk)?;
    // A crash may have left it without some of this.
    if facts(disk)?.is_none() {
        identify(disk, org, ids)?;
    }
    make_folders(disk, ids, &Modes::default(), Part::Commons)?;
    open_passage(disk)
}

/// Modes and owners that the folders of a new disk take over from the layer below: an overlay shows
/// those of its topmost part.
#[derive(Debug, Default)]
pub struct Modes(Vec<(&'static str, u32, u32, u32)>);

impl Modes {
    /// As the folders of another disk have them.
    pub fn of(disk: &Path, ids: UidMap) -> io::Result<Self> {
        let mut modes = Vec::new();
        for (name, _, mode, owner) in FOLDERS {
            match disk.join(name).symlink_metadata() {
                Ok(meta) => {
                    let inside = |id: u32| match ids {
                        UidMap::Range { base } => {
                            id.checked_sub(base).filter(|id| *id < lease::RANGE).unwrap_or(owner)
                        }
                        UidMap::Single { .. } => owner,
                    };
                    let (user, group) = (inside(meta.uid()), inside(meta.gid()));
                    modes.push((name, meta.mode() & PERMISSIONS, user, group));
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    if name != ROOT {
                        modes.push((name, mode, owner, owner));
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Self(modes))
    }

    /// Of a base image.
    pub fn of_base() -> Self {
        Self(FOLDERS.map(|(name, _, mode, owner)| (name, mode, owner, owner)).into())
    }

    /// Whether a disk with these has this folder.
    fn have(&self, name: &str) -> bool {
        name != ROOT || self.get(name).is_some()
    }

    fn get(&self, wanted: &str) -> Option<(u32, u32, u32)> {
        let found = self.0.iter().find(|(name, ..)| *name == wanted)?;
        Some((found.1, found.2, found.3))
    }
}

/// Fills a new disk's directory: facts first, then folders.
pub fn fill(disk: &Path, facts: &Facts, modes: &Modes) -> io::Result<()> {
    identify(disk, &facts.org, facts.ids)?;
    write_fact(disk, "began", &facts.began)?;
    restack(disk, &facts.stack)?;
    make_folders(disk, facts.ids, modes, Part::Whole)?;
    if facts.stack.is_empty() {
        return Ok(());
    }
    let work = disk.join(WORK);
    make_private_dir(&work)?;
    for (name, ..) in FOLDERS.iter().filter(|(name, ..)| modes.have(name)) {
        make_folder(&work.join(name), facts.ids, (0o700, 0, 0))?;
    }
    open_passage(&work)?;
    open_passage(disk)
}

/// Lets a sandbox's root pass to what it owns below a directory of ours.
pub fn open_passage(dir: &Path) -> io::Result<()> {
    fs::set_permissions(dir, fs::Permissions::from_mode(PASSAGE))
}

fn make_folders(disk: &Path, ids: UidMap, modes: &Modes, part: Part) -> io::Result<()> {
    let wanted = |name: &str| modes.have(name) && part.has(name);
    for (name, _, mode, owner) in FOLDERS.into_iter().filter(|(name, ..)| wanted(name)) {
        make_folder(&disk.join(name), ids, modes.get(name).unwrap_or((mode, owner, owner)))?;
    }
    Ok(())
}

/// Makes a directory with its mode and owner, whole or not at all; one that exists stays.
fn make_folder(place: &Path, ids: UidMap, (mode, user, group): (u32, u32, u32)) -> io::Result<()> {
    if place.symlink_metadata().is_ok() {
        return Ok(());
    }
    let making = place.with_extension("new");
    make_private_dir(&making)?;
    if let UidMap::Range { base } = ids {
        chown(&making, Some(base + user), Some(base + group))?;
    }
    fs::set_permissions(&making, fs::Permissions::from_mode(mode))?;
    fs::rename(making, place)
}
