//! The hands: what the loop needs of a sandbox. The server implements it over the guest link.

use crate::journal::Stopped;
use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use protocol::failure::Failure;
use protocol::ids::Epoch;
use protocol::link::{Answer, EditFile, Exited, Fault, OpId, Request, Stream};

/// Where tools work.
///
/// The implementer owes:
///
/// - Every call names the epoch it is meant for; a machine of another epoch is never touched, the
///   answer is then [`WorkspaceError::Lost`].
/// - A connection that broke while the machine lives is mended inside: operations are named and
///   idempotent, so the request is sent again. `Lost` means that the machine of that epoch is gone
///   and the outcome will never be known.
/// - [`Request::Start`] arrives with an empty environment; the implementer puts in the variables of
///   the sandbox. TRUST: so no variable's value passes through the loop.
/// - Dropping a future or stream stops waiting, not the operation.
#[async_trait]
pub trait Workspace: Send + Sync {
    /// Waits until the run's tools may work and says on which machine.
    async fn ready(&self) -> Result<Epoch, WorkspaceGone>;

    /// One request of the guest link that is answered by one [`Answer`] (no data frames).
    async fn request(&self, epoch: Epoch, request: Request) -> Result<Answer, WorkspaceError>;

    /// An edit that is about to be requested. It may be made ready; nothing may change by it.
    async fn foresee(&self, _epoch: Epoch, _edit: EditFile) {}

    /// A command's output from these offsets on and, last, its end.
    fn follow(
        &self,
        epoch: Epoch,
        op: OpId,
        from_stdout: u64,
        from_stderr: u64,
    ) -> BoxStream<'static, Result<Followed, WorkspaceError>>;

    /// A file's raw bytes; more than `max_bytes` is a fault with code `Unsuitable`.
    async fn download(
        &self,
        epoch: Epoch,
        cwd: &str,
        path: &str,
        max_bytes: usize,
    ) -> Result<Bytes, WorkspaceError>;
}

/// An item of a followed command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Followed {
    /// Bytes of one stream, in order, without gaps.
    Output {
        /// Which stream.
        stream: Stream,
        /// The next bytes.
        bytes: Bytes,
    },
    /// The command ended; nothing follows.
    Exited(Exited),
}

/// There is no machine for this run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WorkspaceGone {
    /// Preparing it failed for good: the run ends with this.
    #[error("{0}")]
    Failed(Failure),
    /// The run is over or belongs to another server now.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// Why an operation has no outcome.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WorkspaceError {
    /// The machine of that epoch is gone; whether the operation happened is unknown.
    #[error("the machine was lost: {0}")]
    Lost(String),
    /// The guest could not do it, and says why.
    #[error(transparent)]
    Fault(#[from] Fault),
}
