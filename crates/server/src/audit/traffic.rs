//! What left, of one agent: its records of the audit log, added up in all and by run.

use super::windows::{OTHERS, flush};
use crate::app::App;
use anyhow::{Context, Result};
use protocol::api::audit::{AgentTraffic, Denials, GrantUses, HostTraffic, RunTraffic, Traffic};
use protocol::api::timestamp;
use protocol::ids::{AgentId, OrgId, RunId};
use serde_json::Value;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use store::audit::{About, AuditFilter, Record};

/// Records read at once.
const PAGE: usize = 1000;
/// Rows of a table; what has no place in it is added to one row more.
const ROWS: usize = 500;
/// The kinds that tell what left: nouns, or whole.
const KINDS: [&str; 2] = ["egress", "secret.used"];

/// A host and its port, and what else tells a row apart.
type Key = (String, u64, String);

/// What left in all, or in one run.
#[derive(Default)]
struct Sum {
    hosts: BTreeMap<Key, HostTraffic>,
    denials: BTreeMap<Key, Denials>,
    grants: BTreeMap<Key, GrantUses>,
}

/// The row of a key, or the one of all for which there is no room.
fn row<V: Default>(rows: &mut BTreeMap<Key, V>, key: Key) -> (Key, &mut V) {
    let has_room = rows.contains_key(&key) || rows.len() < ROWS;
    let key = if has_room { key } else { (OTHERS.to_owned(), 0, key.2) };
    (key.clone(), rows.entry(key).or_default())
}

fn number(record: &Record, name: &str) -> u64 {
    record.details.get(name).and_then(Value::as_u64).unwrap_or(0)
}

fn text(record: &Record, name: &str) -> String {
    record.details.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn add_counts(counts: &mut BTreeMap<String, u64>, record: &Record, name: &str) {
    let more = record.details.get(name).and_then(Value::as_object);
    for (name, times) in more.into_iter().flatten() {
        *counts.entry(name.clone()).or_default() += times.as_u64().unwrap_or(0);
    }
}

impl Sum {
    /// Takes in a record; newer ones come first.
    fn add(&mut self, record: &Record) {
        let key = |rest: String| (text(record, "host"), number(record, "port"), rest);
        let last_at = || timestamp(record.at_ms);
        match record.kind.as_str() {
            "egress.passed" => {
                let ((host, port, _), row) = row(&mut self.hosts, key(String::new()));
                (row.host, row.port) = (host, port);
                row.requests += number(record, "requests");
                row.bytes_up += number(record, "bytesUp");
                row.bytes_down += number(record, "bytesDown");
                add_counts(&mut row.methods, record, "methods");
                add_counts(&mut row.statuses, record, "statuses");
            }
            "egress.denied" => {
                let ((host, port, code), row) = row(&mut self.denials, key(text(record, "code")));
                if row.count == 0 {
                    row.last_at = last_at();
                }
                (row.host, row.port, row.code) = (host, port, code);
                row.count += number(record, "count");
            }
            "secret.used" => {
                let id = record.subject.clone().unwrap_or_default();
                let ((host, port, id), row) = row(&mut self.grants, key(id));
                if row.count == 0 {
                    row.last_at = last_at();
                    row.name = text(record, "name");
                }
                (row.host, row.port, row.secret_id) = (host, port, id);
                row.count += number(record, "count");
                add_counts(&mut row.methods, record, "methods");
            }
            _ => {}
        }
    }

    fn told(self) -> Traffic {
        let mut hosts: Vec<_> = self.hosts.into_values().collect();
        hosts.sort_by_key(|row| Reverse(row.bytes_up));
        let mut denials: Vec<_> = self.denials.into_values().collect();
        denials.sort_by(|a, b| b.last_at.cmp(&a.last_at));
        Traffic {
            requests: hosts.iter().map(|row| row.requests).sum(),
            bytes_up: hosts.iter().map(|row| row.bytes_up).sum(),
            bytes_down: hosts.iter().map(|row| row.bytes_down).sum(),
            grants: self.grants.into_values().collect(),
            hosts,
            denials,
        }
    }
}

/// What left of an agent so far.
pub async fn of(app: &App, org: &OrgId, agent: AgentId) -> Result<AgentTraffic> {
    flush(app).await;
    let mut total = Sum::default();
    // Ids of runs rise with time.
    let mut runs: BTreeMap<Reverse<Option<RunId>>, Sum> = BTreeMap::new();
    for kind in KINDS {
        let mut before = u64::MAX;
        loop {
            let about = About::Agent(agent);
            let filter = AuditFilter { about, kind: Some(kind), before, since_ms: i64::MIN };
            let page = app.store.audit(org, filter, PAGE).await.context("read what left")?;
            for record in &page {
                total.add(record);
                runs.entry(Reverse(record.run)).or_default().add(record);
            }
            match page.last() {
                Some(last) if page.len() >= PAGE => before = last.seq,
                _ => break,
            }
        }
    }
    let runs = runs.into_iter().map(|(Reverse(run), sum)| RunTraffic {
        run_id: run.map(|run| run.to_string()),
        traffic: sum.told(),
    });
    Ok(AgentTraffic { runs: runs.collect(), total: total.told() })
}
