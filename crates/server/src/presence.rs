//! Who watches which agent at this moment, over all live sockets of this server.

use protocol::api::live::Watcher;
use protocol::ids::{AgentId, OrgId};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

type Key = (OrgId, AgentId);
type Names = BTreeMap<String, u32>;

/// The watchers of all agents. Cheap to clone; all clones are one.
#[derive(Debug, Clone, Default)]
pub struct Presence {
    rooms: Arc<Mutex<HashMap<Key, watch::Sender<Names>>>>,
}

/// One watcher's place; given up when dropped.
#[derive(Debug)]
pub struct Seat {
    presence: Presence,
    key: Key,
    name: String,
    names: watch::Receiver<Names>,
}

impl Presence {
    fn rooms(&self) -> MutexGuard<'_, HashMap<Key, watch::Sender<Names>>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Watches an agent under this name.
    pub fn join(&self, org: &OrgId, agent: AgentId, name: &str) -> Seat {
        let key = (org.clone(), agent);
        let mut rooms = self.rooms();
        let room = rooms.entry(key.clone()).or_insert_with(|| watch::channel(Names::new()).0);
        room.send_modify(|names| *names.entry(name.to_owned()).or_default() += 1);
        let mut names = room.subscribe();
        // Whoever comes is told who is there.
        names.mark_changed();
        Seat { presence: self.clone(), key, name: name.to_owned(), names }
    }
}

impl Seat {
    /// Who watches, as soon as that is not what was told last.
    pub async fn changed(&mut self) -> Vec<Watcher> {
        if self.names.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
        let names = self.names.borrow_and_update();
        let watcher = |(name, count): (&String, &u32)| Watcher {
            name: name.clone(),
            count: *count,
            you: *name == self.name,
        };
        names.iter().map(watcher).collect()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut rooms = self.presence.rooms();
        let Some(room) = rooms.get(&self.key) else { return };
        room.send_modify(|names| {
            if let Some(count) = names.get_mut(&self.name) {
                *count = count.saturating_sub(1);
            }
            names.retain(|_, count| *count > 0);
        });
        if room.borrow().is_empty() {
            rooms.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn watchers_are_told_who_comes_and_goes() {
        let presence = Presence::default();
        let (org, agent) = (OrgId::default_org(), AgentId::from_uuid(uuid::Uuid::now_v7()));
        let mut ada = presence.join(&org, agent, "ada");
        let is = |name: &str, count, you| Watcher { name: name.to_owned(), count, you };
        assert_eq!(ada.changed().await, [is("ada", 1, true)]);
        let bob = presence.join(&org, agent, "bob");
        assert_eq!(ada.changed().await, [is("ada", 1, true), is("bob", 1, false)]);
        let second = presence.join(&org, agent, "ada");
        assert_eq!(ada.changed().await, [is("ada", 2, true), is("bob", 1, false)]);
        drop((bob, second));
        assert_eq!(ada.changed().await, [is("ada", 1, true)]);
        drop(ada);
        assert!(presence.rooms().is_empty());
    }
}
