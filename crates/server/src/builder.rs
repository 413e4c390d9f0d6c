//! A machine that makes layers: a sandbox like every other, with the same walls, limits and gateway,
//! that belongs to no agent and lives only as long as what it is for; also one that checks a pushed commit.

use crate::app::App;
use crate::effects::failed;
use crate::sandbox_spec;
use anyhow::{Context, Result};
use gateway::attach::{AttachGuard, Attaching, Repositories, Rules};
use gateway::audit::Peer;
use protocol::failure::Phase;
use protocol::ids::{AgentId, Epoch, LayerId, OrgId, Term};
use protocol::link::{Exited, Hello, OpId, Request, Start, Stdin, User, VERSION};
use sandbox::link::{Follow, Followed, Link, LinkError, Offsets, PortWriter};
use sandbox::provider::{ProviderError, SandboxKey};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Layers on which one more is merged with them.
const DEEP: usize = 30;
/// What every script of ours is run by.
const SHELL: &str = "/bin/sh";
/// Output kept of a command.
const OUTPUT_BYTES: u64 = 1024 * 1024;
/// End of the output that a failure shows.
const SHOWN_BYTES: usize = 2000;

/// Machines of builds that are under way; nobody sweeps them away.
#[derive(Default)]
pub struct Builders {
    at_work: Mutex<BTreeSet<AgentId>>,
}

impl Builders {
    /// Whether this machine is one.
    pub fn has(&self, agent: AgentId) -> bool {
        self.at_work.lock().unwrap_or_else(PoisonError::into_inner).contains(&agent)
    }
}

/// Trying again leads nowhere: somebody has to change what is built.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unfit(pub String);

/// A machine on a layer. What is left of it when it is dropped is the sweeper's business.
pub struct Machine<'a> {
    app: &'a App,
    org: &'a OrgId,
    /// Set when nobody waits for it any more.
    cancel: &'a CancellationToken,
    id: AgentId,
    epoch: Epoch,
    layers: Vec<LayerId>,
    /// What may leave, and whose log is told of what was refused; without it nothing leaves.
    network: Option<(Peer, Rules)>,
    up: Option<Up>,
    commands: u32,
}

struct Up {
    link: Link,
    _gateway: Option<AttachGuard>,
}

/// A command.
pub struct Command {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Its variables.
    pub env: Vec<(String, String)>,
    /// Where it runs.
    pub cwd: String,
    /// Who runs it.
    pub user: User,
    /// Time for it, in milliseconds.
    pub timeout_ms: u64,
}

impl<'a> Machine<'a> {
    /// One that is yet to be started, and reaches nothing.
    pub fn new(
        app: &'a App,
        org: &'a OrgId,
        layer: LayerId,
        cancel: &'a CancellationToken,
    ) -> Self {
        Self::over(app, org, vec![layer], cancel)
    }

    /// The same on several layers, or on none: then with the host's programs and an empty disk.
    pub fn over(
        app: &'a App,
        org: &'a OrgId,
        layers: Vec<LayerId>,
        cancel: &'a CancellationToken,
    ) -> Self {
        let id = AgentId::from_uuid(Uuid::now_v7());
        app.builders.at_work.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
        let epoch = Epoch(0);
        Self { app, org, cancel, id, epoch, layers, network: None, up: None, commands: 0 }
    }

    /// Lets it reach what these rules allow, from when it is started next.
    pub fn reach(&mut self, peer: Peer, rules: Rules) {
        self.network = Some((peer, rules));
    }

    const fn key(&self) -> SandboxKey {
        SandboxKey { agent: self.id, epoch: self.epoch }
    }

    /// The link to it, which is started if need be.
    pub async fn link(&mut self) -> Result<Link> {
        if let Some(up) = &self.up {
            return Ok(up.link.clone());
        }
        self.epoch = Epoch(self.epoch.0 + 1);
        let key = self.key();
        let authority = self.app.seeds.authority(key)?;
        let trusted = authority.certificate();
        let spec = sandbox_spec::builder(&self.app.config, self.org, key, &self.layers, trusted);
        let provider = &self.app.provider;
        provider.create(&spec).await.map_err(refused)?;
        let stream = provider.connect(key).await.context("connect to the guest")?;
        let hello = Hello { version: VERSION, agent: self.id, epoch: self.epoch, term: Term(1) };
        let link = Link::connect(stream, hello).await.context("greet the guest")?;
        let gateway = if let Some((peer, rules)) = self.network.clone() {
            let sockets = provider.gateway_sockets(key).await.context("take its sockets")?;
            let entrances = sandbox_spec::entrances(sockets);
            let repositories = Repositories::default();
            let attaching = Attaching { entrances, rules, repositories, authority };
            Some(self.app.gateway.attach(peer, attaching)?)
        } else {
            None
        };
        self.up = Some(Up { link: link.clone(), _gateway: gateway });
        Ok(link)
    }

