//! A gateway with one sandbox attached, a resolver that answers from a table, and small upstreams.

use futures::future::BoxFuture;
use gateway::address::{Floor, Upstream};
use gateway::attach::{AttachGuard, Attaching, Entrance, Gateway, Parts, Repositories, Rules};
use gateway::audit::{Audit, Passage, Peer, Recorded};
use gateway::aws::{Role, Roles};
use gateway::budget::Limits;
use gateway::grant::Grants;
use gateway::host::Host;
use gateway::model_endpoint::Models;
use gateway::pattern::Pattern;
use gateway::policy::{Denial, EgressMode, Policy};
use gateway::reading::Readings;
use gateway::resolve::Resolver;
use gateway::tls::{SandboxAuthority, Trust};
use gateway::transparent::Destinations;
use gateway::witness::Witness;
use protocol::ids::{AgentId, Epoch};
use protocol::process::Process;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// Longest time any test waits for anything.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// What the audit was told.
#[derive(Debug)]
pub enum Seen {
    Denied(Denial, Option<Process>),
    Passed(Passage),
    Recorded(Recorded),
}

struct Told(mpsc::UnboundedSender<Seen>);

impl Told {
    fn tell(&self, seen: Seen) {
        // The test may be over already.
        self.0.send(seen).unwrap_or_default();
    }
}

impl Audit for Told {
    fn denied(&self, _: Peer, denial: &Denial, process: Option<&Process>) {
        self.tell(Seen::Denied(denial.clone(), process.cloned()));
    }
    fn passed(&self, _: Peer, passage: &Passage) {
        self.tell(Seen::Passed(passage.clone()));
    }
    fn recorded(&self, _: Peer, recorded: &Recorded) {
        self.tell(Seen::Recorded(recorded.clone()));
    }
}

/// Answers from a table and remembers every question.
#[derive(Default)]
pub struct Table {
    answers: Mutex<BTreeMap<String, Vec<Vec<IpAddr>>>>,
    asked: Mutex<Vec<String>>,
}

impl Table {
    /// The answers to give for a name, one list per question; the last one stays.
    pub fn set(&self, name: &str, answers: &[&[&str]]) {
        let parse = |list: &&[&str]| list.iter().map(|text| text.parse().unwrap()).collect();
        self.answers.lock().unwrap().insert(name.to_owned(), answers.iter().map(parse).collect());
    }

    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Resolver for Table {
    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, std::io::Result<Vec<IpAddr>>> {
        self.asked.lock().unwrap().push(name.to_owned());
        let mut answers = self.answers.lock().unwrap();
        let found = answers.get_mut(name).map(|lists| {
            if lists.len() > 1 {
                lists.remove(0)
            } else {
                lists.first().cloned().unwrap_or_default()
            }
        });
        Box::pin(async move { found.ok_or_else(|| std::io::Error::other("no such name")) })
    }
}

/// Where every connection thought to go.
pub struct Goal(Mutex<SocketAddr>);

impl Goal {
    pub fn set(&self, goal: &str) {
        *self.0.lock().unwrap() = goal.parse().unwrap();
    }
}

impl Destinations for Goal {
    fn of(&self, _: &TcpStream) -> std::io::Result<SocketAddr> {
        Ok(*self.0.lock().unwrap())
    }
}

pub struct World {
    pub gateway: Gateway,
    pub guard: Option<AttachGuard>,
    pub address: SocketAddr,
    /// Where connections are served that no proxy was asked for, and where names are.
    pub transparent: SocketAddr,
    pub dns_udp: SocketAddr,
    pub dns_tcp: SocketAddr,
    pub goal: Arc<Goal>,
    pub resolver: Arc<Table>,
    pub seen: mpsc::UnboundedReceiver<Seen>,
    /// The certificate that the sandbox trusts.
    pub certificate: String,
}

pub struct Plan<'a> {
    pub mode: EgressMode,
    pub allow: &'a [&'a str],
    pub upstreams: &'a [(&'a str, SocketAddr)],
    pub repositories: Repositories,
    pub grants: Grants,
    pub roots: rustls::RootCertStore,
    pub limits: Limits,
    pub models: Option<Arc<dyn Models>>,
    pub roles: Option<Arc<dyn Roles>>,
    pub aws: Option<Role>,
    pub readings: Option<Arc<dyn Readings>>,
    pub witness: Option<Arc<dyn Witness>>,
    pub idle: Duration,
}

impl Default for Plan<'_> {
    fn default() -> Self {
        let mode = EgressMode::Allowlist;
        Self {
            mode,
            allow: &[],
            upstreams: &[],
            repositories: Repositories::default(),
            grants: Grants::default(),
            roots: rustls::RootCertStore::empty(),
            limits: Limits::default(),
            models: None,
            roles: None,
            aws: None,
            readings: None,
            witness: None,
            idle: PATIENCE,
        }
    }
}

pub fn peer(number: u64) -> Peer {
    let agent = AgentId::from_uuid(uuid::Uuid::from_u128(u128::from(number)));
    Peer { agent, epoch: Epoch(1) }
}

