//! What a hostile agent tries, as itself and as its sandbox's root.

use std::os::linux::net::SocketAddrExt;

use sandbox::provider::{Posture, Provider};

use super::bench::{Bench, Inside, is_root};
use super::host::Host;

/// System calls with harmless arguments, and what must come of them.
pub fn calls() -> Vec<(&'static str, Vec<i64>, &'static str)> {
    let newuser = i64::from(libc::CLONE_NEWUSER) | i64::from(libc::SIGCHLD);
    let raw = i64::from(libc::SOCK_RAW);
    vec![
        ("unshare", vec![libc::SYS_unshare, libc::CLONE_NEWUSER.into()], "EPERM"),
        ("setns", vec![libc::SYS_setns, 0, 0], "EPERM"),
        ("clone into a namespace", vec![libc::SYS_clone, newuser], "EPERM"),
        ("clone3", vec![libc::SYS_clone3, 0, 0], "ENOSYS"),
        ("mount", vec![libc::SYS_mount, 0, 0, 0], "EPERM"),
        ("umount", vec![libc::SYS_umount2, 0, 0], "EPERM"),
        ("pivot_root", vec![libc::SYS_pivot_root, 0, 0], "EPERM"),
        ("chroot", vec![libc::SYS_chroot, 0], "EPERM"),
        ("open_tree", vec![libc::SYS_open_tree, 0, 0, 0], "EPERM"),
        ("move_mount", vec![libc::SYS_move_mount, 0, 0, 0], "EPERM"),
        ("fsopen", vec![libc::SYS_fsopen, 0, 0], "EPERM"),
        ("mount_setattr", vec![libc::SYS_mount_setattr, 0, 0], "EPERM"),
        ("keyctl", vec![libc::SYS_keyctl, 0], "EPERM"),
        ("add_key", vec![libc::SYS_add_key, 0], "EPERM"),
        ("request_key", vec![libc::SYS_request_key, 0], "EPERM"),
        ("bpf", vec![libc::SYS_bpf, 0], "EPERM"),
        ("perf", vec![libc::SYS_perf_event_open, 0], "EPERM"),
        ("io_uring", vec![libc::SYS_io_uring_setup, 1, 0], "EPERM"),
        ("userfaultfd", vec![libc::SYS_userfaultfd, 0], "EPERM"),
        ("file handles", vec![libc::SYS_open_by_handle_at, 0, 0], "EPERM"),
        ("modules", vec![libc::SYS_finit_module, 0, 0], "EPERM"),
        ("kexec", vec![libc::SYS_kexec_load, 0, 0], "EPERM"),
        ("reboot", vec![libc::SYS_reboot, 0, 0], "EPERM"),
        ("kernel log", vec![libc::SYS_syslog, 3, 0, 0], "EPERM"),
        ("swapon", vec![libc::SYS_swapon, 0, 0], "EPERM"),
        ("clock", vec![libc::SYS_clock_settime, 0, 0], "EPERM"),
        ("vsock", vec![libc::SYS_socket, libc::AF_VSOCK.into(), 1, 0], "EPERM"),
        ("packet socket", vec![libc::SYS_socket, libc::AF_PACKET.into(), raw, 0], "EPERM"),
        ("raw socket", vec![libc::SYS_socket, libc::AF_INET.into(), raw, 1], "EPERM"),
        ("terminal injection", vec![libc::SYS_ioctl, 0, libc::TIOCSTI as i64, 0], "EPERM"),
        ("ptrace is allowed", vec![libc::SYS_ptrace, 0, 0, 0], "ok"),
        ("unix socket is allowed", vec![libc::SYS_socket, libc::AF_UNIX.into(), 1, 0], "ok"),
        #[cfg(target_arch = "x86_64")]
        ("x32", vec![0x4000_0000 | libc::SYS_getpid], "ENOSYS"),
    ]
}

pub async fn try_calls(inside: &mut Inside, user: &str) {
    for (name, arguments, expected) in calls() {
        let mut words = vec!["call".to_owned()];
        words.extend(arguments.iter().map(i64::to_string));
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        assert_eq!(inside.attempt(user, &words).await, expected, "{name} as {user}");
    }
}

pub async fn try_files(inside: &mut Inside, user: &str) {
    for path in [
        "/proc/sys/kernel/core_pattern",
        "/proc/sys/kernel/modprobe",
        "/proc/sys/vm/overcommit_memory",
        "/proc/sys/fs/file-max",
        "/usr/bin/env",
        "/opt/errand/bin/errand-guest",
        "/opt/errand/new",
        "/dev/mem",
        "/sys/kernel",
        "/proc/1/mem",
    ] {
        let result = inside.attempt(user, &["write", path]).await;
        let refused = ["EACCES", "EROFS", "ENOENT", "EPERM", "ETXTBSY", "EISDIR"];
        assert!(refused.contains(&result.as_str()), "{path} as {user}: {result}");
    }
    for (line, expected) in [
        ("mknod /tmp/disk b 254 0 2>/dev/null; ls /tmp/disk 2>/dev/null", ""),
        ("dmesg 2>/dev/null | head -1", ""),
        ("grep -v '^0000000000000000' /proc/kallsyms | head -1", ""),
        ("ls /sys 2>/dev/null", ""),
        ("cat /proc/kcore /proc/keys 2>/dev/null | head -c 1", ""),
        ("ls / | grep -c old", "0"),
        ("grep -c cgroup /proc/mounts", "0"),
        ("cat /etc/shadow 2>/dev/null | grep -v '\\*'", ""),
        ("cut -d: -f3 /proc/self/cgroup | sort -u", "/"),
        ("grep NoNewPrivs /proc/self/status | cut -f2", "1"),
        ("ulimit -Hn 1000000 2>/dev/null && echo raised", ""),
        ("ls /proc | grep -c '^[0-9]*$' | awk '{print ($1 < 12)}'", "1"),
        ("test -w /usr || echo read-only", "read-only"),
    ] {
        let (_, output) = inside.run(user, &["sh", "-c", line]).await;
        assert_eq!(output, expected, "{line} as {user}");
    }
}

