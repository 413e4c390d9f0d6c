//! The loop against a real HTTP model, a real directory with real commands, and a log in memory.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    clippy::print_stdout,
    reason = "tests: a panic is how they fail"
)]

mod crash;
mod limits;
mod people;
mod tools;
mod turns;
mod world;
