//! The connection to a host on which requests go out: made with what the sandbox speaks, and again where it ended
//! between two of them.

use crate::attach::Attachment;
use crate::audit::Report;
use crate::dial::{NoConnection, dial};
use crate::heads::{HEAD_BYTES, HEADERS, Problem};
use crate::host::Authority;
use crate::pattern::Scheme;
use crate::reply::Body;
use crate::tls::{self, H2};
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::future::Future;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Time to agree on TLS with a host.
const TLS_TIME: Duration = Duration::from_secs(20);
/// Pause after which a quiet HTTP/2 connection is asked whether it still lives.
const PING: Duration = Duration::from_secs(30);

/// What a sandbox speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spoken {
    /// HTTP/2.
    pub(crate) h2: bool,
    /// HTTP/1.1.
    pub(crate) http11: bool,
}

/// Where the requests of one connection go.
pub(crate) struct Origin {
    /// The host that was judged.
    pub(crate) target: Authority,
    /// How.
    pub(crate) scheme: Scheme,
    spoken: Spoken,
    sender: Mutex<Option<Sender>>,
}

/// A connection that takes requests.
pub(crate) enum Sender {
    /// One request at a time.
    Http1(http1::SendRequest<Body>),
    /// Many.
    Http2(http2::SendRequest<Body>),
}

impl Origin {
    /// A host to which nothing is connected yet.
    pub(crate) fn new(target: Authority, scheme: Scheme, spoken: Spoken) -> Self {
        Self { target, scheme, spoken, sender: Mutex::new(None) }
    }

    /// Makes the connection over one that was dialled; says whether it is HTTP/2.
    pub(crate) async fn connect(
        &self,
        stream: TcpStream,
        attachment: &Attachment,
    ) -> Result<bool, Problem> {
        let sender = self.agree(stream, attachment).await?;
        let is_h2 = matches!(sender, Sender::Http2(_));
        *self.sender.lock().await = Some(sender);
        Ok(is_h2)
    }

    /// Sends a request. One that a dying connection gave back unsent goes out on a new one.
    pub(crate) async fn send(
        &self,
        mut request: Request<Body>,
        report: (&Report, u64),
        attachment: &Attachment,
    ) -> Result<Response<Incoming>, Problem> {
        loop {
            let (is_fresh, unsent) = match self.attempt(request, report, attachment).await? {
                Attempt::Answered(response) => return Ok(response),
                Attempt::Unsent { is_fresh, request } => (is_fresh, request),
            };
            if is_fresh {
                return Err(failed(&self.target, "it closes every connection"));
            }
            request = unsent;
        }
    }

    async fn attempt(
        &self,
        request: Request<Body>,
        (report, head_bytes): (&Report, u64),
        attachment: &Attachment,
    ) -> Result<Attempt, Problem> {
        let mut place = self.sender.lock().await;
        let is_ready = match &mut *place {
            // The answer before was read to its end, or this waits for that.
            Some(Sender::Http1(sender)) => sender.ready().await.is_ok(),
            Some(Sender::Http2(sender)) => sender.ready().await.is_ok(),
            None => false,
        };
        if !is_ready {
            let stream = reach(&self.target, attachment).await?;
            *place = Some(self.agree(stream, attachment).await?);
        }
        report.begin(head_bytes);
        let shared = match &*place {
            Some(Sender::Http2(sender)) => Some(sender.clone()),
            Some(Sender::Http1(_)) | None => None,
        };
        let sent = match (shared, &mut *place) {
            (Some(mut sender), _) => {
                drop(place);
                Box::pin(sender.try_send_request(request)).await
            }
            // Nobody else sends on it until the answer's head is there.
            (None, Some(Sender::Http1(sender))) => Box::pin(sender.try_send_request(request)).await,
            (None, _) => return Err(failed(&self.target, "the connection is gone")),
        };
        let is_fresh = !is_ready;
        match sent {
            Ok(response) => Ok(Attempt::Answered(response)),
            Err(mut error) => match error.take_message() {
                Some(request) => Ok(Attempt::Unsent { is_fresh, request }),
                None => Err(failed(&self.target, &chain(error.error()))),
            },
        }
    }

