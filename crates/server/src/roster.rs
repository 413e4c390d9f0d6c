//! Tells lists of agents what changed: one source for all pages, which reads an agent's row once for
//! all of them and at most four times a second.

use crate::api::show;
use crate::app::App;
use anyhow::Result;
use protocol::ids::{AgentId, OrgId};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;

/// Shortest time between two tellings of one agent.
const PACE: Duration = Duration::from_millis(250);
/// Changes a page may be behind before it has to read the list again.
const BACKLOG: usize = 2048;

/// What a list shows differently now.
#[derive(Debug, Clone)]
pub enum Change {
    /// An agent is new or changed.
    Agent {
        /// Whose.
        org: OrgId,
        /// The agent as the API shows it, in JSON.
        json: Arc<str>,
    },
    /// An agent is no longer there.
    Gone {
        /// Whose.
        org: OrgId,
        /// Which.
        agent: AgentId,
    },
    /// Something was missed: the list has to be read again.
    Lost,
}

/// The way from the one source to all lists.
#[derive(Debug)]
pub struct Roster {
    sender: broadcast::Sender<Change>,
}

impl Default for Roster {
    fn default() -> Self {
        Self { sender: broadcast::channel(BACKLOG).0 }
    }
}

impl Roster {
    /// Every change from now on.
    pub fn watch(&self) -> broadcast::Receiver<Change> {
        self.sender.subscribe()
    }

    fn send(&self, change: Change) {
        // Nobody watching is not an error.
        drop(self.sender.send(change));
    }
}

/// Tells until the server ends.
pub async fn tell(app: Arc<App>) {
    let mut committed = app.store.committed();
    let mut pace = Pace::default();
    loop {
        let next = pace.next();
        let due = async {
            match next {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        let now_due = tokio::select! {
            () = app.shutdown.cancelled() => return,
            () = due => pace.due(Instant::now()),
            notice = committed.recv() => match notice {
                Ok(_) if app.roster.sender.receiver_count() == 0 => continue,
                Ok(notice) => pace.note((notice.org, notice.agent), Instant::now()).into_iter().collect(),
                Err(RecvError::Lagged(_)) => {
                    app.roster.send(Change::Lost);
                    continue;
                }
                Err(RecvError::Closed) => return,
            },
        };
        for (org, agent) in now_due {
            let change = look(&app, &org, agent).await.unwrap_or_else(|error| {
                tracing::warn!(agent.id = %agent, error = format!("{error:#}"), "a list could not be told of a change");
                Change::Lost
            });
            app.roster.send(change);
        }
    }
}

async fn look(app: &App, org: &OrgId, agent: AgentId) -> Result<Change> {
    let org = org.clone();
    let found = app.agents.record(&org, agent).await?;
    let Some((record, _)) = found.filter(|(_, detail)| !detail.is_build()) else {
        return Ok(Change::Gone { org, agent });
    };
    let shown = show::agent(app, agent, record.head, &record.row)?;
    Ok(Change::Agent { org, json: serde_json::to_string(&shown)?.into() })
}

type Key = (OrgId, AgentId);

/// Says when an agent may be told of again. All wait equally long, so they come due in order.
#[derive(Debug, Default)]
struct Pace {
    resting: VecDeque<(Instant, Key)>,
    changed: HashMap<Key, bool>,
}

impl Pace {
    /// The agent changed; given back if it is to be told now.
    fn note(&mut self, key: Key, now: Instant) -> Option<Key> {
        if let Some(changed) = self.changed.get_mut(&key) {
            *changed = true;
            return None;
        }
        self.rest(key.clone(), now);
        Some(key)
    }

    fn rest(&mut self, key: Key, now: Instant) {
        self.changed.insert(key.clone(), false);
        self.resting.push_back((now + PACE, key));
    }

    /// When to ask [`Self::due`] again.
    fn next(&self) -> Option<Instant> {
        self.resting.front().map(|(at, _)| *at)
    }

    /// Agents that have rested and changed meanwhile.
    fn due(&mut self, now: Instant) -> Vec<Key> {
        let mut due = Vec::new();
        while let Some((_, key)) = self.resting.pop_front_if(|(at, _)| *at <= now) {
            if self.changed.remove(&key) == Some(true) {
                self.rest(key.clone(), now);
                due.push(key);
            }
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_changes_of_one_agent_are_told_four_times_a_second() {
        let key = |n: u128| (OrgId::default_org(), AgentId::from_uuid(uuid::Uuid::from_u128(n)));
        let (mut pace, start) = (Pace::default(), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        let mut told = Vec::new();
        for ms in 0..1000 {
            told.extend(pace.due(at(ms)).into_iter().map(|key| (ms, key)));
            told.extend(pace.note(key(1), at(ms)).map(|key| (ms, key)));
            if ms == 100 {
                told.extend(pace.note(key(2), at(ms)).map(|key| (ms, key)));
            }
        }
        let times = |wanted: Key| -> Vec<u64> {
            told.iter().filter(|(_, key)| *key == wanted).map(|(ms, _)| *ms).collect()
        };
        assert_eq!(times(key(1)), [0, 250, 500, 750]);
        assert_eq!(times(key(2)), [100]);
        assert_eq!(pace.due(at(1000)), [key(1)], "the last change is told");
        assert!(pace.due(at(2000)).is_empty());
        assert_eq!((pace.next(), pace.changed.len()), (None, 0));
    }
}
