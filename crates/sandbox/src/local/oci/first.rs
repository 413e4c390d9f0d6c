//! Finds, from outside, the process of a runtime's sandbox that is to be measured.

use std::fs;
use std::io;
use std::path::Path;

use super::Kind;
use crate::local::posture::facts::field;

/// Processes of a runtime that are looked at before the guest runs; far more than any has.
const LOOKED_AT: usize = 1024;

/// The process that will be the guest or, of gVisor, the one that is its kernel. Nothing hostile runs
/// yet, so whoever is found is whom the runtime made.
pub fn find(kind: Kind, runtime: i32) -> io::Result<i32> {
    let depth = depth(runtime)?;
    let mut waiting = vec![runtime];
    for _ in 0..LOOKED_AT {
        let Some(pid) = waiting.pop() else { break };
        let is_first = match kind {
            // First of a process namespace right below the runtime's.
            Kind::Runc | Kind::Crun => place(pid)? == (depth + 1, 1),
            Kind::Runsc => pid != runtime && is_kernel(pid)?,
        };
        if is_first {
            return Ok(pid);
        }
        waiting.extend(children(pid)?);
    }
    Err(io::Error::other("the runtime has no process that could become the guest"))
}

fn read(pid: i32, name: &str) -> io::Result<String> {
    fs::read_to_string(Path::new("/proc").join(pid.to_string()).join(name))
}

/// How many process namespaces a process is in.
fn depth(pid: i32) -> io::Result<usize> {
    place(pid).map(|(depth, _)| depth)
}

/// How many process namespaces a process is in, and its number in the innermost.
fn place(pid: i32) -> io::Result<(usize, i32)> {
    let status = read(pid, "status")?;
    let numbers: Vec<i32> =
        field(&status, "NSpid").split_whitespace().filter_map(|n| n.parse().ok()).collect();
    Ok((numbers.len(), numbers.last().copied().unwrap_or_default()))
}

/// Whether a process is gVisor's kernel: of the runtime's processes, the one it starts to boot.
fn is_kernel(pid: i32) -> io::Result<bool> {
    Ok(read(pid, "cmdline")?.split('\0').any(|word| word == "boot"))
}

fn children(pid: i32) -> io::Result<Vec<i32>> {
    let mut found = Vec::new();
    for thread in fs::read_dir(Path::new("/proc").join(pid.to_string()).join("task"))? {
        // A thread may end while it is looked at; its children go to another one.
        let children = fs::read_to_string(thread?.path().join("children")).unwrap_or_default();
        found.extend(children.split_whitespace().filter_map(|pid| pid.parse::<i32>().ok()));
    }
    Ok(found)
}
