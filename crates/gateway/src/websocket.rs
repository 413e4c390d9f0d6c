//! A WebSocket to a host for which that is allowed: carried as it is, counted and bounded.

use crate::attach::Attachment;
use crate::audit::Report;
use crate::heads::Problem;
use crate::host::Authority;
use crate::reply::{self, Body};
use crate::traffic::carry;
use crate::witness;
use http::{HeaderValue, Response, StatusCode, header};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Joins both ends of a connection that became a WebSocket, and gives the answer that tells the sandbox so.
pub(crate) fn join(
    near: OnUpgrade,
    response: &mut Response<Incoming>,
    target: &Authority,
    (report, outward): (Arc<Report>, CancellationToken),
    attachment: &Attachment,
) -> Result<Response<Body>, Problem> {
    let far = hyper::upgrade::on(&mut *response);
    let mut answer = Response::new(reply::full(""));
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    for name in [
        header::SEC_WEBSOCKET_ACCEPT,
        header::SEC_WEBSOCKET_PROTOCOL,
        header::SEC_WEBSOCKET_EXTENSIONS,
    ] {
        if let Some(value) = response.headers().get(&name) {
            answer.headers_mut().insert(name, value.clone());
        }
    }
    answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    answer.headers_mut().insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    let (budget, target) = (Arc::clone(&attachment.budget), target.clone());
    let own = attachment.clone();
    let joining = async move {
        let (Ok(near), Ok(far)) = tokio::join!(near, far) else { return };
        let ends = (TokioIo::new(near), TokioIo::new(far));
        let carrying = outward.run_until_cancelled(carry(ends, &target, &budget, &report));
        if let Some(Err(denial)) = carrying.await {
            witness::denied(&denial, &own).await;
        }
    };
    attachment.tracker.spawn(attachment.open().run_until_cancelled_owned(joining));
    Ok(answer)
}
