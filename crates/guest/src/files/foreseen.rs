//! Edits that are made ready before they are asked for.
//!
//! The server tells of an edit while it still writes down that it will ask for it. Until it asks,
//! nothing is changed: the draft lies where neither people nor git look, and goes away by itself.

use super::edit;
use super::resolve;
use super::transfer::discard;
use super::write::{self, Draft};
use crate::{Guest, as_agent};
use protocol::link::{Answer, EditFile};
use std::os::unix::fs::MetadataExt as _;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;
use tokio::sync::oneshot;

/// How long an edit is kept ready.
const PATIENCE: Duration = Duration::from_secs(2);

/// The edit that may come next; another one takes its place.
#[derive(Default)]
pub struct Foreseen {
    next: Mutex<Option<Held>>,
}

/// An edit that waits for the word.
struct Held {
    wanted: EditFile,
    go: mpsc::Sender<()>,
    made: oneshot::Receiver<Option<(Answer, Draft)>>,
}

impl Foreseen {
    /// Begins to make an edit ready.
    pub fn begin(&self, guest: &Arc<Guest>, wanted: EditFile) {
        let (go, word) = mpsc::channel();
        let (tell, made) = oneshot::channel();
        let (owner, edit) = (Arc::clone(guest), wanted.clone());
        guest.ops.spawn(async move {
            let agent = owner.config.agent;
            let done = as_agent(agent, move || Ok(at_the_word(&edit, &word))).await;
            if let Err(Some((_, draft))) = tell.send(done.unwrap_or_default()) {
                discard(&owner, draft);
            }
        });
        *self.lock() = Some(Held { wanted, go, made });
    }

    /// Makes the edit if it is the one that is ready. None: nothing was changed.
    pub async fn make(&self, wanted: &EditFile) -> Option<(Answer, Draft)> {
        let held = self.lock().take().filter(|held| held.wanted == *wanted)?;
        held.go.send(()).ok()?;
        held.made.await.ok().flatten()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Held>> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes the edit ready, and makes it when the word is given. What does not fit is left to the edit
/// itself, which can say why.
fn at_the_word(wanted: &EditFile, word: &mpsc::Receiver<()>) -> Option<(Answer, Draft)> {
    let before = version(wanted)?;
    let path = resolve(&wanted.cwd, &wanted.path).ok()?;
    if !write::is_out_of_sight(&path) {
        return None;
    }
    let prepared = edit::prepare(wanted).ok()?;
    word.recv_timeout(PATIENCE).ok()?;
    if version(wanted)? != before {
        return None;
    }
    prepared.commit(&wanted.path).ok()
}

/// What changes when somebody else changes the file.
fn version(wanted: &EditFile) -> Option<[u64; 7]> {
    let path = resolve(&wanted.cwd, &wanted.path).ok()?;
    let found = std::fs::metadata(path).ok()?;
    let times = [found.mtime(), found.mtime_nsec(), found.ctime(), found.ctime_nsec()];
    let [changed, changed_ns, touched, touched_ns] = times.map(i64::cast_unsigned);
    Some([found.dev(), found.ino(), found.size(), changed, changed_ns, touched, touched_ns])
}
