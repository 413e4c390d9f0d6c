//! The file tree of a sandbox on a base image: the image with the agent's own changes over it, and on
//! that the same places as in every sandbox.
//!
//! TRUST: with `sudo` a former epoch may have put anything anywhere in this root, links to whatever is
//! outside included. So the host's root is let go before a single path below it is followed, and what
//! is in the way of a place of ours makes room for it.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::Path;

use rustix::fs::OFlags;
use rustix::mount::{UnmountFlags, unmount};

use super::etc::Etc;
use super::root::{self, RootError, Trees, at};

/// Where the new root is put together.
const NEW: &str = "/.root";
/// Where processes are seen until the new root is there: the kernel shows them to a namespace only
/// where it can see them already, and by then the host's root is gone.
const PROCESSES: &str = "/.proc";
/// Directories that every sandbox expects, beside those of the agent's disk.
const DIRECTORIES: [&str; 9] =
    ["/dev", "/etc", "/home", "/proc", "/run", "/sys", "/tmp", "/var", "/workspace"];
/// The agent, as programs look it up. Before everybody else with the same number.
const AGENT: [(&str, &str, &str); 3] = [
    (
        "/etc/passwd",
        "agent:x:1000:1000:agent:/home/agent:/bin/bash",
        "root:x:0:0:root:/root:/bin/bash\n",
    ),
    ("/etc/group", "agent:x:1000:", "root:x:0:\ntty:x:5:\n"),
    ("/etc/shadow", "agent:*:::::::", "root:*:::::::\n"),
];
/// Bytes of a file that is read here.
const FILE_BYTES: u64 = 4 * 1024 * 1024;

/// Enters the image, when nothing but memory has been entered so far.
pub fn enter(trees: &Trees) -> Result<(), RootError> {
    fs::create_dir(PROCESSES)
        .and_then(|()| root::mount_proc(PROCESSES))
        .map_err(at("mount /proc"))?;
    root::leave_host().map_err(at("let go of the host's root"))?;
    let entered = || {
        fs::create_dir(NEW)?;
        trees.mount_disk(Path::new(NEW))?;
        for dir in DIRECTORIES {
            real_dir(&Path::new(NEW).join(dir.trim_start_matches('/')))?;
        }
        rustix::mount::mount_move(PROCESSES, format!("{NEW}/proc"))?;
        rustix::process::chdir(NEW)?;
        rustix::process::pivot_root(".", ".")?;
        unmount(".", UnmountFlags::DETACH)?;
        Ok(rustix::process::chdir("/")?)
    };
    entered().map_err(at("enter the base image"))
}

/// Makes a new image what a sandbox expects.
pub fn furnish() -> io::Result<()> {
    for dir in DIRECTORIES {
        real_dir(Path::new(dir))?;
    }
    for dir in ["/home/agent", "/opt", "/root", "/var/tmp"] {
        real_dir(Path::new(dir))?;
    }
    for (file, line, otherwise) in AGENT {
        let file = Path::new(file);
        let text = read(file)?.unwrap_or_else(|| otherwise.as_bytes().to_vec());
        let text = String::from_utf8_lossy(&text).into_owned();
        let mut lines: Vec<_> = text.lines().filter(|line| !line.starts_with("agent:")).collect();
        // Programs expect root first.
        lines
            .insert(usize::from(lines.first().is_some_and(|line| line.starts_with("root:"))), line);
        write(file, (lines.join("\n") + "\n").as_bytes())?;
    }
    fs::set_permissions("/etc/shadow", fs::Permissions::from_mode(0o640))?;
    for (name, target) in [("/etc/mtab", "/proc/self/mounts"), ("/var/run", "/run")] {
        if Path::new(name).symlink_metadata().is_err() {
            symlink(target, name)?;
        }
    }
    Ok(())
}

/// Writes what differs between sandboxes into `/etc`.
pub fn write_etc(etc: &Etc) -> io::Result<()> {
    for (name, bytes) in &etc.files {
        write(&Path::new("/etc").join(name), bytes)?;
    }
    Ok(())
}

/// Makes sure that this is a directory and no link; whatever else is there goes.
pub fn real_dir(path: &Path) -> io::Result<()> {
    if path.symlink_metadata().is_ok_and(|there| there.is_dir()) {
        return Ok(());
    }
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        real_dir(parent)?;
    }
    clear(path)?;
    fs::DirBuilder::new().mode(0o755).create(path)
}

/// Removes whatever is there.
pub fn clear(path: &Path) -> io::Result<()> {
    match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(there) if there.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
    }
}

/// A plain file, if there is one: nothing is waited for, and no link is followed.
pub fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    let opened = fs::OpenOptions::new().read(true).custom_flags(flags).open(path);
    let Some(file) = opened.ok().filter(|file| file.metadata().is_ok_and(|meta| meta.is_file()))
    else {
        return Ok(None);
    };
    let mut bytes = Vec::new();
    file.take(FILE_BYTES).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

/// Writes a file in place of whatever is there.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        real_dir(parent)?;
    }
    clear(path)?;
    let mut new = fs::OpenOptions::new();
    new.write(true).create_new(true).mode(0o644).open(path)?.write_all(bytes)
}
