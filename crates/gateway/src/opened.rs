//! A connection whose requests are read: TLS ends here, with a certificate of the sandbox's own authority, and begins
//! anew towards the host. Each request inside is judged by itself.
//!
//! The host is greeted before the sandbox is answered, so that both speak the same version of HTTP.

use crate::attach::Attachment;
use crate::far::{Origin, Spoken, Tracked};
use crate::forward;
use crate::heads::{self, HEAD_BYTES, HEADERS, Problem};
use crate::host::Host;
use crate::pattern::Scheme;
use crate::policy::{Denial, name_mismatch_denial};
use crate::reply::{self, Body};
use crate::tls::{H2, HTTP_11};
use crate::tunnel::{HELLO_TIME, Reached};
use http::{Request, Response, Version};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::rustls::server::{Acceptor, ClientHello};

/// Time to send a request's head.
const HEAD_TIME: Duration = Duration::from_secs(60);
/// Requests that one connection may have under way.
const STREAMS: u32 = 100;

/// What a connection's requests are answered with.
struct Service {
    origin: Origin,
    /// Why none can be sent, if none can.
    failed: Option<Problem>,
    is_h2: bool,
}

/// How every connection of a sandbox is read that is not HTTP/2.
pub(crate) fn http1_builder() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_headers(HEADERS)
        .max_buf_size(HEAD_BYTES);
    builder
}

/// Serves requests in the clear.
pub(crate) async fn plain(
    near: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    far: Reached,
    attachment: &Arc<Attachment>,
) -> Result<(), Denial> {
    let origin = Origin::new(far.target, Scheme::Http, Spoken { h2: false, http11: true });
    let failed = origin.connect(far.stream, attachment).await.err();
    serve(near, Service { origin, failed, is_h2: false }, attachment).await;
    Ok(())
}

/// Opens TLS and serves the requests inside.
pub(crate) async fn tls(
    near: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    far: Reached,
    attachment: &Arc<Attachment>,
) -> Result<(), Denial> {
    let denied = |why| name_mismatch_denial(&far.target, why);
    let greeting = LazyConfigAcceptor::new(Acceptor::default(), near);
    let start = match tokio::time::timeout(HELLO_TIME, greeting).await {
        Ok(Ok(start)) => start,
        Ok(Err(_)) => return Err(denied("the connection does not begin with TLS")),
        Err(_) => return Err(denied("it did not begin with TLS in time")),
    };
    let spoken = {
        let hello = start.client_hello();
        check_name(&hello, &far.target.host).map_err(denied)?;
        spoken(&hello)
    };
    let origin = Origin::new(far.target, Scheme::Https, spoken);
    let connected = origin.connect(far.stream, attachment).await;
    // A host that cannot be had is told of in an answer, which more programs show than a broken greeting.
    let is_h2 = *connected.as_ref().unwrap_or(&!spoken.http11);
    let service = Service { failed: connected.err(), is_h2, origin };
    let config = match attachment.authority.server(&service.origin.target.host, is_h2) {
        Ok(config) => config,
        Err(error) => {
            tracing::warn!(error = format!("{error:#}"), "a host could not be certified");
            return Ok(());
        }
    };
    match tokio::time::timeout(HELLO_TIME, start.into_stream(config)).await {
        Ok(Ok(near)) => serve(near, service, attachment).await,
        Ok(Err(error)) => {
            let target = &service.origin.target;
            tracing::debug!(%error, agent.id = %attachment.peer.agent, %target, "a sandbox did not agree on TLS");
        }
        Err(_) => {}
    }
    Ok(())
}

fn check_name(hello: &ClientHello<'_>, judged: &Host) -> Result<(), &'static str> {
    match (hello.server_name(), judged) {
        (None, Host::Address(_)) => Ok(()),
        (None, Host::Name(_)) => Err("its TLS greeting names no host"),
        (Some(name), judged) if Host::parse(name).is_ok_and(|named| named == *judged) => Ok(()),
        (Some(_), _) => Err("its TLS greeting names another host"),
    }
}

fn spoken(hello: &ClientHello<'_>) -> Spoken {
    let Some(protocols) = hello.alpn() else { return Spoken { h2: false, http11: true } };
    let mut spoken = Spoken { h2: false, http11: false };
    for protocol in protocols {
        spoken.h2 |= protocol == H2;
        spoken.http11 |= protocol == HTTP_11;
    }
    // Whoever speaks neither is answered with what is spoken everywhere.
    spoken.http11 |= !spoken.h2;
    spoken
}

async fn serve(
    near: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    service: Service,
    attachment: &Arc<Attachment>,
) {
    let is_h2 = service.is_h2;
    let shared = Arc::new((service, Arc::clone(attachment)));
    let answering = service_fn(move |request| answer(request, Arc::clone(&shared)));
    let served = if is_h2 {
        http2::Builder::new(Tracked::of(attachment))
            .timer(TokioTimer::new())
            .adaptive_window(true)
            .max_concurrent_streams(STREAMS)
            .max_header_list_size(HEAD_BYTES as u32)
            .serve_connection(TokioIo::new(near), answering)
            .await
    } else {
        http1_builder().serve_connection(TokioIo::new(near), answering).with_upgrades().await
    };
    if let Err(error) = served {
        tracing::debug!(%error, agent.id = %attachment.peer.agent, "an opened connection ended early");
    }
}

async fn answer(
    request: Request<Incoming>,
    shared: Arc<(Service, Arc<Attachment>)>,
) -> Result<Response<Body>, Infallible> {
    let (service, attachment) = &*shared;
    let version = request.version();
    let answered = Box::pin(forwarded(request, service, attachment)).await;
    let mut response = match answered {
        Ok(response) => response,
        Err(problem) => reply::problem(problem, attachment).await,
    };
    *response.version_mut() = version;
    Ok(response)
}

async fn forwarded(
    request: Request<Incoming>,
    Service { origin, failed, is_h2 }: &Service,
    attachment: &Attachment,
) -> Result<Response<Body>, Problem> {
    heads::check(&request)?;
    if heads::host(&request, Some(origin.scheme.port()))? != origin.target {
        // One connection, two hosts: what was judged is not what would be served.
        let why = "a request inside names another host";
        return Err(Problem::Denied(name_mismatch_denial(&origin.target, why)));
    }
    match failed {
        Some(problem) => Err(problem.clone()),
        None => {
            let is_h2 = *is_h2 && request.version() == Version::HTTP_2;
            forward::forward(request, origin, is_h2, attachment).await
        }
    }
}
