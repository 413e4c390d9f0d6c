//! The gateway through real sockets: a hostile client on one side, real git and real servers on
//! the other.

mod git;
mod proxy;
mod world;
