//! The process that starts sandboxes for the server, and the only one that may be root.
//!
//! The server starts it before it gives up its own privileges and keeps one socket to it. Each
//! request comes as a fresh stream over that socket, so requests neither wait for each other nor
//! need numbers. TRUST: the server parses hostile bytes, so what it says names no path of ours: the
//! state directory, the guest's binary and the roots of repositories were fixed at the start, keys are
//! parsed types. A repository's path is judged by [`super::repository`].

use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use protocol::ids::AgentId;
use rustix::fs::{FlockOperation, OFlags};
use serde::{Deserialize, Serialize};

use super::commons;
use super::layers;
use super::lease::UidPool;
use super::machines::{self, Answered, Problem};
use super::oci::{self, Runtime};
use super::packet;
use super::record;
use super::repository;
use super::request::{Answer, FailureKind, Request};
use super::{sys, trash};

/// Requests worked on at the same time.
const REQUESTS_MAX: usize = 128;
/// Time a git that connected has to say what it wants.
const FAR_END_WAIT: Duration = Duration::from_secs(5);
/// Time for a former launcher of the same state directory to go.
const LOCK_WAIT: Duration = Duration::from_secs(10);
const LOCK_POLL: Duration = Duration::from_millis(20);

/// What a launcher is told once, at its start.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LauncherConfig {
    /// Directory of records, disks and leases; made if absent, ours alone.
    pub state_dir: PathBuf,
    /// The guest's binary.
    pub guest: PathBuf,
    /// Where ranges of user ids come from, when root.
    pub uid_pool: UidPool,
    /// Folders below which repositories of this host may be served.
    pub repository_roots: Vec<PathBuf>,
    /// Name or path of the OCI runtime that starts sandboxes; nothing: we start them ourselves.
    pub runtime: Option<PathBuf>,
    /// Whether the agents of one owner share a sandbox, each with a workspace of its own.
    pub shared: bool,
}

/// What it says when it is ready, or why it cannot be.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Greeting {
    /// Requests may come.
    Ready {},
    /// It gives up.
    Failed {
        /// In words.
        reason: String,
    },
}

/// What every request needs.
#[derive(Debug)]
pub struct Launcher {
    /// What it was told.
    pub config: LauncherConfig,
    /// What starts the first process of sandboxes, where it is not us.
    pub runtime: Option<Runtime>,
    locks: Mutex<HashMap<AgentId, Arc<Mutex<()>>>>,
    /// Taken while a range of user ids is looked for.
    pub leases: Mutex<()>,
    /// Taken while what agents share is made or removed, before the lock of leases or layers.
    pub commons: Mutex<()>,
    /// Taken while it is judged which layers are needed, and while that changes.
    pub layers: Mutex<()>,
    active: AtomicUsize,
    /// Places for work in repositories.
    pub repositories: repository::Places,
}

/// Where a request came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Entrance {
    /// From the server itself.
    Server,
    /// From a git of the server's.
    FarEnd,
}

/// Runs the launcher until the server is gone.
pub fn run(server: OwnedFd) -> io::Result<()> {
    let Some(first) = packet::receive(&server)? else { return Ok(()) };
    let config: LauncherConfig = serde_json::from_slice(&first.bytes)?;
    let begun = begin(&config);
    let greeting = match &begun {
        Ok(_) => Greeting::Ready {},
        Err(error) => Greeting::Failed { reason: error.to_string() },
    };
    packet::send(&server, &serde_json::to_vec(&greeting)?, &[])?;
    let (_lock, runtime) = begun?;
    sys::ignore_children()?;
    let launcher = Arc::new(Launcher {
        config,
        runtime,
        locks: Mutex::default(),
        leases: Mutex::default(),
        commons: Mutex::default(),
        layers: Mutex::default(),
        active: AtomicUsize::new(0),
        repositories: repository::Places::default(),
    });
    trash::empty();
    // What cannot be brought to an end now is tried again before it is needed.
    layers::sweep().ok();
    commons::sweep(&launcher).ok();
    while let Some(message) = packet::receive(&server)? {
        for stream in message.fds {
            launcher.begin(stream, Entrance::Server)?;
        }
    }
    super::cgroup::tidy();
    Ok(())
}

