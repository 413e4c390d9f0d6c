//! A gateway with three sandboxes, whose entrances are on the loopback.

use super::host::{Host, NAME, listener};
use super::line::Way;
use anyhow::{Context, Result};
use futures::future::BoxFuture;
use gateway::address::{Floor, Upstream};
use gateway::attach::{
    AttachGuard, Attaching, CONNECTION_IDLE, Entrance, Gateway, Parts, Repositories, Rules,
};
use gateway::audit::{Audit, Passage, Peer, Recorded};
use gateway::budget::Limits;
use gateway::grant::Grants;
use gateway::host::Host as Name;
use gateway::pattern::Pattern;
use gateway::policy::{Denial, EgressMode, Policy};
use gateway::resolve::Resolver;
use gateway::tls::{SandboxAuthority, Trust};
use gateway::transparent::KernelDestinations;
use protocol::ids::{AgentId, Epoch};
use protocol::process::Process;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use tokio::runtime::{Builder, Runtime};

/// The host as bytes that are carried, and as one that is opened.
const RAW: &str = "raw.test";
const SANDBOXES: u8 = 3;

/// The gateway.
pub struct Doors {
    sandboxes: Vec<(SocketAddr, String)>,
    _guards: Vec<AttachGuard>,
    runtime: Option<Runtime>,
}

/// Every name of this gateway stands in its configuration.
struct NoNames;

impl Resolver for NoNames {
    fn resolve<'a>(&'a self, _: &'a str) -> BoxFuture<'a, std::io::Result<Vec<IpAddr>>> {
        Box::pin(async { Err(std::io::Error::other("no such name")) })
    }
}

/// Nobody listens.
struct Silent;

impl Audit for Silent {
    fn denied(&self, _: Peer, _: &Denial, _: Option<&Process>) {}
    fn passed(&self, _: Peer, _: &Passage) {}
    fn recorded(&self, _: Peer, _: &Recorded) {}
}

impl Doors {
    /// Opens them to this host.
    pub fn open(host: &Host) -> Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let _inside = runtime.enter();
        let gateway = gateway(host)?;
        let (mut sandboxes, mut guards) = (Vec::new(), Vec::new());
        for number in 1..=SANDBOXES {
            let authority = SandboxAuthority::new(&[number; 32], "bench", now_ms())?;
            let listener = listener()?;
            sandboxes.push((listener.local_addr()?, authority.certificate().to_owned()));
            let entries = [NAME.to_owned(), format!("{RAW}:9000")];
            let entries = entries.iter().map(|entry| Pattern::parse(entry));
            let policy = Policy::new(EgressMode::Allowlist, entries.collect::<Result<_, _>>()?);
            let attaching = Attaching {
                entrances: vec![Entrance::Proxy(listener)],
                rules: Rules { policy, grants: Grants::default(), aws: None },
                repositories: Repositories::default(),
                authority,
            };
            let agent = AgentId::from_uuid(uuid::Uuid::from_u128(u128::from(number)));
            guards.push(gateway.attach(Peer { agent, epoch: Epoch(1) }, attaching)?);
        }
        drop(_inside);
        Ok(Self { sandboxes, _guards: guards, runtime: Some(runtime) })
    }

    /// A connection that is carried, of one of the sandboxes.
    pub fn tunnel(&self, sandbox: usize) -> Result<Way> {
        Ok(Way::through(self.sandbox(sandbox)?.0, &format!("{RAW}:9000"), None))
    }

    /// A connection that is opened.
    pub fn opened(&self, sandbox: usize) -> Result<Way> {
        let (entrance, trusted) = self.sandbox(sandbox)?;
        Ok(Way::through(entrance, &format!("{NAME}:443"), Some(trusted)))
    }

    fn sandbox(&self, number: usize) -> Result<(SocketAddr, String)> {
        self.sandboxes.get(number).cloned().context("there are three sandboxes")
    }
}

impl Drop for Doors {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn gateway(host: &Host) -> Result<Gateway> {
    let at = |socket: SocketAddr| Upstream { address: socket.ip(), port: Some(socket.port()) };
    let upstreams = [(Name::parse(NAME)?, at(host.tls)), (Name::parse(RAW)?, at(host.plain))];
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(host.authority.as_bytes())?)?;
    Ok(Gateway::new(Parts {
        floor: Floor::new(upstreams.into(), vec![])?,
        resolver: Arc::new(NoNames),
        destinations: Arc::new(KernelDestinations),
        audit: Arc::new(Silent),
        trust: Trust::new(roots)?,
        limits: Limits { host: u64::MAX, agent: u64::MAX },
        models: None,
        roles: None,
        witness: None,
        readings: None,
        idle: CONNECTION_IDLE,
    }))
}

fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
