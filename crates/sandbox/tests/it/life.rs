//! Birth, life and end of sandboxes.

use std::fs;
use std::task::Poll;
use std::time::{Duration, Instant};

use protocol::ids::Epoch;
use rustix::process::{Pid, Signal, kill_process};
use sandbox::conformance;
use sandbox::isolation::WallState;
use sandbox::provider::{MachineState, Posture, Provider, SandboxKey, SandboxSpec};

use super::bench::{Bench, Inside, agent, is_root, spec};
use super::host::{Host, groups_of, processes_of};

/// Create until the guest answers, on a quiet two-processor machine: 30 ms. Shared machines get more.
const START_MS: u128 = 250;

#[tokio::test]
async fn the_local_provider_conforms() {
    let bench = Bench::new();
    let suite = conformance::Bench {
        provider: &bench.provider,
        agent: &agent,
        greeting: (b"ping\n", b"pong\n"),
    };
    assert_eq!(conformance::check(&suite).await, Ok(()));
}

#[tokio::test]
async fn probing_reports_every_wall_and_leaves_nothing() {
    let bench = Bench::new();
    let report = bench.provider.validate(&[]).await.unwrap();
    assert_eq!(report.wall("user_namespace").unwrap().state, WallState::Enforced);
    assert_eq!(report.wall("seccomp").unwrap().state, WallState::Enforced);
    let kernel = report.wall("kernel").unwrap();
    assert!(kernel.improve.contains("no runtime for virtual machines"), "{}", kernel.improve);
    let ids = &report.wall("own_user_ids").unwrap().state;
    assert_eq!(*ids == WallState::Enforced, is_root());
    for wall in report.weak() {
        println!("{}: {:?}", wall.name, wall.state);
        assert!(!wall.improve.is_empty(), "{} says how to improve", wall.name);
    }
    assert_eq!(bench.provider.list().await.unwrap(), []);
}

#[tokio::test]
async fn the_agent_finds_its_places() {
    let bench = Bench::new();
    let (spec, mut inside) = bench.start().await;
    let (code, output) = inside
        .sh("id -u && hostname && pwd && echo $HOME && echo x > /workspace/a && echo x > ~/b \
             && echo x > /tmp/c && echo x > /var/tmp/d && cat /opt/cursor/artifacts/../a \
             && git --version && ls /sys /root 2>&1; ls -d /home/* /opt/errand/bin/sudo")
        .await;
    println!("{code} {output}");
    assert!(
        output.starts_with("1000\nerrand\n/workspace\n/home/agent\nx\ngit version"),
        "{output}"
    );
    assert!(output.ends_with("/home/agent\n/opt/errand/bin/sudo"), "{output}");
    bench.provider.destroy(spec.key).await.unwrap();
}

#[tokio::test]
async fn the_disk_outlives_the_epoch_and_goes_with_the_agent() {
    let bench = Bench::new();
    let (mut spec, mut inside) = bench.start().await;
    assert_eq!(inside.sh("echo kept > /workspace/note").await.0, 0);
    let disk = bench.config.launcher.state_dir.join("disks").join(spec.key.agent.to_string());
    bench.provider.stop(spec.key).await.unwrap();
    spec.key.epoch = Epoch(2);
    bench.provider.create(&spec).await.unwrap();
    let mut inside = bench.inside(spec.key).await;
    assert_eq!(
        inside.sh("cat /workspace/note; mkdir -m 0 /workspace/shut").await,
        (0, "kept".into())
    );
    bench.provider.destroy(spec.key).await.unwrap();
    assert!(!disk.exists());
    let leases = bench.config.launcher.state_dir.join("leases");
    assert_eq!(fs::read_dir(leases).unwrap().count(), 0);
}

#[tokio::test]
async fn a_restarted_server_finds_its_sandboxes() {
    let bench = Bench::new();
    let (spec, mut inside) = bench.start().await;
    let (_, before) = inside.sh("stat -c %Y /proc/1; cat /proc/sys/kernel/random/boot_id").await;
    let sockets = bench.provider.gateway_sockets(spec.key).await.unwrap().len();
    println!("shim: {} KiB of its own", memory_of(&bench, spec.key));
    drop(inside);
    let bench = bench.restart();
    let listed = bench.provider.list().await.unwrap();
    assert!(listed.iter().any(|m| m.key == spec.key && m.state == MachineState::Running));
    let mut inside = bench.inside(spec.key).await;
    let (_, after) = inside.sh("stat -c %Y /proc/1; cat /proc/sys/kernel/random/boot_id").await;
    assert_eq!(before, after);
    assert_eq!(bench.provider.gateway_sockets(spec.key).await.unwrap().len(), sockets);
    bench.provider.destroy(spec.key).await.unwrap();
}

