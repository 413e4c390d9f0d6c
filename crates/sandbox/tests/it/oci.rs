//! Sandboxes whose first process an OCI runtime starts, with every runtime that this host has.

use std::fs;
use std::path::Path;

use protocol::link::{OpId, Request};
use rustix::process::{Pid, Signal, kill_process};
use sandbox::conformance;
use sandbox::isolation::WallState;
use sandbox::local::oci::{self, Kind, Runtime};
use sandbox::provider::{MachineState, Posture, Provider, SocketKind};

use super::abuse::{calls, try_calls, try_files};
use super::base::work_on_image;
use super::bench::{Bench, Inside, agent, is_root, spec};
use super::guest;
use super::host::{Host, groups_of, processes_of};

/// The runtimes of this host, or put beside our own programs; says which are missing, and why.
#[expect(clippy::print_stdout, reason = "a skip says its reason")]
fn runtimes() -> Vec<Runtime> {
    if !is_root() {
        println!("skipped: only root's launcher works with OCI runtimes (3 runtimes)");
        return Vec::new();
    }
    let mut found = Vec::new();
    for name in ["runc", "crun", "runsc"] {
        let ours = Path::new(env!("CARGO_BIN_EXE_errand-shim")).with_file_name(name);
        let named = if ours.is_file() { ours.as_path() } else { Path::new(name) };
        match oci::find(named) {
            Ok(runtime) => found.push(runtime),
            Err(error) => println!("skipped: {error} (1 runtime)"),
        }
    }
    found
}

#[tokio::test]
async fn the_provider_conforms_with_every_runtime() {
    for runtime in runtimes() {
        let bench = Bench::with_runtime(&runtime.path);
        let suite = conformance::Bench {
            provider: &bench.provider,
            agent: &agent,
            greeting: (b"ping\n", b"pong\n"),
        };
        assert_eq!(conformance::check(&suite).await, Ok(()), "{runtime}");
    }
}

#[tokio::test]
async fn the_report_names_the_runtime_and_what_it_achieves() {
    for runtime in runtimes() {
        let bench = Bench::with_runtime(&runtime.path);
        let report = bench.provider.validate(&[]).await.unwrap();
        let named = report.wall("runtime").unwrap();
        assert!(named.protects.contains(&runtime.to_string()), "{}", named.protects);
        let kernel = report.wall("kernel").unwrap();
        let is_enforced = kernel.state == WallState::Enforced;
        assert_eq!(is_enforced, runtime.kind == Kind::Runsc, "{runtime}");
        // What cannot be measured is said.
        assert_eq!(kernel.protects.contains("is gVisor's word"), is_enforced, "{runtime}");
        let posture = report.wall("posture").unwrap();
        println!("{runtime}: {}", posture.protects);
        let record = format!("started by {}`", runtime.kind.name());
        assert!(posture.protects.contains(&record), "{}", posture.protects);
        assert_eq!(bench.provider.list().await.unwrap(), []);
    }
}

#[tokio::test]
async fn the_agent_finds_its_places_and_the_gateway_with_every_runtime() {
    for runtime in runtimes() {
        let bench = Bench::with_runtime(&runtime.path);
        let (spec, mut inside) = bench.start().await;
        let line = "id -u && hostname && pwd && echo $HOME && echo x > /workspace/a && \
                    echo x > ~/b && echo x > /tmp/c && echo x > /var/tmp/d && \
                    cat /opt/cursor/artifacts/../a && git --version";
        let (_, output) = inside.sh(line).await;
        let places = "1000\nerrand\n/workspace\n/home/agent\nx\ngit version";
        assert!(output.starts_with(places), "{runtime}: {output}");
        let owner = fs::metadata(bench.disk(spec.key).join("workspace/a")).unwrap();
        assert!(std::os::unix::fs::MetadataExt::uid(&owner) > 65_536, "{runtime}");
        let written = fs::read_to_string(bench.disk(spec.key).join("workspace/a")).unwrap();
        assert_eq!(written, "x\n", "{runtime}");
        let sockets = bench.provider.gateway_sockets(spec.key).await.unwrap();
        let proxy = sockets.into_iter().find(|s| s.kind == SocketKind::Proxy).unwrap();
        let proxy = std::net::TcpListener::from(proxy.fd);
        proxy.set_nonblocking(true).unwrap();
        let proxy = tokio::net::TcpListener::from_std(proxy).unwrap();
        let dial = inside.attempt("as-agent", &["tcp", "127.0.0.1:3128"]);
        let (dialled, accepted) = tokio::join!(dial, proxy.accept());
        assert_eq!((dialled.as_str(), accepted.is_ok()), ("ok", true), "{runtime}");
        let elsewhere = inside.attempt("as-agent", &["tcp", "192.0.2.1:80"]).await;
        assert_ne!(elsewhere, "ok", "{runtime}");
        bench.provider.destroy(spec.key).await.unwrap();
    }
}

#[tokio::test]
async fn base_images_and_layers_work_with_every_runtime() {
    let host = Host::look();
    for runtime in runtimes() {
        println!("{runtime}");
        work_on_image(&Bench::with_runtime(&runtime.path)).await;
    }
    host.assert_unchanged();
}

#[tokio::test]
async fn everything_forbidden_is_refused_with_every_runtime() {
    let host = Host::look();
    for runtime in runtimes() {
        let bench = Bench::with_runtime(&runtime.path);
        for posture in [Posture::Sudo, Posture::None] {
            let (spec, mut inside) = bench.start_with(|spec| spec.posture = posture).await;
            for user in ["as-agent", "as-root"] {
                if runtime.kind == Kind::Runsc {
                    try_in_gvisor(&mut inside, user).await;
                } else {
                    try_calls(&mut inside, user).await;
                    try_files(&mut inside, user).await;
                }
            }
            bench.provider.destroy(spec.key).await.unwrap();
        }
    }
    host.assert_unchanged();
}

