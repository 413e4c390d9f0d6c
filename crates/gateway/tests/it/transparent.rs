//! What a sandbox can and cannot reach by programs that know no proxy.

use crate::proxy::{greeting, status};
use crate::world::{Once, PATIENCE, Plan, World, read_all};
use gateway::policy::{DenialCode, EgressMode};
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpStream, UdpSocket};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
/// TLS's word for "access denied".
const ALERT: &str = "\u{15}\u{3}\u{3}\0\u{2}\u{2}1";

/// Has the next connections go where a name's address says, as the rules inside would.
async fn aim(world: &World, name: &str, port: u16) {
    let mut packet = vec![0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        packet.push(u8::try_from(label.len()).unwrap());
        packet.extend(label.as_bytes());
    }
    packet.extend([0, 0, 1, 0, 1]);
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.send_to(&packet, world.dns_udp).await.unwrap();
    let mut answer = [0; 512];
    let length = tokio::time::timeout(PATIENCE, socket.recv(&mut answer)).await.unwrap().unwrap();
    assert_eq!(answer[7], 1, "{name} has no address");
    let end: [u8; 4] = answer[length - 4..length].try_into().unwrap();
    world.goal.set(&format!("{}:{port}", std::net::Ipv4Addr::from(end)));
}

async fn exchange(world: &World, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(world.transparent).await.unwrap();
    stream.write_all(bytes).await.unwrap_or_default();
    read_all(&mut stream).await
}

#[tokio::test]
async fn tls_passes_for_the_name_that_was_asked_for_only() {
    for (name, port, passes) in [
        ("allowed.example", 443, true),
        ("allowed.example", 8443, true),
        ("fronted.example", 443, false),
        ("fronted.example", 8443, false),
    ] {
        let upstream = Once::serve("bye", "pong").await;
        let upstreams = [("allowed.example", upstream.address)];
        let allow = &["allowed.example +passthrough", "allowed.example:8443", "fronted.example"];
        let mut world = World::new(Plan { allow, upstreams: &upstreams, ..Plan::default() });
        aim(&world, "allowed.example", port).await;
        let answer = exchange(&world, &[&greeting(name), &b"bye"[..]].concat()).await;
        if passes {
            assert_eq!(answer, "pong");
            assert_eq!(upstream.got().await.len(), greeting(name).len() + 3);
            assert_eq!(world.passed().await.host, "allowed.example");
        } else {
            assert_eq!(answer, "");
            assert_eq!(world.denied().await.code, DenialCode::NameMismatch);
        }
        assert!(world.resolver.asked().is_empty());
    }
}

#[tokio::test]
async fn plain_requests_are_written_anew_for_their_name() {
    let upstream = Once::serve("\r\n\r\n", OK).await;
    let upstreams = [("allowed.example", upstream.address)];
    let allow = &["allowed.example"];
    let mut world = World::new(Plan { allow, upstreams: &upstreams, ..Plan::default() });
    aim(&world, "allowed.example", 80).await;
    for (head, code) in [
        ("GET / HTTP/1.1\r\nHost: other.example\r\n", 403),
        ("GET / HTTP/1.1\r\nHost: allowed.example:81\r\n", 403),
        ("GET / HTTP/1.1\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: allowed.example\r\nHost: allowed.example\r\n", 400),
        ("GET http://other.example/ HTTP/1.1\r\nHost: other.example\r\n", 400),
        ("GET http://allowed.example/ HTTP/1.1\r\nHost: allowed.example\r\n", 400),
        ("CONNECT allowed.example:80 HTTP/1.1\r\nHost: allowed.example\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: allowed.example\r\nTransfer-Encoding: gzip, chunked\r\n", 400),
    ] {
        let answer = exchange(&world, format!("{head}Connection: close\r\n\r\n").as_bytes()).await;
        assert_eq!(status(&answer), code, "{head}: {answer}");
        if code == 403 {
            assert!(answer.contains("x-errand-denied: name_mismatch"), "{answer}");
            assert_eq!(world.denied().await.code, DenialCode::NameMismatch);
        }
    }
    let sent = "GET /a?b HTTP/1.1\r\nHost: Allowed.Example\r\nConnection: close\r\n\r\n";
    let answer = exchange(&world, sent.as_bytes()).await;
    assert!(answer.ends_with("\r\n\r\nhello"), "{answer}");
    let got = upstream.got().await.to_lowercase();
    assert!(got.starts_with("get /a?b http/1.1\r\n"), "{got}");
    assert!(got.contains("host: allowed.example\r\n"), "{got}");
    assert_eq!(world.passed().await.method.as_deref(), Some("GET"));
}

