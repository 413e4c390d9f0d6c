//! The daemon inside a sandbox: runs commands, keeps their output, reads and writes files, makes
//! trees and packs of the workspace, all at the word of the server.
//!
//! Read in this order: [`config`] how it is set up; `connection` how the server is heard and
//! `channel` how it is answered; `handle` what each request leads to; `ops`, `process`,
//! `spool`, `exec`, `kill`, `pty`, `attach`, `stream` commands and terminals; `files` file tools; `git` the workspace's
//! repositories; `forward`, `sockets`, `ports`, `owner` ports and whose connections are; [`sftp`] file transfer; [`sudo`] the way to root; [`sys`] the only unsafe code.
//!
//! Runs as process 1 of a sandbox (binary `errand-guest`) or, for work without a sandbox and for
//! tests, inside any process: [`Guest::open`], then [`Guest::serve`] for each connection.

pub mod config;
mod connection;
mod channel;
mod handle;
mod ops;
mod process;
mod spool;
mod exec;
mod kill;
mod pty;
mod attach;
mod stream;
mod files;
mod git;
mod forward;
mod sockets;
mod ports;
mod owner;
mod stats;
pub mod control;
pub mod sftp;
pub mod sudo;
pub mod sys;

pub use config::GuestConfig;
pub use connection::{Ended, ServeError};

use connection::Current;
use ops::Ops;
use protocol::link::{Fault, FaultCode};
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};

/// A guest. Dropping the last handle ends what it started.
pub struct Guest {
    config: GuestConfig,
    ops: Arc<Ops>,
    current: Current,
    indexes: git::index::Waiting,
    foreseen: files::foreseen::Foreseen,
}

impl Guest {
    /// Opens a guest in its folder, which is made if need be.
    pub fn open(config: GuestConfig) -> io::Result<Arc<Self>> {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::create_dir_all(&config.run_dir)?;
        std::fs::set_permissions(&config.run_dir, std::fs::Permissions::from_mode(0o700))?;
        let ops = Arc::new(Ops::open(&config)?);
        let (current, indexes) = (Current::default(), git::index::Waiting::default());
        let foreseen = files::foreseen::Foreseen::default();
        Ok(Arc::new(Self { config, ops, current, indexes, foreseen }))
    }

    /// Serves one connection until it ends or a newer one takes its place.
    pub async fn serve<S>(self: &Arc<Self>, stream: S) -> Result<Ended, ServeError>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        connection::serve(self, stream).await
    }

    /// Ends when a lease that the server once gave has run out.
    pub async fn lease_ended(&self) {
        self.current.lease_ended().await;
    }

    /// Takes every zombie; for process 1 only.
    pub fn reap_all(&self) {
        self.ops.supervisors.reap_all();
    }

    /// Runs blocking work with the rights of the agent's user.
    async fn as_agent<T, W>(&self, work: W) -> Result<T, Fault>
    where
        T: Send + 'static,
        W: FnOnce() -> Result<T, Fault> + Send + 'static,
    {
        as_agent(self.config.agent, work).await
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.ops.abandon();
    }
}

/// Runs blocking work on a thread whose file rights are those of this user.
async fn as_agent<T, W>(agent: Option<sys::Ids>, work: W) -> Result<T, Fault>
where
    T: Send + 'static,
    W: FnOnce() -> Result<T, Fault> + Send + 'static,
{
    // TRUST: a guest with an agent's user uses the pool for nothing else, and each piece of work
    // sets its rights first, so none runs with another's.
    let task = tokio::task::spawn_blocking(move || {
        if let Some(ids) = agent {
            sys::file_rights_of(ids).map_err(|error| {
                ops::fault(FaultCode::Failed, format!("cannot act as the agent's user: {error}"))
            })?;
        }
        work()
    });
    match task.await {
        Ok(outcome) => outcome,
        Err(_) => Err(ops::fault(FaultCode::Failed, "the operation broke off")),
    }
}
