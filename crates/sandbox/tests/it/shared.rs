//! Sandboxes that agents share: what they have in common, what stays their own, and how it ends.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use protocol::ids::{Epoch, LayerId};
use rustix::process::{Pid, Signal, kill_process};
use sandbox::conformance;
use sandbox::isolation::WallState;
use sandbox::local::start_launcher;
use sandbox::provider::{MachineState, Posture, Provider, ProviderError, SandboxKey, SandboxSpec};

use super::abuse::{try_calls, try_files};
use super::bench::{Bench, Inside, agent, is_root, spec};
use super::guest;
use super::host::{Host, groups_of, processes_of};
use super::life::guest_of;

/// Time for what somebody else ends.
const END: Duration = Duration::from_secs(10);

/// A bench with shared sandboxes; says why there is none.
#[expect(clippy::print_stdout, reason = "a skip says its reason")]
fn shared() -> Option<Bench> {
    if !is_root() {
        println!("skipped: only root's launcher makes shared sandboxes");
        return None;
    }
    Some(Bench::shared())
}

/// The folders of what agents share.
fn commons(bench: &Bench) -> Vec<PathBuf> {
    let all = fs::read_dir(bench.config.launcher.state_dir.join("commons")).unwrap();
    all.map(|entry| entry.unwrap().path()).collect()
}

fn holder_of(bench: &Bench) -> Pid {
    let record = fs::read_to_string(commons(bench)[0].join("holder.json")).unwrap();
    let record: serde_json::Value = serde_json::from_str(&record).unwrap();
    Pid::from_raw(i32::try_from(record["pid"].as_i64().unwrap()).unwrap()).unwrap()
}

fn shim_of(bench: &Bench, key: SandboxKey) -> Pid {
    Pid::from_raw(i32::try_from(bench.shim_of(key)).unwrap()).unwrap()
}

