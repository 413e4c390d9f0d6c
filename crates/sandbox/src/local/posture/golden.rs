//! The golden records: what a sandbox must show, with `sudo` and without, as made by root and by an
//! ordinary user.
//!
//! What a host cannot give is left out here only where the isolation report names it as reduced or
//! missing: limits without a control group, ids of its own without root.

use protocol::ids::AgentId;

use super::mounts::{self, Place};
use super::{Golden, Presence, UidMap};
use crate::provider::Posture;

pub use super::mounts::{Layout, Programs};
use crate::local::commons::CommonsId;
use crate::local::oci::Kind;

/// Ids of one sandbox.
const RANGE: u32 = 65_536;
/// The one id that a sandbox of an ordinary user has.
const AGENT: u32 = 1000;
/// What the guest of a sandbox with its own ids holds: CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL,
/// SETGID, SETUID, and SETPCAP to take them from others.
const GUEST_CAPABILITIES: &str = "00000000000001fb";
/// What `sudo` inside can have: the same without SETPCAP.
const SUDO_CAPABILITIES: &str = "00000000000000fb";
/// What gVisor holds beside the guest's: SYS_PTRACE, which it steers the guest's processes with, and
/// DAC_READ_SEARCH, which opens files that DAC_OVERRIDE opens as well.
const GVISOR_CAPABILITIES: &str = "00000000000801ff";
const NO_CAPABILITIES: &str = "0000000000000000";
/// Filters of system calls that a guest gets beside those that hold for its launcher.
const FILTERS: u32 = if cfg!(target_arch = "x86_64") { 3 } else { 2 };
/// Namespaces that agents have in common where they share a sandbox.
const SHARED: [&str; 4] = ["user", "pid", "ipc", "uts"];
/// Open files of one process.
const OPEN_FILES: u64 = 65_536;

/// What was asked for, as far as it shows in a posture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Whether `sudo` works.
    pub posture: Posture,
    /// How ids map.
    pub uids: UidMap,
    /// Whose disk it stands on.
    pub agent: AgentId,
    /// What its programs are.
    pub programs: Programs,
    /// What starts its first process, where it is not the shim itself.
    pub runtime: Option<Kind>,
    /// What it shares with other agents, if it does.
    pub commons: Option<CommonsId>,
    /// Processes of an ordinary user's sandbox.
    pub processes: u32,
    /// Control groups that were made.
    pub groups: usize,
    /// Limits that this host could give, with their values.
    pub limits: Vec<(String, String)>,
}

impl Wanted {
    /// Where its parts come from.
    pub fn layout(&self) -> Layout {
        Layout { programs: self.programs, runtime: self.runtime, commons: self.commons }
    }
}

/// What holds for the process that measures, and so for all that it starts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ground {
    /// Its namespaces.
    pub namespaces: Vec<(&'static str, String)>,
    /// Namespaces that its sandbox shares with those of other agents.
    pub shared: Vec<(&'static str, String)>,
    /// Its supplementary groups.
    pub groups: String,
    /// Filters of system calls that it runs under.
    pub filters: u32,
    /// Open files that it may allow; nothing is no limit.
    pub open_files: Option<u64>,
    /// Processes that its user may have, soft and hard, in the kernel's words.
    pub processes: (String, String),
    /// How soon the kernel ends it when memory runs out.
    pub oom_score_adj: i32,
    /// Which of [`tables`] this kernel has.
    pub tables: Vec<&'static str>,
}

/// Parts of `/proc` that tell about the host or act on it, and that not every kernel has.
pub fn tables() -> impl Iterator<Item = &'static str> {
    mounts::EVERYWHERE.iter().filter(|place| place.is_table()).map(|place| place.path)
}

/// The golden record of what was asked for, on this ground.
pub fn golden(wanted: &Wanted, ground: &Ground) -> Golden {
    let who = match wanted.uids {
        UidMap::Range { .. } => "root",
        UidMap::Single { .. } => "an ordinary user",
    };
    let posture = match wanted.posture {
        Posture::Sudo => "sudo",
        Posture::None => "none",
    };
    let programs = match wanted.programs {
        Programs::Host => "",
        Programs::Image => ", on a base image",
    };
    let runtime = wanted.runtime.map(|kind| format!(", started by {}", kind.name()));
    let runtime = runtime.unwrap_or_default();
    let shared = if wanted.commons.is_some() { ", shared with other agents" } else { "" };
    let mut golden = Golden::new(format!("{posture}, made by {who}{programs}{runtime}{shared}"));
    namespaces(&mut golden, wanted);
    identity(&mut golden, wanted, ground);
    groups(&mut golden, wanted);
    surroundings(&mut golden);
    if wanted.layout().is_kernel() {
        kernel(&mut golden, ground);
        return golden;
    }
    privileges(&mut golden, wanted, ground);
    limits(&mut golden, wanted, ground);
    golden.must("mounts shared with the host", "none", "mounts that appear on the other side");
    for place in mounts::places(wanted.layout()) {
        let presence = presence(place, ground);
        golden.add(presence, place.point(), place.golden(wanted.layout()), place.protects());
    }
    golden
}

