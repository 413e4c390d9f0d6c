//! The agents that are awake in this process: one handle each, dropped when nobody needs it.
//!
//! Everything that changes an agent goes through [`Handle::submit`] (people) or [`Handle::report`]
//! (its driver): `accept` decides on the current state, the events are committed, and only then
//! applied, shown to watchers and answered.

use crate::audit::of_events;
use crate::clock::now_ms;
use crate::live::{Entry, Live};
use crate::projection::{Detail, Projection};
use crate::triggers::tell;
use agent::effect::Plan;
use agent::state::{Living, Progress, State};
use agent::{accept, apply, plan};
use anyhow::{Context, Result};
use protocol::content::Usage;
use protocol::event::{Event, Logged};
use protocol::failure::Refusal;
use protocol::ids::{AgentId, OrgId, RunId, Seq, Step, Term};
use protocol::input::Input;
use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};
use store::Store;
use store::log::{Append, AppendError, Appended, Idempotency, StoredEvent};
use store::records::AgentRecord;
use store::sealed::SealedValue;
use tokio::sync::{Mutex as AsyncMutex, Notify, watch};

/// Events read at once when an agent is loaded.
const LOAD_PAGE: usize = 1000;
/// Times an append is tried again after somebody else appended first.
const APPEND_ROUNDS: u32 = 20;

/// Finds or loads the handle of an agent.
pub struct Agents {
    store: Store,
    awake: Mutex<HashMap<(OrgId, AgentId), Weak<Handle>>>,
}

/// One agent that is awake.
pub struct Handle {
    /// Who owns it.
    pub org: OrgId,
    /// Which agent.
    pub id: AgentId,
    /// Its watchers.
    pub live: Live,
    /// Rings for the driver whenever the state changed; carries nothing.
    pub nudge: Notify,
    /// Whether a driver task has this agent.
    pub driven: AtomicBool,
    /// Held while the way out of its sandbox is opened: several effects may want it at once.
    pub serving: AsyncMutex<()>,
    /// Held while the base is merged into its branch.
    pub updating: AsyncMutex<()>,
    store: Store,
    /// Held while something is appended: one writer at a time.
    writer: AsyncMutex<()>,
    view: RwLock<Option<Arc<View>>>,
    heard: Mutex<Option<Heard>>,
    changed: watch::Sender<Seq>,
}

/// What the answer to an open step cost so far. In memory only: after a crash the model is asked again.
#[derive(Debug, Clone, Copy)]
pub struct Heard {
    /// Whose step.
    pub run: RunId,
    /// Which step.
    pub step: Step,
    /// Tokens, as the provider counted them or as they were seen.
    pub usage: Usage,
    /// Money, in millionths of a dollar.
    pub cost_micros: u64,
}

/// The agent after its newest event.
#[derive(Debug, Clone)]
pub struct View {
    /// Position of that event.
    pub seq: Seq,
    /// What decisions are made on.
    pub state: State,
    /// What lists show.
    pub projection: Projection,
}

/// What is stored together with the events of an input.
#[derive(Default)]
pub struct Extras {
    /// Values that the events only name.
    pub sealed: Vec<SealedValue>,
    /// Key and answer under which a repeat of the request is recognised.
    pub idempotency: Option<Idempotency>,
}

impl Agents {
    /// Over this store.
    pub fn new(store: Store) -> Self {
        Self { store, awake: Mutex::default() }
    }

    /// The handle of an agent, whether or not the agent exists.
    pub fn handle(&self, org: &OrgId, id: AgentId) -> Arc<Handle> {
        let mut awake = self.awake.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (org.clone(), id);
        if let Some(handle) = awake.get(&key).and_then(Weak::upgrade) {
            return handle;
        }
        let handle = Arc::new(Handle {
            org: org.clone(),
            id,
            live: Live::default(),
            nudge: Notify::new(),
            driven: AtomicBool::new(false),
            serving: AsyncMutex::default(),
            updating: AsyncMutex::default(),
            store: self.store.clone(),
            writer: AsyncMutex::default(),
            view: RwLock::default(),
            heard: Mutex::default(),
            changed: watch::channel(Seq(0)).0,
        });
        // Handles that nobody holds leave only their place; it is cleared in passing.
        if awake.len() >= awake.capacity() {
            awake.retain(|_, weak| weak.strong_count() > 0);
        }
        awake.insert(key, Arc::downgrade(&handle));
        handle
    }