#[tokio::test]
async fn an_address_by_itself_is_refused_also_where_an_allowed_host_is() {
    let mode = EgressMode::Open;
    let mut world = World::new(Plan { mode, allow: &["93.184.216.34"], ..Plan::default() });
    world.resolver.set("allowed.example", &[&["1.1.1.1"]]);
    for goal in [
        "1.1.1.1:443",
        "93.184.216.34:443",
        "198.18.0.2:443",
        "198.19.255.255:443",
        "127.0.0.1:3129",
        "[2606:4700::1111]:443",
        "[::1]:3129",
        "[64:ff9b::c612:1]:443",
        "0.0.0.0:1",
    ] {
        world.goal.set(goal);
        assert_eq!(exchange(&world, &greeting("allowed.example")).await, ALERT, "{goal}");
        let denial = world.denied().await;
        assert_eq!(denial.code, DenialCode::AddressNotAllowed, "{goal}");
        assert!(denial.words.contains(goal), "{}", denial.words);
    }
    world.goal.set("1.1.1.1:80");
    let answer = exchange(&world, b"GET / HTTP/1.1\r\nHost: allowed.example\r\n\r\n").await;
    assert_eq!(status(&answer), 403, "{answer}");
    assert!(answer.contains("x-errand-denied: address_not_allowed"), "{answer}");
    assert!(answer.contains("hosts are reached by name only"), "{answer}");
    assert!(world.resolver.asked().is_empty());
}

#[tokio::test]
async fn a_port_that_is_not_allowed_is_refused_at_once() {
    let mut world = World::new(Plan { allow: &["allowed.example"], ..Plan::default() });
    aim(&world, "allowed.example", 5432).await;
    assert_eq!(exchange(&world, &greeting("allowed.example")).await, ALERT);
    assert_eq!(world.denied().await.code, DenialCode::PortNotAllowed);
    aim(&world, "errand.internal", 443).await;
    assert_eq!(exchange(&world, &greeting("errand.internal")).await, ALERT);
    assert_eq!(world.denied().await.code, DenialCode::PortNotAllowed);
    // What is neither TLS nor a request, on a port that is.
    aim(&world, "allowed.example", 443).await;
    assert_eq!(exchange(&world, b"EHLO me\r\n").await, "");
    let denial = world.denied().await;
    assert!(denial.words.contains("only TLS passes"), "{}", denial.words);
}

#[tokio::test]
async fn ssh_is_told_to_use_https() {
    let allow = &["forge.example", "forge.example:22"];
    let mut world = World::new(Plan { allow, ..Plan::default() });
    aim(&world, "forge.example", 22).await;
    let begun = Instant::now();
    let mut stream = TcpStream::connect(world.transparent).await.unwrap();
    // It speaks first: nobody has to say anything.
    stream.write_all(b"SSH-2.0-OpenSSH_9.2p1\r\n").await.unwrap();
    stream.shutdown().await.unwrap();
    let told = read_all(&mut stream).await;
    assert!(told.starts_with("SSH-2.0-Errand\r\n"), "{told:?}");
    assert!(
        told.contains("git remote set-url origin https://forge.example/owner/name"),
        "{told:?}"
    );
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert_eq!(world.denied().await.port, 22);
}

#[tokio::test]
async fn the_internal_host_answers_without_a_proxy() {
    let world = World::new(Plan { mode: EgressMode::Offline, ..Plan::default() });
    aim(&world, "errand.internal", 80).await;
    let sent = "GET /nothing HTTP/1.1\r\nHost: errand.internal\r\nConnection: close\r\n\r\n";
    let answer = exchange(&world, sent.as_bytes()).await;
    assert_eq!(status(&answer), 404, "{answer}");
    assert!(answer.contains("Errand has nothing at this address."), "{answer}");
    let sent = "GET / HTTP/1.1\r\nHost: other.example\r\nConnection: close\r\n\r\n";
    assert_eq!(status(&exchange(&world, sent.as_bytes()).await), 403);
}

#[tokio::test]
async fn what_a_name_leads_to_is_judged_when_it_is_connected_to() {
    let mut world = World::new(Plan { mode: EgressMode::Open, ..Plan::default() });
    world.resolver.set("inner.example", &[&["10.0.0.1"]]);
    aim(&world, "inner.example", 443).await;
    assert!(world.resolver.asked().is_empty());
    assert_eq!(exchange(&world, &greeting("inner.example")).await, ALERT);
    assert_eq!(world.denied().await.code, DenialCode::AddressNotAllowed);
    assert_eq!(world.resolver.asked(), ["inner.example"]);
    // Nor does an address outlive what allowed its name.
    let none = crate::world::rules(EgressMode::Allowlist, &[]);
    assert!(world.gateway.update(crate::world::peer(1), none));
    assert_eq!(exchange(&world, &greeting("inner.example")).await, ALERT);
    assert_eq!(world.denied().await.code, DenialCode::HostNotAllowed);
}
