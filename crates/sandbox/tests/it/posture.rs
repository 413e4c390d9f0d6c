//! What sandboxes look like from outside, and that one which looks otherwise never gets anything.

use std::io::{BufRead, BufReader, ErrorKind};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use sandbox::isolation::WallState;
use sandbox::local::measure;
use sandbox::local::posture::golden::{Programs, Wanted, golden};
use sandbox::local::posture::{Golden, Record, UidMap, facts};
use sandbox::provider::{Posture, Provider, ProviderError, SandboxKey, SandboxSpec};

use super::bench::{Bench, agent, example, is_root, spec};
use super::host::{Host, groups_of, processes_of};
use super::life::guest_of;

/// What was measured when the sandbox started.
fn measured(bench: &Bench, key: SandboxKey) -> Record {
    let record = std::fs::read_to_string(bench.record(key).join("shim.json")).unwrap();
    let mut record: serde_json::Value = serde_json::from_str(&record).unwrap();
    serde_json::from_value(record["posture"].take()).unwrap()
}

/// The golden record of a spec, without what only the shim knows of: its control groups.
fn golden_of(spec: &SandboxSpec, pid: i32) -> Golden {
    let map = std::fs::read_to_string(format!("/proc/{pid}/uid_map")).unwrap();
    let uids = match is_root() {
        true => UidMap::Range { base: map.split_whitespace().nth(1).unwrap().parse().unwrap() },
        false => UidMap::Single {
            uid: rustix::process::geteuid().as_raw(),
            gid: rustix::process::getegid().as_raw(),
        },
    };
    let wanted = Wanted {
        posture: spec.posture,
        uids,
        agent: spec.key.agent,
        programs: Programs::Host,
        runtime: None,
        commons: None,
        processes: spec.limits.pids,
        groups: 0,
        limits: Vec::new(),
    };
    golden(&wanted, &measure::ground().unwrap())
}

/// A running guest, seen now, without what only the shim knows of; nothing for an ordinary user, to
/// whom it has hidden itself by now.
fn look(spec: &SandboxSpec, pid: i32, golden: &Golden) -> Option<Record> {
    let facts = match measure::facts(pid) {
        Ok(facts) => facts,
        Err(error) => {
            assert!(error.kind() == ErrorKind::PermissionDenied && !is_root(), "{error}");
            return None;
        }
    };
    let mut record =
        facts::record(&facts, spec.key.agent, Programs::Host, &measure::ground().unwrap());
    // The guest has opened others by now.
    record.set("descriptors", golden.record().get("descriptors").unwrap());
    Some(record)
}

#[tokio::test]
async fn a_sandbox_equals_the_golden_record_before_its_guest_runs_and_while_it_does() {
    let host = Host::look();
    let bench = Bench::new();
    for posture in [Posture::Sudo, Posture::None] {
        let (spec, mut inside) = bench.start_with(|spec| spec.posture = posture).await;
        let pid = guest_of(&bench, spec.key).as_raw_nonzero().get();
        let golden = golden_of(&spec, pid);
        let mut first = measured(&bench, spec.key);
        println!("{}\n{first}", golden.name);
        let groups = first.get("control groups").unwrap().to_owned();
        assert_eq!(groups, groups_of(&spec.key.to_string()).len().to_string());
        let limits: Vec<_> = first.points().map(|(point, _)| point.to_owned()).collect();
        for limit in limits.iter().filter(|point| point.starts_with("limit ")) {
            first.remove(limit);
        }
        first.set("control groups", "0");
        assert_eq!(golden.differences(&first), []);
        if is_root() {
            inside.run("as-root", &["sh", "-c", "touch /etc/made; mkdir /run/made"]).await;
        }
        match look(&spec, pid, &golden) {
            Some(now) => assert_eq!(golden.differences(&now), []),
            None => println!("skipped: a guest that runs is hidden from this user (1 attempt)"),
        }
        bench.provider.destroy(spec.key).await.unwrap();
    }
    host.assert_unchanged();
}

