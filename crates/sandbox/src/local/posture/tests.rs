//! That no point of a posture can change unnoticed.

use protocol::ids::AgentId;

use super::facts::{Descriptor, Facts, record};
use super::golden::{Ground, Programs, Wanted, golden};
use super::{Golden, Presence, Record, UidMap, in_words};
use crate::local::commons::CommonsId;
use crate::local::oci::Kind;
use crate::provider::Posture;

const BASE: u32 = 0x7000_0000;

fn agent() -> AgentId {
    AgentId::parse("bc-0190b5a4-7c3e-7bde-8f00-0123456789ab").unwrap()
}

fn commons() -> CommonsId {
    "commons-00000000000000aa".parse().unwrap()
}

fn wanted(posture: Posture, uids: UidMap) -> Wanted {
    let limits = [("limit memory", "4294967296"), ("limit pids", "4096")];
    let limits = limits.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let programs = Programs::Host;
    Wanted {
        posture,
        uids,
        agent: agent(),
        programs,
        runtime: None,
        commons: None,
        processes: 4096,
        groups: 3,
        limits,
    }
}

fn ground() -> Ground {
    let namespaces = ["user", "mnt", "pid", "net", "ipc", "uts", "cgroup"];
    Ground {
        namespaces: namespaces.map(|name| (name, format!("{name}:[1]"))).into(),
        shared: ["user", "pid", "ipc", "uts"].map(|name| (name, format!("{name}:[2]"))).into(),
        groups: "4 27".to_owned(),
        filters: 1,
        open_files: Some(20_000),
        processes: ("500".to_owned(), "600".to_owned()),
        oom_score_adj: 0,
        tables: vec!["/proc/kcore", "/proc/acpi", "/proc/bus"],
    }
}

fn kinds() -> Vec<Golden> {
    let range = UidMap::Range { base: BASE };
    let single = UidMap::Single { uid: 501, gid: 20 };
    let all = [
        (Posture::Sudo, range),
        (Posture::None, range),
        (Posture::Sudo, single),
        (Posture::None, single),
    ];
    let on_host = all.map(|(posture, uids)| wanted(posture, uids));
    let on_image = Wanted { programs: Programs::Image, ..wanted(Posture::Sudo, range) };
    let shared = Wanted { commons: Some(commons()), ..wanted(Posture::Sudo, range) };
    let by_runtime = [Kind::Runc, Kind::Crun, Kind::Runsc]
        .map(|kind| Wanted { runtime: Some(kind), ..wanted(Posture::Sudo, range) });
    let all = on_host.iter().chain([&on_image, &shared]).chain(&by_runtime);
    all.map(|wanted| golden(wanted, &ground())).collect()
}

fn points_of(golden: &Golden, measured: &Record) -> Vec<String> {
    golden.differences(measured).into_iter().map(|difference| difference.point).collect()
}

#[test]
fn every_point_that_changes_is_noticed() {
    for golden in kinds() {
        let right = golden.record();
        // Of gVisor only its own process is measured.
        let least = if golden.name.contains("runsc") { 25 } else { 60 };
        assert!(golden.count() > least, "{}", golden.count());
        assert_eq!(points_of(&golden, &right), Vec::<String>::new(), "{}", golden.name);
        for (point, value) in right.points() {
            let mut wrong = right.clone();
            wrong.set(point, format!("{value}."));
            assert_eq!(points_of(&golden, &wrong), [point], "{point} of {}", golden.name);
            assert_eq!(golden.differences_in_part(&wrong).len(), 1, "{point}");
        }
    }
}

#[test]
fn every_point_that_is_gone_is_noticed_unless_the_host_may_lack_it() {
    for golden in kinds() {
        let right = golden.record();
        for (point, wanted) in &golden.points {
            let mut wrong = right.clone();
            wrong.remove(point);
            let noticed = points_of(&golden, &wrong) == [point.as_str()];
            assert_eq!(noticed, wanted.presence == Presence::Must, "{point}");
            let optional = point.starts_with("mount /");
            assert!(noticed || optional, "{point} may be missing");
        }
    }
}

