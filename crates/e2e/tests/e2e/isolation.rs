//! What an agent may not see or do: a prepared hostile script is refused at every line, a neighbour is
//! invisible, and the host is as it was.

use e2e::host;
use e2e::world::{World, shell};
use fakes::scripted::script::Turn;
use std::fmt::Write as _;

/// Lines that must each be refused. `MODEL` is a port on the host's loopback, `DATA` the server's
/// folder, `OTHER` the neighbour's repository.
const HOSTILE: &[&str] = &[
    // Data of others.
    "cat /etc/shadow",
    "ls DATA",
    "cat DATA/admin-token",
    "ls -A /root | grep .",
    "cat /proc/1/environ",
    "cat /proc/1/mem",
    "ls /proc/1/root/",
    "ls /proc/1/fd",
    "head -c1 /proc/kcore",
    "head -c1 /dev/mem",
    "head -c1 /dev/kmsg",
    "head -c1 /dev/sda || head -c1 /dev/vda",
    "dmesg",
    "ls /sys/kernel/debug/tracing",
    "ls /run/errand/ops",
    "kill -0 1",
    "kill -9 1",
    "grep -q ' [tT] commit_creds$' /proc/kallsyms && ! grep -q '^0000000000000000 . commit_creds$' /proc/kallsyms",
    // Docker and friends.
    "test -S /var/run/docker.sock",
    "test -S /run/docker.sock",
    "test -S /run/containerd/containerd.sock",
    "test -S /run/dbus/system_bus_socket",
    "curl -sf -m 3 --unix-socket /var/run/docker.sock http://x/version",
    // The kernel's settings.
    "echo x > /proc/sys/kernel/core_pattern",
    "echo x > /proc/sys/kernel/hostname",
    "echo 1 > /proc/sys/vm/drop_caches",
    "echo 1 > /proc/sys/vm/overcommit_memory",
    "echo 1 > /proc/sys/net/ipv4/ip_forward",
    "echo 1 > /proc/sys/kernel/modprobe",
    "echo h > /proc/sysrq-trigger",
    "echo 0 > /proc/1/oom_score_adj",
    "mkdir /sys/fs/cgroup/mine",
    "echo max > /sys/fs/cgroup/pids.max",
    "sudo sh -c 'echo x > /proc/sys/kernel/core_pattern'",
    "sudo sh -c 'echo 1 > /proc/sys/vm/overcommit_memory'",
    "sudo sh -c 'echo h > /proc/sysrq-trigger'",
    "sudo sh -c 'mkdir /sys/fs/cgroup/mine'",
    // The system's files.
    "echo x > /usr/bin/mine",
    "echo x >> /etc/passwd",
    "echo x >> /etc/gitconfig",
    "sudo sh -c 'echo x > /usr/bin/mine'",
    // Namespaces, mounts, devices.
    "unshare -U true",
    "unshare -m true",
    "unshare -n true",
    "mount -t tmpfs none /tmp",
    "mount --bind /etc /tmp",
    "umount /proc",
    "sudo mount -t tmpfs none /mnt",
    "sudo umount /proc",
    "sudo unshare -m true",
    "sudo unshare -U true",
    "sudo nsenter -t 1 -m true",
    "mknod /tmp/disk b 8 0",
    "sudo mknod /tmp/disk b 8 0",
    "chroot / true",
    "sudo head -c1 /proc/kcore",
    "sudo swapoff -a && sudo swapon /tmp/none",
    // The network.
    "curl -sf -m 3 --noproxy '*' http://1.1.1.1/",
    "curl -sf -m 3 --noproxy '*' http://127.0.0.1:MODEL/v1/models",
    "curl -sf -m 3 -x http://127.0.0.1:3128 http://127.0.0.1:MODEL/v1/models",
    "curl -sf -m 3 -x http://127.0.0.1:3128 http://localhost:MODEL/v1/models",
    "curl -sf -m 3 -x http://127.0.0.1:3128 http://[::1]:MODEL/v1/models",
    "curl -sf -m 3 -x http://127.0.0.1:3128 http://0.0.0.0:MODEL/v1/models",
    "curl -sf -m 3 -x http://127.0.0.1:3128 http://2130706433:MODEL/v1/models",
    "curl -sf -m 3 -x http://127.0.0.1:3128 http://127.1:MODEL/v1/models",
    "curl -sf -m 3 -p -x http://127.0.0.1:3128 http://127.0.0.1:MODEL/v1/models",
    "curl -sf -m 3 -x http://127.0.0.1:3128 http://169.254.169.254/latest/meta-data/",
    "curl -sf -m 3 -x http://127.0.0.1:3128 http://2852039166/",
    "curl -sf -m 3 -x http://127.0.0.1:3128 http://10.0.0.1/",
    "curl -sf -m 3 -x http://127.0.0.1:3128 http://example.com/",
    "curl -sf -m 3 http://errand.internal/",
    "curl -sf -m 3 http://errand.internal/v1/me",
    "ping -c1 -W1 1.1.1.1",
    "ip link add dummy0 type dummy",
    "sudo ip link add dummy0 type dummy",
    // Git.
    "git push origin HEAD:refs/heads/main",
    "git push -f origin HEAD:refs/heads/main",
    "git push origin HEAD:refs/heads/errand/other",
    "git push origin HEAD:refs/tags/v9",
    "git push origin :refs/heads/main",
    "git ls-remote http://errand.internal/git/OTHER.git",
    "git ls-remote http://errand.internal/git/../OTHER.git",
    "git ls-remote http://errand.internal/git/mine.git/../OTHER.git",
    "git clone DATA/../repos/OTHER.git /tmp/stolen",
];

