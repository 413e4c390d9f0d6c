//! The mount table of a sandbox: every place that it must have, and what is mounted there.

use protocol::ids::AgentId;

use super::Presence;
use crate::local::commons::CommonsId;
use crate::local::oci::Kind;

const READ_ONLY: &str = "read-only";
const NO_SUID: &str = "nosuid";
const NO_DEVICES: &str = "nodev";
const NO_EXEC: &str = "noexec";

/// Attributes of memory that may be written.
const MEMORY: &[&str] = &[NO_SUID, NO_DEVICES];
/// Attributes of memory from which nothing is started.
const DATA: &[&str] = &[NO_SUID, NO_DEVICES, NO_EXEC];
/// Attributes of the host's programs.
const PROGRAMS: &[&str] = &[READ_ONLY, NO_SUID, NO_DEVICES];
/// Attributes of what may only be looked at.
const SEALED: &[&str] = &[READ_ONLY, NO_SUID, NO_DEVICES, NO_EXEC];
/// Attributes of a device.
const DEVICE: &[&str] = &[NO_SUID, NO_EXEC];

/// Where the layers of a disk were in reach while they were put together.
const LAYERS: &str = "/.layers";

/// What lies at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// Memory of its own.
    Memory,
    /// A tree or file of the host.
    Host,
    /// A tree of the host, if it has such a one.
    HostIfAny,
    /// A folder of the agent's disk.
    Disk(&'static str),
    /// A device node of the host.
    Device(&'static str),
    /// Terminals of its own.
    Terminals,
    /// Its own view of processes, from this folder on.
    Proc(&'static str),
    /// The same, where the kernel has this part.
    ProcIfAny(&'static str),
    /// A hole in place of a file of `/proc`, where the kernel has that.
    HiddenFile,
    /// A hole in place of a folder of `/proc`, where the kernel has that.
    HiddenFolder,
    /// A file of its own over one of the host's.
    OwnFile(&'static str),
}

/// A place of a sandbox where something is mounted.
#[derive(Debug)]
pub struct Place {
    /// Its path inside.
    pub path: &'static str,
    origin: Origin,
    attributes: &'static [&'static str],
}

const fn at(path: &'static str, origin: Origin, attributes: &'static [&'static str]) -> Place {
    Place { path, origin, attributes }
}

/// Where the programs of a sandbox come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Programs {
    /// They are the host's.
    Host,
    /// A base image brought them.
    Image,
}

/// Where the parts of a sandbox come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// Its programs.
    pub programs: Programs,
    /// What starts its first process, where it is not the shim itself.
    pub runtime: Option<Kind>,
    /// What it shares with other agents, if it does.
    pub commons: Option<CommonsId>,
}

impl From<Programs> for Layout {
    fn from(programs: Programs) -> Self {
        Self { programs, runtime: None, commons: None }
    }
}

impl Layout {
    /// What a folder of the disk is shared with, if it is.
    fn is_shared(self, folder: &str) -> Option<CommonsId> {
        self.commons.filter(|_| folder != "workspace")
    }
}

impl Layout {
    /// Whether what is measured is a kernel of the sandbox's own, and not its first process.
    pub fn is_kernel(self) -> bool {
        self.runtime == Some(Kind::Runsc)
    }
}

/// Every place; a mount anywhere else is one too many.
pub fn places(layout: Layout) -> impl Iterator<Item = &'static Place> {
    let first = match layout.programs {
        Programs::Host => ON_HOST,
        Programs::Image => ON_IMAGE,
    };
    let inside = if layout.runtime.is_some() { BY_RUNTIME } else { &[] };
    first.iter().chain(EVERYWHERE).chain(inside)
}

/// The root of a sandbox with the host's programs.
const ON_HOST: &[Place] = &[
    at("/", Origin::Memory, MEMORY),
    at("/usr", Origin::Host, PROGRAMS),
    at("/bin", Origin::HostIfAny, PROGRAMS),
    at("/sbin", Origin::HostIfAny, PROGRAMS),
    at("/lib", Origin::HostIfAny, PROGRAMS),
    at("/lib64", Origin::HostIfAny, PROGRAMS),
    at("/lib32", Origin::HostIfAny, PROGRAMS),
    at("/libx32", Origin::HostIfAny, PROGRAMS),
    at("/etc/alternatives", Origin::HostIfAny, SEALED),
    at("/etc/fonts", Origin::HostIfAny, SEALED),
    at("/etc/ld.so.conf.d", Origin::HostIfAny, SEALED),
    at("/etc/perl", Origin::HostIfAny, SEALED),
    at("/etc/python3", Origin::HostIfAny, SEALED),
    at("/etc/ssl/certs", Origin::HostIfAny, SEALED),
    at("/etc/ssl/certs/ca-certificates.crt", TRUSTED, PROGRAMS),
    at("/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", TRUSTED, PROGRAMS),
    at("/etc/pki/tls/certs/ca-bundle.crt", TRUSTED, PROGRAMS),
    at("/etc/terminfo", Origin::HostIfAny, SEALED),
    at("/etc/xdg", Origin::HostIfAny, SEALED),
];

/// The root of a sandbox on a base image.
const ON_IMAGE: &[Place] = &[at("/", Origin::Disk("root"), MEMORY)];

/// The certificates that are trusted, where the sandbox has one of its own.
const TRUSTED: Origin = Origin::OwnFile("/ca-bundle.crt");

/// What a sandbox has beside that whose first process a runtime starts.
const BY_RUNTIME: &[Place] = &[at("/opt/errand/bin/errand-shim", Origin::Host, PROGRAMS)];

/// What gVisor's own process sees: nothing, in memory that it cannot write.
pub const KERNEL: &[(&str, &str)] = &[("mount /", "tmpfs /, read-only")];

/// What every sandbox has.
pub const EVERYWHERE: &[Place] = &[
    at("/workspace", Origin::Disk("workspace"), MEMORY),
    at("/home/agent", Origin::Disk("home"), MEMORY),
    at("/opt", Origin::Disk("opt"), MEMORY),
    at("/var/tmp", Origin::Disk("vartmp"), MEMORY),
    at("/opt/errand", Origin::Memory, PROGRAMS),
    at("/opt/errand/bin/errand-guest", Origin::Host, PROGRAMS),
    at("/tmp", Origin::Memory, MEMORY),
    at("/run", Origin::Memory, MEMORY),
    at("/run/errand", Origin::Memory, DATA),
    at("/dev", Origin::Memory, SEALED),
    at("/dev/null", Origin::Device("null"), DEVICE),
    at("/dev/zero", Origin::Device("zero"), DEVICE),
    at("/dev/full", Origin::Device("full"), DEVICE),
    at("/dev/random", Origin::Device("random"), DEVICE),
    at("/dev/urandom", Origin::Device("urandom"), DEVICE),
    at("/dev/tty", Origin::Device("tty"), DEVICE),
    at("/dev/shm", Origin::Memory, DATA),
    at("/dev/pts", Origin::Terminals, DEVICE),
    at("/proc", Origin::Proc("/"), DATA),
    at("/proc/sys", Origin::Proc("/sys"), SEALED),
    at("/proc/bus", Origin::ProcIfAny("/bus"), SEALED),
    at("/proc/fs", Origin::ProcIfAny("/fs"), SEALED),
    at("/proc/irq", Origin::ProcIfAny("/irq"), SEALED),
    at("/proc/kcore", Origin::HiddenFile, DEVICE),
    at("/proc/keys", Origin::HiddenFile, DEVICE),
    at("/proc/timer_list", Origin::HiddenFile, DEVICE),
    at("/proc/sched_debug", Origin::HiddenFile, DEVICE),
    at("/proc/latency_stats", Origin::HiddenFile, DEVICE),
    at("/proc/sysrq-trigger", Origin::HiddenFile, DEVICE),
    at("/proc/acpi", Origin::HiddenFolder, PROGRAMS),
    at("/proc/scsi", Origin::HiddenFolder, PROGRAMS),
    at("/proc/asound", Origin::HiddenFolder, PROGRAMS),
];

impl Place {
    /// Whether the kernel may lack what it is about.
    pub fn is_table(&self) -> bool {
        matches!(self.origin, Origin::ProcIfAny(_) | Origin::HiddenFile | Origin::HiddenFolder)
    }

    /// Whether every sandbox has it, whatever the host.
    pub fn presence(&self) -> Presence {
        let may = matches!(self.origin, Origin::HostIfAny | Origin::OwnFile(_)) || self.is_table();
        if may { Presence::May } else { Presence::Must }
    }

    /// Name of its point in a record.
    pub fn point(&self) -> String {
        format!("mount {}", self.path)
    }

    /// What its point must be.
    pub fn golden(&self, layout: Layout) -> String {
        describe(self.origin.words(layout), self.attributes(layout).iter().copied())
    }

    /// Attributes that its mounts must have. What a runtime mounts itself is as that one does it: no
    /// less read-only, but in part without attributes that no new privileges and the user namespace
    /// make up for, since set-user-id bits and device nodes mean nothing there.
    fn attributes(&self, layout: Layout) -> &'static [&'static str] {
        match (layout.runtime, self.origin) {
            (Some(_), Origin::HiddenFolder) => &[READ_ONLY],
            (Some(Kind::Crun), Origin::Proc("/sys") | Origin::ProcIfAny(_)) => &[READ_ONLY],
            (Some(Kind::Crun), Origin::HiddenFile) => &[],
            (Some(Kind::Crun), _) if self.path == "/" => &[],
            _ => self.attributes,
        }
    }

    /// What it protects from.
    pub fn protects(&self) -> &'static str {
        match self.origin {
            Origin::Host | Origin::HostIfAny => "changes of the host's programs",
            Origin::Disk(_) => "files of the host and of other agents",
            Origin::Proc(_) | Origin::ProcIfAny(_) => "the host's kernel settings",
            Origin::HiddenFile | Origin::HiddenFolder => "the host's kernel tables",
            Origin::Device(_) | Origin::Terminals => "devices and terminals of the host",
            Origin::Memory | Origin::OwnFile(_) => "files of the host",
        }
    }

    /// Whether the host decides what else is mounted below.
    fn holds_trees(&self) -> bool {
        matches!(self.origin, Origin::Host | Origin::HostIfAny)
    }
}

