//! What left in the last seconds, added up: a loop inside makes numbers larger, not records more.

use crate::app::{App, AppCell};
use crate::clock::now_ms;
use anyhow::{Context, Result};
use gateway::audit::{GrantName, Passage, Recorded};
use gateway::policy::{Denial, DenialCode};
use protocol::ids::{AgentId, OrgId, RunId};
use protocol::process::Process;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use store::audit::NewRecord;

/// How long a window is open, which is what a crash can lose.
const WINDOW: Duration = Duration::from_secs(10);
/// Hosts of one agent that are told apart in a window; all others are one.
const PLACES: usize = 64;
/// Processes that are named where something was refused many times.
const PROCESSES: usize = 8;
/// What stands in place of their names.
pub const OTHERS: &str = "*";
/// Methods that are told apart; a sandbox can make up any number of others.
const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT"];
/// What stands in place of their names.
const OTHER_METHOD: &str = "OTHER";

/// Statuses that are told apart; a host can make up any number of others.
const STATUSES: [u16; 22] = [
    101, 200, 201, 202, 204, 206, 301, 302, 304, 307, 308, 400, 401, 403, 404, 409, 413, 429, 500,
    502, 503, 504,
];

/// How often, by name.
type Counts = BTreeMap<String, u64>;

/// Adds up what the gateway tells.
pub struct Windows {
    open: Mutex<Window>,
    app: Arc<AppCell>,
    /// Held while one is written: whoever reads after a flush finds all before it.
    flushing: tokio::sync::Mutex<()>,
}

/// Where something went, in which run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    agent: AgentId,
    run: Option<RunId>,
    host: String,
    port: u16,
}

/// What went there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Passed {
    requests: u64,
    methods: Counts,
    statuses: Counts,
    bytes_up: u64,
    bytes_down: u64,
}

/// How often somebody was refused, and who the first were.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Refused {
    count: u64,
    processes: BTreeSet<Process>,
}

impl Refused {
    fn add(&mut self, count: u64, processes: impl IntoIterator<Item = Process>) {
        self.count += count;
        for process in processes {
            if self.processes.len() < PROCESSES {
                self.processes.insert(process);
            }
        }
    }
}

/// Pushes from inside to one ref.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Received {
    agent: AgentId,
    run: Option<RunId>,
    repository: String,
}

#[derive(Debug, Clone, Default)]
struct Window {
    passed: BTreeMap<Place, Passed>,
    used: BTreeMap<(Place, GrantName), Counts>,
    denied: BTreeMap<(Place, String), Refused>,
    received: BTreeMap<Received, (Recorded, u64)>,
    places: HashMap<AgentId, BTreeSet<(String, u16)>>,
}

fn count(counts: &mut Counts, name: &str, times: u64) {
    if times > 0 {
        *counts.entry(name.to_owned()).or_default() += times;
    }
}

/// The name of a status among those that are told apart: itself, or its kind.
fn status_of(status: u16) -> String {
    match status {
        known if STATUSES.contains(&known) => known.to_string(),
        other => format!("{}xx", other / 100),
    }
}

impl Window {
    fn place(&mut self, agent: AgentId, run: Option<RunId>, (host, port): (&str, u16)) -> Place {
        let places = self.places.entry(agent).or_default();
        let place = (host.to_owned(), port);
        if places.contains(&place) || places.len() < PLACES {
            places.insert(place);
            return Place { agent, run, host: host.to_owned(), port };
        }
        Place { agent, run, host: OTHERS.to_owned(), port: 0 }
    }

    fn passed(&mut self, agent: AgentId, run: Option<RunId>, passage: &Passage) {
        let place = self.place(agent, run, (&passage.host, passage.port));
        let method = passage.method.as_deref().unwrap_or("CONNECT");
        let method = METHODS.iter().find(|known| **known == method).unwrap_or(&OTHER_METHOD);
        for grant in &passage.grants {
            count(self.used.entry((place.clone(), grant.clone())).or_default(), method, 1);
        }
        let passed = self.passed.entry(place).or_default();
        let first = u64::from(passage.is_first);
        passed.requests += first;
        count(&mut passed.methods, method, first);
        if let Some(status) = passage.status {
            count(&mut passed.statuses, &status_of(status), 1);
        }
        passed.bytes_up += passage.bytes_up;
        passed.bytes_down += passage.bytes_down;
    }

    fn denied(
        &mut self,
        (agent, run): (AgentId, Option<RunId>),
        denial: &Denial,
        process: Option<&Process>,
    ) {
        let place = self.place(agent, run, (&denial.host, denial.port));
        let code: DenialCode = denial.code;
        let refused = self.denied.entry((place, code.as_str().to_owned())).or_default();
        refused.add(1, process.cloned());
    }