/// Waits until this holds; what it is about, in words, is the failure.
async fn until(words: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + END;
    while !holds() {
        assert!(Instant::now() < deadline, "{words}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// That nothing is left of anybody, and the host is as it was.
async fn assert_nothing_left(bench: &Bench, host: &Host) {
    assert_eq!(bench.provider.list().await.unwrap(), []);
    until("a process is left", || processes_of(bench).is_empty()).await;
    for dir in ["sandboxes", "disks", "leases", "trash", "commons", "making"] {
        let dir = bench.config.launcher.state_dir.join(dir);
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 0, "{dir:?}");
    }
    host.assert_unchanged();
}

/// Something that runs on by itself, under a name by which it is found.
async fn leave_running(inside: &mut Inside, seconds: &str) {
    let line = format!(
        "setsid sleep {seconds} >/dev/null 2>&1 & \
         until pgrep -fx 'sleep {seconds}' >/dev/null; do :; done; echo started"
    );
    assert_eq!(inside.sh(&line).await.1, "started");
}

/// How many processes with these words are to be seen.
async fn count(inside: &mut Inside, words: &str) -> usize {
    let line = format!(
        "for p in /proc/[0-9]*; do tr '\\0' ' ' < $p/cmdline 2>/dev/null; echo; done | grep -cx '{words} '"
    );
    inside.sh(&line).await.1.parse().unwrap()
}

#[tokio::test]
async fn shared_sandboxes_conform() {
    let Some(bench) = shared() else { return };
    let host = Host::look();
    let suite = conformance::Bench {
        provider: &bench.provider,
        agent: &agent,
        greeting: (b"ping\n", b"pong\n"),
    };
    assert_eq!(conformance::check(&suite).await, Ok(()));
    assert_nothing_left(&bench, &host).await;
}

#[tokio::test]
async fn agents_see_each_others_processes_and_home_and_have_workspaces_of_their_own() {
    let Some(bench) = shared() else { return };
    let host = Host::look();
    let (first, mut one) = bench.start().await;
    let (second, mut two) = bench.start_with(|spec| spec.posture = Posture::None).await;
    for folder in ["/home/agent", "/var/tmp"] {
        let line = format!("echo from one > {folder}/note && cat {folder}/note");
        assert_eq!(one.sh(&line).await, (0, "from one".into()));
        assert_eq!(two.sh(&format!("cat {folder}/note")).await, (0, "from one".into()));
    }
    one.run("as-root", &["sh", "-c", "echo tool > /opt/tool"]).await;
    assert_eq!(two.sh("cat /opt/tool").await, (0, "tool".into()));
    assert_eq!(one.sh("echo mine > /workspace/note; echo x > /tmp/note").await.0, 0);
    assert_ne!(two.sh("cat /workspace/note /tmp/note").await.0, 0);
    leave_running(&mut one, "4711").await;
    assert_eq!(count(&mut two, "sleep 4711").await, 1);
    assert_eq!(two.sh("pkill -fx 'sleep 4711'").await.0, 0);
    let gone = "while pgrep -fx 'sleep 4711' >/dev/null; do :; done";
    assert_eq!(one.sh(gone).await.0, 0);
    assert_eq!(count(&mut one, "sleep 4711").await, 0);
    // What the report says, and no more than it says.
    let report = bench.provider.find(first.key).await.unwrap().unwrap().isolation;
    let wall = report.wall("own_sandbox").unwrap();
    assert!(
        matches!(&wall.state, WallState::Missing(words) if words.contains("files")),
        "{wall:?}"
    );
    assert_eq!(report.wall("network_namespace").unwrap().state, WallState::Enforced);
    let posture = report.wall("posture").unwrap();
    assert!(posture.protects.contains("shared with other agents"), "{}", posture.protects);
    for key in [first.key, second.key] {
        bench.provider.destroy(key).await.unwrap();
    }
    assert_nothing_left(&bench, &host).await;
}

#[tokio::test]
async fn each_agent_has_a_gateway_and_a_loopback_of_its_own() {
    let Some(bench) = shared() else { return };
    let (first, mut one) = bench.start().await;
    let (second, mut two) = bench.start().await;
    let sockets = bench.provider.gateway_sockets(first.key).await.unwrap();
    let proxy = sockets
        .into_iter()
        .find(|s| s.kind == sandbox::provider::SocketKind::Proxy)
        .map(|s| std::net::TcpListener::from(s.fd))
        .unwrap();
    proxy.set_nonblocking(true).unwrap();
    let proxy = tokio::net::TcpListener::from_std(proxy).unwrap();
    // Waits in the other's own queue, and comes to nobody here.
    assert_eq!(two.attempt("as-agent", &["tcp", "127.0.0.1:3128"]).await, "ok");
    let none = tokio::time::timeout(Duration::from_millis(200), proxy.accept()).await;
    assert!(none.is_err(), "another agent's connection came");
    let dial = one.attempt("as-agent", &["tcp", "127.0.0.1:3128"]);
    let (dialled, accepted) = tokio::join!(dial, proxy.accept());
    assert_eq!((dialled.as_str(), accepted.is_ok()), ("ok", true));
    for key in [first.key, second.key] {
        bench.provider.destroy(key).await.unwrap();
    }
}

#[tokio::test]
async fn one_goes_with_all_its_processes_while_another_works() {
    let Some(bench) = shared() else { return };
    let (mut first, mut one) = bench.start().await;
    let (second, mut two) = bench.start().await;
    assert_eq!(one.sh("echo kept > /workspace/note").await.0, 0);
    assert_eq!(two.sh("echo other > /workspace/note").await.0, 0);
    leave_running(&mut one, "4712").await;
    leave_running(&mut two, "4713").await;
    bench.provider.stop(first.key).await.unwrap();
    assert_eq!(groups_of(&first.key.to_string()), Vec::<String>::new());
    assert_eq!(count(&mut two, "sleep 4712").await, 0);
    assert_eq!(count(&mut two, "sleep 4713").await, 1);
    first.key.epoch = Epoch(2);
    bench.provider.create(&first).await.unwrap();
    let mut one = bench.inside(first.key).await;
    assert_eq!(one.sh("cat /workspace/note; echo home > ~/note").await, (0, "kept".into()));
    assert_eq!(count(&mut one, "sleep 4713").await, 1);
    bench.provider.destroy(first.key).await.unwrap();
    assert!(!bench.disk(first.key).exists());
    let (_, text) = two.sh("cat /workspace/note ~/note").await;
    assert_eq!(text, "other\nhome");
    // The last one's end is that of all: home and ids go with it.
    bench.provider.stop(second.key).await.unwrap();
    until("the holder stays", || processes_of(&bench).is_empty()).await;
    assert_eq!(commons(&bench).len(), 1);
    bench.provider.destroy(second.key).await.unwrap();
    assert_eq!(commons(&bench).len(), 0);
}

#[tokio::test]
async fn a_killed_shim_takes_its_own_agent_along_and_no_other() {
    let Some(bench) = shared() else { return };
    let (first, mut one) = bench.start().await;
    let (second, mut two) = bench.start().await;
    leave_running(&mut one, "4714").await;
    kill_process(shim_of(&bench, first.key), Signal::KILL).unwrap();
    // Nobody asked the launcher anything: the holder sees to it.
    let key = first.key.to_string();
    until("its processes stay", || groups_of(&key).is_empty()).await;
    assert_eq!(count(&mut two, "sleep 4714").await, 0);
    let found = bench.provider.find(first.key).await.unwrap().unwrap();
    assert_eq!(found.state, MachineState::Ended { reason: "its shim was lost".into() });
    kill_process(guest_of(&bench, second.key), Signal::KILL).unwrap();
    until("its shim stays", || processes_of(&bench).is_empty()).await;
    for key in [first.key, second.key] {
        bench.provider.destroy(key).await.unwrap();
    }
}

#[tokio::test]
async fn a_killed_holder_ends_all_and_the_next_epochs_find_their_files() {
    let Some(bench) = shared() else { return };
    let host = Host::look();
    let (mut first, mut one) = bench.start().await;
    let (second, mut two) = bench.start().await;
    assert_eq!(one.sh("echo kept > /workspace/note; echo home > ~/note").await.0, 0);
    leave_running(&mut two, "4715").await;
    kill_process(holder_of(&bench), Signal::KILL).unwrap();
    until("a process stays", || processes_of(&bench).is_empty()).await;
    for key in [first.key, second.key] {
        let found = bench.provider.find(key).await.unwrap().unwrap();
        let reason = "what it shares with other agents ended".to_owned();
        assert_eq!(found.state, MachineState::Ended { reason });
        assert_eq!(groups_of(&key.to_string()), Vec::<String>::new());
    }
    first.key.epoch = Epoch(2);
    bench.provider.create(&first).await.unwrap();
    let mut one = bench.inside(first.key).await;
    assert_eq!(one.sh("cat /workspace/note ~/note").await, (0, "kept\nhome".into()));
    assert_eq!(count(&mut one, "sleep 4715").await, 0);
    // All of them at once.
    kill_process(shim_of(&bench, first.key), Signal::KILL).unwrap();
    kill_process(holder_of(&bench), Signal::KILL).unwrap();
    until("a process stays", || processes_of(&bench).is_empty()).await;
    for key in [first.key, second.key] {
        bench.provider.destroy(key).await.unwrap();
    }
    assert_nothing_left(&bench, &host).await;
}

#[tokio::test]
async fn a_restarted_server_finds_them_and_removes_what_nobody_is_in() {
    let Some(bench) = shared() else { return };
    let (spec, mut inside) = bench.start().await;
    leave_running(&mut inside, "4716").await;
    drop(inside);
    let left = bench.config.launcher.state_dir.join("commons/commons-0000000000000001");
    fs::create_dir(&left).unwrap();
    let bench = bench.restart();
    let mut inside = bench.inside(spec.key).await;
    assert_eq!(count(&mut inside, "sleep 4716").await, 1);
    let (other, mut two) = bench.start().await;
    assert_eq!(count(&mut two, "sleep 4716").await, 1);
    assert!(!left.exists(), "what nobody is in stays");
    for key in [spec.key, other.key] {
        bench.provider.destroy(key).await.unwrap();
    }
}

fn refusal<T: std::fmt::Debug>(result: Result<T, ProviderError>) -> String {
    match result {
        Err(ProviderError::Refused(words)) => words,
        other => panic!("not refused: {other:?}"),
    }
}

fn next(spec: &SandboxSpec) -> SandboxSpec {
    let mut next = spec.clone();
    next.key.epoch = Epoch(spec.key.epoch.0 + 1);
    next
}

#[tokio::test]
async fn what_an_agent_shares_was_decided_when_it_began() {
    let Some(bench) = shared() else { return };
    let (together, _) = bench.start().await;
    bench.provider.stop(together.key).await.unwrap();
    let bench = bench.restart_with(|launcher| launcher.shared = false);
    let words = refusal(bench.provider.create(&next(&together)).await);
    assert!(words.contains("`shared` under [sandbox] is off"), "{words}");
    let (alone, mut inside) = bench.start().await;
    assert_eq!(inside.sh("echo private > ~/note").await.0, 0);
    bench.provider.stop(alone.key).await.unwrap();
    let bench = bench.restart_with(|launcher| launcher.shared = true);
    for spec in [&together, &alone] {
        bench.provider.create(&next(spec)).await.unwrap();
    }
    let mut one = bench.inside(next(&together).key).await;
    let mut two = bench.inside(next(&alone).key).await;
    assert_eq!(two.sh("cat ~/note").await, (0, "private".into()));
    assert_ne!(one.sh("cat ~/note").await.0, 0);
    leave_running(&mut one, "4717").await;
    assert_eq!(count(&mut two, "sleep 4717").await, 0);
    let report = bench.provider.find(next(&alone).key).await.unwrap().unwrap().isolation;
    assert!(report.wall("own_sandbox").is_none());
    for spec in [&together, &alone] {
        bench.provider.destroy(next(spec).key).await.unwrap();
    }
}

#[tokio::test]
async fn what_others_may_be_writing_to_is_not_kept_or_begun_with() {
    let Some(bench) = shared() else { return };
    assert!(!bench.provider.capabilities().snapshots);
    let (spec, _) = bench.start().await;
    bench.provider.stop(spec.key).await.unwrap();
    let layer = LayerId::from_uuid(spec.key.agent.uuid());
    let words = refusal(bench.provider.freeze(spec.key.agent, layer).await);
    assert!(words.contains("shares its sandbox with other agents"), "{words}");
    let mut fork = self::spec();
    fork.layers = vec![layer];
    let words = refusal(bench.provider.create(&fork).await);
    assert!(words.contains("begins with no build, fork or image"), "{words}");
    bench.provider.destroy(spec.key).await.unwrap();
    let mut config = bench.config.clone();
    config.launcher.state_dir = config.launcher.state_dir.with_extension("other");
    config.launcher.runtime = Some("runc".into());
    let words = start_launcher(&config).unwrap_err().to_string();
    assert!(words.contains("no shared sandboxes"), "{words}");
}

#[tokio::test]
async fn the_limits_hold_for_all_together() {
    let Some(bench) = shared() else { return };
    let limit = |spec: &mut SandboxSpec| spec.limits.pids = 64;
    let (first, mut one) = bench.start_with(limit).await;
    let (second, mut two) = bench.start_with(limit).await;
    let line = "for i in $(seq 40); do sleep 4718 >/dev/null 2>&1 & done; echo all";
    assert_eq!(one.sh(line).await, (0, "all".into()));
    // There is no room for as many again.
    let (code, text) = two.sh(line).await;
    assert!(code != 0 && text.contains("fork"), "{code}: {text}");
    for key in [first.key, second.key] {
        bench.provider.destroy(key).await.unwrap();
    }
}

#[tokio::test]
async fn the_walls_towards_the_host_are_those_of_every_sandbox() {
    let Some(bench) = shared() else { return };
    let (first, mut one) = bench.start().await;
    let (second, _two) = bench.start().await;
    for user in ["as-agent", "as-root"] {
        try_calls(&mut one, user).await;
        try_files(&mut one, user).await;
        // Neither the first process of all nor anybody's guest lets itself be looked into.
        let line = "for p in $(pgrep -f '^errand-guest guest') 1; do for part in root cwd fd/0 fd/3; do \
                    readlink /proc/$p/$part; ls -d /proc/$p/$part/. 2>/dev/null; done; \
                    cat /proc/$p/environ /proc/$p/mem 2>/dev/null | head -c 1; done; \
                    pgrep -fc '^errand-guest guest'";
        let (_, text) = one.run(user, &["sh", "-c", line]).await;
        assert_eq!(text, "2", "{user} sees two guests and nothing of them");
    }
    let (_, text) =
        one.run("as-root", &["sh", "-c", "kill -9 1; mv /opt/errand /opt/x; echo $?"]).await;
    assert!(text.starts_with('1') && text.contains("busy"), "{text}");
    assert_eq!(one.sh("echo alive").await.1, "alive");
    for key in [first.key, second.key] {
        bench.provider.destroy(key).await.unwrap();
    }
}

#[tokio::test]
async fn nobody_looks_into_a_sandbox_that_is_being_built() {
    let Some(bench) = shared() else { return };
    let (first, mut one) = bench.start().await;
    // A place that only the host has; whoever is still on the host would lead there.
    let state = bench.config.launcher.state_dir.display().to_string();
    let line = format!(
        "(while :; do for p in /proc/[0-9]*; do ls -d $p/root{state} $p/cwd/sandboxes $p/fd/*/sandboxes \
         2>/dev/null; echo once >> /var/tmp/looked; done; done) > /var/tmp/found 2>&1 &"
    );
    one.run("as-root", &["sh", "-c", &format!("{line} echo looking")]).await;
    for _ in 0..15 {
        let (spec, _) = bench.start().await;
        bench.provider.destroy(spec.key).await.unwrap();
    }
    let (_, looked) = one.sh("wc -l < /var/tmp/looked").await;
    assert!(looked.parse::<u32>().unwrap() > 15, "{looked}");
    assert_eq!(one.sh("cat /var/tmp/found").await.1, "");
    bench.provider.destroy(first.key).await.unwrap();
}

#[tokio::test]
async fn the_real_guest_works_beside_another() {
    if shared().is_none() {
        return;
    }
    let bench = Bench::shared_with_real_guest();
    let (first, second) = (spec(), spec());
    for spec in [&first, &second] {
        bench.provider.create(spec).await.unwrap();
    }
    let one = guest::link(&bench, first.key).await;
    let two = guest::link(&bench, second.key).await;
    for (link, name) in [(&one, "one"), (&two, "two")] {
        let line =
            format!("sudo sh -c 'id -u; echo {name} > /workspace/as-root'; cat as-root; id -u");
        assert_eq!(guest::run(link, "a", &line).await, (Some(0), format!("0\n{name}\n1000")));
    }
    // What a command leaves behind, ends with its agent.
    let line = "setsid sleep 4719 >/dev/null 2>&1 </dev/null & \
                until pgrep -fx 'sleep 4719' >/dev/null; do :; done; echo left";
    assert_eq!(guest::run(&one, "b", line).await.1, "left");
    let see = "pgrep -fx 'sleep 4719' | wc -l";
    assert_eq!(guest::run(&two, "b", see).await.1, "1");
    bench.provider.stop(first.key).await.unwrap();
    assert_eq!(guest::run(&two, "c", see).await.1, "0");
    for key in [first.key, second.key] {
        bench.provider.destroy(key).await.unwrap();
    }
}
