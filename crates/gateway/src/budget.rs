//! How much an agent may send out: to each host, and to registries only as much as fetching needs.
//!
//! A registry is only read, but a name that is asked for can say anything. What is new in the heads of requests is
//! counted there, and what stands in queries more strictly: fetching the same again is free, spelling out a file is
//! not. Budgets are of an agent, whatever sandbox it has, and as old as the server's process.

use crate::host::Authority;
use crate::policy::{Denial, DenialCode, denial};
use http::request::Parts;
use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes that an agent may send to one host.
pub const HOST_BYTES: u64 = 256 * 1024 * 1024;
/// Bytes that an agent may send in all.
pub const AGENT_BYTES: u64 = 1024 * 1024 * 1024;
/// New bytes in the heads of requests that one registry may be sent.
pub const REGISTRY_BYTES: u64 = 512 * 1024;
/// New bytes in the queries of requests that one registry may be sent.
pub const REGISTRY_QUERY_BYTES: u64 = 16 * 1024;
/// Hosts of which one agent's bytes are told apart; all further ones share what is left of one.
const HOSTS: usize = 4096;
/// Texts that are known to have been sent to one host; beyond them everything counts as new.
const KNOWN: usize = 65_536;

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
}

#[derive(Default)]
struct Host {
    bytes: u64,
    new: u64,
    query: u64,
    known: HashSet<u64>,
}

impl Host {
    /// The bytes of a text that was not sent before.
    fn new_bytes(&mut self, kind: &str, text: &[u8]) -> u64 {
        let mut hasher = DefaultHasher::new();
        (kind, text).hash(&mut hasher);
        if self.known.len() < KNOWN && !self.known.insert(hasher.finish()) {
            return 0;
        }
        text.len() as u64
    }
}

impl Budget {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, spent: Mutex::default() }
    }

    /// Takes bytes that are about to be sent, or refuses.
    pub(crate) fn take(&self, target: &Authority, bytes: u64) -> Result<(), Denial> {
        let Limits { host: per_host, agent } = self.limits;
        self.with(target, |all, host| {
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
        self.with(target, |_, host| {
            let mut new = host.new_bytes("path", head.uri.path().as_bytes());
            for (name, value) in &head.headers {
                new += host.new_bytes(name.as_str(), value.as_bytes());
                new += host.new_bytes("name", name.as_str().as_bytes());
            }
            let query =
                head.uri.query().map_or(0, |query| host.new_bytes("query", query.as_bytes()));
            let (new, query) = (host.new + new + query, host.query + query);
            if new > REGISTRY_BYTES || query > REGISTRY_QUERY_BYTES {
                return Err(denial(target, DenialCode::UploadBudget));
            }
            (host.new, host.query) = (new, query);
            Ok(())
        })
    }

    fn with<T>(&self, target: &Authority, change: impl FnOnce(&mut u64, &mut Host) -> T) -> T {
        // No code that holds this lock can panic halfway through a change.
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let Spent { all, hosts } = &mut *spent;
        let name = target.host.to_string();
        let is_known = hosts.contains_key(&name) || hosts.len() < HOSTS;
        change(all, hosts.entry(if is_known { name } else { String::new() }).or_default())
    }
}

/// The budgets of all agents of a gateway.
#[derive(Default)]
pub(crate) struct Budgets {
    of: Mutex<HashMap<protocol::ids::AgentId, Arc<Budget>>>,
}

impl Budgets {
    /// An agent's budget, as it was left.
    pub(crate) fn of(&self, agent: protocol::ids::AgentId, limits: Limits) -> Arc<Budget> {
        let mut of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(of.entry(agent).or_insert_with(|| Arc::new(Budget::new(limits))))
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
        assert!(spell(&|number| format!("/{number}{filler}"), &same) < 530);
        assert!(spell(&|_| "/".to_owned(), &|number| format!("{number}{filler}")) < 530);
    }
}
