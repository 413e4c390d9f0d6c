//! The keys that wrap those of stored values (`store::vault`): who changes them, and wrapping the values anew beside
//! everything else, also after a restart in the middle of it.

pub mod kms;

use crate::api::error::{ApiError, ApiResult};
use crate::app::App;
use crate::audit::by_people::{Deed, note};
use crate::audit::windows::object;
use crate::auth::Caller;
use crate::clock::now_ms;
use anyhow::{Context, Result};
use axum::http::StatusCode;
use protocol::api::agents::DoctorCheck;
use protocol::api::vault::{VaultBody, VaultGeneration, VaultRemoved};
use protocol::ids::OrgId;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use store::Error;
use store::audit::NewRecord;
use store::vault::{Kept, Rewrapped, VaultState};

/// The change from one key to the next.
#[derive(Debug, Default)]
pub struct Rotation {
    /// Values are being wrapped anew.
    is_going_on: AtomicBool,
    /// Values that did not open the last time.
    refused: AtomicU64,
}

/// Only one at a time wraps values; ends when dropped.
struct Turn(Arc<Rotation>);

impl Turn {
    fn take(rotation: &Arc<Rotation>) -> Option<Self> {
        let was = rotation.is_going_on.swap(true, Ordering::AcqRel);
        (!was).then(|| Self(Arc::clone(rotation)))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.is_going_on.store(false, Ordering::Release);
    }
}

/// The keys, and how far a change is.
pub async fn shown(app: &App) -> Result<VaultBody> {
    let state = app.store.vault().await.context("look at the vault")?;
    let rotating = app.rotation.is_going_on.load(Ordering::Acquire);
    let waiting = state.waiting();
    let refused = app.rotation.refused.load(Ordering::Relaxed).min(waiting);
    let generation = |one: store::vault::Generation| {
        let (kept, kms_key) = match one.kept {
            Kept::File => ("file", None),
            Kept::Service(name) => ("kms", Some(name)),
        };
        VaultGeneration {
            generation: one.number,
            kept: kept.to_owned(),
            kms_key,
            values: one.values,
            problem: one.problem,
        }
    };
    let generations = state.generations.into_iter().map(generation).collect();
    Ok(VaultBody { current: state.current, generations, rotating, waiting, refused })
}

/// Makes a new key, and begins to wrap all values with it.
pub async fn rotate(app: &Arc<App>, caller: &Caller) -> ApiResult<VaultBody> {
    let Some(turn) = Turn::take(&app.rotation) else {
        let message = "values are still being wrapped with the newest key: wait until that is over";
        return Err(ApiError::new(StatusCode::CONFLICT, "vault_rotating", message));
    };
    let generation = app.store.rotate().await.map_err(in_words)?;
    let key = if app.config.vault.kms_key.is_empty() { "file" } else { "kms" };
    let details = json!({ "generation": generation, "kept": key });
    // The key is there: whatever becomes of the record, values follow.
    app.tasks.spawn(rewrap(Arc::clone(app), turn));
    note(app, caller, Deed::plain("vault.rotated", details)).await?;
    Ok(shown(app).await?)
}

/// Removes older keys that no value needs.
pub async fn remove_older(app: &App, caller: &Caller) -> ApiResult<VaultRemoved> {
    let removed = app.store.remove_older_keys().await.map_err(in_words)?;
    if !removed.is_empty() {
        let details = json!({ "generations": removed });
        note(app, caller, Deed::plain("vault.keys_removed", details)).await?;
    }
    Ok(VaultRemoved { removed, vault: shown(app).await? })
}

/// What is wrong with a key is told to who may change them.
fn in_words(error: Error) -> ApiError {
    match &error {
        Error::Key(why) => {
            tracing::error!(why, "the vault's keys could not be changed");
            ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "vault_key", error.to_string())
        }
        Error::Full | Error::Closed | Error::Unknown | Error::Damaged(_) => {
            anyhow::Error::from(error).into()
        }
        Error::Database(_) | Error::File { .. } => anyhow::Error::from(error).into(),
    }
}

/// Goes on where an earlier server was stopped.
pub async fn resume(app: Arc<App>) {
    match app.store.vault().await {
        Ok(state) if state.waiting() > 0 => {
            if let Some(turn) = Turn::take(&app.rotation) {
                rewrap(app, turn).await;
            }
        }
        Ok(_) => {}
        Err(error) => tracing::error!(%error, "the vault could not be looked at"),
    }
}

async fn rewrap(app: Arc<App>, turn: Turn) {
    match app.shutdown.run_until_cancelled(all(&app)).await {
        Some(Ok(())) | None => {}
        Some(Err(error)) => {
            let error = format!("{error:#}");
            tracing::error!(
                error,
                "values were not all wrapped with the newest key; the next start goes on"
            );
        }
    }
    drop(turn);
}

