//! One question of a program inside: set aside, asked, passed back, counted.
//!
//! It is carried out by a task of the server, not by the connection that brought it: whoever hangs up
//! cannot keep what was set aside from being counted. A server that dies leaves the intent in the log,
//! and `agent::plan` counts it in full when its time is over.

use super::offer::Offer;
use crate::agents::Handle;
use crate::app::App;
use crate::clock::now_ms;
use agent::state::{Living, Room};
use bytes::Bytes;
use futures::StreamExt as _;
use gateway::audit::Peer;
use gateway::model_endpoint::{Refused, Stream};
use gateway::policy::DenialCode;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use model::passage::Wire;
use model::passage::meter::Meter;
use model::price::Price;
use protocol::content::Usage;
use protocol::event::{Counted, Event};
use protocol::failure::Refusal;
use protocol::ids::{OrgId, RunId, Seq};
use protocol::limits::MODEL_CALL_MS;
use secrecy::ExposeSecret as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_stream::wrappers::ReceiverStream;

/// Pieces of an answer that wait for the program.
const PIECES: usize = 16;
/// Largest error of a provider that is passed back.
const ERROR_BYTES: usize = 64 * 1024;
/// Time by which the log's deadline comes after the end of a question that is carried out.
const GRACE_MS: u64 = 60_000;

/// A question that may be asked, if there is room.
pub(super) struct Call {
    pub(super) wire: Wire,
    pub(super) offer: Arc<Offer>,
    pub(super) url: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) cost: Cost,
}

/// What is set aside for a question.
pub(super) struct Cost {
    model: String,
    aside: Usage,
    cost_micros: u64,
    price: Option<Price>,
}

impl Cost {
    pub(super) fn new(model: &str, aside: &model::piece::Usage, price: Option<Price>) -> Self {
        let cost_micros = price.map_or(0, |price| price.cost(aside));
        Self { model: model.to_owned(), aside: stored(aside), cost_micros, price }
    }
}

fn stored(usage: &model::piece::Usage) -> Usage {
    Usage {
        input_tokens: usage.input_tokens,
        output_tokens: usage.output_tokens,
        cache_write_tokens: usage.cache_write_tokens,
        cache_read_tokens: usage.cache_read_tokens,
    }
}

type Answer = Result<Response<Stream>, Refused>;

/// Asks, and gives the head of the answer as soon as it is there.
pub(super) async fn carry_out(app: Arc<App>, peer: Peer, call: Call) -> Answer {
    let (head, answered) = oneshot::channel();
    app.tasks.clone().spawn(async move {
        let task = Task { handle: app.agents.handle(&OrgId::default_org(), peer.agent), app, peer };
        Box::pin(task.run(call, head)).await;
    });
    answered.await.unwrap_or_else(|_| {
        Err(Refused::wrong(StatusCode::INTERNAL_SERVER_ERROR, "Errand failed; its log says why."))
    })
}

struct Task {
    app: Arc<App>,
    handle: Arc<Handle>,
    peer: Peer,
}

/// What was set aside, by the event that tells of it.
struct Reserved {
    asked: Seq,
    run: Option<RunId>,
}

impl Task {
    async fn run(self, call: Call, mut head: oneshot::Sender<Answer>) {
        let reserved = if call.wire.is_paid() {
            let reserved = tokio::select! {
                reserved = self.reserve(&call.cost) => reserved,
                () = head.closed() => return,
            };
            match reserved {
                Ok(reserved) => Some(reserved),
                Err(refused) => {
                    // Whoever asked may be gone.
                    head.send(Err(refused)).unwrap_or_default();
                    return;
                }
            }
        } else {
            None
        };
        let until = Instant::now() + Duration::from_millis(MODEL_CALL_MS);
        let outcome = self.exchange(&call, head, until).await;
        if let Some(reserved) = reserved {
            self.settle(&call.cost, &reserved, outcome).await;
        }
    }

