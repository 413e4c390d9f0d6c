//! What people do at a forge that starts or steers an agent: who may, what they asked for, and what of it is only data.
//!
//! ```text
//!   delivery ─ signature ─► Event ─┐
//!   forge: may they push? ─────────┼─► decide ─► Act      pure; carried out elsewhere
//!   what we know of the thread ────┘     │
//!                        command ◄───────┴──────► untrusted
//! ```
//!
//! TRUST: only [`command`] makes words of a comment into an order, and only [`decide`] says whose. Everything else that
//! stands in an issue, a comment or a log reaches a model through [`untrusted`].

pub mod command;
pub mod decide;
mod markdown;
#[cfg(test)]
mod tests;
pub mod untrusted;