#[tokio::test]
async fn the_report_says_that_the_walls_were_measured() {
    let bench = Bench::new();
    let report = bench.provider.validate(&[]).await.unwrap();
    let posture = report.wall("posture").unwrap();
    assert_eq!(posture.state, WallState::Enforced);
    println!("{}", posture.protects);
    assert!(posture.protects.contains("points equal the record of `sudo, made by"));
}

#[tokio::test]
async fn measuring_costs_little() {
    let bench = Bench::new();
    let (spec, _inside) = bench.start().await;
    let pid = guest_of(&bench, spec.key).as_raw_nonzero().get();
    let golden = golden_of(&spec, pid);
    let mut times = Vec::new();
    for _ in 0..200 {
        let begun = Instant::now();
        let Some(record) = look(&spec, pid, &golden) else {
            println!("skipped: a guest that runs is hidden from this user (1 test)");
            return;
        };
        assert_eq!(golden.differences(&record), []);
        times.push(begun.elapsed().as_micros());
    }
    times.sort_unstable();
    println!("a measurement, us: min {} median {} p95 {}", times[0], times[100], times[190]);
    bench.provider.destroy(spec.key).await.unwrap();
}

/// A lie of the host, and the points that tell of it.
const LIES: &[(&str, &[&str])] = &[
    ("kept-capabilities", &["capabilities effective", "capabilities permitted"]),
    ("kept-bounding", &["capabilities bounding"]),
    ("no-filter", &["system call filters"]),
    ("host-cgroup-namespace", &["namespace cgroup"]),
    ("writable-trees", &["mount /usr", "mount /proc/sys", "mount /opt/errand"]),
    ("no-binds", &["mount /proc/keys", "mount /workspace"]),
    ("writable-devices", &["mount /dev"]),
    ("core-files", &["core files"]),
    ("open-descriptor", &["descriptors"]),
];
/// The same, where only root can arrange the lie.
const LIES_TO_ROOT: &[(&str, &[&str])] = &[
    ("new-privileges", &["no new privileges"]),
    ("kept-groups", &["supplementary groups"]),
    ("shared-mounts", &["mounts shared with the host"]),
];

#[tokio::test]
async fn without_any_one_wall_there_is_no_sandbox() {
    let host = Host::look();
    let mut lies = LIES.to_vec();
    match is_root() {
        true => lies.extend(LIES_TO_ROOT),
        false => println!("skipped: only root can arrange {} lies", LIES_TO_ROOT.len()),
    }
    for (lie, points) in lies {
        let bench = Bench::on_lying_host(lie);
        let spec = spec();
        let refusal = bench.provider.create(&spec).await;
        let Err(ProviderError::Isolation(words)) = refusal else { panic!("{lie}: {refusal:?}") };
        println!("{lie}: {words}\n");
        assert!(words.contains("measured from outside"), "{lie}: {words}");
        for point in points {
            assert!(
                words.contains(&format!("{point} is `")),
                "{lie} is not told by {point}: {words}"
            );
        }
        let link = bench.provider.connect(spec.key).await.map(drop);
        assert!(matches!(link, Err(ProviderError::NotRunning(_))), "{lie}: {link:?}");
        let sockets = bench.provider.gateway_sockets(spec.key).await.map(drop);
        assert!(matches!(sockets, Err(ProviderError::NotRunning(_))), "{lie}: {sockets:?}");
        assert_eq!(bench.provider.list().await.unwrap(), [], "{lie}");
        assert!(bench.provider.validate(&[]).await.is_err(), "{lie} passes the probe");
        assert_eq!(processes_of(&bench), Vec::<String>::new(), "{lie}");
        assert_eq!(groups_of(&spec.key.to_string()), Vec::<String>::new(), "{lie}");
        let gone = bench.provider.destroy(spec.key).await;
        // What was mounted for the sandbox came out here, and keeps its disk busy.
        assert!(gone.is_ok() || lie == "shared-mounts", "{lie}: {gone:?}");
    }
    host.assert_unchanged();
}