#[test]
fn a_point_that_nobody_meant_is_noticed() {
    for golden in kinds() {
        let mut wrong = golden.record();
        wrong.set("mount /host", "ext4 /");
        assert_eq!(points_of(&golden, &wrong), ["mount /host"]);
    }
}

#[test]
fn the_kinds_differ_only_in_who_they_are_and_what_they_hold() {
    let [sudo, none, single, single_none, on_image, shared, runc, _, runsc] =
        kinds().try_into().unwrap();
    let differs = [
        "mount /home/agent",
        "mount /opt",
        "mount /var/tmp",
        "namespace ipc",
        "namespace pid",
        "namespace user",
        "namespace uts",
        "place in its process namespace",
    ];
    assert_eq!(points_of(&sudo, &shared.record()), differs);
    assert_eq!(points_of(&sudo, &on_image.record()), ["mount /", "mount /usr"]);
    assert_eq!(points_of(&on_image, &sudo.record()).first().unwrap(), "mount /");
    assert_eq!(points_of(&sudo, &none.record()), ["capabilities bounding"]);
    assert_eq!(points_of(&single, &single_none.record()), Vec::<String>::new());
    let shim = "mount /opt/errand/bin/errand-shim";
    assert!(points_of(&sudo, &runc.record()).contains(&shim.to_owned()));
    let gvisor = points_of(&runc, &runsc.record());
    assert!(
        ["capabilities permitted", "descriptors", "mount /workspace"]
            .iter()
            .all(|point| gvisor.iter().any(|differing| differing == point))
    );
    let expected = [
        "capabilities bounding",
        "capabilities effective",
        "capabilities inheritable",
        "capabilities permitted",
        "group",
        "group ids",
        "processes of the user",
        "setting groups",
        "supplementary groups",
        "user",
        "user ids",
    ];
    assert_eq!(points_of(&sudo, &single.record()), expected);
}

#[test]
fn a_difference_says_what_it_lets_through() {
    let golden = kinds().remove(0);
    let mut wrong = golden.record();
    wrong.set("system call filter", "0");
    let words = in_words(&golden, &golden.differences(&wrong)).unwrap();
    let said = "system call filter is `0` and must be `2`, which protects from rarely used";
    assert!(words.contains("`sudo, made by root`") && words.contains(said), "{words}");
    let words = in_words(&golden, &golden.differences(&Record::default())).unwrap();
    assert!(words.contains("; and ") && words.len() < 4096, "{words}");
}

const STATUS: &str = "Name:\terrand-guest\nState:\tS (sleeping)\nTracerPid:\t0\n\
    Uid:\t1879048192\t1879048192\t1879048192\t1879048192\n\
    Gid:\t1879048192\t1879048192\t1879048192\t1879048192\nGroups:\t \n\
    NStgid:\t4711\t1\nNSpid:\t4711\t1\nNSsid:\t4711\t1\n\
    CapInh:\t00000000000001fb\nCapPrm:\t00000000000001fb\nCapEff:\t00000000000001fb\n\
    CapBnd:\t00000000000000fb\nCapAmb:\t0000000000000000\n\
    NoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\tFILTERS\n";
const LIMITS: &str = "Limit                     Soft Limit           Hard Limit           Units\n\
    Max core file size        0                    0                    bytes\n\
    Max processes             500                  600                  processes\n\
    Max open files            20000                20000                files\n";
