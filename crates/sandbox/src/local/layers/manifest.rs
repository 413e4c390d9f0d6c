//! What a layer brings that runs although nobody calls it by its path, found in a process of its own:
//! programs where programs are looked for, and what shells, git and others read when they start.

use std::fs;
use std::io::{self, Read as _};
use std::ops::ControlFlow;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use protocol::ids::{LayerId, OrgId};
use rustix::fs::{FileType, Mode};
use serde::{Deserialize, Serialize};

use crate::local::launcher::Launcher;
use crate::local::layers::walk::{Node, walk};
use crate::local::layers::{self, unpack, worker};
use crate::local::machines::{self, Problem, Verb};
use crate::local::packet;
use crate::local::request::{Answer, Lower, UidMap};
use crate::local::stack::Layers;
use crate::provider::{Entry, EntryKind, Manifest};

/// Programs that are named; what is read at a start, and programs that everybody calls, have as many
/// places of their own, so that nothing is hidden by a crowd.
const PLACES: usize = 2000;
/// Bytes of files that are read, in all.
const READ_BYTES: u64 = 8 * 1024 * 1024 * 1024;
/// Bytes that either take; both are to fit into one message.
const BYTES: usize = packet::MESSAGE_BYTES * 2 / 5;
/// Digits of a digest.
const DIGITS: usize = 32;
/// Bytes of an entry besides its path.
const ENTRY_BYTES: usize = 96;
/// Programs below these belong to packages, or to the repository, and are called by whoever knows.
const PACKAGES: [&str; 6] =
    ["workspace", "node_modules", "site-packages", "dist-packages", "vendor", "lib"];
/// Names that people, agents and scripts call without a thought.
const KNOWN: [&str; 48] = [
    "apt", "apt-get", "aws", "bash", "cargo", "cat", "cp", "curl", "dash", "docker", "dpkg", "env",
    "find", "gcc", "gh", "git", "glab", "go", "gpg", "grep", "java", "kubectl", "ls", "make", "mv",
    "node", "npm", "npx", "pip", "pip3", "pnpm", "ps", "python", "python3", "rm", "rustc", "scp",
    "sed", "sh", "ssh", "su", "sudo", "tar", "tmux", "uv", "wget", "which", "yarn",
];
/// Where a home folder is: the agent's, and that of root.
const HOMES: [&str; 2] = ["home", "root/root"];
/// What is read at a start, in a home folder.
const OF_HOME: [&str; 31] = [
    ".bashrc",
    ".bash_profile",
    ".bash_login",
    ".bash_logout",
    ".bash_aliases",
    ".profile",
    ".zshrc",
    ".zshenv",
    ".zprofile",
    ".zlogin",
    ".kshrc",
    ".inputrc",
    ".config/fish",
    ".gitconfig",
    ".config/git",
    ".ssh",
    ".pam_environment",
    ".npmrc",
    ".yarnrc",
    ".yarnrc.yml",
    ".pip",
    ".config/pip",
    ".cargo/config",
    ".cargo/config.toml",
    ".curlrc",
    ".wgetrc",
    ".tmux.conf",
    ".vimrc",
    ".vim/plugin",
    ".config/autostart",
    ".config/systemd",
];
/// What is read at a start, in the folder of the system's configuration.
const OF_SYSTEM: [&str; 19] = [
    "profile",
    "profile.d",
    "bash.bashrc",
    "bashrc",
    "zsh",
    "zshenv",
    "environment",
    "inputrc",
    "gitconfig",
    "npmrc",
    "pip.conf",
    "ld.so.preload",
    "ld.so.conf.d",
    "cron.d",
    "crontab",
    "ssh",
    "sudoers",
    "sudoers.d",
    "systemd",
];

/// What the launcher tells the process that looks.
#[derive(Debug, Serialize, Deserialize)]
struct Order {
    ids: UidMap,
    lowers: Vec<Lower>,
}

/// Lists what a layer itself brings, without what it stands on.
pub fn manifest(launcher: &Launcher, layer: LayerId, org: &OrgId) -> Verb {
    let ids = machines::map_ids(launcher, unpack::holder())?;
    // TRUST: the layer of another organisation is as unknown as one that does not exist.
    layers::resolve(&[layer], org)?;
    let lowers = vec![layers::lower(layer, ids)?];
    let manifest = worker::ask("manifest", &Order { ids, lowers }, &[])
        .map_err(|error| io::Error::other(format!("look through {layer}: {error}")))
        .map_err(Problem::from)?;
    Ok(Answer::Manifest { manifest }.into())
}

/// The process's side.
pub fn run(launcher: OwnedFd) -> io::Result<()> {
    worker::run(launcher, |order: Order, _| {
        let open = || Layers::open(order.ids, &order.lowers);
        worker::in_namespaces(order.ids, open, |layers| look(&layers))
    })
}

