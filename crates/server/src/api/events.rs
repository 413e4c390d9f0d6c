//! `GET /v1/agents/{id}/events`: the log itself, as a page forwards or backwards, or as a live stream
//! with deltas.

use super::agent_id;
use super::body::Query;
use super::error::{ApiError, ApiResult};
use crate::agents::Handle;
use crate::app::App;
use crate::auth::Caller;
use crate::live::{Entry, Item};
use crate::watch::watch;
use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use protocol::api::agents::{EventBody, EventsBody};
use protocol::api::timestamp;
use protocol::event::Event;
use protocol::failure::Refusal;
use protocol::ids::Seq;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// Events on one page unless asked otherwise, and at most.
const PAGE: usize = 500;
/// How often a silent stream shows that it is alive.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Where to read from.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
pub struct EventsQuery {
    /// Events after this number; 0 or absent: from the beginning.
    after: Option<u64>,
    /// Instead of `after`: the newest events below this number, still oldest first.
    before: Option<u64>,
    /// At most 500.
    limit: Option<usize>,
}

/// Events after N, or the newest below N. With `Accept: text/event-stream` they are followed live: `event` frames carry the
/// number as id, `delta` frames are seen once only.
#[utoipa::path(get, path = "/v1/agents/{id}/events", tag = "agents",
    params(("id" = String, Path), EventsQuery),
    responses((status = 200, description = "events, oldest first", body = EventsBody)))]
pub async fn events(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(agent): Path<String>,
    Query(query): Query<EventsQuery>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let agent = agent_id(&agent)?;
    let handle = app.agents.existing(&caller.org, agent).await?;
    let limit = query.limit.unwrap_or(PAGE).clamp(1, PAGE);
    if let Some(before) = query.before {
        if query.after.is_some() {
            return Err(ApiError::invalid("before", "cannot be combined with `after`"));
        }
        let (record, _) = app.agents.record(&caller.org, agent).await?.ok_or(Refusal::NoAgent)?;
        return backwards(&handle, before.min(record.head.0.saturating_add(1)), limit).await;
    }
    let resumed = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    let after = Seq(resumed.or(query.after).unwrap_or(0));
    let live = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    if live.is_some_and(|accept| accept.contains("text/event-stream")) {
        return Ok(follow(watch(handle, after)));
    }
    let page = handle.read(after, limit).await?;
    let next_after =
        (page.len() >= limit).then(|| page.last().map(|entry| entry.logged.seq.0)).flatten();
    let items = page.iter().map(|entry| body(entry)).collect();
    Ok(Json(EventsBody { items, next_after, next_before: None }).into_response())
}

/// Numbers are dense, so the events below one are found by counting.
async fn backwards(handle: &Handle, before: u64, limit: usize) -> ApiResult<Response> {
    let count = before.saturating_sub(1).min(u64::try_from(limit).unwrap_or(u64::MAX));
    let first = before.saturating_sub(count);
    let page = match usize::try_from(count).unwrap_or(limit) {
        0 => Vec::new(),
        count => handle.read(Seq(first - 1), count).await?,
    };
    let next_before = (count > 0 && first > 1).then_some(first);
    let items = page.iter().map(|entry| body(entry)).collect();
    Ok(Json(EventsBody { items, next_after: None, next_before }).into_response())
}

fn body(entry: &Entry) -> EventBody {
    EventBody {
        seq: entry.logged.seq.0,
        at: timestamp(entry.logged.at_ms),
        hash: entry.hash.clone(),
        event: serde_json::to_value(&entry.logged.event).unwrap_or(Value::Null),
    }
}

/// An [`EventBody`] as text, without the detour over a tree.
#[derive(Serialize)]
struct EventText<'a> {
    seq: u64,
    at: String,
    hash: &'a str,
    event: &'a Event,
}

/// The event as JSON text.
pub fn text(entry: &Entry) -> String {
    let Entry { logged, hash } = entry;
    let at = timestamp(logged.at_ms);
    let text = EventText { seq: logged.seq.0, at, hash, event: &logged.event };
    serde_json::to_string(&text).unwrap_or_default()
}

fn follow(items: impl futures::Stream<Item = anyhow::Result<Item>> + Send + 'static) -> Response {
    let frames = async_stream::stream! {
        let mut items = std::pin::pin!(items);
        loop {
            let text = tokio::select! {
                item = items.next() => match item {
                    Some(Ok(item)) => frame(&item),
                    Some(Err(_)) | None => return,
                },
                () = tokio::time::sleep(HEARTBEAT) => "event: heartbeat\ndata: {}\n\n".to_owned(),
            };
            yield Ok::<_, std::convert::Infallible>(Bytes::from(text));
        }
    };
    let mut response = Body::from_stream(frames).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn frame(item: &Item) -> String {
    match item {
        Item::Event(entry) => {
            format!("event: event\nid: {}\ndata: {}\n\n", entry.logged.seq, text(entry))
        }
        Item::Delta(delta) => format!("event: delta\ndata: {}\n\n", json!(delta.as_ref())),
    }
}
