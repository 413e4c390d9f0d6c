//! Commands: once, followed from any offset, cut, timed out, ended with all that came from them.

use super::*;
use protocol::link::{Bytes64, Exited, Piece, PtySize};
use sandbox::link::{Followed, Offsets, Shown};
use std::time::Duration;

async fn run(link: &Link, start: Start) -> Exited {
    let op = start.op.clone();
    link.start(start).await.unwrap();
    link.wait(op).await.unwrap()
}

async fn follow(link: &Link, op: &str, from: Offsets) -> (Vec<u8>, Vec<u8>, Exited) {
    let mut follow = link.follow(id(op), from).await.unwrap();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    loop {
        match follow.next().await.unwrap() {
            Followed::Stdout(bytes) => out.extend(bytes),
            Followed::Stderr(bytes) => err.extend(bytes),
            Followed::Exited(exited) => return (out, err, exited),
        }
    }
}

#[tokio::test]
async fn a_command_ends_with_its_status_and_both_outputs() {
    let mut machine = Machine::new();
    let link = machine.link().await;
    link.start(machine.shell("a", "echo out; echo err >&2; exit 7")).await.unwrap();
    let (out, err, exited) = follow(&link, "a", Offsets::default()).await;
    assert_eq!((out.as_slice(), err.as_slice()), (&b"out\n"[..], &b"err\n"[..]));
    assert_eq!((exited.code, exited.signal, exited.stdout_bytes), (Some(7), None, 4));
}

#[tokio::test]
async fn a_known_operation_is_not_run_again_on_any_connection() {
    let mut machine = Machine::new();
    let link = machine.link().await;
    let start = machine.shell("a", "echo x >> ran; cat ran");
    assert!(!link.start(start.clone()).await.unwrap());
    link.wait(id("a")).await.unwrap();
    assert!(link.start(start.clone()).await.unwrap());
    let second = machine.link().await;
    assert!(second.start(start).await.unwrap());
    assert_eq!(stdout(&second, "a").await, "x\n");
}

#[tokio::test]
async fn an_acknowledged_operation_is_forgotten() {
    let mut machine = Machine::new();
    let link = machine.link().await;
    run(&link, machine.shell("a", "true")).await;
    link.ack(id("a")).await.unwrap();
    // It is forgotten with its last process, which may outlive the answer by a moment.
    let forgotten = async {
        while link.request(Request::Wait { op: id("a") }).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), forgotten).await.unwrap();
    let fault = refused(&link, Request::Wait { op: id("a") }).await;
    assert_eq!(fault.code, FaultCode::UnknownOp);
}

#[tokio::test]
async fn output_is_followed_from_an_offset_after_a_lost_connection() {
    let mut machine = Machine::new();
    let first = machine.link().await;
    let script = "echo one; while [ ! -e go ]; do sleep 0.01; done; echo two";
    first.start(machine.shell("a", script)).await.unwrap();
    let mut follow_first = first.follow(id("a"), Offsets::default()).await.unwrap();
    assert_eq!(follow_first.next().await.unwrap(), Followed::Stdout(b"one\n".to_vec()));
    drop(first);
    assert!(matches!(follow_first.next().await, Err(LinkError::Closed)));
    let second = machine.link().await;
    std::fs::write(machine.path("go"), "").unwrap();
    let (out, _, exited) = follow(&second, "a", Offsets { stdout: 2, stderr: 0 }).await;
    assert_eq!((out.as_slice(), exited.code), (&b"e\ntwo\n"[..], Some(0)));
}

#[tokio::test]
async fn a_slow_reader_gets_all_of_a_large_output() {
    let mut machine = Machine::new();
    let link = machine.link().await;
    let mut start = machine.shell("a", "head -c 50000000 /dev/zero");
    start.output_cap = 64 << 20;
    link.start(start).await.unwrap();
    let mut follow = link.follow(id("a"), Offsets::default()).await.unwrap();
    // Nothing is taken until the command is over: it must not wait for its reader.
    link.wait(id("a")).await.unwrap();
    let mut bytes = 0;
    while let Followed::Stdout(piece) = follow.next().await.unwrap() {
        bytes += piece.len();
    }
    assert_eq!(bytes, 50_000_000);
}

