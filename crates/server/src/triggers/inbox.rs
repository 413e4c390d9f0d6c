//! Deliveries of hosts: believed by their signature, kept before the host is answered, and each acted upon once.
//!
//! ```text
//!   signature ─► nothing to do? ─► came before? ─► kept ─► 202          triggers::work takes it from there
//! ```
//!
//! TRUST: until the signature fits, anybody may have sent it; what costs room or a question to the host comes after.

use super::decide::{Settings, Why, ignored_at_once};
use super::threads::{self, Place};
use crate::api::error::{ApiError, ApiResult};
use crate::app::App;
use crate::clock::now_ms;
use crate::forges::Connection;
use crate::triggers::command::Switch;
use anyhow::{Context as _, Result};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use forge::account;
use forge::webhook::{Event, Kind, Sender, Verified};
use protocol::api::forges::OutcomeBody;
use protocol::api::timestamp;
use protocol::ids::OrgId;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use store::kv::{Expect, Put};
use tokio::sync::{Notify, Semaphore};

/// Kind of the records of what waits; the key is a delivery's fingerprint.
const WAITING: &str = "delivery_waiting";
/// Kind of the records of what it says.
const BODIES: &str = "delivery_body";
/// Kind of the records of what is over, so that it is over once.
const OVER: &str = "delivery_over";
/// Deliveries that may wait; a host sends more again later.
const MOST_WAITING: u16 = 10_000;
/// Deliveries that are read at once.
const PLACES: usize = 32;
/// Outcomes that are shown.
const SHOWN: usize = 100;

/// What is shared between those who take deliveries and those who act upon them.
#[derive(Debug)]
pub struct Inbox {
    /// For those who send.
    pub places: Semaphore,
    /// Something waits.
    pub(super) nudge: Notify,
    /// How much waits, about; counted anew by whoever acts.
    count: AtomicUsize,
    outcomes: Mutex<VecDeque<(String, OutcomeBody)>>,
}

/// What became of a delivery at once.
pub enum Taken {
    /// It is kept and will be acted upon.
    Kept,
    /// It came before.
    Known,
    /// Nothing will be done.
    Ignored(String),
}

/// A delivery that waits.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Waiting {
    pub place: Place,
    pub received_ms: i64,
    pub due_ms: i64,
    pub attempts: u32,
}

/// What a delivery says.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    names: Vec<(String, String)>,
    body: String,
}

impl Default for Inbox {
    fn default() -> Self {
        Self {
            places: Semaphore::new(PLACES),
            nudge: Notify::new(),
            count: AtomicUsize::new(0),
            outcomes: Mutex::default(),
        }
    }
}

impl Inbox {
    /// The last outcomes of a connection, newest first.
    pub fn outcomes(&self, forge: &str) -> Vec<OutcomeBody> {
        let outcomes = self.outcomes.lock().unwrap_or_else(PoisonError::into_inner);
        let own = outcomes.iter().rev().filter(|(of, _)| of == forge);
        own.map(|(_, outcome)| outcome.clone()).collect()
    }

    pub(super) fn tell(&self, place: &Place, event: &Event, outcome: &str) {
        tracing::info!(
            forge.id = place.forge,
            repository = place.repository,
            delivery = event.delivery,
            outcome,
            "a delivery"
        );
        let outcome = OutcomeBody {
            repository: place.repository.clone(),
            delivery: event.delivery.clone(),
            actor: event.actor.login.clone(),
            at: timestamp(now_ms()),
            outcome: outcome.to_owned(),
        };
        let mut outcomes = self.outcomes.lock().unwrap_or_else(PoisonError::into_inner);
        if outcomes.len() >= SHOWN {
            outcomes.pop_front();
        }
        outcomes.push_back((place.forge.clone(), outcome));
    }
}

/// Takes a delivery for a connection; where the address names a repository, for that one alone.
pub async fn take(
    app: &App,
    org: &OrgId,
    (forge, repository): (&str, Option<&str>),
    headers: &HeaderMap,
    body: &[u8],
) -> ApiResult<Taken> {
    let refused = |why: &dyn std::fmt::Display| {
        let message =
            format!("{why}: enter the address and the secret as `errand forge hook` tells them");
        ApiError::new(StatusCode::UNAUTHORIZED, "webhook_refused", message)
    };
    let connection = app.forges.by_id(org, forge);
    // TRUST: whether there is such a connection is told to nobody who cannot sign for it.
    let connection = connection.ok_or_else(|| refused(&forge::webhook::Forged::Wrong))?;
    let (sender, secret) = (sender(&connection), app.seeds.webhook(forge, repository));
    let verified = Verified::new(sender, &secret, headers, body, now_ms() / 1000);
    let verified = verified.map_err(|forged| refused(&forged))?;
    let unreadable = |problem: &dyn std::fmt::Display| {
        ApiError::new(StatusCode::BAD_REQUEST, "webhook_unreadable", problem.to_string())
    };
    let Some(event) = verified.event().map_err(|bad| unreadable(&bad))? else {
        return Ok(Taken::Ignored("it is nothing that is acted upon".to_owned()));
    };
    let place = Place::new(forge, repository.unwrap_or(&event.repository));
    let text = std::str::from_utf8(body).map_err(|bad| unreadable(&bad))?;
    let kept = Kept {
        names: verified.names().into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        body: text.to_owned(),
    };
    let why = if connection.account.named(&event.repository).is_none() {
        Some("it names no repository".to_owned())
    } else {
        at_once(app, org, &connection, &place, &event).await?.map(|why| why.to_string())
    };
    if let Some(why) = why {
        app.forges.inbox.tell(&place, &event, &format!("nothing: {why}"));
        return Ok(Taken::Ignored(why));
    }
    keep(app, org, (&place, &event.fingerprint), &kept).await
}

