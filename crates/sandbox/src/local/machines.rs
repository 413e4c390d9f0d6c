//! The verbs, as the launcher carries them out on records, disks, leases and shims.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::PoisonError;
use std::time::Duration;

use protocol::ids::{AgentId, Epoch, LayerId, OrgId};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect as connect_socket, socket_with,
    sockopt,
};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::cgroup::{Groups, Whose};
use super::commons::{self, CommonsId};
use super::launcher::Launcher;
use super::record::{self, ExitRecord, ShimRecord};
use super::request::{Answer, FailureKind, ShimAnswer, ShimCommand, ShimOrder, ShimReply, UidMap};
use super::{building, cgroup, disk, lease, packet, shim, trash};
use crate::provider::{Machine, MachineState, SandboxKey, SandboxSpec};

/// Time a shim has to answer.
const SHIM_WAIT: Duration = Duration::from_secs(5);
/// Time a shim has to end its sandbox before it is killed.
const STOP_WAIT: Duration = Duration::from_secs(15);
/// Life of a probing sandbox, in milliseconds.
const PROBE_LIFE_MS: u64 = 10_000;

/// An answer with the descriptors that go along.
#[derive(Debug)]
pub struct Answered {
    /// The answer.
    pub answer: Answer,
    /// Its descriptors.
    pub fds: Vec<OwnedFd>,
}

impl From<Answer> for Answered {
    fn from(answer: Answer) -> Self {
        Self { answer, fds: Vec::new() }
    }
}

/// Why a verb failed, and what a caller does about it.
#[derive(Debug)]
pub struct Problem {
    /// What a caller does about it.
    pub kind: FailureKind,
    /// In words.
    pub reason: String,
}

impl Problem {
    /// A problem from its parts.
    pub fn new(kind: FailureKind, reason: String) -> Self {
        Self { kind, reason }
    }
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Self::new(FailureKind::Unavailable, error.to_string())
    }
}

impl From<serde_json::Error> for Problem {
    fn from(error: serde_json::Error) -> Self {
        io::Error::from(error).into()
    }
}

impl From<rustix::io::Errno> for Problem {
    fn from(error: rustix::io::Errno) -> Self {
        io::Error::from(error).into()
    }
}

/// What comes of a verb.
pub type Verb = Result<Answered, Problem>;

/// Makes the machine, or finds the one made before under its key.
pub fn create(launcher: &Launcher, spec: SandboxSpec, guest: &Path) -> Verb {
    let refused = |reason: String| Problem::new(FailureKind::Refused, reason);
    spec.check().map_err(|error| refused(error.to_string()))?;
    let key = spec.key;
    if let Some(machine) = inspect(key)? {
        return Ok(Answer::Machine { machine: Some(machine) }.into());
    }
    for other in record::keys(Some(key.agent))? {
        if other.epoch > key.epoch {
            return Err(refused(format!("{other} is newer than {key}: ask for a later epoch")));
        }
        end(other)?;
        fs::remove_dir_all(record::dir(other))?;
    }
    // Beside the rest: it only waits. A host without threads to spare is just slower.
    std::thread::Builder::new().name("warm-up".to_owned()).spawn(cgroup::warm_up).ok();
    let started = match is_shared(launcher, &spec)? {
        false => {
            let uids = map_ids(launcher, key.agent)?;
            start(launcher, spec, uids, None, guest)
        }
        true => {
            // One after the other: the first makes what the next ones find.
            let _held = launcher.commons.lock().unwrap_or_else(PoisonError::into_inner);
            let (commons, uids) = commons::prepare(launcher, &spec.org)?;
            start(launcher, spec, uids, Some(commons), guest)
        }
    };
    Ok(Answer::Machine { machine: Some(started?) }.into())
}

/// Whether an agent shares its sandbox. That was decided when its disk was made; nothing changes it.
fn is_shared(launcher: &Launcher, spec: &SandboxSpec) -> Result<bool, Problem> {
    let refused = |reason: &str| Problem::new(FailureKind::Refused, reason.to_owned());
    let disk = record::disk(spec.key.agent);
    match (disk.is_dir(), launcher.config.shared) {
        (true, shared) => match (commons::of_disk(&disk)?, shared) {
            (Some(_), false) => Err(refused(
                "this agent shares its sandbox with others, and `shared` under [sandbox] is off: \
                 switch it on, or start another agent",
            )),
            (of_disk, _) => Ok(of_disk.is_some()),
        },
        (false, true) if !spec.layers.is_empty() => Err(refused(
            "a shared sandbox begins with no build, fork or image, since its disk is there already",
        )),
        (false, shared) => Ok(shared),
    }
}

