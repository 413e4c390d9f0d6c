//! What every backend must do alike. Each function takes an empty store of the backend under test.

mod appending;
mod fixtures;
mod listing;
mod rest;

use fixtures::{agent_row, noticed};
pub(crate) use fixtures::{append, opened, org, run_row};

use crate::Store;

/// Runs everything on one store, in organisations of its own.
pub(crate) async fn conformance(store: &Store) {
    appending::run(store).await;
    listing::run(store).await;
    rest::run(store).await;
}
