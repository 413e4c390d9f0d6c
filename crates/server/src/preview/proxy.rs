//! Passing a request on to a port inside, and its answer back; sockets too.

use super::headers::{self, Inward};
use super::{Target, pages};
use crate::api::machine::{attend, reach};
use crate::app::App;
use crate::auth::leash::Leash;
use crate::auth::{self, Caller};
use crate::clock::now_ms;
use crate::port_stream::PortStream;
use anyhow::{Context as _, Result};
use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::http::{Response as HttpResponse, StatusCode, Uri, Version, header};
use axum::response::Response;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::client::conn::http1;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use protocol::link::FaultCode;
use sandbox::link::LinkError;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::task::JoinSet;

/// Time that a program inside gets to begin its answer.
const ANSWER: Duration = Duration::from_secs(300);

/// A request to a preview by somebody who may.
pub struct Visit {
    /// Which port.
    pub target: Target,
    /// Who.
    pub caller: Caller,
    /// Ends what stays open when the caller's right does.
    pub leash: Leash,
    /// The preview's own origin.
    pub origin: String,
}

/// Passes the request on.
pub async fn pass_on(app: &Arc<App>, visit: Visit, request: Request) -> Response {
    let handle = match app.agents.existing(&visit.caller.org, visit.target.agent).await {
        Ok(handle) => handle,
        Err(_) => return pages::plain(StatusCode::NOT_FOUND, "There is no such agent any more."),
    };
    let Ok(inside) = reach(app, handle).await else {
        let text = "The agent's machine sleeps. Wake it on the agent's page, then load this again.";
        return pages::plain(StatusCode::SERVICE_UNAVAILABLE, text);
    };
    attend(&inside.handle, &visit.caller.name).await;
    let port = visit.target.port;
    let stream = match PortStream::connect(&inside.link, port).await {
        Ok(stream) => stream,
        Err(LinkError::Fault(fault)) if fault.code == FaultCode::NotFound => {
            let text = format!("Nothing answers at port {port} of the agent's machine.");
            return pages::plain(StatusCode::BAD_GATEWAY, &text);
        }
        Err(error) => {
            let text = format!("The agent's machine cannot be reached: {error}.");
            return pages::plain(StatusCode::BAD_GATEWAY, &text);
        }
    };
    match exchange(app, visit, stream, request).await {
        Ok(response) => response,
        Err(error) => {
            tracing::debug!(error = format!("{error:#}"), "a preview's program did not answer");
            let text = format!("The program at port {port} broke off its answer.");
            pages::plain(StatusCode::BAD_GATEWAY, &text)
        }
    }
}

async fn exchange(
    app: &Arc<App>,
    visit: Visit,
    stream: PortStream,
    mut request: Request,
) -> Result<Response> {
    let is_upgrade = request.headers().contains_key(header::UPGRADE);
    let ours = hyper::upgrade::on(&mut request);
    let request = rewritten(app, &visit, request, is_upgrade).await?;
    let handshake = http1::Builder::new().handshake(TokioIo::new(stream));
    let (mut sender, connection) = handshake.await.context("speak to the program")?;
    let mut work = JoinSet::new();
    // An error shows itself at the answer as well.
    work.spawn(async move { drop(connection.with_upgrades().await) });
    let answer = tokio::time::timeout(ANSWER, sender.send_request(request));
    let mut answer = answer.await.context("wait for the program")?.context("ask the program")?;
    let switches = answer.status() == StatusCode::SWITCHING_PROTOCOLS;
    let kept = headers::outward(answer.headers(), visit.target.port, switches);
    if switches {
        let theirs = hyper::upgrade::on(&mut answer);
        carry(app, visit.leash, (ours, theirs), work);
        return Ok(assembled(answer.status(), kept, Body::empty()));
    }
    let status = answer.status();
    let over = Box::pin(until_over(visit.leash));
    let body = Held { body: answer.into_body(), over, _work: work };
    Ok(assembled(status, kept, Body::new(body)))
}

async fn rewritten(
    app: &App,
    visit: &Visit,
    request: Request,
    is_upgrade: bool,
) -> Result<Request> {
    // TRUST: somebody who sends the key of this server to a preview by mistake must not lose it.
    let has_our_key = match auth::token(request.headers()) {
        Some(token) => app.keys.caller(&app.store, &token, now_ms()).await?.is_some(),
        None => false,
    };
    let inward = Inward { origin: &visit.origin, port: visit.target.port, is_upgrade, has_our_key };
    let kept = inward.filter(request.headers());
    let (mut parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    parts.uri = Uri::try_from(path).context("read the address")?;
    parts.headers = kept;
    parts.version = Version::HTTP_11;
    parts.extensions.clear();
    Ok(Request::from_parts(parts, body))
}

fn assembled(status: StatusCode, headers: axum::http::HeaderMap, body: Body) -> Response {
    let mut response = HttpResponse::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// Carries a connection that changed its protocol until either side or the caller's right ends.
fn carry(app: &Arc<App>, mut leash: Leash, sides: (OnUpgrade, OnUpgrade), work: JoinSet<()>) {
    let shutdown = app.shutdown.clone();
    app.tasks.spawn(async move {
        // The connection inside ends with this task.
        let _work = work;
        let both = async {
            let (ours, theirs) = (sides.0.await.ok()?, sides.1.await.ok()?);
            let (mut ours, mut theirs) = (TokioIo::new(ours), TokioIo::new(theirs));
            tokio::io::copy_bidirectional(&mut ours, &mut theirs).await.ok()
        };
        tokio::select! {
            _ = both => {}
            () = leash.over() => {}
            () = shutdown.cancelled() => {}
        }
    });
}

async fn until_over(mut leash: Leash) {
    leash.over().await;
}

/// An answer's body; holds what carries it, and breaks off when the caller's right ends.
struct Held {
    body: Incoming,
    over: Pin<Box<dyn Future<Output = ()> + Send>>,
    _work: JoinSet<()>,
}

impl HttpBody for Held {
    type Data = bytes::Bytes;
    type Error = anyhow::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>>>> {
        if self.over.as_mut().poll(context).is_ready() {
            return Poll::Ready(Some(Err(anyhow::anyhow!("the caller's right ended"))));
        }
        Pin::new(&mut self.body).poll_frame(context).map_err(anyhow::Error::new)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
