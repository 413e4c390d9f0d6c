//! What a sandbox can and cannot reach through the proxy.

use crate::world::{Once, PATIENCE, Plan, World, attaching, peer, read_all, read_until, rules};
use gateway::attach::CONNECTIONS_PER_SANDBOX;
use gateway::policy::{DenialCode, EgressMode};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const CLOSE: &str = "Connection: close\r\n\r\n";
const OK: &str =
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nKeep-Alive: 9\r\nProxy-Authenticate: x\r\n\r\nhello";

pub fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).unwrap_or_default().parse().unwrap_or_default()
}

#[tokio::test]
async fn a_plain_request_is_written_anew() {
    let upstream = Once::serve("\r\n\r\n", OK).await;
    let upstreams = [("allowed.example", upstream.address)];
    let mut world =
        World::new(Plan { allow: &["allowed.example"], upstreams: &upstreams, ..Plan::default() });
    let answer = world
        .exchange(&format!(
            "GET http://ALLOWED.example./a?b=c HTTP/1.1\r\nHost: allowed.example:80\r\nX-Kept: 1\r\n\
             X-Hop: 2\r\nProxy-Authorization: Basic c2VjcmV0\r\nProxy-Connection: x\r\nTE: trailers\r\n\
             Upgrade: h2c\r\nConnection: x-hop, host\r\n{CLOSE}"
        ))
        .await;
    assert!(answer.ends_with("\r\n\r\nhello"), "{answer}");
    assert!(!answer.to_lowercase().contains("proxy-authenticate"), "{answer}");
    let got = upstream.got().await.to_lowercase();
    assert!(got.starts_with("get /a?b=c http/1.1\r\n"), "{got}");
    assert!(got.contains("host: allowed.example\r\n") && got.contains("x-kept: 1\r\n"), "{got}");
    for gone in ["x-hop", "proxy-", "te:", "upgrade", "connection", "allowed.example."] {
        assert!(!got.contains(gone), "{gone}: {got}");
    }
    let passage = world.passed().await;
    assert_eq!((passage.host.as_str(), passage.port), ("allowed.example", 80));
    assert_eq!(passage.method.as_deref(), Some("GET"));
    assert!(passage.bytes_up > 20 && passage.bytes_down == 5, "{passage:?}");
}

#[tokio::test]
async fn a_denial_names_the_host_and_how_to_allow_it() {
    let mut world = World::new(Plan::default());
    let answer = world
        .exchange(&format!(
            "CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n{CLOSE}"
        ))
        .await;
    assert_eq!(status(&answer), 403, "{answer}");
    assert!(answer.contains("x-errand-denied: host_not_allowed"), "{answer}");
    assert!(answer.contains("add \"evil.example\" to the allowed hosts"), "{answer}");
    let denial = world.denied().await;
    assert_eq!((denial.code, denial.port), (DenialCode::HostNotAllowed, 443));
    assert!(world.resolver.asked().is_empty(), "a denied name is never resolved");
}

#[tokio::test]
async fn hostile_heads_are_refused() {
    let world = World::new(Plan { mode: EgressMode::Open, ..Plan::default() });
    let long = "a".repeat(70_000);
    let many = "x: y\r\n".repeat(150);
    let table: Vec<(String, &[u16])> = vec![
        ("CONNECT evil.example:443 HTTP/1.1\r\nHost: allowed.example:443\r\n".into(), &[400]),
        ("CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:444\r\n".into(), &[400]),
        ("CONNECT user@evil.example:443 HTTP/1.1\r\n".into(), &[400]),
        ("CONNECT evil.example HTTP/1.1\r\n".into(), &[400]),
        ("CONNECT evil%00.example:443 HTTP/1.1\r\n".into(), &[400]),
        ("CONNECT evil\0.example:443 HTTP/1.1\r\n".into(), &[400]),
        ("CONNECT b\u{fc}cher.example:443 HTTP/1.1\r\n".into(), &[400]),
        ("CONNECT [fe80::1%25eth0]:443 HTTP/1.1\r\n".into(), &[400]),
        ("CONNECT errand.internal:80 HTTP/1.1\r\n".into(), &[400]),
        ("GET http://u:p@evil.example/ HTTP/1.1\r\n".into(), &[400]),
        ("GET https://evil.example/ HTTP/1.1\r\n".into(), &[400]),
        ("GET ftp://evil.example/ HTTP/1.1\r\n".into(), &[400]),
        ("GET http://a.example/ HTTP/1.1\r\nHost: b.example\r\n".into(), &[400]),
        ("GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\nHost: a.example\r\n".into(), &[400]),
        ("GET / HTTP/1.1\r\nHost: a.example\r\n".into(), &[400]),
        ("GET / HTTP/1.1\r\n".into(), &[400]),
        ("POST http://a.example/ HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n".into(), &[400]),
        ("POST http://a.example/ HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n".into(), &[400]),
        ("POST http://a.example/ HTTP/1.1\r\nTransfer-Encoding: chunked, identity\r\n".into(), &[400]),
        ("POST http://a.example/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n".into(), &[400]),
        ("GET http://a.example/ HTTP/1.1\r\nX: a\r\n folded\r\n".into(), &[400]),
        ("GET http://a.example/ HTTP/1.1\r\nX : a\r\n".into(), &[400]),
        ("GET http://a.example/\u{1} HTTP/1.1\r\n".into(), &[400]),
        (format!("GET http://a.example/ HTTP/1.1\r\nX: {long}\r\n"), &[431]),
        (format!("GET http://a.example/ HTTP/1.1\r\n{many}"), &[431]),
    ];
    for (head, expected) in table {
        let answer = world.exchange(&format!("{head}{CLOSE}")).await;
        assert!(expected.contains(&status(&answer)), "{:.120} -> {answer}", head);
    }
    assert!(world.resolver.asked().is_empty(), "{:?}", world.resolver.asked());
}

