//! What people do at a forge that starts or steers an agent: who may, what they asked for, and what of it is only data.
//!
//! ```text
//!   inbox: delivery ─ signature ─► Event ─┐
//!   known: may they push? whose agent? ───┴─► decide ─► Act ─► carry ─► agent
//!                                   command ◄──┴──► untrusted           │
//!                                                            tell ◄─────┘  one comment in the thread
//! ```
//!
//! [`work`] takes what waits in the [`inbox`] from the one to the other, one at a time for each repository;
//! [`threads`] is what is remembered. `decide`, `command` and `untrusted` are pure.
//!
//! TRUST: only [`command`] makes words of a comment into an order, and only [`decide`] says whose. Everything else that
//! stands in an issue, a comment or a log reaches a model through [`untrusted`].

mod carry;
pub mod command;
pub mod decide;
pub mod inbox;
mod known;
mod markdown;
pub mod tell;
#[cfg(test)]
mod tests;
pub mod threads;
pub mod untrusted;
pub mod work;