/// What is tried in place of lines that gVisor allows, since there they lead nowhere: whether they do.
const IN_GVISOR: &[(&str, &str)] = &[
    // Whoever asks sees the variables of every process: the guest's are those of the agent's commands.
    (
        "cat /proc/1/environ",
        "tr '\\0' '\\n' < /proc/1/environ | sed 's/=.*//' | grep -vxF \"$(env | sed 's/=.*//')\" | grep .",
    ),
    // And the numbers of its open files, among which is what this very command prints.
    (
        "ls /proc/1/fd",
        "for file in /proc/1/fd/* /proc/1/task/*/fd/*; do timeout 1 head -c1 $file | sed \"s|^|$file |\"; done | grep -a .",
    ),
    // A device of this name can be made, but there is none.
    ("mknod /tmp/disk b 8 0", "mknod /tmp/disk b 8 0; head -c1 /tmp/disk"),
    ("sudo mknod /tmp/disk b 8 0", "sudo sh -c 'mknod /tmp/roots b 8 0; head -c1 /tmp/roots'"),
];

/// System calls that must not exist, by number on x86-64: name, number, first argument.
#[cfg(target_arch = "x86_64")]
const CALLS: &[(&str, u32, i64)] = &[
    ("mount", 165, 0),
    ("umount2", 166, 0),
    ("pivot_root", 155, 0),
    ("swapon", 167, 0),
    ("reboot", 169, 0),
    ("init_module", 175, 0),
    ("delete_module", 176, 0),
    ("finit_module", 313, -1),
    ("kexec_load", 246, 0),
    ("kexec_file_load", 320, -1),
    ("add_key", 248, 0),
    ("request_key", 249, 0),
    ("keyctl", 250, 0),
    ("unshare", 272, 0x1000_0000),
    ("setns", 308, -1),
    ("perf_event_open", 298, 0),
    ("open_by_handle_at", 304, -1),
    ("bpf", 321, 0),
    ("userfaultfd", 323, 0),
    ("io_uring_setup", 425, 1),
    ("open_tree", 428, -1),
    ("move_mount", 429, -1),
    ("fsopen", 430, 0),
    ("acct", 163, 0),
    ("settimeofday", 164, 0),
    ("clock_settime", 227, 0),
    ("iopl", 172, 3),
    ("ioperm", 173, 0),
    ("quotactl", 179, 0),
    ("sethostname", 170, 0),
    ("syslog", 103, 3),
];

