//! The host as seen from outside the sandboxes: settings, mounts, control groups, processes, sockets.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Settings that move by themselves.
const MOVING: [&str; 15] = [
    "/random/",
    "dentry-state",
    "inode-nr",
    "inode-state",
    "file-nr",
    "aio-nr",
    "ns_last_pid",
    "pty/nr",
    "nf_conntrack_count",
    "dirty_",
    "sched_domain",
    "netdev_rss_key",
    "route/flush",
    "quota/",
    "kernel/keys",
];
/// How deep control groups are searched.
const DEPTH: usize = 8;

/// All readable settings of the kernel.
pub fn settings() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for part in ["kernel", "vm", "fs", "net"] {
        read_settings(&Path::new("/proc/sys").join(part), &mut found);
    }
    found
}

fn read_settings(dir: &Path, into: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.path().display().to_string());
        if MOVING.iter().any(|part| name.contains(part)) {
            continue;
        }
        if path.is_dir() {
            read_settings(&path, into);
        } else if let Ok(value) = fs::read_to_string(&path) {
            into.insert(name, value);
        }
    }
}

/// One process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its id on the host.
    pub pid: u32,
    /// Its command line.
    pub command: String,
}

/// All processes for which this holds, given their folder in /proc.
pub fn processes(mut holds: impl FnMut(&Path) -> bool) -> Vec<Process> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Ok(pid) = entry.file_name().to_string_lossy().parse() else { continue };
        if holds(&entry.path()) {
            let command = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            found.push(Process {
                pid,
                command: String::from_utf8_lossy(&command).replace('\0', " ").trim().to_owned(),
            });
        }
    }
    found
}

/// Processes inside sandboxes of this agent, told by their control groups.
pub fn processes_of_agent(agent: &str) -> Vec<Process> {
    processes(|folder| {
        fs::read_to_string(folder.join("cgroup")).is_ok_and(|groups| groups.contains(agent))
    })
}

/// Shims of this agent's sandboxes, and what they have started that is in no control group yet: their
/// standard output is the file that says that a sandbox is being built.
pub fn shims_of_agent(agent: &str) -> Vec<Process> {
    processes(|folder| {
        fs::read_link(folder.join("fd/1"))
            .is_ok_and(|file| file.parent().is_some_and(|record| is_record(record, agent)))
    })
}

fn is_record(folder: &Path, agent: &str) -> bool {
    folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&format!("{agent}-e")))
}

/// Who started a process, if both live.
pub fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in brackets may hold anything.
    stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}

/// Sockets of a process that belong to another network namespace than its own, and keep that one.
pub fn foreign_sockets(pid: u32) -> BTreeSet<String> {
    // The column of the inode in each table of the process's own namespace.
    let tables = [("tcp", 9), ("tcp6", 9), ("udp", 9), ("udp6", 9), ("unix", 6), ("netlink", 9)];
    let mut own = BTreeSet::new();
    for (table, column) in tables {
        let text = fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default();
        let inodes = text.lines().skip(1).filter_map(|line| line.split_whitespace().nth(column));
        own.extend(inodes.map(|inode| format!("socket:[{inode}]")));
    }
    let open = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let links = open.filter_map(|entry| fs::read_link(entry.path()).ok());
    let names = links.map(|link| link.display().to_string());
    names.filter(|name| name.starts_with("socket:") && !own.contains(name)).collect()
}

/// Block devices that stand for files below a folder.
fn loop_devices(below: &str) -> Vec<String> {
    let devices = fs::read_dir("/sys/block").into_iter().flatten().flatten();
    let files = devices.map(|device| device.path().join("loop/backing_file"));
    let held = files.filter(|file| fs::read_to_string(file).is_ok_and(|text| text.contains(below)));
    held.map(|file| file.display().to_string()).collect()
}

/// Control groups of this agent's sandboxes.
pub fn groups_of_agent(agent: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    find_groups(Path::new("/sys/fs/cgroup"), agent, DEPTH, &mut found);
    found
}

/// Processes of the server on this data folder: itself, its launcher, its shims.
pub fn processes_of_server(data: &Path) -> Vec<Process> {
    let text = data.display().to_string();
    let data = fs::canonicalize(data).unwrap_or_else(|_| data.to_path_buf());
    processes(|folder| {
        let at =
            |name: &str| fs::read_link(folder.join(name)).is_ok_and(|path| path.starts_with(&data));
        let is_told = || {
            fs::read(folder.join("cmdline"))
                .is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains(&text))
        };
        at("cwd") || at("root") || is_told()
    })
}

/// Who holds the user ids of base images.
const OF_IMAGES: &str = "bc-00000000-0000-0000-0000-000000000001";

/// Everything left on the host of the agents of a data folder; empty when all is gone.
pub fn remains(data: &Path, agents: &[String]) -> Vec<String> {
    let text = data.display().to_string();
    let of_agents = agents
        .iter()
        .flat_map(|agent| processes_of_agent(agent).into_iter().chain(shims_of_agent(agent)));
    let mut found: Vec<String> =
        of_agents.map(|process| format!("process {} {}", process.pid, process.command)).collect();
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    found.extend(
        mounts.lines().filter(|line| line.contains(&text)).map(|line| format!("mount {line}")),
    );
    found.extend(loop_devices(&text).into_iter().map(|device| format!("loop device {device}")));
    for group in agents.iter().flat_map(|agent| groups_of_agent(agent)) {
        found.push(format!("control group {}", group.display()));
    }
    let places = ["sandboxes", "disks", "leases", "trash", "making", "commons"];
    for place in std::iter::once("agents".to_owned())
        .chain(places.iter().map(|place| format!("machines/{place}")))
    {
        for entry in fs::read_dir(data.join(place)).into_iter().flatten().flatten() {
            // The ids of base images belong to no agent, and stay as the images do.
            if fs::read_link(entry.path()).is_ok_and(|holder| holder == Path::new(OF_IMAGES)) {
                continue;
            }
            found.push(format!("file {}", entry.path().display()));
        }
    }
    found
}

fn find_groups(dir: &Path, agent: &str, depth: usize, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        if depth > 0 && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            if entry.file_name().to_string_lossy().contains(agent) {
                found.push(entry.path());
            }
            find_groups(&entry.path(), agent, depth - 1, found);
        }
    }
}
