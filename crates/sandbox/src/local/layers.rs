//! Layers: what disks held when they were frozen, for other disks to stand on.
//!
//! ```text
//! layers/<layer>/tree/{workspace, home, opt, vartmp, root, stack, org, ids}   what was the disk
//!               {agent, size, lacks}                                    facts
//! ```
//! A layer holds what differs from the layers its disk stood on, and is mounted together with them.
//! It appears and goes by one rename and is never written to in between. A base image is a layer too,
//! one that was unpacked from archives and never was a disk.
//!
//! TRUST: files of a layer keep the user ids of the agent whose disk it was, whose range may have been
//! leased to another agent since. Nobody gets there: the state directory is the launcher's alone, and
//! a sandbox sees a layer through a read-only mount that shows the ids of its own range.

mod archive;
pub mod copy;
pub mod flatten;
pub mod freeze;
pub mod manifest;
pub mod portable;
pub mod search;
mod settle;
pub mod unpack;
mod walk;
mod worker;

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;

use protocol::ids::{AgentId, LayerId, OrgId};
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, UTIME_NOW, utimensat};

use super::disk::{self, Facts, Modes};
use super::launcher::Launcher;
use super::machines::{self, Problem, Verb};
use super::record::{self, read_fact};
use super::request::{Answer, FailureKind, Lower, UidMap};
use super::{commons, trash};
use crate::provider::{Layer, MachineState, STACK_LAYERS, SandboxSpec};

/// Name of the directory that was the disk.
const TREE: &str = "tree";

fn refused(reason: impl Into<String>) -> Problem {
    Problem::new(FailureKind::Refused, reason.into())
}

fn dir(layer: LayerId) -> PathBuf {
    Path::new(record::LAYERS).join(layer.to_string())
}

fn making(layer: LayerId) -> PathBuf {
    Path::new(record::MAKING).join(layer.to_string())
}

/// Where a layer's folders are.
pub fn tree(layer: LayerId) -> PathBuf {
    dir(layer).join(TREE)
}

/// The layer of this name.
pub fn find(id: LayerId) -> io::Result<Option<Layer>> {
    let dir = dir(id);
    let Some(agent) = read_fact(&dir, "agent")? else { return Ok(None) };
    let Some(Facts { org, stack, .. }) = disk::facts(&dir.join(TREE))? else {
        return Err(io::Error::other(format!("{id} is damaged: its facts are missing")));
    };
    let made = dir.join("agent").symlink_metadata()?;
    let (made_at_ms, last_used_ms) = (time_of(&made), time_of(&dir.metadata()?));
    let size = read_fact(&dir, "size")?;
    let lacks = read_fact(&dir, "lacks")?.unwrap_or_default();
    let has_root = dir.join(TREE).join(disk::ROOT).is_dir();
    Ok(Some(Layer {
        id,
        below: stack,
        agent,
        org,
        made_at_ms,
        last_used_ms,
        size,
        has_root,
        lacks,
    }))
}

fn time_of(meta: &fs::Metadata) -> u64 {
    let ms = meta.mtime().saturating_mul(1000).saturating_add(meta.mtime_nsec() / 1_000_000);
    u64::try_from(ms).unwrap_or(0)
}

/// Every layer.
pub fn all() -> io::Result<Vec<Layer>> {
    let mut layers = Vec::new();
    for name in names::<LayerId>(record::LAYERS)? {
        layers.extend(find(name)?);
    }
    layers.sort_by_key(|layer| (layer.made_at_ms, layer.id));
    Ok(layers)
}

/// Names in a directory that are of this kind.
fn names<T: std::str::FromStr>(dir: &str) -> io::Result<Vec<T>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir)? {
        names.extend(entry?.file_name().to_str().and_then(|name| name.parse().ok()));
    }
    Ok(names)
}

