//! Keeps what an agent's disk holds as a layer, and says for which repositories it is.

use super::{Job, failed};
use crate::{builds, images, leaks};
use anyhow::Result;
use protocol::event::{Event, SnapshotPurpose};
use protocol::failure::{Failure, Phase};
use protocol::ids::LayerId;
use sandbox::provider::{LayerSize, ProviderError};
use std::time::Instant;

/// Freezes, writes out, notes, and only then tells: a crash in between is gone through again, and
/// nothing begins with a layer that a power cut could still damage.
pub async fn run(job: &Job, layer: LayerId, purpose: SnapshotPurpose) -> Result<()> {
    let provider = &job.app.provider;
    let began = Instant::now();
    if let Err(error) = freeze(job, layer).await {
        return refuse(job, error).await;
    }
    let freeze_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    // Not more lasting than the disk it was, and nobody waits for it to be.
    let mut size = LayerSize::default();
    if purpose != SnapshotPurpose::Fork {
        let view = job.view().await?;
        let living = view.living()?;
        if purpose == SnapshotPurpose::Environment {
            let whose = (&job.handle.org, job.handle.id);
            let found = leaks::found(&job.app, whose, layer, living).await?;
            if !found.is_empty() {
                let failure =
                    Failure::new(Phase::Sandbox, "snapshot_holds_secrets", leaks::words(&found));
                return job
                    .report(vec![Event::SnapshotFailed { key: job.key.clone(), failure }])
                    .await;
            }
        }
        match provider.settle(layer).await {
            Ok(settled) => {
                builds::keep(&job.app, &job.handle, living, &settled).await?;
                size = settled.size.unwrap_or_default();
            }
            Err(error) => return refuse(job, error).await,
        }
    }
    let (key, bytes, files) = (job.key.clone(), size.bytes, size.files);
    job.report(vec![Event::SnapshotMade { key, layer, bytes, files, freeze_ms }]).await
}

/// A disk that was frozen often stands on many layers, of which only so many are mounted together: then
/// they are merged first.
async fn freeze(job: &Job, layer: LayerId) -> Result<(), ProviderError> {
    let (provider, agent) = (&job.app.provider, job.handle.id);
    let refused = match provider.freeze(agent, layer).await {
        Ok(_) => return Ok(()),
        Err(refused @ ProviderError::Refused(_)) => refused,
        Err(other) => return Err(other),
    };
    // The same however often it is asked for.
    let merged = images::layer_named(["below", &layer.to_string()].into_iter());
    match provider.flatten(agent, merged).await {
        Ok(_) => provider.freeze(agent, layer).await.map(drop),
        // It was refused for another reason, which holds for this too.
        Err(ProviderError::Refused(_)) => Err(refused),
        Err(other) => Err(other),
    }
}

async fn refuse(job: &Job, error: ProviderError) -> Result<()> {
    let words = format!("the disk could not be kept: {error}");
    match error {
        ProviderError::Refused(_) | ProviderError::Isolation(_) => {
            let failure = Failure::new(Phase::Sandbox, "snapshot_refused", words);
            job.report(vec![Event::SnapshotFailed { key: job.key.clone(), failure }]).await
        }
        ProviderError::NotRunning(_) | ProviderError::Unavailable(_) => {
            Err(failed(Phase::Sandbox, "snapshot_failed", words))
        }
    }
}