    /// The handle of an agent of this organisation that exists and is not being deleted.
    ///
    /// An agent that sleeps is looked up by its row: its log is read only when it is needed.
    pub async fn existing(&self, org: &OrgId, id: AgentId) -> Result<Arc<Handle>> {
        let handle = self.handle(org, id);
        let exists = match handle.loaded() {
            Some(view) => view.exists(),
            None => self.record(org, id).await?.is_some(),
        };
        if exists { Ok(handle) } else { Err(Refusal::NoAgent.into()) }
    }

    /// The row of an agent that exists and is not being deleted.
    pub async fn record(&self, org: &OrgId, id: AgentId) -> Result<Option<(AgentRecord, Detail)>> {
        let Some(record) = self.store.agent(org, id).await.context("read the agent's row")? else {
            return Ok(None);
        };
        let detail = Detail::of(&record.row)?;
        Ok((!detail.deleting).then_some((record, detail)))
    }

    /// How many agents are awake.
    pub fn awake(&self) -> usize {
        let awake = self.awake.lock().unwrap_or_else(PoisonError::into_inner);
        awake.values().filter(|weak| weak.strong_count() > 0).count()
    }
}

impl View {
    /// Whether people may still speak to it.
    pub fn exists(&self) -> bool {
        self.state
            .living()
            .is_some_and(|living| living.standing != agent::state::Standing::Deleting)
    }

    /// The agent, which must exist.
    pub fn living(&self) -> Result<&Living> {
        self.state.living().ok_or_else(|| Refusal::NoAgent.into())
    }
}

impl Handle {
    /// The agent after its newest event.
    pub async fn view(&self) -> Result<Arc<View>> {
        if let Some(view) = self.loaded() {
            return Ok(view);
        }
        self.caught_up().await
    }

    /// The agent after all that the store had when this was asked; `view` may come a moment after it.
    pub async fn caught_up(&self) -> Result<Arc<View>> {
        let _writer = self.writer.lock().await;
        self.load().await
    }

    /// The agent, if it was loaded before. One without events does not count: it may have been opened
    /// in the store a moment ago, by somebody who has not come to show it yet.
    pub fn loaded(&self) -> Option<Arc<View>> {
        let view = self.view.read().unwrap_or_else(PoisonError::into_inner).clone();
        view.filter(|view| view.seq > Seq(0))
    }

    /// Keeps what the answer to the open step cost so far, in case its turn ends before it.
    pub fn heard(&self, heard: Heard) {
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = Some(heard);
    }

    /// The end of the step that the end of a turn would leave uncounted.
    fn unheard_end(&self, before: &View, inputs: &[Input]) -> Option<Input> {
        let ends = inputs.iter().find_map(|input| match input {
            Input::Report(Event::TurnEnded { run, .. }) => Some(*run),
            _ => None,
        })?;
        let step = &before.state.living()?.turn()?.step;
        let heard = (*self.heard.lock().unwrap_or_else(PoisonError::into_inner))?;
        let open = step.progress == Progress::Asking && step.step == heard.step;
        (open && heard.run == ends).then(|| {
            Input::Report(Event::StepFinished {
                run: heard.run,
                step: heard.step,
                usage: heard.usage,
                cost_micros: heard.cost_micros,
                duration_ms: u64::try_from(now_ms().saturating_sub(step.started_at_ms))
                    .unwrap_or(0),
                stop: "interrupted".to_owned(),
            })
        })
    }

    /// Tells when the agent changed.
    pub fn changes(&self) -> watch::Receiver<Seq> {
        self.changed.subscribe()
    }

    /// What should be going on now.
    pub async fn plan(&self) -> Result<Plan> {
        Ok(plan(&self.view().await?.state, now_ms()))
    }

    /// Hands in an input of a person; the answer comes after the commit.
    pub async fn submit(&self, input: Input, extras: Extras) -> Result<Vec<Arc<Entry>>> {
        // What makes room may always be asked for; more work not before there is some.
        let is_work = matches!(input, Input::Open { .. } | Input::Ask { .. });
        if is_work && !self.store.has_room().await {
            return Err(store::error::Error::Full.into());
        }
        self.append(vec![input], extras, None).await
    }

    /// Reports facts, all of them or none; a driver does so under its lease.
    pub async fn report(&self, events: Vec<Event>, term: Option<Term>) -> Result<Vec<Arc<Entry>>> {
        let inputs = events.into_iter().map(Input::Report).collect();
        self.append(inputs, Extras::default(), term).await
    }

