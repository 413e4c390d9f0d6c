//! What a sandbox learns by asking for names, and that nobody else is ever asked.

use crate::world::{PATIENCE, Plan, World};
use gateway::policy::{DenialCode, EgressMode};
use std::net::Ipv4Addr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};

const A: u16 = 1;
const AAAA: u16 = 28;
const TXT: u16 = 16;
const SRV: u16 = 33;
const HTTPS: u16 = 65;
const NO_SUCH_NAME: u8 = 3;

/// What came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Answer {
    code: u8,
    address: Option<Ipv4Addr>,
}

fn question(name: &str, kind: u16) -> Vec<u8> {
    let mut packet = vec![0xab, 0xcd, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.').filter(|label| !label.is_empty()) {
        packet.push(u8::try_from(label.len()).unwrap());
        packet.extend(label.as_bytes());
    }
    packet.push(0);
    packet.extend([kind.to_be_bytes(), [0, 1]].concat());
    packet
}

fn read(asked: &[u8], answer: &[u8]) -> Answer {
    assert_eq!(answer[..2], asked[..2], "the number of the question");
    assert_eq!(answer[2] & 0x80, 0x80, "it is an answer");
    assert_eq!(answer[12..asked.len()], asked[12..], "the question is repeated");
    let address = (answer[7] == 1).then(|| {
        let octets: [u8; 4] = answer[answer.len() - 4..].try_into().unwrap();
        assert_eq!(answer.len(), asked.len() + 16);
        octets.into()
    });
    Answer { code: answer[3] & 0xf, address }
}

async fn ask(world: &World, name: &str, kind: u16) -> Answer {
    let asked = question(name, kind);
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.send_to(&asked, world.dns_udp).await.unwrap();
    let mut answer = [0; 1024];
    let length = tokio::time::timeout(PATIENCE, socket.recv(&mut answer)).await.unwrap().unwrap();
    read(&asked, &answer[..length])
}

#[tokio::test]
async fn an_allowed_name_has_an_address_that_means_something_here_only() {
    let allow = &["allowed.example", "*.below.example", "db.example:5432"];
    let world = World::new(Plan { allow, ..Plan::default() });
    let first = ask(&world, "allowed.example", A).await;
    assert_eq!(first.code, 0);
    assert_eq!(first.address.unwrap().octets()[..2], [198, 18]);
    assert_eq!(ask(&world, "ALLOWED.Example", A).await, first);
    for name in ["a.below.example", "b.below.example", "db.example", "errand.internal"] {
        let other = ask(&world, name, A).await;
        assert!(other.code == 0 && other.address.is_some() && other != first, "{name}: {other:?}");
    }
    // There is no other kind of answer, which is not to say that there is no such name.
    for kind in [AAAA, HTTPS, TXT, SRV] {
        let other = ask(&world, "allowed.example", kind).await;
        assert_eq!(other, Answer { code: 0, address: None }, "{kind}");
    }
    assert!(world.resolver.asked().is_empty(), "{:?}", world.resolver.asked());
}

#[tokio::test]
async fn a_name_that_is_not_allowed_does_not_exist_and_nobody_is_asked() {
    let mut world = World::new(Plan { allow: &["allowed.example"], ..Plan::default() });
    let refused = Answer { code: NO_SUCH_NAME, address: None };
    for name in ["evil.example", "736563726574.evil.example", "allowed.example.evil.example"] {
        for kind in [A, AAAA, TXT] {
            assert_eq!(ask(&world, name, kind).await, refused, "{name}");
            let denial = world.denied().await;
            assert_eq!((denial.code, denial.host.as_str()), (DenialCode::HostNotAllowed, name));
        }
    }
    assert_eq!(ask(&world, "allowed\0.example", A).await, refused);
    assert_eq!(world.denied().await.code, DenialCode::BadHost);
    // Nor is there anything for what programs ask by themselves; that is no denial.
    for (name, kind) in [
        ("_http._tcp.evil.example", SRV),
        ("1.0.18.198.in-addr.arpa", 12),
        ("", 2),
        ("127.0.0.1", A),
        ("0x7f.1", A),
    ] {
        assert_eq!(ask(&world, name, kind).await, refused, "{name}");
    }
    assert!(world.seen.try_recv().is_err());
    assert!(world.resolver.asked().is_empty(), "{:?}", world.resolver.asked());
}

#[tokio::test]
async fn each_mode_names_what_it_reaches() {
    for (mode, name, code) in [
        (EgressMode::Offline, "allowed.example", NO_SUCH_NAME),
        (EgressMode::Offline, "errand.internal", 0),
        (EgressMode::Packages, "crates.io", 0),
        (EgressMode::Packages, "allowed.example", 0),
        (EgressMode::Packages, "other.example", NO_SUCH_NAME),
        (EgressMode::Open, "other.example", 0),
    ] {
        let world = World::new(Plan { mode, allow: &["allowed.example"], ..Plan::default() });
        assert_eq!(ask(&world, name, A).await.code, code, "{mode:?} {name}");
    }
}

#[tokio::test]
async fn questions_come_over_connections_too() {
    let world = World::new(Plan { allow: &["allowed.example"], ..Plan::default() });
    let first = ask(&world, "allowed.example", A).await;
    let mut stream = TcpStream::connect(world.dns_tcp).await.unwrap();
    for name in ["allowed.example", "evil.example", "allowed.example"] {
        let asked = question(name, A);
        stream.write_u16(u16::try_from(asked.len()).unwrap()).await.unwrap();
        stream.write_all(&asked).await.unwrap();
        let mut answer = vec![0; usize::from(stream.read_u16().await.unwrap())];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(read(&asked, &answer) == first, name == "allowed.example");
    }
}

#[tokio::test]
async fn hostile_packets_change_nothing() {
    let world = World::new(Plan { allow: &["allowed.example"], ..Plan::default() });
    let whole = question("allowed.example", A);
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut random = fastrand::Rng::with_seed(11);
    for _ in 0..300 {
        let mut bent = whole.clone();
        for _ in 0..random.usize(1..9) {
            let at = random.usize(..bent.len());
            bent[at] = random.u8(..);
        }
        bent.truncate(random.usize(1..=bent.len()));
        socket.send_to(&bent, world.dns_udp).await.unwrap();
        let mut stream = TcpStream::connect(world.dns_tcp).await.unwrap();
        stream.write_all(&bent).await.unwrap();
    }
    assert_eq!(ask(&world, "allowed.example", A).await.code, 0);
    assert!(world.resolver.asked().is_empty(), "{:?}", world.resolver.asked());
}
