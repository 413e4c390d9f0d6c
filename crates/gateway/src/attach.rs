//! Ties listening sockets to one incarnation of a sandbox, for as long as a guard is held.
//!
//! TRUST: whose connection it is follows from the socket alone. Those sockets were opened inside
//! the network namespace of that sandbox, so nobody else can connect to them, and nothing that a
//! connection says can make it another's.

use crate::address::Floor;
use crate::audit::{Audit, Ongoing, Peer, Report};
use crate::aws::{Role, Roles};
use crate::budget::{Budget, Budgets, Limits};
use crate::dependency::Dependency;
use crate::dial::{self, NoConnection};
use crate::dns::{self, Pace};
use crate::grant::Grants;
use crate::host::Authority;
use crate::model_endpoint::Models;
use crate::names::Names;
use crate::policy::Policy;
use crate::proxy;
use crate::reading::{Known, Readings};
use crate::repository::{AgentRepository, PushLimits};
use crate::resolve::Resolver;
use crate::splice;
use crate::tls::{SandboxAuthority, Trust};
use crate::transparent::{self, Destinations};
use crate::witness::{Caller, WAITING_PER_SANDBOX, Witness};
use protocol::limits::{AWS_BODIES, LARGE_FILE_TRANSFERS, MODEL_CALLS};
use protocol::link::Transport;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr, TcpListener as StdListener, UdpSocket as StdUdpSocket};
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Open connections of one sandbox.
pub const CONNECTIONS_PER_SANDBOX: usize = 512;
/// Git processes that serve one sandbox at a time.
pub const GIT_PROCESSES_PER_SANDBOX: usize = 4;
/// Time after which a connection on which no byte moves is ended.
pub const CONNECTION_IDLE: Duration = Duration::from_secs(300);
/// Pause after a failed accept, so that a shortage of descriptors does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What every sandbox's gateway shares.
pub struct Parts {
    /// What holds whatever a policy allows.
    pub floor: Floor,
    /// Resolves allowed names.
    pub resolver: Arc<dyn Resolver>,
    /// Knows where connections thought to go that no proxy was asked for.
    pub destinations: Arc<dyn Destinations>,
    /// Is told what was denied and what passed.
    pub audit: Arc<dyn Audit>,
    /// Who vouches for hosts.
    pub trust: Trust,
    /// How much an agent may send out.
    pub limits: Limits,
    /// Passes on what programs inside ask of models; none: they ask none.
    pub models: Option<Arc<dyn Models>>,
    /// Acts under roles of AWS; none: no agent has one.
    pub roles: Option<Arc<dyn Roles>>,
    /// Knows which process inside was denied something; none: nobody does.
    pub witness: Option<Arc<dyn Witness>>,
    /// Is told what sandboxes read; none: nobody is.
    pub readings: Option<Arc<dyn Readings>>,
    /// Time after which a connection on which no byte moves is ended; [`CONNECTION_IDLE`].
    pub idle: Duration,
}

/// What one sandbox may do; can be changed while it is attached.
#[derive(Clone)]
pub struct Rules {
    /// Where it may go.
    pub policy: Policy,
    /// As whom.
    pub grants: Grants,
    /// Under which role at AWS.
    pub aws: Option<Role>,
}

/// A sandbox that is to be attached.
pub struct Attaching {
    /// Its sockets.
    pub entrances: Vec<Entrance>,
    /// What it may do.
    pub rules: Rules,
    /// What git inside reaches.
    pub repositories: Repositories,
    /// The authority that it trusts.
    pub authority: SandboxAuthority,
}

/// A socket inside a sandbox, by what comes to it.
#[derive(Debug)]
pub enum Entrance {
    /// Connections to a proxy.
    Proxy(StdListener),
    /// Connections that were led here from wherever they thought to go.
    Transparent(StdListener),
    /// Questions for names.
    DnsUdp(StdUdpSocket),
    /// Questions for names, over connections.
    DnsTcp(StdListener),
}

/// The same, at work.
enum Open {
    Connections(Kind, TcpListener),
    Packets(UdpSocket),
}