    async fn append(
        &self,
        inputs: Vec<Input>,
        extras: Extras,
        term: Option<Term>,
    ) -> Result<Vec<Arc<Entry>>> {
        let _writer = self.writer.lock().await;
        for _ in 0..APPEND_ROUNDS {
            let before = self.load().await?;
            let unheard = self.unheard_end(&before, &inputs);
            let whole: Vec<Input> = unheard.into_iter().chain(inputs.iter().cloned()).collect();
            let decided = decide(&before, whole, now_ms())?;
            if decided.events.is_empty() {
                return Ok(Vec::new());
            }
            let append = Append {
                org: self.org.clone(),
                agent: self.id,
                expected: before.seq,
                term,
                events: decided
                    .events
                    .iter()
                    .map(|logged| (logged.at_ms, logged.event.clone()))
                    .collect(),
                agent_row: decided.view.projection.agent_row(&decided.plan),
                run_rows: decided.view.projection.changed_runs(),
                sealed: extras.sealed.clone(),
                idempotency: extras.idempotency.clone(),
                letters: tell::letters(self.id, &decided.view.projection.detail, &decided.events),
                audit: decided
                    .events
                    .iter()
                    .filter_map(|logged| of_events::record(self.id, logged))
                    .collect(),
                nudge: false,
            };
            match self.store.append(append).await {
                Ok(stored) => return Ok(self.show(decided.view, stored)),
                // Another process appended first: read what it wrote and decide again.
                Err(AppendError::SeqConflict { .. }) => self.forget(),
                Err(error) => {
                    // The outcome may be unknown; the log knows.
                    self.forget();
                    return Err(anyhow::Error::new(error).context("append to the log"));
                }
            }
        }
        anyhow::bail!("append to the log: somebody else was always first")
    }

    fn show(&self, mut view: View, stored: Vec<Appended>) -> Vec<Arc<Entry>> {
        view.projection.settle();
        let seq = view.seq;
        self.set(view);
        let entries: Vec<_> = stored
            .into_iter()
            .map(|appended| {
                Arc::new(Entry { hash: appended.stored.hash.to_string(), logged: appended.logged })
            })
            .collect();
        for entry in &entries {
            self.live.event(Arc::clone(entry));
        }
        self.changed.send_replace(seq);
        self.nudge.notify_one();
        entries
    }

    fn set(&self, view: View) -> Arc<View> {
        let view = Arc::new(view);
        *self.view.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&view));
        view
    }

    fn forget(&self) {
        *self.view.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Folds the log; the caller holds `writer`.
    async fn load(&self) -> Result<Arc<View>> {
        if let Some(view) = self.loaded() {
            return Ok(view);
        }
        let mut view =
            View { seq: Seq(0), state: State::new(self.id), projection: Projection::default() };
        loop {
            let page = self
                .store
                .read(&self.org, self.id, view.seq, LOAD_PAGE)
                .await
                .context("read the log")?;
            let full = page.len() >= LOAD_PAGE;
            for stored in page {
                let logged = stored.decode().context("decode an event")?;
                apply(&mut view.state, &logged);
                view.projection.apply(&logged);
                view.seq = logged.seq;
            }
            if !full {
                break;
            }
        }
        view.projection.settle();
        Ok(self.set(view))
    }

    /// A page of the log after `after`, oldest first.
    pub async fn read(&self, after: Seq, limit: usize) -> Result<Vec<Arc<Entry>>> {
        let page =
            self.store.read(&self.org, self.id, after, limit).await.context("read the log")?;
        page.iter().map(entry).collect()
    }

    /// Everything in the log after `after`, decoded.
    pub async fn log(&self, mut after: Seq) -> Result<Vec<Logged>> {
        let mut all = Vec::new();
        loop {
            let page = self
                .store
                .read(&self.org, self.id, after, LOAD_PAGE)
                .await
                .context("read the log")?;
            let Some(last) = page.last() else { return Ok(all) };
            after = last.seq;
            for stored in page {
                all.push(stored.decode().context("decode an event")?);
            }
        }
    }
}

fn entry(stored: &StoredEvent) -> Result<Arc<Entry>> {
    let logged = stored.decode().context("decode an event")?;
    Ok(Arc::new(Entry { logged, hash: stored.hash.to_string() }))
}

/// What an input comes to, before it is committed.
struct Decided {
    events: Vec<Logged>,
    view: View,
    plan: Plan,
}

fn decide(before: &View, inputs: Vec<Input>, now: i64) -> Result<Decided, Refusal> {
    let mut view = before.clone();
    let mut events = Vec::new();
    for input in inputs {
        for event in accept(&view.state, input, now)? {
            view.seq = view.seq.next();
            let logged = Logged { seq: view.seq, at_ms: now, event };
            apply(&mut view.state, &logged);
            view.projection.apply(&logged);
            events.push(logged);
        }
    }
    let plan = plan(&view.state, now);
    Ok(Decided { events, view, plan })
}