impl Origin {
    fn words(self, layout: Layout) -> &'static str {
        match self {
            Self::Memory | Self::HiddenFolder => "memory",
            Self::Host | Self::HostIfAny => "the host's",
            Self::Disk(folder) if layout.is_shared(folder).is_some() => "the shared disk",
            Self::Disk(_) => "the agent's disk",
            Self::Device(_) => "device",
            Self::HiddenFile => "nothing",
            Self::Terminals => "own terminals",
            Self::Proc(_) | Self::ProcIfAny(_) => "own processes",
            Self::OwnFile(_) => "own file",
        }
    }

    /// Whether this mount is what should be here.
    fn is(self, mount: &Mount<'_>, agent: AgentId, layout: Layout) -> bool {
        match self {
            // Its kind and its place on the host are the host's own affair.
            Self::Host | Self::HostIfAny => true,
            Self::Memory | Self::HiddenFolder => mount.kind == "tmpfs" && mount.root == "/",
            Self::Disk(folder) => match layout.is_shared(folder) {
                Some(commons) => mount.is_shared_disk(folder, commons),
                None => mount.is_disk(folder, agent),
            },
            Self::Device(name) => mount.root.rsplit('/').next() == Some(name),
            Self::HiddenFile => mount.root.rsplit('/').next() == Some("null"),
            Self::Terminals => mount.kind == "devpts" && mount.root == "/",
            Self::Proc(root) | Self::ProcIfAny(root) => mount.kind == "proc" && mount.root == root,
            Self::OwnFile(path) => mount.kind == "tmpfs" && mount.root == path,
        }
    }
}

