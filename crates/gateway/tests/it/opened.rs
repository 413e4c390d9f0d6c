//! Connections that the gateway opens: real TLS on both sides, HTTP/1.1 and HTTP/2, grants and a hostile client.

mod aws;

use crate::world::{PATIENCE, Plan, Seen, World, read_until};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use fakes::certificates::{Certified, certified};
use gateway::budget::Limits;
use gateway::grant::{Grant, Grants, Places, placeholder};
use gateway::pattern::Pattern;
use gateway::policy::{DenialCode, EgressMode};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use secrecy::SecretString;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::client::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

const VALUE: &str = "ghp_the+real/value=of a grant";

/// What a host was sent: head and body as one text.
type Sent = Arc<Mutex<Vec<String>>>;

/// A host with a certificate of a private authority, which answers with what it was sent.
struct Echo {
    address: SocketAddr,
    roots: RootCertStore,
    sent: Sent,
    _serving: JoinSet<()>,
}

impl Echo {
    async fn serve(name: &str, protocols: &[&str]) -> Self {
        let Certified { mut config, authority, .. } = certified(&[name]).unwrap();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        let mut roots = RootCertStore::empty();
        roots.add(authority).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, sent) = (listener.local_addr().unwrap(), Sent::default());
        let mut serving = JoinSet::new();
        serving.spawn({
            let sent = sent.clone();
            async move {
                let mut connections = JoinSet::new();
                while let Ok((stream, _)) = listener.accept().await {
                    let (acceptor, sent) = (acceptor.clone(), sent.clone());
                    connections.spawn(async move {
                        // A gateway that refuses the certificate closes here.
                        let Ok(stream) = acceptor.accept(stream).await else { return };
                        let service = service_fn(move |request| echo(request, sent.clone()));
                        let served =
                            hyper_util::server::conn::auto::Builder::new(TokioExecutor::new())
                                .serve_connection_with_upgrades(TokioIo::new(stream), service)
                                .await;
                        served.unwrap_or_default();
                    });
                }
            }
        });
        Self { address, roots, sent, _serving: serving }
    }

    fn sent(&self) -> Vec<String> {
        self.sent.lock().unwrap().clone()
    }
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

async fn echo(request: Request<Incoming>, sent: Sent) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let text = {
        let mut text = format!("{:?} {} {}\n", head.version, head.method, head.uri);
        for (name, value) in &head.headers {
            text += &format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes()));
        }
        text
    };
    let body = body.collect().await.unwrap_or_default();
    let trailers = body.trailers().map(|trailers| format!("{trailers:?}")).unwrap_or_default();
    let text = format!("{text}\n{}{trailers}", String::from_utf8_lossy(&body.to_bytes()));
    sent.lock().unwrap().push(text.clone());
    let told = text.clone();
    let mut response = Response::new(Full::new(text.into()));
    if let Some(value) = head.headers.get("authorization") {
        response.headers_mut().insert("x-echo", value.clone());
    }
    response.headers_mut().insert("alt-svc", "h3=\":443\"".parse().unwrap());
    match head.uri.path() {
        "/packed" => {
            response.headers_mut().insert("content-encoding", "br".parse().unwrap());
        }
        "/gzip" => {
            let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            std::io::Write::write_all(&mut packed, told.as_bytes()).unwrap();
            *response.body_mut() = Full::new(packed.finish().unwrap().into());
            response.headers_mut().insert("content-encoding", "gzip".parse().unwrap());
        }
        _ => {}
    }
    Ok(response)
}

/// A connection through the gateway, greeted as `name` and trusting these certificates.
async fn greet(
    world: &World,
    (host, name): (&str, &str),
    protocols: &[&str],
    trusted: &str,
) -> Result<TlsStream<TcpStream>, String> {
    let mut stream = world.connect().await;
    let connect = format!("CONNECT {host}:443 HTTP/1.1\r\n\r\n");
    stream.write_all(connect.as_bytes()).await.unwrap();
    let answer = read_until(&mut stream, "\r\n\r\n").await;
    if !answer.starts_with("HTTP/1.1 200") {
        return Err(answer);
    }
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(trusted.as_bytes()) {
        roots.add(certificate.unwrap()).unwrap();
    }
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.map_err(|e| e.to_string())
}

async fn inside(world: &World, host: &str) -> TlsStream<TcpStream> {
    greet(world, (host, host), &[], &world.certificate).await.unwrap()
}