    /// Sets aside what the question may cost; waits where others have to be counted first.
    async fn reserve(&self, cost: &Cost) -> Result<Reserved, Refused> {
        let mut changes = self.handle.changes();
        loop {
            changes.borrow_and_update();
            let view = self.handle.view().await.map_err(|error| internal(&error))?;
            let living = view.living().map_err(|_| asleep())?;
            if living.up() != Some(self.peer.epoch) || living.settings.build.is_some() {
                return Err(asleep());
            }
            match living.model_room(&cost.aside, cost.cost_micros) {
                Room::Spent => return Err(spent(living)),
                Room::Crowded => {
                    changes.changed().await.map_err(|_| asleep())?;
                    continue;
                }
                Room::Enough => {}
            }
            let run = living.active.as_ref().map(|active| active.run);
            let lasts = i64::try_from(MODEL_CALL_MS + GRACE_MS).unwrap_or(i64::MAX);
            let event = Event::ModelAsked {
                run,
                epoch: self.peer.epoch,
                model: cost.model.clone(),
                aside: cost.aside,
                cost_micros: cost.cost_micros,
                deadline_ms: now_ms().saturating_add(lasts),
            };
            match self.handle.report(vec![event], None).await {
                Ok(entries) => {
                    let asked = entries.first().map(|entry| entry.logged.seq).ok_or_else(asleep)?;
                    return Ok(Reserved { asked, run });
                }
                // Something happened in between: look again.
                Err(error) if matches!(error.downcast_ref(), Some(Refusal::Stale(_))) => {}
                Err(error) => return Err(internal(&error)),
            }
        }
    }

    /// Asks the provider and passes its answer back; what it cost, if it was told.
    async fn exchange(
        &self,
        call: &Call,
        mut head: oneshot::Sender<Answer>,
        until: Instant,
    ) -> Option<model::piece::Usage> {
        let sent = tokio::select! {
            sent = timeout(self.app.http.stall_timeout(), self.request(call).send()) => sent,
            // Whether the provider works on it already is not known.
            () = head.closed() => return None,
            () = self.app.shutdown.cancelled() => return None,
        };
        let response = match sent {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => {
                let was_never_asked = error.is_connect() || error.is_builder();
                tracing::warn!(agent.id = %self.peer.agent, error = %error.without_url(), "a model did not answer a program inside");
                let words = "Errand could not reach the model's provider; its log says why.";
                head.send(Err(Refused::wrong(StatusCode::BAD_GATEWAY, words))).unwrap_or_default();
                return was_never_asked.then(Default::default);
            }
            Err(_) => {
                let words = "The model's provider did not answer in time.";
                let refused = Refused::wrong(StatusCode::GATEWAY_TIMEOUT, words);
                head.send(Err(refused)).unwrap_or_default();
                return None;
            }
        };
        if !response.status().is_success() {
            head.send(Ok(self.failed(call, response).await)).unwrap_or_default();
            return Some(model::piece::Usage::default());
        }
        self.pass(call, response, head, until).await
    }

    /// TRUST: the key stands in place of whatever the sandbox sent; its own was taken out by the gateway.
    fn request(&self, call: &Call) -> reqwest::RequestBuilder {
        let mut headers = call.headers.clone();
        if let Some(key) = &call.offer.key {
            let (name, before) = call.wire.key_header();
            match HeaderValue::try_from(format!("{before}{}", key.expose_secret())) {
                Ok(mut value) => {
                    value.set_sensitive(true);
                    headers.insert(name, value);
                }
                Err(_) => tracing::warn!(model = call.cost.model, "the model's key is no text"),
            }
        }
        // The program's own patience is its own matter.
        let request = self.app.http.inner().post(&call.url).headers(headers);
        request.body(call.body.clone())
    }

    /// An error of the provider as it is.
    ///
    /// TRUST: some providers echo the key they refuse; it must not reach the sandbox.
    async fn failed(&self, call: &Call, response: reqwest::Response) -> Response<Stream> {
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = Vec::new();
        let mut bytes = response.bytes_stream();
        while body.len() < ERROR_BYTES {
            match timeout(self.app.http.stall_timeout(), bytes.next()).await {
                Ok(Some(Ok(chunk))) => body.extend_from_slice(&chunk),
                Ok(Some(Err(_)) | None) | Err(_) => break,
            }
        }
        let mut text = String::from_utf8_lossy(&body).into_owned();
        if let Some(key) = call.offer.key.as_ref().map(|key| key.expose_secret())
            && !key.is_empty()
        {
            text = text.replace(key, "[key]");
        }
        let body = futures::stream::once(async move { Ok(Bytes::from(text)) }).boxed();
        with_head(status, headers, body)
    }

