//! The first process of a sandbox, from its birth in new namespaces until it becomes the guest.
//!
//! The order matters: everything that needs a capability comes before they are dropped, and the
//! filter of system calls comes last, since it refuses mounting. Any step that fails ends the
//! sandbox: there is no weaker way on. Nor is this process believed: before it becomes the guest it
//! is measured from outside.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};

use nix::sched::{CloneFlags, setns, unshare};
use rustix::fs::Mode;
use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};
use rustix::thread::{CapabilitySet, CapabilitySets, Gid, Uid};

use super::commons::Namespaces;
use super::network::{self, Listening};
use super::request::{ShimOrder, UidMap};
use super::root::{self, Trees};
use super::{packet, redirect};
use super::{seccomp, sys, walls};
use crate::provider::{Posture, SandboxSpec, SocketFamily, SocketKind};
use serde::{Deserialize, Serialize};

/// Descriptor under which the guest finds its control socket.
pub const CONTROL_FD: RawFd = 3;
/// Where the guest's binary is seen inside.
pub const GUEST_PATH: &str = "/opt/errand/bin/errand-guest";
/// First descriptor that is closed on the way into the guest.
const FIRST_CLOSED_FD: RawFd = CONTROL_FD + 1;
/// Lowest number for descriptors that must stay out of the guest's way while we arrange them.
pub const PARKED_FD: RawFd = 64;
/// Open files of one process, unless the host allows fewer.
const OPEN_FILES: u64 = 65_536;
/// Search path of the guest and of what it starts.
pub const SEARCH_PATH: &str =
    "/opt/errand/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What the namespace's root may do: enough for package managers, on the sandbox's own files.
const SMALL: CapabilitySet = CapabilitySet::CHOWN
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::FOWNER)
    .union(CapabilitySet::FSETID)
    .union(CapabilitySet::SETUID)
    .union(CapabilitySet::SETGID)
    .union(CapabilitySet::KILL);

/// The same, as a runtime is told.
pub const SMALL_NAMES: [&str; 7] = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_SETUID",
    "CAP_SETGID",
    "CAP_KILL",
];

/// What the child tells the shim while it builds.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ChildReport {
    /// These sockets came along, in this order.
    Sockets {
        /// What they are.
        sockets: Vec<(SocketKind, SocketFamily)>,
    },
    /// Every wall stands; it waits to be measured.
    Ready {},
    /// A soft wall that could not be built.
    Weak {
        /// Its name.
        wall: String,
        /// Why.
        reason: String,
    },
    /// The end.
    Failed {
        /// Which step.
        step: String,
        /// Why.
        reason: String,
    },
}

/// What the child inherits from the shim.
#[derive(Debug)]
pub struct Inherited {
    /// Towards the shim, while building.
    pub setup: OwnedFd,
    /// Becomes the guest's control socket.
    pub control: OwnedFd,
    /// Becomes the guest's standard output and error.
    pub log: OwnedFd,
    /// File trees that only the shim could open.
    pub trees: Option<Trees>,
    /// What it shares with other agents, if it does.
    pub namespaces: Option<Namespaces>,
}

/// What the last steps of a sandbox's first process depend on.
#[derive(Debug)]
pub struct Closing {
    /// Whether `sudo` works.
    pub posture: Posture,
    /// How ids map.
    pub uids: UidMap,
    /// Processes of an ordinary user's sandbox.
    pub processes: u32,
    /// The guest's words.
    pub arguments: Vec<CString>,
    /// The guest's variables.
    pub environment: Vec<CString>,
}

/// The step of entering what is shared.
const ENTER: &str = "enter what is shared with other agents";

