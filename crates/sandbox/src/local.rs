//! The embedded provider: sandboxes on this host, from direct system calls.
//!
//! ```text
//! server ── requests, descriptors ──► launcher (root, or the server's own user)
//!                                        │ starts, one per sandbox
//!                                        ▼
//!                                      shim ── clone, control socket ──► guest, first process inside
//! ```
//!
//! The launcher ends with the server; shims and sandboxes go on, and the next launcher finds them in
//! the state directory. Both are roles of the binary `errand-shim`. A host that cannot give a user
//! namespace gets no sandbox: there is no switch to go without. And no sandbox is believed to be as
//! it was meant: [`measure`] compares each with its golden record before a guest runs in it.

mod request;
mod packet;
pub mod launcher;
pub mod far_end;
pub mod repository;
mod machines;
mod building;
pub mod commons;
pub mod shim;
mod child;
pub mod oci;
mod root;
mod base;
mod stack;
mod idmap;
mod disk;
pub mod layers;
mod trash;
mod etc;
mod netlink;
mod network;
mod redirect;
mod seccomp;
mod cgroup;
mod walls;
pub mod posture;
pub mod measure;
mod record;
pub mod lease;
mod sys;

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::{UnixDatagram as StdUnixDatagram, UnixStream as StdUnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use async_trait::async_trait;
use protocol::ids::{AgentId, LayerId, OrgId};
use tokio::io::{AsyncWriteExt, Interest};
use tokio::net::{UnixDatagram, UnixStream};

use self::launcher::{Greeting, LauncherConfig};
use self::packet::Packet;
use self::request::{Answer, FailureKind, RepositoryTask, Request};
use crate::isolation::IsolationReport;
use crate::provider::{
    Capabilities, Contents, Found, GatewaySocket, Layer, LinkStream, Machine, Manifest, Needle,
    Provider, ProviderError, SandboxKey, SandboxSpec,
};

/// Name of the launcher's and shims' binary, found beside the server's.
pub const SHIM_BINARY: &str = "errand-shim";
/// Name of the guest's binary, found beside the server's.
pub const GUEST_BINARY: &str = "errand-guest";

/// Where the local provider finds its parts.
#[derive(Debug, Clone)]
pub struct LocalConfig {
    /// The binary of launcher and shims.
    pub shim: PathBuf,
    /// What the launcher is told.
    pub launcher: LauncherConfig,
}

impl LocalConfig {
    /// Both binaries from one directory, the default pool of user ids.
    pub fn beside(binaries: &Path, state_dir: &Path) -> Self {
        Self {
            shim: binaries.join(SHIM_BINARY),
            launcher: LauncherConfig {
                state_dir: state_dir.to_owned(),
                guest: binaries.join(GUEST_BINARY),
                uid_pool: lease::UidPool::default(),
                repository_roots: Vec::new(),
                runtime: None,
                shared: false,
            },
        }
    }
}

/// A started launcher, from before the server gave up its privileges.
#[derive(Debug)]
pub struct LauncherHandle {
    socket: OwnedFd,
    shared: bool,
}

impl LauncherHandle {
    /// Has the launcher serve repositories of this host to whoever may connect to this socket.
    pub fn serve_far_ends(&self, listener: &OwnedFd) -> io::Result<()> {
        let (ours, theirs) = StdUnixStream::pair()?;
        packet::send(&self.socket, b"r", &[theirs.as_fd()])?;
        drop(theirs);
        let request = serde_json::to_vec(&Request::ServeFarEnds {})?;
        packet::send_all(&ours, &request, &[listener.as_fd()])?;
        ours.shutdown(std::net::Shutdown::Write)?;
        let answer = serde_json::from_slice(&packet::receive_all(&ours)?.bytes)?;
        let Answer::Done {} = answer else {
            return Err(io::Error::other(format!("the launcher answered {answer:?}")));
        };
        Ok(())
    }
}

/// Starts the launcher. Call it first of all, while the process is still what it was started as.
pub fn start_launcher(config: &LocalConfig) -> io::Result<LauncherHandle> {
    for binary in [&config.shim, &config.launcher.guest] {
        if !binary.is_file() {
            let words = format!("{} is missing: build or install it", binary.display());
            return Err(io::Error::new(io::ErrorKind::NotFound, words));
        }
    }
    let (ours, theirs) = packet::packet_pair()?;
    #[expect(clippy::disallowed_methods, reason = "the launcher is started here and only here")]
    let mut command = Command::new(&config.shim);
    command.arg("launcher").env_clear().stdin(Stdio::from(theirs)).stdout(Stdio::null());
    // Not waited for: it ends when this process does and the socket closes.
    drop(command.spawn()?);
    drop(command);
    let told = LauncherConfig {
        state_dir: std::path::absolute(&config.launcher.state_dir)?,
        guest: std::path::absolute(&config.launcher.guest)?,
        uid_pool: config.launcher.uid_pool,
        repository_roots: config.launcher.repository_roots.clone(),
        runtime: config.launcher.runtime.clone(),
        shared: config.launcher.shared,
    };
    packet::send(&ours, &serde_json::to_vec(&told)?, &[])?;
    let greeting =
        packet::receive(&ours)?.ok_or_else(|| io::Error::other("the launcher ended at once"))?;
    match serde_json::from_slice(&greeting.bytes)? {
        Greeting::Ready {} => Ok(LauncherHandle { socket: ours, shared: told.shared }),
        Greeting::Failed { reason } => Err(io::Error::other(reason)),
    }
}

/// The socket that a launcher or shim was started with, under a number that nothing inherits.
pub fn take_standard_input() -> io::Result<OwnedFd> {
    let socket = io::stdin().as_fd().try_clone_to_owned()?;
    sys::duplicate_onto(std::fs::File::open("/dev/null")?.as_fd(), 0)?;
    Ok(socket)
}

/// Sandboxes on this host.
#[derive(Debug)]
pub struct LocalProvider {
    /// Keeps message boundaries, as a datagram socket does; nothing else of that type is used.
    launcher: UnixDatagram,
    /// Whether the agents of one owner share a sandbox, whose disk cannot be frozen.
    shared: bool,
}

impl LocalProvider {
    /// Speaks to a started launcher; needs a runtime.
    pub fn new(handle: LauncherHandle) -> io::Result<Self> {
        let socket = StdUnixDatagram::from(handle.socket);
        socket.set_nonblocking(true)?;
        Ok(Self { launcher: UnixDatagram::from_std(socket)?, shared: handle.shared })
    }

    /// Keeps a large file's content beside the objects of a repository of this host, as its owner.
    pub async fn keep_large_file(
        &self,
        repository: &str,
        oid: &str,
        bytes: u64,
        content: BorrowedFd<'_>,
    ) -> Result<(), ProviderError> {
        let task = RepositoryTask::LargeFile { oid: oid.to_owned(), bytes };
        let request = Request::Repository { path: repository.to_owned(), task };
        match self.ask_with(&request, &[content]).await? {
            (Answer::Ended { code: Some(0) }, _) => Ok(()),
            (answer, _) => Err(unexpected(&answer)),
        }
    }

    /// Writes a large file of a repository of this host into a file, as the repository's owner.
    pub async fn give_large_file(
        &self,
        repository: &str,
        oid: &str,
        bytes: u64,
        into: BorrowedFd<'_>,
    ) -> Result<(), ProviderError> {
        let task = RepositoryTask::GiveLargeFile { oid: oid.to_owned(), bytes };
        let request = Request::Repository { path: repository.to_owned(), task };
        match self.ask_with(&request, &[into]).await? {
            (Answer::Ended { code: Some(0) }, _) => Ok(()),
            (answer, _) => Err(unexpected(&answer)),
        }
    }

    async fn ask(&self, request: &Request) -> Result<(Answer, Vec<OwnedFd>), ProviderError> {
        self.ask_with(request, &[]).await
    }

    async fn ask_with(
        &self,
        request: &Request,
        fds: &[BorrowedFd<'_>],
    ) -> Result<(Answer, Vec<OwnedFd>), ProviderError> {
        let packet = self.exchange(request, fds).await.map_err(|error| {
            ProviderError::Unavailable(format!("the launcher does not answer: {error}"))
        })?;
        let answer = serde_json::from_slice(&packet.bytes).map_err(|error| {
            ProviderError::Unavailable(format!("the launcher's answer is not understood: {error}"))
        })?;
        if let Answer::Failed { kind, reason } = answer {
            return Err(failure(kind, reason, request));
        }
        Ok((answer, packet.fds))
    }

    async fn exchange(&self, request: &Request, fds: &[BorrowedFd<'_>]) -> io::Result<Packet> {
        let (ours, theirs) = StdUnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let send = || packet::send(&self.launcher, b"r", &[theirs.as_fd()]);
        self.launcher.async_io(Interest::WRITABLE, send).await?;
        drop(theirs);
        let mut ours = UnixStream::from_std(ours)?;
        let text = serde_json::to_vec(request)?;
        for (bytes, fds) in packet::parts(&text, fds) {
            let send = || packet::send(&ours, bytes, fds);
            let sent = ours.async_io(Interest::WRITABLE, send).await?;
            ours.write_all(bytes.get(sent..).unwrap_or_default()).await?;
        }
        ours.shutdown().await?;
        let mut whole = Packet::default();
        while let Some(part) = ours.async_io(Interest::READABLE, || packet::receive(&ours)).await? {
            whole.bytes.extend(part.bytes);
            whole.fds.extend(part.fds);
        }
        Ok(whole)
    }

    async fn machine(&self, request: &Request) -> Result<Option<Machine>, ProviderError> {
        let (answer, _) = self.ask(request).await?;
        let Answer::Machine { machine } = answer else { return Err(unexpected(&answer)) };
        Ok(machine)
    }

    async fn layer(&self, request: &Request) -> Result<Layer, ProviderError> {
        let (answer, _) = self.ask(request).await?;
        let Answer::Layer { layer } = answer else { return Err(unexpected(&answer)) };
        Ok(layer)
    }

    async fn done(&self, request: &Request) -> Result<(), ProviderError> {
        let (answer, _) = self.ask(request).await?;
        let Answer::Done {} = answer else { return Err(unexpected(&answer)) };
        Ok(())
    }
}

fn failure(kind: FailureKind, reason: String, request: &Request) -> ProviderError {
    match (kind, request) {
        (FailureKind::NotRunning, Request::Connect { key } | Request::Sockets { key }) => {
            ProviderError::NotRunning(*key)
        }
        (FailureKind::Refused, _) => ProviderError::Refused(reason),
        (FailureKind::Isolation, _) => ProviderError::Isolation(reason),
        (FailureKind::NotRunning | FailureKind::Unavailable, _) => {
            ProviderError::Unavailable(reason)
        }
    }
}

fn unexpected(answer: &Answer) -> ProviderError {
    ProviderError::Unavailable(format!("the launcher answered something else: {answer:?}"))
}

#[async_trait]
impl Provider for LocalProvider {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            name: "local".to_owned(),
            stop_keeps_disk: true,
            gateway_sockets: true,
            snapshots: !self.shared,
        }
    }

    async fn validate(&self, layers: &[LayerId]) -> Result<IsolationReport, ProviderError> {
        let (answer, _) = self.ask(&Request::Probe { layers: layers.to_vec() }).await?;
        let Answer::Probed { isolation } = answer else { return Err(unexpected(&answer)) };
        Ok(isolation)
    }

    async fn create(&self, spec: &SandboxSpec) -> Result<Machine, ProviderError> {
        spec.check()?;
        let request = Request::Create { spec: Box::new(spec.clone()) };
        let missing = || ProviderError::Unavailable("the launcher made no machine".to_owned());
        self.machine(&request).await?.ok_or_else(missing)
    }

    async fn find(&self, key: SandboxKey) -> Result<Option<Machine>, ProviderError> {
        self.machine(&Request::Find { key }).await
    }

    async fn stop(&self, key: SandboxKey) -> Result<(), ProviderError> {
        self.done(&Request::Stop { key }).await
    }

    async fn destroy(&self, key: SandboxKey) -> Result<(), ProviderError> {
        self.done(&Request::Destroy { key }).await
    }

    async fn list(&self) -> Result<Vec<Machine>, ProviderError> {
        let (answer, _) = self.ask(&Request::List {}).await?;
        let Answer::Machines { machines } = answer else { return Err(unexpected(&answer)) };
        Ok(machines)
    }

    async fn connect(&self, key: SandboxKey) -> Result<LinkStream, ProviderError> {
        let (_, fds) = self.ask(&Request::Connect { key }).await?;
        let broken = |error: io::Error| ProviderError::Unavailable(error.to_string());
        let link = fds.into_iter().next().ok_or(ProviderError::NotRunning(key))?;
        let stream = StdUnixStream::from(link);
        stream.set_nonblocking(true).map_err(broken)?;
        Ok(Box::new(UnixStream::from_std(stream).map_err(broken)?))
    }

    async fn gateway_sockets(&self, key: SandboxKey) -> Result<Vec<GatewaySocket>, ProviderError> {
        let (answer, fds) = self.ask(&Request::Sockets { key }).await?;
        let Answer::Sockets { sockets } = answer else { return Err(unexpected(&answer)) };
        let named = sockets.into_iter().zip(fds);
        Ok(named.map(|((kind, family), fd)| GatewaySocket { kind, family, fd }).collect())
    }

    async fn freeze(&self, agent: AgentId, layer: LayerId) -> Result<Layer, ProviderError> {
        self.layer(&Request::Freeze { agent, layer }).await
    }

    async fn settle(&self, layer: LayerId) -> Result<Layer, ProviderError> {
        self.layer(&Request::Settle { layer }).await
    }

    async fn flatten(&self, agent: AgentId, layer: LayerId) -> Result<Layer, ProviderError> {
        self.layer(&Request::Flatten { agent, layer }).await
    }

    async fn unpack(
        &self,
        layer: LayerId,
        org: &OrgId,
        contents: Contents,
        archives: &[OwnedFd],
    ) -> Result<Layer, ProviderError> {
        let request = Request::Unpack { layer, org: org.clone(), contents };
        let archives: Vec<_> = archives.iter().map(AsFd::as_fd).collect();
        let (answer, _) = self.ask_with(&request, &archives).await?;
        let Answer::Layer { layer } = answer else { return Err(unexpected(&answer)) };
        Ok(layer)
    }

    async fn pack(&self, layer: LayerId, org: &OrgId, into: OwnedFd) -> Result<(), ProviderError> {
        let request = Request::Pack { layer, org: org.clone() };
        match self.ask_with(&request, &[into.as_fd()]).await? {
            (Answer::Done {}, _) => Ok(()),
            (answer, _) => Err(unexpected(&answer)),
        }
    }

    async fn search(
        &self,
        layer: LayerId,
        org: &OrgId,
        below: &[LayerId],
        needles: Vec<Needle>,
    ) -> Result<Vec<Found>, ProviderError> {
        let (org, below) = (org.clone(), below.to_vec());
        let (answer, _) = self.ask(&Request::Search { layer, org, below, needles }).await?;
        let Answer::Found { found } = answer else { return Err(unexpected(&answer)) };
        Ok(found)
    }

    async fn manifest(&self, layer: LayerId, org: &OrgId) -> Result<Manifest, ProviderError> {
        let (answer, _) = self.ask(&Request::Manifest { layer, org: org.clone() }).await?;
        let Answer::Manifest { manifest } = answer else { return Err(unexpected(&answer)) };
        Ok(manifest)
    }

    async fn layers(&self) -> Result<Vec<Layer>, ProviderError> {
        let (answer, _) = self.ask(&Request::Layers {}).await?;
        let Answer::Layers { layers } = answer else { return Err(unexpected(&answer)) };
        Ok(layers)
    }

    async fn remove_layer(&self, layer: LayerId) -> Result<(), ProviderError> {
        self.done(&Request::RemoveLayer { layer }).await
    }

    async fn remove_unused_layers(&self, since_ms: u64) -> Result<Vec<LayerId>, ProviderError> {
        let (answer, _) = self.ask(&Request::RemoveUnusedLayers { since_ms }).await?;
        let Answer::Removed { layers } = answer else { return Err(unexpected(&answer)) };
        Ok(layers)
    }
}