fn start(
    launcher: &Launcher,
    spec: SandboxSpec,
    uids: UidMap,
    commons: Option<CommonsId>,
    guest: &Path,
) -> Result<Machine, Problem> {
    let key = spec.key;
    let lowers = {
        let _held = launcher.layers.lock().unwrap_or_else(PoisonError::into_inner);
        disk::prepare(&spec, uids, commons)?
    };
    record::make_private_dir(&record::dir(key))?;
    let (guest, runtime) = (guest.to_owned(), launcher.runtime.clone());
    let begin = || {
        let Some(commons) = commons else { return Ok(None) };
        commons::note_sandbox(key, commons)?;
        commons::hold(commons, uids, &spec.limits).map(Some)
    };
    let started = begin().and_then(|stay| {
        let order = ShimOrder { spec, uids, lowers, guest, runtime, commons };
        // Until the shim holds it itself.
        start_shim(order).map(|machine| (machine, stay).0)
    });
    if started.is_err() {
        // A shim that was killed leaves its control groups, and once the record is gone nobody would
        // look for them.
        Groups::find(Whose::Sandbox(key, commons)).end()?;
        // Without a record the next try starts afresh.
        fs::remove_dir_all(record::dir(key))?;
    }
    started
}

/// The ids of an agent's sandboxes, leased if it has none yet.
pub fn map_ids(launcher: &Launcher, agent: AgentId) -> io::Result<UidMap> {
    if rustix::process::geteuid().is_root() {
        let _one_at_a_time = launcher.leases.lock().unwrap_or_else(PoisonError::into_inner);
        return Ok(UidMap::Range {
            base: lease::take(launcher.config.uid_pool, &agent.to_string())?,
        });
    }
    let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    Ok(UidMap::Single { uid, gid })
}

fn start_shim(order: ShimOrder) -> Result<Machine, Problem> {
    let key = order.spec.key;
    record::write(&record::dir(key).join("spec.json"), &order.spec)?;
    let errors = fs::File::create(record::dir(key).join("shim.log"))?;
    let building = building::begin(key)?;
    let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    #[expect(clippy::disallowed_methods, reason = "this is the launcher of sandboxes")]
    let mut command = Command::new("/proc/self/exe");
    command
        .arg("shim")
        .env_clear()
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::from(building))
        .stderr(Stdio::from(errors));
    // Its end is seen through its pidfd; the kernel reaps it.
    drop(command.spawn()?);
    drop(command);
    ours.set_read_timeout(Some(building::BUILD_WAIT))?;
    packet::send_all(&ours, &serde_json::to_vec(&order)?, &[])?;
    ours.shutdown(std::net::Shutdown::Write)?;
    let bytes = packet::receive_all(&ours)?.bytes;
    if bytes.is_empty() {
        let log = fs::read_to_string(record::dir(key).join("shim.log")).unwrap_or_default();
        let reason = format!("the shim ended without an answer: {}", log.trim());
        return Err(Problem::new(FailureKind::Unavailable, reason));
    }
    match serde_json::from_slice(&bytes)? {
        ShimAnswer::Started { isolation } => {
            Ok(Machine { key, state: MachineState::Running, isolation })
        }
        ShimAnswer::Failed { kind, reason } => Err(Problem::new(kind, reason)),
    }
}

/// The machine under this key, after cleaning up what a lost shim left.
pub fn inspect(key: SandboxKey) -> Result<Option<Machine>, Problem> {
    let dir = record::dir(key);
    if !dir.is_dir() {
        return Ok(None);
    }
    wait_until_built(key)?;
    let shim: Option<ShimRecord> = record::read(&dir.join("shim.json"))?;
    let isolation = shim.as_ref().map(|shim| shim.isolation.clone()).unwrap_or_default();
    if shim.as_ref().is_some_and(ShimRecord::is_alive) {
        return Ok(Some(Machine { key, state: MachineState::Running, isolation }));
    }
    Groups::find(Whose::of(key)).end()?;
    let exit: Option<ExitRecord> = record::read(&dir.join("exit.json"))?;
    let reason = match (exit, shim) {
        (Some(exit), _) => exit.reason,
        (None, Some(_)) => {
            let reason = "its shim was lost".to_owned();
            shim::end_record(key, &reason)?;
            reason
        }
        // It never came up, and nobody was told of it: the next try starts afresh.
        (None, None) => {
            fs::remove_dir_all(dir)?;
            return Ok(None);
        }
    };
    Ok(Some(Machine { key, state: MachineState::Ended { reason }, isolation }))
}

/// A former launcher may have died over it.
fn wait_until_built(key: SandboxKey) -> Result<(), Problem> {
    if building::is_over(key)? {
        return Ok(());
    }
    Err(Problem::new(FailureKind::Unavailable, format!("{key} is still being built")))
}

/// The machine under this key.
pub fn find(key: SandboxKey) -> Verb {
    Ok(Answer::Machine { machine: inspect(key)? }.into())
}

/// Ends the machine and keeps the disk.
pub fn stop(key: SandboxKey) -> Verb {
    end(key)?;
    Ok(Answer::Done {}.into())
}

fn end(key: SandboxKey) -> Result<(), Problem> {
    wait_until_built(key)?;
    let shim: Option<ShimRecord> = record::read(&record::dir(key).join("shim.json"))?;
    if let Some(shim) = shim.filter(ShimRecord::is_alive) {
        end_shim(key, &shim)?;
    }
    // Writes down the end and removes control groups, where the shim could not.
    inspect(key).map(drop)
}