/// Kinds of sockets that must not be made: name, family, type.
const SOCKETS: &[(&str, i64, i64)] = &[
    ("AF_VSOCK", 40, 1),
    ("AF_PACKET", 17, 3),
    ("AF_ALG", 38, 5),
    ("AF_BLUETOOTH", 31, 3),
    ("AF_TIPC", 30, 1),
    ("AF_INET raw", 2, 3),
    ("AF_INET6 raw", 10, 3),
];

fn lines(world: &World, kernel: Kernel) -> String {
    let mut script = String::from("cd /workspace/mine; git commit -q --allow-empty -m Hostile\n");
    let model = world.model.url();
    let port = model.rsplit(':').next().unwrap();
    for (number, line) in HOSTILE.iter().enumerate() {
        let instead = IN_GVISOR.iter().find(|(there, _)| there == line && kernel == Kernel::Gvisor);
        let line = instead
            .map_or(*line, |(_, instead)| instead)
            .replace("MODEL", port)
            .replace("DATA", &world.data().display().to_string())
            .replace("OTHER", "other");
        writeln!(script, "if ( {line} ) >/tmp/said 2>&1 </dev/null; then echo 'ALLOWED {number}:'; head -c 200 /tmp/said; else echo refused; fi").unwrap();
    }
    script
}

fn calls() -> String {
    let mut script = String::from(
        "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\ndef call(name, number, *words):\n    ctypes.set_errno(0)\n    result = libc.syscall(ctypes.c_long(number), *[ctypes.c_long(word) for word in words])\n    error = ctypes.get_errno()\n    print('refused' if result == -1 and error in (1, 13, 38, 93, 97, 22 if name.startswith('AF_') else 1) else f'ALLOWED {name} gave {result} with error {error}')\n",
    );
    for (name, number, first) in CALLS {
        writeln!(script, "call({name:?}, {number}, {first}, 0, 0, 0, 0, 0)").unwrap();
    }
    for (name, family, kind) in SOCKETS {
        writeln!(script, "call({name:?}, 41, {family}, {kind}, 0)").unwrap();
    }
    format!("/usr/bin/python3 - <<'END'\n{script}END")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_script_is_refused_at_every_line_and_leaves_the_host_as_it_was() {
    try_everything("", Kernel::Host).await;
}

/// Whose kernel it is that commands reach.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kernel {
    Host,
    Gvisor,
}

