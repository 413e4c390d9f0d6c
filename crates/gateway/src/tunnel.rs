//! A CONNECT tunnel: judged, dialled, and watched until its TLS greeting names the same host.

use crate::attach::Attachment;
use crate::audit::{Audit, Passage, Peer};
use crate::dial::{NoConnection, dial};
use crate::hello::{HELLO_BYTES, Hello, read_hello};
use crate::host::{Authority, Host};
use crate::policy::{Access, HTTPS_PORT, name_mismatch_denial};
use crate::proxy::Problem;
use crate::traffic::{Counted, Traffic};
use http::{Request, StatusCode};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Time from the opening of a tunnel to port 443 to the end of its TLS greeting.
const HELLO_TIME: Duration = Duration::from_secs(30);

/// A tunnel whose far end is connected.
pub(crate) struct Tunnel {
    near: OnUpgrade,
    far: Counted<TcpStream>,
    target: Authority,
    report: Report,
}

/// Tells the audit about a passage when it is over, however it ends.
pub(crate) struct Report {
    audit: Arc<dyn Audit>,
    peer: Peer,
    target: Authority,
    method: Option<String>,
    far: Arc<Traffic>,
}

impl Report {
    /// A report on the connection to `target` that `far` counts.
    pub(crate) fn new(
        attachment: &Attachment,
        target: &Authority,
        method: Option<String>,
        far: Arc<Traffic>,
    ) -> Self {
        let audit = attachment.parts.audit.clone();
        Self { audit, peer: attachment.peer, target: target.clone(), method, far }
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        let passage = Passage {
            host: self.target.host.to_string(),
            port: self.target.port,
            method: self.method.take(),
            bytes_up: self.far.written(),
            bytes_down: self.far.read(),
        };
        self.audit.passed(self.peer, &passage);
    }
}

/// Judges and dials the target of a CONNECT.
pub(crate) async fn open(
    request: Request<Incoming>,
    target: Authority,
    attachment: &Attachment,
) -> Result<Tunnel, Problem> {
    let far = reach(&target, Access::Tunnel, attachment).await?;
    let (far, traffic) = Counted::new(far);
    let report = Report::new(attachment, &target, None, traffic);
    Ok(Tunnel { near: hyper::upgrade::on(request), far, target, report })
}

/// Judges a destination by name and by address and connects to it.
pub(crate) async fn reach(
    target: &Authority,
    access: Access<'_>,
    attachment: &Attachment,
) -> Result<TcpStream, Problem> {
    attachment.policy().judge(target, access).map_err(Problem::Denied)?;
    let parts = &attachment.parts;
    match dial(target, &parts.floor, parts.resolver.as_ref()).await {
        Ok(stream) => Ok(stream),
        Err(NoConnection::Denied(denial)) => Err(Problem::Denied(denial)),
        Err(NoConnection::Failed(text)) => Err(Problem::Answer(StatusCode::BAD_GATEWAY, text)),
    }
}

/// Carries bytes both ways until one end is done.
pub(crate) async fn run(tunnel: Tunnel, attachment: &Attachment) {
    let Tunnel { near, mut far, target, report } = tunnel;
    let Ok(upgraded) = near.await else { return };
    let mut near = TokioIo::new(upgraded);
    let greeting = if target.port == HTTPS_PORT {
        match greeted(&mut near, &target.host).await {
            Ok(bytes) => bytes,
            Err(why) => {
                let denial = name_mismatch_denial(&target, why);
                attachment.parts.audit.denied(attachment.peer, &denial);
                return;
            }
        }
    } else {
        Vec::new()
    };
    let carried = async {
        far.write_all(&greeting).await?;
        tokio::io::copy_bidirectional(&mut near, &mut far).await
    };
    if let Err(error) = carried.await {
        tracing::debug!(%error, agent.id = %attachment.peer.agent, "a tunnel of a sandbox ended early");
    }
    drop(report);
}

/// Reads the greeting and holds it against the name that was judged.
async fn greeted(
    near: &mut (impl AsyncRead + Unpin),
    host: &Host,
) -> Result<Vec<u8>, &'static str> {
    let mut bytes = Vec::new();
    let reading = async {
        loop {
            match read_hello(&bytes) {
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
            match near.read_buf(&mut bytes).await {
                Ok(0) | Err(_) => return Err("it ended before its TLS greeting"),
                Ok(_) => {}
            }
        }
    };
    match tokio::time::timeout(HELLO_TIME, reading).await {
        Ok(Ok(())) => Ok(bytes),
        Ok(Err(why)) => Err(why),
        Err(_) => Err("it did not begin with TLS in time"),
    }
}
