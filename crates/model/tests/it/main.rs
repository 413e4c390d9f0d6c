//! The three dialects against the scripted model, which enforces what the real providers enforce.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod conformance;
mod faults;
mod replay;
mod world;
