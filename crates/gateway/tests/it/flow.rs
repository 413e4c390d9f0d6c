//! Ways out that are closed while connections are open, and what is noted before it is read.

use crate::proxy::status;
use crate::world::{PATIENCE, Plan, Seen, World, peer, policy, read_all, read_until};
use futures::future::BoxFuture;
use gateway::attach::Rules;
use gateway::audit::Peer;
use gateway::grant::Grants;
use gateway::host::Authority;
use gateway::policy::{Closed, DenialCode, EgressMode};
use gateway::reading::{Noted, Readings, Whose};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const ALLOW: [&str; 4] = ["db.example:5432", "up.example", "ws.example +websocket", "docs.example"];

/// The same hosts where nothing may be carried out.
fn closed() -> Rules {
    let closed =
        Closed { own: Vec::new(), code: DenialCode::FlowClosed, words: "because".to_owned() };
    let policy = policy(EgressMode::Allowlist, &ALLOW).closed(closed);
    Rules { policy, grants: Grants::default(), aws: None }
}

/// Hosts of which each takes one connection.
struct Hosts(Vec<TcpListener>);

impl Hosts {
    async fn new() -> Self {
        let mut listeners = Vec::new();
        for _ in 0..4 {
            listeners.push(TcpListener::bind("127.0.0.1:0").await.unwrap());
        }
        Self(listeners)
    }

    fn world(&self, readings: Option<Arc<dyn Readings>>) -> World {
        let names = ["db.example", "up.example", "ws.example", "docs.example"];
        let addresses = self.0.iter().map(|listener| listener.local_addr().unwrap());
        let upstreams: Vec<_> = names.into_iter().zip(addresses).collect();
        World::new(Plan { allow: &ALLOW, upstreams: &upstreams, readings, ..Plan::default() })
    }

    async fn met(&self, nth: usize) -> TcpStream {
        tokio::time::timeout(PATIENCE, self.0[nth].accept()).await.unwrap().unwrap().0
    }
}

async fn sends(world: &World, bytes: &str) -> TcpStream {
    let mut stream = world.connect().await;
    stream.write_all(bytes.as_bytes()).await.unwrap();
    stream
}

/// Connections that carry out: one that is not opened, an upload that goes on, a WebSocket. With their far ends.
async fn ways_out(world: &World, hosts: &Hosts) -> Vec<(TcpStream, TcpStream)> {
    let mut tunnel = sends(world, "CONNECT db.example:5432 HTTP/1.1\r\n\r\n").await;
    let far = hosts.met(0).await;
    read_until(&mut tunnel, "\r\n\r\n").await;
    let mut all = vec![(tunnel, far)];
    let upload = "POST http://up.example/ HTTP/1.1\r\nHost: up.example\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n";
    let upload = sends(world, upload).await;
    let mut far = hosts.met(1).await;
    read_until(&mut far, "first\r\n").await;
    all.push((upload, far));
    let ask = "GET http://ws.example/ HTTP/1.1\r\nHost: ws.example\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
    let mut socket = sends(world, ask).await;
    let mut far = hosts.met(2).await;
    read_until(&mut far, "\r\n\r\n").await;
    let switched =
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
    far.write_all(switched.as_bytes()).await.unwrap();
    read_until(&mut socket, "\r\n\r\n").await;
    socket.write_all(b"ping").await.unwrap();
    read_until(&mut far, "ping").await;
    all.push((socket, far));
    all
}

/// Nothing that is said from now on arrives.
async fn is_cut((mut near, mut far): (TcpStream, TcpStream)) {
    near.write_all(b"6\r\nsecret\r\n").await.unwrap_or_default();
    near.shutdown().await.unwrap_or_default();
    let heard = read_all(&mut far).await;
    assert!(!heard.contains("secret"), "{heard}");
}

#[tokio::test]
async fn narrowing_ends_every_open_connection() {
    let hosts = Hosts::new().await;
    let world = hosts.world(None);
    let mut open = ways_out(&world, &hosts).await;
    let reading = "GET http://docs.example/ HTTP/1.1\r\nHost: docs.example\r\n\r\n";
    let near = sends(&world, reading).await;
    let mut far = hosts.met(3).await;
    read_until(&mut far, "\r\n\r\n").await;
    open.push((near, far));
    assert!(world.gateway.narrow(peer(1), closed()));
    for connection in open {
        is_cut(connection).await;
    }
}

