//! What the kernel says about a process, as it says it, and the record that follows from it.

use std::collections::BTreeSet;

use protocol::ids::AgentId;

use super::golden::{Ground, Layout};
use super::{Record, mounts};

/// Tunnels that some kernels put, down and without an address, into every network namespace.
const FALLBACK_TUNNELS: [&str; 9] =
    ["tunl0", "gre0", "gretap0", "erspan0", "ip_vti0", "ip6_vti0", "sit0", "ip6tnl0", "ip6gre0"];
/// Bit in the flags of a descriptor that `exec` closes, in octal as the kernel writes it.
const CLOSED_ON_EXEC: u32 = 0o2_000_000;

/// The texts of one process below `/proc`, and its control groups.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// Its namespaces; one that could not be read is not there.
    pub namespaces: Vec<(&'static str, String)>,
    /// `status`.
    pub status: String,
    /// `uid_map`.
    pub uid_map: String,
    /// `gid_map`.
    pub gid_map: String,
    /// `setgroups`.
    pub setgroups: String,
    /// `limits`.
    pub limits: String,
    /// `oom_score_adj`.
    pub oom_score_adj: String,
    /// `mountinfo`.
    pub mounts: String,
    /// `net/dev`.
    pub interfaces: String,
    /// `net/route`.
    pub routes: String,
    /// `net/ipv6_route`; empty where IPv6 is off.
    pub routes6: String,
    /// `fd`.
    pub descriptors: Vec<Descriptor>,
    /// Of the control groups that were made, how many it is in.
    pub groups: usize,
    /// The limits that these hold.
    pub group_limits: Vec<(String, String)>,
}

/// An open descriptor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptor {
    /// Its number.
    pub number: u32,
    /// What it leads to.
    pub target: String,
    /// `fdinfo`.
    pub info: String,
}

/// The record that follows from facts about an agent's first process, on this ground.
pub fn record(facts: &Facts, agent: AgentId, layout: impl Into<Layout>, ground: &Ground) -> Record {
    let layout = layout.into();
    let mut record = of_status(&facts.status);
    for (name, own) in &ground.namespaces {
        let found = facts.namespaces.iter().find(|(found, _)| found == name);
        let value = match found {
            Some((_, found)) if found == own => "the host's",
            Some(found) if ground.shared.contains(found) => "shared",
            Some(_) => "own",
            None => "not known",
        };
        record.set(format!("namespace {name}"), value);
    }
    record.set("user ids", map(&facts.uid_map));
    record.set("group ids", map(&facts.gid_map));
    let mapped = maps_root(&facts.uid_map) || maps_root(&facts.gid_map);
    record.set("the host's root", if mapped { "mapped" } else { "not mapped" });
    record.set("setting groups", facts.setgroups.trim());
    of_groups(facts, ground, &mut record);
    record.set("interfaces", interfaces(&facts.interfaces));
    record.set("routes", routes(&facts.routes, &facts.routes6));
    if layout.is_kernel() {
        // Its descriptors and its number are those of a kernel at work, not of a guest.
        record.remove("place in its process namespace");
        record.remove("session");
        for (point, value) in mounts::of_kernel(&facts.mounts) {
            record.set(point, value);
        }
        return record;
    }
    of_limits(facts, &mut record);
    record.set("descriptors", descriptors(&facts.descriptors));
    for (point, value) in mounts::points(&facts.mounts, agent, layout) {
        record.set(point, value);
    }
    record
}

/// The points that `status` tells about: who a process is and what it may do.
pub fn of_status(status: &str) -> Record {
    let mut record = Record::default();
    for (point, name) in [
        ("user", "Uid"),
        ("group", "Gid"),
        ("capabilities inheritable", "CapInh"),
        ("capabilities permitted", "CapPrm"),
        ("capabilities effective", "CapEff"),
        ("capabilities bounding", "CapBnd"),
        ("capabilities ambient", "CapAmb"),
        ("no new privileges", "NoNewPrivs"),
        ("system call filter", "Seccomp"),
        ("system call filters", "Seccomp_filters"),
        ("tracer", "TracerPid"),
    ] {
        record.set(point, words(field(status, name)));
    }
    record.set("supplementary groups", supplementary(status));
    // The last number is the innermost namespace's. Where the namespace is shared it says nothing more
    // than that it is not the first.
    let innermost = |name| field(status, name).split_whitespace().last().unwrap_or("not known");
    let (place, session) = (innermost("NSpid"), innermost("NSsid"));
    let is_later = place.parse::<u32>().is_ok_and(|place| place > 1);
    record.set("place in its process namespace", if is_later { "a later one" } else { place });
    record.set("session", if session == place { "its own" } else { session });
    record
}

