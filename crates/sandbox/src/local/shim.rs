//! The small process that builds one sandbox, stays with it, and ends with it.
//!
//! It outlives the server. It holds the pidfd, the guest's control socket and the gateway's sockets,
//! so that connections wait while the server is away, and hands fresh links and copies of the
//! sockets to whoever may open its socket: the launcher, no one else. It answers to nobody before it
//! has measured its sandbox, so one that differs gets no link and no gateway. Single-threaded, no
//! runtime.

use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, setns};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{AddressFamily, SocketFlags, SocketType, accept_with, sockopt};
use rustix::process::{WaitId, WaitIdOptions, WaitIdStatus, waitid};

use super::building;
use super::cgroup::{Groups, Whose};
use super::child::{self, ChildReport, Inherited};
use super::commons::{self, Joined, Namespaces};
use super::measure::{Gate, Refusal};
use super::oci;
use super::packet;
use super::posture::Record;
use super::record::{self, ExitRecord, ShimRecord};
use super::request::{FailureKind, ShimAnswer, ShimCommand, ShimOrder, ShimReply, UidMap};
use super::root::Trees;
use super::sys::{self, Cloned};
use crate::isolation::IsolationReport;
use crate::provider::{SandboxKey, SocketFamily, SocketKind};

/// Name of the shim's socket in its record's directory.
pub const SOCKET: &str = "shim.sock";
/// Bytes of the guest's output that the log keeps.
const LOG_BYTES: usize = 256 * 1024;
/// Time a connected launcher has to say what it wants.
const COMMAND_WAIT: Duration = Duration::from_secs(2);
const MIB: u64 = 1024 * 1024;
/// How often a quiet shim looks whether its records are still there.
const LOOK_AROUND: Duration = Duration::from_secs(30);
/// How much further back than the server a sandbox queues for a processor.
const NICENESS: i32 = 10;
/// What a runtime's exit code exceeds when a signal ended its guest.
const SIGNALLED: i32 = 128;

/// A sandbox that runs.
#[derive(Debug)]
struct Running {
    key: SandboxKey,
    pidfd: OwnedFd,
    control: OwnedFd,
    log: OwnedFd,
    log_left: usize,
    listener: OwnedFd,
    sockets: Vec<(SocketKind, SocketFamily)>,
    socket_fds: Vec<OwnedFd>,
    groups: Groups,
    memory_bytes: u64,
    deadline: Instant,
    started_by: StartedBy,
    /// To the holder of what it shares with others, if it does.
    holder: Option<OwnedFd>,
}

/// Whose end it is that the shim sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StartedBy {
    /// The guest's own.
    Shim,
    /// The runtime's, which ends as its guest did.
    Runtime,
}

/// Runs the shim on the order that waits on `launcher` until its sandbox has ended.
pub fn run(launcher: OwnedFd) -> io::Result<()> {
    let order: ShimOrder = serde_json::from_slice(&packet::receive_all(&launcher)?.bytes)?;
    sys::default_children()?;
    rustix::process::setsid()?;
    // Building a sandbox and all that runs in it come after those who watch; only speed is lost if
    // that is refused.
    rustix::process::setpriority_process(None, NICENESS).ok();
    let mut isolation = IsolationReport::default();
    let started = start(&order, &mut isolation);
    let answer = match &started {
        Ok(_) => ShimAnswer::Started { isolation: isolation.clone() },
        Err(failed) => failed.answer(),
    };
    building::end()?;
    // A launcher that died meanwhile is followed by one that finds the record.
    packet::send_all(&launcher, &serde_json::to_vec(&answer)?, &[]).ok();
    // The answer ends when the socket closes. One that failed leaves that to its own end, so that
    // nothing of a sandbox is left once it was refused.
    let Ok(mut running) = started else {
        std::mem::forget(launcher);
        return Ok(());
    };
    drop(launcher);
    let reason = running.serve();
    running.groups.end()?;
    running.end_first_process();
    end_record(order.spec.key, &reason)
}

/// Why no sandbox came up.
#[derive(Debug)]
struct Failed {
    kind: FailureKind,
    reason: String,
}

impl Failed {
    fn answer(&self) -> ShimAnswer {
        ShimAnswer::Failed { kind: self.kind, reason: self.reason.clone() }
    }