    async fn agree(&self, stream: TcpStream, attachment: &Attachment) -> Result<Sender, Problem> {
        // A request's head goes out at once.
        stream.set_nodelay(true).map_err(|error| failed(&self.target, &error.to_string()))?;
        if self.scheme == Scheme::Http {
            return self.http1(stream, attachment).await;
        }
        let config = attachment.parts.trust.client(self.spoken.h2, self.spoken.http11);
        let name = tls::server_name(&self.target.host)
            .map_err(|error| failed(&self.target, &error.to_string()))?;
        let agreeing = TlsConnector::from(config).connect(name, stream);
        let stream = match tokio::time::timeout(TLS_TIME, agreeing).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(failed(&self.target, &error.to_string())),
            Err(_) => return Err(failed(&self.target, "no agreement on TLS in time")),
        };
        if stream.get_ref().1.alpn_protocol() == Some(H2) {
            self.http2(stream, attachment).await
        } else {
            self.http1(stream, attachment).await
        }
    }

    async fn http1(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        attachment: &Attachment,
    ) -> Result<Sender, Problem> {
        let (sender, connection) = http1::Builder::new()
            .max_headers(HEADERS)
            .max_buf_size(HEAD_BYTES)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| failed(&self.target, &chain(&error)))?;
        attend(attachment, connection.with_upgrades());
        Ok(Sender::Http1(sender))
    }

    async fn http2(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        attachment: &Attachment,
    ) -> Result<Sender, Problem> {
        let (sender, connection) = http2::Builder::new(Tracked::of(attachment))
            .timer(TokioTimer::new())
            .keep_alive_interval(PING)
            .adaptive_window(true)
            .max_header_list_size(HEAD_BYTES as u32)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| failed(&self.target, &chain(&error)))?;
        attend(attachment, connection);
        Ok(Sender::Http2(sender))
    }
}

enum Attempt {
    Answered(Response<Incoming>),
    Unsent { is_fresh: bool, request: Request<Body> },
}

/// Connects to a host that was judged by name, at an address that is judged now.
pub(crate) async fn reach(
    target: &Authority,
    attachment: &Attachment,
) -> Result<TcpStream, Problem> {
    let parts = &attachment.parts;
    match dial(target, &parts.floor, parts.resolver.as_ref()).await {
        Ok(stream) => Ok(stream),
        Err(NoConnection::Denied(denial)) => Err(Problem::Denied(denial)),
        Err(NoConnection::Failed(text)) => Err(Problem::Answer(StatusCode::BAD_GATEWAY, text)),
    }
}

/// The connection's task; it ends with the connection, which ends when nobody can send on it any more.
fn attend(
    attachment: &Attachment,
    connection: impl Future<Output = hyper::Result<()>> + Send + 'static,
) {
    attachment.tracker.spawn(attachment.open().run_until_cancelled_owned(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection to a host ended early");
        }
    }));
}

fn failed(target: &Authority, why: &str) -> Problem {
    let text = format!("Errand got no answer from {target}: {why}.");
    Problem::Answer(StatusCode::BAD_GATEWAY, text)
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}

/// Runs what HTTP/2 needs beside its connection, for as long as the sandbox is attached.
#[derive(Clone)]
pub(crate) struct Tracked {
    tracker: TaskTracker,
    stop: CancellationToken,
}

impl Tracked {
    pub(crate) fn of(attachment: &Attachment) -> Self {
        Self { tracker: attachment.tracker.clone(), stop: attachment.open() }
    }
}

impl<F> hyper::rt::Executor<F> for Tracked
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, work: F) {
        self.tracker.spawn(self.stop.clone().run_until_cancelled_owned(async move {
            work.await;
        }));
    }
}