#[tokio::test]
async fn a_host_that_shares_its_mounts_shares_none_with_a_sandbox() {
    if !is_root() {
        println!("skipped: only root can share mounts (1 test)");
        return;
    }
    let bench = Bench::on_lying_host("nothing-shared-mounts");
    let (spec, mut inside) = bench.start().await;
    let (_, shared) = inside.sh("grep -c 'shared:\\|master:' /proc/self/mountinfo").await;
    assert_eq!(shared, "0");
    // Nor does what is mounted for the sandbox appear where its launcher lives.
    let shim = bench.shim_of(spec.key);
    let outside = std::fs::read_to_string(format!("/proc/{shim}/mountinfo")).unwrap();
    assert!(outside.contains("shared:"), "the host shares nothing: {outside}");
    assert!(!outside.contains(&spec.key.agent.to_string()), "{outside}");
    bench.provider.destroy(spec.key).await.unwrap();
}

/// A process that waits in these namespaces.
struct Apart {
    first: Child,
    pid: i32,
}

impl Apart {
    fn start(words: &[&str]) -> Option<Self> {
        #[expect(clippy::disallowed_methods, reason = "a helper of this test")]
        let mut command = Command::new(example("apart"));
        let mut first =
            command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(first.stdout.take().unwrap()).read_line(&mut line).unwrap();
        match line.trim().parse() {
            Ok(pid) => Some(Self { first, pid }),
            Err(_) => {
                first.wait().unwrap();
                None
            }
        }
    }

    fn record(&self) -> Record {
        let facts = measure::facts(self.pid).unwrap();
        facts::record(&facts, agent(), Programs::Host, &measure::ground().unwrap())
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        drop(self.first.stdin.take());
        self.first.wait().unwrap();
    }
}

const NAMESPACES: [&str; 6] = ["mnt", "pid", "net", "ipc", "uts", "cgroup"];

#[test]
fn a_namespace_that_is_the_hosts_is_seen() {
    let outside = Apart::start(&[]).unwrap().record();
    assert_eq!(outside.get("namespace user"), Some("the host's"));
    let inside = Apart::start(&NAMESPACES).unwrap().record();
    assert_eq!(inside.get("namespace user"), Some("own"));
    for missing in NAMESPACES {
        let others: Vec<_> = NAMESPACES.into_iter().filter(|name| *name != missing).collect();
        let record = Apart::start(&others).unwrap().record();
        for name in NAMESPACES {
            let point = format!("namespace {name}");
            let expected = if name == missing { "the host's" } else { "own" };
            assert_eq!(record.get(&point), Some(expected), "{point} without {missing}");
            assert_eq!(inside.get(&point), Some("own"));
            assert_eq!(outside.get(&point), Some("the host's"));
        }
    }
    let first = "place in its process namespace";
    assert_eq!((inside.get(first), outside.get(first) == Some("1")), (Some("1"), false));
    assert_eq!(inside.get("session"), Some("0"), "the host's is not its own");
    // Whoever is root here is root of the host.
    let expected = if is_root() { "mapped" } else { "not mapped" };
    assert_eq!(inside.get("the host's root"), Some(expected));
}

#[test]
fn a_way_out_of_the_network_namespace_is_seen() {
    let quiet = Apart::start(&["net"]).unwrap().record();
    assert_eq!((quiet.get("interfaces"), quiet.get("routes")), (Some("lo"), Some("none")));
    let Some(apart) = Apart::start(&["net", "veth", "route"]) else {
        println!("skipped: this machine's `ip` cannot make a pair of interfaces (1 attempt)");
        return;
    };
    let record = apart.record();
    assert_eq!(record.get("interfaces"), Some("lo one two"));
    assert!(record.get("routes").unwrap().contains("one"), "{record}");
}