#[tokio::test]
async fn output_above_the_cap_is_counted_and_thrown_away() {
    let mut machine = Machine::new();
    let link = machine.link().await;
    let mut start = machine.shell("a", "head -c 5000 /dev/zero; echo end >&2");
    start.output_cap = 1000;
    let exited = run(&link, start).await;
    assert!(exited.truncated);
    assert_eq!((exited.stdout_bytes, exited.dropped_bytes, exited.stderr_bytes), (1000, 4000, 4));
}

#[tokio::test]
async fn a_kill_leaves_nothing_of_daemonised_grandchildren() {
    let mut machine = Machine::new();
    let link = machine.link().await;
    let mark = format!("4242{}", fastrand::u32(100_000..));
    let script = format!(
        "setsid sh -c 'trap \"\" TERM HUP; setsid sleep {mark} & (sleep {mark} &) ; \
         while :; do sleep {mark}; done' >/dev/null 2>&1 & \
         echo ready; sleep {mark}"
    );
    link.start(machine.shell("a", &script)).await.unwrap();
    let mut follow = link.follow(id("a"), Offsets::default()).await.unwrap();
    assert_eq!(follow.next().await.unwrap(), Followed::Stdout(b"ready\n".to_vec()));
    let exited = link.kill(id("a"), 15).await.unwrap();
    assert_eq!((exited.signal, exited.killed), (Some(15), true));
    assert_eq!(running(&mark), 0);
}

#[tokio::test]
async fn what_a_command_leaves_behind_lives_until_it_is_killed() {
    let mut machine = Machine::new();
    let link = machine.link().await;
    let mark = format!("4343{}", fastrand::u32(100_000..));
    let exited = run(&link, machine.shell("a", &format!("sleep {mark} & exit 3"))).await;
    assert_eq!(exited.code, Some(3));
    assert!(running(&mark) > 0);
    let Answer::Ops { ops } = link.request(Request::Ops).await.unwrap() else { panic!() };
    assert_eq!((ops[0].running, ops[0].processes), (false, 1));
    link.kill(id("a"), 9).await.unwrap();
    assert_eq!(running(&mark), 0);
}

#[tokio::test]
async fn kill_all_spares_the_operations_named() {
    let mut machine = Machine::new();
    let link = machine.link().await;
    let mark = format!("4444{}", fastrand::u32(100_000..));
    for op in ["a", "b", "c"] {
        link.start(machine.shell(op, &format!("exec sleep {mark}"))).await.unwrap();
    }
    link.request(Request::KillAll { except: vec![id("b")] }).await.unwrap();
    let Answer::Ops { ops } = link.request(Request::Ops).await.unwrap() else { panic!() };
    let alive: Vec<bool> = ops.iter().map(|op| op.running).collect();
    assert_eq!(alive, [false, true, false]);
    link.kill(id("b"), 9).await.unwrap();
    assert_eq!(running(&mark), 0);
}

#[tokio::test]
async fn a_time_limit_ends_a_command_and_says_so() {
    let mut machine = Machine::new();
    let link = machine.link().await;
    let mut start = machine.shell("a", "echo before; sleep 600");
    start.timeout_ms = Some(50);
    let exited = run(&link, start).await;
    assert!(exited.timed_out && exited.signal.is_some());
    assert_eq!(stdout(&link, "a").await, "before\n");
}

#[tokio::test]
async fn a_command_that_ignores_the_polite_signal_gets_the_other_one() {
    let mut machine = Machine::new();
    let link = machine.link().await;
    let script = "trap '' TERM; echo ready; while :; do sleep 1; done";
    link.start(machine.shell("a", script)).await.unwrap();
    let mut follow = link.follow(id("a"), Offsets::default()).await.unwrap();
    follow.next().await.unwrap();
    let exited = link.kill(id("a"), 15).await.unwrap();
    assert_eq!(exited.signal, Some(9));
}

