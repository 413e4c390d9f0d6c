//! The server through its real router, over loopback: signing in, the hard shell, the live socket,
//! what reaches machines.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that finds something else has failed"
)]

mod audit;
mod browser;
mod door;
mod environments;
mod kit;
mod live;
mod machine;
mod publishing;
mod secrets;
mod settings;
