//! One limit of a sandbox: as its controller takes it, and as it shows it afterwards.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::provider::SandboxLimits;

/// Period of the processor quota, in microseconds.
const CPU_PERIOD_US: u64 = 100_000;

/// A limit that could be set.
#[derive(Debug)]
pub struct Held {
    /// Whose limit it is.
    pub controller: &'static str,
    /// The group that holds it.
    pub dir: PathBuf,
    /// The sandbox's own group, which may lie below that one.
    own: PathBuf,
    /// What the kernel had counted before this sandbox.
    before: u64,
}

impl Held {
    /// Sets the limit of this controller on a group, which is the sandbox's own or lies above it.
    pub fn set(
        dir: &Path,
        own: &Path,
        controller: &'static str,
        limits: &SandboxLimits,
    ) -> io::Result<Self> {
        let mut held = Self { controller, dir: dir.to_owned(), own: own.to_owned(), before: 0 };
        held.before = held.counted();
        let put = |file: &str, value: String| fs::write(dir.join(file), value);
        let quota = quota(limits);
        match (controller, held.is_v2()) {
            ("memory", true) => {
                put("memory.max", limits.memory_bytes.to_string())?;
                // Swap would make the limit soft; absent where the kernel has none.
                put("memory.swap.max", "0".to_owned()).ok();
                // What takes too much is ended and its caller told, as with v1; the guest and all
                // else go on.
                put("memory.oom.group", "0".to_owned())?;
            }
            ("memory", false) => put("memory.limit_in_bytes", limits.memory_bytes.to_string())?,
            ("pids", _) => put("pids.max", limits.pids.to_string())?,
            ("cpu", true) => put("cpu.max", format!("{quota} {CPU_PERIOD_US}"))?,
            ("cpu", false) => {
                put("cpu.cfs_period_us", CPU_PERIOD_US.to_string())?;
                put("cpu.cfs_quota_us", quota.to_string())?;
            }
            (other, _) => return Err(io::Error::other(format!("no limit for {other}"))),
        }
        Ok(held)
    }

    fn is_v2(&self) -> bool {
        self.dir.join("cgroup.controllers").exists()
    }

    /// Its name in a record.
    pub fn name(&self) -> String {
        format!("limit {}", self.controller)
    }

    /// The files that show it, the one that sets it first.
    pub fn files(&self) -> &'static [&'static str] {
        match (self.controller, self.is_v2()) {
            ("memory", true) => &["memory.max", "memory.oom.group"],
            ("memory", false) => &["memory.limit_in_bytes"],
            ("cpu", true) => &["cpu.max"],
            ("cpu", false) => &["cpu.cfs_quota_us", "cpu.cfs_period_us"],
            _ => &["pids.max"],
        }
    }

    /// How many processes the kernel has ended because of it; always 0 where it does not count.
    pub fn kills(&self) -> u64 {
        self.counted().saturating_sub(self.before)
    }

    fn counted(&self) -> u64 {
        let file = match (self.controller, self.is_v2()) {
            ("memory", true) => "memory.events",
            ("memory", false) => "memory.oom_control",
            _ => return 0,
        };
        // The first that counts: an own group below the limited one may have no controller.
        let texts = [&self.own, &self.dir].map(|dir| fs::read_to_string(dir.join(file)));
        let text = texts.into_iter().find_map(Result::ok).unwrap_or_default();
        let count = text.lines().find_map(|line| line.strip_prefix("oom_kill "));
        count.and_then(|count| count.trim().parse().ok()).unwrap_or(0)
    }

    /// What these files must show.
    pub fn golden(&self, limits: &SandboxLimits) -> String {
        let page = u64::try_from(rustix::param::page_size()).unwrap_or(1);
        // The kernel counts in pages.
        let memory = limits.memory_bytes / page * page;
        let quota = quota(limits);
        match (self.controller, self.is_v2()) {
            ("memory", true) => format!("{memory} 0"),
            ("memory", false) => memory.to_string(),
            ("cpu", _) => format!("{quota} {CPU_PERIOD_US}"),
            _ => limits.pids.to_string(),
        }
    }

    /// What they show.
    pub fn found(&self) -> String {
        let read = |name: &&str| fs::read_to_string(self.dir.join(name)).unwrap_or_default();
        let found: Vec<_> = self.files().iter().map(|name| read(name).trim().to_owned()).collect();
        found.join(" ")
    }
}

/// Processor time in one period, in microseconds.
fn quota(limits: &SandboxLimits) -> u64 {
    u64::from(limits.cpu_millis) * CPU_PERIOD_US / 1000
}