#[tokio::test]
async fn a_program_that_does_not_exist_is_explained() {
    let mut machine = Machine::new();
    let link = machine.link().await;
    let mut start = machine.shell("a", "");
    start.argv = vec!["no-such-program".into()];
    link.start(start).await.unwrap();
    let (_, err, exited) = follow(&link, "a", Offsets::default()).await;
    assert_eq!(exited.code, Some(127));
    assert!(String::from_utf8_lossy(&err).contains("No such file"), "{err:?}");
}

#[tokio::test]
async fn input_is_given_at_once_or_as_it_comes() {
    let mut machine = Machine::new();
    let link = machine.link().await;
    let mut start = machine.shell("a", "cat; echo .");
    start.stdin = Stdin::Bytes { bytes: Bytes64(vec![b'x'; 200_000]) };
    assert_eq!(run(&link, start).await.stdout_bytes, 200_002);
    let mut start = machine.shell("b", "cat");
    start.stdin = Stdin::Open;
    link.start(start).await.unwrap();
    for (text, end) in [("one ", false), ("two", true)] {
        let bytes = Bytes64(text.into());
        link.request(Request::Input { op: id("b"), bytes, end }).await.unwrap();
    }
    assert_eq!(link.wait(id("b")).await.unwrap().code, Some(0));
    assert_eq!(stdout(&link, "b").await, "one two");
}

#[tokio::test]
async fn a_terminal_is_one_and_changes_its_size() {
    let mut machine = Machine::new();
    let link = machine.link().await;
    let mut start = machine.shell("a", "test -t 0 && stty size; read line; stty size");
    start.pty = Some(PtySize { cols: 80, rows: 24 });
    link.start(start).await.unwrap();
    let mut follow = link.follow(id("a"), Offsets::default()).await.unwrap();
    assert_eq!(follow.next().await.unwrap(), Followed::Stdout(b"24 80\r\n".to_vec()));
    let size = PtySize { cols: 100, rows: 30 };
    link.request(Request::Resize { op: id("a"), size }).await.unwrap();
    let bytes = Bytes64(b"\n".to_vec());
    link.request(Request::Input { op: id("a"), bytes, end: false }).await.unwrap();
    link.wait(id("a")).await.unwrap();
    assert!(stdout(&link, "a").await.ends_with("30 100\r\n"));
}

#[tokio::test]
async fn a_guest_opened_again_knows_what_ended_and_what_was_lost() {
    let mut machine = Machine::new();
    let link = machine.link().await;
    run(&link, machine.shell("done", "echo hello; exit 4")).await;
    link.start(machine.shell("lost", "exec sleep 600")).await.unwrap();
    drop(link);
    let folder = machine.folder.path().to_owned();
    machine.connections.shutdown().await;
    let config = GuestConfig::process(folder.join("run"), folder.join("workspace"));
    machine.guest = Guest::open(config).unwrap();
    let link = machine.link().await;
    assert_eq!(link.wait(id("done")).await.unwrap().code, Some(4));
    assert_eq!(stdout(&link, "done").await, "hello\n");
    assert!(link.start(machine.shell("lost", "true")).await.unwrap());
    assert_eq!(link.wait(id("lost")).await.unwrap().signal, Some(9));
}

/// Reads a screen until this holds of everything shown so far.
async fn until(screen: &mut sandbox::link::Screen, holds: impl Fn(&str) -> bool) -> (String, u64) {
    let (mut shown, mut missed) = (Vec::new(), 0);
    loop {
        match screen.next().await.unwrap() {
            Shown::Piece(Piece::Output(bytes)) => shown.extend(bytes),
            Shown::Piece(Piece::Skipped(bytes)) => missed += bytes,
            Shown::Exited(exited) => panic!("ended: {exited:?}"),
        }
        let text = String::from_utf8_lossy(&shown);
        if holds(&text) {
            return (text.into_owned(), missed);
        }
    }
}

fn terminal(machine: &Machine, op: &str, script: &str) -> Start {
    Start {
        pty: Some(PtySize { cols: 80, rows: 24 }),
        stdin: Stdin::Open,
        output_cap: 64 * 1024,
        ..machine.shell(op, script)
    }
}

