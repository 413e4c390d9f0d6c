//! Everything Errand remembers: the log of events, projections of it, leases, outbox, sealed
//! values, blobs, keys and the audit log, in one database and one folder.
//!
//! ```text
//!   append ──► writer (group commit) ──► log + records + sealed + outbox, one transaction
//!   read   ◄── reader connections                  └─► `Store::committed`: wake-ups, no data
//! ```
//!
//! One SQL text serves every backend: types are text, bigint and blob; placeholders `$1`; DDL lives
//! in a migration folder per backend. One more text says the common append to SQLite in one request
//! (`at_once`). No clock and no background work: times are arguments.
//! Every function that reaches a tenant's data takes its organisation.

mod append;
mod at_once;
pub mod audit;
pub mod blob;
mod erase;
pub mod error;
pub mod keys;
pub mod kv;
pub mod lease;
pub mod log;
pub mod open;
pub mod outbox;
pub mod records;
mod reserve;
pub mod sealed;
mod sql;
mod tips;
pub mod vault;
mod writer;

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod tests;

pub use error::Error;
pub use open::{Committed, Store};
