//! The connection itself: greeting, fencing, nonsense.

use super::*;
use protocol::link::{Body, Decoder, FromGuest, ToGuest, encode_control, encode_data};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

fn reason(outcome: Result<Link, LinkError>) -> String {
    match outcome {
        Err(LinkError::Refused(reason)) => reason,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("accepted"),
    }
}

#[tokio::test]
async fn another_version_is_refused_in_words() {
    let mut machine = Machine::new();
    let newer = Hello { version: VERSION + 1, ..hello(1) };
    assert!(reason(machine.greet(newer).await).contains("older than the server"));
    let older = Hello { version: 0, ..hello(1) };
    assert!(reason(machine.greet(older).await).contains("newer than the server"));
}

#[tokio::test]
async fn a_newer_connection_replaces_and_a_lower_term_is_refused() {
    let mut machine = Machine::new();
    let first = machine.greet(hello(5)).await.unwrap();
    let second = machine.greet(hello(5)).await.unwrap();
    first.closed().await;
    assert!(matches!(first.request(Request::Ops).await, Err(LinkError::Closed)));
    assert!(reason(machine.greet(hello(4)).await).contains("term 5"));
    second.request(Request::Ops).await.unwrap();
    let third = machine.greet(hello(6)).await.unwrap();
    second.closed().await;
    third.request(Request::Ops).await.unwrap();
}

#[tokio::test]
async fn another_agent_or_epoch_is_refused() {
    let mut machine = Machine::new();
    let _first = machine.link().await;
    let other = Hello { epoch: Epoch(2), ..hello(9) };
    assert!(reason(machine.greet(other).await).contains("epoch"));
}

#[tokio::test]
async fn requests_under_way_fail_when_the_connection_dies() {
    let mut machine = Machine::new();
    let link = machine.link().await;
    link.start(machine.shell("a", "exec sleep 600")).await.unwrap();
    let waiting = link.wait(id("a"));
    let (waited, ()) = tokio::join!(waiting, async {
        link.request(Request::Ops).await.unwrap();
        machine.connections.shutdown().await;
    });
    assert!(matches!(waited, Err(LinkError::Closed)), "{waited:?}");
    assert!(link.is_closed());
}

/// What a guest does with bytes: the kinds of messages until it closes.
async fn answers(machine: &mut Machine, bytes: &[u8]) -> Vec<FromGuest> {
    let mut stream = machine.stream();
    let mut begin = Vec::new();
    encode_control(&mut begin, 0, &ToGuest::Hello(hello(1))).unwrap();
    stream.write_all(&begin).await.unwrap();
    // The guest may close before it has read all.
    stream.write_all(bytes).await.ok();
    let mut all = Vec::new();
    stream.read_to_end(&mut all).await.ok();
    let mut decoder = Decoder::new();
    decoder.push(&all);
    std::iter::from_fn(|| decoder.next().unwrap())
        .map(|frame| match frame.body {
            Body::Control(json) => serde_json::from_slice(&json).unwrap(),
            Body::Data(_) => panic!("data"),
        })
        .collect()
}

fn request(channel: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_control(&mut bytes, channel, &ToGuest::Request { request: Request::Ops }).unwrap();
    bytes
}

#[tokio::test]
async fn nonsense_ends_a_connection_and_nothing_else() {
    let mut machine = Machine::new();
    let mut flood = Vec::new();
    let upload = Request::Upload {
        op: id("u"),
        cwd: machine.workspace(),
        path: "f".into(),
        mode: None,
        expect: None,
    };
    // To a request that takes no data: one that takes it would use it up as fast as it comes.
    let start = Request::Start(machine.shell("sleeper", "exec sleep 600"));
    encode_control(&mut flood, 1, &ToGuest::Request { request: start }).unwrap();
    let wait = Request::Wait { op: id("sleeper") };
    encode_control(&mut flood, 3, &ToGuest::Request { request: wait }).unwrap();
    encode_data(&mut flood, 3, &vec![0; 4 << 20]);
    let mut credit = Vec::new();
    encode_control(&mut credit, 1, &ToGuest::Request { request: upload }).unwrap();
    encode_control(&mut credit, 1, &ToGuest::Credit { bytes: u32::MAX }).unwrap();
    let mut strange = Vec::new();
    encode_control(&mut strange, 1, &serde_json::json!({"type": "dance"})).unwrap();
    let cases = [
        vec![0xff; 64],
        vec![1, 0, 0, 0, 77, 0, 0, 0, 0, 0],
        strange,
        request(2),
        [request(5), request(3)].concat(),
        flood,
        credit,
    ];
    for (number, bytes) in cases.iter().enumerate() {
        let answers = answers(&mut machine, bytes).await;
        assert!(matches!(answers.first(), Some(FromGuest::Welcome(_))), "case {number}");
    }
    assert!(!machine.path("f").exists());
    machine.link().await.request(Request::Ops).await.unwrap();
}

#[tokio::test]
async fn random_bytes_never_bring_the_guest_down() {
    let mut machine = Machine::new();
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..50 {
        let mut bytes = request(1);
        for _ in 0..random.usize(1..8) {
            let at = random.usize(..bytes.len());
            bytes[at] = random.u8(..);
        }
        let mut stream = machine.stream();
        let mut begin = Vec::new();
        encode_control(&mut begin, 0, &ToGuest::Hello(hello(1))).unwrap();
        begin.extend(bytes);
        stream.write_all(&begin).await.unwrap();
        stream.shutdown().await.unwrap();
        stream.read_to_end(&mut Vec::new()).await.ok();
    }
    machine.link().await.request(Request::Ops).await.unwrap();
}

#[tokio::test]
async fn a_cancelled_request_frees_its_channel() {
    let mut machine = Machine::new();
    let link = machine.link().await;
    link.start(machine.shell("a", "exec sleep 600")).await.unwrap();
    for _ in 0..3000 {
        let waiting = link.wait(id("a"));
        let other = link.request(Request::Ops);
        tokio::select! {
            _ = waiting => panic!("ended"),
            answered = other => drop(answered.unwrap()),
        }
    }
    link.kill(id("a"), 9).await.unwrap();
}

#[tokio::test]
async fn a_port_inside_is_reached_both_ways() {
    let mut machine = Machine::new();
    let link = machine.link().await;
    let server = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = server.local_addr().unwrap().port();
    let (reader_and_writer, accepted) = tokio::join!(link.port(port), server.accept());
    let ((mut reader, writer), (mut inside, _)) = (reader_and_writer.unwrap(), accepted.unwrap());
    writer.write(b"ping").await.unwrap();
    writer.end().await.unwrap();
    let mut asked = Vec::new();
    inside.read_to_end(&mut asked).await.unwrap();
    inside.write_all(&[b'p'; 600_000]).await.unwrap();
    drop(inside);
    let mut bytes = 0;
    while let Some(piece) = reader.next().await.unwrap() {
        bytes += piece.len();
    }
    assert_eq!((asked.as_slice(), bytes), (&b"ping"[..], 600_000));
    drop(server);
    assert!(matches!(link.port(port).await, Err(LinkError::Fault(_))));
}

#[tokio::test]
async fn a_lease_that_is_not_renewed_ends() {
    let mut machine = Machine::new();
    let link = machine.link().await;
    let lease = std::time::Duration::from_millis(30);
    let begun = std::time::Instant::now();
    link.renew(std::time::Duration::from_secs(600)).await.unwrap();
    link.renew(lease).await.unwrap();
    machine.guest.lease_ended().await;
    assert!(begun.elapsed() >= lease);
}
