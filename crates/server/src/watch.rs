//! Watching an agent: stored events after N, then live, with the deltas between them.
//!
//! No gap and no double: the live side is joined before the log is read, events are taken in order
//! of their number only, and whoever falls behind goes back to the log.

use crate::agents::Handle;
use crate::live::{Entry, Item};
use anyhow::Result;
use futures::{Stream, StreamExt as _};
use protocol::delta::{Delta, OutputStream};
use protocol::event::Event;
use protocol::ids::{CallId, Seq, Step};
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::broadcast::error::RecvError;

/// Events read from the log at once.
const PAGE: usize = 500;

/// What a watcher is shown.
#[derive(Debug)]
pub enum Shown {
    /// A page of the log.
    Stored(Vec<Arc<Entry>>),
    /// What the running step has said so far.
    Running(Vec<Arc<Delta>>),
    /// The watcher has everything up to here. Comes again after it fell behind.
    CaughtUp(Seq),
    /// It happens now.
    Now(Item),
}

/// Everything after `after`, for ever, item by item. Ends with an error when the log cannot be read.
pub fn watch(handle: Arc<Handle>, after: Seq) -> impl Stream<Item = Result<Item>> + Send {
    async_stream::try_stream! {
        let mut shown = std::pin::pin!(follow(handle, after));
        while let Some(shown) = shown.next().await {
            match shown? {
                Shown::Stored(page) => for entry in page { yield Item::Event(entry) },
                Shown::Running(deltas) => for delta in deltas { yield Item::Delta(delta) },
                Shown::CaughtUp(_) => {}
                Shown::Now(item) => yield item,
            }
        }
    }
}

/// Everything after `after`, for ever, with what is stored in pages.
pub fn follow(handle: Arc<Handle>, after: Seq) -> impl Stream<Item = Result<Shown>> + Send {
    async_stream::try_stream! {
        let mut next = after;
        let mut seen = Seen::default();
        loop {
            let (running, mut live) = handle.live.watch();
            loop {
                let page = handle.read(next, PAGE).await?;
                let full = page.len() >= PAGE;
                for entry in &page {
                    next = entry.logged.seq;
                    seen.event(entry);
                }
                if !page.is_empty() {
                    yield Shown::Stored(page);
                }
                if !full {
                    break;
                }
            }
            let running: Vec<_> = running.into_iter().filter(|delta| seen.is_new(delta)).collect();
            if !running.is_empty() {
                yield Shown::Running(running);
            }
            yield Shown::CaughtUp(next);
            loop {
                match live.recv().await {
                    Ok(Item::Event(entry)) if entry.logged.seq <= next => {}
                    Ok(Item::Event(entry)) if entry.logged.seq == next.next() => {
                        next = entry.logged.seq;
                        seen.event(&entry);
                        yield Shown::Now(Item::Event(entry));
                    }
                    Ok(Item::Delta(delta)) => {
                        if seen.is_new(&delta) {
                            yield Shown::Now(Item::Delta(delta));
                        }
                    }
                    // A gap or a lag: the log knows what is missing.
                    Ok(Item::Event(_)) | Err(RecvError::Lagged(_)) => break,
                    Err(RecvError::Closed) => return,
                }
            }
        }
    }
}

/// How far the deltas of the running step were seen.
#[derive(Debug, Default)]
struct Seen {
    text: Option<(Step, u32, u64)>,
    output: HashMap<(CallId, OutputStream), u64>,
}

impl Seen {
    fn event(&mut self, entry: &Entry) {
        if let Event::ToolReturned { call, .. } = &entry.logged.event {
            self.output.retain(|(of, _), _| of != call);
        }
    }

    fn is_new(&mut self, delta: &Delta) -> bool {
        match delta {
            Delta::Text { step, attempt, end, .. } => {
                let place = (*step, *attempt, *end);
                let new = self.text.is_none_or(|last| place > last);
                if new {
                    self.text = Some(place);
                }
                new
            }
            Delta::Output { call, stream, offset, text, .. } => {
                let seen = self.output.entry((call.clone(), *stream)).or_default();
                let new = *offset >= *seen;
                if new {
                    *seen = offset + text.len() as u64;
                }
                new
            }
            Delta::ToolDrafted { .. } | Delta::Retrying { .. } | Delta::Progress { .. } => true,
        }
    }
}