/// One line of a mount table.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mount<'a> {
    id: &'a str,
    parent: &'a str,
    /// Which part of its file system.
    root: String,
    /// Where.
    point: String,
    attributes: Vec<&'static str>,
    /// Whether mounts spread from or to it.
    shared: bool,
    kind: &'a str,
    options: &'a str,
}

impl Mount<'_> {
    fn is_disk(&self, folder: &str, agent: AgentId) -> bool {
        let plain = format!("/disks/{agent}/{folder}");
        let upper = format!("upperdir={LAYERS}/own/{folder}");
        let is_layers = |option: &str| {
            let lowers = ["lowerdir=", "lowerdir+="].iter().find_map(|n| option.strip_prefix(n));
            lowers.is_none_or(|all| all.split(':').all(|one| one.starts_with(LAYERS)))
        };
        let over_layers = || {
            let mut options = self.options.split(',');
            let is_right = self.kind == "overlay" && self.root == "/";
            is_right && options.clone().all(is_layers) && options.any(|option| option == upper)
        };
        self.root.ends_with(&plain) || over_layers()
    }

    fn is_shared_disk(&self, folder: &str, commons: CommonsId) -> bool {
        self.root.ends_with(&format!("/commons/{commons}/disk/{folder}"))
    }

    fn lies_below(&self, path: &str) -> bool {
        self.point.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'))
    }

    fn covers(&self, point: &str) -> bool {
        let rest = point.strip_prefix(self.point.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || self.point == "/")
    }
}