/// One request on a fresh opened connection; status and everything of the answer.
async fn ask(world: &World, host: &str, request: &str) -> (u16, String) {
    let mut stream = inside(world, host).await;
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut out = Vec::new();
    let reading = stream.read_to_end(&mut out);
    // What counts is what came; a connection that is cut has no end in TLS.
    tokio::time::timeout(PATIENCE, reading).await.unwrap().unwrap_or_default();
    let text = String::from_utf8_lossy(&out).into_owned();
    (text.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0), text)
}

fn get(host: &str, path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\r\n")
}

fn grant(hosts: &[&str], places: Places) -> Grant {
    Grant {
        id: "secv_1".to_owned(),
        name: "FORGE_TOKEN".to_owned(),
        placeholder: placeholder(&[1; 32], "agent", "forge", VALUE),
        value: SecretString::from(VALUE),
        hosts: hosts.iter().map(|host| Pattern::parse(host).unwrap()).collect(),
        places,
    }
}

fn everywhere() -> Places {
    Places { header: true, basic: true, query: true, body: true }
}

#[tokio::test]
async fn requests_inside_tls_are_judged_and_written_anew() {
    let host = Echo::serve("api.example", &["http/1.1"]).await;
    let mut world = World::new(Plan {
        allow: &["GET https://api.example/v1/*"],
        upstreams: &[("api.example", host.address)],
        roots: host.roots.clone(),
        ..Plan::default()
    });
    let headers = "X-Mine: 1\r\nProxy-Authorization: Basic x\r\nTe: trailers\r\n";
    let (status, answer) =
        ask(&world, "api.example", &get("api.example", "/v1/x?q=1", headers)).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(host.sent(), ["HTTP/1.1 GET /v1/x?q=1\nhost: api.example\nx-mine: 1\n\n"]);
    assert!(!answer.contains("alt-svc"), "another way to the host: {answer}");
    let passage = world.passed().await;
    assert_eq!((passage.method.as_deref(), passage.status), (Some("GET"), Some(200)));
    assert!(passage.bytes_up > 20 && passage.bytes_down > 40, "{passage:?}");
    for (request, code) in [
        (get("api.example", "/v2/x", ""), DenialCode::PathNotAllowed),
        (get("api.example", "/v1/../v2", ""), DenialCode::PathNotAllowed),
        (get("api.example", "/v1/x", "").replace("GET", "POST"), DenialCode::MethodNotAllowed),
        (get("fronted.example", "/v1/x", ""), DenialCode::NameMismatch),
        (get("api.example:8443", "/v1/x", ""), DenialCode::NameMismatch),
        (
            get("api.example", "/v1/x", "Upgrade: websocket\r\nConnection: upgrade\r\n"),
            DenialCode::WebsocketNotAllowed,
        ),
        (get("api.example", "/v1/x", "Authorization: Bearer x\r\n"), DenialCode::ForeignCredential),
        // Hosts that follow such a header would carry out what was not judged.
        (
            get("api.example", "/v1/x", "X-HTTP-Method-Override: DELETE\r\n"),
            DenialCode::MethodNotAllowed,
        ),
        (get("api.example", "/v1/x", "X-Rewrite-URL: /v2/x?a\r\n"), DenialCode::PathNotAllowed),
    ] {
        let (status, answer) = ask(&world, "api.example", &request).await;
        assert_eq!(status, 403, "{request}: {answer}");
        assert!(answer.contains(&format!("x-errand-denied: {}", code.as_str())), "{answer}");
        assert_eq!(world.denied().await.code, code, "{request}");
    }
    for request in [
        get("api.example", "/v1/x", "Host: api.example\r\n"),
        "GET http://other.example/v1/x HTTP/1.1\r\nHost: api.example\r\nConnection: close\r\n\r\n"
            .to_owned(),
        "GET /v1/x HTTP/1.1\r\nConnection: close\r\n\r\n".to_owned(),
    ] {
        let (status, answer) = ask(&world, "api.example", &request).await;
        assert!(matches!(status, 400 | 403), "{request}: {answer}");
    }
    assert_eq!(host.sent().len(), 1, "nothing else reached the host");
}

