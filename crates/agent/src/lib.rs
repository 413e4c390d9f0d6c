//! The life of an agent: three functions without IO, clock or randomness.
//!
//! `accept(state, input, now) -> events | refusal`, `apply(state, event)`, `plan(state, now) -> plan`.
//!
//! Read in this order: [`state`] holds the diagram, [`mod@accept`] is the door, [`mod@apply`] the fold,
//! [`mod@plan`] what comes next, [`effect`] what a driver is told to do; [`flow`] what an agent
//! has read and could carry out; [`fork`] what another agent
//! may go on with.

pub mod accept;
pub mod apply;
pub mod effect;
pub mod flow;
pub mod fork;
pub mod plan;
pub mod state;

pub use accept::accept;
pub use apply::apply;
pub use plan::plan;
pub use state::State;

#[cfg(test)]
#[expect(clippy::wildcard_enum_match_arm, reason = "a test looks for the one event it is about")]
mod tests;
