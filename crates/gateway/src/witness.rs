//! Which process inside began what was refused, as far as the sandbox tells.
//!
//! TRUST: whoever is root inside may tell anything. It is for people who read the log; nothing is judged by it.

use crate::attach::Attachment;
use crate::audit::{Audit, Peer};
use crate::policy::Denial;
use futures::future::BoxFuture;
use protocol::link::Transport;
use protocol::process::Process;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// How long a refusal waits for that; the sandbox is as slow as it makes itself.
const WAIT: Duration = Duration::from_secs(2);
/// Refusals of one sandbox that wait at a time; others do without.
pub(crate) const WAITING_PER_SANDBOX: usize = 4;

/// Knows whose sockets inside are.
pub trait Witness: Send + Sync {
    /// The process that holds the socket with this address inside.
    fn owner(&self, peer: Peer, from: Caller) -> BoxFuture<'_, Option<Process>>;
}

/// The sandbox's end of a connection, or where a packet came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// What it speaks.
    pub transport: Transport,
    /// Its address inside.
    pub address: SocketAddr,
}

/// A denial that is told when this is dropped, with what is known by then.
struct Untold<'a> {
    audit: Arc<dyn Audit>,
    peer: Peer,
    denial: &'a Denial,
    process: Option<Process>,
}

impl Drop for Untold<'_> {
    fn drop(&mut self) {
        self.audit.denied(self.peer, self.denial, self.process.as_ref());
    }
}

/// Tells of a denial, and who was denied. To be waited for before the sandbox is answered, as long as whoever asked is
/// there to be seen; that it was denied is told even if nobody waits any more.
pub(crate) async fn denied(denial: &Denial, attachment: &Attachment) {
    let audit = Arc::clone(&attachment.parts.audit);
    let mut untold = Untold { audit, peer: attachment.peer, denial, process: None };
    let Some(witness) = &attachment.parts.witness else { return };
    let Ok(_place) = attachment.witness_slots.try_acquire() else { return };
    let asking = witness.owner(attachment.peer, attachment.caller);
    untold.process = tokio::time::timeout(WAIT, asking).await.unwrap_or_default();
}