/// What gVisor's own process shows. System calls of the guest end in it; what it may do itself is
/// what matters to the host.
fn kernel(golden: &mut Golden, ground: &Ground) {
    const KERNEL: &str =
        "mounting, raw sockets, devices, kernel modules, by who broke out of gVisor";
    golden.must("capabilities inheritable", GUEST_CAPABILITIES, KERNEL);
    for set in ["permitted", "effective", "bounding"] {
        golden.must(format!("capabilities {set}"), GVISOR_CAPABILITIES, KERNEL);
    }
    golden.must("capabilities ambient", NO_CAPABILITIES, KERNEL);
    golden.must("no new privileges", "1", "set-user-id programs");
    let calls = "system calls that gVisor itself has no use for";
    golden.must("system call filter", "2", calls);
    golden.must("system call filters", (ground.filters + 1).to_string(), calls);
    golden.must("tracer", "0", "somebody who steers gVisor");
    for (point, value) in mounts::KERNEL {
        golden.must(*point, *value, "files of the host and of other agents");
    }
}

fn namespaces(golden: &mut Golden, wanted: &Wanted) {
    for (name, protects) in [
        ("user", "settings of the host that only its root may change"),
        ("mnt", "the host's files"),
        ("pid", "processes of the host and of other sandboxes"),
        ("net", "every network but the gateway"),
        ("ipc", "shared memory of others"),
        ("uts", "a change of the host's name"),
        ("cgroup", "the layout of the host's control groups"),
    ] {
        let is_shared = wanted.commons.is_some() && SHARED.contains(&name);
        let value = if is_shared { "shared" } else { "own" };
        golden.must(format!("namespace {name}"), value, protects);
    }
}

fn identity(golden: &mut Golden, wanted: &Wanted, ground: &Ground) {
    const OTHERS: &str = "other sandboxes and the host's users";
    let (user, group, users, groups, supplementary) = match wanted.uids {
        UidMap::Range { base } => {
            let map = format!("0 {base} {RANGE}");
            (base, base, map.clone(), map, "none")
        }
        UidMap::Single { uid, gid } => {
            let map = |id: u32| format!("{AGENT} {id} 1");
            (uid, gid, map(uid), map(gid), ground.groups.as_str())
        }
    };
    golden.must("user ids", users, OTHERS);
    golden.must("group ids", groups, OTHERS);
    golden.must("the host's root", "not mapped", "root of the host");
    // Real, effective, saved, and for files.
    golden.must("user", [user.to_string().as_str(); 4].join(" "), OTHERS);
    golden.must("group", [group.to_string().as_str(); 4].join(" "), OTHERS);
    golden.must("supplementary groups", supplementary, "files of the host's groups");
    let set = match wanted.uids {
        UidMap::Range { .. } => "allow",
        UidMap::Single { .. } => "deny",
    };
    golden.must("setting groups", set, "leaving a group that something is kept from");
}

fn privileges(golden: &mut Golden, wanted: &Wanted, ground: &Ground) {
    const KERNEL: &str = "mounting, raw sockets, devices, kernel modules";
    let (held, bounding) = match (wanted.uids, wanted.posture) {
        (UidMap::Range { .. }, Posture::Sudo) => (GUEST_CAPABILITIES, SUDO_CAPABILITIES),
        (UidMap::Range { .. }, Posture::None) => (GUEST_CAPABILITIES, NO_CAPABILITIES),
        (UidMap::Single { .. }, _) => (NO_CAPABILITIES, NO_CAPABILITIES),
    };
    for set in ["inheritable", "permitted", "effective"] {
        golden.must(format!("capabilities {set}"), held, KERNEL);
    }
    golden.must("capabilities bounding", bounding, KERNEL);
    golden.must("capabilities ambient", NO_CAPABILITIES, KERNEL);
    golden.must("no new privileges", "1", "set-user-id programs");
    let calls = "rarely used parts of the kernel, nested namespaces, the hypervisor's sockets";
    golden.must("system call filter", "2", calls);
    golden.must("system call filters", (ground.filters + FILTERS).to_string(), calls);
    golden.must("tracer", "0", "somebody who steers the guest");
    let place = if wanted.commons.is_some() { "a later one" } else { "1" };
    golden.must("place in its process namespace", place, "a guest that others can end");
    golden.must("session", "its own", "terminals of the host");
    let kept = "0 null, 1 pipe, 2 pipe, 3 socket";
    golden.must("descriptors", kept, "files and sockets of the host that stayed open");
}

fn limits(golden: &mut Golden, wanted: &Wanted, ground: &Ground) {
    let both = |limit: u64| format!("{limit} {limit}");
    let at_most = |limit: u64, hard: Option<u64>| both(hard.map_or(limit, |hard| hard.min(limit)));
    golden.must("core files", both(0), "memory of the guest on a disk");
    let files = at_most(OPEN_FILES, ground.open_files);
    golden.must("open files", files, "using up the host's table of open files");
    let (soft, hard) = &ground.processes;
    let processes = match wanted.uids {
        UidMap::Range { .. } => format!("{soft} {hard}"),
        UidMap::Single { .. } => at_most(u64::from(wanted.processes), hard.parse().ok()),
    };
    golden.must("processes of the user", processes, "fork bombs");
}

fn groups(golden: &mut Golden, wanted: &Wanted) {
    let first = "the host's processes ended before a sandbox when memory runs out";
    golden.must("when memory runs out", "not after its launcher", first);
    let groups = wanted.groups.to_string();
    golden.must("control groups", groups, "processes that escape their limits and their end");
    for (name, value) in &wanted.limits {
        golden.must(name, value, "a sandbox that takes what others need");
    }
}

fn surroundings(golden: &mut Golden) {
    golden.must("interfaces", "lo", "every network but the gateway");
    golden.must("routes", "none", "every network but the gateway");
}

fn presence(place: &Place, ground: &Ground) -> Presence {
    if place.is_table() && ground.tables.contains(&place.path) {
        return Presence::Must;
    }
    place.presence()
}
