//! The driver of one agent: carries out what `agent::plan` says, and nothing else.
//!
//! ```text
//! lease ─► loop { plan ─► record decisions and intents ─► start what is named, stop what is not ─► wait }
//! ```
//!
//! It is woken by a nudge, by an effect that ended or by the clock, and told nothing: it reads the
//! state again. There is no retry here; a failed effect is an event and the next plan says when.

use crate::agents::Handle;
use crate::app::App;
use crate::clock::now_ms;
use crate::disk;
use crate::effects::{self, Job};
use crate::egress;
use agent::effect::{Action, Effect, Plan};
use agent::state::Allowed;
use anyhow::{Context, Result};
use protocol::event::Event;
use protocol::failure::{Failure, Phase, Refusal};
use protocol::ids::{EffectKey, Term};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Life of a lease unless renewed.
const LEASE_MS: i64 = 30_000;
/// How often a lease is renewed.
const RENEW: Duration = Duration::from_secs(10);
/// Time an effect that is no longer wanted gets to stop by itself.
const LINGER: Duration = Duration::from_millis(200);
/// Decisions recorded in a row without waiting; more is a fault of the plan.
const ROUNDS_WITHOUT_WAITING: u32 = 200;

/// Makes sure that somebody drives this agent.
pub fn wake(app: &Arc<App>, handle: &Arc<Handle>) {
    handle.nudge.notify_one();
    if handle.driven.swap(true, Ordering::AcqRel) || app.shutdown.is_cancelled() {
        return;
    }
    let (app, handle) = (Arc::clone(app), Arc::clone(handle));
    app.tasks.clone().spawn(async move {
        loop {
            let outcome = Driver::run(&app, &handle).await;
            handle.driven.store(false, Ordering::Release);
            if let Err(error) = outcome {
                tracing::warn!(agent.id = %handle.id, error = format!("{error:#}"), "the driver stopped");
                // The alarm clock finds the agent again: its row says that it has something to do.
                return;
            }
            // Something may have happened between the last look and the flag.
            let idle = handle.plan().await.map_or(true, |plan| quiet(&plan));
            if idle || app.shutdown.is_cancelled() || handle.driven.swap(true, Ordering::AcqRel) {
                return;
            }
        }
    });
}

fn quiet(plan: &Plan) -> bool {
    plan.record.is_empty()
        && plan.effects.is_empty()
        && plan.wake_at_ms.is_none_or(|at| at > now_ms())
}

struct Running {
    cancel: CancellationToken,
    effect: Effect,
    stopping: bool,
}

struct Driver<'a> {
    app: &'a Arc<App>,
    handle: &'a Arc<Handle>,
    term: Term,
    running: HashMap<EffectKey, Running>,
    tasks: JoinSet<(EffectKey, Result<()>)>,
    /// What people had allowed when the gateway was told last.
    allowed: Option<(Vec<Allowed>, bool)>,
}

impl<'a> Driver<'a> {
    async fn run(app: &'a Arc<App>, handle: &'a Arc<Handle>) -> Result<()> {
        let Some(term) =
            app.store.acquire(&handle.org, handle.id, &app.holder, now_ms(), LEASE_MS).await?
        else {
            anyhow::bail!("another server holds this agent's lease");
        };
        let mut driver = Self {
            app,
            handle,
            term,
            running: HashMap::new(),
            tasks: JoinSet::new(),
            allowed: None,
        };
        let outcome = driver.rounds().await;
        // Dropped, not cancelled: what runs inside goes on, and the next driver attaches to it.
        driver.tasks.shutdown().await;
        if outcome.is_ok() {
            driver.rest().await?;
        }
        app.store.release(&handle.org, handle.id, &app.holder, term).await?;
        if outcome.is_ok() && handle.view().await?.state.is_deleted() {
            app.store
                .delete_agent(&handle.org, handle.id)
                .await
                .context("delete the agent's records")?;
        }
        outcome
    }

    async fn rounds(&mut self) -> Result<()> {
        let mut renew = tokio::time::interval(RENEW);
        renew.tick().await;
        let mut busy_rounds = 0;
        let mut opening = Some(self.app.starts.opening().await?);
        loop {
            self.follow_allowed().await?;
            let plan = self.handle.plan().await?;
            if !plan.record.is_empty() {
                busy_rounds += 1;
                anyhow::ensure!(
                    busy_rounds < ROUNDS_WITHOUT_WAITING,
                    "the plan never comes to rest"
                );
                self.record(plan.record).await?;
                continue;
            }
            busy_rounds = 0;
            drop(opening.take());
            self.align(plan.effects);
            if self.running.is_empty() {
                return Ok(());
            }
            let pause = plan.wake_at_ms.map_or(RENEW, |at| {
                Duration::from_millis(u64::try_from(at.saturating_sub(now_ms())).unwrap_or(0))
                    .max(Duration::from_millis(1))
            });
            tokio::select! {
                () = self.app.shutdown.cancelled() => return Ok(()),
                () = self.handle.nudge.notified() => {}
                Some(ended) = self.tasks.join_next() => self.ended(ended).await?,
                () = tokio::time::sleep(pause) => {}
                _ = renew.tick() => {
                    let until = now_ms().saturating_add(LEASE_MS);
                    let held = self.app.store.renew(&self.handle.org, self.handle.id, &self.app.holder, self.term, until).await?;
                    anyhow::ensure!(held, "the lease was lost");
                }
            }
        }
    }

