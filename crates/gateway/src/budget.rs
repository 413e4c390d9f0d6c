//! How much an agent may send out: to each host, and to registries only as much as fetching needs.
//!
//! A registry is only read, but a name that is asked for can say anything. What is new in the heads of requests is
//! counted there, and what stands in queries more strictly: fetching the same again is free, spelling out a file is
//! not. Budgets are of an agent, whatever sandbox it has, and as old as the server's process.

use crate::host::Authority;
use crate::policy::{Denial, DenialCode, denial, spelling_denial};
use http::request::Parts;
use protocol::ids::AgentId;
use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Bytes that an agent may send to one host.
pub const HOST_BYTES: u64 = 256 * 1024 * 1024;
/// Bytes that an agent may send in all.
pub const AGENT_BYTES: u64 = 1024 * 1024 * 1024;
/// New bytes in the heads of requests that one registry may be sent.
pub const REGISTRY_BYTES: u64 = 900 * 1024;
/// New bytes in the queries of requests that one registry may be sent.
pub const REGISTRY_QUERY_BYTES: u64 = 16 * 1024;
/// Hosts of which one agent's bytes are told apart; all further ones share what is left of one.
const HOSTS: usize = 4096;
/// Texts that are known to have been sent; beyond them everything counts as new.
const KNOWN: usize = 262_144;
/// Time after which what an agent sent is forgotten, unless its sandbox is attached.
const FORGOTTEN: Duration = Duration::from_secs(24 * 60 * 60);

/// The limits of an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes to one host.
    pub host: u64,
    /// Bytes in all.
    pub agent: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { host: HOST_BYTES, agent: AGENT_BYTES }
    }
}

/// What one agent has sent out.
pub(crate) struct Budget {
    limits: Limits,
    spent: Mutex<Spent>,
}

#[derive(Default)]
struct Spent {
    all: u64,
    hosts: HashMap<String, Host>,
    known: HashSet<u64>,
}

#[derive(Default)]
struct Host {
    bytes: u64,
    new: u64,
    query: u64,
}

/// The bytes of a text that was not sent to this host before.
fn new_bytes(known: &mut HashSet<u64>, host: &Authority, kind: &str, text: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&host.host, kind, text).hash(&mut hasher);
    let text_bytes = text.len() as u64;
    let hash = hasher.finish();
    if known.contains(&hash) {
        return 0;
    }
    if known.len() < KNOWN {
        known.insert(hash);
    }
    text_bytes
}

impl Budget {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, spent: Mutex::default() }
    }

    /// Takes bytes that are about to be sent, or refuses.
    pub(crate) fn take(&self, target: &Authority, bytes: u64) -> Result<(), Denial> {
        let Limits { host: per_host, agent } = self.limits;
        self.with(target, |all, _, host| {
            let after = host.bytes.saturating_add(bytes);
            if after > per_host || all.saturating_add(bytes) > agent {
                return Err(denial(target, DenialCode::UploadBudget));
            }
            host.bytes = after;
            *all = all.saturating_add(bytes);
            Ok(())
        })
    }

    /// Takes what a request's head tells a registry that it was not told before, or refuses.
    pub(crate) fn take_head(&self, target: &Authority, head: &Parts) -> Result<(), Denial> {
        self.with(target, |_, known, host| {
            let mut count = |kind: &str, text: &[u8]| new_bytes(known, target, kind, text);
            let mut new = count("path", head.uri.path().as_bytes());
            for (name, value) in &head.headers {
                new += count(name.as_str(), value.as_bytes());
                new += count("name", name.as_str().as_bytes());
            }
            let query = head.uri.query().map_or(0, |query| count("query", query.as_bytes()));
            let (new, query) = (host.new + new + query, host.query + query);
            if new > REGISTRY_BYTES || query > REGISTRY_QUERY_BYTES {
                return Err(spelling_denial(target));
            }
            (host.new, host.query) = (new, query);
            Ok(())
        })
    }

    fn with<T>(
        &self,
        target: &Authority,
        change: impl FnOnce(&mut u64, &mut HashSet<u64>, &mut Host) -> T,
    ) -> T {
        // No code that holds this lock can panic halfway through a change.
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let Spent { all, hosts, known } = &mut *spent;
        let name = target.host.to_string();
        let is_known = hosts.contains_key(&name) || hosts.len() < HOSTS;
        change(all, known, hosts.entry(if is_known { name } else { String::new() }).or_default())
    }
}

/// The budgets of all agents of a gateway.
#[derive(Default)]
pub(crate) struct Budgets {
    of: Mutex<HashMap<AgentId, (Instant, Arc<Budget>)>>,
}

impl Budgets {
    /// An agent's budget, as it was left; those that nobody uses any more are let go.
    pub(crate) fn of(&self, agent: AgentId, limits: Limits) -> Arc<Budget> {
        let now = Instant::now();
        let mut of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        of.retain(|_, (since, budget)| {
            Arc::strong_count(budget) > 1 || now.duration_since(*since) < FORGOTTEN
        });
        let (since, budget) =
            of.entry(agent).or_insert_with(|| (now, Arc::new(Budget::new(limits))));
        *since = now;
        Arc::clone(budget)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn target(host: &str) -> Authority {
        Authority::parse(host, Some(443)).unwrap()
    }

    fn head(uri: &str, agent: &str) -> Parts {
        let request = Request::builder().uri(uri).header("user-agent", agent);
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn hosts_and_agents_have_an_end() {
        let budget = Budget::new(Limits { host: 100, agent: 150 });
        assert!(budget.take(&target("a.example"), 100).is_ok());
        let code = |denied: Result<(), Denial>| denied.map_err(|denial| denial.code);
        assert_eq!(code(budget.take(&target("a.example"), 1)), Err(DenialCode::UploadBudget));
        assert!(budget.take(&target("b.example"), 50).is_ok());
        assert_eq!(code(budget.take(&target("c.example"), 1)), Err(DenialCode::UploadBudget));
        assert_eq!(
            code(budget.take(&target("c.example"), u64::MAX)),
            Err(DenialCode::UploadBudget)
        );
    }

    #[test]
    fn fetching_is_free_and_spelling_out_is_not() {
        let budget = Budget::new(Limits::default());
        let registry = target("registry.example");
        // What an install of two thousand packages asks for, twice.
        for _ in 0..2 {
            for number in 0..2000 {
                let head = head(&format!("/some-package-{number}/-/some-{number}.tgz"), "npm/11");
                assert!(budget.take_head(&registry, &head).is_ok(), "{number}");
            }
        }
        let spell = |uri: &dyn Fn(u32) -> String, agent: &dyn Fn(u32) -> String| {
            let budget = Budget::new(Limits::default());
            (0..10_000_u32)
                .take_while(|number| {
                    budget.take_head(&registry, &head(&uri(*number), &agent(*number))).is_ok()
                })
                .count()
        };
        let filler = "x".repeat(1000);
        let same = |_| "curl".to_owned();
        assert!(spell(&|number| format!("/?{number}{filler}"), &same) < 17);
        assert!(spell(&|number| format!("/{number}{filler}"), &same) < 930);
        assert!(spell(&|_| "/".to_owned(), &|number| format!("{number}{filler}")) < 930);
    }
}