    /// With what a runtime said, which is where it tells why it failed.
    fn with_log(self, order: &ShimOrder, log: &OwnedFd) -> Self {
        let mut said = [0_u8; 2048];
        let length = rustix::io::read(log, &mut said[..]).unwrap_or_default();
        let said = String::from_utf8_lossy(said.get(..length).unwrap_or_default());
        let said: String = said.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        match &order.runtime {
            Some(runtime) if !said.trim().is_empty() => Self {
                kind: FailureKind::Isolation,
                reason: format!("{}; {runtime} said: {}", self.reason, said.trim()),
            },
            Some(_) | None => self,
        }
    }

    fn at(step: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |error| Self { kind: FailureKind::Unavailable, reason: format!("{step}: {error}") }
    }
}

impl From<Refusal> for Failed {
    fn from(refusal: Refusal) -> Self {
        let kind = match &refusal {
            Refusal::Unreadable(error) if error.kind() != io::ErrorKind::PermissionDenied => {
                FailureKind::Unavailable
            }
            // Who may not look cannot vouch for anything.
            Refusal::Unreadable(_) | Refusal::Differs(_) => FailureKind::Isolation,
        };
        Self { kind, reason: refusal.to_string() }
    }
}

fn start(order: &ShimOrder, isolation: &mut IsolationReport) -> Result<Running, Failed> {
    let key = order.spec.key;
    let whose = Whose::Sandbox(key, order.commons);
    let groups = Groups::create(whose, &order.spec.limits, isolation);
    groups.note(whose).map_err(Failed::at("write down the control groups"))?;
    let built = build(order, isolation, groups);
    if built.is_err() {
        // The child is dead or about to be; what it left must not keep the key from a next try.
        Groups::find(whose).end().map_err(Failed::at("remove control groups"))?;
    }
    let (running, posture) = built?;
    let pid = i32::try_from(std::process::id()).unwrap_or_default();
    let start_time = record::start_time(pid)
        .ok_or_else(|| Failed::at("read own start time")(io::Error::other("no /proc")))?;
    let shim = ShimRecord { pid, start_time, isolation: isolation.clone(), posture };
    record::write(&record::dir(key).join("shim.json"), &shim)
        .map_err(Failed::at("write record"))?;
    Ok(running)
}

fn build(
    order: &ShimOrder,
    isolation: &mut IsolationReport,
    groups: Groups,
) -> Result<(Running, Record), Failed> {
    let spec = &order.spec;
    let trees = match order.uids {
        UidMap::Range { .. } => Some(Trees::open(order).map_err(Failed::at("open file trees"))?),
        UidMap::Single { .. } => None,
    };
    let (setup, child_setup) = packet::packet_pair().map_err(Failed::at("make a socket"))?;
    let (control, child_control) = packet::packet_pair().map_err(Failed::at("make a socket"))?;
    let (log, child_log) = log_pipe().map_err(Failed::at("make a pipe"))?;
    let listener = packet::listen_at(&record::dir(spec.key).join(SOCKET))
        .map_err(Failed::at("open the shim's socket"))?;
    let (holder, namespaces) = join(order).map_err(Failed::at("join what agents share"))?;
    let shared = namespaces.as_ref().map_or(Ok(Vec::new()), Namespaces::names);
    let shared = shared.map_err(Failed::at("read what agents share"))?;
    let (pid, pidfd) = match begin_child(namespaces.as_ref())? {
        Cloned::Child => {
            drop((setup, control, log, listener, holder));
            let inherited = Inherited {
                setup: child_setup,
                control: child_control,
                log: child_log,
                trees,
                namespaces,
            };
            become_first(order, inherited);
        }
        Cloned::Parent { pid, pidfd } => (pid, pidfd),
    };
    let guard = KillOnDrop(Some(pidfd));
    if order.runtime.is_some() {
        // Waits for the process that the runtime will start, which inherits only the other socket.
        packet::send(&control, b"setup", &[child_setup.as_fd()])
            .map_err(Failed::at("reach what the runtime starts"))?;
    }
    drop((child_setup, child_control, child_log, trees, namespaces));
    if order.commons.is_none() {
        write_maps(pid, order.uids).map_err(Failed::at("write the id maps"))?;
    }
    packet::send(&setup, b"mapped", &[]).map_err(Failed::at("release the child"))?;
    // While the child builds: moving a process may wait for the whole kernel, some milliseconds.
    groups.admit(pid).map_err(Failed::at("enter the control groups"))?;
    packet::send(&setup, b"admitted", &[]).ok();
    let gate = Gate::new(order, &groups, shared).map_err(Failed::at("measure the launcher"))?;
    let heard = hear_child(&setup, order, &gate, pid, isolation);
    let heard = heard.map_err(|failed| failed.with_log(order, &log))?;
    let Heard { sockets, socket_fds, posture, .. } = heard;
    rustix::io::ioctl_fionbio(&control, true)
        .map_err(|e| Failed::at("set up a socket")(e.into()))?;
    let running = Running {
        key: spec.key,
        pidfd: guard.keep().map_err(Failed::at("keep the child"))?,
        control,
        log,
        log_left: LOG_BYTES,
        listener,
        sockets,
        socket_fds,
        groups,
        memory_bytes: spec.limits.memory_bytes,
        deadline: Instant::now() + Duration::from_millis(spec.lifetime_ms),
        started_by: order.runtime.as_ref().map_or(StartedBy::Shim, |_| StartedBy::Runtime),
        holder,
    };
    Ok((running, posture))
}

