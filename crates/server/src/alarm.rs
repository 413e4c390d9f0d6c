//! The alarm clock: finds the agents that have something to do, after a restart and as time passes.

use crate::app::App;
use crate::clock::now_ms;
use crate::driver;
use std::sync::Arc;
use std::time::Duration;

/// How often the store is asked; drivers that are awake keep their own time.
const ROUND: Duration = Duration::from_secs(2);

/// Rings until the server ends.
pub async fn ring(app: Arc<App>) {
    loop {
        match app.store.agents_to_wake(now_ms()).await {
            Ok(keys) => {
                for key in keys {
                    let handle = app.agents.handle(&key.org, key.agent);
                    driver::wake(&app, &handle);
                }
            }
            Err(error) => tracing::warn!(%error, "the alarm clock cannot read the store"),
        }
        tokio::select! {
            () = tokio::time::sleep(ROUND) => {}
            () = app.shutdown.cancelled() => return,
        }
    }
}