const INTERFACES: &str = "Inter-|   Receive\n face |bytes\n    lo:       0\n  sit0: 0\n";
const ROUTES: &str = "Iface\tDestination\n";
const ROUTES6: &str = "00000000000000000000000000000001 80 0 00 0 0 2 0 80200001       lo\n";
const MOUNTS: &str = "\
10 1 0:1 / / rw,nosuid,nodev - tmpfs tmpfs rw
11 10 8:1 /usr /usr ro,nosuid,nodev,relatime - ext4 /dev/x rw
12 10 8:1 /etc/fonts /etc/fonts ro,nosuid,nodev,noexec - ext4 /dev/x rw
13 10 8:1 /etc/ssl/certs /etc/ssl/certs ro,nosuid,nodev,noexec - ext4 /dev/x rw
14 13 0:2 /ca-bundle.crt /etc/ssl/certs/ca-certificates.crt ro,nosuid,nodev - tmpfs tmpfs rw
15 10 8:1 /var/state/disks/AGENT/workspace /workspace rw,nosuid,nodev - ext4 /dev/x rw
16 10 8:1 /var/state/disks/AGENT/home /home/agent rw,nosuid,nodev - ext4 /dev/x rw
17 10 0:9 / /opt rw,nosuid,nodev - overlay overlay rw,upperdir=/.layers/own/opt,workdir=/w
18 10 8:1 /var/state/disks/AGENT/vartmp /var/tmp rw,nosuid,nodev - ext4 /dev/x rw
19 17 0:2 / /opt/errand rw,nosuid,nodev - tmpfs tmpfs rw
20 19 8:1 /g /opt/errand/bin/errand-guest ro,nosuid,nodev - ext4 /dev/x rw
21 19 0:2 / /opt/errand ro,nosuid,nodev - tmpfs tmpfs rw
22 21 8:1 /g /opt/errand/bin/errand-guest ro,nosuid,nodev - ext4 /dev/x rw
23 10 0:3 / /tmp rw,nosuid,nodev - tmpfs tmpfs rw
24 10 0:4 / /run rw,nosuid,nodev - tmpfs tmpfs rw
25 24 0:5 / /run/errand rw,nosuid,nodev,noexec - tmpfs tmpfs rw
26 10 0:6 / /dev ro,nosuid,nodev,noexec - tmpfs tmpfs rw
27 26 0:7 /null /dev/null rw,nosuid,noexec - devtmpfs devtmpfs rw
28 26 0:7 /zero /dev/zero rw,nosuid,noexec - devtmpfs devtmpfs rw
29 26 0:7 /full /dev/full rw,nosuid,noexec - devtmpfs devtmpfs rw
30 26 0:7 /random /dev/random rw,nosuid,noexec - devtmpfs devtmpfs rw
31 26 0:7 /urandom /dev/urandom rw,nosuid,noexec - devtmpfs devtmpfs rw
32 26 0:7 /tty /dev/tty rw,nosuid,noexec - devtmpfs devtmpfs rw
33 26 0:8 / /dev/shm rw,nosuid,nodev,noexec - tmpfs tmpfs rw
34 26 0:10 / /dev/pts rw,nosuid,noexec - devpts devpts rw
35 10 0:11 / /proc rw,nosuid,nodev,noexec - proc proc rw
36 35 0:11 /sys /proc/sys ro,nosuid,nodev,noexec - proc proc rw
37 35 0:11 /bus /proc/bus ro,nosuid,nodev,noexec - proc proc rw
38 35 0:7 /null /proc/kcore rw,nosuid,noexec - devtmpfs devtmpfs rw
39 35 0:12 / /proc/acpi ro,nosuid,nodev - tmpfs tmpfs ro
";

