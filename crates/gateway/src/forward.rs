//! A plain HTTP request to a judged host: written anew, one connection per request.

use crate::attach::Attachment;
use crate::host::Authority;
use crate::policy::{Access, HTTP_PORT};
use crate::proxy::{HEAD_BYTES, HEADERS, Problem};
use crate::reply::{Body, BodyError};
use crate::traffic::Counted;
use crate::tunnel::{Report, reach};
use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, Uri, Version, header,
};
use http_body_util::BodyExt as _;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Headers that belong to one connection and are never passed on.
const HOP_BY_HOP: [HeaderName; 7] = [
    header::CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];
/// Those without a constant of their own.
const HOP_BY_HOP_OLD: [&str; 2] = ["keep-alive", "proxy-connection"];

/// Forwards a request to the host it names and passes the answer back.
pub(crate) async fn forward(
    request: Request<Incoming>,
    target: Authority,
    attachment: &Attachment,
) -> Result<Response<Body>, Problem> {
    let method = request.method().as_str().to_owned();
    let stream = reach(&target, Access::Plain { method: &method }, attachment).await?;
    let (far, traffic) = Counted::new(stream);
    let report = Report::new(attachment, &target, Some(method), traffic);
    let outgoing = rewrite(request, &target)?;

    let failed = |error: hyper::Error| {
        Problem::Answer(
            StatusCode::BAD_GATEWAY,
            format!("Errand got no answer from {target}: {error}."),
        )
    };
    let (mut sender, connection) = http1::Builder::new()
        .max_headers(HEADERS)
        .max_buf_size(HEAD_BYTES)
        .handshake(TokioIo::new(far))
        .await
        .map_err(failed)?;
    // The task ends with the connection, which ends when the answer is read or dropped.
    attachment.tracker.spawn(attachment.stop.clone().run_until_cancelled_owned(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a forwarded request ended early");
        }
    }));
    let (mut parts, body) = sender.send_request(outgoing).await.map_err(failed)?.into_parts();
    strip(&mut parts.headers);
    parts.version = Version::HTTP_11;
    Ok(Response::from_parts(parts, Reported { body, _report: report }.boxed_unsync()))
}

fn rewrite(request: Request<Incoming>, target: &Authority) -> Result<Request<Incoming>, Problem> {
    let (mut parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    parts.uri = Uri::try_from(path).map_err(|_| Problem::bad("the path is malformed"))?;
    parts.version = Version::HTTP_11;
    strip(&mut parts.headers);
    // The body's own framing decides, so that there is exactly one.
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.remove(header::EXPECT);
    let host = HeaderValue::try_from(target.header(HTTP_PORT))
        .map_err(|_| Problem::bad("the host is malformed"))?;
    parts.headers.insert(header::HOST, host);
    Ok(Request::from_parts(parts, body))
}

fn strip(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| HeaderName::try_from(name.trim()).ok())
        // Nobody may have a length or a host removed by calling it a connection's own.
        .filter(|name| name != header::CONTENT_LENGTH && name != header::HOST)
        .collect();
    for name in named.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
    for name in HOP_BY_HOP_OLD {
        headers.remove(name);
    }
}

/// An answer's body that carries the report of its request to the end.
struct Reported {
    body: Incoming,
    _report: Report,
}

impl hyper::body::Body for Reported {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        Pin::new(&mut self.body).poll_frame(context).map_err(Into::into)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