    fn received(&mut self, agent: AgentId, run: Option<RunId>, recorded: &Recorded) {
        let key = Received { agent, run, repository: recorded.repository.clone() };
        let (newest, times) = self.received.entry(key).or_insert_with(|| (recorded.clone(), 0));
        *newest = recorded.clone();
        *times += 1;
    }

    /// Takes in an earlier one that could not be written.
    fn add(&mut self, earlier: Self) {
        for (place, more) in earlier.passed {
            let passed = self.passed.entry(place).or_default();
            passed.requests += more.requests;
            passed.bytes_up += more.bytes_up;
            passed.bytes_down += more.bytes_down;
            more.methods.iter().for_each(|(name, times)| count(&mut passed.methods, name, *times));
            more.statuses.iter().for_each(|(name, n)| count(&mut passed.statuses, name, *n));
        }
        for (key, more) in earlier.used {
            let counts = self.used.entry(key).or_default();
            more.iter().for_each(|(name, times)| count(counts, name, *times));
        }
        for (key, Refused { count, processes }) in earlier.denied {
            self.denied.entry(key).or_default().add(count, processes);
        }
        for (key, (recorded, times)) in earlier.received {
            self.received.entry(key).or_insert((recorded, 0)).1 += times;
        }
        for (agent, places) in earlier.places {
            self.places.entry(agent).or_default().extend(places);
        }
    }

    fn records(&self, at_ms: i64) -> Vec<NewRecord> {
        let passed = self.passed.iter().map(|(place, passed)| {
            let details = json!({
                "host": place.host, "port": place.port, "requests": passed.requests, "methods": passed.methods,
                "statuses": passed.statuses, "bytesUp": passed.bytes_up, "bytesDown": passed.bytes_down,
            });
            at(place, at_ms, "egress.passed", &place.host, details)
        });
        let used = self.used.iter().map(|((place, grant), methods)| {
            let details = json!({
                "name": grant.name, "host": place.host, "port": place.port, "methods": methods,
                "count": methods.values().sum::<u64>(),
            });
            at(place, at_ms, "secret.used", &grant.id, details)
        });
        let denied = self.denied.iter().map(|((place, code), refused)| {
            let details = json!({
                "host": place.host, "port": place.port, "code": code, "count": refused.count,
                "processes": refused.processes,
            });
            at(place, at_ms, "egress.denied", &place.host, details)
        });
        let received = self.received.iter().map(|(key, (recorded, times))| {
            let Received { agent, run, repository } = key.clone();
            let place = Place { agent, run, host: repository, port: 0 };
            let details = json!({
                "repository": recorded.repository, "asked": recorded.asked, "stored": recorded.stored,
                "commit": recorded.commit, "count": times,
            });
            at(&place, at_ms, "git.received", &recorded.repository, details)
        });
        passed.chain(used).chain(denied).chain(received).collect()
    }
}

fn at(place: &Place, at_ms: i64, kind: &'static str, subject: &str, details: Value) -> NewRecord {
    NewRecord {
        at_ms,
        kind,
        who: "agent".to_owned(),
        subject: Some(subject.to_owned()),
        agent: Some(place.agent),
        run: place.run,
        details: object(details),
        event: None,
    }
}

/// The members of an object.
pub(crate) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

impl Windows {
    /// Nothing yet; runs of agents are known from the app.
    pub fn new(app: &Arc<AppCell>) -> Self {
        Self {
            open: Mutex::default(),
            app: Arc::clone(app),
            flushing: tokio::sync::Mutex::default(),
        }
    }

    /// The run that is active now.
    fn run(&self, agent: AgentId) -> Option<RunId> {
        let app = self.app.get()?;
        let view = app.agents.handle(&OrgId::default_org(), agent).loaded()?;
        view.state.living()?.active.as_ref().map(|active| active.run)
    }

    fn open(&self) -> MutexGuard<'_, Window> {
        // No code that holds this lock can panic halfway through a change.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn denied(&self, agent: AgentId, denial: &Denial, process: Option<&Process>) {
        let run = self.run(agent);
        self.open().denied((agent, run), denial, process);
    }

    pub(super) fn passed(&self, agent: AgentId, passage: &Passage) {
        let run = self.run(agent);
        self.open().passed(agent, run, passage);
    }

    pub(super) fn received(&self, agent: AgentId, recorded: &Recorded) {
        let run = self.run(agent);
        self.open().received(agent, run, recorded);
    }

    /// Writes all that was told so far.
    pub async fn flush(&self, app: &App) -> Result<()> {
        let _alone = self.flushing.lock().await;
        app.gateway.tell_ongoing();
        let window = std::mem::take(&mut *self.open());
        let records = window.records(now_ms());
        if records.is_empty() {
            return Ok(());
        }
        let written = app.store.record(&OrgId::default_org(), records).await;
        if written.is_err() {
            // It may have happened all the same: told twice is better than never.
            self.open().add(window);
        }
        written.context("write what left to the audit log")
    }
}

