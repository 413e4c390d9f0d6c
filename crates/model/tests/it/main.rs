//! The three dialects against the scripted model, which enforces what the real providers enforce.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::wildcard_enum_match_arm,
    reason = "tests: failing loudly is the point, and only some parts matter to each"
)]

mod conformance;
mod faults;
mod raw;
mod replay;
mod world;
