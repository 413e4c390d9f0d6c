//! The crate against real git and temporary repositories.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests, whose helpers stand outside of test functions"
)]

mod fixture;
mod handover;
mod import;
mod making;
mod mirroring;
mod pushing;
mod reading;
mod remotes;
mod serving;
mod worktree;