/// Why nothing will be done, if that is certain without asking the host.
async fn at_once(
    app: &App,
    org: &OrgId,
    connection: &Connection,
    place: &Place,
    event: &Event,
) -> Result<Option<Why>> {
    if let Some(why) = ignored_at_once(event, &settings(connection), &place.repository) {
        return Ok(Some(why));
    }
    // Checks of all other commits come as well, and are many.
    if let Kind::CheckEnded { commit, .. } = &event.kind
        && threads::pusher(app, org, place, commit).await?.is_none()
    {
        return Ok(Some(Why::NotOurs));
    }
    Ok(None)
}

async fn keep(
    app: &App,
    org: &OrgId,
    (place, fingerprint): (&Place, &str),
    kept: &Kept,
) -> ApiResult<Taken> {
    let key = key(place, fingerprint);
    let failed = |error: store::error::Error| {
        ApiError::from(anyhow::Error::new(error).context("keep a delivery"))
    };
    if app.store.get(org, OVER, &key).await.map_err(failed)?.is_some() {
        return Ok(Taken::Known);
    }
    if app.forges.inbox.count.load(Ordering::Relaxed) >= usize::from(MOST_WAITING) {
        let message = "too many deliveries wait: send it again later";
        return Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "webhook_busy", message));
    }
    let text = serde_json::to_string(kept).context("keep a delivery")?;
    // What it says first: what waits is read.
    app.store.put(org, BODIES, &key, Expect::Absent, &text).await.map_err(failed)?;
    let now = now_ms();
    let waiting = Waiting { place: place.clone(), received_ms: now, due_ms: now, attempts: 0 };
    let text = serde_json::to_string(&waiting).context("keep a delivery")?;
    let put = app.store.put(org, WAITING, &key, Expect::Absent, &text).await.map_err(failed)?;
    app.forges.inbox.count.fetch_add(1, Ordering::Relaxed);
    app.forges.inbox.nudge.notify_one();
    Ok(if put == Put::Conflict { Taken::Known } else { Taken::Kept })
}

/// A delivery by where it was signed for and what it says: the same words at two repositories are two.
fn key(place: &Place, fingerprint: &str) -> String {
    format!("{}\n{}\n{fingerprint}", place.forge, place.repository)
}

/// What waits, the oldest first.
pub(super) async fn waiting(app: &App, org: &OrgId) -> Result<Vec<(String, Waiting)>> {
    let found = app.store.list(org, WAITING, "", "", MOST_WAITING).await;
    let found = found.context("list deliveries")?;
    let read = found.into_iter().map(|entry| {
        let waiting = serde_json::from_str(&entry.body).context("read what waits")?;
        Ok((entry.key, waiting))
    });
    let mut all: Vec<(String, Waiting)> = read.collect::<Result<_>>()?;
    app.forges.inbox.count.store(all.len(), Ordering::Relaxed);
    all.sort_by_key(|(_, waiting)| waiting.received_ms);
    Ok(all)
}

/// What a delivery says; none where it is over.
pub(super) async fn event(
    app: &App,
    org: &OrgId,
    key: &str,
    connection: &Connection,
) -> Result<Option<Event>> {
    if app.store.get(org, OVER, key).await.context("find a delivery")?.is_some() {
        return Ok(None);
    }
    let Some(found) = app.store.get(org, BODIES, key).await.context("find a delivery")? else {
        return Ok(None);
    };
    let kept: Kept = serde_json::from_str(&found.body).context("read a delivery")?;
    let mut headers = HeaderMap::new();
    for (name, value) in &kept.names {
        let name: HeaderName = name.parse().context("read a delivery")?;
        headers.insert(name, HeaderValue::from_str(value).context("read a delivery")?);
    }
    let verified = Verified::again(sender(connection), &headers, kept.body.as_bytes());
    Ok(verified.event()?)
}

/// A delivery is over: the same is never acted upon again.
pub(super) async fn over(app: &App, org: &OrgId, key: &str, outcome: &str) -> Result<()> {
    app.store.put(org, OVER, key, Expect::Anything, outcome).await.context("end a delivery")?;
    app.store.delete(org, WAITING, key).await.context("end a delivery")?;
    app.store.delete(org, BODIES, key).await.context("end a delivery")?;
    Ok(())
}

/// A delivery is tried again.
pub(super) async fn postpone(app: &App, org: &OrgId, key: &str, waiting: &Waiting) -> Result<()> {
    let text = serde_json::to_string(waiting).context("keep a delivery")?;
    app.store.put(org, WAITING, key, Expect::Anything, &text).await.context("keep a delivery")?;
    Ok(())
}

fn sender(connection: &Connection) -> Sender {
    match connection.account.kind {
        account::Kind::Github => Sender::Github,
        account::Kind::Gitlab => Sender::Gitlab,
        account::Kind::Gitea => Sender::Gitea,
        account::Kind::Bitbucket => Sender::Bitbucket,
    }
}

/// What people chose, and who we are there.
pub(super) fn settings(connection: &Connection) -> Settings {
    let chosen = &connection.entry.triggers;
    let switch = |is_on: bool| if is_on { Switch::On } else { Switch::Off };
    Settings {
        name: chosen.name.clone(),
        logins: vec![connection.entry.login.clone()],
        labels: chosen.labels.clone(),
        autofix: switch(chosen.autofix),
        reviews: switch(chosen.reviews),
        bots: chosen.bots.clone(),
    }
}