#[tokio::test]
async fn the_gateway_serves_sockets_inside() {
    let bench = Bench::new();
    let (spec, mut inside) = bench.start().await;
    let sockets = bench.provider.gateway_sockets(spec.key).await.unwrap();
    assert_eq!(sockets.len() % 4, 0, "{sockets:?}");
    let proxy = sockets
        .into_iter()
        .find(|s| s.kind == sandbox::provider::SocketKind::Proxy)
        .map(|s| std::net::TcpListener::from(s.fd))
        .unwrap();
    proxy.set_nonblocking(true).unwrap();
    let proxy = tokio::net::TcpListener::from_std(proxy).unwrap();
    let dial = inside.attempt("as-agent", &["tcp", "127.0.0.1:3128"]);
    let (dialled, accepted) = tokio::join!(dial, proxy.accept());
    assert_eq!(dialled, "ok");
    assert!(accepted.is_ok());
    bench.provider.destroy(spec.key).await.unwrap();
}

#[tokio::test]
async fn a_lost_shim_takes_its_sandbox_along() {
    let bench = Bench::new();
    let (spec, _inside) = bench.start().await;
    let shim = shim_of(&bench, spec.key);
    rustix::process::pidfd_send_signal(&shim, Signal::KILL).unwrap();
    wait_for(&shim);
    let listed = bench.provider.list().await.unwrap();
    let found = listed.iter().find(|m| m.key == spec.key).unwrap();
    assert_eq!(found.state, MachineState::Ended { reason: "its shim was lost".into() });
    assert_eq!(groups_of(&spec.key.to_string()), Vec::<String>::new());
    bench.provider.destroy(spec.key).await.unwrap();
}

fn wait_for(pidfd: &std::os::fd::OwnedFd) {
    let mut fds = [rustix::event::PollFd::new(pidfd, rustix::event::PollFlags::IN)];
    rustix::event::poll(&mut fds, None).unwrap();
}

fn shim_of(bench: &Bench, key: SandboxKey) -> std::os::fd::OwnedFd {
    let record = fs::read_to_string(bench.record(key).join("shim.json")).unwrap();
    let record: serde_json::Value = serde_json::from_str(&record).unwrap();
    let pid = Pid::from_raw(i32::try_from(record["pid"].as_i64().unwrap()).unwrap()).unwrap();
    rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()).unwrap()
}

#[tokio::test]
async fn a_sandbox_ends_with_its_guest_and_at_its_deadline() {
    let bench = Bench::new();
    let (killed, mut inside) = bench.start().await;
    let shim = shim_of(&bench, killed.key);
    if is_root() {
        // The first process is out of reach even for the sandbox's root.
        inside.run("as-root", &["sh", "-c", "kill -9 1"]).await;
        assert_eq!(inside.sh("echo alive").await.1, "alive");
    }
    let guest = guest_of(&bench, killed.key);
    kill_process(guest, Signal::KILL).unwrap();
    wait_for(&shim);
    let found = bench.provider.find(killed.key).await.unwrap().unwrap();
    assert_eq!(
        found.state,
        MachineState::Ended { reason: "its guest was killed by signal 9".into() }
    );
    let (late, _inside) = bench.start_with(|spec| spec.lifetime_ms = 300).await;
    let shim = shim_of(&bench, late.key);
    wait_for(&shim);
    let found = bench.provider.find(late.key).await.unwrap().unwrap();
    let reason = "its hard time limit was reached".to_owned();
    assert_eq!(found.state, MachineState::Ended { reason });
    assert_eq!(groups_of(&late.key.to_string()), Vec::<String>::new());
    for key in [killed.key, late.key] {
        bench.provider.destroy(key).await.unwrap();
    }
}