/// Writes each window, until the server ends.
pub async fn keep(app: Arc<App>) {
    while app.shutdown.run_until_cancelled(tokio::time::sleep(WINDOW)).await.is_some() {
        flush(&app).await;
    }
}

/// Writes what was told so far; what cannot be written waits for the next time.
pub async fn flush(app: &App) {
    if let Err(error) = app.windows.flush(app).await {
        tracing::error!(error = format!("{error:#}"), "what left is not in the audit log yet");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn passage(host: &str, method: &str, bytes: u64) -> Passage {
        Passage {
            host: host.to_owned(),
            port: 443,
            method: Some(method.to_owned()),
            status: Some(200),
            is_first: true,
            grants: vec![GrantName { name: "TOKEN".to_owned(), id: "secv_1".to_owned() }],
            bytes_up: bytes,
            bytes_down: 2 * bytes,
        }
    }

    #[test]
    fn a_loop_makes_numbers_larger_and_not_records_more() {
        let agent = AgentId::from_uuid(Uuid::nil());
        let mut window = Window::default();
        for number in 0..10_000 {
            window.passed(agent, None, &passage("a.example", &format!("M{number}"), 3));
        }
        let rest = Passage { is_first: false, status: None, ..passage("a.example", "GET", 1) };
        window.passed(agent, None, &rest);
        let records = window.records(7);
        let kinds: Vec<_> = records.iter().map(|record| record.kind).collect();
        assert_eq!(kinds, ["egress.passed", "secret.used"]);
        let passed = json!({
            "host": "a.example", "port": 443, "requests": 10_000, "methods": {"OTHER": 10_000},
            "statuses": {"200": 10_000}, "bytesUp": 30_001, "bytesDown": 60_002,
        });
        assert_eq!(Value::Object(records[0].details.clone()), passed);
        assert_eq!(records[1].subject.as_deref(), Some("secv_1"));
        assert_eq!(records[1].details["count"], 10_001);
    }

    #[test]
    fn all_refusals_are_counted_and_the_first_processes_named() {
        let agent = AgentId::from_uuid(Uuid::nil());
        let (code, host) = (DenialCode::HostNotAllowed, "a.example".to_owned());
        let denial = Denial { code, host, port: 443, words: String::new() };
        let (mut earlier, mut window) = (Window::default(), Window::default());
        for pid in 0..100 {
            let process = Process { pid, name: "sh".to_owned(), command: String::new() };
            earlier.denied((agent, None), &denial, Some(&process));
            window.denied((agent, None), &denial, None);
        }
        window.add(earlier);
        let records = window.records(7);
        assert_eq!(records[0].details["count"], 200);
        assert_eq!(records[0].details["processes"].as_array().unwrap().len(), PROCESSES);
    }

    #[test]
    fn hosts_beyond_what_is_told_apart_are_one_and_nothing_is_lost() {
        let agents = [1, 2].map(|number| AgentId::from_uuid(Uuid::from_u128(number)));
        let mut window = Window::default();
        for number in 0..1000 {
            let passage = passage(&format!("h{number}.example"), "GET", 1);
            window.passed(agents[0], None, &passage);
        }
        window.passed(agents[1], None, &passage("h999.example", "GET", 1));
        let records = window.records(7);
        let passed = |agent| {
            records.iter().filter(move |it| it.kind == "egress.passed" && it.agent == Some(agent))
        };
        assert_eq!(passed(agents[0]).count(), PLACES + 1);
        let sum: u64 = passed(agents[0]).map(|it| it.details["bytesUp"].as_u64().unwrap()).sum();
        assert_eq!(sum, 1000);
        assert_eq!(passed(agents[1]).next().unwrap().subject.as_deref(), Some("h999.example"));
    }

    #[test]
    fn a_window_that_was_not_written_is_part_of_the_next() {
        let agent = AgentId::from_uuid(Uuid::nil());
        let mut earlier = Window::default();
        earlier.passed(agent, None, &passage("a.example", "GET", 3));
        let mut window = Window::default();
        window.passed(agent, None, &passage("a.example", "PUT", 4));
        window.add(earlier);
        let records = window.records(7);
        assert_eq!(records[0].details["bytesUp"], 7);
        assert_eq!(records[0].details["methods"], json!({"GET": 1, "PUT": 1}));
        assert_eq!(records[1].details["count"], 2);
    }
}
