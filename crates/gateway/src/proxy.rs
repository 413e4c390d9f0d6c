//! Serves one connection of a sandbox: CONNECT, plain requests in absolute form, and the internal host.
//!
//! Every request is parsed by hyper, judged, and written anew by hyper: no byte of a head is ever
//! passed through, so two parsers cannot disagree about where a request ends.

use crate::attach::Attachment;
use crate::forward;
use crate::host::{Authority, BadHost};
use crate::internal;
use crate::policy::{Denial, HTTP_PORT, INTERNAL_HOST, bad_host_denial};
use crate::reply::{self, Body};
use crate::traffic::Counted;
use crate::tunnel::{self, Tunnel};
use http::{Method, Request, Response, StatusCode, Version, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpStream;

/// Bytes of a request's head.
pub const HEAD_BYTES: usize = 64 * 1024;
/// Header lines of a request.
pub const HEADERS: usize = 100;
/// Time to send a request's head.
const HEAD_TIME: Duration = Duration::from_secs(60);

/// The tunnel that a CONNECT opened, run after hyper has let go of the connection.
type Slot = Arc<Mutex<Option<Tunnel>>>;

/// Serves a connection until it ends or idles.
pub(crate) async fn serve(stream: TcpStream, attachment: Arc<Attachment>) {
    let (counted, traffic) = Counted::new(stream);
    let idle = attachment.parts.idle;
    let work = async move {
        let slot = Slot::default();
        let service = service_fn({
            let (attachment, slot) = (attachment.clone(), slot.clone());
            move |request| answer(request, attachment.clone(), slot.clone())
        });
        let served = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIME)
            .max_headers(HEADERS)
            .max_buf_size(HEAD_BYTES)
            .serve_connection(TokioIo::new(counted), service)
            .with_upgrades()
            .await;
        if let Err(error) = served {
            tracing::debug!(%error, agent.id = %attachment.peer.agent, "a connection of a sandbox ended early");
        }
        let tunnel = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(tunnel) = tunnel {
            tunnel::run(tunnel, &attachment).await;
        }
    };
    tokio::select! {
        () = work => {}
        () = traffic.idle(idle) => {}
    }
}

async fn answer(
    request: Request<Incoming>,
    attachment: Arc<Attachment>,
    slot: Slot,
) -> Result<Response<Body>, Infallible> {
    let answered = match route(&request) {
        Ok(Route::Internal) => Ok(internal::answer(request, &attachment).await),
        Ok(Route::Tunnel(target)) => {
            tunnel::open(request, target, &attachment).await.map(|tunnel| {
                *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(tunnel);
                Response::new(reply::full(""))
            })
        }
        Ok(Route::Plain(target)) => forward::forward(request, target, &attachment).await,
        Err(problem) => Err(problem),
    };
    Ok(answered.unwrap_or_else(|problem| match problem {
        Problem::Denied(denial) => {
            attachment.parts.audit.denied(attachment.peer, &denial);
            reply::denied(&denial)
        }
        Problem::Answer(status, text) => reply::words(status, &text),
    }))
}

/// Why a request is not carried out.
pub(crate) enum Problem {
    /// Denied by policy or floor; reported.
    Denied(Denial),
    /// Malformed or failed: a status and plain words.
    Answer(StatusCode, String),
}

impl Problem {
    pub(crate) fn bad(text: &str) -> Self {
        Self::Answer(StatusCode::BAD_REQUEST, format!("Errand refused the request: {text}."))
    }
}

enum Route {
    Internal,
    Tunnel(Authority),
    Plain(Authority),
}

fn route(request: &Request<Incoming>) -> Result<Route, Problem> {
    check_size(request)?;
    check_framing(request)?;
    if request.method() == Method::CONNECT {
        let target = connect_target(request)?;
        if target.host.name() == Some(INTERNAL_HOST) {
            return Err(Problem::bad("errand.internal is plain HTTP on port 80, without a tunnel"));
        }
        return Ok(Route::Tunnel(target));
    }
    let target = plain_target(request)?;
    match (target.host.name() == Some(INTERNAL_HOST), target.port) {
        (true, HTTP_PORT) => Ok(Route::Internal),
        (true, _) => Err(Problem::bad("errand.internal has port 80 only")),
        (false, _) if request.uri().authority().is_some() => Ok(Route::Plain(target)),
        (false, _) => Err(Problem::bad(
            "this is a proxy: it takes CONNECT and absolute addresses (set http_proxy and https_proxy)",
        )),
    }
}

/// hyper's own limit is that of its buffer, which may grow a little past it.
fn check_size(request: &Request<Incoming>) -> Result<(), Problem> {
    let lines = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4);
    if lines.sum::<usize>() <= HEAD_BYTES {
        return Ok(());
    }
    let text = format!("Errand refused the request: its head is larger than {HEAD_BYTES} bytes.");
    Err(Problem::Answer(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, text))
}

/// Whatever two readers could read as two different lengths is refused.
fn check_framing(request: &Request<Incoming>) -> Result<(), Problem> {
    let headers = request.headers();
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => Ok(()),
        (Some(_), Some(_)) => Err(Problem::bad("more than one transfer coding")),
        (Some(_), None) if headers.contains_key(header::CONTENT_LENGTH) => {
            Err(Problem::bad("both a length and a transfer coding"))
        }
        (Some(coding), None) if !coding.as_bytes().eq_ignore_ascii_case(b"chunked") => {
            Err(Problem::bad("a transfer coding other than chunked"))
        }
        (Some(_), None) if request.version() != Version::HTTP_11 => {
            Err(Problem::bad("a transfer coding in HTTP/1.0"))
        }
        (Some(_), None) => Ok(()),
    }
}

fn connect_target(request: &Request<Incoming>) -> Result<Authority, Problem> {
    let given = request.uri().authority().map_or("", |authority| authority.as_str());
    let target = Authority::parse(given, None).map_err(|bad| denied(given, bad))?;
    if let Some(host) = host_header(request)? {
        let named = Authority::parse(host, Some(target.port)).map_err(|bad| denied(host, bad))?;
        if named != target {
            return Err(mismatch());
        }
    }
    Ok(target)
}

fn plain_target(request: &Request<Incoming>) -> Result<Authority, Problem> {
    let host = host_header(request)?;
    let Some(authority) = request.uri().authority() else {
        let host = host.ok_or_else(|| Problem::bad("the Host header is missing"))?;
        return Authority::parse(host, Some(HTTP_PORT)).map_err(|bad| denied(host, bad));
    };
    if request.uri().scheme_str() != Some("http") {
        return Err(Problem::bad("only http addresses are forwarded; use CONNECT for https"));
    }
    let given = authority.as_str();
    let target = Authority::parse(given, Some(HTTP_PORT)).map_err(|bad| denied(given, bad))?;
    if let Some(host) = host {
        let named = Authority::parse(host, Some(HTTP_PORT)).map_err(|bad| denied(host, bad))?;
        if named != target {
            return Err(mismatch());
        }
    }
    Ok(target)
}

/// The one Host header, if there is one.
fn host_header(request: &Request<Incoming>) -> Result<Option<&str>, Problem> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let Some(first) = hosts.next() else { return Ok(None) };
    if hosts.next().is_some() {
        return Err(Problem::bad("more than one Host header"));
    }
    first.to_str().map(Some).map_err(|_| Problem::bad("the Host header is malformed"))
}

fn denied(given: &str, reason: BadHost) -> Problem {
    Problem::Denied(bad_host_denial(given, reason))
}

fn mismatch() -> Problem {
    Problem::bad("the Host header and the address name different hosts")
}