/// What the connections to a socket are.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Proxy,
    Transparent,
    Dns,
}

/// What git inside a sandbox reaches through the gateway itself.
#[derive(Clone, Default)]
pub struct Repositories {
    /// Those the agent works on.
    pub own: Vec<AgentRepository>,
    /// Those it may read besides.
    pub dependencies: Vec<Dependency>,
    /// How much may be pushed at once.
    pub push: PushLimits,
}

/// The gateway of a server.
pub struct Gateway {
    parts: Arc<Parts>,
    rules: Arc<AllRules>,
    budgets: Budgets,
    ongoing: Arc<Ongoing>,
    tracker: TaskTracker,
    stop: CancellationToken,
}

type AllRules = Mutex<HashMap<Peer, Attached>>;

/// The server's end of one attached sandbox.
struct Attached {
    rules: watch::Sender<Arc<Rules>>,
    stop: CancellationToken,
    open: Connections,
    outward: Connections,
}

/// Ends the connections that are open now; later ones have another one.
#[derive(Clone)]
struct Connections(Arc<Mutex<CancellationToken>>);

/// A sandbox that cannot be attached.
#[derive(Debug, thiserror::Error)]
pub enum AttachError {
    /// This incarnation is attached already; drop its guard first.
    #[error("this sandbox is attached already")]
    Attached,
    /// A listening socket cannot be served.
    #[error("failed to serve a listening socket")]
    Listener(#[source] std::io::Error),
}

/// One connection of an attached sandbox.
#[derive(Clone)]
pub(crate) struct Attachment {
    sandbox: Arc<AttachedSandbox>,
    /// Where it comes from.
    pub(crate) caller: Caller,
}

impl Attachment {
    /// A connection, or a packet, from there.
    pub(crate) fn of(sandbox: &Arc<AttachedSandbox>, caller: Caller) -> Self {
        Self { sandbox: Arc::clone(sandbox), caller }
    }
}

impl Deref for Attachment {
    type Target = AttachedSandbox;

    fn deref(&self) -> &AttachedSandbox {
        &self.sandbox
    }
}

/// One attached sandbox, as its connections see it.
pub(crate) struct AttachedSandbox {
    pub(crate) peer: Peer,
    pub(crate) parts: Arc<Parts>,
    pub(crate) repositories: Vec<AgentRepository>,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) push: PushLimits,
    pub(crate) tracker: TaskTracker,
    pub(crate) stop: CancellationToken,
    pub(crate) git_slots: Arc<Semaphore>,
    pub(crate) large_file_slots: Arc<Semaphore>,
    pub(crate) authority: SandboxAuthority,
    pub(crate) budget: Arc<Budget>,
    pub(crate) names: Names,
    pub(crate) pace: Pace,
    pub(crate) model_slots: Arc<Semaphore>,
    ongoing: Arc<Ongoing>,
    pub(crate) aws_slots: Arc<Semaphore>,
    pub(crate) witness_slots: Semaphore,
    pub(crate) pipes: Semaphore,
    rules: watch::Receiver<Arc<Rules>>,
    open: Connections,
    outward: Connections,
    pub(crate) known: Known,
    connections: Arc<Semaphore>,
}

impl Connections {
    fn new(stop: &CancellationToken) -> Self {
        Self(Arc::new(Mutex::new(stop.child_token())))
    }

    fn now(&self) -> CancellationToken {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn end(&self, stop: &CancellationToken) {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *now, stop.child_token()).cancel();
    }
}

impl AttachedSandbox {
    /// Ends what belongs to the connections that are open now.
    pub(crate) fn open(&self) -> CancellationToken {
        self.open.now()
    }

    /// Ends what carries data out now. To be taken before the rules by which that is allowed.
    pub(crate) fn outward(&self) -> CancellationToken {
        self.outward.now()
    }

    /// What it may do now.
    pub(crate) fn rules(&self) -> Arc<Rules> {
        self.rules.borrow().clone()
    }

