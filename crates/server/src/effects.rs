//! What a driver carries out, one file an effect.
//!
//! An effect is idempotent under its key, reports its outcome as events, and never retries by
//! itself: it fails, and the next plan decides. Dropping its future stops it.

pub mod attach;
pub mod check;
pub mod checkpoint;
pub mod choose_image;
pub mod erase;
pub mod freeze;
pub mod interrupt;
pub mod narrow;
pub mod prepare;
pub mod provision;
pub mod publish_pull_request;
pub mod push;
pub mod resolve_base;
pub mod restore;
pub mod set_up;
pub mod stop;
pub mod think;

use crate::agents::{Handle, View};
use crate::app::App;
use crate::disk;
use agent::effect::Action;
use anyhow::Result;
use protocol::delta::Delta;
use protocol::event::Event;
use protocol::failure::{Failure, Phase};
use protocol::ids::{EffectKey, Epoch, Term};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// One effect at work.
#[derive(Clone)]
pub struct Job {
    /// The server.
    pub app: Arc<App>,
    /// The agent.
    pub handle: Arc<Handle>,
    /// The lease it is done under.
    pub term: Term,
    /// Its idempotency key.
    pub key: EffectKey,
    /// Set when it is no longer wanted.
    pub cancel: CancellationToken,
}

/// A failure in the words that the user is told; tried again until attempts run out.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Failed(pub Failure);

impl Job {
    /// Reports facts under the lease.
    pub async fn report(&self, events: Vec<Event>) -> Result<()> {
        self.handle.report(events, Some(self.term)).await?;
        Ok(())
    }

    /// The agent as it is now.
    pub async fn view(&self) -> Result<Arc<View>> {
        self.handle.view().await
    }

    /// Shows watchers that something is being prepared.
    pub fn progress(
        &self,
        epoch: Epoch,
        phase: &str,
        text: impl Into<String>,
        percent: Option<u8>,
    ) {
        self.handle.live.delta(Delta::Progress {
            epoch,
            phase: phase.to_owned(),
            text: text.into(),
            percent,
        });
    }
}

/// A failure that ends the attempt.
pub fn failed(phase: Phase, code: &str, message: impl Into<String>) -> anyhow::Error {
    let message = message.into();
    if disk::says_full(&message) {
        tracing::warn!(code, message, "a disk is full");
        return Failed(disk::full(phase)).into();
    }
    Failed(Failure::new(phase, code, message)).into()
}

/// Carries out one effect.
pub async fn carry_out(job: Job, action: Action) -> Result<()> {
    match action {
        Action::ResolveBase { run } => resolve_base::run(&job, run).await,
        Action::Provision { epoch } => provision::run(&job, epoch).await,
        Action::Attach { epoch } => attach::run(&job, epoch).await,
        Action::ChooseImage { run, reference } => choose_image::run(&job, run, &reference).await,
        Action::Prepare { epoch, run } => prepare::run(&job, epoch, run).await,
        Action::SetUp { epoch, phase } => set_up::run(&job, epoch, phase).await,
        Action::Narrow { epoch } => narrow::run(&job, epoch).await,
        Action::Think { run } => think::run(&job, run).await,
        Action::Interrupt { run, epoch, because } => {
            interrupt::run(&job, run, epoch, because).await
        }
        Action::Checkpoint { run, epoch } => checkpoint::run(&job, run, epoch).await,
        Action::Push { run, pushes } => push::run(&job, run, pushes).await,
        Action::Check { run, url, commit } => check::run(&job, run, &url, &commit).await,
        Action::PublishPullRequest { run } => publish_pull_request::run(&job, run).await,
        Action::Stop { epoch, keep_disk } => stop::run(&job, epoch, keep_disk).await,
        Action::Freeze { layer, purpose } => freeze::run(&job, layer, purpose).await,
        Action::Erase => erase::run(&job).await,
    }
}