/// What the first process says goes in at its end, and is read here without waiting.
fn log_pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let flags = rustix::pipe::PipeFlags::CLOEXEC | rustix::pipe::PipeFlags::NONBLOCK;
    Ok(rustix::pipe::pipe_with(flags)?)
}

/// The connection to the holder, and the namespaces it keeps, where the sandbox is shared.
fn join(order: &ShimOrder) -> io::Result<(Option<OwnedFd>, Option<Namespaces>)> {
    let Some(commons) = order.commons else { return Ok((None, None)) };
    let Joined { connection, namespaces } = commons::join(commons, order.spec.key)?;
    Ok((Some(connection), Some(namespaces)))
}

/// As the child: becomes the first process, or ends.
fn become_first(order: &ShimOrder, inherited: Inherited) -> ! {
    match &order.runtime {
        None => child::run(order, inherited),
        Some(runtime) => oci::outside::run(order, runtime, inherited),
    }
    std::process::exit(1)
}

/// Forks into namespaces of its own, or into the process namespace that is shared.
fn begin_child(shared: Option<&Namespaces>) -> Result<Cloned, Failed> {
    let Some(shared) = shared else {
        return sys::clone_into_namespaces().map_err(|error| Failed {
            kind: FailureKind::Isolation,
            reason: format!(
                "create namespaces: {error}; are user namespaces allowed on this host?"
            ),
        });
    };
    // For children only: nobody inside ever sees the shim.
    let entered = setns(&shared.pid, CloneFlags::CLONE_NEWPID).map_err(io::Error::from);
    entered.and_then(|()| sys::clone_child()).map_err(Failed::at("enter the process namespace"))
}

/// Ends the child if its building fails half-way.
struct KillOnDrop(Option<OwnedFd>);

impl KillOnDrop {
    fn keep(mut self) -> io::Result<OwnedFd> {
        self.0.take().ok_or_else(|| io::Error::other("kept already"))
    }
}

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        if let Some(pidfd) = &self.0 {
            // It may be dead already, which is what we want.
            rustix::process::pidfd_send_signal(pidfd, rustix::process::Signal::KILL).ok();
            waitid(WaitId::PidFd(pidfd.as_fd()), WaitIdOptions::EXITED).ok();
        }
    }
}

/// Maps the ids of a new user namespace, seen through one of its processes.
pub fn write_maps(pid: i32, uids: UidMap) -> io::Result<()> {
    let proc = Path::new("/proc").join(pid.to_string());
    let (uid_map, gid_map) = match uids {
        UidMap::Range { base } => {
            let map = format!("0 {base} {}", super::lease::RANGE);
            (map.clone(), map)
        }
        UidMap::Single { uid, gid } => {
            fs::write(proc.join("setgroups"), "deny")?;
            let agent = super::disk::AGENT_UID;
            (format!("{agent} {uid} 1"), format!("{agent} {gid} 1"))
        }
    };
    fs::write(proc.join("uid_map"), uid_map)?;
    fs::write(proc.join("gid_map"), gid_map)
}

/// What came of the child's building.
#[derive(Debug, Default)]
struct Heard {
    /// Who was measured.
    first: i32,
    sockets: Vec<(SocketKind, SocketFamily)>,
    socket_fds: Vec<OwnedFd>,
    posture: Record,
}