#[tokio::test]
async fn closing_ends_what_carries_out_and_leaves_what_reads() {
    let hosts = Hosts::new().await;
    let mut world = hosts.world(None);
    let open = ways_out(&world, &hosts).await;
    let reading = "GET http://docs.example/ HTTP/1.1\r\nHost: docs.example\r\n\r\n";
    let mut near = sends(&world, reading).await;
    let mut far = hosts.met(3).await;
    read_until(&mut far, "\r\n\r\n").await;
    assert!(world.gateway.close(peer(1), closed()));
    for connection in open {
        is_cut(connection).await;
    }
    far.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\npage").await.unwrap();
    assert!(read_until(&mut near, "page").await.starts_with("HTTP/1.1 200"));
    near.write_all(reading.replace("GET", "POST").as_bytes()).await.unwrap();
    let refused = read_until(&mut near, "because\n").await;
    assert!(refused.contains("x-errand-denied: flow_closed"), "{refused}");
    near.write_all(reading.replace("\r\n\r\n", "\r\nContent-Length: 1\r\n\r\nx").as_bytes())
        .await
        .unwrap();
    let refused = read_until(&mut near, "because\n").await;
    assert!(refused.contains("flow_closed"), "a body of a GET says as much: {refused}");
    let denied = std::iter::from_fn(|| world.seen.try_recv().ok());
    let denied = denied.filter(
        |seen| matches!(seen, Seen::Denied(denial, _) if denial.code == DenialCode::FlowClosed),
    );
    assert_eq!(denied.count(), 2);
    assert!(!world.gateway.close(peer(2), closed()));
}

/// Notes what it is told, or fails to.
#[derive(Default)]
struct Notes {
    noted: Mutex<Vec<(String, Whose)>>,
    fails: AtomicBool,
    later: AtomicBool,
}

impl Readings for Notes {
    fn note(
        &self,
        _: Peer,
        host: &Authority,
        whose: Whose,
    ) -> BoxFuture<'_, Result<Noted, String>> {
        self.noted.lock().unwrap().push((host.to_string(), whose));
        let noted = if self.later.load(Ordering::Relaxed) { Noted::Later } else { Noted::Once };
        let failed = self.fails.load(Ordering::Relaxed);
        Box::pin(async move { if failed { Err("no room".to_owned()) } else { Ok(noted) } })
    }
}

#[tokio::test]
async fn what_is_read_is_noted_once_and_before_it_is_asked_for() {
    let hosts = Hosts::new().await;
    let notes = Arc::new(Notes::default());
    let world = hosts.world(Some(notes.clone()));
    let ask =
        "GET http://docs.example/ HTTP/1.1\r\nHost: docs.example\r\nConnection: close\r\n\r\n";
    notes.fails.store(true, Ordering::Relaxed);
    let answer = world.exchange(ask).await;
    assert!(status(&answer) == 503 && answer.contains("no room"), "{answer}");
    let refused = world.exchange(&ask.replace("docs", "other")).await;
    assert_eq!(status(&refused), 403);
    notes.fails.store(false, Ordering::Relaxed);
    notes.later.store(true, Ordering::Relaxed);
    for _ in 0..3 {
        let near = sends(&world, ask).await;
        let mut far = hosts.met(3).await;
        read_until(&mut far, "\r\n\r\n").await;
        notes.later.store(false, Ordering::Relaxed);
        drop((near, far));
    }
    let noted = notes.noted.lock().unwrap().clone();
    let expected = ("docs.example:80".to_owned(), Whose::Host);
    assert_eq!(noted, vec![expected; 3], "failed, later, and once; what is refused is not read");
}

#[tokio::test]
async fn what_is_not_opened_is_noted_before_a_byte_is_carried() {
    let hosts = Hosts::new().await;
    let notes = Arc::new(Notes::default());
    notes.fails.store(true, Ordering::Relaxed);
    let world = hosts.world(Some(notes.clone()));
    let mut near = sends(&world, "CONNECT db.example:5432 HTTP/1.1\r\n\r\nsecret").await;
    let mut far = hosts.met(0).await;
    assert_eq!(read_all(&mut far).await, "");
    let mut rest = Vec::new();
    near.read_to_end(&mut rest).await.unwrap_or_default();
    assert_eq!(notes.noted.lock().unwrap().len(), 1);
}
