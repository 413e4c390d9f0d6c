//! Connections of programs that know no proxy. They were led here by rules inside; the kernel says where they
//! thought to go.
//!
//! TRUST: only addresses that stand for names in this sandbox lead anywhere, and then to that name alone:
//! TLS must greet it and requests must carry it, so the name judged is the name dialled, as for the proxy. An
//! address by itself is refused, also that of an allowed host.

use crate::attach::Attachment;
use crate::far::{Origin, Spoken};
use crate::forward;
use crate::heads::{self, Problem};
use crate::host::{Authority, Host};
use crate::internal;
use crate::opened::http1_builder;
use crate::pattern::Scheme;
use crate::policy::{Access, Denial, DenialCode, HTTP_PORT, INTERNAL_HOST, name_mismatch_denial};
use crate::reply::{self, Body, DENIED_HEADER};
use crate::traffic::Counted;
use crate::tunnel;
use crate::witness;
use http::{Method, Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Port of SSH, where the far end speaks first and names no host.
const SSH_PORT: u16 = 22;
/// First byte of everything that begins with TLS.
const TLS: u8 = 22;
/// Time to send a first byte; what waits for the far end to speak first can pass in no case.
const FIRST_BYTE_TIME: Duration = Duration::from_secs(10);
/// Time in which a refused connection takes what it is told.
const FAREWELL_TIME: Duration = Duration::from_secs(2);
/// A fatal alert of TLS: access denied.
const TLS_ALERT: [u8; 7] = [21, 3, 3, 0, 2, 2, 49];

/// Knows where connections thought to go.
pub trait Destinations: Send + Sync {
    /// Where this one did.
    fn of(&self, stream: &TcpStream) -> std::io::Result<SocketAddr>;
}

/// What the kernel remembers of connections that its rules led elsewhere.
#[derive(Debug, Default, Clone, Copy)]
pub struct KernelDestinations;

impl Destinations for KernelDestinations {
    fn of(&self, stream: &TcpStream) -> std::io::Result<SocketAddr> {
        use rustix::net::sockopt;
        let here = stream.local_addr()?;
        let led = match here {
            SocketAddr::V4(_) => sockopt::ip_original_dst(stream).map(SocketAddr::V4),
            SocketAddr::V6(_) => sockopt::ipv6_original_dst(stream).map(SocketAddr::V6),
        };
        // It was not led at all: somebody connected to this very socket.
        Ok(led.unwrap_or(here))
    }
}

/// Serves a connection until it ends or idles.
pub(crate) async fn serve(stream: TcpStream, attachment: Arc<Attachment>) {
    let target = match target(&stream, &attachment) {
        Ok(target) => target,
        Err(denial) => return refuse(stream, denial, &attachment).await,
    };
    if let Err(denial) = judge_port(&target, &attachment) {
        return refuse(stream, denial, &attachment).await;
    }
    let first = first_byte(&stream, FIRST_BYTE_TIME).await;
    let is_internal = target.host.name() == Some(INTERNAL_HOST);
    match (first, target.port) {
        (Some(TLS), _) if !is_internal => tunnel(stream, target, &attachment).await,
        (Some(_), HTTP_PORT) => requests(stream, target, attachment).await,
        (None, HTTP_PORT) => {}
        _ => refuse(stream, neither_denial(&target), &attachment).await,
    }
}

/// The name that was meant, with the port.
fn target(stream: &TcpStream, attachment: &Attachment) -> Result<Authority, Denial> {
    let unknown = SocketAddr::from(([0, 0, 0, 0], 0));
    let goal = attachment.parts.destinations.of(stream).unwrap_or(unknown);
    let name = match goal.ip().to_canonical() {
        IpAddr::V4(address) => attachment.names.find(address),
        IpAddr::V6(_) => None,
    };
    match name {
        Some(name) => Ok(Authority { host: Host::Name(name), port: goal.port() }),
        None => Err(bare_denial(goal)),
    }
}

/// Refuses what no first byte could change.
fn judge_port(target: &Authority, attachment: &Attachment) -> Result<(), Denial> {
    match (target.host.name(), target.port) {
        // Requests are judged one by one.
        (_, HTTP_PORT) => Ok(()),
        (_, SSH_PORT) => Err(ssh_denial(target)),
        (Some(INTERNAL_HOST), _) => {
            let why = "errand.internal has port 80 only";
            Err(denial(target, DenialCode::PortNotAllowed, why))
        }
        _ => attachment.rules().policy.judge(target, Access::Connect).map(|_| ()),
    }
}

async fn first_byte(stream: &TcpStream, wait: Duration) -> Option<u8> {
    let mut first = [0];
    let peeked = tokio::time::timeout(wait, stream.peek(&mut first)).await;
    match peeked {
        Ok(Ok(1)) => first.first().copied(),
        _ => None,
    }
}

async fn tunnel(stream: TcpStream, target: Authority, attachment: &Arc<Attachment>) {
    let far = match tunnel::reached(target, attachment).await {
        Ok(far) => far,
        Err(Problem::Denied(denial)) => return refuse(stream, denial, attachment).await,
        Err(Problem::Answer(_, words)) => {
            tracing::debug!(words, agent.id = %attachment.peer.agent, "a connection led nowhere");
            return;
        }
    };
    let (near, traffic) = Counted::new(stream);
    tokio::select! {
        () = tunnel::through(near, far.greeted(), attachment) => {}
        () = traffic.idle(attachment.parts.idle) => {}
    }
}

async fn requests(stream: TcpStream, target: Authority, attachment: Arc<Attachment>) {
    let (near, traffic) = Counted::new(stream);
    let idle = attachment.parts.idle;
    let service = service_fn({
        let attachment = attachment.clone();
        move |request| answer(request, target.clone(), attachment.clone())
    });
    let work = async {
        if let Err(error) = http1_builder().serve_connection(TokioIo::new(near), service).await {
            tracing::debug!(%error, agent.id = %attachment.peer.agent, "a connection of a sandbox ended early");
        }
    };
    tokio::select! {
        () = work => {}
        () = traffic.idle(idle) => {}
    }
}

async fn answer(
    request: Request<Incoming>,
    target: Authority,
    attachment: Arc<Attachment>,
) -> Result<Response<Body>, Infallible> {
    let answered = match check(&request, &target) {
        Ok(()) if target.host.name() == Some(INTERNAL_HOST) => {
            Ok(internal::answer(request, &attachment).await)
        }
        Ok(()) => {
            let origin = Origin::new(target, Scheme::Http, Spoken { h2: false, http11: true });
            Box::pin(forward::forward(request, &origin, false, &attachment)).await
        }
        Err(problem) => Err(problem),
    };
    Ok(match answered {
        Ok(response) => response,
        Err(problem) => reply::problem(problem, &attachment).await,
    })
}

/// A request must be what a server gets, for the name that its connection is for.
fn check(request: &Request<Incoming>, target: &Authority) -> Result<(), Problem> {
    heads::check(request)?;
    if request.method() == Method::CONNECT || request.uri().authority().is_some() {
        return Err(Problem::bad("it is for a proxy, which is at the address in http_proxy"));
    }
    if heads::host(request, Some(HTTP_PORT))? == *target {
        return Ok(());
    }
    let why = "the Host header of a request names another host";
    Err(Problem::Denied(name_mismatch_denial(target, why)))
}

/// Tells the log and, in the words of its protocol, the program; then closes.
async fn refuse(mut stream: TcpStream, denial: Denial, attachment: &Attachment) {
    witness::denied(&denial, attachment).await;
    let farewell = match denial.port {
        SSH_PORT => ssh_farewell(&denial.words),
        port => match first_byte(&stream, FAREWELL_TIME).await {
            Some(TLS) => TLS_ALERT.to_vec(),
            Some(_) if port == HTTP_PORT => http_farewell(&denial),
            _ => return,
        },
    };
    // Were it closed with bytes unread, what is said here would be thrown away.
    let telling = async {
        stream.write_all(&farewell).await?;
        stream.shutdown().await?;
        let mut unread = [0; 1024];
        while stream.read(&mut unread).await? > 0 {}
        Ok::<(), std::io::Error>(())
    };
    if !matches!(tokio::time::timeout(FAREWELL_TIME, telling).await, Ok(Ok(()))) {
        tracing::debug!(agent.id = %attachment.peer.agent, "a refused connection was not told why");
    }
}

fn http_farewell(denial: &Denial) -> Vec<u8> {
    let (code, words) = (denial.code.as_str(), &denial.words);
    format!(
        "HTTP/1.1 403 Forbidden\r\n{DENIED_HEADER}: {code}\r\ncontent-type: {}\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{words}\n",
        reply::PLAIN,
        words.len() + 1
    )
    .into_bytes()
}

/// Who one is, and the message of SSH that ends a connection, which clients show to people.
fn ssh_farewell(words: &str) -> Vec<u8> {
    const DISCONNECT: u8 = 1;
    const BY_APPLICATION: u32 = 11;
    let number = |value: usize| u32::try_from(value).unwrap_or_default().to_be_bytes();
    let mut message = vec![DISCONNECT];
    message.extend(BY_APPLICATION.to_be_bytes());
    message.extend(number(words.len()));
    message.extend(words.as_bytes());
    message.extend(number(0));
    // Whole blocks of eight, the two lengths included, with four bytes of filling at least.
    let filling = 4 + (8 - (5 + message.len() + 4) % 8) % 8;
    let mut bytes = b"SSH-2.0-Errand\r\n".to_vec();
    bytes.extend(number(1 + message.len() + filling));
    bytes.extend(u8::try_from(filling).ok());
    bytes.extend(message);
    bytes.resize(bytes.len() + filling, 0);
    bytes
}

fn denial(target: &Authority, code: DenialCode, why: &str) -> Denial {
    let words = format!("Errand denied the connection to {target}: {why}.");
    Denial { code, host: target.host.to_string(), port: target.port, words }
}

fn bare_denial(goal: SocketAddr) -> Denial {
    let target = Authority { host: Host::from_address(goal.ip()), port: goal.port() };
    let why = "without a proxy hosts are reached by name only, and this address was not given to a \
               name in this sandbox. Use the host's name, or the proxy in http_proxy and https_proxy";
    denial(&target, DenialCode::AddressNotAllowed, why)
}

fn ssh_denial(target: &Authority) -> Denial {
    let why = format!(
        "SSH does not leave a sandbox. For git use the https address, as in git remote set-url \
         origin https://{}/owner/name",
        target.host
    );
    denial(target, DenialCode::PortNotAllowed, &why)
}

fn neither_denial(target: &Authority) -> Denial {
    let why = "without a proxy only TLS passes, and plain HTTP on port 80. Use the proxy in \
               http_proxy and https_proxy, with a CONNECT request";
    denial(target, DenialCode::PortNotAllowed, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ssh_is_told_has_whole_blocks() {
        for length in 0..32 {
            let words = "x".repeat(length);
            let told = ssh_farewell(&words);
            let packet = told.strip_prefix(b"SSH-2.0-Errand\r\n").unwrap();
            assert_eq!(packet.len() % 8, 0, "{length}");
            assert_eq!(usize::from(packet[2]) * 256 + usize::from(packet[3]) + 4, packet.len());
            assert!((4..12).contains(&packet[4]) && packet[5] == 1, "{length}");
            assert_eq!(&packet[14..14 + length], words.as_bytes());
        }
    }
}
