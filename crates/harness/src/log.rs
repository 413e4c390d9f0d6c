//! The journal and its fold, kept in step: whatever is recorded is applied in the order of the log.

use crate::journal::{Journal, Stopped};
use crate::transcript::Transcript;
use protocol::event::Event;
use std::sync::{Arc, Mutex, PoisonError};

/// The log as the loop and its tools share it.
pub(crate) struct Log {
    pub(crate) journal: Arc<dyn Journal>,
    transcript: Mutex<Transcript>,
    /// One record at a time, else two answers could be applied in the wrong order.
    turn: tokio::sync::Mutex<()>,
}

impl Log {
    pub(crate) fn new(journal: Arc<dyn Journal>, transcript: Transcript) -> Self {
        Self { journal, transcript: Mutex::new(transcript), turn: tokio::sync::Mutex::new(()) }
    }

    /// Makes facts durable and applies them.
    pub(crate) async fn record(&self, events: Vec<Event>) -> Result<(), Stopped> {
        if events.is_empty() {
            return Ok(());
        }
        let _turn = self.turn.lock().await;
        let logged = self.journal.record(events).await?;
        self.with(|transcript| logged.into_iter().for_each(|logged| transcript.apply(logged)));
        Ok(())
    }

    /// Looks at the fold.
    pub(crate) fn with<T>(&self, look: impl FnOnce(&mut Transcript) -> T) -> T {
        // The fold does not panic half-way; a poisoned lock still guards a whole value.
        look(&mut self.transcript.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
