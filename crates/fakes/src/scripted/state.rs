//! What the server remembers: requests for tests, faults still to come, prefixes its cache has seen.

use super::script::{Fault, Script, Turn};
use super::seen::Seen;
use super::{Options, Recorded};
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio_util::sync::CancellationToken;

/// Most requests that are remembered.
const REQUESTS_MAX: usize = 1_000;
/// Most bytes of bodies that are remembered.
const REQUEST_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Most prefixes and faults that are remembered before memory starts anew.
const PREFIXES_MAX: usize = 200_000;

/// Everything that outlives a request.
pub(crate) struct State {
    pub(crate) script: Script,
    pub(crate) options: Options,
    pub(crate) stopping: CancellationToken,
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    requests: VecDeque<(u64, Recorded)>,
    request_bytes: usize,
    next_number: u64,
    connections: u64,
    faults: VecDeque<(Fault, u32)>,
    /// How often a turn of a script has failed already, by the conversation before it.
    failed: HashMap<u64, u32>,
    prefixes: HashSet<u64>,
}

impl State {
    pub(crate) fn new(script: Script, options: Options, stopping: CancellationToken) -> Self {
        Self { script, options, stopping, memory: Mutex::default() }
    }

    /// Nothing is left half done under this lock, so a poisoned one is as good.
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers a request; the number names it later.
    pub(crate) fn record(&self, path: &str, body: &str) -> u64 {
        let recorded = Recorded {
            arrived: Instant::now(),
            answered: None,
            path: path.to_owned(),
            body: body.to_owned(),
            status: None,
        };
        let mut memory = self.memory();
        memory.request_bytes += body.len();
        let number = memory.next_number;
        memory.next_number += 1;
        memory.requests.push_back((number, recorded));
        while memory.requests.len() > REQUESTS_MAX || memory.request_bytes > REQUEST_BYTES_MAX {
            let Some((_, oldest)) = memory.requests.pop_front() else { break };
            memory.request_bytes -= oldest.body.len();
        }
        number
    }

    pub(crate) fn answered(&self, number: u64, status: u16) {
        self.change(number, |recorded| recorded.status = Some(status));
    }

    pub(crate) fn ended(&self, number: u64) {
        self.change(number, |recorded| recorded.answered = Some(Instant::now()));
    }

    fn change(&self, number: u64, change: impl FnOnce(&mut Recorded)) {
        let mut memory = self.memory();
        if let Some((_, recorded)) = memory.requests.iter_mut().rev().find(|(n, _)| *n == number) {
            change(recorded);
        }
    }

    pub(crate) fn requests(&self) -> Vec<Recorded> {
        self.memory().requests.iter().map(|(_, recorded)| recorded.clone()).collect()
    }

    pub(crate) fn connected(&self) {
        self.memory().connections += 1;
    }

    pub(crate) fn connections(&self) -> u64 {
        self.memory().connections
    }

    pub(crate) fn fail_next(&self, fault: Fault, times: u32) {
        self.memory().faults.push_back((fault, times));
    }

    /// A fault set by code.
    pub(crate) fn next_fault(&self) -> Option<Fault> {
        let mut memory = self.memory();
        loop {
            let (fault, times) = memory.faults.front_mut()?;
            if *times > 0 {
                *times -= 1;
                return Some(*fault);
            }
            memory.faults.pop_front();
        }
    }

    /// A fault set by the script, unless it happened often enough at this place.
    pub(crate) fn scripted_fault(&self, seen: &Seen, turn: &Turn) -> Option<Fault> {
        let fault = turn.fault?;
        let mut memory = self.memory();
        if memory.failed.len() >= PREFIXES_MAX {
            memory.failed.clear();
        }
        let failed = memory.failed.entry(seen.fingerprint()).or_default();
        if *failed >= turn.fault_times.max(1) {
            return None;
        }
        *failed += 1;
        Some(fault)
    }

    /// How many leading elements of the request were seen before; remembers all of them.
    pub(crate) fn known_prefix(&self, seen: &Seen) -> usize {
        let mut memory = self.memory();
        let known =
            seen.prefix.iter().take_while(|(hash, _)| memory.prefixes.contains(hash)).count();
        if memory.prefixes.len() >= PREFIXES_MAX {
            memory.prefixes.clear();
        }
        memory.prefixes.extend(seen.prefix.iter().map(|(hash, _)| *hash));
        known
    }
}
