//! The file tree of a sandbox: a fresh root in memory, the host's programs read-only, the agent's
//! own disk, and a small synthetic `/etc`; or a base image in place of memory and programs
//! ([`base`]).
//!
//! TRUST: the agent's disk may hold anything a former epoch left there, links included, and where agents
//! share it another one may be writing to it right now. So the new root is entered first, the host's is
//! let go, and only then a path on the disk is followed: a planted link can lead nowhere but into the
//! sandbox itself.

use std::ffi::CString;
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{lchown, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::CWD;
use rustix::mount::{
    MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags, mount,
    mount_change, move_mount, open_tree, unmount,
};

use super::disk::AGENT_UID;
use super::request::{ShimOrder, UidMap};
use super::stack::Disk;
use super::sys::{self, attr};
use super::{base, commons, etc, record};
use crate::provider::SandboxSpec;

/// Bytes of the root file system itself, which holds `/etc` and empty directories.
const ROOT_BYTES: u64 = 16 * 1024 * 1024;
/// Bytes of `/run`.
const RUN_BYTES: u64 = 16 * 1024 * 1024;
/// Bytes of `/dev`.
const SMALL_BYTES: u64 = 1024 * 1024;
/// Bytes of the directory that holds the guest's place and the trusted certificates.
const GUEST_BYTES: u64 = 8 * 1024 * 1024;
/// Where the new root is first attached; any directory that every host has.
const STAGE: &str = "/tmp";
/// Where the host's root hangs until it is let go.
const OLD: &str = "/.old";
/// Where processes are seen.
const PROC: &str = "/proc";
/// Group that owns terminals.
const TTY_GID: u32 = 5;
/// Devices that every program expects.
const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];
/// Directories of a merged host that may be links into `/usr`.
const USR_PARTS: [&str; 6] = ["bin", "sbin", "lib", "lib64", "lib32", "libx32"];
/// Files of `/proc` that tell about the host or act on it.
pub const MASKED_FILES: [&str; 6] =
    ["kcore", "keys", "timer_list", "sched_debug", "latency_stats", "sysrq-trigger"];
/// Directories of `/proc` that tell about the host.
pub const MASKED_DIRS: [&str; 3] = ["acpi", "scsi", "asound"];
/// Parts of `/proc` that may be read only.
pub const READ_ONLY: [&str; 4] = ["sys", "bus", "fs", "irq"];

/// A step of the building and why it failed.
#[derive(Debug)]
pub struct RootError {
    /// Which step.
    pub step: &'static str,
    /// Why.
    pub error: io::Error,
}

/// Says at which step something failed.
pub fn at(step: &'static str) -> impl Fn(io::Error) -> RootError {
    move |error| RootError { step, error }
}

/// A detached copy of one of the host's file trees, and where it goes.
#[derive(Debug)]
struct Tree {
    target: PathBuf,
    is_dir: bool,
    fd: OwnedFd,
}

/// Every tree from outside that a sandbox gets to see.
#[derive(Debug)]
pub struct Trees {
    trees: Vec<Tree>,
    disk: Disk,
}

impl Trees {
    /// Copies the trees. The shim does it as root, since the child may not enter the state
    /// directory; for an ordinary user the child does it, since only it has the capability.
    pub fn open(order: &ShimOrder) -> io::Result<Self> {
        const PROGRAMS: u64 = attr::RDONLY | attr::NOSUID | attr::NODEV;
        let own = record::disk(order.spec.key.agent);
        let disk = match order.commons {
            Some(commons) => Disk::open_shared(&own, &commons::disk(commons))?,
            None => Disk::open(&own, order.uids, &order.lowers)?,
        };
        let mut trees = Self { trees: Vec::new(), disk };
        if !order.is_on_base() {
            trees.add_host(PROGRAMS)?;
        }
        for device in DEVICES {
            let target = Path::new("dev").join(device);
            trees.add(&Path::new("/dev").join(device), target, attr::NOSUID | attr::NOEXEC)?;
        }
        trees.add(&order.guest, super::child::GUEST_PATH.trim_start_matches('/'), PROGRAMS)?;
        if order.runtime.is_some() {
            let inside = super::oci::bundle::INSIDE.trim_start_matches('/');
            trees.add(Path::new("/proc/self/exe"), inside, PROGRAMS)?;
        }
        Ok(trees)
    }