/// gVisor has files of its own, and fewer system calls. None that is forbidden may work there.
async fn try_in_gvisor(inside: &mut Inside, user: &str) {
    for (name, arguments, expected) in calls() {
        let mut words = vec!["call".to_owned()];
        words.extend(arguments.iter().map(i64::to_string));
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let result = inside.attempt(user, &words).await;
        assert!(expected == "ok" || result != "ok", "{name} as {user} works");
    }
    for path in ["/proc/sys/kernel/core_pattern", "/usr/bin/env", "/opt/errand/new", "/dev/mem"] {
        let result = inside.attempt(user, &["write", path]).await;
        let refused = ["EACCES", "EROFS", "ENOENT", "EPERM", "ETXTBSY"];
        assert!(refused.contains(&result.as_str()), "{path} as {user}: {result}");
    }
    let (_, log) = inside.run(user, &["sh", "-c", "dmesg 2>/dev/null | head -1"]).await;
    assert_eq!(log, "");
}

#[tokio::test]
async fn the_guest_that_is_shipped_works_with_every_runtime() {
    for runtime in runtimes() {
        let bench = Bench::with_runtime_and_real_guest(&runtime.path);
        let spec = spec();
        bench.provider.create(&spec).await.unwrap();
        let link = guest::link(&bench, spec.key).await;
        let line = "id -u; grep -h ^Cap /proc/self/status | cut -f2 | sort -u";
        let (code, text) = guest::run(&link, "a", line).await;
        assert_eq!((code, text.as_str()), (Some(0), "1000\n0000000000000000"), "{runtime}");
        let line = "sudo sh -c 'id -u; touch /etc/made; ls /run/errand | head -1'";
        let (code, text) = guest::run(&link, "b", line).await;
        assert_eq!((code, text.as_str()), (Some(0), "0\nops"), "{runtime}");
        let (code, text) = guest::feed(&link, "c", "cat; echo end", "begin\n").await;
        assert_eq!((code, text.as_str()), (Some(0), "begin\nend"), "{runtime}");
        // The guest's thread for files has the agent's rights, but the agent has none over it.
        let (op, cwd) = (OpId::parse("d").unwrap(), "/workspace".to_owned());
        link.request(Request::MakeDir { op, cwd, path: "folder".to_owned() }).await.unwrap();
        let line = "stat -c %u folder; ls /proc/1/task | wc -l; exec 2>/dev/null; \
                    for thread in /proc/1/task/*; do kill -0 ${thread##*/} && echo heard; done; \
                    timeout 5 cat /proc/1/task/*/mem /proc/1/task/*/fd/* | wc -c";
        let (_, text) = guest::run(&link, "e", line).await;
        assert_eq!(text, "1000\n2\n0", "{runtime}");
        bench.provider.destroy(spec.key).await.unwrap();
    }
}

#[tokio::test]
async fn nothing_is_left_when_shim_runtime_or_guest_is_killed() {
    let host = Host::look();
    for runtime in runtimes() {
        let bench = Bench::with_runtime(&runtime.path);
        for victim in ["shim", "runtime", "guest"] {
            let (spec, mut inside) = bench.start().await;
            inside.sh("sleep 1000 >/dev/null 2>&1 &").await;
            let shim = i32::try_from(bench.shim_of(spec.key)).unwrap();
            let started = bench.child_of(shim);
            let pid = match victim {
                "shim" => shim,
                "runtime" => started,
                _ => oci::first_process(runtime.kind, started).unwrap(),
            };
            let gone = Pid::from_raw(shim).unwrap();
            let gone =
                rustix::process::pidfd_open(gone, rustix::process::PidfdFlags::empty()).unwrap();
            kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
            let mut fds = [rustix::event::PollFd::new(&gone, rustix::event::PollFlags::IN)];
            rustix::event::poll(&mut fds, None).unwrap();
            let found = bench.provider.find(spec.key).await.unwrap().unwrap();
            println!("{runtime}, {victim} killed: {:?}", found.state);
            assert!(matches!(found.state, MachineState::Ended { .. }), "{runtime}, {victim}");
            bench.provider.destroy(spec.key).await.unwrap();
            assert_eq!(groups_of(&spec.key.to_string()), Vec::<String>::new());
        }
        assert_eq!(processes_of(&bench), Vec::<String>::new(), "{runtime}");
        for dir in ["sandboxes", "disks", "leases", "trash"] {
            let dir = bench.config.launcher.state_dir.join(dir);
            assert_eq!(fs::read_dir(&dir).unwrap().count(), 0, "{runtime}: {dir:?}");
        }
    }
    host.assert_unchanged();
}

#[tokio::test]
async fn a_restarted_server_finds_the_sandboxes_of_every_runtime() {
    for runtime in runtimes() {
        let bench = Bench::with_runtime(&runtime.path);
        let (spec, mut inside) = bench.start().await;
        assert_eq!(inside.sh("echo kept > /tmp/note").await, (0, String::new()), "{runtime}");
        drop(inside);
        let bench = bench.restart();
        let mut inside = bench.inside(spec.key).await;
        assert_eq!(inside.sh("cat /tmp/note").await.1, "kept", "{runtime}");
        bench.provider.destroy(spec.key).await.unwrap();
    }
}
