//! Whole files as raw bytes, in and out.

use super::write::Draft;
use super::{expected, explain, open, resolve};
use crate::Guest;
use crate::channel::Channel;
use crate::handle::unheard;
use crate::ops::fault;
use protocol::link::{Answer, CHUNK_BYTES, Fault, FaultCode, OpId};
use std::io::{Read as _, Write as _};
use std::sync::Arc;

/// Sends a file.
pub async fn download(
    guest: &Arc<Guest>,
    channel: &Channel,
    cwd: String,
    path: String,
) -> Result<Answer, Fault> {
    let shown = path.clone();
    let (mut file, _) = guest.as_agent(move || open(&resolve(&cwd, &path)?, &path)).await?;
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        // Open already: the rights were checked then, and page-sized reads are short.
        let read = file.read(&mut buffer).map_err(|error| explain(&shown, &error))?;
        if read == 0 {
            return Ok(Answer::Done);
        }
        let piece = buffer.get(..read).unwrap_or_default();
        channel.sink.data(piece).await.map_err(unheard)?;
    }
}

/// Where a file that is received goes.
pub struct Wanted {
    /// What a relative path is relative to.
    pub cwd: String,
    /// The file.
    pub path: String,
    /// Permission bits; without, an existing file keeps its own.
    pub mode: Option<u32>,
    /// Version that the file must have.
    pub expect: Option<String>,
}

/// Receives a file, then puts it in its place. Broken off before the end, nothing has happened.
pub async fn upload(
    guest: &Arc<Guest>,
    channel: &mut Channel,
    op: &OpId,
    wanted: Wanted,
) -> Result<Answer, Fault> {
    let Wanted { cwd, path, mode, expect } = wanted;
    let shown = path.clone();
    let whole = resolve(&cwd, &path)?;
    let (place, early) = (whole.clone(), expect.clone());
    let draft = guest
        .as_agent(move || {
            early.map_or(Ok(()), |expect| expected(&place, &path, &expect))?;
            Draft::begin(&place, &path, mode)
        })
        .await?;
    let mut guard = Discard { draft: Some(draft), guest: Arc::clone(guest) };
    let mut bytes = 0;
    while let Some(piece) = channel.source.receive().await.map_err(unheard)? {
        let Some(draft) = &mut guard.draft else { break };
        draft.file.write_all(&piece).map_err(|error| explain(&shown, &error))?;
        bytes += piece.len() as u64;
    }
    super::once(guest, op, move || {
        let lost = || fault(FaultCode::Failed, "the operation broke off");
        // Again: a large file takes a while to arrive.
        expect.map_or(Ok(()), |expect| expected(&whole, &shown, &expect))?;
        let created = guard.draft.take().ok_or_else(lost)?.commit(&shown)?;
        Ok(Answer::Written { bytes, created })
    })
    .await
}

/// Removes what is left of a draft, without anybody waiting for it.
pub fn discard(guest: &Arc<Guest>, draft: Draft) {
    drop(Discard { draft: Some(draft), guest: Arc::clone(guest) });
}

/// Removes a draft with the rights of the agent's user, never with the guest's own.
struct Discard {
    draft: Option<Draft>,
    guest: Arc<Guest>,
}

impl Drop for Discard {
    fn drop(&mut self) {
        let Some(draft) = self.draft.take() else { return };
        let agent = self.guest.config.agent;
        self.guest.ops.spawn(async move {
            // Whoever waits for the answer is next, and this comes after.
            tokio::task::yield_now().await;
            let work = move || {
                draft.end();
                Ok(())
            };
            // What is left of a draft is a file that whoever looks at the folder sees.
            drop(crate::as_agent(agent, work).await);
        });
    }
}