    /// The host's programs, and what they need of its settings.
    fn add_host(&mut self, attributes: u64) -> io::Result<()> {
        self.add(Path::new("/usr"), "usr", attributes)?;
        for part in USR_PARTS.map(|part| Path::new("/").join(part)) {
            if part.symlink_metadata().is_ok_and(|meta| meta.is_dir()) {
                self.add(&part, part.strip_prefix("/").unwrap_or(&part), attributes)?;
            }
        }
        for dir in etc::BOUND {
            let source = Path::new("/etc").join(dir);
            if source.is_dir() {
                self.add(&source, Path::new("etc").join(dir), attributes | attr::NOEXEC)?;
            }
        }
        Ok(())
    }

    /// Puts the agent's disk in its places below this directory.
    pub fn mount_disk(&self, below: &Path) -> io::Result<()> {
        self.disk.mount(below)
    }

    fn add(
        &mut self,
        source: &Path,
        target: impl Into<PathBuf>,
        attributes: u64,
    ) -> io::Result<()> {
        let target = target.into();
        let fd = copy_tree(source, attributes)?;
        let is_dir = source.metadata()?.is_dir();
        self.trees.push(Tree { target, is_dir, fd });
        Ok(())
    }

    /// Attaches the trees whose place lies below `part`, or exactly there.
    fn attach(&self, part: &str) -> io::Result<()> {
        for tree in self.trees.iter().filter(|tree| tree.target.starts_with(part)) {
            let target = Path::new("/").join(&tree.target);
            if tree.is_dir {
                fs::create_dir_all(&target)?;
            } else if target.symlink_metadata().is_err() {
                fs::write(&target, "")?;
            }
            attach(&tree.fd, &target)?;
        }
        Ok(())
    }
}

/// Has a detached tree appear at this place.
pub fn attach(tree: &OwnedFd, place: &Path) -> io::Result<()> {
    Ok(move_mount(tree, "", CWD, place, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?)
}

/// A detached copy of a file tree, with these attributes.
pub fn copy_tree(source: &Path, attributes: u64) -> io::Result<OwnedFd> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_RECURSIVE;
    let named = |e: io::Error| io::Error::new(e.kind(), format!("{}: {e}", source.display()));
    let fd = open_tree(CWD, source, flags).map_err(|e| named(e.into()))?;
    sys::set_mount_attributes(fd.as_fd(), attributes).map_err(named)?;
    Ok(fd)
}

/// Builds the tree and enters it.
pub fn build(order: &ShimOrder, trees: Option<Trees>) -> Result<(), RootError> {
    furnish(order, trees)?;
    allow_low_ports();
    mask_proc().map_err(at("mask /proc"))
}

/// The same for a runtime, which shows processes itself, those of another namespace.
pub fn build_without_processes(order: &ShimOrder, trees: Option<Trees>) -> Result<(), RootError> {
    furnish(order, trees)?;
    unmount(PROC, UnmountFlags::DETACH).map_err(|e| at("clear /proc")(e.into()))
}

