//! An SSH server for the stock client, inside a socket that knows its caller.
//!
//! TRUST: who calls was proven when the socket was opened, so SSH itself asks for nothing. What a
//! client asks for happens inside the sandbox, as the agent's user: a shell, a command, files, a
//! connection to a port. Nothing of it touches this host.

mod key;
mod session;
mod signal;

pub use key::HostKey;

use crate::agents::Handle as AgentHandle;
use crate::api::machine::{attend, ports};
use crate::app::App;
use crate::environments;
use crate::port_stream::PortStream;
use anyhow::{Context as _, Result};
use russh::server::{Auth, ChannelOpenHandle, Config, Handler, Msg, Session, run_stream};
use russh::{Channel, MethodKind, MethodSet, SshId};
use sandbox::link::Link;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What the server calls itself.
const IDENTITY: &str = "SSH-2.0-Errand";
/// How often a quiet client is asked whether it is still there.
const KEEPALIVE: Duration = Duration::from_secs(30);
/// Names by which a client may mean the sandbox itself.
const LOOPBACK: [&str; 4] = ["localhost", "127.0.0.1", "::1", ""];

/// What a connection works on.
#[derive(Clone)]
pub struct Place {
    /// Whose machine.
    pub handle: Arc<AgentHandle>,
    /// The way in.
    pub link: Link,
    /// Who works there.
    pub principal: String,
    /// Variables of what is started.
    pub env: Arc<Vec<(String, String)>>,
    /// Ends everything of the connection.
    pub over: CancellationToken,
    /// The server's tasks.
    pub tasks: TaskTracker,
}

impl Place {
    /// For this caller at an agent whose machine is up.
    pub async fn new(
        app: &App,
        handle: Arc<AgentHandle>,
        link: Link,
        principal: String,
    ) -> Result<Self> {
        let env = Arc::new(environments::of_person(app, &handle).await?);
        let (over, tasks) = (app.shutdown.child_token(), app.tasks.clone());
        Ok(Self { handle, link, principal, env, over, tasks })
    }
}

/// Serves one client until it goes.
pub async fn serve<S>(key: &HostKey, place: Place, stream: S) -> Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let config = Config {
        server_id: SshId::Standard(Cow::Borrowed(IDENTITY)),
        methods: MethodSet::from(&[MethodKind::None][..]),
        keys: vec![key.private()],
        inactivity_timeout: None,
        keepalive_interval: Some(KEEPALIVE),
        nodelay: true,
        ..Config::default()
    };
    let over = place.over.clone();
    let _ends = over.clone().drop_guard();
    let running = run_stream(Arc::new(config), stream, Client { place }).await;
    let running = running.context("begin to speak SSH")?;
    let handle = running.handle();
    tokio::select! {
        ended = running => ended.context("speak SSH"),
        () = over.cancelled() => {
            let reason = russh::Disconnect::ByApplication;
            // A client that is gone needs no farewell.
            drop(handle.disconnect(reason, String::new(), String::new()).await);
            Ok(())
        }
    }
}

struct Client {
    place: Place,
}

impl Handler for Client {
    type Error = anyhow::Error;

    async fn auth_none(&mut self, _user: &str) -> Result<Auth> {
        Ok(Auth::Accept)
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        session: &mut Session,
    ) -> Result<()> {
        reply.accept().await;
        attend(&self.place.handle, &self.place.principal).await;
        let (place, handle) = (self.place.clone(), session.handle());
        let over = place.over.clone();
        self.place.tasks.spawn(async move {
            tokio::select! {
                () = session::serve(place, channel, handle) => {}
                () = over.cancelled() => {}
            }
        });
        Ok(())
    }

    async fn channel_open_direct_tcpip(
        &mut self,
        channel: Channel<Msg>,
        host: &str,
        port: u32,
        _originator: &str,
        _originator_port: u32,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<()> {
        let port = u16::try_from(port).ok().filter(|port| ports::checked(*port).is_ok());
        let (Some(port), true) = (port, LOOPBACK.contains(&host)) else {
            // Elsewhere is reached through the gateway, by programs inside.
            reply.reject(russh::ChannelOpenFailure::AdministrativelyProhibited).await;
            return Ok(());
        };
        let Ok(mut inside) = PortStream::connect(&self.place.link, port).await else {
            reply.reject(russh::ChannelOpenFailure::ConnectFailed).await;
            return Ok(());
        };
        reply.accept().await;
        let over = self.place.over.clone();
        self.place.tasks.spawn(async move {
            let mut outside = channel.into_stream();
            tokio::select! {
                // Either side may break off, which ends the other.
                _ = tokio::io::copy_bidirectional(&mut outside, &mut inside) => {}
                () = over.cancelled() => {}
            }
        });
        Ok(())
    }
}
