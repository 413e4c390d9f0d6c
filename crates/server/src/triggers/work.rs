//! Acts upon deliveries that wait: repositories beside each other, those of one repository one after the other, so that
//! two orders in one thread never begin two agents.

use super::carry::{self, Order, Stuck};
use super::decide::decide;
use super::inbox::{self, Waiting};
use super::known::{self, Question, Unknown};
use super::threads::Place;
use super::untrusted::Mark;
use crate::app::App;
use crate::clock::now_ms;
use anyhow::Result;
use protocol::ids::OrgId;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// Longest time between two looks.
const ROUND: Duration = Duration::from_secs(2);
/// Repositories that are worked on at once.
const AT_ONCE: usize = 16;
/// Wait for an agent that is at work.
const BUSY_MS: i64 = 5_000;
/// First wait where a host does not answer; it doubles with each attempt.
const FIRST_MS: i64 = 2_000;
/// Longest such wait.
const LONGEST_MS: i64 = 10 * 60 * 1000;
/// After this nobody waits for it any more.
const GIVEN_UP_MS: i64 = 24 * 60 * 60 * 1000;

/// Works until the server ends.
pub async fn work(app: Arc<App>) {
    let org = OrgId::default_org();
    let mut busy = BTreeSet::<Place>::new();
    let (done, mut over) = mpsc::unbounded_channel::<Place>();
    loop {
        match inbox::waiting(&app, &org).await {
            Ok(waiting) => {
                for (place, due) in due(waiting, now_ms()) {
                    if busy.len() < AT_ONCE && busy.insert(place.clone()) {
                        let (app, org, done) = (Arc::clone(&app), org.clone(), done.clone());
                        app.tasks.clone().spawn(async move {
                            // Also after a panic: the others of that repository must not wait for ever.
                            let _turn = Turn { place, done };
                            of_place(&app, &org, due).await;
                        });
                    }
                }
            }
            Err(error) => tracing::warn!(error = format!("{error:#}"), "deliveries cannot be read"),
        }
        tokio::select! {
            () = tokio::time::sleep(ROUND) => {}
            () = app.forges.inbox.nudge.notified() => {}
            Some(place) = over.recv() => {
                busy.remove(&place);
            }
            () = app.shutdown.cancelled() => return,
        }
        while let Ok(place) = over.try_recv() {
            busy.remove(&place);
        }
    }
}

/// A repository that is worked on; says so when that ends.
struct Turn {
    place: Place,
    done: mpsc::UnboundedSender<Place>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        // Whoever listened has ended with the server.
        drop(self.done.send(self.place.clone()));
    }
}

/// What is due, by repository, each in its order.
fn due(waiting: Vec<(String, Waiting)>, now: i64) -> BTreeMap<Place, Vec<(String, Waiting)>> {
    let mut all = BTreeMap::<Place, Vec<_>>::new();
    for (key, waiting) in waiting.into_iter().filter(|(_, waiting)| waiting.due_ms <= now) {
        all.entry(waiting.place.clone()).or_default().push((key, waiting));
    }
    all
}

async fn of_place(app: &Arc<App>, org: &OrgId, waiting: Vec<(String, Waiting)>) {
    for (key, waiting) in waiting {
        if app.shutdown.is_cancelled() {
            return;
        }
        let outcome = Box::pin(one(app, org, &key, &waiting)).await;
        let kept = match outcome {
            Ok(Done::Over(outcome)) => inbox::over(app, org, &key, &outcome).await,
            Ok(Done::Later { wait_ms }) => later(app, org, &key, (&waiting, wait_ms)).await,
            Err(error) if is_old(&waiting) => {
                tracing::error!(error = format!("{error:#}"), "a delivery is given up");
                inbox::over(app, org, &key, "nothing: it failed for a day").await
            }
            Err(error) => {
                tracing::warn!(error = format!("{error:#}"), "a delivery was not acted upon");
                let wait_ms = doubled(waiting.attempts);
                later(app, org, &key, (&waiting, wait_ms)).await
            }
        };
        if let Err(error) = kept {
            tracing::warn!(error = format!("{error:#}"), "the outcome of a delivery was not kept");
        }
    }
}