/// All layers that these bring along, base first.
pub fn resolve(wanted: &[LayerId], org: &OrgId) -> Result<Vec<LayerId>, Problem> {
    let mut stack = Vec::new();
    for id in wanted {
        // TRUST: the layer of another organisation is as unknown as one that does not exist.
        let layer = find(*id)?.filter(|layer| layer.org == *org);
        let layer = layer.ok_or_else(|| refused(format!("there is no layer {id}")))?;
        for part in layer.below.into_iter().chain([*id]) {
            if !stack.contains(&part) {
                stack.push(part);
            }
        }
    }
    if stack.len() > STACK_LAYERS {
        return Err(too_deep());
    }
    Ok(stack)
}

fn too_deep() -> Problem {
    refused(format!("a disk stands on {STACK_LAYERS} layers at most: flatten it first"))
}

/// How the folders of a new disk over these layers begin.
pub fn top_folders(stack: &[LayerId]) -> io::Result<Modes> {
    let Some(top) = stack.last() else { return Ok(Modes::default()) };
    let facts = disk::facts(&tree(*top))?;
    facts.map_or_else(|| Ok(Modes::default()), |facts| Modes::of(&tree(*top), facts.ids))
}

/// A layer for a machine that starts now.
pub fn lower(layer: LayerId, ids: UidMap) -> Result<Lower, Problem> {
    let damaged = || io::Error::other(format!("the layer {layer} is missing"));
    let facts = disk::facts(&tree(layer))?.ok_or_else(damaged)?;
    if matches!((facts.ids, ids), (UidMap::Single { .. }, UidMap::Range { .. })) {
        return Err(refused("this layer was made by a server without its own user ids"));
    }
    touch(&dir(layer))?;
    let has_root = tree(layer).join(disk::ROOT).is_dir();
    Ok(Lower { layer, uids: facts.ids, has_root })
}

fn touch(path: &Path) -> io::Result<()> {
    let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
    let times = Timestamps { last_access: now, last_modification: now };
    Ok(utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW)?)
}

/// Brings what was begun for this agent to its end, or takes it back.
pub fn recover(agent: AgentId) -> io::Result<()> {
    freeze::recover(Some(agent))
}

/// Ends or takes back whatever a former launcher did not get to.
pub fn sweep() -> io::Result<()> {
    freeze::recover(None)?;
    for entry in fs::read_dir(record::MAKING)? {
        trash::remove_tree(&entry?.path())?;
    }
    Ok(())
}

/// A stopped agent's disk, ready to be frozen or restacked; or the layer of that name, made before.
enum Subject {
    Disk(Vec<LayerId>),
    Made(Layer),
}

fn subject(launcher: &Launcher, agent: AgentId, layer: LayerId) -> Result<Subject, Problem> {
    recover(agent)?;
    if let Some(made) = find(layer)? {
        if made.agent == agent {
            return Ok(Subject::Made(made));
        }
        return Err(refused(format!("{layer} was made from another agent's disk")));
    }
    let disk = record::disk(agent);
    let keys = record::keys(Some(agent))?;
    let Some(newest) = keys.last().filter(|_| disk.is_dir()) else {
        return Err(refused(format!("{agent} has no disk")));
    };
    if commons::of_disk(&disk)?.is_some() {
        let words = format!(
            "{agent} shares its sandbox with other agents, which may be writing to the same disk: \
             what one agent has on it cannot be kept alone"
        );
        return Err(refused(words));
    }
    for key in &keys {
        let machine = machines::inspect(*key)?;
        if machine.is_some_and(|machine| machine.state == MachineState::Running) {
            return Err(refused(format!("{key} runs: stop it first")));
        }
    }
    if disk::facts(&disk)?.is_none() {
        let spec: Option<SandboxSpec> = record::read(&record::dir(*newest).join("spec.json"))?;
        let spec = spec.ok_or_else(|| io::Error::other("the machine's record is missing"))?;
        disk::identify(&disk, &spec.org, machines::map_ids(launcher, agent)?)?;
    }
    Ok(Subject::Disk(disk::stack(&disk)?))
}