fn facts() -> Facts {
    let filters = if cfg!(target_arch = "x86_64") { "4" } else { "3" };
    let map = format!("         0 {BASE}      65536\n");
    let open =
        [(0, "/dev/null", ""), (1, "pipe:[1]", ""), (2, "pipe:[1]", ""), (3, "socket:[2]", "")];
    let closed = [(4, "socket:[3]", "02000002"), (64, "/host", "02100000")];
    let descriptors = open.into_iter().chain(closed).map(|(number, target, flags)| Descriptor {
        number,
        target: target.to_owned(),
        info: format!("pos:\t0\nflags:\t{flags}\nmnt_id:\t9\n"),
    });
    let limits = wanted(Posture::Sudo, UidMap::Range { base: BASE }).limits;
    Facts {
        namespaces: ground().namespaces.into_iter().map(|(name, _)| (name, "x".into())).collect(),
        status: STATUS.replace("FILTERS", filters),
        uid_map: map.clone(),
        gid_map: map,
        setgroups: "allow\n".to_owned(),
        limits: LIMITS.to_owned(),
        oom_score_adj: "100\n".to_owned(),
        mounts: MOUNTS.replace("AGENT", &agent().to_string()),
        interfaces: INTERFACES.to_owned(),
        routes: ROUTES.to_owned(),
        routes6: ROUTES6.to_owned(),
        descriptors: descriptors.collect(),
        groups: 3,
        group_limits: limits,
    }
}

fn noticed(facts: &Facts) -> Vec<String> {
    let golden = golden(&wanted(Posture::Sudo, UidMap::Range { base: BASE }), &ground());
    points_of(&golden, &record(facts, agent(), Programs::Host, &ground()))
}

#[test]
fn the_kernels_words_for_a_sound_sandbox_equal_the_golden_record() {
    assert_eq!(noticed(&facts()), Vec::<String>::new());
}

#[test]
fn a_shared_sandbox_must_show_what_is_shared_and_that_only() {
    let range = UidMap::Range { base: BASE };
    let wanted = Wanted { commons: Some(commons()), ..wanted(Posture::Sudo, range) };
    let noticed = |facts: &Facts| {
        let record = record(facts, agent(), wanted.layout(), &ground());
        points_of(&golden(&wanted, &ground()), &record)
    };
    let mut facts = facts();
    for (name, link) in &mut facts.namespaces {
        if let Some((_, shared)) = ground().shared.iter().find(|(shared, _)| shared == name) {
            link.clone_from(shared);
        }
    }
    replace(
        &mut facts.status,
        "NSpid:\t4711\t1\nNSsid:\t4711\t1",
        "NSpid:\t4711\t7\nNSsid:\t4711\t7",
    );
    let disk = format!("commons/{}/disk", commons());
    for folder in ["home", "vartmp"] {
        let (own, shared) = (format!("disks/{}/{folder}", agent()), format!("{disk}/{folder}"));
        replace(&mut facts.mounts, &own, &shared);
    }
    let opt =
        "0:9 / /opt rw,nosuid,nodev - overlay overlay rw,upperdir=/.layers/own/opt,workdir=/w";
    let shared = format!("8:1 /var/state/{disk}/opt /opt rw,nosuid,nodev - ext4 /dev/x rw");
    replace(&mut facts.mounts, opt, &shared);
    assert_eq!(noticed(&facts), Vec::<String>::new());
    let alone = Facts { namespaces: self::facts().namespaces, ..facts.clone() };
    assert_eq!(noticed(&alone).len(), 4, "namespaces of its own are not what it must show");
    let mut other = facts.clone();
    replace(&mut other.mounts, "commons-00000000000000aa", "commons-00000000000000ab");
    assert_eq!(noticed(&other), ["mount /home/agent", "mount /opt", "mount /var/tmp"]);
    let mut same = facts;
    replace(
        &mut same.mounts,
        &format!("disks/{}/workspace", agent()),
        &format!("{disk}/workspace"),
    );
    assert_eq!(noticed(&same), ["mount /workspace"]);
}

/// A change of what the kernel says, and the points that must tell of it.
type Change = (fn(&mut Facts), &'static [&'static str]);

fn replace(text: &mut String, from: &str, to: &str) {
    assert!(text.contains(from), "{from} is not in {text}");
    *text = text.replace(from, to);
}

