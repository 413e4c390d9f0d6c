//! What the host looks like, to compare before and after.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::bench::Bench;

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
    "hostname-",
    "netdev_rss_key",
    "ipv6/route/flush",
    "fs/quota/",
];

#[derive(Debug, PartialEq, Eq)]
pub struct Host {
    settings: BTreeMap<String, String>,
    mounts: Vec<String>,
    groups: Vec<String>,
}

impl Host {
    pub fn look() -> Self {
        let mut settings = BTreeMap::new();
        for part in ["kernel", "vm", "fs", "net"] {
            read_settings(&Path::new("/proc/sys").join(part), &mut settings);
        }
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        Self { settings, mounts: mounts.lines().map(str::to_owned).collect(), groups: Vec::new() }
    }

    pub fn assert_unchanged(&self) {
        let now = Self::look();
        for (name, value) in &self.settings {
            assert_eq!(now.settings.get(name), Some(value), "{name} changed on the host");
        }
        assert_eq!(now.mounts, self.mounts, "the host's mounts changed");
    }
}

fn read_settings(dir: &Path, into: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = path.display().to_string();
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

/// Control groups of this key, in any hierarchy.
pub fn groups_of(key: &str) -> Vec<String> {
    let mut found = Vec::new();
    find_groups(Path::new("/sys/fs/cgroup"), key, 0, &mut found);
    found
}

fn find_groups(dir: &Path, key: &str, depth: usize, found: &mut Vec<String>) {
    if depth > 6 {
        return;
    }
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        if entry.file_name().to_string_lossy().contains(key) {
            found.push(entry.path().display().to_string());
        }
        find_groups(&entry.path(), key, depth + 1, found);
    }
}

/// Processes started from this bench's state directory, or by its sandboxes.
pub fn processes_of(bench: &Bench) -> Vec<String> {
    let state = fs::canonicalize(&bench.config.launcher.state_dir).unwrap();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let cwd = fs::read_link(entry.path().join("cwd")).unwrap_or_default();
        let name = fs::read_to_string(entry.path().join("cmdline")).unwrap_or_default();
        let is_role = name.contains("shim\0") || name.contains("holder\0");
        if cwd == state && is_role && !name.contains("launcher") {
            found.push(name.replace('\0', " "));
        }
    }
    found
}