/// Makes what a disk holds into a layer.
pub fn freeze(launcher: &Launcher, agent: AgentId, layer: LayerId) -> Verb {
    let _held = launcher.layers.lock().unwrap_or_else(PoisonError::into_inner);
    let made = match subject(launcher, agent, layer)? {
        Subject::Made(made) => made,
        Subject::Disk(stack) if stack.len() >= STACK_LAYERS => return Err(too_deep()),
        Subject::Disk(_) => {
            if let Err(error) = freeze::freeze(agent, layer, &mut |_| ()) {
                // What was begun takes up space; the next start would take it back as well.
                recover(agent).ok();
                return Err(error.into());
            }
            find(layer)?.ok_or_else(|| io::Error::other("the layer is missing"))?
        }
    };
    Ok(Answer::Layer { layer: made }.into())
}

/// Merges what a disk stands on into one layer.
pub fn flatten(launcher: &Launcher, agent: AgentId, layer: LayerId) -> Verb {
    let lock = || launcher.layers.lock().unwrap_or_else(PoisonError::into_inner);
    let begun = {
        let _held = lock();
        match subject(launcher, agent, layer)? {
            Subject::Made(_) => None,
            Subject::Disk(stack) if stack.len() < 2 => {
                let words = format!("{agent}'s disk stands on one layer at most already");
                return Err(refused(words));
            }
            Subject::Disk(stack) => Some(flatten::begin(agent, layer, &stack)),
        }
    };
    // Without the lock: this takes as long as there is much to copy. The disk keeps the layers.
    if let Some(Err(problem)) = begun.map(|order| order.and_then(|order| flatten::merge(&order))) {
        recover(agent).ok();
        return Err(problem);
    }
    let _held = lock();
    let made = find(layer)?.ok_or_else(|| io::Error::other("the layer is missing"))?;
    let disk = record::disk(agent);
    let merged = flatten::merged(&made)?;
    if merged.is_some_and(|merged| disk::stack(&disk).is_ok_and(|stack| stack == merged)) {
        disk::restack(&disk, &[layer])?;
    }
    Ok(Answer::Layer { layer: made }.into())
}

/// Writes a layer out and weighs it.
pub fn settle(layer: LayerId) -> Verb {
    if find(layer)?.is_none() {
        return Err(refused(format!("there is no layer {layer}")));
    }
    settle::settle(layer)?;
    let settled = find(layer)?.ok_or_else(|| refused(format!("there is no layer {layer}")))?;
    Ok(Answer::Layer { layer: settled }.into())
}

/// Removes a layer on which nothing stands.
pub fn remove(launcher: &Launcher, layer: LayerId) -> Verb {
    let thrown = {
        let _held = launcher.layers.lock().unwrap_or_else(PoisonError::into_inner);
        if find(layer)?.is_some() && needed(&all()?)?.contains(&layer) {
            return Err(refused(format!("a disk or another layer stands on {layer}")));
        }
        trash::throw_away(&dir(layer), &layer.to_string())?
    };
    thrown.remove()?;
    Ok(Answer::Done {}.into())
}

/// What the disks and these layers stand on.
fn needed(by: &[Layer]) -> io::Result<BTreeSet<LayerId>> {
    let mut needed: BTreeSet<_> = by.iter().flat_map(|layer| layer.below.clone()).collect();
    for agent in names::<AgentId>(record::DISKS)? {
        needed.extend(disk::stack(&record::disk(agent))?);
    }
    Ok(needed)
}

/// Removes layers that nothing stands on and no machine started on since.
pub fn remove_unused(launcher: &Launcher, since_ms: u64) -> Verb {
    let gone: Vec<LayerId> = {
        let _held = launcher.layers.lock().unwrap_or_else(PoisonError::into_inner);
        let (recent, old): (Vec<_>, Vec<_>) =
            all()?.into_iter().partition(|layer| layer.last_used_ms >= since_ms);
        let needed = needed(&recent)?;
        old.into_iter().map(|layer| layer.id).filter(|id| !needed.contains(id)).collect()
    };
    let mut removed = Vec::new();
    // Topmost first: an old layer may stand on another old one.
    for layer in gone.into_iter().rev() {
        match remove(launcher, layer) {
            Ok(_) => removed.push(layer),
            // Somebody began to use it just now.
            Err(Problem { kind: FailureKind::Refused, .. }) => {}
            Err(problem) => return Err(problem),
        }
    }
    Ok(Answer::Removed { layers: removed }.into())
}
