//! The kit of the end-to-end tests: a real server process, a scripted model, sample repositories.
//!
//! [`world::World`] is one server with all that belongs to it. The binary is the one that `ERRAND_BIN`
//! names, else the one beside the tests. Tests speak to it over the public API only ([`api`], [`sse`])
//! and look at the host from outside ([`host`]).
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a kit of tests: a panic is how they fail, and a real process is what they test"
)]

pub mod world;
pub mod process;
pub mod api;
pub mod sse;
pub mod watch;
pub mod samples;
pub mod host;
pub mod victim;
pub mod disk;
pub mod wire;
pub mod count;
