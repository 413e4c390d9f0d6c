//! `GET /v1/agents/{id}/runs/{runId}/stream`: one run as server-sent events.
//!
//! LF frames, one space after the colon, `status` first without id, a heartbeat, `result` then
//! `done`. The log is durable, so a stream never expires before the agent is deleted.

pub mod frames;

use super::error::{ApiError, ApiResult};
use super::{agent_id, run_id, show};
use crate::agents::Handle;
use crate::app::App;
use crate::auth::Caller;
use crate::live::Item;
use crate::projection::RunDetail;
use crate::watch::watch;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use frames::{Frame, FrameId, Frames, status};
use futures::{Stream, StreamExt};
use protocol::event::{Event, RunStatus};
use protocol::failure::Refusal;
use protocol::ids::{RunId, Seq};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// How often a silent stream shows that it is alive.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// What is promised in the retention header: as long as the agent exists; the number is a floor.
const RETENTION_S: u64 = 7 * 24 * 3600;

/// Streams one run: what happened, then what happens.
#[utoipa::path(get, path = "/v1/agents/{id}/runs/{runId}/stream", tag = "runs",
    params(("id" = String, Path), ("runId" = String, Path), ("Last-Event-ID" = Option<String>, Header, description = "resume after this frame")),
    responses((status = 200, description = "server-sent events", content_type = "text/event-stream", body = String)))]
pub async fn stream(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((agent, run)): Path<(String, String)>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let (agent, run) = (agent_id(&agent)?, run_id(&run)?);
    let handle = app.agents.existing(&caller.org, agent).await?;
    let row = app
        .store
        .run(&caller.org, agent, run)
        .await
        .map_err(anyhow::Error::from)?
        .ok_or(Refusal::NoRun)?;
    let first = RunDetail::of(&row).first_seq;
    let after = match headers.get("last-event-id") {
        None => FrameId::START,
        Some(value) => last_event_id(value, first, handle.view().await?.seq)?,
    };
    // The frames of a step need its `StepStarted`, so reading begins where the run began.
    let start = Seq(first.0.saturating_sub(1));
    let current = row.status;
    let items = watch(Arc::clone(&handle), start);
    Ok(sse(frames_of(app, handle, items, run, current, after)))
}

fn last_event_id(value: &HeaderValue, first: Seq, head: Seq) -> ApiResult<FrameId> {
    value
        .to_str()
        .ok()
        .and_then(FrameId::parse)
        .filter(|id| id.seq() >= first && id.seq() <= head)
        .ok_or_else(|| {
            ApiError::new(
                StatusCode::BAD_REQUEST,
                "invalid_last_event_id",
                "Last-Event-ID: is not an id of this run's stream",
            )
        })
}

fn frames_of(
    app: Arc<App>,
    handle: Arc<Handle>,
    items: impl Stream<Item = anyhow::Result<Item>> + Send,
    run: RunId,
    current: RunStatus,
    mut last: FrameId,
) -> impl Stream<Item = Frame> + Send {
    async_stream::stream! {
        yield status(run, current);
        let mut frames = Frames::new(run);
        let mut items = std::pin::pin!(items);
        loop {
            let item = tokio::select! {
                item = items.next() => item,
                () = tokio::time::sleep(HEARTBEAT) => {
                    yield Frame { event: "heartbeat", id: None, data: json!({}) };
                    continue;
                }
            };
            let (made, end) = match item {
                Some(Ok(Item::Event(entry))) => (frames.event(&entry.logged), ended(&entry.logged.event, run)),
                Some(Ok(Item::Delta(delta))) => (frames.delta(&delta), None),
                Some(Err(_)) | None => {
                    yield Frame { event: "error", id: None, data: json!({"code": "stream_unavailable", "message": "the log cannot be read now: reconnect"}) };
                    return;
                }
            };
            let before = last;
            for frame in made {
                // What was sent as deltas is not sent again with the finished message.
                if frame.id.is_some_and(|id| id <= before) || frame == status(run, current) {
                    continue;
                }
                last = frame.id.map_or(last, |id| id.max(last));
                yield frame;
            }
            if let Some(mut end) = end {
                add_git(&app, &handle, &mut end).await;
                for frame in end.frames() {
                    yield frame;
                }
                return;
            }
        }
    }
}

/// How a run ended, as the last frames tell it.
struct End {
    run: RunId,
    status: RunStatus,
    data: Value,
}

impl End {
    fn frames(self) -> [Frame; 4] {
        let plain = |event, data| Frame { event, id: None, data };
        [
            status(self.run, self.status),
            plain("interaction_update", json!({"type": "turn-ended"})),
            plain("result", self.data),
            plain("done", json!({})),
        ]
    }
}

fn ended(event: &Event, this: RunId) -> Option<End> {
    let Event::RunEnded { run, status, failure, result, duration_ms } = event else {
        return None;
    };
    if *run != this {
        return None;
    }
    let mut data =
        json!({"runId": run, "status": status, "text": result, "durationMs": duration_ms});
    if let (Some(failure), Some(object)) = (failure, data.as_object_mut()) {
        object.insert("error".to_owned(), json!(failure));
    }
    Some(End { run: *run, status: *status, data })
}

/// The branches that the agent has on its remotes by now.
async fn add_git(app: &App, handle: &Handle, end: &mut End) {
    let Ok(Some((_, detail))) = app.agents.record(&handle.org, handle.id).await else { return };
    if let (Some(git), Some(object)) = (show::git_body(&detail), end.data.as_object_mut()) {
        object.insert("git".to_owned(), json!(git));
    }
}

fn sse(frames: impl Stream<Item = Frame> + Send + 'static) -> Response {
    let bytes = frames.map(|frame| {
        let id = frame.id.map(|id| format!("id: {id}\n")).unwrap_or_default();
        Ok::<_, std::convert::Infallible>(Bytes::from(format!(
            "event: {}\n{id}data: {}\n\n",
            frame.event, frame.data
        )))
    });
    let mut response = Body::from_stream(bytes).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("x-cursor-stream-retention-seconds", HeaderValue::from(RETENTION_S));
    response
}