#[tokio::test]
async fn people_at_one_terminal_see_the_same_and_a_late_one_sees_what_was() {
    let mut machine = Machine::new();
    let link = machine.link().await;
    link.start(terminal(&machine, "t", "echo hello; cat")).await.unwrap();
    let (mut first, keys) = link.attach(id("t"), 1 << 20).await.unwrap();
    until(&mut first, |text| text.contains("hello")).await;
    keys.write(b"typed\n").await.unwrap();
    until(&mut first, |text| text.matches("typed").count() == 2).await;
    let other = machine.link().await;
    let (mut late, _) = other.attach(id("t"), 1 << 20).await.unwrap();
    let (text, missed) = until(&mut late, |text| text.matches("typed").count() == 2).await;
    assert!(text.starts_with("hello") && missed == 0, "{text:?}");
    keys.end().await.unwrap_or_default();
}

#[tokio::test]
async fn a_terminal_that_prints_without_end_neither_waits_for_its_reader_nor_keeps_it_all() {
    let mut machine = Machine::new();
    let link = machine.link().await;
    let script = "head -c 50000000 /dev/zero | tr '\\0' x; touch done; exec cat";
    link.start(terminal(&machine, "t", script)).await.unwrap();
    let (mut slow, keys) = link.attach(id("t"), 1 << 20).await.unwrap();
    let printed = async {
        while !machine.path("done").exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), printed).await.unwrap();
    keys.write(b"the-end\n").await.unwrap();
    let (text, missed) = until(&mut slow, |text| text.contains("the-end")).await;
    assert!(missed > 40_000_000, "{missed}");
    assert!(text.len() < 2_000_000, "{}", text.len());
    let Answer::Ops { ops } = link.request(Request::Ops).await.unwrap() else { panic!("no list") };
    assert!(ops.iter().all(|op| op.op != id("t") || op.running));
    let Answer::Stats(stats) = link.request(Request::Stats).await.unwrap() else { panic!("none") };
    assert!(stats.spool_bytes <= 128 * 1024, "{}", stats.spool_bytes);
    link.kill(id("t"), 9).await.unwrap();
}

#[tokio::test]
async fn a_signal_reaches_a_command_and_what_it_does_is_its_own_matter() {
    use protocol::link::CAPABILITY_SIGNAL;
    let mut machine = Machine::new();
    let link = machine.link().await;
    assert!(link.can(CAPABILITY_SIGNAL));
    let script = "trap 'echo heard' USR1; echo begun; while :; do sleep 0.02; done";
    let start = machine.shell("stream", script);
    let (mut output, _input) = link.exec(start).await.unwrap();
    let mut said = String::new();
    for (word, signal) in [("begun", libc::SIGUSR1), ("heard", libc::SIGKILL)] {
        while !said.contains(word) {
            match output.next().await.unwrap() {
                Followed::Stdout(bytes) => said.push_str(&String::from_utf8(bytes).unwrap()),
                Followed::Stderr(_) => {}
                Followed::Exited(exited) => panic!("{exited:?}"),
            }
        }
        link.signal(id("stream"), signal).await.unwrap();
    }
    let exited = loop {
        if let Followed::Exited(exited) = output.next().await.unwrap() {
            break exited;
        }
    };
    assert_eq!((exited.code, exited.signal), (None, Some(libc::SIGKILL)));
    let gone = refused(&link, Request::Signal { op: id("stream"), signal: libc::SIGTERM }).await;
    assert_eq!(gone.code, FaultCode::UnknownOp);
    link.start(machine.shell("kept", "echo begun; exec sleep 600")).await.unwrap();
    let mut output = link.follow(id("kept"), Offsets::default()).await.unwrap();
    // A signal reaches what runs already.
    assert!(matches!(output.next().await.unwrap(), Followed::Stdout(_)));
    link.signal(id("kept"), libc::SIGTERM).await.unwrap();
    assert_eq!(link.wait(id("kept")).await.unwrap().signal, Some(libc::SIGTERM));
    let none = refused(&link, Request::Signal { op: id("kept"), signal: 4000 }).await;
    assert_eq!(none.code, FaultCode::BadRequest);
}