    async fn pass(
        &self,
        call: &Call,
        response: reqwest::Response,
        head: oneshot::Sender<Answer>,
        until: Instant,
    ) -> Option<model::piece::Usage> {
        let (status, headers) = (response.status(), response.headers().clone());
        let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let mut meter = Meter::new(call.wire, kind.unwrap_or_default());
        let (pieces, receiver) = mpsc::channel(PIECES);
        let body = ReceiverStream::new(receiver).boxed();
        if head.send(Ok(with_head(status, headers, body))).is_err() {
            return None;
        }
        let mut bytes = response.bytes_stream();
        loop {
            let silence = Instant::now() + self.app.http.stall_timeout();
            let next = tokio::select! {
                next = timeout_at(silence.min(until), bytes.next()) => next,
                () = pieces.closed() => break,
                () = self.app.shutdown.cancelled() => break,
            };
            match next {
                Ok(Some(Ok(chunk))) => {
                    meter.push(&chunk);
                    if !matches!(timeout_at(until, pieces.send(Ok(chunk))).await, Ok(Ok(()))) {
                        break;
                    }
                }
                Ok(None) => {
                    meter.end();
                    break;
                }
                Ok(Some(Err(_))) | Err(_) => {
                    let cut = std::io::Error::other("the provider's answer broke off");
                    // Whoever asked may be gone.
                    pieces.send(Err(cut)).await.unwrap_or_default();
                    break;
                }
            }
        }
        meter.told()
    }

    /// Records what the question cost.
    ///
    /// TRUST: an answer that breaks off before its figures counts in full. Whoever hangs up first would
    /// otherwise have it for nothing, since some providers tell the cost in their last words only.
    async fn settle(&self, cost: &Cost, reserved: &Reserved, told: Option<model::piece::Usage>) {
        let (usage, cost_micros, counted) = match told {
            Some(usage) => {
                let cost_micros = cost.price.map_or(0, |price| price.cost(&usage));
                (stored(&usage), cost_micros, Counted::Told)
            }
            None => (cost.aside, cost.cost_micros, Counted::Assumed),
        };
        let Reserved { asked, run } = *reserved;
        let model = cost.model.clone();
        let event = Event::ModelCalled { run, asked, model, usage, cost_micros, counted };
        if let Err(error) = self.handle.report(vec![event], None).await {
            tracing::debug!(agent.id = %self.peer.agent, error = format!("{error:#}"), "what a model cost came too late");
        }
    }
}

fn with_head(status: StatusCode, headers: HeaderMap, body: Stream) -> Response<Stream> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

fn internal(error: &anyhow::Error) -> Refused {
    tracing::warn!(error = format!("{error:#}"), "a question of a program inside was not recorded");
    let words = "Errand could not record the request, so it was not passed on; its log says why.";
    Refused::wrong(StatusCode::SERVICE_UNAVAILABLE, words)
}

fn asleep() -> Refused {
    let words = "Errand passes requests to models on only while the agent's own sandbox is up, and never \
                 for a build.";
    Refused::wrong(StatusCode::FORBIDDEN, words)
}

fn spent(living: &Living) -> Refused {
    let (limits, used) = living.model_limits();
    let amounts = |[tokens, micros]: [u64; 2]| {
        format!("{tokens} tokens and ${}.{:02}", micros / 1_000_000, micros % 1_000_000 / 10_000)
    };
    let (used, limits) = (amounts(used), amounts(limits));
    let words = match living.active {
        Some(_) => format!(
            "Errand passes on no further request of this run: it used {used}, and its limits are \
             {limits}. A follow-up message begins with fresh ones; they are raised by limits.tokens and \
             limits.costCents when an agent is opened, or by run.tokens and run.cost_cents in errand.toml."
        ),
        None => format!(
            "Errand passes on no further request: since the agent's last run, programs in its sandbox \
             used {used}, and {limits} is the limit while no run is active. Send the agent a message: \
             its next run has limits of its own, and after it these begin anew."
        ),
    };
    Refused::denied(DenialCode::BudgetExhausted, words)
}
