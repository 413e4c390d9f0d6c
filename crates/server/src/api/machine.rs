//! `/v1/agents/{id}/…` about an agent's machine, which must be up: terminals, files, ports, browser, use.

pub mod browser;
pub mod files;
pub mod forward;
pub mod ports;
pub mod ssh;
pub mod stats;
pub mod terminals;
pub mod wake;

use super::agent_id;
use super::error::{ApiError, ApiResult};
use crate::agents::{Extras, Handle};
use crate::app::App;
use crate::auth::Caller;
use crate::clock::now_ms;
use crate::driver;
use agent::state::Sandbox;
use axum::http::StatusCode;
use protocol::input::Input;
use protocol::link::{FaultCode, OpId, Request};
use sandbox::link::{Link, LinkError};
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// Time that a link which is being mended gets.
const REACH: Duration = Duration::from_secs(5);
/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(20);
/// A person's work is recorded this often, in milliseconds; well below the idle time.
const ATTEND_MS: i64 = 5 * 60 * 1000;

/// The inside of a machine that is up.
#[derive(Clone)]
pub struct Inside {
    /// Whose.
    pub handle: Arc<Handle>,
    /// The way in.
    pub link: Link,
}

/// The machine of an agent, or what to do when it is not up.
pub async fn inside(app: &Arc<App>, caller: &Caller, id: &str) -> ApiResult<Inside> {
    let handle = app.agents.existing(&caller.org, agent_id(id)?).await?;
    reach(app, handle).await
}

/// The same for an agent that is known.
pub async fn reach(app: &Arc<App>, handle: Arc<Handle>) -> ApiResult<Inside> {
    let deadline = tokio::time::Instant::now() + REACH;
    loop {
        let view = handle.view().await?;
        let epoch = match view.living()?.sandbox {
            Sandbox::Up { epoch, .. } => epoch,
            Sandbox::Wanted { .. } => return Err(asleep("is starting: try again in a moment")),
            Sandbox::Absent | Sandbox::Remains { .. } | Sandbox::Stopping { .. } => {
                return Err(asleep("sleeps: wake it with POST /v1/agents/{id}/wake"));
            }
        };
        let machine = app.machines.get(handle.id);
        if let Some(machine) =
            machine.filter(|machine| machine.epoch == epoch && !machine.link.is_closed())
        {
            return Ok(Inside { handle, link: machine.link });
        }
        if tokio::time::Instant::now() >= deadline {
            return Err(asleep("does not answer; if it is lost, the next message gets another"));
        }
        driver::wake(app, &handle);
        tokio::time::sleep(LOOK).await;
    }
}

fn asleep(what: &str) -> ApiError {
    ApiError::new(StatusCode::CONFLICT, "sandbox_asleep", format!("the agent's machine {what}"))
}

/// What a caller is told about a request that the guest did not carry out.
impl From<LinkError> for ApiError {
    fn from(error: LinkError) -> Self {
        let LinkError::Fault(fault) = error else {
            let message = format!("the agent's machine broke off: {error}; try again");
            return Self::new(StatusCode::BAD_GATEWAY, "sandbox_gone", message);
        };
        let (status, code) = match fault.code {
            FaultCode::NotFound => (StatusCode::NOT_FOUND, "not_found_inside"),
            FaultCode::Denied => (StatusCode::FORBIDDEN, "denied_inside"),
            FaultCode::BadRequest => (StatusCode::BAD_REQUEST, "validation_error"),
            FaultCode::Unsuitable => (StatusCode::CONFLICT, "unsuitable_inside"),
            FaultCode::Changed => (StatusCode::PRECONDITION_FAILED, "file_changed"),
            FaultCode::Busy => (StatusCode::TOO_MANY_REQUESTS, "sandbox_busy"),
            FaultCode::UnknownOp
            | FaultCode::OpTaken
            | FaultCode::NoMatch
            | FaultCode::ManyMatches
            | FaultCode::Cancelled
            | FaultCode::Failed => (StatusCode::BAD_GATEWAY, "failed_inside"),
        };
        Self::new(status, code, fault.message)
    }
}

/// The name of a person's operation that happens once.
pub fn fresh_op() -> ApiResult<OpId> {
    OpId::parse(&format!("person:{}", Uuid::new_v4().simple()))
        .map_err(|error| anyhow::Error::new(error).into())
}

/// Carries out an operation and lets the guest forget it.
pub async fn once(
    link: &Link,
    make: impl FnOnce(OpId) -> Request,
) -> ApiResult<protocol::link::Answer> {
    let op = fresh_op()?;
    let outcome = link.request(make(op.clone())).await;
    // The outcome is what counts; a guest that is gone has forgotten anyway.
    drop(link.ack(op).await);
    Ok(outcome?)
}

/// A person works inside: the machine is not idle. Recorded now and then only.
pub async fn attend(handle: &Handle, principal: &str) {
    let recent = handle.loaded().is_some_and(|view| {
        let living = view.state.living();
        living.is_some_and(|living| now_ms().saturating_sub(living.active_at_ms) < ATTEND_MS)
    });
    if !recent {
        let input = Input::Attend { principal: principal.to_owned() };
        if let Err(error) = handle.submit(input, Extras::default()).await {
            tracing::warn!(agent.id = %handle.id, error = format!("{error:#}"), "a person's work was not recorded");
        }
    }
}
