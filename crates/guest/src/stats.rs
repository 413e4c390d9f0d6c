//! What the machine is using.

use crate::Guest;
use protocol::link::Stats;

/// Adds up all processes that can be seen.
pub fn take(guest: &Guest) -> Stats {
    let mut stats = Stats { spool_bytes: guest.ops.spool_bytes(), ..Stats::default() };
    let ticks = rustix::param::clock_ticks_per_second().max(1);
    let page = rustix::param::page_size() as u64;
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    for entry in entries {
        let name = entry.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
        let Ok(text) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        let Some((_, rest)) = text.rsplit_once(')') else { continue };
        let fields: Vec<u64> =
            rest.split_ascii_whitespace().map(|field| field.parse().unwrap_or(0)).collect();
        // Fields 14, 15 and 24 of proc(5), the third being the first here.
        let field = |number: usize| fields.get(number - 3).copied().unwrap_or(0);
        stats.processes += 1;
        stats.cpu_ms += (field(14) + field(15)) * 1000 / ticks;
        stats.memory_bytes += field(24) * page;
    }
    if let Ok(disk) = rustix::fs::statvfs(&guest.config.workspace) {
        stats.disk_total_bytes = disk.f_blocks * disk.f_frsize;
        stats.disk_used_bytes = disk.f_blocks.saturating_sub(disk.f_bfree) * disk.f_frsize;
    }
    stats.memory_limit_bytes = memory_limit();
    stats
}

/// What the machine's own group may use, where the group can be seen from inside.
fn memory_limit() -> Option<u64> {
    std::fs::read_to_string("/sys/fs/cgroup/memory.max").ok()?.trim().parse().ok()
}
