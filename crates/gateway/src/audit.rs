//! What the gateway tells the server about each connection, so that nothing is denied unseen.

use crate::host::Authority;
use crate::policy::Denial;
use protocol::ids::{AgentId, Epoch};
use protocol::process::Process;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Whose connection it is; known from the socket it came through, never from what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Peer {
    /// The agent.
    pub agent: AgentId,
    /// The incarnation of its sandbox.
    pub epoch: Epoch,
}

/// The name of a grant, and what its owner knows it by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GrantName {
    /// The variable that holds its placeholder inside.
    pub name: String,
    /// The owner's id of it.
    pub id: String,
}

/// A connection or request that was let through: all of it once it is over, or what was not told of it yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    /// The host as it was judged and dialled.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The method of a request; none for a connection that was not opened.
    pub method: Option<String>,
    /// The status of its answer; none where there was none.
    pub status: Option<u16>,
    /// Whether nothing of it was told before.
    pub is_first: bool,
    /// The grants whose values were put in.
    pub grants: Vec<GrantName>,
    /// Bytes from the sandbox to the host.
    pub bytes_up: u64,
    /// Bytes from the host to the sandbox.
    pub bytes_down: u64,
}

/// A push that was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// The repository's name at the endpoint.
    pub repository: String,
    /// The ref that was asked for.
    pub asked: String,
    /// The ref under which it is kept.
    pub stored: String,
    /// The commit.
    pub commit: String,
}

/// Receives what the gateway saw; called inline, so an implementation hands over and returns.
pub trait Audit: Send + Sync {
    /// Something was denied, to this process as far as that could be seen.
    fn denied(&self, peer: Peer, denial: &Denial, process: Option<&Process>);
    /// Something passed and ended.
    fn passed(&self, peer: Peer, passage: &Passage);
    /// A push from inside was stored.
    fn recorded(&self, peer: Peer, recorded: &Recorded);
}

/// Counts one passage, and tells the audit when it is over, however it ends; one that never began is none.
pub(crate) struct Report {
    audit: Arc<dyn Audit>,
    peer: Peer,
    target: Authority,
    method: Option<String>,
    began: AtomicBool,
    told: AtomicBool,
    status: AtomicU16,
    up: AtomicU64,
    down: AtomicU64,
    grants: Mutex<BTreeSet<GrantName>>,
}

impl Report {
    /// A report on a connection to `target`, or on a request with this method.
    pub(crate) fn new(
        audit: &Arc<dyn Audit>,
        peer: Peer,
        target: &Authority,
        method: Option<String>,
    ) -> Arc<Self> {
        Arc::new(Self {
            audit: Arc::clone(audit),
            peer,
            target: target.clone(),
            method,
            began: AtomicBool::new(false),
            told: AtomicBool::new(false),
            status: AtomicU16::new(0),
            up: AtomicU64::new(0),
            down: AtomicU64::new(0),
            grants: Mutex::default(),
        })
    }

    /// There is a connection, on which this much is sent first.
    pub(crate) fn begin(&self, bytes: u64) {
        if !self.began.swap(true, Ordering::Relaxed) {
            self.up(bytes);
        }
    }

    /// Bytes went out.
    pub(crate) fn up(&self, bytes: u64) {
        self.up.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Bytes came in.
    pub(crate) fn down(&self, bytes: u64) {
        self.down.fetch_add(bytes, Ordering::Relaxed);
    }

    /// The answer's status.
    pub(crate) fn answered(&self, status: u16) {
        self.status.store(status, Ordering::Relaxed);
    }

    /// These grants were put in.
    pub(crate) fn used(&self, grants: Vec<GrantName>) {
        self.grants.lock().unwrap_or_else(PoisonError::into_inner).extend(grants);
    }
}

impl Report {
    /// Takes what was not told yet; none where there is nothing.
    fn take(&self) -> Option<Passage> {
        if !self.began.load(Ordering::Relaxed) {
            return None;
        }
        let is_first = !self.told.swap(true, Ordering::Relaxed);
        let status = self.status.swap(0, Ordering::Relaxed);
        let mut grants = self.grants.lock().unwrap_or_else(PoisonError::into_inner);
        let passage = Passage {
            host: self.target.host.to_string(),
            port: self.target.port,
            method: self.method.clone(),
            status: (status != 0).then_some(status),
            is_first,
            grants: std::mem::take(&mut *grants).into_iter().collect(),
            bytes_up: self.up.swap(0, Ordering::Relaxed),
            bytes_down: self.down.swap(0, Ordering::Relaxed),
        };
        let is_news = is_first
            || passage.status.is_some()
            || !passage.grants.is_empty()
            || passage.bytes_up + passage.bytes_down > 0;
        is_news.then_some(passage)
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        if let Some(passage) = self.take() {
            self.audit.passed(self.peer, &passage);
        }
    }
}

/// What goes on now, so that what lasts for hours is told before it is over.
#[derive(Default)]
pub(crate) struct Ongoing {
    reports: Mutex<Vec<Weak<Report>>>,
}

impl Ongoing {
    /// Watches one more; those that are over leave in passing.
    pub(crate) fn watch(&self, report: &Arc<Report>) {
        let mut reports = self.reports.lock().unwrap_or_else(PoisonError::into_inner);
        if reports.len() == reports.capacity() {
            reports.retain(|report| report.strong_count() > 0);
        }
        reports.push(Arc::downgrade(report));
    }

    /// Tells what was not told yet.
    pub(crate) fn tell(&self) {
        let reports: Vec<_> = {
            let mut reports = self.reports.lock().unwrap_or_else(PoisonError::into_inner);
            reports.retain(|report| report.strong_count() > 0);
            reports.iter().filter_map(Weak::upgrade).collect()
        };
        for report in reports {
            if let Some(passage) = report.take() {
                report.audit.passed(report.peer, &passage);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Told(Mutex<Vec<Passage>>);

    impl Audit for Told {
        fn denied(&self, _: Peer, _: &Denial, _: Option<&Process>) {}
        fn passed(&self, _: Peer, passage: &Passage) {
            self.0.lock().unwrap().push(passage.clone());
        }
        fn recorded(&self, _: Peer, _: &Recorded) {}
    }

    #[test]
    fn what_lasts_is_told_in_parts_that_add_up_and_what_never_began_is_not() {
        let (told, ongoing) = (Arc::new(Told::default()), Ongoing::default());
        let audit: Arc<dyn Audit> = told.clone();
        let agent = AgentId::from_uuid(uuid::Uuid::nil());
        let peer = Peer { agent, epoch: Epoch(1) };
        let target = Authority::parse("a.example:443", None).unwrap();
        let report = Report::new(&audit, peer, &target, Some("GET".to_owned()));
        let idle = Report::new(&audit, peer, &target, None);
        ongoing.watch(&report);
        ongoing.watch(&idle);
        ongoing.tell();
        report.begin(10);
        report.used(vec![GrantName { name: "TOKEN".to_owned(), id: "1".to_owned() }]);
        ongoing.tell();
        ongoing.tell();
        report.down(5);
        report.answered(200);
        ongoing.tell();
        report.up(1);
        drop((report, idle));
        ongoing.tell();
        let told = told.0.lock().unwrap();
        let parts: Vec<_> = told
            .iter()
            .map(|it| (it.is_first, it.status, it.grants.len(), it.bytes_up, it.bytes_down))
            .collect();
        let expected =
            [(true, None, 1, 10, 0), (false, Some(200), 0, 0, 5), (false, None, 0, 1, 0)];
        assert_eq!(parts, expected);
    }
}