#[tokio::test]
async fn the_certificate_is_of_this_sandbox_and_for_the_name_that_was_judged() {
    let host = Echo::serve("api.example", &[]).await;
    let world = || {
        World::new(Plan {
            allow: &["api.example"],
            upstreams: &[("api.example", host.address)],
            roots: host.roots.clone(),
            ..Plan::default()
        })
    };
    let mut world = world();
    let other = crate::world::authority(2);
    let refused =
        greet(&world, ("api.example", "api.example"), &[], other.certificate()).await.unwrap_err();
    assert!(refused.contains("certificate"), "{refused}");
    let fronted = greet(&world, ("api.example", "fronted.example"), &[], &world.certificate).await;
    assert!(fronted.is_err());
    let denial = loop {
        if let Seen::Denied(denial, _) = world.next().await {
            break denial;
        }
    };
    assert_eq!(denial.code, DenialCode::NameMismatch);
    // No greeting at all.
    let mut stream = world.connect().await;
    stream
        .write_all(b"CONNECT api.example:443 HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n")
        .await
        .unwrap();
    let answer = crate::world::read_all(&mut stream).await;
    assert!(!answer.contains("host:"), "{answer}");
    assert_eq!(world.denied().await.code, DenialCode::NameMismatch);
    assert!(host.sent().is_empty());
}

#[tokio::test]
async fn a_host_that_nobody_vouches_for_is_told_of_in_an_answer() {
    let (impostor, host) =
        (Echo::serve("other.example", &[]).await, Echo::serve("api.example", &[]).await);
    for (address, roots) in
        [(impostor.address, impostor.roots.clone()), (host.address, impostor.roots.clone())]
    {
        let world = World::new(Plan {
            allow: &["api.example"],
            upstreams: &[("api.example", address)],
            roots,
            ..Plan::default()
        });
        let (status, answer) = ask(&world, "api.example", &get("api.example", "/", "")).await;
        assert_eq!(status, 502, "{answer}");
        assert!(answer.contains("certificate"), "{answer}");
    }
    assert!(impostor.sent().is_empty() && host.sent().is_empty());
}

#[tokio::test]
async fn both_sides_speak_the_version_that_the_host_speaks() {
    for (theirs, ours, expected) in [
        (&["h2", "http/1.1"][..], &["h2", "http/1.1"][..], "HTTP/2.0"),
        (&["http/1.1"], &["h2", "http/1.1"], "HTTP/1.1"),
        (&["h2", "http/1.1"], &["http/1.1"], "HTTP/1.1"),
    ] {
        let host = Echo::serve("api.example", theirs).await;
        let world = World::new(Plan {
            allow: &["api.example"],
            upstreams: &[("api.example", host.address)],
            roots: host.roots.clone(),
            ..Plan::default()
        });
        let stream =
            greet(&world, ("api.example", "api.example"), ours, &world.certificate).await.unwrap();
        let is_h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        assert_eq!(is_h2, expected == "HTTP/2.0");
        if !is_h2 {
            continue;
        }
        let (sender, connection) = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
            .handshake::<_, Full<Bytes>>(TokioIo::new(stream))
            .await
            .unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { connection.await.unwrap_or_default() });
        // Many at once, one of which names another host.
        let mut asking = JoinSet::new();
        for number in 0..20 {
            let mut sender = sender.clone();
            let name = if number == 7 { "fronted.example" } else { "api.example" };
            let request = Request::post(format!("https://{name}/{number}"))
                .body(Full::new(Bytes::from(vec![b'x'; 100_000])))
                .unwrap();
            asking.spawn(async move { sender.send_request(request).await.unwrap().status() });
        }
        let answers = tokio::time::timeout(PATIENCE, asking.join_all()).await.unwrap();
        let refused = answers.iter().filter(|status| **status == StatusCode::FORBIDDEN).count();
        assert_eq!((answers.len(), refused), (20, 1));
        assert_eq!(host.sent().len(), 19);
        assert!(host.sent().iter().all(|sent| sent.starts_with(expected) && sent.len() > 100_000));
    }
}

#[tokio::test]
async fn what_follows_a_body_does_not_leave() {
    let host = Echo::serve("api.example", &["h2"]).await;
    let world = World::new(Plan {
        allow: &["api.example"],
        upstreams: &[("api.example", host.address)],
        roots: host.roots.clone(),
        ..Plan::default()
    });
    let names = ("api.example", "api.example");
    let stream = greet(&world, names, &["h2"], &world.certificate).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
        .handshake(TokioIo::new(stream))
        .await
        .unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { connection.await.unwrap_or_default() });
    let trailers = HeaderMap::from_iter([("x-carried".parse().unwrap(), "out".parse().unwrap())]);
    let body = Full::new(Bytes::from("body")).with_trailers(std::future::ready(Some(Ok(trailers))));
    let request = Request::post("https://api.example/").body(body).unwrap();
    let answer =
        tokio::time::timeout(PATIENCE, sender.send_request(request)).await.unwrap().unwrap();
    let (head, words) = answer.into_parts();
    let words = words.collect().await.unwrap().to_bytes();
    assert_eq!(head.status, StatusCode::OK, "{words:?}");
    let sent = host.sent();
    assert!(sent[0].ends_with("\n\nbody"), "{sent:?}");
}