/// Listens to the child until it has become the guest, which closes its end. It becomes that only
/// through the gate.
fn hear_child(
    setup: &OwnedFd,
    order: &ShimOrder,
    gate: &Gate<'_>,
    pid: i32,
    isolation: &mut IsolationReport,
) -> Result<Heard, Failed> {
    let mut heard = Heard::default();
    let mut weak = Vec::new();
    while let Some(message) = packet::receive(setup).map_err(Failed::at("hear the child"))? {
        let report = serde_json::from_slice(&message.bytes).map_err(io::Error::from);
        match report.map_err(Failed::at("understand the child"))? {
            ChildReport::Sockets { sockets } => {
                (heard.sockets, heard.socket_fds) = (sockets, message.fds);
            }
            ChildReport::Ready {} => {
                heard.first = match &order.runtime {
                    None => pid,
                    Some(runtime) => oci::first_process(runtime.kind, pid)
                        .map_err(Failed::at("find what the runtime started"))?,
                };
                heard.posture = gate.admit(heard.first)?;
                packet::send(setup, b"measured", &[]).map_err(Failed::at("let the child go on"))?;
            }
            ChildReport::Weak { wall, reason } => weak.push((wall, reason)),
            ChildReport::Failed { step, reason } => {
                let kind = FailureKind::Isolation;
                return Err(Failed { kind, reason: format!("{step}: {reason}") });
            }
        }
    }
    if heard.posture == Record::default() {
        let words = "the first process ended before it could be measured".to_owned();
        return Err(Failed { kind: FailureKind::Unavailable, reason: words });
    }
    gate.confirm(heard.first)?;
    super::walls::report(order, &weak, isolation);
    super::walls::report_measured(&gate.passed(&heard.posture), isolation);
    Ok(heard)
}

/// Writes down why the sandbox ended.
pub fn end_record(key: SandboxKey, reason: &str) -> io::Result<()> {
    let dir = record::dir(key);
    record::write(&dir.join("exit.json"), &ExitRecord { reason: reason.to_owned() })
}