async fn capabilities(inside: &mut Inside, user: &str) -> Vec<u64> {
    let line = "grep ^Cap /proc/self/status | cut -f2";
    let (_, output) = inside.run(user, &["sh", "-c", line]).await;
    output.lines().map(|set| u64::from_str_radix(set, 16).unwrap()).collect()
}

#[tokio::test]
async fn everything_forbidden_is_refused() {
    let host = Host::look();
    let bench = Bench::new();
    for posture in [Posture::Sudo, Posture::None] {
        let (spec, mut inside) = bench.start_with(|spec| spec.posture = posture).await;
        for user in ["as-agent", "as-root"] {
            try_calls(&mut inside, user).await;
            try_files(&mut inside, user).await;
        }
        assert_eq!(capabilities(&mut inside, "as-agent").await, [0; 5]);
        if is_root() {
            let bounding = capabilities(&mut inside, "as-root").await[3];
            let small = (1 << 0) | (1 << 1) | (1 << 3) | (1 << 4) | (1 << 5) | (1 << 6) | (1 << 7);
            assert_eq!(bounding, if posture == Posture::Sudo { small } else { 0 });
        }
        bench.provider.destroy(spec.key).await.unwrap();
        host.assert_unchanged();
    }
}

#[tokio::test]
async fn nothing_but_the_gateway_can_be_reached() {
    let bench = Bench::new();
    let (spec, mut inside) = bench.start().await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    assert_eq!(inside.attempt("as-agent", &["tcp", &host]).await, "ECONNREFUSED");
    let is_led = bench.provider.validate(&[]).await.unwrap().wall("redirect").is_none();
    for address in ["8.8.8.8:53", "169.254.169.254:80", "10.0.0.1:22", "[2001:db8::1]:80"] {
        let result = inside.attempt("as-agent", &["tcp", address]).await;
        // What seems open are the gateway's own sockets; see `network`.
        let refused = ["ECONNREFUSED", "ENETUNREACH", "EHOSTUNREACH"].contains(&result.as_str());
        assert!(refused || (is_led && result == "ok"), "{address}: {result}");
    }
    let name = format!("errand-test-{}", std::process::id());
    let address = std::os::unix::net::SocketAddr::from_abstract_name(&name).unwrap();
    let _listener = std::os::unix::net::UnixListener::bind_addr(&address).unwrap();
    assert_eq!(inside.attempt("as-agent", &["abstract", &name]).await, "ECONNREFUSED");
    bench.provider.destroy(spec.key).await.unwrap();
}

#[tokio::test]
async fn two_sandboxes_do_not_see_each_other() {
    let bench = Bench::new();
    let (left, mut in_left) = bench.start().await;
    let (right, mut in_right) = bench.start().await;
    in_left
        .sh("echo secret > /workspace/secret; echo s > /tmp/s; sleep 4242 >/dev/null 2>&1 &")
        .await;
    let (_, seen) =
        in_right.sh("ls -A /workspace /tmp; cat /proc/*/cmdline | grep -ac 'slee[p].4242'").await;
    assert!(!seen.contains("secret"), "{seen}");
    assert_eq!(seen.lines().last(), Some("0"), "{seen}");
    if is_root() {
        let (_, a) = in_left.sh("cat /proc/self/uid_map").await;
        let (_, b) = in_right.sh("cat /proc/self/uid_map").await;
        assert_ne!(a, b, "two sandboxes share user ids");
    }
    for key in [left.key, right.key] {
        bench.provider.destroy(key).await.unwrap();
    }
}

#[tokio::test]
async fn bombs_stay_inside() {
    let bench = Bench::new();
    let (spec, mut inside) = bench
        .start_with(|spec| {
            spec.limits.pids = 64;
            spec.limits.memory_bytes = 256 << 20;
            spec.limits.tmp_bytes = 32 << 20;
            spec.limits.shm_bytes = 16 << 20;
            spec.limits.spool_bytes = 32 << 20;
        })
        .await;
    let (code, output) = inside.sh("head -c 64M /dev/zero > /tmp/full").await;
    assert!(code != 0 && output.contains("No space left"), "{code} {output}");
    if is_root() {
        memory_bomb(&mut inside).await;
    } else {
        println!("skipped: an ordinary user has no memory limit (1 attempt)");
    }
    // Last: with every process taken, nothing more can be started inside.
    let line = "i=0; while [ $i -lt 300 ]; do sleep 300 >/dev/null 2>&1 & i=$((i+1)); done";
    let (code, output) = inside.sh(line).await;
    assert!(code != 0 && output.contains("fork"), "{code} {output}");
    bench.provider.destroy(spec.key).await.unwrap();
}

async fn memory_bomb(inside: &mut Inside) {
    let megabytes = (512_i64 << 20).to_string();
    let result = inside.attempt("as-agent", &["memory", &megabytes]).await;
    assert!(result.starts_with("code 137"), "{result}");
}
