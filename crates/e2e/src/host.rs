//! The host as seen from outside the sandboxes: settings, mounts, control groups, processes.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

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
    let of_agents = agents.iter().flat_map(|agent| processes_of_agent(agent));
    let mut found: Vec<String> =
        of_agents.map(|process| format!("process {} {}", process.pid, process.command)).collect();
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    found.extend(
        mounts.lines().filter(|line| line.contains(&text)).map(|line| format!("mount {line}")),
    );
    for agent in agents {
        find_groups(Path::new("/sys/fs/cgroup"), agent, DEPTH, &mut found);
    }
    for place in
        ["agents", "machines/sandboxes", "machines/disks", "machines/leases", "machines/trash"]
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

fn find_groups(dir: &Path, agent: &str, depth: usize, found: &mut Vec<String>) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        if depth > 0 && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            if entry.file_name().to_string_lossy().contains(agent) {
                found.push(format!("control group {}", entry.path().display()));
            }
            find_groups(&entry.path(), agent, depth - 1, found);
        }
    }
}
