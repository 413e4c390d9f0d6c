//! A log in memory that can crash at any record.

use async_trait::async_trait;
use bytes::Bytes;
use harness::journal::{Journal, Stopped};
use protocol::content::{Prompt, Usage};
use protocol::delta::Delta;
use protocol::event::{Event, Logged};
use protocol::failure::Failure;
use protocol::ids::{MessageId, QuestionId, Seq, Step};
use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// When the process dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crash {
    /// Before the record with this number (from 0).
    Before(usize),
    /// After it is durable, before the loop hears of it.
    After(usize),
}

type Hook = Box<dyn Fn(&Memory, &Event) + Send + Sync>;

/// What outlives a crash, and switches for tests.
#[derive(Default)]
pub struct Memory {
    log: Mutex<Vec<Logged>>,
    blobs: Mutex<HashMap<String, Bytes>>,
    answers: Mutex<HashMap<QuestionId, String>>,
    answered: Notify,
    questions: AtomicUsize,
    pub clock: AtomicI64,
    pub deltas: Mutex<Vec<Delta>>,
    pub instructions: Mutex<HashMap<String, String>>,
    /// Record calls so far.
    pub records: AtomicUsize,
    pub crash: Mutex<Option<Crash>>,
    /// Called for each event of the loop once it is in the log.
    pub hook: Mutex<Option<Hook>>,
    pub cancel_on_delta: Mutex<Option<CancellationToken>>,
    /// What the open answer cost when it was heard last.
    pub heard: Mutex<Option<(Step, Usage, u64)>>,
    /// What the writing down of a call waits for.
    pub slow: Mutex<Option<Arc<Notify>>>,
    /// Why runs should end.
    pub hindrance: Mutex<Option<Failure>>,
}

impl Memory {
    pub fn log(&self) -> Vec<Logged> {
        self.log.lock().unwrap().clone()
    }

    pub fn events(&self) -> Vec<Event> {
        self.log().into_iter().map(|logged| logged.event).collect()
    }

    /// Somebody else than the loop appends.
    pub fn append(&self, event: Event) {
        let mut log = self.log.lock().unwrap();
        let seq = Seq(log.len() as u64 + 1);
        log.push(Logged { seq, at_ms: self.clock.load(Ordering::Relaxed), event });
    }

    /// The log as another version of the loop would have left it.
    pub fn change(&self, change: impl Fn(&mut Event)) {
        self.log.lock().unwrap().iter_mut().for_each(|logged| change(&mut logged.event));
    }

    pub fn on_event(&self, hook: impl Fn(&Self, &Event) + Send + Sync + 'static) {
        *self.hook.lock().unwrap() = Some(Box::new(hook));
    }

    /// A person answers.
    pub fn answer(&self, question: QuestionId, answer: &str) {
        let (principal, text) = ("admin".to_owned(), answer.to_owned());
        self.append(Event::QuestionAnswered { question, answer: text.clone(), principal });
        self.answers.lock().unwrap().insert(question, text);
        self.answered.notify_waiters();
    }

    pub fn count(&self, matches: impl Fn(&Event) -> bool) -> usize {
        self.events().iter().filter(|event| matches(event)).count()
    }

    /// The events are in the log; whether the process dies is said by the caller.
    fn durable(&self, events: &[Event]) {
        events.iter().cloned().for_each(|event| self.append(event));
        if let Some(hook) = &*self.hook.lock().unwrap() {
            events.iter().for_each(|event| hook(self, event));
        }
    }
}

/// The log as one process sees it.
pub struct Handle {
    memory: Arc<Memory>,
    seen: AtomicUsize,
}

impl Handle {
    pub fn new(memory: &Arc<Memory>, seen: usize) -> Self {
        Self { memory: Arc::clone(memory), seen: AtomicUsize::new(seen) }
    }
}

#[async_trait]
impl Journal for Handle {
    async fn record(&self, events: Vec<Event>) -> Result<Vec<Logged>, Stopped> {
        assert!(!events.is_empty(), "an empty record");
        let number = self.memory.records.fetch_add(1, Ordering::SeqCst);
        let crash = *self.memory.crash.lock().unwrap();
        if crash == Some(Crash::Before(number)) {
            return Err(Stopped);
        }
        let slow = self.memory.slow.lock().unwrap().clone();
        let calls = events.iter().any(|event| matches!(event, Event::ToolCalled { .. }));
        if let Some(slow) = slow.filter(|_| calls) {
            slow.notified().await;
        }
        self.memory.durable(&events);
        if crash == Some(Crash::After(number)) {
            return Err(Stopped);
        }
        let log = self.memory.log();
        let from = self.seen.swap(log.len(), Ordering::SeqCst);
        Ok(log[from..].to_vec())
    }

    fn delta(&self, delta: Delta) {
        if let Some(cancel) = &*self.memory.cancel_on_delta.lock().unwrap() {
            cancel.cancel();
        }
        self.memory.deltas.lock().unwrap().push(delta);
    }

    fn heard(&self, step: Step, usage: Usage, cost_micros: u64) {
        *self.memory.heard.lock().unwrap() = Some((step, usage, cost_micros));
    }

    async fn hindrance(&self) -> Option<Failure> {
        self.memory.hindrance.lock().unwrap().clone()
    }

    fn steering(&self) -> Vec<(MessageId, Prompt)> {
        let mut waiting = Vec::new();
        for event in self.memory.events() {
            match event {
                Event::Steered { message, prompt, .. } => waiting.push((message, prompt)),
                Event::SteerTaken { message, .. } => waiting.retain(|(id, _)| *id != message),
                _ => {}
            }
        }
        waiting
    }

    async fn blob(&self, digest: &str) -> Option<Bytes> {
        self.memory.blobs.lock().unwrap().get(digest).cloned()
    }

    async fn keep(&self, bytes: Bytes) -> Result<String, Stopped> {
        let digest = format!("digest-of-{}-bytes", bytes.len());
        self.memory.blobs.lock().unwrap().insert(digest.clone(), bytes);
        Ok(digest)
    }

    fn question_id(&self) -> QuestionId {
        let number = self.memory.questions.fetch_add(1, Ordering::SeqCst);
        QuestionId::parse(&format!("q-0190b5a4-7c3e-7bde-8f00-0000000000{number:02}")).unwrap()
    }

    async fn answer(&self, question: QuestionId) -> Result<String, Stopped> {
        loop {
            let notified = self.memory.answered.notified();
            if let Some(answer) = self.memory.answers.lock().unwrap().get(&question) {
                return Ok(answer.clone());
            }
            notified.await;
        }
    }

    async fn instruction(&self, path: &str) -> Option<String> {
        self.memory.instructions.lock().unwrap().get(path).cloned()
    }

    fn now_ms(&self) -> i64 {
        self.memory.clock.load(Ordering::Relaxed)
    }
}
