//! The harness's memory, kept in the agent's log.

use crate::agents::{Handle, Heard};
use crate::app::App;
use crate::clock::now_ms;
use crate::disk;
use crate::first_look::INSTRUCTION_BYTES;
use crate::redact::{Pieces, Redactor};
use async_trait::async_trait;
use bytes::Bytes;
use git::mirror::Mirror;
use git::name::CommitId;
use git::objects::FileContent;
use harness::journal::{Journal, Stopped};
use protocol::content::{Prompt, Usage};
use protocol::delta::{Delta, OutputStream};
use protocol::event::{Event, Logged};
use protocol::failure::{Failure, Phase, Refusal};
use protocol::ids::{CallId, MessageId, QuestionId, RunId, Seq, Step, Term};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use uuid::Uuid;

/// The log as one turn sees it.
pub struct AgentJournal {
    pub(crate) app: Arc<App>,
    pub(crate) handle: Arc<Handle>,
    pub(crate) run: RunId,
    pub(crate) term: Term,
    /// The newest event that the turn knows.
    pub(crate) seen: Mutex<Seq>,
    /// The starting commits, by folder inside the sandbox.
    pub(crate) bases: Vec<(String, Mirror, CommitId)>,
    /// Takes the values of secrets out of what tools give back.
    pub(crate) redactor: Redactor,
    /// Output on its way to watchers.
    pub(crate) outputs: Mutex<HashMap<(CallId, OutputStream), Pieces>>,
    /// What kept the turn from recording something, when it was not the state of the agent.
    pub(crate) trouble: Mutex<Option<anyhow::Error>>,
}

impl AgentJournal {
    async fn catch_up(&self) -> Result<Vec<Logged>, Stopped> {
        let after = *self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        self.handle.log(after).await.map_err(|error| self.stopped(error))
    }

    fn saw(&self, events: &[Logged]) {
        if let Some(last) = events.last() {
            *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = last.seq;
        }
    }

    /// A refusal means that the turn is over. Anything else is the effect's own failure, or nobody
    /// would ever carry the turn on.
    fn stopped(&self, error: anyhow::Error) -> Stopped {
        if !error.is::<Refusal>() {
            *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        }
        Stopped
    }

    /// TRUST: programs inside print what they like; values of secrets are neither kept nor told to the model.
    fn redacted(&self, mut event: Event) -> Event {
        if let Event::ToolReturned { call, result, .. } = &mut event {
            self.redactor.result(result);
            self.finish_output(call);
        }
        event
    }

    /// Shows what waited for more output.
    fn finish_output(&self, call: &CallId) {
        let mut outputs = self.outputs.lock().unwrap_or_else(PoisonError::into_inner);
        for stream in [OutputStream::Stdout, OutputStream::Stderr] {
            let Some(mut pieces) = outputs.remove(&(call.clone(), stream)) else { continue };
            if let Some((offset, text)) = pieces.rest(&self.redactor) {
                let (run, call) = (self.run, call.clone());
                self.handle.live.delta(Delta::Output { run, call, stream, offset, text });
            }
        }
    }

    /// Output as watchers may see it, at its place among what they saw.
    fn shown(&self, delta: Delta) -> Option<Delta> {
        let Delta::Output { run, call, stream, text, .. } = delta else { return Some(delta) };
        let mut outputs = self.outputs.lock().unwrap_or_else(PoisonError::into_inner);
        let pieces = outputs.entry((call.clone(), stream)).or_default();
        let (offset, text) = pieces.push(&self.redactor, &text)?;
        Some(Delta::Output { run, call, stream, offset, text })
    }

    /// Takes what kept the turn from recording something.
    pub(crate) fn trouble(&self) -> Option<anyhow::Error> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[async_trait]
impl Journal for AgentJournal {
    async fn record(&self, events: Vec<Event>) -> Result<Vec<Logged>, Stopped> {
        let events = events.into_iter().map(|event| self.redacted(event)).collect();
        let entries = self
            .handle
            .report(events, Some(self.term))
            .await
            .map_err(|error| self.stopped(error))?;
        let seen = *self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let dense = entries.first().is_some_and(|entry| entry.logged.seq == seen.next());
        let events = if dense {
            entries.iter().map(|entry| entry.logged.clone()).collect()
        } else {
            // Others appended in between: the turn is told of that too, in order.
            self.catch_up().await?
        };
        self.saw(&events);
        Ok(events)
    }

    fn delta(&self, delta: Delta) {
        if let Some(delta) = self.shown(delta) {
            self.handle.live.delta(delta);
        }
    }

    fn heard(&self, step: Step, usage: Usage, cost_micros: u64) {
        self.handle.heard(Heard { run: self.run, step, usage, cost_micros });
    }

    fn used(&self) -> Option<(u64, u64)> {
        let view = self.handle.loaded()?;
        let active =
            view.state.living()?.active.as_ref().filter(|active| active.run == self.run)?;
        Some((active.spent.usage.total(), active.spent.cost_micros))
    }

    async fn hindrance(&self) -> Option<Failure> {
        if self.app.store.has_room().await { None } else { Some(disk::full(Phase::Internal)) }
    }

    fn steering(&self) -> Vec<(MessageId, Prompt)> {
        self.handle.loaded().map(|view| view.projection.steers.clone()).unwrap_or_default()
    }

    async fn blob(&self, digest: &str) -> Option<Bytes> {
        let found = self.app.store.blob(&self.handle.org, digest).await;
        found.ok().flatten().map(Bytes::from)
    }

    async fn keep(&self, bytes: Bytes) -> Result<String, Stopped> {
        let owner = self.handle.id.to_string();
        let kept = self.app.store.put_blob(&self.handle.org, &owner, &bytes, now_ms()).await;
        kept.map(|blob| blob.digest).map_err(|error| self.stopped(error.into()))
    }

    fn question_id(&self) -> QuestionId {
        QuestionId::from_uuid(Uuid::now_v7())
    }

    async fn answer(&self, question: QuestionId) -> Result<String, Stopped> {
        let mut changes = self.handle.changes();
        let mut after = Seq(0);
        loop {
            changes.borrow_and_update();
            let log = self.handle.log(after).await.map_err(|error| self.stopped(error))?;
            for logged in &log {
                match &logged.event {
                    Event::QuestionAnswered { question: of, answer, .. } if *of == question => {
                        return Ok(answer.clone());
                    }
                    _ => after = logged.seq,
                }
            }
            changes.changed().await.map_err(|_| Stopped)?;
        }
    }

    async fn instruction(&self, path: &str) -> Option<String> {
        let (_, mirror, commit, rest) =
            self.bases.iter().find_map(|(folder, mirror, commit)| {
                let rest = path.strip_prefix(folder.as_str())?.strip_prefix('/')?;
                Some((folder, mirror, commit, rest))
            })?;
        let file = mirror.read_file(commit, rest, INSTRUCTION_BYTES).await.ok().flatten();
        file.and_then(FileContent::into_text)
    }

    fn now_ms(&self) -> i64 {
        now_ms()
    }
}