type Step = Result<(), (&'static str, io::Error)>;

/// Builds the sandbox from within and becomes the guest; returns only if that failed.
pub fn run(order: &ShimOrder, inherited: Inherited) {
    let Inherited { setup, control, log, trees, namespaces } = inherited;
    let entered = namespaces.map_or(Ok(()), |shared| enter(shared).map_err(|e| (ENTER, e)));
    let built = entered.and_then(|()| build(order, &setup, control.as_fd(), log.as_fd(), trees));
    if let Err((step, error)) = built {
        tell_failure(&setup, step, &error);
    }
}

/// Enters the namespaces that are shared, and makes the others.
fn enter(shared: Namespaces) -> io::Result<()> {
    // TRUST: from here on others see this process. It has no id of theirs yet, and then more
    // capabilities than any of them; so nobody looks into it, and the host's files it still has.
    for (namespace, flag) in [
        (&shared.user, CloneFlags::CLONE_NEWUSER),
        (&shared.ipc, CloneFlags::CLONE_NEWIPC),
        (&shared.uts, CloneFlags::CLONE_NEWUTS),
    ] {
        setns(namespace, flag)?;
    }
    unshare(CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWNET)?;
    // What its commands leave behind comes to the guest, as it does to a first process.
    Ok(rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?)
}

/// Tells the shim which step failed.
pub fn tell_failure(setup: &OwnedFd, step: &str, error: &io::Error) {
    let report = ChildReport::Failed { step: step.to_owned(), reason: error.to_string() };
    // If the shim is gone there is nobody to tell, and the end is the same.
    tell(setup, &report, &[]).ok();
}

fn build(
    order: &ShimOrder,
    setup: &OwnedFd,
    control: BorrowedFd<'_>,
    log: BorrowedFd<'_>,
    trees: Option<Trees>,
) -> Step {
    let at = |step: &'static str| move |error: io::Error| (step, error);
    wait_for_shim(setup).map_err(at("wait for the id maps"))?;
    become_root(order.uids).map_err(at("become the namespace's root"))?;
    open_network(setup).map_err(at("open the network namespace"))?;
    root::build(order, trees).map_err(|e| (e.step, e.error))?;
    wait_for_shim(setup).map_err(at("wait for the control groups"))?;
    unshare_cgroups().map_err(at("leave the cgroup namespace"))?;
    set_identity(order).map_err(at("name the host"))?;
    die_with_parent().map_err(at("tie the sandbox to its shim"))?;
    let closing = closing(order).map_err(at("prepare the guest"))?;
    close_off(&closing, setup, control, log)
}

fn closing(order: &ShimOrder) -> io::Result<Closing> {
    let (arguments, environment) = guest_start(&order.spec, order.uids);
    let text = |all: Vec<String>| all.into_iter().map(CString::new).collect::<Result<Vec<_>, _>>();
    Ok(Closing {
        posture: order.spec.posture,
        uids: order.uids,
        processes: order.spec.limits.pids,
        arguments: text(arguments)?,
        environment: text(environment)?,
    })
}

/// The last steps, as the process that becomes the guest; returns only if that failed.
pub fn close_off(
    closing: &Closing,
    setup: &OwnedFd,
    control: BorrowedFd<'_>,
    log: BorrowedFd<'_>,
) -> Step {
    let at = |step: &'static str| move |error: io::Error| (step, error);
    set_limits(closing).map_err(at("set resource limits"))?;
    arrange_descriptors(control, log).map_err(at("arrange descriptors"))?;
    drop_capabilities(closing).map_err(at("drop capabilities"))?;
    rustix::thread::set_no_new_privs(true).map_err(|e| ("forbid new privileges", e.into()))?;
    seccomp::install().map_err(at("install the filter of system calls"))?;
    tell(setup, &ChildReport::Ready {}, &[]).map_err(at("ask to be measured"))?;
    wait_for_shim(setup).map_err(at("wait to be measured"))?;
    exec(&closing.arguments, &closing.environment).map_err(at("start the guest"))
}

fn tell(setup: &OwnedFd, report: &ChildReport, fds: &[BorrowedFd<'_>]) -> io::Result<()> {
    packet::send(setup, &serde_json::to_vec(report)?, fds).map(drop)
}

/// Waits until the parent has done its part.
pub fn wait_for_shim(setup: &OwnedFd) -> io::Result<()> {
    match packet::receive(setup)? {
        Some(_) => Ok(()),
        None => Err(io::Error::other("the shim is gone")),
    }
}

/// Becomes the root of the new user namespace, where it has one.
pub fn become_root(uids: UidMap) -> io::Result<()> {
    rustix::process::umask(Mode::from_raw_mode(0o022));
    if let UidMap::Range { .. } = uids {
        let (uid, gid) = (Uid::ROOT, Gid::ROOT);
        rustix::thread::set_thread_res_gid(gid, gid, gid)?;
        rustix::thread::set_thread_groups(&[])?;
        rustix::thread::set_thread_res_uid(uid, uid, uid)?;
    }
    Ok(())
}

/// Has what comes from here see its own control groups as the topmost.
pub fn unshare_cgroups() -> io::Result<()> {
    // Only now: at birth the namespace would be rooted at the launcher's groups.
    unshare(CloneFlags::CLONE_NEWCGROUP).map_err(io::Error::from)
}

/// Opens the gateway's sockets in this network namespace, leads connections to them, and hands them out.
pub fn open_network(setup: &OwnedFd) -> io::Result<()> {
    network::bring_up()?;
    let mut sockets = network::open(SocketFamily::V4)?;
    network::accept_every_address(SocketFamily::V4)?;
    let mut families = vec![SocketFamily::V4];
    match network::open(SocketFamily::V6) {
        Ok(more) => {
            sockets.extend(more);
            network::accept_every_address(SocketFamily::V6)?;
            families.push(SocketFamily::V6);
        }
        Err(error) => {
            let reason = format!("IPv6 is off on this host: {error}");
            tell(setup, &ChildReport::Weak { wall: walls::IPV6.to_owned(), reason }, &[])?;
        }
    }
    // The missing route is the wall; these rules only show programs where the gateway is.
    if let Err(error) = families.into_iter().try_for_each(redirect::install) {
        let reason = format!("this host's kernel takes no rules of nftables: {error}");
        tell(setup, &ChildReport::Weak { wall: walls::REDIRECT.to_owned(), reason }, &[])?;
    }
    let fds: Vec<_> = sockets.iter().map(|socket| socket.fd.as_fd()).collect();
    let names = sockets.iter().map(|Listening { kind, family, .. }| (*kind, *family)).collect();
    tell(setup, &ChildReport::Sockets { sockets: names }, &fds)
}

fn set_identity(order: &ShimOrder) -> io::Result<()> {
    let name = CString::new(order.spec.hostname.as_str())?;
    sys::set_hostname(&name)?;
    // A session of its own: nothing inside shares a terminal with the host.
    rustix::process::setsid()?;
    rustix::process::chdir("/workspace")?;
    Ok(())
}

fn set_limits(closing: &Closing) -> io::Result<()> {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    let hard = getrlimit(Resource::Nofile).maximum;
    let files = hard.map_or(OPEN_FILES, |hard| hard.min(OPEN_FILES));
    setrlimit(Resource::Nofile, Rlimit { current: Some(files), maximum: Some(files) })?;
    if let UidMap::Single { .. } = closing.uids {
        // Counted within this user namespace, so a stand-in for the control group that a user lacks.
        let hard = getrlimit(Resource::Nproc).maximum;
        let wanted = u64::from(closing.processes);
        let processes = Some(hard.map_or(wanted, |hard| hard.min(wanted)));
        setrlimit(Resource::Nproc, Rlimit { current: processes, maximum: processes })?;
    }
    Ok(())
}

/// Leaves exactly four descriptors to the guest: nothing to read, the log twice, the control socket.
pub fn arrange_descriptors(control: BorrowedFd<'_>, log: BorrowedFd<'_>) -> io::Result<()> {
    let control = rustix::io::fcntl_dupfd_cloexec(control, PARKED_FD)?;
    let log = rustix::io::fcntl_dupfd_cloexec(log, PARKED_FD)?;
    let null = std::fs::File::open("/dev/null")?;
    let null = rustix::io::fcntl_dupfd_cloexec(&null, PARKED_FD)?;
    sys::duplicate_onto(null.as_fd(), 0)?;
    sys::duplicate_onto(log.as_fd(), 1)?;
    sys::duplicate_onto(log.as_fd(), 2)?;
    sys::duplicate_onto(control.as_fd(), CONTROL_FD)?;
    sys::close_on_exec_from(FIRST_CLOSED_FD)
}

/// Leaves the guest the small set, and nothing to whatever could come from it without its help.
///
/// Inheritable carries the set through `exec` where the bounding set is empty (posture `none`).
/// SETPCAP is there only so that the guest can empty the bounding set of the agent's processes; it
/// is never in the bounding set itself.
fn drop_capabilities(closing: &Closing) -> io::Result<()> {
    let single = matches!(closing.uids, UidMap::Single { .. });
    let kept = if single { CapabilitySet::empty() } else { SMALL | CapabilitySet::SETPCAP };
    let bounding = match closing.posture {
        Posture::Sudo if !single => SMALL,
        Posture::Sudo | Posture::None => CapabilitySet::empty(),
    };
    keep_capabilities(kept, bounding)
}

/// Keeps these for itself, and these for what comes from it.
pub fn keep_capabilities(kept: CapabilitySet, bounding: CapabilitySet) -> io::Result<()> {
    let all = rustix::thread::capabilities(None)?;
    rustix::thread::set_capabilities(None, CapabilitySets { inheritable: kept, ..all })?;
    match rustix::thread::clear_ambient_capability_set() {
        // A kernel without such a set, as gVisor's; where there is one, it is measured.
        Err(rustix::io::Errno::INVAL) => {}
        other => other?,
    }
    for bit in 0..u64::BITS {
        let one = CapabilitySet::from_bits_retain(1 << bit);
        if bounding.contains(one) {
            continue;
        }
        match rustix::thread::remove_capability_from_bounding_set(one) {
            // Past the last capability this kernel knows.
            Err(rustix::io::Errno::INVAL) => break,
            other => other?,
        }
    }
    let sets = CapabilitySets { effective: kept, permitted: kept, inheritable: kept };
    Ok(rustix::thread::set_capabilities(None, sets)?)
}

/// Ends this process when its parent ends.
pub fn die_with_parent() -> io::Result<()> {
    Ok(rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?)
}

/// The guest's words and variables.
pub fn guest_start(spec: &SandboxSpec, uids: UidMap) -> (Vec<String>, Vec<String>) {
    let sudo = match (uids, spec.posture) {
        (UidMap::Range { .. }, Posture::Sudo) => "yes",
        (UidMap::Single { .. }, _) | (UidMap::Range { .. }, Posture::None) => "none",
    };
    let mut environment = vec![
        ("PATH".to_owned(), SEARCH_PATH.to_owned()),
        ("HOME".to_owned(), "/home/agent".to_owned()),
        ("USER".to_owned(), "agent".to_owned()),
        ("LOGNAME".to_owned(), "agent".to_owned()),
        ("SHELL".to_owned(), "/bin/bash".to_owned()),
        ("LANG".to_owned(), "C.UTF-8".to_owned()),
    ];
    environment.extend(spec.env.iter().cloned());
    // Last, so that no variable of the user's stands in for them.
    environment.push(("ERRAND_AGENT_ID".to_owned(), spec.key.agent.to_string()));
    environment.push(("ERRAND_EPOCH".to_owned(), spec.key.epoch.to_string()));
    let unique = environment.iter().enumerate().filter(|(index, (name, _))| {
        !environment.iter().skip(index + 1).any(|(later, _)| later == name)
    });
    let environment = unique.map(|(_, (name, value))| format!("{name}={value}")).collect();
    let arguments = ["errand-guest", "guest", "--sudo", sudo].map(str::to_owned);
    (arguments.into(), environment)
}

fn exec(arguments: &[CString], environment: &[CString]) -> io::Result<()> {
    let path = CString::new(GUEST_PATH)?;
    match nix::unistd::execve(&path, arguments, environment) {
        Ok(never) => match never {},
        Err(error) => Err(error.into()),
    }
}
