//! What a sandbox reads, as far as it tells how its agent's words are to be taken: asked once before the first answer of a
//! kind is passed on, so that what follows from it holds before anybody has read it.

use crate::attach::Attachment;
use crate::audit::Peer;
use crate::heads::Problem;
use crate::host::Authority;
use futures::future::BoxFuture;
use http::StatusCode;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whose text an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// That of a public registry of packages.
    Registry,
    /// Of whoever may write at that host.
    Host,
}

/// Whether something read was taken into account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noted {
    /// It was; more of the same tells nothing new.
    Once,
    /// Not yet, as long as the agent's disk is prepared.
    Later,
}

/// Is told what is about to be read.
pub trait Readings: Send + Sync {
    /// An answer of this host is about to be asked for; what follows from that holds when this is done. Or why it
    /// could not be noted, in plain words.
    fn note(
        &self,
        peer: Peer,
        host: &Authority,
        whose: Whose,
    ) -> BoxFuture<'_, Result<Noted, String>>;
}

/// What was noted of one sandbox.
#[derive(Debug, Default)]
pub(crate) struct Known {
    registry: AtomicBool,
    host: AtomicBool,
}

impl Known {
    const fn of(&self, whose: Whose) -> &AtomicBool {
        match whose {
            Whose::Registry => &self.registry,
            Whose::Host => &self.host,
        }
    }
}

/// Whether there is anything left to be noted.
pub(crate) fn is_over(attachment: &Attachment) -> bool {
    let Known { registry, host } = &attachment.known;
    let is_known = registry.load(Ordering::Acquire) && host.load(Ordering::Acquire);
    is_known || attachment.parts.readings.is_none()
}

/// Notes what is about to be read, unless that is known.
pub(crate) async fn note(
    target: &Authority,
    whose: Whose,
    attachment: &Attachment,
) -> Result<(), Problem> {
    let known = attachment.known.of(whose);
    let Some(readings) =
        attachment.parts.readings.as_ref().filter(|_| !known.load(Ordering::Acquire))
    else {
        return Ok(());
    };
    match readings.note(attachment.peer, target, whose).await {
        Ok(Noted::Once) => known.store(true, Ordering::Release),
        Ok(Noted::Later) => {}
        Err(words) => {
            let text = format!("Errand could not note that {target} is read: {words}. Try again.");
            return Err(Problem::Answer(StatusCode::SERVICE_UNAVAILABLE, text));
        }
    }
    Ok(())
}