/// Enters the new root, and puts everything there in place.
fn furnish(order: &ShimOrder, trees: Option<Trees>) -> Result<(), RootError> {
    let (spec, uids) = (&order.spec, order.uids);
    make_mounts_private().map_err(at("make mounts private"))?;
    let trees = match trees {
        Some(trees) => trees,
        None => Trees::open(order).map_err(at("open the host's file trees"))?,
    };
    let is_on_base = order.is_on_base();
    let etc = match is_on_base {
        true => Ok(etc::Etc::own(spec)),
        false => etc::Etc::read(spec),
    };
    let etc = etc.map_err(at("read the host's /etc"))?;
    enter().map_err(at("enter the new root"))?;
    if is_on_base {
        base::enter(&trees)?;
        base::write_etc(&etc).map_err(at("write /etc"))?;
    } else {
        fill(&trees, &etc).map_err(at("fill the new root"))?;
        // The kernel shows them only to who can see them already: before the host's root is gone.
        fs::create_dir(PROC).and_then(|()| mount_proc(PROC)).map_err(at("mount /proc"))?;
        leave_host().map_err(at("let go of the host's root"))?;
    }
    attach_guest(&trees, &etc).map_err(at("bring the guest"))?;
    if !is_on_base {
        // On an image the file is the agent's to replace, as programs that look after it do, and what is mounted
        // cannot be; there the variables say where everything is that is trusted.
        etc.show_certificate().map_err(at("trust the gateway"))?;
    }
    mount_memory(spec).map_err(at("make /tmp and /run"))?;
    mount_devices(spec, uids, &trees).map_err(at("make /dev"))?;
    own_places(uids).map_err(at("give the agent its places"))
}

/// Lets no mount of ours be seen elsewhere.
pub fn make_mounts_private() -> io::Result<()> {
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    Ok(mount_change("/", private)?)
}

/// Mounts a file system in memory.
pub fn tmpfs(target: &str, bytes: u64, mode: &str, flags: MountFlags) -> io::Result<()> {
    let inodes = (bytes / 4096).max(1024);
    let data = CString::new(format!("size={bytes},mode={mode},nr_inodes={inodes}"))?;
    let flags = flags | MountFlags::NOSUID | MountFlags::NODEV;
    Ok(mount("tmpfs", target, "tmpfs", flags, Some(data.as_c_str()))?)
}

/// Enters an empty root; the host's hangs below it.
pub fn enter() -> io::Result<()> {
    tmpfs(STAGE, ROOT_BYTES, "755", MountFlags::empty())?;
    rustix::process::chdir(STAGE)?;
    fs::create_dir(OLD.trim_start_matches('/'))?;
    rustix::process::pivot_root(".", OLD.trim_start_matches('/'))?;
    Ok(rustix::process::chdir("/")?)
}

/// Puts together a root from the host's programs.
fn fill(trees: &Trees, etc: &etc::Etc) -> io::Result<()> {
    for part in USR_PARTS {
        if let Ok(target) = fs::read_link(Path::new(OLD).join(part)) {
            symlink(target, Path::new("/").join(part))?;
        }
        trees.attach(part)?;
    }
    trees.attach("usr")?;
    for dir in ["etc", "var/cache", "var/lib", "var/log", "home", "root", "mnt", "srv", "tmp"] {
        fs::create_dir_all(Path::new("/").join(dir))?;
    }
    symlink("/run", "/var/run")?;
    etc.write()?;
    trees.attach("etc")?;
    trees.mount_disk(Path::new("/"))
}

fn mount_memory(spec: &SandboxSpec) -> io::Result<()> {
    let limits = &spec.limits;
    tmpfs("/tmp", limits.tmp_bytes, "1777", MountFlags::empty())?;
    base::real_dir(Path::new("/run"))?;
    tmpfs("/run", RUN_BYTES, "755", MountFlags::empty())?;
    fs::create_dir("/run/lock")?;
    fs::create_dir("/run/errand")?;
    tmpfs("/run/errand", limits.spool_bytes, "700", MountFlags::NOEXEC)
}

/// The read-only place of the guest, and of the certificate, on the agent's `/opt`.
fn attach_guest(trees: &Trees, etc: &etc::Etc) -> io::Result<()> {
    let place = Path::new("/opt/errand");
    // TRUST: a former epoch's root may have put a link or a file here.
    base::real_dir(place)?;
    tmpfs("/opt/errand", GUEST_BYTES, "755", MountFlags::empty())?;
    fs::create_dir("/opt/errand/bin")?;
    trees.attach("opt/errand/bin")?;
    symlink("errand-guest", "/opt/errand/bin/sudo")?;
    etc.write_certificate()?;
    make_read_only("/opt/errand")
}