/// Finds the runtime, if there is to be one, and enters the state directory.
fn begin(config: &LauncherConfig) -> io::Result<(fs::File, Option<Runtime>)> {
    let named = |what: String| move |e: io::Error| io::Error::new(e.kind(), format!("{what}: {e}"));
    if config.shared && !rustix::process::geteuid().is_root() {
        let words = "`shared` under [sandbox] needs a server that was started as root: only that one \
                     can tell the processes of agents apart that share a sandbox";
        return Err(io::Error::other(words));
    }
    if config.shared && config.runtime.is_some() {
        let words = "an OCI runtime starts no shared sandboxes: choose one of the two";
        return Err(io::Error::other(words));
    }
    let runtime = match &config.runtime {
        Some(_) if !rustix::process::geteuid().is_root() => {
            let words =
                "an OCI runtime starts sandboxes only for a server that was started as root";
            return Err(io::Error::other(words));
        }
        Some(path) => Some(oci::find(path).map_err(named("the OCI runtime".to_owned()))?),
        None => None,
    };
    let dir = format!("the state directory {}", config.state_dir.display());
    Ok((enter(&config.state_dir).map_err(named(dir))?, runtime))
}

/// Makes the state directory, checks that it is ours alone, locks it and makes it our place.
fn enter(dir: &Path) -> io::Result<fs::File> {
    if let Some(parent) = dir.parent() {
        fs::create_dir_all(parent)?;
    }
    record::make_private_dir(dir)?;
    // TRUST: its parent may belong to the server's user, who could put a link to another folder of
    // ours in its place. Checked after we are inside, so nobody can swap it meanwhile; whoever
    // renames it later renames it under our feet and changes nothing.
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::process::fchdir(rustix::fs::open(dir, flags, rustix::fs::Mode::empty())?)?;
    let meta = fs::metadata(".")?;
    use std::os::unix::fs::MetadataExt;
    if meta.uid() != rustix::process::geteuid().as_raw() || meta.mode() & 0o077 != 0 {
        return Err(io::Error::other("it belongs to somebody else or is open to others"));
    }
    for name in record::PLACES {
        record::make_private_dir(Path::new(name))?;
    }
    let lock = fs::File::open(".")?;
    let deadline = Instant::now() + LOCK_WAIT;
    loop {
        match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(lock),
            Err(rustix::io::Errno::WOULDBLOCK) if Instant::now() < deadline => {
                std::thread::sleep(LOCK_POLL);
            }
            Err(rustix::io::Errno::WOULDBLOCK) => {
                return Err(io::Error::other("another server uses it: stop that one first"));
            }
            Err(error) => return Err(error.into()),
        }
    }
}

impl Launcher {
    fn begin(self: &Arc<Self>, stream: OwnedFd, entrance: Entrance) -> io::Result<()> {
        if self.active.fetch_add(1, Ordering::SeqCst) >= REQUESTS_MAX {
            self.active.fetch_sub(1, Ordering::SeqCst);
            let words = "too many requests at once: try again".to_owned();
            return reply(&stream, Err(Problem::new(FailureKind::Unavailable, words)));
        }
        let launcher = Arc::clone(self);
        let thread = std::thread::Builder::new().name("request".to_owned());
        thread
            .spawn(move || {
                let answered = launcher.answer(&stream, entrance);
                // A server that went away meanwhile finds the result again by its key.
                reply(&stream, answered).ok();
                launcher.active.fetch_sub(1, Ordering::SeqCst);
            })
            .map(drop)
    }

    /// Takes requests from a socket until it breaks.
    fn serve_far_ends(self: &Arc<Self>, listener: OwnedFd) -> Result<Answered, Problem> {
        let launcher = Arc::clone(self);
        let thread = std::thread::Builder::new().name("far-ends".to_owned());
        thread.spawn(move || {
            loop {
                match rustix::net::accept_with(&listener, rustix::net::SocketFlags::CLOEXEC) {
                    Ok(stream) => launcher.begin_far_end(stream),
                    Err(rustix::io::Errno::INTR | rustix::io::Errno::CONNABORTED) => {}
                    Err(_) => return,
                }
            }
        })?;
        Ok(Answer::Done {}.into())
    }

    fn begin_far_end(self: &Arc<Self>, stream: OwnedFd) {
        // Who finds no place waits in the socket's queue.
        let place = self.repositories.take();
        let launcher = Arc::clone(self);
        let thread = std::thread::Builder::new().name("far-end".to_owned());
        // Without a thread the caller sees its connection end.
        let begun = thread.spawn(move || {
            let answered = launcher.answer(&stream, Entrance::FarEnd);
            reply(&stream, answered).ok();
            drop(place);
        });
        drop(begun.ok());
    }