/// The guest's pid on the host: the shim's only child.
pub fn guest_of(bench: &Bench, key: SandboxKey) -> Pid {
    let record = fs::read_to_string(bench.record(key).join("shim.json")).unwrap();
    let record: serde_json::Value = serde_json::from_str(&record).unwrap();
    let shim = record["pid"].as_i64().unwrap();
    let children = fs::read_to_string(format!("/proc/{shim}/task/{shim}/children")).unwrap();
    Pid::from_raw(children.trim().parse().unwrap()).unwrap()
}

/// Starts sandboxes with and without sudo in turn.
async fn start_in_turn(bench: &Bench, round: u32) -> (SandboxSpec, Inside) {
    let posture = if round.is_multiple_of(2) { Posture::Sudo } else { Posture::None };
    bench.start_with(|spec| spec.posture = posture).await
}

#[tokio::test]
async fn fifty_lives_leave_nothing() {
    let host = Host::look();
    let bench = Bench::new();
    for round in 0..50 {
        let (spec, mut inside) = start_in_turn(&bench, round).await;
        if round % 10 == 0 {
            let (_, running) = inside.sh("sleep 1000 >/dev/null 2>&1 & echo $!").await;
            assert!(!running.is_empty());
        }
        bench.provider.destroy(spec.key).await.unwrap();
        assert_eq!(groups_of(&spec.key.to_string()), Vec::<String>::new());
    }
    assert_eq!(bench.provider.list().await.unwrap(), []);
    assert_eq!(processes_of(&bench), Vec::<String>::new());
    for dir in ["sandboxes", "disks", "leases", "trash"] {
        let dir = bench.config.launcher.state_dir.join(dir);
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 0, "{dir:?}");
    }
    host.assert_unchanged();
}

#[tokio::test]
async fn a_sandbox_starts_in_little_time() {
    let bench = Bench::new();
    let mut times = Vec::new();
    for round in 0..50 {
        let begun = Instant::now();
        let (spec, _inside) = start_in_turn(&bench, round).await;
        times.push(begun.elapsed().as_millis());
        bench.provider.destroy(spec.key).await.unwrap();
    }
    times.sort_unstable();
    println!("create until linked, ms: min {} median {} p95 {}", times[0], times[25], times[47]);
    assert!(times[25] < START_MS, "{times:?}");
}

/// Starts twenty sandboxes at once and ends them; gives the time until all were started.
async fn start_twenty(bench: &Bench) -> Duration {
    let specs: Vec<_> = (0..20).map(|_| spec()).collect();
    let begun = Instant::now();
    let made = specs.iter().map(|spec| bench.provider.create(spec));
    for made in join_all(made).await {
        made.unwrap();
    }
    let time = begun.elapsed();
    for spec in &specs {
        bench.provider.destroy(spec.key).await.unwrap();
    }
    time
}

#[tokio::test]
async fn twenty_start_at_once() {
    let bench = Bench::new();
    println!("20 at once: {} ms", start_twenty(&bench).await.as_millis());
    assert_eq!(bench.provider.list().await.unwrap(), []);
}

#[tokio::test]
async fn twenty_at_once_start_in_little_time() {
    let bench = Bench::new();
    assert!(start_twenty(&bench).await < Duration::from_secs(20));
}

async fn join_all<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut futures: Vec<_> = futures.map(Box::pin).collect();
    let mut done: Vec<Option<F::Output>> = futures.iter().map(|_| None).collect();
    std::future::poll_fn(move |context| {
        for (future, slot) in futures.iter_mut().zip(&mut done) {
            if slot.is_some() {
                continue;
            }
            if let Poll::Ready(value) = future.as_mut().poll(context) {
                *slot = Some(value);
            }
        }
        if done.iter().all(Option::is_some) {
            Poll::Ready(done.iter_mut().filter_map(Option::take).collect())
        } else {
            Poll::Pending
        }
    })
    .await
}

/// Memory that only the shim uses, plus its share of what it shares.
fn memory_of(bench: &Bench, key: SandboxKey) -> u64 {
    let record = fs::read_to_string(bench.record(key).join("shim.json")).unwrap();
    let record: serde_json::Value = serde_json::from_str(&record).unwrap();
    let maps = fs::read_to_string(format!("/proc/{}/smaps_rollup", record["pid"])).unwrap();
    let line = maps.lines().find(|line| line.starts_with("Pss:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