    /// Has the gateway forget what was allowed for a run that is over, and close what a message closes.
    async fn follow_allowed(&mut self) -> Result<()> {
        let view = self.handle.view().await?;
        let Some(living) = view.state.living() else { return Ok(()) };
        let now = (living.allowed.clone(), living.flow.is_closed());
        if self.allowed.as_ref().is_some_and(|known| *known != now) {
            egress::follow(self.app, self.handle).await?;
        }
        self.allowed = Some(now);
        Ok(())
    }

    /// Appends what the plan decided. A refusal means that the state moved on: plan again.
    async fn record(&self, events: Vec<Event>) -> Result<()> {
        match self.handle.report(events, Some(self.term)).await {
            Ok(_) => Ok(()),
            Err(error) if error.is::<Refusal>() => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Starts what is named and missing, stops what is no longer named.
    fn align(&mut self, wanted: Vec<Effect>) {
        for running in self.running.values_mut() {
            if !running.stopping && !wanted.contains(&running.effect) {
                running.stopping = true;
                running.cancel.cancel();
            }
        }
        for effect in wanted {
            // What has not ended yet could put back what is removed.
            let must_wait = effect.action == Action::Erase && !self.running.is_empty();
            if !must_wait && !self.running.contains_key(&effect.key) {
                self.start(effect);
            }
        }
    }

    fn start(&mut self, effect: Effect) {
        let cancel = CancellationToken::new();
        let job = Job {
            app: Arc::clone(self.app),
            handle: Arc::clone(self.handle),
            term: self.term,
            key: effect.key.clone(),
            cancel: cancel.clone(),
        };
        let running = Running { cancel: cancel.clone(), effect: effect.clone(), stopping: false };
        self.running.insert(effect.key.clone(), running);
        self.tasks.spawn(async move {
            let key = job.key.clone();
            let work = Box::pin(effects::carry_out(job, effect.action));
            let outcome = tokio::select! {
                outcome = work => outcome,
                () = async { cancel.cancelled().await; tokio::time::sleep(LINGER).await } => Ok(()),
            };
            (key, outcome)
        });
    }

    async fn ended(
        &mut self,
        ended: Result<(EffectKey, Result<()>), tokio::task::JoinError>,
    ) -> Result<()> {
        let (key, outcome) = match ended {
            Ok(ended) => ended,
            Err(error) => return self.crashed(&error).await,
        };
        let Some(running) = self.running.remove(&key) else { return Ok(()) };
        match outcome {
            Err(error) if !running.stopping && !error.is::<Refusal>() => {
                tracing::warn!(agent.id = %self.handle.id, effect = %key, error = format!("{error:#}"), "an effect failed");
                let failure = failure_of(&error, &running.effect.action);
                self.record(vec![Event::EffectFailed { key, failure }]).await
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// A panic inside an effect: every running effect is looked at again.
    async fn crashed(&mut self, error: &tokio::task::JoinError) -> Result<()> {
        tracing::error!(agent.id = %self.handle.id, error = %error, "an effect panicked");
        let message = "something went wrong inside Errand; the server's log has the details";
        let failure = Failure::new(Phase::Internal, "internal_error", message);
        let keys: Vec<_> = self.running.keys().cloned().collect();
        self.tasks.shutdown().await;
        self.running.clear();
        for key in keys {
            self.record(vec![Event::EffectFailed { key, failure: failure.clone() }]).await?;
        }
        Ok(())
    }

    /// Nothing to do: a restarted server need not look at this agent before it is time.
    async fn rest(&self) -> Result<()> {
        let view = self.handle.view().await?;
        if view.state.is_deleted() {
            // Its records are still to be removed, by the next server if not by this one.
            return Ok(());
        }
        let plan = agent::plan(&view.state, now_ms());
        if plan.record.is_empty() && plan.effects.is_empty() {
            self.app
                .store
                .rest(&self.handle.org, self.handle.id, view.seq, plan.wake_at_ms)
                .await?;
        }
        Ok(())
    }
}

fn failure_of(error: &anyhow::Error, action: &Action) -> Failure {
    if let Some(effects::Failed(failure)) = error.downcast_ref::<effects::Failed>() {
        return failure.clone();
    }
    let (phase, code) = match action {
        Action::ResolveBase { .. } => (Phase::Repository, "repository_failed"),
        Action::Provision { .. } | Action::Attach { .. } | Action::Stop { .. } | Action::Erase => {
            (Phase::Sandbox, "sandbox_failed")
        }
        Action::Freeze { .. } => (Phase::Sandbox, "snapshot_failed"),
        Action::Prepare { .. } => (Phase::Clone, "workspace_failed"),
        Action::ChooseImage { .. } => (Phase::SetUp, "image_failed"),
        Action::SetUp { .. } => (Phase::SetUp, "set_up_failed"),
        Action::Narrow { .. } => (Phase::SetUp, "network_not_narrowed"),
        Action::Think { .. } => (Phase::Model, "model_failed"),
        Action::Interrupt { .. } => (Phase::Tool, "interrupt_failed"),
        Action::Checkpoint { .. } => (Phase::Commit, "commit_failed"),
        Action::Push { .. } => (Phase::Push, "push_failed"),
        Action::Check { .. } => (Phase::PullRequest, "checks_not_run"),
        Action::PublishPullRequest { .. } => (Phase::PullRequest, "pull_request_failed"),
    };
    if disk::is_full(error) {
        return disk::full(phase);
    }
    Failure::new(phase, code, format!("{error:#}"))
}