    fn answer(self: &Arc<Self>, stream: &OwnedFd, entrance: Entrance) -> Result<Answered, Problem> {
        if entrance == Entrance::FarEnd {
            rustix::net::sockopt::set_socket_timeout(
                stream,
                rustix::net::sockopt::Timeout::Recv,
                Some(FAR_END_WAIT),
            )?;
        }
        let packet::Packet { bytes, fds } = packet::receive_all(stream)?;
        let request: Request = serde_json::from_slice(&bytes).map_err(|error| {
            Problem::new(FailureKind::Refused, format!("not a request: {error}"))
        })?;
        match (request, entrance) {
            (Request::Repository { path, task }, _) => {
                repository::work(&self.config, path, task, fds, stream)
            }
            (_, Entrance::FarEnd) => {
                let words = "only repositories are served here".to_owned();
                Err(Problem::new(FailureKind::Refused, words))
            }
            (Request::ServeFarEnds {}, Entrance::Server) => match fds.into_iter().next() {
                Some(listener) => self.serve_far_ends(listener),
                None => Err(io::Error::other("no socket came along").into()),
            },
            // Nobody waits for somebody else's archives, which may come over a network.
            (Request::Unpack { layer, org, contents }, Entrance::Server) => self
                .locked(AgentId::from_uuid(layer.uuid()), || {
                    layers::unpack::unpack(self, layer, &org, contents, &fds)
                }),
            (Request::Pack { layer, org }, Entrance::Server) => match fds.first() {
                Some(into) => layers::portable::pack::pack(self, layer, &org, into),
                None => Err(io::Error::other("no file came along").into()),
            },
            (Request::Search { layer, org, below, needles }, Entrance::Server) => {
                layers::search::search(self, layer, &org, &below, needles)
            }
            (Request::Manifest { layer, org }, Entrance::Server) => {
                layers::manifest::manifest(self, layer, &org)
            }
            (request, Entrance::Server) => self.carry_out(request),
        }
    }

    fn carry_out(&self, request: Request) -> Result<Answered, Problem> {
        match request {
            Request::Create { spec } => {
                self.locked(spec.key.agent, || machines::create(self, *spec, &self.config.guest))
            }
            Request::Find { key } => self.locked(key.agent, || machines::find(key)),
            Request::Stop { key } => self.locked(key.agent, || machines::stop(key)),
            Request::Destroy { key } => self.locked(key.agent, || machines::destroy(self, key)),
            Request::List {} => {
                let mut found = Vec::new();
                for key in record::keys(None)? {
                    found.extend(self.locked(key.agent, || machines::inspect(key))?);
                }
                Ok(Answer::Machines { machines: found }.into())
            }
            Request::Connect { key } => machines::connect(key),
            Request::Sockets { key } => machines::sockets(key),
            Request::Freeze { agent, layer } => {
                self.locked(agent, || layers::freeze(self, agent, layer))
            }
            Request::Flatten { agent, layer } => {
                self.locked(agent, || layers::flatten(self, agent, layer))
            }
            Request::Settle { layer } => layers::settle(layer),
            Request::Layers {} => Ok(Answer::Layers { layers: layers::all()? }.into()),
            Request::RemoveLayer { layer } => layers::remove(self, layer),
            Request::RemoveUnusedLayers { since_ms } => layers::remove_unused(self, since_ms),
            Request::Probe { layers } => {
                let key = machines::probe_key();
                self.locked(key.agent, || machines::probe(self, key, layers))
            }
            Request::ServeFarEnds {}
            | Request::Repository { .. }
            | Request::Unpack { .. }
            | Request::Pack { .. }
            | Request::Search { .. }
            | Request::Manifest { .. } => Err(io::Error::other("answered elsewhere").into()),
        }
    }

    /// One verb at a time for each agent.
    fn locked<T>(&self, agent: AgentId, work: impl FnOnce() -> T) -> T {
        let lock = {
            let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(locks.entry(agent).or_default())
        };
        let result = {
            let _held = lock.lock().unwrap_or_else(PoisonError::into_inner);
            work()
        };
        let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        // Two: the map's and ours. Nobody waits, so nobody misses it.
        if Arc::strong_count(&lock) == 2 {
            locks.remove(&agent);
        }
        result
    }
}

fn reply(stream: &OwnedFd, answered: Result<Answered, Problem>) -> io::Result<()> {
    let Answered { answer, fds } = answered.unwrap_or_else(|problem| {
        Answer::Failed { kind: problem.kind, reason: problem.reason }.into()
    });
    let fds: Vec<_> = fds.iter().map(std::os::fd::AsFd::as_fd).collect();
    packet::send_all(stream, &serde_json::to_vec(&answer)?, &fds)
}