#[tokio::test]
async fn a_registry_is_asked_without_a_body() {
    let host = Echo::serve("registry.npmjs.org", &["http/1.1"]).await;
    let mut world = World::new(Plan {
        mode: EgressMode::Packages,
        upstreams: &[("registry.npmjs.org", host.address)],
        roots: host.roots.clone(),
        ..Plan::default()
    });
    let body = "Content-Length: 6\r\n\r\nsecret";
    let asked = get("registry.npmjs.org", "/x", "").replace("\r\n\r\n", &format!("\r\n{body}"));
    let (status, answer) = ask(&world, "registry.npmjs.org", &asked).await;
    assert_eq!(status, 403, "{answer}");
    assert_eq!(world.denied().await.code, DenialCode::MethodNotAllowed);
    let (status, _) = ask(&world, "registry.npmjs.org", &get("registry.npmjs.org", "/x", "")).await;
    assert_eq!((status, host.sent().len()), (200, 1));
}

#[tokio::test]
async fn a_connection_carries_requests_one_after_the_other() {
    let host = Echo::serve("api.example", &["http/1.1"]).await;
    let world = World::new(Plan {
        allow: &["api.example"],
        upstreams: &[("api.example", host.address)],
        roots: host.roots.clone(),
        ..Plan::default()
    });
    let stream = inside(&world, "api.example").await;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { connection.await.unwrap_or_default() });
    for number in 0..50 {
        let request = Request::put(format!("/{number}"))
            .header("host", "api.example")
            .body(Full::new(Bytes::from(format!("body {number}"))))
            .unwrap();
        sender.ready().await.unwrap();
        let response = sender.send_request(request).await.unwrap();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert!(body.ends_with(format!("body {number}").as_bytes()));
    }
    assert_eq!(host.sent().len(), 50);
}