async fn all(app: &App) -> Result<()> {
    let mut so_far = Rewrapped::default();
    while let Some(more) = app.store.rewrap(so_far.clone()).await.context("wrap values")? {
        so_far = more;
    }
    let Rewrapped { done, refused, .. } = so_far;
    app.rotation.refused.store(refused, Ordering::Relaxed);
    let generation = app.store.vault().await.context("look at the vault")?.current;
    tracing::info!(generation, done, refused, "values were wrapped with the newest key");
    let details = json!({ "generation": generation, "values": done, "refused": refused });
    let record = NewRecord {
        at_ms: now_ms(),
        kind: "vault.rewrapped",
        who: "server".to_owned(),
        subject: None,
        agent: None,
        run: None,
        details: object(details),
        event: None,
    };
    let kept = app.store.record(&OrgId::default_org(), vec![record]).await;
    kept.context("write to the audit log")
}

/// What `errand doctor` says of the keys.
pub async fn check(app: &App) -> Result<DoctorCheck> {
    let state = app.store.vault().await.context("look at the vault")?;
    let rotating = app.rotation.is_going_on.load(Ordering::Acquire);
    let (state, detail) = judged(&state, rotating, &app.config.vault.kms_key);
    Ok(DoctorCheck { name: "vault".to_owned(), state: state.to_owned(), detail })
}

fn judged(state: &VaultState, rotating: bool, kms_key: &str) -> (&'static str, String) {
    let wrong = state.generations.iter().find_map(|one| one.problem.as_ref());
    if let Some(problem) = wrong {
        return ("missing", format!("{problem}; the next start needs it"));
    }
    let (current, waiting) = (state.current, state.waiting());
    if rotating {
        return (
            "reduced",
            format!(
                "{waiting} values are still to be wrapped with generation {current} of the key"
            ),
        );
    }
    if waiting > 0 {
        return (
            "reduced",
            format!(
                "{waiting} values do not open with their older key, which therefore stays; the server's log names them: set \
             these secrets again"
            ),
        );
    }
    if state.older().next().is_some() {
        return (
            "reduced",
            "no value needs the older keys any more: errand vault remove-old".to_owned(),
        );
    }
    let is_service = |one: &store::vault::Generation| {
        one.number == current && matches!(one.kept, Kept::Service(_))
    };
    let in_kms = state.generations.iter().any(is_service);
    match (in_kms, kms_key.is_empty()) {
        (true, false) => ("ok", format!("generation {current} of the key; KMS opens it")),
        (false, true) => ("ok", format!("generation {current} of the key, in the data folder")),
        (false, false) => (
            "reduced",
            format!(
                "vault.kms_key is set, and generation {current} of the key still lies in the data folder: errand vault rotate"
            ),
        ),
        (true, true) => (
            "reduced",
            format!(
                "vault.kms_key is empty, and KMS still opens generation {current} of the key: errand vault rotate"
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::vault::Generation;

    fn state(generations: &[(u64, u64, Kept)]) -> VaultState {
        let generation = |(number, values, kept): &(u64, u64, Kept)| Generation {
            number: *number,
            values: *values,
            kept: kept.clone(),
            problem: None,
        };
        let current = generations.iter().map(|it| it.0).max().unwrap();
        VaultState { current, generations: generations.iter().map(generation).collect() }
    }

    #[test]
    fn what_is_unfinished_is_told_with_what_to_do() {
        let service = Kept::Service("arn".to_owned());
        let one = state(&[(1, 5, Kept::File)]);
        let two = state(&[(1, 5, Kept::File), (2, 1, Kept::File)]);
        let over = state(&[(1, 0, Kept::File), (2, 6, Kept::File)]);
        let moved = state(&[(3, 6, service)]);
        let mut broken = over.clone();
        broken.generations[1].problem = Some("others can read it".to_owned());
        for (state, rotating, key, expected, words) in [
            (&one, false, "", "ok", "generation 1"),
            (&one, false, "arn", "reduced", "errand vault rotate"),
            (&two, true, "", "reduced", "5 values"),
            (&two, false, "", "reduced", "set these secrets again"),
            (&over, false, "", "reduced", "errand vault remove-old"),
            (&moved, false, "arn", "ok", "KMS opens it"),
            (&moved, false, "", "reduced", "errand vault rotate"),
            (&broken, true, "", "missing", "others can read it"),
        ] {
            let (found, detail) = judged(state, rotating, key);
            assert!(found == expected && detail.contains(words), "{found}: {detail}");
        }
    }
}