#[tokio::test]
async fn a_request_with_two_framings_has_one_when_it_leaves() {
    let upstream = Once::serve("0\r\n\r\n", OK).await;
    let upstreams = [("allowed.example", upstream.address)];
    let world =
        World::new(Plan { allow: &["allowed.example"], upstreams: &upstreams, ..Plan::default() });
    let answer = world
        .exchange(&format!(
            "POST http://allowed.example/ HTTP/1.1\r\nHost: allowed.example\r\nContent-Length: 4\r\n\
             Transfer-Encoding: chunked\r\n{CLOSE}5\r\nhello\r\n0\r\n\r\nGET http://evil.example/ HTTP/1.1\r\n\r\n"
        ))
        .await;
    // Either refused at once, or forwarded with exactly one framing and nothing behind it.
    if status(&answer) == 400 {
        return;
    }
    let got = upstream.got().await.to_lowercase();
    assert!(got.contains("transfer-encoding: chunked") && !got.contains("content-length"), "{got}");
    assert!(got.ends_with("\r\n\r\n5\r\nhello\r\n0\r\n\r\n"), "{got}");
    assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{answer}");
}

#[tokio::test]
async fn names_and_literals_that_lead_inside_are_denied() {
    let mut world = World::new(Plan { mode: EgressMode::Open, ..Plan::default() });
    world.resolver.set("inner.example", &[&["10.0.0.1", "127.0.0.1"]]);
    world.resolver.set("own.example", &[&["93.184.216.34"]]);
    world.resolver.set("mapped.example", &[&["::ffff:169.254.169.254"]]);
    for target in [
        "inner.example:443",
        "own.example:443",
        "mapped.example:80",
        "127.1:80",
        "0x7f.1:80",
        "2130706433:8080",
        "0177.0.0.1:80",
        "[::1]:80",
        "[::ffff:127.0.0.1]:80",
        "[64:ff9b::7f00:1]:80",
        "169.254.169.254:80",
        "[fd00:ec2::254]:80",
        "100.64.0.1:443",
        "10.1.2.3:443",
    ] {
        let answer = world.exchange(&format!("CONNECT {target} HTTP/1.1\r\n{CLOSE}")).await;
        assert_eq!(status(&answer), 403, "{target}: {answer}");
        assert_eq!(world.denied().await.code, DenialCode::AddressNotAllowed, "{target}");
        let host = target.rsplit_once(':').unwrap().0;
        let answer = world
            .exchange(&format!("GET http://{target}/ HTTP/1.1\r\nHost: {target}\r\n{CLOSE}"))
            .await;
        assert_eq!(status(&answer), 403, "{host}: {answer}");
        assert_eq!(world.denied().await.code, DenialCode::AddressNotAllowed, "{target}");
    }
}

