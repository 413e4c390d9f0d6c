//! The life of an agent: three functions without IO, clock or randomness.
//!
//! `accept(state, input, now) -> events | refusal`, `apply(state, event)`, `plan(state, now) -> plan`.

pub mod effect;