/// The points of a mount table, and whether a mount is shared with the host.
pub fn points(table: &str, agent: AgentId, layout: impl Into<Layout>) -> Vec<(String, String)> {
    let layout = layout.into();
    let all: Vec<_> = table.lines().filter_map(parse).collect();
    let seen: Vec<_> = all.iter().filter(|mount| is_visible(mount, &all)).collect();
    let mut points: Vec<(String, String)> = Vec::new();
    for place in places(layout) {
        let here: Vec<_> = seen.iter().filter(|mount| mount.point == place.path).collect();
        let Some(first) = here.first() else { continue };
        let right = here.iter().all(|mount| place.origin.is(mount, agent, layout));
        let origin = match right {
            true => place.origin.words(layout).to_owned(),
            false => format!("{} {}", first.kind, first.root),
        };
        let mut parts = here.clone();
        parts.extend(seen.iter().filter(|mount| belongs_below(place, mount, layout)));
        let held = place.attributes(layout).iter().copied();
        let held = held.filter(|name| parts.iter().all(|part| part.attributes.contains(name)));
        points.push((place.point(), describe(&origin, held)));
    }
    let known = |mount: &Mount<'_>| {
        places(layout).any(|place| mount.point == place.path || belongs_below(place, mount, layout))
    };
    points.extend(seen.iter().filter(|mount| !known(mount)).map(|mount| {
        let origin = format!("{} {}", mount.kind, mount.root);
        (format!("mount {}", mount.point), describe(&origin, mount.attributes.iter().copied()))
    }));
    let shared: Vec<_> =
        all.iter().filter(|mount| mount.shared).map(|mount| mount.point.as_str()).collect();
    let shared = if shared.is_empty() { "none".to_owned() } else { shared.join(" ") };
    points.push(("mounts shared with the host".to_owned(), shared));
    points
}

/// Every mount that gVisor's own process can reach, as it is.
pub fn of_kernel(table: &str) -> Vec<(String, String)> {
    let all: Vec<_> = table.lines().filter_map(parse).collect();
    let seen = all.iter().filter(|mount| is_visible(mount, &all));
    seen.map(|mount| {
        let origin = format!("{} {}", mount.kind, mount.root);
        (format!("mount {}", mount.point), describe(&origin, mount.attributes.iter().copied()))
    })
    .collect()
}

/// Whether a mount came along with a tree of the host's, and is no place of its own.
fn belongs_below(place: &Place, mount: &Mount<'_>, layout: Layout) -> bool {
    place.holds_trees()
        && mount.lies_below(place.path)
        && !places(layout).any(|place| place.path == mount.point)
}

fn describe<'a>(origin: &'a str, attributes: impl Iterator<Item = &'a str>) -> String {
    let mut words = vec![origin];
    words.extend(attributes);
    words.join(", ")
}

/// Whether a path can lead into a mount: nothing lies over it or over what it is mounted on.
fn is_visible(mount: &Mount<'_>, all: &[Mount<'_>]) -> bool {
    let topped = |mount: &Mount<'_>| {
        all.iter().any(|other| other.parent == mount.id && other.point == mount.point)
    };
    if topped(mount) {
        return false;
    }
    let mut mount = mount;
    // No chain is longer than the table.
    for _ in all {
        // TRUST: of two on one parent the outer one came later, else it would be the other's parent.
        let hidden = all.iter().any(|other| {
            other.id != mount.id
                && other.id != other.parent
                && other.parent == mount.parent
                && other.covers(&mount.point)
        });
        if hidden {
            return false;
        }
        match all.iter().find(|other| other.id == mount.parent && other.id != mount.id) {
            Some(parent) => mount = parent,
            None => return true,
        }
    }
    true
}

fn parse(line: &str) -> Option<Mount<'_>> {
    let (left, right) = line.split_once(" - ")?;
    let mut left = left.split(' ');
    let (id, parent) = (left.next()?, left.next()?);
    let (root, point, options) = (left.nth(1)?, left.next()?, left.next()?);
    let mut right = right.split(' ');
    let kind = right.next()?;
    let attributes = options.split(',').filter_map(|option| match option {
        "ro" => Some(READ_ONLY),
        "nosuid" => Some(NO_SUID),
        "nodev" => Some(NO_DEVICES),
        "noexec" => Some(NO_EXEC),
        _ => None,
    });
    Some(Mount {
        id,
        parent,
        root: unescape(root),
        point: unescape(point),
        attributes: attributes.collect(),
        shared: left.next().is_some(),
        kind,
        options: right.nth(1).unwrap_or_default(),
    })
}