    /// Begins to report on a connection or request.
    pub(crate) fn report(&self, target: &Authority, method: Option<String>) -> Arc<Report> {
        let report = Report::new(&self.parts.audit, self.peer, target, method);
        self.ongoing.watch(&report);
        report
    }
}

impl Gateway {
    /// A gateway that serves nobody yet.
    pub fn new(parts: Parts) -> Self {
        Self {
            parts: Arc::new(parts),
            rules: Arc::default(),
            budgets: Budgets::default(),
            ongoing: Arc::default(),
            tracker: TaskTracker::new(),
            stop: CancellationToken::new(),
        }
    }

    /// Serves the sockets of a sandbox until the guard is dropped.
    pub fn attach(
        &self,
        peer: Peer,
        Attaching { entrances, rules, repositories, authority }: Attaching,
    ) -> Result<AttachGuard, AttachError> {
        let Repositories { own: repositories, dependencies, push } = repositories;
        let entrances = entrances
            .into_iter()
            .map(adopt)
            .collect::<Result<Vec<_>, _>>()
            .map_err(AttachError::Listener)?;
        let (sender, rules) = watch::channel(Arc::new(rules));
        let stop = self.stop.child_token();
        let (open, outward) = (Connections::new(&stop), Connections::new(&stop));
        let tracker = TaskTracker::new();
        {
            let mut all = lock(&self.rules);
            if all.contains_key(&peer) {
                return Err(AttachError::Attached);
            }
            let (stop, open, outward) = (stop.clone(), open.clone(), outward.clone());
            all.insert(peer, Attached { rules: sender, stop, open, outward });
        }
        let sandbox = Arc::new(AttachedSandbox {
            peer,
            parts: self.parts.clone(),
            repositories,
            dependencies,
            push,
            tracker: tracker.clone(),
            stop: stop.clone(),
            git_slots: Arc::new(Semaphore::new(GIT_PROCESSES_PER_SANDBOX)),
            large_file_slots: Arc::new(Semaphore::new(LARGE_FILE_TRANSFERS)),
            authority,
            budget: self.budgets.of(peer.agent, self.parts.limits),
            names: Names::default(),
            pace: Pace::default(),
            model_slots: Arc::new(Semaphore::new(MODEL_CALLS)),
            ongoing: Arc::clone(&self.ongoing),
            aws_slots: Arc::new(Semaphore::new(AWS_BODIES)),
            witness_slots: Semaphore::new(WAITING_PER_SANDBOX),
            pipes: Semaphore::new(splice::PIPES),
            rules,
            open,
            outward,
            known: Known::default(),
            connections: Arc::new(Semaphore::new(CONNECTIONS_PER_SANDBOX)),
        });
        for entrance in entrances {
            let serving = serve(entrance, sandbox.clone());
            tracker.spawn(stop.clone().run_until_cancelled_owned(serving));
        }
        tracker.close();
        self.tracker.spawn({
            let tracker = tracker.clone();
            async move { tracker.wait().await }
        });
        Ok(AttachGuard { peer, stop, tracker, rules: self.rules.clone() })
    }

    /// The addresses of a host that anybody inside may be led to; asked once, to be dialled as they are.
    pub async fn public_addresses(&self, target: &Authority) -> Result<Vec<IpAddr>, String> {
        match dial::candidates(target, &self.parts.floor, self.parts.resolver.as_ref()).await {
            Ok(sockets) => Ok(sockets.into_iter().map(|socket| socket.ip()).collect()),
            Err(NoConnection::Denied(denial)) => Err(denial.words),
            Err(NoConnection::Failed(words)) => Err(words),
        }
    }

    /// Replaces what a sandbox may do, from its next request on. Connections that were opened when it might reach
    /// more end. False if it is not attached.
    pub fn update(&self, peer: Peer, rules: Rules) -> bool {
        let all = lock(&self.rules);
        let Some(attached) = all.get(&peer) else { return false };
        let rules = Arc::new(rules);
        let before = attached.rules.send_replace(Arc::clone(&rules));
        if !rules.policy.holds_all_of(&before.policy) {
            attached.open.end(&attached.stop);
        }
        true
    }

