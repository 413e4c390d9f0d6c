//! Requests from their bytes, through the real parser, the judge and the exchange of grants, to the bytes that would
//! be sent: what a second parser reads there is the one request that was judged.

use crate::far::{Origin, Spoken};
use crate::forward;
use crate::grant::{Grant, Grants, Places};
use crate::heads;
use crate::host::Authority;
use crate::opened::http1_builder;
use crate::pattern::{Ask, Pattern, Scheme};
use crate::policy::{Access, EgressMode, Policy};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use secrecy::SecretString;
use std::cell::RefCell;
use std::convert::Infallible;
use std::rc::Rc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Bytes of a connection.
const BYTES: usize = 128 * 1024;
const OWN: &str = "api.test";
const PLACEHOLDER: &str = "errand_placeholder_0123456789abcdef";
/// Two real values: what goes elsewhere is the same with either, so neither went into it.
const VALUES: [&str; 2] = ["RealValueOfTheGrant", "AnotherValueOfTheGrant"];

/// A request that went on, and where to.
type Passed = (Authority, Request<()>);

/// Of any bytes that a sandbox writes, only whole requests to allowed hosts go on, each as one, and a real value only
/// to its own host.
pub fn request_head(bytes: &[u8]) {
    if bytes.len() > BYTES {
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    runtime.expect("a runtime").block_on(connection(bytes));
}

/// How many requests went on.
async fn connection(bytes: &[u8]) -> usize {
    let (mut near, far) = tokio::io::duplex(2 * BYTES);
    near.write_all(bytes).await.expect("room for all");
    near.shutdown().await.expect("an end");
    let passed: Rc<RefCell<Vec<Passed>>> = Rc::default();
    let service = service_fn(|request: Request<Incoming>| {
        let passed = Rc::clone(&passed);
        async move {
            let [one, other] = VALUES.map(|value| judged(&request, value));
            check_independent(one.as_ref(), other.as_ref());
            passed.borrow_mut().extend(one);
            Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
        }
    });
    // What is malformed ends the connection.
    let mut builder = http1_builder();
    builder.half_close(true);
    builder.serve_connection(TokioIo::new(far), service).await.unwrap_or_default();
    let passed = passed.take();
    for (target, request) in &passed {
        check_sent(&written(request).await, target, request);
    }
    passed.len()
}

/// What would be sent of a request, where anything would.
fn judged(request: &Request<Incoming>, value: &str) -> Option<Passed> {
    heads::check(request).ok()?;
    let target = heads::host(request, Some(Scheme::Https.port())).ok()?;
    let (mut head, ()) = {
        let mut copy = Request::new(());
        *copy.method_mut() = request.method().clone();
        *copy.uri_mut() = request.uri().clone();
        *copy.version_mut() = request.version();
        *copy.headers_mut() = request.headers().clone();
        copy.into_parts()
    };
    let allowed =
        [OWN, "GET other.test/only/*"].map(|entry| Pattern::parse(entry).expect("an entry"));
    let policy = Policy::new(EgressMode::Allowlist, allowed.to_vec());
    let is_websocket = heads::is_websocket(&head.headers);
    let ask = Ask {
        scheme: Scheme::Https,
        method: head.method.as_str(),
        path: head.uri.path(),
        websocket: is_websocket,
    };
    let permit = policy.judge(&target, Access::Request(&ask)).ok()?;
    let origin = Origin::new(target.clone(), Scheme::Https, Spoken { h2: false, http11: true });
    forward::rewrite(&mut head, &origin, false, is_websocket).ok()?;
    grants(value).exchange(&target, Scheme::Https, permit, &mut head).ok()?;
    forward::address(&mut head, &origin, false).ok()?;
    Some((target, Request::from_parts(head, ())))
}

fn grants(value: &str) -> Grants {
    let grant = Grant {
        name: "TOKEN".to_owned(),
        id: "secv_1".to_owned(),
        placeholder: PLACEHOLDER.to_owned(),
        value: SecretString::from(value),
        hosts: vec![Pattern::parse(OWN).expect("an entry").opened()],
        places: Places { header: true, basic: true, query: true, body: true },
    };
    Grants::new(vec![grant], Vec::new())
}

/// The bytes that hyper writes of it.
async fn written(request: &Request<()>) -> Vec<u8> {
    let (near, mut far) = tokio::io::duplex(4 * BYTES);
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(near)).await;
    let (mut sender, connection) = handshake.expect("a connection in memory");
    let outgoing = request.clone().map(|()| Empty::<Bytes>::new());
    let talk = async {
        // The other side never answers: what counts is what it was sent.
        let mut sent = Vec::new();
        let mut buffer = vec![0; BYTES];
        while !sent.windows(4).any(|end| end == b"\r\n\r\n") {
            match far.read(&mut buffer).await {
                Ok(0) | Err(_) => break,
                Ok(count) => sent.extend(buffer.get(..count).unwrap_or_default()),
            }
        }
        drop(far);
        sent
    };
    let (sent, _, _) = tokio::join!(talk, sender.send_request(outgoing), connection);
    sent
}

/// A request may hold bytes of a real value that were guessed; what must not be is that the value was put in.
fn check_independent(one: Option<&Passed>, other: Option<&Passed>) {
    let parts = |(target, request): &Passed| {
        (target.clone(), request.uri().clone(), request.headers().clone())
    };
    let [one, other] = [one, other].map(|passed| passed.map(parts));
    let is_own =
        [&one, &other].into_iter().flatten().all(|(target, _, _)| target.host.name() == Some(OWN));
    assert!(is_own || one == other, "a real value went into {one:?}");
}

fn check_sent(sent: &[u8], target: &Authority, request: &Request<()>) {
    let mut headers = [httparse::EMPTY_HEADER; 4 * heads::HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    let status = parsed.parse(sent).expect("what is sent is a request");
    assert_eq!(status, httparse::Status::Complete(sent.len()), "and nothing besides");
    assert_eq!(parsed.method, Some(request.method().as_str()));
    assert_eq!(parsed.path, Some(request.uri().to_string().as_str()));
    let all = |name: &str| {
        let found = parsed.headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name));
        found.map(|header| header.value).collect::<Vec<_>>()
    };
    let host = target.header(Scheme::Https.port());
    assert_eq!(all("host"), [host.as_bytes()], "the name judged is the name sent");
    assert!(all("transfer-encoding").len() + all("content-length").len() <= 1, "one length");
    for own in ["proxy-authorization", "keep-alive", "proxy-connection"] {
        assert!(all(own).is_empty(), "{own} was passed on");
    }
    let is_own = target.host.name() == Some(OWN);
    assert!(is_own || parsed.method == Some("GET"), "another method went to {target}");
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn seeds_get_as_far_as_they_should() {
        let seeds = concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/seeds/request_head");
        for (name, passed) in [
            ("plain", 1),
            ("origin", 2),
            ("basic", 1),
            ("chunked", 1),
            ("websocket", 0),
            ("smuggled", 0),
            ("fronted", 0),
            ("elsewhere", 0),
            ("guessed", 1),
        ] {
            let seed = std::fs::read(format!("{seeds}/{name}")).unwrap();
            assert_eq!(super::connection(&seed).await, passed, "{name}");
        }
    }
}