/// Undoes the octal numbers by which the kernel writes spaces and the like.
fn unescape(text: &str) -> String {
    let mut pieces = text.split('\\');
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let code = piece.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match code {
            Some(code) => {
                out.push(char::from(code));
                out.push_str(piece.get(3..).unwrap_or_default());
            }
            None => {
                out.push('\\');
                out.push_str(piece);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent() -> AgentId {
        AgentId::parse("bc-0190b5a4-7c3e-7bde-8f00-0123456789ab").unwrap()
    }

    fn point(table: &str, name: &str) -> Option<String> {
        points(table, agent(), Programs::Host)
            .into_iter()
            .find(|(point, _)| point == name)
            .map(|(_, value)| value)
    }

    #[test]
    fn only_what_a_path_leads_to_counts() {
        let table = "1 0 0:1 / / rw,nosuid,nodev - tmpfs tmpfs rw\n\
                     2 1 0:2 / /opt/errand rw,nosuid,nodev - tmpfs tmpfs rw\n\
                     3 2 0:3 /g /opt/errand/bin/errand-guest rw - ext4 /dev/x rw\n\
                     4 2 0:2 / /opt/errand ro,nosuid,nodev - tmpfs tmpfs rw\n\
                     5 4 0:3 /g /opt/errand/bin/errand-guest ro,nosuid,nodev - ext4 /dev/x rw\n";
        assert_eq!(point(table, "mount /opt/errand").unwrap(), "memory, read-only, nosuid, nodev");
        let guest = point(table, "mount /opt/errand/bin/errand-guest").unwrap();
        assert_eq!(guest, "the host's, read-only, nosuid, nodev");
    }

    #[test]
    fn what_lies_below_a_tree_of_the_host_counts_as_part_of_it() {
        let table = "1 0 0:1 / / rw,nosuid,nodev - tmpfs tmpfs rw\n\
                     2 1 8:1 /usr /usr ro,nosuid,nodev - ext4 /dev/x rw\n\
                     3 2 8:2 / /usr/local ro,nosuid,nodev - xfs /dev/y rw\n";
        assert_eq!(point(table, "mount /usr").unwrap(), "the host's, read-only, nosuid, nodev");
        assert_eq!(point(table, "mount /usr/local"), None);
        let table = table.replace("/usr/local ro,", "/usr/local rw,");
        assert_eq!(point(&table, "mount /usr").unwrap(), "the host's, nosuid, nodev");
    }

    #[test]
    fn a_base_image_is_the_agents_disk_over_layers_and_nothing_else() {
        let root = |table: &str| {
            let points = points(table, agent(), Programs::Image);
            points.into_iter().find(|(point, _)| point == "mount /").unwrap().1
        };
        let table = "1 0 0:1 / / rw,nosuid,nodev - overlay overlay rw,\
            lowerdir=/.layers/0/root:/.layers/1/root,upperdir=/.layers/own/root,workdir=/w\n";
        assert_eq!(root(table), "the agent's disk, nosuid, nodev");
        for (from, to) in [
            (":/.layers/1/root", ":/"),
            ("lowerdir=/.layers/0/root:/.layers/1/root", "lowerdir+=/old"),
            ("own/root", "own/home"),
            ("/ / rw", "/x / rw"),
        ] {
            assert!(root(&table.replace(from, to)).starts_with("overlay /"), "{to}");
        }
        assert!(
            points(table, agent(), Programs::Host)
                .contains(&("mount /".to_owned(), "overlay /, nosuid, nodev".to_owned()))
        );
    }

    #[test]
    fn a_mount_that_spreads_is_named() {
        let table = "1 0 0:1 / / rw,nosuid,nodev - tmpfs tmpfs rw\n\
                     2 1 8:1 /usr /usr ro,nosuid,nodev shared:4 - ext4 /dev/x rw\n\
                     3 1 8:1 /a\\040b /workspace rw master:1 - ext4 /dev/x rw\n";
        assert_eq!(point(table, "mounts shared with the host").unwrap(), "/usr /workspace");
        assert_eq!(point(table, "mount /workspace").unwrap(), "ext4 /a b");
    }
}
