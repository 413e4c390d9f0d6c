//! The gateway through real sockets: a hostile client on one side, real git and real servers on
//! the other.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "helpers of tests are not seen as tests by clippy, and what is skipped is said"
)]

mod dns;
mod flow;
mod git;
mod large_files;
mod models;
mod opened;
mod proxy;
mod transparent;
mod witness;
mod world;