const CHANGES: &[Change] = &[
    (|f| f.namespaces[0].1 = "user:[1]".into(), &["namespace user"]),
    (|f| f.namespaces[1].1 = "mnt:[1]".into(), &["namespace mnt"]),
    (|f| f.namespaces[2].1 = "pid:[1]".into(), &["namespace pid"]),
    (|f| f.namespaces[3].1 = "net:[1]".into(), &["namespace net"]),
    (|f| f.namespaces[4].1 = "ipc:[1]".into(), &["namespace ipc"]),
    (|f| f.namespaces[5].1 = "uts:[1]".into(), &["namespace uts"]),
    (|f| drop(f.namespaces.remove(6)), &["namespace cgroup"]),
    (|f| replace(&mut f.status, "TracerPid:\t0", "TracerPid:\t9"), &["tracer"]),
    (|f| replace(&mut f.status, "Uid:\t1879048192", "Uid:\t0"), &["user"]),
    (|f| replace(&mut f.status, "Gid:\t1879048192", "Gid:\t0"), &["group"]),
    (|f| replace(&mut f.status, "Groups:\t ", "Groups:\t0 "), &["supplementary groups"]),
    (
        |f| replace(&mut f.status, "NSpid:\t4711\t1", "NSpid:\t4711"),
        &["place in its process namespace", "session"],
    ),
    (|f| replace(&mut f.status, "NSsid:\t4711\t1", "NSsid:\t4700\t0"), &["session"]),
    (
        |f| replace(&mut f.status, "CapInh:\t00000000000001fb", "CapInh:\t000001ffffffffff"),
        &["capabilities inheritable"],
    ),
    (
        |f| replace(&mut f.status, "CapPrm:\t00000000000001fb", "CapPrm:\t00000000002001fb"),
        &["capabilities permitted"],
    ),
    (
        |f| replace(&mut f.status, "CapEff:\t00000000000001fb", "CapEff:\t00000000002001fb"),
        &["capabilities effective"],
    ),
    (
        |f| replace(&mut f.status, "CapBnd:\t00000000000000fb", "CapBnd:\t00000000000001fb"),
        &["capabilities bounding"],
    ),
    (
        |f| replace(&mut f.status, "CapAmb:\t0000000000000000", "CapAmb:\t0000000000000001"),
        &["capabilities ambient"],
    ),
    (|f| replace(&mut f.status, "NoNewPrivs:\t1", "NoNewPrivs:\t0"), &["no new privileges"]),
    (|f| replace(&mut f.status, "Seccomp:\t2", "Seccomp:\t0"), &["system call filter"]),
    (
        |f| replace(&mut f.status, "Seccomp_filters:\t", "Seccomp_filters:\t1"),
        &["system call filters"],
    ),
    (|f| f.uid_map = format!("0 {BASE} 65537\n"), &["user ids"]),
    (|f| f.uid_map = format!("0 {BASE} 65536\n70000 0 1\n"), &["the host's root", "user ids"]),
    (|f| f.gid_map = "0 0 1\n".into(), &["group ids", "the host's root"]),
    (|f| f.setgroups = "deny\n".into(), &["setting groups"]),
    (
        |f| {
            let line = "Max core file size        0                    0 ";
            replace(&mut f.limits, line, "Max core file size        0        unlimited ");
        },
        &["core files"],
    ),
    (|f| replace(&mut f.limits, "20000 ", "99999 "), &["open files"]),
    (|f| replace(&mut f.limits, "600 ", "unlimited "), &["processes of the user"]),
    (|f| f.oom_score_adj = "-1\n".into(), &["when memory runs out"]),
    (|f| f.descriptors.push(f.descriptors[3].clone()), &["descriptors"]),
    (|f| replace(&mut f.descriptors[5].info, "02100000", "0100000"), &["descriptors"]),
    (|f| f.descriptors[0].target = "/dev/tty1".into(), &["descriptors"]),
    (|f| drop(f.descriptors.remove(3)), &["descriptors"]),
    (|f| f.groups = 2, &["control groups"]),
    (|f| f.group_limits[0].1 = "max".into(), &["limit memory"]),
    (|f| drop(f.group_limits.remove(1)), &["limit pids"]),
    (|f| f.interfaces.push_str("  eth0: 0\n"), &["interfaces"]),
    (|f| f.routes.push_str("eth0\t00000000\n"), &["routes"]),
    (|f| f.routes6.push_str("fe80 40 0 00 0 0 2 0 0 eth0\n"), &["routes"]),
    (|f| replace(&mut f.mounts, " /usr ro,", " /usr rw,"), &["mount /usr"]),
    (|f| replace(&mut f.mounts, "/usr ro,nosuid", "/usr ro"), &["mount /usr"]),
    (|f| f.mounts.push_str("50 11 8:2 / /usr/local rw - xfs y rw\n"), &["mount /usr"]),
    (|f| f.mounts.push_str("50 10 8:1 / /.old rw - ext4 x rw\n"), &["mount /.old"]),
    (|f| f.mounts.push_str("50 10 0:9 / /sys ro - sysfs sysfs rw\n"), &["mount /sys"]),
    (|f| replace(&mut f.mounts, "/fonts ro,", "/fonts rw,"), &["mount /etc/fonts"]),
    (|f| replace(&mut f.mounts, "disks/bc-", "disks/bc-1"), DISKS),
    (|f| replace(&mut f.mounts, "=/.layers/own/opt", "=/.layers/0/opt"), &["mount /opt"]),
    (|f| f.mounts.push_str("50 15 8:1 /root /workspace rw - ext4 x rw\n"), &["mount /workspace"]),
    (
        |f| replace(&mut f.mounts, "21 19 0:2 / /opt/errand ro", "21 19 0:2 / /opt/errand rw"),
        &["mount /opt/errand"],
    ),
    (|f| replace(&mut f.mounts, "/dev ro,", "/dev rw,"), &["mount /dev"]),
    (|f| replace(&mut f.mounts, "0:7 /zero ", "0:7 /vda "), &["mount /dev/zero"]),
    (|f| f.mounts.push_str("50 26 0:7 /kvm /dev/kvm rw - devtmpfs d rw\n"), &["mount /dev/kvm"]),
    (|f| replace(&mut f.mounts, "/proc/sys ro,", "/proc/sys rw,"), &["mount /proc/sys"]),
    (|f| without(f, "/proc/sys"), &["mount /proc/sys"]),
    (|f| without(f, "/proc/bus"), &["mount /proc/bus"]),
    (|f| without(f, "/proc/kcore"), &["mount /proc/kcore"]),
    (|f| without(f, "/proc/acpi"), &["mount /proc/acpi"]),
    (|f| f.mounts.push_str("50 35 8:1 /keys /proc/keys rw - ext4 x rw\n"), &["mount /proc/keys"]),
    (|f| replace(&mut f.mounts, " /tmp rw,nosuid,nodev", " /tmp rw,nosuid"), &["mount /tmp"]),
    (
        |f| replace(&mut f.mounts, "relatime - ext4", "relatime shared:1 - ext4"),
        &["mounts shared with the host"],
    ),
];
const DISKS: &[&str] = &["mount /home/agent", "mount /var/tmp", "mount /workspace"];

fn without(facts: &mut Facts, place: &str) {
    let kept: Vec<_> =
        facts.mounts.lines().filter(|line| !line.contains(&format!(" {place} "))).collect();
    assert!(kept.len() < facts.mounts.lines().count(), "{place}");
    facts.mounts = kept.join("\n");
}

#[test]
fn every_change_of_what_the_kernel_says_is_noticed() {
    for (index, (change, expected)) in CHANGES.iter().enumerate() {
        let mut facts = facts();
        change(&mut facts);
        assert_eq!(noticed(&facts), *expected, "change {index}");
    }
}
