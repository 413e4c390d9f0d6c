//! Writing a layer out to stable storage, and weighing it.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use protocol::ids::LayerId;
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, openat, statat, syncfs};

use super::{dir, tree};
use crate::local::disk::{FOLDERS, WORK};
use crate::local::record::write_fact;
use crate::local::trash;
use crate::provider::LayerSize;

/// Depth to which a layer is weighed.
const WEIGH_DEPTH: usize = 256;
/// Bytes of the blocks in which space is counted.
const BLOCK_BYTES: u64 = 512;

/// Has the kernel write everything out, and notes the layer's size.
pub fn settle(layer: LayerId) -> io::Result<()> {
    // Overlay's own directory of the time when this was a disk.
    trash::remove_tree(&tree(layer).join(WORK))?;
    syncfs(fs::File::open(dir(layer))?)?;
    let mut scales = Scales::default();
    for (name, ..) in FOLDERS.iter().filter(|(name, ..)| tree(layer).join(name).is_dir()) {
        scales.weigh(&open(CWD, tree(layer).join(name).as_os_str().as_encoded_bytes())?, 0);
    }
    write_fact(&dir(layer), "size", &scales.size)
}

fn open(at: impl AsFd, name: &[u8]) -> io::Result<OwnedFd> {
    // TRUST: names and links are the agent's; nothing is followed.
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::RDONLY | OFlags::CLOEXEC;
    Ok(openat(at, name, flags, Mode::empty())?)
}

#[derive(Debug, Default)]
struct Scales {
    size: LayerSize,
    /// Files with several names, which are counted once.
    linked: HashSet<u64>,
}

impl Scales {
    /// Adds what lies below a directory. What cannot be read weighs nothing.
    fn weigh(&mut self, dir: &OwnedFd, depth: usize) {
        for entry in Dir::read_from(dir).into_iter().flatten().flatten() {
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            let Ok(stat) = statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) else { continue };
            if stat.st_nlink == 1 || self.linked.insert(stat.st_ino) {
                self.size.bytes += u64::try_from(stat.st_blocks).unwrap_or(0) * BLOCK_BYTES;
            }
            if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
                self.size.files += 1;
            } else if depth < WEIGH_DEPTH
                && let Ok(below) = open(dir, name.to_bytes())
            {
                self.weigh(&below, depth + 1);
            }
        }
    }
}