    /// The same, and ends every connection that was opened before. False if it is not attached.
    pub fn narrow(&self, peer: Peer, rules: Rules) -> bool {
        let all = lock(&self.rules);
        let Some(attached) = all.get(&peer) else { return false };
        attached.rules.send_replace(Arc::new(rules));
        attached.open.end(&attached.stop);
        true
    }

    /// The same, and ends what carries data out: what is not opened, WebSockets, and what is being sent without a
    /// grant. What only reads goes on. False if it is not attached.
    pub fn close(&self, peer: Peer, rules: Rules) -> bool {
        let all = lock(&self.rules);
        let Some(attached) = all.get(&peer) else { return false };
        attached.rules.send_replace(Arc::new(rules));
        attached.outward.end(&attached.stop);
        true
    }

    /// Tells the audit what goes on now, as far as it was not told.
    pub fn tell_ongoing(&self) {
        self.ongoing.tell();
    }

    /// Ends everything and waits for it.
    pub async fn shut_down(&self) {
        self.stop.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }
}

/// Keeps a sandbox attached; dropping it ends its accept loops and its connections.
pub struct AttachGuard {
    peer: Peer,
    stop: CancellationToken,
    tracker: TaskTracker,
    rules: Arc<AllRules>,
}

impl AttachGuard {
    /// Whose guard it is.
    pub const fn peer(&self) -> Peer {
        self.peer
    }

    /// Ends everything of this sandbox and waits for it.
    pub async fn detach(self) {
        self.stop.cancel();
        self.tracker.wait().await;
    }
}

impl Drop for AttachGuard {
    fn drop(&mut self) {
        self.stop.cancel();
        lock(&self.rules).remove(&self.peer);
    }
}

/// No code that holds this lock can panic halfway through a change.
fn lock(rules: &AllRules) -> MutexGuard<'_, HashMap<Peer, Attached>> {
    rules.lock().unwrap_or_else(PoisonError::into_inner)
}

fn adopt(entrance: Entrance) -> std::io::Result<Open> {
    let (kind, listener) = match entrance {
        Entrance::Proxy(listener) => (Kind::Proxy, listener),
        Entrance::Transparent(listener) => (Kind::Transparent, listener),
        Entrance::DnsTcp(listener) => (Kind::Dns, listener),
        Entrance::DnsUdp(socket) => {
            socket.set_nonblocking(true)?;
            return UdpSocket::from_std(socket).map(Open::Packets);
        }
    };
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener).map(|listener| Open::Connections(kind, listener))
}

async fn serve(open: Open, sandbox: Arc<AttachedSandbox>) {
    match open {
        Open::Connections(kind, listener) => accept(kind, listener, sandbox).await,
        Open::Packets(socket) => dns::serve_packets(socket, &sandbox).await,
    }
}

async fn accept(kind: Kind, listener: TcpListener, sandbox: Arc<AttachedSandbox>) {
    loop {
        match listener.accept().await {
            Ok((stream, from)) => admit(kind, (stream, from), &sandbox),
            Err(error) => {
                tracing::warn!(%error, agent.id = %sandbox.peer.agent, "could not accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Starts serving a connection, or closes it where the sandbox has too many.
fn admit(kind: Kind, (stream, address): (TcpStream, SocketAddr), sandbox: &Arc<AttachedSandbox>) {
    let Ok(permit) = sandbox.connections.clone().try_acquire_owned() else {
        tracing::warn!(agent.id = %sandbox.peer.agent, "the sandbox has too many connections; one was closed");
        return;
    };
    let own = Arc::new(Attachment::of(sandbox, Caller { transport: Transport::Tcp, address }));
    sandbox.tracker.spawn(sandbox.open().run_until_cancelled_owned(async move {
        match kind {
            Kind::Proxy => proxy::serve(stream, own).await,
            Kind::Transparent => transparent::serve(stream, own).await,
            Kind::Dns => dns::serve_stream(stream, &own).await,
        }
        drop(permit);
    }));
}