impl Running {
    /// Serves until the sandbox ends; gives the reason.
    fn serve(&mut self) -> String {
        let path = record::dir(self.key).join("log");
        let mut log = fs::OpenOptions::new().create(true).append(true).mode(0o600).open(path).ok();
        let mut log_open = true;
        loop {
            let left = self.deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return "its hard time limit was reached".to_owned();
            }
            // Without its records nobody can ever reach it again: somebody removed the data folder.
            if !record::dir(self.key).is_dir() {
                return "its records were removed".to_owned();
            }
            let ready = match self.wait(left.min(LOOK_AROUND), log_open) {
                Ok(ready) => ready,
                Err(error) => return format!("its shim failed: {error}"),
            };
            if ready.log {
                log_open = self.copy_log(log.as_mut());
            }
            if ready.command && self.answer_one() == Next::Stop {
                return "stopped".to_owned();
            }
            if ready.ended {
                return self.how_it_ended();
            }
            if ready.control {
                self.hear_guest();
            }
        }
    }

    fn wait(&self, left: Duration, log_open: bool) -> io::Result<Ready> {
        let input = PollFlags::IN;
        let mut fds = vec![
            PollFd::new(&self.listener, input),
            PollFd::new(&self.pidfd, input),
            PollFd::new(&self.control, input),
        ];
        if log_open {
            fds.push(PollFd::new(&self.log, input));
        }
        let timeout = Timespec::try_from(left).map_err(io::Error::other)?;
        match poll(&mut fds, Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let ready = |index: usize| fds.get(index).is_some_and(|fd| !fd.revents().is_empty());
        Ok(Ready { command: ready(0), ended: ready(1), control: ready(2), log: ready(3) })
    }

    /// Copies a piece of the guest's output; false when there will be no more.
    fn copy_log(&mut self, file: Option<&mut fs::File>) -> bool {
        let mut piece = [0_u8; 4096];
        let length = match rustix::io::read(&self.log, &mut piece[..]) {
            Ok(0) => return false,
            Ok(length) => length,
            Err(_) => return true,
        };
        let kept = length.min(self.log_left);
        self.log_left -= kept;
        if let (Some(file), Some(piece)) = (file, piece.get(..kept)) {
            // A full disk costs the log, not the sandbox.
            io::Write::write_all(file, piece).ok();
        }
        true
    }

    /// The guest has nothing to say here, but what it says must not keep the loop awake.
    fn hear_guest(&mut self) {
        if let Ok(None) = packet::receive(&self.control) {
            // TRUST: a guest that closed its socket can take no more links; end it.
            let kill = rustix::process::Signal::KILL;
            rustix::process::pidfd_send_signal(&self.pidfd, kill).ok();
        }
    }

    fn how_it_ended(&self) -> String {
        let hung_up = |holder: &OwnedFd| {
            let mut fds = [PollFd::new(holder, PollFlags::IN)];
            poll(&mut fds, Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
        };
        if self.holder.as_ref().is_some_and(hung_up) {
            return "what it shares with other agents ended".to_owned();
        }
        let options = WaitIdOptions::EXITED;
        let Ok(Some(status)) = waitid(WaitId::PidFd(self.pidfd.as_fd()), options) else {
            return "its first process ended".to_owned();
        };
        let how = describe(&status, self.started_by);
        if !self.groups.ran_out_of_memory() {
            return how;
        }
        format!("{how}; its memory of {} MiB had been used up", self.memory_bytes / MIB)
    }

    /// Waits until nothing of the sandbox is left: with its first process all others end, and their
    /// hold on the agent's disk.
    fn end_first_process(&self) {
        // It may have been reaped before.
        rustix::process::pidfd_send_signal(&self.pidfd, rustix::process::Signal::KILL).ok();
        waitid(WaitId::PidFd(self.pidfd.as_fd()), WaitIdOptions::EXITED).ok();
    }

    fn answer_one(&self) -> Next {
        let Ok(peer) = accept_with(&self.listener, SocketFlags::CLOEXEC) else {
            return Next::Serve;
        };
        // The launcher sees a broken connection and asks again.
        self.answer(&peer).unwrap_or(Next::Serve)
    }

    fn answer(&self, peer: &OwnedFd) -> io::Result<Next> {
        let caller = sockopt::socket_peercred(peer)?;
        if caller.uid != rustix::process::geteuid() {
            return Ok(Next::Serve);
        }
        sockopt::set_socket_timeout(peer, sockopt::Timeout::Recv, Some(COMMAND_WAIT))?;
        sockopt::set_socket_timeout(peer, sockopt::Timeout::Send, Some(COMMAND_WAIT))?;
        let Some(request) = packet::receive(peer)? else { return Ok(Next::Serve) };
        let reply = |reply: &ShimReply, fds: &[BorrowedFd<'_>]| {
            packet::send(peer, &serde_json::to_vec(reply)?, fds).map(drop)
        };
        match serde_json::from_slice(&request.bytes)? {
            ShimCommand::Connect {} => match self.open_link() {
                Ok(link) => reply(&ShimReply::Done {}, &[link.as_fd()])?,
                Err(error) => reply(&ShimReply::Failed { reason: error.to_string() }, &[])?,
            },
            ShimCommand::Sockets {} => {
                let fds: Vec<_> = self.socket_fds.iter().map(AsFd::as_fd).collect();
                reply(&ShimReply::Sockets { sockets: self.sockets.clone() }, &fds)?;
            }
            ShimCommand::Status {} => reply(&ShimReply::Done {}, &[])?,
            ShimCommand::Stop {} => {
                reply(&ShimReply::Done {}, &[])?;
                return Ok(Next::Stop);
            }
        }
        Ok(Next::Serve)
    }

    /// Makes a stream whose other end the guest gets over its control socket.
    fn open_link(&self) -> io::Result<OwnedFd> {
        let (ours, theirs) = rustix::net::socketpair(
            AddressFamily::UNIX,
            SocketType::STREAM,
            SocketFlags::CLOEXEC,
            None,
        )?;
        packet::send(&self.control, b"{\"type\":\"connect\"}", &[theirs.as_fd()])?;
        Ok(ours)
    }
}

/// What woke the loop.
#[derive(Debug)]
struct Ready {
    command: bool,
    ended: bool,
    control: bool,
    log: bool,
}

/// What the loop does after an answer.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    Serve,
    Stop,
}

fn describe(status: &WaitIdStatus, started_by: StartedBy) -> String {
    match (status.exit_status(), status.terminating_signal(), started_by) {
        // Runtimes say it as shells do.
        (Some(code), _, StartedBy::Runtime) if code > SIGNALLED => {
            format!("its guest was killed by signal {}", code - SIGNALLED)
        }
        (Some(code), _, _) => format!("its guest ended with code {code}"),
        (None, Some(signal), StartedBy::Shim) => format!("its guest was killed by signal {signal}"),
        (None, Some(signal), StartedBy::Runtime) => {
            format!("its runtime was killed by signal {signal}")
        }
        (None, None, _) => "its guest ended".to_owned(),
    }
}
