//! The crate against real git and temporary repositories.

mod fixture;
mod import;
mod making;
mod mirroring;
mod pushing;
mod reading;
mod remotes;
mod serving;
mod timing;