/// The supplementary groups that `status` names.
pub fn supplementary(status: &str) -> String {
    let groups = words(field(status, "Groups"));
    if groups.is_empty() { "none".to_owned() } else { groups }
}

/// A line of `status`, without its name.
pub fn field<'a>(status: &'a str, name: &str) -> &'a str {
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap_or_default().trim()
}

/// Soft and hard limit of this name in `limits`.
pub fn limit<'a>(limits: &'a str, name: &str) -> Option<(&'a str, &'a str)> {
    let line = limits.lines().find_map(|line| line.strip_prefix(name))?;
    let mut values = line.split_whitespace();
    Some((values.next()?, values.next()?))
}

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn map(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(words).collect();
    lines.join(", ")
}

/// Whether a map gives the host's first id to somebody inside.
fn maps_root(text: &str) -> bool {
    text.lines().any(|line| {
        let mut numbers = line.split_whitespace().skip(1);
        numbers.next() == Some("0") && numbers.next() != Some("0")
    })
}

/// What stays open in what the process becomes.
fn descriptors(all: &[Descriptor]) -> String {
    let mut kept: Vec<_> = all.iter().filter(|one| !closes(&one.info)).collect();
    kept.sort_by_key(|one| one.number);
    let named = kept.iter().map(|one| {
        let kind = match one.target.as_str() {
            target if target.starts_with("pipe:") => "pipe",
            target if target.starts_with("socket:") => "socket",
            target if target.ends_with("/null") => "null",
            target => target,
        };
        format!("{} {kind}", one.number)
    });
    named.collect::<Vec<_>>().join(", ")
}

fn closes(info: &str) -> bool {
    let flags = u32::from_str_radix(field(info, "flags"), 8).unwrap_or_default();
    flags & CLOSED_ON_EXEC != 0
}

fn of_limits(facts: &Facts, record: &mut Record) {
    for (point, name) in [
        ("core files", "Max core file size"),
        ("open files", "Max open files"),
        ("processes of the user", "Max processes"),
    ] {
        if let Some((soft, hard)) = limit(&facts.limits, name) {
            record.set(point, format!("{soft} {hard}"));
        }
    }
}

fn of_groups(facts: &Facts, ground: &Ground, record: &mut Record) {
    let adjusted: Option<i32> = facts.oom_score_adj.trim().parse().ok();
    let last = match adjusted {
        Some(adjusted) if adjusted >= ground.oom_score_adj => "not after its launcher".to_owned(),
        Some(adjusted) => format!("after its launcher ({adjusted})"),
        None => "not known".to_owned(),
    };
    record.set("when memory runs out", last);
    record.set("control groups", facts.groups.to_string());
    for (name, value) in &facts.group_limits {
        record.set(name, value);
    }
}

fn interfaces(text: &str) -> String {
    let names = text.lines().skip(2).filter_map(|line| Some(line.split_once(':')?.0.trim()));
    let names: BTreeSet<_> = names.filter(|name| !FALLBACK_TUNNELS.contains(name)).collect();
    names.into_iter().collect::<Vec<_>>().join(" ")
}

/// Where packets can go. IPv6 lists what stays on `lo` too, IPv4 does not.
fn routes(v4: &str, v6: &str) -> String {
    let v4 = v4.lines().skip(1).filter_map(|line| line.split_whitespace().next());
    let v6 = v6.lines().filter_map(|line| line.split_whitespace().last());
    let devices: BTreeSet<_> = v4.chain(v6.filter(|device| *device != "lo")).collect();
    match devices.is_empty() {
        true => "none".to_owned(),
        false => devices.into_iter().collect::<Vec<_>>().join(" "),
    }
}
