//! Finding and ending everything that came from a command.

use crate::sys;
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

/// Supervisors that have not been reaped, each with the one on whose behalf it was started (a
/// command under `sudo`). Looking for descendants and reaping exclude each other, so a process id
/// is never taken for the one that had it before.
#[derive(Debug, Default)]
pub struct Supervisors {
    alive: Mutex<HashMap<i32, Option<i32>>>,
}

impl Supervisors {
    /// A supervisor was started.
    pub fn add(&self, supervisor: i32) {
        self.lock().insert(supervisor, None);
    }

    /// One supervisor's command was started on behalf of another's.
    pub fn link(&self, supervisor: i32, behalf: i32) {
        if let Some(link) = self.lock().get_mut(&supervisor) {
            *link = Some(behalf);
        }
    }

    /// The supervisor's pipe ended: take the zombie.
    pub fn reap(&self, supervisor: i32) {
        let mut alive = self.lock();
        if alive.remove(&supervisor).is_some() {
            sys::reap(Some(supervisor), true);
        }
    }

    /// Takes every zombie; for process 1 only, which inherits those whose parent is gone.
    pub fn reap_all(&self) {
        let mut alive = self.lock();
        while let Some(pid) = sys::reap(None, false) {
            alive.remove(&pid);
        }
    }

    /// Sends a signal to every descendant of a supervisor and of those linked to it; how many
    /// there were.
    pub fn signal(&self, supervisor: i32, signal: i32) -> usize {
        let alive = self.lock();
        let roots = family(&alive, supervisor);
        if roots.is_empty() {
            return 0;
        }
        let parents = parents();
        let found = roots.iter().flat_map(|root| descendants(&parents, *root));
        found.filter(|pid| sys::signal(*pid, signal)).count()
    }

    /// Whether a supervisor or one linked to it is still there.
    pub fn lives(&self, supervisor: i32) -> bool {
        !family(&self.lock(), supervisor).is_empty()
    }

    /// All supervisors that neither are one of these nor linked to one.
    pub fn others(&self, kept: &[i32]) -> Vec<i32> {
        let alive = self.lock();
        let kept: HashSet<i32> = kept.iter().flat_map(|root| family(&alive, *root)).collect();
        alive.keys().copied().filter(|pid| !kept.contains(pid)).collect()
    }

    /// How many descendants each of these supervisors has.
    pub fn count(&self, supervisors: &[i32]) -> HashMap<i32, u32> {
        let alive = self.lock();
        let parents = parents();
        let counted = supervisors.iter().map(|pid| {
            let roots = family(&alive, *pid);
            let count: usize = roots.iter().map(|root| descendants(&parents, *root).len()).sum();
            (*pid, u32::try_from(count).unwrap_or(u32::MAX))
        });
        counted.collect()
    }

    /// Which of the supervisors a process descends from.
    pub fn ancestor_of(&self, pid: i32) -> Option<i32> {
        let alive = self.lock();
        let parents: HashMap<i32, i32> = parents().into_iter().collect();
        let mut at = pid;
        // A chain can be no longer than there are processes.
        for _ in 0..=parents.len() {
            if alive.contains_key(&at) {
                return Some(at);
            }
            at = *parents.get(&at)?;
        }
        None
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<i32, Option<i32>>> {
        self.alive.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A supervisor, if alive, and all that are linked to it, directly or through others.
fn family(alive: &HashMap<i32, Option<i32>>, supervisor: i32) -> Vec<i32> {
    let mut found = vec![supervisor];
    let mut at = 0;
    while let Some(root) = found.get(at).copied() {
        let linked = alive.iter().filter(|(_, link)| **link == Some(root)).map(|(pid, _)| *pid);
        let fresh: Vec<i32> = linked.filter(|pid| !found.contains(pid)).collect();
        found.extend(fresh);
        at += 1;
    }
    found.retain(|pid| alive.contains_key(pid));
    found
}

/// Every process with its parent.
fn parents() -> Vec<(i32, i32)> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    entries
        .filter_map(|entry| {
            let name = entry.ok()?.file_name();
            let pid: i32 = name.to_str()?.parse().ok()?;
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            // The name stands in brackets and may contain anything, brackets too.
            // A "zombie" counts: it may be a process whose first thread ended and whose others run.
            let parent = stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(1)?.parse().ok()?;
            Some((pid, parent))
        })
        .collect()
}

fn descendants(parents: &[(i32, i32)], root: i32) -> Vec<i32> {
    let mut children: HashMap<i32, Vec<i32>> = HashMap::new();
    for (pid, parent) in parents {
        children.entry(*parent).or_default().push(*pid);
    }
    let mut found = Vec::new();
    let mut open = vec![root];
    while let Some(pid) = open.pop() {
        let Some(below) = children.remove(&pid) else { continue };
        open.extend_from_slice(&below);
        found.extend(below);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descendants_are_found_at_any_depth_and_a_loop_ends() {
        let parents = [(2, 1), (3, 2), (4, 3), (5, 1), (6, 4), (3, 6)];
        let mut found = descendants(&parents, 2);
        found.sort_unstable();
        found.dedup();
        assert_eq!(found, [3, 4, 6]);
    }
}