pub fn policy(mode: EgressMode, allow: &[&str]) -> Policy {
    Policy::new(mode, allow.iter().map(|entry| Pattern::parse(entry).unwrap()).collect())
}

#[expect(
    clippy::disallowed_methods,
    reason = "certificates are compared with the clock of this machine"
)]
fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

/// The authority of one sandbox.
pub fn authority(number: u8) -> SandboxAuthority {
    SandboxAuthority::new(&[number; 32], "test", now_ms()).unwrap()
}

pub fn rules(mode: EgressMode, allow: &[&str]) -> Rules {
    Rules { policy: policy(mode, allow), grants: Grants::default(), aws: None }
}

/// A sandbox without a socket.
pub fn attaching() -> Attaching {
    Attaching {
        entrances: vec![],
        rules: rules(EgressMode::Open, &[]),
        repositories: Repositories::default(),
        authority: authority(1),
    }
}

impl World {
    pub fn new(plan: Plan<'_>) -> Self {
        let upstreams = plan.upstreams.iter().map(|(name, socket)| {
            let upstream = Upstream { address: socket.ip(), port: Some(socket.port()) };
            (Host::parse(name).unwrap(), upstream)
        });
        let (sender, seen) = mpsc::unbounded_channel();
        let resolver = Arc::new(Table::default());
        let goal = Arc::new(Goal(Mutex::new("192.0.2.1:443".parse().unwrap())));
        let gateway = Gateway::new(Parts {
            floor: Floor::new(upstreams.collect(), vec!["93.184.216.34".parse().unwrap()]).unwrap(),
            resolver: resolver.clone(),
            destinations: goal.clone(),
            audit: Arc::new(Told(sender)),
            trust: Trust::new(plan.roots).unwrap(),
            limits: plan.limits,
            models: plan.models,
            roles: plan.roles,
            witness: plan.witness,
            readings: plan.readings,
            idle: plan.idle,
        });
        let listen = || {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            (listener.local_addr().unwrap(), listener)
        };
        let (address, proxy) = listen();
        let (transparent, led) = listen();
        let (dns_tcp, questions) = listen();
        let packets = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let dns_udp = packets.local_addr().unwrap();
        let entrances = vec![
            Entrance::Proxy(proxy),
            Entrance::Transparent(led),
            Entrance::DnsTcp(questions),
            Entrance::DnsUdp(packets),
        ];
        let authority = authority(1);
        let certificate = authority.certificate().to_owned();
        let rules = Rules { grants: plan.grants, aws: plan.aws, ..rules(plan.mode, plan.allow) };
        let attaching = Attaching { entrances, rules, repositories: plan.repositories, authority };
        let guard = Some(gateway.attach(peer(1), attaching).unwrap());
        Self {
            gateway,
            guard,
            address,
            transparent,
            dns_udp,
            dns_tcp,
            goal,
            resolver,
            seen,
            certificate,
        }
    }

    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends bytes on a fresh connection and reads until the far end closes.
    pub async fn exchange(&self, bytes: &str) -> String {
        let mut stream = self.connect().await;
        // A gateway that has heard enough may close before everything is sent.
        stream.write_all(bytes.as_bytes()).await.unwrap_or_default();
        read_all(&mut stream).await
    }

    /// The next thing the audit is told.
    pub async fn next(&mut self) -> Seen {
        tokio::time::timeout(PATIENCE, self.seen.recv()).await.unwrap().unwrap()
    }

    pub async fn denied(&mut self) -> Denial {
        match self.next().await {
            Seen::Denied(denial, _) => denial,
            other @ (Seen::Passed(_) | Seen::Recorded(_)) => panic!("expected a denial: {other:?}"),
        }
    }

    pub async fn passed(&mut self) -> Passage {
        match self.next().await {
            Seen::Passed(passage) => passage,
            other @ (Seen::Denied(..) | Seen::Recorded(_)) => {
                panic!("expected a passage: {other:?}")
            }
        }
    }
}

pub async fn read_all(stream: &mut TcpStream) -> String {
    let mut out = Vec::new();
    tokio::time::timeout(PATIENCE, stream.read_to_end(&mut out)).await.unwrap().unwrap_or_default();
    String::from_utf8_lossy(&out).into_owned()
}

/// Reads until the bytes end with this.
pub async fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut out = Vec::new();
    let reading = async {
        while !out.ends_with(end.as_bytes()) {
            out.push(stream.read_u8().await.unwrap());
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.unwrap();
    String::from_utf8(out).unwrap()
}

/// A server that answers one connection with fixed bytes once the request ends with `end`, and
/// hands over what it was sent.
pub struct Once {
    pub address: SocketAddr,
    serving: tokio::task::JoinSet<String>,
}

impl Once {
    pub async fn serve(end: &'static str, answer: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut serving = tokio::task::JoinSet::new();
        serving.spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let got = read_until(&mut stream, end).await;
            stream.write_all(answer.as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
            got
        });
        Self { address, serving }
    }

    pub async fn got(mut self) -> String {
        tokio::time::timeout(PATIENCE, self.serving.join_next()).await.unwrap().unwrap().unwrap()
    }
}