#[tokio::test]
async fn a_name_is_resolved_once_per_connection() {
    let mut world = World::new(Plan { mode: EgressMode::Open, ..Plan::default() });
    // A second question would be answered with a private address: it is never asked.
    world.resolver.set("rebind.example", &[&["0.0.0.0"], &["127.0.0.1"]]);
    let answer = world.exchange(&format!("CONNECT rebind.example:443 HTTP/1.1\r\n{CLOSE}")).await;
    assert_eq!(status(&answer), 403);
    assert_eq!(world.resolver.asked(), ["rebind.example"]);
    assert!(world.denied().await.words.contains("0.0.0.0"));
}

pub fn greeting(name: &str) -> Vec<u8> {
    let block = |bytes: &[u8]| [&u16::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat();
    let list = block(&[vec![0], block(name.as_bytes())].concat());
    let extensions = block(&[vec![0, 0], block(&list)].concat());
    let body =
        [vec![3, 3], vec![9; 32], vec![0], block(&[0x13, 1]), vec![1, 0], extensions].concat();
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    [vec![22, 3, 1], block(&[&[1], &length[1..], &body].concat())].concat()
}

#[tokio::test]
async fn a_tunnel_carries_tls_for_the_judged_name_only() {
    for (name, carried) in [("allowed.example", true), ("fronted.example", false)] {
        let upstream = Once::serve("bye", "pong").await;
        let upstreams = [("allowed.example", upstream.address)];
        let mut world = World::new(Plan {
            allow: &["allowed.example +passthrough"],
            upstreams: &upstreams,
            ..Plan::default()
        });
        let mut stream = world.connect().await;
        stream
            .write_all(b"CONNECT allowed.example:443 HTTP/1.1\r\nHost: allowed.example:443\r\n\r\n")
            .await
            .unwrap();
        assert_eq!(status(&read_until(&mut stream, "\r\n\r\n").await), 200);
        stream.write_all(&greeting(name)).await.unwrap();
        stream.write_all(b"bye").await.unwrap();
        let answer = read_all(&mut stream).await;
        if carried {
            assert_eq!(answer, "pong");
            drop(stream);
            let passage = world.passed().await;
            assert_eq!((passage.method, passage.bytes_down), (None, 4));
        } else {
            assert_eq!(answer, "");
            assert_eq!(world.denied().await.code, DenialCode::NameMismatch);
        }
    }
}

#[tokio::test]
async fn a_tunnel_to_a_listed_port_carries_anything() {
    let upstream = Once::serve("ping", "pong").await;
    let upstreams = [("db.example", upstream.address)];
    let world =
        World::new(Plan { allow: &["db.example:5432"], upstreams: &upstreams, ..Plan::default() });
    let mut stream = world.connect().await;
    // The first bytes may come with the head.
    stream.write_all(b"CONNECT db.example:5432 HTTP/1.1\r\n\r\nping").await.unwrap();
    assert!(read_all(&mut stream).await.ends_with("\r\n\r\npong"));
}

#[tokio::test]
async fn tunnels_that_nobody_reads_take_nothing_from_others() {
    // One that takes nothing in, one that answers.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let upstream = Once::serve("ping", "pong").await;
    let upstreams =
        [("silent.example", silent.local_addr().unwrap()), ("db.example", upstream.address)];
    let allow = &["silent.example:5432", "db.example:5432"];
    let world = World::new(Plan { allow, upstreams: &upstreams, ..Plan::default() });
    let mut stalled = Vec::new();
    for _ in 0..24 {
        let mut stream = world.connect().await;
        stream.write_all(b"CONNECT silent.example:5432 HTTP/1.1\r\n\r\n").await.unwrap();
        read_until(&mut stream, "\r\n\r\n").await;
        // Until nothing goes in any more: what is carried waits in the gateway.
        let full = vec![b'x'; 32 << 20];
        let writing = tokio::time::timeout(Duration::from_millis(100), stream.write_all(&full));
        assert!(writing.await.is_err(), "the far end took in everything");
        stalled.push((stream, silent.accept().await.unwrap()));
    }
    let mut stream = world.connect().await;
    stream.write_all(b"CONNECT db.example:5432 HTTP/1.1\r\n\r\nping").await.unwrap();
    let answer = tokio::time::timeout(PATIENCE, read_all(&mut stream)).await.unwrap();
    assert!(answer.ends_with("\r\n\r\npong"), "{answer}");
}

#[tokio::test]
async fn a_policy_change_counts_from_the_next_request_on() {
    let world = World::new(Plan::default());
    let ask = format!("CONNECT later.example:443 HTTP/1.1\r\n{CLOSE}");
    assert_eq!(status(&world.exchange(&ask).await), 403);
    assert!(world.gateway.update(peer(1), rules(EgressMode::Allowlist, &["later.example"])));
    assert_eq!(
        status(&world.exchange(&ask).await),
        502,
        "allowed now, but the name does not exist"
    );
    assert!(!world.gateway.update(peer(2), rules(EgressMode::Open, &[])));
}

#[tokio::test]
async fn what_was_opened_ends_when_less_is_allowed_and_stays_when_more_is() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let upstreams = [("db.example", silent.local_addr().unwrap())];
    let allow = &["db.example:5432", "other.example"];
    let world = World::new(Plan { allow, upstreams: &upstreams, ..Plan::default() });
    let mut stream = world.connect().await;
    stream.write_all(b"CONNECT db.example:5432 HTTP/1.1\r\n\r\n").await.unwrap();
    read_until(&mut stream, "\r\n\r\n").await;
    let (mut far, _) = silent.accept().await.unwrap();
    let more = ["more.example", "other.example", "db.example:5432"];
    assert!(world.gateway.update(peer(1), rules(EgressMode::Packages, &more)));
    stream.write_all(b"still").await.unwrap();
    let mut read = [0; 5];
    far.read_exact(&mut read).await.unwrap();
    assert_eq!(&read, b"still");
    assert!(world.gateway.update(peer(1), rules(EgressMode::Packages, &more[..2])));
    assert_eq!(tokio::time::timeout(PATIENCE, read_all(&mut stream)).await.unwrap(), "");
    assert_eq!(far.read(&mut read).await.unwrap_or(0), 0, "the host's end is closed, too");
}

