//! The real binary from outside: its API, its sandboxes, its git, its crashes.
//!
//! Counts are small by default; `ERRAND_TEST_COUNTS=full` runs them in full.
#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "tests: a panic is how they fail, figures are printed"
)]

mod life;
mod metadata;
mod privileges;
mod refusals;
mod failures;
mod disk;
mod spending;
mod restores;
mod saved;
mod snapshots;
mod streams;
mod crashes;
mod dependencies;
mod large_files;
mod kills;
mod cancels;
mod git_matrix;
mod isolation;
mod runtimes;
mod shared;
mod transparent;
mod gate;
mod grants;
mod audit;
mod threats;
mod phases;
mod aws;
mod vault;
mod machine;
mod environments;
mod base;
mod images;
mod dockerfiles;
mod builds;
mod checks;
mod sdk;
mod foreign;
mod forges;
mod triggers;
mod updates;
mod sync;
mod hands;
mod resume;
