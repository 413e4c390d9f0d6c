//! Where connections lead that know no proxy: to the gateway's sockets, which are looked at from outside.

use std::io::{Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::net::sockopt;
use sandbox::provider::{Provider, SandboxKey, SocketFamily, SocketKind};

use super::bench::{Bench, Inside, is_root};

/// Longest time for anything to arrive.
const PATIENCE: Duration = Duration::from_secs(10);

/// A socket of the gateway's, which waits.
async fn socket(bench: &Bench, key: SandboxKey, kind: SocketKind, family: SocketFamily) -> OwnedFd {
    let sockets = bench.provider.gateway_sockets(key).await.unwrap();
    let found = sockets.into_iter().find(|socket| (socket.kind, socket.family) == (kind, family));
    let fd = found.unwrap().fd;
    rustix::io::ioctl_fionbio(&fd, false).unwrap();
    sockopt::set_socket_timeout(&fd, sockopt::Timeout::Recv, Some(PATIENCE)).unwrap();
    fd
}

/// Whether the report says that this host has no rules.
async fn is_without_rules(bench: &Bench) -> bool {
    bench.provider.validate(&[]).await.unwrap().wall("redirect").is_some()
}

/// Connects from inside to an address, which must arrive at the transparent socket; gives where it
/// thought to go.
async fn led(bench: &Bench, key: SandboxKey, inside: &mut Inside, host: &str) -> String {
    let is_v6 = host.contains(':') && !host.starts_with("::ffff:");
    let family = if is_v6 { SocketFamily::V6 } else { SocketFamily::V4 };
    let listener = TcpListener::from(socket(bench, key, SocketKind::Transparent, family).await);
    let answering = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let goal = match family {
            SocketFamily::V4 => sockopt::ip_original_dst(&stream).unwrap().to_string(),
            SocketFamily::V6 => sockopt::ipv6_original_dst(&stream).unwrap().to_string(),
        };
        let mut asked = [0; 5];
        stream.read_exact(&mut asked).unwrap();
        stream.write_all(b"seen\n").unwrap();
        assert_eq!(&asked, b"hello");
        goal
    });
    let line = format!("exec 3<>/dev/tcp/{host}/443; printf hello >&3; cat <&3");
    assert_eq!(inside.run("as-agent", &["bash", "-c", &line]).await, (0, "seen".to_owned()));
    answering.join().unwrap()
}

/// Asks a server for names from inside, which must arrive at the gateway's socket and be answered.
async fn asks(bench: &Bench, key: SandboxKey, inside: &mut Inside, server: &str) {
    let family = if server.contains(':') { SocketFamily::V6 } else { SocketFamily::V4 };
    let answering = UdpSocket::from(socket(bench, key, SocketKind::DnsUdp, family).await);
    let answering = std::thread::spawn(move || {
        let mut asked = [0; 64];
        let (length, from) = answering.recv_from(&mut asked).unwrap();
        answering.send_to(b"named\n", from).unwrap();
        asked[..length].to_vec()
    });
    let line = format!("exec 3<>/dev/udp/{server}/53; printf who >&3; timeout 5 head -n1 <&3");
    let answer = inside.run("as-agent", &["bash", "-c", &line]).await;
    assert_eq!(answer, (0, "named".to_owned()), "{server}");
    assert_eq!(answering.join().unwrap(), b"who");
}

async fn is_led(bench: &Bench) {
    let (spec, mut inside) = bench.start().await;
    let key = spec.key;
    assert_eq!(led(bench, key, &mut inside, "203.0.113.7").await, "203.0.113.7:443");
    assert_eq!(led(bench, key, &mut inside, "2001:db8::7").await, "[2001:db8::7]:443");
    assert_eq!(led(bench, key, &mut inside, "::ffff:8.8.8.8").await, "8.8.8.8:443");
    for server in ["127.0.0.1", "127.0.0.53", "8.8.8.8", "::1", "2001:4860:4860::8888"] {
        asks(bench, key, &mut inside, server).await;
    }
    // What is for itself stays inside, and what is neither ends there.
    for what in ["tcp/127.0.0.1/80", "tcp/127.9.9.9/80", "tcp/0.0.0.0/80", "tcp/::1/443"] {
        let line = format!("exec 3<>/dev/{what}");
        let (code, words) = inside.run("as-agent", &["bash", "-c", &line]).await;
        assert!(code != 0 && words.contains("refused"), "{what}: {words}");
    }
    for server in ["8.8.8.8", "2001:4860:4860::8888"] {
        let line = format!("exec 3<>/dev/udp/{server}/443; printf x >&3; printf y >&3");
        let (code, words) = inside.run("as-agent", &["bash", "-c", &line]).await;
        assert!(code != 0 && words.contains("refused"), "{server}: {words}");
    }
    bench.provider.destroy(key).await.unwrap();
}

#[tokio::test]
async fn what_knows_no_proxy_is_led_to_the_gateway() {
    let bench = Bench::new();
    if is_without_rules(&bench).await {
        println!("skipped: this host's kernel has no nftables (1 test)");
        return;
    }
    is_led(&bench).await;
}

#[tokio::test]
async fn so_it_is_in_shared_sandboxes() {
    if !is_root() {
        println!("skipped: only root can share sandboxes (1 test)");
        return;
    }
    let bench = Bench::shared();
    if is_without_rules(&bench).await {
        println!("skipped: this host's kernel has no nftables (1 test)");
        return;
    }
    is_led(&bench).await;
}

#[tokio::test]
async fn nobody_inside_can_change_the_rules() {
    let bench = Bench::new();
    let (spec, mut inside) = bench.start().await;
    for user in ["as-agent", "as-root"] {
        if user == "as-agent" || is_root() {
            assert_eq!(inside.attempt(user, &["rules"]).await, "EPERM", "{user}");
        }
    }
    bench.provider.destroy(spec.key).await.unwrap();
}