fn end_shim(key: SandboxKey, shim: &ShimRecord) -> Result<(), Problem> {
    let Some(pid) = Pid::from_raw(shim.pid) else { return Ok(()) };
    let pidfd = match pidfd_open(pid, PidfdFlags::empty()) {
        Err(rustix::io::Errno::SRCH) => return Ok(()),
        other => other?,
    };
    // Only now is it certain that the descriptor means our shim and not a later process.
    if !shim.is_alive() {
        return Ok(());
    }
    let asked = ask_shim(key, ShimCommand::Stop {});
    if asked.is_ok() && wait_for_end(&pidfd, STOP_WAIT)? {
        return Ok(());
    }
    // It may have ended by itself just now.
    pidfd_send_signal(&pidfd, Signal::KILL).ok();
    if wait_for_end(&pidfd, STOP_WAIT)? {
        return Ok(());
    }
    Err(Problem::new(FailureKind::Unavailable, "the shim does not end".to_owned()))
}

fn wait_for_end(pidfd: &OwnedFd, wait: Duration) -> io::Result<bool> {
    let timeout = Timespec::try_from(wait).map_err(io::Error::other)?;
    let mut fds = [PollFd::new(pidfd, PollFlags::IN)];
    Ok(poll(&mut fds, Some(&timeout))? > 0)
}

/// Ends the machine and forgets it; the disk goes when no later epoch uses it.
pub fn destroy(launcher: &Launcher, key: SandboxKey) -> Verb {
    end(key)?;
    match fs::remove_dir_all(record::dir(key)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    if record::keys(Some(key.agent))?.is_empty() {
        let commons = commons::of_disk(&record::disk(key.agent))?;
        remove_disk(key.agent)?;
        {
            let _one_at_a_time = launcher.leases.lock().unwrap_or_else(PoisonError::into_inner);
            lease::release(&key.agent.to_string())?;
        }
        commons.map_or(Ok(()), |commons| commons::leave(launcher, commons))?;
    }
    Ok(Answer::Done {}.into())
}

fn remove_disk(agent: AgentId) -> io::Result<()> {
    trash::throw_away(&record::disk(agent), &agent.to_string())?.remove()
}

/// A fresh link to the guest.
pub fn connect(key: SandboxKey) -> Verb {
    let (_, fds) = ask_shim(key, ShimCommand::Connect {})?;
    Ok(Answered { answer: Answer::Link {}, fds })
}

/// Copies of the gateway's sockets.
pub fn sockets(key: SandboxKey) -> Verb {
    match ask_shim(key, ShimCommand::Sockets {})? {
        (ShimReply::Sockets { sockets }, fds) => {
            Ok(Answered { answer: Answer::Sockets { sockets }, fds })
        }
        (ShimReply::Done {} | ShimReply::Failed { .. }, _) => {
            Err(io::Error::other("the shim did not name its sockets").into())
        }
    }
}

fn ask_shim(key: SandboxKey, command: ShimCommand) -> Result<(ShimReply, Vec<OwnedFd>), Problem> {
    let not_running = |_| Problem::new(FailureKind::NotRunning, format!("{key} does not run"));
    let socket =
        socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
    sockopt::set_socket_timeout(&socket, sockopt::Timeout::Recv, Some(SHIM_WAIT))?;
    sockopt::set_socket_timeout(&socket, sockopt::Timeout::Send, Some(SHIM_WAIT))?;
    let address = SocketAddrUnix::new(record::dir(key).join(shim::SOCKET))?;
    connect_socket(&socket, &address).map_err(not_running)?;
    packet::send(&socket, &serde_json::to_vec(&command)?, &[])?;
    let Some(reply) = packet::receive(&socket)? else {
        return Err(Problem::new(FailureKind::NotRunning, format!("{key} is ending")));
    };
    match serde_json::from_slice(&reply.bytes)? {
        ShimReply::Failed { reason } => Err(Problem::new(FailureKind::Unavailable, reason)),
        done @ (ShimReply::Done {} | ShimReply::Sockets { .. }) => Ok((done, reply.fds)),
    }
}

/// The key under which a host is probed; no agent ever has it.
pub fn probe_key() -> SandboxKey {
    let nobody = AgentId::parse("bc-00000000-0000-0000-0000-000000000000");
    SandboxKey { agent: nobody.unwrap_or_else(|_| unreachable!("a valid id")), epoch: Epoch(1) }
}

/// Builds a sandbox that ends at once, and reports its walls.
pub fn probe(launcher: &Launcher, key: SandboxKey, layers: Vec<LayerId>) -> Verb {
    let mut spec = SandboxSpec::new(key, OrgId::default_org());
    spec.layers = layers;
    spec.lifetime_ms = PROBE_LIFE_MS;
    destroy(launcher, key)?;
    let created = create(launcher, spec, &std::env::current_exe()?);
    destroy(launcher, key)?;
    let Answer::Machine { machine: Some(Machine { isolation, .. }) } = created?.answer else {
        return Err(io::Error::other("no machine was made").into());
    };
    Ok(Answer::Probed { isolation }.into())
}