    /// Runs a command to its end; gives the end of what it printed, all of which is told.
    pub async fn run(&mut self, command: Command, tell: impl Fn(&str)) -> Result<(Exited, String)> {
        let link = self.with_shell().await?;
        let start = self.start(command)?;
        let op = start.op.clone();
        link.start(start).await.map_err(not_started)?;
        let mut follow = link.follow(op.clone(), Offsets::default()).await?;
        let ended = self.cancel.run_until_cancelled(to_end(&mut follow, tell)).await;
        let ended = ended.unwrap_or_else(|| Err(unwanted()))?;
        link.ack(op).await?;
        Ok(ended)
    }

    /// Starts a command that is written to, or whose output is taken as it is.
    pub async fn pipe(&mut self, command: Command) -> Result<(Follow, PortWriter)> {
        let link = self.with_shell().await?;
        let start = Start { stdin: Stdin::Open, ..self.start(command)? };
        link.exec(start).await.map_err(not_started)
    }

    async fn with_shell(&mut self) -> Result<Link> {
        let link = self.link().await?;
        let (cwd, path) = ("/".to_owned(), SHELL.to_owned());
        match link.request(Request::Stat { cwd, path, follow: true }).await {
            Ok(_) => Ok(link),
            Err(LinkError::Fault(_)) => Err(Unfit(format!("the image has no {SHELL}")).into()),
            Err(error) => Err(error.into()),
        }
    }

    fn start(&mut self, command: Command) -> Result<Start> {
        self.commands += 1;
        Ok(Start {
            op: OpId::parse(&format!("builder:{}", self.commands))?,
            argv: command.argv,
            cwd: command.cwd,
            env: command.env,
            user: command.user,
            timeout_ms: Some(command.timeout_ms),
            stdin: Stdin::Null,
            pty: None,
            output_cap: OUTPUT_BYTES,
        })
    }

    /// Makes what its disk holds into this layer, on which it goes on. `below` is what it stood on.
    pub async fn keep(&mut self, below: LayerId, layer: LayerId) -> Result<()> {
        self.up = None;
        let provider = &self.app.provider;
        provider.stop(self.key()).await.context("stop the machine")?;
        let layers = provider.layers().await.context("list layers")?;
        let below = layers.iter().find(|known| known.id == below).context("a layer is gone")?;
        if below.below.len() < DEEP {
            provider.freeze(self.id, layer).await.map_err(refused)?;
        } else {
            // Agents, their builds and forks need room above.
            let between = LayerId::from_uuid(Uuid::now_v7());
            provider.freeze(self.id, between).await.map_err(refused)?;
            provider.flatten(self.id, layer).await.map_err(refused)?;
        }
        provider.settle(layer).await.map_err(refused)?;
        Ok(())
    }

    /// Ends it, and removes its disk; also where whoever waits for that is stopped meanwhile.
    pub async fn end(mut self) {
        self.up = None;
        if self.epoch == Epoch(0) {
            return;
        }
        let (provider, key) = (Arc::clone(&self.app.provider), self.key());
        let ending = self.app.tasks.spawn(async move {
            if let Err(error) = provider.destroy(key).await {
                tracing::warn!(sandbox = %key, %error, "the sweeper will end this machine");
            }
        });
        // It has told the log what went wrong.
        ending.await.ok();
    }
}

impl Drop for Machine<'_> {
    fn drop(&mut self) {
        let builders = &self.app.builders;
        builders.at_work.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

/// Takes what a command prints, up to its end; gives the end of it.
pub async fn to_end(follow: &mut Follow, tell: impl Fn(&str)) -> Result<(Exited, String)> {
    let mut kept = String::new();
    loop {
        match follow.next().await? {
            Followed::Exited(exited) => return Ok((exited, kept)),
            Followed::Stdout(bytes) | Followed::Stderr(bytes) => {
                tell(String::from_utf8_lossy(&bytes).trim_end());
                keep_end(&mut kept, &bytes);
            }
        }
    }
}

/// Keeps the end of what was said.
pub fn keep_end(said: &mut String, bytes: &[u8]) {
    said.push_str(&String::from_utf8_lossy(bytes));
    let cut = said.len().saturating_sub(SHOWN_BYTES);
    let cut = (cut..said.len()).find(|at| said.is_char_boundary(*at)).unwrap_or(0);
    said.drain(..cut);
}

/// The machine is ended with the step; were it only dropped, the step would go on for a while.
fn unwanted() -> anyhow::Error {
    failed(Phase::SetUp, "build_cancelled", "nobody waits for it any more")
}

/// What the image lacks does not come by trying again.
fn not_started(error: LinkError) -> anyhow::Error {
    match error {
        LinkError::Fault(fault) => Unfit(format!("could not be started: {}", fault.message)).into(),
        error => error.into(),
    }
}

fn refused(error: ProviderError) -> anyhow::Error {
    match error {
        ProviderError::Refused(words) => Unfit(words).into(),
        error => error.into(),
    }
}
