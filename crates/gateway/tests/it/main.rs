//! The gateway through real sockets: a hostile client on one side, real git and real servers on
//! the other.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests are not seen as tests by clippy"
)]

mod dns;
mod flow;
mod git;
mod models;
mod opened;
mod proxy;
mod transparent;
mod world;
