//! A CONNECT tunnel: judged, dialled, and then opened, read as plain requests, or carried with its TLS greeting held
//! against the name that was judged.

use crate::attach::Attachment;
use crate::far::reach;
use crate::heads::Problem;
use crate::hello::{HELLO_BYTES, Hello, read_hello};
use crate::host::{Authority, Host};
use crate::opened;
use crate::policy::{Access, Carriage, Denial, name_mismatch_denial};
use crate::reading::{self, Whose};
use crate::traffic::Counted;
use crate::witness;
use http::Request;
use hyper::body::Incoming;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

/// Time from the opening of a tunnel to the end of its TLS greeting.
pub(crate) const HELLO_TIME: Duration = Duration::from_secs(30);

/// A tunnel whose far end is connected.
pub(crate) struct Tunnel {
    near: OnUpgrade,
    far: Reached,
}

/// A host that was judged and to which there is a connection.
pub(crate) struct Reached {
    /// The host.
    pub(crate) target: Authority,
    /// The connection.
    pub(crate) stream: TcpStream,
    carriage: Carriage,
    outward: CancellationToken,
}

impl Reached {
    /// The same where TLS must be spoken: what is not opened has to greet the host at least.
    pub(crate) fn greeted(self) -> Self {
        match self.carriage {
            Carriage::Raw | Carriage::Plain => Self { carriage: Carriage::Greeted, ..self },
            Carriage::Opened | Carriage::Greeted => self,
        }
    }
}

/// Judges and dials the target of a CONNECT.
pub(crate) async fn open(
    request: Request<Incoming>,
    target: Authority,
    attachment: &Attachment,
) -> Result<Tunnel, Problem> {
    let far = reached(target, attachment).await?;
    Ok(Tunnel { near: hyper::upgrade::on(request), far })
}

/// Judges a destination by name and by address and connects to it.
pub(crate) async fn reached(
    target: Authority,
    attachment: &Attachment,
) -> Result<Reached, Problem> {
    let outward = attachment.outward();
    let policy = &attachment.rules().policy;
    policy.judge(&target, Access::Connect).map_err(Problem::Denied)?;
    let carriage = policy.carriage(&target);
    let stream = reach(&target, attachment).await?;
    Ok(Reached { target, stream, carriage, outward })
}

/// Serves a tunnel until it ends.
pub(crate) async fn run(Tunnel { near, far }: Tunnel, attachment: &Arc<Attachment>) {
    let Ok(upgraded) = near.await else { return };
    through(TokioIo::new(upgraded), far, attachment).await;
}

/// The sandbox's end of a tunnel.
pub(crate) trait Near: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// The connection itself, and what was read of it already.
    fn into_connection(self) -> Option<(Counted<TcpStream>, Vec<u8>)>;
}

impl Near for Counted<TcpStream> {
    fn into_connection(self) -> Option<(Counted<TcpStream>, Vec<u8>)> {
        Some((self, Vec::new()))
    }
}

impl Near for TokioIo<Upgraded> {
    fn into_connection(self) -> Option<(Counted<TcpStream>, Vec<u8>)> {
        let parts = self.into_inner().downcast::<TokioIo<Counted<TcpStream>>>().ok()?;
        Some((parts.io.into_inner(), parts.read_buf.into()))
    }
}

/// Serves a connection to a host that was reached.
pub(crate) async fn through(near: impl Near, far: Reached, attachment: &Arc<Attachment>) {
    let served = match far.carriage {
        Carriage::Opened => opened::tls(near, far, attachment).await,
        Carriage::Plain => opened::plain(near, far, attachment).await,
        // Nobody sees what is said on it: it reads and carries out.
        Carriage::Greeted | Carriage::Raw => {
            if reading::note(&far.target, Whose::Host, attachment).await.is_err() {
                return;
            }
            let outward = far.outward.clone();
            let carrying = outward.run_until_cancelled(carried(near, far, attachment));
            carrying.await.unwrap_or(Ok(()))
        }
    };
    if let Err(denial) = served {
        witness::denied(&denial, attachment).await;
    }
}

async fn carried(
    near: impl Near,
    Reached { target, mut stream, carriage, .. }: Reached,
    attachment: &Attachment,
) -> Result<(), Denial> {
    let Some((mut near, mut begun)) = near.into_connection() else { return Ok(()) };
    if carriage == Carriage::Greeted {
        let greeted = greeted(&mut near, &mut begun, &target.host).await;
        greeted.map_err(|why| name_mismatch_denial(&target, why))?;
    }
    let report = attachment.report(&target, None);
    attachment.budget.take(&target, begun.len() as u64)?;
    report.begin(begun.len() as u64);
    if stream.write_all(&begun).await.is_err() {
        return Ok(());
    }
    near.carry(&stream, (&target, &report), attachment).await
}

/// Reads the greeting and holds it against the name that was judged.
async fn greeted(
    near: &mut (impl AsyncRead + Unpin),
    bytes: &mut Vec<u8>,
    host: &Host,
) -> Result<(), &'static str> {
    let reading = async {
        loop {
            match read_hello(bytes) {
                Hello::Partial if bytes.len() < HELLO_BYTES => {}
                Hello::Partial => return Err("its TLS greeting is too long"),
                Hello::NotTls => {
                    return Err("port 443 is for TLS, and the connection does not begin with it");
                }
                Hello::Unnamed if host.name().is_none() => return Ok(()),
                Hello::Unnamed => return Err("its TLS greeting names no host"),
                Hello::Named(named) if named == *host => return Ok(()),
                Hello::Named(_) => return Err("its TLS greeting names another host"),
            }
            match near.read_buf(bytes).await {
                Ok(0) | Err(_) => return Err("it ended before its TLS greeting"),
                Ok(_) => {}
            }
        }
    };
    match tokio::time::timeout(HELLO_TIME, reading).await {
        Ok(greeted) => greeted,
        Err(_) => Err("it did not begin with TLS in time"),
    }
}