#[tokio::test]
async fn dropping_the_guard_ends_everything() {
    let upstream = Once::serve("never", "").await;
    let upstreams = [("db.example", upstream.address)];
    let mut world =
        World::new(Plan { allow: &["db.example:5432"], upstreams: &upstreams, ..Plan::default() });
    let mut stream = world.connect().await;
    stream.write_all(b"CONNECT db.example:5432 HTTP/1.1\r\n\r\n").await.unwrap();
    read_until(&mut stream, "\r\n\r\n").await;
    let again = world.gateway.attach(peer(1), attaching());
    assert!(again.is_err(), "one incarnation is attached once");
    tokio::time::timeout(PATIENCE, world.guard.take().unwrap().detach()).await.unwrap();
    assert_eq!(read_all(&mut stream).await, "");
    assert!(tokio::net::TcpStream::connect(world.address).await.is_err());
    world.passed().await;
    assert!(world.gateway.attach(peer(1), attaching()).is_ok());
    tokio::time::timeout(PATIENCE, world.gateway.shut_down()).await.unwrap();
}

#[tokio::test]
async fn a_silent_connection_is_ended() {
    let world = World::new(Plan { idle: Duration::from_millis(50), ..Plan::default() });
    let mut stream = world.connect().await;
    let read = tokio::time::timeout(PATIENCE, stream.read_u8()).await.unwrap();
    assert!(read.is_err());
}

#[tokio::test]
async fn the_internal_host_is_answered_by_the_gateway() {
    let world = World::new(Plan { mode: EgressMode::Offline, ..Plan::default() });
    for ask in
        ["GET http://errand.internal/ HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: Errand.Internal.\r\n"]
    {
        let answer = world.exchange(&format!("{ask}{CLOSE}")).await;
        assert_eq!(status(&answer), 404);
        assert!(answer.contains("Errand has nothing at this address."), "{answer}");
    }
    let answer =
        world.exchange(&format!("GET http://errand.internal:81/ HTTP/1.1\r\n{CLOSE}")).await;
    assert_eq!(status(&answer), 400);
}

#[tokio::test]
async fn one_connection_too_many_is_closed() {
    let world = World::new(Plan::default());
    let mut open = Vec::new();
    for _ in 0..CONNECTIONS_PER_SANDBOX {
        let mut stream = world.connect().await;
        stream.write_all(b"GET http://errand.internal/ HTTP/1.1\r\n\r\n").await.unwrap();
        read_until(&mut stream, "address.\n").await;
        open.push(stream);
    }
    assert_eq!(read_all(&mut world.connect().await).await, "");
    drop(open.pop());
    let answered = async {
        while !world
            .exchange(&format!("GET http://errand.internal/ HTTP/1.1\r\n{CLOSE}"))
            .await
            .contains("404")
        {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, answered).await.unwrap();
}