fn mount_devices(spec: &SandboxSpec, uids: UidMap, trees: &Trees) -> io::Result<()> {
    base::real_dir(Path::new("/dev"))?;
    tmpfs("/dev", SMALL_BYTES, "755", MountFlags::NOEXEC)?;
    trees.attach("dev")?;
    fs::create_dir("/dev/pts")?;
    fs::create_dir("/dev/shm")?;
    tmpfs("/dev/shm", spec.limits.shm_bytes, "1777", MountFlags::NOEXEC)?;
    let group = match uids {
        UidMap::Range { .. } => format!(",gid={TTY_GID}"),
        UidMap::Single { .. } => String::new(),
    };
    let data = CString::new(format!("newinstance,ptmxmode=0666,mode=0620{group}"))?;
    let flags = MountFlags::NOSUID | MountFlags::NOEXEC;
    mount("devpts", "/dev/pts", "devpts", flags, Some(data.as_c_str()))?;
    for (name, target) in [
        ("ptmx", "pts/ptmx"),
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
    ] {
        symlink(target, Path::new("/dev").join(name))?;
    }
    make_read_only_shallow("/dev")
}

/// Shows the sandbox's own processes at this place.
pub fn mount_proc(place: &str) -> io::Result<()> {
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    Ok(mount("proc", place, "proc", flags, None)?)
}

/// Convenience, not a wall: development servers may use low ports of their own `lo`.
pub fn allow_low_ports() {
    fs::write("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0").ok();
}

fn mask_proc() -> io::Result<()> {
    for path in READ_ONLY.map(|name| Path::new("/proc").join(name)) {
        if path.exists() {
            make_read_only(&path)?;
        }
    }
    for path in MASKED_FILES.map(|name| Path::new("/proc").join(name)) {
        if path.exists() {
            rustix::mount::mount_bind("/dev/null", &path)?;
        }
    }
    for path in MASKED_DIRS.map(|name| format!("/proc/{name}")) {
        if Path::new(&path).exists() {
            tmpfs(&path, 4096, "555", MountFlags::RDONLY)?;
        }
    }
    Ok(())
}

/// Lays a read-only copy of a tree over itself.
fn make_read_only(path: impl AsRef<Path>) -> io::Result<()> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_RECURSIVE;
    let tree = open_tree(CWD, path.as_ref(), flags)?;
    let attributes = attr::RDONLY | attr::NOSUID | attr::NODEV;
    sys::set_mount_attributes(tree.as_fd(), attributes)?;
    Ok(move_mount(&tree, "", CWD, path.as_ref(), MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?)
}

/// Makes one mount read-only and leaves what is mounted on it as it is.
fn make_read_only_shallow(path: &str) -> io::Result<()> {
    let flags = MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NOEXEC | MountFlags::NODEV;
    Ok(rustix::mount::mount_remount(path, flags | MountFlags::BIND, "")?)
}

fn own_places(uids: UidMap) -> io::Result<()> {
    let artifacts = Path::new("/workspace/.artifacts");
    if artifacts.symlink_metadata().is_err() {
        fs::create_dir(artifacts)?;
        if let UidMap::Range { .. } = uids {
            lchown(artifacts, Some(AGENT_UID), Some(AGENT_UID))?;
        }
    }
    let cursor = Path::new("/opt/cursor");
    if cursor.symlink_metadata().is_err() {
        fs::create_dir(cursor)?;
        symlink(artifacts, cursor.join("artifacts"))?;
    }
    Ok(())
}

/// Lets go of the host's root.
pub fn leave_host() -> io::Result<()> {
    unmount(OLD, UnmountFlags::DETACH)?;
    fs::remove_dir(OLD)
}
