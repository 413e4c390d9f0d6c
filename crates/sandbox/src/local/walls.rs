//! Says in words which walls a local sandbox has got.

use super::oci::Kind;
use super::request::{ShimOrder, UidMap};
use crate::isolation::{IsolationReport, NO_VM, OWN_SANDBOX};
use crate::provider::Posture;

/// Name of what programs that insist on IPv6 need.
pub const IPV6: &str = "ipv6";
/// Name of what programs that know no proxy need.
pub const REDIRECT: &str = "redirect";
/// What is true of a wall around several agents.
const SHARED: &str = "the agents that share a sandbox have it in common";
/// What is not there between agents that share a sandbox.
const NO_WALL: &str = "agents share a sandbox: they can read, change and end each other's processes, read \
                       and change each other's files, send through each other's gateway, push to each \
                       other's branch, and use up each other's memory";
/// How to have a sandbox for each agent.
const ALONE: &str = "set `shared` under [sandbox] to false";

/// Adds the walls that stand once the guest runs; without any of these there is no sandbox.
pub fn report(order: &ShimOrder, weak: &[(String, String)], report: &mut IsolationReport) {
    report.enforced("user_namespace", "changes of what only the host's root may set");
    ids(order, report);
    for (name, protects) in [
        ("pid_namespace", "access to processes of the host and of other sandboxes"),
        ("ipc_namespace", "access to shared memory of others"),
    ] {
        match order.commons {
            None => report.enforced(name, protects),
            Some(_) => report.reduced(name, SHARED, protects, ALONE),
        }
    }
    if order.commons.is_some() {
        report.missing(OWN_SANDBOX, NO_WALL, "one agent of this server from another", ALONE);
    }
    for (name, protects) in [
        ("mount_namespace", "access to the host's files"),
        ("network_namespace", "access to every network but the gateway"),
        ("uts_namespace", "a change of the host's name"),
        ("cgroup_namespace", "knowing the layout of the host's control groups"),
        ("no_new_privileges", "set-user-id programs"),
        ("seccomp", "rarely used parts of the kernel, nested namespaces, the hypervisor's sockets"),
        ("proc_masks", "access to the host's kernel settings and tables"),
    ] {
        report.enforced(name, protects);
    }
    report.enforced("capabilities", capabilities(order.spec.posture));
    let programs = "knowing which programs the host has";
    match order.is_on_base() {
        true => report.enforced("root_file_system", programs),
        false => report.reduced(
            "root_file_system",
            "the host's /usr is seen inside, read-only",
            programs,
            "set `base` under [sandbox] to a base image",
        ),
    }
    report.missing(
        "disk_limit",
        "the agent's disk is a directory without a quota",
        "an agent that fills the host's disk",
        "put the data folder on a file system of its own",
    );
    for (wall, reason) in weak {
        let (what, improve) = match wall.as_str() {
            REDIRECT => (
                "nothing: it leads programs that know no proxy to the gateway, and without it they end \
                 inside",
                "have the kernel's modules nf_tables, nft_chain_nat and nft_redir at hand",
            ),
            _ => ("programs that insist on IPv6", "turn IPv6 on"),
        };
        report.reduced(wall, reason, what, improve);
    }
    kernel(order, report);
}

/// Whose kernel it is, and what started the first process.
fn kernel(order: &ShimOrder, report: &mut IsolationReport) {
    const PROTECTS: &str = "attackers who know a hole in the host's kernel";
    let kind = order.runtime.as_ref().map(|runtime| runtime.kind);
    match (&order.runtime, kind) {
        (Some(runtime), Some(Kind::Runsc)) => {
            let words = format!("{PROTECTS}: sandboxes are started by {runtime}");
            report.enforced("runtime", &words);
        }
        (Some(runtime), _) => {
            let words = "nothing that namespaces alone do not: sandboxes are started by";
            report.enforced("runtime", &format!("{words} {runtime}"));
        }
        (None, _) => {}
    }
    if kind == Some(Kind::Runsc) {
        let words = "system calls end in gVisor, which makes few itself. Measured from outside is \
                     gVisor's own process; what holds within, as capabilities, filter, mounts and open \
                     files of the guest, is gVisor's word";
        return report.enforced("kernel", &format!("{PROTECTS}: {words}"));
    }
    let improve = format!(
        "for tenants you do not trust, set `isolation` under [sandbox] to \"oci\" and `runtime` to \
         gVisor's \"runsc\"; {NO_VM}"
    );
    report.reduced("kernel", "the host's kernel is shared", PROTECTS, &improve);
}

/// Adds that all of them were measured from outside and found as they must be.
pub fn report_measured(passed: &str, report: &mut IsolationReport) {
    let protects = format!("walls that were built wrongly or not at all ({passed})");
    report.enforced("posture", &protects);
}

fn ids(order: &ShimOrder, report: &mut IsolationReport) {
    let protects = "other sandboxes and the host's users, if any other wall fails";
    match order.uids {
        UidMap::Range { .. } if order.commons.is_some() => {
            report.reduced("own_user_ids", SHARED, protects, ALONE);
        }
        UidMap::Range { .. } => report.enforced("own_user_ids", protects),
        UidMap::Single { .. } => report.reduced(
            "own_user_ids",
            "all sandboxes run as the user who started the server, and sudo does not work inside",
            protects,
            "run the server as root: only its launcher stays root",
        ),
    }
}

fn capabilities(posture: Posture) -> &'static str {
    match posture {
        Posture::Sudo => {
            "mounting, raw sockets, devices, kernel modules, for the agent and its sudo"
        }
        Posture::None => "any use of capabilities by the agent",
    }
}
