//! Who was denied: asked while whoever was denied still waits, and never waited for long.

use crate::world::{Plan, Seen, World, peer, read_until};
use futures::future::BoxFuture;
use gateway::audit::Peer;
use gateway::policy::DenialCode;
use gateway::witness::{Caller, Witness};
use protocol::link::Transport;
use protocol::process::Process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;

const ASK: &[u8] = b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n";

/// Names the port that asked; or never answers.
struct Ports {
    asked: mpsc::UnboundedSender<Caller>,
    is_mute: AtomicBool,
}

impl Witness for Ports {
    fn owner(&self, of: Peer, from: Caller) -> BoxFuture<'_, Option<Process>> {
        assert_eq!(of, peer(1));
        self.asked.send(from).unwrap();
        if self.is_mute.load(Ordering::Relaxed) {
            return Box::pin(std::future::pending());
        }
        let name = from.address.port().to_string();
        Box::pin(async move { Some(Process { pid: 7, name, command: "asks".to_owned() }) })
    }
}

fn world(is_mute: bool) -> (World, mpsc::UnboundedReceiver<Caller>) {
    let (asked, callers) = mpsc::unbounded_channel();
    let witness = Arc::new(Ports { asked, is_mute: AtomicBool::new(is_mute) });
    (World::new(Plan { witness: Some(witness), ..Plan::default() }), callers)
}

async fn told(world: &mut World) -> (DenialCode, Option<Process>) {
    match world.next().await {
        Seen::Denied(denial, process) => (denial.code, process),
        other @ (Seen::Passed(_) | Seen::Recorded(_)) => panic!("expected a denial: {other:?}"),
    }
}

#[tokio::test]
async fn a_denial_is_told_with_the_process_that_asked() {
    let (mut world, mut callers) = world(false);
    let mut stream = world.connect().await;
    stream.write_all(ASK).await.unwrap();
    let head = read_until(&mut stream, "\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 403"), "{head}");
    let (_, process) = told(&mut world).await;
    let own = stream.local_addr().unwrap();
    assert_eq!(process.unwrap().name, own.port().to_string());
    assert_eq!(callers.recv().await, Some(Caller { transport: Transport::Tcp, address: own }));

    world.goal.set("203.0.113.9:443");
    let mut stream = tokio::net::TcpStream::connect(world.transparent).await.unwrap();
    stream.write_all(&[0x16]).await.unwrap();
    stream.read_to_end(&mut Vec::new()).await.unwrap_or_default();
    let (code, process) = told(&mut world).await;
    assert_eq!(code, DenialCode::AddressNotAllowed);
    assert_eq!(process.unwrap().pid, 7);
    callers.recv().await.unwrap();

    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let question = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x04evil\x07example\0\0\x01\0\x01";
    socket.send_to(question, world.dns_udp).await.unwrap();
    socket.recv(&mut [0; 512]).await.unwrap();
    let own = socket.local_addr().unwrap();
    assert_eq!(told(&mut world).await.1.unwrap().name, own.port().to_string());
    assert_eq!(callers.recv().await, Some(Caller { transport: Transport::Udp, address: own }));
}

#[tokio::test]
async fn whoever_cannot_be_found_is_denied_all_the_same() {
    let (mut world, mut callers) = world(true);
    let mut stream = world.connect().await;
    stream.write_all(ASK).await.unwrap();
    let head = read_until(&mut stream, "\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 403"), "{head}");
    assert_eq!(told(&mut world).await, (DenialCode::HostNotAllowed, None));
    callers.recv().await.unwrap();

    // Who leaves before the answer was denied, too.
    let mut stream = world.connect().await;
    stream.write_all(ASK).await.unwrap();
    callers.recv().await.unwrap();
    drop(stream);
    assert_eq!(told(&mut world).await, (DenialCode::HostNotAllowed, None));

    // Nor does the end of the sandbox keep it back.
    let mut stream = world.connect().await;
    stream.write_all(ASK).await.unwrap();
    callers.recv().await.unwrap();
    drop(world.guard.take());
    assert_eq!(told(&mut world).await, (DenialCode::HostNotAllowed, None));
    drop(stream);
}
