//! The forges on real repositories: a remote without an API, and hosts with one.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests are not seen as tests by clippy"
)]

mod accounts;
mod bare;
mod fixture;
mod hosts;
mod issues;
mod openapi;
mod clients;
mod publishing;
mod strange;
mod webhooks;
