//! An agent's disk as its sandbox mounts it: plain folders, or folders that lie over layers.
//!
//! The overlays are mounted from within the sandbox's own user namespace, with marks that an ordinary
//! user may set (`user.overlay.*`), so that one format serves root and ordinary users.
//!
//! TRUST: a disk that was mounted plainly may hold forged marks once it is a layer. Marks in layers
//! can hide what lies below, which the agent could have deleted as well; those that would lead
//! elsewhere (`redirect`, `metacopy`) are not followed under `userxattr`.

use std::ffi::CString;
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

use super::disk::{FOLDERS, ROOT, WORK, WORKSPACE};
use super::idmap::Translations;
use super::request::{Lower, UidMap};
use super::sys::attr;
use super::{base, layers, root};

/// Where the parts are in reach while they are put together.
const STAGE: &str = "/.layers";
/// Bytes of that place, which holds empty directories.
const STAGE_BYTES: u64 = 1024 * 1024;
/// The disk itself, there.
const OWN: &str = "own";
/// What the agent shares with others, there.
const COMMON: &str = "common";
/// Where layers are seen as one while they are read.
const MERGED: &str = "/merged";
/// What is true of every tree that somebody else filled.
const SAFE: u64 = attr::NOSUID | attr::NODEV;

/// Layers, opened.
#[derive(Debug)]
pub struct Layers {
    /// Topmost first, as overlay wants them.
    trees: Vec<OwnedFd>,
}

impl Layers {
    /// Opens layers, base first, with the owners that the sandbox expects.
    pub fn open(ids: UidMap, lowers: &[Lower]) -> io::Result<Self> {
        let mut translations = match ids {
            UidMap::Range { base } => Some(Translations::to(base)),
            UidMap::Single { .. } => None,
        };
        let mut trees = Vec::new();
        for Lower { layer, uids, .. } in lowers.iter().rev() {
            let tree = root::copy_tree(&layers::tree(*layer), SAFE | attr::RDONLY)?;
            match (&mut translations, *uids) {
                (Some(to), UidMap::Range { base }) => to.apply(tree.as_fd(), base)?,
                (None, single) if single == ids => {}
                (Some(_) | None, _) => return Err(io::Error::other("a layer of other users")),
            }
            trees.push(tree);
        }
        Ok(Self { trees })
    }

    /// Shows, one after the other, every folder as the layers hold it together.
    pub fn each_folder(
        &self,
        mut each: impl FnMut(&str, OwnedFd) -> io::Result<()>,
    ) -> io::Result<()> {
        make_stage()?;
        self.stage()?;
        let merged = Path::new(MERGED);
        fs::create_dir(merged)?;
        for (name, ..) in FOLDERS {
            match self.parts(name).as_slice() {
                [] => continue,
                [only] => rustix::mount::mount_bind(only, merged)?,
                several => mount_overlay(merged, &format!("lowerdir={}", several.join(":")))?,
            }
            each(name, fs::File::open(merged)?.into())?;
            unmount(merged, UnmountFlags::DETACH)?;
        }
        Ok(())
    }

    fn stage(&self) -> io::Result<()> {
        for (index, tree) in self.trees.iter().enumerate() {
            stage(tree, &index.to_string())?;
        }
        Ok(())
    }

    /// Where the parts of a folder are, topmost first.
    fn parts(&self, name: &str) -> Vec<String> {
        let part = |index: usize| format!("{STAGE}/{index}/{name}");
        (0..self.trees.len()).map(part).filter(|part| Path::new(part).is_dir()).collect()
    }
}

/// An agent's disk, opened.
#[derive(Debug)]
pub struct Disk {
    own: OwnedFd,
    /// The disk of the other folders, where the agent shares these.
    common: Option<OwnedFd>,
    layers: Layers,
}

impl Disk {
    /// Opens disk and layers, these with the owners that the sandbox expects.
    pub fn open(own: &Path, ids: UidMap, lowers: &[Lower]) -> io::Result<Self> {
        let own = root::copy_tree(own, SAFE)?;
        Ok(Self { own, common: None, layers: Layers::open(ids, lowers)? })
    }

    /// Opens an agent's disk and the one it shares with others.
    pub fn open_shared(own: &Path, common: &Path) -> io::Result<Self> {
        let (own, common) = (root::copy_tree(own, SAFE)?, root::copy_tree(common, SAFE)?);
        Ok(Self { own, common: Some(common), layers: Layers { trees: Vec::new() } })
    }

    /// Puts every folder in its place below this directory of the new root.
    pub fn mount(&self, below: &Path) -> io::Result<()> {
        make_stage()?;
        stage(&self.own, OWN)?;
        self.common.as_ref().map_or(Ok(()), |common| stage(common, COMMON))?;
        self.layers.stage()?;
        for (name, target, _, _) in FOLDERS {
            let target = below.join(target);
            let (lowers, own) = (self.layers.parts(name), self.own(name));
            if name == ROOT && lowers.is_empty() {
                continue;
            }
            base::real_dir(&target)?;
            if lowers.is_empty() {
                rustix::mount::mount_bind(own, target)?;
                continue;
            }
            let lower = lowers.join(":");
            let work = format!("{STAGE}/{OWN}/{WORK}/{name}");
            mount_overlay(&target, &format!("lowerdir={lower},upperdir={own},workdir={work}"))?;
        }
        unmount(STAGE, UnmountFlags::DETACH)?;
        fs::remove_dir(STAGE)
    }

    /// Where a folder of the disk is.
    fn own(&self, name: &str) -> String {
        let disk = if self.common.is_some() && name != WORKSPACE { COMMON } else { OWN };
        format!("{STAGE}/{disk}/{name}")
    }

    /// Copies what the layers hold together into the disk's own folders.
    pub fn merge_into_own(&self) -> io::Result<()> {
        let own = Path::new("/").join(OWN);
        fs::create_dir(&own)?;
        root::attach(&self.own, &own)?;
        self.layers.each_folder(|name, from| {
            let to = fs::File::open(own.join(name))?;
            layers::copy::copy_tree(&from, &to.into())
        })
    }
}

fn make_stage() -> io::Result<()> {
    fs::create_dir(STAGE)?;
    root::tmpfs(STAGE, STAGE_BYTES, "700", MountFlags::empty())
}

fn mount_overlay(target: &Path, parts: &str) -> io::Result<()> {
    let data = CString::new(format!("userxattr,index=off,{parts}"))?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    Ok(mount("overlay", target, "overlay", flags, Some(data.as_c_str()))?)
}

fn stage(tree: &OwnedFd, name: &str) -> io::Result<()> {
    let place = Path::new(STAGE).join(name);
    fs::create_dir(&place)?;
    root::attach(tree, &place)
}