enum Done {
    Over(String),
    Later { wait_ms: i64 },
}

/// Whether nobody waits for it any more.
fn is_old(waiting: &Waiting) -> bool {
    now_ms().saturating_sub(waiting.received_ms) > GIVEN_UP_MS
}

fn doubled(attempts: u32) -> i64 {
    FIRST_MS.saturating_mul(1 << attempts.min(20)).min(LONGEST_MS)
}

async fn later(
    app: &App,
    org: &OrgId,
    key: &str,
    (waiting, wait_ms): (&Waiting, i64),
) -> Result<()> {
    let (due_ms, attempts) = (now_ms().saturating_add(wait_ms), waiting.attempts.saturating_add(1));
    inbox::postpone(app, org, key, &Waiting { due_ms, attempts, ..waiting.clone() }).await
}

async fn one(app: &Arc<App>, org: &OrgId, key: &str, waiting: &Waiting) -> Result<Done> {
    let place = &waiting.place;
    let Some(connection) = app.forges.by_id(org, &place.forge) else {
        return Ok(Done::Over("nothing: the host is not connected any more".to_owned()));
    };
    let Some(event) = inbox::event(app, org, key, &connection).await? else {
        return Ok(Done::Over("it is over".to_owned()));
    };
    let told = |outcome: String| {
        app.forges.inbox.tell(place, &event, &outcome);
        Ok(Done::Over(outcome))
    };
    let Some(repository) = connection.account.named(&place.repository) else {
        return told("nothing: it names no repository".to_owned());
    };
    let is_old = is_old(waiting);
    if known::is_at_work(app, org, place, &event).await? && !is_old {
        return Ok(Done::Later { wait_ms: BUSY_MS });
    }
    let forge = connection.account.forge(repository.clone())?;
    let question = Question { app, org, place, forge: forge.as_ref(), event: &event };
    let found = match question.ask().await {
        Ok(found) => found,
        Err(Unknown::Forge(error)) if crate::forges::may_pass(&error) && !is_old => {
            tracing::info!(%error, delivery = event.delivery, "the host is asked again later");
            return Ok(Done::Later { wait_ms: wait(&error, waiting.attempts) });
        }
        Err(Unknown::Forge(error)) => return told(format!("nothing: {error}")),
        Err(Unknown::Other(error)) => return Err(error),
    };
    let mark =
        Mark::of(getrandom::u64().map_err(|error| anyhow::anyhow!("no random bytes: {error}"))?);
    let act = decide(&event, &inbox::settings(&connection), &found.known, &mark);
    if carry::waits(&act) && !is_old {
        return Ok(Done::Later { wait_ms: BUSY_MS });
    }
    let order = Order {
        app,
        org,
        place,
        connection: &connection,
        repository: &repository,
        forge: forge.as_ref(),
        fingerprint: &event.fingerprint,
        login: &event.actor.login,
        found: &found,
    };
    match order.carry(act).await {
        Ok(outcome) => told(outcome),
        Err(stuck) if carry::may_pass(&stuck) && !is_old => {
            tracing::info!(error = %stuck, delivery = event.delivery, "it is tried again later");
            Ok(Done::Later { wait_ms: stuck_wait(&stuck, waiting.attempts) })
        }
        Err(stuck) => {
            if let Some(words) = carry::words(&stuck) {
                order.answer(&words).await.map_err(anyhow::Error::new)?;
            }
            told(format!("nothing: {stuck}"))
        }
    }
}

/// A host that limits how often it is asked says when it can be asked again.
fn wait(error: &forge::forge::ForgeError, attempts: u32) -> i64 {
    match error {
        forge::forge::ForgeError::RateLimited { wait } => {
            i64::try_from(wait.as_millis()).unwrap_or(LONGEST_MS).max(FIRST_MS)
        }
        _ => doubled(attempts),
    }
}

fn stuck_wait(stuck: &Stuck, attempts: u32) -> i64 {
    match stuck {
        Stuck::Forge(error) => wait(error, attempts),
        Stuck::Refusal(_) => BUSY_MS,
        Stuck::Refused(_) | Stuck::Other(_) => doubled(attempts),
    }
}