/// Has an agent try all of it on a server with this configuration.
pub async fn try_everything(config: &str, kernel: Kernel) {
    let world = World::with(config).await;
    let before = host::settings();
    let (mine, other) = (world.repository("mine"), world.repository("other"));
    let neighbour = world.errand(&other, &[shell("sleep 600")]).await;
    world.watch(&neighbour.agent).until_type("ToolCalled").await;
    let job = world
        .errand(&mine, &[shell(lines(&world, kernel)), shell(calls()), Turn::say("I tried.")])
        .await;
    world.ended_as(&job, "FINISHED").await;
    let outputs = world.outputs(&job.agent).await;
    let expected = [HOSTILE.len(), CALLS.len() + SOCKETS.len()];
    let mut allowed = Vec::new();
    for (output, expected) in outputs.iter().zip(expected) {
        let refused = output.lines().filter(|line| *line == "refused").count();
        allowed.extend(output.lines().filter(|line| line.starts_with("ALLOWED")).map(|line| {
            let number = line.trim_start_matches("ALLOWED ").trim_end_matches(':').parse().ok();
            format!(
                "{line} {}",
                number.and_then(|number: usize| HOSTILE.get(number)).unwrap_or(&"")
            )
        }));
        println!("{refused} of {expected} attempts were refused");
        assert!(refused + allowed.len() >= expected, "some attempts were not made: {output}");
    }
    assert!(allowed.is_empty(), "{allowed:#?}\n{}", outputs[0]);
    let branches = mine.git(&["for-each-ref", "--format=%(refname)"]);
    let strange: Vec<_> = branches
        .lines()
        .filter(|name| *name != "refs/heads/main" && !name.starts_with("refs/heads/errand/do-as"))
        .collect();
    assert!(strange.is_empty(), "{strange:?}");
    assert_eq!(mine.git(&["log", "--format=%s", "main"]), "Begin");
    let after = host::settings();
    let changed: Vec<_> = before
        .iter()
        .filter(|(name, value)| after.get(*name) != Some(*value))
        .map(|(name, value)| format!("{name}: {value:?} became {:?}", after.get(name)))
        .collect();
    assert!(changed.is_empty(), "{changed:#?}");
    println!("{} settings of the host's kernel are as they were", before.len());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_agents_side_by_side_do_not_see_each_other() {
    let world = World::start().await;
    let repository = world.repository("sample");
    let server = "import socket,time\nabstract=socket.socket(socket.AF_UNIX); abstract.bind(chr(0)+'neighbour'); abstract.listen()\npath=socket.socket(socket.AF_UNIX); path.bind('/tmp/neighbour.sock'); path.listen()\ntcp=socket.socket(); tcp.bind(('127.0.0.1',7777)); tcp.listen()\nopen('/tmp/ready','w')\ntime.sleep(600)";
    let first = world
        .errand(&repository, &[
            shell(format!("for f in /tmp /workspace /home/agent /dev/shm /var/tmp; do echo neighbour > $f/neighbour.txt; done; git checkout -q -b neighbour-branch; git commit -q --allow-empty -m Mine; git push -q origin HEAD; /usr/bin/python3 -c \"{server}\" & until [ -e /tmp/ready ]; do sleep 0.02; done; echo up; wait")),
        ])
        .await;
    e2e::world::eventually("the neighbour listens", async || {
        host::processes_of_agent(&first.agent)
            .iter()
            .any(|process| process.command.contains("abstract"))
    })
    .await;
    let mut watcher = world.watch(&first.agent);
    while !watcher
        .deltas
        .iter()
        .any(|delta| delta["text"].as_str().is_some_and(|text| text.contains("up")))
    {
        watcher.peek().await;
    }
    let look = "find / -xdev -name 'neighbour*' 2>/dev/null; ls /tmp /workspace /home/agent /dev/shm /var/tmp | grep neighbour; ps -ef 2>/dev/null | grep abstrac[t]; cat /proc/*/cmdline 2>/dev/null | tr '\\0' ' ' | grep abstrac[t]; grep neighbou[r] /proc/net/unix; \
        git ls-remote origin | grep neighbour; git cat-file -e neighbour-branch 2>/dev/null && echo branch; ls /proc | grep -c '^[0-9]' | awk '$1 > 20'; \
        (echo > /dev/tcp/127.0.0.1/7777) 2>/dev/null && echo reached; echo looked";
    let second = world.errand(&repository, &[shell(look), Turn::say("Looked.")]).await;
    world.ended_as(&second, "FINISHED").await;
    let output = world.outputs(&second.agent).await.remove(0);
    assert_eq!(output.trim(), "Exit code 0.\nlooked", "{output}");
    let (a, b) = (net_of(&first.agent), net_of(&second.agent));
    assert!(a.is_some() && b.is_some() && a != b, "{a:?} {b:?}");
    world.end().await;
}

/// Network namespace and user of an agent's processes, which it shares with nobody.
fn net_of(agent: &str) -> Option<(std::path::PathBuf, u32)> {
    use std::os::unix::fs::MetadataExt as _;
    let guest = host::processes_of_agent(agent)
        .into_iter()
        .find(|process| process.command.contains("guest"))?;
    let folder = std::path::PathBuf::from(format!("/proc/{}", guest.pid));
    Some((std::fs::read_link(folder.join("ns/net")).ok()?, std::fs::metadata(&folder).ok()?.uid()))
}