#[tokio::test]
async fn a_grant_goes_to_its_host_and_never_comes_back() {
    let host = Echo::serve("forge.example", &["http/1.1"]).await;
    let grant = grant(&["forge.example"], everywhere());
    let held = grant.placeholder.clone();
    let mut world = World::new(Plan {
        allow: &["forge.example", "other.example"],
        upstreams: &[("forge.example", host.address), ("other.example", host.address)],
        roots: host.roots.clone(),
        grants: Grants::new(vec![grant], vec![]),
        ..Plan::default()
    });
    let basic = STANDARD.encode(format!("me:{held}"));
    let body = format!("{{\"token\":\"{held}\"}}");
    let post = |headers: &str| {
        format!(
            "POST /x?key={held} HTTP/1.1\r\nHost: forge.example\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    for headers in [
        format!("Authorization: Bearer {held}\r\nAccept-Encoding: br\r\n"),
        format!("Authorization: Basic {basic}\r\nRange: bytes=1-2\r\n"),
    ] {
        let (status, answer) = ask(&world, "forge.example", &post(&headers)).await;
        assert_eq!(status, 200, "{answer}");
        for part in [VALUE, "real/value", &STANDARD.encode(VALUE), "the%2Breal%2Fvalue"] {
            assert!(!answer.contains(part), "{part} came back: {answer}");
        }
        assert!(answer.contains(&body), "the placeholder stands where it stood: {answer}");
        let passage = world.passed().await;
        let used = passage.grants.iter().map(|grant| (grant.name.as_str(), grant.id.as_str()));
        assert_eq!(used.collect::<Vec<_>>(), [("FORGE_TOKEN", "secv_1")]);
    }
    let sent = host.sent();
    assert!(sent[0].contains(&format!("authorization: Bearer {VALUE}\n")), "{sent:?}");
    assert!(sent[0].contains("accept-encoding: identity\n"), "{sent:?}");
    assert!(sent[1].contains(&STANDARD.encode(format!("me:{VALUE}"))), "{sent:?}");
    assert!(!sent[1].contains("range"), "{sent:?}");
    for sent in &sent {
        assert!(sent.contains("/x?key=ghp_the%2Breal%2Fvalue%3Dof%20a%20grant"), "{sent}");
        assert!(sent.ends_with(&format!("{{\"token\":\"{VALUE}\"}}")), "{sent}");
    }
    // What cannot be looked through does not come back at all.
    let packed = get("forge.example", "/packed", &format!("Authorization: Bearer {held}\r\n"));
    let (status, answer) = ask(&world, "forge.example", &packed).await;
    assert_eq!(status, 502, "{answer}");
    // What can be unpacked comes back unpacked.
    let gzip = get("forge.example", "/gzip", &format!("Authorization: Bearer {held}\r\n"));
    let (status, answer) = ask(&world, "forge.example", &gzip).await;
    assert!(
        status == 200 && answer.contains(&format!("authorization: Bearer {held}\n")),
        "{answer}"
    );
    assert!(!answer.contains(VALUE) && !answer.contains("content-encoding"), "{answer}");
    // Elsewhere it is worth nothing.
    let elsewhere = get("other.example", "/", &format!("Authorization: Bearer {held}\r\n"));
    let certificate = world.certificate.clone();
    assert!(greet(&world, ("other.example", "other.example"), &[], &certificate).await.is_ok());
    while let Ok(seen) = world.seen.try_recv() {
        assert!(!matches!(seen, Seen::Denied(..)), "{seen:?}");
    }
    let (status, answer) = ask(&world, "other.example", &elsewhere).await;
    // The host's certificate is for another name: the answer says so before anything is sent.
    assert_eq!(status, 502, "{answer}");
}

#[tokio::test]
async fn a_grant_is_not_exchanged_in_a_request_for_a_websocket() {
    let host = Echo::serve("forge.example", &[]).await;
    let grant = grant(&["forge.example"], everywhere());
    let held = grant.placeholder.clone();
    let mut world = World::new(Plan {
        mode: EgressMode::Allowlist,
        allow: &["forge.example +websocket"],
        upstreams: &[("forge.example", host.address)],
        roots: host.roots.clone(),
        grants: Grants::new(vec![grant], vec![]),
        ..Plan::default()
    });
    for carried in [format!("Authorization: Bearer {held}\r\n"), format!("Cookie: s={held}\r\n")] {
        let headers = format!("Upgrade: websocket\r\nConnection: upgrade\r\n{carried}");
        let (status, answer) =
            ask(&world, "forge.example", &get("forge.example", "/", &headers)).await;
        assert_eq!(status, 403, "{answer}");
        assert_eq!(world.denied().await.code, DenialCode::GrantNotForHost);
    }
    assert!(host.sent().is_empty(), "{:?}", host.sent());
}

#[tokio::test]
async fn strangers_credentials_do_not_pass_where_one_was_granted() {
    let host = Echo::serve("forge.example", &[]).await;
    let granted = grant(&["forge.example"], Places::default());
    let mut world = World::new(Plan {
        mode: EgressMode::Allowlist,
        allow: &["forge.example"],
        upstreams: &[("forge.example", host.address)],
        roots: host.roots.clone(),
        grants: Grants::new(vec![granted], vec![]),
        ..Plan::default()
    });
    for headers in [
        "Authorization: Bearer ghp_attackers\r\n",
        "Authorization: Basic YXR0YWNrZXI6eA==\r\n",
        "Private-Token: attackers\r\n",
        "Cookie: session=attackers\r\n",
        "X-Api-Key: attackers\r\n",
    ] {
        let request = get("forge.example", "/", headers);
        assert_eq!(ask(&world, "forge.example", &request).await.0, 403, "{headers}");
        assert_eq!(world.denied().await.code, DenialCode::ForeignCredential, "{headers}");
    }
    assert!(host.sent().is_empty());
}

#[tokio::test]
async fn more_than_the_budget_does_not_leave() {
    let host = Echo::serve("api.example", &[]).await;
    let mut world = World::new(Plan {
        allow: &["api.example"],
        upstreams: &[("api.example", host.address)],
        roots: host.roots.clone(),
        limits: Limits { host: 100_000, agent: 1_000_000 },
        ..Plan::default()
    });
    let post = |length: usize| {
        let body = "x".repeat(length);
        format!(
            "POST / HTTP/1.1\r\nHost: api.example\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        )
    };
    assert_eq!(ask(&world, "api.example", &post(50_000)).await.0, 200);
    world.passed().await;
    ask(&world, "api.example", &post(60_000)).await;
    let denial = loop {
        if let Seen::Denied(denial, _) = world.next().await {
            break denial;
        }
    };
    assert_eq!(denial.code, DenialCode::UploadBudget);
    let whole: usize = host.sent().iter().filter(|sent| sent.len() > 55_000).count();
    assert_eq!(whole, 0, "the second body did not arrive");
}
