//! The real guest in a real sandbox.

use std::net::SocketAddr;
use std::time::Instant;

use protocol::ids::Term;
use protocol::link::{
    Answer, Bytes64, Hello, OpId, Request, Start, Stdin, Stream, Transport, User, VERSION,
};
use sandbox::link::Link;
use sandbox::provider::{Posture, Provider, SandboxKey};

use super::bench::{Bench, is_root, spec};

pub async fn link(bench: &Bench, key: SandboxKey) -> Link {
    let stream = bench.provider.connect(key).await.unwrap();
    let hello = Hello { version: VERSION, agent: key.agent, epoch: key.epoch, term: Term(1) };
    Link::connect(stream, hello).await.unwrap()
}

pub async fn run(link: &Link, name: &str, line: &str) -> (Option<i32>, String) {
    start(link, name, line, Stdin::Null).await;
    end(link, name).await
}

/// Runs a line that reads this to its end.
pub async fn feed(link: &Link, name: &str, line: &str, input: &str) -> (Option<i32>, String) {
    start(link, name, line, Stdin::Open).await;
    let (op, bytes) = (OpId::parse(name).unwrap(), Bytes64(input.into()));
    link.request(Request::Input { op, bytes, end: true }).await.unwrap();
    end(link, name).await
}

async fn start(link: &Link, name: &str, line: &str, stdin: Stdin) {
    let op = OpId::parse(name).unwrap();
    let path = "/opt/errand/bin:/usr/bin:/bin";
    let start = Start {
        op,
        argv: ["sh", "-c", line].map(str::to_owned).into(),
        cwd: "/workspace".to_owned(),
        env: vec![("PATH".to_owned(), path.to_owned())],
        user: User::Agent,
        timeout_ms: Some(10_000),
        stdin,
        pty: None,
        output_cap: 65_536,
    };
    link.start(start).await.unwrap();
}

async fn end(link: &Link, name: &str) -> (Option<i32>, String) {
    let op = OpId::parse(name).unwrap();
    let exited = link.wait(op.clone()).await.unwrap();
    let mut text = String::new();
    for stream in [Stream::Stdout, Stream::Stderr] {
        let read = Request::Read { op: op.clone(), stream, offset: 0, max: 65_536 };
        let Answer::Output(output) = link.request(read).await.unwrap() else { panic!("no output") };
        text.push_str(&String::from_utf8_lossy(&output.bytes.0));
    }
    (exited.code, text.trim().to_owned())
}

#[tokio::test]
async fn the_guest_answers_and_its_agent_has_no_capability() {
    let bench = Bench::with_real_guest();
    let spec = spec();
    let begun = Instant::now();
    bench.provider.create(&spec).await.unwrap();
    let made = begun.elapsed();
    let link = link(&bench, spec.key).await;
    println!("made in {made:?}, greeted after {:?}", begun.elapsed());
    let (code, text) =
        run(&link, "a", "id -u; grep -h ^Cap /proc/self/status | cut -f2 | sort -u").await;
    assert_eq!((code, text.as_str()), (Some(0), "1000\n0000000000000000"));
    let (code, text) =
        run(&link, "b", "sudo sh -c 'id -u; touch /etc/made; ls /run/errand | head -1'").await;
    if is_root() {
        assert_eq!((code, text.as_str()), (Some(0), "0\nops"));
    } else {
        assert!(code != Some(0) && text.contains("sudo:"), "{text}");
    }
    bench.provider.destroy(spec.key).await.unwrap();
}

#[tokio::test]
async fn the_owner_of_a_socket_is_found_whoever_it_is() {
    let bench = Bench::with_real_guest();
    let spec = spec();
    bench.provider.create(&spec).await.unwrap();
    let link = link(&bench, spec.key).await;
    let sudo = if is_root() { &["", "sudo "][..] } else { &[""] };
    for (port, sudo) in (4711..).zip(sudo) {
        let line = format!(
            "exec {sudo}/usr/bin/python3 -c 'import os, socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
             s.bind((\"127.0.0.1\", {port}))\nprint(os.getpid(), flush=True)\nos.read(0, 1)' > pid.{port}"
        );
        start(&link, &format!("bind:{port}"), &line, Stdin::Open).await;
        let line = format!("until [ -s pid.{port} ]; do :; done; cat pid.{port}");
        let (_, pid) = run(&link, &format!("pid:{port}"), &line).await;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let owner = Request::Owner { transport: Transport::Udp, address };
        let Answer::Owner { process } = link.request(owner).await.unwrap() else {
            panic!("no owner")
        };
        let process = process.unwrap();
        assert_eq!(process.pid.to_string(), pid);
        assert!(process.name.starts_with("python3"), "{process:?}");
        assert!(process.command.starts_with("/usr/bin/python3 -c import os"), "{process:?}");
    }
    bench.provider.destroy(spec.key).await.unwrap();
}

#[tokio::test]
async fn without_sudo_the_guest_refuses_in_words() {
    let bench = Bench::with_real_guest();
    let mut spec = spec();
    spec.posture = Posture::None;
    bench.provider.create(&spec).await.unwrap();
    let link = link(&bench, spec.key).await;
    let (code, text) =
        run(&link, "a", "sudo id -u; grep -h ^CapBnd /proc/self/status | cut -f2").await;
    println!("{text}");
    assert!(code == Some(0) && text.starts_with("0000000000000000\n"), "{text}");
    assert!(text.contains("sudo:"), "{text}");
    bench.provider.destroy(spec.key).await.unwrap();
}
