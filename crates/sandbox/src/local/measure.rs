//! Measures the first process of a sandbox from outside, and lets it go on only if all is as the
//! golden record says.
//!
//! It is measured twice. First when every wall stands and it is about to become the guest: it waits,
//! so nothing moves, and not one instruction of the guest runs in a sandbox that differs. Then, after
//! `exec`, who it is and what it may do are read again, since `exec` could have changed just these.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::cgroup::Groups;
use super::posture::facts::{self, Descriptor, Facts};
use super::posture::golden::{self, Ground, Programs, Wanted};
use super::posture::{Golden, Record, in_words};
use super::request::ShimOrder;

/// Namespaces that a sandbox has of its own, as `/proc` names them.
const NAMESPACES: [&str; 7] = ["user", "mnt", "pid", "net", "ipc", "uts", "cgroup"];

/// Why a process may not go on.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Its walls are not as they must be.
    #[error("{0}")]
    Differs(String),
    /// It was not there to be measured.
    #[error("measure the sandbox: {0}")]
    Unreadable(#[from] io::Error),
}

/// What a process must show before it may become a guest.
#[derive(Debug)]
pub struct Gate<'a> {
    groups: &'a Groups,
    wanted: Wanted,
    ground: Ground,
    golden: Golden,
}

impl<'a> Gate<'a> {
    /// For what was ordered, in these control groups and shared namespaces.
    pub fn new(
        order: &ShimOrder,
        groups: &'a Groups,
        shared: Vec<(&'static str, String)>,
    ) -> io::Result<Self> {
        let spec = &order.spec;
        let wanted = Wanted {
            posture: spec.posture,
            uids: order.uids,
            agent: spec.key.agent,
            programs: if order.is_on_base() { Programs::Image } else { Programs::Host },
            runtime: order.runtime.as_ref().map(|runtime| runtime.kind),
            commons: order.commons,
            processes: spec.limits.pids,
            groups: groups.count(),
            limits: groups.golden(&spec.limits),
        };
        let ground = Ground { shared, ..ground()? };
        let golden = golden::golden(&wanted, &ground);
        Ok(Self { groups, wanted, ground, golden })
    }

    /// Measures a process that waits to become the guest.
    pub fn admit(&self, pid: i32) -> Result<Record, Refusal> {
        let mut facts = facts(pid)?;
        (facts.groups, facts.group_limits) = self.groups.facts(pid);
        let record = facts::record(&facts, self.wanted.agent, self.wanted.layout(), &self.ground);
        match in_words(&self.golden, &self.golden.differences(&record)) {
            None => Ok(record),
            Some(words) => Err(Refusal::Differs(words)),
        }
    }

    /// Measures again what `exec` can change.
    pub fn confirm(&self, pid: i32) -> Result<(), Refusal> {
        let process = process(pid);
        // Whoever may read this file waits until `exec` is over; whoever may not comes after the
        // guest hid itself, and so later still.
        fs::read(process.join("personality")).ok();
        let status = fs::read_to_string(process.join("status"))?;
        if facts::field(&status, "State").starts_with(['Z', 'X']) {
            return Err(io::Error::other("the guest ended at once").into());
        }
        let differences = self.golden.differences_in_part(&facts::of_status(&status));
        match in_words(&self.golden, &differences) {
            None => Ok(()),
            Some(words) => Err(Refusal::Differs(words)),
        }
    }

    /// In words, what a sandbox that passed has shown.
    pub fn passed(&self, record: &Record) -> String {
        format!("{} points equal the record of `{}`", record.count(), self.golden.name)
    }
}

fn process(pid: i32) -> PathBuf {
    Path::new("/proc").join(pid.to_string())
}

/// What holds for this process.
pub fn ground() -> io::Result<Ground> {
    let own = Path::new("/proc/self");
    let status = fs::read_to_string(own.join("status"))?;
    let limits = fs::read_to_string(own.join("limits"))?;
    let (_, open_files) = facts::limit(&limits, "Max open files").unwrap_or_default();
    let (soft, hard) = facts::limit(&limits, "Max processes").unwrap_or_default();
    Ok(Ground {
        namespaces: namespaces(own),
        shared: Vec::new(),
        groups: facts::supplementary(&status),
        filters: facts::field(&status, "Seccomp_filters").parse().unwrap_or_default(),
        open_files: open_files.parse().ok(),
        processes: (soft.to_owned(), hard.to_owned()),
        oom_score_adj: fs::read_to_string(own.join("oom_score_adj"))?
            .trim()
            .parse()
            .map_err(io::Error::other)?,
        tables: golden::tables().filter(|path| Path::new(path).exists()).collect(),
    })
}

/// What the kernel says about a process that waits.
pub fn facts(pid: i32) -> io::Result<Facts> {
    let process = process(pid);
    let read = |name: &str| fs::read_to_string(process.join(name));
    Ok(Facts {
        namespaces: namespaces(&process),
        status: read("status")?,
        uid_map: read("uid_map")?,
        gid_map: read("gid_map")?,
        setgroups: read("setgroups")?,
        limits: read("limits")?,
        oom_score_adj: read("oom_score_adj")?,
        mounts: read("mountinfo")?,
        interfaces: read("net/dev")?,
        routes: read("net/route")?,
        // Absent where IPv6 is off.
        routes6: read("net/ipv6_route").unwrap_or_default(),
        descriptors: descriptors(&process)?,
        ..Facts::default()
    })
}

fn namespaces(process: &Path) -> Vec<(&'static str, String)> {
    let read = |name: &'static str| {
        let link = fs::read_link(process.join("ns").join(name)).ok()?;
        Some((name, link.to_string_lossy().into_owned()))
    };
    NAMESPACES.into_iter().filter_map(read).collect()
}

fn descriptors(process: &Path) -> io::Result<Vec<Descriptor>> {
    let (open, info) = (process.join("fd"), process.join("fdinfo"));
    let mut found = Vec::new();
    for entry in fs::read_dir(&open)? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.parse().ok()).unwrap_or_default();
        let look = || -> io::Result<Descriptor> {
            let target = fs::read_link(open.join(&name))?.to_string_lossy().into_owned();
            let info = fs::read_to_string(info.join(&name))?;
            Ok(Descriptor { number, target, info })
        };
        match look() {
            // Closed meanwhile: a kernel of gVisor works while it is measured.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            other => found.push(other?),
        }
    }
    Ok(found)
}