fn look(layers: &Layers) -> io::Result<Manifest> {
    let mut manifest = Manifest { entries: Vec::new(), is_whole: true };
    let mut unread = READ_BYTES;
    let mut rooms = [(PLACES, BYTES); 2];
    walk(layers, &mut |node| {
        let Some(kind) = kind(node.path, node.kind, node.mode) else {
            return Ok(ControlFlow::Continue(()));
        };
        let path = node.path.to_string_lossy().into_owned();
        let bytes = serde_json::to_vec(&path)?.len() + ENTRY_BYTES;
        let room = rooms.get_mut(usize::from(kind == EntryKind::Program));
        match room.filter(|(places, left)| *places > 0 && *left >= bytes) {
            Some((places, left)) => {
                (*places, *left) = (*places - 1, *left - bytes);
                manifest.entries.push(Entry { path, kind, digest: digest(node, &mut unread)? });
            }
            None => manifest.is_whole = false,
        }
        Ok(ControlFlow::Continue(()))
    })?;
    manifest.entries.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(manifest)
}

/// What it is, if it runs by itself.
fn kind(path: &Path, kind: FileType, mode: Mode) -> Option<EntryKind> {
    let runs = match kind {
        FileType::Symlink => true,
        FileType::RegularFile => mode.intersects(Mode::XUSR | Mode::XGRP | Mode::XOTH),
        FileType::Directory
        | FileType::CharacterDevice
        | FileType::BlockDevice
        | FileType::Fifo
        | FileType::Socket
        | FileType::Unknown => return None,
    };
    let begins = |below: &Path, known: &[&str]| known.iter().any(|name| below.starts_with(name));
    let of_home = |home: &&str| path.strip_prefix(home).is_ok_and(|rest| begins(rest, &OF_HOME));
    if HOMES.iter().any(of_home)
        || path.strip_prefix("root/etc").is_ok_and(|rest| begins(rest, &OF_SYSTEM))
    {
        return Some(EntryKind::Startup);
    }
    let folder = path.parent()?;
    let is_looked_in = ["bin", "sbin"].iter().any(|name| folder.ends_with(name));
    let of_package = |part: &std::ffi::OsStr| PACKAGES.iter().any(|name| part == *name);
    if !runs || !is_looked_in || folder.iter().any(of_package) {
        return None;
    }
    let name = path.file_name()?;
    let is_known = KNOWN.iter().any(|known| name == *known);
    Some(if is_known { EntryKind::KnownProgram } else { EntryKind::Program })
}

/// Names what it holds, or where it leads. Of what is too large to be read, the moment at which it came to be, so that
/// it is another in each build.
fn digest(node: &Node<'_>, unread: &mut u64) -> io::Result<String> {
    let mut hasher = blake3::Hasher::new();
    if node.kind == FileType::Symlink {
        hasher.update(&node.target()?);
    } else {
        let file = fs::File::from(node.open()?);
        let meta = file.metadata()?;
        match unread.checked_sub(meta.len()) {
            Some(left) => {
                *unread = left;
                hasher.update_reader(file.take(meta.len()))?;
            }
            None => {
                for part in [meta.ctime(), meta.ctime_nsec(), meta.size().cast_signed()] {
                    hasher.update(&part.to_le_bytes());
                }
            }
        }
    }
    Ok(hasher.finalize().to_hex().chars().take(DIGITS).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_and_what_is_read_at_a_start_are_told_from_other_files() {
        let program = Mode::RWXU;
        for (path, mode, expected) in [
            ("home/.local/bin/git", program, Some(EntryKind::KnownProgram)),
            ("home/.local/bin/tsc", program, Some(EntryKind::Program)),
            ("home/.local/bin/notes", Mode::RUSR, None),
            ("root/usr/local/sbin/ssh", program, Some(EntryKind::KnownProgram)),
            ("opt/tool/bin/tool", program, Some(EntryKind::Program)),
            ("workspace/app/bin/git", program, None),
            ("home/.npm/node_modules/x/bin/git", program, None),
            ("home/.bashrc", Mode::RUSR, Some(EntryKind::Startup)),
            ("home/.bashrc.d", Mode::RUSR, None),
            ("home/.config/git/config", Mode::RUSR, Some(EntryKind::Startup)),
            ("root/root/.ssh/authorized_keys", Mode::RUSR, Some(EntryKind::Startup)),
            ("root/etc/profile.d/x.sh", Mode::RUSR, Some(EntryKind::Startup)),
            ("root/etc/passwd", Mode::RUSR, None),
            ("opt/.bashrc", Mode::RUSR, None),
        ] {
            assert_eq!(kind(Path::new(path), FileType::RegularFile, mode), expected, "{path}");
        }
        let link = kind(Path::new("home/bin/git"), FileType::Symlink, Mode::empty());
        assert_eq!(link, Some(EntryKind::KnownProgram));
        assert_eq!(kind(Path::new("home/bin/git"), FileType::Directory, program), None);
    }
}
